#include <stdio.h>

#include "cgi/store/clock-guard.h"
#include "cgi/store/store-parts.h"

/*
 * The two sweeps are alike but for what they wait for and do:
 *
 *                     waits for                  then
 *   SWEEP_EMPTY       TTL after ended_ms         bodies dropped, gone_ms set
 *   SWEEP_DELETE      30 days after gone_ms      the row removed
 *
 * Each walks along an API's versions with a cursor (_meta: "emptied/API",
 * "deleted/API") that is written in the transaction of the rows it passes:
 *
 *   Every row at or below "emptied" is open or a tombstone.
 *   Every row at or below "deleted" is open.
 *
 * A row that is open may be passed, because it cannot end there: ending gives
 * it a version above all that were given before, and so above the cursor. So
 * rows lie in the order of their end, a walk may stop at the first one that is
 * not over yet, and none is looked at twice for nothing.
 *
 * Two things bring rows before others that ended later: the first reading of a
 * result that is read but once gives a row another version, and a purge empties
 * one before its turn. Such a row may have to wait for those before it, a TTL
 * at most; and it says nothing about these.
 *
 * That order is exact, while ended_ms and gone_ms are what somebody's wall
 * clock showed. A row whose end lies in the future got it from a clock that
 * was wrong, and would hold up everything behind it, for years perhaps. It is
 * passed by looking on: whatever lies before a row that is over, in its place,
 * is over as well, however it is stamped. (Once its stamp is no longer in the
 * future it waits like any other; so nothing is held up longer than it waits
 * anyhow.)
 *
 * A look is made in a view and costs nobody anything; only when it has found
 * something is a turn taken, and then what is written down (cursor, guard) is
 * read again, since others sweep, too. The TTL is the configuration's: an API
 * that left it keeps its rows until it comes back.
 */
#define LOOK_ROWS 400  /* of one sweep in one call */
#define BATCH_ROWS 100 /* looked at in one transaction */
#define BATCH_BYTES ((int64_t)8 * 1024 * 1024) /* erased in one */

struct sweeping {
	struct tending *t;
	size_t api;
	enum sweep kind;
	struct walk *walk;
};

/* ---- cursors ----------------------------------------------------------- */

static const char *const cursors[SWEEPS] = {
    [SWEEP_EMPTY] = "emptied",
    [SWEEP_DELETE] = "deleted",
};

static void cursor_name(const struct sweeping *s, char out[STORE_META_NAME])
{
	const struct str api = s->t->store->config->apis[s->api].name;

	snprintf(
	    out, STORE_META_NAME, "%s/%.*s", cursors[s->kind], STR_ARG(api));
}

static enum err read_cursor(const struct sweeping *s, int64_t *cursor)
{
	struct store *store = s->t->store;
	char name[STORE_META_NAME];

	cursor_name(s, name);
	return store->ops->meta_get(store->backend, name, cursor);
}

static enum err write_cursor(const struct sweeping *s, int64_t cursor)
{
	struct store *store = s->t->store;
	char name[STORE_META_NAME];

	cursor_name(s, name);
	return store->ops->meta_put(store->backend, name, cursor);
}

/* ---- what is over ------------------------------------------------------ */

enum verdict {
	PASSED,	  /* nothing for this sweep, now or later */
	OVER,	  /* its time has come */
	DOUBTFUL, /* stamped in the future: look on */
	WAITS,	  /* the first one that must wait, and so all behind it */
};

static enum verdict judge_stamp(const struct sweeping *s, int64_t stamp_ms,
    int64_t keep_ms, int64_t *due_ms)
{
	const int64_t now = s->t->now.ms;

	*due_ms = stamp_ms + keep_ms;
	if (now - stamp_ms >= keep_ms)
		return OVER;
	return stamp_ms > now ? DOUBTFUL : WAITS;
}

/* *due_ms: when it is over by its stamp; 0 = no time tells. */
static enum verdict judge(
    const struct sweeping *s, const struct job *job, int64_t *due_ms)
{
	const struct store *store = s->t->store;

	*due_ms = 0;
	if (!job_is_terminal(job->state))
		return PASSED;
	if (s->kind == SWEEP_DELETE)
		return job->gone_ms ? judge_stamp(s, job->gone_ms,
					  store->tombstone_ms, due_ms)
				    : WAITS;
	if (job->gone_ms)
		return PASSED;
	return judge_stamp(
	    s, job->ended_ms, store->config->apis[s->api].ttl_ms, due_ms);
}

/* ---- looking ----------------------------------------------------------- */

struct look {
	const struct sweeping *s;
	size_t rows;
	bool done; /* a row that waits */
};

/* Neither read nor purged: what lies before it ended, or went, before it. */
static bool is_in_its_place(const struct sweeping *s, const struct job *job)
{
	const struct api *api = &s->t->store->config->apis[s->api];

	if (s->kind == SWEEP_EMPTY)
		return !job->read_ms;
	return job->gone_ms - job->ended_ms >= api->ttl_ms;
}

static bool look_at_row(void *ctx, const struct job *job)
{
	struct look *l = ctx;
	struct walk *w = l->s->walk;
	int64_t due_ms;

	l->rows++;
	switch (judge(l->s, job, &due_ms)) {
	case PASSED:
		if (!w->doubtful && w->until <= w->from)
			w->from = w->until = job->version;
		break;
	case OVER:
		if (!w->doubtful || is_in_its_place(l->s, job))
			w->until = job->version;
		break;
	case DOUBTFUL:
		w->doubtful = true;
		tend_sooner(&w->due_ms, due_ms);
		break;
	case WAITS:
		tend_sooner(&w->due_ms, due_ms);
		l->done = true;
		return false;
	}
	w->at = job->version;
	return true;
}

static void begin_look(struct walk *w)
{
	w->at = w->until = w->from;
	w->due_ms = 0;
	w->doubtful = false;
}

/* One more stretch of a look: until something is over, or its end. */
static enum err look_on(const struct sweeping *s)
{
	struct store *store = s->t->store;
	struct look look = {.s = s};
	struct walk *w = s->walk;
	enum err err = store_view(store);

	if (err)
		return err;
	if (!w->is_read) {
		err = read_cursor(s, &w->from);
		w->is_read = w->is_done = !err;
	}
	if (w->is_done)
		begin_look(w);
	if (!err)
		err = store->ops->rows_since(store->backend, s->api, w->at,
		    LOOK_ROWS, look_at_row, &look);
	store_unview(store);
	w->is_done = !err && (look.done || look.rows < LOOK_ROWS);
	return err;
}

/* ---- doing ------------------------------------------------------------- */

enum err store_drop_bodies(
    struct store *store, const struct job *job, int64_t *bytes)
{
	const struct store_ops *ops = store->ops;
	enum err err = ERR_OK;

	for (int kind = 0; !err && kind < BODY_KINDS; kind++) {
		int64_t n = 0;
		err = ops->body_size(
		    store->backend, job, (enum body_kind)kind, &n);
		if (!err)
			err = ops->body_drop(
			    store->backend, job, (enum body_kind)kind);
		else if (err == ERR_NOT_FOUND)
			err = ERR_OK;
		*bytes += n;
	}
	return err;
}

static enum err empty_row(
    const struct sweeping *s, const struct job *job, int64_t *bytes)
{
	struct store *store = s->t->store;
	struct job gone = *job;
	enum err err = store_drop_bodies(store, job, bytes);

	gone.gone_ms = s->t->now.ms;
	if (!err)
		err = store->ops->update(store->backend, s->api, job, &gone);
	return err;
}

static enum err delete_row(
    const struct sweeping *s, const struct job *job, int64_t *bytes)
{
	struct store *store = s->t->store;

	(void)bytes;
	return store->ops->remove(store->backend, s->api, job);
}

struct batch {
	struct job rows[BATCH_ROWS];
	size_t n;
};

static bool add_to_batch(void *ctx, const struct job *job)
{
	struct batch *b = ctx;

	b->rows[b->n++] = *job;
	return b->n < BATCH_ROWS;
}

/*
 * Rows up to walk->until, as many as a transaction may take. They are read
 * before the first is changed: a statement must not walk on an index that is
 * being changed under it.
 */
static enum err sweep_rows(
    const struct sweeping *s, int64_t *cursor, size_t *changed)
{
	static enum err (*const actions[SWEEPS])(
	    const struct sweeping *s, const struct job *job, int64_t *bytes) = {
	    [SWEEP_EMPTY] = empty_row,
	    [SWEEP_DELETE] = delete_row,
	};
	struct store *store = s->t->store;
	struct batch batch = {.n = 0};
	const int64_t until = s->walk->until;
	int64_t bytes = 0, due_ms;
	enum err err = store->ops->rows_since(
	    store->backend, s->api, *cursor, BATCH_ROWS, add_to_batch, &batch);

	for (size_t i = 0; !err && i < batch.n; i++) {
		const struct job *job = &batch.rows[i];
		if (job->version > until || bytes >= BATCH_BYTES)
			return ERR_OK;
		if (judge(s, job, &due_ms) != PASSED) {
			err = actions[s->kind](s, job, &bytes);
			*changed += !err;
		}
		*cursor = job->version;
	}
	if (!err && batch.n < BATCH_ROWS && *cursor < until)
		*cursor = until;
	return err;
}

static enum err sweep_in_turn(
    const struct sweeping *s, size_t *changed, int64_t *cursor, bool *stopped)
{
	struct clock_guard guard;
	enum err err = tend_read_guard(s->t->store, &guard);

	if (!err)
		err = read_cursor(s, cursor);
	if (err)
		return err;
	*stopped = clock_guard_stops(&guard); /* somebody has seen a step */
	if (*stopped)
		return ERR_OK;
	if (*cursor < s->walk->from)
		*cursor = s->walk->from;
	if (*cursor < s->walk->until)
		err = sweep_rows(s, cursor, changed);
	return err ? err : write_cursor(s, *cursor);
}

/* One transaction. */
static enum err sweep_batch(const struct sweeping *s)
{
	struct store_tended *report = s->t->report;
	size_t *const counts[SWEEPS] = {
	    [SWEEP_EMPTY] = &report->emptied,
	    [SWEEP_DELETE] = &report->deleted,
	};
	size_t changed = 0;
	int64_t cursor = 0;
	enum err err = store_begin(s->t->store);

	if (err)
		return err;
	err = sweep_in_turn(s, &changed, &cursor, &s->t->stopped);
	err = tend_finish(s->t->store, err);
	if (err || s->t->stopped)
		return err;
	*counts[s->kind] += changed;
	s->walk->from = cursor;
	if (cursor >= s->walk->until)
		s->walk->is_done = true;
	return ERR_OK;
}

static enum err sweep(const struct sweeping *s)
{
	struct walk *w = s->walk;
	enum err err = ERR_OK;

	while (!err && !s->t->stopped) {
		if (w->until > w->from) {
			if (!s->t->left) {
				s->t->more = true;
				break;
			}
			s->t->left--;
			err = sweep_batch(s);
			continue;
		}
		err = look_on(s);
		if (err || w->until > w->from)
			continue;
		s->t->more |= !w->is_done;
		break;
	}
	return err;
}

enum err tend_sweep(struct tending *t, size_t api, enum sweep kind)
{
	const struct sweeping s = {.t = t,
	    .api = api,
	    .kind = kind,
	    .walk = &t->store->walks[api][kind]};

	return sweep(&s);
}
