#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/store/boot.h"

static void offsets(void **unused)
{
	static const struct offset_case {
		const char *text;
		int64_t seconds, nanoseconds;
	} cases[] = {
	    {"", 0, 0},
	    {"monotonic           0         0\n"
	     "boottime            0         0\n",
		0, 0},
	    {"monotonic           5         7\n"
	     "boottime        -3600 500000000\n",
		-3600, 500000000},
	    {"boottime 1 2", 1, 2}, /* no newline, another order */
	    {"boottime 1 2\nmonotonic 3 4\n", 1, 2},
	    {"monotonic 3 4\n", 0, 0},
	    {"boottime\nboottime x y\n", 0, 0},
	    {"not boottime 1 2\n", 0, 0},
	    {"\n\n\n", 0, 0},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t s = 9, ns = 9;
		boot_offset(str_of(cases[i].text), &s, &ns);
		assert_int_equal(s, cases[i].seconds);
		assert_int_equal(ns, cases[i].nanoseconds);
	}
}

/* Not to be read past its end, whatever stands behind it. */
static void a_view_is_no_string(void **unused)
{
	const struct str cut = {.p = "boottime 1 23456", .n = 12};
	int64_t s, ns;

	(void)unused;
	boot_offset(cut, &s, &ns);
	assert_int_equal(s, 1);
	assert_int_equal(ns, 2);
}

static void this_boot(void **unused)
{
	char one[BOOT_IDENTITY_MAX], two[BOOT_IDENTITY_MAX];

	(void)unused;
	assert_int_equal(boot_identity(one), ERR_OK);
	assert_int_equal(boot_identity(two), ERR_OK);
	assert_string_equal(one, two);
	assert_int_equal(strcspn(one, "+"), 36); /* a UUID */
	assert_non_null(strchr(one, '.'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(offsets),
	    cmocka_unit_test(a_view_is_no_string),
	    cmocka_unit_test(this_boot),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
