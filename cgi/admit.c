#include "cgi/admit.h"

/*
 * The sender's own bounds come before everybody's: who is told 429 is one who
 * can do something about it.
 */
#define RETRY_MIN_MS 1000

int64_t admit_since_ms(const struct api *api, int64_t now_ms)
{
	return now_ms - api->owner_rate_per_ms;
}

static int64_t within(int64_t ms, int64_t most)
{
	if (ms > most)
		ms = most;
	return ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms;
}

/* How long one place is taken, as far as is known. */
static int64_t run_ms(const struct api *api, int64_t median_ms)
{
	return median_ms > 0 ? median_ms : api->estimate_ms;
}

static int64_t places(const struct api *api)
{
	return api->concurrency > 0 ? api->concurrency : 1;
}

static bool is_rate_used_up(const struct api *api, const struct crowd *crowd)
{
	return api->owner_rate_count > 0 &&
	       crowd->recent >= api->owner_rate_count;
}

/* The first one has waited as long as a new one may take in all. */
static bool is_stuck(
    const struct api *api, const struct crowd *crowd, int64_t now_ms)
{
	return crowd->pending > 0 && crowd->oldest_pending_ms &&
	       now_ms - crowd->oldest_pending_ms >= api->deadline_ms;
}

/* Those before the last of them take until then, without its own run. */
int64_t admit_reach(
    const struct api *api, const struct crowd *crowd, int64_t median_ms)
{
	if (median_ms <= 0)
		return INT64_MAX;
	return (api->deadline_ms / median_ms + 1) * places(api) -
	       crowd->pending;
}

static bool is_out_of_reach(
    const struct api *api, const struct crowd *crowd, int64_t median_ms)
{
	return admit_reach(api, crowd, median_ms) <= 0;
}

enum admission admit_check(const struct api *api, const struct crowd *crowd,
    int64_t now_ms, int64_t median_ms, int64_t *retry_ms)
{
	*retry_ms = 0;
	if (is_rate_used_up(api, crowd)) {
		/* when the oldest of them is no longer recent */
		*retry_ms = within(
		    crowd->recent_first_ms + api->owner_rate_per_ms - now_ms,
		    api->owner_rate_per_ms);
		return ADMIT_OWNER_RATE;
	}
	if (api->owner_open > 0 && crowd->open >= api->owner_open) {
		*retry_ms = within(run_ms(api, median_ms), INT64_MAX);
		return ADMIT_OWNER_OPEN;
	}
	if (api->queue_max > 0 && crowd->pending >= api->queue_max) {
		*retry_ms =
		    within(run_ms(api, median_ms) / places(api), INT64_MAX);
		return ADMIT_QUEUE_LONG;
	}
	if (api->deadline_ms > 0 &&
	    (is_stuck(api, crowd, now_ms) ||
		is_out_of_reach(api, crowd, median_ms))) {
		*retry_ms = within(run_ms(api, median_ms), INT64_MAX);
		return ADMIT_QUEUE_OLD;
	}
	return ADMIT_OK;
}
