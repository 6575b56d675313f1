#include "cgi/store/store-parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * The protocol, once for every back end. What an event makes of a job is
 * job_step()'s; how rows are kept is the back end's; here is what belongs
 * together in one transaction, when a version moves, and who is to be rung.
 */
/* A claim ends at most so many late jobs before it lets others write. */
#define CLAIM_LATE_MAX 64

enum err store_open(const struct store_ops *ops, const struct store_spec *spec,
    struct diag *diag, struct store **out)
{
	void *backend = NULL;
	enum err err = ops->open(spec, diag, &backend);

	if (err)
		return err;
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		abort();
	*store = (struct store){
	    .ops = ops, .backend = backend, .config = spec->config};
	store->tombstone_ms = spec->limits.tombstone_ms
				  ? spec->limits.tombstone_ms
				  : STORE_TOMBSTONE_MS;
	store->walks = calloc(spec->config->n_apis + 1, sizeof(*store->walks));
	if (!store->walks)
		abort();
	/* what fell due while nobody was here */
	if (spec->role == STORE_WRITES)
		store->due_boot = 1;
	*out = store;
	return ERR_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->mode == MODE_WRITE)
		store_rollback(store);
	else if (store->mode == MODE_VIEW)
		store_unview(store);
	store->ops->close(store->backend);
	free(store->walks);
	free(store);
}

enum err store_view(struct store *store)
{
	assert(store->mode == MODE_IDLE);
	enum err err = store->ops->view(store->backend);
	if (!err)
		store->mode = MODE_VIEW;
	return err;
}

void store_unview(struct store *store)
{
	assert(store->mode == MODE_VIEW);
	store->ops->unview(store->backend);
	store->mode = MODE_IDLE;
}

enum err store_begin(struct store *store)
{
	assert(store->mode == MODE_IDLE);
	enum err err = store->ops->begin(store->backend);
	if (err)
		return err;
	store->mode = MODE_WRITE;
	store->bells = 0;
	store->trouble = ERR_OK;
	store->ends_boot = 0;
	return ERR_OK;
}

enum err store_commit(struct store *store)
{
	assert(store->mode == MODE_WRITE);
	if (store->trouble) {
		enum err trouble = store->trouble;
		store_rollback(store);
		return trouble;
	}
	store->mode = MODE_IDLE;
	enum err err = store->ops->commit(store->backend, store->bells);
	if (!err)
		tend_sooner(&store->due_boot, store->ends_boot);
	return err;
}

void store_rollback(struct store *store)
{
	assert(store->mode == MODE_WRITE);
	store->mode = MODE_IDLE;
	store->ops->rollback(store->backend);
}

bool store_is_answer(enum err err)
{
	static const bool answers[ERR_COUNT] = {
	    [ERR_OK] = true,
	    [ERR_NOT_FOUND] = true,
	    [ERR_CONFLICT] = true,
	    [ERR_STALE] = true,
	    [ERR_TOO_LARGE] = true,
	    [ERR_TAKEN] = true,
	    [ERR_LIMIT] = true,
	    [ERR_CROWDED] = true,
	};

	return answers[err];
}

/*
 * Answers that say something about a job leave the transaction as it was;
 * anything else may have left half of a change, or have ended the back end's
 * transaction, and then nothing of it may be committed. Nor may anything be
 * added: without a transaction each statement would stand by itself at once.
 */
enum err store_noted(struct store *store, enum err err)
{
	if (store->mode == MODE_WRITE && !store_is_answer(err) &&
	    !store->trouble)
		store->trouble = err;
	return err;
}

enum err store_get(struct store *store, size_t api,
    const uint8_t key[JOB_KEY_BYTES], struct job *out)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(
	    store, store->ops->get(store->backend, api, key, out));
}

enum err store_body(struct store *store, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(
	    store, store->ops->body_get(store->backend, job, kind, a, out));
}

/* ---- changing ---------------------------------------------------------- */

/* Could anybody who asks about the job tell the two apart? */
static bool is_visible(const struct job *a, const struct job *b)
{
	return a->state != b->state || a->reason != b->reason ||
	       a->attempt != b->attempt || a->progress != b->progress ||
	       a->status != b->status || a->cancel_ms != b->cancel_ms ||
	       a->started_ms != b->started_ms || a->ended_ms != b->ended_ms ||
	       a->needs != b->needs || a->read_ms != b->read_ms;
}

static bool is_queued(const struct job *job)
{
	return job->state == JOB_PENDING && !job->needs;
}

static unsigned bells_for(const struct job *before, const struct job *after)
{
	const bool queued = is_queued(after) && !is_queued(before);
	unsigned bells = 0;

	if (is_visible(before, after))
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
	return err;
}

/* Writes what an event made of a row, and what goes with it. */
static enum err put_changed(struct store *store, size_t api,
    const struct job *before, struct job *after, struct str result)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	enum err err = ERR_OK;

	if (is_visible(before, after))
		err = ops->next_version(backend, &after->version);
	if (!err)
		err = ops->update(backend, api, before, after);
	if (!err && job_is_terminal(after->state))
		err = put_ended(store, before, after, result);
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
    const struct job_event *event, struct str result)
{
	const bool was_over = job_is_terminal(job->state);
	struct job next;
	enum err err = job_step(&store->config->apis[api], job, event, &next);

	if (!err && memcmp(job, &next, sizeof(next)) != 0)
		err = put_changed(store, api, job, &next, result);
	if (!err && !was_over && job_is_terminal(next.state)) {
		err = put_sample(store, api, &next, event);
		note_end(store, api, event->now_boot);
	}
	if (!err)
		*job = next;
	return err;
}

enum err store_change(struct store *store, size_t api, struct job *job,
    const struct job_event *event, struct str result)
{
	struct job row;

	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	if (result.n > STORE_BODY_MAX)
		return ERR_TOO_LARGE;
	enum err err = store->ops->get(store->backend, api, job_key(job), &row);
	if (!err) {
		*job = row;
		err = apply(store, api, job, event, result);
	}
	return store_noted(store, err);
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

/* ---- what workers ask for ---------------------------------------------- */

static enum err take_next(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out)
{
	struct job_event claim = {.kind = JOB_EVENT_CLAIM,
	    .now_ms = ask->now_ms,
	    .now_boot = ask->now_boot,
	    .lease_boot = ask->lease_boot};
	struct job_event late = {.kind = JOB_EVENT_DEADLINE,
	    .now_ms = ask->now_ms,
	    .now_boot = ask->now_boot};
	const struct str no_result = {0};
	enum err err = ERR_OK;

	memcpy(claim.claim, ask->claim, sizeof(claim.claim));
	for (int i = 0; !err && i < CLAIM_LATE_MAX; i++) {
		err = store->ops->pick_pending(
		    store->backend, api, ask->now_boot, out);
		if (err)
			return err;
		if (!out->deadline_boot || ask->now_boot < out->deadline_boot)
			return apply(store, api, out, &claim, no_result);
		err = apply(store, api, out, &late, no_result);
	}
	return err ? err : ERR_AGAIN;
}

static enum err claim(struct store *store, size_t api,
    const struct store_ask *ask, struct job *out, int64_t *due_boot)
{
	const int64_t wanted = store->config->apis[api].concurrency;
	const int64_t most = wanted > 0 ? wanted : 1;
	int64_t running;
	enum err err = store->ops->count_running(store->backend, api, &running);

	if (!err)
		err = running < most ? take_next(store, api, ask, out)
				     : ERR_NOT_FOUND;
	if (err == ERR_AGAIN) {
		*due_boot = ask->now_boot;
		return ERR_NOT_FOUND;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	err =
	    store->ops->next_due(store->backend, api, ask->now_boot, due_boot);
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

static enum err recover_one(
    struct store *store, size_t api, int64_t now_ms, int64_t now_boot)
{
	const struct str no_result = {0};
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
	return err ? err : apply(store, api, &job, &event, no_result);
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

/* ---- what changed ------------------------------------------------------ */

enum err store_version(struct store *store, int64_t *version)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(store, store->ops->version(store->backend, version));
}

enum err store_changed(struct store *store, size_t api, int64_t since,
    size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(store,
	    store->ops->changed(store->backend, api, since, limit, each, ctx));
}

/* ---- another configuration ---------------------------------------------- */

static bool is_continued(const struct config *old, const struct config *config)
{
	if (config->n_apis < old->n_apis)
		return false;
	for (size_t i = 0; i < old->n_apis; i++)
		if (!str_eq(old->apis[i].name, config->apis[i].name))
			return false;
	return true;
}

enum err store_reconfigure(struct store *store, const struct config *config)
{
	const size_t before = store->config->n_apis;

	assert(store->mode == MODE_IDLE);
	if (!is_continued(store->config, config))
		return ERR_INPUT;
	/* longer than needed does no harm if it fails */
	store->walks =
	    realloc(store->walks, (config->n_apis + 1) * sizeof(*store->walks));
	if (!store->walks)
		abort();
	memset(&store->walks[before], 0,
	    (config->n_apis + 1 - before) * sizeof(*store->walks));
	enum err err = store->ops->reconfigure(store->backend, config);
	if (err)
		return err;
	store->config = config;
	if (store->due_boot || config->n_apis > before)
		store->due_boot = 1; /* another TTL, or rows from before */
	return ERR_OK;
}

/* ---- the rest is the back end's ---------------------------------------- */

enum err store_list(struct store *store, size_t api, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(
	    store, store->ops->list(store->backend, api, limit, each, ctx));
}

enum err store_stats(struct store *store, size_t api, struct store_stats *out)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(store, store->ops->stats(store->backend, api, out));
}

enum err store_watch(struct store *store, unsigned bells, int *fd)
{
	*fd = -1;
	return store->ops->watch(store->backend, bells, fd);
}

unsigned store_heard(struct store *store, int fd)
{
	return store->ops->heard(store->backend, fd);
}
