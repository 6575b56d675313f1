#ifndef LOWTIDE_GENERATOR_JS_REFS_H
#define LOWTIDE_GENERATOR_JS_REFS_H

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
 * Of a module only what it surely imports, to warn of what is not there: a
 * literal directly behind `from`, `import` or `import(`, in no comment, string
 * or template, that begins as a path of this site and ends as modules do. Too
 * little rather than too much. `at` is the literal's first byte.
 */
void js_imports(struct arena *a, struct str code,
    void (*found)(void *ctx, struct str path, const char *at), void *ctx);

#endif
