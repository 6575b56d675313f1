#include <string.h>

#include "cgi/handle.h"

/*
 * DELETE statusUrl?purge=1 (contract 4): what is known of a job that has ended
 * is erased now and not at the end of its TTL; its tombstone stays, so that its
 * name begins no second job. One that has not ended is cancelled first.
 */
static enum outcome answer_state(struct handling *h)
{
	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	return handling_problem(h, PROBLEM_JOB_OPEN, NULL);
}

enum outcome handle_job_purge(struct handling *h)
{
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
	else if (!job_is_terminal(h->row.state) || handling_expired(h))
		return answer_state(h);
	struct change *change = handling_change(h, CHANGE_PURGE, &h->job.meta);
	((struct afterwards *)change->then)->unseen = unseen;
	change->job = h->row;
	change->event = (struct job_event){.kind = JOB_EVENT_PURGE,
	    .now_ms = h->now.wall_ms,
	    .now_boot = h->now.boot_ms};
	return OUTCOME_COMMIT;
}

/* Somebody else was first, and nobody had looked. */
static bool was_gone(const struct change *change)
{
	const struct afterwards *then = change->then;

	return then->unseen && change->job.gone_ms != change->event.now_ms;
}

enum outcome handle_purged(struct handling *h, struct change *change)
{
	const struct afterwards *then = change->then;
	const enum err err = change->err;

	h->job.api = &h->app->config->apis[h->api];
	h->job.job = &h->row;
	h->row = change->job;
	h->has_job = err == ERR_OK || err == ERR_CONFLICT;
	if (err == ERR_CONFLICT || (err == ERR_OK && was_gone(change)))
		return answer_state(h);
	if (err == ERR_NOT_FOUND)
		return handling_problem(h,
		    then->unseen ? PROBLEM_JOB_NOT_FOUND : PROBLEM_JOB_EXPIRED,
		    NULL);
	/* by a wall clock that is not trusted it is expired: the sweep's */
	if (err != ERR_OK || !h->row.gone_ms)
		return handling_store_problem(h, err ? err : ERR_BUSY);
	handling_log(h, &h->row, "job-purged");
	h->ans->status = 204;
	return OUTCOME_ANSWER;
}
