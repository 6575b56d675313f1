#include "lib/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

static struct arena arena;

static bool reads(struct str text, struct str *out)
{
	return base64url_read(&arena, text, out);
}

/* RFC 4648 10, without the padding. */
static void vectors(void **state)
{
	static const struct {
		const char *text, *bytes;
	} rows[] = {{"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"},
	    {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"},
	    {"-_-_", "\xfb\xff\xbf"}};
	struct str out;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(reads(str_of(rows[i].text), &out));
		assert_true(str_is(out, rows[i].bytes));
	}
}

static void other_spellings(void **state)
{
	static const char *const rows[] = {"Zg==", "Zg=", "Zm9v\n", " Zm9v",
	    "Zm9v Zm9v", "Z", "Zm9vY", "+/+/", "Zh", "Zm9", "Zm9vYmF/",
	    "\xc3\xa9\xc3\xa9", "a.bc", "Zm9v\x80"};
	struct str out;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(reads(str_of(rows[i]), &out));
	assert_false(reads((struct str){"A\0AA", 4}, &out));
}

/* Each character: as libsodium has it, which is right below 0x80. */
static void as_another_reads_it(void **state)
{
	struct str out;
	(void)state;

	for (int c = 0; c < 256; c++) {
		char text[4] = {'A', 'A', 'A', (char)c};
		unsigned char bytes[3];
		bool right =
		    c < 128 &&
		    sodium_base642bin(bytes, sizeof(bytes), text, 4, NULL, NULL,
			NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
		assert_int_equal(reads((struct str){text, 4}, &out), right);
		if (right)
			assert_memory_equal(out.p, bytes, 3);
	}
}

static void any_bytes(void **state)
{
	unsigned char bytes[97];
	char text[sodium_base64_ENCODED_LEN(
	    97, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	struct str out;
	(void)state;

	for (size_t n = 0; n <= sizeof(bytes); n++) {
		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char)(i * 73 + n * 31);
		sodium_bin2base64(text, sizeof(text), bytes, n,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		assert_true(reads(str_of(text), &out));
		assert_int_equal(out.n, n);
		assert_memory_equal(out.p, bytes, n);
	}
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),
	    cmocka_unit_test(other_spellings),
	    cmocka_unit_test(as_another_reads_it),
	    cmocka_unit_test(any_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base64", tests, NULL, tear_down);
}
