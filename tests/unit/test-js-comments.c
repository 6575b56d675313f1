#include "generator/js-comments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* generator/js-comments.c: what is a comment, and what only looks like one. */
struct row {
	const char *code, *left;
};

static void rows_hold(const struct row *rows)
{
	struct arena a;

	arena_init(&a);
	for (; rows->code; rows++) {
		struct str left = js_without_comments(&a, str_of(rows->code));
		if (!str_is(left, rows->left))
			fail_msg("%s: %.*s", rows->code, STR_ARG(left));
	}
	arena_release(&a);
}

static void comments(void **state)
{
	static const struct row rows[] = {
	    {"/**\n * Head.\n */\nimport 'a';\n", "import 'a';\n"},
	    {"a(); /* why */\nb(); // how\nc();", "a();\nb();\nc();"},
	    {"f(a /* first */, b)", "f(a  , b)"},
	    {"a/**/b", "a b"},
	    {"a/* \n */b", "a\nb"},
	    {"return /*\n*/ x", "return\nx"},
	    {"\ta();\n\n\t/* x */\n\t// y\n\n\tb();\n", "a();\nb();\n"},
	    {"/***/a/*/*/b", "a b"},
	    {"// only", ""},
	    {"a; //", "a;  "},
	    {"", ""},
	    {"  a\n \t b  c\n\t/* x */ d", "a\nb  c\nd"},
	    {"a  \r\nb\t\n", "a\nb\n"},
	    {NULL, NULL},
	};

	(void)state;
	rows_hold(rows);
}

/* Byte by byte, whatever is in them. */
static void kept(void **state)
{
	static const char *const all[] = {
	    "'/* a */' + \"// b\"",
	    "'\\'// a' + \"\\\"/* b\"",
	    "'a\\\n // b'",
	    "`\n\n // a  \n /* b */\n`",
	    "`\n\t${\na}\n\t b\n`",
	    "`${a} // b ${c} /*`",
	    "`${`//${{a: {b: '}'}}}`}//`",
	    "`\\`//` + `\\${//`",
	    "`$ {//` + `$`",
	    "x = /[/*]\\/\\/'`/g",
	    "/^\\/*\"/.test(a)",
	    "return /'/",
	    "typeof /'/",
	    "a\nreturn\n/'/",
	    "[/'/, /'/]",
	    "(!/'/ || /'/)",
	    "`${/`/}`",
	    "a => /'/",
	    "{ /'/ }",
	    NULL,
	};
	struct row rows[sizeof(all) / sizeof(*all)] = {{NULL, NULL}};

	(void)state;
	for (size_t i = 0; all[i]; i++)
		rows[i] = (struct row){all[i], all[i]};
	rows_hold(rows);
}

/* Behind an operand it divides, so what comes next is code. */
static void divisions(void **state)
{
	static const struct row rows[] = {
	    {"a / b // '", "a / b  "},
	    {"a() / b /* ' */", "a() / b  "},
	    {"a[0] / 2 // '", "a[0] / 2  "},
	    {"1 / 2 // /", "1 / 2  "},
	    {"a++ / 2 // '", "a++ / 2  "},
	    {"'a' / 2 // '", "'a' / 2  "},
	    {"`a` / 2 // '", "`a` / 2  "},
	    {"`${a / 2}` // '", "`${a / 2}`  "},
	    {"x.of / 2 // '", "x.of / 2  "},
	    {"this.#in / 2 // '", "this.#in / 2  "},
	    {"ofs / 2 // '", "ofs / 2  "},
	    {"a /* x */ / 2 // '", "a   / 2  "},
	    {"\xc3\xa9 / 2 // '", "\xc3\xa9 / 2  "},
	    {NULL, NULL},
	};

	(void)state;
	rows_hold(rows);
}

/* What does not end is left alone, all of it. */
static void unsure(void **state)
{
	static const char *const all[] = {"/* a */ '", "/* a */ 'b\nc'",
	    "/* a */ \"\\", "/* a */ `", "/* a */ `${", "/* a */ `${b`",
	    "/* a */ `${`}`", "a /* b", "a /*/", "/* a */ = /b",
	    "/* a */ = /[/]", "/* a */ = /b\n/",
	    "/* a */ `${`${`${`${`${`${`${`${`${`${`${`${`${`${`${`${`${"
	    "b}`}`}`}`}`}`}`}`}`}`}`}`}`}`}`}`}`",
	    NULL};
	struct row rows[sizeof(all) / sizeof(*all)] = {{NULL, NULL}};

	(void)state;
	for (size_t i = 0; all[i]; i++)
		rows[i] = (struct row){all[i], all[i]};
	rows_hold(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comments),
	    cmocka_unit_test(kept),
	    cmocka_unit_test(divisions),
	    cmocka_unit_test(unsure),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("js-comments", tests, NULL, NULL);
}
