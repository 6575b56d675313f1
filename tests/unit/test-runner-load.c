#include "cgi/runner-load.h"

#include "tests/unit/runner-world.h"

/* What whoever ends a worker is told: how many calls, and until when at most.
 */

static struct runner_load load(struct world *w)
{
	return runner_load(w->workers[0].runner, now(w));
}

static void nobody_has_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(runner_load(NULL, now(w)).calls, 0);
	assert_int_equal(runner_load(NULL, now(w)).until_boot, 0);
	settle(w, 0);
	assert_int_equal(load(w).calls, 0);
	assert_int_equal(load(w).until_boot, 0);
}

static void calls_are_bounded_by_their_time_out(void **state)
{
	struct world *w = *state;

	w->upstream.timeout_ms = 7000;
	struct job job = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(load(w).calls, 1);
	assert_int_equal(load(w).until_boot, w->boot + 7000);
	accept(w, BUNDLE, "");
	settle(w, 0);
	assert_int_equal(load(w).calls, 2);
	answer(w, &job, created);
	settle(w, 0);
	assert_int_equal(load(w).calls, 1);
}

static void and_by_their_jobs_deadline(void **state)
{
	struct world *w = *state;

	w->upstream.timeout_ms = 7000;
	deadline_ms = 3000;
	struct job job = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(load(w).until_boot, job.deadline_boot);
	deadline_ms = 900000; /* the longest of all counts */
	accept(w, BUNDLE, "");
	settle(w, 0);
	assert_int_equal(load(w).until_boot, w->boot + 7000);
}

static void without_a_time_out_by_that_alone(void **state)
{
	struct world *w = *state;

	w->upstream.timeout_ms = 0;
	struct job job = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(load(w).calls, 1);
	assert_int_equal(load(w).until_boot, job.deadline_boot);
}

/* A program is asked to end at its deadline, and has a moment for that. */
static void a_program_ends_a_moment_after_its_deadline(void **state)
{
	static struct str words[] = {{"export", 6}};
	struct world *w = *state;

	w->apis[RETURN].upstream = (struct str){0};
	w->apis[RETURN].exec = (struct strs){words, 1};
	w->apis[RETURN].exec_stop_ms = 1500;
	struct job job = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(load(w).calls, 1);
	assert_int_equal(load(w).until_boot, job.deadline_boot + 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(nobody_has_nothing),
	    CASE(calls_are_bounded_by_their_time_out),
	    CASE(and_by_their_jobs_deadline),
	    CASE(without_a_time_out_by_that_alone),
	    CASE(a_program_ends_a_moment_after_its_deadline),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-load", tests, NULL, NULL);
}
