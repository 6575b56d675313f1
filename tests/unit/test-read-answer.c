#include "cgi/read/read-answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

/*
 * What a read came to, as HTTP: contract 9 word by word, where the words are of
 * the answer. What the plan makes of upstreams is test-read-plan.c's.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define BOOT 1000000

static struct read_call calls[] = {
    {.name = S("summary"), .upstream = S("u"), .path = S("/s"), .required = 1},
    {.name = S("tier"), .upstream = S("u"), .path = S("/t")},
};
static struct str origins[] = {S("https://acme.example")};
static const struct config config = {.prefix = S("/api"),
    .base_url = S("https://acme.example"),
    .origins = {origins, 1}};
static struct read read_one = {
    .name = S("case"), .auth = S("none"), .calls = calls, .n_calls = 2};
static struct arena arena;
static struct answer_context c;
static struct read_asked asked;
static struct answer ans;

static int set_up(void **state)
{
	(void)state;
	read_one.auth = STR("none");
	calls[0].path = STR("/s");
	calls[0].headers = (struct pairs){0};
	calls[0].forward = (struct strs){0};
	c = (struct answer_context){.config = &config,
	    .arena = &arena,
	    .path = STR("/api/case/7"),
	    .request_id = STR("r1"),
	    .traceparent = STR("00-t"),
	    .origin = 1};
	asked = (struct read_asked){.read = &read_one, .now_boot = BOOT};
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct read_result whole(void)
{
	return (struct read_result){.status = 200,
	    .complete = true,
	    .body = STR("{\"data\":{}}"),
	    .made_boot = BOOT - 20500,
	    .fresh_boot = BOOT + 39900,
	    .cacheable = true};
}

static void answer(const struct read_result *result)
{
	ans = (struct answer){0};
	read_answer(&c, &asked, result, &ans);
	answer_common(&c, NULL, &ans);
}

/* NULL: it is not there. */
static void assert_header(const char *name, const char *want)
{
	struct str got = answer_get(&ans, name);
	size_t n = 0;

	for (size_t i = 0; i < ans.n_headers; i++)
		n += str_ieq(ans.headers[i].name, str_of(name));
	assert_int_equal(n, want ? 1 : 0);
	if (want)
		assert_string_equal(arena_cstr(&arena, got), want);
}

/* "upstreamFailures.0.x" is of the first of them. */
static const struct value *member(const char *path)
{
	struct value *v = NULL;
	const char *of = strstr(path, ".0.");

	assert_int_equal(
	    json_read(&arena, ans.body, 1 << 20, NULL, NULL, &v), ERR_OK);
	if (!of)
		return value_path(v, path);
	v = value_path(
	    v, arena_printf(&arena, "%.*s", (int)(of - path), path).p);
	assert_true(v && v->kind == VALUE_ARRAY && v->as.array.n);
	return value_path(v->as.array.items[0], of + 3);
}

static void assert_member(const char *path, const char *want)
{
	const struct value *v = member(path);

	assert_non_null(v);
	assert_int_equal(v->kind, VALUE_STRING);
	assert_string_equal(arena_cstr(&arena, v->text), want);
}

/* ---- 200 ----------------------------------------------------------------- */

static void test_complete(void **state)
{
	struct read_result r = whole();
	(void)state;

	answer(&r);
	assert_int_equal(ans.status, 200);
	assert_true(str_eq(ans.body, r.body));
	assert_header("Content-Type", "application/json");
	assert_header("x-aggregate-complete", "true");
	assert_header("x-aggregate-stale", NULL);
	assert_header("Age", "20");
	/* 39 whole seconds are left of it: max-age less Age */
	assert_header("Cache-Control", "private, max-age=59");
	assert_header("x-request-id", "r1");
	assert_header("traceparent", "00-t");
	assert_header("Referrer-Policy", "no-referrer");
	assert_header("Retry-After", NULL);
	struct str tag = answer_get(&ans, "ETag");
	assert_true(tag.n > 20 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"');
	/* pages may read what is said of it */
	struct str exposed = answer_get(&ans, "Access-Control-Expose-Headers");
	assert_non_null(
	    strstr(arena_cstr(&arena, exposed), ", Age, x-aggregate-complete"));
}

static void test_freshness(void **state)
{
	static const struct {
		int64_t made, fresh;
		bool cacheable, stale, complete;
		const char *age, *control;
	} rows[] = {
	    {0, 60000, 1, 0, 1, "0", "private, max-age=60"},
	    {-999, 59999, 1, 0, 1, "0", "private, max-age=59"},
	    {-1000, 999, 1, 0, 1, "1", "private, max-age=1"},
	    {-5000, 0, 1, 0, 1, "5", "private, max-age=5"},
	    {-5000, -1, 1, 0, 1, "5", "private, max-age=5"},
	    {500, 60000, 1, 0, 1, "0", "private, max-age=60"},
	    {-BOOT, 60000, 1, 0, 1, "0", "private, max-age=60"}, /* no part */
	    {0, 60000, 0, 0, 1, "0", "no-store"},
	    {-90000, 0, 1, 1, 1, "90", "no-store"},
	    {0, 60000, 1, 0, 0, "0", "no-store"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct read_result r = whole();
		r.made_boot = BOOT + rows[i].made;
		r.fresh_boot = BOOT + rows[i].fresh;
		r.cacheable = rows[i].cacheable;
		r.stale = rows[i].stale;
		r.complete = rows[i].complete;
		answer(&r);
		assert_int_equal(ans.status, 200);
		assert_header("Age", rows[i].age);
		assert_header("Cache-Control", rows[i].control);
		assert_header(
		    "x-aggregate-stale", rows[i].stale ? "true" : NULL);
		assert_header("x-aggregate-complete",
		    rows[i].complete ? "true" : "false");
		assert_int_equal(
		    answer_get(&ans, "ETag").n > 0, rows[i].complete);
	}
}

static void test_not_modified(void **state)
{
	struct read_result r = whole();
	(void)state;

	answer(&r);
	struct str tag = arena_str(&arena, answer_get(&ans, "ETag"));
	const struct {
		struct str tags;
		int status;
	} rows[] = {
	    {tag, 304},
	    {arena_printf(&arena, "W/%.*s", STR_ARG(tag)), 304},
	    {arena_printf(&arena, "\"x\", %.*s", STR_ARG(tag)), 304},
	    {STR("*"), 304},
	    {STR("\"x\""), 200},
	    {STR(""), 200},
	    {str_slice(tag, 1, tag.n - 1), 200},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		asked.tags = rows[i].tags;
		answer(&r);
		assert_int_equal(ans.status, rows[i].status);
		/* what a cache updates what it has by */
		assert_header("ETag", arena_cstr(&arena, tag));
		assert_header("Age", "20");
		assert_header("Cache-Control", "private, max-age=59");
		assert_header("x-aggregate-complete", "true");
		assert_header("Vary", "Origin, Prefer");
		assert_header("Content-Type",
		    rows[i].status == 200 ? "application/json" : NULL);
		assert_int_equal(
		    ans.body.n, rows[i].status == 200 ? r.body.n : 0);
	}
	/* another body is another tag; the same, the same */
	asked.tags = tag;
	r.body = STR("{\"data\":{ }}");
	answer(&r);
	assert_int_equal(ans.status, 200);
	assert_false(str_eq(answer_get(&ans, "ETag"), tag));
	/* what is partial has none, whatever is said */
	asked.tags = STR("*");
	r.complete = false;
	answer(&r);
	assert_int_equal(ans.status, 200);
}

static void test_head(void **state)
{
	struct read_result r = whole();
	struct buf get = {0}, head = {0};
	(void)state;

	answer(&r);
	answer_write(&ans, &get);
	ans.head = true;
	answer_write(&ans, &head);
	assert_int_equal(get.len, head.len + r.body.n);
	assert_memory_equal(get.data, head.data, head.len);
	buf_release(&get);
	buf_release(&head);
}

/* A browser whose user has changed must not be shown another's. */
static void test_vary(void **state)
{
	static struct pair headers[] = {
	    {S("Authorization"), S("Bearer {header.shop-token?} {secret.x}")}};
	static struct str named[] = {S("gov-client-id"), S("accept-language")};
	static struct str pattern[] = {S("accept"), S("gov-client-*")};
	struct read_result r = whole();
	(void)state;

	read_one.auth = STR("web-server");
	answer(&r);
	assert_header("Vary", "Origin, Prefer, Authorization, Cookie");
	read_one.auth = STR("cognito");
	answer(&r);
	assert_header("Vary", "Origin, Prefer, Authorization");
	calls[0].headers = (struct pairs){headers, 1};
	calls[0].path = STR("/s/{header.area}");
	calls[0].forward = (struct strs){named, 2};
	answer(&r);
	assert_header("Vary", "Origin, Prefer, Authorization, gov-client-id, "
			      "accept-language, area, shop-token");
	calls[0].forward = (struct strs){pattern, 2};
	answer(&r);
	assert_header("Vary", "*");
}

/* ---- what failed --------------------------------------------------------- */

static void test_failed(void **state)
{
	static const struct {
		int status;
		enum plan_failure required, optional;
		const char *type;
	} rows[] = {
	    {502, PLAN_HTTP_ERROR, PLAN_OK, "upstream-error"},
	    {502, PLAN_UNKNOWN_ERROR, PLAN_TIMEOUT, "upstream-error"},
	    {504, PLAN_TIMEOUT, PLAN_HTTP_ERROR, "upstream-timeout"},
	    {503, PLAN_CIRCUIT_OPEN, PLAN_OK, "circuit-open"},
	    {503, PLAN_UNKNOWN_ERROR, PLAN_OK, "overloaded"},
	    /* an optional one's breaker decides nothing */
	    {503, PLAN_UNKNOWN_ERROR, PLAN_CIRCUIT_OPEN, "overloaded"},
	    {404, PLAN_HTTP_ERROR, PLAN_OK, "upstream-refused"},
	    {401, PLAN_HTTP_ERROR, PLAN_OK, "upstream-refused"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct read_failure failures[] = {
		    {.endpoint = STR("summary"),
			.type = rows[i].required,
			.status = rows[i].required == PLAN_HTTP_ERROR ? 500 : 0,
			.message = STR("it did not")},
		    {.endpoint = STR("tier"),
			.type = rows[i].optional,
			.message = STR("nor did it"),
			.identifier = STR("X1")},
		};
		const struct read_result r = {.status = rows[i].status,
		    .failures = failures,
		    .n_failures = rows[i].optional ? 2 : 1,
		    .retry_ms = 4200};
		answer(&r);
		assert_int_equal(ans.status, rows[i].status);
		assert_header("Content-Type", "application/problem+json");
		assert_header("Cache-Control", "no-store");
		assert_header("ETag", NULL);
		assert_header("Age", NULL);
		assert_header("x-aggregate-complete", NULL);
		assert_header(
		    "Retry-After", rows[i].status == 503 ? "5" : NULL);
		assert_member("error", rows[i].type);
		assert_member("type",
		    arena_printf(&arena, "/problems/%s", rows[i].type).p);
		assert_member("instance", "/api/case/7");
		assert_member("requestId", "r1");
		assert_int_equal(member("status")->as.i, rows[i].status);
		assert_int_equal(
		    member("upstreamFailures")->as.array.n, r.n_failures);
		assert_member("upstreamFailures.0.endpoint", "summary");
		assert_member("upstreamFailures.0.failureType",
		    read_failure_names[rows[i].required]);
		assert_int_equal(
		    member("upstreamFailures.0.identifier")->kind, VALUE_NULL);
		const struct value *refused = member("upstreamStatus");
		assert_int_equal(refused != NULL, rows[i].status < 500);
		if (refused)
			assert_int_equal(refused->as.i, rows[i].status);
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		int64_t ms;
		const char *s;
	} rows[] = {{0, "1"}, {-5, "1"}, {1, "1"}, {1000, "1"}, {1001, "2"},
	    {300000, "300"}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ans = (struct answer){0};
		read_retry_after(&c, rows[i].ms, &ans);
		assert_header("Retry-After", rows[i].s);
	}
}

static void test_overloaded(void **state)
{
	(void)state;
	ans = (struct answer){0};
	read_answer_overloaded(&c, &ans);
	assert_int_equal(ans.status, 503);
	assert_header("Retry-After", "1");
	assert_member("error", "overloaded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_complete, set_up, done),
	    cmocka_unit_test_setup_teardown(test_freshness, set_up, done),
	    cmocka_unit_test_setup_teardown(test_not_modified, set_up, done),
	    cmocka_unit_test_setup_teardown(test_head, set_up, done),
	    cmocka_unit_test_setup_teardown(test_vary, set_up, done),
	    cmocka_unit_test_setup_teardown(test_failed, set_up, done),
	    cmocka_unit_test_setup_teardown(test_retry_after, set_up, done),
	    cmocka_unit_test_setup_teardown(test_overloaded, set_up, done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("read-answer", tests, NULL, NULL);
}
