#include "generator/js-refs.h"

#include <string.h>

#include "generator/html-path.h"
#include "generator/js-tokens.h"
#include "lib/url.h"

struct search {
	struct arena *arena;
	void (*found)(void *ctx, struct str path);
	void *ctx;
};

static bool is_alnum(char c)
{
	return (unsigned)(c | 0x20) - 'a' < 26u || (unsigned)c - '0' < 10u;
}

/* "…\/…" is what some tools make of a slash. */
static struct str without_backslashes(struct arena *a, struct str text)
{
	if (str_find(text, '\\', 0) == text.n)
		return text;
	char *copy = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\\')
			copy[n++] = text.p[i];
	return (struct str){.p = copy, .n = n};
}

/* It begins as paths do, or it ends in a dot and a few letters. */
static bool is_like_path(struct str text)
{
	size_t dot = text.n;

	if (text.n < 2 || text.n > JS_REF_MAX)
		return false;
	if (text.p[0] == '/' || str_starts(text, "./") ||
	    str_starts(text, "../"))
		return true;
	while (dot && is_alnum(text.p[dot - 1]))
		dot--;
	return dot > 1 && dot < text.n && text.p[dot - 1] == '.';
}

static void see(const struct search *s, struct str text)
{
	struct str path;
	size_t end = 0;

	if (text.n > JS_REF_MAX)
		return;
	for (; end < text.n && text.p[end] != '?' && text.p[end] != '#'; end++)
		if ((unsigned char)text.p[end] < 0x20)
			return;
	text = without_backslashes(s->arena, str_slice(text, 0, end));
	if (is_like_path(text) && !html_is_elsewhere(text) &&
	    !url_decode(s->arena, text, &path))
		s->found(s->ctx, path);
}

static void see_between(const struct search *s, struct str code, char quote)
{
	size_t from = str_find(code, quote, 0);

	while (from < code.n) {
		size_t to = str_find(code, quote, ++from);
		if (to == code.n)
			break;
		see(s, str_slice(code, from, to));
		from = to;
	}
}

/* //# sourceMappingURL=app.mjs.map, where the last line is. */
static void see_map(const struct search *s, struct str code)
{
	static const struct str mark = STR_INIT("# sourceMappingURL=");
	size_t from = code.n > JS_REF_MAX ? code.n - JS_REF_MAX : 0;
	struct str tail = str_slice(code, from, code.n);
	const char *hit =
	    tail.n ? memmem(tail.p, tail.n, mark.p, mark.n) : NULL;

	if (!hit)
		return;
	tail = str_slice(tail, (size_t)(hit - tail.p) + mark.n, tail.n);
	size_t n = 0;
	while (n < tail.n && (unsigned char)tail.p[n] > 0x20)
		n++;
	see(s, str_slice(tail, 0, n));
}

void js_refs(struct arena *a, struct str code,
    void (*found)(void *ctx, struct str path), void *ctx)
{
	const struct search search = {.arena = a, .found = found, .ctx = ctx};

	see_between(&search, code, '"');
	see_between(&search, code, '\'');
	see_between(&search, code, '`');
	see_map(&search, code);
}

/* --- what a module imports ---------------------------------------------- */

/*
 * Where in `import a, {b as c} from './d.mjs'`: a clause ends by its literal,
 * or by what no clause has. `export` begins one, too, but names nothing alone.
 */
enum clause { NO_CLAUSE, IMPORT, CLAUSE, FROM, BRACKET };
struct imports {
	struct arena *arena;
	void (*found)(void *ctx, const struct js_import *import);
	void *ctx;
	enum clause clause;
	bool is_name;	    /* behind a dot */
	struct str dynamic; /* of `import('…'`, until what follows is seen */
};

static bool is_module_name(struct str path)
{
	return str_ends(path, ".mjs") || str_ends(path, ".js");
}

/* The literal without its quotes. */
static void see_import(const struct imports *s, struct str text, bool is_static)
{
	struct js_import import = {.name = text, .is_static = is_static};
	bool is_path = str_starts(text, "/") || str_starts(text, "./") ||
		       str_starts(text, "../");

	if (!text.n || text.n > JS_REF_MAX || html_is_elsewhere(text))
		return;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == '\\')
			return;
	if (is_path) {
		text = str_slice(text, 0, str_find(text, '?', 0));
		text = str_slice(text, 0, str_find(text, '#', 0));
		if (url_decode(s->arena, text, &import.path))
			return;
	}
	if (is_static || is_module_name(import.path))
		s->found(s->ctx, &import);
}

static void see_word(struct imports *s, struct str word)
{
	if (s->is_name)
		s->clause = NO_CLAUSE;
	else if (str_is(word, "import"))
		s->clause = IMPORT;
	else if (str_is(word, "export"))
		s->clause = CLAUSE;
	else if (s->clause != NO_CLAUSE && s->clause != BRACKET)
		s->clause = str_is(word, "from") ? FROM : CLAUSE;
	else
		s->clause = NO_CLAUSE;
}

static void see_literal(struct imports *s, struct str text)
{
	if (s->clause == IMPORT || s->clause == FROM)
		see_import(s, text, true);
	else if (s->clause == BRACKET)
		s->dynamic = text;
	/* a clause may rename what has a name of any letters */
	s->clause = s->clause == CLAUSE ? CLAUSE : NO_CLAUSE;
}

static void see_mark(struct imports *s, struct str mark)
{
	/* all of what stands in the brackets, or all but options */
	if (s->dynamic.n && (*mark.p == ')' || *mark.p == ','))
		see_import(s, s->dynamic, false);
	if (s->clause == IMPORT && *mark.p == '(')
		s->clause = BRACKET;
	else if (s->clause != NO_CLAUSE && s->clause != BRACKET &&
		 mark.n == 1 && strchr("{},*", *mark.p))
		s->clause = CLAUSE;
	else
		s->clause = NO_CLAUSE;
}

/*
 * Behind the last word that a literal, or a comment, stands behind: most files
 * have theirs at the top, and need not be read to their end.
 */
static size_t last_word(struct str code, const char *word)
{
	size_t n = strlen(word), last = 0;
	const char *hit;

	for (size_t at = 0; at < code.n; at = (size_t)(hit - code.p) + n) {
		hit = memmem(code.p + at, code.n - at, word, n);
		if (!hit)
			break;
		struct str rest =
		    str_slice(code, (size_t)(hit - code.p) + n, code.n);
		size_t i = 0;
		while (i < rest.n && strchr(" \t\r\n(", rest.p[i]))
			i++;
		if (i < rest.n && strchr("\"'/", rest.p[i]))
			last = (size_t)(rest.p - code.p);
	}
	return last;
}

void js_imports(struct arena *a, struct str code,
    void (*found)(void *ctx, const struct js_import *import), void *ctx)
{
	static const struct str bom = STR_INIT("\xef\xbb\xbf");
	struct imports s = {.arena = a, .found = found, .ctx = ctx};
	struct js_scan scan = {.code = code};
	size_t from = last_word(code, "from"), last = last_word(code, "import");
	struct str piece;
	enum js_token kind;

	if (from > last)
		last = from;
	if (str_starts(code, bom.p))
		scan.at = bom.n;
	if (!js_is_usual(str_slice(code, 0, last)))
		return;
	while ((scan.at < last || s.clause != NO_CLAUSE || s.dynamic.n) &&
	       (kind = js_next(&scan, &piece)) < JS_END) {
		if (kind == JS_BLANK || kind == JS_COMMENT)
			continue;
		struct str dynamic = s.dynamic;
		if (kind == JS_WORD)
			see_word(&s, piece);
		else if (kind == JS_STRING)
			see_literal(&s, str_slice(piece, 1, piece.n - 1));
		else
			see_mark(&s, piece);
		if (dynamic.n)
			s.dynamic = (struct str){0};
		s.is_name = kind == JS_OTHER &&
			    (str_is(piece, ".") || str_is(piece, "#"));
	}
}
