#include "cgi/worker-parts.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/runner-load.h"
#include "cgi/scrape.h"
#include "cgi/tended.h"
#include "lib/clock.h"
#include "lib/random.h"

/*
 * The rim of a worker that runs, where clocks, signals and descriptors are.
 *
 * It sleeps in one place. Five things wake it: the bell `accepted`, a signal,
 * a call that moves, whoever asks for metrics, and the time that the last step,
 * a key set or the store's housekeeping named. With nothing queued, nothing
 * running and nothing to expire there is no such time, and it sleeps until it
 * is called.
 */
#define TEND_RETRY_MS 10000

static struct runner_now now(void)
{
	return (struct runner_now){
	    .now_ms = clock_wall_ms(), .now_boot = clock_boot_ms()};
}

static int64_t boot_ms(void)
{
	return now().now_boot;
}

/* ---- shifts -------------------------------------------------------------- */

/* The other one may be in use still. */
static size_t free_channel(const struct worker *w)
{
	return w->leaving.runner && w->leaving.channel == CHANNEL_RUNNER
		   ? CHANNEL_OTHER_RUNNER
		   : CHANNEL_RUNNER;
}

static void begin_fetching(struct worker *w)
{
	const struct fetch_spec spec = {.config = w->start.config,
	    .store = w->start.store,
	    .dir = w->state_fd,
	    .upstream = &upstream_channel,
	    .pool = switch_channel(w->calls, CHANNEL_FETCH),
	    .log = &w->log,
	    .metrics = w->metrics,
	    .pace_ms = w->pace_ms};

	fetch_free(w->fetch);
	w->fetch = fetch_new(&spec);
}

/*
 * Reads that became jobs. What they call goes out as all calls do, through a
 * channel of their own.
 */
static void begin_reading(struct worker *w, struct secrets *secrets)
{
	const struct config *config = w->start.config;
	const struct reads_spec spec = {.config = config,
	    .secrets = secrets,
	    .log = &w->log,
	    .upstream = &upstream_channel,
	    .pool = switch_channel(w->calls, CHANNEL_READS)};

	if (w->reads) {
		reads_refit(w->reads, config, secrets);
	} else if (config->n_reads) {
		w->reads = reads_open(&spec);
		const struct switch_reads lent = {.ops = &upstream_reads,
		    .pool = w->reads,
		    .due_boot = reads_due_boot};
		switch_lend(w->calls, &lent);
	}
}

void worker_begin(struct worker *w, struct next *next)
{
	struct shift shift = {.channel = free_channel(w),
	    .config = w->start.config,
	    .secrets = secrets_new(w->start.config),
	    .next = next};
	const struct runner_spec spec = {.config = w->start.config,
	    .keys = &w->start.keys,
	    .store = w->start.store,
	    .upstream = &upstream_channel,
	    .pool = switch_channel(w->calls, shift.channel),
	    .log = &w->log,
	    .secrets = shift.secrets,
	    .metrics = w->metrics,
	    .handlers = w->handlers,
	    .lease_ms = w->lease_ms,
	    .heartbeat_ms = w->heartbeat_ms,
	    .random = random_bytes,
	    .clock_boot = boot_ms};

	if (worker_has_programs(w->start.config))
		(void)mkdir(w->work, 0700); /* worker_report() looks */
	metrics_work_fit(w->metrics, w->start.config->n_apis);
	begin_reading(w, shift.secrets);
	shift.runner = runner_new(&spec);
	w->shift = shift;
	begin_fetching(w);
}

static bool is_busy(const struct worker *w)
{
	return runner_is_busy(w->shift.runner) || w->leaving.runner;
}

/* ---- signals ------------------------------------------------------------- */

/* How many calls it waits for, and at most how long. */
static void say_drains(struct worker *w, int signal_number)
{
	const struct runner_now at = now();
	const struct runner_load here = runner_load(w->shift.runner, at),
				 there = runner_load(w->leaving.runner, at);
	const int64_t until = here.until_boot > there.until_boot
				  ? here.until_boot
				  : there.until_boot;
	const int64_t waits = (int64_t)(here.calls + there.calls);

	LOG(&w->log, at.now_ms, "worker-drains",
	    LOG_INT("signal", (int64_t)signal_number), LOG_INT("calls", waits),
	    LOG_INT("atMostMs", until > at.now_boot ? until - at.now_boot : 0));
}

static void stop(struct worker *w, int signal_number)
{
	if (w->signals++)
		return;
	runner_drain(w->shift.runner, now());
	say_drains(w, signal_number);
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

/* ---- the loop ------------------------------------------------------------ */

enum { FD_SIGNAL, FD_BELL, FD_SCRAPE, FDS };

static void rung(struct worker *w)
{
	if (!store_heard(w->start.store, w->bell_fd))
		return;
	runner_ring(w->shift.runner, now());
	fetch_ring(w->fetch, now());
}

static enum err sleep_until(struct worker *w, int64_t due_boot)
{
	int64_t timeout_ms = -1;
	const int all[FDS] = {[FD_SIGNAL] = w->signal_fd,
	    [FD_BELL] = w->bell_fd,
	    [FD_SCRAPE] = w->scrape ? scrape_fd(w->scrape) : -1};
	int fds[FDS], which[FDS];
	bool readable[FDS] = {false};
	size_t n = 0;

	for (int i = 0; i < FDS; i++)
		if (all[i] >= 0) {
			which[n] = i;
			fds[n++] = all[i];
		}
	if (due_boot) {
		timeout_ms = due_boot - now().now_boot;
		if (timeout_ms < 0)
			timeout_ms = 0;
	}
	enum err err =
	    upstream_channel.wait(switch_channel(w->calls, CHANNEL_RUNNER), fds,
		n, readable, timeout_ms);
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		if (!readable[i])
			continue;
		if (which[i] == FD_SIGNAL)
			on_signal(w);
		else if (which[i] == FD_BELL)
			rung(w);
		else
			worker_scraped(w, now());
	}
	return err;
}

static void sooner(int64_t *due, int64_t when)
{
	if (when && (!*due || when < *due))
		*due = when;
}

/* All there is to do now; when again, but for housekeeping. */
static int64_t step(struct worker *w)
{
	int64_t due_boot, due;

	runner_step(w->shift.runner, now(), &due_boot);
	if (w->leaving.runner) {
		runner_step(w->leaving.runner, now(), &due);
		sooner(&due_boot, due);
	}
	if (!w->signals) {
		fetch_step(w->fetch, now(), &due);
		sooner(&due_boot, due);
	}
	return due_boot;
}

/* Until told to stop and done; told twice, at once. */
enum err worker_run(struct worker *w)
{
	enum err err = ERR_OK;

	w->began = now();
	LOG(&w->log, now().now_ms, "worker-started",
	    LOG_STR("site", w->start.config->name),
	    LOG_INT("leaseMs", w->lease_ms),
	    LOG_INT("heartbeatMs", w->heartbeat_ms));
	while (err == ERR_OK) {
		const int64_t due_boot = step(w);
		if (worker_has_left(w)) {
			worker_left(w, now());
			continue;
		}
		if (w->signals > 1 || (w->signals && !is_busy(w)))
			break;
		err = sleep_until(w, tend(w, due_boot));
	}
	LOG(&w->log, now().now_ms, "worker-stopped",
	    LOG_TEXT("error", err ? err_name(err) : ""),
	    LOG_INT("calls",
		(int64_t)(runner_load(w->shift.runner, now()).calls +
			  runner_load(w->leaving.runner, now()).calls)));
	return err;
}

/* ---- its end ------------------------------------------------------------- */

static void release_shift(struct shift *shift)
{
	runner_free(shift->runner);
	secrets_free(shift->secrets);
	shift->runner = NULL;
	shift->secrets = NULL;
}

void worker_release(struct worker *w)
{
	fetch_free(w->fetch);
	release_shift(&w->shift);
	release_shift(&w->leaving);
	switch_close(w->calls);
	worker_unobserve(w);
}

void worker_drop(struct worker *w)
{
	next_drop(w->shift.next);
	next_drop(w->leaving.next);
	next_drop(w->next);
}
