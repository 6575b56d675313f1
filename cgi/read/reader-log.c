#include "cgi/read/reader-parts.h"

/*
 * What is logged of reads. Names and numbers of ours alone: no path, no
 * identifier, nothing that a client or an upstream wrote but a trace id that
 * was checked to be one.
 */
static const char *route_of(const struct reading *h)
{
	if (h->read)
		return "read";
	switch (h->route.kind) {
	case ROUTE_OPTIONS:
		return "options";
	case ROUTE_METHOD:
		return "method";
	default:
		return "none";
	}
}

void reading_log(const struct reading *h)
{
	DEBUG_LOG(h->reader->spec.log, h->now.wall_ms, "read-answered",
	    LOG_TEXT("route", route_of(h)),
	    LOG_STR("read", h->read ? h->read->name : STR("")),
	    LOG_INT("status", h->ans->status),
	    LOG_TEXT("complete", h->complete ? "true" : "false"),
	    LOG_STR("traceparent", h->c.traceparent),
	    LOG_INT("ms", h->now.boot_ms - h->came_boot));
}

/* One line for a call and what became of it, however many identifiers. */
static void log_kind(const struct reading *h, const struct read_call *call,
    enum plan_failure type, const struct read_result *result)
{
	const struct read_failure *first = NULL;
	int64_t n = 0;

	for (size_t i = 0; i < result->n_failures; i++) {
		const struct read_failure *f = &result->failures[i];
		if (f->type != type || !str_eq(f->endpoint, call->name))
			continue;
		if (!n++)
			first = f;
	}
	if (first)
		LOG(h->reader->spec.log, h->now.wall_ms, "read-failed",
		    LOG_STR("read", h->read->name), LOG_STR("call", call->name),
		    LOG_STR("upstream", call->upstream),
		    LOG_TEXT("failureType", read_failure_names[type]),
		    LOG_INT("upstreamStatus", first->status),
		    LOG_STR("why", first->why.n ? first->why : first->message),
		    LOG_INT("times", n), LOG_INT("status", h->ans->status),
		    LOG_STR("traceparent", h->c.traceparent),
		    LOG_INT("ms", h->now.boot_ms - h->came_boot));
}

void reading_log_failures(
    const struct reading *h, const struct read_result *result)
{
	if (!result->n_failures || !log_says(h->reader->spec.log, LOG_INFO))
		return;
	for (size_t i = 0; i < h->read->n_calls; i++)
		for (int type = PLAN_OK + 1; type < PLAN_FAILURES; type++)
			log_kind(h, &h->read->calls[i], (enum plan_failure)type,
			    result);
}
