#ifndef LOWTIDE_CGI_RUNNER_H
#define LOWTIDE_CGI_RUNNER_H

#include "cgi/keys.h"
#include "cgi/log.h"
#include "cgi/store/store.h"
#include "cgi/upstream/upstream.h"

/*
 * The worker without a process: claim, call, finish (contract 7). Knows no
 * clock, no descriptor and no signal: time comes in with every step, and a
 * step says when the next one is due. So a test can drive it through crashes
 * and hours.
 *
 * One step does what there is to do, in this order:
 *   1. heartbeat: all leases in one transaction. Always first, so that a
 *      worker that slept too long learns that its jobs are another's before
 *      it writes anything.
 *   2. take what calls say of themselves and the answers that came; end the
 *      calls whose deadline passed: a program is asked to.
 *   3. one transaction: write what ended and what was said, bring home what
 *      nobody works on, claim what there is room for, an API after the other.
 *      In the steady state that is {finish N, claim N + 1, mark N + 1 sent}:
 *      one commit per job.
 *   4. start the calls claimed, now that the commit is durable; but if it took
 *      more than half a lease, at the next step, behind its heartbeat. Ask
 *      the upstreams that are polled.
 *
 * A step that comes more than half a lease after it was due shows that this
 * machine slept; a store that failed or was slow to give us our turn, that
 * nobody could write. Then others did and could not as well, and have a
 * heartbeat's time to renew their leases before any is taken for lost.
 *
 * When the store fails, nothing is forgotten: what ended is written at a later
 * step, leases are renewed before it, and nothing new is claimed until then.
 */
#define RUNNER_CALLS_MAX                                                       \
	256		       /* at once, all APIs together; a job that waits \
				  for its next poll is none */
#define RUNNER_RECOVER_MAX 100 /* rows brought home per API and step */
#define RUNNER_RECHECK_MS 1000 /* after the last ring (store.md 4) */
#define RUNNER_STORE_RETRY_MS 200
#define RUNNER_OUTRUN_MAX 6	/* who is always outrun stands aside 2^6 ms */
#define RUNNER_SLOW_TURN_MS 250 /* others may have missed theirs */
#define RUNNER_TELL_MS 1000 /* what a job says of itself, at most so often */
/* A program that was asked to end and is not gone by its stop_ms is left. */
#define RUNNER_STOP_SLACK_MS 2000
/*
 * A note in the store that a worker is alive: beside whatever is written, and
 * by itself where there is something to do and nothing to write. An idle worker
 * leaves none, because it does not wake.
 */
#define RUNNER_BEAT_MS 10000

struct secrets;
struct metrics_work;
struct runner_spec {
	const struct config *config;
	const struct keys *keys;
	struct store *store;
	const struct upstream_ops *upstream;
	void *pool;
	const struct log *log;	      /* NULL = silent */
	struct secrets *secrets;      /* NULL = none */
	struct metrics_work *metrics; /* NULL = nothing is counted */
	const char *handlers;	      /* folder of programs; NULL = none */
	int64_t lease_ms, heartbeat_ms;
	void (*random)(void *out, size_t n);
	/* CLOCK_BOOTTIME in ms, for how long a commit took; NULL = no time */
	int64_t (*clock_boot)(void);
};
struct runner_now {
	int64_t now_ms, now_boot;
};

struct runner;
/* The first step scans everything. The spec's pointers are borrowed. */
struct runner *runner_new(const struct runner_spec *spec);
/* Calls still running are aborted; their leases run out. NULL-safe. */
void runner_free(struct runner *runner);

/* A bell rang: scan now, and once more 1 s after the last ring. */
void runner_ring(struct runner *runner, struct runner_now now);
/*
 * No more claims; calls of which no byte left are given back, and so is what
 * only waits to be polled. Others end first.
 */
void runner_drain(struct runner *runner, struct runner_now now);
/* Something is called, or waits to be written. */
bool runner_is_busy(const struct runner *runner);
/*
 * *due_boot: when to step again even if neither a bell rings nor a call
 * moves; 0 = never.
 */
void runner_step(
    struct runner *runner, struct runner_now now, int64_t *due_boot);

#endif
