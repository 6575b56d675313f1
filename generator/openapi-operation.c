#include "generator/openapi.h"

/*
 * One API as one operation: its words, what it takes (openapi-request.c), and
 * what it answers with, which is the same for all that have the same traits.
 */
struct operation {
	struct openapi *o;
	const struct api *api;
	struct value *out;
};

/* ---- what it answers ---------------------------------------------------- */

static bool names_header(struct str text)
{
	static const char place[] = "{header.";
	size_t n = sizeof(place) - 1;

	for (size_t at = 0; at + n <= text.n; at++)
		if (str_is(str_slice(text, at, at + n), place))
			return true;
	return false;
}

static bool any_names_header(const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (names_header(pairs->items[i].value))
			return true;
	return false;
}

/*
 * A credential of the client's goes to the upstream: its 401 may be the answer,
 * until the same request comes with another one. A program answers none.
 */
static bool passes_credentials(const struct api *api)
{
	return !api->exec.n && (any_names_header(&api->request_headers) ||
				   any_names_header(&api->request_form) ||
				   names_header(api->request_path) ||
				   names_header(api->request_body) ||
				   api->forward.n || api->body_secret.n);
}

/* What the answers of an API depend on. */
enum {
	OWNED = 1,    /* not for anybody */
	NAMELESS = 2, /* who has no login has a name for each body */
	TOKEN = 4,    /* a provider's */
	NO_TOKEN = 8,
	SCOPES = 16,
	SIGNED_IN = 32, /* here, or there with what is passed on */
	BOUNDED = 64,	/* so many of one owner */
	ONCE = 128,
	OFTEN = 256,
	CONFLICTS = 512, /* somebody else may have the name */
	NO_CONFLICT = 1024,
};

static unsigned traits(const struct api *api)
{
	bool owned = !str_is(api->auth, "none");
	bool token = owned && !str_is(api->auth, "web-server");
	unsigned out = owned ? OWNED : NAMELESS;

	out |= token ? TOKEN : NO_TOKEN;
	out |= api->scopes.n ? SCOPES : 0;
	out |= owned || passes_credentials(api) ? SIGNED_IN : 0;
	out |= api->owner_rate_count || api->owner_open ? BOUNDED : 0;
	out |= api->once ? ONCE : OFTEN;
	out |= owned || api->resource_id.n ? CONFLICTS : NO_CONFLICT;
	return out;
}

static void responses(struct operation *op)
{
	static const struct {
		unsigned traits; /* one of them; 0 = always */
		const char *status, *name;
	} rows[] = {
	    {0, "200", "Done"},
	    {0, "201", "DoneCreated"},
	    {0, "202", "Accepted"},
	    {0, "204", "DoneEmpty"},
	    {0, "2XX", "Done"},
	    {0, "400", "InvalidOrRefused"},
	    {SIGNED_IN, "401", "UnauthorizedOrRefused"},
	    {SCOPES, "403", "ForbiddenOrRefused"},
	    {0, "404", "JobNotFoundOrRefused"},
	    {NO_CONFLICT, "409", "CancelledOrRefused"},
	    {CONFLICTS, "409", "ConflictOrRefused"},
	    {OFTEN, "410", "ExpiredOrRefused"},
	    {ONCE, "410", "ConsumedOrRefused"},
	    {0, "413", "TooLargeOrRefused"},
	    {0, "415", "WrongTypeOrRefused"},
	    {OWNED, "422", "KeyReusedOrRefused"},
	    {BOUNDED, "429", "LimitedOrRefused"},
	    {0, "431", "HeadersTooLargeOrRefused"},
	    {0, "4XX", "Refused"},
	    {0, "500", "Failed"},
	    {0, "502", "UpstreamFailed"},
	    {NO_TOKEN, "503", "Unavailable"},
	    {TOKEN, "503", "UnavailableOrKeys"},
	    {0, "504", "TooLate"},
	};
	struct value *out = openapi_child(op->o, op->out, "responses");
	unsigned has = traits(op->api);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!rows[i].traits || rows[i].traits & has)
			openapi_put(op->o, out, rows[i].status,
			    openapi_ref(op->o, "responses", rows[i].name));
}

/* ---- words -------------------------------------------------------------- */

struct str openapi_duration(struct arena *a, int64_t ms)
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
	    STR_ARG(openapi_duration(a, api->wait_ms)));
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

/* " Of one owner it takes 20 in 1 minute, and 5 at a time; more is 429." */
static struct str bounds(struct arena *a, const struct api *api)
{
	struct str rate = {0}, open = {0};

	if (api->owner_rate_count)
		rate = arena_printf(a, " %lld in %.*s",
		    (long long)api->owner_rate_count,
		    STR_ARG(openapi_duration(a, api->owner_rate_per_ms)));
	if (api->owner_open)
		open = arena_printf(
		    a, " %lld at a time", (long long)api->owner_open);
	if (!rate.n && !open.n)
		return rate;
	return arena_printf(a, " Of one owner it takes%.*s%s%.*s; more is 429.",
	    STR_ARG(rate), rate.n && open.n ? ", and" : "", STR_ARG(open));
}

static struct str promises(struct arena *a, const struct api *api)
{
	struct str out = {0};

	if (api->resource_id.n)
		out = arena_printf(a,
		    " While a request of the same owner with the same `%.*s` "
		    "has not ended, another one is 409.",
		    STR_ARG(
			str_slice(api->resource_id, 5, api->resource_id.n)));
	if (api->once)
		out = arena_printf(a,
		    "%.*s Its result is delivered once; then it is 410.",
		    STR_ARG(out));
	for (size_t i = 0; i < api->events.n; i++)
		out = arena_printf(a, "%.*s%s `%.*s`%s", STR_ARG(out),
		    i ? "," : " Events of `view=command`:",
		    STR_ARG(api->events.items[i].value),
		    i + 1 == api->events.n ? "." : "");
	return out;
}

void openapi_describe(struct openapi *o, const char *base, struct str more,
    struct value *operation)
{
	struct arena *a = o->a;
	const struct site *site = o->b->site;
	struct str summary =
	    site_text(site, arena_printf(a, "%s.summary", base).p);
	struct str text =
	    site_text(site, arena_printf(a, "%s.description", base).p);
	struct value *tags =
	    site_value(site, arena_printf(a, "%s.tags", base).p);

	if (tags)
		openapi_put(o, operation, "tags", tags);
	if (summary.n)
		openapi_put_text(o, operation, "summary", summary);
	openapi_put_text(o, operation, "description",
	    arena_printf(a, "%.*s%s%.*s", STR_ARG(text), text.n ? "\n\n" : "",
		STR_ARG(more)));
}

static void describe(struct operation *op)
{
	struct arena *a = op->o->a;
	const struct api *api = op->api;

	openapi_describe(op->o,
	    arena_printf(a, "api.%.*s", STR_ARG(api->name)).p,
	    arena_printf(a,
		"%.*s%.*s It ends within %.*s, and what it gave is kept "
		"for %.*s.%.*s%.*s%.*s%s",
		STR_ARG(pace(a, api)), STR_ARG(allowed(a, api)),
		STR_ARG(openapi_duration(a, api->deadline_ms)),
		STR_ARG(openapi_duration(a, api->ttl_ms)),
		STR_ARG(passed_on(a, api)), STR_ARG(bounds(a, api)),
		STR_ARG(promises(a, api)),
		api->strict_poll
		    ? " An unknown x-request-id without x-initial-request is "
		      "404."
		    : ""),
	    op->out);
}

/* ---- all of it ---------------------------------------------------------- */

struct str openapi_path(const struct value *paths, struct str path)
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
	struct str path = openapi_path(paths, api->path);
	struct value *item = openapi_child(o, paths, arena_cstr(o->a, path));
	struct operation op = {.o = o, .api = api, .out = openapi_table(o)};

	openapi_put(o, item, method_of(o->a, api->method), op.out);
	openapi_put_text(o, op.out, "operationId", api->name);
	describe(&op);
	openapi_request(o, api, path, op.out);
	openapi_secure(o, api->auth, &api->scopes, op.out);
	responses(&op);
}
