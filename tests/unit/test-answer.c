#include "cgi/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/ids.h"
#include "lib/json.h"

/*
 * cgi/answer.c and cgi/document.c: bodies and headers of contract 4 and 5,
 * member by member, without an endpoint around them.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define NOW 1795250000000

static struct str origins[] = {S("https://www.acme.example")};
static struct config config = {.prefix = S("/api"),
    .base_url = S("https://www.acme.example"),
    .origins = {origins, 1}};
static const struct api api = {
    .name = S("bundle-post"), .estimate_ms = 4200, .ttl_ms = 86400000};
static struct arena arena;
static struct job job;
static struct answer_job j;
static struct answer_context c;
static struct answer ans;
static char id[IDS_TEXT + 1];

static int set_up(void **state)
{
	(void)state;
	config.api_url = (struct str){0};
	job = (struct job){.state = JOB_PENDING,
	    .version = 17,
	    .accepted_ms = NOW - 200,
	    .deadline_ms = NOW + 899800,
	    .attempt = 2,
	    .released = 1};
	memset(job.id, 0x5a, sizeof(job.id));
	ids_write(job.id, id);
	j = (struct answer_job){.api = &api, .job = &job};
	c = (struct answer_context){.config = &config,
	    .arena = &arena,
	    .now_ms = NOW,
	    .random = 200, /* the middle of the jitter */
	    .path = STR("/api/x"),
	    .request_id = STR("r1"),
	    .traceparent = STR("00-t")};
	ans = (struct answer){0};
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct value *body(void)
{
	struct value *v = NULL;

	assert_int_equal(
	    json_read(&arena, ans.body, 1 << 20, NULL, NULL, &v), ERR_OK);
	return v;
}

static void assert_member(const char *path, const char *want)
{
	const struct value *v = value_path(body(), path);

	if (!want) {
		assert_null(v);
		return;
	}
	assert_non_null(v);
	assert_string_equal(arena_cstr(&arena, value_spell(&arena, v)), want);
}

static void assert_header(const char *name, const char *want)
{
	assert_string_equal(arena_cstr(&arena, answer_get(&ans, name)), want);
}

static const char *text(const char *format)
{
	return arena_cstr(&arena, arena_printf(&arena, "%s%s", format, id));
}

static void accepted(void **state)
{
	(void)state;
	answer_accepted(&c, &j, &ans);
	assert_int_equal(ans.status, 202);
	assert_header("Content-Type", "application/json");
	assert_header("Location", text("/api/jobs/"));
	assert_header("Retry-After", "4");
	assert_member("status", "accepted");
	assert_member("jobId", id);
	assert_member("statusUrl", text("/api/jobs/"));
	assert_member("requestId", id);
	assert_member("estimatedDuration", "5");
	assert_non_null(value_get(body(), "message"));
	assert_non_null(value_get(body(), "cancelUrl"));
}

/* Where events can be had; a plain CGI program has none. */
static void events(void **state)
{
	(void)state;
	answer_accepted(&c, &j, &ans);
	assert_member("eventsUrl", NULL);
	ans = (struct answer){0};
	answer_document(&c, 200, &j, &ans);
	assert_member("eventsUrl", NULL);
	c.streams = true;
	const char *url =
	    arena_cstr(&arena, arena_printf(&arena, "/api/jobs/%s/events", id));
	ans = (struct answer){0};
	answer_accepted(&c, &j, &ans);
	assert_member("eventsUrl", url);
	ans = (struct answer){0};
	answer_document(&c, 200, &j, &ans);
	assert_member("eventsUrl", url);
}

/* What was measured is told, not what was configured. */
static void measured(void **state)
{
	struct estimate estimates[2] = {{0}};
	struct api apis[2] = {api, api};
	int64_t ms[ESTIMATE_MIN];
	(void)state;

	for (int i = 0; i < ESTIMATE_MIN; i++)
		ms[i] = 12000;
	estimate_fill(&estimates[1], ms, ESTIMATE_MIN);
	config.apis = apis;
	config.n_apis = 2;
	c.estimates = estimates;
	j.api = &apis[0];
	answer_accepted(&c, &j, &ans);
	assert_member("estimatedDuration", "5");
	assert_header("Retry-After", "4");
	j.api = &apis[1];
	ans = (struct answer){0};
	answer_accepted(&c, &j, &ans);
	assert_member("estimatedDuration", "12");
	assert_header("Retry-After", "12");
	ans = (struct answer){0};
	job.accepted_ms = NOW - 7000;
	answer_document(&c, 200, &j, &ans);
	assert_member("estimatedDuration", "12");
	assert_header("Retry-After", "5");
	config.apis = NULL;
	config.n_apis = 0;
}

static void other_credentials(void **state)
{
	(void)state;
	answer_document(&c, 200, &j, &ans);
	assert_member("needsCredentials", NULL);
	assert_member("message", NULL);
	ans = (struct answer){0};
	job.needs = true;
	answer_document(&c, 200, &j, &ans);
	assert_member("status", "pending");
	assert_member("needsCredentials", "true");
	assert_member("message", ANSWER_NEEDS);
}

static void the_clients_name_is_kept(void **state)
{
	(void)state;
	j.meta.request_id = STR("her-own-name");
	answer_accepted(&c, &j, &ans);
	assert_member("requestId", "her-own-name");
	answer_common(&c, &j, &ans);
	assert_header("x-request-id", "her-own-name");
}

static void documents(void **state)
{
	(void)state;
	answer_document(&c, 200, &j, &ans);
	assert_int_equal(ans.status, 200);
	assert_header("Location", "");
	assert_header("Retry-After", "4");
	assert_member("jobId", id);
	assert_member("api", "bundle-post");
	assert_member("status", "pending");
	assert_member("progress", "0");
	assert_member("createdAt", "2026-11-21T08:33:19.800Z");
	assert_int_equal(value_get(body(), "startedAt")->kind, VALUE_NULL);
	assert_int_equal(value_get(body(), "completedAt")->kind, VALUE_NULL);
	assert_member("deadlineAt", "2026-11-21T08:48:19.800Z");
	assert_member("expiresAt", "2026-11-22T08:48:19.800Z");
	assert_member("attempt", "1");
	assert_member("estimatedDuration", "5");
	assert_member("statusUrl", text("/api/jobs/"));
	assert_member("result", NULL);
	assert_member("error", NULL);

	ans = (struct answer){0};
	job.state = JOB_PROCESSING;
	job.progress = 100; /* not before it is completed */
	job.started_ms = NOW - 100;
	answer_document(&c, 202, &j, &ans);
	assert_header("Location", text("/api/jobs/"));
	assert_member("status", "processing");
	assert_member("progress", "99");
	assert_member("startedAt", "2026-11-21T08:33:19.900Z");
}

static void complete(const char *type, const char *result)
{
	job.state = JOB_COMPLETED;
	job.status = 201;
	job.ended_ms = NOW;
	j.result = (struct envelope_result){.status = 201,
	    .content_type = str_of(type),
	    .location = STR("/bundles/7"),
	    .message = STR("done"),
	    .body = str_of(result)};
	ans = (struct answer){0};
}

static void completed_documents(void **state)
{
	(void)state;
	complete("application/json", "{\"total\":1.10}");
	answer_document(&c, 200, &j, &ans);
	assert_member("progress", "100");
	assert_member("result.total", "1.10");
	assert_member("location", "/bundles/7");
	assert_member("message", "done");
	assert_member("expiresAt", "2026-11-22T08:33:20.000Z");
	assert_member("estimatedDuration", NULL);
	assert_member("resultUrl", NULL);
	assert_header("Retry-After", "");
	assert_header("Location", "");
}

/* Of what is read once a document shows nothing, read or not. */
static void once(void **state)
{
	struct api own = api;
	(void)state;

	own.once = true;
	for (int read = 0; read < 2; read++) {
		complete("application/json", "{\"total\":1.10}");
		j.api = &own;
		job.read_ms = read ? NOW : 0;
		answer_document(&c, 200, &j, &ans);
		assert_member("status", "completed");
		assert_member("result", NULL);
		assert_member("location", NULL);
		assert_member("resultConsumed", read ? "true" : NULL);
		assert_int_equal(value_get(body(), "resultUrl") != NULL, !read);
		assert_int_equal(answer_location(&j).n, 0);
	}
}

/* In a list: the result was not opened, the row says how it failed. */
static void brief(void **state)
{
	(void)state;
	job.state = JOB_FAILED;
	job.reason = REASON_UPSTREAM_REFUSED;
	job.status = 418;
	j.brief = true;
	answer_document(&c, 200, &j, &ans);
	assert_member("error", "upstream-refused");
	assert_member("problem.status", "418");
	complete("application/json", "{\"total\":1.10}");
	answer_document(&c, 200, &j, &ans);
	assert_member("status", "completed");
	assert_member("result", NULL);
	assert_member("resultUrl", NULL);
}

static void bad_parameters(void **state)
{
	(void)state;
	answer_bad_parameter(&c, "limit", "No.", &ans);
	assert_int_equal(ans.status, 400);
	assert_member("error", "validation-failed");
	assert_member("parameter", "limit");
	assert_member("detail", "No.");
}

static void results_that_do_not_fit_a_document(void **state)
{
	static const struct {
		const char *type, *body;
		bool inside, elsewhere;
	} rows[] = {
	    {"application/vnd.x+json; charset=utf-8", "[1]", true, false},
	    {"application/json", "{\"broken\":", false, true},
	    {"application/json", "1,\"status\":\"failed\"", false, true},
	    {"text/html", "<p>", false, true},
	    {"", "{}", false, true},
	    {"application/json", "", false, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		complete(rows[i].type, rows[i].body);
		answer_document(&c, 200, &j, &ans);
		assert_int_equal(
		    value_get(body(), "result") != NULL, rows[i].inside);
		assert_member("resultUrl",
		    rows[i].elsewhere
			? arena_cstr(&arena,
			      arena_printf(&arena, "/api/jobs/%s/result", id))
			: NULL);
		assert_member("status", "completed");
	}
	struct buf large = {0};
	buf_putc(&large, '"');
	while (large.len < ANSWER_INLINE_MAX - 1)
		buf_putc(&large, 'x');
	buf_putc(&large, '"');
	complete("application/json", large.data);
	answer_document(&c, 200, &j, &ans);
	assert_non_null(value_get(body(), "result"));
	large.data[large.len - 1] = 'x';
	buf_putc(&large, '"');
	complete("application/json", large.data);
	answer_document(&c, 200, &j, &ans);
	assert_member("result", NULL);
	buf_release(&large);
}

static void stored_results(void **state)
{
	(void)state;
	complete("text/plain", "as it came\r\n");
	answer_result(&c, &j, &ans);
	assert_int_equal(ans.status, 201);
	assert_header("Content-Type", "text/plain");
	assert_header("Location", "/bundles/7");
	assert_true(str_is(ans.body, "as it came\r\n"));

	complete("text/plain", "x");
	job.status = 200; /* never Location with 200 */
	answer_result(&c, &j, &ans);
	assert_header("Location", "");
	complete("text/plain", "x");
	job.status = 302; /* not a success of ours */
	answer_result(&c, &j, &ans);
	assert_int_equal(ans.status, 200);
}

static void failures(void **state)
{
	static const struct {
		enum job_reason reason;
		int upstream, status;
		const char *error;
	} rows[] = {
	    {REASON_UPSTREAM_ERROR, 503, 502, "upstream-error"},
	    {REASON_UPSTREAM_ERROR, 0, 502, "upstream-error"},
	    {REASON_UPSTREAM_TIMEOUT, 0, 504, "upstream-timeout"},
	    {REASON_DEADLINE, 0, 504, "deadline-exceeded"},
	    {REASON_OUTCOME_UNKNOWN, 0, 502, "outcome-unknown"},
	    {REASON_FAILED, 0, 500, "job-failed"},
	    {REASON_NONE, 0, 500, "job-failed"},
	    {REASON_UPSTREAM_REFUSED, 0, 502, "upstream-refused"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		complete("text/html", "<p>internal of the upstream</p>");
		job.state = JOB_FAILED;
		job.reason = rows[i].reason;
		j.result.status = rows[i].upstream;
		answer_result(&c, &j, &ans);
		assert_int_equal(ans.status, rows[i].status);
		assert_header("Content-Type", "application/problem+json");
		assert_member("error", rows[i].error);
		assert_member("jobStatus", "failed");
		assert_member("jobId", id);
		assert_member("instance", text("/api/jobs/"));
		assert_member(
		    "upstreamStatus", rows[i].upstream ? "503" : NULL);
		assert_null(
		    memmem(ans.body.p, ans.body.n, "internal of the", 15));
		ans = (struct answer){0};
		answer_document(&c, 200, &j, &ans);
		assert_member("result", NULL);
		assert_member("location", NULL);
		assert_null(
		    memmem(ans.body.p, ans.body.n, "internal of the", 15));
		assert_member(
		    "error", problem_type(problem_of_reason(rows[i].reason)));
	}
}

static void refusals_are_the_upstreams_own(void **state)
{
	(void)state;
	complete("application/json", "{\"code\":\"DUPLICATE\"}");
	job.state = JOB_FAILED;
	job.reason = REASON_UPSTREAM_REFUSED;
	j.result.status = 422;
	answer_result(&c, &j, &ans);
	assert_int_equal(ans.status, 422);
	assert_header("Content-Type", "application/json");
	assert_true(str_is(ans.body, "{\"code\":\"DUPLICATE\"}"));
	ans = (struct answer){0};
	answer_document(&c, 200, &j, &ans);
	assert_member("error", "upstream-refused");
	assert_member("problem.status", "422");
	assert_member("problem.upstreamStatus", "422");
	assert_member("result", NULL);
}

static void cancelled(void **state)
{
	(void)state;
	job.state = JOB_CANCELLED;
	answer_result(&c, &j, &ans);
	assert_int_equal(ans.status, 409);
	assert_member("error", "job-cancelled");
	assert_member("jobStatus", "cancelled");
}

static void every_problem(void **state)
{
	(void)state;
	for (int p = 0; p < PROBLEM_COUNT; p++) {
		const char *type = problem_type((enum problem)p);
		int status = problem_status((enum problem)p);

		ans = (struct answer){0};
		answer_problem(&c, (enum problem)p, NULL, NULL, &ans);
		assert_int_equal(ans.status, status ? status : 502);
		assert_header("Content-Type", "application/problem+json");
		assert_member("error", type);
		assert_member(
		    "type", arena_cstr(&arena,
				arena_printf(&arena, "/problems/%s", type)));
		assert_true(str_eq(value_text(body(), "message"),
		    value_text(body(), "detail")));
		assert_true(value_text(body(), "title").n > 0);
		assert_true(value_get(body(), "status")->as.i == ans.status);
		assert_member(
		    "requestId", p == PROBLEM_JOB_NOT_FOUND ? NULL : "r1");
		assert_member(
		    "instance", p == PROBLEM_JOB_NOT_FOUND ? NULL : "/api/x");
	}
}

static void a_missing_job_says_nothing(void **state)
{
	struct answer other = {0};
	(void)state;

	answer_problem(&c, PROBLEM_JOB_NOT_FOUND, NULL, NULL, &ans);
	c.path = STR("/api/elsewhere");
	c.request_id = STR("r2");
	answer_problem(&c, PROBLEM_JOB_NOT_FOUND, NULL, NULL, &other);
	assert_true(str_eq(ans.body, other.body));
}

static void faults_are_listed(void **state)
{
	struct answer_fault faults[] = {
	    {STR("/vrn"), STR("vrn is missing")}, {STR(""), STR("other")}};
	(void)state;

	answer_invalid(&c, faults, 2, &ans);
	assert_int_equal(ans.status, 400);
	assert_member("pointer", "/vrn");
	assert_member("detail", "vrn is missing");
	assert_member("error", "validation-failed");
	assert_int_equal(value_get(body(), "errors")->as.array.n, 2);
}

static void hosts(void **state)
{
	(void)state;
	config.api_url = STR("https://api.acme.example/");
	answer_accepted(&c, &j, &ans);
	assert_header("Location", text("https://api.acme.example/api/jobs/"));
	ans = (struct answer){0};
	answer_problem(&c, PROBLEM_INTERNAL, NULL, NULL, &ans);
	assert_member("type", "https://www.acme.example/problems/internal");
}

static long retry_after(int64_t estimate_ms, int64_t age_ms, uint32_t random)
{
	struct api timed = api;
	struct answer_job timed_job = {.api = &timed, .job = &job};

	timed.estimate_ms = estimate_ms;
	job.accepted_ms = NOW - age_ms;
	c.random = random;
	ans = (struct answer){0};
	answer_retry_after(&c, &timed_job, &ans);
	return strtol(
	    arena_cstr(&arena, answer_get(&ans, "retry-after")), NULL, 10);
}

static void retry_after_follows_the_estimate(void **state)
{
	(void)state;
	assert_int_equal(retry_after(10000, 0, 200), 10);
	assert_int_equal(retry_after(10000, 0, 0), 8);
	assert_int_equal(retry_after(10000, 0, 400), 12);
	assert_int_equal(retry_after(10000, 6000, 200), 4);
	assert_int_equal(retry_after(0, 0, 200), 1);
	assert_int_equal(retry_after(10000, 100000, 200), 10);
	assert_int_equal(retry_after(1000000, 0, 400), 30);
	assert_int_equal(retry_after(10000, 1000000000, 400), 30);
	for (uint32_t random = 0; random < 2000; random++) {
		long s = retry_after(20000, 0, random);
		assert_true(s >= 16 && s <= 24);
	}
}

static void common_headers(void **state)
{
	(void)state;
	ans.status = 200;
	answer_common(&c, NULL, &ans);
	assert_header("Cache-Control", "no-store");
	assert_header("Referrer-Policy", "no-referrer");
	assert_header("x-request-id", "r1");
	assert_header("traceparent", "00-t");
	assert_header("Access-Control-Allow-Origin", "");
	ans = (struct answer){.status = 200};
	c.origin = 1;
	answer_common(&c, NULL, &ans);
	assert_header(
	    "Access-Control-Allow-Origin", "https://www.acme.example");
	assert_header("Access-Control-Allow-Credentials", "");
	assert_non_null(
	    strstr(arena_cstr(&arena,
		       answer_get(&ans, "access-control-expose-headers")),
		"x-request-id, x-wait-time-ms, Location, Retry-After, ETag"));
	ans = (struct answer){.status = 200};
	c.origin = 9; /* of another configuration */
	answer_common(&c, NULL, &ans);
	assert_header("Access-Control-Allow-Origin", "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, done)
	const struct CMUnitTest tests[] = {
	    T(accepted),
	    T(events),
	    T(measured),
	    T(other_credentials),
	    T(once),
	    T(brief),
	    T(bad_parameters),
	    T(the_clients_name_is_kept),
	    T(documents),
	    T(completed_documents),
	    T(results_that_do_not_fit_a_document),
	    T(stored_results),
	    T(failures),
	    T(refusals_are_the_upstreams_own),
	    T(cancelled),
	    T(every_problem),
	    T(a_missing_job_says_nothing),
	    T(faults_are_listed),
	    T(hosts),
	    T(retry_after_follows_the_estimate),
	    T(common_headers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
