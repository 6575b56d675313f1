#ifndef LOWTIDE_GENERATOR_ANSWERS_H
#define LOWTIDE_GENERATOR_ANSWERS_H

#include "generator/build.h"
#include "lib/buf.h"

/*
 * What a file refers to and what it was told, as a few bytes for the memo: the
 * file need not be read again as long as it would be told the same. Only what
 * has another name than it is asked for by is kept one by one; that the rest is
 * there follows from the set of all names being the same.
 *
 *	8 bytes		the set of names
 *	8 bytes		hash of what was told
 *	8 bytes		length of what was asked
 *	asked		logical paths, NUL behind each; an empty one is the
 *			import map
 *	named		logical paths that scripts name, NUL behind each
 */
struct answers {
	uint64_t names; /* lookup_hash() of each, added up */
	uint64_t told;
	struct buf asked, named;
};

void answers_release(struct answers *answers);
/* It asked for that path, an asset or the import map, and was told this. */
void answers_add(
    struct answers *answers, struct str logical, struct str published);
void answers_name(struct answers *answers, struct str logical);
/* The bytes, in the arena. */
struct str answers_write(struct arena *a, const struct answers *answers);

/*
 * Whether a file with these bytes would be told the same now: then what its
 * scripts name is in *named, and *from_env is set if any of it was made of
 * environment values. Damaged bytes are never the same.
 */
bool answers_hold(const struct build *b, uint64_t names, struct str bytes,
    struct str *named, bool *from_env);

/* Whether it asked for anything at all, of bytes that hold. */
bool answers_any(struct str bytes);

/* All names that are there so far: what was put and what has a reference. */
uint64_t answers_names(const struct build *b);

#endif
