#include "generator/secrets.h"

#include "generator/toml.h"
#include "tests/unit/site-kit.h"

static void named(void **state)
{
	static const char *const yes[] = {"secret", "client_secret",
	    "secret_arn", "db_password", "private_key", "token", "api_token",
	    "clientSecret", "API_TOKEN", "privateKey", "Passwd"};
	static const char *const no[] = {"", "client_id", "token_endpoint",
	    "public_key", "tokens_per_minute", "pass", "TOKEN_URL", "oken"};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(secret_named(str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(secret_named(str_of(no[i])));
}

static void shaped(void **state)
{
	static const char *const yes[] = {"sk_live_x", "x whsec_abc",
	    "arn:aws:secretsmanager:eu-west-2:1:secret:x",
	    "-----BEGIN RSA PRIVATE KEY-----"};
	static const char *const no[] = {"", "sk_test_x", "whsec",
	    "arn:aws:s3:::bucket", "-----begin ", "-----BEGIN CERTIFICATE-----",
	    "-----BEGIN PUBLIC KEY-----"};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(secret_shaped(str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(secret_shaped(str_of(no[i])));
}

static void paths(void **state)
{
	static const char *const yes[] = {"client_secret",
	    "oauth.a.client_secret", "upstream.u.headers.Authorization",
	    "api.a.request.headers.cookie", "upstream.u.headers.X-API-Key",
	    "read.r.call.c.headers.authorization"};
	static const char *const no[] = {"", "authorization",
	    "public.authorization", "upstream.u.headers.Accept",
	    "upstream.secret.base", "headers"};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(secret_at(str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(secret_at(str_of(no[i])));
}

static void public_holds_none(void **state)
{
	static const char *const sets[] = {"public.deep.pin=whsec_x"};
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\n[public]\nok = 'secret'\napi_token = 'x'\n"
	    "list = ['a', 'sk_live_x']\n[public.client_secret]\n"
	    "a = 'rk_live_x'\n");
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.sets = sets, .n_sets = 1}),
	    ERR_INPUT);
	assert_int_equal(k.diag.errors, 4);
	kit_says(&k, "site.toml:4:1: secret-present: `public.api_token` is ");
	kit_says(&k, "site.toml:5:14: secret-present: `public.list` holds ");
	kit_says(&k, "secret-present: `public.client_secret` is named ");
	kit_says(&k, "--set public.deep.pin: secret-present: `public.deep.");
	/* never the value */
	assert_null(strstr(kit_said(&k), "_live_"));
	assert_null(strstr(kit_said(&k), "whsec"));
	kit_close(&k);
}

static const char *environment(void *ctx, const char *name)
{
	static const char *const has[][2] = {
	    {"SECRET", "the-secret-itself"},
	    {"SHORT", "12345"},
	    {"LINES", "# a comment here\r\nAAAAAAAAAAAAAAAAAAAA\r\n"
		      "-----END SOMETHING-----\r\nBBBBBBBBBBBBBBBBBBBB\r\n"},
	    {"LATER", "${LATER}"},
	    {"ENDED", "one-line-only\n"},
	};

	for (size_t i = 0; i < sizeof(has) / sizeof(*has); i++)
		if (strcmp(has[i][0], name) == 0)
			return has[i][1];
	(void)ctx;
	return NULL;
}

static const struct outside outside = {.env = environment};

static void values_are_what_this_machine_has(void **state)
{
	static const char *const want[][2] = {
	    {"oauth.a.client_secret", "the-secret-itself"},
	    {"oauth.c.client_secret", "AAAAAAAAAAAAAAAAAAAA"},
	    {"oauth.c.client_secret", "BBBBBBBBBBBBBBBBBBBB"},
	    {"oauth.d.client_secret", "from-a-file"},
	    {"oauth.g.client_secret", "one-line-only"},
	};
	const struct scan_value *values;
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "key.txt", "from-a-file\n");
	kit_file(&k, "site.toml",
	    "name = 'x'\n[public]\nplain = { env = 'SECRET' }\n"
	    "[oauth]\n"
	    "a = { client_id = 'a', client_secret = { env = 'SECRET' } }\n"
	    "b = { client_id = 'b', client_secret = { env = 'SHORT' } }\n"
	    "c = { client_id = 'c', client_secret = { env = 'LINES' } }\n"
	    "d = { client_id = 'd', client_secret = { file = 'key.txt' } }\n"
	    "e = { client_id = 'e', client_secret = { file = 'gone.txt' } }\n"
	    "f = { client_id = 'f', client_secret = { env = 'LATER' } }\n"
	    "g = { client_id = 'g', client_secret = { env = 'ENDED' } }\n"
	    "h = { client_id = 'h', client_secret = { env = 'UNSET' } }\n");
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.outside = &outside}),
	    ERR_OK);
	size_t n = secrets_values(
	    &k.arena, k.site->root, k.dir, &outside, SECRETS_WWW, &values);
	assert_int_equal(n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(
		    arena_cstr(&k.arena, values[i].key), want[i][0]);
		assert_string_equal(
		    arena_cstr(&k.arena, values[i].text), want[i][1]);
	}
	struct scan *scan = secrets_scan(&k.arena, k.site, SECRETS_WWW);
	assert_true(
	    scan_bytes(scan, STR("x the-secret-itself"), POS_FILE("x"), NULL));
	assert_false(scan_bytes(scan, STR("12345"), POS_FILE("x"), NULL));
	kit_close(&k);
}

/* Names that are listed are no values, and [public] is another's matter. */
static void what_is_no_value(void **state)
{
	const struct scan_value *values;
	struct arena a;

	(void)state;
	arena_init(&a);
	struct value *root = value_new(&a, VALUE_TABLE, POS_NONE);
	struct value *list = value_new(&a, VALUE_ARRAY, POS_NONE);
	struct value *open = value_new(&a, VALUE_TABLE, POS_NONE);
	value_push(&a, list, value_string(&a, STR("access_token"), POS_NONE));
	value_set(&a, root, STR("body_secret"), POS_NONE, list);
	value_set(&a, open, STR("password"), POS_NONE,
	    value_string(&a, STR("not-collected"), POS_NONE));
	value_set(&a, root, STR("public"), POS_NONE, open);
	value_set(&a, root, STR("x-token"), POS_NONE,
	    value_string(&a, STR("{\"Bearer {header.token}"), POS_NONE));
	assert_int_equal(
	    secrets_values(&a, root, ".", NULL, SECRETS_WWW, &values), 0);
	value_set(&a, root, STR("password"), POS_NONE,
	    value_string(&a, STR("col{lec}.ted"), POS_NONE));
	assert_int_equal(
	    secrets_values(&a, root, ".", NULL, SECRETS_WWW, &values), 1);
	arena_release(&a);
}

/* What an upstream is sent is in the endpoint's configuration. */
static void headers_stay_on_the_server(void **state)
{
	static const char *const want[][2] = {
	    {"api.a.request.headers.X-Api-Key", "key-of-the-call"},
	    {"read.token.call.secret.headers.X-Api-Key", "key-of-the-read"},
	    {"upstream.u.headers.Authorization", "the-secret-itself"},
	    {"upstream.u.headers.Cookie", "id=abcdef"},
	};
	const struct scan_value *values;
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n");
	kit_file(&k, "api.toml",
	    "auth = 'none'\n[upstream.u]\nbase = 'https://u.example.org'\n"
	    "[upstream.u.headers]\nAccept = 'application/json'\n"
	    "Authorization = 'Bearer the-secret-itself'\n"
	    "Cookie = 'id=abcdef'\nX-Token = { env = 'SHORT' }\n"
	    "[api.a]\nupstream = 'u'\non_lost = 'fail'\n"
	    "[api.a.request.headers]\nX-Api-Key = 'key-of-the-call'\n"
	    "Authorization = 'Bearer {header.hmrc-access-token}'\n"
	    "[read.token]\nids.token.from = 'query.token'\n"
	    "shape = { token = '{call.secret.token}' }\n"
	    "[read.token.call.secret]\nupstream = 'u'\n"
	    "path = '/a-longer-one/{token}'\n"
	    "headers.X-Api-Key = 'key-of-the-read'\n"
	    "headers.X-Token = '{header.token}'\n");
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.outside = &outside}),
	    ERR_OK);
	size_t n = secrets_values(
	    &k.arena, k.site->root, k.dir, &outside, SECRETS_WWW, &values);
	assert_int_equal(n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(
		    arena_cstr(&k.arena, values[i].key), want[i][0]);
		assert_string_equal(
		    arena_cstr(&k.arena, values[i].text), want[i][1]);
	}
	n = secrets_values(
	    &k.arena, k.site->root, k.dir, &outside, SECRETS_SERVER, &values);
	assert_int_equal(n, 0);
	kit_close(&k);
}

static struct str shown(const struct value *root, const char *path)
{
	const struct value *v = value_path(root, path);

	assert_non_null(v);
	return v->text;
}

static void what_is_shown(void **state)
{
	static const char *const hidden[] = {"oauth.password",
	    "u.headers.Authorization", "u.headers.x-token", "plain.shaped",
	    "deep.secret.below"};
	struct kit k;
	struct value *root;

	(void)state;
	kit_open(&k);
	assert_int_equal(
	    toml_read(&k.arena,
		STR("a = 1\noauth.password = 'x'\n"
		    "oauth.client_secret = { env = 'SECRET' }\n"
		    "u.headers.Authorization = 'Bearer abc'\n"
		    "u.headers.Accept = 'text/html'\n"
		    "u.headers.x-token = 'abc'\n"
		    "u.headers.Cookie = 'id={header.id}'\n"
		    "plain.shaped = 'whsec_x'\nplain.text = 'x'\n"
		    "deep.secret.below = 'x'\nbody.secret = ['name']\n"),
		"x", &k.diag, &root),
	    ERR_OK);
	struct value *copy = secrets_masked(&k.arena, root);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (!str_is(shown(copy, hidden[i]), "(not shown)"))
			fail_msg("%s was shown", hidden[i]);
	assert_true(str_is(shown(copy, "u.headers.Accept"), "text/html"));
	assert_true(str_is(shown(copy, "u.headers.Cookie"), "id={header.id}"));
	assert_true(str_is(shown(copy, "plain.text"), "x"));
	assert_true(str_is(shown(copy, "oauth.client_secret.env"), "SECRET"));
	assert_true(str_is(
	    value_path(copy, "body.secret")->as.array.items[0]->text, "name"));
	assert_int_equal(value_path(copy, "a")->as.i, 1);
	assert_int_equal(value_path(copy, "plain.text")->pos.line, 9);
	/* the tree itself keeps them */
	assert_true(str_is(shown(root, "oauth.password"), "x"));
	kit_close(&k);
}

/* A provider, a variant, an API: their names say nothing of what is in them. */
static void what_people_call_things(void **state)
{
	static const char *const shown_all[] = {"oauth.token.client_id",
	    "oauth.a.variant.secret.client_id", "upstream.api-token.base",
	    "dotenv.password.file", "serve.run.token.command",
	    "api.a.body.required.access_token"};
	static const char *const hidden[] = {"oauth.token.client_secret",
	    "oauth.a.variant.secret.client_secret", "oauth.secret",
	    "upstream.u.token.base", "token.x", "dotenv.password.token.a"};
	const struct scan_value *values;
	struct kit k;
	struct value *root;

	(void)state;
	kit_open(&k);
	assert_int_equal(
	    toml_read(&k.arena,
		STR("oauth.token.client_id = 'abcdefgh'\n"
		    "oauth.token.client_secret = 'value-1!'\n"
		    "oauth.secret = 'value-2!'\n"
		    "oauth.a.variant.secret.client_id = 'abcdefgh'\n"
		    "oauth.a.variant.secret.client_secret = 'value-3!'\n"
		    "upstream.api-token.base = 'http://x.example'\n"
		    "upstream.u.token.base = 'value-4!'\n"
		    "dotenv.password.file = 'page.env'\n"
		    "dotenv.password.comment = 'to read'\n"
		    "dotenv.password.token.a = 'value-5!'\n"
		    "serve.run.token.command = 'simulator'\n"
		    "api.a.body.required.access_token = 'string'\n"
		    "token.x = 'value-6!'\n"),
		"x", &k.diag, &root),
	    ERR_OK);
	struct value *copy = secrets_masked(&k.arena, root);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (!str_is(shown(copy, hidden[i]), "(not shown)"))
			fail_msg("%s was shown", hidden[i]);
	for (size_t i = 0; i < sizeof(shown_all) / sizeof(*shown_all); i++)
		if (str_is(shown(copy, shown_all[i]), "(not shown)"))
			fail_msg("%s was hidden", shown_all[i]);
	size_t n =
	    secrets_values(&k.arena, root, ".", NULL, SECRETS_SERVER, &values);
	assert_int_equal(n, sizeof(hidden) / sizeof(*hidden));
	for (size_t i = 0; i < n; i++)
		assert_true(str_starts(values[i].text, "value-"));
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(named),
	    cmocka_unit_test(shaped),
	    cmocka_unit_test(paths),
	    cmocka_unit_test(public_holds_none),
	    cmocka_unit_test(values_are_what_this_machine_has),
	    cmocka_unit_test(what_is_no_value),
	    cmocka_unit_test(headers_stay_on_the_server),
	    cmocka_unit_test(what_is_shown),
	    cmocka_unit_test(what_people_call_things),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
