#include "cgi/runner.h"

#include <stdlib.h>

#include "cgi/runner-parts.h"

/*
 * The steps of runner.h, in its order, over one list of attempts; an attempt is
 * freed when its outcome is committed or its row is another's. What is inside
 * the one transaction is runner-work.c, what happens when it fails
 * runner-store.c. *due_boot is the earliest of everything that waits for time:
 * heartbeat, deadlines, back-off, the second look after a ring, the store's
 * retry.
 */
static void look_everywhere(struct runner *r)
{
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->lanes[i].look = true;
}

static void recover_everywhere(struct runner *r)
{
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->lanes[i].recover = true;
}

struct runner *runner_new(const struct runner_spec *spec)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->spec = *spec;
	r->lanes = calloc(spec->config->n_apis + 1, sizeof(*r->lanes));
	if (!r->lanes)
		abort();
	look_everywhere(r);
	recover_everywhere(r);
	return r;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	while (r->attempts) {
		struct attempt *t = r->attempts;
		r->attempts = t->next;
		if (t->phase == ATTEMPT_CALLING)
			r->spec.upstream->abort(r->spec.pool, t);
		attempt_free(t);
	}
	free(r->lanes);
	free(r);
}

void runner_ring(struct runner *r, struct runner_now now)
{
	look_everywhere(r);
	r->recheck_boot = now.now_boot + RUNNER_RECHECK_MS;
}

bool runner_is_busy(const struct runner *r)
{
	return r->attempts != NULL;
}

/* ---- the list of attempts ---------------------------------------------- */

/*
 * Drops those in that phase. Whatever leaves makes room; for what was written,
 * the transaction that wrote it has looked already.
 */
static void drop(struct runner *r, enum attempt_phase phase)
{
	struct attempt **p = &r->attempts;

	while (*p) {
		struct attempt *t = *p;
		if (t->phase != phase) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		r->n_attempts--;
		r->lanes[t->api].running--;
		if (phase != ATTEMPT_WRITTEN)
			r->lanes[t->api].look = true;
		attempt_free(t);
	}
}

static void abort_call(struct runner *r, struct attempt *t)
{
	if (t->phase == ATTEMPT_CALLING)
		r->spec.upstream->abort(r->spec.pool, t);
}

/* ---- 1. heartbeat ------------------------------------------------------ */

static enum err renew(struct runner *r, struct runner_now now, void *attempt)
{
	struct attempt *t = attempt;
	struct job_event event = outcome_event(
	    JOB_EVENT_HEARTBEAT, &t->job, now.now_ms, now.now_boot);
	struct job row = t->job;

	event.lease_boot = now.now_boot + r->spec.lease_ms;
	enum err err =
	    store_change(r->spec.store, t->api, &row, &event, (struct str){0});
	if (runner_is_refusal(err)) {
		abort_call(r, t);
		t->why = "its lease is another's by now";
		attempt_log(t, r->spec.log, now.now_ms, "job-lost");
		t->phase = ATTEMPT_LOST;
		return ERR_OK;
	}
	if (err == ERR_OK)
		t->job = row;
	return err;
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
		err = renew(r, now, t);
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
		if (t->phase == ATTEMPT_LOST)
			continue;
		err = runner_transact(r, now, renew, t);
		t->damaged = err != ERR_OK;
		if (err == ERR_BUSY || err == ERR_IO || err == ERR_FULL)
			return err;
	}
	return ERR_OK;
}

static bool is_late(const struct runner *r, struct runner_now now)
{
	return r->spec.clock_boot &&
	       r->spec.clock_boot() - now.now_boot > r->spec.lease_ms / 2;
}

/*
 * Calls what is in that phase, unless the commit before took so long that the
 * lease may be another's by now.
 */
static void start(
    struct runner *r, struct runner_now now, enum attempt_phase phase)
{
	bool late = is_late(r, now);

	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != phase || t->damaged)
			continue;
		if (!t->callable) {
			t->phase = ATTEMPT_ENDED;
		} else if (late) {
			t->phase = ATTEMPT_LATE;
			r->heartbeat_boot = now.now_boot;
		} else {
			t->phase = ATTEMPT_CALLING;
			r->spec.upstream->start(r->spec.pool, &t->call, t);
		}
	}
}

static bool is_unsent(const struct runner *r, struct attempt *t)
{
	return t->phase == ATTEMPT_LATE ||
	       (t->phase == ATTEMPT_CALLING &&
		   r->spec.upstream->unsent(r->spec.pool, t));
}

/* A cancelled job whose call has not left yet need not wait for an answer. */
static void give_back_unsent(
    struct runner *r, struct runner_now now, bool only_cancelled)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		struct outcome_now o = runner_at(r, now);
		if ((only_cancelled && !t->job.cancel_ms) || !is_unsent(r, t))
			continue;
		abort_call(r, t);
		attempt_released(t, &o);
	}
}

static void heartbeat(struct runner *r, struct runner_now now)
{
	if (!r->attempts || now.now_boot < r->heartbeat_boot)
		return;
	for (struct attempt *t = r->attempts; t; t = t->next)
		t->damaged = false;
	enum err err = runner_transact(r, now, heartbeat_all, NULL);
	if (err == ERR_CORRUPT)
		err = heartbeat_each(r, now);
	drop(r, ATTEMPT_LOST);
	if (err != ERR_OK)
		return;
	give_back_unsent(r, now, true);
	r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
	start(r, now, ATTEMPT_LATE);
}

void runner_drain(struct runner *r, struct runner_now now)
{
	r->draining = true;
	give_back_unsent(r, now, false);
}

/* ---- 2. answers and deadlines ------------------------------------------ */

static void take_answers(struct runner *r, struct runner_now now)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	while (r->spec.upstream->next(r->spec.pool, &arena, &tag, &answer)) {
		struct outcome_now o = runner_at(r, now);
		attempt_answered(tag, &arena, &answer, &o);
	}
	arena_release(&arena);
}

static void end_overdue(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_CALLING || !t->job.deadline_boot ||
		    now.now_boot < t->job.deadline_boot)
			continue;
		struct outcome_now o = runner_at(r, now);
		bool unsent = r->spec.upstream->unsent(r->spec.pool, t);
		abort_call(r, t);
		attempt_overdue(t, unsent, &o);
	}
}

static bool has_work(const struct runner *r, struct runner_now now)
{
	for (const struct attempt *t = r->attempts; t; t = t->next)
		if (t->phase == ATTEMPT_ENDED && !t->damaged)
			return true;
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		if ((r->lanes[i].recover && !r->draining) ||
		    runner_wants_claims(r, i, now))
			return true;
	return false;
}

static void log_written(struct runner *r, struct runner_now now)
{
	struct buf held = {0};
	const struct log log = log_hold(r->spec.log, &held);

	for (struct attempt *t = r->attempts; t; t = t->next) {
		const char *event = "job-queued-again";

		if (t->phase == ATTEMPT_CLAIMED)
			attempt_log(t, &log, now.now_ms, "job-claimed");
		if (t->phase != ATTEMPT_WRITTEN)
			continue;
		t->job = t->after;
		if (t->refused)
			event = "job-lost";
		else if (job_is_terminal(t->job.state))
			event = "job-ended";
		else if (t->job.needs)
			event = "job-needs-credentials";
		attempt_log(t, &log, now.now_ms, event);
	}
	log_release(&log);
}

/* ---- 4. start ---------------------------------------------------------- */

static void start_claimed(struct runner *r, struct runner_now now)
{
	if (r->heartbeat_boot <= now.now_boot)
		r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
	start(r, now, ATTEMPT_CLAIMED);
}

/* What was to leave stays, what was to come was never here. */
static void undo_work(struct runner *r)
{
	drop(r, ATTEMPT_CLAIMED);
	look_everywhere(r);
	recover_everywhere(r);
}

static void settle(struct runner *r, struct runner_now now)
{
	log_written(r, now);
	drop(r, ATTEMPT_WRITTEN);
}

/*
 * In trouble: each by itself, so that one that cannot be written is not in the
 * way of the others.
 */
static enum err write_one_by_one(struct runner *r, struct runner_now now)
{
	enum err first = ERR_OK;

	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_ENDED || t->damaged)
			continue;
		enum err err = runner_transact(r, now, runner_write, t);
		t->damaged = err == ERR_CORRUPT;
		if (err == ERR_OK)
			t->phase = ATTEMPT_WRITTEN;
		else if (first == ERR_OK && !t->damaged)
			first = err;
		if (err == ERR_BUSY || err == ERR_IO)
			break;
	}
	settle(r, now);
	return first;
}

static void work(struct runner *r, struct runner_now now)
{
	if (r->store_boot > now.now_boot || !has_work(r, now))
		return;
	if (r->trouble && (write_one_by_one(r, now) != ERR_OK ||
			      r->claim_boot > now.now_boot))
		return;
	enum err err = runner_transact(r, now, runner_work, NULL);
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->lanes[i].leaving = 0;
	r->leaving = 0;
	if (err != ERR_OK) {
		undo_work(r);
		return;
	}
	runner_store_works(r, now);
	for (struct attempt *t = r->attempts; t; t = t->next)
		if (t->phase == ATTEMPT_ENDED && !t->damaged)
			t->phase = ATTEMPT_WRITTEN;
	settle(r, now);
	start_claimed(r, now);
}

/* ---- when next --------------------------------------------------------- */

static void sooner(int64_t *due, int64_t when)
{
	if (when && (!*due || when < *due))
		*due = when;
}

static int64_t next_due(const struct runner *r, struct runner_now now)
{
	int64_t due = 0;

	if (r->store_boot > now.now_boot)
		return r->store_boot;
	if (r->attempts)
		sooner(&due, r->heartbeat_boot);
	for (const struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase == ATTEMPT_ENDED && !t->damaged)
			sooner(&due, now.now_boot);
		else if (t->phase != ATTEMPT_ENDED)
			sooner(&due, t->job.deadline_boot);
	}
	if (r->draining)
		return due;
	sooner(&due, runner_beat_due(r));
	sooner(&due, r->recheck_boot);
	sooner(&due, r->wary_boot);
	if (r->trouble && r->claim_boot > now.now_boot) {
		sooner(&due, r->claim_boot);
		return due;
	}
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		sooner(&due, r->lanes[i].due_boot);
		if (r->lanes[i].recover)
			sooner(&due, now.now_boot);
	}
	return due;
}

static void notice_a_pause(struct runner *r, struct runner_now now)
{
	if (r->wary_boot && now.now_boot >= r->wary_boot) {
		r->wary_boot = 0;
		r->was_wary = true;
		look_everywhere(r);
		recover_everywhere(r);
	} else if (!r->wary_boot && r->expected_boot &&
		   now.now_boot - r->expected_boot > r->spec.lease_ms / 2) {
		r->wary_boot = now.now_boot + r->spec.heartbeat_ms;
	}
}

/* Time sets flags; everything else only looks at flags. */
static void look_at_the_clock(struct runner *r, struct runner_now now)
{
	if (r->recheck_boot && now.now_boot >= r->recheck_boot) {
		r->recheck_boot = 0;
		look_everywhere(r);
	}
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		struct lane *lane = &r->lanes[i];

		if (lane->due_boot && now.now_boot >= lane->due_boot) {
			lane->due_boot = 0;
			lane->look = lane->recover = true;
			if (lane->damaged_boot) /* ours are not lost */
				r->heartbeat_boot = now.now_boot;
		}
		/* deadlines pass while an API is paused, too */
		if (lane->pause_boot > now.now_boot && !lane->due_boot)
			lane->due_boot =
			    now.now_boot + r->spec.heartbeat_ms <
				    lane->pause_boot
				? now.now_boot + r->spec.heartbeat_ms
				: lane->pause_boot;
	}
}

void runner_step(struct runner *r, struct runner_now now, int64_t *due_boot)
{
	notice_a_pause(r, now);
	if (now.now_boot >= r->store_boot) {
		look_at_the_clock(r, now);
		heartbeat(r, now);
		take_answers(r, now);
		end_overdue(r, now);
		work(r, now);
		runner_beat(r, now);
	}
	*due_boot = r->expected_boot = next_due(r, now);
}
