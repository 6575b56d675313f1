#ifndef LOWTIDE_CGI_JOB_H
#define LOWTIDE_CGI_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/config.h"
#include "lib/err.h"

/*
 * The life of one accepted request, as a pure state machine: no clock, no
 * store, no network. Whoever holds the row (a store, the simulator of the
 * tests) asks job_step() what an event makes of it, and writes what comes
 * back. faults.md's invariant is decided here and nowhere else:
 *
 *   - a terminal state is never left;
 *   - what may have been sent upstream is sent again only where the API's
 *     on_lost is "retry" (or it is idempotent); else it ends outcome-unknown,
 *     or is held for an operator, who alone can end a held job;
 *   - a late worker (another attempt or claim) changes nothing: ERR_STALE.
 *
 * Times: *_ms are wall-clock Unix milliseconds (documents, TTL), *_boot are
 * CLOCK_BOOTTIME milliseconds of this boot (leases, back-off, deadlines). So a
 * wall clock that is put right neither ends nor prolongs anything that runs.
 */
enum job_state {
#define STATE(name, number, text, terminal) JOB_##name = number,
#include "cgi/job.def"
	JOB_STATES
};
enum job_reason {
#define REASON(name, number, problem, status) REASON_##name = number,
#include "cgi/job.def"
	JOB_REASONS
};

#define JOB_ID_BYTES 36
#define JOB_KEY_BYTES 16   /* the id proper, inside the job id */
#define JOB_KEY_OFFSET 4   /* where it starts: after version and tag */
#define JOB_OWNER_BYTES 16 /* keyed hash; all zero = anonymous */
#define JOB_PRINT_BYTES 16 /* fingerprint, contract 1 */
#define JOB_CLAIM_BYTES 8
#define JOB_QUOTA_BYTES 8
#define JOB_RESOURCE_BYTES 8
#define JOB_RENEWALS_MAX 3 /* other credentials for one job */
#define JOB_READ_MS                                                            \
	30000 /* once = true: so long after the first reading                  \
		 its owner may read again (a cut connection) */

/* The narrow row (store.md 10). Bodies are apart. */
struct job {
	uint8_t id[JOB_ID_BYTES];
	uint8_t owner[JOB_OWNER_BYTES];
	uint8_t print[JOB_PRINT_BYTES];
	enum job_state state;
	enum job_reason reason;
	int64_t version; /* from the store-wide counter; only grows */
	int64_t born;	 /* its first version: the order of arrival */
	int64_t accepted_ms, started_ms, ended_ms; /* 0 = not yet */
	/*
	 * The same moment on both clocks; 0 = none. Boot time is what counts;
	 * wall time is told, and carries it over a reboot.
	 */
	int64_t deadline_ms, deadline_boot;
	int64_t cancel_ms;	 /* its owner asked for its end; 0 = not */
	int64_t not_before_boot; /* back-off: not claimed earlier */
	int64_t lease_boot;	 /* processing: until when */
	uint8_t claim[JOB_CLAIM_BYTES];
	int attempt;  /* claims so far, crashes included; only grows */
	int released; /* of these, given back untouched: they do not count */
	int progress; /* 0..100, 100 only when completed */
	int status;   /* HTTP status of the answer once terminal */
	/*
	 * The upstream call may have left; pending: it has, and is polled on.
	 */
	bool sent;
	int64_t gone_ms; /* a tombstone since then: its bodies are erased */
	/*
	 * Whom quotas count it for: a keyed hash of the owner, of an anonymous
	 * sender's address; all zero where the API has no quota.
	 */
	uint8_t quota[JOB_QUOTA_BYTES];
	/* keyed hash of API, owner and the client's resource id; zero = none */
	uint8_t resource[JOB_RESOURCE_BYTES];
	int64_t read_ms; /* once = true: when it was first delivered */
	/*
	 * Pending, and not to be claimed before the same request comes with
	 * another credential: the upstream said 401 to the one it has.
	 */
	bool needs;
	int renewed; /* how often that has happened */
	/*
	 * Processing, nobody's, and on_lost = "hold": its outcome is not known
	 * and an operator decides. No lease, no deadline, no place of the
	 * API's concurrency; the request is kept.
	 */
	bool held;
	/*
	 * The upstream took it (202) and is asked about it where BODY_NOTE
	 * says, by whoever holds the lease; it is never sent anew.
	 */
	bool polled;
	/*
	 * How many open jobs its owner (anonymous: its quota) had when it was
	 * accepted, JOB_RANK_MAX at most: who waits behind fewer of his own
	 * comes first (contract 7).
	 */
	int rank;
};
#define JOB_RANK_MAX 100 /* counting more of them would cost each accept */

enum job_event_kind {
	JOB_EVENT_CLAIM,     /* a worker takes it; marks it sent */
	JOB_EVENT_HEARTBEAT, /* its lease is renewed; progress may move */
	JOB_EVENT_UNSENT,    /* surely not executed: no byte left, or 429 */
	JOB_EVENT_COMPLETE,  /* a final answer that counts as success */
	JOB_EVENT_FAIL,	     /* a final answer that does not, with a reason */
	JOB_EVENT_RETRY,     /* give it back, not before a time; if sent,
				only where that may be repeated: else UNSENT
				first, or BROKEN */
	JOB_EVENT_RELEASE,   /* give it back untouched (implies unsent), no
				attempt burnt (drain) */
	JOB_EVENT_BROKEN,    /* sent, no complete answer: on_lost decides */
	JOB_EVENT_LOST,	     /* the lease ran out: on_lost decides */
	JOB_EVENT_CANCEL,    /* its owner asks: a pending one ends at once, a
				running one is told by its next heartbeat */
	JOB_EVENT_DEADLINE,  /* the deadline passed; a running one ends only
				once its lease is over */
	JOB_EVENT_NEED,	     /* upstream's 401 to a forwarded credential: surely
				not executed; rests as pending until RENEW or
				its deadline. Burns no attempt (as RELEASE):
				with JOB_RENEWALS_MAX renewals behind it it is
				failed, REASON_UPSTREAM_REFUSED, 401; after a
				CANCEL cancelled */
	JOB_EVENT_RENEW,     /* the request came again with another credential:
				needs → queued; ERR_CONFLICT where it is not
				needed */
	JOB_EVENT_READ,	     /* once = true, completed: it is delivered. The
				first sets read_ms; within JOB_READ_MS another
				changes nothing (ERR_OK), then ERR_CONFLICT, as
				when it has expired */
	JOB_EVENT_PURGE,     /* terminal: a tombstone now. ERR_CONFLICT while it
				is open, ERR_OK and nothing when it is gone or
				has expired */
	JOB_EVENT_POLL,	     /* the upstream answered 202: it is polled from
				now on. Renews the lease as HEARTBEAT does */
	/*
	 * An operator's, on a held job; ERR_CONFLICT on any other. AGAIN: it is
	 * known not to have been done: queued anew, with a deadline of its own
	 * and no attempt burnt, or cancelled where its owner asked for that.
	 */
	JOB_EVENT_HELD_AGAIN,
	JOB_EVENT_HELD_COMPLETE, /* it was done; status, 200 if 0 */
	JOB_EVENT_HELD_FAIL,	 /* it was not and will not be; reason */
	/*
	 * An operator's, on a copy of a store that is put back: the original
	 * went on meanwhile, so any open job may have been sent since. As LOST
	 * is to one that was sent, whatever its lease.
	 */
	JOB_EVENT_ADOPT,
	JOB_EVENTS
};

struct job_event {
	enum job_event_kind kind;
	int64_t now_ms, now_boot;
	/* the fence of whoever speaks for the running attempt */
	int attempt;
	uint8_t claim[JOB_CLAIM_BYTES]; /* CLAIM: the new one */
	int64_t lease_boot;		/* CLAIM, HEARTBEAT, POLL */
	int64_t not_before_boot;	/* RETRY, BROKEN */
	int progress;			/* HEARTBEAT, POLL; -1 = unchanged */
	int status;			/* COMPLETE, FAIL; 0 = the reason's */
	enum job_reason reason;		/* FAIL; RETRY: if no attempt is left */
};

/*
 * next = what the event makes of job; its version is left for the store to
 * set. ERR_STALE: the fence does not match; ERR_CONFLICT: the state does not
 * allow this event (a terminal one allows READ and PURGE, which leave it as it
 * is). next may be job itself.
 */
enum err job_step(const struct api *api, const struct job *job,
    const struct job_event *event, struct job *next)
    __attribute__((warn_unused_result));

bool job_is_terminal(enum job_state state);
/* A tombstone, or its TTL has passed: answered 410 whether swept or not. */
bool job_is_expired(
    const struct job *job, const struct api *api, int64_t now_ms);
/*
 * once = true: it was delivered, and the moment in which its owner may read it
 * again is over. The wall clock tells, as it does of a TTL; put back it does
 * not open a result for longer than that.
 */
bool job_is_consumed(const struct job *job, int64_t now_ms);
const char *job_state_text(enum job_state state);
/* The problem type's name, "" for REASON_NONE. */
const char *job_reason_problem(enum job_reason reason);
/* The status of an answer that failed so; 0 = the upstream's own. */
int job_reason_status(enum job_reason reason);
static inline const uint8_t *job_key(const struct job *job)
{
	return job->id + JOB_KEY_OFFSET;
}

#endif
