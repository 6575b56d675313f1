#include "tests/unit/runner-world.h"

/*
 * What becomes of a job that gets no answer (contract 7), as one table: how far
 * it had come, what happened to it, and what its API says of that. The oracle
 * is the upstream: what it may have got, and how often. Where a call must not
 * be repeated that is never more than once, whatever the rest of the cell says.
 */
enum stage { UNSENT, SENT, POLLED, PROGRAM, STAGES };
enum blow { TIMEOUT, BROKEN, DEADLINE, CANCEL, DRAIN, CRASH, BLOWS };
enum kind { K_RETRY, K_FAIL, K_HOLD, K_IDEMPOTENT, KINDS };
enum end { DONE, UNKNOWN, HELD, LATE, CANCELLED };

static const char *const stages[] = {"unsent", "sent", "polled", "program"};
static const char *const blows[] = {
    "time-out", "broken", "deadline", "cancel", "drain", "crash"};
static const char *const kinds[] = {"retry", "fail", "hold", "idempotent"};

/* How it ends, and how often it may have arrived. */
struct cell {
	enum end end;
	size_t arrivals;
};
#define ALL(end, n)                                                            \
	{                                                                      \
		{end, n}, {end, n}, {end, n},                                  \
		{                                                              \
			end, n                                                 \
		}                                                              \
	}
static const struct cell cells[STAGES][BLOWS][KINDS] =
    {
	[UNSENT] =
	    {
		[TIMEOUT] = ALL(DONE, 1),
		[BROKEN] = ALL(DONE, 1),
		[DEADLINE] = ALL(LATE, 0),
		[CANCEL] = ALL(CANCELLED, 0),
		[DRAIN] = ALL(DONE, 1),
		/* nobody is left who knows that it had not left */
		[CRASH] = {{DONE, 1}, {UNKNOWN, 0}, {HELD, 0}, {DONE, 1}},
	    },
	[SENT] =
	    {
		[TIMEOUT] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[BROKEN] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[DEADLINE] = {{LATE, 1}, {UNKNOWN, 1}, {HELD, 1}, {LATE, 1}},
		/* only an answer can tell whether it was done */
		[CANCEL] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {CANCELLED, 1}},
		[DRAIN] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[CRASH] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
	    },
	[POLLED] =
	    {
		[TIMEOUT] = ALL(DONE, 1),
		[BROKEN] = ALL(DONE, 1),
		[DEADLINE] = {{LATE, 1}, {UNKNOWN, 1}, {HELD, 1}, {LATE, 1}},
		[CANCEL] = ALL(DONE, 1),
		[DRAIN] = ALL(DONE, 1),
		[CRASH] = ALL(DONE, 1),
	    },
	[PROGRAM] =
	    {
		[TIMEOUT] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[BROKEN] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[DEADLINE] = {{LATE, 1}, {UNKNOWN, 1}, {HELD, 1}, {LATE, 1}},
		/* it was we who ended it: it need not be run again for that */
		[CANCEL] = {{CANCELLED, 1}, {UNKNOWN, 1}, {HELD, 1},
		    {CANCELLED, 1}},
		[DRAIN] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
		[CRASH] = {{DONE, 2}, {UNKNOWN, 1}, {HELD, 1}, {DONE, 2}},
	    },
};

/* Everything happens to one job of this API. */
enum { API = PLAIN };
static struct str program[] = {STR_INIT("export")};
static size_t arrived; /* at workers that are gone */

static size_t arrivals(const struct fake_upstream *up)
{
	size_t n = 0;

	for (size_t i = 0; up && i < up->n; i++)
		n += !up->calls[i].unsent &&
		     strcmp(up->calls[i].method, "GET") != 0;
	return n;
}

static struct fake_call *last(struct world *w, int i)
{
	struct fake_upstream *up = w->workers[i].up;

	assert_true(up->n > 0);
	return &up->calls[up->n - 1];
}

static void end_last(struct world *w, int i, struct upstream_answer answer)
{
	struct fake_call *call = last(w, i);

	assert_true(call->running);
	fake_end(w->workers[i].up, w->workers[i].up->n - 1, answer);
	settle(w, i);
}

static const struct upstream_answer broken = {.end = UPSTREAM_BROKEN},
				    timeout = {.end = UPSTREAM_TIMEOUT},
				    unsent = {.end = UPSTREAM_UNSENT},
				    done = {.end = UPSTREAM_ANSWER,
					.status = 200,
					.body = STR_INIT("{}")},
				    taken = {.end = UPSTREAM_ANSWER,
					.status = 202,
					.location = STR_INIT("/ops/7")};

static void declare(struct world *w, enum stage stage, enum kind kind)
{
	struct api *api = &w->apis[API];

	api->idempotent = kind == K_IDEMPOTENT;
	api->on_lost = kind == K_RETRY	? ON_LOST_RETRY
		       : kind == K_HOLD ? ON_LOST_HOLD
					: ON_LOST_FAIL;
	if (stage != PROGRAM)
		return;
	api->exec = (struct strs){program, 1};
	api->exec_stop_ms = 5000;
	api->upstream = (struct str){0};
}

/* Up to the stage: its call, or the poll after it, is under way. */
static struct job begin_at(struct world *w, enum stage stage)
{
	struct job job = accept(w, API, "{}");

	settle(w, 0);
	if (stage == UNSENT)
		last(w, 0)->unsent = true;
	if (stage == POLLED) {
		end_last(w, 0, taken);
		pass(w, 0, 1000);
		assert_string_equal(last(w, 0)->method, "GET");
	}
	return job;
}

static void crash(struct world *w)
{
	arrived += arrivals(w->workers[0].up);
	fire(w, 0);
	hire(w, 0);
	settle(w, 0);
}

static void strike(
    struct world *w, const struct job *job, enum stage stage, enum blow blow)
{
	switch (blow) {
	case TIMEOUT:
	case BROKEN:
		end_last(w, 0,
		    stage == UNSENT   ? unsent
		    : blow == TIMEOUT ? timeout
				      : broken);
		break;
	case DEADLINE:
		pass(w, 0, job->deadline_boot - w->boot);
		if (stage != PROGRAM)
			break;
		assert_true(last(w, 0)->stopped);
		assert_int_equal(row(w, API, job).state, JOB_PROCESSING);
		end_last(w, 0, broken);
		break;
	case CANCEL:
		cancel(w, API, job);
		pass(w, 0, HEARTBEAT);
		assert_int_equal(
		    last(w, 0)->stopped, stage == SENT || stage == PROGRAM);
		if (stage != UNSENT)
			end_last(w, 0, broken);
		break;
	case DRAIN:
		runner_drain(w->workers[0].runner, now(w));
		pass(w, 0, 3 * LEASE);
		if (stage != UNSENT)
			end_last(w, 0, broken);
		assert_false(runner_is_busy(w->workers[0].runner));
		crash(w); /* another one comes */
		break;
	default:
		crash(w);
		pass(w, 0, LEASE);
		break;
	}
}

/* Whoever is called now answers; then nothing happens any more. */
static void live_on(struct world *w)
{
	for (int i = 0; i < 30; i++) {
		struct fake_upstream *up = w->workers[0].up;

		for (size_t k = 0; k < up->n; k++)
			if (up->calls[k].running)
				fake_end(up, k, done);
		settle(w, 0);
		pass(w, 0, 4000);
	}
}

static enum end end_of(const struct job *job)
{
	if (job->held)
		return HELD;
	if (job->state == JOB_COMPLETED)
		return DONE;
	if (job->state == JOB_CANCELLED)
		return CANCELLED;
	assert_int_equal(job->state, JOB_FAILED);
	if (job->reason == REASON_OUTCOME_UNKNOWN)
		return UNKNOWN;
	assert_int_equal(job->reason, REASON_DEADLINE);
	return LATE;
}

static void one(
    struct world *w, enum stage stage, enum blow blow, enum kind kind)
{
	const struct cell *cell = &cells[stage][blow][kind];
	const bool never_twice = kind == K_FAIL || kind == K_HOLD;

	print_message(
	    "# %s, %s, %s\n", stages[stage], blows[blow], kinds[kind]);
	arrived = 0;
	declare(w, stage, kind);
	struct job job = begin_at(w, stage);
	strike(w, &job, stage, blow);
	live_on(w);
	job = row(w, API, &job);
	assert_int_equal(end_of(&job), cell->end);
	arrived += arrivals(w->workers[0].up);
	assert_true(!never_twice || arrived <= 1);
	assert_int_equal(arrived, cell->arrivals);
	assert_false(runner_is_busy(w->workers[0].runner));
	if (cell->end != HELD)
		return;
	/* nobody touches it, however long it takes */
	assert_int_equal(job.state, JOB_PROCESSING);
	pass(w, 0, 3 * 86400000);
	assert_memory_equal(
	    &job, &(struct job[]){row(w, API, &job)}, sizeof(job));
	if (blow != CRASH)
		assert_int_equal(said(w, "\"event\":\"job-held\""), 1);
}

static void every_cell(void **state)
{
	tear_down(state);
	for (int s = 0; s < STAGES; s++)
		for (int b = 0; b < BLOWS; b++)
			for (int k = 0; k < KINDS; k++) {
				set_up(state);
				one(*state, (enum stage)s, (enum blow)b,
				    (enum kind)k);
				tear_down(state);
			}
	set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(every_cell)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-lost", tests, NULL, NULL);
}
