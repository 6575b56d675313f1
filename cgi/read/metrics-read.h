#ifndef LOWTIDE_CGI_READ_METRICS_READ_H
#define LOWTIDE_CGI_READ_METRICS_READ_H

#include "cgi/metrics-text.h"
#include "cgi/read/breaker.h"
#include "cgi/read/cache.h"
#include "cgi/read/plan.h"

/*
 * What lowtide-read counts, in the format and by the rules of metrics.h: the
 * only labels are names of reads and upstreams of the configuration, and words
 * of fixed lists. Every function takes NULL and counts nothing then; an index
 * that there is none of counts for none.
 *
 * Indices are of the configuration that it was fitted to last. A name that is
 * in both keeps what was counted, wherever it stands; one that went takes it
 * along.
 */
enum read_from { /* where a part of an answer came from */
	READ_FROM_HIT,
	READ_FROM_STALE,     /* used while it is fetched again */
	READ_FROM_SPARE,     /* used because fetching failed */
	READ_FROM_COALESCED, /* somebody else's call, under way already */
	READ_FROM_CALL,
	READ_FROMS
};
struct read_metrics;
struct read_metrics *read_metrics_new(const struct config *config);
void read_metrics_free(struct read_metrics *m); /* NULL-safe */
void read_metrics_fit(struct read_metrics *m, const struct config *config);

/* An answer to a client: of that read, or of none (SIZE_MAX). */
void read_metrics_answered(
    struct read_metrics *m, size_t read, int status, bool complete, int64_t ms);
void read_metrics_part(
    struct read_metrics *m, size_t upstream, enum read_from from);
/* A call to it is over. */
void read_metrics_called(struct read_metrics *m, size_t upstream,
    enum upstream_end end, int status, int64_t ms);
void read_metrics_retried(struct read_metrics *m, size_t upstream);
void read_metrics_hedged(struct read_metrics *m, size_t upstream);
void read_metrics_opened(struct read_metrics *m, size_t upstream);
/* Not made: too many waited, or the breaker was open. */
void read_metrics_refused(struct read_metrics *m, size_t upstream, bool open);
void read_metrics_promoted(struct read_metrics *m, size_t read);
void read_metrics_reloaded(struct read_metrics *m, bool good);

struct read_metrics_now {
	const enum breaker_state *breakers; /* as config.upstreams */
	struct cache_stats cache;
	uint64_t reads, flights, waiting, connections;
	int64_t uptime_ms, started_ms;
	const char *version;
};
void read_metrics_write(const struct read_metrics *m,
    const struct read_metrics_now *now, struct buf *out);

#endif
