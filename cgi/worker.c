#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgi/worker-parts.h"
#include "cgi/tended.h"
#include "lib/clock.h"
#include "lib/version.h"

/*
 * lowtide-worker: does what the endpoint accepted. This file is the rim, where
 * clocks, signals and descriptors are; the work is runner.c.
 *
 * It sleeps in one place. Four things wake it: the bell `accepted`, a signal,
 * a call that moves, and the time that the last step or the store's
 * housekeeping named. With nothing queued, nothing running and nothing to
 * expire there is no such time, and it sleeps until it is called.
 */
#define LEASE_MS 20000
#define HEARTBEAT_MS 5000
#define TEND_RETRY_MS 10000
#define TURN_WAIT_MIN_MS 100 /* a checkpoint may take as long */

enum {
	WORKER_DEV = START_COUNT,
	WORKER_LEASE,
	WORKER_HEARTBEAT,
	WORKER_TEST,
	WORKER_VERSION,
};
static const struct opt options[] = {
    START_OPTIONS,
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
    {.name = "test",
	.letter = 't',
	.kind = OPT_FLAG,
	.help = "check configuration (or FILE), keys and store, then exit"},
    {.name = "version", .kind = OPT_FLAG, .help = "show the version"},
    {.name = NULL},
};

static struct runner_now now(void)
{
	return (struct runner_now){
	    .now_ms = clock_wall_ms(), .now_boot = clock_boot_ms()};
}

static int64_t boot_ms(void)
{
	return now().now_boot;
}

static void random_bytes(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0)
			continue; /* EINTR, early in boot */
		p += got;
		n -= (size_t)got;
	}
}

static enum err read_options(struct worker *w, const struct opt_value *v)
{
	struct diag *diag = &w->start.diag;

	w->dev = v[WORKER_DEV].given;
	w->lease_ms = v[WORKER_LEASE].given ? v[WORKER_LEASE].number : LEASE_MS;
	w->heartbeat_ms = v[WORKER_HEARTBEAT].given ? v[WORKER_HEARTBEAT].number
						    : HEARTBEAT_MS;
	if ((v[WORKER_LEASE].given || v[WORKER_HEARTBEAT].given) &&
	    !v[WORKER_DEV].given) {
		diag_error(diag, POS_NONE, "dev-only",
		    "--lease and --heartbeat are for tests; leave them out, or "
		    "say --dev");
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

void worker_begin(struct worker *w)
{
	struct runner_spec spec = {.config = w->start.config,
	    .keys = &w->start.keys,
	    .store = w->start.store,
	    .upstream = &upstream_curl,
	    .pool = w->pool,
	    .log = &w->log,
	    .lease_ms = w->lease_ms,
	    .heartbeat_ms = w->heartbeat_ms,
	    .random = random_bytes,
	    .clock_boot = boot_ms};
	w->runner = runner_new(&spec);
}

static enum err open_upstream(struct worker *w)
{
	enum err err = upstream_curl.open(&w->pool);

	if (err != ERR_OK)
		diag_error(&w->start.diag, POS_NONE, "curl-missing",
		    "libcurl cannot be used; reinstall the package libcurl4");
	return err;
}

static enum err set_up(struct worker *w)
{
	enum err err = open_upstream(w);

	if (err != ERR_OK)
		return err;
	err = store_watch(w->start.store, BELL_ACCEPTED, &w->bell_fd);
	if (err != ERR_OK) {
		diag_error(&w->start.diag, POS_FILE(w->start.state_dir),
		    "io-error",
		    "the bells cannot be watched; see "
		    "fs.inotify.max_user_instances and `ulimit -n`");
		return err;
	}
	worker_begin(w);
	return ERR_OK;
}

static void stop(struct worker *w, int signal_number)
{
	if (w->signals++)
		return;
	LOG(&w->log, now().now_ms, "worker-drains",
	    LOG_INT("signal", (int64_t)signal_number));
	runner_drain(w->runner, now());
}

static void on_signal(struct worker *w)
{
	struct signalfd_siginfo info;

	while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			stop(w, (int)info.ssi_signo);
		else if (!w->signals)
			worker_hang_up(w, now());
	}
}

/* ---- housekeeping -------------------------------------------------------- */

/* When again. */
static int64_t tend_now(struct worker *w, struct runner_now at)
{
	const struct store_now when = {.ms = at.now_ms, .boot = at.now_boot};
	struct store_tended report = {0};
	int64_t due_boot = 0;
	enum err err = store_tend(w->start.store, when, &report, &due_boot);

	if (err != ERR_OK && !w->tend_boot)
		LOG(&w->log, at.now_ms, "housekeeping-failed",
		    LOG_TEXT("error", err_name(err)));
	w->tend_boot = err != ERR_OK ? now().now_boot + TEND_RETRY_MS : 0;
	w->tended = true;
	tended_log(&w->log, at.now_ms, &report);
	return err != ERR_OK ? w->tend_boot : due_boot;
}

/*
 * Keeps house when no step is due: expiry, erasure, the log. It has its own
 * transactions and waits for their turns, so not while work waits, and not on
 * the way out.
 */
static int64_t tend(struct worker *w, int64_t due_boot)
{
	struct runner_now at = now();
	int64_t tend_boot = store_due_boot(w->start.store);

	if (w->signals || (due_boot && due_boot <= at.now_boot))
		return due_boot;
	if (tend_boot && tend_boot < w->tend_boot)
		tend_boot = w->tend_boot;
	if (!w->tended || (tend_boot && tend_boot <= at.now_boot))
		tend_boot = tend_now(w, at);
	if (due_boot && (!tend_boot || due_boot < tend_boot))
		return due_boot;
	return tend_boot;
}

static enum err sleep_until(struct worker *w, int64_t due_boot)
{
	int64_t timeout_ms = -1;
	int fds[] = {w->signal_fd, w->bell_fd};
	bool readable[2] = {false, false};

	if (due_boot) {
		timeout_ms = due_boot - now().now_boot;
		if (timeout_ms < 0)
			timeout_ms = 0;
	}
	enum err err = upstream_curl.wait(
	    w->pool, fds, w->bell_fd < 0 ? 1 : 2, readable, timeout_ms);
	if (err != ERR_OK)
		return err;
	if (readable[0])
		on_signal(w);
	if (readable[1] && store_heard(w->start.store, w->bell_fd))
		runner_ring(w->runner, now());
	return ERR_OK;
}

/* Until told to stop and done; told twice, at once. */
static enum err run(struct worker *w)
{
	enum err err = ERR_OK;
	int64_t due_boot;

	LOG(&w->log, now().now_ms, "worker-started",
	    LOG_STR("site", w->start.config->name),
	    LOG_INT("leaseMs", w->lease_ms),
	    LOG_INT("heartbeatMs", w->heartbeat_ms));
	while (err == ERR_OK) {
		runner_step(w->runner, now(), &due_boot);
		if (w->signals > 1 ||
		    (w->signals && !runner_is_busy(w->runner)))
			break;
		if (w->next && !w->signals && !runner_is_busy(w->runner)) {
			worker_take_next(w, now());
			continue;
		}
		err = sleep_until(w, tend(w, due_boot));
	}
	LOG(&w->log, now().now_ms, "worker-stopped",
	    LOG_TEXT("error", err ? err_name(err) : ""));
	return err;
}

static void usage(void)
{
	puts("usage: lowtide-worker [--config FILE] [--state DIR] "
	     "[--keys FILE]\n"
	     "       lowtide-worker --test [FILE]\n\n"
	     "Takes what lowtide-cgi accepted, calls the upstreams, keeps "
	     "their answers.\n");
	opt_help(options, stdout);
}

/* What comes before it can be taken waits until it can. */
static void hold_hangup(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static enum err test(
    struct worker *w, const struct opt_value *values, const char *file)
{
	enum err err = read_options(w, values);

	if (err == ERR_OK)
		err = start_test(&w->start, values, file);
	if (err == ERR_OK)
		err = worker_check(w, w->start.config, &w->start.diag);
	if (err == ERR_OK)
		err = open_upstream(w);
	upstream_curl.close(w->pool);
	return err;
}

static enum err work(struct worker *w, const struct opt_value *values)
{
	enum err err = read_options(w, values);

	signal(SIGPIPE, SIG_IGN);
	hold_hangup();
	w->start.turn_wait_ms = turn_wait_ms(w->lease_ms);
	if (err == ERR_OK)
		err = start_open(&w->start, values, STORE_WRITES);
	if (err == ERR_OK)
		err = worker_check(w, w->start.config, &w->start.diag);
	if (err == ERR_OK)
		err = catch_signals(w);
	if (err == ERR_OK)
		err = set_up(w);
	if (err == ERR_OK)
		err = run(w);
	runner_free(w->runner);
	upstream_curl.close(w->pool);
	return err;
}

int main(int argc, char *argv[])
{
	struct worker w = {.signal_fd = -1,
	    .bell_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-worker"}};
	struct opt_result found;

	start_init(&w.start);
	enum err err = opt_parse(
	    &w.start.arena, options, argc, argv, &w.start.diag, &found);
	if (err != ERR_OK) {
		/* said already */
	} else if (found.values[START_HELP].given) {
		usage();
	} else if (found.values[WORKER_VERSION].given) {
		puts("lowtide-worker " LOWTIDE_VERSION);
	} else if (found.n_operands > (found.values[WORKER_TEST].given &&
					  !found.values[START_CONFIG].given)) {
		diag_error(&w.start.diag, POS_NONE, "unexpected-operand",
		    "`%s` is not expected; see --help", found.operands[0]);
		err = ERR_USAGE;
	} else if (found.values[WORKER_TEST].given) {
		err = test(&w, found.values,
		    found.n_operands ? found.operands[0] : NULL);
	} else {
		err = work(&w, found.values);
	}
	int status = start_close(&w.start, err);
	next_drop(w.current);
	next_drop(w.next);
	return status;
}
