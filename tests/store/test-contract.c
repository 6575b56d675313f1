#include "tests/store/both.h"

#include <poll.h>

/*
 * What every back end must do: each test runs over memory and over SQLite, and
 * the last one compares the two step by step.
 */
/* ---- accepting --------------------------------------------------------- */

static void an_accepted_job_is_there(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1), row;

	job.state = JOB_FAILED; /* set by the store, whatever came in */
	job.attempt = 9;
	memset(job.owner, 3, sizeof(job.owner));
	begin(f);
	OK(store_accept(f->store, API_FAIL, &job, STR("r"), STR("m")));
	OK(store_get(f->store, API_FAIL, job_key(&job), &row));
	commit(f);
	row = row_of(f, API_FAIL, &job);
	assert_memory_equal(row.id, job.id, sizeof(row.id));
	assert_memory_equal(row.owner, job.owner, sizeof(row.owner));
	assert_memory_equal(row.print, job.print, sizeof(row.print));
	assert_int_equal(row.state, JOB_PENDING);
	assert_int_equal(row.attempt, 0);
	assert_int_equal(row.accepted_ms, NOW_MS + 1);
	assert_int_equal(row.deadline_ms, NOW_MS + 60000);
	assert_int_equal(row.deadline_boot, NOW_BOOT + 60000);
	assert_int_equal(row.gone_ms, 0);
	assert_int_equal(row.version, 1);
	expect_body(f, &job, BODY_REQUEST, "r");
	expect_body(f, &job, BODY_META, "m");
	expect_no_body(f, &job, BODY_RESULT);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1), row;
	struct job_event event = fixture_event(&job, JOB_EVENT_CANCEL);

	begin(f);
	assert_int_equal(
	    store_get(f->store, API_FAIL, job_key(&job), &row), ERR_NOT_FOUND);
	assert_int_equal(
	    store_change(f->store, API_FAIL, &job, &event, nothing),
	    ERR_NOT_FOUND);
	commit(f);
}

static void a_taken_key_gives_the_row_that_is_there(void **state)
{
	struct fixture *f = *state;
	struct job again = fixture_job(API_FAIL, 1);

	accept_jobs(f, API_FAIL, 1, 1);
	memset(again.print, 0xee, sizeof(again.print));
	begin(f);
	assert_int_equal(store_accept(f->store, API_FAIL, &again, STR("other"),
			     STR("other")),
	    ERR_CONFLICT);
	assert_int_equal(again.print[0], 2);
	assert_int_equal(again.version, 1);
	fixture_accept(f, API_FAIL, 2); /* the transaction goes on */
	commit(f);
	expect_body(f, &again, BODY_REQUEST, "sealed request");
	assert_true(row_of(f, API_FAIL, &again).version == 1);
}

static void equal_keys_of_two_apis_stay_apart(void **state)
{
	struct fixture *f = *state;
	struct job a = fixture_job(API_FAIL, 1), b = fixture_job(API_RETRY, 1);

	begin(f);
	OK(store_accept(f->store, API_FAIL, &a, STR("a"), nothing));
	OK(store_accept(f->store, API_RETRY, &b, STR("b"), nothing));
	commit(f);
	assert_memory_equal(job_key(&a), job_key(&b), JOB_KEY_BYTES);
	expect_body(f, &a, BODY_REQUEST, "a");
	expect_body(f, &b, BODY_REQUEST, "b");
	expect_no_body(f, &a, BODY_META);
	assert_int_equal(row_of(f, API_RETRY, &b).id[1], API_RETRY + 1);
}

static void bodies_of_any_size_but_too_large(void **state)
{
	static const size_t sizes[] = {0, 1, 4096, 1000003};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct job job = fixture_job(API_FAIL, i);
		char *bytes = malloc(sizes[i] + 1);
		struct str got;
		assert_non_null(bytes);
		memset(bytes, (int)i + 1, sizes[i] + 1);
		begin(f);
		OK(store_accept(f->store, API_FAIL, &job,
		    (struct str){bytes, sizes[i]}, nothing));
		commit(f);
		OK(body_of(f, &job, BODY_REQUEST, &got));
		assert_int_equal(got.n, sizes[i]);
		assert_memory_equal(got.p, bytes, sizes[i]);
		free(bytes);
	}
	struct job job = fixture_job(API_FAIL, 99);
	struct str huge = {.p = "x", .n = STORE_BODY_MAX + 1};
	begin(f);
	assert_int_equal(store_accept(f->store, API_FAIL, &job, huge, nothing),
	    ERR_TOO_LARGE);
	assert_int_equal(store_accept(f->store, API_FAIL, &job, STR("x"), huge),
	    ERR_TOO_LARGE);
	commit(f);
}

/* ---- claiming ---------------------------------------------------------- */

static void jobs_are_claimed_in_the_order_of_arrival(void **state)
{
	struct fixture *f = *state;
	struct job first = fixture_job(API_WIDE, 7);
	struct job tie = fixture_job(API_WIDE, 2);

	first.accepted_ms = NOW_MS - 9000; /* whatever the clocks say */
	tie.accepted_ms = NOW_MS - 9000;
	begin(f);
	fixture_accept(f, API_WIDE, 5);
	OK(store_accept(f->store, API_WIDE, &first, STR("r"), nothing));
	OK(store_accept(f->store, API_WIDE, &tie, STR("r"), nothing));
	fixture_accept(f, API_WIDE, 4);
	commit(f);
	assert_int_equal(claim_one(f, API_WIDE, 1).id[JOB_KEY_OFFSET], 5);
	assert_int_equal(claim_one(f, API_WIDE, 1).id[JOB_KEY_OFFSET], 7);
	assert_int_equal(claim_one(f, API_WIDE, 1).id[JOB_KEY_OFFSET], 2);
	assert_int_equal(claim_one(f, API_WIDE, 1).id[JOB_KEY_OFFSET], 4);
}

static void a_claim_is_a_lease_and_marks_it_sent(void **state)
{
	struct fixture *f = *state;
	struct job job, row;

	accept_jobs(f, API_FAIL, 1, 1);
	job = claim_one(f, API_FAIL, 42);
	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.state, JOB_PROCESSING);
	assert_true(row.sent);
	assert_int_equal(row.attempt, 1);
	assert_int_equal(row.claim[0], 42);
	assert_int_equal(row.lease_boot, NOW_BOOT + LEASE_MS);
	assert_int_equal(row.started_ms, NOW_MS + 1000);
	assert_int_equal(row.version, 2);
	assert_int_equal(job.version, 2);
	expect_body(f, &job, BODY_REQUEST, "sealed request");
}

static void never_more_than_concurrency_run(void **state)
{
	struct fixture *f = *state;
	struct job job;

	assert_int_equal(claim_none(f, API_FAIL), 0);
	accept_jobs(f, API_FAIL, 1, 2);
	accept_jobs(f, API_WIDE, 1, 9);
	job = claim_one(f, API_FAIL, 1);
	assert_int_equal(claim_none(f, API_FAIL), NOW_BOOT + LEASE_MS);
	for (int i = 0; i < 4; i++)
		claim_one(f, API_WIDE, 2);
	claim_none(f, API_WIDE);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_FAIL, &job, &end);
	claim_one(f, API_FAIL, 3);
}

static void finish_and_claim_are_one_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_ask ask = fixture_ask(8);
	struct job job, next;
	int64_t due;

	accept_jobs(f, API_FAIL, 1, 2);
	job = claim_one(f, API_FAIL, 1);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	begin(f);
	OK(store_change(f->store, API_FAIL, &job, &end, STR("result")));
	OK(store_claim(f->store, API_FAIL, &ask, &next, &due));
	commit(f);
	assert_int_equal(row_of(f, API_FAIL, &job).state, JOB_COMPLETED);
	assert_true(row_of(f, API_FAIL, &next).sent);
	assert_int_equal(next.id[JOB_KEY_OFFSET], 2);
}

/* What is counted in a transaction follows it, and goes with it. */
static void a_place_is_free_at_once(void **state)
{
	struct fixture *f = *state;
	struct store_ask ask = fixture_ask(8);
	struct job job, next;
	int64_t due;

	accept_jobs(f, API_FAIL, 1, 3);
	for (int round = 0; round < 2; round++) {
		begin(f);
		OK(store_claim(f->store, API_FAIL, &ask, &job, &due));
		assert_int_equal(
		    store_claim(f->store, API_FAIL, &ask, &next, &due),
		    ERR_NOT_FOUND);
		struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
		OK(store_change(f->store, API_FAIL, &job, &end, STR("result")));
		OK(store_claim(f->store, API_FAIL, &ask, &next, &due));
		assert_int_equal(
		    store_claim(f->store, API_FAIL, &ask, &job, &due),
		    ERR_NOT_FOUND);
		if (round == 0)
			store_rollback(f->store);
	}
	commit(f);
	claim_none(f, API_FAIL);
}

static void back_off_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct store_ask ask = fixture_ask(2);
	int64_t due;
	struct job job, got;

	accept_jobs(f, API_RETRY, 1, 2);
	job = claim_one(f, API_RETRY, 1);
	struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
	retry.not_before_boot = NOW_BOOT + 5000;
	change(f, API_RETRY, &job, &retry);
	assert_int_equal(job.state, JOB_PENDING);
	got = claim_one(f, API_RETRY, 2); /* the younger one overtakes */
	assert_int_equal(got.id[JOB_KEY_OFFSET], 2);
	struct job_event end = fixture_event(&got, JOB_EVENT_COMPLETE);
	change(f, API_RETRY, &got, &end);
	assert_int_equal(claim_none(f, API_RETRY), NOW_BOOT + 5000);
	begin(f);
	ask.now_boot = NOW_BOOT + 5000;
	OK(store_claim(f->store, API_RETRY, &ask, &got, &due));
	commit(f);
	assert_int_equal(got.attempt, 2);
}

static void a_late_job_ends_instead_of_starting(void **state)
{
	struct fixture *f = *state;
	struct job late = fixture_job(API_FAIL, 1), got;

	late.deadline_boot = NOW_BOOT; /* the claim's now */
	begin(f);
	OK(store_accept(f->store, API_FAIL, &late, STR("r"), nothing));
	fixture_accept(f, API_FAIL, 2);
	commit(f);
	got = claim_one(f, API_FAIL, 1);
	assert_int_equal(got.id[JOB_KEY_OFFSET], 2);
	late = row_of(f, API_FAIL, &late);
	assert_int_equal(late.state, JOB_FAILED);
	assert_int_equal(late.reason, REASON_DEADLINE);
	expect_no_body(f, &late, BODY_REQUEST);
}

static void many_late_jobs_end_in_slices(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;

	begin(f);
	for (uint32_t i = 0; i < 100; i++) {
		struct job job = fixture_job(API_FAIL, i);
		job.deadline_boot = NOW_BOOT - 1;
		OK(store_accept(f->store, API_FAIL, &job, STR("r"), nothing));
	}
	commit(f);
	assert_int_equal(claim_none(f, API_FAIL), NOW_BOOT); /* come back */
	OK(store_view(f->store));
	OK(store_stats(f->store, API_FAIL, &stats));
	store_unview(f->store);
	assert_in_range(stats.count[JOB_FAILED], 1, 99);
	assert_int_equal(claim_none(f, API_FAIL), 0);
}

static void what_is_due_next(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);

	job.deadline_boot = 0; /* none */
	begin(f);
	OK(store_accept(f->store, API_WIDE, &job, STR("r"), nothing));
	commit(f);
	job = claim_one(f, API_WIDE, 1);
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + LEASE_MS);
	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	change(f, API_WIDE, &job, &beat);
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + 1000 + LEASE_MS);
	struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
	retry.not_before_boot = NOW_BOOT + 900;
	change(f, API_WIDE, &job, &retry);
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + 900);

	/* a deadline of the queue */
	accept_jobs(f, API_FAIL, 1, 2);
	job = claim_one(f, API_FAIL, 1);
	beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	beat.lease_boot = NOW_BOOT + 90000;
	change(f, API_FAIL, &job, &beat);
	assert_int_equal(claim_none(f, API_FAIL), NOW_BOOT + 60000);
}

/* ---- changing ---------------------------------------------------------- */

static void an_ending_keeps_the_result_and_erases_the_request(void **state)
{
	struct fixture *f = *state;
	struct job job, row;

	accept_jobs(f, API_FAIL, 1, 1);
	job = claim_one(f, API_FAIL, 1);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	end.status = 201;
	begin(f);
	OK(store_change(f->store, API_FAIL, &job, &end, STR("sealed result")));
	commit(f);
	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.state, JOB_COMPLETED);
	assert_int_equal(row.status, 201);
	assert_int_equal(row.ended_ms, end.now_ms);
	assert_int_equal(row.version, 3);
	expect_no_body(f, &job, BODY_REQUEST);
	expect_body(f, &job, BODY_META, "sealed meta");
	expect_body(f, &job, BODY_RESULT, "sealed result");
}

static void a_refused_event_gives_the_row(void **state)
{
	struct fixture *f = *state;
	struct job job, mine;

	accept_jobs(f, API_FAIL, 1, 1);
	mine = job = claim_one(f, API_FAIL, 1);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	begin(f);
	end.claim[0] ^= 1;
	mine.attempt = 77;
	assert_int_equal(
	    store_change(f->store, API_FAIL, &mine, &end, STR("late result")),
	    ERR_STALE);
	assert_int_equal(mine.attempt, 1);
	end.claim[0] ^= 1;
	OK(store_change(f->store, API_FAIL, &mine, &end, nothing));
	assert_int_equal(
	    store_change(f->store, API_FAIL, &mine, &end, STR("again")),
	    ERR_CONFLICT);
	assert_int_equal(mine.state, JOB_COMPLETED);
	commit(f);
	expect_no_body(f, &job, BODY_RESULT);
	assert_int_equal(row_of(f, API_FAIL, &job).version, 3);
}

static void a_heartbeat_is_not_seen(void **state)
{
	struct fixture *f = *state;
	struct job job, row;

	accept_jobs(f, API_FAIL, 1, 1);
	job = claim_one(f, API_FAIL, 1);
	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	change(f, API_FAIL, &job, &beat);
	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.version, 2);
	assert_int_equal(row.lease_boot, beat.lease_boot);
	beat.progress = 40;
	change(f, API_FAIL, &job, &beat);
	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.version, 3);
	assert_int_equal(row.progress, 40);
}

static void a_heartbeat_hears_of_the_cancellation(void **state)
{
	struct fixture *f = *state;
	struct job job, other;

	accept_jobs(f, API_FAIL, 1, 2);
	job = claim_one(f, API_FAIL, 1);
	other = fixture_job(API_FAIL, 1);
	struct job_event cancel = {.kind = JOB_EVENT_CANCEL, .now_ms = NOW_MS};
	change(f, API_FAIL, &other, &cancel);
	assert_int_equal(other.state, JOB_PROCESSING);
	assert_int_equal(other.version, 4);
	change(f, API_FAIL, &other, &cancel); /* twice does no harm */
	assert_int_equal(other.version, 4);
	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	change(f, API_FAIL, &job, &beat);
	assert_true(job.cancel_ms > 0);

	other = fixture_job(API_FAIL, 2); /* a pending one ends at once */
	change(f, API_FAIL, &other, &cancel);
	assert_int_equal(other.state, JOB_CANCELLED);
	expect_no_body(f, &other, BODY_REQUEST);
}

static void all_members_are_kept(void **state)
{
	struct fixture *f = *state;
	struct job job, row;

	accept_jobs(f, API_RETRY, 1, 1);
	job = claim_one(f, API_RETRY, 5);
	struct job_event release = fixture_event(&job, JOB_EVENT_RELEASE);
	change(f, API_RETRY, &job, &release);
	job = claim_one(f, API_RETRY, 6);
	struct job_event cancel = {.kind = JOB_EVENT_CANCEL, .now_ms = NOW_MS};
	change(f, API_RETRY, &job, &cancel);
	struct job_event unsent = fixture_event(&job, JOB_EVENT_UNSENT);
	change(f, API_RETRY, &job, &unsent);
	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	beat.progress = 12;
	change(f, API_RETRY, &job, &beat);
	row = row_of(f, API_RETRY, &job);
#define SAME(member) assert_int_equal(row.member, job.member)
	SAME(state);
	SAME(version);
	SAME(lease_boot);
	SAME(attempt);
	SAME(released);
	SAME(progress);
	SAME(sent);
	SAME(cancel_ms);
	SAME(started_ms);
	assert_int_equal(row.released, 1);
	assert_int_equal(row.attempt, 2);
	assert_true(row.cancel_ms > 0);
	assert_false(row.sent);
	assert_memory_equal(row.claim, job.claim, sizeof(row.claim));
	struct job_event fail = fixture_event(&job, JOB_EVENT_FAIL);
	fail.reason = REASON_UPSTREAM_REFUSED;
	fail.status = 418;
	change(f, API_RETRY, &job, &fail);
	row = row_of(f, API_RETRY, &job);
	SAME(reason);
	SAME(status);
	SAME(ended_ms);
	assert_int_equal(row.status, 418);
#undef SAME
}

/* ---- recovering -------------------------------------------------------- */

static size_t recover(struct fixture *f, size_t api, int64_t now_ms,
    int64_t now_boot, size_t limit)
{
	size_t changed = 99;

	begin(f);
	OK(store_recover(f->store, api, now_ms, now_boot, limit, &changed));
	commit(f);
	return changed;
}

static void lost_leases_come_home(void **state)
{
	struct fixture *f = *state;
	const int64_t end = NOW_BOOT + LEASE_MS;
	struct job sent, again;

	accept_jobs(f, API_FAIL, 1, 1);
	accept_jobs(f, API_RETRY, 1, 1);
	sent = claim_one(f, API_FAIL, 1);
	again = claim_one(f, API_RETRY, 1);
	assert_int_equal(recover(f, API_FAIL, NOW_MS, end - 1, 10), 0);
	assert_int_equal(recover(f, API_FAIL, NOW_MS, end, 10), 1);
	assert_int_equal(recover(f, API_FAIL, NOW_MS, end, 10), 0);
	assert_int_equal(recover(f, API_RETRY, NOW_MS, end, 10), 1);
	sent = row_of(f, API_FAIL, &sent);
	assert_int_equal(sent.state, JOB_FAILED);
	assert_int_equal(sent.reason, REASON_OUTCOME_UNKNOWN);
	expect_no_body(f, &sent, BODY_REQUEST);
	again = row_of(f, API_RETRY, &again);
	assert_int_equal(again.state, JOB_PENDING);
	expect_body(f, &again, BODY_REQUEST, "sealed request");
	claim_one(f, API_RETRY, 2);
}

static void passed_deadlines_come_home(void **state)
{
	struct fixture *f = *state;
	const int64_t late = NOW_BOOT + 60000;
	struct job job;

	accept_jobs(f, API_WIDE, 1, 3);
	job = claim_one(f, API_WIDE, 1);
	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	beat.lease_boot = late + 5;
	change(f, API_WIDE, &job, &beat);
	assert_int_equal(recover(f, API_WIDE, NOW_MS, late - 1, 10), 0);
	assert_int_equal(recover(f, API_WIDE, NOW_MS, late, 1), 1);
	assert_int_equal(recover(f, API_WIDE, NOW_MS, late, 10), 1);
	assert_int_equal(row_of(f, API_WIDE, &job).state, JOB_PROCESSING);
	/* a lease protects until it is over: lost, then late */
	assert_int_equal(recover(f, API_WIDE, NOW_MS, late + 5, 10), 2);
	job = row_of(f, API_WIDE, &job);
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.reason, REASON_DEADLINE);
}

/* Somebody puts the wall clock right, a day or ten years. */
static void a_step_of_the_wall_clock_ends_nothing(void **state)
{
	static const int64_t steps[] = {
	    86400000, -86400000, 315360000000, -315360000000};
	struct fixture *f = *state;

	accept_jobs(f, API_WIDE, 1, 9);
	for (uint8_t i = 0; i < 4; i++) {
		struct store_ask ask = fixture_ask(i + 1);
		int64_t due;
		struct job job;
		ask.now_ms += steps[i];
		begin(f);
		OK(store_claim(f->store, API_WIDE, &ask, &job, &due));
		commit(f);
		assert_int_equal(job.attempt, 1);
		assert_int_equal(
		    recover(f, API_WIDE, ask.now_ms, NOW_BOOT + 1, 10), 0);
	}
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + LEASE_MS);
	/* and none is prolonged: the five of the queue end when they should */
	assert_int_equal(
	    recover(f, API_WIDE, NOW_MS - 86400000, NOW_BOOT + 60000, 99),
	    4 + 9);
}

/* ---- transactions ------------------------------------------------------ */

static void a_rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_stats before, after;
	struct job job, fresh = fixture_job(API_FAIL, 2), row;
	int fd;

	accept_jobs(f, API_FAIL, 1, 1);
	job = claim_one(f, API_FAIL, 1);
	row = job;
	OK(store_watch(f->store, BELL_ACCEPTED | BELL_SETTLED, &fd));
	OK(store_view(f->store));
	OK(store_stats(f->store, API_FAIL, &before));
	store_unview(f->store);

	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	begin(f);
	OK(store_change(f->store, API_FAIL, &row, &end, STR("result")));
	OK(store_accept(f->store, API_FAIL, &fresh, STR("r"), STR("m")));
	OK(store_stats(f->store, API_FAIL, &after));
	assert_int_equal(after.count[JOB_COMPLETED], 1);
	store_rollback(f->store);

	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.state, JOB_PROCESSING);
	assert_int_equal(row.version, 2);
	expect_body(f, &job, BODY_REQUEST, "sealed request");
	expect_no_body(f, &job, BODY_RESULT);
	expect_no_body(f, &fresh, BODY_REQUEST);
	OK(store_view(f->store));
	assert_int_equal(store_get(f->store, API_FAIL, job_key(&fresh), &row),
	    ERR_NOT_FOUND);
	OK(store_stats(f->store, API_FAIL, &after));
	store_unview(f->store);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(store_heard(f->store, fd), 0);
	begin(f);
	assert_int_equal(fixture_accept(f, API_FAIL, 3).version, 3);
	commit(f);
}

static void versions_are_one_counter(void **state)
{
	struct fixture *f = *state;
	int64_t version = 0;

	for (uint32_t i = 1; i <= 10; i++) {
		begin(f);
		for (size_t api = 0; api < API_COUNT; api++) {
			struct job job = fixture_accept(f, api, i);
			assert_true(job.version > version);
			version = job.version;
		}
		commit(f);
	}
	assert_int_equal(version, 30);
}

/* ---- asking ------------------------------------------------------------ */

struct listing {
	uint8_t numbers[16];
	size_t n, stop_at;
};

static bool note_job(void *ctx, const struct job *job)
{
	struct listing *l = ctx;

	l->numbers[l->n++] = job->id[JOB_KEY_OFFSET];
	return l->n != l->stop_at;
}

static void lists_run_newest_first(void **state)
{
	struct fixture *f = *state;
	struct listing all = {.n = 0}, two = {.n = 0}, one = {.stop_at = 1};

	accept_jobs(f, API_FAIL, 1, 5);
	accept_jobs(f, API_RETRY, 7, 8);
	OK(store_view(f->store));
	OK(store_list(f->store, API_FAIL, 0, note_job, &all));
	OK(store_list(f->store, API_FAIL, 2, note_job, &two));
	OK(store_list(f->store, API_FAIL, 0, note_job, &one));
	store_unview(f->store);
	assert_int_equal(all.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(all.numbers[i], 5 - i);
	assert_int_equal(two.n, 2);
	assert_int_equal(one.n, 1);
	begin(f); /* and inside a transaction, with nothing left open */
	commit(f);
}

static void stats_count_and_find_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;
	struct job job;

	OK(store_view(f->store));
	OK(store_stats(f->store, API_RETRY, &stats));
	store_unview(f->store);
	for (int i = 0; i < JOB_STATES; i++)
		assert_int_equal(stats.count[i], 0);
	assert_int_equal(stats.oldest_pending_ms, 0);

	accept_jobs(f, API_RETRY, 1, 4);
	job = claim_one(f, API_RETRY, 1);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_RETRY, &job, &end);
	claim_one(f, API_RETRY, 1);
	OK(store_view(f->store));
	OK(store_stats(f->store, API_RETRY, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_PENDING], 2);
	assert_int_equal(stats.count[JOB_PROCESSING], 1);
	assert_int_equal(stats.count[JOB_COMPLETED], 1);
	assert_int_equal(stats.oldest_pending_ms, NOW_MS + 3);
}

/* ---- what changed ------------------------------------------------------ */

struct changes {
	uint8_t numbers[16];
	int64_t versions[16];
	size_t n, stop_at;
};

static bool note_change(
    void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	struct changes *c = ctx;

	assert_in_range(c->n, 0, 15);
	c->numbers[c->n] = key[0];
	c->versions[c->n++] = version;
	return c->n != c->stop_at;
}

static struct changes changes_since(
    struct fixture *f, size_t api, int64_t since, size_t limit, size_t stop_at)
{
	struct changes c = {.stop_at = stop_at};

	OK(store_view(f->store));
	OK(store_changed(f->store, api, since, limit, note_change, &c));
	store_unview(f->store);
	return c;
}

static int64_t newest(struct fixture *f)
{
	int64_t version = -1;

	OK(store_view(f->store));
	OK(store_version(f->store, &version));
	store_unview(f->store);
	return version;
}

static void changes_come_in_order_of_version(void **state)
{
	struct fixture *f = *state;
	struct changes c = changes_since(f, API_WIDE, 0, 0, 0);

	assert_int_equal(c.n, 0);
	assert_int_equal(newest(f), 0);
	begin(f); /* keys fall while versions grow */
	for (uint32_t i = 5; i > 0; i--) {
		fixture_accept(f, API_WIDE, i);
		fixture_accept(f, API_RETRY, i);
	}
	commit(f);
	assert_int_equal(newest(f), 10);
	c = changes_since(f, API_WIDE, 0, 0, 0);
	assert_int_equal(c.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(c.numbers[i], 5 - i);
		assert_int_equal(c.versions[i], 2 * i + 1);
	}
	c = changes_since(f, API_WIDE, 5, 0, 0); /* above, not from */
	assert_int_equal(c.n, 2);
	assert_int_equal(c.versions[0], 7);
	c = changes_since(f, API_WIDE, 2, 3, 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.versions[2], 7);
	c = changes_since(f, API_WIDE, 0, 0, 2);
	assert_int_equal(c.n, 2);
	c = changes_since(f, API_WIDE, 9, 0, 0);
	assert_int_equal(c.n, 0);
	begin(f); /* and inside a transaction, with nothing left open */
	commit(f);
}

static void a_change_moves_a_job_to_the_end(void **state)
{
	struct fixture *f = *state;
	struct changes c;
	struct job job;

	accept_jobs(f, API_FAIL, 1, 3);
	job = claim_one(f, API_FAIL, 1); /* version 4 */
	c = changes_since(f, API_FAIL, 0, 0, 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.numbers[0], 2);
	assert_int_equal(c.numbers[2], 1);
	assert_int_equal(c.versions[2], 4);
	c = changes_since(f, API_FAIL, 3, 0, 0);
	assert_int_equal(c.n, 1);

	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	change(f, API_FAIL, &job, &beat); /* without progress: not seen */
	assert_int_equal(newest(f), 4);
	assert_int_equal(changes_since(f, API_FAIL, 4, 0, 0).n, 0);
	beat.progress = 7;
	change(f, API_FAIL, &job, &beat);
	c = changes_since(f, API_FAIL, 4, 0, 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.numbers[0], 1);
	assert_int_equal(c.versions[0], newest(f));

	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_FAIL, &job, &end);
	c = changes_since(f, API_FAIL, 0, 0, 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.numbers[2], 1);
	assert_int_equal(c.versions[2], row_of(f, API_FAIL, &job).version);
}

static void a_rollback_is_no_change(void **state)
{
	struct fixture *f = *state;
	int64_t version = -1;
	struct changes c = {.n = 0};

	accept_jobs(f, API_FAIL, 1, 1);
	begin(f);
	fixture_accept(f, API_FAIL, 2);
	OK(store_version(f->store, &version)); /* its own are in it */
	assert_int_equal(version, 2);
	OK(store_changed(f->store, API_FAIL, 1, 0, note_change, &c));
	assert_int_equal(c.n, 1);
	store_rollback(f->store);
	assert_int_equal(newest(f), 1);
	assert_int_equal(changes_since(f, API_FAIL, 1, 0, 0).n, 0);
}

/* ---- bells ------------------------------------------------------------- */

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static void bells_say_what_happened(void **state)
{
	struct fixture *f = *state;
	struct job job;
	int both, settled;

	OK(store_watch(f->store, BELL_ACCEPTED | BELL_SETTLED, &both));
	OK(store_watch(f->store, BELL_SETTLED, &settled));
	assert_false(is_readable(both));
	begin(f);
	commit(f); /* nothing happened */
	assert_false(is_readable(both));

	accept_jobs(f, API_RETRY, 1, 1);
	assert_true(is_readable(both));
	assert_false(is_readable(settled));
	assert_int_equal(store_heard(f->store, both), BELL_ACCEPTED);
	assert_false(is_readable(both));
	assert_int_equal(store_heard(f->store, both), 0);

	job = claim_one(f, API_RETRY, 1);
	assert_int_equal(store_heard(f->store, both), BELL_SETTLED);
	assert_int_equal(store_heard(f->store, settled), BELL_SETTLED);

	struct job_event beat = fixture_event(&job, JOB_EVENT_HEARTBEAT);
	change(f, API_RETRY, &job, &beat);
	assert_int_equal(store_heard(f->store, both), 0);

	struct job_event cancel = {.kind = JOB_EVENT_CANCEL, .now_ms = NOW_MS};
	change(f, API_RETRY, &job, &cancel);
	assert_int_equal(
	    store_heard(f->store, both), BELL_ACCEPTED | BELL_SETTLED);

	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_RETRY, &job, &end);
	assert_int_equal(store_heard(f->store, both), BELL_SETTLED);

	accept_jobs(f, API_RETRY, 2, 2);
	job = claim_one(f, API_RETRY, 1);
	store_heard(f->store, both);
	struct job_event release = fixture_event(&job, JOB_EVENT_RELEASE);
	change(f, API_RETRY, &job, &release);
	assert_int_equal(
	    store_heard(f->store, both), BELL_ACCEPTED | BELL_SETTLED);
	assert_int_equal(store_heard(f->store, -1), 0);
}

/* ---- memory and SQLite do the same ------------------------------------- */

struct pair_of_stores {
	struct fixture a, b;
	int64_t now_ms, now_boot;
	uint64_t seed;
};

static struct job_event random_event(
    struct pair_of_stores *p, const struct job *job, uint64_t r)
{
	struct job_event event =
	    fixture_event(job, (enum job_event_kind)(r % JOB_EVENTS));

	event.now_ms = p->now_ms;
	event.now_boot = p->now_boot;
	event.lease_boot = p->now_boot + (int64_t)(r >> 8) % 50;
	event.not_before_boot = p->now_boot + (int64_t)(r >> 16) % 50;
	event.progress = (int)(r >> 24) % 110;
	event.reason = (enum job_reason)((r >> 32) % JOB_REASONS);
	event.status = 200;
	return event;
}

/* What holds up claims, and the calls that are none. */
static enum err pace_step(
    struct pair_of_stores *p, struct fixture *f, uint64_t r, struct job *job)
{
	const size_t api = r % API_COUNT;
	int64_t due = 0;
	enum err err;

	switch ((r >> 4) % 8) {
	case 0:
		return store_pause(
		    f->store, api, p->now_boot + (int64_t)(r >> 8) % 90);
	case 1:
		return store_suspend(f->store, api, p->now_ms);
	case 2:
	case 3:
	case 4:
		return store_suspend(f->store, api, 0);
	default:
		err = store_take_call(f->store, api, p->now_boot, &due);
		job->version = due;
		return err;
	}
}

static enum err one_step(
    struct pair_of_stores *p, struct fixture *f, uint64_t r, struct job *job)
{
	const size_t api = (r >> 3) % API_COUNT;
	const uint32_t number = (r >> 6) % 120;
	struct store_ask ask = fixture_ask((uint8_t)(r >> 20) | 1);
	size_t changed = 0;
	int64_t due = 0;
	enum err err;

	*job = fixture_job(api, number);
	switch (r % 6) {
	case 0:
		memset(job->owner, (int)(r >> 40) % 3, sizeof(job->owner));
		memset(job->quota, (int)(r >> 40) % 3, sizeof(job->quota));
		memset(job->resource, (int)(r >> 44) % 40 % 9,
		    sizeof(job->resource));
		job->accepted_ms = p->now_ms;
		job->deadline_boot = p->now_boot + 400;
		return store_accept(
		    f->store, api, job, STR("request"), STR("meta"));
	case 1:
		ask.now_ms = p->now_ms;
		ask.now_boot = p->now_boot;
		ask.lease_boot = p->now_boot + 60;
		err = store_claim(f->store, api, &ask, job, &due);
		job->version += due; /* so that it is compared as well */
		return err;
	case 2:
		err = store_get(f->store, api, job_key(job), job);
		if (err)
			return err;
		struct job_event event = random_event(p, job, r >> 10);
		if (event.kind == JOB_EVENT_RENEW && (r >> 50) % 2)
			return store_renew(
			    f->store, api, job, &event, STR("renewed"));
		return store_change(f->store, api, job, &event, STR("result"));
	case 3:
		err = store_get(f->store, api, job_key(job), job);
		if (err)
			return err;
		struct job_event told = random_event(p, job, r >> 10);
		told.kind =
		    (r >> 40) % 3 ? JOB_EVENT_HEARTBEAT : JOB_EVENT_POLL;
		return store_tell(f->store, api, job, &told,
		    (r >> 44) % 4 ? STR("note") : nothing);
	case 4:
		return pace_step(p, f, r >> 10, job);
	default:
		err = store_recover(
		    f->store, api, p->now_ms, p->now_boot, 5, &changed);
		job->version = (int64_t)changed;
		return err;
	}
}

static bool append_job(void *ctx, const struct job *job)
{
	buf_put(ctx, job->id, sizeof(job->id));
	buf_printf(ctx, " %d %d %lld %d %d %d %d %lld %lld %lld %d %d %lld\n",
	    job->state, job->reason, (long long)job->version, job->attempt,
	    job->released, job->progress, job->sent, (long long)job->lease_boot,
	    (long long)job->not_before_boot, (long long)job->gone_ms,
	    job->needs, job->renewed, (long long)job->read_ms);
	buf_printf(ctx, "%d %d %d %lld\n", job->held, job->polled, job->rank,
	    (long long)job->deadline_boot);
	buf_put(ctx, job->quota, sizeof(job->quota));
	buf_put(ctx, job->resource, sizeof(job->resource));
	return true;
}

/* What is answered from many rows. */
static void dump_answers(struct fixture *f, size_t api, struct buf *out)
{
	uint8_t who[JOB_OWNER_BYTES];
	int64_t ms[STORE_SAMPLES], sum = 0, version;
	struct crowd crowd;
	struct job job;
	size_t n;

	OK(store_version(f->store, &version));
	for (uint8_t owner = 1; owner < 3; owner++) {
		memset(who, owner, sizeof(who));
		OK(store_owned(
		    f->store, api, who, version / 2, 9, append_job, out));
		OK(store_owned_since(
		    f->store, api, who, version / 2, 9, append_job, out));
		OK(store_crowd(f->store, api, who, NOW_MS + 300, &crowd));
		buf_printf(out, "%lld %lld %lld %lld %lld\n",
		    (long long)crowd.open, (long long)crowd.recent,
		    (long long)crowd.recent_first_ms, (long long)crowd.pending,
		    (long long)crowd.oldest_pending_ms);
	}
	for (uint8_t i = 1; i < 9; i++) {
		memset(who, i, sizeof(who));
		if (!store_holder(f->store, api, who, &job))
			append_job(out, &job);
	}
	OK(store_samples(f->store, api, ms, &n));
	for (size_t i = 0; i < n; i++)
		sum += ms[i];
	OK(store_runs(f->store, api, ms, &n));
	for (size_t i = 0; i < n; i++)
		sum += 3 * ms[i];
	buf_printf(out, "%zu %lld\n", n, (long long)sum);
}

static void dump_bodies(
    struct fixture *f, size_t api, uint32_t number, struct buf *out)
{
	struct job job = fixture_job(api, number);

	if (store_get(f->store, api, job_key(&job), &job))
		return;
	for (int kind = 0; kind < BODY_KINDS; kind++) {
		struct str got = {0};
		(void)!store_body(f->store, &job, kind, &f->arena, &got);
		buf_printf(out, "%.*s,", STR_ARG(got));
	}
}

static bool append_change(
    void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	buf_put(ctx, key, JOB_KEY_BYTES);
	buf_printf(ctx, " %lld\n", (long long)version);
	return true;
}

static void dump(struct fixture *f, struct buf *out)
{
	int64_t version;

	OK(store_view(f->store));
	OK(store_version(f->store, &version));
	buf_printf(out, "%lld\n", (long long)version);
	for (size_t api = 0; api < API_COUNT; api++)
		OK(store_changed(
		    f->store, api, version / 3, 0, append_change, out));
	for (size_t api = 0; api < API_COUNT; api++) {
		struct store_stats s;
		OK(store_list(f->store, api, 0, append_job, out));
		OK(store_stats(f->store, api, &s));
		for (int i = 0; i < JOB_STATES; i++)
			buf_printf(out, "%lld ", (long long)s.count[i]);
		buf_printf(out, "%lld %lld %lld\n",
		    (long long)s.oldest_pending_ms, (long long)s.needing,
		    (long long)s.held);
		dump_answers(f, api, out);
		for (uint32_t n = 0; n < 120; n++)
			dump_bodies(f, api, n, out);
	}
	store_unview(f->store);
}

static void compare(struct pair_of_stores *p)
{
	struct buf a = {0}, b = {0};

	dump(&p->a, &a);
	dump(&p->b, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	buf_release(&a);
	buf_release(&b);
}

/* What time does to both; true when that was something. */
static bool tend_both(struct pair_of_stores *p)
{
	const struct store_now now = {.ms = p->now_ms, .boot = p->now_boot};
	struct store_tended a, b;
	int64_t due_a, due_b;

	OK(store_tend(p->a.store, now, &a, &due_a));
	OK(store_tend(p->b.store, now, &b, &due_b));
	assert_int_equal(a.emptied, b.emptied);
	assert_int_equal(a.deleted, b.deleted);
	assert_int_equal(due_a, due_b);
	return a.emptied && a.deleted;
}

static void bound(struct fixture *f)
{
	static struct upstream upstream = {.name = {"up", 2},
	    .rate_count = 1,
	    .rate_per_ms = 1200,
	    .burst = 4};

	f->apis[API_RETRY].owner_open = 3;
	f->apis[API_RETRY].deadline_ms = 300;
	f->apis[API_WIDE].owner_rate_count = 3;
	f->apis[API_WIDE].owner_rate_per_ms = 9000;
	f->apis[API_FAIL].queue_max = 30;
	f->apis[API_FAIL].on_lost = ON_LOST_HOLD;
	f->apis[API_FAIL].deadline_ms = 300;
	f->apis[API_FAIL].upstream = f->apis[API_WIDE].upstream = STR("up");
	f->config.upstreams = &upstream;
	f->config.n_upstreams = 1;
}

static void memory_and_sqlite_agree(void **state)
{
	static struct pair_of_stores p;
	int agreed = 0, tended = 0, refused[ERR_COUNT] = {0};

	(void)state;
	p.now_ms = NOW_MS;
	p.now_boot = NOW_BOOT;
	p.seed = 0x510e527fade682d1u;
	fixture_init(&p.a, &store_memory);
	fixture_init(&p.b, &store_sqlite);
	p.a.spec.limits.tombstone_ms = p.b.spec.limits.tombstone_ms = 3000;
	bound(&p.a);
	bound(&p.b);
	fixture_open(&p.a);
	fixture_open(&p.b);
	for (int transaction = 0; transaction < 450; transaction++) {
		OK(store_begin(p.a.store));
		OK(store_begin(p.b.store));
		for (int step = 0; step < 10; step++) {
			uint64_t r = fixture_random(&p.seed);
			struct job a, b;
			enum err ea = one_step(&p, &p.a, r, &a);
			enum err eb = one_step(&p, &p.b, r, &b);
			assert_int_equal(ea, eb);
			assert_int_equal(a.version, b.version);
			assert_int_equal(a.state, b.state);
			p.now_ms += (int64_t)(r >> 58);
			p.now_boot += (int64_t)(r >> 58);
			agreed += !ea;
			refused[ea]++;
		}
		if (fixture_random(&p.seed) % 4) {
			OK(store_commit(p.a.store));
			OK(store_commit(p.b.store));
		} else {
			store_rollback(p.a.store);
			store_rollback(p.b.store);
		}
		if (transaction % 5 == 0)
			tended += tend_both(&p);
		if (transaction % 20 == 0)
			compare(&p);
	}
	compare(&p);
	assert_true(agreed > 1000);
	print_message("# taken %d, limit %d, crowded %d, again %d\n",
	    refused[ERR_TAKEN], refused[ERR_LIMIT], refused[ERR_CROWDED],
	    refused[ERR_AGAIN]);
	assert_true(refused[ERR_TAKEN] > 20);
	assert_true(refused[ERR_LIMIT] > 20);
	assert_true(refused[ERR_CROWDED] > 20);
	assert_true(refused[ERR_AGAIN] > 20);
	assert_true(tended > 5);
	fixture_end(&p.a);
	fixture_end(&p.b);
}

/* ---- the two runs ------------------------------------------------------ */

static const struct contract contract[] = {
    T(an_accepted_job_is_there),
    T(what_is_not_there_is_not_found),
    T(a_taken_key_gives_the_row_that_is_there),
    T(equal_keys_of_two_apis_stay_apart),
    T(bodies_of_any_size_but_too_large),
    T(jobs_are_claimed_in_the_order_of_arrival),
    T(a_claim_is_a_lease_and_marks_it_sent),
    T(never_more_than_concurrency_run),
    T(a_place_is_free_at_once),
    T(finish_and_claim_are_one_transaction),
    T(back_off_is_waited_for),
    T(a_late_job_ends_instead_of_starting),
    T(many_late_jobs_end_in_slices),
    T(what_is_due_next),
    T(an_ending_keeps_the_result_and_erases_the_request),
    T(a_refused_event_gives_the_row),
    T(a_heartbeat_is_not_seen),
    T(a_heartbeat_hears_of_the_cancellation),
    T(all_members_are_kept),
    T(lost_leases_come_home),
    T(passed_deadlines_come_home),
    T(a_step_of_the_wall_clock_ends_nothing),
    T(a_rollback_leaves_nothing),
    T(versions_are_one_counter),
    T(lists_run_newest_first),
    T(stats_count_and_find_the_oldest),
    T(changes_come_in_order_of_version),
    T(a_change_moves_a_job_to_the_end),
    T(a_rollback_is_no_change),
    T(bells_say_what_happened),
};

int main(void)
{
	static const struct CMUnitTest last =
	    cmocka_unit_test(memory_and_sqlite_agree);

	return both_run("contract", contract,
	    sizeof(contract) / sizeof(*contract), &last, 1);
}
