#include "cgi/read/plan-parts.h"

#include "cgi/read/shape.h"
#include "lib/json.h"

/*
 * The body of a 200: what calls brought, byte by byte, with names around it; or
 * the read's shape, filled from that. Nothing is written that would make it
 * larger than it may be.
 */

/* ---- what calls brought -------------------------------------------------- */

/* False: it would become too large. */
static bool put_part(struct json_writer *w, const struct plan_part *part)
{
	const bool empty = !part->blob || !part->blob->n;

	if (!empty && w->out->len + part->blob->n > PLAN_RESULT_MAX)
		return false;
	json_raw(w, empty ? STR("null") : blob_str(part->blob));
	return w->out->len <= PLAN_RESULT_MAX;
}

static bool has_come(const struct plan_calling *call)
{
	return !call->fate.failure && call->made &&
	       (call->ids || !call->parts->failure);
}

/* Of one that has_come(). */
static bool put_call(struct json_writer *w, const struct plan_calling *call)
{
	bool fits = true;

	if (!call->ids)
		return put_part(w, call->parts);
	json_open(w, '{');
	for (size_t i = 0; i < call->n && fits; i++) {
		if (call->parts[i].failure)
			continue;
		json_key_str(w, call->ids->list.items[i]);
		fits = put_part(w, &call->parts[i]);
	}
	json_close(w, '}');
	return fits;
}

static bool put_data(struct json_writer *w, const struct plan *plan)
{
	bool fits = true;

	json_open(w, '{');
	for (size_t i = 0; i < plan->n_calls && fits; i++) {
		if (!has_come(&plan->calls[i]))
			continue;
		json_key_str(w, plan->calls[i].is->name);
		fits = put_call(w, &plan->calls[i]);
	}
	json_close(w, '}');
	return fits;
}

static bool put_plain(
    const struct plan *plan, const struct read_result *result, struct buf *out)
{
	struct json_writer w = {.out = out};
	bool fits;

	json_open(&w, '{');
	json_key(&w, "data");
	fits = put_data(&w, plan);
	json_key(&w, "upstreamFailures");
	read_put_failures(&w, result->failures, result->n_failures);
	json_close(&w, '}');
	return fits;
}

/* ---- as a shape ---------------------------------------------------------- */

struct shaping {
	struct plan *plan;
	const struct read_result *result;
};

static struct plan_calling *call_named(struct plan *plan, struct str name)
{
	for (size_t i = 0; i < plan->n_calls; i++)
		if (str_eq(plan->calls[i].is->name, name))
			return &plan->calls[i];
	return NULL;
}

static struct plan_ids *ids_named(struct plan *plan, struct str name)
{
	for (size_t i = 0; i < plan->n_ids; i++)
		if (str_eq(plan->ids[i].is->name, name))
			return &plan->ids[i];
	return NULL;
}

/*
 * The each that matters to a call: of the identifiers that it is made for; of
 * one that has records, the innermost whose identifier has one.
 */
static struct value *record_of(struct plan *plan, struct plan_calling *call,
    const struct shape_scope *scope)
{
	struct value *v = NULL;

	for (; scope && !v; scope = scope->outer)
		v = plan_value(
		    plan, call, ids_named(plan, scope->name), scope->at);
	return v;
}

static const struct shape_scope *own_scope(
    const struct plan_calling *call, const struct shape_scope *scope)
{
	while (scope && !(call->ids && str_eq(scope->name, call->is->each)))
		scope = scope->outer;
	return scope;
}

static const struct value *result_of(
    void *ctx, struct str name, const struct shape_scope *scope)
{
	const struct shaping *s = ctx;
	struct plan_calling *call = call_named(s->plan, name);
	const struct shape_scope *own;

	if (!call)
		return NULL;
	if (call->is->by.n && !call->ids && scope)
		return record_of(s->plan, call, scope);
	own = own_scope(call, scope);
	return plan_value(
	    s->plan, call, own ? call->ids : NULL, own ? own->at : 0);
}

static enum err put_whole(void *ctx, struct str name,
    const struct shape_scope *scope, struct buf *out)
{
	const struct shaping *s = ctx;
	const struct plan_calling *call = call_named(s->plan, name);
	const struct shape_scope *own;
	struct json_writer w = {.out = out};
	bool fits;

	if (!call || !has_come(call))
		return ERR_NOT_FOUND;
	own = own_scope(call, scope);
	if (call->is->by.n && !call->ids && scope) {
		const struct value *v = result_of(ctx, name, scope);
		if (!v)
			return ERR_NOT_FOUND;
		json_value(&w, v);
		return ERR_OK;
	}
	if (call->ids && !own) {
		fits = put_call(&w, call);
	} else {
		const struct plan_part *part = &call->parts[own ? own->at : 0];
		if (part->failure || !part->blob || !part->blob->n)
			return ERR_NOT_FOUND;
		fits = put_part(&w, part);
	}
	return fits ? ERR_OK : ERR_TOO_LARGE;
}

static bool ids_of(void *ctx, struct str name, const struct strs **out)
{
	const struct shaping *s = ctx;
	const struct plan_ids *ids = ids_named(s->plan, name);

	if (!ids || !ids->known)
		return false;
	*out = &ids->list;
	return true;
}

static enum err put_word(void *ctx, struct str word, struct buf *out)
{
	const struct shaping *s = ctx;
	struct json_writer w = {.out = out};

	if (str_is(word, "data"))
		return put_data(&w, s->plan) ? ERR_OK : ERR_TOO_LARGE;
	if (str_is(word, "complete"))
		json_bool(&w, s->result->complete);
	else
		read_put_failures(
		    &w, s->result->failures, s->result->n_failures);
	return ERR_OK;
}

static bool put_shape(
    struct plan *plan, const struct read_result *result, struct buf *out)
{
	const struct str text = plan->spec.read->shape;
	struct shaping shaping = {.plan = plan, .result = result};
	const struct shape_source source = {.ctx = &shaping,
	    .result = result_of,
	    .whole = put_whole,
	    .ids = ids_of,
	    .word = put_word};
	struct value *shape;

	if (json_read(plan->arena, text, text.n, NULL, NULL, &shape) != ERR_OK)
		return put_plain(plan, result, out);
	return shape_fill(plan->arena, shape, &source, PLAN_RESULT_MAX, out) ==
	       ERR_OK;
}

bool plan_put_body(
    struct plan *plan, const struct read_result *result, struct buf *out)
{
	const bool fits = plan->spec.read->shape.n
			      ? put_shape(plan, result, out)
			      : put_plain(plan, result, out);

	return fits && out->len <= PLAN_RESULT_MAX;
}

/* ---- before anything is asked -------------------------------------------- */

bool plan_check_shape(struct plan *plan, struct str *why)
{
	const char *calls[CONFIG_READ_CALLS_MAX + 1] = {0};
	const char *ids[CONFIG_READ_IDS_MAX + 1] = {0};
	const struct str text = plan->spec.read->shape;
	struct value *shape;

	if (!text.n)
		return true;
	for (size_t i = 0; i < plan->n_calls; i++)
		calls[i] = arena_cstr(plan->arena, plan->calls[i].is->name);
	for (size_t i = 0; i < plan->n_ids; i++)
		ids[i] = arena_cstr(plan->arena, plan->ids[i].is->name);
	if (json_read(plan->arena, text, text.n, NULL, NULL, &shape) != ERR_OK)
		*why = STR("it is not JSON");
	else if (shape_check(plan->arena, shape, calls, ids, why))
		return true;
	*why = arena_printf(plan->arena, "read %.*s: its shape: %.*s",
	    STR_ARG(plan->spec.read->name), STR_ARG(*why));
	return false;
}

/*
 * A place of it that looks into results, or takes one apart by records, names
 * this call. Escapes in the JSON text hide nothing that matters: a call whose
 * name has none is written without.
 */
bool plan_shape_looks_into(
    const struct plan *plan, const struct plan_calling *call)
{
	const struct str text = plan->spec.read->shape;
	const struct str name = call->is->name;

	for (size_t at = 0; (at = str_find(text, '{', at)) < text.n;) {
		const struct str rest = str_slice(text, ++at, text.n);
		const size_t end = strlen("call.") + name.n;

		if (rest.n > end && str_starts(rest, "call.") &&
		    str_eq(str_slice(rest, strlen("call."), end), name) &&
		    (rest.p[end] == '.' ||
			(call->is->by.n && strchr("?}", rest.p[end]))))
			return true;
	}
	return false;
}
