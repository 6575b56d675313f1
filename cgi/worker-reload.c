#include "cgi/worker-parts.h"

#include <stdio.h>
#include <string.h>

/*
 * SIGHUP is a drain of one runner and the beginning of another, in the same
 * process, so that a program that runs for an hour holds up nobody else's job:
 * what is under way ends by the configuration it began with. Keys and secrets
 * are taken at once, since any call may end, and begin, under any of them.
 */
static void reload_failed(struct worker *w, struct runner_now now, enum err err)
{
	LOG(&w->log, now.now_ms, "reload-failed",
	    LOG_TEXT("error", err_name(err)));
	metrics_work_reloaded(w->metrics, false);
}

static void reloaded(
    struct worker *w, struct runner_now now, const struct next *next)
{
	LOG(&w->log, now.now_ms, "reloaded",
	    LOG_INT("added", (int64_t)next->changes.added),
	    LOG_INT("removed", (int64_t)next->changes.removed),
	    LOG_INT("changed", (int64_t)next->changes.changed));
	metrics_work_reloaded(w->metrics, true);
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

static void forget_secrets(struct worker *w)
{
	if (w->shift.secrets)
		secrets_forget(w->shift.secrets);
	if (w->leaving.secrets)
		secrets_forget(w->leaving.secrets);
}

/* Nobody drains, so there is a channel for another one. */
static void take_next(struct worker *w, struct runner_now now)
{
	struct next *next = w->next;
	enum err err = store_reconfigure(w->start.store, next->config);

	w->next = NULL;
	if (err != ERR_OK) {
		reload_failed(w, now, err);
		next_drop(next);
		return;
	}
	runner_drain(w->shift.runner, now);
	w->leaving = w->shift;
	next_use(next, &w->start);
	metrics_work_fit(w->metrics, next->config->n_apis);
	reloaded(w, now, next);
	worker_begin(w, next);
	worker_report_now(w, &w->shift);
	if (worker_has_left(w))
		worker_left(w, now);
}

void worker_hang_up(struct worker *w, struct runner_now now)
{
	struct next *next;
	enum err err = read_next(w, &next);

	forget_secrets(w);
	if (err != ERR_OK) {
		reload_failed(w, now, err);
		return;
	}
	if (!w->next && next_is_same(next, w->start.config)) {
		next_use_keys(next, &w->start);
		reloaded(w, now, next);
		next_drop(next);
		/* a secret may be new, or gone: better told before a job asks
		 */
		if (w->shift.secrets)
			worker_report_now(w, &w->shift);
		return;
	}
	next_drop(w->next);
	w->next = next;
	if (!w->leaving.runner)
		take_next(w, now);
}

static void end_shift(struct worker *w, struct shift *shift)
{
	runner_free(shift->runner);
	secrets_free(shift->secrets);
	if (shift->next)
		next_drop(shift->next);
	else
		arena_release(&w->start.config_arena);
	*shift = (struct shift){0};
}

bool worker_has_left(const struct worker *w)
{
	return w->leaving.runner && !runner_is_busy(w->leaving.runner) &&
	       !(w->reads && reads_uses(w->reads, w->leaving.config));
}

void worker_left(struct worker *w, struct runner_now now)
{
	end_shift(w, &w->leaving);
	if (w->next && !w->signals)
		take_next(w, now);
}
