#include "cgi/park.h"

#include <stdlib.h>
#include <string.h>

/*
 * Cells, each in up to three structures at once, by index:
 *   heap    every used one, who is due first on top; each knows its place, so
 *	     that it can be taken out of the middle
 *   bucket  every used one, with those whose job has the same hash: a list
 *   woken   those that were woken and not asked since: one list, in order
 * Free cells form a list by .next. The arrays grow together, by doubling.
 */
struct cell {
	struct park_slot slot;
	uint32_t place;
	uint32_t next, previous; /* bucket; the first has no previous */
	uint32_t woken_next, woken_previous;
	bool used, woken;
};
#define NOBODY UINT32_MAX

struct park {
	struct cell *cells;
	uint32_t *heap;	   /* count of them are in use */
	uint32_t *buckets; /* cap of them, a power of two or max */
	uint32_t n, cap, max, count, free;
	uint32_t owners; /* used ones that wait for PARK_OWNER */
	uint32_t woken_first, woken_last;
};

struct park *park_new(uint32_t max)
{
	struct park *park = calloc(1, sizeof(*park));

	if (!park)
		abort();
	park->max = max;
	park->free = NOBODY;
	park->woken_first = park->woken_last = NOBODY;
	return park;
}

void park_free(struct park *park)
{
	if (!park)
		return;
	free(park->cells);
	free(park->heap);
	free(park->buckets);
	free(park);
}

/* ---- the heap ------------------------------------------------------------ */

static int64_t due_at(const struct park *park, uint32_t place)
{
	const struct waiting *w = &park->cells[park->heap[place]].slot.waiting;

	return w->again_boot && w->again_boot < w->deadline_boot
		   ? w->again_boot
		   : w->deadline_boot;
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
	while (at && due_at(park, at) < due_at(park, (at - 1) / 2)) {
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
			    due_at(park, i) < due_at(park, least))
				least = i;
		if (least == at)
			return;
		heap_swap(park, at, least);
		at = least;
	}
}

/* Its due time has changed. */
static void heap_mend(struct park *park, uint32_t at)
{
	uint32_t index = park->heap[at];

	heap_up(park, at);
	heap_down(park, park->cells[index].place);
}

static void heap_remove(struct park *park, uint32_t at)
{
	uint32_t last = --park->count;

	if (at == last)
		return;
	heap_swap(park, at, last);
	heap_mend(park, at);
}

/* ---- who waits for a job ------------------------------------------------- */

/* A job's key looks random by itself: ids.h. */
static uint32_t *bucket_of(
    const struct park *park, size_t api, const uint8_t key[JOB_KEY_BYTES])
{
	uint64_t bits;

	memcpy(&bits, key, sizeof(bits));
	bits = (bits ^ api) * 0x9e3779b97f4a7c15u;
	return &park->buckets[(bits >> 32) % park->cap];
}

static const uint8_t *key_of(const struct cell *cell)
{
	return cell->slot.waiting.id + JOB_KEY_OFFSET;
}

static void bucket_put(struct park *park, uint32_t index)
{
	struct cell *cell = &park->cells[index];
	uint32_t *first = bucket_of(park, cell->slot.waiting.api, key_of(cell));

	cell->previous = NOBODY;
	cell->next = *first;
	if (*first != NOBODY)
		park->cells[*first].previous = index;
	*first = index;
}

static void bucket_remove(struct park *park, const struct cell *cell)
{
	if (cell->next != NOBODY)
		park->cells[cell->next].previous = cell->previous;
	if (cell->previous != NOBODY)
		park->cells[cell->previous].next = cell->next;
	else
		*bucket_of(park, cell->slot.waiting.api, key_of(cell)) =
		    cell->next;
}

/* ---- who has been woken -------------------------------------------------- */

static void woken_put(struct park *park, uint32_t index)
{
	struct cell *cell = &park->cells[index];

	if (cell->woken)
		return;
	cell->woken = true;
	cell->woken_next = NOBODY;
	cell->woken_previous = park->woken_last;
	if (park->woken_last != NOBODY)
		park->cells[park->woken_last].woken_next = index;
	else
		park->woken_first = index;
	park->woken_last = index;
}

static void woken_remove(struct park *park, struct cell *cell)
{
	if (!cell->woken)
		return;
	cell->woken = false;
	if (cell->woken_next != NOBODY)
		park->cells[cell->woken_next].woken_previous =
		    cell->woken_previous;
	else
		park->woken_last = cell->woken_previous;
	if (cell->woken_previous != NOBODY)
		park->cells[cell->woken_previous].woken_next = cell->woken_next;
	else
		park->woken_first = cell->woken_next;
}

/* ---- slots --------------------------------------------------------------- */

static void grow(struct park *park)
{
	uint32_t cap = park->cap ? park->cap * 2 : 16;

	if (cap > park->max)
		cap = park->max;
	park->cells = reallocarray(park->cells, cap, sizeof(park->cells[0]));
	park->heap = reallocarray(park->heap, cap, sizeof(park->heap[0]));
	park->buckets =
	    reallocarray(park->buckets, cap, sizeof(park->buckets[0]));
	if (!park->cells || !park->heap || !park->buckets)
		abort();
	park->cap = cap;
	memset(park->buckets, 0xff, cap * sizeof(park->buckets[0]));
	for (uint32_t place = 0; place < park->count; place++)
		bucket_put(park, park->heap[place]);
}

static uint32_t free_cell(struct park *park)
{
	uint32_t index = park->free;

	if (index != NOBODY) {
		park->free = park->cells[index].next;
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
	bucket_put(park, index);
	park->owners += slot->waiting.api == PARK_OWNER;
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
	heap_remove(park, cell->place);
	bucket_remove(park, cell);
	woken_remove(park, cell);
	park->owners -= cell->slot.waiting.api == PARK_OWNER;
	cell->used = false;
	cell->slot.name.generation++;
	cell->next = park->free;
	park->free = n.index;
	return true;
}

uint32_t park_count(const struct park *park)
{
	return park->count;
}

uint32_t park_owners(const struct park *park)
{
	return park->owners;
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

/* ---- waking -------------------------------------------------------------- */

void park_wake(struct park *park, size_t api, const uint8_t key[JOB_KEY_BYTES])
{
	if (park->count == 0)
		return;
	uint32_t index = *bucket_of(park, api, key);
	while (index != NOBODY) {
		const struct cell *cell = &park->cells[index];
		if (cell->slot.waiting.api == api &&
		    memcmp(key_of(cell), key, JOB_KEY_BYTES) == 0)
			woken_put(park, index);
		index = cell->next;
	}
}

void park_wake_all(struct park *park)
{
	for (uint32_t index = 0; index < park->n; index++)
		if (park->cells[index].used)
			woken_put(park, index);
}

bool park_has_woken(const struct park *park)
{
	return park->woken_first != NOBODY;
}

bool park_woken(struct park *park, struct park_name *name)
{
	if (!park_has_woken(park))
		return false;
	struct cell *cell = &park->cells[park->woken_first];
	*name = cell->slot.name;
	woken_remove(park, cell);
	return true;
}

/* ---- time ---------------------------------------------------------------- */

void park_again(struct park *park, struct park_name n, int64_t again_boot)
{
	struct cell *cell = cell_of(park, n);

	if (!cell)
		return;
	cell->slot.waiting.again_boot = again_boot;
	heap_mend(park, cell->place);
}

void park_until(struct park *park, struct park_name n, int64_t deadline_boot)
{
	struct cell *cell = cell_of(park, n);

	if (!cell)
		return;
	cell->slot.waiting.deadline_boot = deadline_boot;
	heap_mend(park, cell->place);
}

void park_update(
    struct park *park, struct park_name n, const struct waiting *waiting)
{
	struct cell *cell = cell_of(park, n);

	if (!cell)
		return;
	struct waiting *w = &cell->slot.waiting;
	const struct waiting before = *w;
	*w = *waiting;
	w->api = before.api;
	memcpy(w->id, before.id, JOB_ID_BYTES);
	heap_mend(park, cell->place);
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
	return park->count ? due_at(park, 0) : INT64_MAX;
}
