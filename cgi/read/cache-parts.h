#ifndef LOWTIDE_CGI_READ_CACHE_PARTS_H
#define LOWTIDE_CGI_READ_CACHE_PARTS_H

#include "cgi/read/cache.h"

/*
 * What a cache is made of, for cache*.c alone. An entry is in a chain of the
 * table, in the list of its segment and in a slot of the wheel:
 *
 *	put ─▶ WINDOW ─▶ PROBATION ─(asked for)─▶ PROTECTED
 *	                     ▲───────(too many)───────┘
 *
 * Lists are rings through a head of their own, the newest first.
 */
struct link {
	struct link *prev, *next;
};
static inline void link_init(struct link *head)
{
	head->prev = head->next = head;
}

static inline bool link_is_empty(const struct link *head)
{
	return head->next == head;
}

static inline void link_drop(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

static inline void link_push(struct link *head, struct link *l)
{
	l->prev = head;
	l->next = head->next;
	head->next->prev = l;
	head->next = l;
}

enum segment { SEGMENT_WINDOW, SEGMENT_PROBATION, SEGMENT_PROTECTED, SEGMENTS };

struct entry {
	struct link list, slot; /* of its segment, of the wheel */
	struct entry *chain;
	uint64_t hash;
	struct cached cached;
	size_t bytes; /* that it counts */
	uint32_t segment;
	uint32_t n_name;
	uint8_t key[READ_KEY_BYTES];
	char name[];
};
static inline struct str entry_name(const struct entry *e)
{
	return (struct str){.p = e->name, .n = e->n_name};
}

#define ENTRY_OF(l, member)                                                    \
	((struct entry *)(void *)((char *)(l)-offsetof(struct entry, member)))

/* ---- table (cache-table.c): chains, one more at a time ------------------- */

/*
 * Linear hashing: there are twice as many chains as there were ever entries at
 * once, and each entry that is more splits two chains. So no put ever waits for
 * the whole table to be built again.
 */
struct table {
	struct entry **chains;
	size_t n_chains, room;
	size_t half; /* a power of two: half < n_chains <= 2 × half, or 1 */
	size_t n;
};
void table_init(struct table *t);
void table_release(struct table *t);
struct entry *table_find(
    const struct table *t, uint64_t hash, const uint8_t key[READ_KEY_BYTES]);
void table_add(struct table *t, struct entry *e);
void table_remove(struct table *t, struct entry *e);

/* ---- sketch (cache-sketch.c): how often a hash was asked for lately ------ */

#define SKETCH_MOST 15 /* of four bits */
struct sketch {
	uint64_t *words;
	size_t n_blocks; /* a power of two; of eight words, a cache line */
	uint64_t asked;	 /* since the last halving */
};
void sketch_init(struct sketch *s);
void sketch_release(struct sketch *s);
/* Room for so many entries; what is known stays. */
void sketch_fit(struct sketch *s, size_t entries);
void sketch_add(struct sketch *s, uint64_t hash);
unsigned sketch_of(const struct sketch *s, uint64_t hash);

/* ---- wheel (cache-wheel.c): what is over, without looking at all --------- */

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 64
#define WHEEL_TICK_MS 1024 /* a power of two */
struct wheel {
	int64_t tick; /* up to which it was turned */
	struct link slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct link due; /* out of their slots; to be looked at */
};
void wheel_init(struct wheel *w);
/* By its spare_boot. */
void wheel_add(struct wheel *w, struct entry *e);
void wheel_turn(struct wheel *w, int64_t now_boot);
/* When it has something to look at; 0 = never. */
int64_t wheel_next(const struct wheel *w, int64_t now_boot);

/* ---- the whole ----------------------------------------------------------- */

struct read_cache {
	size_t bytes_max, window_max, protected_max;
	uint64_t seed;
	struct link lists[SEGMENTS];
	size_t counts[SEGMENTS], bytes[SEGMENTS];
	struct table table;
	struct sketch sketch;
	struct wheel wheel;
	struct cache_stats stats; /* without entries and bytes */
};
size_t read_cache_bytes(const struct read_cache *cache);
/* Out of everything, and freed. */
void read_cache_drop(struct read_cache *cache, struct entry *e);

/* lists (cache-lists.c): who stays */
void lists_init(struct read_cache *cache);
void lists_add(struct read_cache *cache, struct entry *e);
void lists_remove(struct read_cache *cache, struct entry *e);
void lists_asked(struct read_cache *cache, struct entry *e);
/* It counts so many bytes now. */
void lists_resize(struct read_cache *cache, struct entry *e, size_t bytes);
/* Until it is no more than there is room for. */
void lists_fit(struct read_cache *cache, int64_t now_boot);

#endif
