#ifndef LOWTIDE_GENERATOR_PLAN_H
#define LOWTIDE_GENERATOR_PLAN_H

#include "generator/manifest.h"

/*
 * What a deploy has to do: two manifests in, a list of changes out. Nothing
 * here touches a file or a host.
 *
 * The steps are in an order in which nothing that is public ever names a file
 * that is not there, wherever the deploy is interrupted:
 *
 *   immutable  what all others name; only new names
 *   new        pointers, then pages, that had no such name before: nothing
 *              that is public names them yet, and what changes below may
 *   stale      codings that a file no longer has are deleted, before it changes
 *   pages      those that changed (and what should never have)
 *   pointers   those that changed
 *   delete     what neither this release nor a kept one holds: pages,
 *              pointers, then what both named
 *   manifest   with its signature before it: the host is what it says now
 *
 * The manifest comes after the deletions because it is what the next plan
 * starts from: as long as the old one is there, a deploy that was interrupted
 * is planned again as a whole.
 *
 * A compressed sibling comes right before its original, and one that is no
 * longer made goes before its original changes: an original never stands
 * without the codings its manifest lists, and where a host negotiates, no
 * coding is ever older than its original. Between the two it is newer by this
 * very release, which is whole: all that it names is there.
 */
enum plan_step {
	PLAN_IMMUTABLE,
	PLAN_NEW,
	PLAN_STALE,
	PLAN_PAGES,
	PLAN_POINTERS,
	PLAN_DELETE,
	PLAN_MANIFEST,
	PLAN_STEP_COUNT
};
enum plan_why {
	PLAN_IS_NEW,
	PLAN_CHANGED, /* its bytes */
	PLAN_HEADERS, /* its type or its cache class alone */
	PLAN_GONE,    /* delete it */
	PLAN_WHY_COUNT
};
struct plan_change {
	struct str path; /* below www; a sibling's own */
	enum plan_step step;
	enum plan_why why;
	uint64_t bytes;
	/* NULL: to be deleted, or the manifest or its signature */
	const struct manifest_file *file;
	const struct manifest_file *before; /* NULL: it was not there */
	int encoding;			    /* of a sibling, or -1 */
};
struct plan {
	struct plan_change *changes; /* in order */
	size_t n, cap;
	/*
	 * To invalidate, sorted: plan_urls() of what changed. One for all
	 * ("/" and a star) where the page that answers every other path did.
	 */
	struct str *urls;
	size_t n_urls, cap_urls;
	size_t n_uploads, n_deletes; /* of changes */
	uint64_t bytes;		     /* to upload */
	size_t unchanged;	     /* files and siblings */
	size_t kept;		     /* paths of earlier releases */
	size_t lost; /* immutable files of the last release among the deleted */
};

/* What is to be published, and what was (NULL: nothing). */
struct plan_input {
	const struct manifest *now, *before;
	/* what may be there; NULL: `before`. plan_doubt() */
	const struct manifest *there;
	/* of the manifest and its signature; 0: there is none */
	uint64_t manifest_bytes, signature_bytes;
	/* from what is there, as far as that is known */
	bool manifest_differs, signature_differs;
	bool signature_gone; /* it had one and has none now */
};
void plan_make(
    struct arena *a, const struct plan_input *input, struct plan *out);
/*
 * What may be on a host where `there` was, as this says or as plan_doubt() did,
 * after a deploy of `attempt` was interrupted: the plan of another release then
 * uploads and deletes whatever the two differ in. No manifest to be written.
 */
struct manifest plan_doubt(struct arena *a, const struct manifest *there,
    const struct manifest *attempt);
bool plan_may_be_missing(const struct manifest_file *f); /* of such a one */

extern const char *const plan_step_names[PLAN_STEP_COUNT];
extern const char *const plan_why_names[PLAN_WHY_COUNT];
/* Content-Type and Cache-Control of a change's upload. */
struct str plan_type(const struct plan_change *c);
const char *plan_cache_control(const struct plan_change *c);
enum out_class plan_class(const struct plan_change *c);
/*
 * The URLs that a file answers, percent-encoded as browsers ask for them: a
 * page has one without its ending too, and an index.html that of its folder:
 * "/guide/index.html", "/guide/", "/guide".
 */
#define PLAN_URLS_MAX 3
size_t plan_urls(
    struct arena *a, struct str path, struct str urls[PLAN_URLS_MAX]);

#endif
