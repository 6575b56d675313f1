#include "cgi/job.h"

#include <string.h>

/*
 * The table at the end holds one function per state and event; an empty cell
 * is ERR_CONFLICT. The rows of the terminal states hold nothing but what leaves
 * their state as it is: that is what "never left" means here.
 *
 * What becomes of an attempt that ended without an answer:
 *
 *                  never sent       sent, repeatable     sent, must not be
 *   LOST           again (a)        again (a)            outcome-unknown
 *   BROKEN         again (b)        again (b)            outcome-unknown
 *   DEADLINE       deadline         deadline             outcome-unknown
 *   RETRY          again (c)        again (c)            ERR_CONFLICT
 *
 * again = pending, unless no attempt is left: then failed with (a) job-failed,
 * because whatever held the lease died every time; (b) upstream-timeout;
 * (c) the reason that came with the event. A job whose cancellation was asked
 * for is cancelled instead of going again, but only if it was never sent or is
 * idempotent; otherwise it goes again, since only an answer can tell.
 *
 * Repeatable = declared idempotent, or on_lost = "retry". on_lost = "hold" is
 * not built; it ends as "fail" does, which never repeats anything.
 */

/* A change of *job, which is the caller's copy. */
typedef enum err step_fn(
    const struct api *api, const struct job_event *event, struct job *job);

static bool is_repeatable(const struct api *api)
{
	return api->idempotent || api->on_lost == ON_LOST_RETRY;
}

static void leave_attempt(struct job *job)
{
	job->lease_boot = 0;
	memset(job->claim, 0, sizeof(job->claim));
}

static void end(struct job *job, enum job_state state, enum job_reason reason,
    int status, int64_t now_ms)
{
	leave_attempt(job);
	job->state = state;
	job->reason = reason;
	job->status = status ? status : job_reason_status(reason);
	job->ended_ms = now_ms;
	job->not_before_boot = 0;
	job->needs = false;
}

static void fail(
    struct job *job, enum job_reason reason, const struct job_event *event)
{
	end(job, JOB_FAILED, reason, 0, event->now_ms);
}

static void queue(struct job *job, int64_t not_before_boot)
{
	leave_attempt(job);
	job->state = JOB_PENDING;
	job->sent = false;
	job->not_before_boot = not_before_boot;
}

/* The attempt ended and may be repeated: again, cancelled, or the last one. */
static enum err go_again(const struct api *api, const struct job_event *event,
    struct job *job, enum job_reason last)
{
	if (job->cancel_ms && (!job->sent || api->idempotent))
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	else if (job->attempt - job->released < api->attempts)
		queue(job, event->not_before_boot);
	else
		fail(job, last, event);
	return ERR_OK;
}

static enum err without_answer(const struct api *api,
    const struct job_event *event, struct job *job, enum job_reason last)
{
	if (!job->sent || is_repeatable(api))
		return go_again(api, event, job, last);
	fail(job, REASON_OUTCOME_UNKNOWN, event);
	return ERR_OK;
}

static enum err claim(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	if (job->needs)
		return ERR_CONFLICT;
	job->state = JOB_PROCESSING;
	job->attempt++;
	memcpy(job->claim, event->claim, sizeof(job->claim));
	job->lease_boot = event->lease_boot;
	job->not_before_boot = 0;
	job->sent = true;
	job->progress = 0;
	if (!job->started_ms)
		job->started_ms = event->now_ms;
	return ERR_OK;
}

static enum err heartbeat(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	job->lease_boot = event->lease_boot;
	if (event->progress > job->progress)
		job->progress = event->progress < 99 ? event->progress : 99;
	return ERR_OK;
}

static enum err unsent(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	(void)event;
	job->sent = false;
	return ERR_OK;
}

static enum err complete(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	end(job, JOB_COMPLETED, REASON_NONE, event->status, event->now_ms);
	job->progress = 100;
	return ERR_OK;
}

static enum err fail_answered(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	end(job, JOB_FAILED, event->reason ? event->reason : REASON_FAILED,
	    event->status, event->now_ms);
	return ERR_OK;
}

static enum err retry(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (job->sent && !is_repeatable(api))
		return ERR_CONFLICT;
	return go_again(
	    api, event, job, event->reason ? event->reason : REASON_FAILED);
}

static enum err release(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	job->sent = false;
	job->released++;
	if (job->cancel_ms)
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	else
		queue(job, 0);
	return ERR_OK;
}

static enum err broken(
    const struct api *api, const struct job_event *event, struct job *job)
{
	return without_answer(api, event, job, REASON_UPSTREAM_TIMEOUT);
}

static enum err lost(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (event->now_boot < job->lease_boot)
		return ERR_CONFLICT;
	return without_answer(api, event, job, REASON_FAILED);
}

static enum err cancel_now(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	job->cancel_ms = event->now_ms;
	end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	return ERR_OK;
}

static enum err cancel_later(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	if (!job->cancel_ms)
		job->cancel_ms = event->now_ms;
	return ERR_OK;
}

static enum err deadline(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (!job->deadline_boot || event->now_boot < job->deadline_boot)
		return ERR_CONFLICT;
	if (job->state == JOB_PROCESSING && event->now_boot < job->lease_boot)
		return ERR_CONFLICT;
	if (job->sent && !is_repeatable(api))
		fail(job, REASON_OUTCOME_UNKNOWN, event);
	else
		fail(job, REASON_DEADLINE, event);
	return ERR_OK;
}

/*
 * Nothing was executed, so no attempt is burnt: what bounds it is how often
 * other credentials may come.
 */
static enum err need(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	job->sent = false;
	job->released++;
	if (job->cancel_ms) {
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	} else if (job->renewed >= JOB_RENEWALS_MAX) {
		end(job, JOB_FAILED, REASON_UPSTREAM_REFUSED,
		    event->status ? event->status : 401, event->now_ms);
	} else {
		queue(job, 0);
		job->needs = true;
	}
	return ERR_OK;
}

static enum err renew(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	(void)event;
	if (!job->needs)
		return ERR_CONFLICT;
	job->needs = false;
	job->renewed++;
	return ERR_OK;
}

static enum err deliver(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (job_is_expired(job, api, event->now_ms) ||
	    job_is_consumed(job, event->now_ms))
		return ERR_CONFLICT;
	if (!job->read_ms)
		job->read_ms = event->now_ms;
	return ERR_OK;
}

/* What has expired is gone for everybody; it is emptied in its turn. */
static enum err purge(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (!job_is_expired(job, api, event->now_ms))
		job->gone_ms = event->now_ms;
	return ERR_OK;
}

static step_fn *const steps[JOB_STATES][JOB_EVENTS] = {
    [JOB_PENDING] =
	{
	    [JOB_EVENT_CLAIM] = claim,
	    [JOB_EVENT_CANCEL] = cancel_now,
	    [JOB_EVENT_DEADLINE] = deadline,
	    [JOB_EVENT_RENEW] = renew,
	},
    [JOB_PROCESSING] =
	{
	    [JOB_EVENT_HEARTBEAT] = heartbeat,
	    [JOB_EVENT_UNSENT] = unsent,
	    [JOB_EVENT_COMPLETE] = complete,
	    [JOB_EVENT_FAIL] = fail_answered,
	    [JOB_EVENT_RETRY] = retry,
	    [JOB_EVENT_RELEASE] = release,
	    [JOB_EVENT_BROKEN] = broken,
	    [JOB_EVENT_LOST] = lost,
	    [JOB_EVENT_CANCEL] = cancel_later,
	    [JOB_EVENT_DEADLINE] = deadline,
	    [JOB_EVENT_NEED] = need,
	},
    [JOB_COMPLETED] =
	{
	    [JOB_EVENT_READ] = deliver,
	    [JOB_EVENT_PURGE] = purge,
	},
    [JOB_FAILED] = {[JOB_EVENT_PURGE] = purge},
    [JOB_CANCELLED] = {[JOB_EVENT_PURGE] = purge},
};

/* Spoken by the worker that holds the attempt: the fence must match. */
static const bool is_fenced[JOB_EVENTS] = {
    [JOB_EVENT_HEARTBEAT] = true,
    [JOB_EVENT_UNSENT] = true,
    [JOB_EVENT_COMPLETE] = true,
    [JOB_EVENT_FAIL] = true,
    [JOB_EVENT_RETRY] = true,
    [JOB_EVENT_RELEASE] = true,
    [JOB_EVENT_BROKEN] = true,
    [JOB_EVENT_NEED] = true,
};

enum err job_step(const struct api *api, const struct job *job,
    const struct job_event *event, struct job *next)
{
	struct job copy = *job;

	if ((unsigned)job->state >= JOB_STATES ||
	    (unsigned)event->kind >= JOB_EVENTS)
		return ERR_INPUT;
	step_fn *step = steps[job->state][event->kind];
	if (!step)
		return ERR_CONFLICT;
	if (is_fenced[event->kind] &&
	    (event->attempt != job->attempt ||
		memcmp(event->claim, job->claim, sizeof(job->claim)) != 0))
		return ERR_STALE;
	enum err err = step(api, event, &copy);
	if (!err)
		*next = copy;
	return err;
}

static const struct state_row {
	const char *text;
	bool terminal;
} states[JOB_STATES] = {
#define STATE(name, number, text, terminal) [JOB_##name] = {text, terminal},
#include "cgi/job.def"
};

static const struct reason_row {
	const char *problem;
	int status;
} reasons[JOB_REASONS] = {
#define REASON(name, number, problem, status)                                  \
	[REASON_##name] = {problem, status},
#include "cgi/job.def"
};

bool job_is_terminal(enum job_state state)
{
	return (unsigned)state < JOB_STATES && states[state].terminal;
}

bool job_is_expired(
    const struct job *job, const struct api *api, int64_t now_ms)
{
	return job->gone_ms || (job_is_terminal(job->state) &&
				   now_ms - job->ended_ms >= api->ttl_ms);
}

bool job_is_consumed(const struct job *job, int64_t now_ms)
{
	const int64_t since = now_ms - job->read_ms;

	return job->read_ms && (since >= JOB_READ_MS || since <= -JOB_READ_MS);
}

const char *job_state_text(enum job_state state)
{
	return (unsigned)state < JOB_STATES ? states[state].text : "";
}

const char *job_reason_problem(enum job_reason reason)
{
	return (unsigned)reason < JOB_REASONS ? reasons[reason].problem : "";
}

int job_reason_status(enum job_reason reason)
{
	return (unsigned)reason < JOB_REASONS ? reasons[reason].status : 0;
}
