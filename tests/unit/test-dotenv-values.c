#include "tests/unit/site-kit.h"

#include "generator/client.h"
#include "generator/dotenv.h"

/*
 * What the keys of KEY=VALUE files may name: [public] is in test-dotenv.c, here
 * are the site's addresses and what is public of a provider.
 */
#define SITE                                                                   \
	"name = 'x'\nbase_url = 'https://x.example/'\n"                        \
	"api_url = 'https://api.example'\n"                                    \
	"[oauth]\nttl = '1m'\n"                                                \
	"[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 'abc'\n"                     \
	"[oauth.hmrc.variant.sandbox]\nclient_id = 'test'\n"                   \
	"[oauth.git]\nkind = 'github'\nclient_id = ''\n"

static struct oauth_provider list[] = {
    {
	.id = STR_INIT("hmrc"),
	.client_id = STR_INIT("abc"),
	.endpoint = STR_INIT("https://hmrc.example/go"),
	.base = STR_INIT("https://hmrc.example"),
	.issuer = STR_INIT("https://hmrc.example"),
	.scope = STR_INIT("read:vat write:vat"),
	.redirect = STR_INIT("https://x.example/back"),
	.token_endpoint = STR_INIT("https://hmrc.example/token"),
	.jwks_uri = STR_INIT("https://hmrc.example/jwks"),
	.logout_endpoint = STR_INIT("https://hmrc.example/out"),
	.logout_redirect = STR_INIT("https://x.example/out"),
	.logout_url = STR_INIT("https://hmrc.example/out?x=y"),
	.max_age = -1,
    },
    {
	.id = STR_INIT("hmrc:sandbox"),
	.table = STR_INIT("oauth.hmrc.variant.sandbox"),
	.client_id = STR_INIT("test"),
	.from_env = true,
    },
};
static const struct dotenv_providers providers = {
    .err = ERR_INPUT, .list = list, .n = 2};

/* The site is read, and [dotenv.app] is at work. */
static struct dotenv open_site(struct kit *k, const char *toml)
{
	kit_open(k);
	kit_file(k, "site.toml", toml);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	return (struct dotenv){
	    .b = kit_build(k), .name = STR("app"), .providers = &providers};
}

static const struct value *named(struct dotenv *d, const char *name)
{
	struct pos pos = {"site.toml", 7, 3};

	return dotenv_value(d, value_string(d->b->arena, str_of(name), pos));
}

static void gives(struct dotenv *d, const char *name, const char *text)
{
	const struct value *v = named(d, name);

	assert_non_null(v);
	assert_string_equal(arena_cstr(d->b->arena, v->text), text);
	assert_false(v->from_env);
}

static void fields_of_a_provider(void **state)
{
	struct kit k;
	struct dotenv d = open_site(&k, SITE);

	(void)state;
	gives(&d, "oauth.hmrc.client_id", "abc");
	gives(
	    &d, "oauth.hmrc.authorization_endpoint", "https://hmrc.example/go");
	gives(&d, "oauth.hmrc.base_uri", "https://hmrc.example");
	gives(&d, "oauth.hmrc.issuer", "https://hmrc.example");
	gives(&d, "oauth.hmrc.scope", "read:vat write:vat");
	gives(&d, "oauth.hmrc.redirect_uri", "https://x.example/back");
	gives(&d, "oauth.hmrc.token_endpoint", "https://hmrc.example/token");
	gives(&d, "oauth.hmrc.jwks_uri", "https://hmrc.example/jwks");
	gives(&d, "oauth.hmrc.logout_endpoint", "https://hmrc.example/out");
	gives(&d, "oauth.hmrc.logout_redirect", "https://x.example/out");
	gives(&d, "oauth.hmrc.logout_url", "https://hmrc.example/out?x=y");
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

static void fields_of_a_variant(void **state)
{
	struct kit k;
	struct dotenv d = open_site(&k, SITE);
	const struct value *v = named(&d, "oauth.hmrc:sandbox.client_id");

	(void)state;
	assert_true(str_is(v->text, "test"));
	assert_true(v->from_env);
	/* nothing of live's stands in */
	assert_null(named(&d, "oauth.hmrc:sandbox.issuer"));
	assert_string_equal(kit_said(&k),
	    "site.toml:7:3: empty-field: [oauth.hmrc.variant.sandbox] has no "
	    "issuer; set it, or leave the key out of `dotenv.app`\n");
	kit_close(&k);
}

static void addresses_of_the_site(void **state)
{
	struct kit k;
	struct dotenv d = open_site(&k, SITE);

	(void)state;
	gives(&d, "base_url", "https://x.example");
	gives(&d, "api_url", "https://api.example");
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);

	d = open_site(&k, "name = 'x'\n");
	gives(&d, "base_url", "http://127.0.0.1:8080");
	assert_null(named(&d, "api_url"));
	kit_says(&k, "site.toml:7:3: empty-field: the site has no api_url; ");
	kit_close(&k);
}

static void an_address_of_an_environment(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", SITE);
	kit_file(&k, "env/base.toml", "base_url = 'https://y.example'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	struct dotenv d = {.b = kit_build(&k), .providers = &providers};
	assert_true(named(&d, "base_url")->from_env);
	assert_false(named(&d, "api_url")->from_env);
	kit_close(&k);
}

static void what_cannot_be_named(void **state)
{
	static const struct {
		const char *name, *said;
	} rows[] = {
	    {"oauth.hrmc.client_id",
		"unknown-provider: there is no [oauth.hrmc]; did you mean "
		"\"hmrc\"?"},
	    {"oauth.ttl.client_id",
		"unknown-provider: there is no [oauth.ttl]; write one, or "
		"name \"git\" or \"hmrc\""},
	    {"oauth..client_id", "unknown-provider: there is no [oauth.]; "},
	    {"oauth.hrmc:x.client_id", "unknown-provider: "},
	    {"oauth.hmrc:sandbx.client_id",
		"unknown-variant: [oauth.hmrc] has no variant \"sandbx\"; did "
		"you mean \"hmrc:sandbox\"?"},
	    {"oauth.hmrc:live.client_id",
		"unknown-variant: [oauth.hmrc] has no variant \"live\"; write "
		"\"hmrc\" or \"hmrc:sandbox\""},
	    {"oauth.hmrc:.client_id", "unknown-variant: "},
	    {"oauth.hmrc.clientid",
		"unknown-field: a provider has no `clientid` to be named; did "
		"you mean `client_id`?"},
	    {"oauth.hmrc.Client_Secret",
		"secret-present: `oauth.hmrc.Client_Secret` is a secret, and "
		"the file is published; take the key out"},
	    {"oauth.hmrc.kind",
		"unknown-field: a provider has no `kind` to be named; it has "
		"client_id, authorization_endpoint, "},
	    {"oauth.hmrc.max_age", "unknown-field: "},
	    {"oauth.hmrc", "unknown-field: `oauth.hmrc` names no value; add "
			   "what is meant of "
			   "it, as in \"oauth.hmrc.client_id\""},
	    {"oauth.hmrc.variant.sandbox.client_id", "unknown-field: "},
	    {"site.base_url",
		"not-public: `site.base_url` is nothing that is published; "},
	    {"oauth", "not-public: `oauth` is nothing that is published; "},
	    {"", "not-public: `` is nothing that is published; "},
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dotenv d = open_site(&k, SITE);
		assert_null(named(&d, rows[i].name));
		kit_says(&k, rows[i].said);
		assert_int_equal(k.diag.errors, 1);
		kit_close(&k);
	}
}

/* Both slips of one name are told. */
static void provider_and_field(void **state)
{
	struct kit k;
	struct dotenv d = open_site(&k, SITE);

	(void)state;
	assert_null(named(&d, "oauth.hrmc.client_secret"));
	kit_says(&k, "secret-present: ");
	kit_says(&k, "unknown-provider: ");
	kit_close(&k);
}

/* [oauth.git] was refused, which is told where the module is made. */
static void of_a_broken_provider(void **state)
{
	struct kit k;
	struct dotenv d = open_site(&k, SITE);

	(void)state;
	assert_null(named(&d, "oauth.git.client_id"));
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

/* Through produce_dotenv(), marked by the provider's environment. */
static void of_an_environment(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\n[oauth.a]\nkind = 'hmrc'\nclient_id = 'a1'\n"
	    "redirect_uri = 'https://x.example/a'\n"
	    "[oauth.b]\nkind = 'hmrc'\nclient_id = 'b1'\n"
	    "redirect_uri = 'https://x.example/b'\n"
	    "[dotenv.a]\nfile = 'a.env'\n"
	    "groups = [{ ID = 'oauth.a.client_id' }]\n"
	    "[dotenv.b]\nfile = 'b.env'\n"
	    "groups = [{ ID = 'oauth.b.client_id' }]\n");
	kit_file(&k, "env/base.toml", "[oauth.b]\nclient_id = 'b2'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	const struct out *out = &k.build.out;
	assert_string_equal(kit_output(&k, OUT_WWW, "a.env"), "ID=a1\n");
	assert_string_equal(kit_output(&k, OUT_WWW, "b.env"), "ID=b2\n");
	assert_false(out_find(out, OUT_WWW, STR("a.env"))->from_env);
	assert_true(out_find(out, OUT_WWW, STR("b.env"))->from_env);
	kit_close(&k);
}

/* Each provider's own, as its table or its kind has it. */
static void what_providers_have(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\nbase_url = 'https://x.example'\n"
	    "[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 'live'\n"
	    "[oauth.hmrc.variant.sandbox]\nclient_id = 'test'\n"
	    "redirect_path = '/sandbox.html'\n"
	    "[oauth.login]\nkind = 'cognito'\nclient_id = 'abc'\n"
	    "domain = 'https://a.example/'\n"
	    "redirect_path = '/login.html'\n"
	    "[oauth.whole]\nclient_id = 'abc'\n"
	    "authorization_endpoint = 'https://b.example/go'\n"
	    "redirect_path = '/whole.html'\n"
	    "[dotenv.a]\nfile = 'a.env'\n"
	    "[[dotenv.a.groups]]\n"
	    "LIVE = 'oauth.hmrc.client_id'\n"
	    "LIVE_URI = 'oauth.hmrc.base_uri'\n"
	    "TEST = 'oauth.hmrc:sandbox.client_id'\n"
	    "TEST_URI = 'oauth.hmrc:sandbox.base_uri'\n"
	    "TEST_TOKENS = 'oauth.hmrc:sandbox.token_endpoint'\n"
	    "LOGIN_URI = 'oauth.login.base_uri'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	assert_string_equal(kit_output(&k, OUT_WWW, "a.env"),
	    "LIVE=live\nLIVE_URI=https://www.tax.service.gov.uk\n"
	    "TEST=test\nTEST_URI=https://test-www.tax.service.gov.uk\n"
	    "TEST_TOKENS=https://test-api.service.hmrc.gov.uk/oauth/token\n"
	    "LOGIN_URI=https://a.example\n");
	struct dotenv_providers all = {.err = ERR_OK};
	assert_int_equal(
	    oauth_providers(&k.build, NULL, &all.list, &all.n), ERR_OK);
	struct dotenv d = {
	    .b = &k.build, .name = STR("app"), .providers = &all};
	assert_null(named(&d, "oauth.whole.base_uri"));
	kit_says(&k, "empty-field: [oauth.whole] has no base_uri; ");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_a_provider),
	    cmocka_unit_test(fields_of_a_variant),
	    cmocka_unit_test(addresses_of_the_site),
	    cmocka_unit_test(an_address_of_an_environment),
	    cmocka_unit_test(what_cannot_be_named),
	    cmocka_unit_test(provider_and_field),
	    cmocka_unit_test(of_a_broken_provider),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(what_providers_have),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dotenv-values", tests, NULL, NULL);
}
