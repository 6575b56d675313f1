#ifndef LOWTIDE_GENERATOR_HTML_H
#define LOWTIDE_GENERATOR_HTML_H

#include "generator/html-inline.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"

/*
 * References in HTML, found by a scanner that takes any bytes and keeps every
 * one it was not told to replace. It reads tags the way browsers do (HTML
 * 13.2.5): quotes of either kind or none, any case, white space around `=`; of
 * an attribute that stands there twice the first counts.
 *
 * What is read:
 *
 *	href src poster xlink:href	of any element but <base>
 *	data				of <object>
 *	srcset imagesrcset		each candidate (HTML 4.8.4.2.1)
 *	style, <style>			as CSS, see generator/css.h
 *	content				of <meta> for og:image and its like, if
 *					it is an absolute URL of this site
 *	<script>			the code in it is shown to the caller
 *
 * Nothing is looked at inside comments, <textarea>, <title> and their like, in
 * end tags, or in a tag that never ends. A script ends at its first </script>.
 * Not read: <form action>, srcdoc, <meta http-equiv=refresh>, other attributes.
 */
struct html_ref {
	/*
	 * A path of the site, without query and fragment, entities, CSS
	 * escapes and %XX decoded: "/assets/app.css", "../img/a b.png". Good
	 * until the hook returns.
	 */
	struct str path;
	const char *at;	    /* where the value stands, for html_pos() */
	bool optional;	    /* nobody misses it: source maps, link previews */
	bool has_integrity; /* the tag says what the file's bytes are */
	/*
	 * Not NULL: the tag loads or announces a module and has no integrity
	 * attribute; what is put there ("sha256-…") becomes one. Import maps
	 * may ask for integrity, and a module that was announced without is
	 * fetched twice then.
	 */
	struct str *integrity;
};
struct html_refs {
	/*
	 * The path to put in its place, not encoded, or the empty view to
	 * leave it as it is. Not called for other hosts, other schemes and
	 * bare fragments.
	 */
	struct str (*path)(void *ctx, const struct html_ref *ref);
	/* The text of a script in the page itself; NULL: not wanted. */
	void (*script)(void *ctx, struct str code);
	/* What it does by itself, generator/html-inline.h; NULL: not wanted. */
	void (*inlined)(void *ctx, const struct html_inline *what);
	void *ctx;
	struct str base_url; /* this site's own; empty: not known */
};

/* What a page has to do with modules. */
struct html_modules {
	/*
	 * Where in `out` the first tag stands that loads or announces a module
	 * (scripts in <template> and <noscript> do neither): an import map
	 * belongs before it. SIZE_MAX: there is none.
	 */
	size_t at;
	bool has_map;  /* it brings an import map of its own … */
	size_t map_at; /* … here, in the page */
};

/* Appends to out. */
void html_rewrite(struct arena *a, struct str html,
    const struct html_refs *refs, struct buf *out,
    struct html_modules *modules);
/* Line and column of a place in `text`: counted from its beginning. */
struct pos html_pos(struct str text, const char *file, const char *at);

#endif
