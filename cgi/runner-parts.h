#ifndef LOWTIDE_CGI_RUNNER_PARTS_H
#define LOWTIDE_CGI_RUNNER_PARTS_H

#include "cgi/attempt.h"
#include "cgi/metrics-work.h"
#include "cgi/runner.h"

/*
 * Inside the runner: what runner.c (steps and time), runner-lease.c (leases
 * and what is said with them), runner-calls.c (calls, polls and answers),
 * runner-work.c (the one transaction of a step) and runner-store.c (the
 * store's trouble) share. Nobody else includes this.
 */

/*
 * Each API has a lane. `look` means: there may be something to claim; it stays
 * set while the lane is full and is cleared when the store says there is
 * nothing, which also says when to look again.
 */
struct lane {
	bool look, recover;
	size_t running;	      /* attempts in the list below, but no strays */
	size_t leaving;	      /* of these, written by the open transaction */
	int64_t due_boot;     /* 0 = nothing waits for time */
	int64_t damaged_boot; /* a row could not be read: not before */
};
struct runner {
	struct runner_spec spec;
	struct lane *lanes;
	struct attempt *attempts;
	size_t n_attempts;
	size_t n_calls;	   /* of these, at the last runner_count() */
	size_t leaving;	   /* of these, written by the open transaction */
	size_t turn;	   /* the lane that claims first */
	bool claims_first; /* of a rate: the last call went to a poll */
	int64_t heartbeat_boot, recheck_boot;
	unsigned trouble; /* 1 << enum err: how the store failed; 0 = works */
	int64_t trouble_boot; /* since when */
	int64_t store_boot;   /* it failed: not before; 0 = at any time */
	int64_t claim_boot;   /* its disk was full: no claims before */
	/* when the last step wanted the next one; 0 = never */
	int64_t expected_boot;
	int64_t ended_boot; /* when the last step was over */
	/* all may have slept: until then nobody's lease is over; 0 = it may */
	int64_t wary_boot;
	bool was_wary; /* that is just over */
	bool has_beaten;
	int64_t beat_boot; /* when its note was made */
	bool draining;
	/*
	 * Several hear the same ring, and one of them gets the job. Who came
	 * too late so many times in a row waits a moment at the next ring, by
	 * chance and longer each time, and then finds it taken without asking
	 * for a turn.
	 */
	unsigned outrun;    /* RUNNER_OUTRUN_MAX at most */
	int64_t aside_boot; /* until then; 0 = it looks */
	bool found;	    /* there was something, at the last look */
};

/* The time for an outcome, with fresh randomness. */
struct outcome_now runner_at(const struct runner *r, struct runner_now now);
/* The row said no: it is another's by now, or gone. The store is fine. */
bool runner_is_refusal(enum err err);

/* ---- runner.c ------------------------------------------------------------ */
/*
 * Drops those in that phase. Whatever leaves makes room; for what was written,
 * the transaction that wrote it has looked already.
 */
void runner_drop(struct runner *r, enum attempt_phase phase);
void runner_look_everywhere(struct runner *r);
void runner_log(const struct runner *r, const struct log *log,
    const struct attempt *t, struct runner_now now, const char *event);

/* ---- runner-lease.c ------------------------------------------------------ */
/* It has something to say, and may. */
bool runner_tells(
    const struct runner *r, const struct attempt *t, struct runner_now now);
/*
 * Inside a transaction: one lease, with what its job has to say if that is due
 * (into .after). One that is another's by now is let go of at once.
 */
enum err runner_renew(struct runner *r, struct runner_now now, void *attempt);
/* That transaction is over: what was said is written, or is still to be. */
void runner_renewed(struct runner *r, struct runner_now now, bool committed);
/* Step 1. */
void runner_heartbeat(struct runner *r, struct runner_now now);
/* While it drains: what is polled and waits is the next worker's. */
void runner_release_resting(struct runner *r, struct runner_now now);

/* ---- runner-calls.c ------------------------------------------------------ */
void runner_abort(struct runner *r, struct attempt *t);
/*
 * Calls what is in that phase, unless the commit before took so long that the
 * lease may be another's by now.
 */
void runner_start(
    struct runner *r, struct runner_now now, enum attempt_phase phase);
/* Step 2. */
void runner_take_answers(struct runner *r, struct runner_now now);
void runner_end_overdue(struct runner *r, struct runner_now now);
/* How many are called, for has_room and the polls. */
void runner_count(struct runner *r);
/* A poll is due whose upstream has a rate: the store is to be asked first. */
bool runner_wants_grant(
    const struct runner *r, const struct attempt *t, struct runner_now now);
/* Starts the polls that are due and need not be asked for, or were. */
void runner_ask_due(struct runner *r, struct runner_now now);
/* When the next one is; 0 = none waits for time. */
int64_t runner_poll_due(const struct runner *r, const struct attempt *t);

/* ---- runner-work.c ------------------------------------------------------- */
/* There may be something to claim, and room for it. */
bool runner_wants_claims(
    const struct runner *r, size_t api, struct runner_now now);
/* Brings home what nobody works on; sets the lane's flags. */
enum err runner_recover(struct runner *r, size_t api, struct runner_now now);
/*
 * Inside a transaction: writes what ended (into .after, .refused) and what is
 * to be said, brings home, claims (new attempts in ATTEMPT_CLAIMED). After an
 * error all of it is to be undone by the caller.
 */
enum err runner_work(struct runner *r, struct runner_now now, void *unused);
/*
 * Nothing but claims and recovery is wanted: whether any lane would find
 * something. Those that would not are as after runner_work().
 */
bool runner_finds_work(struct runner *r, struct runner_now now);
/* As much of it as is one attempt's that has ended. */
enum err runner_write(struct runner *r, struct runner_now now, void *attempt);

/* ---- runner-store.c ------------------------------------------------------ */
/*
 * Runs `body` in a transaction. After an error nothing of it happened, and the
 * store's trouble has begun or goes on.
 */
enum err runner_transact(struct runner *r, struct runner_now now,
    enum err (*body)(struct runner *r, struct runner_now now, void *arg),
    void *arg);
/* So that somebody sees us wait; see RUNNER_BEAT_MS. */
void runner_beat(struct runner *r, struct runner_now now);
/* When that is to be done next; 0 = there is nothing to wait for. */
int64_t runner_beat_due(const struct runner *r);
/* All that was to be written could be: a trouble is over. */
void runner_store_works(struct runner *r, struct runner_now now);

#endif
