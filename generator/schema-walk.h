#ifndef LOWTIDE_GENERATOR_SCHEMA_WALK_H
#define LOWTIDE_GENERATOR_SCHEMA_WALK_H

#include <regex.h>

#include "generator/schema.h"

/* Between generator/schema-check.c and generator/schema-cross.c. */
struct schema_walk {
	const struct schema *schema;
	const struct value *root;
	struct diag *diag;
	regex_t **patterns; /* of the rules; NULL until it is asked for */
};

/* The path so far, as people write it: bundles.starter.activities[2] */
struct str schema_below(struct arena *a, struct str path, struct str name);
struct str schema_item(struct arena *a, struct str path, size_t i);
/* As it is written: "a", 1.10, true. */
struct str schema_spell(struct arena *a, const struct value *v);

/* `not-unique` and `unknown-reference`, for one rule. */
void schema_unique(struct schema_walk *w, const struct schema_rule *rule);
void schema_references(struct schema_walk *w, const struct schema_rule *rule);

#endif
