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
 *   LOST           again (a)        again (a)            unknown
 *   BROKEN         again (b)        again (b)            unknown
 *   DEADLINE       deadline         deadline             unknown
 *   RETRY          again (c)        again (c)            ERR_CONFLICT
 *   ADOPT          again (a)        again (a)            unknown
 *
 * again = pending, unless no attempt is left: then failed with (a) job-failed,
 * because whatever held the lease died every time; (b) upstream-timeout;
 * (c) the reason that came with the event. A job whose cancellation was asked
 * for is cancelled instead of going again, but only if it was never sent or is
 * idempotent; otherwise it goes again, since only an answer can tell.
 *
 * unknown = failed with outcome-unknown; with on_lost = "hold" it is held.
 * Repeatable = declared idempotent, or on_lost = "retry". ADOPT takes every job
 * for one that was sent.
 *
 * A polled one goes again like a repeatable one, because going again is asking
 * again; with no attempt left it is unknown if it must not be repeated, and
 * upstream-timeout for (a) and (b). It stays sent, whoever gives it back.
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
	job->needs = job->held = job->polled = false;
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
	job->sent = job->polled;
	job->not_before_boot = not_before_boot;
}

/* Nobody knows what became of it, and only an operator can find out. */
static void hold(struct job *job)
{
	leave_attempt(job);
	job->state = JOB_PROCESSING;
	job->held = true;
	job->sent = true;
	job->needs = false;
	job->not_before_boot = 0;
}

/* It was sent, must not be again, and there is no answer. */
static void give_up(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (api->on_lost == ON_LOST_HOLD)
		hold(job);
	else
		fail(job, REASON_OUTCOME_UNKNOWN, event);
}

static bool may_cancel(const struct api *api, const struct job *job)
{
	return job->cancel_ms && (!job->sent || api->idempotent);
}

/* The attempt ended and may be repeated: again, cancelled, or the last one. */
static void go_again(const struct api *api, const struct job_event *event,
    struct job *job, enum job_reason last)
{
	if (may_cancel(api, job))
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	else if (job->attempt - job->released < api->attempts)
		queue(job, event->not_before_boot);
	else if (job->polled && !is_repeatable(api))
		give_up(api, event, job);
	else
		fail(job, last, event);
}

static enum err without_answer(const struct api *api,
    const struct job_event *event, struct job *job, enum job_reason last)
{
	if (job->polled)
		last = REASON_UPSTREAM_TIMEOUT;
	if (!job->sent || job->polled || is_repeatable(api))
		go_again(api, event, job, last);
	else
		give_up(api, event, job);
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
	if (!job->polled) /* else the upstream goes on where it is */
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

static enum err poll_on(
    const struct api *api, const struct job_event *event, struct job *job)
{
	job->sent = true; /* it has answered */
	job->polled = true;
	return heartbeat(api, event, job);
}

static enum err unsent(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	(void)event;
	job->sent = job->polled;
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
	if (job->sent && !job->polled && !is_repeatable(api))
		return ERR_CONFLICT;
	go_again(
	    api, event, job, event->reason ? event->reason : REASON_FAILED);
	return ERR_OK;
}

static enum err release(
    const struct api *api, const struct job_event *event, struct job *job)
{
	job->sent = job->polled;
	job->released++;
	if (may_cancel(api, job))
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

/*
 * The original of this store went on, so its workers may have done anything to
 * the job since. A pending one that may be sent again waits on as it is.
 */
static enum err adopt(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (job->held)
		return ERR_OK;
	if (job->state == JOB_PENDING && (job->polled || is_repeatable(api)))
		return ERR_OK;
	job->sent = true;
	return without_answer(api, event, job, REASON_FAILED);
}

static enum err cancel_later(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	if (!job->cancel_ms)
		job->cancel_ms = event->now_ms;
	return ERR_OK;
}

static enum err cancel_now(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (job->polled) /* its answer tells */
		return cancel_later(api, event, job);
	job->cancel_ms = event->now_ms;
	end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
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
		give_up(api, event, job);
	else
		fail(job, REASON_DEADLINE, event);
	return ERR_OK;
}

/*
 * Nothing was executed, so no attempt is burnt: what bounds it is how often
 * other credentials may come. One that is polled was executed all the same.
 */
static enum err need(
    const struct api *api, const struct job_event *event, struct job *job)
{
	job->sent = job->polled;
	job->released++;
	if (may_cancel(api, job)) {
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
	} else if (job->renewed >= JOB_RENEWALS_MAX && job->polled &&
		   !is_repeatable(api)) {
		give_up(api, event, job);
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

/*
 * ---- an operator's word on a held job ------------------------------------
 */

static enum err held_again(
    const struct api *api, const struct job_event *event, struct job *job)
{
	if (job->released < job->attempt)
		job->released++;
	job->held = job->polled = false;
	if (job->cancel_ms) {
		end(job, JOB_CANCELLED, REASON_NONE, 0, event->now_ms);
		return ERR_OK;
	}
	queue(job, 0);
	job->progress = 0;
	job->deadline_ms = job->deadline_boot = 0;
	if (api->deadline_ms) {
		job->deadline_ms = event->now_ms + api->deadline_ms;
		job->deadline_boot = event->now_boot + api->deadline_ms;
	}
	return ERR_OK;
}

static enum err held_complete(
    const struct api *api, const struct job_event *event, struct job *job)
{
	(void)api;
	end(job, JOB_COMPLETED, REASON_NONE,
	    event->status ? event->status : 200, event->now_ms);
	job->progress = 100;
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
	    [JOB_EVENT_ADOPT] = adopt,
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
	    [JOB_EVENT_POLL] = poll_on,
	    [JOB_EVENT_ADOPT] = adopt,
	},
    [JOB_COMPLETED] =
	{
	    [JOB_EVENT_READ] = deliver,
	    [JOB_EVENT_PURGE] = purge,
	},
    [JOB_FAILED] = {[JOB_EVENT_PURGE] = purge},
    [JOB_CANCELLED] = {[JOB_EVENT_PURGE] = purge},
};

/* A held job: nobody works on it, and time does nothing to it. */
static step_fn *const held_steps[JOB_EVENTS] = {
    [JOB_EVENT_CANCEL] = cancel_later,
    [JOB_EVENT_HELD_AGAIN] = held_again,
    [JOB_EVENT_HELD_COMPLETE] = held_complete,
    [JOB_EVENT_HELD_FAIL] = fail_answered,
    [JOB_EVENT_ADOPT] = adopt,
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
    [JOB_EVENT_POLL] = true,
};

static bool is_fence(const struct job *job, const struct job_event *event)
{
	return !job->held && event->attempt == job->attempt &&
	       !memcmp(event->claim, job->claim, sizeof(job->claim));
}

enum err job_step(const struct api *api, const struct job *job,
    const struct job_event *event, struct job *next)
{
	struct job copy = *job;

	if ((unsigned)job->state >= JOB_STATES ||
	    (unsigned)event->kind >= JOB_EVENTS)
		return ERR_INPUT;
	step_fn *step = steps[job->state][event->kind];
	if (step && is_fenced[event->kind] && !is_fence(job, event))
		return ERR_STALE;
	if (job->held)
		step = held_steps[event->kind];
	if (!step)
		return ERR_CONFLICT;
	enum err err = step(api, event, &copy);
	if (!err)
		*next = copy;
	return err;
}
