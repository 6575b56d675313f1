#include "tests/store/children.h"

#include <fcntl.h>
#include <sys/file.h>

#include <sqlite3.h>

#include "cgi/store/db.h"
#include "cgi/store/sqlite.h"

/*
 * Every call that writes fails once: the n-th write, sync, truncate or mapping
 * of the log's index, for n = 1, 2, … until the scenario passes without having
 * made so many. After each: the program ended with 74 or was told by an error,
 * the store opens again, is whole, has everything that was acknowledged, and of
 * what was not nothing or all.
 *
 * A slice of them, spread by SEED; all with FAULTS=all.
 *
 * The file system in between also looks at who writes: the database itself only
 * in a checkpoint that has both the turn and SQLite's own lock for writers,
 * which is what a PASSIVE one does not have.
 */
enum call { CALL_WRITE, CALL_SYNC, CALL_TRUNCATE, CALL_MAP, CALLS };
static const char *const call_names[CALLS] = {
    "write", "sync", "truncate", "shm-map"};
static const int io_errors[CALLS] = {SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
    SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_SHMMAP};

static struct fault {
	enum call call;
	int code;
	int at; /* the so-manieth fails; 0 = none */
} fault;

/* What a child tells its parent; outlives it. */
#define BATCHES 6
#define BATCH 4
#define FINISHED 5
struct told {
	_Atomic int calls[CALLS];
	_Atomic int unguarded; /* writes to the database by the wrong hand */
	_Atomic int opened, checks;
	_Atomic int accepted[BATCHES], refused[BATCHES];
	_Atomic int finished[BATCHES * BATCH];
};
static struct told *told;
static char write_lock[128];

/* ---- the file system --------------------------------------------------- */

static sqlite3_vfs *real_vfs;

struct file {
	sqlite3_file base;
	bool is_database, has_index, is_writer;
	sqlite3_io_methods methods;
	sqlite3_file *real; /* right behind */
};

static struct file *of(sqlite3_file *file)
{
	return (struct file *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
	return of(file)->real;
}

static bool fails(enum call call)
{
	return ++told->calls[call] == fault.at && fault.call == call;
}

static bool turn_is_held(void)
{
	int fd = open(write_lock, O_RDWR | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB);

	close(fd);
	return held;
}

static void guard(const struct file *f)
{
	if (!f->is_database || !f->has_index)
		return;
	told->checks++;
	if (!f->is_writer || !turn_is_held())
		told->unguarded++;
}

static int f_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int f_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), out, n, at);
}

/* Half of it arrives. */
static int f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	guard(of(file));
	if (!fails(CALL_WRITE))
		return real(file)->pMethods->xWrite(real(file), p, n, at);
	(void)real(file)->pMethods->xWrite(real(file), p, n / 2, at);
	return fault.code;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	guard(of(file));
	if (fails(CALL_TRUNCATE))
		return fault.code;
	return real(file)->pMethods->xTruncate(real(file), size);
}

static int f_sync(sqlite3_file *file, int flags)
{
	guard(of(file));
	if (fails(CALL_SYNC))
		return fault.code;
	return real(file)->pMethods->xSync(real(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int f_lock(sqlite3_file *file, int how)
{
	return real(file)->pMethods->xLock(real(file), how);
}

static int f_unlock(sqlite3_file *file, int how)
{
	return real(file)->pMethods->xUnlock(real(file), how);
}

static int f_reserved(sqlite3_file *file, int *out)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int f_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int f_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	of(file)->has_index = true;
	if (fails(CALL_MAP))
		return fault.code;
	return real(file)->pMethods->xShmMap(
	    real(file), page, size, extend, out);
}

/* Lock 0 of the index is the writer's. */
static int f_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	int code = real(file)->pMethods->xShmLock(real(file), at, n, flags);

	if (at == 0 && !code && (flags & SQLITE_SHM_EXCLUSIVE))
		of(file)->is_writer = (flags & SQLITE_SHM_LOCK) != 0;
	return code;
}

static void f_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int f_unmap(sqlite3_file *file, int delete)
{
	return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static int f_fetch(sqlite3_file *file, sqlite3_int64 at, int n, void **out)
{
	return real(file)->pMethods->xFetch(real(file), at, n, out);
}

static int f_unfetch(sqlite3_file *file, sqlite3_int64 at, void *p)
{
	return real(file)->pMethods->xUnfetch(real(file), at, p);
}

static int v_open(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	static const sqlite3_io_methods methods = {3, f_close, f_read, f_write,
	    f_truncate, f_sync, f_size, f_lock, f_unlock, f_reserved, f_control,
	    f_sector, f_device, f_map, f_shm_lock, f_barrier, f_unmap, f_fetch,
	    f_unfetch};
	struct file *f = of(file);

	(void)vfs;
	*f = (struct file){.real = (sqlite3_file *)(f + 1),
	    .is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0};
	int code = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
	if (f->real->pMethods) {
		f->methods = methods;
		f->methods.iVersion = f->real->pMethods->iVersion;
		f->base.pMethods = &f->methods;
	}
	return code;
}

static void stand_in_between(void)
{
	static sqlite3_vfs vfs;

	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.pNext = NULL;
	vfs.zName = "faulty";
	vfs.szOsFile += (int)sizeof(struct file);
	vfs.xOpen = v_open;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* ---- the scenario ------------------------------------------------------ */

static struct str body_of(size_t bytes, uint32_t number)
{
	static char body[1600 * 1024];

	memset(body, 'a' + (int)(number % 26), bytes);
	return (struct str){body, bytes};
}

/* The last is larger than SQLite keeps in memory: it writes before COMMIT. */
static size_t size_of_body(uint32_t number)
{
	return number == BATCHES * BATCH - 1 ? 1500 * 1024 : 9000;
}

static enum err accept_batch(struct store *store, uint32_t batch)
{
	enum err err = store_begin(store);

	if (err)
		return err;
	for (uint32_t i = 0; !err && i < BATCH; i++) {
		uint32_t n = batch * BATCH + i;
		struct job job = fixture_job(API_WIDE, n);
		err = store_accept(store, API_WIDE, &job,
		    body_of(size_of_body(n), n), STR("meta"));
	}
	if (!err)
		return store_commit(store);
	store_rollback(store);
	return err;
}

static enum err finish_one(struct store *store)
{
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;
	uint32_t n = 0;
	enum err err = store_begin(store);

	if (err)
		return err;
	err = store_claim(store, API_WIDE, &a, &job, &due);
	if (!err) {
		struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
		memcpy(&n, job_key(&job), sizeof(n));
		err = store_change(
		    store, API_WIDE, &job, &end, body_of(5000, n + 1));
	}
	if (err) {
		store_rollback(store);
		return err;
	}
	err = store_commit(store);
	if (!err)
		told->finished[n] = 1;
	return err;
}

/* Waits and all is over: the log is to be emptied. */
static void keep_house(struct store *store)
{
	struct store_now now = {.ms = NOW_MS + 3000, .boot = NOW_BOOT + 3000};
	struct store_tended report;
	int64_t due;

	for (int i = 0; i < 4; i++) {
		(void)!store_tend(store, now, &report, &due);
		now.boot += STORE_ERASE_MS;
	}
}

static void scenario(struct fixture *f, void *unused)
{
	struct store *store;

	(void)unused;
	int fd = open("/dev/null", O_WRONLY);
	dup2(fd, STDERR_FILENO);
	told->calls[CALL_WRITE] = told->calls[CALL_SYNC] = 0;
	told->calls[CALL_TRUNCATE] = told->calls[CALL_MAP] = 0;
	if (store_open(&store_sqlite, &f->spec, NULL, &store))
		_exit(0); /* it was told */
	told->opened = 1;
	for (uint32_t i = 0; i < BATCHES; i++) {
		if (accept_batch(store, i))
			told->refused[i] = 1;
		else
			told->accepted[i] = 1;
		if (i && i <= FINISHED)
			(void)!finish_one(store);
	}
	keep_house(store);
	store_close(store);
	_exit(0);
}

/* ---- afterwards -------------------------------------------------------- */

static bool is_accepted(struct fixture *f, uint32_t n)
{
	struct job job = fixture_job(API_WIDE, n);
	struct str bytes;
	enum err err = store_get(f->store, API_WIDE, job_key(&job), &job);

	if (err == ERR_NOT_FOUND)
		return false;
	OK(err);
	if (job.state == JOB_PENDING) {
		OK(store_body(f->store, &job, BODY_REQUEST, &f->arena, &bytes));
		assert_true(str_eq(bytes, body_of(size_of_body(n), n)));
	} else {
		assert_int_equal(job.state, JOB_COMPLETED);
		OK(store_body(f->store, &job, BODY_RESULT, &f->arena, &bytes));
		assert_true(str_eq(bytes, body_of(5000, n + 1)));
		assert_int_equal(
		    store_body(f->store, &job, BODY_REQUEST, &f->arena, &bytes),
		    ERR_NOT_FOUND);
	}
	assert_true(!told->finished[n] || job.state == JOB_COMPLETED);
	return true;
}

static void compare(struct fixture *f)
{
	OK(store_view(f->store));
	for (uint32_t batch = 0; batch < BATCHES; batch++) {
		int there = 0;
		for (uint32_t i = 0; i < BATCH; i++)
			there += is_accepted(f, batch * BATCH + i);
		assert_true(there == 0 || there == BATCH);
		if (told->accepted[batch])
			assert_int_equal(there, BATCH);
		if (told->refused[batch])
			assert_int_equal(there, 0);
	}
	store_unview(f->store);
}

static void check_whole(struct fixture *f)
{
	char path[128];
	struct db db;
	int64_t faults = 1;

	snprintf(path, sizeof(path), "%s/jobs.db", f->dir);
	OK(db_open(path, DB_READS, &db));
	OK(db_number(&db,
	    "SELECT count(*) FROM pragma_integrity_check"
	    " WHERE integrity_check<>'ok'",
	    &faults));
	assert_int_equal(faults, 0);
	db_close(&db);
}

/* One run with the n-th call failing; how many there were. */
static int round_with(enum call call, int code, int n, int *fatal)
{
	struct fixture f;

	fixture_init(&f, NULL);
	f.apis[API_WIDE].ttl_ms = INT32_MAX; /* nothing goes of age here */
	f.spec.limits = (struct store_limits){.wal_mark = 64 * 1024,
	    .reserve_bytes = 1,
	    .free_bytes = 4096,
	    .erase_ms = STORE_ERASE_MS};
	snprintf(write_lock, sizeof(write_lock), "%s/write.lock", f.dir);
	memset(told, 0, sizeof(*told));
	fault = (struct fault){.call = call, .code = code, .at = n};
	int status = child_status(child(scenario, &f, NULL));
	fault.at = 0;
	const int calls = told->calls[call];
	const bool fired = calls >= n;
	if (!WIFEXITED(status) ||
	    (WEXITSTATUS(status) && WEXITSTATUS(status) != 74))
		print_message("# %s %d (%d): status %x\n", call_names[call], n,
		    code, (unsigned)status);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status)) {
		assert_int_equal(WEXITSTATUS(status), 74);
		++*fatal;
	}
	/* a failed sync of a commit or a checkpoint is nothing to go on after
	 */
	if (fired && call == CALL_SYNC && told->opened &&
	    WEXITSTATUS(status) != 74)
		print_message("# sync %d failed and nobody cared\n", n);
	if (fired && call == CALL_SYNC && told->opened)
		assert_int_equal(WEXITSTATUS(status), 74);
	f.ops = &store_sqlite;
	fixture_open(&f);
	compare(&f);
	check_whole(&f);
	assert_int_equal(told->unguarded, 0);
	assert_true(!told->opened || told->checks > 0);
	fixture_end(&f);
	return calls;
}

static uint64_t seed_of_environment(void)
{
	const char *seed = getenv("SEED");

	return seed ? strtoull(seed, NULL, 10) : 20251121;
}

/* How many there are is counted in a run without a fault. */
static void fail_each(enum call call, int code, int slice)
{
	const char *all = getenv("FAULTS");
	uint64_t seed = seed_of_environment();
	int rounds = 0, fatal = 0, step = 1;

	int calls = round_with(call, code, INT32_MAX, &fatal);
	assert_int_equal(fatal, 0);
	if (!all || strcmp(all, "all"))
		step = calls / slice > 1 ? calls / slice : 1;
	int n = 1 + (int)(fixture_random(&seed) % (uint64_t)step);
	for (; round_with(call, code, n, &fatal) >= n; n += step)
		rounds++;
	print_message("# %s, %d: %d of %d failed, %d ended the process "
		      "(SEED=%llu, FAULTS=all for all)\n",
	    call_names[call], code, rounds, calls, fatal,
	    (unsigned long long)seed_of_environment());
	assert_true(rounds > 0);
	if (code != SQLITE_FULL && call != CALL_MAP)
		assert_true(fatal > 0);
}

static int setup(void **state)
{
	(void)state;
	told = shared(sizeof(*told));
	stand_in_between();
	return 0;
}

static void a_write_fails(void **state)
{
	(void)state;
	fail_each(CALL_WRITE, io_errors[CALL_WRITE], 20);
}

static void a_sync_fails(void **state)
{
	(void)state;
	fail_each(CALL_SYNC, io_errors[CALL_SYNC], INT32_MAX);
}

static void a_truncate_fails(void **state)
{
	(void)state;
	fail_each(CALL_TRUNCATE, io_errors[CALL_TRUNCATE], 4);
}

static void a_mapping_fails(void **state)
{
	(void)state;
	fail_each(CALL_MAP, io_errors[CALL_MAP], 4);
}

static void the_disk_is_full_at_a_write(void **state)
{
	(void)state;
	fail_each(CALL_WRITE, SQLITE_FULL, 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_write_fails),
	    cmocka_unit_test(a_sync_fails),
	    cmocka_unit_test(a_truncate_fails),
	    cmocka_unit_test(a_mapping_fails),
	    cmocka_unit_test(the_disk_is_full_at_a_write),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("faults", tests, setup, NULL);
}
