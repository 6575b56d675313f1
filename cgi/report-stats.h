#ifndef LOWTIDE_CGI_REPORT_STATS_H
#define LOWTIDE_CGI_REPORT_STATS_H

#include "cgi/store/store.h"
#include "lib/buf.h"

/*
 * How each API does, for people and for programs; as report.h, both from the
 * same numbers. Pure but for the buffer. Times are of the wall clock, 0 = there
 * is none.
 */
struct report_stats {
	const struct api *api;
	struct store_stats stats;
	int64_t median_ms, median_run_ms; /* < 0 = nothing was measured */
	int64_t paused_ms;    /* until then, as its upstream asked */
	int64_t suspended_ms; /* since then, at an operator's word */
};
struct report_store {
	const struct report_stats *apis;
	size_t n;
	int64_t worker_ms;  /* when one last did something */
	int64_t file_bytes; /* of the database and its log */
};
/* A line for each API under a line of headings; one for the rest below. */
void report_stats(
    struct buf *out, const struct report_store *store, int64_t now_ms);
/* {"apis": […], "workerSeenAt", "fileBytes"} with a final line break. */
void report_stats_json(struct buf *out, const struct report_store *store);

/* The one in the middle of n numbers, which are put in order; -1 of none. */
int64_t report_median(int64_t *ms, size_t n);
/* The two largest units, "3h12m", "45s". */
struct str report_age(struct arena *a, int64_t ms);

#endif
