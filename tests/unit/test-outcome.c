#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/outcome.h"
#include "cgi/poll.h"

enum { FAIL, RETRY, IDEMPOTENT, KINDS }; /* of APIs, the columns below */

static const struct api apis[KINDS] = {
    [FAIL] = {.on_lost = ON_LOST_FAIL, .attempts = 3, .result_max = 100},
    [RETRY] = {.on_lost = ON_LOST_RETRY, .attempts = 3, .result_max = 100},
    [IDEMPOTENT] = {.on_lost = ON_LOST_FAIL,
	.idempotent = true,
	.attempts = 3,
	.result_max = 100},
};

#define X_COMPLETE JOB_EVENT_COMPLETE
#define X_FAIL JOB_EVENT_FAIL
#define X_RETRY JOB_EVENT_RETRY
#define X_BROKEN JOB_EVENT_BROKEN

/* What each kind of API makes of it while attempts are left, and how the last
 * attempt ends: state, reason and status of the job by job_step(). */
static const struct row {
	const char *name;
	struct upstream_answer answer;
	enum job_event_kind kind[KINDS];
	bool not_executed;
	enum job_reason last_reason[KINDS];
	int last_status[KINDS];
} rows[] = {
    {"200", {.end = UPSTREAM_ANSWER, .status = 200},
	{X_COMPLETE, X_COMPLETE, X_COMPLETE}, false,
	{REASON_NONE, REASON_NONE, REASON_NONE}, {200, 200, 200}},
    {"201", {.end = UPSTREAM_ANSWER, .status = 201},
	{X_COMPLETE, X_COMPLETE, X_COMPLETE}, false,
	{REASON_NONE, REASON_NONE, REASON_NONE}, {201, 201, 201}},
    {"202 is not ours to answer with", {.end = UPSTREAM_ANSWER, .status = 202},
	{X_COMPLETE, X_COMPLETE, X_COMPLETE}, false,
	{REASON_NONE, REASON_NONE, REASON_NONE}, {200, 200, 200}},
    {"204", {.end = UPSTREAM_ANSWER, .status = 204},
	{X_COMPLETE, X_COMPLETE, X_COMPLETE}, false,
	{REASON_NONE, REASON_NONE, REASON_NONE}, {204, 204, 204}},
    {"303", {.end = UPSTREAM_ANSWER, .status = 303}, {X_FAIL, X_FAIL, X_FAIL},
	false,
	{REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR},
	{502, 502, 502}},
    {"400", {.end = UPSTREAM_ANSWER, .status = 400}, {X_FAIL, X_FAIL, X_FAIL},
	false,
	{REASON_UPSTREAM_REFUSED, REASON_UPSTREAM_REFUSED,
	    REASON_UPSTREAM_REFUSED},
	{400, 400, 400}},
    {"401", {.end = UPSTREAM_ANSWER, .status = 401}, {X_FAIL, X_FAIL, X_FAIL},
	false,
	{REASON_UPSTREAM_REFUSED, REASON_UPSTREAM_REFUSED,
	    REASON_UPSTREAM_REFUSED},
	{401, 401, 401}},
    {"429", {.end = UPSTREAM_ANSWER, .status = 429},
	{X_RETRY, X_RETRY, X_RETRY}, true,
	{REASON_UPSTREAM_REFUSED, REASON_UPSTREAM_REFUSED,
	    REASON_UPSTREAM_REFUSED},
	{429, 429, 429}},
    {"500", {.end = UPSTREAM_ANSWER, .status = 500}, {X_FAIL, X_FAIL, X_RETRY},
	false,
	{REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR},
	{502, 502, 502}},
    {"503 without Retry-After", {.end = UPSTREAM_ANSWER, .status = 503},
	{X_FAIL, X_FAIL, X_RETRY}, false,
	{REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR},
	{502, 502, 502}},
    {"503 with Retry-After",
	{.end = UPSTREAM_ANSWER,
	    .status = 503,
	    .has_retry_after = true,
	    .retry_after_ms = 7000},
	{X_FAIL, X_FAIL, X_RETRY}, false,
	{REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR},
	{502, 502, 502}},
    {"unsent", {.end = UPSTREAM_UNSENT}, {X_RETRY, X_RETRY, X_RETRY}, true,
	{REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR, REASON_UPSTREAM_ERROR},
	{502, 502, 502}},
    {"time-out", {.end = UPSTREAM_TIMEOUT}, {X_BROKEN, X_BROKEN, X_BROKEN},
	false,
	{REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_TIMEOUT,
	    REASON_UPSTREAM_TIMEOUT},
	{502, 504, 504}},
    {"broken after a status", {.end = UPSTREAM_BROKEN, .status = 200},
	{X_BROKEN, X_BROKEN, X_BROKEN}, false,
	{REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_TIMEOUT,
	    REASON_UPSTREAM_TIMEOUT},
	{502, 504, 504}},
    {"too large", {.end = UPSTREAM_TOO_LARGE, .status = 200},
	{X_BROKEN, X_FAIL, X_FAIL}, false,
	{REASON_OUTCOME_UNKNOWN, REASON_FAILED, REASON_FAILED},
	{502, 500, 500}},
    {"refused at too great a length",
	{.end = UPSTREAM_TOO_LARGE, .status = 422}, {X_FAIL, X_FAIL, X_FAIL},
	false, {REASON_FAILED, REASON_FAILED, REASON_FAILED}, {500, 500, 500}},
};

static struct job running(int attempt)
{
	return (struct job){.state = JOB_PROCESSING,
	    .attempt = attempt,
	    .claim = {1, 2, 3},
	    .sent = true,
	    .lease_boot = 1000};
}

static const struct outcome_now now = {
    .now_ms = 5000, .now_boot = 500, .random = 12345678901234567u};

/* Through job_step(), as a store would. */
static struct job ended(
    const struct api *api, struct job job, const struct outcome *o)
{
	if (o->not_executed) {
		struct job_event unsent =
		    outcome_event(JOB_EVENT_UNSENT, &job, 5000, 500);
		assert_int_equal(job_step(api, &job, &unsent, &job), ERR_OK);
	}
	assert_int_equal(job_step(api, &job, &o->event, &job), ERR_OK);
	return job;
}

static void one(const struct row *row, int kind)
{
	struct arena a = {0};
	struct outcome o;
	struct job job = running(1);

	outcome_of(&a, &apis[kind], &job, &row->answer, &now, &o);
	assert_int_equal(o.event.kind, row->kind[kind]);
	assert_int_equal(o.not_executed, row->not_executed);
	assert_int_equal(o.event.attempt, 1);
	assert_memory_equal(o.event.claim, job.claim, JOB_CLAIM_BYTES);
	if (o.event.kind == JOB_EVENT_RETRY) {
		job = ended(&apis[kind], job, &o);
		assert_int_equal(job.state, JOB_PENDING);
		assert_true(job.not_before_boot >= now.now_boot);
	}
	job = running(3);
	outcome_of(&a, &apis[kind], &job, &row->answer, &now, &o);
	job = ended(&apis[kind], job, &o);
	assert_true(job_is_terminal(job.state));
	assert_int_equal(job.reason, row->last_reason[kind]);
	assert_int_equal(job.status, row->last_status[kind]);
	arena_release(&a);
}

static void every_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int kind = 0; kind < KINDS; kind++) {
			print_message("# %s, kind %d\n", rows[i].name, kind);
			one(&rows[i], kind);
		}
	}
}

/* What must not be repeated never goes back to pending once it was sent. */
static void never_twice(void **state)
{
	struct arena a = {0};

	(void)state;
	for (int status = 100; status < 1000; status++) {
		struct upstream_answer answer = {.end = UPSTREAM_ANSWER,
		    .status = status,
		    .has_retry_after = status % 2 == 0};
		struct outcome o;
		struct job job = running(1);

		outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
		job = ended(&apis[FAIL], job, &o);
		assert_int_equal(job.state == JOB_PENDING, status == 429);
		assert_int_equal(
		    job.state == JOB_COMPLETED, status >= 200 && status < 300);
	}
	arena_release(&a);
}

static void large_results(void **state)
{
	char bytes[101] = {0};
	struct upstream_answer answer = {
	    .end = UPSTREAM_ANSWER, .status = 200, .body = {bytes, 100}};
	struct job job = running(1);
	struct arena a = {0};
	struct outcome o;

	(void)state;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_COMPLETE);
	assert_int_equal(o.result.body.n, 100);
	answer.body.n = 101;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_BROKEN);
	assert_int_equal(o.result.body.n, 0);
	arena_release(&a);
}

static void retry_after(void **state)
{
	struct upstream_answer answer = {.end = UPSTREAM_ANSWER,
	    .status = 429,
	    .has_retry_after = true,
	    .retry_after_ms = 7000};
	struct job job = running(1);
	struct arena a = {0};
	struct outcome o;

	(void)state;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.event.not_before_boot, now.now_boot + 7000);
	assert_int_equal(o.pause_boot, now.now_boot + 7000);
	assert_non_null(strstr(o.why, "no call of this API for 7 s"));
	answer.retry_after_ms = INT64_MAX;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(
	    o.event.not_before_boot, now.now_boot + RETRY_AFTER_MAX_MS);
	/* a date that has passed, and what libcurl makes of words */
	for (answer.retry_after_ms = -7000; answer.retry_after_ms <= 0;
	     answer.retry_after_ms += 7000) {
		outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
		assert_int_equal(o.event.kind, JOB_EVENT_RETRY);
		assert_int_equal(o.event.not_before_boot,
		    now.now_boot + outcome_backoff_ms(1, now.random));
		assert_int_equal(o.pause_boot, 0);
	}
	answer.has_retry_after = false;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.pause_boot, 0);
	arena_release(&a);
}

static void backoff(void **state)
{
	int64_t most[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(outcome_backoff_ms(i + 1, 0), 0);
		assert_int_equal(
		    outcome_backoff_ms(i + 1, (uint64_t)most[i]), most[i]);
		assert_int_equal(
		    outcome_backoff_ms(i + 1, (uint64_t)most[i] + 1), 0);
		assert_in_range(
		    outcome_backoff_ms(i + 1, UINT64_MAX), 0, most[i]);
	}
	assert_in_range(outcome_backoff_ms(1000000, UINT64_MAX), 0, 60000);
}

/* Where a credential of the client goes upstream a 401 asks for another. */
static void other_credentials(void **state)
{
	static struct str names[] = {STR_INIT("hmrc-access-token")},
			  secrets[] = {STR_INIT("password")};
	static struct pair of_client[] = {
	    {STR_INIT("Authorization"), STR_INIT("Bearer {header.up-token}")}};
	static struct pair of_ours[] = {
	    {STR_INIT("Authorization"), STR_INIT("Bearer {secret.key}")}};
	static const struct {
		struct api api;
		bool needs;
	} kinds[] = {
	    {{.forward = {names, 1}}, true},
	    {{.request_headers = {of_client, 1}}, true},
	    {{.body_secret = {secrets, 1}}, true},
	    {{.request_headers = {of_ours, 1}}, false},
	    {{.attempts = 1}, false},
	};
	struct upstream_answer answer = {
	    .end = UPSTREAM_ANSWER, .status = 401, .body = STR_INIT("no")};
	struct arena a = {0};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct api api = kinds[i].api;
		struct job job = running(1);

		api.attempts = 1; /* it burns none */
		outcome_of(&a, &api, &job, &answer, &now, &o);
		assert_int_equal(
		    o.event.kind, kinds[i].needs ? JOB_EVENT_NEED : X_FAIL);
		job = ended(&api, job, &o);
		assert_int_equal(job.needs, kinds[i].needs);
		assert_int_equal(
		    job.state, kinds[i].needs ? JOB_PENDING : JOB_FAILED);
		job = running(1);
		job.renewed = JOB_RENEWALS_MAX;
		job = ended(&api, job, &o);
		assert_int_equal(job.state, JOB_FAILED);
		assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
		assert_int_equal(job.status, 401);
		/* other refusals are what they were */
		answer.status = 403;
		outcome_of(&a, &api, &job, &answer, &now, &o);
		assert_int_equal(o.event.kind, X_FAIL);
		answer.status = 401;
	}
	arena_release(&a);
}

static void echoes(void **state)
{
	struct job job = running(1);
	struct outcome o;

	(void)state;
	outcome_echo(&job, STR("text/x"), STR("as it came"), &now, &o);
	assert_true(str_is(o.result.body, "as it came"));
	assert_true(str_is(o.result.content_type, "text/x"));
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.state, JOB_COMPLETED);
	assert_int_equal(job.status, 200);
	job = running(1);
	outcome_echo(&job, STR(""), STR(""), &now, &o);
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.status, 204);
}

/* Releases are no attempts: a drained worker burns none. */
static void released_ones_do_not_count(void **state)
{
	struct upstream_answer answer = {.end = UPSTREAM_UNSENT};
	struct job job = running(5);
	struct arena a = {0};
	struct outcome o;

	(void)state;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_FAIL);
	job.released = 3;
	outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_RETRY);
	arena_release(&a);
}

static void unusable(void **state)
{
	struct job job = running(1);
	struct outcome o;

	(void)state;
	outcome_unusable(&job, STR("no vrn"), &now, &o);
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.status, 500);
	assert_false(job.sent);
	assert_true(str_is(o.result.message, "no vrn"));
}

/* ---- programs ----------------------------------------------------------- */

static struct str program[] = {STR_INIT("export")};

static void programs(void **state)
{
	static const struct {
		struct upstream_answer answer;
		enum job_event_kind kind;
		bool not_executed;
		enum job_reason last_reason;
		int last_status;
		const char *message;
	} ends[] = {
	    {{.end = UPSTREAM_ANSWER, .body = STR_INIT("{}")}, X_COMPLETE,
		false, REASON_NONE, 200, ""},
	    {{.end = UPSTREAM_ANSWER}, X_COMPLETE, false, REASON_NONE, 204, ""},
	    {{.end = UPSTREAM_ANSWER, .body = STR_INIT("{")}, X_FAIL, false,
		REASON_FAILED, 500, "The program's output is not JSON."},
	    {{.end = UPSTREAM_AGAIN, .exit_status = 75}, X_RETRY, true,
		REASON_FAILED, 500,
		"The program could not do it, as often as it was tried."},
	    {{.end = UPSTREAM_FAILED, .exit_status = 3}, X_FAIL, false,
		REASON_FAILED, 500, "The program failed."},
	    {{.end = UPSTREAM_BROKEN, .exit_status = 137}, X_BROKEN, false,
		REASON_OUTCOME_UNKNOWN, 502,
		"The program ended before its output was complete."},
	    {{.end = UPSTREAM_TIMEOUT}, X_BROKEN, false, REASON_OUTCOME_UNKNOWN,
		502, "The program did not end in time."},
	    {{.end = UPSTREAM_UNSENT}, X_RETRY, true, REASON_FAILED, 500,
		"The program could not be started."},
	    {{.end = UPSTREAM_TOO_LARGE}, X_BROKEN, false,
		REASON_OUTCOME_UNKNOWN, 502,
		"The program's output is larger than allowed."},
	};
	struct api api = apis[FAIL];

	(void)state;
	api.exec = (struct strs){program, 1};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct job job = running(1);
		struct arena a = {0};
		struct outcome o;

		print_message("# %zu\n", i);
		outcome_of(&a, &api, &job, &ends[i].answer, &now, &o);
		assert_int_equal(o.event.kind, ends[i].kind);
		assert_int_equal(o.not_executed, ends[i].not_executed);
		assert_true(str_is(o.result.message, ends[i].message));
		job = running(3);
		outcome_of(&a, &api, &job, &ends[i].answer, &now, &o);
		job = ended(&api, job, &o);
		assert_int_equal(job.reason, ends[i].last_reason);
		assert_int_equal(job.status, ends[i].last_status);
		arena_release(&a);
	}
}

/* Its exit status is the operator's; no client takes it for an upstream's. */
static void exit_statuses(void **state)
{
	struct upstream_answer answer = {.end = UPSTREAM_FAILED,
	    .exit_status = 3,
	    .body = STR_INIT("so far")};
	struct job job = running(1);
	struct api api = apis[FAIL];
	struct arena a = {0};
	struct outcome o;

	(void)state;
	api.exec = (struct strs){program, 1};
	outcome_of(&a, &api, &job, &answer, &now, &o);
	assert_int_equal(o.result.status, 0);
	assert_int_equal(o.result.headers.n, 1);
	assert_true(
	    str_is(o.result.headers.items[0].name, OUTCOME_EXIT_STATUS));
	assert_true(str_is(o.result.headers.items[0].value, "3"));
	assert_true(str_is(o.result.body, "so far"));
	arena_release(&a);
}

/* ---- what is declared ---------------------------------------------------- */

static void json_results(void **state)
{
	static const struct {
		const char *type, *body;
		int status;
		bool good;
	} results[] = {
	    {"application/json", "{\"a\":1}", 200, true},
	    {"application/json", "1", 201, true},
	    {"Application/JSON; charset=utf-8", "{", 200, false},
	    {"application/json", "<html>", 200, false},
	    {"application/json", "", 200, false},
	    {"application/json", "", 204, true},
	    {"application/json", "{\"secret\":1,\"secret\":2}", 200, false},
	    {"text/csv", "a;b", 200, true},
	    {"", "<html>", 200, true},
	};
	struct api api = apis[FAIL];

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct upstream_answer answer = {.end = UPSTREAM_ANSWER,
		    .status = results[i].status,
		    .content_type = STR_INIT("text/x"),
		    .body = str_of(results[i].body)};
		struct job job = running(1);
		struct arena a = {0};
		struct outcome o;

		print_message("# %zu\n", i);
		api.result_type = str_of(results[i].type);
		outcome_of(&a, &api, &job, &answer, &now, &o);
		assert_int_equal(
		    o.event.kind, results[i].good ? X_COMPLETE : X_FAIL);
		assert_true(str_is(o.result.body, results[i].body));
		if (!results[i].good) {
			assert_int_equal(o.event.reason, REASON_FAILED);
			assert_true(str_is(o.result.message,
			    "The upstream's answer is not JSON."));
			assert_non_null(strstr(o.why, "line 1, column "));
			assert_null(strstr(o.why, "secret"));
		}
		/* of a refusal nothing was declared */
		answer.status = 400;
		outcome_of(&a, &api, &job, &answer, &now, &o);
		assert_int_equal(o.event.reason, REASON_UPSTREAM_REFUSED);
		arena_release(&a);
	}
}

/* A bomb of brackets is told from JSON without falling into it. */
static void deep_results(void **state)
{
	static char brackets[1000000];
	struct upstream_answer answer = {.end = UPSTREAM_ANSWER,
	    .status = 200,
	    .body = {brackets, sizeof(brackets)}};
	struct job job = running(1);
	struct api api = apis[FAIL];
	struct arena a = {0};
	struct outcome o;

	(void)state;
	memset(brackets, '[', sizeof(brackets));
	api.result_max = sizeof(brackets);
	api.result_type = STR("application/json");
	outcome_of(&a, &api, &job, &answer, &now, &o);
	assert_int_equal(o.event.kind, X_FAIL);
	assert_true(a.used < 10000);
	arena_release(&a);
}

static void kept_headers(void **state)
{
	static struct pair items[] = {{STR_INIT("x-id"), STR_INIT("7")}};
	static const int statuses[] = {200, 422, 500};
	struct upstream_answer answer = {
	    .end = UPSTREAM_ANSWER, .headers = {items, 1}};
	struct job job = running(1);
	struct arena a = {0};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		answer.status = statuses[i];
		outcome_of(&a, &apis[FAIL], &job, &answer, &now, &o);
		assert_int_equal(o.result.headers.n, 1);
		assert_true(str_is(o.result.headers.items[0].value, "7"));
	}
	arena_release(&a);
}

/* ---- not now, not ever --------------------------------------------------- */

/* Asked to be cancelled, and surely not done: whatever is left of attempts. */
static void cancelled_and_not_done(void **state)
{
	static const struct upstream_answer answers[] = {
	    {.end = UPSTREAM_UNSENT},
	    {.end = UPSTREAM_AGAIN, .exit_status = 75},
	    {.end = UPSTREAM_ANSWER, .status = 429},
	};
	struct arena a = {0};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct job job = running(3);

		job.cancel_ms = 7;
		outcome_of(&a, &apis[FAIL], &job, &answers[i], &now, &o);
		job = ended(&apis[FAIL], job, &o);
		assert_int_equal(job.state, JOB_CANCELLED);
	}
	arena_release(&a);
}

static void unavailable(void **state)
{
	struct job job = running(1);
	struct outcome o;

	(void)state;
	outcome_unavailable(&apis[FAIL], &job, &now, &o);
	assert_true(o.not_executed);
	assert_int_equal(o.event.kind, JOB_EVENT_RETRY);
	assert_in_range(o.event.not_before_boot, now.now_boot,
	    now.now_boot + BACKOFF_BASE_MS);
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.state, JOB_PENDING);
	assert_false(job.sent);
	job = running(3);
	outcome_unavailable(&apis[FAIL], &job, &now, &o);
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_FAILED);
	assert_false(job.sent);
}

/* What an upstream has taken is never said to have been left undone. */
static void polled_ones(void **state)
{
	struct upstream_answer answer = {.end = UPSTREAM_ANSWER,
	    .status = 200,
	    .content_type = STR_INIT("application/json"),
	    .body = STR_INIT("{\"status\":\"failed\"}")};
	struct job job = running(3);
	struct outcome o;

	(void)state;
	job.polled = true;
	outcome_unusable(&job, STR("no"), &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_BROKEN);
	assert_false(o.not_executed);
	outcome_unavailable(&apis[FAIL], &job, &now, &o);
	assert_int_equal(o.event.kind, JOB_EVENT_BROKEN);
	assert_false(o.not_executed);
	outcome_failed_poll(&job, &answer, &now, &o);
	job = ended(&apis[FAIL], job, &o);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, POLL_FAILED_STATUS);
	assert_int_equal(o.result.status, POLL_FAILED_STATUS);
	assert_true(str_eq(o.result.body, answer.body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_answer),
	    cmocka_unit_test(never_twice),
	    cmocka_unit_test(large_results),
	    cmocka_unit_test(retry_after),
	    cmocka_unit_test(backoff),
	    cmocka_unit_test(released_ones_do_not_count),
	    cmocka_unit_test(unusable),
	    cmocka_unit_test(other_credentials),
	    cmocka_unit_test(echoes),
	    cmocka_unit_test(programs),
	    cmocka_unit_test(exit_statuses),
	    cmocka_unit_test(json_results),
	    cmocka_unit_test(deep_results),
	    cmocka_unit_test(kept_headers),
	    cmocka_unit_test(cancelled_and_not_done),
	    cmocka_unit_test(unavailable),
	    cmocka_unit_test(polled_ones),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
