/* covers generator/glob.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generator/glob.h"

static void rows(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} cases[] = {
	    {"static/a.css", "static/a.css", true},
	    {"static/a.css", "static/a.css.map", false},
	    {"static/a.css", "static/b/a.css", false},
	    {"static/*.css", "static/a.css", true},
	    {"static/*.css", "static/.css", true},
	    {"static/*.css", "static/b/a.css", false},
	    {"static/*", "static/b/a.css", false},
	    {"static/**", "static/b/a.css", true},
	    {"static/**", "static/a.css", true},
	    {"static/**", "statics/a.css", false},
	    {"static/**", "pages/a.css", false},
	    {"static/**/a.css", "static/a.css", true},
	    {"static/**/a.css", "static/b/c/a.css", true},
	    {"static/**/a.css", "static/b/c/ba.css", false},
	    {"static/**/x/**/*.js", "static/x/y/x/z/a.js", true},
	    {"static/**/x/**/*.js", "static/y/z/a.js", false},
	    {"**/*.woff2", "static/fonts/a.woff2", true},
	    {"**", "static/fonts/a.woff2", true},
	    {"static/a**b", "static/axxb", true},
	    {"static/a**b", "static/ax/xb", false},
	    {"static/?.css", "static/a.css", true},
	    {"static/?.css", "static/\xc3\xbc.css", true},
	    {"static/?.css", "static/ab.css", false},
	    {"static/*a*b*c", "static/xxaxxbxxbxc", true},
	    {"static/*a*b*c", "static/xxaxxbxxbx", false},
	    {"static/[ab].css", "static/a.css", false},
	    {"static/[ab].css", "static/[ab].css", true},
	    {"static/", "static/a", false},
	    {"", "static/a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (glob_matches(str_of(cases[i].pattern),
			str_of(cases[i].path)) != cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].path);
}

/* What would take for ever by trying every way. */
static void many_stars(void **state)
{
	char path[2048], pattern[512];

	(void)state;
	memset(path, 'a', sizeof(path));
	for (size_t i = 1; i < sizeof(path); i += 2)
		path[i] = '/';
	memset(pattern, '*', sizeof(pattern));
	for (size_t i = 2; i < sizeof(pattern); i += 3)
		pattern[i] = '/';
	pattern[sizeof(pattern) - 2] = 'b';
	assert_false(
	    glob_matches((struct str){.p = pattern, .n = sizeof(pattern) - 1},
		(struct str){.p = path, .n = sizeof(path) - 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),
	    cmocka_unit_test(many_stars),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
