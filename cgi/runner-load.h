#ifndef LOWTIDE_CGI_RUNNER_LOAD_H
#define LOWTIDE_CGI_RUNNER_LOAD_H

#include "cgi/runner.h"

/* What a runner has in hand, for whoever tells of it or waits for its end. */
struct runner_load {
	size_t calls; /* under way: to upstreams, and programs */
	/*
	 * At the latest they are over then, by their time-outs and by their
	 * jobs' deadlines; 0 = none is under way, or one has no bound.
	 */
	int64_t until_boot;
};
struct runner_load runner_load(
    const struct runner *runner, struct runner_now now); /* NULL-safe */

#endif
