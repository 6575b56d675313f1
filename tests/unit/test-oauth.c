#include "generator/overlay.h"
#include "tests/unit/oauth-kit.h"

/*
 * The URL that a provider's table becomes, and the order of what is in it. The
 * browser's half is tested by tests/cli/oauth.t.
 */
static void encoding(void **state)
{
	(void)state;
	gives(BASE, OP "client_id = \" a+b&c=d#e%f~g*h'i!j(k)l m\"",
	    "https://op.example/a?response_type=code&client_id="
	    "a%2Bb%26c%3Dd%23e%25f~g%2Ah%27i%21j%28k%29l%20m"
	    "&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fauth%2Fcallback."
	    "html&scope=openid");
	/* RFC 6749 Appendix B's characters */
	gives(BASE, ID OP "params = { x = \" %&+\\u00a3\\u20ac\" }",
	    "https://op.example/a?" TAIL
	    "openid&x=%20%25%26%2B%C2%A3%E2%82%AC");
	/* constants follow the scope */
	gives(BASE,
	    ID OP "params = { identity_provider = \"A & B\", prompt = \"x\" }",
	    "https://op.example/a?" TAIL
	    "openid&identity_provider=A%20%26%20B&prompt=x");
}

static void own_query(void **state)
{
	(void)state;
	gives(BASE,
	    ID "authorization_endpoint = \"https://op.example/a?p=B2C_1%20x\"",
	    "https://op.example/a?p=B2C_1%20x&" TAIL "openid");
	/* what cannot be decoded is not ours to mend */
	gives(BASE,
	    ID "authorization_endpoint = \"https://op.example/a?%zz&&%E9=%&=\"",
	    "https://op.example/a?%zz&&%E9=%&=&" TAIL "openid");
	gives(BASE, ID "authorization_endpoint = \"https://op.example/a?\"",
	    "https://op.example/a?" TAIL "openid");
	gives(BASE, ID "authorization_endpoint = \"https://op.example/a?p=1&\"",
	    "https://op.example/a?p=1&" TAIL "openid");
}

/* scope, response_mode, max_age, each resource, params by name */
static void order(void **state)
{
	(void)state;
	gives(BASE,
	    ID OP "params = { z = \"1\", a = \"2\" }\n"
		  "resource = [\"https://b.example/?x=1\", \"urn:a\"]\n"
		  "max_age = 0\nresponse_mode = \"query\"",
	    "https://op.example/a?" TAIL
	    "openid&response_mode=query&max_age=0&resource=https%3A%2F%2Fb."
	    "example%2F%3Fx%3D1&resource=urn%3Aa&a=2&z=1");
	/* resource alone may be repeated, wherever it stands */
	gives(BASE,
	    ID
	    "authorization_endpoint = \"https://op.example/a?resource=urn:x\"\n"
	    "resource = \"urn:y\"\nparams = { resource = \"urn:z\" }\n"
	    "allow_params = [\"resource\"]",
	    "https://op.example/a?resource=urn:x&" TAIL
	    "openid&resource=urn%3Ay&resource=urn%3Az");
	/* said, but nothing of it is in the URL */
	gives(BASE,
	    ID OP "par = false\njar = false\nresponse_type = \"code\"\n"
		  "params = { prompt = \"none\" }\nallow_params = []",
	    "https://op.example/a?" TAIL "openid&prompt=none");
	gives(BASE, ID OP "nonce = false\nscopes = []",
	    "https://op.example/a?response_type=code&client_id=abc&redirect_uri"
	    "=https%3A%2F%2Fwww.vat.example%2Fauth%2Fcallback.html");
}

/* Laid over by another file, a table has its parameters in any order. */
static void order_of_layers(void **state)
{
	struct arena a;
	struct value *root;
	struct oauth_provider provider;
	struct pos pos = {.file = "site.toml", .line = 1, .col = 1};

	(void)state;
	arena_init(&a);
	assert_int_equal(toml_read(&a, STR(ID OP "params = { m = \"1\" }"),
			     "site.toml", NULL, &root),
	    ERR_OK);
	value_set(&a, value_get(root, "params"), STR("b"), pos,
	    value_string(&a, STR("2"), pos));
	const struct member table = {STR("x"), pos, root};
	assert_int_equal(oauth_provider_read(&a, &table,
			     value_string(&a, STR(BASE), pos), NULL, &provider),
	    ERR_OK);
	assert_true(str_ends(provider.url, "&scope=openid&b=2&m=1"));
	arena_release(&a);
}

static void redirects(void **state)
{
	(void)state;
	gives("http://127.0.0.1:8080/sub/",
	    ID OP "redirect_path = \"/auth/x.html?a=1\"",
	    "https://op.example/a?response_type=code&client_id=abc"
	    "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fsub%2Fauth%2Fx."
	    "html%3Fa%3D1&scope=openid");
	gives(NULL, ID OP "redirect_uri = \"http://[::1]:81/cb\"",
	    "https://op.example/a?response_type=code&client_id=abc"
	    "&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A81%2Fcb&scope=openid");
}

static void rest(void **state)
{
	struct arena a;
	(void)state;
	arena_init(&a);
	struct got got = read_with(&a, BASE,
	    ID OP "issuer = \"https://op.example\"\n"
		  "allow_params = [\"lang\", \"prompt\"]\n"
		  "client_secret = { env = \"X\" }");
	assert_int_equal(got.err, ERR_OK);
	assert_true(got.provider.nonce && got.provider.pkce);
	assert_true(str_is(got.provider.issuer, "https://op.example"));
	assert_true(str_is(got.provider.allow, "lang prompt"));
	assert_true(str_is(got.provider.redirect, BASE "/auth/callback.html"));
	assert_true(got.provider.from_env); /* base_url */
	assert_true(got.provider.confidential);
	assert_int_equal(got.provider.max_age, -1);
	free(got.said);

	got = read_with(&a, BASE, ID OP "max_age = 0");
	assert_int_equal(got.provider.max_age, 0);
	assert_false(got.provider.confidential);
	free(got.said);
	got = read_with(&a, BASE, ID "kind = \"github\"");
	assert_true(got.provider.confidential); /* of its kind */
	free(got.said);

	got = read_with(&a, NULL,
	    ID "kind = \"hmrc\"\npkce = \"none\"\n"
	       "redirect_uri = \"https://www.vat.example/cb\"");
	assert_int_equal(got.err, ERR_OK);
	assert_false(got.provider.nonce || got.provider.pkce);
	assert_false(got.provider.from_env);
	assert_int_equal(got.provider.issuer.n, 0);
	free(got.said);
	arena_release(&a);
}

/* One value from the environment, and the file is of that environment. */
static void from_environment(void **state)
{
	static const char *const tomls[] = {
	    "kind = \"oidc\"\n" ID OP,
	    ID OP,
	    OP ID,
	    "tenant = \"common\"\nkind = \"entra\"\n" ID,
	    "domain = \"https://a.example\"\nkind = \"cognito\"\n" ID,
	    "path = \"/x\"\nbase_uri = \"https://a.example\"\n" ID,
	    "issuer = \"https://a.example\"\n" ID OP,
	    "iss = \"required\"\nissuer = \"https://a.example\"\n" ID OP,
	    "token_endpoint = \"https://a.example\"\n" ID OP,
	    "jwks_uri = \"https://a.example\"\n" ID OP,
	    "scopes = [\"openid\"]\n" ID OP,
	    "nonce = false\n" ID OP,
	    "pkce = \"none\"\n" ID OP,
	    "response_mode = \"query\"\n" ID OP,
	    "max_age = 0\n" ID OP,
	    "resource = \"urn:x\"\n" ID OP,
	    "resource = [\"urn:x\"]\n" ID OP,
	    "allow_params = [\"lang\"]\n" ID OP,
	    "params = { lang = \"cy\" }\n" ID OP,
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(tomls) / sizeof(*tomls); i++) {
		struct str first = str_slice(
		    str_of(tomls[i]), 0, str_find(str_of(tomls[i]), ' ', 0));
		for (int from = 0; from < 2; from++) {
			struct oauth_provider provider;
			struct value *root;
			struct pos pos = {.file = "site.toml"};
			assert_int_equal(toml_read(&a, str_of(tomls[i]),
					     "site.toml", NULL, &root),
			    ERR_OK);
			if (from)
				overlay_mark(value_member(root, first)->value);
			const struct member table = {STR("x"), pos, root};
			assert_int_equal(
			    oauth_provider_read(&a, &table,
				value_string(&a, STR(BASE), POS_NONE), NULL,
				&provider),
			    ERR_OK);
			if (provider.from_env != from)
				fail_msg("%.*s", STR_ARG(first));
		}
	}
	arena_release(&a);
}

/* 8,000 bytes with state and challenge, for which 200 are left. */
static void as_long_as_servers_take(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	struct got bare = read_with(&a, BASE, ID OP);
	for (int more = 0; more < 2; more++) {
		char value[8000], toml[9000];
		size_t n = 7800 - bare.provider.url.n - strlen("&a=") + more;
		memset(value, 'x', n);
		value[n] = '\0';
		snprintf(
		    toml, sizeof(toml), ID OP "params = { a = \"%s\" }", value);
		struct got got = read_with(&a, BASE, toml);
		assert_int_equal(got.provider.url.n, 7800 + more);
		assert_int_equal(got.err, more ? ERR_INPUT : ERR_OK);
		assert_int_equal(
		    strstr(got.said, "site.toml:1:1: url-too-long: ") != NULL,
		    more);
		free(got.said);
	}
	free(bare.said);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encoding),
	    cmocka_unit_test(own_query),
	    cmocka_unit_test(order),
	    cmocka_unit_test(order_of_layers),
	    cmocka_unit_test(redirects),
	    cmocka_unit_test(rest),
	    cmocka_unit_test(from_environment),
	    cmocka_unit_test(as_long_as_servers_take),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth", tests, NULL, NULL);
}
