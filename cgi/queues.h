#ifndef LOWTIDE_CGI_QUEUES_H
#define LOWTIDE_CGI_QUEUES_H

#include "cgi/metrics.h"

/*
 * What waits at each API, for whoever tells of it: looked at in the store now
 * and then, since whoever asks for metrics may ask often. Zero is a good one.
 */
#define QUEUES_MS 1000 /* what was seen is told for so long */

struct store_stats;
struct queues {
	struct metrics_queue *all; /* as config.apis */
	size_t n;
	int64_t seen_boot; /* 0 = never */
};
/*
 * True: it is time to look again, at so many APIs (another configuration may
 * have come since), of which nothing is known now.
 */
bool queues_are_due(struct queues *q, size_t n, int64_t now_boot);
void queues_put(struct queues *q, size_t api, const struct store_stats *stats,
    int64_t now_ms);
void queues_release(struct queues *q);

#endif
