#include "tests/unit/site-kit.h"

#include "generator/client.h"
#include "generator/server.h"

/*
 * Which providers oauth-tokens.mjs exchanges codes with, and where pages may
 * connect to then. What the module does is tests/cli/oauth-tokens.t.
 */
#define SITE "name = 'x'\nbase_url = 'https://x.example'\n"
#define TOKENS SITE "[oauth]\ntokens = true\n"
#define POOL(name)                                                             \
	"[oauth." name "]\nkind = 'cognito'\nclient_id = 'id-" name "'\n"      \
	"domain = 'https://login.example:8443'\n"                              \
	"issuer = 'https://idp.example/" name "'\n"                            \
	"redirect_path = '/" name ".html'\n"
#define HMRC "[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 'h'\n"
/* Without OpenID, and whose token endpoint is elsewhere. */
#define PLAIN(name, base)                                                      \
	"[oauth." name "]\nclient_id = 'id-" name "'\nnonce = false\n"         \
	"scopes = ['a']\nredirect_path = '/" name ".html'\n"                   \
	"authorization_endpoint = 'https://login.example/'\n"                  \
	"token_endpoint = '" base "/token'\n"

/* The site's module; NULL if there is none. Warnings are in kit_said(). */
static const char *make(struct kit *k, const char *toml)
{
	kit_open(k);
	kit_file(k, "site.toml", toml);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	assert_int_equal(produce_oauth_tokens(kit_build(k)), ERR_OK);
	struct str path = build_published(&k->build, STR("/oauth-tokens.mjs"));
	if (!path.n)
		return NULL;
	const struct out_file *f =
	    out_find(&k->build.out, OUT_WWW, str_slice(path, 1, path.n));
	assert_int_equal(f->class, OUT_IMMUTABLE);
	return arena_cstr(&k->arena, f->bytes);
}

static void connects(const char *toml, const char *origins, bool from_env)
{
	struct kit k;
	bool is_from_env = false;

	kit_open(&k);
	kit_file(&k, "site.toml", toml);
	kit_file(&k, "env/base.toml", "");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	struct str got = oauth_tokens_origins(kit_build(&k), &is_from_env);
	assert_string_equal(arena_cstr(&k.arena, got), origins);
	assert_int_equal(is_from_env, from_env);
	kit_close(&k);
}

static void rows_of_public_clients(void **state)
{
	struct kit k;

	(void)state;
	const char *module =
	    make(&k, TOKENS POOL("a")
			 POOL("b") "client_secret = { env = "
				   "'NEVER' }\ntoken_path = false\n" POOL(
				       "c") "pkce = 'none'\nnonce = false\n");
	assert_non_null(module);
	assert_string_equal(kit_said(&k), "");
	assert_non_null(strstr(module,
	    "\t'a': {token: 'https://login.example:8443/oauth2/token', "
	    "client: 'id-a', issuer: 'https://idp.example/a', "
	    "jwks: 'https://idp.example/a/.well-known/jwks.json', openid: 1, "
	    "nonce: 1, pkce: 1, maxAge: -1},\n\t'b': 0,\n\t'c': {"));
	assert_non_null(strstr(module, "openid: 1, nonce: 0, pkce: 0, max"));
	assert_null(strstr(module, "id-b"));
	kit_close(&k);
}

/* Who has a secret is asked for by the site's own API. */
static void rows_of_confidential_clients(void **state)
{
	struct kit k;

	(void)state;
	const char *module = make(&k,
	    "prefix = '/v2/'\napi_url = 'https://api.x.example'\n" TOKENS POOL(
		"a") "client_secret = { env = 'NEVER' }\n"
		     "[oauth.a.variant.t]\nredirect_path = '/t.html'\n"
		     "token_path = '/own/codes'\n");
	assert_non_null(module);
	assert_string_equal(kit_said(&k), "");
	assert_non_null(strstr(module,
	    "\t'a': {token: 'https://api.x.example/v2/v1/a/token', "
	    "own: 'https://api.x.example/v2/v1/a/refresh', client: 'id-a'"));
	assert_non_null(strstr(module,
	    "\t'a:t': {token: 'https://api.x.example/v2/own/codes', "
	    "own: 'https://api.x.example/v2/own/refresh', client: 'id-a'"));
	assert_null(strstr(module, "login.example"));
	assert_null(strstr(module, "NEVER"));
	kit_close(&k);
}

/* "openid" is one of the scopes, not a part of one. */
static void who_asks_for_an_id_token(void **state)
{
	static const struct {
		const char *scopes, *said;
	} rows[] = {
	    {"'read:user'", "openid: 0"},
	    {"'openid'", "openid: 1"},
	    {"'a', 'openid'", "openid: 1"},
	    {"'openid', 'b'", "openid: 1"},
	    {"'openid2', 'xopenid', 'my:openid'", "openid: 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		char toml[512];
		snprintf(toml, sizeof(toml),
		    TOKENS "[oauth.g]\nclient_id = 'g'\nnonce = false\n"
			   "authorization_endpoint = 'https://g.example/'\n"
			   "token_endpoint = 'https://g.example/t'\n"
			   "scopes = [%s]\n",
		    rows[i].scopes);
		assert_non_null(strstr(make(&k, toml), rows[i].said));
		kit_close(&k);
	}
}

static void nothing_to_publish(void **state)
{
	static const struct {
		const char *toml, *said;
	} rows[] = {
	    {SITE, ""},
	    {SITE POOL("a"), ""},
	    {SITE "[oauth]\ntokens = false\n" POOL("a"), ""},
	    {TOKENS, "site.toml:4:10: warning: tokens-without-provider: "},
	    {TOKENS POOL("a") "client_secret = { env = 'NEVER' }\n"
			      "token_path = false\n",
		"site.toml:4:10: warning: tokens-without-provider: [oauth.a] "
		"of kind \"cognito\" exchanges codes with a client secret"},
	    {TOKENS HMRC,
		"site.toml:4:10: warning: tokens-without-provider: [oauth.hmrc]"
		" of kind \"hmrc\" exchanges codes with a client secret"},
	    {TOKENS "[oauth.a]\nkind = 'github'\nclient_id = 'a'\n",
		"site.toml:4:10: warning: tokens-without-provider: [oauth.a]"},
	    {TOKENS "[oauth.a]\nkind = 'google'\nclient_id = 'a'\n",
		"site.toml:4:10: warning: tokens-without-provider: [oauth.a]"},
	    {TOKENS "[oauth.a]\nclient_id = 'a'\n"
		    "authorization_endpoint = 'https://a.example/'\n",
		"site.toml:4:10: warning: tokens-without-provider: no provider "
		"has a token_endpoint, "},
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
		connects(rows[i].toml, "", false);
	}
}

/* Without one no id token is believed; who has no id token needs none. */
static void an_issuer_is_missing(void **state)
{
	struct kit k;

	(void)state;
	assert_non_null(
	    make(&k, TOKENS "[oauth.a]\nkind = 'cognito'\nclient_id = 'a'\n"
			    "domain = 'https://login.example'\n" PLAIN(
				"g", "https://g.example")));
	const char *said = kit_said(&k);
	assert_non_null(strstr(
	    said, "site.toml:5:8: warning: tokens-without-issuer: [oauth.a]"));
	assert_null(strstr(said, "oauth.g"));
	kit_close(&k);
}

static void origins_each_once(void **state)
{
	(void)state;
	connects(TOKENS POOL("a") POOL("b") POOL("c"),
	    " https://login.example:8443 https://idp.example", false);
	/* what begins alike is another */
	connects(TOKENS PLAIN("g", "https://a.example:80")
		     PLAIN("h", "https://a.example"),
	    " https://a.example:80 https://a.example", false);
	connects(TOKENS "[oauth.a]\nkind = 'cognito'\n"
			"domain = 'https://login.example'\n"
			"client_id = { env = 'HOME' }\n",
	    " https://login.example", true);
}

/* Its secret is a server's, which no page is; where it is is no matter then. */
static void none_of_confidential_clients(void **state)
{
	(void)state;
	connects(TOKENS POOL("a") "client_secret = { env = 'NEVER' }\n"
				  "token_path = false\n" PLAIN(
				      "g", "https://g.example"),
	    " https://g.example", false);
	/* its keys alone: the codes go where the APIs are */
	connects(TOKENS POOL("a") "client_secret = { env = 'NEVER' }\n" PLAIN(
		     "g", "https://g.example"),
	    " https://idp.example https://g.example", false);
	connects(TOKENS POOL("a") HMRC
	    "token_endpoint = 'https://t.example/'\n"
	    "jwks_uri = 'https://k.example/'\n"
	    "[oauth.hmrc.variant.sandbox]\nclient_id = 's'\n"
	    "redirect_path = '/s'\n"
	    "[oauth.google]\nkind = 'google'\nclient_id = 'g'\n"
	    "redirect_path = '/google'\n"
	    "[oauth.git]\nkind = 'github'\nclient_id = 'g'\n"
	    "redirect_path = '/git'\n",
	    " https://login.example:8443 https://idp.example", false);
}

/* 3,000 bytes of them; nginx would not start with a policy that is longer. */
static void as_many_as_a_policy_names(void **state)
{
	(void)state;
	for (int n = 100; n <= 101; n++) {
		struct kit k;
		struct buf toml = {0};
		kit_open(&k);
		buf_puts(&toml, TOKENS);
		for (int i = 0; i < n; i++)
			buf_printf(&toml,
			    PLAIN("p%03d", "https://p%03d.tokens.acme.test"), i,
			    i, i, i);
		kit_file(&k, "site.toml", arena_cstr(&k.arena, buf_str(&toml)));
		buf_release(&toml);
		assert_int_equal(kit_load(&k, NULL), ERR_OK);
		if (n == 100) {
			assert_int_equal(
			    produce_oauth_tokens(kit_build(&k)), ERR_OK);
			assert_string_equal(kit_said(&k), "");
		} else {
			assert_int_equal(
			    produce_oauth_tokens(kit_build(&k)), ERR_INPUT);
			kit_says(&k, "site.toml:4:10: too-many-hosts: ");
		}
		kit_close(&k);
	}
}

static void in_the_policy(void **state)
{
	struct kit k;
	bool from_env = false;

	(void)state;
	make(&k, TOKENS POOL("a"));
	const char *policy =
	    arena_cstr(&k.arena, server_policy(&k.build, &from_env));
	assert_non_null(strstr(policy, "connect-src 'self' "
				       "https://login.example:8443 "
				       "https://idp.example; base-uri"));
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_of_public_clients),
	    cmocka_unit_test(who_asks_for_an_id_token),
	    cmocka_unit_test(nothing_to_publish),
	    cmocka_unit_test(an_issuer_is_missing),
	    cmocka_unit_test(origins_each_once),
	    cmocka_unit_test(rows_of_confidential_clients),
	    cmocka_unit_test(none_of_confidential_clients),
	    cmocka_unit_test(as_many_as_a_policy_names),
	    cmocka_unit_test(in_the_policy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth tokens", tests, NULL, NULL);
}
