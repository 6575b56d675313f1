#include "cgi/store/store-parts.h"

#include <assert.h>
#include <string.h>

#include "cgi/admit.h"

/*
 * A new job, and why not: what is known already comes first, so that a request
 * that is sent again is never refused for being one too many.
 */

/* A full store still knows what it has. */
static enum err find_room(struct store *store, size_t api, struct job *job)
{
	struct job found;
	enum err err = store->ops->room(store->backend);

	if (err != ERR_FULL)
		return store_noted(store, err);
	err = store->ops->get(store->backend, api, job_key(job), &found);
	if (err == ERR_NOT_FOUND)
		return ERR_FULL;
	if (!err)
		*job = found;
	return store_noted(store, err ? err : ERR_CONFLICT);
}

/*
 * What there may be too much of already. ERR_TAKEN: *job is the holder's row.
 */
static enum err find_place(struct store *store, size_t api, struct job *job)
{
	static const enum err answers[] = {
	    [ADMIT_OK] = ERR_OK,
	    [ADMIT_OWNER_RATE] = ERR_LIMIT,
	    [ADMIT_OWNER_OPEN] = ERR_LIMIT,
	    [ADMIT_QUEUE_LONG] = ERR_CROWDED,
	    [ADMIT_QUEUE_OLD] = ERR_CROWDED,
	};
	const struct api *rules = &store->config->apis[api];
	const int64_t now_ms = job->accepted_ms;
	struct crowd crowd;
	int64_t retry_ms;
	struct job holder;
	enum err err = store_holder(store, api, job->resource, &holder);

	if (!err) {
		*job = holder;
		return ERR_TAKEN;
	}
	if (err == ERR_NOT_FOUND)
		err = store_crowd(store, api, job->quota,
		    admit_since_ms(rules, now_ms), &crowd);
	return err ? err
		   : answers[admit_check(rules, &crowd, now_ms, 0, &retry_ms)];
}

/* A job that is known already is that and nothing else. */
static enum err admit(struct store *store, size_t api, struct job *job)
{
	struct job known, wanted = *job;
	enum err err = find_place(store, api, job), found;

	if (err != ERR_TAKEN && err != ERR_LIMIT && err != ERR_CROWDED)
		return err;
	found = store->ops->get(store->backend, api, job_key(&wanted), &known);
	if (found == ERR_NOT_FOUND)
		return err;
	if (!found)
		*job = known;
	return found ? found : ERR_CONFLICT;
}

static enum err put_new(struct store *store, size_t api, struct job *job,
    struct str request, struct str meta)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	int64_t rank = 0;
	enum err err = ops->next_version(backend, &job->version);

	job->born = job->version;
	if (!err)
		err = ops->count_rank(backend, api, job, JOB_RANK_MAX, &rank);
	job->rank = (int)rank;
	if (!err)
		err = ops->insert(backend, api, job);
	if (err == ERR_CONFLICT) {
		err = ops->get(backend, api, job_key(job), job);
		return err ? ERR_CORRUPT : ERR_CONFLICT;
	}
	if (!err)
		err = ops->body_put(backend, job, BODY_REQUEST, request);
	if (!err && meta.p)
		err = ops->body_put(backend, job, BODY_META, meta);
	if (!err)
		store->bells |= BELL_ACCEPTED;
	return err;
}

enum err store_accept(struct store *store, size_t api, struct job *job,
    struct str request, struct str meta)
{
	struct job row = {.state = JOB_PENDING,
	    .accepted_ms = job->accepted_ms,
	    .deadline_ms = job->deadline_ms,
	    .deadline_boot = job->deadline_boot};

	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	if (request.n > STORE_BODY_MAX || meta.n > STORE_BODY_MAX)
		return ERR_TOO_LARGE;
	memcpy(row.id, job->id, sizeof(row.id));
	memcpy(row.owner, job->owner, sizeof(row.owner));
	memcpy(row.print, job->print, sizeof(row.print));
	memcpy(row.quota, job->quota, sizeof(row.quota));
	memcpy(row.resource, job->resource, sizeof(row.resource));
	*job = row;
	enum err err = find_room(store, api, job);
	if (err)
		return err;
	err = admit(store, api, job);
	if (!err)
		err = put_new(store, api, job, request, meta);
	return store_noted(store, err);
}
