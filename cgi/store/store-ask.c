#include "cgi/store/store-parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * Questions: how many there are, who holds what, how long jobs take, what
 * belongs to one owner, and the notes that programs leave each other.
 */

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* ---- how many ---------------------------------------------------------- */

static enum err count_quota(struct store *store, size_t api,
    const uint8_t *quota, int64_t since_ms, struct crowd *out)
{
	const struct api *rules = &store->config->apis[api];
	const int64_t until_ms = since_ms + 2 * rules->owner_rate_per_ms;
	enum err err = ERR_OK;

	if (rules->owner_open)
		err = store->ops->count_open(
		    store->backend, api, quota, &out->open);
	if (!err && rules->owner_rate_count)
		err = store->ops->recent(store->backend, api, quota, since_ms,
		    until_ms, &out->recent, &out->recent_first_ms);
	return err;
}

enum err store_crowd(struct store *store, size_t api,
    const uint8_t quota[JOB_QUOTA_BYTES], int64_t since_ms, struct crowd *out)
{
	struct store_stats stats;

	assert(store->mode != MODE_IDLE);
	*out = (struct crowd){0};
	enum err err = store->ops->stats(store->backend, api, &stats);
	if (!err && quota && !is_zero(quota, JOB_QUOTA_BYTES))
		err = count_quota(store, api, quota, since_ms, out);
	if (err)
		return store_noted(store, err);
	out->pending = stats.count[JOB_PENDING] - stats.needing;
	out->oldest_pending_ms = stats.oldest_pending_ms;
	return ERR_OK;
}

enum err store_holder(struct store *store, size_t api,
    const uint8_t resource[JOB_RESOURCE_BYTES], struct job *out)
{
	assert(store->mode != MODE_IDLE);
	if (is_zero(resource, JOB_RESOURCE_BYTES))
		return ERR_NOT_FOUND;
	return store_noted(
	    store, store->ops->holder(store->backend, api, resource, out));
}

/* ---- how long ---------------------------------------------------------- */

enum err store_samples(
    struct store *store, size_t api, int64_t ms[STORE_SAMPLES], size_t *n)
{
	struct store_sample samples[STORE_SAMPLES];

	assert(store->mode != MODE_IDLE);
	enum err err = store->ops->samples(store->backend, api, samples, n);
	for (size_t i = 0; !err && i < *n; i++)
		ms[i] = samples[i].ms;
	return store_noted(store, err);
}

enum err store_runs(
    struct store *store, size_t api, int64_t ms[STORE_SAMPLES], size_t *n)
{
	struct store_sample samples[STORE_SAMPLES];

	assert(store->mode != MODE_IDLE);
	enum err err = store->ops->samples(store->backend, api, samples, n);
	for (size_t i = 0; !err && i < *n; i++)
		ms[i] = samples[i].run_ms;
	return store_noted(store, err);
}

/* ---- one owner's ------------------------------------------------------- */

enum err store_owned(struct store *store, size_t api,
    const uint8_t owner[JOB_OWNER_BYTES], int64_t below, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	assert(store->mode != MODE_IDLE);
	if (is_zero(owner, JOB_OWNER_BYTES))
		return ERR_OK;
	return store_noted(
	    store, store->ops->owned(store->backend, api, owner,
		       below ? below : INT64_MAX, limit, each, ctx));
}

enum err store_owned_since(struct store *store, size_t api,
    const uint8_t owner[JOB_OWNER_BYTES], int64_t since, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	assert(store->mode != MODE_IDLE);
	if (is_zero(owner, JOB_OWNER_BYTES))
		return ERR_OK;
	return store_noted(store, store->ops->owned_since(store->backend, api,
				      owner, since, limit, each, ctx));
}

/* ---- notes ------------------------------------------------------------- */

static bool flag_name(const char *name, char out[STORE_META_NAME])
{
	if (strlen(name) >= STORE_FLAG_NAME)
		return false;
	snprintf(out, STORE_META_NAME, "flag/%s", name);
	return true;
}

enum err store_flag(struct store *store, const char *name, int64_t now_ms)
{
	char key[STORE_META_NAME];
	int64_t at_ms;

	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	if (!flag_name(name, key))
		return ERR_TOO_LARGE;
	enum err err = store->ops->meta_get(store->backend, key, &at_ms);
	if (!err && at_ms && now_ms >= at_ms && now_ms - at_ms < STORE_FLAG_MS)
		return ERR_OK;
	if (!err)
		err = store->ops->meta_put(store->backend, key, now_ms);
	if (!err)
		store->bells |= BELL_ACCEPTED;
	return store_noted(store, err);
}

enum err store_flagged(struct store *store, const char *name, int64_t *at_ms)
{
	char key[STORE_META_NAME];

	assert(store->mode != MODE_IDLE);
	*at_ms = 0;
	if (!flag_name(name, key))
		return ERR_TOO_LARGE;
	return store_noted(
	    store, store->ops->meta_get(store->backend, key, at_ms));
}

enum err store_note(struct store *store, const char *name, int64_t now_ms)
{
	char key[STORE_META_NAME];

	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	if (!flag_name(name, key))
		return ERR_TOO_LARGE;
	return store_noted(
	    store, store->ops->meta_put(store->backend, key, now_ms));
}
