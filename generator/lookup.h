#ifndef LOWTIDE_GENERATOR_LOOKUP_H
#define LOWTIDE_GENERATOR_LOOKUP_H

#include "lib/arena.h"

/*
 * A table from names to numbers, for what is asked for each reference of each
 * page. The names are not copied. lookup_get() may be called from any thread
 * while nobody adds.
 */
struct lookup_slot {
	struct str name; /* p NULL: free */
	size_t number;
};
struct lookup {
	struct arena *arena;
	struct lookup_slot *slots;
	size_t n, n_slots;
};
#define LOOKUP_NONE SIZE_MAX

void lookup_init(struct lookup *l, struct arena *arena);
/* False when the name was there: it keeps its number. */
bool lookup_add(struct lookup *l, struct str name, size_t number);
size_t lookup_get(const struct lookup *l, struct str name);

/* 64 bits of a name, of its whole set in any order by adding them up. */
uint64_t lookup_hash(struct str name);

#endif
