#ifndef LOWTIDE_CGI_READ_READ_ANSWER_H
#define LOWTIDE_CGI_READ_READ_ANSWER_H

#include "cgi/answer.h"
#include "cgi/read/plan.h"

/*
 * What a read came to, as HTTP (contract 9). Pure.
 *
 *	complete	200, x-aggregate-complete: true, a strong ETag over the
 *			body, 304 to If-None-Match; Age, and
 *			Cache-Control: private, max-age=N where every part may
 *			be kept for a while, else no-store
 *	stale		the same, x-aggregate-stale: true, no-store
 *	partial		200, x-aggregate-complete: false, no-store, no ETag
 *	failed		a problem with `upstreamFailures`: 502, 504; 503 with
 *			Retry-After; or a status that the read passes on
 *
 * max-age counts from the Age that stands beside it (RFC 9111 4.2.3): what is
 * left is max-age less Age, whole seconds until the first part is no longer
 * fresh.
 *
 * Vary names all of a request that the answer depends on, so that a browser
 * whose user has changed asks again; where a call forwards headers by a
 * pattern, `*`.
 *
 * Each function fills *ans as a whole but for what answer_common() adds, which
 * is called once, last.
 */
struct read_asked {
	const struct read *read;
	struct str tags; /* If-None-Match; empty = none */
	int64_t now_boot;
};
void read_answer(const struct answer_context *c, const struct read_asked *asked,
    const struct read_result *result, struct answer *ans);
/* 503, overloaded: more ask than there is room for. */
void read_answer_overloaded(const struct answer_context *c, struct answer *ans);
/* Whole seconds, rounded up, at least one. */
void read_retry_after(
    const struct answer_context *c, int64_t ms, struct answer *ans);

#endif
