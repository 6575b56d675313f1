#include "cgi/attempt.h"

#include <stdlib.h>

#include "cgi/ids.h"
#include "cgi/seal.h"

/*
 * An attempt's outcome is decided by who ends it: the upstream's answer
 * (outcome.c), the deadline, the drain, or the request itself when no call can
 * be made of it. Each fills .outcome; none of them writes to the store, which
 * is the runner's (runner-work.c), with attempt_seal() for what is kept.
 */
struct attempt *attempt_new(size_t api, const struct job *job)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (!attempt)
		abort();
	attempt->api = api;
	attempt->job = *job;
	attempt->why = "";
	return attempt;
}

void attempt_free(struct attempt *attempt)
{
	if (!attempt)
		return;
	arena_release(&attempt->arena);
	arena_release(&attempt->answers);
	free(attempt);
}

static void end_unusable(
    struct attempt *t, struct str message, const struct outcome_now *now)
{
	outcome_unusable(&t->job, message, now, &t->outcome);
	t->why = arena_cstr(&t->arena, message);
}

void attempt_prepare(struct attempt *t, const struct config *config,
    const struct keys *keys, struct str sealed, const struct outcome_now *now)
{
	const struct api *api = &config->apis[t->api];
	struct str plain, why;

	t->compose =
	    (struct compose){.upstream = config_upstream(config, api->upstream),
		.api = api,
		.request = &t->request,
		.job_id = ids_text(&t->arena, t->job.id)};
	if (seal_open(keys, &t->job, BODY_REQUEST, sealed, &t->arena, &plain) !=
		ERR_OK ||
	    envelope_get_request(&t->arena, plain, &t->request) != ERR_OK)
		end_unusable(t, STR("the stored request cannot be read"), now);
	else if (api->noop)
		outcome_echo(&t->job, compose_type(&t->compose),
		    t->request.body, now, &t->outcome);
	else if (!t->compose.upstream)
		end_unusable(t, STR("this API has no upstream"), now);
	else if (compose_call(&t->arena, &t->compose, &t->call, &why) != ERR_OK)
		end_unusable(t, why, now);
	else
		t->callable = true;
}

void attempt_answered(struct attempt *t, struct arena *arena,
    const struct upstream_answer *answer, const struct outcome_now *now)
{
	t->answers = *arena;
	*arena = (struct arena){0};
	outcome_of(
	    &t->arena, t->compose.api, &t->job, answer, now, &t->outcome);
	if (t->outcome.event.kind == JOB_EVENT_COMPLETE)
		t->outcome.result.location =
		    compose_location(&t->arena, &t->compose, answer);
	t->why = answer->why ? answer->why : "";
	t->phase = ATTEMPT_ENDED;
}

void attempt_overdue(
    struct attempt *t, bool unsent, const struct outcome_now *now)
{
	bool known = unsent || t->compose.api->idempotent;

	t->outcome = (struct outcome){.not_executed = unsent};
	t->outcome.event =
	    outcome_event(known ? JOB_EVENT_FAIL : JOB_EVENT_BROKEN, &t->job,
		now->now_ms, now->now_boot);
	t->outcome.event.reason = known ? REASON_DEADLINE : REASON_NONE;
	t->outcome.event.not_before_boot = now->now_boot;
	t->outcome.result.message =
	    STR("The deadline passed before the upstream answered.");
	t->why = "the deadline passed";
	t->phase = ATTEMPT_ENDED;
}

void attempt_released(struct attempt *t, const struct outcome_now *now)
{
	t->outcome = (struct outcome){0};
	t->outcome.event = outcome_event(
	    JOB_EVENT_RELEASE, &t->job, now->now_ms, now->now_boot);
	t->why = "given back before it was sent";
	t->phase = ATTEMPT_ENDED;
}

bool attempt_is_last(const struct attempt *t)
{
	struct job job = t->job;

	if (t->outcome.not_executed)
		job.sent = false;
	return job_step(t->compose.api, &job, &t->outcome.event, &job) ==
		   ERR_OK &&
	       job_is_terminal(job.state);
}

void attempt_seal(
    const struct attempt *t, const struct keys *keys, struct buf *out)
{
	struct buf plain = {0};

	envelope_put_result(&plain, &t->outcome.result);
	seal_close(keys, &t->job, BODY_RESULT, buf_str(&plain), out);
	buf_release(&plain);
}

void attempt_log(const struct attempt *t, const struct log *log, int64_t now_ms,
    const char *event)
{
	LOG(log, now_ms, event, LOG_STR("jobId", t->compose.job_id),
	    LOG_STR("api", t->compose.api->name),
	    LOG_TEXT("state", job_state_text(t->job.state)),
	    LOG_TEXT("reason", job_reason_problem(t->job.reason)),
	    LOG_INT("attempt", t->job.attempt),
	    LOG_INT("status", t->job.status),
	    LOG_INT("upstreamStatus", t->outcome.result.status),
	    LOG_TEXT("why", t->why));
}
