#include "tests/unit/site-kit.h"

#include "generator/client.h"

/*
 * The rows of oauth.mjs: what a provider has stands there, what it has not is
 * left out, and no value gets out of its quotation marks. What the module does
 * with them is tests/cli/oauth.t, what they cost tests/npm/size.t.
 */
#define SITE "name = 'x'\nbase_url = 'https://x.example'\n"

static const struct out_file *make(struct kit *k)
{
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	assert_int_equal(produce_oauth(kit_build(k)), ERR_OK);
	struct str path = build_published(&k->build, STR("/oauth.mjs"));
	if (!path.n)
		return NULL;
	const struct out_file *f =
	    out_find(&k->build.out, OUT_WWW, str_slice(path, 1, path.n));
	assert_non_null(f);
	assert_int_equal(f->class, OUT_IMMUTABLE);
	return f;
}

/* What stands between `providers` and what is done with them. */
static void rows(const char *toml, const char *want)
{
	struct kit k;

	kit_open(&k);
	kit_file(&k, "site.toml", toml);
	const struct out_file *f = make(&k);
	assert_non_null(f);
	const char *text = arena_cstr(&k.arena, f->bytes);
	const char *from = strstr(text, "\t__proto__: null,\n");
	assert_non_null(from);
	from = strchr(from, '\n') + 1;
	const char *end = strstr(from, "};\n");
	assert_non_null(end);
	assert_string_equal(
	    arena_cstr(&k.arena, (struct str){from, (size_t)(end - from)}),
	    want);
	kit_close(&k);
}

static void what_it_has_not_is_left_out(void **state)
{
	(void)state;
	rows(SITE "[oauth.a]\nkind = 'github'\nclient_id = 'c'\n"
		  "scopes = ['read']\nnonce = false\npkce = 'none'\n",
	    "\t'a': {\n"
	    "\t\turl: 'https://github.com/login/oauth/authorize"
	    "?response_type=code\\u0026client_id=c\\u0026redirect_uri="
	    "https%3A%2F%2Fx.example%2Fauth%2Fcallback.html"
	    "\\u0026scope=read&state=',\n"
	    "\t\tredirect: 'https://x.example/auth/callback.html',\n"
	    "\t},\n");
}

static void what_it_has_stands_there(void **state)
{
	(void)state;
	rows(SITE "[oauth.a]\nauthorization_endpoint = 'https://op.example/a'\n"
		  "client_id = 'c'\nissuer = 'https://op.example'\n"
		  "allow_params = ['a', 'b', 'c']\n"
		  "[oauth.a.logout]\nendpoint = 'https://op.example/bye'\n"
		  "style = 'cognito'\nreturn_path = '/bye.html'\n"
		  "[oauth.a.variant.v]\niss = 'required'\n"
		  "allow_params = ['one']\nredirect_path = '/v.html'\n"
		  "mixup = 'accept'\n",
	    "\t'a': {\n"
	    "\t\turl: 'https://op.example/a?response_type=code"
	    "\\u0026client_id=c\\u0026redirect_uri="
	    "https%3A%2F%2Fx.example%2Fauth%2Fcallback.html"
	    "\\u0026scope=openid&state=',\n"
	    "\t\tredirect: 'https://x.example/auth/callback.html',\n"
	    "\t\tpkce: '&code_challenge_method=S256',\n"
	    "\t\tnonce: 1,\n"
	    "\t\tiss: [undefined, 'https://op.example'],\n"
	    "\t\tallow: ['a', 'b', 'c'],\n"
	    "\t\tlogout: 'https://op.example/bye?client_id=c"
	    "\\u0026logout_uri=https%3A%2F%2Fx.example%2Fbye.html',\n"
	    "\t},\n"
	    "\t'a:v': {\n"
	    "\t\turl: 'https://op.example/a?response_type=code"
	    "\\u0026client_id=c\\u0026redirect_uri="
	    "https%3A%2F%2Fx.example%2Fv.html\\u0026scope=openid&state=',\n"
	    "\t\tredirect: 'https://x.example/v.html',\n"
	    "\t\tpkce: '&code_challenge_method=S256',\n"
	    "\t\tnonce: 1,\n"
	    "\t\tiss: ['https://op.example'],\n"
	    "\t\tallow: ['one'],\n"
	    "\t\tlogout: 'https://op.example/bye?client_id=c"
	    "\\u0026logout_uri=https%3A%2F%2Fx.example%2Fbye.html',\n"
	    "\t},\n");
}

static void a_value_stays_in_its_quotation_marks(void **state)
{
	(void)state;
	rows(SITE "[oauth.a]\nclient_id = \"'});alert(1)//\"\n"
		  "authorization_endpoint = \"https://op.example/'+x+'\"\n"
		  "issuer = \"https://op.example/'\"\n",
	    "\t'a': {\n"
	    "\t\turl: 'https://op.example/\\u0027+x+\\u0027?response_type=code"
	    "\\u0026client_id=%27%7D%29%3Balert%281%29%2F%2F"
	    "\\u0026redirect_uri="
	    "https%3A%2F%2Fx.example%2Fauth%2Fcallback.html"
	    "\\u0026scope=openid&state=',\n"
	    "\t\tredirect: 'https://x.example/auth/callback.html',\n"
	    "\t\tpkce: '&code_challenge_method=S256',\n"
	    "\t\tnonce: 1,\n"
	    "\t\tiss: [undefined, 'https://op.example/\\u0027'],\n"
	    "\t},\n");
}

static void whether_an_environment_is_in_it(void **state)
{
	static const struct {
		const char *env;
		bool from_env;
	} cases[] = {
	    {"", false},
	    {"[public]\na = 1\n", false},
	    {"[oauth.a]\nissuer = 'https://op.example'\n", true},
	    {"[oauth]\nttl = '5m'\n", true},
	    {"[oauth]\nstorage = 'local'\n", true},
	    {"[oauth.a]\nallow_params = ['x']\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kit k;
		kit_open(&k);
		kit_file(&k, "site.toml",
		    SITE "[oauth.a]\nclient_id = 'c'\n"
			 "authorization_endpoint = 'https://op.example/a'\n");
		kit_file(&k, "env/base.toml", cases[i].env);
		assert_int_equal(make(&k)->from_env, cases[i].from_env);
		kit_close(&k);
	}
}

static void no_provider_no_module(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", SITE "[oauth]\nttl = '5m'\n");
	assert_null(make(&k));
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_has_not_is_left_out),
	    cmocka_unit_test(what_it_has_stands_there),
	    cmocka_unit_test(a_value_stays_in_its_quotation_marks),
	    cmocka_unit_test(whether_an_environment_is_in_it),
	    cmocka_unit_test(no_provider_no_module),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-module", tests, NULL, NULL);
}
