#ifndef LOWTIDE_LIB_ARENA_H
#define LOWTIDE_LIB_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/str.h"

/*
 * One arena per generator run, per request, per job: everything it handed out
 * goes at once with arena_release(). Nothing is freed on its own. Running out
 * of memory aborts the program (the supervisor restarts it), so no caller
 * tests for NULL; for that to be safe every size that comes from outside is
 * held against a named cap *before* it is asked for here.
 */
struct arena_chunk;
struct arena {
	struct arena_chunk *newest; /* NULL until the first allocation */
	size_t used;		    /* bytes handed out, for caps and figures */
};

#define ARENA_CHUNK ((size_t)16 * 1024) /* bytes of an ordinary chunk */

void arena_init(struct arena *arena);
/* NULL-safe; the arena is empty and usable again afterwards. */
void arena_release(struct arena *arena);
/* Empties it but keeps one ordinary chunk, for the next request. */
void arena_reset(struct arena *arena);

/*
 * For what is mostly small and waits in thousands: the first chunk has room for
 * n bytes alone, and each further one for twice as many, up to an ordinary one.
 * Nothing to one that was used already.
 */
void arena_first(struct arena *arena, size_t n);

/* n zeroed bytes, aligned for any object. n may be 0. */
void *arena_alloc(struct arena *arena, size_t n) __attribute__((malloc));
/* count × size zeroed bytes; aborts when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A terminated copy; the view's n does not count the terminator. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);
/* Several texts as one, terminated as well. */
struct str arena_join(struct arena *arena, size_t n, const struct str parts[]);
struct str arena_int(struct arena *arena, int64_t number); /* in decimal */
/* As printf; the result is terminated as well. */
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
