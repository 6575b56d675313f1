#include "cgi/answer-parts.h"

#include "cgi/upstream/upstream.h"
#include "lib/units.h"

/*
 * What is said of a job: the accepted body, the status document, the stored
 * result (contract 4 and 5).
 */
#define JSON_TYPE "application/json"
#define DOCUMENT_ROOM 1000 /* bytes: enough for most, so it grows but once */

static void put_time(
    struct json_writer *w, struct arena *a, const char *key, int64_t ms)
{
	json_key(w, key);
	if (ms)
		json_string(w, units_time(a, ms));
	else
		json_null(w);
}

static void put_estimate(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	int64_t ms = estimate_duration_ms(answer_estimate(c, j), j->api);

	json_key(w, "estimatedDuration");
	json_int(w, ms > 1000 ? (ms + 999) / 1000 : 1);
}

static void put_events(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	if (c->streams)
		answer_text(w, "eventsUrl", answer_url(c, j->job, "/events"));
}

void answer_accepted(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	struct str url = answer_url(c, j->job, "");

	ans->status = 202;
	json_open(&w, '{');
	answer_text(&w, "status", STR("accepted"));
	answer_text(&w, "jobId", answer_id(c->arena, j->job));
	answer_text(&w, "statusUrl", url);
	put_events(&w, c, j);
	answer_text(&w, "cancelUrl", answer_url(c, j->job, "/cancel"));
	answer_text(&w, "requestId", answer_request_id(c, j));
	put_estimate(&w, c, j);
	answer_text(&w, "message",
	    STR("The request was accepted; ask statusUrl how it is going."));
	json_close(&w, '}');
	answer_json(c->arena, &out, JSON_TYPE, ans);
	answer_header(ans, "Location", url);
	answer_retry_after(c, j, ans);
}

static bool is_json_type(struct str type)
{
	struct str essence =
	    str_trim(str_slice(type, 0, str_find(type, ';', 0)));

	return str_ieq(essence, STR(JSON_TYPE)) ||
	       (essence.n > 5 &&
		   str_ieq(str_slice(essence, essence.n - 5, essence.n),
		       STR("+json")));
}

/*
 * A JSON result stands in the document as it came; an upstream's word that
 * something is JSON is not taken for it, or it could break the document.
 */
static bool is_inline(struct arena *a, const struct envelope_result *r)
{
	struct value *ignored;

	return is_json_type(r->content_type) && r->body.n &&
	       r->body.n <= ANSWER_INLINE_MAX &&
	       json_read(a, r->body, ANSWER_INLINE_MAX, NULL, NULL, &ignored) ==
		   ERR_OK;
}

/* Of what is read once nothing is shown but where, until it was read. */
static void put_once(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	if (j->job->read_ms) {
		json_key(w, "resultConsumed");
		json_bool(w, true);
	} else {
		answer_text(w, "resultUrl", answer_url(c, j->job, "/result"));
	}
}

static void put_result(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	const struct envelope_result *r = &j->result;

	if (j->api->once)
		put_once(w, c, j);
	if (j->api->once || j->brief)
		return;
	if (is_inline(c->arena, r)) {
		json_key(w, "result");
		json_raw(w, r->body);
	} else if (r->body.n) {
		answer_text(w, "resultUrl", answer_url(c, j->job, "/result"));
	}
	if (r->location.n)
		answer_text(w, "location", r->location);
}

struct str answer_location(const struct answer_job *j)
{
	if (j->api->once || j->job->state != JOB_COMPLETED)
		return (struct str){0};
	return j->result.location;
}

/* What an upstream's refusal is answered with: its own 4xx. */
static int refused_status(const struct answer_job *j)
{
	int status = j->brief ? j->job->status : j->result.status;
	return status >= 400 && status < 500 ? status : 0;
}

static void put_failure(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	enum problem problem = problem_of_reason(j->job->reason);
	int status = problem_status(problem);

	if (!status)
		status = refused_status(j);
	answer_text(w, "error", str_of(problem_type(problem)));
	json_key(w, "problem");
	json_open(w, '{');
	answer_put_problem(w, c, problem, status ? status : 502, NULL);
	answer_put_upstream(w, j);
	json_close(w, '}');
}

static int progress(const struct job *job)
{
	if (job->state == JOB_COMPLETED)
		return 100;
	return job->progress > 99 ? 99 : job->progress;
}

/* What an open one rests for, or says of itself; how another one ended. */
static void put_message(struct json_writer *w, const struct answer_job *j)
{
	const struct job *job = j->job;
	struct str message =
	    job_is_terminal(job->state) ? j->result.message : j->note.message;

	if (job->needs || job->held) {
		json_key(w, job->held ? "held" : "needsCredentials");
		json_bool(w, true);
		message = job->held ? STR(ANSWER_HELD) : STR(ANSWER_NEEDS);
	}
	if (message.n)
		answer_text(w, "message", message);
}

/*
 * An open job ends at its deadline at the latest, unless an operator or a
 * lease holds it: what is said of its expiry is the earliest sure time.
 */
static int64_t expires_ms(const struct answer_job *j)
{
	const struct job *job = j->job;
	int64_t end =
	    job_is_terminal(job->state) ? job->ended_ms : job->deadline_ms;
	return end + j->api->ttl_ms;
}

void answer_put_document(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j)
{
	const struct job *job = j->job;
	bool open = !job_is_terminal(job->state);

	answer_text(w, "jobId", answer_id(c->arena, job));
	answer_text(w, "api", j->api->name);
	answer_text(w, "status", str_of(job_state_text(job->state)));
	json_key(w, "progress");
	json_int(w, progress(job));
	put_message(w, j);
	if (job->state == JOB_COMPLETED)
		put_result(w, c, j);
	if (job->state == JOB_FAILED)
		put_failure(w, c, j);
	put_time(w, c->arena, "createdAt", job->accepted_ms);
	put_time(w, c->arena, "startedAt", job->started_ms);
	put_time(w, c->arena, "completedAt", job->ended_ms);
	if (job->cancel_ms)
		put_time(w, c->arena, "cancelRequestedAt", job->cancel_ms);
	put_time(w, c->arena, "expiresAt", expires_ms(j));
	put_time(w, c->arena, "deadlineAt", job->deadline_ms);
	json_key(w, "attempt");
	json_int(w, job->attempt - job->released);
	if (open)
		put_estimate(w, c, j);
	answer_text(w, "requestId", answer_request_id(c, j));
	answer_text(w, "statusUrl", answer_url(c, job, ""));
	put_events(w, c, j);
}

void answer_document(const struct answer_context *c, int status,
    const struct answer_job *j, struct answer *ans)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	buf_reserve(&out, DOCUMENT_ROOM);
	ans->status = status;
	json_open(&w, '{');
	answer_put_document(&w, c, j);
	json_close(&w, '}');
	answer_json(c->arena, &out, JSON_TYPE, ans);
	if (status == 202)
		answer_header(ans, "Location", answer_url(c, j->job, ""));
	if (!job_is_terminal(j->job->state))
		answer_retry_after(c, j, ans);
}

/*
 * What says something about this answer or this connection, or orders a web
 * server or a browser about. The generator refuses them, and more; but no
 * lowtide.json makes an upstream speak for us. A '*' stands for any end.
 */
static bool is_ours(struct str name)
{
	static const char *const ours[] = {"access-control-*", "cache-control",
	    "clear-site-data", "connection", "content-encoding",
	    "content-length", "content-security-policy*", "content-type",
	    "cross-origin-*", "date", "etag", "keep-alive", "location",
	    "preference-applied", "proxy-*", "referrer-policy", "refresh",
	    "retry-after", "sec-*", "server", "set-cookie*", "status",
	    "strict-transport-security", "te", "traceparent", "trailer",
	    "transfer-encoding", "upgrade", "vary", "www-authenticate",
	    "x-accel-*", "x-content-type-options", "x-lighttpd-*",
	    "x-request-id", "x-sendfile*", "x-wait-time-ms"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		struct str one = str_of(ours[i]), head = name;

		if (str_ends(one, "*"))
			head = str_slice(name, 0, --one.n);
		if (str_ieq(head, one))
			return true;
	}
	return false;
}

/* In their order, as far as there is room; a page is told the names as well. */
static void put_kept(
    struct arena *a, const struct pairs *kept, struct answer *ans)
{
	size_t room = ANSWER_STORED_MAX;

	for (size_t i = 0; i < ans->n_headers; i++) {
		const struct pair *h = &ans->headers[i];
		const size_t n = h->name.n + h->value.n + 4;
		room -= n < room ? n : room;
	}
	ans->kept_at = ans->n_headers;
	for (size_t i = 0; i < kept->n; i++) {
		const struct pair *h = &kept->items[i];
		const size_t n = 2 * h->name.n + h->value.n + 6;

		if (n > room || ans->n_kept == UPSTREAM_KEPT_HEADERS ||
		    is_ours(h->name))
			continue;
		answer_header(ans, arena_cstr(a, h->name), h->value);
		ans->n_kept++;
		room -= n;
	}
}

/*
 * Bytes of somebody else's: the type they came with, but never a page of ours.
 * Location only beside 201 and 3xx: with 200 a web server takes it for a
 * redirect of its own (RFC 3875 6.2).
 */
static void put_stored(struct arena *a, const struct envelope_result *r,
    int status, struct answer *ans)
{
	ans->status = status;
	if (r->content_type.n && status != 204)
		answer_header(ans, "Content-Type", r->content_type);
	if (r->location.n && status != 200)
		answer_header(ans, "Location", r->location);
	answer_header(
	    ans, "Content-Security-Policy", STR("default-src 'none'; sandbox"));
	put_kept(a, &r->headers, ans);
	ans->body = r->body;
}

static void answer_failed(const struct answer_context *c,
    const struct answer_job *j, struct answer *ans)
{
	enum problem problem = problem_of_reason(j->job->reason);

	if (problem_status(problem) == 0 && refused_status(j)) {
		put_stored(c->arena, &j->result, refused_status(j), ans);
		return;
	}
	answer_problem(c, problem, NULL, j, ans);
}

void answer_result(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans)
{
	switch (j->job->state) {
	case JOB_COMPLETED:
		put_stored(c->arena, &j->result,
		    j->job->status >= 200 && j->job->status < 300
			? j->job->status
			: 200,
		    ans);
		break;
	case JOB_FAILED:
		answer_failed(c, j, ans);
		break;
	case JOB_CANCELLED:
		answer_problem(c, PROBLEM_JOB_CANCELLED, NULL, j, ans);
		break;
	default:
		answer_document(c, 202, j, ans);
		break;
	}
}
