#ifndef LOWTIDE_GENERATOR_CACHE_H
#define LOWTIDE_GENERATOR_CACHE_H

#include "generator/encode.h"
#include "generator/hash.h"
#include "lib/diag.h"

/*
 * Compressed bytes by what they are of: a folder that may be carried from
 * machine to machine, shared by builds that run at once, and deleted at any
 * time. An entry's name is the BLAKE2b of its original with codec, level and
 * library version; it holds a check of its own bytes, so a damaged one is as
 * good as none. Without a folder (NULL) nothing is found and nothing kept. A
 * folder that cannot be written is a warning, once.
 */
struct cache {
	const char *dir; /* NULL: none */
};
/* False when it is not there. Any thread. */
bool cache_get(const struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a, struct str *bytes);
/* Any thread. */
void cache_put(const struct cache *cache, const struct digest *of,
    enum encoding encoding, struct str bytes, struct diag *diag);

#endif
