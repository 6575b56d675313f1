#include "cgi/outcome.h"

#include <string.h>

#include "cgi/names.h"

/*
 * An answer falls into one class, and the class is a row of this table.
 *
 * not_executed: the upstream says, or we know, that nothing was done; so it
 *     may be sent again whatever the API is.
 * again: who may have it sent again while attempts are left. An attempt
 *     without a complete answer is none of our decisions: BROKEN asks
 *     job_step(), which knows on_lost.
 * kind, reason: how it ends otherwise.
 *
 * A 401 where a credential of the client goes upstream does not end a job: it
 * rests until the same request comes with another one (job_step() counts).
 * An upstream's 202 ends as 200 until such upstreams are polled.
 */
enum again { NEVER, IDEMPOTENT, ALWAYS };
enum answer_class {
	CLASS_UNSENT,
	CLASS_TIMEOUT,
	CLASS_BROKEN,
	CLASS_TOO_LARGE,
	CLASS_DONE,	   /* 2xx */
	CLASS_REDIRECT,	   /* 3xx, and anything that is no final status */
	CLASS_REFUSED,	   /* 4xx */
	CLASS_NEEDS,	   /* 401 to the client's own credential */
	CLASS_TOO_MANY,	   /* 429 */
	CLASS_UNAVAILABLE, /* 503 that says when to come back */
	CLASS_ERROR,	   /* other 5xx */
	CLASSES
};
static const struct class_row {
	bool not_executed;
	enum again again;
	enum job_event_kind kind;
	enum job_reason reason;
	const char *message;
} classes[CLASSES] = {
    [CLASS_UNSENT] = {true, ALWAYS, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream could not be reached."},
    [CLASS_TIMEOUT] = {false, NEVER, JOB_EVENT_BROKEN, REASON_NONE,
	"The upstream did not answer in time."},
    [CLASS_BROKEN] = {false, NEVER, JOB_EVENT_BROKEN, REASON_NONE,
	"The connection to the upstream broke before its answer was complete."},
    [CLASS_TOO_LARGE] = {false, NEVER, JOB_EVENT_FAIL, REASON_FAILED,
	"The upstream's answer is larger than allowed."},
    [CLASS_DONE] = {false, NEVER, JOB_EVENT_COMPLETE, REASON_NONE, ""},
    [CLASS_REDIRECT] = {false, NEVER, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream answered with a redirect, which is not followed."},
    [CLASS_REFUSED] = {false, NEVER, JOB_EVENT_FAIL, REASON_UPSTREAM_REFUSED,
	"The upstream did not accept the request."},
    [CLASS_NEEDS] = {false, NEVER, JOB_EVENT_NEED, REASON_UPSTREAM_REFUSED,
	"The upstream did not accept the credentials."},
    [CLASS_TOO_MANY] = {true, ALWAYS, JOB_EVENT_FAIL, REASON_UPSTREAM_REFUSED,
	"The upstream takes no more requests at the moment."},
    [CLASS_UNAVAILABLE] = {false, IDEMPOTENT, JOB_EVENT_FAIL,
	REASON_UPSTREAM_ERROR, "The upstream is not available at the moment."},
    [CLASS_ERROR] = {false, IDEMPOTENT, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream failed."},
};

static enum answer_class class_of_status(
    const struct api *api, const struct upstream_answer *answer)
{
	int status = answer->status;

	if (status == 429)
		return CLASS_TOO_MANY;
	if (status == 503 && answer->has_retry_after)
		return CLASS_UNAVAILABLE;
	if (status >= 500)
		return CLASS_ERROR;
	if (status == 401 && names_takes_credential(api))
		return CLASS_NEEDS;
	if (status >= 400)
		return CLASS_REFUSED;
	return status >= 200 && status < 300 ? CLASS_DONE : CLASS_REDIRECT;
}

static enum answer_class class_of(
    const struct api *api, const struct upstream_answer *answer)
{
	static const enum answer_class without_answer[UPSTREAM_ENDS] = {
	    [UPSTREAM_UNSENT] = CLASS_UNSENT,
	    [UPSTREAM_TIMEOUT] = CLASS_TIMEOUT,
	    [UPSTREAM_BROKEN] = CLASS_BROKEN,
	    [UPSTREAM_TOO_LARGE] = CLASS_TOO_LARGE,
	};
	int64_t max = UPSTREAM_RESPONSE_MAX;

	if (answer->end != UPSTREAM_ANSWER)
		return without_answer[answer->end];
	if (api->result_max > 0 && api->result_max < max)
		max = api->result_max;
	if (answer->body.n > (size_t)max)
		return CLASS_TOO_LARGE;
	return class_of_status(api, answer);
}

static bool may_go_again(
    const struct api *api, const struct job *job, enum again again)
{
	if (job->attempt - job->released >= api->attempts)
		return false;
	switch (again) {
	case NEVER:
		return false;
	case IDEMPOTENT:
		return api->idempotent;
	case ALWAYS:
		return true;
	}
	return false;
}

int64_t outcome_backoff_ms(int attempt, uint64_t random)
{
	int64_t most = BACKOFF_BASE_MS;

	for (int i = 1; i < attempt && most < BACKOFF_MAX_MS; i++)
		most *= 2;
	if (most > BACKOFF_MAX_MS)
		most = BACKOFF_MAX_MS;
	return (int64_t)(random % (uint64_t)(most + 1));
}

struct job_event outcome_event(enum job_event_kind kind, const struct job *job,
    int64_t now_ms, int64_t now_boot)
{
	struct job_event event = {.kind = kind,
	    .now_ms = now_ms,
	    .now_boot = now_boot,
	    .attempt = job->attempt,
	    .progress = -1};

	memcpy(event.claim, job->claim, sizeof(event.claim));
	return event;
}

static int64_t wait_of(const struct job *job,
    const struct upstream_answer *answer, uint64_t random)
{
	if (!answer->has_retry_after)
		return outcome_backoff_ms(job->attempt, random);
	if (answer->retry_after_ms < 0)
		return 0;
	return answer->retry_after_ms < RETRY_AFTER_MAX_MS
		   ? answer->retry_after_ms
		   : RETRY_AFTER_MAX_MS;
}

static int status_of(
    enum answer_class class, const struct upstream_answer *answer)
{
	if (class == CLASS_DONE)
		return answer->status == 202 ? 200 : answer->status;
	if (class == CLASS_REFUSED || class == CLASS_NEEDS ||
	    class == CLASS_TOO_MANY)
		return answer->status;
	return 0; /* the reason's own */
}

void outcome_of(struct arena *a, const struct api *api, const struct job *job,
    const struct upstream_answer *answer, const struct outcome_now *now,
    struct outcome *out)
{
	enum answer_class class = class_of(api, answer);
	const struct class_row *row = &classes[class];
	int64_t wait_ms = wait_of(job, answer, now->random);
	bool again = may_go_again(api, job, row->again);

	*out = (struct outcome){.not_executed = row->not_executed};
	out->event = outcome_event(again ? JOB_EVENT_RETRY : row->kind, job,
	    now->now_ms, now->now_boot);
	out->event.reason = row->reason;
	out->event.status = status_of(class, answer);
	out->event.not_before_boot = now->now_boot + wait_ms;
	out->result = (struct envelope_result){.status = answer->status,
	    .content_type = answer->content_type,
	    .message = arena_str(a, str_of(row->message)),
	    .body = answer->body};
	if (class == CLASS_TOO_LARGE)
		out->result.body = (struct str){0};
	if (answer->has_retry_after &&
	    (class == CLASS_TOO_MANY || class == CLASS_UNAVAILABLE))
		out->pause_boot = now->now_boot + wait_ms;
}

void outcome_unusable(const struct job *job, struct str why,
    const struct outcome_now *now, struct outcome *out)
{
	*out = (struct outcome){.not_executed = true};
	out->event =
	    outcome_event(JOB_EVENT_FAIL, job, now->now_ms, now->now_boot);
	out->event.reason = REASON_FAILED;
	out->result.message = why;
}

void outcome_echo(const struct job *job, struct str type, struct str body,
    const struct outcome_now *now, struct outcome *out)
{
	*out = (struct outcome){0};
	out->event =
	    outcome_event(JOB_EVENT_COMPLETE, job, now->now_ms, now->now_boot);
	out->event.status = body.n ? 200 : 204;
	out->result = (struct envelope_result){
	    .status = out->event.status, .content_type = type, .body = body};
}
