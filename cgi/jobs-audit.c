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

/* A refusal without a status of the upstream's is answered as 502. */
static bool is_answered(const struct job *job)
{
	if (job->state == JOB_COMPLETED)
		return job->status >= 200 && job->status <= 299;
	if (job->state != JOB_FAILED)
		return true;
	return (job->status >= 400 && job->status <= 599) ||
	       (job->reason == REASON_UPSTREAM_REFUSED && !job->status);
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

	if (!is_answered(row->job))
		found(&in, "status-wrong",
		    "its status is %d, which no such end has",
		    row->job->status);
	audit_id(&in);
	for (int kind = 0; kind < BODY_KINDS; kind++)
		audit_body(&in, (enum body_kind)kind);
	return in.n;
}

/* ---- all rows --------------------------------------------------------------
 */

/* A row and its bodies are of one view, so what is found was so. */
enum { AUDIT_DEEP = START_COUNT, AUDIT_JSON };
const struct opt jobs_audit_options[] = {
    START_OPTIONS,
    [AUDIT_DEEP] = {.name = "deep",
	.kind = OPT_FLAG,
	.help = "each page and each index of the file as well"},
    [AUDIT_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

struct walking {
	struct jobs *run;
	struct progress progress;
	size_t rows, total, findings;
	/* whom a finding is about; NULL = the store as a whole */
	const struct job *job;
	const char *api;
	struct json_writer json;
	bool is_json;
};

static void put_name(struct json_writer *w, const char *key, struct str name)
{
	json_key(w, key);
	if (name.n)
		json_string(w, name);
	else
		json_null(w);
}

static void tell(void *ctx, const char *check, struct str words)
{
	struct walking *w = ctx;
	struct arena *a = &w->run->start.arena;
	const struct str api = str_of(w->api);
	struct str id = {0}, whom = api.n ? api : STR("store");

	w->findings++;
	if (w->job)
		whom = id = ids_text(a, w->job->id);
	if (!w->is_json) {
		buf_printf(&w->run->out, "%.*s: %s: %.*s\n", STR_ARG(whom),
		    check, STR_ARG(words));
		return;
	}
	json_open(&w->json, '{');
	put_name(&w->json, "jobId", id);
	put_name(&w->json, "api", api);
	put_name(&w->json, "check", str_of(check));
	put_name(&w->json, "detail", words);
	json_close(&w->json, '}');
}

/* What the tables tell of themselves. */
static void tell_finding(void *ctx, const struct store_finding *finding)
{
	struct walking *w = ctx;

	w->job = finding->job;
	w->api = finding->api;
	tell(w, finding->check, str_of(finding->words));
	w->job = NULL;
	w->api = NULL;
}

static enum err audit_tables(struct walking *w)
{
	const struct store_auditing auditing = {
	    .deep = w->run->found.values[AUDIT_DEEP].given,
	    .found = tell_finding,
	    .ctx = w};
	enum err err = store_audit(w->run->start.store, &auditing);

	if (err == ERR_OK && !w->is_json)
		err = jobs_flush(w->run);
	return err == ERR_OK ? err : jobs_trouble(w->run, err);
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

	tell_progress(w);
	if (err == ERR_CORRUPT) /* store_audit() has told it */
		return ERR_OK;
	if (err == ERR_OK)
		err = read_bodies(w, &arena, &row);
	w->job = &job;
	w->api = arena_cstr(&arena, s->config->apis[api].name);
	if (err == ERR_OK && audit_job(&row, &arena, tell, w) && !w->is_json)
		err = jobs_flush(w->run);
	w->job = NULL;
	w->api = NULL;
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
	enum err err = audit_tables(w);

	if (err == ERR_OK)
		err = count_rows(w);

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
