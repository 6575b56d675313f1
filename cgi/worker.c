#include "cgi/worker-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgi/listen.h"
#include "cgi/process.h"
#include "cgi/upstream/exec.h"
#include "cgi/user.h"
#include "lib/clock.h"

/*
 * lowtide-worker: does what the endpoint accepted. This file is the beginning:
 * options, what is opened in which order, what is looked at before. What runs
 * then is worker-loop.c; the work is runner.c.
 */
#define LEASE_MS 20000
#define HEARTBEAT_MS 5000
#define TURN_WAIT_MIN_MS 100 /* a checkpoint may take as long */

enum {
	WORKER_USER = START_COUNT,
	WORKER_METRICS,
	WORKER_LOG_LEVEL,
	WORKER_DEV,
	WORKER_LEASE,
	WORKER_HEARTBEAT,
	WORKER_KEY_PACE,
	WORKER_TEST,
	WORKER_VERSION,
};
static const struct opt options[] = {
    START_OPTIONS,
    PROCESS_USER("become this user"),
    PROCESS_METRICS,
    PROCESS_LOG_LEVEL(
	"error, info (also what happens to jobs; left out) or debug"),
    {.name = "dev",
	.kind = OPT_FLAG,
	.help = "allow noop = true and the options below; for tests and "
		"`lowtide serve`"},
    {.name = "lease",
	.kind = OPT_DURATION,
	.arg = "TIME",
	.help = "a claim's lease (20s); only with --dev"},
    {.name = "heartbeat",
	.kind = OPT_DURATION,
	.arg = "TIME",
	.help = "how often it is renewed (5s); only with --dev"},
    {.name = "key-pace",
	.kind = OPT_DURATION,
	.arg = "TIME",
	.help = "between two fetches of a key set in which keys are missed "
		"(5m); only with --dev"},
    PROCESS_TEST("check configuration (or FILE), keys and store, then exit"),
    PROCESS_VERSION,
    {.name = NULL},
};

static enum err read_options(struct worker *w, const struct opt_value *v)
{
	struct diag *diag = &w->start.diag;

	w->dev = v[WORKER_DEV].given;
	w->lease_ms = v[WORKER_LEASE].given ? v[WORKER_LEASE].number : LEASE_MS;
	w->heartbeat_ms = v[WORKER_HEARTBEAT].given ? v[WORKER_HEARTBEAT].number
						    : HEARTBEAT_MS;
	w->pace_ms = v[WORKER_KEY_PACE].number; /* 0 = as it is */
	if (v[WORKER_LOG_LEVEL].given)
		(void)log_level_read(v[WORKER_LOG_LEVEL].string, &w->log.level);
	if ((v[WORKER_LEASE].given || v[WORKER_HEARTBEAT].given ||
		v[WORKER_KEY_PACE].given) &&
	    !v[WORKER_DEV].given) {
		diag_error(diag, POS_NONE, "dev-only",
		    "--lease, --heartbeat and --key-pace are for tests; leave "
		    "them out, or say --dev");
		return ERR_USAGE;
	}
	if (w->heartbeat_ms < 1 || w->lease_ms < 2 * w->heartbeat_ms) {
		diag_error(diag, POS_NONE, "bad-value",
		    "a lease of %lld ms is not twice a heartbeat of %lld ms; "
		    "make the lease longer",
		    (long long)w->lease_ms, (long long)w->heartbeat_ms);
		return ERR_USAGE;
	}
	return ERR_OK;
}

/*
 * A quarter of a lease at most, so that there is time for another try, and for
 * the signals, calls and answers in between.
 */
static int64_t turn_wait_ms(int64_t lease_ms)
{
	int64_t wait = lease_ms / 4;

	if (wait < TURN_WAIT_MIN_MS)
		wait = TURN_WAIT_MIN_MS;
	return wait < STORE_TURN_WAIT_MS ? wait : STORE_TURN_WAIT_MS;
}

/*
 * Once the store is open: before, there is nothing to drain, and a signal ends
 * us as it ends any program, even while we wait for the store's turn. And
 * before anything that may start a thread: they inherit the mask.
 */
static enum err catch_signals(struct worker *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signal_fd >= 0)
		return ERR_OK;
	diag_error(&w->start.diag, POS_NONE, "io-error",
	    "signals cannot be taken: %s; see `ulimit -n`", strerror(errno));
	return ERR_IO;
}

/* ---- setting up ---------------------------------------------------------- */

static enum err open_calls(struct worker *w)
{
	const struct switch_spec spec = {.work = w->work, .log = &w->log};
	enum err err = switch_open(&spec, &w->calls);

	if (err == ERR_IO)
		diag_error(&w->start.diag, POS_NONE, "io-error",
		    "calls cannot be made: %s; see `ulimit -n`",
		    strerror(errno));
	else if (err != ERR_OK)
		diag_error(&w->start.diag, POS_NONE, "curl-missing",
		    "libcurl cannot be used; reinstall the package libcurl4");
	return err;
}

static enum err open_state(struct worker *w)
{
	struct start *s = &w->start;

	w->state_fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->state_fd >= 0)
		return ERR_OK;
	diag_error(&s->diag, POS_FILE(s->state_dir), "io-error",
	    "this folder cannot be opened: %s", strerror(errno));
	return ERR_IO;
}

/*
 * Handlers are beside the configuration that names them, and get their folders
 * in the store's.
 */
static void find_folders(struct worker *w)
{
	struct arena *a = &w->start.arena;
	const char *path = w->start.config_path, *slash = strrchr(path, '/');
	char *here = *path == '/' ? NULL : get_current_dir_name();

	w->handlers = arena_printf(a, "%s%s%.*shandlers", here ? here : "",
	    here ? "/" : "", slash ? (int)(slash - path + 1) : 0, path)
			  .p;
	w->work = arena_printf(a, "%s/work", w->start.state_dir).p;
	free(here);
}

static enum err open_metrics(struct worker *w, const struct opt_value *option)
{
	struct diag *diag = &w->start.diag;
	enum err err = option->given ? listen_open(LISTEN_METRICS,
					   option->string, diag, &w->metrics_fd)
				     : listen_inherited(LISTEN_METRICS, diag,
					   &w->metrics_fd);

	return err == ERR_OK ? worker_observe(w) : err;
}

static enum err watch_bell(struct worker *w)
{
	enum err err = store_watch(w->start.store, BELL_ACCEPTED, &w->bell_fd);

	if (err != ERR_OK)
		diag_error(&w->start.diag, POS_FILE(w->start.state_dir),
		    "io-error",
		    "the bells cannot be watched; see "
		    "fs.inotify.max_user_instances and `ulimit -n`");
	return err;
}

static enum err set_up(struct worker *w, const struct opt_value *values)
{
	find_folders(w);
	enum err err = open_state(w);
	if (err == ERR_OK)
		err = open_calls(w);
	if (err == ERR_OK)
		err = watch_bell(w);
	if (err == ERR_OK)
		err = open_metrics(w, &values[WORKER_METRICS]);
	if (err != ERR_OK)
		return err;
	worker_begin(w, NULL);
	worker_report_now(w, &w->shift);
	process_warn_of_root(&w->log,
	    "nothing here needs it, and programs are run; start it as a user "
	    "of its own, or say --user NAME");
	return ERR_OK;
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
	puts("usage: lowtide-worker [--config FILE] [--state DIR] "
	     "[--keys FILE]\n"
	     "                      [--user NAME] [--metrics ADDRESS] "
	     "[--log-level LEVEL]\n"
	     "       lowtide-worker --test [FILE]\n\n"
	     "Takes what lowtide-cgi accepted, calls the upstreams, keeps "
	     "their answers.\n");
	opt_help(options, stdout);
}

static enum err test(
    struct worker *w, const struct opt_value *values, const char *file)
{
	struct start *s = &w->start;
	enum err err = read_options(w, values);

	if (err == ERR_OK)
		err = start_test(s, values, file);
	if (err == ERR_OK)
		err = worker_check(w, s->config, &s->diag);
	if (err != ERR_OK)
		return err;
	find_folders(w);
	err = open_calls(w);
	if (err != ERR_OK)
		return err;
	struct secrets *secrets = secrets_new(s->config);
	worker_report(w, s->config, secrets, &s->diag);
	secrets_free(secrets);
	return ERR_OK;
}

/*
 * As another user the store is made and the keys are read, so that he can do it
 * again later.
 */
static enum err open_files(struct worker *w, const struct opt_value *values)
{
	struct start *s = &w->start;
	const struct store_spec how = {
	    .role = STORE_WRITES, .turn_wait_ms = turn_wait_ms(w->lease_ms)};
	enum err err = start_config_options(s, values);

	if (err == ERR_OK && values[WORKER_USER].given) {
		err = user_become(values[WORKER_USER].string, -1, &s->diag);
		if (err != ERR_OK)
			return err;
	}
	enum err keys_err = start_keys(s);
	if (err == ERR_OK)
		err = keys_err;
	return err == ERR_OK ? start_store(s, &how, &s->store) : err;
}

static enum err work(struct worker *w, const struct opt_value *values)
{
	enum err err = read_options(w, values);

	process_settle_signals();
	if (err == ERR_OK)
		err = open_files(w, values);
	if (err == ERR_OK)
		err = worker_check(w, w->start.config, &w->start.diag);
	if (err == ERR_OK)
		err = catch_signals(w);
	if (err == ERR_OK)
		err = set_up(w, values);
	return err == ERR_OK ? worker_run(w) : err;
}

static enum err run(struct worker *w, const struct opt_result *found)
{
	static const struct process_rows rows = {.name = "lowtide-worker",
	    .usage = usage,
	    .config = START_CONFIG,
	    .test = WORKER_TEST,
	    .help = START_HELP,
	    .version = WORKER_VERSION};
	enum err err;

	if (process_is_answered(&w->start, &rows, found, &err))
		return err;
	if (found->values[WORKER_TEST].given)
		return test(w, found->values, process_test_file(found));
	return work(w, found->values);
}

int main(int argc, char *argv[])
{
	struct worker w = {.signal_fd = -1,
	    .bell_fd = -1,
	    .metrics_fd = -1,
	    .state_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-worker"}};
	struct opt_result found;

	if (argc > 1 && strcmp(argv[1], EXEC_MINDER) == 0)
		return exec_mind(argc, argv);
	start_init(&w.start);
	enum err err = opt_parse(
	    &w.start.arena, options, argc, argv, &w.start.diag, &found);
	if (err == ERR_OK)
		err = run(&w, &found);
	worker_release(&w);
	int status = start_close(&w.start, err);
	worker_drop(&w);
	return status;
}
