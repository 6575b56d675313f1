#include "cgi/read/plan-parts.h"

#include "cgi/template.h"

/*
 * Who waits for whom, from the places of the calls' templates and from where
 * identifiers come from. The generator has looked at all of this; but whoever
 * trusted that would wait for ever, or look where nothing is.
 */
_Static_assert(
    CONFIG_READ_CALLS_MAX <= 32 && CONFIG_READ_IDS_MAX <= 32, "a bit for each");

static size_t call_named(const struct plan *plan, struct str name)
{
	for (size_t i = 0; i < plan->n_calls; i++)
		if (str_eq(plan->calls[i].is->name, name))
			return i;
	return PLAN_NONE;
}

static struct plan_ids *ids_named(const struct plan *plan, struct str name)
{
	for (size_t i = 0; i < plan->n_ids; i++)
		if (str_eq(plan->ids[i].is->name, name))
			return &plan->ids[i];
	return NULL;
}

static bool wrong(const struct plan *plan, struct str whose, const char *what,
    struct str *why)
{
	*why = arena_printf(plan->arena, "read %.*s: %.*s %s",
	    STR_ARG(plan->spec.read->name), STR_ARG(whose), what);
	return false;
}

/* "path.crns", "query.crn", "call.summaries.cases.id" */
static bool find_source(
    struct plan *plan, struct plan_ids *ids, struct str *why)
{
	const struct str from = ids->is->from;
	const size_t dot = str_find(from, '.', 0);
	const struct str root = str_slice(from, 0, dot);

	ids->from = PLAN_NONE;
	ids->member = str_slice(from, dot + 1, from.n);
	if (str_is(root, "path") || str_is(root, "query"))
		return ids->member.n ||
		       wrong(plan, ids->is->name, "come from nowhere", why);
	if (str_is(root, "call")) {
		const size_t end = str_find(ids->member, '.', 0);
		ids->from = call_named(plan, str_slice(ids->member, 0, end));
		ids->member = str_slice(ids->member, end + 1, ids->member.n);
	}
	return ids->from != PLAN_NONE ||
	       wrong(plan, ids->is->name, "come from nowhere", why);
}

static bool find_call_place(struct plan *plan, struct plan_calling *call,
    const struct template_name *place, struct str *why)
{
	const size_t need = call_named(
	    plan, str_slice(place->name, 0, str_find(place->name, '.', 0)));

	if (need == PLAN_NONE)
		return wrong(plan, call->is->name,
		    "names a call that is not there", why);
	call->needs |= UINT32_C(1) << need;
	call->hard |= (uint32_t)!place->optional << need;
	plan->calls[need].users |= UINT32_C(1) << call->number;
	return true;
}

static bool find_id_place(struct plan *plan, struct plan_calling *call,
    const struct template_name *place, struct str *why)
{
	const struct plan_ids *ids = ids_named(plan, place->name);

	if (!ids)
		return wrong(plan, call->is->name,
		    "names identifiers that are not there", why);
	if (ids != call->ids) {
		call->joins |= UINT32_C(1) << ids->number;
		call->hard_joins |= (uint32_t)!place->optional << ids->number;
	}
	return true;
}

/* *same: it has no place that is another for each identifier. */
static bool find_places(struct plan *plan, struct plan_calling *call,
    struct str text, bool *same, struct str *why)
{
	struct template_name place;

	for (size_t at = 0; template_next(text, &at, &place);) {
		const bool is_call = str_is(place.root, "call");
		const bool is_id = str_is(place.root, "id");

		*same &= !is_call && !is_id;
		if ((is_call && !find_call_place(plan, call, &place, why)) ||
		    (is_id && !find_id_place(plan, call, &place, why)))
			return false;
	}
	return true;
}

static bool find_call(
    struct plan *plan, struct plan_calling *call, struct str *why)
{
	const struct read_call *is = call->is;

	call->upstream = config_upstream(plan->spec.config, is->upstream);
	if (!call->upstream)
		return wrong(plan, is->name, "has no upstream", why);
	if (is->each.n && !(call->ids = ids_named(plan, is->each)))
		return wrong(plan, is->name,
		    "is for identifiers that are not there", why);
	call->same_url = call->same_headers = true;
	if (!find_places(plan, call, is->path, &call->same_url, why))
		return false;
	for (size_t i = 0; i < is->headers.n; i++)
		if (!find_places(plan, call, is->headers.items[i].value,
			&call->same_headers, why))
			return false;
	return true;
}

/* Those that wait for none but such as do not. */
static bool can_begin(const struct plan *plan, uint32_t good, size_t i)
{
	const struct plan_calling *call = &plan->calls[i];
	uint32_t needs = call->needs;

	for (size_t j = 0; j < plan->n_ids; j++) {
		const struct plan_ids *ids = &plan->ids[j];
		if (ids->from != PLAN_NONE &&
		    (ids == call->ids || call->joins >> j & 1))
			needs |= UINT32_C(1) << ids->from;
	}
	return !(needs & ~good);
}

static bool has_ring(const struct plan *plan)
{
	uint32_t good = 0, before;
	size_t n = 0;

	do {
		before = good;
		for (size_t i = 0; i < plan->n_calls; i++) {
			if (good >> i & 1 || !can_begin(plan, good, i))
				continue;
			good |= UINT32_C(1) << i;
			n++;
		}
	} while (good != before);
	return n < plan->n_calls;
}

static void find_looked(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *call = &plan->calls[i];
		call->looked = call->users || plan_shape_looks_into(plan, call);
	}
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from != PLAN_NONE)
			plan->calls[plan->ids[i].from].looked = true;
}

static bool is_small(const struct read *read)
{
	return read->n_calls && read->n_calls <= CONFIG_READ_CALLS_MAX &&
	       read->n_ids <= CONFIG_READ_IDS_MAX;
}

bool plan_find_needs(struct plan *plan, struct str *why)
{
	const struct read *read = plan->spec.read;

	if (!is_small(read))
		return wrong(plan, STR("it"), "has no calls, or too many", why);
	plan->n_ids = read->n_ids;
	plan->n_calls = read->n_calls;
	plan->ids = arena_array(plan->arena, plan->n_ids, sizeof(*plan->ids));
	plan->calls =
	    arena_array(plan->arena, plan->n_calls, sizeof(*plan->calls));
	for (size_t i = 0; i < plan->n_ids; i++)
		plan->ids[i] =
		    (struct plan_ids){.is = &read->ids[i], .number = i};
	for (size_t i = 0; i < plan->n_calls; i++) {
		plan->calls[i].is = &read->calls[i];
		plan->calls[i].number = i;
		plan->calls[i].fate.of = &plan->calls[i];
	}
	for (size_t i = 0; i < plan->n_ids; i++)
		if (!find_source(plan, &plan->ids[i], why))
			return false;
	for (size_t i = 0; i < plan->n_calls; i++)
		if (!find_call(plan, &plan->calls[i], why))
			return false;
	find_looked(plan);
	return !has_ring(plan) ||
	       wrong(plan, STR("its calls"), "wait for each other", why);
}
