#include "generator/command.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "generator/embed.h"
#include "generator/mustache.h"
#include "lib/fs.h"

/*
 * `lowtide init DIR`: the files below templates/init/, with three rules for
 * their names. X.toml.mustache is rendered with `name` and written as X.toml;
 * gitignore gets its dot; everything else is written as it is, pages among
 * them, which are Mustache themselves. What is below handlers/ may be run.
 */
#define INIT "init/"
#define NAME_MAX_BYTES 40 /* of a site's name */

static const struct opt options[] = {{.name = NULL}};

/* An empty folder, or nothing: anything else is somebody's work. */
static enum err check_empty(const char *path, struct diag *diag)
{
	enum err err = ERR_OK;
	DIR *dir = opendir(path);

	if (!dir && errno == ENOENT)
		return ERR_OK;
	if (!dir) {
		diag_error(diag, POS_FILE(path), "io-error",
		    "it cannot be used as a folder: %s", strerror(errno));
		return ERR_IO;
	}
	for (struct dirent *e; !err && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			err = ERR_INPUT;
	closedir(dir);
	if (err)
		diag_error(diag, POS_FILE(path), "folder-not-empty",
		    "there is something in it already; name a new folder");
	return err;
}

/* The folder's own name as a site's: a-z, 0-9 and single hyphens. */
static struct str site_name(struct arena *a, const char *path)
{
	char real[PATH_MAX];
	const char *base = realpath(path, real) ? strrchr(real, '/') : NULL;
	struct buf name = {0};

	for (base = base ? base + 1 : ""; *base; base++) {
		char c = *base;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (name.len == NAME_MAX_BYTES)
			break;
		if (plain)
			buf_putc(&name, c);
		else if (name.len && name.data[name.len - 1] != '-')
			buf_putc(&name, '-');
	}
	while (name.len && name.data[name.len - 1] == '-')
		name.len--;
	struct str copy =
	    name.len ? arena_str(a, buf_str(&name)) : STR("mysite");
	buf_release(&name);
	return copy;
}

static enum err write_file(
    struct command_run *run, const char *dir, const char *name, struct str text)
{
	const char *path = fs_join(run->arena, dir, name);
	const char *slash = strrchr(path, '/');
	enum err err = ERR_OK;

	if (slash)
		err = fs_mkdirs(
		    arena_cstr(run->arena,
			str_slice(str_of(path), 0, (size_t)(slash - path))),
		    0777, run->diag);
	if (!err)
		err = fs_write(path, text,
		    str_starts(str_of(name), "handlers/") ? 0755 : 0644,
		    run->diag);
	return err;
}

static enum err write_embedded(struct command_run *run, const char *dir,
    const struct embedded *e, const struct value *data)
{
	static const struct mustache_options how = {.escape = ESCAPE_JSON};
	struct str name = str_of(e->name + strlen(INIT));
	struct str text = {
	    .p = (const char *)e->start, .n = (size_t)(e->end - e->start)};
	struct buf out = {0};
	enum err err = ERR_OK;

	if (str_ends(name, ".toml.mustache")) {
		name.n -= strlen(".mustache");
		err = mustache_render(run->arena, text, e->name, data, &how,
		    run->diag, &out, NULL);
		text = buf_str(&out);
	} else if (str_is(name, "gitignore")) {
		name = STR(".gitignore");
	}
	if (!err)
		err = write_file(run, dir, arena_cstr(run->arena, name), text);
	buf_release(&out);
	return err;
}

/* As one would have to type it. */
static const char *shell_word(struct arena *a, const char *path)
{
	struct str rest = str_of(path), out = {0};

	if (path[strspn(path, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")] == 0)
		return path;
	out = STR("'");
	while (rest.n) {
		size_t quote = str_find(rest, '\'', 0);
		out = arena_printf(a, "%.*s%.*s%s", STR_ARG(out),
		    STR_ARG(str_slice(rest, 0, quote)),
		    quote < rest.n ? "'\\''" : "");
		rest = str_slice(rest, quote + 1, rest.n);
	}
	return arena_printf(a, "%.*s'", STR_ARG(out)).p;
}

static enum err run(struct command_run *run)
{
	if (run->opts->n_operands != 1) {
		diag_error(run->diag, POS_NONE, "missing-operand",
		    "name one folder to make: lowtide init DIR");
		return ERR_USAGE;
	}
	const char *dir = run->opts->operands[0];
	const char *word = shell_word(run->arena, dir);
	struct value *data = value_new(run->arena, VALUE_TABLE, POS_NONE);

	enum err err = check_empty(dir, run->diag);
	if (!err)
		err = fs_mkdirs(dir, 0777, run->diag);
	if (err)
		return err;
	value_set(run->arena, data, STR("name"), POS_NONE,
	    value_string(run->arena, site_name(run->arena, dir), POS_NONE));
	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	value_set(run->arena, run->result, STR("folder"), POS_NONE,
	    value_string(run->arena, str_of(dir), POS_NONE));
	for (const struct embedded *e = embedded_files; e->name && !err; e++)
		if (str_starts(str_of(e->name), INIT))
			err = write_embedded(run, dir, e, data);
	if (!err && !run->quiet)
		fprintf(stderr,
		    "%s: a site with a page, a catalogue and two APIs.\n"
		    "Run it on this machine:\n"
		    "\t%s serve -C %s\n"
		    "Write what a web server gets, into %s/dist:\n"
		    "\t%s build -C %s\n",
		    dir, run->typed, word, dir, run->typed, word);
	return err;
}

const struct command command_init = {
    .name = "init",
    .operands = "DIR",
    .help = "make a folder with the smallest site that works",
    .options = options,
    .run = run,
};
