#include "tests/store/children.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <sqlite3.h>

#include "cgi/store/ballast.h"
#include "cgi/store/db.h"
#include "cgi/store/gate.h"
#include "cgi/store/sqlite.h"
#include "lib/clock.h"

/*
 * The store and the disk (store.md 2, 3, 7, 8): how far the log grows and who
 * waits for whom, a disk that is full, and what is left of erased bytes.
 *
 * This program stands between the store and three of its calls: what would
 * sleep or wait for a lock is counted, and each checkpoint is looked at.
 */

static struct {
	const char *dir;	  /* whose checkpoints are looked at */
	_Atomic int *checkpoints; /* shared with children */
	_Atomic int *bad;	  /* PASSIVE, or without the turn */
	bool watching;
	int waits; /* sleeps, and locks that may have to be waited for */
} seen;

static bool turn_is_held(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/write.lock", seen.dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool held = fd >= 0 && syscall(SYS_flock, fd, LOCK_EX | LOCK_NB);
	close(fd);
	return held;
}

int sqlite3_wal_checkpoint_v2(
    sqlite3 *db, const char *name, int mode, int *log, int *done)
{
	int (*real)(sqlite3 *, const char *, int, int *, int *);

	*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_wal_checkpoint_v2");
	if (seen.dir) {
		++*seen.checkpoints;
		if (mode == SQLITE_CHECKPOINT_PASSIVE || !turn_is_held())
			++*seen.bad;
	}
	return real(db, name, mode, log, done);
}

int usleep(useconds_t us)
{
	const struct timespec t = {.tv_nsec = (long)us * 1000};

	seen.waits += seen.watching;
	return (int)syscall(SYS_nanosleep, &t, NULL);
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
	seen.waits += seen.watching;
	return (int)syscall(SYS_nanosleep, t, left);
}

int flock(int fd, int how)
{
	seen.waits += seen.watching && !(how & (LOCK_NB | LOCK_UN));
	return (int)syscall(SYS_flock, fd, how);
}

/* ---- helpers ----------------------------------------------------------- */

#define KB ((int64_t)1024)
#define MB (1024 * KB)

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, &store_sqlite);
	f->spec.limits = (struct store_limits){
	    .wal_mark = 256 * KB, .wal_gate = 512 * KB, .wal_full = 4 * MB};
	seen.checkpoints = shared(2 * sizeof(int));
	seen.bad = seen.checkpoints + 1;
	seen.dir = f->dir;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	const int bad = *seen.bad;

	seen.dir = NULL;
	fixture_end(*state);
	free(*state);
	munmap(seen.checkpoints, 2 * sizeof(int));
	return bad;
}

static const char *path_of(struct fixture *f, const char *name)
{
	return arena_printf(&f->arena, "%s/%s", f->dir, name).p;
}

static int64_t size_of(struct fixture *f, const char *name)
{
	struct stat st;
	return stat(path_of(f, name), &st) ? -1 : st.st_size;
}

/*
 * By another process: SQLite's locks go when any descriptor of its file is
 * closed by the process that has them.
 */
static bool file_contains(
    struct fixture *f, const char *name, const char *marker)
{
	const char *command = arena_printf(
	    &f->arena, "grep -aqF -e %s %s", marker, path_of(f, name))
				  .p;
	int status = system(command);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static bool is_whole(struct fixture *f)
{
	struct db db;
	int64_t faults = 1;

	OK(db_open(path_of(f, "jobs.db"), DB_READS, &db));
	OK(db_number(&db,
	    "SELECT count(*) FROM pragma_integrity_check"
	    " WHERE integrity_check<>'ok'",
	    &faults));
	db_close(&db);
	return !faults;
}

static enum err accept_bytes(struct store *store, uint32_t number, size_t bytes)
{
	static char sealed[2 * 1024 * 1024];
	struct job job = fixture_job(API_WIDE, number);
	enum err err = store_begin(store);

	if (err)
		return err;
	err = store_accept(
	    store, API_WIDE, &job, (struct str){sealed, bytes}, nothing);
	if (!err)
		return store_commit(store);
	store_rollback(store);
	return err;
}

/* Claims the next and ends it with so many bytes of result. */
static enum err finish_one(struct store *store, size_t bytes)
{
	static char sealed[4 * 1024 * 1024];
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;
	enum err err = store_begin(store);

	if (err)
		return err;
	err = store_claim(store, API_WIDE, &a, &job, &due);
	if (!err) {
		struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
		err = store_change(
		    store, API_WIDE, &job, &end, (struct str){sealed, bytes});
	}
	if (!err)
		return store_commit(store);
	store_rollback(store);
	return err;
}

static struct store *open_as(struct fixture *f, enum store_role role)
{
	struct store_spec spec = f->spec;
	struct store *store = NULL;

	spec.role = role;
	OK(store_open(&store_sqlite, &spec, &f->diag, &store));
	return store;
}

/* ---- the gate ---------------------------------------------------------- */

static void the_gate_opens_by_itself(void **state)
{
	struct fixture *f = *state;
	struct gate gate, other;

	fixture_open(f);
	OK(gate_open(f->dir, STORE_WRITES, NULL, &gate));
	OK(gate_open(f->dir, STORE_READS, NULL, &other));
	assert_int_equal(gate_shut_ms(&other), 0);
	gate_shut(&gate, GATE_SHUT_MAX_MS);
	assert_true(gate_shut_ms(&other) > 0);
	gate_reopen(&gate);
	assert_int_equal(gate_shut_ms(&other), 0);
	gate_shut(&gate, 1); /* and then its owner dies */
	while (gate_shut_ms(&other))
		nap_us(200);
	/* a page that is older than this boot, or rubbish */
	atomic_store(&gate.page->shut_until, clock_boot_ms() + 3600000);
	assert_int_equal(gate_shut_ms(&other), 0);
	atomic_store(&gate.page->shut_until, INT64_MIN);
	assert_int_equal(gate_shut_ms(&other), 0);
	gate_close(&gate);
	gate_close(&gate); /* twice is harmless */
	gate_close(&other);
}

static void without_its_page_the_gate_is_open(void **state)
{
	struct fixture *f = *state;
	struct gate gate;

	OK(gate_open(f->dir, STORE_SHOWS, NULL, &gate));
	assert_int_equal(gate_shut_ms(&gate), 0);
	assert_int_equal(size_of(f, "gate.page"), -1);
	gate_close(&gate);
	close(open(path_of(f, "gate.page"), O_CREAT | O_WRONLY, 0600));
	OK(gate_open(f->dir, STORE_READS, NULL, &gate));
	assert_int_equal(gate_shut_ms(&gate), 0);
	gate_close(&gate);
}

/* What one view counted is not what the next one has. */
static void a_reader_counts_anew_in_each_view(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;
	struct store *reader;

	fixture_open(f);
	reader = open_as(f, STORE_READS);
	for (int i = 0; i < 3; i++) {
		OK(store_view(reader));
		for (int again = 0; again < 2; again++) {
			OK(store_stats(reader, API_RETRY, &stats));
			assert_int_equal(stats.count[JOB_PENDING], i);
			assert_int_equal(stats.oldest_pending_ms != 0, i > 0);
		}
		store_unview(reader);
		OK(store_begin(f->store));
		fixture_accept(f, API_RETRY, (uint32_t)i + 1);
		OK(store_commit(f->store));
	}
	store_close(reader);
}

static void a_shut_gate_parks_a_loop_and_nobody_else(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	struct gate gate;

	fixture_open(f);
	reader = open_as(f, STORE_READS);
	OK(gate_open(f->dir, STORE_WRITES, NULL, &gate));
	gate_shut(&gate, GATE_SHUT_MAX_MS);
	seen.watching = true;
	enum err err = store_view(reader);
	seen.watching = false;
	assert_int_equal(err, ERR_AGAIN);
	assert_int_equal(seen.waits, 0);
	gate_shut(&gate, 20);
	OK(store_view(f->store)); /* later, but it does */
	store_unview(f->store);
	gate_reopen(&gate);
	OK(store_view(reader));
	store_unview(reader);
	store_close(reader);
	gate_close(&gate);
}

/* ---- those who never wait ---------------------------------------------- */

enum holding { THE_TURN, THE_WRITE_LOCK, ALL_OF_IT, HOLDINGS };
struct held {
	enum holding what;
	_Atomic bool ready;
};

static void hold(struct fixture *f, void *shared_memory)
{
	static const char *const sql[HOLDINGS] = {
	    [THE_WRITE_LOCK] = "BEGIN IMMEDIATE; DELETE FROM _count",
	    [ALL_OF_IT] = "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;"
			  "DELETE FROM _count",
	};
	struct held *held = shared_memory;
	struct db db;

	if (held->what == THE_TURN) {
		CHILD_OK(store_begin(f->store));
	} else {
		CHILD_OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &db));
		CHILD_OK(db_exec(&db, sql[held->what]));
	}
	held->ready = true;
	for (;;)
		pause();
}

/* ERR_OK or what it was that could not be had; the store is closed again. */
static enum err open_and_look(struct fixture *f, struct store *reader)
{
	struct store_spec spec = f->spec;
	struct job job = fixture_job(API_WIDE, 1);
	struct store *late = NULL;
	enum err err = ERR_OK;

	spec.role = STORE_READS;
	seen.watching = true;
	if (!reader)
		err = store_open(&store_sqlite, &spec, NULL, &late);
	reader = reader ? reader : late;
	if (!err)
		err = store_view(reader);
	if (!err) {
		err = store_get(reader, API_WIDE, job_key(&job), &job);
		store_unview(reader);
	}
	seen.watching = false;
	store_close(late);
	return err;
}

static pid_t holder_of(struct fixture *f, enum holding what, struct held *held)
{
	*held = (struct held){.what = what};
	f->ops = what == THE_TURN ? &store_sqlite : NULL;
	pid_t pid = child(hold, f, held);
	f->ops = &store_sqlite;
	while (!held->ready && kill(pid, 0) == 0)
		nap_us(200);
	seen.waits = 0;
	return pid;
}

static void a_loop_waits_for_nobody(void **state)
{
	struct held *held = shared(sizeof(*held));
	struct fixture *f = *state;
	struct store *reader;

	fixture_open(f);
	OK(accept_bytes(f->store, 1, 100));
	reader = open_as(f, STORE_READS);
	for (int what = THE_TURN; what <= THE_WRITE_LOCK; what++) {
		pid_t holder = holder_of(f, (enum holding)what, held);
		OK(open_and_look(f, reader));
		OK(open_and_look(f, NULL));
		kill_child(holder);
		assert_int_equal(seen.waits, 0);
	}
	/* all of the file can only be locked while nobody has it open */
	store_close(reader);
	store_close(f->store);
	f->store = NULL;
	pid_t holder = holder_of(f, ALL_OF_IT, held);
	assert_int_equal(open_and_look(f, NULL), ERR_BUSY);
	kill_child(holder);
	assert_int_equal(seen.waits, 0);
	fixture_open(f);
	OK(open_and_look(f, NULL));
	munmap(held, sizeof(*held));
}

/* Its view is one moment from the start, whatever it reads first. */
static void a_view_is_as_it_was_when_it_began(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);
	struct store *reader;

	fixture_open(f);
	reader = open_as(f, STORE_READS);
	OK(store_view(reader));
	OK(accept_bytes(f->store, 1, 100));
	assert_int_equal(
	    store_get(reader, API_WIDE, job_key(&job), &job), ERR_NOT_FOUND);
	store_unview(reader);
	store_close(reader);
}

/* ---- the log ----------------------------------------------------------- */

struct readers {
	_Atomic bool stop;
	_Atomic int views, refused, running;
};

/* One view after the other, and the next process in the middle of mine. */
static void come_and_go(struct fixture *f, void *shared_memory)
{
	struct readers *r = shared_memory;
	struct job job = fixture_job(API_WIDE, 0);

	r->running++;
	while (!r->stop) {
		enum err err = store_view(f->store);
		if (err == ERR_AGAIN) {
			r->refused++;
			nap_us(1000);
			continue;
		}
		CHILD_OK(err);
		CHILD_OK(store_get(f->store, API_WIDE, job_key(&job), &job));
		nap_us(300);
		store_unview(f->store);
		r->views++;
	}
}

static void write_beside_readers(struct fixture *f, struct readers *r)
{
	pid_t pids[4];
	int64_t largest = 0;

	fixture_open(f);
	OK(accept_bytes(f->store, 0, 100));
	f->spec.role = STORE_READS;
	for (int i = 0; i < 4; i++)
		pids[i] = child(come_and_go, f, r);
	while (r->running < 4)
		nap_us(200);
	for (uint32_t i = 1; i < 800; i++) { /* 13 MB */
		OK(accept_bytes(f->store, i, 16 * 1024));
		int64_t log = size_of(f, "jobs.db-wal");
		largest = log > largest ? log : largest;
	}
	r->stop = true;
	for (int i = 0; i < 4; i++)
		expect_child(pids[i]);
	print_message("# log: %lld bytes at most; %d views, %d refused; "
		      "%d checkpoints\n",
	    (long long)largest, r->views, r->refused, *seen.checkpoints);
	assert_true(r->views > 0);
	assert_in_range(largest, f->spec.limits.wal_mark, 4 * MB - 1);
	assert_true(*seen.checkpoints > 2);
	assert_int_equal(*seen.bad, 0);
}

static void the_log_is_bounded_whoever_reads_meanwhile(void **state)
{
	struct readers *r = shared(sizeof(*r));

	write_beside_readers(*state, r);
	munmap(r, sizeof(*r));
}

static void readers_stand_before_the_gate_meanwhile(void **state)
{
	struct readers *r = shared(sizeof(*r));
	struct fixture *f = *state;

	f->spec.limits.wal_gate = f->spec.limits.wal_mark;
	write_beside_readers(f, r);
	assert_true(r->refused > 0);
	munmap(r, sizeof(*r));
}

static void read_and_stay(struct fixture *f, void *shared_memory)
{
	struct held *held = shared_memory;
	struct db db;
	int64_t n;

	CHILD_OK(db_open(path_of(f, "jobs.db"), DB_READS, &db));
	CHILD_OK(db_exec(&db, "BEGIN"));
	CHILD_OK(db_number(&db, "SELECT count(*) FROM \"select\"", &n));
	held->ready = true;
	for (;;)
		pause();
}

static void a_reader_that_never_ends_stops_new_work_only(void **state)
{
	struct held *held = shared(sizeof(*held));
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);
	enum err err = ERR_OK;
	uint32_t n = 0;

	fixture_open(f);
	OK(accept_bytes(f->store, n++, 100));
	f->ops = NULL; /* the child needs no store */
	pid_t reader = child(read_and_stay, f, held);
	f->ops = &store_sqlite;
	while (!held->ready)
		nap_us(200);
	while (!(err = accept_bytes(f->store, n, 16 * 1024)))
		n++;
	assert_int_equal(err, ERR_FULL);
	int64_t full = size_of(f, "jobs.db-wal");
	assert_in_range(full, 4 * MB, 4 * MB + 512 * KB);

	for (int i = 0; i < 20; i++) /* what is there can end */
		OK(finish_one(f->store, 1000));
	OK(store_begin(f->store)); /* what is there is known */
	assert_int_equal(
	    store_accept(f->store, API_WIDE, &job, STR("x"), nothing),
	    ERR_CONFLICT);
	assert_int_equal(job.state, JOB_COMPLETED);
	job = fixture_job(API_WIDE, n + 1);
	assert_int_equal(
	    store_accept(f->store, API_WIDE, &job, STR("x"), nothing),
	    ERR_FULL);
	OK(store_commit(f->store)); /* and the transaction is none the worse */
	int64_t grown = size_of(f, "jobs.db-wal");
	assert_in_range(grown, full, full + 2 * MB);

	kill_child(reader);
	while ((err = accept_bytes(f->store, n, 16 * 1024)) == ERR_FULL)
		nap_us(10000);
	OK(err);
	for (uint32_t i = 1; i < 50; i++) /* into what is there */
		OK(accept_bytes(f->store, n + i, 16 * 1024));
	assert_int_equal(size_of(f, "jobs.db-wal"), grown);
	assert_true(is_whole(f));
	assert_int_equal(*seen.bad, 0);
	munmap(held, sizeof(*held));
}

/* A shell that holds SQLite's own lock would make a RESTART a PASSIVE one. */
static void every_connection_leaves_checkpoints_to_us(void **state)
{
	struct fixture *f = *state;
	struct db db;
	int64_t n = -1;

	fixture_open(f);
	for (int mode = DB_WRITES; mode <= DB_LOOKS; mode++) {
		OK(db_open(path_of(f, "jobs.db"), (enum db_mode)mode, &db));
		OK(db_number(&db, "PRAGMA wal_autocheckpoint", &n));
		assert_int_equal(n, 0);
		db_close(&db);
	}
	OK(accept_bytes(f->store, 1, 100));
	int before = *seen.checkpoints;
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(*seen.checkpoints, before);
	assert_true(size_of(f, "jobs.db-wal") > 0);
	fixture_open(f);
	assert_int_equal(*seen.checkpoints, before + 1);
	assert_int_equal(size_of(f, "jobs.db-wal"), 0);
}

/* ---- room -------------------------------------------------------------- */

static void a_store_has_a_limit_if_it_is_told(void **state)
{
	struct fixture *f = *state;
	enum err err;
	uint32_t n = 0;

	f->spec.limits.store_bytes = 1 * MB;
	fixture_open(f);
	while (!(err = accept_bytes(f->store, n, 16 * 1024)))
		n++;
	assert_int_equal(err, ERR_FULL);
	assert_in_range(n, 30, 64);
	for (uint32_t i = 0; i < n; i++)
		OK(finish_one(f->store, 100));
	/* the bodies went: their pages are free, once the log is over */
	store_close(f->store);
	fixture_open(f);
	OK(accept_bytes(f->store, n, 16 * 1024));
}

static void a_disk_without_its_reserve_takes_nothing_new(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	OK(accept_bytes(f->store, 1, 100));
	store_close(f->store);
	f->spec.limits.reserve_bytes = INT64_MAX / 8;
	fixture_open(f);
	assert_int_equal(accept_bytes(f->store, 2, 100), ERR_FULL);
	OK(finish_one(f->store, 100));
}

static void the_ballast_is_made_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct ballast_disk disk;

	OK(ballast_disk(f->dir, 0, &disk));
	assert_in_range(disk.reserve, 1, BALLAST_RESERVE_MAX);
	OK(ballast_disk(f->dir, 5000, &disk));
	assert_int_equal(disk.reserve, 5000);
	assert_int_equal(ballast_disk(path_of(f, "nowhere"), 0, &disk), ERR_IO);
	assert_int_equal(ballast_make(f->dir, INT64_MAX / 8), ERR_FULL);
	assert_false(ballast_is_there(f->dir));
	OK(ballast_make(f->dir, 2 * MB));
	assert_true(ballast_is_there(f->dir));
	assert_int_equal(size_of(f, "ballast"), 1 * MB);
	OK(ballast_make(f->dir, 2 * MB)); /* is there */
	assert_true(ballast_drop(f->dir));
	assert_false(ballast_drop(f->dir));
}

/* Whoever made it was killed at it: a part of a ballast is none. */
static void half_a_ballast_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct store_now now = {.ms = NOW_MS, .boot = NOW_BOOT};
	struct store_tended report;
	int64_t due;
	int fd;

	f->spec.limits.reserve_bytes = 2 * MB;
	fixture_open(f);
	fd = open(path_of(f, "ballast"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	OK(store_tend(f->store, now, &report, &due));
	assert_int_equal(size_of(f, "ballast"), 1 * MB);
	assert_int_equal(truncate(path_of(f, "ballast"), 64 * KB), 0);
	OK(store_tend(f->store, now, &report, &due));
	assert_int_equal(size_of(f, "ballast"), 1 * MB);
}

/*
 * Endpoint and worker may be two users of one group: what one of them makes,
 * the other can use, whatever umask it was started with.
 */
static void a_group_may_share_a_store(void **state)
{
	static const char *const all[] = {"jobs.db", "jobs.db-wal",
	    "jobs.db-shm", "turn.lock", "write.lock", "host.lock",
	    "accepted.bell", "settled.bell", "gate.page"};
	struct fixture *f = *state;
	mode_t old = umask(077);
	struct stat st;

	fixture_open(f);
	umask(old);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(stat(path_of(f, all[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0660);
	}
	/* but what an operator made of it stays */
	assert_int_equal(chmod(path_of(f, "turn.lock"), 0600), 0);
	store_close(f->store);
	fixture_open(f);
	assert_int_equal(stat(path_of(f, "turn.lock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- a disk that is really full ---------------------------------------- */

/* true: f->dir is a disk of our own, so many bytes large. */
static bool make_small_disk(struct fixture *f, int64_t bytes)
{
	char options[64], map[64];
	const uid_t uid = getuid();

	if (unshare(uid ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
		return false;
	if (uid) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		int fd = open("/proc/self/uid_map", O_WRONLY);
		bool mapped = fd >= 0 && write(fd, map, strlen(map)) > 0;
		close(fd);
		if (!mapped)
			return false;
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	snprintf(options, sizeof(options), "size=%lld", (long long)bytes);
	return !mount("none", f->dir, "tmpfs", 0, options);
}

/* All but so many bytes of it. */
static void fill_disk(struct fixture *f, int64_t leave)
{
	static char zeros[4096];
	const char *path = path_of(f, "log");
	int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	struct ballast_disk disk;

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	struct stat st;
	if (fstat(fd, &st) || ftruncate(fd, st.st_size - leave))
		_exit(99);
	close(fd);
	CHILD_OK(ballast_disk(f->dir, 0, &disk));
	if (disk.free != leave)
		_exit(98);
}

#define NO_DISK 77
#define CHILD_TRUE(condition)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			_exit(100 + call_line(__LINE__));                      \
	} while (0)

static void in_a_child(
    struct fixture *f, void (*body)(struct fixture *f, void *shared_memory))
{
	f->ops = NULL;
	int status = child_status(child(body, f, NULL));
	f->ops = &store_sqlite;
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_DISK)
		print_message("# SKIP: no file system can be mounted here\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

static void child_open(struct fixture *f)
{
	CHILD_OK(store_open(&store_sqlite, &f->spec, NULL, &f->store));
}

static void full_with_jobs(struct fixture *f, void *unused)
{
	struct store_now now = {.ms = NOW_MS, .boot = NOW_BOOT};
	struct store_tended report;
	int64_t due;
	int fd, refusals = 0;
	uint32_t n = 0;
	enum err err;

	(void)unused;
	if (!make_small_disk(f, 24 * MB))
		_exit(NO_DISK);
	child_open(f);
	CHILD_OK(store_tend(f->store, now, &report, &due));
	CHILD_TRUE(ballast_is_there(f->dir));
	for (; n < 40; n++)
		CHILD_OK(accept_bytes(f->store, n, 16 * 1024));
	CHILD_OK(store_watch(f->store, BELL_SETTLED, &fd));
	fill_disk(f, 0);
	CHILD_TRUE(accept_bytes(f->store, n, 16 * 1024) == ERR_FULL);
	/* those that were accepted end all the same */
	for (int i = 0; i < 40; i++) {
		while ((err = finish_one(f->store, 20000)) == ERR_FULL)
			CHILD_TRUE(++refusals < 5);
		CHILD_OK(err);
		CHILD_TRUE(store_heard(f->store, fd) == BELL_SETTLED);
	}
	CHILD_TRUE(refusals > 0);
	CHILD_TRUE(!ballast_is_there(f->dir));
	CHILD_TRUE(accept_bytes(f->store, n, 16 * 1024) == ERR_FULL);
	CHILD_TRUE(is_whole(f));
	/* a start in that state */
	store_close(f->store);
	child_open(f);
	CHILD_TRUE(accept_bytes(f->store, n, 16 * 1024) == ERR_FULL);
	CHILD_OK(store_tend(f->store, now, &report, &due));
	CHILD_TRUE(!ballast_is_there(f->dir));
	CHILD_TRUE(due > now.boot);
	/* room again */
	unlink(path_of(f, "log"));
	CHILD_OK(store_tend(f->store, now, &report, &due));
	CHILD_TRUE(ballast_is_there(f->dir));
	CHILD_OK(accept_bytes(f->store, n, 16 * 1024));
	CHILD_TRUE(is_whole(f));
}

static void accepted_jobs_end_on_a_full_disk(void **state)
{
	in_a_child(*state, full_with_jobs);
}

/*
 * Larger than what is gathered in memory: it is written, and finds no room,
 * before its COMMIT. The room kept for it is given up all the same.
 */
static void full_with_a_large_result(struct fixture *f, void *unused)
{
	struct store_now now = {.ms = NOW_MS, .boot = NOW_BOOT};
	struct store_tended report;
	int64_t due;

	(void)unused;
	f->spec.limits.reserve_bytes = 12 * MB;
	if (!make_small_disk(f, 48 * MB))
		_exit(NO_DISK);
	child_open(f);
	CHILD_OK(store_tend(f->store, now, &report, &due));
	CHILD_TRUE(ballast_is_there(f->dir));
	CHILD_OK(accept_bytes(f->store, 1, 100));
	fill_disk(f, 0);
	CHILD_TRUE(finish_one(f->store, 3 * MB) == ERR_FULL);
	CHILD_TRUE(!ballast_is_there(f->dir));
	CHILD_OK(finish_one(f->store, 3 * MB));
	CHILD_TRUE(is_whole(f));
}

static void a_large_result_finds_room_on_a_full_disk(void **state)
{
	in_a_child(*state, full_with_a_large_result);
}

/* So many pages are left, one more each time: every write is the last once. */
static void full_at_every_write(struct fixture *f, void *unused)
{
	enum err err;
	uint32_t n = 0;
	int full = 0;

	(void)unused;
	f->spec.limits.reserve_bytes = 1; /* nothing looks ahead */
	if (!make_small_disk(f, 16 * MB))
		_exit(NO_DISK);
	child_open(f);
	CHILD_OK(accept_bytes(f->store, n++, 100));
	for (int64_t left = 0; left < 40; left++) {
		fill_disk(f, left * 4 * KB);
		size_t bytes = left % 3 ? 30000 : 1500 * 1024;
		for (err = ERR_OK; !err; n++)
			err = accept_bytes(f->store, n, bytes);
		CHILD_TRUE(err == ERR_FULL);
		full++;
		CHILD_TRUE(is_whole(f));
		unlink(path_of(f, "log"));
		if (left % 10 == 9) { /* what was refused left nothing */
			store_close(f->store);
			child_open(f);
		}
		CHILD_OK(accept_bytes(f->store, n++, 100));
		for (enum err done = ERR_OK; !done;)
			done = finish_one(f->store, 100);
	}
	CHILD_TRUE(full == 40);
}

static void a_disk_may_be_full_at_every_write(void **state)
{
	in_a_child(*state, full_at_every_write);
}

/* ---- erasure ----------------------------------------------------------- */

static const char *const files[] = {
    "jobs.db", "jobs.db-wal", "accepted.bell", "settled.bell", "gate.page"};

static bool any_contains(struct fixture *f, const char *marker)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		found |= file_contains(f, files[i], marker);
	return found;
}

static int64_t tend_at(struct store *store, int64_t boot)
{
	struct store_tended report;
	int64_t due = -1;

	OK(store_tend(store,
	    (struct store_now){.ms = NOW_MS + boot - NOW_BOOT, .boot = boot},
	    &report, &due));
	assert_int_equal(due, store_due_boot(store));
	return due;
}

static void accept_and_finish(struct fixture *f)
{
	struct job job = fixture_job(API_WIDE, 1);

	OK(store_begin(f->store));
	OK(store_accept(f->store, API_WIDE, &job, STR("SEALED-REQUEST"),
	    STR("SEALED-META")));
	OK(store_commit(f->store));
	OK(finish_one(f->store, 1000));
}

static void erased_bytes_leave_the_log_within_their_time(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	for (int api = 0; api < API_COUNT; api++)
		f->apis[api].ttl_ms = (int64_t)1000 * 1000 * 1000;
	fixture_open(f);
	tend_at(f->store, NOW_BOOT);
	accept_and_finish(f);
	assert_true(any_contains(f, "SEALED-REQUEST"));
	other = open_as(f, STORE_WRITES); /* whose start empties it */
	assert_false(any_contains(f, "SEALED-REQUEST"));
	assert_true(any_contains(f, "SEALED-META"));
	tend_at(f->store, NOW_BOOT);
	assert_true(finish_one(f->store, 0) == ERR_NOT_FOUND);

	f->spec.limits.erase_ms = 0;
	struct job job = fixture_job(API_WIDE, 2);
	OK(store_begin(f->store));
	OK(store_accept(
	    f->store, API_WIDE, &job, STR("SEALED-SECOND"), nothing));
	OK(store_commit(f->store));
	OK(finish_one(f->store, 1000));
	/* everybody knows, and whoever looks first says when */
	assert_true(store_due_boot(other) <= NOW_BOOT);
	assert_true(store_due_boot(f->store) <= NOW_BOOT);
	int64_t due = tend_at(other, NOW_BOOT);
	assert_in_range(due, NOW_BOOT + 1, NOW_BOOT + STORE_ERASE_MS);
	assert_int_equal(store_due_boot(f->store), due);
	assert_true(any_contains(f, "SEALED-SECOND"));
	tend_at(f->store, due - 1);
	assert_true(any_contains(f, "SEALED-SECOND"));
	tend_at(f->store, due);
	assert_false(any_contains(f, "SEALED-SECOND"));
	assert_int_equal(size_of(f, "jobs.db-wal"), 0);
	/* nothing is owed any more */
	assert_true(!store_due_boot(other) ||
		    store_due_boot(other) > NOW_BOOT + STORE_ERASE_MS);
	store_close(other);
}

static void a_reader_puts_the_erasure_off_until_he_left(void **state)
{
	struct fixture *f = *state;
	struct store *reader;

	fixture_open(f);
	tend_at(f->store, NOW_BOOT);
	accept_and_finish(f);
	reader = open_as(f, STORE_READS);
	OK(store_view(reader));
	int64_t due = tend_at(f->store, NOW_BOOT);
	int64_t again = tend_at(f->store, NOW_BOOT + STORE_ERASE_MS);
	assert_true(any_contains(f, "SEALED-REQUEST"));
	assert_true(again > due);
	assert_true(again <= NOW_BOOT + STORE_ERASE_MS + 5000);
	store_unview(reader);
	tend_at(f->store, NOW_BOOT + STORE_ERASE_MS + 5000);
	assert_false(any_contains(f, "SEALED-REQUEST"));
	store_close(reader);
}

static int64_t number_of(struct fixture *f, const char *sql)
{
	struct db db;
	int64_t n = -1;

	OK(db_open(path_of(f, "jobs.db"), DB_READS, &db));
	OK(db_number(&db, sql, &n));
	db_close(&db);
	return n;
}

static void free_pages_are_given_back_bit_by_bit(void **state)
{
	struct fixture *f = *state;
	int64_t boot = NOW_BOOT, due;
	int batches = 0;

	f->spec.limits.free_bytes = 256 * KB;
	fixture_open(f);
	for (uint32_t i = 0; i < 300; i++)
		OK(accept_bytes(f->store, i, 16 * 1024));
	for (uint32_t i = 0; i < 300; i++)
		OK(finish_one(f->store, 10));
	assert_true(number_of(f, "PRAGMA freelist_count") > 1000);
	int64_t before = number_of(f, "PRAGMA page_count");
	while (number_of(f, "PRAGMA freelist_count") > 64) {
		due = tend_at(f->store, boot);
		assert_true(due > boot);
		boot = due;
		assert_true(++batches < 50);
	}
	print_message("# %d batches\n", batches);
	assert_true(batches > 2);
	assert_true(number_of(f, "PRAGMA page_count") < before / 2);
	assert_true(is_whole(f));
}

/* Down to the last page, however few they are, and others go on meanwhile. */
static void free_pages_are_given_back_at_a_word(void **state)
{
	struct fixture *f = *state;
	int64_t unused = 1, last = INT64_MAX;
	int batches = 0;

	fixture_open(f);
	struct store *other = open_as(f, STORE_WRITES);
	for (uint32_t i = 0; i < 100; i++)
		OK(accept_bytes(f->store, i, 16 * 1024));
	for (uint32_t i = 0; i < 100; i++)
		OK(finish_one(f->store, 10));
	int64_t before = number_of(f, "PRAGMA page_count");
	for (; unused; batches++) {
		OK(store_vacuum(f->store, &unused));
		assert_true(unused < last);
		last = unused;
		OK(store_begin(other));
		store_rollback(other);
	}
	assert_true(batches > 1);
	assert_int_equal(number_of(f, "PRAGMA freelist_count"), 0);
	assert_true(number_of(f, "PRAGMA page_count") < before / 2);
	assert_true(is_whole(f));
	OK(store_vacuum(f->store, &unused));
	assert_int_equal(unused, 0);
	store_close(other);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    T(the_gate_opens_by_itself),
	    T(without_its_page_the_gate_is_open),
	    T(a_reader_counts_anew_in_each_view),
	    T(a_shut_gate_parks_a_loop_and_nobody_else),
	    T(a_loop_waits_for_nobody),
	    T(a_view_is_as_it_was_when_it_began),
	    T(the_log_is_bounded_whoever_reads_meanwhile),
	    T(readers_stand_before_the_gate_meanwhile),
	    T(a_reader_that_never_ends_stops_new_work_only),
	    T(every_connection_leaves_checkpoints_to_us),
	    T(a_store_has_a_limit_if_it_is_told),
	    T(a_disk_without_its_reserve_takes_nothing_new),
	    T(the_ballast_is_made_when_there_is_room),
	    T(half_a_ballast_is_made_anew),
	    T(a_group_may_share_a_store),
	    T(accepted_jobs_end_on_a_full_disk),
	    T(a_large_result_finds_room_on_a_full_disk),
	    T(a_disk_may_be_full_at_every_write),
	    T(erased_bytes_leave_the_log_within_their_time),
	    T(a_reader_puts_the_erasure_off_until_he_left),
	    T(free_pages_are_given_back_bit_by_bit),
	    T(free_pages_are_given_back_at_a_word),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
