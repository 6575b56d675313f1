#include <stdio.h>

#include "lib/json.h"
#include "tests/fault/reads/sim.h"

/* Who asks, and whether what he is told can be so. */

struct engine_now now_of(const struct sim *s)
{
	return (struct engine_now){1795250000000 + s->boot, s->boot};
}

/* ---- wanting ------------------------------------------------------------- */

static bool may_want(
    const struct sim *s, const struct asker *a, size_t endpoint, size_t slot)
{
	const struct endpoint *e = &s->endpoints[endpoint];
	bool has = false;

	for (size_t i = 0; i < READ_CALLS; i++)
		has |= a->site->endpoints[a->read][i] == endpoint;
	if (!has)
		return false;
	if (e->each)
		return slot >= 1 && slot <= IDS && a->ids[slot - 1];
	return e->sub ? slot > IDS : slot == 0;
}

static size_t item_for(
    const struct sim *s, const struct asker *a, size_t endpoint, size_t slot)
{
	return item_of(
	    endpoint, slot, s->endpoints[endpoint].forwards ? a->auth : 0);
}

static bool wants(const struct sim *s, const struct asker *a, size_t item)
{
	const size_t endpoint = endpoint_of(item), slot = item / AUTHS % SLOTS;

	return may_want(s, a, endpoint, slot) &&
	       item_for(s, a, endpoint, slot) == item;
}

bool people_want(const struct sim *s, size_t item)
{
	for (size_t i = 0; i < ASKERS; i++) {
		const struct asker *a = &s->askers[i];
		if (a->lives && !a->over && wants(s, a, item))
			return true;
	}
	return false;
}

/* ---- asking -------------------------------------------------------------- */

static void draw_asker(struct sim *s, struct asker *a)
{
	*a = (struct asker){.site = s->sites,
	    .read = draw_below(s, READS),
	    .auth = draw_below(s, AUTHS),
	    .began = s->boot,
	    .purges = s->n_purges};
	for (size_t i = 0; i < IDS; i++)
		a->ids[i] = draw_chance(s, 50);
	a->ids[draw_below(s, IDS)] = true;
	a->deadline = draw_chance(s, 30)
			  ? s->boot + s->plain + (int64_t)draw_below(s, 300)
			  : 0;
}

static enum err begin(struct sim *s, struct asker *a)
{
	char ids[2 * IDS + 1] = "", auth[2] = {(char)('0' + a->auth), '\0'};
	struct pair header = {STR("authorization"), str_of(auth)};
	struct pair param = {STR("ids"), {ids, 0}};
	const struct envelope_request request = {
	    .headers = {&header, a->auth != 0}};
	struct arena arena = {0};
	struct str why;

	for (size_t i = 0; i < IDS; i++) {
		if (!a->ids[i])
			continue;
		if (param.value.n)
			ids[param.value.n++] = ',';
		ids[param.value.n++] = (char)('0' + i);
	}
	const struct engine_ask what = {.read = a->read,
	    .params = {&param, 1},
	    .request = &request,
	    .deadline_boot = a->deadline};
	const enum err err =
	    engine_begin(s->e, now_of(s), &what, &arena, &a->ticket, &why);
	/* nothing of what it was told lives on */
	memset(ids, 'x', sizeof(ids));
	memset(auth, 'x', sizeof(auth));
	arena_release(&arena);
	return err;
}

void people_ask(struct sim *s)
{
	struct asker *a = s->askers;

	while (a->lives)
		if (++a == s->askers + ASKERS)
			return;
	draw_asker(s, a);
	for (size_t i = 0; i < ITEMS && s->plain; i++)
		a->out[i] = wants(s, a, i);
	/* before it begins: a call for it is somebody's from the first */
	a->lives = true;
	if (s->plain)
		plain_begin(s, a);
	if (begin(s, a) || !a->ticket) {
		sim_fault(s, "an asker is refused");
		a->lives = false;
	}
	if (!a->deadline)
		a->deadline =
		    s->boot + a->site->config.reads[a->read].deadline_ms;
	s->asked++;
}

void people_leave(struct sim *s)
{
	struct asker *a = &s->askers[draw_below(s, ASKERS)];

	if (!a->lives)
		return;
	a->lives = false;
	if (s->plain)
		plain_left(s, a);
	engine_leave(s->e, a->ticket);
}

/* ---- what they are told -------------------------------------------------- */

static void check_value(struct sim *s, const struct asker *a, size_t endpoint,
    size_t slot, const struct value *v, bool stale)
{
	const struct endpoint *e = &s->endpoints[endpoint];

	if (v->kind == VALUE_NULL) {
		if (!e->empty404)
			sim_fault(s, "null for what is never empty");
		return;
	}
	const struct value *item = value_get(v, "item");
	const struct value *number = value_get(v, "n");
	if (!item || !number) {
		sim_fault(s, "told what no upstream said");
		return;
	}
	if ((size_t)item->as.i != item_for(s, a, endpoint, slot))
		sim_fault(s, "told what is another's");
	if (net_purged(s, number->as.i, endpoint, a->purges))
		sim_fault(s, "told what was purged before he came");
	if (number->as.i + NUMBERS <= s->number)
		return;
	const int64_t made = s->made[number->as.i % NUMBERS];
	const int64_t most = e->ttl + (stale ? e->stale + e->spare : 0);
	if (made < a->began && made + most <= a->began)
		sim_fault(s, stale ? "older than anything may be"
				   : "stale, and not said to be");
}

static void slot_name(char out[8], size_t slot)
{
	if (slot > IDS)
		snprintf(out, 8, "p%u", (unsigned)(slot - IDS - 1) % 10);
	else
		snprintf(out, 8, "%u", (unsigned)(slot - 1) % 10);
}

static void check_part(struct sim *s, const struct asker *a, size_t endpoint,
    const struct value *v, bool stale)
{
	const struct endpoint *e = &s->endpoints[endpoint];
	char name[8];

	if (!e->each && !e->sub) {
		check_value(s, a, endpoint, 0, v, stale);
		return;
	}
	for (size_t slot = 1; slot < SLOTS; slot++) {
		slot_name(name, slot);
		const struct value *one = value_get(v, name);
		if (one && !may_want(s, a, endpoint, slot))
			sim_fault(s, "told what he did not ask for");
		if (one)
			check_value(s, a, endpoint, slot, one, stale);
	}
}

/* A copy was there all the time that he waited. */
static bool had_spare(
    const struct sim *s, const struct asker *a, size_t endpoint, size_t slot)
{
	const struct endpoint *e = &s->endpoints[endpoint];
	const struct item *item = &s->items[item_for(s, a, endpoint, slot)];

	return item->kept && !item->loose && item->made < a->began &&
	       a->over_boot <
		   item->made + e->ttl - e->ttl / 10 + e->stale + e->spare;
}

static void check_failure(
    struct sim *s, const struct asker *a, const struct read_failure *f)
{
	const size_t endpoint = (size_t)(f->endpoint.p[1] - '0');
	const struct endpoint *e = &s->endpoints[endpoint];
	size_t slot = 0;

	if (f->type <= PLAN_OK || f->type >= PLAN_FAILURES || !f->message.n)
		sim_fault(s, "a failure of no kind");
	if ((f->type == PLAN_HTTP_ERROR) != (f->status != 0))
		sim_fault(s, "a failure with a status of nobody's");
	/* those that need another call, and 4xx, are told all the same */
	if (e->sub || (f->status >= 400 && f->status < 500 && f->status != 429))
		return;
	if (e->each && !f->identifier.n)
		return;
	if (e->each)
		slot = 1 + (size_t)(f->identifier.p[0] - '0');
	if (had_spare(s, a, endpoint, slot))
		sim_fault(s, "a failure though there was a spare copy");
}

static void check_result(
    struct sim *s, const struct asker *a, const struct read_result *r)
{
	struct arena arena = {0};
	struct diag diag;
	struct value *body;
	const struct value *data;
	char name[8];

	diag_init(&diag, &arena);
	for (size_t i = 0; i < r->n_failures; i++)
		check_failure(s, a, &r->failures[i]);
	if (r->complete != (r->n_failures == 0))
		sim_fault(s, "complete, and not");
	s->complete += r->complete;
	s->partial += !r->complete;
	s->stale += r->stale;
	if (r->status != 200) {
		if (r->status < 502 || r->status > 504 || r->complete)
			sim_fault(s, "a status of nobody's");
		goto done;
	}
	if (json_read(&arena, r->body, 1 << 20, NULL, &diag, &body) ||
	    !(data = value_get(body, "data"))) {
		sim_fault(s, "a result that is not JSON");
		goto done;
	}
	for (size_t i = 0; i < ENDPOINTS; i++) {
		snprintf(name, sizeof(name), "c%u", (unsigned)i % 10);
		const struct value *v = value_get(data, name);
		if (v)
			check_part(s, a, i, v, r->stale);
	}
done:
	arena_release(&arena);
}

static struct asker *asker_of(struct sim *s, uint64_t ticket)
{
	for (size_t i = 0; i < ASKERS; i++)
		if (s->askers[i].lives && s->askers[i].ticket == ticket)
			return &s->askers[i];
	return NULL;
}

static void take(struct sim *s, struct asker *a)
{
	struct arena arena = {0};
	struct read_result result;

	a->lives = false;
	if (!engine_take(s->e, &arena, a->ticket, &result))
		sim_fault(s, "a result that cannot be taken");
	else
		check_result(s, a, &result);
	if (engine_take(s->e, &arena, a->ticket, &result))
		sim_fault(s, "a result that is taken twice");
	arena_release(&arena);
}

void people_ready(struct sim *s)
{
	bool named[ASKERS] = {false};
	uint64_t ticket;

	while (engine_ready(s->e, &ticket)) {
		struct asker *a = asker_of(s, ticket);
		if (!a || named[a - s->askers]) {
			sim_fault(s, "a ticket of nobody's is over");
			return;
		}
		if (s->plain ? !a->over : a->over)
			sim_fault(s, s->plain ? "over, and should not be"
					      : "over twice");
		a->over = true;
		a->over_boot = s->boot;
		named[a - s->askers] = true;
		if (draw_chance(s, 90))
			take(s, a);
	}
	for (size_t i = 0; i < ASKERS; i++)
		if (s->askers[i].lives && s->askers[i].over &&
		    draw_chance(s, 10))
			take(s, &s->askers[i]);
}

/* After a step, when those who are over were named. */
void people_check(struct sim *s)
{
	size_t living = 0;

	for (size_t i = 0; i < ASKERS; i++) {
		const struct asker *a = &s->askers[i];
		living += a->lives;
		if (!a->lives || a->over)
			continue;
		if (a->deadline <= s->boot)
			sim_fault(s, "a deadline has passed");
		if (!s->due || s->due > a->deadline)
			sim_fault(s, "nothing is due before a deadline");
	}
	if (engine_load(s->e).reads != living)
		sim_fault(s, "askers that nobody knows");
}
