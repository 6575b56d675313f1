#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/compose.h"

/* An API, an upstream and a client, each test changing what it needs. */
struct fixture {
	struct arena arena;
	struct pair own[2], sent[8], templates[4];
	struct str forward[2];
	struct upstream upstream;
	struct api api;
	struct envelope_request request;
	struct upstream_call call;
	struct str why;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.own[0] = (struct pair){STR("Accept"), STR("application/json")};
	f.own[1] = (struct pair){STR("X-Own"), STR("1")};
	f.sent[0] = (struct pair){STR("gov-client-id"), STR("abc")};
	f.sent[1] = (struct pair){STR("hmrc-token"), STR("secret")};
	f.sent[2] = (struct pair){STR("gov-client-"), STR("edge")};
	f.sent[3] = (struct pair){STR("host"), STR("evil.example")};
	f.sent[4] = (struct pair){STR("transfer-encoding"), STR("chunked")};
	f.sent[5] = (struct pair){STR("x-own"), STR("2")};
	f.templates[0] = (struct pair){
	    STR("Authorization"), STR("Bearer {header.hmrc-token}")};
	f.templates[1] =
	    (struct pair){STR("X-Missing"), STR("{header.nothing}")};
	f.forward[0] = STR("gov-client-*");
	f.upstream = (struct upstream){.name = STR("hmrc"),
	    .base = STR("https://api.example"),
	    .timeout_ms = 5000,
	    .headers = {f.own, 2}};
	f.api = (struct api){.method = STR("POST"),
	    .path = STR("/api/v1/return/{id}"),
	    .on_lost = ON_LOST_FAIL,
	    .body_type = STR("application/json"),
	    .request_method = STR("PUT"),
	    .request_path = STR("/o/{body.vrn}/{path.id}"),
	    .request_headers = {f.templates, 2},
	    .forward = {f.forward, 1}};
	f.request = (struct envelope_request){.method = STR("POST"),
	    .path = STR("/api/v1/return/7"),
	    .headers = {f.sent, 6},
	    .body = STR("{\"vrn\":\"19 3\"}")};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_release(&f->arena);
	return 0;
}

static struct compose compose_of(const struct fixture *f)
{
	return (struct compose){.upstream = &f->upstream,
	    .api = &f->api,
	    .request = &f->request,
	    .job_id = STR("job_x")};
}

static enum err compose(struct fixture *f)
{
	struct compose c = compose_of(f);
	return compose_call(&f->arena, &c, &f->call, &f->why);
}

static const char *header(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->call.headers.n; i++)
		if (str_ieq(f->call.headers.items[i].name, str_of(name)))
			return arena_cstr(
			    &f->arena, f->call.headers.items[i].value);
	return "";
}

static void a_call(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(f->call.method, "PUT");
	assert_string_equal(f->call.url, "https://api.example/o/19%203/7");
	assert_true(f->call.has_body);
	assert_true(str_eq(f->call.body, f->request.body));
	assert_false(f->call.reuse);
	assert_false(f->call.local);
	assert_int_equal(f->call.timeout_ms, 5000);
	assert_string_equal(header(f, "Content-Type"), "application/json");
	assert_string_equal(header(f, "Authorization"), "Bearer secret");
	assert_string_equal(header(f, "Accept"), "application/json");
}

static void headers_that_pass(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "gov-client-id"), "abc");
	assert_string_equal(header(f, "gov-client-"), "edge");
	assert_string_equal(header(f, "hmrc-token"), "");
	assert_string_equal(header(f, "X-Missing"), "");
	assert_string_equal(header(f, "X-Own"), "1");
	f->forward[0] = STR("*");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "X-Own"), "2");
	assert_string_equal(header(f, "host"), "");
	assert_string_equal(header(f, "transfer-encoding"), "");
}

/* A pattern reaches none, not even one that a template reads. */
static void credentials_are_named(void **state)
{
	struct fixture *f = *state;

	f->sent[0] = (struct pair){STR("authorization"), STR("Bearer a")};
	f->sent[1] = (struct pair){STR("cookie"), STR("b=c")};
	f->templates[0] =
	    (struct pair){STR("X-Who"), STR("{header.authorization}")};
	f->forward[0] = STR("auth*");
	f->forward[1] = STR("c*");
	f->api.forward.n = 2;
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "X-Who"), "Bearer a");
	assert_string_equal(header(f, "authorization"), "");
	assert_string_equal(header(f, "cookie"), "");
	f->forward[0] = STR("authorization");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "authorization"), "Bearer a");
}

static void headers_that_lie(void **state)
{
	struct fixture *f = *state;

	f->forward[0] = STR("*");
	f->sent[0] = (struct pair){STR("x-a"), STR("1\r\nX-B: 2")};
	f->sent[1] = (struct pair){STR("x c"), STR("1")};
	f->sent[2] = (struct pair){STR("x:d"), STR("1")};
	f->api.request_headers.n = 0;
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "x-a"), "");
	assert_string_equal(header(f, "x c"), "");
	assert_string_equal(header(f, "x:d"), "");
}

static void what_cannot_be_called(void **state)
{
	struct fixture *f = *state;

	f->request.body = STR("{\"other\":1}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request path needs {body.vrn}, which is missing");
	f->request.body = STR("{\"vrn\":{}}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request path cannot take what {body.vrn} is");
	f->request.body = STR("{\"vrn\":\"x\"}");
	f->templates[1].value = STR("{body.none}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request header X-Missing needs {body.none}, which is missing");
	f->templates[1].value = STR("x");
	f->api.request_body = STR("{\"a\":{body.none}}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request body needs {body.none}, which is missing");
}

static void bodies(void **state)
{
	struct fixture *f = *state;

	f->api.body_type = STR("text/csv");
	f->sent[5] = (struct pair){STR("content-type"), STR("text/plain")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "text/plain");
	f->sent[5].name = STR("x-other");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "text/csv");
	f->api.request_body = STR("{\"v\":{body.vrn}}");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "application/json");
	assert_true(str_is(f->call.body, "{\"v\":\"19 3\"}"));
	f->api.request_body = (struct str){0};
	f->api.request_path = STR("/x");
	f->request.body = (struct str){0};
	assert_int_equal(compose(f), ERR_OK);
	assert_false(f->call.has_body);
	assert_string_equal(header(f, "content-type"), "");
}

static void limits(void **state)
{
	struct fixture *f = *state;

	f->upstream.response_max = 100;
	f->api.result_max = 70;
	f->api.idempotent = true;
	f->upstream.local = true;
	assert_int_equal(compose(f), ERR_OK);
	assert_int_equal(f->call.response_max, 70);
	assert_true(f->call.reuse);
	assert_true(f->call.local);
	f->api.result_max = 0;
	assert_int_equal(compose(f), ERR_OK);
	assert_int_equal(f->call.response_max, 100);
}

static void locations(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);
	struct upstream_answer answer = {.status = 201,
	    .location = STR("/theirs"),
	    .body = STR("{\"id\":\"b/1\"}")};

	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	f->api.location = STR("/bundles/{result.id}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/bundles/b%2F1"));
	answer.body = STR("{}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	answer.body = STR("not json");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	f->api.location = STR("/b/{body.vrn}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/b/19%203"));
	f->api.location = STR("/b/{result.id}");
	answer.body = arena_printf(
	    &f->arena, "{\"id\":\"%*s\"}", UPSTREAM_LOCATION_MAX / 3, "");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_call),
	    CASE(headers_that_pass),
	    CASE(credentials_are_named),
	    CASE(headers_that_lie),
	    CASE(what_cannot_be_called),
	    CASE(bodies),
	    CASE(limits),
	    CASE(locations),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
