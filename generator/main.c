#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "generator/command.h"

#define COMMANDS_MAX 32
#define COMMON_MAX 16 /* options that all commands have */

static const struct command *const commands[] = {
    &command_build,
    &command_check,
    &command_client,
    &command_init,
    &command_keygen,
    &command_plan,
    &command_render,
    &command_serve,
    &command_verify,
    &command_tables,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: lowtide COMMAND [options]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!commands[i]->hidden)
			fprintf(out, "  %-8s %s\n", commands[i]->name,
			    commands[i]->help);
	fputs("\n`lowtide COMMAND --help` lists a command's options.\n", out);
}

static bool has_option(const struct command *c, const char *name)
{
	for (const struct opt *o = c->options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

static void help(const struct command *c)
{
	struct opt others[COMMON_MAX + 1] = {0};
	size_t n = 0;

	for (const struct opt *o = command_common; o->name; o++)
		if (!has_option(c, o->name) && n < COMMON_MAX)
			others[n++] = *o;
	printf("usage: lowtide %s [options]%s%s\n\n%s\n\n", c->name,
	    c->operands ? " " : "", c->operands ? c->operands : "", c->help);
	opt_help(c->options, stdout);
	puts(c->options->name ? "\nAs for every command:" : "");
	opt_help(others, stdout);
}

static const struct command *find(const char *name, struct diag *diag)
{
	const char *names[COMMANDS_MAX];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		names[i] = commands[i]->name;
	}
	if (name[0] == '-') {
		diag_error(diag, POS_NONE, "unknown-command",
		    "`%s` stands where the command should; options come "
		    "behind it: lowtide COMMAND %s",
		    name, name);
		return NULL;
	}
	const char *near = opt_nearest(str_of(name), names, N_COMMANDS);
	diag_error(diag, POS_NONE, "unknown-command",
	    "there is no `lowtide %s`; %s%s%s", name,
	    near ? "did you mean `" : "see `lowtide --help", near ? near : "",
	    near ? "`?" : "`");
	return NULL;
}

/* Asked for among the options: that alone is done, whatever else is there. */
static bool wants(const char *option, int argc, char *const argv[])
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], option) == 0)
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

static int run(
    const struct command *c, int argc, char *argv[], struct command_run *r)
{
	struct opt_result opts;
	enum err err = command_parse(c, argc, argv, r, &opts);

	if (err == ERR_OK) {
		progress_init(r->progress, r->quiet);
		r->self = self_folder(r->arena);
		err = c->run(r);
		progress_end(r->progress);
	}
	if (err == ERR_OK)
		err = command_refuse(r);
	if (err != ERR_OK && r->diag->errors == 0)
		diag_error(r->diag, POS_NONE, "failed", "%s", err_text(err));
	if (err != ERR_OK)
		return err_exit(err);
	return r->diag->errors && !r->has_status ? err_exit(ERR_INPUT)
						 : r->status;
}

static int lowtide(int argc, char *argv[], struct command_run *r)
{
	if (argc < 2) {
		usage(stderr);
		return err_exit(ERR_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 ||
	    wants("--version", argc - 2, argv + 2)) {
		puts("lowtide " LOWTIDE_VERSION);
		return 0;
	}
	const struct command *c = find(argv[1], r->diag);
	if (!c) {
		command_parse_common(argc, argv, r);
		return err_exit(ERR_USAGE);
	}
	if (wants("--help", argc - 2, argv + 2)) {
		help(c);
		return 0;
	}
	return run(c, argc - 1, argv + 1, r);
}

int main(int argc, char *argv[])
{
	struct arena a;
	struct diag diag;
	struct progress progress;
	struct command_run r = {
	    .arena = &a,
	    .diag = &diag,
	    .typed = argv[0],
	    .progress = &progress,
	    .commands = commands,
	    .n_commands = N_COMMANDS,
	};

	arena_init(&a);
	diag_init(&diag, &a);
	bool is_lost = false;
	int status = lowtide(argc, argv, &r);
	if (!r.json || r.style.github)
		command_tell(&r, &diag);
	if (r.json && command_print_json(&r, status) != ERR_OK)
		is_lost = true;
	arena_release(&a);
	/* a full disk behind stdout is an error like any other */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0)
		is_lost = true;
	if (is_lost) {
		fputs("io-error: the output could not be written\n", stderr);
		status = err_exit(ERR_IO);
	}
	return status;
}
