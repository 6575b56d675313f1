#include "cgi/store/sqlite.h"

#include <stdatomic.h>

#include "lib/clock.h"

/*
 * The write-ahead log and its size (store.md 2, 3). Three marks, each for what
 * the one before could not help:
 *
 *   wal_mark   whoever's commit passed it starts the log over (RESTART). A
 *              reader in the way puts that off until the log has grown by as
 *              much again, so that one who stays does not make every commit
 *              wait for him;
 *   wal_gate   the same with the gate shut, for readers who come and go so
 *              fast that there is always one;
 *   wal_full   nothing more is accepted (sqlite_room), and since then perhaps
 *              nobody commits any more, whoever begins tries it again, once a
 *              second.
 *
 * All of it happens with the turn, so nobody commits beside a checkpoint.
 */
#define GATE_SHUT_MS 150 /* longer than one checkpoint waits for readers */
#define DRAIN_EVERY_MS 1000

/* What is on the disk is more than may be; room for those who end. */
void sqlite_disk_full(struct sqlite *s)
{
	if (ballast_drop(s->dir))
		s->wants_ballast = true;
}

static enum err checkpoint(
    struct sqlite *s, enum db_checkpoint kind, bool shut, bool starting)
{
	struct gate_page *page = s->gate.page;
	enum err err;

	if (shut)
		gate_shut(&s->gate, GATE_SHUT_MS);
	err = db_checkpoint(&s->db, kind, starting);
	if (shut)
		gate_reopen(&s->gate);
	if (err == ERR_FULL)
		sqlite_disk_full(s);
	if (err)
		return err;
	atomic_store(&page->wal_bytes, 0);
	atomic_store(&page->wal_next, s->limits.wal_mark);
	if (kind == DB_TRUNCATE)
		atomic_store(&page->erase_boot, 0);
	return ERR_OK;
}

static void start_over(struct sqlite *s, int64_t log)
{
	struct gate_page *page = s->gate.page;

	if (checkpoint(s, DB_RESTART, log >= s->limits.wal_gate, false))
		atomic_store(&page->wal_next, log + s->limits.wal_mark);
}

void sqlite_log_grown(struct sqlite *s)
{
	struct gate_page *page = s->gate.page;
	const int64_t log = s->db.wal_bytes, mark = s->limits.wal_mark;
	int64_t next = atomic_load(&page->wal_next);

	atomic_store(&page->wal_bytes, log);
	if (next < mark || next > log + 2 * mark)
		next = mark; /* it was started over, or is no number of ours */
	atomic_store(&page->wal_next, next);
	if (log >= next)
		start_over(s, log);
}

void sqlite_log_drain(struct sqlite *s)
{
	struct gate_page *page = s->gate.page;
	const int64_t log = atomic_load(&page->wal_bytes);
	int64_t now, at;

	if (log < s->limits.wal_full)
		return;
	now = clock_boot_ms();
	at = atomic_load(&page->try_boot);
	if (at > now && at <= now + DRAIN_EVERY_MS)
		return;
	atomic_store(&page->try_boot, now + DRAIN_EVERY_MS);
	start_over(s, log);
}

enum err sqlite_log_empty(struct sqlite *s, bool starting)
{
	return checkpoint(s, DB_TRUNCATE, !starting, starting);
}
