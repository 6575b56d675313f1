#include "tests/unit/runner-world.h"

/*
 * Who is called when more could be than may: every API gets its turn, however
 * long the queue of another one is and wherever it stands in the configuration.
 */
enum { FLOOD = 2 * RUNNER_CALLS_MAX };

static size_t running(struct world *w, size_t api)
{
	struct store_stats stats;

	OK(store_view(w->store));
	OK(store_stats(w->store, api, &stats));
	store_unview(w->store);
	return (size_t)stats.count[JOB_PROCESSING];
}

static void unbound(struct world *w)
{
	for (size_t api = 0; api < APIS; api++)
		w->apis[api].concurrency = 2 * FLOOD;
}

static void an_equal_share(void **state)
{
	struct world *w = *state;

	unbound(w);
	for (int i = 0; i < RUNNER_CALLS_MAX; i++)
		for (size_t api = 0; api < APIS; api++)
			accept(w, api, "");
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, RUNNER_CALLS_MAX);
	for (size_t api = 0; api < APIS; api++)
		assert_in_range(running(w, api), RUNNER_CALLS_MAX / APIS,
		    RUNNER_CALLS_MAX / APIS + 1);
}

/* One answer after the other makes room: it goes to each in turn. */
static void nobody_waits_for_a_flood(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;

	for (size_t flood = 0; flood < APIS; flood++) {
		size_t first = up->n;
		unbound(w);
		for (int i = 0; i < FLOOD; i++)
			accept(w, flood, "");
		settle(w, 0);
		for (int i = 0; i < 5; i++)
			for (size_t api = 0; api < APIS; api++)
				if (api != flood)
					accept(w, api, "");
		settle(w, 0);
		assert_int_equal(up->n, first + RUNNER_CALLS_MAX);
		for (size_t i = 0; i < 5 * APIS; i++) {
			fake_end(up, first + i, created);
			settle(w, 0);
		}
		for (size_t api = 0; api < APIS; api++)
			if (api != flood)
				assert_int_equal(running(w, api), 5);
		for (size_t i = first; i < first + FLOOD + 10; i++) {
			if (up->calls[i].running)
				fake_end(up, i, created);
			settle(w, 0);
		}
		assert_false(runner_is_busy(w->workers[0].runner));
	}
}

/* A lane with nothing in it costs the others no turn, and no commit. */
static void one_commit_a_job_beside_idle_lanes(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;

	for (int i = 0; i < 30; i++) {
		accept(w, RETURN, "");
		accept(w, PLAIN, "");
	}
	settle(w, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	commits = 0;
	for (size_t i = 0; i < 60; i++) {
		assert_int_equal(up->n, i + 2 < 60 ? i + 2 : 60);
		fake_end(up, i, created);
		settle(w, 0);
	}
	assert_int_equal(commits, 60);
	/* two at once are one commit together */
	for (int i = 0; i < 10; i++) {
		accept(w, RETURN, "");
		accept(w, PLAIN, "");
	}
	settle(w, 0);
	commits = 0;
	for (size_t i = 0; i < 10; i++) {
		fake_end(up, 60 + 2 * i, created);
		fake_end(up, 61 + 2 * i, created);
		settle(w, 0);
	}
	assert_int_equal(commits, 10);
}

/* An upstream with a rate: asking about the old leaves calls for the new. */
static void polls_and_claims_by_turns(void **state)
{
	static const struct upstream_answer taken = {.end = UPSTREAM_ANSWER,
	    .status = 202,
	    .location = STR_INIT("/ops/7"),
	    .has_retry_after = true};
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	size_t posts = 0;

	unbound(w);
	w->upstream.rate_count = 1;
	w->upstream.rate_per_ms = 1000;
	deadline_ms = 3600000;
	for (int i = 0; i < 20; i++)
		accept(w, RETURN, "");
	settle(w, 0);
	for (int i = 0; i < 60; i++) {
		if (i == 40)
			for (int k = 0; k < 10; k++)
				accept(w, PLAIN, "");
		for (size_t k = 0; k < up->n; k++)
			if (up->calls[k].running)
				fake_end(up, k, taken);
		settle(w, 0);
		pass(w, 0, 1000);
	}
	for (size_t k = 0; k < up->n; k++)
		posts += strcmp(up->calls[k].method, "PUT") == 0;
	assert_in_range(up->n, 58, 62);
	assert_in_range(posts, 28, 30); /* nearly every other one */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(an_equal_share),
	    CASE(nobody_waits_for_a_flood),
	    CASE(one_commit_a_job_beside_idle_lanes),
	    CASE(polls_and_claims_by_turns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-fair", tests, NULL, NULL);
}
