#include "tests/unit/app-world.h"

/*
 * once = true (cgi/once.c): what is delivered once, and that no byte of it
 * leaves before that is noted. Its cells are test-cells.c's.
 */
#define BODY "{\"vrn\":\"193054661\"}"
#define RESULT "{\"total\":1.10}"
#define NAME "x-request-id: a-name-nobody-would-guess"

static int up(void **state)
{
	w_apis[RETURN].once = true;
	return world_up(state);
}

static int down(void **state)
{
	w_apis[RETURN].once = false;
	return world_down(state);
}

static void begin(struct world *w, const char *header)
{
	world_send(w, "POST /api/v1/return", BODY, WITH(NAME, header));
	if (w->outcome == OUTCOME_PARK)
		ids_write(w->wait.id, w->id);
}

static void complete(struct world *w)
{
	world_complete(w, RETURN, 200, NULL, RESULT);
}

static void assert_delivered(struct world *w)
{
	assert_answer(w, 200);
	assert_true(str_is(w->ans.body, RESULT));
}

static void assert_consumed(struct world *w)
{
	assert_answer(w, 410);
	assert_string_equal(got(w, "error"), "result-consumed");
	assert_string_equal(got(w, "jobStatus"), "completed");
}

/* Nothing but a change comes out, whatever was to be delivered. */
static void assert_notes_first(struct world *w)
{
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	assert_int_equal(w->change->kind, CHANGE_READ);
	assert_int_equal(w->ans.body.n, 0);
	assert_int_equal(w->ans.status, 0);
}

static void a_repeat(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	begin(w, "x-wait-time-ms: 5000");
	assert_notes_first(w);
	world_commit(w);
	assert_delivered(w);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "5000");
	begin(w, NULL); /* again, and no note for that */
	assert_delivered(w);
}

static void the_result_itself(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_notes_first(w);
	world_commit(w);
	assert_delivered(w);
	/* its version is the one that it has from now on */
	const char *etag = got_header(w, "etag");
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got_header(w, "etag"), etag);
	assert_string_equal(got(w, "resultConsumed"), "true");
}

/* Whoever waits, on whatever of the three, is answered behind a note. */
static void whoever_waits(void **state)
{
	struct world *w = *state;
	struct waiting waits[3];

	begin(w, "x-wait-time-ms: 20000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	waits[0] = w->wait;
	begin(w, "x-wait-time-ms: 20000");
	waits[1] = w->wait;
	ask(w, "GET", "/result", WITH("prefer: wait=20"));
	waits[2] = w->wait;
	complete(w);
	for (int i = 0; i < 3; i++) {
		w->holds = true;
		w->wait = waits[i];
		world_resume(w);
		if (i == 0) {
			assert_notes_first(w);
			world_commit(w);
		}
		assert_delivered(w); /* the others within its moment */
		assert_string_equal(got_header(w, "x-wait-time-ms"), "20000");
		assert_int_equal(
		    answer_get(&w->ans, "preference-applied").n > 0, i == 2);
		assert_string_equal(
		    got_header(w, "x-request-id"), "a-name-nobody-would-guess");
	}
	world_moves(w, JOB_READ_MS);
	w->wait = waits[1];
	world_resume(w);
	assert_consumed(w);
}

/* Two at once: the second's note changes nothing, and both are his. */
static void two_at_once(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	ask(w, "GET", "/result", NO_HEADERS);
	struct change *first = w->change;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_notes_first(w);
	struct change *second = w->change;
	w->change = first;
	world_commit(w);
	assert_delivered(w);
	w->outcome = OUTCOME_COMMIT;
	w->change = second;
	world_commit(w);
	assert_delivered(w);
	/* one whose note came too late is not delivered */
	world_moves(w, JOB_READ_MS - 1);
	ask(w, "GET", "/result", NO_HEADERS);
	assert_delivered(w);
	world_moves(w, 1);
	ask(w, "GET", "/result", NO_HEADERS);
	assert_consumed(w);
	begin(w, NULL);
	assert_consumed(w);
}

static void a_note_that_comes_too_late(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_notes_first(w);
	struct change *late = w->change;
	ask(w, "GET", "/result", NO_HEADERS);
	world_commit(w);
	assert_delivered(w);
	world_moves(w, JOB_READ_MS);
	w->outcome = OUTCOME_COMMIT;
	w->change = late;
	late->event.now_ms = w->now.wall_ms;
	world_commit(w);
	assert_consumed(w);
}

static void purged_meanwhile(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_notes_first(w);
	struct change *late = w->change;
	w->holds = false;
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
	w->outcome = OUTCOME_COMMIT;
	w->change = late;
	world_commit(w);
	assert_answer(w, 410);
	assert_string_equal(got(w, "error"), "job-expired");
}

static void a_store_that_cannot_note_it(void **state)
{
	struct world *w = *state;
	static const struct {
		enum err err;
		int status;
	} rows[] = {{ERR_BUSY, 503}, {ERR_IO, 503}, {ERR_FULL, 503},
	    {ERR_CORRUPT, 500}};

	begin(w, NULL);
	complete(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w_faults.commit = rows[i].err;
		ask(w, "GET", "/result", NO_HEADERS);
		assert_answer(w, rows[i].status);
		assert_null(memmem(w->ans.body.p, w->ans.body.n, "total", 5));
	}
	w_faults.commit = ERR_OK;
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "resultConsumed"), "(none)");
	ask(w, "GET", "/result", NO_HEADERS);
	assert_delivered(w);
}

/* It is noted, and then it cannot be read: it is asked for again. */
static void a_store_that_cannot_be_read_then(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	w->holds = true;
	ask(w, "GET", "/result", WITH("prefer: wait=1"));
	assert_notes_first(w);
	w_faults.view = ERR_AGAIN;
	world_commit(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_moves(w, 20);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.view = ERR_OK;
	world_moves(w, 20);
	world_resume(w);
	assert_delivered(w);
}

/* It had ended before the loop came to its acceptance: asked at once. */
static void ended_before_it_waits(void **state)
{
	struct world *w = *state;
	struct change_list list;

	w->holds = true;
	begin(w, "x-wait-time-ms: 20000");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	struct change *change = w->change;
	app_rest(&w->app);
	TAILQ_INIT(&list);
	TAILQ_INSERT_TAIL(&list, change, in_list);
	changes_commit(w->store, &list);
	complete(w);
	w->app.seen = INT64_MAX; /* its ring was heard */
	w->outcome = app_committed(
	    &w->app, w->now, &w->arena, change, &w->ans, &w->wait);
	change_free(change);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.again_boot <= w->now.boot_ms);
	app_rest(&w->app);
	world_resume(w);
	assert_notes_first(w);
	world_commit(w);
	assert_delivered(w);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "20000");
}

/* Nor is it denied for good because somebody set the clock wrong. */
static void a_step_of_the_wall_clock(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	complete(w);
	ask(w, "GET", "", NO_HEADERS);
	w->now.wall_ms += w_apis[RETURN].ttl_ms;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_answer(w, 503);
	assert_true(answer_get(&w->ans, "retry-after").n > 0);
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 503);
	w->now.wall_ms -= w_apis[RETURN].ttl_ms;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_delivered(w);
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
}

static void what_delivers_nothing(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *method, *tail;
	} rows[] = {{"GET", ""}, {"HEAD", ""}, {"HEAD", "/result"},
	    {"GET", "?onComplete=redirect"}, {"DELETE", ""},
	    {"POST", "/cancel"}};

	begin(w, NULL);
	complete(w);
	w->holds = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(w, rows[i].method, rows[i].tail, NO_HEADERS);
		assert_answer(w, 200);
		assert_true(!w->ans.body.n ||
			    !memmem(w->ans.body.p, w->ans.body.n, "total", 5));
	}
	w->holds = false;
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "resultConsumed"), "(none)");
	assert_non_null(strstr(got(w, "resultUrl"), "/result"));
	ask(w, "GET", "/result", NO_HEADERS);
	assert_delivered(w);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "resultUrl"), "(none)");
}

/* What went wrong may be read as often as anybody likes. */
static void failures_are_no_results(void **state)
{
	struct world *w = *state;

	begin(w, NULL);
	world_fail(w, RETURN, REASON_UPSTREAM_REFUSED, 422, RESULT);
	w->holds = true;
	for (int i = 0; i < 3; i++) {
		ask(w, "GET", "/result", NO_HEADERS);
		assert_answer(w, 422);
		assert_true(str_is(w->ans.body, RESULT));
		world_moves(w, JOB_READ_MS);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
	    T(a_repeat),
	    T(the_result_itself),
	    T(whoever_waits),
	    T(two_at_once),
	    T(a_note_that_comes_too_late),
	    T(purged_meanwhile),
	    T(a_store_that_cannot_note_it),
	    T(a_store_that_cannot_be_read_then),
	    T(ended_before_it_waits),
	    T(a_step_of_the_wall_clock),
	    T(what_delivers_nothing),
	    T(failures_are_no_results),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
