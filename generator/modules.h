#ifndef LOWTIDE_GENERATOR_MODULES_H
#define LOWTIDE_GENERATOR_MODULES_H

#include "generator/build.h"

/*
 * Files that have a fingerprinted name and are asked for by their stable one,
 * because a script names them and scripts are not rewritten: assets, and
 * modules such as /oauth.mjs. They are published under both.
 */

/* Notes that these logical paths (NUL behind each) are asked for. */
void modules_name(struct build *b, struct str names);
/* Publishes what was noted and is not published yet, as pointers. */
enum err modules_put(struct build *b);

/*
 * "sha256-…" of a module that the import map leads to, by its logical path; the
 * empty view for others. Any thread, after produce_modules().
 */
struct str modules_integrity(const struct build *b, struct str logical);

#endif
