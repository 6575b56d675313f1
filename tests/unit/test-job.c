#include "cgi/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/*
 * Every state × event cell, the fence, what on_lost makes of a lost call, and
 * a seeded walk of a world with honest and late workers.
 */
#define NOW 1000000
#define BOOT 5000
#define LEASE (BOOT + 100)
#define DEADLINE_MS (NOW + 60000)
#define DEADLINE_BOOT (BOOT + 60000)

static const struct api fail_api = {
    .on_lost = ON_LOST_FAIL, .attempts = 3, .ttl_ms = 1000};
static const struct api retry_api = {
    .on_lost = ON_LOST_RETRY, .attempts = 3, .ttl_ms = 1000};
static const struct api hold_api = {
    .on_lost = ON_LOST_HOLD, .attempts = 3, .ttl_ms = 1000};
static const struct api idempotent_api = {
    .on_lost = ON_LOST_FAIL, .idempotent = true, .attempts = 3, .ttl_ms = 1000};

static const uint8_t claim_a[JOB_CLAIM_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t claim_b[JOB_CLAIM_BYTES] = {8, 7, 6, 5, 4, 3, 2, 1};

static struct job job_in(enum job_state state)
{
	struct job job = {.state = state,
	    .version = 7,
	    .accepted_ms = NOW - 10,
	    .deadline_ms = DEADLINE_MS,
	    .deadline_boot = DEADLINE_BOOT};

	if (state != JOB_PENDING) {
		job.attempt = 1;
		job.started_ms = NOW - 5;
	}
	if (state == JOB_PROCESSING) {
		job.lease_boot = LEASE;
		job.sent = true;
		memcpy(job.claim, claim_a, sizeof(job.claim));
	}
	if (job_is_terminal(state))
		job.ended_ms = NOW - 1;
	return job;
}

/* An event that the running attempt of job_in() could speak. */
static struct job_event event_of(enum job_event_kind kind)
{
	struct job_event event = {.kind = kind,
	    .now_ms = NOW,
	    .now_boot = BOOT,
	    .attempt = 1,
	    .lease_boot = LEASE + 50,
	    .progress = -1};

	memcpy(event.claim, claim_a, sizeof(event.claim));
	if (kind == JOB_EVENT_LOST)
		event.now_boot = LEASE;
	if (kind == JOB_EVENT_DEADLINE)
		event.now_boot = DEADLINE_BOOT; /* the lease is over by then */
	return event;
}

static enum err step(
    const struct api *api, struct job *job, enum job_event_kind kind)
{
	struct job_event event = event_of(kind);
	return job_step(api, job, &event, job);
}

/* ---- every cell -------------------------------------------------------- */

#define NO -1 /* ERR_CONFLICT and nothing changed */
static const struct cell {
	const char *event;
	int pending, processing; /* the state afterwards, for fail_api */
	bool completed, ended;	 /* taken by a completed, any terminal one */
} cells[JOB_EVENTS] = {
    [JOB_EVENT_CLAIM] = {"claim", JOB_PROCESSING, NO},
    [JOB_EVENT_HEARTBEAT] = {"heartbeat", NO, JOB_PROCESSING},
    [JOB_EVENT_UNSENT] = {"unsent", NO, JOB_PROCESSING},
    [JOB_EVENT_COMPLETE] = {"complete", NO, JOB_COMPLETED},
    [JOB_EVENT_FAIL] = {"fail", NO, JOB_FAILED},
    [JOB_EVENT_RETRY] = {"retry", NO, NO}, /* sent: must not be repeated */
    [JOB_EVENT_RELEASE] = {"release", NO, JOB_PENDING},
    [JOB_EVENT_BROKEN] = {"broken", NO, JOB_FAILED},
    [JOB_EVENT_LOST] = {"lost", NO, JOB_FAILED},
    [JOB_EVENT_CANCEL] = {"cancel", JOB_CANCELLED, JOB_PROCESSING},
    [JOB_EVENT_DEADLINE] = {"deadline", JOB_FAILED, JOB_FAILED},
    [JOB_EVENT_NEED] = {"need", NO, JOB_PENDING},
    [JOB_EVENT_RENEW] = {"renew", NO, NO}, /* nothing is needed */
    [JOB_EVENT_READ] = {"read", NO, NO, .completed = true},
    [JOB_EVENT_PURGE] = {"purge", NO, NO, .completed = true, .ended = true},
    [JOB_EVENT_POLL] = {"poll", NO, JOB_PROCESSING},
    [JOB_EVENT_HELD_AGAIN] = {"again", NO, NO}, /* it is not held */
    [JOB_EVENT_HELD_COMPLETE] = {"it was done", NO, NO},
    [JOB_EVENT_HELD_FAIL] = {"it was not", NO, NO},
    [JOB_EVENT_ADOPT] = {"adopt", JOB_FAILED, JOB_FAILED},
};

static void check_cell(enum job_state state, enum job_event_kind kind, int want)
{
	const struct job before = job_in(state);
	struct job_event event = event_of(kind);
	struct job after = before;
	enum err err = job_step(&fail_api, &before, &event, &after);

	if (want == NO) {
		assert_int_equal(err, ERR_CONFLICT);
		assert_memory_equal(&after, &before, sizeof(after));
		return;
	}
	assert_int_equal(err, ERR_OK);
	assert_int_equal(after.state, want);
	assert_int_equal(after.version, before.version);
	if (job_is_terminal(before.state)) { /* how it ended stays */
		assert_int_equal(after.state, before.state);
		assert_int_equal(after.ended_ms, before.ended_ms);
		assert_int_equal(after.status, before.status);
		assert_int_equal(after.reason, before.reason);
	} else if (job_is_terminal(after.state)) {
		assert_int_equal(after.ended_ms, event.now_ms);
		assert_int_equal(after.lease_boot, 0);
	}
}

static void every_cell(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < JOB_EVENTS; kind++) {
		assert_non_null(cells[kind].event);
		check_cell(JOB_PENDING, kind, cells[kind].pending);
		check_cell(JOB_PROCESSING, kind, cells[kind].processing);
		check_cell(JOB_COMPLETED, kind,
		    cells[kind].completed ? JOB_COMPLETED : NO);
		check_cell(
		    JOB_FAILED, kind, cells[kind].ended ? JOB_FAILED : NO);
		check_cell(JOB_CANCELLED, kind,
		    cells[kind].ended ? JOB_CANCELLED : NO);
	}
}

static void odd_numbers_are_refused(void **unused)
{
	(void)unused;
	struct job job = job_in(JOB_PENDING);
	struct job_event event = event_of(JOB_EVENT_CLAIM);

	job.state = JOB_STATES;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_INPUT);
	job.state = JOB_PENDING;
	event.kind = JOB_EVENTS;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_INPUT);
}

/* ---- the fence --------------------------------------------------------- */

static void a_late_worker_is_stale(void **unused)
{
	static const enum job_event_kind fenced[] = {JOB_EVENT_HEARTBEAT,
	    JOB_EVENT_UNSENT, JOB_EVENT_COMPLETE, JOB_EVENT_FAIL,
	    JOB_EVENT_RETRY, JOB_EVENT_RELEASE, JOB_EVENT_BROKEN,
	    JOB_EVENT_NEED, JOB_EVENT_POLL};

	(void)unused;
	for (size_t i = 0; i < sizeof(fenced) / sizeof(fenced[0]); i++) {
		const struct job before = job_in(JOB_PROCESSING);
		struct job job = before;
		struct job_event event = event_of(fenced[i]);
		event.attempt = 2;
		assert_int_equal(
		    job_step(&retry_api, &job, &event, &job), ERR_STALE);
		event.attempt = 1;
		memcpy(event.claim, claim_b, sizeof(event.claim));
		assert_int_equal(
		    job_step(&retry_api, &job, &event, &job), ERR_STALE);
		assert_memory_equal(&job, &before, sizeof(job));
	}
}

static void a_lease_must_be_over(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);
	struct job_event event = event_of(JOB_EVENT_LOST);

	(void)unused;
	event.now_boot = LEASE - 1;
	assert_int_equal(
	    job_step(&retry_api, &job, &event, &job), ERR_CONFLICT);
	event = event_of(JOB_EVENT_DEADLINE);
	event.now_boot = LEASE - 1;
	assert_int_equal(
	    job_step(&retry_api, &job, &event, &job), ERR_CONFLICT);
	event = event_of(JOB_EVENT_DEADLINE);
	event.now_boot = DEADLINE_BOOT - 1;
	assert_int_equal(
	    job_step(&retry_api, &job, &event, &job), ERR_CONFLICT);
	job.deadline_boot = 0; /* none */
	event.now_boot = INT64_MAX;
	assert_int_equal(
	    job_step(&retry_api, &job, &event, &job), ERR_CONFLICT);
}

static void the_wall_clock_decides_no_deadline(void **unused)
{
	static const int64_t walls[] = {
	    0, NOW - 86400000, NOW + 86400000, INT64_MAX};

	(void)unused;
	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
		struct job job = job_in(JOB_PENDING);
		struct job_event event = event_of(JOB_EVENT_DEADLINE);
		event.now_ms = walls[i];
		event.now_boot = DEADLINE_BOOT - 1;
		assert_int_equal(
		    job_step(&fail_api, &job, &event, &job), ERR_CONFLICT);
		event.now_boot = DEADLINE_BOOT;
		assert_int_equal(
		    job_step(&fail_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.reason, REASON_DEADLINE);
		assert_int_equal(job.ended_ms, walls[i]);
	}
}

/* ---- what on_lost makes of it ------------------------------------------ */

static const struct fate {
	const char *what;
	const struct api *api;
	enum job_event_kind event;
	bool sent, cancel, last; /* last: no attempt is left */
	enum job_state state;
	enum job_reason reason;
	int status;
} fates[] = {
    {"lost, sent, fail", &fail_api, JOB_EVENT_LOST, true, false, false,
	JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"lost, unsent, hold", &hold_api, JOB_EVENT_LOST, false, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"lost unsent at the limit, hold", &hold_api, JOB_EVENT_LOST, false, false,
	true, JOB_FAILED, REASON_FAILED, 500},
    {"deadline, unsent, hold", &hold_api, JOB_EVENT_DEADLINE, false, false,
	false, JOB_FAILED, REASON_DEADLINE, 504},
    {"cancelled, then lost unsent, hold", &hold_api, JOB_EVENT_LOST, false,
	true, false, JOB_CANCELLED, REASON_NONE, 0},
    {"adopted, unsent, fail: who knows", &fail_api, JOB_EVENT_ADOPT, false,
	false, false, JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"adopted, retry", &retry_api, JOB_EVENT_ADOPT, true, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"adopted, cancelled, fail", &fail_api, JOB_EVENT_ADOPT, false, true, false,
	JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"adopted, cancelled, idempotent", &idempotent_api, JOB_EVENT_ADOPT, true,
	true, false, JOB_CANCELLED, REASON_NONE, 0},
    {"adopted at the limit, retry", &retry_api, JOB_EVENT_ADOPT, true, false,
	true, JOB_FAILED, REASON_FAILED, 500},
    {"lost, unsent, fail", &fail_api, JOB_EVENT_LOST, false, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"lost, sent, retry", &retry_api, JOB_EVENT_LOST, true, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"lost, sent, idempotent", &idempotent_api, JOB_EVENT_LOST, true, false,
	false, JOB_PENDING, REASON_NONE, 0},
    {"lost at the limit", &retry_api, JOB_EVENT_LOST, true, false, true,
	JOB_FAILED, REASON_FAILED, 500},
    {"lost unsent at the limit", &fail_api, JOB_EVENT_LOST, false, false, true,
	JOB_FAILED, REASON_FAILED, 500},
    {"broken, sent, fail", &fail_api, JOB_EVENT_BROKEN, true, false, false,
	JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"broken, sent, retry", &retry_api, JOB_EVENT_BROKEN, true, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"broken at the limit", &retry_api, JOB_EVENT_BROKEN, true, false, true,
	JOB_FAILED, REASON_UPSTREAM_TIMEOUT, 504},
    {"broken at the limit, must not repeat", &fail_api, JOB_EVENT_BROKEN, true,
	false, true, JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"deadline, sent, fail", &fail_api, JOB_EVENT_DEADLINE, true, false, false,
	JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"deadline, unsent, fail", &fail_api, JOB_EVENT_DEADLINE, false, false,
	false, JOB_FAILED, REASON_DEADLINE, 504},
    {"deadline, sent, retry", &retry_api, JOB_EVENT_DEADLINE, true, false,
	false, JOB_FAILED, REASON_DEADLINE, 504},
    {"cancelled, then lost unsent", &fail_api, JOB_EVENT_LOST, false, true,
	false, JOB_CANCELLED, REASON_NONE, 0},
    {"cancelled, then lost sent, fail", &fail_api, JOB_EVENT_LOST, true, true,
	false, JOB_FAILED, REASON_OUTCOME_UNKNOWN, 502},
    {"cancelled, then broken, idempotent", &idempotent_api, JOB_EVENT_BROKEN,
	true, true, false, JOB_CANCELLED, REASON_NONE, 0},
    {"cancelled, then lost sent, retry: only an answer can tell", &retry_api,
	JOB_EVENT_LOST, true, true, false, JOB_PENDING, REASON_NONE, 0},
    {"cancelled, then completed: it happened", &fail_api, JOB_EVENT_COMPLETE,
	true, true, false, JOB_COMPLETED, REASON_NONE, 0},
    {"cancelled, then released", &fail_api, JOB_EVENT_RELEASE, true, true,
	false, JOB_CANCELLED, REASON_NONE, 0},
    {"retry, unsent, fail", &fail_api, JOB_EVENT_RETRY, false, false, false,
	JOB_PENDING, REASON_NONE, 0},
    {"retry at the limit", &retry_api, JOB_EVENT_RETRY, true, false, true,
	JOB_FAILED, REASON_FAILED, 500},
};

static void every_fate(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		const struct fate *f = &fates[i];
		struct job job = job_in(JOB_PROCESSING);
		struct job_event event = event_of(f->event);

		job.sent = f->sent;
		job.cancel_ms = f->cancel ? 1 : 0;
		job.attempt = f->last ? 3 : 2;
		event.attempt = job.attempt;
		print_message("# %s\n", f->what);
		assert_int_equal(job_step(f->api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.state, f->state);
		assert_int_equal(job.reason, f->reason);
		assert_int_equal(job.status, f->status);
		if (job.state == JOB_PENDING)
			assert_false(job.sent);
	}
}

/* ---- another credential ------------------------------------------------ */

static struct job needing(int renewed)
{
	struct job job = job_in(JOB_PROCESSING);

	job.renewed = renewed;
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_NEED), ERR_OK);
	return job;
}

/* What an event makes of a job that needs another credential. */
static const struct need_row {
	enum job_event_kind event;
	enum err err;
	enum job_state state;
	enum job_reason reason;
	bool needs;
} need_rows[] = {
    {JOB_EVENT_CLAIM, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_NEED, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_COMPLETE, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_LOST, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_READ, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_PURGE, ERR_CONFLICT, JOB_PENDING, REASON_NONE, true},
    {JOB_EVENT_RENEW, ERR_OK, JOB_PENDING, REASON_NONE, false},
    {JOB_EVENT_CANCEL, ERR_OK, JOB_CANCELLED, REASON_NONE, false},
    {JOB_EVENT_DEADLINE, ERR_OK, JOB_FAILED, REASON_DEADLINE, false},
};

static void a_needing_job_waits_for_one(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(need_rows) / sizeof(need_rows[0]); i++) {
		const struct need_row *row = &need_rows[i];
		struct job job = needing(0);

		print_message("# %s\n", cells[row->event].event);
		assert_true(job.needs);
		assert_false(job.sent);
		assert_int_equal(job.lease_boot, 0);
		assert_int_equal(job.attempt - job.released, 0);
		assert_int_equal(step(&fail_api, &job, row->event), row->err);
		assert_int_equal(job.state, row->state);
		assert_int_equal(job.reason, row->reason);
		assert_int_equal(job.needs, row->needs);
		assert_int_equal(job.renewed, row->event == JOB_EVENT_RENEW);
	}
}

static void only_so_many_other_credentials(void **unused)
{
	static const struct api once_only = {
	    .on_lost = ON_LOST_FAIL, .attempts = 1, .ttl_ms = 1000};
	struct job job = job_in(JOB_PENDING);

	(void)unused;
	for (int i = 0; i <= JOB_RENEWALS_MAX; i++) {
		struct job_event event = event_of(JOB_EVENT_CLAIM);
		assert_int_equal(
		    job_step(&once_only, &job, &event, &job), ERR_OK);
		event = event_of(JOB_EVENT_NEED);
		event.attempt = i + 1;
		assert_int_equal(
		    job_step(&once_only, &job, &event, &job), ERR_OK);
		if (i == JOB_RENEWALS_MAX)
			break;
		assert_int_equal(job.state, JOB_PENDING);
		assert_int_equal(
		    step(&once_only, &job, JOB_EVENT_RENEW), ERR_OK);
		assert_int_equal(
		    step(&once_only, &job, JOB_EVENT_RENEW), ERR_CONFLICT);
	}
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, 401);
	assert_false(job.needs);
	assert_int_equal(job.renewed, JOB_RENEWALS_MAX);
}

static void who_asked_for_its_end_is_asked_for_nothing_more(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);

	(void)unused;
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_CANCEL), ERR_OK);
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_NEED), ERR_OK);
	assert_int_equal(job.state, JOB_CANCELLED);
	assert_false(job.needs);
}

/* ---- read once, and gone ----------------------------------------------- */

static const struct api long_api = {
    .on_lost = ON_LOST_FAIL, .attempts = 3, .ttl_ms = 3600000, .once = true};

static const struct read_row {
	const char *what;
	int64_t read_ms, now_ms; /* the first reading, and this one */
	enum err err;
} read_rows[] = {
    {"the first", 0, NOW, ERR_OK},
    {"at once again", NOW, NOW, ERR_OK},
    {"within its time", NOW, NOW + JOB_READ_MS - 1, ERR_OK},
    {"after it", NOW, NOW + JOB_READ_MS, ERR_CONFLICT},
    {"long after it", NOW, NOW + 1000000, ERR_CONFLICT},
    {"a clock put back a little", NOW, NOW - JOB_READ_MS + 1, ERR_OK},
    {"a clock put back", NOW, NOW - JOB_READ_MS, ERR_CONFLICT},
    {"expired", 0, NOW + 3600000, ERR_CONFLICT},
};

static void a_result_is_delivered_once(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(read_rows) / sizeof(read_rows[0]); i++) {
		const struct read_row *row = &read_rows[i];
		struct job job = job_in(JOB_COMPLETED), before;
		struct job_event event = event_of(JOB_EVENT_READ);

		print_message("# %s\n", row->what);
		job.ended_ms = NOW - 1;
		job.read_ms = row->read_ms;
		before = job;
		event.now_ms = row->now_ms;
		assert_int_equal(
		    job_step(&long_api, &job, &event, &job), row->err);
		if (!row->err && !row->read_ms)
			before.read_ms = row->now_ms; /* and nothing else */
		assert_memory_equal(&job, &before, sizeof(job));
	}
}

static void a_purge_is_a_tombstone(void **unused)
{
	static const enum job_state ended[] = {
	    JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED};

	(void)unused;
	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
		struct job job = job_in(ended[i]);
		struct job_event event = event_of(JOB_EVENT_PURGE);

		assert_int_equal(
		    job_step(&long_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.gone_ms, NOW);
		assert_int_equal(job.state, ended[i]);
		event.now_ms++; /* again: nothing */
		assert_int_equal(
		    job_step(&long_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.gone_ms, NOW);
		event.kind = JOB_EVENT_READ;
		assert_int_equal(
		    job_step(&long_api, &job, &event, &job), ERR_CONFLICT);

		job = job_in(ended[i]); /* expired: the sweep's */
		event = event_of(JOB_EVENT_PURGE);
		event.now_ms += long_api.ttl_ms;
		assert_int_equal(
		    job_step(&long_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.gone_ms, 0);
	}
}

/* ---- held: an operator decides ----------------------------------------- */

static const struct api hold_slow_api = {.on_lost = ON_LOST_HOLD,
    .attempts = 3,
    .ttl_ms = 1000,
    .deadline_ms = 7000};

static const struct hold_row {
	const char *what;
	enum job_state from;
	enum job_event_kind event;
	bool polled, needs, cancel, last;
} hold_rows[] = {
    {"lost", JOB_PROCESSING, JOB_EVENT_LOST, .last = false},
    {"lost at the limit", JOB_PROCESSING, JOB_EVENT_LOST, .last = true},
    {"lost after a cancel", JOB_PROCESSING, JOB_EVENT_LOST, .cancel = true},
    {"broken", JOB_PROCESSING, JOB_EVENT_BROKEN, .last = false},
    {"broken after a cancel", JOB_PROCESSING, JOB_EVENT_BROKEN, .cancel = true},
    {"deadline", JOB_PROCESSING, JOB_EVENT_DEADLINE, .last = false},
    {"adopted", JOB_PROCESSING, JOB_EVENT_ADOPT, .last = false},
    {"adopted while pending", JOB_PENDING, JOB_EVENT_ADOPT, .last = false},
    {"adopted in need", JOB_PENDING, JOB_EVENT_ADOPT, .needs = true},
    {"polled, lost at the limit", JOB_PROCESSING, JOB_EVENT_LOST,
	.polled = true, .last = true},
    {"polled, broken at the limit", JOB_PROCESSING, JOB_EVENT_BROKEN,
	.polled = true, .last = true},
    {"polled, given up at the limit", JOB_PROCESSING, JOB_EVENT_RETRY,
	.polled = true, .last = true},
    {"polled, deadline", JOB_PROCESSING, JOB_EVENT_DEADLINE, .polled = true},
    {"polled, deadline while pending", JOB_PENDING, JOB_EVENT_DEADLINE,
	.polled = true},
};

static struct job held_by(const struct hold_row *row)
{
	struct job job = job_in(row->from);
	struct job_event event = event_of(row->event);

	job.polled = row->polled;
	job.sent |= row->polled;
	job.needs = row->needs;
	job.cancel_ms = row->cancel ? 1 : 0;
	if (row->last)
		job.attempt = event.attempt = 3;
	assert_int_equal(job_step(&hold_slow_api, &job, &event, &job), ERR_OK);
	return job;
}

static struct job held_job(void)
{
	return held_by(&hold_rows[0]);
}

static void what_must_not_be_repeated_is_held(void **unused)
{
	static const uint8_t nobody[JOB_CLAIM_BYTES];

	(void)unused;
	for (size_t i = 0; i < sizeof(hold_rows) / sizeof(hold_rows[0]); i++) {
		const struct hold_row *row = &hold_rows[i];
		const struct job job = held_by(row);

		print_message("# %s\n", row->what);
		assert_true(job.held);
		assert_int_equal(job.state, JOB_PROCESSING);
		assert_true(job.sent);
		assert_false(job.needs);
		assert_int_equal(job.polled, row->polled);
		assert_int_equal(job.lease_boot, 0);
		assert_int_equal(job.not_before_boot, 0);
		assert_int_equal(job.ended_ms, 0);
		assert_int_equal(job.reason, REASON_NONE);
		assert_memory_equal(job.claim, nobody, sizeof(nobody));
		assert_int_equal(job.cancel_ms != 0, row->cancel);
	}
}

/* Every event on a held job: who does not decide changes nothing. */
static const struct held_cell {
	enum err err;
	enum job_state state;
	enum job_reason reason;
	int status;
	bool held;
} held_cells[JOB_EVENTS] = {
    [JOB_EVENT_CLAIM] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_HEARTBEAT] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_UNSENT] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_COMPLETE] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_FAIL] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_RETRY] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_RELEASE] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_BROKEN] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_LOST] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_CANCEL] = {ERR_OK, JOB_PROCESSING, .held = true},
    [JOB_EVENT_DEADLINE] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_NEED] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_RENEW] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_READ] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_PURGE] = {ERR_CONFLICT, JOB_PROCESSING, .held = true},
    [JOB_EVENT_POLL] = {ERR_STALE, JOB_PROCESSING, .held = true},
    [JOB_EVENT_HELD_AGAIN] = {ERR_OK, JOB_PENDING},
    [JOB_EVENT_HELD_COMPLETE] = {ERR_OK, JOB_COMPLETED, REASON_NONE, 200},
    [JOB_EVENT_HELD_FAIL] = {ERR_OK, JOB_FAILED, REASON_FAILED, 500},
    [JOB_EVENT_ADOPT] = {ERR_OK, JOB_PROCESSING, .held = true},
};

static void every_cell_of_a_held_job(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < JOB_EVENTS; kind++) {
		const struct held_cell *cell = &held_cells[kind];
		const struct job before = held_job();
		struct job_event event = event_of(kind);
		struct job job = before;

		print_message("# held: %s\n", cells[kind].event);
		assert_int_equal(
		    job_step(&hold_api, &job, &event, &job), cell->err);
		assert_int_equal(job.state, cell->state);
		assert_int_equal(job.held, cell->held);
		assert_int_equal(job.reason, cell->reason);
		assert_int_equal(job.status, cell->status);
		assert_int_equal(job.ended_ms != 0, job_is_terminal(job.state));
		if (cell->err)
			assert_memory_equal(&job, &before, sizeof(job));
		/* the very fence of what is left in the row is nobody's */
		event.attempt = before.attempt;
		memcpy(event.claim, before.claim, sizeof(event.claim));
		job = before;
		assert_int_equal(
		    job_step(&hold_api, &job, &event, &job), cell->err);
	}
}

static void no_time_ends_a_held_job(void **unused)
{
	static const enum job_event_kind kinds[] = {
	    JOB_EVENT_LOST, JOB_EVENT_DEADLINE};
	struct job job = held_job();

	(void)unused;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct job_event event = event_of(kinds[i]);
		event.now_ms = event.now_boot = INT64_MAX;
		assert_int_equal(
		    job_step(&hold_api, &job, &event, &job), ERR_CONFLICT);
	}
	assert_true(job.held);
}

static void a_held_one_that_goes_again_begins_anew(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(hold_rows) / sizeof(hold_rows[0]); i++) {
		const struct hold_row *row = &hold_rows[i];
		struct job job = held_by(row);
		const struct job before = job;
		struct job_event event = event_of(JOB_EVENT_HELD_AGAIN);

		print_message("# %s\n", row->what);
		job.progress = 60;
		event.now_ms += 1;
		event.now_boot += 2;
		assert_int_equal(
		    job_step(&hold_slow_api, &job, &event, &job), ERR_OK);
		assert_false(job.held);
		assert_false(job.polled);
		assert_true(
		    job.attempt - job.released < hold_slow_api.attempts);
		assert_true(job.released <= job.attempt);
		if (row->cancel) {
			assert_int_equal(job.state, JOB_CANCELLED);
			continue;
		}
		assert_int_equal(job.state, JOB_PENDING);
		assert_false(job.sent);
		assert_int_equal(job.progress, 0);
		assert_int_equal(job.not_before_boot, 0);
		assert_int_equal(job.attempt, before.attempt);
		assert_int_equal(job.deadline_ms, NOW + 1 + 7000);
		assert_int_equal(job.deadline_boot, BOOT + 2 + 7000);
		assert_int_equal(
		    step(&hold_slow_api, &job, JOB_EVENT_CLAIM), ERR_OK);
	}
}

static void a_held_one_without_a_deadline_gets_none(void **unused)
{
	struct job job = held_job();

	(void)unused;
	assert_int_equal(step(&hold_api, &job, JOB_EVENT_HELD_AGAIN), ERR_OK);
	assert_int_equal(job.deadline_ms, 0);
	assert_int_equal(job.deadline_boot, 0);
}

static void an_operator_says_how_it_ended(void **unused)
{
	struct job job = held_job();
	struct job_event event = event_of(JOB_EVENT_HELD_COMPLETE);

	(void)unused;
	event.status = 201;
	assert_int_equal(job_step(&hold_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.status, 201);
	assert_int_equal(job.progress, 100);

	job = held_job();
	event = event_of(JOB_EVENT_HELD_FAIL);
	event.reason = REASON_UPSTREAM_REFUSED;
	event.status = 422;
	assert_int_equal(job_step(&hold_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, 422);
}

/* It is held, and the declaration is another meanwhile: still an operator's. */
static void a_held_one_stays_so_whatever_is_declared(void **unused)
{
	static const struct api *const apis[] = {
	    &fail_api, &retry_api, &idempotent_api};

	(void)unused;
	for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
		struct job job = held_job();
		assert_int_equal(
		    step(apis[i], &job, JOB_EVENT_LOST), ERR_CONFLICT);
		assert_int_equal(
		    step(apis[i], &job, JOB_EVENT_DEADLINE), ERR_CONFLICT);
		assert_int_equal(step(apis[i], &job, JOB_EVENT_ADOPT), ERR_OK);
		assert_true(job.held);
	}
}

/* ---- polled: the upstream has it --------------------------------------- */

static const struct polled_row {
	const char *what;
	const struct api *api;
	enum job_state from;
	enum job_event_kind event;
	bool cancel, last;
	enum job_state state;
	enum job_reason reason;
} polled_rows[] = {
    {"unsent is not believed", &fail_api, JOB_PROCESSING, JOB_EVENT_UNSENT,
	false, false, JOB_PROCESSING, REASON_NONE},
    {"lost, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_LOST, false, false,
	JOB_PENDING, REASON_NONE},
    {"lost, hold", &hold_api, JOB_PROCESSING, JOB_EVENT_LOST, false, false,
	JOB_PENDING, REASON_NONE},
    {"lost, retry", &retry_api, JOB_PROCESSING, JOB_EVENT_LOST, false, false,
	JOB_PENDING, REASON_NONE},
    {"lost at the limit, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_LOST,
	false, true, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
    {"lost at the limit, retry", &retry_api, JOB_PROCESSING, JOB_EVENT_LOST,
	false, true, JOB_FAILED, REASON_UPSTREAM_TIMEOUT},
    {"lost after a cancel: only an answer tells", &fail_api, JOB_PROCESSING,
	JOB_EVENT_LOST, true, false, JOB_PENDING, REASON_NONE},
    {"lost after a cancel, idempotent", &idempotent_api, JOB_PROCESSING,
	JOB_EVENT_LOST, true, false, JOB_CANCELLED, REASON_NONE},
    {"broken, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_BROKEN, false, false,
	JOB_PENDING, REASON_NONE},
    {"broken at the limit, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_BROKEN,
	false, true, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
    {"broken at the limit, retry", &retry_api, JOB_PROCESSING, JOB_EVENT_BROKEN,
	false, true, JOB_FAILED, REASON_UPSTREAM_TIMEOUT},
    {"retry, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_RETRY, false, false,
	JOB_PENDING, REASON_NONE},
    {"retry at the limit, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_RETRY,
	false, true, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
    {"retry at the limit, retry", &retry_api, JOB_PROCESSING, JOB_EVENT_RETRY,
	false, true, JOB_FAILED, REASON_FAILED},
    {"released", &fail_api, JOB_PROCESSING, JOB_EVENT_RELEASE, false, false,
	JOB_PENDING, REASON_NONE},
    {"released after a cancel", &fail_api, JOB_PROCESSING, JOB_EVENT_RELEASE,
	true, false, JOB_PENDING, REASON_NONE},
    {"released after a cancel, idempotent", &idempotent_api, JOB_PROCESSING,
	JOB_EVENT_RELEASE, true, false, JOB_CANCELLED, REASON_NONE},
    {"in need", &fail_api, JOB_PROCESSING, JOB_EVENT_NEED, false, false,
	JOB_PENDING, REASON_NONE},
    {"in need after a cancel", &fail_api, JOB_PROCESSING, JOB_EVENT_NEED, true,
	false, JOB_PENDING, REASON_NONE},
    {"completed", &fail_api, JOB_PROCESSING, JOB_EVENT_COMPLETE, true, true,
	JOB_COMPLETED, REASON_NONE},
    {"failed", &fail_api, JOB_PROCESSING, JOB_EVENT_FAIL, false, false,
	JOB_FAILED, REASON_FAILED},
    {"deadline, fail", &fail_api, JOB_PROCESSING, JOB_EVENT_DEADLINE, false,
	false, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
    {"deadline, retry", &retry_api, JOB_PROCESSING, JOB_EVENT_DEADLINE, false,
	false, JOB_FAILED, REASON_DEADLINE},
    {"cancel waits", &fail_api, JOB_PROCESSING, JOB_EVENT_CANCEL, false, false,
	JOB_PROCESSING, REASON_NONE},
    {"adopted", &fail_api, JOB_PROCESSING, JOB_EVENT_ADOPT, false, false,
	JOB_PENDING, REASON_NONE},
    {"pending: deadline, fail", &fail_api, JOB_PENDING, JOB_EVENT_DEADLINE,
	false, false, JOB_FAILED, REASON_OUTCOME_UNKNOWN},
    {"pending: deadline, retry", &retry_api, JOB_PENDING, JOB_EVENT_DEADLINE,
	false, false, JOB_FAILED, REASON_DEADLINE},
    {"pending: cancel waits", &fail_api, JOB_PENDING, JOB_EVENT_CANCEL, false,
	false, JOB_PENDING, REASON_NONE},
    {"pending: adopted", &fail_api, JOB_PENDING, JOB_EVENT_ADOPT, false, false,
	JOB_PENDING, REASON_NONE},
    {"pending: claimed", &fail_api, JOB_PENDING, JOB_EVENT_CLAIM, true, false,
	JOB_PROCESSING, REASON_NONE},
};

static void what_is_polled_is_never_sent_anew(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(polled_rows) / sizeof(polled_rows[0]);
	     i++) {
		const struct polled_row *row = &polled_rows[i];
		struct job job = job_in(row->from);
		struct job_event event = event_of(row->event);

		print_message("# polled, %s\n", row->what);
		job.sent = job.polled = true;
		job.cancel_ms = row->cancel ? 1 : 0;
		job.attempt = event.attempt = row->last ? 3 : 1;
		assert_int_equal(
		    job_step(row->api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.state, row->state);
		assert_int_equal(job.reason, row->reason);
		assert_false(job.held);
		assert_true(job.sent);
		assert_int_equal(job.polled, !job_is_terminal(job.state));
		assert_int_equal(job.needs, row->event == JOB_EVENT_NEED);
	}
}

static void a_202_is_polled_from_then_on(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);
	struct job_event event = event_of(JOB_EVENT_POLL);

	(void)unused;
	event.progress = 40;
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_UNSENT), ERR_OK);
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_true(job.polled);
	assert_true(job.sent);
	assert_int_equal(job.progress, 40);
	assert_int_equal(job.lease_boot, LEASE + 50);
	/* and the next worker goes on where it was */
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_RELEASE), ERR_OK);
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_CLAIM), ERR_OK);
	assert_true(job.polled);
	assert_int_equal(job.progress, 40);
}

static void a_polled_job_needs_only_so_many_credentials(void **unused)
{
	static const struct {
		const struct api *api;
		enum job_state state;
		enum job_reason reason;
		bool held;
	} rows[] = {
	    {&fail_api, JOB_FAILED, REASON_OUTCOME_UNKNOWN, false},
	    {&hold_api, JOB_PROCESSING, REASON_NONE, true},
	    {&retry_api, JOB_FAILED, REASON_UPSTREAM_REFUSED, false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job job = job_in(JOB_PROCESSING);
		job.polled = true;
		job.renewed = JOB_RENEWALS_MAX;
		assert_int_equal(
		    step(rows[i].api, &job, JOB_EVENT_NEED), ERR_OK);
		assert_int_equal(job.state, rows[i].state);
		assert_int_equal(job.reason, rows[i].reason);
		assert_int_equal(job.held, rows[i].held);
		assert_false(job.needs);
	}
}

/* The original of a copy may have sent what is still pending in it. */
static void an_adopted_queue_ends_but_for_what_may_go_again(void **unused)
{
	struct job job = job_in(JOB_PENDING), before = job;

	(void)unused;
	assert_int_equal(step(&retry_api, &job, JOB_EVENT_ADOPT), ERR_OK);
	assert_memory_equal(&job, &before, sizeof(job));
	assert_int_equal(step(&idempotent_api, &job, JOB_EVENT_ADOPT), ERR_OK);
	assert_memory_equal(&job, &before, sizeof(job));
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_ADOPT), ERR_OK);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_OUTCOME_UNKNOWN);
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_ADOPT), ERR_CONFLICT);
}

/* ---- details ----------------------------------------------------------- */

static void a_claim_marks_it_sent(void **unused)
{
	struct job job = job_in(JOB_PENDING);
	struct job_event event = event_of(JOB_EVENT_CLAIM);

	(void)unused;
	job.not_before_boot = 4;
	job.progress = 40;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_true(job.sent);
	assert_int_equal(job.attempt, 1);
	assert_int_equal(job.lease_boot, LEASE + 50);
	assert_int_equal(job.started_ms, NOW);
	assert_int_equal(job.not_before_boot, 0);
	assert_int_equal(job.progress, 0);
	assert_memory_equal(job.claim, claim_a, sizeof(claim_a));
}

static void progress_never_falls_nor_reaches_100(void **unused)
{
	static const int given[] = {-1, 30, 20, 99, 100, 250};
	static const int want[] = {0, 30, 30, 99, 99, 99};
	struct job job = job_in(JOB_PROCESSING);

	(void)unused;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		struct job_event event = event_of(JOB_EVENT_HEARTBEAT);
		event.progress = given[i];
		assert_int_equal(
		    job_step(&fail_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.progress, want[i]);
		assert_int_equal(job.lease_boot, event.lease_boot);
	}
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_COMPLETE), ERR_OK);
	assert_int_equal(job.progress, 100);
}

static void endings_keep_status_and_reason(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);
	struct job_event event = event_of(JOB_EVENT_COMPLETE);

	(void)unused;
	event.status = 201;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.status, 201);

	job = job_in(JOB_PROCESSING);
	event = event_of(JOB_EVENT_FAIL);
	event.reason = REASON_UPSTREAM_REFUSED;
	event.status = 403;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.reason, REASON_UPSTREAM_REFUSED);
	assert_int_equal(job.status, 403);

	job = job_in(JOB_PROCESSING);
	event.reason = REASON_UPSTREAM_ERROR;
	event.status = 0;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.status, 502);

	job = job_in(JOB_PROCESSING);
	event.reason = REASON_NONE;
	assert_int_equal(job_step(&fail_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.reason, REASON_FAILED);
}

static void a_retry_waits_and_keeps_its_reason(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);
	struct job_event event = event_of(JOB_EVENT_RETRY);

	(void)unused;
	event.not_before_boot = BOOT + 500;
	event.reason = REASON_UPSTREAM_ERROR;
	assert_int_equal(job_step(&retry_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.not_before_boot, BOOT + 500);
	assert_int_equal(job.reason, REASON_NONE);

	job = job_in(JOB_PROCESSING);
	job.attempt = event.attempt = 3;
	assert_int_equal(job_step(&retry_api, &job, &event, &job), ERR_OK);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_UPSTREAM_ERROR);
	assert_int_equal(job.status, 502);
	assert_int_equal(job.not_before_boot, 0);
}

static void a_429_is_unsent_then_retried(void **unused)
{
	struct job job = job_in(JOB_PROCESSING);

	(void)unused;
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_RETRY), ERR_CONFLICT);
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_UNSENT), ERR_OK);
	assert_int_equal(step(&fail_api, &job, JOB_EVENT_RETRY), ERR_OK);
	assert_int_equal(job.state, JOB_PENDING);
}

static void a_release_burns_no_attempt(void **unused)
{
	struct job job = job_in(JOB_PENDING);

	(void)unused;
	for (int i = 1; i <= 10; i++) {
		struct job_event event = event_of(JOB_EVENT_CLAIM);
		assert_int_equal(
		    job_step(&fail_api, &job, &event, &job), ERR_OK);
		assert_int_equal(job.attempt, i);
		event = event_of(JOB_EVENT_RELEASE);
		event.attempt = i;
		assert_int_equal(
		    job_step(&fail_api, &job, &event, &job), ERR_OK);
	}
	assert_int_equal(job.state, JOB_PENDING);
	assert_int_equal(job.released, 10);
}

static void expiry_counts_from_the_end(void **unused)
{
	struct job job = job_in(JOB_COMPLETED);

	(void)unused;
	job.ended_ms = NOW;
	assert_false(job_is_expired(&job, &fail_api, NOW + 999));
	assert_true(job_is_expired(&job, &fail_api, NOW + 1000));
	job.state = JOB_PENDING;
	assert_false(job_is_expired(&job, &fail_api, INT64_MAX));
}

static void a_tombstone_is_expired_whatever_the_clock_shows(void **unused)
{
	struct job job = job_in(JOB_COMPLETED);

	(void)unused;
	job.gone_ms = NOW;
	assert_true(job_is_expired(&job, &fail_api, 0));
	assert_true(job_is_expired(&job, &fail_api, job.ended_ms));
	assert_true(job_is_expired(&job, &fail_api, INT64_MAX));
}

static void texts(void **unused)
{
	(void)unused;
	assert_string_equal(job_state_text(JOB_PROCESSING), "processing");
	assert_string_equal(job_state_text(JOB_STATES), "");
	assert_string_equal(
	    job_reason_problem(REASON_OUTCOME_UNKNOWN), "outcome-unknown");
	assert_string_equal(job_reason_problem(REASON_NONE), "");
	assert_string_equal(job_reason_problem(JOB_REASONS), "");
	assert_int_equal(job_reason_status(REASON_DEADLINE), 504);
	assert_int_equal(job_reason_status(JOB_REASONS), 0);
	assert_false(job_is_terminal(JOB_PROCESSING));
	assert_true(job_is_terminal(JOB_CANCELLED));
	assert_false(job_is_terminal(JOB_STATES));
}

/* ---- the walk ---------------------------------------------------------- */

/*
 * The world outside the row: how often a call really left since the attempt's
 * outcome was last known to be "nothing happened", and who the workers are. A
 * worker that knows it sent something does not say otherwise; everything else
 * may be said by anybody at any time.
 */
struct world {
	struct job job;
	int64_t now_ms, now_boot;
	bool left;	    /* this attempt's call left */
	int effects;	    /* calls that left, over all attempts */
	uint8_t late_claim; /* of an earlier attempt */
	int late_attempt;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct job_event walk_event(struct world *w, uint64_t r)
{
	struct job_event e = {.kind = (enum job_event_kind)(r % JOB_EVENTS),
	    .now_ms = w->now_ms,
	    .now_boot = w->now_boot,
	    .attempt = w->job.attempt,
	    .lease_boot = w->now_boot + 20,
	    .not_before_boot = w->now_boot + (int64_t)(r >> 8) % 40,
	    .progress = (int)(r >> 16) % 120,
	    .status = (r >> 24) % 2 ? 200 : 0,
	    .reason = (enum job_reason)((r >> 26) % JOB_REASONS)};

	memcpy(e.claim, w->job.claim, sizeof(e.claim));
	if ((r >> 32) % 4 == 0) { /* somebody late */
		e.attempt = w->late_attempt;
		memset(e.claim, w->late_claim, sizeof(e.claim));
	}
	if (e.kind == JOB_EVENT_CLAIM)
		memset(e.claim, (int)(r >> 40) | 1, sizeof(e.claim));
	return e;
}

static bool is_operators(enum job_event_kind kind)
{
	return kind == JOB_EVENT_HELD_AGAIN ||
	       kind == JOB_EVENT_HELD_COMPLETE || kind == JOB_EVENT_HELD_FAIL;
}

static void check_step(const struct world *w, const struct job *before,
    const struct job_event *e, enum err err, const struct api *api)
{
	const struct job *after = &w->job;

	if (err) {
		assert_memory_equal(after, before, sizeof(*after));
		return;
	}
	if (job_is_terminal(before->state)) {
		assert_int_equal(after->state, before->state);
		assert_int_equal(after->ended_ms, before->ended_ms);
		assert_true(
		    e->kind == JOB_EVENT_READ || e->kind == JOB_EVENT_PURGE);
		return;
	}
	assert_true(after->renewed <= JOB_RENEWALS_MAX);
	if (after->needs)
		assert_int_equal(after->state, JOB_PENDING);
	if (before->needs && !after->held)
		assert_int_not_equal(after->state, JOB_PROCESSING);
	assert_true(after->attempt >= before->attempt);
	assert_true(after->released >= before->released);
	assert_true(after->attempt - after->released <= api->attempts);
	assert_true(after->progress <= 100);
	assert_int_equal(after->progress == 100, after->state == JOB_COMPLETED);
	assert_int_equal(after->ended_ms != 0, job_is_terminal(after->state));
	assert_int_equal(after->state == JOB_FAILED, after->reason != 0);
	if (after->state == JOB_PENDING)
		assert_int_equal(after->sent, after->polled);
	if (after->held) {
		assert_int_equal(after->state, JOB_PROCESSING);
		assert_int_equal(after->lease_boot, 0);
		assert_int_equal(api->on_lost, ON_LOST_HOLD);
	}
	if (before->held && !after->held)
		assert_true(is_operators(e->kind));
	if (before->polled && !after->polled)
		assert_true(job_is_terminal(after->state) ||
			    e->kind == JOB_EVENT_HELD_AGAIN);
	/* what left is never called cancelled or timed out, unless harmless */
	if (w->left && !api->idempotent && api->on_lost != ON_LOST_RETRY &&
	    !is_operators(e->kind)) {
		assert_int_not_equal(after->state, JOB_CANCELLED);
		if (!after->polled)
			assert_int_not_equal(after->state, JOB_PENDING);
		if (e->kind != JOB_EVENT_FAIL && after->state == JOB_FAILED) {
			assert_int_equal(after->reason, REASON_OUTCOME_UNKNOWN);
			assert_int_equal(api->on_lost, ON_LOST_FAIL);
		}
	}
}

static void walk(const struct api *api, uint64_t seed, int steps)
{
	struct world w = {.now_ms = NOW, .now_boot = BOOT};
	int jobs = 0, ended = 0, idle = 0;

	w.job = job_in(JOB_PENDING);
	while (steps-- > 0) {
		const struct job before = w.job;
		struct job_event e = walk_event(&w, next_random(&seed));
		bool denies = e.kind == JOB_EVENT_UNSENT ||
			      e.kind == JOB_EVENT_RELEASE ||
			      e.kind == JOB_EVENT_NEED;

		w.now_ms += (int64_t)(seed >> 50) % 9;
		w.now_boot += (int64_t)(seed >> 54) % 9;
		if (denies && w.left && e.attempt == before.attempt)
			continue; /* an honest worker knows better */
		enum err err = job_step(api, &w.job, &e, &w.job);
		check_step(&w, &before, &e, err, api);
		if (!err && e.kind == JOB_EVENT_HELD_AGAIN)
			w.effects = 0; /* an operator who knows says so */
		if (!err && (w.job.state != JOB_PROCESSING || w.job.held)) {
			w.late_attempt = before.attempt;
			w.late_claim = before.claim[0];
			w.left = w.job.polled; /* it did, and is going on */
		} else if (w.job.state == JOB_PROCESSING && w.job.sent &&
			   !w.job.held && !w.left && (seed >> 60) % 2) {
			w.left = true;
			w.effects++;
		}
		if (!err && w.job.polled && !before.polled && !w.left) {
			w.left = true; /* its answer came faster than that */
			w.effects++;
		}
		if (api->on_lost != ON_LOST_RETRY && !api->idempotent)
			assert_true(w.effects <= 1);
		if (job_is_terminal(w.job.state) && ++idle > 20) {
			jobs++;
			ended += w.job.state != JOB_PENDING;
			idle = w.effects = 0;
			w.job = job_in(JOB_PENDING);
			w.job.deadline_boot = w.now_boot + 300;
		}
	}
	assert_true(jobs > 100); /* the walk went somewhere */
	assert_int_equal(jobs, ended);
}

static void a_long_walk(void **unused)
{
	(void)unused;
	walk(&fail_api, 0x9e3779b97f4a7c15u, 100000);
	walk(&hold_api, 0x6a09e667f3bcc908u, 100000);
	walk(&retry_api, 0xbb67ae8584caa73bu, 100000);
	walk(&idempotent_api, 0x3c6ef372fe94f82bu, 100000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_cell),
	    cmocka_unit_test(odd_numbers_are_refused),
	    cmocka_unit_test(a_late_worker_is_stale),
	    cmocka_unit_test(a_lease_must_be_over),
	    cmocka_unit_test(the_wall_clock_decides_no_deadline),
	    cmocka_unit_test(every_fate),
	    cmocka_unit_test(a_needing_job_waits_for_one),
	    cmocka_unit_test(only_so_many_other_credentials),
	    cmocka_unit_test(who_asked_for_its_end_is_asked_for_nothing_more),
	    cmocka_unit_test(a_result_is_delivered_once),
	    cmocka_unit_test(a_purge_is_a_tombstone),
	    cmocka_unit_test(what_must_not_be_repeated_is_held),
	    cmocka_unit_test(every_cell_of_a_held_job),
	    cmocka_unit_test(no_time_ends_a_held_job),
	    cmocka_unit_test(a_held_one_that_goes_again_begins_anew),
	    cmocka_unit_test(a_held_one_without_a_deadline_gets_none),
	    cmocka_unit_test(an_operator_says_how_it_ended),
	    cmocka_unit_test(a_held_one_stays_so_whatever_is_declared),
	    cmocka_unit_test(what_is_polled_is_never_sent_anew),
	    cmocka_unit_test(a_202_is_polled_from_then_on),
	    cmocka_unit_test(a_polled_job_needs_only_so_many_credentials),
	    cmocka_unit_test(an_adopted_queue_ends_but_for_what_may_go_again),
	    cmocka_unit_test(a_claim_marks_it_sent),
	    cmocka_unit_test(progress_never_falls_nor_reaches_100),
	    cmocka_unit_test(endings_keep_status_and_reason),
	    cmocka_unit_test(a_retry_waits_and_keeps_its_reason),
	    cmocka_unit_test(a_429_is_unsent_then_retried),
	    cmocka_unit_test(a_release_burns_no_attempt),
	    cmocka_unit_test(expiry_counts_from_the_end),
	    cmocka_unit_test(a_tombstone_is_expired_whatever_the_clock_shows),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(a_long_walk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
