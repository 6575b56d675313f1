#include "generator/command.h"

#include <string.h>

#include "generator/escape.h"
#include "generator/mustache.h"
#include "generator/site.h"
#include "generator/toml.h"
#include "lib/fs.h"
#include "lib/json.h"

/* `lowtide render`: one template and one data file in, its text on stdout. */
#define RENDER_DATA_MAX ((size_t)64 * 1024 * 1024)
#define RENDER_TEMPLATE_MAX ((size_t)16 * 1024 * 1024)

enum { OPT_DATA, OPT_PARTIALS, OPT_ESCAPE, OPT_LENIENT };
static const struct opt options[] = {
    [OPT_DATA] = {.name = "data",
	.letter = 'd',
	.kind = OPT_STRING,
	.arg = "FILE",
	.help = "what the template names: a .json or .toml file"},
    [OPT_PARTIALS] = {.name = "partials",
	.kind = OPT_STRING,
	.arg = "DIR",
	.help =
	    "{{>a/b}} is DIR/a/b.mustache (default: the template's folder)"},
    [OPT_ESCAPE] = {.name = "escape",
	.kind = OPT_STRING,
	.arg = "KIND",
	.help = "how values are written (default: html)",
	.choices = "html|js|json|nginx|roff|shell|none"},
    [OPT_LENIENT] = {.name = "lenient",
	.kind = OPT_FLAG,
	.help = "unknown names and missing partials are empty"},
    {.name = NULL},
};

struct render {
	struct arena *arena;
	struct diag *diag;
	const char *partials;
};

static enum err read_file(
    struct render *r, const char *path, size_t max, struct str *text)
{
	enum err err = fs_read(r->arena, path, max, r->diag, text);

	if (err != ERR_NOT_FOUND)
		return err;
	diag_error(r->diag, POS_FILE(path), "file-missing",
	    "there is no such file; correct its name");
	return ERR_MISSING;
}

/* Without --data: a table with nothing in it. */
static enum err read_data(
    struct render *r, const char *path, struct value **data)
{
	struct str text;

	*data = value_new(r->arena, VALUE_TABLE, POS_NONE);
	if (!path)
		return ERR_OK;
	bool toml = str_ends(str_of(path), ".toml");
	if (!toml && !str_ends(str_of(path), ".json")) {
		diag_error(r->diag, POS_FILE(path), "unknown-format",
		    "its name does not say how it is written; name it .json "
		    "or .toml");
		return ERR_USAGE;
	}
	enum err err = read_file(r, path, RENDER_DATA_MAX, &text);
	if (err)
		return err;
	if (toml)
		return toml_read(r->arena, text, path, r->diag, data);
	return json_read(r->arena, text, RENDER_DATA_MAX, path, r->diag, data);
}

/* Nothing outside the folder, neither by `..` nor by a symbolic link. */
static bool partial(
    void *ctx, struct str name, struct str *text, const char **file)
{
	struct render *r = ctx;
	struct str path =
	    arena_printf(r->arena, "%.*s.mustache", STR_ARG(name));

	if (str_starts(name, "/"))
		return false;
	return site_read(r->arena, r->partials, path.p, RENDER_TEMPLATE_MAX,
		   r->diag, file, text) == ERR_OK;
}

static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	size_t n = (size_t)(slash - path);
	return arena_cstr(a, (struct str){.p = path, .n = n ? n : 1});
}

static enum err write_out(struct render *r, struct str text)
{
	size_t n = fwrite(text.n ? text.p : "", 1, text.n, stdout);

	if (n == text.n && fflush(stdout) == 0)
		return ERR_OK;
	diag_error(
	    r->diag, POS_NONE, "io-error", "the output could not be written");
	return ERR_IO;
}

/* What was rendered is written only if all of it is right. */
static enum err run(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	struct render r = {.arena = run->arena, .diag = run->diag};
	struct mustache_options how = {.escape = ESCAPE_HTML,
	    .lenient = v[OPT_LENIENT].given,
	    .partial = partial,
	    .ctx = &r};
	struct buf out = {0};
	struct value *data;
	struct str text;

	if (run->opts->n_operands != 1) {
		diag_error(run->diag, POS_NONE, "missing-operand",
		    "name one template: lowtide render TEMPLATE --data FILE");
		return ERR_USAGE;
	}
	const char *file = run->opts->operands[0];
	r.partials = v[OPT_PARTIALS].given ? v[OPT_PARTIALS].string
					   : folder_of(run->arena, file);
	if (v[OPT_ESCAPE].given)
		how.escape = escape_named(str_of(v[OPT_ESCAPE].string));
	enum err err = read_data(&r, v[OPT_DATA].string, &data);
	if (!err)
		err = read_file(&r, file, RENDER_TEMPLATE_MAX, &text);
	if (!err)
		err = mustache_render(
		    run->arena, text, file, data, &how, run->diag, &out, NULL);
	if (!err && run->diag->errors)
		err = ERR_INPUT; /* a partial that is there but not readable */
	if (!err && run->json)
		run->result = value_string(
		    run->arena, arena_str(run->arena, buf_str(&out)), POS_NONE);
	else if (!err)
		err = write_out(&r, buf_str(&out));
	buf_release(&out);
	return err;
}

const struct command command_render = {
    .name = "render",
    .operands = "TEMPLATE",
    .help = "write one template, filled in with one data file, to stdout",
    .options = options,
    .run = run,
};
