#include "tests/store/children.h"
#include "tests/store/meddle.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cgi/store/db.h"
#include "cgi/store/sqlite.h"

/*
 * What only the SQLite store promises (store.md): how it opens, what it
 * refuses, where its bytes are, and that its log stays small.
 */
/* ---- opening ----------------------------------------------------------- */

static void a_new_store_has_its_settings_from_the_start(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	fixture_open(f);
	assert_int_equal(ask(f, "PRAGMA auto_vacuum"), 2); /* incremental */
	assert_int_equal(ask(f, "PRAGMA wal_autocheckpoint"), 0);
	assert_int_equal(ask(f, "PRAGMA synchronous"), 2); /* full */
	assert_int_equal(ask(f, "PRAGMA temp_store"), 2);  /* memory */
	assert_int_equal(ask(f, "PRAGMA secure_delete"), 1);
	assert_int_equal(ask(f, "PRAGMA mmap_size"), 0);
	assert_int_equal(ask(f, "SELECT value FROM _meta WHERE name='format'"),
	    STORE_FORMAT);
	assert_int_equal(stat(path_of(f, "jobs.db"), &st), 0);
	assert_int_equal(st.st_mode & 0007, 0); /* nobody else's business */
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM sqlite_schema WHERE type='table'"),
	    4 + API_COUNT);
}

static void what_was_committed_is_there_again(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1);

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	reopen(f);
	OK(store_view(f->store));
	OK(store_get(f->store, API_FAIL, job_key(&job), &job));
	store_unview(f->store);
	assert_int_equal(job.version, 1);
	OK(store_begin(f->store)); /* and the counter goes on */
	assert_int_equal(fixture_accept(f, API_FAIL, 2).version, 2);
	OK(store_commit(f->store));
}

static void a_missing_folder_is_refused(void **state)
{
	struct fixture *f = *state;

	f->spec.dir = path_of(f, "nowhere");
	expect_refusal(f, ERR_MISSING, "store-missing");
	close(open(path_of(f, "log"), O_CREAT | O_WRONLY, 0600));
	f->spec.dir = path_of(f, "log");
	expect_refusal(f, ERR_MISSING, "store-missing");
}

static void a_folder_that_cannot_be_written_is_refused(void **state)
{
	struct fixture *f = *state;

	/* permissions do not stop a test run by root: a folder in the way */
	assert_int_equal(mkdir(path_of(f, "turn.lock"), 0700), 0);
	expect_refusal(f, ERR_IO, "io-error");
	rmdir(path_of(f, "turn.lock"));
	assert_int_equal(mkdir(path_of(f, "jobs.db"), 0700), 0);
	expect_refusal(f, ERR_IO, "io-error");
	rmdir(path_of(f, "jobs.db"));
	fixture_open(f);
}

static void another_name_key_is_refused(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	store_close(f->store);
	f->store = NULL;
	f->spec.check[3] ^= 1;
	expect_refusal(f, ERR_MISSING, "store-other-keys");
	f->spec.role = STORE_SHOWS;
	expect_refusal(f, ERR_MISSING, "store-other-keys");
	f->spec.role = STORE_WRITES;
	f->spec.check[3] ^= 1;
	fixture_open(f);
}

static void a_newer_format_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	store_close(f->store);
	f->store = NULL;
	meddle(f, "UPDATE _meta SET value=99 WHERE name='format'");
	f->config.n_apis--; /* it would make a table otherwise */
	expect_refusal(f, ERR_MISSING, "store-version");
	assert_int_equal(
	    ask(f, "SELECT value FROM _meta WHERE name='format'"), 99);
	f->spec.role = STORE_SHOWS;
	expect_refusal(f, ERR_MISSING, "store-version");
}

static void limit_files(rlim_t bytes)
{
	const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void what_is_no_store_is_refused(void **state)
{
	struct fixture *f = *state;
	char rubbish[8192];

	memset(rubbish, 'x', sizeof(rubbish));
	int fd = open(path_of(f, "jobs.db"), O_CREAT | O_RDWR, 0600);
	assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
	close(fd);
	expect_refusal(f, ERR_CORRUPT, "store-damaged");
	unlink(path_of(f, "jobs.db"));
	meddle(f, "CREATE TABLE somebody(elses INTEGER)");
	expect_refusal(f, ERR_CORRUPT, "store-damaged");
	assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void a_damaged_row_is_said(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1);

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	meddle(f, "UPDATE \"vat-return-post\" SET state=17");
	OK(store_view(f->store));
	assert_int_equal(
	    store_get(f->store, API_FAIL, job_key(&job), &job), ERR_CORRUPT);
	store_unview(f->store);
	meddle(f, "UPDATE \"vat-return-post\" SET state=0, mac=x'00'");
	OK(store_view(f->store));
	assert_int_equal(
	    store_get(f->store, API_FAIL, job_key(&job), &job), ERR_CORRUPT);
	store_unview(f->store);
}

static void apis_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);

	f->config.n_apis = 2;
	fixture_open(f);
	f->config.n_apis = 3;
	reopen(f); /* a new one gets its table */
	accept_one(f, API_WIDE, 1);
	f->config.n_apis = 2;
	reopen(f); /* one that went keeps it */
	assert_int_equal(ask(f, "SELECT count(*) FROM \"select\""), 1);
	f->config.n_apis = 3;
	reopen(f);
	OK(store_view(f->store));
	OK(store_get(f->store, API_WIDE, job_key(&job), &job));
	store_unview(f->store);
	f->apis[0].name = (struct str){"x\" (y); --", 10};
	store_close(f->store);
	f->store = NULL;
	expect_refusal(f, ERR_INPUT, "bad-api-name");
}

/* ---- brief ------------------------------------------------------------- */

/* A program for one request: no turn and no checkpoint but for its commit. */
static void a_brief_open_waits_for_nobody(void **state)
{
	struct fixture *f = *state;
	struct turnstile t;
	struct store *store = NULL;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	const off_t log = size_of(f, "jobs.db-wal");
	assert_true(log > 0);
	f->spec.brief = true;
	f->spec.turn_wait_ms = f->spec.open_wait_ms = 20;
	OK(turnstile_open(f->dir, NULL, &t));
	OK(turnstile_enter(&t, 0));
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &store));
	assert_int_equal(size_of(f, "jobs.db-wal"), log);
	assert_int_equal(store_begin(store), ERR_BUSY);
	turnstile_leave(&t);
	turnstile_close(&t);
	store_close(f->store);
	f->store = store;
	accept_one(f, API_FAIL, 2);
	assert_true(size_of(f, "jobs.db-wal") > log);
	reopen(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM \"vat-return-post\""), 2);
	assert_int_equal(f->diag.errors, 0);
}

static void a_brief_open_makes_and_mends(void **state)
{
	struct fixture *f = *state;

	f->spec.brief = true;
	f->config.n_apis = 2;
	fixture_open(f); /* there was none */
	accept_one(f, API_FAIL, 1);
	f->config.n_apis = 3;
	reopen(f); /* a table was missing */
	accept_one(f, API_WIDE, 1);
	f->spec.boot = "another boot";
	reopen(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM _meta WHERE name='boot'"
				" AND value=CAST('another boot' AS BLOB)"),
	    1);
	store_close(f->store);
	f->store = NULL;
	f->spec.check[3] ^= 1;
	expect_refusal(f, ERR_MISSING, "store-other-keys");
}

/* ---- read-only --------------------------------------------------------- */

static bool count_one(void *ctx, const struct job *job)
{
	(void)job;
	++*(int *)ctx;
	return true;
}

/* Who writes would map it anew after each commit of another's. */
static void those_that_read_have_it_mapped(void **state)
{
	static const struct {
		enum db_mode mode;
		bool mapped;
	} rows[] = {{DB_WRITES, false}, {DB_READS, true}, {DB_LOOKS, true}};
	struct fixture *f = *state;

	fixture_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct db db;
		int64_t size;

		OK(db_open(path_of(f, "jobs.db"), rows[i].mode, &db));
		OK(db_number(&db, "PRAGMA mmap_size", &size));
		db_close(&db);
		assert_int_equal(size > 0, rows[i].mapped);
	}
}

static void a_read_only_handle_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;
	struct str body;
	struct job job = fixture_job(API_RETRY, 1);
	struct stat before, after;
	int n = 0;

	f->spec.role = STORE_SHOWS;
	expect_refusal(f, ERR_MISSING, "store-missing");
	assert_int_equal(size_of(f, "jobs.db"), -1);
	assert_int_equal(size_of(f, "turn.lock"), -1);
	f->spec.role = STORE_WRITES;
	f->config.n_apis = 2; /* the third has no table yet */
	fixture_open(f);
	accept_one(f, API_RETRY, 1);
	off_t log = size_of(f, "jobs.db-wal");
	assert_int_equal(stat(path_of(f, "jobs.db"), &before), 0);

	struct store *store;
	f->spec.role = STORE_SHOWS;
	f->config.n_apis = 3;
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &store));
	OK(store_view(store));
	OK(store_get(store, API_RETRY, job_key(&job), &job));
	OK(store_body(store, &job, BODY_META, &f->arena, &body));
	OK(store_list(store, API_RETRY, 0, count_one, &n));
	assert_int_equal(n, 1);
	OK(store_list(store, API_WIDE, 0, count_one, &n));
	assert_int_equal(n, 1);
	OK(store_stats(store, API_RETRY, &stats));
	assert_int_equal(stats.count[JOB_PENDING], 1);
	OK(store_stats(store, API_WIDE, &stats));
	assert_int_equal(stats.count[JOB_PENDING], 0);
	assert_int_equal(
	    store_get(store, API_WIDE, job_key(&job), &job), ERR_NOT_FOUND);
	store_unview(store);
	assert_int_equal(store_begin(store), ERR_USAGE);
	store_close(store);
	assert_int_equal(stat(path_of(f, "jobs.db"), &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(size_of(f, "jobs.db-wal"), log);
}

static void a_reader_waits_for_no_writer(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1), other;
	struct store *reader;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &reader));
	OK(store_begin(f->store));
	fixture_accept(f, API_FAIL, 2);
	OK(store_view(reader));
	OK(store_get(reader, API_FAIL, job_key(&job), &job));
	other = fixture_job(API_FAIL, 2);
	assert_int_equal(store_get(reader, API_FAIL, job_key(&other), &other),
	    ERR_NOT_FOUND);
	OK(store_commit(f->store));
	/* a view stays what it was until it ends */
	assert_int_equal(store_get(reader, API_FAIL, job_key(&other), &other),
	    ERR_NOT_FOUND);
	store_unview(reader);
	OK(store_view(reader));
	OK(store_get(reader, API_FAIL, job_key(&other), &other));
	store_unview(reader);
	store_close(reader);
}

/* Somebody with a database shell: bounded, and nothing stays locked. */
static void a_foreign_lock_is_waited_for_and_then_told(void **state)
{
	struct fixture *f = *state;
	struct db shell;

	fixture_open(f);
	OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &shell));
	OK(db_exec(&shell, "BEGIN IMMEDIATE"));
	assert_int_equal(store_begin(f->store), ERR_BUSY);
	OK(db_exec(&shell, "ROLLBACK"));
	db_close(&shell);
	accept_one(f, API_FAIL, 1);
}

static void hold_the_turn(struct fixture *f, void *unused)
{
	(void)unused;
	CHILD_OK(store_begin(f->store));
	raise(SIGSTOP);
	store_rollback(f->store);
}

/* Whoever has the turn and hangs: bounded, at opening and at writing. */
static void a_turn_that_does_not_come_is_told(void **state)
{
	struct fixture *f = *state;

	f->spec.turn_wait_ms = f->spec.open_wait_ms = 20;
	fixture_open(f);
	pid_t holder = child(hold_the_turn, f, NULL);
	assert_int_equal(waitpid(holder, &(int){0}, WUNTRACED), holder);
	assert_int_equal(store_begin(f->store), ERR_BUSY);
	expect_refusal(f, ERR_BUSY, "store-busy");
	OK(store_view(f->store)); /* reading goes on */
	store_unview(f->store);
	kill(holder, SIGCONT);
	expect_child(holder);
	accept_one(f, API_FAIL, 1);
}

/* A reader that stays: the start goes on without an empty log, and says so. */
static void a_reader_at_the_start_is_waited_for_and_then_told(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 1);
	struct store *second;

	f->spec.open_wait_ms = 50;
	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	OK(store_view(f->store));
	OK(store_get(f->store, API_FAIL, job_key(&job), &job));
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &second));
	assert_int_equal(f->diag.errors, 0);
	assert_int_equal(f->diag.warnings, 1);
	assert_string_equal(f->diag.first->name, "store-busy");
	assert_true(size_of(f, "jobs.db-wal") > 0);
	store_unview(f->store);
	store_close(second);
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &second));
	assert_int_equal(f->diag.warnings, 1);
	assert_int_equal(size_of(f, "jobs.db-wal"), 0);
	store_close(second);
}

/* ---- whose boot -------------------------------------------------------- */

#define OTHER_BOOT                                                             \
	"UPDATE _meta SET value=x'"                                            \
	"30303030303030302d303030302d303030302d303030302d303030303030303030"   \
	"303030' WHERE name='boot'"

static void after_a_reboot_all_leases_are_over(void **state)
{
	struct fixture *f = *state;
	struct job running, waiting, gone;
	size_t changed = 0;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	accept_one(f, API_RETRY, 1);
	accept_one(f, API_WIDE, 1);
	running = take_one(f, API_FAIL);
	gone = take_one(f, API_WIDE);
	waiting = take_one(f, API_RETRY);
	struct job_event retry = fixture_event(&waiting, JOB_EVENT_RETRY);
	retry.not_before_boot = NOW_BOOT + 100000;
	OK(store_begin(f->store));
	OK(store_change(f->store, API_RETRY, &waiting, &retry, nothing));
	OK(store_commit(f->store));
	store_close(f->store);
	f->store = NULL;
	meddle(f, OTHER_BOOT);
	f->spec.now = (struct store_now){.ms = NOW_MS, .boot = 1};
	f->config.n_apis = 2; /* the third is not configured at the moment */
	fixture_open(f);
	f->config.n_apis = 3;
	reopen(f);

	OK(store_begin(f->store));
	OK(store_get(f->store, API_RETRY, job_key(&waiting), &waiting));
	assert_int_equal(waiting.not_before_boot, 0);
	OK(store_recover(f->store, API_FAIL, NOW_MS, 1, 10, &changed));
	assert_int_equal(changed, 1);
	OK(store_recover(f->store, API_WIDE, NOW_MS, 1, 10, &changed));
	assert_int_equal(changed, 1);
	OK(store_get(f->store, API_FAIL, job_key(&running), &running));
	assert_int_equal(running.reason, REASON_OUTCOME_UNKNOWN);
	OK(store_get(f->store, API_WIDE, job_key(&gone), &gone));
	assert_int_equal(gone.state, JOB_PENDING);
	OK(store_commit(f->store));
}

static int64_t deadline_of(struct fixture *f, size_t api, uint32_t number)
{
	struct job job = fixture_job(api, number);

	OK(store_view(f->store));
	OK(store_get(f->store, api, job_key(&job), &job));
	store_unview(f->store);
	return job.deadline_boot;
}

/* What was left of a deadline by the wall clock is left of it afterwards. */
static void a_reboot_carries_deadlines_over(void **state)
{
	static const struct reboot {
		const char *boot;
		int64_t ms, left; /* of 60 s, 59 of them after the accept */
	} reboots[] = {
	    {"same", NOW_MS + 20000, -1},
	    {"20 s later", NOW_MS + 20000, 40000},
	    {"wall clock went back", NOW_MS - 86400000, 59000},
	    {"an hour later", NOW_MS + 3600000, 1 - 300},
	    {"wall clock put right", NOW_MS + 30000, 30000},
	    {"before its time began", -5000, 59000},
	};
	struct fixture *f = *state;
	struct job none = fixture_job(API_FAIL, 1001);

	f->spec.boot = "same";
	f->spec.now = (struct store_now){.ms = NOW_MS, .boot = NOW_BOOT};
	fixture_open(f);
	accept_one(f, API_FAIL, 1000); /* at NOW_MS + 1000 */
	accept_one(f, API_WIDE, 1000);
	none.deadline_ms = none.deadline_boot = 0;
	OK(store_begin(f->store));
	OK(store_accept(f->store, API_FAIL, &none, STR("r"), nothing));
	OK(store_commit(f->store));
	take_one(f, API_WIDE);
	for (size_t i = 0; i < sizeof(reboots) / sizeof(reboots[0]); i++) {
		f->spec.boot = reboots[i].boot;
		f->spec.now.ms = reboots[i].ms;
		f->spec.now.boot = 300;
		reopen(f);
		int64_t want = reboots[i].left < 0 && !i
				   ? NOW_BOOT + 60000
				   : 300 + reboots[i].left;
		assert_int_equal(deadline_of(f, API_FAIL, 1000), want);
		assert_int_equal(deadline_of(f, API_WIDE, 1000), want);
		assert_int_equal(deadline_of(f, API_FAIL, 1001), 0);
	}
}

static void in_the_same_boot_leases_hold(void **state)
{
	struct fixture *f = *state;
	struct job running;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	running = take_one(f, API_FAIL);
	reopen(f);
	OK(store_view(f->store));
	OK(store_get(f->store, API_FAIL, job_key(&running), &running));
	store_unview(f->store);
	assert_int_equal(running.lease_boot, NOW_BOOT + LEASE_MS);
}

static void a_store_that_another_host_holds_is_refused(void **state)
{
	struct fixture *f = *state;

	fixture_open(f); /* plays the other host, once its id is another */
	meddle(f, OTHER_BOOT);
	expect_refusal(f, ERR_MISSING, "store-other-host");
	store_close(f->store); /* it went: now it was only a reboot */
	f->store = NULL;
	fixture_open(f);
}

/* ---- rows, bodies, statements ------------------------------------------ */

static void rows_are_narrow(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 50; i++) {
		struct job job = fixture_job(API_WIDE, i);
		char big[3000];
		memset(big, 'b', sizeof(big));
		memset(job.owner, 0xff, sizeof(job.owner));
		memset(job.quota, 0xff, sizeof(job.quota));
		job.resource[0] = (uint8_t)i + 1;
		OK(store_accept(f->store, API_WIDE, &job,
		    (struct str){big, sizeof(big)}, nothing));
	}
	OK(store_commit(f->store));
	for (int i = 0; i < 4; i++) {
		struct job job = take_one(f, API_WIDE);
		if (i < 2)
			complete(f, API_WIDE, &job);
	}
	int64_t widest =
	    ask(f, "SELECT max(mx_payload) FROM dbstat WHERE name='select'");
	print_message("# widest row: %d bytes\n", (int)widest);
	assert_in_range(widest, 80, 200);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_table_list"
				" WHERE name='select' AND wr AND strict"),
	    1);
}

/* For people, who ask seldom. */
static bool reads_all(const char *name)
{
	return !strcmp(name, "LIST") || !strcmp(name, "RECOUNT");
}

static void every_statement_uses_an_index(void **state)
{
	static const char *const texts[] = {
#define QUERY(name, sqlite) #name, sqlite,
#define PER_API(name, sqlite) #name, sqlite,
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
	};
	struct fixture *f = *state;
	struct db db;

	fixture_open(f);
	OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &db));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i += 2) {
		struct sqlite3_stmt *st;
		struct buf sql = {0};
		buf_puts(&sql, "EXPLAIN QUERY PLAN ");
		sqlite_expand(&sql, texts[i + 1], STR("select"));
		OK(db_prepare(&db, buf_str(&sql), &st));
		while (!reads_all(texts[i]) && !db_step(st)) {
			struct str plan = db_bytes(st, 3);
			char *text = arena_cstr(&f->arena, plan);
			/* one owner's rows may be put in order */
			bool good = (!strstr(text, "TEMP B-TREE") ||
					!strcmp(texts[i], "OWNED_SINCE")) &&
				    (!strstr(text, "SCAN select") ||
					strstr(text, "INDEX"));
			if (!good)
				print_message("# %s: %s\n", texts[i], text);
			assert_true(good);
		}
		db_finalize(st);
		buf_release(&sql);
	}
	db_close(&db);
}

/* Each finds what it is for at the end of an index of nothing else. */
static void a_claim_steps_over_nobody(void **state)
{
	static const struct {
		const char *sql, *index;
	} rows[] = {
#define QUERY(name, sqlite)
#define PER_API(name, sqlite) {sqlite, index_of_##name},
#define index_of_PENDING "select_queue"
#define index_of_WAKE "select_waiting"
#define index_of_RISEN "select_waiting"
#define index_of_OLDEST "select_age"
#define index_of_LOST "select_running"
#define index_of_LATE "select_deadline"
#define index_of_LATE_RUNNING "select_running"
#define index_of_RUNNING "COVERING INDEX select_running"
#define index_of_OPEN "COVERING INDEX select_open"
#define index_of_OPEN_SOME "COVERING INDEX select_open"
#define index_of_MINE_SOME "COVERING INDEX select_mine"
#define index_of_GET ""
#define index_of_RECOUNT ""
#define index_of_INSERT ""
#define index_of_UPDATE ""
#define index_of_BURY ""
#define index_of_DUE ""
#define index_of_CHANGED ""
#define index_of_ROWS_SINCE ""
#define index_of_REMOVE ""
#define index_of_LIST ""
#define index_of_RECENT ""
#define index_of_HOLDER "select_resource"
#define index_of_OWNED ""
#define index_of_OWNED_SINCE ""
#define index_of_OWNED_NEW ""
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
	};
	struct fixture *f = *state;
	struct db db;

	fixture_open(f);
	OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &db));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sqlite3_stmt *st;
		struct buf sql = {0};
		bool found = !*rows[i].index;

		buf_puts(&sql, "EXPLAIN QUERY PLAN ");
		sqlite_expand(&sql, rows[i].sql, STR("select"));
		OK(db_prepare(&db, buf_str(&sql), &st));
		while (!found && !db_step(st))
			found = strstr(arena_cstr(&f->arena, db_bytes(st, 3)),
				    rows[i].index) != NULL;
		if (!found)
			print_message(
			    "# %s: not by %s\n", rows[i].sql, rows[i].index);
		assert_true(found);
		db_finalize(st);
		buf_release(&sql);
	}
	db_close(&db);
	/* who waits for a time is nowhere near the head of the queue */
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;
	OK(store_begin(f->store));
	for (uint32_t i = 1; i <= 50; i++) {
		fixture_accept(f, API_WIDE, i);
		OK(store_claim(f->store, API_WIDE, &a, &job, &due));
		struct job_event retry = fixture_event(&job, JOB_EVENT_RETRY);
		retry.not_before_boot = NOW_BOOT + 5000;
		OK(store_change(f->store, API_WIDE, &job, &retry, nothing));
	}
	OK(store_commit(f->store));
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM \"select\" INDEXED BY select_queue"
		   " WHERE state=0 AND needs=0 AND not_before=0"),
	    0);
}

static bool file_contains(
    struct fixture *f, const char *name, const char *marker)
{
	const size_t n = strlen(marker);
	int fd = open(path_of(f, name), O_RDONLY);
	bool found = false;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	if (st.st_size > 0) {
		char *bytes = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_true(bytes != MAP_FAILED);
		found = memmem(bytes, (size_t)st.st_size, marker, n) != NULL;
		munmap(bytes, (size_t)st.st_size);
	}
	close(fd);
	return found;
}

static void a_payload_is_gone_once_the_job_ended(void **state)
{
	struct fixture *f = *state;
	char payload[20000];
	struct job job = fixture_job(API_FAIL, 1);

	for (size_t i = 0; i + 10 <= sizeof(payload); i += 10)
		memcpy(payload + i, "MARKER-IN-", 10);
	fixture_open(f);
	OK(store_begin(f->store));
	OK(store_accept(f->store, API_FAIL, &job,
	    (struct str){payload, sizeof(payload)}, STR("KEPT-META")));
	OK(store_commit(f->store));
	reopen(f); /* it reached the database itself */
	assert_true(file_contains(f, "jobs.db", "MARKER-IN-"));
	job = take_one(f, API_FAIL);
	complete(f, API_FAIL, &job);
	reopen(f); /* a TRUNCATE checkpoint */
	assert_false(file_contains(f, "jobs.db", "MARKER-IN-"));
	assert_false(file_contains(f, "jobs.db-wal", "MARKER-IN-"));
	assert_true(file_contains(f, "jobs.db", "KEPT-META"));
	assert_true(file_contains(f, "jobs.db", "sealed result"));
}

static struct job ended_with(struct fixture *f, const char *marker)
{
	struct job job = fixture_job(API_FAIL, 1);

	OK(store_begin(f->store));
	OK(store_accept(f->store, API_FAIL, &job, str_of(marker), nothing));
	OK(store_commit(f->store));
	job = take_one(f, API_FAIL);
	return job;
}

/* Whatever is erased, the log is emptied of it ten minutes later. */
static void expect_erased(struct fixture *f, const char *marker)
{
	struct store_now now = {.ms = NOW_MS, .boot = NOW_BOOT};
	struct store_tended report;
	int64_t due;

	assert_true(store_due_boot(f->store) != 0);
	OK(store_tend(f->store, now, &report, &due));
	assert_in_range(due, now.boot, now.boot + STORE_ERASE_MS);
	assert_true(file_contains(f, "jobs.db-wal", marker));
	now.ms += due - now.boot;
	now.boot = due;
	OK(store_tend(f->store, now, &report, &due));
	assert_false(file_contains(f, "jobs.db-wal", marker));
	assert_false(file_contains(f, "jobs.db", marker));
}

static void settle_down(struct fixture *f)
{
	struct store_tended report;
	int64_t due;

	f->apis[API_FAIL].ttl_ms = (int64_t)365 * 24 * 3600 * 1000;
	fixture_open(f);
	OK(store_tend(f->store,
	    (struct store_now){.ms = NOW_MS, .boot = NOW_BOOT}, &report, &due));
}

static void a_purge_is_gone_from_the_log(void **state)
{
	struct fixture *f = *state;

	settle_down(f);
	struct job job = ended_with(f, "MARKER-IN");
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	struct job_event purge = {.kind = JOB_EVENT_PURGE,
	    .now_ms = end.now_ms,
	    .now_boot = end.now_boot};
	OK(store_begin(f->store));
	OK(store_change(f->store, API_FAIL, &job, &end, STR("MARKER-OUT")));
	OK(store_commit(f->store));
	expect_erased(f, "MARKER-IN"); /* its request, with the job's end */
	assert_true(file_contains(f, "jobs.db", "MARKER-OUT"));
	OK(store_begin(f->store));
	OK(store_change(f->store, API_FAIL, &job, &purge, nothing));
	OK(store_commit(f->store));
	assert_true(store_due_boot(f->store) != 0);
	reopen(f);
	assert_false(file_contains(f, "jobs.db", "MARKER-OUT"));
}

static void a_replaced_credential_is_gone_from_the_log(void **state)
{
	struct fixture *f = *state;

	settle_down(f);
	struct job job = ended_with(f, "MARKER-OLD");
	struct job_event need = fixture_event(&job, JOB_EVENT_NEED);
	OK(store_begin(f->store));
	OK(store_change(f->store, API_FAIL, &job, &need, nothing));
	OK(store_commit(f->store));
	struct job_event renewal = fixture_event(&job, JOB_EVENT_RENEW);
	OK(store_begin(f->store));
	OK(store_renew(f->store, API_FAIL, &job, &renewal, STR("MARKER-NEW")));
	OK(store_commit(f->store));
	expect_erased(f, "MARKER-OLD");
	assert_true(file_contains(f, "jobs.db", "MARKER-NEW"));
}

/* ---- the log ----------------------------------------------------------- */

static void write_some(struct fixture *f, uint32_t from, uint32_t count)
{
	static char bytes[64 * 1024];

	for (uint32_t i = from; i < from + count; i++) {
		struct job job = fixture_job(API_WIDE, i);
		OK(store_begin(f->store));
		OK(store_accept(f->store, API_WIDE, &job,
		    (struct str){bytes, sizeof(bytes)}, nothing));
		OK(store_commit(f->store));
	}
}

static void the_log_stays_small_under_a_writer(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	write_some(f, 0, 600); /* 40 MB */
	print_message("# log: %ld bytes\n", (long)size_of(f, "jobs.db-wal"));
	assert_in_range(size_of(f, "jobs.db-wal"), STORE_WAL_MARK,
	    STORE_WAL_MARK + 1024 * 1024);
	assert_int_equal(ask(f, "SELECT count(*) FROM \"select\""), 600);
}

static void a_reader_puts_the_checkpoint_off_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	struct job job = fixture_job(API_WIDE, 0);

	fixture_open(f);
	write_some(f, 0, 1);
	OK(store_open(&store_sqlite, &f->spec, &f->diag, &reader));
	OK(store_view(reader));
	OK(store_get(reader, API_WIDE, job_key(&job), &job));
	write_some(f, 1, 260); /* 17 MB: twice in the reader's way */
	off_t grown = size_of(f, "jobs.db-wal");
	assert_true(grown > 2 * STORE_WAL_MARK);
	store_unview(reader);
	write_some(f, 300, 400); /* 26 MB more go into what is there */
	assert_true(
	    size_of(f, "jobs.db-wal") <= grown + STORE_WAL_MARK + 1024 * 1024);
	store_close(reader);
}

static void nothing_is_checkpointed_at_close(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	write_some(f, 0, 10);
	off_t log = size_of(f, "jobs.db-wal");
	off_t database = size_of(f, "jobs.db");
	assert_true(log > 10 * 64 * 1024);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(size_of(f, "jobs.db-wal"), log);
	assert_int_equal(size_of(f, "jobs.db"), database);
	fixture_open(f); /* but at the start */
	assert_int_equal(size_of(f, "jobs.db-wal"), 0);
	assert_true(size_of(f, "jobs.db") > database);
}

/* ---- failures that end the process ------------------------------------- */

/* Reaches COMMIT with more than the file may hold, and must not return. */
static void commit_into_a_wall(struct fixture *f, void *unused)
{
	struct job job = fixture_job(API_FAIL, 2);
	static char bytes[200 * 1024];

	(void)unused;
	int fd = open(path_of(f, "log"), O_CREAT | O_WRONLY, 0600);
	dup2(fd, STDERR_FILENO);
	CHILD_OK(store_begin(f->store));
	CHILD_OK(store_accept(f->store, API_FAIL, &job,
	    (struct str){bytes, sizeof(bytes)}, nothing));
	limit_files(100 * 1024);
	enum err err = store_commit(f->store);
	_exit(err ? 1 : 2);
}

static void a_failed_commit_ends_the_process(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_FAIL, 2);
	int status, fd;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	OK(store_watch(f->store, BELL_ACCEPTED, &fd));
	status = child_status(child(commit_into_a_wall, f, NULL));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 74);
	assert_true(file_contains(f, "log", "\"event\":\"store-failed\""));
	assert_true(file_contains(f, "log", "\"doing\":\"commit\""));
	/* its first ring was heard, so everybody looks again */
	assert_int_equal(store_heard(f->store, fd), BELL_ACCEPTED);
	OK(store_begin(f->store)); /* the turnstile is free */
	assert_int_equal(
	    store_get(f->store, API_FAIL, job_key(&job), &job), ERR_NOT_FOUND);
	fixture_accept(f, API_FAIL, 3);
	OK(store_commit(f->store));
}

static void open_into_a_wall(struct fixture *f, void *unused)
{
	struct store *store = NULL;

	(void)unused;
	limit_files(100 * 1024); /* the log was 650 KB */
	enum err err = store_open(&store_sqlite, &f->spec, &f->diag, &store);
	if (err != ERR_IO || !f->diag.first)
		_exit(1);
	_exit(strcmp(f->diag.first->name, "io-error") ? 2 : 0);
}

static void a_failed_first_checkpoint_forbids_the_start(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	write_some(f, 0, 10);
	store_close(f->store);
	f->store = NULL;
	f->ops = NULL; /* the child opens it itself */
	expect_child(child(open_into_a_wall, f, NULL));
	f->ops = &store_sqlite;
	fixture_open(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM \"select\""), 10);
}

/* A row inserted, then SQLite gives up: nothing of it may be committed. */
static void spill_into_a_wall(struct fixture *f, void *unused)
{
	static char bytes[4 * 1024 * 1024];
	struct job job = fixture_job(API_FAIL, 2);

	(void)unused;
	limit_files(100 * 1024);
	CHILD_OK(store_begin(f->store));
	fixture_accept(f, API_FAIL, 1);
	if (store_accept(f->store, API_FAIL, &job,
		(struct str){bytes, sizeof(bytes)}, nothing) != ERR_IO)
		_exit(1);
	_exit(store_commit(f->store) == ERR_IO ? 0 : 2);
}

static void after_an_error_nothing_is_committed(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	accept_one(f, API_RETRY, 1);
	expect_child(child(spill_into_a_wall, f, NULL));
	assert_int_equal(ask(f, "SELECT count(*) FROM \"vat-return-post\""), 0);
	assert_int_equal(
	    ask(f, "SELECT value FROM _meta WHERE name='version'"), 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    T(a_new_store_has_its_settings_from_the_start),
	    T(what_was_committed_is_there_again),
	    T(a_missing_folder_is_refused),
	    T(a_folder_that_cannot_be_written_is_refused),
	    T(another_name_key_is_refused),
	    T(a_newer_format_is_refused_and_left_alone),
	    T(what_is_no_store_is_refused),
	    T(a_damaged_row_is_said),
	    T(apis_come_and_go),
	    T(a_brief_open_waits_for_nobody),
	    T(a_brief_open_makes_and_mends),
	    T(those_that_read_have_it_mapped),
	    T(a_read_only_handle_changes_nothing),
	    T(a_reader_waits_for_no_writer),
	    T(a_foreign_lock_is_waited_for_and_then_told),
	    T(a_turn_that_does_not_come_is_told),
	    T(a_reader_at_the_start_is_waited_for_and_then_told),
	    T(after_a_reboot_all_leases_are_over),
	    T(a_reboot_carries_deadlines_over),
	    T(in_the_same_boot_leases_hold),
	    T(a_store_that_another_host_holds_is_refused),
	    T(rows_are_narrow),
	    T(every_statement_uses_an_index),
	    T(a_claim_steps_over_nobody),
	    T(a_payload_is_gone_once_the_job_ended),
	    T(a_purge_is_gone_from_the_log),
	    T(a_replaced_credential_is_gone_from_the_log),
	    T(the_log_stays_small_under_a_writer),
	    T(a_reader_puts_the_checkpoint_off_and_no_more),
	    T(nothing_is_checkpointed_at_close),
	    T(a_failed_commit_ends_the_process),
	    T(a_failed_first_checkpoint_forbids_the_start),
	    T(after_an_error_nothing_is_committed),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
