#include "tests/unit/app-world.h"

/*
 * The endpoint's procedure (cgi/accept.c, cgi/status.c): the order of contract
 * 2, waiting, names, attacks. What each state is answered with, cell by cell,
 * is test-cells.c.
 */
#define UUID "2f1c7a52-6a0e-4c53-9b7a-0d6f1f0a7a11"
#define BODY "{\"vrn\":\"193054661\",\"marker\":\"quite-plain-text\"}"

static void accepts_and_names_it(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	assert_answer(w, 202);
	assert_string_equal(got(w, "status"), "accepted");
	assert_string_equal(got_header(w, "x-request-id"), w->id);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "0");
	assert_string_equal(got_header(w, "cache-control"), "no-store");
	assert_int_equal(strlen(got_header(w, "traceparent")), 55);
	assert_int_equal(strncmp(w->id, "job_", 4), 0);

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "x-request-id"), UUID);
	assert_string_equal(got(w, "requestId"), UUID);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	assert_string_equal(got(w, "requestId"), UUID);
}

static void carries_the_trace(void **state)
{
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "traceparent: " TRACE);
	assert_string_equal(got_header(w, "traceparent"), TRACE);
	send_it(w, "POST /api/v1/return", BODY, "traceparent: 00-x");
	assert_string_not_equal(got_header(w, "traceparent"), "00-x");
	send_it(w, "GET /api/nowhere", NULL);
	assert_answer(w, 404);
	assert_int_equal(strlen(got_header(w, "x-request-id")), 32);
}

static void one_name_is_one_job(void **state)
{
	struct world *w = *state;
	char first[IDS_TEXT + 1];

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	strcpy(first, w->id);
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "x-initial-request: true");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.view, WAIT_REPEAT);
	world_moves(w, 1000);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "jobId"), first);
	assert_int_equal(world_count(w, RETURN), 1);
	/* by the job id itself, as an anonymous client re-sends it */
	char line[100];
	snprintf(line, sizeof(line), "x-request-id: %s", first);
	world_send(w, "POST /api/v1/return", BODY, WITH(line));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(world_count(w, RETURN), 1);
}

static void short_anonymous_names_count_for_nothing(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		send_it(w, "POST /api/v1/return", BODY, "x-request-id: 1");
		assert_answer(w, 202);
		assert_string_equal(got_header(w, "x-request-id"), w->id);
	}
	assert_int_equal(world_count(w, RETURN), 2);
}

static void a_guessed_name_reaches_nothing(void **state)
{
	struct world *w = *state;
	char victim[IDS_TEXT + 1];

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	strcpy(victim, w->id);
	world_complete(w, RETURN, 200, NULL, "{\"secret\":1}");
	send_it(
	    w, "POST /api/v1/return", "{\"vrn\":\"1\"}", "x-request-id: " UUID);
	assert_answer(w, 202); /* a job of his own */
	assert_string_not_equal(w->id, victim);
	assert_int_equal(world_count(w, RETURN), 2);
}

static void forged_ids_in_x_request_id(void **state)
{
	struct world *w = *state;
	char line[100];

	send_it(w, "POST /api/v1/bundle", "{}");
	assert_answer(w, 202);
	/* another API's */
	snprintf(line, sizeof(line), "x-request-id: %s", w->id);
	world_send(w, "POST /api/v1/return", BODY, WITH(line));
	assert_answer(w, 404);
	assert_string_equal(got(w, "error"), "job-not-found");
	/* a bad MAC */
	line[strlen(line) - 1] ^= 1;
	world_send(w, "POST /api/v1/bundle", "{}", WITH(line));
	assert_answer(w, 404);
	send_it(w, "POST /api/v1/bundle", "{}", "x-request-id: job_1");
	assert_answer(w, 404);
	send_it(w, "POST /api/v1/bundle", "{}", "x-request-id: job_ 1");
	assert_answer(w, 404);
	/* what is no name is not said again */
	assert_int_equal(strlen(got_header(w, "x-request-id")), 32);
	/* a good one without a row */
	uint8_t id[JOB_ID_BYTES], nobody[JOB_OWNER_BYTES] = {0};
	char text[IDS_TEXT + 1];
	ids_random(&w->keys, &w_apis[BUNDLE], nobody, id);
	ids_write(id, text);
	snprintf(line, sizeof(line), "x-request-id: %s", text);
	world_send(w, "POST /api/v1/bundle", "{}", WITH(line));
	assert_answer(w, 410);
	assert_int_equal(world_count(w, BUNDLE), 1);
}

static void another_body_under_the_same_name(void **state)
{
	struct world *w = *state;
	char line[100];

	send_it(w, "POST /api/v1/bundle", "{}");
	snprintf(line, sizeof(line), "x-request-id: %s", w->id);
	world_send(w, "POST /api/v1/bundle", "{\"a\":1}", WITH(line));
	assert_answer(w, 409);
	assert_string_equal(got(w, "error"), "id-conflict");
	send_it(w, "POST /api/v1/owned", "{}", "idempotency-key: \"k\"",
	    "owner: ann");
	assert_answer(w, 202);
	/* polling with it alone must find this job, never begin another */
	assert_string_equal(got_header(w, "x-request-id"), w->id);
	snprintf(line, sizeof(line), "x-request-id: %s", w->id);
	send_it(w, "POST /api/v1/owned", "{}", line, "owner: ann");
	assert_int_equal(world_count(w, OWNED), 1);
	send_it(w, "POST /api/v1/owned", "{\"a\":1}", "idempotency-key: k",
	    "owner: ann");
	assert_answer(w, 422);
	assert_string_equal(got(w, "error"), "idempotency-key-reused");
	assert_string_equal(got(w, "jobStatus"), "pending");
	send_it(w, "POST /api/v1/owned", "{\"a\":1}", "idempotency-key: k",
	    "owner: bob");
	assert_answer(w, 202);
}

/* A tombstone is 410: it has nothing to be in conflict with. */
static void gone_whatever_is_sent(void **state)
{
	struct world *w = *state;
	char line[100];

	send_it(w, "POST /api/v1/bundle", "{}");
	snprintf(line, sizeof(line), "x-request-id: %s", w->id);
	ask(w, "DELETE", "", NO_HEADERS);
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 204);
	world_send(w, "POST /api/v1/bundle", "{\"a\":1}", WITH(line));
	assert_answer(w, 410);
	assert_string_equal(got(w, "error"), "job-expired");
}

static void owners_are_apart(void **state)
{
	struct world *w = *state;
	struct str mine, theirs;

	send_it(w, "POST /api/v1/owned", "{}");
	assert_answer(w, 401);
	send_it(
	    w, "POST /api/v1/owned", "{}", "authorization: Basic dmljdGltOng=");
	assert_answer(w, 401);
	send_it(w, "POST /api/v1/token", "{}", "owner: ann");
	assert_answer(w, 401); /* not built: nobody gets in */
	assert_int_equal(world_count(w, TOKEN), 0);
	send_it(w, "POST /api/v1/owned", "{}", "owner: ann");
	assert_answer(w, 202);
	ask(w, "GET", "", WITH("owner: ann"));
	assert_answer(w, 200);
	ask(w, "GET", "", WITH("owner: bob"));
	assert_answer(w, 404);
	theirs = w->ans.body;
	w->id[20] = w->id[20] == 'A' ? 'B' : 'A';
	ask(w, "GET", "", WITH("owner: ann"));
	assert_answer(w, 404);
	mine = w->ans.body;
	assert_true(str_eq(mine, theirs));
}

static bool each_owner(void *ctx, const struct job *job)
{
	static const uint8_t nobody[JOB_OWNER_BYTES];

	++*(int *)ctx;
	assert_memory_equal(job->owner, nobody, sizeof(nobody));
	return true;
}

/* curl -u victim:x at an API without authentication. */
static void anonymous_stays_anonymous(void **state)
{
	struct world *w = *state;
	int n = 0;

	send_it(w, "POST /api/v1/return", BODY,
	    "authorization: Basic dmljdGltOng=", "owner: victim");
	assert_answer(w, 202);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	assert_int_equal(store_view(w->store), ERR_OK);
	assert_int_equal(
	    store_list(w->store, RETURN, 0, each_owner, &n), ERR_OK);
	store_unview(w->store);
	assert_int_equal(n, 1);
}

static void what_is_sealed(void **state)
{
	struct world *w = *state;
	struct envelope_request env;
	struct envelope_meta meta;
	struct str sealed, plain;

	send_it(w, "POST /api/v1/return?a=b", BODY,
	    "authorization: Basic dmljdGltOng=", "gov-client-x: 1",
	    "hmrc-access-token: t", "cookie: c", "x-request-id: " UUID);
	assert_answer(w, 202);
	struct job job = world_claim(w, RETURN);
	assert_int_equal(store_view(w->store), ERR_OK);
	assert_int_equal(
	    store_body(w->store, &job, BODY_REQUEST, &w->arena, &sealed),
	    ERR_OK);
	assert_null(memmem(sealed.p, sealed.n, "quite-plain", 11));
	assert_int_equal(
	    seal_open(&w->keys, &job, BODY_REQUEST, sealed, &w->arena, &plain),
	    ERR_OK);
	assert_int_equal(envelope_get_request(&w->arena, plain, &env), ERR_OK);
	assert_true(str_is(env.method, "POST"));
	assert_true(str_is(env.path, "/api/v1/return"));
	assert_true(str_is(env.query, "a=b"));
	assert_true(str_is(env.remote_addr, "127.0.0.1"));
	assert_true(str_is(env.body, BODY));
	assert_int_equal(env.headers.n, 3);
	assert_true(str_is(env.headers.items[0].name, "gov-client-x"));
	assert_true(str_is(env.headers.items[1].name, "hmrc-access-token"));
	assert_true(str_is(env.headers.items[2].name, "traceparent"));
	assert_true(str_eq(
	    env.headers.items[2].value, answer_get(&w->ans, "traceparent")));
	assert_int_equal(
	    store_body(w->store, &job, BODY_META, &w->arena, &sealed), ERR_OK);
	store_unview(w->store);
	assert_null(memmem(sealed.p, sealed.n, UUID, 36));
	assert_int_equal(
	    seal_open(&w->keys, &job, BODY_META, sealed, &w->arena, &plain),
	    ERR_OK);
	assert_int_equal(envelope_get_meta(plain, &meta), ERR_OK);
	assert_true(str_is(meta.request_id, UUID));
	assert_int_equal(meta.traceparent.n, 55);
}

static void waits_for_its_result(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 5000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.view, WAIT_FIRST);
	assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 5000);
	assert_int_equal(w->wait.again_boot, w->now.boot_ms + 5000);
	world_moves(w, 4999);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	struct job job = world_claim(w, RETURN);
	world_resume(w); /* a change is no end */
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 200},
	    &(struct envelope_result){
		.status = 200, .content_type = STR(JSON), .body = STR("{}")});
	world_resume(w);
	assert_answer(w, 200);
	assert_true(str_is(w->ans.body, "{}"));
	assert_string_equal(got_header(w, "x-wait-time-ms"), "5000");
	assert_string_equal(got_header(w, "preference-applied"), "");
}

static void overrun_is_202_never_504(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "prefer: wait=60");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_moves(w, 25000);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "status"), "accepted");
	assert_string_equal(got_header(w, "x-wait-time-ms"), "25000");
	assert_string_equal(got_header(w, "preference-applied"), "wait=25");
	assert_string_not_equal(got_header(w, "location"), "");
	assert_string_not_equal(got_header(w, "retry-after"), "");
}

static void prefer_is_applied(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "prefer: respond-async");
	assert_answer(w, 202);
	assert_string_equal(
	    got_header(w, "preference-applied"), "respond-async");
	assert_non_null(strstr(got_header(w, "vary"), "Prefer"));
	send_it(w, "POST /api/v1/return", BODY, "prefer: wait=0");
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "preference-applied"), "wait=0");
}

/* What is said is what was sent, in what it became; or nothing. */
static void prefer_is_moved(void **state)
{
	struct world *w = *state;
	const unsigned before = w_apis[RETURN].allow;

	w_apis[RETURN].allow = 1u << PATTERN_FIRE_AND_FORGET;
	send_it(w, "POST /api/v1/return", BODY, "prefer: wait=5");
	w_apis[RETURN].allow = 1u << PATTERN_SYNCHRONOUS;
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "0");
	assert_string_equal(got_header(w, "preference-applied"), "wait=0");
	send_it(w, "POST /api/v1/return", BODY, "prefer: respond-async");
	w_apis[RETURN].allow = before;
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_moves(w, 25000);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "25000");
	assert_string_equal(got_header(w, "preference-applied"), "");
}

static void cors_reaches_the_parked(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-wait-time-ms: 50",
	    "origin: http://127.0.0.1:8080");
	world_moves(w, 50);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "access-control-allow-origin"),
	    "http://127.0.0.1:8080");
	send_it(w, "POST /api/v1/return", BODY, "origin: https://evil.example");
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "access-control-allow-origin"), "");
}

/* Cookies and passwords of a page: where it is configured, and no others'. */
static void credentials_where_configured(void **state)
{
	struct world *w = *state;

	for (int on = 0; on < 2; on++) {
		const char *want = on ? "true" : "";
		w->config.credentials = on;
		send_it(w, "POST /api/v1/return", BODY,
		    "origin: http://127.0.0.1:8080");
		assert_string_equal(
		    got_header(w, "access-control-allow-credentials"), want);
		send_it(w, "OPTIONS /api/v1/return", NULL,
		    "origin: http://127.0.0.1:8080");
		assert_string_equal(
		    got_header(w, "access-control-allow-credentials"), want);
		send_it(w, "POST /api/v1/return", BODY,
		    "origin: https://evil.example");
		assert_string_equal(
		    got_header(w, "access-control-allow-credentials"), "");
	}
}

static void long_poll_by_version(void **state)
{
	struct world *w = *state;
	char tag[80];

	send_it(w, "POST /api/v1/return", BODY);
	ask(w, "GET", "", NO_HEADERS);
	snprintf(tag, sizeof(tag), "if-none-match: \"0\", W/%s",
	    got_header(w, "etag"));
	ask(w, "GET", "", WITH(tag));
	assert_answer(w, 304);
	assert_int_equal(w->ans.body.n, 0);
	assert_string_not_equal(got_header(w, "etag"), "");
	assert_string_not_equal(got_header(w, "retry-after"), "");
	ask(w, "GET", "", WITH(tag, "prefer: wait=10"));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	struct waiting parked = w->wait;
	world_moves(w, 10000);
	world_resume(w);
	assert_answer(w, 304);
	assert_string_equal(got_header(w, "preference-applied"), "wait=10");
	world_moves(w, -5000);
	world_claim(w, RETURN);
	w->wait = parked;
	world_resume(w);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "processing");
	/* without If-None-Match, or with an old one: at once */
	ask(w, "GET", "", WITH("prefer: wait=10"));
	assert_answer(w, 200);
	ask(w, "GET", "", WITH(tag, "prefer: wait=10"));
	assert_answer(w, 200);
}

/* What a 304 does not show is not read; whatever else is shown, is. */
static void a_304_reads_no_result(void **state)
{
	static const struct {
		const char *tail, *tag;
		int status, results;
	} rows[] = {
	    {"", NULL, 200, 1},
	    {"", "", 304, 0},
	    {"", "*", 304, 0},
	    {"", "\"0\"", 200, 1},
	    {"/result", NULL, 201, 1},
	    {"/result", "", 304, 0},
	    {"?onComplete=redirect", NULL, 303, 1},
	    {"?onComplete=redirect", "", 303, 1},
	};
	struct world *w = *state;
	char etag[40], tag[80];

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	world_complete(w, RETURN, 201, "/returns/1", "{}");
	ask(w, "GET", "", NO_HEADERS);
	snprintf(etag, sizeof(etag), "%s", got_header(w, "etag"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = rows[i].tag;
		snprintf(tag, sizeof(tag), "if-none-match: %s",
		    value && value[0] ? value : etag);
		memset(w_faults.bodies, 0, sizeof(w_faults.bodies));
		ask(w, "GET", rows[i].tail, value ? WITH(tag) : NO_HEADERS);
		assert_answer(w, rows[i].status);
		assert_int_equal(w_faults.bodies[BODY_RESULT], rows[i].results);
		assert_int_equal(w_faults.bodies[BODY_REQUEST], 0);
		assert_string_equal(got_header(w, "x-request-id"), UUID);
	}
	/* a failure is told again, also to who knows it: it has no 304 */
	send_it(w, "POST /api/v1/return", BODY);
	world_fail(w, RETURN, REASON_UPSTREAM_REFUSED, 422, "{\"a\":1}");
	ask(w, "GET", "/result", WITH("if-none-match: *"));
	assert_answer(w, 422);
	assert_true(str_is(w->ans.body, "{\"a\":1}"));
}

/* Each way to wait, as a plain CGI program. */
static void nobody_waits_longer_than_plain(void **state)
{
	struct world *w = *state;
	char tag[60];

	w->app.plain = true;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "x-wait-time-ms: 9000");
	assert_answer(w, 202);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "0");
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_answer(w, 202);
	ask(w, "GET", "/result", WITH("prefer: wait=9"));
	assert_answer(w, 202);
	ask(w, "GET", "", NO_HEADERS);
	snprintf(tag, sizeof(tag), "if-none-match: %s", got_header(w, "etag"));
	ask(w, "GET", "", WITH(tag, "prefer: wait=9"));
	assert_answer(w, 304);
	w->app.plain_wait_ms = 300;
	ask(w, "GET", "", WITH(tag, "prefer: wait=9"));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 300);
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "x-wait-time-ms: 9000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 300);
	assert_int_equal(w->wait.waited_ms, 300);
}

static void result_can_be_waited_for(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	ask(w, "GET", "/result", WITH("prefer: wait=3"));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_complete(w, RETURN, 201, "/x/1", "{\"a\":1.10}");
	world_resume(w);
	assert_answer(w, 201);
	assert_true(str_is(w->ans.body, "{\"a\":1.10}"));
}

static void strict_apis_make_no_job_of_a_poll(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/strict", "{}", "x-request-id: " UUID);
	assert_answer(w, 404);
	send_it(w, "POST /api/v1/strict", "{}", "x-request-id: " UUID,
	    "x-initial-request: true");
	assert_answer(w, 202);
	send_it(w, "POST /api/v1/strict", "{}");
	assert_answer(w, 202);
}

/* Known first, valid second: a replay is not validated again. */
static void looks_up_before_it_validates(void **state)
{
	struct world *w = *state;
	int64_t max = w_apis[BUNDLE].body_max;

	send_it(w, "POST /api/v1/bundle", "{\"a\":1}", "x-request-id: " UUID);
	assert_answer(w, 202);
	world_complete(w, BUNDLE, 204, NULL, "");
	w_apis[BUNDLE].body_max = 2;
	send_it(w, "POST /api/v1/bundle", "{\"a\":1}", "x-request-id: " UUID);
	assert_answer(w, 204);
	send_it(w, "POST /api/v1/bundle", "{\"a\":1}");
	assert_answer(w, 413);
	w_apis[BUNDLE].body_max = max;
}

static void nothing_bad_is_stored(void **state)
{
	static const struct {
		const char *line, *body, *header;
		int status;
		const char *error;
	} rows[] = {
	    {"POST /api/v1/return", "{\"vrn\":1}", "x: y", 400,
		"validation-failed"},
	    {"POST /api/v1/return", "{", "x: y", 400, "validation-failed"},
	    {"POST /api/v1/return", "{\"vrn\":\"\"}", "x: y", 400,
		"validation-failed"},
	    {"POST /api/v1/return", BODY, "content-type: text/plain", 415,
		"unsupported-media-type"},
	    {"POST /api/v1/return", BODY, "idempotency-key: \"", 400,
		"validation-failed"},
	    {"PUT /api/v1/return", BODY, "x: y", 405, "method-not-allowed"},
	    {"POST /api/v1/return/", BODY, "x: y", 404, "not-found"},
	    {"POST /api/v1/../v1/return", BODY, "x: y", 404, "not-found"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_send(w, rows[i].line, rows[i].body, WITH(rows[i].header));
		assert_answer(w, rows[i].status);
		assert_string_equal(got(w, "error"), rows[i].error);
		assert_string_equal(
		    got_header(w, "content-type"), "application/problem+json");
	}
	assert_int_equal(world_count(w, RETURN), 0);
	send_it(w, "GET /api/v1/obligation", NULL);
	assert_answer(w, 400);
	assert_string_equal(got(w, "detail"), "query.vrn is missing");
	send_it(w, "GET /api/v1/obligation?vrn=1", NULL);
	assert_answer(w, 202);
	send_it(w, "DELETE /api/v1/bundle/7", NULL);
	assert_answer(w, 202);
}

static void pointers_name_the_member(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", "{\"VRN\":\"1\"}");
	assert_answer(w, 400);
	assert_string_equal(got(w, "pointer"), "/vrn");
	assert_int_equal(value_get(got_body(w), "errors")->as.array.n, 1);
}

static void options(void **state)
{
	struct world *w = *state;

	send_it(w, "OPTIONS /api/v1/return", NULL,
	    "origin: http://127.0.0.1:8080",
	    "access-control-request-method: POST",
	    "access-control-request-headers: content-type, gov-client-x, "
	    "x-evil");
	assert_answer(w, 204);
	assert_string_equal(got_header(w, "allow"), "POST, OPTIONS");
	assert_string_equal(
	    got_header(w, "access-control-allow-methods"), "POST, OPTIONS");
	const char *headers = got_header(w, "access-control-allow-headers");
	assert_non_null(strstr(headers, "x-wait-time-ms"));
	assert_non_null(strstr(headers, "gov-client-x"));
	assert_null(strstr(headers, "x-evil"));
	/* nobody asked for this one: it is there by name, and once */
	const char *named = strstr(headers, ", hmrc-access-token");
	assert_non_null(named);
	assert_null(strstr(named + 3, "hmrc-access-token"));
	send_it(w, "OPTIONS /api/v1/return", NULL,
	    "origin: http://127.0.0.1:8080",
	    "access-control-request-method: POST",
	    "access-control-request-headers: HMRC-Access-Token, prefer, "
	    "authorization, gov-client-b, gov-client-b, gov client-c");
	assert_string_equal(got_header(w, "access-control-allow-headers"),
	    "authorization, content-type, idempotency-key, if-none-match, "
	    "last-event-id, prefer, traceparent, x-initial-request, "
	    "x-request-id, x-wait-time-ms, hmrc-access-token, gov-client-b");
	/* named by the API to be forwarded as it is */
	struct str forward[] = {S("X-Session"), S("gov-client-*")};
	struct strs before = w_apis[RETURN].forward;
	w_apis[RETURN].forward = (struct strs){forward, 2};
	send_it(w, "OPTIONS /api/v1/return", NULL,
	    "origin: http://127.0.0.1:8080",
	    "access-control-request-method: POST");
	w_apis[RETURN].forward = before;
	headers = got_header(w, "access-control-allow-headers");
	assert_non_null(strstr(headers, ", x-session"));
	assert_null(strchr(headers, '*'));
	/* of a job: what goes with the requests of any API may go with looks */
	send_it(w, "OPTIONS /api/jobs/job_1", NULL,
	    "origin: http://127.0.0.1:8080",
	    "access-control-request-method: DELETE",
	    "access-control-request-headers: gov-client-b, x-evil");
	assert_answer(w, 204);
	assert_string_equal(got_header(w, "access-control-allow-methods"),
	    "GET, HEAD, DELETE, OPTIONS");
	headers = got_header(w, "access-control-allow-headers");
	assert_non_null(strstr(headers, ", gov-client-b"));
	assert_null(strstr(headers, "x-evil"));
	assert_null(strstr(headers, "hmrc-access-token")); /* not asked for */
	/* and with those of another one */
	send_it(w, "OPTIONS /api/v1/token", NULL,
	    "origin: http://127.0.0.1:8080",
	    "access-control-request-method: POST",
	    "access-control-request-headers: hmrc-access-token");
	assert_non_null(strstr(got_header(w, "access-control-allow-headers"),
	    ", hmrc-access-token"));
	send_it(
	    w, "OPTIONS /api/v1/return", NULL, "origin: http://evil.example");
	assert_answer(w, 204);
	assert_string_equal(got_header(w, "access-control-allow-methods"), "");
	send_it(w, "OPTIONS /api/v1/token", NULL); /* before the owner */
	assert_answer(w, 204);
	send_it(w, "OPTIONS /api/nowhere", NULL);
	assert_answer(w, 404);
	send_it(w, "PUT /api/v1/bundle/7", NULL);
	assert_answer(w, 405);
	assert_string_equal(got_header(w, "allow"), "DELETE, OPTIONS");
}

static void health(void **state)
{
	struct world *w = *state;

	send_it(w, "GET /api/jobs/health", NULL);
	assert_answer(w, 200);
	assert_string_equal(got(w, "store"), "ok");
	assert_string_equal(got(w, "pending"), "0");
	send_it(w, "POST /api/v1/return", BODY);
	world_moves(w, 5000);
	send_it(w, "POST /api/v1/bundle", "{}");
	send_it(w, "GET /api/jobs/health", NULL);
	assert_string_equal(got(w, "pending"), "2");
	assert_string_equal(
	    got(w, "oldestPendingAt"), "2026-11-21T08:33:20.000Z");
	send_it(w, "HEAD /api/jobs/health", NULL);
	assert_true(w->ans.head);
}

static void refusals_before_a_request(void **state)
{
	static const struct {
		enum err err;
		int status;
	} rows[] = {{ERR_TOO_LARGE, 431}, {ERR_INPUT, 400}, {ERR_SYNTAX, 400},
	    {ERR_FULL, 503}, {ERR_IO, 500}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		app_refuse(&w->app, w->now, &w->arena, rows[i].err, &w->ans);
		assert_int_equal(w->ans.status, rows[i].status);
		assert_string_equal(got_header(w, "cache-control"), "no-store");
		/* one that had no room had a name, and is given no other */
		const bool named = rows[i].err == ERR_FULL;
		assert_int_equal(
		    strlen(got_header(w, "x-request-id")), named ? 0 : 32);
		assert_string_equal(got(w, "requestId"),
		    named ? "(none)" : got_header(w, "x-request-id"));
	}
}

/* What was cut off cannot be told apart from another request: never looked up.
 */
static void a_body_that_was_cut_off(void **state)
{
	struct world *w = *state;
	struct pair headers[] = {{STR("content-type"), STR(JSON)},
	    {STR("idempotency-key"), STR("k")}};
	struct request r = {.method = STR("POST"),
	    .path = STR("/api/v1/owned"),
	    .owner = STR("ann"),
	    .headers = {headers, 2},
	    .body = STR("{}"),
	    .body_declared = 2};

	for (int i = 0; i < 2; i++) {
		w->outcome = app_handle(&w->app, w->now, &w->arena, &r, &w->ans,
		    &w->wait, &w->change);
		world_commit(w);
		assert_answer(w, i ? 413 : 202);
		r.body_too_large = true;
		r.body = STR("{");
	}
	assert_string_equal(got(w, "error"), "payload-too-large");
	assert_string_equal(got(w, "jobId"), "(none)");
}

/* Two requests of one name at once: the slower one finds the faster's row. */
static void a_race_for_a_name(void **state)
{
	struct world *w = *state;
	char first[IDS_TEXT + 1];

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	strcpy(first, w->id);
	w_faults.hidden = 1;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_moves(w, 1000);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "jobId"), first);
	world_complete(w, RETURN, 200, NULL, "{\"a\":1}");
	w_faults.hidden = 1;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_answer(w, 200);
	assert_int_equal(world_count(w, RETURN), 1);
	/* the same key under another body, in the same race */
	send_it(
	    w, "POST /api/v1/owned", "{}", "idempotency-key: k", "owner: ann");
	w_faults.hidden = 1;
	send_it(
	    w, "POST /api/v1/owned", "[]", "idempotency-key: k", "owner: ann");
	assert_answer(w, 422);
}

/* A row whose bodies cannot be opened says nothing about why. */
static void damaged_bodies(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	w->keys.seal[0].bytes[0] ^= 1;
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 500);
	assert_string_equal(got(w, "error"), "internal");
	assert_string_equal(got(w, "jobStatus"), "(none)");
}

static void logs_without_bodies(void **state)
{
	struct world *w = *state;
	char line[4096];
	FILE *f = tmpfile();
	struct log log = {.fd = fileno(f), .program = "lowtide-cgi"};

	w->app.log = &log;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "hmrc-access-token: tok-secret");
	assert_answer(w, 202);
	ask(w, "DELETE", "", NO_HEADERS);
	rewind(f);
	size_t n = fread(line, 1, sizeof(line) - 1, f);
	line[n] = '\0';
	assert_non_null(strstr(line, "\"event\":\"job-accepted\""));
	assert_non_null(strstr(line, "\"event\":\"job-cancel\""));
	assert_non_null(strstr(line, "\"api\":\"vat-return-post\""));
	assert_non_null(strstr(line, w->id));
	assert_null(strstr(line, "193054661"));
	assert_null(strstr(line, "tok-secret"));
	assert_null(strstr(line, UUID));
	fclose(f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(accepts_and_names_it),
	    T(carries_the_trace),
	    T(one_name_is_one_job),
	    T(short_anonymous_names_count_for_nothing),
	    T(a_guessed_name_reaches_nothing),
	    T(forged_ids_in_x_request_id),
	    T(another_body_under_the_same_name),
	    T(gone_whatever_is_sent),
	    T(owners_are_apart),
	    T(anonymous_stays_anonymous),
	    T(what_is_sealed),
	    T(waits_for_its_result),
	    T(overrun_is_202_never_504),
	    T(prefer_is_applied),
	    T(prefer_is_moved),
	    T(cors_reaches_the_parked),
	    T(credentials_where_configured),
	    T(long_poll_by_version),
	    T(a_304_reads_no_result),
	    T(nobody_waits_longer_than_plain),
	    T(result_can_be_waited_for),
	    T(strict_apis_make_no_job_of_a_poll),
	    T(looks_up_before_it_validates),
	    T(nothing_bad_is_stored),
	    T(pointers_name_the_member),
	    T(options),
	    T(health),
	    T(refusals_before_a_request),
	    T(a_body_that_was_cut_off),
	    T(a_race_for_a_name),
	    T(damaged_bodies),
	    T(logs_without_bodies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
