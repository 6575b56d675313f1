#include "cgi/answer.h"

#include <string.h>

#include "cgi/answer-parts.h"
#include "cgi/ids.h"

#define RETRY_MIN_S 1
#define RETRY_MAX_S 30
#define STORE_RETRY_MS 5000 /* when a store that is away is asked again */

static const struct row {
	const char *type, *title, *detail;
	int status;
} rows[PROBLEM_COUNT] = {
#define PROBLEM(name, type, status, title, detail)                             \
	[PROBLEM_##name] = {type, title, detail, status},
#include "lib/problem.def"
#undef PROBLEM
};

const char *problem_type(enum problem problem)
{
	return rows[problem].type;
}

int problem_status(enum problem problem)
{
	return rows[problem].status;
}

enum problem problem_of_reason(enum job_reason reason)
{
	const char *type = job_reason_problem(reason);

	for (size_t i = 0; i < PROBLEM_COUNT; i++)
		if (strcmp(rows[i].type, type) == 0)
			return (enum problem)i;
	return PROBLEM_JOB_FAILED;
}

struct str answer_id(struct arena *a, const struct job *job)
{
	return ids_text(a, job->id);
}

struct str answer_etag(struct arena *a, const struct job *job)
{
	char version[STR_INT_MAX];
	size_t n = str_int(version, job->version);

	return arena_join(
	    a, 3, (const struct str[]){STR("\""), {version, n}, STR("\"")});
}

static struct str without_slash(struct str url)
{
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

struct str answer_url(
    const struct answer_context *c, const struct job *job, const char *tail)
{
	char id[IDS_TEXT + 1];

	ids_write(job->id, id);
	return arena_join(c->arena, 5,
	    (const struct str[]){without_slash(c->config->api_url),
		without_slash(c->config->prefix), STR("/jobs/"), {id, IDS_TEXT},
		str_of(tail)});
}

/* Pages are where the site is, which need not be where the APIs are. */
static struct str problem_url(
    const struct answer_context *c, enum problem problem)
{
	struct str host = {0};

	if (c->config->api_url.n)
		host = without_slash(c->config->base_url);
	return arena_join(c->arena, 3,
	    (const struct str[]){
		host, STR("/problems/"), str_of(rows[problem].type)});
}

struct str answer_request_id(
    const struct answer_context *c, const struct answer_job *j)
{
	if (!j)
		return c->request_id;
	return j->meta.request_id.n ? j->meta.request_id
				    : answer_id(c->arena, j->job);
}

void answer_text(struct json_writer *w, const char *key, struct str text)
{
	json_key(w, key);
	json_string(w, text);
}

void answer_json(
    struct arena *a, struct buf *out, const char *type, struct answer *ans)
{
	answer_header(ans, "Content-Type", str_of(type));
	ans->body = arena_str(a, buf_str(out));
	buf_release(out);
}

/* ---- when to ask again -------------------------------------------------- */

const struct estimate *answer_estimate(
    const struct answer_context *c, const struct answer_job *j)
{
	return c->estimates ? &c->estimates[j->api - c->config->apis] : NULL;
}

static int64_t left_ms(
    const struct answer_context *c, const struct answer_job *j)
{
	return estimate_left_ms(
	    answer_estimate(c, j), j->api, c->now_ms - j->job->accepted_ms);
}

void answer_retry_after(const struct answer_context *c,
    const struct answer_job *j, struct answer *ans)
{
	int64_t ms = j ? left_ms(c, j) : STORE_RETRY_MS;

	if (j && j->job->held) /* a person decides */
		ms = RETRY_MAX_S * 1000;
	if (ms > RETRY_MAX_S * 1000)
		ms = RETRY_MAX_S * 1000;
	ms = ms * (800 + c->random % 401) / 1000;
	int64_t s = (ms + 999) / 1000;
	if (s > RETRY_MAX_S)
		s = RETRY_MAX_S;
	if (s < RETRY_MIN_S)
		s = RETRY_MIN_S;
	answer_header(ans, "Retry-After", arena_int(c->arena, s));
}

/* ---- problems ----------------------------------------------------------- */

/* The members of RFC 9457 3.1 and of ours that are the same everywhere. */
void answer_put_problem(struct json_writer *w, const struct answer_context *c,
    enum problem problem, int status, const char *detail)
{
	if (!detail)
		detail = rows[problem].detail;
	answer_text(w, "type", problem_url(c, problem));
	answer_text(w, "title", str_of(rows[problem].title));
	json_key(w, "status");
	json_int(w, status);
	answer_text(w, "detail", str_of(detail));
}

void answer_put_upstream(struct json_writer *w, const struct answer_job *j)
{
	if (!j->result.status)
		return;
	json_key(w, "upstreamStatus");
	json_int(w, j->result.status);
}

void answer_start_problem(struct json_writer *w, const struct answer_context *c,
    enum problem problem, int status, const char *detail,
    const struct answer_job *j, struct answer *ans)
{
	ans->status = status ? status : rows[problem].status;
	if (!ans->status)
		ans->status = 502;
	json_open(w, '{');
	if (!detail)
		detail = rows[problem].detail;
	answer_put_problem(w, c, problem, ans->status, detail);
	answer_text(w, "error", str_of(rows[problem].type));
	answer_text(w, "message", str_of(detail));
	if (problem == PROBLEM_JOB_NOT_FOUND)
		return; /* one constant body */
	if (j || c->path.n)
		answer_text(
		    w, "instance", j ? answer_url(c, j->job, "") : c->path);
	struct str id = answer_request_id(c, j);
	if (id.n)
		answer_text(w, "requestId", id);
	if (j) {
		answer_text(w, "jobId", answer_id(c->arena, j->job));
		answer_text(
		    w, "jobStatus", str_of(job_state_text(j->job->state)));
	}
}

void answer_problem(const struct answer_context *c, enum problem problem,
    const char *detail, const struct answer_job *j, struct answer *ans)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	answer_start_problem(&w, c, problem, 0, detail, j, ans);
	if (j && j->job->state == JOB_FAILED)
		answer_put_upstream(&w, j);
	json_close(&w, '}');
	answer_json(c->arena, &out, ANSWER_PROBLEM_TYPE, ans);
}

void answer_invalid(const struct answer_context *c,
    const struct answer_fault *faults, size_t n, struct answer *ans)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	const char *detail = arena_cstr(c->arena, faults[0].detail);

	answer_start_problem(
	    &w, c, PROBLEM_VALIDATION_FAILED, 0, detail, NULL, ans);
	answer_text(&w, "pointer", faults[0].pointer);
	json_key(&w, "errors");
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(&w, '{');
		answer_text(&w, "pointer", faults[i].pointer);
		answer_text(&w, "detail", faults[i].detail);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	answer_json(c->arena, &out, ANSWER_PROBLEM_TYPE, ans);
}

void answer_bad_parameter(const struct answer_context *c, const char *parameter,
    const char *detail, struct answer *ans)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	answer_start_problem(
	    &w, c, PROBLEM_VALIDATION_FAILED, 0, detail, NULL, ans);
	answer_text(&w, "parameter", str_of(parameter));
	json_close(&w, '}');
	answer_json(c->arena, &out, ANSWER_PROBLEM_TYPE, ans);
}

/* ---- on every answer ---------------------------------------------------- */

/* Ours, and of this one what its upstream said. */
static struct str exposed(struct arena *a, const struct answer *ans)
{
	struct str names =
	    STR("x-request-id, x-wait-time-ms, Location, Retry-After, ETag, "
		"Preference-Applied, traceparent");

	for (size_t i = 0; i < ans->n_kept; i++)
		names = arena_join(a, 3,
		    (const struct str[]){
			names, STR(", "), ans->headers[ans->kept_at + i].name});
	return names;
}

void answer_common(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans)
{
	struct str id = answer_request_id(c, j), trace = c->traceparent;

	if (!trace.n && j)
		trace = j->meta.traceparent;
	if (!answer_get(ans, "Cache-Control").n)
		answer_header(ans, "Cache-Control", STR("no-store"));
	answer_header(ans, "Referrer-Policy", STR("no-referrer"));
	answer_header(ans, "X-Content-Type-Options", STR("nosniff"));
	if (id.n)
		answer_header(ans, "x-request-id", id);
	if (trace.n)
		answer_header(ans, "traceparent", trace);
	if (!answer_get(ans, "Vary").n)
		answer_header(ans, "Vary", STR("Origin, Prefer"));
	/* one that left the configuration is empty (config-merge.h) */
	if (!c->origin || c->origin > c->config->origins.n ||
	    !c->config->origins.items[c->origin - 1].n)
		return;
	answer_header(ans, "Access-Control-Allow-Origin",
	    c->config->origins.items[c->origin - 1]);
	if (c->config->credentials)
		answer_header(
		    ans, "Access-Control-Allow-Credentials", STR("true"));
	answer_header(
	    ans, "Access-Control-Expose-Headers", exposed(c->arena, ans));
}
