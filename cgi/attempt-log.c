#include "cgi/attempt.h"

#include "cgi/ids.h"
#include "cgi/names.h"

/*
 * What the log says of an attempt: who, which, how it went and how long it
 * took. Of what a client sent only a trace id that is shaped as one.
 */
static struct str trace_of(const struct attempt *t)
{
	for (size_t i = 0; i < t->request.headers.n; i++) {
		const struct pair *h = &t->request.headers.items[i];

		if (str_is(h->name, "traceparent") && names_is_trace(h->value))
			return h->value;
	}
	return (struct str){0};
}

static int64_t at_least_0(int64_t ms)
{
	return ms > 0 ? ms : 0;
}

void attempt_log(const struct attempt *t, const struct log *log,
    const struct outcome_now *now, const char *event)
{
	char owner[2 * JOB_OWNER_BYTES + 1] = "anonymous";

	if (!ids_is_anonymous(t->job.owner))
		ids_owner_text(t->job.owner, owner);
	const struct log_field fields[] = {
	    LOG_STR("jobId", t->compose.job_id),
	    LOG_STR("api", t->compose.api->name),
	    LOG_TEXT("owner", owner),
	    LOG_STR("traceparent", trace_of(t)),
	    LOG_TEXT("state", job_state_text(t->job.state)),
	    LOG_TEXT("reason", job_reason_problem(t->job.reason)),
	    LOG_INT("attempt", t->job.attempt),
	    LOG_INT("status", t->job.status),
	    LOG_INT("upstreamStatus", t->upstream_status),
	    LOG_TEXT("why", t->why),
	    LOG_INT("queuedMs", at_least_0(t->claimed_ms - t->job.accepted_ms)),
	    LOG_INT("runMs", at_least_0(now->now_boot - t->claimed_boot)),
	    /* of programs alone */
	    LOG_INT("exitStatus", t->exit_status),
	};
	const size_t n = sizeof(fields) / sizeof(fields[0]);

	log_event(log, now->now_ms, event, fields,
	    t->compose.api->exec.n ? n : n - 1);
}
