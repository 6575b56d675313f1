#include "tests/unit/site-kit.h"

/* oauth-clients.json: what anybody may know of the site's providers. */
#define SITE "name = 'x'\nbase_url = 'https://x.example'\n"
#define LOGIN                                                                  \
	"[oauth.login]\nauthorization_endpoint = 'https://a.example/go?p=1'\n" \
	"client_id = 'abc'\n"

static const struct out_file *make(struct kit *k, const char *toml)
{
	kit_open(k);
	kit_file(k, "site.toml", toml);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	assert_int_equal(produce_oauth_clients(kit_build(k)), ERR_OK);
	return out_find(&k->build.out, OUT_WWW, STR("oauth-clients.json"));
}

static void gives(const char *toml, const char *json)
{
	struct kit k;
	const struct out_file *f = make(&k, toml);

	assert_non_null(f);
	assert_string_equal(kit_said(&k), "");
	assert_string_equal(arena_cstr(&k.arena, f->bytes), json);
	assert_int_equal(f->class, OUT_POINTER);
	kit_close(&k);
}

#define GRANT "\"grant_types\":[\"authorization_code\"],"
#define CODE "\"response_types\":[\"code\"],"

static void all_of_one(void **state)
{
	(void)state;
	gives(SITE "[oauth]\nclients = true\n" LOGIN
		   "issuer = 'https://a.example'\nscopes = ['openid', 'b']\n"
		   "params = { lang = 'en' }\n",
	    "{\"login\":{"
	    "\"authorization_endpoint\":\"https://a.example/go?p=1\","
	    "\"client_id\":\"abc\","
	    "\"code_challenge_methods_supported\":[\"S256\"]," GRANT
	    "\"issuer\":\"https://a.example\","
	    "\"redirect_uris\":[\"https://x.example/auth/callback.html\"]," CODE
	    "\"scope\":\"openid b\","
	    "\"token_endpoint_auth_method\":\"none\"}}");
}

/* What there is not is absent, and who has a secret proves it elsewhere. */
static void no_more_than_there_is(void **state)
{
	(void)state;
	gives(SITE "[oauth]\nclients = true\n[oauth.git]\nkind = 'github'\n"
		   "client_id = 'g'\npkce = 'none'\n"
		   "redirect_uri = 'https://y.example/b'\n"
		   "client_secret = { env = 'HOME' }\n",
	    "{\"git\":{"
	    "\"authorization_endpoint\":"
	    "\"https://github.com/login/oauth/authorize\","
	    "\"client_id\":\"g\"," GRANT
	    "\"redirect_uris\":[\"https://y.example/b\"]," CODE
	    "\"scope\":\"read:user\"}}");
}

/* However the tables are ordered, the bytes are the same. */
static void canonical(void **state)
{
	static const char *const orders[] = {SITE
	    "[oauth]\nclients = true\n[oauth.b]\nkind = 'google'\n"
	    "client_id = '1'\n[oauth.a]\nclient_id = '2'\n"
	    "kind = 'google'\n",
	    SITE "[oauth.a]\nkind = 'google'\nclient_id = '2'\n"
		 "[oauth.b]\nclient_id = '1'\nkind = 'google'\n"
		 "[oauth]\nclients = true\n"};
	struct kit k[2];
	const struct out_file *f[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		f[i] = make(&k[i], orders[i]);
	assert_true(str_eq(f[0]->bytes, f[1]->bytes));
	assert_true(str_starts(f[0]->bytes, "{\"a\":{"));
	for (size_t i = 0; i < 2; i++)
		kit_close(&k[i]);
}

static void where_asked(void **state)
{
	struct kit k;

	(void)state;
	assert_null(make(&k, SITE LOGIN));
	kit_close(&k);
	assert_null(make(&k, SITE "[oauth]\nclients = false\n" LOGIN));
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
	assert_null(make(&k, SITE "[oauth]\nclients = true\n"));
	kit_says(&k, "site.toml:4:11: warning: oauth-without-provider: ");
	kit_close(&k);
}

/* Each of them alone makes it a file of the environment. */
static void of_an_environment(void **state)
{
	static const struct {
		const char *base;
		bool from_env;
	} rows[] = {
	    {"keep = 3\n", false},
	    {"base_url = 'https://y.example'\n", true},
	    {"oauth.login.client_id = 'y'\n", true},
	    {"oauth.login.scopes = ['openid']\n", true},
	    {"oauth.login.pkce = 'none'\n", true},
	    {"oauth.login.client_secret = { file = 'x' }\n", true},
	    {"oauth.clients = true\n", true},
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		kit_open(&k);
		kit_file(
		    &k, "site.toml", SITE "[oauth]\nclients = true\n" LOGIN);
		kit_file(&k, "env/base.toml", rows[i].base);
		assert_int_equal(kit_load(&k, NULL), ERR_OK);
		assert_int_equal(produce_oauth_clients(kit_build(&k)), ERR_OK);
		assert_int_equal(
		    out_find(&k.build.out, OUT_WWW, STR("oauth-clients.json"))
			->from_env,
		    rows[i].from_env);
		kit_close(&k);
	}
}

/* produce_oauth() tells it, so it is told once. */
static void nothing_of_broken_ones(void **state)
{
	struct kit k;

	(void)state;
	assert_null(
	    make(&k, SITE "[oauth]\nclients = true\n" LOGIN "[oauth.two]\n"
			  "kind = 'google'\nredirect_path = '/b'\n"));
	assert_string_equal(kit_said(&k), "");
	assert_int_equal(produce_oauth(&k.build), ERR_INPUT);
	kit_says(&k, "client-id-empty: ");
	assert_int_equal(k.diag.errors, 1);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_of_one),
	    cmocka_unit_test(no_more_than_there_is),
	    cmocka_unit_test(canonical),
	    cmocka_unit_test(where_asked),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(nothing_of_broken_ones),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-clients", tests, NULL, NULL);
}
