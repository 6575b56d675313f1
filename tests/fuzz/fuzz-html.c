#include "generator/html.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a page. One that no reference is replaced in comes out as it
 * went in; what is replaced stays one value; and of what a rewritten page
 * refers to nothing is lost: reading it again finds as many references.
 */
const char *const fuzz_words[] = {"<a href=", "<img src=\"", "srcset='",
    " 1x, ", " 2w", "<style>", "</style>",
    "<script type=module src=", "<script>", "</script>", "<!--", "-->",
    "style=\"", "url(", "&amp;", "&#x2f;", "%2f", "/assets/a b.css", "../",
    "?q#f", "<textarea>", "<template>", "<svg>", "\"", "'", ">", "=", "\n",
    NULL};

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
	struct str page = {(const char *)data, n};
	struct arena a;
	struct buf same = {0}, changed = {0}, again = {0};
	struct seen as_is = {0}, replaced = {.replace = true}, after = {0};
	struct html_modules modules;
	struct html_refs refs = {
	    .path = path, .base_url = STR("https://a.example")};

	arena_init(&a);
	refs.ctx = &as_is;
	html_rewrite(&a, page, &refs, &same, &modules);
	fuzz_must(str_eq(buf_str(&same), page));
	fuzz_must(modules.at == SIZE_MAX || modules.at <= same.len);
	refs.ctx = &replaced;
	html_rewrite(&a, page, &refs, &changed, &modules);
	fuzz_must(as_is.n == replaced.n);
	refs.ctx = &after;
	html_rewrite(&a, buf_str(&changed), &refs, &again, &modules);
	fuzz_must(after.n == replaced.n);
	fuzz_must(str_eq(buf_str(&again), buf_str(&changed)));
	buf_release(&same);
	buf_release(&changed);
	buf_release(&again);
	arena_release(&a);
	return 0;
}
