#ifndef LOWTIDE_GENERATOR_HTML_SCAN_H
#define LOWTIDE_GENERATOR_HTML_SCAN_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * The tags of a page, one after the other, as HTML 13.2.5 tokenizes them:
 * comments, doctypes and the text of raw elements are passed over, and so is a
 * tag that never ends. Everything is a view into the page.
 *
 *	struct html_scan scan = {.html = page};
 *	while (html_next_tag(&scan, &tag))
 *		if (!tag.closes && html_raw_text(&scan, &tag, &text))
 *			…
 */
enum html_element {
	HTML_OTHER,
	HTML_BASE,
	HTML_LINK,
	HTML_META,
	HTML_NOSCRIPT,
	HTML_TEMPLATE,
	HTML_PLAINTEXT,
	/* raw text: nothing in them is a tag but their own end */
	HTML_SCRIPT,
	HTML_STYLE_ELEMENT,
	HTML_RAW, /* textarea, title, xmp, iframe, noembed, noframes */
};
enum html_attr {
	HTML_HREF,
	HTML_SRC,
	HTML_POSTER,
	HTML_XLINK_HREF,
	HTML_DATA,
	HTML_SRCSET,
	HTML_IMAGESRCSET,
	HTML_STYLE,
	HTML_TYPE,
	HTML_REL,
	HTML_CONTENT,
	HTML_PROPERTY,
	HTML_NAME,
	HTML_INTEGRITY,
	HTML_ATTRS, /* how many we know */
};
/* The first of a tag's attributes that is a handler of events and not blank. */
struct html_handler {
	struct str name, value;
};
struct html_tag {
	const char *start; /* its `<` */
	struct str name;
	enum html_element element;
	bool closes; /* </x> */
	size_t n;    /* attributes that we know, in their order, each once */
	struct {
		enum html_attr attr;
		struct str value; /* as written, without its quotes */
	} attrs[HTML_ATTRS];
	struct html_handler handler; /* name.n 0: there is none */
};
struct html_scan {
	struct str html;
	size_t at;
};

bool html_next_tag(struct html_scan *s, struct html_tag *tag);
/*
 * Just behind an opening tag: the text up to its end tag (or the end of the
 * page), if it is an element that has raw text.
 */
bool html_raw_text(
    struct html_scan *s, const struct html_tag *tag, struct str *text);

bool html_has(const struct html_tag *tag, enum html_attr attr);
/* As written; the empty view where it has no such attribute. */
struct str html_value(const struct html_tag *tag, enum html_attr attr);
/* Without white space at both ends. */
struct str html_trimmed(struct str value);

static inline bool html_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

#endif
