#include "tests/unit/runner-world.h"

/*
 * What the store's trouble does to a worker: its turn does not come, its disk
 * is full, it cannot be read or written. Held: nothing is lost, nothing is sent
 * twice, leases come first, and whoever reads the log reads it once.
 */
static struct upstream_answer with_body(struct world *w, int n)
{
	return (struct upstream_answer){.end = UPSTREAM_ANSWER,
	    .status = 201,
	    .body = arena_printf(&w->arena, "%*s", n, "")};
}

static size_t calls(const struct world *w, int i)
{
	return w->workers[i].up->n;
}

static void a_turn_that_does_not_come(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, ""), next = accept(w, RETURN, "");

	settle(w, 0);
	fake_end(w->workers[0].up, 0, created);
	begins_to_fail = 5;
	turn_ms = 2000;
	for (int left = 4; left >= 0; left--) {
		int64_t before = w->boot;
		step(w, 0);
		assert_int_equal(begins_to_fail, left); /* one wait a step */
		assert_int_equal(w->boot, before + turn_ms);
		/* and there is time for signals, calls and answers */
		assert_int_equal(
		    w->workers[0].due, w->boot + RUNNER_STORE_RETRY_MS);
		w->boot = w->workers[0].due;
	}
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	assert_int_equal(calls(w, 0), 1);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(row(w, RETURN, &next).state, JOB_PROCESSING);
	assert_int_equal(calls(w, 0), 2);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "\"error\":\"BUSY\""), 1);
	assert_int_equal(said(w, "store-works-again"), 1);
}

/* The calls go on meanwhile: what is answered late is not lost either. */
static void answers_come_while_it_waits(void **state)
{
	struct world *w = *state;
	struct job a = accept(w, RETURN, ""), b = accept(w, BUNDLE, "");

	settle(w, 0);
	begins_to_fail = 40;
	answer(w, &a, created);
	pass(w, 0, 10 * RUNNER_STORE_RETRY_MS);
	answer(w, &b, created);
	pass(w, 0, 40 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(row(w, RETURN, &a).state, JOB_COMPLETED);
	assert_int_equal(row(w, BUNDLE, &b).state, JOB_COMPLETED);
	assert_int_equal(calls(w, 0), 2);
}

/*
 * … and it does not spin: what is ready is taken at once, for no pool sleeps
 * on it, and nothing else is due before the store is tried again.
 */
static void nobody_spins_while_it_waits(void **state)
{
	struct world *w = *state;
	struct job a = accept(w, RETURN, ""), b = accept(w, BUNDLE, "");

	settle(w, 0);
	answer(w, &a, created);
	commits_to_fail = 1;
	step(w, 0);
	answer(w, &b, created);
	w->boot++;
	step(w, 0);
	assert_false(call(w, &b)->running);
	assert_int_equal(row(w, BUNDLE, &b).state, JOB_PROCESSING);
	assert_int_equal(
	    w->workers[0].due, w->boot - 1 + RUNNER_STORE_RETRY_MS);
	pass(w, 0, RUNNER_STORE_RETRY_MS);
	assert_int_equal(row(w, RETURN, &a).state, JOB_COMPLETED);
	assert_int_equal(row(w, BUNDLE, &b).state, JOB_COMPLETED);
}

/* A poll takes a call of its upstream's rate: not while nothing is claimed. */
static void a_paced_poll_waits_for_the_disk(void **state)
{
	static const struct upstream_answer taken = {.end = UPSTREAM_ANSWER,
	    .status = 202,
	    .location = STR_INIT("/ops/7")};
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	w->upstream.rate_count = w->upstream.burst = 10;
	w->upstream.rate_per_ms = 1000;
	settle(w, 0);
	answer(w, &job, taken);
	settle(w, 0);
	failure = ERR_FULL;
	updates_to_fail = 1;
	const struct job other = accept(w, BUNDLE, "");
	const int64_t before = w->boot;
	step(w, 0);
	assert_int_equal(updates_to_fail, 0);
	for (int steps = 0; w->boot < before + HEARTBEAT; steps++) {
		assert_true(w->workers[0].due > w->boot && steps < 8);
		w->boot = w->workers[0].due;
		step(w, 0);
	}
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 3); /* the poll, the other */
	assert_int_equal(row(w, BUNDLE, &other).state, JOB_PROCESSING);
}

/*
 * A lease that could not be renewed may be another's: a call of which no byte
 * has left does not leave any more before it could.
 */
static void a_call_that_has_not_left_is_called_back(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	call(w, &job)->unsent = true;
	begins_to_fail = 1;
	w->boot += LEASE;
	step(w, 0);
	assert_int_equal(begins_to_fail, 0);
	assert_true(call(w, &job)->aborted);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	pass(w, 0, RUNNER_STORE_RETRY_MS); /* it is still ours */
	assert_int_equal(w->workers[0].up->n, 2);
	assert_true(call(w, &job)->running);
	answer(w, &job, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	assert_int_equal(row(w, RETURN, &job).attempt, 1);
}

/* Nothing to write but leases: it is over when they could be renewed. */
static void only_a_heartbeat_fails(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	begins_to_fail = 3;
	pass(w, 0, HEARTBEAT + 10 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(begins_to_fail, 0);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "store-works-again"), 1);
	assert_int_equal(row(w, RETURN, &job).lease_boot,
	    w->workers[0].due + LEASE - HEARTBEAT);
}

/*
 * Somebody had the turn for longer than a lease. Whoever gets it first, the
 * jobs stay with those that are alive.
 */
static void all_waited_longer_than_a_lease(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	turn_ms = 2000;
	begins_to_fail = 1000;
	while (w->boot < LEASE + 2 * HEARTBEAT) {
		settle(w, 0);
		settle(w, 1);
		w->boot += RUNNER_STORE_RETRY_MS;
	}
	begins_to_fail = 0;
	settle(w, 1); /* the idle one is first */
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	pass(w, 1, HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	answer(w, &job, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* The idle one did not even see it fail: its turn was only long in coming. */
static void a_turn_that_is_long_in_coming(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	w->boot = w->workers[1].due; /* the lease is over */
	slow_ms = 1500;
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	slow_ms = 0;
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	/* but not for ever, once there is nobody any more */
	fire(w, 0);
	slow_ms = 1500;
	pass(w, 1, 3 * LEASE);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
}

/* A small result finds room where a large one does not. */
static void a_full_disk(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job large = accept(w, PLAIN, ""), small = accept(w, BUNDLE, "");
	struct job next = accept(w, BUNDLE, ""), other = accept(w, RETURN, "");

	settle(w, 0);
	assert_int_equal(up->n, 3);
	room = 5000;
	answer(w, &large, with_body(w, 8000));
	answer(w, &small, with_body(w, 1000));
	settle(w, 0);
	pass(w, 0, RUNNER_STORE_RETRY_MS);
	assert_int_equal(row(w, BUNDLE, &small).state, JOB_COMPLETED);
	pass(w, 0, 3 * LEASE);
	answer(w, &other, created);
	pass(w, 0, HEARTBEAT);
	assert_int_equal(row(w, RETURN, &other).state, JOB_COMPLETED);
	/* kept, under its lease; nothing new is begun */
	assert_int_equal(row(w, PLAIN, &large).state, JOB_PROCESSING);
	assert_true(row(w, PLAIN, &large).lease_boot > w->boot);
	assert_int_equal(row(w, BUNDLE, &next).state, JOB_PENDING);
	assert_int_equal(up->n, 3);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "\"error\":\"FULL\""), 1);
	assert_int_equal(said(w, "store-works-again"), 0);
	room = SIZE_MAX;
	pass(w, 0, RUNNER_STORE_RETRY_MS);
	assert_int_equal(row(w, PLAIN, &large).state, JOB_COMPLETED);
	assert_int_equal(result(w, PLAIN, &large).body.n, 8000);
	pass(w, 0, HEARTBEAT);
	assert_int_equal(row(w, BUNDLE, &next).state, JOB_PROCESSING);
	assert_int_equal(up->n, 4);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "store-works-again"), 1);
}

/* Idle, and every claim fails: it is tried now and then, told once. */
static void no_claims_on_a_full_disk(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");

	failure = ERR_FULL;
	commits_to_fail = 4;
	settle(w, 0);
	for (int left = 3; left > 0; left--) {
		assert_int_equal(commits_to_fail, left);
		pass(w, 0, HEARTBEAT);
	}
	assert_int_equal(calls(w, 0), 0);
	pass(w, 0, HEARTBEAT);
	assert_int_equal(calls(w, 0), 1);
	assert_int_equal(row(w, PLAIN, &job).attempt, 1);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "store-works-again"), 1);
}

/* Each way to fail, at each of the places where a transaction can. */
static void whatever_fails(void **state)
{
	static const enum err ways[] = {
	    ERR_BUSY, ERR_FULL, ERR_IO, ERR_CORRUPT};
	static int *const places[] = {&begins_to_fail, &updates_to_fail,
	    &bodies_to_fail, &commits_to_fail};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
			for (int n = 1; n <= 3; n++) {
				size_t before = calls(w, 0);
				failure = ways[i];
				struct job job = accept(w, RETURN, "");
				*places[k] = n;
				settle(w, 0);
				pass(w, 0, 4 * HEARTBEAT);
				assert_int_equal(calls(w, 0), before + 1);
				answer(w, &job, created);
				*places[k] = n;
				settle(w, 0);
				pass(w, 0, 4 * HEARTBEAT);
				job = row(w, RETURN, &job);
				assert_int_equal(job.state, JOB_COMPLETED);
				assert_int_equal(job.attempt, 1);
				assert_int_equal(calls(w, 0), before + 1);
				*places[k] = 0;
			}
}

/* The store failed for one of two, for so long that its job is another's. */
static void a_result_that_comes_too_late(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	only = 0;
	begins_to_fail = 1000;
	answer(w, &job, with_body(w, 10));
	pass(w, 0, 1000);
	pass(w, 1, LEASE + HEARTBEAT);
	settle(w, 0);
	assert_int_equal(calls(w, 1), 1);
	job = row(w, PLAIN, &job);
	assert_int_equal(job.attempt, 2);
	begins_to_fail = 0;
	pass(w, 0, 2 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(said(w, "job-lost"), 1);
	assert_false(runner_is_busy(w->workers[0].runner));
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
	assert_int_equal(row(w, PLAIN, &job).version, job.version);
	fake_end(w->workers[1].up, 0, with_body(w, 20));
	settle(w, 1);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_COMPLETED);
	assert_int_equal(result(w, PLAIN, &job).body.n, 20);
	assert_int_equal(calls(w, 0) + calls(w, 1), 2);
}

/* Drained with a result that cannot be written: it stays until it can. */
/* … nor a machine that falls asleep again before anybody had his time. */
static void a_sleep_behind_a_sleep(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	for (int i = 0; i < 3; i++) {
		w->boot += 3 * LEASE;
		settle(w, 1); /* the idle one is first */
		assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
		settle(w, 0);
		assert_int_equal(
		    row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	}
	fire(w, 0);
	pass(w, 1, LEASE);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
}

static void a_drain_keeps_what_it_has(void **state)
{
	struct world *w = *state;
	struct runner *r = w->workers[0].runner;
	struct job job = accept(w, RETURN, ""), next = accept(w, BUNDLE, "");

	settle(w, 0);
	answer(w, &job, with_body(w, 8000));
	answer(w, &next, created);
	room = 5000;
	settle(w, 0);
	runner_drain(r, now(w));
	pass(w, 0, 2 * LEASE);
	assert_int_equal(row(w, BUNDLE, &next).state, JOB_COMPLETED);
	assert_true(runner_is_busy(r));
	room = SIZE_MAX;
	pass(w, 0, RUNNER_STORE_RETRY_MS);
	assert_false(runner_is_busy(r));
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
	step(w, 0);
	assert_int_equal(w->workers[0].due, 0);
}

/* ---- a storm of it ----------------------------------------------------- */

enum { JOBS = 24, ROUNDS = 3000, SEEDS = 40 };

static uint32_t dice(uint32_t sides)
{
	uint32_t n;

	random_bytes(&n, sizeof(n));
	return n % sides;
}

static void break_something(void)
{
	static const enum err ways[] = {
	    ERR_BUSY, ERR_FULL, ERR_IO, ERR_CORRUPT};
	static int *const places[] = {&begins_to_fail, &updates_to_fail,
	    &bodies_to_fail, &commits_to_fail};

	failure = ways[dice(4)];
	*places[dice(4)] = (int)dice(12);
	turn_ms = dice(2) ? 2000 : 0;
	slow_ms = dice(4) ? 0 : dice(LEASE);
	room = dice(3) ? SIZE_MAX : 3000;
	only = (int)dice(3) - 1;
}

static void make_whole(void)
{
	begins_to_fail = updates_to_fail = bodies_to_fail = commits_to_fail = 0;
	turn_ms = slow_ms = 0;
	room = SIZE_MAX;
}

static void answer_some(struct world *w, int i)
{
	struct fake_upstream *up = w->workers[i].up;
	struct upstream_answer broken = {.end = UPSTREAM_BROKEN};

	for (size_t at = 0; at < up->n; at++)
		if (up->calls[at].running && !up->calls[at].ended && !dice(4))
			fake_end(up, at,
			    dice(4) ? with_body(w, (int)dice(6000)) : broken);
}

static void storm(struct world *w, uint64_t seed)
{
	struct job jobs[JOBS], seen[JOBS];
	struct job *last = NULL;
	char id[IDS_TEXT + 1];

	random_state = seed;
	deadline_ms = (int64_t)1 << 40;
	hire(w, 1);
	for (int j = 0; j < JOBS; j++)
		jobs[j] = seen[j] = accept(w, (size_t)j % APIS, "");
	for (int n = 0; n < ROUNDS; n++) {
		int i = (int)dice(2);
		if (n % 50 == 0)
			make_whole();
		else if (n < ROUNDS - 200 && dice(8) == 0)
			break_something();
		answer_some(w, i);
		if (dice(4))
			step(w, i);
		w->boot += dice(3000);
		for (int j = 0; j < JOBS; j++) {
			struct job is = row(w, (size_t)j % APIS, &jobs[j]);
			last = &seen[j];
			assert_true(is.version >= last->version);
			assert_true(!job_is_terminal(last->state) ||
				    is.version == last->version);
			*last = is;
		}
	}
	for (int j = 0; j < JOBS; j++) {
		size_t api = (size_t)j % APIS;
		unsigned times = 0;
		ids_write(jobs[j].id, id);
		for (int i = 0; i < 2; i++)
			for (size_t c = 0; c < calls(w, i); c++)
				times += strstr(w->workers[i].up->calls[c].url,
					     id) != NULL;
		assert_true(job_is_terminal(seen[j].state));
		assert_true(times <= (api == RETURN ? 1u : 3u));
		assert_true(seen[j].state != JOB_COMPLETED || times > 0);
		if (seen[j].state == JOB_COMPLETED)
			result(w, api, &jobs[j]);
	}
}

static void storms(void **state)
{
	tear_down(state);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		print_message("# seed %u\n", (unsigned)seed);
		set_up(state);
		storm(*state, seed);
		tear_down(state);
	}
	set_up(state);
}

/*
 * A row that cannot be read costs its own job, and neither the leases of the
 * others nor their turns, whatever its lane was about to do with it.
 */
static void a_damaged_row(void **state)
{
	struct world *w = *state;
	struct job bad = accept(w, RETURN, "");
	struct job once, again = accept(w, PLAIN, "");

	w->apis[RETURN].concurrency = 2;
	once = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(calls(w, 0), 3);
	memcpy(damaged, job_key(&bad), sizeof(damaged));
	pass(w, 0, 3 * LEASE);
	assert_int_equal(row(w, RETURN, &once).state, JOB_PROCESSING);
	assert_int_equal(row(w, PLAIN, &again).state, JOB_PROCESSING);
	assert_int_equal(row(w, PLAIN, &again).attempt, 1);
	assert_true(row(w, RETURN, &once).lease_boot > w->boot + HEARTBEAT);
	/* answers are written, and other lanes take what comes */
	answer(w, &bad, created);
	answer(w, &once, created);
	answer(w, &again, created);
	struct job next = accept(w, PLAIN, "");
	pass(w, 0, 2 * HEARTBEAT);
	assert_int_equal(row(w, RETURN, &once).state, JOB_COMPLETED);
	assert_int_equal(row(w, PLAIN, &again).state, JOB_COMPLETED);
	assert_int_equal(row(w, PLAIN, &next).state, JOB_PROCESSING);
	/* and once it is mended, its answer has not been forgotten */
	memset(damaged, 0, sizeof(damaged));
	pass(w, 0, 2 * HEARTBEAT);
	assert_int_equal(row(w, RETURN, &bad).state, JOB_COMPLETED);
	assert_int_equal(calls(w, 0), 4);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(said(w, "store-works-again"), 1);
}

/* The dead are noticed even so. */
static void a_damaged_row_keeps_nobody_alive(void **state)
{
	struct world *w = *state;
	struct job bad = accept(w, RETURN, ""), lost;

	settle(w, 0);
	lost = accept(w, BUNDLE, "");
	hire(w, 1);
	settle(w, 1);
	assert_int_equal(calls(w, 1), 1);
	fire(w, 1);
	memcpy(damaged, job_key(&bad), sizeof(damaged));
	pass(w, 0, 2 * LEASE);
	assert_int_equal(row(w, BUNDLE, &lost).attempt, 2);
	assert_int_equal(calls(w, 0), 2);
}

/* It waits in the queue: its lane stops there, the others do not. */
static void a_damaged_row_in_the_queue(void **state)
{
	struct world *w = *state;
	struct job bad = accept(w, RETURN, ""), other = accept(w, PLAIN, "");

	memcpy(damaged, job_key(&bad), sizeof(damaged));
	settle(w, 0);
	pass(w, 0, 4 * HEARTBEAT);
	assert_int_equal(said(w, "store-failed"), 1);
	assert_int_equal(row(w, PLAIN, &other).state, JOB_PROCESSING);
	assert_int_equal(calls(w, 0), 1);
	memset(damaged, 0, sizeof(damaged));
	pass(w, 0, 2 * HEARTBEAT);
	assert_int_equal(calls(w, 0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_turn_that_does_not_come),
	    CASE(answers_come_while_it_waits),
	    CASE(nobody_spins_while_it_waits),
	    CASE(a_paced_poll_waits_for_the_disk),
	    CASE(a_call_that_has_not_left_is_called_back),
	    CASE(only_a_heartbeat_fails),
	    CASE(a_sleep_behind_a_sleep),
	    CASE(all_waited_longer_than_a_lease),
	    CASE(a_turn_that_is_long_in_coming),
	    CASE(a_full_disk),
	    CASE(no_claims_on_a_full_disk),
	    CASE(whatever_fails),
	    CASE(a_result_that_comes_too_late),
	    CASE(a_drain_keeps_what_it_has),
	    CASE(a_damaged_row),
	    CASE(a_damaged_row_keeps_nobody_alive),
	    CASE(a_damaged_row_in_the_queue),
	    CASE(storms),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-store", tests, NULL, NULL);
}
