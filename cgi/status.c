#include <string.h>

#include "cgi/handle.h"
#include "cgi/ids.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/units.h"

/*
 * Everything that asks about a job that is there: contract 4's columns A to E,
 * once for a request that comes and once for one that waited.
 */

/* ---- waiting ------------------------------------------------------------ */

void handling_waited(struct handling *h, int64_t waited_ms, bool prefer)
{
	if (waited_ms < 0)
		return;
	answer_header(h->ans, "x-wait-time-ms",
	    arena_printf(h->arena, "%lld", (long long)waited_ms));
	if (prefer && waited_ms == 0)
		answer_header(
		    h->ans, "Preference-Applied", STR("respond-async"));
	else if (prefer)
		answer_header(h->ans, "Preference-Applied",
		    arena_printf(
			h->arena, "wait=%lld", (long long)(waited_ms / 1000)));
}

enum outcome handling_park(struct handling *h, enum wait_view view,
    int64_t version, int64_t ms, int64_t waited_ms, bool prefer)
{
	const int64_t until = h->asked_boot + ms;

	if (until <= h->now.boot_ms) {
		handling_waited(h, waited_ms, prefer);
		return handling_answer(h, view);
	}
	*h->wait = (struct waiting){.api = (uint32_t)h->api,
	    .view = view,
	    .version = version,
	    .answer_boot = until,
	    .deadline_boot = until + STORE_PATIENCE_MS,
	    .again_boot = until,
	    .waited_ms = waited_ms,
	    .origin = h->c.origin,
	    .head = h->ans->head,
	    .onto_location = h->onto_location,
	    .prefer = prefer};
	memcpy(h->wait->id, h->row.id, JOB_ID_BYTES);
	return OUTCOME_PARK;
}

enum outcome handling_probe(struct handling *h, enum wait_view view,
    enum wait_probe probe, size_t api, const uint8_t id[JOB_ID_BYTES],
    enum err err)
{
	*h->wait = (struct waiting){.api = (uint32_t)api,
	    .view = view,
	    .version = -1,
	    .answer_boot = h->now.boot_ms,
	    .deadline_boot = h->asked_boot + STORE_PATIENCE_MS,
	    .again_boot = handling_again(h, err),
	    .waited_ms = -1,
	    .origin = h->c.origin,
	    .head = h->ans->head,
	    .onto_location = h->onto_location,
	    .probe = probe};
	memcpy(h->wait->id, id, JOB_ID_BYTES);
	return OUTCOME_PARK;
}

/* ---- answers by view ---------------------------------------------------- */

static void put_etag(struct handling *h)
{
	answer_header(h->ans, "ETag", answer_etag(h->arena, &h->row));
}

static void answer_first(struct handling *h)
{
	if (job_is_terminal(h->row.state))
		answer_result(&h->c, &h->job, h->ans);
	else
		answer_accepted(&h->c, &h->job, h->ans);
}

static void answer_repeat(struct handling *h)
{
	answer_result(&h->c, &h->job, h->ans);
}

static void answer_unchanged(struct handling *h)
{
	h->ans->status = 304;
	put_etag(h);
	if (!job_is_terminal(h->row.state))
		answer_retry_after(&h->c, &h->job, h->ans);
}

static void answer_status(struct handling *h)
{
	if (h->onto_location && h->row.state == JOB_COMPLETED &&
	    h->job.result.location.n) {
		answer_document(&h->c, 303, &h->job, h->ans);
		answer_header(h->ans, "Location", h->job.result.location);
	} else if (h->known == h->row.version) {
		answer_unchanged(h);
		return;
	} else {
		answer_document(&h->c, 200, &h->job, h->ans);
	}
	put_etag(h);
}

/* A failed or cancelled job has no result that could be unchanged. */
static void answer_stored(struct handling *h)
{
	if (h->known == h->row.version && h->row.state == JOB_COMPLETED) {
		answer_unchanged(h);
		return;
	}
	answer_result(&h->c, &h->job, h->ans);
	put_etag(h);
}

enum outcome handling_answer(struct handling *h, enum wait_view view)
{
	static void (*const views[])(struct handling * h) = {
	    [WAIT_FIRST] = answer_first,
	    [WAIT_REPEAT] = answer_repeat,
	    [WAIT_STATUS] = answer_status,
	    [WAIT_RESULT] = answer_stored,
	};

	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	views[view](h);
	return OUTCOME_ANSWER;
}

/* ---- requests for a job ------------------------------------------------- */

/*
 * The id of the address: read, its API found, its MAC checked for whoever
 * asks, all before the store is touched. False: answered, each way with the
 * same constant body.
 */
static bool find_job(struct handling *h, uint8_t id[JOB_ID_BYTES])
{
	const struct config *config = h->app->config;

	if (ids_read(h->route.id, id) != ERR_OK ||
	    ids_api(config, id, &h->api) != ERR_OK) {
		handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
		return false;
	}
	if (!handling_owner(h, &config->apis[h->api]))
		return false;
	if (ids_verify(h->app->keys, id, h->owner) != ERR_OK) {
		handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
		return false;
	}
	return true;
}

/* The job could not be had. */
static enum outcome answer_lost(struct handling *h, enum wait_view view,
    const uint8_t id[JOB_ID_BYTES], enum err err)
{
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
	if (handling_may_pass(err))
		return handling_probe(h, view, PROBE_ID, h->api, id, err);
	return handling_store_problem(h, err);
}

static bool wants_redirect(const struct handling *h)
{
	struct str value;

	return route_query(h->arena, h->r->query, "onComplete", &value) &&
	       str_is(value, "redirect");
}

/* A wait that was asked for, within what this API lets anybody wait. */
static int64_t asked_wait(const struct handling *h)
{
	int64_t ms = pattern_prefer_ms(h->r);
	int64_t most = pattern_wait_max(h->job.api);

	return ms > most ? most : ms;
}

/*
 * C, and the long poll: version known and a wait asked for. One that had to
 * wait for the store is answered in full, whatever it knows.
 */
static enum outcome get_job(struct handling *h)
{
	uint8_t id[JOB_ID_BYTES];

	if (!find_job(h, id))
		return OUTCOME_ANSWER;
	h->onto_location = wants_redirect(h);
	h->tags = request_header(h->r, "if-none-match");
	enum err err = handling_load(h, h->api, id);
	if (err != ERR_OK)
		return answer_lost(h, WAIT_STATUS, id, err);
	int64_t wait = asked_wait(h);
	if (h->known >= 0 && wait > 0 && !job_is_terminal(h->row.state))
		return handling_park(
		    h, WAIT_STATUS, h->known, wait, wait, true);
	return handling_answer(h, WAIT_STATUS);
}

enum outcome handle_job_result(struct handling *h)
{
	uint8_t id[JOB_ID_BYTES];

	if (!find_job(h, id))
		return OUTCOME_ANSWER;
	h->tags = request_header(h->r, "if-none-match");
	enum err err = handling_load(h, h->api, id);
	if (err != ERR_OK)
		return answer_lost(h, WAIT_RESULT, id, err);
	int64_t wait = asked_wait(h);
	if (wait > 0 && !job_is_terminal(h->row.state))
		return handling_park(h, WAIT_RESULT, -1, wait, wait, true);
	return handling_answer(h, WAIT_RESULT);
}

/* ---- cancelling --------------------------------------------------------- */

/* E. A job that has ended is shown as it is: asking twice does no harm. */
static enum outcome answer_cancel(struct handling *h)
{
	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	answer_document(
	    &h->c, job_is_terminal(h->row.state) ? 200 : 202, &h->job, h->ans);
	return OUTCOME_ANSWER;
}

enum outcome handle_job_cancel(struct handling *h)
{
	uint8_t id[JOB_ID_BYTES];

	if (!find_job(h, id))
		return OUTCOME_ANSWER;
	enum err err = handling_load(h, h->api, id);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
	/* readers are held back: a commit finds what there is */
	const bool unseen = err == ERR_AGAIN;
	if (err != ERR_OK && !unseen)
		return handling_store_problem(h, err);
	if (unseen)
		memcpy(h->row.id, id, JOB_ID_BYTES);
	else if (job_is_terminal(h->row.state))
		return answer_cancel(h);
	struct change *change = handling_change(h, CHANGE_CANCEL, &h->job.meta);
	((struct afterwards *)change->then)->unseen = unseen;
	change->job = h->row;
	change->event = (struct job_event){.kind = JOB_EVENT_CANCEL,
	    .now_ms = h->now.wall_ms,
	    .now_boot = h->now.boot_ms};
	return OUTCOME_COMMIT;
}

/* Who could not be looked at has a name that is not in hand. */
static void find_name(struct handling *h, const struct change *change)
{
	if (handling_load(h, h->api, change->job.id) != ERR_OK)
		h->row = change->job;
}

/* One that has ended meanwhile has a result, and that is not in hand. */
static enum outcome answer_ended(
    struct handling *h, const struct change *change)
{
	enum err err = handling_load(h, h->api, change->job.id);

	if (err == ERR_OK)
		return answer_cancel(h);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (err == ERR_AGAIN)
		return handling_probe(
		    h, WAIT_STATUS, PROBE_ID, h->api, change->job.id, err);
	return handling_store_problem(h, err);
}

enum outcome handle_cancelled(struct handling *h, struct change *change)
{
	const struct afterwards *then = change->then;
	const enum err err = change->err;

	h->job.api = &h->app->config->apis[h->api];
	h->job.job = &h->row;
	h->row = change->job;
	if (err == ERR_OK) {
		h->has_job = true;
		LOG(h->app->log, h->now.wall_ms, "job-cancel",
		    LOG_STR("jobId", answer_id(h->arena, &h->row)),
		    LOG_STR("api", h->job.api->name),
		    LOG_TEXT("status", job_state_text(h->row.state)));
		if (then->unseen)
			find_name(h, change);
		return answer_cancel(h);
	}
	if (err == ERR_CONFLICT || err == ERR_STALE)
		return answer_ended(h, change);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h,
		    then->unseen ? PROBLEM_JOB_NOT_FOUND : PROBLEM_JOB_EXPIRED,
		    NULL);
	return handling_store_problem(h, err);
}

enum outcome handle_job(struct handling *h)
{
	struct str purge;

	if (!str_is(h->r->method, "DELETE"))
		return get_job(h);
	/* erasing is asked for in so many words: never mistaken for cancel */
	if (route_query(h->arena, h->r->query, "purge", &purge))
		return handling_problem(h, PROBLEM_VALIDATION_FAILED,
		    "Purging a job is not available here.");
	return handle_job_cancel(h);
}

/* ---- health ------------------------------------------------------------- */

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
