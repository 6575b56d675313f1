#include "cgi/store/sqlite.h"

#include <string.h>

/*
 * Rows and bodies: the statements of queries.def around struct job. Every
 * function here may be called inside a view or a transaction, those that
 * change something only inside a transaction.
 */

/* ---- statements -------------------------------------------------------- */

static const char *const texts[] = {
#define QUERY(name, sqlite) [QUERY_##name] = sqlite,
#define PER_API(name, sqlite)
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
};
static const char *const api_texts[] = {
#define QUERY(name, sqlite)
#define PER_API(name, sqlite) [API_QUERY_##name] = sqlite,
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
};

static enum err prepare(struct sqlite *s, const char *text, struct str api,
    struct sqlite3_stmt **slot)
{
	struct buf sql = {0};

	sqlite_expand(&sql, text, api);
	enum err err = db_prepare(&s->db, buf_str(&sql), slot);
	buf_release(&sql);
	return err;
}

enum err sqlite_query(
    struct sqlite *s, enum query which, struct sqlite3_stmt **st)
{
	const struct str no_api = {0};
	enum err err = ERR_OK;

	if (!s->queries[which])
		err = prepare(s, texts[which], no_api, &s->queries[which]);
	*st = s->queries[which];
	return err;
}

enum err sqlite_api_query(struct sqlite *s, size_t api, enum api_query which,
    struct sqlite3_stmt **st)
{
	struct sqlite_api *a = &s->apis[api];
	enum err err = ERR_OK;

	if (!a->is_there)
		return ERR_NOT_FOUND;
	if (!a->queries[which])
		err = prepare(s, api_texts[which], a->name, &a->queries[which]);
	*st = a->queries[which];
	return err;
}

enum err sqlite_number(struct sqlite *s, enum query which, int64_t *out)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, which, &st);

	if (!err)
		err = db_step(st);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	*out = db_int(st, 0);
	db_reset(st);
	return ERR_OK;
}

/* ---- struct job ↔ row -------------------------------------------------- */

#define BYTES_KEY false
#define BYTES_ALWAYS false
#define BYTES_OR_NULL true

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n)
		if (p[--n])
			return false;
	return true;
}

static void bind_bytes(
    struct sqlite3_stmt *st, int at, const uint8_t *p, size_t n, bool or_null)
{
	struct str bytes = {.p = (const char *)p, .n = n};

	if (or_null && is_zero(p, n))
		bytes = (struct str){0};
	db_bind_bytes(st, at, bytes);
}

/* The job must live until the statement is reset. */
static void bind_job(struct sqlite3_stmt *st, const struct job *job)
{
	int at = 0;

#define BYTES(column, member, from, n, type, may_change)                       \
	bind_bytes(st, ++at, job->member + (from), (n), (type));
#define NUMBER(column, member, may_change) db_bind_int(st, ++at, job->member);
#include "cgi/store/columns.def"
#undef BYTES
#undef NUMBER
}

static bool read_bytes(
    struct sqlite3_stmt *st, int column, uint8_t *out, size_t n, bool or_null)
{
	struct str bytes = db_bytes(st, column);

	if (!bytes.p && or_null)
		return true; /* *out is zero already */
	if (bytes.n != n)
		return false;
	memcpy(out, bytes.p, n);
	return true;
}

enum err sqlite_read_job(struct sqlite3_stmt *st, struct job *job)
{
	bool good = true;
	int column = 0;

	*job = (struct job){0};
#define BYTES(name, member, from, n, type, may_change)                         \
	good &= read_bytes(st, column++, job->member + (from), (n), (type));
#define NUMBER(name, member, may_change) job->member = db_int(st, column++);
#include "cgi/store/columns.def"
#undef BYTES
#undef NUMBER
	if (!good || (unsigned)job->state >= JOB_STATES ||
	    (unsigned)job->reason >= JOB_REASONS)
		return ERR_CORRUPT;
	return ERR_OK;
}

enum err sqlite_one_job(struct sqlite3_stmt *st, struct job *out)
{
	enum err err = db_step(st);

	if (!err)
		err = sqlite_read_job(st, out);
	db_reset(st);
	return err;
}

enum err sqlite_each_job(struct sqlite3_stmt *st,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	struct job job;
	enum err err;

	while (!(err = db_step(st))) {
		err = sqlite_read_job(st, &job);
		if (err || !each(ctx, &job))
			break;
	}
	db_reset(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- rows -------------------------------------------------------------- */

enum err sqlite_get(
    void *backend, size_t api, const uint8_t *key, struct job *out)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(backend, api, API_QUERY_GET, &st);

	if (err)
		return err;
	bind_bytes(st, 1, key, JOB_KEY_BYTES, false);
	return sqlite_one_job(st, out);
}

void sqlite_count(struct sqlite *s, size_t api, const struct job *job, int by)
{
	struct sqlite_api *a = &s->apis[api];

	a->added[job->state] += by;
	a->added[COUNT_NEEDING] += job->needs ? by : 0;
	a->added[COUNT_HELD] += job->held ? by : 0;
	s->counts_changed = true;
	/* the first of the queue may be another now, but for a new one */
	if (job->state == JOB_PENDING &&
	    (job->version != job->born || !a->oldest_ms))
		a->knows_oldest = false;
}

enum err sqlite_insert(void *backend, size_t api, const struct job *job)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, API_QUERY_INSERT, &st);

	if (err)
		return err;
	bind_job(st, job);
	err = db_run(st);
	if (err)
		return err;
	if (!db_changes(&s->db))
		return ERR_CONFLICT;
	sqlite_count(s, api, job, 1);
	return ERR_OK;
}

static enum err bury(struct sqlite *s, size_t api, const struct job *job)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, API_QUERY_BURY, &st);

	if (err)
		return err;
	bind_bytes(st, 1, job_key(job), JOB_KEY_BYTES, false);
	db_bind_int(st, 2, job->gone_ms);
	return db_run(st);
}

/* A row is buried by that alone: whatever else changes, changed before. */
enum err sqlite_update(
    void *backend, size_t api, const struct job *before, const struct job *job)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err;

	if (before->gone_ms != job->gone_ms) {
		err = bury(s, api, job);
		if (!err && !db_changes(&s->db))
			err = ERR_NOT_FOUND;
		return err;
	}
	err = sqlite_api_query(s, api, API_QUERY_UPDATE, &st);
	if (err)
		return err;
	bind_job(st, job);
	err = db_run(st);
	if (err)
		return err;
	if (!db_changes(&s->db))
		return ERR_NOT_FOUND;
	if (job->not_before_boot)
		s->apis[api].woken = false;
	if (before->state != job->state || before->needs != job->needs ||
	    before->held != job->held) {
		sqlite_count(s, api, before, -1);
		sqlite_count(s, api, job, 1);
	}
	return ERR_OK;
}

/* ---- bodies ------------------------------------------------------------ */

enum err sqlite_body_query(struct sqlite *s, enum query which,
    const struct job *job, enum body_kind kind, struct sqlite3_stmt **st)
{
	const int64_t kinds_room = 4;
	enum err err = sqlite_query(s, which, st);

	_Static_assert(BODY_KINDS <= 4, "n has room for four kinds");
	if (err)
		return err;
	db_bind_int(*st, 1, job->born * kinds_room + kind);
	bind_bytes(
	    *st, 2, job->id + 1, JOB_KEY_OFFSET - 1 + JOB_KEY_BYTES, false);
	return ERR_OK;
}

enum err sqlite_body_put(
    void *backend, const struct job *job, enum body_kind kind, struct str bytes)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_body_query(s, QUERY_BODY_PUT, job, kind, &st);

	if (err)
		return err;
	if (kind == BODY_RESULT) /* perhaps there is another one already */
		s->erases = true;
	db_bind_int(st, 3, kind);
	db_bind_bytes(st, 4, bytes.p ? bytes : STR(""));
	err = db_run(st);
	/* a large one is written before its COMMIT */
	s->is_full |= err == ERR_FULL && kind == BODY_RESULT;
	/* another job's body in that place: the counter went back */
	return !err && !db_changes(&s->db) ? ERR_CORRUPT : err;
}

enum err sqlite_body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	struct sqlite3_stmt *st;
	enum err err =
	    sqlite_body_query(backend, QUERY_BODY_GET, job, kind, &st);

	if (!err)
		err = db_step(st);
	if (err)
		return err;
	struct str bytes = db_bytes(st, 0);
	if (bytes.p && bytes.n <= STORE_BODY_MAX)
		*out = arena_str(a, bytes);
	else
		err = ERR_CORRUPT;
	db_reset(st);
	return err;
}

enum err sqlite_body_drop(
    void *backend, const struct job *job, enum body_kind kind)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_body_query(s, QUERY_BODY_DROP, job, kind, &st);

	if (!err)
		err = db_run(st);
	if (!err && db_changes(&s->db))
		s->erases = true;
	return err;
}

/* ---- for people -------------------------------------------------------- */

enum err sqlite_list(void *backend, size_t api, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(backend, api, API_QUERY_LIST, &st);

	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 1, limit ? (int64_t)limit : -1);
	return sqlite_each_job(st, each, ctx);
}
