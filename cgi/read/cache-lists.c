#include "cgi/read/cache-parts.h"

/*
 * Who stays. What is new is in the window, a hundredth of all bytes but one
 * entry at least. Who leaves it becomes a candidate, on probation; while there
 * is too much, each candidate is held against the oldest on probation, and the
 * one that was asked for less often lately goes. The newer one goes where they
 * are equal: a scan leaves nothing behind.
 *
 * Four fifths of the rest are for those that were asked for while they were on
 * probation.
 */
#define WINDOW_SHARE 100
#define PROTECTED_PERCENT 80

void lists_init(struct read_cache *cache)
{
	cache->window_max = cache->bytes_max / WINDOW_SHARE;
	cache->protected_max =
	    (cache->bytes_max - cache->window_max) / 100 * PROTECTED_PERCENT;
	for (int i = 0; i < SEGMENTS; i++)
		link_init(&cache->lists[i]);
}

static void enter(
    struct read_cache *cache, struct entry *e, enum segment segment)
{
	e->segment = segment;
	link_push(&cache->lists[segment], &e->list);
	cache->counts[segment]++;
	cache->bytes[segment] += e->bytes;
}

void lists_remove(struct read_cache *cache, struct entry *e)
{
	link_drop(&e->list);
	cache->counts[e->segment]--;
	cache->bytes[e->segment] -= e->bytes;
}

static void move(
    struct read_cache *cache, struct entry *e, enum segment segment)
{
	lists_remove(cache, e);
	enter(cache, e, segment);
}

static struct entry *oldest(
    const struct read_cache *cache, enum segment segment)
{
	const struct link *head = &cache->lists[segment];

	return link_is_empty(head) ? NULL : ENTRY_OF(head->prev, list);
}

void lists_add(struct read_cache *cache, struct entry *e)
{
	enter(cache, e, SEGMENT_WINDOW);
}

static void protect_no_more_than_fits(struct read_cache *cache)
{
	while (cache->bytes[SEGMENT_PROTECTED] > cache->protected_max)
		move(
		    cache, oldest(cache, SEGMENT_PROTECTED), SEGMENT_PROBATION);
}

void lists_asked(struct read_cache *cache, struct entry *e)
{
	if (e->segment == SEGMENT_WINDOW) {
		move(cache, e, SEGMENT_WINDOW);
		return;
	}
	move(cache, e, SEGMENT_PROTECTED);
	protect_no_more_than_fits(cache);
}

void lists_resize(struct read_cache *cache, struct entry *e, size_t bytes)
{
	cache->bytes[e->segment] += bytes;
	cache->bytes[e->segment] -= e->bytes;
	e->bytes = bytes;
	protect_no_more_than_fits(cache);
}

/* The first of them is the oldest candidate; how many there are. */
static size_t leave_window(struct read_cache *cache)
{
	size_t n = 0;

	while (cache->bytes[SEGMENT_WINDOW] > cache->window_max &&
	       cache->counts[SEGMENT_WINDOW] > 1) {
		move(cache, oldest(cache, SEGMENT_WINDOW), SEGMENT_PROBATION);
		n++;
	}
	return n;
}

/* The oldest of the n newest on probation. */
static struct entry *candidate_of(struct read_cache *cache, size_t n)
{
	struct link *l = &cache->lists[SEGMENT_PROBATION];

	while (n--)
		l = l->next;
	return ENTRY_OF(l, list);
}

static struct entry *victim_of(const struct read_cache *cache)
{
	struct entry *e = oldest(cache, SEGMENT_PROBATION);

	if (!e)
		e = oldest(cache, SEGMENT_PROTECTED);
	return e ? e : oldest(cache, SEGMENT_WINDOW);
}

static bool is_asked_for_more(const struct read_cache *cache,
    const struct entry *a, const struct entry *b)
{
	return sketch_of(&cache->sketch, a->hash) >
	       sketch_of(&cache->sketch, b->hash);
}

void lists_fit(struct read_cache *cache, int64_t now_boot)
{
	size_t candidates = leave_window(cache);
	struct entry *c = candidates ? candidate_of(cache, candidates) : NULL;

	while (read_cache_bytes(cache) > cache->bytes_max) {
		struct entry *goes = victim_of(cache);
		const bool over = goes->cached.spare_boot <= now_boot;
		if (c && !over && !is_asked_for_more(cache, c, goes))
			goes = c;
		if (goes == c)
			c = --candidates ? ENTRY_OF(c->list.prev, list) : NULL;
		cache->stats.expired += over;
		cache->stats.evicted += !over;
		read_cache_drop(cache, goes);
	}
}
