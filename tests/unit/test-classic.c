#include "tests/unit/site-kit.h"

#include "generator/classic.h"

/*
 * The classic script of a [dotenv.NAME]: what it is made of and what is
 * refused. tests/cli/classic.t runs it.
 */
#define SITE                                                                   \
	"name = 'x'\nbase_url = 'https://x.example'\n"                         \
	"[public]\na = 'one'\n"                                                \
	"[dotenv.app]\nfile = 'app.env'\nscript = 'lib/env.js'\n"              \
	"groups = [{ A = 'public.a' }]\n"
#define LOGIN                                                                  \
	"[oauth.login]\nauthorization_endpoint = 'https://a.example/go'\n"     \
	"client_id = 'abc'\n"

static enum err make(struct kit *k, const char *site, const char *base)
{
	kit_open(k);
	kit_file(k, "site.toml", site);
	if (base)
		kit_file(k, "env/base.toml", base);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	return produce_dotenv(kit_build(k));
}

static const struct out_file *script(struct kit *k)
{
	return out_find(&k->build.out, OUT_WWW, STR("lib/env.js"));
}

static void beside_its_file(void **state)
{
	struct kit k;

	(void)state;
	assert_int_equal(make(&k, SITE LOGIN, NULL), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_string_equal(kit_output(&k, OUT_WWW, "app.env"), "A=one\n");
	assert_non_null(
	    strstr(kit_output(&k, OUT_WWW, "lib/env.js"), "['A']: 'one',"));
	assert_int_equal(script(&k)->class, OUT_POINTER);
	assert_true(str_is(
	    build_published(&k.build, STR("/lib/env.js")), "/lib/env.js"));
	kit_close(&k);
}

/* Names become functions; what comes of broken ones is no script at all. */
static void names_of_functions(void **state)
{
	static const char *const names[][2] = {
	    {"cognito", "buildCognitoAuthUrl: openid('cognito'),"},
	    {"company-house",
		"buildCompanyHouseAuthUrl: openid('company-house'),"},
	    {"a_b--c", "buildABCAuthUrl: openid('a_b--c'),"},
	    {"2fa", "build2faAuthUrl: openid('2fa'),"},
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char toml[512];
		snprintf(toml, sizeof(toml),
		    SITE "[oauth.%s]\n"
			 "authorization_endpoint = 'https://a.example'\n"
			 "client_id = 'abc'\n",
		    names[i][0]);
		assert_int_equal(make(&k, toml, NULL), ERR_OK);
		assert_non_null(
		    strstr(kit_output(&k, OUT_WWW, "lib/env.js"), names[i][1]));
		kit_close(&k);
	}
	assert_int_equal(
	    make(&k, SITE "[oauth.a]\nkind = 'google'\n", NULL), ERR_INPUT);
	assert_string_equal(kit_said(&k), "");
	assert_null(script(&k));
	kit_close(&k);
}

static void two_that_become_one(void **state)
{
	struct kit k;

	(void)state;
	assert_int_equal(
	    make(&k,
		SITE "[dotenv.more]\nfile = 'b.env'\nscript = 'b.js'\n"
		     "groups = []\n"
		     "[oauth.a-b]\nkind = 'hmrc'\nclient_id = '1'\n"
		     "[oauth.a_b]\nkind = 'hmrc'\nclient_id = '2'\n"
		     "[oauth.ab]\nkind = 'hmrc'\nclient_id = '3'\n",
		NULL),
	    ERR_INPUT);
	assert_string_equal(kit_said(&k),
	    "site.toml:16:8: builder-clash: [oauth.a-b] and [oauth.a_b] would "
	    "both be buildABAuthUrl in a classic script; rename one of them\n");
	assert_null(script(&k));
	kit_close(&k);
	/* without a script they may be called as they like */
	assert_int_equal(make(&k,
			     "name = 'x'\nbase_url = 'https://x.example'\n"
			     "[dotenv.more]\nfile = 'b.env'\ngroups = []\n"
			     "[oauth.a-b]\nkind = 'hmrc'\nclient_id = '1'\n"
			     "[oauth.a_b]\nkind = 'hmrc'\nclient_id = '2'\n",
			     NULL),
	    ERR_OK);
	kit_close(&k);
}

static struct oauth_provider variants[] = {
    {
	.id = STR_INIT("hmrc"),
	.endpoint = STR_INIT("https://a.example?a&scope=x"),
	.url = STR_INIT("https://a.example?a&scope=x&c=d&scope=r%3Av%20w&e=f"),
	.scope = STR_INIT("r:v w"),
	.pkce = true,
    },
    {
	.id = STR_INIT("hmrc:sandbox"),
	.endpoint = STR_INIT("https://b.example"),
	.url = STR_INIT("https://b.example?c=d&scope=openid"),
	.scope = STR_INIT("openid"),
    },
    {
	.id = STR_INIT("hmrc:bare"),
	.endpoint = STR_INIT("https://c.example"),
	.url = STR_INIT("https://c.example?c=d&e=f"),
	.nonce = true,
    },
};

/* A variant is a row, and no function of its own. */
static void rows_of_variants(void **state)
{
	static const char *const wanted[][4] = {
	    {"hmrc", "https://a.example?a&scope=x&c=d", "&e=f", "r:v w"},
	    {"hmrc:sandbox", "https://b.example?c=d", "", "openid"},
	    {"hmrc:bare", "https://c.example?c=d&e=f", "", ""},
	};
	static const struct dotenv_providers all = {.list = variants, .n = 3};
	struct kit k;
	struct value *data;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", SITE);
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(classic_data(kit_build(&k), &all, &data), ERR_OK);
	const struct value *rows = value_get(data, "providers");
	assert_int_equal(rows->as.array.n, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct value *row = rows->as.array.items[i];
		assert_true(str_is(value_text(row, "id"), wanted[i][0]));
		assert_true(str_is(value_text(row, "before"), wanted[i][1]));
		assert_true(str_is(value_text(row, "after"), wanted[i][2]));
		assert_true(str_is(value_text(row, "scope"), wanted[i][3]));
		assert_true(str_is(
		    value_text(row, "nonce"), variants[i].nonce ? "1" : "0"));
		assert_true(str_is(
		    value_text(row, "pkce"), variants[i].pkce ? "1" : "0"));
	}
	const struct value *builders = value_get(data, "builders");
	assert_int_equal(builders->as.array.n, 1);
	assert_false(value_get(builders->as.array.items[0], "openid")->as.b);
	kit_close(&k);
}

static void no_variant_is_live(void **state)
{
	struct oauth_provider two[] = {
	    variants[0],
	    {.id = STR("hmrc:live"), .pos = {"site.toml", 9, 2}},
	};
	struct dotenv_providers all = {.list = two, .n = 2};
	struct kit k;
	struct value *data;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", SITE);
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(classic_data(kit_build(&k), &all, &data), ERR_INPUT);
	assert_string_equal(kit_said(&k),
	    "site.toml:9:2: builder-clash: in a classic script \"live\" is "
	    "[oauth.hmrc] itself and no variant of it; rename the variant\n");
	kit_close(&k);
}

/* The script is the environment's where a value or a provider is. */
static void of_an_environment(void **state)
{
	static const struct {
		const char *base;
		bool file, script;
	} rows[] = {
	    {"keep = 3\n", false, false},
	    {"public.a = 'y'\n", true, true},
	    {"dotenv.app.script = 'lib/env.js'\n", true, true},
	    {"oauth.login.client_id = 'y'\n", false, true},
	    {"oauth.login.pkce = 'none'\n", false, true},
	    {"base_url = 'https://y.example'\n", false, true},
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(make(&k, SITE LOGIN, rows[i].base), ERR_OK);
		assert_int_equal(
		    out_find(&k.build.out, OUT_WWW, STR("app.env"))->from_env,
		    rows[i].file);
		assert_int_equal(script(&k)->from_env, rows[i].script);
		kit_close(&k);
	}
}

static void where_it_may_be(void **state)
{
	static const char *const bad[][2] = {
	    {"env.mjs", "bad-path: \"env.mjs\""},
	    {"../env.js", "bad-path: \"../env.js\""},
	    {".js", "bad-path: \".js\""},
	    {"api/env.js", "path-reserved: "},
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char toml[256];
		snprintf(toml, sizeof(toml),
		    "name = 'x'\n[dotenv.a]\nfile = 'a.env'\nscript = '%s'\n"
		    "groups = []\n",
		    bad[i][0]);
		assert_int_equal(make(&k, toml, NULL), ERR_INPUT);
		kit_says(&k,
		    arena_printf(&k.arena, "site.toml:4:10: %s", bad[i][1]).p);
		assert_int_equal(k.build.out.n, 0);
		kit_close(&k);
	}
	assert_int_equal(
	    make(&k,
		"name = 'x'\n[dotenv.a]\nfile = 'a.js'\nscript = 'a.js'\n"
		"groups = []\n",
		NULL),
	    ERR_INPUT);
	kit_says(&k, "site.toml:4:10: output-clash: ");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(beside_its_file),
	    cmocka_unit_test(names_of_functions),
	    cmocka_unit_test(two_that_become_one),
	    cmocka_unit_test(rows_of_variants),
	    cmocka_unit_test(no_variant_is_live),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(where_it_may_be),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("classic", tests, NULL, NULL);
}
