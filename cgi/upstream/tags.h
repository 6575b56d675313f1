#ifndef LOWTIDE_CGI_UPSTREAM_TAGS_H
#define LOWTIDE_CGI_UPSTREAM_TAGS_H

#include <stddef.h>

/*
 * Who is meant by a tag: a hash table from addresses, which are never looked
 * at, to what belongs to them. Pure; {0} is an empty one. Each look costs the
 * same, however many there are; it grows and does not shrink.
 */
struct tags {
	struct tags_slot *slots;
	size_t n, cap;
};
void tags_release(struct tags *t); /* what belongs to them is the caller's */
/* Value is not NULL. The same tag may be in it more than once. */
void tags_put(struct tags *t, const void *tag, void *value);
/* One of that tag; NULL = none is. */
void *tags_get(const struct tags *t, const void *tag);
/* That one of that tag; nothing happens where it is not in it. */
void tags_drop(struct tags *t, const void *tag, const void *value);

#endif
