#include "cgi/store/sqlite.h"

#include <string.h>

/*
 * Rows and transactions. A transaction keeps two things in memory and writes
 * them once, at commit: the store-wide version counter and how many jobs of
 * each state came and went; both are exact because nobody else can write in
 * between.
 */

static enum err op_view(void *backend)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, QUERY_VIEW, &st);

	return err ? err : db_run(st);
}

static void op_unview(void *backend)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;

	if (sqlite_query(s, QUERY_UNVIEW, &st) || db_run(st))
		db_rollback(&s->db);
}

static enum err op_begin(void *backend)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = ERR_USAGE;

	if (s->role != STORE_WRITES)
		return err;
	err = turnstile_enter(&s->turnstile, s->turn_wait_ms);
	if (err)
		return err;
	err = sqlite_query(s, QUERY_BEGIN, &st);
	if (!err)
		err = db_run(st);
	if (err)
		turnstile_leave(&s->turnstile);
	return err;
}

static void forget(struct sqlite *s)
{
	s->version = 0;
	s->version_changed = false;
	if (!s->counts_changed)
		return;
	for (size_t i = 0; i < s->n_apis; i++)
		memset(s->apis[i].added, 0, sizeof(s->apis[i].added));
	s->counts_changed = false;
}

static void op_rollback(void *backend)
{
	struct sqlite *s = backend;

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
		for (int state = 0; !err && state < JOB_STATES; state++) {
			if (!s->apis[i].added[state])
				continue;
			db_bind_text(st, 1, s->apis[i].name);
			db_bind_int(st, 2, state);
			db_bind_int(st, 3, s->apis[i].added[state]);
			err = db_run(st);
		}
	return err;
}

/*
 * Past the mark the log is copied into the database and started over. A reader
 * in the way puts it off until the log has grown by as much again, so that one
 * who stays does not make every commit wait for him.
 */
static void tend_log(struct sqlite *s)
{
	if (s->db.wal_bytes < s->wal_mark - STORE_WAL_MARK)
		s->wal_mark = STORE_WAL_MARK; /* it was started over */
	if (s->db.wal_bytes < s->wal_mark)
		return;
	if (db_checkpoint(&s->db, DB_RESTART, false))
		s->wal_mark = s->db.wal_bytes + STORE_WAL_MARK;
	else
		s->wal_mark = STORE_WAL_MARK;
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
	bells_ring(&s->bells, bells);
	err = db_commit(&s->db);
	forget(s);
	if (!err) {
		bells_ring(&s->bells, bells);
		tend_log(s);
	}
	turnstile_leave(&s->turnstile);
	return err;
}

static enum err op_version(void *backend, int64_t *version)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;

	*version = s->version;
	if (s->version)
		return ERR_OK;
	enum err err = sqlite_query(s, QUERY_VERSION, &st);
	if (!err)
		err = db_step(st);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	*version = db_int(st, 0);
	db_reset(st);
	return ERR_OK;
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
    .version = op_version,
    .next_version = op_next_version,
    .get = sqlite_get,
    .insert = sqlite_insert,
    .update = sqlite_update,
    .body_put = sqlite_body_put,
    .body_get = sqlite_body_get,
    .body_drop = sqlite_body_drop,
    .pick_pending = sqlite_pick_pending,
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
    .watch = op_watch,
    .heard = op_heard,
};
