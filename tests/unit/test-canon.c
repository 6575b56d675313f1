#include "generator/canon.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/toml.h"

static double from_bits(uint64_t bits)
{
	double f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* RFC 8785 Appendix B, and where shortest and rounded differ. */
static void numbers_are_ecmascript(void **state)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} rows[] = {
	    {0x0000000000000000, "0"},
	    {0x8000000000000000, "0"},
	    {0x0000000000000001, "5e-324"},
	    {0x8000000000000001, "-5e-324"},
	    {0x7fefffffffffffff, "1.7976931348623157e+308"},
	    {0xffefffffffffffff, "-1.7976931348623157e+308"},
	    {0x4340000000000000, "9007199254740992"},
	    {0xc340000000000000, "-9007199254740992"},
	    {0x4430000000000000, "295147905179352830000"},
	    {0x44b52d02c7e14af5, "9.999999999999997e+22"},
	    {0x44b52d02c7e14af6, "1e+23"},
	    {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
	    {0x444b1ae4d6e2ef4e, "999999999999999700000"},
	    {0x444b1ae4d6e2ef4f, "999999999999999900000"},
	    {0x444b1ae4d6e2ef50, "1e+21"},
	    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
	    {0x3eb0c6f7a0b5ed8d, "0.000001"},
	    {0x41b3de4355555553, "333333333.3333332"},
	    {0x41b3de4355555554, "333333333.33333325"},
	    {0x41b3de4355555555, "333333333.3333333"},
	    {0x41b3de4355555556, "333333333.3333334"},
	    {0x41b3de4355555557, "333333333.33333343"},
	    {0xbecbf647612f3696, "-0.0000033333333333333333"},
	    {0x43143ff3c1cb0959, "1424953923781206.2"},
	    /* 2^-44: the gap below is half the one above */
	    {0x3d30000000000000, "5.684341886080802e-14"},
	    {0x3fb999999999999a, "0.1"},
	    {0x4059000000000000, "100"},
	    {0x3ff199999999999a, "1.1"},
	    {0x3e7ad7f29abcaf48, "1e-7"},
	};
	char text[CANON_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		canon_number(from_bits(rows[i].bits), text);
		assert_string_equal(text, rows[i].text);
	}
}

/* Whatever the bits, what is written reads back as the same number. */
static void numbers_come_back(void **state)
{
	char text[CANON_NUMBER_MAX];
	uint64_t x = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		double f = from_bits(i % 4 ? x : x & 0xfff0000000000000);
		if (!isfinite(f))
			continue;
		canon_number(f, text);
		assert_true(strlen(text) < 30);
		assert_true(strtod(text, NULL) == f);
	}
}

static enum err canonical(const char *toml, struct diag *diag, char **out)
{
	struct arena a;
	struct buf text = {0};
	struct value *root;

	arena_init(&a);
	assert_int_equal(
	    toml_read(&a, str_of(toml), "c.toml", NULL, &root), ERR_OK);
	enum err err = canon_write(diag->arena, root, diag, &text);
	*out = text.data;
	arena_release(&a);
	return err;
}

static void gives(const char *toml, const char *want)
{
	struct arena a;
	struct diag diag;
	char *got;

	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(canonical(toml, &diag, &got), ERR_OK);
	assert_string_equal(got, want);
	free(got);
	arena_release(&a);
}

static void data_is_written_plainly(void **state)
{
	(void)state;
	gives(
	    "b = 1\na = [true, 'x', {}]\n", "{\"a\":[true,\"x\",{}],\"b\":1}");
	gives("d = 2026-11-21 08:30:00z\nl = 2026-11-21\n",
	    "{\"d\":\"2026-11-21T08:30:00Z\",\"l\":\"2026-11-21\"}");
	gives("f = 1.10\ni = 1_000\nz = -0.0\n",
	    "{\"f\":1.1,\"i\":1000,\"z\":0}");
	gives("i = 9007199254740992\nj = -9007199254740992\n",
	    "{\"i\":9007199254740992,\"j\":-9007199254740992}");
	gives("", "{}");
}

static void strings_have_the_fewest_escapes(void **state)
{
	(void)state;
	gives("s = \"\\u20ac$\\u000f\\nA'B\\\"\\\\\\\"/\\u007f\\b\\t\\f\\r\"\n",
	    "{\"s\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\"/"
	    "\x7f\\b\\t\\f\\r\"}");
}

/* RFC 8785 3.2.3: the order of UTF-16, not of UTF-8. */
static void members_are_sorted_by_utf16(void **state)
{
	(void)state;
	gives("\"\\u20ac\" = 1\n\"\\r\" = 2\n\"\\ufb33\" = 3\n\"1\" = 4\n"
	      "\"\\U0001F600\" = 5\n\"\\u0080\" = 6\n\"\\u00f6\" = 7\n",
	    "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,"
	    "\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
	assert_true(canon_compare(STR("a"), STR("ab")) < 0);
	assert_true(canon_compare(STR("b"), STR("ab")) > 0);
	assert_int_equal(canon_compare(STR("a"), STR("a")), 0);
	assert_true(
	    canon_compare(STR("\xed\x9f\xbf"), STR("\xf0\x90\x80\x80")) < 0);
	assert_true(
	    canon_compare(STR("\xf0\x9f\x98\x80"), STR("\xee\x80\x80")) < 0);
	assert_true(canon_compare(
			STR("\xf0\x9f\x98\x80"), STR("\xf0\x9f\x98\x81")) < 0);
}

static void what_json_cannot_hold_is_told_with_its_place(void **state)
{
	struct arena a;
	struct diag diag;
	char *got;

	(void)state;
	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(canonical("a = 9007199254740993\nb = [inf,\n -nan]\n"
				   "c = -9007199254740993\n",
			     &diag, &got),
	    ERR_INPUT);
	assert_int_equal(diag.errors, 4);
	static const struct {
		const char *name;
		unsigned line, col;
	} want[] = {{"number-too-large", 1, 5}, {"not-a-number", 2, 6},
	    {"not-a-number", 3, 2}, {"number-too-large", 4, 5}};
	const struct diag_item *item = diag.first;
	for (size_t i = 0; i < 4; i++, item = item->next) {
		assert_string_equal(item->name, want[i].name);
		assert_int_equal(item->pos.line, want[i].line);
		assert_int_equal(item->pos.col, want[i].col);
	}
	free(got);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_ecmascript),
	    cmocka_unit_test(numbers_come_back),
	    cmocka_unit_test(data_is_written_plainly),
	    cmocka_unit_test(strings_have_the_fewest_escapes),
	    cmocka_unit_test(members_are_sorted_by_utf16),
	    cmocka_unit_test(what_json_cannot_hold_is_told_with_its_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("canon", tests, NULL, NULL);
}
