#ifndef LOWTIDE_CGI_ADMIT_H
#define LOWTIDE_CGI_ADMIT_H

#include "cgi/store/store.h"

/*
 * Whether one more request may come (contract 2, step 6). Pure: the numbers
 * are store_crowd()'s, the bounds are the API's. Asked twice: in the loop's
 * view, so that a flood is refused without a turn, and in the transaction that
 * would accept it, where the numbers are exact.
 */
enum admission {
	ADMIT_OK,
	ADMIT_OWNER_RATE, /* 429: owner_rate is used up */
	ADMIT_OWNER_OPEN, /* 429: owner_open jobs have not ended */
	ADMIT_QUEUE_LONG, /* 503: queue_max jobs are pending */
	/*
	 * 503: the queue is too old for the deadline. Its first job has waited
	 * as long as a new one may take in all, so nobody seems to work on it;
	 * or by the measured median a new one would not be reached in time.
	 */
	ADMIT_QUEUE_OLD,
};
/* The `since_ms` that store_crowd() wants for this API. */
int64_t admit_since_ms(const struct api *api, int64_t now_ms);
/*
 * median_ms: of a job's run once it is claimed (store_runs()), 0 = not
 * measured. *retry_ms: how long until it may be different, a lower bound for
 * Retry-After, at least a second; 0 with ADMIT_OK. The clock that stamped the
 * rows may have been another: a stamp from the future holds up nobody.
 */
enum admission admit_check(const struct api *api, const struct crowd *crowd,
    int64_t now_ms, int64_t median_ms, int64_t *retry_ms);

/* How many more may come before these numbers say ADMIT_QUEUE_OLD. */
int64_t admit_reach(
    const struct api *api, const struct crowd *crowd, int64_t median_ms);

#endif
