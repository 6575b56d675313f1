#include "cgi/store/db.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cgi/log.h"
#include "lib/clock.h"

/*
 * Error codes are mapped by one table (unknown ones are ERR_IO), and two of
 * them never come back: out of memory aborts, an I/O error of a commit or a
 * checkpoint ends the process. Extended codes are on, so the primary one is
 * looked at with & 0xff.
 */
static const struct row {
	int code; /* primary result code */
	enum err err;
} errors[] = {
    {SQLITE_BUSY, ERR_BUSY},
    {SQLITE_LOCKED, ERR_BUSY},
    {SQLITE_PROTOCOL, ERR_AGAIN},
    {SQLITE_FULL, ERR_FULL},
    {SQLITE_CORRUPT, ERR_CORRUPT},
    {SQLITE_NOTADB, ERR_CORRUPT},
    {SQLITE_FORMAT, ERR_CORRUPT},
    {SQLITE_CONSTRAINT, ERR_CORRUPT},
    {SQLITE_SCHEMA, ERR_CORRUPT},
    {SQLITE_TOOBIG, ERR_TOO_LARGE},
};

static enum err err_of(int code)
{
	const int primary = code & 0xff;

	if (primary == SQLITE_OK)
		return ERR_OK;
	if (primary == SQLITE_NOMEM)
		abort();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == primary)
			return errors[i].err;
	return ERR_IO;
}

static void say(const char *doing, const char *why, int code)
{
	const struct log log = {
	    .fd = STDERR_FILENO, .program = program_invocation_short_name};
	LOG(&log, clock_wall_ms(), "store-failed", LOG_TEXT("doing", doing),
	    LOG_TEXT("error", why), LOG_INT("code", code));
}

/* The wording is SQLite's own constant text, which names no path. */
static void end_process(const char *doing, int code)
{
	say(doing, sqlite3_errstr(code), code);
	_exit(err_exit(ERR_IO));
}

/*
 * SQLite knows ENOSPC from a write, but not that a quota means the same. Either
 * comes before the frame that makes a commit of what was written.
 */
static int or_full(sqlite3 *sqlite, int code)
{
	if (code == SQLITE_IOERR_WRITE &&
	    sqlite3_system_errno(sqlite) == EDQUOT)
		return SQLITE_FULL;
	return code;
}

/*
 * A large transaction writes, and after the log was started over even syncs,
 * before its COMMIT. A write that failed there is undone; a sync is not.
 */
static enum err err_of_statement(sqlite3 *sqlite, int code)
{
	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		end_process("sync", code);
	return err_of(or_full(sqlite, code));
}

static int after_commit(
    void *ctx, sqlite3 *sqlite, const char *schema, int frames)
{
	/* a frame is a page with 24 bytes before it, the log's header is 32 */
	const int64_t frame_bytes = 4096 + 24;
	struct db *db = ctx;

	(void)sqlite;
	(void)schema;
	db->wal_bytes = 32 + frames * frame_bytes;
	return SQLITE_OK;
}

/* ---- without sleep ------------------------------------------------------- */

/*
 * A reader that finds the log's index half written naps a little and looks
 * again, up to a hundred times and longer each time. An event loop gives up
 * instead, after a hundred looks.
 */
#define SLEEPLESS "lowtide-sleepless"

static int no_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

/* The usual file system but for its sleep. Once per process, and for good. */
static const char *sleepless(void)
{
	const sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
	sqlite3_vfs *vfs;

	if (sqlite3_vfs_find(SLEEPLESS))
		return SLEEPLESS;
	vfs = sqlite3_malloc(sizeof(*vfs));
	if (!vfs)
		abort();
	*vfs = *usual;
	vfs->pNext = NULL;
	vfs->zName = SLEEPLESS;
	vfs->xSleep = no_sleep;
	return sqlite3_vfs_register(vfs, 0) ? NULL : SLEEPLESS;
}

enum err db_open(const char *path, enum db_mode mode, struct db *db)
{
	const bool read_only = mode != DB_WRITES;
	static const char settings[] = "PRAGMA synchronous=FULL;"
				       "PRAGMA temp_store=MEMORY;"
				       "PRAGMA cache_size=-1024;"
				       "PRAGMA secure_delete=ON;"
				       "PRAGMA trusted_schema=OFF;";
	static const char mapped[] = "PRAGMA mmap_size=1073741824";
	const int flags =
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (read_only ? SQLITE_OPEN_READONLY
		       : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);

	*db = (struct db){0};
	if (read_only && access(path, F_OK))
		return ERR_NOT_FOUND;
	/* nobody asks how much it has: no lock for each allocation */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	int code = sqlite3_open_v2(
	    path, &db->sqlite, flags, mode == DB_LOOKS ? sleepless() : NULL);
	if (code)
		return err_of(code);
	sqlite3_busy_timeout(db->sqlite, mode == DB_LOOKS ? 0 : DB_BUSY_MS);
	sqlite3_db_config(
	    db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_wal_autocheckpoint(db->sqlite, 0);
	sqlite3_wal_hook(db->sqlite, after_commit, db);
	enum err err = db_exec(db, settings);
	if (!err && read_only)
		err = db_exec(db, mapped);
	return err;
}

void db_close(struct db *db)
{
	sqlite3_close(db->sqlite);
	db->sqlite = NULL;
}

const char *db_message(const struct db *db)
{
	return db->sqlite ? sqlite3_errmsg(db->sqlite) : "out of memory";
}

enum err db_exec(struct db *db, const char *sql)
{
	return err_of_statement(
	    db->sqlite, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

enum err db_number(struct db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	enum err err = db_prepare(db, str_of(sql), &st);

	if (!err)
		err = db_step(st);
	if (!err)
		*out = db_int(st, 0);
	db_finalize(st);
	return err;
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

enum err db_prepare(struct db *db, struct str sql, sqlite3_stmt **out)
{
	if (sql.n > INT_MAX)
		return ERR_TOO_LARGE;
	int code = sqlite3_prepare_v3(db->sqlite, sql.p, (int)sql.n,
	    SQLITE_PREPARE_PERSISTENT, out, NULL);
	if ((code & 0xff) != SQLITE_ERROR)
		return err_of(code);
	/* our own SQL does not fit: the tables are not of this version */
	say("prepare", sqlite3_errmsg(db->sqlite), code);
	return ERR_CORRUPT;
}

void db_finalize(sqlite3_stmt *st)
{
	sqlite3_finalize(st);
}

static void must(int code)
{
	if (code)
		abort();
}

void db_bind_int(sqlite3_stmt *st, int at, int64_t value)
{
	must(sqlite3_bind_int64(st, at, value));
}

void db_bind_bytes(sqlite3_stmt *st, int at, struct str bytes)
{
	must(sqlite3_bind_blob64(st, at, bytes.p, bytes.n, SQLITE_STATIC));
}

void db_bind_text(sqlite3_stmt *st, int at, struct str text)
{
	must(sqlite3_bind_text64(
	    st, at, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8));
}

enum err db_step(sqlite3_stmt *st)
{
	int code = sqlite3_step(st);

	if (code == SQLITE_ROW)
		return ERR_OK;
	if (code == SQLITE_DONE) {
		sqlite3_reset(st);
		return ERR_NOT_FOUND;
	}
	return err_of_statement(sqlite3_db_handle(st), sqlite3_reset(st));
}

enum err db_run(sqlite3_stmt *st)
{
	enum err err = db_step(st);

	db_reset(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

void db_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
}

int64_t db_int(sqlite3_stmt *st, int column)
{
	return sqlite3_column_int64(st, column);
}

struct str db_bytes(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	int n = sqlite3_column_bytes(st, column);

	if (!p) /* NULL and the empty blob look alike here */
		return (struct str){
		    .p = sqlite3_column_type(st, column) == SQLITE_NULL ? NULL
									: ""};
	return (struct str){.p = p, .n = (size_t)n};
}

enum err db_commit(struct db *db)
{
	int code = sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL);

	code = or_full(db->sqlite, code);
	if ((code & 0xff) == SQLITE_IOERR)
		end_process("commit", code);
	if (code)
		db_rollback(db);
	return err_of(code);
}

void db_rollback(struct db *db)
{
	/* SQLite rolls back by itself after some errors: then it is done */
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

enum err db_checkpoint(struct db *db, enum db_checkpoint kind, bool starting)
{
	static const int modes[] = {
	    [DB_RESTART] = SQLITE_CHECKPOINT_RESTART,
	    [DB_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE,
	};

	int code = SQLITE_BUSY;

	sqlite3_busy_timeout(db->sqlite, DB_CHECKPOINT_BUSY_MS);
	for (int i = 0; code == SQLITE_BUSY && i < DB_CHECKPOINT_TRIES; i++)
		code = sqlite3_wal_checkpoint_v2(
		    db->sqlite, NULL, modes[kind], NULL, NULL);
	sqlite3_busy_timeout(db->sqlite, DB_BUSY_MS);
	code = or_full(db->sqlite, code);
	if (!code && kind == DB_TRUNCATE)
		db->wal_bytes = 0;
	if ((code & 0xff) == SQLITE_IOERR && !starting)
		end_process("checkpoint", code);
	return err_of(code);
}

enum err db_copy_begin(struct db *from, struct db *to, sqlite3_backup **out)
{
	*out = sqlite3_backup_init(to->sqlite, "main", from->sqlite, "main");
	return *out ? ERR_OK : err_of(sqlite3_errcode(to->sqlite));
}

enum err db_copy_step(
    sqlite3_backup *copy, int most, int64_t *done, int64_t *pages)
{
	int code = sqlite3_backup_step(copy, most);

	*pages = sqlite3_backup_pagecount(copy);
	*done = *pages - sqlite3_backup_remaining(copy);
	if (!code)
		return ERR_AGAIN;
	return code == SQLITE_DONE ? ERR_OK : err_of(code);
}

void db_copy_end(sqlite3_backup *copy)
{
	sqlite3_backup_finish(copy);
}
