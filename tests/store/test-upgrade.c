#include "tests/store/children.h"
#include "tests/store/meddle.h"

#include <signal.h>
#include <sys/resource.h>

/*
 * Stores of earlier formats: brought up to date by whoever writes, whole or not
 * at all. format-3.sql is what lowtide itself left, in the words of a shell.
 */
#define TABLE_AND_INDEXES 12

/* ---- format 3 ---------------------------------------------------------- */

#define BOOT_3 "the boot of format 3"
static const struct store_now now_3 = {NOW_MS + 1000, NOW_BOOT};

static void make_format_3(struct fixture *f)
{
	char sql[16384];
	FILE *file = fopen("tests/store/format-3.sql", "r");

	assert_non_null(file);
	const size_t n = fread(sql, 1, sizeof(sql) - 1, file);
	fclose(file);
	assert_true(n > 0 && n < sizeof(sql) - 1);
	sql[n] = '\0';
	meddle(f, sql);
	f->spec.boot = BOOT_3;
	f->spec.now = now_3;
}

static void format_3_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;

	make_format_3(f);
	f->spec.role = STORE_READS;
	expect_refusal(f, ERR_MISSING, "store-version");
	f->spec.role = STORE_WRITES;
	fixture_open(f);
	OK(store_view(f->store));
	OK(store_stats(f->store, API_WIDE, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_COMPLETED], 1);
	assert_int_equal(stats.count[JOB_PROCESSING], 1);
	assert_int_equal(stats.count[JOB_PENDING], 4);
	assert_int_equal(stats.needing, 1);
	assert_int_equal(stats.held, 0);
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM sqlite_schema WHERE name GLOB"
		   " '[a-z]*' AND name NOT GLOB 'sqlite_*'"),
	    API_COUNT * TABLE_AND_INDEXES);
	assert_int_equal(
	    ask(f, "SELECT sum(rank + held + polled) FROM \"select\""), 0);
	/* in their order; the one that waited comes behind when it may */
	assert_int_equal(take_one(f, API_WIDE).id[JOB_KEY_OFFSET], 5);
	assert_int_equal(take_one(f, API_WIDE).id[JOB_KEY_OFFSET], 6);
	struct job running = fixture_job(API_WIDE, 4);
	OK(store_begin(f->store));
	OK(store_get(f->store, API_WIDE, job_key(&running), &running));
	struct job_event lost = fixture_event(&running, JOB_EVENT_HEARTBEAT);
	OK(store_change(f->store, API_WIDE, &running, &lost, nothing));
	OK(store_commit(f->store)); /* its worker goes on */
	struct store_ask later = fixture_ask(3);
	struct job job;
	int64_t due;
	later.now_boot = NOW_BOOT + 5000;
	OK(store_begin(f->store));
	OK(store_claim(f->store, API_WIDE, &later, &job, &due));
	OK(store_commit(f->store));
	assert_int_equal(job.id[JOB_KEY_OFFSET], 3);
}

static void a_format_3_of_another_boot_as_well(void **state)
{
	struct fixture *f = *state;
	size_t changed = 0;

	make_format_3(f);
	f->spec.boot = "another";
	fixture_open(f);
	OK(store_begin(f->store));
	OK(store_recover(
	    f->store, API_WIDE, NOW_MS + 1000, NOW_BOOT, 10, &changed));
	OK(store_commit(f->store));
	assert_int_equal(changed, 1); /* whose worker that boot took along */
	assert_int_equal(take_one(f, API_WIDE).id[JOB_KEY_OFFSET], 3);
}

/* ---- format 2 ---------------------------------------------------------- */

/*
 * A store of format 2: what came later is taken away again, and a job of each
 * kind is in it.
 */
static void make_format_2(struct fixture *f)
{
	static const char *const per_api[] = {
	    "DROP INDEX \"$_owner\"",
	    "DROP INDEX \"$_quota\"",
	    "DROP INDEX \"$_open\"",
	    "DROP INDEX \"$_resource\"",
	    "DROP INDEX \"$_queue\"",
	    "DROP INDEX \"$_age\"",
	    "DROP INDEX \"$_mine\"",
	    "DROP INDEX \"$_running\"",
	    "ALTER TABLE \"$\" DROP COLUMN rank",
	    "ALTER TABLE \"$\" DROP COLUMN held",
	    "ALTER TABLE \"$\" DROP COLUMN polled",
	    "ALTER TABLE \"$\" DROP COLUMN quota",
	    "ALTER TABLE \"$\" DROP COLUMN resource",
	    "ALTER TABLE \"$\" DROP COLUMN read",
	    "ALTER TABLE \"$\" DROP COLUMN needs",
	    "ALTER TABLE \"$\" DROP COLUMN renewed",
	    "CREATE INDEX \"$_queue\" ON \"$\"(born, not_before)"
	    " WHERE state=0",
	    "CREATE INDEX \"$_running\" ON \"$\"(lease) WHERE state=1",
	};

	fixture_open(f);
	for (uint32_t i = 1; i <= 3; i++) {
		OK(store_begin(f->store));
		struct job job = fixture_job(API_WIDE, i);
		memset(job.owner, 1, sizeof(job.owner));
		OK(store_accept(
		    f->store, API_WIDE, &job, STR("request"), nothing));
		OK(store_commit(f->store));
	}
	struct job job = take_one(f, API_WIDE);
	complete(f, API_WIDE, &job);
	take_one(f, API_WIDE);
	store_close(f->store);
	f->store = NULL;
	for (size_t api = 0; api < API_COUNT; api++)
		for (size_t i = 0; i < sizeof(per_api) / sizeof(per_api[0]);
		     i++) {
			struct buf sql = {0};
			sqlite_expand(&sql, per_api[i], f->apis[api].name);
			meddle(f, sql.data);
			buf_release(&sql);
		}
	meddle(f, "DROP TABLE _sample");
	meddle(f, "UPDATE _meta SET value=2 WHERE name='format'");
}

static void format_2_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;
	struct job job;

	make_format_2(f);
	f->spec.role = STORE_SHOWS; /* those who write nothing cannot */
	expect_refusal(f, ERR_MISSING, "store-version");
	f->spec.role = STORE_WRITES;
	f->config.n_apis = 2; /* also what left the configuration */
	fixture_open(f);
	assert_int_equal(ask(f, "SELECT value FROM _meta WHERE name='format'"),
	    STORE_FORMAT);
	f->config.n_apis = 3;
	reopen(f);
	OK(store_view(f->store));
	OK(store_stats(f->store, API_WIDE, &stats));
	store_unview(f->store);
	assert_int_equal(stats.count[JOB_COMPLETED], 1);
	assert_int_equal(stats.count[JOB_PROCESSING], 1);
	assert_int_equal(stats.count[JOB_PENDING], 1);
	assert_int_equal(stats.needing, 0);

	job = take_one(f, API_WIDE); /* and all goes on */
	assert_int_equal(job.id[JOB_KEY_OFFSET], 3);
	assert_false(job.needs);
	struct job_event need = fixture_event(&job, JOB_EVENT_NEED);
	OK(store_begin(f->store));
	OK(store_change(f->store, API_WIDE, &job, &need, nothing));
	OK(store_commit(f->store));
	reopen(f);
	OK(store_view(f->store));
	OK(store_get(f->store, API_WIDE, job_key(&job), &job));
	store_unview(f->store);
	assert_true(job.needs);
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM \"select\" INDEXED BY"
		   " select_owner WHERE owner NOT NULL AND gone=0"),
	    3);
	/* the same tables and indexes as in a new store */
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM sqlite_schema WHERE name GLOB"
		   " '[a-z]*' AND name NOT GLOB 'sqlite_*'"),
	    API_COUNT * TABLE_AND_INDEXES);
	assert_int_equal(ask(f, "PRAGMA integrity_check") >= 0, 1);
}

static void limit_files(rlim_t bytes)
{
	const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void die_upgrading(struct fixture *f, void *unused)
{
	struct store *store;

	(void)unused;
	limit_files(40 * 1024); /* of the log: a few pages */
	(void)!store_open(&store_sqlite, &f->spec, &f->diag, &store);
	_exit(3); /* the disk's failure had to end it */
}

/* All of it or nothing: in between there is no store of either format. */
static void an_upgrade_that_fails_leaves_the_old(void **state)
{
	struct fixture *f = *state;

	make_format_2(f);
	f->ops = NULL; /* the child opens it itself */
	const int status = child_status(child(die_upgrading, f, NULL));
	f->ops = &store_sqlite;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 74);
	assert_int_equal(
	    ask(f, "SELECT value FROM _meta WHERE name='format'"), 2);
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM pragma_table_info('select')"
		   " WHERE name='needs'"),
	    0);
	fixture_open(f);
	assert_int_equal(ask(f, "SELECT value FROM _meta WHERE name='format'"),
	    STORE_FORMAT);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    T(format_3_is_brought_up_to_date),
	    T(a_format_3_of_another_boot_as_well),
	    T(format_2_is_brought_up_to_date),
	    T(an_upgrade_that_fails_leaves_the_old),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
