#ifndef LOWTIDE_CGI_RUNNER_PARTS_H
#define LOWTIDE_CGI_RUNNER_PARTS_H

#include "cgi/attempt.h"
#include "cgi/runner.h"

/*
 * Inside the runner: what runner.c (steps, time, calls) and runner-work.c (the
 * one transaction of a step) share. Nobody else includes this.
 */

/*
 * Each API has a lane. `look` means: there may be something to claim; it stays
 * set while the lane is full and is cleared when the store says there is
 * nothing, which also says when to look again.
 */
struct lane {
	bool look, recover;
	size_t running;	    /* attempts in the list below */
	size_t leaving;	    /* of these, written by the open transaction */
	int64_t due_boot;   /* 0 = nothing waits for time */
	int64_t pause_boot; /* an upstream said not before */
};
struct runner {
	struct runner_spec spec;
	struct lane *lanes;
	struct attempt *attempts;
	size_t n_attempts;
	size_t leaving; /* of these, written by the open transaction */
	int64_t heartbeat_boot, recheck_boot;
	int64_t store_boot; /* the store failed: not before; 0 = it works */
	/* when the last step wanted the next one; 0 = never */
	int64_t expected_boot;
	/* all may have slept: until then nobody's lease is over; 0 = it may */
	int64_t wary_boot;
	bool draining;
};

/* The time for an outcome, with fresh randomness. */
struct outcome_now runner_at(const struct runner *r, struct runner_now now);
/* The row said no: it is another's by now, or gone. The store is fine. */
bool runner_is_refusal(enum err err);
/* There may be something to claim, and room for it. */
bool runner_wants_claims(
    const struct runner *r, size_t api, struct runner_now now);
/* Brings home what nobody works on; sets the lane's flags. */
enum err runner_recover(struct runner *r, size_t api, struct runner_now now);
/*
 * Inside a transaction: writes what ended (into .after, .refused), brings
 * home, claims (new attempts in ATTEMPT_CLAIMED). After an error all of it is
 * to be undone by the caller.
 */
enum err runner_work(struct runner *r, struct runner_now now);

#endif
