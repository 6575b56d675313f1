#include "cgi/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/caller.h"
#include "cgi/names.h"
#include "cgi/preflight.h"

/*
 * What the endpoint and lowtide-read do alike: what an answer takes over from
 * its request, who asks where no token is needed for it, and what a pre-flight
 * request is told. Tokens are test-bearer.c's and test-owner.c's.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct str origins[] = {S("https://a.example"), S("https://b.example")};
static struct config config = {.name = S("acme"),
    .origins = {origins, 2},
    .web_challenge = S("Basic realm=\"acme\"")};
static struct arena arena;
static struct answer ans;

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct answer_context begun(
    const char *name, const char *value, uint64_t *seed)
{
	struct pair header = {str_of(name), str_of(value)};
	const struct request r = {
	    .path = STR("/x"), .headers = {&header, name ? 1 : 0}};
	struct answer_context c = {.config = &config, .arena = &arena};

	asked_begin(&c, &r, seed);
	return c;
}

static void test_names(void **state)
{
	uint64_t seed = 1;
	(void)state;

	struct answer_context a = begun(NULL, NULL, &seed),
			      b = begun(NULL, NULL, &seed);
	assert_true(str_is(a.path, "/x"));
	assert_true(names_is_trace(a.traceparent));
	assert_false(str_eq(a.traceparent, b.traceparent));
	/* named by its trace, so that one leads to the other */
	assert_int_equal(a.request_id.n, 32);
	assert_true(str_eq(a.request_id, str_slice(a.traceparent, 3, 35)));
	a = begun("traceparent", TRACE, &seed);
	assert_true(str_is(a.traceparent, TRACE));
	assert_true(str_is(a.request_id, "0af7651916cd43dd8448eb211c80319c"));
	a = begun("x-request-id", "mine", &seed);
	assert_true(str_is(a.request_id, "mine"));
	/* what is none of ours is not said again */
	a = begun("x-request-id", "a b\"", &seed);
	assert_int_equal(a.request_id.n, 32);
	a = begun("traceparent", "00-x", &seed);
	assert_true(names_is_trace(a.traceparent));
}

static void test_origins(void **state)
{
	uint64_t seed = 1;
	(void)state;

	assert_int_equal(begun("origin", "https://a.example", &seed).origin, 1);
	assert_int_equal(begun("origin", "https://b.example", &seed).origin, 2);
	assert_int_equal(
	    begun("origin", "https://a.example.", &seed).origin, 0);
	assert_int_equal(begun("origin", "", &seed).origin, 0);
	assert_int_equal(begun(NULL, NULL, &seed).origin, 0);
}

/* One step each, and the same again from the same seed. */
static void test_random(void **state)
{
	uint64_t seed = 7, same = 7;
	(void)state;

	const uint64_t first = asked_random(&seed),
		       second = asked_random(&seed);
	assert_true(first != second);
	assert_true(asked_random(&same) == first);
	assert_true(asked_random(&same) == second);
}

/* ---- who asks ------------------------------------------------------------ */

static enum caller_kind find(const char *auth, const char *owner)
{
	const struct answer_context c = {.config = &config, .arena = &arena};
	const struct request r = {.owner = str_of(owner)};
	const struct caller_context cc = {.c = &c, .r = &r, .ans = &ans};
	const struct strs none = {0};
	struct caller caller;

	ans = (struct answer){0};
	return caller_find(&cc, str_of(auth), &none, &caller);
}

static void test_caller(void **state)
{
	(void)state;

	assert_int_equal(find("none", ""), CALLER_ANYBODY);
	assert_int_equal(find("none", "bob"), CALLER_ANYBODY);
	assert_int_equal(find("web-server", "bob"), CALLER_WEB);
	assert_int_equal(find("web-server", ""), CALLER_REFUSED);
	assert_int_equal(ans.status, 401);
	assert_true(str_is(
	    answer_get(&ans, "WWW-Authenticate"), "Basic realm=\"acme\""));
	/* a provider that is not there lets nobody in, nor does a name */
	assert_int_equal(find("cognito", "bob"), CALLER_REFUSED);
	assert_int_equal(ans.status, 401);
	assert_true(str_is(
	    answer_get(&ans, "WWW-Authenticate"), "Bearer realm=\"acme\""));
	assert_int_equal(find("", "bob"), CALLER_REFUSED);
}

static void test_scopes(void **state)
{
	static struct str both[] = {S("a"), S("b:read")};
	const struct strs needed = {both, 2}, none = {0};
	(void)state;

	assert_true(caller_has_scopes(STR("a b:read"), &needed));
	assert_true(caller_has_scopes(STR("c b:read a"), &needed));
	assert_false(caller_has_scopes(STR("a b:rea"), &needed));
	assert_false(caller_has_scopes(STR("a,b:read"), &needed));
	assert_false(caller_has_scopes(STR(""), &needed));
	assert_true(caller_has_scopes(STR(""), &none));
}

/* ---- OPTIONS ------------------------------------------------------------- */

static void test_preflight(void **state)
{
	static struct str forward[] = {S("x-shop"), S("gov-*")};
	static struct pair headers[] = {{S("A"), S("Bearer {header.Token?}")}};
	static const struct api apis[] = {
	    {.forward = {forward, 2}}, {.request_headers = {headers, 1},
					   .request_path = S("/{header.q}")}};
	static struct str wanted[] = {S("account-token")};
	static struct api others[] = {{.forward = {forward, 2}}};
	static struct read_call calls[] = {{.forward = {wanted, 1}}};
	struct config mine = config;
	struct answer_context c = {.config = &mine, .arena = &arena};
	(void)state;

	mine.apis = others;
	mine.n_apis = 1;
	mine.read_calls = calls;
	mine.n_read_calls = 1;
	ans = (struct answer){0};
	preflight_answer(&c, STR("GET, OPTIONS"), apis, 2, STR(""), &ans);
	assert_int_equal(ans.status, 204);
	assert_true(str_is(answer_get(&ans, "Allow"), "GET, OPTIONS"));
	/* nobody's page asked */
	assert_int_equal(ans.n_headers, 1);
	c.origin = 1;
	ans = (struct answer){0};
	preflight_answer(&c, STR("GET, OPTIONS"), apis, 2,
	    STR("Gov-Client, cookie, X-SHOP, account-token"), &ans);
	const char *list = arena_cstr(
	    &arena, answer_get(&ans, "Access-Control-Allow-Headers"));
	const char *own = strstr(list, "x-wait-time-ms, ");
	assert_non_null(own);
	assert_string_equal(
	    own + 16, "x-shop, token, q, gov-client, account-token");
	assert_true(str_is(
	    answer_get(&ans, "Access-Control-Allow-Methods"), "GET, OPTIONS"));
	/* looks at jobs: what was sent may go with them, if it is asked for */
	ans = (struct answer){0};
	preflight_answer(
	    &c, STR("GET"), NULL, 0, STR("x-shop, account-token, q"), &ans);
	list = arena_cstr(
	    &arena, answer_get(&ans, "Access-Control-Allow-Headers"));
	own = strstr(list, "x-wait-time-ms, ");
	assert_non_null(own);
	assert_string_equal(own + 16, "x-shop, account-token");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_names, wipe),
	    cmocka_unit_test_teardown(test_origins, wipe),
	    cmocka_unit_test_teardown(test_random, wipe),
	    cmocka_unit_test_teardown(test_caller, wipe),
	    cmocka_unit_test_teardown(test_scopes, wipe),
	    cmocka_unit_test_teardown(test_preflight, wipe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("asked", tests, NULL, NULL);
}
