#ifndef LOWTIDE_GENERATOR_OVERLAY_H
#define LOWTIDE_GENERATOR_OVERLAY_H

#include <stdio.h>

#include "lib/value.h"

/*
 * One tree laid over another. Tables meet key by key; everything else replaces
 * what was there: arrays whole, and references (`{ env = "X" }`), which are
 * values although they are written as tables. What lies on top keeps its
 * place, so a finding names the file that decided.
 */
void overlay(struct arena *a, struct value *base, const struct value *top);
/*
 * As if `dotted = "text"` stood on top. False when a part of the path is empty
 * or no table.
 */
bool overlay_set(struct arena *a, struct value *base, struct str dotted,
    struct str text, struct pos pos);
/* Everything in the tree differs between environments. */
void overlay_mark(struct value *tree);
/* The tree as TOML, one `key = value  # file:line` a line. */
void overlay_print(struct arena *a, const struct value *tree, FILE *out);
/* The same for programs: [{key (by dots), value, file, line}]. */
struct value *overlay_values(struct arena *a, const struct value *tree);

#endif
