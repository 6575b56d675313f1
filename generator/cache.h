#ifndef LOWTIDE_GENERATOR_CACHE_H
#define LOWTIDE_GENERATOR_CACHE_H

#include <stdatomic.h>

#include "generator/encode.h"
#include "generator/hash.h"
#include "lib/diag.h"

/*
 * Compressed bytes by what they are of: a folder that may be carried from
 * machine to machine, shared by builds that run at once, and deleted at any
 * time.
 *
 *	DIR/.gitignore                  "*": nobody means to commit it
 *	DIR/compressed/3f/9a2c…e1.br    62 more hex digits; as it is published
 *	DIR/compressed/tidied           Unix seconds, in decimal
 *
 * An entry's name is the BLAKE2b of its original's BLAKE2b, coding, level and
 * library with its version. Empty, it says that compression does not pay for
 * that original. Otherwise it is believed only when it decodes to exactly that
 * original, so what is damaged, or was planted by somebody who may write to
 * the cache and not to the site, is as good as none.
 *
 * Entries are written under a name of their own and renamed; not synced, for
 * the check above finds what a power loss left. One that is used is given a
 * new time if it has none of the last day. Once a day the build removes those
 * not used for 30 days, and the oldest where all together are more than
 * CACHE_BYTES_MAX; the date of that is read from a file, because carrying a
 * cache about makes all its times new.
 *
 * A folder that cannot be written is the warning `cache-unwritable`, once; all
 * else goes on without it.
 */
#define CACHE_UNUSED_S (INT64_C(30) * 24 * 3600)
#define CACHE_BYTES_MAX ((uint64_t)1 << 30)
struct cache {
	const char *dir; /* NULL: nothing is found, nothing kept */
	int64_t now_s;	 /* wall clock */
	struct str keys[ENCODING_COUNT]; /* "br 11 brotli 1.0.9" */
	_Atomic bool unwritable;	 /* said already */
};

/* `dir` NULL for none. It is made when something is put. */
void cache_open(
    struct cache *cache, struct arena *a, const char *dir, int64_t now_s);
/*
 * False when it is not there. Any thread. The bytes are empty where the coding
 * does not pay.
 */
bool cache_get(struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a, struct str *bytes);
/* Any thread. */
void cache_put(struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a, struct str bytes,
    struct diag *diag);
/* Removes old entries if that has not been done for a day. */
void cache_tidy(struct cache *cache, struct diag *diag);
/*
 * The folder with its .gitignore, for whoever keeps something in it. ERR_IO
 * without a finding, for a cache is never what a build fails for.
 */
enum err cache_folder(const char *dir) __attribute__((warn_unused_result));

#endif
