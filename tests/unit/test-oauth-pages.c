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
	    "to /auth/callback.html,");
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
	says(A "[redirects]\n'/auth/*' = '/b.html'\n", "pages/b.html", "");
	says(A "[site]\nfallback = '/b.html'\n", "pages/b.html", "");
	says(A, NULL, "");
	says(A, "assets/x.css", "");
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
	    cmocka_unit_test(elsewhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth pages", tests, NULL, NULL);
}
