#ifndef LOWTIDE_GENERATOR_HTML_INLINE_H
#define LOWTIDE_GENERATOR_HTML_INLINE_H

#include "generator/html-scan.h"

/*
 * What a page does by itself, instead of by a file that it names. A
 * Content-Security-Policy without 'unsafe-inline' has browsers pass over all
 * of it (CSP 3, 4.2.3): silently, but for a line in their console. A script
 * that is loaded as what it is not is found here as well.
 *
 * Only what a browser would surely have taken: no data blocks, import maps or
 * other types that are no script; nothing blank; nothing in a <template>, which
 * is in force only where a script puts it; of a <noscript> only styles.
 */
enum html_inline_kind {
	HTML_INLINE_SCRIPT,  /* <script>…</script> */
	HTML_INLINE_STYLE,   /* <style>…</style> */
	HTML_INLINE_RULES,   /* style="…" */
	HTML_INLINE_HANDLER, /* onclick="…" and its like (HTML 8.1.8.2) */
	HTML_UNTYPED_MODULE, /* <script src=x.mjs>, without type=module */
	HTML_INLINE_KINDS,
};
struct html_inline {
	enum html_inline_kind kind;
	/* of the page: what to look for in a template, and where it stands */
	struct str text;
	struct str tag;	 /* of an element: that it begins with, "<script>" */
	struct str name; /* of the handler's attribute, "onclick" */
};
struct html_place {
	bool in_template, in_noscript;
};

/* `text` is the tag's own, if it has raw text. */
void html_see_inline(const struct html_tag *tag, struct str text,
    struct html_place place,
    void (*found)(void *ctx, const struct html_inline *what), void *ctx);

/* Whether a <script> of that type holds code: "", "module", "text/javascript"
 */
bool html_is_code(struct str type);

#endif
