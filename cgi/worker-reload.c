#include "cgi/worker-parts.h"

#include <stdio.h>

/*
 * SIGHUP is a drain and a new runner, in the same process: what is under way
 * ends by the configuration it began with. Only keys are taken at once, since
 * any call may end under any of them.
 */
/* What does nothing is for measuring what the rest costs. */
enum err worker_check(
    const struct worker *w, const struct config *config, struct diag *diag)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < config->n_apis && !w->dev; i++) {
		if (!config->apis[i].noop || config_is_gone(&config->apis[i]))
			continue;
		diag_error(diag, POS_FILE(w->start.config_path), "noop-handler",
		    "the API `%.*s` does nothing with what it is sent; give "
		    "it an upstream, or say --dev",
		    STR_ARG(config->apis[i].name));
		err = ERR_INPUT;
	}
	return err;
}

static void reload_failed(
    const struct worker *w, struct runner_now now, enum err err)
{
	LOG(&w->log, now.now_ms, "reload-failed",
	    LOG_TEXT("error", err_name(err)));
}

static void reloaded(
    const struct worker *w, struct runner_now now, const struct next *next)
{
	LOG(&w->log, now.now_ms, "reloaded",
	    LOG_INT("added", (int64_t)next->changes.added),
	    LOG_INT("removed", (int64_t)next->changes.removed),
	    LOG_INT("changed", (int64_t)next->changes.changed));
}

/* As at a start: what this may not do is an error of the file. */
static enum err read_next(struct worker *w, struct next **next)
{
	struct arena arena;
	struct diag diag;
	enum err err = next_read(&w->start, w->start.config, next);

	if (err != ERR_OK)
		return err;
	arena_init(&arena);
	diag_init(&diag, &arena);
	err = worker_check(w, (*next)->config, &diag);
	diag_print(&diag, stderr);
	arena_release(&arena);
	if (err == ERR_OK)
		return err;
	next_drop(*next);
	*next = NULL;
	return err;
}

void worker_hang_up(struct worker *w, struct runner_now now)
{
	struct next *next;
	enum err err = read_next(w, &next);

	if (err != ERR_OK) {
		reload_failed(w, now, err);
		return;
	}
	if (!w->next && next_is_same(next, w->start.config)) {
		next_use_keys(next, &w->start);
		reloaded(w, now, next);
		next_drop(next);
		return;
	}
	next_drop(w->next);
	w->next = next;
	runner_drain(w->runner, now);
}

void worker_take_next(struct worker *w, struct runner_now now)
{
	struct next *next = w->next;
	enum err err = store_reconfigure(w->start.store, next->config);

	w->next = NULL;
	runner_free(w->runner);
	if (err == ERR_OK) {
		next_use(next, &w->start);
		next_drop(w->current);
		arena_release(&w->start.config_arena);
		w->current = next;
		reloaded(w, now, next);
	} else {
		reload_failed(w, now, err);
		next_drop(next);
	}
	worker_begin(w);
}
