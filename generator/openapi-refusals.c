#include "generator/openapi-refusals.h"

#include <string.h>

/*
 * Answers that are problems (contract 5). A row of `refusals` is one entry of
 * components.responses; a row of lib/problem.def that some document names is
 * one schema, Problem<Type>, on top of the common one.
 *
 * The upstream's own refusal comes with its status, type and body, and so can
 * stand beside ours under any status from 400 to 499.
 */
static const struct refusal refusals[] = {
    {"Invalid", "Something in the request is missing or wrong.", 0,
	{"validation-failed"}},
    {"JobNotFound", "There is no such job.", 0, {"job-not-found"}},
    {"JobExpired", "The job ended long ago and is erased.", WAITED,
	{"job-expired"}},
    {"TooLarge", "The body is larger than is taken.", AT_ONCE,
	{"payload-too-large"}},
    {"HeadersTooLarge", "The headers are too many or too long.", AT_ONCE,
	{"header-fields-too-large"}},
    {"Internal", "Something went wrong here.", AT_ONCE, {"internal"}},
    {"Unavailable", "Not now; nothing was done.", AT_ONCE | RETRY,
	{"store-unavailable", "store-full", "queue-full"}},
    {"UnavailableOrKeys", "Not now; nothing was done.", AT_ONCE | RETRY,
	{"store-unavailable", "store-full", "queue-full", "keys-unavailable"}},
    {"Unauthorized", "This needs a login.", SIGN_IN | AT_ONCE,
	{"unauthorized"}},
    {"Forbidden", "The token lacks a scope.", SIGN_IN, {"forbidden"}},
    {"NotAcceptable", "There are events here, and nothing else.", 0,
	{"not-acceptable"}},
    {"LookedUpTooOften", "This job was looked at too often.", RETRY,
	{"rate-limited"}},
    {"CannotCancel",
	"It had ended already (`Prefer: handling=strict`), or is still open "
	"and cannot be erased (`purge=1`).",
	STRICT, {"job-already-finished", "job-open"}},
    {"AlreadyFinished", "It had ended already (`Prefer: handling=strict`).",
	STRICT, {"job-already-finished"}},
    {"InvalidOrRefused", "Something in the request is missing or wrong.",
	REFUSED, {"validation-failed"}},
    {"UnauthorizedOrRefused",
	"This needs a login; or, with a jobId, the service behind the API "
	"wants another credential: the same request with one goes on.",
	REFUSED | SIGN_IN | LATER | AT_ONCE, {"unauthorized"}},
    {"ForbiddenOrRefused", "The token lacks a scope.", REFUSED | SIGN_IN,
	{"forbidden"}},
    {"LimitedOrRefused", "Too many of one owner.", REFUSED | LATER,
	{"rate-limited"}},
    {"JobNotFoundOrRefused",
	"There is no job of this x-request-id, which looks like a job's id; or "
	"the service behind the API says so.",
	REFUSED, {"job-not-found"}},
    {"ResultNotFoundOrRefused",
	"There is no such job; or the service behind the API says so.", REFUSED,
	{"job-not-found"}},
    {"ConflictOrRefused",
	"The x-request-id was sent before with another request, its job was "
	"cancelled, or another request for the same resource is open.",
	REFUSED, {"id-conflict", "job-cancelled"}},
    {"CancelledOrRefused", "The job was cancelled before it was done.", REFUSED,
	{"job-cancelled"}},
    {"ExpiredOrRefused", "The job ended long ago and is erased.", REFUSED,
	{"job-expired"}},
    {"ConsumedOrRefused",
	"The result was delivered; or the job ended long ago and is erased.",
	REFUSED, {"job-expired", "result-consumed"}},
    {"TooLargeOrRefused", "The body is larger than is taken.",
	REFUSED | AT_ONCE, {"payload-too-large"}},
    {"WrongTypeOrRefused", "The body is of another media type.", REFUSED,
	{"unsupported-media-type"}},
    {"KeyReusedOrRefused",
	"The Idempotency-Key was sent before with another request.", REFUSED,
	{"idempotency-key-reused"}},
    {"HeadersTooLargeOrRefused", "The headers are too many or too long.",
	REFUSED | AT_ONCE, {"header-fields-too-large"}},
    {"Refused",
	"The service behind the API did not accept the request: its status and "
	"body, unchanged.",
	REFUSED, {NULL}},
    {"Failed", "The job could not be done, or something went wrong here.",
	ENDED | AT_ONCE, {"job-failed", "internal"}},
    {"UpstreamFailed",
	"The service behind the API failed; or its answer was lost, and nobody "
	"knows whether it did what it was asked.",
	ENDED, {"upstream-error", "outcome-unknown"}},
    {"TooLate", "The job was not done in time.", ENDED,
	{"upstream-timeout", "deadline-exceeded"}},
};

static const struct problem {
	const char *type;
	int status; /* 0 = the upstream's own */
	const char *detail;
} problems[] = {
#define PROBLEM(name, type, status, title, detail) {type, status, detail},
#include "lib/problem.def"
#undef PROBLEM
};

/* "job-not-found" → "ProblemJobNotFound" */
static const char *schema_name(struct openapi *o, const char *type)
{
	char *name = arena_cstr(o->a, arena_printf(o->a, "Problem-%s", type)),
	     *to = name;

	for (const char *from = name; *from; from++)
		if (*from != '-')
			*to++ = *from;
		else if (from[1] >= 'a' && from[1] <= 'z')
			*to++ = (char)(*++from - 'a' + 'A');
	*to = '\0';
	return name;
}

bool openapi_names(const struct value *v, struct str ref)
{
	bool found = false;

	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n && !found; i++)
			found = openapi_names(v->as.array.items[i], ref);
	if (v->kind != VALUE_TABLE)
		return found;
	for (size_t i = 0; i < v->as.table.n && !found; i++) {
		const struct member *m = &v->as.table.members[i];
		found =
		    m->value->kind == VALUE_STRING
			? str_is(m->key, "$ref") && str_eq(m->value->text, ref)
			: openapi_names(m->value, ref);
	}
	return found;
}

/* ---- responses ---------------------------------------------------------- */

static struct value *headers(struct openapi *o, unsigned flags)
{
	static const struct row {
		unsigned flags; /* 0 = always */
		const char *header, *name;
	} rows[] = {
	    {0, "Cache-Control", "CacheControl"},
	    {ENDED | REFUSED, "ETag", "ETagOfResult"},
	    {REFUSED, "Location", "Location"},
	    {ENDED | REFUSED | WAITED | STRICT, "Preference-Applied",
		"PreferenceApplied"},
	    {RETRY, "Retry-After", "RetryAfterRefused"},
	    {LATER, "Retry-After", "RetryAfterLater"},
	    {0, "traceparent", "Traceparent"},
	    {SIGN_IN, "WWW-Authenticate", "Challenge"},
	    {ENDED | REFUSED | WAITED, "x-wait-time-ms", "WaitTime"},
	};
	struct value *out = openapi_table(o);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!rows[i].flags || rows[i].flags & flags)
			openapi_put(o, out, rows[i].header,
			    openapi_ref(o, "headers", rows[i].name));
	const char *id = flags & AT_ONCE ? "RequestIdMaybe" : "RequestId";
	openapi_put(o, out, "x-request-id",
	    openapi_ref(
		o, "headers", flags & OF_READ ? "RequestIdOfRead" : id));
	return out;
}

static struct value *content(struct openapi *o, const struct refusal *r)
{
	struct value *out = openapi_table(o), *any = openapi_array(o);
	size_t n = 0;

	for (; n < REFUSAL_PROBLEMS && r->problems[n]; n++)
		value_push(o->a, any,
		    openapi_ref(o, "schemas", schema_name(o, r->problems[n])));
	if (r->flags & (REFUSED | OF_JOB))
		value_push(o->a, any, openapi_ref(o, "schemas", "Refusal"));
	struct value *schema = any->as.array.items[0];
	if (any->as.array.n > 1) {
		schema = openapi_table(o);
		openapi_put(o, schema, "anyOf", any);
	}
	openapi_put(o, openapi_child(o, out, "application/problem+json"),
	    "schema", schema);
	if (r->flags & REFUSED)
		openapi_child(o, out, "*/*");
	return out;
}

void openapi_refusal(
    struct openapi *o, const struct refusal *r, struct value *out)
{
	openapi_put_text(o, out, "description", str_of(r->description));
	openapi_put(o, out, "headers", headers(o, r->flags));
	openapi_put(o, out, "content", content(o, r));
}

void openapi_refusals(struct openapi *o, struct value *responses)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct str ref =
		    arena_printf(o->a, "#/components/responses/%s", r->name);
		if (!openapi_names(o->root, ref))
			continue;
		openapi_refusal(o, r, openapi_child(o, responses, r->name));
	}
}

/* ---- schemas ------------------------------------------------------------ */

/* Pages are where the site is, which need not be where the APIs are. */
static struct str page(struct openapi *o, const char *type)
{
	const struct config *c = o->b->config;

	return arena_printf(o->a, "%.*s/problems/%s",
	    STR_ARG(c->api_url.n ? c->base_url : (struct str){0}), type);
}

static void constant(
    struct openapi *o, struct value *properties, const char *key, struct str is)
{
	openapi_put_text(o, openapi_child(o, properties, key), "const", is);
}

static void problem(
    struct openapi *o, struct value *schemas, const struct problem *p)
{
	struct value *out = openapi_child(o, schemas, schema_name(o, p->type));
	struct value *all = openapi_array(o);

	openapi_put_text(o, out, "description", str_of(p->detail));
	openapi_put(o, out, "allOf", all);
	value_push(o->a, all, openapi_ref(o, "schemas", "Problem"));
	openapi_put_text(o, out, "type", STR("object"));
	struct value *properties = openapi_child(o, out, "properties");
	constant(o, properties, "type", page(o, p->type));
	constant(o, properties, "error", str_of(p->type));
	if (p->status)
		openapi_put_int(o, openapi_child(o, properties, "status"),
		    "const", p->status);
}

void openapi_problems(struct openapi *o, struct value *schemas)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(*problems); i++) {
		struct str ref = arena_printf(o->a, "#/components/schemas/%s",
		    schema_name(o, problems[i].type));
		if (openapi_names(o->root, ref))
			problem(o, schemas, &problems[i]);
	}
}
