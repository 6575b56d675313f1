#include "generator/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "generator/toml.h"
#include "lib/buf.h"

/* What is wrong, with its place, is in tests/golden/bad-schema*. */
struct world {
	struct arena arena;
	struct diag diag;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	arena_init(&w->arena);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	arena_release(&w->arena);
	free(w);
	return 0;
}

static struct value *toml(struct world *w, const char *file, const char *text)
{
	struct value *v;

	diag_init(&w->diag, &w->arena);
	if (toml_read(&w->arena, str_of(text), file, &w->diag, &v) != ERR_OK)
		fail_msg("%s: %s", text, w->diag.first->text.p);
	return v;
}

/* What is said of a catalogue, a line each; "" for a good one. */
static const char *check(
    struct world *w, const char *schema_text, const char *text)
{
	char *said = NULL;
	size_t n = 0;
	struct schema schema;
	const struct value *rules = toml(w, "s", schema_text);
	const struct value *catalogue = toml(w, "c", text);

	if (schema_read(&w->arena, rules, &w->diag, &schema) == ERR_OK)
		schema_check(&schema, catalogue, &w->diag);
	FILE *out = open_memstream(&said, &n);
	diag_print(&w->diag, out);
	fclose(out);
	const char *copy = arena_cstr(&w->arena, str_of(said));
	free(said);
	return copy;
}

static void good(void **state)
{
	static const char *const pairs[][2] = {
	    {"", "version = '1.0.0'"},
	    {"a = 'string'", ""},
	    {"a = 'any'", "a = { b = [1, { c = 2 }] }"},
	    {"a = 'table'", "a = { b = 1 }"},
	    {"a = 'array'", "a = [1, 'x', { y = 1 }]"},
	    {"a = 'date'", "a = 2026-11-21"},
	    {"a = 'date'", "a = 10:00:00"},
	    {"a = 'number'", "a = 1"},
	    {"a = 'number'", "a = 1.5"},
	    {"'a.b' = 'string'", "a = { b = 'x' }"},
	    {"'*' = 'any'", "version = '1.0.0'\nwhatever = 1"},
	    /* a rule for one name beside that for all */
	    {"'a.*.x' = 'integer'\n'a.b.y' = 'integer'",
		"a = { b = { x = 1, y = 2 }, c = { x = 1 } }"},
	    {"'a.*' = { type = 'string', pattern = 'x|y' }", "a = ['x', 'y']"},
	    {"a = { pattern = '[^/]*' }", "a = ''"},
	    {"a = { pattern = '.*' }", "a = '€ and ü'"},
	    {"a = { min = 1, max = 1 }", "a = '€'"},
	    {"a = { enum = [1] }", "a = 1.0"},
	    {"a = { enum = [2026-11-21, true] }", "a = true"},
	    {"a = { min = -9223372036854775808, max = 9223372036854775807 }",
		"a = 9223372036854775807"},
	    /* what is below is missing only where its parent is there */
	    {"'a.b' = { required = true }", ""},
	    {"'a.*.b' = { required = true }", "a = {}"},
	    /* each group has values of its own */
	    {"'a.*.b.*' = { unique = true }",
		"a = [{ b = [1, 2] }, { b = [1, 2] }]"},
	    {"'a.*.b.*.id' = { unique = true }",
		"a = { x = { b = [{ id = 1 }] }, y = { b = [{ id = 1 }] } }"},
	    {"'a.*' = { unique = true }", "a = [1, '1', 1.5, true]"},
	    {"'a.*' = { references = 'b.*' }\n'b.*' = 'any'",
		"a = ['x', 'y']\nb = { x = 1, y = {} }"},
	    {"a = { references = 'b.*' }\n'b.*' = 'any'", "a = 2\nb = [1, 2]"},
	    {"a = { references = 'b.*.id' }\n'b.*.id' = 'any'",
		"a = 'q'\nb = [{ id = 'p' }, {}, { id = 'q' }]"},
	    {"'n.*.next' = { references = 'n.*' }", "n.a.next = 'a'"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *said = check(*state, pairs[i][0], pairs[i][1]);
		if (*said)
			fail_msg("%s\n%s\n%s", pairs[i][0], pairs[i][1], said);
	}
}

static void bad(void **state)
{
	static const char *const rows[][3] = {
	    {"a = 'integer'", "a = 1.0", "c:1:5: wrong-type: "},
	    {"a = 'number'", "a = '1'", "c:1:5: wrong-type: "},
	    {"a = 'string'", "version = 1\nb = 1", "c:2:1: unknown-key: "},
	    {"'a.b' = 'string'", "a = { c = 1 }", "c:1:7: unknown-key: "},
	    {"'a.b' = 'string'", "a = [1]", "c:1:5: wrong-type: "},
	    {"'a.*' = 'string'", "a = 'x'", "c:1:5: wrong-type: "},
	    {"'a.*' = { required = true }", "a = []", "c:1:5: missing-key: "},
	    {"'a.*.b' = { required = true }", "a = [{}, { b = 1 }]",
		"c:1:6: missing-key: `b` is missing in `a[0]`"},
	    {"a = { pattern = 'x|y' }", "a = 'xy'", "bad-value"},
	    {"a = { pattern = 'x|y' }", "a = 'ay'", "bad-value"},
	    {"a = { pattern = 'x' }", "a = \"x\\u0000y\"", "bad-value"},
	    {"a = { pattern = 'x' }", "a = \"x\\n\"", "bad-value"},
	    {"a = { pattern = 'x' }", "a = 1", "wrong-type"},
	    {"a = { min = 0 }", "a = nan", "bad-value: `a` is nan"},
	    {"a = { max = 1 }", "a = nan", "bad-value: `a` is nan"},
	    {"a = { max = 9007199254740992 }", "a = 9007199254740993",
		"bad-value: `a` is 9007199254740993"},
	    {"a = { min = 2 }", "a = '€'", "has 1 characters"},
	    {"a = { enum = ['1'] }", "a = 1", "cannot be 1; it may be: \"1\""},
	    {"'a.*' = { unique = true }", "a = [1, 2, 1]",
		"c:1:12: not-unique: `a[2]` is 1, and so is `a[0]`"},
	    {"'a.*.b.*' = { unique = true }",
		"a = [{ b = [1, 2] }, { b = [2, 2] }]",
		"c:1:32: not-unique: `a[1].b[1]`"},
	    {"'a.*' = { references = 'b.*' }\n'b.*' = 'any'",
		"a = ['x']\nb = ['y']", "c:1:6: unknown-reference: "},
	    {"a = { references = 'b.*.id' }\n'b.*.id' = 'any'", "a = 'q'",
		"c:1:5: unknown-reference: "},
	    {"a = { references = 'b.*' }\n'b.*' = 'any'", "a = 1\nb = ['1']",
		"c:1:5: unknown-reference: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *said = check(*state, rows[i][0], rows[i][1]);
		const char *end = strchr(said, '\n');
		if (!strstr(said, rows[i][2]) || !end || end[1])
			fail_msg(
			    "%s\n%s\nsaid: %s", rows[i][0], rows[i][1], said);
	}
}

/* Expressions that make others slow; texts that are too long. */
static void expressions_are_bounded(void **state)
{
	struct world *w = *state;
	struct buf text = {0};
	const char *said;

	buf_puts(&text, "a = '");
	for (int i = 0; i < 5000; i++)
		buf_putc(&text, 'a');
	buf_puts(&text, "'");
	said = check(w, "a = { pattern = '(a*)*b' }", text.data);
	assert_non_null(strstr(said, "bad-value"));
	said = check(w, "a = { pattern = '(a|aa)+' }", text.data);
	assert_string_equal(said, "");
	text.len--;
	for (int i = 0; i < 70000; i++)
		buf_putc(&text, 'a');
	buf_puts(&text, "'");
	said = check(w, "a = { pattern = 'a*' }", text.data);
	assert_non_null(strstr(said, "bad-value"));
	buf_release(&text);
	static const char *const refused[] = {"a = { pattern = '(a)\\1' }",
	    "a = { pattern = '(a{32}){32}' }", "a = { pattern = 'a{1,9999}' }",
	    "a = { pattern = 'a{99999999999999999999}' }",
	    "a = { pattern = '[' }", "a = { pattern = '*' }",
	    "a = { pattern = \"\\u0000\" }"};
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (!strstr(check(w, refused[i], ""), "bad-schema"))
			fail_msg("was taken: %s", refused[i]);
	assert_string_equal(
	    check(w, "a = { pattern = 'a{2,4}b{9}' }", "a = 'aaabbbbbbbbb'"),
	    "");
}

static void sizes_are_bounded(void **state)
{
	struct world *w = *state;
	struct buf rules = {0};

	for (int i = 0; i <= SCHEMA_RULES_MAX; i++)
		buf_printf(&rules, "a%d = 'any'\n", i);
	assert_non_null(strstr(check(w, rules.data, ""), "bad-schema"));
	buf_release(&rules);
	assert_string_equal(
	    check(w, "'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a' = 'any'", ""), "");
	assert_non_null(
	    strstr(check(w, "'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a' = 'any'", ""),
		"bad-schema"));
}

#define WITH(test)                                                             \
	cmocka_unit_test_setup_teardown(test, open_world, close_world)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(good),
	    WITH(bad),
	    WITH(expressions_are_bounded),
	    WITH(sizes_are_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
