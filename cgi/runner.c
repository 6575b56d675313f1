#include "cgi/runner.h"

#include <stdlib.h>

#include "cgi/attempt.h"

/*
 * Each API has a lane. `look` means: there may be something to claim; it stays
 * set while the lane is full and is cleared when the store says there is
 * nothing, which also says when to look again.
 */
struct lane {
	bool look, recover;
	size_t running;	    /* attempts in the list below */
	size_t leaving;	    /* of these, written by the open transaction */
	int64_t due_boot;   /* 0 = nothing waits for time */
	int64_t pause_boot; /* an upstream said not before */
};
struct runner {
	struct runner_spec spec;
	struct lane *lanes;
	struct attempt *attempts;
	size_t n_attempts;
	int64_t heartbeat_boot, recheck_boot;
	int64_t store_boot; /* the store failed: not before; 0 = it works */
	bool draining;
};

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

static struct outcome_now at(const struct runner *r, struct runner_now now)
{
	struct outcome_now out = {
	    .now_ms = now.now_ms, .now_boot = now.now_boot};

	r->spec.random(&out.random, sizeof(out.random));
	return out;
}

/* ---- the list of attempts ---------------------------------------------- */

static void add(struct runner *r, struct attempt *t)
{
	t->next = r->attempts;
	r->attempts = t;
	r->n_attempts++;
	r->lanes[t->api].running++;
}

/* Drops those in that phase. Whatever leaves makes room: look again. */
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
		r->lanes[t->api].look = true;
		attempt_free(t);
	}
}

static void abort_call(struct runner *r, struct attempt *t)
{
	if (t->phase == ATTEMPT_CALLING)
		r->spec.upstream->abort(r->spec.pool, t);
}

/* ---- transactions ------------------------------------------------------ */

/* The row said no: it is another's by now, or gone. The store is fine. */
static bool is_refusal(enum err err)
{
	return err == ERR_STALE || err == ERR_CONFLICT || err == ERR_NOT_FOUND;
}

static void store_failed(struct runner *r, struct runner_now now, enum err err)
{
	if (!r->store_boot)
		LOG(r->spec.log, now.now_ms, "store-failed",
		    LOG_TEXT("error", err_name(err)));
	r->store_boot = now.now_boot + RUNNER_STORE_RETRY_MS;
}

static void store_works(struct runner *r, struct runner_now now)
{
	if (r->store_boot)
		LOG(r->spec.log, now.now_ms, "store-works-again",
		    LOG_INT("running", (int64_t)r->n_attempts));
	r->store_boot = 0;
}

/* Runs `body` in a transaction; nothing of it happened unless this is true. */
static bool transact(struct runner *r, struct runner_now now,
    enum err (*body)(struct runner *r, struct runner_now now))
{
	enum err err = store_begin(r->spec.store);

	if (err == ERR_OK) {
		err = body(r, now);
		if (err == ERR_OK)
			err = store_commit(r->spec.store);
		else
			store_rollback(r->spec.store);
	}
	if (err != ERR_OK)
		store_failed(r, now, err);
	else
		store_works(r, now);
	return err == ERR_OK;
}

/* ---- 1. heartbeat ------------------------------------------------------ */

static enum err recover(struct runner *r, size_t api, struct runner_now now)
{
	size_t changed = 0;
	enum err err = store_recover(r->spec.store, api, now.now_ms,
	    now.now_boot, RUNNER_RECOVER_MAX, &changed);

	if (err != ERR_OK)
		return err;
	r->lanes[api].recover = changed == RUNNER_RECOVER_MAX;
	if (changed) {
		r->lanes[api].look = true;
		LOG(r->spec.log, now.now_ms, "jobs-recovered",
		    LOG_STR("api", r->spec.config->apis[api].name),
		    LOG_INT("count", (int64_t)changed));
	}
	return ERR_OK;
}

/*
 * A full lane does not ask for claims and so hears of no deadline: its queue
 * is looked through here.
 */
static enum err heartbeat_all(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		struct job_event event = outcome_event(
		    JOB_EVENT_HEARTBEAT, &t->job, now.now_ms, now.now_boot);
		struct job row = t->job;

		event.lease_boot = now.now_boot + r->spec.lease_ms;
		enum err err = store_change(
		    r->spec.store, t->api, &row, &event, (struct str){0});
		if (is_refusal(err)) {
			abort_call(r, t);
			t->why = "its lease is another's by now";
			attempt_log(t, r->spec.log, now.now_ms, "job-lost");
			t->phase = ATTEMPT_LOST;
		} else if (err != ERR_OK) {
			return err;
		} else {
			t->job = row;
		}
	}
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		enum err err =
		    r->lanes[i].running ? recover(r, i, now) : ERR_OK;
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* A cancelled job whose call has not left yet need not wait for an answer. */
static void give_back_unsent(
    struct runner *r, struct runner_now now, bool only_cancelled)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		struct outcome_now o = at(r, now);
		if (t->phase != ATTEMPT_CALLING ||
		    (only_cancelled && !t->job.cancel_ms) ||
		    !r->spec.upstream->unsent(r->spec.pool, t))
			continue;
		abort_call(r, t);
		attempt_released(t, &o);
	}
}

static void heartbeat(struct runner *r, struct runner_now now)
{
	if (!r->attempts || now.now_boot < r->heartbeat_boot)
		return;
	bool done = transact(r, now, heartbeat_all);
	drop(r, ATTEMPT_LOST);
	if (!done)
		return;
	give_back_unsent(r, now, true);
	r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
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
		struct outcome_now o = at(r, now);
		attempt_answered(tag, &arena, &answer, &o);
	}
	arena_release(&arena);
}

static void end_overdue(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_CALLING || !t->job.deadline_ms ||
		    now.now_ms < t->job.deadline_ms)
			continue;
		struct outcome_now o = at(r, now);
		bool unsent = r->spec.upstream->unsent(r->spec.pool, t);
		abort_call(r, t);
		attempt_overdue(t, unsent, &o);
	}
}

/* ---- 3. one transaction: write, bring home, claim ---------------------- */

static enum err write_one(struct runner *r, struct attempt *t)
{
	const struct job_event *event = &t->outcome.event;
	struct buf result = {0};
	enum err err = ERR_OK;

	t->after = t->job;
	if (t->outcome.not_executed) {
		struct job_event unsent = *event;
		unsent.kind = JOB_EVENT_UNSENT;
		err = store_change(
		    r->spec.store, t->api, &t->after, &unsent, (struct str){0});
	}
	if (err == ERR_OK) {
		if (attempt_is_last(t))
			attempt_seal(t, r->spec.keys, &result);
		err = store_change(
		    r->spec.store, t->api, &t->after, event, buf_str(&result));
	}
	buf_release(&result);
	t->refused = is_refusal(err);
	return t->refused ? ERR_OK : err;
}

static enum err write_ended(struct runner *r)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_ENDED)
			continue;
		enum err err = write_one(r, t);
		if (err != ERR_OK)
			return err;
		r->lanes[t->api].leaving++;
		r->lanes[t->api].look = true;
		if (t->outcome.pause_boot > r->lanes[t->api].pause_boot)
			r->lanes[t->api].pause_boot = t->outcome.pause_boot;
	}
	return ERR_OK;
}

static bool has_room(const struct runner *r, size_t api)
{
	const struct lane *lane = &r->lanes[api];
	int64_t most = r->spec.config->apis[api].concurrency;
	size_t running = lane->running - lane->leaving;

	return running < (size_t)(most > 0 ? most : 1) &&
	       r->n_attempts < RUNNER_CALLS_MAX;
}

static bool wants_claims(
    const struct runner *r, size_t api, struct runner_now now)
{
	const struct lane *lane = &r->lanes[api];

	return lane->look && !r->draining && lane->pause_boot <= now.now_boot &&
	       has_room(r, api);
}

static enum err claim_one(struct runner *r, size_t api, struct runner_now now)
{
	struct store_ask ask = {.now_ms = now.now_ms,
	    .now_boot = now.now_boot,
	    .lease_boot = now.now_boot + r->spec.lease_ms};
	struct outcome_now o = at(r, now);
	struct str sealed = {0};
	struct job job;

	r->spec.random(ask.claim, sizeof(ask.claim));
	enum err err = store_claim(
	    r->spec.store, api, &ask, &job, &r->lanes[api].due_boot);
	if (err != ERR_OK)
		return err;
	struct attempt *t = attempt_new(api, &job);
	add(r, t);
	err = store_body(r->spec.store, &job, BODY_REQUEST, &t->arena, &sealed);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	attempt_prepare(t, r->spec.config, r->spec.keys, sealed, &o);
	return ERR_OK;
}

/*
 * Only what lies ahead is in due_boot. So before a lane is left, what ended
 * meanwhile is brought home, which may give it work again.
 */
static enum err claim_lane(struct runner *r, size_t api, struct runner_now now)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && wants_claims(r, api, now)) {
		err = claim_one(r, api, now);
		if (err != ERR_NOT_FOUND)
			continue;
		r->lanes[api].look = false;
		err = recover(r, api, now);
		if (r->lanes[api].recover)
			break;
	}
	return err;
}

static enum err work_all(struct runner *r, struct runner_now now)
{
	enum err err = write_ended(r);

	for (size_t i = 0; i < r->spec.config->n_apis && err == ERR_OK; i++) {
		if (r->lanes[i].recover)
			err = recover(r, i, now);
		if (err == ERR_OK)
			err = claim_lane(r, i, now);
	}
	return err;
}

static bool has_work(const struct runner *r, struct runner_now now)
{
	for (const struct attempt *t = r->attempts; t; t = t->next)
		if (t->phase == ATTEMPT_ENDED)
			return true;
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		if ((r->lanes[i].recover && !r->draining) ||
		    wants_claims(r, i, now))
			return true;
	return false;
}

static void log_written(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		const char *event = "job-queued-again";

		if (t->phase == ATTEMPT_CLAIMED)
			attempt_log(t, r->spec.log, now.now_ms, "job-claimed");
		if (t->phase != ATTEMPT_ENDED)
			continue;
		t->job = t->after;
		if (t->refused)
			event = "job-lost";
		else if (job_is_terminal(t->job.state))
			event = "job-ended";
		attempt_log(t, r->spec.log, now.now_ms, event);
	}
}

/* ---- 4. start ---------------------------------------------------------- */

static void start_claimed(struct runner *r, struct runner_now now)
{
	if (r->heartbeat_boot <= now.now_boot)
		r->heartbeat_boot = now.now_boot + r->spec.heartbeat_ms;
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_CLAIMED)
			continue;
		t->phase = t->callable ? ATTEMPT_CALLING : ATTEMPT_ENDED;
		if (t->callable)
			r->spec.upstream->start(r->spec.pool, &t->call, t);
	}
}

static void work(struct runner *r, struct runner_now now)
{
	if (r->store_boot > now.now_boot || !has_work(r, now))
		return;
	bool done = transact(r, now, work_all);
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->lanes[i].leaving = 0;
	if (!done) {
		drop(r, ATTEMPT_CLAIMED);
		look_everywhere(r);
		recover_everywhere(r);
		return;
	}
	log_written(r, now);
	drop(r, ATTEMPT_ENDED);
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

	if (r->store_boot)
		return r->store_boot;
	if (r->attempts)
		sooner(&due, r->heartbeat_boot);
	for (const struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase == ATTEMPT_ENDED)
			sooner(&due, now.now_boot);
		else if (t->job.deadline_ms)
			sooner(&due,
			    now.now_boot + t->job.deadline_ms - now.now_ms);
	}
	if (r->draining)
		return due;
	sooner(&due, r->recheck_boot);
	for (size_t i = 0; i < r->spec.config->n_apis; i++) {
		sooner(&due, r->lanes[i].due_boot);
		if (r->lanes[i].recover)
			sooner(&due, now.now_boot);
	}
	return due;
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
	if (now.now_boot >= r->store_boot) {
		look_at_the_clock(r, now);
		heartbeat(r, now);
		take_answers(r, now);
		end_overdue(r, now);
		work(r, now);
	}
	*due_boot = next_due(r, now);
}
