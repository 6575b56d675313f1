#include "tests/unit/site-kit.h"

#include "generator/canon.h"
#include "generator/oauth-clients.h"

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
#define CODE                                                                   \
	"\"response_modes_supported\":[\"query\"],"                            \
	"\"response_types\":[\"code\"],"

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

/*
 * What there is not is absent, and who has a secret proves it elsewhere: it
 * need not be told here, where the kind's clients have one always.
 */
static void no_more_than_there_is(void **state)
{
	static const char *const secrets[] = {
	    "", "client_secret = { env = 'HOME' }\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char toml[512];
		snprintf(toml, sizeof(toml),
		    SITE "[oauth]\nclients = true\n[oauth.git]\n"
			 "kind = 'github'\nclient_id = 'g'\npkce = 'none'\n"
			 "redirect_uri = 'https://y.example/b'\n%s",
		    secrets[i]);
		gives(toml,
		    "{\"git\":{"
		    "\"authorization_endpoint\":"
		    "\"https://github.com/login/oauth/authorize\","
		    "\"client_id\":\"g\"," GRANT
		    "\"redirect_uris\":[\"https://y.example/b\"]," CODE
		    "\"scope\":\"read:user\","
		    "\"token_endpoint\":"
		    "\"https://github.com/login/oauth/access_token\"}}");
	}
}

/* One table of the file, of a provider that has everything but what p says. */
static void is(struct oauth_provider p, const char *json)
{
	struct arena a;
	struct diag diag;
	struct buf out = {0};

	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(
	    canon_write(&a, oauth_client(&a, &p), &diag, &out), ERR_OK);
	buf_puts(&out, "");
	assert_string_equal(out.data, json);
	buf_release(&out);
	arena_release(&a);
}

/* Everything that there can be, in the order of its name. */
#define ISS "\"authorization_response_iss_parameter_supported\":true,"
#define FIRST "{\"authorization_endpoint\":\"https://a.example/go\","
#define SECOND                                                                 \
	"\"client_id\":\"abc\","                                               \
	"\"code_challenge_methods_supported\":[\"S256\"],"
#define AGE "\"default_max_age\":0,"
#define END "\"end_session_endpoint\":\"https://a.example/out?a=b\","
#define GRANTS "\"grant_types\":[\"authorization_code\",\"refresh_token\"],"
#define THIRD                                                                  \
	"\"issuer\":\"https://a.example\","                                    \
	"\"jwks_uri\":\"https://a.example/jwks\","
#define BACK "\"post_logout_redirect_uris\":[\"https://x.example/out\"],"
#define REDIRECTS                                                              \
	"\"redirect_uris\":[\"https://x.example/b\",\"https://x.example/a\","  \
	"\"app.example:/c\"],"
#define LAST                                                                   \
	CODE "\"scope\":\"openid b\",\"token_endpoint\":"                      \
	     "\"https://a.example/token\""
#define NONE ",\"token_endpoint_auth_method\":\"none\"}"

static struct oauth_provider whole(struct arena *a)
{
	static const char *const uris[] = {
	    "https://x.example/a", "https://x.example/b", "app.example:/c"};
	struct value *list = value_new(a, VALUE_ARRAY, POS_NONE);

	for (size_t i = 0; i < 3; i++)
		value_push(a, list, value_string(a, str_of(uris[i]), POS_NONE));
	return (struct oauth_provider){
	    .id = STR("login"),
	    .endpoint = STR("https://a.example/go"),
	    .client_id = STR("abc"),
	    .scope = STR("openid b"),
	    .redirect = STR("https://x.example/b"),
	    .redirects = list,
	    .issuer = STR("https://a.example"),
	    .iss_required = true,
	    .token_endpoint = STR("https://a.example/token"),
	    .jwks_uri = STR("https://a.example/jwks"),
	    .logout_endpoint = STR("https://a.example/out?a=b"),
	    .logout_redirect = STR("https://x.example/out"),
	    .logout_url = STR("https://a.example/out?a=b&client_id=abc"),
	    .logout_style = "oidc",
	    .allow = STR("lang"),
	    .max_age = 0,
	    .nonce = true,
	    .pkce = true,
	};
}

static void everything(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	is(whole(&a),
	    FIRST ISS SECOND AGE END GRANTS THIRD BACK REDIRECTS LAST NONE);
	arena_release(&a);
}

/* A server proves itself with its secret, and refreshes what it got. */
static void of_a_confidential_client(void **state)
{
	struct arena a;
	struct oauth_provider p;

	(void)state;
	arena_init(&a);
	p = whole(&a);
	p.confidential = true;
	is(p, FIRST ISS SECOND AGE END GRANT THIRD BACK REDIRECTS LAST "}");
	arena_release(&a);
}

/* No end_session_endpoint is one that wants other parameters. */
static void of_other_ways_to_sign_out(void **state)
{
	static const char *const styles[] = {"cognito", NULL};
	struct arena a;
	struct oauth_provider p;

	(void)state;
	arena_init(&a);
	p = whole(&a);
	for (size_t i = 0; i < 2; i++) {
		p.logout_style = styles[i];
		is(p, FIRST ISS SECOND AGE GRANTS THIRD REDIRECTS LAST NONE);
	}
	p.logout_style = "oidc";
	p.logout_redirect.n = 0;
	is(p, FIRST ISS SECOND AGE END GRANTS THIRD REDIRECTS LAST NONE);
	arena_release(&a);
}

static void each_for_itself(void **state)
{
	struct arena a;
	struct oauth_provider p;

	(void)state;
	arena_init(&a);
	p = whole(&a);
	p.iss_required = false;
	is(p, FIRST SECOND AGE END GRANTS THIRD BACK REDIRECTS LAST NONE);
	p = whole(&a);
	p.max_age = -1;
	is(p, FIRST ISS SECOND END GRANTS THIRD BACK REDIRECTS LAST NONE);
	p = whole(&a);
	p.redirects = NULL;
	is(p, FIRST ISS SECOND AGE END GRANTS THIRD BACK
	    "\"redirect_uris\":[\"https://x.example/b\"]," LAST NONE);
	p = whole(&a);
	p.token_endpoint.n = 0;
	is(p, FIRST ISS SECOND AGE END GRANT THIRD BACK REDIRECTS CODE
	    "\"scope\":\"openid b\"" NONE);
	arena_release(&a);
}

/* Variants stand beside their base, under the names that oauth.mjs has. */
static void of_variants(void **state)
{
	struct kit k;
	const struct out_file *f =
	    make(&k, SITE "[oauth]\nclients = true\n"
			  "[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 'live'\n"
			  "[oauth.hmrc.variant.sandbox]\nclient_id = 'test'\n"
			  "redirect_path = '/test.html'\n");

	(void)state;
	assert_string_equal(kit_said(&k), "");
	const char *json = arena_cstr(&k.arena, f->bytes);
	assert_non_null(strstr(json, "{\"hmrc\":{\"authorization_endpoint\":"
				     "\"https://www.tax.service.gov.uk/"));
	assert_non_null(strstr(json,
	    "},\"hmrc:sandbox\":{\"authorization_endpoint\":"
	    "\"https://test-www.tax.service.gov.uk/oauth/authorize\","
	    "\"client_id\":\"test\","));
	kit_close(&k);
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
	    {"oauth.login.redirect_allow = "
	     "['https://x.example/auth/callback.html']\n",
		true},
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
	    cmocka_unit_test(everything),
	    cmocka_unit_test(of_a_confidential_client),
	    cmocka_unit_test(of_other_ways_to_sign_out),
	    cmocka_unit_test(each_for_itself),
	    cmocka_unit_test(of_variants),
	    cmocka_unit_test(canonical),
	    cmocka_unit_test(where_asked),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(nothing_of_broken_ones),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-clients", tests, NULL, NULL);
}
