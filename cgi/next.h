#ifndef LOWTIDE_CGI_NEXT_H
#define LOWTIDE_CGI_NEXT_H

#include "cgi/start.h"
#include "lib/config-merge.h"

/*
 * What a program that runs goes on with after SIGHUP: its two files, read once
 * more, and the configuration laid over the one there is, so that APIs keep
 * their indices (config-merge.h).
 */
struct next {
	struct arena arena; /* of all that .config points at */
	struct config *config;
	struct keys keys; /* until they are in use */
	struct config_changes changes;
	struct next *older; /* for whoever keeps several */
};
/*
 * `over` is the configuration that the store has. Findings go to stderr, since
 * they are for whoever has just replaced a file; the first error comes back.
 */
enum err next_read(const struct start *s, const struct config *over,
    struct next **out) __attribute__((warn_unused_result));
/*
 * The configuration alone and as it is, laid over nothing, for a program that
 * has neither keys nor a store.
 */
enum err next_read_config(const struct start *s, struct next **out)
    __attribute__((warn_unused_result));
/* Nothing at all is different but, perhaps, keys. */
bool next_is_same(const struct next *next, const struct config *config);
/* The start's keys, or both, are these from now on. */
void next_use_keys(struct next *next, struct start *s);
void next_use(struct next *next, struct start *s);
void next_drop(struct next *next); /* NULL-safe */

#endif
