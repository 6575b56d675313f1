#include "cgi/store/store-parts.h"

#include <assert.h>
#include <stdlib.h>

/*
 * A copy becomes a store: every open job is told that its original went on
 * (JOB_EVENT_ADOPT), in batches, then the mark goes. Interrupted, the mark is
 * still there, and what was told before is told again: what has ended is over,
 * what is held stays so, and what waits may go on waiting.
 */
#define BATCH 256

struct adopting {
	struct store *store;
	struct store_adopted *out;
	struct job rows[BATCH];
	size_t n;
};

static bool keep_row(void *ctx, const struct job *job)
{
	struct adopting *a = ctx;

	a->rows[a->n++] = *job;
	return true;
}

static void count(struct store_adopted *out, const struct job *job)
{
	if (job_is_terminal(job->state))
		out->ended++;
	else if (job->held)
		out->held++;
	else
		out->going++;
}

static enum err adopt_one(struct adopting *a, size_t api, struct job *job,
    const struct job_event *event)
{
	enum err err = ERR_OK;

	if (job_is_terminal(job->state))
		return err;
	err = store_apply(a->store, api, job, event);
	if (!err)
		count(a->out, job);
	return err;
}

/* The next of one API; *cursor is the version of the last one seen. */
static enum err adopt_batch(struct adopting *a, size_t api, int64_t until,
    const struct job_event *event, int64_t *cursor)
{
	const struct store_ops *ops = a->store->ops;
	enum err err = store_begin(a->store);

	if (err)
		return err;
	a->n = 0;
	err = ops->rows_since(
	    a->store->backend, api, *cursor, BATCH, keep_row, a);
	for (size_t i = 0; !err && i < a->n; i++) {
		*cursor = a->rows[i].version;
		if (*cursor <= until) /* else changed by us */
			err = adopt_one(a, api, &a->rows[i], event);
	}
	if (!err)
		return store_commit(a->store);
	store_rollback(a->store);
	return err;
}

static enum err adopt_api(
    struct adopting *a, size_t api, int64_t until, struct store_now now)
{
	const struct job_event event = {
	    .kind = JOB_EVENT_ADOPT, .now_ms = now.ms, .now_boot = now.boot};
	int64_t cursor = 0;
	enum err err;

	do {
		err = adopt_batch(a, api, until, &event, &cursor);
	} while (!err && a->n == BATCH && cursor < until);
	return err;
}

static enum err begin(struct adopting *a, int64_t *until)
{
	struct store *store = a->store;
	const struct store_ops *ops = store->ops;
	enum err err = store_view(store);

	if (err)
		return err;
	err = ops->meta_get(store->backend, "copy", &a->out->copied_ms);
	if (!err)
		err = ops->version(store->backend, until);
	if (!err && !a->out->copied_ms)
		err = ERR_CONFLICT;
	if (!err) {
		err = ops->stranger(store->backend, store->stranger);
		if (!err)
			a->out->api = store->stranger;
		err = err == ERR_NOT_FOUND ? ERR_OK : err ? err : ERR_MISSING;
	}
	store_unview(store);
	return err;
}

static enum err take_mark(struct store *store)
{
	enum err err = store_begin(store);

	if (err)
		return err;
	err = store->ops->meta_put(store->backend, "copy", 0);
	if (!err)
		return store_commit(store);
	store_rollback(store);
	return err;
}

enum err store_adopt(
    struct store *store, struct store_now now, struct store_adopted *out)
{
	struct adopting *a = calloc(1, sizeof(*a));
	int64_t until;

	assert(store->mode == MODE_IDLE);
	if (!a)
		abort();
	*out = (struct store_adopted){.copied_ms = 0};
	a->store = store;
	a->out = out;
	enum err err = begin(a, &until);
	for (size_t api = 0; !err && api < store->config->n_apis; api++)
		err = adopt_api(a, api, until, now);
	if (!err)
		err = take_mark(store);
	free(a);
	return err;
}
