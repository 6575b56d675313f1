#include "cgi/store/turnstile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * flock() belongs to an open file: each handle opens both files itself, so two
 * handles of one process exclude each other as two processes do, and the kernel
 * lets go for one that died. The order turn, write is the same everywhere, and
 * turn is never held while writing.
 */
enum err turnstile_file(
    const char *dir, const char *name, struct diag *diag, int *fd)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		diag_error(diag, POS_FILE(dir), "io-error",
		    "the path is too long; use a shorter folder");
		return ERR_IO;
	}
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (*fd >= 0)
		return ERR_OK;
	diag_error(diag, POS_FILE(path), "io-error",
	    "it cannot be opened for writing: %s; %s", strerror(errno),
	    errno == ENOSPC ? "free some space on that disk"
			    : "give its folder to the user that runs lowtide");
	return errno == ENOSPC ? ERR_FULL : ERR_IO;
}

enum err turnstile_open(
    const char *dir, struct diag *diag, struct turnstile *out)
{
	enum err err;

	*out = (struct turnstile){.turn_fd = -1, .write_fd = -1};
	err = turnstile_file(dir, "turn.lock", diag, &out->turn_fd);
	if (!err)
		err = turnstile_file(dir, "write.lock", diag, &out->write_fd);
	if (err)
		turnstile_close(out);
	return err;
}

void turnstile_close(struct turnstile *t)
{
	if (t->turn_fd >= 0)
		close(t->turn_fd);
	if (t->write_fd >= 0)
		close(t->write_fd);
	*t = (struct turnstile){.turn_fd = -1, .write_fd = -1};
}

static enum err lock(int fd)
{
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return ERR_IO;
	return ERR_OK;
}

enum err turnstile_enter(struct turnstile *t)
{
	enum err err = lock(t->turn_fd);

	if (err)
		return err;
	err = lock(t->write_fd);
	flock(t->turn_fd, LOCK_UN);
	return err;
}

void turnstile_leave(struct turnstile *t)
{
	flock(t->write_fd, LOCK_UN);
}
