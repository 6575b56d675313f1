#include "generator/js-comments.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64 /* brackets and templates in one another */
#define NONE SIZE_MAX

/* What a `/` would be that came now. */
enum slash { BEGINS_REGEXP, DIVIDES, UNSURE };
/* What is open; a head is the bracket of `if (…)`, which no operand is. */
enum bracket { PAREN, HEAD, BRACE, TEMPLATE };
static const enum slash slash_behind[] = {
    [PAREN] = DIVIDES, /* it ends an operand */
    [HEAD] = BEGINS_REGEXP,
    [BRACE] = UNSURE, /* of a block, or of an object? */
};

/* What came last, but for blanks and comments. */
struct behind {
	enum slash slash;
	bool makes_head; /* `(` would be one */
	bool makes_name; /* whatever word comes */
};
struct strip {
	struct str code;
	struct buf out;
	struct behind behind;
	enum bracket open[DEPTH_MAX];
	size_t depth;
};

static bool is_word(char c)
{
	return (unsigned)(c | 0x20) - 'a' < 26u || (unsigned)c - '0' < 10u ||
	       c == '_' || c == '$';
}

/* In a list with blanks around each word. */
static bool is_one_of(const char *list, struct str word)
{
	char padded[16];
	int n = snprintf(padded, sizeof(padded), " %.*s ", STR_ARG(word));

	return (size_t)n < sizeof(padded) && strstr(list, padded);
}

static size_t word_end(struct strip *s, size_t at)
{
	static const char wants_operand[] =
	    " await case default delete do else in instanceof new of return "
	    "throw typeof void yield ";
	struct behind was = s->behind;
	size_t end = at;

	while (end < s->code.n && is_word(s->code.p[end]))
		end++;
	struct str word = str_slice(s->code, at, end);
	s->behind = (struct behind){.slash = DIVIDES};
	if (was.makes_name)
		return end;
	if (is_one_of(wants_operand, word))
		s->behind.slash = BEGINS_REGEXP;
	s->behind.makes_head = is_one_of(" if for while with ", word) ||
			       (was.makes_head && str_is(word, "await"));
	return end;
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

/* Where it may be either, it is a division if no literal could end. */
static size_t slash_end(struct strip *s, size_t at)
{
	struct behind was = s->behind;
	size_t end = was.slash == DIVIDES ? NONE : literal_end(s->code, at);

	if (was.slash == BEGINS_REGEXP) {
		s->behind.slash = DIVIDES;
		return end;
	}
	s->behind = (struct behind){.slash = BEGINS_REGEXP};
	return end == NONE ? at + 1 : NONE;
}

static size_t opened(struct strip *s, enum bracket what, size_t end)
{
	if (s->depth == DEPTH_MAX)
		return NONE;
	s->open[s->depth++] = what;
	s->behind = (struct behind){.slash = BEGINS_REGEXP};
	return end;
}

/* A piece of a template, which ends it or goes on behind `${ … }`. */
static size_t piece_end(struct strip *s, size_t at)
{
	for (at++; at < s->code.n; at++) {
		if (s->code.p[at] == '`') {
			s->behind = (struct behind){.slash = DIVIDES};
			return at + 1;
		}
		if (str_starts(str_slice(s->code, at, s->code.n), "${"))
			return opened(s, TEMPLATE, at + 2);
		at += s->code.p[at] == '\\';
	}
	return NONE;
}

static size_t closed(struct strip *s, size_t at)
{
	bool is_paren = s->code.p[at] == ')';

	if (!s->depth)
		return NONE;
	enum bracket what = s->open[--s->depth];
	if (is_paren != (what == PAREN || what == HEAD))
		return NONE;
	if (what == TEMPLATE)
		return piece_end(s, at);
	s->behind = (struct behind){.slash = slash_behind[what]};
	return at + 1;
}

/* What makes no operand asks for one, but `]` ends one and `1.` may be one. */
static size_t mark_end(struct strip *s, size_t at)
{
	struct str rest = str_slice(s->code, at, s->code.n);
	char c = s->code.p[at];

	/* one more, of the operand before it or of that behind it */
	if (str_starts(rest, "++") || str_starts(rest, "--"))
		return at + 2;
	s->behind =
	    (struct behind){.slash = c == ']' ? DIVIDES : BEGINS_REGEXP};
	if (str_starts(rest, "..."))
		return at + 3;
	if (c == '.')
		s->behind.slash = UNSURE;
	s->behind.makes_name = c == '.' || c == '#';
	return at + 1;
}

/*
 * Behind what begins there and stays as it is. Letters beyond ASCII are not
 * told from blanks, and escapes not from names.
 */
static size_t token_end(struct strip *s, size_t at)
{
	char c = s->code.p[at];

	if (str_find(STR(" \t\r\n"), c, 0) < 4)
		return at + 1;
	if (c <= ' ' || c > '~' || c == '\\')
		return NONE;
	if (is_word(c))
		return word_end(s, at);
	if (c == '/')
		return slash_end(s, at);
	if (c == '(' && s->behind.makes_head)
		return opened(s, HEAD, at + 1);
	if (c == '(' || c == '{')
		return opened(s, c == '{' ? BRACE : PAREN, at + 1);
	if (c == ')' || c == '}')
		return closed(s, at);
	if (c == '`')
		return piece_end(s, at);
	if (c != '"' && c != '\'')
		return mark_end(s, at);
	s->behind = (struct behind){.slash = DIVIDES};
	return literal_end(s->code, at);
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

/* A comment ends with its line, whatever ends that; `#!` begins another one. */
static bool is_usual(struct str code)
{
	for (size_t at = 0; at < code.n; at++) {
		struct str rest = str_slice(code, at, code.n);
		if (str_starts(rest, "\xe2\x80\xa8") ||
		    str_starts(rest, "\xe2\x80\xa9") ||
		    (*rest.p == '\r' && !str_starts(rest, "\r\n")))
			return false;
	}
	return !str_starts(code, "#!");
}

struct str js_without_comments(struct arena *a, struct str code)
{
	struct strip s = {.code = code};

	if (is_usual(code) && strip(&s))
		code = arena_str(a, buf_str(&s.out));
	buf_release(&s.out);
	return code;
}
