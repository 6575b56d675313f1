#include "generator/keys.h"
#include "generator/provider-work.h"
#include "tests/unit/oauth-kit.h"

/*
 * The URLs of a provider: what its kind knows of it, for which server it is
 * true, and what no endpoint may be.
 */
#define GUID "9f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f"
#define MS "https://login.microsoftonline.com/"
#define HMRC_API "https://api.service.hmrc.gov.uk/oauth/token"
#define HMRC_TEST_API "https://test-api.service.hmrc.gov.uk/oauth/token"
#define HMRC_TEST "https://test-www.tax.service.gov.uk"

/* "" where it has none. */
static const struct {
	const char *id, *toml, *endpoint, *token, *issuer, *jwks;
} kinds[] = {
    {"x", OP, "https://op.example/a", "", "", ""},
    {"x",
	"base_uri = \"https://op.example/\"\npath = \"a/b/\"\n"
	"issuer = \"https://op.example/\"\niss = \"required\"\n"
	"token_endpoint = \"https://op.example/t?x=1\"\n"
	"jwks_uri = \"https://op.example/k\"",
	"https://op.example/a/b/", "https://op.example/t?x=1",
	"https://op.example/", "https://op.example/k"},
    {"x", "authorization_endpoint = \"http://[::1]:81/a\"", "http://[::1]:81/a",
	"", "", ""},
    {"x", "kind = \"cognito\"\ndomain = \"https://auth.example/\"",
	"https://auth.example/oauth2/authorize",
	"https://auth.example/oauth2/token", "", ""},
    {"x",
	"kind = \"cognito\"\ndomain = \"http://127.0.0.1:8080/sub\"\n"
	"issuer = \"https://idp.example/POOL\"",
	"http://127.0.0.1:8080/sub/oauth2/authorize",
	"http://127.0.0.1:8080/sub/oauth2/token", "https://idp.example/POOL",
	"https://idp.example/POOL/.well-known/jwks.json"},
    {"x",
	"kind = \"cognito\"\nauthorization_endpoint = "
	"\"https://auth.example/oauth2/authorize\"",
	"https://auth.example/oauth2/authorize",
	"https://auth.example/oauth2/token", "", ""},
    {"x", "kind = \"cognito\"\n" OP, "https://op.example/a", "", "", ""},
    {"x", "kind = \"cognito\"\ndomain = \"https://a.example\"\npath = \"/x\"",
	"https://a.example/x", "", "", ""},
    {"x", "kind = \"hmrc\"", "https://www.tax.service.gov.uk/oauth/authorize",
	HMRC_API, "", ""},
    {"x:sandbox", "kind = \"hmrc\"", HMRC_TEST "/oauth/authorize",
	HMRC_TEST_API, "", ""},
    {"x:other", "kind = \"hmrc\"",
	"https://www.tax.service.gov.uk/oauth/authorize", HMRC_API, "", ""},
    {"x", "kind = \"hmrc\"\nbase_uri = \"" HMRC_TEST "\"",
	HMRC_TEST "/oauth/authorize", HMRC_TEST_API, "", ""},
    {"x",
	"kind = \"hmrc\"\nauthorization_endpoint = \"" HMRC_TEST
	"/oauth/authorize\"",
	HMRC_TEST "/oauth/authorize", HMRC_TEST_API, "", ""},
    /* somebody else's server has none of the live one's */
    {"x", "kind = \"hmrc\"\nbase_uri = \"https://sim.example/\"",
	"https://sim.example/oauth/authorize", "", "", ""},
    {"x:sandbox", "kind = \"hmrc\"\nbase_uri = \"https://sim.example\"",
	"https://sim.example/oauth/authorize", "", "", ""},
    {"x",
	"kind = \"hmrc\"\nbase_uri = "
	"\"https://www.tax.service.gov.uk.example\"",
	"https://www.tax.service.gov.uk.example/oauth/authorize", "", "", ""},
    {"x", "kind = \"google\"", "https://accounts.google.com/o/oauth2/v2/auth",
	"https://oauth2.googleapis.com/token", "https://accounts.google.com",
	"https://www.googleapis.com/oauth2/v3/certs"},
    {"x", "kind = \"google\"\nbase_uri = \"https://sim.example\"",
	"https://sim.example/o/oauth2/v2/auth", "", "", ""},
    {"x", "kind = \"google\"\n" OP, "https://op.example/a", "", "", ""},
    {"x", "kind = \"github\"", "https://github.com/login/oauth/authorize",
	"https://github.com/login/oauth/access_token", "", ""},
    {"x", "kind = \"github\"\nbase_uri = \"https://git.example\"",
	"https://git.example/login/oauth/authorize",
	"https://git.example/login/oauth/access_token", "", ""},
    {"x", "kind = \"entra\"\ntenant = \"" GUID "\"",
	MS GUID "/oauth2/v2.0/authorize", MS GUID "/oauth2/v2.0/token",
	MS GUID "/v2.0", MS GUID "/discovery/v2.0/keys"},
    {"x", "kind = \"entra\"\ntenant = \"common\"",
	MS "common/oauth2/v2.0/authorize", MS "common/oauth2/v2.0/token", "",
	MS "common/discovery/v2.0/keys"},
    {"x", "kind = \"entra\"\ntenant = \"x.onmicrosoft.example\"",
	MS "x.onmicrosoft.example/oauth2/v2.0/authorize",
	MS "x.onmicrosoft.example/oauth2/v2.0/token", "",
	MS "x.onmicrosoft.example/discovery/v2.0/keys"},
    {"x", "kind = \"entra\"\ndomain = \"https://login.example/t1/\"",
	"https://login.example/t1/oauth2/v2.0/authorize",
	"https://login.example/t1/oauth2/v2.0/token", "",
	"https://login.example/t1/discovery/v2.0/keys"},
};

static void is(struct str got, const char *want, size_t row)
{
	if (!str_is(got, want))
		fail_msg("row %zu: %.*s, not %s", row, STR_ARG(got), want);
}

static void each_kind(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct str toml = arena_printf(&a, ID "%s", kinds[i].toml);
		struct got got =
		    read_as(&a, kinds[i].id, BASE, arena_cstr(&a, toml));
		assert_string_equal(got.said, "");
		is(got.provider.endpoint, kinds[i].endpoint, i);
		is(got.provider.token_endpoint, kinds[i].token, i);
		is(got.provider.issuer, kinds[i].issuer, i);
		is(got.provider.jwks_uri, kinds[i].jwks, i);
		if (!str_starts(got.provider.url, kinds[i].endpoint))
			fail_msg("row %zu: %.*s", i, STR_ARG(got.provider.url));
		assert_int_equal(got.provider.iss_required, i == 1);
		free(got.said);
	}
	arena_release(&a);
}

/* keys.def names the kinds that there are. */
static void all_kinds(void **state)
{
	const struct key *key = key_find("oauth.x.kind");
	size_t n = 0;

	(void)state;
	for (struct str rest = str_of(key->arg); rest.n; n++) {
		size_t bar = str_find(rest, '|', 0);
		assert_non_null(provider_kind_named(str_slice(rest, 0, bar)));
		rest = str_slice(rest, bar + 1, rest.n);
	}
	assert_int_equal(n, 6);
	assert_null(provider_kind_named(STR("oid")));
}

static void scopes(void **state)
{
	static const struct {
		const char *toml, *scope;
		bool nonce;
	} rows[] = {
	    {OP, "openid", true},
	    {"kind = \"cognito\"\n" OP, "openid profile email", true},
	    {"kind = \"hmrc\"\n" OP, "read:vat write:vat", false},
	    {"kind = \"google\"\n" OP, "openid profile email", true},
	    {"kind = \"github\"\n" OP, "read:user", false},
	    {"kind = \"entra\"\n" OP, "openid profile email", true},
	    {"kind = \"hmrc\"\nscopes = [\"openid\", \"x\"]\n" OP, "openid x",
		true},
	    {"kind = \"hmrc\"\nscopes = []\n" OP, "", false},
	    {"nonce = false\n" OP, "openid", false},
	    {"nonce = false\nscopes = [\"api\"]\n" OP, "api", false},
	    {"nonce = true\n" OP, "openid", true},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str toml = arena_printf(&a, ID "%s", rows[i].toml);
		struct got got = read_with(&a, BASE, arena_cstr(&a, toml));
		assert_string_equal(got.said, "");
		is(got.provider.scope, rows[i].scope, i);
		assert_int_equal(got.provider.nonce, rows[i].nonce);
		free(got.said);
	}
	arena_release(&a);
}

static void endpoints(void **state)
{
	static const struct row rows[] = {
	    {ID, "1:1: endpoint-missing"},
	    {ID "kind = \"cognito\"", "1:1: endpoint-missing"},
	    {ID "kind = \"entra\"", "1:1: endpoint-missing"},
	    {ID "base_uri = \"https://op.example\"",
		"1:1: endpoint-missing"}, /* and no path */
	    {ID "path = \"/a\"", "1:1: endpoint-missing"},
	    {ID AT "\"\"", "2:26: placeholder"},
	    {ID "kind = \"cognito\"\ndomain = \"${AUTH}\"",
		"3:10: placeholder"},
	    {ID "kind = \"cognitto\"\n" OP, "2:8: unknown-kind"},
	    /* the scheme */
	    {ID AT "\"http://op.example/a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"ftp://op.example/a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"//op.example/a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"/a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"https:///a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"https://op.example/a b\"", "2:26: endpoint-scheme"},
	    {ID AT "\"https://op.example/\\u00fc\"", "2:26: endpoint-scheme"},
	    {ID AT "\"http://localhost.example/a\"", "2:26: endpoint-scheme"},
	    {ID AT "\"http://127.0.0.1.example/a\"", "2:26: endpoint-scheme"},
	    {ID "kind = \"cognito\"\ndomain = \"auth.example\"",
		"3:10: endpoint-scheme"},
	    {ID "kind = \"cognito\"\ndomain = \"http://auth.example\"",
		"3:10: endpoint-scheme"},
	    /* its other parts */
	    {ID AT "\"https://op.example/a#f\"", "2:26: endpoint-fragment"},
	    {ID AT "\"https://op.example/a#\"", "2:26: endpoint-fragment"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example\"\n"
		"path = \"/x#y\"",
		"4:8: endpoint-fragment"},
	    {ID AT "\"https://me@op.example/a\"", "2:26: endpoint-userinfo"},
	    {ID AT "\"https://@op.example/a\"", "2:26: endpoint-userinfo"},
	    {ID AT "\"https://op.example//a\"", "2:26: double-slash"},
	    {ID AT "\"https://op.example/a//\"", "2:26: double-slash"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example//\"",
		"3:10: double-slash"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example/\"\n"
		"path = \"//authorize\"",
		"4:8: double-slash"},
	    {ID "kind = \"cognito\"\ndomain = \"http://a.example\"\n"
		"path = \"//authorize\"",
		"3:10: endpoint-scheme\n4:8: double-slash"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example?x=1\"",
		"3:10: base-has-query"},
	    {ID "kind = \"hmrc\"\nbase_uri = \"https://a.example/#x\"",
		"3:12: base-has-query"},
	    {ID "kind = \"hmrc\"\nbase_uri = \"https://a.example/?\"",
		"3:12: base-has-query"},
	    /* all of one URL */
	    {ID AT "\"http://me@op.example//a#f\"",
		"2:26: endpoint-scheme\n2:26: endpoint-fragment\n"
		"2:26: endpoint-userinfo\n2:26: double-slash"},
	    /* who is to be asked is said once */
	    {ID OP "base_uri = \"https://op.example\"", "3:12: endpoint-twice"},
	    {ID OP "path = \"/x\"", "3:8: endpoint-twice"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example\"\n"
		"base_uri = \"https://b.example\"",
		"3:10: endpoint-twice"},
	    {ID "kind = \"entra\"\ntenant = \"common\"\n"
		"domain = \"https://b.example\"",
		"3:10: endpoint-twice"},
	    {ID OP "tenant = \"common\"", "3:10: tenant-unused"},
	    {ID "kind = \"google\"\ntenant = \"common\"",
		"3:10: tenant-unused"},
	    {ID "kind = \"entra\"\ntenant = \"a/../b\"", "3:10: tenant-chars"},
	    {ID "kind = \"entra\"\ntenant = \"..\"", "3:10: tenant-chars"},
	    {ID "kind = \"entra\"\ntenant = \"\"", "3:10: placeholder"},
	};

	(void)state;
	REFUSES(rows);
}

static void other_urls(void **state)
{
	static const struct row rows[] = {
	    {ID OP "token_endpoint = \"http://op.example/t\"",
		"3:18: endpoint-scheme"},
	    {ID OP "token_endpoint = \"https://op.example/t#\"",
		"3:18: endpoint-fragment"},
	    {ID OP "jwks_uri = \"https://me@op.example/k\"",
		"3:12: endpoint-userinfo"},
	    {ID OP "jwks_uri = \"https://op.example//k\"",
		"3:12: double-slash"},
	    {ID OP "jwks_uri = \"TODO\"", "3:12: placeholder"},
	    {ID OP "issuer = \"op.example\"", "3:10: endpoint-scheme"},
	    {ID OP "issuer = \"https://op.example?x\"", "3:10: base-has-query"},
	    {ID OP "issuer = \"https://op.example#x\"", "3:10: base-has-query"},
	    {ID OP "iss = \"required\"", "3:7: issuer-missing"},
	    {ID "kind = \"entra\"\ntenant = \"common\"\niss = \"required\"",
		"4:7: issuer-missing"},
	};

	(void)state;
	REFUSES(rows);
}

static void own_parameters(void **state)
{
	static const struct row rows[] = {
	    {ID AT "\"https://op.example/a?client_id=x\"",
		"2:26: endpoint-param-clash"},
	    {ID AT "\"https://op.example/a?x=1&st%61te=y\"",
		"2:26: endpoint-param-clash"},
	    {ID AT "\"https://op.example/a?nonce\"",
		"2:26: endpoint-param-clash"},
	    {ID AT "\"https://op.example/a?request_uri=u&scope=a+b\"",
		"2:26: endpoint-param-clash\n2:26: endpoint-param-clash"},
	    {ID "kind = \"cognito\"\ndomain = \"https://a.example\"\n"
		"path = \"/a?response_type=code\"",
		"4:8: endpoint-param-clash"},
	    /* with the table's */
	    {ID AT "\"https://op.example/a?p=1\"\nparams = { p = \"2\" }",
		"2:26: endpoint-param-clash"},
	    {ID AT "\"https://op.example/a?lang=en\"\n"
		   "allow_params = [\"lang\"]",
		"2:26: endpoint-param-clash"},
	    {ID AT "\"https://op.example/a?max_age=1\"\nmax_age = 0",
		"2:26: endpoint-param-clash"},
	    /* with itself */
	    {ID AT "\"https://op.example/a?p=1&p=2\"", "2:26: param-dup"},
	    /* what is wrong with one, wherever it stands */
	    {ID AT "\"https://op.example/a?prompt=none+login\"",
		"2:26: prompt-none-mixed"},
	    {ID AT "\"https://op.example/a?response_mode=fragment\"",
		"2:26: response-mode-not-query"},
	    {ID AT "\"https://op.example/a?client%5Fsecret=x\"",
		"2:1: secret-present"},
	    {ID AT "\"https://op.example/a?client_secret=x\"",
		"2:1: secret-present"},
	};

	(void)state;
	REFUSES(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind),
	    cmocka_unit_test(all_kinds),
	    cmocka_unit_test(scopes),
	    cmocka_unit_test(endpoints),
	    cmocka_unit_test(other_urls),
	    cmocka_unit_test(own_parameters),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "oauth-endpoints", tests, NULL, NULL);
}
