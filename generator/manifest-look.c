#include "generator/manifest.h"

#include <stdlib.h>
#include <string.h>

/* Questions about what a manifest has. */
static int by_path(const void *key, const void *row)
{
	const struct str *path = key;
	const struct manifest_file *f = row;

	return str_cmp(*path, f->path);
}

const struct manifest_file *manifest_find(
    const struct manifest *m, struct str path)
{
	return m->n ? bsearch(&path, m->files, m->n, sizeof(*m->files), by_path)
		    : NULL;
}

const struct manifest_file *manifest_original(
    const struct manifest *m, struct str path, enum encoding *encoding)
{
	for (size_t i = 0; i < ENCODING_COUNT; i++) {
		const char *ending = encoding_rows[i].ending;
		if (!str_ends(path, ending))
			continue;
		const struct manifest_file *of = manifest_find(
		    m, str_slice(path, 0, path.n - strlen(ending)));
		*encoding = (enum encoding)i;
		if (of && of->siblings[i].bytes)
			return of;
	}
	return NULL;
}

struct str manifest_sibling_path(
    struct arena *a, struct str path, enum encoding encoding)
{
	const struct str parts[] = {
	    path, str_of(encoding_rows[encoding].ending)};

	return arena_join(a, 2, parts);
}

bool manifest_same_bytes(
    const struct manifest_file *a, const struct manifest_file *b)
{
	return a->digest.bytes == b->digest.bytes &&
	       memcmp(a->digest.blake2b, b->digest.blake2b,
		   sizeof(a->digest.blake2b)) == 0;
}

bool manifest_same_headers(
    const struct manifest_file *a, const struct manifest_file *b)
{
	return a->class == b->class && str_eq(a->type, b->type);
}

bool manifest_same_sibling(
    const struct manifest_sibling *a, const struct manifest_sibling *b)
{
	return a->bytes == b->bytes &&
	       (a->bytes == 0 ||
		   memcmp(a->blake2b, b->blake2b, sizeof(a->blake2b)) == 0);
}

bool manifest_same_file(
    const struct manifest_file *a, const struct manifest_file *b)
{
	if (!manifest_same_bytes(a, b) || !manifest_same_headers(a, b))
		return false;
	for (size_t i = 0; i < ENCODING_COUNT; i++)
		if (!manifest_same_sibling(&a->siblings[i], &b->siblings[i]))
			return false;
	return true;
}
