#ifndef LOWTIDE_CGI_POLL_H
#define LOWTIDE_CGI_POLL_H

#include "cgi/upstream/upstream.h"

/*
 * An upstream that answered 202 and is asked since (contract 7): what its
 * answers mean, and when to ask again. Pure.
 *
 * Whatever it says that is not "not yet" is its answer, and outcome.c's. Two
 * things are not: that it could not be asked, which says nothing about the job
 * (so it is asked again, until the deadline), and that it knows nothing of it
 * any more.
 */
enum poll_kind {
	POLL_ANSWER, /* it is done with it: outcome_of() */
	POLL_ON,     /* not yet */
	POLL_SEE,    /* 303: its answer is where .location leads */
	POLL_AGAIN,  /* it could not be asked */
	POLL_GONE,   /* 404, 410: what became of it nobody can tell */
	POLL_FAILED, /* it says that it failed: POLL_FAILED_STATUS */
	POLL_KINDS
};
/* "It failed" comes with 200: for clients it is a refusal like others. */
#define POLL_FAILED_STATUS 422

#define POLL_WAIT_MIN_MS 1000 /* a Retry-After is held to these */
#define POLL_WAIT_MAX_MS 60000
#define POLL_BACKOFF_MAX_MS 30000   /* without one: 1, 2, 4 … s */
#define POLL_BODY_MAX (1024 * 1024) /* bytes; a larger one is a result */

/*
 * What one answer to a poll means, and what it says of how far it is
 * (percent -1 and no message where it says nothing; in the arena). `see`: the
 * place that was asked is that of a 303, and what it says is the answer.
 */
enum poll_kind poll_of(struct arena *a, const struct upstream_answer *answer,
    bool see, struct upstream_progress *progress);
/* What a 202's body says of how far it is, as above. */
void poll_progress(struct arena *a, const struct upstream_answer *answer,
    struct upstream_progress *progress);

/* Until the next one, after `n` that said nothing of when. */
int64_t poll_wait_ms(const struct upstream_answer *answer, int n);

/*
 * A message of somebody else's as it may be shown: UTF-8, a space for each
 * control character and what is no character, trimmed, and cut between two
 * characters to ENVELOPE_MESSAGE_MAX bytes. Returns how many.
 */
size_t poll_clean(struct str message, char *out);

#endif
