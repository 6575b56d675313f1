#include "cgi/jobs-act.h"

#include <stdio.h>
#include <string.h>

#include "cgi/compose.h"
#include "cgi/ids.h"
#include "lib/json.h"
#include "lib/utf8.h"

/*
 * What became of a job that is held, by an operator who has asked the upstream:
 * it was done (`complete`), or it was not and will not be (`fail`). What he
 * says of it is kept as if the upstream had said it.
 */
#define JSON_TYPE "application/json"
#define TYPE_MAX 255

/* ---- fail -----------------------------------------------------------------
 */

enum { FAIL_JSON = START_COUNT, FAIL_MESSAGE, FAIL_UNKNOWN };
const struct opt jobs_fail_options[] = {
    START_OPTIONS,
    [FAIL_JSON] = {.name = "json",
	.kind = OPT_FLAG,
	.help = "for programs: what was done and what not"},
    [FAIL_MESSAGE] = {.name = "message",
	.letter = 'm',
	.kind = OPT_STRING,
	.arg = "TEXT",
	.help = "a sentence for the client"},
    [FAIL_UNKNOWN] = {.name = "unknown",
	.kind = OPT_FLAG,
	.help = "nobody can find out: outcome-unknown"},
    {.name = NULL},
};

/* One line of text; what is written here is shown to clients. */
static bool is_line(struct str s, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n <= most && utf8_valid(s);
}

static enum err check_line(
    struct jobs *run, const char *option, struct str s, size_t most)
{
	if (is_line(s, most))
		return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`--%s` is one line of UTF-8, at most %zu bytes", option, most);
	return ERR_USAGE;
}

static const char *fail_result(struct jobs *run, const struct act *act,
    size_t api, const struct job *row, struct envelope_result *out, int *status)
{
	(void)run;
	(void)api;
	(void)row;
	(void)status;
	out->message = act->message;
	return NULL;
}

enum err jobs_fail(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	const struct act act = {.kind = JOB_EVENT_HELD_FAIL,
	    .reason =
		v[FAIL_UNKNOWN].given ? REASON_OUTCOME_UNKNOWN : REASON_FAILED,
	    .result = fail_result,
	    .message = str_of(v[FAIL_MESSAGE].string),
	    .json = v[FAIL_JSON].given};
	enum err err =
	    check_line(run, "message", act.message, ENVELOPE_MESSAGE_MAX);

	if (err == ERR_OK)
		err = jobs_open(run);
	return err == ERR_OK ? act_on_all(run, &act) : err;
}

/* ---- complete --------------------------------------------------------------
 */

enum {
	COMPLETE_JSON = START_COUNT,
	COMPLETE_STATUS,
	COMPLETE_RESULT,
	COMPLETE_TYPE,
	COMPLETE_LOCATION
};
const struct opt jobs_complete_options[] = {
    START_OPTIONS,
    [COMPLETE_JSON] = {.name = "json",
	.kind = OPT_FLAG,
	.help = "for programs: what was done and what not"},
    [COMPLETE_STATUS] = {.name = "status",
	.kind = OPT_INT,
	.arg = "N",
	.help = "of the answer (200; 201 with a location, 204 with nothing)",
	.min = 200,
	.max = 299},
    [COMPLETE_RESULT] = {.name = "result",
	.kind = OPT_STRING,
	.arg = "FILE",
	.help = "the bytes of the answer; - is standard input"},
    [COMPLETE_TYPE] = {.name = "type",
	.kind = OPT_STRING,
	.arg = "TYPE",
	.help = "what they are (" JSON_TYPE ")"},
    [COMPLETE_LOCATION] = {.name = "location",
	.kind = OPT_STRING,
	.arg = "URL",
	.help = "where what was made is; else as the API says"},
    {.name = NULL},
};

static bool is_json_type(struct str type)
{
	struct str essence =
	    str_trim(str_slice(type, 0, str_find(type, ';', 0)));

	return str_ieq(essence, STR(JSON_TYPE)) ||
	       (essence.n > 5 &&
		   str_ieq(str_slice(essence, essence.n - 5, essence.n),
		       STR("+json")));
}

static struct str type_of(const struct act *act, const struct api *api)
{
	if (act->type.n)
		return act->type;
	return api->result_type.n ? api->result_type : STR(JSON_TYPE);
}

/* Where the API says that it is, as if the upstream had answered so. */
static struct str location_of(struct jobs *run, const struct act *act,
    const struct api *api, const struct job *row)
{
	struct arena *a = &run->start.arena;
	const struct upstream_answer answer = {
	    .end = UPSTREAM_ANSWER, .body = act->bytes};
	struct envelope_request request;
	struct compose compose = {
	    .api = api, .request = &request, .job_id = ids_text(a, row->id)};
	struct str plain;

	if (act->location.n)
		return act->location;
	if (jobs_body(run, row, BODY_REQUEST, a, &plain) != ERR_OK ||
	    envelope_get_request(a, plain, &request) != ERR_OK)
		return (struct str){0};
	return compose_location(a, &compose, &answer);
}

/* JSON that is none would break who asks for it. */
static bool fits(struct jobs *run, const struct act *act, struct str type)
{
	const char *path = run->found.values[COMPLETE_RESULT].string;
	struct diag *diag = &run->start.diag;
	struct arena a = {0};
	struct value *value;

	if (!act->bytes.n || !is_json_type(type))
		return true;
	enum err err =
	    json_read(&a, act->bytes, act->bytes.n, path, diag, &value);
	arena_release(&a);
	if (err != ERR_OK)
		diag_error(diag, POS_FILE(path), "result-type",
		    "it is no %.*s; say what it is with --type", STR_ARG(type));
	return err == ERR_OK;
}

static const char *complete_result(struct jobs *run, const struct act *act,
    size_t index, const struct job *row, struct envelope_result *out,
    int *status)
{
	const struct api *api = &run->start.config->apis[index];
	const struct str type = type_of(act, api);

	if (api->result_max > 0 && act->bytes.n > (size_t)api->result_max) {
		diag_error(&run->start.diag, POS_NONE, "result-too-large",
		    "%zu bytes, and %.*s takes %lld", act->bytes.n,
		    STR_ARG(api->name), (long long)api->result_max);
		return "result-too-large";
	}
	if (!fits(run, act, type))
		return "result-type";
	out->body = act->bytes;
	out->content_type = act->bytes.n ? type : (struct str){0};
	out->location = location_of(run, act, api, row);
	if (!*status)
		*status = out->location.n ? 201 : act->bytes.n ? 200 : 204;
	out->status = *status;
	return NULL;
}

static enum err read_bytes(struct jobs *run, struct str *out)
{
	const char *path = run->found.values[COMPLETE_RESULT].string;

	return path ? jobs_read(run, path, STORE_BODY_MAX / 2, out) : ERR_OK;
}

static enum err check_type(struct jobs *run, struct str type)
{
	if (!type.n || str_find(type, '/', 0) < type.n)
		return check_line(run, "type", type, TYPE_MAX);
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`--type %.*s` is no media type, as " JSON_TYPE " is",
	    STR_ARG(type));
	return ERR_USAGE;
}

static enum err check_status(struct jobs *run, const struct act *act)
{
	if (!act->bytes.n || (act->status != 204 && act->status != 205))
		return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "an answer with status %d has no result", act->status);
	return ERR_USAGE;
}

enum err jobs_complete(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct act act = {.kind = JOB_EVENT_HELD_COMPLETE,
	    .status = (int)v[COMPLETE_STATUS].number,
	    .result = complete_result,
	    .type = str_of(v[COMPLETE_TYPE].string),
	    .location = str_of(v[COMPLETE_LOCATION].string),
	    .json = v[COMPLETE_JSON].given};
	enum err err = check_type(run, act.type);

	if (err == ERR_OK)
		err = check_line(
		    run, "location", act.location, UPSTREAM_LOCATION_MAX);
	if (err == ERR_OK)
		err = read_bytes(run, &act.bytes);
	if (err == ERR_OK)
		err = check_status(run, &act);
	if (err == ERR_OK)
		err = jobs_open(run);
	return err == ERR_OK ? act_on_all(run, &act) : err;
}
