#include "tests/unit/runner-world.h"

#include "cgi/poll.h"

/*
 * An upstream that answers 202 is asked again until it is done (contract 7).
 * What is counted is what it saw: the job itself arrives once, whatever becomes
 * of the worker, and is asked about at the pace that it named.
 */
#define PLACE "https://up.example/ops/7"

static const struct upstream_answer taken = {
    .end = UPSTREAM_ANSWER, .status = 202, .location = STR_INIT("/ops/7")};

static struct upstream_answer says(int status, const char *body)
{
	return (struct upstream_answer){.end = UPSTREAM_ANSWER,
	    .status = status,
	    .content_type = STR("application/json"),
	    .body = str_of(body)};
}

static size_t puts_of(const struct world *w)
{
	size_t n = 0;

	for (int i = 0; i < 2; i++)
		for (size_t k = 0; w->workers[i].up && k < w->workers[i].up->n;
		     k++)
			n += strcmp(w->workers[i].up->calls[k].method, "PUT") ==
			     0;
	return n;
}

static size_t calls(const struct world *w, int i)
{
	return w->workers[i].up->n;
}

/* The newest call of this worker ends so, and it takes the answer. */
static void end_last(struct world *w, int i, struct upstream_answer answer)
{
	fake_end(w->workers[i].up, calls(w, i) - 1, answer);
	settle(w, i);
}

static const struct fake_call *last(const struct world *w, int i)
{
	return &w->workers[i].up->calls[calls(w, i) - 1];
}

static struct job begun(struct world *w, size_t api)
{
	struct job job = accept(w, api, "hello");

	settle(w, 0);
	end_last(w, 0, taken);
	return job;
}

static void until_it_is_done(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN), at = row(w, RETURN, &job);

	assert_int_equal(at.state, JOB_PROCESSING);
	assert_true(at.polled && at.sent);
	assert_int_equal(at.lease_boot, w->boot + LEASE);
	assert_true(str_is(note(w, RETURN, &job).poll_url, PLACE));
	assert_int_equal(said(w, "job-polled"), 1);
	/* 1, 2, 4 … s, and nothing in between */
	for (int64_t wait = 1000, i = 1; i < 8; i++) {
		pass(w, 0, wait - 1);
		assert_int_equal(calls(w, 0), i);
		pass(w, 0, 1);
		assert_int_equal(calls(w, 0), i + 1);
		assert_string_equal(last(w, 0)->url, PLACE);
		assert_string_equal(last(w, 0)->method, "GET");
		assert_false(last(w, 0)->has_body);
		end_last(w, 0, says(202, ""));
		wait = wait * 2 < 30000 ? wait * 2 : 30000;
	}
	pass(w, 0, 30000);
	end_last(w, 0, says(200, "{\"id\":7}"));
	at = row(w, RETURN, &job);
	assert_int_equal(at.state, JOB_COMPLETED);
	assert_int_equal(at.status, 200);
	assert_int_equal(at.attempt, 1);
	assert_true(str_is(result(w, RETURN, &job).body, "{\"id\":7}"));
	assert_int_equal(puts_of(w), 1);
	assert_false(runner_is_busy(w->workers[0].runner));
}

static void when_it_says(void **state)
{
	struct world *w = *state;
	struct upstream_answer later = says(202, "");

	begun(w, RETURN);
	pass(w, 0, 1000);
	later.has_retry_after = true;
	later.retry_after_ms = 7000;
	end_last(w, 0, later);
	pass(w, 0, 6999);
	assert_int_equal(calls(w, 0), 2);
	pass(w, 0, 1);
	assert_int_equal(calls(w, 0), 3);
	later.retry_after_ms = 3600000; /* held to a minute */
	end_last(w, 0, later);
	pass(w, 0, POLL_WAIT_MAX_MS);
	assert_int_equal(calls(w, 0), 4);
	later.retry_after_ms = 0;
	end_last(w, 0, later);
	assert_int_equal(calls(w, 0), 4);
	pass(w, 0, POLL_WAIT_MIN_MS);
	assert_int_equal(calls(w, 0), 5);
}

/* Nobody asks before it is on the disk that it is asked. */
static void noted_first(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	commits_to_fail = 40;
	end_last(w, 0, taken);
	pass(w, 0, 19 * RUNNER_STORE_RETRY_MS);
	assert_true(commits_to_fail > 0);
	assert_int_equal(calls(w, 0), 1);
	assert_false(row(w, RETURN, &job).polled);
	commits_to_fail = 0;
	pass(w, 0, 1000);
	assert_true(row(w, RETURN, &job).polled);
	assert_int_equal(calls(w, 0), 2);
	end_last(w, 0, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* Killed before that, it is as any other that was sent. */
static void killed_before_it_is_noted(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	commits_to_fail = 1;
	end_last(w, 0, taken);
	fire(w, 0);
	hire(w, 1);
	pass(w, 1, LEASE);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(calls(w, 1), 0);
}

/* No Location, or one to somewhere else: there is nothing to ask. */
static void nowhere_to_ask(void **state)
{
	static const struct str places[] = {STR_INIT(""),
	    STR_INIT("https://elsewhere.example/ops/7"),
	    STR_INIT("//elsewhere.example/ops/7"),
	    STR_INIT("http://up.example/ops/7")};
	struct world *w = *state;

	for (size_t i = 0; i < 4; i++) {
		struct job job = accept(w, RETURN, "");
		struct upstream_answer answer = taken;

		answer.location = places[i];
		settle(w, 0);
		end_last(w, 0, answer);
		assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
		assert_int_equal(row(w, RETURN, &job).status, 200);
		assert_int_equal(calls(w, 0), i + 1);
	}
}

static void not_yet_in_its_body(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	pass(w, 0, 1000);
	end_last(w, 0, says(200, "{\"status\":\"InProgress\"}"));
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	pass(w, 0, 2000);
	end_last(w, 0, says(200, "{\"status\":\"succeeded\"}"));
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_true(
	    str_is(result(w, RETURN, &job).body, "{\"status\":\"succeeded\"}"));
}

static void it_says_that_it_failed(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	pass(w, 0, 1000);
	end_last(w, 0, says(200, "{\"status\":\"failed\",\"code\":5}"));
	job = row(w, RETURN, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, POLL_FAILED_STATUS);
	assert_true(str_is(result(w, RETURN, &job).body,
	    "{\"status\":\"failed\",\"code\":5}"));
	assert_int_equal(said(w, "\"upstreamStatus\":200"), 1);
}

/* The first answer of all is not looked into: "pending" may be a bundle's. */
static void a_first_200_is_the_answer(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	end_last(w, 0, says(200, "{\"status\":\"pending\"}"));
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

static void the_answer_is_elsewhere(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);
	struct upstream_answer see = {.end = UPSTREAM_ANSWER,
	    .status = 303,
	    .location = STR("/results/7")};

	pass(w, 0, 1000);
	end_last(w, 0, see);
	assert_int_equal(calls(w, 0), 3); /* at once */
	assert_string_equal(last(w, 0)->url, "https://up.example/results/7");
	/* it cannot be had at the moment */
	end_last(w, 0, says(500, ""));
	pass(w, 0, 4000);
	assert_string_equal(last(w, 0)->url, "https://up.example/results/7");
	end_last(w, 0, says(200, "{\"status\":\"running\"}"));
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(puts_of(w), 1);
	/* but not anywhere */
	job = begun(w, RETURN);
	pass(w, 0, 1000);
	see.location = STR("https://elsewhere.example/results/7");
	end_last(w, 0, see);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_UPSTREAM_ERROR);
	/* nor twice */
	job = begun(w, RETURN);
	pass(w, 0, 1000);
	see.location = STR("/results/8");
	end_last(w, 0, see);
	size_t before = calls(w, 0);
	end_last(w, 0, see);
	assert_int_equal(calls(w, 0), before);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_UPSTREAM_ERROR);
}

/* It wants to be asked elsewhere from now on: so does the next worker. */
static void another_place(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);
	struct upstream_answer moved = taken;

	pass(w, 0, 1000);
	moved.location = STR("/ops/8");
	end_last(w, 0, moved);
	pass(w, 0, RUNNER_TELL_MS);
	assert_true(
	    str_is(note(w, RETURN, &job).poll_url, "https://up.example/ops/8"));
	pass(w, 0, 1000);
	assert_string_equal(last(w, 0)->url, "https://up.example/ops/8");
}

/* That it could not be asked says nothing of the job. */
static void polls_that_fail(void **state)
{
	static const struct upstream_answer failures[] = {
	    {.end = UPSTREAM_UNSENT},
	    {.end = UPSTREAM_TIMEOUT},
	    {.end = UPSTREAM_BROKEN, .status = 200},
	    {.end = UPSTREAM_ANSWER, .status = 500},
	    {.end = UPSTREAM_ANSWER, .status = 429},
	};
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	pass(w, 0, 1000);
	for (size_t i = 0; i < 5; i++) {
		end_last(w, 0, failures[i]);
		pass(w, 0, POLL_BACKOFF_MAX_MS);
		assert_int_equal(calls(w, 0), i + 3);
		assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
		assert_int_equal(row(w, RETURN, &job).attempt, 1);
	}
	while (w->boot < job.deadline_boot) {
		end_last(w, 0, failures[0]);
		pass(w, 0, POLL_BACKOFF_MAX_MS);
	}
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(puts_of(w), 1);
}

/* Nobody knows it any more: asked again, and then as on_lost says. */
static void gone(void **state)
{
	struct world *w = *state;

	for (size_t api = 0; api < APIS; api++) {
		struct job job = begun(w, api);
		size_t puts = puts_of(w);

		for (int i = 0; i < 3; i++) {
			size_t before = calls(w, 0);

			pass(w, 0, 2000 << i); /* the back-off's most */
			assert_int_equal(calls(w, 0), before + 1);
			end_last(w, 0, says(i % 2 ? 404 : 410, ""));
		}
		job = row(w, api, &job);
		assert_int_equal(job.state, JOB_FAILED);
		assert_int_equal(job.attempt, 3);
		assert_int_equal(job.reason, api == RETURN
						 ? REASON_OUTCOME_UNKNOWN
						 : REASON_UPSTREAM_TIMEOUT);
		assert_int_equal(puts_of(w), puts);
	}
}

static void how_far_it_is(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	pass(w, 0, 1000);
	end_last(w, 0, says(202, "{\"progress\":40,\"message\":\"half\"}"));
	pass(w, 0, RUNNER_TELL_MS);
	assert_int_equal(row(w, RETURN, &job).progress, 40);
	assert_true(str_is(note(w, RETURN, &job).message, "half"));
	assert_true(str_is(note(w, RETURN, &job).poll_url, PLACE));
	pass(w, 0, 1000);
	end_last(w, 0, says(200, "{\"status\":\"running\",\"progress\":30}"));
	pass(w, 0, 4000);
	assert_int_equal(row(w, RETURN, &job).progress, 40);
	end_last(w, 0, says(202, "{\"percentComplete\":100}"));
	pass(w, 0, 8000);
	assert_int_equal(row(w, RETURN, &job).progress, 99);
	end_last(w, 0, says(200, ""));
	assert_int_equal(row(w, RETURN, &job).progress, 100);
}

/* ---- workers that go ----------------------------------------------------- */

static void its_worker_dies(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	pass(w, 0, 1000);
	end_last(w, 0, says(202, "{\"progress\":40,\"message\":\"half\"}"));
	pass(w, 0, RUNNER_TELL_MS);
	fire(w, 0);
	hire(w, 1);
	settle(w, 1);
	pass(w, 1, row(w, RETURN, &job).lease_boot - 1 - w->boot);
	assert_int_equal(calls(w, 1), 0);
	pass(w, 1, 1);
	assert_int_equal(calls(w, 1), 1);
	assert_string_equal(last(w, 1)->url, PLACE);
	assert_string_equal(last(w, 1)->method, "GET");
	assert_int_equal(row(w, RETURN, &job).attempt, 2);
	/* what it has said stays said */
	assert_int_equal(row(w, RETURN, &job).progress, 40);
	end_last(w, 1, says(202, "{\"progress\":50}"));
	pass(w, 1, RUNNER_TELL_MS);
	assert_true(str_is(note(w, RETURN, &job).message, "half"));
	assert_int_equal(row(w, RETURN, &job).progress, 50);
	pass(w, 1, 1000);
	end_last(w, 1, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(puts_of(w), 0); /* of those that live */
}

/* Every one of them dies: as on_lost says, and never sent anew. */
static void all_its_workers_die(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	for (int i = 0; i < 4; i++) {
		fire(w, 0);
		hire(w, 0);
		settle(w, 0);
		assert_int_equal(puts_of(w), 0);
		pass(w, 0, LEASE + 2000);
	}
	job = row(w, RETURN, &job);
	assert_int_equal(job.reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(job.attempt, 3);
}

/* Nobody knows where to ask: it was taken all the same, and is not sent anew.
 */
static void where_is_lost(void **state)
{
	struct world *w = *state;

	for (size_t api = 0; api < APIS; api++) {
		struct job job = begun(w, api);

		fire(w, 0);
		hire(w, 0);
		settle(w, 0);
		notes_are_gone = true;
		pass(w, 0, LEASE + 10000);
		notes_are_gone = false;
		assert_int_equal(calls(w, 0), 0);
		assert_int_equal(row(w, api, &job).reason,
		    api == RETURN ? REASON_OUTCOME_UNKNOWN
				  : REASON_UPSTREAM_TIMEOUT);
	}
}

static void a_drain(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	runner_drain(w->workers[0].runner, now(w));
	settle(w, 0);
	assert_false(runner_is_busy(w->workers[0].runner));
	assert_int_equal(w->workers[0].due, 0);
	struct job at = row(w, RETURN, &job);
	assert_int_equal(at.state, JOB_PENDING);
	assert_true(at.polled && at.sent);
	assert_int_equal(at.attempt - at.released, 0);
	hire(w, 1);
	settle(w, 1);
	assert_string_equal(last(w, 1)->url, PLACE);
	assert_int_equal(puts_of(w), 1);
	end_last(w, 1, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* In the middle of a poll, and before it is noted that there are any. */
static void a_drain_meanwhile(void **state)
{
	struct world *w = *state;
	struct runner *r = w->workers[0].runner;
	struct job polled = begun(w, RETURN), taken_now;

	pass(w, 0, 1000);
	taken_now = accept(w, BUNDLE, "");
	settle(w, 0);
	runner_drain(r, now(w));
	settle(w, 0);
	assert_true(runner_is_busy(r));
	end_last(w, 0, taken);
	fake_end(w->workers[0].up, 1, says(202, "{\"progress\":40}"));
	settle(w, 0);
	assert_false(runner_is_busy(r));
	assert_true(row(w, BUNDLE, &taken_now).polled);
	assert_int_equal(row(w, BUNDLE, &taken_now).state, JOB_PENDING);
	assert_int_equal(row(w, RETURN, &polled).state, JOB_PENDING);
	assert_int_equal(row(w, RETURN, &polled).progress, 40);
	hire(w, 1);
	settle(w, 1);
	assert_int_equal(calls(w, 1), 2);
	assert_int_equal(puts_of(w), 2);
}

/* Another worker has it: who comes back stops asking. */
static void a_worker_sleeps(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	hire(w, 1);
	settle(w, 1);
	w->boot += LEASE + 1;
	settle(w, 1);
	pass(w, 1, 2 * HEARTBEAT);
	assert_int_equal(calls(w, 1), 1);
	settle(w, 0);
	assert_int_equal(said(w, "\"event\":\"job-lost\""), 1);
	assert_false(runner_is_busy(w->workers[0].runner));
	assert_int_equal(calls(w, 0), 1);
	end_last(w, 1, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* ---- who asks for its end ------------------------------------------------ */

static void cancelling(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	cancel(w, RETURN, &job);
	pass(w, 0, 2 * HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	assert_int_equal(calls(w, 0), 2); /* it is still asked */
	end_last(w, 0, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

static void a_deadline(void **state)
{
	static const enum job_reason reasons[APIS] = {
	    [RETURN] = REASON_OUTCOME_UNKNOWN,
	    [BUNDLE] = REASON_DEADLINE,
	    [PLAIN] = REASON_DEADLINE,
	};
	struct world *w = *state;
	struct job jobs[APIS];

	for (size_t api = 0; api < APIS; api++)
		jobs[api] = begun(w, api);
	struct upstream_answer later = says(202, "");
	for (int i = 0; w->boot < deadline_ms + 2000; i++) {
		for (size_t k = 0; k < calls(w, 0); k++)
			if (w->workers[0].up->calls[k].running && i % 3)
				fake_end(w->workers[0].up, k, later);
		settle(w, 0);
		pass(w, 0, 10000);
	}
	for (size_t api = 0; api < APIS; api++)
		assert_int_equal(row(w, api, &jobs[api]).reason, reasons[api]);
	assert_int_equal(puts_of(w), 3);
	assert_false(runner_is_busy(w->workers[0].runner));
}

/* It wants other credentials for being asked, too. */
static void other_credentials(void **state)
{
	static struct str names[] = {STR_INIT("up-token")};
	struct world *w = *state;

	w->apis[RETURN].forward = (struct strs){names, 1};
	struct job job = begun(w, RETURN);
	pass(w, 0, 1000);
	end_last(w, 0, says(401, "no"));
	struct job at = row(w, RETURN, &job);
	assert_true(at.needs && at.polled && at.sent);
	pass(w, 0, 60000);
	assert_int_equal(calls(w, 0), 2);
	renew(w, RETURN, &job, "renewed");
	settle(w, 0);
	assert_int_equal(calls(w, 0), 3);
	assert_string_equal(last(w, 0)->url, PLACE);
	assert_int_equal(puts_of(w), 1);
	end_last(w, 0, created);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* ---- pace ---------------------------------------------------------------- */

/* A poll is a call of its upstream's rate, claims are others. */
static void at_its_rate(void **state)
{
	struct world *w = *state;

	w->upstream.rate_count = 1;
	w->upstream.rate_per_ms = 10000;
	w->upstream.burst = 1;
	struct job job = begun(w, RETURN);
	int64_t start = w->boot;
	for (int i = 2; i < 6; i++) {
		while (calls(w, 0) < (size_t)i)
			pass(w, 0, 100);
		assert_in_range(w->boot - start, (i - 1) * 10000 - 200,
		    (i - 1) * 10000 + 200);
		end_last(w, 0, says(202, ""));
	}
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
}

/* Too many: said to the whole API, of which this is one job. */
static void a_poll_pauses_the_others(void **state)
{
	struct world *w = *state;
	struct upstream_answer busy = says(429, "");

	w->apis[RETURN].concurrency = 2;
	begun(w, RETURN);
	pass(w, 0, 1000);
	busy.has_retry_after = true;
	busy.retry_after_ms = 20000;
	end_last(w, 0, busy);
	struct job other = accept(w, RETURN, "");
	settle(w, 0);
	pass(w, 0, 19000);
	assert_int_equal(row(w, RETURN, &other).state, JOB_PENDING);
	pass(w, 0, 1500);
	assert_int_equal(row(w, RETURN, &other).state, JOB_PROCESSING);
}

/* Those that wait to be asked keep nobody from calling. */
static void waiting_is_no_call(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	const int n = RUNNER_CALLS_MAX;

	w->apis[PLAIN].concurrency = w->apis[RETURN].concurrency = 2 * n;
	for (int i = 0; i < n; i++)
		accept(w, PLAIN, "");
	settle(w, 0);
	for (int i = 0; i < n; i++)
		fake_end(up, (size_t)i, taken);
	settle(w, 0);
	for (int i = 0; i < n; i++)
		accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(up->n, 2 * n);
	/* and are not asked before there is room again */
	pass(w, 0, 1000);
	assert_int_equal(up->n, 2 * n);
	assert_true(w->workers[0].due > w->boot);
	fake_end(up, (size_t)n, created);
	settle(w, 0);
	assert_int_equal(up->n, 2 * n + 1);
	assert_string_equal(up->calls[2 * n].method, "GET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(until_it_is_done),
	    CASE(when_it_says),
	    CASE(noted_first),
	    CASE(killed_before_it_is_noted),
	    CASE(nowhere_to_ask),
	    CASE(not_yet_in_its_body),
	    CASE(it_says_that_it_failed),
	    CASE(a_first_200_is_the_answer),
	    CASE(the_answer_is_elsewhere),
	    CASE(another_place),
	    CASE(polls_that_fail),
	    CASE(gone),
	    CASE(how_far_it_is),
	    CASE(its_worker_dies),
	    CASE(all_its_workers_die),
	    CASE(where_is_lost),
	    CASE(a_drain),
	    CASE(a_drain_meanwhile),
	    CASE(a_worker_sleeps),
	    CASE(cancelling),
	    CASE(a_deadline),
	    CASE(other_credentials),
	    CASE(at_its_rate),
	    CASE(a_poll_pauses_the_others),
	    CASE(waiting_is_no_call),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-poll", tests, NULL, NULL);
}
