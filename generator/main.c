#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "generator/command.h"

#define COMMANDS_MAX 32

static const struct command *const commands[] = {
    &command_build,
    &command_check,
    &command_init,
    &command_render,
    &command_serve,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: lowtide COMMAND [options]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(
		    out, "  %-8s %s\n", commands[i]->name, commands[i]->help);
	fputs("\n`lowtide COMMAND --help` lists a command's options.\n", out);
}

static void help(const struct command *c)
{
	printf("usage: lowtide %s [options]%s%s\n\n%s\n\n", c->name,
	    c->operands ? " " : "", c->operands ? c->operands : "", c->help);
	opt_help(c->options, stdout);
}

static const struct command *find(const char *name, struct diag *diag)
{
	const char *names[COMMANDS_MAX];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		names[i] = commands[i]->name;
	}
	const char *near = opt_nearest(str_of(name), names, N_COMMANDS);
	diag_error(diag, POS_NONE, "unknown-command",
	    "there is no `lowtide %s`; %s%s%s", name,
	    near ? "did you mean `" : "see `lowtide --help", near ? near : "",
	    near ? "`?" : "`");
	return NULL;
}

static bool wants_help(int argc, char *const argv[])
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

/* The folder of this program; "." if the system does not say. */
static const char *self_folder(struct arena *a)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n <= 1)
		return ".";
	return arena_cstr(a, (struct str){.p = path, .n = (size_t)n - 1});
}

static bool is_quiet(const struct command *c, const struct opt_result *opts)
{
	for (size_t i = 0; c->options[i].name; i++)
		if (strcmp(c->options[i].name, "quiet") == 0)
			return opts->values[i].given;
	return false;
}

static int run(const struct command *c, const char *typed, int argc,
    char *argv[], struct arena *a, struct diag *diag)
{
	struct opt_result opts;
	enum err err = opt_parse(a, c->options, argc, argv, diag, &opts);
	struct command_run r = {
	    .arena = a, .diag = diag, .opts = &opts, .typed = typed};

	if (err == ERR_OK && opts.n_operands && !c->operands) {
		diag_error(diag, POS_NONE, "unknown-operand",
		    "`lowtide %s` takes no `%s`", c->name, opts.operands[0]);
		err = ERR_USAGE;
	}
	if (err == ERR_OK) {
		r.self = self_folder(a);
		r.quiet = is_quiet(c, &opts);
		err = c->run(&r);
	}
	if (err != ERR_OK && diag->errors == 0)
		diag_error(diag, POS_NONE, "failed", "%s", err_text(err));
	if (err != ERR_OK)
		return err_exit(err);
	return diag->errors ? err_exit(ERR_INPUT) : r.status;
}

static int lowtide(int argc, char *argv[], struct arena *a, struct diag *diag)
{
	if (argc < 2) {
		usage(stderr);
		return err_exit(ERR_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("lowtide " LOWTIDE_VERSION);
		return 0;
	}
	const struct command *c = find(argv[1], diag);
	if (!c)
		return err_exit(ERR_USAGE);
	if (wants_help(argc - 2, argv + 2)) {
		help(c);
		return 0;
	}
	return run(c, argv[0], argc - 1, argv + 1, a, diag);
}

int main(int argc, char *argv[])
{
	struct arena a;
	struct diag diag;

	arena_init(&a);
	diag_init(&diag, &a);
	int status = lowtide(argc, argv, &a, &diag);
	diag_print(&diag, stderr);
	arena_release(&a);
	/* a full disk behind stdout is an error like any other */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0)
		status = err_exit(ERR_IO);
	return status;
}
