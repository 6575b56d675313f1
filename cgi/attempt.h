#ifndef LOWTIDE_CGI_ATTEMPT_H
#define LOWTIDE_CGI_ATTEMPT_H

#include "cgi/compose.h"
#include "cgi/keys.h"
#include "cgi/log.h"
#include "cgi/outcome.h"

/*
 * One attempt at one job, from the claim to what is written at its end. It
 * owns arenas with everything the call points to, so it stays where it is
 * until attempt_free(). The runner moves it through its phases.
 *
 *   CLAIMED ─┬─▶ CALLING ─┬──────────────────▶ ENDED ─▶ WRITTEN
 *            └─▶ LATE ─▶ ─┘│ 202 ▲ a poll is due  ▲
 *                          ▼     │                │
 *                        RESTING ┴────────────────┘
 *
 * The 202 of an upstream that wants to be asked again is no end: the job is
 * marked as polled first, and only then anybody asks (contract 7).
 */
enum attempt_phase {
	ATTEMPT_CLAIMED, /* in a transaction that is not committed yet */
	ATTEMPT_LATE, /* committed too long ago: renewed before it is called */
	ATTEMPT_CALLING, /* the upstream has it, or is being asked about it */
	ATTEMPT_RESTING, /* polled: the next poll is not due yet */
	ATTEMPT_ENDED,	 /* .outcome waits to be written */
	ATTEMPT_WRITTEN, /* … was written: .after and .refused say what came of
			    it */
	ATTEMPT_STRAY,	 /* another's by now, but its call goes on, so that an
			    operator can be told what came of it */
	ATTEMPT_LOST,	 /* another's by now; nothing to write */
};
struct attempt_poll {
	struct buf url; /* where; empty = it is not polled */
	struct buf see; /* where a 303 says that its answer is */
	bool asking;	/* .call is a poll */
	bool taking;  /* the open transaction takes a call of the rate for it */
	bool granted; /* … took it */
	int waits;    /* in a row without a Retry-After */
	int64_t due_boot;
	struct arena arena; /* the call */
};
/* What it has to say of itself, and from when on that may be written. */
struct attempt_said {
	int percent;
	char message[ENVELOPE_MESSAGE_MAX];
	size_t n; /* bytes of it */
	int64_t pause_boot;
	bool fresh; /* it is not written yet */
	int64_t due_boot;
};
struct attempt {
	struct attempt *next;
	enum attempt_phase phase;
	size_t api;	      /* index into config.apis */
	struct job job;	      /* as of the last commit */
	struct job after;     /* as the open transaction made it */
	bool renewing;	      /* .after is a renewed lease */
	bool telling;	      /* … with what was said */
	bool refused;	      /* the row said no: another's by now */
	bool damaged;	      /* its row is; until the next heartbeat */
	struct arena arena;   /* the request and the call */
	struct arena answers; /* the upstream's answer */
	struct envelope_request request;
	struct compose compose;
	struct upstream_call call;
	bool callable; /* .call is complete, or it is polled */
	bool stopped;  /* its call was asked to end */
	bool strayed;  /* it went, or is, ATTEMPT_STRAY */
	int64_t claimed_ms, claimed_boot, called_boot;
	int64_t abort_boot; /* asked to end by its deadline: until then */
	struct attempt_poll poll;
	struct attempt_said said;
	struct outcome outcome;
	int upstream_status, exit_status; /* of the last answer; 0 = none */
	const char *why;		  /* for the log; "" = nothing to add */
	const char
	    *lack_event; /* the event that tells what of ours is missing */
};
/* What a call is made with. */
struct attempt_means {
	const struct config *config;
	const struct keys *keys;
	struct secrets *secrets; /* NULL = none */
	const char *handlers;	 /* NULL = none */
};

struct attempt *attempt_new(
    size_t api, const struct job *job, const struct outcome_now *now);
void attempt_free(struct attempt *attempt); /* NULL-safe */

/*
 * Opens the sealed request and composes the call; of a polled job, whose
 * `note` says where it is asked, attempt_ask() does that. What cannot be
 * called has ended already: .callable is false and .outcome says why, or, of a
 * noop API, what with.
 */
void attempt_prepare(struct attempt *attempt, const struct attempt_means *means,
    struct str sealed, struct str note, const struct outcome_now *now);
/*
 * Composes the next poll: RESTING becomes CALLING. False: it could not be made
 * now (.lack_event says why) and rests on, or never will, and has ended.
 */
bool attempt_ask(struct attempt *attempt, const struct outcome_now *now);

/*
 * The upstream's answer came: the outcome, with the result's location, or the
 * time of the next poll. The answer's bytes are in *arena, which the attempt
 * takes over.
 */
void attempt_answered(struct attempt *attempt, struct arena *arena,
    const struct upstream_answer *answer, const struct outcome_now *now);
/* It said how far it is: .said, which never falls. */
void attempt_moved(
    struct attempt *attempt, const struct upstream_progress *progress);
/* The deadline passed while it was called; `unsent` as the upstream says. */
void attempt_overdue(
    struct attempt *attempt, bool unsent, const struct outcome_now *now);
/*
 * It is given back, no attempt burnt: it was never sent, or whoever comes next
 * polls on.
 */
void attempt_released(struct attempt *attempt, const struct outcome_now *now);

/* True when the outcome ends the job, so that a result is kept. */
bool attempt_is_last(const struct attempt *attempt);
/* The sealed result, and the sealed note. */
void attempt_seal(
    const struct attempt *attempt, const struct keys *keys, struct buf *out);
void attempt_seal_note(
    const struct attempt *attempt, const struct keys *keys, struct buf *out);

/* One line; `event` as in log.h. */
void attempt_log(const struct attempt *attempt, const struct log *log,
    const struct outcome_now *now, const char *event);

#endif
