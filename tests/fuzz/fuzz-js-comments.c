#include "generator/js-comments.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a module. What is left of it was in it, in that order, but for
 * blanks and breaks, and has no comment.
 */
const char *const fuzz_words[] = {"/*", "*/", "//", "/", "'", "\"", "`", "${",
    "}", "{", "\\", "[", "]", "(", ")", "\n", " ", "\t", "\r\n", "return",
    "typeof ", "if (", "for await (", "a", ".", "...", "#", "++", "=", NULL};

static bool is_white(char c)
{
	return c == ' ' || c == '\n';
}

static bool is_part(struct str left, struct str code)
{
	for (size_t i = 0, at = 0; i < left.n; i++, at++) {
		at = str_find(code, left.p[i], at);
		if (at == code.n)
			return false;
	}
	return true;
}

/* Blanks that stand for comments are looked past. */
static struct str without_white(struct arena *a, struct str text)
{
	char *copy = arena_alloc(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		if (!is_white(text.p[i]))
			copy[n++] = text.p[i];
	return (struct str){copy, n};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str code = {(const char *)data, n};
	struct arena a;

	arena_init(&a);
	struct str left = js_without_comments(&a, code);
	fuzz_must(is_part(without_white(&a, left), code));
	fuzz_must(str_eq(js_without_comments(&a, left), left));
	arena_release(&a);
	return 0;
}
