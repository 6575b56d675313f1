#ifndef LOWTIDE_GENERATOR_JS_TOKENS_H
#define LOWTIDE_GENERATOR_JS_TOKENS_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * The pieces of a script (ECMA-262, 12), one after the other, for who takes
 * comments out and for who looks for imports. Nothing is parsed: whether `/`
 * divides is told by what stands before it, and behind `}` (a block's, or an
 * object's?) not at all, unless no other `/` is on its line. What is not sure
 * ends it; all that came before is as it was said to be.
 *
 *	struct js_scan scan = {.code = code};
 *	while ((kind = js_next(&scan, &piece)) < JS_END)
 *		…
 */
#define JS_DEPTH_MAX 64 /* brackets and templates in one another */

enum js_token {
	JS_BLANK, /* one of them */
	JS_COMMENT,
	JS_WORD, /* a name, a keyword, a number */
	JS_STRING,
	JS_OTHER, /* a mark, a regular expression, a piece of a template */
	JS_END,
	JS_UNSURE,
};
/* What a `/` would be that came now. */
enum js_slash { JS_BEGINS_REGEXP, JS_DIVIDES, JS_UNSURE_SLASH };
/* What is open; a head is the bracket of `if (…)`, which no operand is. */
enum js_bracket { JS_PAREN, JS_HEAD, JS_BRACE, JS_TEMPLATE };
/* What came last, but for blanks and comments. */
struct js_behind {
	enum js_slash slash;
	bool makes_head; /* `(` would be one */
	bool makes_name; /* whatever word comes */
};
struct js_scan {
	struct str code;
	size_t at;
	struct js_behind behind;
	enum js_bracket open[JS_DEPTH_MAX];
	size_t depth;
};

/* The next piece; none from JS_END on. */
enum js_token js_next(struct js_scan *s, struct str *piece);
/*
 * Whether a comment ends where it is read to: with its line, whatever ends
 * that; `#!` begins another one.
 */
bool js_is_usual(struct str code);

#endif
