#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/upstream/kept.h"

static struct arena arena;
static struct kept kept;

static int set_up(void **state)
{
	(void)state;
	kept_init(&arena, &kept);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct str long_value(size_t n)
{
	char *text = arena_alloc(&arena, n);

	memset(text, 'v', n);
	return (struct str){text, n};
}

static void one_list(void **state)
{
	(void)state;
	kept_add(&kept, STR("a"), STR("1"));
	kept_add(&kept, STR("b"), STR("  2\t"));
	kept_add(&kept, STR("b"), STR("3, 4"));
	assert_int_equal(kept.headers.n, 2);
	assert_true(str_is(kept.headers.items[0].value, "1"));
	assert_true(str_is(kept.headers.items[1].value, "2, 3, 4"));
	assert_int_equal(kept.bytes, 2 + 2 + 6);
}

static void nothing_that_breaks_out(void **state)
{
	static const char *const values[] = {
	    "", " ", "a\r\nb: c", "a\nb", "a\tb", "\x01", "a\x7f"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		kept_add(&kept, STR("a"), str_of(values[i]));
	kept_add(&kept, STR("a"), (struct str){"x\0y", 3});
	assert_int_equal(kept.headers.n, 0);
	assert_true(kept.cut);
	kept_add(&kept, STR("a"), STR("caf\xe9"));
	assert_int_equal(kept.headers.n, 1);
}

/* What does not fit is left out; what comes behind it may. */
static void so_much_in_all(void **state)
{
	(void)state;
	kept_add(&kept, STR("a"), STR(" "));
	assert_false(kept.cut);
	kept_add(&kept, STR("a"), long_value(UPSTREAM_KEPT_MAX));
	assert_int_equal(kept.headers.n, 0);
	assert_true(kept.cut);
	kept_add(&kept, STR("a"), long_value(UPSTREAM_KEPT_MAX - 10));
	assert_int_equal(kept.headers.n, 1);
	kept_add(&kept, STR("a"), long_value(8));
	assert_int_equal(kept.headers.items[0].value.n, UPSTREAM_KEPT_MAX - 10);
	kept_add(&kept, STR("a"), long_value(7));
	assert_int_equal(kept.bytes, UPSTREAM_KEPT_MAX);
	kept_add(&kept, STR("b"), STR("1"));
	assert_int_equal(kept.headers.n, 1);
}

static void so_many(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * UPSTREAM_KEPT_HEADERS; i++)
		kept_add(&kept, arena_printf(&arena, "x-%d", i), STR("1"));
	assert_int_equal(kept.headers.n, UPSTREAM_KEPT_HEADERS);
	kept_add(&kept, kept.headers.items[kept.headers.n - 1].name, STR("2"));
	assert_true(str_is(
	    kept.headers.items[UPSTREAM_KEPT_HEADERS - 1].value, "1, 2"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(one_list),
	    CASE(nothing_that_breaks_out),
	    CASE(so_much_in_all),
	    CASE(so_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
