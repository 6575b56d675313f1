#include "generator/openapi.h"

/*
 * One API as one operation: its words, what it takes (openapi-request.c), and
 * what it answers with, which is the same for all that have the same owners.
 */
struct operation {
	struct openapi *o;
	const struct api *api;
	struct value *out;
};

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
	openapi_request(o, api, path, op.out);
	responses(&op);
}
