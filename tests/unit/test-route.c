#include "cgi/route.h"

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

static struct api apis[] = {
    {.name = S("post"), .method = S("POST"), .path = S("/api/v1/bundle")},
    {.name = S("drop"), .method = S("DELETE"), .path = S("/api/v1/bundle")},
    {.name = S("one"), .method = S("DELETE"), .path = S("/api/v1/bundle/{id}")},
    {.name = S("recent"),
	.method = S("GET"),
	.path = S("/api/v1/bundle/recent")},
    {.name = S("any"), .method = S("GET"), .path = S("/api/v1/bundle/{id}")},
    {.name = S("two"), .method = S("GET"), .path = S("/api/{a}/x/{b}")},
};
static struct config config = {.prefix = S("/api"), .apis = apis, .n_apis = 6};
static struct arena arena;

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct route find(const char *method, const char *path)
{
	struct request r = {.method = str_of(method), .path = str_of(path)};
	struct route route;

	route_find(&arena, &config, &r, &route);
	return route;
}

static void every_kind(void **state)
{
	static const struct {
		const char *method, *path;
		enum route_kind kind;
		const char *detail; /* API, id or Allow */
	} rows[] = {
	    {"POST", "/api/v1/bundle", ROUTE_API, "post"},
	    {"DELETE", "/api/v1/bundle", ROUTE_API, "drop"},
	    {"DELETE", "/api/v1/bundle/7", ROUTE_API, "one"},
	    {"DELETE", "/api/v1/bundle/recent", ROUTE_API, "one"},
	    {"GET", "/api/v1/bundle/recent", ROUTE_API, "recent"},
	    {"GET", "/api/v1/bundle/%72ecent", ROUTE_API, "recent"},
	    {"GET", "/api/v1/bundle/other", ROUTE_API, "any"},
	    {"GET", "/api/p/x/q", ROUTE_API, "two"},
	    {"PUT", "/api/v1/bundle", ROUTE_METHOD, "POST, DELETE, OPTIONS"},
	    {"POST", "/api/v1/bundle/recent", ROUTE_METHOD,
		"DELETE, GET, OPTIONS"},
	    {"post", "/api/v1/bundle", ROUTE_METHOD, "POST, DELETE, OPTIONS"},
	    {"OPTIONS", "/api/v1/bundle", ROUTE_OPTIONS,
		"POST, DELETE, OPTIONS"},
	    {"GET", "/api/jobs/x", ROUTE_JOB, "x"},
	    {"HEAD", "/api/jobs/x", ROUTE_JOB, "x"},
	    {"DELETE", "/api/jobs/x", ROUTE_JOB, "x"},
	    {"POST", "/api/jobs/x", ROUTE_METHOD, "GET, HEAD, DELETE, OPTIONS"},
	    {"GET", "/api/jobs/x/result", ROUTE_JOB_RESULT, "x"},
	    {"DELETE", "/api/jobs/x/result", ROUTE_METHOD,
		"GET, HEAD, OPTIONS"},
	    {"POST", "/api/jobs/x/cancel", ROUTE_JOB_CANCEL, "x"},
	    {"GET", "/api/jobs/x/cancel", ROUTE_METHOD, "POST, OPTIONS"},
	    {"OPTIONS", "/api/jobs/x", ROUTE_OPTIONS,
		"GET, HEAD, DELETE, OPTIONS"},
	    {"GET", "/api/jobs/health", ROUTE_HEALTH, ""},
	    {"GET", "/api/jobs", ROUTE_LIST, ""},
	    {"DELETE", "/api/jobs", ROUTE_METHOD, "GET, HEAD, OPTIONS"},
	    {"GET", "/api/jobs/events", ROUTE_OWNER_EVENTS, ""},
	    {"GET", "/api/jobs/x/events", ROUTE_EVENTS, "x"},
	    {"HEAD", "/api/jobs/x/events", ROUTE_METHOD, "GET, OPTIONS"},
	    {"DELETE", "/api/jobs/health", ROUTE_METHOD, "GET, HEAD, OPTIONS"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = find(rows[i].method, rows[i].path);
		struct str got = r.allow;
		if (r.kind == ROUTE_API)
			got = apis[r.api].name;
		else if (r.kind != ROUTE_METHOD && r.kind != ROUTE_OPTIONS)
			got = r.id;
		assert_int_equal(r.kind, rows[i].kind);
		assert_string_equal(arena_cstr(&arena, got), rows[i].detail);
	}
}

/* What a read of the path takes is listed where an API is, too. */
static void beside_a_read(void **state)
{
	static struct read reads[] = {{.path = S("/api/v1/{kind}")}};
	static const struct {
		const char *method, *path;
		enum route_kind kind;
		const char *allow;
	} rows[] = {
	    {"PUT", "/api/v1/bundle", ROUTE_METHOD,
		"POST, DELETE, GET, HEAD, OPTIONS"},
	    {"OPTIONS", "/api/v1/bundle", ROUTE_OPTIONS,
		"POST, DELETE, GET, HEAD, OPTIONS"},
	    {"PUT", "/api/v1/bundle/x", ROUTE_METHOD, "DELETE, GET, OPTIONS"},
	    {"PUT", "/api/v1/other", ROUTE_NONE, ""},
	    {"GET", "/api/v1/other", ROUTE_NONE, ""},
	};
	(void)state;

	config.reads = reads;
	config.n_reads = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = find(rows[i].method, rows[i].path);
		assert_int_equal(r.kind, rows[i].kind);
		assert_string_equal(arena_cstr(&arena, r.allow), rows[i].allow);
	}
	config.n_reads = 0;
}

static void nothing_is_there(void **state)
{
	static const char *const paths[] = {"", "/", "*", "api/v1/bundle",
	    "/api", "/api/", "/api/v1/bundle/", "//api/v1/bundle",
	    "/api//v1/bundle", "/api/./v1/bundle", "/api/x/../v1/bundle",
	    "/api/%2e%2E/v1/bundle", "/api/v1/%2e/bundle", "/api/v1/bundl",
	    "/api/v1/bundle/%", "/api/v1/bundle/%4", "/api/v1/bundle/%zz",
	    "/api/v1/bundle/%00", "/api/v1/bundle/%ff", "/api/v1%2Fbundle",
	    "/api/v1/bundle/7/8", "/API/v1/bundle", "/api/jobs/",
	    "/api/jobs/x/", "/api/jobs/x/y", "/api/jobs/x/result/z", "/jobs/x",
	    "/api/jobs/x/%2e%2e/cancel"};
	(void)state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(find("GET", paths[i]).kind, ROUTE_NONE);
		assert_int_equal(find("POST", paths[i]).kind, ROUTE_NONE);
		assert_int_equal(find("OPTIONS", paths[i]).kind, ROUTE_NONE);
	}
}

static void too_many_segments(void **state)
{
	char path[300] = "/api";
	(void)state;

	for (size_t i = 4; i < sizeof(path) - 2; i += 2)
		memcpy(path + i, "/a", 3);
	assert_int_equal(find("GET", path).kind, ROUTE_NONE);
}

static void params_are_decoded_once(void **state)
{
	(void)state;
	struct route r = find("GET", "/api/a%20b/x/c%2Fd%2541+e");

	assert_int_equal(r.kind, ROUTE_API);
	assert_int_equal(r.n_params, 2);
	assert_true(str_is(r.params[0].name, "a"));
	assert_true(str_is(r.params[0].value, "a b"));
	assert_true(str_is(r.params[1].value, "c/d%41+e"));
}

static void preflight_finds_the_api_asked_for(void **state)
{
	struct pair asked = {
	    STR("access-control-request-method"), STR("DELETE")};
	struct request r = {.method = STR("OPTIONS"),
	    .path = STR("/api/v1/bundle"),
	    .headers = {&asked, 1}};
	struct route route;
	(void)state;

	route_find(&arena, &config, &r, &route);
	assert_int_equal(route.api, 1);
	assert_int_equal(find("OPTIONS", "/api/v1/bundle").api, ROUTE_NO_API);
}

static void other_prefixes(void **state)
{
	static const struct str prefixes[] = {
	    S(""), S("/"), S("/a/b"), S("/a/b/")};
	static const char *const paths[] = {
	    "/jobs/x", "/jobs/x", "/a/b/jobs/x", "/a/b/jobs/x"};
	(void)state;

	for (size_t i = 0; i < 4; i++) {
		struct config c = {.prefix = prefixes[i]};
		struct request r = {
		    .method = STR("GET"), .path = str_of(paths[i])};
		struct route route;
		route_find(&arena, &c, &r, &route);
		assert_int_equal(route.kind, ROUTE_JOB);
	}
}

static void query_values(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: not there */
	} rows[] = {
	    {"vrn=1&periodKey=%2318A1", "periodKey", "#18A1"},
	    {"a=1&a=2", "a", "1"},
	    {"a=b+c%2B", "a", "b c+"},
	    {"a", "a", ""},
	    {"a=", "a", ""},
	    {"a=b=c", "a", "b=c"},
	    {"%61=1", "a", "1"},
	    {"&&a=1", "a", "1"},
	    {"A=1", "a", NULL},
	    {"ab=1", "a", NULL},
	    {"a=%zz", "a", NULL},
	    {"a=%00", "a", NULL},
	    {"", "a", NULL},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str value;
		bool there = route_query(
		    &arena, str_of(rows[i].query), rows[i].name, &value);
		assert_int_equal(there, rows[i].value != NULL);
		if (there)
			assert_string_equal(
			    arena_cstr(&arena, value), rows[i].value);
		/* what cannot be decoded was said all the same */
		assert_int_equal(route_has_query(&arena, str_of(rows[i].query),
				     rows[i].name),
		    there || str_find(str_of(rows[i].query), '%', 2) == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(every_kind, done),
	    cmocka_unit_test_teardown(beside_a_read, done),
	    cmocka_unit_test_teardown(nothing_is_there, done),
	    cmocka_unit_test_teardown(too_many_segments, done),
	    cmocka_unit_test_teardown(params_are_decoded_once, done),
	    cmocka_unit_test_teardown(preflight_finds_the_api_asked_for, done),
	    cmocka_unit_test_teardown(other_prefixes, done),
	    cmocka_unit_test_teardown(query_values, done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
