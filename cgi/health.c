#include "cgi/handle.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/units.h"

/* GET /api/jobs/health, for whoever watches over a site: no login. */

struct health {
	int64_t pending, processing, oldest_ms; /* 0 = nothing waits */
};

static enum err gather(struct handling *h, struct health *out)
{
	struct store_stats stats;
	bool fresh;
	enum err err = handling_view(h, &fresh);

	for (size_t i = 0; i < h->app->config->n_apis && err == ERR_OK; i++) {
		err = store_stats(h->app->store, i, &stats);
		if (err != ERR_OK)
			break;
		out->pending += stats.count[JOB_PENDING];
		out->processing += stats.count[JOB_PROCESSING];
		if (stats.oldest_pending_ms &&
		    (!out->oldest_ms ||
			stats.oldest_pending_ms < out->oldest_ms))
			out->oldest_ms = stats.oldest_pending_ms;
	}
	if (err != ERR_OK)
		app_rest(h->app);
	return err;
}

enum outcome handle_health(struct handling *h)
{
	struct health health = {0};
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	enum err err = gather(h, &health);
	/* held back for a moment, while its log is started over: it is well */
	const bool well = err == ERR_OK || err == ERR_AGAIN;
	const char *store = err == ERR_AGAIN ? "busy" : "ok";

	h->ans->status = well ? 200 : 503;
	json_open(&w, '{');
	json_key(&w, "status");
	json_string(&w, str_of(well ? "ok" : "unavailable"));
	json_key(&w, "store");
	json_string(&w, str_of(well ? store : "unavailable"));
	if (err == ERR_OK) {
		json_key(&w, "pending");
		json_int(&w, health.pending);
		json_key(&w, "processing");
		json_int(&w, health.processing);
		json_key(&w, "oldestPendingAt");
		if (health.oldest_ms)
			json_string(&w, units_time(h->arena, health.oldest_ms));
		else
			json_null(&w);
	} else if (!well) {
		answer_retry_after(&h->c, NULL, h->ans);
	}
	json_close(&w, '}');
	answer_header(h->ans, "Content-Type", STR("application/json"));
	h->ans->body = arena_str(h->arena, buf_str(&out));
	buf_release(&out);
	return OUTCOME_ANSWER;
}
