#include "generator/out-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "generator/manifest.h"
#include "generator/memo.h"

/*
 * Taking an output folder: where it is, whose it is, and the lock. What is in
 * it is looked at before a producer runs, so that a folder of somebody else's
 * costs nobody the time of a build.
 */
#define TRIES 8 /* of a lock whose folder went away meanwhile */

enum err stage_failed(const struct stage *s, struct diag *diag,
    const char *name, const char *what)
{
	char path[PATH_MAX];
	const char *reason = strerror(errno);

	snprintf(path, sizeof(path), "%s%s%s", s->dir, *name ? "/" : "", name);
	diag_error(diag, POS_FILE(path), "io-error",
	    "%s: %s; the previous output is untouched", what, reason);
	return ERR_IO;
}

/* Splits spec->dir into its folder and its name; a link to it is followed. */
static enum err locate(struct stage *s, const char *dir, struct diag *diag)
{
	char real[PATH_MAX];
	struct stat st;
	bool link = lstat(dir, &st) == 0 && S_ISLNK(st.st_mode);
	struct str all = str_of(link && realpath(dir, real) ? real : dir);

	while (all.n > 1 && str_ends(all, "/"))
		all.n--;
	size_t slash = all.n;
	while (slash && all.p[slash - 1] != '/')
		slash--;
	struct str name = str_slice(all, slash, all.n);
	if (name.n == 0 || str_is(name, ".") || str_is(name, "..")) {
		diag_error(diag, POS_NONE, "bad-value",
		    "\"%s\" cannot be the output folder; name one with --out",
		    dir);
		return ERR_INPUT;
	}
	s->dir = arena_cstr(s->a, all);
	s->parent = slash ? arena_cstr(s->a, str_slice(all, 0, slash)) : ".";
	s->staging = arena_printf(
	    s->a, "%.*s.%.*s.lowtide-staging", (int)slash, all.p, STR_ARG(name))
			 .p;
	s->old = arena_printf(
	    s->a, "%.*s.%.*s.lowtide-old", (int)slash, all.p, STR_ARG(name))
		     .p;
	return ERR_OK;
}

bool out_is_tidy(struct arena *a, const char *dir)
{
	struct stage s = {.a = a};
	struct stat st;

	return locate(&s, dir, NULL) == ERR_OK && lstat(s.staging, &st) != 0 &&
	       lstat(s.old, &st) != 0;
}

static enum err busy(const struct stage *s, struct diag *diag)
{
	diag_error(diag, POS_FILE(s->dir), "output-busy",
	    "another run is writing there; wait for it");
	return ERR_BUSY;
}

/*
 * Opens and locks the folder at `path`. ERR_NOT_FOUND without a finding when
 * there is none, ERR_BUSY as well, ERR_IO with errno.
 */
static enum err take(const char *path, int *fd)
{
	struct stat held, named;

	for (int tries = 0; tries < TRIES; tries++) {
		*fd =
		    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*fd < 0)
			return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		/* where locks are not to be had, there is none */
		bool other =
		    flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
		/* the name may mean another folder by now */
		if (!other && fstat(*fd, &held) == 0 &&
		    lstat(path, &named) == 0 && held.st_ino == named.st_ino &&
		    held.st_dev == named.st_dev)
			return ERR_OK;
		close(*fd);
		*fd = -1;
		if (other)
			return ERR_BUSY;
	}
	return ERR_BUSY;
}

/* What a killed run left is emptied and used; a missing one is made. */
static enum err take_staging(struct stage *s, bool make, struct diag *diag)
{
	enum err err = ERR_NOT_FOUND;
	int fd = -1;

	for (int tries = 0; tries < TRIES && err == ERR_NOT_FOUND; tries++) {
		if (make && mkdir(s->staging, 0755) != 0 && errno != EEXIST)
			return stage_failed(s, diag, "", "it cannot be staged");
		err = take(s->staging, &fd);
		if (!make && err == ERR_NOT_FOUND)
			return ERR_OK;
	}
	if (err == ERR_IO) {
		diag_error(diag, POS_FILE(s->staging), "io-error",
		    "it is in the way of what is staged there: %s; remove it",
		    strerror(errno));
		return ERR_IO;
	}
	if (err != ERR_OK)
		return busy(s, diag);
	if (fs_remove_within(fd) != 0 || fchmod(fd, 0755) != 0) {
		err = stage_failed(s, diag, "", "it cannot be staged");
		close(fd);
		return err;
	}
	atomic_store(&s->folder, fd);
	return ERR_OK;
}

enum err stage_folder(struct stage *s, struct diag *diag, int *fd)
{
	enum err err = ERR_OK;

	*fd = atomic_load(&s->folder);
	if (*fd >= 0)
		return ERR_OK;
	pthread_mutex_lock(&s->mutex);
	if (atomic_load(&s->folder) < 0)
		err = take_staging(s, true, diag);
	*fd = atomic_load(&s->folder);
	pthread_mutex_unlock(&s->mutex);
	return err;
}

/* The previous output itself, put back if its run was killed in between. */
static enum err take_previous(struct stage *s, struct diag *diag)
{
	struct stat st;
	bool exists = lstat(s->dir, &st) == 0, left = lstat(s->old, &st) == 0;
	int held = -1;

	/* a run that is between its two renames, and not killed, has it */
	if (left && take(s->old, &held) == ERR_BUSY)
		return busy(s, diag);
	if (held >= 0)
		close(held);
	if (!exists && left && rename(s->old, s->dir) != 0)
		return stage_failed(s, diag, "", "it cannot be put back");
	if (exists && left && fs_remove_tree(s->old, diag) != ERR_OK)
		return ERR_IO;
	enum err err = take(s->dir, &s->previous);
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err == ERR_BUSY)
		return busy(s, diag);
	if (errno != ENOTDIR && errno != ELOOP)
		return stage_failed(s, diag, "", "it cannot be opened");
	diag_error(diag, POS_FILE(s->dir), "output-not-ours",
	    "it is no folder; name another one with --out");
	return ERR_INPUT;
}

/* --- whose it is -------------------------------------------------------- */

struct ours {
	const struct stage *stage;
	struct diag *diag;
	struct manifest manifest; /* of the previous output */
};

/* ERR_IO with a finding; anything else is that there is none of ours. */
static enum err read_manifest(struct ours *o)
{
	struct arena *a = o->stage->a;
	const char *file = fs_join(a, o->stage->dir, "www/" OUT_MANIFEST);
	struct str bytes;
	enum err err = fs_read(a, file, MANIFEST_MAX, o->diag, &bytes);

	return err == ERR_OK ? manifest_read(a, bytes, file, NULL, &o->manifest)
			     : err;
}

static bool is_ours(const struct ours *o, struct str path)
{
	enum encoding encoding;

	return manifest_find(&o->manifest, path) ||
	       manifest_original(&o->manifest, path, &encoding) ||
	       str_is(path, OUT_MANIFEST) || str_is(path, MANIFEST_SIGNATURE);
}

static enum err not_ours(const struct ours *o, const char *what)
{
	diag_error(o->diag, POS_FILE(fs_join(o->stage->a, o->stage->dir, what)),
	    "output-not-ours",
	    "no build wrote this, so it is not deleted; name another folder "
	    "with --out, or say --force");
	return ERR_INPUT;
}

/*
 * Everything below www must be in the manifest. server/ has no list; it is
 * taken as ours where the manifest is.
 */
static enum err check_ours(
    const struct stage *s, const struct fs_list *list, struct diag *diag)
{
	struct ours o = {.stage = s, .diag = diag};
	enum err err = ERR_OK;
	bool known = true;

	/* what a memo knows has been written by the run that left it */
	for (size_t i = 0; i < list->n && known; i++)
		known = s->before[i].known;
	if (known)
		return ERR_OK;
	err = read_manifest(&o);
	if (err != ERR_OK)
		return err == ERR_IO ? err : not_ours(&o, "");
	for (size_t i = 0; i < list->n; i++) {
		struct str rel = list->entries[i].rel;
		if (str_starts(rel, "server/") || s->before[i].known)
			continue;
		if (!str_starts(rel, "www/") ||
		    !is_ours(&o, str_slice(rel, 4, rel.n)))
			err = not_ours(&o, arena_cstr(s->a, rel));
	}
	return err;
}

static enum err look_at_previous(
    struct stage *s, struct memo *memo, bool force, struct diag *diag)
{
	struct stat st;
	struct fs_list list;
	enum err err = ERR_OK;
	const struct fs_list *seen =
	    fstat(s->previous, &st) == 0 ? memo_output(memo, st.st_ino) : NULL;
	const struct memo_known *known = seen ? memo_digests(memo) : NULL;

	if (seen)
		list = *seen;
	else
		err = fs_walk(s->a, s->dir, force ? NULL : diag, &list);
	s->before = arena_array(s->a, list.n, sizeof(*s->before));
	s->n_before = list.n;
	for (size_t i = 0; i < list.n; i++) {
		s->before[i].entry = &list.entries[i];
		if (!known)
			continue;
		s->before[i].known = known[i].digest;
		s->before[i].is_made = known[i].is_made;
	}
	if (force)
		return ERR_OK;
	return err == ERR_OK ? check_ours(s, &list, diag) : err;
}

/* Whether files of mode 0755 come out as such; of the whole process. */
static bool umask_takes(void)
{
	mode_t mask = umask(022);

	umask(mask);
	return mask & 0755;
}

enum err out_open(
    struct out *out, const struct out_spec *spec, struct diag *diag)
{
	struct stage *s = arena_alloc(out->arena, sizeof(*s));

	*s = (struct stage){
	    .a = out->arena, .previous = -1, .must_chmod = umask_takes()};
	atomic_init(&s->folder, -1);
	pthread_mutex_init(&s->mutex, NULL);
	out->stage = s;
	enum err err = locate(s, spec->dir, diag);
	if (err == ERR_OK)
		err = fs_mkdirs(s->parent, 0755, diag);
	if (err == ERR_OK)
		err = take_previous(s, diag);
	/* one that is there tells of another run, or is in the way */
	if (err == ERR_OK)
		err = take_staging(s, s->previous < 0, diag);
	if (err == ERR_OK && s->previous >= 0)
		err = look_at_previous(s, out->memo, spec->force, diag);
	if (err != ERR_OK)
		out_abandon(out);
	return err;
}

void stage_close(struct stage *s)
{
	int folder = atomic_exchange(&s->folder, -1);

	if (folder >= 0)
		close(folder);
	if (s->previous >= 0)
		close(s->previous);
	s->previous = -1;
}
