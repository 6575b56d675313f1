#include <string.h>

#include "cgi/handle.h"

/*
 * once = true (contract 4): a result is delivered once, in A, B and D, and
 * that it was is durable before its first byte leaves. So an answer that would
 * deliver becomes a change first, and handle_read() delivers; the same owner
 * may read it again for a while, because a connection may have been cut.
 *
 * HEAD delivers nothing and so uses nothing up: it says the status alone.
 */
bool once_rules(const struct handling *h, enum wait_view view)
{
	return h->job.api->once && h->row.state == JOB_COMPLETED &&
	       (view == WAIT_FIRST || view == WAIT_REPEAT ||
		   view == WAIT_RESULT);
}

/* The endpoint's other half: nothing is in hand to commit with. */
static enum outcome ask_at_once(struct handling *h, enum wait_view view)
{
	handling_probe(h, view, PROBE_NONE, h->api, h->row.id, ERR_OK);
	h->wait->again_boot = h->now.boot_ms;
	h->wait->waited_ms = h->waited_ms;
	h->wait->prefer = h->prefer;
	return OUTCOME_PARK;
}

static enum outcome read_it(struct handling *h, enum wait_view view)
{
	if (!h->change)
		return ask_at_once(h, view);
	memcpy(h->owner, h->row.owner, JOB_OWNER_BYTES);
	struct change *change = handling_change(h, CHANGE_READ, &h->job.meta);
	struct afterwards *then = change->then;
	then->view = view;
	then->waited_ms = h->waited_ms;
	then->prefer = h->prefer;
	change->job = h->row;
	change->event = (struct job_event){.kind = JOB_EVENT_READ,
	    .now_ms = h->now.wall_ms,
	    .now_boot = h->now.boot_ms};
	return OUTCOME_COMMIT;
}

bool once_may_deliver(
    struct handling *h, enum wait_view view, enum outcome *outcome)
{
	*outcome = OUTCOME_ANSWER;
	if (job_is_consumed(&h->row, h->now.wall_ms)) {
		handling_problem(h, PROBLEM_RESULT_CONSUMED, NULL);
		return false;
	}
	if (h->ans->head) {
		h->ans->status = h->row.status;
		if (view == WAIT_RESULT)
			answer_header(
			    h->ans, "ETag", answer_etag(h->arena, &h->row));
		return false;
	}
	if (h->row.read_ms)
		return true;
	*outcome = read_it(h, view);
	return false;
}

/* It is noted, and not in hand. */
static enum outcome deliver(struct handling *h, const struct change *change)
{
	const struct afterwards *then = change->then;
	enum err err = handling_load(h, h->api, change->job.id);

	handling_waited(h, then->waited_ms, then->prefer);
	if (err == ERR_OK)
		return handling_answer(h, then->view);
	if (!handling_may_pass(err))
		return handling_store_problem(h, err);
	handling_probe(h, then->view, PROBE_ID, h->api, change->job.id, err);
	h->wait->waited_ms = then->waited_ms;
	h->wait->prefer = then->prefer;
	return OUTCOME_PARK;
}

enum outcome handle_read(struct handling *h, struct change *change)
{
	h->job.api = &h->app->config->apis[h->api];
	h->job.job = &h->row;
	h->row = change->job;
	if (change->err == ERR_OK) {
		handling_log(h, &h->row, "job-read");
		return deliver(h, change);
	}
	if (change->err == ERR_NOT_FOUND)
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (change->err != ERR_CONFLICT)
		return handling_store_problem(h, change->err);
	h->has_job = true;
	if (handling_expired(h))
		return handling_problem(h, PROBLEM_JOB_EXPIRED, NULL);
	if (job_is_consumed(&h->row, h->now.wall_ms))
		return handling_problem(h, PROBLEM_RESULT_CONSUMED, NULL);
	/* by a wall clock that is not trusted its time is over */
	return handling_store_problem(h, ERR_BUSY);
}
