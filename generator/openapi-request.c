#include <string.h>

#include "generator/openapi.h"

/*
 * What one API takes. It is told by its path, its body rows and the places of
 * the call it makes: {query.x} must come, {header.x} may, unless it stands in a
 * path or a body (contract 7); {query.x?} may.
 */
struct taking {
	struct openapi *o;
	const struct api *api;
	struct value *out, *parameters;
	struct value *body; /* the schema of a JSON body; NULL = unknown */
};

/* ---- parameters --------------------------------------------------------- */

static bool has_parameter(
    const struct taking *t, const char *in, struct str name)
{
	const struct value *all = t->parameters;

	for (size_t i = 0; i < all->as.array.n; i++)
		if (str_is(value_text(all->as.array.items[i], "in"), in) &&
		    str_ieq(value_text(all->as.array.items[i], "name"), name))
			return true;
	return false;
}

/* The first one of a name stays: those that must come are put first. */
static void parameter(
    struct taking *t, const char *in, struct str name, bool required)
{
	struct openapi *o = t->o;
	struct value *p, *schema;

	if (has_parameter(t, in, name))
		return;
	p = openapi_table(o);
	openapi_put_text(o, p, "name", name);
	openapi_put_text(o, p, "in", str_of(in));
	if (required)
		openapi_put_bool(o, p, "required", true);
	schema = openapi_child(o, p, "schema");
	openapi_put_text(o, schema, "type", STR("string"));
	if (strcmp(in, "path") == 0)
		openapi_put_int(o, schema, "minLength", 1);
	value_push(o->a, t->parameters, p);
}

/*
 * Headers that OpenAPI describes elsewhere or not at all (3.1, 4.8.12.2.1),
 * and those that every operation has.
 */
static bool is_described(struct str name)
{
	static const char *const elsewhere[] = {"accept", "content-type",
	    "authorization", "idempotency-key", "prefer", "traceparent",
	    "x-initial-request", "x-request-id", "x-wait-time-ms"};

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (str_ieq(name, str_of(elsewhere[i])))
			return true;
	return false;
}

static void header(struct taking *t, struct str name, bool required)
{
	if (!is_described(name))
		parameter(t, "header", name, required);
}

/* In the order of the path, under the names it has in `paths`. */
static void path_parameters(struct taking *t, struct str path)
{
	for (size_t at = 0; at < path.n;) {
		size_t end = str_find(path, '/', at);
		struct str part = str_slice(path, at, end);
		if (str_starts(part, "{"))
			parameter(
			    t, "path", str_slice(part, 1, part.n - 1), true);
		at = end + 1;
	}
}

static void common_parameters(struct taking *t)
{
	static const char *const names[] = {"WaitTime", "Prefer",
	    "InitialRequest", "RequestId", "IdempotencyKey", "Traceparent"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		value_push(t->o->a, t->parameters,
		    openapi_ref(t->o, "parameters", names[i]));
}

/* ---- the body ----------------------------------------------------------- */

static bool is_word_in(struct value *array, struct str word)
{
	for (size_t i = 0; i < array->as.array.n; i++)
		if (str_eq(array->as.array.items[i]->text, word))
			return true;
	return false;
}

/* One member: its schema, made where there is none. */
static struct value *member(
    struct openapi *o, struct value *schema, struct str name, bool must)
{
	struct value *required = value_get(schema, "required");

	openapi_put_text(o, schema, "type", STR("object"));
	if (!required && must)
		required = openapi_put(o, schema, "required", openapi_array(o));
	if (must && !is_word_in(required, name))
		value_push(o->a, required, value_string(o->a, name, POS_NONE));
	return openapi_child(
	    o, openapi_child(o, schema, "properties"), arena_cstr(o->a, name));
}

/* Several types; what has a type already keeps it. */
static void types(
    struct openapi *o, struct value *schema, const char *const *names)
{
	struct value *list = openapi_array(o);

	if (value_get(schema, "type"))
		return;
	for (; *names; names++)
		value_push(
		    o->a, list, value_string(o->a, str_of(*names), POS_NONE));
	openapi_put(o, schema, "type", list);
}

static struct value *body_schema(struct taking *t)
{
	if (!t->body)
		t->body = openapi_table(t->o);
	return t->body;
}

static void required_members(struct taking *t)
{
	static const char *const any[] = {
	    "string", "number", "boolean", "array", "object", NULL};
	const struct pairs *rows = &t->api->body_required;

	for (size_t i = 0; i < rows->n; i++) {
		struct value *schema =
		    member(t->o, body_schema(t), rows->items[i].name, true);
		if (str_is(rows->items[i].value, "any"))
			types(t->o, schema, any);
		else
			openapi_put_text(
			    t->o, schema, "type", rows->items[i].value);
	}
}

/* {body.a.b}: b in a. */
static void body_place(
    struct taking *t, struct str name, bool as_text, bool must)
{
	static const char *const scalar[] = {
	    "string", "number", "boolean", NULL};
	struct value *schema = body_schema(t);

	for (size_t at = 0; at < name.n;) {
		size_t end = str_find(name, '.', at);
		schema = member(t->o, schema, str_slice(name, at, end), must);
		at = end + 1;
	}
	if (as_text)
		types(t->o, schema, scalar);
}

/* "body.id": text that is not empty, or a number that is whole. */
static void resource_member(struct taking *t)
{
	static const char *const either[] = {"string", "integer", NULL};
	struct str name =
	    str_slice(t->api->resource_id, 5, t->api->resource_id.n);

	if (!name.n)
		return;
	struct value *schema = member(t->o, body_schema(t), name, true);
	types(t->o, schema, either);
	openapi_put_int(t->o, schema, "minLength", 1);
}

/* Credentials: never told again, and no part of what makes it the same. */
static void secret_members(struct taking *t)
{
	const struct strs *names = &t->api->body_secret;

	for (size_t i = 0; i < names->n; i++) {
		struct value *all =
		    openapi_child(t->o, body_schema(t), "properties");
		struct value *schema = openapi_child(
		    t->o, all, arena_cstr(t->o->a, names->items[i]));
		openapi_put_bool(t->o, schema, "writeOnly", true);
		openapi_put_text(t->o, schema, "description",
		    STR("A credential; the same request may come with "
			"another."));
	}
}

static void put_body(struct taking *t)
{
	struct openapi *o = t->o;
	const struct api *api = t->api;

	if (!api->body_type.n)
		return;
	struct value *body = openapi_child(o, t->out, "requestBody");
	openapi_put_text(o, body, "description",
	    arena_printf(
		o->a, "At most %lld bytes.", (long long)api->body_max));
	struct value *type = openapi_child(o, openapi_child(o, body, "content"),
	    arena_cstr(o->a, api->body_type));
	if (t->body)
		openapi_put(o, type, "schema", t->body);
	openapi_put_bool(o, body, "required",
	    t->body && value_get(t->body, "required") != NULL);
}

/* ---- the places of its call --------------------------------------------- */

enum place { IN_PATH, IN_HEADER, IN_BODY, IN_FORM };

static void place(
    struct taking *t, enum place where, struct str inside, bool quoted)
{
	size_t dot = str_find(inside, '.', 0);
	struct str root = str_slice(inside, 0, dot);
	struct str name = str_slice(inside, dot + 1, inside.n);
	bool must = !str_ends(name, "?");

	name.n -= !must;
	if (str_is(root, "query"))
		parameter(t, "query", name, must);
	else if (str_is(root, "header"))
		header(t, name, must && where != IN_HEADER);
	else if (str_is(root, "body"))
		body_place(t, name, where != IN_BODY || quoted, must);
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Each {root.name}; in JSON, whether it stands inside a string. */
static void places(struct taking *t, enum place where, struct str text)
{
	bool quoted = false;

	for (size_t at = 0; at < text.n; at++) {
		if (where == IN_BODY && quoted && text.p[at] == '\\') {
			at++;
			continue;
		}
		if (text.p[at] == '"')
			quoted = !quoted;
		if (text.p[at] != '{')
			continue;
		size_t end = at + 1;
		while (end < text.n && is_name_char(text.p[end]))
			end++;
		if (end < text.n && text.p[end] == '?')
			end++;
		if (end < text.n && text.p[end] == '}')
			place(t, where, str_slice(text, at + 1, end), quoted);
	}
}

static void all_places(struct taking *t)
{
	const struct api *api = t->api;

	places(t, IN_PATH, api->request_path);
	places(t, IN_BODY, api->request_body);
	for (size_t i = 0; i < api->request_form.n; i++)
		places(t, IN_FORM, api->request_form.items[i].value);
	for (size_t i = 0; i < api->request_headers.n; i++)
		places(t, IN_HEADER, api->request_headers.items[i].value);
	for (size_t i = 0; i < api->forward.n; i++)
		if (!str_ends(api->forward.items[i], "*"))
			header(t, api->forward.items[i], false);
}

/* ---- all of it ---------------------------------------------------------- */

void openapi_request(struct openapi *o, const struct api *api, struct str path,
    struct value *operation)
{
	struct taking t = {.o = o, .api = api, .out = operation};

	t.parameters =
	    openapi_put(o, operation, "parameters", openapi_array(o));
	path_parameters(&t, path);
	required_members(&t);
	resource_member(&t);
	all_places(&t);
	secret_members(&t);
	common_parameters(&t);
	put_body(&t);
}
