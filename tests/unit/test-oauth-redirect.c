#include "tests/unit/provider-kit.h"

/*
 * Where providers send people back to, and who may share such a page. A site
 * is one or two [oauth.NAME] behind two lines, so theirs begin in the third.
 */
#define OP                                                                     \
	"[oauth.a]\nauthorization_endpoint = 'https://op.example/a'\n"         \
	"client_id = 'abc'\n"
#define HMRC "[oauth.a]\nkind = 'hmrc'\nclient_id = 'abc'\n\n"

#define SITE "name = 'x'\nbase_url = '%s'\n%s"
static void gives_at(const char *base, const char *toml, const char *redirect)
{
	struct world w;
	char site[4096];

	snprintf(site, sizeof(site), SITE, base, toml);
	world_open(&w, site, NULL);
	assert_string_equal(kit_said(&w.k), "");
	assert_int_equal(w.err, ERR_OK);
	assert_string_equal(
	    arena_cstr(&w.k.arena, w.list[w.n - 1].redirect), redirect);
	world_close(&w);
}

static void gives(const char *toml, const char *redirect)
{
	gives_at("https://x.example", toml, redirect);
}

static void refuses_at(const char *base, const char *toml, const char *findings)
{
	char site[4096];

	snprintf(site, sizeof(site), SITE, base, toml);
	world_refuses(site, findings);
}

static void refuses(const char *toml, const char *findings)
{
	refuses_at("https://x.example", toml, findings);
}

/* ------------------------------------------------------------------- */

static void a_page_of_the_site(void **state)
{
	(void)state;
	gives(OP, "https://x.example/auth/callback.html");
	gives_at(
	    "https://x.example/", OP, "https://x.example/auth/callback.html");
	gives_at("https://x.example/sub/folder/", OP "redirect_path = '/cb'",
	    "https://x.example/sub/folder/cb");
	gives_at("http://[::1]:8080/", OP "redirect_path = '/cb?from=x'",
	    "http://[::1]:8080/cb?from=x");
	gives_at("http://dev.localhost", OP "redirect_path = '/'",
	    "http://dev.localhost/");
	gives(OP "redirect_uri = 'http://127.0.0.2:81/cb'",
	    "http://127.0.0.2:81/cb");
	gives(OP "redirect_uri = 'HTTPS://y.example'", "HTTPS://y.example");
	gives(OP "redirect_path = '/caf%C3%A9/~ann!(1)'",
	    "https://x.example/caf%C3%A9/~ann!(1)");
}

static void relative(void **state)
{
	(void)state;
	refuses(OP "redirect_path = 'cb.html'\n",
	    "site.toml:6:17: redirect-relative: redirect_path \"cb.html\"");
	refuses(OP "redirect_path = '//evil.example/cb'\n",
	    "site.toml:6:17: redirect-relative: ");
	refuses(OP "redirect_path = 'https://x.example/cb'\n",
	    "site.toml:6:17: redirect-relative: ");
	refuses(OP "redirect_uri = '/cb'\n",
	    "site.toml:6:16: redirect-relative: redirect_uri \"/cb\" is not an "
	    "absolute URL");
	refuses(OP "redirect_uri = 'localhost:8080/cb'\n",
	    "site.toml:6:16: redirect-relative: ");
	refuses(OP "redirect_uri = 'https:///cb'\n",
	    "site.toml:6:16: redirect-relative: ");
	refuses(OP "redirect_uri = 'https://x.example/a b'\n",
	    "site.toml:6:16: redirect-relative: redirect_uri "
	    "\"https://x.example/a b\" is no URL; write");
	refuses(OP "redirect_path = '/caf\xc3\xa9'\n",
	    "site.toml:6:17: redirect-relative: ");
}

static void schemes(void **state)
{
	(void)state;
	refuses(OP "redirect_uri = 'http://x.example/cb'\n",
	    "site.toml:6:16: redirect-scheme: redirect_uri is at x.example "
	    "without https");
	refuses(OP "redirect_uri = 'com.example.app:/cb'\n",
	    "site.toml:6:16: redirect-scheme: ");
	refuses(OP "redirect_uri = 'urn:ietf:wg:oauth:2.0:oob'\n",
	    "site.toml:6:16: redirect-scheme: ");
	refuses(OP "redirect_uri = 'javascript:alert(1)'\n",
	    "site.toml:6:16: redirect-scheme: ");
	refuses(OP "redirect_uri = 'http://127.0.0.1.evil.example/cb'\n",
	    "site.toml:6:16: redirect-scheme: ");
	refuses(OP "redirect_uri = 'http://localhost.evil.example/cb'\n",
	    "site.toml:6:16: redirect-scheme: ");
	refuses_at("http://x.example",
	    OP "[oauth.b]\nkind = 'github'\n"
	       "client_id = 'b'\n",
	    "site.toml:2:12: redirect-scheme: base_url is at x.example");
}

static void parts(void **state)
{
	(void)state;
	refuses(OP "redirect_path = '/cb#x'\n",
	    "site.toml:6:17: redirect-fragment: ");
	refuses(OP "redirect_uri = 'https://x.example/cb#'\n",
	    "site.toml:6:16: redirect-fragment: ");
	refuses(OP "redirect_uri = 'https://me@x.example/cb'\n",
	    "site.toml:6:16: redirect-userinfo: ");
	refuses(OP "redirect_path = '/auth//cb'\n",
	    "site.toml:6:17: double-slash: redirect_path has an empty segment, "
	    "\"//cb\"");
	refuses_at(
	    "https://x.example//sub", OP, "site.toml:2:12: double-slash: ");
	refuses(OP "redirect_path = '/cb?a=1&state=x'\n",
	    "site.toml:6:17: redirect-query: redirect_path has \"state\"");
	refuses(OP "redirect_path = '/cb?c%6fde=x'\n",
	    "site.toml:6:17: redirect-query: redirect_path has \"code\"");
	gives(OP "redirect_path = '/cb?states=x&a=code'",
	    "https://x.example/cb?states=x&a=code");
	refuses(OP "redirect_path = '/cb'\nredirect_uri = "
		   "'https://x.example/cb'\n",
	    "site.toml:6:17: redirect-twice: ");
}

/* A site's base_url has no query (keys.def); whoever else asks may. */
static void what_is_joined_to(void **state)
{
	static const char *const bases[] = {
	    "https://x.example/?a=1", "https://x.example/#a"};
	struct oauth_provider p;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		kit_open(&k);
		struct value *table =
		    value_new(&k.arena, VALUE_TABLE, POS_NONE);
		value_set(&k.arena, table, STR("kind"), POS_NONE,
		    value_string(&k.arena, STR("github"), POS_NONE));
		value_set(&k.arena, table, STR("client_id"), POS_NONE,
		    value_string(&k.arena, STR("x"), POS_NONE));
		assert_int_equal(
		    oauth_provider_read(&k.arena,
			&(struct member){.key = STR("a"), .value = table},
			value_string(&k.arena, str_of(bases[i]),
			    (struct pos){"f", 1, 2}),
			&k.diag, &p),
		    ERR_INPUT);
		kit_says(&k, "f:1:2: base-has-query: ");
		assert_int_equal(k.diag.errors, 1);
		kit_close(&k);
	}
}

static void wildcards(void **state)
{
	(void)state;
	refuses(OP "redirect_uri = 'https://*.x.example/cb'\n",
	    "site.toml:6:16: redirect-wildcard: ");
	refuses(OP "redirect_path = '/auth/*'\n",
	    "site.toml:6:17: redirect-wildcard: ");
	refuses(OP "redirect_allow = ['https://x.example/auth/callback.html', "
		   "'https://x.example/*']\n",
	    "site.toml:6:59: redirect-wildcard: redirect_allow ");
}

#define CB "https://x.example/auth/callback.html"

static void as_registered(void **state)
{
	(void)state;
	gives(OP "redirect_allow = ['https://y.example/', '" CB "']", CB);
	/* an app of the same registration */
	gives(OP "redirect_allow = ['com.example.app:/cb', '" CB "']", CB);
	refuses(OP "redirect_allow = ['" CB "/', 'https://x.example/']\n",
	    "site.toml:3:8: redirect-not-listed: \"" CB "\" is not in "
	    "redirect_allow, and providers compare byte for byte; make it what "
	    "is registered: the nearest there is \"" CB "/\"");
	refuses(OP "redirect_uri = 'https://X.example/cb'\n"
		   "redirect_allow = ['https://y.example/cb/long', "
		   "'https://x.example/cb']\n",
	    "site.toml:6:16: redirect-not-listed: \"https://X.example/cb\" is "
	    "not in redirect_allow, and providers compare byte for byte; make "
	    "it what is registered: the nearest there is "
	    "\"https://x.example/cb\"");
	refuses(OP "redirect_allow = []\n",
	    "site.toml:6:18: redirect-not-listed: redirect_allow is empty");
	refuses(OP "redirect_allow = ['/cb', '${URL}', '" CB "#x', '" CB "']\n",
	    "site.toml:6:19: redirect-relative: \n"
	    "site.toml:6:26: placeholder: \n"
	    "site.toml:6:36: redirect-fragment: ");
	/* what is no redirect is not looked for as well */
	refuses(OP "redirect_uri = 'cb'\nredirect_allow = ['" CB "']\n",
	    "site.toml:6:16: redirect-relative: ");
}

#define AT(host) "redirect_uri = 'https://" host "/cb'\n"

static void hmrc(void **state)
{
	(void)state;
	gives(HMRC AT("10.example"), "https://10.example/cb");
	gives_at("http://127.0.0.1:8080", HMRC,
	    "http://127.0.0.1:8080/auth/callback.html");
	gives_at("http://[::1]", HMRC, "http://[::1]/auth/callback.html");
	refuses_at("https://10.0.0.1/",
	    HMRC "[oauth.b]\nkind = 'hmrc'\n"
		 "client_id = 'b'\n",
	    "site.toml:2:12: redirect-ip: base_url is at 10.0.0.1");
	refuses(HMRC AT("10.0.0.1"), "site.toml:7:16: redirect-ip: ");
	refuses(HMRC AT("[2001:db8::1]"), "site.toml:7:16: redirect-ip: ");
	refuses(HMRC AT("2130706434"), "site.toml:7:16: redirect-ip: ");
	refuses(HMRC AT("10.0x1"), "site.toml:7:16: redirect-ip: ");
	gives(OP AT("10.0.0.1"), "https://10.0.0.1/cb");
	refuses(HMRC "redirect_allow = ['" CB "', 'https://10.0.0.1/']\n",
	    "site.toml:7:59: redirect-ip: ");
#define FOUR                                                                   \
	"'https://x.example/1', 'https://x.example/2', "                       \
	"'https://x.example/3', 'https://x.example/4', "
	gives(HMRC "redirect_allow = [" FOUR "'" CB "']", CB);
	refuses(HMRC "redirect_allow = [" FOUR "'" CB "',\n'https://y.example']"
		     "\n",
	    "site.toml:8:1: redirect-too-many: kind \"hmrc\" takes 5");
	gives(
	    OP "redirect_allow = [" FOUR "'" CB "', 'https://y.example']", CB);
}

/* --- one page for several --------------------------------------------------
 */

#define A                                                                      \
	"[oauth.a]\nauthorization_endpoint = 'https://a.example/go'\n"         \
	"client_id = 'one'\n"
#define B                                                                      \
	"[oauth.b]\nauthorization_endpoint = 'https://b.example/go'\n"         \
	"client_id = 'two'\n"
#define SAME "redirect_path = '/cb'\n"
#define ISS(x) "issuer = 'https://" x ".example'\niss = 'required'\n"

static void shared(void **state)
{
	(void)state;
	refuses(A B, "site.toml:6:8: redirect-shared: [oauth.b] and [oauth.a] "
		     "(site.toml:3) come back to \"" CB "\"");
	refuses(A SAME B SAME, "site.toml:10:17: redirect-shared: ");
	/* the later one is the one that stands later */
	refuses(B A, "site.toml:6:8: redirect-shared: [oauth.a] and [oauth.b]");
	gives(A B SAME, "https://x.example/cb");
	gives(A SAME B "redirect_path = '/CB'\n", "https://x.example/CB");
	/* all of them come back there, each is told once */
	refuses(A B "[oauth.c]\nkind = 'github'\nclient_id = 'c'\n",
	    "site.toml:6:8: redirect-shared: [oauth.b] and [oauth.a]\n"
	    "site.toml:9:8: redirect-shared: [oauth.c] and [oauth.a]");
	/* what else is wrong with one of them hides it not */
	refuses(A "[oauth.b]\nkind = 'github'\n",
	    "site.toml:6:8: client-id-empty: \n"
	    "site.toml:6:8: redirect-shared: ");
}

/* tests/cli/oauth-finish.t: what finish() makes of a redirect with a query. */
static void shared_but_for_a_query(void **state)
{
	(void)state;
#define ON(x) "redirect_uri = 'https://x.example/" x "'\n"
	refuses(A ON("cb") B ON("cb?by=b"),
	    "site.toml:10:16: redirect-shared: [oauth.b] and [oauth.a] "
	    "(site.toml:3) come back to \"https://x.example/cb?by=b\"");
	refuses(A ON("cb?by=a") B ON("cb"), "site.toml:10:16: redirect-shared");
	refuses(A ON("cb?p=1") B ON("cb?p=1&q=2"),
	    "site.toml:10:16: redirect-shared: ");
	gives(A ON("cb?by=a") B ON("cb?by=b"), "https://x.example/cb?by=b");
	gives(A ON("cb?by=b") B ON("cb?by=bc"), "https://x.example/cb?by=bc");
	gives(A ON("cb") B ON("cb/b"), "https://x.example/cb/b");
	gives(A ON("cb") B ON("cb2"), "https://x.example/cb2");
#undef ON
}

/* A browser writes all of these the same. */
static void shared_but_for_its_spelling(void **state)
{
	(void)state;
#define URI(x) "redirect_uri = '" x "'\n"
	refuses(A URI("https://x.example/cb") B URI("https://X.example:443/cb"),
	    "site.toml:10:16: redirect-shared: [oauth.b] and [oauth.a]");
	refuses(A URI("HTTPS://x.example/cb?a") B URI("https://x.example/cb"),
	    "site.toml:10:16: redirect-shared: ");
	refuses(A URI("https://x.example/") B URI("https://x.example"),
	    "site.toml:10:16: redirect-shared: ");
	gives(A URI("https://x.example/cb") B URI("https://x.example:8443/cb"),
	    "https://x.example:8443/cb");
	gives(A URI("http://localhost/cb") B URI("https://localhost/cb"),
	    "https://localhost/cb");
#undef URI
}

/* Nothing that a browser would put elsewhere than it stands. */
static void dots(void **state)
{
	(void)state;
	refuses(A "redirect_path = '/a/../cb'\n",
	    "site.toml:6:17: redirect-dots: ");
	refuses(A "redirect_path = '/a/%2E./cb'\n",
	    "site.toml:6:17: redirect-dots: ");
	refuses(
	    A "redirect_path = '/a/.'\n", "site.toml:6:17: redirect-dots: ");
	gives(A "redirect_path = '/.well-known/cb..?a=/../b'\n",
	    "https://x.example/.well-known/cb..?a=/../b");
}

static void shared_knowingly(void **state)
{
	(void)state;
	gives(A B "mixup = 'accept'\n", CB);
	refuses(A "mixup = 'accept'\n" B, "site.toml:7:8: redirect-shared: ");
	gives(A ISS("a") B ISS("b"), CB);
	refuses(A ISS("a") B "issuer = 'https://b.example'\n",
	    "site.toml:8:8: redirect-shared: ");
	refuses(A "issuer = 'https://a.example'\n" B ISS("b"),
	    "site.toml:7:8: redirect-shared: ");
}

static void shared_by_one_server(void **state)
{
	(void)state;
	gives(A "issuer = 'https://i.example'\n" B
		"issuer = 'https://i.example'\n",
	    CB);
	gives("[oauth.a]\nauthorization_endpoint = 'https://a.example/?p=1'\n"
	      "client_id = 'a'\n"
	      "[oauth.b]\nauthorization_endpoint = 'https://a.example/?p=2'\n"
	      "client_id = 'b'\n",
	    CB);
	/* one endpoint of two issuers is two servers */
	refuses(A "issuer = 'https://i.example'\n"
		  "[oauth.b]\nauthorization_endpoint = 'https://a.example/go'\n"
		  "client_id = 'two'\nissuer = 'https://j.example'\n",
	    "site.toml:7:8: redirect-shared: ");
}

static void shared_with_a_variant(void **state)
{
	(void)state;
	refuses("[oauth.a]\nkind = 'hmrc'\nclient_id = 'live'\n" SAME
		"[oauth.a.variant.sandbox]\nclient_id = 'test'\n",
	    "site.toml:7:18: redirect-shared: [oauth.a.variant.sandbox] and "
	    "[oauth.a]");
	gives("[oauth.a]\nkind = 'hmrc'\nclient_id = 'live'\n" SAME
	      "[oauth.a.variant.sandbox]\nclient_id = 'test'\n"
	      "mixup = 'accept'\n",
	    "https://x.example/cb");
	/* the same server for another of its clients */
	gives("[oauth.a]\nkind = 'hmrc'\nclient_id = 'live'\n" SAME
	      "[oauth.a.variant.other]\nclient_id = 'other'\n",
	    "https://x.example/cb");
}

/* Nobody knows where one would have been whose place is refused. */
static void shared_with_nobody(void **state)
{
	(void)state;
	refuses("[oauth.a]\nkind = 'cognito'\nclient_id = 'a'\n" SAME
		"domain = 'https://a.example'\n"
		"[oauth.b]\nkind = 'cognito'\nclient_id = 'b'\n" SAME
		"domain = 'a.example'\n",
	    "site.toml:12:10: endpoint-scheme: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_page_of_the_site),
	    cmocka_unit_test(relative),
	    cmocka_unit_test(schemes),
	    cmocka_unit_test(parts),
	    cmocka_unit_test(what_is_joined_to),
	    cmocka_unit_test(wildcards),
	    cmocka_unit_test(as_registered),
	    cmocka_unit_test(hmrc),
	    cmocka_unit_test(shared),
	    cmocka_unit_test(shared_but_for_a_query),
	    cmocka_unit_test(shared_but_for_its_spelling),
	    cmocka_unit_test(dots),
	    cmocka_unit_test(shared_knowingly),
	    cmocka_unit_test(shared_by_one_server),
	    cmocka_unit_test(shared_with_a_variant),
	    cmocka_unit_test(shared_with_nobody),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-redirect", tests, NULL, NULL);
}
