#include "cgi/estimate.h"

#include <string.h>

/*
 * A median of what was measured is not moved by one job that hung. Until there
 * are enough samples the API's own word is taken, as if it had been measured.
 */

void estimate_fill(struct estimate *e, const int64_t *ms, size_t n)
{
	e->n = n < STORE_SAMPLES ? n : STORE_SAMPLES;
	for (size_t i = 0; i < e->n; i++) {
		size_t to = i;
		for (; to && e->ms[to - 1] > ms[i]; to--)
			e->ms[to] = e->ms[to - 1];
		e->ms[to] = ms[i];
	}
}

static bool is_measured(const struct estimate *e)
{
	return e && e->n >= ESTIMATE_MIN;
}

/* Of those from `first` on; between the two in the middle where there are. */
static int64_t median(const struct estimate *e, size_t first)
{
	const int64_t low = e->ms[first + (e->n - first - 1) / 2];
	const int64_t high = e->ms[first + (e->n - first) / 2];

	return low + (high - low) / 2;
}

int64_t estimate_run_ms(const struct estimate *e)
{
	return is_measured(e) ? e->run_ms : 0;
}

int64_t estimate_duration_ms(const struct estimate *e, const struct api *api)
{
	return is_measured(e) ? median(e, 0) : api->estimate_ms;
}

int64_t estimate_left_ms(
    const struct estimate *e, const struct api *api, int64_t age_ms)
{
	int64_t whole = api->estimate_ms;
	size_t first = 0;

	if (age_ms < 0) /* its clock was put right */
		age_ms = 0;
	if (is_measured(e)) {
		while (first < e->n && e->ms[first] <= age_ms)
			first++;
		whole = first < e->n ? median(e, first) : 0;
	}
	return whole > age_ms ? whole - age_ms : age_ms / 10;
}

void estimate_load(
    struct estimate *e, struct store *store, size_t api, int64_t now_boot)
{
	struct estimate runs = {0};
	int64_t whole[STORE_SAMPLES], run[STORE_SAMPLES];
	size_t n = 0, n_runs = 0;

	if (e->read_boot && now_boot - e->read_boot < ESTIMATE_FRESH_MS)
		return;
	if (store_samples(store, api, whole, &n) != ERR_OK ||
	    store_runs(store, api, run, &n_runs) != ERR_OK)
		return;
	e->read_boot = now_boot;
	estimate_fill(e, whole, n);
	estimate_fill(&runs, run, n_runs);
	e->run_ms = runs.n ? median(&runs, 0) : 0;
}
