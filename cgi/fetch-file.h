#ifndef LOWTIDE_CGI_FETCH_FILE_H
#define LOWTIDE_CGI_FETCH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/err.h"

/*
 * A provider's key set as a file, for those who fetch it: several workers of
 * one store, which know of each other by two files alone.
 *
 *	jwks/NAME.json	the set; its time is when it was fetched
 *	jwks/NAME.try	its time is when it was last tried to; in it, in
 *			decimal, how many tries in a row brought nothing,
 *			counting the one that may be under way
 *
 * Both times are set to what the caller says it is. The set is replaced by
 * rename, in one piece and on the disk.
 */
#define FETCH_FOLDER_MODE 0750
#define FETCH_FILE_MODE 0640

struct fetch_file {
	int dir;	  /* STATE; the caller's */
	const char *path; /* "jwks/NAME.json", as jwks_file_init() has it */
};
struct fetch_state {
	bool there;	    /* the set */
	int64_t written_ms; /* and its time */
	int64_t tried_ms;   /* 0 = never, or nobody knows */
	int64_t failures;   /* 1000 at most */
};
/* What cannot be read is not there. */
void fetch_file_look(const struct fetch_file *f, struct fetch_state *out);
/*
 * A try begins, one more of `seen`.failures, which is what was looked at
 * before. ERR_AGAIN: somebody else was faster. ERR_IO: see errno.
 */
enum err fetch_file_try(
    const struct fetch_file *f, const struct fetch_state *seen, int64_t now_ms)
    __attribute__((warn_unused_result));
/* It brought this, which is a good set. ERR_IO: see errno. */
enum err fetch_file_put(const struct fetch_file *f, struct str set,
    int64_t tried_ms, int64_t now_ms) __attribute__((warn_unused_result));
/* How many keys of it can be used; 0 also where it is none. */
size_t fetch_file_keys(const struct fetch_file *f);

#endif
