#include "cgi/store/sqlite-open.h"

#include <errno.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * Opening a store, in this order, all of it under the turnstile:
 *
 *   1. the lock files and bells are made, the database is opened;
 *   2. an empty file becomes a store: auto_vacuum and WAL first, because both
 *      hold only from the first page on, then the tables in one transaction,
 *      so that a kill leaves an empty file or a whole store;
 *   3. a store of an older format is brought up to date, in the same
 *      transaction; format and key check: a store of a newer lowtide, of
 *      another name key, or a copy of one, is left as it is;
 *   4. the boot (boot.h): if it is another one, CLOCK_BOOTTIME began anew, so
 *      every lease and back-off is over, and what is left of a deadline is
 *      counted by the wall clock;
 *   5. APIs that are new get their tables; those that went keep theirs;
 *   6. a TRUNCATE checkpoint, retried while readers are in its way.
 *
 * Opens that only read do 3 alone, without any lock. So does a brief one that
 * finds nothing to do in 2, 4 and 5.
 */

/* ---- the folder -------------------------------------------------------- */

static enum err find_folder(struct opening *o)
{
	const char *dir = o->spec->dir;
	struct stat st;
	int n = snprintf(o->path, sizeof(o->path), "%s/jobs.db", dir);

	if (n < 0 || (size_t)n >= sizeof(o->path)) {
		diag_error(o->diag, POS_FILE(dir), "io-error",
		    "the path is too long; use a shorter folder");
		return ERR_IO;
	}
	if (stat(dir, &st)) {
		diag_error(o->diag, POS_FILE(dir), "store-missing",
		    "the store's folder cannot be found: %s; make it with "
		    "`mkdir -p %s` and give it to the user that runs lowtide",
		    strerror(errno), dir);
		return ERR_MISSING;
	}
	if (!S_ISDIR(st.st_mode)) {
		diag_error(o->diag, POS_FILE(dir), "store-missing",
		    "the store is a folder, and this is none; name another "
		    "with --state");
		return ERR_MISSING;
	}
	if (o->spec->role != STORE_WRITES && access(o->path, F_OK)) {
		diag_error(o->diag, POS_FILE(o->path), "store-missing",
		    "there is no store yet; start lowtide-cgi or "
		    "lowtide-worker once, they make it");
		return ERR_MISSING;
	}
	return ERR_OK;
}

static enum err find_boot(struct opening *o)
{
	enum err err = ERR_OK;

	if (o->spec->boot)
		snprintf(o->boot, sizeof(o->boot), "%s", o->spec->boot);
	else
		err = boot_identity(o->boot);
	if (err)
		diag_error(o->diag, POS_FILE("/proc/sys/kernel/random/boot_id"),
		    "io-error", "the boot id cannot be read; mount /proc");
	o->now = o->spec->now;
	if (!o->now.boot)
		o->now = (struct store_now){
		    .ms = clock_wall_ms(), .boot = clock_boot_ms()};
	return err;
}

/* ---- all of it --------------------------------------------------------- */

static enum err check_log(struct opening *o)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(&o->s->db, STR("PRAGMA journal_mode"), &st);
	bool wal = false;

	if (!err)
		err = db_step(st);
	if (!err)
		wal = str_is(db_bytes(st, 0), "wal");
	db_finalize(st);
	if (err)
		return sqlite_report(o, err, "it cannot be read");
	if (wal)
		return ERR_OK;
	diag_error(o->diag, POS_FILE(o->path), "io-error",
	    "it cannot keep a write-ahead log there; use a local disk");
	return ERR_IO;
}

/* Everything that belongs into one transaction. */
static enum err settle(struct opening *o)
{
	enum err err = sqlite_make_store(o);

	if (!err)
		err = sqlite_upgrade(o);
	if (!err)
		err = sqlite_check_format(o);
	if (!err)
		err = check_log(o);
	if (!err)
		err = sqlite_check_keys(o);
	if (!err)
		err = sqlite_check_copy(o);
	if (!err)
		err = sqlite_check_boot(o);
	if (!err)
		err = sqlite_make_apis(o);
	return err;
}

static enum err open_under_turnstile(struct opening *o)
{
	struct sqlite *s = o->s;
	enum err err = db_open(o->path, DB_WRITES, &s->db);

	if (err)
		return sqlite_report(o, err, "it cannot be opened");
	err = sqlite_begin_file(o);
	if (err)
		return err;
	err = db_exec(&s->db, "BEGIN IMMEDIATE");
	if (err)
		return sqlite_report(o, err, "it cannot be locked");
	err = settle(o);
	if (err) {
		db_rollback(&s->db);
		return err;
	}
	err = db_commit(&s->db);
	if (err)
		return sqlite_report(o, err, "it cannot be written");
	flock(s->host_fd, LOCK_SH);
	return ERR_OK;
}

static enum err enter(struct opening *o, int64_t wait_ms)
{
	enum err err = turnstile_enter(&o->s->turnstile, wait_ms);

	if (err == ERR_BUSY)
		diag_error(o->diag, POS_FILE(o->path), "store-busy",
		    "another program has had its turn for %lld ms; look for "
		    "one that hangs or was stopped (`lslocks` names who has "
		    "its write.lock), and end it",
		    (long long)wait_ms);
	else if (err)
		diag_error(o->diag, POS_FILE(o->path), "io-error",
		    "its turn cannot be waited for: there are no locks on "
		    "that file system; use a local disk");
	return err;
}

/*
 * Others get their turn between two tries. A reader that stays costs the start
 * its patience, not its success: the log only keeps what it has.
 */
static enum err start_checkpoint(struct opening *o)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	const int64_t until = clock_monotonic_ms() + o->wait_ms;
	struct sqlite *s = o->s;
	enum err err;
	int full = 0;

	for (;;) {
		err = enter(o, o->wait_ms);
		if (err)
			return err;
		err = sqlite_log_empty(s, true);
		if (err)
			atomic_store(&s->gate.page->erase_boot, GATE_OWED);
		turnstile_leave(&s->turnstile);
		full += err == ERR_FULL; /* once more, without the ballast */
		if ((err != ERR_BUSY && full != 1) ||
		    clock_monotonic_ms() >= until)
			break;
		nanosleep(&pause, NULL);
	}
	if (err == ERR_FULL) {
		diag_warn(o->diag, POS_FILE(o->path), "store-full",
		    "there is no room to empty its log; jobs go on, but "
		    "nothing new is accepted; free some space on that disk");
		return ERR_OK;
	}
	if (err == ERR_BUSY) {
		diag_warn(o->diag, POS_FILE(o->path), "store-busy",
		    "a reader kept its log from being emptied for %lld ms; it "
		    "will be emptied later",
		    (long long)o->wait_ms);
		return ERR_OK;
	}
	return err ? sqlite_report(o, err, "its log cannot be emptied")
		   : ERR_OK;
}

/* Nothing is left to do, and nothing is said if there is. */
static bool is_settled(struct opening *o)
{
	struct opening quiet = *o;
	bool equal = false;

	quiet.diag = NULL;
	if (db_open(o->path, DB_WRITES, &o->s->db) ||
	    sqlite_check_format(&quiet) || check_log(&quiet) ||
	    sqlite_check_keys(&quiet) || sqlite_check_copy(&quiet) ||
	    sqlite_meta_equals(o, "boot", str_of(o->boot), &equal) || !equal)
		return false;
	return sqlite_has_apis(o) && !flock(o->s->host_fd, LOCK_SH | LOCK_NB);
}

static bool open_briefly(struct opening *o)
{
	if (access(o->path, F_OK))
		return false;
	if (is_settled(o))
		return true;
	db_close(&o->s->db);
	return false;
}

static enum err open_to_write(struct opening *o)
{
	struct sqlite *s = o->s;
	enum err err = find_boot(o);

	if (!err)
		err = turnstile_open(s->dir, o->diag, &s->turnstile);
	if (!err)
		err = turnstile_file(s->dir, "host.lock", o->diag, &s->host_fd);
	if (!err)
		err = bells_open(s->dir, o->diag, &s->bells);
	if (!err)
		err = gate_open(s->dir, s->role, o->diag, &s->gate);
	if (err || (o->spec->brief && !o->spec->adopts && open_briefly(o)))
		return err;
	err = enter(o, o->wait_ms);
	if (err)
		return err;
	err = open_under_turnstile(o);
	turnstile_leave(&s->turnstile);
	return err ? err : start_checkpoint(o);
}

/* STORE_READS listens as well; its reads wait for nobody. */
static enum err open_to_read(struct opening *o)
{
	enum err err = ERR_OK;

	if (o->spec->role == STORE_READS)
		err = bells_open(o->s->dir, o->diag, &o->s->bells);
	if (!err)
		err = gate_open(o->s->dir, o->spec->role, o->diag, &o->s->gate);
	if (err)
		return err;
	err = db_open(o->path,
	    o->spec->role == STORE_READS ? DB_LOOKS : DB_READS, &o->s->db);
	if (err)
		return sqlite_report(o, err, "it cannot be opened");
	err = sqlite_check_format(o);
	if (!err)
		err = sqlite_check_keys(o);
	if (!err)
		err = sqlite_check_copy(o);
	if (!err)
		err = sqlite_make_apis(o);
	return err;
}

static int64_t or_else(int64_t wanted, int64_t usual)
{
	return wanted ? wanted : usual;
}

static void set_limits(struct store_limits *out, const struct store_limits *in)
{
	*out = *in;
	out->wal_mark = or_else(in->wal_mark, STORE_WAL_MARK);
	out->wal_gate = or_else(in->wal_gate, STORE_WAL_GATE);
	out->wal_full = or_else(in->wal_full, STORE_WAL_FULL);
	out->erase_ms = or_else(in->erase_ms, STORE_ERASE_MS);
	out->free_bytes = or_else(in->free_bytes, STORE_FREE_BYTES);
}

enum err sqlite_open(
    const struct store_spec *spec, struct diag *diag, void **backend)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	struct opening o = {.s = s, .spec = spec, .diag = diag};
	enum err err;

	if (!s)
		abort();
	s->n_apis = spec->config->n_apis;
	s->apis = calloc(s->n_apis + 1, sizeof(*s->apis));
	s->dir = strdup(spec->dir);
	if (!s->apis || !s->dir)
		abort();
	for (size_t i = 0; i < s->n_apis; i++)
		s->apis[i].name = spec->config->apis[i].name;
	s->role = spec->role;
	s->turn_wait_ms = or_else(spec->turn_wait_ms, STORE_TURN_WAIT_MS);
	o.wait_ms = or_else(spec->open_wait_ms, STORE_OPEN_WAIT_MS);
	set_limits(&s->limits, &spec->limits);
	s->host_fd = -1;
	s->turnstile = (struct turnstile){.turn_fd = -1, .write_fd = -1};
	s->bells = (struct bells){.dir = s->dir, .fd = {-1, -1}};

	err = find_folder(&o);
	if (!err)
		err = sqlite_check_log(&o);
	if (!err)
		err = spec->role == STORE_WRITES ? open_to_write(&o)
						 : open_to_read(&o);
	if (err)
		sqlite_close(s);
	else
		*backend = s;
	return err;
}

void sqlite_close(void *backend)
{
	struct sqlite *s = backend;

	for (size_t i = 0; i < s->n_apis; i++)
		for (size_t q = 0; q < API_QUERY_COUNT_ALL; q++)
			db_finalize(s->apis[i].queries[q]);
	for (size_t q = 0; q < QUERY_COUNT_ALL; q++)
		db_finalize(s->queries[q]);
	db_close(&s->db);
	bells_close(&s->bells);
	gate_close(&s->gate);
	turnstile_close(&s->turnstile);
	if (s->host_fd >= 0)
		close(s->host_fd);
	free(s->apis);
	free(s->dir);
	free(s);
}
