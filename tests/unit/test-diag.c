#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/diag.h"

static struct arena arena;
static struct diag diag;

static int fresh(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static char *printed(void)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	diag_print(&diag, out);
	fclose(out);
	char *copy = arena_cstr(&arena, (struct str){text, n});
	free(text);
	return copy;
}

static struct pos at(const char *file, uint32_t line, uint32_t col)
{
	return (struct pos){file, line, col};
}

static void in_order_of_place(void **state)
{
	char file[] = "b.toml";

	(void)state;
	diag_error(&diag, at(file, 9, 1), "later", "%s", "x");
	diag_error(&diag, at(file, 2, 30), "col", "x");
	diag_warn(&diag, at(file, 2, 4), "early", "%d of %s", 1, "two");
	diag_error(&diag, POS_FILE("a.toml"), "whole", "x; do y");
	diag_error(&diag, POS_NONE, "none", "x");
	strcpy(file, "?"); /* names and texts were copied */
	assert_int_equal(diag.errors, 4);
	assert_int_equal(diag.warnings, 1);
	assert_string_equal(printed(), "none: x\n"
				       "a.toml: whole: x; do y\n"
				       "b.toml:2:4: warning: early: 1 of two\n"
				       "b.toml:2:30: col: x\n"
				       "b.toml:9:1: later: x\n");
}

/* A file is its name, wherever that lies. */
static void places_are_equal(void **state)
{
	char file[] = "b.toml";

	(void)state;
	assert_true(pos_eq(at(file, 2, 3), at("b.toml", 2, 3)));
	assert_false(pos_eq(at(file, 2, 3), at("a.toml", 2, 3)));
	assert_false(pos_eq(at(file, 2, 3), at(file, 3, 3)));
	assert_false(pos_eq(at(file, 2, 3), at(file, 2, 2)));
	assert_false(pos_eq(at(file, 0, 0), POS_NONE));
	assert_true(pos_eq(POS_NONE, POS_NONE));
}

static void empty_and_absent(void **state)
{
	(void)state;
	assert_string_equal(printed(), "");
	diag_error(NULL, POS_NONE, "nobody", "listens");
	diag_warn(NULL, POS_NONE, "nobody", "listens");
}

static void more_than_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < DIAG_MAX + 7; i++) {
		assert_true(diag_is_full(&diag) == (i >= DIAG_MAX));
		diag_error(&diag, POS_NONE, "n", "%d", i);
	}
	assert_true(diag_is_full(NULL));
	assert_int_equal(diag.errors, DIAG_MAX + 7);
	char *text = printed();
	assert_null(strstr(text, "n: 1000\n"));
	assert_non_null(strstr(text, "n: 999\n… and 7 more\n"));
}

static void one_line_whatever_it_holds(void **state)
{
	(void)state;
	diag_error(&diag, POS_FILE("a\nb.toml"), "odd", "x\x1b[1m\ty\x7f, é");
	assert_string_equal(
	    printed(), "a\\nb.toml: odd: x\\x1b[1m\\x09y\\x7f, é\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(in_order_of_place),
	    TEST(places_are_equal),
	    TEST(empty_and_absent),
	    TEST(more_than_are_kept),
	    TEST(one_line_whatever_it_holds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
