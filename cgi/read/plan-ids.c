#include "cgi/read/plan-parts.h"

#include <stdlib.h>

#include "cgi/route.h"

/*
 * Identifiers, from the request or from results. Nothing is kept of a request
 * that has too many: its text is walked through, and those that came before are
 * found in a table with room for as many as there may be.
 */
struct seen {
	struct plan_ids *ids;
	size_t max, slots;
	uint16_t *table; /* places in the list, from 1 */
};

enum taken { TAKEN, TAKEN_BAD, TAKEN_TOO_MANY };

static void see_none(
    struct arena *a, struct plan_ids *ids, size_t max, struct seen *seen)
{
	*seen = (struct seen){.ids = ids, .max = max, .slots = 4};
	while (seen->slots < 2 * max)
		seen->slots *= 2;
	seen->table = arena_array(a, seen->slots, sizeof(*seen->table));
	ids->list.items = arena_array(a, max, sizeof(struct str));
	ids->known = true;
}

static bool is_good(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] < 0x20 || id.p[i] == 0x7f)
			return false;
	/* as a segment of a path these lead elsewhere */
	return id.n <= PLAN_ID_MAX && !str_is(id, ".") && !str_is(id, "..");
}

static enum taken take(struct seen *seen, struct str id)
{
	struct strs *list = &seen->ids->list;
	size_t at = (size_t)str_hash(id) & (seen->slots - 1);

	if (!is_good(id))
		return TAKEN_BAD;
	for (; seen->table[at]; at = (at + 1) & (seen->slots - 1))
		if (str_eq(list->items[seen->table[at] - 1], id))
			return TAKEN;
	if (list->n == seen->max)
		return TAKEN_TOO_MANY;
	list->items[list->n++] = id;
	seen->table[at] = (uint16_t)list->n;
	return TAKEN;
}

static size_t most(const struct plan_ids *ids, size_t room)
{
	size_t max =
	    ids->is->max < PLAN_IDS_MAX ? (size_t)ids->is->max : PLAN_IDS_MAX;
	return max < room ? max : room;
}

/* ---- of a request -------------------------------------------------------- */

static bool find_text(
    struct plan *plan, const struct plan_ids *ids, struct str *out)
{
	const struct pairs *params = &plan->spec.params;

	if (str_starts(ids->is->from, "query."))
		return route_query(plan->arena, plan->request.query,
		    arena_cstr(plan->arena, ids->member), out);
	for (size_t i = 0; i < params->n; i++) {
		if (str_eq(params->items[i].name, ids->member)) {
			*out = params->items[i].value;
			return true;
		}
	}
	return false;
}

static enum err refuse(struct plan *plan, const struct plan_ids *ids,
    struct str what, struct str *why)
{
	*why = arena_printf(
	    plan->arena, "{%.*s} %.*s", STR_ARG(ids->is->from), STR_ARG(what));
	return ERR_INPUT;
}

static enum err refuse_id(struct plan *plan, const struct plan_ids *ids,
    struct str id, struct str *why)
{
	return refuse(plan, ids,
	    id.n > PLAN_ID_MAX
		? arena_printf(plan->arena,
		      "has an identifier of more than %d bytes", PLAN_ID_MAX)
		: STR("has an identifier of characters that none is made of"),
	    why);
}

static enum err read_list(
    struct plan *plan, struct plan_ids *ids, struct str *why)
{
	struct str text = {0};
	struct seen seen;

	if (!find_text(plan, ids, &text))
		return refuse(plan, ids, STR("is missing"), why);
	see_none(plan->arena, ids, most(ids, PLAN_IDS_MAX), &seen);
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		end = str_find(text, ',', at);
		const struct str id = str_trim(str_slice(text, at, end));
		const enum taken taken = id.n ? take(&seen, id) : TAKEN;
		if (taken == TAKEN_BAD)
			return refuse_id(plan, ids, id, why);
		if (taken == TAKEN_TOO_MANY)
			return refuse(plan, ids,
			    arena_printf(plan->arena,
				"has more than %zu identifiers", seen.max),
			    why);
	}
	return ids->list.n ? ERR_OK
			   : refuse(plan, ids, STR("has no identifier"), why);
}

enum err plan_read_ids(struct plan *plan, struct str *why)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < plan->n_ids && err == ERR_OK; i++)
		if (plan->ids[i].from == PLAN_NONE)
			err = read_list(plan, &plan->ids[i], why);
	return err;
}

/* ---- of results ---------------------------------------------------------- */

/* A result's bytes may go before the plan's own: what is taken is copied. */
struct walk {
	struct plan *plan;
	struct seen seen;
	bool too_many, bad;
};

/* Deep as JSON is. */
static void walk(struct walk *w, const struct value *v, struct str rest)
{
	struct str text;

	if (!v || w->too_many)
		return;
	if (v->kind == VALUE_ARRAY) {
		for (size_t i = 0; i < v->as.array.n; i++)
			walk(w, v->as.array.items[i], rest);
	} else if (rest.n) {
		const size_t dot = str_find(rest, '.', 0);
		const struct member *m =
		    value_member(v, str_slice(rest, 0, dot));
		walk(w, m ? m->value : NULL, str_slice(rest, dot + 1, rest.n));
	} else if (plan_text(v, &text) && text.n) {
		struct strs *list = &w->seen.ids->list;
		const size_t n = list->n;
		const enum taken taken = take(&w->seen, text);

		w->bad |= taken == TAKEN_BAD;
		w->too_many = taken == TAKEN_TOO_MANY;
		if (list->n > n)
			list->items[n] = arena_str(w->plan->arena, text);
	}
}

void plan_learn_ids(struct plan *plan, struct plan_ids *ids, size_t room)
{
	const struct plan_calling *from = &plan->calls[ids->from];
	struct walk w = {.plan = plan};

	see_none(plan->arena, ids, most(ids, room), &w.seen);
	for (size_t i = 0; i < from->n; i++)
		walk(&w, plan_tree(plan, &from->parts[i]), ids->member);
	if (w.too_many)
		ids->notes[0] =
		    arena_printf(plan->arena, "it has more than %zu of {%.*s}",
			w.seen.max, STR_ARG(ids->is->name))
			.p;
	if (w.bad)
		ids->notes[1] = arena_printf(plan->arena,
		    "it has something as {%.*s} that is no identifier",
		    STR_ARG(ids->is->name))
				    .p;
}

/* ---- both ---------------------------------------------------------------- */

static int by_text(const void *left, const void *right)
{
	const struct plan_id *a = left, *b = right;

	return str_cmp(a->id, b->id);
}

size_t plan_find_id(struct plan *plan, struct plan_ids *ids, struct str id)
{
	const struct plan_id wanted = {.id = id}, *found;

	if (!ids->list.n)
		return PLAN_NONE;
	if (!ids->sorted) {
		struct plan_id *all =
		    arena_array(plan->arena, ids->list.n, sizeof(*all));
		for (size_t i = 0; i < ids->list.n; i++)
			all[i] = (struct plan_id){ids->list.items[i], i};
		qsort(all, ids->list.n, sizeof(*all), by_text);
		ids->sorted = all;
	}
	found =
	    bsearch(&wanted, ids->sorted, ids->list.n, sizeof(wanted), by_text);
	return found ? found->place : PLAN_NONE;
}

struct str plan_join_ids(struct plan *plan, struct plan_ids *ids)
{
	struct buf all = {0};

	if (ids->joined.p)
		return ids->joined;
	for (size_t i = 0; i < ids->list.n; i++) {
		if (i)
			buf_putc(&all, ',');
		buf_put_str(&all, ids->list.items[i]);
	}
	ids->joined = arena_str(plan->arena, buf_str(&all));
	buf_release(&all);
	return ids->joined;
}
