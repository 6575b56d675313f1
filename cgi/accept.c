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
 * validation, one durable transaction, and only then an answer. A request that
 * is known already is never looked at twice: its row answers.
 */
#define HOLD_MS 1000 /* B: an open job's re-send is held so long */

struct accepting {
	struct handling *h;
	const struct api *api;
	struct pace pace;
	struct name name;
	uint8_t print[JOB_PRINT_BYTES];
	uint8_t id[JOB_ID_BYTES];
};

/* What a request that reached an existing row gets: contract 4 B. */
static enum outcome answer_known(struct accepting *in)
{
	struct handling *h = in->h;
	int64_t hold = HOLD_MS, echo = -1;

	if (handling_expired(h))
		return handling_answer(h, WAIT_REPEAT);
	if (memcmp(h->row.print, in->print, JOB_PRINT_BYTES) != 0)
		return handling_problem(h,
		    in->name.naming == NAMING_CLIENT &&
			    in->name.kind == NAME_IDEMPOTENCY_KEY
			? PROBLEM_IDEMPOTENCY_KEY_REUSED
			: PROBLEM_ID_CONFLICT,
		    NULL);
	if (in->pace.asked)
		echo = in->pace.wait_ms;
	if (in->pace.asked && in->pace.wait_ms > hold)
		hold = in->pace.wait_ms;
	if (!job_is_terminal(h->row.state))
		return handling_park(
		    h, WAIT_REPEAT, -1, hold, echo, in->pace.prefer);
	handling_waited(h, echo, in->pace.prefer);
	return handling_answer(h, WAIT_REPEAT);
}

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

static bool is_valid(struct accepting *in, struct envelope_request *env)
{
	struct handling *h = in->h;
	struct check check;

	check_envelope(h->arena, in->api, h->r, env);
	check_request(
	    h->arena, in->api, h->r, env, ids_text(h->arena, in->id), &check);
	if (check.problem == PROBLEM_COUNT)
		return true;
	if (check.n)
		answer_invalid(&h->c, check.faults, check.n, h->ans);
	else
		handling_problem(h, check.problem, NULL);
	return false;
}

/* ERR_CONFLICT: somebody was faster; *job is his row. */
static enum err commit(struct handling *h, size_t api, struct job *job,
    struct str request, struct str meta)
{
	struct store *store = h->app->store;
	enum err err = store_begin(store);

	if (err != ERR_OK)
		return err;
	err = store_accept(store, api, job, request, meta);
	if (err != ERR_OK) {
		store_rollback(store);
		return err;
	}
	return store_commit(store);
}

static void log_accept(const struct accepting *in)
{
	const struct handling *h = in->h;
	char owner[2 * JOB_OWNER_BYTES + 1] = "anonymous";

	if (!h->app->log)
		return;
	if (!ids_is_anonymous(h->owner))
		ids_owner_text(h->owner, owner);
	LOG(h->app->log, h->now.wall_ms, "job-accepted",
	    LOG_STR("jobId", answer_id(h->arena, &h->row)),
	    LOG_STR("api", in->api->name), LOG_TEXT("owner", owner),
	    LOG_STR("traceparent", h->c.traceparent),
	    LOG_INT("waitMs", in->pace.wait_ms),
	    LOG_INT("bytes", (int64_t)h->r->body.n));
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

/* Steps 7 to 9: sealed before the store's turn is taken, to keep it short. */
static enum outcome begin(
    struct accepting *in, const struct envelope_request *env)
{
	struct handling *h = in->h;
	struct buf plain = {0}, request = {0}, meta = {0};
	struct job job = {.accepted_ms = h->now.wall_ms,
	    .deadline_ms = h->now.wall_ms + in->api->deadline_ms,
	    .deadline_boot = h->now.boot_ms + in->api->deadline_ms};
	struct envelope_meta said = {
	    .request_id = request_id(in), .traceparent = h->c.traceparent};

	memcpy(job.id, in->id, JOB_ID_BYTES);
	memcpy(job.owner, h->owner, JOB_OWNER_BYTES);
	memcpy(job.print, in->print, JOB_PRINT_BYTES);
	envelope_put_request(&plain, env);
	seal_close(h->app->keys, &job, BODY_REQUEST, buf_str(&plain), &request);
	buf_clear(&plain);
	envelope_put_meta(&plain, &said);
	seal_close(h->app->keys, &job, BODY_META, buf_str(&plain), &meta);
	buf_release(&plain);
	enum err err =
	    commit(h, h->route.api, &job, buf_str(&request), buf_str(&meta));
	buf_release(&request);
	buf_release(&meta);

	if (err == ERR_CONFLICT) {
		err = handling_load(h, h->route.api, in->id);
		return err == ERR_OK ? answer_known(in)
				     : handling_store_problem(h, err);
	}
	if (err != ERR_OK)
		return handling_store_problem(h, err);
	h->has_job = true;
	h->api = h->route.api;
	h->row = job;
	h->job =
	    (struct answer_job){.api = in->api, .job = &h->row, .meta = said};
	log_accept(in);
	if (in->pace.wait_ms > 0)
		return handling_park(h, WAIT_FIRST, -1, in->pace.wait_ms,
		    in->pace.wait_ms, in->pace.prefer);
	handling_waited(h, 0, in->pace.prefer);
	return handling_answer(h, WAIT_FIRST);
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
	ids_fingerprint(
	    h->app->keys, r->method, r->path, r->query, r->body, in.print);
	if (!find_id(&in))
		return OUTCOME_ANSWER;
	if (in.name.naming != NAMING_NONE) {
		enum err err = handling_load(h, h->route.api, in.id);
		if (err == ERR_OK)
			return answer_known(&in);
		if (err != ERR_NOT_FOUND)
			return handling_store_problem(h, err);
		if (!may_begin(&in))
			return OUTCOME_ANSWER;
	}
	if (!is_valid(&in, &env))
		return OUTCOME_ANSWER;
	return begin(&in, &env);
}
