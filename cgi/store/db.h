#ifndef LOWTIDE_CGI_STORE_DB_H
#define LOWTIDE_CGI_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"

/*
 * One SQLite connection in lowtide's terms: results as enum err, settings that
 * hold for every connection of a store, and the two operations whose I/O
 * errors are fatal, as is a failed fsync anywhere. Knows no tables and no locks
 * but SQLite's own; db.c is the only file that includes SQLite's header.
 *
 * Every connection: no automatic checkpoint, none at close (store.md 2: a
 * checkpoint beside a commit can corrupt the database, so whoever wants one
 * holds the turnstile), synchronous=FULL, secure_delete, temporary tables in
 * memory. Running out of memory aborts.
 *
 * Those that only read have the database mapped. Those that write do not: when
 * somebody else has committed, SQLite drops a mapping and makes it again, and
 * two programs that commit in turns would pay for that each time.
 */
struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_backup;

struct db {
	struct sqlite3 *sqlite;
	int64_t wal_bytes; /* size of the log after this connection's commit */
};

/*
 * WRITES creates the file; the others only read, and find ERR_NOT_FOUND. LOOKS
 * belongs to an event loop: it never sleeps, also where SQLite would take a nap
 * of its own accord, and what it cannot have at once is ERR_BUSY, or ERR_AGAIN
 * where it would have been there a moment later.
 */
enum db_mode { DB_WRITES, DB_READS, DB_LOOKS };

#define DB_BUSY_MS 2000 /* the backstop behind the turnstile */
/*
 * How long a checkpoint waits for readers: 50 ms in several tries. SQLite waits
 * for the slot in which it saw an old reader, and one who reads all the time
 * takes that slot again and again, though no longer for an old snapshot; a new
 * try sees that and goes on.
 */
#define DB_CHECKPOINT_BUSY_MS 10
#define DB_CHECKPOINT_TRIES 5

/*
 * After an error db_message() still works and db_close() is still due. *db must
 * not move while it is open: SQLite remembers where it is.
 */
enum err db_open(const char *path, enum db_mode mode, struct db *db)
    __attribute__((warn_unused_result));
void db_close(struct db *db); /* all statements must be finalized */
const char *db_message(const struct db *db); /* SQLite's words, one sentence */

enum err db_exec(struct db *db, const char *sql)
    __attribute__((warn_unused_result));
/* The first column of the first row as a number. */
enum err db_number(struct db *db, const char *sql, int64_t *out)
    __attribute__((warn_unused_result));
/* How many rows the last INSERT, UPDATE or DELETE changed. */
int64_t db_changes(const struct db *db);

/* Kept for the life of the connection; NULL-safe finalize. */
enum err db_prepare(struct db *db, struct str sql, struct sqlite3_stmt **out)
    __attribute__((warn_unused_result));
void db_finalize(struct sqlite3_stmt *st);

/*
 * Parameters count from 1, columns from 0. Bytes are not copied: they must
 * live until the statement is reset. p NULL binds NULL. A failed bind (out of
 * memory aside, only a wrong number) aborts: it is our mistake.
 */
void db_bind_int(struct sqlite3_stmt *st, int at, int64_t value);
void db_bind_bytes(struct sqlite3_stmt *st, int at, struct str bytes);
void db_bind_text(struct sqlite3_stmt *st, int at, struct str text);
/* ERR_OK: a row. ERR_NOT_FOUND: no more rows; the statement is reset. */
enum err db_step(struct sqlite3_stmt *st) __attribute__((warn_unused_result));
/* A statement that returns no rows: step, reset. */
enum err db_run(struct sqlite3_stmt *st) __attribute__((warn_unused_result));
void db_reset(struct sqlite3_stmt *st);
int64_t db_int(struct sqlite3_stmt *st, int column);
/* A view until the next step or reset; p NULL for NULL. */
struct str db_bytes(struct sqlite3_stmt *st, int column);

/*
 * COMMIT. An I/O error ends the process with status 74 and one line on stderr:
 * after a failed fsync nobody knows what is on the disk, so nobody is
 * answered (store.md 6). ERR_FULL (of the disk, or of a quota) and ERR_BUSY
 * return, rolled back: then no byte of the log that counts was written.
 */
enum err db_commit(struct db *db) __attribute__((warn_unused_result));
void db_rollback(struct db *db);
/*
 * RESTART or TRUNCATE, never PASSIVE. The caller holds the turnstile and no
 * transaction. ERR_BUSY: a reader is in the way. I/O errors as in db_commit,
 * unless `starting`: then they return.
 */
enum db_checkpoint { DB_RESTART, DB_TRUNCATE };
enum err db_checkpoint(struct db *db, enum db_checkpoint kind, bool starting)
    __attribute__((warn_unused_result));

/*
 * All pages of one database into another that has none, step by step; `from`
 * may be in a transaction, and then it is as it was at its beginning. _step:
 * ERR_AGAIN = there are more; *done and *pages tell how many. After an error
 * `to` is half a database. _end is NULL-safe.
 */
enum err db_copy_begin(struct db *from, struct db *to,
    struct sqlite3_backup **out) __attribute__((warn_unused_result));
enum err db_copy_step(struct sqlite3_backup *copy, int most, int64_t *done,
    int64_t *pages) __attribute__((warn_unused_result));
void db_copy_end(struct sqlite3_backup *copy);

#endif
