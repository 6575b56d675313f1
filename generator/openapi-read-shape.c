#include "generator/openapi.h"

#include "lib/json.h"

/*
 * The JSON of a read: what upstreams say is not known, but where it stands.
 * Without a shape it is `data` and `upstreamFailures` (contract 9).
 */
#define SHAPE_MAX ((size_t)4 * 1024 * 1024)

static struct value *typed(struct openapi *o, const char *type)
{
	struct value *out = openapi_table(o);

	openapi_put_text(o, out, "type", str_of(type));
	return out;
}

static void require(struct openapi *o, struct value *schema, struct str name)
{
	struct value *list = value_get(schema, "required");

	if (!list)
		list = openapi_put(o, schema, "required", openapi_array(o));
	value_push(o->a, list, value_string(o->a, name, POS_NONE));
}

static struct value *property(
    struct openapi *o, struct value *schema, struct str name, struct value *of)
{
	value_set(
	    o->a, openapi_child(o, schema, "properties"), name, POS_NONE, of);
	return of;
}

/* ---- data --------------------------------------------------------------- */

/* A call of `each` is a table by identifier; what failed is left out. */
static struct value *data(struct openapi *o, const struct read *read)
{
	struct value *out = typed(o, "object");

	for (size_t i = 0; i < read->n_calls; i++) {
		const struct read_call *call = &read->calls[i];
		struct value *of =
		    call->each.n ? typed(o, "object") : openapi_table(o);
		property(o, out, call->name, of);
		if (call->required)
			require(o, out, call->name);
	}
	return out;
}

static struct value *failures(struct openapi *o)
{
	return openapi_ref(o, "schemas", "UpstreamFailures");
}

static struct value *usual(struct openapi *o, const struct read *read)
{
	struct value *out = typed(o, "object");

	property(o, out, STR("data"), data(o, read));
	property(o, out, STR("upstreamFailures"), failures(o));
	require(o, out, STR("data"));
	require(o, out, STR("upstreamFailures"));
	return out;
}

/* ---- a shape ------------------------------------------------------------ */

static struct value *schema_of(
    struct openapi *o, const struct read *read, const struct value *v);

/* "{crn}" → crn; empty where it is not one place alone. */
static struct str lone_place(struct str text)
{
	struct str inside = str_slice(text, 1, text.n - (text.n > 0));

	if (!str_starts(text, "{") || !str_ends(text, "}") ||
	    str_find(inside, '{', 0) < inside.n ||
	    str_find(inside, '}', 0) < inside.n)
		return (struct str){0};
	return str_slice(inside, 0, inside.n - str_ends(inside, "?"));
}

static struct value *of_text(
    struct openapi *o, const struct read *read, struct str text)
{
	struct str place = lone_place(text);

	if (str_is(place, "upstreamFailures"))
		return failures(o);
	if (str_is(place, "complete"))
		return typed(o, "boolean");
	if (str_is(place, "data"))
		return data(o, read);
	/* a result, or identifiers */
	if (place.n)
		return openapi_table(o);
	struct value *out = openapi_table(o), *either = openapi_array(o);
	value_push(o->a, either, value_string(o->a, STR("string"), POS_NONE));
	value_push(o->a, either, value_string(o->a, STR("null"), POS_NONE));
	openapi_put(o, out, "type", either);
	return out;
}

static bool is_each(const struct value *v)
{
	return v->as.table.n == 2 && value_get(v, "each") &&
	       value_get(v, "value");
}

static struct value *of_table(
    struct openapi *o, const struct read *read, const struct value *v)
{
	struct value *out = typed(o, is_each(v) ? "array" : "object");

	if (is_each(v)) {
		openapi_put(
		    o, out, "items", schema_of(o, read, value_get(v, "value")));
		return out;
	}
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		property(o, out, m->key, schema_of(o, read, m->value));
		if (m->value->kind != VALUE_STRING ||
		    !str_ends(m->value->text, "?}"))
			require(o, out, m->key);
	}
	return out;
}

static struct value *of_array(
    struct openapi *o, const struct read *read, const struct value *v)
{
	struct value *out = typed(o, "array");

	if (!v->as.array.n)
		return out;
	struct value *items =
	    openapi_put(o, out, "prefixItems", openapi_array(o));
	for (size_t i = 0; i < v->as.array.n; i++)
		value_push(
		    o->a, items, schema_of(o, read, v->as.array.items[i]));
	openapi_put_bool(o, out, "items", false);
	openapi_put_int(o, out, "minItems", (int64_t)v->as.array.n);
	return out;
}

static struct value *schema_of(
    struct openapi *o, const struct read *read, const struct value *v)
{
	struct value *out;

	if (v->kind == VALUE_TABLE)
		return of_table(o, read, v);
	if (v->kind == VALUE_ARRAY)
		return of_array(o, read, v);
	if (v->kind == VALUE_STRING && str_find(v->text, '{', 0) < v->text.n)
		return of_text(o, read, v->text);
	out = openapi_table(o);
	value_set(
	    o->a, out, STR("const"), POS_NONE, (struct value *)(uintptr_t)v);
	return out;
}

struct value *openapi_read_schema(struct openapi *o, const struct read *read)
{
	struct value *shape;

	if (!read->shape.n || json_read(o->a, read->shape, SHAPE_MAX, NULL,
				  NULL, &shape) != ERR_OK)
		return usual(o, read);
	return schema_of(o, read, shape);
}
