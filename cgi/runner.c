#include "cgi/runner.h"

#include <stdlib.h>

#include "cgi/runner-parts.h"

/*
 * The steps of runner.h, in its order, over one list of attempts; an attempt is
 * freed when its outcome is committed or its row is another's. What is inside
 * the one transaction is runner-work.c, what happens when it fails
 * runner-store.c; leases are runner-lease.c, calls and polls runner-calls.c.
 * *due_boot is the earliest of everything that waits for time: heartbeat,
 * deadlines, back-off, polls, what is to be said, the second look after a ring,
 * the store's retry.
 */
void runner_look_everywhere(struct runner *r)
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
	runner_look_everywhere(r);
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
		runner_abort(r, t);
		attempt_free(t);
	}
	free(r->lanes);
	free(r);
}

void runner_ring(struct runner *r, struct runner_now now)
{
	uint64_t chance = 0;

	runner_look_everywhere(r);
	r->recheck_boot = now.now_boot + RUNNER_RECHECK_MS;
	if (!r->outrun || r->aside_boot)
		return;
	r->spec.random(&chance, sizeof(chance));
	chance &= (1u << r->outrun) - 1;
	r->aside_boot = chance ? now.now_boot + (int64_t)chance : 0;
}

/* Nobody waits for a call whose job is another's. */
bool runner_is_busy(const struct runner *r)
{
	for (const struct attempt *t = r->attempts; t; t = t->next)
		if (!t->strayed)
			return true;
	return false;
}

void runner_drop(struct runner *r, enum attempt_phase phase)
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
		if (!t->strayed)
			r->lanes[t->api].running--;
		if (phase != ATTEMPT_WRITTEN)
			r->lanes[t->api].look = true;
		attempt_free(t);
	}
}

void runner_log(const struct runner *r, const struct log *log,
    const struct attempt *t, struct runner_now now, const char *event)
{
	const struct outcome_now o = {
	    .now_ms = now.now_ms, .now_boot = now.now_boot};

	(void)r;
	attempt_log(t, log, &o, event);
}

/* ---- 3. the transaction -------------------------------------------------- */

static bool has_outcomes(const struct runner *r, struct runner_now now)
{
	for (const struct attempt *t = r->attempts; t; t = t->next)
		if ((t->phase == ATTEMPT_ENDED && !t->damaged) ||
		    runner_tells(r, t, now) || runner_wants_grant(r, t, now))
			return true;
	return false;
}

static bool has_work(const struct runner *r, struct runner_now now)
{
	if (has_outcomes(r, now))
		return true;
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		if ((r->lanes[i].recover && !r->draining) ||
		    runner_wants_claims(r, i, now))
			return true;
	return false;
}

static const char *event_of(const struct attempt *t)
{
	const char *event = "job-queued-again";

	if (t->refused)
		event = "job-lost";
	else if (job_is_terminal(t->job.state))
		event = "job-ended";
	else if (t->job.held)
		event = "job-held";
	else if (t->job.needs)
		event = "job-needs-credentials";
	return event;
}

static void log_written(struct runner *r, struct runner_now now)
{
	struct buf held = {0};
	const struct log log = log_hold(r->spec.log, &held);

	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase == ATTEMPT_CLAIMED) {
			metrics_claimed(r->spec.metrics, t->api);
			runner_log(r, &log, t, now, "job-claimed");
		}
		if (t->phase != ATTEMPT_WRITTEN)
			continue;
		t->job = t->after;
		if (t->refused)
			metrics_lost(r->spec.metrics, t->api);
		else
			metrics_written(r->spec.metrics, t->api, &t->job);
		if (t->lack_event)
			runner_log(r, &log, t, now, t->lack_event);
		runner_log(r, &log, t, now, event_of(t));
	}
	log_release(&log);
}

/* ---- 4. start ---------------------------------------------------------- */

static void start_claimed(struct runner *r, struct runner_now now)
{
	if (r->heartbeat_boot <= now.now_boot)
		r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
	runner_start(r, now, ATTEMPT_CLAIMED);
}

/* What was to leave stays, what was to come was never here. */
static void undo_work(struct runner *r)
{
	runner_drop(r, ATTEMPT_CLAIMED);
	runner_drop(r, ATTEMPT_LOST);
	runner_look_everywhere(r);
	recover_everywhere(r);
}

static void settle(struct runner *r, struct runner_now now)
{
	log_written(r, now);
	runner_drop(r, ATTEMPT_WRITTEN);
	runner_drop(r, ATTEMPT_LOST);
}

static enum err write_one(
    struct runner *r, struct attempt *t, struct runner_now now)
{
	if (runner_tells(r, t, now)) {
		enum err err = runner_transact(r, now, runner_renew, t);
		runner_renewed(r, now, err == ERR_OK);
		return err;
	}
	if (t->phase != ATTEMPT_ENDED || t->damaged)
		return ERR_OK;
	enum err err = runner_transact(r, now, runner_write, t);
	if (err == ERR_OK)
		t->phase = ATTEMPT_WRITTEN;
	return err;
}

/*
 * In trouble: each by itself, so that one that cannot be written is not in the
 * way of the others.
 */
static enum err write_one_by_one(struct runner *r, struct runner_now now)
{
	enum err first = ERR_OK;

	for (struct attempt *t = r->attempts; t; t = t->next) {
		enum err err = write_one(r, t, now);
		if (err == ERR_CORRUPT)
			t->damaged = true;
		else if (first == ERR_OK)
			first = err;
		if (err == ERR_BUSY || err == ERR_IO)
			break;
	}
	settle(r, now);
	return first;
}

/* Which of the calls taken of a rate were given, now that it is durable. */
static void grant(struct runner *r, bool committed)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		t->poll.granted |= t->poll.taking && committed;
		t->poll.taking = false;
	}
}

/* What was found was somebody else's by the time it was our turn. */
static void note_the_race(struct runner *r)
{
	bool claimed = false;

	for (const struct attempt *t = r->attempts; t; t = t->next)
		claimed |= t->phase == ATTEMPT_CLAIMED;
	if (claimed)
		r->outrun = 0;
	else if (r->found && r->outrun < RUNNER_OUTRUN_MAX)
		r->outrun++;
	r->found = false;
}

static void work(struct runner *r, struct runner_now now)
{
	runner_count(r);
	if (r->store_boot > now.now_boot || !has_work(r, now))
		return;
	if (r->trouble && (write_one_by_one(r, now) != ERR_OK ||
			      r->claim_boot > now.now_boot))
		return;
	runner_count(r);
	if (!has_outcomes(r, now) && !runner_finds_work(r, now))
		return;
	enum err err = runner_transact(r, now, runner_work, NULL);
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->lanes[i].leaving = 0;
	r->leaving = 0;
	runner_renewed(r, now, err == ERR_OK);
	grant(r, err == ERR_OK);
	if (err != ERR_OK) {
		undo_work(r);
		return;
	}
	runner_store_works(r, now);
	for (struct attempt *t = r->attempts; t; t = t->next)
		if (t->phase == ATTEMPT_ENDED && !t->damaged)
			t->phase = ATTEMPT_WRITTEN;
	settle(r, now);
	note_the_race(r);
	start_claimed(r, now);
}

/* ---- when next --------------------------------------------------------- */

static void sooner(int64_t *due, int64_t when)
{
	if (when && (!*due || when < *due))
		*due = when;
}

/* What one attempt waits for, besides its lease. */
static int64_t attempt_due(
    const struct runner *r, const struct attempt *t, struct runner_now now)
{
	int64_t due = 0;

	if (t->phase == ATTEMPT_ENDED)
		return t->damaged ? 0 : now.now_boot;
	if (t->phase != ATTEMPT_LATE) /* its heartbeat is first */
		sooner(
		    &due, t->abort_boot ? t->abort_boot : t->job.deadline_boot);
	if (t->phase == ATTEMPT_STRAY || t->damaged)
		return due;
	sooner(&due, runner_poll_due(r, t));
	if (t->said.fresh)
		sooner(&due, t->said.due_boot && !r->draining ? t->said.due_boot
							      : now.now_boot);
	return due;
}

static int64_t next_due(struct runner *r, struct runner_now now)
{
	int64_t due = 0;

	if (r->store_boot > now.now_boot)
		return r->store_boot;
	runner_count(r);
	if (runner_is_busy(r))
		sooner(&due, r->heartbeat_boot);
	for (const struct attempt *t = r->attempts; t; t = t->next)
		sooner(&due, attempt_due(r, t, now));
	if (r->draining)
		return due;
	sooner(&due, runner_beat_due(r));
	sooner(&due, r->recheck_boot);
	sooner(&due, r->aside_boot);
	sooner(&due, r->wary_boot);
	if (r->trouble && r->claim_boot > now.now_boot) {
		sooner(&due, r->claim_boot);
		return due;
	}
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		sooner(&due, r->lanes[i].due_boot);
		if (r->lanes[i].recover && !r->aside_boot)
			sooner(&due, now.now_boot);
	}
	return due;
}

/*
 * This machine slept, or a step took so long that others could not write
 * either. While somebody waits for that to be made good only another sleep
 * counts: a store that is always slow does not keep the dead alive.
 */
static bool is_pause(const struct runner *r, struct runner_now now)
{
	int64_t from_boot = r->expected_boot;

	if (r->wary_boot && r->ended_boot > from_boot)
		from_boot = r->ended_boot;
	return r->expected_boot &&
	       now.now_boot - from_boot > r->spec.lease_ms / 2;
}

static void notice_a_pause(struct runner *r, struct runner_now now)
{
	if (is_pause(r, now)) {
		r->wary_boot = now.now_boot + r->spec.heartbeat_ms;
	} else if (r->wary_boot && now.now_boot >= r->wary_boot) {
		r->wary_boot = 0;
		r->was_wary = true;
		runner_look_everywhere(r);
		recover_everywhere(r);
	}
}

/* Time sets flags; everything else only looks at flags. */
static void look_at_the_clock(struct runner *r, struct runner_now now)
{
	if (r->recheck_boot && now.now_boot >= r->recheck_boot) {
		r->recheck_boot = 0;
		runner_look_everywhere(r);
	}
	if (now.now_boot >= r->aside_boot)
		r->aside_boot = 0;
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		struct lane *lane = &r->lanes[i];

		if (lane->due_boot && now.now_boot >= lane->due_boot) {
			lane->due_boot = 0;
			lane->look = lane->recover = true;
			if (lane->damaged_boot) /* ours are not lost */
				r->heartbeat_boot = now.now_boot;
		}
	}
}

void runner_step(struct runner *r, struct runner_now now, int64_t *due_boot)
{
	notice_a_pause(r, now);
	if (now.now_boot >= r->store_boot) {
		look_at_the_clock(r, now);
		runner_heartbeat(r, now);
		runner_take_answers(r, now);
		runner_end_overdue(r, now);
		if (r->draining)
			runner_release_resting(r, now);
		work(r, now);
		if (r->draining) /* what it said is written now */
			runner_release_resting(r, now);
		runner_ask_due(r, now);
		runner_beat(r, now);
	} else { /* calls go on, and who waits for them would not sleep */
		runner_take_answers(r, now);
	}
	*due_boot = r->expected_boot = next_due(r, now);
	r->ended_boot =
	    r->spec.clock_boot ? r->spec.clock_boot() : now.now_boot;
}
