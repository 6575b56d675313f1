#ifndef LOWTIDE_CGI_LOOP_H
#define LOWTIDE_CGI_LOOP_H

#include "cgi/app.h"
#include "cgi/log.h"

/*
 * The event loop of lowtide-cgi: one thread, epoll, kept FastCGI connections,
 * parked requests. Design: performance.md, "process model".
 *
 * A connection is in one of these states: reading (the framer looks), writing
 * (an answer is on its way), parked (its request waits in a slot; any byte or
 * RDHUP ends it), streaming (parked, and told what changes without an end:
 * ditto), committing (its change is on its way to the disk and back: what comes
 * meanwhile is read afterwards; one that leaves is closed, and its change goes
 * on), idle (kept by the web server; never closed by us but at the
 * end). libfcgi is never entered before a whole request is in hand.
 *
 * Every bound is a named one. What goes beyond is closed, the oldest first.
 */
#define LOOP_BACKLOG 4096
#define LOOP_CONNS_MAX 65536
#define LOOP_INCOMPLETE_MAX 512	 /* connections without a whole request yet */
#define LOOP_INCOMPLETE_MS 60000 /* one total deadline for a request */
#define LOOP_SPILL_MAX ((size_t)256 * 1024 * 1024) /* all of their bytes */
#define LOOP_STALLED_MS 60000 /* an answer of which nothing is taken */
#define LOOP_PARKED_MAX 16384 /* streams count, too */
#define LOOP_STREAMS_MAX 4096
#define LOOP_STREAM_STUCK_MS 10000 /* of whose last piece nothing is taken */
#define LOOP_COMMIT_MS 15000	   /* a change that does not come back: 503 */
#define LOOP_VIEW_MS 5	     /* one view of the store, at most (store.md 3) */
#define LOOP_AGAIN_MS 20     /* a store that is held back is asked again */
#define LOOP_RECHECK_MS 1000 /* after the last ring (store.md 4) */
#define LOOP_DRAIN_MS 5000   /* at the end: to hand over what is answered */
#define LOOP_RELEASE_MS                                                        \
	1000 /* of these: in which all who wait are answered                   \
	      */
/*
 * Who began to wait together shall not come back together: the end of a wait
 * of LOOP_JITTER_FROM_MS or more is drawn up to a LOOP_JITTER_PART-th earlier,
 * LOOP_JITTER_MS at most; never later.
 */
#define LOOP_JITTER_FROM_MS 1000
#define LOOP_JITTER_PART 20
#define LOOP_JITTER_MS 250

/*
 * What the loop serves: the app (app.h), or a test's own. `now` is taken once
 * per wake, and again after LOOP_VIEW_MS. Whatever a waiting request needs
 * later is in `wait`; the arena is emptied after each call.
 */
struct change;
/* How many there are of each just now; no stream is one of `parked`. */
struct loop_load {
	uint32_t connections, parked, streams, committing;
};
struct loop_spec {
	int listen_fd;	 /* listening; closed when draining starts */
	size_t body_max; /* larger ones are handled as body_too_large */
	int64_t incomplete_ms, stalled_ms, commit_ms; /* 0 = as above */
	int64_t stuck_ms;			      /* 0 = as above */
	int64_t recheck_ms; /* 0 = as above; -1: no ring is ever missed */
	/* at the end: so long those who wait are left to what they wait for,
	   before LOOP_RELEASE_MS begins; less than LOOP_DRAIN_MS minus that */
	int64_t patience_ms;
	uint32_t conns_max, streams_max; /* 0 = as above */
	uint64_t seed; /* for jitter; nothing secret, any number */
	const struct log *log;
	void *ctx;
	enum outcome (*handle)(void *ctx, struct app_now now, struct arena *a,
	    const struct request *r, struct answer *ans, struct waiting *wait,
	    struct change **change);
	/*
	 * At the latest when now.boot_ms has reached wait->deadline_boot it
	 * answers, or wants a change committed. Before, it may set
	 * wait->again_boot: asked again then.
	 *
	 * A stream (OUTCOME_STREAM of `handle` or of this) is asked as long as
	 * it lasts, after bells and at again_boot, but not while its last piece
	 * is on its way: how ever much changes, no more than that is queued.
	 * All of *wait is kept but whom it waits for. It ends with
	 * OUTCOME_ANSWER, at its deadline without being asked, and when its
	 * client leaves or is stuck; it wants nothing committed. Where
	 * now.streams_full says so none can begin; one that does all the same
	 * gets refuse(ERR_FULL).
	 */
	enum outcome (*resume)(void *ctx, struct app_now now, struct arena *a,
	    struct waiting *wait, struct answer *ans, struct change **change);
	/*
	 * Once for each *wait that was to be parked or streamed and that
	 * `resume` did not end with OUTCOME_ANSWER or OUTCOME_COMMIT: its
	 * client left, it was refused or cut off, the loop ends. Nobody asks
	 * for it again. It may come in the middle of anything the loop does.
	 * NULL: nobody needs to know.
	 */
	void (*gone)(void *ctx, const struct waiting *wait);
	/*
	 * OUTCOME_COMMIT: `submit` hands the change over, with .ticket set;
	 * ERR_FULL gives it back to be refused. When commit_fd is readable
	 * `done` gives it back, and `committed` says what to answer (or to
	 * park; not OUTCOME_COMMIT): called for each, also when whoever asked
	 * has gone. `discard`
	 * frees it. Who has waited LOOP_COMMIT_MS gets refuse(ERR_BUSY) and is
	 * closed, so that what comes back later finds nobody.
	 */
	int commit_fd; /* -1 = `handle` never wants one */
	enum err (*submit)(void *ctx, struct change *change);
	struct change *(*done)(void *ctx);
	enum outcome (*committed)(void *ctx, struct app_now now,
	    struct arena *a, struct change *change, struct answer *ans,
	    struct waiting *wait);
	void (*discard)(void *ctx, struct change *change);
	/* for what never became a request, as app_refuse() */
	void (*refuse)(void *ctx, struct app_now now, struct arena *a,
	    enum err err, struct answer *ans);
	int bell_fd; /* readable when the bell rings, -1 = none */
	/* empties it; true: rows have changed, ask which */
	bool (*heard)(void *ctx, int bell_fd);
	/*
	 * After a ring, and again LOOP_RECHECK_MS later: park_wake() for every
	 * job that changed since it was last asked, or park_wake_all() where
	 * that cannot be told (and where this is NULL). False: the store cannot
	 * be asked just now; again in LOOP_AGAIN_MS.
	 */
	bool (*changed)(void *ctx, struct park *park);
	/*
	 * The end of a turn, and within one after LOOP_VIEW_MS, before
	 * `changed`, and before `committed`: what was read until now is old.
	 */
	void (*rest)(void *ctx);
	/*
	 * SIGHUP (NULL: it is not taken). No view is open then. body_max of
	 * this spec may change meanwhile, and holds from each connection's next
	 * request on; nothing else of it ever changes.
	 */
	void (*reload)(void *ctx);
	/*
	 * Nobody has waited, streamed, committed, or been inside a request or
	 * an answer for idle_ms (0: it is never asked): true drains, as
	 * SIGTERM does. Connections that a web server keeps do not count.
	 */
	int64_t idle_ms;
	bool (*idle)(void *ctx);
	/*
	 * What is nobody's request: called whenever aside_fd is readable, also
	 * while draining. NULL: there is none.
	 */
	int aside_fd;
	void (*aside)(
	    void *ctx, struct app_now now, const struct loop_load *load);
};
/*
 * Until SIGTERM or SIGINT, which it blocks for good, or `idle` says so; then
 * drains (no new connection; everybody who waits is answered with what there
 * is, in no order and within LOOP_RELEASE_MS; changes under way are waited for)
 * and returns ERR_OK. A second signal ends the draining. ERR_IO when it cannot
 * be set up.
 */
enum err loop_run(const struct loop_spec *spec)
    __attribute__((warn_unused_result));

#endif
