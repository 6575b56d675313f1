#include "generator/html.h"

#include <string.h>

#include "generator/css.h"
#include "generator/html-path.h"
#include "generator/html-scan.h"

/*
 * What is done with the tags that generator/html-scan.c finds: what has to be
 * replaced is, and what was passed is copied to the output then, or at the
 * end, so every byte not replaced is the page's own. There is no tree, and
 * nothing is ever an error.
 */
struct rewriter {
	struct html_scan scan;
	struct arena *arena;
	const struct html_refs *refs;
	struct buf *out;
	struct html_modules *modules;
	size_t copied;		     /* up to here it is in out */
	bool has_integrity;	     /* the tag that is being read */
	size_t templates, noscripts; /* depths; scripts are inert in both */
};

static bool is(struct str word, const char *lower)
{
	return str_ieq(word, str_of(lower));
}

static bool is_one_of(struct str word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is(word, list[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, list)                                                  \
	is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

struct pos html_pos(struct str text, const char *file, const char *at)
{
	const char *line = text.p, *end = at;
	struct pos pos = {.file = file, .line = 1};

	for (const char *p; (p = memchr(line, '\n', (size_t)(end - line)));) {
		line = p + 1;
		pos.line++;
	}
	pos.col = (uint32_t)(at - line) + 1;
	return pos;
}

static size_t offset(const struct rewriter *r, const char *p)
{
	return (size_t)(p - r->scan.html.p);
}

static bool is_inert(const struct rewriter *r)
{
	return r->templates || r->noscripts;
}

static void copy_up_to(struct rewriter *r, size_t end)
{
	buf_put_str(r->out, str_slice(r->scan.html, r->copied, end));
	r->copied = end;
}

/* --- values ----------------------------------------------------------- */

static void rewrite_path(
    struct rewriter *r, struct str value, struct str *integrity)
{
	struct str path;
	size_t n = 0;

	if (is(str_slice(value, 0, 5), "data:"))
		return; /* often long: not worth reading */
	while (n < value.n && value.p[n] != '?' && value.p[n] != '#' &&
	       value.p[n] != '&')
		n++;
	path = str_slice(value, 0, n);
	if (n < value.n && value.p[n] == '&') {
		struct buf raw = {0};
		n = html_split_path(value, &raw);
		path = arena_str(r->arena, buf_str(&raw));
		buf_release(&raw);
	}
	struct str put = html_ask(r->arena, r->refs,
	    (struct html_ref){.path = path,
		.at = value.p,
		.has_integrity = r->has_integrity,
		.integrity = integrity});
	if (!put.n)
		return;
	copy_up_to(r, offset(r, value.p));
	html_put_path(r->out, put);
	r->copied += n;
}

static void see_url(struct rewriter *r, struct str value)
{
	value = html_trimmed(value);
	if (value.n)
		rewrite_path(r, value, NULL);
}

/* Behind an attribute's value and its quote. */
static size_t value_end(const struct rewriter *r, struct str value)
{
	size_t from = offset(r, value.p), to = from + value.n;
	char quote = from ? r->scan.html.p[from - 1] : '\0';

	return to + ((quote == '"' || quote == '\'') && to < r->scan.html.n &&
			r->scan.html.p[to] == quote);
}

/* That of a module, which may get an integrity attribute. */
static void see_module_url(struct rewriter *r, struct str value)
{
	struct str path = html_trimmed(value), integrity = {0};

	if (path.n)
		rewrite_path(r, path, &integrity);
	if (!integrity.n)
		return;
	copy_up_to(r, value_end(r, value));
	buf_puts(r->out, " integrity=\"");
	buf_put_str(r->out, integrity);
	buf_putc(r->out, '"');
}

/* Behind a candidate's descriptors, at the comma outside of brackets. */
static size_t skip_descriptors(struct str value, size_t at)
{
	for (bool in = false; at < value.n; at++) {
		if (value.p[at] == ',' && !in)
			break;
		in = value.p[at] == '(' || (in && value.p[at] != ')');
	}
	return at;
}

/*
 * HTML 4.8.4.2.1: a URL reaches to the next white space, commas in it are its
 * own; those at its end say that no descriptor follows.
 */
static void see_srcset(struct rewriter *r, struct str value)
{
	for (size_t at = 0; at < value.n;) {
		if (html_is_space(value.p[at]) || value.p[at] == ',') {
			at++;
			continue;
		}
		size_t from = at;
		while (at < value.n && !html_is_space(value.p[at]))
			at++;
		struct str url = str_slice(value, from, at);
		bool alone = url.p[url.n - 1] == ',';
		while (url.n && url.p[url.n - 1] == ',')
			url.n--;
		rewrite_path(r, url, NULL);
		if (!alone)
			at = skip_descriptors(value, at);
	}
}

/* For CSS whose places are not the page's: all are the attribute's. */
struct within {
	const struct html_refs *refs;
	const char *at;
};

static struct str ask_within(void *ctx, const struct html_ref *ref)
{
	struct within *w = ctx;
	struct html_ref outer = *ref;

	outer.at = w->at;
	return w->refs->path(w->refs->ctx, &outer);
}

/* CSS with entities in it is read without, and written with them again. */
static void see_encoded_css(struct rewriter *r, struct str value)
{
	struct within within = {.refs = r->refs, .at = value.p};
	struct html_refs refs = {.path = ask_within, .ctx = &within};
	struct buf css = {0}, out = {0};

	html_decode(value, &css);
	css_rewrite(r->arena, buf_str(&css), &refs, &out);
	if (!str_eq(buf_str(&css), buf_str(&out))) {
		copy_up_to(r, offset(r, value.p));
		html_put_text(r->out, buf_str(&out));
		r->copied += value.n;
	}
	buf_release(&css);
	buf_release(&out);
}

static void see_css(struct rewriter *r, struct str value)
{
	copy_up_to(r, offset(r, value.p));
	css_rewrite(r->arena, value, r->refs, r->out);
	r->copied += value.n;
}

static void see_style(struct rewriter *r, struct str value)
{
	/* nothing but a function can name a file */
	if (str_find(value, '(', 0) < value.n)
		(str_find(value, '&', 0) < value.n ? see_encoded_css : see_css)(
		    r, value);
}

static const struct {
	const char *element; /* NULL: any */
	void (*see)(struct rewriter *r, struct str value);
} references[HTML_ATTRS] = {
    [HTML_HREF] = {NULL, see_url},
    [HTML_SRC] = {NULL, see_url},
    [HTML_POSTER] = {NULL, see_url},
    [HTML_XLINK_HREF] = {NULL, see_url},
    [HTML_DATA] = {"object", see_url},
    [HTML_SRCSET] = {NULL, see_srcset},
    [HTML_IMAGESRCSET] = {"link", see_srcset},
    [HTML_STYLE] = {NULL, see_style},
};

/* --- elements --------------------------------------------------------- */

/* A picture for those who show links to the page: a whole URL, or nothing. */
static void see_meta(struct rewriter *r, const struct html_tag *tag)
{
	static const char *const names[] = {"og:image", "og:image:url",
	    "og:image:secure_url", "og:video", "og:audio", "twitter:image",
	    "twitter:image:src"};
	struct str base = r->refs->base_url;
	struct str value = html_trimmed(html_value(tag, HTML_CONTENT));

	if (!base.n || !str_eq(str_slice(value, 0, base.n), base) ||
	    value.n == base.n || value.p[base.n] != '/' ||
	    str_find(value, '&', 0) < value.n ||
	    (!IS_ONE_OF(html_value(tag, HTML_PROPERTY), names) &&
		!IS_ONE_OF(html_value(tag, HTML_NAME), names)))
		return;
	value = str_slice(value, base.n, value.n);
	size_t n = str_find(value, '?', 0), hash = str_find(value, '#', 0);
	n = n < hash ? n : hash;
	struct str put = html_ask(r->arena, r->refs,
	    (struct html_ref){.path = str_slice(value, 0, n),
		.at = value.p,
		.optional = true});
	if (!put.n || put.p[0] != '/')
		return;
	copy_up_to(r, offset(r, value.p));
	html_put_path(r->out, put);
	r->copied += n;
}

/* One of the words that white space divides. */
static bool has_word(struct str value, const char *word)
{
	for (size_t at = 0, from; at < value.n; at++) {
		for (from = at; at < value.n && !html_is_space(value.p[at]);)
			at++;
		if (is(str_slice(value, from, at), word))
			return true;
	}
	return false;
}

static void note_module(struct rewriter *r, const struct html_tag *tag)
{
	if (is_inert(r) || r->modules->at != SIZE_MAX)
		return;
	copy_up_to(r, offset(r, tag->start));
	r->modules->at = r->out->len;
}

static void see_script(struct rewriter *r, const struct html_tag *tag)
{
	struct str type = html_trimmed(html_value(tag, HTML_TYPE));

	if (is(type, "importmap") && !is_inert(r) && !r->modules->has_map) {
		r->modules->has_map = true;
		r->modules->map_at = offset(r, tag->start);
	}
}

/* The text between a tag and its end tag. */
static void see_text(
    struct rewriter *r, const struct html_tag *tag, struct str text)
{
	if (!text.n)
		return;
	if (tag->element == HTML_STYLE_ELEMENT)
		see_css(r, text);
	else if (tag->element == HTML_SCRIPT && r->refs->script &&
		 !html_has(tag, HTML_SRC) &&
		 html_is_code(html_trimmed(html_value(tag, HTML_TYPE))))
		r->refs->script(r->refs->ctx, text);
}

/* The attribute by which the tag loads or announces a module. */
static enum html_attr see_module(struct rewriter *r, const struct html_tag *tag)
{
	enum html_attr attr = HTML_ATTRS;

	if (tag->element == HTML_SCRIPT &&
	    is(html_trimmed(html_value(tag, HTML_TYPE)), "module"))
		attr = HTML_SRC;
	else if (tag->element == HTML_LINK &&
		 has_word(html_value(tag, HTML_REL), "modulepreload"))
		attr = HTML_HREF;
	if (attr != HTML_ATTRS)
		note_module(r, tag);
	return html_has(tag, HTML_INTEGRITY) ? HTML_ATTRS : attr;
}

static void see_tag(struct rewriter *r, const struct html_tag *tag)
{
	if (tag->closes) {
		r->templates -= tag->element == HTML_TEMPLATE && r->templates;
		r->noscripts -= tag->element == HTML_NOSCRIPT && r->noscripts;
		return;
	}
	r->templates += tag->element == HTML_TEMPLATE;
	r->noscripts += tag->element == HTML_NOSCRIPT;
	if (tag->element == HTML_BASE)
		return; /* it names no file */
	enum html_attr module = see_module(r, tag);
	r->has_integrity = html_has(tag, HTML_INTEGRITY);
	if (tag->element == HTML_SCRIPT)
		see_script(r, tag);
	else if (tag->element == HTML_META)
		see_meta(r, tag);
	for (size_t i = 0; i < tag->n; i++) {
		enum html_attr attr = tag->attrs[i].attr;
		const char *only = references[attr].element;
		if (attr == module)
			see_module_url(r, tag->attrs[i].value);
		else if (references[attr].see && (!only || is(tag->name, only)))
			references[attr].see(r, tag->attrs[i].value);
	}
}

static void see_inline(
    struct rewriter *r, const struct html_tag *tag, struct str text)
{
	const struct html_place place = {
	    .in_template = r->templates, .in_noscript = r->noscripts};

	if (r->refs->inlined && !tag->closes)
		html_see_inline(
		    tag, text, place, r->refs->inlined, r->refs->ctx);
}

void html_rewrite(struct arena *a, struct str html,
    const struct html_refs *refs, struct buf *out, struct html_modules *modules)
{
	struct rewriter r = {
	    .scan = {.html = html},
	    .arena = a,
	    .refs = refs,
	    .out = out,
	    .modules = modules,
	};
	struct html_tag tag;

	*modules = (struct html_modules){.at = SIZE_MAX};
	while (html_next_tag(&r.scan, &tag)) {
		struct str text = {0};
		see_tag(&r, &tag);
		if (!tag.closes && html_raw_text(&r.scan, &tag, &text))
			see_text(&r, &tag, text);
		see_inline(&r, &tag, text);
	}
	buf_put_str(out, str_slice(html, r.copied, html.n));
}
