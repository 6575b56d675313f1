#include "cgi/report.h"

#include <string.h>

#include "cgi/ids.h"
#include "lib/json.h"
#include "lib/units.h"

/*
 * A job is a list of fields: name, kind, value. The two details pages walk the
 * list; the table has columns of its own, because a line is short.
 */
enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_TIME, FIELD_BOOL };
struct field {
	const char *name;
	enum field_kind kind;
	struct str text;
	int64_t number;
};
#define FIELDS_MAX 32
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

static void short_fields(
    struct arena *a, const struct report_job *r, struct fields *f)
{
	const struct job *job = &r->job;

	add_text(f, "jobId", ids_text(a, job->id));
	add_text(f, "api", r->api->name);
	add_text(f, "status", str_of(job_state_text(job->state)));
	add_text(f, "reason", str_of(job_reason_problem(job->reason)));
	add_number(f, "httpStatus", FIELD_NUMBER, job->status);
	add_number(f, "attempt", FIELD_NUMBER, job->attempt);
	add_number(f, "progress", FIELD_NUMBER, job->progress);
	add_number(f, "createdAt", FIELD_TIME, job->accepted_ms);
	add_number(f, "startedAt", FIELD_TIME, job->started_ms);
	add_number(f, "completedAt", FIELD_TIME, job->ended_ms);
	add_number(f, "deadlineAt", FIELD_TIME, job->deadline_ms);
	add_number(f, "erasedAt", FIELD_TIME, job->gone_ms);
}

static void all_fields(
    struct arena *a, const struct report_job *r, struct fields *f)
{
	const struct job *job = &r->job;

	short_fields(a, r, f);
	add_number(f, "leaseUntil", FIELD_TIME, r->lease_ms);
	add_number(f, "version", FIELD_NUMBER, job->version);
	add_number(f, "released", FIELD_NUMBER, job->released);
	add_number(f, "sent", FIELD_BOOL, job->sent);
	add_number(f, "cancelRequested", FIELD_BOOL, job->cancel_ms != 0);
	add_number(f, "needsCredentials", FIELD_BOOL, job->needs);
	add_number(f, "renewals", FIELD_NUMBER, job->renewed);
	add_number(f, "readAt", FIELD_TIME, job->read_ms);
	add_number(f, "anonymous", FIELD_BOOL, ids_is_anonymous(job->owner));
	add_text(f, "requestId", r->meta.request_id);
	add_text(f, "traceparent", r->meta.traceparent);
	if (!r->has_result)
		return;
	add_number(f, "upstreamStatus", FIELD_NUMBER, r->result.status);
	add_text(f, "contentType", r->result.content_type);
	add_text(f, "location", r->result.location);
	add_text(f, "message", r->result.message);
	add_number(f, "resultBytes", FIELD_NUMBER, (int64_t)r->result.body.n);
}

/* ---- JSON -------------------------------------------------------------- */

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

static void put_printable(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool c1 = c == 0xc2 && i + 1 < s.n &&
			  (unsigned char)s.p[i + 1] < 0xa0;
		buf_putc(out, c < 0x20 || c == 0x7f || c1 ? '?' : (char)c);
		i += c1;
	}
}

void report_job(struct buf *out, const struct report_job *r)
{
	struct arena a = {0};
	struct fields f = {.n = 0};

	all_fields(&a, r, &f);
	for (size_t i = 0; i < f.n; i++) {
		const struct field *field = &f.items[i];

		buf_printf(out, "%-16s ", field->name);
		if (field->kind == FIELD_NUMBER)
			buf_printf(out, "%lld", (long long)field->number);
		else if (field->kind == FIELD_BOOL)
			buf_puts(out, field->number ? "yes" : "no");
		else if (field->kind == FIELD_TIME && field->number)
			buf_put_str(out, units_time(&a, field->number));
		else if (field->kind == FIELD_TEXT && field->text.n)
			put_printable(out, field->text);
		else
			buf_putc(out, '-');
		buf_putc(out, '\n');
	}
	arena_release(&a);
}

/* The two largest units, "3h12m", "45s". */
static struct str spell_age(struct arena *a, int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;

	if (s < 60)
		return arena_printf(a, "%llds", s);
	if (s < 3600)
		return arena_printf(a, "%lldm%02llds", s / 60, s % 60);
	if (s < 86400)
		return arena_printf(a, "%lldh%02lldm", s / 3600, s / 60 % 60);
	return arena_printf(a, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

void report_table(
    struct buf *out, const struct report_job *jobs, size_t n, int64_t now_ms)
{
	struct arena a = {0};
	size_t width = 3; /* API */

	for (size_t i = 0; i < n; i++)
		if (jobs[i].api->name.n > width)
			width = jobs[i].api->name.n;
	buf_printf(out, "%-*s  %-*s  %-10s  %4s  %3s  %7s  %s\n", IDS_TEXT,
	    "JOB", (int)width, "API", "STATUS", "HTTP", "TRY", "AGE", "REASON");
	for (size_t i = 0; i < n; i++) {
		const struct job *job = &jobs[i].job;
		struct str age = spell_age(&a, now_ms - job->accepted_ms);
		const char *reason = job->needs
					 ? "needs-credentials"
					 : job_reason_problem(job->reason);

		buf_printf(out, "%.*s  %-*.*s  %-10s  %4d  %3d  %7.*s%s%s\n",
		    STR_ARG(ids_text(&a, job->id)), (int)width,
		    STR_ARG(jobs[i].api->name), job_state_text(job->state),
		    job->status, job->attempt, STR_ARG(age),
		    *reason ? "  " : "", reason);
	}
	arena_release(&a);
}
