#include <string.h>

#include "generator/openapi.h"
#include "lib/url.h"

/*
 * One API as one operation. What it takes is told by its path, its body rows
 * and by the places of the call it makes: {query.x} must come, {header.x} may,
 * unless it stands in a path or a body (contract 7). What it answers with is
 * the same for all of them.
 */
struct operation {
	struct openapi *o;
	const struct api *api;
	struct value *out, *parameters;
	struct value *body; /* the schema of a JSON body; NULL = unknown */
};

/* ---- parameters --------------------------------------------------------- */

static bool has_parameter(
    const struct operation *op, const char *in, struct str name)
{
	const struct value *all = op->parameters;

	for (size_t i = 0; i < all->as.array.n; i++)
		if (str_is(value_text(all->as.array.items[i], "in"), in) &&
		    str_ieq(value_text(all->as.array.items[i], "name"), name))
			return true;
	return false;
}

/* The first one of a name stays: those that must come are put first. */
static void parameter(
    struct operation *op, const char *in, struct str name, bool required)
{
	struct openapi *o = op->o;
	struct value *p, *schema;

	if (has_parameter(op, in, name))
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
	value_push(o->a, op->parameters, p);
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

static void header(struct operation *op, struct str name, bool required)
{
	if (!is_described(name))
		parameter(op, "header", name, required);
}

/* In the order of the path, under the names it has in `paths`. */
static void path_parameters(struct operation *op, struct str path)
{
	for (size_t at = 0; at < path.n;) {
		size_t end = str_find(path, '/', at);
		struct str part = str_slice(path, at, end);
		if (str_starts(part, "{"))
			parameter(
			    op, "path", str_slice(part, 1, part.n - 1), true);
		at = end + 1;
	}
}

static void common_parameters(struct operation *op)
{
	static const char *const names[] = {"WaitTime", "Prefer",
	    "InitialRequest", "RequestId", "IdempotencyKey", "Traceparent"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		value_push(op->o->a, op->parameters,
		    openapi_ref(op->o, "parameters", names[i]));
}

/* ---- the body ----------------------------------------------------------- */

static bool is_word_in(struct value *array, struct str word)
{
	for (size_t i = 0; i < array->as.array.n; i++)
		if (str_eq(array->as.array.items[i]->text, word))
			return true;
	return false;
}

/* One member, required: its schema, made where there is none. */
static struct value *member(
    struct openapi *o, struct value *schema, struct str name)
{
	struct value *required = value_get(schema, "required");

	openapi_put_text(o, schema, "type", STR("object"));
	if (!required)
		required = openapi_put(o, schema, "required", openapi_array(o));
	if (!is_word_in(required, name))
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

static struct value *body_schema(struct operation *op)
{
	if (!op->body)
		op->body = openapi_table(op->o);
	return op->body;
}

static void required_members(struct operation *op)
{
	static const char *const any[] = {
	    "string", "number", "boolean", "array", "object", NULL};
	const struct pairs *rows = &op->api->body_required;

	for (size_t i = 0; i < rows->n; i++) {
		struct value *schema =
		    member(op->o, body_schema(op), rows->items[i].name);
		if (str_is(rows->items[i].value, "any"))
			types(op->o, schema, any);
		else
			openapi_put_text(
			    op->o, schema, "type", rows->items[i].value);
	}
}

/* {body.a.b}: b in a. */
static void body_place(struct operation *op, struct str name, bool as_text)
{
	static const char *const scalar[] = {
	    "string", "number", "boolean", NULL};
	struct value *schema = body_schema(op);

	for (size_t at = 0; at < name.n;) {
		size_t end = str_find(name, '.', at);
		schema = member(op->o, schema, str_slice(name, at, end));
		at = end + 1;
	}
	if (as_text)
		types(op->o, schema, scalar);
}

static void put_body(struct operation *op)
{
	struct openapi *o = op->o;
	const struct api *api = op->api;

	if (!api->body_type.n)
		return;
	struct value *body = openapi_child(o, op->out, "requestBody");
	openapi_put_text(o, body, "description",
	    arena_printf(
		o->a, "At most %lld bytes.", (long long)api->body_max));
	struct value *type = openapi_child(o, openapi_child(o, body, "content"),
	    arena_cstr(o->a, api->body_type));
	if (op->body)
		openapi_put(o, type, "schema", op->body);
	openapi_put_bool(o, body, "required", op->body != NULL);
}

/* ---- the places of its call --------------------------------------------- */

enum place { IN_PATH, IN_HEADER, IN_BODY };

static void place(
    struct operation *op, enum place where, struct str inside, bool quoted)
{
	size_t dot = str_find(inside, '.', 0);
	struct str root = str_slice(inside, 0, dot);
	struct str name = str_slice(inside, dot + 1, inside.n);

	if (str_is(root, "query"))
		parameter(op, "query", name, true);
	else if (str_is(root, "header"))
		header(op, name, where != IN_HEADER);
	else if (str_is(root, "body"))
		body_place(op, name, where != IN_BODY || quoted);
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Each {root.name}; in JSON, whether it stands inside a string. */
static void places(struct operation *op, enum place where, struct str text)
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
		if (end < text.n && text.p[end] == '}')
			place(op, where, str_slice(text, at + 1, end), quoted);
	}
}

static void all_places(struct operation *op)
{
	const struct api *api = op->api;

	places(op, IN_PATH, api->request_path);
	places(op, IN_BODY, api->request_body);
	for (size_t i = 0; i < api->request_headers.n; i++)
		places(op, IN_HEADER, api->request_headers.items[i].value);
	for (size_t i = 0; i < api->forward.n; i++)
		if (!str_ends(api->forward.items[i], "*"))
			header(op, api->forward.items[i], false);
}

/* ---- what it answers ---------------------------------------------------- */

static void responses(struct operation *op)
{
	/* who has no login has a name of his own for each body */
	enum { ANYBODY = 1, OWNED = 2, BOTH = 3 };
	static const struct {
		unsigned auth;
		const char *status, *name;
	} rows[] = {
	    {BOTH, "200", "Done"},
	    {BOTH, "201", "DoneCreated"},
	    {BOTH, "202", "Accepted"},
	    {BOTH, "204", "DoneEmpty"},
	    {BOTH, "2XX", "Done"},
	    {BOTH, "400", "InvalidOrRefused"},
	    {OWNED, "401", "UnauthorizedOrRefused"},
	    {BOTH, "404", "JobNotFoundOrRefused"},
	    {ANYBODY, "409", "CancelledOrRefused"},
	    {OWNED, "409", "ConflictOrRefused"},
	    {BOTH, "410", "ExpiredOrRefused"},
	    {BOTH, "413", "TooLargeOrRefused"},
	    {BOTH, "415", "WrongTypeOrRefused"},
	    {OWNED, "422", "KeyReusedOrRefused"},
	    {BOTH, "431", "HeadersTooLargeOrRefused"},
	    {BOTH, "4XX", "Refused"},
	    {BOTH, "500", "Failed"},
	    {BOTH, "502", "UpstreamFailed"},
	    {BOTH, "503", "Unavailable"},
	    {BOTH, "504", "TooLate"},
	};
	struct value *out = openapi_child(op->o, op->out, "responses");
	unsigned auth = str_is(op->api->auth, "none") ? ANYBODY : OWNED;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].auth & auth)
			openapi_put(op->o, out, rows[i].status,
			    openapi_ref(op->o, "responses", rows[i].name));
}

/* ---- words -------------------------------------------------------------- */

/* 90000 → "90 seconds", 3600000 → "1 hour" */
static struct str duration(struct arena *a, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *one;
	} units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"},
	    {1000, "second"}, {1, "millisecond"}};
	size_t i = 0;

	while (ms % units[i].ms || (ms < units[i].ms && units[i].ms > 1))
		i++;
	int64_t n = ms / units[i].ms;
	return arena_printf(
	    a, "%lld %s%s", (long long)n, units[i].one, n == 1 ? "" : "s");
}

static struct str pace(struct arena *a, const struct api *api)
{
	if (api->wait_ms == 0 || api->pattern == PATTERN_FIRE_AND_FORGET)
		return STR("Answered with 202 at once, unless the request says "
			   "how long to wait.");
	return arena_printf(a,
	    "Answered with the result if there is one within %.*s, else with "
	    "202, unless the request says how long to wait.",
	    STR_ARG(duration(a, api->wait_ms)));
}

/* x-wait-time-ms can ask for what is allowed; the rest is made that. */
static struct str allowed(struct arena *a, const struct api *api)
{
	struct str out = {0};

	if (api->allow == (1u << PATTERN_COUNT) - 1)
		return out;
	for (size_t i = 0; i < PATTERN_COUNT; i++)
		if (api->allow & 1u << i)
			out = arena_printf(a, "%.*s%s%s", STR_ARG(out),
			    out.n ? ", " : "", config_patterns[i]);
	return arena_printf(a, " It allows %.*s only.", STR_ARG(out));
}

static struct str passed_on(struct arena *a, const struct api *api)
{
	struct str out = {0};

	for (size_t i = 0; i < api->forward.n; i++)
		if (str_ends(api->forward.items[i], "*"))
			out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out),
			    out.n ? ", " : "", STR_ARG(api->forward.items[i]));
	if (!out.n)
		return out;
	return arena_printf(
	    a, " Headers that are passed on: %.*s.", STR_ARG(out));
}

static void describe(struct operation *op)
{
	struct arena *a = op->o->a;
	const struct api *api = op->api;
	const struct site *site = op->o->b->site;
	const char *base = arena_printf(a, "api.%.*s", STR_ARG(api->name)).p;
	struct str summary =
	    site_text(site, arena_printf(a, "%s.summary", base).p);
	struct str text =
	    site_text(site, arena_printf(a, "%s.description", base).p);
	struct value *tags =
	    site_value(site, arena_printf(a, "%s.tags", base).p);

	if (tags)
		openapi_put(op->o, op->out, "tags", tags);
	if (summary.n)
		openapi_put_text(op->o, op->out, "summary", summary);
	openapi_put_text(op->o, op->out, "description",
	    arena_printf(a,
		"%.*s%s%.*s%.*s It ends within %.*s, and what it gave is kept "
		"for %.*s.%.*s%s",
		STR_ARG(text), text.n ? "\n\n" : "", STR_ARG(pace(a, api)),
		STR_ARG(allowed(a, api)),
		STR_ARG(duration(a, api->deadline_ms)),
		STR_ARG(duration(a, api->ttl_ms)), STR_ARG(passed_on(a, api)),
		api->strict_poll
		    ? " An unknown x-request-id without x-initial-request is "
		      "404."
		    : ""));
}

/* ---- all of it ---------------------------------------------------------- */

/*
 * Paths that differ in the names of their places alone are one path here
 * (OpenAPI 3.1, 4.8.8.2): the first one's names stay.
 */
static struct str key_of(const struct value *paths, struct str path)
{
	for (size_t i = 0; i < paths->as.table.n; i++) {
		struct str key = paths->as.table.members[i].key;
		size_t k = 0, p = 0;
		while (k < key.n && p < path.n) {
			size_t k_end = str_find(key, '/', k);
			size_t p_end = str_find(path, '/', p);
			struct str a = str_slice(key, k, k_end);
			struct str b = str_slice(path, p, p_end);
			if (!str_eq(a, b) &&
			    !(str_starts(a, "{") && str_starts(b, "{")))
				break;
			k = k_end + 1;
			p = p_end + 1;
		}
		if (k > key.n && p > path.n)
			return key;
	}
	return path;
}

static const char *method_of(struct arena *a, struct str method)
{
	char *copy = arena_cstr(a, method);

	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

void openapi_operation(
    struct openapi *o, struct value *paths, const struct api *api)
{
	struct str path = key_of(paths, api->path);
	struct value *item = openapi_child(o, paths, arena_cstr(o->a, path));
	struct operation op = {.o = o, .api = api, .out = openapi_table(o)};

	openapi_put(o, item, method_of(o->a, api->method), op.out);
	openapi_put_text(o, op.out, "operationId", api->name);
	describe(&op);
	op.parameters = openapi_put(o, op.out, "parameters", openapi_array(o));
	path_parameters(&op, path);
	required_members(&op);
	all_places(&op);
	common_parameters(&op);
	put_body(&op);
	responses(&op);
}
