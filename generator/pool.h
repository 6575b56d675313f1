#ifndef LOWTIDE_GENERATOR_POOL_H
#define LOWTIDE_GENERATOR_POOL_H

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * The same work on many files, on several threads. A worker has an arena and a
 * list of findings of its own; pool_each() waits for all, then puts the
 * findings together, so that what is said does not depend on who was first.
 *
 *	static enum err each(void *ctx, struct worker *w, size_t i)
 *	err = pool_each(pool, n, each, ctx);
 *
 * The arena of a worker is emptied before each item: what shall outlive it is
 * written into a slot of the caller's that belongs to item i alone. Nothing
 * else of the caller's may be changed but by functions that say "any thread".
 * After ERR_IO the items not begun are left out; otherwise all are done and
 * the gravest error is returned.
 */
#define POOL_JOBS_MAX 64
struct worker {
	struct arena *arena; /* of this item */
	struct diag *diag;
	size_t number; /* 0 … jobs - 1 */
};
struct pool {
	size_t jobs; /* 1: everything happens in the caller's thread */
};
/* jobs 0: as many as there are processors to run on. */
void pool_init(struct pool *pool, size_t jobs);
enum err pool_each(struct pool *pool, struct diag *diag, size_t n,
    enum err (*each)(void *ctx, struct worker *w, size_t i), void *ctx)
    __attribute__((warn_unused_result));

#endif
