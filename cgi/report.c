#include "cgi/report.h"

#include <string.h>

#include "cgi/ids.h"
#include "cgi/report-stats.h"
#include "lib/json.h"
#include "lib/units.h"

/*
 * A job is a list of fields: name, kind, value. The two details pages walk the
 * list; the table has columns of its own, because a line is short.
 */
enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_TIME,
	FIELD_BOOL,
	FIELD_PAIRS
};
struct field {
	const char *name;
	enum field_kind kind;
	struct str text;
	int64_t number;
	const struct pairs *pairs;
};
#define FIELDS_MAX 64
struct fields {
	struct field items[FIELDS_MAX];
	size_t n;
};

static void add_text(struct fields *f, const char *name, struct str text)
{
	f->items[f->n++] =
	    (struct field){.name = name, .kind = FIELD_TEXT, .text = text};
}

static void add_number(
    struct fields *f, const char *name, enum field_kind kind, int64_t number)
{
	f->items[f->n++] =
	    (struct field){.name = name, .kind = kind, .number = number};
}

static void add_pairs(
    struct fields *f, const char *name, const struct pairs *pairs)
{
	f->items[f->n++] =
	    (struct field){.name = name, .kind = FIELD_PAIRS, .pairs = pairs};
}

/* Nobody's is empty. */
static struct str owner_text(struct arena *a, const struct job *job)
{
	char text[2 * JOB_OWNER_BYTES + 1];

	if (ids_is_anonymous(job->owner))
		return (struct str){0};
	ids_owner_text(job->owner, text);
	return arena_str(a, str_of(text));
}

static void short_fields(
    struct arena *a, const struct report_job *r, struct fields *f)
{
	const struct job *job = &r->job;

	add_text(f, "jobId", ids_text(a, job->id));
	add_text(f, "api", r->api->name);
	add_text(f, "status", str_of(job_state_text(job->state)));
	add_text(f, "reason", str_of(job_reason_problem(job->reason)));
	add_number(f, "httpStatus", FIELD_NUMBER, job->status);
	add_number(f, "held", FIELD_BOOL, job->held);
	add_number(f, "needsCredentials", FIELD_BOOL, job->needs);
	add_number(f, "cancelRequested", FIELD_BOOL, job->cancel_ms != 0);
	add_number(f, "attempt", FIELD_NUMBER, job->attempt);
	add_number(f, "progress", FIELD_NUMBER, job->progress);
	add_number(f, "createdAt", FIELD_TIME, job->accepted_ms);
	add_number(f, "startedAt", FIELD_TIME, job->started_ms);
	add_number(f, "completedAt", FIELD_TIME, job->ended_ms);
	add_number(f, "deadlineAt", FIELD_TIME, job->deadline_ms);
	add_number(f, "erasedAt", FIELD_TIME, job->gone_ms);
	add_text(f, "owner", owner_text(a, job));
}

/* An upstream may have put a key of its own behind the '?'. */
static struct str without_query(struct str url)
{
	return str_slice(url, 0, str_find(url, '?', 0));
}

static void all_fields(
    struct arena *a, const struct report_job *r, struct fields *f)
{
	const struct job *job = &r->job;

	short_fields(a, r, f);
	add_number(f, "leaseUntil", FIELD_TIME, r->lease_ms);
	add_number(f, "notBefore", FIELD_TIME, r->not_before_ms);
	add_number(f, "cancelRequestedAt", FIELD_TIME, job->cancel_ms);
	add_number(f, "version", FIELD_NUMBER, job->version);
	add_number(f, "released", FIELD_NUMBER, job->released);
	add_number(f, "sent", FIELD_BOOL, job->sent);
	add_number(f, "polled", FIELD_BOOL, job->polled);
	add_number(f, "rank", FIELD_NUMBER, job->rank);
	add_number(f, "renewals", FIELD_NUMBER, job->renewed);
	add_number(f, "readAt", FIELD_TIME, job->read_ms);
	add_number(f, "anonymous", FIELD_BOOL, ids_is_anonymous(job->owner));
	add_text(f, "requestId", r->meta.request_id);
	add_text(f, "traceparent", r->meta.traceparent);
	if (r->has_note) {
		add_text(f, "progressMessage", r->note.message);
		add_text(f, "pollUrl", without_query(r->note.poll_url));
	}
	if (r->has_request) {
		add_text(f, "requestMethod", r->request.method);
		add_text(f, "requestPath", r->request.path);
		add_text(f, "requestQuery", r->request.query);
		add_text(f, "remoteAddress", r->request.remote_addr);
		add_pairs(f, "requestHeaders", &r->request.headers);
		add_number(f, "requestBytes", FIELD_NUMBER,
		    (int64_t)r->request.body.n);
	}
	if (!r->has_result)
		return;
	add_number(f, "upstreamStatus", FIELD_NUMBER, r->result.status);
	add_text(f, "contentType", r->result.content_type);
	add_text(f, "location", r->result.location);
	add_text(f, "message", r->result.message);
	add_pairs(f, "resultHeaders", &r->result.headers);
	add_number(f, "resultBytes", FIELD_NUMBER, (int64_t)r->result.body.n);
}

/* ---- JSON -------------------------------------------------------------- */

static bool was_before(const struct pairs *pairs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(pairs->items[k].name, pairs->items[i].name))
			return true;
	return false;
}

/* A header that came twice is its first one: a member has one value. */
static void put_pairs(struct json_writer *w, const struct pairs *pairs)
{
	json_open(w, '{');
	for (size_t i = 0; i < pairs->n; i++) {
		if (was_before(pairs, i))
			continue;
		json_key_str(w, pairs->items[i].name);
		json_string(w, pairs->items[i].value);
	}
	json_close(w, '}');
}

static void put_json(
    struct json_writer *w, struct arena *a, const struct fields *f)
{
	json_open(w, '{');
	for (size_t i = 0; i < f->n; i++) {
		const struct field *field = &f->items[i];

		json_key(w, field->name);
		if (field->kind == FIELD_NUMBER)
			json_int(w, field->number);
		else if (field->kind == FIELD_BOOL)
			json_bool(w, field->number != 0);
		else if (field->kind == FIELD_PAIRS)
			put_pairs(w, field->pairs);
		else if (field->kind == FIELD_TIME && !field->number)
			json_null(w);
		else if (field->kind == FIELD_TIME)
			json_string(w, units_time(a, field->number));
		else if (!field->text.n)
			json_null(w);
		else
			json_string(w, field->text);
	}
	json_close(w, '}');
}

void report_job_json(struct buf *out, const struct report_job *r)
{
	struct json_writer w = {.out = out, .indent = 2};
	struct arena a = {0};
	struct fields f = {.n = 0};

	all_fields(&a, r, &f);
	put_json(&w, &a, &f);
	buf_putc(out, '\n');
	arena_release(&a);
}

void report_line_json(struct buf *out, const struct report_job *r)
{
	struct json_writer w = {.out = out};
	struct arena a = {0};
	struct fields f = {.n = 0};

	short_fields(&a, r, &f);
	put_json(&w, &a, &f);
	buf_putc(out, '\n');
	arena_release(&a);
}

void report_table_json(struct buf *out, const struct report_job *jobs, size_t n)
{
	struct json_writer w = {.out = out, .indent = 2};
	struct arena a = {0};

	json_open(&w, '{');
	json_key(&w, "jobs");
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		struct fields f = {.n = 0};
		short_fields(&a, &jobs[i], &f);
		put_json(&w, &a, &f);
	}
	json_close(&w, ']');
	json_close(&w, '}');
	buf_putc(out, '\n');
	arena_release(&a);
}

/* ---- for people -------------------------------------------------------- */

/* `lines`: line breaks and tabs stay. */
static void put_safe(struct buf *out, struct str s, bool lines)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool c1 = c == 0xc2 && i + 1 < s.n &&
			  (unsigned char)s.p[i + 1] < 0xa0;
		bool is_line = lines && (c == '\n' || c == '\t');
		bool bad = (c < 0x20 && !is_line) || c == 0x7f || c1;
		buf_putc(out, bad ? '?' : (char)c);
		i += c1;
	}
}

static void put_printable(struct buf *out, struct str s)
{
	put_safe(out, s, false);
}

void report_bytes(struct buf *out, struct str bytes, bool terminal)
{
	if (terminal)
		put_safe(out, bytes, true);
	else
		buf_put_str(out, bytes);
}

/* A line each; behind the first the name is left out. */
static void put_headers(struct buf *out, const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		if (i)
			buf_printf(out, "\n%-17s", "");
		put_printable(out, pairs->items[i].name);
		buf_puts(out, ": ");
		put_printable(out, pairs->items[i].value);
	}
}

static void put_value(
    struct buf *out, struct arena *a, const struct field *field)
{
	if (field->kind == FIELD_NUMBER)
		buf_put_int(out, field->number);
	else if (field->kind == FIELD_BOOL)
		buf_puts(out, field->number ? "yes" : "no");
	else if (field->kind == FIELD_TIME && field->number)
		buf_put_str(out, units_time(a, field->number));
	else if (field->kind == FIELD_TEXT && field->text.n)
		put_printable(out, field->text);
	else if (field->kind == FIELD_PAIRS && field->pairs->n)
		put_headers(out, field->pairs);
	else
		buf_putc(out, '-');
}

/* To who looks at it for the first time, maybe at night. */
static void put_decision(struct buf *out, struct arena *a, const uint8_t *id)
{
	const struct str text = ids_text(a, id);

	buf_printf(out,
	    "\nIt may have been done, and nothing more happens by itself. "
	    "Ask its upstream, with\nwhat --request shows (what the worker "
	    "saw is in its log); then one of these:\n\n"
	    "  lowtide-jobs complete %.*s  it was done\n"
	    "  lowtide-jobs release  %.*s  it was not: do it\n"
	    "  lowtide-jobs fail     %.*s  it was not, and will not be\n",
	    STR_ARG(text), STR_ARG(text), STR_ARG(text));
}

void report_job(struct buf *out, const struct report_job *r)
{
	struct arena a = {0};
	struct fields f = {.n = 0};

	all_fields(&a, r, &f);
	for (size_t i = 0; i < f.n; i++) {
		buf_printf(out, "%-16s ", f.items[i].name);
		put_value(out, &a, &f.items[i]);
		buf_putc(out, '\n');
	}
	if (r->job.held)
		put_decision(out, &a, r->job.id);
	arena_release(&a);
}

/* Why it is where it is. */
static const char *why(const struct job *job)
{
	if (job->held)
		return "held";
	if (job->needs)
		return "needs-credentials";
	return job_reason_problem(job->reason);
}

static void put_row(
    struct buf *out, const struct report_job *r, size_t width, int64_t now_ms)
{
	const struct job *job = &r->job;
	const char *reason = why(job);
	struct arena a = {0};
	struct str age = report_age(&a, now_ms - job->accepted_ms);

	buf_printf(out, "%.*s  %-*.*s  %-10s  %4d  %3d  %7.*s%s%s\n",
	    STR_ARG(ids_text(&a, job->id)), (int)width, STR_ARG(r->api->name),
	    job_state_text(job->state), job->status, job->attempt, STR_ARG(age),
	    *reason ? "  " : "", reason);
	arena_release(&a);
}

void report_line(struct buf *out, const struct report_job *r, int64_t now_ms)
{
	put_row(out, r, r->api->name.n, now_ms);
}

void report_table(
    struct buf *out, const struct report_job *jobs, size_t n, int64_t now_ms)
{
	size_t width = 3; /* API */

	for (size_t i = 0; i < n; i++)
		if (jobs[i].api->name.n > width)
			width = jobs[i].api->name.n;
	buf_printf(out, "%-*s  %-*s  %-10s  %4s  %3s  %7s  %s\n", IDS_TEXT,
	    "JOB", (int)width, "API", "STATUS", "HTTP", "TRY", "AGE", "REASON");
	for (size_t i = 0; i < n; i++)
		put_row(out, &jobs[i], width, now_ms);
}
