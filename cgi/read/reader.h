#ifndef LOWTIDE_CGI_READ_READER_H
#define LOWTIDE_CGI_READ_READER_H

#include "cgi/bearer.h"
#include "cgi/loop.h"
#include "cgi/read/engine.h"
#include "cgi/read/handover.h"
#include "cgi/read/metrics-read.h"

/*
 * Reads as the loop serves them: a request in, an answer or a place to wait in.
 * Route → owner → (hand over) → engine → wait → answer.
 *
 * Whoever waits is an waiter: what his answer will need, since his request is
 * gone by then, and the ticket that the engine gave him. His slot of the loop
 * (struct waiting) names him in .version, and wakes by the ticket, which stands
 * where a job's key does. Whoever leaves is gone from the engine at once.
 *
 * One descriptor wakes the loop: an epoll that holds the upstreams' and the
 * endpoint's descriptors and a clock for what falls due. With nobody here and
 * nothing under way nothing wakes it.
 */
#define READER_BODY_MAX 16384 /* of a request: nobody looks at it */
/* Beyond a deadline, to answer at the latest: what never came out. */
#define READER_GRACE_MS 2000
#define READER_DRAIN_MS 3500 /* of LOOP_DRAIN_MS: to go on waiting */
/* Bytes of all requests that are kept so that they can be handed over. */
#define READER_KEPT_MAX ((size_t)64 * 1024 * 1024)
#define READER_TAGS_MAX 2048 /* bytes of an If-None-Match that is kept */

struct reader_spec {
	const struct config *config;
	struct engine *engine;
	int upstream_fd;	      /* of the engine's pool; -1 = none */
	struct bearer *bearer;	      /* NULL = no tokens are taken */
	struct handover *handover;    /* NULL = nothing can be handed over */
	const struct log *log;	      /* NULL = silent */
	struct read_metrics *metrics; /* NULL = nothing is counted */
	uint64_t seed;		      /* any number */
	void *host;		      /* whose loop it is: reader_host() */
};
struct reader;
/* ERR_IO: no descriptor is left. What the spec points to stays the caller's. */
enum err reader_open(const struct reader_spec *spec, struct reader **out)
    __attribute__((warn_unused_result));
void reader_close(struct reader *r); /* NULL-safe; after the loop */
/*
 * Sets what is the reader's: handle, resume, gone, refuse, the bell and its
 * kin, and ctx, of which reader_host() is the host again for whatever else of
 * the spec is the host's.
 */
void reader_serve(struct reader *r, struct loop_spec *spec);
void *reader_host(void *ctx);
/* .rest, for a host that has more to do then. */
void reader_rest(void *ctx);
/*
 * Another configuration, after engine_refit(): who waits is answered by what
 * he began with, which has to live until reader_uses() says no.
 */
void reader_refit(struct reader *r, const struct config *config);
bool reader_uses(const struct reader *r, const struct config *config);
size_t reader_waiting(const struct reader *r); /* waiters */
/* Something was begun or left elsewhere: steps at the end of this turn. */
void reader_stir(struct reader *r);

#endif
