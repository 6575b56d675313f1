#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/opt.h"

enum { QUIET, PORT, ENV, SET, WAIT, COUNT, FORM };
static const struct opt rows[] = {
    [QUIET] = {.name = "quiet",
	.letter = 'q',
	.kind = OPT_FLAG,
	.help = "say nothing"},
    [PORT] = {.name = "port",
	.kind = OPT_INT,
	.arg = "N",
	.min = 1,
	.max = 65535,
	.help = "listen here"},
    [ENV] = {.name = "env",
	.letter = 'e',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "which environment"},
    [SET] = {.name = "set",
	.letter = 's',
	.kind = OPT_LIST,
	.arg = "KEY=VALUE",
	.help = "set a key"},
    [WAIT] = {.name = "wait",
	.letter = 'w',
	.kind = OPT_DURATION,
	.arg = "TIME",
	.help = "how long"},
    [COUNT] = {.name = "count",
	.kind = OPT_INT,
	.arg = "N",
	.help = "how often"},
    [FORM] = {.name = "form",
	.kind = OPT_STRING,
	.arg = "KIND",
	.choices = "text|json|html",
	.help = "which form"},
    {.name = NULL},
};

static struct arena arena;
static struct diag diag;
static struct opt_result got;

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

/* Words by '|'; the program's name comes by itself. */
static enum err parse(const char *line)
{
	char *argv[32] = {(char *)(uintptr_t) "lowtide"};
	int argc = 1;
	struct str rest = str_of(line);

	fresh(NULL);
	while (*line) {
		size_t bar = str_find(rest, '|', 0);
		argv[argc++] = arena_cstr(&arena, str_slice(rest, 0, bar));
		if (bar == rest.n)
			break;
		rest = str_slice(rest, bar + 1, rest.n);
	}
	return opt_parse(&arena, rows, argc, argv, &diag, &got);
}

static void all_spellings(void **state)
{
	static const char *const lines[] = {"-e|prod", "-eprod", "--env|prod",
	    "--env=prod", "x|--env|prod", "--env|dev|-e|prod", "-q|-e|prod",
	    "-qeprod", "-qe|prod"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(lines[i]) != ERR_OK || !got.values[ENV].given ||
		    strcmp(got.values[ENV].string, "prod") != 0)
			fail_msg("%s", lines[i]);
		assert_int_equal(got.values[PORT].given, false);
		assert_null(got.rest);
	}
	assert_int_equal(parse("--env="), ERR_OK);
	assert_string_equal(got.values[ENV].string, "");
	assert_int_equal(parse("--set=a=b=c"), ERR_OK);
	assert_string_equal(got.values[SET].string, "a=b=c");
	assert_int_equal(parse(""), ERR_OK);
	assert_int_equal(got.n_operands, 0);
}

static void lists_numbers_operands(void **state)
{
	(void)state;
	assert_int_equal(
	    parse("one|-sa=1|--set|b=2|two|--set=c|-|-s|d|-s|e|--port|8080|"
		  "--wait=10s|--count|-3|--|-q|--env|x"),
	    ERR_OK);
	assert_int_equal(got.values[SET].n, 5);
	assert_string_equal(got.values[SET].list[0], "a=1");
	assert_string_equal(got.values[SET].list[4], "e");
	assert_int_equal(got.n_operands, 3);
	assert_string_equal(got.operands[1], "two");
	assert_string_equal(got.operands[2], "-");
	assert_int_equal(got.values[PORT].number, 8080);
	assert_int_equal(got.values[WAIT].number, 10000);
	assert_true(got.values[COUNT].number == -3);
	assert_int_equal(got.n_rest, 3);
	assert_string_equal(got.rest[0], "-q");
	assert_null(got.rest[3]);
	assert_false(got.values[QUIET].given);
	assert_int_equal(parse("--"), ERR_OK);
	assert_non_null(got.rest);
	assert_int_equal(got.n_rest, 0);
}

static void findings(void **state)
{
	static const struct {
		const char *line, *name, *words;
	} bad[] = {
	    {"--evn|x", "unknown-option", "did you mean `--env`?"},
	    {"--prot=1", "unknown-option", "did you mean `--port`?"},
	    {"--nothing-like", "unknown-option", "--help"},
	    {"-x", "unknown-option", "-x"},
	    {"--quiet=yes", "bad-value", "no value"},
	    {"-qx", "unknown-option", "`-x`"},
	    {"--env", "option-needs-value", "--env NAME"},
	    {"-e", "option-needs-value", "--env NAME"},
	    {"--env|--|x", "option-needs-value", "--env NAME"},
	    {"--port|0", "bad-value", "between 1 and 65535"},
	    {"--port=65536", "bad-value", "65536"},
	    {"--port=80a", "bad-value", "whole number"},
	    {"--port= 80", "bad-value", "whole number"},
	    {"--port=", "bad-value", "whole number"},
	    {"--count=+1", "bad-value", "whole number"},
	    {"--count=-", "bad-value", "whole number"},
	    {"--count=99999999999999999999", "bad-value", "whole number"},
	    {"--wait=10", "bad-value", "a duration"},
	    {"--form=tex", "bad-value",
		"`--form tex` is not known; use text, "
		"json or html"},
	    {"--form=text|--form=", "bad-value", "is not known"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].line) != ERR_USAGE || diag.errors != 1 ||
		    strcmp(diag.first->name, bad[i].name) != 0 ||
		    !strstr(diag.first->text.p, bad[i].words))
			fail_msg("%s: %s", bad[i].line,
			    diag.first ? diag.first->text.p : "");
	}
	assert_int_equal(parse("--a|--port=x|-z"), ERR_USAGE);
	assert_int_equal(diag.errors, 3);
	/* what was good is there all the same */
	assert_int_equal(parse("--a|-q|--env=x|--port=x"), ERR_USAGE);
	assert_true(got.values[QUIET].given);
	assert_string_equal(got.values[ENV].string, "x");
	assert_int_equal(parse("--form=json"), ERR_OK);
	assert_string_equal(got.values[FORM].string, "json");
}

static void help(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	opt_help(rows, out);
	fclose(out);
	assert_string_equal(text,
	    "  -q, --quiet               say nothing\n"
	    "      --port N              listen here\n"
	    "  -e, --env NAME            which environment\n"
	    "  -s, --set KEY=VALUE       set a key\n"
	    "  -w, --wait TIME           how long\n"
	    "      --count N             how often\n"
	    "      --form KIND           which form\n");
	free(text);
}

static void nearest(void **state)
{
	static const char *const names[] = {
	    "base_url", "catalogue", "public", "name"};
	static const struct {
		const char *word, *want;
	} tries[] = {
	    {"base-url", "base_url"},
	    {"baseurl", "base_url"},
	    {"catalog", "catalogue"},
	    {"catalgoue", "catalogue"},
	    {"publik", "public"},
	    {"nmae", "name"},
	    {"nam", "name"},
	    {"name", "name"},
	    {"upstream", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		const char *near = opt_nearest(str_of(tries[i].word), names, 4);
		if ((near == NULL) != (tries[i].want == NULL) ||
		    (near && strcmp(near, tries[i].want) != 0))
			fail_msg("%s: %s", tries[i].word, near ? near : "-");
	}
	char longest[100] = {0};
	memset(longest, 'a', sizeof(longest) - 1);
	const char *const one[] = {longest};
	assert_null(opt_nearest(str_of(longest), one, 1));
	assert_null(opt_nearest(STR("aaaa"), one, 1));
	assert_null(opt_nearest(STR("x"), NULL, 0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_spellings),
	    TEST(lists_numbers_operands),
	    TEST(findings),
	    TEST(help),
	    TEST(nearest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
