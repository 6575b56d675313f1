#include "cgi/store/sqlite.h"

#include <string.h>

/*
 * Questions about many rows, all of them answered by an index, and what is
 * measured.
 */

/* ---- the queue --------------------------------------------------------- */

static enum err read_counts(
    struct sqlite *s, size_t api, int64_t counts[COUNTS])
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, QUERY_COUNT, &st);

	memset(counts, 0, COUNTS * sizeof(*counts));
	if (err)
		return err;
	db_bind_text(st, 1, s->apis[api].name);
	while (!(err = db_step(st))) {
		for (int which = 0; which < COUNTS; which++)
			if (db_int(st, 0) == sqlite_count_number(which))
				counts[which] = db_int(st, 1);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err read_oldest(struct sqlite *s, size_t api, int64_t *ms)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, API_QUERY_OLDEST, &st);

	*ms = 0;
	if (!err)
		err = sqlite_one_number(st, ms);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/*
 * Both are read once in a view or transaction: in a view nothing changes, and
 * in a transaction they are kept in step by what it does.
 */
enum err sqlite_stats(void *backend, size_t api, struct store_stats *out)
{
	struct sqlite *s = backend;
	struct sqlite_api *a = &s->apis[api];
	enum err err = ERR_OK;

	*out = (struct store_stats){0};
	if (!a->knows_counts)
		err = read_counts(s, api, a->counts);
	if (!err && !a->knows_oldest)
		err = read_oldest(s, api, &a->oldest_ms);
	if (err)
		return err;
	a->knows_counts = a->knows_oldest = true;
	for (int state = 0; state < JOB_STATES; state++)
		out->count[state] = a->counts[state] + a->added[state];
	out->needing = a->counts[COUNT_NEEDING] + a->added[COUNT_NEEDING];
	out->held = a->counts[COUNT_HELD] + a->added[COUNT_HELD];
	out->oldest_pending_ms = a->oldest_ms;
	return ERR_OK;
}

/* ---- whose they are ---------------------------------------------------- */

/* A statement of an API with bytes as ?1. */
static enum err ask(struct sqlite *s, size_t api, enum api_query which,
    const uint8_t *bytes, size_t n, struct sqlite3_stmt **st)
{
	enum err err = sqlite_api_query(s, api, which, st);

	if (!err)
		db_bind_bytes(
		    *st, 1, (struct str){.p = (const char *)bytes, .n = n});
	return err;
}

enum err sqlite_recent(void *backend, size_t api, const uint8_t *quota,
    int64_t since_ms, int64_t until_ms, int64_t *n, int64_t *first_ms)
{
	struct sqlite3_stmt *st;
	enum err err =
	    ask(backend, api, API_QUERY_RECENT, quota, JOB_QUOTA_BYTES, &st);

	*n = *first_ms = 0;
	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 2, since_ms);
	db_bind_int(st, 3, until_ms);
	err = db_step(st);
	if (!err) {
		*n = db_int(st, 0);
		*first_ms = db_int(st, 1); /* NULL: 0 */
	}
	db_reset(st);
	return err;
}

enum err sqlite_count_open(
    void *backend, size_t api, const uint8_t *quota, int64_t *n)
{
	struct sqlite3_stmt *st;
	enum err err =
	    ask(backend, api, API_QUERY_OPEN, quota, JOB_QUOTA_BYTES, &st);

	*n = 0;
	if (!err)
		err = sqlite_one_number(st, n);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n)
		if (p[--n])
			return false;
	return true;
}

enum err sqlite_count_rank(
    void *backend, size_t api, const struct job *job, int64_t most, int64_t *n)
{
	struct sqlite3_stmt *st;
	enum err err = ERR_OK;

	*n = 0;
	if (!is_zero(job->quota, JOB_QUOTA_BYTES))
		err = ask(backend, api, API_QUERY_OPEN_SOME, job->quota,
		    JOB_QUOTA_BYTES, &st);
	else if (!is_zero(job->owner, JOB_OWNER_BYTES))
		err = ask(backend, api, API_QUERY_MINE_SOME, job->owner,
		    JOB_OWNER_BYTES, &st);
	else
		return ERR_OK;
	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 2, most);
	return sqlite_one_number(st, n);
}

enum err sqlite_holder(
    void *backend, size_t api, const uint8_t *resource, struct job *out)
{
	struct sqlite3_stmt *st;
	enum err err = ask(
	    backend, api, API_QUERY_HOLDER, resource, JOB_RESOURCE_BYTES, &st);

	return err ? err : sqlite_one_job(st, out);
}

static enum err each_owned(struct sqlite *s, size_t api, enum api_query which,
    const uint8_t *owner, int64_t from, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	struct sqlite3_stmt *st;
	enum err err = ask(s, api, which, owner, JOB_OWNER_BYTES, &st);

	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 2, from);
	db_bind_int(st, 3, limit ? (int64_t)limit : -1);
	return sqlite_each_job(st, each, ctx);
}

enum err sqlite_owned(void *backend, size_t api, const uint8_t *owner,
    int64_t below, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx)
{
	return each_owned(
	    backend, api, API_QUERY_OWNED, owner, below, limit, each, ctx);
}

/*
 * What changed lately is looked through along the versions, whoever's it is;
 * what changed since long ago along the owner's rows, whenever they changed.
 */
#define LATELY 512 /* versions */
enum err sqlite_owned_since(void *backend, size_t api, const uint8_t *owner,
    int64_t since, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx)
{
	int64_t version;
	enum err err = store_sqlite.version(backend, &version);

	if (err)
		return err;
	return each_owned(backend, api,
	    version - since <= LATELY ? API_QUERY_OWNED_NEW
				      : API_QUERY_OWNED_SINCE,
	    owner, since, limit, each, ctx);
}

/* ---- what is measured -------------------------------------------------- */

enum err sqlite_sample_put(
    void *backend, size_t api, size_t slot, const struct store_sample *sample)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, QUERY_SAMPLE_PUT, &st);

	if (err)
		return err;
	db_bind_text(st, 1, s->apis[api].name);
	db_bind_int(st, 2, (int64_t)slot);
	db_bind_int(st, 3, sample->ms);
	db_bind_int(st, 4, sample->run_ms);
	return db_run(st);
}

enum err sqlite_samples(void *backend, size_t api,
    struct store_sample out[STORE_SAMPLES], size_t *n)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, QUERY_SAMPLES, &st);

	*n = 0;
	if (err)
		return err;
	db_bind_text(st, 1, s->apis[api].name);
	while (*n < STORE_SAMPLES && !(err = db_step(st)))
		out[(*n)++] = (struct store_sample){
		    .ms = db_int(st, 0), .run_ms = db_int(st, 1)};
	db_reset(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
