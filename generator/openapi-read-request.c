#include "generator/openapi.h"

#include <string.h>

/*
 * What one read takes: its path, and the places of its calls. Where identifiers
 * come from a segment or a parameter, that is a list by commas.
 */
#define ID_MAX 128 /* PLAN_ID_MAX: bytes of one */

struct asking {
	struct openapi *o;
	const struct read *read;
	struct value *parameters;
};

static bool has(const struct asking *t, const char *in, struct str name)
{
	const struct value *all = t->parameters;

	for (size_t i = 0; i < all->as.array.n; i++)
		if (str_is(value_text(all->as.array.items[i], "in"), in) &&
		    str_ieq(value_text(all->as.array.items[i], "name"), name))
			return true;
	return false;
}

/* Those that are made of "path.crns"; NULL: none are. */
static const struct read_ids *ids_from(
    const struct asking *t, const char *in, struct str name)
{
	struct str from = arena_printf(t->o->a, "%s.%.*s", in, STR_ARG(name));

	for (size_t i = 0; i < t->read->n_ids; i++)
		if (str_eq(t->read->ids[i].from, from))
			return &t->read->ids[i];
	return NULL;
}

static void list_schema(
    struct openapi *o, struct value *parameter, const struct read_ids *ids)
{
	struct value *schema = openapi_child(o, parameter, "schema");
	struct value *items = openapi_child(o, schema, "items");

	openapi_put_text(o, schema, "type", STR("array"));
	openapi_put_int(o, schema, "minItems", 1);
	openapi_put_int(o, schema, "maxItems", ids->max);
	openapi_put_text(o, items, "type", STR("string"));
	openapi_put_int(o, items, "minLength", 1);
	openapi_put_int(o, items, "maxLength", ID_MAX);
	openapi_put_bool(o, parameter, "explode", false);
}

/* The first one of a name stays. */
static void parameter(
    struct asking *t, const char *in, struct str name, bool required)
{
	struct openapi *o = t->o;
	const struct read_ids *ids = ids_from(t, in, name);

	if (has(t, in, name))
		return;
	struct value *p = openapi_table(o);
	openapi_put_text(o, p, "name", name);
	openapi_put_text(o, p, "in", str_of(in));
	if (required || ids)
		openapi_put_bool(o, p, "required", true);
	value_push(o->a, t->parameters, p);
	if (ids) {
		list_schema(o, p, ids);
		return;
	}
	struct value *schema = openapi_child(o, p, "schema");
	openapi_put_text(o, schema, "type", STR("string"));
	if (strcmp(in, "path") == 0)
		openapi_put_int(o, schema, "minLength", 1);
}

/* Headers that every operation has, or that stand elsewhere (3.1, 4.8.12). */
static void header(struct asking *t, struct str name, bool required)
{
	static const char *const elsewhere[] = {"accept", "content-type",
	    "authorization", "if-none-match", "prefer", "traceparent",
	    "x-request-id", "x-wait-time-ms"};

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (str_ieq(name, str_of(elsewhere[i])))
			return;
	parameter(t, "header", name, required);
}

/* Under the names that the path has in the document. */
static void path_parameters(struct asking *t, struct str path)
{
	struct str own = t->read->path;

	for (size_t at = 0, in = 0; at < path.n && in < own.n;) {
		size_t end = str_find(path, '/', at);
		size_t own_end = str_find(own, '/', in);
		struct str part = str_slice(path, at, end);
		struct str named = str_slice(own, in, own_end);
		const struct read_ids *ids =
		    str_starts(named, "{")
			? ids_from(t, "path", str_slice(named, 1, named.n - 1))
			: NULL;
		if (str_starts(part, "{")) {
			parameter(
			    t, "path", str_slice(part, 1, part.n - 1), true);
			struct value *p =
			    t->parameters->as.array
				.items[t->parameters->as.array.n - 1];
			if (ids && !value_get(p, "explode")) {
				openapi_put(
				    t->o, p, "schema", openapi_table(t->o));
				list_schema(t->o, p, ids);
			}
		}
		at = end + 1;
		in = own_end + 1;
	}
}

/* Each {query.x} and {header.x}; a header that is missing leaves one out. */
static void places(struct asking *t, struct str text, bool in_header)
{
	for (size_t at = str_find(text, '{', 0); at < text.n;
	     at = str_find(text, '{', at + 1)) {
		struct str inside =
		    str_slice(text, at + 1, str_find(text, '}', at));
		size_t dot = str_find(inside, '.', 0);
		struct str root = str_slice(inside, 0, dot);
		struct str name = str_slice(inside, dot + 1, inside.n);
		bool must = !str_ends(name, "?");
		name.n -= !must;
		if (str_is(root, "query"))
			parameter(t, "query", name, must);
		else if (str_is(root, "header"))
			header(t, name, must && !in_header);
	}
}

static void all_places(struct asking *t)
{
	const struct read *read = t->read;

	for (size_t i = 0; i < read->n_ids; i++)
		if (str_starts(read->ids[i].from, "query."))
			parameter(t, "query",
			    str_slice(read->ids[i].from, strlen("query."),
				read->ids[i].from.n),
			    true);
	for (size_t i = 0; i < read->n_calls; i++) {
		const struct read_call *call = &read->calls[i];
		places(t, call->path, false);
		for (size_t j = 0; j < call->headers.n; j++)
			places(t, call->headers.items[j].value, true);
		for (size_t j = 0; j < call->forward.n; j++)
			if (!str_ends(call->forward.items[j], "*"))
				header(t, call->forward.items[j], false);
	}
}

static void common(struct asking *t, const char *name)
{
	value_push(
	    t->o->a, t->parameters, openapi_ref(t->o, "parameters", name));
}

void openapi_read_request(struct openapi *o, const struct read *read,
    struct str path, struct value *operation)
{
	struct asking t = {.o = o, .read = read};

	t.parameters =
	    openapi_put(o, operation, "parameters", openapi_array(o));
	path_parameters(&t, path);
	all_places(&t);
	common(&t, "IfNoneMatch");
	if (read->api.n) {
		common(&t, "PreferAsync");
		common(&t, "ReadWaitTime");
	}
	common(&t, "ReadRequestId");
	common(&t, "Traceparent");
}
