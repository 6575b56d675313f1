#include "generator/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"

/* What was published before, and what of it is kept. */
static enum err read_stdin(struct arena *a, struct diag *diag, struct str *out)
{
	struct buf buf = {0};
	enum err err = ERR_OK;
	ssize_t n = 1;

	while (n > 0 && !err) {
		buf_reserve(&buf, 65536);
		n = read(STDIN_FILENO, buf.data + buf.len, 65536);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0) {
			diag_error(diag, POS_NONE, "io-error",
			    "the standard input could not be read: %s",
			    strerror(errno));
			err = ERR_IO;
		}
		buf.len += n > 0 ? (size_t)n : 0;
		if (buf.len > MANIFEST_MAX) {
			diag_error(diag, POS_NONE, "manifest-too-large",
			    "the standard input has more than %zu bytes",
			    MANIFEST_MAX);
			err = ERR_INPUT;
		}
	}
	if (!err)
		*out = arena_str(a, buf_str(&buf));
	buf_release(&buf);
	return err;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The manifest of a folder: an output folder's, or its www's. */
static enum err read_folder(struct arena *a, const char *dir, struct diag *diag,
    struct previous *p, const char **file, struct str *out)
{
	const char *const folders[] = {fs_join(a, dir, "www"), dir};
	enum err err = ERR_NOT_FOUND;

	for (size_t i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		p->dir = folders[i];
		*file = fs_join(a, p->dir, OUT_MANIFEST);
		err = fs_read(a, *file, MANIFEST_MAX, diag, out);
	}
	return err;
}

enum err previous_load(struct arena *a, const char *where, struct diag *diag,
    const struct previous **out)
{
	struct previous *p = arena_alloc(a, sizeof(*p));
	const char *file = where;
	struct str text = {0};
	enum err err;

	*out = NULL;
	if (!where || strcmp(where, "none") == 0)
		return ERR_OK;
	if (strcmp(where, "-") == 0) {
		file = "(standard input)";
		err = read_stdin(a, diag, &text);
	} else if (is_folder(where)) {
		err = read_folder(a, where, diag, p, &file, &text);
	} else {
		err = fs_read(a, where, MANIFEST_MAX, diag, &text);
	}
	if (err == ERR_NOT_FOUND) {
		diag_error(diag, POS_FILE(where), "no-manifest",
		    "there is no manifest of an earlier release; name its "
		    "folder or file, or say --previous none");
		return ERR_INPUT;
	}
	if (!err)
		err = manifest_read(a, text, file, diag, &p->manifest);
	p->text = text;
	if (!err)
		*out = p;
	return err;
}

/* --- releases --------------------------------------------------------- */

/* Is the path one of the manifest's, or would it be a sibling of one? */
static bool has(const struct manifest *m, struct str path)
{
	if (manifest_find(m, path))
		return true;
	for (size_t i = 0; i < ENCODING_COUNT; i++) {
		const char *ending = encoding_rows[i].ending;
		if (str_ends(path, ending) &&
		    manifest_find(
			m, str_slice(path, 0, path.n - strlen(ending))))
			return true;
	}
	return false;
}

static int by_str(const void *left, const void *right)
{
	const struct str *a = left, *b = right;

	return str_cmp(*a, *b);
}

/* What clients of the previous release may ask for and the new one lacks. */
static struct manifest_release own_of(
    struct arena *a, const struct manifest *previous, const struct manifest *m)
{
	struct manifest_release r = {.id = previous->id};

	r.paths = arena_array(
	    a, previous->n * (1 + ENCODING_COUNT), sizeof(*r.paths));
	for (size_t i = 0; i < previous->n; i++) {
		const struct manifest_file *f = &previous->files[i];
		if (f->class != OUT_IMMUTABLE || has(m, f->path))
			continue;
		r.paths[r.n++] = f->path;
		for (size_t e = 0; e < ENCODING_COUNT; e++)
			if (f->siblings[e].bytes)
				r.paths[r.n++] =
				    manifest_sibling_path(a, f->path, e);
	}
	if (r.n)
		qsort(r.paths, r.n, sizeof(*r.paths), by_str);
	return r;
}

/* What an earlier one kept, but for what has come back. */
static struct manifest_release rest_of(struct arena *a,
    const struct manifest_release *old, const struct manifest *m)
{
	struct manifest_release r = {.id = old->id};

	r.paths = arena_array(a, old->n, sizeof(*r.paths));
	for (size_t i = 0; i < old->n; i++)
		if (!has(m, old->paths[i]))
			r.paths[r.n++] = old->paths[i];
	return r;
}

/*
 * A path stands with the newest of those that need it alone: it outlives the
 * others. So nothing is lost when the oldest is dropped, and each is listed
 * once.
 */
void manifest_keep(struct arena *a, struct manifest *m,
    const struct manifest *previous, size_t keep)
{
	m->n_releases = 0;
	if (!previous || keep < 2)
		return;
	m->releases =
	    arena_array(a, previous->n_releases + 1, sizeof(*m->releases));
	if (!str_eq(previous->id, m->id))
		m->releases[m->n_releases++] = own_of(a, previous, m);
	for (size_t i = 0; i < previous->n_releases; i++) {
		const struct manifest_release *old = &previous->releases[i];
		if (m->n_releases + 1 >= keep)
			return;
		if (!str_eq(old->id, m->id))
			m->releases[m->n_releases++] = rest_of(a, old, m);
	}
}
