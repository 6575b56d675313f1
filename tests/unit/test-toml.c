#include "generator/toml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"

static struct arena arena;
static struct diag diag;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	diag_init(&diag, &arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct value *good(struct str text)
{
	struct value *root = NULL;
	enum err err = toml_read(&arena, text, "x.toml", &diag, &root);

	if (diag.first)
		fail_msg("%.*s", STR_ARG(diag.first->text));
	assert_int_equal(err, ERR_OK);
	assert_non_null(root);
	return root;
}

static void bad(struct str text, enum err want, const char *name, unsigned line,
    unsigned col)
{
	struct value *root;

	diag_init(&diag, &arena);
	assert_int_equal(toml_read(&arena, text, "x.toml", &diag, &root), want);
	assert_int_equal(diag.errors, 1);
	assert_string_equal(diag.first->name, name);
	assert_string_equal(diag.first->pos.file, "x.toml");
	assert_int_equal(diag.first->pos.line, line);
	assert_int_equal(diag.first->pos.col, col);
}

static void spells(const char *toml, const char *want)
{
	struct value *root = good(str_of(toml));

	assert_string_equal(
	    arena_cstr(&arena, value_spell(&arena, value_get(root, "a"))),
	    want);
}

static void every_kind_of_value(void **state)
{
	(void)state;
	struct value *root = good(STR("s = \"caf\\u00e9\"\n"
				      "t = true\n"
				      "i = -42\n"
				      "f = 2.5\n"
				      "d = 2026-11-21\n"
				      "l = [1, 'two', { three = 3 }]\n"
				      "[x.y]\n"
				      "z = 1\n"
				      "[[many]]\n"
				      "n = 1\n"));

	assert_true(str_is(value_text(root, "s"), "caf\xc3\xa9"));
	assert_true(value_get(root, "t")->as.b);
	assert_int_equal(value_get(root, "i")->as.i, -42);
	assert_true(value_get(root, "f")->as.f == 2.5);
	assert_int_equal(value_get(root, "d")->kind, VALUE_DATETIME);
	assert_int_equal(value_get(root, "l")->as.array.n, 3);
	assert_int_equal(value_path(root, "x.y.z")->as.i, 1);
	assert_int_equal(value_get(root, "many")->kind, VALUE_ARRAY);
}

static void keys_and_values_have_places(void **state)
{
	(void)state;
	struct value *root =
	    good(STR("a = 1\n\n[t]\n  \"caf\xc3\xa9\" = [2,\n 3]\n"));
	struct member *t = value_member(root, STR("t"));
	struct member *m = value_member(t->value, STR("caf\xc3\xa9"));

	assert_int_equal(t->pos.line, 3);
	assert_int_equal(t->pos.col, 2);
	assert_int_equal(m->pos.line, 4);
	assert_int_equal(m->pos.col, 3);
	assert_int_equal(m->value->pos.line, 4);
	assert_int_equal(m->value->pos.col, 12);
	assert_int_equal(m->value->as.array.items[1]->pos.line, 5);
	assert_string_equal(m->value->pos.file, "x.toml");
}

static void numbers_keep_their_spelling(void **state)
{
	(void)state;
	spells("a = 1.10", "1.10");
	spells("a = +1_000", "1000");
	spells("a = 1e3", "1e3");
	spells("a = 0xff", "255");
	spells("a = 0o17", "15");
	spells("a = -0.0", "-0.0");
	spells("a = +1.5", "1.5");
	spells("a = [1.10]\n[b]\na = 1", "");
	spells("b = 'caf\xc3\xa9'\na = { x = 1 }", "");
	spells(
	    "'\xc3\xa9' = 1\na = 9223372036854775807", "9223372036854775807");
	struct value *root = good(STR("a = { '\xc3\xa9' = 1.10, b = 2.20 }\n"));
	assert_string_equal(
	    arena_cstr(&arena, value_path(root, "a.b")->text), "2.20");
	assert_true(isnan(value_get(good(STR("a = nan")), "a")->as.f));
	spells("a = -inf", "-inf");
}

static void dates_are_rfc_3339(void **state)
{
	(void)state;
	spells("a = 2026-11-21 08:30:00z", "2026-11-21T08:30:00Z");
	spells("a = 2026-11-21T08:30:00.5000+01:30",
	    "2026-11-21T08:30:00.5+01:30");
	spells("a = 2026-11-21T08:30:00-00:30", "2026-11-21T08:30:00-00:30");
	spells("a = 2026-11-21t08:30:00", "2026-11-21T08:30:00");
	spells("a = 2026-11-21", "2026-11-21");
	spells("a = 08:30:00.123456789", "08:30:00.123456789");
}

static void tables_are_sorted(void **state)
{
	(void)state;
	struct value *root = good(STR("b = 1\na = 2\n"));

	assert_true(str_is(root->as.table.members[0].key, "a"));
}

static void line_ends_and_marks(void **state)
{
	(void)state;
	struct value *root = good(STR("\xef\xbb\xbf"
				      "a = 1.10\r\nb = 2\r\n"));

	assert_int_equal(value_get(root, "b")->as.i, 2);
	assert_int_equal(value_member(root, STR("a"))->pos.col, 1);
	assert_true(str_is(value_get(root, "a")->text, "1.10"));
	assert_int_equal(good((struct str){0})->as.table.n, 0);
}

static void one_syntax_error_with_its_place(void **state)
{
	(void)state;
	bad(STR("a = 1\na = 2\n"), ERR_SYNTAX, "toml-syntax", 2, 5);
	bad(STR("a = \n"), ERR_SYNTAX, "toml-syntax", 1, 5);
	bad(STR("a = 1\n[a]\n"), ERR_SYNTAX, "toml-syntax", 2, 1);
	bad(STR("x = 'no end\n"), ERR_SYNTAX, "toml-syntax", 1, 12);
	bad(STR("a = 1\nb = \"\xff\"\n"), ERR_SYNTAX, "toml-syntax", 2, 5);
	bad(STR("a = \"x\0y\"\n"), ERR_SYNTAX, "toml-syntax", 1, 7);
	bad(STR("a = 1 # \xed\xa0\x80\n"), ERR_SYNTAX, "toml-syntax", 1, 8);
	bad(STR("a = 1\rb = 2\n"), ERR_SYNTAX, "toml-syntax", 1, 7);
}

/* n times `open`, then `close` n times, behind "a = ". */
static struct str nested(unsigned n, const char *open, const char *close)
{
	struct buf b = {0};

	buf_puts(&b, "a = ");
	for (unsigned i = 0; i < n; i++)
		buf_puts(&b, open);
	buf_puts(&b, "1");
	for (unsigned i = 0; i < n; i++)
		buf_puts(&b, close);
	struct str text = arena_str(&arena, buf_str(&b));
	buf_release(&b);
	return text;
}

static struct str dotted(unsigned n, const char *before, const char *after)
{
	struct buf b = {0};

	buf_puts(&b, before);
	for (unsigned i = 0; i < n; i++)
		buf_puts(&b, i ? ".k" : "k");
	buf_puts(&b, after);
	struct str text = arena_str(&arena, buf_str(&b));
	buf_release(&b);
	return text;
}

static void depth_is_bounded(void **state)
{
	(void)state;
	good(nested(TOML_DEPTH_MAX - 1, "[", "]"));
	bad(nested(TOML_DEPTH_MAX + 1, "[", "]"), ERR_TOO_LARGE,
	    "toml-too-deep", 1, 5 + TOML_DEPTH_MAX);
	bad(nested(100000, "[", "]"), ERR_TOO_LARGE, "toml-too-deep", 1,
	    5 + TOML_DEPTH_MAX);
	bad(nested(100000, "{k=", "}"), ERR_TOO_LARGE, "toml-too-deep", 1,
	    5 + 3 * TOML_DEPTH_MAX);
	bad(dotted(100000, "", " = 1"), ERR_TOO_LARGE, "toml-too-deep", 1, 128);
	bad(dotted(100000, "[", "]"), ERR_TOO_LARGE, "toml-too-deep", 1, 129);
	/* each key is short enough, all of them together are not */
	bad(dotted(60, "[", "]\nk.k.k.k.k.k.k.k.k = 1"), ERR_TOO_LARGE,
	    "toml-too-deep", 2, 7);
}

static void dots_in_strings_and_comments_do_not_nest(void **state)
{
	(void)state;
	char dots[400];

	memset(dots, '.', sizeof(dots) - 1);
	dots[sizeof(dots) - 1] = '\0';
	good(arena_printf(&arena,
	    "a = \"%s\\\"[[[\" # %s [[\nb = '%s'\nc = \"\"\"\n%s\"\"\"\"\n"
	    "d = '''\n%s'''\n",
	    dots, dots, dots, dots, dots));
	good(arena_printf(&arena, "\"%s\" = 1\n", dots));
}

static void size_is_bounded(void **state)
{
	(void)state;
	struct buf b = {0};

	buf_puts(&b, "a = 1\nb = '");
	for (size_t i = 0; i < TOML_LINE_MAX; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, "'\n");
	bad(buf_str(&b), ERR_TOO_LARGE, "toml-too-large", 2, 1);
	buf_clear(&b);
	while (b.len <= TOML_MAX)
		buf_puts(&b, "# a line of a comment that says very little\n");
	bad(buf_str(&b), ERR_TOO_LARGE, "toml-too-large", 0, 0);
	buf_release(&b);
}

/* Cut anywhere, it is read or refused; nothing else. */
static void every_cut_is_read_or_refused(void **state)
{
	(void)state;
	const struct str whole =
	    STR("a.b = [1, \"x\\u00e9\", {c = 2026-11-21T00:00:00Z}]\n"
		"[t.\"u v\"]\nf = -1.5e-7\n[[m]]\ns = '''\nx'''\n");

	for (size_t n = 0; n <= whole.n; n++) {
		struct value *root = NULL;
		diag_init(&diag, &arena);
		enum err err = toml_read(
		    &arena, str_slice(whole, 0, n), "x.toml", &diag, &root);
		assert_int_equal(err == ERR_OK, diag.errors == 0);
		assert_int_equal(err == ERR_OK, root != NULL);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(every_kind_of_value),
	    T(keys_and_values_have_places),
	    T(numbers_keep_their_spelling),
	    T(dates_are_rfc_3339),
	    T(tables_are_sorted),
	    T(line_ends_and_marks),
	    T(one_syntax_error_with_its_place),
	    T(depth_is_bounded),
	    T(dots_in_strings_and_comments_do_not_nest),
	    T(size_is_bounded),
	    T(every_cut_is_read_or_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
