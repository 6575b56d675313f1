#ifndef LOWTIDE_GENERATOR_IMPORTS_H
#define LOWTIDE_GENERATOR_IMPORTS_H

#include "generator/build.h"

/*
 * What is told of a module that imports what browsers will not find: of assets,
 * and of scripts in pages that have a policy of their own.
 */
struct importing {
	const struct build *b;
	struct arena *arena;
	struct str from; /* who imports, "assets/app.mjs" */
};

/* Whether the site's import map says what a bare name, "react", is. */
bool imports_is_mapped(const struct build *b, struct str name);
/* All such names and where they lead to, as one number. */
uint64_t imports_mapped(const struct build *b);
/* The text of a finding: what is wrong, and what to write instead. */
struct str imports_bare_text(const struct importing *i, struct str name);
struct str imports_missing_text(const struct importing *i, struct str logical);

#endif
