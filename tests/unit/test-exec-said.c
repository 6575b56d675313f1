#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/upstream/exec-said.h"
#include "lib/buf.h"
#include "lib/utf8.h"

/* ---- lines --------------------------------------------------------------- */

static void on_line(void *ctx, struct str line)
{
	buf_printf(ctx, "<%.*s>", STR_ARG(line));
}

static void test_lines_in_any_pieces(void **unused)
{
	static const char text[] = "one\n\ntwo words\nlast";

	(void)unused;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct exec_lines lines = {0};
		struct buf out = {0};
		struct str all = str_of(text);
		for (size_t at = 0; at < all.n; at += piece)
			exec_lines_put(&lines, str_slice(all, at, at + piece),
			    on_line, &out);
		exec_lines_end(&lines, on_line, &out);
		exec_lines_end(&lines, on_line, &out);
		assert_string_equal(out.data, "<one><two words><last>");
		buf_release(&out);
	}
}

static void count_line(void *ctx, struct str line)
{
	size_t *longest = ctx;

	if (line.n > *longest)
		*longest = line.n;
}

static void test_a_line_without_end(void **unused)
{
	struct exec_lines lines = {0};
	struct buf out = {0};
	char bytes[1000];
	size_t longest = 0;

	(void)unused;
	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < 1000; i++)
		exec_lines_put(&lines,
		    (struct str){.p = bytes, .n = sizeof(bytes)}, count_line,
		    &longest);
	assert_int_equal(longest, 0);
	exec_lines_put(&lines, STR("\nshort\n"), count_line, &longest);
	assert_int_equal(longest, EXEC_LINE_MAX);
	/* what was too long takes nothing of what follows with it */
	exec_lines_put(&lines, STR("next\n"), on_line, &out);
	assert_string_equal(out.data, "<next>");
	buf_release(&out);
}

/* ---- cleaned ------------------------------------------------------------- */

static void test_clean(void **unused)
{
	static const struct {
		const char *line, *clean;
		size_t n; /* of line; 0 = up to its NUL */
	} rows[] = {
	    {"plain", "plain", 0},
	    {"  both ends \t\r", "both ends", 0},
	    {"a\tb", "a b", 0},
	    {"a\0b", "a b", 3},
	    {"\x1b[31mred\x1b[0m", "[31mred [0m", 0},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 0},
	    {"\xf0\x9f\x8c\x8a", "\xf0\x9f\x8c\x8a", 0},
	    {"bad \xff\xfe.", "bad ?\?.", 0},
	    {"overlong \xc0\xaf", "overlong ??", 0},
	    {"half \xe2\x82", "half ??", 0},
	    {"surrogate \xed\xa0\x80", "surrogate ???", 0},
	    {"c1 \xc2\x9b"
	     "0m",
		"c1  0m", 0},
	    {"\xc2\xa0nbsp", "\xc2\xa0nbsp", 0},
	    {"line\xe2\x80\xa8"
	     "break",
		"line break", 0},
	    {"turn\xe2\x80\xae"
	     "ed",
		"turn ed", 0},
	    {"iso\xe2\x81\xa6"
	     "late",
		"iso late", 0},
	    {"\x7f\x01\x02", "", 0},
	    {"", "", 0},
	};
	char out[64];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str line = {.p = rows[i].line,
		    .n = rows[i].n ? rows[i].n : strlen(rows[i].line)};
		struct str got = {
		    .p = out, .n = exec_clean(line, out, sizeof(out))};
		if (!str_is(got, rows[i].clean))
			fail_msg("row %zu: \"%.*s\"", i, STR_ARG(got));
	}
}

static void test_clean_cuts_between_characters(void **unused)
{
	const struct str line = STR("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\x8az");
	static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
	char out[16];

	(void)unused;
	for (size_t max = 0; max < sizeof(want) / sizeof(want[0]); max++) {
		memset(out, '#', sizeof(out));
		assert_int_equal(exec_clean(line, out, max), want[max]);
		assert_int_equal(out[max], '#');
	}
}

/* ---- progress ------------------------------------------------------------ */

static void test_progress(void **unused)
{
	static const struct {
		const char *line;
		int percent; /* -2: it says nothing */
		const char *message;
	} rows[] = {
	    {"0", 0, "before"},
	    {"42 reading", 42, "reading"},
	    {"42% reading", 42, "reading"},
	    {"42%", 42, "before"},
	    {"100 done", 100, "done"},
	    {"007 seven", 7, "seven"},
	    {"  9\tnine  ", 9, "nine"},
	    {"12\r", 12, "before"},
	    {"reading", 33, "reading"},
	    {"\xc3\xbctzel 5", 33, "\xc3\xbctzel 5"},
	    {"+5 x", 33, "+5 x"},
	    {"101 x", -2, NULL},
	    {"-1", -2, NULL},
	    {"-1 x", -2, NULL},
	    {"- x", -2, NULL},
	    {"7th part", -2, NULL},
	    {"3.5 x", -2, NULL},
	    {"0042 x", -2, NULL},
	    {"42x", -2, NULL},
	    {"42%x", -2, NULL},
	    {"99999999999999999999 x", -2, NULL},
	    {"", -2, NULL},
	    {" \t ", -2, NULL},
	    {"\x01\x02", -2, NULL},
	    {"50 \x01\x02", 50, "before"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exec_progress p = {33, 6, "before"};
		bool said = exec_progress_read(str_of(rows[i].line), &p);
		struct str message = {.p = p.message, .n = p.n};
		if (said != (rows[i].percent != -2) ||
		    p.percent != (said ? rows[i].percent : 33) ||
		    !str_is(message, said ? rows[i].message : "before"))
			fail_msg("\"%s\": %d \"%.*s\"", rows[i].line, p.percent,
			    STR_ARG(message));
	}
}

static void test_a_long_message_is_cut(void **unused)
{
	struct exec_progress p = {.percent = -1};
	struct buf line = {0};

	(void)unused;
	buf_puts(&line, "5 x");
	while (line.len < EXEC_LINE_MAX)
		buf_puts(&line, "\xe2\x82\xac");
	assert_true(exec_progress_read(buf_str(&line), &p));
	assert_int_equal(p.percent, 5);
	assert_int_equal(p.n, ENVELOPE_MESSAGE_MAX - 1);
	assert_true(utf8_valid((struct str){.p = p.message, .n = p.n}));
	buf_release(&line);
}

/* ---- anything at all ------------------------------------------------------
 */

static struct exec_progress said;
static size_t lines_seen;

static void any_line(void *ctx, struct str line)
{
	char text[EXEC_LINE_MAX];
	struct str clean = {.p = text};

	(void)ctx;
	lines_seen++;
	assert_true(line.n > 0 && line.n <= EXEC_LINE_MAX);
	exec_progress_read(line, &said);
	assert_in_range(said.percent + 1, 0, 101);
	assert_true(said.n <= sizeof(said.message));
	clean.n = exec_clean(line, text, sizeof(text));
	assert_true(utf8_valid(clean));
	for (size_t i = 0; i < clean.n; i++)
		assert_true((unsigned char)clean.p[i] >= 0x20);
	assert_true(utf8_valid((struct str){.p = said.message, .n = said.n}));
}

/* Bytes with a liking for what matters here; the same in each run. */
static void test_whatever_comes(void **unused)
{
	static const char liked[] = "\n\n 019%-\r\t\xc2\x9b\xe2\x80\xa8\xff";
	struct exec_lines lines = {0};
	uint32_t seed = 7;
	char bytes[300];

	(void)unused;
	said.percent = -1;
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525u + 1013904223u;
			uint32_t r = seed >> 8;
			bytes[i] = r & 1 ? liked[(r >> 1) % sizeof(liked)]
					 : (char)(r >> 9);
		}
		exec_lines_put(&lines,
		    (struct str){.p = bytes, .n = (seed >> 9) % sizeof(bytes)},
		    any_line, NULL);
	}
	exec_lines_end(&lines, any_line, NULL);
	assert_true(lines_seen > 100000);
}

/* The last one said counts, however many came. */
static void test_the_last_wins(void **unused)
{
	struct exec_lines lines = {0};
	char line[32];

	(void)unused;
	said = (struct exec_progress){.percent = -1};
	for (int i = 0; i <= 100000; i++) {
		int n =
		    snprintf(line, sizeof(line), "%d step %d\n", i % 101, i);
		exec_lines_put(&lines, (struct str){.p = line, .n = (size_t)n},
		    any_line, NULL);
	}
	assert_int_equal(said.percent, 100000 % 101);
	assert_true(str_is(
	    (struct str){.p = said.message, .n = said.n}, "step 100000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_in_any_pieces),
	    cmocka_unit_test(test_a_line_without_end),
	    cmocka_unit_test(test_clean),
	    cmocka_unit_test(test_clean_cuts_between_characters),
	    cmocka_unit_test(test_progress),
	    cmocka_unit_test(test_a_long_message_is_cut),
	    cmocka_unit_test(test_whatever_comes),
	    cmocka_unit_test(test_the_last_wins),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("exec-said", tests, NULL, NULL);
}
