#include "cgi/jobs.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cgi/check.h"
#include "cgi/ids.h"
#include "cgi/names.h"
#include "cgi/route.h"
#include "cgi/seal.h"
#include "lib/clock.h"

/*
 * A job that has ended, once more: a new job of the same API and owner. What
 * was sent was erased when it ended, so the operator gives it, and it is
 * checked as the endpoint checks what clients send; its bounds hold as well.
 */
enum {
	AGAIN_BODY = START_COUNT,
	AGAIN_URL,
	AGAIN_HEADER,
	AGAIN_ADDRESS,
	AGAIN_YES,
	AGAIN_JSON
};
const struct opt jobs_resubmit_options[] = {
    START_OPTIONS,
    [AGAIN_BODY] = {.name = "body",
	.letter = 'b',
	.kind = OPT_STRING,
	.arg = "FILE",
	.help = "what is sent; - is standard input"},
    [AGAIN_URL] = {.name = "url",
	.letter = 'u',
	.kind = OPT_STRING,
	.arg = "PATH",
	.help = "path and query; needed where the API's path has places"},
    [AGAIN_HEADER] = {.name = "header",
	.letter = 'H',
	.kind = OPT_LIST,
	.arg = "TEXT",
	.help = "`name: value`, or @FILE with a line for each"},
    [AGAIN_ADDRESS] = {.name = "address",
	.kind = OPT_STRING,
	.arg = "IP",
	.help = "its client's, where the upstream is told"},
    [AGAIN_YES] = {.name = "yes",
	.letter = 'y',
	.kind = OPT_FLAG,
	.help = "do not ask, although it may have been done"},
    [AGAIN_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};
#define HEADERS_FILE_MAX 65536 /* bytes */

struct again {
	struct jobs *run;
	const struct api *api;
	size_t index;
	struct job old, job;
	struct request request;
	struct envelope_request env;
	struct envelope_meta meta;
};

static enum err bad(struct jobs *run, const char *name, struct str what)
{
	diag_error(&run->start.diag, POS_NONE, name, "%.*s; nothing was sent",
	    STR_ARG(what));
	return ERR_INPUT;
}

/* ---- the request -----------------------------------------------------------
 */

/* Printable, and no line of its own. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static enum err add_header(struct again *in, struct str line)
{
	struct arena *a = &in->run->start.arena;
	struct pairs *headers = &in->request.headers;
	const size_t colon = str_find(line, ':', 0);
	struct str name = str_trim(str_slice(line, 0, colon));
	struct str value = str_trim(str_slice(line, colon + 1, line.n));

	if (colon == line.n || !names_is_token(name) || !is_value(value))
		return bad(in->run, "bad-header",
		    STR("a header is `name: value`, in visible characters"));
	if (headers->n == HTTP_HEADERS_MAX)
		return bad(in->run, "bad-header", STR("too many headers"));
	char *lower = arena_cstr(a, name);
	for (size_t i = 0; i < name.n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] |= 0x20;
	headers->items[headers->n++] =
	    (struct pair){.name = str_of(lower), .value = arena_str(a, value)};
	return ERR_OK;
}

/* So that no credential stands on a command line, where others can see it. */
static enum err add_file(struct again *in, const char *path)
{
	struct str text;
	enum err err = jobs_read(in->run, path, HEADERS_FILE_MAX, &text);

	for (size_t at = 0; err == ERR_OK && at < text.n;) {
		const size_t end = str_find(text, '\n', at);
		struct str line = str_trim(str_slice(text, at, end));
		if (line.n)
			err = add_header(in, line);
		at = end + 1;
	}
	return err;
}

static enum err add_headers(struct again *in)
{
	const struct opt_value *v = &in->run->found.values[AGAIN_HEADER];
	struct pairs *headers = &in->request.headers;
	enum err err = ERR_OK;

	headers->items = arena_array(&in->run->start.arena,
	    HTTP_HEADERS_MAX + 1, sizeof(*headers->items));
	for (size_t i = 0; err == ERR_OK && i < v->n; i++)
		err = v->list[i][0] == '@' ? add_file(in, v->list[i] + 1)
					   : add_header(in, str_of(v->list[i]));
	if (err == ERR_OK && in->api->body_type.n &&
	    !request_has_header(&in->request, "content-type"))
		headers->items[headers->n++] = (struct pair){
		    .name = STR("content-type"), .value = in->api->body_type};
	return err;
}

/* Only what the endpoint would have taken for this API. */
static enum err find_route(struct again *in)
{
	struct start *s = &in->run->start;
	const char *url = in->run->found.values[AGAIN_URL].string;
	struct str target = url ? str_of(url) : in->api->path;
	const size_t mark = str_find(target, '?', 0);
	struct route route;

	if (!url && str_find(target, '{', 0) < target.n)
		return bad(in->run, "url-needed",
		    arena_printf(&s->arena,
			"its path is %.*s; say which with --url",
			STR_ARG(target)));
	if (target.n > HTTP_TARGET_MAX || !is_value(target))
		return bad(in->run, "url-wrong", STR("that is no path"));
	in->request.method = in->api->method;
	in->request.path = str_slice(target, 0, mark);
	if (mark < target.n)
		in->request.query = str_slice(target, mark + 1, target.n);
	route_find(&s->arena, s->config, &in->request, &route);
	if (route.kind == ROUTE_API && route.api == in->index)
		return ERR_OK;
	return bad(in->run, "url-wrong",
	    arena_printf(&s->arena, "%.*s is not %.*s, the path of %.*s",
		STR_ARG(in->request.path), STR_ARG(in->api->path),
		STR_ARG(in->api->name)));
}

static enum err read_request(struct again *in)
{
	const struct opt_value *v = in->run->found.values;
	enum err err = find_route(in);

	in->request.remote_addr = str_of(v[AGAIN_ADDRESS].string);
	if (err == ERR_OK && !is_value(in->request.remote_addr))
		err = bad(in->run, "bad-address", STR("that is no address"));
	if (err == ERR_OK)
		err = add_headers(in);
	if (err == ERR_OK && v[AGAIN_BODY].given)
		err = jobs_read(in->run, v[AGAIN_BODY].string,
		    (size_t)in->api->body_max + 1, &in->request.body);
	in->request.body_declared = (int64_t)in->request.body.n;
	return err;
}

/* ---- the job ----------------------------------------------------------------
 */

static enum err check(struct again *in)
{
	struct start *s = &in->run->start;
	struct str trace;
	uint64_t random[3];
	struct check check;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return ERR_IO;
	trace = names_new_trace(&s->arena, random);
	in->meta.traceparent = trace;
	check_envelope(&s->arena, in->api, &in->request, trace, &in->env);
	check_request(&s->arena, in->api, &in->request, &in->env,
	    ids_text(&s->arena, in->job.id), &check);
	if (check.resource.n)
		ids_resource(&s->keys, in->api, in->job.owner, check.resource,
		    in->job.resource);
	for (size_t i = 0; i < check.n; i++)
		diag_error(&s->diag, POS_NONE, "validation-failed",
		    "%.*s%s%.*s", STR_ARG(check.faults[i].pointer),
		    check.faults[i].pointer.n ? ": " : "",
		    STR_ARG(check.faults[i].detail));
	if (check.problem == PROBLEM_COUNT)
		return ERR_OK;
	if (!check.n)
		diag_error(&s->diag, POS_NONE, problem_type(check.problem),
		    "%.*s takes %lld bytes of %.*s", STR_ARG(in->api->name),
		    (long long)in->api->body_max,
		    in->api->body_type.n ? (int)in->api->body_type.n : 7,
		    in->api->body_type.n ? in->api->body_type.p : "nothing");
	return ERR_INPUT;
}

/* The same owner and quota: it counts as theirs. */
static void make_job(struct again *in)
{
	struct start *s = &in->run->start;
	struct job *job = &in->job;

	*job = (struct job){.accepted_ms = clock_wall_ms()};
	job->deadline_ms = job->accepted_ms + in->api->deadline_ms;
	job->deadline_boot = clock_boot_ms() + in->api->deadline_ms;
	memcpy(job->owner, in->old.owner, sizeof(job->owner));
	memcpy(job->quota, in->old.quota, sizeof(job->quota));
	ids_random(&s->keys, in->api, job->owner, job->id);
	ids_fingerprint(&s->keys, in->request.method, in->request.path,
	    in->request.query,
	    check_printed(&s->arena, in->api, in->request.body), job->print);
}

static const struct refusal {
	enum err err;
	const char *name, *text;
} refusals[] = {
    {ERR_TAKEN, "resource-taken",
	"another open job has the same resource; wait for its end"},
    {ERR_LIMIT, "rate-limited",
	"its owner has as many jobs as the API allows; try again later"},
    {ERR_CROWDED, "queue-full",
	"too many jobs are waiting already, or for too long"},
};

static enum err told(struct again *in, enum err err)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].err == err) {
			diag_error(&in->run->start.diag, POS_NONE,
			    refusals[i].name, "%s", refusals[i].text);
			return err;
		}
	return jobs_trouble(in->run, err);
}

static enum err accept(struct again *in)
{
	struct start *s = &in->run->start;
	struct buf plain = {0}, request = {0}, meta = {0};

	envelope_put_request(&plain, &in->env);
	seal_close(&s->keys, &in->job, BODY_REQUEST, buf_str(&plain), &request);
	buf_clear(&plain);
	envelope_put_meta(&plain, &in->meta);
	seal_close(&s->keys, &in->job, BODY_META, buf_str(&plain), &meta);
	enum err err = store_begin(s->store);
	if (err == ERR_OK) {
		err = store_accept(s->store, in->index, &in->job,
		    buf_str(&request), buf_str(&meta));
		if (err == ERR_OK)
			err = store_commit(s->store);
		else
			store_rollback(s->store);
	}
	buf_release(&plain);
	buf_release(&request);
	buf_release(&meta);
	return err == ERR_OK ? err : told(in, err);
}

/* ---- the command ------------------------------------------------------------
 */

static enum err find_old(struct again *in)
{
	const char *text = in->run->found.operands[0];
	struct start *s = &in->run->start;
	uint8_t id[JOB_ID_BYTES];
	enum err err = jobs_id(in->run, text, id, &in->index);

	if (err == ERR_OK)
		err = jobs_view(in->run);
	if (err != ERR_OK)
		return err;
	in->api = &s->config->apis[in->index];
	err = jobs_get(in->run, in->index, id, &in->old);
	store_unview(s->store);
	if (err == ERR_NOT_FOUND)
		jobs_no_job(in->run, text);
	else if (err != ERR_OK)
		return jobs_trouble(in->run, err);
	if (err == ERR_OK && !job_is_terminal(in->old.state)) {
		diag_error(&s->diag, POS_NONE, "job-open",
		    "%s has not ended: it is %s%s", text,
		    job_state_text(in->old.state),
		    in->old.held ? ", held; `lowtide-jobs release` has it done "
				   "again"
				 : "");
		err = ERR_CONFLICT;
	}
	return err;
}

/* Nothing is done twice that must not be without somebody's word. */
static bool may_be_done(const struct job *job)
{
	return job->state == JOB_COMPLETED ||
	       job->reason == REASON_OUTCOME_UNKNOWN;
}

static enum err confirm(struct again *in)
{
	if (!may_be_done(&in->old))
		return ERR_OK;
	return jobs_confirm(in->run, in->run->found.values[AGAIN_YES].given,
	    "It %s. Do it once more?",
	    in->old.state == JOB_COMPLETED ? "was done" : "may have been done");
}

static void tell(struct again *in)
{
	struct arena *a = &in->run->start.arena;
	struct str id = ids_text(a, in->job.id);

	jobs_say(in->run, "resubmitted %s of %.*s as %.*s",
	    in->run->found.operands[0], STR_ARG(in->api->name), STR_ARG(id));
	if (in->run->found.values[AGAIN_JSON].given)
		buf_printf(
		    &in->run->out, "{\"jobId\":\"%.*s\"}\n", STR_ARG(id));
	else
		buf_printf(&in->run->out, "%.*s\n", STR_ARG(id));
}

enum err jobs_resubmit(struct jobs *run)
{
	struct again in = {.run = run};
	enum err err = jobs_open(run);

	if (err == ERR_OK)
		err = find_old(&in);
	if (err == ERR_OK)
		err = read_request(&in);
	if (err == ERR_OK) {
		make_job(&in);
		err = check(&in);
	}
	if (err == ERR_OK)
		err = confirm(&in);
	if (err == ERR_OK)
		err = accept(&in);
	if (err == ERR_OK)
		tell(&in);
	return err;
}
