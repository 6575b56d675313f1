#include "cgi/upstream/dues.h"

#include <stdlib.h>

/* items[i] is due no later than items[2i + 1] and items[2i + 2]. */
#define CAP_MIN 64

void dues_release(struct dues *d)
{
	free(d->items);
	*d = (struct dues){0};
}

static void set(struct dues *d, size_t i, struct due *due)
{
	d->items[i] = due;
	due->place = i + 1;
}

static void rise(struct dues *d, size_t i, struct due *due)
{
	while (i && d->items[(i - 1) / 2]->at_ms > due->at_ms) {
		set(d, i, d->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set(d, i, due);
}

static void sink(struct dues *d, size_t i, struct due *due)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < d->n &&
		    d->items[child + 1]->at_ms < d->items[child]->at_ms)
			child++;
		if (child >= d->n || d->items[child]->at_ms >= due->at_ms)
			break;
		set(d, i, d->items[child]);
		i = child;
	}
	set(d, i, due);
}

void dues_put(struct dues *d, struct due *due)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : CAP_MIN;
		d->items = realloc(d->items, d->cap * sizeof(*d->items));
		if (!d->items)
			abort();
	}
	rise(d, d->n++, due);
}

/* The last one takes its place, and goes to where it belongs. */
void dues_drop(struct dues *d, struct due *due)
{
	const size_t i = due->place - 1;

	if (!due->place)
		return;
	due->place = 0;
	struct due *last = d->items[--d->n];
	if (last == due)
		return;
	if (i && d->items[(i - 1) / 2]->at_ms > last->at_ms)
		rise(d, i, last);
	else
		sink(d, i, last);
}
