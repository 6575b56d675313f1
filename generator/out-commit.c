#include "generator/out-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	ssize_t n;

	while (good && (n = read(in, piece, sizeof(piece))) != 0)
		for (ssize_t at = 0, w; at < n && good; at += w) {
			w = write(out, piece + at, (size_t)(n - at));
			good = n > 0 && w >= 0;
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

static enum err link_same(struct stage *s, int folder, struct diag *diag)
{
	for (size_t i = 0; i < s->n_before; i++) {
		const struct fs_entry *e = s->before[i].entry;
		const char *name = e->rel.p;
		if (!atomic_load(&s->before[i].same))
			continue;
		if (linkat(s->previous, name, folder, name, 0) == 0)
			continue;
		if (errno == ENOENT && stage_mkdirs(s, folder, name) &&
		    linkat(s->previous, name, folder, name, 0) == 0)
			continue;
		if (!copy_over(s, folder, name, e))
			return stage_failed(
			    s, diag, name, "it cannot be taken over");
	}
	return ERR_OK;
}

static size_t count_same(const struct stage *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_before; i++)
		n += atomic_load(&s->before[i].same);
	return n;
}

/* Only once the new output is in place: nothing is lost if it stays. */
static void remove_old(const char *path, struct diag *diag)
{
	if (fs_remove_tree(path, NULL) != ERR_OK)
		diag_warn(diag, POS_FILE(path), "left-behind",
		    "the output is written, but what was there before cannot "
		    "be removed: %s; delete it",
		    strerror(errno));
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

static enum err replace(struct stage *s, struct diag *diag)
{
	const char *old;
	int folder;
	enum err err = stage_folder(s, diag, &folder);

	if (err == ERR_OK)
		err = link_same(s, folder, diag);
	/* one call for all files; a folder's names are files' bytes to it */
	if (err == ERR_OK && syncfs(folder) != 0)
		err = stage_failed(s, diag, "", "it cannot be synced");
	if (err == ERR_OK)
		err = swap(s, &old, diag);
	if (err != ERR_OK)
		return err;
	err = fs_sync_dir(s->parent, diag);
	if (old)
		remove_old(old, diag);
	stage_close(s);
	return err;
}

enum err out_commit(struct out *out, struct diag *diag)
{
	struct stage *s = out->stage;
	enum err err = ERR_OK;

	if (!s)
		return ERR_OK;
	out_sort(out);
	size_t same = count_same(s), written = atomic_load(&s->written);
	if (same + written != out->n) {
		diag_error(diag, POS_FILE(s->dir), "output-clash",
		    "%zu files were to be written and there are %zu; some have "
		    "names that this file system does not tell apart",
		    out->n, same + written);
		err = ERR_INPUT;
	} else if (written || same != s->n_before || s->previous < 0) {
		err = replace(s, diag);
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
