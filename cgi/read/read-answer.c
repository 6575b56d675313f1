#include "cgi/read/read-answer.h"

#include <sodium.h>

#include "cgi/answer-parts.h"
#include "cgi/template.h"
#include "lib/buf.h"

#define TAG_BYTES 16
#define OVERLOADED_MS 1000 /* when there may be room again */

void read_retry_after(
    const struct answer_context *c, int64_t ms, struct answer *ans)
{
	const int64_t s = ms > 0 ? (ms + 999) / 1000 : 0;

	answer_header(ans, "Retry-After", arena_int(c->arena, s < 1 ? 1 : s));
}

/* ---- what it depends on -------------------------------------------------- */

static void vary_by(struct buf *list, struct str name)
{
	buf_puts(list, ", ");
	buf_put_str(list, name);
}

static void vary_by_places(struct buf *list, struct str text)
{
	struct template_name place;

	for (size_t at = 0; template_next(text, &at, &place);)
		if (str_is(place.root, "header"))
			vary_by(list, place.name);
}

/* False: it cannot be told by name. */
static bool vary_by_call(struct buf *list, const struct read_call *call)
{
	for (size_t i = 0; i < call->forward.n; i++) {
		if (str_ends(call->forward.items[i], "*"))
			return false;
		vary_by(list, call->forward.items[i]);
	}
	vary_by_places(list, call->path);
	for (size_t i = 0; i < call->headers.n; i++)
		vary_by_places(list, call->headers.items[i].value);
	return true;
}

static struct str vary(struct arena *a, const struct read *read)
{
	struct buf list = {0};
	bool named = true;

	buf_puts(&list, "Origin, Prefer");
	if (str_is(read->auth, "web-server")) /* however it knows whom */
		buf_puts(&list, ", Authorization, Cookie");
	else if (!str_is(read->auth, "none"))
		buf_puts(&list, ", Authorization");
	for (size_t i = 0; i < read->n_calls && named; i++)
		named = vary_by_call(&list, &read->calls[i]);
	struct str out = named ? arena_str(a, buf_str(&list)) : STR("*");
	buf_release(&list);
	return out;
}

/* ---- 200 and 304 --------------------------------------------------------- */

static struct str etag_of(struct arena *a, struct str body)
{
	uint8_t hash[TAG_BYTES];
	char text[2 * TAG_BYTES + 1];

	crypto_generichash(
	    hash, sizeof(hash), (const uint8_t *)body.p, body.n, NULL, 0);
	sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
	return arena_printf(a, "\"%s\"", text);
}

static int64_t seconds(int64_t from_ms, int64_t to_ms)
{
	return to_ms > from_ms ? (to_ms - from_ms) / 1000 : 0;
}

/* One without any part was made just now. */
static int64_t age_of(const struct read_result *result, int64_t now_boot)
{
	return result->made_boot ? seconds(result->made_boot, now_boot) : 0;
}

static void put_freshness(const struct answer_context *c, int64_t now_boot,
    const struct read_result *result, struct answer *ans)
{
	const int64_t age = age_of(result, now_boot);
	const int64_t left = seconds(now_boot, result->fresh_boot);

	if (!result->complete || result->stale || !result->cacheable)
		answer_header(ans, "Cache-Control", STR("no-store"));
	else
		answer_header(ans, "Cache-Control",
		    arena_printf(c->arena, "private, max-age=%lld",
			(long long)(age + left)));
}

/* Pages may read these three, too. */
static void put_aggregate(const struct answer_context *c, int64_t now_boot,
    const struct read_result *result, struct answer *ans)
{
	ans->kept_at = ans->n_headers;
	answer_header(
	    ans, "Age", arena_int(c->arena, age_of(result, now_boot)));
	answer_header(ans, "x-aggregate-complete",
	    result->complete ? STR("true") : STR("false"));
	if (result->stale)
		answer_header(ans, "x-aggregate-stale", STR("true"));
	ans->n_kept = ans->n_headers - ans->kept_at;
}

static void answer_data(const struct answer_context *c,
    const struct read_asked *asked, const struct read_result *result,
    struct answer *ans)
{
	ans->status = 200;
	put_freshness(c, asked->now_boot, result, ans);
	put_aggregate(c, asked->now_boot, result, ans);
	answer_header(ans, "Vary", vary(c->arena, asked->read));
	if (result->complete) {
		struct str etag = etag_of(c->arena, result->body);
		answer_header(ans, "ETag", etag);
		if (http_names_tag(asked->tags, etag)) {
			ans->status = 304;
			return;
		}
	}
	answer_header(ans, "Content-Type", STR("application/json"));
	ans->body = result->body;
}

/* ---- what failed --------------------------------------------------------- */

/* A required call's breaker is open; else all of them had too much to do. */
static bool is_open(const struct read *read, const struct read_result *result)
{
	for (size_t i = 0; i < result->n_failures; i++) {
		const struct read_failure *f = &result->failures[i];
		for (size_t j = 0; j < read->n_calls; j++)
			if (f->type == PLAN_CIRCUIT_OPEN &&
			    read->calls[j].required &&
			    str_eq(read->calls[j].name, f->endpoint))
				return true;
	}
	return false;
}

static enum problem problem_of(
    const struct read *read, const struct read_result *result)
{
	if (result->status == 504)
		return PROBLEM_UPSTREAM_TIMEOUT;
	if (result->status == 503)
		return is_open(read, result) ? PROBLEM_CIRCUIT_OPEN
					     : PROBLEM_OVERLOADED;
	return result->status < 500 ? PROBLEM_UPSTREAM_REFUSED
				    : PROBLEM_UPSTREAM_ERROR;
}

static void answer_failed(const struct answer_context *c,
    const struct read_asked *asked, const struct read_result *result,
    struct answer *ans)
{
	const enum problem problem = problem_of(asked->read, result);
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	answer_start_problem(&w, c, problem, result->status, NULL, NULL, ans);
	if (problem == PROBLEM_UPSTREAM_REFUSED) {
		json_key(&w, "upstreamStatus");
		json_int(&w, result->status);
	}
	json_key(&w, "upstreamFailures");
	read_put_failures(&w, result->failures, result->n_failures);
	json_close(&w, '}');
	answer_json(c->arena, &out, ANSWER_PROBLEM_TYPE, ans);
	if (result->status == 503)
		read_retry_after(c, result->retry_ms, ans);
}

void read_answer(const struct answer_context *c, const struct read_asked *asked,
    const struct read_result *result, struct answer *ans)
{
	if (result->status == 200)
		answer_data(c, asked, result, ans);
	else
		answer_failed(c, asked, result, ans);
}

void read_answer_overloaded(const struct answer_context *c, struct answer *ans)
{
	answer_problem(c, PROBLEM_OVERLOADED, NULL, NULL, ans);
	read_retry_after(c, OVERLOADED_MS, ans);
}
