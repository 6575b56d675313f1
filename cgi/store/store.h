#ifndef LOWTIDE_CGI_STORE_STORE_H
#define LOWTIDE_CGI_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "cgi/job.h"
#include "lib/arena.h"
#include "lib/config.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * The request store: one request table per API, one table of bodies, one
 * counter of versions, two doorbells. Design: a *protocol* (the functions
 * store_*() below, written once, on job_step()) over a *back end* (struct
 * store_ops: rows, bodies and transactions, no policy). memory, SQLite and
 * later PostgreSQL are back ends; tests/store runs one contract over all.
 *
 * Calling sequence
 *   reading:  store_view, any number of gets, store_unview. Short: at most
 *             one wake of an event loop (a reader holds back the checkpoint).
 *   writing:  store_begin, any number of changes, store_commit. What stands
 *             in one transaction is durable together or not at all; a
 *             group commit is simply many changes between the two. After any
 *             error inside, store_rollback.
 * A handle belongs to one thread. Bytes given as bodies are sealed already;
 * the store never sees a plain payload.
 *
 * Errors everywhere: ERR_BUSY (bounded wait ended), ERR_FULL, ERR_IO,
 * ERR_CORRUPT. A failed write or fsync inside a commit does not return: the
 * process ends at once, answering nobody (store.md 6).
 */
struct store;
struct store_ops;
extern const struct store_ops store_memory;
extern const struct store_ops store_sqlite;

enum body_kind {
	BODY_REQUEST, /* what is sent upstream; erased when the job ends */
	BODY_META,    /* the client's name for it; kept until the TTL */
	BODY_RESULT,  /* status, headers and body of the final answer */
	BODY_KINDS
};
/* ERR_TOO_LARGE beyond: 16 MiB (contract 5), its envelope and its seal. */
#define STORE_BODY_MAX ((size_t)17 * 1024 * 1024)

/* Two files beside the database; who rings what is store.md 4. */
enum bell {
	BELL_ACCEPTED = 1, /* there is work: accept, cancel, release */
	BELL_SETTLED = 2,  /* a row changed visibly */
};

#define STORE_CHECK_BYTES 16
struct store_spec {
	const char *dir;	     /* jobs.db, lock files and bells */
	const struct config *config; /* its APIs get their tables */
	/* Proof that this program holds the store's name key (keys_check). */
	uint8_t check[STORE_CHECK_BYTES];
	bool read_only; /* lowtide-jobs ls, show: creates and changes nothing */
};

/*
 * Opens, and creates what is missing. Takes the turnstile, does a TRUNCATE
 * checkpoint, then returns. Findings: `store-missing`, `store-other-keys`,
 * `store-version`, `store-other-host`, `store-damaged`, `store-full`,
 * `store-busy` (a warning: the checkpoint had to be put off), `io-error`, each
 * with what to do.
 */
enum err store_open(const struct store_ops *ops, const struct store_spec *spec,
    struct diag *diag, struct store **out) __attribute__((warn_unused_result));
void store_close(struct store *store); /* NULL-safe */

enum err store_view(struct store *store) __attribute__((warn_unused_result));
void store_unview(struct store *store);
enum err store_begin(struct store *store) __attribute__((warn_unused_result));
/* Durable when it returns ERR_OK, then rings what the changes asked for. */
enum err store_commit(struct store *store) __attribute__((warn_unused_result));
void store_rollback(struct store *store);

/* `api` is an index into config.apis everywhere. */

/* ERR_NOT_FOUND. Inside a view or a transaction. */
enum err store_get(struct store *store, size_t api,
    const uint8_t key[JOB_KEY_BYTES], struct job *out)
    __attribute__((warn_unused_result));
/* `job` as it came from the store. ERR_NOT_FOUND; inside, as above. */
enum err store_body(struct store *store, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
    __attribute__((warn_unused_result));

/*
 * A new pending row from id, owner, print, accepted_ms and deadline_ms; the
 * rest of *job, version and born too, is set here. `meta` may be empty (p
 * NULL). ERR_CONFLICT when its key is taken: then *job is the row that is
 * there.
 */
enum err store_accept(struct store *store, size_t api, struct job *job,
    struct str request, struct str meta) __attribute__((warn_unused_result));

/*
 * Takes the pending job that is due and arrived first (by born, not by clock),
 * unless `concurrency` jobs of this API run already, anywhere. The claim's own
 * transaction marks it sent. ERR_NOT_FOUND: nothing to do now; *due_boot then
 * says when a back-off, a lease or a pending job's deadline is next over (0:
 * nothing waits for time). What is already over is store_recover()'s, so call
 * that first. A pending job whose deadline has passed is never started: it ends
 * here.
 */
struct store_ask {
	int64_t now_ms, now_boot, lease_boot;
	uint8_t claim[JOB_CLAIM_BYTES];
};
enum err store_claim(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
    __attribute__((warn_unused_result));

/*
 * One event on one job (found by job->id), through job_step(). `result` is
 * stored when its p is not NULL. A job that ends loses its request body in the
 * same transaction. *job is the row afterwards, also on ERR_STALE and
 * ERR_CONFLICT, which leave the transaction usable, as does ERR_NOT_FOUND.
 * The version moves only when a client could see the difference: a heartbeat
 * without progress renews the lease and nothing else.
 */
enum err store_change(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str result)
    __attribute__((warn_unused_result));

/*
 * Brings home what nobody works on: expired leases (LOST) and passed
 * deadlines (DEADLINE) of one API, at most `limit` rows; *changed counts them.
 */
enum err store_recover(struct store *store, size_t api, int64_t now_ms,
    int64_t now_boot, size_t limit, size_t *changed)
    __attribute__((warn_unused_result));

/*
 * Jobs of one API, newest first; limit 0 = all. each() returns false to stop.
 * Inside a view. Reads the whole table: for people, not for requests.
 */
enum err store_list(struct store *store, size_t api, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));

struct store_stats {
	int64_t count[JOB_STATES];
	int64_t oldest_pending_ms; /* wall clock, 0 = none */
};
enum err store_stats(struct store *store, size_t api, struct store_stats *out)
    __attribute__((warn_unused_result));

/*
 * A descriptor that becomes readable when one of the bells rings: inotify
 * (memory, which nobody else can ring: an eventfd). It belongs to the store
 * and is closed with it; at most 8 per handle. store_heard() empties it and
 * says which rang; an overflow counts as both. A ring may come before its
 * change can be seen (there is one before the commit and one after it), so
 * after any ring: scan now, and once more 1 s after the last ring; then a kill
 * between commit and ring leaves nothing unseen.
 */
enum err store_watch(struct store *store, unsigned bells, int *fd)
    __attribute__((warn_unused_result));
unsigned store_heard(struct store *store, int fd);

/*
 * ---- what a back end provides -------------------------------------------
 * Rows in, rows out. Back ends decide nothing about jobs. `view` may be a
 * no-op; `begin` waits its turn (fairly among processes) and then excludes
 * every other writer until commit or rollback.
 */
struct store_ops {
	const char *name;
	enum err (*open)(
	    const struct store_spec *spec, struct diag *diag, void **backend);
	void (*close)(void *backend);
	enum err (*view)(void *backend);
	void (*unview)(void *backend);
	enum err (*begin)(void *backend);
	/* bells: which to ring, once before and once after the commit */
	enum err (*commit)(void *backend, unsigned bells);
	void (*rollback)(void *backend);
	/* the next version; strictly greater than any before */
	enum err (*next_version)(void *backend, int64_t *version);
	enum err (*get)(
	    void *backend, size_t api, const uint8_t *key, struct job *out);
	/* ERR_CONFLICT when the key is taken; the transaction stays usable */
	enum err (*insert)(void *backend, size_t api, const struct job *job);
	/* `before` is the row as it stands, for the counts */
	enum err (*update)(void *backend, size_t api, const struct job *before,
	    const struct job *job);
	enum err (*body_put)(void *backend, const struct job *job,
	    enum body_kind kind, struct str bytes);
	enum err (*body_get)(void *backend, const struct job *job,
	    enum body_kind kind, struct arena *a, struct str *out);
	enum err (*body_drop)(
	    void *backend, const struct job *job, enum body_kind kind);
	/* the pending row with not_before_boot <= now_boot, lowest born */
	enum err (*pick_pending)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	/*
	 * the earliest not_before_boot or lease_boot after now, or pending
	 * deadline as boot time; 0 = none
	 */
	enum err (*next_due)(void *backend, size_t api, int64_t now_ms,
	    int64_t now_boot, int64_t *due_boot);
	/* one processing row whose lease_boot <= now_boot */
	enum err (*pick_lost)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	/* one open row whose deadline_ms (not 0) <= now_ms and that no lease
	 * protects */
	enum err (*pick_late)(void *backend, size_t api, int64_t now_ms,
	    int64_t now_boot, struct job *out);
	enum err (*count_running)(void *backend, size_t api, int64_t *n);
	enum err (*list)(void *backend, size_t api, size_t limit,
	    bool (*each)(void *ctx, const struct job *job), void *ctx);
	enum err (*stats)(void *backend, size_t api, struct store_stats *out);
	enum err (*watch)(void *backend, unsigned bells, int *fd);
	unsigned (*heard)(void *backend, int fd);
};

#endif
