#ifndef LOWTIDE_GENERATOR_SUPERVISE_H
#define LOWTIDE_GENERATOR_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * The processes of `lowtide serve`: started, watched, started again when they
 * die, stopped by their ids. Each is the leader of a process group of its own,
 * so that Ctrl-C reaches serve alone, and dies with serve whatever happens to
 * it (PDEATHSIG). Nothing here knows what the processes do.
 */
#define SUPERVISE_MAX 32
#define SUPERVISE_RESTART_MS 100      /* doubling … */
#define SUPERVISE_RESTART_MAX_MS 5000 /* … up to this; afresh after a calm */
#define SUPERVISE_CALM_MS 10000
/* User and group of that name on Debian; the kernel's overflow id. */
#define SUPERVISE_NOBODY 65534

struct child {
	const char *name;
	const char *const *argv;  /* NULL ends; argv[0] is a path */
	const char *const *extra; /* "NAME=value" beside our own; may be NULL */
	const char *cwd;
	const char *log; /* stderr goes there (appended); NULL = ours */
	int stdin_fd;	 /* -1 = /dev/null */
	int stdout_fd;	 /* -1 = where stderr goes */
	bool as_nobody;	 /* drop to nobody; only when we are root */
	bool restart;	 /* start again when it ends */
	/* set by the functions below */
	pid_t pid; /* 0 = not running */
	int status;
	int64_t started_ms, restart_ms, delay_ms;
	int64_t renew_ms; /* told to end; killed from then on; 0 = not told */
	off_t log_from;	  /* where in the log its own words begin */
};

struct supervisor {
	struct child *children[SUPERVISE_MAX];
	size_t n;
	sigset_t before; /* what children get: our mask as it was */
	int signal_fd;	 /* SIGINT, SIGTERM, SIGHUP, SIGCHLD */
	int also_fd;	 /* readable: supervise_wait() returns; -1 = none */
	bool stop;	 /* one of the first three arrived */
};

/* Blocks the signals and opens the descriptor. */
enum err supervise_init(struct supervisor *s, struct diag *diag)
    __attribute__((warn_unused_result));
/* `cannot-start` names the program and the system's reason. */
enum err supervise_start(struct supervisor *s, struct child *child,
    struct diag *diag) __attribute__((warn_unused_result));
/*
 * Waits at most timeout_ms (-1: as long as it takes) for a signal; reaps,
 * restarts what is to be restarted (`child-died` as a warning, with the last
 * line of its log). ERR_CLOSED once `stop` is set.
 */
enum err supervise_wait(
    struct supervisor *s, int timeout_ms, struct diag *diag);
/*
 * Ends a child for a new one of its kind: SIGTERM, SIGKILL after grace_ms, both
 * while supervise_wait() goes on with the others. It is started again at once,
 * or not at all if `restart` is off by then; nothing is said of it.
 */
void supervise_renew(struct child *child, int grace_ms);
/*
 * Stops the children, the last started first: SIGTERM, and SIGKILL to those
 * that are still there after grace_ms or when a second signal arrives.
 */
void supervise_stop(struct supervisor *s, int grace_ms);
/*
 * Of what a child has put into its log since it was started, for whoever wants
 * to know why it died: the last line that says so (not of a stack, nor node's
 * version), or the last one.
 */
struct str supervise_last_words(struct arena *a, const struct child *c);
/* In a child that root has just forked: for good. */
bool supervise_become_nobody(void) __attribute__((warn_unused_result));
void supervise_release(struct supervisor *s);

#endif
