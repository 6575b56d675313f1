#include "cgi/jobs-audit.h"

#include <stdio.h>
#include <string.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/jobs.h"
#include "cgi/seal.h"
#include "lib/json.h"
#include "lib/progress.h"

/* ---- one row --------------------------------------------------------------
 */

struct auditing {
	const struct audited *row;
	struct arena *arena;
	void (*found)(void *ctx, const char *check, struct str words);
	void *ctx;
	size_t n;
};

static const char *const names[BODY_KINDS] = {
    [BODY_REQUEST] = "request",
    [BODY_META] = "meta",
    [BODY_RESULT] = "result",
    [BODY_NOTE] = "note",
};

__attribute__((format(printf, 3, 4))) static void found(
    struct auditing *in, const char *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	in->found(in->ctx, check, arena_vprintf(in->arena, format, args));
	va_end(args);
	in->n++;
}

/*
 * What holds of every row, whatever happened to it. `is` says whether it does
 * not.
 */
static bool is_unborn(const struct audited *r)
{
	return r->job->born <= 0 || r->job->version < r->job->born ||
	       r->job->version > r->newest;
}

static bool is_endless(const struct audited *r)
{
	return job_is_terminal(r->job->state) != (r->job->ended_ms != 0);
}

static bool is_unexplained(const struct audited *r)
{
	return (r->job->state == JOB_FAILED) != (r->job->reason != 0);
}

/* A refusal without a status of the upstream's is answered as 502. */
static bool is_unanswered(const struct audited *r)
{
	const struct job *job = r->job;

	if (job->state == JOB_COMPLETED)
		return job->status < 200 || job->status > 299;
	if (job->reason == REASON_UPSTREAM_REFUSED && !job->status)
		return false;
	return job->state == JOB_FAILED &&
	       (job->status < 400 || job->status > 599);
}

static bool is_held_and_more(const struct audited *r)
{
	const struct job *job = r->job;

	return job->held &&
	       (job->state != JOB_PROCESSING || job->lease_boot || job->needs);
}

static bool is_needing_and_more(const struct audited *r)
{
	return r->job->needs && r->job->state != JOB_PENDING;
}

static bool is_unsent_and_polled(const struct audited *r)
{
	return r->job->polled && !r->job->sent;
}

/* One that was adopted may be held without ever having been begun. */
static bool is_uncounted(const struct audited *r)
{
	const struct job *job = r->job;

	return job->attempt < 0 || job->released < 0 ||
	       job->released > job->attempt ||
	       (job->state == JOB_PROCESSING && !job->held && !job->attempt);
}

static bool is_gone_and_open(const struct audited *r)
{
	return r->job->gone_ms && !job_is_terminal(r->job->state);
}

static bool is_half_done(const struct audited *r)
{
	const int progress = r->job->progress;

	return progress < 0 || progress > 100 ||
	       (progress == 100) != (r->job->state == JOB_COMPLETED);
}

static const struct rule {
	bool (*is)(const struct audited *row);
	const char *words;
} rules[] = {
    {is_unborn, "its version is not between its first and the store's"},
    {is_endless, "it has ended without a time, or has a time and not ended"},
    {is_unexplained, "it failed for no reason, or has one and did not fail"},
    {is_unanswered, "its status is not one that such an end has"},
    {is_held_and_more, "it is held, and something else as well"},
    {is_needing_and_more, "it needs a credential, and is not pending"},
    {is_unsent_and_polled, "it is polled, and was never sent"},
    {is_uncounted, "its attempts do not add up"},
    {is_gone_and_open, "it is erased, and has not ended"},
    {is_half_done, "its progress does not go with its state"},
};

static void audit_row(struct auditing *in)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].is(in->row))
			found(in, "row-wrong", "%s", rules[i].words);
}

static void audit_id(struct auditing *in)
{
	const struct audited *row = in->row;
	const uint8_t *id = row->job->id;
	size_t api;

	if (!keys_mac(row->keys, id[0]))
		found(in, "key-missing",
		    "its id was made with mac key %d, which is not in the key "
		    "file",
		    id[0]);
	else if (ids_verify(row->keys, id, row->job->owner) != ERR_OK)
		found(in, "id-forged",
		    "its id was not made for its owner by these keys");
	if (ids_api(row->config, id, &api) != ERR_OK || api != row->api)
		found(in, "id-foreign",
		    "its id names another API than the table it is in");
}

static enum err read_body(
    struct arena *a, enum body_kind kind, struct str plain)
{
	struct envelope_request request;
	struct envelope_result result;
	struct envelope_meta meta;
	struct envelope_note note;

	switch (kind) {
	case BODY_REQUEST:
		return envelope_get_request(a, plain, &request);
	case BODY_META:
		return envelope_get_meta(plain, &meta);
	case BODY_RESULT:
		return envelope_get_result(a, plain, &result);
	case BODY_NOTE:
		return envelope_get_note(plain, &note);
	case BODY_KINDS:
		break;
	}
	return ERR_INPUT;
}

/* Whether a job that is as this one is has such a body. */
enum due { MAY, MUST, MUST_NOT };
static enum due due_of(const struct job *job, enum body_kind kind)
{
	const bool ended = job_is_terminal(job->state);

	if (job->gone_ms)
		return MUST_NOT;
	switch (kind) {
	case BODY_REQUEST:
		return ended ? MUST_NOT : MUST;
	case BODY_META:
		return MUST;
	case BODY_RESULT:
		return !ended			     ? MUST_NOT
		       : job->state == JOB_COMPLETED ? MUST
						     : MAY;
	default:
		return ended ? MUST_NOT : MAY;
	}
}

static void audit_body(struct auditing *in, enum body_kind kind)
{
	const struct audited *row = in->row;
	const struct str sealed = row->sealed[kind];
	const enum due due = due_of(row->job, kind);
	struct str plain;

	if (!sealed.p) {
		if (due == MUST)
			found(in, "body-missing", "its %s is not there",
			    names[kind]);
		return;
	}
	if (due == MUST_NOT)
		found(in, "body-kept", "its %s should have been erased",
		    names[kind]);
	if (sealed.n && !keys_seal(row->keys, (uint8_t)sealed.p[0]))
		found(in, "key-missing",
		    "its %s was sealed with key %d, which is not in the key "
		    "file",
		    names[kind], (uint8_t)sealed.p[0]);
	else if (seal_open(row->keys, row->job, kind, sealed, in->arena,
		     &plain) != ERR_OK)
		found(in, "body-unreadable",
		    "its %s was changed, or is another job's", names[kind]);
	else if (read_body(in->arena, kind, plain) != ERR_OK)
		found(in, "body-unreadable", "its %s is not what was put there",
		    names[kind]);
}

size_t audit_job(const struct audited *row, struct arena *a,
    void (*each)(void *ctx, const char *check, struct str words), void *ctx)
{
	struct auditing in = {
	    .row = row, .arena = a, .found = each, .ctx = ctx};

	audit_row(&in);
	audit_id(&in);
	for (int kind = 0; kind < BODY_KINDS; kind++)
		audit_body(&in, (enum body_kind)kind);
	return in.n;
}

/* ---- all rows --------------------------------------------------------------
 */

/* A row and its bodies are of one view, so what is found was so. */
enum { AUDIT_JSON = START_COUNT };
const struct opt jobs_audit_options[] = {
    START_OPTIONS,
    [AUDIT_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

struct walking {
	struct jobs *run;
	struct progress progress;
	size_t rows, total, findings;
	const struct job *job; /* NULL = of the store as a whole */
	struct json_writer json;
	bool is_json;
};

static void tell(void *ctx, const char *check, struct str words)
{
	struct walking *w = ctx;
	struct arena *a = &w->run->start.arena;
	struct str id = w->job ? ids_text(a, w->job->id) : STR("store");

	w->findings++;
	if (!w->is_json) {
		buf_printf(&w->run->out, "%.*s: %s: %.*s\n", STR_ARG(id), check,
		    STR_ARG(words));
		return;
	}
	json_open(&w->json, '{');
	json_key(&w->json, "jobId");
	if (w->job)
		json_string(&w->json, id);
	else
		json_null(&w->json);
	json_key(&w->json, "check");
	json_string(&w->json, str_of(check));
	json_key(&w->json, "detail");
	json_string(&w->json, words);
	json_close(&w->json, '}');
}

/* A body that the tables do not give is as bad as one that was changed. */
static enum err read_bodies(
    struct walking *w, struct arena *a, struct audited *row)
{
	for (int kind = 0; kind < BODY_KINDS; kind++) {
		enum err err = store_body(w->run->start.store, row->job,
		    (enum body_kind)kind, a, &row->sealed[kind]);
		if (err == ERR_OK)
			continue;
		row->sealed[kind] = (struct str){0};
		if (err == ERR_CORRUPT)
			row->sealed[kind] = STR("");
		else if (err != ERR_NOT_FOUND)
			return err;
	}
	return ERR_OK;
}

static void tell_progress(struct walking *w)
{
	w->rows++;
	progress_at(
	    &w->progress, w->rows, w->rows > w->total ? w->rows : w->total);
}

static enum err look_at(void *ctx, size_t api, const uint8_t *key)
{
	struct walking *w = ctx;
	struct start *s = &w->run->start;
	struct arena arena = {0};
	struct job job;
	struct audited row = {
	    .config = s->config, .keys = &s->keys, .api = api, .job = &job};
	enum err err = store_get(s->store, api, key, &job);

	if (err == ERR_OK)
		err = store_version(s->store, &row.newest);
	tell_progress(w);
	if (err == ERR_CORRUPT) {
		tell(w, "row-damaged", STR("a row cannot be read"));
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = read_bodies(w, &arena, &row);
	w->job = &job;
	if (err == ERR_OK && audit_job(&row, &arena, tell, w) && !w->is_json)
		err = jobs_flush(w->run);
	w->job = NULL;
	arena_release(&arena);
	return err;
}

static enum err count_rows(struct walking *w)
{
	struct store_stats stats;
	enum err err = jobs_view(w->run);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; !err && i < w->run->start.config->n_apis; i++) {
		err = store_stats(w->run->start.store, i, &stats);
		for (int k = 0; !err && k < JOB_STATES; k++)
			w->total += (size_t)stats.count[k];
	}
	store_unview(w->run->start.store);
	return err == ERR_OK ? err : jobs_trouble(w->run, err);
}

static enum err audit_all(struct walking *w)
{
	const size_t n = w->run->start.config->n_apis;
	enum err err = count_rows(w);

	progress_init(&w->progress, false);
	progress_begin(&w->progress, "looking at", "jobs", w->total);
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = jobs_walk(w->run, i, look_at, w);
	progress_end(&w->progress);
	return err;
}

static void begin_json(struct walking *w)
{
	w->json = (struct json_writer){.out = &w->run->out, .indent = 2};
	json_open(&w->json, '{');
	json_key(&w->json, "findings");
	json_open(&w->json, '[');
}

static void end_json(struct walking *w)
{
	json_close(&w->json, ']');
	json_key(&w->json, "jobs");
	json_int(&w->json, (int64_t)w->rows);
	json_close(&w->json, '}');
	buf_putc(&w->run->out, '\n');
}

enum err jobs_audit(struct jobs *run)
{
	struct walking w = {.run = run};
	enum err err = jobs_look(run);

	if (err != ERR_OK)
		return err;
	w.is_json = run->found.values[AUDIT_JSON].given;
	if (w.is_json)
		begin_json(&w);
	err = audit_all(&w);
	if (w.is_json)
		end_json(&w);
	fprintf(
	    stderr, "looked at %zu jobs: %zu findings\n", w.rows, w.findings);
	return err == ERR_OK && w.findings ? ERR_CONFLICT : err;
}
