#include "tests/unit/app-world.h"

/*
 * Contract 4, cell by cell: what each state of a job is answered with to each
 * way of asking, as far as it is built. A new cell is a row.
 */
enum situation {
	IS_PENDING,
	IS_PROCESSING,
	IS_COMPLETED, /* 200 with a body */
	IS_CREATED,   /* 201 with a Location */
	IS_EMPTY,     /* 204 */
	IS_REFUSED,   /* the upstream's 422 */
	IS_BROKEN,    /* the upstream's 503 */
	IS_LATE,      /* its deadline passed */
	IS_TIMED_OUT, /* no answer in time */
	IS_UNKNOWN,   /* outcome-unknown */
	IS_FAILED,    /* no code */
	IS_CANCELLED,
	IS_EXPIRED,
	IS_GONE, /* swept, whatever the clock shows afterwards */
};
enum way {
	BY_FIRST,  /* A, when its wait is over */
	BY_REPEAT, /* B */
	BY_STATUS, /* C */
	BY_HEAD,
	BY_REDIRECT, /* C with ?onComplete=redirect */
	BY_KNOWN,    /* C with If-None-Match of the current version */
	BY_RESULT,   /* D */
	BY_DELETE,   /* E */
	BY_CANCEL,   /* E */
};

#define BODY "{\"vrn\":\"193054661\"}"
#define RESULT "{\"total\":1.10}"
#define NAME "x-request-id: a-name-nobody-would-guess"

/* Headers that must be there: */
enum { LOCATION = 1, RETRY = 2, ETAG = 4 };
#define OPEN_202 202, "application/json", LOCATION | RETRY
#define PROBLEM_JSON "application/problem+json"

struct row {
	enum situation is;
	enum way by;
	int status;
	const char *type;
	unsigned headers;
	const char *member, *value; /* of the body; NULL = not looked at */
};
static const struct row rows[] = {
    {IS_PENDING, BY_FIRST, OPEN_202, "status", "accepted"},
    {IS_PENDING, BY_REPEAT, OPEN_202, "status", "pending"},
    {IS_PENDING, BY_STATUS, 200, JSON, RETRY | ETAG, "status", "pending"},
    {IS_PENDING, BY_HEAD, 200, JSON, RETRY | ETAG, "status", "pending"},
    {IS_PENDING, BY_REDIRECT, 200, JSON, RETRY | ETAG, "status", "pending"},
    {IS_PENDING, BY_KNOWN, 304, "", RETRY | ETAG, NULL, NULL},
    {IS_PENDING, BY_RESULT, 202, JSON, LOCATION | RETRY | ETAG, "status",
	"pending"},
    {IS_PENDING, BY_DELETE, 200, JSON, 0, "status", "cancelled"},
    {IS_PENDING, BY_CANCEL, 200, JSON, 0, "status", "cancelled"},

    {IS_PROCESSING, BY_FIRST, OPEN_202, "status", "accepted"},
    {IS_PROCESSING, BY_REPEAT, OPEN_202, "status", "processing"},
    {IS_PROCESSING, BY_STATUS, 200, JSON, RETRY | ETAG, "progress", "40"},
    {IS_PROCESSING, BY_KNOWN, 304, "", RETRY | ETAG, NULL, NULL},
    {IS_PROCESSING, BY_RESULT, 202, JSON, LOCATION | RETRY | ETAG, "status",
	"processing"},
    {IS_PROCESSING, BY_DELETE, OPEN_202, "status", "processing"},
    {IS_PROCESSING, BY_CANCEL, OPEN_202, "status", "processing"},

    {IS_COMPLETED, BY_FIRST, 200, JSON, 0, "total", "1.10"},
    {IS_COMPLETED, BY_REPEAT, 200, JSON, 0, "total", "1.10"},
    {IS_COMPLETED, BY_STATUS, 200, JSON, ETAG, "result.total", "1.10"},
    {IS_COMPLETED, BY_HEAD, 200, JSON, ETAG, "result.total", "1.10"},
    {IS_COMPLETED, BY_REDIRECT, 200, JSON, ETAG, "status", "completed"},
    {IS_COMPLETED, BY_KNOWN, 304, "", ETAG, NULL, NULL},
    {IS_COMPLETED, BY_RESULT, 200, JSON, ETAG, "total", "1.10"},
    {IS_COMPLETED, BY_DELETE, 200, JSON, 0, "status", "completed"},
    {IS_COMPLETED, BY_CANCEL, 200, JSON, 0, "progress", "100"},

    {IS_CREATED, BY_FIRST, 201, JSON, LOCATION, "total", "1.10"},
    {IS_CREATED, BY_REPEAT, 201, JSON, LOCATION, "total", "1.10"},
    {IS_CREATED, BY_STATUS, 200, JSON, ETAG, "location", "/bundles/7"},
    {IS_CREATED, BY_REDIRECT, 303, JSON, LOCATION | ETAG, "status",
	"completed"},
    {IS_CREATED, BY_RESULT, 201, JSON, LOCATION | ETAG, "total", "1.10"},

    {IS_EMPTY, BY_FIRST, 204, "", 0, NULL, NULL},
    {IS_EMPTY, BY_REPEAT, 204, "", 0, NULL, NULL},
    {IS_EMPTY, BY_STATUS, 200, JSON, ETAG, "result", "(none)"},
    {IS_EMPTY, BY_RESULT, 204, "", ETAG, NULL, NULL},

    {IS_REFUSED, BY_FIRST, 422, JSON, 0, "total", "1.10"},
    {IS_REFUSED, BY_REPEAT, 422, JSON, 0, "total", "1.10"},
    {IS_REFUSED, BY_STATUS, 200, JSON, ETAG, "error", "upstream-refused"},
    {IS_REFUSED, BY_STATUS, 200, JSON, ETAG, "problem.upstreamStatus", "422"},
    {IS_REFUSED, BY_REDIRECT, 200, JSON, ETAG, "status", "failed"},
    {IS_REFUSED, BY_RESULT, 422, JSON, ETAG, "total", "1.10"},
    {IS_REFUSED, BY_DELETE, 200, JSON, 0, "status", "failed"},

    {IS_BROKEN, BY_FIRST, 502, PROBLEM_JSON, 0, "error", "upstream-error"},
    {IS_BROKEN, BY_REPEAT, 502, PROBLEM_JSON, 0, "upstreamStatus", "503"},
    {IS_BROKEN, BY_STATUS, 200, JSON, ETAG, "problem.status", "502"},
    {IS_BROKEN, BY_RESULT, 502, PROBLEM_JSON, ETAG, "jobStatus", "failed"},
    {IS_LATE, BY_REPEAT, 504, PROBLEM_JSON, 0, "error", "deadline-exceeded"},
    {IS_LATE, BY_STATUS, 200, JSON, ETAG, "error", "deadline-exceeded"},
    {IS_LATE, BY_RESULT, 504, PROBLEM_JSON, ETAG, "status", "504"},
    {IS_TIMED_OUT, BY_REPEAT, 504, PROBLEM_JSON, 0, "error",
	"upstream-timeout"},
    {IS_TIMED_OUT, BY_RESULT, 504, PROBLEM_JSON, ETAG, "error",
	"upstream-timeout"},
    {IS_UNKNOWN, BY_REPEAT, 502, PROBLEM_JSON, 0, "error", "outcome-unknown"},
    {IS_UNKNOWN, BY_STATUS, 200, JSON, ETAG, "error", "outcome-unknown"},
    {IS_UNKNOWN, BY_RESULT, 502, PROBLEM_JSON, ETAG, "error",
	"outcome-unknown"},
    {IS_FAILED, BY_REPEAT, 500, PROBLEM_JSON, 0, "error", "job-failed"},
    {IS_FAILED, BY_RESULT, 500, PROBLEM_JSON, ETAG, "error", "job-failed"},

    {IS_CANCELLED, BY_REPEAT, 409, PROBLEM_JSON, 0, "error", "job-cancelled"},
    {IS_CANCELLED, BY_STATUS, 200, JSON, ETAG, "status", "cancelled"},
    {IS_CANCELLED, BY_RESULT, 409, PROBLEM_JSON, ETAG, "error",
	"job-cancelled"},
    {IS_CANCELLED, BY_DELETE, 200, JSON, 0, "status", "cancelled"},

    {IS_EXPIRED, BY_REPEAT, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_STATUS, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_HEAD, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_KNOWN, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_RESULT, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_DELETE, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_EXPIRED, BY_CANCEL, 410, PROBLEM_JSON, 0, "error", "job-expired"},

    {IS_GONE, BY_REPEAT, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_STATUS, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_HEAD, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_KNOWN, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_RESULT, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_DELETE, 410, PROBLEM_JSON, 0, "error", "job-expired"},
    {IS_GONE, BY_CANCEL, 410, PROBLEM_JSON, 0, "error", "job-expired"},
};

static void process(struct world *w)
{
	struct job job = world_claim(w, RETURN);

	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_HEARTBEAT,
		.lease_boot = w->now.boot_ms + 20000,
		.progress = 40},
	    NULL);
}

static void run_past_deadline(struct world *w)
{
	size_t n = 0;

	world_moves(w, w_apis[RETURN].deadline_ms + 1);
	assert_int_equal(store_begin(w->store), ERR_OK);
	assert_int_equal(store_recover(w->store, RETURN, w->now.wall_ms,
			     w->now.boot_ms, 10, &n),
	    ERR_OK);
	assert_int_equal(store_commit(w->store), ERR_OK);
	assert_int_equal(n, 1);
}

static void sweep(struct world *w)
{
	const struct store_now then = {
	    .ms = w->now.wall_ms + w_apis[RETURN].ttl_ms,
	    .boot = w->now.boot_ms + w_apis[RETURN].ttl_ms};
	struct store_tended report;
	int64_t due;

	assert_int_equal(store_tend(w->store, then, &report, &due), ERR_OK);
	assert_int_equal(report.emptied, 1);
}

static void bring_about(struct world *w, enum situation is)
{
	switch (is) {
	case IS_PENDING:
		break;
	case IS_PROCESSING:
		process(w);
		break;
	case IS_COMPLETED:
		world_complete(w, RETURN, 200, NULL, RESULT);
		break;
	case IS_CREATED:
		world_complete(w, RETURN, 201, "/bundles/7", RESULT);
		break;
	case IS_EMPTY:
		world_complete(w, RETURN, 204, NULL, "");
		break;
	case IS_REFUSED:
		world_fail(w, RETURN, REASON_UPSTREAM_REFUSED, 422, RESULT);
		break;
	case IS_BROKEN:
		world_fail(w, RETURN, REASON_UPSTREAM_ERROR, 503, "stack");
		break;
	case IS_LATE:
		run_past_deadline(w);
		break;
	case IS_TIMED_OUT:
		world_fail(w, RETURN, REASON_UPSTREAM_TIMEOUT, 0, "");
		break;
	case IS_UNKNOWN:
		world_fail(w, RETURN, REASON_OUTCOME_UNKNOWN, 0, "");
		break;
	case IS_FAILED:
		world_fail(w, RETURN, REASON_FAILED, 0, "");
		break;
	case IS_CANCELLED:
		ask(w, "DELETE", "", NO_HEADERS);
		break;
	case IS_EXPIRED:
		world_complete(w, RETURN, 200, NULL, RESULT);
		world_moves(w, w_apis[RETURN].ttl_ms);
		break;
	case IS_GONE:
		world_complete(w, RETURN, 200, NULL, RESULT);
		sweep(w);
		break;
	}
}

/* The first request waits before it is brought about, the rest ask after. */
static void ask_by(struct world *w, enum way by, const struct waiting *first)
{
	static const struct {
		const char *method, *tail;
	} lines[] = {
	    [BY_STATUS] = {"GET", ""},
	    [BY_HEAD] = {"HEAD", ""},
	    [BY_REDIRECT] = {"GET", "?onComplete=redirect"},
	    [BY_KNOWN] = {"GET", ""},
	    [BY_RESULT] = {"GET", "/result"},
	    [BY_DELETE] = {"DELETE", ""},
	    [BY_CANCEL] = {"POST", "/cancel"},
	};
	char etag[80];

	if (by == BY_FIRST) {
		w->wait = *first;
		world_moves(w, 20000);
		world_resume(w);
	} else if (by == BY_REPEAT) {
		send_it(w, "POST /api/v1/return", BODY, NAME);
		if (w->outcome == OUTCOME_PARK) {
			assert_int_equal(
			    w->wait.answer_boot, w->now.boot_ms + 1000);
			world_moves(w, 1000);
			world_resume(w);
		}
	} else if (by == BY_KNOWN) {
		ask(w, "GET", "", NO_HEADERS);
		snprintf(etag, sizeof(etag), "if-none-match: W/%s",
		    got_header(w, "etag"));
		ask(w, "GET", "", WITH(etag));
	} else {
		ask(w, lines[by].method, lines[by].tail, NO_HEADERS);
	}
}

static void check_row(struct world *w, const struct row *row)
{
	struct waiting first;

	send_it(w, "POST /api/v1/return", BODY, NAME, "x-wait-time-ms: 20000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	first = w->wait;
	ids_write(first.id, w->id);
	bring_about(w, row->is);
	ask_by(w, row->by, &first);
	assert_answer(w, row->status);
	assert_string_equal(got_header(w, "content-type"), row->type);
	assert_int_equal(
	    answer_get(&w->ans, "location").n > 0, row->headers & LOCATION);
	assert_int_equal(answer_get(&w->ans, "retry-after").n > 0,
	    (row->headers & RETRY) > 0);
	assert_int_equal(
	    answer_get(&w->ans, "etag").n > 0, (row->headers & ETAG) > 0);
	assert_string_equal(got_header(w, "cache-control"), "no-store");
	assert_string_equal(got_header(w, "referrer-policy"), "no-referrer");
	if (row->is != IS_EXPIRED && row->is != IS_GONE)
		assert_string_equal(
		    got_header(w, "x-request-id"), "a-name-nobody-would-guess");
	assert_true(answer_get(&w->ans, "traceparent").n > 0);
	assert_int_equal(w->ans.head, row->by == BY_HEAD);
	if (row->member)
		assert_string_equal(got(w, row->member), row->value);
	else
		assert_int_equal(w->ans.body.n, 0);
}

static void every_cell(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *world = NULL;
		assert_int_equal(world_up(&world), 0);
		check_row(world, &rows[i]);
		world_down(&world);
	}
}

/* DELETE twice, cancel of a running one twice, purge: RFC 9110 9.2.2 */
static void asking_twice_does_no_harm(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	for (int i = 0; i < 2; i++) {
		ask(w, "DELETE", "", NO_HEADERS);
		assert_answer(w, 200);
		assert_string_equal(got(w, "status"), "cancelled");
	}
	send_it(w, "POST /api/v1/return", BODY);
	struct job job = world_claim(w, RETURN);
	for (int i = 0; i < 2; i++) {
		ask(w, "POST", "/cancel", NO_HEADERS);
		assert_answer(w, 202);
		assert_string_equal(
		    got(w, "cancelRequestedAt"), "2026-11-21T08:33:20.000Z");
		world_moves(w, 10);
	}
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 200},
	    &(struct envelope_result){
		.status = 200, .content_type = STR(JSON), .body = STR("{}")});
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 200);
	assert_string_equal(got(w, "status"), "completed");
	ask(w, "DELETE", "?purge=1", NO_HEADERS);
	assert_answer(w, 400);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "completed");
}

/* Whatever is wrong with an id, the answer is the same bytes. */
static void unknown_ids_are_all_alike(void **state)
{
	struct world *w = *state;
	uint8_t id[JOB_ID_BYTES], nobody[JOB_OWNER_BYTES] = {0};
	char good[IDS_TEXT + 1];
	struct str first = {0};
	static const char *const tails[] = {"", "/result"};

	send_it(w, "POST /api/v1/return", BODY);
	strcpy(good, w->id);
	for (int kind = 0; kind < 6; kind++) {
		strcpy(w->id, good);
		ids_random(&w->keys, &w_apis[RETURN], nobody, id);
		if (kind == 0)
			ids_write(id, w->id); /* good, and no row */
		else if (kind == 1)
			w->id[IDS_TEXT - 1] ^= 1;
		else if (kind == 2)
			w->id[IDS_TEXT - 1] = '\0';
		else if (kind == 3)
			strcpy(w->id, "nonsense");
		else if (kind == 4)
			w->id[5] = w->id[5] == 'x' ? 'y' : 'x'; /* tag */
		else
			w->id[10] = '=';
		for (int t = 0; t < 2; t++) {
			ask(w, "GET", tails[t], NO_HEADERS);
			assert_answer(w, 404);
			if (!first.n)
				first = w->ans.body;
			assert_true(str_eq(first, w->ans.body));
		}
		ask(w, "DELETE", "", NO_HEADERS);
		assert_answer(w, 404);
		assert_true(str_eq(first, w->ans.body));
		ask(w, "POST", "/cancel", NO_HEADERS);
		assert_answer(w, 404);
		assert_true(str_eq(first, w->ans.body));
	}
	strcpy(w->id, good);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "pending");
}

/* A result is not denied because somebody set the clock wrong for a while. */
static void a_step_of_the_wall_clock_denies_nothing(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, NAME);
	world_complete(w, RETURN, 200, NULL, RESULT);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	w->now.wall_ms += w_apis[RETURN].ttl_ms;
	ask(w, "GET", "/result", NO_HEADERS);
	assert_answer(w, 200);
	assert_true(str_is(w->ans.body, RESULT));
	send_it(w, "POST /api/v1/return", BODY, NAME);
	assert_answer(w, 200);
	w->now.wall_ms -= w_apis[RETURN].ttl_ms; /* put right */
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	w->now.wall_ms += w_apis[RETURN].ttl_ms; /* or it was right */
	ask(w, "GET", "", NO_HEADERS);
	world_moves(w, CLOCK_AGREE_MS - 1);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	world_moves(w, 1);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 410);
	send_it(w, "POST /api/v1/return", BODY, NAME);
	assert_answer(w, 410);
}

/* Contract 8: the polling client of the seed system, step by step. */
static void the_legacy_client(void **state)
{
#define UUID "b3c5a1de-1f6c-4f3e-9a69-5a1c6d3f8e10"
	struct world *w = *state;
	char again[200];

	send_it(w, "POST /api/v1/return", BODY, "x-initial-request: true",
	    "x-wait-time-ms: 0", "x-request-id: " UUID);
	assert_answer(w, 202);
	snprintf(again, sizeof(again), "x-request-id: %s",
	    got_header(w, "x-request-id"));
	for (int i = 0; i < 3; i++) {
		world_send(w, "POST /api/v1/return", BODY,
		    WITH(again, "x-wait-time-ms: 0"));
		assert_int_equal(w->outcome, OUTCOME_PARK);
		world_moves(w, 1000);
		world_resume(w);
		assert_answer(w, 202);
		assert_string_equal(got_header(w, "x-request-id"), UUID);
	}
	world_send(w, "POST /api/v1/return", BODY, WITH(again));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_complete(w, RETURN, 201, NULL, RESULT);
	world_resume(w); /* the bell, not the deadline */
	assert_answer(w, 201);
	for (int i = 0; i < 3; i++) {
		world_send(w, "POST /api/v1/return", BODY, WITH(again));
		assert_answer(w, 201);
		assert_true(str_is(w->ans.body, RESULT));
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_cell),
	    T(asking_twice_does_no_harm),
	    T(unknown_ids_are_all_alike),
	    T(a_step_of_the_wall_clock_denies_nothing),
	    T(the_legacy_client),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
