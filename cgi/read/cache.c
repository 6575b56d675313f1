#include "cgi/read/cache-parts.h"

#include <stdlib.h>

#define LARGEST_SHARE 8 /* of all bytes, for one entry */
#define SWEEP_MAX 512	/* entries at once */

struct read_cache *read_cache_new(size_t bytes_max, uint64_t seed)
{
	struct read_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		abort();
	cache->bytes_max = bytes_max;
	cache->seed = seed;
	lists_init(cache);
	table_init(&cache->table);
	sketch_init(&cache->sketch);
	wheel_init(&cache->wheel);
	return cache;
}

void read_cache_free(struct read_cache *cache)
{
	if (!cache)
		return;
	read_cache_purge(cache, STR(""));
	table_release(&cache->table);
	sketch_release(&cache->sketch);
	free(cache);
}

/* The finish of splitmix64, for each word of the key. */
static uint64_t hash_of(
    const struct read_cache *cache, const uint8_t key[READ_KEY_BYTES])
{
	uint64_t words[READ_KEY_BYTES / 8], h = cache->seed;

	memcpy(words, key, READ_KEY_BYTES);
	for (size_t i = 0; i < READ_KEY_BYTES / 8; i++) {
		h ^= words[i];
		h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
		h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
		h ^= h >> 31;
	}
	return h;
}

size_t read_cache_bytes(const struct read_cache *cache)
{
	return cache->bytes[SEGMENT_WINDOW] + cache->bytes[SEGMENT_PROBATION] +
	       cache->bytes[SEGMENT_PROTECTED];
}

void read_cache_drop(struct read_cache *cache, struct entry *e)
{
	lists_remove(cache, e);
	table_remove(&cache->table, e);
	link_drop(&e->slot);
	blob_unref(e->cached.blob);
	free(e);
}

bool read_cache_get(struct read_cache *cache, const uint8_t key[READ_KEY_BYTES],
    int64_t now_boot, struct cached *out)
{
	const uint64_t hash = hash_of(cache, key);
	struct entry *e = table_find(&cache->table, hash, key);

	sketch_add(&cache->sketch, hash);
	if (!e)
		return false;
	if (e->cached.spare_boot <= now_boot) {
		cache->stats.expired++;
		read_cache_drop(cache, e);
		return false;
	}
	lists_asked(cache, e);
	*out = e->cached;
	return true;
}

static void add(struct read_cache *cache, uint64_t hash,
    const uint8_t key[READ_KEY_BYTES], struct str name,
    const struct cached *entry, size_t bytes)
{
	struct entry *e = malloc(sizeof(*e) + name.n);

	if (!e)
		abort();
	e->hash = hash;
	e->cached = *entry;
	e->bytes = bytes;
	e->n_name = (uint32_t)name.n;
	memcpy(e->key, key, READ_KEY_BYTES);
	if (name.n)
		memcpy(e->name, name.p, name.n);
	table_add(&cache->table, e);
	sketch_fit(&cache->sketch, cache->table.n);
	wheel_add(&cache->wheel, e);
	lists_add(cache, e);
}

/* It stays where it is among the others. */
static void renew(struct read_cache *cache, struct entry *e,
    const struct cached *entry, size_t bytes)
{
	blob_unref(e->cached.blob);
	e->cached = *entry;
	link_drop(&e->slot);
	wheel_add(&cache->wheel, e);
	lists_resize(cache, e, bytes);
}

void read_cache_put(struct read_cache *cache, const uint8_t key[READ_KEY_BYTES],
    struct str name, const struct cached *entry, int64_t now_boot)
{
	const size_t bytes = CACHE_ENTRY_OVERHEAD + name.n + entry->blob->n;
	const uint64_t hash = hash_of(cache, key);
	struct entry *e = table_find(&cache->table, hash, key);
	const bool refused = entry->spare_boot <= now_boot ||
			     name.n > CACHE_NAME_MAX ||
			     bytes > cache->bytes_max / LARGEST_SHARE;

	if (e && (refused || !str_eq(entry_name(e), name))) {
		read_cache_drop(cache, e);
		e = NULL;
	}
	if (refused) {
		cache->stats.refused++;
		return;
	}
	cache->stats.put++;
	blob_ref(entry->blob);
	if (!cache->table.n)
		wheel_turn(&cache->wheel, now_boot);
	if (e)
		renew(cache, e, entry, bytes);
	else
		add(cache, hash, key, name, entry, bytes);
	lists_fit(cache, now_boot);
}

size_t read_cache_purge(struct read_cache *cache, struct str prefix)
{
	size_t n = 0;

	for (int i = 0; i < SEGMENTS; i++) {
		struct link *const head = &cache->lists[i], *next;
		for (struct link *l = head->next; l != head; l = next) {
			struct entry *e = ENTRY_OF(l, list);
			next = l->next;
			if (e->n_name < prefix.n ||
			    (prefix.n && memcmp(e->name, prefix.p, prefix.n)))
				continue;
			read_cache_drop(cache, e);
			n++;
		}
	}
	cache->stats.purged += n;
	return n;
}

int64_t read_cache_sweep(struct read_cache *cache, int64_t now_boot)
{
	struct wheel *w = &cache->wheel;

	wheel_turn(w, now_boot);
	for (int n = 0; n < SWEEP_MAX && !link_is_empty(&w->due); n++) {
		struct entry *e = ENTRY_OF(w->due.next, slot);
		if (e->cached.spare_boot <= now_boot) {
			cache->stats.expired++;
			read_cache_drop(cache, e);
			continue;
		}
		link_drop(&e->slot);
		wheel_add(w, e);
	}
	return wheel_next(w, now_boot);
}

void read_cache_stats(const struct read_cache *cache, struct cache_stats *out)
{
	*out = cache->stats;
	out->entries = cache->table.n;
	out->bytes = read_cache_bytes(cache);
}
