#ifndef LOWTIDE_CGI_COMMITTER_H
#define LOWTIDE_CGI_COMMITTER_H

#include <sys/queue.h>

#include "cgi/store/store.h"
#include "lib/buf.h"

/*
 * The endpoint's only writer: one thread with a store handle of its own, which
 * gathers what the event loop wants changed and commits all that waits in one
 * transaction (group commit, store.md 5). So the loop never waits for its turn
 * or for a disk, and thirty requests that came together cost one fsync.
 *
 *	loop                               thread
 *	  committer_submit(c, change)  ──▶  begin, apply …, commit, ring
 *	  fd readable, committer_next  ◀──  change->err, change->job
 *
 * A change is handed over whole and belongs to the committer until it comes
 * back. Whoever asked for it may be gone by then: then it has happened all the
 * same.
 *
 * In between the thread does the store's housekeeping (store_tend()).
 */
#define COMMITTER_CHANGES_MAX 4096 /* waiting, not yet in a transaction */
#define COMMITTER_BYTES_MAX ((size_t)256 * 1024 * 1024) /* of these */
#define COMMITTER_BATCH_MAX 256 /* changes in one transaction */
#define COMMITTER_BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define COMMITTER_WAIT_MS 10000 /* not begun by then: ERR_BUSY */

enum change_kind {
	CHANGE_ACCEPT, /* store_accept(): .job, .request, .meta */
	CHANGE_CANCEL, /* store_change(): .job.id, .event */
	CHANGE_PURGE,  /* the same */
	CHANGE_READ,   /* the same */
	CHANGE_RENEW,  /* store_renew(): .job.id, .event, .request */
	CHANGE_FLAG,   /* store_flag(): .flag, .event.now_ms */
	/* store_reconfigure(): .config. By itself, between two transactions */
	CHANGE_RECONFIGURE,
	CHANGE_KINDS
};
struct change {
	enum change_kind kind;
	size_t api;
	struct job job;		  /* in; afterwards the row as it is */
	struct job before;	  /* the committer's: to try it again */
	struct buf request, meta; /* sealed */
	struct job_event event;
	char flag[STORE_META_NAME];
	const struct config *config;
	/*
	 * ERR_OK: durable. ERR_CONFLICT, ERR_STALE, ERR_NOT_FOUND,
	 * ERR_TOO_LARGE, ERR_TAKEN, ERR_LIMIT, ERR_CROWDED: as store_accept()
	 * and store_change() say, nothing changed. ERR_BUSY, ERR_FULL, ERR_IO,
	 * ERR_CORRUPT: the store's trouble; not committed, and .job is as it
	 * was.
	 */
	enum err err;
	int64_t until_boot; /* COMMITTER_WAIT_MS after it was submitted */
	uint64_t ticket;    /* the loop's: whom to answer */
	void *then;	    /* the app's: what to answer; not looked at here */
	struct arena arena; /* .then lives here; goes with the change */
	TAILQ_ENTRY(change) in_list;
};
TAILQ_HEAD(change_list, change);

struct change *change_new(enum change_kind kind, size_t api);
void change_free(struct change *change); /* NULL-safe */

/*
 * The work itself, without a thread: all of `list` in one transaction, .err
 * and .job set in each. When the transaction as a whole fails, each has its
 * error; one that alone cannot be done (ERR_FULL for its size, ERR_CORRUPT)
 * does not fail its neighbours: they are tried again one by one. A store that
 * was ERR_BUSY for one of them was not asked for those behind it, which are
 * ERR_BUSY as well.
 */
void changes_commit(struct store *store, struct change_list *list);

struct committer;
struct committer_spec {
	struct store *store; /* STORE_WRITES; the thread's while it runs */
	int64_t (*boot_ms)(void);
	int64_t (*wall_ms)(void);
	/* called in the thread after housekeeping that did something; may be
	   NULL */
	void (*tended)(void *ctx, const struct store_tended *report);
	void *ctx;
};
/* Starts the thread, with all signals blocked in it. ERR_IO. */
enum err committer_start(const struct committer_spec *spec,
    struct committer **out) __attribute__((warn_unused_result));
/*
 * Waits for the thread, which finishes the transaction it is in (or gives up
 * its turn after the store's turn_wait_ms) and begins no other. Then frees
 * whatever was not taken by committer_next(), begun or not. NULL-safe.
 */
void committer_stop(struct committer *c);
/* Readable while committer_next() has something. */
int committer_fd(const struct committer *c);
/* ERR_FULL: too much waits already; the change stays the caller's. */
enum err committer_submit(struct committer *c, struct change *change)
    __attribute__((warn_unused_result));
/*
 * The store of the thread gets another configuration, which must outlive the
 * committer. Submits a CHANGE_RECONFIGURE, which keeps its place among the
 * others and comes back by committer_next() like any of them: with ERR_OK its
 * new APIs have their tables, and only then another handle may follow
 * (store_reconfigure()) and changes may name them. Any error: the old one goes
 * on. It is nobody's request: not for app_committed().
 */
enum err committer_reconfigure(struct committer *c, const struct config *config,
    uint64_t ticket) __attribute__((warn_unused_result));
/* One that is done, in the order of submission, or NULL. */
struct change *committer_next(struct committer *c);

#endif
