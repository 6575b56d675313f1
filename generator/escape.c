#include "generator/escape.h"

#include <string.h>

#include "lib/json.h"

static bool put_as_is(struct buf *out, struct str s)
{
	buf_put_str(out, s);
	return true;
}

/* Replaces the bytes that have a row in `rows`; the rest goes in runs. */
static void put_mapped(
    struct buf *out, struct str s, const char *const rows[256])
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *row = rows[(unsigned char)s.p[i]];
		if (!row)
			continue;
		buf_put(out, s.p + from, i - from);
		buf_puts(out, row);
		from = i + 1;
	}
	buf_put_str(out, str_slice(s, from, s.n));
}

static bool put_html(struct buf *out, struct str s)
{
	static const char *const rows[256] = {
	    ['&'] = "&amp;",
	    ['<'] = "&lt;",
	    ['>'] = "&gt;",
	    ['"'] = "&quot;",
	    ['\''] = "&#39;",
	};
	put_mapped(out, s, rows);
	return true;
}

/*
 * `<` too, so that neither </script> nor <!-- can come out of a value. U+2028
 * and U+2029 ended a line in strings before ES2019.
 */
static bool put_js(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		struct str here = str_slice(s, i, i + 3);

		if (str_is(here, "\u2028") || str_is(here, "\u2029")) {
			buf_printf(out, "\\u202%c",
			    (unsigned char)here.p[2] == 0xa8 ? '8' : '9');
			i += 2;
		} else if (c < 0x20 || c == 0x7f || memchr("\"'`\\<>&$", c, 8))
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
	return true;
}

static bool put_json(struct buf *out, struct str s)
{
	size_t start = out->len;

	json_put_string(out, s);
	/* without its quotes */
	out->len -= 2;
	memmove(out->data + start, out->data + start + 1, out->len - start);
	out->data[out->len] = '\0';
	return true;
}

static bool put_nginx(struct buf *out, struct str s)
{
	bool all = true;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' || c == '"')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\r')
			buf_puts(out, "\\r");
		else if (c == '\t')
			buf_puts(out, "\\t");
		else if (c == '$' || c < 0x20 || c == 0x7f)
			all = false;
		else
			buf_putc(out, (char)c);
	}
	return all;
}

/*
 * Within an argument in double quotes and at the beginning of a line alike.
 * Text is one line there: what would end it has no spelling.
 */
static bool put_roff(struct buf *out, struct str s)
{
	static const char *const rows[256] = {
	    ['\\'] = "\\e",
	    ['"'] = "\\(dq",
	    ['\''] = "\\(aq",
	    ['`'] = "\\(ga",
	};
	bool all = true;

	if (str_starts(s, ".") || str_starts(s, "'"))
		buf_puts(out, "\\&");
	for (size_t i = 0, end; i < s.n; i = end + 1) {
		for (end = i; end < s.n && (unsigned char)s.p[end] >= 0x20 &&
			      s.p[end] != 0x7f;)
			end++;
		put_mapped(out, str_slice(s, i, end), rows);
		all = all && end == s.n;
	}
	return all;
}

static bool put_shell(struct buf *out, struct str s)
{
	static const char *const rows[256] = {['\''] = "'\\''"};
	size_t nul = str_find(s, '\0', 0);

	put_mapped(out, str_slice(s, 0, nul), rows);
	return nul == s.n;
}

/* ${NAME} is a variable of Apache's or of its environment, in any quotes. */
static bool put_apache(struct buf *out, struct str s)
{
	bool all = true;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' || c == '"')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f ||
			 (c == '$' && i + 1 < s.n && s.p[i + 1] == '{'))
			all = false;
		else
			buf_putc(out, (char)c);
	}
	return all;
}

/* A backslash stands for itself but before a quote, the last one too. */
static bool put_lighttpd(struct buf *out, struct str s)
{
	bool all = true;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"')
			buf_puts(out, "\\\"");
		else if (c < 0x20 || c == 0x7f ||
			 (c == '\\' && (i + 1 == s.n || s.p[i + 1] == '"')))
			all = false;
		else
			buf_putc(out, (char)c);
	}
	return all;
}

static const struct {
	const char *name;
	bool (*put)(struct buf *out, struct str s);
} escapes[ESCAPE_COUNT] = {
    [ESCAPE_NONE] = {"none", put_as_is},
    [ESCAPE_HTML] = {"html", put_html},
    [ESCAPE_JS] = {"js", put_js},
    [ESCAPE_JSON] = {"json", put_json},
    [ESCAPE_NGINX] = {"nginx", put_nginx},
    [ESCAPE_APACHE] = {"apache", put_apache},
    [ESCAPE_LIGHTTPD] = {"lighttpd", put_lighttpd},
    [ESCAPE_ROFF] = {"roff", put_roff},
    [ESCAPE_SHELL] = {"shell", put_shell},
};

bool escape_put(struct buf *out, enum mustache_escape how, struct str s)
{
	return escapes[how].put(out, s);
}

enum mustache_escape escape_named(struct str name)
{
	int how = 0;

	while (how < ESCAPE_COUNT && !str_is(name, escapes[how].name))
		how++;
	return (enum mustache_escape)how;
}
