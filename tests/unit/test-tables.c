#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/keys.h"
#include "generator/tables.h"

static enum err nothing(struct command_run *run)
{
	(void)run;
	return ERR_OK;
}

static const struct opt options[] = {
    COMMAND_OPT_DIR,
    COMMAND_OPT_ENV,
    {.name = "port",
	.kind = OPT_INT,
	.arg = "N",
	.min = 1,
	.max = 9,
	.help = "listen"},
    {.name = "set", .kind = OPT_LIST, .arg = "K=V", .help = "set it."},
    {.name = "format",
	.kind = OPT_STRING,
	.arg = "KIND",
	.choices = "text|github|aws",
	.help = "the form"},
    {.name = NULL},
};
static const struct command busy = {.name = "busy",
    .operands = "FILE",
    .help = "be busy",
    .options = options,
    .run = nothing,
    .runs_on = true};
static const struct opt no_options[] = {{.name = NULL}};
static const struct command idle = {.name = "idle",
    .help = "do nothing",
    .options = no_options,
    .run = nothing,
    .hidden = true};
static const struct command *const commands[] = {&busy, &idle};

static struct arena arena;
static struct value *tree;

static int make(void **state)
{
	(void)state;
	tree = tables_value(&arena, commands, 2);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct value *row(
    const struct value *array, const char *key, const char *text)
{
	for (size_t i = 0; i < array->as.array.n; i++)
		if (str_is(value_text(array->as.array.items[i], key), text))
			return array->as.array.items[i];
	fail_msg("no row with %s = %s", key, text);
	return NULL;
}

static const char *text(const struct value *table, const char *key)
{
	const struct value *v = value_get(table, key);

	assert_non_null(v);
	if (v->kind == VALUE_NULL)
		return "null";
	assert_int_equal(v->kind, VALUE_STRING);
	return arena_cstr(&arena, v->text);
}

static bool is(const struct value *table, const char *key)
{
	const struct value *v = value_get(table, key);

	assert_non_null(v);
	assert_int_equal(v->kind, VALUE_BOOL);
	return v->as.b;
}

static void of_commands(void **state)
{
	(void)state;
	const struct value *c =
	    row(value_get(tree, "commands"), "name", "busy");
	assert_string_equal(text(c, "operands"), "FILE");
	assert_string_equal(text(c, "completes"), "files");
	assert_string_equal(text(c, "sentence"), "Be busy.");
	assert_true(is(c, "has_own"));
	assert_true(is(c, "is_busy"));
	assert_false(is(tree, "is_busy"));
	assert_false(is(c, "hidden"));
	assert_int_equal(value_get(c, "own")->as.array.n, 5);
	c = row(value_get(tree, "commands"), "name", "idle");
	assert_string_equal(text(c, "operands"), "null");
	assert_string_equal(text(c, "completes"), "null");
	assert_false(is(c, "has_own"));
	assert_true(is(c, "hidden"));
}

static void of_options(void **state)
{
	(void)state;
	const struct value *all = value_get(
	    row(value_get(tree, "commands"), "name", "busy"), "options");
	const struct value *o = row(all, "name", "dir");
	assert_string_equal(text(o, "letter"), "C");
	assert_string_equal(text(o, "completes"), "folders");
	assert_string_equal(text(o, "command"), "busy");
	assert_true(is(o, "is_busy_dir"));
	assert_string_equal(
	    text(row(all, "name", "env"), "completes"), "environments");
	o = row(all, "name", "port");
	assert_string_equal(text(o, "letter"), "null");
	assert_string_equal(text(o, "completes"), "null");
	assert_int_equal(value_get(o, "max")->as.i, 9);
	o = row(all, "name", "set");
	assert_true(is(o, "repeats"));
	assert_string_equal(text(o, "sentence"), "Set it.");
	/* its own row stands for the common one */
	o = row(all, "name", "format");
	assert_string_equal(text(o, "values"), "text, github or aws");
	assert_int_equal(value_get(o, "choices")->as.array.n, 3);
	size_t formats = 0;
	for (size_t i = 0; i < all->as.array.n; i++) {
		struct str name = value_text(all->as.array.items[i], "name");
		formats += str_is(name, "format");
		/* it runs on, so there is nothing to print */
		assert_false(str_is(name, "json"));
	}
	assert_int_equal(formats, 1);
	o = row(all, "name", "quiet");
	assert_false(is(o, "takes_value"));
	assert_string_equal(text(o, "arg"), "null");
}

static void of_keys(void **state)
{
	const struct value *keys = value_get(tree, "keys");
	size_t n = 0;

	(void)state;
	while (key_rows[n].pattern)
		n++;
	assert_int_equal(keys->as.array.n, n);
	const struct value *k = row(keys, "pattern", "api.*.deadline");
	assert_string_equal(text(k, "name"), "deadline");
	assert_string_equal(text(k, "range"), "from 1s to 30d");
	assert_string_equal(text(k, "default"), "\"15m\"");
	assert_string_equal(text(k, "example"), "\"15m\"");
	assert_string_equal(text(k, "page"), "api");
	assert_true(is(k, "is_api_NAME_deadline"));
	assert_false(is(tree, "is_api_NAME_deadline"));
	k = row(keys, "pattern", "server.kinds");
	assert_string_equal(text(k, "kind"), "enums");
	assert_string_equal(text(k, "default"), "[\"nginx\"]");
	k = row(keys, "pattern", "oauth.*.kind");
	assert_non_null(strstr(text(k, "type"), "one of oidc, cognito"));
	assert_string_equal(text(k, "page"), "site");
	k = row(keys, "pattern", "api.*.on_lost");
	assert_string_equal(text(k, "type"), "one of retry, fail or hold");
	assert_string_equal(text(k, "default"), "null");
	assert_string_equal(text(k, "example"), "\"retry\"");
	assert_true(is(row(keys, "pattern", "name"), "required"));
	assert_string_equal(
	    text(row(keys, "pattern", "upstream.*"), "name"), "NAME");
}

/* Every row is in one table, or is one, or is told with one. */
static void of_sections(void **state)
{
	const struct value *tables = value_get(tree, "tables");
	const struct value *keys = value_get(tree, "keys");
	size_t told = 0;

	(void)state;
	for (size_t i = 0; i < tables->as.array.n; i++) {
		const struct value *t = tables->as.array.items[i];
		size_t own = value_get(t, "keys")->as.array.n;
		told += own + value_get(t, "above")->as.array.n +
			(value_get(t, "pattern")->kind == VALUE_STRING);
		assert_int_equal(is(t, "has_keys"), own > 0);
		assert_true(is(t, "on_site") != is(t, "on_api"));
	}
	assert_int_equal(told, keys->as.array.n);
	const struct value *t = row(tables, "pattern", "oauth.*.variant.*");
	assert_string_equal(text(t, "heading"), "[oauth.NAME.variant.OTHER]");
	assert_string_equal(text(t, "like"), "[oauth.NAME]");
	assert_int_equal(value_get(t, "above")->as.array.n, 1);
	t = row(tables, "pattern", "api.*.body");
	assert_string_equal(text(t, "heading"), "[api.NAME.body]");
	assert_true(is(t, "on_api"));
	assert_string_equal(text(t, "like"), "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_commands),
	    cmocka_unit_test(of_options),
	    cmocka_unit_test(of_keys),
	    cmocka_unit_test(of_sections),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tables", tests, make, wipe);
}
