#include "cgi/upstream/exec-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A folder is emptied without recursion, since a program may nest as deep as
 * it likes: what a folder below holds is removed, and the folders in it are
 * moved up to the top under names of ours, until the top is empty. So there
 * are never more than three descriptors open.
 */
#define PREFIX "run-"
#define DIGITS "0123456789abcdef"
#define TRIES 8
#define NAMES_MAX 1000000

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A folder that may have any mode, opened so that it can be emptied; or -1. */
static int open_folder(int at, const char *name)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char self[64];
	int path = openat(at, name, O_PATH | flags);

	if (path < 0)
		return -1;
	/* by its descriptor: the name may be something else by now */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path);
	(void)!chmod(self, 0700);
	int fd = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int kept = errno;
	close(path);
	errno = kept;
	return fd;
}

/* Closes fd in any case. */
static DIR *read_folder(int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The folder `name` in `at` goes to the top. */
static int move_up(int at, const char *name, int top, unsigned *next)
{
	char fresh[32];
	int fd = open_folder(at, name); /* its ".." must be writable */

	if (fd < 0)
		return -1;
	close(fd);
	while (*next < NAMES_MAX) {
		snprintf(fresh, sizeof(fresh), "%s%u", PREFIX, (*next)++);
		if (renameat(at, name, top, fresh) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return -1;
	}
	return -1;
}

/* The folder `name` in the top goes, and what it holds goes or moves up. */
static int remove_folder(int top, const char *name, unsigned *next)
{
	DIR *dir = read_folder(open_folder(top, name));
	int status = dir ? 0 : -1;

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (!is_dots(e->d_name) &&
		    unlinkat(dirfd(dir), e->d_name, 0) != 0 &&
		    move_up(dirfd(dir), e->d_name, top, next) != 0)
			status = -1;
	if (dir)
		closedir(dir);
	return status == 0 ? unlinkat(top, name, AT_REMOVEDIR) : -1;
}

/* One look through the top: how much there was, how much of it is left. */
static void remove_some(int top, unsigned *next, size_t *seen, size_t *left)
{
	DIR *dir = read_folder(open_folder(top, "."));

	*seen = *left = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (is_dots(e->d_name))
			continue;
		++*seen;
		if (unlinkat(top, e->d_name, 0) != 0 &&
		    remove_folder(top, e->d_name, next) != 0)
			++*left;
	}
	if (dir)
		closedir(dir);
}

/*
 * The folder must be locked by us. Closes fd. What moved while a folder was
 * read may have been missed: so it is looked at again before it is given up.
 */
static int remove_locked(int work, const char *name, int fd)
{
	unsigned next = 0;
	size_t seen, left;
	int reason = 0;

	(void)!fchmod(fd, 0700);
	for (int i = 0; i < TRIES; i++) {
		do
			remove_some(fd, &next, &seen, &left);
		while (seen > left);
		reason = unlinkat(work, name, AT_REMOVEDIR) == 0 ? 0 : errno;
		if (reason != ENOTEMPTY && reason != EEXIST)
			break;
	}
	close(fd);
	return reason;
}

/* ---- ours ---------------------------------------------------------------- */

static void pick_name(char name[EXEC_FOLDER_NAME_BYTES])
{
	unsigned char random[8] = {0};
	size_t at = strlen(PREFIX);

	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		continue;
	memcpy(name, PREFIX, at);
	for (size_t i = 0; i < sizeof(random); i++) {
		name[at++] = DIGITS[random[i] >> 4];
		name[at++] = DIGITS[random[i] & 15];
	}
	name[at] = '\0';
}

static bool is_ours(const char *name)
{
	return strlen(name) == EXEC_FOLDER_NAME_BYTES - 1 &&
	       strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
	       strspn(name + strlen(PREFIX), DIGITS) == 16;
}

/* Whether fd, which was opened as `name`, is still what that name is. */
static bool is_there(int work, const char *name, int fd)
{
	struct stat by_name, by_fd;

	return fstat(fd, &by_fd) == 0 &&
	       fstatat(work, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

/* The lock of a folder, or -1: somebody else has it, or it is gone. */
static int lock_folder(int work, const char *name)
{
	int fd =
	    openat(work, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_there(work, name, fd))
		return fd;
	close(fd);
	errno = EAGAIN;
	return -1;
}

int exec_folder_make(struct exec_folder *f, const char *work)
{
	*f = (struct exec_folder){.work = -1, .fd = -1};
	f->work = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->work < 0)
		return errno;
	/* a sweep that comes between the two takes it away: then another */
	for (int i = 0; i < TRIES && f->fd < 0; i++) {
		pick_name(f->name);
		if (mkdirat(f->work, f->name, 0700) != 0)
			break;
		f->fd = lock_folder(f->work, f->name);
	}
	if (f->fd >= 0)
		return 0;
	int reason = errno;
	close(f->work);
	f->work = -1;
	return reason;
}

int exec_folder_remove(struct exec_folder *f)
{
	if (f->fd < 0)
		return 0;
	int reason = remove_locked(f->work, f->name, f->fd);
	close(f->work);
	f->work = f->fd = -1;
	return reason;
}

/*
 * The mode may be one that keeps even its owner out; then it is given one
 * that does not, which does no harm to a folder in use.
 */
static int lock_left_over(int work, const char *name)
{
	int fd = lock_folder(work, name);

	if (fd >= 0 || errno != EACCES)
		return fd;
	fd = open_folder(work, name);
	if (fd >= 0)
		close(fd);
	return lock_folder(work, name);
}

size_t exec_folder_sweep(const char *work)
{
	DIR *dir = opendir(work);
	size_t gone = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (!is_ours(e->d_name))
			continue;
		int fd = lock_left_over(dirfd(dir), e->d_name);
		if (fd >= 0 && remove_locked(dirfd(dir), e->d_name, fd) == 0)
			gone++;
	}
	if (dir)
		closedir(dir);
	return gone;
}
