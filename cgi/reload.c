#include <stdio.h>
#include <stdlib.h>

#include "cgi/endpoint.h"
#include "lib/clock.h"
#include "lib/config-merge.h"

/*
 * SIGHUP, in three steps:
 *
 *   the loop    reads both files, lays the configuration over the one there is
 *               (config-merge.h: indices stay), and hands it to the writer;
 *   the thread  makes the tables of what is new, between two transactions;
 *   the loop    gives it to the reading handle and the app, with the keys.
 *
 * An error in any of them leaves the app as it was. Where the reading handle
 * fails the writer has the new one already, and what comes next is laid over
 * that: both keep their indices.
 */
static void failed(struct endpoint *e, enum err err)
{
	LOG(&e->log, clock_wall_ms(), "reload-failed",
	    LOG_TEXT("error", err_name(err)));
}

static void drop(struct generation *g)
{
	if (!g)
		return;
	keys_wipe(&g->keys);
	arena_release(&g->arena);
	free(g);
}

static const struct config *newest(const struct endpoint *e)
{
	return e->generations ? e->generations->config : e->start.config;
}

/* Into g; what was read on the way goes with `files`. */
static enum err read_files(struct endpoint *e, struct generation *g,
    struct arena *files, struct diag *diag)
{
	struct config *fresh = NULL;
	struct config_changes changes;
	enum err err = start_again(&e->start, files, diag, &fresh, &g->keys);

	if (err != ERR_OK)
		return err;
	err = config_merge(&g->arena, newest(e), fresh, &g->config, &changes);
	if (err == ERR_TOO_LARGE)
		diag_error(diag, POS_FILE(e->start.config_path),
		    "config-too-many",
		    "with those that went since it started it has more than %d "
		    "APIs or origins; start it again",
		    CONFIG_APIS_MAX);
	g->added = changes.added;
	g->removed = changes.removed;
	g->changed = changes.changed;
	return err;
}

/* What is wrong is for people, as at a start. */
static enum err read_next(struct endpoint *e, struct generation *g)
{
	struct arena files;
	struct diag diag;

	arena_init(&files);
	arena_init(&g->arena);
	diag_init(&diag, &files);
	enum err err = read_files(e, g, &files, &diag);
	diag_print(&diag, stderr);
	arena_release(&files);
	return err;
}

void reload_begin(struct endpoint *e)
{
	struct generation *g;

	if (e->reloading) { /* what is on its way may be old already */
		e->reload_again = true;
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		abort();
	enum err err = read_next(e, g);
	if (err == ERR_OK)
		err = committer_reconfigure(e->committer, g->config, 0);
	if (err != ERR_OK) {
		failed(e, err);
		drop(g);
		return;
	}
	g->older = e->generations;
	e->generations = g;
	e->reloading = true;
}

/* Everything points into g now. */
static void drop_older(struct endpoint *e, struct generation *g)
{
	struct generation *older;

	while ((older = g->older) != NULL) {
		g->older = older->older;
		drop(older);
	}
	arena_release(&e->start.config_arena);
}

static void use(struct endpoint *e, struct generation *g)
{
	size_t n_was = e->start.config->n_apis;

	keys_wipe(&e->start.keys);
	e->start.keys = g->keys;
	keys_wipe(&g->keys);
	e->start.config = g->config;
	endpoint_refit(&e->app, g->config, n_was);
	e->spec.body_max = e->app.body_max;
	drop_older(e, g);
	LOG(&e->log, clock_wall_ms(), "reloaded",
	    LOG_INT("added", (int64_t)g->added),
	    LOG_INT("removed", (int64_t)g->removed),
	    LOG_INT("changed", (int64_t)g->changed));
}

void reload_committed(struct endpoint *e, const struct change *change)
{
	struct generation *g = e->generations;
	enum err err = change->err;

	e->reloading = false;
	if (err != ERR_OK) { /* the writer goes on with the one before */
		e->generations = g->older;
		drop(g);
	} else {
		app_rest(&e->app);
		err = store_reconfigure(e->reads, g->config);
	}
	if (err == ERR_OK)
		use(e, g);
	else
		failed(e, err);
	if (e->reload_again) {
		e->reload_again = false;
		reload_begin(e);
	}
}

void reload_release(struct endpoint *e)
{
	struct generation *g;

	while ((g = e->generations) != NULL) {
		e->generations = g->older;
		drop(g);
	}
}
