#ifndef LOWTIDE_CGI_STORE_TURNSTILE_H
#define LOWTIDE_CGI_STORE_TURNSTILE_H

#include <stdint.h>

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
 * A holder that was stopped, or hangs on a broken disk, holds up the others for
 * as long as they agreed to wait and no longer. Nobody gives up his place in
 *the kernel's queue before that.
 */
struct turnstile {
	int turn_fd, write_fd; /* -1 = closed */
};

/*
 * Makes the lock files when they are missing. Finding: `io-error`. Also gives
 * the process a handler for TURNSTILE_SIGNAL, which nobody else may use: it
 * interrupts a wait, in the thread that waits.
 */
#define TURNSTILE_SIGNAL (SIGRTMIN + 5)
enum err turnstile_open(const char *dir, struct diag *diag,
    struct turnstile *out) __attribute__((warn_unused_result));
void turnstile_close(struct turnstile *t);
/*
 * ERR_BUSY: it was not our turn within limit_ms (0 = it is not free at once).
 * ERR_IO: the file system has no locks to give.
 */
enum err turnstile_enter(struct turnstile *t, int64_t limit_ms)
    __attribute__((warn_unused_result));
void turnstile_leave(struct turnstile *t);

/*
 * Opens dir/name for reading and writing, made with mode 0660 when missing,
 * closed on exec. Shared with the other small files of a store.
 */
enum err turnstile_file(const char *dir, const char *name, struct diag *diag,
    int *fd) __attribute__((warn_unused_result));

#endif
