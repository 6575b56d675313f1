#ifndef LOWTIDE_CGI_UPSTREAM_DUES_H
#define LOWTIDE_CGI_UPSTREAM_DUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whose time is over next: a heap of times, each a member of what it belongs
 * to. Pure; {0} is an empty one. Putting and dropping cost the logarithm of how
 * many there are, the first one nothing.
 */
struct due {
	int64_t at_ms;
	size_t place; /* its own in the heap, from 1; 0 = in none */
};
struct dues {
	struct due **items;
	size_t n, cap;
};
void dues_release(struct dues *d); /* what it has is the caller's */
void dues_put(struct dues *d, struct due *due);
void dues_drop(struct dues *d, struct due *due); /* in none: nothing */
/* The earliest; NULL = there is none. */
static inline struct due *dues_first(const struct dues *d)
{
	return d->n ? d->items[0] : NULL;
}

#endif
