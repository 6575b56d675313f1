/* What a path on a page means, and what is written in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generator/reference.h"

static void test_resolve(void **state)
{
	(void)state;
	static const struct {
		const char *page, *path, *want;
	} rows[] = {
	    {"index.html", "a.css", "/a.css"},
	    {"index.html", "/a.css", "/a.css"},
	    {"index.html", "./a.css", "/a.css"},
	    {"index.html", "../../a.css", "/a.css"},
	    {"index.html", "/", "/"},
	    {"index.html", ".", "/"},
	    {"a/b/c.html", "x", "/a/b/x"},
	    {"a/b/c.html", "../x", "/a/x"},
	    {"a/b/c.html", "../../x", "/x"},
	    {"a/b/c.html", "..", "/a/"},
	    {"a/b/c.html", "../", "/a/"},
	    {"a/b/c.html", "./", "/a/b/"},
	    {"a/b/c.html", "/x/./y/../z", "/x/z"},
	    {"a/b/c.html", "/x/..", "/"},
	    {"a/b/c.html", "/../../../etc/passwd", "/etc/passwd"},
	    {"a.html", "x/", "/x/"},
	    {"a.html", "...", "/..."},
	    {"a.html", "x//y", "/x//y"},
	};
	struct arena a;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str got = reference_resolve(
		    &a, str_of(rows[i].page), str_of(rows[i].path));
		if (!str_is(got, rows[i].want))
			fail_msg("%s on %s gave %.*s", rows[i].path,
			    rows[i].page, STR_ARG(got));
	}
	arena_release(&a);
}

static void test_rename(void **state)
{
	(void)state;
	static const struct {
		const char *path, *logical, *published, *want;
	} rows[] = {
	    {"/a/x.js", "/a/x.js", "/a/x.1.js", "/a/x.1.js"},
	    {"x.js", "/a/x.js", "/a/x.1.js", "x.1.js"},
	    {"./x.js", "/a/x.js", "/a/x.1.js", "./x.1.js"},
	    {"../a/x.js", "/a/x.js", "/a/x.1.js", "../a/x.1.js"},
	    {"../x.js", "/x.js", "/x.1.js", "../x.1.js"},
	    {"x.js", "/x.js", "/modules/x.1.js", "/modules/x.1.js"},
	};
	struct arena a;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str got = reference_rename(&a, str_of(rows[i].path),
		    str_of(rows[i].logical), str_of(rows[i].published));
		if (!str_is(got, rows[i].want))
			fail_msg("%s gave %.*s", rows[i].path, STR_ARG(got));
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resolve),
	    cmocka_unit_test(test_rename),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
