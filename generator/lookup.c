#include "generator/lookup.h"

#include <string.h>

/* Eight bytes at a time; the same on every machine of this byte order. */
uint64_t lookup_hash(struct str name)
{
	static const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t hash = name.n * odd, word;
	size_t at = 0;

	for (; at + sizeof(word) <= name.n; at += sizeof(word)) {
		memcpy(&word, name.p + at, sizeof(word));
		hash = (hash ^ word) * odd;
		hash ^= hash >> 32;
	}
	word = 0;
	if (at < name.n)
		memcpy(&word, name.p + at, name.n - at);
	hash = (hash ^ word) * odd;
	return hash ^ hash >> 29;
}

void lookup_init(struct lookup *l, struct arena *arena)
{
	*l = (struct lookup){.arena = arena};
}

/* The slot of that name, or the free one where it belongs. */
static struct lookup_slot *slot(const struct lookup *l, struct str name)
{
	for (uint64_t i = lookup_hash(name);; i++) {
		struct lookup_slot *s = &l->slots[i & (l->n_slots - 1)];
		if (!s->name.p || str_eq(s->name, name))
			return s;
	}
}

/* Never more than half full. */
static void grow(struct lookup *l)
{
	struct lookup_slot *old = l->slots;
	size_t n = l->n_slots;

	l->n_slots = n ? 2 * n : 64;
	l->slots = arena_array(l->arena, l->n_slots, sizeof(*old));
	for (size_t i = 0; i < n; i++)
		if (old[i].name.p)
			*slot(l, old[i].name) = old[i];
}

bool lookup_add(struct lookup *l, struct str name, size_t number)
{
	if (!name.p)
		name.p = "";
	if (2 * (l->n + 1) > l->n_slots)
		grow(l);
	struct lookup_slot *s = slot(l, name);
	if (s->name.p)
		return false;
	*s = (struct lookup_slot){.name = name, .number = number};
	l->n++;
	return true;
}

size_t lookup_get(const struct lookup *l, struct str name)
{
	if (!l->n_slots)
		return LOOKUP_NONE;
	const struct lookup_slot *s = slot(l, name);
	return s->name.p ? s->number : LOOKUP_NONE;
}
