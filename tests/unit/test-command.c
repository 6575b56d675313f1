#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/command.h"

static enum err nothing(struct command_run *run)
{
	(void)run;
	return ERR_OK;
}

enum { OWN_DIR, OWN_LIST };
static const struct opt own[] = {
    [OWN_DIR] = COMMAND_OPT_DIR,
    [OWN_LIST] = {.name = "list", .kind = OPT_FLAG, .help = "x"},
    {.name = NULL},
};
static const struct opt with_format[] = {
    {.name = "format",
	.kind = OPT_STRING,
	.arg = "KIND",
	.choices = "text|github|aws",
	.help = "x"},
    {.name = NULL},
};
static const struct command plain = {
    .name = "plain", .help = "x", .options = own, .run = nothing};
static const struct command running = {.name = "running",
    .help = "x",
    .options = own,
    .run = nothing,
    .runs_on = true};
static const struct command taking = {.name = "taking",
    .operands = "FILE",
    .help = "x",
    .options = with_format,
    .run = nothing};

static struct arena arena;
static struct diag diag;
static struct command_run run;
static struct opt_result opts;

static int fresh(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	run = (struct command_run){.arena = &arena, .diag = &diag};
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#define ARGS_MAX 8
static enum err parse(const struct command *c, const char *const *words)
{
	char *argv[ARGS_MAX + 1] = {(char *)(uintptr_t) "x"};
	int argc = 1;

	fresh(NULL);
	while (words[argc - 1] && argc < ARGS_MAX) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	return command_parse(c, argc, argv, &run, &opts);
}
#define PARSE(c, ...) parse(c, (const char *const[]){__VA_ARGS__, NULL})

static void own_rows_come_first(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&plain, "-v", "--list", "-C", "there"), ERR_OK);
	assert_true(run.verbose);
	assert_false(run.quiet);
	assert_false(run.json);
	assert_true(opts.values[OWN_LIST].given);
	assert_string_equal(opts.values[OWN_DIR].string, "there");
	assert_ptr_equal(run.opts, &opts);
}

static void what_all_have(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&plain, "--json", "--warnings=error"), ERR_OK);
	assert_true(run.json);
	assert_true(run.strict);
	assert_true(run.quiet); /* what there is to say is in the object */
	assert_int_equal(PARSE(&plain, "-q", "--format=github"), ERR_OK);
	assert_true(run.quiet);
	assert_true(run.style.github);
	assert_false(run.style.colour);
	assert_int_equal(PARSE(&plain, "--format=text"), ERR_OK);
	assert_false(run.style.github);
}

static void findings(void **state)
{
	static const struct {
		const struct command *command;
		const char *words[3], *name, *text;
	} bad[] = {
	    {&plain, {"--format=xml"}, "bad-value", "text or github"},
	    {&plain, {"--warnings=none"}, "bad-value", "error"},
	    {&plain, {"--jsno"}, "unknown-option", "`--json`"},
	    {&plain, {"-q", "-v"}, "options-clash", "opposite"},
	    {&plain, {"x"}, "unknown-operand", "takes no `x`"},
	    {&running, {"--json"}, "no-result", "leave --json out"},
	    {&taking, {"--format=xml"}, "bad-value", "github or aws"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(bad[i].command, bad[i].words) != ERR_USAGE ||
		    diag.errors != 1 ||
		    strcmp(diag.first->name, bad[i].name) != 0 ||
		    !strstr(diag.first->text.p, bad[i].text))
			fail_msg("%zu: %s", i,
			    diag.first ? diag.first->text.p : "nothing");
	}
	/* how to tell them is known all the same */
	assert_int_equal(
	    PARSE(&plain, "--none", "--json", "--format=github"), ERR_USAGE);
	assert_true(run.json);
	assert_true(run.style.github);
}

static void a_format_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(PARSE(&taking, "--format=aws", "file"), ERR_OK);
	assert_false(run.style.github);
	assert_string_equal(opts.values[0].string, "aws");
	assert_int_equal(PARSE(&taking, "--format=github"), ERR_OK);
	assert_true(run.style.github);
}

static void without_a_command(void **state)
{
	char *argv[] = {(char *)(uintptr_t) "lowtide",
	    (char *)(uintptr_t) "bulid", (char *)(uintptr_t) "--out",
	    (char *)(uintptr_t) "x", (char *)(uintptr_t) "--json", NULL};

	(void)state;
	command_parse_common(5, argv, &run);
	assert_true(run.json);
	assert_int_equal(diag.errors, 0);
}

static void refused(void **state)
{
	(void)state;
	run.strict = true;
	assert_int_equal(command_refuse(&run), ERR_OK);
	diag_warn(&diag, POS_NONE, "odd", "x");
	run.strict = false;
	assert_int_equal(command_refuse(&run), ERR_OK);
	run.strict = true;
	assert_int_equal(command_refuse(&run), ERR_INPUT);
	assert_string_equal(diag.last->name, "warnings-are-errors");
	/* and once is enough */
	assert_int_equal(command_refuse(&run), ERR_OK);
	assert_int_equal(diag.errors, 1);
}

static void site_of_options(void **state)
{
	const char *sets[] = {"a=1"};
	struct opt_value none = {0}, env = {.given = true, .string = "prod"};
	struct opt_value set = {.given = true, .list = sets, .n = 1};

	(void)state;
	struct site_spec spec = command_site(&none, &env, &set);
	assert_string_equal(spec.dir, ".");
	assert_string_equal(spec.env, "prod");
	assert_int_equal(spec.n_sets, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(own_rows_come_first),
	    TEST(what_all_have),
	    TEST(findings),
	    TEST(a_format_of_its_own),
	    TEST(without_a_command),
	    TEST(refused),
	    TEST(site_of_options),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
