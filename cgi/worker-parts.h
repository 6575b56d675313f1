#ifndef LOWTIDE_CGI_WORKER_PARTS_H
#define LOWTIDE_CGI_WORKER_PARTS_H

#include "cgi/fetch.h"
#include "cgi/metrics-work.h"
#include "cgi/next.h"
#include "cgi/queues.h"
#include "cgi/runner.h"
#include "cgi/secrets.h"
#include "cgi/upstream/reads.h"
#include "cgi/upstream/switch.h"

/*
 * Inside lowtide-worker: what worker.c (options, and what is opened),
 * worker-loop.c (clocks, descriptors, signals), worker-reload.c (SIGHUP),
 * worker-check.c (what jobs will need) and worker-metrics.c share. Nobody else
 * includes this.
 */

/* The channels of the switch; two runners while one of them drains. */
enum { CHANNEL_FETCH, CHANNEL_RUNNER, CHANNEL_OTHER_RUNNER, CHANNEL_READS };

/* A runner, and all that it works by. */
struct shift {
	struct runner *runner; /* NULL: there is none */
	size_t channel;
	struct secrets *secrets;
	const struct config *config;
	struct next *next; /* who has it; NULL = the start */
};
struct worker {
	struct start start;
	struct log log;
	int64_t lease_ms, heartbeat_ms, pace_ms;
	int signal_fd, bell_fd, metrics_fd, state_fd;
	struct upstream_switch *calls;
	struct fetch *fetch;
	struct reads *reads;	     /* the switch's; NULL: no job is a read */
	const char *handlers, *work; /* folders: of programs, for them */
	unsigned signals;	     /* so many told it to stop */
	bool dev;
	struct shift shift;   /* takes jobs */
	struct shift leaving; /* ends those it has, since the last SIGHUP */
	struct next *next;    /* after SIGHUP, once .leaving has left */
	bool tended;	      /* the store, since the start */
	int64_t tend_boot;    /* it failed, and was said: not before */
	/* worker-metrics.c: */
	struct metrics_work *metrics; /* NULL: nobody asks for them */
	struct scrape *scrape;
	struct runner_now began, asked;
	struct queues queues;
};

/* ---- worker-loop.c ------------------------------------------------------- */

/*
 * Takes jobs by the configuration and the keys that there are, of which `next`
 * is to be dropped with it.
 */
void worker_begin(struct worker *w, struct next *next);
/* From there until it is told to end. */
enum err worker_run(struct worker *w) __attribute__((warn_unused_result));
/* Whatever uses the store, which is closed then; after that, the rest. */
void worker_release(struct worker *w);
void worker_drop(struct worker *w);

/* ---- worker-check.c ------------------------------------------------------ */

/* Whether it may do what the APIs ask for. */
enum err worker_check(const struct worker *w, const struct config *config,
    struct diag *diag) __attribute__((warn_unused_result));
bool worker_has_programs(const struct config *config);
/*
 * Warnings for what is missing on this machine: programs, secrets, files of
 * certificates. The jobs that need it fail by name, the others run.
 */
void worker_report(const struct worker *w, const struct config *config,
    struct secrets *secrets, struct diag *diag);
/* The same to stderr: warnings are for now, not for the end of a long run. */
void worker_report_now(const struct worker *w, const struct shift *shift);

/* ---- worker-reload.c ----------------------------------------------------- */

/*
 * SIGHUP. Other keys alone are taken at once. By another configuration jobs
 * are taken at once, too, while those that are under way end by the one they
 * began with; one that comes meanwhile waits until they have.
 */
void worker_hang_up(struct worker *w, struct runner_now now);
/* Those that were under way have ended, and so has what they began. */
bool worker_has_left(const struct worker *w);
void worker_left(struct worker *w, struct runner_now now);

/* ---- worker-metrics.c ---------------------------------------------------- */

/* Where .metrics_fd is there. */
enum err worker_observe(struct worker *w) __attribute__((warn_unused_result));
void worker_scraped(struct worker *w, struct runner_now now);
void worker_unobserve(struct worker *w);

#endif
