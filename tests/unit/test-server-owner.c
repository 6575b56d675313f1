/* covers generator/server-owner.c; real servers ask in tests/web/contract-*.t
 */
#include "generator/api-auth.h"
#include "generator/server-data.h"
#include "tests/unit/site-kit.h"

static struct kit k;
static struct server_ctx d;

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

/* `apis` is what stands in api.toml below [web_server] and an upstream. */
static void load_with(const char *web, const char *apis)
{
	kit_file(&k, "site.toml", "name = \"my-shop\"\n");
	kit_file(&k, "api.toml",
	    arena_printf(&k.arena,
		"auth = \"none\"\n%s\n[upstream.u]\n"
		"base = \"https://u.example\"\n%s",
		web, apis)
		.p);
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
	assert_int_equal(produce_api(&k.build), ERR_OK);
	d = (struct server_ctx){.b = &k.build,
	    .a = &k.arena,
	    .root = value_new(&k.arena, VALUE_TABLE, POS_NONE)};
	server_set_owner(&d);
}

static void load(const char *web, const char *apis)
{
	kit_file(&k, "env/base.toml", "");
	load_with(web, apis);
}

#define BASIC "[web_server]\nauth = \"basic\"\n"
#define API(name, auth, path)                                                  \
	"[api." name "]\nauth = \"" auth "\"\npath = \"" path                  \
	"\"\nupstream = \"u\"\non_lost = \"fail\"\n"

static bool flag(const struct value *table, const char *key)
{
	return value_get(table, key)->as.b;
}

/* "REGEX 1|REGEX 0|…" */
static const char *rows(const char *key)
{
	const struct value *array = value_get(d.root, key);
	struct buf out = {0};

	for (size_t i = 0; i < array->as.array.n; i++) {
		const struct value *row = array->as.array.items[i];
		buf_put_str(&out, value_text(row, "regex"));
		buf_printf(&out, " %d|", flag(row, "is"));
	}
	struct str text = arena_str(&k.arena, buf_str(&out));
	buf_release(&out);
	return text.p;
}

static void nobody_has_to_be_somebody(void **state)
{
	(void)state;
	load("", API("a", "none", "/a"));
	assert_false(flag(d.root, "owner"));
	assert_false(flag(d.root, "basic"));
	assert_null(value_get(d.root, "asked"));
}

/* The router's order: a word before a place, wherever they differ first. */
static void the_first_that_fits_is_the_routers(void **state)
{
	(void)state;
	load(BASIC,
	    API("w", "web-server", "/q/{x}/b") API("x", "none", "/q/a/{y}")
		API("y", "web-server", "/q/a/b") API("z", "none", "/q/a")
		    API("v", "web-server", "/q/{x}/{y}"));
	assert_true(flag(d.root, "owner"));
	assert_true(flag(d.root, "basic"));
	assert_string_equal(rows("asked"),
	    "/api/q/a 0|/api/q/a/b 1|/api/q/a/[^/? ]+ 0|"
	    "/api/q/[^/? ]+/b 1|/api/q/[^/? ]+/[^/? ]+ 1|");
	assert_string_equal(rows("asked_last"),
	    "/api/q/[^/? ]+/[^/? ]+ 1|/api/q/[^/? ]+/b 1|"
	    "/api/q/a/[^/? ]+ 0|/api/q/a/b 1|/api/q/a 0|");
}

/* Nothing of a path means anything to an expression; prefix and jobs, too. */
static void paths_are_spelled(void **state)
{
	(void)state;
	load("prefix = \"/v1.0\"\n" BASIC, API("a", "web-server", "/a.b~c"));
	assert_string_equal(rows("asked"), "/v1\\.0/a\\.b\\x7ec 1|");
	assert_true(str_is(value_text(d.root, "jobs_regex"), "/v1\\.0/jobs"));
}

static void a_program_is_asked(void **state)
{
	(void)state;
	load("[web_server]\nauth = \"request\"\ncheck = \"/check\"\n"
	     "owner_header = \"X-Auth-User\"\n",
	    API("a", "web-server", "/a"));
	assert_false(flag(d.root, "basic"));
	assert_true(flag(d.root, "check_inside"));
	assert_true(str_is(value_text(d.root, "check"), "/check"));
	assert_true(str_is(value_text(d.root, "check_header"), "x_auth_user"));
}

/* Who publishes for a server that checks nobody is told. */
static void nobody_checks(void **state)
{
	static const struct {
		const char *web, *kinds, *said;
	} rows[] = {
	    {BASIC, "nginx\", \"apache", NULL},
	    {BASIC, "lighttpd", "behind lighttpd each"},
	    {"[web_server]\nauth = \"request\"\ncheck = \"/check\"\n",
		"nginx\", \"apache", "behind apache each"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		kit_close(&k);
		kit_open(&k);
		kit_file(&k, "env/base.toml",
		    arena_printf(
			&k.arena, "[server]\nkinds = [\"%s\"]\n", rows[i].kinds)
			.p);
		load_with(rows[i].web, API("a", "web-server", "/a"));
		assert_int_equal(produce_server(&k.build), ERR_OK);
		const char *said = kit_said(&k);
		if (!rows[i].said)
			assert_string_equal(said, "");
		else if (!strstr(said, rows[i].said) ||
			 !strstr(said, "nobody-checks"))
			fail_msg("%s", said);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_has_to_be_somebody),
	    TEST(the_first_that_fits_is_the_routers),
	    TEST(paths_are_spelled),
	    TEST(a_program_is_asked),
	    TEST(nobody_checks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server-owner", tests, NULL, NULL);
}
