#include "lib/json-check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/json.h"

static const char *const good[] = {"null", " true ", "false", "0", "-0.5e+3",
    "\"\"", "\"a\\n\\u00e9\\ud83d\\ude00\"", "[]", "[[],{}]", "{}",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}]}", "\t[1 , 2]\r\n", "\"\xc3\xa9\"",
    "12345678901234567890123", "[1.10]", "{\"a\":1,\"a\":2}", "\"\\u0000\""};
static const char *const bad[] = {"", " ", "nul", "nulll", "tru", "01", "+1",
    "1.", ".5", "1e", "-", "\"", "\"a", "\"\\x\"", "\"\\ud800\"", "\"\t\"", "[",
    "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}",
    "{\"a\":1,}", "{a:1}", "{\"a\":1]", "[1}", "1 2", "[]]", "{}{}", "\"\xff\"",
    "\"\xed\xa0\x80\"", "\xef\xbb\xbf[]", "// x\n1", "NaN", "[1]x"};

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!json_check(str_of(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (json_check(str_of(bad[i])))
			fail_msg("taken: %s", bad[i]);
	assert_false(json_check((struct str){"1\0", 2}));
	assert_false(json_check((struct str){0}));
}

static void test_depth(void **state)
{
	char text[JSON_DEPTH_MAX * 2 + 2];
	(void)state;

	for (size_t deep = 1; deep <= JSON_DEPTH_MAX + 1; deep++) {
		memset(text, '[', deep);
		memset(text + deep, ']', deep);
		assert_int_equal(json_check((struct str){text, deep * 2}),
		    deep <= JSON_DEPTH_MAX);
		assert_false(json_check((struct str){text, deep * 2 - 1}));
	}
	/* no recursion: it ends at the cap, however deep */
	char *deeper = malloc(1000000);
	memset(deeper, '[', 1000000);
	assert_false(json_check((struct str){deeper, 1000000}));
	free(deeper);
}

/* The reader that makes a tree says the same, but for what the header says. */
static bool reads(struct str text)
{
	struct arena arena = {0};
	struct diag diag;
	struct value *v;

	diag_init(&diag, &arena);
	const enum err err = json_read(&arena, text, 1 << 20, NULL, &diag, &v);
	arena_release(&arena);
	return !err;
}

static uint32_t random_of(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void test_agrees_with_the_reader(void **state)
{
	static const char *const pieces[] = {"{", "}", "[", "]", ",", ":",
	    "\"a\"", "\"b\\\"\"", "1", "-2.5", "true", "null", " ", "\"",
	    "\\u0041", "\xc3\xa9", "e", "0"};
	uint32_t seed = 7;
	size_t taken = 0;
	(void)state;

	for (int i = 0; i < 200000; i++) {
		char text[256];
		size_t n = 0;
		const uint32_t many = 1 + random_of(&seed) % 9;
		for (uint32_t j = 0; j < many; j++) {
			const char *piece =
			    pieces[random_of(&seed) %
				   (sizeof(pieces) / sizeof(*pieces))];
			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		const struct str s = {text, n};
		const bool is = json_check(s);
		taken += is;
		if (reads(s) && !is)
			fail_msg("refused: %.*s", STR_ARG(s));
		if (is && !reads(s) && !memmem(text, n, "\"a\"", 3))
			fail_msg("taken: %.*s", STR_ARG(s));
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_agrees_with_the_reader),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json-check", tests, NULL, NULL);
}
