#ifndef LOWTIDE_CGI_METRICS_WORK_H
#define LOWTIDE_CGI_METRICS_WORK_H

#include "cgi/job.h"
#include "cgi/metrics.h"
#include "cgi/upstream/upstream.h"

/*
 * What a worker counts, in the format and by the rules of metrics.h: the only
 * labels are an API's name and words of fixed lists. Every function takes NULL
 * and counts nothing then.
 */
struct metrics_work;
struct metrics_work *metrics_work_new(size_t n_apis);
void metrics_work_free(struct metrics_work *m);
void metrics_work_fit(struct metrics_work *m, size_t n_apis); /* never fewer */

void metrics_claimed(struct metrics_work *m, size_t api);
/* A call is over: how it ended, its status (0 = none), how long it took. */
void metrics_called(struct metrics_work *m, size_t api, enum upstream_end end,
    int status, int64_t ms);
/* What was written of an attempt: the row as it is now. */
void metrics_written(struct metrics_work *m, size_t api, const struct job *job);
/* Its row was another's by then. */
void metrics_lost(struct metrics_work *m, size_t api);
/* Brought home: nobody worked on them any more. */
void metrics_recovered(struct metrics_work *m, size_t api, size_t n);
void metrics_work_store_failed(struct metrics_work *m, enum err err);
void metrics_work_reloaded(struct metrics_work *m, bool good);
/* The key set of a provider was fetched, or could not be. */
void metrics_fetched(struct metrics_work *m, bool good);

struct metrics_work_now {
	const struct config *config;
	const struct metrics_queue *queues; /* as config.apis */
	uint64_t calls;			    /* under way */
	int64_t uptime_ms, started_ms;
	const char *version;
};
void metrics_work_write(const struct metrics_work *m,
    const struct metrics_work_now *now, struct buf *out);

#endif
