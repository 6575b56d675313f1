#include "generator/plan.h"

#include <stdlib.h>
#include <string.h>

/*
 * Both lists of files are in the order of their paths, so they are walked side
 * by side into pairs. Each pair has one rank; the changes are what the pairs of
 * a rank ask for, rank after rank.
 */
const char *const plan_step_names[PLAN_STEP_COUNT] = {
    [PLAN_IMMUTABLE] = "immutable",
    [PLAN_NEW] = "new",
    [PLAN_STALE] = "stale",
    [PLAN_PAGES] = "pages",
    [PLAN_POINTERS] = "pointers",
    [PLAN_DELETE] = "delete",
    [PLAN_MANIFEST] = "manifest",
};
const char *const plan_why_names[PLAN_WHY_COUNT] = {
    [PLAN_IS_NEW] = "new",
    [PLAN_CHANGED] = "changed",
    [PLAN_HEADERS] = "headers",
    [PLAN_GONE] = "gone",
};

enum rank {
	RANK_IMMUTABLE,
	RANK_NEW_POINTER,
	RANK_NEW_PAGE,
	RANK_STALE,		/* of every pair that has both */
	RANK_CHANGED_IMMUTABLE, /* never meant to be, but it may happen */
	RANK_PAGE,
	RANK_POINTER,
	RANK_GONE_PAGE,
	RANK_GONE_POINTER,
	RANK_GONE_IMMUTABLE,
	RANK_COUNT
};
static const enum plan_step steps[RANK_COUNT] = {
    [RANK_IMMUTABLE] = PLAN_IMMUTABLE,
    [RANK_NEW_POINTER] = PLAN_NEW,
    [RANK_NEW_PAGE] = PLAN_NEW,
    [RANK_STALE] = PLAN_STALE,
    [RANK_CHANGED_IMMUTABLE] = PLAN_PAGES,
    [RANK_PAGE] = PLAN_PAGES,
    [RANK_POINTER] = PLAN_POINTERS,
    [RANK_GONE_PAGE] = PLAN_DELETE,
    [RANK_GONE_POINTER] = PLAN_DELETE,
    [RANK_GONE_IMMUTABLE] = PLAN_DELETE,
};

struct pair {
	const struct manifest_file *now, *before; /* one may be NULL */
	/* what may be there or not: as good as not, but it is deleted */
	const struct manifest_file *maybe;
	enum rank rank;
};

struct planner {
	struct arena *a;
	const struct plan_input *in;
	const struct manifest *there; /* NULL: nothing */
	struct plan *plan;
	struct pair *pairs;
	size_t n;
	struct str *kept; /* what the releases hold, sorted */
	size_t n_kept;
};

/* --- lists ------------------------------------------------------------ */

static void *bigger(
    struct arena *a, const void *old, size_t n, size_t *cap, size_t size)
{
	*cap = *cap ? 2 * *cap : 64;
	void *items = arena_array(a, *cap, size);
	if (n)
		memcpy(items, old, n * size);
	return items;
}

static void add(struct planner *p, struct plan_change change)
{
	struct plan *plan = p->plan;

	if (plan->n == plan->cap)
		plan->changes = bigger(p->a, plan->changes, plan->n, &plan->cap,
		    sizeof(*plan->changes));
	plan->changes[plan->n++] = change;
	if (change.why == PLAN_GONE) {
		plan->n_deletes++;
	} else {
		plan->n_uploads++;
		plan->bytes += change.bytes;
	}
}

static void add_url(struct planner *p, struct str url)
{
	struct plan *plan = p->plan;

	if (plan->n_urls == plan->cap_urls)
		plan->urls = bigger(p->a, plan->urls, plan->n_urls,
		    &plan->cap_urls, sizeof(*plan->urls));
	plan->urls[plan->n_urls++] = url;
}

static void add_urls(struct planner *p, struct str path)
{
	struct str urls[PLAN_URLS_MAX];
	size_t n = plan_urls(p->a, path, urls);

	for (size_t i = 0; i < n; i++)
		add_url(p, urls[i]);
}

static int by_str(const void *left, const void *right)
{
	const struct str *a = left, *b = right;

	return str_cmp(*a, *b);
}

/* Sorts, and leaves one of those that are equal. */
static size_t unique(struct str *list, size_t n)
{
	size_t left = 0;

	if (n)
		qsort(list, n, sizeof(*list), by_str);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !str_eq(list[i], list[left - 1]))
			list[left++] = list[i];
	return left;
}

/* All paths of all releases of a manifest, sorted. */
static struct str *released(
    struct arena *a, const struct manifest *m, size_t *n)
{
	size_t all = 0, at = 0;

	for (size_t i = 0; i < m->n_releases; i++)
		all += m->releases[i].n;
	struct str *paths = arena_array(a, all, sizeof(*paths));
	for (size_t i = 0; i < m->n_releases; i++)
		for (size_t j = 0; j < m->releases[i].n; j++)
			paths[at++] = m->releases[i].paths[j];
	*n = unique(paths, all);
	return paths;
}

static bool holds(const struct manifest *m, struct str path)
{
	enum encoding encoding;

	return manifest_find(m, path) || manifest_original(m, path, &encoding);
}

/* Whether it may still be asked for when this release is out. */
static bool is_needed(const struct planner *p, struct str path)
{
	return holds(p->in->now, path) ||
	       (p->n_kept && bsearch(&path, p->kept, p->n_kept,
				 sizeof(*p->kept), by_str));
}

/* --- pairs ------------------------------------------------------------ */

static enum rank rank_of(const struct pair *pair)
{
	static const enum rank ranks[][3] = {
	    [OUT_IMMUTABLE] = {RANK_IMMUTABLE, RANK_CHANGED_IMMUTABLE,
		RANK_GONE_IMMUTABLE},
	    [OUT_POINTER] = {RANK_NEW_POINTER, RANK_POINTER, RANK_GONE_POINTER},
	    [OUT_PAGE] = {RANK_NEW_PAGE, RANK_PAGE, RANK_GONE_PAGE},
	};

	if (!pair->now)
		return ranks[pair->before->class][2];
	return ranks[pair->now->class][pair->before != NULL];
}

static void find_pairs(struct planner *p)
{
	static const struct manifest nothing;
	const struct manifest *now = p->in->now;
	const struct manifest *before = p->there ? p->there : &nothing;
	size_t i = 0, j = 0;

	p->pairs = arena_array(p->a, now->n + before->n, sizeof(*p->pairs));
	while (i < now->n || j < before->n) {
		struct pair *pair = &p->pairs[p->n++];
		int order = i == now->n	     ? 1
			    : j == before->n ? -1
					     : str_cmp(now->files[i].path,
						   before->files[j].path);
		if (order <= 0)
			pair->now = &now->files[i++];
		if (order >= 0)
			pair->before = &before->files[j++];
		if (pair->before && plan_may_be_missing(pair->before)) {
			pair->maybe = pair->before;
			pair->before = pair->now ? NULL : pair->before;
		}
		pair->rank = rank_of(pair);
	}
}

/* --- changes ---------------------------------------------------------- */

static void upload_sibling(struct planner *p, const struct pair *pair, int e)
{
	static const struct manifest_sibling none;
	const struct manifest_sibling *now = &pair->now->siblings[e];
	const struct manifest_sibling *before =
	    pair->before ? &pair->before->siblings[e] : &none;

	if (!now->bytes)
		return;
	if (manifest_same_sibling(now, before) &&
	    manifest_same_headers(pair->now, pair->before)) {
		p->plan->unchanged++;
		return;
	}
	add(p, (struct plan_change){.path = manifest_sibling_path(p->a,
					pair->now->path, (enum encoding)e),
		   .step = steps[pair->rank],
		   .why = !before->bytes		       ? PLAN_IS_NEW
			  : manifest_same_sibling(now, before) ? PLAN_HEADERS
							       : PLAN_CHANGED,
		   .bytes = now->bytes,
		   .file = pair->now,
		   .before = before->bytes ? pair->before : NULL,
		   .encoding = e});
}

static void upload(struct planner *p, const struct pair *pair)
{
	const struct manifest_file *now = pair->now, *before = pair->before;
	bool bytes = before && manifest_same_bytes(now, before);

	for (int e = 0; e < ENCODING_COUNT; e++)
		upload_sibling(p, pair, e);
	if (bytes && manifest_same_headers(now, before)) {
		p->plan->unchanged++;
		return;
	}
	add(p, (struct plan_change){.path = now->path,
		   .step = steps[pair->rank],
		   .why = bytes	   ? PLAN_HEADERS
			  : before ? PLAN_CHANGED
				   : PLAN_IS_NEW,
		   .bytes = now->digest.bytes,
		   .file = now,
		   .before = before,
		   .encoding = -1});
}

static bool drop(struct planner *p, struct str path, enum plan_step step,
    uint64_t bytes, const struct manifest_file *before, int encoding)
{
	if (is_needed(p, path))
		return false;
	add(p, (struct plan_change){.path = path,
		   .step = step,
		   .why = PLAN_GONE,
		   .bytes = bytes,
		   .before = before,
		   .encoding = encoding});
	return true;
}

static void delete_siblings(
    struct planner *p, const struct pair *pair, enum plan_step step)
{
	const struct manifest_file *before =
	    pair->before ? pair->before : pair->maybe;

	for (int e = 0; e < ENCODING_COUNT; e++) {
		const struct manifest_sibling *s = &before->siblings[e];
		if (s->bytes)
			(void)drop(p,
			    manifest_sibling_path(
				p->a, before->path, (enum encoding)e),
			    step, s->bytes, before, e);
	}
}

static void change(struct planner *p, const struct pair *pair, enum rank rank)
{
	if (rank == RANK_STALE) {
		if (pair->now && (pair->before || pair->maybe))
			delete_siblings(p, pair, PLAN_STALE);
		return;
	}
	if (pair->rank != rank)
		return;
	if (pair->now) {
		upload(p, pair);
		return;
	}
	delete_siblings(p, pair, PLAN_DELETE);
	if (drop(p, pair->before->path, PLAN_DELETE, pair->before->digest.bytes,
		pair->before, -1) &&
	    rank == RANK_GONE_IMMUTABLE && !pair->maybe)
		p->plan->lost++;
}

static bool is_sibling_of_one(
    struct str path, const struct str *paths, size_t n)
{
	for (size_t e = 0; e < ENCODING_COUNT; e++) {
		const char *ending = encoding_rows[e].ending;
		struct str of = str_slice(path, 0, path.n - strlen(ending));
		if (str_ends(path, ending) &&
		    bsearch(&of, paths, n, sizeof(*paths), by_str))
			return true;
	}
	return false;
}

/* What only releases needed that are kept no longer. */
static void delete_released(struct planner *p)
{
	size_t n;

	if (!p->there)
		return;
	struct str *paths = released(p->a, p->there, &n);
	for (size_t i = 0; i < n; i++)
		if (!holds(p->there, paths[i]) &&
		    drop(p, paths[i], PLAN_DELETE, 0, NULL, -1) &&
		    !is_sibling_of_one(paths[i], paths, n))
			add_urls(p, paths[i]);
}

static void add_own(
    struct planner *p, const char *path, uint64_t bytes, bool differs)
{
	if (!differs || !bytes)
		return;
	add(p, (struct plan_change){.path = str_of(path),
		   .step = PLAN_MANIFEST,
		   .why = p->in->before ? PLAN_CHANGED : PLAN_IS_NEW,
		   .bytes = bytes,
		   .encoding = -1});
	if (p->in->before)
		add_urls(p, str_of(path));
}

/*
 * The page that answers all other paths: when that is another one, any URL may
 * have the old one.
 */
static bool fallback_differs(const struct planner *p, struct str before)
{
	struct str now = p->in->now->fallback;

	if (now.n == 0 && before.n == 0)
		return false;
	for (size_t i = 0; i < p->n && str_eq(now, before); i++) {
		const struct pair *pair = &p->pairs[i];
		if (pair->now && str_eq(pair->now->path, now))
			return !pair->before ||
			       !manifest_same_file(pair->now, pair->before);
	}
	return true;
}

static void find_urls(struct planner *p)
{
	if (fallback_differs(p, p->there->fallback)) {
		p->plan->n_urls = 0;
		add_url(p, STR("/*"));
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct pair *pair = &p->pairs[i];
		if (!pair->now) {
			if (!is_needed(p, pair->before->path))
				add_urls(p, pair->before->path);
		} else if (pair->before) {
			if (!manifest_same_file(pair->now, pair->before))
				add_urls(p, pair->now->path);
		} else if (pair->now->class != OUT_IMMUTABLE) {
			/* "there is no such page" may have been kept of it */
			add_urls(p, pair->now->path);
		}
	}
}

void plan_make(
    struct arena *a, const struct plan_input *input, struct plan *out)
{
	struct planner p = {.a = a, .in = input, .plan = out};

	*out = (struct plan){0};
	p.there = input->there ? input->there : input->before;
	p.kept = released(a, input->now, &p.n_kept);
	out->kept = p.n_kept;
	find_pairs(&p);
	for (enum rank rank = 0; rank < RANK_COUNT; rank++)
		for (size_t i = 0; i < p.n; i++)
			change(&p, &p.pairs[i], rank);
	delete_released(&p);
	if (input->signature_gone) {
		(void)drop(
		    &p, STR(MANIFEST_SIGNATURE), PLAN_DELETE, 0, NULL, -1);
		add_urls(&p, STR(MANIFEST_SIGNATURE));
	}
	add_own(&p, MANIFEST_SIGNATURE, input->signature_bytes,
	    input->signature_differs);
	add_own(
	    &p, OUT_MANIFEST, input->manifest_bytes, input->manifest_differs);
	if (p.there)
		find_urls(&p);
	out->n_urls = unique(out->urls, out->n_urls);
}
