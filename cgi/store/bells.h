#ifndef LOWTIDE_CGI_STORE_BELLS_H
#define LOWTIDE_CGI_STORE_BELLS_H

#include <stddef.h>

#include "cgi/store/store.h"

/*
 * The two doorbells between processes (store.md 4): accepted.bell and
 * settled.bell, a byte each, beside the database. Ringing is a pwrite() of
 * that byte; listening is an inotify watch on the file. (A watch on the
 * write-ahead log wakes its listener before the commit can be seen.)
 */
#define BELLS_COUNT 2
#define BELLS_WATCHES_MAX 8 /* per handle */

struct bells {
	const char *dir;     /* the caller's */
	int fd[BELLS_COUNT]; /* for ringing; -1 = closed */
	struct bells_watch {
		int fd, wd[BELLS_COUNT];
	} watches[BELLS_WATCHES_MAX];
	size_t n_watches;
};

/* `dir` must outlive it. Finding: `io-error`. */
enum err bells_open(const char *dir, struct diag *diag, struct bells *out)
    __attribute__((warn_unused_result));
void bells_close(struct bells *bells); /* the watches' descriptors as well */
/*
 * `which`: bits of enum bell. A ring that fails is lost silently: the commit
 * it announces stands, and listeners scan on other occasions too.
 */
void bells_ring(struct bells *bells, unsigned which);
/* A non-blocking descriptor, readable once one of them rang; never closed by
 * the caller. ERR_FULL beyond BELLS_WATCHES_MAX. */
enum err bells_watch(struct bells *bells, unsigned which, int *fd)
    __attribute__((warn_unused_result));
/* Empties it: what rang. A queue that overflowed counts as every bell. */
unsigned bells_heard(struct bells *bells, int fd);

#endif
