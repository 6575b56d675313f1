#include "generator/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"

#define NOTICES                                                                \
	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM |  \
	    IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/* One file as it was: any of these changes when its bytes do. */
struct watch_file {
	const char *path; /* below the root */
	struct timespec time;
	off_t size;
	ino_t inode;
	mode_t mode;
};
struct watch_look {
	struct arena arena;
	struct watch_file *files;
	size_t n, cap;
};

/* What a build reads at the top of a site; a folder with all that is in it. */
static const struct {
	const char *name;
	bool is_folder;
} sources[] = {
    {"site.toml", false},
    {"api.toml", false},
    {"assets", true},
    {"catalogue", true},
    {"env", true},
    {"handlers", true},
    {"pages", true},
    {"static", true},
    {"templates", true},
};
#define N_SOURCES (sizeof(sources) / sizeof(*sources))

static bool is_source(const char *name)
{
	for (size_t i = 0; i < N_SOURCES; i++)
		if (strcmp(sources[i].name, name) == 0)
			return true;
	return false;
}

/* vim's .x.swp and 4913, emacs' .#x, #x# and x~, what others call .tmp */
static bool is_passing(const char *name)
{
	struct str s = str_of(name);

	if (str_is(s, ".well-known"))
		return false;
	return str_starts(s, ".") || str_ends(s, "~") || str_is(s, "4913") ||
	       str_ends(s, ".swp") || str_ends(s, ".swx") ||
	       str_ends(s, ".tmp") ||
	       (s.n > 1 && str_starts(s, "#") && str_ends(s, "#"));
}

/* From now on there are none; looking goes on. */
static void without_notices(struct watch *w, const char *why)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->why = why;
}

/*
 * Before it is read: what comes after is in the notices then. A folder that
 * has them already keeps its number.
 */
static int add_notice(struct watch *w, const char *path)
{
	if (w->fd < 0)
		return -1;
	if (++w->folders > w->folders_max) {
		without_notices(w, "there are too many folders");
		return -1;
	}
	int number = inotify_add_watch(w->fd, path,
	    NOTICES | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK);
	if (number >= 0 || errno == ENOENT || errno == ENOTDIR ||
	    errno == ELOOP)
		return number;
	without_notices(w, errno == ENOSPC
			       ? "the system allows no more of them "
				 "(fs.inotify.max_user_watches)"
			       : strerror(errno));
	return -1;
}

static void note(
    struct watch_look *look, const char *path, const struct stat *st)
{
	if (look->n == look->cap) {
		look->cap = look->cap ? 2 * look->cap : 256;
		struct watch_file *more =
		    arena_array(&look->arena, look->cap, sizeof(*more));
		if (look->n)
			memcpy(more, look->files, look->n * sizeof(*more));
		look->files = more;
	}
	look->files[look->n++] = (struct watch_file){
	    .path = path,
	    .time = st->st_mtim,
	    .size = st->st_size,
	    .inode = st->st_ino,
	    .mode = st->st_mode,
	};
}

static void look_at(struct watch *w, struct watch_look *look, const char *rel,
    bool folder_meant, int depth);

static void look_into(
    struct watch *w, struct watch_look *look, const char *rel, int depth)
{
	const char *path = fs_join(&look->arena, w->root, rel);

	add_notice(w, path);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));) {
		if (is_passing(e->d_name))
			continue;
		look_at(w, look,
		    arena_printf(&look->arena, "%s/%s", rel, e->d_name).p, true,
		    depth + 1);
	}
	closedir(dir);
}

static void look_at(struct watch *w, struct watch_look *look, const char *rel,
    bool folder_meant, int depth)
{
	struct stat st;

	if (lstat(fs_join(&look->arena, w->root, rel), &st) != 0)
		return;
	/* a folder's own times say nothing that its files do not */
	if (!S_ISDIR(st.st_mode))
		note(look, rel, &st);
	else if (folder_meant && depth < FS_DEPTH_MAX)
		look_into(w, look, rel, depth);
}

static int by_path(const void *left, const void *right)
{
	const struct watch_file *a = left, *b = right;

	return strcmp(a->path, b->path);
}

static struct watch_look *look(struct watch *w)
{
	struct watch_look *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	w->folders = 0;
	w->root_number = add_notice(w, w->root);
	for (size_t i = 0; i < N_SOURCES; i++)
		look_at(w, l, sources[i].name, sources[i].is_folder, 0);
	if (l->n)
		qsort(l->files, l->n, sizeof(*l->files), by_path);
	return l;
}

static void forget(struct watch_look *l)
{
	if (l)
		arena_release(&l->arena);
	free(l);
}

void watch_open(
    struct watch *w, const char *root, size_t folders_max, bool by_looking)
{
	*w = (struct watch){
	    .root = root,
	    .fd = -1,
	    .folders_max = folders_max ? folders_max : WATCH_FOLDERS_MAX,
	};
	if (by_looking)
		w->why = "it was asked for";
	else
		w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0 && !by_looking)
		without_notices(w, strerror(errno));
	w->last = look(w);
}

/* The notices of the root name everything that lies beside the sources. */
static bool is_of_interest(
    const struct watch *w, const struct inotify_event *event, const char *name)
{
	if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
		return true;
	if (event->mask & IN_IGNORED || !event->len)
		return false;
	return event->wd == w->root_number ? is_source(name)
					   : !is_passing(name);
}

bool watch_heard(struct watch *w)
{
	char room[16384]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	bool heard = false;
	ssize_t n;

	if (w->fd < 0)
		return false;
	while ((n = read(w->fd, room, sizeof(room))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event =
			    (const struct inotify_event *)(const void *)(room +
									 at);
			const char *name =
			    room + at + offsetof(struct inotify_event, name);
			heard |= is_of_interest(w, event, name);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return heard;
}

static bool differ(const struct watch_file *a, const struct watch_file *b)
{
	return a->time.tv_sec != b->time.tv_sec ||
	       a->time.tv_nsec != b->time.tv_nsec || a->size != b->size ||
	       a->inode != b->inode || a->mode != b->mode;
}

size_t watch_changes(struct watch *w, struct arena *a, const char ***paths)
{
	struct watch_look *was = w->last, *is = look(w);
	size_t n = 0, i = 0, k = 0;

	*paths = arena_array(a, was->n + is->n + 1, sizeof(**paths));
	while (i < was->n || k < is->n) {
		const struct watch_file *old =
		    i < was->n ? &was->files[i] : NULL;
		const struct watch_file *new = k < is->n ? &is->files[k] : NULL;
		int order = !old ? 1 : !new ? -1 : by_path(old, new);
		const char *path = order <= 0 ? old->path : new->path;
		if (order != 0 || differ(old, new))
			(*paths)[n++] = arena_cstr(a, str_of(path));
		i += order <= 0;
		k += order >= 0;
	}
	forget(was);
	w->last = is;
	return n;
}

void watch_close(struct watch *w)
{
	if (!w || !w->root)
		return;
	forget(w->last);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct watch){.fd = -1};
}
