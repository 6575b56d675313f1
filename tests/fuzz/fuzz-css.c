#include "generator/css.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a style sheet. One that no reference is replaced in comes out
 * as it went in; what is replaced stays one value; and of what a rewritten one
 * refers to nothing is lost: reading it again finds as many references.
 */
const char *const fuzz_words[] = {"@import ", "url(", ")", "\"a.css\"", "'",
    "/*", "*/", "\\", "\\2f ", "src(", "image-set(", " 1x,", "format(\"x\")",
    "{", "}", ";", "\n", "data:", "sourceMappingURL=a.map", "%20", "#x", NULL};

struct seen {
	size_t n;
	bool replace;
};

static struct str path(void *ctx, const struct html_ref *ref)
{
	struct seen *seen = ctx;

	fuzz_must(ref->path.n > 0);
	seen->n++;
	return seen->replace ? STR("/assets/x.0123456789.css")
			     : (struct str){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str sheet = {(const char *)data, n};
	struct arena a;
	struct buf same = {0}, changed = {0}, again = {0};
	struct seen as_is = {0}, replaced = {.replace = true}, after = {0};
	struct html_refs refs = {
	    .path = path, .base_url = STR("https://a.example")};

	arena_init(&a);
	refs.ctx = &as_is;
	css_rewrite(&a, sheet, &refs, &same);
	fuzz_must(str_eq(buf_str(&same), sheet));
	refs.ctx = &replaced;
	css_rewrite(&a, sheet, &refs, &changed);
	fuzz_must(as_is.n == replaced.n);
	refs.ctx = &after;
	css_rewrite(&a, buf_str(&changed), &refs, &again);
	fuzz_must(after.n == replaced.n);
	fuzz_must(str_eq(buf_str(&again), buf_str(&changed)));
	buf_release(&same);
	buf_release(&changed);
	buf_release(&again);
	arena_release(&a);
	return 0;
}
