#include "cgi/read/engine.h"

#include <stdlib.h>

#include "cgi/read/engine-parts.h"

/*
 * A step takes what upstreams answered, then what time brought, then lets those
 * go on who were told something, and lanes begin what they have room for, until
 * nobody has anything to do.
 */
struct engine *engine_new(const struct engine_spec *spec)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->spec = *spec;
	if (!e->spec.cache_bytes)
		e->spec.cache_bytes = ENGINE_CACHE_BYTES;
	if (!e->spec.reads_max || e->spec.reads_max > ENGINE_READS_MAX)
		e->spec.reads_max = ENGINE_READS_MAX;
	if (!e->spec.calls_max)
		e->spec.calls_max = ENGINE_CALLS_MAX;
	if (!e->spec.held_max)
		e->spec.held_max = ENGINE_HELD_MAX;
	link_init(&e->turns);
	link_init(&e->flights_all);
	link_init(&e->ready);
	link_init(&e->hungry);
	link_init(&e->spare_waiters);
	spec->random(&e->random, sizeof(e->random));
	e->flights.seed = engine_random(e);
	e->cache = read_cache_new(e->spec.cache_bytes, engine_random(e));
	engine_fit(e, spec->config, spec->secrets);
	return e;
}

/* splitmix64: for jitter and tables, nothing that is to be kept secret. */
uint64_t engine_random(struct engine *e)
{
	uint64_t n = e->random += UINT64_C(0x9e3779b97f4a7c15);

	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static void free_flights(struct engine *e)
{
	const struct engine_now never = {0};

	while (e->flights_all.next != &e->flights_all) {
		struct flight *f =
		    HOLDER(struct flight, of_all, e->flights_all.next);
		legs_abort(e, never, f, false);
		flight_free(e, f);
	}
	free(e->flights.slots);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_slots; i++)
		if (e->askers[i])
			asker_free(e, e->askers[i]);
	free_flights(e);
	engine_unfit(e);
	for (size_t i = 0; i < e->n_spare_askers; i++) {
		arena_release(&e->spare_askers[i]->arena);
		free(e->spare_askers[i]);
	}
	while (!link_alone(&e->spare_waiters)) {
		struct waiter *w =
		    HOLDER(struct waiter, of_asker, e->spare_waiters.next);
		link_out(&w->of_asker);
		free(w);
	}
	times_release(&e->times);
	arena_release(&e->scratch);
	read_cache_free(e->cache);
	free(e->askers);
	free(e->lives);
	free(e->free_slots);
	free(e);
}

void engine_refit(
    struct engine *e, const struct config *config, struct secrets *secrets)
{
	engine_fit(e, config, secrets);
}

/* ---- a step -------------------------------------------------------------- */

void engine_settle(struct engine *e, struct engine_now now)
{
	do {
		while (!link_alone(&e->turns)) {
			struct asker *asker =
			    HOLDER(struct asker, turn, e->turns.next);
			link_out(&asker->turn);
			asker_go_on(e, now, asker);
		}
		engine_pump(e, now);
	} while (!link_alone(&e->turns));
}

static void take_answers(struct engine *e, struct engine_now now)
{
	struct upstream_answer answer;
	void *tag;

	while (
	    e->spec.upstream->next(e->spec.pool, &e->scratch, &tag, &answer)) {
		leg_ended(e, now, tag, &answer);
		arena_reset(&e->scratch);
	}
}

static void fire(struct engine *e, struct engine_now now, struct timer *t)
{
	switch ((enum timer_kind)t->kind) {
	case TIMER_ASKER:
		asker_late(e, now, HOLDER(struct asker, deadline, t));
		break;
	case TIMER_WAITER:
		flight_waiter_late(e, now, HOLDER(struct waiter, until, t));
		break;
	case TIMER_FLIGHT:
		flight_due(e, now, HOLDER(struct flight, timer, t));
		break;
	case TIMER_QUEUE:
		queue_look(e, HOLDER(struct queue, again, t));
		break;
	}
}

static void sweep(struct engine *e, struct engine_now now)
{
	if (!e->sweep_boot || now.now_boot < e->sweep_boot)
		return;
	const int64_t next = read_cache_sweep(e->cache, now.now_boot);
	const int64_t rest =
	    next > now.now_boot ? ENGINE_SWEEP_MS : ENGINE_SWEEP_MORE_MS;
	e->sweep_boot =
	    next && next < now.now_boot + rest ? now.now_boot + rest : next;
}

void engine_step(struct engine *e, struct engine_now now, int64_t *due_boot)
{
	struct timer *t;

	take_answers(e, now);
	while ((t = times_take(&e->times, now.now_boot)))
		fire(e, now, t);
	engine_settle(e, now);
	sweep(e, now);
	*due_boot = times_next(&e->times);
	if (e->sweep_boot && (!*due_boot || e->sweep_boot < *due_boot))
		*due_boot = e->sweep_boot;
}

/* ---- who is over --------------------------------------------------------- */

void engine_leave(struct engine *e, uint64_t ticket)
{
	struct asker *asker = engine_asker(e, ticket);

	if (asker)
		asker_free(e, asker);
}

bool engine_ready(struct engine *e, uint64_t *ticket)
{
	if (link_alone(&e->ready))
		return false;
	struct asker *asker = HOLDER(struct asker, turn, e->ready.next);
	link_out(&asker->turn);
	asker->phase = ASKER_NAMED;
	*ticket = asker->ticket;
	return true;
}

/* What the result has of the plan's own texts goes with the plan. */
static void keep_texts(struct arena *a, struct read_result *result)
{
	struct read_failure *kept =
	    arena_array(a, result->n_failures, sizeof(*kept));

	for (size_t i = 0; i < result->n_failures; i++) {
		kept[i] = result->failures[i];
		kept[i].endpoint = arena_str(a, kept[i].endpoint);
		kept[i].message = arena_str(a, kept[i].message);
		kept[i].identifier = arena_str(a, kept[i].identifier);
		kept[i].why = arena_str(a, kept[i].why);
	}
	result->failures = kept;
}

bool engine_take(struct engine *e, struct arena *a, uint64_t ticket,
    struct read_result *result)
{
	struct asker *asker = engine_asker(e, ticket);

	if (!asker || asker->phase == ASKER_ASKS)
		return false;
	plan_result(asker->plan, a, result);
	keep_texts(a, result);
	asker_free(e, asker);
	return true;
}

/* ---- what an operator asks ----------------------------------------------- */

/* Nobody joins a call that was made before, and its answer is not kept. */
size_t engine_purge(struct engine *e, struct str prefix)
{
	for (struct link *l = e->flights_all.next; l != &e->flights_all;
	     l = l->next) {
		struct flight *f = HOLDER(struct flight, of_all, l);
		if (f->phase == FLIGHT_OUT && f->name.n >= prefix.n &&
		    str_eq(str_slice(f->name, 0, prefix.n), prefix))
			flight_unlist(e, f);
	}
	return read_cache_purge(e->cache, prefix);
}

struct engine_load engine_load(const struct engine *e)
{
	return (struct engine_load){.reads = e->n_askers,
	    .flights = e->n_flights,
	    .waiting = e->waiting};
}

void engine_cache_stats(const struct engine *e, struct cache_stats *out)
{
	read_cache_stats(e->cache, out);
}

enum breaker_state engine_breaker(
    const struct engine *e, size_t upstream, int64_t now_boot)
{
	return lane_state(e->epochs->queues[upstream]->lane, now_boot);
}
