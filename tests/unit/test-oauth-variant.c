#include "generator/provider-name.h"
#include "tests/unit/provider-kit.h"

/*
 * The providers of a site: what a variant takes over from its base, and what
 * it must not; and how often what is wrong with both is told.
 */
#define SITE "name = 'x'\nbase_url = 'https://x.example'\n"
#define HMRC "[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 'live'\n"
#define BOX "[oauth.hmrc.variant.sandbox]\nredirect_path = '/box.html'\n"

static const struct oauth_provider *find(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_is(w->list[i].id, id))
			return &w->list[i];
	fail_msg("there is no %s", id);
	return NULL;
}

static void good(struct world *w, const char *toml)
{
	world_open(w, toml, NULL);
	assert_string_equal(kit_said(&w->k), "");
	assert_int_equal(w->err, ERR_OK);
}

static bool has(struct str text, const char *part)
{
	return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* ---------------------------------------------------------------- */

/* Own keys replace, all others stay; params are laid over one by one. */
static void own_keys_are_laid_over(void **state)
{
	struct world w;

	(void)state;
	good(&w,
	    SITE "[oauth.a]\nauthorization_endpoint = 'https://a.example/go'\n"
		 "client_id = 'one'\nissuer = 'https://a.example'\n"
		 "scopes = ['openid', 'b']\nallow_params = ['lang']\n"
		 "params = { screen = 'wide', prompt = 'login' }\n"
		 "[oauth.a.variant.two]\nclient_id = 'two'\n"
		 "params.screen = 'small'\nredirect_path = '/two.html'\n"
		 "[oauth.z]\nkind = 'github'\nclient_id = 'z'\n"
		 "redirect_path = '/z.html'\n");
	assert_int_equal(w.n, 3);
	assert_true(str_is(w.list[0].id, "a"));
	assert_true(str_is(w.list[1].id, "a:two")); /* behind its base */
	const struct oauth_provider *two = &w.list[1];
	assert_true(str_starts(two->url, "https://a.example/go?"));
	assert_true(str_is(two->issuer, "https://a.example"));
	assert_true(str_is(two->scope, "openid b"));
	assert_true(str_is(two->allow, "lang"));
	assert_true(str_is(two->client_id, "two"));
	assert_true(str_is(two->redirect, "https://x.example/two.html"));
	assert_true(has(two->url, "&prompt=login&screen=small"));
	/* and the base is as it was, whoever reads it next */
	assert_int_equal(
	    oauth_providers(&w.k.build, NULL, &w.list, &w.n), ERR_OK);
	assert_true(has(w.list[0].url, "&prompt=login&screen=wide"));
	assert_true(has(w.list[0].url, "client_id=one&"));
	world_close(&w);
}

static void one_way_to_say_the_redirect(void **state)
{
	struct world w;

	(void)state;
	good(&w, SITE HMRC "redirect_uri = 'https://y.example/cb'\n"
			   "[oauth.hmrc.variant.b]\nredirect_path = '/b.html'\n"
			   "[oauth.hmrc.variant.c]\nclient_id = 'c'\n");
	assert_true(
	    str_is(find(&w, "hmrc:b")->redirect, "https://x.example/b.html"));
	assert_true(
	    str_is(find(&w, "hmrc:c")->redirect, "https://y.example/cb"));
	world_close(&w);
}

/* HMRC's test hosts come by the variant's name, and no client of live's. */
static void the_sandbox_is_hmrc_s(void **state)
{
	struct world w;

	(void)state;
	good(&w, SITE HMRC BOX "client_id = 'box'\n");
	const struct oauth_provider *box = find(&w, "hmrc:sandbox");
	assert_true(str_is(box->endpoint,
	    "https://test-www.tax.service.gov.uk/oauth/authorize"));
	assert_string_equal(box->kind, "hmrc");
	assert_true(has(box->url, "client_id=box&"));
	assert_true(str_is(find(&w, "hmrc")->endpoint,
	    "https://www.tax.service.gov.uk/oauth/authorize"));
	world_close(&w);
	/* another host for it, as for the simulator of a demo */
	good(&w,
	    SITE HMRC BOX "client_id = 'box'\nbase_uri = 'http://[::1]:81'\n");
	assert_true(str_is(find(&w, "hmrc:sandbox")->endpoint,
	    "http://[::1]:81/oauth/authorize"));
	world_close(&w);
	/* live's own base is not the sandbox's */
	good(&w, SITE HMRC "base_uri = 'http://127.0.0.1:9'\n" BOX
			   "client_id = 'box'\n");
	assert_true(str_is(find(&w, "hmrc:sandbox")->endpoint,
	    "https://test-www.tax.service.gov.uk/oauth/authorize"));
	world_close(&w);
	world_refuses(SITE HMRC BOX,
	    "site.toml:6:21: client-id-empty: "
	    "[oauth.hmrc.variant.sandbox] has no client_id");
}

#define A                                                                      \
	"[oauth.a]\nauthorization_endpoint = 'https://a.example/go'\n"         \
	"client_id = 'one'\nissuer = 'https://a.example'\n"                    \
	"client_secret = { env = 'SECRET' }\n"
#define B                                                                      \
	"[oauth.a.variant.b]\nauthorization_endpoint = 'https://b.example'\n"  \
	"redirect_path = '/b.html'\n"

/* Who signs in elsewhere has nothing that belongs to the old server. */
static void another_server_is_another(void **state)
{
	struct world w;

	(void)state;
	good(&w, SITE A B "client_id = 'two'\n");
	const struct oauth_provider *b = find(&w, "a:b");
	assert_true(str_starts(b->url, "https://b.example?"));
	assert_true(has(b->url, "client_id=two&"));
	assert_int_equal(b->issuer.n, 0);
	assert_false(b->confidential);
	assert_true(find(&w, "a")->confidential);
	world_close(&w);
	world_refuses(SITE A B,
	    "site.toml:8:18: client-id-empty: [oauth.a.variant.b] has");
	world_refuses(SITE "[oauth.a]\nkind = 'cognito'\nclient_id = 'one'\n"
			   "domain = 'https://a.example'\n"
			   "[oauth.a.variant.b]\npath = '/other'\n"
			   "client_id = 'two'\nredirect_path = '/b.html'\n",
	    "site.toml:7:18: endpoint-missing: [oauth.a.variant.b] does not");
}

/* None of these is the new one's: each would be refused, or be seen. */
static void nothing_is_left_of_the_old_server(void **state)
{
	struct world w;

	(void)state;
	good(&w, SITE "[oauth.a]\nkind = 'entra'\ntenant = 'one.example'\n"
		      "client_id = 'one'\nredirect_path = '/a.html'\n"
		      "redirect_allow = ['https://x.example/a.html']\n"
		      "token_endpoint = 'https://a.example/token'\n"
		      "jwks_uri = 'https://a.example/keys'\n"
		      "scopes = ['openid', 'b']\nmax_age = 0\n"
		      "[oauth.a.variant.b]\nkind = 'oidc'\nclient_id = 'two'\n"
		      "authorization_endpoint = 'https://b.example'\n"
		      "redirect_path = '/b.html'\n"
		      "[oauth.a.variant.c]\nclient_id = 'three'\n");
	const struct oauth_provider *b = find(&w, "a:b");
	assert_string_equal(b->kind, "oidc");
	assert_int_equal(b->token_endpoint.n, 0);
	assert_int_equal(b->jwks_uri.n, 0);
	assert_null(b->redirects);
	/* but what it asks for */
	assert_true(str_is(b->scope, "openid b"));
	assert_int_equal(b->max_age, 0);
	/* and all of it at the same one */
	const struct oauth_provider *c = find(&w, "a:c");
	assert_true(str_is(c->token_endpoint, "https://a.example/token"));
	assert_true(str_is(c->jwks_uri, "https://a.example/keys"));
	assert_non_null(c->redirects);
	world_close(&w);
}

/* Another host says nothing of another kind; whose tokens it has, it does. */
static void its_kind_is_the_base_s(void **state)
{
	struct world w;

	(void)state;
	good(&w,
	    SITE HMRC "token_endpoint = 'https://api.live.example/token'\n"
		      "[oauth.hmrc.variant.a]\nbase_uri = 'https://a.example'\n"
		      "client_id = 'a'\nredirect_path = '/a.html'\n"
		      "[oauth.hmrc.variant.b]\nclient_id = 'b'\n"
		      "base_uri = 'https://test-www.tax.service.gov.uk'\n"
		      "redirect_path = '/b.html'\n"
		      "[oauth.hmrc.variant.c]\nclient_id = 'c'\n"
		      "authorization_endpoint = 'https://c.example/go'\n"
		      "redirect_path = '/c.html'\n"
		      "[oauth.hmrc.variant.d]\nkind = 'hmrc'\npath = '/go'\n"
		      "client_id = 'd'\nredirect_path = '/d.html'\n");
	const struct oauth_provider *a = find(&w, "hmrc:a");
	const struct oauth_provider *b = find(&w, "hmrc:b");
	const struct oauth_provider *c = find(&w, "hmrc:c");
	assert_string_equal(a->kind, "hmrc");
	assert_true(str_is(a->endpoint, "https://a.example/oauth/authorize"));
	assert_int_equal(a->token_endpoint.n, 0);
	assert_true(str_is(b->token_endpoint,
	    "https://test-api.service.hmrc.gov.uk/oauth/token"));
	assert_true(str_is(c->endpoint, "https://c.example/go"));
	assert_int_equal(c->token_endpoint.n, 0);
	/* who says the kind means its own server */
	assert_true(str_is(
	    find(&w, "hmrc:d")->endpoint, "https://www.tax.service.gov.uk/go"));
	world_close(&w);
	good(&w, SITE "[oauth.g]\nkind = 'google'\nclient_id = 'live'\n"
		      "[oauth.g.variant.a]\nbase_uri = 'https://a.example'\n"
		      "client_id = 'a'\nredirect_path = '/a.html'\n");
	a = find(&w, "g:a");
	assert_true(str_is(a->endpoint, "https://a.example/o/oauth2/v2/auth"));
	assert_int_equal(a->issuer.n, 0);
	assert_int_equal(a->token_endpoint.n, 0);
	assert_int_equal(a->jwks_uri.n, 0);
	world_close(&w);
}

static void only_live_is_live(void **state)
{
	(void)state;
	world_refuses(SITE HMRC "[oauth.hmrc.variant.a]\npath = '/go'\n"
				"client_id = 'a'\nredirect_path = '/a.html'\n",
	    "site.toml:7:8: variant-path: [oauth.hmrc.variant.a] says a path");
	world_refuses(SITE
	    "[oauth.g]\nkind = 'google'\nclient_id = 'x'\n"
	    "[oauth.g.variant.a]\npath = '/go'\nclient_id = 'a'\n"
	    "redirect_path = '/a.html'\n",
	    "site.toml:7:8: variant-path: [oauth.g.variant.a] says a path");
	world_refuses(SITE "[oauth.e]\nkind = 'entra'\nclient_id = 'x'\n"
			   "tenant = 'one.example'\n[oauth.e.variant.a]\n"
			   "path = '/go'\nclient_id = 'a'\n"
			   "redirect_path = '/a.html'\n",
	    "site.toml:7:18: endpoint-missing: [oauth.e.variant.a] does");
}

/* What both have is told where it stands; what is a variant's own, there. */
static void told_once(void **state)
{
	(void)state;
	world_refuses(SITE HMRC "pkce = 'plain'\n[oauth.hmrc.variant.a]\n"
				"client_id = ''\n[oauth.hmrc.variant.b]\n"
				"pkce = 'plainer'\n",
	    "site.toml:6:8: pkce-plain: \n"
	    "site.toml:8:13: client-id-empty: [oauth.hmrc.variant.a] has\n"
	    "site.toml:10:8: pkce-plain: ");
	/* a client_id of the base is one for its variants too */
	world_refuses(SITE "[oauth.a]\nkind = 'google'\n[oauth.a.variant.b]\n"
			   "scopes = ['openid']\n",
	    "site.toml:3:8: client-id-empty: [oauth.a] has");
	/* but not for those at another server */
	world_refuses(SITE "[oauth.a]\nkind = 'google'\n[oauth.a.variant.b]\n"
			   "kind = 'github'\nredirect_path = '/b.html'\n",
	    "site.toml:3:8: client-id-empty: [oauth.a] has\n"
	    "site.toml:5:18: client-id-empty: [oauth.a.variant.b] has");
}

static void none_within_another(void **state)
{
	(void)state;
	world_refuses(SITE HMRC BOX "client_id = 'b'\n"
				    "[oauth.hmrc.variant.sandbox.variant.c]\n"
				    "client_id = 'c'\n",
	    "site.toml:9:29: variant-in-variant: a variant has no variants; "
	    "write [oauth.hmrc.variant.OTHER]");
}

/* What key_check() told is not told again, and hides nothing else. */
static void broken_ones_are_left_alone(void **state)
{
	(void)state;
	world_refuses(SITE HMRC "pkce = 'plain'\n[oauth.hmrc.variant.a]\n"
				"client_id = 3\n[oauth.hmrc.variant.b]\n"
				"client_id = ''\n",
	    "site.toml:6:8: pkce-plain\n"
	    "site.toml:8:13: wrong-type: `oauth.hmrc.variant.a.client_id`\n"
	    "site.toml:10:13: client-id-empty");
	world_refuses(SITE HMRC
	    "[oauth.hmrc.variant]\na = 3\nb.client_id = ''\n",
	    "site.toml:7:5: wrong-type: `oauth.hmrc.variant.a`\n"
	    "site.toml:8:15: client-id-empty");
	world_refuses(SITE "[oauth]\nhmrc = 3\n",
	    "site.toml:4:8: wrong-type: `oauth.hmrc` must be a table");
	/* what is wrong with other keys is told all the same */
	world_refuses(SITE "[oauth.hmrc]\nkind = 'hmrc'\nclient_id = 3\n"
			   "[oauth.hmrc.variant.b]\nscopes = ['a b']\n",
	    "site.toml:5:13: wrong-type: \n"
	    "site.toml:7:11: scope-chars: ");
	/* but without its kind nobody knows what it would be */
	world_refuses(SITE "[oauth.hmrc]\nkind = 'hmcr'\nclient_id = ''\n"
			   "[oauth.hmrc.variant.b]\nscopes = ['a b']\n",
	    "site.toml:4:8: bad-value: ");
	world_refuses(SITE HMRC "[oauth.hmrc.variant.sandbox]\nclientid = 'b'\n"
				"redirect_path = '/b.html'\n",
	    "site.toml:7:1: unknown-key: ");
	world_refuses(SITE HMRC "variant = 'sandbox'\n",
	    "site.toml:6:11: wrong-type: `oauth.hmrc.variant` must be");
}

/* A variant's keys are those of a provider, and no others. */
static void keys_of_a_provider_only(void **state)
{
	(void)state;
	world_refuses(SITE HMRC BOX "client_id = 'b'\nstorage = 'local'\n",
	    "site.toml:9:1: unknown-key: there is no key `storage` here");
	world_refuses(SITE HMRC
	    "[oauth.hmrc.variant.'San d']\nclient_id = 'b'\n",
	    "site.toml:6:21: bad-name: `San d` cannot be a name");
}

/* A variant may stand in an environment alone, and is of it then. */
static void of_an_environment(void **state)
{
	struct world w;

	(void)state;
	world_open(&w,
	    "name = 'x'\n" HMRC "redirect_uri = 'https://y.example/'\n",
	    "[oauth.hmrc.variant.b]\nclient_id = 'b'\n");
	assert_string_equal(kit_said(&w.k), "");
	assert_false(find(&w, "hmrc")->from_env);
	assert_true(find(&w, "hmrc:b")->from_env);
	world_close(&w);
}

/* It is a provider like any other, for the module and for other tools. */
static void everywhere(void **state)
{
	struct world w;

	(void)state;
	good(&w, SITE "oauth.clients = true\n" HMRC BOX "client_id = 'box'\n");
	assert_int_equal(produce_oauth_clients(&w.k.build), ERR_OK);
	const struct out_file *f =
	    out_find(&w.k.build.out, OUT_WWW, STR("oauth-clients.json"));
	assert_non_null(f);
	assert_true(has(f->bytes, "\"hmrc:sandbox\":{"));
	struct value *data;
	assert_int_equal(oauth_module_data(&w.k.build, &data), ERR_OK);
	assert_int_equal(value_get(data, "providers")->as.array.n, 2);
	world_close(&w);
}

/* Which of these names are taken for one, and what is said of the others. */
static void names(const char *toml, const char *name, const char *finding)
{
	static const char *const words[] = {"none", NULL};
	struct world w;

	world_open(&w, toml, NULL);
	diag_init(&w.k.diag, &w.k.arena); /* what the tables earn is not it */
	bool good = provider_name_check(&w.k.arena, w.k.site, str_of(name),
	    (struct pos){"f", 1, 1}, words, &w.k.diag);
	assert_int_equal(good, *finding == '\0');
	if (good)
		assert_string_equal(kit_said(&w.k), "");
	else
		kit_says(&w.k, finding);
	world_close(&w);
}

static void unknown_names_are_told(void **state)
{
	(void)state;
	names(SITE HMRC BOX, "hmrc", "");
	names(SITE HMRC BOX, "hmrc:sandbox", "");
	names(SITE HMRC BOX, "hmrc:live",
	    "f:1:1: unknown-variant: [oauth.hmrc] has no variant \"live\"; "
	    "write \"hmrc\" or \"hmrc:sandbox\"");
	names(SITE HMRC BOX, "hmrc:", "unknown-variant: ");
	names(SITE HMRC BOX, "hmrc:sandbox:x", "unknown-variant: ");
	names(SITE HMRC BOX, "Hmrc",
	    "unknown-provider: there is no [oauth.Hmrc]; did you mean "
	    "\"hmrc\"?");
	names(SITE HMRC BOX, "storage", "unknown-provider: ");
	names(SITE "oauth.storage = 'local'\n" HMRC, "storage",
	    "unknown-provider: ");
	names(SITE, "cognito", "there is no [oauth.cognito]; write one");
	names(SITE, "nonne", "did you mean \"none\"?");
}

/* What may be there, were it not for what was refused, is not missed. */
static void lost_names_are_not(void **state)
{
	(void)state;
	names(SITE "oauth = 3\n", "hmrc", "");
	names(SITE "[ouath.hmrc]\nclient_id = 'x'\n", "hmrc", "");
	names(SITE "[oauth]\nhmrc = 3\n", "hmrc:sandbox", "");
	names(SITE HMRC "variant = 3\n", "hmrc:sandbox", "");
	names(SITE HMRC "[oauth.hmrc.varaint.sandbox]\nclient_id = 'x'\n",
	    "hmrc:sandbox", "");
	/* a wrong table is one all the same, and no excuse for others */
	names(SITE "[oauth.hmrc]\nclient_id = 3\n", "hmrc", "");
	names(
	    SITE "[oauth.hmrc]\nclient_id = 3\n", "hmrx", "unknown-provider: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(own_keys_are_laid_over),
	    cmocka_unit_test(one_way_to_say_the_redirect),
	    cmocka_unit_test(the_sandbox_is_hmrc_s),
	    cmocka_unit_test(another_server_is_another),
	    cmocka_unit_test(nothing_is_left_of_the_old_server),
	    cmocka_unit_test(its_kind_is_the_base_s),
	    cmocka_unit_test(its_kind_is_the_base_s),
	    cmocka_unit_test(only_live_is_live),
	    cmocka_unit_test(told_once),
	    cmocka_unit_test(none_within_another),
	    cmocka_unit_test(broken_ones_are_left_alone),
	    cmocka_unit_test(keys_of_a_provider_only),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(everywhere),
	    cmocka_unit_test(unknown_names_are_told),
	    cmocka_unit_test(lost_names_are_not),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-variant", tests, NULL, NULL);
}
