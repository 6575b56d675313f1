#include "generator/js-refs.h"
#include "lib/buf.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a script. What is found is a path, and whatever stands before
 * it, no string of its own line stays unseen.
 */
const char *const fuzz_words[] = {"import ", "'./a.mjs'", "\"", "'", "`", "/",
    "\\", "\\/", "${", "}", "//# sourceMappingURL=a.map", "/assets/a.png",
    "../", "%20", "?x", "#y", "\n", "new URL(", "https://", NULL};

#define KNOWN "./known.mjs"

struct seen {
	bool known;
};

static void found(void *ctx, struct str path)
{
	struct seen *seen = ctx;

	fuzz_must(path.n > 1 && path.n <= JS_REF_MAX);
	fuzz_must(str_find(path, '\0', 0) == path.n);
	fuzz_must(!str_starts(path, "//"));
	seen->known |= str_is(path, KNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct seen seen = {0};
	struct buf code = {0};
	struct arena a;

	arena_init(&a);
	buf_put(&code, data, n);
	buf_puts(&code, "'" KNOWN "'");
	js_refs(&a, buf_str(&code), found, &seen);
	fuzz_must(seen.known);
	buf_release(&code);
	arena_release(&a);
	return 0;
}
