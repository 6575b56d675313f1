#include "generator/encode.h"
#include "tests/fuzz/fuzz.h"

/*
 * Compressed bytes from anywhere, as verify and the cache read them; the first
 * byte says in which coding, or that what follows is to be encoded first. What
 * comes out is never more than was allowed and does not depend on it, and an
 * error leaves what was there before.
 */
const char *const fuzz_words[] = {"\x1f\x8b\x08", "\x28\xb5\x2f\xfd",
    "\xff\xff\xff\xff", "\x8b\x01\x80", NULL};

#define ALLOWED ((size_t)256 * 1024)

static void decode_any(enum encoding e, struct str bytes)
{
	struct buf out = {0};

	buf_puts(&out, "before");
	enum err err = decode(e, bytes, ALLOWED, &out);
	fuzz_must(out.len >= 6 && out.len - 6 <= ALLOWED);
	fuzz_must(memcmp(out.data, "before", 6) == 0);
	fuzz_must(err == ERR_OK || out.len == 6);
	if (err == ERR_OK) {
		struct str first = str_slice(buf_str(&out), 6, out.len);
		struct buf again = {0};
		fuzz_must(decode(e, bytes, first.n, &again) == ERR_OK);
		fuzz_must(str_eq(buf_str(&again), first));
		buf_clear(&again);
		if (first.n)
			fuzz_must(decode(e, bytes, first.n - 1, &again) ==
				  ERR_TOO_LARGE);
		fuzz_must(again.len == 0);
		buf_release(&again);
	}
	buf_release(&out);
}

static void there_and_back(enum encoding e, struct str bytes)
{
	struct buf packed = {0}, back = {0};

	fuzz_must(encode(e, bytes, &packed) == ERR_OK);
	fuzz_must(decode(e, buf_str(&packed), bytes.n, &back) == ERR_OK);
	fuzz_must(str_eq(buf_str(&back), bytes));
	buf_release(&packed);
	buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	struct str rest = {(const char *)data + 1, n - 1};
	enum encoding e = (enum encoding)(data[0] % ENCODING_COUNT);
	/* encoding takes a thousand times as long */
	if (data[0] >= 0xf0 && rest.n <= 2000)
		there_and_back(e, rest);
	else
		decode_any(e, rest);
	return 0;
}
