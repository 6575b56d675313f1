#include <string.h>

#include "generator/client.h"
#include "generator/command.h"
#include "generator/run-reference.h"
#include "generator/secrets.h"
#include "lib/fs.h"

/*
 * `lowtide client DIR`: the browser's modules and their types. What is there
 * already and differs may be somebody's work: it is named, all of it, and
 * nothing is written then.
 */
#define CLIENT_MAX ((size_t)16 * 1024 * 1024) /* of a file that is there */

enum { OPT_DIR, OPT_ENV, OPT_SET, OPT_FORCE };
static const struct opt options[] = {
    [OPT_DIR] = {.name = "dir",
	.letter = 'C',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "the site whose modules are wanted, too (default: none)"},
    [OPT_ENV] = COMMAND_OPT_ENV,
    [OPT_SET] = COMMAND_OPT_SET,
    [OPT_FORCE] = {.name = "force",
	.kind = OPT_FLAG,
	.help = "write over files that differ"},
    {.name = NULL},
};

struct writing {
	struct command_run *run;
	const char *dir;
	const struct scan *scan;
	struct value *files; /* for --json: {path, bytes, written} */
	size_t n_written;
};

static void put(struct writing *w, struct value *table, const char *key,
    struct value *value)
{
	value_set(w->run->arena, table, str_of(key), POS_NONE, value);
}

/* Held against what is there; told where that differs. */
static enum err look(struct writing *w, const char *name, struct str text)
{
	struct arena *a = w->run->arena;
	const char *path = fs_join(a, w->dir, name);
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
	struct str there = {0};
	enum err err = fs_read(a, path, CLIENT_MAX, w->run->diag, &there);
	bool same = err == ERR_OK && str_eq(there, text);

	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	put(w, row, "path", value_string(a, str_of(path), POS_NONE));
	put(w, row, "bytes", value_int(a, (int64_t)text.n, POS_NONE));
	put(w, row, "written", value_bool(a, !same, POS_NONE));
	put(w, row, "text", value_string(a, text, POS_NONE));
	value_push(a, w->files, row);
	w->n_written += !same;
	if (scan_bytes(w->scan, text, POS_FILE(path), w->run->diag))
		return ERR_INPUT;
	if (err == ERR_NOT_FOUND || same ||
	    w->run->opts->values[OPT_FORCE].given)
		return ERR_OK;
	diag_error(w->run->diag, POS_FILE(path), "file-differs",
	    "it is there already and not the same; move it away, or say "
	    "--force to write over it");
	return ERR_INPUT;
}

static enum err look_at_module(
    struct writing *w, struct build *b, const struct client_module *m)
{
	enum err err = ERR_OK;
	struct str text;
	bool from_env;

	for (int types = 0; types < 2; types++) {
		enum err one = client_text(b, m, types, &text, &from_env);
		if (one == ERR_NOT_FOUND)
			return err;
		if (one == ERR_OK)
			one = look(w, types ? m->types : m->name, text);
		if (one != ERR_OK)
			err = one;
	}
	return err;
}

static enum err write_all(struct writing *w)
{
	enum err err = fs_mkdirs(w->dir, 0777, w->run->diag);

	for (size_t i = 0; i < w->files->as.array.n && err == ERR_OK; i++) {
		struct value *row = w->files->as.array.items[i];
		if (value_get(row, "written")->as.b)
			err = fs_write(value_text(row, "path").p,
			    value_text(row, "text"), 0644, w->run->diag);
		row->as.table.n--; /* the text is nobody's business */
	}
	return err;
}

static enum err check_line(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;

	if (run->opts->n_operands != 1) {
		diag_error(run->diag, POS_NONE, "missing-operand",
		    "name one folder to write to: lowtide client DIR");
		return ERR_USAGE;
	}
	if (v[OPT_DIR].given || (!v[OPT_ENV].given && !v[OPT_SET].given))
		return ERR_OK;
	diag_error(run->diag, POS_NONE, "missing-option",
	    "say with -C which site that is for");
	return ERR_USAGE;
}

/* Nothing of the APIs is written, so nothing of theirs is asked for. */
static enum err check_references(struct command_run *run, struct site *site)
{
	struct value *root = value_new(run->arena, VALUE_TABLE, POS_NONE);
	struct value *oauth = site_table(site, "oauth");

	if (oauth)
		value_set(run->arena, root, STR("oauth"), POS_NONE, oauth);
	return run_references_check(run->arena, root, false, run->diag);
}

static enum err client(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	struct build b = {.arena = run->arena, .diag = run->diag};
	struct site *site = NULL;
	struct writing w = {.run = run};
	enum err err = check_line(run);

	if (err == ERR_OK && v[OPT_DIR].given) {
		struct site_spec spec =
		    command_site(&v[OPT_DIR], &v[OPT_ENV], &v[OPT_SET]);
		err = site_load(run->arena, &spec, run->diag, &site);
		b.site = site;
	}
	if (err != ERR_OK)
		return err;
	if (site)
		err = check_references(run, site);
	if (site)
		w.scan = secrets_scan(run->arena, site, SECRETS_WWW);
	w.dir = run->opts->operands[0];
	w.files = value_new(run->arena, VALUE_ARRAY, POS_NONE);
	for (const struct client_module *m = client_modules; m->name; m++) {
		enum err one = look_at_module(&w, &b, m);
		if (one != ERR_OK)
			err = one;
	}
	if (err == ERR_OK)
		err = command_refuse(run);
	if (err == ERR_OK)
		err = write_all(&w);
	if (err != ERR_OK)
		return err;
	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	put(&w, run->result, "files", w.files);
	if (!run->quiet)
		fprintf(stderr, "%s: %zu of %zu files written\n", w.dir,
		    w.n_written, w.files->as.array.n);
	return ERR_OK;
}

const struct command command_client = {
    .name = "client",
    .operands = "DIR",
    .help = "write the browser's modules and their types",
    .options = options,
    .run = client,
};
