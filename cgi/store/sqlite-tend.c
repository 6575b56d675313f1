#include "cgi/store/sqlite.h"

#include <stdatomic.h>

/*
 * Room for new jobs, and what the store does in idle moments: an emptied log
 * after an erasure, free pages given back to the disk, a ballast again.
 */

/* ---- room -------------------------------------------------------------- */

/* Bytes of the database that hold something, and that hold nothing. */
static enum err measure(struct sqlite *s, int64_t *used, int64_t *unused)
{
	int64_t pages = 0, free_pages = 0;
	enum err err = sqlite_number(s, QUERY_PAGES, &pages);

	if (!err)
		err = sqlite_number(s, QUERY_FREE_PAGES, &free_pages);
	*used = (pages - free_pages) * STORE_PAGE_BYTES;
	*unused = free_pages * STORE_PAGE_BYTES;
	return err;
}

/*
 * Three limits: of the log, of the store where it has one, and of the disk.
 * Pages that are free in the file are room like that of the disk.
 */
static enum err look_for_room(struct sqlite *s)
{
	const int64_t log = atomic_load(&s->gate.page->wal_bytes);
	struct ballast_disk disk;
	int64_t used, unused;
	enum err err;

	if (log >= s->limits.wal_full)
		return ERR_FULL;
	err = measure(s, &used, &unused);
	if (err)
		return err;
	if (s->limits.store_bytes && used + log >= s->limits.store_bytes)
		return ERR_FULL;
	err = ballast_disk(s->dir, s->limits.reserve_bytes, &disk);
	if (err)
		return err;
	return disk.free + unused < disk.reserve ? ERR_FULL : ERR_OK;
}

/* Once in a transaction: the reserve has room for what else is in it. */
enum err sqlite_room(void *backend)
{
	struct sqlite *s = backend;
	enum err err;

	if (s->has_room)
		return ERR_OK;
	err = look_for_room(s);
	s->has_room = !err;
	return err;
}

/* ---- idle moments ------------------------------------------------------ */

#define RETRY_MS 1000	   /* after somebody was in the way */
#define BALLAST_MS 60000   /* the disk is looked at for its ballast */
#define VACUUM_MS 100	   /* between two batches of */
#define VACUUM_PAGES "256" /* in one transaction */

/* So that a few tries are left when the time is over. */
static int64_t early(int64_t erase_ms)
{
	return erase_ms - erase_ms / 10;
}

/* The time stands there from now on, or was no time of this boot. */
static int64_t erase_time(struct sqlite *s, int64_t now_boot)
{
	_Atomic int64_t *at = &s->gate.page->erase_boot;
	int64_t due = atomic_load(at);
	const int64_t latest = now_boot + early(s->limits.erase_ms);

	if (due && (due == GATE_OWED || due > latest)) {
		/* unless somebody has just emptied it */
		if (!atomic_compare_exchange_strong(at, &due, latest))
			return due;
		due = latest;
	}
	return due;
}

static enum err empty_log(struct sqlite *s)
{
	enum err err = turnstile_enter(&s->turnstile, s->turn_wait_ms);

	if (err)
		return err;
	if (atomic_load(&s->gate.page->erase_boot))
		err = sqlite_log_empty(s, false);
	turnstile_leave(&s->turnstile);
	return err;
}

static enum err vacuum(struct sqlite *s)
{
	enum err err = store_sqlite.begin(s);

	if (err)
		return err;
	err = db_exec(&s->db, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")");
	if (!err)
		return store_sqlite.commit(s, 0);
	store_sqlite.rollback(s);
	return err;
}

static enum err give_back(struct sqlite *s, int64_t now_boot)
{
	int64_t used = 0, unused = 0;
	enum err err = measure(s, &used, &unused);

	s->vacuum_boot = 0;
	if (err || unused <= s->limits.free_bytes || unused <= used / 4)
		return err;
	s->vacuum_boot = now_boot + VACUUM_MS;
	return vacuum(s);
}

enum err sqlite_vacuum(void *backend, int64_t *unused)
{
	struct sqlite *s = backend;
	int64_t used = 0;

	if (s->role != STORE_WRITES)
		return ERR_USAGE;
	enum err err = measure(s, &used, unused);
	if (err || !*unused)
		return err;
	err = vacuum(s);
	return err ? err : measure(s, &used, unused);
}

static void restore_ballast(struct sqlite *s)
{
	s->wants_ballast =
	    ballast_make(s->dir, s->limits.reserve_bytes) == ERR_FULL;
}

enum err sqlite_tend(void *backend, struct store_now now)
{
	struct sqlite *s = backend;
	int64_t erase_boot;
	enum err err = ERR_OK;

	if (s->role != STORE_WRITES)
		return ERR_USAGE;
	erase_boot = erase_time(s, now.boot);
	s->retry_boot = 0;
	restore_ballast(s);
	if (s->wants_ballast)
		s->ballast_boot = now.boot + BALLAST_MS;
	if (erase_boot && erase_boot <= now.boot)
		err = empty_log(s);
	if (!err)
		err = give_back(s, now.boot);
	if (err)
		s->retry_boot = now.boot + RETRY_MS;
	return err == ERR_BUSY ? ERR_OK : err;
}

/* 0 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

int64_t sqlite_tend_due(void *backend)
{
	struct sqlite *s = backend;
	int64_t due = atomic_load(&s->gate.page->erase_boot);

	if (s->role != STORE_WRITES)
		return 0;
	due = sooner(due, s->vacuum_boot);
	if (due && due < s->retry_boot)
		due = s->retry_boot;
	return sooner(due, s->wants_ballast ? s->ballast_boot : 0);
}
