#ifndef LOWTIDE_CGI_READ_METRICS_READ_PARTS_H
#define LOWTIDE_CGI_READ_METRICS_READ_PARTS_H

#include "cgi/metrics-calls.h"
#include "cgi/read/metrics-read.h"

/*
 * What is counted: metrics-read.c does, metrics-read-text.c tells. A status is
 * told once it came, everything else of a fixed list from the start
 * (metrics-text.c says why).
 */
#define READ_METRICS_BOUNDS 15
#define READ_METRICS_STATUSES (METRICS_STATUS_MAX - METRICS_STATUS_MIN + 1)
extern const struct metrics_bound read_metrics_bounds[READ_METRICS_BOUNDS];

struct times {
	uint64_t counts[READ_METRICS_BOUNDS];
	uint64_t sum_ms;
};
struct of_read {
	uint64_t answers[2][READ_METRICS_STATUSES]; /* partial, complete */
	uint64_t promoted;
	struct times times;
};
struct of_upstream {
	uint64_t parts[READ_FROMS];
	struct metrics_calls over;
	uint64_t retried, hedged, opened, refused[2];
	struct times times;
};
/* `name` is its own; what is counted stands behind. */
struct named {
	char *name;
	union {
		struct of_read *read;
		struct of_upstream *upstream;
		void *counts;
	};
};
struct rows {
	struct named *items;
	size_t n;
};
struct read_metrics {
	struct rows reads, upstreams;
	struct of_read none; /* paths that are no read */
	uint64_t reloads[2]; /* bad, good */
};

#endif
