#include "cgi/read/plan-parts.h"

#include "lib/json.h"

const char *const read_failure_names[PLAN_FAILURES] = {
    [PLAN_OK] = "",
    [PLAN_HTTP_ERROR] = "UPSTREAM_HTTP_ERROR",
    [PLAN_TIMEOUT] = "TIMEOUT",
    [PLAN_CIRCUIT_OPEN] = "CIRCUIT_OPEN",
    [PLAN_UNKNOWN_ERROR] = "UNKNOWN_ERROR",
};
static const char *const usual_messages[PLAN_FAILURES] = {
    [PLAN_OK] = "",
    [PLAN_HTTP_ERROR] = "it answered with an error",
    [PLAN_TIMEOUT] = "it did not answer in time",
    [PLAN_CIRCUIT_OPEN] = "it failed too often just now and is left alone",
    [PLAN_UNKNOWN_ERROR] = "it could not be asked, or answered nonsense",
};

/* Each part of each call, in the order of the file, then of identifiers. A
   call without identifiers to be made for has its fate alone. */
struct each_part {
	struct plan *plan;
	size_t call, at;
};
static struct plan_part *next_part(struct each_part *e)
{
	for (; e->call < e->plan->n_calls; e->call++, e->at = 0) {
		struct plan_calling *call = &e->plan->calls[e->call];

		if (call->fate.failure && e->at++ == 0)
			return &call->fate;
		if (!call->fate.failure && e->at < call->n)
			return &call->parts[e->at++];
	}
	return NULL;
}

/* ---- what failed --------------------------------------------------------- */

static void tell_failure(const struct plan_part *part, struct read_failure *out)
{
	const struct plan_calling *call = part->of;

	*out = (struct read_failure){.endpoint = call->is->name,
	    .type = part->failure,
	    .status = part->failure == PLAN_HTTP_ERROR ? part->status : 0,
	    .message = str_of(
		part->message ? part->message : usual_messages[part->failure]),
	    .why = part->why};
	if (call->ids && part != &call->fate)
		out->identifier = call->ids->list.items[part - call->parts];
}

static size_t count_failures(const struct plan *plan)
{
	size_t n = plan->n_calls + 2 * plan->n_ids;

	for (size_t i = 0; i < plan->n_calls; i++)
		for (size_t j = 0; j < plan->calls[i].n; j++)
			n += plan->calls[i].parts[j].failure != PLAN_OK;
	return n;
}

/* What is wrong with the identifiers of a call's results. */
static size_t tell_notes(const struct plan *plan,
    const struct plan_calling *call, struct read_failure *out)
{
	size_t n = 0;

	for (size_t i = 0; i < 2 * plan->n_ids; i++) {
		const struct plan_ids *ids = &plan->ids[i / 2];
		if (ids->from == call->number && ids->notes[i % 2])
			out[n++] =
			    (struct read_failure){.endpoint = call->is->name,
				.type = PLAN_UNKNOWN_ERROR,
				.message = str_of(ids->notes[i % 2])};
	}
	return n;
}

static void tell_failures(
    struct plan *plan, struct arena *a, struct read_result *out)
{
	struct read_failure *all =
	    arena_array(a, count_failures(plan), sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < plan->n_calls; i++) {
		const struct plan_calling *call = &plan->calls[i];

		if (call->fate.failure)
			tell_failure(&call->fate, &all[n++]);
		for (size_t j = 0; j < call->n; j++)
			if (call->parts[j].failure)
				tell_failure(&call->parts[j], &all[n++]);
		n += tell_notes(plan, call, &all[n]);
	}
	out->failures = all;
	out->n_failures = n;
	out->complete = n == 0;
}

void read_put_failures(
    struct json_writer *w, const struct read_failure *failures, size_t n)
{
	json_open(w, '[');
	for (size_t i = 0; i < n && i <= READ_FAILURES_TOLD; i++) {
		const struct read_failure *f = &failures[i];
		const bool rest = i == READ_FAILURES_TOLD;
		char more[40];

		snprintf(more, sizeof(more), "and %zu more", n - i);
		json_open(w, '{');
		json_key(w, "endpoint");
		json_string(w, f->endpoint);
		json_key(w, "failureType");
		json_string(w, str_of(read_failure_names[f->type]));
		json_key(w, "httpResponseStatus");
		if (f->status && !rest)
			json_int(w, f->status);
		else
			json_null(w);
		json_key(w, "message");
		json_string(w, rest ? str_of(more) : f->message);
		json_key(w, "identifier");
		if (f->identifier.n && !rest)
			json_string(w, f->identifier);
		else
			json_null(w);
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* ---- what becomes of it -------------------------------------------------- */

static bool passes_on(const struct plan_part *part)
{
	const struct strs *statuses = &part->of->is->pass_on;
	char digits[STR_INT_MAX];
	const struct str status = {digits, str_int(digits, part->status)};

	if (!part->answered || part->failure != PLAN_HTTP_ERROR)
		return false;
	for (size_t i = 0; i < statuses->n; i++)
		if (str_eq(statuses->items[i], status))
			return true;
	return false;
}

/* 200, or what the required ones that failed make of it together. */
static void decide(struct plan *plan, struct read_result *out)
{
	bool late = true, away = true, failed = false;
	struct each_part e = {.plan = plan};

	for (const struct plan_part *part; (part = next_part(&e));) {
		if (!part->failure || !part->of->is->required)
			continue;
		if (passes_on(part)) {
			out->status = part->status;
			return;
		}
		failed = true;
		late &= part->failure == PLAN_TIMEOUT;
		away &= part->failure == PLAN_CIRCUIT_OPEN || part->shed;
		if (part->retry_ms > out->retry_ms)
			out->retry_ms = part->retry_ms;
	}
	out->status = !failed ? 200 : late ? 504 : away ? 503 : 502;
	if (out->status != 503)
		out->retry_ms = 0;
}

static void find_ages(struct plan *plan, struct read_result *out)
{
	struct each_part e = {.plan = plan};
	int64_t made = INT64_MAX, fresh = INT64_MAX;

	out->cacheable = true;
	for (const struct plan_part *part; (part = next_part(&e));) {
		if (!part->answered || part->failure)
			continue;
		const int64_t from = part->blob ? part->blob->made_boot : 0;
		if (part->blob && from < made)
			made = from;
		if (part->fresh_boot < fresh)
			fresh = part->fresh_boot;
		out->cacheable &= part->fresh_boot > from;
		out->stale |= part->stale;
	}
	out->made_boot = made == INT64_MAX ? 0 : made;
	out->fresh_boot = fresh == INT64_MAX ? 0 : fresh;
	out->cacheable &= fresh != INT64_MAX;
}

/* ---- all of it ----------------------------------------------------------- */

static void be_too_large(
    struct plan *plan, struct arena *a, struct read_result *out)
{
	struct read_failure *f = arena_alloc(a, sizeof(*f));

	*f = (struct read_failure){.endpoint = plan->spec.read->name,
	    .type = PLAN_UNKNOWN_ERROR,
	    .message = STR("the answer is larger than 32 MiB")};
	_Static_assert(PLAN_RESULT_MAX == (size_t)32 << 20, "as it is said");
	*out =
	    (struct read_result){.status = 502, .failures = f, .n_failures = 1};
}

void plan_result(struct plan *plan, struct arena *a, struct read_result *out)
{
	struct buf body = {0};

	*out = (struct read_result){0};
	tell_failures(plan, a, out);
	decide(plan, out);
	if (out->status != 200)
		return;
	find_ages(plan, out);
	if (plan_put_body(plan, out, &body))
		out->body = arena_str(a, buf_str(&body));
	else
		be_too_large(plan, a, out);
	buf_release(&body);
}
