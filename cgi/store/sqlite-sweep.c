#include "cgi/store/sqlite.h"

#include <string.h>

/*
 * Following versions: what changed since somebody looked, and what the sweep
 * needs to walk along them and to take rows away.
 */
enum err sqlite_changed(void *backend, size_t api, int64_t since, size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(backend, api, API_QUERY_CHANGED, &st);
	uint8_t key[JOB_KEY_BYTES];

	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 1, since);
	db_bind_int(st, 2, limit ? (int64_t)limit : -1);
	while (!(err = db_step(st))) {
		const struct str bytes = db_bytes(st, 0);
		if (bytes.n != sizeof(key)) {
			err = ERR_CORRUPT;
			break;
		}
		memcpy(key, bytes.p, sizeof(key));
		if (!each(ctx, key, db_int(st, 1)))
			break;
	}
	db_reset(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err sqlite_rows_since(void *backend, size_t api, int64_t since,
    size_t limit, bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	struct sqlite3_stmt *st;
	enum err err =
	    sqlite_api_query(backend, api, API_QUERY_ROWS_SINCE, &st);

	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	db_bind_int(st, 1, since);
	db_bind_int(st, 2, (int64_t)limit);
	return sqlite_each_job(st, each, ctx);
}

enum err sqlite_remove(void *backend, size_t api, const struct job *job)
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(s, api, API_QUERY_REMOVE, &st);

	if (err)
		return err;
	db_bind_bytes(st, 1,
	    (struct str){.p = (const char *)job_key(job), .n = JOB_KEY_BYTES});
	err = db_run(st);
	if (err)
		return err;
	if (!db_changes(&s->db))
		return ERR_NOT_FOUND;
	s->erases = true;
	sqlite_count(s, api, job, -1);
	return ERR_OK;
}

enum err sqlite_one_number(struct sqlite3_stmt *st, int64_t *out)
{
	enum err err = db_step(st);

	if (!err)
		*out = db_int(st, 0);
	db_reset(st);
	return err;
}

enum err sqlite_body_size(
    void *backend, const struct job *job, enum body_kind kind, int64_t *bytes)
{
	struct sqlite3_stmt *st;
	enum err err =
	    sqlite_body_query(backend, QUERY_BODY_SIZE, job, kind, &st);

	return err ? err : sqlite_one_number(st, bytes);
}

enum err sqlite_meta_get(void *backend, const char *name, int64_t *value)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(backend, QUERY_META_GET, &st);

	*value = 0;
	if (err)
		return err;
	db_bind_text(st, 1, str_of(name));
	err = sqlite_one_number(st, value);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err sqlite_meta_set(void *backend, const char *name, int64_t value)
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(backend, QUERY_META_PUT, &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(name));
	db_bind_int(st, 2, value);
	return db_run(st);
}
