#include <string.h>

#include "cgi/handle.h"
#include "cgi/ids.h"

/*
 * Everything that asks about a job that is there: contract 4's columns A to E,
 * once for a request that comes and once for one that waited.
 */

/* ---- waiting ------------------------------------------------------------ */

void handling_waited(struct handling *h, int64_t waited_ms, enum prefer prefer)
{
	h->waited_ms = waited_ms;
	h->prefer = prefer;
}

bool handling_is_final(const struct handling *h, enum wait_view view)
{
	return job_is_terminal(h->row.state) ||
	       (h->row.needs && (view == WAIT_FIRST || view == WAIT_REPEAT));
}

enum outcome handling_park(struct handling *h, enum wait_view view,
    int64_t version, int64_t ms, int64_t waited_ms, enum prefer prefer)
{
	const int64_t most = h->app->plain ? h->app->plain_wait_ms : ms;
	const int64_t until = h->asked_boot + (ms < most ? ms : most);

	if (waited_ms > most && h->app->plain)
		waited_ms = most;
	if (until <= h->now.boot_ms || handling_is_final(h, view)) {
		handling_waited(h, waited_ms, prefer);
		return handling_answer(h, view);
	}
	*h->wait = (struct waiting){.api = (uint32_t)h->api,
	    .came_boot = h->came_boot,
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
	    .came_boot = h->came_boot,
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

/* It rests until the same request comes with another credential. */
static void answer_needs(struct handling *h)
{
	answer_problem(
	    &h->c, PROBLEM_UNAUTHORIZED, ANSWER_NEEDS, &h->job, h->ans);
	answer_retry_after(&h->c, &h->job, h->ans);
	handling_challenge(h, h->job.api);
}

static void answer_repeat(struct handling *h)
{
	if (h->row.needs)
		answer_needs(h);
	else
		answer_result(&h->c, &h->job, h->ans);
}

static void answer_first(struct handling *h)
{
	if (handling_is_final(h, WAIT_FIRST))
		answer_repeat(h);
	else
		answer_accepted(&h->c, &h->job, h->ans);
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
	if (h->onto_location && answer_location(&h->job).n) {
		answer_document(&h->c, 303, &h->job, h->ans);
		answer_header(h->ans, "Location", answer_location(&h->job));
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
	enum outcome outcome;

	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (once_rules(h, view) && !once_may_deliver(h, view, &outcome))
		return outcome;
	views[view](h);
	return OUTCOME_ANSWER;
}

/* ---- requests for a job ------------------------------------------------- */

bool handling_find_job(struct handling *h, uint8_t id[JOB_ID_BYTES])
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

enum outcome handling_lost(struct handling *h, enum wait_view view,
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

	if (!handling_find_job(h, id))
		return OUTCOME_ANSWER;
	h->onto_location = wants_redirect(h);
	h->tags = request_header(h->r, "if-none-match");
	enum err err = handling_load(h, h->api, id);
	if (err != ERR_OK)
		return handling_lost(h, WAIT_STATUS, id, err);
	int64_t wait = asked_wait(h);
	if (h->known >= 0 && wait > 0 && !job_is_terminal(h->row.state))
		return handling_park(
		    h, WAIT_STATUS, h->known, wait, wait, PREFER_WAIT);
	if (!handling_may_look(h))
		return OUTCOME_ANSWER;
	return handling_answer(h, WAIT_STATUS);
}

enum outcome handle_job_result(struct handling *h)
{
	uint8_t id[JOB_ID_BYTES];

	if (!handling_find_job(h, id))
		return OUTCOME_ANSWER;
	h->tags = request_header(h->r, "if-none-match");
	enum err err = handling_load(h, h->api, id);
	if (err != ERR_OK)
		return handling_lost(h, WAIT_RESULT, id, err);
	int64_t wait = asked_wait(h);
	if (wait > 0 && !job_is_terminal(h->row.state))
		return handling_park(
		    h, WAIT_RESULT, -1, wait, wait, PREFER_WAIT);
	return handling_answer(h, WAIT_RESULT);
}

enum outcome handle_job(struct handling *h)
{
	struct str purge;

	if (!str_is(h->r->method, "DELETE"))
		return get_job(h);
	/* erasing is asked for in so many words: never mistaken for cancel */
	if (!route_has_query(h->arena, h->r->query, "purge"))
		return handle_job_cancel(h);
	if (route_query(h->arena, h->r->query, "purge", &purge) &&
	    str_is(purge, "1"))
		return handle_job_purge(h);
	return handling_problem(h, PROBLEM_VALIDATION_FAILED,
	    "What may be said of purge is purge=1.");
}
