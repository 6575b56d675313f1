#include "cgi/runner-parts.h"

/*
 * Calls: started when their claim is durable, asked how far they are, ended
 * when their time is over, and, where an upstream took a job with 202, followed
 * by polls. A poll may be repeated and tells nobody anything new, so it needs
 * neither a fresh lease nor a commit, unless its upstream has a rate.
 */
void runner_abort(struct runner *r, struct attempt *t)
{
	if (t->phase == ATTEMPT_CALLING || t->phase == ATTEMPT_STRAY)
		r->spec.upstream->abort(r->spec.pool, t);
}

static bool is_late(const struct runner *r, struct runner_now now)
{
	return r->spec.clock_boot &&
	       r->spec.clock_boot() - now.now_boot > r->spec.lease_ms / 2;
}

static void call(struct runner *r, struct attempt *t, struct runner_now now)
{
	t->phase = ATTEMPT_CALLING;
	t->called_boot = now.now_boot;
	t->call.leave_by_boot = t->poll.asking ? NULL : &t->job.lease_boot;
	r->spec.upstream->start(r->spec.pool, &t->call, t);
}

void runner_start(
    struct runner *r, struct runner_now now, enum attempt_phase phase)
{
	bool late = is_late(r, now);

	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != phase || t->damaged)
			continue;
		if (!t->callable) {
			t->phase = ATTEMPT_ENDED;
		} else if (t->job.polled) {
			t->phase = ATTEMPT_RESTING; /* and due */
		} else if (late) {
			t->phase = ATTEMPT_LATE;
			r->heartbeat_boot = now.now_boot;
		} else {
			call(r, t, now);
		}
	}
}

/* ---- polls --------------------------------------------------------------- */

void runner_count(struct runner *r)
{
	r->n_calls = 0;
	for (const struct attempt *t = r->attempts; t; t = t->next)
		r->n_calls += t->phase != ATTEMPT_RESTING;
}

/* It is on the disk that it is polled, and there is room for a call. */
static bool may_ask(const struct runner *r, const struct attempt *t)
{
	return t->phase == ATTEMPT_RESTING && t->job.polled && !r->draining &&
	       r->n_calls < RUNNER_CALLS_MAX;
}

static bool has_rate(const struct attempt *t)
{
	return t->compose.upstream && t->compose.upstream->rate_count > 0;
}

static bool needs_grant(const struct attempt *t)
{
	return has_rate(t) && !t->poll.granted;
}

bool runner_wants_grant(
    const struct runner *r, const struct attempt *t, struct runner_now now)
{
	return may_ask(r, t) && t->poll.due_boot <= now.now_boot &&
	       needs_grant(t) && !t->damaged;
}

/* A call of a rate is taken where claims are, and waits for a disk as they. */
int64_t runner_poll_due(const struct runner *r, const struct attempt *t)
{
	if (!may_ask(r, t))
		return 0;
	return needs_grant(t) && t->poll.due_boot < r->claim_boot
		   ? r->claim_boot
		   : t->poll.due_boot;
}

void runner_ask_due(struct runner *r, struct runner_now now)
{
	runner_count(r);
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (!may_ask(r, t) || t->poll.due_boot > now.now_boot ||
		    needs_grant(t))
			continue;
		struct outcome_now o = runner_at(r, now);
		if (attempt_ask(t, &o)) {
			r->n_calls++;
			call(r, t, now);
		} else if (t->lack_event) {
			runner_log(r, r->spec.log, t, now, t->lack_event);
			t->lack_event = NULL;
		}
	}
}

/* ---- answers and deadlines ----------------------------------------------- */

/* What a call brought whose job is another's: for the log alone. */
static void end_stray(struct runner *r, struct attempt *t,
    const struct upstream_answer *answer, struct runner_now now)
{
	t->upstream_status = answer->status;
	t->exit_status = answer->exit_status;
	t->why = answer->why && *answer->why
		     ? answer->why
		     : "it was answered when its lease was another's";
	runner_log(r, r->spec.log, t, now, "job-lost");
	t->phase = ATTEMPT_LOST;
}

static void take_progress(struct runner *r)
{
	struct upstream_progress progress;
	struct arena arena = {0};
	void *tag;

	while (r->spec.upstream->moved &&
	       r->spec.upstream->moved(r->spec.pool, &arena, &tag, &progress))
		attempt_moved(tag, &progress);
	arena_release(&arena);
}

/* A lease that could not be renewed in time: the job may be another's by now.
 */
static bool has_run_out(
    const struct runner *r, const struct attempt *t, struct runner_now now)
{
	return t->phase == ATTEMPT_CALLING && !t->poll.asking &&
	       t->job.lease_boot <=
		   (r->spec.clock_boot ? r->spec.clock_boot() : now.now_boot);
}

static void put_off(struct runner *r, struct attempt *t, struct runner_now now)
{
	t->phase = ATTEMPT_LATE;
	r->heartbeat_boot = now.now_boot;
}

/*
 * A call leaves while we look after it. One that has not is called back; and
 * one that was stopped at its connection, since we were kept from running
 * behind this look (leave_by_boot), is as if it had been.
 */
static void call_back(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next)
		if (has_run_out(r, t, now) &&
		    r->spec.upstream->unsent(r->spec.pool, t)) {
			runner_abort(r, t);
			put_off(r, t, now);
		}
}

void runner_take_answers(struct runner *r, struct runner_now now)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	call_back(r, now);
	take_progress(r);
	while (r->spec.upstream->next(r->spec.pool, &arena, &tag, &answer)) {
		struct outcome_now o = runner_at(r, now);
		struct attempt *t = tag;

		metrics_called(r->spec.metrics, t->api, answer.end,
		    answer.status, now.now_boot - t->called_boot);
		if (t->phase == ATTEMPT_STRAY)
			end_stray(r, t, &answer, now);
		else if (answer.end == UPSTREAM_UNSENT &&
			 has_run_out(r, t, now))
			put_off(r, t, now);
		else
			attempt_answered(t, &arena, &answer, &o);
	}
	arena_release(&arena);
	runner_drop(r, ATTEMPT_LOST);
}

/* A program is asked, and has until then. */
static bool is_given_time(
    struct runner *r, struct attempt *t, struct runner_now now)
{
	if (t->abort_boot)
		return now.now_boot < t->abort_boot;
	if (!t->call.exec || !r->spec.upstream->stop ||
	    r->spec.upstream->unsent(r->spec.pool, t))
		return false;
	r->spec.upstream->stop(r->spec.pool, t);
	t->stopped = true;
	t->abort_boot =
	    now.now_boot + t->call.exec->stop_ms + RUNNER_STOP_SLACK_MS;
	return true;
}

static bool is_overdue(const struct attempt *t, struct runner_now now)
{
	return (t->phase == ATTEMPT_CALLING || t->phase == ATTEMPT_RESTING ||
		   t->phase == ATTEMPT_STRAY) &&
	       t->job.deadline_boot && now.now_boot >= t->job.deadline_boot;
}

void runner_end_overdue(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (!is_overdue(t, now) ||
		    (t->phase != ATTEMPT_RESTING && is_given_time(r, t, now)))
			continue;
		struct outcome_now o = runner_at(r, now);
		bool unsent = t->phase == ATTEMPT_CALLING && !t->poll.asking &&
			      r->spec.upstream->unsent(r->spec.pool, t);
		runner_abort(r, t);
		if (t->phase == ATTEMPT_STRAY)
			t->phase = ATTEMPT_LOST;
		else
			attempt_overdue(t, unsent, &o);
	}
	runner_drop(r, ATTEMPT_LOST);
}
