#include <stdio.h>
#include <unistd.h>

#include "cgi/bearer.h"
#include "cgi/bucket.h"
#include "cgi/endpoint.h"
#include "cgi/events.h"
#include "cgi/listen.h"
#include "cgi/plain.h"
#include "cgi/process.h"
#include "cgi/sandbox.h"
#include "cgi/told.h"
#include "cgi/user.h"
#include "lib/clock.h"

/*
 * lowtide-cgi: the request endpoint behind a web server. This file is the
 * beginning: options, and what is opened in which order. What runs then is
 * endpoint.c; as a plain CGI program it is plain.c, without any option.
 *
 * The order is that of performance.md's sandbox: everything that opens a file
 * by name comes first, then confine(), then the thread.
 */
#define RUN "/run/lowtide"

enum {
	CGI_LISTEN = START_COUNT,
	CGI_IDLE_EXIT,
	CGI_USER,
	CGI_UNPACED,
	CGI_METRICS,
	CGI_LOG_LEVEL,
	CGI_TEST,
	CGI_VERSION
};
static const struct opt options[] = {
    START_OPTIONS,
    PROCESS_LISTEN(RUN "/NAME/cgi.sock"),
    PROCESS_IDLE_EXIT,
    PROCESS_USER("become this user, once it listens"),
    {.name = "unpaced",
	.kind = OPT_FLAG,
	.help = "a job may be looked up as often as anybody likes; for "
		"measuring"},
    PROCESS_METRICS,
    PROCESS_LOG_LEVEL("error, info (also what happens to jobs; left out) or "
		      "debug (also each answer)"),
    PROCESS_TEST("check configuration (or FILE), keys and store, then exit"),
    PROCESS_VERSION,
    {.name = NULL},
};

/* ---- setting up ---------------------------------------------------------- */

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

/* Who leaves has to be started again by whoever has the socket. */
static enum err check_idle(struct endpoint *e, bool inherited)
{
	if (!e->idle_ms || inherited)
		return ERR_OK;
	diag_error(&e->start.diag, POS_NONE, "idle-exit-socket",
	    "nobody would start it again: --idle-exit is for a socket that it "
	    "is started with, of a lowtide-cgi@NAME.socket for example; leave "
	    "--idle-exit out, or --listen");
	return ERR_USAGE;
}

static enum err listen_somewhere(
    struct endpoint *e, const struct opt_value *option)
{
	struct diag *diag = &e->start.diag;
	enum err err = ERR_OK;

	if (!option->given)
		err = listen_inherited(LISTEN_REQUESTS, diag, &e->listen_fd);
	if (err == ERR_OK)
		err = check_idle(e, e->listen_fd >= 0);
	if (err != ERR_OK || e->listen_fd >= 0)
		return err;
	if (option->given)
		return listen_open(
		    LISTEN_REQUESTS, option->string, diag, &e->listen_fd);
	struct str path = arena_printf(&e->start.arena, RUN "/%.*s/cgi.sock",
	    STR_ARG(e->start.config->name));
	return listen_unix(path.p, diag, &e->listen_fd);
}

static enum err open_metrics(struct endpoint *e, const struct opt_value *option)
{
	struct diag *diag = &e->start.diag;
	enum err err = option->given ? listen_open(LISTEN_METRICS,
					   option->string, diag, &e->metrics_fd)
				     : listen_inherited(LISTEN_METRICS, diag,
					   &e->metrics_fd);

	if (err != ERR_OK)
		return err;
	err = observe_open(e);
	if (err != ERR_OK)
		diag_error(diag, POS_NONE, "io-error",
		    "metrics cannot be told; see `ulimit -n`");
	return err;
}

/*
 * As another user the store is made and the keys are read, so that he can do
 * it again later.
 */
static enum err open_files(struct endpoint *e, const struct opt_value *values)
{
	const struct store_spec how = {.role = STORE_WRITES};
	enum err err = start_config_options(&e->start, values);

	if (err == ERR_OK && values[CGI_USER].given) {
		err = listen_somewhere(e, &values[CGI_LISTEN]);
		if (err == ERR_OK)
			err = user_become(values[CGI_USER].string, e->listen_fd,
			    &e->start.diag);
		if (err != ERR_OK)
			return err;
	}
	enum err keys_err = start_keys(&e->start);
	if (err == ERR_OK)
		err = keys_err;
	if (err == ERR_OK)
		err = start_store(&e->start, &how, &e->start.store);
	if (err == ERR_OK)
		err = endpoint_open_reads(&e->start, &e->start.diag, &e->reads);
	return err;
}

/*
 * All that is opened by name is open, but for what SIGHUP reads again
 * (configuration, keys) and the keys of providers, all of which are replaced by
 * rename; and there is no thread yet.
 */
static void confine(struct endpoint *e)
{
	const char *const again[] = {
	    e->start.config_path, e->start.keys_path, NULL};
	const struct sandbox_spec spec = {
	    .state_dir = e->start.state_dir, .files = again};

	process_warn_of_root(&e->log,
	    "nothing here needs it; start it as a user of its own, or say "
	    "--user NAME");
	sandbox_enter(&spec, &e->log, clock_wall_ms());
}

/* What is missing of the providers' keys is no reason not to start. */
static void report_tokens(struct endpoint *e, struct bearer *bearer)
{
	struct start *s = &e->start;

	bearer_report(bearer, clock_wall_ms(), &s->diag);
	diag_print(&s->diag, stderr);
	diag_init(&s->diag, &s->arena);
}

static enum err equip(struct endpoint *e, const struct opt_value *values)
{
	enum err err = endpoint_equip(&e->app, &e->start, e->reads, &e->log);

	if (err != ERR_OK)
		return err;
	e->app.events = event_cache_new();
	e->app.told = told_new();
	if (!values[CGI_UNPACED].given)
		e->app.buckets = buckets_new(e->app.seed);
	report_tokens(e, e->app.bearer);
	return ERR_OK;
}

static enum err set_up(struct endpoint *e, const struct opt_value *values)
{
	process_settle_signals();
	if (values[CGI_LOG_LEVEL].given)
		(void)log_level_read(
		    values[CGI_LOG_LEVEL].string, &e->log.level);
	e->idle_ms = values[CGI_IDLE_EXIT].number;
	enum err err = open_files(e, values);
	if (err != ERR_OK)
		return err;
	err = equip(e, values);
	process_raise_file_limit();
	if (err == ERR_OK)
		err = watch_bell(e);
	if (err == ERR_OK && e->listen_fd < 0)
		err = listen_somewhere(e, &values[CGI_LISTEN]);
	if (err == ERR_OK)
		err = open_metrics(e, &values[CGI_METRICS]);
	if (err == ERR_OK)
		confine(e);
	return err;
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
	puts("usage: lowtide-cgi [--config FILE] [--state DIR] [--keys FILE] "
	     "[--listen ADDRESS]\n"
	     "                   [--idle-exit TIME] [--user NAME] [--unpaced]\n"
	     "                   [--metrics ADDRESS] [--log-level LEVEL]\n"
	     "       lowtide-cgi --test [FILE]\n\n"
	     "Accepts requests with a ticket and answers for them, as a "
	     "FastCGI program or,\nwhere a web server starts it for each "
	     "request, as a CGI program.\n");
	opt_help(options, stdout);
}

static enum err test(
    struct endpoint *e, const struct opt_value *values, const char *file)
{
	struct start *s = &e->start;
	enum err err = start_test(s, values, file);

	if (err != ERR_OK)
		return err;
	struct bearer *bearer =
	    bearer_open(s->config, s->state_dir, NULL, &s->diag);
	if (!bearer)
		return ERR_MISSING;
	report_tokens(e, bearer);
	bearer_close(bearer);
	return ERR_OK;
}

static enum err run(struct endpoint *e, const struct opt_result *found)
{
	static const struct process_rows rows = {.name = "lowtide-cgi",
	    .usage = usage,
	    .config = START_CONFIG,
	    .test = CGI_TEST,
	    .help = START_HELP,
	    .version = CGI_VERSION};
	const struct opt_value *values = found->values;
	enum err err;

	if (process_is_answered(&e->start, &rows, found, &err))
		return err;
	if (values[CGI_TEST].given)
		return test(e, values, process_test_file(found));
	err = set_up(e, values);
	return err == ERR_OK ? endpoint_serve(e) : err;
}

int main(int argc, char *argv[])
{
	struct endpoint e = {
	    .listen_fd = -1,
	    .bell_fd = -1,
	    .metrics_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-cgi"},
	};
	struct opt_result found;

	if (plain_is_asked())
		return plain_run();
	start_init(&e.start);
	enum err err = opt_parse(
	    &e.start.arena, options, argc, argv, &e.start.diag, &found);
	if (err == ERR_OK)
		err = run(&e, &found);
	endpoint_strip(&e.app);
	observe_close(&e);
	store_close(e.reads);
	int status = start_close(&e.start, err);
	reload_release(&e);
	return status;
}
