#ifndef LOWTIDE_CGI_UPSTREAM_READS_H
#define LOWTIDE_CGI_UPSTREAM_READS_H

#include "cgi/log.h"
#include "cgi/upstream/upstream.h"

/*
 * Reads as calls: what a worker does for a read that became a job. An engine
 * (read/engine.h) answers them, so they are planned, cached, coalesced and
 * bounded as lowtide-read's are; what that calls goes out by the pool it was
 * given, a channel of the worker's own switch.
 *
 * The answer is that of lowtide-read (read-answer.h) without its headers: JSON,
 * or a problem with its upstreamFailures; a request that no read can be made of
 * is 400 with a sentence for whoever asked. A secret that cannot be had, or too
 * much to do just now: UPSTREAM_UNSENT.
 */
struct secrets;
struct reads_spec {
	const struct config *config;
	struct secrets *secrets;
	const struct log *log;
	const struct upstream_ops *upstream; /* what its calls go out by */
	void *pool;
	size_t cache_bytes; /* 0 = READS_CACHE_BYTES */
};
#define READS_CACHE_BYTES ((size_t)8 * 1024 * 1024)

struct reads;
struct reads *reads_open(const struct reads_spec *spec);
void reads_close(struct reads *r); /* NULL-safe */
/* Another configuration; calls that go on keep to what they began by. */
void reads_refit(
    struct reads *r, const struct config *config, struct secrets *secrets);
/* Whether a call goes on that began by this one. */
bool reads_uses(const struct reads *r, const struct config *config);
/* CLOCK_BOOTTIME in ms: next() is to be asked then at the latest; 0 = never. */
int64_t reads_due_boot(void *pool);

/*
 * Its pool is what reads_open() gave. It opens none, and has no wait(): it is
 * lent to a switch.
 */
extern const struct upstream_ops upstream_reads;

#endif
