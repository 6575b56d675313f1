#include "tests/unit/provider-kit.h"

/*
 * What the endpoint is told of a provider whose tokens an API takes:
 * audience and algorithms, and what a variant has of them.
 */
#define BASE                                                                   \
	"name = 'x'\nbase_url = 'https://x.example'\n"                         \
	"[oauth.a]\nclient_id = 'c'\nredirect_path = '/a.html'\n"              \
	"authorization_endpoint = 'https://a.example/in'\n"

static void one_or_several(void **state)
{
	struct world w;

	(void)state;
	world_open(
	    &w, BASE "audience = 'urn:a'\nalgorithms = ['ES256']\n", NULL);
	assert_int_equal(w.err, ERR_OK);
	assert_int_equal(w.list[0].audiences.n, 1);
	assert_true(str_is(w.list[0].audiences.items[0], "urn:a"));
	assert_int_equal(w.list[0].algorithms.n, 1);
	assert_true(str_is(w.list[0].algorithms.items[0], "ES256"));
	assert_false(w.list[0].tokens_from_env);
	world_close(&w);
	world_open(&w, BASE, "[oauth.a]\naudience = ['b', 'c']\n");
	assert_int_equal(w.list[0].audiences.n, 2);
	assert_true(str_is(w.list[0].audiences.items[1], "c"));
	assert_int_equal(w.list[0].algorithms.n, 2);
	assert_true(str_is(w.list[0].algorithms.items[0], "RS256"));
	assert_true(w.list[0].tokens_from_env);
	world_close(&w);
}

/* At another server an audience may be somebody else's. */
static void a_variant_says_its_own(void **state)
{
	struct world w;

	(void)state;
	world_open(&w,
	    BASE "audience = 'urn:a'\nalgorithms = ['ES256']\n"
		 "[oauth.a.variant.here]\nscopes = ['openid', 'x']\n"
		 "[oauth.a.variant.there]\nclient_id = 'd'\n"
		 "redirect_path = '/b.html'\n"
		 "authorization_endpoint = 'https://b.example/in'\n",
	    NULL);
	assert_int_equal(w.err, ERR_OK);
	assert_int_equal(w.n, 3);
	assert_true(str_is(w.list[1].audiences.items[0], "urn:a"));
	assert_int_equal(w.list[2].audiences.n, 0);
	assert_int_equal(w.list[2].algorithms.n, 1);
	world_close(&w);
}

static void what_would_let_nobody_in(void **state)
{
	(void)state;
	world_refuses(BASE "audience = [1]\n",
	    "site.toml:7:12: wrong-type: audience is a string or an array");
	world_refuses(BASE "audience = { a = 'b' }\n",
	    "site.toml:7:12: wrong-type: audience is a string or an array");
	world_refuses(BASE "audience = []\n",
	    "site.toml:7:12: bad-value: audience of [oauth.a] names none");
	world_refuses(BASE "algorithms = []\n",
	    "site.toml:7:14: bad-value: algorithms of [oauth.a] names none");
	world_refuses(BASE "algorithms = ['none']\n",
	    "site.toml:7:15: bad-value: `oauth.a.algorithms` cannot be");
	world_refuses(BASE "audience = ''\n",
	    "site.toml:7:12: placeholder: `oauth.a.audience` is empty");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_or_several),
	    cmocka_unit_test(a_variant_says_its_own),
	    cmocka_unit_test(what_would_let_nobody_in),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth-api", tests, NULL, NULL);
}
