#ifndef LOWTIDE_GENERATOR_COMMAND_H
#define LOWTIDE_GENERATOR_COMMAND_H

#include <stdio.h>

#include "generator/findings.h"
#include "generator/pool.h"
#include "lib/progress.h"
#include "generator/site.h"
#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/opt.h"
#include "lib/version.h"

/*
 * The commands of `lowtide`: one file each (generator/cmd-NAME.c), one row in
 * the table of generator/main.c. main() parses the command line by the row's
 * options and those that every command has, runs it, tells the findings and
 * turns the error into the exit status; a command never tells findings itself
 * (but one that runs on and on: command_tell()) and never exits.
 *
 * Data goes to stdout, talk to stderr; `quiet` silences the talk. With --json
 * a command writes nothing to stdout: what it has to say is `result`, and main
 * prints {"status", "findings", "result"}.
 */
struct command_run {
	struct arena *arena;
	struct diag *diag;
	const struct opt_result *opts; /* in the order of the row's options */
	const char *self;     /* the folder of this program, for its siblings */
	const char *typed;    /* how it was called: argv[0], for advice */
	bool quiet;	      /* -q, or --json: no talk */
	bool verbose;	      /* -v: more of it */
	bool json;	      /* fill `result`, leave stdout alone */
	bool colour;	      /* stderr is a terminal that wants colours */
	bool strict;	      /* --warnings=error: see command_refuse() */
	struct value *result; /* NULL = null */
	struct findings_style style;
	struct progress *progress; /* for work that may take long */
	/* the table of main.c */
	const struct command *const *commands;
	size_t n_commands;
	int status; /* exit status of a wrapped command (serve -- CMD), or 2 */
	bool has_status; /* it stands although there are findings */
};

struct command {
	const char *name;     /* "build" */
	const char *operands; /* "DIR", NULL = none */
	const char *help;     /* one line */
	const struct opt *options;
	enum err (*run)(struct command_run *run);
	bool runs_on; /* until it is stopped: there is no result for --json */
	bool hidden;  /* for other programs: not in the list of --help */
};

/*
 * What every command has beside its own rows: --json, --format, --warnings, -q,
 * -v, --no-color, --help, --version. A command whose own row has one of these
 * names has that instead (`plan --format=aws`); the word `github` goes to main
 * from there, too.
 */
extern const struct opt command_common[];
/*
 * By both tables; `opts` has the command's own rows first, in their order.
 * ERR_USAGE with findings; how those are to be told is known even then.
 */
enum err command_parse(const struct command *c, int argc, char *const argv[],
    struct command_run *run, struct opt_result *opts)
    __attribute__((warn_unused_result));
/* Without a command: how to tell that there is none. */
void command_parse_common(
    int argc, char *const argv[], struct command_run *run);
/*
 * Before anything is written: with --warnings=error, warnings are a reason not
 * to (`warnings-are-errors`, ERR_INPUT). main asks again at the end.
 */
enum err command_refuse(struct command_run *run)
    __attribute__((warn_unused_result));
/* Tells findings now, in the way that was asked for. */
void command_tell(const struct command_run *run, const struct diag *diag);
/* With -v: which files a site was read from. */
void command_say_read(const struct command_run *run, const struct site *site);
/* The object of --json. ERR_IO when stdout does not take it. */
enum err command_print_json(const struct command_run *run, int status)
    __attribute__((warn_unused_result));

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
#define COMMAND_OPT_JOBS                                                       \
	{                                                                      \
		.name = "jobs", .letter = 'j', .kind = OPT_INT, .arg = "N",    \
		.help = "threads to work on (default: one a processor)",       \
		.min = 1, .max = POOL_JOBS_MAX                                 \
	}
#define COMMAND_OPT_CACHE                                                      \
	{                                                                      \
		.name = "cache", .kind = OPT_STRING, .arg = "DIR",             \
		.help = "for later runs (default: .lowtide-cache), or none"    \
	}
#define COMMAND_OPT_PREVIOUS                                                   \
	{                                                                      \
		.name = "previous", .kind = OPT_STRING, .arg = "WHERE",        \
		.help = "the last release: its folder or manifest, - or none"  \
	}
/* The site folder that the values of the first three name. */
struct site_spec command_site(const struct opt_value *dir,
    const struct opt_value *env, const struct opt_value *set);
/* The folder that --cache names, from the site folder; NULL for "none". */
const char *command_cache(
    struct arena *a, const char *dir, const struct opt_value *where);
/* What --previous names, from the site folder; previous_load(). */
struct previous;
enum err command_previous(struct command_run *run, const char *dir,
    const struct opt_value *where, const struct previous **out)
    __attribute__((warn_unused_result));

extern const struct command command_client;
extern const struct command command_init;
extern const struct command command_build;
extern const struct command command_check;
extern const struct command command_keygen;
extern const struct command command_plan;
extern const struct command command_render;
extern const struct command command_serve;
extern const struct command command_verify;
extern const struct command command_tables;

#endif
