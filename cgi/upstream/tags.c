#include "cgi/upstream/tags.h"

#include <stdint.h>
#include <stdlib.h>

/*
 * Open addressing, linear: a tag lies in the first free slot from its home on.
 * What is dropped leaves no hole: those behind it that the hole would cut off
 * from their homes move up. At most half of the slots are taken.
 */
#define CAP_MIN 64 /* a power of two, as every cap */

struct tags_slot {
	const void *tag;
	void *value; /* NULL = free */
};

void tags_release(struct tags *t)
{
	free(t->slots);
	*t = (struct tags){0};
}

/* Addresses are multiples of 16, and the high half knows of all bits. */
static size_t home_of(const struct tags *t, const void *tag)
{
	const uint64_t h = (uint64_t)(uintptr_t)tag * 0x9e3779b97f4a7c15u;

	return (size_t)(h >> 32) & (t->cap - 1);
}

static void place(struct tags *t, const void *tag, void *value)
{
	size_t i = home_of(t, tag);

	while (t->slots[i].value)
		i = (i + 1) & (t->cap - 1);
	t->slots[i] = (struct tags_slot){tag, value};
}

static void grow(struct tags *t)
{
	const struct tags old = *t;

	t->cap = old.cap ? 2 * old.cap : CAP_MIN;
	t->slots = calloc(t->cap, sizeof(*t->slots));
	if (!t->slots)
		abort();
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			place(t, old.slots[i].tag, old.slots[i].value);
	free(old.slots);
}

void tags_put(struct tags *t, const void *tag, void *value)
{
	if (2 * (t->n + 1) > t->cap)
		grow(t);
	place(t, tag, value);
	t->n++;
}

void *tags_get(const struct tags *t, const void *tag)
{
	size_t i;

	if (!t->n)
		return NULL;
	for (i = home_of(t, tag); t->slots[i].value; i = (i + 1) & (t->cap - 1))
		if (t->slots[i].tag == tag)
			return t->slots[i].value;
	return NULL;
}

/* Whoever lies behind the hole, and began at it or before, moves into it. */
static void close_hole(struct tags *t, size_t hole)
{
	const size_t mask = t->cap - 1;

	for (size_t i = (hole + 1) & mask; t->slots[i].value;
	     i = (i + 1) & mask) {
		const size_t from = (i - home_of(t, t->slots[i].tag)) & mask;

		if (from < ((i - hole) & mask))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole] = (struct tags_slot){0};
}

void tags_drop(struct tags *t, const void *tag, const void *value)
{
	size_t i;

	if (!t->n)
		return;
	for (i = home_of(t, tag); t->slots[i].value; i = (i + 1) & (t->cap - 1))
		if (t->slots[i].tag == tag && t->slots[i].value == value) {
			t->n--;
			close_hole(t, i);
			return;
		}
}
