#include "cgi/read/engine-parts.h"

#include "lib/json-check.h"

/*
 * What came of a flight, and what that is for each call that waited. Calls with
 * the same key may differ in what they take for an answer: one's 404 is null to
 * it, and the other's failure.
 */
static const struct {
	enum plan_failure failure;
	const char *message;
} ends[UPSTREAM_ENDS] = {
    [UPSTREAM_ANSWER] = {PLAN_UNKNOWN_ERROR, "its answer is not JSON"},
    [UPSTREAM_UNSENT] = {PLAN_UNKNOWN_ERROR, "it could not be reached"},
    [UPSTREAM_TIMEOUT] = {PLAN_TIMEOUT, "it did not answer in time"},
    [UPSTREAM_BROKEN] = {PLAN_UNKNOWN_ERROR, "the connection to it broke"},
    [UPSTREAM_TOO_LARGE] = {PLAN_UNKNOWN_ERROR, "its answer is too large"},
    [UPSTREAM_AGAIN] = {PLAN_UNKNOWN_ERROR, "it gave no answer"},
    [UPSTREAM_FAILED] = {PLAN_UNKNOWN_ERROR, "it gave no answer"},
};

static bool is_success(int status)
{
	return status >= 200 && status <= 299;
}

static bool is_refusal(int status)
{
	return status >= 400 && status <= 499;
}

bool engine_is_status(const struct strs *statuses, int status)
{
	char text[STR_INT_MAX];
	const struct str s = {text, str_int(text, status)};

	for (size_t i = 0; i < statuses->n; i++)
		if (str_eq(statuses->items[i], s))
			return true;
	return false;
}

struct landing landing_of(
    const struct upstream_answer *answer, int64_t now_boot)
{
	struct landing landing = {.end = answer->end, .status = answer->status};
	struct str body = answer->body;

	if (answer->end != UPSTREAM_ANSWER)
		return landing;
	if (is_success(answer->status)) {
		if (answer->status == 204)
			body.n = 0;
		if (body.n && !json_check(body))
			return landing;
	} else if (is_refusal(answer->status)) {
		body.n = 0;
	} else {
		return landing;
	}
	landing.blob = blob_new(body, answer->status, now_boot);
	return landing;
}

void landing_release(struct landing *landing)
{
	blob_unref(landing->blob);
	*landing = (struct landing){0};
}

/* It says something of what was asked for, and not of how the upstream is. */
static bool is_said(int status)
{
	return is_success(status) ||
	       (is_refusal(status) && status != 408 && status != 429);
}

bool landing_is_good(const struct landing *landing)
{
	return landing->kind == LANDING_ANSWER && landing->blob &&
	       is_said(landing->status);
}

bool landing_may_be_spared(const struct landing *landing)
{
	return !landing_is_good(landing);
}

struct plan_outcome landing_outcome(
    const struct landing *landing, const struct read_call *call)
{
	struct plan_outcome out = {.retry_ms = landing->retry_ms};

	if (landing->kind == LANDING_OPEN) {
		out.failure = PLAN_CIRCUIT_OPEN;
		out.message = "it is not asked for a while";
	} else if (landing->kind == LANDING_SHED) {
		out.failure = PLAN_UNKNOWN_ERROR;
		out.message = "too much waits for it";
		out.shed = true;
	} else if (landing->blob &&
		   (is_success(landing->status) ||
		       engine_is_status(&call->empty_on, landing->status))) {
		out.blob = landing->blob;
		out.fresh_boot = landing->fresh_boot;
	} else if (landing->end == UPSTREAM_ANSWER &&
		   !is_success(landing->status)) {
		out.failure = PLAN_HTTP_ERROR;
		out.status = landing->status;
		out.message = "it answered with an error";
	} else {
		out.failure = ends[landing->end].failure;
		out.message = ends[landing->end].message;
	}
	return out;
}
