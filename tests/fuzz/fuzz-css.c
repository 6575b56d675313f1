#include "generator/css.h"
#include "tests/fuzz/rewrites.h"

/* Any bytes are a style sheet. */
const char *const fuzz_words[] = {"@import ", "url(", ")", "\"a.css\"", "'",
    "/*", "*/", "\\", "\\2f ", "src(", "image-set(", " 1x,", "format(\"x\")",
    "{", "}", ";", "\n", "data:", "sourceMappingURL=a.map", "%20", "#x", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	rewrites_hold((struct str){(const char *)data, n}, css_rewrite);
	return 0;
}
