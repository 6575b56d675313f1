#ifndef LOWTIDE_CGI_FETCH_H
#define LOWTIDE_CGI_FETCH_H

#include "cgi/log.h"
#include "cgi/metrics-work.h"
#include "cgi/runner.h"
#include "cgi/store/store.h"
#include "cgi/upstream/upstream.h"

/*
 * Fetches the key sets of providers (jwks.h) from their jwks_uri into the
 * files that the endpoint reads, STATE/jwks/NAME.json. A step says when the
 * next one is due, as the runner's does; time comes in with each. Providers
 * without a jwks_uri, with refresh = 0, or of whose files two would be one,
 * are not fetched.
 *
 * A set is asked for
 *   - at the start, if there is none that can be used or it is older than the
 *     provider's refresh, and whenever it becomes so;
 *   - when the endpoint has noted (store_flag "jwks/NAME") that a token named
 *     a key that is not in it, FETCH_PACE_MS after the last try at the soonest;
 *   - again after a try that brought nothing: FETCH_PACE_MS / 30 later, then
 *     twice that, … 2 × FETCH_PACE_MS at most.
 * All workers of a store keep to that together (fetch-file.h): who is first
 * asks, the others look at what came of it.
 *
 * Only what is answered 200, is a key set of JWKS_FILE_MAX bytes at most and
 * has at least one key that can be used replaces a file. Whatever else comes
 * leaves it as it is and is told once (`key-set-failed`, with what to do), and
 * that it is over (`key-set-fetched`).
 */
#define FETCH_PACE_MS ((int64_t)5 * 60 * 1000)
#define FETCH_TIMEOUT_MS 8000
#define FETCH_FLAGS_MS 1000 /* the notes are read at most so often */

struct fetch;
struct fetch_spec {
	const struct config *config;
	struct store *store; /* whose notes are read; NULL = nobody's */
	int dir;	     /* its folder; the caller's */
	const struct upstream_ops *upstream;
	void *pool;
	const struct log *log;	      /* NULL = silent */
	struct metrics_work *metrics; /* NULL = nothing is counted */
	int64_t pace_ms;	      /* 0 = FETCH_PACE_MS */
};
/* The spec's pointers are borrowed. The first step looks at everything. */
struct fetch *fetch_new(const struct fetch_spec *spec);
void fetch_free(struct fetch *f); /* NULL-safe; aborts what is under way */
/* BELL_ACCEPTED rang: there may be a note. */
void fetch_ring(struct fetch *f, struct runner_now now);
/* *due_boot: when to step even if no call moves; 0 = never. */
void fetch_step(struct fetch *f, struct runner_now now, int64_t *due_boot);

#endif
