#include "tests/fuzz/rewrites.h"

/*
 * Any bytes are a page, a place for an import map lies within it, and so does
 * what it does by itself.
 */
const char *const fuzz_words[] = {"<a href=", "<img src=\"", "srcset='",
    " 1x, ", " 2w", "<style>", "</style>",
    "<script type=module src=", "<script>", "</script>", "<!--", "-->",
    "style=\"", "url(", "&amp;", "&#x2f;", "%2f", "/assets/a b.css", "../",
    "?q#f", "<script src=x.mjs>", "onclick=", "type=", "<noscript>",
    "</template>", "<textarea>", "<template>", "<svg>", "\"", "'", ">", "=",
    "\n", NULL};

static void inlined(void *ctx, const struct html_inline *what)
{
	const struct str *page = ctx;
	const char *end = page->p + page->n;

	fuzz_must(what->text.n > 0 && what->text.p >= page->p &&
		  what->text.p + what->text.n <= end);
	fuzz_must((what->name.n > 0) == (what->kind == HTML_INLINE_HANDLER));
}

static struct str left(void *ctx, const struct html_ref *ref)
{
	(void)ctx;
	(void)ref;
	return (struct str){0};
}

static void look_inside(struct str page)
{
	const struct html_refs refs = {
	    .path = left, .inlined = inlined, .ctx = &page};
	struct html_modules modules;
	struct buf out = {0};
	struct arena a;

	arena_init(&a);
	html_rewrite(&a, page, &refs, &out, &modules);
	buf_release(&out);
	arena_release(&a);
}

static void rewrite(struct arena *a, struct str page,
    const struct html_refs *refs, struct buf *out)
{
	struct html_modules modules;

	html_rewrite(a, page, refs, out, &modules);
	fuzz_must(modules.at == SIZE_MAX || modules.at <= out->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	look_inside((struct str){(const char *)data, n});
	rewrites_hold((struct str){(const char *)data, n}, rewrite);
	return 0;
}
