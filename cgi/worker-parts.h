#ifndef LOWTIDE_CGI_WORKER_PARTS_H
#define LOWTIDE_CGI_WORKER_PARTS_H

#include "cgi/next.h"
#include "cgi/runner.h"

/*
 * Inside lowtide-worker: what worker.c (options, clocks, descriptors) and
 * worker-reload.c (SIGHUP) share. Nobody else includes this.
 */
struct worker {
	struct start start;
	struct log log;
	int64_t lease_ms, heartbeat_ms;
	int signal_fd, bell_fd;
	void *pool;
	struct runner *runner;
	unsigned signals; /* so many told it to stop */
	bool dev;
	/* after SIGHUP: what it goes on with once nothing is under way, and
	   what it works by since the last one; NULL = the start's */
	struct next *next, *current;
	bool tended;	   /* the store, since the start */
	int64_t tend_boot; /* it failed, and was said: not before */
};

/* A runner for the configuration and the keys that there are. */
void worker_begin(struct worker *w);

/* Whether it may do what the APIs ask for; worker-reload.c. */
enum err worker_check(const struct worker *w, const struct config *config,
    struct diag *diag) __attribute__((warn_unused_result));
/*
 * SIGHUP. Other keys alone are taken at once. Another configuration is w->next,
 * and nothing new is begun, until nothing is under way any more: then
 * worker_take_next().
 */
void worker_hang_up(struct worker *w, struct runner_now now);
void worker_take_next(struct worker *w, struct runner_now now);

#endif
