#include "tests/unit/runner-world.h"

/*
 * What becomes of jobs while calls are answered, workers die and time passes.
 */
static void one_job(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, BUNDLE, "hello");
	struct fake_upstream *up = w->workers[0].up;
	char id[IDS_TEXT + 1], url[128];

	settle(w, 0);
	struct job running = row(w, BUNDLE, &job);
	assert_int_equal(running.state, JOB_PROCESSING);
	assert_true(running.sent);
	assert_int_equal(running.lease_boot, w->boot + LEASE);
	assert_int_equal(up->n, 1);
	ids_write(job.id, id);
	strcpy(url, "https://up.example/x/");
	strcat(url, id);
	assert_string_equal(up->calls[0].url, url);
	assert_string_equal(up->calls[0].method, "PUT");
	assert_true(str_is(up->calls[0].body, "hello"));
	fake_end(up, 0, created);
	settle(w, 0);
	struct job ended = row(w, BUNDLE, &job);
	assert_int_equal(ended.state, JOB_COMPLETED);
	assert_int_equal(ended.status, 201);
	assert_int_equal(ended.attempt, 1);
	struct envelope_result got = result(w, BUNDLE, &job);
	assert_true(str_is(got.body, "done"));
	assert_true(str_is(got.location, "/b/1"));
	assert_true(str_is(got.content_type, "text/x"));
	assert_false(runner_is_busy(w->workers[0].runner));
}

static void nothing_to_do_is_no_time(void **state)
{
	struct world *w = *state;

	settle(w, 0);
	assert_int_equal(w->workers[0].due, 0);
	runner_ring(w->workers[0].runner, now(w));
	settle(w, 0);
	assert_int_equal(w->workers[0].due, w->boot + RUNNER_RECHECK_MS);
	w->boot += RUNNER_RECHECK_MS;
	settle(w, 0);
	assert_int_equal(w->workers[0].due, 0);
	commits = 0;
	w->boot += 3600000;
	settle(w, 0);
	assert_int_equal(commits, 0);
	assert_int_equal(w->workers[0].due, 0);
}

static void one_commit_per_job(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 50; i++)
		accept(w, PLAIN, "");
	settle(w, 0);
	commits = 0;
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(w->workers[0].up->n, i + 1);
		fake_end(w->workers[0].up, i, created);
		settle(w, 0);
	}
	assert_int_equal(commits, 50);
	assert_int_equal(w->workers[0].up->n, 50);
}

/* An answer when nothing else is queued costs one commit as well. */
static void the_last_one(void **state)
{
	struct world *w = *state;

	accept(w, PLAIN, "");
	settle(w, 0);
	commits = 0;
	fake_end(w->workers[0].up, 0, created);
	settle(w, 0);
	step(w, 0);
	step(w, 0);
	assert_int_equal(commits, 1);
}

/* More than may be called at once: each end lets one more in. */
static void a_full_house(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;

	w->apis[PLAIN].concurrency = 2 * RUNNER_CALLS_MAX;
	for (int i = 0; i < RUNNER_CALLS_MAX + 10; i++)
		accept(w, PLAIN, "");
	settle(w, 0);
	assert_int_equal(up->n, RUNNER_CALLS_MAX);
	for (size_t i = 0; i < 10; i++) {
		fake_end(up, i, created);
		settle(w, 0);
		assert_int_equal(up->n, RUNNER_CALLS_MAX + i + 1);
	}
}

static void no_more_than_allowed(void **state)
{
	struct world *w = *state;

	hire(w, 1);
	w->apis[PLAIN].concurrency = 3;
	for (int i = 0; i < 8; i++)
		accept(w, PLAIN, "");
	settle(w, 0);
	settle(w, 1);
	assert_int_equal(w->workers[0].up->n + w->workers[1].up->n, 3);
	fake_end(w->workers[0].up, 0, created);
	settle(w, 0);
	settle(w, 1);
	assert_int_equal(w->workers[0].up->n + w->workers[1].up->n, 4);
}

static void silence_must_not_be_repeated(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	fake_end(w->workers[0].up, 0,
	    (struct upstream_answer){.end = UPSTREAM_BROKEN});
	pass(w, 0, 120000);
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(job.status, 502);
	assert_int_equal(w->workers[0].up->n, 1);
	assert_int_equal(result(w, RETURN, &job).status, 0);
}

static void silence_may_be_repeated(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");

	settle(w, 0);
	fake_end(w->workers[0].up, 0,
	    (struct upstream_answer){.end = UPSTREAM_TIMEOUT});
	pass(w, 0, 2000);
	assert_int_equal(w->workers[0].up->n, 2);
	fake_end(w->workers[0].up, 1, created);
	settle(w, 0);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_COMPLETED);
	assert_int_equal(row(w, PLAIN, &job).attempt, 2);
}

static void a_worker_dies(void **state)
{
	struct world *w = *state;
	struct job once = accept(w, RETURN, "");
	struct job again = accept(w, PLAIN, "");

	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 2);
	fire(w, 0);
	hire(w, 1);
	settle(w, 1);
	assert_int_equal(w->workers[1].due, w->boot + RUNNER_BEAT_MS);
	pass(w, 1, LEASE - 1);
	assert_int_equal(w->workers[1].up->n, 0);
	pass(w, 1, 1);
	assert_int_equal(row(w, RETURN, &once).reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(w->workers[1].up->n, 1);
	assert_int_equal(row(w, PLAIN, &again).attempt, 2);
}

static void heartbeats_keep_the_lease(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	for (int i = 0; i < 12; i++) {
		pass(w, 0, HEARTBEAT);
		settle(w, 1);
	}
	assert_int_equal(w->workers[1].up->n, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	fake_end(w->workers[0].up, 0, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* It wakes with an answer in hand, but the job is another's by now. */
static void a_worker_sleeps_too_long(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");

	hire(w, 1);
	settle(w, 0);
	w->boot += LEASE + 1;
	settle(w, 1);
	assert_int_equal(w->workers[1].up->n, 1);
	fake_end(w->workers[0].up, 0, created);
	settle(w, 0);
	assert_false(w->workers[0].up->calls[0].aborted); /* but told */
	assert_int_equal(said(w, "\"event\":\"job-lost\""), 2);
	assert_int_equal(said(w, "\"upstreamStatus\":201"), 1);
	assert_false(runner_is_busy(w->workers[0].runner));
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
	assert_int_equal(row(w, PLAIN, &job).attempt, 2);
	fake_end(w->workers[1].up, 0, created);
	settle(w, 1);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_COMPLETED);
}

/*
 * Between the claim and the call there is a commit, and that may take longer
 * than the lease: it is renewed first, and if it is another's, nothing leaves.
 */
static void a_commit_takes_too_long(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 1); /* takes it */
	fake_end(w->workers[1].up, 0, created);
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	job = accept(w, RETURN, "");
	stall_ms = LEASE / 2 + 1;
	step(w, 0);
	assert_true(row(w, RETURN, &job).sent);
	assert_int_equal(up->n, 0);
	assert_true(w->workers[0].due <= w->boot);
	step(w, 0);
	assert_int_equal(up->n, 1);
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	fake_end(up, 0, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	job = accept(w, RETURN, "");
	stall_ms = LEASE + 1;
	step(w, 0);
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	settle(w, 0);
	assert_int_equal(up->n, 1);
	assert_false(runner_is_busy(w->workers[0].runner));
	/* the renewal itself may take as long */
	job = accept(w, RETURN, "");
	stall_ms = LEASE / 2 + 1;
	step(w, 0);
	stall_ms = LEASE / 2 + 1;
	step(w, 0);
	assert_int_equal(up->n, 1);
	step(w, 0);
	assert_int_equal(up->n, 2);
}

/*
 * Its worker looked at the clock, and was then kept from running until the
 * lease was over: the connection did not let it out. It is as if it had never
 * been called: renewed first, no attempt of it burnt, and another's if it is.
 */
static void a_call_is_not_let_out(void **state)
{
	static const struct upstream_answer unsent = {.end = UPSTREAM_UNSENT};
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	assert_ptr_not_equal(up->calls[0].leave_by_boot, NULL);
	w->boot += HEARTBEAT;
	settle(w, 0);
	assert_int_equal(
	    *up->calls[0].leave_by_boot, row(w, RETURN, &job).lease_boot);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(up->n, i + 1);
		fake_end(up, i, unsent);
		w->boot += HEARTBEAT;
		stall_ms = LEASE + 1; /* between that look and the answers */
		step(w, 0);
		assert_int_equal(up->n, i + 1);
		assert_true(w->workers[0].due <= w->boot);
		if (i == 0)
			step(w, 0);
		assert_int_equal(row(w, RETURN, &job).attempt, 1);
		assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	}
	hire(w, 1);
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	settle(w, 0);
	assert_int_equal(up->n, 2);
	assert_false(runner_is_busy(w->workers[0].runner));
}

static void late_calls_are_given_back(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	stall_ms = LEASE / 2 + 1;
	step(w, 0);
	runner_drain(w->workers[0].runner, now(w));
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PENDING);
	assert_int_equal(row(w, RETURN, &job).released, 1);
	assert_int_equal(w->workers[0].up->n, 0);
	assert_false(runner_is_busy(w->workers[0].runner));
}

/* The whole machine slept: who wakes first lets the other one renew. */
static void all_sleep_too_long(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	w->boot += RUNNER_RECHECK_MS;
	settle(w, 1);
	w->boot += 3 * LEASE;
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	settle(w, 0);
	pass(w, 1, HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	/* and if there is no other one any more, a heartbeat later it is over
	 */
	w->boot += 3 * LEASE;
	settle(w, 1);
	fire(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	pass(w, 1, HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
}

/* A Location made of the answer, larger than anything the store takes. */
static void an_answer_blows_up(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");
	const int n = 6 * 1024 * 1024;

	w->apis[PLAIN].location = STR("/b/{result.id}");
	settle(w, 0);
	answer(w, &job,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER,
		.status = 201,
		.body = arena_printf(&w->arena, "{\"id\":\"%*s\"}", n, "")});
	settle(w, 0);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_COMPLETED);
	assert_int_equal(result(w, PLAIN, &job).location.n, 0);
}

static void too_many_requests(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, ""), next = accept(w, RETURN, "");
	struct job other = accept(w, BUNDLE, "");

	settle(w, 0);
	answer(w, &job,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER,
		.status = 429,
		.has_retry_after = true,
		.retry_after_ms = 7000});
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PENDING);
	assert_false(row(w, RETURN, &job).sent);
	/* the API rests, not only this job; the other API goes on */
	assert_int_equal(row(w, RETURN, &next).state, JOB_PENDING);
	assert_int_equal(row(w, BUNDLE, &other).state, JOB_PROCESSING);
	pass(w, 0, 6999);
	assert_int_equal(w->workers[0].up->n, 2);
	pass(w, 0, 1);
	assert_int_equal(w->workers[0].up->n, 3);
}

static void a_drain(void **state)
{
	struct world *w = *state;
	struct job sent = accept(w, RETURN, ""), unsent = accept(w, BUNDLE, "");
	struct job queued = accept(w, RETURN, "");
	struct runner *r = w->workers[0].runner;

	settle(w, 0);
	call(w, &unsent)->unsent = true;
	runner_drain(r, now(w));
	settle(w, 0);
	assert_int_equal(row(w, BUNDLE, &unsent).state, JOB_PENDING);
	assert_int_equal(row(w, BUNDLE, &unsent).released, 1);
	assert_true(call(w, &unsent)->aborted);
	assert_true(runner_is_busy(r));
	pass(w, 0, 4 * LEASE);
	assert_int_equal(row(w, RETURN, &sent).state, JOB_PROCESSING);
	answer(w, &sent, created);
	settle(w, 0);
	assert_false(runner_is_busy(r));
	assert_int_equal(row(w, RETURN, &sent).state, JOB_COMPLETED);
	assert_int_equal(row(w, RETURN, &queued).state, JOB_PENDING);
	assert_int_equal(w->workers[0].up->n, 2);
	assert_int_equal(w->workers[0].due, 0);
}

static void the_store_fails(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, ""), next = accept(w, RETURN, "");

	begins_to_fail = 3;
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 0);
	pass(w, 0, 3 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(w->workers[0].up->n, 1);
	fake_end(w->workers[0].up, 0, created);
	begins_to_fail = 10;
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	pass(w, 0, 10 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(row(w, RETURN, &next).state, JOB_PROCESSING);
	assert_int_equal(w->workers[0].up->n, 2);
}

/* What it could not claim does not keep it awake once it is to end. */
static void the_store_fails_before_the_drain(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	accept(w, PLAIN, "");
	begins_to_fail = 1;
	step(w, 0);
	runner_drain(w->workers[0].runner, now(w));
	w->boot += RUNNER_STORE_RETRY_MS;
	step(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	assert_true(w->workers[0].due > w->boot);
}

static void deadlines(void **state)
{
	struct world *w = *state;
	struct job sent = accept(w, RETURN, ""), known = accept(w, BUNDLE, "");
	struct job unsent = accept(w, PLAIN, "");

	settle(w, 0);
	call(w, &unsent)->unsent = true;
	pass(w, 0, 899990);
	assert_int_equal(row(w, RETURN, &sent).state, JOB_PROCESSING);
	pass(w, 0, 10);
	assert_int_equal(row(w, RETURN, &sent).reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(row(w, BUNDLE, &known).reason, REASON_DEADLINE);
	assert_int_equal(row(w, PLAIN, &unsent).reason, REASON_DEADLINE);
	assert_int_equal(w->workers[0].up->n, 3);
	assert_true(call(w, &sent)->aborted);
}

/* A day forward, a day back: what runs goes on, and ends when it should. */
static void a_step_of_the_wall_clock(void **state)
{
	static const int64_t steps[] = {86400000, -86400000, 0};
	struct world *w = *state;
	struct job running = accept(w, BUNDLE, "");
	struct job queued = accept(w, BUNDLE, "");

	settle(w, 0);
	for (size_t i = 0; i < 3; i++) {
		w->step = steps[i];
		pass(w, 0, 100000);
		assert_int_equal(
		    row(w, BUNDLE, &running).state, JOB_PROCESSING);
		assert_int_equal(row(w, BUNDLE, &queued).state, JOB_PENDING);
		assert_true(w->workers[0].due <= w->boot + HEARTBEAT);
	}
	answer(w, &running, created);
	settle(w, 0);
	assert_int_equal(row(w, BUNDLE, &running).state, JOB_COMPLETED);
	assert_int_equal(row(w, BUNDLE, &queued).state, JOB_PROCESSING);
	for (size_t i = 0; i < 2; i++) {
		w->step = steps[1 - i];
		pass(w, 0, 299990);
		assert_int_equal(row(w, BUNDLE, &queued).state, JOB_PROCESSING);
	}
	pass(w, 0, 20);
	assert_int_equal(row(w, BUNDLE, &queued).reason, REASON_DEADLINE);
	assert_int_equal(w->workers[0].up->n, 2);
}

/* A queue behind a paused or a full API is looked after as well. */
static void deadlines_in_a_queue(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	struct job full = accept(w, BUNDLE, "");
	deadline_ms = 5000;
	struct job behind = accept(w, BUNDLE, "");
	settle(w, 0);
	answer(w, &job,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER,
		.status = 429,
		.has_retry_after = true,
		.retry_after_ms = 3600000});
	settle(w, 0);
	pass(w, 0, 5000 + HEARTBEAT);
	assert_int_equal(row(w, BUNDLE, &full).state, JOB_PROCESSING);
	assert_int_equal(row(w, BUNDLE, &behind).reason, REASON_DEADLINE);
	pass(w, 0, 900000 + HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_DEADLINE);
}

static void cancelling(void **state)
{
	struct world *w = *state;
	struct job sent = accept(w, RETURN, ""), unsent = accept(w, PLAIN, "");
	struct job queued = accept(w, RETURN, "");

	settle(w, 0);
	call(w, &unsent)->unsent = true;
	cancel(w, RETURN, &sent);
	cancel(w, PLAIN, &unsent);
	cancel(w, RETURN, &queued);
	pass(w, 0, HEARTBEAT);
	assert_int_equal(row(w, PLAIN, &unsent).state, JOB_CANCELLED);
	assert_int_equal(row(w, RETURN, &queued).state, JOB_CANCELLED);
	assert_int_equal(row(w, RETURN, &sent).state, JOB_PROCESSING);
	answer(w, &sent, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &sent).state, JOB_COMPLETED);
	assert_int_equal(w->workers[0].up->n, 2);
}

static void what_cannot_be_called(void **state)
{
	struct world *w = *state;

	w->apis[RETURN].request_path = STR("/o/{body.vrn}");
	struct job bad = accept(w, RETURN, "{\"x\":1}");
	struct job good = accept(w, RETURN, "{\"vrn\":1}");
	settle(w, 0);
	bad = row(w, RETURN, &bad);
	assert_int_equal(bad.state, JOB_FAILED);
	assert_int_equal(bad.status, 500);
	assert_false(bad.sent);
	assert_true(str_is(result(w, RETURN, &bad).message,
	    "the request path needs {body.vrn}, which is missing"));
	assert_int_equal(row(w, RETURN, &good).state, JOB_PROCESSING);
	assert_int_equal(w->workers[0].up->n, 1);
}

static int64_t seen(struct world *w)
{
	int64_t at;

	OK(store_view(w->store));
	OK(store_flagged(w->store, STORE_NOTE_WORKER, &at));
	store_unview(w->store);
	return at;
}

/*
 * While there is anything to wait for, somebody can see that we do; when there
 * is not, we do not wake for that.
 */
static void somebody_is_there(void **state)
{
	struct world *w = *state;
	struct upstream_answer busy = {.end = UPSTREAM_ANSWER,
	    .status = 429,
	    .has_retry_after = true,
	    .retry_after_ms = 500000};

	accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(seen(w), now(w).now_ms);
	for (int i = 0; i < 10; i++) { /* it runs */
		pass(w, 0, RUNNER_BEAT_MS);
		assert_in_range(now(w).now_ms - seen(w), 0, RUNNER_BEAT_MS);
	}
	fake_end(w->workers[0].up, 0, busy);
	settle(w, 0);
	for (int i = 0; i < 10; i++) { /* nobody may run it */
		pass(w, 0, RUNNER_BEAT_MS);
		assert_in_range(now(w).now_ms - seen(w), 0, RUNNER_BEAT_MS);
	}
	pass(w, 0, 500000);
	assert_int_equal(w->workers[0].up->n, 2);
	fake_end(w->workers[0].up, 1, created);
	settle(w, 0);
	pass(w, 0, RUNNER_RECHECK_MS + deadline_ms); /* what was heard of */
	int64_t last = seen(w);
	assert_int_equal(w->workers[0].due, 0);
	commits = 0;
	pass(w, 0, 24 * 3600000);
	assert_int_equal(commits, 0);
	assert_int_equal(seen(w), last);
}

/* A store that fails is told of once, and the note comes when it works. */
static void somebody_cannot_say_so(void **state)
{
	struct world *w = *state;

	accept(w, RETURN, "");
	settle(w, 0);
	commits_to_fail = 5;
	pass(w, 0, 60000);
	assert_int_equal(commits_to_fail, 0);
	assert_in_range(now(w).now_ms - seen(w), 0, RUNNER_BEAT_MS);
}

/* Another credential of its own and it goes on; a fourth is too many. */
static void other_credentials(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct upstream_answer no = {.end = UPSTREAM_ANSWER,
	    .status = 401,
	    .content_type = STR_INIT("text/x"),
	    .body = STR_INIT("no")};
	static struct str names[] = {STR_INIT("up-token")};

	w->apis[RETURN].forward = (struct strs){names, 1};
	struct job job = accept(w, RETURN, "first");
	settle(w, 0);
	for (int i = 0; i <= JOB_RENEWALS_MAX; i++) {
		struct job next = accept(w, RETURN, "next");
		size_t calls = up->n;

		assert_int_equal(calls, 2 * i + 1);
		fake_end(up, calls - 1, no);
		settle(w, 0); /* who is behind it goes on */
		assert_int_equal(up->n, calls + 1);
		job = row(w, RETURN, &job);
		if (i == JOB_RENEWALS_MAX)
			break;
		assert_int_equal(job.state, JOB_PENDING);
		assert_true(job.needs);
		assert_false(job.sent);
		assert_int_equal(said(w, "job-needs-credentials"), i + 1);
		fake_end(up, calls, created);
		pass(w, 0, 60000); /* it is not called by itself */
		assert_int_equal(up->n, calls + 1);
		assert_int_equal(row(w, RETURN, &next).state, JOB_COMPLETED);
		renew(w, RETURN, &job, "renewed");
		settle(w, 0);
		assert_true(str_is(up->calls[up->n - 1].body, "renewed"));
	}
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, 401);
	assert_true(str_is(result(w, RETURN, &job).body, "no"));
}

/* Nobody comes with another: its deadline ends it, and it was never done. */
static void needing_until_the_deadline(void **state)
{
	struct world *w = *state;
	static struct str names[] = {STR_INIT("up-token")};

	w->apis[RETURN].forward = (struct strs){names, 1};
	struct job job = accept(w, RETURN, "first");
	settle(w, 0);
	fake_end(w->workers[0].up, 0,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER, .status = 401});
	pass(w, 0, deadline_ms + 1000);
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_DEADLINE);
	assert_false(job.needs);
	assert_int_equal(w->workers[0].up->n, 1);
}

/* No upstream is asked, and it costs what a call costs: one commit. */
static void noop(void **state)
{
	struct world *w = *state;
	struct job jobs[10];

	w->apis[PLAIN].noop = true;
	w->apis[PLAIN].upstream = (struct str){0};
	w->apis[PLAIN].body_type = STR("text/plain");
	for (int i = 0; i < 10; i++)
		jobs[i] = accept(w, PLAIN, i % 2 ? "echo" : "");
	settle(w, 0);
	assert_int_equal(commits, 11);
	assert_int_equal(w->workers[0].up->n, 0);
	for (int i = 0; i < 10; i++) {
		struct job at = row(w, PLAIN, &jobs[i]);

		assert_int_equal(at.state, JOB_COMPLETED);
		assert_int_equal(at.status, i % 2 ? 200 : 204);
		struct envelope_result got = result(w, PLAIN, &jobs[i]);
		assert_true(str_is(got.body, i % 2 ? "echo" : ""));
		assert_true(str_is(got.content_type, "text/plain"));
	}
}

static void a_poison_job(void **state)
{
	struct world *w = *state;
	struct job poison = accept(w, PLAIN, ""), next = accept(w, PLAIN, "");

	for (int i = 0; i < 3; i++) {
		settle(w, 0);
		fire(w, 0);
		hire(w, 0);
		pass(w, 0, 1);
		w->boot += LEASE;
	}
	settle(w, 0);
	assert_int_equal(row(w, PLAIN, &poison).state, JOB_FAILED);
	assert_int_equal(row(w, PLAIN, &poison).attempt, 3);
	assert_int_equal(row(w, PLAIN, &next).state, JOB_PROCESSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(one_job),
	    CASE(nothing_to_do_is_no_time),
	    CASE(one_commit_per_job),
	    CASE(the_last_one),
	    CASE(a_full_house),
	    CASE(no_more_than_allowed),
	    CASE(silence_must_not_be_repeated),
	    CASE(silence_may_be_repeated),
	    CASE(a_worker_dies),
	    CASE(heartbeats_keep_the_lease),
	    CASE(a_worker_sleeps_too_long),
	    CASE(a_commit_takes_too_long),
	    CASE(a_call_is_not_let_out),
	    CASE(late_calls_are_given_back),
	    CASE(all_sleep_too_long),
	    CASE(an_answer_blows_up),
	    CASE(too_many_requests),
	    CASE(a_drain),
	    CASE(the_store_fails),
	    CASE(the_store_fails_before_the_drain),
	    CASE(deadlines),
	    CASE(a_step_of_the_wall_clock),
	    CASE(deadlines_in_a_queue),
	    CASE(cancelling),
	    CASE(what_cannot_be_called),
	    CASE(somebody_is_there),
	    CASE(somebody_cannot_say_so),
	    CASE(other_credentials),
	    CASE(needing_until_the_deadline),
	    CASE(noop),
	    CASE(a_poison_job),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
