#include "tests/store/both.h"

/*
 * Jobs that an operator decides on, jobs that an upstream works on, what they
 * say of themselves meanwhile, and in which order those that wait are taken:
 * over every back end.
 */

static struct job held_one(struct fixture *f, uint32_t number)
{
	f->apis[API_FAIL].on_lost = ON_LOST_HOLD;
	f->apis[API_FAIL].deadline_ms = 9000;
	accept_jobs(f, API_FAIL, number, number);
	struct job job = claim_one(f, API_FAIL, 1);
	struct job_event broken = fixture_event(&job, JOB_EVENT_BROKEN);
	change(f, API_FAIL, &job, &broken);
	assert_true(job.held);
	return job;
}

static size_t recover(struct fixture *f, size_t api, int64_t now_boot)
{
	size_t changed = 99;

	begin(f);
	OK(store_recover(f->store, api, NOW_MS, now_boot, 10, &changed));
	commit(f);
	return changed;
}

static struct store_stats stats_of(struct fixture *f, size_t api)
{
	struct store_stats stats;

	OK(store_view(f->store));
	OK(store_stats(f->store, api, &stats));
	store_unview(f->store);
	return stats;
}

/* ---- held -------------------------------------------------------------- */

static void a_held_job_takes_no_place_and_has_no_time(void **state)
{
	struct fixture *f = *state;
	struct job job = held_one(f, 1), row;

	row = row_of(f, API_FAIL, &job);
	assert_true(row.held);
	assert_int_equal(row.state, JOB_PROCESSING);
	assert_int_equal(row.lease_boot, 0);
	expect_body(f, &job, BODY_REQUEST, "sealed request");
	/* concurrency is 1, and nothing is due */
	assert_int_equal(claim_none(f, API_FAIL), 0);
	assert_int_equal(recover(f, API_FAIL, NOW_BOOT + 99999999), 0);
	accept_jobs(f, API_FAIL, 2, 3);
	struct job other = claim_one(f, API_FAIL, 2);
	claim_none(f, API_FAIL);
	struct job_event end = fixture_event(&other, JOB_EVENT_COMPLETE);
	change(f, API_FAIL, &other, &end);
	/* nor does one that was taken before it in the same transaction */
	struct store_ask a = fixture_ask(3);
	int64_t due;
	begin(f);
	OK(store_claim(f->store, API_FAIL, &a, &other, &due));
	struct job_event broken = fixture_event(&other, JOB_EVENT_BROKEN);
	OK(store_change(f->store, API_FAIL, &other, &broken, nothing));
	fixture_accept(f, API_FAIL, 4);
	OK(store_claim(f->store, API_FAIL, &a, &other, &due));
	commit(f);
	assert_int_equal(other.id[JOB_KEY_OFFSET], 4);
}

static void held_ones_are_counted(void **state)
{
	struct fixture *f = *state;
	struct job first = held_one(f, 1);

	held_one(f, 2);
	accept_jobs(f, API_FAIL, 3, 3);
	claim_one(f, API_FAIL, 2);
	struct store_stats stats = stats_of(f, API_FAIL);
	assert_int_equal(stats.count[JOB_PROCESSING], 3);
	assert_int_equal(stats.held, 2);
	struct job_event again = {.kind = JOB_EVENT_HELD_AGAIN,
	    .now_ms = NOW_MS,
	    .now_boot = NOW_BOOT};
	change(f, API_FAIL, &first, &again);
	stats = stats_of(f, API_FAIL);
	assert_int_equal(stats.count[JOB_PROCESSING], 2);
	assert_int_equal(stats.count[JOB_PENDING], 1);
	assert_int_equal(stats.held, 1);
	assert_int_equal(stats_of(f, API_WIDE).held, 0);
}

static void its_owner_may_ask_for_its_end(void **state)
{
	struct fixture *f = *state;
	struct job job = held_one(f, 1);
	const int64_t version = job.version;
	struct job_event cancel = {
	    .kind = JOB_EVENT_CANCEL, .now_ms = NOW_MS, .now_boot = NOW_BOOT};

	change(f, API_FAIL, &job, &cancel);
	assert_true(job.held);
	assert_true(job.version > version);
	struct job_event again = {.kind = JOB_EVENT_HELD_AGAIN,
	    .now_ms = NOW_MS,
	    .now_boot = NOW_BOOT};
	change(f, API_FAIL, &job, &again);
	assert_int_equal(job.state, JOB_CANCELLED);
	expect_no_body(f, &job, BODY_REQUEST);
	assert_int_equal(stats_of(f, API_FAIL).held, 0);
}

static void one_that_goes_again_has_a_deadline_and_rings(void **state)
{
	struct fixture *f = *state;
	struct job job = held_one(f, 1), row;
	struct job_event again = {.kind = JOB_EVENT_HELD_AGAIN,
	    .now_ms = NOW_MS + 500,
	    .now_boot = NOW_BOOT + 600};
	int bell;

	OK(store_watch(f->store, BELL_ACCEPTED, &bell));
	change(f, API_FAIL, &job, &again);
	assert_int_equal(store_heard(f->store, bell), BELL_ACCEPTED);
	row = row_of(f, API_FAIL, &job);
	assert_int_equal(row.state, JOB_PENDING);
	assert_false(row.held);
	assert_int_equal(row.deadline_ms, NOW_MS + 500 + 9000);
	assert_int_equal(row.deadline_boot, NOW_BOOT + 600 + 9000);
	/* the new one counts, also for those who look for late ones */
	assert_int_equal(recover(f, API_FAIL, NOW_BOOT + 9599), 0);
	assert_int_equal(recover(f, API_FAIL, NOW_BOOT + 9600), 1);
	assert_int_equal(row_of(f, API_FAIL, &job).reason, REASON_DEADLINE);
}

static void an_operator_ends_it_with_a_result(void **state)
{
	struct fixture *f = *state;
	struct job job = held_one(f, 1);
	struct job_event done = {.kind = JOB_EVENT_HELD_COMPLETE,
	    .now_ms = NOW_MS,
	    .now_boot = NOW_BOOT};

	begin(f);
	OK(store_change(f->store, API_FAIL, &job, &done, STR("his word")));
	commit(f);
	assert_int_equal(job.state, JOB_COMPLETED);
	assert_int_equal(job.status, 200);
	expect_body(f, &job, BODY_RESULT, "his word");
	expect_no_body(f, &job, BODY_REQUEST);
	/* how long it took is nothing that others could expect */
	int64_t ms[STORE_SAMPLES];
	size_t n = 9;
	OK(store_view(f->store));
	OK(store_samples(f->store, API_FAIL, ms, &n));
	store_unview(f->store);
	assert_int_equal(n, 0);
}

/* ---- what a job says of itself ----------------------------------------- */

static enum err tell(struct fixture *f, size_t api, struct job *job,
    enum job_event_kind kind, int progress, struct str note)
{
	struct job_event event = fixture_event(job, kind);

	event.progress = progress;
	begin(f);
	enum err err = store_tell(f->store, api, job, &event, note);
	commit(f);
	return err;
}

static void what_is_told_is_seen(void **state)
{
	struct fixture *f = *state;
	int bell;

	accept_jobs(f, API_WIDE, 1, 2);
	struct job job = claim_one(f, API_WIDE, 1);
	const int64_t version = job.version;
	OK(store_watch(f->store, BELL_SETTLED, &bell));
	OK(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 20, STR("one")));
	assert_true(job.version > version);
	assert_int_equal(job.progress, 20);
	assert_int_equal(store_heard(f->store, bell), BELL_SETTLED);
	expect_body(f, &job, BODY_NOTE, "one");
	/* other words at the same progress, and a lease that does not move */
	const int64_t then = job.version;
	OK(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 20, STR("two")));
	assert_true(job.version > then);
	assert_int_equal(store_heard(f->store, bell), BELL_SETTLED);
	expect_body(f, &job, BODY_NOTE, "two");
	expect_body(f, &job, BODY_REQUEST, "sealed request");
	struct job row = row_of(f, API_WIDE, &job);
	assert_int_equal(row.version, job.version);
	/* nothing to say: a heartbeat as any other */
	OK(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 20, nothing));
	assert_int_equal(job.version, row.version);
	assert_int_equal(store_heard(f->store, bell), 0);
	expect_body(f, &job, BODY_NOTE, "two");
}

static void a_late_worker_says_nothing(void **state)
{
	struct fixture *f = *state;

	accept_jobs(f, API_WIDE, 1, 1);
	struct job job = claim_one(f, API_WIDE, 1), late = job;
	struct job_event release = fixture_event(&job, JOB_EVENT_RELEASE);
	change(f, API_WIDE, &job, &release);
	late.version = 0;
	assert_int_equal(
	    tell(f, API_WIDE, &late, JOB_EVENT_HEARTBEAT, 9, STR("late")),
	    ERR_CONFLICT);
	claim_one(f, API_WIDE, 2);
	late = job;
	late.attempt = 1;
	memset(late.claim, 1, sizeof(late.claim));
	assert_int_equal(
	    tell(f, API_WIDE, &late, JOB_EVENT_POLL, 9, STR("late")),
	    ERR_STALE);
	expect_no_body(f, &job, BODY_NOTE);
	assert_false(row_of(f, API_WIDE, &job).polled);
}

static void a_note_has_its_bounds(void **state)
{
	struct fixture *f = *state;
	char *large = calloc(1, STORE_BODY_MAX + 1);

	assert_non_null(large);
	accept_jobs(f, API_WIDE, 1, 1);
	struct job job = claim_one(f, API_WIDE, 1);
	assert_int_equal(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 9,
			     (struct str){large, STORE_BODY_MAX + 1}),
	    ERR_TOO_LARGE);
	assert_int_equal(row_of(f, API_WIDE, &job).progress, 0);
	free(large);
}

/* What the next worker needs to go on is there, until there is an end. */
static void a_polled_job_keeps_its_note_until_it_ends(void **state)
{
	static const enum job_event_kind back[] = {
	    JOB_EVENT_RELEASE, JOB_EVENT_BROKEN, JOB_EVENT_RETRY};
	struct fixture *f = *state;

	accept_jobs(f, API_FAIL, 1, 1);
	struct job job = claim_one(f, API_FAIL, 1);
	OK(tell(f, API_FAIL, &job, JOB_EVENT_POLL, 10, STR("there")));
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
		struct job_event event = fixture_event(&job, back[i]);
		change(f, API_FAIL, &job, &event);
		struct job row = row_of(f, API_FAIL, &job);
		assert_int_equal(row.state, JOB_PENDING);
		assert_true(row.polled);
		assert_true(row.sent);
		expect_body(f, &job, BODY_NOTE, "there");
		job = claim_one(f, API_FAIL, 2);
		assert_true(job.polled);
		expect_body(f, &job, BODY_NOTE, "there");
	}
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	begin(f);
	OK(store_change(f->store, API_FAIL, &job, &end, STR("result")));
	commit(f);
	expect_no_body(f, &job, BODY_NOTE);
	expect_no_body(f, &job, BODY_REQUEST);
	expect_body(f, &job, BODY_RESULT, "result");
	expect_body(f, &job, BODY_META, "sealed meta");
}

static void every_end_erases_the_note(void **state)
{
	struct fixture *f = *state;

	accept_jobs(f, API_WIDE, 1, 2);
	/* a failure */
	struct job job = claim_one(f, API_WIDE, 1);
	OK(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 1, STR("n")));
	struct job_event fail = fixture_event(&job, JOB_EVENT_FAIL);
	change(f, API_WIDE, &job, &fail);
	expect_no_body(f, &job, BODY_NOTE);
	/* a deadline */
	job = claim_one(f, API_WIDE, 1);
	OK(tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT, 1, STR("n")));
	while (recover(f, API_WIDE, NOW_BOOT + 60000))
		;
	assert_true(job_is_terminal(row_of(f, API_WIDE, &job).state));
	expect_no_body(f, &job, BODY_NOTE);
	/* an operator */
	job = held_one(f, 7);
	struct job_event failed = {.kind = JOB_EVENT_HELD_FAIL};
	change(f, API_FAIL, &job, &failed);
	expect_no_body(f, &job, BODY_NOTE);
}

static void one_that_goes_again_has_nothing_to_say_yet(void **state)
{
	struct fixture *f = *state;
	struct job_event again = {.kind = JOB_EVENT_HELD_AGAIN,
	    .now_ms = NOW_MS,
	    .now_boot = NOW_BOOT};

	f->apis[API_FAIL].on_lost = ON_LOST_HOLD;
	f->apis[API_FAIL].attempts = 1;
	accept_jobs(f, API_FAIL, 1, 1);
	struct job job = claim_one(f, API_FAIL, 1);
	OK(tell(f, API_FAIL, &job, JOB_EVENT_POLL, 50, STR("there")));
	struct job_event broken = fixture_event(&job, JOB_EVENT_BROKEN);
	change(f, API_FAIL, &job, &broken);
	assert_true(job.held);
	expect_body(f, &job, BODY_NOTE, "there");
	change(f, API_FAIL, &job, &again);
	expect_no_body(f, &job, BODY_NOTE);
	expect_body(f, &job, BODY_REQUEST, "sealed request");
	job = claim_one(f, API_FAIL, 1);
	assert_false(job.polled);
	assert_int_equal(job.progress, 0);
}

/* ---- whose turn it is -------------------------------------------------- */

static struct job accept_of(struct fixture *f, size_t api, uint32_t number,
    uint8_t owner, uint8_t quota)
{
	struct job job = fixture_job(api, number);

	memset(job.owner, owner, sizeof(job.owner));
	memset(job.quota, quota, sizeof(job.quota));
	OK(store_accept(f->store, api, &job, STR("request"), nothing));
	return job;
}

static void ones_thousand_do_not_keep_another_waiting(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (uint32_t i = 1; i <= 1000; i++)
		accept_of(f, API_WIDE, i, 1, 0);
	for (uint32_t i = 1; i <= 1000; i++)
		accept_of(f, API_RETRY, i, i % 2 ? 1 : 3, 1);
	accept_of(f, API_WIDE, 2001, 2, 0);
	accept_of(f, API_WIDE, 2002, 2, 0);
	accept_of(f, API_RETRY, 2001, 2, 2);
	commit(f);
	assert_int_equal(claim_one(f, API_WIDE, 1).accepted_ms, NOW_MS + 1);
	assert_int_equal(claim_one(f, API_WIDE, 1).accepted_ms, NOW_MS + 2001);
	assert_int_equal(claim_one(f, API_WIDE, 1).accepted_ms, NOW_MS + 2);
	assert_int_equal(claim_one(f, API_WIDE, 1).accepted_ms, NOW_MS + 2002);
	/* where there is a quota, it tells whose they are */
	struct job job = claim_one(f, API_RETRY, 1);
	assert_int_equal(job.accepted_ms, NOW_MS + 1);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_RETRY, &job, &end);
	assert_int_equal(claim_one(f, API_RETRY, 1).accepted_ms, NOW_MS + 2001);
}

static void ranks_count_what_is_open(void **state)
{
	struct fixture *f = *state;
	struct job job;

	begin(f);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(accept_of(f, API_WIDE, i, 1, 0).rank, i - 1);
	assert_int_equal(accept_of(f, API_WIDE, 4, 2, 0).rank, 0);
	/* of nobody: all come as they arrive */
	assert_int_equal(accept_of(f, API_WIDE, 5, 0, 0).rank, 0);
	assert_int_equal(accept_of(f, API_WIDE, 6, 0, 0).rank, 0);
	/* nobody from one address */
	assert_int_equal(accept_of(f, API_WIDE, 7, 0, 9).rank, 0);
	assert_int_equal(accept_of(f, API_WIDE, 8, 0, 9).rank, 1);
	/* another API is another queue */
	assert_int_equal(accept_of(f, API_RETRY, 1, 1, 0).rank, 0);
	commit(f);
	job = claim_one(f, API_WIDE, 1); /* running is open as well */
	begin(f);
	assert_int_equal(accept_of(f, API_WIDE, 9, 1, 0).rank, 3);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	OK(store_change(f->store, API_WIDE, &job, &end, nothing));
	assert_int_equal(accept_of(f, API_WIDE, 10, 1, 0).rank, 3);
	commit(f);
	job = fixture_job(API_WIDE, 10);
	assert_int_equal(row_of(f, API_WIDE, &job).rank, 3);
}

static void ranks_end_somewhere(void **state)
{
	struct fixture *f = *state;
	struct job job = {0};

	begin(f);
	for (uint32_t i = 1; i <= JOB_RANK_MAX + 3; i++)
		job = accept_of(f, API_WIDE, i, 1, 0);
	commit(f);
	assert_int_equal(job.rank, JOB_RANK_MAX);
}

static void equal_ranks_go_by_arrival(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (uint32_t i = 5; i > 0; i--)
		accept_of(f, API_WIDE, i, (uint8_t)i, 0);
	for (uint32_t i = 10; i > 5; i--)
		accept_of(f, API_WIDE, i, (uint8_t)(i - 5), 0);
	commit(f);
	static const int64_t order[] = {5, 4, 3, 2};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    claim_one(f, API_WIDE, 1).accepted_ms, NOW_MS + order[i]);
}

/* Back-off over, it stands where it stood, not behind those who came since. */
static void who_waited_for_a_time_has_his_place_again(void **state)
{
	struct fixture *f = *state;

	accept_jobs(f, API_RETRY, 1, 1);
	struct job job = claim_one(f, API_RETRY, 1);
	struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
	retry.not_before_boot = NOW_BOOT + 500;
	change(f, API_RETRY, &job, &retry);
	begin(f);
	for (uint32_t i = 2; i <= 4; i++)
		fixture_accept(f, API_RETRY, i);
	commit(f);
	job = claim_one(f, API_RETRY, 1);
	assert_int_equal(job.accepted_ms, NOW_MS + 2);
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	change(f, API_RETRY, &job, &end);
	struct store_ask later = fixture_ask(1);
	int64_t due;
	later.now_boot = NOW_BOOT + 500;
	begin(f);
	OK(store_claim(f->store, API_RETRY, &later, &job, &due));
	commit(f);
	assert_int_equal(job.accepted_ms, NOW_MS + 1);
}

/* In one transaction as well: nothing of a claim's look is out of date. */
static void a_time_that_is_over_at_once_is_seen_at_once(void **state)
{
	struct fixture *f = *state;
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;

	a.now_boot = NOW_BOOT + 1000;
	accept_jobs(f, API_RETRY, 1, 1);
	begin(f);
	OK(store_claim(f->store, API_RETRY, &a, &job, &due));
	struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
	retry.not_before_boot = NOW_BOOT + 1000;
	OK(store_change(f->store, API_RETRY, &job, &retry, nothing));
	OK(store_claim(f->store, API_RETRY, &a, &job, &due));
	commit(f);
	assert_int_equal(job.attempt, 2);
}

static void many_whose_time_is_over_are_all_taken(void **state)
{
	struct fixture *f = *state;
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;

	f->apis[API_WIDE].concurrency = 10000;
	begin(f);
	for (uint32_t i = 1; i <= 600; i++)
		fixture_accept(f, API_WIDE, i);
	for (uint32_t i = 1; i <= 600; i++) {
		OK(store_claim(f->store, API_WIDE, &a, &job, &due));
		struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
		retry.not_before_boot = NOW_BOOT + 1000 + i % 7;
		OK(store_change(f->store, API_WIDE, &job, &retry, nothing));
	}
	assert_int_equal(
	    store_claim(f->store, API_WIDE, &a, &job, &due), ERR_NOT_FOUND);
	assert_int_equal(due, NOW_BOOT + 1000);
	commit(f);
	a.now_boot = NOW_BOOT + 2000;
	begin(f);
	for (uint32_t i = 1; i <= 600; i++)
		OK(store_claim(f->store, API_WIDE, &a, &job, &due));
	assert_int_equal(
	    store_claim(f->store, API_WIDE, &a, &job, &due), ERR_NOT_FOUND);
	commit(f);
}

static const struct contract contract[] = {
    T(a_held_job_takes_no_place_and_has_no_time),
    T(held_ones_are_counted),
    T(its_owner_may_ask_for_its_end),
    T(one_that_goes_again_has_a_deadline_and_rings),
    T(an_operator_ends_it_with_a_result),
    T(what_is_told_is_seen),
    T(a_late_worker_says_nothing),
    T(a_note_has_its_bounds),
    T(a_polled_job_keeps_its_note_until_it_ends),
    T(every_end_erases_the_note),
    T(one_that_goes_again_has_nothing_to_say_yet),
    T(ones_thousand_do_not_keep_another_waiting),
    T(ranks_count_what_is_open),
    T(ranks_end_somewhere),
    T(equal_ranks_go_by_arrival),
    T(who_waited_for_a_time_has_his_place_again),
    T(a_time_that_is_over_at_once_is_seen_at_once),
    T(many_whose_time_is_over_are_all_taken),
};

int main(void)
{
	return both_run(
	    "held", contract, sizeof(contract) / sizeof(*contract), NULL, 0);
}
