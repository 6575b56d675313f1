#ifndef LOWTIDE_GENERATOR_HTML_H
#define LOWTIDE_GENERATOR_HTML_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"

/*
 * References in HTML: the attributes that name a file of the same site, found
 * by a scanner that takes any bytes and keeps every one it was not told to
 * replace. It reads tags the way browsers do (HTML 13.2.5): quotes of either
 * kind or none, any case, white space around `=`. Nothing is looked at inside
 * comments, <script>, <style>, <textarea>, <title> and their like, in end
 * tags, or in a tag that never ends. A script ends at its first </script>.
 * srcset and CSS are not read.
 */
struct html_refs {
	/*
	 * A path of the site, without query and fragment, entities and %XX
	 * decoded: "/assets/app.css", "../img/a b.png". The path to put in
	 * its place, not encoded, or the empty view to leave it as it is.
	 * Not called for other hosts, other schemes and bare fragments.
	 */
	struct str (*path)(void *ctx, struct str path, struct pos pos);
	void *ctx;
};

/* Appends to out. `file` is named in positions; they are of the value. */
void html_rewrite(struct arena *a, struct str html, const char *file,
    const struct html_refs *refs, struct buf *out);

#endif
