#include "cgi/handle.h"
#include "cgi/ids.h"
#include "cgi/told.h"

/*
 * What is logged of answers: that a job's end was told, once; and, for whoever
 * looks for a fault, each answer. Names and numbers of ours alone: of what a
 * client wrote only a trace id that was checked to be one.
 */
static const char *const routes[] = {
    [ROUTE_NONE] = "none",
    [ROUTE_METHOD] = "method",
    [ROUTE_OPTIONS] = "options",
    [ROUTE_API] = "accept",
    [ROUTE_JOB] = "status",
    [ROUTE_JOB_RESULT] = "result",
    [ROUTE_JOB_CANCEL] = "cancel",
    [ROUTE_EVENTS] = "events",
    [ROUTE_HEALTH] = "health",
    [ROUTE_LIST] = "list",
    [ROUTE_OWNER_EVENTS] = "owner-events",
};

struct str answered_owner(struct handling *h, const uint8_t *owner)
{
	char text[2 * JOB_OWNER_BYTES + 1];

	if (ids_is_anonymous(owner))
		return STR("anonymous");
	ids_owner_text(owner, text);
	return arena_str(h->arena, str_of(text));
}

/* By its accept's, all that happens to a job is found together. */
static struct str trace_of(const struct handling *h)
{
	const struct str trace = h->job.meta.traceparent;

	return trace.n ? trace : h->c.traceparent;
}

void handling_log(struct handling *h, const struct job *job, const char *event)
{
	if (!log_says(h->app->log, LOG_INFO))
		return;
	LOG(h->app->log, h->now.wall_ms, event,
	    LOG_STR("jobId", answer_id(h->arena, job)),
	    LOG_STR("api", h->job.api->name),
	    LOG_STR("owner", answered_owner(h, job->owner)),
	    LOG_TEXT("state", job_state_text(job->state)),
	    LOG_STR("traceparent", trace_of(h)));
}

/* 304: whoever has it was told before. */
static bool tells_end(const struct handling *h)
{
	return h->has_job && job_is_terminal(h->row.state) &&
	       !handling_expired(h) && h->ans->status != 304 &&
	       h->ans->status < 600;
}

static void log_end(struct handling *h)
{
	const int64_t age_ms = h->now.wall_ms - h->row.accepted_ms;

	LOG(h->app->log, h->now.wall_ms, "job-answered",
	    LOG_STR("jobId", answer_id(h->arena, &h->row)),
	    LOG_STR("api", h->app->config->apis[h->api].name),
	    LOG_STR("owner", answered_owner(h, h->row.owner)),
	    LOG_INT("status", h->ans->status),
	    LOG_TEXT("state", job_state_text(h->row.state)),
	    LOG_STR("traceparent", trace_of(h)),
	    LOG_INT("sinceAcceptMs", age_ms > 0 ? age_ms : 0),
	    LOG_INT("waitedMs", h->now.boot_ms - h->came_boot));
}

static void log_each(struct handling *h)
{
	const bool waited = h->resumed || h->half;

	DEBUG_LOG(h->app->log, h->now.wall_ms, "request-answered",
	    LOG_TEXT("route", waited ? "waited" : routes[h->route.kind]),
	    LOG_STR(
		"jobId", h->has_job ? answer_id(h->arena, &h->row) : STR("")),
	    LOG_STR("api",
		h->has_job ? h->app->config->apis[h->api].name : STR("")),
	    LOG_INT("status", h->ans->status),
	    LOG_STR("traceparent", h->c.traceparent),
	    LOG_INT("waitedMs", h->now.boot_ms - h->came_boot));
}

void answered_log(struct handling *h)
{
	const struct log *log = h->app->log;

	if (!log_says(log, LOG_INFO))
		return;
	if (tells_end(h) && told_first(h->app->told, h->row.id))
		log_end(h);
	if (log_says(log, LOG_DEBUG))
		log_each(h);
}
