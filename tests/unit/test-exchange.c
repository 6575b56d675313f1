#include "tests/unit/site-kit.h"

#include "generator/client.h"
#include "generator/exchange.h"
#include "lib/config.h"

/*
 * Which APIs a provider with a secret gets. What they are made of as a whole is
 * tests/golden/token-exchange, that they work tests/cli/exchange.t.
 */
#define SITE "name = 'x'\nbase_url = 'https://x.example'\n"
#define POOL(name)                                                             \
	"[oauth." name "]\nkind = 'cognito'\nclient_id = 'id-" name "'\n"      \
	"domain = 'https://login.example:8443'\n"                              \
	"issuer = 'https://idp.example/'\n"                                    \
	"redirect_path = '/" name ".html'\n"
#define SECRET "client_secret = { env = 'THE_SECRET' }\n"

static const struct config *make(struct kit *k, const char *toml)
{
	kit_open(k);
	kit_file(k, "site.toml", toml);
	if (kit_load(k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(k));
	struct build *b = kit_build(k);
	exchange_add(b);
	exchange_add(b); /* once is all that it does */
	(void)produce_api(b);
	return b->config;
}

static void who_has_a_secret(void **state)
{
	struct kit k;

	(void)state;
	const struct config *c = make(&k, SITE POOL("a") SECRET POOL("b"));
	assert_string_equal(kit_said(&k), "");
	assert_int_equal(c->n_apis, 2);
	assert_int_equal(c->n_upstreams, 1);
	assert_int_equal(c->n_secrets, 1);
	assert_true(str_is(c->secrets[0].name, "a"));
	assert_true(str_is(c->secrets[0].env, "THE_SECRET"));
	assert_true(str_is(c->upstreams[0].base, "https://login.example:8443"));
	assert_false(c->upstreams[0].local);
	const struct api *a = config_api(c, STR("a-token"));
	assert_true(str_is(a->path, "/api/v1/a/token"));
	assert_true(str_is(a->request_path, "/oauth2/token"));
	assert_true(a->once);
	assert_int_equal(a->on_lost, ON_LOST_FAIL);
	assert_int_equal(a->pattern, PATTERN_SYNCHRONOUS);
	assert_true(str_is(a->auth, "none"));
	assert_int_equal(a->body_secret.n, 0); /* a code is the request */
	a = config_api(c, STR("a-refresh"));
	assert_true(str_is(a->path, "/api/v1/a/refresh"));
	assert_true(str_is(a->body_required.items[0].name, "refresh_token"));
	kit_close(&k);
}

static struct str field(const struct api *api, const char *name)
{
	for (size_t i = 0; i < api->request_form.n; i++)
		if (str_is(api->request_form.items[i].name, name))
			return api->request_form.items[i].value;
	return (struct str){0};
}

/* Whoever could choose the grant would be the site itself. */
static void what_a_client_may_say(void **state)
{
	struct kit k;

	(void)state;
	const struct config *c = make(&k, SITE POOL("a") SECRET);
	const struct api *a = config_api(c, STR("a-token"));
	assert_int_equal(a->request_form.n, 6);
	assert_true(str_is(field(a, "grant_type"), "authorization_code"));
	assert_true(str_is(field(a, "client_id"), "id-a"));
	assert_true(str_is(field(a, "client_secret"), "{secret.a}"));
	assert_true(
	    str_is(field(a, "redirect_uri"), "https://x.example/a.html"));
	assert_true(str_is(field(a, "code"), "{body.code}"));
	assert_true(str_is(field(a, "code_verifier"), "{body.code_verifier?}"));
	a = config_api(c, STR("a-refresh"));
	assert_int_equal(a->request_form.n, 4);
	assert_true(str_is(field(a, "grant_type"), "refresh_token"));
	kit_close(&k);
}

static void where_they_are(void **state)
{
	static const struct {
		const char *toml, *name, *path;
	} rows[] = {
	    {SITE POOL("a") SECRET "token_path = '/own/codes'\n", "a-refresh",
		"/api/own/refresh"},
	    {SITE "[oauth]\n" POOL("a") "[oauth.a.variant.t]\n"
					"redirect_path = '/t.html'\n" SECRET,
		"a-t-token", "/api/v1/a/t/token"},
	    {"prefix = '/v2'\n" SITE POOL("my_op") SECRET, "my-op-token",
		"/v2/v1/my_op/token"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		const struct config *c = make(&k, rows[i].toml);
		assert_string_equal(kit_said(&k), "");
		assert_int_equal(c->n_apis, 2);
		const struct api *a = config_api(c, str_of(rows[i].name));
		assert_non_null(a);
		assert_string_equal(
		    arena_cstr(&k.arena, a->path), rows[i].path);
		kit_close(&k);
	}
}

static void who_gets_none(void **state)
{
	static const struct {
		const char *toml, *said;
	} rows[] = {
	    {SITE POOL("a"), ""},
	    {SITE POOL("a") SECRET "token_path = false\n", ""},
	    {SITE POOL("a") SECRET "token_path = false\n[oauth.a.variant.t]\n"
				   "redirect_path = '/t.html'\n",
		""},
	    {SITE "[oauth.a]\nclient_id = 'a'\nauthorization_endpoint = "
		  "'https://a.example/'\n" SECRET,
		"site.toml:6:17: warning: token-endpoint-missing: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		assert_null(make(&k, rows[i].toml));
		const char *said = kit_said(&k);
		if (*rows[i].said)
			assert_non_null(strstr(said, rows[i].said));
		else
			assert_string_equal(said, "");
		kit_close(&k);
	}
}

static void names_that_are_taken(void **state)
{
	static const char *const rows[] = {"[api.a-token]\nauth = 'none'\n",
	    "[api.a-refresh]\nauth = 'none'\n",
	    "[upstream.a-token]\nbase = 'https://u.example'\n",
	    "[secret]\na = { env = 'X' }\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		char toml[512];
		snprintf(
		    toml, sizeof(toml), SITE POOL("a") SECRET "%s", rows[i]);
		make(&k, toml);
		assert_non_null(strstr(kit_said(&k), "token-clash: ["));
		kit_close(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_has_a_secret),
	    cmocka_unit_test(what_a_client_may_say),
	    cmocka_unit_test(where_they_are),
	    cmocka_unit_test(who_gets_none),
	    cmocka_unit_test(names_that_are_taken),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
