#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/value.h"

static struct arena arena;

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct value *table(void)
{
	return value_new(&arena, VALUE_TABLE, POS_NONE);
}

static void set(struct value *t, const char *key, struct value *v)
{
	value_set(&arena, t, str_of(key), (struct pos){"f", 1, 2}, v);
}

static void tables_keep_order(void **state)
{
	struct value *t = table();
	char key[8];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", (i * 37) % 100);
		set(t, arena_cstr(&arena, str_of(key)),
		    value_int(&arena, i, POS_NONE));
	}
	assert_int_equal(t->as.table.n, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", (i * 37) % 100);
		assert_true(str_is(t->as.table.members[i].key, key));
		assert_true(value_get(t, key)->as.i == i);
	}
	/* setting again replaces in place */
	set(t, "k37", value_bool(&arena, true, POS_NONE));
	assert_int_equal(t->as.table.n, 100);
	assert_int_equal(t->as.table.members[1].value->kind, VALUE_BOOL);
	assert_int_equal(value_member(t, STR("k37"))->pos.col, 2);
}

/* More members than are looked at one by one, and names that are alike. */
static void wide_tables(void **state)
{
	struct value *t = table();
	const int n = 5000;

	(void)state;
	for (int i = 0; i < n; i++) {
		assert_null(value_member(t, arena_printf(&arena, "key%d", i)));
		set(t, arena_printf(&arena, "key%d", i).p,
		    value_int(&arena, i, POS_NONE));
	}
	for (int i = 0; i < n; i++) {
		const char *key = arena_printf(&arena, "key%d", i).p;
		assert_true(value_get(t, key)->as.i == i);
		assert_true(str_is(t->as.table.members[i].key, key));
		set(t, key, value_int(&arena, -i, POS_NONE));
		assert_true(value_get(t, key)->as.i == -i);
	}
	assert_int_equal(t->as.table.n, n);
	assert_null(value_get(t, "key"));
	assert_null(value_get(t, ""));
	t->as.table.n--; /* as an owner may */
	assert_null(value_get(t, "key4999"));
	set(t, "other", value_bool(&arena, true, POS_NONE));
	assert_null(value_get(t, "key4999"));
	assert_true(value_get(t, "other")->as.b);
	assert_int_equal(t->as.table.n, n);
}

static void arrays_grow(void **state)
{
	struct value *a = value_new(&arena, VALUE_ARRAY, POS_NONE);

	(void)state;
	for (int i = 0; i < 100; i++)
		value_push(&arena, a, value_int(&arena, i, POS_NONE));
	assert_int_equal(a->as.array.n, 100);
	for (int i = 0; i < 100; i++)
		assert_true(a->as.array.items[i]->as.i == i);
}

static void paths(void **state)
{
	struct value *t = table(), *oauth = table(), *cognito = table();

	(void)state;
	set(t, "oauth", oauth);
	set(oauth, "cognito", cognito);
	set(cognito, "kind", value_string(&arena, STR("x"), POS_NONE));
	assert_true(str_is(value_path(t, "oauth.cognito.kind")->text, "x"));
	assert_ptr_equal(value_path(t, "oauth"), oauth);
	assert_null(value_path(t, "oauth.hmrc.kind"));
	assert_null(value_path(t, "oauth.cognito.kind.more"));
	assert_null(value_path(t, ""));
	assert_null(value_path(NULL, "a"));
	assert_null(value_get(NULL, "a"));
	assert_null(value_get(value_path(t, "oauth.cognito.kind"), "a"));
	assert_true(str_is(value_text(cognito, "kind"), "x"));
	assert_int_equal(value_text(t, "oauth").n, 0);
	assert_int_equal(value_text(t, "none").n, 0);
}

static bool spells(const struct value *v, const char *want)
{
	return str_is(value_spell(&arena, v), want);
}

static void spelling(void **state)
{
	struct value *f = value_float(&arena, 1.1, POS_NONE);

	(void)state;
	assert_true(spells(f, "1.1"));
	f->text = STR("1.10");
	assert_true(spells(f, "1.10"));
	assert_true(spells(
	    value_float(&arena, 0.1 + 0.2, POS_NONE), "0.30000000000000004"));
	assert_true(spells(value_float(&arena, 0.0 / 0.0, POS_NONE), "nan"));
	assert_true(spells(value_float(&arena, -1 / 0.0, POS_NONE), "-inf"));
	assert_true(spells(
	    value_int(&arena, INT64_MIN, POS_NONE), "-9223372036854775808"));
	assert_true(spells(value_bool(&arena, false, POS_NONE), "false"));
	assert_true(spells(value_string(&arena, STR("s"), POS_NONE), "s"));
	assert_true(spells(table(), ""));
	assert_true(spells(value_new(&arena, VALUE_NULL, POS_NONE), ""));
	for (int k = VALUE_NULL; k <= VALUE_TABLE; k++)
		assert_true(strlen(value_kind_name((enum value_kind)k)) > 3);
}

#define TEST(f) cmocka_unit_test_teardown(f, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(tables_keep_order),
	    TEST(wide_tables),
	    TEST(arrays_grow),
	    TEST(paths),
	    TEST(spelling),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
