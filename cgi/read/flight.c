#include "cgi/read/engine-parts.h"

#include <stdlib.h>

/*
 * Flights: who wants the same as somebody else waits for his. All that a
 * flight needs is its own, in one piece of memory, since the first who wanted
 * it may be gone before it ends.
 *
 * The table is of chains. Keys are hashes already, but whoever asks has a hand
 * in them; times an odd random number they cannot be aimed at one chain.
 */
#define SLOTS_FIRST 64

/* ---- the table ----------------------------------------------------------- */

static size_t slot_of(const struct flights *t, const uint8_t *key)
{
	uint64_t n;

	memcpy(&n, key, sizeof(n));
	n = (n ^ n >> 32) * (t->seed | 1);
	return (size_t)(n >> 32) & (t->n_slots - 1);
}

static void grow(struct flights *t)
{
	struct flights more = {
	    .n_slots = t->n_slots ? t->n_slots * 2 : SLOTS_FIRST,
	    .seed = t->seed,
	    .n = t->n};

	more.slots = calloc(more.n_slots, sizeof(struct flight *));
	if (!more.slots)
		abort();
	for (size_t i = 0; i < t->n_slots; i++)
		for (struct flight *f = t->slots[i], *next; f; f = next) {
			struct flight **to =
			    &more.slots[slot_of(&more, f->key)];
			next = f->next;
			f->next = *to;
			*to = f;
		}
	free(t->slots);
	*t = more;
}

struct flight *flight_find(struct engine *e, const uint8_t *key)
{
	const struct flights *t = &e->flights;

	if (!t->n)
		return NULL;
	for (struct flight *f = t->slots[slot_of(t, key)]; f; f = f->next)
		if (memcmp(f->key, key, READ_KEY_BYTES) == 0)
			return f;
	return NULL;
}

static void list(struct engine *e, struct flight *f)
{
	struct flights *t = &e->flights;

	if (t->n >= t->n_slots)
		grow(t);
	struct flight **slot = &t->slots[slot_of(t, f->key)];
	f->next = *slot;
	*slot = f;
	f->listed = true;
	t->n++;
}

void flight_unlist(struct engine *e, struct flight *f)
{
	struct flight **at;

	if (!f->listed)
		return;
	at = &e->flights.slots[slot_of(&e->flights, f->key)];
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->listed = false;
	e->flights.n--;
}

/* ---- one ----------------------------------------------------------------- */

/* Copies one behind the other; with p NULL they are only measured. */
struct copier {
	char *p;
	size_t n;
};

static void *room(struct copier *c, size_t n)
{
	const size_t grain = sizeof(max_align_t);
	void *p = c->p ? c->p + c->n : NULL;

	c->n += (n + grain - 1) / grain * grain;
	return p;
}

static struct str copy(struct copier *c, struct str s)
{
	char *p = room(c, s.n + 1);

	if (!p)
		return s;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){p, s.n};
}

/* Of a call: GET, so it has no body, and it is no program. */
static struct str copy_call(
    struct copier *c, const struct plan_call *from, struct upstream_call *to)
{
	const struct upstream_call *http = &from->http;
	struct pair *headers = room(c, http->headers.n * sizeof(struct pair));
	struct str *keep = room(c, http->keep.n * sizeof(struct str));
	struct upstream_call scrap;

	if (!c->p)
		to = &scrap;
	*to = *http;
	to->url = copy(c, str_of(http->url)).p;
	to->method = copy(c, str_of(http->method)).p;
	if (http->ca)
		to->ca = copy(c, str_of(http->ca)).p;
	for (size_t i = 0; i < http->headers.n; i++) {
		const struct pair pair = {copy(c, http->headers.items[i].name),
		    copy(c, http->headers.items[i].value)};
		if (headers)
			headers[i] = pair;
	}
	for (size_t i = 0; i < http->keep.n; i++) {
		const struct str name = copy(c, http->keep.items[i]);
		if (keep)
			keep[i] = name;
	}
	to->headers.items = headers;
	to->keep.items = keep;
	return copy(c, from->name);
}

/* A credential makes the answer that of whoever has it. */
static bool is_owned(const struct plan_call *call)
{
	static const char *const names[] = {
	    "authorization", "cookie", "proxy-authorization"};

	for (size_t i = 0; i < call->http.headers.n; i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++)
			if (str_ieq(call->http.headers.items[i].name,
				str_of(names[j])))
				return true;
	return call->call->owned;
}

static int64_t timeout_of(const struct plan_call *call)
{
	return call->http.timeout_ms > 0 ? call->http.timeout_ms
					 : ENGINE_CALL_MS;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct flight *flight_new(struct engine *e, struct engine_now now,
    const struct asker *asker, const struct plan_call *call)
{
	const struct config *c = asker->epoch->config;
	struct copier copier = {.n = 0};

	room(&copier, sizeof(struct flight));
	copy_call(&copier, call, NULL);
	copier.p = calloc(1, copier.n);
	if (!copier.p)
		abort();
	copier.n = 0;
	struct flight *f = room(&copier, sizeof(*f));
	f->name = copy_call(&copier, call, &f->http);
	memcpy(f->key, call->key, READ_KEY_BYTES);
	f->epoch = asker->epoch;
	epoch_use(f->epoch);
	f->call = call->call;
	f->queue = f->epoch->queues[call->upstream - c->upstreams];
	f->owned = is_owned(call);
	link_init(&f->waiters);
	link_init(&f->place);
	f->timer.kind = TIMER_FLIGHT;
	f->timeout_ms = timeout_of(call);
	f->patience_ms = smaller(f->timeout_ms, asker->read->deadline_ms);
	f->latest_boot = now.now_boot + f->timeout_ms;
	link_last(&e->flights_all, &f->of_all);
	e->n_flights++;
	list(e, f);
	return f;
}

void flight_free(struct engine *e, struct flight *f)
{
	flight_unlist(e, f);
	queue_leave(e, f);
	times_drop(&e->times, &f->timer);
	landing_release(&f->last);
	link_out(&f->of_all);
	e->n_flights--;
	epoch_leave(e, f->epoch);
	free(f);
}

/* ---- who waits ----------------------------------------------------------- */

static struct waiter *waiter_new(struct engine *e)
{
	struct waiter *w;

	e->n_waiters++;
	if (link_alone(&e->spare_waiters)) {
		w = malloc(sizeof(*w));
		if (!w)
			abort();
		return w;
	}
	w = HOLDER(struct waiter, of_asker, e->spare_waiters.next);
	link_out(&w->of_asker);
	e->n_spare_waiters--;
	return w;
}

static void waiter_free(struct engine *e, struct waiter *w)
{
	times_drop(&e->times, &w->until);
	link_out(&w->of_asker);
	link_out(&w->of_flight);
	w->asker->out--;
	w->flight->n_waiters--;
	e->n_waiters--;
	if (e->n_spare_waiters == ENGINE_SPARE_WAITERS) {
		free(w);
		return;
	}
	link_last(&e->spare_waiters, &w->of_asker);
	e->n_spare_waiters++;
}

void flight_join(struct engine *e, struct engine_now now, struct flight *f,
    struct asker *asker, const struct plan_call *call)
{
	struct waiter *w = waiter_new(e);

	*w = (struct waiter){.asker = asker,
	    .flight = f,
	    .call = call->call,
	    .index = call->index,
	    .timeout_ms = timeout_of(call),
	    .until.kind = TIMER_WAITER};
	link_init(&w->of_asker);
	link_init(&w->of_flight);
	link_last(&asker->waits, &w->of_asker);
	link_last(&f->waiters, &w->of_flight);
	asker->out++;
	f->n_waiters++;
	if (asker->deadline_boot > f->latest_boot || f->n_waiters == 1)
		f->latest_boot = asker->deadline_boot;
	if (!f->until_boot && w->timeout_ms > f->timeout_ms)
		f->timeout_ms = w->timeout_ms;
	/* his own time is shorter than what is left of the flight's */
	if (f->until_boot && now.now_boot + w->timeout_ms < f->until_boot)
		times_set(&e->times, &w->until, now.now_boot + w->timeout_ms);
	if (f->phase == FLIGHT_QUEUED)
		flight_arm(e, f);
}

void flight_leave(
    struct engine *e, struct engine_now now, struct waiter *w, bool late)
{
	struct flight *f = w->flight;

	waiter_free(e, w);
	if (f->n_waiters)
		return;
	if (f->renews) {
		if (f->phase == FLIGHT_QUEUED)
			flight_arm(e, f);
		return;
	}
	if (!late && legs_left_to_try(e, now, f))
		return;
	legs_abort(e, now, f, late);
	flight_free(e, f);
}

static void spare(struct engine *e, struct engine_now now,
    const struct waiter *w, struct plan_outcome *outcome)
{
	if (engine_spare(e, now.now_boot, w->flight->key, w->call, outcome))
		read_metrics_part(
		    e->spec.metrics, w->flight->queue->index, READ_FROM_SPARE);
}

void flight_land(struct engine *e, struct engine_now now, struct flight *f,
    struct landing *landing)
{
	const bool spared = landing_may_be_spared(landing);

	flight_unlist(e, f);
	legs_abort(e, now, f, false);
	while (f->n_waiters) {
		struct waiter *w =
		    HOLDER(struct waiter, of_flight, f->waiters.next);
		struct plan_outcome outcome = landing_outcome(landing, w->call);
		if (outcome.failure && spared)
			spare(e, now, w, &outcome);
		engine_tell(e, w->asker, w->index, &outcome);
		waiter_free(e, w);
	}
	landing_release(landing);
	flight_free(e, f);
}

/* What failed before says more than that it cannot be tried again. */
void flight_refuse(struct engine *e, struct engine_now now, struct flight *f,
    enum landing_kind kind, int64_t retry_ms)
{
	struct landing landing = {.kind = kind, .retry_ms = retry_ms};

	if (f->has_last) {
		landing = f->last;
		f->last = (struct landing){0};
	} else {
		read_metrics_refused(
		    e->spec.metrics, f->queue->index, kind == LANDING_OPEN);
	}
	flight_land(e, now, f, &landing);
}

/* His own time-out is over; the flight goes on for the others. */
void flight_waiter_late(
    struct engine *e, struct engine_now now, struct waiter *w)
{
	const struct landing landing = {.end = UPSTREAM_TIMEOUT};
	struct plan_outcome outcome = landing_outcome(&landing, w->call);

	spare(e, now, w, &outcome);
	engine_tell(e, w->asker, w->index, &outcome);
	flight_leave(e, now, w, true);
}
