#include "tests/unit/events-world.h"

/* ---- one job ------------------------------------------------------------- */

static void test_a_life(void **state)
{
	struct world *w = *state;
	struct event e;

	accept_one(w);
	ask(w, "GET", "", NO_HEADERS);
	const char *document = body_of(w);
	begin(w, "", WITH("accept: text/event-stream", "x-request-id: mine"));
	assert_begins(w);
	assert_event(w, "job", "pending");
	e = only(w);
	assert_string_equal(e.data, document); /* C's own */
	/* nothing has happened, however often it rings */
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.again_boot == w->wait.answer_boot);
	struct job job = world_claim(w, BUNDLE);
	world_resume(w);
	assert_streams(w);
	assert_int_equal(w->ans.status, 0); /* no other head */
	assert_event(w, "job", "processing");
	/* what happens between two looks is told once, the newest of it */
	job = progress(w, job, 10);
	job = progress(w, job, 40);
	world_resume(w);
	assert_event(w, "job", "processing");
	e = only(w);
	assert_string_equal(said(w, &e, "progress"), "40");
	complete(w, job, "{\"id\":\"b1\"}");
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_event(w, "job", "completed");
	e = only(w);
	assert_string_equal(said(w, &e, "result.id"), "b1");
}

/* What it says of itself is told with how far it is, and not for longer. */
static void test_what_it_says(void **state)
{
	static const char *const said_so[] = {"first rows", "last rows"};
	struct world *w = *state;
	struct event e;

	accept_one(w);
	begin(w, "", NO_HEADERS);
	struct job job = world_claim(w, BUNDLE);
	world_resume(w);
	e = only(w);
	assert_string_equal(said(w, &e, "message"), "(none)");
	for (int i = 0; i < 2; i++) {
		const struct envelope_note note = {
		    .message = str_of(said_so[i])};

		world_tell(w, BUNDLE, &job,
		    (struct job_event){
			.kind = JOB_EVENT_HEARTBEAT, .progress = 40},
		    &note);
		world_resume(w);
		assert_event(w, "job", "processing");
		e = only(w);
		assert_string_equal(said(w, &e, "progress"), "40");
		assert_string_equal(said(w, &e, "message"), said_so[i]);
	}
	complete(w, job, "{}");
	world_resume(w);
	e = only(w);
	assert_string_equal(said(w, &e, "message"), "(none)");
}

static void test_signs_of_life(void **state)
{
	struct world *w = *state;

	accept_one(w);
	begin(w, "", NO_HEADERS);
	assert_begins(w);
	for (int i = 0; i < 3; i++) {
		const int64_t due = w->wait.answer_boot;
		assert_true(w->wait.again_boot == due);
		assert_int_equal(due % 1000, 0); /* many wake it once */
		world_moves(w, due - w->now.boot_ms - 1);
		world_resume(w);
		assert_int_equal(w->outcome, OUTCOME_PARK);
		world_moves(w, 1);
		world_resume(w);
		assert_streams(w);
		assert_true(strncmp(body_of(w), ":\n\n", 3) == 0);
		struct event e = only(w);
		assert_string_equal(e.name, "");
		assert_true(e.id == w->wait.version);
	}
	/* an event is a sign of life, too */
	world_moves(w, 10000);
	world_claim(w, BUNDLE);
	world_resume(w);
	assert_streams(w);
}

static void test_a_result_of_many_lines(void **state)
{
	struct world *w = *state;

	accept_one(w);
	complete(w, world_claim(w, BUNDLE), "{\n \"a\":\r\n [1,\n2]\n}\n");
	begin(w, "", NO_HEADERS);
	assert_answer(w, 200);
	struct event e = only(w);
	assert_string_equal(said(w, &e, "result.a.1"), "(none)");
	assert_string_equal(said(w, &e, "status"), "completed");
	assert_non_null(strstr(e.data, "[1, 2] }"));
}

static void test_a_large_result_is_elsewhere(void **state)
{
	struct world *w = *state;
	char *big = arena_alloc(&w->arena, 100000);

	memset(big, ' ', 99999);
	big[0] = '[';
	big[99998] = ']';
	accept_one(w);
	complete(w, world_claim(w, BUNDLE), big);
	begin(w, "", NO_HEADERS);
	assert_answer(w, 200);
	struct event e = only(w);
	assert_string_equal(said(w, &e, "result"), "(none)");
	assert_non_null(strstr(said(w, &e, "resultUrl"), "/result"));
	assert_true(w->ans.body.n < 2000);
	/* just within: whole, in one piece */
	memset(big, ' ', 65536);
	big[0] = '[';
	strcpy(big + 65535, "]");
	accept_one(w);
	complete(w, world_claim(w, BUNDLE), big);
	begin(w, "", NO_HEADERS);
	e = only(w);
	assert_non_null(strstr(e.data, "\"result\":[  "));
	assert_true(w->ans.body.n > 65536);
}

/* Nothing is said of what may be read only once. */
static void test_once(void **state)
{
	struct world *w = *state;

	w_apis[BUNDLE].once = true;
	accept_one(w);
	begin(w, "", NO_HEADERS);
	assert_begins(w);
	complete(w, world_claim(w, BUNDLE), "{\"secret\":\"s3cr3t\"}");
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_event(w, "job", "completed");
	assert_null(strstr(body_of(w), "s3cr3t"));
	begin(w, "", NO_HEADERS);
	assert_answer(w, 200);
	assert_null(strstr(body_of(w), "s3cr3t"));
}

static void test_resumes_and_stops(void **state)
{
	struct world *w = *state;
	char id[64], query[64];

	accept_one(w);
	begin(w, "", NO_HEADERS);
	const int64_t first = w->wait.version;
	snprintf(id, sizeof(id), "last-event-id: %lld", (long long)first);
	snprintf(query, sizeof(query), "?lastEventId=%lld", (long long)first);
	/* known already: begins with nothing but where it is */
	begin(w, "", WITH(id));
	assert_begins(w);
	assert_string_equal(only(w).name, "");
	assert_true(only(w).id == first);
	begin(w, query, NO_HEADERS);
	assert_begins(w);
	assert_string_equal(only(w).name, "");
	/* what changes is told, whatever was said to be known */
	begin(w, "", WITH("last-event-id: 9000000000000000000"));
	assert_begins(w);
	assert_true(w->wait.version == first);
	struct job job = world_claim(w, BUNDLE);
	world_resume(w);
	assert_event(w, "job", "processing");
	/* missed something: told at once */
	begin(w, "", WITH(id));
	assert_event(w, "job", "processing");
	/* malformed is as none; the header is younger than the address */
	begin(w, query, WITH("last-event-id: x"));
	assert_event(w, "job", "processing");
	begin(w, "?lastEventId=zzz", NO_HEADERS);
	assert_event(w, "job", "processing");
	begin(w, "?lastEventId=9000000000000000000", WITH(id));
	assert_event(w, "job", "processing");
	complete(w, job, "{}");
	begin(w, "", WITH(id));
	assert_answer(w, 200);
	assert_event(w, "job", "completed");
	/* told, and over: 204, so that nobody comes again */
	snprintf(id, sizeof(id), "last-event-id: %lld", (long long)only(w).id);
	begin(w, "", WITH(id));
	assert_answer(w, 204);
	assert_int_equal(w->ans.body.n, 0);
	assert_string_equal(got_header(w, "Content-Type"), "");
}

static void test_commands(void **state)
{
	struct world *w = *state;
	struct event e;

	accept_one(w);
	begin(w, "?view=command", NO_HEADERS);
	assert_begins(w);
	assert_event(w, "bundle.taken", "pending");
	/* `started` has no name here */
	struct job job = world_claim(w, BUNDLE);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	job = progress(w, job, 30);
	world_resume(w);
	assert_event(w, "bundle.moved", "processing");
	complete(w, job, "{}");
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_event(w, "bundle.created", "completed");
	/* an end without a name: the end, and then 204 */
	accept_one(w);
	begin(w, "?view=command", NO_HEADERS);
	struct waiting waits = w->wait;
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 200);
	w->wait = waits;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	e = only(w);
	assert_string_equal(e.name, "");
	assert_true(e.id == w->wait.version);
	begin(w, "?view=command", NO_HEADERS);
	assert_answer(w, 204);
}

static void test_alerts(void **state)
{
	struct world *w = *state;

	accept_one(w);
	begin(w, "?view=alert", NO_HEADERS);
	assert_begins(w);
	assert_string_equal(only(w).name, "");
	struct job job = world_claim(w, BUNDLE);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	/* it needs another credential */
	world_finish(
	    w, BUNDLE, &job, (struct job_event){.kind = JOB_EVENT_NEED}, NULL);
	world_resume(w);
	assert_streams(w);
	assert_event(w, "alert", "pending");
	/* cancelled */
	struct waiting waits = w->wait;
	ask(w, "DELETE", "", NO_HEADERS);
	w->wait = waits;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_event(w, "alert", "cancelled");
	/* failed before anybody asked */
	accept_one(w);
	world_fail(w, BUNDLE, REASON_OUTCOME_UNKNOWN, 0, "");
	begin(w, "?view=alert", NO_HEADERS);
	assert_answer(w, 200);
	struct event e = only(w);
	assert_string_equal(e.name, "alert");
	assert_string_equal(said(w, &e, "error"), "outcome-unknown");
	/* well: there is nothing to tell */
	accept_one(w);
	begin(w, "?view=alert", NO_HEADERS);
	complete(w, world_claim(w, BUNDLE), "{}");
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_string_equal(only(w).name, "");
	begin(w, "?view=alert", NO_HEADERS);
	assert_answer(w, 204);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	char id[IDS_TEXT + 1];

	accept_one(w);
	begin(w, "?view=everything", NO_HEADERS);
	assert_answer(w, 400);
	begin(w, "?view=alert%zz", NO_HEADERS);
	assert_answer(w, 400);
	begin(w, "", WITH("accept: application/json"));
	assert_answer(w, 406);
	assert_string_equal(got(w, "error"), "not-acceptable");
	ask(w, "HEAD", "/events", NO_HEADERS);
	assert_answer(w, 405);
	ask(w, "POST", "/events", NO_HEADERS);
	assert_answer(w, 405);
	/* a program of one request has no streams */
	w->app.plain = true;
	begin(w, "", NO_HEADERS);
	assert_answer(w, 406);
	w->app.plain = false;
	/* forged; and another's, which is no different */
	strcpy(id, w->id);
	w->id[20] = w->id[20] == 'A' ? 'B' : 'A';
	begin(w, "", NO_HEADERS);
	assert_answer(w, 404);
	own_one(w, "/api/v1/owned", "alice");
	begin(w, "", WITH("owner: mallory"));
	assert_answer(w, 404);
	begin(w, "", NO_HEADERS);
	assert_answer(w, 401);
	begin(w, "", WITH("owner: alice"));
	assert_begins(w);
	/* expired */
	strcpy(w->id, id);
	complete(w, world_claim(w, BUNDLE), "{}");
	world_moves(w, 86400001);
	begin(w, "", NO_HEADERS);
	assert_answer(w, 410);
}

/* Before its head is sent, and an answer like any other. */
static void test_too_many(void **state)
{
	struct world *w = *state;

	accept_one(w);
	w->now.streams_full = true;
	begin_owners(w, "", "alice", NULL);
	assert_answer(w, 503);
	w->origin = "https://www.acme.example";
	begin(w, "", NO_HEADERS);
	assert_answer(w, 503);
	assert_string_equal(got(w, "error"), "queue-full");
	assert_true(atoi(got_header(w, "Retry-After")) > 0);
	assert_string_equal(
	    got_header(w, "Access-Control-Allow-Origin"), w->origin);
	/* what has ended needs no stream */
	complete(w, world_claim(w, BUNDLE), "{}");
	begin(w, "", NO_HEADERS);
	assert_answer(w, 200);
	/* those that there are go on */
	w->now.streams_full = false;
	accept_one(w);
	begin(w, "", NO_HEADERS);
	assert_string_equal(
	    got_header(w, "Access-Control-Allow-Origin"), w->origin);
	w->now.streams_full = true;
	world_claim(w, BUNDLE);
	world_resume(w);
	assert_event(w, "job", "processing");
}

/* ---- the store is away --------------------------------------------------- */

static void test_away_at_the_beginning(void **state)
{
	struct world *w = *state;

	accept_one(w);
	for (int i = 0; i < 2; i++) {
		const bool owners = i > 0;
		w_faults.view = ERR_AGAIN;
		if (owners)
			begin_owners(w, "?view=alert", "alice", NULL);
		else
			begin(w, "?view=command", NO_HEADERS);
		assert_int_equal(w->outcome, OUTCOME_PARK);
		assert_true(w->wait.again_boot <= w->now.boot_ms + 20);
		assert_true(w->wait.deadline_boot <= w->now.boot_ms + 5000);
		world_moves(w, 20);
		world_resume(w);
		assert_int_equal(w->outcome, OUTCOME_PARK);
		w_faults.view = ERR_OK;
		struct waiting waits = w->wait;
		world_resume(w);
		assert_begins(w);
		if (!owners)
			assert_event(w, "bundle.taken", "pending");
		/* it does not come back */
		w->wait = waits;
		w_faults.view = ERR_IO;
		world_moves(w, 6000);
		world_resume(w);
		assert_answer(w, 503);
		assert_true(atoi(got_header(w, "Retry-After")) > 0);
		w_faults.view = ERR_OK;
	}
	/* it comes back, and there is no such job */
	w_faults.view = ERR_AGAIN;
	begin(w, "", NO_HEADERS);
	w_faults.view = ERR_OK;
	w_faults.hidden = 2;
	world_resume(w);
	assert_answer(w, 404);
	w_faults.hidden = 0;
}

/* A stream outlasts it, and shows that it is there. */
static void test_away_meanwhile(void **state)
{
	struct world *w = *state;

	accept_one(w);
	begin(w, "", NO_HEADERS);
	world_claim(w, BUNDLE);
	w_faults.view = ERR_AGAIN;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.again_boot == w->now.boot_ms + 20);
	w_faults.view = ERR_IO;
	for (int i = 0; i < 14; i++) {
		world_moves(w, 1000);
		world_resume(w);
		if (w->outcome == OUTCOME_STREAM)
			break;
		assert_int_equal(w->outcome, OUTCOME_PARK);
		assert_true(w->wait.again_boot > w->now.boot_ms);
		assert_true(w->wait.again_boot <= w->now.boot_ms + 1000);
	}
	world_moves(w, 1000);
	if (w->outcome == OUTCOME_PARK)
		world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(strncmp(body_of(w), ":\n\n", 3) == 0);
	w_faults.view = ERR_OK;
	w_faults.body[BODY_META] = ERR_BUSY; /* half of it can be read */
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.body[BODY_META] = ERR_OK;
	world_resume(w);
	assert_event(w, "job", "processing");
}

static void test_gone_meanwhile(void **state)
{
	struct world *w = *state;

	accept_one(w);
	begin(w, "", NO_HEADERS);
	struct waiting waits = w->wait;
	complete(w, world_claim(w, BUNDLE), "{}");
	w_faults.body[BODY_RESULT] = ERR_CORRUPT;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_int_equal(w->ans.body.n, 0);
	assert_int_equal(w->ans.status, 0);
	begin(w, "", NO_HEADERS);
	assert_answer(w, 500);
	w_faults.body[BODY_RESULT] = ERR_OK;
	/* purged */
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
	w->wait = waits;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_int_equal(w->ans.body.n, 0);
	begin(w, "", NO_HEADERS);
	assert_answer(w, 410);
	/* no such row any more */
	w->wait = waits;
	w_faults.hidden = 2;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_int_equal(w->ans.body.n, 0);
}

/* ---- many ---------------------------------------------------------------- */

/* Who follows the same job is told the same, which is read and written once. */
static void test_written_once(void **state)
{
	struct world *w = *state;
	struct waiting waits[20];

	accept_one(w);
	for (int i = 0; i < 20; i++) {
		begin(w, i % 2 ? "?view=command" : "", NO_HEADERS);
		waits[i] = w->wait;
	}
	complete(w, world_claim(w, BUNDLE), "{\"id\":\"b1\"}");
	memset(w_faults.bodies, 0, sizeof(w_faults.bodies));
	for (int i = 0; i < 20; i++) {
		w->wait = waits[i];
		world_resume(w);
		assert_int_equal(w->outcome, OUTCOME_ANSWER);
		assert_event(w, i % 2 ? "bundle.created" : "job", "completed");
		assert_non_null(strstr(body_of(w), "{\"id\":\"b1\"}"));
	}
	assert_int_equal(w_faults.bodies[BODY_META], 1);
	assert_int_equal(w_faults.bodies[BODY_RESULT], 1);
	/* another job of the same version is none; nor are other words */
	accept_one(w);
	begin(w, "", NO_HEADERS);
	assert_null(strstr(body_of(w), "b1"));
	struct config other = w->config;
	other.api_url = STR("https://api.acme.example");
	w->app.config = &other;
	begin(w, "", NO_HEADERS);
	assert_non_null(strstr(body_of(w), "https://api.acme.example/api"));
	w->app.config = &w->config;
	/* without it each is written for itself */
	event_cache_free(w->app.events);
	w->app.events = NULL;
	begin(w, "", NO_HEADERS);
	assert_event(w, "job", "pending");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_life),
	    TEST(test_what_it_says),
	    TEST(test_signs_of_life),
	    TEST(test_a_result_of_many_lines),
	    TEST(test_a_large_result_is_elsewhere),
	    TEST(test_once),
	    TEST(test_resumes_and_stops),
	    TEST(test_commands),
	    TEST(test_alerts),
	    TEST(test_refused),
	    TEST(test_too_many),
	    TEST(test_away_at_the_beginning),
	    TEST(test_away_meanwhile),
	    TEST(test_gone_meanwhile),
	    TEST(test_written_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
