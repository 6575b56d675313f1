#ifndef LOWTIDE_CGI_STORE_BALLAST_H
#define LOWTIDE_CGI_STORE_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * Room on the disk that is kept for the jobs that were accepted (store.md 7).
 * Two lines of defence. New jobs are refused while less than a reserve is
 * free, so that others have room to end. And where somebody else fills the
 * disk, a file that stands there for nothing else, `ballast`, is thrown away,
 * which is room enough to write results and put the log in order.
 */
#define BALLAST_RESERVE_MAX ((int64_t)32 * 1024 * 1024)
#define BALLAST_RESERVE_SHARE 16 /* of the file system: a sixteenth */

struct ballast_disk {
	int64_t free;	 /* bytes that we may still write */
	int64_t reserve; /* below that, nothing new; half of it is ballast */
};
/* `reserve`: 0 = as above. ERR_IO: the file system does not tell. */
enum err ballast_disk(const char *dir, int64_t reserve,
    struct ballast_disk *out) __attribute__((warn_unused_result));

bool ballast_is_there(const char *dir);
/*
 * Makes it, half a reserve, when there is room for it several times over and
 * it is not there, or not whole: somebody was killed at it.
 * ERR_FULL: there is not, or no longer; then nothing is left behind.
 */
enum err ballast_make(const char *dir, int64_t reserve)
    __attribute__((warn_unused_result));
/* true: it was there, and its room is free now. */
bool ballast_drop(const char *dir);

#endif
