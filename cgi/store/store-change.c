#include "cgi/store/store-parts.h"

#include <assert.h>
#include <string.h>

/*
 * One event on one job: what job_step() makes of it is written with all that
 * goes with it, bodies, a version, a measurement, and who is to be rung.
 */

/* What an event brings along, p NULL where it does not. */
struct bodies {
	struct str result, note;
};

/* Could anybody who asks about the job tell the two apart? */
static bool is_visible(const struct job *a, const struct job *b)
{
	return a->state != b->state || a->reason != b->reason ||
	       a->attempt != b->attempt || a->progress != b->progress ||
	       a->status != b->status || a->cancel_ms != b->cancel_ms ||
	       a->started_ms != b->started_ms || a->ended_ms != b->ended_ms ||
	       a->needs != b->needs || a->read_ms != b->read_ms ||
	       a->held != b->held;
}

static bool is_queued(const struct job *job)
{
	return job->state == JOB_PENDING && !job->needs;
}

static unsigned bells_for(const struct job *before, const struct job *after)
{
	const bool queued = is_queued(after) && !is_queued(before);
	unsigned bells = 0;

	if (is_visible(before, after) || before->version != after->version)
		bells |= BELL_SETTLED;
	if (queued || after->cancel_ms != before->cancel_ms)
		bells |= BELL_ACCEPTED;
	return bells;
}

/*
 * As good as a random one: jobs that take the same number of versions each,
 * four for example, would share sixteen slots if it were the remainder.
 */
static size_t sample_slot(int64_t version)
{
	uint64_t x = (uint64_t)version * 0xff51afd7ed558ccdu;

	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
	return (x >> 33) % STORE_SAMPLES;
}

/* How long it took, if it was the upstream's answer that ended it. */
static enum err put_sample(struct store *store, size_t api,
    const struct job *job, const struct job_event *event)
{
	const struct store_sample sample = {
	    .ms = job->ended_ms - job->accepted_ms,
	    .run_ms = job->ended_ms - job->started_ms,
	};

	if ((event->kind != JOB_EVENT_COMPLETE &&
		event->kind != JOB_EVENT_FAIL) ||
	    job->renewed || sample.ms < 0 || sample.run_ms < 0)
		return ERR_OK;
	return store->ops->sample_put(
	    store->backend, api, sample_slot(job->version), &sample);
}

/* What goes with a row that has ended, and in the end with one that is gone. */
static enum err put_ended(struct store *store, const struct job *before,
    const struct job *after, struct str result)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	enum err err = ERR_OK;
	int64_t bytes = 0;

	if (job_is_terminal(before->state)) {
		if (after->gone_ms && !before->gone_ms)
			err = store_drop_bodies(store, after, &bytes);
		return err;
	}
	if (result.p)
		err = ops->body_put(backend, after, BODY_RESULT, result);
	if (!err)
		err = ops->body_drop(backend, after, BODY_REQUEST);
	if (!err)
		err = ops->body_drop(backend, after, BODY_NOTE);
	return err;
}

/* What is sent anew has nothing to say of itself yet. */
static bool begins_anew(const struct job *before, const struct job *after)
{
	return (before->held && !after->held) ||
	       (before->state == JOB_PROCESSING &&
		   after->state == JOB_PENDING && !after->polled);
}

/* What goes with a row that is open. */
static enum err put_open(struct store *store, const struct job *before,
    const struct job *after, struct str note)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;

	if (begins_anew(before, after))
		return ops->body_drop(backend, after, BODY_NOTE);
	return note.p ? ops->body_put(backend, after, BODY_NOTE, note) : ERR_OK;
}

/* Writes what an event made of a row, and what goes with it. */
static enum err put_changed(struct store *store, size_t api,
    const struct job *before, struct job *after, const struct bodies *with)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	enum err err = ERR_OK;

	if (is_visible(before, after) || with->note.p)
		err = ops->next_version(backend, &after->version);
	if (!err)
		err = ops->update(backend, api, before, after);
	if (!err && job_is_terminal(after->state))
		err = put_ended(store, before, after, with->result);
	else if (!err)
		err = put_open(store, before, after, with->note);
	if (!err)
		store->bells |= bells_for(before, after);
	return err;
}

/* A job ends in this transaction, and so its TTL begins. */
static void note_end(struct store *store, size_t api, int64_t now_boot)
{
	tend_sooner(
	    &store->ends_boot, now_boot + store->config->apis[api].ttl_ms);
}

static enum err apply(struct store *store, size_t api, struct job *job,
    const struct job_event *event, const struct bodies *with)
{
	const bool was_over = job_is_terminal(job->state);
	struct job next;
	enum err err = job_step(&store->config->apis[api], job, event, &next);

	if (!err && (with->note.p || memcmp(job, &next, sizeof(next)) != 0))
		err = put_changed(store, api, job, &next, with);
	if (!err && !was_over && job_is_terminal(next.state)) {
		err = put_sample(store, api, &next, event);
		note_end(store, api, event->now_boot);
	}
	if (!err)
		*job = next;
	return err;
}

enum err store_apply(struct store *store, size_t api, struct job *job,
    const struct job_event *event)
{
	const struct bodies nothing = {.result = {0}};

	return apply(store, api, job, event, &nothing);
}

/* One event on the row as it stands. */
static enum err change(struct store *store, size_t api, struct job *job,
    const struct job_event *event, const struct bodies *with)
{
	struct job row;

	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	if (with->result.n > STORE_BODY_MAX || with->note.n > STORE_BODY_MAX)
		return ERR_TOO_LARGE;
	enum err err = store->ops->get(store->backend, api, job_key(job), &row);
	if (!err) {
		*job = row;
		err = apply(store, api, job, event, with);
	}
	return store_noted(store, err);
}

enum err store_change(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str result)
{
	const struct bodies with = {.result = result};

	return change(store, api, job, event, &with);
}

enum err store_tell(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str note)
{
	const struct bodies with = {.note = note};

	assert(event->kind == JOB_EVENT_HEARTBEAT ||
	       event->kind == JOB_EVENT_POLL);
	return change(store, api, job, event, &with);
}

enum err store_renew(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str request)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;

	assert(event->kind == JOB_EVENT_RENEW);
	if (request.n > STORE_BODY_MAX)
		return ERR_TOO_LARGE;
	enum err err = store_change(store, api, job, event, (struct str){0});
	if (err)
		return err;
	/* dropped, so that the log is emptied of it in its time */
	err = ops->body_drop(backend, job, BODY_REQUEST);
	if (!err)
		err = ops->body_put(backend, job, BODY_REQUEST, request);
	return store_noted(store, err);
}
