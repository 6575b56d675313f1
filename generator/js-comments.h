#ifndef LOWTIDE_GENERATOR_JS_COMMENTS_H
#define LOWTIDE_GENERATOR_JS_COMMENTS_H

#include "lib/arena.h"
#include "lib/buf.h"

/*
 * A module of lowtide's own without its comments, which are up to two fifths of
 * its compressed bytes, and without what indents it, which is a twentieth and
 * put back by any browser's tools. Lines and names stay, so that it can be read
 * where it fails; `lowtide client` writes it as it is. Modules of people are
 * touched where they say so ([compress] comments), other scripts never.
 *
 * A comment becomes what it is to the language (ECMA-262, 12.4): a line break
 * where it holds one, else a space. Blanks at a line's ends go, and empty
 * lines; strings, templates and regular expressions stay byte by byte.
 *
 * The code as it came, all of it, where something is not sure. It is not
 * parsed: whether `/` divides is told by what stands before it, and behind `}`
 * (a block's, or an object's?) not at all, unless no other `/` is on its line.
 * So are brackets that do not match, or are nested deeper than anybody writes;
 * what does not end; and beyond strings, templates and comments whatever is not
 * ASCII. `<!--` is no comment in modules (B.1.1). tests/npm/comments.mjs
 * compares what is published with TypeScript's tokens of what was written.
 */
struct str js_without_comments(struct arena *a, struct str code)
    __attribute__((warn_unused_result));

#endif
