#include "tests/fuzz/rewrites.h"

/* Any bytes are a page, and a place for an import map lies within it. */
const char *const fuzz_words[] = {"<a href=", "<img src=\"", "srcset='",
    " 1x, ", " 2w", "<style>", "</style>",
    "<script type=module src=", "<script>", "</script>", "<!--", "-->",
    "style=\"", "url(", "&amp;", "&#x2f;", "%2f", "/assets/a b.css", "../",
    "?q#f", "<textarea>", "<template>", "<svg>", "\"", "'", ">", "=", "\n",
    NULL};

static void rewrite(struct arena *a, struct str page,
    const struct html_refs *refs, struct buf *out)
{
	struct html_modules modules;

	html_rewrite(a, page, refs, out, &modules);
	fuzz_must(modules.at == SIZE_MAX || modules.at <= out->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	rewrites_hold((struct str){(const char *)data, n}, rewrite);
	return 0;
}
