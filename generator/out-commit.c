#include "generator/out-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "generator/memo.h"

/*
 * The end of a run: what the previous output had already is linked into the
 * staging folder, everything is synced, the two are exchanged, and the
 * previous one is removed.
 */

/* Where links cannot be had: the bytes and the time. */
static bool copy_over(const struct stage *s, int folder, const char *name,
    const struct fs_entry *entry)
{
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, entry->mtime};
	int in = openat(s->previous, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    entry->mode & 0777);
	bool good = in >= 0 && out >= 0 && fchmod(out, entry->mode & 0777) == 0;
	char piece[65536];

	for (ssize_t n = 1; good && n != 0;) {
		n = read(in, piece, sizeof(piece));
		good = n >= 0;
		for (ssize_t at = 0, w; at < n && good; at += w) {
			w = write(out, piece + at, (size_t)(n - at));
			good = w >= 0;
		}
	}
	good = good && futimens(out, times) == 0;
	int kept = errno;
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) != 0 && good)
		return false;
	errno = kept;
	return good;
}

#define NAMES_TOLD 100 /* of files that were written */

struct commit {
	struct out *out;
	struct stage *stage;
	int folder;
	size_t n_www;		 /* of out->files, which stand first */
	struct memo_output *now; /* one a file; NULL: nobody asks */
	/* files of the previous output that share a folder: one an item */
	struct run {
		size_t first, n;
		size_t above; /* bytes of their names up to the last '/' */
	} * runs;
	size_t n_runs;
};

static size_t above(struct str name)
{
	size_t n = name.n;

	while (n && name.p[n - 1] != '/')
		n--;
	return n;
}

/*
 * Folder by folder: a path is looked up once for all of its files, and threads
 * do not wait for each other's lock of the same folder.
 */
static void find_runs(struct commit *c)
{
	const struct stage *s = c->stage;
	struct run *last = NULL;

	c->runs = arena_array(s->a, s->n_before, sizeof(*c->runs));
	for (size_t i = 0; i < s->n_before; i++) {
		struct str name = s->before[i].entry->rel;
		size_t n = above(name);
		if (!last || last->above != n ||
		    memcmp(name.p, s->before[last->first].entry->rel.p, n) !=
			0) {
			last = &c->runs[c->n_runs++];
			*last = (struct run){.first = i, .above = n};
		}
		last->n++;
	}
}

#define RUN_MIN 4 /* fewer files are not worth opening their folder */

/*
 * Their folder in the folder `at`; `at` itself, and *skip is 0, where that is
 * not to be had: then names are as good, only slower.
 */
static int open_run(
    const struct commit *c, const struct run *run, int at, size_t *skip)
{
	char path[PATH_MAX];
	int fd = -1;

	if (run->n >= RUN_MIN && run->above && run->above <= sizeof(path)) {
		memcpy(path, c->stage->before[run->first].entry->rel.p,
		    run->above - 1);
		path[run->above - 1] = '\0';
		fd = openat(
		    at, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	*skip = fd < 0 ? 0 : run->above;
	return fd < 0 ? at : fd;
}

static void close_run(int fd, int at)
{
	if (fd != at)
		close(fd);
}

static enum err link_run(void *ctx, struct worker *w, size_t i)
{
	struct commit *c = ctx;
	struct stage *s = c->stage;
	const struct run *run = &c->runs[i];
	const char *failed = NULL;
	size_t k = run->first, end = run->first + run->n, skip_from, skip_to;

	while (k < end && !atomic_load(&s->before[k].same))
		k++;
	if (k == end)
		return ERR_OK;
	if (!stage_mkdirs(s, c->folder, s->before[k].entry->rel.p))
		return stage_failed(s, w->diag, s->before[k].entry->rel.p,
		    "it cannot be taken over");
	int from = open_run(c, run, s->previous, &skip_from);
	int to = open_run(c, run, c->folder, &skip_to);
	for (; k < end && !failed; k++) {
		const struct fs_entry *e = s->before[k].entry;
		const char *name = e->rel.p;
		if (atomic_load(&s->before[k].same) &&
		    linkat(from, name + skip_from, to, name + skip_to, 0) !=
			0 &&
		    (errno == ENOENT || !copy_over(s, c->folder, name, e)))
			failed = name;
	}
	enum err err =
	    failed ? stage_failed(s, w->diag, failed, "it cannot be taken over")
		   : ERR_OK;
	close_run(from, s->previous);
	close_run(to, c->folder);
	return err;
}

/* --- for the next run ----------------------------------------------------- */

/* Of the n-th by name: server/ comes before www/. */
static const struct out_file *file_at(const struct commit *c, size_t i)
{
	size_t n_server = c->out->n - c->n_www;

	return &c->out->files[i < n_server ? c->n_www + i : i - n_server];
}

/* What is staged has been written to by nobody else: it is as it will be. */
static enum err look_one(void *ctx, struct worker *w, size_t i)
{
	struct commit *c = ctx;
	const struct out_file *f = file_at(c, i);
	struct memo_output *o = &c->now[i];
	char name[PATH_MAX];
	struct stat st;

	(void)w;
	*o = (struct memo_output){
	    .root = f->root == OUT_WWW ? "www/" : "server/",
	    .path = f->path,
	    .digest = &f->digest,
	    .is_made = f->is_made};
	if (!stage_name(name, f->root, f->path))
		return ERR_OK;
	const struct before *b = stage_before(c->stage, name);
	if (b && atomic_load(&b->same)) {
		o->entry = *b->entry;
	} else if (fstatat(c->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		o->entry.size = st.st_size;
		o->entry.inode = st.st_ino;
		o->entry.mtime = st.st_mtim;
	}
	return ERR_OK;
}

/*
 * A file that is changed within the same tick of the clock as it was written
 * would keep its time; so the tick is waited for, and what is still not past
 * (another machine's clock) is looked at again the next time. A time of ours
 * ahead of the clock has no nanoseconds, as a clock's hardly ever has.
 */
static bool is_settled(const struct fs_entry *e, struct timespec now)
{
	if (e->mtime.tv_sec != now.tv_sec)
		return e->mtime.tv_sec < now.tv_sec || e->mtime.tv_nsec == 0;
	return e->mtime.tv_nsec < now.tv_nsec;
}

static void settle(struct commit *c)
{
	const struct timespec tick = {.tv_nsec = 2000000};
	struct timespec now;
	size_t i = 0;

	for (int tries = 0; tries < 10 && i < c->out->n; tries++) {
		if (tries)
			nanosleep(&tick, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		while (i < c->out->n && is_settled(&c->now[i].entry, now))
			i++;
	}
	for (; i < c->out->n; i++)
		if (!is_settled(&c->now[i].entry, now))
			c->now[i].entry.inode = 0;
}

static void look_at_all(struct commit *c)
{
	struct pool one = {.jobs = 1};

	if (!c->out->memo)
		return;
	c->now = arena_array(c->out->arena, c->out->n, sizeof(*c->now));
	if (pool_each(c->out->pool ? c->out->pool : &one, NULL, c->out->n,
		look_one, c) == ERR_OK)
		settle(c);
	else
		c->now = NULL;
}

static void remember(const struct commit *c, const struct diag *diag)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->out->n; i++)
		bytes += c->out->files[i].digest.bytes;
	if (c->now)
		memo_save(c->out->memo, c->now, c->out->n, bytes, diag);
}

/* --- in place ------------------------------------------------------------- */

static size_t count_same(const struct stage *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_before; i++)
		n += atomic_load(&s->before[i].same);
	return n;
}

/* What stays, and why, is told by who removes the rest. */
static enum err unlink_run(void *ctx, struct worker *w, size_t i)
{
	const struct commit *c = ctx;
	const struct run *run = &c->runs[i];
	size_t skip;

	(void)w;
	int folder = open_run(c, run, c->stage->previous, &skip);
	for (size_t k = run->first; k < run->first + run->n; k++)
		unlinkat(folder, c->stage->before[k].entry->rel.p + skip, 0);
	close_run(folder, c->stage->previous);
	return ERR_OK;
}

/* Only once the new output is in place: nothing is lost if it stays. */
static bool remove_old(const char *path, struct diag *diag)
{
	bool gone = fs_remove_tree(path, NULL) == ERR_OK;

	if (!gone)
		diag_warn(diag, POS_FILE(path), "left-behind",
		    "the output is written, but what was there before cannot "
		    "be removed: %s; delete it",
		    strerror(errno));
	return gone;
}

/* The swap itself has to survive a power loss as well. */
static enum err sync_parent(const struct stage *s, struct diag *diag)
{
	if (fs_sync_dir(s->parent, NULL) == ERR_OK)
		return ERR_OK;
	diag_error(diag, POS_FILE(s->dir), "io-error",
	    "the new output is in place, but its folder cannot be synced: %s; "
	    "build again before you rely on it",
	    strerror(errno));
	return ERR_IO;
}

static enum err swap(struct stage *s, const char **old, struct diag *diag)
{
	*old = NULL;
	if (s->previous < 0) {
		if (rename(s->staging, s->dir) == 0)
			return ERR_OK;
		return stage_failed(s, diag, "", "it cannot be put in place");
	}
	*old = s->staging;
	if (renameat2(
		AT_FDCWD, s->staging, AT_FDCWD, s->dir, RENAME_EXCHANGE) == 0)
		return ERR_OK;
	if (errno != EINVAL && errno != ENOSYS)
		return stage_failed(s, diag, "", "it cannot be put in place");
	*old = s->old;
	if (rename(s->dir, s->old) != 0)
		return stage_failed(s, diag, "", "it cannot be put aside");
	if (rename(s->staging, s->dir) != 0) {
		enum err err =
		    stage_failed(s, diag, "", "it cannot be put in place");
		if (rename(s->old, s->dir) != 0)
			stage_failed(s, diag, "", "it cannot be put back");
		return err;
	}
	return ERR_OK;
}

static enum err replace(struct commit *c, struct diag *diag)
{
	struct stage *s = c->stage;
	struct pool one = {.jobs = 1};
	struct pool *pool = c->out->pool ? c->out->pool : &one;
	const char *old;
	enum err err = stage_folder(s, diag, &c->folder);

	find_runs(c);
	if (err == ERR_OK)
		err = pool_each(pool, diag, c->n_runs, link_run, c);
	/* one call for all files; a folder's names are files' bytes to it */
	if (err == ERR_OK && syncfs(c->folder) != 0)
		err = stage_failed(s, diag, "", "it cannot be synced");
	if (err != ERR_OK)
		return err;
	look_at_all(c);
	err = swap(s, &old, diag);
	if (err != ERR_OK)
		return err;
	err = sync_parent(s, diag);
	if (old && pool_each(pool, NULL, c->n_runs, unlink_run, c) != ERR_OK)
		return ERR_IO;
	bool gone = !old || remove_old(old, diag);
	/* a run that has nothing to do would leave it there */
	if (gone && err == ERR_OK)
		remember(c, diag);
	stage_close(s);
	return err;
}

/* What is not as it was, the first few by name. */
static void say_written(const struct commit *c)
{
	size_t told = 0;

	for (size_t i = 0; i < c->out->n && told < NAMES_TOLD; i++) {
		const struct out_file *f = &c->out->files[i];
		char name[PATH_MAX];
		const struct before *b = NULL;
		if (stage_name(name, f->root, f->path))
			b = stage_before(c->stage, name);
		if (b && atomic_load(&b->same))
			continue;
		fputs("  ", c->out->talk);
		diag_put_text(str_of(name), c->out->talk);
		fputc('\n', c->out->talk);
		told++;
	}
	if (c->out->written > told)
		fprintf(
		    c->out->talk, "  … and %zu more\n", c->out->written - told);
}

enum err out_commit(struct out *out, struct diag *diag)
{
	struct stage *s = out->stage;
	struct commit c = {.out = out, .stage = s};
	enum err err = ERR_OK;

	if (!s)
		return ERR_OK;
	out_sort(out);
	while (c.n_www < out->n && out->files[c.n_www].root == OUT_WWW)
		c.n_www++;
	size_t same = count_same(s), written = atomic_load(&s->written);
	out->unchanged = same;
	out->written = written;
	if (same + written != out->n) {
		diag_error(diag, POS_FILE(s->dir), "output-clash",
		    "%zu files were to be written and there are %zu; some have "
		    "names that this file system does not tell apart",
		    out->n, same + written);
		err = ERR_INPUT;
	} else if (written || same != s->n_before || s->previous < 0) {
		if (out->talk)
			say_written(&c);
		out->replaced = true;
		err = replace(&c, diag);
	} else {
		look_at_all(&c);
		remember(&c, diag);
	}
	out_abandon(out);
	return err;
}

void out_abandon(struct out *out)
{
	struct stage *s = out->stage;

	if (!s)
		return;
	if (atomic_load(&s->folder) >= 0 &&
	    fs_remove_tree(s->staging, NULL) != ERR_OK)
		errno = 0; /* the next run empties it */
	stage_close(s);
}
