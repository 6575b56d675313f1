#ifndef LOWTIDE_CGI_STORE_TURNSTILE_H
#define LOWTIDE_CGI_STORE_TURNSTILE_H

#include "lib/diag.h"
#include "lib/err.h"

/*
 * Where writers of all processes queue (store.md 1): two lock files beside
 * the database.
 *
 *	enter:  flock(turn.lock)  flock(write.lock)  unlock(turn.lock)
 *	leave:  unlock(write.lock)
 *
 * Whoever writes gives up his place in the queue while he writes, so one who
 * comes back at once finds the next in line holding turn.lock and waits behind
 * him. SQLite's own lock has no such queue: there a busy writer starved every
 * other one completely.
 *
 * Between enter and leave the holder excludes every other write transaction
 * and every checkpoint. The locks go with the process, however it ends. Two
 * turnstiles of one folder are two places in the queue even in one thread, so
 * a thread that entered one must not enter another.
 *
 * The wait has no limit here: whoever must not wait hands his writing to a
 * thread that may.
 */
struct turnstile {
	int turn_fd, write_fd; /* -1 = closed */
};

/* Makes the lock files when they are missing. Finding: `io-error`. */
enum err turnstile_open(const char *dir, struct diag *diag,
    struct turnstile *out) __attribute__((warn_unused_result));
void turnstile_close(struct turnstile *t);
/* ERR_IO when the file system has no locks to give. */
enum err turnstile_enter(struct turnstile *t)
    __attribute__((warn_unused_result));
void turnstile_leave(struct turnstile *t);

/*
 * Opens dir/name for reading and writing, made with mode 0660 when missing,
 * closed on exec. Shared with the other small files of a store.
 */
enum err turnstile_file(const char *dir, const char *name, struct diag *diag,
    int *fd) __attribute__((warn_unused_result));

#endif
