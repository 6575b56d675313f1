#include <string.h>

#include "cgi/handle.h"

/*
 * Contract 4's column E: a job is asked to end. A pending one ends at once, a
 * running one is told by its next heartbeat, and one that has ended is shown
 * as it is: asking twice does no harm. With `Prefer: handling=strict` (RFC 7240
 * 4.4) one that came to another end is 409.
 */

static bool is_too_late(const struct handling *h, bool strict)
{
	return strict && job_is_terminal(h->row.state) &&
	       h->row.state != JOB_CANCELLED;
}

static enum outcome answer_too_late(struct handling *h)
{
	answer_header(h->ans, "Preference-Applied", STR("handling=strict"));
	answer_problem(
	    &h->c, PROBLEM_JOB_ALREADY_FINISHED, NULL, &h->job, h->ans);
	return OUTCOME_ANSWER;
}

static enum outcome answer_cancel(struct handling *h, bool strict)
{
	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (is_too_late(h, strict))
		return answer_too_late(h);
	answer_document(
	    &h->c, job_is_terminal(h->row.state) ? 200 : 202, &h->job, h->ans);
	return OUTCOME_ANSWER;
}

enum outcome handle_job_cancel(struct handling *h)
{
	const bool strict = pattern_is_strict(h->r);
	uint8_t id[JOB_ID_BYTES];

	if (!handling_find_job(h, id))
		return OUTCOME_ANSWER;
	enum err err = handling_load(h, h->api, id);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_NOT_FOUND, NULL);
	/* readers are held back: a commit finds what there is */
	const bool unseen = err == ERR_AGAIN;
	if (err != ERR_OK && !unseen)
		return handling_store_problem(h, err);
	if (unseen)
		memcpy(h->row.id, id, JOB_ID_BYTES);
	else if (job_is_terminal(h->row.state))
		return answer_cancel(h, strict);
	struct change *change = handling_change(h, CHANGE_CANCEL, &h->job.meta);
	struct afterwards *then = change->then;
	then->unseen = unseen;
	then->strict = strict;
	change->job = h->row;
	change->event = (struct job_event){.kind = JOB_EVENT_CANCEL,
	    .now_ms = h->now.wall_ms,
	    .now_boot = h->now.boot_ms};
	return OUTCOME_COMMIT;
}

/* Who could not be looked at has a name that is not in hand. */
static void find_name(struct handling *h, const struct change *change)
{
	if (handling_load(h, h->api, change->job.id) != ERR_OK)
		h->row = change->job;
}

/* One that has ended meanwhile has a result, and that is not in hand. */
static enum outcome answer_ended(
    struct handling *h, const struct change *change)
{
	const struct afterwards *then = change->then;

	h->has_job = true;
	if (is_too_late(h, then->strict) && !handling_expired(h))
		return answer_too_late(h);
	h->has_job = false;
	enum err err = handling_load(h, h->api, change->job.id);
	if (err == ERR_OK)
		return answer_cancel(h, false);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (err == ERR_AGAIN)
		return handling_probe(
		    h, WAIT_STATUS, PROBE_ID, h->api, change->job.id, err);
	return handling_store_problem(h, err);
}

enum outcome handle_cancelled(struct handling *h, struct change *change)
{
	const struct afterwards *then = change->then;
	const enum err err = change->err;

	h->job.api = &h->app->config->apis[h->api];
	h->job.job = &h->row;
	h->row = change->job;
	if (err == ERR_OK) {
		h->has_job = true;
		if (then->unseen)
			find_name(h, change);
		handling_log(h, &h->row, "job-cancel");
		return answer_cancel(h, false);
	}
	if (err == ERR_CONFLICT || err == ERR_STALE)
		return answer_ended(h, change);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h,
		    then->unseen ? PROBLEM_JOB_NOT_FOUND : PROBLEM_JOB_EXPIRED,
		    NULL);
	return handling_store_problem(h, err);
}
