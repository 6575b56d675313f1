#include "tests/unit/app-world.h"

/*
 * The endpoint and its store (cgi/look.c, and the halves of cgi/accept.c and
 * cgi/status.c): changes that go out and come back, a store that is away,
 * views, what changed.
 */
#define UUID "2f1c7a52-6a0e-4c53-9b7a-0d6f1f0a7a11"
#define BODY "{\"vrn\":\"193054661\",\"marker\":\"quite-plain-text\"}"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* 503 with all that belongs to it, and nothing about any job. */
static void assert_away(struct world *w, const char *error)
{
	assert_answer(w, 503);
	assert_string_equal(got(w, "error"), error);
	assert_string_not_equal(got_header(w, "retry-after"), "");
	assert_string_equal(got(w, "jobId"), "(none)");
}

static void a_store_that_is_away(void **state)
{
	static const struct {
		enum err err;
		const char *error;
	} rows[] = {{ERR_BUSY, "store-unavailable"},
	    {ERR_IO, "store-unavailable"}, {ERR_FULL, "store-full"}};
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err *const points[] = {&w_faults.begin, &w_faults.insert,
		    &w_faults.commit, &w_faults.view};
		for (size_t p = 0; p < 4; p++) {
			*points[p] = rows[i].err;
			send_it(w, "POST /api/v1/return", BODY,
			    "x-request-id: " UUID);
			world_outlast(w);
			assert_away(w, rows[i].error);
			*points[p] = ERR_OK;
		}
		assert_int_equal(world_count(w, RETURN), 1);
		w_faults.view = rows[i].err;
		ask(w, "GET", "", NO_HEADERS);
		world_outlast(w);
		assert_away(w, rows[i].error);
		ask(w, "DELETE", "", NO_HEADERS);
		assert_away(w, rows[i].error);
		send_it(w, "GET /api/jobs/health", NULL);
		assert_answer(w, 503);
		assert_string_equal(got(w, "store"), "unavailable");
		w_faults.view = ERR_OK;
		w_faults.begin = rows[i].err;
		ask(w, "DELETE", "", NO_HEADERS);
		assert_away(w, rows[i].error);
		w_faults.begin = ERR_OK;
		ask(w, "GET", "", NO_HEADERS);
		assert_string_equal(got(w, "status"), "pending");
	}
}

/* A monitor is not to be told that the store is down whenever it is tidied. */
static void health_while_readers_are_held_back(void **state)
{
	struct world *w = *state;

	w_faults.view = ERR_AGAIN;
	send_it(w, "GET /api/jobs/health", NULL);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "ok");
	assert_string_equal(got(w, "store"), "busy");
	assert_string_equal(got(w, "pending"), "(none)");
}

/* What an answer tells of its request is kept for after the commit. */
static void what_is_refused_late_is_told_as_before(void **state)
{
	struct world *w = *state;

	w_faults.commit = ERR_FULL;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "traceparent: " TRACE, "origin: http://127.0.0.1:8080");
	assert_away(w, "store-full");
	assert_string_equal(got_header(w, "x-request-id"), UUID);
	assert_string_equal(got(w, "requestId"), UUID);
	assert_string_equal(got(w, "instance"), "/api/v1/return");
	assert_string_equal(got_header(w, "traceparent"), TRACE);
	assert_string_equal(got_header(w, "access-control-allow-origin"),
	    "http://127.0.0.1:8080");
	/* an id that was made here names nothing now */
	send_it(w, "POST /api/v1/return", BODY);
	assert_away(w, "store-full");
	assert_int_equal(strlen(got(w, "requestId")), 32);
	w_faults.commit = ERR_OK;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "traceparent: " TRACE, "origin: http://127.0.0.1:8080");
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "traceparent"), TRACE);
	assert_string_equal(got_header(w, "access-control-allow-origin"),
	    "http://127.0.0.1:8080");
}

static void a_store_that_is_away_while_it_waits(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 100");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	struct waiting parked = w->wait;
	int64_t until = w->now.boot_ms + 100 + 5000;
	w_faults.view = ERR_BUSY;
	world_resume(w); /* a bell */
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.again_boot, w->now.boot_ms + 200);
	world_outlast(w);
	assert_away(w, "store-unavailable");
	assert_string_equal(
	    got_header(w, "x-request-id"), ids_text(&w->arena, parked.id).p);
	assert_int_equal(w->now.boot_ms, until);
	/* one for whom the store comes back in time */
	world_moves(w, -5000);
	w->wait = parked;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.view = ERR_OK;
	world_resume(w);
	assert_answer(w, 202);
}

/* Readers that are held back for a moment: nobody is told. */
static void a_look_up_waits_for_the_store(void **state)
{
	static const struct {
		const char *method, *tail;
		int status;
	} rows[] = {{"GET", "", 200}, {"HEAD", "", 200},
	    {"GET", "/result", 202}, {"GET", "?onComplete=redirect", 303}};
	static const struct {
		enum err err;
		int64_t ms;
	} troubles[] = {{ERR_AGAIN, 20}, {ERR_BUSY, 200}, {ERR_IO, 200}};
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == 303)
			world_complete(w, RETURN, 201, "/b/1", "{}");
		for (size_t t = 0; t < 3; t++) {
			w_faults.view = troubles[t].err;
			ask(w, rows[i].method, rows[i].tail,
			    WITH("origin: http://127.0.0.1:8080",
				"if-none-match: \"1\"", "prefer: wait=9"));
			assert_int_equal(w->outcome, OUTCOME_PARK);
			assert_int_equal(w->wait.again_boot,
			    w->now.boot_ms + troubles[t].ms);
			assert_int_equal(
			    w->wait.deadline_boot, w->now.boot_ms + 5000);
			w_faults.view = ERR_OK;
			world_resume(w);
			assert_answer(w, rows[i].status);
			assert_string_equal(
			    got_header(w, "x-request-id"), UUID);
			assert_string_equal(
			    got_header(w, "access-control-allow-origin"),
			    "http://127.0.0.1:8080");
			assert_int_equal(w->ans.head, i == 1);
		}
	}
	/* one that is not there is the same 404 as ever */
	uint8_t id[JOB_ID_BYTES], nobody[JOB_OWNER_BYTES] = {0};
	ids_random(&w->keys, &w_apis[RETURN], nobody, id);
	ids_write(id, w->id);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 404);
	struct str before = w->ans.body;
	w_faults.view = ERR_AGAIN;
	ask(w, "GET", "", NO_HEADERS);
	w_faults.view = ERR_OK;
	world_outlast(w);
	assert_answer(w, 404);
	assert_true(str_eq(before, w->ans.body));
}

/* A re-send whose row cannot be looked up at once; its body is gone then. */
static void a_re_send_waits_for_the_store(void **state)
{
#define KEY "idempotency-key: k", "owner: ann"
#define NAMED "x-request-id: n", "owner: ann"
	static const struct {
		const char *body, *name, *owner;
		int status;
		const char *error;
	} rows[] = {
	    {"{}", KEY, 202, "(none)"},
	    {"[]", KEY, 422, "idempotency-key-reused"},
	    {"{}", NAMED, 202, "(none)"},
	    {"[]", NAMED, 409, "id-conflict"},
	    {"{}", "x-request-id: m", "owner: ann", 503, "store-unavailable"},
	    {"{}", "idempotency-key: l", "owner: ann", 503,
		"store-unavailable"},
	};
	struct world *w = *state;
	char line[100];

	send_it(w, "POST /api/v1/owned", "{}", KEY);
	send_it(w, "POST /api/v1/owned", "{}", NAMED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w_faults.view = ERR_AGAIN;
		world_send(w, "POST /api/v1/owned", rows[i].body,
		    WITH(rows[i].name, rows[i].owner, "x-wait-time-ms: 9"));
		assert_int_equal(w->outcome, OUTCOME_PARK);
		assert_int_equal(w->wait.view, WAIT_REPEAT);
		w_faults.view = ERR_OK;
		world_outlast(w);
		assert_answer(w, rows[i].status);
		assert_string_equal(got(w, "error"), rows[i].error);
		if (rows[i].status == 503) {
			assert_away(w, "store-unavailable");
			/* its own name is gone, and it is given no other */
			assert_string_equal(got_header(w, "x-request-id"), "");
		}
		if (rows[i].status == 202)
			assert_string_equal(
			    got_header(w, "x-wait-time-ms"), "9");
	}
	assert_int_equal(world_count(w, OWNED), 2);
	/* by a job id of ours: there, and gone */
	send_it(w, "POST /api/v1/return", BODY);
	for (int i = 0; i < 2; i++) {
		uint8_t nobody[JOB_OWNER_BYTES] = {0}, id[JOB_ID_BYTES];
		if (i) {
			ids_random(&w->keys, &w_apis[RETURN], nobody, id);
			ids_write(id, w->id);
		}
		snprintf(line, sizeof(line), "x-request-id: %s", w->id);
		w_faults.view = ERR_BUSY;
		world_send(w, "POST /api/v1/return", BODY, WITH(line));
		w_faults.view = ERR_OK;
		world_outlast(w);
		assert_answer(w, i ? 410 : 202);
	}
}

/* It says that it is the first: the commit finds out whether that is so. */
static void a_first_request_needs_no_look_up(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		w_faults.view = ERR_AGAIN;
		send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
		    "x-initial-request: true");
		assert_int_equal(w->outcome, i ? OUTCOME_PARK : OUTCOME_ANSWER);
		w_faults.view = ERR_OK;
		world_outlast(w);
		assert_answer(w, 202);
		assert_string_equal(
		    got(w, "status"), i ? "pending" : "accepted");
	}
	assert_int_equal(world_count(w, RETURN), 1);
	w_faults.view = ERR_AGAIN; /* without a name there is nothing to find */
	send_it(w, "POST /api/v1/return", BODY);
	assert_answer(w, 202);
	w_faults.view = ERR_OK;
	assert_int_equal(world_count(w, RETURN), 2);
}

/* Not a line a request. */
static void trouble_is_told_once(void **state)
{
	static const struct {
		enum err err;
		int64_t after_ms;
		int failed, again; /* lines so far */
	} steps[] = {{ERR_OK, 5000, 0, 0}, {ERR_FULL, 0, 1, 0},
	    {ERR_FULL, 5000, 1, 0}, {ERR_OK, 999, 1, 0}, {ERR_IO, 1, 2, 0},
	    {ERR_FULL, 0, 2, 0}, {ERR_OK, 1000, 2, 1}, {ERR_OK, 1000, 2, 1},
	    {ERR_FULL, 0, 3, 1}};
	struct world *w = *state;
	FILE *f = tmpfile();
	struct log log = {.fd = fileno(f), .program = "lowtide-cgi"};
	char *line = NULL;
	size_t cap = 0;

	w->app.log = &log;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int failed = 0, again = 0;

		world_moves(w, steps[i].after_ms);
		w_faults.commit = steps[i].err;
		send_it(w, "POST /api/v1/return", BODY);
		assert_answer(w, steps[i].err ? 503 : 202);
		rewind(f);
		while (getline(&line, &cap, f) > 0) {
			failed += strstr(line, "\"store-failed\"") != NULL;
			again += strstr(line, "\"store-works-again\"") != NULL;
		}
		assert_int_equal(failed, steps[i].failed);
		assert_int_equal(again, steps[i].again);
	}
	free(line);
	fclose(f);
}

/* ---- before and after the commit ----------------------------------------- */

static void a_wait_counts_from_the_request(void **state)
{
	struct world *w = *state;

	w->holds = true;
	send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 5000");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	int64_t asked = w->now.boot_ms;
	world_moves(w, 3000);
	world_commit(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.answer_boot, asked + 5000);
	app_rest(&w->app);
	send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 5000");
	world_moves(w, 5000);
	world_commit(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "status"), "accepted");
	assert_string_equal(got_header(w, "x-wait-time-ms"), "5000");
	/* somebody was faster, and so long ago that the hold is over */
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	world_moves(w, 1000);
	w->holds = false;
	struct change *held = w->change;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_answer(w, 202);
	w->change = held;
	w->outcome = OUTCOME_COMMIT;
	world_commit(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "status"), "pending");
}

static void cancelled_too_late(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	w->holds = true;
	ask(w, "DELETE", "", WITH("traceparent: " TRACE));
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	world_complete(w, RETURN, 200, NULL, "{\"a\":1}");
	world_commit(w);
	app_rest(&w->app);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "completed");
	assert_string_equal(got(w, "result.a"), "1");
	assert_string_equal(got_header(w, "x-request-id"), UUID);
	assert_string_equal(got_header(w, "traceparent"), TRACE);
}

/*
 * While readers are held back the store is well, and cancelling needs none:
 * the commit finds out what there is.
 */
static void cancelled_unseen(void **state)
{
	static const struct {
		bool ended, blind; /* also when it is answered */
		const char *status;
	} rows[] = {{false, false, "cancelled"}, {false, true, "cancelled"},
	    {true, false, "completed"}, {true, true, "completed"}};
	const uint8_t nobody[JOB_OWNER_BYTES] = {0};
	struct world *w = *state;
	uint8_t id[JOB_ID_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str name = arena_printf(&w->arena,
		    "x-request-id: 2f1c7a52-6a0e-4c53-9b7a-0d6f1f0a7a0%zu", i);
		send_it(w, "POST /api/v1/return", BODY,
		    arena_cstr(&w->arena, name));
		if (rows[i].ended)
			world_complete(w, RETURN, 200, NULL, "{\"a\":1}");
		w->holds = true;
		w_faults.view = ERR_AGAIN;
		ask(w, "DELETE", "", NO_HEADERS);
		assert_int_equal(w->outcome, OUTCOME_COMMIT);
		w->holds = false;
		w_faults.view = rows[i].blind ? ERR_AGAIN : ERR_OK;
		world_commit(w);
		app_rest(&w->app);
		w_faults.view = ERR_OK;
		world_outlast(w);
		assert_answer(w, 200);
		assert_string_equal(got(w, "status"), rows[i].status);
		assert_string_equal(got(w, "jobId"), w->id);
		if (rows[i].ended || !rows[i].blind)
			assert_string_equal(got_header(w, "x-request-id"),
			    arena_cstr(&w->arena, name) + 14);
	}
	/* one that is not there is the same 404 as ever */
	ids_random(&w->keys, &w_apis[RETURN], nobody, id);
	ids_write(id, w->id);
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 404);
	struct str before = w->ans.body;
	w_faults.view = ERR_AGAIN;
	ask(w, "DELETE", "", NO_HEADERS);
	w_faults.view = ERR_OK;
	assert_answer(w, 404);
	assert_true(str_eq(before, w->ans.body));
}

/* It ended, and that was looked for, when nobody waited for it yet. */
static void ended_before_it_was_parked(void **state)
{
	struct world *w = *state;
	struct park *park = park_new(4);
	struct change_list list;

	for (int i = 0; i < 3; i++) {
		w->holds = true;
		send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 5000");
		assert_int_equal(w->outcome, OUTCOME_COMMIT);
		struct change *change = w->change;
		TAILQ_INIT(&list);
		TAILQ_INSERT_TAIL(&list, change, in_list);
		changes_commit(w->store, &list);
		if (i)
			world_complete(w, RETURN, 200, NULL, "{}");
		assert_true(app_changed(&w->app, park));
		app_rest(&w->app);
		w_faults.view = i == 2 ? ERR_AGAIN : ERR_OK;
		w->outcome = app_committed(
		    &w->app, w->now, &w->arena, change, &w->ans, &w->wait);
		change_free(change);
		w_faults.view = ERR_OK;
		app_rest(&w->app);
		if (i == 1) {
			assert_answer(w, 200);
			assert_true(str_is(w->ans.body, "{}"));
			continue;
		}
		assert_int_equal(w->outcome, OUTCOME_PARK);
		assert_int_equal(
		    w->wait.again_boot, w->now.boot_ms + (i ? 20 : 5000));
		assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 5000);
		if (i == 0)
			world_complete(w, RETURN, 200, NULL, "{}");
		world_resume(w);
		assert_answer(w, 200);
	}
	park_free(park);
}

/* It ended well, but what came of it cannot be had: no empty answer. */
static void ended_and_unreadable(void **state)
{
	static const struct {
		enum body_kind kind;
		enum err err;
		int64_t ms;
		int status; /* once it is asked again */
	} rows[] = {{BODY_RESULT, ERR_IO, 200, 200},
	    {BODY_RESULT, ERR_BUSY, 200, 200}, {BODY_META, ERR_IO, 200, 200},
	    {BODY_RESULT, ERR_CORRUPT, 200, 500}};
	struct world *w = *state;
	struct park *park = park_new(4);

	w->holds = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 5000");
		assert_int_equal(w->outcome, OUTCOME_COMMIT);
		struct change *change = w->change;
		struct change_list list = TAILQ_HEAD_INITIALIZER(list);
		TAILQ_INSERT_TAIL(&list, change, in_list);
		changes_commit(w->store, &list);
		world_complete(w, RETURN, 200, NULL, "{\"a\":1}");
		assert_true(app_changed(&w->app, park));
		app_rest(&w->app);
		w_faults.body[rows[i].kind] = rows[i].err;
		w->outcome = app_committed(
		    &w->app, w->now, &w->arena, change, &w->ans, &w->wait);
		change_free(change);
		app_rest(&w->app);
		assert_int_equal(w->outcome, OUTCOME_PARK);
		assert_int_equal(
		    w->wait.again_boot, w->now.boot_ms + rows[i].ms);
		if (rows[i].err != ERR_CORRUPT)
			w_faults.body[rows[i].kind] = ERR_OK;
		world_resume(w);
		assert_answer(w, rows[i].status);
		assert_int_equal(
		    str_is(w->ans.body, "{\"a\":1}"), rows[i].status == 200);
		w_faults.body[rows[i].kind] = ERR_OK;
	}
	park_free(park);
}

/* ---- views --------------------------------------------------------------- */

static void one_view_serves_a_wake(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	w_faults.views = 0;
	w->stays = true;
	for (int i = 0; i < 3; i++) {
		ask(w, "GET", "", NO_HEADERS);
		assert_answer(w, 200);
		ask(w, "GET", "/result", NO_HEADERS);
		assert_answer(w, 202);
		send_it(w, "GET /api/jobs/health", NULL);
		assert_answer(w, 200);
	}
	assert_int_equal(w_faults.views, 1);
	app_rest(&w->app);
	app_rest(&w->app); /* there is none */
	ask(w, "GET", "", NO_HEADERS);
	assert_int_equal(w_faults.views, 2);
}

static void an_old_view_is_not_the_last_word(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	w_faults.hidden = 1;
	ask(w, "GET", "", NO_HEADERS); /* a new one is */
	assert_answer(w, 404);
	w->stays = true;
	send_it(w, "GET /api/jobs/health", NULL);
	w_faults.views = 0;
	w_faults.hidden = 1;
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	assert_int_equal(w_faults.views, 1);
	/* the new one cannot be had */
	w_faults.hidden = 1;
	w_faults.view = ERR_AGAIN;
	ask(w, "GET", "", NO_HEADERS);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.view = ERR_OK;
	world_outlast(w);
	assert_answer(w, 200);
}

/* A slot for what w->wait waits for. */
static struct park_name put(struct world *w, struct park *park)
{
	const struct park_slot slot = {.waiting = w->wait};
	struct park_name name;

	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(park_put(park, &slot, &name), ERR_OK);
	return name;
}

/* Who is woken, as a bit each; he is off the list then. */
static unsigned woken(struct world *w, struct park *park)
{
	struct park_name name;
	unsigned bits = 0;

	app_rest(&w->app);
	assert_true(app_changed(&w->app, park));
	app_rest(&w->app);
	while (park_woken(park, &name))
		bits |= 1u << name.index;
	return bits;
}

static void what_changed_wakes_its_own(void **state)
{
	struct world *w = *state;
	struct park *park = park_new(8);
	char second[IDS_TEXT + 1];

	assert_int_equal(woken(w, park), 0);
	for (int i = 0; i < 2; i++) {
		send_it(w, i ? "POST /api/v1/bundle" : "POST /api/v1/return",
		    BODY, "x-wait-time-ms: 5000");
		assert_int_equal(put(w, park).index, i);
		ids_write(w->wait.id, i ? second : w->id);
	}
	w->app.seen = 0;
	assert_int_equal(woken(w, park), 3); /* nothing was known before */
	assert_int_equal(woken(w, park), 0);
	world_claim(w, BUNDLE);
	assert_int_equal(woken(w, park), 2);
	assert_int_equal(woken(w, park), 0);
	/* what cannot be read now is not forgotten */
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 200);
	w_faults.view = ERR_AGAIN;
	assert_false(app_changed(&w->app, park));
	w_faults.view = ERR_OK;
	assert_int_equal(woken(w, park), 1);
	/* somebody else's as well */
	send_it(w, "POST /api/v1/return", BODY);
	strcpy(w->id, second);
	ask(w, "DELETE", "", NO_HEADERS);
	assert_int_equal(w->ans.status, 202);
	assert_int_equal(woken(w, park), 2);
	park_free(park);
}

/* More than anybody wants to look at one by one. */
static void very_much_changed(void **state)
{
	struct world *w = *state;
	struct park *park = park_new(8);
	struct job job = {.accepted_ms = 1};

	send_it(w, "POST /api/v1/bundle", BODY, "x-wait-time-ms: 5000");
	put(w, park);
	w->app.seen = 1;
	for (int more = 0; more < 2; more++) {
		assert_int_equal(store_begin(w->store), ERR_OK);
		for (uint32_t i = 0; i < 4095u + (unsigned)more; i++) {
			memcpy(job.id + JOB_KEY_OFFSET, &i, sizeof(i));
			job.id[JOB_ID_BYTES - 17] = (uint8_t)(1 + more);
			assert_int_equal(store_accept(w->store, RETURN, &job,
					     STR("r"), (struct str){0}),
			    ERR_OK);
		}
		assert_int_equal(store_commit(w->store), ERR_OK);
		assert_int_equal(woken(w, park), (unsigned)more);
	}
	park_free(park);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(a_store_that_is_away),
	    T(health_while_readers_are_held_back),
	    T(trouble_is_told_once),
	    T(what_is_refused_late_is_told_as_before),
	    T(a_store_that_is_away_while_it_waits),
	    T(a_look_up_waits_for_the_store),
	    T(a_re_send_waits_for_the_store),
	    T(a_first_request_needs_no_look_up),
	    T(a_wait_counts_from_the_request),
	    T(cancelled_too_late),
	    T(cancelled_unseen),
	    T(ended_before_it_was_parked),
	    T(ended_and_unreadable),
	    T(one_view_serves_a_wake),
	    T(an_old_view_is_not_the_last_word),
	    T(what_changed_wakes_its_own),
	    T(very_much_changed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("app-store", tests, NULL, NULL);
}
