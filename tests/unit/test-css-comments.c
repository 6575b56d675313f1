#include "generator/css-comments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* generator/css-comments.c: what goes, and what only looks as if it might. */
struct row {
	const char *css, *left;
};

static void rows_hold(const struct row *rows)
{
	struct arena a;

	arena_init(&a);
	for (; rows->css; rows++) {
		struct str left = css_without_comments(&a, str_of(rows->css));
		const char *is = rows->left ? rows->left : rows->css;
		if (!str_is(left, is))
			fail_msg("%s: %.*s", rows->css, STR_ARG(left));
	}
	arena_release(&a);
}

static void goes(void **state)
{
	static const struct row rows[] = {
	    {"/* head */\n\na {\n\tb: c; /* why */\n\td: e;\n}\n",
		"a {b: c;d: e;}"},
	    {"a,\n\tb {\n}\n", "a,b {}"},
	    {"/* x */ a {}", "a {}"},
	    {"a { b: c }\n/* y */\n\n/* z\n */\nd { e: f }\n",
		"a { b: c }d { e: f }"},
	    {"a { b: c; }\r\nd {\r\n\te: f\r\n}\r\n", "a { b: c; }d {e: f\n}"},
	    {"a{b:c/*;*/}", "a{b:c}"},
	    {"/***/a/* * / **/{}", "a{}"},
	    {"/* only */", ""},
	    {"", ""},
	    {0},
	};
	(void)state;
	rows_hold(rows);
}

/* White space is a descendant, or parts two words; nothing joins them. */
static void parts(void **state)
{
	static const struct row rows[] = {
	    {"a/**/b {}", "a/**/b {}"},
	    {"a/* x */.b {}", "a/**/.b {}"},
	    {"a /* x */.b {}", "a .b {}"},
	    {"a\n\t.b {}", "a\n.b {}"},
	    {"a\n/* x */\n\t.b {}", "a\n.b {}"},
	    {"a { b: c\n\t\td 1px/* x */2px; }", "a { b: c\nd 1px/**/2px; }"},
	    {"a:hover :focus {}", NULL},
	    {"a { width: calc(1px + 2px); }", NULL},
	    {"@media (a) and (b) {}", NULL},
	    {0},
	};
	(void)state;
	rows_hold(rows);
}

static void stays(void **state)
{
	static const struct row rows[] = {
	    {"a { b: \"/* c */\"; d: '\\'/*'; }", NULL},
	    {"a { b: \"c\\\n\td\"; }", NULL},
	    {"a { b: url(//c/*d*/e\\)/*) }", NULL},
	    {"a { b: url(\n\t\"/*\"\n\t) }", "a { b: url(\n\t\"/*\"\n) }"},
	    {"a { b: URL( /*c ) /* d */; }", "a { b: URL( /*c ) ; }"},
	    {"a { b: curl(/* c */ 1); }", "a { b: curl( 1); }"},
	    {".a\\:b {}/**/", ".a\\:b {}"},
	    {0},
	};
	(void)state;
	rows_hold(rows);
}

static void not_sure(void **state)
{
	static const struct row rows[] = {
	    {"/* a */ b { c: 'd\n' }", NULL},
	    {"/* a */ b { c: 'd", NULL},
	    {"/* a */ /* b", NULL},
	    {"/* a */ /*/", NULL},
	    {"/* a */ b { c: url(d", NULL},
	    {"/* a */ b { c: \\75rl(/*d*/) }", NULL},
	    {"/* a */ \\", NULL},
	    {0},
	};
	(void)state;
	rows_hold(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(goes),
	    cmocka_unit_test(parts),
	    cmocka_unit_test(stays),
	    cmocka_unit_test(not_sure),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("css-comments", tests, NULL, NULL);
}
