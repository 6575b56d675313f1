#ifndef LOWTIDE_CGI_ESTIMATE_H
#define LOWTIDE_CGI_ESTIMATE_H

#include "cgi/store/store.h"

/*
 * How long jobs take, from what was measured (contract 6): the samples of an
 * API, sorted. Pure but for estimate_load().
 */
#define ESTIMATE_MIN 20	       /* samples, before they count */
#define ESTIMATE_FRESH_MS 1000 /* not read from the store again before */
struct estimate {
	size_t n;
	int64_t ms[STORE_SAMPLES]; /* ascending */
	int64_t run_ms;		   /* median of their runs, without the queue */
	int64_t read_boot;	   /* when they were read; 0 = never */
	/* admission.c: for how many there was room then, unasked */
	int64_t room, room_boot;
};

/* As they come from the store, in any order; at most STORE_SAMPLES. */
void estimate_fill(struct estimate *e, const int64_t *ms, size_t n);
/*
 * Reads them, and the median of their runs, anew where they are older than
 * ESTIMATE_FRESH_MS; what cannot be read just now stays as it was. Inside a
 * view.
 */
void estimate_load(
    struct estimate *e, struct store *store, size_t api, int64_t now_boot);
/* Of a whole job; api->estimate_ms until there are ESTIMATE_MIN. */
int64_t estimate_duration_ms(const struct estimate *e, const struct api *api);
/* Of a job's run alone; 0 until there are ESTIMATE_MIN. */
int64_t estimate_run_ms(const struct estimate *e);
/*
 * Of what is left for a job of that age: the median of those samples that took
 * longer, less the age. For one that has outlived them all it grows with its
 * age (a tenth of it), so that nobody asks for ever at the shortest interval.
 */
int64_t estimate_left_ms(
    const struct estimate *e, const struct api *api, int64_t age_ms);

#endif
