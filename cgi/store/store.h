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
 * A handle belongs to one thread; a process may have several. Bytes given as
 * bodies are sealed already; the store never sees a plain payload.
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
	BODY_NOTE,    /* what an open job is known to do: envelope_note; put
			 anew with each change, erased when the job ends */
	BODY_KINDS
};
/* ERR_TOO_LARGE beyond: 16 MiB (contract 5), its envelope and its seal. */
#define STORE_BODY_MAX ((size_t)17 * 1024 * 1024)

/* Two files beside the database; who rings what is store.md 4. */
enum bell {
	BELL_ACCEPTED = 1, /* there is work: accept, cancel, release */
	BELL_SETTLED = 2,  /* a row changed visibly */
};

/*
 * What a handle is for, and so what it may make and wait for.
 *   WRITES  makes what is missing, empties the log, may begin; waits for its
 *           turn up to turn_wait_ms, so never an event loop's
 *   READS   an event loop's: views and bells of a store that a WRITES handle
 *           has opened before; takes no turn and waits for nobody
 *   SHOWS   lowtide-jobs ls, show: views only; changes not even a lock file
 * store_begin() is ERR_USAGE on the latter two.
 */
enum store_role { STORE_WRITES, STORE_READS, STORE_SHOWS };

#define STORE_TURN_WAIT_MS 2000
#define STORE_OPEN_WAIT_MS 5000
#define STORE_CHECK_BYTES 16
#define STORE_META_NAME 128 /* bytes of a number's or a note's name */
struct store_now {
	int64_t ms, boot; /* wall clock, CLOCK_BOOTTIME */
};
struct store_spec {
	const char *dir;	     /* jobs.db, lock files and bells */
	const struct config *config; /* its APIs get their tables */
	/* Proof that this program holds the store's name key (keys_check). */
	uint8_t check[STORE_CHECK_BYTES];
	enum store_role role;
	/*
	 * STORE_WRITES, of a program that lives for one request: a store that
	 * is whole, of this boot, and has every table, is opened without a turn
	 * and its log is not emptied. Any other is opened as usual.
	 */
	bool brief;
	/* STORE_WRITES: a copy may be opened, for store_adopt() */
	bool adopts;
	int64_t turn_wait_ms; /* 0 = STORE_TURN_WAIT_MS */
	int64_t open_wait_ms; /* at opening; 0 = STORE_OPEN_WAIT_MS */
	/* For tests; 0 = store.md's. Sizes of the log in bytes. */
	struct store_limits {
		int64_t wal_mark; /* past it a writer starts it over */
		int64_t wal_gate; /* past it readers are held back for that */
		int64_t wal_full; /* past it nothing more is accepted */
		int64_t erase_ms; /* at most from an erasure to an empty log;
				     < 0 = never for that reason */
		int64_t tombstone_ms;  /* how long a tombstone is kept */
		int64_t store_bytes;   /* past it nothing more is accepted;
					  0 = as far as the disk goes */
		int64_t reserve_bytes; /* free on the disk, or nothing more is
					  accepted; half of it is ballast */
		int64_t free_bytes;    /* in the file, unused: given back
					  beyond */
	} limits;
	/* For tests; NULL and 0 = this host's boot and clocks. */
	const char *boot;
	struct store_now now;
};

/*
 * Opens, and creates what is missing. Takes the turnstile, does a TRUNCATE
 * checkpoint, then returns. Waits up to open_wait_ms for its turn, then for
 * readers. Findings: `store-missing`, `store-other-keys`, `store-version`,
 * `store-other-host`, `store-is-copy`, `store-damaged`, `store-full`,
 * `store-busy` (an error: somebody has the turn; a warning: readers are in the
 * way, the checkpoint had to be put off), `io-error`, each with what to do.
 */
enum err store_open(const struct store_ops *ops, const struct store_spec *spec,
    struct diag *diag, struct store **out) __attribute__((warn_unused_result));
void store_close(struct store *store); /* NULL-safe */

/* ERR_AGAIN: the log is being started over; in a few milliseconds again. */
enum err store_view(struct store *store) __attribute__((warn_unused_result));
void store_unview(struct store *store);
/*
 * Waits for its turn, at most spec.turn_wait_ms: then ERR_BUSY, and nothing
 * has happened.
 */
enum err store_begin(struct store *store) __attribute__((warn_unused_result));
/* Durable when it returns ERR_OK, then rings what the changes asked for. */
enum err store_commit(struct store *store) __attribute__((warn_unused_result));
void store_rollback(struct store *store);
/*
 * It says something about a job (ERR_NOT_FOUND, ERR_CONFLICT, ERR_STALE,
 * ERR_TOO_LARGE, ERR_TAKEN, ERR_LIMIT, ERR_CROWDED) or nothing is wrong: the
 * transaction stays usable.
 */
bool store_is_answer(enum err err);

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
 * A new pending row from id, owner, print, quota, resource, accepted_ms and the
 * deadline on both clocks; the rest of *job, version, born and rank too, is set
 * here. `meta` may be empty (p NULL). ERR_CONFLICT when its key is taken: then
 * *job is the row that is there. ERR_FULL: the store takes nothing new at the
 * moment (store.md 3, 7), and only that: the transaction stays usable, jobs can
 * still end.
 */
enum err store_accept(struct store *store, size_t api, struct job *job,
    struct str request, struct str meta) __attribute__((warn_unused_result));

/*
 * What store_accept() decides by besides, from the row of config.apis, in this
 * order; nothing is changed and the transaction stays usable:
 *   ERR_TAKEN    job->resource is another open job's: *job is that row
 *   ERR_LIMIT    the sender's own: owner_rate, owner_open
 *   ERR_CROWDED  everybody's: queue_max, or the queue's age (admit.h)
 * The same may be asked beforehand, in a view, so that a flood costs no turn.
 */
struct crowd {
	/* 0 where the API has no owner_open, no owner_rate */
	int64_t open;		 /* of this quota: jobs that have not ended */
	int64_t recent;		 /* of this quota: accepted after since_ms */
	int64_t recent_first_ms; /* when the oldest of these was; 0 = none */
	int64_t pending;	 /* of everybody; those that need a credential
				    do not count */
	int64_t oldest_pending_ms;
};
/*
 * quota NULL or all zero: only what is everybody's. Inside. What was accepted
 * more than a window after the window's end bears the stamp of a clock that was
 * wrong, and does not count.
 */
enum err store_crowd(struct store *store, size_t api,
    const uint8_t quota[JOB_QUOTA_BYTES], int64_t since_ms, struct crowd *out)
    __attribute__((warn_unused_result));
/* The open job that holds a resource; ERR_NOT_FOUND. Inside. */
enum err store_holder(struct store *store, size_t api,
    const uint8_t resource[JOB_RESOURCE_BYTES], struct job *out)
    __attribute__((warn_unused_result));

/*
 * How long jobs of an API took from accept to an answer, in ms, the last
 * STORE_SAMPLES of them or nearly, in no order: store_change() writes one
 * whenever a job completes or fails by the upstream's answer, but none of a job
 * that had to wait for another credential. Inside.
 */
#define STORE_SAMPLES 64
enum err store_samples(struct store *store, size_t api,
    int64_t ms[STORE_SAMPLES], size_t *n) __attribute__((warn_unused_result));
/* The same jobs, without the time in the queue: from the first claim on. */
enum err store_runs(struct store *store, size_t api, int64_t ms[STORE_SAMPLES],
    size_t *n) __attribute__((warn_unused_result));

/*
 * One owner's jobs, tombstones left out, newest first by born (which compares
 * across APIs): those with born < below (0 = from the newest). each() returns
 * false to stop. Inside. An index answers it.
 */
enum err store_owned(struct store *store, size_t api,
    const uint8_t owner[JOB_OWNER_BYTES], int64_t below, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));
/*
 * Those whose version is above `since`, in order of version, without tombstones
 * as well. Inside. One who is up to date but for the last few hundred changes
 * of the store costs these at most; else all of that owner's rows are read.
 */
enum err store_owned_since(struct store *store, size_t api,
    const uint8_t owner[JOB_OWNER_BYTES], int64_t since, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));

/*
 * A note from one program to another, kept under a short name ("jwks/hmrc":
 * a token named a key that is not in the file): when it was last made. Rings
 * BELL_ACCEPTED. One that was made less than STORE_FLAG_MS ago stands, and
 * nothing is written or rung: so ask store_flagged() first and take no turn.
 * store_flagged(): 0 = never. Inside. ERR_TOO_LARGE: the name.
 */
#define STORE_FLAG_MS 1000
#define STORE_FLAG_NAME 100 /* bytes of a note's name, its '\0' included */
enum err store_flag(struct store *store, const char *name, int64_t now_ms)
    __attribute__((warn_unused_result));
enum err store_flagged(struct store *store, const char *name, int64_t *at_ms)
    __attribute__((warn_unused_result));

/*
 * The same without a ring, and however lately it was made: nobody is to act
 * upon it, but somebody may ask with store_flagged().
 */
#define STORE_NOTE_WORKER "worker" /* a worker is there; RUNNER_BEAT_MS */
enum err store_note(struct store *store, const char *name, int64_t now_ms)
    __attribute__((warn_unused_result));

/*
 * Another configuration from now on: every API of the old one stands at its
 * index, with the same name; what is new stands behind them and gets its
 * tables (STORE_WRITES; so those handles come first). Outside of transactions
 * and views. *config must outlive the handle. An error leaves the old one;
 * ERR_INPUT: an API of the old one is not where it was.
 */
enum err store_reconfigure(struct store *store, const struct config *config)
    __attribute__((warn_unused_result));

/*
 * Takes the pending job that is due and first in line: by rank, then by arrival
 * (born, not the clock), so that one owner's thousand do not keep another's one
 * waiting; unless `concurrency` jobs of this API run already, anywhere. The
 * claim's own transaction marks it sent. ERR_NOT_FOUND: nothing to do now;
 * *due_boot then says when a back-off, a lease or a pending job's deadline is
 * next over (0: nothing waits for time). What is already over is
 * store_recover()'s, so call that first. A pending job whose deadline has
 * passed is never started: it ends here.
 */
struct store_ask {
	int64_t now_ms, now_boot, lease_boot;
	uint8_t claim[JOB_CLAIM_BYTES];
};
enum err store_claim(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
    __attribute__((warn_unused_result));

/*
 * Whether store_claim() or store_recover() would find anything to do now, and
 * nothing is changed: so that those who come too late need no turn to see it.
 * ERR_NOT_FOUND and *due_boot as store_claim(). Inside a view.
 */
enum err store_claimable(struct store *store, size_t api, int64_t now_boot,
    int64_t *due_boot) __attribute__((warn_unused_result));

/*
 * One event on one job (found by job->id), through job_step(). `result` is
 * stored when its p is not NULL and the job has ended. A job that ends loses
 * its request body in the same transaction, one that is purged all of them.
 * *job is the row afterwards, also on ERR_STALE and ERR_CONFLICT, which leave
 * the transaction usable, as does ERR_NOT_FOUND.
 * The version moves only when a client could see the difference: a heartbeat
 * without progress renews the lease and nothing else.
 */
enum err store_change(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str result)
    __attribute__((warn_unused_result));

/*
 * HEARTBEAT or POLL with what the job has to say of itself: `note` replaces its
 * BODY_NOTE in the same transaction, and the version moves, whether progress
 * did or not. Errors as store_change(), and ERR_TOO_LARGE.
 */
enum err store_tell(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str note)
    __attribute__((warn_unused_result));

/*
 * ---- pace -----------------------------------------------------------------
 * What all workers of the store keep to together. store_claim() looks at all of
 * it: an API that is paused or suspended, or whose upstream's rate is used up,
 * is ERR_NOT_FOUND with the time when that is over in *due_boot (0 for one that
 * is suspended: a bell rings when it goes on).
 *
 * The rate of an upstream is one number, when the next call would be due if all
 * came evenly (GCRA): a call may come `burst` - 1 intervals before that. What
 * runs by exec has none.
 */
/* A Retry-After: no claims of this API before; the later one stands. A pause
   ends with this boot. */
enum err store_pause(struct store *store, size_t api, int64_t until_boot)
    __attribute__((warn_unused_result));
enum err store_paused(struct store *store, size_t api, int64_t *until_boot)
    __attribute__((warn_unused_result));
/* An operator's word: no claims until he says so. since_ms 0 = go on, which
   rings BELL_ACCEPTED. What is accepted waits, and its deadlines pass. */
enum err store_suspend(struct store *store, size_t api, int64_t since_ms)
    __attribute__((warn_unused_result));
enum err store_suspended(struct store *store, size_t api, int64_t *since_ms)
    __attribute__((warn_unused_result));
/*
 * One more call of this API's upstream that is no claim: a poll (so the claim
 * of a job that is polled takes none). ERR_AGAIN: not now; *due_boot says when,
 * and the transaction stays usable. ERR_OK where there is no rate. In a
 * transaction.
 */
enum err store_take_call(struct store *store, size_t api, int64_t now_boot,
    int64_t *due_boot) __attribute__((warn_unused_result));

/*
 * JOB_EVENT_RENEW, and the request body sealed anew in the same transaction.
 * Rings BELL_ACCEPTED. Errors as store_change(), and ERR_TOO_LARGE.
 */
enum err store_renew(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str request)
    __attribute__((warn_unused_result));

/*
 * Brings home what nobody works on: expired leases (LOST) and passed
 * deadlines (DEADLINE) of one API, at most `limit` rows; *changed counts them.
 */
enum err store_recover(struct store *store, size_t api, int64_t now_ms,
    int64_t now_boot, size_t limit, size_t *changed)
    __attribute__((warn_unused_result));

/*
 * ---- what changed -------------------------------------------------------
 * A row's version comes from one counter of the store, so that everything that
 * changed visibly after a version is one look at an index. Whoever follows a
 * store remembers the version of its last view, and after a ring asks for what
 * came since.
 */
/* The newest version there is. Inside. */
enum err store_version(struct store *store, int64_t *version)
    __attribute__((warn_unused_result));
/*
 * The jobs of one API whose version is above `since`, in order of version, at
 * most `limit` (0 = all); each() returns false to stop. Inside. What time alone
 * does to a job (its TTL ends, its bodies are erased) moves no version, nor
 * does a purge, which is the same before its time.
 */
enum err store_changed(struct store *store, size_t api, int64_t since,
    size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx) __attribute__((warn_unused_result));

/*
 * ---- housekeeping ---------------------------------------------------------
 * Whatever time asks for and no request: jobs past their TTL are emptied to
 * tombstones in small batches, so that a name that comes again finds that it
 * was used; tombstones go after STORE_TOMBSTONE_MS (limits.tombstone_ms). An
 * API that left the configuration, and its TTL with it, keeps its rows. An
 * erasure is followed by an empty log within ten minutes, free pages are given
 * back, the ballast is rebuilt. In transactions of its own, so none may be
 * open; a few short ones a call.
 *
 * Expiry stops while wall clock and boot clock disagree (store.md 9): *report
 * says so when that changes.
 *
 * *due_boot: when to call again, also after an error; 0 = nothing waits for
 * time. Everybody who writes calls it once at the start and then in his own
 * idle moments, and after each commit asks store_due_boot() whether that is
 * sooner now: a job that ended begins its TTL. Who does the work first does
 * not matter.
 */
#define STORE_TOMBSTONE_MS ((int64_t)30 * 24 * 3600 * 1000)
struct store_tended {
	size_t emptied, deleted; /* rows */
	bool clock_stopped;	 /* expiry stands still */
	bool clock_changed;	 /* that is news */
};
enum err store_tend(struct store *store, struct store_now now,
    struct store_tended *report, int64_t *due_boot)
    __attribute__((warn_unused_result));
int64_t store_due_boot(const struct store *store);
/*
 * For who does not want to wait for that: gives back what the file does not
 * need, in one small transaction. *unused: bytes that are left to give back.
 */
enum err store_vacuum(struct store *store, int64_t *unused)
    __attribute__((warn_unused_result));
/* An operator says the wall clock is right: expiry goes on. */
enum err store_trust_clock(struct store *store, struct store_now now,
    bool *was_stopped) __attribute__((warn_unused_result));

/*
 * ---- copies ---------------------------------------------------------------
 * A copy is a whole store as it was at one moment, in one file. It says of
 * itself that it is one, from before it bears its name: the original went on,
 * and what was open in the copy may have been sent since. So nobody opens it
 * (`store-is-copy`) but to adopt it, which ends or holds what must not be sent
 * twice, and makes a store of it.
 *
 * store_copy(): a new file `path` (a jobs.db of another folder), whole or not
 * there at all. From a handle of any role, outside of views and transactions,
 * in steps, while others write. Between these progress() is told how many
 * pages are there, of how many; it begins again where the log had to be started
 * over meanwhile. false = stop: ERR_AGAIN. Findings: `copy-exists`
 * (ERR_CONFLICT), `store-full`, `store-damaged`, `io-error`. The memory's:
 * ERR_USAGE.
 */
struct store_copying {
	const char *path;
	int64_t now_ms; /* the copy is of then */
	bool (*progress)(void *ctx, int64_t done, int64_t pages); /* or NULL */
	void *ctx;
};
enum err store_copy(struct store *store, const struct store_copying *copying,
    struct diag *diag) __attribute__((warn_unused_result));
/*
 * JOB_EVENT_ADOPT to each open job, in transactions of its own, then it is a
 * store as any other; interrupted, it still is a copy and may be adopted again.
 * *copied_ms is of when. ERR_CONFLICT: it is no copy. ERR_MISSING, and nothing
 * is changed: it has open jobs of an API that the configuration has not; *api
 * is its name, in the handle's own memory.
 */
struct store_adopted {
	int64_t copied_ms;
	/* of the jobs that were open: those that ended, that an operator has
	   to decide on, and that go on */
	int64_t ended, held, going;
	const char *api;
};
enum err store_adopt(struct store *store, struct store_now now,
    struct store_adopted *out) __attribute__((warn_unused_result));

/*
 * ---- whether it is as it should be ----------------------------------------
 * What the tables can tell of themselves, without a key and without reading a
 * body. Outside of views: it makes many short ones, each check in one or a few,
 * so what changes meanwhile is no finding. Changes nothing.
 *
 *   row-odd          a row says what no event makes of one
 *   row-unreadable   a row that cannot be read; the rest of its table neither
 *   version-ahead    a version that the store's counter has not reached
 *   version-twice    two rows of one version
 *   count-wrong      counted jobs and jobs that there are do not agree
 *   body-orphan      a body that belongs to no row
 *   halt-wrong       which APIs are suspended is not what claims look at
 *   api-gone         open jobs of an API that the configuration has not:
 *                    nobody works on them
 *   store-damaged    only if it is to look `deep`, at each page of the file
 *                    and each entry of each index: SQLite's own words
 *
 * found() is called inside one of those views; the finding lives as long as the
 * call. An error is one of a view: what could not be looked at.
 */
struct store_finding {
	const char *check;
	const char *words;
	const char *api;       /* NULL: of the whole store */
	const struct job *job; /* NULL: of none */
};
struct store_auditing {
	bool deep;
	void (*found)(void *ctx, const struct store_finding *finding);
	void *ctx;
};
enum err store_audit(struct store *store, const struct store_auditing *auditing)
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
	int64_t needing; /* of the pending ones: they need a credential */
	int64_t held;	 /* of the processing ones: an operator decides */
	int64_t oldest_pending_ms; /* of the others; wall clock, 0 = none */
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
struct store_sample {
	int64_t ms, run_ms;
};
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
	/*
	 * ERR_FULL: no new job now, so that those that are there can end.
	 * Inside a transaction, which stays usable.
	 */
	enum err (*room)(void *backend);
	/*
	 * The back end's own housekeeping, outside of transactions. It may be
	 * called at any time; when it should be, tend_due says: now.boot of the
	 * next one, 0 = nothing waits, cheap enough to be asked after each
	 * commit.
	 */
	enum err (*tend)(void *backend, struct store_now now);
	int64_t (*tend_due)(void *backend);
	/* as store_vacuum() */
	enum err (*vacuum)(void *backend, int64_t *unused);
	/* the newest version, this transaction's own included */
	enum err (*version)(void *backend, int64_t *version);
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
	/*
	 * the pending row with not_before_boot <= now_boot that needs no
	 * credential, lowest rank, then lowest born; one whose
	 * not_before_boot has only just come may be left for the next time.
	 * Inside a transaction
	 */
	enum err (*pick_pending)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	/* any such row; nothing is changed, so in a view as well */
	enum err (*peek_pending)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	/*
	 * the earliest not_before_boot, lease_boot or pending deadline_boot
	 * after now; 0 = none
	 */
	enum err (*next_due)(
	    void *backend, size_t api, int64_t now_boot, int64_t *due_boot);
	/*
	 * the processing row whose lease ended first, lease_boot <= now_boot.
	 * Here and below: one that is held has no lease and does not run
	 */
	enum err (*pick_lost)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	/* the pending row whose deadline_boot (not 0) passed first, <=
	 * now_boot; else a late processing row that no lease protects */
	enum err (*pick_late)(
	    void *backend, size_t api, int64_t now_boot, struct job *out);
	enum err (*count_running)(void *backend, size_t api, int64_t *n);
	/* the row is gone, as if it had never been; its bodies went before */
	enum err (*remove)(void *backend, size_t api, const struct job *job);
	/* rows with version > since, in order of version, at most `limit` */
	enum err (*rows_since)(void *backend, size_t api, int64_t since,
	    size_t limit, bool (*each)(void *ctx, const struct job *job),
	    void *ctx);
	/* how many bytes; ERR_NOT_FOUND. Does not read them */
	enum err (*body_size)(void *backend, const struct job *job,
	    enum body_kind kind, int64_t *bytes);
	/*
	 * a number that belongs to the store as a whole, 0 where there is none;
	 * names are shorter than STORE_META_NAME bytes.
	 * Those of tend.c: "clock-ms", "clock-boot", "clock-agreed",
	 * "emptied/API", "deleted/API". Those of store-pace.c are told there.
	 * When the boot is another, the back end makes "clock-boot", "paused",
	 * "pause/…", "rate/…" and any "halt" but INT64_MAX 0
	 */
	enum err (*meta_get)(void *backend, const char *name, int64_t *value);
	enum err (*meta_put)(void *backend, const char *name, int64_t value);
	/* as store_changed() */
	enum err (*changed)(void *backend, size_t api, int64_t since,
	    size_t limit,
	    bool (*each)(
		void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
	    void *ctx);
	enum err (*list)(void *backend, size_t api, size_t limit,
	    bool (*each)(void *ctx, const struct job *job), void *ctx);
	enum err (*stats)(void *backend, size_t api, struct store_stats *out);
	/* rows with since_ms < accepted_ms <= until_ms, and the first of these
	   times; 0 = none */
	enum err (*recent)(void *backend, size_t api, const uint8_t *quota,
	    int64_t since_ms, int64_t until_ms, int64_t *n, int64_t *first_ms);
	/* those that have not ended */
	enum err (*count_open)(
	    void *backend, size_t api, const uint8_t *quota, int64_t *n);
	/*
	 * those with its quota that have not ended, where that is all zero
	 * those of its owner without a quota; 0 where both are; `most` at most
	 */
	enum err (*count_rank)(void *backend, size_t api, const struct job *job,
	    int64_t most, int64_t *n);
	enum err (*holder)(void *backend, size_t api, const uint8_t *resource,
	    struct job *out);
	/* as store_owned() and store_owned_since() */
	enum err (*owned)(void *backend, size_t api, const uint8_t *owner,
	    int64_t below, size_t limit,
	    bool (*each)(void *ctx, const struct job *job), void *ctx);
	enum err (*owned_since)(void *backend, size_t api, const uint8_t *owner,
	    int64_t since, size_t limit,
	    bool (*each)(void *ctx, const struct job *job), void *ctx);
	/* slot < STORE_SAMPLES: what is in it is replaced */
	enum err (*sample_put)(void *backend, size_t api, size_t slot,
	    const struct store_sample *sample);
	enum err (*samples)(void *backend, size_t api,
	    struct store_sample out[STORE_SAMPLES], size_t *n);
	/* as store_reconfigure(), which has compared the names */
	enum err (*reconfigure)(void *backend, const struct config *config);
	/*
	 * As store_copy(); the number "copy" of the copy is copying->now_ms.
	 * One that is not 0 makes open() refuse it unless spec->adopts.
	 */
	enum err (*copy)(void *backend, const struct store_copying *copying,
	    struct diag *diag);
	/*
	 * The part of store_audit() that is not about one row: versions,
	 * counts, bodies, damage. Outside of views
	 */
	enum err (*audit)(void *backend, const struct store_auditing *auditing);
	/*
	 * An API that has open jobs and is not in the configuration;
	 * ERR_NOT_FOUND: there is none. Inside
	 */
	enum err (*stranger)(void *backend, char name[STORE_META_NAME]);
	enum err (*watch)(void *backend, unsigned bells, int *fd);
	unsigned (*heard)(void *backend, int fd);
};

#endif
