#include "cgi/app.h"

#include <string.h>

#include "cgi/asked.h"
#include "cgi/handle.h"
#include "cgi/ids.h"
#include "cgi/metrics.h"
#include "cgi/names.h"

#define TROUBLE_OVER_MS 1000 /* without a failure: it works again */

static void start(struct handling *h, struct app *app, struct app_now now,
    struct arena *a, struct answer *ans)
{
	*ans = (struct answer){0};
	*h = (struct handling){.app = app,
	    .now = now,
	    .asked_boot = now.boot_ms,
	    .came_boot = now.boot_ms,
	    .waited_ms = -1,
	    .arena = a,
	    .ans = ans};
	clock_guard_read(&app->guard, now.wall_ms, now.boot_ms);
	h->c = (struct answer_context){.config = app->config,
	    .arena = a,
	    .now_ms = now.wall_ms,
	    .estimates = app->estimates,
	    .streams = !app->plain,
	    .random = (uint32_t)asked_random(&app->seed)};
}

static void start_request(struct handling *h, const struct request *r)
{
	h->r = r;
	asked_begin(&h->c, r, &h->app->seed);
	h->ans->head = str_is(r->method, "HEAD");
}

static void put_waited(struct handling *h)
{
	const long long s = h->waited_ms / 1000;

	if (h->waited_ms < 0)
		return;
	answer_header(
	    h->ans, "x-wait-time-ms", arena_int(h->arena, h->waited_ms));
	if (h->prefer == PREFER_WAIT)
		answer_header(h->ans, "Preference-Applied",
		    arena_printf(h->arena, "wait=%lld", s));
	else if (h->prefer == PREFER_ASYNC && !h->waited_ms)
		answer_header(
		    h->ans, "Preference-Applied", STR("respond-async"));
}

/*
 * One that waited has its job's trace, unless nothing of that is left. No name
 * is made for it: a client that goes on under the name it is given back would
 * be another request then, and have its work done twice.
 */
static void put_trace(struct handling *h)
{
	if (!h->c.traceparent.n && !(h->has_job && h->job.meta.traceparent.n))
		h->c.traceparent = asked_new_trace(h->arena, &h->app->seed);
}

/* Whose it is, if it is of one: .api begins as the first, of whomever. */
static size_t api_of(const struct handling *h)
{
	if (h->has_job || h->half)
		return h->api;
	return h->r && h->route.kind == ROUTE_API ? h->route.api
						  : METRICS_NO_API;
}

static enum outcome finish(struct handling *h, enum outcome outcome)
{
	const bool begins =
	    outcome == OUTCOME_ANSWER || outcome == OUTCOME_STREAM;

	if (!begins || !h->ans->status) /* or more of what has begun */
		return outcome;
	put_waited(h);
	put_trace(h);
	answer_common(&h->c, h->has_job ? &h->job : NULL, h->ans);
	metrics_answered(h->app->metrics, api_of(h), h->ans->status);
	answered_log(h);
	return outcome;
}

/* ---- shared by the handlers --------------------------------------------- */

enum outcome handling_problem(
    struct handling *h, enum problem problem, const char *detail)
{
	answer_problem(
	    &h->c, problem, detail, h->has_job ? &h->job : NULL, h->ans);
	if (h->ans->status == 503)
		answer_retry_after(&h->c, NULL, h->ans);
	return OUTCOME_ANSWER;
}

enum outcome handling_store_problem(struct handling *h, enum err err)
{
	h->has_job = false;
	if (!h->half) /* of commits, note_trouble() knows */
		metrics_store_failed(h->app->metrics, err);
	if (err == ERR_CORRUPT)
		return handling_problem(h, PROBLEM_INTERNAL, NULL);
	if (err == ERR_FULL)
		return handling_problem(h, PROBLEM_STORE_FULL, NULL);
	return handling_problem(h, PROBLEM_STORE_UNAVAILABLE, NULL);
}

struct change *handling_change(
    struct handling *h, enum change_kind kind, const struct envelope_meta *meta)
{
	struct change *change = change_new(kind, h->api);
	struct arena *a = &change->arena;
	struct afterwards *then = arena_alloc(a, sizeof(*then));

	*then = (struct afterwards){.path = arena_str(a, h->c.path),
	    .request_id = arena_str(a, h->c.request_id),
	    .traceparent = arena_str(a, h->c.traceparent),
	    .origin = h->c.origin,
	    .head = h->ans->head,
	    .asked_boot = h->asked_boot,
	    .meta = {.request_id = arena_str(a, meta->request_id),
		.traceparent = arena_str(a, meta->traceparent)}};
	memcpy(then->owner, h->owner, JOB_OWNER_BYTES);
	change->then = then;
	*h->change = change;
	return change;
}

/* ---- addresses without a job -------------------------------------------- */

static enum outcome handle_none(struct handling *h)
{
	return handling_problem(h, PROBLEM_NOT_FOUND, NULL);
}

static enum outcome handle_method(struct handling *h)
{
	handling_problem(h, PROBLEM_METHOD_NOT_ALLOWED, NULL);
	answer_header(h->ans, "Allow", h->route.allow);
	return OUTCOME_ANSWER;
}

/* ---- requests ----------------------------------------------------------- */

static enum outcome (*const handlers[])(struct handling *h) = {
    [ROUTE_NONE] = handle_none,
    [ROUTE_METHOD] = handle_method,
    [ROUTE_OPTIONS] = handle_options,
    [ROUTE_API] = handle_accept,
    [ROUTE_JOB] = handle_job,
    [ROUTE_JOB_RESULT] = handle_job_result,
    [ROUTE_JOB_CANCEL] = handle_job_cancel,
    [ROUTE_HEALTH] = handle_health,
    [ROUTE_EVENTS] = handle_events,
    [ROUTE_LIST] = handle_list,
    [ROUTE_OWNER_EVENTS] = handle_owner_events,
};

enum outcome app_handle(struct app *app, struct app_now now, struct arena *a,
    const struct request *r, struct answer *ans, struct waiting *wait,
    struct change **change)
{
	struct handling h;

	*change = NULL;
	start(&h, app, now, a, ans);
	start_request(&h, r);
	h.wait = wait;
	h.change = change;
	route_find(a, app->config, r, &h.route);
	return finish(&h, handlers[h.route.kind](&h));
}

/* ---- changes that were made ---------------------------------------------- */

/* What is kept in the change goes with it: the answer has copies. */
static void start_afterwards(struct handling *h, const struct afterwards *then)
{
	struct arena *a = h->arena;

	h->asked_boot = then->asked_boot;
	h->came_boot = then->asked_boot;
	h->c.path = arena_str(a, then->path);
	h->c.request_id = arena_str(a, then->request_id);
	h->c.traceparent = arena_str(a, then->traceparent);
	h->c.origin = then->origin;
	h->ans->head = then->head;
	memcpy(h->owner, then->owner, JOB_OWNER_BYTES);
	h->job.meta.request_id = arena_str(a, then->meta.request_id);
	h->job.meta.traceparent = arena_str(a, then->meta.traceparent);
}

/*
 * Told when it begins, once more for each other kind, and when it is over: not
 * before a while, because a request that is too large for what is left of a
 * disk fails among others that do not.
 */
static void note_trouble(struct app *app, struct app_now now, enum err err)
{
	static const char *const why[ERR_COUNT] = {
	    [ERR_BUSY] = "another process keeps the store's turn; `lslocks` "
			 "names the one that has its write.lock",
	    [ERR_FULL] = "its disk is full; requests are refused until there "
			 "is room",
	    [ERR_IO] = "it cannot be read or written; see the system's log",
	    [ERR_CORRUPT] = "what it holds is damaged; stop lowtide and "
			    "restore a copy",
	};

	if (why[err]) {
		metrics_store_failed(app->metrics, err);
		if (!app->trouble)
			app->trouble_boot = now.boot_ms;
		if (!(app->trouble & 1u << err))
			ERROR_LOG(app->log, now.wall_ms, "store-failed",
			    LOG_TEXT("error", err_name(err)),
			    LOG_TEXT("why", why[err]));
		app->trouble |= 1u << err;
		app->failed_boot = now.boot_ms;
	} else if (app->trouble && err == ERR_OK &&
		   now.boot_ms - app->failed_boot >= TROUBLE_OVER_MS) {
		ERROR_LOG(app->log, now.wall_ms, "store-works-again",
		    LOG_INT("afterMs", now.boot_ms - app->trouble_boot));
		app->trouble = 0;
	}
}

enum outcome app_committed(struct app *app, struct app_now now, struct arena *a,
    struct change *change, struct answer *ans, struct waiting *wait)
{
	static enum outcome (*const halves[])(
	    struct handling * h, struct change * change) = {
	    [CHANGE_ACCEPT] = handle_accepted,
	    [CHANGE_CANCEL] = handle_cancelled,
	    [CHANGE_PURGE] = handle_purged,
	    [CHANGE_READ] = handle_read,
	    [CHANGE_RENEW] = handle_renewed,
	};
	struct handling h;

	note_trouble(app, now, change->err);
	start(&h, app, now, a, ans);
	if (!change->then) /* a note that nobody waits for */
		return OUTCOME_ANSWER;
	start_afterwards(&h, change->then);
	h.half = true;
	h.wait = wait;
	h.api = change->api;
	if (change->kind == CHANGE_ACCEPT && change->err == ERR_OK)
		metrics_accepted(
		    app->metrics, h.api, now.boot_ms - h.asked_boot);
	return finish(&h, halves[change->kind](&h, change));
}

/* ---- parked requests ----------------------------------------------------- */

/* Is what it waits for there? */
static bool is_due(const struct handling *h, const struct waiting *wait)
{
	return wait->probe || h->now.boot_ms >= wait->answer_boot ||
	       h->now.boot_ms >= wait->deadline_boot ||
	       handling_is_final(h, wait->view) ||
	       (wait->version >= 0 && h->row.version != wait->version);
}

/* One that asked by its own name keeps that: there may be no such job. */
static enum outcome answer_without(
    struct handling *h, const struct waiting *wait, enum err err)
{
	static const enum problem absent[] = {
	    [WAIT_FIRST] = PROBLEM_JOB_EXPIRED,
	    [WAIT_REPEAT] = PROBLEM_JOB_EXPIRED,
	    [WAIT_STATUS] = PROBLEM_JOB_NOT_FOUND,
	    [WAIT_RESULT] = PROBLEM_JOB_NOT_FOUND,
	};
	const bool by_name =
	    wait->probe == PROBE_NAME || wait->probe == PROBE_KEY;

	h->has_job = false;
	if (!by_name)
		h->c.request_id = ids_text(h->arena, wait->id);
	if (err != ERR_NOT_FOUND || by_name)
		return handling_store_problem(h, err);
	return handling_problem(
	    h, wait->probe ? absent[wait->view] : PROBLEM_JOB_EXPIRED, NULL);
}

static enum outcome answer_waiting(
    struct handling *h, const struct waiting *wait)
{
	h->known = wait->version;
	h->onto_location = wait->onto_location;
	if (wait->probe && wait->view == WAIT_REPEAT && !handling_expired(h) &&
	    memcmp(h->row.print, wait->print, JOB_PRINT_BYTES) != 0)
		return handling_problem(h,
		    wait->probe == PROBE_KEY ? PROBLEM_IDEMPOTENCY_KEY_REUSED
					     : PROBLEM_ID_CONFLICT,
		    NULL);
	handling_waited(h, wait->waited_ms, wait->prefer);
	return handling_answer(h, wait->view);
}

/*
 * A store that is away is asked again until the deadline, which for that is
 * later than what the client waits for.
 */
enum outcome app_resume(struct app *app, struct app_now now, struct arena *a,
    struct waiting *wait, struct answer *ans, struct change **change)
{
	struct handling h;
	enum outcome outcome;

	*change = NULL;
	start(&h, app, now, a, ans);
	h.resumed = true;
	h.change = change;
	h.came_boot = wait->came_boot;
	h.c.origin = wait->origin;
	ans->head = wait->head;
	if (wait->view == WAIT_EVENTS || wait->view == WAIT_OWNER_EVENTS) {
		h.wait = wait;
		return finish(&h, events_resume(&h));
	}
	enum err err = handling_load(&h, wait->api, wait->id);
	if (handling_may_pass(err) && now.boot_ms < wait->deadline_boot) {
		wait->again_boot = handling_again(&h, err);
		return OUTCOME_PARK;
	}
	if (err != ERR_OK) {
		outcome = answer_without(&h, wait, err);
	} else if (!is_due(&h, wait)) {
		wait->again_boot = wait->answer_boot;
		return OUTCOME_PARK;
	} else {
		outcome = answer_waiting(&h, wait);
	}
	return finish(&h, outcome);
}

void app_refuse(struct app *app, struct app_now now, struct arena *a,
    enum err err, struct answer *ans)
{
	struct handling h;
	enum problem problem = PROBLEM_INTERNAL;

	if (err == ERR_TOO_LARGE)
		problem = PROBLEM_HEADER_FIELDS_TOO_LARGE;
	else if (err == ERR_INPUT || err == ERR_SYNTAX)
		problem = PROBLEM_VALIDATION_FAILED;
	else if (err == ERR_FULL || err == ERR_BUSY)
		problem = PROBLEM_QUEUE_FULL;
	start(&h, app, now, a, ans);
	put_trace(&h);
	/* one that there is no room for has a name, which is not known here */
	if (problem != PROBLEM_QUEUE_FULL)
		h.c.request_id = asked_id_of_trace(h.c.traceparent);
	finish(&h, handling_problem(&h, problem, NULL));
}
