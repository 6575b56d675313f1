#ifndef LOWTIDE_CGI_ATTEMPT_H
#define LOWTIDE_CGI_ATTEMPT_H

#include "cgi/compose.h"
#include "cgi/keys.h"
#include "cgi/log.h"
#include "cgi/outcome.h"

/*
 * One attempt at one job, from the claim to what is written at its end. It
 * owns an arena with everything the call points to, so it stays where it is
 * until attempt_free(). The runner moves it through its phases.
 */
enum attempt_phase {
	ATTEMPT_CLAIMED, /* in a transaction that is not committed yet */
	ATTEMPT_LATE, /* committed too long ago: renewed before it is called */
	ATTEMPT_CALLING, /* the upstream has it */
	ATTEMPT_ENDED,	 /* .outcome waits to be written */
	ATTEMPT_WRITTEN, /* … was written: .after and .refused say what came of
			    it */
	ATTEMPT_LOST,	 /* another's by now; nothing to write */
};
struct attempt {
	struct attempt *next;
	enum attempt_phase phase;
	size_t api;	      /* index into config.apis */
	struct job job;	      /* as of the last commit */
	struct job after;     /* as the open transaction made it */
	bool refused;	      /* the row said no: another's by now */
	bool damaged;	      /* its row is; until the next heartbeat */
	struct arena arena;   /* the request and the call */
	struct arena answers; /* the upstream's answer */
	struct envelope_request request;
	struct compose compose;
	struct upstream_call call;
	bool callable; /* .call is complete */
	struct outcome outcome;
	const char *why; /* for the log; "" = nothing to add */
};

struct attempt *attempt_new(size_t api, const struct job *job);
void attempt_free(struct attempt *attempt); /* NULL-safe */

/*
 * Opens the sealed request and composes the call. What cannot be called has
 * ended already: .callable is false and .outcome says why, or, of a noop API,
 * what with.
 */
void attempt_prepare(struct attempt *attempt, const struct config *config,
    const struct keys *keys, struct str sealed, const struct outcome_now *now);

/*
 * The upstream's answer came: the outcome, with the result's location. The
 * answer's bytes are in *arena, which the attempt takes over.
 */
void attempt_answered(struct attempt *attempt, struct arena *arena,
    const struct upstream_answer *answer, const struct outcome_now *now);
/* The deadline passed while it was called; `unsent` as the upstream says. */
void attempt_overdue(
    struct attempt *attempt, bool unsent, const struct outcome_now *now);
/* It was never sent and is given back, no attempt burnt. */
void attempt_released(struct attempt *attempt, const struct outcome_now *now);

/* True when the outcome ends the job, so that a result is kept. */
bool attempt_is_last(const struct attempt *attempt);
/* The sealed result. */
void attempt_seal(
    const struct attempt *attempt, const struct keys *keys, struct buf *out);

/* One line; `event` as in log.h. */
void attempt_log(const struct attempt *attempt, const struct log *log,
    int64_t now_ms, const char *event);

#endif
