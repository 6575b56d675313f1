#ifndef LOWTIDE_GENERATOR_CATALOGUE_GUARD_H
#define LOWTIDE_GENERATOR_CATALOGUE_GUARD_H

#include "generator/build.h"
#include "generator/manifest.h"

/*
 * A published version never changes, for it is cached for a year. Held against
 * --previous, when the catalogues were put:
 *
 *   catalogue-version-reused     the same version has other bytes. With the
 *                                old files at hand, each field that differs
 *                                and how far the version has to be raised
 *   catalogue-version-backwards  a version below that of before
 *   catalogue-gone               (a warning) one that is not published now
 *
 * Under `lowtide serve` they are warnings, held against the build before: no
 * release was made, but the browser that looks on keeps what it has.
 *
 * How far: what was removed or has another type is a new major version, what
 * was added a minor one, and any other change a patch; in 0.x, where majors
 * do not count yet, a minor one and patches.
 */
enum err catalogue_guard(struct build *b);

/* Semver 2.0.0, 11: -1, 0, 1. What follows a `+` counts for nothing. */
int catalogue_compare(struct str left, struct str right);

enum catalogue_bump { BUMP_NONE, BUMP_PATCH, BUMP_MINOR, BUMP_MAJOR };
struct catalogue_change {
	enum catalogue_bump bump;
	struct str path;	      /* "bundles.agent.price" */
	const struct value *was, *is; /* NULL: there was or is none */
	struct pos pos; /* in the new one: of the value, or of what lost it */
};
#define CATALOGUE_CHANGES_MAX 1000
/* The differences of two trees, `version` left out; how many. */
size_t catalogue_changes(struct arena *a, const struct value *was,
    const struct value *is, struct catalogue_change **out);
/* The version to take instead. */
struct str catalogue_raised(
    struct arena *a, struct str version, enum catalogue_bump bump);

#endif
