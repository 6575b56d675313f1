#include "generator/plan.h"

/*
 * After a deploy that was interrupted, each of its files may be there or not
 * yet, and each that it was to delete may be gone. Bytes that nothing has
 * stand for what is not known.
 */
#define UNKNOWN UINT64_MAX

/* With all siblings that it has or may have. */
static struct manifest_file unsure(const struct manifest_file *f,
    const struct manifest_file *other, bool may_be_missing)
{
	struct manifest_file row = *f;

	row.digest.bytes = UNKNOWN;
	for (size_t i = 0; i < ENCODING_COUNT; i++)
		if (f->siblings[i].bytes || (other && other->siblings[i].bytes))
			row.siblings[i].bytes = UNKNOWN;
	if (may_be_missing)
		row.type = (struct str){0};
	return row;
}

bool plan_may_be_missing(const struct manifest_file *f)
{
	return f->type.n == 0;
}

struct manifest plan_doubt(struct arena *a, const struct manifest *there,
    const struct manifest *attempt)
{
	struct manifest m = *there;
	size_t i = 0, j = 0;

	m.n = 0;
	m.files = arena_array(a, there->n + attempt->n, sizeof(*m.files));
	while (i < there->n || j < attempt->n) {
		const struct manifest_file *f =
		    i < there->n ? &there->files[i] : NULL;
		const struct manifest_file *g =
		    j < attempt->n ? &attempt->files[j] : NULL;
		int order = !f ? 1 : !g ? -1 : str_cmp(f->path, g->path);
		i += order <= 0;
		j += order >= 0;
		if (order == 0)
			m.files[m.n++] =
			    manifest_same_file(f, g)
				? *f
				: unsure(f, g, plan_may_be_missing(f));
		else
			m.files[m.n++] = unsure(order < 0 ? f : g, NULL, true);
	}
	m.n_releases = there->n_releases + attempt->n_releases;
	m.releases = arena_array(a, m.n_releases, sizeof(*m.releases));
	for (size_t k = 0; k < m.n_releases; k++)
		m.releases[k] = k < there->n_releases
				    ? there->releases[k]
				    : attempt->releases[k - there->n_releases];
	return m;
}
