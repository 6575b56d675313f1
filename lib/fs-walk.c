#include "lib/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Folders are opened relative to their parent and with O_NOFOLLOW, so that
 * nothing that changes meanwhile can lead the walk out of its root.
 */
struct walk {
	struct arena *arena;
	struct diag *diag;
	const char *root;
	struct fs_list *list;
	size_t cap;
	enum err err;
};

static void found(struct walk *w, const char *path, const char *name,
    const char *what, enum err err)
{
	diag_error(w->diag, POS_FILE(path), name, "%s", what);
	if (!w->err)
		w->err = err;
}

static void add(
    struct walk *w, const char *path, const char *rel, const struct stat *st)
{
	struct fs_list *list = w->list;

	if (list->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		struct fs_entry *bigger =
		    arena_array(w->arena, w->cap, sizeof(*bigger));
		if (list->n)
			memcpy(
			    bigger, list->entries, list->n * sizeof(*bigger));
		list->entries = bigger;
	}
	list->entries[list->n++] = (struct fs_entry){.path = path,
	    .rel = str_of(rel),
	    .size = st->st_size,
	    .mode = st->st_mode,
	    .inode = st->st_ino,
	    .mtime = st->st_mtim,
	    .ctime = st->st_ctim};
}

static void walk_folder(
    struct walk *w, int at, const char *name, const char *rel, unsigned depth);

static void walk_entry(
    struct walk *w, int at, const char *name, const char *rel, unsigned depth)
{
	const char *path = fs_join(w->arena, w->root, rel);
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		found(w, path, "io-error", strerror(errno), ERR_IO);
	else if (S_ISREG(st.st_mode))
		add(w, path, rel, &st);
	else if (S_ISDIR(st.st_mode) && depth == FS_DEPTH_MAX)
		found(w, path, "too-deep", "folders are nested too deeply here",
		    ERR_INPUT);
	else if (S_ISDIR(st.st_mode))
		walk_folder(w, at, name, rel, depth + 1);
	else
		found(w, path, "not-a-file",
		    S_ISLNK(st.st_mode)
			? "this is a symbolic link, which is not followed; "
			  "put a copy in its place"
			: "this is neither a file nor a folder; remove it",
		    ERR_INPUT);
}

static void walk_folder(
    struct walk *w, int at, const char *name, const char *rel, unsigned depth)
{
	const char *path = *rel ? fs_join(w->arena, w->root, rel) : w->root;
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (errno == ENOENT && !*rel)
			return;
		found(w, path,
		    errno == ENOTDIR || errno == ELOOP ? "not-a-file"
						       : "io-error",
		    errno == ELOOP || errno == ENOTDIR
			? "this must be a folder, and no symbolic link to one"
			: strerror(errno),
		    errno == ELOOP || errno == ENOTDIR ? ERR_INPUT : ERR_IO);
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		const char *below =
		    *rel ? arena_printf(w->arena, "%s/%s", rel, e->d_name).p
			 : arena_cstr(w->arena, str_of(e->d_name));
		walk_entry(w, dirfd(dir), e->d_name, below, depth);
	}
	closedir(dir);
}

static int by_rel(const void *left, const void *right)
{
	const struct fs_entry *a = left, *b = right;
	return str_cmp(a->rel, b->rel);
}

enum err fs_walk(
    struct arena *a, const char *root, struct diag *diag, struct fs_list *out)
{
	struct walk w = {.arena = a, .diag = diag, .root = root, .list = out};

	*out = (struct fs_list){0};
	walk_folder(&w, AT_FDCWD, root, "", 0);
	if (out->n)
		qsort(out->entries, out->n, sizeof(out->entries[0]), by_rel);
	return w.err;
}
