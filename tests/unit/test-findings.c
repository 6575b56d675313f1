#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "generator/findings.h"
#include "lib/json.h"

static struct arena arena;
static struct diag diag;
static char path[] = "/tmp/lowtide-findings-XXXXXX";

static int fresh(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const char *printed(const struct findings_style *style)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	findings_print(&diag, style, out);
	fclose(out);
	const char *copy = arena_cstr(&arena, str_of(text));
	free(text);
	return copy;
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct pos at(uint32_t line, uint32_t col)
{
	return (struct pos){.file = path, .line = line, .col = col};
}

static void plain_text(void **state)
{
	(void)state;
	diag_warn(
	    &diag, (struct pos){"b.toml", 2, 4}, "odd", "it is\n\033[1mbold");
	diag_error(&diag, POS_FILE("a.toml"), "missing", "x; do y");
	diag_error(&diag, POS_NONE, "none", "z");
	assert_string_equal(printed(&(struct findings_style){0}),
	    "none: z\n"
	    "a.toml: missing: x; do y\n"
	    "b.toml:2:4: warning: odd: it is\\n\\x1b[1mbold\n");
}

static void annotations(void **state)
{
	(void)state;
	diag_warn(&diag, (struct pos){"a,b:c%.toml", 2, 4}, "odd",
	    "100 %%: one, two\r\nthree");
	diag_error(&diag, POS_FILE("z.toml"), "missing", "x; do y");
	diag_error(&diag, POS_NONE, "none", "z");
	assert_string_equal(printed(&(struct findings_style){.github = true}),
	    "::error title=none::z\n"
	    "::warning file=a%2Cb%3Ac%25.toml,line=2,col=4,title=odd::"
	    "100 %25: one, two%0D%0Athree\n"
	    "::error file=z.toml,title=missing::x; do y\n");
}

static void with_the_line(void **state)
{
	const struct findings_style style = {.excerpt = true};

	(void)state;
	write_file("one\n\tké = \"\x1b[1m\xff\"\r\n");
	diag_error(&diag, at(2, 6), "odd", "x");
	assert_string_equal(printed(&style), arena_printf(&arena,
						 "%s:2:6: odd: x\n"
						 "     2 |  ké = \"?[1m?\"\n"
						 "       |     ^\n",
						 path)
						 .p);
	fresh(NULL);
	/* what is not there is not shown */
	diag_error(&diag, at(9, 1), "odd", "x");
	diag_error(&diag, at(1, 90), "odd", "x");
	diag_error(&diag, at(1, 0), "odd", "x");
	diag_error(&diag, (struct pos){"/nowhere", 1, 1}, "odd", "x");
	const char *said = printed(&style);
	assert_null(strchr(said, '|'));
	assert_null(strchr(said, '^'));
}

static void of_a_long_line(void **state)
{
	char line[1000];

	(void)state;
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	line[499] = 'X';
	write_file(line);
	diag_error(&diag, at(1, 500), "odd", "x");
	char *said = arena_cstr(
	    &arena, str_of(printed(&(struct findings_style){.excerpt = true})));
	char *shown = strchr(said, '\n') + 1;
	char *marks = strchr(shown, '\n') + 1;
	size_t column = (size_t)(strchr(marks, '^') - marks);
	/* the ellipsis is one column but three bytes */
	assert_int_equal(shown[column + 2], 'X');
	assert_true(marks - shown < 100);
}

static void in_colour(void **state)
{
	(void)state;
	write_file("name = 1\n");
	diag_error(&diag, at(1, 8), "wrong-type", "x");
	diag_warn(&diag, POS_NONE, "later", "y");
	const char *said =
	    printed(&(struct findings_style){.colour = true, .excerpt = true});
	assert_non_null(strstr(said, "\033[31mwrong-type\033[0m: x\n"));
	assert_non_null(strstr(said, "\033[33mwarning: later\033[0m: y\n"));
	assert_non_null(strstr(said, "\033[31m^\033[0m\n"));
}

static void as_values(void **state)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	(void)state;
	diag_error(&diag, (struct pos){"a.toml", 2, 4}, "odd", "x \"y\"");
	diag_warn(&diag, POS_NONE, "none", "z");
	diag_warn(&diag, POS_FILE("b.toml"), "whole", "z");
	json_value(&w, findings_value(&arena, &diag));
	buf_putc(&out, '\0');
	assert_string_equal(out.data,
	    "[{\"level\":\"warning\",\"file\":null,\"line\":null,"
	    "\"column\":null,\"name\":\"none\",\"text\":\"z\"},"
	    "{\"level\":\"error\",\"file\":\"a.toml\",\"line\":2,"
	    "\"column\":4,\"name\":\"odd\",\"text\":\"x \\\"y\\\"\"},"
	    "{\"level\":\"warning\",\"file\":\"b.toml\",\"line\":null,"
	    "\"column\":null,\"name\":\"whole\",\"text\":\"z\"}]");
	buf_release(&out);
}

static void more_than_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < DIAG_MAX + 7; i++)
		diag_error(&diag, POS_NONE, "n", "%d", i);
	assert_non_null(
	    strstr(printed(&(struct findings_style){0}), "\n… and 7 more\n"));
	assert_non_null(
	    strstr(printed(&(struct findings_style){.github = true}),
		"\n::notice::… and 7 more\n"));
	assert_int_equal(findings_value(&arena, &diag)->as.array.n, DIAG_MAX);
}

static int file_make(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int file_remove(void **state)
{
	(void)state;
	return unlink(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(plain_text),
	    TEST(annotations),
	    TEST(with_the_line),
	    TEST(of_a_long_line),
	    TEST(in_colour),
	    TEST(as_values),
	    TEST(more_than_are_kept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "findings", tests, file_make, file_remove);
}
