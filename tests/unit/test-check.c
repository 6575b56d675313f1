#include "cgi/check.h"

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
#define FINE PROBLEM_COUNT
#define INVALID PROBLEM_VALIDATION_FAILED

static struct pair required[] = {
    {S("vrn"), S("string")}, {S("total"), S("number")}};
static struct api shaped = {.path = S("/api/return"),
    .body_max = 60,
    .body_type = S("application/json"),
    .body_required = {required, 2},
    .request_path = S("/organisations/{body.vrn}/returns")};
static struct api plain = {.path = S("/api/note"),
    .body_max = 10,
    .body_type = S("text/plain"),
    .request_path = S("/note")};
static struct pair wants[] = {{S("Authorization"), S("Bearer {header.tok}")},
    {S("X-Period"), S("{query.p}")}};
static struct api fetch = {.path = S("/api/get/{id}"),
    .request_path = S("/get/{path.id}/{query.vrn}"),
    .request_headers = {wants, 2},
    .forward = {NULL, 0}};
static struct arena arena;

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct check run(const struct api *api, struct request *r)
{
	struct envelope_request env;
	struct check check;

	check_envelope(&arena, api, r, (struct str){0}, &env);
	check_request(&arena, api, r, &env, STR("job_x"), &check);
	return check;
}

static struct check post(
    const struct api *api, const char *type, const char *body)
{
	struct pair header = {STR("content-type"), str_of(type)};
	struct request r = {.method = STR("POST"),
	    .path = STR("/api/return"),
	    .body = str_of(body),
	    .body_declared = -1,
	    .headers = {&header, type ? 1 : 0}};

	return run(api, &r);
}

#define JSON "application/json"

static void bodies(void **state)
{
	static const struct {
		const struct api *api;
		const char *type, *body;
		enum problem problem;
		const char *pointer;
	} rows[] = {
	    {&shaped, JSON, "{\"vrn\":\"1\",\"total\":1.10}", FINE, NULL},
	    {&shaped, "Application/JSON; charset=utf-8",
		"{\"vrn\":\"1\",\"total\":1}", FINE, NULL},
	    {&shaped, "text/plain", "{\"vrn\":\"1\",\"total\":1}",
		PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL},
	    {&shaped, NULL, "{\"vrn\":\"1\",\"total\":1}",
		PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL},
	    {&shaped, "application/jsonx", "{}", PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		NULL},
	    {&shaped, JSON, "", INVALID, ""},
	    {&shaped, NULL, "", INVALID, ""},
	    {&shaped, JSON, "{", INVALID, ""},
	    {&shaped, JSON, "[]", INVALID, ""},
	    {&shaped, JSON, "\"vrn\"", INVALID, ""},
	    {&shaped, JSON, "{\"vrn\":\"1\",\"vrn\":\"2\",\"total\":1}",
		INVALID, ""},
	    {&shaped, JSON, "{\"total\":1}", INVALID, "/vrn"},
	    {&shaped, JSON, "{\"vrn\":1,\"total\":1}", INVALID, "/vrn"},
	    {&shaped, JSON, "{\"vrn\":null,\"total\":1}", INVALID, "/vrn"},
	    {&shaped, JSON, "{\"vrn\":\"1\",\"total\":\"1\"}", INVALID,
		"/total"},
	    {&shaped, JSON, "{\"vrn\":\"\",\"total\":1}", INVALID, "/vrn"},
	    {&shaped, JSON, "{\"vrn\":\"..\",\"total\":1}", INVALID, "/vrn"},
	    {&shaped, JSON,
		"{\"vrn\":\"1\",\"total\":1,\"x\":"
		"\"012345678901234567890123456789"
		"567\"}",
		PROBLEM_PAYLOAD_TOO_LARGE, NULL},
	    {&plain, "text/plain", "0123456789", FINE, NULL},
	    {&plain, "text/plain", "{not json", FINE, NULL},
	    {&plain, "text/plain", "", FINE, NULL},
	    {&plain, NULL, "", FINE, NULL},
	    {&plain, "text/plain", "01234567890", PROBLEM_PAYLOAD_TOO_LARGE,
		NULL},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check c = post(rows[i].api, rows[i].type, rows[i].body);
		assert_int_equal(c.problem, rows[i].problem);
		assert_int_equal(c.n > 0, rows[i].pointer != NULL);
		if (c.n)
			assert_string_equal(
			    arena_cstr(&arena, c.faults[0].pointer),
			    rows[i].pointer);
	}
}

static void all_faults_are_told(void **state)
{
	(void)state;
	struct check c = post(&shaped, JSON, "{}");

	assert_int_equal(c.n, 2);
	assert_string_equal(arena_cstr(&arena, c.faults[0].detail),
	    "vrn is missing; it must be a string");
	assert_string_equal(arena_cstr(&arena, c.faults[1].pointer), "/total");
}

/* What the members lack does not hide what the query lacks. */
static void faults_of_all_kinds_are_told(void **state)
{
	struct pair one = {STR("vrn"), STR("string")};
	struct api api = {.path = STR("/api/return"),
	    .body_max = 100,
	    .body_type = STR(JSON),
	    .body_required = {&one, 1},
	    .resource_id = STR("body.id"),
	    .request_path = STR("/o/{body.vrn}/{body.period}?q={query.q}")};
	static const char *const pointers[] = {"/vrn", "/id"};
	struct check c = post(&api, JSON, "{}");
	(void)state;

	/* a template stops at its first place, which is told already */
	assert_int_equal(c.n, 2);
	for (size_t i = 0; i < c.n; i++)
		assert_string_equal(
		    arena_cstr(&arena, c.faults[i].pointer), pointers[i]);
	c = post(&api, JSON, "{\"vrn\":\"1\",\"id\":1.5}");
	assert_int_equal(c.n, 2);
	assert_string_equal(arena_cstr(&arena, c.faults[1].pointer), "/period");
	c = post(&api, JSON, "[]");
	assert_int_equal(c.n, 1);
	assert_string_equal(arena_cstr(&arena, c.faults[0].pointer), "");
}

static void resource_ids(void **state)
{
	static const struct {
		const char *key, *body;
		const char *id, *pointer;
	} rows[] = {
	    {"body.id", "{\"id\":\"b-7\"}", "b-7", NULL},
	    {"body.id", "{\"id\":7}", "7", NULL},
	    {"body.id", "{\"id\":\"7\"}", "7", NULL},
	    {"body.id", "{\"id\":123456789012345678901234567890}",
		"123456789012345678901234567890", NULL},
	    {"body.a.b", "{\"a\":{\"b\":\"x\"}}", "x", NULL},
	    {"body.id", "{}", NULL, "/id"},
	    {"body.id", "{\"id\":\"\"}", NULL, "/id"},
	    {"body.id", "{\"id\":null}", NULL, "/id"},
	    {"body.id", "{\"id\":true}", NULL, "/id"},
	    {"body.id", "{\"id\":7.0}", NULL, "/id"},
	    {"body.id", "{\"id\":[\"b-7\"]}", NULL, "/id"},
	    {"body.id", "{\"id\":{}}", NULL, "/id"},
	    {"body.a.b", "{\"a\":\"b\"}", NULL, "/a/b"},
	    {"body.id", "[\"id\"]", NULL, "/id"},
	    {"body.id", "7", NULL, "/id"},
	    {"body.id", "{", NULL, ""},
	    {"body.id", "", NULL, ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api api = {.body_max = 100,
		    .body_type = STR(JSON),
		    .resource_id = str_of(rows[i].key)};
		struct check c = post(&api, JSON, rows[i].body);

		assert_int_equal(c.problem, rows[i].id ? FINE : INVALID);
		assert_int_equal(c.n, rows[i].id ? 0 : 1);
		assert_string_equal(arena_cstr(&arena, c.resource),
		    rows[i].id ? rows[i].id : "");
		if (!rows[i].id)
			assert_string_equal(
			    arena_cstr(&arena, c.faults[0].pointer),
			    rows[i].pointer);
	}
}

static struct str secrets[] = {S("token"), S("pin")};

/* Bytes of the same fingerprint are equal, others are not. */
static void secrets_are_not_printed(void **state)
{
	static const struct {
		const char *body, *printed;
	} rows[] = {
	    {"{\"a\":1,\"token\":\"x\"}", "{\"a\":1}"},
	    {"{\"token\":\"y\",\"a\":1}", "{\"a\":1}"},
	    {" { \"a\" : 1 , \"pin\" : [1,{}] } ", "{\"a\":1}"},
	    {"{\"a\":1}", "{\"a\":1}"},
	    {"{\"a\":1.10}", "{\"a\":1.10}"},
	    {"{\"tok\\u0065n\":\"x\"}", "{}"},
	    {"{\"Token\":\"x\"}", "{\"Token\":\"x\"}"},
	    /* of the top alone */
	    {"{\"a\":{\"token\":1}}", "{\"a\":{\"token\":1}}"},
	    /* what has no members is as it came */
	    {" [ 1 ]", " [ 1 ]"},
	    {"{\"token\":\"x\"", "{\"token\":\"x\""},
	    {"{\"token\":1,\"token\":2}", "{\"token\":1,\"token\":2}"},
	    {"", ""},
	    {"{\"a\":\"more than the sixty bytes that this API takes anyway\","
	     "\"token\":1}",
		"{\"a\":\"more than the sixty bytes that this API takes "
		"anyway\"}"},
	};
	struct api api = {.body_max = 60, .body_secret = {secrets, 2}};
	struct str plain_bytes = STR(" {\"token\": 1}");
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    arena_cstr(&arena,
			check_printed(&arena, &api, str_of(rows[i].body))),
		    rows[i].printed);
	/* an API without any: the very bytes */
	struct str same = check_printed(&arena, &shaped, plain_bytes);
	assert_ptr_equal(same.p, plain_bytes.p);
	assert_int_equal(same.n, plain_bytes.n);
}

/* Where members are credentials, a body must be one that has members. */
static void secrets_need_json(void **state)
{
	struct api api = {.body_max = 60,
	    .body_type = STR(JSON),
	    .body_secret = {secrets, 1}};
	(void)state;

	assert_int_equal(post(&api, JSON, "{").problem, INVALID);
	assert_int_equal(post(&api, JSON, "{}").problem, FINE);
}

static void what_renews(void **state)
{
	static struct pair tok1 = {S("tok"), S("1")}, tok2 = {S("tok"), S("2")},
			   empty = {S("tok"), S("")},
			   other = {S("gov-client-x"), S("1")};
	static const struct {
		struct pair *had, *sent;
		const char *had_body, *sent_body;
		bool secret, renews;
	} rows[] = {
	    {&tok1, &tok1, "{}", "{}", false, false},
	    {&tok1, &tok2, "{}", "{}", false, true},
	    {NULL, &tok1, "{}", "{}", false, true},
	    {&tok1, NULL, "{}", "{}", false, false},
	    {&tok1, &empty, "{}", "{}", false, false},
	    {NULL, &other, "{}", "{}", false, false},
	    {&tok1, &tok1, "{\"token\":1}", "{\"token\":1}", true, false},
	    {&tok1, &tok1, "{\"token\":1}", "{\"token\":2}", true, true},
	    {&tok1, &tok1, "{\"token\":1}", "{\"token\":2}", false, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api api = fetch;
		struct envelope_request had = {
		    .headers = {rows[i].had, rows[i].had != NULL},
		    .body = str_of(rows[i].had_body)};
		struct envelope_request sent = {
		    .headers = {rows[i].sent, rows[i].sent != NULL},
		    .body = str_of(rows[i].sent_body)};

		if (rows[i].secret)
			api.body_secret = (struct strs){secrets, 1};
		assert_int_equal(
		    check_renews(&api, &had, &sent), rows[i].renews);
	}
}

static void kinds(void **state)
{
	static const struct {
		const char *kind, *value;
		bool fits;
	} rows[] = {
	    {"string", "\"\"", true},
	    {"string", "1", false},
	    {"number", "1", true},
	    {"number", "-1.5e3", true},
	    {"number", "\"1\"", false},
	    {"integer", "1", true},
	    {"integer", "123456789012345678901234567890", true},
	    {"integer", "1.0", false},
	    {"integer", "1e3", false},
	    {"boolean", "false", true},
	    {"boolean", "0", false},
	    {"array", "[]", true},
	    {"array", "{}", false},
	    {"object", "{}", true},
	    {"object", "[]", false},
	    {"any", "[]", true},
	    {"any", "null", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair one = {STR("a/b~c"), str_of(rows[i].kind)};
		struct api api = {.body_max = 1000,
		    .body_type = STR(JSON),
		    .body_required = {&one, 1}};
		struct str body =
		    arena_printf(&arena, "{\"a/b~c\":%s}", rows[i].value);
		struct check c = post(&api, JSON, arena_cstr(&arena, body));

		assert_int_equal(c.problem == FINE, rows[i].fits);
		if (!rows[i].fits)
			assert_string_equal(
			    arena_cstr(&arena, c.faults[0].pointer),
			    "/a~1b~0c");
	}
}

static void cut_and_overlong(void **state)
{
	struct pair type = {STR("content-type"), STR("text/plain")};
	struct request r = {.method = STR("POST"),
	    .path = STR("/api/note"),
	    .body = STR("abc"),
	    .body_declared = 4,
	    .headers = {&type, 1}};
	(void)state;

	assert_int_equal(run(&plain, &r).problem, INVALID);
	r.body_declared = 3;
	assert_int_equal(run(&plain, &r).problem, FINE);
	r.body_declared = 11;
	assert_int_equal(run(&plain, &r).problem, PROBLEM_PAYLOAD_TOO_LARGE);
	r.body_declared = 3;
	r.body_too_large = true;
	assert_int_equal(run(&plain, &r).problem, PROBLEM_PAYLOAD_TOO_LARGE);
}

static void templates_are_tried(void **state)
{
	static const struct {
		const char *path, *query;
		const char *detail; /* NULL: fine */
	} rows[] = {
	    {"/api/get/7", "vrn=1&p=2", NULL},
	    {"/api/get/7", "p=2", "query.vrn is missing"},
	    {"/api/get/7", "vrn=&p=2", "query.vrn"},
	    {"/api/get/7", "vrn=1", "query.p is missing"},
	    {"/api/get/7", "vrn=%2e%2e&p=2", NULL},
	    {"/api/get/7", "vrn=1&p=a%0ab", "query.p cannot be used as it is"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request r = {.method = STR("GET"),
		    .path = str_of(rows[i].path),
		    .query = str_of(rows[i].query),
		    .body_declared = -1};
		struct check c = run(&fetch, &r);
		if (i == 4) { /* ".." as a segment leads elsewhere */
			assert_int_equal(c.problem, INVALID);
			continue;
		}
		assert_int_equal(c.problem, rows[i].detail ? INVALID : FINE);
		if (rows[i].detail)
			assert_non_null(
			    strstr(arena_cstr(&arena, c.faults[0].detail),
				rows[i].detail));
	}
}

static void a_body_where_none_is_expected(void **state)
{
	struct request r = {.method = STR("GET"),
	    .path = STR("/api/get/7"),
	    .query = STR("vrn=1&p=2"),
	    .body = STR("x"),
	    .body_declared = 1};
	struct api api = fetch;
	(void)state;

	assert_int_equal(run(&api, &r).problem, PROBLEM_PAYLOAD_TOO_LARGE);
	api.body_max = 100;
	assert_int_equal(run(&api, &r).problem, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
}

static void envelopes_hold_what_is_forwarded(void **state)
{
	struct pair headers[] = {
	    {STR("authorization"), STR("Bearer secret")},
	    {STR("cookie"), STR("secret")},
	    {STR("tok"), STR("t")},
	    {STR("x-request-id"), STR("r")},
	};
	struct request r = {.method = STR("GET"),
	    .path = STR("/api/get/7"),
	    .query = STR("vrn=1&p=2"),
	    .remote_addr = STR("127.0.0.1"),
	    .headers = {headers, 4}};
	struct envelope_request env;
	(void)state;

	check_envelope(&arena, &fetch, &r, (struct str){0}, &env);
	assert_int_equal(env.headers.n, 1);
	assert_true(str_is(env.headers.items[0].name, "tok"));
	assert_true(str_is(env.remote_addr, "127.0.0.1"));
	assert_true(str_is(env.query, "vrn=1&p=2"));
}

/* The trace that the answer names; else the client's, if it is one. */
static void traces_are_kept(void **state)
{
	static const char given[] =
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	static const char made[] =
	    "00-11111111111111111111111111111111-2222222222222222-01";
	struct str all[] = {S("*")};
	struct pair headers[] = {{STR("traceparent"), str_of(given)}};
	struct request r = {.method = STR("GET"),
	    .path = STR("/api/get/7"),
	    .headers = {headers, 1}};
	struct api api = fetch;
	struct envelope_request env;
	(void)state;

	check_envelope(&arena, &api, &r, (struct str){0}, &env);
	assert_int_equal(env.headers.n, 1);
	assert_true(str_is(env.headers.items[0].name, "traceparent"));
	assert_true(str_is(env.headers.items[0].value, given));
	api.forward = (struct strs){all, 1};
	headers[0].value = STR("nonsense");
	check_envelope(&arena, &api, &r, str_of(made), &env);
	assert_int_equal(env.headers.n, 1);
	assert_true(str_is(env.headers.items[0].value, made));
	api.forward.n = r.headers.n = 0;
	check_envelope(&arena, &api, &r, str_of(made), &env);
	assert_int_equal(env.headers.n, 1);
	assert_true(str_is(env.headers.items[0].value, made));
	check_envelope(&arena, &api, &r, (struct str){0}, &env);
	assert_int_equal(env.headers.n, 0);
}

static struct pair token_form[] = {
    {S("grant_type"), S("authorization_code")},
    {S("code"), S("{body.code}")},
    {S("code_verifier"), S("{body.verifier?}")},
    {S("tenant"), S("{header.x-tenant}")},
    {S("client_secret"), S("{secret.it}")},
};
static struct api token = {.path = S("/api/token"),
    .body_max = 200,
    .body_type = S("application/json"),
    .request_path = S("/token?at={job.acceptedAt}&k={secret.it}"),
    .request_form = {token_form, 5}};

static struct check post_token(const char *body, const char *tenant)
{
	struct pair headers[] = {{STR("content-type"), STR(JSON)},
	    {STR("x-tenant"), str_of(tenant)}};
	struct request r = {.method = STR("POST"),
	    .path = STR("/api/token"),
	    .body = str_of(body),
	    .body_declared = -1,
	    .headers = {headers, tenant ? 2 : 1}};

	return run(&token, &r);
}

/* All that a form needs of the client, said before anything is accepted. */
static void forms_are_tried(void **state)
{
	struct check check;
	(void)state;

	assert_int_equal(post_token("{\"code\":\"x\"}", "a").problem, FINE);
	assert_int_equal(
	    post_token("{\"code\":\"x\",\"verifier\":null}", "a").problem,
	    FINE);
	check = post_token("{\"verifier\":[]}", NULL);
	assert_int_equal(check.problem, INVALID);
	assert_int_equal(check.n, 3);
	assert_true(str_is(check.faults[0].pointer, "/code"));
	assert_true(str_is(check.faults[0].detail, "body.code is missing"));
	assert_true(str_is(check.faults[1].pointer, "/verifier"));
	assert_true(str_is(
	    check.faults[1].detail, "body.verifier cannot be used as it is"));
	assert_int_equal(check.faults[2].pointer.n, 0);
	assert_true(
	    str_is(check.faults[2].detail, "header.x-tenant is missing"));
	check = post_token("", "a");
	assert_int_equal(check.problem, INVALID);
	assert_true(str_is(check.faults[0].detail, "a JSON body is needed"));
}

/* What may be left out may be left out as a whole, but is JSON if it is not. */
static void nothing_but_optional(void **state)
{
	struct pair form[] = {{STR("a"), STR("{body.a?}")}};
	struct api api = token;
	(void)state;

	api.request_form = (struct pairs){form, 1};
	api.request_path = STR("/q?b={body.b?}");
	assert_int_equal(post(&api, NULL, "").problem, FINE);
	assert_int_equal(post(&api, JSON, "{}").problem, FINE);
	assert_int_equal(post(&api, JSON, "no").problem, INVALID);
	api.request_path = STR("/q/{body.b?}");
	struct check check = post(&api, JSON, "{}");
	assert_int_equal(check.n, 1);
	assert_true(str_is(check.faults[0].pointer, "/b"));
	assert_true(str_is(check.faults[0].detail, "body.b is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(bodies, done),
	    cmocka_unit_test_teardown(all_faults_are_told, done),
	    cmocka_unit_test_teardown(faults_of_all_kinds_are_told, done),
	    cmocka_unit_test_teardown(resource_ids, done),
	    cmocka_unit_test_teardown(secrets_are_not_printed, done),
	    cmocka_unit_test_teardown(secrets_need_json, done),
	    cmocka_unit_test_teardown(what_renews, done),
	    cmocka_unit_test_teardown(kinds, done),
	    cmocka_unit_test_teardown(cut_and_overlong, done),
	    cmocka_unit_test_teardown(templates_are_tried, done),
	    cmocka_unit_test_teardown(a_body_where_none_is_expected, done),
	    cmocka_unit_test_teardown(envelopes_hold_what_is_forwarded, done),
	    cmocka_unit_test_teardown(traces_are_kept, done),
	    cmocka_unit_test_teardown(forms_are_tried, done),
	    cmocka_unit_test_teardown(nothing_but_optional, done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
