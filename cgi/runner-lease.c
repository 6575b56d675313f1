#include "cgi/runner-parts.h"

/*
 * Leases: renewed all in one transaction, and with them what jobs have to say
 * of themselves, which otherwise waits for the transaction of a step; and let
 * go of, when they are another's, or when this worker drains.
 *
 * A call whose lease is another's is not aborted once it may have left: that
 * would undo nothing, and what it brings is all that anybody will know. It
 * strays until it ends, is told as `job-lost`, and changes nothing.
 */
bool runner_tells(
    const struct runner *r, const struct attempt *t, struct runner_now now)
{
	return t->said.fresh && !t->damaged &&
	       (t->phase == ATTEMPT_CALLING || t->phase == ATTEMPT_RESTING) &&
	       (r->draining || t->said.due_boot <= now.now_boot);
}

static bool may_have_left(const struct runner *r, struct attempt *t)
{
	return t->phase == ATTEMPT_CALLING && !t->poll.asking &&
	       !r->spec.upstream->unsent(r->spec.pool, t);
}

static const char *lost_why(struct attempt *t)
{
	if (!*t->why)
		return "its lease is another's by now";
	return arena_printf(
	    &t->arena, "its lease is another's by now; %s", t->why)
	    .p;
}

/* The row has said so, whatever becomes of this transaction. */
static void lose(struct runner *r, struct attempt *t, struct runner_now now)
{
	const bool strays = may_have_left(r, t);

	if (!strays)
		runner_abort(r, t);
	else if (t->call.exec && r->spec.upstream->stop)
		r->spec.upstream->stop(r->spec.pool, t);
	t->why = lost_why(t);
	metrics_lost(r->spec.metrics, t->api);
	runner_log(r, r->spec.log, t, now, "job-lost");
	t->phase = strays ? ATTEMPT_STRAY : ATTEMPT_LOST;
	if (strays) {
		t->strayed = true;
		r->lanes[t->api].running--;
		r->lanes[t->api].look = true;
	}
}

static enum err tell(
    struct runner *r, struct attempt *t, const struct job_event *event)
{
	struct buf note = {0};
	enum err err = ERR_OK;

	if (t->said.pause_boot)
		err = store_pause(r->spec.store, t->api, t->said.pause_boot);
	attempt_seal_note(t, r->spec.keys, &note);
	if (err == ERR_OK)
		err = store_tell(
		    r->spec.store, t->api, &t->after, event, buf_str(&note));
	buf_release(&note);
	return err;
}

static enum err renew(
    struct runner *r, struct runner_now now, struct attempt *t, bool tells)
{
	const bool is_new = t->poll.url.len && !t->job.polled;
	struct job_event event =
	    outcome_event(is_new ? JOB_EVENT_POLL : JOB_EVENT_HEARTBEAT,
		&t->job, now.now_ms, now.now_boot);
	enum err err;

	event.lease_boot = now.now_boot + r->spec.lease_ms;
	event.progress = t->said.percent;
	t->after = t->job;
	t->telling = tells;
	if (t->telling) {
		err = tell(r, t, &event);
	} else {
		event.kind = JOB_EVENT_HEARTBEAT;
		event.progress = -1;
		err = store_change(
		    r->spec.store, t->api, &t->after, &event, (struct str){0});
	}
	t->renewing = err == ERR_OK;
	if (runner_is_refusal(err)) {
		lose(r, t, now);
		return ERR_OK;
	}
	return err;
}

enum err runner_renew(struct runner *r, struct runner_now now, void *attempt)
{
	return renew(r, now, attempt, runner_tells(r, attempt, now));
}

/* In trouble leases come first, and by themselves. */
static enum err renew_only(
    struct runner *r, struct runner_now now, void *attempt)
{
	return renew(
	    r, now, attempt, !r->trouble && runner_tells(r, attempt, now));
}

static void told(struct runner *r, struct attempt *t, struct runner_now now)
{
	if (t->after.polled && !t->job.polled)
		runner_log(r, r->spec.log, t, now, "job-polled");
	t->said.fresh = false;
	t->said.pause_boot = 0;
	t->said.due_boot = now.now_boot + RUNNER_TELL_MS;
}

void runner_renewed(struct runner *r, struct runner_now now, bool committed)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (committed && t->renewing && t->telling)
			told(r, t, now);
		if (committed && t->renewing)
			t->job = t->after;
		t->renewing = t->telling = false;
	}
}

static bool has_lease(const struct attempt *t)
{
	return t->phase != ATTEMPT_STRAY && t->phase != ATTEMPT_LOST;
}

/*
 * A full lane does not ask for claims and so hears of no deadline: its queue
 * is looked through here.
 */
static enum err heartbeat_all(
    struct runner *r, struct runner_now now, void *unused)
{
	enum err err = ERR_OK;

	(void)unused;
	for (struct attempt *t = r->attempts; t && !err; t = t->next)
		if (has_lease(t))
			err = renew_only(r, now, t);
	for (size_t i = 0; i < r->spec.config->n_apis && !err; i++)
		if (r->lanes[i].running)
			err = runner_recover(r, i, now);
	return err;
}

/*
 * A row cannot be read: each by itself, so that it is not in the way of the
 * others' leases. A call that was late stays so until its own is renewed.
 */
static enum err heartbeat_each(struct runner *r, struct runner_now now)
{
	enum err err = ERR_OK;

	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (!has_lease(t))
			continue;
		err = runner_transact(r, now, renew_only, t);
		runner_renewed(r, now, err == ERR_OK);
		t->damaged = err != ERR_OK;
		if (err == ERR_BUSY || err == ERR_IO || err == ERR_FULL)
			return err;
	}
	return ERR_OK;
}

static bool is_unsent(const struct runner *r, struct attempt *t)
{
	return t->phase == ATTEMPT_LATE ||
	       (t->phase == ATTEMPT_CALLING &&
		   r->spec.upstream->unsent(r->spec.pool, t));
}

static void give_back(
    struct runner *r, struct attempt *t, struct runner_now now)
{
	struct outcome_now o = runner_at(r, now);

	runner_abort(r, t);
	attempt_released(t, &o);
}

/*
 * A cancelled job whose call has not left yet need not wait for an answer. One
 * that is polled has left, and waits.
 */
static void stop_cancelled(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (!t->job.cancel_ms || t->job.polled || !has_lease(t))
			continue;
		if (is_unsent(r, t)) {
			give_back(r, t, now);
		} else if (t->phase == ATTEMPT_CALLING && !t->stopped &&
			   r->spec.upstream->stop) {
			t->stopped = true;
			r->spec.upstream->stop(r->spec.pool, t);
		}
	}
}

void runner_heartbeat(struct runner *r, struct runner_now now)
{
	if (!runner_is_busy(r) || now.now_boot < r->heartbeat_boot)
		return;
	for (struct attempt *t = r->attempts; t; t = t->next)
		t->damaged = false;
	enum err err = runner_transact(r, now, heartbeat_all, NULL);
	runner_renewed(r, now, err == ERR_OK);
	if (err == ERR_CORRUPT)
		err = heartbeat_each(r, now);
	runner_drop(r, ATTEMPT_LOST);
	if (err != ERR_OK)
		return;
	if (r->trouble) /* whether it is over, a whole transaction tells */
		runner_look_everywhere(r);
	stop_cancelled(r, now);
	r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
	runner_start(r, now, ATTEMPT_LATE);
}

/* Only once it is written where it is asked, and what it said. */
void runner_release_resting(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next)
		if (t->phase == ATTEMPT_RESTING && t->job.polled &&
		    !t->said.fresh)
			give_back(r, t, now);
}

void runner_drain(struct runner *r, struct runner_now now)
{
	r->draining = true;
	for (struct attempt *t = r->attempts; t; t = t->next)
		if (!t->poll.asking && is_unsent(r, t))
			give_back(r, t, now);
	runner_release_resting(r, now);
}
