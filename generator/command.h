#ifndef LOWTIDE_GENERATOR_COMMAND_H
#define LOWTIDE_GENERATOR_COMMAND_H

#include <stdio.h>

#include "generator/site.h"
#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/opt.h"
#include "lib/version.h"

/*
 * The commands of `lowtide`: one file each (generator/cmd-NAME.c), one row in
 * the table of generator/main.c. main() parses the command line by the row's
 * options, runs it, prints the findings and turns the error into the exit
 * status; a command never prints findings and never exits.
 *
 * Data goes to stdout, talk to stderr; `quiet` silences the talk.
 */
struct command_run {
	struct arena *arena;
	struct diag *diag;
	const struct opt_result *opts; /* in the order of the row's options */
	const char *self;  /* the folder of this program, for its siblings */
	const char *typed; /* how it was called: argv[0], for advice */
	bool quiet;
	int status; /* exit status of a wrapped command (serve -- CMD) */
};

struct command {
	const char *name;     /* "build" */
	const char *operands; /* "DIR", NULL = none */
	const char *help;     /* one line */
	const struct opt *options;
	enum err (*run)(struct command_run *run);
};

/* Rows that several commands have among their options. */
#define COMMAND_OPT_DIR                                                        \
	{                                                                      \
		.name = "dir", .letter = 'C', .kind = OPT_STRING,              \
		.arg = "DIR",                                                  \
		.help = "the site folder (default: the current one)"           \
	}
#define COMMAND_OPT_ENV                                                        \
	{                                                                      \
		.name = "env", .letter = 'e', .kind = OPT_STRING,              \
		.arg = "NAME", .help = "lay env/NAME.toml over env/base.toml"  \
	}
#define COMMAND_OPT_SET                                                        \
	{                                                                      \
		.name = "set", .kind = OPT_LIST, .arg = "KEY=VALUE",           \
		.help = "set one key, over every file"                         \
	}
#define COMMAND_OPT_QUIET                                                      \
	{                                                                      \
		.name = "quiet", .letter = 'q', .kind = OPT_FLAG,              \
		.help = "say nothing but what is wrong"                        \
	}
/* The site folder that the values of the first three name. */
struct site_spec command_site(const struct opt_value *dir,
    const struct opt_value *env, const struct opt_value *set);

extern const struct command command_init;
extern const struct command command_build;
extern const struct command command_check;
extern const struct command command_render;
extern const struct command command_serve;

#endif
