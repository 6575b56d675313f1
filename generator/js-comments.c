#include "generator/js-comments.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16 /* templates in templates */
#define NONE SIZE_MAX

struct strip {
	struct str code;
	struct buf out;
	size_t braces[DEPTH_MAX]; /* open in each `${` */
	size_t depth;
};

static bool is_word(char c)
{
	return (unsigned)(c | 0x20) - 'a' < 26u || (unsigned)c - '0' < 10u ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Whether `/` behind this begins a regular expression: an operand is missing */
static bool lacks_operand(struct str before)
{
	static const char words[] = " return typeof case in of delete void "
				    "new do else yield await throw instanceof ";
	char word[16];
	size_t from;

	before = str_trim(before);
	for (from = before.n; from && is_word(before.p[from - 1]); from--)
		;
	struct str last = str_slice(before, from, before.n);
	char c = from ? before.p[from - 1] : ';';
	if (last.n) {
		int n = snprintf(word, sizeof(word), " %.*s ", STR_ARG(last));
		return c != '.' && c != '#' && (size_t)n < sizeof(word) &&
		       strstr(words, word);
	}
	return !strchr(")]}\"'`.", c) && !str_ends(before, "++") &&
	       !str_ends(before, "--");
}

/*
 * Behind the literal, which ends as it begins, on its line. In a class of a
 * regular expression `/` is itself.
 */
static size_t literal_end(struct str code, size_t at)
{
	char end = code.p[at];
	bool in_class = false;

	for (at++; at < code.n && code.p[at] != '\n'; at++) {
		char c = code.p[at];
		if (c == end && !in_class)
			return at + 1;
		if (end == '/')
			in_class = c == '[' || (in_class && c != ']');
		at += c == '\\';
	}
	return NONE;
}

/* A piece of a template, which ends it or goes on behind `${ … }`. */
static size_t piece_end(struct strip *s, size_t at)
{
	s->depth -= s->code.p[at] == '}';
	for (at++; at < s->code.n; at++) {
		if (s->code.p[at] == '`')
			return at + 1;
		if (str_starts(str_slice(s->code, at, s->code.n), "${")) {
			if (s->depth == DEPTH_MAX)
				return NONE;
			s->braces[s->depth++] = 0;
			return at + 2;
		}
		at += s->code.p[at] == '\\';
	}
	return NONE;
}

/* Behind what begins there and stays as it is. */
static size_t token_end(struct strip *s, size_t at)
{
	size_t *open = s->depth ? &s->braces[s->depth - 1] : NULL;
	char c = s->code.p[at];

	if (c == '`' || (c == '}' && open && !*open))
		return piece_end(s, at);
	if (c == '"' || c == '\'' ||
	    (c == '/' && lacks_operand(buf_str(&s->out))))
		return literal_end(s->code, at);
	if (open)
		*open += (size_t)(c == '{') - (size_t)(c == '}');
	return at + 1;
}

/* Behind the comment that begins there; `at` where there is none. */
static size_t comment_end(struct str code, size_t at)
{
	struct str rest = str_slice(code, at, code.n);

	if (str_starts(rest, "//"))
		return str_find(code, '\n', at);
	if (!str_starts(rest, "/*"))
		return at;
	const char *end = memmem(rest.p + 2, rest.n - 2, "*/", 2);
	return end ? (size_t)(end - code.p) + 2 : NONE;
}

/* Nothing blank before a line's end, and no line of nothing. */
static void put_break(struct buf *out)
{
	while (
	    out->len && str_find(STR(" \t\r"), out->data[out->len - 1], 0) < 3)
		out->len--;
	if (out->len && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
}

/* But for what indents a line. */
static void put_piece(struct buf *out, struct str piece)
{
	bool blank = piece.n == 1 && str_find(STR(" \t\r"), *piece.p, 0) < 3;

	if (!blank || (out->len && out->data[out->len - 1] != '\n'))
		buf_put_str(out, piece);
}

static bool strip(struct strip *s)
{
	for (size_t at = 0, end; at < s->code.n; at = end) {
		bool is_comment = (end = comment_end(s->code, at)) != at;
		if (!is_comment)
			end = token_end(s, at);
		if (end == NONE)
			return false;
		struct str piece = str_slice(s->code, at, end);
		if (is_comment && str_find(piece, '\n', 0) == piece.n)
			put_piece(&s->out, STR(" "));
		else if (is_comment || str_is(piece, "\n"))
			put_break(&s->out);
		else
			put_piece(&s->out, piece);
	}
	return s->depth == 0;
}

struct str js_without_comments(struct arena *a, struct str code)
{
	struct strip s = {.code = code};

	if (strip(&s))
		code = arena_str(a, buf_str(&s.out));
	buf_release(&s.out);
	return code;
}
