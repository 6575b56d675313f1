#include "generator/css.h"

#include <string.h>

#include "generator/html-path.h"
#include "lib/utf8.h"

/*
 * A scanner that stops only at the bytes that may begin something: a comment,
 * a string, a bracket, an at-keyword, an escape. A function's name is looked
 * for behind its bracket's back, which is far cheaper than reading every
 * identifier; one that is written with escapes is read from its first escape.
 *
 *	url( x )	one token: a path, or bad, up to the next `)`
 *	url( "x"	a function: its string is a path
 *	image-set(	every string at its own depth is one
 *	@import "x"	likewise; @import url(x) needs no care
 */
struct css {
	struct arena *arena;
	const struct html_refs *refs;
	struct buf *out;
	struct str text;
	size_t at;
	size_t copied; /* up to here it is in out */
	size_t token;  /* no identifier begins before this */
	size_t depth;  /* of brackets: ( */
	size_t set;    /* the depth inside image-set(; 0: not there */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_newline(char c)
{
	return c == '\n' || c == '\r' || c == '\f';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What identifiers are made of, escapes left out. */
static bool is_name(char c)
{
	unsigned char u = (unsigned char)c;

	return (unsigned)(u | 0x20) - 'a' < 26 || (unsigned)u - '0' < 10 ||
	       u == '-' || u == '_' || u >= 0x80;
}

static bool is(struct str name, const char *lower)
{
	return str_ieq(name, str_of(lower));
}

static bool ended(const struct css *s)
{
	return s->at >= s->text.n;
}

/* The character `ahead` of where we are; NUL behind the end. */
static char peek(const struct css *s, size_t ahead)
{
	return ahead < s->text.n - s->at ? s->text.p[s->at + ahead] : '\0';
}

static struct str rest(const struct css *s)
{
	return str_slice(s->text, s->at, s->text.n);
}

/*
 * Behind the escape that begins at text.p[at]; what it stands for into `out`,
 * if given. An escaped newline is nothing, as strings have it.
 */
static size_t unescape(struct str text, size_t at, struct buf *out)
{
	uint32_t code = 0;
	size_t from = ++at;
	char bytes[4];

	for (; at < text.n && at < from + 6; at++) {
		int digit = hex_digit(text.p[at]);
		if (digit < 0)
			break;
		code = code * 16 + (uint32_t)digit;
	}
	bool hex = at > from;
	if (hex && (code == 0 || code > 0x10ffff ||
		       (code >= 0xd800 && code <= 0xdfff)))
		code = 0xfffd;
	if (hex && out)
		buf_put(out, bytes, utf8_put(bytes, code));
	if (at >= text.n || (hex && !is_space(text.p[at])))
		return at;
	if (!hex && !is_newline(text.p[at])) {
		if (out)
			buf_putc(out, text.p[at]);
		return at + 1;
	}
	bool two = text.p[at] == '\r' && at + 1 < text.n;
	return at + 1 + (two && text.p[at + 1] == '\n');
}

/* --- paths ------------------------------------------------------------ */

/* The part before ? and #, escapes read; how many bytes of it that was. */
static size_t split_path(struct css *s, struct str value, struct str *path)
{
	struct buf buf = {0};
	size_t at = 0;

	while (at < value.n && !memchr("?#\\", value.p[at], 3))
		at++;
	*path = str_slice(value, 0, at);
	if (at >= value.n || value.p[at] != '\\')
		return at;
	buf_put_str(&buf, *path);
	while (at < value.n) {
		size_t before = buf.len, next = at + 1;
		if (value.p[at] == '\\')
			next = unescape(value, at, &buf);
		else
			buf_putc(&buf, value.p[at]);
		if (buf.len > before &&
		    (buf.data[before] == '?' || buf.data[before] == '#')) {
			buf.len = before;
			break;
		}
		at = next;
	}
	*path = arena_str(s->arena, buf_str(&buf));
	buf_release(&buf);
	return at;
}

/* Without white space around it; what ends an escape is part of that. */
static struct str trim(struct str value)
{
	size_t end = 0, at = 0;

	while (value.n && is_space(value.p[0]))
		value = str_slice(value, 1, value.n);
	if (!value.n || !memchr(value.p, '\\', value.n)) {
		while (value.n && is_space(value.p[value.n - 1]))
			value.n--;
		return value;
	}
	while (at < value.n) {
		bool space = is_space(value.p[at]);
		at = value.p[at] == '\\' ? unescape(value, at, NULL) : at + 1;
		end = space ? end : at;
	}
	return str_slice(value, 0, end);
}

/* The reference between two places of the text. */
static void rewrite(struct css *s, size_t from, size_t to, bool optional)
{
	struct str value = str_slice(s->text, from, to), path;

	value = trim(value);
	if (!value.n || is(str_slice(value, 0, 5), "data:"))
		return; /* often long: not worth reading */
	size_t n = split_path(s, value, &path);
	struct str put = html_ask(s->arena, s->refs,
	    (struct html_ref){
		.path = path, .at = value.p, .optional = optional});
	if (!put.n)
		return;
	from = (size_t)(value.p - s->text.p);
	buf_put_str(s->out, str_slice(s->text, s->copied, from));
	html_put_path(s->out, put);
	s->copied = from + n;
}

/* --- tokens ----------------------------------------------------------- */

static void skip_comment(struct css *s)
{
	static const struct str map = STR_INIT("# sourceMappingURL=");
	size_t from = s->at + 2;
	struct str body = str_slice(s->text, from, s->text.n);
	const char *end = body.n ? memmem(body.p, body.n, "*/", 2) : NULL;

	if (!end) {
		s->at = s->text.n;
		return;
	}
	body.n = (size_t)(end - body.p);
	s->at = from + body.n + 2;
	if (str_eq(str_slice(body, 0, map.n), map))
		rewrite(s, from + map.n, from + body.n, true);
}

/*
 * Over a string, to behind its quote. One that a newline cuts off is no
 * string; the end of the text ends it properly.
 */
static void read_string(struct css *s, bool is_path)
{
	char quote = peek(s, 0);
	size_t from = ++s->at;

	for (; !ended(s); s->at++) {
		char c = peek(s, 0);
		if (c == quote)
			break;
		if (is_newline(c))
			return;
		if (c == '\\')
			s->at = unescape(s->text, s->at, NULL) - 1;
	}
	if (is_path)
		rewrite(s, from, s->at, false);
	s->at += !ended(s);
}

static void skip_space(struct css *s)
{
	while (is_space(peek(s, 0)))
		s->at++;
}

static void skip_space_and_comments(struct css *s)
{
	for (;;) {
		skip_space(s);
		if (peek(s, 0) != '/' || peek(s, 1) != '*')
			return;
		skip_comment(s);
	}
}

/* What is left of a url( that is none: to its bracket. */
static void skip_bad_url(struct css *s)
{
	for (; !ended(s) && peek(s, 0) != ')'; s->at++)
		if (peek(s, 0) == '\\')
			s->at = unescape(s->text, s->at, NULL) - 1;
	s->at += !ended(s);
}

static bool ends_url(char c)
{
	return c == ')' || is_space(c) || c == '"' || c == '\'' || c == '(' ||
	       (unsigned char)c < 0x20 || c == 0x7f;
}

/* Behind "url(", white space and comments not yet skipped. */
static void read_url(struct css *s)
{
	skip_space(s);
	if (peek(s, 0) == '"' || peek(s, 0) == '\'') {
		s->depth++;
		read_string(s, true);
		return;
	}
	size_t from = s->at;
	while (!ended(s) && !ends_url(peek(s, 0)) &&
	       !(peek(s, 0) == '\\' && is_newline(peek(s, 1))))
		s->at = peek(s, 0) == '\\' ? unescape(s->text, s->at, NULL)
					   : s->at + 1;
	size_t to = s->at;
	skip_space(s);
	if (!ended(s) && peek(s, 0) != ')') {
		skip_bad_url(s);
		return;
	}
	rewrite(s, from, to, false);
	s->at += !ended(s);
}

/* At an opening bracket; `name` stands before it. */
static void open_bracket(struct css *s, struct str name)
{
	s->at++;
	if (is(name, "url")) {
		read_url(s);
		return;
	}
	s->depth++;
	if (!s->set && (is(name, "image-set") || is(name, "-webkit-image-set")))
		s->set = s->depth;
}

/* The identifier that ends here, unless `#` or `@` makes it something else. */
static struct str name_behind(const struct css *s)
{
	/* longer ones are no names of ours, and need not be read whole */
	size_t from = s->at, least = s->at > 20 ? s->at - 20 : 0;

	if (least < s->token)
		least = s->token;
	while (from > least && is_name(s->text.p[from - 1]))
		from--;
	if (from > s->token &&
	    (s->text.p[from - 1] == '#' || s->text.p[from - 1] == '@'))
		from = s->at;
	return str_slice(s->text, from, s->at);
}

/* An identifier with a backslash in it, at the first one. */
static void read_escaped(struct css *s)
{
	struct buf name = {0};

	if (is_newline(peek(s, 1))) { /* no escape */
		s->at++;
		return;
	}
	buf_put_str(&name, name_behind(s));
	while (!ended(s)) {
		if (peek(s, 0) == '\\' && !is_newline(peek(s, 1)))
			s->at = unescape(s->text, s->at, &name);
		else if (is_name(peek(s, 0)))
			buf_putc(&name, s->text.p[s->at++]);
		else
			break;
	}
	s->token = s->at;
	if (peek(s, 0) == '(')
		open_bracket(s, buf_str(&name));
	buf_release(&name);
}

static void read_at(struct css *s)
{
	static const struct str import = STR_INIT("import");

	s->at++;
	if (!str_ieq(str_slice(rest(s), 0, import.n), import) ||
	    is_name(peek(s, import.n)) || peek(s, import.n) == '\\')
		return;
	s->at += import.n;
	skip_space_and_comments(s);
	if (peek(s, 0) == '"' || peek(s, 0) == '\'')
		read_string(s, true);
}

static void read_one(struct css *s)
{
	switch (peek(s, 0)) {
	case '/':
		if (peek(s, 1) == '*')
			skip_comment(s);
		else
			s->at++;
		break;
	case '"':
	case '\'':
		read_string(s, s->set && s->depth == s->set);
		break;
	case '(':
		open_bracket(s, name_behind(s));
		break;
	case ')':
		if (s->depth == s->set)
			s->set = 0;
		s->depth -= s->depth > 0;
		s->at++;
		break;
	case '@':
		read_at(s);
		break;
	default:
		read_escaped(s);
		break;
	}
}

void css_rewrite(struct arena *a, struct str css, const struct html_refs *refs,
    struct buf *out)
{
	static const bool begins[256] = {['/'] = true,
	    ['"'] = true,
	    ['\''] = true,
	    ['('] = true,
	    [')'] = true,
	    ['@'] = true,
	    ['\\'] = true};
	struct css s = {.arena = a, .refs = refs, .out = out, .text = css};

	for (;;) {
		while (s.at < css.n && !begins[(unsigned char)css.p[s.at]])
			s.at++;
		if (ended(&s))
			break;
		read_one(&s);
	}
	buf_put_str(out, str_slice(css, s.copied, css.n));
}
