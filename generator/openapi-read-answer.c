#include <string.h>

#include "generator/openapi-refusals.h"

/*
 * What one read answers. The endpoint's answers stand beside its own where it
 * may become a job: to whom has the job's id, the result of that.
 */
enum {
	ALWAYS = 0,
	OWNED = 1, /* not for anybody */
	TOKEN = 2,
	SCOPED = 4,
	JOB = 8,
};

static unsigned traits(const struct read *read)
{
	bool owned = !str_is(read->auth, "none");
	bool token = owned && !str_is(read->auth, "web-server");

	return (owned ? OWNED : 0) | (token ? TOKEN : 0) |
	       (read->scopes.n ? SCOPED : 0) | (read->api.n ? JOB : 0);
}

/* ---- problems ----------------------------------------------------------- */

static const struct row {
	unsigned traits; /* one of them; ALWAYS */
	const char *status, *type;
	unsigned flags;
	const char *words;
} rows[] = {
    {ALWAYS, "400", "validation-failed", 0,
	"Something in the request is missing or wrong."},
    {OWNED, "401", "unauthorized", SIGN_IN | AT_ONCE, "This needs a login."},
    {SCOPED, "403", "forbidden", SIGN_IN, "The token lacks a scope."},
    {JOB, "404", "job-not-found", WAITED,
	"There is no job of this x-request-id, which looks like a job's id."},
    {JOB, "409", "job-cancelled", WAITED,
	"The job was cancelled before it was done."},
    {JOB, "410", "job-expired", WAITED,
	"The job ended long ago and is erased."},
    {ALWAYS, "431", "header-fields-too-large", AT_ONCE,
	"The headers are too many or too long."},
    {ALWAYS, "500", "internal", AT_ONCE, "Something went wrong here."},
    {JOB, "500", "job-failed", ENDED | AT_ONCE, "The job could not be done."},
    {ALWAYS, "502", "upstream-error", AT_ONCE,
	"A service that it needs failed."},
    {JOB, "502", "upstream-error", ENDED, NULL},
    {ALWAYS, "503", "circuit-open", AT_ONCE | RETRY,
	"A service that it needs is left alone for a while."},
    {ALWAYS, "503", "overloaded", AT_ONCE | RETRY, "Not now."},
    {TOKEN, "503", "keys-unavailable", AT_ONCE | RETRY, NULL},
    {JOB, "503", "store-unavailable", AT_ONCE | RETRY, NULL},
    {JOB, "503", "store-full", AT_ONCE | RETRY, NULL},
    {JOB, "503", "queue-full", AT_ONCE | RETRY, NULL},
    {ALWAYS, "504", "upstream-timeout", AT_ONCE,
	"A service that it needs did not answer in time."},
    {JOB, "504", "deadline-exceeded", ENDED, "The job was not done in time."},
};

/* One status, and all that it may be. */
struct gathered {
	struct arena *a;
	struct refusal refusal;
	struct str words;
	size_t n;
};

static void gather(
    struct gathered *g, const char *type, unsigned flags, const char *words)
{
	bool known = g->n + 1 == REFUSAL_PROBLEMS;

	for (size_t i = 0; i < g->n; i++)
		known |= strcmp(g->refusal.problems[i], type) == 0;
	if (!known)
		g->refusal.problems[g->n++] = type;
	g->refusal.flags |= flags | OF_READ;
	if (words)
		g->words = arena_printf(g->a, "%.*s%s%s", STR_ARG(g->words),
		    g->words.n ? " Or: " : "", words);
}

static bool passes_on(const struct read *read, const char *status)
{
	for (size_t i = 0; i < read->n_calls; i++)
		for (size_t j = 0; j < read->calls[i].pass_on.n; j++)
			if (read->calls[i].required &&
			    str_is(read->calls[i].pass_on.items[j], status))
				return true;
	return false;
}

static void put_status(struct openapi *o, const struct read *read,
    const char *status, struct value *responses)
{
	struct gathered g = {.a = o->a};

	if (value_get(responses, status))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].status, status) == 0 &&
		    (!rows[i].traits || rows[i].traits & traits(read)))
			gather(&g, rows[i].type, rows[i].flags, rows[i].words);
	if (passes_on(read, status))
		gather(&g, "upstream-refused", read->api.n ? OF_JOB | ENDED : 0,
		    "A service that it needs says so.");
	if (!g.n)
		return;
	g.refusal.description = arena_cstr(o->a, g.words);
	openapi_refusal(o, &g.refusal, openapi_child(o, responses, status));
}

/* In the order of their numbers. */
static void problems(
    struct openapi *o, const struct read *read, struct value *responses)
{
	for (int status = 400; status < 600; status++)
		put_status(o, read, arena_cstr(o->a, arena_int(o->a, status)),
		    responses);
}

/* ---- 200, 202, 304 ------------------------------------------------------ */

static struct value *response(
    struct openapi *o, const struct read *read, const char *words)
{
	bool job = read->api.n > 0;
	const struct {
		const char *header, *name;
		bool job;
	} headers[] = {
	    {"Age", job ? "AgeMaybe" : "Age", false},
	    {"Cache-Control", "CacheControlOfRead", false},
	    {"ETag", "ETagOfRead", false},
	    {"Preference-Applied", "PreferenceApplied", true},
	    {"traceparent", "Traceparent", false},
	    {"x-aggregate-complete", job ? "AggregateMaybe" : "Aggregate",
		false},
	    {"x-aggregate-stale", "AggregateStale", false},
	    {"x-request-id", "RequestIdOfRead", false},
	    {"x-wait-time-ms", "WaitTime", true},
	};
	struct value *out = openapi_table(o);
	openapi_put_text(o, out, "description", str_of(words));
	struct value *all = openapi_child(o, out, "headers");
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		if (job || !headers[i].job)
			openapi_put(o, all, headers[i].header,
			    openapi_ref(o, "headers", headers[i].name));
	return out;
}

void openapi_read_answers(
    struct openapi *o, const struct read *read, struct value *operation)
{
	struct value *all = openapi_child(o, operation, "responses");
	struct value *good = openapi_put(o, all, "200",
	    response(o, read, "What every call that must come back gave."));

	openapi_put(o,
	    openapi_child(
		o, openapi_child(o, good, "content"), "application/json"),
	    "schema", openapi_read_schema(o, read));
	if (read->api.n)
		openapi_put(
		    o, all, "202", openapi_ref(o, "responses", "Accepted"));
	openapi_put(
	    o, all, "304", response(o, read, "It is as that ETag says."));
	problems(o, read, all);
}
