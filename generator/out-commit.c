#include "generator/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/json.h"

/*
 * Beside DIR/NAME stand, while a run writes:
 *
 *   .NAME.lowtide-staging   what will be NAME; locked with flock by its run
 *   .NAME.lowtide-old       only between the two renames of a file system
 *                           without RENAME_EXCHANGE; put back by the next run
 *
 * A staging folder without a lock is what a killed run left; it is reused.
 */
#define MANIFEST_MAX ((size_t)256 * 1024 * 1024)

struct commit {
	struct out *out;
	struct arena *a;
	struct diag *diag;
	const char *dir, *parent, *staging, *old;
	int lock; /* on the staging folder; -1 = none */
	bool exists;
	struct fs_list list; /* the files of the previous output */
};

static const char *const roots[] = {[OUT_WWW] = "www", [OUT_SERVER] = "server"};

static enum err failed(struct commit *c, const char *path, const char *what)
{
	diag_error(c->diag, POS_FILE(path), "io-error",
	    "%s: %s; the previous output is untouched", what, strerror(errno));
	return ERR_IO;
}

static const char *name_of(struct arena *a, const struct out_file *f)
{
	return arena_printf(a, "%s/%.*s", roots[f->root], STR_ARG(f->path)).p;
}

/* Splits spec->dir into its folder and its name; a link to it is followed. */
static enum err locate(struct commit *c, const char *dir)
{
	char real[PATH_MAX];
	struct stat st;
	bool link = lstat(dir, &st) == 0 && S_ISLNK(st.st_mode);
	struct str s = str_of(link && realpath(dir, real) ? real : dir);

	while (s.n > 1 && str_ends(s, "/"))
		s.n--;
	size_t slash = s.n;
	while (slash && s.p[slash - 1] != '/')
		slash--;
	struct str name = str_slice(s, slash, s.n);
	if (name.n == 0 || str_is(name, ".") || str_is(name, "..")) {
		diag_error(c->diag, POS_NONE, "bad-value",
		    "\"%s\" cannot be the output folder; name one with --out",
		    dir);
		return ERR_INPUT;
	}
	c->dir = arena_cstr(c->a, s);
	c->parent = slash ? arena_cstr(c->a, str_slice(s, 0, slash)) : ".";
	c->staging = arena_printf(
	    c->a, "%.*s.%.*s.lowtide-staging", (int)slash, s.p, STR_ARG(name))
			 .p;
	c->old = arena_printf(
	    c->a, "%.*s.%.*s.lowtide-old", (int)slash, s.p, STR_ARG(name))
		     .p;
	return fs_mkdirs(c->parent, 0755, c->diag);
}

static enum err busy(struct commit *c)
{
	diag_error(c->diag, POS_FILE(c->dir), "output-busy",
	    "another run is writing there; wait for it");
	return ERR_BUSY;
}

/* Makes or takes over the staging folder, empty and locked. */
static enum err lock_staging(struct commit *c)
{
	struct stat held, named;
	enum err err;

	for (int tries = 0; tries < 8; tries++) {
		if (mkdir(c->staging, 0755) != 0 && errno != EEXIST)
			return failed(c, c->staging, "it cannot be made");
		c->lock = open(c->staging,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (c->lock < 0 && errno == ENOENT)
			continue;
		if (c->lock < 0)
			return failed(c, c->staging, "it cannot be opened");
		if (flock(c->lock, LOCK_EX | LOCK_NB) != 0)
			return busy(c);
		/* the name may mean another folder by now */
		if (fstat(c->lock, &held) == 0 &&
		    lstat(c->staging, &named) == 0 &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			break;
		close(c->lock);
		c->lock = -1;
	}
	if (c->lock < 0)
		return busy(c);
	for (size_t i = 0; i < 2; i++) {
		const char *left = fs_join(c->a, c->staging, roots[i]);
		err = fs_remove_tree(left, c->diag);
		if (err != ERR_OK)
			return err;
	}
	if (fchmod(c->lock, 0755) != 0)
		return failed(c, c->staging, "its mode cannot be set");
	return ERR_OK;
}

static int by_str(const void *left, const void *right)
{
	const struct str *a = left, *b = right;

	return str_cmp(*a, *b);
}

/* The paths that the previous manifest lists, sorted; with its own. */
static bool manifest_paths(struct commit *c, struct str **paths, size_t *n)
{
	const char *file = fs_join(c->a, c->dir, "www/" OUT_MANIFEST);
	struct value *root, *files;
	struct str bytes;

	if (fs_read(c->a, file, MANIFEST_MAX, NULL, &bytes) != ERR_OK ||
	    json_read(c->a, bytes, MANIFEST_MAX, file, NULL, &root) != ERR_OK)
		return false;
	files = value_get(root, "files");
	if (!files || files->kind != VALUE_ARRAY)
		return false;
	*n = files->as.array.n + 1;
	*paths = arena_array(c->a, *n, sizeof(**paths));
	for (size_t i = 0; i + 1 < *n; i++)
		(*paths)[i] = value_text(files->as.array.items[i], "path");
	(*paths)[*n - 1] = STR(OUT_MANIFEST);
	qsort(*paths, *n, sizeof(**paths), by_str);
	return true;
}

static enum err not_ours(struct commit *c, const char *what)
{
	diag_error(c->diag, POS_FILE(fs_join(c->a, c->dir, what)),
	    "output-not-ours",
	    "no build wrote this, so it is not deleted; name another folder "
	    "with --out, or say --force");
	return ERR_INPUT;
}

/*
 * Everything below www must be in the manifest. server/ has no list; it is
 * taken as ours where the manifest is.
 */
static enum err check_ours(struct commit *c)
{
	struct str *paths = NULL;
	size_t n = 0;
	enum err err = ERR_OK;

	if (c->list.n == 0)
		return ERR_OK;
	if (!manifest_paths(c, &paths, &n))
		return not_ours(c, "");
	for (size_t i = 0; i < c->list.n; i++) {
		struct str rel = c->list.entries[i].rel;
		struct str below = str_slice(rel, 4, rel.n);
		if (str_starts(rel, "server/"))
			continue;
		if (!str_starts(rel, "www/") ||
		    !bsearch(&below, paths, n, sizeof(*paths), by_str))
			err = not_ours(c, arena_cstr(c->a, rel));
	}
	return err;
}

static enum err look_at_previous(struct commit *c, bool force)
{
	struct stat st;

	if (lstat(c->dir, &st) != 0 && errno == ENOENT &&
	    lstat(c->old, &st) == 0 && rename(c->old, c->dir) != 0)
		return failed(c, c->old, "it cannot be put back");
	c->exists = lstat(c->dir, &st) == 0;
	if (!c->exists)
		return ERR_OK;
	if (!S_ISDIR(st.st_mode)) {
		diag_error(c->diag, POS_FILE(c->dir), "output-not-ours",
		    "it is no folder; name another one with --out");
		return ERR_INPUT;
	}
	enum err err = fs_walk(c->a, c->dir, force ? NULL : c->diag, &c->list);
	if (force)
		return ERR_OK;
	return err == ERR_OK ? check_ours(c) : err;
}

/* Does the file at `path` hold exactly these bytes? */
static bool same(const char *path, struct str bytes, struct stat *st)
{
	char chunk[65536];
	size_t at = 0;
	ssize_t n;
	bool equal = false;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*st = (struct stat){0};
	if (fd < 0)
		return false;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	    (size_t)st->st_size == bytes.n) {
		while ((n = read(fd, chunk, sizeof(chunk))) > 0 &&
		       (size_t)n <= bytes.n - at &&
		       memcmp(chunk, bytes.p + at, (size_t)n) == 0)
			at += (size_t)n;
		equal = n == 0 && at == bytes.n;
	}
	close(fd);
	return equal;
}

static bool nothing_changed(struct commit *c)
{
	struct stat st;

	if (!c->exists || c->list.n != c->out->n)
		return false;
	for (size_t i = 0; i < c->out->n; i++) {
		const struct out_file *f = &c->out->files[i];
		if (!same(
			fs_join(c->a, c->dir, name_of(c->a, f)), f->bytes, &st))
			return false;
	}
	return true;
}

/* The folders of staging/rel. Their mode does not depend on the umask. */
static enum err make_folders(struct commit *c, const char *rel)
{
	char *path = arena_cstr(c->a, str_of(fs_join(c->a, c->staging, rel)));

	for (char *p = path + strlen(c->staging) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) == 0) {
			if (chmod(path, 0755) != 0)
				return failed(c, path, "its mode is not set");
		} else if (errno != EEXIST) {
			return failed(c, path, "it cannot be made");
		}
		*p = '/';
	}
	return ERR_OK;
}

static bool write_all(int fd, struct str bytes)
{
	for (size_t at = 0; at < bytes.n;) {
		ssize_t n = write(fd, bytes.p + at, bytes.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* A changed file is newer than what it replaces, by whole seconds. */
static bool make_newer(int fd, const struct stat *previous)
{
	struct stat st;

	if (!S_ISREG(previous->st_mode))
		return true;
	if (fstat(fd, &st) != 0)
		return false;
	if (st.st_mtim.tv_sec > previous->st_mtim.tv_sec)
		return true;
	const struct timespec times[2] = {
	    st.st_atim, {.tv_sec = previous->st_mtim.tv_sec + 1}};
	return futimens(fd, times) == 0;
}

static enum err stage(struct commit *c, const struct out_file *f)
{
	const char *name = name_of(c->a, f);
	const char *path = fs_join(c->a, c->staging, name);
	const char *before = fs_join(c->a, c->dir, name);
	struct stat previous;
	enum err err = make_folders(c, name);

	if (err != ERR_OK)
		return err;
	if (same(before, f->bytes, &previous) && link(before, path) == 0)
		return ERR_OK;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return failed(c, path, "it cannot be made");
	if (!write_all(fd, f->bytes) || fchmod(fd, 0644) != 0 ||
	    !make_newer(fd, &previous))
		err = failed(c, path, "it cannot be written");
	if (close(fd) != 0 && err == ERR_OK)
		err = failed(c, path, "it cannot be written");
	return err;
}

static enum err swap(struct commit *c)
{
	if (!c->exists) {
		if (rename(c->staging, c->dir) == 0)
			return ERR_OK;
		return failed(c, c->dir, "it cannot be put in place");
	}
	if (renameat2(
		AT_FDCWD, c->staging, AT_FDCWD, c->dir, RENAME_EXCHANGE) == 0)
		return fs_remove_tree(c->staging, c->diag);
	if (errno != EINVAL && errno != ENOSYS)
		return failed(c, c->dir, "it cannot be put in place");
	if (rename(c->dir, c->old) != 0)
		return failed(c, c->dir, "it cannot be put aside");
	if (rename(c->staging, c->dir) != 0) {
		enum err err = failed(c, c->dir, "it cannot be put in place");
		if (rename(c->old, c->dir) != 0)
			return failed(c, c->old, "it cannot be put back");
		return err;
	}
	return fs_remove_tree(c->old, c->diag);
}

static enum err replace(struct commit *c)
{
	enum err err = lock_staging(c);

	for (size_t i = 0; i < c->out->n && err == ERR_OK; i++)
		err = stage(c, &c->out->files[i]);
	/* one call for all files; a folder's names are files' bytes to it */
	if (err == ERR_OK && syncfs(c->lock) != 0)
		err = failed(c, c->staging, "it cannot be synced");
	if (err == ERR_OK) {
		err = swap(c);
		if (err == ERR_OK)
			err = fs_sync_dir(c->parent, c->diag);
		return err;
	}
	/* a busy folder is another run's */
	if (c->lock >= 0 && err != ERR_BUSY &&
	    fs_remove_tree(c->staging, NULL) != ERR_OK)
		return err;
	return err;
}

enum err out_commit(
    struct out *out, const struct out_spec *spec, struct diag *diag)
{
	struct commit c = {
	    .out = out, .a = out->arena, .diag = diag, .lock = -1};
	enum err err = locate(&c, spec->dir);

	out_sort(out);
	if (err == ERR_OK)
		err = look_at_previous(&c, spec->force);
	if (err == ERR_OK && !nothing_changed(&c))
		err = replace(&c);
	if (c.lock >= 0)
		close(c.lock);
	return err;
}
