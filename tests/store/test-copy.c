#include "tests/store/children.h"
#include "tests/store/meddle.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

/*
 * Copies of a store: of one moment while others write, never opened by
 * accident, and adopted without anything being sent twice.
 */

/* ---- two folders ------------------------------------------------------- */

static void copy_folder(struct fixture *f)
{
	assert_int_equal(mkdir(path_of(f, "copy"), 0700), 0);
}

static enum err copy_with(struct fixture *f, struct store *store,
    bool (*progress)(void *ctx, int64_t done, int64_t pages), void *ctx)
{
	const struct store_copying copying = {
	    .path = path_of(f, "copy/jobs.db"),
	    .now_ms = NOW_MS,
	    .progress = progress,
	    .ctx = ctx};

	diag_init(&f->diag, &f->arena);
	return store_copy(store, &copying, &f->diag);
}

static void copy(struct fixture *f)
{
	copy_folder(f);
	enum err err = copy_with(f, f->store, NULL, NULL);
	diag_print(&f->diag, stderr);
	OK(err);
}

/* From now on the fixture is of the copy. */
static void turn_to_copy(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	f->spec.dir = path_of(f, "copy");
	f->spec.adopts = true;
}

static void open_copy(struct fixture *f)
{
	turn_to_copy(f);
	fixture_open(f);
}

static int64_t ask_copy(struct fixture *f, const char *sql)
{
	struct db db;
	int64_t n = -1;

	OK(db_open(path_of(f, "copy/jobs.db"), DB_WRITES, &db));
	OK(db_number(&db, sql, &n));
	db_close(&db);
	return n;
}

static size_t files_in(struct fixture *f, const char *name)
{
	DIR *dir = opendir(path_of(f, name));
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int copy_setup(void **state)
{
	return setup(state);
}

static int copy_teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	store_close(f->store);
	f->store = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s/copy'", f->dir);
	assert_int_equal(system(command), 0);
	return teardown(state);
}

/* ---- copying ----------------------------------------------------------- */

static void a_copy_is_whole_and_says_what_it_is(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	fixture_open(f);
	for (uint32_t i = 1; i <= 50; i++)
		accept_one(f, API_WIDE, i);
	struct job job = take_one(f, API_WIDE);
	complete(f, API_WIDE, &job);
	copy(f);
	assert_int_equal(files_in(f, "copy"), 1);
	assert_int_equal(stat(path_of(f, "copy/jobs.db"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(
	    ask_copy(f, "SELECT count(*) FROM pragma_integrity_check"
			" WHERE integrity_check='ok'"),
	    1);
	assert_int_equal(
	    ask_copy(f, "SELECT value FROM _meta WHERE name='copy'"), NOW_MS);
	assert_int_equal(ask_copy(f, "SELECT count(*) FROM \"select\""), 50);
	assert_int_equal(ask_copy(f, "SELECT count(*) FROM _body"), 100);
	assert_int_equal(ask_copy(f, "PRAGMA auto_vacuum"), 2);
	/* the original is none */
	assert_int_equal(
	    ask(f, "SELECT count(*) FROM _meta WHERE name='copy'"), 0);
	reopen(f);
}

/* A row in each of two tables, always in one transaction. */
static void accept_pair(struct fixture *f, struct store *store, uint32_t n)
{
	struct job a = fixture_job(API_FAIL, n), b = fixture_job(API_RETRY, n);
	static char body[20000];

	OK(store_begin(store));
	OK(store_accept(store, API_FAIL, &a, STR("request"), nothing));
	OK(store_accept(
	    store, API_RETRY, &b, (struct str){body, sizeof(body)}, nothing));
	OK(store_commit(store));
	(void)f;
}

struct beside {
	struct fixture *f;
	uint32_t n;
	int calls, fell;
	int64_t last;
};

static bool write_beside(void *ctx, int64_t done, int64_t pages)
{
	struct beside *b = ctx;

	assert_true(done >= 0 && done <= pages && pages > 0);
	b->fell += done <= b->last; /* from the beginning again */
	b->last = done;
	b->calls++;
	for (int i = 0; i < 5; i++)
		accept_pair(b->f, b->f->store, ++b->n);
	return true;
}

static void it_is_of_one_moment_while_others_write(void **state)
{
	struct fixture *f = *state;
	struct beside beside = {.f = f};
	struct store *reader;

	fixture_open(f);
	while (beside.n < 300)
		accept_pair(f, f->store, ++beside.n);
	f->spec.role = STORE_SHOWS;
	OK(store_open(f->ops, &f->spec, &f->diag, &reader));
	f->spec.role = STORE_WRITES;
	copy_folder(f);
	OK(copy_with(f, reader, write_beside, &beside));
	store_close(reader);
	assert_true(beside.calls > 3);
	assert_int_equal(beside.fell, 0);
	assert_int_equal(
	    ask_copy(f, "SELECT count(*) FROM \"vat-return-post\""), 300);
	assert_int_equal(
	    ask_copy(f, "SELECT count(*) FROM \"bundle-post\""), 300);
	assert_int_equal(
	    ask_copy(f, "SELECT value FROM _meta WHERE name='version'"), 600);
	assert_int_equal(
	    ask_copy(f, "SELECT count(*) FROM pragma_integrity_check"
			" WHERE integrity_check='ok'"),
	    1);
}

/* The log must not grow without end for a copy's sake. */
static void it_gives_way_when_the_log_grows(void **state)
{
	struct fixture *f = *state;
	struct beside beside = {.f = f};
	struct store *reader;

	f->spec.limits.wal_mark = 200 * 1024;
	f->spec.limits.wal_gate = 400 * 1024;
	fixture_open(f);
	while (beside.n < 300)
		accept_pair(f, f->store, ++beside.n);
	f->spec.role = STORE_SHOWS;
	OK(store_open(f->ops, &f->spec, &f->diag, &reader));
	f->spec.role = STORE_WRITES;
	copy_folder(f);
	OK(copy_with(f, reader, write_beside, &beside));
	store_close(reader);
	assert_true(beside.fell > 0 && beside.fell <= 3);
	assert_int_equal(
	    ask_copy(f, "SELECT (SELECT count(*) FROM \"vat-return-post\")"
			" - (SELECT count(*) FROM \"bundle-post\")"),
	    0);
	assert_true(ask_copy(f, "SELECT count(*) FROM \"bundle-post\"") >= 300);
}

static void write_all_the_time(struct fixture *f, void *stop)
{
	for (uint32_t n = 1; !atomic_load((atomic_int *)stop); n++)
		accept_pair(f, f->store, n);
}

static void it_is_consistent_beside_another_process(void **state)
{
	struct fixture *f = *state;
	atomic_int *stop = shared(sizeof(*stop));

	fixture_open(f);
	const pid_t pid = child(write_all_the_time, f, stop);
	while (ask(f, "SELECT count(*) FROM \"bundle-post\"") < 50)
		nap_us(1000);
	copy(f);
	atomic_store(stop, 1);
	expect_child(pid);
	assert_int_equal(
	    ask_copy(f, "SELECT (SELECT count(*) FROM \"vat-return-post\")"
			" - (SELECT count(*) FROM \"bundle-post\")"),
	    0);
	assert_int_equal(
	    ask_copy(f, "SELECT count(*) FROM pragma_integrity_check"
			" WHERE integrity_check='ok'"),
	    1);
}

static bool stop_soon(void *ctx, int64_t done, int64_t pages)
{
	(void)done;
	(void)pages;
	return --*(int *)ctx > 0;
}

static void who_stops_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	int steps = 2;

	fixture_open(f);
	for (uint32_t n = 1; n < 300; n++)
		accept_pair(f, f->store, n);
	copy_folder(f);
	assert_int_equal(copy_with(f, f->store, stop_soon, &steps), ERR_AGAIN);
	assert_int_equal(f->diag.errors, 0);
	assert_int_equal(files_in(f, "copy"), 0);
	OK(copy_with(f, f->store, NULL, NULL)); /* and again, all of it */
	assert_int_equal(files_in(f, "copy"), 1);
}

static void no_file_is_overwritten(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	copy(f);
	assert_int_equal(copy_with(f, f->store, NULL, NULL), ERR_CONFLICT);
	assert_string_equal(f->diag.first->name, "copy-exists");
	assert_int_equal(files_in(f, "copy"), 1);
	/* the log of another store would be taken for its own */
	assert_int_equal(
	    rename(path_of(f, "copy/jobs.db"), path_of(f, "copy/jobs.db-wal")),
	    0);
	assert_int_equal(copy_with(f, f->store, NULL, NULL), ERR_CONFLICT);
	assert_string_equal(f->diag.first->name, "copy-exists");
	assert_int_equal(files_in(f, "copy"), 1);
}

static void what_is_left_of_another_try_does_no_harm(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	accept_one(f, API_WIDE, 1);
	copy_folder(f);
	int fd =
	    open(path_of(f, "copy/jobs.db.part"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "half a page", 11), 11);
	close(fd);
	fd =
	    open(path_of(f, "copy/jobs.db.part-wal"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "half a log", 10), 10);
	close(fd);
	OK(copy_with(f, f->store, NULL, NULL));
	assert_int_equal(files_in(f, "copy"), 1);
	assert_int_equal(ask_copy(f, "SELECT count(*) FROM \"select\""), 1);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	assert_int_equal(copy_with(f, f->store, NULL, NULL), ERR_IO);
	assert_string_equal(f->diag.first->name, "io-error");
	copy_folder(f);
}

static void copy_without_room(struct fixture *f, void *unused)
{
	const struct rlimit limit = {256 * 1024, 256 * 1024};

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	enum err err = copy_with(f, f->store, NULL, NULL);
	_exit(err == ERR_FULL || err == ERR_IO ? 0 : 1);
}

static void a_disk_without_room_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	for (uint32_t n = 1; n < 100; n++)
		accept_pair(f, f->store, n);
	copy_folder(f);
	expect_child(child(copy_without_room, f, NULL));
	assert_int_equal(files_in(f, "copy"), 0);
}

static void the_memorys_cannot_be_copied(void **unused)
{
	struct fixture f;
	const struct store_copying copying = {.path = "/nowhere"};
	struct store_adopted adopted;

	(void)unused;
	fixture_init(&f, &store_memory);
	fixture_open(&f);
	assert_int_equal(store_copy(f.store, &copying, &f.diag), ERR_USAGE);
	assert_int_equal(store_adopt(f.store,
			     (struct store_now){NOW_MS, NOW_BOOT}, &adopted),
	    ERR_CONFLICT);
	fixture_end(&f);
}

/* ---- opening ----------------------------------------------------------- */

static void nobody_opens_a_copy_by_accident(void **state)
{
	static const enum store_role roles[] = {
	    STORE_SHOWS, STORE_READS, STORE_WRITES};
	struct fixture *f = *state;

	fixture_open(f);
	accept_one(f, API_WIDE, 1);
	copy(f);
	turn_to_copy(f);
	f->spec.adopts = false;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		f->spec.role = roles[i];
		expect_refusal(f, ERR_MISSING, "store-is-copy");
	}
	f->spec.brief = true;
	expect_refusal(f, ERR_MISSING, "store-is-copy");
	f->spec.brief = false;
	f->spec.boot = "after a reboot as well";
	expect_refusal(f, ERR_MISSING, "store-is-copy");
	f->spec.adopts = true; /* who means it may look at it first */
	fixture_open(f);
}

/* Put back over what is left of the original: its log would hide the mark. */
static void a_log_of_another_store_is_not_taken_for_its_own(void **state)
{
	static const enum store_role roles[] = {
	    STORE_SHOWS, STORE_READS, STORE_WRITES};
	struct fixture *f = *state;
	struct store_adopted adopted;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	copy(f);
	accept_one(f, API_FAIL, 2);
	assert_true(size_of(f, "jobs.db-wal") > 0);
	store_close(f->store); /* which leaves its log */
	f->store = NULL;
	assert_int_equal(
	    rename(path_of(f, "copy/jobs.db"), path_of(f, "jobs.db")), 0);
	for (int adopts = 0; adopts < 2; adopts++)
		for (size_t i = 0; i < 3; i++) {
			f->spec.adopts = adopts;
			f->spec.role = roles[i];
			expect_refusal(f, ERR_MISSING, "store-is-copy");
		}
	unlink(path_of(f, "jobs.db-wal"));
	unlink(path_of(f, "jobs.db-shm"));
	fixture_open(f);
	accept_one(f, API_FAIL, 3); /* its own log from now on */
	store_close(f->store);
	f->store = NULL;
	assert_true(size_of(f, "jobs.db-wal") > 0);
	f->spec.adopts = false;
	expect_refusal(f, ERR_MISSING, "store-is-copy");
	f->spec.adopts = true;
	fixture_open(f);
	OK(store_adopt(
	    f->store, (struct store_now){NOW_MS, NOW_BOOT}, &adopted));
	assert_int_equal(adopted.ended, 2);
	f->spec.adopts = false;
	reopen(f);
	assert_int_equal(ask(f, "PRAGMA application_id"), 0);
}

/* ---- adopting ---------------------------------------------------------- */

static const struct store_now later = {NOW_MS + 5000, NOW_BOOT + 5000};

static struct job row_in(struct fixture *f, size_t api, uint32_t number)
{
	struct job job = fixture_job(api, number);

	OK(store_view(f->store));
	OK(store_get(f->store, api, job_key(&job), &job));
	store_unview(f->store);
	return job;
}

static void speak(
    struct fixture *f, size_t api, struct job *job, enum job_event_kind kind)
{
	struct job_event event = fixture_event(job, kind);

	OK(store_begin(f->store));
	OK(store_change(f->store, api, job, &event, nothing));
	OK(store_commit(f->store));
}

/* API_FAIL holds, API_RETRY fails, API_WIDE goes again. */
static void fill(struct fixture *f)
{
	f->apis[API_FAIL].on_lost = ON_LOST_HOLD;
	f->apis[API_FAIL].concurrency = 9;
	f->apis[API_RETRY].on_lost = ON_LOST_FAIL;
	f->apis[API_RETRY].concurrency = 9;
	fixture_open(f);
	for (size_t api = 0; api < API_COUNT; api++) {
		for (uint32_t i = 1; i <= 5; i++)
			accept_one(f, api, i);
		struct job job = take_one(f, api); /* 1: completed */
		complete(f, api, &job);
		job = take_one(f, api); /* 2: polled, given back */
		speak(f, api, &job, JOB_EVENT_POLL);
		take_one(f, api);	/* 3: running */
		job = take_one(f, api); /* 4: in need */
		speak(f, api, &job, JOB_EVENT_NEED);
		job = row_in(f, api, 2);
		speak(f, api, &job, JOB_EVENT_RELEASE);
	} /* 5: pending */
}

static void what_may_have_been_sent_is_not_sent_again(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;
	struct job job;

	fill(f);
	copy(f);
	struct job done = row_in(f, API_RETRY, 1);
	open_copy(f);
	OK(store_adopt(f->store, later, &adopted));
	assert_int_equal(adopted.copied_ms, NOW_MS);
	assert_null(adopted.api);
	assert_int_equal(adopted.ended, 3); /* 3, 4 and 5 of one */
	assert_int_equal(adopted.held, 3);  /* of another */
	assert_int_equal(adopted.going, 2 + 4);
	for (uint32_t i = 3; i <= 5; i++) {
		job = row_in(f, API_RETRY, i);
		assert_int_equal(job.state, JOB_FAILED);
		assert_int_equal(job.reason, REASON_OUTCOME_UNKNOWN);
		assert_int_equal(job.ended_ms, later.ms);
		job = row_in(f, API_FAIL, i);
		assert_int_equal(job.state, JOB_PROCESSING);
		assert_true(job.held);
		assert_false(job.needs);
		job = row_in(f, API_WIDE, i);
		assert_int_equal(job.state, JOB_PENDING);
		assert_int_equal(job.needs, i == 4);
	}
	for (size_t api = 0; api < API_COUNT; api++) {
		job = row_in(f, api, 2);
		assert_int_equal(job.state, JOB_PENDING);
		assert_true(job.polled);
	}
	job = row_in(f, API_RETRY, 1);
	assert_memory_equal(&job, &done, sizeof(job));
	/* a store as any other, once and for all */
	assert_int_equal(store_adopt(f->store, later, &adopted), ERR_CONFLICT);
	f->spec.adopts = false;
	reopen(f);
	struct str body;
	job = row_in(f, API_FAIL, 5);
	OK(store_view(f->store));
	OK(store_body(f->store, &job, BODY_REQUEST, &f->arena, &body));
	store_unview(f->store);
}

static void an_adoption_that_was_cut_off_goes_on(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;

	fill(f);
	copy(f);
	open_copy(f);
	OK(store_adopt(f->store, later, &adopted));
	store_close(f->store);
	f->store = NULL;
	const int64_t version =
	    ask_copy(f, "SELECT value FROM _meta WHERE name='version'");
	/* as if it had ended right before its end */
	assert_int_equal(
	    ask_copy(f, "UPDATE _meta SET value=7 WHERE name='copy'"
			" RETURNING value"),
	    7);
	f->spec.adopts = false;
	expect_refusal(f, ERR_MISSING, "store-is-copy");
	f->spec.adopts = true;
	fixture_open(f);
	OK(store_adopt(f->store, later, &adopted));
	assert_int_equal(adopted.ended, 0);
	assert_int_equal(adopted.held, 3);
	assert_int_equal(
	    ask_copy(f, "SELECT value FROM _meta WHERE name='version'"),
	    version);
}

static void many_are_adopted_in_batches(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;

	fixture_open(f);
	OK(store_begin(f->store));
	for (uint32_t i = 1; i <= 700; i++) {
		fixture_accept(f, API_FAIL, i);
		fixture_accept(f, API_WIDE, i);
	}
	OK(store_commit(f->store));
	copy(f);
	open_copy(f);
	OK(store_adopt(f->store, later, &adopted));
	assert_int_equal(adopted.ended, 700);
	assert_int_equal(adopted.going, 700);
	assert_int_equal(ask_copy(f, "SELECT count(*) FROM \"vat-return-post\""
				     " WHERE state=3 AND reason=5"),
	    700);
	assert_int_equal(
	    ask_copy(f, "SELECT n FROM _count WHERE api='vat-return-post'"
			" AND state=3"),
	    700);
}

/* ---- killed -------------------------------------------------------------- */

static void fill_many(struct fixture *f, uint32_t n)
{
	OK(store_begin(f->store));
	for (uint32_t i = 1; i <= n; i++) {
		fixture_accept(f, API_FAIL, i);
		fixture_accept(f, API_WIDE, i);
	}
	OK(store_commit(f->store));
}

static bool count_steps(void *ctx, int64_t done, int64_t pages)
{
	(void)done;
	(void)pages;
	atomic_fetch_add((atomic_int *)ctx, 1);
	return true;
}

static void copy_counting(struct fixture *f, void *steps)
{
	(void)!copy_with(f, f->store, count_steps, steps);
	atomic_store((atomic_int *)steps, 1000);
}

/* What bears the name is whole, or is not there; the next try makes it. */
static void a_killed_copy_is_none(void **state)
{
	struct fixture *f = *state;
	atomic_int *steps = shared(sizeof(*steps));
	int none = 0;

	fixture_open(f);
	fill_many(f, 3000);
	copy_folder(f);
	for (int i = 0; i < 6; i++) {
		atomic_store(steps, 0);
		const pid_t pid = child(copy_counting, f, steps);
		while (atomic_load(steps) < 1 + i % 4)
			nap_us(100);
		kill(pid, SIGKILL);
		child_status(pid);
		if (access(path_of(f, "copy/jobs.db"), F_OK)) {
			none++;
			continue;
		}
		assert_int_equal(
		    ask_copy(f, "SELECT value FROM _meta WHERE name='copy'"),
		    NOW_MS);
		unlink(path_of(f, "copy/jobs.db"));
		unlink(path_of(f, "copy/jobs.db-wal"));
		unlink(path_of(f, "copy/jobs.db-shm"));
	}
	assert_true(none > 0);
	OK(copy_with(f, f->store, NULL, NULL));
	assert_int_equal(files_in(f, "copy"), 1);
	assert_int_equal(ask_copy(f, "SELECT count(*) FROM \"select\""), 3000);
}

static void adopt_all(struct fixture *f, void *unused)
{
	struct store_adopted adopted;

	(void)unused;
	CHILD_OK(store_adopt(f->store, later, &adopted));
}

static int64_t ended_in_copy(struct fixture *f)
{
	return ask_copy(f, "SELECT count(*) FROM \"vat-return-post\""
			   " WHERE state=3");
}

/* Killed at any batch: a copy still, and each job ends once. */
static void a_killed_adoption_goes_on(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;
	bool is_copy = true;

	fixture_open(f);
	fill_many(f, 3000);
	copy(f);
	turn_to_copy(f);
	for (int64_t i = 1; i <= 5; i++) {
		const int64_t before = ended_in_copy(f);
		const pid_t pid = child(adopt_all, f, NULL);
		while (ended_in_copy(f) == before && before < 3000)
			nap_us(100);
		kill(pid, SIGKILL);
		child_status(pid);
		is_copy = ask_copy(f, "SELECT value<>0 FROM _meta"
				      " WHERE name='copy'") == 1;
		assert_true(is_copy || ended_in_copy(f) == 3000);
		if (!is_copy)
			break;
	}
	fixture_open(f);
	if (is_copy)
		OK(store_adopt(f->store, later, &adopted));
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(ended_in_copy(f), 3000);
	assert_int_equal(
	    ask_copy(f, "SELECT value FROM _meta WHERE name='version'"), 9000);
	assert_int_equal(ask_copy(f, "SELECT count(DISTINCT version) FROM"
				     " \"vat-return-post\" WHERE version>6000"),
	    3000);
}

static void a_copy_with_jobs_of_an_unknown_api_stays_one(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;

	fixture_open(f);
	accept_one(f, API_FAIL, 1);
	accept_one(f, API_WIDE, 1);
	copy(f);
	turn_to_copy(f);
	f->config.n_apis = 2;
	fixture_open(f);
	assert_int_equal(store_adopt(f->store, later, &adopted), ERR_MISSING);
	assert_string_equal(adopted.api, "select");
	assert_int_equal(row_in(f, API_FAIL, 1).state, JOB_PENDING);
	f->config.n_apis = 3;
	reopen(f);
	OK(store_adopt(f->store, later, &adopted));
	assert_int_equal(adopted.ended, 1);
}

/* On another host: its times are carried over, its leases are not. */
static void a_copy_may_go_to_another_host(void **state)
{
	struct fixture *f = *state;
	struct store_adopted adopted;

	fill(f);
	copy(f);
	turn_to_copy(f);
	f->spec.boot = "another host";
	f->spec.now = (struct store_now){NOW_MS + 5000, 10};
	fixture_open(f);
	OK(store_adopt(f->store, f->spec.now, &adopted));
	assert_int_equal(adopted.held, 3);
	assert_int_equal(
	    row_in(f, API_WIDE, 5).deadline_boot, 10 + 60000 - 5000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, copy_setup, copy_teardown)
	static const struct CMUnitTest tests[] = {
	    T(a_copy_is_whole_and_says_what_it_is),
	    T(it_is_of_one_moment_while_others_write),
	    T(it_gives_way_when_the_log_grows),
	    T(it_is_consistent_beside_another_process),
	    T(who_stops_leaves_nothing),
	    T(no_file_is_overwritten),
	    T(what_is_left_of_another_try_does_no_harm),
	    T(a_folder_that_is_not_there_is_said),
	    T(a_disk_without_room_leaves_nothing),
	    cmocka_unit_test(the_memorys_cannot_be_copied),
	    T(nobody_opens_a_copy_by_accident),
	    T(a_log_of_another_store_is_not_taken_for_its_own),
	    T(what_may_have_been_sent_is_not_sent_again),
	    T(an_adoption_that_was_cut_off_goes_on),
	    T(many_are_adopted_in_batches),
	    T(a_killed_copy_is_none),
	    T(a_killed_adoption_goes_on),
	    T(a_copy_with_jobs_of_an_unknown_api_stays_one),
	    T(a_copy_may_go_to_another_host),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
