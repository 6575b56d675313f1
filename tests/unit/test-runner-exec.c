#include "tests/unit/runner-world.h"

#include "cgi/outcome.h"
#include "cgi/secrets.h"

/*
 * Programs instead of upstreams, and whatever of ours a call needs that is not
 * there: each a named failure on the job, a line of the log that tells what to
 * do, and the queue goes on.
 */
static struct str program[] = {STR_INIT("export"), STR_INIT("--all")};

static void declare(struct world *w, size_t api)
{
	w->apis[api].exec = (struct strs){program, 2};
	w->apis[api].exec_stop_ms = 3000;
	w->apis[api].upstream = (struct str){0};
}

static struct job started(struct world *w, size_t api)
{
	declare(w, api);
	struct job job = accept(w, api, "input");
	settle(w, 0);
	return job;
}

static struct fake_call *last(struct world *w)
{
	struct fake_upstream *up = w->workers[0].up;

	assert_true(up->n > 0);
	return &up->calls[up->n - 1];
}

static void end_last(struct world *w, struct upstream_answer answer)
{
	fake_end(w->workers[0].up, w->workers[0].up->n - 1, answer);
	settle(w, 0);
}

static const struct upstream_answer printed = {.end = UPSTREAM_ANSWER,
					.body = STR_INIT("{\"rows\":3}")},
				    again = {.end = UPSTREAM_AGAIN,
					.exit_status = 75},
				    killed = {.end = UPSTREAM_BROKEN,
					.exit_status = 137,
					.why = "it was killed by signal 9"},
				    failed = {.end = UPSTREAM_FAILED,
					.exit_status = 3};

static void it_prints_its_result(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN);

	assert_true(last(w)->exec);
	assert_true(str_is(last(w)->body, "input"));
	end_last(w, printed);
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_COMPLETED);
	assert_int_equal(job.status, 200);
	assert_true(
	    str_is(result(w, RETURN, &job).content_type, "application/json"));
	assert_true(str_is(result(w, RETURN, &job).body, "{\"rows\":3}"));
	job = started(w, RETURN);
	end_last(w, (struct upstream_answer){.end = UPSTREAM_ANSWER});
	assert_int_equal(row(w, RETURN, &job).status, 204);
	assert_int_equal(
	    metric(w, "lowtide_worker_claims_total{api=\"return\"} "), 2);
	assert_int_equal(
	    metric(w, "lowtide_worker_attempts_total{api=\"return\",became="
		      "\"completed\"} "),
	    2);
}

static void it_prints_anything_else(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN), next = accept(w, RETURN, "");

	end_last(w, (struct upstream_answer){.end = UPSTREAM_ANSWER,
			.body = STR("rows: 3, secret: hunter2")});
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_FAILED);
	assert_true(str_is(result(w, RETURN, &job).message,
	    "The program's output is not JSON."));
	assert_int_equal(said(w, "on it is none; see `lowtide-jobs show"), 1);
	assert_int_equal(said(w, "hunter2"), 0);
	assert_int_equal(row(w, RETURN, &next).state, JOB_PROCESSING);
	/* declared as something else it is as good as anything */
	w->apis[RETURN].result_type = STR("text/plain");
	end_last(w, (struct upstream_answer){
			.end = UPSTREAM_ANSWER, .body = STR("rows: 3")});
	assert_int_equal(row(w, RETURN, &next).state, JOB_COMPLETED);
	assert_true(
	    str_is(result(w, RETURN, &next).content_type, "text/plain"));
}

static void it_fails(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN);

	end_last(w, failed);
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_FAILED);
	assert_int_equal(job.status, 500);
	assert_int_equal(result(w, RETURN, &job).status, 0);
	assert_int_equal(said(w, "\"exitStatus\":3"), 1);
	assert_int_equal(w->workers[0].up->n, 1);
}

/* Exit 75: surely nothing was done, so also what is never repeated goes again,
 * a little later, as long as there are attempts. */
static void it_wants_to_be_run_again(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN);

	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(w->workers[0].up->n, i);
		end_last(w, again);
		assert_false(row(w, RETURN, &job).sent);
		pass(w, 0, BACKOFF_BASE_MS << i);
	}
	assert_int_equal(w->workers[0].up->n, 3);
	assert_int_equal(row(w, RETURN, &job).state, JOB_FAILED);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_FAILED);
}

/* ---- asked to end -------------------------------------------------------- */

static void cancelled(void **state)
{
	static const struct {
		struct upstream_answer end;
		enum job_state state;
		enum job_reason reason;
	} ends[] = {
	    {again, JOB_CANCELLED, REASON_NONE},
	    {printed, JOB_COMPLETED, REASON_NONE},
	    {failed, JOB_FAILED, REASON_FAILED},
	    {killed, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
	};
	struct world *w = *state;

	w->apis[RETURN].attempts = 1; /* it is cancelled all the same */
	for (size_t i = 0; i < 4; i++) {
		struct job job = started(w, RETURN);

		cancel(w, RETURN, &job);
		pass(w, 0, HEARTBEAT);
		assert_true(last(w)->stopped);
		assert_false(last(w)->aborted);
		last(w)->stopped = false;
		pass(w, 0, HEARTBEAT);
		assert_false(last(w)->stopped); /* once is enough */
		assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
		end_last(w, ends[i].end);
		assert_int_equal(row(w, RETURN, &job).state, ends[i].state);
		assert_int_equal(row(w, RETURN, &job).reason, ends[i].reason);
	}
}

static void overdue(void **state)
{
	static const struct {
		struct upstream_answer end;
		enum job_state state;
		enum job_reason reason;
	} ends[] = {
	    {again, JOB_FAILED, REASON_DEADLINE},
	    {printed, JOB_COMPLETED, REASON_NONE},
	    {failed, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
	    {killed, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
	};
	struct world *w = *state;

	for (size_t i = 0; i < 4; i++) {
		struct job job = started(w, RETURN);

		pass(w, 0, job.deadline_boot - w->boot - 1);
		assert_false(last(w)->stopped);
		pass(w, 0, 1);
		assert_true(last(w)->stopped);
		assert_true(w->workers[0].due > w->boot);
		pass(w, 0, 1000);
		end_last(w, ends[i].end);
		assert_int_equal(row(w, RETURN, &job).state, ends[i].state);
		assert_int_equal(row(w, RETURN, &job).reason, ends[i].reason);
	}
	assert_int_equal(w->workers[0].up->n, 4);
}

/* Its minder does not end it either: it is left, as unknown. */
static void it_never_ends(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN);

	pass(w, 0, job.deadline_boot - w->boot);
	pass(w, 0, 3000 + RUNNER_STOP_SLACK_MS - 1);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	pass(w, 0, 1);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	assert_true(last(w)->aborted);
}

static void a_drain_waits(void **state)
{
	struct world *w = *state;
	struct job job = started(w, RETURN);

	runner_drain(w->workers[0].runner, now(w));
	pass(w, 0, 10 * LEASE);
	assert_false(last(w)->stopped);
	assert_true(runner_is_busy(w->workers[0].runner));
	end_last(w, printed);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_false(runner_is_busy(w->workers[0].runner));
}

/* Its job is another's: it is asked to end, and told of. */
static void a_stray(void **state)
{
	struct world *w = *state;
	struct job job = started(w, PLAIN);

	hire(w, 1);
	w->boot += LEASE + 1;
	settle(w, 1);
	settle(w, 0);
	assert_true(last(w)->stopped);
	end_last(w, killed);
	assert_int_equal(said(w, "\"exitStatus\":137"), 1);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
	assert_int_equal(row(w, PLAIN, &job).attempt, 2);
}

/* ---- what is not there --------------------------------------------------- */

/* Three times, each a line that says what to do; then the next one. */
static void tries(struct world *w, size_t api, const char *event)
{
	struct job job = accept(w, api, "");

	settle(w, 0);
	assert_int_equal(said(w, event), 1);
	assert_int_equal(row(w, api, &job).state, JOB_PENDING);
	for (int i = 0; i < 3; i++) {
		assert_false(row(w, api, &job).sent);
		assert_true(!w->workers[0].due || w->workers[0].due > w->boot);
		pass(w, 0, BACKOFF_BASE_MS << i);
	}
	job = row(w, api, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_FAILED);
	assert_int_equal(job.attempt, 3);
	assert_true(result(w, api, &job).message.n > 0);
	assert_int_equal(said(w, event), 3);
	assert_int_equal(w->workers[0].up->n, 0);
}

static void no_such_program(void **state)
{
	static struct str outside[] = {STR_INIT("../sh")};
	struct world *w = *state;

	declare(w, RETURN);
	w->apis[RETURN].exec.items = outside;
	tries(w, RETURN, "handler-unavailable");
}

static void a_program_that_cannot_be_started(void **state)
{
	static const struct upstream_answer unsent = {
	    .end = UPSTREAM_UNSENT, .why = "there is no such file"};
	struct world *w = *state;
	struct job job = started(w, RETURN);

	for (int i = 0; i < 3; i++) {
		end_last(w, unsent);
		assert_int_equal(said(w, "handler-unavailable"), i + 1);
		pass(w, 0, BACKOFF_BASE_MS << (i + 1));
	}
	job = row(w, RETURN, &job);
	assert_int_equal(job.reason, REASON_FAILED);
	assert_true(str_is(result(w, RETURN, &job).message,
	    "The program could not be started."));
	assert_int_equal(w->workers[0].up->n, 3);
}

static void a_secret_that_cannot_be_had(void **state)
{
	static struct secret known[] = {
	    {.name = STR_INIT("key"), .env = STR_INIT("RUNNER_TEST_KEY")}};
	static struct pair headers[] = {
	    {STR_INIT("Authorization"), STR_INIT("Bearer {secret.key}")}};
	struct world *w = *state;
	const struct config config = {.secrets = known, .n_secrets = 1};
	struct secrets *secrets = secrets_new(&config);

	/* a worker that knows of secrets */
	fire(w, 0);
	w->secrets = secrets;
	hire(w, 0);
	unsetenv("RUNNER_TEST_KEY");
	w->apis[RETURN].request_headers = (struct pairs){headers, 1};
	tries(w, RETURN, "secret-unavailable");
	assert_true(said(w, "RUNNER_TEST_KEY") >= 3); /* which one */
	/* no client is told which */
	struct job job = accept(w, RETURN, "");
	settle(w, 0);
	setenv("RUNNER_TEST_KEY", "hunter2", 1);
	pass(w, 0, BACKOFF_BASE_MS);
	assert_int_equal(w->workers[0].up->n, 1); /* mended, it goes on */
	end_last(w, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(said(w, "hunter2"), 0);
	unsetenv("RUNNER_TEST_KEY");
	fire(w, 0);
	secrets_free(secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(it_prints_its_result),
	    CASE(it_prints_anything_else),
	    CASE(it_fails),
	    CASE(it_wants_to_be_run_again),
	    CASE(cancelled),
	    CASE(overdue),
	    CASE(it_never_ends),
	    CASE(a_drain_waits),
	    CASE(a_stray),
	    CASE(no_such_program),
	    CASE(a_program_that_cannot_be_started),
	    CASE(a_secret_that_cannot_be_had),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-exec", tests, NULL, NULL);
}
