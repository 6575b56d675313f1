#include "cgi/store/ballast.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BALLAST_FILE "ballast"
#define TIMES_OVER 4 /* free space of so many ballasts, or it is not made */

static void path_of(const char *dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" BALLAST_FILE, dir);
}

enum err ballast_disk(
    const char *dir, int64_t reserve, struct ballast_disk *out)
{
	struct statvfs st;

	if (statvfs(dir, &st))
		return ERR_IO;
	const int64_t block = (int64_t)st.f_frsize;
	const int64_t share =
	    (int64_t)st.f_blocks * block / BALLAST_RESERVE_SHARE;
	out->free = (int64_t)st.f_bavail * block;
	out->reserve = reserve			     ? reserve
		       : share < BALLAST_RESERVE_MAX ? share
						     : BALLAST_RESERVE_MAX;
	return ERR_OK;
}

bool ballast_is_there(const char *dir)
{
	char path[PATH_MAX];

	path_of(dir, path);
	return access(path, F_OK) == 0;
}

enum err ballast_make(const char *dir, int64_t reserve)
{
	struct ballast_disk disk;
	char path[PATH_MAX];
	struct stat st;
	enum err err = ballast_disk(dir, reserve, &disk);

	if (err)
		return err;
	path_of(dir, path);
	const int64_t bytes = disk.reserve / 2;
	const bool is_there = !stat(path, &st);
	if (is_there && st.st_size >= bytes)
		return ERR_OK;
	if (!bytes || disk.free / TIMES_OVER < bytes)
		return ERR_FULL;
	if (is_there) /* whoever made it did not come to its end */
		unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (fd < 0)
		return ballast_is_there(dir) ? ERR_OK : ERR_IO;
	if (posix_fallocate(fd, 0, bytes)) {
		unlink(path);
		err = ERR_FULL;
	}
	close(fd);
	return err;
}

bool ballast_drop(const char *dir)
{
	char path[PATH_MAX];

	path_of(dir, path);
	return unlink(path) == 0;
}
