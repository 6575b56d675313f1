#include "cgi/handle.h"
#include "lib/buf.h"
#include "lib/config-merge.h"
#include "lib/json.h"
#include "lib/units.h"

/*
 * GET /api/jobs/health, for whoever watches over a site: no login. 503 where
 * requests would be refused, and where they would be accepted for nobody: a
 * worker leaves a note every few seconds while there is anything to do
 * (RUNNER_BEAT_MS), so work that waits without one shows that it is gone. An
 * idle one leaves none and is not missed.
 */
#define MISSING_MS 30000 /* three of its notes */
#define FAILED_MS 10000	 /* that nothing could be written is news so long */

struct health {
	int64_t pending, processing, needing;
	int64_t oldest_ms; /* 0 = nothing waits */
	int64_t seen_ms;   /* when a worker left its note; 0 = never */
};

static enum err add(struct handling *h, size_t api, struct health *out)
{
	struct store_stats stats;
	enum err err = store_stats(h->app->store, api, &stats);

	if (err != ERR_OK)
		return err;
	out->pending += stats.count[JOB_PENDING];
	out->needing += stats.needing;
	out->processing += stats.count[JOB_PROCESSING];
	if (stats.oldest_pending_ms &&
	    (!out->oldest_ms || stats.oldest_pending_ms < out->oldest_ms))
		out->oldest_ms = stats.oldest_pending_ms;
	return ERR_OK;
}

static enum err gather(struct handling *h, struct health *out)
{
	bool fresh;
	enum err err = handling_view(h, &fresh);

	/* what is left of an API that went waits for nobody */
	for (size_t i = 0; i < h->app->config->n_apis && err == ERR_OK; i++)
		if (!config_is_gone(&h->app->config->apis[i]))
			err = add(h, i, out);
	if (err == ERR_OK)
		err = store_flagged(
		    h->app->store, STORE_NOTE_WORKER, &out->seen_ms);
	if (err != ERR_OK)
		app_rest(h->app);
	return err;
}

/* Either way: a clock may have been put right. */
static bool is_fresh(const struct handling *h, int64_t at_ms)
{
	const int64_t age_ms = h->now.wall_ms - at_ms;

	return at_ms && age_ms <= MISSING_MS && age_ms >= -MISSING_MS;
}

static bool is_missing(const struct handling *h, const struct health *health)
{
	const bool waits = health->oldest_ms &&
			   h->now.wall_ms - health->oldest_ms > MISSING_MS;

	return (waits || health->processing) && !is_fresh(h, health->seen_ms);
}

/* NULL: it can be read and, as far as is known, written. */
static const char *store_trouble(const struct handling *h, enum err err)
{
	const struct app *app = h->app;

	/* held back for a moment, while its log is started over: it is well */
	if (err != ERR_OK && err != ERR_AGAIN)
		return "unavailable";
	if (!app->trouble || h->now.boot_ms - app->failed_boot >= FAILED_MS)
		return NULL;
	return app->trouble & 1u << ERR_FULL ? "full" : "failing";
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	json_string(w, str_of(text));
}

static void put_int(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	json_int(w, n);
}

static void put_time(struct handling *h, struct json_writer *w, const char *at,
    const char *age, int64_t ms)
{
	json_key(w, at);
	if (ms)
		json_string(w, units_time(h->arena, ms));
	else
		json_null(w);
	json_key(w, age);
	if (ms)
		json_int(w, h->now.wall_ms > ms ? h->now.wall_ms - ms : 0);
	else
		json_null(w);
}

static void put_work(struct handling *h, struct json_writer *w,
    const struct health *health, bool missing)
{
	const char *idle = is_fresh(h, health->seen_ms) ? "working" : "idle";

	put_text(w, "worker", missing ? "missing" : idle);
	put_time(h, w, "workerSeenAt", "workerAgeMs", health->seen_ms);
	put_int(w, "pending", health->pending);
	put_int(w, "needsCredentials", health->needing);
	put_int(w, "processing", health->processing);
	put_time(
	    h, w, "oldestPendingAt", "oldestPendingAgeMs", health->oldest_ms);
}

enum outcome handle_health(struct handling *h)
{
	struct health health = {0};
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	const enum err err = gather(h, &health);
	const char *trouble = store_trouble(h, err);
	const bool missing = err == ERR_OK && is_missing(h, &health);
	const bool well = !trouble && !missing;

	h->ans->status = well ? 200 : 503;
	json_open(&w, '{');
	put_text(&w, "status", well ? "ok" : "unavailable");
	if (!trouble)
		trouble = err == ERR_AGAIN ? "busy" : "ok";
	put_text(&w, "store", trouble);
	if (err == ERR_OK)
		put_work(h, &w, &health, missing);
	json_close(&w, '}');
	if (!well)
		answer_retry_after(&h->c, NULL, h->ans);
	answer_header(h->ans, "Content-Type", STR("application/json"));
	h->ans->body = arena_str(h->arena, buf_str(&out));
	buf_release(&out);
	return OUTCOME_ANSWER;
}
