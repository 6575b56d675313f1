/* covers generator/server-hosts.c, server-redirects.c and server-pages.c */
#include "tests/unit/site-kit.h"

#include "generator/server.h"

static struct kit k;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
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

static void load(const char *more)
{
	kit_file(&k, "site.toml",
	    arena_printf(&k.arena, "name = \"x\"\n[catalogue.plans]\n%s", more)
		.p);
	kit_file(&k, "catalogue/plans.toml", "version = \"1.0.0\"\n");
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
	put("index.html", OUT_PAGE);
	put("about.html", OUT_PAGE);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("wanted: %s\nin: %s", part, text);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void rules_that_never_meet(void **state)
{
	(void)state;
	load("");
	put("plans-v1.0.0.json", OUT_IMMUTABLE);
	put("plans.json", OUT_POINTER);
	put("assets/a b.css", OUT_IMMUTABLE);
	put("assets/c.css", OUT_IMMUTABLE);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	const char *text = kit_output(&k, OUT_WWW, "_headers");
	has(text, "/*\n  X-Content-Type-Options: nosniff\n");
	has(text, "  Content-Security-Policy: default-src 'self';");
	has(text, "/assets/*\n  Cache-Control: public, max-age=31536000, imm");
	has(text, "/plans-v1.0.0.json\n  Access-Control-Allow-Origin: *\n");
	has(text, "/plans.json\n  Access-Control-Allow-Origin: *\n");
	has(text, "/plans-v1.0.0.json\n  Cache-Control: public");
	assert_int_equal(count(text, "no-cache"), 0);
	assert_null(out_find(&k.build.out, OUT_WWW, STR("_redirects")));
}

static void no_folder_with_an_exception(void **state)
{
	(void)state;
	load("");
	put("assets/a.mjs", OUT_POINTER);
	put("assets/a b.0123456789.mjs", OUT_IMMUTABLE);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	const char *text = kit_output(&k, OUT_WWW, "_headers");
	has(text, "/assets/a%20b.0123456789.mjs\n  Cache-Control: public");
	assert_int_equal(count(text, "/assets/*"), 0);
}

static void never_more_than_a_hundred(void **state)
{
	(void)state;
	load("[server]\nkinds = [\"static-host\"]\n");
	for (int i = 0; i < 200; i++)
		put(arena_printf(&k.arena, "file-%d.js", i).p, OUT_IMMUTABLE);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	kit_says(&k, "warning: headers-left-out: _headers takes 100 rules, so "
		     "106 are left out");
	const char *text = kit_output(&k, OUT_WWW, "_headers");
	assert_int_equal(count(text, "\n/") + 1, 100);
	has(text, "# 106 more rules are left out");
}

/* A line is 2,000 bytes; there is no half of a policy. */
static void a_policy_that_is_too_long(void **state)
{
	struct buf toml = {0};

	(void)state;
	buf_puts(&toml, "[server]\nkinds = [\"static-host\"]\n[oauth]\n"
			"tokens = true\n");
	for (int i = 0; i < 80; i++)
		buf_printf(&toml,
		    "[oauth.p%02d]\nclient_id = 'c'\n"
		    "authorization_endpoint = 'https://a.example/'\n"
		    "redirect_uri = 'https://x.example/'\n"
		    "token_endpoint = 'https://p%02d.tokens.a.example/'\n",
		    i, i);
	load(arena_cstr(&k.arena, buf_str(&toml)));
	buf_release(&toml);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	kit_says(&k, "warning: policy-left-out: _headers takes lines of 2000 ");
	assert_null(strstr(kit_said(&k), "headers-left-out"));
	const char *text = kit_output(&k, OUT_WWW, "_headers");
	assert_int_equal(count(text, "  Content-Security-Policy"), 0);
	has(text, "  Referrer-Policy: strict-origin-when-cross-origin\n# the ");
}

/* Who uses another server is not bothered. */
static void limits_of_others(void **state)
{
	(void)state;
	load("");
	for (int i = 0; i < 200; i++)
		put(arena_printf(&k.arena, "file-%d.js", i).p, OUT_IMMUTABLE);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	has(kit_output(&k, OUT_WWW, "_headers"), "# 106 more rules");
}

static void a_line_that_is_too_long(void **state)
{
	struct buf path = {0};

	(void)state;
	load("");
	for (int i = 0; i < 10; i++)
		buf_printf(&path, "%0200d/", i);
	buf_puts(&path, "x.js");
	put(path.data, OUT_IMMUTABLE);
	buf_release(&path);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	has(kit_output(&k, OUT_WWW, "_headers"), "# 1 more rules");
	assert_int_equal(
	    count(kit_output(&k, OUT_WWW, "_headers"), "Cache-Control"), 0);
}

static void redirects_in_order(void **state)
{
	(void)state;
	load("[site]\nfallback = \"index\"\n[redirects]\n"
	     "\"/a/*\" = \"/about/:splat\"\n\"/a/b/*\" = \"/about\"\n"
	     "\"/gr\xc3\xbcn\" = { to = \"/about?x=1\", status = 307 }\n");
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_string_equal(kit_output(&k, OUT_WWW, "_redirects"),
	    "/gr%C3%BCn /about?x=1 307\n"
	    "/a/b/* /about 301\n"
	    "/a/* /about/:splat 301\n"
	    "/* /index.html 200\n");
}

/* "/old /about 301" and its line break: 2,000 characters, and one more. */
static void a_redirect_that_just_fits(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		char *from = arena_alloc(&k.arena, 2000);
		size_t n = 2000 - strlen(" /about 301\n") + (size_t)more;

		memset(from, 'a', n);
		from[0] = '/';
		from[n] = '\0';
		load(arena_printf(
		    &k.arena, "[redirects]\n\"%s\" = \"/about\"\n", from)
			 .p);
		assert_int_equal(produce_hosts(&k.build), ERR_OK);
		assert_int_equal(
		    count(kit_output(&k, OUT_WWW, "_redirects"), "/about 301"),
		    1 - more);
	}
}

/* Who comes from such a host has them already. */
static void their_own_stay(void **state)
{
	(void)state;
	load("[redirects]\n\"/old\" = \"/about\"\n");
	put("_headers", OUT_POINTER);
	put("_redirects", OUT_POINTER);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_output(&k, OUT_WWW, "_headers"), "x");
	assert_string_equal(kit_output(&k, OUT_WWW, "_redirects"), "x");
}

static void a_target_that_is_not_there(void **state)
{
	(void)state;
	load("[redirects]\n\"/a\" = \"/nowhere\"\n\"/b\" = \"/about\"\n"
	     "\"/c\" = \"/a\"\n\"/d\" = \"https://elsewhere.example/x\"\n"
	     "\"/e\" = \"/about.html?q#f\"\n");
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "site.toml:4:1: warning: missing-reference: there will be no file "
	    "/nowhere; write it, or correct the redirect\n");
}

static void pages_by_the_names_people_use(void **state)
{
	struct str page;

	(void)state;
	load("[site]\nnot_found = \"/about\"\nfallback = \"about.html\"\n");
	assert_int_equal(
	    server_page(&k.build, "site.not_found", &page), ERR_OK);
	assert_string_equal(page.p, "about.html");
	assert_int_equal(server_page(&k.build, "site.fallback", &page), ERR_OK);
	assert_string_equal(page.p, "about.html");
}

static void declared_files(void **state)
{
	(void)state;
	kit_file(&k, "static/vendor/a.js", "a");
	kit_file(&k, "static/vendor/x.html", "x");
	kit_file(&k, "static/b.js", "b");
	load("[cache]\nimmutable = [\"static/vendor/**\", \"static/c*\"]\n");
	assert_int_equal(produce_static(&k.build), ERR_OK);
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("vendor/a.js"))->class,
	    OUT_IMMUTABLE);
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("vendor/x.html"))->class,
	    OUT_IMMUTABLE);
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("b.js"))->class, OUT_POINTER);
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "site.toml:4:34: warning: unused-pattern: no file of static/ fits "
	    "\"static/c*\"; correct it, or take it out\n");
}

/* Browsers take the last policy of those that hosts join. */
static void pages_that_people_come_back_to(void **state)
{
	(void)state;
	kit_file(&k, "env/base.toml", "base_url = \"https://x.example/a\"\n");
	load("[oauth.a]\nkind = \"google\"\nclient_id = \"a\"\n"
	     "redirect_path = \"/about?x=y\"\n"
	     "[oauth.a.variant.b]\nclient_id = \"b\"\n"
	     "[oauth.c]\nkind = \"google\"\nclient_id = \"c\"\n"
	     "redirect_path = \"/nobody\"\n"
	     "[oauth.d]\nkind = \"google\"\nclient_id = \"d\"\n"
	     "redirect_uri = \"https://y.example/about\"\n");
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	const char *text = kit_output(&k, OUT_WWW, "_headers");
	const char *all = strstr(
	    text, "  Referrer-Policy: strict-origin-when-cross-origin\n");
	assert_non_null(all);
	has(all, "\n/about\n  Referrer-Policy: strict-origin\n");
	assert_int_equal(count(text, "Referrer-Policy"), 2);
}

static void the_page_for_all_else_when_they_come_there(void **state)
{
	(void)state;
	kit_file(&k, "env/base.toml", "base_url = \"https://x.example\"\n");
	load("[site]\n"
	     "fallback = \"index\"\n[oauth.a]\nkind = \"google\"\n"
	     "client_id = \"a\"\nredirect_path = \"/back\"\n");
	assert_int_equal(produce_hosts(&k.build), ERR_OK);
	has(kit_output(&k, OUT_WWW, "_headers"),
	    "/back\n  Referrer-Policy: strict-origin\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(rules_that_never_meet),
	    TEST(no_folder_with_an_exception),
	    TEST(never_more_than_a_hundred),
	    TEST(a_policy_that_is_too_long),
	    TEST(limits_of_others),
	    TEST(a_line_that_is_too_long),
	    TEST(redirects_in_order),
	    TEST(a_redirect_that_just_fits),
	    TEST(their_own_stay),
	    TEST(a_target_that_is_not_there),
	    TEST(pages_by_the_names_people_use),
	    TEST(declared_files),
	    TEST(pages_that_people_come_back_to),
	    TEST(the_page_for_all_else_when_they_come_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server-hosts", tests, NULL, NULL);
}
