#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgi/bearer.h"
#include "cgi/committer.h"
#include "cgi/events.h"
#include "cgi/listen.h"
#include "cgi/loop.h"
#include "cgi/start.h"
#include "cgi/tended.h"
#include "lib/clock.h"
#include "lib/version.h"

/*
 * lowtide-cgi: the request endpoint behind a web server. This file is where
 * the programs' parts meet: options, configuration, keys, store, bell, socket,
 * the writer's thread (committer.c), then the loop (loop.c) with the app
 * (app.c) in it, until SIGTERM.
 *
 * The store is opened twice: to write, which makes and mends what is there and
 * is the thread's from then on, and to read, for the loop.
 *
 * The order is that of performance.md's sandbox, so that it can be drawn right
 * before the thread: everything that opens a file by name comes first.
 */
#define RUN "/run/lowtide"

enum { CGI_LISTEN = START_COUNT, CGI_TEST, CGI_VERSION };
static const struct opt options[] = {
    START_OPTIONS,
    {.name = "listen",
	.letter = 'l',
	.kind = OPT_STRING,
	.arg = "ADDRESS",
	.help = LISTEN_KINDS "; else the socket it is started with, else "
			     "unix:" RUN "/NAME/cgi.sock"},
    {.name = "test",
	.letter = 't',
	.kind = OPT_FLAG,
	.help = "check configuration, keys and store, then exit"},
    {.name = "version", .kind = OPT_FLAG, .help = "show the version"},
    {.name = NULL},
};

struct endpoint {
	struct start start;
	struct log log;
	struct store *reads;
	struct bearer *bearer;
	struct committer *committer;
	struct app app;
	int listen_fd, bell_fd;
};

/* ---- the loop's view of the app ----------------------------------------- */

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

	return committer_next(e->committer);
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

/* ---- setting up ---------------------------------------------------------- */

static size_t largest_body(const struct config *config)
{
	int64_t max = 0;

	for (size_t i = 0; i < config->n_apis; i++)
		if (config->apis[i].body_max > max)
			max = config->apis[i].body_max;
	return (size_t)max;
}

static void set_app(struct endpoint *e)
{
	e->app = (struct app){.config = e->start.config,
	    .events = event_cache_new(),
	    .keys = &e->start.keys,
	    .store = e->reads,
	    .body_max = largest_body(e->start.config),
	    .bearer = e->bearer,
	    .log = &e->log};
	if (getrandom(&e->app.seed, sizeof(e->app.seed), 0) < 0)
		e->app.seed = (uint64_t)getpid();
}

/* After the other: what it made is there. */
static enum err open_to_read(struct endpoint *e)
{
	struct store_spec spec = {.dir = e->start.state_dir,
	    .config = e->start.config,
	    .role = STORE_READS};

	keys_check(&e->start.keys, spec.check);
	return store_open(&store_sqlite, &spec, &e->start.diag, &e->reads);
}

/* What is missing of the providers' keys is no reason not to start. */
static enum err open_tokens(struct endpoint *e)
{
	struct start *s = &e->start;

	e->bearer = bearer_open(s->config, s->state_dir, &e->log, &s->diag);
	if (!e->bearer)
		return ERR_MISSING;
	bearer_report(e->bearer, clock_wall_ms(), &s->diag);
	diag_print(&s->diag, stderr);
	diag_init(&s->diag, &s->arena);
	return ERR_OK;
}

/* A connection each for thousands that wait. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum err watch_bell(struct endpoint *e)
{
	enum err err = store_watch(e->reads, BELL_SETTLED, &e->bell_fd);

	if (err != ERR_OK)
		diag_error(&e->start.diag, POS_FILE(e->start.state_dir),
		    "io-error",
		    "the bells cannot be watched; see "
		    "fs.inotify.max_user_instances and `ulimit -n`");
	return err;
}

static enum err listen_at(struct endpoint *e, const struct opt_value *option)
{
	struct diag *diag = &e->start.diag;

	if (option->given)
		return listen_open(option->string, diag, &e->listen_fd);
	enum err err = listen_inherited(LISTEN_REQUESTS, diag, &e->listen_fd);
	if (err != ERR_OK || e->listen_fd >= 0)
		return err;
	return listen_unix(arena_printf(&e->start.arena, RUN "/%.*s/cgi.sock",
			       STR_ARG(e->start.config->name))
			       .p,
	    diag, &e->listen_fd);
}

static enum err set_up(struct endpoint *e, const struct opt_value *values)
{
	enum err err = start_open(&e->start, values, STORE_WRITES);

	if (err == ERR_OK)
		err = open_to_read(e);
	if (err == ERR_OK)
		err = open_tokens(e);
	if (err != ERR_OK || values[CGI_TEST].given)
		return err;
	set_app(e);
	raise_file_limit();
	err = watch_bell(e);
	return err == ERR_OK ? listen_at(e, &values[CGI_LISTEN]) : err;
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

static enum err serve(struct endpoint *e)
{
	const struct loop_spec spec = {.listen_fd = e->listen_fd,
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
	    .rest = rest};

	LOG(&e->log, clock_wall_ms(), "endpoint-started",
	    LOG_STR("site", e->start.config->name),
	    LOG_INT("apis", (int64_t)e->start.config->n_apis));
	enum err err = loop_run(&spec);
	if (err != ERR_OK)
		diag_error(&e->start.diag, POS_NONE, "io-error",
		    "the loop cannot go on: %s; see `ulimit -n`",
		    strerror(errno));
	committer_stop(e->committer);
	LOG(&e->log, clock_wall_ms(), "endpoint-stopped",
	    LOG_TEXT("error", err ? err_name(err) : ""));
	return err;
}

static void usage(void)
{
	puts("usage: lowtide-cgi [--config FILE] [--state DIR] [--keys FILE] "
	     "[--listen ADDRESS] [-t]\n\n"
	     "Accepts requests with a ticket and answers for them, as a "
	     "FastCGI program.\n");
	opt_help(options, stdout);
}

static enum err run(struct endpoint *e, const struct opt_result *found)
{
	const struct opt_value *values = found->values;

	if (values[START_HELP].given) {
		usage();
		return ERR_OK;
	}
	if (values[CGI_VERSION].given) {
		puts("lowtide-cgi " LOWTIDE_VERSION);
		return ERR_OK;
	}
	if (found->n_operands) {
		diag_error(&e->start.diag, POS_NONE, "unexpected-operand",
		    "`%s` is not expected; see --help", found->operands[0]);
		return ERR_USAGE;
	}
	enum err err = set_up(e, values);
	if (err != ERR_OK)
		return err;
	if (values[CGI_TEST].given) {
		puts("lowtide-cgi: everything is there");
		return ERR_OK;
	}
	err = start_committer(e);
	return err == ERR_OK ? serve(e) : err;
}

int main(int argc, char *argv[])
{
	struct endpoint e = {
	    .listen_fd = -1,
	    .bell_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-cgi"},
	};
	struct opt_result found;

	start_init(&e.start);
	enum err err = opt_parse(
	    &e.start.arena, options, argc, argv, &e.start.diag, &found);
	if (err == ERR_OK)
		err = run(&e, &found);
	event_cache_free(e.app.events);
	bearer_close(e.bearer);
	store_close(e.reads);
	return start_close(&e.start, err);
}
