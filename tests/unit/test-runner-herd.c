#include "tests/unit/runner-world.h"

/*
 * Several workers hear the same ring: who comes too late takes no turn, and
 * after a race that was lost does not run the next one.
 */
static int begins;	    /* of transactions */
static struct world *thief; /* takes what is there, before the next begins */

static enum err counted_begin(void *backend)
{
	begins++;
	if (thief) {
		struct world *w = thief;
		thief = NULL;
		ops.begin = begin; /* its own is none of the race */
		settle(w, 1);
		stepping = 0;
		ops.begin = counted_begin;
	}
	return begin(backend);
}

static int set_up_counted(void **state)
{
	int failed = set_up(state);

	begins = 0;
	thief = NULL;
	ops.begin = counted_begin;
	return failed;
}

static void a_ring_for_nothing_takes_no_turn(void **state)
{
	struct world *w = *state;

	settle(w, 0);
	begins = 0;
	for (int i = 0; i < 10; i++) {
		runner_ring(w->workers[0].runner, now(w));
		settle(w, 0);
	}
	assert_int_equal(begins, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	assert_int_equal(begins, 0);
	assert_int_equal(w->workers[0].due, 0); /* and it sleeps */
}

static void who_comes_too_late_takes_no_turn(void **state)
{
	struct world *w = *state;

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	struct job job = accept(w, RETURN, "");
	settle(w, 1);
	begins = 0;
	settle(w, 0);
	assert_int_equal(begins, 0);
	assert_int_equal(w->workers[0].up->n, 0);
	/* it knows when the other one's lease is over */
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	fire(w, 1);
	pass(w, 0, LEASE + 2 * HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).state, JOB_FAILED);
}

/* The peek said yes, and then it was another's. */
static void lose(struct world *w, size_t api)
{
	struct job job;

	job = accept(w, api, "");
	thief = w;
	pass(w, 0, 1 << RUNNER_OUTRUN_MAX);
	if (thief) { /* it stood aside until it was over */
		thief = NULL;
		settle(w, 1);
	}
	struct fake_upstream *up = w->workers[1].up;
	fake_end(up, up->n - 1, created);
	settle(w, 1);
	assert_int_equal(row(w, api, &job).state, JOB_COMPLETED);
}

static void who_lost_a_race_stands_aside(void **state)
{
	struct world *w = *state;

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	for (int i = 0; i < 8; i++)
		lose(w, PLAIN);
	assert_int_equal(w->workers[0].up->n, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	int waits = 0;
	for (int i = 0; i < 20; i++) {
		struct job job = accept(w, PLAIN, "");
		begins = 0;
		settle(w, 0);
		waits += begins == 0;
		assert_true(w->workers[0].due > 0);
		assert_true(
		    w->workers[0].due <= w->boot + (1 << RUNNER_OUTRUN_MAX));
		settle(w, 1);
		struct fake_upstream *up = w->workers[1].up;
		if (up->n && up->calls[up->n - 1].running)
			fake_end(up, up->n - 1, created);
		settle(w, 1);
		pass(w, 0, 2 * RUNNER_RECHECK_MS);
		if (w->workers[0].up->n)
			break; /* by chance it was not late */
		assert_int_equal(row(w, PLAIN, &job).state, JOB_COMPLETED);
	}
	assert_true(waits > 0);
}

/* But only for a moment, where nobody else comes. */
static void who_stood_aside_takes_what_is_left(void **state)
{
	struct world *w = *state;

	hire(w, 1);
	settle(w, 0);
	settle(w, 1);
	for (int i = 0; i < 8; i++)
		lose(w, PLAIN);
	fire(w, 1);
	struct job job = accept(w, PLAIN, "");
	pass(w, 0, 1 << RUNNER_OUTRUN_MAX);
	assert_int_equal(w->workers[0].up->n, 1);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
	answer(w, &job, created);
	settle(w, 0);
	/* and the next one at once */
	job = accept(w, PLAIN, "");
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 2);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
}

#define H(name) cmocka_unit_test_setup_teardown(name, set_up_counted, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    H(a_ring_for_nothing_takes_no_turn),
	    H(who_comes_too_late_takes_no_turn),
	    H(who_lost_a_race_stands_aside),
	    H(who_stood_aside_takes_what_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-herd", tests, NULL, NULL);
}
