#include "tests/unit/site-kit.h"

#include <poll.h>
#include <sys/stat.h>

#include "generator/watch.h"

static struct kit k;
static struct watch w;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = \"x\"\n");
	kit_file(&k, "pages/index.html", "one");
	kit_file(&k, "static/a/b/c.txt", "c");
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	watch_close(&w);
	kit_close(&k);
	return 0;
}

/* Waits for a notice, a minute at most; then what there is, in one text. */
static bool heard(void)
{
	struct pollfd p = {.fd = w.fd, .events = POLLIN};

	return poll(&p, 1, 60000) == 1 && watch_heard(&w);
}

static const char *changes(void)
{
	const char **paths;
	size_t n = watch_changes(&w, &k.arena, &paths);
	struct str all = {0};

	for (size_t i = 0; i < n; i++)
		all = arena_printf(
		    &k.arena, "%.*s%s%s", STR_ARG(all), i ? " " : "", paths[i]);
	return n ? all.p : "";
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(kit_path(&k, from), kit_path(&k, to)), 0);
}

static void files_and_folders(void **state)
{
	(void)state;
	watch_open(&w, kit_path(&k, ""), 0, false);
	assert_true(w.fd >= 0);
	assert_null(w.why);
	assert_string_equal(changes(), "");
	kit_file(&k, "pages/index.html", "two");
	assert_true(heard());
	assert_string_equal(changes(), "pages/index.html");
	assert_string_equal(changes(), "");

	/* new folders, and what is put into them afterwards */
	kit_file(&k, "pages/new/deep/x.html", "x");
	assert_true(heard());
	assert_string_equal(changes(), "pages/new/deep/x.html");
	watch_heard(&w);
	kit_file(&k, "pages/new/deep/y.html", "y");
	assert_true(heard());
	assert_string_equal(changes(), "pages/new/deep/y.html");
	/* a source that was not there */
	kit_file(&k, "catalogue/plans.toml", "version = \"1.0.0\"\n");
	kit_file(&k, "api.toml", "auth = \"none\"\n");
	assert_true(heard());
	assert_string_equal(changes(), "api.toml catalogue/plans.toml");
	watch_heard(&w);
	kit_file(&k, "catalogue/plans.toml", "version = \"1.0.1\"\n");
	assert_true(heard());
	assert_string_equal(changes(), "catalogue/plans.toml");

	/* gone, and moved */
	assert_int_equal(unlink(kit_path(&k, "api.toml")), 0);
	move("static/a", "static/z");
	assert_true(heard());
	assert_string_equal(
	    changes(), "api.toml static/a/b/c.txt static/z/b/c.txt");
	watch_heard(&w);
	kit_file(&k, "static/z/b/c.txt", "changed");
	assert_true(heard());
	assert_string_equal(changes(), "static/z/b/c.txt");
	/* an editor's way: a new file in the old one's place */
	kit_file(&k, "pages/index.html.tmp", "two");
	move("pages/index.html.tmp", "pages/index.html");
	assert_true(heard());
	assert_string_equal(changes(), "pages/index.html");
}

static void what_is_none_of_its_business(void **state)
{
	static const char *const passing[] = {"pages/.index.html.swp",
	    "pages/4913", "pages/index.html~", "pages/.#index.html",
	    "pages/#index.html#", "static/x.tmp", "static/.git/config",
	    "notes.txt", "dist/www/index.html", ".lowtide/jobs.db",
	    "node_modules/x/index.js"};

	(void)state;
	kit_file(&k, "dist/www/old", "");
	watch_open(&w, kit_path(&k, ""), 0, false);
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		kit_file(&k, passing[i], "x");
	assert_int_equal(symlink("/etc", kit_path(&k, ".lowtide-link")), 0);
	assert_false(watch_heard(&w));
	assert_string_equal(changes(), "");
	/* but this is published */
	kit_file(&k, "static/.well-known/security.txt", "x");
	assert_true(heard());
	assert_string_equal(changes(), "static/.well-known/security.txt");
}

static void links_are_not_followed(void **state)
{
	(void)state;
	kit_file(&k, "elsewhere/a.txt", "a");
	assert_int_equal(
	    symlink("../elsewhere", kit_path(&k, "static/link")), 0);
	watch_open(&w, kit_path(&k, ""), 0, false);
	kit_file(&k, "elsewhere/a.txt", "b");
	assert_false(watch_heard(&w));
	assert_string_equal(changes(), "");
}

static void by_looking(void **state)
{
	(void)state;
	watch_open(&w, kit_path(&k, ""), 0, true);
	assert_int_equal(w.fd, -1);
	assert_non_null(w.why);
	kit_file(&k, "pages/index.html", "other");
	assert_false(watch_heard(&w));
	assert_string_equal(changes(), "pages/index.html");
}

static void too_many_folders(void **state)
{
	(void)state;
	/* the root, pages, static, static/a, static/a/b */
	watch_open(&w, kit_path(&k, ""), 5, false);
	assert_null(w.why);
	kit_file(&k, "pages/more/x.html", "x");
	assert_string_equal(changes(), "pages/more/x.html");
	assert_int_equal(w.fd, -1);
	assert_non_null(strstr(w.why, "too many folders"));
	kit_file(&k, "pages/more/x.html", "other");
	assert_string_equal(changes(), "pages/more/x.html");
	watch_close(&w);
	watch_open(&w, kit_path(&k, ""), 5, false);
	assert_int_equal(w.fd, -1);
	assert_string_equal(changes(), "");
}

static void a_folder_that_goes(void **state)
{
	(void)state;
	watch_open(&w, kit_path(&k, ""), 0, false);
	assert_int_equal(unlink(kit_path(&k, "pages/index.html")), 0);
	assert_int_equal(rmdir(kit_path(&k, "pages")), 0);
	assert_true(heard());
	assert_string_equal(changes(), "pages/index.html");
	watch_heard(&w);
	kit_file(&k, "pages/index.html", "again");
	assert_true(heard());
	assert_string_equal(changes(), "pages/index.html");
	watch_close(NULL);
	watch_close(&w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(files_and_folders),
	    TEST(what_is_none_of_its_business),
	    TEST(links_are_not_followed),
	    TEST(by_looking),
	    TEST(too_many_folders),
	    TEST(a_folder_that_goes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
