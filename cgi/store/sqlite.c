#include "cgi/store/sqlite.h"

#include <string.h>
#include <time.h>

/*
 * Rows and transactions. A transaction keeps two things in memory and writes
 * them once, at commit: the store-wide version counter and how many jobs of
 * each state came and went; both are exact because nobody else can write in
 * between. For the same reason it counts those that are running but once.
 */

#define GATE_WAIT_MS 1000 /* of those who may wait; then they go in */

static enum err run(struct sqlite *s, enum query which)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, which, &st);

	return err ? err : db_run(st);
}

/* While the log is being started over, no new reader (gate.h). */
static enum err pass_gate(struct sqlite *s)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000000};

	if (!gate_shut_ms(&s->gate))
		return ERR_OK;
	if (s->role == STORE_READS)
		return ERR_AGAIN;
	for (int ms = 0; ms < GATE_WAIT_MS && gate_shut_ms(&s->gate); ms += 5)
		nanosleep(&pause, NULL);
	return ERR_OK;
}

/* What is read later in this view is as it was now. */
static enum err op_view(void *backend)
{
	struct sqlite *s = backend;
	enum err err = pass_gate(s);

	if (!err)
		err = run(s, QUERY_VIEW);
	if (err)
		return err;
	err = run(s, QUERY_SNAPSHOT);
	if (err)
		db_rollback(&s->db);
	return err;
}

static void op_unview(void *backend)
{
	struct sqlite *s = backend;

	for (size_t i = 0; i < s->n_apis; i++) {
		s->apis[i].knows_counts = s->apis[i].knows_oldest = false;
		s->apis[i].knows_running = false;
	}
	if (run(s, QUERY_UNVIEW))
		db_rollback(&s->db);
}

static enum err op_begin(void *backend)
{
	struct sqlite *s = backend;
	enum err err = ERR_USAGE;

	if (s->role != STORE_WRITES)
		return err;
	err = turnstile_enter(&s->turnstile, s->turn_wait_ms);
	if (err)
		return err;
	sqlite_log_drain(s);
	err = run(s, QUERY_BEGIN);
	if (err)
		turnstile_leave(&s->turnstile);
	return err;
}

static void forget(struct sqlite *s)
{
	s->version = 0;
	s->version_changed = s->has_room = s->erases = s->is_full = false;
	for (size_t i = 0; i < s->n_apis; i++) {
		s->apis[i].knows_running = s->apis[i].woken = false;
		s->apis[i].knows_counts = s->apis[i].knows_oldest = false;
		if (s->counts_changed)
			memset(s->apis[i].added, 0, sizeof(s->apis[i].added));
	}
	s->counts_changed = false;
}

static void op_rollback(void *backend)
{
	struct sqlite *s = backend;

	if (s->is_full)
		sqlite_disk_full(s);
	forget(s);
	db_rollback(&s->db);
	turnstile_leave(&s->turnstile);
}

static enum err write_version(struct sqlite *s)
{
	struct sqlite3_stmt *st;
	enum err err = ERR_OK;

	if (!s->version_changed)
		return err;
	err = sqlite_query(s, QUERY_VERSION_SET, &st);
	if (err)
		return err;
	db_bind_int(st, 1, s->version);
	return db_run(st);
}

static enum err write_counts(struct sqlite *s)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = ERR_OK;

	if (s->counts_changed)
		err = sqlite_query(s, QUERY_COUNT_ADD, &st);
	for (size_t i = 0; !err && st && i < s->n_apis; i++)
		for (int which = 0; !err && which < COUNTS; which++) {
			if (!s->apis[i].added[which])
				continue;
			db_bind_text(st, 1, s->apis[i].name);
			db_bind_int(st, 2, sqlite_count_number(which));
			db_bind_int(st, 3, s->apis[i].added[which]);
			err = db_run(st);
		}
	return err;
}

/*
 * The first ring comes right before COMMIT, when the turnstile is already
 * ours: if we are killed between COMMIT and the second one, every listener has
 * heard the first and looks again a second later.
 */
static enum err op_commit(void *backend, unsigned bells)
{
	struct sqlite *s = backend;
	enum err err = write_version(s);

	if (!err)
		err = write_counts(s);
	if (err) {
		op_rollback(s);
		return err;
	}
	if (s->erases && s->limits.erase_ms > 0 &&
	    !atomic_load(&s->gate.page->erase_boot))
		atomic_store(&s->gate.page->erase_boot, GATE_OWED);
	bells_ring(&s->bells, bells);
	err = db_commit(&s->db);
	forget(s);
	if (!err) {
		bells_ring(&s->bells, bells);
		sqlite_log_grown(s);
	} else if (err == ERR_FULL) {
		sqlite_disk_full(s);
	}
	turnstile_leave(&s->turnstile);
	return err;
}

static enum err op_version(void *backend, int64_t *version)
{
	struct sqlite *s = backend;

	*version = s->version;
	return *version ? ERR_OK : sqlite_number(s, QUERY_VERSION, version);
}

static enum err op_next_version(void *backend, int64_t *version)
{
	struct sqlite *s = backend;
	enum err err = op_version(s, &s->version);

	if (err)
		return err;
	*version = ++s->version;
	s->version_changed = true;
	return ERR_OK;
}

/* ---- bells ------------------------------------------------------------- */

static enum err op_watch(void *backend, unsigned bells, int *fd)
{
	struct sqlite *s = backend;

	return bells_watch(&s->bells, bells, fd);
}

static unsigned op_heard(void *backend, int fd)
{
	struct sqlite *s = backend;

	return bells_heard(&s->bells, fd);
}

const struct store_ops store_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .view = op_view,
    .unview = op_unview,
    .begin = op_begin,
    .commit = op_commit,
    .rollback = op_rollback,
    .room = sqlite_room,
    .tend = sqlite_tend,
    .tend_due = sqlite_tend_due,
    .vacuum = sqlite_vacuum,
    .version = op_version,
    .next_version = op_next_version,
    .get = sqlite_get,
    .insert = sqlite_insert,
    .update = sqlite_update,
    .body_put = sqlite_body_put,
    .body_get = sqlite_body_get,
    .body_drop = sqlite_body_drop,
    .pick_pending = sqlite_pick_pending,
    .peek_pending = sqlite_peek_pending,
    .next_due = sqlite_next_due,
    .pick_lost = sqlite_pick_lost,
    .pick_late = sqlite_pick_late,
    .count_running = sqlite_count_running,
    .remove = sqlite_remove,
    .rows_since = sqlite_rows_since,
    .body_size = sqlite_body_size,
    .meta_get = sqlite_meta_get,
    .meta_put = sqlite_meta_set,
    .changed = sqlite_changed,
    .list = sqlite_list,
    .stats = sqlite_stats,
    .recent = sqlite_recent,
    .count_open = sqlite_count_open,
    .count_rank = sqlite_count_rank,
    .holder = sqlite_holder,
    .owned = sqlite_owned,
    .owned_since = sqlite_owned_since,
    .sample_put = sqlite_sample_put,
    .samples = sqlite_samples,
    .reconfigure = sqlite_reconfigure,
    .copy = sqlite_copy,
    .audit = sqlite_audit,
    .stranger = sqlite_stranger,
    .watch = op_watch,
    .heard = op_heard,
};
