#include "cgi/events.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/event-text.h"
#include "cgi/events-parts.h"
#include "cgi/ids.h"
#include "lib/buf.h"

/*
 * Server-sent events (contract 6): one job's until it has ended, or all of one
 * owner's. Nothing is remembered of a stream but the version it was told up
 * to; what comes next is read from the rows each time, so whoever was away, or
 * was slow, is told the newest of each job and nothing twice.
 *
 * A stream is told, for one job: its event, whenever the row's version has
 * moved; at the job's end that and the end. For an owner: the events of all
 * rows with a greater version, in order of version. One that begins without
 * Last-Event-ID is told what a job is now; of an owner's, only what changes
 * from then on. `id` stands at the beginning, too, and beside each sign of
 * life: a browser whose connection breaks before any event names it all the
 * same, and misses nothing.
 *
 * In struct waiting: .version is how far it was told (before it begins: what
 * Last-Event-ID said), .answer_boot when the next sign of life is due (before:
 * when the stream has to end, which is .deadline_boot afterwards). .probe
 * stands until it has begun: the store was away when it was asked for.
 *
 * Who was let in by a token is told no longer than that holds, and may come
 * again with another.
 */
#define ALIVE_MS 15000
#define ALIVE_STEP_MS 1000   /* those of one second are one wake-up */
#define AWAY_AGAIN_MS 1000   /* the store is away, and a stream has time */
#define TOKEN_LEAST_MS 30000 /* one that ends just now, within its leeway */
#define TYPE "text/event-stream"

struct event_cache {
	const struct config *config; /* what it was written by */
	uint8_t id[JOB_ID_BYTES];
	int64_t version; /* 0 = nothing is here */
	struct buf document;
};

struct event_cache *event_cache_new(void)
{
	struct event_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		abort();
	return cache;
}

void event_cache_free(struct event_cache *cache)
{
	if (cache)
		buf_release(&cache->document);
	free(cache);
}

/* ---- one event ----------------------------------------------------------- */

static bool is_cached(const struct handling *h)
{
	const struct event_cache *cache = h->app->events;

	return cache && cache->version == h->row.version &&
	       cache->config == h->app->config &&
	       memcmp(cache->id, h->row.id, JOB_ID_BYTES) == 0;
}

static void keep(const struct handling *h, struct str document)
{
	struct event_cache *cache = h->app->events;

	if (!cache)
		return;
	cache->config = h->app->config;
	memcpy(cache->id, h->row.id, JOB_ID_BYTES);
	cache->version = h->row.version;
	buf_clear(&cache->document);
	buf_put_str(&cache->document, document);
}

/* What is said of the row in hand: the document of C. */
static enum err find_document(struct handling *h, struct str *out)
{
	struct answer document = {0};
	enum err err = ERR_OK;

	if (is_cached(h)) {
		*out = buf_str(&h->app->events->document);
		return ERR_OK;
	}
	if (h->bare)
		err = handling_open(h);
	if (err != ERR_OK)
		return err;
	answer_document(&h->c, 200, &h->job, &document);
	keep(h, document.body);
	*out = document.body;
	return ERR_OK;
}

enum err events_put(struct handling *h, struct str name, struct buf *out)
{
	struct str document;
	enum err err = find_document(h, &document);

	if (err == ERR_OK)
		event_put(out, h->row.version, name, document);
	return err;
}

struct str events_name(const struct handling *h)
{
	return event_name(h->wait->events, h->job.api, &h->row);
}

/* ---- what a stream says -------------------------------------------------- */

void events_give(struct handling *h, struct buf *out)
{
	h->ans->body = arena_str(h->arena, buf_str(out));
	buf_release(out);
}

/* It has been told something: nothing more need be said for a while. */
void events_alive(struct handling *h)
{
	const int64_t due = h->now.boot_ms + ALIVE_MS;

	h->wait->answer_boot = h->wait->again_boot = due - due % ALIVE_STEP_MS;
}

/* Nothing has happened. */
enum outcome events_stay(struct handling *h)
{
	struct buf out = {0};

	if (h->now.boot_ms < h->wait->answer_boot) {
		h->wait->again_boot = h->wait->answer_boot;
		return OUTCOME_PARK;
	}
	event_put_comment(&out);
	event_put_id(&out, h->wait->version);
	events_give(h, &out);
	events_alive(h);
	return OUTCOME_STREAM;
}

/* The store says nothing just now, or what it has cannot be opened: the end. */
enum outcome events_stay_or_end(struct handling *h, enum err err)
{
	int64_t again = handling_again(h, err);

	if (!handling_may_pass(err))
		return OUTCOME_ANSWER;
	app_rest(h->app);
	if (err != ERR_AGAIN)
		again = h->now.boot_ms + AWAY_AGAIN_MS;
	enum outcome outcome = events_stay(h);
	if (again < h->wait->again_boot)
		h->wait->again_boot = again;
	return outcome;
}

/* ---- beginning ----------------------------------------------------------- */

void events_head(struct handling *h)
{
	h->ans->status = 200;
	answer_header(h->ans, "Content-Type", STR(TYPE));
	answer_header(h->ans, "X-Accel-Buffering", STR("no"));
}

void events_begun(struct handling *h)
{
	h->wait->probe = PROBE_NONE;
	h->wait->deadline_boot = h->wait->answer_boot;
	events_alive(h);
}

/* What it asks about cannot be had. */
enum outcome events_refuse(struct handling *h, enum err err)
{
	if (!h->r && h->wait->view == WAIT_EVENTS)
		h->c.request_id = ids_text(h->arena, h->wait->id);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
	if (!handling_may_pass(err) || h->now.boot_ms >= h->wait->deadline_boot)
		return handling_store_problem(h, err);
	h->wait->again_boot = handling_again(h, err);
	return OUTCOME_PARK;
}

enum outcome events_refuse_another(struct handling *h)
{
	return handling_problem(h, PROBLEM_QUEUE_FULL,
	    "Too many event streams are open; ask for the status instead, or "
	    "try again later.");
}

/* A stream is asked for. False: it is answered. */
static bool read_wishes(
    struct handling *h, enum event_view *view, int64_t *since)
{
	struct str text;

	if (h->app->plain ||
	    !event_is_accepted(request_header(h->r, "accept"))) {
		handling_problem(h, PROBLEM_NOT_ACCEPTABLE, NULL);
		return false;
	}
	*view = EVENT_ALL;
	if (route_has_query(h->arena, h->r->query, "view") &&
	    !(route_query(h->arena, h->r->query, "view", &text) &&
		event_read_view(text, view))) {
		handling_problem(h, PROBLEM_VALIDATION_FAILED,
		    "What may be said of view is all, command or alert.");
		return false;
	}
	/* the header is younger: a browser keeps the address it began with */
	*since = event_read_id(request_header(h->r, "last-event-id"));
	if (*since < 0 &&
	    route_query(h->arena, h->r->query, "lastEventId", &text))
		*since = event_read_id(text);
	return true;
}

static int64_t last_boot(const struct handling *h)
{
	int64_t left = h->ends_ms - h->now.wall_ms;

	if (!h->by_token)
		return INT64_MAX;
	return h->now.boot_ms + (left > TOKEN_LEAST_MS ? left : TOKEN_LEAST_MS);
}

bool events_prepare(struct handling *h, enum wait_view kind, size_t api)
{
	enum event_view view;
	int64_t since;

	if (!read_wishes(h, &view, &since))
		return false;
	*h->wait = (struct waiting){.api = (uint32_t)api,
	    .came_boot = h->came_boot,
	    .view = kind,
	    .events = view,
	    .version = since,
	    .answer_boot = last_boot(h),
	    .deadline_boot = h->asked_boot + STORE_PATIENCE_MS,
	    .waited_ms = -1,
	    .origin = h->c.origin,
	    .probe = PROBE_ID};
	return true;
}

/* ---- one job ------------------------------------------------------------- */

/*
 * One that has ended and has nothing new to tell is 204, which a browser takes
 * for the end of it; anything else it would ask for again and again.
 */
static enum outcome begin_job(struct handling *h)
{
	enum err err = handling_load(h, h->wait->api, h->wait->id);

	if (err != ERR_OK)
		return events_refuse(h, err);
	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	const bool final = job_is_terminal(h->row.state);
	const struct str name = events_name(h);
	const bool tells = name.n && h->row.version > h->wait->version;
	struct buf out = {0};
	if (final && !tells) {
		h->ans->status = 204;
		return OUTCOME_ANSWER;
	}
	if (!final && h->now.streams_full)
		return events_refuse_another(h);
	event_put_retry(&out);
	if (!tells)
		event_put_id(&out, h->row.version);
	else
		err = events_put(h, name, &out);
	if (err != ERR_OK) {
		buf_release(&out);
		return events_refuse(h, err);
	}
	events_head(h);
	events_give(h, &out);
	h->wait->version = h->row.version;
	events_begun(h);
	return final ? OUTCOME_ANSWER : OUTCOME_STREAM;
}

static enum outcome resume_job(struct handling *h)
{
	struct buf out = {0};

	h->bare = true;
	enum err err = handling_load(h, h->wait->api, h->wait->id);
	if (err != ERR_OK)
		return events_stay_or_end(h, err);
	if (handling_expired(h))
		return OUTCOME_ANSWER;
	const bool final = job_is_terminal(h->row.state);
	const struct str name = events_name(h);
	if (h->row.version <= h->wait->version && !final)
		return events_stay(h);
	if (name.n)
		err = events_put(h, name, &out);
	else if (final)
		event_put_id(&out, h->row.version); /* then 204 */
	if (err != ERR_OK)
		return events_stay_or_end(h, err);
	h->wait->version = h->row.version;
	if (!out.len)
		return events_stay(h);
	events_give(h, &out);
	events_alive(h);
	return final ? OUTCOME_ANSWER : OUTCOME_STREAM;
}

enum outcome handle_events(struct handling *h)
{
	uint8_t id[JOB_ID_BYTES];

	if (!handling_find_job(h, id) ||
	    !events_prepare(h, WAIT_EVENTS, h->api))
		return OUTCOME_ANSWER;
	memcpy(h->wait->id, id, JOB_ID_BYTES);
	return begin_job(h);
}

/* ---- again --------------------------------------------------------------- */

enum outcome events_resume(struct handling *h)
{
	const bool one = h->wait->view == WAIT_EVENTS;

	if (h->wait->probe)
		return one ? begin_job(h) : events_begin_owner(h);
	return one ? resume_job(h) : events_resume_owner(h);
}
