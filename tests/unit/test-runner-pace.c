#include "tests/unit/runner-world.h"

/*
 * What all workers of a store keep to together: an upstream's rate, its wish to
 * be left alone for a while, an operator's word. None of it keeps anybody awake
 * for nothing, and what waits still has its deadline.
 */
static size_t calls(const struct world *w, int i)
{
	return w->workers[i].up->n;
}

static void both(struct world *w)
{
	settle(w, 0);
	settle(w, 1);
}

/* As pass(), with two workers. */
static void pass_both(struct world *w, int64_t ms)
{
	for (int64_t end = w->boot + ms; w->boot < end;) {
		int64_t next = end;

		for (int i = 0; i < 2; i++) {
			int64_t due = w->workers[i].due;
			if (due > w->boot && due < next)
				next = due;
		}
		w->boot = next;
		both(w);
	}
}

static void a_pause_is_everybodys(void **state)
{
	static const int statuses[] = {429, 503};
	struct world *w = *state;

	hire(w, 1);
	w->apis[BUNDLE].concurrency = 2;
	for (size_t i = 0; i < 2; i++) {
		struct job job = accept(w, BUNDLE, "");
		size_t before;

		both(w);
		before = calls(w, 0) + calls(w, 1);
		answer(w, &job,
		    (struct upstream_answer){.end = UPSTREAM_ANSWER,
			.status = statuses[i],
			.has_retry_after = true,
			.retry_after_ms = 60000});
		settle(w, 0);
		struct job next = accept(w, BUNDLE, "");
		struct job other = accept(w, RETURN, "");
		both(w);
		pass_both(w, 59000);
		assert_int_equal(row(w, BUNDLE, &next).state, JOB_PENDING);
		assert_int_equal(row(w, RETURN, &other).state, JOB_PROCESSING);
		pass_both(w, 1000);
		assert_int_equal(calls(w, 0) + calls(w, 1), before + 3);
		for (int k = 0; k < 2; k++)
			for (size_t n = 0; n < calls(w, k); n++)
				if (w->workers[k].up->calls[n].running)
					fake_end(w->workers[k].up, n, created);
		both(w);
	}
}

/* The pause outlives who was told of it. */
static void a_pause_outlives_its_worker(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	answer(w, &job,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER,
		.status = 429,
		.has_retry_after = true,
		.retry_after_ms = 60000});
	settle(w, 0);
	fire(w, 0);
	hire(w, 0);
	accept(w, RETURN, "");
	settle(w, 0);
	pass(w, 0, 59000);
	assert_int_equal(calls(w, 0), 0);
	pass(w, 0, 1000);
	assert_int_equal(calls(w, 0), 1);
}

static void suspend(struct world *w, size_t api, int64_t since_ms)
{
	OK(store_begin(w->store));
	OK(store_suspend(w->store, api, since_ms));
	OK(store_commit(w->store));
}

static void an_operators_word(void **state)
{
	struct world *w = *state;

	suspend(w, RETURN, WALL);
	struct job job = accept(w, RETURN, ""), other = accept(w, PLAIN, "");
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PENDING);
	assert_int_equal(row(w, PLAIN, &other).state, JOB_PROCESSING);
	answer(w, &other, created);
	settle(w, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	/* it waits for nothing but the deadline, and is seen to be there */
	commits = 0;
	int steps = 0;
	for (int64_t end = w->boot + 600000; w->boot < end; steps++) {
		assert_true(w->workers[0].due > w->boot);
		w->boot = w->workers[0].due;
		step(w, 0);
	}
	assert_in_range(steps, 0, 600000 / RUNNER_BEAT_MS + 2);
	suspend(w, RETURN, 0);
	runner_ring(w->workers[0].runner, now(w)); /* the bell */
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_PROCESSING);
	answer(w, &job, created);
	settle(w, 0);
	/* and its deadline passes */
	suspend(w, RETURN, WALL);
	job = accept(w, RETURN, "");
	settle(w, 0);
	pass(w, 0, deadline_ms);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_DEADLINE);
	assert_int_equal(calls(w, 0), 2);
}

/* Two workers, one rate; another upstream's jobs know nothing of it. */
static void one_rate_for_all(void **state)
{
	struct world *w = *state;
	struct upstream ups[2] = {w->upstream,
	    {.name = STR("other"), .base = STR("https://other.example")}};

	ups[0].rate_count = 6;
	ups[0].rate_per_ms = 60000;
	ups[0].burst = 2;
	w->config.upstreams = ups;
	w->config.n_upstreams = 2;
	w->apis[PLAIN].upstream = STR("other");
	hire(w, 1);
	for (size_t api = 0; api < APIS; api++) {
		w->apis[api].concurrency = 100;
		for (int i = 0; i < 20; i++)
			accept(w, api, "");
	}
	both(w);
	assert_int_equal(calls(w, 0) + calls(w, 1), 20 + 2);
	for (size_t i = 1; i <= 10; i++) {
		pass_both(w, 9999);
		assert_int_equal(calls(w, 0) + calls(w, 1), 20 + 2 + i - 1);
		pass_both(w, 1);
		assert_int_equal(calls(w, 0) + calls(w, 1), 20 + 2 + i);
	}
	w->config.upstreams = &w->upstream;
	w->config.n_upstreams = 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_pause_is_everybodys),
	    CASE(a_pause_outlives_its_worker),
	    CASE(an_operators_word),
	    CASE(one_rate_for_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-pace", tests, NULL, NULL);
}
