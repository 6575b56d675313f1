#include "generator/css-comments.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a sheet. What is left of it was in it, in that order, but for
 * breaks, and has nothing more to lose.
 */
const char *const fuzz_words[] = {"/*", "*/", "/**/", "'", "\"", "url(", "(",
    ")", "\\", "{", "}", ";", ",", ":", "\n", " ", "\t", "\r\n", "a", ".",
    NULL};

static bool is_part(struct str left, struct str css)
{
	for (size_t i = 0, at = 0; i < left.n; i++, at++) {
		at = str_find(css, left.p[i], at);
		if (at == css.n)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str css = {(const char *)data, n};
	struct arena a;

	arena_init(&a);
	struct str left = css_without_comments(&a, css);
	fuzz_must(left.n <= css.n);
	fuzz_must(is_part(left, css));
	fuzz_must(str_eq(css_without_comments(&a, left), left));
	arena_release(&a);
	return 0;
}
