#include "generator/mustache.h"
#include "tests/unit/provider-kit.h"

/*
 * Signing out: a URL that is whole when the site is built. A site is what
 * follows two lines, so places begin in the third.
 */
#define SITE "name = 'x'\nbase_url = 'https://x.example/shop/'\n"
#define COGNITO                                                                \
	"[oauth.a]\nkind = 'cognito'\ndomain = 'https://auth.example'\n"       \
	"client_id = 'a b&c'\n"
#define OIDC                                                                   \
	"[oauth.a]\nauthorization_endpoint = 'https://op.example/go'\n"        \
	"client_id = 'abc'\n"
#define OUT "[oauth.a.logout]\nreturn_path = '/out.html'\n"
#define BACK "https%3A%2F%2Fx.example%2Fshop%2Fout.html"

static const struct oauth_provider *make(
    struct world *w, const char *toml, const char *env)
{
	char site[2048];

	snprintf(site, sizeof(site), SITE "%s", toml);
	world_open(w, site, env);
	return w->n ? &w->list[w->n - 1] : NULL;
}

/* The last provider of the site signs out there; "" if nowhere. */
static void gives(const char *toml, const char *url)
{
	struct world w;
	const struct oauth_provider *p = make(&w, toml, NULL);

	assert_string_equal(kit_said(&w.k), "");
	assert_int_equal(w.err, ERR_OK);
	assert_string_equal(arena_cstr(&w.k.arena, p->logout_url), url);
	kit_close(&w.k);
}

static void refuses(const char *toml, const char *findings)
{
	char site[2048];

	snprintf(site, sizeof(site), SITE "%s", toml);
	world_refuses(site, findings);
}

static void of_its_kind(void **state)
{
	(void)state;
	gives(COGNITO, "");
	gives(COGNITO OUT,
	    "https://auth.example/logout?client_id=a%20b%26c&logout_uri=" BACK);
	gives("[oauth.a]\nkind = 'entra'\ntenant = 'example.org'\n"
	      "client_id = 'abc'\n" OUT,
	    "https://login.microsoftonline.com/example.org/oauth2/v2.0/logout"
	    "?client_id=abc&post_logout_redirect_uri=" BACK);
	/* RP-Initiated Logout 1.0, 2: where to go after it is optional */
	gives(OIDC "logout = { endpoint = 'https://op.example/end' }\n",
	    "https://op.example/end?client_id=abc");
	gives(OIDC "logout = { endpoint = 'https://op.example/end', "
		   "style = 'cognito', return_path = '/out.html' }\n",
	    "https://op.example/end?client_id=abc&logout_uri=" BACK);
	gives("[oauth.a]\nkind = 'github'\nclient_id = 'abc'\n"
	      "logout = { endpoint = 'https://op.example/end', "
	      "style = 'oidc' }\n",
	    "https://op.example/end?client_id=abc");
}

static void own_query(void **state)
{
	(void)state;
#define END(query)                                                             \
	OIDC "logout = { endpoint = 'https://op.example/end" query "', "       \
	     "return_path = '/out.html' }\n"
	gives(END("?p=B2C_1%20x&q=(a)"),
	    "https://op.example/end?p=B2C_1%20x&q=(a)&client_id=abc"
	    "&post_logout_redirect_uri=" BACK);
	gives(END("?"), "https://op.example/end?client_id=abc"
			"&post_logout_redirect_uri=" BACK);
	gives(END("?p=1&"), "https://op.example/end?p=1&client_id=abc"
			    "&post_logout_redirect_uri=" BACK);
	/* a name of the other style is none of ours */
	gives(END("?logout_uri=1"),
	    "https://op.example/end?logout_uri=1&client_id=abc"
	    "&post_logout_redirect_uri=" BACK);
	refuses(END("?p=1&client_id=x"),
	    "site.toml:6:23: endpoint-param-clash: client_id in the query");
	refuses(END("?post%5flogout_redirect_uri"),
	    "site.toml:6:23: endpoint-param-clash: post_logout_redirect_uri");
}

static void whole(void **state)
{
	struct world w;
	const struct oauth_provider *p = make(&w, COGNITO OUT, NULL);

	(void)state;
	assert_string_equal(p->logout_style, "cognito");
	assert_true(str_is(p->logout_endpoint, "https://auth.example/logout"));
	assert_true(
	    str_is(p->logout_redirect, "https://x.example/shop/out.html"));
	assert_false(p->from_env);
	kit_close(&w.k);
	p = make(&w, COGNITO, NULL);
	assert_null(p->logout_style);
	assert_int_equal(p->logout_endpoint.n, 0);
	kit_close(&w.k);
}

/* Each of them alone makes it a file of the environment. */
static void of_an_environment(void **state)
{
	static const char *const rows[] = {
	    "oauth.a.logout.endpoint = 'https://b.example'\n",
	    "oauth.a.logout.style = 'oidc'\n",
	    "oauth.a.logout.return_path = '/b.html'\n",
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct oauth_provider *p = make(&w,
		    COGNITO "redirect_uri = 'https://y.example/'\n" OUT,
		    rows[i]);
		assert_true(p->from_env);
		kit_close(&w.k);
	}
	/* and so does that there is one */
	const struct oauth_provider *p = make(&w,
	    "[oauth.a]\nkind = 'entra'\ntenant = 'b'\nclient_id = 'x'\n"
	    "redirect_uri = 'https://y.example/'\n",
	    "[oauth.a.logout]\n");
	assert_string_equal(kit_said(&w.k), "");
	assert_true(p->from_env && p->logout_url.n);
	kit_close(&w.k);
}

static void where_there_is_none(void **state)
{
	static const char *const kinds[] = {"github", "google", "hmrc"};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < 3; i++)
		refuses(arena_printf(&a,
			    "[oauth.a]\nkind = '%s'\nclient_id = 'x'\n" OUT,
			    kinds[i])
			    .p,
		    arena_printf(&a,
			"site.toml:6:10: logout-endpoint: kind \"%s\" has no "
			"sign-out that a site could ask for; leave logout out",
			kinds[i])
			.p);
	arena_release(&a);
	refuses(OIDC OUT, "site.toml:6:10: logout-endpoint: [oauth.a] does "
			  "not say where to sign out; set endpoint");
	refuses("[oauth.a]\nkind = 'cognito'\nclient_id = 'x'\n"
		"authorization_endpoint = 'https://op.example/go'\n" OUT,
	    "site.toml:7:10: logout-endpoint: ");
	refuses("[oauth.a]\nkind = 'github'\nclient_id = 'x'\n"
		"[oauth.a.logout]\nendpoint = 'https://op.example/end'\n",
	    "site.toml:6:10: logout-style: kind \"github\" does not say");
	refuses(COGNITO "[oauth.a.logout]\n",
	    "site.toml:7:10: logout-return: sign-out of style \"cognito\"");
}

static void broken_input(void **state)
{
	(void)state;
	refuses(END("#x"), "site.toml:6:23: endpoint-fragment: logout.end");
	refuses(OIDC "logout = { endpoint = 'http://op.example/end' }\n",
	    "site.toml:6:23: endpoint-scheme: logout.endpoint");
	refuses(OIDC "logout = { endpoint = 'https://me@op.example/' }\n",
	    "site.toml:6:23: endpoint-userinfo: ");
	refuses(OIDC "logout = { endpoint = 'https://op.example//x' }\n",
	    "site.toml:6:23: double-slash: ");
	refuses(OIDC "logout = { endpoint = '${END}' }\n",
	    "site.toml:6:23: placeholder: ");
	refuses(COGNITO "logout = { return_path = 'out.html' }\n",
	    "site.toml:7:26: redirect-relative: logout.return_path");
	refuses(COGNITO "logout = { return_path = '/out.html#x' }\n",
	    "site.toml:7:26: redirect-fragment: logout.return_path");
	refuses(COGNITO "logout = { return_path = '/*' }\n",
	    "site.toml:7:26: redirect-wildcard: ");
	refuses(COGNITO "logout = { return_path = '' }\n",
	    "site.toml:7:26: placeholder: ");
	refuses(COGNITO "logout = { style = 'saml', return_path = '/x' }\n",
	    "site.toml:7:20: bad-value: ");
	refuses(COGNITO "logout = true\n", "site.toml:7:10: wrong-type: ");
	/* what may be misspelt is not missed as well */
	refuses(COGNITO "logout = { retrun_path = '/out.html' }\n",
	    "site.toml:7:12: unknown-key: ");
	refuses(OIDC "logout = { endpiont = 'https://op.example/end' }\n",
	    "site.toml:6:12: unknown-key: ");
}

/* ---- variants ----------------------------------------------------------- */

#define TWO "[oauth.a.variant.two]\nredirect_path = '/two.html'\n"
static void of_a_variant(void **state)
{
	(void)state;
	gives(COGNITO OUT TWO,
	    "https://auth.example/logout?client_id=a%20b%26c&logout_uri=" BACK);
	gives(COGNITO OUT TWO "logout.return_path = '/cy.html'\n",
	    "https://auth.example/logout?client_id=a%20b%26c&logout_uri="
	    "https%3A%2F%2Fx.example%2Fshop%2Fcy.html");
	/* elsewhere it is elsewhere too */
	gives(COGNITO "[oauth.a.logout]\nreturn_path = '/out.html'\n"
		      "endpoint = 'https://auth.example/bye'\n" TWO
		      "kind = 'cognito'\ndomain = 'https://b.example'\n"
		      "client_id = 'b'\n",
	    "https://b.example/logout?client_id=b&logout_uri=" BACK);
	refuses(END("") TWO "authorization_endpoint = 'https://b.example/go'\n"
			    "client_id = 'b'\n",
	    "site.toml:6:1: logout-endpoint: [oauth.a.variant.two] does not "
	    "say");
	refuses(END("") TWO "authorization_endpoint = 'https://b.example/go'\n"
			    "client_id = 'b'\n"
			    "logout.endpiont = 'https://b.example/end'\n",
	    "site.toml:11:8: unknown-key: ");
	/* of another kind, its style is that kind's, or there is none */
	gives(COGNITO OUT "style = 'cognito'\n" TWO
			  "kind = 'entra'\ntenant = 'b'\nclient_id = 'b'\n",
	    "https://login.microsoftonline.com/b/oauth2/v2.0/logout"
	    "?client_id=b&post_logout_redirect_uri=" BACK);
	gives(COGNITO OUT TWO "kind = 'github'\nclient_id = 'b'\n", "");
}

/* ---- pages --------------------------------------------------------------- */

/* What a template of the site becomes, or what is said of it. */
static void renders(const char *toml, const char *template, const char *wanted)
{
	struct world w;
	struct str text;
	bool env = false;

	make(&w, toml, NULL);
	bool bad = w.k.diag.errors > 0;
	diag_init(&w.k.diag, &w.k.arena); /* of the page alone */
	kit_file(&w.k, "templates/t.mustache", template);
	enum err err = build_template(
	    &w.k.build, "t", build_data(&w.k.build), ESCAPE_HTML, &text, &env);
	if (err == ERR_OK)
		assert_string_equal(arena_cstr(&w.k.arena, text), wanted);
	else if (*wanted)
		kit_says(&w.k, wanted);
	else if (!bad || w.k.diag.errors)
		fail_msg("%s", kit_said(&w.k));
	kit_close(&w.k);
}

static void pages_have_the_link(void **state)
{
	(void)state;
	renders(COGNITO OUT, "<a href=\"{{oauth.a.logout_url}}\">",
	    "<a href=\"https://auth.example/logout?client_id=a%20b%26c&amp;"
	    "logout_uri=" BACK "\">");
	renders(OIDC "redirect_path = '/c.html'\n"
		     "[oauth.b]\nkind = 'cognito'\nclient_id = 'b'\n"
		     "domain = 'https://b.example'\n"
		     "logout.return_path = '/out.html'\n"
		     "[oauth.b.variant.two]\nscopes = ['openid']\n",
	    "{{#oauth}}{{b:two.logout_url}}{{/oauth}} "
	    "{{#oauth.b:two}}{{{logout_url}}}{{/oauth.b:two}}",
	    "https://b.example/logout?client_id=b&amp;logout_uri=" BACK
	    " https://b.example/logout?client_id=b&logout_uri=" BACK);
}

static void pages_have_nothing_else(void **state)
{
	static const char *const keys[] = {"client_id", "issuer", "endpoint",
	    "redirect", "client_secret", "logout", "logout_url.x", "kind"};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		renders(COGNITO OUT,
		    arena_printf(&a, "{{oauth.a.%s}}", keys[i]).p,
		    "templates/t.mustache:1:1: unknown-name: of [oauth] pages "
		    "see "
		    "logout_url alone");
	arena_release(&a);
	renders(COGNITO OUT, "{{#oauth}}{{storage}}{{/oauth}}",
	    "unknown-name: there is no `storage`");
	renders(COGNITO OUT, "{{oauth.a}}", "not-text: ");
}

static void pages_begin_no_sign_in(void **state)
{
	(void)state;
	renders(COGNITO OUT, "\n{{oauth.a.url}}",
	    "templates/t.mustache:2:1: no-sign-in-url: no link begins a "
	    "sign-in: ");
	renders(
	    COGNITO OUT, "{{&oauth.a.authorization_url}}", "no-sign-in-url: ");
	renders(COGNITO, "{{oauth.a.url}}", "call go(\"a\") of oauth.mjs");
}

static void pages_name_what_is_there(void **state)
{
	(void)state;
	renders(COGNITO OUT, "{{oauth.aa.logout_url}}",
	    "t.mustache:1:1: unknown-provider: there is no [oauth.aa]; did you "
	    "mean \"a\"?");
	renders(COGNITO OUT TWO, "{{oauth.a:tow.logout_url}}",
	    "unknown-variant: [oauth.a] has no variant \"tow\"; did you mean "
	    "\"a:two\"?");
	renders(COGNITO, "{{oauth.a.logout_url}}",
	    "t.mustache:1:1: no-logout: \"a\" has no sign-out; write "
	    "[oauth.a.logout]");
	renders(COGNITO OUT TWO "kind = 'github'\nclient_id = 'b'\n",
	    "{{oauth.a:two.logout_url}}",
	    "no-logout: \"a:two\" has no "
	    "sign-out; write "
	    "[oauth.a.variant.two.logout]");
	renders("", "{{oauth.a.logout_url}}",
	    "unknown-name: there is no `oauth` in `oauth.a.logout_url`");
}

/* What was refused is told once, and not as missing from pages. */
static void pages_do_not_miss_what_was_refused(void **state)
{
	(void)state;
	renders(
	    COGNITO "logout.return_path = 'x'\n", "{{oauth.a.logout_url}}", "");
	renders(COGNITO OUT "stlye = 'oidc'\n" TWO "pkce = 'plain'\n",
	    "{{oauth.a:two.logout_url}}", "");
	renders("[oauth.a]\nclient_id = 3\n", "{{oauth.a.logout_url}}", "");
	renders("oauth = 3\n", "{{oauth.a.logout_url}}", "");
	renders("[ouath.a]\nclient_id = 'x'\n", "{{oauth.a.logout_url}}", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_its_kind),
	    cmocka_unit_test(own_query),
	    cmocka_unit_test(whole),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(where_there_is_none),
	    cmocka_unit_test(broken_input),
	    cmocka_unit_test(of_a_variant),
	    cmocka_unit_test(pages_have_the_link),
	    cmocka_unit_test(pages_have_nothing_else),
	    cmocka_unit_test(pages_begin_no_sign_in),
	    cmocka_unit_test(pages_name_what_is_there),
	    cmocka_unit_test(pages_do_not_miss_what_was_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-logout", tests, NULL, NULL);
}
