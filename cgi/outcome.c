#include "cgi/outcome.h"

#include <string.h>

#include "cgi/names.h"
#include "cgi/poll.h"
#include "lib/diag.h"
#include "lib/json.h"

/*
 * An answer falls into one class, and the class is a row of this table.
 *
 * not_executed: the upstream says, or we know, that nothing was done; so it
 *     may be sent again whatever the API is.
 * again: who may have it sent again while attempts are left. An attempt
 *     without a complete answer is none of our decisions: BROKEN asks
 *     job_step(), which knows on_lost.
 * kind, reason: how it ends otherwise.
 * message, program: what is said of an upstream, and of a program.
 *
 * A 401 where a credential of the client goes upstream does not end a job: it
 * rests until the same request comes with another one (job_step() counts).
 * A 202 comes here only if there is nothing to poll, and ends as 200 does.
 */
enum again { NEVER, IDEMPOTENT, ALWAYS };
enum answer_class {
	CLASS_UNSENT,
	CLASS_TIMEOUT,
	CLASS_BROKEN,
	CLASS_TOO_LARGE,
	CLASS_AGAIN,	   /* a program that wants to be run again */
	CLASS_FAILED,	   /* a program that failed */
	CLASS_DONE,	   /* 2xx */
	CLASS_NOT_JSON,	   /* 2xx, and not what was declared */
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
	const char *message, *program;
} classes[CLASSES] = {
    [CLASS_UNSENT] = {true, ALWAYS, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream could not be reached.",
	"The program could not be started."},
    [CLASS_TIMEOUT] = {false, NEVER, JOB_EVENT_BROKEN, REASON_NONE,
	"The upstream did not answer in time.",
	"The program did not end in time."},
    [CLASS_BROKEN] = {false, NEVER, JOB_EVENT_BROKEN, REASON_NONE,
	"The connection to the upstream broke before its answer was complete.",
	"The program ended before its output was complete."},
    [CLASS_TOO_LARGE] = {false, NEVER, JOB_EVENT_FAIL, REASON_FAILED,
	"The upstream's answer is larger than allowed.",
	"The program's output is larger than allowed."},
    [CLASS_AGAIN] = {true, ALWAYS, JOB_EVENT_FAIL, REASON_FAILED, "",
	"The program could not do it, as often as it was tried."},
    [CLASS_FAILED] = {false, NEVER, JOB_EVENT_FAIL, REASON_FAILED, "",
	"The program failed."},
    [CLASS_DONE] = {false, NEVER, JOB_EVENT_COMPLETE, REASON_NONE, "", ""},
    [CLASS_NOT_JSON] = {false, NEVER, JOB_EVENT_FAIL, REASON_FAILED,
	"The upstream's answer is not JSON.",
	"The program's output is not JSON."},
    [CLASS_REDIRECT] = {false, NEVER, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream answered with a redirect, which is not followed.", ""},
    [CLASS_REFUSED] = {false, NEVER, JOB_EVENT_FAIL, REASON_UPSTREAM_REFUSED,
	"The upstream did not accept the request.", ""},
    [CLASS_NEEDS] = {false, NEVER, JOB_EVENT_NEED, REASON_UPSTREAM_REFUSED,
	"The upstream did not accept the credentials.", ""},
    [CLASS_TOO_MANY] = {true, ALWAYS, JOB_EVENT_FAIL, REASON_UPSTREAM_REFUSED,
	"The upstream takes no more requests at the moment.", ""},
    [CLASS_UNAVAILABLE] = {false, IDEMPOTENT, JOB_EVENT_FAIL,
	REASON_UPSTREAM_ERROR, "The upstream is not available at the moment.",
	""},
    [CLASS_ERROR] = {false, IDEMPOTENT, JOB_EVENT_FAIL, REASON_UPSTREAM_ERROR,
	"The upstream failed.", ""},
};

static bool is_program(const struct api *api)
{
	return api->exec.n > 0;
}

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

/* Without its parameters, in any case. */
static bool is_json_type(struct str type)
{
	return str_ieq(str_trim(str_slice(type, 0, str_find(type, ';', 0))),
	    STR("application/json"));
}

/* A program's output is JSON unless it says otherwise. */
static struct str result_type(const struct api *api)
{
	return is_program(api) && !api->result_type.n ? STR("application/json")
						      : api->result_type;
}

/*
 * The declared shape of a success; 204 has none. Where it is not what was
 * declared, the log says the place, and nothing of what stands there.
 */
static bool is_as_declared(struct arena *a, const struct api *api,
    const struct upstream_answer *answer, const char **why)
{
	struct arena tree = {0};
	struct diag diag;
	struct value *value;

	if (!is_json_type(result_type(api)) || answer->status == 204 ||
	    (is_program(api) && !answer->body.n))
		return true;
	diag_init(&diag, &tree);
	enum err err =
	    json_read(&tree, answer->body, answer->body.n, NULL, &diag, &value);
	if (err != ERR_OK)
		*why = arena_printf(a,
		    "result.type says application/json, and from line %u, "
		    "column %u on it is none; see `lowtide-jobs show --result`",
		    diag.first ? diag.first->pos.line : 1,
		    diag.first ? diag.first->pos.col : 1)
			   .p;
	arena_release(&tree);
	return err == ERR_OK;
}

static enum answer_class class_of(struct arena *a, const struct api *api,
    const struct upstream_answer *answer, const char **why)
{
	static const enum answer_class without_answer[UPSTREAM_ENDS] = {
	    [UPSTREAM_UNSENT] = CLASS_UNSENT,
	    [UPSTREAM_TIMEOUT] = CLASS_TIMEOUT,
	    [UPSTREAM_BROKEN] = CLASS_BROKEN,
	    [UPSTREAM_TOO_LARGE] = CLASS_TOO_LARGE,
	    [UPSTREAM_AGAIN] = CLASS_AGAIN,
	    [UPSTREAM_FAILED] = CLASS_FAILED,
	};
	int64_t max = UPSTREAM_RESPONSE_MAX;

	if (answer->end != UPSTREAM_ANSWER)
		return without_answer[answer->end];
	if (api->result_max > 0 && api->result_max < max)
		max = api->result_max;
	if (answer->body.n > (size_t)max)
		return CLASS_TOO_LARGE;
	enum answer_class class =
	    is_program(api) ? CLASS_DONE : class_of_status(api, answer);
	if (class == CLASS_DONE && !is_as_declared(a, api, answer, why))
		return CLASS_NOT_JSON;
	return class;
}

/*
 * What was asked to be cancelled and was not done is cancelled by job_step(),
 * whether it might have gone again or not.
 */
static bool may_go_again(
    const struct api *api, const struct job *job, const struct class_row *row)
{
	if (row->not_executed && job->cancel_ms)
		return true;
	if (job->attempt - job->released >= api->attempts)
		return false;
	switch (row->again) {
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

/*
 * Words, nothing, and a date that has passed for one of our clocks are none:
 * who follows them at once asks as often as he may within a second.
 */
static bool says_when(const struct upstream_answer *answer)
{
	return answer->has_retry_after && answer->retry_after_ms > 0;
}

static int64_t wait_of(const struct job *job,
    const struct upstream_answer *answer, uint64_t random)
{
	if (!says_when(answer))
		return outcome_backoff_ms(job->attempt, random);
	return answer->retry_after_ms < RETRY_AFTER_MAX_MS
		   ? answer->retry_after_ms
		   : RETRY_AFTER_MAX_MS;
}

static int status_of(const struct api *api, enum answer_class class,
    const struct upstream_answer *answer)
{
	if (class == CLASS_DONE && is_program(api))
		return answer->body.n ? 200 : 204;
	if (class == CLASS_DONE)
		return answer->status == 202 ? 200 : answer->status;
	if (class == CLASS_REFUSED || class == CLASS_NEEDS ||
	    class == CLASS_TOO_MANY)
		return answer->status;
	return 0; /* the reason's own */
}

static struct pairs exit_status(struct arena *a, int status)
{
	struct pair *one = arena_alloc(a, sizeof(*one));

	*one = (struct pair){STR(OUTCOME_EXIT_STATUS), arena_int(a, status)};
	return (struct pairs){one, 1};
}

static void keep(struct arena *a, const struct api *api,
    enum answer_class class, const struct upstream_answer *answer,
    struct outcome *out)
{
	const struct class_row *row = &classes[class];

	out->result = (struct envelope_result){.status = answer->status,
	    .content_type = answer->content_type,
	    .message = arena_str(
		a, str_of(is_program(api) ? row->program : row->message)),
	    .headers = answer->headers,
	    .body = answer->body};
	if (class == CLASS_TOO_LARGE)
		out->result.body = (struct str){0};
	if (!is_program(api))
		return;
	out->result.status = class == CLASS_DONE ? out->event.status : 0;
	out->result.content_type = result_type(api);
	if (class == CLASS_FAILED)
		out->result.headers = exit_status(a, answer->exit_status);
}

/*
 * Whoever answered more than we take has told us nothing of what he did, unless
 * he refused: what must not be done twice ends as without an answer. Doing
 * anything else again would bring as much again.
 */
static enum job_event_kind kind_of(const struct api *api,
    enum answer_class class, const struct upstream_answer *answer)
{
	const bool repeatable =
	    api->idempotent || api->on_lost == ON_LOST_RETRY;
	const bool refused = answer->status >= 400 && answer->status < 500;

	return class == CLASS_TOO_LARGE && !repeatable && !refused
		   ? JOB_EVENT_BROKEN
		   : classes[class].kind;
}

void outcome_of(struct arena *a, const struct api *api, const struct job *job,
    const struct upstream_answer *answer, const struct outcome_now *now,
    struct outcome *out)
{
	const char *why = NULL;
	enum answer_class class = class_of(a, api, answer, &why);
	const struct class_row *row = &classes[class];
	int64_t wait_ms = wait_of(job, answer, now->random);
	bool again = may_go_again(api, job, row);

	*out = (struct outcome){.not_executed = row->not_executed, .why = why};
	out->event =
	    outcome_event(again ? JOB_EVENT_RETRY : kind_of(api, class, answer),
		job, now->now_ms, now->now_boot);
	out->event.reason = row->reason;
	if (class == CLASS_UNSENT && is_program(api))
		out->event.reason = REASON_FAILED;
	out->event.status = status_of(api, class, answer);
	out->event.not_before_boot = now->now_boot + wait_ms;
	keep(a, api, class, answer, out);
	if (!says_when(answer) ||
	    (class != CLASS_TOO_MANY && class != CLASS_UNAVAILABLE))
		return;
	out->pause_boot = now->now_boot + wait_ms;
	out->why = arena_printf(a,
	    "its Retry-After: no call of this API for %lld s; see "
	    "`lowtide-jobs stats`",
	    (long long)((wait_ms + 999) / 1000))
		       .p;
}

void outcome_failed_poll(const struct job *job,
    const struct upstream_answer *answer, const struct outcome_now *now,
    struct outcome *out)
{
	*out = (struct outcome){.why = "it says that it failed"};
	out->event =
	    outcome_event(JOB_EVENT_FAIL, job, now->now_ms, now->now_boot);
	out->event.reason = REASON_UPSTREAM_REFUSED;
	out->event.status = POLL_FAILED_STATUS;
	out->result = (struct envelope_result){.status = POLL_FAILED_STATUS,
	    .content_type = answer->content_type,
	    .message = STR("The upstream did not accept the request."),
	    .headers = answer->headers,
	    .body = answer->body};
}

void outcome_broken(const struct job *job, struct str message,
    const struct outcome_now *now, struct outcome *out)
{
	*out = (struct outcome){.result.message = message};
	out->event =
	    outcome_event(JOB_EVENT_BROKEN, job, now->now_ms, now->now_boot);
	out->event.not_before_boot =
	    now->now_boot + outcome_backoff_ms(job->attempt, now->random);
}

void outcome_unusable(const struct job *job, struct str why,
    const struct outcome_now *now, struct outcome *out)
{
	if (job->polled) {
		outcome_broken(job, why, now, out);
		return;
	}
	*out = (struct outcome){.not_executed = true};
	out->event =
	    outcome_event(JOB_EVENT_FAIL, job, now->now_ms, now->now_boot);
	out->event.reason = REASON_FAILED;
	out->result.message = why;
}

void outcome_unavailable(const struct api *api, const struct job *job,
    const struct outcome_now *now, struct outcome *out)
{
	static const struct class_row row = {
	    .not_executed = true, .again = ALWAYS};
	const struct str message =
	    STR("What this needs is not available on the server.");

	outcome_broken(job, message, now, out);
	if (job->polled)
		return;
	out->not_executed = true;
	out->event.kind =
	    may_go_again(api, job, &row) ? JOB_EVENT_RETRY : JOB_EVENT_FAIL;
	out->event.reason = REASON_FAILED;
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
