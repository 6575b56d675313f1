#ifndef LOWTIDE_CGI_READ_CACHE_H
#define LOWTIDE_CGI_READ_CACHE_H

#include "cgi/read/blob.h"

/*
 * What upstreams answered, in memory, within so many bytes (contract 9).
 *
 * The policy is W-TinyLFU: new entries pass through a small window; one that is
 * to leave it takes the place of the main part's oldest only if it was asked
 * for more often lately, by a sketch of counters that is halved from time to
 * time. (A filter before the sketch, for what is asked for once, would gain
 * nothing: it counts as good as exactly.) So one caller who asks for ten
 * thousand things once does not drive out what everybody asks for.
 *
 * A key is a hash of all that the answer depends on (plan.h): who asks is part
 * of it, where it matters. An entry is in one of three states by the time:
 * fresh, stale (used while it is fetched again), spare (used where fetching
 * fails); after that it is gone.
 */
#define READ_KEY_BYTES 32
/*
 * Bytes that an entry counts beside its name and its body: all that is
 * allocated for it, its share of the tables and what the allocator rounds up.
 * Resident memory is what is counted, within two hundredths, and up to a
 * quarter more where a few answers are a hundred times as large as the others.
 */
#define CACHE_ENTRY_OVERHEAD 256
#define CACHE_NAME_MAX                                                         \
	((size_t)64 * 1024) /* with a longer one it is not kept */

struct cached {
	struct blob *blob;
	/* CLOCK_BOOTTIME; each not before the one above it */
	int64_t fresh_boot, stale_boot, spare_boot;
};
struct cache_stats {
	uint64_t entries, bytes;			 /* now */
	uint64_t put, evicted, refused, expired, purged; /* since it began */
};

struct read_cache;
/* `seed` keeps strangers from choosing keys that collide in the sketch. */
struct read_cache *read_cache_new(size_t bytes_max, uint64_t seed);
void read_cache_free(struct read_cache *cache); /* NULL-safe */
/*
 * Counts as having been asked for, whether it is there or not. False: nothing
 * that can be used at all. The blob is the cache's: blob_ref() to keep it.
 */
bool read_cache_get(struct read_cache *cache, const uint8_t key[READ_KEY_BYTES],
    int64_t now_boot, struct cached *out);
/*
 * Takes a reference of its own to entry->blob; replaces what has that key.
 * `name` is UPSTREAM and path as it was called, "bundles/bundle/7", for
 * read_cache_purge(). One larger than an eighth of the cache, or over already,
 * is not kept (refused), nor is what it would have replaced.
 */
void read_cache_put(struct read_cache *cache, const uint8_t key[READ_KEY_BYTES],
    struct str name, const struct cached *entry, int64_t now_boot);
/*
 * All whose name begins so; how many. The empty prefix is all of them. Looks at
 * every entry: the only thing here that takes longer the more there are.
 */
size_t read_cache_purge(struct read_cache *cache, struct str prefix);
/*
 * What is over, a bounded number; when to come again (0 = empty; now_boot: at
 * once, there is more). What is over is never given out, swept or not.
 */
int64_t read_cache_sweep(struct read_cache *cache, int64_t now_boot);
void read_cache_stats(const struct read_cache *cache, struct cache_stats *out);

#endif
