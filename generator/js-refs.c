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
