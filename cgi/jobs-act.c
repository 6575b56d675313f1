#include "cgi/jobs-act.h"

#include <string.h>

#include "cgi/ids.h"
#include "cgi/seal.h"
#include "lib/clock.h"
#include "lib/json.h"

/* `cancel` and `release`, and the engine for these and jobs-held.c. */

enum { ACT_JSON = START_COUNT };
#define ACT_OPTIONS                                                            \
	{                                                                      \
		START_OPTIONS,                                                 \
		    [ACT_JSON] = {.name = "json",                              \
			.kind = OPT_FLAG,                                      \
			.help = "for programs: what was done and what not"},   \
		{                                                              \
			.name = NULL                                           \
		}                                                              \
	}
const struct opt jobs_cancel_options[] = ACT_OPTIONS;
const struct opt jobs_release_options[] = ACT_OPTIONS;

/* ---- one job --------------------------------------------------------------
 */

/* Only a held one can be decided about; the rest has somebody who does. */
static bool is_decision(enum job_event_kind kind)
{
	return kind == JOB_EVENT_HELD_AGAIN ||
	       kind == JOB_EVENT_HELD_COMPLETE || kind == JOB_EVENT_HELD_FAIL;
}

static const char *refuse(struct jobs *run, const struct act *act,
    const char *id, const struct job *r)
{
	struct diag *diag = &run->start.diag;
	const char *state = job_state_text(r->state);

	if (act->kind == JOB_EVENT_PURGE && !job_is_terminal(r->state)) {
		diag_error(diag, POS_NONE, "job-open",
		    "%s has not ended: it is %s; cancel it first; nothing was "
		    "changed",
		    id, state);
		return "job-open";
	}
	if (job_is_terminal(r->state)) {
		diag_error(diag, POS_NONE, "job-ended",
		    "%s has ended: it is %s; nothing was changed", id, state);
		return "job-ended";
	}
	if (is_decision(act->kind)) {
		diag_error(diag, POS_NONE, "not-held",
		    "%s is not held: it is %s, and goes on by itself; nothing "
		    "was changed",
		    id, r->needs ? "waiting for another credential" : state);
		return "not-held";
	}
	diag_error(diag, POS_NONE, "refused",
	    "%s is %s, which does not allow this; nothing was changed", id,
	    state);
	return "refused";
}

static bool is_refused(const struct act *act, const struct job *row)
{
	if (job_is_terminal(row->state))
		return act->kind != JOB_EVENT_PURGE;
	if (act->kind == JOB_EVENT_PURGE)
		return true;
	return is_decision(act->kind) && !row->held;
}

/* In a transaction. *said: why not, where it is no error of the store's. */
static enum err change(struct jobs *run, const struct act *act, size_t api,
    struct job *row, const char **said)
{
	struct start *s = &run->start;
	struct envelope_result result = {0};
	struct buf plain = {0}, sealed = {0};
	struct job_event event = {.kind = act->kind,
	    .now_ms = clock_wall_ms(),
	    .now_boot = clock_boot_ms(),
	    .status = act->status,
	    .reason = act->reason};

	if (act->result) {
		*said = act->result(run, act, api, row, &result, &event.status);
		if (*said)
			return ERR_CONFLICT;
		envelope_put_result(&plain, &result);
		seal_close(
		    &s->keys, row, BODY_RESULT, buf_str(&plain), &sealed);
	}
	enum err err = store_change(s->store, api, row, &event,
	    act->result ? buf_str(&sealed) : (struct str){0});
	buf_release(&plain);
	buf_release(&sealed);
	return err;
}

/* In a transaction. */
static enum err act_on_row(struct jobs *run, const struct act *act,
    const uint8_t id[JOB_ID_BYTES], const char *text, struct report_job *r,
    const char **said)
{
	const size_t api = (size_t)(r->api - run->start.config->apis);
	enum err err = jobs_get(run, api, id, &r->job);

	if (err == ERR_NOT_FOUND) {
		jobs_no_job(run, text);
		*said = "no-such-job";
	}
	if (err != ERR_OK)
		return err;
	if (!is_refused(act, &r->job))
		err = change(run, act, api, &r->job, said);
	else
		err = ERR_CONFLICT;
	if (err == ERR_CONFLICT && !*said)
		*said = refuse(run, act, text, &r->job);
	return err;
}

/* *said: why not, as a word; NULL where the error is the store's. */
static enum err act_on(struct jobs *run, const struct act *act,
    const char *text, struct report_job *r, const char **said)
{
	struct store *store = run->start.store;
	uint8_t id[JOB_ID_BYTES];
	size_t api;
	enum err err = jobs_id(run, text, id, &api);

	*said = "no-such-job";
	if (err != ERR_OK)
		return err;
	*said = NULL;
	r->api = &run->start.config->apis[api];
	err = store_begin(store);
	if (err != ERR_OK)
		return err;
	err = act_on_row(run, act, id, text, r, said);
	if (err == ERR_OK)
		return store_commit(store);
	store_rollback(store);
	return err;
}

/* ---- what is said ---------------------------------------------------------
 */

static void say(struct jobs *run, const struct act *act, const char *id,
    const struct report_job *r)
{
	const struct job *job = &r->job;
	const struct str api = r->api->name;

	if (act->kind == JOB_EVENT_PURGE) {
		jobs_say(run,
		    job->gone_ms ? "purged %s of %.*s"
				 : "%s of %.*s has expired and is erased soon",
		    id, STR_ARG(api));
		return;
	}
	switch (job->state) {
	case JOB_PENDING:
		if (job->cancel_ms)
			jobs_say(run,
			    "asked %s of %.*s to end: its upstream has it, and "
			    "its answer counts",
			    id, STR_ARG(api));
		else
			jobs_say(run,
			    "released %s of %.*s: it is pending again", id,
			    STR_ARG(api));
		return;
	case JOB_PROCESSING:
		jobs_say(run,
		    job->held
			? "noted for %s of %.*s, which is held: `lowtide-jobs "
			  "release` ends it as cancelled"
			: "asked %s of %.*s to end: its worker is told, and an "
			  "answer that comes first counts",
		    id, STR_ARG(api));
		return;
	case JOB_CANCELLED:
		jobs_say(run,
		    act->kind == JOB_EVENT_CANCEL
			? "cancelled %s of %.*s"
			: "cancelled %s of %.*s, as its owner had asked for",
		    id, STR_ARG(api));
		return;
	default:
		jobs_say(run, "%s %s of %.*s with status %d",
		    job->state == JOB_COMPLETED ? "completed" : "failed", id,
		    STR_ARG(api), job->status);
	}
}

static void put_failed(struct buf *out, const char *id, const char *why)
{
	struct json_writer w = {.out = out};

	if (out->len)
		buf_putc(out, ',');
	json_open(&w, '{');
	json_key(&w, "jobId");
	json_string(&w, str_of(id));
	json_key(&w, "error");
	json_string(&w, str_of(why));
	json_close(&w, '}');
}

static void put_json(
    struct jobs *run, const struct buf *done, const struct buf *failed)
{
	buf_printf(&run->out, "{\"done\":[%s],\"failed\":[%s]}\n",
	    done->len ? done->data : "", failed->len ? failed->data : "");
}

enum err act_on_all(struct jobs *run, const struct act *act)
{
	struct buf done = {0}, failed = {0};
	struct jobs_words ids;
	enum err first = ERR_OK;
	enum err err = jobs_words(run, &ids);

	for (size_t i = 0; err == ERR_OK && i < ids.n; i++) {
		struct report_job r = {0};
		const char *said;

		err = act_on(run, act, ids.items[i], &r, &said);
		if (err == ERR_OK) {
			say(run, act, ids.items[i], &r);
			if (done.len)
				buf_putc(&done, ',');
			json_put_string(&done, str_of(ids.items[i]));
			continue;
		}
		if (!said)
			break;
		put_failed(&failed, ids.items[i], said);
		if (first == ERR_OK)
			first = err;
		err = ERR_OK;
	}
	if (err != ERR_OK)
		first = jobs_trouble(run, err);
	if (act->json)
		put_json(run, &done, &failed);
	buf_release(&done);
	buf_release(&failed);
	return first;
}

/* ---- the commands ---------------------------------------------------------
 */

enum err jobs_cancel(struct jobs *run)
{
	const struct act act = {.kind = JOB_EVENT_CANCEL,
	    .json = run->found.values[ACT_JSON].given};
	enum err err = jobs_open(run);

	return err == ERR_OK ? act_on_all(run, &act) : err;
}

enum err jobs_release(struct jobs *run)
{
	const struct act act = {.kind = JOB_EVENT_HELD_AGAIN,
	    .json = run->found.values[ACT_JSON].given};
	enum err err = jobs_open(run);

	return err == ERR_OK ? act_on_all(run, &act) : err;
}
