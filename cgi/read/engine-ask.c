#include "cgi/read/engine-parts.h"

#include <stdlib.h>

/*
 * Askers: a request each, its plan and its deadline. A ticket is the number of
 * a slot and how many lived in it, so that an old one is nobody's.
 */
/* Bytes: a plan of one call and a request with few headers. Thousands may wait
   for the same one. */
#define ASKER_FIRST 1500

/* ---- tickets ------------------------------------------------------------- */

static uint64_t ticket_of(const struct engine *e, uint32_t slot)
{
	return (uint64_t)e->lives[slot] << 32 | (slot + 1);
}

struct asker *engine_asker(const struct engine *e, uint64_t ticket)
{
	const uint64_t slot = (ticket & UINT32_MAX) - 1;

	if (slot >= e->n_slots || ticket >> 32 != e->lives[slot])
		return NULL;
	return e->askers[slot];
}

static void grow(struct engine *e)
{
	const size_t n = e->n_slots ? e->n_slots * 2 : 64;

	e->askers = realloc(e->askers, n * sizeof(*e->askers));
	e->lives = realloc(e->lives, n * sizeof(*e->lives));
	e->free_slots = realloc(e->free_slots, n * sizeof(*e->free_slots));
	if (!e->askers || !e->lives || !e->free_slots)
		abort();
	for (size_t i = n; i-- > e->n_slots;) {
		e->askers[i] = NULL;
		e->lives[i] = 0;
		e->free_slots[e->n_free++] = (uint32_t)i;
	}
	e->n_slots = n;
}

static struct asker *asker_new(struct engine *e)
{
	struct asker *asker = e->n_spare_askers
				  ? e->spare_askers[--e->n_spare_askers]
				  : calloc(1, sizeof(*asker));

	if (!asker)
		abort();
	if (!e->n_free)
		grow(e);
	const uint32_t slot = e->free_slots[--e->n_free];
	*asker = (struct asker){.arena = asker->arena,
	    .ticket = ticket_of(e, slot),
	    .epoch = e->epochs,
	    .deadline.kind = TIMER_ASKER};
	arena_first(&asker->arena, ASKER_FIRST);
	epoch_use(asker->epoch);
	link_init(&asker->waits);
	link_init(&asker->turn);
	e->askers[slot] = asker;
	e->n_askers++;
	return asker;
}

static void leave_all(struct engine *e, struct asker *asker)
{
	const struct engine_now never = {0};

	while (!link_alone(&asker->waits))
		flight_leave(e, never,
		    HOLDER(struct waiter, of_asker, asker->waits.next), false);
}

void asker_free(struct engine *e, struct asker *asker)
{
	const uint32_t slot = (uint32_t)((asker->ticket & UINT32_MAX) - 1);

	leave_all(e, asker);
	link_out(&asker->turn);
	times_drop(&e->times, &asker->deadline);
	plan_release(asker->plan);
	epoch_leave(e, asker->epoch);
	e->askers[slot] = NULL;
	e->lives[slot]++;
	e->free_slots[e->n_free++] = slot;
	e->n_askers--;
	if (e->n_spare_askers == ENGINE_SPARE_ASKERS) {
		arena_release(&asker->arena);
		free(asker);
		return;
	}
	arena_reset(&asker->arena);
	e->spare_askers[e->n_spare_askers++] = asker;
}

/* ---- beginning ----------------------------------------------------------- */

static struct pairs copy_pairs(struct arena *a, const struct pairs *from)
{
	struct pairs to = {
	    .items = arena_array(a, from->n, sizeof(struct pair)),
	    .n = from->n};

	for (size_t i = 0; i < from->n; i++)
		to.items[i] = (struct pair){arena_str(a, from->items[i].name),
		    arena_str(a, from->items[i].value)};
	return to;
}

static struct envelope_request *copy_request(
    struct arena *a, const struct envelope_request *from)
{
	struct envelope_request *to = arena_alloc(a, sizeof(*to));

	if (!from)
		return to;
	to->method = arena_str(a, from->method);
	to->path = arena_str(a, from->path);
	to->query = arena_str(a, from->query);
	to->remote_addr = arena_str(a, from->remote_addr);
	to->headers = copy_pairs(a, &from->headers);
	return to;
}

static enum err make_plan(
    struct asker *asker, const struct engine_ask *ask, struct str *why)
{
	struct arena *a = &asker->arena;
	const struct plan_spec spec = {.config = asker->epoch->config,
	    .read = asker->read,
	    .params = copy_pairs(a, &ask->params),
	    .request = copy_request(a, ask->request),
	    .owner = arena_str(a, ask->owner),
	    .secrets = asker->epoch->secrets};

	return plan_new(a, &spec, &asker->plan, why);
}

enum err engine_begin(struct engine *e, struct engine_now now,
    const struct engine_ask *ask, struct arena *a, uint64_t *ticket,
    struct str *why)
{
	struct str reason = {0};
	enum err err;

	if (e->n_askers >= e->spec.reads_max ||
	    e->n_waiters >= ENGINE_WAITERS_MAX)
		return ERR_FULL;
	struct asker *asker = asker_new(e);
	asker->read = &asker->epoch->config->reads[ask->read];
	err = make_plan(asker, ask, &reason);
	if (err) {
		*why = arena_str(a, reason);
		asker_free(e, asker);
		return err;
	}
	*ticket = asker->ticket;
	asker->deadline_boot = ask->deadline_boot
				   ? ask->deadline_boot
				   : now.now_boot + asker->read->deadline_ms;
	asker->late = asker->deadline_boot <= now.now_boot;
	if (!asker->late)
		times_set(&e->times, &asker->deadline, asker->deadline_boot);
	link_last(&e->turns, &asker->turn);
	engine_settle(e, now);
	return ERR_OK;
}

/* ---- going on ------------------------------------------------------------ */

void engine_tell(struct engine *e, struct asker *asker, size_t index,
    const struct plan_outcome *outcome)
{
	static const struct plan_outcome too_large = {
	    .failure = PLAN_UNKNOWN_ERROR,
	    .message = "the answer as a whole is too large"};

	if (outcome->blob) {
		asker->bytes += outcome->blob->n;
		if (asker->bytes > PLAN_RESULT_MAX) {
			asker->bytes -= outcome->blob->n;
			outcome = &too_large;
		}
	}
	plan_take(asker->plan, index, outcome);
	if (link_alone(&asker->turn))
		link_last(&e->turns, &asker->turn);
}

static size_t upstream_of(
    const struct asker *asker, const struct plan_call *call)
{
	const struct config *c = asker->epoch->config;

	return asker->epoch->queues[call->upstream - c->upstreams]->index;
}

/* It is not to be had: a spare copy, or that. */
static void refuse(struct engine *e, struct engine_now now, struct asker *asker,
    const struct plan_call *call, const struct landing *landing)
{
	struct plan_outcome outcome = landing_outcome(landing, call->call);

	if (engine_spare(e, now.now_boot, call->key, call->call, &outcome))
		read_metrics_part(
		    e->spec.metrics, upstream_of(asker, call), READ_FROM_SPARE);
	engine_tell(e, asker, call->index, &outcome);
}

/* Others wait for the end of a pause that is longer than he can wait. */
static bool is_impatient(const struct asker *asker, const struct flight *f,
    int64_t now_boot, struct landing *out)
{
	const int64_t ms = lane_paused_ms(f->queue->lane, now_boot);

	*out = (struct landing){.kind = LANDING_OPEN, .retry_ms = ms};
	return f->phase != FLIGHT_OUT && ms > asker->deadline_boot - now_boot;
}

static void renew(struct engine *e, struct engine_now now, struct asker *asker,
    const struct plan_call *call)
{
	struct flight *f = flight_find(e, call->key);

	if (f) {
		f->renews = true;
		return;
	}
	f = flight_new(e, now, asker, call);
	f->renews = true;
	queue_enter(e, now, f);
}

static void want(struct engine *e, struct engine_now now, struct asker *asker,
    const struct plan_call *call)
{
	struct read_metrics *m = e->spec.metrics;
	const size_t upstream = upstream_of(asker, call);
	struct plan_outcome outcome;
	struct landing landing;
	struct flight *f;

	switch (engine_look(e, now.now_boot, call, &outcome)) {
	case LOOK_FRESH:
		read_metrics_part(m, upstream, READ_FROM_HIT);
		engine_tell(e, asker, call->index, &outcome);
		return;
	case LOOK_STALE:
		read_metrics_part(m, upstream, READ_FROM_STALE);
		engine_tell(e, asker, call->index, &outcome);
		renew(e, now, asker, call);
		return;
	case LOOK_NOTHING:
		break;
	}
	if (asker->late) {
		landing = (struct landing){.end = UPSTREAM_TIMEOUT};
		refuse(e, now, asker, call, &landing);
		return;
	}
	f = flight_find(e, call->key);
	if (f && is_impatient(asker, f, now.now_boot, &landing)) {
		read_metrics_refused(m, upstream, true);
		refuse(e, now, asker, call, &landing);
		return;
	}
	read_metrics_part(
	    m, upstream, f ? READ_FROM_COALESCED : READ_FROM_CALL);
	if (f) {
		flight_join(e, now, f, asker, call);
		return;
	}
	f = flight_new(e, now, asker, call);
	flight_join(e, now, f, asker, call);
	queue_enter(e, now, f);
}

static void over(struct engine *e, struct asker *asker)
{
	leave_all(e, asker);
	times_drop(&e->times, &asker->deadline);
	link_out(&asker->turn);
	link_last(&e->ready, &asker->turn);
	asker->phase = ASKER_OVER;
}

void asker_go_on(struct engine *e, struct engine_now now, struct asker *asker)
{
	const size_t most = asker->read->concurrency > 0
				? (size_t)asker->read->concurrency
				: ENGINE_READ_CALLS;
	struct plan *plan = asker->plan;
	struct plan_call call;

	while (!plan_is_over(plan) && (asker->late || asker->out < most) &&
	       plan_next(plan, &call))
		want(e, now, asker, &call);
	if (asker->late && !plan_is_over(plan))
		plan_expire(plan);
	if (plan_is_over(plan))
		over(e, asker);
}

void asker_late(struct engine *e, struct engine_now now, struct asker *asker)
{
	asker->late = true;
	while (!link_alone(&asker->waits))
		flight_waiter_late(
		    e, now, HOLDER(struct waiter, of_asker, asker->waits.next));
	if (link_alone(&asker->turn))
		link_last(&e->turns, &asker->turn);
}
