#include "tests/store/children.h"

#include "cgi/store/clock-guard.h"

/*
 * What time does to a store, over every back end: bodies go when the TTL is
 * over, tombstones later, and nothing while the clocks disagree. Time is a
 * parameter here as everywhere.
 */
#define TTL 1000    /* of all three APIs */
#define KEEP 100000 /* of tombstones */
#define MINUTE 60000
#define DAY 86400000

/* The back end under test, with its commits counted, or failing. */
static const struct store_ops *under;
static struct store_ops ops;
static int commits, commits_to_fail, tends;

static enum err commit_counted(void *backend, unsigned bells)
{
	if (commits_to_fail) {
		commits_to_fail--;
		under->rollback(backend);
		return ERR_FULL;
	}
	commits++;
	return under->commit(backend, bells);
}

static enum err tend_counted(void *backend, struct store_now now)
{
	tends++;
	return under->tend(backend, now);
}

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	under = *state;
	ops = *under;
	ops.commit = commit_counted;
	ops.tend = tend_counted;
	commits = commits_to_fail = tends = 0;
	fixture_init(f, &ops);
	f->spec.limits.tombstone_ms = KEEP;
	f->spec.limits.erase_ms = -1;	       /* that is told in test-disk.c */
	f->spec.limits.free_bytes = INT64_MAX; /* and that */
	f->spec.boot = "boot one";
	f->spec.now = (struct store_now){.ms = NOW_MS, .boot = NOW_BOOT};
	fixture_open(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

static bool forgets(const struct fixture *f) /* all of it, at close */
{
	return !strcmp(f->ops->name, "memory");
}

static void reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_open(f);
}

/* Both clocks so long after the start; the wall clock `step` beside it. */
static struct store_now at(int64_t ms, int64_t step)
{
	return (struct store_now){
	    .ms = NOW_MS + ms + step, .boot = NOW_BOOT + ms};
}

static struct store_tended tend_at(
    struct fixture *f, struct store_now now, int64_t *due_boot)
{
	struct store_tended report;
	int64_t due = -1;

	OK(store_tend(f->store, now, &report, &due));
	assert_int_equal(store_due_boot(f->store), due);
	if (due_boot)
		*due_boot = due;
	return report;
}

/* The next time something is due, since the start; -1 = never. */
static int64_t tend(
    struct fixture *f, int64_t ms, size_t emptied, size_t deleted)
{
	int64_t due;
	struct store_tended r = tend_at(f, at(ms, 0), &due);

	assert_int_equal(r.emptied, emptied);
	assert_int_equal(r.deleted, deleted);
	assert_false(r.clock_stopped);
	assert_false(r.clock_changed);
	return due ? due - NOW_BOOT : -1;
}

static struct job accept_one(struct fixture *f, size_t api, uint32_t number)
{
	OK(store_begin(f->store));
	struct job job = fixture_accept(f, api, number);
	OK(store_commit(f->store));
	return job;
}

static void cancel_at(
    struct fixture *f, size_t api, struct job *job, struct store_now now)
{
	struct job_event event = {
	    .kind = JOB_EVENT_CANCEL, .now_ms = now.ms, .now_boot = now.boot};

	OK(store_change(f->store, api, job, &event, STR("sealed result")));
}

/* Accepted and ended at once, with a result. */
static struct job end_one(
    struct fixture *f, size_t api, uint32_t number, struct store_now now)
{
	OK(store_begin(f->store));
	struct job job = fixture_accept(f, api, number);
	cancel_at(f, api, &job, now);
	OK(store_commit(f->store));
	return job;
}

static enum err row_of(struct fixture *f, size_t api, struct job *job)
{
	OK(store_view(f->store));
	enum err err = store_get(f->store, api, job_key(job), job);
	store_unview(f->store);
	return err;
}

static size_t bodies_of(struct fixture *f, const struct job *job)
{
	size_t n = 0;
	struct str got;

	OK(store_view(f->store));
	for (int kind = 0; kind < BODY_KINDS; kind++)
		n += !store_body(
		    f->store, job, (enum body_kind)kind, &f->arena, &got);
	store_unview(f->store);
	return n;
}

static void expect_kept(struct fixture *f, size_t api, struct job *job)
{
	OK(row_of(f, api, job));
	assert_int_equal(job->gone_ms, 0);
	assert_int_equal(bodies_of(f, job), 2);
}

static void expect_gone(
    struct fixture *f, size_t api, struct job *job, int64_t ms)
{
	OK(row_of(f, api, job));
	assert_int_equal(job->gone_ms, NOW_MS + ms);
	assert_int_equal(bodies_of(f, job), 0);
	assert_true(job_is_expired(job, &f->apis[api], 0));
}

/* ---- two sweeps -------------------------------------------------------- */

static void nothing_waits_for_time(void **state)
{
	struct fixture *f = *state;
	struct job job;

	assert_true(store_due_boot(f->store) > 0); /* once at the start */
	assert_int_equal(tend(f, 0, 0, 0), -1);
	job = accept_one(f, API_FAIL, 1);
	assert_int_equal(store_due_boot(f->store), 0);
	commits = 0;
	assert_int_equal(tend(f, 5, 0, 0), -1);
	assert_int_equal(tend(f, 50 * MINUTE, 0, 0), -1);
	assert_int_equal(commits, 0); /* and nothing is written for it */
	OK(row_of(f, API_FAIL, &job));
}

static void a_job_is_emptied_and_then_deleted(void **state)
{
	struct fixture *f = *state;
	struct job job, before;

	tend(f, 0, 0, 0);
	job = before = end_one(f, API_RETRY, 1, at(50, 0));
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 50 + TTL);
	assert_int_equal(tend(f, 60, 0, 0), 50 + TTL);
	assert_int_equal(tend(f, 50 + TTL - 1, 0, 0), 50 + TTL);
	expect_kept(f, API_RETRY, &job);
	assert_int_equal(tend(f, 50 + TTL, 1, 0), 50 + TTL + KEEP);
	expect_gone(f, API_RETRY, &job, 50 + TTL);
	assert_int_equal(job.version, before.version);
	assert_int_equal(job.state, JOB_CANCELLED);
	assert_int_equal(job.ended_ms, before.ended_ms);
	assert_memory_equal(job.print, before.print, sizeof(job.print));
	assert_int_equal(tend(f, 50 + TTL + KEEP - 1, 0, 0), 50 + TTL + KEEP);
	expect_gone(f, API_RETRY, &job, 50 + TTL);
	assert_int_equal(tend(f, 50 + TTL + KEEP, 0, 1), -1);
	assert_int_equal(row_of(f, API_RETRY, &job), ERR_NOT_FOUND);
}

static void a_name_that_was_used_is_known(void **state)
{
	struct fixture *f = *state;
	struct job job = end_one(f, API_FAIL, 1, at(0, 0)), again;
	struct job_event event = {.kind = JOB_EVENT_CANCEL, .now_ms = NOW_MS};
	struct store_stats stats;

	tend(f, TTL, 1, 0);
	again = fixture_job(API_FAIL, 1);
	OK(store_begin(f->store));
	assert_int_equal(
	    store_accept(f->store, API_FAIL, &again, STR("r"), STR("m")),
	    ERR_CONFLICT);
	assert_true(again.gone_ms > 0);
	assert_int_equal(
	    store_change(f->store, API_FAIL, &again, &event, STR("x")),
	    ERR_CONFLICT);
	OK(store_commit(f->store));
	expect_gone(f, API_FAIL, &job, TTL);
	OK(store_view(f->store));
	OK(store_stats(f->store, API_FAIL, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_CANCELLED], 1);

	tend(f, TTL + KEEP, 0, 1); /* and in the end it is forgotten */
	OK(store_view(f->store));
	OK(store_stats(f->store, API_FAIL, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_CANCELLED], 0);
	again = fixture_job(API_FAIL, 1);
	OK(store_begin(f->store));
	OK(store_accept(f->store, API_FAIL, &again, STR("r"), STR("m")));
	OK(store_commit(f->store));
	assert_int_equal(again.gone_ms, 0);
	assert_int_equal(bodies_of(f, &again), 2);
}

/* The cursor passes an open row; that it ends behind it is not missed. */
static void open_jobs_are_passed_and_not_lost(void **state)
{
	struct fixture *f = *state;
	struct job open = accept_one(f, API_WIDE, 1), ended[3];

	for (uint32_t i = 0; i < 3; i++)
		ended[i] = end_one(f, API_WIDE, 10 + i, at(i, 0));
	tend(f, TTL + 2, 3, 0);
	tend(f, TTL + 2 + KEEP, 0, 3);
	expect_kept(f, API_WIDE, &open); /* however old */
	assert_int_equal(tend(f, 100 * KEEP, 0, 0), -1);
	OK(store_begin(f->store));
	cancel_at(f, API_WIDE, &open, at(100 * KEEP, 0));
	OK(store_commit(f->store));
	if (!forgets(f))
		reopen(f); /* the cursor stands where it stood */
	assert_int_equal(tend(f, 100 * KEEP + 1, 0, 0), 100 * KEEP + TTL);
	expect_kept(f, API_WIDE, &open);
	tend(f, 100 * KEEP + TTL, 1, 0);
	expect_gone(f, API_WIDE, &open, 100 * KEEP + TTL);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(row_of(f, API_WIDE, &ended[i]), ERR_NOT_FOUND);
}

static void the_first_of_all_apis_is_due(void **state)
{
	struct fixture *f = *state;

	f->apis[API_WIDE].ttl_ms = 100;
	tend(f, 0, 0, 0);
	end_one(f, API_FAIL, 1, at(10, 0));
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 10 + TTL);
	end_one(f, API_WIDE, 1, at(20, 0));
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 20 + 100);
	end_one(f, API_RETRY, 1, at(30, 0)); /* later: no news */
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 20 + 100);
	OK(store_begin(f->store)); /* nor is what was undone */
	struct job job = fixture_accept(f, API_WIDE, 2);
	cancel_at(f, API_WIDE, &job, at(1, 0));
	store_rollback(f->store);
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 20 + 100);
	assert_int_equal(tend(f, 120, 1, 0), 10 + TTL + 110);
	assert_int_equal(tend(f, 10 + TTL + 110, 2, 0), 120 + KEEP);
}

static void rows_that_end_one_by_one_are_gathered(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 10; i++)
		end_one(f, API_FAIL, i, at(i * 200, 0));
	tend(f, 0, 0, 0);
	commits = 0;
	assert_int_equal(tend(f, TTL, 1, 0), TTL + 1000);
	assert_int_equal(tend(f, TTL + 1000, 5, 0), TTL + 2000);
	tend(f, TTL + 2000, 4, 0);
	assert_int_equal(commits, 3);
}

static void many_are_swept_in_small_batches(void **state)
{
	struct fixture *f = *state;
	size_t emptied = 0, deleted = 0, calls = 0;
	int64_t due;

	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 1000; i++) {
		struct job job = fixture_accept(f, i % 2, i);
		if (i % 10)
			cancel_at(f, i % 2, &job, at(0, 0));
	}
	OK(store_commit(f->store));
	tend(f, 0, 0, 0);
	do {
		commits = 0;
		struct store_tended r = tend_at(f, at(TTL, 0), &due);
		emptied += r.emptied;
		assert_true(r.emptied <= 400);
		assert_in_range(commits, 1, 4);
		calls++;
	} while (due == at(TTL, 0).boot);
	assert_int_equal(emptied, 900);
	assert_in_range(calls, 3, 6);
	do {
		struct store_tended r = tend_at(f, at(TTL + KEEP, 0), &due);
		deleted += r.deleted;
	} while (due == at(TTL + KEEP, 0).boot);
	assert_int_equal(deleted, 900);
	assert_int_equal(due, 0);
}

static void large_bodies_make_smaller_batches(void **state)
{
	static char bytes[1024 * 1024];
	struct fixture *f = *state;
	int64_t due;

	for (uint32_t i = 0; i < 40; i++) {
		struct job job = fixture_job(API_FAIL, i);
		OK(store_begin(f->store));
		OK(store_accept(f->store, API_FAIL, &job, STR("r"),
		    (struct str){bytes, sizeof(bytes)}));
		cancel_at(f, API_FAIL, &job, at(0, 0));
		OK(store_commit(f->store));
	}
	tend(f, 0, 0, 0);
	commits = 0;
	struct store_tended r = tend_at(f, at(TTL, 0), &due);
	assert_int_equal(r.emptied, 4 * 8);
	assert_int_equal(commits, 4);
	assert_int_equal(due, at(TTL, 0).boot);
	r = tend_at(f, at(TTL, 0), &due);
	assert_int_equal(r.emptied, 8);
}

/* More open rows than one look takes lie before the one that ended. */
static void a_backlog_is_walked_in_stretches(void **state)
{
	struct fixture *f = *state;
	struct job job;
	int64_t due;
	int calls = 1;

	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 1000; i++)
		fixture_accept(f, API_FAIL, i);
	OK(store_commit(f->store));
	job = end_one(f, API_FAIL, 2000, at(0, 0));
	for (tend_at(f, at(1, 0), &due); due == at(1, 0).boot; calls++)
		tend_at(f, at(1, 0), &due);
	assert_int_equal(calls, 3);
	assert_int_equal(due, at(TTL, 0).boot);
	assert_int_equal(tend(f, TTL, 1, 0), TTL + KEEP);
	expect_gone(f, API_FAIL, &job, TTL);
}

static void a_failed_commit_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct job job = end_one(f, API_FAIL, 1, at(0, 0));
	struct store_tended report;
	int64_t due;

	tend(f, 0, 0, 0);
	commits_to_fail = 1;
	tends = 0;
	assert_int_equal(
	    store_tend(f->store, at(TTL, 0), &report, &due), ERR_FULL);
	assert_int_equal(tends, 1); /* who may make room */
	assert_int_equal(report.emptied, 0);
	assert_int_equal(due, NOW_BOOT + TTL + 1000);
	assert_int_equal(store_due_boot(f->store), due);
	expect_kept(f, API_FAIL, &job);
	tend(f, TTL + 1000, 1, 0);
	expect_gone(f, API_FAIL, &job, TTL + 1000);
}

static void an_api_that_left_keeps_its_rows(void **state)
{
	struct fixture *f = *state;
	struct job job = end_one(f, API_WIDE, 1, at(0, 0));

	f->config.n_apis = 2;
	reopen(f);
	assert_int_equal(tend(f, 9 * TTL, 0, 0), -1);
	f->config.n_apis = 3;
	reopen(f);
	expect_kept(f, API_WIDE, &job);
	tend(f, 10 * TTL, 1, 0);
}

static void sweepers_share_their_cursor(void **state)
{
	struct fixture *f = *state;
	struct store *other, *mine = f->store;

	OK(store_open(&ops, &f->spec, &f->diag, &other));
	for (uint32_t i = 0; i < 150; i++)
		end_one(f, API_FAIL, i, at(0, 0));
	tend(f, 0, 0, 0);
	f->store = other;
	tend(f, TTL, 150, 0);
	f->store = mine;
	tend(f, TTL, 0, 0);
	struct job late = end_one(f, API_FAIL, 999, at(TTL, 0));
	tend(f, 2 * TTL, 1, 0);
	f->store = other;
	tend(f, 2 * TTL + KEEP, 0, 151);
	assert_int_equal(row_of(f, API_FAIL, &late), ERR_NOT_FOUND);
	store_close(other);
	f->store = mine;
}

#define SWEEPERS 3
struct shared_tending {
	atomic_bool stop;
	atomic_uint emptied;
};

static void sweep_until_told(struct fixture *f, void *shared_memory)
{
	struct shared_tending *s = shared_memory;
	struct store_tended report;
	int64_t due;

	while (!atomic_load(&s->stop)) {
		enum err err = store_tend(f->store, at(TTL, 0), &report, &due);
		if (err != ERR_BUSY)
			CHILD_OK(err);
		atomic_fetch_add(&s->emptied, (unsigned)report.emptied);
		nap_us(300);
	}
}

/*
 * Others sweep while jobs end, also such that were passed when they were open,
 * and one of the sweepers is killed: each row that ended is emptied whole.
 */
static void processes_sweep_beside_a_writer(void **state)
{
	struct fixture *f = *state;
	struct shared_tending *s = shared(sizeof(*s));
	struct job open[100], job;
	pid_t pids[SWEEPERS];
	int64_t due;

	for (int i = 0; i < SWEEPERS; i++)
		pids[i] = child(sweep_until_told, f, s);
	for (uint32_t i = 0; i < 400; i++) {
		OK(store_begin(f->store));
		job = fixture_accept(f, API_FAIL, i);
		if (i % 4)
			cancel_at(f, API_FAIL, &job, at(0, 0));
		else
			open[i / 4] = job;
		if (i > 40 && i % 8 == 1)
			cancel_at(f, API_FAIL, &open[(i - 40) / 4], at(0, 0));
		OK(store_commit(f->store));
		while (i == 100 && !atomic_load(&s->emptied))
			nap_us(300); /* until they are at work */
		if (i == 200)
			kill_child(pids[0]);
	}
	atomic_store(&s->stop, true);
	for (int i = 1; i < SWEEPERS; i++)
		expect_child(pids[i]);
	do
		tend_at(f, at(TTL, 0), &due);
	while (due == at(TTL, 0).boot);
	print_message("# %u of them while jobs ended\n", s->emptied);
	for (uint32_t i = 0; i < 400; i++) {
		job = fixture_job(API_FAIL, i);
		OK(row_of(f, API_FAIL, &job));
		if (job_is_terminal(job.state))
			expect_gone(f, API_FAIL, &job, TTL);
		else
			expect_kept(f, API_FAIL, &job);
	}
	munmap(s, sizeof(*s));
}

/* ---- clocks ------------------------------------------------------------ */

/* Ended while the clock was ten years ahead: it holds up nobody. */
static void a_row_from_the_future_holds_up_nobody(void **state)
{
	const int64_t years = (int64_t)3650 * DAY;
	struct fixture *f = *state;
	struct job future, after, later;

	tend(f, 0, 0, 0);
	future = end_one(f, API_FAIL, 1, at(0, years));
	assert_int_equal(tend(f, 5, 0, 0), years + TTL);
	assert_int_equal(tend(f, TTL, 0, 0), years + TTL);
	expect_kept(f, API_FAIL, &future); /* nobody knows when it ended */
	after = end_one(f, API_FAIL, 2, at(TTL, 0));
	later = end_one(f, API_FAIL, 3, at(TTL + 500, 0));
	assert_int_equal(tend(f, TTL + 600, 0, 0), 2 * TTL);
	/* before `after`, at least */
	tend(f, 2 * TTL, 2, 0);
	expect_gone(f, API_FAIL, &future, 2 * TTL);
	expect_gone(f, API_FAIL, &after, 2 * TTL);
	expect_kept(f, API_FAIL, &later);
}

static void read_at(
    struct fixture *f, struct job *job, enum job_event_kind kind, int64_t ms)
{
	struct job_event event = {
	    .kind = kind, .now_ms = at(ms, 0).ms, .now_boot = at(ms, 0).boot};

	OK(store_begin(f->store));
	OK(store_change(f->store, API_FAIL, job, &event, (struct str){0}));
	OK(store_commit(f->store));
}

static struct job complete_at(struct fixture *f, uint32_t number, int64_t ms)
{
	struct store_ask ask = {.lease_boot = at(ms, 0).boot + LEASE_MS};
	struct job job;
	int64_t due;

	ask.now_ms = at(ms, 0).ms;
	ask.now_boot = at(ms, 0).boot;
	OK(store_begin(f->store));
	fixture_accept(f, API_FAIL, number);
	OK(store_claim(f->store, API_FAIL, &ask, &job, &due));
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	end.now_ms = at(ms, 0).ms;
	end.now_boot = at(ms, 0).boot;
	OK(store_change(f->store, API_FAIL, &job, &end, STR("result")));
	OK(store_commit(f->store));
	return job;
}

/* A reading moves a row behind others; it says nothing of these. */
static void a_row_that_was_read_is_emptied_behind_others(void **state)
{
	struct fixture *f = *state;
	struct job read, other, future;

	tend(f, 0, 0, 0);
	read = complete_at(f, 1, 10);
	future = end_one(f, API_FAIL, 2, at(500, DAY));
	other = end_one(f, API_FAIL, 3, at(500, 0));
	read_at(f, &read, JOB_EVENT_READ, 600);
	assert_true(read.version > other.version);
	tend(f, 10 + TTL, 0, 0); /* it is over, and has to wait for those */
	expect_kept(f, API_FAIL, &future);
	expect_kept(f, API_FAIL, &other);
	OK(row_of(f, API_FAIL, &read));
	assert_int_equal(read.gone_ms, 0);
	tend(f, 500 + TTL, 3, 0);
	expect_gone(f, API_FAIL, &future, 500 + TTL);
	expect_gone(f, API_FAIL, &other, 500 + TTL);
	expect_gone(f, API_FAIL, &read, 500 + TTL);
}

/* Nor does a reading of the first row prove that one of the future is over. */
static void a_reading_proves_nothing(void **state)
{
	struct fixture *f = *state;
	struct job read, future;

	tend(f, 0, 0, 0);
	read = complete_at(f, 1, 10);
	future = end_one(f, API_FAIL, 2, at(500, DAY));
	read_at(f, &read, JOB_EVENT_READ, 600);
	tend(f, 10 + TTL, 0, 0);
	expect_kept(f, API_FAIL, &future);
	end_one(f, API_FAIL, 3, at(11 + TTL, 0)); /* this one does */
	tend(f, 11 + 2 * TTL, 3, 0);
}

static void a_purged_row_is_a_tombstone_like_any(void **state)
{
	struct fixture *f = *state;
	struct job purged, other;

	tend(f, 0, 0, 0);
	purged = complete_at(f, 1, 10);
	other = end_one(f, API_FAIL, 2, at(20, 0));
	read_at(f, &purged, JOB_EVENT_PURGE, 50);
	expect_gone(f, API_FAIL, &purged, 50);
	tend(f, 60, 0, 0);
	expect_kept(f, API_FAIL, &other);
	tend(f, 20 + TTL, 1, 0); /* and is not emptied twice */
	expect_gone(f, API_FAIL, &purged, 50);
	tend(f, 50 + KEEP, 0, 1);
	assert_int_equal(row_of(f, API_FAIL, &purged), ERR_NOT_FOUND);
	expect_gone(f, API_FAIL, &other, 20 + TTL);
	tend(f, 20 + TTL + KEEP, 0, 1);
}

static void many_rows_from_the_future(void **state)
{
	struct fixture *f = *state;
	size_t emptied = 0;
	int64_t due;

	tend(f, 0, 0, 0);
	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 1500; i++) {
		struct job job = fixture_accept(f, API_FAIL, i);
		cancel_at(f, API_FAIL, &job, at(0, DAY));
	}
	OK(store_commit(f->store));
	do
		assert_int_equal(tend_at(f, at(1, 0), &due).emptied, 0);
	while (due == at(1, 0).boot);
	assert_int_equal(due, at(DAY + TTL, 0).boot);
	end_one(f, API_FAIL, 9999, at(10, 0));
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 10 + TTL);
	do
		emptied += tend_at(f, at(10 + TTL, 0), &due).emptied;
	while (due == at(10 + TTL, 0).boot);
	assert_int_equal(emptied, 1501);
}

static void a_step_of_the_wall_clock_stops_expiry(void **state)
{
	struct fixture *f = *state;
	struct job job = end_one(f, API_FAIL, 1, at(0, 0));
	struct store_tended r;
	int64_t due;

	tend(f, 0, 0, 0);
	r = tend_at(f, at(100, DAY), &due);
	assert_true(r.clock_stopped);
	assert_true(r.clock_changed);
	assert_int_equal(due, NOW_BOOT + 100 + CLOCK_AGREE_MS);
	if (!forgets(f)) {
		reopen(f); /* a restart does not forget it */
		r = tend_at(f, at(200, DAY), &due);
		assert_true(r.clock_stopped);
		assert_false(r.clock_changed);
		assert_int_equal(due, NOW_BOOT + 100 + CLOCK_AGREE_MS);
	}
	expect_kept(f, API_FAIL, &job);
	r = tend_at(f, at(9 * MINUTE, 0), &due); /* it is put right */
	assert_true(r.clock_stopped);
	assert_int_equal(due, NOW_BOOT + 9 * MINUTE + CLOCK_AGREE_MS);
	expect_kept(f, API_FAIL, &job);
	r = tend_at(f, at(19 * MINUTE, 0), &due);
	assert_false(r.clock_stopped);
	assert_true(r.clock_changed);
	assert_int_equal(r.emptied, 1);
}

static void an_operator_trusts_the_clock(void **state)
{
	struct fixture *f = *state;
	struct job job = end_one(f, API_FAIL, 1, at(0, 0));
	bool was_stopped = true;
	struct store_tended r;

	tend(f, 0, 0, 0);
	OK(store_trust_clock(f->store, at(1, 0), &was_stopped));
	assert_false(was_stopped);
	assert_true(tend_at(f, at(100, DAY), NULL).clock_stopped);
	OK(store_trust_clock(f->store, at(101, DAY), &was_stopped));
	assert_true(was_stopped);
	assert_int_equal(store_due_boot(f->store), NOW_BOOT + 101);
	r = tend_at(f, at(102, DAY), NULL);
	assert_false(r.clock_stopped);
	assert_int_equal(r.emptied, 1);
	OK(row_of(f, API_FAIL, &job));
	assert_true(job.gone_ms > 0);
}

static void a_reboot_into_the_past_stops_expiry(void **state)
{
	struct fixture *f = *state;
	struct store_tended r;
	int64_t due;

	end_one(f, API_FAIL, 1, at(0, 0));
	tend(f, 0, 0, 0);
	f->spec.boot = "boot two";
	f->spec.now = (struct store_now){.ms = NOW_MS + 50, .boot = 7};
	reopen(f); /* an hour off, or a minute: who knows */
	r = tend_at(f, f->spec.now, NULL);
	assert_false(r.clock_stopped);
	f->spec.boot = "boot three";
	f->spec.now = (struct store_now){.ms = NOW_MS - DAY, .boot = 7};
	reopen(f);
	r = tend_at(f, f->spec.now, &due);
	assert_true(r.clock_stopped);
	assert_true(r.clock_changed);
	assert_int_equal(due, 7 + CLOCK_AGREE_MS);
	f->spec.boot = "boot four"; /* and a boot that knows better */
	f->spec.now = (struct store_now){.ms = NOW_MS + 9 * TTL, .boot = 7};
	reopen(f);
	r = tend_at(f, f->spec.now, NULL);
	assert_false(r.clock_stopped);
	assert_true(r.clock_changed);
	assert_int_equal(r.emptied, 1);
}

/* ---- the runs ---------------------------------------------------------- */

static const struct contract {
	const char *name;
	CMUnitTestFunction test;
	bool reopens; /* not for a store that is gone once it is closed */
} contract[] = {
#define T(name)                                                                \
	{                                                                      \
#name, name, false                                             \
	}
#define LASTING(name)                                                          \
	{                                                                      \
#name, name, true                                              \
	}
    T(nothing_waits_for_time),
    T(a_job_is_emptied_and_then_deleted),
    T(a_name_that_was_used_is_known),
    T(open_jobs_are_passed_and_not_lost),
    T(the_first_of_all_apis_is_due),
    T(rows_that_end_one_by_one_are_gathered),
    T(many_are_swept_in_small_batches),
    T(large_bodies_make_smaller_batches),
    T(a_backlog_is_walked_in_stretches),
    T(a_failed_commit_is_tried_again),
    LASTING(an_api_that_left_keeps_its_rows),
    LASTING(sweepers_share_their_cursor),
    LASTING(processes_sweep_beside_a_writer),
    T(a_row_from_the_future_holds_up_nobody),
    T(a_row_that_was_read_is_emptied_behind_others),
    T(a_reading_proves_nothing),
    T(a_purged_row_is_a_tombstone_like_any),
    T(many_rows_from_the_future),
    T(a_step_of_the_wall_clock_stops_expiry),
    T(an_operator_trusts_the_clock),
    LASTING(a_reboot_into_the_past_stops_expiry),
#undef T
#undef LASTING
};
#define CONTRACT_COUNT (sizeof(contract) / sizeof(contract[0]))

int main(void)
{
	static const struct store_ops *const backends[] = {
	    &store_memory, &store_sqlite};
	static char names[2 * CONTRACT_COUNT][96];
	static struct CMUnitTest tests[2 * CONTRACT_COUNT];
	size_t n = 0;

	for (size_t b = 0; b < 2; b++)
		for (size_t i = 0; i < CONTRACT_COUNT; i++) {
			union {
				const struct store_ops *ops;
				void *state;
			} initial = {.ops = backends[b]};
			if (contract[i].reopens && backends[b] == &store_memory)
				continue;
			snprintf(names[n], sizeof(names[n]), "%s: %s",
			    backends[b]->name, contract[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
			    .test_func = contract[i].test,
			    .setup_func = setup,
			    .teardown_func = teardown,
			    .initial_state = initial.state};
			n++;
		}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tend", tests, NULL, NULL);
}
