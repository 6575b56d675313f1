#ifndef LOWTIDE_CGI_UPSTREAM_EXEC_H
#define LOWTIDE_CGI_UPSTREAM_EXEC_H

#include "cgi/log.h"
#include "cgi/upstream/upstream.h"

/*
 * Programs as upstreams (struct upstream_exec), behind struct upstream_ops.
 * Each runs under a minder, a process of ours that does nothing else: it is
 * this program started again (EXEC_MINDER as its first argument), so it holds
 * no key and no descriptor of the worker's. The minder makes the folder, sets
 * the limits, starts the program in a group of its own, passes a stop on, and
 * when the program has ended, or the worker died (its pipe closes), ends
 * whatever is left of it: every descendant, also those that left the group.
 */
#define EXEC_MINDER "--run-handler"
#define EXEC_PROGRESS_FD 3

struct exec_spec {
	const char *work;
	const struct log *log;
};
/* upstream_exec.open() has no specification; use this. */
enum err exec_open(const struct exec_spec *spec, void **pool)
    __attribute__((warn_unused_result));
/*
 * Readable when a call moves or a time is over, and until moved() and next()
 * have both given out what there is; owned by the pool.
 */
int exec_fd(const void *pool);
/* main() of the minder: argv as exec.c made it. Never returns to a worker. */
int exec_mind(int argc, char *argv[]);

#endif
