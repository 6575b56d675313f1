#ifndef LOWTIDE_CGI_METRICS_H
#define LOWTIDE_CGI_METRICS_H

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"

/*
 * What is counted, and how Prometheus is told: the text exposition format,
 * version 0.0.4. Pure: neither clocks nor sockets nor a store.
 *
 * How many series there are is bounded by the configuration: the only label
 * that is not from a fixed list is the name of an API of it. What belongs to
 * none (addresses that are nothing, health, an owner's list) has api="".
 */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_NO_API SIZE_MAX
enum { METRICS_STATUS_MIN = 100, METRICS_STATUS_MAX = 599 };
enum { METRICS_BUCKETS = 12 }; /* the last is everything */

struct metrics_api {
	uint64_t answers[METRICS_STATUS_MAX - METRICS_STATUS_MIN + 1];
	uint64_t
	    accepts[METRICS_BUCKETS]; /* by how long they took; each once */
	uint64_t accepts_ms;	      /* all of them together */
};
/* One thread's, the loop's. */
struct metrics {
	struct metrics_api *apis; /* as config.apis, and one for none */
	size_t n_apis;
	uint64_t store_errors[ERR_COUNT];
	uint64_t reloads, reloads_failed;
};
/* Zero is a good one, of no API. */
void metrics_fit(struct metrics *m, size_t n_apis); /* never fewer */
void metrics_release(struct metrics *m);

/* A NULL m counts nothing. An api that there is none of counts for none. */
void metrics_answered(struct metrics *m, size_t api, int status);
/* From the request's arrival until its row was on the disk. */
void metrics_accepted(struct metrics *m, size_t api, int64_t ms);
void metrics_store_failed(struct metrics *m, enum err err);
void metrics_reloaded(struct metrics *m, bool good);

/* What is not counted but there, at the moment that is told of. */
struct metrics_queue {
	bool known;			   /* the store could be read */
	int64_t pending, needing, running; /* needing is part of pending */
	int64_t held;			   /* not running: nobody's */
	int64_t oldest_ms;		   /* how old; 0 = nothing waits */
};
struct metrics_now {
	const struct config *config;
	const struct metrics_queue *queues; /* as config.apis */
	uint64_t connections, parked, streams, committing;
	int64_t uptime_ms;
	int64_t started_ms; /* wall clock */
	const char *version;
};
void metrics_write(
    const struct metrics *m, const struct metrics_now *now, struct buf *out);

#endif
