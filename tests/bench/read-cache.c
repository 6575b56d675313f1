#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/read/cache.h"

/*
 * What the cache of reads costs by itself, in CPU time:
 *
 *	read-cache [ENTRIES [ROUNDS]]
 *
 * Prints JSON: nanoseconds of a get that finds, of one that does not, of a put
 * into room there is and into a full cache, in no order, beside a plain one
 * (chains of a table that was made large enough, and a list of who was asked
 * for last); the longest put; a purge that looks at all and finds none; and
 * resident bytes for each byte that it says it has, before and after all of it
 * was replaced ROUNDS times by answers of other sizes.
 */
struct made {
	uint64_t state;
	uint8_t key[READ_KEY_BYTES];
	size_t size;
};

/* The nth of a sequence of keys that look like hashes; 200 to 2,000 bytes. */
static struct made nth(uint64_t n)
{
	struct made m = {.state = n};

	for (size_t i = 0; i < READ_KEY_BYTES; i += 8) {
		uint64_t z = m.state += 0x9e3779b97f4a7c15u;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		z ^= z >> 31;
		memcpy(m.key + i, &z, 8);
		m.size = 200 + z % 1801;
	}
	return m;
}

static double now_ns(void)
{
	struct timespec t;

	/* its own, so that others on this machine are not in it */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long all = 0, here = 0;

	if (!f || fscanf(f, "%lu %lu", &all, &here) != 2)
		abort();
	fclose(f);
	return (double)here * (double)sysconf(_SC_PAGESIZE);
}

/* ---- the plain one ------------------------------------------------------- */

struct node {
	struct node *chain, *prev, *next;
	struct cached cached;
	size_t bytes;
	uint8_t key[READ_KEY_BYTES];
};
struct plain {
	struct node **chains, head;
	size_t mask, bytes, bytes_max;
};

static struct plain *plain_new(size_t bytes_max, size_t entries)
{
	struct plain *p = calloc(1, sizeof(*p));
	size_t n = 1;

	while (n < entries)
		n *= 2;
	if (!p || !(p->chains = calloc(n, sizeof(*p->chains))))
		abort();
	p->mask = n - 1;
	p->bytes_max = bytes_max;
	p->head.prev = p->head.next = &p->head;
	return p;
}

static struct node **plain_find(
    struct plain *p, const uint8_t key[READ_KEY_BYTES])
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	struct node **at = &p->chains[hash & p->mask];
	while (*at && memcmp((*at)->key, key, READ_KEY_BYTES))
		at = &(*at)->chain;
	return at;
}

static void plain_push(struct plain *p, struct node *n)
{
	n->prev = &p->head;
	n->next = p->head.next;
	n->next->prev = p->head.next = n;
}

static void plain_pull(struct node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
}

static bool plain_get(void *cache, const uint8_t key[READ_KEY_BYTES],
    int64_t now_boot, struct cached *out)
{
	struct node *n = *plain_find(cache, key);

	if (!n || n->cached.spare_boot <= now_boot)
		return false;
	plain_pull(n);
	plain_push(cache, n);
	*out = n->cached;
	return true;
}

static void plain_drop(struct plain *p, struct node *n)
{
	*plain_find(p, n->key) = n->chain;
	plain_pull(n);
	p->bytes -= n->bytes;
	blob_unref(n->cached.blob);
	free(n);
}

static void plain_put(void *cache, const uint8_t key[READ_KEY_BYTES],
    struct str name, const struct cached *entry, int64_t now_boot)
{
	struct plain *p = cache;
	struct node **at = plain_find(p, key);
	struct node *n = malloc(sizeof(*n));

	(void)now_boot;
	if (*at)
		plain_drop(p, *at);
	if (!n)
		abort();
	*n = (struct node){.cached = *entry,
	    .bytes = entry->blob->n + name.n + CACHE_ENTRY_OVERHEAD};
	memcpy(n->key, key, READ_KEY_BYTES);
	blob_ref(entry->blob);
	at = plain_find(p, key);
	n->chain = *at;
	*at = n;
	plain_push(p, n);
	p->bytes += n->bytes;
	while (p->bytes > p->bytes_max)
		plain_drop(p, p->head.prev);
}

/* ---- both ---------------------------------------------------------------- */

static bool our_get(void *cache, const uint8_t key[READ_KEY_BYTES],
    int64_t now_boot, struct cached *out)
{
	return read_cache_get(cache, key, now_boot, out);
}

static void our_put(void *cache, const uint8_t key[READ_KEY_BYTES],
    struct str name, const struct cached *entry, int64_t now_boot)
{
	read_cache_put(cache, key, name, entry, now_boot);
}

struct kind {
	const char *name;
	bool (*get)(void *cache, const uint8_t key[READ_KEY_BYTES],
	    int64_t now_boot, struct cached *out);
	void (*put)(void *cache, const uint8_t key[READ_KEY_BYTES],
	    struct str name, const struct cached *entry, int64_t now_boot);
};
static const struct kind ours = {"lowtide", our_get, our_put};
static const struct kind theirs = {"plain", plain_get, plain_put};

static double longest;

/* Puts [from, from + n), each of another size for another round. */
static double put_ns(const struct kind *kind, void *cache, uint64_t from,
    uint64_t n, uint64_t round)
{
	static char body[4096];
	double all = 0;

	for (uint64_t i = from; i < from + n; i++) {
		const struct made m = nth(i);
		const size_t size = 200 + (m.size * (round + 1)) % 1801;
		struct cached c = {blob_new((struct str){body, size}, 200, 1),
		    1000 + (int64_t)(i % 60000), 100000, 200000};
		const double began = now_ns();
		kind->put(
		    cache, m.key, STR("people/api/v1/person/X123456"), &c, 1);
		const double took = now_ns() - began;
		blob_unref(c.blob);
		all += took;
		longest = took > longest ? took : longest;
	}
	return all / (double)n;
}

/* In an order that no cache line knows of. */
static double get_ns(const struct kind *kind, void *cache, uint64_t from,
    uint64_t n, uint64_t *hits)
{
	struct cached out;
	struct made *keys = calloc(n, sizeof(*keys));

	if (!keys)
		abort();
	for (uint64_t i = 0; i < n; i++)
		keys[i] = nth(from + i * 7919 % n);
	const double began = now_ns();
	for (uint64_t i = 0; i < n; i++)
		*hits += kind->get(cache, keys[i].key, 1, &out);
	const double all = now_ns() - began;
	free(keys);
	return all / (double)n;
}

static void times(const struct kind *kind, void *roomy, void *full, uint64_t n)
{
	uint64_t hits = 0, misses = 0;

	put_ns(kind, full, 0, n, 0);
	longest = 0;
	const double put = put_ns(kind, roomy, 0, n, 0);
	const double longest_put = longest;
	const double replace = put_ns(kind, roomy, 0, n, 1);
	const double hit = get_ns(kind, roomy, 0, n, &hits);
	const double miss = get_ns(kind, roomy, n, n, &misses);
	const double evict = put_ns(kind, full, n, n, 0);
	printf("\"%s\": {\"put_ns\": %.0f, \"longest_put_us\": %.0f, "
	       "\"replace_ns\": %.0f, \"put_full_ns\": %.0f, "
	       "\"hit_ns\": %.0f, \"miss_ns\": %.0f, \"hits\": %llu, "
	       "\"hits_of_strangers\": %llu},\n",
	    kind->name, put, longest_put / 1000, replace, evict, hit, miss,
	    (unsigned long long)hits, (unsigned long long)misses);
}

/* All of them again for each of ROUNDS, of other sizes. */
static void memory(uint64_t n, uint64_t rounds)
{
	const size_t room = n * 1200;
	const double before = resident();
	struct read_cache *cache = read_cache_new(room, 7);
	struct cache_stats s;

	put_ns(&ours, cache, 0, n, 0);
	read_cache_stats(cache, &s);
	const double first = resident() - before;
	printf("\"memory\": {\"entries\": %llu, \"counted\": %llu, "
	       "\"resident_per_counted\": %.3f, ",
	    (unsigned long long)s.entries, (unsigned long long)s.bytes,
	    first / (double)s.bytes);
	for (uint64_t round = 1; round <= rounds; round++)
		put_ns(&ours, cache, 0, n, round);
	read_cache_stats(cache, &s);
	const double then = resident() - before;
	printf("\"after_rounds\": %llu, \"entries_then\": %llu, "
	       "\"resident_per_counted_then\": %.3f, "
	       "\"resident_beside_the_body\": %.0f},\n",
	    (unsigned long long)rounds, (unsigned long long)s.entries,
	    then / (double)s.bytes,
	    (then - (double)s.bytes) / (double)s.entries +
		CACHE_ENTRY_OVERHEAD + 28);
	read_cache_free(cache);
}

static void purge(uint64_t n)
{
	struct read_cache *cache = read_cache_new(n * 3000, 7);

	put_ns(&ours, cache, 0, n, 0);
	double began = now_ns();
	size_t found = read_cache_purge(cache, STR("people/api/v2/"));
	const double none = now_ns() - began;
	began = now_ns();
	found += read_cache_purge(cache, STR("people/"));
	printf("\"purge\": {\"none_ms\": %.1f, \"all_ms\": %.1f, \"found\": "
	       "%zu}}\n",
	    none / 1e6, (now_ns() - began) / 1e6, found);
	read_cache_free(cache);
}

int main(int argc, char **argv)
{
	const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	const uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 10;

	if (!n) {
		fprintf(stderr, "usage: read-cache [ENTRIES [ROUNDS]]\n");
		return 64;
	}
	printf("{\"n\": %llu,\n", (unsigned long long)n);
	memory(n, rounds);
	times(
	    &ours, read_cache_new(n * 3000, 7), read_cache_new(n * 600, 7), n);
	times(&theirs, plain_new(n * 3000, n), plain_new(n * 600, n), n);
	purge(n);
	return 0;
}
