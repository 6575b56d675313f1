#ifndef LOWTIDE_GENERATOR_OUTSIDE_H
#define LOWTIDE_GENERATOR_OUTSIDE_H

#include <stdlib.h>

/*
 * What a build looks at besides the files of its site: environment variables
 * and single files that a key names. All of it passes here, so that whoever
 * wants to know whether a build would go otherwise the next time can remember
 * it (generator/memo.h), and tests can have an environment of their own. What
 * is not set or not there counts as well.
 */
struct outside {
	const char *(*env)(void *ctx, const char *name);    /* NULL: getenv */
	const char *(*secret)(void *ctx, const char *name); /* NULL: env */
	void (*file)(void *ctx, const char *path); /* NULL: no matter */
	void *ctx;
};

/* A NULL `outside` is all NULL. */
static inline const char *outside_env(
    const struct outside *outside, const char *name)
{
	return outside && outside->env ? outside->env(outside->ctx, name)
				       : getenv(name);
}

/* The same for what must not be told by anything that is remembered. */
static inline const char *outside_secret(
    const struct outside *outside, const char *name)
{
	return outside && outside->secret ? outside->secret(outside->ctx, name)
					  : outside_env(outside, name);
}

/* Called for a file before it is read. */
static inline void outside_file(const struct outside *outside, const char *path)
{
	if (outside && outside->file)
		outside->file(outside->ctx, path);
}

#endif
