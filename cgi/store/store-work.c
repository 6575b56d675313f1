#include "cgi/store/store-parts.h"

#include <assert.h>
#include <string.h>

/*
 * What workers ask for: the next job, and those that nobody works on.
 */

/* A claim ends at most so many late jobs before it lets others write. */
#define CLAIM_LATE_MAX 64

static enum err take(struct store *store, size_t api,
    const struct store_ask *ask, struct job *job, int64_t *due_boot)
{
	struct job_event claim = {.kind = JOB_EVENT_CLAIM,
	    .now_ms = ask->now_ms,
	    .now_boot = ask->now_boot,
	    .lease_boot = ask->lease_boot};
	struct pace pace;
	enum err err = store_pace(store, api, job, ask->now_boot, &pace);

	if (err)
		return err;
	if (pace.waits) {
		*due_boot = pace.due_boot;
		return ERR_NOT_FOUND;
	}
	memcpy(claim.claim, ask->claim, sizeof(claim.claim));
	return store_apply(store, api, job, &claim);
}

/* ERR_AGAIN: others had to be ended first, and there may be more. */
static enum err take_next(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
{
	struct job_event late = {.kind = JOB_EVENT_DEADLINE,
	    .now_ms = ask->now_ms,
	    .now_boot = ask->now_boot};
	enum err err = ERR_OK;

	for (int i = 0; !err && i < CLAIM_LATE_MAX; i++) {
		err = store->ops->pick_pending(
		    store->backend, api, ask->now_boot, out);
		if (err)
			return err;
		if (!out->deadline_boot || ask->now_boot < out->deadline_boot)
			return take(store, api, ask, out, due_boot);
		err = store_apply(store, api, out, &late);
	}
	return err ? err : ERR_AGAIN;
}

static enum err claim(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
{
	const int64_t wanted = store->config->apis[api].concurrency;
	const int64_t most = wanted > 0 ? wanted : 1;
	int64_t running, later = 0;
	enum err err = store->ops->count_running(store->backend, api, &running);

	if (!err)
		err = running < most ? take_next(store, api, ask, out, due_boot)
				     : ERR_NOT_FOUND;
	if (err == ERR_AGAIN) {
		*due_boot = ask->now_boot;
		return ERR_NOT_FOUND;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	err = store->ops->next_due(store->backend, api, ask->now_boot, &later);
	tend_sooner(due_boot, later);
	return err ? err : ERR_NOT_FOUND;
}

enum err store_claim(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
{
	assert(store->mode == MODE_WRITE);
	*due_boot = 0;
	if (store->trouble)
		return store->trouble;
	return store_noted(store, claim(store, api, ask, out, due_boot));
}

/* What claim() would begin with, and what it would say instead. */
static enum err may_claim(
    struct store *store, size_t api, int64_t now_boot, int64_t *due_boot)
{
	const int64_t wanted = store->config->apis[api].concurrency;
	int64_t running, later = 0;
	struct pace pace = {.waits = false};
	struct job job;
	enum err err = store->ops->count_running(store->backend, api, &running);

	if (!err && running < (wanted > 0 ? wanted : 1)) {
		err = store->ops->peek_pending(
		    store->backend, api, now_boot, &job);
		job.polled = true; /* asked, and no call taken */
		if (!err)
			err = store_pace(store, api, &job, now_boot, &pace);
		if (err != ERR_NOT_FOUND && (err || !pace.waits))
			return err;
		*due_boot = pace.due_boot;
	} else if (err) {
		return err;
	}
	err = store->ops->next_due(store->backend, api, now_boot, &later);
	tend_sooner(due_boot, later);
	return err ? err : ERR_NOT_FOUND;
}

enum err store_claimable(
    struct store *store, size_t api, int64_t now_boot, int64_t *due_boot)
{
	struct job job;

	assert(store->mode == MODE_VIEW);
	*due_boot = 0;
	store->knows_halt = false; /* of another view */
	enum err err =
	    store->ops->pick_lost(store->backend, api, now_boot, &job);
	if (err == ERR_NOT_FOUND)
		err =
		    store->ops->pick_late(store->backend, api, now_boot, &job);
	if (err == ERR_NOT_FOUND)
		err = may_claim(store, api, now_boot, due_boot);
	return err;
}

static enum err recover_one(
    struct store *store, size_t api, int64_t now_ms, int64_t now_boot)
{
	struct job_event event = {.now_ms = now_ms, .now_boot = now_boot};
	struct job job;
	enum err err =
	    store->ops->pick_lost(store->backend, api, now_boot, &job);

	event.kind = JOB_EVENT_LOST;
	if (err == ERR_NOT_FOUND) {
		event.kind = JOB_EVENT_DEADLINE;
		err =
		    store->ops->pick_late(store->backend, api, now_boot, &job);
	}
	return err ? err : store_apply(store, api, &job, &event);
}

enum err store_recover(struct store *store, size_t api, int64_t now_ms,
    int64_t now_boot, size_t limit, size_t *changed)
{
	enum err err = store->trouble;

	assert(store->mode == MODE_WRITE);
	for (*changed = 0; !err && *changed < limit; ++*changed) {
		err = recover_one(store, api, now_ms, now_boot);
		if (err)
			break;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : store_noted(store, err);
}
