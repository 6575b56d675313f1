#ifndef LOWTIDE_GENERATOR_CSS_H
#define LOWTIDE_GENERATOR_CSS_H

#include "generator/html.h"

/*
 * References in CSS: url() quoted and not, @import with either form, found by
 * a scanner that reads tokens as browsers do (CSS Syntax 3, 4.3: comments,
 * strings, escapes) and keeps every byte it was not told to replace. Any bytes
 * are CSS to it. What the hook is asked and returns is as in generator/html.h.
 */
void css_rewrite(struct arena *a, struct str css, const char *file,
    const struct html_refs *refs, struct buf *out);

#endif
