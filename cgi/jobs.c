#include "cgi/jobs.h"

#include <stdio.h>
#include <string.h>

#include "lib/version.h"

/* The command line: which command, its options, how many operands. */
struct command {
	const char *name, *operand, *help;
	size_t fewest, most; /* operands */
	const struct opt *options;
	enum err (*run)(struct jobs *run);
};
static const struct command commands[] = {
#define COMMAND(symbol, name, operand, fewest, most, help)                     \
	{name, operand, help, fewest, most, jobs_##symbol##_options,           \
	    jobs_##symbol},
#include "cgi/jobs.def"
#undef COMMAND
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(const struct command *only)
{
	if (only) {
		printf("usage: lowtide-jobs %s%s%s [options]\n\n%s\n\n",
		    only->name, *only->operand ? " " : "", only->operand,
		    only->help);
		opt_help(only->options, stdout);
		return;
	}
	puts("usage: lowtide-jobs COMMAND [options]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-11s %-7s  %s\n", commands[i].name,
		    commands[i].operand, commands[i].help);
	puts("\n`lowtide-jobs COMMAND --help` lists a command's options.");
}

static const struct command *find_command(struct jobs *run, const char *word)
{
	const char *names[COMMANDS];

	for (size_t i = 0; i < COMMANDS; i++) {
		names[i] = commands[i].name;
		if (strcmp(word, names[i]) == 0)
			return &commands[i];
	}
	const char *near = opt_nearest(str_of(word), names, COMMANDS);
	diag_error(&run->start.diag, POS_NONE, "unknown-command",
	    "`%s` is not a command%s%s%s; see `lowtide-jobs --help`", word,
	    near ? "; did you mean `" : "", near ? near : "", near ? "`" : "");
	return NULL;
}

static enum err run_command(
    struct jobs *run, const struct command *c, int argc, char *argv[])
{
	struct diag *diag = &run->start.diag;
	enum err err = opt_parse(
	    &run->start.arena, c->options, argc, argv, diag, &run->found);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; c->options[i].name; i++) {
		if (strcmp(c->options[i].name, "help") == 0 &&
		    run->found.values[i].given) {
			usage(c);
			return ERR_OK;
		}
	}
	if (run->found.n_operands < c->fewest ||
	    run->found.n_operands > c->most) {
		diag_error(diag, POS_NONE, "operands",
		    "`lowtide-jobs %s` takes %s; see --help", c->name,
		    *c->operand ? c->operand : "no operand");
		return ERR_USAGE;
	}
	return c->run(run);
}

int main(int argc, char *argv[])
{
	struct jobs run = {.out = {0}};
	const struct command *command;
	enum err err = ERR_USAGE;

	start_init(&run.start);
	if (argc < 2) {
		diag_error(&run.start.diag, POS_NONE, "usage",
		    "a command is needed; see `lowtide-jobs --help`");
	} else if (strcmp(argv[1], "--help") == 0 ||
		   strcmp(argv[1], "-h") == 0) {
		usage(NULL);
		err = ERR_OK;
	} else if (strcmp(argv[1], "--version") == 0) {
		puts("lowtide-jobs " LOWTIDE_VERSION);
		err = ERR_OK;
	} else {
		command = find_command(&run, argv[1]);
		if (command)
			err = run_command(&run, command, argc - 1, argv + 1);
	}
	if (jobs_flush(&run) != ERR_OK)
		err = ERR_IO; /* which start_close() tells */
	buf_release(&run.out);
	return start_close(&run.start, err);
}
