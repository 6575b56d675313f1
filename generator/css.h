#ifndef LOWTIDE_GENERATOR_CSS_H
#define LOWTIDE_GENERATOR_CSS_H

#include "generator/html.h"

/*
 * References in CSS, found by a scanner that reads tokens as browsers do (CSS
 * Syntax 3, 4.3: comments, strings, escapes) and keeps every byte it was not
 * told to replace. Any bytes are CSS to it. What is read:
 *
 *	url(x)  url("x")		wherever they stand, @import and src too
 *	@import "x"
 *	image-set("x" 1x)		-webkit-image-set too; not type("…")
 *	sourceMappingURL=x		in a comment; optional
 *
 * What the hook is asked and returns is as in generator/html.h; it is asked in
 * the order of the text.
 */
void css_rewrite(struct arena *a, struct str css, const struct html_refs *refs,
    struct buf *out);

#endif
