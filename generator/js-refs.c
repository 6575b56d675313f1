#include "generator/js-refs.h"

#include <string.h>

#include "generator/html-path.h"
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

static size_t skip_space_back(struct str code, size_t at)
{
	while (at && str_find(STR(" \t\r\n"), code.p[at - 1], 0) < 4)
		at--;
	return at;
}

static bool is_word_before(struct str code, size_t at, const char *word)
{
	size_t n = strlen(word);

	if (at < n || !str_is(str_slice(code, at - n, at), word))
		return false;
	if (at == n)
		return true;
	char c = code.p[at - n - 1];
	return !is_alnum(c) && !((unsigned char)c & 0x80) && !strchr("_$.#", c);
}

/* from, to: the literal without its quotes. */
static bool is_imported(struct str code, size_t from, size_t to)
{
	size_t at = skip_space_back(code, from - 1);

	if (is_word_before(code, at, "import") ||
	    is_word_before(code, at, "from"))
		return true;
	if (!at || code.p[at - 1] != '(' ||
	    !is_word_before(code, skip_space_back(code, at - 1), "import"))
		return false;
	/* and all of what stands in the brackets, or all but options */
	struct str rest = str_trim(str_slice(code, to + 1, to + 17));
	return str_starts(rest, ")") || str_starts(rest, ",");
}

static bool is_specifier(struct str text)
{
	return (str_ends(text, ".mjs") || str_ends(text, ".js")) &&
	       (str_starts(text, "./") || str_starts(text, "../") ||
		   (str_starts(text, "/") && !str_starts(text, "//")));
}

/* Where the quote is closed on its line; code.n where it is not. */
static size_t literal_end(struct str code, size_t at)
{
	char quote = code.p[at];

	for (at++; at < code.n && code.p[at] != '\n'; at++) {
		if (code.p[at] == quote)
			return at;
		at += code.p[at] == '\\';
	}
	return code.n;
}

/* Behind what begins at `at` and is no code; `at` itself where it is code. */
static size_t skip_other(struct str code, size_t at)
{
	struct str rest = str_slice(code, at, code.n);

	if (str_starts(rest, "//"))
		return str_find(code, '\n', at);
	if (str_starts(rest, "/*")) {
		const char *end = memmem(rest.p + 2, rest.n - 2, "*/", 2);
		return end ? (size_t)(end - code.p) + 2 : code.n;
	}
	if (!str_starts(rest, "`"))
		return at;
	for (at++; at < code.n && code.p[at] != '`'; at++)
		at += code.p[at] == '\\';
	return at < code.n ? at + 1 : code.n;
}

void js_imports(struct arena *a, struct str code,
    void (*found)(void *ctx, struct str path, const char *at), void *ctx)
{
	for (size_t at = 0; at < code.n;) {
		size_t next = skip_other(code, at);
		if (next > at || (code.p[at] != '"' && code.p[at] != '\'')) {
			at = next > at ? next : at + 1;
			continue;
		}
		size_t end = literal_end(code, at);
		if (end == code.n) { /* of a regular expression, say */
			at = str_find(code, '\n', at);
			continue;
		}
		struct str text = str_slice(code, at + 1, end), path;
		text = str_slice(text, 0, str_find(text, '?', 0));
		text = str_slice(text, 0, str_find(text, '#', 0));
		if (text.n <= JS_REF_MAX && is_specifier(text) &&
		    str_find(text, '\\', 0) == text.n &&
		    is_imported(code, at + 1, end) &&
		    !url_decode(a, text, &path))
			found(ctx, path, code.p + at + 1);
		at = end + 1;
	}
}
