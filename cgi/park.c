#include "cgi/park.h"

#include <stdlib.h>
#include <string.h>

/*
 * Three arrays that grow together: the slots themselves (free ones form a
 * list), and a binary heap of slot indexes, earliest deadline on top, in which
 * every slot knows its place so that it can be taken out of the middle.
 */
struct cell {
	struct park_slot slot;
	bool used;
	uint32_t next_free; /* unused ones; NOBODY ends the list */
	uint32_t place;	    /* used ones: where in the heap */
};
#define NOBODY UINT32_MAX

struct park {
	struct cell *cells;
	uint32_t *heap; /* count of them are in use */
	uint32_t n, cap, max, count, free;
};

struct park *park_new(uint32_t max)
{
	struct park *park = calloc(1, sizeof(*park));

	if (!park)
		abort();
	park->max = max;
	park->free = NOBODY;
	return park;
}

void park_free(struct park *park)
{
	if (!park)
		return;
	free(park->cells);
	free(park->heap);
	free(park);
}

static int64_t deadline_at(const struct park *park, uint32_t place)
{
	return park->cells[park->heap[place]].slot.waiting.deadline_boot;
}

static void heap_set(struct park *park, uint32_t place, uint32_t index)
{
	park->heap[place] = index;
	park->cells[index].place = place;
}

static void heap_swap(struct park *park, uint32_t a, uint32_t b)
{
	uint32_t index = park->heap[a];

	heap_set(park, a, park->heap[b]);
	heap_set(park, b, index);
}

static void heap_up(struct park *park, uint32_t at)
{
	while (at && deadline_at(park, at) < deadline_at(park, (at - 1) / 2)) {
		heap_swap(park, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void heap_down(struct park *park, uint32_t at)
{
	for (;;) {
		uint32_t least = at;
		for (uint32_t i = 2 * at + 1; i <= 2 * at + 2; i++)
			if (i < park->count &&
			    deadline_at(park, i) < deadline_at(park, least))
				least = i;
		if (least == at)
			return;
		heap_swap(park, at, least);
		at = least;
	}
}

static void grow(struct park *park)
{
	uint32_t cap = park->cap ? park->cap * 2 : 16;

	if (cap > park->max)
		cap = park->max;
	park->cells = reallocarray(park->cells, cap, sizeof(park->cells[0]));
	park->heap = reallocarray(park->heap, cap, sizeof(park->heap[0]));
	if (!park->cells || !park->heap)
		abort();
	park->cap = cap;
}

static uint32_t free_cell(struct park *park)
{
	uint32_t index = park->free;

	if (index != NOBODY) {
		park->free = park->cells[index].next_free;
		return index;
	}
	if (park->n == park->cap)
		grow(park);
	index = park->n++;
	park->cells[index] = (struct cell){
	    .slot.name = {.index = index, .generation = 1},
	};
	return index;
}

enum err park_put(
    struct park *park, const struct park_slot *slot, struct park_name *name)
{
	if (park->count >= park->max)
		return ERR_FULL;
	uint32_t index = free_cell(park);
	struct cell *cell = &park->cells[index];
	*name = cell->slot.name;
	cell->slot = *slot;
	cell->slot.name = *name;
	cell->used = true;
	heap_set(park, park->count++, index);
	heap_up(park, cell->place);
	return ERR_OK;
}

static struct cell *cell_of(const struct park *park, struct park_name n)
{
	struct cell *cell;

	if (n.index >= park->n)
		return NULL;
	cell = &park->cells[n.index];
	return cell->used && cell->slot.name.generation == n.generation ? cell
									: NULL;
}

const struct park_slot *park_get(const struct park *park, struct park_name n)
{
	struct cell *cell = cell_of(park, n);

	return cell ? &cell->slot : NULL;
}

bool park_take(struct park *park, struct park_name n, struct park_slot *out)
{
	struct cell *cell = cell_of(park, n);

	if (!cell)
		return false;
	if (out)
		*out = cell->slot;
	uint32_t place = cell->place, last = --park->count;
	if (place != last) {
		heap_swap(park, place, last);
		heap_up(park, place);
		heap_down(park, place);
	}
	cell->used = false;
	cell->slot.name.generation++;
	cell->next_free = park->free;
	park->free = n.index;
	return true;
}

uint32_t park_count(const struct park *park)
{
	return park->count;
}

bool park_next(const struct park *park, uint32_t *index, struct park_name *name)
{
	for (; *index < park->n; ++*index) {
		const struct cell *cell = &park->cells[*index];
		if (!cell->used)
			continue;
		*name = cell->slot.name;
		++*index;
		return true;
	}
	return false;
}

bool park_first(const struct park *park, struct park_name *name)
{
	if (park->count == 0)
		return false;
	*name = park->cells[park->heap[0]].slot.name;
	return true;
}

int64_t park_earliest(const struct park *park)
{
	return park->count ? deadline_at(park, 0) : INT64_MAX;
}
