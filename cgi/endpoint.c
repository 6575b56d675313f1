#include "cgi/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cgi/bearer.h"
#include "cgi/bucket.h"
#include "cgi/estimate.h"
#include "cgi/events.h"
#include "cgi/scrape.h"
#include "cgi/told.h"
#include "cgi/tended.h"
#include "lib/clock.h"
#include "lib/config-merge.h"

/*
 * What the loop calls is the app; what it hands over goes to the committer.
 * What comes back from there is the loop's again, but for a configuration,
 * which was nobody's request.
 */

/* ---- the app ------------------------------------------------------------- */

static struct estimate *estimates_of(
    const struct config *config, struct estimate *was, size_t n_was)
{
	struct estimate *all = calloc(config->n_apis + 1, sizeof(*all));

	if (!all)
		abort();
	if (n_was)
		memcpy(all, was, n_was * sizeof(*all));
	free(was);
	return all;
}

enum err endpoint_equip(struct app *app, struct start *start,
    struct store *reads, const struct log *log)
{
	*app = (struct app){.config = start->config,
	    .keys = &start->keys,
	    .store = reads,
	    .body_max = (size_t)config_body_max(start->config),
	    .estimates = estimates_of(start->config, NULL, 0),
	    .log = log};
	if (getrandom(&app->seed, sizeof(app->seed), 0) < 0)
		app->seed = (uint64_t)getpid();
	app->bearer =
	    bearer_open(start->config, start->state_dir, log, &start->diag);
	return app->bearer ? ERR_OK : ERR_MISSING;
}

void endpoint_refit(struct app *app, const struct config *config, size_t n_was)
{
	app->estimates = estimates_of(config, app->estimates, n_was);
	app->body_max = (size_t)config_body_max(config);
	app->config = config;
	if (app->metrics)
		metrics_fit(app->metrics, config->n_apis);
	bearer_reconfigure(app->bearer, config);
	event_cache_free(app->events); /* they have addresses in them */
	app->events = event_cache_new();
}

void endpoint_strip(struct app *app)
{
	event_cache_free(app->events);
	told_free(app->told);
	bearer_close(app->bearer);
	buckets_free(app->buckets);
	free(app->estimates);
	*app = (struct app){0};
}

/* ---- the loop's view of it ----------------------------------------------- */

static enum outcome handle(void *ctx, struct app_now now, struct arena *a,
    const struct request *r, struct answer *ans, struct waiting *wait,
    struct change **change)
{
	struct endpoint *e = ctx;

	return app_handle(&e->app, now, a, r, ans, wait, change);
}

static enum outcome resume(void *ctx, struct app_now now, struct arena *a,
    struct waiting *wait, struct answer *ans, struct change **change)
{
	struct endpoint *e = ctx;

	return app_resume(&e->app, now, a, wait, ans, change);
}

static enum err submit(void *ctx, struct change *change)
{
	struct endpoint *e = ctx;

	return committer_submit(e->committer, change);
}

static struct change *done(void *ctx)
{
	struct endpoint *e = ctx;
	struct change *change;

	while ((change = committer_next(e->committer)) != NULL &&
	       change->kind == CHANGE_RECONFIGURE) {
		reload_committed(e, change);
		change_free(change);
	}
	return change;
}

static enum outcome committed(void *ctx, struct app_now now, struct arena *a,
    struct change *change, struct answer *ans, struct waiting *wait)
{
	struct endpoint *e = ctx;

	return app_committed(&e->app, now, a, change, ans, wait);
}

static void discard(void *ctx, struct change *change)
{
	(void)ctx;
	change_free(change);
}

static void refuse(void *ctx, struct app_now now, struct arena *a, enum err err,
    struct answer *ans)
{
	struct endpoint *e = ctx;

	app_refuse(&e->app, now, a, err, ans);
}

static bool heard(void *ctx, int bell_fd)
{
	struct endpoint *e = ctx;

	return store_heard(e->reads, bell_fd) & BELL_SETTLED;
}

static bool changed(void *ctx, struct park *park)
{
	struct endpoint *e = ctx;

	return app_changed(&e->app, park);
}

static void rest(void *ctx)
{
	struct endpoint *e = ctx;

	app_rest(&e->app);
}

static void reload(void *ctx)
{
	reload_begin(ctx);
}

/* Housekeeping that falls due is the worker's as well, who stays. */
static bool idle(void *ctx)
{
	struct endpoint *e = ctx;

	LOG(&e->log, clock_wall_ms(), "endpoint-idle",
	    LOG_INT("afterMs", e->idle_ms));
	return true;
}

static void set_spec(struct endpoint *e)
{
	e->spec = (struct loop_spec){.listen_fd = e->listen_fd,
	    .body_max = e->app.body_max,
	    .seed = e->app.seed,
	    .log = &e->log,
	    .ctx = e,
	    .handle = handle,
	    .resume = resume,
	    .commit_fd = committer_fd(e->committer),
	    .submit = submit,
	    .done = done,
	    .committed = committed,
	    .discard = discard,
	    .refuse = refuse,
	    .bell_fd = e->bell_fd,
	    .heard = heard,
	    .changed = changed,
	    .rest = rest,
	    .reload = reload,
	    .idle_ms = e->idle_ms,
	    .idle = idle};
	if (e->scrape) {
		e->spec.aside_fd = scrape_fd(e->scrape);
		e->spec.aside = observe_run;
	}
}

/* ---- beginning and end --------------------------------------------------- */

enum err endpoint_open_reads(
    const struct start *start, struct diag *diag, struct store **out)
{
	struct store_spec spec = {.dir = start->state_dir,
	    .config = start->config,
	    .role = STORE_READS};

	keys_check(&start->keys, spec.check);
	return store_open(&store_sqlite, &spec, diag, out);
}

static void tended(void *ctx, const struct store_tended *report)
{
	const struct endpoint *e = ctx;

	tended_log(&e->log, clock_wall_ms(), report);
}

static enum err start_committer(struct endpoint *e)
{
	const struct committer_spec spec = {.store = e->start.store,
	    .boot_ms = clock_boot_ms,
	    .wall_ms = clock_wall_ms,
	    .tended = tended,
	    .ctx = e};
	enum err err = committer_start(&spec, &e->committer);

	if (err != ERR_OK)
		diag_error(&e->start.diag, POS_NONE, "io-error",
		    "the writer cannot be started: %s; see `ulimit -u`",
		    strerror(errno));
	return err;
}

enum err endpoint_serve(struct endpoint *e)
{
	enum err err = start_committer(e);

	if (err != ERR_OK)
		return err;
	set_spec(e);
	LOG(&e->log, clock_wall_ms(), "endpoint-started",
	    LOG_STR("site", e->start.config->name),
	    LOG_INT("apis", (int64_t)e->start.config->n_apis));
	err = loop_run(&e->spec);
	if (err != ERR_OK)
		diag_error(&e->start.diag, POS_NONE, "io-error",
		    "the loop cannot go on: %s; see `ulimit -n`",
		    strerror(errno));
	committer_stop(e->committer);
	LOG(&e->log, clock_wall_ms(), "endpoint-stopped",
	    LOG_TEXT("error", err ? err_name(err) : ""));
	return err;
}
