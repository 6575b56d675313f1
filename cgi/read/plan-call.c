#include "cgi/read/plan-parts.h"

#include "cgi/compose-get.h"

/*
 * Calls are composed when they are given out. What is the same for all
 * identifiers of a call was composed when the plan was made, together with a
 * rehearsal of the rest: what the request lacks is the client's to know, before
 * anything is asked.
 */
struct making {
	struct pair ids[CONFIG_READ_IDS_MAX];
	struct pairs id_pairs;
	struct template_source source;
	struct compose_get compose;
};

static void start_making(
    struct plan *plan, const struct plan_calling *call, struct making *m)
{
	*m = (struct making){.id_pairs = {.items = m->ids}};
	m->source = (struct template_source){.params = &plan->spec.params,
	    .request = &plan->request,
	    .ids = &m->id_pairs,
	    .secrets = plan->spec.secrets};
	m->compose = (struct compose_get){
	    .upstream = call->upstream, .call = call->is, .source = &m->source};
}

/* Its own identifier, all of others, and what it needs of other calls. */
static void fill_making(
    struct plan *plan, struct plan_calling *call, size_t n, struct making *m)
{
	struct value *calls;

	if (call->ids)
		m->ids[m->id_pairs.n++] = (struct pair){
		    call->ids->is->name, call->ids->list.items[n]};
	for (size_t i = 0; i < plan->n_ids; i++)
		if (call->joins >> i & 1 && plan->ids[i].list.n)
			m->ids[m->id_pairs.n++] =
			    (struct pair){plan->ids[i].is->name,
				plan_join_ids(plan, &plan->ids[i])};
	if (!call->needs)
		return;
	calls = value_new(plan->arena, VALUE_TABLE, POS_NONE);
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct value *v =
		    call->needs >> i & 1
			? plan_value(plan, &plan->calls[i], call->ids, n)
			: NULL;
		if (v)
			value_set(plan->arena, calls, plan->calls[i].is->name,
			    POS_NONE, v);
	}
	m->source.calls = calls;
}

/* ---- what cannot be made ------------------------------------------------- */

static void fail(struct plan *plan, struct plan_part *part, struct str message)
{
	part->failure = PLAN_UNKNOWN_ERROR;
	part->message = arena_cstr(plan->arena, message);
}

/* Nothing is asked about what there is nothing about. */
static void be_empty(struct plan *plan, struct plan_part *part, struct str what)
{
	if (part->of->is->required)
		fail(plan, part, what);
}

static const struct plan_calling *call_of_place(
    const struct plan *plan, struct str name)
{
	name = str_slice(name, 0, str_find(name, '.', 0));
	for (size_t i = 0; i < plan->n_calls; i++)
		if (str_eq(plan->calls[i].is->name, name))
			return &plan->calls[i];
	return NULL;
}

/* "call.summaries.cases.riskId" had nothing, or nothing that can be used. */
static void lacks_member(struct plan *plan, struct plan_part *part,
    const struct value *calls, struct str name)
{
	const struct plan_calling *need = call_of_place(plan, name);
	const struct plan_part *failed = plan_failed_need(part, need);
	const size_t dot = str_find(name, '.', 0);
	const struct str member = str_slice(name, dot + 1, name.n);
	const struct value *v =
	    value_path(calls, arena_cstr(plan->arena, name));

	if (failed)
		plan_fail_as(plan, part, failed);
	else if (v && v->kind != VALUE_NULL)
		fail(plan, part,
		    arena_printf(plan->arena, "the %.*s of %.*s cannot be used",
			STR_ARG(member), STR_ARG(need->is->name)));
	else
		be_empty(plan, part,
		    arena_printf(plan->arena, "%.*s has no %.*s",
			STR_ARG(need->is->name), STR_ARG(member)));
}

static void lacks_ids(
    struct plan *plan, struct plan_part *part, struct str name)
{
	for (size_t i = 0; i < plan->n_ids; i++) {
		const struct plan_ids *ids = &plan->ids[i];
		if (ids->failed && str_eq(ids->is->name, name)) {
			plan_fail_as(plan, part, ids->failed);
			return;
		}
	}
	be_empty(plan, part,
	    arena_printf(plan->arena, "there is no {%.*s}", STR_ARG(name)));
}

static void lacks_ours(
    struct plan *plan, struct plan_part *part, struct str why)
{
	fail(plan, part, STR("it could not be asked"));
	part->why = why;
}

static void cannot(struct plan *plan, struct plan_part *part, enum err err,
    const struct value *calls, struct str place, struct str why)
{
	const struct str name = str_slice(
	    place, str_find(place, '.', 0) + 1, place.n - str_ends(place, "?"));

	if (str_starts(place, "call."))
		lacks_member(plan, part, calls, name);
	else if (str_starts(place, "id.") && err == ERR_NOT_FOUND)
		lacks_ids(plan, part, name);
	else
		lacks_ours(plan, part, why);
}

/* ---- one call ------------------------------------------------------------ */

static struct str purge_name(
    struct plan *plan, const struct plan_calling *call, struct str path)
{
	return arena_join(
	    plan->arena, 2, (const struct str[]){call->upstream->name, path});
}

bool plan_make_call(
    struct plan *plan, struct plan_part *part, struct plan_call *out)
{
	struct plan_calling *call = part->of;
	const size_t n = (size_t)(part - call->parts);
	struct str url = call->url, path = call->path, place, why;
	struct pairs headers = call->headers;
	struct making m;
	enum err err = ERR_OK;

	if (call->lacks.n) {
		lacks_ours(plan, part, call->lacks);
		return false;
	}
	start_making(plan, call, &m);
	if (!call->same_url || !call->same_headers)
		fill_making(plan, call, n, &m);
	if (!call->same_url)
		err = compose_get_url(
		    plan->arena, &m.compose, &url, &path, &place, &why);
	if (err == ERR_OK && !call->same_headers)
		err = compose_get_headers(
		    plan->arena, &m.compose, &headers, &place, &why);
	if (err != ERR_OK) {
		cannot(plan, part, err, m.source.calls, place, why);
		return false;
	}
	*out = (struct plan_call){.index = call->first + n,
	    .call = call->is,
	    .upstream = call->upstream,
	    .http = call->rules,
	    .name = purge_name(plan, call, path)};
	out->http.url = url.p;
	out->http.headers = headers;
	if (call->ids)
		out->id = call->ids->list.items[n];
	plan_key(plan, call, url, &headers, out->key);
	return true;
}

static enum err try_call(
    struct plan *plan, struct plan_calling *call, struct str *why)
{
	struct str place;
	struct making m;
	enum err err;

	start_making(plan, call, &m);
	m.source.awaited = true;
	call->rules = compose_get_rules(plan->arena, &m.compose);
	err = compose_get_url(
	    plan->arena, &m.compose, &call->url, &call->path, &place, why);
	if (err == ERR_OK)
		err = compose_get_headers(
		    plan->arena, &m.compose, &call->headers, &place, why);
	if (err == ERR_MISSING && !call->is->required) {
		call->lacks = *why;
		return ERR_OK;
	}
	return err == ERR_OK || err == ERR_MISSING ? err : ERR_INPUT;
}

enum err plan_try_calls(struct plan *plan, struct str *why)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < plan->n_calls && err == ERR_OK; i++)
		err = try_call(plan, &plan->calls[i], why);
	return err;
}
