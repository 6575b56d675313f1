#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "tests/fault/reads/sim.h"

/*
 * The upstreams, as upstream_ops, with their own record of what was called.
 * What must never be called is a fault right there: beyond a bound, while a
 * breaker is open or a pause lasts, twice at once, or though it is kept and
 * fresh.
 */

/* ---- purges -------------------------------------------------------------- */

bool net_purged(
    const struct sim *s, int64_t number, size_t endpoint, int64_t to)
{
	for (int64_t i = to > PURGES ? to - PURGES : 0; i < to; i++) {
		const struct purge *p = &s->purges[i % PURGES];
		if (number < p->before &&
		    (p->upstream == UPSTREAMS ||
			p->upstream == s->endpoints[endpoint].upstream) &&
		    (p->endpoint == ENDPOINTS || p->endpoint == endpoint))
			return true;
	}
	return false;
}

void net_purge(struct sim *s)
{
	struct purge *p = &s->purges[s->n_purges++ % PURGES];
	char prefix[16] = "";

	*p = (struct purge){
	    s->number, draw_below(s, UPSTREAMS + 1), draw_below(s, ENDPOINTS)};
	if (p->upstream == UPSTREAMS || draw_chance(s, 50))
		p->endpoint = ENDPOINTS;
	if (p->endpoint < ENDPOINTS)
		snprintf(prefix, sizeof(prefix), "u%zu/e%zu", p->upstream,
		    p->endpoint);
	else if (p->upstream < UPSTREAMS)
		snprintf(prefix, sizeof(prefix), "u%zu/", p->upstream);
	engine_purge(s->e, str_of(prefix));
	for (size_t i = 0; i < ITEMS; i++) {
		struct item *item = &s->items[i];
		if (item->kept &&
		    net_purged(s, item->number, endpoint_of(i), s->n_purges))
			item->kept = false;
	}
	for (size_t i = 0; i < s->top; i++) {
		const struct call *call = &s->calls[i];
		if (call->running && net_purged(s, call->number,
					 endpoint_of(call->item), s->n_purges))
			s->items[call->item].loose = true;
	}
}

/* ---- calls --------------------------------------------------------------- */

/* "http://u0/e3/p1" */
static size_t item_called(
    struct sim *s, const struct upstream_call *http, size_t *upstream)
{
	size_t endpoint = 0, slot = 0, auth = 0;
	char id[8] = "";

	if (sscanf(http->url, "http://u%zu/e%zu/%7s", upstream, &endpoint, id) <
		2 ||
	    endpoint >= ENDPOINTS ||
	    s->endpoints[endpoint].upstream != *upstream) {
		sim_fault(s, "a URL of nobody's");
		return 0;
	}
	if (id[0] == 'p')
		slot = 1 + IDS + (size_t)(id[1] - '0');
	else if (id[0])
		slot = 1 + (size_t)(id[0] - '0');
	for (size_t i = 0; i < http->headers.n; i++)
		if (str_is(http->headers.items[i].name, "authorization"))
			auth =
			    (size_t)(http->headers.items[i].value.p[0] - '0');
	return item_of(endpoint, slot % SLOTS, auth % AUTHS);
}

static void check_start(struct sim *s, const struct call *call)
{
	const size_t up = call->upstream;
	const struct endpoint *e = &s->endpoints[endpoint_of(call->item)];
	const struct upstream *u = &s->sites->config.upstreams[up];
	const struct item *item = &s->items[call->item];

	if (call->timeout <= 0 || call->timeout > e->timeout)
		sim_fault(s, "a call has another's time-out");
	if (s->n_running >= s->calls_max)
		sim_fault(s, "more calls than the bound over all");
	if ((int64_t)s->per_upstream[up] >= u->concurrency)
		sim_fault(s, "more calls than the upstream's bound");
	if (engine_breaker(s->e, up, s->boot) == BREAKER_OPEN)
		sim_fault(s, "a call though the breaker is open");
	if (s->boot < s->paused[up])
		sim_fault(s, "a call in a pause that was asked for");
	if (item->loose)
		return;
	if (item->running > (u->hedge != 0))
		sim_fault(s, "two calls for the same");
	if (item->kept && s->boot < item->made + e->ttl - e->ttl / 10)
		sim_fault(s, "a call for what is kept and fresh");
}

static void net_start(void *pool, const struct upstream_call *http, void *tag)
{
	struct sim *s = pool;
	struct call *call = s->calls;

	while (call->running)
		if (++call == s->calls + CALLS)
			abort();
	arena_reset(&call->arena);
	*call = (struct call){.tag = tag,
	    .running = true,
	    .number = s->number++,
	    .began = s->boot,
	    .timeout = http->timeout_ms,
	    .arena = call->arena};
	call->item = item_called(s, http, &call->upstream);
	call->tries =
	    engine_breaker(s->e, call->upstream, s->boot) == BREAKER_HALF;
	check_start(s, call);
	if ((size_t)(call - s->calls) >= s->top)
		s->top = (size_t)(call - s->calls) + 1;
	s->beside += s->items[call->item].running != 0;
	s->items[call->item].running++;
	s->n_running++;
	s->per_upstream[call->upstream]++;
	s->began++;
}

static void gone(struct sim *s, struct call *call)
{
	call->running = false;
	s->items[call->item].running--;
	s->n_running--;
	s->per_upstream[call->upstream]--;
}

static void net_abort(void *pool, void *tag)
{
	struct sim *s = pool;

	for (size_t i = 0; i < s->top; i++)
		if (s->calls[i].running && s->calls[i].tag == tag) {
			gone(s, &s->calls[i]);
			s->aborted++;
			return;
		}
	sim_fault(s, "a call that is not there is aborted");
}

/* ---- answers ------------------------------------------------------------- */

/* As the engine hears it, now. */
static void heard(struct sim *s, const struct call *call)
{
	struct item *item = &s->items[call->item];
	const size_t endpoint = endpoint_of(call->item);
	const struct endpoint *e = &s->endpoints[endpoint];
	const struct upstream_answer *a = &call->answer;
	const bool good = a->status == 200 && a->body.p[0] == '{';

	s->made[call->number % NUMBERS] = s->boot;
	if (a->has_retry_after && (a->status == 429 || a->status == 503) &&
	    s->paused[call->upstream] < s->boot + a->retry_after_ms)
		s->paused[call->upstream] = s->boot + a->retry_after_ms;
	if (s->plain)
		plain_told(s, call->item, good);
	if (a->status == 404 && e->empty404)
		item->kept = false; /* null, perhaps */
	if (!good || !call->keeps || item->loose ||
	    e->ttl + e->stale + e->spare == 0)
		return;
	item->kept = true;
	item->made = s->boot;
	item->number = call->number;
}

static bool net_next(
    void *pool, struct arena *arena, void **tag, struct upstream_answer *answer)
{
	struct sim *s = pool;

	(void)arena;
	for (size_t i = 0; i < s->top; i++) {
		struct call *call = &s->calls[i];
		if (!call->running || !call->ended)
			continue;
		gone(s, call);
		*tag = call->tag;
		*answer = call->answer;
		heard(s, call);
		return true;
	}
	return false;
}

static struct str body_of(struct sim *s, struct call *call)
{
	struct buf buf = {0};
	struct str text;
	bool first = true;

	buf_printf(&buf, "{\"item\":%zu,\"n\":%lld,\"at\":[", call->item,
	    (long long)call->number);
	for (size_t i = 0; i < SUBS; i++) {
		if (draw_chance(s, 40))
			continue;
		buf_printf(&buf, "%s\"p%zu\"", first ? "" : ",", i);
		first = false;
	}
	buf_puts(&buf, "]}");
	text = arena_str(&call->arena, buf_str(&buf));
	buf_release(&buf);
	return text;
}

static void draw_answer(struct sim *s, struct call *call)
{
	static const int statuses[] = {404, 404, 500, 503, 502, 429, 403};
	static const enum upstream_end ends[] = {UPSTREAM_UNSENT,
	    UPSTREAM_TIMEOUT, UPSTREAM_BROKEN, UPSTREAM_TOO_LARGE};
	struct upstream_answer *a = &call->answer;
	const size_t kind = draw_below(s, 100);

	*a = (struct upstream_answer){.status = 200};
	call->ended = call->keeps = true;
	if (kind < 70) {
		a->body = body_of(s, call);
	} else if (kind < 88) {
		a->status = statuses[draw_below(
		    s, sizeof(statuses) / sizeof(*statuses))];
		a->has_retry_after = !s->plain && draw_chance(s, 10);
		a->retry_after_ms = (int64_t)draw_below(s, 3000);
	} else if (kind < 90) {
		a->body = STR("<html>");
	} else {
		a->status = 0;
		a->end = ends[draw_below(s, sizeof(ends) / sizeof(*ends))];
	}
	if (kind < 4) {
		struct pair *pair = arena_alloc(&call->arena, sizeof(*pair));
		*pair = (struct pair){STR("cache-control"), STR("no-store")};
		a->headers = (struct pairs){pair, 1};
		call->keeps = false;
	}
}

void net_answer(struct sim *s)
{
	const size_t from = s->top ? draw_below(s, s->top) : 0;

	for (size_t i = 0; i < s->top; i++) {
		struct call *call = &s->calls[(from + i) % s->top];
		if (!call->running || call->ended)
			continue;
		draw_answer(s, call);
		return;
	}
}

/* After a step. */
void net_check(struct sim *s)
{
	bool any = false;

	for (size_t i = 0; i < s->top; i++) {
		const struct call *call = &s->calls[i];
		if (!call->running)
			continue;
		any = true;
		if (s->boot >= call->began + call->timeout)
			sim_fault(s, "a call is out beyond its time");
		if (!people_want(s, call->item) && !call->tries &&
		    !s->endpoints[endpoint_of(call->item)].stale)
			sim_fault(s, "a call that nobody waits for");
	}
	if (!any && engine_load(s->e).flights == 0)
		for (size_t i = 0; i < ITEMS; i++)
			s->items[i].loose = false;
}

const struct upstream_ops upstream_sim = {
    .name = "sim", .start = net_start, .abort = net_abort, .next = net_next};
