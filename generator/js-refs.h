#ifndef LOWTIDE_GENERATOR_JS_REFS_H
#define LOWTIDE_GENERATOR_JS_REFS_H

#include <stdbool.h>

#include "lib/arena.h"

/*
 * What a script may name: every text between two quotes of the same kind that
 * looks like a path, and the sourceMappingURL at its end. The code is not
 * parsed. What comes out is a little too much (what stands in comments, and
 * between the strings), never too little because a regular expression holds a
 * quote; the caller keeps what names a file that there is. Not found: names
 * that are put together while the script runs.
 *
 * The same for other texts that name files in quotes: JSON, web manifests, SVG.
 */
#define JS_REF_MAX 1024 /* bytes; longer ones are no paths */

/*
 * `path` without query and fragment, %XX decoded, relative or absolute, as it
 * was written; good until the hook returns. In no particular order.
 */
void js_refs(struct arena *a, struct str code,
    void (*found)(void *ctx, struct str path), void *ctx);
/*
 * Of a module only what it surely imports, to warn of what is not there:
 * literals of `import` and `export … from` statements, and of `import('…')`
 * where they are all that it has and end as modules do; in no comment, string
 * or template. Up to what generator/js-tokens.h is not sure of; too little
 * rather than too much. Not of other hosts.
 */
struct js_import {
	struct str name; /* as written; what it is a view of is the code */
	struct str path; /* as js_refs() has it; empty: a bare name, "react" */
	bool is_static;	 /* it is made before anything else is done */
};
void js_imports(struct arena *a, struct str code,
    void (*found)(void *ctx, const struct js_import *import), void *ctx);

#endif
