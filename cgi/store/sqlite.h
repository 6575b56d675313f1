#ifndef LOWTIDE_CGI_STORE_SQLITE_H
#define LOWTIDE_CGI_STORE_SQLITE_H

#include "cgi/store/ballast.h"
#include "cgi/store/bells.h"
#include "cgi/store/db.h"
#include "cgi/store/gate.h"
#include "cgi/store/store.h"
#include "cgi/store/turnstile.h"
#include "lib/buf.h"

/*
 * The SQLite back end, inside: what sqlite.c (rows and transactions) and
 * sqlite-open.c (making and opening a store) share. store.md is the design.
 *
 * A store is a folder:
 *   jobs.db, -wal, -shm           the database, always in WAL mode
 *   turn.lock, write.lock         the turnstile
 *   host.lock                     held shared while a handle is open, so that
 *                                 a boot id that is not ours can be told
 *                                 apart: nobody holds it = we rebooted;
 *                                 somebody does = another host has the store
 *   accepted.bell, settled.bell   the doorbells
 *   gate.page                     what its programs tell each other
 *   ballast                       room for bad times
 */
#define STORE_FORMAT 4
#define STORE_FORMAT_OLDEST 2 /* brought up to date when it is opened */
/* struct store_limits of a store that says nothing (store.md 3, 8). */
#define STORE_WAL_MARK ((int64_t)8 * 1024 * 1024)
#define STORE_WAL_GATE ((int64_t)64 * 1024 * 1024)
#define STORE_WAL_FULL ((int64_t)256 * 1024 * 1024)
#define STORE_ERASE_MS ((int64_t)10 * 60 * 1000)
#define STORE_FREE_BYTES ((int64_t)16 * 1024 * 1024)
#define STORE_PAGE_BYTES 4096
/*
 * The file's application id (four bytes at its byte 68, most significant first)
 * while it is a copy that nobody has opened to adopt. It can be read without
 * SQLite, and so without a log: such a file has none, and one that lies beside
 * it is another store's, which SQLite would take for its own.
 */
#define STORE_COPY_ID 0x4c546370 /* LTcp */
#define STORE_COPY_ID_AT 68

enum query {
#define QUERY(name, sqlite) QUERY_##name,
#define PER_API(name, sqlite)
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
	QUERY_COUNT_ALL
};
enum api_query {
#define QUERY(name, sqlite)
#define PER_API(name, sqlite) API_QUERY_##name,
#include "cgi/store/queries.def"
#undef QUERY
#undef PER_API
	API_QUERY_COUNT_ALL
};

/*
 * What _count counts: jobs by state; beside these, under negative numbers in
 * the table, those that need a credential and those that are held.
 */
enum { COUNT_NEEDING = JOB_STATES, COUNT_HELD, COUNTS };
static inline int sqlite_count_number(int which)
{
	return which < JOB_STATES ? which : JOB_STATES - 1 - which;
}
struct sqlite_api {
	struct str name; /* the configuration's */
	bool is_there;	 /* false: new in the configuration, opened read-only */
	struct sqlite3_stmt *queries[API_QUERY_COUNT_ALL]; /* made when used */
	int64_t added[COUNTS]; /* to _count, at commit */
	/* before this transaction, once it is known; held ones do not run */
	bool knows_running;
	int64_t running;
	/* who waited for now is in the queue, in this transaction */
	bool woken;
	int64_t woken_boot;
	/*
	 * _count as it was before this transaction, the queue as it is in it;
	 * or both as they are in this view
	 */
	bool knows_counts, knows_oldest;
	int64_t counts[COUNTS], oldest_ms;
};

struct sqlite {
	char *dir;
	struct db db;
	struct turnstile turnstile;
	struct bells bells;
	int host_fd;
	enum store_role role;
	int64_t turn_wait_ms;
	struct store_limits limits; /* with nothing left open but sizes of 0 */
	struct gate gate;
	struct sqlite3_stmt *queries[QUERY_COUNT_ALL];
	struct sqlite_api *apis;
	size_t n_apis;
	int64_t version; /* of this transaction; 0 = not read yet */
	bool version_changed, counts_changed;
	bool has_room; /* this transaction asked, and there is */
	bool erases;   /* this transaction drops bytes */
	bool is_full;  /* it could not write a result */
	int64_t
	    retry_boot; /* sqlite_tend: not before; 0 = whenever it is due */
	int64_t vacuum_boot;  /* when it goes on giving back; 0 = it is done */
	bool wants_ballast;   /* there is no room for one; looked at again */
	int64_t ballast_boot; /* then */
};

enum err sqlite_open(const struct store_spec *spec, struct diag *diag,
    void **backend) __attribute__((warn_unused_result));
void sqlite_close(void *backend);
/*
 * `text` of queries.def or schema/sqlite.def with its placeholders filled; api
 * names are [a-z0-9-], so nothing in them needs escaping inside quotes.
 */
void sqlite_expand(struct buf *out, const char *text, struct str api);

/* A statement of queries.def that names no API, prepared at its first use. */
enum err sqlite_query(struct sqlite *s, enum query which,
    struct sqlite3_stmt **st) __attribute__((warn_unused_result));

/* One of an API. ERR_NOT_FOUND: read-only, and it has no table yet. */
enum err sqlite_api_query(struct sqlite *s, size_t api, enum api_query which,
    struct sqlite3_stmt **st) __attribute__((warn_unused_result));
/* One that names a body: ?1 is its place, ?2 tag and key of its job. */
enum err sqlite_body_query(struct sqlite *s, enum query which,
    const struct job *job, enum body_kind kind, struct sqlite3_stmt **st)
    __attribute__((warn_unused_result));
/* The row that a statement on %C stands on. */
enum err sqlite_read_job(struct sqlite3_stmt *st, struct job *job)
    __attribute__((warn_unused_result));
/* `by` more of such jobs, once this transaction is committed. */
void sqlite_count(struct sqlite *s, size_t api, const struct job *job, int by);
/* A number alone in its row; none: ERR_NOT_FOUND, and *out as it was. */
enum err sqlite_one_number(struct sqlite3_stmt *st, int64_t *out)
    __attribute__((warn_unused_result));
/* each() for every row of a bound statement on %C, until it says false. */
enum err sqlite_each_job(struct sqlite3_stmt *st,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));
/* Steps a bound statement on %C that gives at most one row. */
enum err sqlite_one_job(struct sqlite3_stmt *st, struct job *out)
    __attribute__((warn_unused_result));

/*
 * The log (sqlite-log.c). All of it with the turn and outside of transactions.
 * _grown: after a commit; starts it over when it is time for that. _drain: a
 * log that is so large that nothing is accepted any more is tried again now and
 * then. _empty: to no bytes at all. ERR_BUSY: a reader is in the way.
 */
void sqlite_log_grown(struct sqlite *s);
void sqlite_log_drain(struct sqlite *s);
enum err sqlite_log_empty(struct sqlite *s, bool starting)
    __attribute__((warn_unused_result));
/* The disk is full: what can be done about it at once. */
void sqlite_disk_full(struct sqlite *s);

/* Room and housekeeping, as in struct store_ops (sqlite-tend.c). */
enum err sqlite_room(void *backend) __attribute__((warn_unused_result));
enum err sqlite_tend(void *backend, struct store_now now)
    __attribute__((warn_unused_result));
int64_t sqlite_tend_due(void *backend);
enum err sqlite_vacuum(void *backend, int64_t *unused);

/* Its first column, of the one row that has to be there: else ERR_CORRUPT. */
enum err sqlite_number(struct sqlite *s, enum query which, int64_t *out)
    __attribute__((warn_unused_result));

/* The duties of struct store_ops on rows and bodies (sqlite-rows.c). */
enum err sqlite_get(void *backend, size_t api, const uint8_t *key,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_insert(void *backend, size_t api, const struct job *job)
    __attribute__((warn_unused_result));
enum err sqlite_update(void *backend, size_t api, const struct job *before,
    const struct job *job) __attribute__((warn_unused_result));
enum err sqlite_body_put(void *backend, const struct job *job,
    enum body_kind kind, struct str bytes) __attribute__((warn_unused_result));
enum err sqlite_body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
    __attribute__((warn_unused_result));
enum err sqlite_body_drop(void *backend, const struct job *job,
    enum body_kind kind) __attribute__((warn_unused_result));
enum err sqlite_list(void *backend, size_t api, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));

/* Whose turn it is (sqlite-pick.c). */
enum err sqlite_pick_pending(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_peek_pending(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_pick_lost(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_pick_late(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_next_due(void *backend, size_t api, int64_t now_boot,
    int64_t *due_boot) __attribute__((warn_unused_result));
enum err sqlite_count_running(void *backend, size_t api, int64_t *n)
    __attribute__((warn_unused_result));
/* Those that follow versions and time (sqlite-sweep.c). */
enum err sqlite_changed(void *backend, size_t api, int64_t since, size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx) __attribute__((warn_unused_result));
enum err sqlite_rows_since(void *backend, size_t api, int64_t since,
    size_t limit, bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));
enum err sqlite_remove(void *backend, size_t api, const struct job *job)
    __attribute__((warn_unused_result));
enum err sqlite_body_size(void *backend, const struct job *job,
    enum body_kind kind, int64_t *bytes) __attribute__((warn_unused_result));
enum err sqlite_meta_get(void *backend, const char *name, int64_t *value)
    __attribute__((warn_unused_result));
enum err sqlite_meta_set(void *backend, const char *name, int64_t value)
    __attribute__((warn_unused_result));

/* Questions, and what is measured (sqlite-ask.c). */
enum err sqlite_stats(void *backend, size_t api, struct store_stats *out)
    __attribute__((warn_unused_result));
enum err sqlite_recent(void *backend, size_t api, const uint8_t *quota,
    int64_t since_ms, int64_t until_ms, int64_t *n, int64_t *first_ms)
    __attribute__((warn_unused_result));
enum err sqlite_count_open(void *backend, size_t api, const uint8_t *quota,
    int64_t *n) __attribute__((warn_unused_result));
enum err sqlite_count_rank(void *backend, size_t api, const struct job *job,
    int64_t most, int64_t *n) __attribute__((warn_unused_result));
enum err sqlite_holder(void *backend, size_t api, const uint8_t *resource,
    struct job *out) __attribute__((warn_unused_result));
enum err sqlite_owned(void *backend, size_t api, const uint8_t *owner,
    int64_t below, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx) __attribute__((warn_unused_result));
enum err sqlite_owned_since(void *backend, size_t api, const uint8_t *owner,
    int64_t since, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx) __attribute__((warn_unused_result));
enum err sqlite_sample_put(void *backend, size_t api, size_t slot,
    const struct store_sample *sample) __attribute__((warn_unused_result));
enum err sqlite_samples(void *backend, size_t api,
    struct store_sample out[STORE_SAMPLES], size_t *n)
    __attribute__((warn_unused_result));

/* Copies (sqlite-copy.c). */
enum err sqlite_copy(void *backend, const struct store_copying *copying,
    struct diag *diag) __attribute__((warn_unused_result));
enum err sqlite_stranger(void *backend, char name[STORE_META_NAME])
    __attribute__((warn_unused_result));

/* Whether it is as it should be (sqlite-audit.c). */
enum err sqlite_audit(void *backend, const struct store_auditing *auditing)
    __attribute__((warn_unused_result));

/* Another configuration (sqlite-upgrade.c). */
enum err sqlite_reconfigure(void *backend, const struct config *config)
    __attribute__((warn_unused_result));

#endif
