#ifndef LOWTIDE_GENERATOR_CSS_COMMENTS_H
#define LOWTIDE_GENERATOR_CSS_COMMENTS_H

#include "lib/arena.h"
#include "lib/buf.h"

/*
 * A style sheet without its comments, without what indents its lines, and
 * without line breaks behind what ends a rule, a declaration or a member of a
 * list: there white space is nothing (CSS Syntax 3, 5.4). Any other stays,
 * since between two names it may be an operator. A comment that alone parts two
 * tokens stays as an empty one, strings and url(…) byte by byte.
 *
 * The sheet as it came, all of it, where something is not sure: what does not
 * end, and names with escapes in hexadecimal, which might be `url`.
 */
struct str css_without_comments(struct arena *a, struct str css)
    __attribute__((warn_unused_result));

#endif
