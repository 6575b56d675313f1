#include "generator/js-tokens.h"

#include <string.h>

#define NONE SIZE_MAX

static const enum js_slash slash_behind[] = {
    [JS_PAREN] = JS_DIVIDES, /* it ends an operand */
    [JS_HEAD] = JS_BEGINS_REGEXP,
    [JS_BRACE] = JS_UNSURE_SLASH, /* of a block, or of an object? */
};

static bool is_word(char c)
{
	return (unsigned)(c | 0x20) - 'a' < 26u || (unsigned)c - '0' < 10u ||
	       c == '_' || c == '$';
}

static bool is_one_of(struct str word, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word.n == list[i].n && str_eq(word, list[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, list)                                                  \
	is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

static size_t word_end(struct js_scan *s, size_t at)
{
	static const struct str wants_operand[] = {STR_INIT("await"),
	    STR_INIT("case"), STR_INIT("default"), STR_INIT("delete"),
	    STR_INIT("do"), STR_INIT("else"), STR_INIT("in"),
	    STR_INIT("instanceof"), STR_INIT("new"), STR_INIT("of"),
	    STR_INIT("return"), STR_INIT("throw"), STR_INIT("typeof"),
	    STR_INIT("void"), STR_INIT("yield")};
	static const struct str heads[] = {STR_INIT("if"), STR_INIT("for"),
	    STR_INIT("while"), STR_INIT("with")};
	struct js_behind was = s->behind;
	size_t end = at;

	while (end < s->code.n && is_word(s->code.p[end]))
		end++;
	struct str word = str_slice(s->code, at, end);
	s->behind = (struct js_behind){.slash = JS_DIVIDES};
	if (was.makes_name)
		return end;
	if (IS_ONE_OF(word, wants_operand))
		s->behind.slash = JS_BEGINS_REGEXP;
	s->behind.makes_head =
	    IS_ONE_OF(word, heads) || (was.makes_head && str_is(word, "await"));
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
static size_t slash_end(struct js_scan *s, size_t at)
{
	struct js_behind was = s->behind;
	size_t end = was.slash == JS_DIVIDES ? NONE : literal_end(s->code, at);

	if (was.slash == JS_BEGINS_REGEXP) {
		s->behind.slash = JS_DIVIDES;
		return end;
	}
	s->behind = (struct js_behind){.slash = JS_BEGINS_REGEXP};
	return end == NONE ? at + 1 : NONE;
}

static size_t opened(struct js_scan *s, enum js_bracket what, size_t end)
{
	if (s->depth == JS_DEPTH_MAX)
		return NONE;
	s->open[s->depth++] = what;
	s->behind = (struct js_behind){.slash = JS_BEGINS_REGEXP};
	return end;
}

/* A piece of a template, which ends it or goes on behind `${ … }`. */
static size_t piece_end(struct js_scan *s, size_t at)
{
	for (at++; at < s->code.n; at++) {
		if (s->code.p[at] == '`') {
			s->behind = (struct js_behind){.slash = JS_DIVIDES};
			return at + 1;
		}
		if (str_starts(str_slice(s->code, at, s->code.n), "${"))
			return opened(s, JS_TEMPLATE, at + 2);
		at += s->code.p[at] == '\\';
	}
	return NONE;
}

static size_t closed(struct js_scan *s, size_t at)
{
	bool is_paren = s->code.p[at] == ')';

	if (!s->depth)
		return NONE;
	enum js_bracket what = s->open[--s->depth];
	if (is_paren != (what == JS_PAREN || what == JS_HEAD))
		return NONE;
	if (what == JS_TEMPLATE)
		return piece_end(s, at);
	s->behind = (struct js_behind){.slash = slash_behind[what]};
	return at + 1;
}

/* What makes no operand asks for one, but `]` ends one and `1.` may be one. */
static size_t mark_end(struct js_scan *s, size_t at)
{
	struct str rest = str_slice(s->code, at, s->code.n);
	char c = s->code.p[at];

	/* one more, of the operand before it or of that behind it */
	if (str_starts(rest, "++") || str_starts(rest, "--"))
		return at + 2;
	s->behind = (struct js_behind){
	    .slash = c == ']' ? JS_DIVIDES : JS_BEGINS_REGEXP};
	if (str_starts(rest, "..."))
		return at + 3;
	if (c == '.')
		s->behind.slash = JS_UNSURE_SLASH;
	s->behind.makes_name = c == '.' || c == '#';
	return at + 1;
}

/*
 * Behind what begins there and stays as it is. Letters beyond ASCII are not
 * told from blanks, and escapes not from names.
 */
static size_t token_end(struct js_scan *s, size_t at)
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
		return opened(s, JS_HEAD, at + 1);
	if (c == '(' || c == '{')
		return opened(s, c == '{' ? JS_BRACE : JS_PAREN, at + 1);
	if (c == ')' || c == '}')
		return closed(s, at);
	if (c == '`')
		return piece_end(s, at);
	if (c != '"' && c != '\'')
		return mark_end(s, at);
	s->behind = (struct js_behind){.slash = JS_DIVIDES};
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

/* A comment ends with its line, whatever ends that; `#!` begins another one. */
bool js_is_usual(struct str code)
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

static enum js_token kind_of(struct str code, size_t at)
{
	char c = code.p[at];

	if (str_find(STR(" \t\r\n"), c, 0) < 4)
		return JS_BLANK;
	if (is_word(c))
		return JS_WORD;
	return c == '"' || c == '\'' ? JS_STRING : JS_OTHER;
}

enum js_token js_next(struct js_scan *s, struct str *piece)
{
	size_t at = s->at;

	if (at >= s->code.n)
		return JS_END;
	enum js_token kind = JS_COMMENT;
	size_t end = comment_end(s->code, at);
	if (end == at) {
		kind = kind_of(s->code, at);
		end = token_end(s, at);
	}
	if (end == NONE)
		return JS_UNSURE;
	s->at = end;
	*piece = str_slice(s->code, at, end);
	return kind;
}
