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

/*
 * Byte by byte, whatever is in them. A comment behind each goes: who is unsure
 * keeps that, too.
 */
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
	    "if (a) /'/.test(b)",
	    "while (a(b)) /'/.exec(c)",
	    "for await (a of b) /'/.exec(a)",
	    "if (`${(a)}`) /'/.test(b)",
	    "for (a of /'/.exec(b))",
	    "export default /'/",
	    "[.../'/.exec(a), ...typeof /'/]",
	    "a = ++/'/.b - --/'/.b",
	    "a <!--'//'\n-->b",
	    "f(/'/) + f`${/'/}`",
	    NULL,
	};
	struct row rows[sizeof(all) / sizeof(*all)] = {{NULL, NULL}};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; all[i]; i++)
		rows[i] =
		    (struct row){.code = arena_printf(&a, "%s\n// '", all[i]).p,
			.left = arena_printf(&a, "%s\n", all[i]).p};
	rows_hold(rows);
	arena_release(&a);
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
	    {"if (a) (b) / 2 // '", "if (a) (b) / 2  "},
	    {"if (a) b-- / 2 // '", "if (a) b-- / 2  "},
	    {"a.if (b) / 2 // '", "a.if (b) / 2  "},
	    {"a.#while(b) / 2 // '", "a.#while(b) / 2  "},
	    {"notif (b) / 2 // '", "notif (b) / 2  "},
	    {"if a (b) / 2 // '", "if a (b) / 2  "},
	    {"await (b) / 2 // '", "await (b) / 2  "},
	    {"/'/ / 2 // '", "/'/ / 2  "},
	    {"/'/g / 2 // '", "/'/g / 2  "},
	    {"a = {} / 2\n// '", "a = {} / 2\n"},
	    {"a = 1. / 2\n// '", "a = 1. / 2\n"},
	    {NULL, NULL},
	};

	(void)state;
	rows_hold(rows);
}

/* Left alone, all of it. */
static void unsure(void **state)
{
	static const char *const all[] = {/* no end */
	    "/* a */ '", "/* a */ 'b\nc'", "/* a */ \"\\", "/* a */ `",
	    "/* a */ `${", "/* a */ `${b`", "/* a */ `${`}`", "a /* b", "a /*/",
	    "/* a */ = /b", "/* a */ = /[/]", "/* a */ = /b\n/",
	    /* brackets that do not match */
	    "/* a */ (", "/* a */ {", "/* a */ )", "/* a */ }", "/* a */ (}",
	    "/* a */ {)", "/* a */ `${)`",
	    /* a block, or an object? */
	    "/* a */ {} /'/", "/* a */ b = {} / 2 / 3",
	    "/* a */ b = 1. / 2 / 3",
	    /* other ends of lines, other blanks, other letters */
	    "a // b\rc()",
	    "a // b\xe2\x80\xa8"
	    "c()",
	    "a // b\xe2\x80\xa9"
	    "c()",
	    "#!/bin/a\n// b", "\xef\xbb\xbf/* a */", "/* a */ b =\xc2\xa0/'/",
	    "/* a */ \xc3\xa9", "/* a */ \\u{61}", "/* a */ b\f/ 2", NULL};
	struct row rows[sizeof(all) / sizeof(*all)] = {{NULL, NULL}};

	(void)state;
	for (size_t i = 0; all[i]; i++)
		rows[i] = (struct row){all[i], all[i]};
	rows_hold(rows);
}

static struct str nested(
    struct arena *a, const char *open, const char *close, int n)
{
	struct buf code = {0};

	for (int i = 0; i < n; i++)
		buf_puts(&code, open);
	buf_puts(&code, "/**/");
	for (int i = 0; i < n; i++)
		buf_puts(&code, close);
	struct str copy = arena_str(a, buf_str(&code));
	buf_release(&code);
	return copy;
}

static void nested_too_deep(void **state)
{
	static const struct {
		const char *open, *close;
	} rows[] = {{"(", ")"}, {"{", "}"}, {"`${", "}`"}, {"if(", ")"}};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int n = 64; n <= 65; n++) {
			struct str code =
			    nested(&a, rows[i].open, rows[i].close, n);
			assert_int_equal(
			    str_eq(js_without_comments(&a, code), code),
			    n == 65);
		}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comments),
	    cmocka_unit_test(kept),
	    cmocka_unit_test(divisions),
	    cmocka_unit_test(unsure),
	    cmocka_unit_test(nested_too_deep),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("js-comments", tests, NULL, NULL);
}
