#include "cgi/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define LONG "a-name-of-twenty-byte"
#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X32 X32 X32 X32

static struct arena arena;

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct name find(const char *key, const char *id, bool anonymous)
{
	struct pair headers[2];
	struct request r = {.headers = {.items = headers}};
	struct name name;

	if (key)
		headers[r.headers.n++] =
		    (struct pair){STR("idempotency-key"), str_of(key)};
	if (id)
		headers[r.headers.n++] =
		    (struct pair){STR("x-request-id"), str_of(id)};
	names_find(&arena, &r, anonymous, &name);
	return name;
}

static void names_of_requests(void **state)
{
	static const struct {
		const char *key, *id;
		bool anonymous;
		enum naming naming;
		enum name_kind kind;
		const char *name;
	} rows[] = {
	    {NULL, NULL, false, NAMING_NONE, 0, ""},
	    {NULL, "r1", false, NAMING_CLIENT, NAME_REQUEST_ID, "r1"},
	    {NULL, "r1", true, NAMING_NONE, 0, ""},
	    {NULL, "nineteen-characters", true, NAMING_NONE, 0, ""},
	    {NULL, LONG, true, NAMING_CLIENT, NAME_REQUEST_ID, LONG},
	    {NULL, "with space", false, NAMING_NONE, 0, ""},
	    {NULL, "", false, NAMING_NONE, 0, ""},
	    {NULL, X128, false, NAMING_CLIENT, NAME_REQUEST_ID, X128},
	    {NULL, X128 "x", false, NAMING_NONE, 0, ""},
	    {NULL, "job_x", true, NAMING_JOB, 0, "job_x"},
	    {"k1", "r1", false, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY, "k1"},
	    {"\"k1\"", NULL, false, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY, "k1"},
	    {"\"a\\\"b\\\\\"", NULL, false, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY,
		"a\"b\\"},
	    {"a b", NULL, false, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY, "a b"},
	    {"k1", LONG, true, NAMING_CLIENT, NAME_REQUEST_ID, LONG},
	    {"k1", NULL, true, NAMING_NONE, 0, ""},
	    {LONG, "job_x", true, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY, LONG},
	    {"job_x", NULL, false, NAMING_CLIENT, NAME_IDEMPOTENCY_KEY,
		"job_x"},
	    {"", LONG, true, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"\"\"", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"\"a", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"a\"b", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"\"a\\\"", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"\"a\\n\"", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"a\x7f", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {"\xc3\xa9", NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {X128 X128, NULL, false, NAMING_BAD, NAME_IDEMPOTENCY_KEY, ""},
	    {X128 X128 X128 X128 X128, NULL, false, NAMING_BAD,
		NAME_IDEMPOTENCY_KEY, ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct name got =
		    find(rows[i].key, rows[i].id, rows[i].anonymous);
		assert_int_equal(got.naming, rows[i].naming);
		assert_int_equal(got.kind, rows[i].kind);
		if (got.naming != NAMING_BAD)
			assert_string_equal(
			    arena_cstr(&arena, got.name), rows[i].name);
	}
}

#define T32 "0af7651916cd43dd8448eb211c80319c"
#define S16 "b7ad6b7169203331"

static void traces(void **state)
{
	static const char *const bad[] = {"", "00-" T32 "-" S16 "-0",
	    "01-" T32 "-" S16 "-01", "00-" T32 "-" S16 "-0g",
	    "00-00000000000000000000000000000000-" S16 "-01",
	    "00-" T32 "-0000000000000000-01",
	    "00-0AF7651916cd43dd8448eb211c80319c-" S16 "-01",
	    "00_" T32 "-" S16 "-01", "00-" T32 "-" S16 "-01 ",
	    "00-" T32 "." S16 "-01"};
	(void)state;

	assert_true(names_is_trace(STR("00-" T32 "-" S16 "-01")));
	assert_true(names_is_trace(STR("00-" T32 "-" S16 "-00")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(names_is_trace(str_of(bad[i])));
}

static void new_traces(void **state)
{
	struct arena a = {0};
	(void)state;

	assert_true(str_is(
	    names_new_trace(&a, (const uint64_t[]){0x0af7651916cd43dd,
				    0x8448eb211c80319c, 0xb7ad6b7169203331}),
	    "00-" T32 "-" S16 "-01"));
	/* never all zero */
	assert_true(
	    names_is_trace(names_new_trace(&a, (const uint64_t[]){0, 0, 0})));
	assert_true(names_is_trace(names_new_trace(
	    &a, (const uint64_t[]){UINT64_MAX, UINT64_MAX, UINT64_MAX})));
	arena_release(&a);
}

static void only_what_is_forwarded(void **state)
{
	struct str patterns[] = {S("gov-client-*"), S("accept-language")};
	struct pair named[] = {
	    {S("Authorization"), S("Bearer {header.hmrc-access-token}")}};
	struct api api = {.forward = {patterns, 2},
	    .request_headers = {named, 1},
	    .request_path = S("/x/{header.x-in-path}")};
	struct str all[] = {S("*")};
	struct api greedy = {.forward = {all, 1}};
	struct str own[] = {S("authorization")};
	struct api explicit = {.forward = {own, 1}};
	(void)state;

	assert_true(names_is_forwarded(&api, STR("gov-client-user-ids")));
	assert_true(names_is_forwarded(&api, STR("Gov-Client-User-IDs")));
	assert_true(names_is_forwarded(&api, STR("accept-language")));
	assert_true(names_is_forwarded(&api, STR("hmrc-access-token")));
	assert_true(names_is_forwarded(&api, STR("x-in-path")));
	assert_false(names_is_forwarded(&api, STR("gov-client")));
	assert_false(names_is_forwarded(&api, STR("authorization")));
	assert_false(names_is_forwarded(&api, STR("cookie")));
	assert_false(names_is_forwarded(&api, STR("accept-language-x")));
	assert_true(names_is_forwarded(&greedy, STR("x-anything")));
	assert_false(names_is_forwarded(&greedy, STR("Authorization")));
	assert_false(names_is_forwarded(&greedy, STR("cookie")));
	assert_false(names_is_forwarded(&greedy, STR("content-length")));
	assert_false(names_is_forwarded(&greedy, STR("host")));
	assert_true(names_is_forwarded(&explicit, STR("authorization")));
}

/* Named ones; where nothing is named, all that a pattern reaches. */
static void credentials(void **state)
{
	struct str patterns[] = {S("gov-client-*"), S("x-session")};
	struct pair named[] = {
	    {S("Authorization"), S("Bearer {header.hmrc-access-token}")}};
	struct pair fixed[] = {{S("Accept"), S("text/plain")}};
	struct str secret[] = {S("token")};
	struct api by_template = {
	    .forward = {patterns, 1}, .request_headers = {named, 1}};
	struct api by_name = {.forward = {patterns, 2}};
	struct api by_pattern = {
	    .forward = {patterns, 1}, .request_headers = {fixed, 1}};
	struct api by_body = {
	    .forward = {patterns, 1}, .body_secret = {secret, 1}};
	struct api by_path = {
	    .forward = {patterns, 1}, .request_path = S("/x/{header.key}")};
	(void)state;

	assert_true(
	    names_is_credential(&by_template, STR("HMRC-Access-Token")));
	assert_false(names_is_credential(&by_template, STR("gov-client-x")));
	assert_false(names_is_credential(&by_template, STR("authorization")));
	assert_true(names_is_credential(&by_name, STR("X-Session")));
	assert_false(names_is_credential(&by_name, STR("gov-client-x")));
	assert_true(names_is_credential(&by_pattern, STR("gov-client-x")));
	assert_false(names_is_credential(&by_pattern, STR("cookie")));
	assert_false(names_is_credential(&by_body, STR("gov-client-x")));
	assert_true(names_is_credential(&by_path, STR("key")));
	assert_false(names_is_credential(&by_path, STR("gov-client-x")));
}

/* In a form they are named as in a header; a trace is nobody's credential. */
static void credentials_of_forms(void **state)
{
	struct str all[] = {S("*")}, trace[] = {S("traceparent")};
	struct pair form[] = {{S("grant_type"), S("refresh_token")},
	    {S("assertion"), S("{header.x-assertion?}")}};
	struct api api = {.request_form = {form, 2}};
	(void)state;

	assert_true(names_is_forwarded(&api, STR("X-Assertion")));
	assert_false(names_is_forwarded(&api, STR("x-assertion?")));
	assert_true(names_is_credential(&api, STR("x-assertion")));
	assert_true(names_takes_credential(&api));
	api.request_form.n = 1;
	assert_false(names_is_forwarded(&api, STR("x-assertion")));
	assert_false(names_takes_credential(&api));
	api.forward = (struct strs){all, 1};
	assert_true(names_is_credential(&api, STR("x-session")));
	assert_false(names_is_credential(&api, STR("Traceparent")));
	api.forward = (struct strs){trace, 1};
	assert_true(names_is_credential(&api, STR("traceparent")));
}

static void tokens(void **state)
{
	(void)state;
	assert_true(names_is_token(STR("x-a_b.c!")));
	assert_false(names_is_token(STR("")));
	assert_false(names_is_token(STR("a b")));
	assert_false(names_is_token(STR("a\r\nb")));
	assert_false(names_is_token(STR("a\0b")));
	assert_false(names_is_token(STR(X128)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(names_of_requests, done),
	    cmocka_unit_test(traces),
	    cmocka_unit_test(new_traces),
	    cmocka_unit_test(only_what_is_forwarded),
	    cmocka_unit_test(credentials),
	    cmocka_unit_test(credentials_of_forms),
	    cmocka_unit_test(tokens),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
