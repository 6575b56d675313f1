#include <string.h>

#include "cgi/check.h"
#include "cgi/handle.h"
#include "cgi/ids.h"
#include "cgi/names.h"
#include "cgi/pattern.h"
#include "cgi/seal.h"
#include "lib/buf.h"

/*
 * Contract 2, in its order: owner, id from the client's name, look-up,
 * validation, admission, one durable transaction, and only then an answer. A
 * request that is known already is neither validated nor counted again: its
 * row answers.
 *
 * The transaction is the committer's (committer.h). What comes before it
 * happens when the request comes, the rest in handle_accepted().
 */
#define HOLD_MS 1000 /* B: an open job's re-send is held so long */

struct accepting {
	struct handling *h;
	const struct api *api;
	struct pace pace;
	struct name name;
	uint8_t print[JOB_PRINT_BYTES];
	uint8_t id[JOB_ID_BYTES];
	uint8_t resource[JOB_RESOURCE_BYTES];
};

/* An id of ours in x-request-id: for this API and this owner, or nothing. */
static bool is_own_id(struct accepting *in)
{
	struct handling *h = in->h;
	size_t api;

	return ids_read(in->name.name, in->id) == ERR_OK &&
	       ids_api(h->app->config, in->id, &api) == ERR_OK &&
	       api == h->route.api &&
	       ids_verify(h->app->keys, in->id, h->owner) == ERR_OK;
}

/* The request's id into .id; false: it is answered already. */
static bool find_id(struct accepting *in)
{
	struct handling *h = in->h;

	switch (in->name.naming) {
	case NAMING_BAD:
		handling_problem(h, PROBLEM_VALIDATION_FAILED,
		    "The Idempotency-Key is not a string of 1 to 255 visible "
		    "characters.");
		return false;
	case NAMING_JOB:
		if (is_own_id(in))
			return true;
		handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
		return false;
	case NAMING_CLIENT:
		ids_named(h->app->keys, in->api, h->owner, in->name.kind,
		    in->name.name, in->print, in->id);
		return true;
	default:
		ids_random(h->app->keys, in->api, h->owner, in->id);
		return true;
	}
}

static bool is_initial(const struct request *r)
{
	return str_ieq(
	    str_trim(request_header(r, "x-initial-request")), STR("true"));
}

/*
 * It says so itself: where that cannot be looked up, the commit will find out.
 * A poll must not become a row to write whenever the store is slow.
 */
static bool is_first(const struct accepting *in)
{
	return in->name.naming == NAMING_CLIENT && is_initial(in->h->r);
}

/* A name that reaches no row: may it begin one? False: answered. */
static bool may_begin(struct accepting *in)
{
	struct handling *h = in->h;

	if (in->name.naming == NAMING_JOB) {
		handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
		return false;
	}
	if (in->name.naming == NAMING_CLIENT && in->api->strict_poll &&
	    !is_initial(h->r)) {
		handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
		return false;
	}
	return true;
}

/* Step 5, and what the client's id for its resource is, if it has one. */
static bool is_valid(struct accepting *in, const struct envelope_request *env)
{
	struct handling *h = in->h;
	struct check check;

	check_request(
	    h->arena, in->api, h->r, env, ids_text(h->arena, in->id), &check);
	if (check.resource.n)
		ids_resource(h->app->keys, in->api, h->owner, check.resource,
		    in->resource);
	if (check.problem == PROBLEM_COUNT)
		return true;
	if (check.n)
		answer_invalid(&h->c, check.faults, check.n, h->ans);
	else
		handling_problem(h, check.problem, NULL);
	return false;
}

static void log_accept(struct handling *h, const struct afterwards *then)
{
	LOG(h->app->log, h->now.wall_ms, "job-accepted",
	    LOG_STR("jobId", answer_id(h->arena, &h->row)),
	    LOG_STR("api", h->job.api->name),
	    LOG_STR("owner", answered_owner(h, h->owner)),
	    LOG_STR("traceparent", h->c.traceparent),
	    LOG_INT("commitMs", h->now.boot_ms - h->asked_boot),
	    LOG_INT("waitMs", then->pace.wait_ms),
	    LOG_INT("bytes", then->bytes));
}

/*
 * What x-request-id of the answers shall be. An Idempotency-Key is not given
 * back there: a client that polls with it as its x-request-id and leaves the
 * key out would name another job, and have its work done twice. The job id
 * finds the row either way.
 */
static struct str request_id(const struct accepting *in)
{
	if (in->name.naming == NAMING_CLIENT &&
	    in->name.kind == NAME_REQUEST_ID)
		return in->name.name;
	return (struct str){0};
}

/* Step 7, as far as it can be done before the store's turn is taken. */
static struct change *new_change(struct accepting *in, enum change_kind kind,
    const struct envelope_meta *meta, const struct job *job,
    const struct envelope_request *env)
{
	struct handling *h = in->h;
	struct change *change = handling_change(h, kind, meta);
	struct afterwards *then = change->then;
	struct buf plain = {0};

	then->pace = in->pace;
	then->name = in->name;
	then->name.name = (struct str){0}; /* what of it is needed is in meta */
	then->bytes = (int64_t)h->r->body.n;
	change->job = *job;
	envelope_put_request(&plain, env);
	seal_close(
	    h->app->keys, job, BODY_REQUEST, buf_str(&plain), &change->request);
	buf_release(&plain);
	return change;
}

static enum outcome begin(
    struct accepting *in, const struct envelope_request *env)
{
	struct handling *h = in->h;
	struct buf plain = {0};
	const struct envelope_meta meta = {
	    .request_id = request_id(in), .traceparent = h->c.traceparent};
	struct job job = {.accepted_ms = h->now.wall_ms,
	    .deadline_ms = h->now.wall_ms + in->api->deadline_ms,
	    .deadline_boot = h->now.boot_ms + in->api->deadline_ms};

	h->api = h->route.api;
	memcpy(job.id, in->id, JOB_ID_BYTES);
	memcpy(job.owner, h->owner, JOB_OWNER_BYTES);
	memcpy(job.print, in->print, JOB_PRINT_BYTES);
	memcpy(job.quota, h->quota, JOB_QUOTA_BYTES);
	memcpy(job.resource, in->resource, JOB_RESOURCE_BYTES);
	struct change *change = new_change(in, CHANGE_ACCEPT, &meta, &job, env);
	envelope_put_meta(&plain, &meta);
	seal_close(
	    h->app->keys, &job, BODY_META, buf_str(&plain), &change->meta);
	buf_release(&plain);
	return OUTCOME_COMMIT;
}

/* The job in hand goes on with this request's credentials. */
static enum outcome renew(
    struct accepting *in, const struct envelope_request *env)
{
	struct handling *h = in->h;
	struct change *change =
	    new_change(in, CHANGE_RENEW, &h->job.meta, &h->row, env);

	change->event = (struct job_event){.kind = JOB_EVENT_RENEW,
	    .now_ms = h->now.wall_ms,
	    .now_boot = h->now.boot_ms};
	return OUTCOME_COMMIT;
}

/* ---- a job that is there --------------------------------------------------
 */

/* B of an open job, held for a moment or as long as was asked for. */
static enum outcome await(struct accepting *in)
{
	struct handling *h = in->h;
	int64_t hold = HOLD_MS, echo = -1;

	if (in->pace.asked)
		echo = in->pace.wait_ms;
	if (in->pace.asked && in->pace.wait_ms > hold)
		hold = in->pace.wait_ms;
	return handling_park(h, WAIT_REPEAT, -1, hold, echo, in->pace.prefer);
}

/* What a request that reached an existing row gets: contract 4 B. */
static enum outcome answer_known(struct accepting *in)
{
	struct handling *h = in->h;
	struct envelope_request env;

	if (handling_expired(h))
		return handling_answer(h, WAIT_REPEAT);
	if (memcmp(h->row.print, in->print, JOB_PRINT_BYTES) != 0)
		return handling_problem(h,
		    in->name.naming == NAMING_CLIENT &&
			    in->name.kind == NAME_IDEMPOTENCY_KEY
			? PROBLEM_IDEMPOTENCY_KEY_REUSED
			: PROBLEM_ID_CONFLICT,
		    NULL);
	if (!h->row.needs || !h->r)
		return await(in);
	check_envelope(h->arena, in->api, h->r, h->c.traceparent, &env);
	if (!handling_renews(h, &env))
		return await(in);
	return is_valid(in, &env) ? renew(in, &env) : OUTCOME_ANSWER;
}

/* Whether it is known cannot be told just now. */
static enum outcome probe(struct accepting *in, enum err err)
{
	struct handling *h = in->h;
	enum wait_probe how = PROBE_ID;

	if (in->name.naming == NAMING_CLIENT)
		how = in->name.kind == NAME_IDEMPOTENCY_KEY ? PROBE_KEY
							    : PROBE_NAME;
	handling_probe(h, WAIT_REPEAT, how,
	    (size_t)(in->api - h->app->config->apis), in->id, err);
	memcpy(h->wait->print, in->print, JOB_PRINT_BYTES);
	h->wait->waited_ms = in->pace.asked ? in->pace.wait_ms : -1;
	h->wait->prefer = in->pace.prefer;
	return OUTCOME_PARK;
}

/* Somebody was faster: change->job is his row, read again with its bodies. */
static enum outcome accept_known(
    struct handling *h, const struct change *change)
{
	const struct afterwards *then = change->then;
	struct accepting in = {
	    .h = h, .api = h->job.api, .pace = then->pace, .name = then->name};
	enum err err = handling_load(h, change->api, change->job.id);

	memcpy(in.print, change->before.print, JOB_PRINT_BYTES);
	memcpy(in.id, change->before.id, JOB_ID_BYTES);
	if (err == ERR_OK)
		return answer_known(&in);
	return handling_may_pass(err) ? probe(&in, err)
				      : handling_store_problem(h, err);
}

/*
 * The row as it is by now. One whose bodies cannot be had is the one that was
 * accepted, and is asked for again: half an answer would be a wrong one.
 */
static enum err look_again(struct handling *h, const struct change *change)
{
	const struct answer_job job = h->job;
	enum err err = handling_load(h, change->api, change->job.id);

	if (err != ERR_OK) {
		h->row = change->job;
		h->job = job;
	}
	return err;
}

/*
 * Steps 8 and 9. Until the loop came to this the job may have ended, and the
 * ring for that been heard when nobody waited yet: then it has been seen.
 */
static enum outcome accept_new(struct handling *h, const struct change *change)
{
	const struct afterwards *then = change->then;
	const struct pace *pace = &then->pace;
	enum err err = ERR_OK;

	h->has_job = true;
	h->row = change->job;
	log_accept(h, then);
	if (pace->wait_ms > 0 && h->app->seen >= h->row.version)
		err = look_again(h, change);
	if (pace->wait_ms > 0 && !job_is_terminal(h->row.state)) {
		enum outcome outcome = handling_park(h, WAIT_FIRST, -1,
		    pace->wait_ms, pace->wait_ms, pace->prefer);
		if (outcome == OUTCOME_PARK && err != ERR_OK)
			h->wait->again_boot = handling_again(h, err);
		return outcome;
	}
	handling_waited(h, pace->wait_ms, pace->prefer);
	return handling_answer(h, WAIT_FIRST);
}

enum outcome handle_accepted(struct handling *h, struct change *change)
{
	h->job.api = &h->app->config->apis[change->api];
	h->job.job = &h->row;
	switch (change->err) {
	case ERR_OK:
		return accept_new(h, change);
	case ERR_CONFLICT:
		return accept_known(h, change);
	case ERR_TAKEN:
	case ERR_LIMIT:
	case ERR_CROWDED:
		return handling_refused(h, change);
	default:
		return handling_store_problem(h, change->err);
	}
}

/*
 * With another credential it is a job like any other, and so it is where
 * somebody was faster, or it ended meanwhile.
 */
enum outcome handle_renewed(struct handling *h, struct change *change)
{
	h->job.api = &h->app->config->apis[change->api];
	h->job.job = &h->row;
	if (change->err == ERR_OK)
		handling_log(h, &change->job, "job-renewed");
	if (change->err == ERR_OK || change->err == ERR_CONFLICT)
		return accept_known(h, change);
	if (change->err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	return handling_store_problem(h, change->err);
}

enum outcome handle_accept(struct handling *h)
{
	struct accepting in = {
	    .h = h, .api = &h->app->config->apis[h->route.api]};
	struct envelope_request env;
	const struct request *r = h->r;

	if (!handling_owner(h, in.api))
		return OUTCOME_ANSWER;
	/* a body that was cut off has no fingerprint to look up by */
	if (r->body_too_large)
		return handling_problem(h, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	pattern_choose(in.api, r, &in.pace);
	names_find(h->arena, r, ids_is_anonymous(h->owner), &in.name);
	ids_fingerprint(h->app->keys, r->method, r->path, r->query,
	    check_printed(h->arena, in.api, r->body), in.print);
	if (!find_id(&in))
		return OUTCOME_ANSWER;
	if (in.name.naming != NAMING_NONE) {
		h->first = is_first(&in);
		enum err err = handling_load(h, h->route.api, in.id);
		if (err == ERR_OK)
			return answer_known(&in);
		if (err == ERR_NOT_FOUND && !may_begin(&in))
			return OUTCOME_ANSWER;
		if (err != ERR_NOT_FOUND && !handling_may_pass(err))
			return handling_store_problem(h, err);
		if (err != ERR_NOT_FOUND && !is_first(&in))
			return probe(&in, err);
	}
	check_envelope(h->arena, in.api, r, h->c.traceparent, &env);
	if (!is_valid(&in, &env) || !handling_admits(h, in.resource))
		return OUTCOME_ANSWER;
	return begin(&in, &env);
}
