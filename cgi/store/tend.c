#include <assert.h>

#include "cgi/store/clock-guard.h"
#include "cgi/store/store-parts.h"

/*
 * Housekeeping: whether the clock is to be trusted, the sweeps (sweep.c), the
 * back end's own, and when there will be something to do again. The guard's
 * three numbers stand in _meta: a restart does not forget a step, and whoever
 * looks first tells all others.
 */
#define TRANSACTIONS 4 /* in one call; then others have their turn */
#define PAUSE_MS 1000  /* rows that end one by one are gathered so long */
/* A reading is written down again when it is so old or so wrong. */
#define CLOCK_KEPT_MS ((int64_t)3600 * 1000)
#define CLOCK_OFF_MS 1000

enum err tend_read_guard(struct store *store, struct clock_guard *guard)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	enum err err = ops->meta_get(backend, "clock-ms", &guard->ms);

	if (!err)
		err = ops->meta_get(backend, "clock-boot", &guard->boot);
	if (!err)
		err =
		    ops->meta_get(backend, "clock-agreed", &guard->agreed_boot);
	return err;
}

static enum err write_guard(
    struct store *store, const struct clock_guard *guard)
{
	const struct store_ops *ops = store->ops;
	void *backend = store->backend;
	enum err err = ops->meta_put(backend, "clock-ms", guard->ms);

	if (!err)
		err = ops->meta_put(backend, "clock-boot", guard->boot);
	if (!err)
		err =
		    ops->meta_put(backend, "clock-agreed", guard->agreed_boot);
	return err;
}

/* Ends a transaction: all of it, or after an error nothing. */
enum err tend_finish(struct store *store, enum err err)
{
	if (!err)
		return store_commit(store);
	store_rollback(store);
	return err;
}

/* ---- the clock --------------------------------------------------------- */

static bool is_stale(const struct clock_guard *guard, struct store_now now)
{
	const int64_t apart = clock_guard_apart(guard, now.ms, now.boot);

	return !guard->ms || !guard->boot || apart > CLOCK_OFF_MS ||
	       apart < -CLOCK_OFF_MS || now.boot - guard->boot >= CLOCK_KEPT_MS;
}

/*
 * Takes a reading of the clocks; it is written down when it is news or the
 * last one is old.
 */
static enum err guard_clock(struct tending *t, struct clock_guard *guard)
{
	struct clock_guard seen;
	enum err err = store_view(t->store);

	if (err)
		return err;
	err = tend_read_guard(t->store, &seen);
	store_unview(t->store);
	if (err)
		return err;
	*guard = seen;
	bool news = clock_guard_read(guard, t->now.ms, t->now.boot);
	if (!news && guard->agreed_boot == seen.agreed_boot &&
	    !is_stale(&seen, t->now))
		return ERR_OK;
	err = store_begin(t->store);
	if (err)
		return err;
	err = tend_read_guard(t->store, guard);
	if (!err) {
		news = clock_guard_read(guard, t->now.ms, t->now.boot);
		err = write_guard(t->store, guard);
	}
	err = tend_finish(t->store, err);
	if (!err)
		t->report->clock_changed = news;
	return err;
}

enum err store_trust_clock(
    struct store *store, struct store_now now, bool *was_stopped)
{
	struct clock_guard guard;
	enum err err = store_begin(store);

	*was_stopped = false;
	if (err)
		return err;
	err = tend_read_guard(store, &guard);
	if (!err) {
		*was_stopped = clock_guard_trust(&guard, now.ms, now.boot);
		err = write_guard(store, &guard);
	}
	err = tend_finish(store, err);
	if (!err)
		store->due_boot = now.boot;
	return err;
}

/* ---- all of it --------------------------------------------------------- */

/* Every API in turn, another one first each time. */
static enum err sweep_all(struct tending *t)
{
	struct store *store = t->store;
	const size_t n = store->config->n_apis;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < n; i++) {
		const size_t api = (store->first + i) % n;
		for (int kind = 0; !err && kind < SWEEPS; kind++)
			err = tend_sweep(t, api, (enum sweep)kind);
	}
	if (n)
		store->first = (store->first + 1) % n;
	return err;
}

/* ---- when next --------------------------------------------------------- */

/* The first row that waits, as boot time. */
static int64_t next_row(const struct tending *t)
{
	const struct store *store = t->store;
	int64_t due_ms = 0;

	for (size_t i = 0; i < store->config->n_apis; i++)
		for (int kind = 0; kind < SWEEPS; kind++)
			tend_sooner(&due_ms, store->walks[i][kind].due_ms);
	return due_ms ? t->now.boot + due_ms - t->now.ms : 0;
}

static int64_t next_due(
    const struct tending *t, const struct clock_guard *guard)
{
	int64_t due;

	if (t->stopped) /* or by another's word, a moment ago: look again */
		due = clock_guard_stops(guard) ? clock_guard_due(guard)
					       : t->now.boot + PAUSE_MS;
	else if (t->more)
		return t->now.boot;
	else
		due = next_row(t);
	if (due && t->left < TRANSACTIONS && due < t->now.boot + PAUSE_MS)
		due = t->now.boot + PAUSE_MS;
	return due;
}

enum err store_tend(struct store *store, struct store_now now,
    struct store_tended *report, int64_t *due_boot)
{
	struct tending t = {
	    .store = store, .now = now, .report = report, .left = TRANSACTIONS};
	struct clock_guard guard;

	assert(store->mode == MODE_IDLE);
	*report = (struct store_tended){0};
	enum err err = guard_clock(&t, &guard);
	t.stopped = !err && clock_guard_stops(&guard);
	if (!err && !t.stopped)
		err = sweep_all(&t);
	report->clock_stopped = t.stopped;
	store->due_boot = err ? now.boot + PAUSE_MS : next_due(&t, &guard);
	/* also after an error: a full disk's log is emptied there */
	enum err own = store->ops->tend(store->backend, now);
	*due_boot = store_due_boot(store);
	return err ? err : own;
}

enum err store_vacuum(struct store *store, int64_t *unused)
{
	assert(store->mode == MODE_IDLE);
	*unused = 0;
	return store->ops->vacuum(store->backend, unused);
}

int64_t store_due_boot(const struct store *store)
{
	int64_t due = store->due_boot;

	tend_sooner(&due, store->ops->tend_due(store->backend));
	return due;
}
