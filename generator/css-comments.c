#include "generator/css-comments.h"

#include <string.h>

#define NONE SIZE_MAX

static bool is_in(const char *set, char c)
{
	return c && strchr(set, c);
}

static bool is_hex(char c)
{
	return is_in("0123456789abcdefABCDEF", c);
}

static bool is_name(char c)
{
	unsigned char u = (unsigned char)c;

	return (unsigned)(u | 0x20) - 'a' < 26 || (unsigned)u - '0' < 10 ||
	       u == '-' || u == '_' || u >= 0x80;
}

/* Behind the string that begins there; a line break would end it unfinished. */
static size_t string_end(struct str css, size_t at)
{
	char quote = css.p[at];

	for (at++; at < css.n && css.p[at] != quote; at++) {
		if (is_in("\n\r\f", css.p[at]))
			return NONE;
		at += css.p[at] == '\\';
	}
	return at < css.n ? at + 1 : NONE;
}

/* Behind url(…) without quotes; where it has some, before them. */
static size_t url_end(struct str css, size_t at)
{
	at += strlen("url(");
	while (at < css.n && is_in(" \t\n\r\f", css.p[at]))
		at++;
	if (at < css.n && is_in("\"'", css.p[at]))
		return at;
	while (at < css.n && css.p[at] != ')')
		at += css.p[at] == '\\' ? 2 : 1;
	return at < css.n ? at + 1 : NONE;
}

/* Behind what begins there and stays as it is. */
static size_t piece_end(struct str css, size_t at)
{
	char c = css.p[at];

	if (c == '"' || c == '\'')
		return string_end(css, at);
	if (c == '\\')
		return at + 1 < css.n && !is_hex(css.p[at + 1]) ? at + 2 : NONE;
	if ((c | 0x20) == 'u' && (!at || !is_name(css.p[at - 1])) &&
	    str_ieq(str_slice(css, at, at + 4), STR("url(")))
		return url_end(css, at);
	return at + 1;
}

static size_t comment_end(struct str css, size_t at)
{
	struct str rest = str_slice(css, at + 2, css.n);
	const char *end = rest.n ? memmem(rest.p, rest.n, "*/", 2) : NULL;

	return end ? (size_t)(end - css.p) + 2 : NONE;
}

static char last(const struct buf *out)
{
	return out->len ? out->data[out->len - 1] : '\n';
}

static void put_break(struct buf *out)
{
	while (out->len && is_in(" \t\r", last(out)))
		out->len--;
	if (!is_in("\n{};,", last(out)))
		buf_putc(out, '\n');
}

/* Of comments before `next`: nothing, where something else parts. */
static void put_comment(struct buf *out, char next)
{
	static const char parts[] = " \t\r\n\f{};,";

	if (!is_in(parts, last(out)) && !is_in(parts, next))
		buf_puts(out, "/**/");
}

static bool strip(struct str css, struct buf *out)
{
	bool begins = true; /* a line */
	bool was_comment = false;

	for (size_t at = 0, end; at < css.n; at = end) {
		char c = css.p[at];
		bool is_blank = is_in(" \t\r", c);
		bool is_comment =
		    c == '/' && at + 1 < css.n && css.p[at + 1] == '*';
		end = is_comment ? comment_end(css, at) : piece_end(css, at);
		if (end == NONE)
			return false;
		if (was_comment && !is_comment)
			put_comment(out, c);
		was_comment = is_comment;
		if (is_comment)
			continue;
		if (c == '\n')
			put_break(out);
		else if (!begins || !is_blank)
			buf_put_str(out, str_slice(css, at, end));
		begins = c == '\n' || (begins && is_blank);
	}
	return true;
}

struct str css_without_comments(struct arena *a, struct str css)
{
	struct buf out = {0};

	if (strip(css, &out))
		css = arena_str(a, buf_str(&out));
	buf_release(&out);
	return css;
}
