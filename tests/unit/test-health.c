#include "tests/unit/app-world.h"

/*
 * GET /api/jobs/health (cgi/health.c): 503 where requests would be refused, and
 * where nobody would do what is accepted.
 */
#define BODY "{\"vrn\":\"193054661\"}"

static void look(struct world *w)
{
	send_it(w, "GET /api/jobs/health", NULL);
}

static void beat(struct world *w)
{
	assert_int_equal(store_begin(w->store), ERR_OK);
	assert_int_equal(
	    store_note(w->store, STORE_NOTE_WORKER, w->now.wall_ms), ERR_OK);
	assert_int_equal(store_commit(w->store), ERR_OK);
}

static void assert_well(struct world *w, const char *worker)
{
	look(w);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "ok");
	assert_string_equal(got(w, "worker"), worker);
	assert_int_equal(answer_get(&w->ans, "retry-after").n, 0);
}

static void assert_missing(struct world *w)
{
	look(w);
	assert_answer(w, 503);
	assert_string_equal(got(w, "status"), "unavailable");
	assert_string_equal(got(w, "store"), "ok");
	assert_string_equal(got(w, "worker"), "missing");
	assert_true(answer_get(&w->ans, "retry-after").n > 0);
}

static void nothing_to_do(void **state)
{
	struct world *w = *state;

	assert_well(w, "idle");
	assert_string_equal(got_header(w, "cache-control"), "no-store");
	assert_string_equal(got(w, "pending"), "0");
	assert_string_equal(got(w, "workerSeenAt"), "");
	assert_string_equal(got(w, "workerAgeMs"), "");
	assert_string_equal(got(w, "oldestPendingAt"), "");
	beat(w);
	world_moves(w, 24 * 3600000); /* an idle worker is not missed */
	assert_well(w, "idle");
	assert_string_equal(got(w, "workerAgeMs"), "86400000");
	send_it(w, "HEAD /api/jobs/health", NULL);
	assert_answer(w, 200);
}

static void jobs_that_wait_for_nobody(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	world_moves(w, 30000);
	assert_well(w, "idle"); /* it may be about to wake */
	assert_string_equal(got(w, "pending"), "1");
	assert_string_equal(
	    got(w, "oldestPendingAt"), "2026-11-21T08:33:20.000Z");
	assert_string_equal(got(w, "oldestPendingAgeMs"), "30000");
	world_moves(w, 1);
	assert_missing(w);
	beat(w);
	assert_well(w, "working");
	assert_string_equal(got(w, "workerAgeMs"), "0");
	world_moves(w, 30000);
	assert_well(w, "working");
	world_moves(w, 1);
	assert_missing(w);
	ask(w, "DELETE", "", NO_HEADERS);
	assert_well(w, "idle");
}

static void jobs_that_are_run_by_nobody(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	beat(w);
	struct job job = world_claim(w, RETURN);
	world_moves(w, 30000);
	assert_well(w, "working");
	assert_string_equal(got(w, "processing"), "1");
	world_moves(w, 1);
	assert_missing(w);
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 204},
	    NULL);
	assert_well(w, "idle");
}

/* Nobody but its client can make it go on. */
static void jobs_that_wait_for_their_client(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	struct job job = world_claim(w, RETURN);
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_NEED, .status = 401}, NULL);
	world_moves(w, 600000);
	assert_well(w, "idle");
	assert_string_equal(got(w, "pending"), "1");
	assert_string_equal(got(w, "needsCredentials"), "1");
	assert_string_equal(got(w, "oldestPendingAt"), "");
}

/* A clock that was put right is no worker's death for long, nor its life. */
static void clocks(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	world_moves(w, 60000);
	beat(w);
	w->now.wall_ms -= 3600000;
	assert_well(w, "idle"); /* no job is old now */
	beat(w);
	w->now.wall_ms += 3600000;
	assert_missing(w);
	beat(w);
	w->now.wall_ms -= 29000;
	assert_well(w, "working");
	w->now.wall_ms += 7200000;
	beat(w); /* this note will be of the future */
	w->now.wall_ms -= 7200000;
	assert_missing(w);
}

static void stores(void **state)
{
	struct world *w = *state;
	static const struct {
		enum err err;
		const char *store;
	} writes[] = {
	    {ERR_BUSY, "failing"}, {ERR_IO, "failing"}, {ERR_FULL, "full"}};

	w_faults.view = ERR_IO;
	look(w);
	assert_answer(w, 503);
	assert_string_equal(got(w, "store"), "unavailable");
	w_faults.view = ERR_AGAIN;
	look(w);
	assert_answer(w, 200);
	assert_string_equal(got(w, "store"), "busy");
	w_faults.view = ERR_OK;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		w_faults.commit = writes[i].err;
		send_it(w, "POST /api/v1/return", BODY);
		assert_answer(w, 503);
		look(w);
		assert_answer(w, 503);
		assert_string_equal(got(w, "store"), writes[i].store);
		assert_string_equal(got(w, "pending"), "0");
		/* nobody asks for a while: who knows */
		world_moves(w, 10000);
		assert_well(w, "idle");
		w_faults.commit = ERR_OK;
		w->app.trouble = 0;
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(nothing_to_do),
	    T(jobs_that_wait_for_nobody),
	    T(jobs_that_are_run_by_nobody),
	    T(jobs_that_wait_for_their_client),
	    T(clocks),
	    T(stores),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
