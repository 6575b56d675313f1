#include <stdio.h>

#include "generator/canon.h"
#include "generator/overlay.h"
#include "generator/toml.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any bytes are TOML or have a finding with a place in the file. What was read
 * can be laid over itself, printed and written as canonical JSON.
 */
const char *const fuzz_words[] = {"[a]", "[[a]]", "a.b = ", "\"\"\"", "'''",
    "= {", "}", "[", "]", "1979-05-27T07:32:00Z", "0x_ff", "nan", "-inf",
    "1e400", "9223372036854775807", "\\u0000", "\\U0010ffff", "\\ud800", "true",
    "#", "\r\n", "\n", "\xef\xbb\xbf", "\xff", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct value *tree = NULL, *over;
	struct arena a;
	struct diag diag;
	struct buf json = {0};

	arena_init(&a);
	diag_init(&diag, &a);
	enum err err = toml_read(&a, text, "f.toml", &diag, &tree);
	fuzz_must((err == ERR_OK) == (diag.errors == 0));
	for (const struct diag_item *i = diag.first; i; i = i->next)
		fuzz_must(i->pos.file && i->pos.line <= n + 1);
	if (err == ERR_OK) {
		FILE *out = fopen("/dev/null", "w");
		if (!out)
			abort();
		over = value_new(&a, VALUE_TABLE, POS_NONE);
		overlay(&a, over, tree);
		overlay(&a, over, tree);
		overlay_print(&a, over, out);
		fclose(out);
		err = canon_write(&a, over, &diag, &json);
		fuzz_must((err == ERR_OK) == (diag.errors == 0));
	}
	buf_release(&json);
	arena_release(&a);
	return 0;
}
