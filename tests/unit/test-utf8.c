#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/utf8.h"

/* All code points there are: written, read back, and nothing in between. */
static void every_code_point(void **state)
{
	char bytes[5] = {0};

	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		size_t n = utf8_put(bytes, code);
		struct str s = {bytes, n};
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		if (utf8_char(s, 0) != (surrogate ? 0 : n))
			fail_msg("U+%04x", (unsigned)code);
		/* cut short it is nothing */
		s.n = n - 1;
		if (n > 1 && utf8_char(s, 0) != 0)
			fail_msg("U+%04x cut", (unsigned)code);
	}
}

/* All pairs of bytes, against the definition written another way. */
static void every_pair(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char pair[2] = {(char)a, (char)b};
			size_t want =
			    a < 0x80					   ? 1
			    : a >= 0xc2 && a <= 0xdf && (b & 0xc0) == 0x80 ? 2
									   : 0;
			assert_int_equal(
			    utf8_char((struct str){pair, 2}, 0), want);
		}
	}
}

static void texts(void **state)
{
	(void)state;
	assert_true(utf8_valid(STR("")));
	assert_true(utf8_valid(STR("a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
	assert_false(utf8_valid(STR("a\xc3")));
	assert_false(utf8_valid(STR("\xe0\x9f\xbf")));	   /* overlong */
	assert_false(utf8_valid(STR("\xf0\x8f\xbf\xbf"))); /* overlong */
	assert_false(utf8_valid(STR("\xf4\x90\x80\x80"))); /* too high */
	assert_false(utf8_valid(STR("\xe2\x82\x41")));
	assert_int_equal(utf8_char(STR("a"), 1), 0);
	assert_int_equal(utf8_char(STR("a\xe2\x82\xac"), 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_point),
	    cmocka_unit_test(every_pair),
	    cmocka_unit_test(texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
