#include "cgi/store/store-parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * The protocol, once for every back end. What an event makes of a job is
 * job_step()'s; how rows are kept is the back end's; here and beside is what
 * belongs together in one transaction, when a version moves, and who is to be
 * rung.
 */

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
	store->knows_halt = false;
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

/* ---- copies ------------------------------------------------------------ */

enum err store_copy(
    struct store *store, const struct store_copying *copying, struct diag *diag)
{
	assert(store->mode == MODE_IDLE);
	return store->ops->copy(store->backend, copying, diag);
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
