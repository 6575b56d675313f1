#include "tests/unit/app-world.h"

/*
 * Cancelling and purging (cgi/cancel.c, cgi/purge.c) where something happens
 * between the look and the commit, or nothing could be looked at. The plain
 * cells are test-cells.c's.
 */
#define BODY "{\"vrn\":\"193054661\"}"
#define STRICTLY WITH("prefer: respond-async, handling=strict")

static void complete(struct world *w)
{
	world_complete(w, RETURN, 200, NULL, "{}");
}

/* Asks with the readers held back: a commit has to find what there is. */
static void ask_blind(struct world *w, const char *method, const char *tail,
    const char *const *headers)
{
	w->holds = true;
	w_faults.view = ERR_AGAIN;
	ask(w, method, tail, headers);
	w_faults.view = ERR_OK;
	w->holds = false;
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	world_commit(w);
	app_rest(&w->app);
}

static void purged_blindly(void **state)
{
	struct world *w = *state;
	uint8_t id[JOB_ID_BYTES], nobody[JOB_OWNER_BYTES] = {0};

	send_it(w, "POST /api/v1/return", BODY);
	ask_blind(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 409);
	assert_string_equal(got(w, "error"), "job-open");
	assert_string_equal(got(w, "jobStatus"), "pending");
	complete(w);
	ask_blind(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
	world_moves(w, 1);
	ask_blind(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 410);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 410);
	ids_random(&w->keys, &w_apis[RETURN], nobody, id);
	ids_write(id, w->id);
	ask_blind(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 404);
	assert_string_equal(got(w, "error"), "job-not-found");
}

static void a_purge_that_cannot_be_written(void **state)
{
	struct world *w = *state;
	static const enum err errors[] = {ERR_BUSY, ERR_IO, ERR_FULL};

	send_it(w, "POST /api/v1/return", BODY);
	complete(w);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		w_faults.commit = errors[i];
		ask(w, "DELETE", "?purge=1", NO_HEADERS);
		assert_answer(w, 503);
		assert_true(answer_get(&w->ans, "retry-after").n > 0);
		w_faults.commit = ERR_OK;
		ask(w, "GET", "/result", NO_HEADERS);
		assert_answer(w, 200);
	}
	w_faults.view = ERR_IO;
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 503);
}

/* Nothing of it can be had any more, and its name begins nothing. */
static void what_a_purge_leaves(void **state)
{
	struct world *w = *state;
	static const char name[] = "x-request-id: a-name-nobody-would-guess";
	struct job row;
	struct str bytes;
	uint8_t id[JOB_ID_BYTES];

	send_it(w, "POST /api/v1/return", BODY, name);
	complete(w);
	assert_int_equal(ids_read(str_of(w->id), id), ERR_OK);
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
	assert_int_equal(store_view(w->store), ERR_OK);
	assert_int_equal(
	    store_get(w->store, RETURN, id + JOB_KEY_OFFSET, &row), ERR_OK);
	assert_int_equal(row.gone_ms, w->now.wall_ms);
	for (int kind = 0; kind < BODY_KINDS; kind++)
		assert_int_equal(store_body(w->store, &row,
				     (enum body_kind)kind, &w->arena, &bytes),
		    ERR_NOT_FOUND);
	store_unview(w->store);
	send_it(w, "POST /api/v1/return", BODY, name);
	assert_answer(w, 410);
	send_it(
	    w, "POST /api/v1/return", BODY, name, "x-initial-request: true");
	assert_answer(w, 410);
	assert_int_equal(world_count(w, RETURN), 1);
}

/* It ended between the look and the commit. */
static void too_late_by_a_moment(void **state)
{
	struct world *w = *state;

	for (int strict = 0; strict < 2; strict++) {
		send_it(w, "POST /api/v1/return", BODY);
		w->holds = true;
		ask(w, "DELETE", "", strict ? STRICTLY : NO_HEADERS);
		assert_int_equal(w->outcome, OUTCOME_COMMIT);
		w->holds = false;
		complete(w);
		world_commit(w);
		assert_answer(w, strict ? 409 : 200);
		assert_string_equal(got(w, strict ? "error" : "status"),
		    strict ? "job-already-finished" : "completed");
		app_rest(&w->app);
	}
	/* purged as well: strict or not it is gone */
	for (int strict = 0; strict < 2; strict++) {
		send_it(w, "POST /api/v1/return", BODY);
		w->holds = true;
		ask(w, "DELETE", "", strict ? STRICTLY : NO_HEADERS);
		struct change *late = w->change;
		w->holds = false;
		complete(w);
		ask(w, "DELETE", "?purge=1", NO_HEADERS);
		assert_answer(w, 204);
		w->change = late;
		w->outcome = OUTCOME_COMMIT;
		world_commit(w);
		assert_answer(w, 410);
		app_rest(&w->app);
	}
}

static void cancelled_strictly_and_blindly(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	ask_blind(w, "POST", "/cancel", STRICTLY);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "cancelled");
	ask_blind(w, "POST", "/cancel", STRICTLY); /* as he wished */
	assert_answer(w, 200);
	send_it(w, "POST /api/v1/return", BODY);
	complete(w);
	ask_blind(w, "POST", "/cancel", STRICTLY);
	assert_answer(w, 409);
	assert_string_equal(
	    got_header(w, "preference-applied"), "handling=strict");
	ask(w, "POST", "/cancel", WITH("prefer: handling=lenient"));
	assert_answer(w, 200);
	ask(w, "POST", "/cancel", WITH("prefer: handling=\"strict\"; x=1"));
	assert_answer(w, 409);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(purged_blindly),
	    T(a_purge_that_cannot_be_written),
	    T(what_a_purge_leaves),
	    T(too_late_by_a_moment),
	    T(cancelled_strictly_and_blindly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
