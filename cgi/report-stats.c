#include "cgi/report-stats.h"

#include <stdlib.h>

#include "lib/json.h"
#include "lib/units.h"

/* ---- numbers --------------------------------------------------------------
 */

static int by_size(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

int64_t report_median(int64_t *ms, size_t n)
{
	if (!n)
		return -1;
	qsort(ms, n, sizeof(*ms), by_size);
	return ms[n / 2];
}

struct str report_age(struct arena *a, int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;

	if (s < 60)
		return arena_printf(a, "%llds", s);
	if (s < 3600)
		return arena_printf(a, "%lldm%02llds", s / 60, s % 60);
	if (s < 86400)
		return arena_printf(a, "%lldh%02lldm", s / 3600, s / 60 % 60);
	return arena_printf(a, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

/* Short ones matter: 12ms and 1.4s are not the same. */
static struct str spell_span(struct arena *a, int64_t ms)
{
	if (ms < 0)
		return STR("-");
	if (ms < 1000)
		return arena_printf(a, "%lldms", (long long)ms);
	if (ms < 60000)
		return arena_printf(a, "%lld.%llds", (long long)(ms / 1000),
		    (long long)(ms % 1000 / 100));
	return report_age(a, ms);
}

static int64_t running(const struct report_stats *r)
{
	return r->stats.count[JOB_PROCESSING] - r->stats.held;
}

/* ---- for people -----------------------------------------------------------
 */

/* Why nothing of it is done at the moment. */
static void put_state(
    struct buf *out, struct arena *a, const struct report_stats *r)
{
	if (r->suspended_ms)
		buf_printf(out, "  paused since %.*s",
		    STR_ARG(units_time(a, r->suspended_ms)));
	else if (r->paused_ms)
		buf_printf(out, "  its upstream rests until %.*s",
		    STR_ARG(units_time(a, r->paused_ms)));
}

static void put_row(
    struct buf *out, const struct report_stats *r, size_t width, int64_t now_ms)
{
	const int64_t oldest = r->stats.oldest_pending_ms;
	struct arena a = {0};
	struct str age = oldest ? report_age(&a, now_ms - oldest) : STR("-");

	buf_printf(out,
	    "%-*.*s  %7lld  %7lld  %4lld  %7lld  %9lld  %6lld  %9lld  %7.*s  "
	    "%6.*s  %6.*s",
	    (int)width, STR_ARG(r->api->name),
	    (long long)r->stats.count[JOB_PENDING], (long long)running(r),
	    (long long)r->stats.held, (long long)r->stats.needing,
	    (long long)r->stats.count[JOB_COMPLETED],
	    (long long)r->stats.count[JOB_FAILED],
	    (long long)r->stats.count[JOB_CANCELLED], STR_ARG(age),
	    STR_ARG(spell_span(&a, r->median_ms)),
	    STR_ARG(spell_span(&a, r->median_run_ms)));
	put_state(out, &a, r);
	buf_putc(out, '\n');
	arena_release(&a);
}

/* An idle worker does nothing, not even say that it is there. */
static void put_rest(
    struct buf *out, const struct report_store *store, int64_t now_ms)
{
	struct arena a = {0};

	if (store->worker_ms)
		buf_printf(out, "\na worker last did something %.*s ago",
		    STR_ARG(report_age(&a, now_ms - store->worker_ms)));
	else
		buf_puts(out, "\nno worker has done anything yet");
	buf_printf(out, "; the store has %lld KiB\n",
	    (long long)(store->file_bytes / 1024));
	arena_release(&a);
}

void report_stats(
    struct buf *out, const struct report_store *store, int64_t now_ms)
{
	size_t width = 3; /* API */

	for (size_t i = 0; i < store->n; i++)
		if (store->apis[i].api->name.n > width)
			width = store->apis[i].api->name.n;
	buf_printf(out,
	    "%-*s  %7s  %7s  %4s  %7s  %9s  %6s  %9s  %7s  %6s  %6s\n",
	    (int)width, "API", "PENDING", "RUNNING", "HELD", "NEEDING",
	    "COMPLETED", "FAILED", "CANCELLED", "OLDEST", "MEDIAN", "RUN");
	for (size_t i = 0; i < store->n; i++)
		put_row(out, &store->apis[i], width, now_ms);
	put_rest(out, store, now_ms);
}

/* ---- for programs ---------------------------------------------------------
 */

static void put_number(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	if (n < 0)
		json_null(w);
	else
		json_int(w, n);
}

static void put_time(
    struct json_writer *w, struct arena *a, const char *key, int64_t ms)
{
	json_key(w, key);
	if (ms)
		json_string(w, units_time(a, ms));
	else
		json_null(w);
}

static void put_api(
    struct json_writer *w, struct arena *a, const struct report_stats *r)
{
	json_open(w, '{');
	json_key(w, "api");
	json_string(w, r->api->name);
	put_number(w, "pending", r->stats.count[JOB_PENDING]);
	put_number(w, "running", running(r));
	put_number(w, "held", r->stats.held);
	put_number(w, "needing", r->stats.needing);
	put_number(w, "completed", r->stats.count[JOB_COMPLETED]);
	put_number(w, "failed", r->stats.count[JOB_FAILED]);
	put_number(w, "cancelled", r->stats.count[JOB_CANCELLED]);
	put_time(w, a, "oldestPendingAt", r->stats.oldest_pending_ms);
	put_number(w, "medianMs", r->median_ms);
	put_number(w, "medianRunMs", r->median_run_ms);
	put_time(w, a, "restsUntil", r->paused_ms);
	put_time(w, a, "pausedSince", r->suspended_ms);
	json_close(w, '}');
}

void report_stats_json(struct buf *out, const struct report_store *store)
{
	struct json_writer w = {.out = out, .indent = 2};
	struct arena a = {0};

	json_open(&w, '{');
	json_key(&w, "apis");
	json_open(&w, '[');
	for (size_t i = 0; i < store->n; i++)
		put_api(&w, &a, &store->apis[i]);
	json_close(&w, ']');
	put_time(&w, &a, "workerSeenAt", store->worker_ms);
	put_number(&w, "fileBytes", store->file_bytes);
	json_close(&w, '}');
	buf_putc(out, '\n');
	arena_release(&a);
}
