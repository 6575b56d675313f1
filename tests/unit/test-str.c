#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

static const struct str empty = {NULL, 0};

static void equality(void **state)
{
	(void)state;
	assert_true(str_eq(empty, STR("")));
	assert_true(str_is(empty, ""));
	assert_true(str_eq(str_of(NULL), empty));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_false(str_is(STR("a\0"), "a"));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_ieq(STR("AbZ-\xc3"), STR("aBz-\xc3")));
	assert_false(str_ieq(STR("@["), STR("`{"))); /* letters only */
	assert_false(str_ieq(STR("a"), STR("ab")));
	assert_true(str_ieq(empty, STR("")));
}

static void ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("abc"), "ab"));
	assert_true(str_starts(empty, ""));
	assert_false(str_starts(STR("a"), "ab"));
	assert_true(str_ends(STR("abc"), "bc"));
	assert_true(str_ends(empty, ""));
	assert_false(str_ends(STR("c"), "bc"));
	assert_false(str_ends(STR("abd"), "bc"));
}

static void order(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(empty, STR("")), 0);
	assert_true(str_cmp(empty, STR("a")) < 0);
}

static void slices(void **state)
{
	(void)state;
	struct str s = STR("hello");
	assert_true(str_is(str_slice(s, 1, 3), "el"));
	assert_true(str_is(str_slice(s, 0, 99), "hello"));
	assert_true(str_is(str_slice(s, 3, 1), ""));
	assert_true(str_is(str_slice(s, 9, 99), ""));
	assert_int_equal(str_slice(empty, 0, 5).n, 0);
	assert_int_equal(str_find(s, 'l', 0), 2);
	assert_int_equal(str_find(s, 'l', 3), 3);
	assert_int_equal(str_find(s, 'l', 4), 5);
	assert_int_equal(str_find(s, 'h', 99), 5);
	assert_int_equal(str_find(empty, 'h', 0), 0);
	assert_true(str_is(str_trim(STR(" \t\r\nx y\n ")), "x y"));
	assert_int_equal(str_trim(STR(" \n ")).n, 0);
	assert_int_equal(str_trim(empty).n, 0);
}

static void numbers(void **state)
{
	static const int64_t some[] = {0, 1, 9, 10, 99, 100, -1, -9, -10,
	    1795249800000, INT64_MAX, INT64_MIN, INT64_MIN + 1};
	char got[STR_INT_MAX], want[32];

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		int n =
		    snprintf(want, sizeof(want), "%lld", (long long)some[i]);
		assert_int_equal(str_int(got, some[i]), n);
		assert_memory_equal(got, want, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equality),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(order),
	    cmocka_unit_test(slices),
	    cmocka_unit_test(numbers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
