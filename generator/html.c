#include "generator/html.h"

#include <string.h>

#include "generator/html-path.h"
#include "lib/url.h"

/*
 * A scanner with one position: what it passes is copied to the output when
 * something has to be replaced, or at the end, so every byte not replaced is
 * the page's own. There is no tree, and nothing is ever an error.
 */
struct scanner {
	struct arena *arena;
	const struct html_refs *refs;
	struct buf *out;
	struct str html;
	const char *file;
	size_t at;
	size_t copied; /* up to here it is in out */
	size_t seen, line_start;
	uint32_t line;
};

/* An attribute as it stands: views into the page, value.p NULL = no value. */
struct attr {
	struct str name, value;
	char quote; /* 0: none */
};

/* Attributes that name files; element NULL = any. */
static const struct {
	const char *element, *attr;
} references[] = {
    {NULL, "href"},
    {NULL, "src"},
    {NULL, "poster"},
    {NULL, "xlink:href"},
    {"object", "data"},
};
/* Elements whose content is text, whatever it looks like. */
static const char *const raw_text[] = {"script", "style", "textarea", "title",
    "xmp", "iframe", "noembed", "noframes"};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is(struct str word, const char *lower)
{
	return str_ieq(word, str_of(lower));
}

/* The character `ahead` of where we are; NUL behind the end. */
static char peek(const struct scanner *s, size_t ahead)
{
	return ahead < s->html.n - s->at ? s->html.p[s->at + ahead] : '\0';
}

static bool ended(const struct scanner *s)
{
	return s->at >= s->html.n;
}

/* Just behind the next `what`, or the end. */
static size_t behind(const struct scanner *s, const char *what, size_t from)
{
	size_t n = strlen(what);
	if (from >= s->html.n)
		return s->html.n;
	const char *hit = memmem(s->html.p + from, s->html.n - from, what, n);
	return hit ? (size_t)(hit - s->html.p) + n : s->html.n;
}

static struct pos place(struct scanner *s, const char *at)
{
	size_t offset = (size_t)(at - s->html.p);

	for (; s->seen < offset; s->seen++)
		if (s->html.p[s->seen] == '\n') {
			s->line++;
			s->line_start = s->seen + 1;
		}
	return (struct pos){.file = s->file,
	    .line = s->line,
	    .col = (uint32_t)(offset - s->line_start) + 1};
}

static void copy_up_to(struct scanner *s, const char *to)
{
	size_t end = (size_t)(to - s->html.p);

	buf_put_str(s->out, str_slice(s->html, s->copied, end));
	s->copied = end;
}

static void rewrite_value(struct scanner *s, struct str value)
{
	struct buf raw = {0};
	struct str path;

	while (value.n && is_space(value.p[0]))
		value = str_slice(value, 1, value.n);
	while (value.n && is_space(value.p[value.n - 1]))
		value.n--;
	size_t n = html_split_path(value, &raw);
	struct str decoded = arena_str(s->arena, buf_str(&raw));
	buf_release(&raw);
	if (html_is_elsewhere(decoded) || url_decode(s->arena, decoded, &path))
		return;
	struct str put = s->refs->path(s->refs->ctx, path, place(s, value.p));
	if (!put.n)
		return;
	copy_up_to(s, value.p);
	html_put_path(s->out, put);
	s->copied += n;
}

static void see_attr(
    struct scanner *s, struct str element, const struct attr *attr)
{
	if (is(element, "base")) /* it names no file */
		return;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		if (is(attr->name, references[i].attr) &&
		    (!references[i].element ||
			is(element, references[i].element))) {
			rewrite_value(s, attr->value);
			return;
		}
}

static void skip_space(struct scanner *s)
{
	while (!ended(s) && is_space(peek(s, 0)))
		s->at++;
}

static void read_value(struct scanner *s, struct attr *attr)
{
	size_t from = s->at;

	if (peek(s, 0) == '"' || peek(s, 0) == '\'') {
		attr->quote = peek(s, 0);
		s->at = str_find(s->html, attr->quote, ++from);
		attr->value = str_slice(s->html, from, s->at);
		s->at += !ended(s);
		return;
	}
	while (!ended(s) && !is_space(peek(s, 0)) && peek(s, 0) != '>')
		s->at++;
	attr->value = str_slice(s->html, from, s->at);
}

/* Inside a tag: the next attribute; false at its end. */
static bool next_attr(struct scanner *s, struct attr *attr)
{
	*attr = (struct attr){0};
	while (!ended(s) && (is_space(peek(s, 0)) || peek(s, 0) == '/'))
		s->at++;
	if (ended(s) || peek(s, 0) == '>')
		return false;
	size_t from = s->at++; /* a `=` here belongs to the name */
	while (
	    !ended(s) && !is_space(peek(s, 0)) && !memchr("/>=", peek(s, 0), 3))
		s->at++;
	attr->name = str_slice(s->html, from, s->at);
	size_t name_end = s->at;
	skip_space(s);
	if (peek(s, 0) != '=') {
		s->at = name_end;
		return true;
	}
	s->at++;
	skip_space(s);
	read_value(s, attr);
	return true;
}

/* To the end tag of a raw text element, or the end of the page. */
static void skip_raw(struct scanner *s, struct str element)
{
	while (!ended(s)) {
		s->at = behind(s, "</", s->at);
		struct str name = str_slice(s->html, s->at, s->at + element.n);
		char next = peek(s, element.n);
		if (!str_ieq(name, element) ||
		    (!is_space(next) && next != '/' && next != '>'))
			continue;
		s->at -= 2;
		return;
	}
}

/* Whether the tag that begins at `s->at` (its name) has an end. */
static bool has_end(struct scanner *s)
{
	size_t from = s->at;
	struct attr attr;

	while (next_attr(s, &attr))
		;
	bool found = !ended(s);
	s->at = from;
	return found;
}

static void read_tag(struct scanner *s)
{
	bool closes = peek(s, 1) == '/';
	struct attr attr;

	s->at += closes ? 2 : 1;
	size_t from = s->at;
	while (!ended(s) && !is_space(peek(s, 0)) && peek(s, 0) != '/' &&
	       peek(s, 0) != '>')
		s->at++;
	struct str element = str_slice(s->html, from, s->at);
	if (!has_end(s)) {
		s->at = s->html.n;
		return;
	}
	while (next_attr(s, &attr))
		if (!closes)
			see_attr(s, element, &attr);
	s->at++;
	if (closes)
		return;
	if (is(element, "plaintext"))
		s->at = s->html.n;
	for (size_t i = 0; i < sizeof(raw_text) / sizeof(raw_text[0]); i++)
		if (is(element, raw_text[i]))
			skip_raw(s, element);
}

/* <!-- -->, and <!--> and <!---> which are whole comments too. */
static void skip_comment(struct scanner *s)
{
	struct str rest = str_slice(s->html, s->at, s->html.n);

	if (str_starts(rest, "<!-->")) {
		s->at += 5;
		return;
	}
	if (str_starts(rest, "<!--->")) {
		s->at += 6;
		return;
	}
	for (s->at += 4; !ended(s); s->at--) { /* dashes may overlap */
		s->at = behind(s, "--", s->at);
		rest = str_slice(s->html, s->at, s->html.n);
		if (!rest.n || str_starts(rest, ">") || str_starts(rest, "!>"))
			break;
	}
	s->at = behind(s, ">", s->at);
}

void html_rewrite(struct arena *a, struct str html, const char *file,
    const struct html_refs *refs, struct buf *out)
{
	struct scanner s = {
	    .arena = a,
	    .refs = refs,
	    .out = out,
	    .html = html,
	    .file = file,
	    .line = 1,
	};

	while (!ended(&s)) {
		s.at = str_find(html, '<', s.at);
		struct str rest = str_slice(html, s.at, html.n);
		if (is_letter(peek(&s, 1)) ||
		    (peek(&s, 1) == '/' && is_letter(peek(&s, 2))))
			read_tag(&s);
		else if (str_starts(rest, "<!--"))
			skip_comment(&s);
		else if (peek(&s, 1) == '!' || peek(&s, 1) == '?' ||
			 peek(&s, 1) == '/')
			s.at = behind(&s, ">", s.at);
		else
			s.at++;
	}
	buf_put_str(out, str_slice(html, s.copied, html.n));
}
