#include "tests/store/children.h"

#include <sys/stat.h>

#include "cgi/store/db.h"

/*
 * Several processes on one SQLite store, some of them killed: everything or
 * nothing of a transaction, no job taken twice, nobody kept out.
 */

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, &store_sqlite);
	fixture_open(f); /* so that it is made */
	store_close(f->store);
	f->store = NULL;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

static int64_t ask(struct fixture *f, const char *sql)
{
	char path[128];
	struct db db;
	int64_t n = -1;

	snprintf(path, sizeof(path), "%s/jobs.db", f->dir);
	OK(db_open(path, DB_WRITES, &db));
	OK(db_number(&db, sql, &n));
	db_close(&db);
	return n;
}

static void expect_sound(struct fixture *f)
{
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check"
				" WHERE integrity_check<>'ok'"),
	    0);
}

/* ---- killed ------------------------------------------------------------ */

#define GROUP 3 /* rows of one transaction, each with two bodies */
#define GROUPS_MAX 100000
struct progress {
	atomic_uint begun, committed;
	atomic_bool told[GROUPS_MAX]; /* which commits came back */
};

static void accept_groups(struct fixture *f, void *shared_memory)
{
	struct progress *p = shared_memory;
	static char bytes[6000];
	const struct str body = {bytes, sizeof(bytes)};

	for (;;) {
		uint32_t group = atomic_fetch_add(&p->begun, 1);
		CHILD_OK(store_begin(f->store));
		for (uint32_t i = 0; i < GROUP; i++) {
			struct job job =
			    fixture_job(API_WIDE, group * GROUP + i);
			CHILD_OK(
			    store_accept(f->store, API_WIDE, &job, body, body));
		}
		CHILD_OK(store_commit(f->store));
		atomic_store(&p->told[group % GROUPS_MAX], true);
		atomic_fetch_add(&p->committed, 1);
	}
}

/* Every group is whole or absent; what was told as committed is there. */
static void check_groups(struct fixture *f, const struct progress *p)
{
	const uint32_t begun = atomic_load(&p->begun);
	uint32_t there_in_all = 0;

	OK(store_view(f->store));
	for (uint32_t group = 0; group < begun; group++) {
		uint32_t there = 0, bodies = 0;
		for (uint32_t i = 0; i < GROUP; i++) {
			struct job job =
			    fixture_job(API_WIDE, group * GROUP + i);
			struct str body;
			there +=
			    !store_get(f->store, API_WIDE, job_key(&job), &job);
			bodies += !store_body(
			    f->store, &job, BODY_REQUEST, &f->arena, &body);
			bodies += !store_body(
			    f->store, &job, BODY_META, &f->arena, &body);
		}
		assert_true(there == 0 || there == GROUP);
		assert_int_equal(bodies, 2 * there);
		assert_true(there == GROUP || !atomic_load(&p->told[group]));
		there_in_all += there;
		arena_reset(&f->arena);
	}
	struct store_stats stats;
	OK(store_stats(f->store, API_WIDE, &stats));
	assert_int_equal(stats.count[JOB_PENDING], there_in_all);
	store_unview(f->store);
}

static void a_killed_writer_leaves_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct progress *p = shared(sizeof(*p));
	uint64_t seed = 0xa54ff53a5f1d36f1u;

	for (int round = 0; round < 40; round++) {
		uint32_t from = atomic_load(&p->begun);
		pid_t pid = child(accept_groups, f, p);
		while (atomic_load(&p->begun) < from + 2)
			nap_us(100);
		nap_us((long)(fixture_random(&seed) % 4000));
		kill_child(pid);
	}
	assert_true(atomic_load(&p->begun) < GROUPS_MAX);
	fixture_open(f);
	check_groups(f, p);
	int64_t version =
	    ask(f, "SELECT value FROM _meta WHERE name='version'");
	assert_int_equal(
	    version, ask(f, "SELECT max(version) FROM \"select\""));
	expect_sound(f);
	assert_true(atomic_load(&p->committed) > 40);
	munmap(p, sizeof(*p));
}

static void open_and_wait(struct fixture *f, void *shared_memory)
{
	(void)shared_memory;
	struct store *store;

	for (;;) {
		CHILD_OK(store_open(&store_sqlite, &f->spec, NULL, &store));
		store_close(store);
	}
}

/* Killed while it makes the store: whoever comes next makes or finds one. */
static void a_kill_while_it_is_made_is_no_harm(void **state)
{
	static const char *const files[] = {"jobs.db", "jobs.db-wal",
	    "jobs.db-shm", "turn.lock", "accepted.bell"};
	struct fixture *f = *state;
	uint64_t seed = 0x1f83d9abfb41bd6bu;
	char path[128];

	for (int round = 0; round < 60; round++) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
			unlink(path);
		}
		f->ops = NULL;
		pid_t pid = child(open_and_wait, f, NULL);
		nap_us((long)(fixture_random(&seed) % 3000));
		kill_child(pid);
		f->ops = &store_sqlite;
		fixture_open(f);
		OK(store_begin(f->store));
		fixture_accept(f, API_FAIL, 1);
		OK(store_commit(f->store));
		store_close(f->store);
		f->store = NULL;
		assert_int_equal(ask(f, "PRAGMA auto_vacuum"), 2);
	}
}

/* ---- several workers --------------------------------------------------- */

#define QUEUE 200
struct ledger {
	atomic_int claimed[QUEUE]; /* how often each job was taken */
	atomic_int running, most_running, done;
};

static void work(struct fixture *f, void *shared_memory)
{
	struct ledger *l = shared_memory;
	const uint8_t who = (uint8_t)getpid() | 1;

	while (atomic_load(&l->done) < QUEUE) {
		struct store_ask ask = fixture_ask(who);
		struct job job;
		uint32_t number;
		int64_t due;
		CHILD_OK(store_begin(f->store));
		enum err err =
		    store_claim(f->store, API_WIDE, &ask, &job, &due);
		if (!err) { /* counted under the turnstile: exact */
			int now = atomic_fetch_add(&l->running, 1) + 1;
			if (now > atomic_load(&l->most_running))
				atomic_store(&l->most_running, now);
		}
		CHILD_OK(store_commit(f->store));
		if (err)
			continue;
		memcpy(&number, job_key(&job), sizeof(number));
		atomic_fetch_add(&l->claimed[number % QUEUE], 1);
		nap_us(200);
		struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
		CHILD_OK(store_begin(f->store));
		CHILD_OK(store_change(
		    f->store, API_WIDE, &job, &end, STR("result")));
		atomic_fetch_sub(&l->running, 1);
		CHILD_OK(store_commit(f->store));
		atomic_fetch_add(&l->done, 1);
	}
}

static void no_job_is_taken_twice(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = shared(sizeof(*l));
	struct store_stats stats;
	pid_t workers[6];

	fixture_open(f);
	OK(store_begin(f->store));
	for (uint32_t i = 0; i < QUEUE; i++)
		fixture_accept(f, API_WIDE, i);
	OK(store_commit(f->store));
	store_close(f->store);
	f->store = NULL;
	for (size_t i = 0; i < 6; i++)
		workers[i] = child(work, f, l);
	for (size_t i = 0; i < 6; i++)
		expect_child(workers[i]);
	for (int i = 0; i < QUEUE; i++)
		assert_int_equal(atomic_load(&l->claimed[i]), 1);
	assert_in_range(atomic_load(&l->most_running), 1, 4); /* of 6 */
	fixture_open(f);
	OK(store_view(f->store));
	OK(store_stats(f->store, API_WIDE, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_COMPLETED], QUEUE);
	munmap(l, sizeof(*l));
}

/* ---- a saturated writer ------------------------------------------------ */

struct race {
	atomic_int busy_commits, other_commits;
	/* of the busy one, while the other waited for its turn */
	atomic_int worst, between;
	atomic_int late; /* how often that were more than AHEAD_MAX */
	atomic_bool stop;
};

/*
 * At most so many writers are ahead of one who stands in the queue. Between its
 * look at the counter and its place there the system may let others run for as
 * long as it likes: rarely, as that is an instant. Who is kept out, is so each
 * time.
 */
#define AHEAD_MAX 3
#define BEATS 50
#define LATE_MAX (BEATS / 4)

static void saturate(struct fixture *f, void *shared_memory)
{
	struct race *r = shared_memory;
	uint32_t number = 0;

	while (!atomic_load(&r->stop)) {
		CHILD_OK(store_begin(f->store));
		for (int i = 0; i < 16; i++) {
			struct job job = fixture_job(API_WIDE, number++);
			CHILD_OK(store_accept(
			    f->store, API_WIDE, &job, STR("request"), nothing));
		}
		CHILD_OK(store_commit(f->store));
		atomic_fetch_add(&r->busy_commits, 1);
	}
}

/* What a worker does while the endpoint is flooded: its heartbeat. */
static void keep_beating(struct fixture *f, void *shared_memory)
{
	struct race *r = shared_memory;
	struct store_ask ask = fixture_ask(1);
	struct job job;
	int64_t due;

	CHILD_OK(store_begin(f->store));
	CHILD_OK(store_claim(f->store, API_FAIL, &ask, &job, &due));
	CHILD_OK(store_commit(f->store));
	for (int i = 0; i < BEATS; i++) {
		struct job_event beat =
		    fixture_event(&job, JOB_EVENT_HEARTBEAT);
		int before = atomic_load(&r->busy_commits);
		CHILD_OK(store_begin(f->store));
		int ahead = atomic_load(&r->busy_commits) - before;
		CHILD_OK(
		    store_change(f->store, API_FAIL, &job, &beat, nothing));
		CHILD_OK(store_commit(f->store));
		atomic_fetch_add(&r->other_commits, 1);
		atomic_fetch_add(&r->between, ahead);
		atomic_fetch_add(&r->late, ahead > AHEAD_MAX);
		if (ahead > atomic_load(&r->worst))
			atomic_store(&r->worst, ahead);
	}
}

static void a_saturated_endpoint_lets_others_write(void **state)
{
	struct fixture *f = *state;
	struct race *r = shared(sizeof(*r));

	fixture_open(f);
	OK(store_begin(f->store));
	fixture_accept(f, API_FAIL, 1);
	OK(store_commit(f->store));
	store_close(f->store);
	f->store = NULL;
	pid_t endpoint = child(saturate, f, r);
	while (atomic_load(&r->busy_commits) < 5)
		nap_us(100);
	int before = atomic_load(&r->busy_commits);
	expect_child(child(keep_beating, f, r));
	int meanwhile = atomic_load(&r->busy_commits) - before;
	atomic_store(&r->stop, true);
	expect_child(endpoint);
	print_message("# %d transactions of the saturated one beside %d; of "
		      "those %d were waited for, at most %d by one, %d times "
		      "more than %d\n",
	    meanwhile, atomic_load(&r->other_commits), atomic_load(&r->between),
	    atomic_load(&r->worst), atomic_load(&r->late), AHEAD_MAX);
	assert_in_range(atomic_load(&r->late), 0, LATE_MAX);
	assert_int_equal(atomic_load(&r->other_commits), BEATS);
	munmap(r, sizeof(*r));
}

/* ---- checkpoints beside commits and readers ---------------------------- */

struct churn {
	atomic_int done;
	atomic_int next_base;
};

static void churn_log(struct fixture *f, void *shared_memory)
{
	static char bytes[128 * 1024];
	struct churn *c = shared_memory;
	const uint32_t base =
	    (uint32_t)atomic_fetch_add(&c->next_base, 1) * 1000;

	for (uint32_t i = 0; i < 120; i++) {
		struct job job = fixture_job(API_WIDE, base + i);
		CHILD_OK(store_begin(f->store));
		CHILD_OK(store_accept(f->store, API_WIDE, &job,
		    (struct str){bytes, sizeof(bytes)}, nothing));
		CHILD_OK(store_commit(f->store));
	}
	atomic_fetch_add(&c->done, 1);
}

static void keep_reading(struct fixture *f, void *shared_memory)
{
	struct churn *c = shared_memory;

	while (atomic_load(&c->done) < 2) {
		struct job job = fixture_job(API_WIDE, 3);
		CHILD_OK(store_view(f->store));
		(void)!store_get(f->store, API_WIDE, job_key(&job), &job);
		nap_us(100);
		store_unview(f->store);
	}
}

static void checkpoints_disturb_nobody(void **state)
{
	struct fixture *f = *state;
	struct churn *c = shared(sizeof(*c));
	char path[128];
	struct stat st;

	pid_t reader = child(keep_reading, f, c);
	pid_t writers[2] = {child(churn_log, f, c), child(churn_log, f, c)};
	for (int i = 0; i < 2; i++)
		expect_child(writers[i]);
	expect_child(reader);
	snprintf(path, sizeof(path), "%s/jobs.db-wal", f->dir);
	assert_int_equal(stat(path, &st), 0);
	print_message("# log: %ld bytes\n", (long)st.st_size);
	assert_in_range(st.st_size, 1, 24 * 1024 * 1024); /* of 31 MB */
	assert_int_equal(ask(f, "SELECT count(*) FROM \"select\""), 240);
	assert_int_equal(ask(f, "SELECT count(*) FROM _body"
				" WHERE length(bytes)=131072"),
	    240);
	expect_sound(f);
	munmap(c, sizeof(*c));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    T(a_killed_writer_leaves_all_or_nothing),
	    T(a_kill_while_it_is_made_is_no_harm),
	    T(no_job_is_taken_twice),
	    T(a_saturated_endpoint_lets_others_write),
	    T(checkpoints_disturb_nobody),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
