#include "generator/manifest.h"
#include "tests/fuzz/fuzz.h"

/*
 * A manifest may come from anywhere: what is accepted has safe paths in order,
 * each found again, and everything else has a finding.
 */
const char *const fuzz_words[] = {"\"path\":", "\"../x\"", "\"/etc\"", "\"\"",
    "\"files\":[", "{}", "]", "}", ",", "\"bytes\":-1", "18446744073709551616",
    "\"encodings\":{\"br\":{\"bytes\":1,\"blake2b\":\"00\"}}",
    "\"cache\":", "\"immutable\"", "\"releases\":[", "\"format\":2", "null",
    "true", "\"sha512-\"", "\\u002e", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct manifest m;
	struct arena a;
	struct diag diag;

	arena_init(&a);
	diag_init(&diag, &a);
	enum err err = manifest_read(
	    &a, (struct str){(const char *)data, n}, "m.json", &diag, &m);
	fuzz_must((err == ERR_OK) == (diag.errors == 0));
	for (size_t i = 0; err == ERR_OK && i < m.n; i++) {
		struct str path = m.files[i].path;
		fuzz_must(path.n > 0 && path.p[0] != '/');
		fuzz_must(!memmem(path.p, path.n, "//", 2));
		fuzz_must(!str_is(path, "..") && !str_starts(path, "../") &&
			  !str_ends(path, "/..") &&
			  !memmem(path.p, path.n, "/../", 4));
		fuzz_must(i == 0 || str_cmp(m.files[i - 1].path, path) < 0);
		fuzz_must(manifest_find(&m, path) == &m.files[i]);
	}
	arena_release(&a);
	return 0;
}
