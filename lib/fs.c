#include "lib/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err failed(struct diag *diag, const char *path, const char *what)
{
	diag_error(diag, POS_FILE(path), "io-error", "it could not be %s: %s",
	    what, strerror(errno));
	return ERR_IO;
}

static enum err read_all(
    int fd, char *to, size_t n, const char *path, struct diag *diag)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, to + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return failed(diag, path, "read");
		if (r == 0) {
			diag_error(diag, POS_FILE(path), "io-error",
			    "it became shorter while it was read; try again");
			return ERR_IO;
		}
		got += (size_t)r;
	}
	return ERR_OK;
}

enum err fs_read(struct arena *a, const char *path, size_t max,
    struct diag *diag, struct str *out)
{
	return fs_read_at(a, AT_FDCWD, path, max, diag, out);
}

enum err fs_read_at(struct arena *a, int at, const char *path, size_t max,
    struct diag *diag, struct str *out)
{
	struct stat st;
	enum err err = ERR_IO;

	*out = (struct str){0};
	/* O_NONBLOCK: opening a FIFO must not wait for its other end */
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ERR_NOT_FOUND;
	if (fd < 0)
		return failed(diag, path, "opened");
	if (fstat(fd, &st) != 0) {
		failed(diag, path, "read");
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		diag_error(diag, POS_FILE(path), "io-error",
		    "this is not a regular file");
		goto done;
	}
	if ((uintmax_t)st.st_size > max) {
		diag_error(diag, POS_FILE(path), "file-too-large",
		    "it has %jd bytes; %zu are allowed", (intmax_t)st.st_size,
		    max);
		err = ERR_TOO_LARGE;
		goto done;
	}
	char *bytes = arena_alloc(a, (size_t)st.st_size + 1);
	err = read_all(fd, bytes, (size_t)st.st_size, path, diag);
	if (!err)
		*out = (struct str){.p = bytes, .n = (size_t)st.st_size};
done:
	close(fd);
	return err;
}

/* The length of the folder's part of a path, without the last '/'; 0 = ".". */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + (slash == path) : 0;
}

bool fs_put(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t w = write(fd, bytes.p, bytes.n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return false;
		bytes = str_slice(bytes, (size_t)w, bytes.n);
	}
	return true;
}

bool fs_sync_at(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	const bool good = fsync(fd) == 0 || errno == EINVAL;
	const int why = errno;
	close(fd);
	errno = why;
	return good;
}

bool fs_sync_folder_of(const char *path)
{
	char folder[PATH_MAX] = ".";
	const size_t n = folder_length(path);

	if (n >= sizeof(folder)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (n) {
		memcpy(folder, path, n);
		folder[n] = '\0';
	}
	return fs_sync_at(AT_FDCWD, folder);
}

enum err fs_write(
    const char *path, struct str bytes, mode_t mode, struct diag *diag)
{
	struct arena arena = {0};
	size_t folder_n = folder_length(path);
	const char *name = strrchr(path, '/');
	const char *folder =
	    folder_n ? arena_cstr(&arena, (struct str){path, folder_n}) : ".";
	char *temp = arena_cstr(&arena, arena_printf(&arena, "%s/.%s.XXXXXX",
					    folder, name ? name + 1 : path));
	enum err err = ERR_OK;

	int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err = failed(diag, path, "written");
		goto done;
	}
	bool bad = !fs_put(fd, bytes) || fchmod(fd, mode) || fsync(fd);
	if (bad)
		err = failed(diag, path, "written");
	if (close(fd) != 0 && !err)
		err = failed(diag, path, "written");
	if (!err && rename(temp, path) != 0)
		err = failed(diag, path, "put in its place");
	if (err)
		unlink(temp);
	else
		err = fs_sync_dir(folder, diag);
done:
	arena_release(&arena);
	return err;
}

enum err fs_mkdirs(const char *path, mode_t mode, struct diag *diag)
{
	struct arena arena = {0};
	char *part = arena_cstr(&arena, str_of(path));
	enum err err = ERR_OK;

	for (char *p = part; !err;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		char kept = *p;
		struct stat st;
		*p = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST) {
			err = failed(diag, part, "made");
		} else if (stat(part, &st) == 0 && !S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			err = failed(diag, part, "used as a folder");
		}
		*p = kept;
		if (!kept)
			break;
	}
	arena_release(&arena);
	return err;
}

enum err fs_sync_dir(const char *path, struct diag *diag)
{
	return fs_sync_at(AT_FDCWD, path) ? ERR_OK
					  : failed(diag, path, "synced");
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Opened relative to its parent and never through a symlink. */
static DIR *open_folder(int at, const char *name)
{
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static int remove_at(int at, const char *name, unsigned depth);

/* Closes dir. */
static int remove_all(DIR *dir, unsigned depth)
{
	int status = 0;

	for (struct dirent *e; errno = 0, (e = readdir(dir));)
		if (!is_dots(e->d_name) &&
		    remove_at(dirfd(dir), e->d_name, depth) != 0)
			break;
	status = errno ? -1 : 0;
	int kept = errno;
	closedir(dir);
	errno = kept;
	return status;
}

/* -1 with errno. Removes what `name` is in the folder `at`. */
static int remove_at(int at, const char *name, unsigned depth)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth == 8 * FS_DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	DIR *dir = open_folder(at, name);
	if (!dir || remove_all(dir, depth + 1) != 0)
		return -1;
	return unlinkat(at, name, AT_REMOVEDIR);
}

int fs_remove_within(int fd)
{
	/* a descriptor of its own: closedir() closes it */
	DIR *dir = open_folder(fd, ".");

	return dir ? remove_all(dir, 0) : -1;
}

enum err fs_remove_tree(const char *path, struct diag *diag)
{
	if (remove_at(AT_FDCWD, path, 0) == 0)
		return ERR_OK;
	return failed(diag, path, "removed");
}

const char *fs_join(struct arena *a, const char *dir, const char *name)
{
	if (name[0] == '/' || !dir || !*dir || strcmp(dir, ".") == 0)
		return arena_cstr(a, str_of(name));
	bool slash = dir[strlen(dir) - 1] == '/';
	return arena_printf(a, "%s%s%s", dir, slash ? "" : "/", name).p;
}
