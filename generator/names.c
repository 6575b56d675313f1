#include "generator/build.h"

#include <ctype.h>
#include <string.h>

/*
 * Names that some places cannot tell apart. Linux and most buckets can; a Mac,
 * Windows and some hosts of static files take A.txt for a.txt, and one of the
 * two is lost there without a word. So it is said here, as a warning. Only
 * ASCII is folded: what else such places fold differs from one to the next.
 */
static bool same_folded(struct str a, struct str b)
{
	return str_ieq(a, b) && !str_eq(a, b);
}

/* FNV-1a of the lower-case path. */
static size_t hash_folded(struct str path)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ (uint64_t)tolower((unsigned char)path.p[i])) *
		    1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static void tell(
    struct build *b, const struct out_file *f, const struct out_file *other)
{
	diag_warn(b->diag, f->pos, "case-clash",
	    "%.*s and %.*s differ in upper and lower case alone; some hosts "
	    "and computers would keep only one of them, so rename one",
	    STR_ARG(f->path), STR_ARG(other->path));
}

enum err produce_names(struct build *b)
{
	struct arena a;
	size_t cap = 64;

	while (cap < 2 * b->out.n)
		cap *= 2;
	arena_init(&a);
	const struct out_file **seen = arena_array(&a, cap, sizeof(*seen));
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root != OUT_WWW)
			continue;
		size_t at = hash_folded(f->path) & (cap - 1);
		while (seen[at] && !str_ieq(seen[at]->path, f->path))
			at = (at + 1) & (cap - 1);
		if (seen[at] && same_folded(seen[at]->path, f->path))
			tell(b, f, seen[at]);
		else
			seen[at] = f;
	}
	arena_release(&a);
	return ERR_OK;
}
