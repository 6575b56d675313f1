#include "cgi/fetch-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/jwks.h"
#include "lib/fs.h"

#define FOLDER "jwks"
#define SET_END ".json"
#define TRY_END ".try"
#define NUMBER_MAX 16 /* bytes of the number of failures */
#define FAILURES_MAX 1000

/* ---- names --------------------------------------------------------------- */

/* The same name with another end. */
static const char *other_path(
    struct arena *a, const struct fetch_file *f, const char *end)
{
	const struct str path = str_of(f->path),
			 name =
			     str_slice(path, 0, path.n - (sizeof(SET_END) - 1));

	return arena_printf(a, "%.*s%s", STR_ARG(name), end).p;
}

static const char *temporary_path(struct arena *a, const struct fetch_file *f)
{
	return arena_printf(a, "%s.%ld.new", f->path, (long)getpid()).p;
}

/* ---- times --------------------------------------------------------------- */

static int64_t time_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
	       st->st_mtim.tv_nsec / 1000000;
}

static bool set_time(int fd, int64_t ms)
{
	struct timespec times[2];

	times[0].tv_sec = (time_t)(ms / 1000);
	times[0].tv_nsec = (long)(ms % 1000 * 1000000);
	times[1] = times[0];
	return futimens(fd, times) == 0;
}

/* ---- tries --------------------------------------------------------------- */

static int open_try(const struct fetch_file *f, int flags)
{
	struct arena a = {0};
	const int fd = openat(f->dir, other_path(&a, f, TRY_END),
	    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FETCH_FILE_MODE);
	const int why = errno;

	arena_release(&a);
	errno = why;
	return fd;
}

/* An empty one has just been made, or whoever wrote it did not get far. */
static void read_try(int fd, struct fetch_state *out)
{
	char text[NUMBER_MAX + 1];
	struct stat st;
	const ssize_t n = pread(fd, text, NUMBER_MAX, 0);

	if (n <= 0 || fstat(fd, &st) != 0)
		return;
	text[n] = '\0';
	out->failures = strtol(text, NULL, 10);
	if (out->failures < 0 || out->failures > FAILURES_MAX)
		out->failures = FAILURES_MAX;
	out->tried_ms = time_of(&st);
}

static bool write_try(int fd, int64_t failures, int64_t tried_ms)
{
	char text[NUMBER_MAX];
	const int n = snprintf(text, sizeof(text), "%lld\n",
	    (long long)(failures < FAILURES_MAX ? failures : FAILURES_MAX));

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n &&
	       set_time(fd, tried_ms);
}

void fetch_file_look(const struct fetch_file *f, struct fetch_state *out)
{
	struct stat st;
	const int fd = open_try(f, O_RDONLY);

	*out = (struct fetch_state){0};
	if (fd >= 0) {
		read_try(fd, out);
		close(fd);
	}
	if (fstatat(f->dir, f->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode)) {
		out->there = true;
		out->written_ms = time_of(&st);
	}
}

static enum err begin_try(
    int fd, const struct fetch_state *seen, int64_t now_ms)
{
	struct fetch_state is = {0};

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? ERR_AGAIN : ERR_IO;
	read_try(fd, &is);
	if (is.tried_ms != seen->tried_ms)
		return ERR_AGAIN;
	return write_try(fd, seen->failures + 1, now_ms) ? ERR_OK : ERR_IO;
}

enum err fetch_file_try(
    const struct fetch_file *f, const struct fetch_state *seen, int64_t now_ms)
{
	const int made = mkdirat(f->dir, FOLDER, FETCH_FOLDER_MODE);

	if (made != 0 && errno != EEXIST)
		return ERR_IO;
	if (made == 0 && fchmodat(f->dir, FOLDER, FETCH_FOLDER_MODE, 0) != 0)
		return ERR_IO;
	const int fd = open_try(f, O_RDWR | O_CREAT);
	if (fd < 0)
		return ERR_IO;
	enum err err = begin_try(fd, seen, now_ms);
	const int why = errno;
	close(fd);
	errno = why;
	return err;
}

/* ---- the set ------------------------------------------------------------- */

static bool write_set(
    const struct fetch_file *f, const char *path, struct str set, int64_t ms)
{
	const int fd = openat(f->dir, path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    FETCH_FILE_MODE);

	if (fd < 0)
		return false;
	const bool good = fchmod(fd, FETCH_FILE_MODE) == 0 && fs_put(fd, set) &&
			  set_time(fd, ms) && fsync(fd) == 0;
	const int why = errno;
	close(fd);
	errno = why;
	return good;
}

static void end_try(const struct fetch_file *f, int64_t tried_ms)
{
	const int fd = open_try(f, O_RDWR | O_CREAT);

	if (fd < 0)
		return;
	(void)write_try(fd, 0, tried_ms); /* else it is fetched once more */
	close(fd);
}

enum err fetch_file_put(const struct fetch_file *f, struct str set,
    int64_t tried_ms, int64_t now_ms)
{
	struct arena a = {0};
	const char *fresh = temporary_path(&a, f);
	bool good = write_set(f, fresh, set, now_ms) &&
		    renameat(f->dir, fresh, f->dir, f->path) == 0 &&
		    fs_sync_at(f->dir, FOLDER);
	const int why = errno;

	if (good)
		end_try(f, tried_ms);
	else
		unlinkat(f->dir, fresh, 0);
	arena_release(&a);
	errno = why;
	return good ? ERR_OK : ERR_IO;
}

size_t fetch_file_keys(const struct fetch_file *f)
{
	struct jwks_file file = {.path = f->path};

	jwks_file_look(&file, f->dir, true, 0, 0, NULL);
	const size_t n = file.set.n;
	jwks_file_release(&file);
	return n;
}
