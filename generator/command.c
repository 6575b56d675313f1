#include "generator/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generator/manifest.h"
#include "lib/json.h"

enum {
	COMMON_JSON,
	COMMON_FORMAT,
	COMMON_WARNINGS,
	COMMON_QUIET,
	COMMON_VERBOSE,
	COMMON_NO_COLOR,
	COMMON_HELP,
	COMMON_VERSION,
	COMMON_COUNT
};
const struct opt command_common[] = {
    [COMMON_JSON] = {.name = "json",
	.kind = OPT_FLAG,
	.help = "one JSON object: status, findings, result"},
    [COMMON_FORMAT] = {.name = "format",
	.kind = OPT_STRING,
	.arg = "KIND",
	.help = "findings as text, or annotations for github",
	.choices = "text|github"},
    [COMMON_WARNINGS] = {.name = "warnings",
	.kind = OPT_STRING,
	.arg = "error",
	.help = "a warning is as bad as an error",
	.choices = "error"},
    [COMMON_QUIET] = {.name = "quiet",
	.letter = 'q',
	.kind = OPT_FLAG,
	.help = "say nothing but what is wrong"},
    [COMMON_VERBOSE] = {.name = "verbose",
	.letter = 'v',
	.kind = OPT_FLAG,
	.help = "say what is read and written, and how long it took"},
    [COMMON_NO_COLOR] = {.name = "no-color",
	.kind = OPT_FLAG,
	.help = "no colours on a terminal, as with NO_COLOR"},
    [COMMON_HELP] = {.name = "help",
	.kind = OPT_FLAG,
	.help = "list the options"},
    [COMMON_VERSION] = {.name = "version",
	.kind = OPT_FLAG,
	.help = "tell the version"},
    [COMMON_COUNT] = {.name = NULL},
};

struct site_spec command_site(const struct opt_value *dir,
    const struct opt_value *env, const struct opt_value *set)
{
	return (struct site_spec){
	    .dir = dir->given ? dir->string : ".",
	    .env = env->string,
	    .sets = set->list,
	    .n_sets = set->n,
	};
}

const char *command_cache(
    struct arena *a, const char *dir, const struct opt_value *where)
{
	if (where->given && strcmp(where->string, "none") == 0)
		return NULL;
	/* an unset variable of a script's shall not name the site itself */
	bool is_named = where->given && *where->string;
	return site_path(a, dir, is_named ? where->string : ".lowtide-cache");
}

enum err command_previous(struct command_run *run, const char *dir,
    const struct opt_value *where, const struct previous **out)
{
	const char *path = where->string;

	if (path && strcmp(path, "-") != 0 && strcmp(path, "none") != 0)
		path = site_path(run->arena, dir, path);
	return previous_load(run->arena, path, run->diag, out);
}

static size_t count(const struct opt *rows)
{
	size_t n = 0;
	while (rows[n].name)
		n++;
	return n;
}

/* Of all values, the one of the first row with that name. */
static const struct opt_value *value_of(const struct opt *rows,
    const struct opt_result *opts, enum opt_kind kind, int common)
{
	static const struct opt_value none;

	for (size_t i = 0; rows[i].name; i++)
		if (strcmp(rows[i].name, command_common[common].name) == 0)
			return rows[i].kind == kind ? &opts->values[i] : &none;
	return &none;
}

static bool given(
    const struct opt *rows, const struct opt_result *opts, int common)
{
	return value_of(rows, opts, OPT_FLAG, common)->given;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

static void take_common(struct command_run *run, const struct opt *rows,
    const struct opt_result *opts)
{
	const char *format =
	    value_of(rows, opts, OPT_STRING, COMMON_FORMAT)->string;
	const char *term = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) == 1;

	run->json = given(rows, opts, COMMON_JSON);
	run->verbose = given(rows, opts, COMMON_VERBOSE);
	run->quiet = given(rows, opts, COMMON_QUIET) || run->json;
	run->strict = value_of(rows, opts, OPT_STRING, COMMON_WARNINGS)->given;
	run->colour = terminal && !given(rows, opts, COMMON_NO_COLOR) &&
		      !is_set("NO_COLOR") &&
		      !(term && strcmp(term, "dumb") == 0);
	run->style = (struct findings_style){
	    .github = format && strcmp(format, "github") == 0,
	    .colour = run->colour,
	    .excerpt = terminal && !run->quiet,
	};
}

enum err command_parse(const struct command *c, int argc, char *const argv[],
    struct command_run *run, struct opt_result *opts)
{
	size_t own = count(c->options), n = own;
	struct opt *rows =
	    arena_array(run->arena, own + COMMON_COUNT + 1, sizeof(*rows));

	memcpy(rows, c->options, own * sizeof(*rows));
	for (const struct opt *row = command_common; row->name; row++) {
		bool taken = false;
		for (size_t i = 0; i < own && !taken; i++)
			taken = strcmp(rows[i].name, row->name) == 0;
		if (!taken)
			rows[n++] = *row;
	}
	enum err err = opt_parse(run->arena, rows, argc, argv, run->diag, opts);
	take_common(run, rows, opts);
	run->opts = opts;
	if (run->verbose && given(rows, opts, COMMON_QUIET)) {
		diag_error(run->diag, POS_NONE, "options-clash",
		    "-q and -v ask for opposite things; give one of them");
		err = ERR_USAGE;
	}
	if (run->json && c->runs_on) {
		diag_error(run->diag, POS_NONE, "no-result",
		    "`lowtide %s` runs until it is stopped and has no result "
		    "to print; leave --json out",
		    c->name);
		err = ERR_USAGE;
	}
	if (err == ERR_OK && opts->n_operands && !c->operands) {
		diag_error(run->diag, POS_NONE, "unknown-operand",
		    "`lowtide %s` takes no `%s`", c->name, opts->operands[0]);
		err = ERR_USAGE;
	}
	return err;
}

void command_parse_common(int argc, char *const argv[], struct command_run *run)
{
	struct opt_result opts;

	/* what else is there, nobody can know without the command */
	enum err err =
	    opt_parse(run->arena, command_common, argc, argv, NULL, &opts);
	(void)err;
	take_common(run, command_common, &opts);
}

enum err command_refuse(struct command_run *run)
{
	size_t n = run->diag->warnings;

	if (!run->strict || n == 0 || run->diag->errors)
		return ERR_OK;
	diag_error(run->diag, POS_NONE, "warnings-are-errors",
	    "there %s %zu warning%s, which --warnings=error does not let pass",
	    n == 1 ? "is" : "are", n, n == 1 ? "" : "s");
	return ERR_INPUT;
}

void command_tell(const struct command_run *run, const struct diag *diag)
{
	findings_print(diag, &run->style, stderr);
}

void command_say_read(const struct command_run *run, const struct site *site)
{
	for (size_t i = 0; run->verbose && i < site->n_read; i++)
		fprintf(stderr, "read %s\n", site->read[i]);
}

enum err command_print_json(const struct command_run *run, int status)
{
	struct buf text = {0};
	struct json_writer w = {.out = &text, .indent = 2};
	const struct diag *diag = run->diag;

	json_open(&w, '{');
	json_key(&w, "status");
	json_int(&w, status);
	json_key(&w, "findings");
	json_value(&w, findings_value(run->arena, diag));
	if (diag->errors + diag->warnings > DIAG_MAX) {
		json_key(&w, "more"); /* findings that were not kept */
		json_int(
		    &w, (int64_t)(diag->errors + diag->warnings - DIAG_MAX));
	}
	json_key(&w, "result");
	if (run->result)
		json_value(&w, run->result);
	else
		json_null(&w);
	json_close(&w, '}');
	buf_putc(&text, '\n');
	size_t n = fwrite(text.data, 1, text.len, stdout);
	bool written = n == text.len && fflush(stdout) == 0;
	buf_release(&text);
	return written ? ERR_OK : ERR_IO;
}
