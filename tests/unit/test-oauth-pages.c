#include "tests/unit/site-kit.h"

/* Pages that people come back to and that nobody wrote. */
#define A "[oauth.a]\nkind = 'google'\nclient_id = 'one'\n"
#define B                                                                      \
	"[oauth.b]\nkind = 'github'\nclient_id = 'two'\n"                      \
	"redirect_path = '/b.html'\n"

static void says(const char *toml, const char *page, const char *findings)
{
	struct kit k;

	kit_open(&k);
	kit_file(&k, "site.toml",
	    arena_printf(&k.arena,
		"name = 'x'\nbase_url = 'https://x.example/below'\n%s", toml)
		.p);
	if (page)
		kit_file(&k, page, "<title>x</title>");
	enum err loaded = kit_load(&k, NULL);
	kit_build(&k);
	assert_int_equal(build_loaded(&k.build, k.site, loaded), ERR_OK);
	kit_says_only(&k, findings);
	kit_close(&k);
}

static void missing(void **state)
{
	(void)state;
	says(A, "pages/auth/callback.html", "");
	says(A, "static/auth/callback.html", "");
	says(A "redirect_path = '/b?c=d'\n", "pages/b.html", "");
	says(A "redirect_path = '/b%2Ehtml'\n", "pages/b.html", "");
	says(A, "pages/auth/call-back.html",
	    "site.toml:3:8: warning: missing-page: [oauth.a] sends people back "
	    "to /auth/callback.html, and there will be no such page; write it, "
	    "or name another: did you mean \"/auth/call-back.html\"?");
	says(A "redirect_path = '/a.html'\n" B, "pages/b.html",
	    "site.toml:6:17: warning: missing-page: [oauth.a] sends people "
	    "back to /a.html,");
	/* who has one of its variant's is told once */
	says(A "[oauth.a.variant.c]\nclient_id = 'two'\n", "pages/b.html",
	    "site.toml:3:8: warning: missing-page: [oauth.a] sends");
	says(B "[oauth.b.logout]\nendpoint = 'https://b.example/'\n"
	       "style = 'oidc'\nreturn_path = '/out.html'\n"
	       "[oauth.b.variant.c]\nclient_id = 'three'\n",
	    "pages/b.html",
	    "site.toml:10:15: warning: missing-page: [oauth.b] sends people "
	    "who sign out to /out.html,");
}

/* There is something all the same, or nobody here knows. */
static void answered(void **state)
{
	(void)state;
	says(A "redirect_path = '/back'\n[site]\nfallback = '/b.html'\n",
	    "pages/b.html", "");
	says(A, NULL, "");
	says(A, "assets/x.css", "");
}

/* A name with an ending is a file's or nobody's: the fallback leaves it. */
static void fallback(void **state)
{
	(void)state;
	says(A "[site]\nfallback = '/b.html'\n", "pages/b.html",
	    "site.toml:3:8: warning: missing-page: [oauth.a] sends people "
	    "back to /auth/callback.html, and there will be no such page; "
	    "write it, or name another");
}

/* What finish() would be on is another page than it was told. */
static void moved(void **state)
{
	(void)state;
	says(A "[redirects]\n'/auth/*' = '/old'\n'/old' = '/b.html'\n",
	    "pages/b.html",
	    "site.toml:3:8: warning: redirect-moved: [oauth.a] sends people "
	    "back to /auth/callback.html, which [redirects] leads to /b.html, "
	    "where finish() takes no answer (wrong-page); name that");
	says(A "[redirects]\n'/auth/*' = 'https://y.example/:splat'\n",
	    "pages/b.html",
	    "site.toml:3:8: warning: redirect-moved: [oauth.a] sends people "
	    "back to /auth/callback.html, which [redirects] leads to another "
	    "site, where finish() takes no answer (wrong-page); name a page");
	says(B "[site]\nurls = 'folder'\n", "pages/b.html",
	    "site.toml:6:17: warning: missing-page: [oauth.b] sends people "
	    "back to /b.html, and there will be no such page; write it, or "
	    "name another: did you mean \"/b/\"?");
	says(A "redirect_path = '/b'\n[site]\nurls = 'folder'\n",
	    "pages/b.html",
	    "site.toml:6:17: warning: redirect-moved: [oauth.a] sends people "
	    "back to /b, which many hosts redirect to /b/, where finish() "
	    "takes no answer (wrong-page); name that");
	says(A "redirect_path = '/b/'\n[site]\nurls = 'folder'\n",
	    "pages/b.html", "");
	says(A "redirect_path = '/b'\n[site]\nurls = 'both'\n", "pages/b.html",
	    "");
	says(A "redirect_path = '/b'\n", "pages/b.html", "");
	says(A "redirect_path = '/'\n", "pages/index.html", "");
	/* to sign out somewhere it is enough that it is answered */
	says(A "redirect_path = '/b.html'\n[oauth.a.logout]\n"
	       "endpoint = 'https://b.example/'\nstyle = 'oidc'\n"
	       "return_path = '/out'\n[redirects]\n'/out' = '/b.html'\n",
	    "pages/b.html", "");
}

static void elsewhere(void **state)
{
	(void)state;
	says(A "redirect_uri = 'https://www.x.example/below/b.html'\n",
	    "pages/b.html",
	    "site.toml:6:16: warning: redirect-elsewhere: [oauth.a] sends "
	    "people back to \"https://www.x.example/below/b.html\", and");
	says(A "redirect_uri = 'http://localhost:8080/b.html'\n",
	    "pages/b.html", "site.toml:6:16: warning: redirect-elsewhere: ");
	says(A "redirect_uri = 'https://x.example:443/below/b.html'\n",
	    "pages/b.html", "");
	says(A "redirect_uri = 'https://X.example/elsewhere.html'\n",
	    "pages/b.html", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(missing),
	    cmocka_unit_test(answered),
	    cmocka_unit_test(fallback),
	    cmocka_unit_test(moved),
	    cmocka_unit_test(elsewhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth pages", tests, NULL, NULL);
}
