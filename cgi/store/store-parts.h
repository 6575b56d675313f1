#ifndef LOWTIDE_CGI_STORE_STORE_PARTS_H
#define LOWTIDE_CGI_STORE_STORE_PARTS_H

#include "cgi/store/store.h"

/*
 * Inside the protocol: what store.c (handles and transactions), store-accept.c
 * (new jobs), store-change.c (what changes one), store-work.c (what workers ask
 * for), store-pace.c (how fast), store-adopt.c (copies),
 * store-audit.c, store-ask.c
 * (questions), tend.c (housekeeping) and sweep.c share. Nobody else includes
 * this.
 */
enum store_mode { MODE_IDLE, MODE_VIEW, MODE_WRITE };

/*
 * A walk along one API's versions, for one of the two things that time does to
 * rows. `from` is its cursor, of which sweep.c says what it means.
 */
enum sweep { SWEEP_EMPTY, SWEEP_DELETE, SWEEPS };
struct walk {
	int64_t from;
	int64_t at;	/* how far the look under way has come */
	int64_t until;	/* the newest row known to be over; <= from: none */
	int64_t due_ms; /* wall: when the first one is; 0 = nothing waits */
	bool doubtful;	/* that look has passed rows from the future */
	bool is_read;	/* .from is the store's */
	bool is_done;	/* the last look found its end: the next begins anew */
};

struct store {
	const struct store_ops *ops;
	void *backend;
	const struct config *config;
	enum store_mode mode;
	unsigned bells;	   /* what this transaction has to ring */
	enum err trouble;  /* it cannot be committed any more */
	int64_t ends_boot; /* when the TTL of what it ends is over; 0 = none */

	bool knows_halt;   /* in this transaction: store-pace.c */
	int64_t halt_boot; /* until then something may be halted */

	char stranger[STORE_META_NAME]; /* store_adopt(): an API's name */

	int64_t tombstone_ms;
	int64_t due_boot;	      /* of store_tend() */
	struct walk (*walks)[SWEEPS]; /* one pair per API */
	size_t first; /* which API has the first turn next time */
};

/* One call of store_tend(). */
struct tending {
	struct store *store;
	struct store_now now;
	struct store_tended *report;
	int left;     /* transactions */
	bool more;    /* there is work left for another call */
	bool stopped; /* by the clock */
};

/* Of two times the earlier; 0 = never. */
static inline void tend_sooner(int64_t *due, int64_t when)
{
	if (when && (!*due || when < *due))
		*due = when;
}

/* store.c: keeps in mind what must not be committed; gives err back. */
enum err store_noted(struct store *store, enum err err)
    __attribute__((warn_unused_result));
/* store-change.c: *job is the row as it stands, and as it is afterwards. */
enum err store_apply(struct store *store, size_t api, struct job *job,
    const struct job_event *event) __attribute__((warn_unused_result));
/*
 * store-pace.c: may this job be claimed now? If so, its call is taken, but for
 * one that is polled: each of its polls takes one.
 */
struct pace {
	bool waits;
	int64_t due_boot; /* until then; 0 = until somebody says so */
};
enum err store_pace(struct store *store, size_t api, const struct job *job,
    int64_t now_boot, struct pace *out) __attribute__((warn_unused_result));
/* store-pace.c: what claims look at says what is suspended. Inside. */
enum err store_check_halt(struct store *store, bool *agrees)
    __attribute__((warn_unused_result));
/* sweep.c: all of a job's bodies; how many bytes is added to *bytes. */
enum err store_drop_bodies(struct store *store, const struct job *job,
    int64_t *bytes) __attribute__((warn_unused_result));
/* sweep.c: one sweep of one API, as far as this call's share goes. */
enum err tend_sweep(struct tending *t, size_t api, enum sweep kind)
    __attribute__((warn_unused_result));
/* tend.c: the guard as it is written down; inside. */
struct clock_guard;
enum err tend_read_guard(struct store *store, struct clock_guard *guard)
    __attribute__((warn_unused_result));
/* Ends a transaction: all of it, or after an error nothing. */
enum err tend_finish(struct store *store, enum err err)
    __attribute__((warn_unused_result));

#endif
