#include "cgi/jobs.h"

#include <string.h>
#include <unistd.h>

#include "cgi/check.h"
#include "cgi/names.h"
#include "lib/clock.h"

/*
 * One job, and what was sealed of it. Bodies, and what a client sent, are shown
 * only where they are asked for, and credentials only where they are asked for
 * as such: what stands on a terminal stays in its history.
 */
enum {
	SHOW_JSON = START_COUNT,
	SHOW_RESULT,
	SHOW_REQUEST,
	SHOW_REQUEST_BODY,
	SHOW_SECRETS
};
const struct opt jobs_show_options[] = {
    START_OPTIONS,
    [SHOW_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    [SHOW_RESULT] = {.name = "result",
	.kind = OPT_FLAG,
	.help = "the bytes of the upstream's answer and nothing else"},
    [SHOW_REQUEST] = {.name = "request",
	.kind = OPT_FLAG,
	.help = "also what its client sent, but no credentials"},
    [SHOW_REQUEST_BODY] = {.name = "request-body",
	.kind = OPT_FLAG,
	.help = "the bytes of its client's body and nothing else"},
    [SHOW_SECRETS] = {.name = "with-secrets",
	.kind = OPT_FLAG,
	.help = "credentials as well, in either"},
    {.name = NULL},
};
#define MASK "(not shown)"

/* ---- credentials --------------------------------------------------------- */

/* Parts of names; whatever an API says about them. */
static const char *const secretive[] = {"authorization", "cookie", "token",
    "secret", "password", "api-key", "apikey", "signature", "assertion"};

static bool has_part(struct str name, const char *part)
{
	const size_t n = strlen(part);

	for (size_t at = 0; at + n <= name.n; at++)
		if (memcmp(name.p + at, part, n) == 0)
			return true;
	return false;
}

/* `name` in lower case, as envelopes have it. */
static bool is_secret(const struct api *api, struct str name)
{
	for (size_t i = 0; i < sizeof(secretive) / sizeof(secretive[0]); i++)
		if (has_part(name, secretive[i]))
			return true;
	return names_is_credential(api, name);
}

static void mask(struct arena *a, struct report_job *r)
{
	struct envelope_request *env = &r->request;

	for (size_t i = 0; i < env->headers.n; i++)
		if (is_secret(r->api, env->headers.items[i].name))
			env->headers.items[i].value = STR(MASK);
	env->body = check_printed(a, r->api, env->body);
}

/* ---- reading --------------------------------------------------------------
 */

static enum err read_meta(struct jobs *run, struct report_job *r)
{
	struct str plain;
	enum err err =
	    jobs_body(run, &r->job, BODY_META, &run->start.arena, &plain);

	return err ? err : envelope_get_meta(plain, &r->meta);
}

static enum err read_result(struct jobs *run, struct report_job *r)
{
	struct arena *a = &run->start.arena;
	struct str plain;
	enum err err = jobs_body(run, &r->job, BODY_RESULT, a, &plain);

	if (err == ERR_OK)
		err = envelope_get_result(a, plain, &r->result);
	r->has_result = err == ERR_OK;
	return err;
}

static enum err read_note(struct jobs *run, struct report_job *r)
{
	struct str plain;
	enum err err =
	    jobs_body(run, &r->job, BODY_NOTE, &run->start.arena, &plain);

	if (err == ERR_OK)
		err = envelope_get_note(plain, &r->note);
	r->has_note = err == ERR_OK;
	return err;
}

static enum err read_request(struct jobs *run, struct report_job *r)
{
	const struct opt_value *v = run->found.values;
	struct arena *a = &run->start.arena;
	struct str plain;

	if (!v[SHOW_REQUEST].given && !v[SHOW_REQUEST_BODY].given)
		return ERR_OK;
	enum err err = jobs_body(run, &r->job, BODY_REQUEST, a, &plain);
	if (err == ERR_OK)
		err = envelope_get_request(a, plain, &r->request);
	r->has_request = err == ERR_OK;
	if (r->has_request && !v[SHOW_SECRETS].given)
		mask(a, r);
	return err;
}

static enum err read_bodies(struct jobs *run, struct report_job *r)
{
	static enum err (*const reads[])(struct jobs *, struct report_job *) = {
	    read_meta, read_result, read_note, read_request};
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < sizeof(reads) / sizeof(reads[0]); i++) {
		err = reads[i](run, r);
		if (err == ERR_NOT_FOUND)
			err = ERR_OK;
	}
	return err;
}

static enum err find_job(struct jobs *run, struct report_job *r)
{
	const char *text = run->found.operands[0];
	struct start *s = &run->start;
	uint8_t id[JOB_ID_BYTES];
	size_t api;
	enum err err = jobs_id(run, text, id, &api);

	if (err != ERR_OK)
		return err;
	r->api = &s->config->apis[api];
	err = jobs_view(run);
	if (err != ERR_OK)
		return err;
	err = jobs_get(run, api, id, &r->job);
	if (err == ERR_NOT_FOUND)
		jobs_no_job(run, text);
	else if (err != ERR_OK)
		jobs_trouble(run, err);
	if (err == ERR_OK) {
		err = read_bodies(run, r);
		if (err != ERR_OK)
			diag_error(&s->diag, POS_NONE, "job-unreadable",
			    "what is kept of this job cannot be read with "
			    "these keys (%s); check --keys",
			    err_text(err));
	}
	store_unview(s->store);
	return err;
}

/* ---- showing --------------------------------------------------------------
 */

static int64_t on_the_wall(int64_t boot)
{
	return boot ? clock_wall_ms() + boot - clock_boot_ms() : 0;
}

static void set_times(struct report_job *r)
{
	const struct job *job = &r->job;

	if (job->state == JOB_PROCESSING && !job->held)
		r->lease_ms = on_the_wall(job->lease_boot);
	if (job->state == JOB_PENDING && job->not_before_boot > clock_boot_ms())
		r->not_before_ms = on_the_wall(job->not_before_boot);
}

static void put_body(struct jobs *run, struct str body)
{
	report_bytes(&run->out, body, isatty(STDOUT_FILENO) == 1);
}

static enum err put_request_body(struct jobs *run, const struct report_job *r)
{
	if (r->has_request) {
		put_body(run, r->request.body);
		return ERR_OK;
	}
	diag_error(&run->start.diag, POS_NONE, "request-erased",
	    "it has ended, and what was sent was erased with that");
	return ERR_NOT_FOUND;
}

enum err jobs_show(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct report_job r = {0};
	enum err err = jobs_look(run);

	if (err == ERR_OK)
		err = find_job(run, &r);
	if (err != ERR_OK)
		return err;
	set_times(&r);
	if (v[SHOW_RESULT].given)
		put_body(run, r.result.body);
	else if (v[SHOW_REQUEST_BODY].given)
		err = put_request_body(run, &r);
	else if (v[SHOW_JSON].given)
		report_job_json(&run->out, &r);
	else
		report_job(&run->out, &r);
	return err;
}
