#include "cgi/queues.h"

#include <stdlib.h>

#include "cgi/store/store.h"

bool queues_are_due(struct queues *q, size_t n, int64_t now_boot)
{
	if (q->all && q->n == n && now_boot < q->seen_boot + QUEUES_MS)
		return false;
	free(q->all);
	q->all = calloc(n + 1, sizeof(*q->all));
	if (!q->all)
		abort();
	q->n = n;
	q->seen_boot = now_boot;
	return true;
}

void queues_put(struct queues *q, size_t api, const struct store_stats *stats,
    int64_t now_ms)
{
	q->all[api] = (struct metrics_queue){.known = true,
	    .pending = stats->count[JOB_PENDING],
	    .needing = stats->needing,
	    .held = stats->held,
	    .running = stats->count[JOB_PROCESSING] - stats->held,
	    .oldest_ms = stats->oldest_pending_ms
			     ? now_ms - stats->oldest_pending_ms
			     : 0};
}

void queues_release(struct queues *q)
{
	free(q->all);
	*q = (struct queues){0};
}
