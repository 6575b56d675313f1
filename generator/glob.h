#ifndef LOWTIDE_GENERATOR_GLOB_H
#define LOWTIDE_GENERATOR_GLOB_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * Patterns over paths with '/', as in [cache] immutable:
 *
 *   ?    one character (a byte of UTF-8 is not one)
 *   *    any number of them, no '/'
 *   **   as a whole part: any number of parts, none too
 *
 * Everything else stands for itself; a pattern is held against the whole path.
 * "static/assets/" + "**" is all that is below static/assets, at any depth.
 */
bool glob_matches(struct str pattern, struct str path);

#endif
