/*
 * covers generator/server-rules.c, server-text.c, server-files.c: rows that do
 * not grow with the site, and mean exactly the files there are
 */
#include "tests/unit/site-kit.h"

#include "generator/server.h"

static struct kit k;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = \"x\"\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static void put(const char *path, enum out_class class)
{
	assert_int_equal(out_put(&k.build.out, OUT_WWW, path, STR("x"), class,
			     false, POS_NONE, &k.diag),
	    ERR_OK);
}

static void put_many(
    const char *before, const char *after, int n, enum out_class class)
{
	for (int i = 0; i < n; i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%d%s", before, i, after);
		put(path, class);
	}
}

/* What a web server makes of the rules: the last one that fits. */
static bool is_immutable(const struct path_rules *rules, const char *path)
{
	struct str p = arena_printf(&k.arena, "/%s", path);
	bool is = false;

	for (size_t i = 0; i < rules->n; i++) {
		const struct path_rule *r = &rules->items[i];
		if (r->is_folder ? str_starts(p, r->path.p)
				 : str_eq(p, r->path))
			is = r->immutable;
	}
	return is;
}

static void all_agree(const struct path_rules *rules)
{
	for (size_t i = 0; i < k.build.out.n; i++) {
		const struct out_file *f = &k.build.out.files[i];
		if (is_immutable(rules, f->path.p) !=
		    (f->class == OUT_IMMUTABLE))
			fail_msg("%s", f->path.p);
	}
}

static void folders_stand_for_their_files(void **state)
{
	struct path_rules rules;

	(void)state;
	put_many("page-", ".html", 3000, OUT_PAGE);
	put_many("assets/a-", ".css", 3000, OUT_IMMUTABLE);
	put_many("assets/m-", ".mjs", 5, OUT_POINTER);
	put_many("vendor/deep/v-", ".js", 1000, OUT_IMMUTABLE);
	put_many("vendor/data/d-", ".json", 500, OUT_POINTER);
	put("vendor/data/one.json", OUT_IMMUTABLE);
	put_many("data-", ".json", 3, OUT_IMMUTABLE);
	server_rules(&k.arena, &k.build.out, &rules);
	all_agree(&rules);
	/* /assets/ and 5, /vendor/, /vendor/data/ and 1, 3 at the top */
	assert_int_equal(rules.n, 12);
	for (size_t i = 1; i < rules.n; i++)
		assert_true(
		    rules.items[i - 1].is_folder || !rules.items[i].is_folder);
}

/* "a-b" and "a.b" sort before and after "a/": a folder is still one. */
static void neighbours(void **state)
{
	struct path_rules rules;

	(void)state;
	put_many("a/x-", "", 6, OUT_IMMUTABLE);
	put_many("a-x-", "", 6, OUT_PAGE);
	put_many("a.x-", "", 6, OUT_PAGE);
	put_many("ab/x-", "", 6, OUT_PAGE);
	server_rules(&k.arena, &k.build.out, &rules);
	all_agree(&rules);
	assert_int_equal(rules.n, 1);
	assert_string_equal(rules.items[0].path.p, "/a/");
}

static void a_few_are_listed(void **state)
{
	struct path_rules rules;

	(void)state;
	put_many("a/x-", "", 3, OUT_IMMUTABLE);
	put("assets/one.css", OUT_IMMUTABLE);
	server_rules(&k.arena, &k.build.out, &rules);
	all_agree(&rules);
	assert_int_equal(rules.n, 4);
	assert_true(is_immutable(&rules, "assets/of-an-earlier-release.css"));
	assert_false(is_immutable(&rules, "a/never-seen"));
}

/* Where all rules apply at once, no folder with an exception. */
static void pure(void **state)
{
	struct path_rules rules;

	(void)state;
	put_many("assets/img/i-", ".png", 50, OUT_IMMUTABLE);
	put_many("assets/a-", ".mjs", 3, OUT_IMMUTABLE);
	put("assets/a.mjs", OUT_POINTER);
	server_pure_rules(&k.arena, &k.build.out, &rules);
	all_agree(&rules);
	assert_int_equal(rules.n, 4);
	for (size_t i = 0; i < rules.n; i++)
		assert_true(rules.items[i].immutable);
}

static struct str made(
    void (*put_text)(struct buf *out, struct str text), const char *text)
{
	struct buf out = {0};

	put_text(&out, str_of(text));
	struct str copy = arena_str(&k.arena, buf_str(&out));
	buf_release(&out);
	return copy;
}

static void spellings(void **state)
{
	(void)state;
	assert_string_equal(made(server_regex, "/a.b $x\"\\(\xc3\xbc").p,
	    "/a\\.b\\x20\\x24x\\x22\\x5c\\x28\xc3\xbc");
	assert_string_equal(made(server_regex_raw, "/a~b $\xc3\xbc").p,
	    "/a\\x7eb%20(?:\\x24|%24)%C3%BC");
	assert_string_equal(made(server_url_path, "/a b/%\xc3\xbc.css").p,
	    "/a%20b/%25%C3%BC.css");
}

static void groups(void **state)
{
	const struct str paths[] = {
	    STR_INIT("/a/x.css"), STR_INIT("/a/y"), STR_INIT("/b/z")};
	struct str many[500];
	size_t used, all = 0, n = 0;

	(void)state;
	assert_string_equal(
	    server_group(&k.arena, paths, 3, server_regex, &used).p,
	    "/a/(?:x\\.css|y)");
	assert_int_equal(used, 2);
	for (size_t i = 0; i < 500; i++)
		many[i] = arena_printf(&k.arena, "/a/%030zu", i);
	for (; all < 500; all += used, n++)
		assert_in_range(server_group(&k.arena, many + all, 500 - all,
				    server_regex, &used)
				    .n,
		    1, SERVER_GROUP_MAX + 64);
	assert_int_equal(all, 500);
	assert_true(n > 1);
}

/* For lighttpd: what has all codings of the site, and what has not. */
static void coded_files(void **state)
{
	struct value *data = value_new(&k.arena, VALUE_TABLE, POS_NONE);

	(void)state;
	put("index.html", OUT_PAGE);
	put("a/index.html", OUT_PAGE);
	put("a/one.html", OUT_PAGE);
	put("a/two.html", OUT_PAGE);
	put("a/x.css", OUT_POINTER);
	put("a/plain", OUT_POINTER);
	for (size_t i = 0; i < k.build.out.n; i++) {
		struct out_file *f = &k.build.out.files[i];
		f->siblings[ENCODING_GZ].bytes = 1;
		if (!str_ends(f->path, "two.html"))
			f->siblings[ENCODING_BR].bytes = 1;
	}
	server_files(&k.build, STR("a/one.html"), data);
	const struct value *rewrites = value_get(data, "rewrites");
	assert_int_equal(rewrites->as.array.n, 2);
	const struct value *coded = rewrites->as.array.items[0];
	const struct value *rows = value_get(coded, "rows");
	assert_string_equal(
	    value_text(coded, "fallback_to").p, "/a/one.html.%1?lowtide=%1");
	static const char *const want[][2] = {
	    {"^(/a/(?:one))(?:\\.html)?(?:\\?.*)?$", "$1.html.%1?lowtide=%1"},
	    {"^/(?:index\\.html)?(?:\\?.*)?$", "/index.html.%1?lowtide=%1"},
	    {"^(/(?:a))(?:/(?:index\\.html)?)?(?:\\?.*)?$",
		"$1/index.html.%1?lowtide=%1"},
	    {"^(/a/(?:plain|x\\.css))(?:\\?.*)?$", "$1.%1?lowtide=%1"},
	    {"^(/a/(?:two))(?:\\.html)?(?:\\?.*)?$", "$1.html"},
	};
	assert_int_equal(rows->as.array.n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < rows->as.array.n; i++) {
		const struct value *row = rows->as.array.items[i];
		assert_string_equal(value_text(row, "from").p, want[i][0]);
		assert_string_equal(value_text(row, "to").p, want[i][1]);
	}
	const struct value *bare = value_get(data, "bare");
	assert_int_equal(bare->as.array.n, 1);
	assert_string_equal(value_text(bare->as.array.items[0], "from").p,
	    "^(/a/(?:plain))(?:\\?.*)?$");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(folders_stand_for_their_files),
	    TEST(neighbours),
	    TEST(a_few_are_listed),
	    TEST(pure),
	    TEST(spellings),
	    TEST(groups),
	    TEST(coded_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server-rules", tests, NULL, NULL);
}
