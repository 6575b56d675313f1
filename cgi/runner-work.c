#include "cgi/runner-parts.h"
#include "lib/config-merge.h"

/*
 * Step 3 of a step, without its begin and commit. Order matters: what ended is
 * written first, so that its place is free for the next claim in the same
 * transaction.
 */

struct outcome_now runner_at(const struct runner *r, struct runner_now now)
{
	struct outcome_now out = {
	    .now_ms = now.now_ms, .now_boot = now.now_boot};

	r->spec.random(&out.random, sizeof(out.random));
	return out;
}

bool runner_is_refusal(enum err err)
{
	return err == ERR_STALE || err == ERR_CONFLICT || err == ERR_NOT_FOUND;
}

/* What has to be known of a job before it is told its outcome. */
static enum err first_say(
    struct runner *r, struct attempt *t, enum job_event_kind kind)
{
	struct job_event event = t->outcome.event;

	event.kind = kind;
	event.progress = -1;
	event.lease_boot = event.now_boot; /* of a heartbeat: it ends now */
	return store_change(
	    r->spec.store, t->api, &t->after, &event, (struct str){0});
}

static enum err write_one(struct runner *r, struct attempt *t)
{
	const struct job_event *event = &t->outcome.event;
	struct buf result = {0};
	enum err err = ERR_OK;

	t->after = t->job;
	if (t->outcome.not_executed)
		err = first_say(r, t, JOB_EVENT_UNSENT);
	if (err == ERR_OK && t->outcome.lapses)
		err = first_say(r, t, JOB_EVENT_HEARTBEAT);
	if (err == ERR_OK) {
		if (attempt_is_last(t))
			attempt_seal(t, r->spec.keys, &result);
		err = store_change(
		    r->spec.store, t->api, &t->after, event, buf_str(&result));
	}
	buf_release(&result);
	t->refused = runner_is_refusal(err);
	return t->refused ? ERR_OK : err;
}

enum err runner_write(struct runner *r, struct runner_now now, void *attempt)
{
	struct attempt *t = attempt;
	struct lane *lane = &r->lanes[t->api];
	enum err err = write_one(r, t);

	(void)now;
	if (err != ERR_OK)
		return err;
	lane->look = true;
	if (t->outcome.pause_boot && !t->refused)
		err = store_pause(r->spec.store, t->api, t->outcome.pause_boot);
	return err;
}

static enum err write_ended(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		if (t->phase != ATTEMPT_ENDED || t->damaged)
			continue;
		enum err err = runner_write(r, now, t);
		if (err != ERR_OK)
			return err;
		r->lanes[t->api].leaving++;
		r->leaving++;
	}
	return ERR_OK;
}

static bool has_room(const struct runner *r, size_t api)
{
	const struct lane *lane = &r->lanes[api];
	int64_t most = r->spec.config->apis[api].concurrency;
	size_t running = lane->running - lane->leaving;

	return running < (size_t)(most > 0 ? most : 1) &&
	       r->n_calls - r->leaving < RUNNER_CALLS_MAX;
}

bool runner_wants_claims(
    const struct runner *r, size_t api, struct runner_now now)
{
	const struct lane *lane = &r->lanes[api];

	/* nobody knows any more what to do with what is left of it */
	if (config_is_gone(&r->spec.config->apis[api]))
		return false;
	return lane->look && !r->draining &&
	       lane->damaged_boot <= now.now_boot &&
	       r->claim_boot <= now.now_boot && has_room(r, api);
}

static void add(struct runner *r, struct attempt *t)
{
	t->next = r->attempts;
	r->attempts = t;
	r->n_attempts++;
	r->n_calls++;
	r->lanes[t->api].running++;
}

static enum err claim_one(struct runner *r, size_t api, struct runner_now now)
{
	struct store_ask ask = {.now_ms = now.now_ms,
	    .now_boot = now.now_boot,
	    .lease_boot = now.now_boot + r->spec.lease_ms};
	const struct outcome_now o = runner_at(r, now);
	const struct attempt_means means = {.config = r->spec.config,
	    .keys = r->spec.keys,
	    .secrets = r->spec.secrets,
	    .handlers = r->spec.handlers};
	struct str sealed = {0}, note = {0};
	struct job job;

	r->spec.random(ask.claim, sizeof(ask.claim));
	enum err err = store_claim(
	    r->spec.store, api, &ask, &job, &r->lanes[api].due_boot);
	if (err != ERR_OK)
		return err;
	struct attempt *t = attempt_new(api, &job, &o);
	add(r, t);
	err = store_body(r->spec.store, &job, BODY_REQUEST, &t->arena, &sealed);
	if (job.polled && (err == ERR_OK || err == ERR_NOT_FOUND))
		err = store_body(
		    r->spec.store, &job, BODY_NOTE, &t->arena, &note);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	attempt_prepare(t, &means, sealed, note, &o);
	return ERR_OK;
}

/*
 * Who holds jobs for an operator says how many there are, since nobody was left
 * to tell of each.
 */
static void log_recovered(
    struct runner *r, size_t api, struct runner_now now, size_t changed)
{
	const struct api *a = &r->spec.config->apis[api];
	struct store_stats stats = {.held = 0};

	if (a->on_lost == ON_LOST_HOLD &&
	    store_stats(r->spec.store, api, &stats) != ERR_OK)
		stats.held = 0;
	LOG(r->spec.log, now.now_ms, "jobs-recovered", LOG_STR("api", a->name),
	    LOG_INT("count", (int64_t)changed), LOG_INT("held", stats.held));
	metrics_recovered(r->spec.metrics, api, changed);
}

enum err runner_recover(struct runner *r, size_t api, struct runner_now now)
{
	struct lane *lane = &r->lanes[api];
	size_t changed = 0;

	if (lane->damaged_boot > now.now_boot)
		lane->due_boot = lane->damaged_boot;
	if (r->wary_boot || lane->damaged_boot > now.now_boot) {
		lane->recover = false;
		return ERR_OK;
	}
	enum err err = store_recover(r->spec.store, api, now.now_ms,
	    now.now_boot, RUNNER_RECOVER_MAX, &changed);

	lane->damaged_boot =
	    err == ERR_CORRUPT ? now.now_boot + r->spec.heartbeat_ms : 0;
	if (err != ERR_OK)
		return err;
	lane->recover = changed == RUNNER_RECOVER_MAX;
	if (changed) {
		lane->look = true;
		log_recovered(r, api, now, changed);
	}
	return ERR_OK;
}

/*
 * Of a ring everybody hears, but one, there is nothing left; and a row that is
 * damaged, or a lane that has no room, is for the transaction to see.
 */
static bool finds_work(struct runner *r, size_t api, struct runner_now now)
{
	struct lane *lane = &r->lanes[api];

	if (!runner_wants_claims(r, api, now))
		return lane->recover && !r->draining;
	if (lane->damaged_boot ||
	    store_claimable(r->spec.store, api, now.now_boot,
		&lane->due_boot) != ERR_NOT_FOUND)
		return true;
	lane->look = lane->recover = false;
	return false;
}

bool runner_finds_work(struct runner *r, struct runner_now now)
{
	r->found = false;
	if (r->aside_boot)
		return false;
	if (r->trouble || !r->has_beaten || store_view(r->spec.store) != ERR_OK)
		return true;
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		r->found |= finds_work(r, i, now);
	store_unview(r->spec.store);
	return r->found;
}

/*
 * One claim. ERR_NOT_FOUND: there is nothing for this lane now. Only what lies
 * ahead is in due_boot: so before a lane is left, what ended meanwhile is
 * brought home, which may give it work again.
 */
static enum err claim_next(struct runner *r, size_t api, struct runner_now now)
{
	for (;;) {
		enum err err = claim_one(r, api, now);
		if (err == ERR_CORRUPT)
			r->lanes[api].damaged_boot =
			    now.now_boot + r->spec.heartbeat_ms;
		if (err != ERR_NOT_FOUND)
			return err;
		r->lanes[api].look = false;
		err = runner_recover(r, api, now);
		if (err != ERR_OK)
			return err;
		if (r->lanes[api].recover || !runner_wants_claims(r, api, now))
			return ERR_NOT_FOUND;
	}
}

/*
 * One for each lane in turn, for as long as any has work and there is room; the
 * next time it is the one behind the last that got something. So a long queue
 * does not keep the others from what calls there may be.
 */
static enum err claim_in_turn(struct runner *r, struct runner_now now)
{
	const size_t n = r->spec.config->n_apis;
	size_t idle = 0, api = n ? r->turn % n : 0;

	for (; idle < n; api = (api + 1) % n) {
		enum err err = ERR_NOT_FOUND;

		if (runner_wants_claims(r, api, now))
			err = claim_next(r, api, now);
		if (err != ERR_OK && err != ERR_NOT_FOUND)
			return err;
		idle++;
		if (err != ERR_OK)
			continue;
		idle = 0;
		r->turn = (api + 1) % n;
		r->claims_first = false;
	}
	return ERR_OK;
}

/* ---- what is said, and what is asked for --------------------------------- */

static enum err tell_all(struct runner *r, struct runner_now now)
{
	enum err err = ERR_OK;

	for (struct attempt *t = r->attempts; t && !err; t = t->next)
		if (runner_tells(r, t, now))
			err = runner_renew(r, now, t);
	return err;
}

static enum err take_calls(struct runner *r, struct runner_now now)
{
	for (struct attempt *t = r->attempts; t; t = t->next) {
		int64_t due_boot = 0;

		if (!runner_wants_grant(r, t, now))
			continue;
		enum err err = store_take_call(
		    r->spec.store, t->api, now.now_boot, &due_boot);
		if (err == ERR_AGAIN)
			t->poll.due_boot = due_boot;
		else if (err != ERR_OK)
			return err;
		t->poll.taking = err == ERR_OK;
		r->claims_first |= t->poll.taking;
	}
	return ERR_OK;
}

static enum err bring_home(struct runner *r, struct runner_now now)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < r->spec.config->n_apis && err == ERR_OK; i++)
		if (r->lanes[i].recover)
			err = runner_recover(r, i, now);
	return err;
}

/*
 * Where an upstream has a rate, polls and claims get its calls by turns: what
 * it was given already does not keep it from what is new.
 */
enum err runner_work(struct runner *r, struct runner_now now, void *unused)
{
	const bool claims_first = r->claims_first;
	enum err err = write_ended(r, now);

	(void)unused;
	if (err == ERR_OK)
		err = tell_all(r, now);
	if (err == ERR_OK)
		err = bring_home(r, now);
	if (err == ERR_OK && !claims_first)
		err = take_calls(r, now);
	if (err == ERR_OK)
		err = claim_in_turn(r, now);
	return err == ERR_OK && claims_first ? take_calls(r, now) : err;
}
