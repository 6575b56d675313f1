#include "generator/out-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * One file's bytes on their way into the staging folder: compared with
 * the previous output's file of that name, and written from the first byte on
 * that differs. A `struct stage_copy` takes them in pieces of any size; it
 * never holds more than one.
 */

/* Holes stay holes: a whole piece of zeros is skipped, not written. */
static bool is_hole(const char *p, size_t n)
{
	return n == STAGE_PIECE && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static bool write_all(int fd, const char *p, size_t n)
{
	if (is_hole(p, n))
		return lseek(fd, (off_t)n, SEEK_CUR) >= 0;
	return fs_put(fd, (struct str){.p = p, .n = n});
}

/*
 * The file in the staging folder. Where a name is taken, by a file or as a
 * folder, out_note() says so: errno does not.
 */
static bool create(struct stage_copy *c, struct diag *diag, enum err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	struct stage *s = c->stage;
	mode_t mode =
	    strncmp(c->name, "server/handlers/", 16) == 0 ? 0755 : 0644;
	int folder;

	*err = stage_folder(s, diag, &folder);
	if (*err != ERR_OK)
		return false;
	c->fd = openat(folder, c->name, flags, mode);
	if (c->fd < 0 && errno == ENOENT && stage_mkdirs(s, folder, c->name))
		c->fd = openat(folder, c->name, flags, mode);
	if (c->fd < 0 && (errno == EEXIST || errno == ENOTDIR)) {
		c->unwritten = true;
		return false;
	}
	if (c->fd >= 0 && (!s->must_chmod || fchmod(c->fd, mode) == 0))
		return true;
	*err = stage_failed(s, diag, c->name, "it cannot be made");
	return false;
}

/* What was equal so far comes from the previous file. */
static bool write_equal_part(struct stage_copy *c)
{
	char piece[STAGE_PIECE];

	for (uint64_t at = 0; at < c->at;) {
		size_t want = c->at - at < STAGE_PIECE ? (size_t)(c->at - at)
						       : STAGE_PIECE;
		ssize_t n = pread(c->compare, piece, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0 || !write_all(c->fd, piece, (size_t)n))
			return false;
		at += (uint64_t)n;
	}
	return true;
}

static enum err differs(struct stage_copy *c, struct diag *diag)
{
	enum err err = ERR_OK;

	if (create(c, diag, &err) && c->compare >= 0 && !write_equal_part(c))
		err = stage_failed(
		    c->stage, diag, c->name, "it cannot be written");
	if (c->compare >= 0)
		close(c->compare);
	c->compare = -1;
	return err;
}

enum err stage_copy_begin(struct stage_copy *c, struct stage *s,
    enum out_root root, struct str path, uint64_t size, struct diag *diag)
{
	c->stage = s;
	c->before = NULL;
	c->compare = c->fd = -1;
	c->at = 0;
	c->unwritten = !out_is_path(path);
	if (c->unwritten)
		return ERR_OK;
	if (!stage_name(c->name, root, path)) {
		snprintf(c->name, sizeof(c->name), "%.*s…", 255, path.p);
		return stage_failed(s, diag, c->name, "it cannot be made");
	}
	c->before = stage_before(s, c->name);
	if (c->before && (uint64_t)c->before->entry->size == size)
		c->compare = openat(
		    s->previous, c->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return c->compare < 0 ? differs(c, diag) : ERR_OK;
}

static bool is_equal(struct stage_copy *c, const char *p, size_t n)
{
	char piece[STAGE_PIECE];

	for (size_t at = 0; at < n;) {
		size_t want = n - at < STAGE_PIECE ? n - at : STAGE_PIECE;
		ssize_t got =
		    pread(c->compare, piece, want, (off_t)(c->at + at));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || memcmp(piece, p + at, (size_t)got) != 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

enum err stage_copy_add(
    struct stage_copy *c, const char *p, size_t n, struct diag *diag)
{
	enum err err = ERR_OK;

	if (c->compare >= 0 && !is_equal(c, p, n))
		err = differs(c, diag);
	for (size_t at = 0; at < n && c->fd >= 0 && err == ERR_OK;) {
		size_t m = n - at < STAGE_PIECE ? n - at : STAGE_PIECE;
		if (!write_all(c->fd, p + at, m))
			err = stage_failed(
			    c->stage, diag, c->name, "it cannot be written");
		at += m;
	}
	c->at += n;
	return err;
}

/*
 * A changed file is newer than what it replaces, by whole seconds. The size is
 * set as well: the last piece may have been a hole.
 */
static bool finish(const struct stage_copy *c)
{
	struct stat st;

	if (c->at >= STAGE_PIECE && ftruncate(c->fd, (off_t)c->at) != 0)
		return false;
	if (!c->before)
		return true;
	const struct timespec before = c->before->entry->mtime;
	if (fstat(c->fd, &st) != 0)
		return false;
	if (st.st_mtim.tv_sec > before.tv_sec)
		return true;
	const struct timespec times[2] = {
	    st.st_atim, {.tv_sec = before.tv_sec + 1}};
	return futimens(c->fd, times) == 0;
}

enum err stage_copy_end(struct stage_copy *c, enum err err, struct diag *diag)
{
	struct stat st;

	/* one that only begins like the previous file */
	if (err == ERR_OK && c->compare >= 0 &&
	    (fstat(c->compare, &st) != 0 || (uint64_t)st.st_size != c->at))
		err = differs(c, diag);
	if (c->compare >= 0) {
		close(c->compare);
		if (err == ERR_OK)
			atomic_store(&c->before->same, true);
	}
	if (c->fd < 0)
		return err;
	if (err == ERR_OK && !finish(c))
		err = stage_failed(
		    c->stage, diag, c->name, "it cannot be written");
	if (close(c->fd) != 0 && err == ERR_OK)
		err = stage_failed(
		    c->stage, diag, c->name, "it cannot be written");
	if (err == ERR_OK)
		atomic_fetch_add(&c->stage->written, 1);
	return err;
}
