#include "cgi/store/store-parts.h"

#include <assert.h>
#include <stdio.h>

/*
 * The pace that all workers of a store keep together: numbers of the store,
 * read and written in the transactions in which they claim.
 *
 *   "pause/API"     until when its upstream asked to be left alone, boot ms
 *   "suspend/API"   since when an operator said so, wall ms
 *   "paused"        the latest of all pauses
 *   "suspended"     how many APIs are suspended
 *   "halt"          "paused", or HALTED while there is one that is suspended:
 *                   so a claim reads but this one where nothing is halted
 *   "rate/UPSTREAM" when its next call would be due if all came evenly, boot µs
 *
 * The back end forgets what is a boot's with it.
 */
#define HALTED INT64_MAX
#define US_PER_MS 1000

static void api_number(const struct store *store, const char *what, size_t api,
    char out[STORE_META_NAME])
{
	const struct str name = store->config->apis[api].name;

	snprintf(out, STORE_META_NAME, "%s/%.*s", what, STR_ARG(name));
}

/* ---- halts ------------------------------------------------------------- */

static enum err get(
    struct store *store, const char *what, size_t api, int64_t *value)
{
	char name[STORE_META_NAME];

	api_number(store, what, api, name);
	return store->ops->meta_get(store->backend, name, value);
}

static enum err put(
    struct store *store, const char *what, size_t api, int64_t value)
{
	char name[STORE_META_NAME];

	api_number(store, what, api, name);
	return store->ops->meta_put(store->backend, name, value);
}

/* The one number that tells whether anything is halted at all. */
static enum err put_halt(
    struct store *store, int64_t suspended, int64_t paused_boot)
{
	store->knows_halt = false;
	return store->ops->meta_put(
	    store->backend, "halt", suspended > 0 ? HALTED : paused_boot);
}

static enum err pause_api(struct store *store, size_t api, int64_t until_boot)
{
	const struct store_ops *ops = store->ops;
	int64_t until, latest, suspended;
	enum err err = get(store, "pause", api, &until);

	if (err || until >= until_boot)
		return err;
	err = put(store, "pause", api, until_boot);
	if (!err)
		err = ops->meta_get(store->backend, "paused", &latest);
	if (err || latest >= until_boot)
		return err;
	err = ops->meta_put(store->backend, "paused", until_boot);
	if (!err)
		err = ops->meta_get(store->backend, "suspended", &suspended);
	return err ? err : put_halt(store, suspended, until_boot);
}

enum err store_pause(struct store *store, size_t api, int64_t until_boot)
{
	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	return store_noted(store, pause_api(store, api, until_boot));
}

enum err store_paused(struct store *store, size_t api, int64_t *until_boot)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(store, get(store, "pause", api, until_boot));
}

static enum err suspend_api(struct store *store, size_t api, int64_t since_ms)
{
	const struct store_ops *ops = store->ops;
	int64_t since, suspended, paused;
	enum err err = get(store, "suspend", api, &since);

	if (err || (since != 0) == (since_ms != 0))
		return err; /* since when it is, stands */
	err = put(store, "suspend", api, since_ms);
	if (!err)
		err = ops->meta_get(store->backend, "suspended", &suspended);
	if (err)
		return err;
	suspended += since_ms ? 1 : -1;
	err = ops->meta_put(store->backend, "suspended", suspended);
	if (!err)
		err = ops->meta_get(store->backend, "paused", &paused);
	if (!err)
		err = put_halt(store, suspended, paused);
	if (!err && !since_ms)
		store->bells |= BELL_ACCEPTED;
	return err;
}

enum err store_suspend(struct store *store, size_t api, int64_t since_ms)
{
	assert(store->mode == MODE_WRITE);
	if (store->trouble)
		return store->trouble;
	return store_noted(store, suspend_api(store, api, since_ms));
}

enum err store_suspended(struct store *store, size_t api, int64_t *since_ms)
{
	assert(store->mode != MODE_IDLE);
	return store_noted(store, get(store, "suspend", api, since_ms));
}

enum err store_check_halt(struct store *store, bool *agrees)
{
	const struct store_ops *ops = store->ops;
	int64_t told, halt, since, suspended = 0;
	enum err err = ops->meta_get(store->backend, "suspended", &told);

	if (!err)
		err = ops->meta_get(store->backend, "halt", &halt);
	for (size_t api = 0; !err && api < store->config->n_apis; api++) {
		err = get(store, "suspend", api, &since);
		suspended += !err && since;
	}
	/* one that left the configuration may be suspended as well */
	*agrees = !err && told >= suspended && (halt == HALTED) == (told > 0);
	return err;
}

static enum err check_halt(
    struct store *store, size_t api, int64_t now_boot, struct pace *out)
{
	int64_t since, until;
	enum err err = ERR_OK;

	if (!store->knows_halt)
		err = store->ops->meta_get(
		    store->backend, "halt", &store->halt_boot);
	if (err)
		return err;
	store->knows_halt = true;
	if (store->halt_boot <= now_boot)
		return ERR_OK;
	err = get(store, "suspend", api, &since);
	if (!err)
		err = get(store, "pause", api, &until);
	if (err || (!since && until <= now_boot))
		return err;
	out->waits = true;
	out->due_boot = since ? 0 : until;
	return ERR_OK;
}

/* ---- the rate ---------------------------------------------------------- */

struct rate {
	char name[STORE_META_NAME];
	int64_t every_us; /* one call each; 0 = there is no rate */
	int64_t spare_us; /* so much earlier a call may come */
};

static struct rate rate_of(const struct store *store, size_t api)
{
	const struct api *a = &store->config->apis[api];
	const struct upstream *up =
	    a->upstream.n ? config_upstream(store->config, a->upstream) : NULL;
	struct rate rate = {.every_us = 0};

	if (!up || up->rate_count <= 0 || up->rate_per_ms <= 0)
		return rate;
	rate.every_us =
	    (up->rate_per_ms * US_PER_MS + up->rate_count - 1) / up->rate_count;
	if (up->burst > 1)
		rate.spare_us = (up->burst - 1) * rate.every_us;
	snprintf(rate.name, sizeof(rate.name), "rate/%.*s", STR_ARG(up->name));
	return rate;
}

/*
 * When the next call would be due. It is never further ahead than a burst just
 * used up leaves it, unless whoever wrote it was ahead of us in time: by as
 * much as one may have waited for his turn, that is true; by more than that it
 * is another clock's number, and worth no more than such a burst.
 */
#define AHEAD_US ((int64_t)60 * 1000 * US_PER_MS)
static enum err read_rate(struct store *store, const struct rate *rate,
    int64_t now_us, int64_t *next_us)
{
	const int64_t most = now_us + rate->spare_us + rate->every_us;
	enum err err;

	*next_us = 0;
	err = store->ops->meta_get(store->backend, rate->name, next_us);
	if (!err && *next_us > most + AHEAD_US)
		*next_us = most;
	return err;
}

static enum err take_call(struct store *store, const struct rate *rate,
    int64_t now_boot, bool takes, struct pace *out)
{
	const int64_t now_us = now_boot * US_PER_MS;
	int64_t next_us;
	enum err err = read_rate(store, rate, now_us, &next_us);
	const int64_t from_us = next_us - rate->spare_us;

	if (err)
		return err;
	if (from_us > now_us) {
		out->waits = true;
		out->due_boot = (from_us + US_PER_MS - 1) / US_PER_MS;
		return ERR_OK;
	}
	if (!takes)
		return ERR_OK;
	return store->ops->meta_put(store->backend, rate->name,
	    (next_us > now_us ? next_us : now_us) + rate->every_us);
}

enum err store_take_call(
    struct store *store, size_t api, int64_t now_boot, int64_t *due_boot)
{
	const struct rate rate = rate_of(store, api);
	struct pace pace = {.waits = false};

	assert(store->mode == MODE_WRITE);
	*due_boot = 0;
	if (store->trouble || !rate.every_us)
		return store->trouble;
	enum err err = take_call(store, &rate, now_boot, true, &pace);
	if (err || !pace.waits)
		return store_noted(store, err);
	*due_boot = pace.due_boot;
	return ERR_AGAIN;
}

enum err store_pace(struct store *store, size_t api, const struct job *job,
    int64_t now_boot, struct pace *out)
{
	const struct rate rate = rate_of(store, api);

	*out = (struct pace){.waits = false};
	enum err err = check_halt(store, api, now_boot, out);
	if (err || out->waits || !rate.every_us)
		return err;
	return take_call(store, &rate, now_boot, !job->polled, out);
}
