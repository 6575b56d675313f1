#include "tests/unit/oauth-kit.h"

/*
 * What is refused of who asks and what is asked for, and where it says so.
 * Endpoints, redirect URIs, variants and logout have tests of their own.
 */
static void client(void **state)
{
	static const struct row rows[] = {
	    {OP, "1:1: client-id-empty"},
	    {"client_id = \" \"\n" OP, "1:13: client-id-empty"},
	    {"client_id = \"${CLIENT}\"\n" OP, "1:13: client-id-placeholder"},
	    {"client_id = \"TODO\"\n" OP, "1:13: client-id-placeholder"},
	    {"client_id = \"a\\tb\"\n" OP, "1:13: client-id-chars"},
	    {"client_id = \"a\\u007fb\"\n" OP, "1:13: client-id-chars"},
	    {"client_id = \"caf\\u00e9\"\n" OP, "1:13: client-id-chars"},
	    {ID OP "pkce = \"plain\"", "3:8: pkce-plain"},
	    {ID OP "pkce = \"s256\"", "3:8: pkce-plain"},
	    {ID OP "pkce = \"\"", "3:8: placeholder"},
	    {ID OP "scopes = [\"openid\", \"a b\", \"a\\\"b\", \"a\\\\b\"]",
		"3:21: scope-chars\n3:28: scope-chars\n3:36: scope-chars"},
	    {ID OP "scopes = [\"openid\", \"caf\\u00e9\", \"a\\tb\"]",
		"3:21: scope-chars\n3:34: scope-chars"},
	    {ID OP "scopes = [\"openid\", \"\"]", "3:21: placeholder"},
	    {ID OP "scopes = [\"openid\", \"${S}\"]", "3:21: placeholder"},
	    {ID OP "scopes = [\"openid\", \"a\", \"openid\", \"a\"]",
		"3:26: scope-dup\n3:36: scope-dup"},
	    {ID OP "scopes = [\"profile\"]", "3:10: openid-missing"},
	    {ID OP "scopes = []", "3:10: openid-missing"},
	    {ID OP "scopes = [\"Openid\"]", "3:10: openid-missing"},
	    {ID "kind = \"hmrc\"\nnonce = true", "3:9: nonce-without-openid"},
	    {ID OP "scopes = [\"a\"]\nnonce = true",
		"4:9: nonce-without-openid"},
	};

	(void)state;
	REFUSES(rows);
}

static void parameters(void **state)
{
	static const struct row rows[] = {
	    {ID OP "params = { state = \"x\", foo = \"y\" }",
		"3:12: param-reserved"},
	    {ID OP "params = { response_type = \"token\", scope = \"a\","
		   " redirect_uri = \"x\", client_id = \"y\","
		   " code_challenge_method = \"plain\" }",
		"3:12: param-reserved\n3:37: param-reserved\n"
		"3:50: param-reserved\n3:70: param-reserved\n"
		"3:87: param-reserved"},
	    {ID OP "allow_params = [\"lang\", \"nonce\", \"code_challenge\"]",
		"3:25: param-reserved\n3:34: param-reserved"},
	    {ID OP "allow_params = [\"request\", \"request_uri\"]",
		"3:17: jar-required\n3:28: par-required"},
	    {ID OP "allow_params = [\"a b\", \"\"]",
		"3:17: param-name\n3:24: param-name"},
	    {ID OP "params = { \"\" = \"x\" }", "3:12: param-name"},
	    {ID OP "params = { a = \"\", b = \"${B}\", c = \"TODO\" }",
		"3:12: placeholder\n3:20: placeholder\n3:32: placeholder"},
	    /* said twice */
	    {ID OP "allow_params = [\"a\", \"b\", \"a\"]", "3:27: param-dup"},
	    {ID OP "params = { a = \"1\" }\nallow_params = [\"a\"]",
		"4:17: param-dup"},
	    {ID OP "max_age = 5\nparams = { max_age = \"5\" }",
		"4:12: param-dup"},
	    {ID OP "max_age = 5\nallow_params = [\"max_age\"]",
		"4:17: param-dup"},
	    {ID OP "response_mode = \"query\"\n"
		   "params = { response_mode = \"query\" }",
		"4:12: param-dup"},
	    {ID OP "allow_params = [\"resource\", \"resource\"]",
		"3:29: param-dup"},
	    /* what each is */
	    {ID OP "params = { max_age = \"1h\" }", "3:12: bad-value"},
	    {ID OP "resource = \"https://api.example/#x\"",
		"3:12: resource-fragment"},
	    {ID OP "resource = [\"urn:x:y\", \"https://api.example#\"]",
		"3:24: resource-fragment"},
	    {ID OP
		"resource = [\"api.example/x\", \"/x\", \"https:\", \"1a:b\"]",
		"3:13: resource-relative\n3:30: resource-relative\n"
		"3:36: resource-relative\n3:46: resource-relative"},
	    {ID OP "params = { resource = \"https://api.example/a b\" }",
		"3:12: resource-relative"},
	    {ID OP "resource = { a = \"b\" }", "3:12: wrong-type"},
	    {ID OP "resource = [1]", "3:12: wrong-type"},
	    {ID OP "params = { prompt = \"none login\" }",
		"3:12: prompt-none-mixed"},
	    {ID OP "params = { prompt = \"consent none\" }",
		"3:12: prompt-none-mixed"},
	    {ID OP "response_type = \"code id_token\"",
		"3:17: response-type-not-code"},
	    {ID OP "response_type = \"token\"", "3:17: response-type-not-code"},
	    {ID OP "response_mode = \"form_post\"",
		"3:17: response-mode-not-query"},
	    {ID OP "params = { response_mode = \"fragment\" }",
		"3:12: response-mode-not-query"},
	    {ID OP "allow_params = [\"response_mode\"]",
		"3:17: response-mode-not-query"},
	    {ID OP "par = true\njar = true",
		"3:7: par-required\n4:7: jar-required"},
	};

	(void)state;
	REFUSES(rows);
}

static void secrets(void **state)
{
	static const struct row rows[] = {
	    {ID OP "client_secret = \"s3cret\"", "3:1: secret-present"},
	    {ID OP "client_secret = { value = \"s3cret\" }",
		"3:1: secret-present"},
	    {ID OP "params = { clientSecret = \"x\", api_token = \"y\" }",
		"3:12: secret-present\n3:32: secret-present"},
	    {ID OP "params = { Password = \"x\", private_key = \"y\" }",
		"3:12: secret-present\n3:28: secret-present"},
	    {ID OP "params = { foo = \"whsec_abc\" }", "3:12: secret-present"},
	    {ID OP "params = { foo = \"sk_live_abc\" }",
		"3:12: secret-present"},
	    {ID OP "params = { sk_live_abc = \"foo\" }",
		"3:12: secret-present"},
	    {ID OP "params = { foo = \"-----BEGIN PRIVATE KEY-----\" }",
		"3:12: secret-present"},
	    {"client_id = \"arn:aws:secretsmanager:eu-west-2:1:x\"\n" OP,
		"1:1: secret-present"},
	    {"client_id = \"-----BEGIN PRIVATE KEY-----\\nMII\"\n" OP,
		"1:1: secret-present\n1:13: client-id-chars"},
	    {ID OP "allow_params = [\"whsec_a\", \"client_secret\"]",
		"3:17: secret-present\n3:28: secret-present"},
	    {ID OP "logout = { endpoint = \"https://op.example/?x_token=1\" }",
		"3:12: secret-present"},
	    {ID OP "[variant.b]\nclient_secret = \"x\"\n"
		   "[variant.c]\nclient_secret = { file = \"x\" }\n"
		   "[variant.d.params]\nsecret = \"x\"",
		"4:1: secret-present\n8:1: secret-present"},
	};

	(void)state;
	REFUSES(rows);
}

/* What was refused as a secret, or beside one, is not in what is said. */
static void shows_no_secret(void **state)
{
	static const char *const tomls[] = {
	    ID OP "client_secret = \"hidden\"",
	    ID OP "params = { api_token = \"hidden\" }",
	    ID OP "params = { prompt = \"none whsec_hidden\" }",
	    ID OP "resource = \"sk_live_hidden\"",
	    ID OP "resource = \"https://x#sk_live_hidden\"",
	    ID OP "pkce = \"whsec_hidden\"",
	    ID OP "allow_params = [\"a whsec_hidden\"]",
	    ID OP "scopes = [\"openid\", \"sk_live_hidden \"]",
	    "client_id = \"sk_live_hidden\\t\\u00e9\"\n" OP,
	    ID AT "\"https//me:hidden@op.example/\"",
	    ID AT "\"https//op.example/?client_secret=hidden\"",
	    ID AT "\"https://me:hidden@op.example/\"",
	    ID AT "\"https://op.example/#whsec_hidden\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tomls) / sizeof(*tomls); i++) {
		struct arena a;
		arena_init(&a);
		struct got got = read_with(&a, BASE, tomls[i]);
		assert_int_equal(got.err, ERR_INPUT);
		if (strstr(got.said, "hidden"))
			fail_msg("%s", got.said);
		free(got.said);
		arena_release(&a);
	}
}

/* Bytes that no TOML file holds, but the environment does. */
static void not_text(void **state)
{
	struct arena a;
	struct diag diag;
	struct value *root;
	struct oauth_provider provider;
	struct pos pos = {.file = "site.toml", .line = 7, .col = 8};

	(void)state;
	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(
	    toml_read(&a, STR(ID OP "[params]"), "site.toml", NULL, &root),
	    ERR_OK);
	value_set(&a, value_get(root, "params"), STR("x"), pos,
	    value_string(&a, STR("caf\xe9"), pos));
	const struct member table = {STR("x"), pos, root};
	assert_int_equal(
	    oauth_provider_read(
		&a, &table, value_string(&a, STR(BASE), pos), &diag, &provider),
	    ERR_INPUT);
	assert_int_equal(diag.errors, 1);
	assert_string_equal(diag.first->name, "not-text");
	assert_int_equal(diag.first->pos.line, 7);
	arena_release(&a);
}

static void together(void **state)
{
	(void)state;
	refuses("client_id = \"\"\nauthorization_endpoint = \"x\"\n"
		"redirect_uri = \"y\"\npkce = \"plain\"\n"
		"scopes = [\"openid\", \"openid\"]\n"
		"params = { state = \"x\", api_token = \"y\" }\n"
		"token_endpoint = \"http://x.example\"\npar = true",
	    "1:13: client-id-empty\n2:26: endpoint-scheme\n"
	    "3:16: redirect-relative\n4:8: pkce-plain\n5:21: scope-dup\n"
	    "6:12: param-reserved\n6:25: secret-present\n"
	    "7:18: endpoint-scheme\n8:7: par-required");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(client),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(secrets),
	    cmocka_unit_test(shows_no_secret),
	    cmocka_unit_test(not_text),
	    cmocka_unit_test(together),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-refusals", tests, NULL, NULL);
}
