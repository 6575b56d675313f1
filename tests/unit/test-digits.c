#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sodium.h>

#include "generator/digits.h"

/* libsodium is the oracle, of what is accepted too, as far as ASCII goes. */
static void hex_is_read(void **state)
{
	unsigned char bytes[32], got[32];
	char text[65];

	(void)state;
	for (int round = 0; round < 200; round++) {
		randombytes_buf(bytes, sizeof(bytes));
		sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
		assert_true(digits_hex(str_of(text), got));
		assert_memory_equal(got, bytes, sizeof(bytes));
	}
	assert_false(digits_hex((struct str){text, 63}, got));
	assert_false(digits_hex((struct str){0}, got));
	for (int at = 0; at < 64; at++) {
		for (int c = 0; c < 256; c++) {
			char kept = text[at];
			text[at] = (char)c;
			bool good =
			    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
			assert_int_equal(
			    digits_hex((struct str){text, 64}, got), good);
			text[at] = kept;
		}
	}
}

static bool is_base64(const char *text, unsigned char out[64])
{
	size_t n;

	return sodium_base642bin(out, 64, text, 88, NULL, &n, NULL,
		   sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       n == 64;
}

static void base64_is_read(void **state)
{
	unsigned char bytes[64], got[64], want[64];
	char text[90];

	(void)state;
	for (int round = 0; round < 200; round++) {
		randombytes_buf(bytes, sizeof(bytes));
		sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes),
		    sodium_base64_VARIANT_ORIGINAL);
		assert_true(digits_base64(str_of(text), got));
		assert_memory_equal(got, bytes, sizeof(bytes));
	}
	assert_false(digits_base64((struct str){text, 87}, got));
	assert_false(digits_base64((struct str){0}, got));
	for (int at = 0; at < 88; at++) {
		for (int c = 0; c < 256; c++) {
			char kept = text[at];
			text[at] = (char)c;
			if (digits_base64((struct str){text, 88}, got) !=
			    (c < 0x80 && is_base64(text, want)))
				fail_msg("0x%02x at %d", c, at);
			text[at] = kept;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hex_is_read),
	    cmocka_unit_test(base64_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
