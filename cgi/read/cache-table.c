#include "cgi/read/cache-parts.h"

#include <stdlib.h>

#define ROOM_MIN 64
#define CHAINS 2 /* for each entry: few have to look at a second one */

void table_init(struct table *t)
{
	*t = (struct table){.n_chains = 1, .half = 1, .room = ROOM_MIN};
	t->chains = calloc(ROOM_MIN, sizeof(struct entry *));
	if (!t->chains)
		abort();
}

void table_release(struct table *t)
{
	free(t->chains);
}

/*
 * Chains of the lower half that were split already are told apart by one bit
 * more: those behind n_chains are still with their other half.
 */
static struct entry **chain_of(const struct table *t, uint64_t hash)
{
	size_t i = hash & (2 * t->half - 1);

	if (i >= t->n_chains)
		i -= t->half;
	return &t->chains[i];
}

struct entry *table_find(
    const struct table *t, uint64_t hash, const uint8_t key[READ_KEY_BYTES])
{
	struct entry *e = *chain_of(t, hash);

	while (e && (e->hash != hash || memcmp(e->key, key, READ_KEY_BYTES)))
		e = e->chain;
	return e;
}

static void make_room(struct table *t)
{
	if (t->n_chains < t->room)
		return;
	t->room *= 2;
	t->chains = realloc(t->chains, t->room * sizeof(struct entry *));
	if (!t->chains)
		abort();
}

/* The next chain gives those with its highest bit set to a new last one. */
static void split(struct table *t)
{
	make_room(t);
	if (t->n_chains == 2 * t->half)
		t->half *= 2;
	struct entry *e = t->chains[t->n_chains - t->half];
	struct entry **stay = &t->chains[t->n_chains - t->half];
	struct entry **go = &t->chains[t->n_chains++];
	for (struct entry *next; e; e = next) {
		struct entry ***to = e->hash & t->half ? &go : &stay;
		next = e->chain;
		**to = e;
		*to = &e->chain;
	}
	*stay = *go = NULL;
}

void table_add(struct table *t, struct entry *e)
{
	t->n++;
	while (t->n_chains < CHAINS * t->n)
		split(t);
	struct entry **chain = chain_of(t, e->hash);
	e->chain = *chain;
	*chain = e;
}

void table_remove(struct table *t, struct entry *e)
{
	struct entry **at = chain_of(t, e->hash);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	t->n--;
}
