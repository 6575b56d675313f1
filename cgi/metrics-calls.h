#ifndef LOWTIDE_CGI_METRICS_CALLS_H
#define LOWTIDE_CGI_METRICS_CALLS_H

#include "cgi/metrics-text.h"
#include "cgi/upstream/upstream.h"

/* Calls that are over, as the worker and lowtide-read count and tell them. */
struct metrics_calls {
	uint64_t answers[METRICS_STATUS_MAX - METRICS_STATUS_MIN + 1];
	uint64_t ends[UPSTREAM_ENDS]; /* those that had no such status */
};
/* end < UPSTREAM_ENDS; status: 0 = none. */
void metrics_calls_count(
    struct metrics_calls *calls, enum upstream_end end, int status);
/* Samples of a family that has begun: {LABEL="value",end="answer",code="200"}.
   Too many to be told from the start: each begins with its first call. */
void metrics_calls_put(struct metrics_text *t, const char *label,
    struct str value, const struct metrics_calls *calls);

#endif
