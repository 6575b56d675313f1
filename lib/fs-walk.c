#include "lib/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

/*
 * Folders are opened relative to their parent and with O_NOFOLLOW, so that
 * nothing that changes meanwhile can lead the walk out of its root.
 */
struct walk {
	struct arena *arena;
	struct diag *diag;
	struct fs_list *list; /* its entries on the heap while they grow */
	size_t cap;
	size_t root; /* bytes of path before what is below root */
	bool follow; /* symlinks to files */
	enum err err;
	struct buf path; /* of the folder or file that is looked at */
};

static void found(
    struct walk *w, const char *name, const char *what, enum err err)
{
	diag_error(w->diag, POS_FILE(w->path.data), name, "%s", what);
	if (!w->err)
		w->err = err;
}

static void add(struct walk *w, const struct stat *st)
{
	struct fs_list *list = w->list;

	if (list->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		if (w->cap > SIZE_MAX / sizeof(*list->entries))
			abort();
		list->entries =
		    realloc(list->entries, w->cap * sizeof(*list->entries));
		if (!list->entries)
			abort();
	}
	struct str path = arena_str(w->arena, buf_str(&w->path));
	list->entries[list->n++] = (struct fs_entry){.path = path.p,
	    .rel = str_slice(path, w->root, path.n),
	    .size = st->st_size,
	    .mode = st->st_mode,
	    .inode = st->st_ino,
	    .mtime = st->st_mtim,
	    .ctime = st->st_ctim};
}

static void walk_folder(
    struct walk *w, int at, const char *name, unsigned depth);

static bool is_link_to_file(
    const struct walk *w, int at, const char *name, struct stat *st)
{
	return w->follow && S_ISLNK(st->st_mode) &&
	       fstatat(at, name, st, 0) == 0 && S_ISREG(st->st_mode);
}

static void walk_entry(struct walk *w, int at, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		found(w, "io-error", strerror(errno), ERR_IO);
	else if (S_ISREG(st.st_mode) || is_link_to_file(w, at, name, &st))
		add(w, &st);
	else if (S_ISDIR(st.st_mode) && depth == FS_DEPTH_MAX)
		found(w, "too-deep", "folders are nested too deeply here",
		    ERR_INPUT);
	else if (S_ISDIR(st.st_mode))
		walk_folder(w, at, name, depth + 1);
	else
		found(w, "not-a-file",
		    S_ISLNK(st.st_mode)
			? "this is a symbolic link, which is not followed; "
			  "put a copy in its place"
			: "this is neither a file nor a folder; remove it",
		    ERR_INPUT);
}

static void no_folder(struct walk *w, bool is_root)
{
	bool other = errno == ENOTDIR || errno == ELOOP;

	if (errno == ENOENT && is_root)
		return;
	found(w, other ? "not-a-file" : "io-error",
	    other ? "this must be a folder, and no symbolic link to one"
		  : strerror(errno),
	    other ? ERR_INPUT : ERR_IO);
}

static void walk_folder(
    struct walk *w, int at, const char *name, unsigned depth)
{
	size_t length = w->path.len;
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		no_folder(w, depth == 0);
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; errno = 0, (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (w->path.len && w->path.data[w->path.len - 1] != '/')
			buf_putc(&w->path, '/');
		buf_puts(&w->path, e->d_name);
		walk_entry(w, dirfd(dir), e->d_name, depth);
		w->path.len = length;
		w->path.data[length] = '\0';
	}
	/* files that were not listed would be missed by nobody */
	if (errno != 0)
		found(w, "io-error", strerror(errno), ERR_IO);
	closedir(dir);
}

static int by_rel(const void *left, const void *right)
{
	const struct fs_entry *a = left, *b = right;
	return str_cmp(a->rel, b->rel);
}

static enum err walk(struct arena *a, const char *root, bool follow,
    struct diag *diag, struct fs_list *out)
{
	struct walk w = {
	    .arena = a, .diag = diag, .list = out, .follow = follow};

	*out = (struct fs_list){0};
	/* as fs_join() has it */
	buf_puts(&w.path, strcmp(root, ".") == 0 ? "" : root);
	w.root = w.path.len + (w.path.len && !str_ends(str_of(root), "/"));
	walk_folder(&w, AT_FDCWD, root, 0);
	buf_release(&w.path);
	struct fs_entry *all = out->entries;
	out->entries = arena_array(a, out->n, sizeof(*all));
	if (out->n) {
		qsort(all, out->n, sizeof(*all), by_rel);
		memcpy(out->entries, all, out->n * sizeof(*all));
	}
	free(all);
	return w.err;
}

enum err fs_walk(
    struct arena *a, const char *root, struct diag *diag, struct fs_list *out)
{
	return walk(a, root, false, diag, out);
}

enum err fs_walk_links(
    struct arena *a, const char *root, struct diag *diag, struct fs_list *out)
{
	return walk(a, root, true, diag, out);
}
