#include "tests/unit/app-world.h"

#include "cgi/upstream/upstream.h"

/*
 * Contract 4, cell by cell: what each state of a job is answered with to each
 * way of asking. The table has no holes: a state or a way that is added must
 * say what each of its cells is.
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
	IS_PURGED,
	IS_NEEDING,  /* the upstream's 401 to the client's credential */
	IS_UNREAD,   /* once = true, 201 with a Location */
	IS_READ,     /* the same, delivered a moment ago */
	IS_CONSUMED, /* the same, and that moment is over */
	IS_TOLD,     /* a running one that says how it goes */
	IS_HELD,     /* nobody knows whether it was done */
	IS_POLLED,   /* the upstream took it and is asked about it */
	IS_LEFT,     /* the same, between two workers */
	SITUATIONS
};
enum way {
	BY_FIRST,  /* A, when its wait is over */
	BY_REPEAT, /* B */
	BY_STATUS, /* C */
	BY_HEAD,
	BY_REDIRECT, /* C with ?onComplete=redirect */
	BY_KNOWN,    /* C with If-None-Match of the current version */
	BY_RESULT,   /* D */
	BY_RESULT_HEAD,
	BY_RESULT_KNOWN,
	BY_DELETE, /* E */
	BY_CANCEL, /* E */
	BY_STRICT, /* E with Prefer: handling=strict */
	BY_PURGE,
	BY_PURGE_AGAIN,
	WAYS
};

#define BODY "{\"vrn\":\"193054661\"}"
#define RESULT "{\"total\":1.10}"
#define NAME "x-request-id: a-name-nobody-would-guess"
#define ORIGIN "https://www.acme.example"
#define PROBLEM_JSON "application/problem+json"

/* Headers that must be there, and must not where they are left out: */
enum { LOCATION = 1, RETRY = 2, ETAG = 4, APPLIED = 8 };

/* A status of 0 is a hole. */
struct cell {
	int status;
	const char *type;
	unsigned headers;
	const char *member, *value; /* of the body; NULL = it is empty */
};
#define ACCEPTED                                                               \
	{                                                                      \
		202, JSON, LOCATION | RETRY, "status", "accepted"              \
	}
#define OPEN_B(state)                                                          \
	{                                                                      \
		202, JSON, LOCATION | RETRY, "status", state                   \
	}
#define OPEN_C(state)                                                          \
	{                                                                      \
		200, JSON, RETRY | ETAG, "status", state                       \
	}
#define OPEN_D(state)                                                          \
	{                                                                      \
		202, JSON, LOCATION | RETRY | ETAG, "status", state            \
	}
#define OPEN_304                                                               \
	{                                                                      \
		304, "", RETRY | ETAG, NULL, NULL                              \
	}
#define DONE_C(member, value)                                                  \
	{                                                                      \
		200, JSON, ETAG, member, value                                 \
	}
#define DONE_304                                                               \
	{                                                                      \
		304, "", ETAG, NULL, NULL                                      \
	}
#define DONE_E(state)                                                          \
	{                                                                      \
		200, JSON, 0, "status", state                                  \
	}
#define RESULT_A(status)                                                       \
	{                                                                      \
		status, JSON, 0, "total", "1.10"                               \
	}
#define RESULT_D(status)                                                       \
	{                                                                      \
		status, JSON, ETAG, "total", "1.10"                            \
	}
#define PROBLEM_A(status, type)                                                \
	{                                                                      \
		status, PROBLEM_JSON, 0, "error", type                         \
	}
#define PROBLEM_D(status, type)                                                \
	{                                                                      \
		status, PROBLEM_JSON, ETAG, "error", type                      \
	}
#define PROBLEM_E(type)                                                        \
	{                                                                      \
		409, PROBLEM_JSON, 0, "error", type                            \
	}
#define STRICT_E                                                               \
	{                                                                      \
		409, PROBLEM_JSON, APPLIED, "error", "job-already-finished"    \
	}
#define STILL_OPEN                                                             \
	{                                                                      \
		409, PROBLEM_JSON, 0, "error", "job-open"                      \
	}
#define PURGED                                                                 \
	{                                                                      \
		204, "", 0, NULL, NULL                                         \
	}
#define CONSUMED                                                               \
	{                                                                      \
		410, PROBLEM_JSON, 0, "error", "result-consumed"               \
	}
#define NEEDS                                                                  \
	{                                                                      \
		401, PROBLEM_JSON, RETRY, "error", "unauthorized"              \
	}
#define EXPIRED                                                                \
	{                                                                      \
		410, PROBLEM_JSON, 0, "error", "job-expired"                   \
	}
/* The columns from E on are the same for whatever has ended. */
#define ENDED(state)                                                           \
	[BY_DELETE] = DONE_E(state), [BY_CANCEL] = DONE_E(state),              \
	[BY_STRICT] = STRICT_E, [BY_PURGE] = PURGED,                           \
	[BY_PURGE_AGAIN] = EXPIRED
#define FAILED_AS(status, type)                                                \
	{                                                                      \
		[BY_FIRST] = PROBLEM_A(status, type),                          \
		[BY_REPEAT] = PROBLEM_A(status, type),                         \
		[BY_STATUS] = DONE_C("error", type),                           \
		[BY_HEAD] = DONE_C("problem.status", #status),                 \
		[BY_REDIRECT] = DONE_C("status", "failed"),                    \
		[BY_KNOWN] = DONE_304, [BY_RESULT] = PROBLEM_D(status, type),  \
		[BY_RESULT_HEAD] = PROBLEM_D(status, type),                    \
		[BY_RESULT_KNOWN] = PROBLEM_D(status, type), ENDED("failed")   \
	}
#define GONE_FOR_GOOD                                                          \
	{                                                                      \
		[BY_FIRST] = EXPIRED, [BY_REPEAT] = EXPIRED,                   \
		[BY_STATUS] = EXPIRED, [BY_HEAD] = EXPIRED,                    \
		[BY_REDIRECT] = EXPIRED, [BY_KNOWN] = EXPIRED,                 \
		[BY_RESULT] = EXPIRED, [BY_RESULT_HEAD] = EXPIRED,             \
		[BY_RESULT_KNOWN] = EXPIRED, [BY_DELETE] = EXPIRED,            \
		[BY_CANCEL] = EXPIRED, [BY_STRICT] = EXPIRED,                  \
		[BY_PURGE] = EXPIRED, [BY_PURGE_AGAIN] = EXPIRED               \
	}

static const struct cell
    cells[SITUATIONS][WAYS] =
	{
	    [IS_PENDING] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = OPEN_B("pending"),
		    [BY_STATUS] = OPEN_C("pending"),
		    [BY_HEAD] = OPEN_C("pending"),
		    [BY_REDIRECT] = OPEN_C("pending"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = OPEN_D("pending"),
		    [BY_RESULT_HEAD] = OPEN_D("pending"),
		    [BY_RESULT_KNOWN] = OPEN_D("pending"),
		    [BY_DELETE] = DONE_E("cancelled"),
		    [BY_CANCEL] = DONE_E("cancelled"),
		    [BY_STRICT] = DONE_E("cancelled"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_PROCESSING] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = OPEN_B("processing"),
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "progress", "40"},
		    [BY_HEAD] = OPEN_C("processing"),
		    [BY_REDIRECT] = OPEN_C("processing"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = OPEN_D("processing"),
		    [BY_RESULT_HEAD] = OPEN_D("processing"),
		    [BY_RESULT_KNOWN] = OPEN_D("processing"),
		    [BY_DELETE] = OPEN_B("processing"),
		    [BY_CANCEL] = OPEN_B("processing"),
		    [BY_STRICT] = OPEN_B("processing"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_COMPLETED] =
		{
		    [BY_FIRST] = RESULT_A(200),
		    [BY_REPEAT] = RESULT_A(200),
		    [BY_STATUS] = DONE_C("result.total", "1.10"),
		    [BY_HEAD] = DONE_C("progress", "100"),
		    [BY_REDIRECT] = DONE_C("status", "completed"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = RESULT_D(200),
		    [BY_RESULT_HEAD] = RESULT_D(200),
		    [BY_RESULT_KNOWN] = DONE_304,
		    ENDED("completed"),
		},
	    [IS_CREATED] =
		{
		    [BY_FIRST] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_REPEAT] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_STATUS] = DONE_C("location", "/bundles/7"),
		    [BY_HEAD] = DONE_C("location", "/bundles/7"),
		    [BY_REDIRECT] = {303, JSON, LOCATION | ETAG, "status",
			"completed"},
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = {201, JSON, LOCATION | ETAG, "total", "1.10"},
		    [BY_RESULT_HEAD] = {201, JSON, LOCATION | ETAG, "total",
			"1.10"},
		    [BY_RESULT_KNOWN] = DONE_304,
		    ENDED("completed"),
		},
	    [IS_EMPTY] =
		{
		    [BY_FIRST] = {204, "", 0, NULL, NULL},
		    [BY_REPEAT] = {204, "", 0, NULL, NULL},
		    [BY_STATUS] = DONE_C("result", "(none)"),
		    [BY_HEAD] = DONE_C("status", "completed"),
		    [BY_REDIRECT] = DONE_C("status", "completed"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = {204, "", ETAG, NULL, NULL},
		    [BY_RESULT_HEAD] = {204, "", ETAG, NULL, NULL},
		    [BY_RESULT_KNOWN] = DONE_304,
		    ENDED("completed"),
		},
	    [IS_REFUSED] =
		{
		    [BY_FIRST] = RESULT_A(422),
		    [BY_REPEAT] = RESULT_A(422),
		    [BY_STATUS] = DONE_C("error", "upstream-refused"),
		    [BY_HEAD] = DONE_C("problem.upstreamStatus", "422"),
		    [BY_REDIRECT] = DONE_C("status", "failed"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = RESULT_D(422),
		    [BY_RESULT_HEAD] = RESULT_D(422),
		    [BY_RESULT_KNOWN] = RESULT_D(422),
		    ENDED("failed"),
		},
	    [IS_BROKEN] = FAILED_AS(502, "upstream-error"),
	    [IS_LATE] = FAILED_AS(504, "deadline-exceeded"),
	    [IS_TIMED_OUT] = FAILED_AS(504, "upstream-timeout"),
	    [IS_UNKNOWN] = FAILED_AS(502, "outcome-unknown"),
	    [IS_FAILED] = FAILED_AS(500, "job-failed"),
	    [IS_CANCELLED] =
		{
		    [BY_FIRST] = PROBLEM_A(409, "job-cancelled"),
		    [BY_REPEAT] = PROBLEM_A(409, "job-cancelled"),
		    [BY_STATUS] = DONE_C("status", "cancelled"),
		    [BY_HEAD] = DONE_C("status", "cancelled"),
		    [BY_REDIRECT] = DONE_C("status", "cancelled"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = PROBLEM_D(409, "job-cancelled"),
		    [BY_RESULT_HEAD] = PROBLEM_D(409, "job-cancelled"),
		    [BY_RESULT_KNOWN] = PROBLEM_D(409, "job-cancelled"),
		    [BY_DELETE] = DONE_E("cancelled"),
		    [BY_CANCEL] = DONE_E("cancelled"),
		    [BY_STRICT] = DONE_E("cancelled"),
		    [BY_PURGE] = PURGED,
		    [BY_PURGE_AGAIN] = EXPIRED,
		},
	    [IS_NEEDING] =
		{
		    [BY_FIRST] = NEEDS,
		    [BY_REPEAT] = NEEDS,
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "needsCredentials",
			"true"},
		    [BY_HEAD] = OPEN_C("pending"),
		    [BY_REDIRECT] = OPEN_C("pending"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = OPEN_D("pending"),
		    [BY_RESULT_HEAD] = OPEN_D("pending"),
		    [BY_RESULT_KNOWN] = OPEN_D("pending"),
		    [BY_DELETE] = DONE_E("cancelled"),
		    [BY_CANCEL] = DONE_E("cancelled"),
		    [BY_STRICT] = DONE_E("cancelled"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_UNREAD] =
		{
		    [BY_FIRST] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_REPEAT] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_STATUS] = DONE_C("result", "(none)"),
		    [BY_HEAD] = DONE_C("resultConsumed", "(none)"),
		    [BY_REDIRECT] = DONE_C("location", "(none)"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = {201, JSON, LOCATION | ETAG, "total", "1.10"},
		    [BY_RESULT_HEAD] = {201, "", ETAG, NULL, NULL},
		    [BY_RESULT_KNOWN] = {201, JSON, LOCATION | ETAG, "total",
			"1.10"},
		    ENDED("completed"),
		},
	    [IS_READ] =
		{
		    [BY_FIRST] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_REPEAT] = {201, JSON, LOCATION, "total", "1.10"},
		    [BY_STATUS] = DONE_C("resultConsumed", "true"),
		    [BY_HEAD] = DONE_C("result", "(none)"),
		    [BY_REDIRECT] = DONE_C("resultUrl", "(none)"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = {201, JSON, LOCATION | ETAG, "total", "1.10"},
		    [BY_RESULT_HEAD] = {201, "", ETAG, NULL, NULL},
		    [BY_RESULT_KNOWN] = DONE_304,
		    ENDED("completed"),
		},
	    [IS_CONSUMED] =
		{
		    [BY_FIRST] = CONSUMED,
		    [BY_REPEAT] = CONSUMED,
		    [BY_STATUS] = DONE_C("resultConsumed", "true"),
		    [BY_HEAD] = DONE_C("location", "(none)"),
		    [BY_REDIRECT] = DONE_C("status", "completed"),
		    [BY_KNOWN] = DONE_304,
		    [BY_RESULT] = CONSUMED,
		    [BY_RESULT_HEAD] = CONSUMED,
		    [BY_RESULT_KNOWN] = CONSUMED,
		    ENDED("completed"),
		},
	    [IS_TOLD] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = {202, JSON, LOCATION | RETRY, "message",
			"half of it"},
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "message",
			"half of it"},
		    [BY_HEAD] = {200, JSON, RETRY | ETAG, "progress", "50"},
		    [BY_REDIRECT] = OPEN_C("processing"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = {202, JSON, LOCATION | RETRY | ETAG,
			"message", "half of it"},
		    [BY_RESULT_HEAD] = OPEN_D("processing"),
		    [BY_RESULT_KNOWN] = OPEN_D("processing"),
		    [BY_DELETE] = OPEN_B("processing"),
		    [BY_CANCEL] = OPEN_B("processing"),
		    [BY_STRICT] = OPEN_B("processing"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_HELD] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = {202, JSON, LOCATION | RETRY, "held", "true"},
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "held", "true"},
		    [BY_HEAD] = {200, JSON, RETRY | ETAG, "message",
			"awaiting a decision"},
		    [BY_REDIRECT] = OPEN_C("processing"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = {202, JSON, LOCATION | RETRY | ETAG, "held",
			"true"},
		    [BY_RESULT_HEAD] = OPEN_D("processing"),
		    [BY_RESULT_KNOWN] = OPEN_D("processing"),
		    [BY_DELETE] = {202, JSON, LOCATION | RETRY, "held", "true"},
		    [BY_CANCEL] = {202, JSON, LOCATION | RETRY, "message",
			"awaiting a decision"},
		    [BY_STRICT] = OPEN_B("processing"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_POLLED] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = OPEN_B("processing"),
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "progress", "10"},
		    [BY_HEAD] = {200, JSON, RETRY | ETAG, "message", "queued"},
		    [BY_REDIRECT] = OPEN_C("processing"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = OPEN_D("processing"),
		    [BY_RESULT_HEAD] = OPEN_D("processing"),
		    [BY_RESULT_KNOWN] = OPEN_D("processing"),
		    [BY_DELETE] = OPEN_B("processing"),
		    [BY_CANCEL] = OPEN_B("processing"),
		    [BY_STRICT] = OPEN_B("processing"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_LEFT] =
		{
		    [BY_FIRST] = ACCEPTED,
		    [BY_REPEAT] = OPEN_B("pending"),
		    [BY_STATUS] = {200, JSON, RETRY | ETAG, "message",
			"queued"},
		    [BY_HEAD] = OPEN_C("pending"),
		    [BY_REDIRECT] = OPEN_C("pending"),
		    [BY_KNOWN] = OPEN_304,
		    [BY_RESULT] = OPEN_D("pending"),
		    [BY_RESULT_HEAD] = OPEN_D("pending"),
		    [BY_RESULT_KNOWN] = OPEN_D("pending"),
		    [BY_DELETE] = OPEN_B("pending"),
		    [BY_CANCEL] = OPEN_B("pending"),
		    [BY_STRICT] = OPEN_B("pending"),
		    [BY_PURGE] = STILL_OPEN,
		    [BY_PURGE_AGAIN] = STILL_OPEN,
		},
	    [IS_EXPIRED] = GONE_FOR_GOOD,
	    [IS_GONE] = GONE_FOR_GOOD,
	    [IS_PURGED] = GONE_FOR_GOOD,
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

static void tell(struct world *w)
{
	const struct envelope_note note = {.message = STR("half of it")};
	struct job job = world_claim(w, RETURN);

	world_tell(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_HEARTBEAT, .progress = 50},
	    &note);
}

/* What it said before says nothing about what became of it. */
static void hold(struct world *w)
{
	const struct envelope_note note = {.message = STR("half of it")};
	struct job job = world_claim(w, RETURN);

	world_tell(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_HEARTBEAT, .progress = 50},
	    &note);
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_BROKEN}, NULL);
	assert_true(job.held);
}

static void poll(struct world *w, bool leave)
{
	const struct envelope_note note = {
	    .message = STR("queued"), .poll_url = STR("http://u/POLLMARK")};
	struct job job = world_claim(w, RETURN);

	world_tell(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_POLL, .progress = 10}, &note);
	if (leave)
		world_finish(w, RETURN, &job,
		    (struct job_event){.kind = JOB_EVENT_RELEASE}, NULL);
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

static void need(struct world *w)
{
	struct job job = world_claim(w, RETURN);

	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_NEED, .status = 401}, NULL);
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
	case IS_PURGED:
		world_complete(w, RETURN, 200, NULL, RESULT);
		ask(w, "DELETE", "?purge=1", NO_HEADERS);
		assert_answer(w, 204);
		break;
	case IS_NEEDING:
		need(w);
		break;
	case IS_UNREAD:
	case IS_READ:
	case IS_CONSUMED:
		world_complete(w, RETURN, 201, "/bundles/7", RESULT);
		if (is != IS_UNREAD)
			ask(w, "GET", "/result", NO_HEADERS);
		if (is == IS_CONSUMED)
			world_moves(w, JOB_READ_MS);
		break;
	case IS_TOLD:
		tell(w);
		break;
	case IS_HELD:
		hold(w);
		break;
	case IS_POLLED:
	case IS_LEFT:
		poll(w, is == IS_LEFT);
		break;
	case SITUATIONS:
		fail();
	}
}

/* What it said to GET, as If-None-Match has it. */
static void ask_knowing(struct world *w, const char *tail)
{
	char etag[80];

	ask(w, "GET", "", NO_HEADERS);
	snprintf(etag, sizeof(etag), "if-none-match: \"x\", W/%s",
	    got_header(w, "etag"));
	ask(w, "GET", tail, WITH(etag));
}

/* The first request waits before it is brought about, the rest ask after. */
static void ask_by(struct world *w, enum way by, const struct waiting *first)
{
	static const struct {
		const char *method, *tail, *header;
	} lines[WAYS] = {
	    [BY_STATUS] = {"GET", "", NULL},
	    [BY_HEAD] = {"HEAD", "", NULL},
	    [BY_REDIRECT] = {"GET", "?onComplete=redirect", NULL},
	    [BY_RESULT] = {"GET", "/result", NULL},
	    [BY_RESULT_HEAD] = {"HEAD", "/result", NULL},
	    [BY_DELETE] = {"DELETE", "", NULL},
	    [BY_CANCEL] = {"POST", "/cancel", NULL},
	    [BY_STRICT] = {"DELETE", "", "prefer: handling=strict"},
	    [BY_PURGE] = {"DELETE", "?purge=1", NULL},
	    [BY_PURGE_AGAIN] = {"DELETE", "?purge=1", NULL},
	};

	switch (by) {
	case BY_FIRST:
		w->wait = *first;
		world_moves(w, 20000);
		world_resume(w);
		break;
	case BY_REPEAT:
		send_it(w, "POST /api/v1/return", BODY, NAME);
		if (w->outcome == OUTCOME_PARK) {
			assert_int_equal(
			    w->wait.answer_boot, w->now.boot_ms + 1000);
			world_moves(w, 1000);
			world_resume(w);
		}
		break;
	case BY_KNOWN:
		ask_knowing(w, "");
		break;
	case BY_RESULT_KNOWN:
		ask_knowing(w, "/result");
		break;
	case BY_PURGE_AGAIN:
		ask(w, "DELETE", "?purge=1", NO_HEADERS);
		__attribute__((fallthrough));
	default:
		ask(w, lines[by].method, lines[by].tail,
		    WITH(lines[by].header));
	}
}

static void check_header(
    struct world *w, const struct cell *cell, const char *name, unsigned bit)
{
	assert_int_equal(
	    answer_get(&w->ans, name).n > 0, (cell->headers & bit) > 0);
}

/* "All: …" of contract 4: on every answer, whatever it is. */
static void check_all(struct world *w)
{
	assert_string_equal(got_header(w, "cache-control"), "no-store");
	assert_string_equal(got_header(w, "referrer-policy"), "no-referrer");
	assert_string_equal(got_header(w, "x-content-type-options"), "nosniff");
	assert_int_equal(answer_get(&w->ans, "traceparent").n, NAMES_TRACE);
	assert_true(answer_get(&w->ans, "x-request-id").n > 0);
	assert_string_equal(
	    got_header(w, "access-control-allow-origin"), ORIGIN);
	assert_string_equal(got_header(w, "access-control-expose-headers"),
	    "x-request-id, x-wait-time-ms, Location, Retry-After, ETag, "
	    "Preference-Applied, traceparent");
	assert_non_null(strstr(got_header(w, "vary"), "Origin"));
	/* RFC 3875 6.2: with 200 a web server takes it for its own */
	if (w->ans.status == 200)
		assert_int_equal(answer_get(&w->ans, "location").n, 0);
	assert_int_not_equal(w->ans.status, 301);
}

/* RFC 9457's members, and ours. */
static void check_problem(struct world *w)
{
	static const char *const members[] = {"type", "title", "detail",
	    "instance", "message", "requestId", "jobId", "jobStatus"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert_non_null(value_get(got_body(w), members[i]));
	assert_int_equal(value_get(got_body(w), "status")->as.i, w->ans.status);
	assert_string_equal(got(w, "message"), got(w, "detail"));
	assert_string_equal(got(w, "jobId"), w->id);
}

static void check_cell(struct world *w, enum situation is, enum way by)
{
	const struct cell *cell = &cells[is][by];
	char url[sizeof(w->id) + 20];
	struct waiting first;

	w->origin = ORIGIN;
	w_apis[RETURN].once = is >= IS_UNREAD && is <= IS_CONSUMED;
	w_apis[RETURN].on_lost = is == IS_HELD ? ON_LOST_HOLD : ON_LOST_RETRY;
	send_it(w, "POST /api/v1/return", BODY, NAME, "x-wait-time-ms: 20000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	first = w->wait;
	ids_write(first.id, w->id);
	bring_about(w, is);
	ask_by(w, by, &first);
	assert_answer(w, cell->status);
	check_all(w);
	assert_string_equal(got_header(w, "content-type"), cell->type);
	check_header(w, cell, "location", LOCATION);
	check_header(w, cell, "retry-after", RETRY);
	check_header(w, cell, "etag", ETAG);
	snprintf(url, sizeof(url), "/api/jobs/%s", w->id);
	assert_int_equal(
	    answer_get(&w->ans, "www-authenticate").n > 0, cell->status == 401);
	if (cell->status == 202)
		assert_string_equal(got_header(w, "location"), url);
	else if (cell->headers & LOCATION)
		assert_string_equal(got_header(w, "location"), "/bundles/7");
	if ((cell->headers & APPLIED) || by != BY_FIRST)
		check_header(w, cell, "preference-applied", APPLIED);
	if (cell->status != 410)
		assert_string_equal(
		    got_header(w, "x-request-id"), "a-name-nobody-would-guess");
	assert_int_equal(w->ans.head, by == BY_HEAD || by == BY_RESULT_HEAD);
	if (strcmp(cell->type, PROBLEM_JSON) == 0)
		check_problem(w);
	assert_null(strstr(arena_cstr(&w->arena, w->ans.body), "POLLMARK"));
	if (cell->member)
		assert_string_equal(got(w, cell->member), cell->value);
	else
		assert_int_equal(w->ans.body.n, 0);
}

static const char *const situation_names[SITUATIONS] = {
    [IS_PENDING] = "pending",
    [IS_PROCESSING] = "processing",
    [IS_COMPLETED] = "completed",
    [IS_CREATED] = "created",
    [IS_EMPTY] = "empty",
    [IS_REFUSED] = "refused",
    [IS_BROKEN] = "broken",
    [IS_LATE] = "late",
    [IS_TIMED_OUT] = "timed-out",
    [IS_UNKNOWN] = "outcome-unknown",
    [IS_FAILED] = "failed",
    [IS_CANCELLED] = "cancelled",
    [IS_EXPIRED] = "expired",
    [IS_GONE] = "gone",
    [IS_PURGED] = "purged",
    [IS_NEEDING] = "needing",
    [IS_UNREAD] = "unread",
    [IS_READ] = "read",
    [IS_CONSUMED] = "consumed",
    [IS_TOLD] = "told",
    [IS_HELD] = "held",
    [IS_POLLED] = "polled",
    [IS_LEFT] = "polled, left",
};
static const char *const way_names[WAYS] = {
    [BY_FIRST] = "A",
    [BY_REPEAT] = "B",
    [BY_STATUS] = "C",
    [BY_HEAD] = "C HEAD",
    [BY_REDIRECT] = "C redirect",
    [BY_KNOWN] = "C If-None-Match",
    [BY_RESULT] = "D",
    [BY_RESULT_HEAD] = "D HEAD",
    [BY_RESULT_KNOWN] = "D If-None-Match",
    [BY_DELETE] = "E DELETE",
    [BY_CANCEL] = "E cancel",
    [BY_STRICT] = "E strict",
    [BY_PURGE] = "purge",
    [BY_PURGE_AGAIN] = "purge twice",
};

/* The cell's number is the test's state. */
static void one_cell(void **state)
{
	const size_t n = (size_t)(uintptr_t)*state;
	void *world = NULL;

	assert_int_equal(world_up(&world), 0);
	check_cell(world, (enum situation)(n / WAYS), (enum way)(n % WAYS));
	world_down(&world);
	w_apis[RETURN].once = false;
	w_apis[RETURN].on_lost = ON_LOST_RETRY;
}

/* ---- an upstream's own headers -------------------------------------------
 */

static struct pair upstreams[] = {{S("x-correlation-id"), S("abc")},
    {S("receipt-id"), S("one, two")}, {S("set-cookie"), S("a=b")},
    {S("access-control-allow-origin"), S("*")}, {S("location"), S("/x")},
    {S("etag"), S("\"1\"")}, {S("x-accel-redirect"), S("/secret")}};
#define OURS_EXPOSED                                                           \
	"x-request-id, x-wait-time-ms, Location, Retry-After, ETag, "          \
	"Preference-Applied, traceparent"

static void end_with_headers(
    struct world *w, int status, struct pair *headers, size_t n)
{
	const struct envelope_result result = {.status = status,
	    .content_type = STR("text/x"),
	    .headers = {headers, n},
	    .body = STR("as it came")};
	struct job job = world_claim(w, RETURN);
	struct job_event event = {.kind = JOB_EVENT_COMPLETE, .status = status};

	if (status >= 400)
		event = (struct job_event){.kind = JOB_EVENT_FAIL,
		    .reason = status < 500 ? REASON_UPSTREAM_REFUSED
					   : REASON_UPSTREAM_ERROR,
		    .status = status < 500 ? status : 0};
	world_finish(w, RETURN, &job, event, &result);
}

static void assert_kept(struct world *w, int status, bool kept)
{
	assert_answer(w, status);
	assert_string_equal(
	    got_header(w, "x-correlation-id"), kept ? "abc" : "");
	assert_string_equal(
	    got_header(w, "receipt-id"), kept ? "one, two" : "");
	assert_string_equal(got_header(w, "access-control-expose-headers"),
	    kept ? OURS_EXPOSED ", x-correlation-id, receipt-id"
		 : OURS_EXPOSED);
	assert_string_equal(got_header(w, "set-cookie"), "");
	assert_string_equal(got_header(w, "location"), "");
	assert_string_equal(got_header(w, "x-accel-redirect"), "");
	assert_string_equal(
	    got_header(w, "access-control-allow-origin"), ORIGIN);
	assert_string_not_equal(got_header(w, "etag"), "\"1\"");
}

/* With A, B and D, whole or without a body; never of an answer of ours. */
static void headers_that_were_kept(void **state)
{
	static const int statuses[] = {200, 422, 503};
	struct world *w = *state;

	w->origin = ORIGIN;
	for (size_t i = 0; i < 3; i++) {
		const bool stored = statuses[i] < 500;
		const int status = stored ? statuses[i] : 502;
		char name[80];

		snprintf(name, sizeof(name), "x-request-id: %zu%s", i,
		    "-a-name-nobody-would-guess");
		send_it(w, "POST /api/v1/return", BODY, name,
		    "x-wait-time-ms: 20000");
		const struct waiting first = w->wait;
		ids_write(first.id, w->id);
		end_with_headers(w, statuses[i], upstreams, 7);
		world_resume(w); /* A */
		assert_kept(w, status, stored);
		send_it(w, "POST /api/v1/return", BODY, name);
		assert_kept(w, status, stored);
		ask(w, "GET", "/result", NO_HEADERS);
		assert_kept(w, status, stored);
		if (stored)
			assert_true(str_is(w->ans.body, "as it came"));
		ask(w, "HEAD", "/result", NO_HEADERS);
		assert_kept(w, status, stored);
		ask(w, "GET", "", NO_HEADERS);
		assert_kept(w, 200, false);
		ask_knowing(w, "/result");
		assert_kept(
		    w, status == 200 ? 304 : status, stored && status != 200);
	}
}

/* What does not fit into 4 KiB beside ours is left out, in their order. */
static void heads_that_are_too_long(void **state)
{
	struct world *w = *state;
	struct pair many[UPSTREAM_KEPT_HEADERS + 4];
	struct buf out = {0};
	char *value = arena_alloc(&w->arena, 1900);

	memset(value, 'v', 1900);
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		many[i] = (struct pair){
		    arena_printf(&w->arena, "x-%02zu", i), STR("1")};
	w->origin = ORIGIN;
	send_it(w, "POST /api/v1/return", BODY, NAME);
	end_with_headers(w, 200, many, sizeof(many) / sizeof(*many));
	ask(w, "GET", "/result", NO_HEADERS);
	assert_int_equal(w->ans.n_kept, UPSTREAM_KEPT_HEADERS);
	assert_string_equal(got_header(w, "cache-control"), "no-store");
	assert_true(w->ans.n_headers < ANSWER_HEADERS_MAX);

	send_it(w, "POST /api/v1/return", BODY);
	many[1].value = many[2].value = (struct str){value, 1900};
	struct job job = world_claim(w, RETURN);
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 201},
	    &(struct envelope_result){.status = 201,
		.content_type = {value, UPSTREAM_TYPE_MAX},
		.headers = {many, 4}});
	ask(w, "GET", "/result", NO_HEADERS);
	assert_answer(w, 201);
	assert_int_equal(w->ans.n_kept, 3);
	assert_int_equal(answer_get(&w->ans, "x-01").n, 1900);
	assert_int_equal(answer_get(&w->ans, "x-02").n, 0);
	assert_string_equal(got_header(w, "x-03"), "1");
	answer_write(&w->ans, &out);
	assert_true(out.len < 4000);
	buf_release(&out);
}

/* A look-up that shows no note reads none. */
static void notes_are_read_where_they_are(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	ask(w, "GET", "", NO_HEADERS);
	ask(w, "GET", "/result", NO_HEADERS);
	assert_int_equal(w_faults.bodies[BODY_NOTE], 0);
	tell(w);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "message"), "half of it");
	assert_int_equal(w_faults.bodies[BODY_NOTE], 1);
	ask_knowing(w, "");
	assert_int_equal(w_faults.bodies[BODY_NOTE], 2);
	send_it(w, "POST /api/v1/return", BODY);
	world_complete(w, RETURN, 200, NULL, RESULT);
	ask(w, "GET", "", NO_HEADERS);
	ask(w, "GET", "/result", NO_HEADERS);
	assert_int_equal(w_faults.bodies[BODY_NOTE], 2);
	/* nothing was said of it yet */
	send_it(w, "POST /api/v1/return", BODY);
	process(w);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 200);
	assert_string_equal(got(w, "message"), "(none)");
}

/* What it said is of the attempt that said it. */
static void a_new_attempt_has_said_nothing(void **state)
{
	const struct envelope_note note = {.message = STR("half of it")};
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	struct job job = world_claim(w, RETURN);
	world_tell(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_HEARTBEAT, .progress = 50},
	    &note);
	world_finish(
	    w, RETURN, &job, (struct job_event){.kind = JOB_EVENT_RETRY}, NULL);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "message"), "(none)");
	world_claim(w, RETURN);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "processing");
	assert_string_equal(got(w, "message"), "(none)");
}

/* Nobody need ask for it every second: a person decides. */
static void a_held_job_takes_its_time(void **state)
{
	struct world *w = *state;

	w_apis[RETURN].on_lost = ON_LOST_HOLD;
	send_it(w, "POST /api/v1/return", BODY);
	hold(w);
	for (int i = 0; i < 5; i++) {
		ask(w, "GET", "", NO_HEADERS);
		assert_true(atoi(got_header(w, "retry-after")) >= 24);
		world_moves(w, 1000);
	}
	w_apis[RETURN].on_lost = ON_LOST_RETRY;
}

/* DELETE twice, cancel of a running one twice: RFC 9110 9.2.2 */
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
	ask(w, "DELETE", "?purge=yes", NO_HEADERS);
	assert_answer(w, 400);
	ask(w, "DELETE", "?purge=", NO_HEADERS);
	assert_answer(w, 400);
	ask(w, "DELETE", "?purge=11", NO_HEADERS);
	assert_answer(w, 400);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "completed");
}

/* Who means to erase and says it badly has asked for nothing else. */
static void a_purge_that_is_not_said_well(void **state)
{
	static const char *const tails[] = {
	    "?purge=%zz", "?purge=%00", "?purge", "?a=1&purge=0", "?pur%67e=2"};
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		ask(w, "DELETE", tails[i], NO_HEADERS);
		assert_answer(w, 400);
	}
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "pending");
}

/* A to E of what is not there, or not his: all that may tell them apart. */
static struct str all_but_its_names(struct world *w)
{
	struct buf out = {0};

	for (size_t i = 0; i < w->ans.n_headers; i++) {
		const struct pair *h = &w->ans.headers[i];

		if (!str_ieq(h->name, STR("x-request-id")) &&
		    !str_ieq(h->name, STR("traceparent")))
			buf_printf(&out, "%.*s: %.*s\n", STR_ARG(h->name),
			    STR_ARG(h->value));
	}
	buf_printf(&out, "%.*s", STR_ARG(w->ans.body));
	struct str all = arena_str(&w->arena, buf_str(&out));
	buf_release(&out);
	return all;
}

static const struct {
	const char *method, *tail;
} asked[] = {{"GET", ""}, {"HEAD", ""}, {"GET", "?onComplete=redirect"},
    {"GET", "/result"}, {"HEAD", "/result"}, {"DELETE", ""},
    {"POST", "/cancel"}, {"DELETE", "?purge=1"}};

static void ask_in_vain(struct world *w, struct str *first)
{
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		ask(w, asked[i].method, asked[i].tail,
		    WITH("if-none-match: *", "prefer: handling=strict"));
		assert_answer(w, 404);
		check_all(w);
		if (!first->n)
			*first = all_but_its_names(w);
		assert_true(str_eq(*first, all_but_its_names(w)));
	}
}

/*
 * Whatever is wrong with an id, the answer is the same bytes, but for the
 * request's own id and trace.
 */
static void unknown_ids_are_all_alike(void **state)
{
	struct world *w = *state;
	uint8_t id[JOB_ID_BYTES], nobody[JOB_OWNER_BYTES] = {0},
				  somebody[JOB_OWNER_BYTES];
	char good[IDS_TEXT + 1];
	struct str first = {0};

	w->origin = ORIGIN;
	send_it(w, "POST /api/v1/return", BODY);
	strcpy(good, w->id);
	for (int kind = 0; kind < 9; kind++) {
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
		else if (kind == 5)
			w->id[10] = '=';
		else if (kind == 6)
			w->id[4] ^= 1; /* a key that we do not hold */
		else if (kind == 7)
			w->id[20] = w->id[20] == 'x' ? 'y' : 'x';
		else {
			ids_owner(&w->keys, STR("eve"), somebody);
			ids_random(&w->keys, &w_apis[RETURN], somebody, id);
			ids_write(id, w->id); /* made for an owner */
		}
		ask_in_vain(w, &first);
	}
	strcpy(w->id, good);
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "status"), "pending");

	/* another owner's: the same to him who asks, and nothing happens */
	send_it(w, "POST /api/v1/owned", BODY, "owner: alice");
	struct str foreign = {0};
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		ask(w, asked[i].method, asked[i].tail, WITH("owner: eve"));
		assert_answer(w, 404);
		if (!foreign.n)
			foreign = all_but_its_names(w);
		assert_true(str_eq(foreign, all_but_its_names(w)));
		assert_true(str_eq(foreign, first));
	}
	ask(w, "GET", "", WITH("owner: alice"));
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

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
#define CELLS (SITUATIONS * WAYS)
static struct CMUnitTest tests[] = {
    [CELLS] = T(asking_twice_does_no_harm),
    T(a_purge_that_is_not_said_well),
    T(unknown_ids_are_all_alike),
    T(a_step_of_the_wall_clock_denies_nothing),
    T(the_legacy_client),
    T(headers_that_were_kept),
    T(heads_that_are_too_long),
    T(notes_are_read_where_they_are),
    T(a_new_attempt_has_said_nothing),
    T(a_held_job_takes_its_time),
};

int main(void)
{
	static char names[CELLS][64];

	for (size_t n = 0; n < CELLS; n++) {
		snprintf(names[n], sizeof(names[n]), "%s, %s",
		    situation_names[n / WAYS], way_names[n % WAYS]);
		tests[n] = (struct CMUnitTest){.name = names[n],
		    .test_func = one_cell,
		    .initial_state = (void *)(uintptr_t)n};
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
