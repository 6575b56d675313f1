#include "generator/js-refs.h"
#include "lib/buf.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are a script. What is found is a path, and whatever stands before
 * it, no string of its own line stays unseen. What is imported is a literal of
 * the script, and found again in a module that has nothing before it.
 */
const char *const fuzz_words[] = {"import ", "export ", "from ", "import(", "{",
    "*", "a", ",", ")", "//", "/*", "*/", "\"react\"", "'./a.mjs'", "\"", "'",
    "`", "/", "\\", "\\/", "${", "}", "//# sourceMappingURL=a.map",
    "/assets/a.png", "../", "%20", "?x", "#y", "\n", "new URL(", "https://",
    NULL};

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

struct imported {
	struct str code;
	struct str only; /* the one that is to be found */
	size_t n;
};

static void is_only(void *ctx, const struct js_import *import)
{
	struct imported *seen = ctx;

	fuzz_must(str_eq(import->name, seen->only));
	seen->n++;
}

static void imported(void *ctx, const struct js_import *import)
{
	struct imported *seen = ctx;
	const char *from = import->name.p, *to = from + import->name.n;
	struct imported again = {.only = import->name};
	struct buf code = {0};
	struct arena a;

	fuzz_must(from > seen->code.p && to < seen->code.p + seen->code.n);
	fuzz_must(from[-1] == to[0] && (to[0] == '"' || to[0] == '\''));
	fuzz_must(import->name.n > 0 && import->name.n <= JS_REF_MAX);
	arena_init(&a);
	buf_printf(&code, "import%s%.*s%s", import->is_static ? "" : "(",
	    (int)import->name.n + 2, from - 1, import->is_static ? "" : ")");
	js_imports(&a, buf_str(&code), is_only, &again);
	fuzz_must(again.n == 1);
	buf_release(&code);
	arena_release(&a);
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
	struct imported all = {.code = {(const char *)data, n}};
	js_imports(&a, all.code, imported, &all);
	buf_release(&code);
	arena_release(&a);
	return 0;
}
