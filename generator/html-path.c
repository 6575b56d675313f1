#include "generator/html-path.h"

#include <string.h>

#include "lib/url.h"
#include "lib/utf8.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One code point as UTF-8; nothing for what is not one. */
static void put_code_point(struct buf *out, unsigned long cp)
{
	char bytes[4];

	if (cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff))
		buf_put(out, bytes, utf8_put(bytes, (uint32_t)cp));
}

/* &#38; or &#x26;, up to seven digits: the length, 0 = it is none. */
static size_t numeric(struct str s, unsigned long *cp)
{
	bool hex = s.n > 2 && (s.p[2] == 'x' || s.p[2] == 'X');
	size_t i = hex ? 3 : 2, from = i;

	*cp = 0;
	if (!str_starts(s, "&#"))
		return 0;
	for (; i < s.n && i < from + 8; i++) {
		char c = s.p[i];
		if (c >= '0' && c <= '9')
			*cp = *cp * (hex ? 16 : 10) + (unsigned)(c - '0');
		else if (hex && is_letter(c) && (c | 32) <= 'f')
			*cp = *cp * 16 + (unsigned)((c | 32) - 'a') + 10;
		else
			break;
	}
	return i > from && i < s.n && s.p[i] == ';' ? i + 1 : 0;
}

/*
 * One character of an attribute's value into out: entities are read (those
 * that have to be used in an attribute, and numbers), others stay text.
 * Returns how many bytes of the page it took.
 */
static size_t decode_one(struct str s, struct buf *out)
{
	static const struct {
		const char *entity;
		char c;
	} named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'},
	    {"&quot;", '"'}, {"&apos;", '\''}};
	unsigned long cp;
	size_t n;

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (str_starts(s, named[i].entity)) {
			buf_putc(out, named[i].c);
			return strlen(named[i].entity);
		}
	if ((n = numeric(s, &cp)) > 0) {
		put_code_point(out, cp);
		return n;
	}
	buf_putc(out, s.p[0]);
	return 1;
}

size_t html_split_path(struct str value, struct buf *path)
{
	size_t at = 0;

	while (at < value.n) {
		size_t before = path->len;
		size_t n = decode_one(str_slice(value, at, value.n), path);
		if (path->len > before &&
		    (path->data[before] == '?' || path->data[before] == '#')) {
			path->len = before;
			break;
		}
		at += n;
	}
	return at;
}

void html_decode(struct str value, struct buf *out)
{
	for (size_t at = 0; at < value.n;) {
		size_t amp = str_find(value, '&', at);
		buf_put_str(out, str_slice(value, at, amp));
		at = amp;
		if (at < value.n)
			at += decode_one(str_slice(value, at, value.n), out);
	}
}

void html_put_text(struct buf *out, struct str text)
{
	static const char *const entities[256] = {
	    ['&'] = "&amp;",
	    ['"'] = "&quot;",
	    ['\''] = "&#39;",
	    ['<'] = "&lt;",
	    ['>'] = "&gt;",
	};

	for (size_t i = 0; i < text.n; i++) {
		const char *entity = entities[(unsigned char)text.p[i]];
		if (entity)
			buf_puts(out, entity);
		else
			buf_putc(out, text.p[i]);
	}
}

bool html_is_elsewhere(struct str path)
{
	size_t i = 0;

	if (!path.n || str_starts(path, "//") || str_starts(path, "/\\") ||
	    str_starts(path, "\\"))
		return true;
	if (!is_letter(path.p[0]))
		return false;
	while (i < path.n && path.p[i] != ':' && path.p[i] != '/')
		i++;
	return i < path.n && path.p[i] == ':';
}

struct str html_ask(
    struct arena *a, const struct html_refs *refs, struct html_ref ref)
{
	if (html_is_elsewhere(ref.path) || url_decode(a, ref.path, &ref.path))
		return (struct str){0};
	return refs->path(refs->ctx, &ref);
}

/*
 * Neither what ends a value in HTML or CSS, nor `,` and the brackets that
 * srcset and url() give a meaning to.
 */
static bool is_bare(char c)
{
	static const bool bare[256] = {
	    ['-'] = true,
	    ['.'] = true,
	    ['_'] = true,
	    ['~'] = true,
	    ['/'] = true,
	    ['!'] = true,
	    ['$'] = true,
	    ['*'] = true,
	    ['+'] = true,
	    ['='] = true,
	    [':'] = true,
	    [';'] = true,
	    ['@'] = true,
	};

	return bare[(unsigned char)c] || is_letter(c) || (c >= '0' && c <= '9');
}

void html_put_path(struct buf *out, struct str path)
{
	for (size_t i = 0, end; i < path.n; i = end) {
		for (end = i; end < path.n && is_bare(path.p[end]);)
			end++;
		buf_put_str(out, str_slice(path, i, end));
		if (end < path.n)
			buf_printf(out, "%%%02X", (unsigned char)path.p[end++]);
	}
}
