#include "cgi/store/sqlite.h"

/*
 * Which job is next, which is late, and how many run: each the end of an index
 * of nothing else.
 */

/* ---- picking ----------------------------------------------------------- */

static enum err pick(struct sqlite *s, size_t api, enum api_query which,
    int64_t now_boot, struct job *out)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, which, &st);

	if (err)
		return err;
	db_bind_int(st, 1, now_boot);
	return sqlite_one_job(st, out);
}

/*
 * Whoever waited for a time that has come stands in the queue from now on. At
 * most so many at once, so that nobody waits for that; the others come with the
 * next claim.
 */
#define WAKE_MAX 256
static enum err wake(struct sqlite *s, size_t api, int64_t now_boot)
{
	struct sqlite_api *a = &s->apis[api];
	struct sqlite3_stmt *st;
	struct job first;
	enum err err;

	if (a->woken && now_boot <= a->woken_boot)
		return ERR_OK;
	/* a look first: an UPDATE of nothing costs twice as much */
	err = pick(s, api, API_QUERY_RISEN, now_boot, &first);
	if (err == ERR_NOT_FOUND) {
		a->woken = true;
		a->woken_boot = now_boot;
		return ERR_OK;
	}
	if (!err)
		err = sqlite_api_query(s, api, API_QUERY_WAKE, &st);
	if (err)
		return err;
	db_bind_int(st, 1, now_boot);
	db_bind_int(st, 2, WAKE_MAX);
	err = db_run(st);
	a->woken = !err && db_changes(&s->db) < WAKE_MAX;
	a->woken_boot = now_boot;
	return err;
}

enum err sqlite_pick_pending(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	struct sqlite3_stmt *st;
	enum err err = wake(backend, api, now_boot);

	if (!err)
		err = sqlite_api_query(backend, api, API_QUERY_PENDING, &st);
	return err ? err : sqlite_one_job(st, out);
}

enum err sqlite_peek_pending(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(backend, api, API_QUERY_PENDING, &st);

	if (!err)
		err = sqlite_one_job(st, out);
	return err == ERR_NOT_FOUND
		   ? pick(backend, api, API_QUERY_RISEN, now_boot, out)
		   : err;
}

enum err sqlite_pick_lost(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return pick(backend, api, API_QUERY_LOST, now_boot, out);
}

enum err sqlite_pick_late(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	enum err err = pick(backend, api, API_QUERY_LATE, now_boot, out);

	if (err == ERR_NOT_FOUND)
		err = pick(backend, api, API_QUERY_LATE_RUNNING, now_boot, out);
	return err;
}

enum err sqlite_next_due(
    void *backend, size_t api, int64_t now_boot, int64_t *due_boot)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(backend, api, API_QUERY_DUE, &st);

	*due_boot = 0;
	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 1, now_boot);
	err = db_step(st);
	for (int column = 0; !err && column < 3; column++) {
		int64_t due = db_int(st, column); /* NULL: 0 */
		if (due && (!*due_boot || due < *due_boot))
			*due_boot = due;
	}
	db_reset(st);
	return err;
}

static enum err number(
    struct sqlite *s, size_t api, enum api_query which, int64_t *out)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, which, &st);

	*out = 0;
	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = db_step(st);
	if (!err)
		*out = db_int(st, 0);
	db_reset(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static int64_t added_running(const struct sqlite_api *a)
{
	return a->added[JOB_PROCESSING] - a->added[COUNT_HELD];
}

/*
 * Counted once in a transaction, then kept in step by what it adds: a worker
 * asks before each of its claims.
 */
enum err sqlite_count_running(void *backend, size_t api, int64_t *n)
{
	struct sqlite *s = backend;
	struct sqlite_api *a = &s->apis[api];
	enum err err = ERR_OK;

	if (!a->knows_running) {
		err = number(s, api, API_QUERY_RUNNING, n);
		a->running = *n - added_running(a);
		a->knows_running = !err;
	}
	*n = a->running + added_running(a);
	return err;
}
