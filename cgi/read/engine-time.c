#include "cgi/read/engine-time.h"

#include <stdlib.h>

static bool before(const struct timer *a, const struct timer *b)
{
	return a->boot != b->boot ? a->boot < b->boot : a->number < b->number;
}

static void put(struct times *times, size_t place, struct timer *t)
{
	times->heap[place - 1] = t;
	t->place = place;
}

static struct timer *at(const struct times *times, size_t place)
{
	return times->heap[place - 1];
}

/* To where it belongs, from a place that is its own. */
static void settle(struct times *times, struct timer *t)
{
	size_t place = t->place, child;

	while (place > 1 && before(t, at(times, place / 2))) {
		put(times, place, at(times, place / 2));
		place /= 2;
	}
	while ((child = place * 2) <= times->n) {
		if (child < times->n &&
		    before(at(times, child + 1), at(times, child)))
			child++;
		if (!before(at(times, child), t))
			break;
		put(times, place, at(times, child));
		place = child;
	}
	put(times, place, t);
}

void times_set(struct times *times, struct timer *t, int64_t boot)
{
	if (t->place && t->boot == boot)
		return;
	t->boot = boot;
	t->number = times->number++;
	if (!t->place) {
		if (times->n == times->cap) {
			times->cap = times->cap ? times->cap * 2 : 64;
			times->heap = realloc(
			    times->heap, times->cap * sizeof(struct timer *));
			if (!times->heap)
				abort();
		}
		put(times, ++times->n, t);
	}
	settle(times, t);
}

void times_drop(struct times *times, struct timer *t)
{
	const size_t place = t->place;

	if (!place)
		return;
	struct timer *last = at(times, times->n--);
	t->place = 0;
	if (last != t) {
		put(times, place, last);
		settle(times, last);
	}
}

struct timer *times_take(struct times *times, int64_t now_boot)
{
	struct timer *first = times->n ? at(times, 1) : NULL;

	if (!first || first->boot > now_boot)
		return NULL;
	times_drop(times, first);
	return first;
}

int64_t times_next(const struct times *times)
{
	return times->n ? at(times, 1)->boot : 0;
}

void times_release(struct times *times)
{
	free(times->heap);
	*times = (struct times){0};
}
