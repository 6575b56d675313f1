#include "cgi/endpoint.h"
#include "lib/clock.h"

/*
 * SIGHUP, in three steps:
 *
 *   the loop    reads both files, lays the configuration over the one there is
 *               (next.h), and hands it to the writer;
 *   the thread  makes the tables of what is new, between two transactions;
 *   the loop    gives it to the reading handle and the app, with the keys.
 *
 * An error in any of them leaves the app as it was. Where the reading handle
 * fails the writer has the new one already, and what comes next is laid over
 * that: both keep their indices.
 */
static void failed(struct endpoint *e, enum err err)
{
	metrics_reloaded(e->app.metrics, false);
	ERROR_LOG(&e->log, clock_wall_ms(), "reload-failed",
	    LOG_TEXT("error", err_name(err)));
}

void reload_begin(struct endpoint *e)
{
	const struct config *newest =
	    e->configs ? e->configs->config : e->start.config;
	struct next *next;

	if (e->reloading) { /* what is on its way may be old already */
		e->reload_again = true;
		return;
	}
	enum err err = next_read(&e->start, newest, &next);
	if (err == ERR_OK)
		err = committer_reconfigure(e->committer, next->config, 0);
	if (err != ERR_OK) {
		failed(e, err);
		next_drop(next);
		return;
	}
	next->older = e->configs;
	e->configs = next;
	e->reloading = true;
}

/* Everything points into the newest now. */
static void drop_older(struct endpoint *e)
{
	struct next *newest = e->configs, *older;

	while ((older = newest->older) != NULL) {
		newest->older = older->older;
		next_drop(older);
	}
	arena_release(&e->start.config_arena);
}

static void use_newest(struct endpoint *e)
{
	struct next *next = e->configs;
	size_t n_was = e->start.config->n_apis;

	next_use(next, &e->start);
	endpoint_refit(&e->app, next->config, n_was);
	e->spec.body_max = e->app.body_max;
	drop_older(e);
	metrics_reloaded(e->app.metrics, true);
	LOG(&e->log, clock_wall_ms(), "reloaded",
	    LOG_INT("added", (int64_t)next->changes.added),
	    LOG_INT("removed", (int64_t)next->changes.removed),
	    LOG_INT("changed", (int64_t)next->changes.changed));
}

void reload_committed(struct endpoint *e, const struct change *change)
{
	struct next *next = e->configs;
	enum err err = change->err;

	e->reloading = false;
	if (err != ERR_OK) { /* the writer goes on with the one before */
		e->configs = next->older;
		next_drop(next);
	} else {
		app_rest(&e->app);
		err = store_reconfigure(e->reads, next->config);
	}
	if (err == ERR_OK)
		use_newest(e);
	else
		failed(e, err);
	if (e->reload_again) {
		e->reload_again = false;
		reload_begin(e);
	}
}

void reload_release(struct endpoint *e)
{
	struct next *next;

	while ((next = e->configs) != NULL) {
		e->configs = next->older;
		next_drop(next);
	}
}
