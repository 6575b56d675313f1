#include "generator/build.h"
#include "generator/command.h"
#include "generator/overlay.h"

/* `lowtide check`: everything a build does but writing. */
enum { OPT_DIR, OPT_ENV, OPT_SET, OPT_PRINT, OPT_QUIET };
static const struct opt options[] = {
    [OPT_DIR] = {.name = "dir",
	.letter = 'C',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "the site folder (default: the current one)"},
    [OPT_ENV] = {.name = "env",
	.letter = 'e',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "lay env/NAME.toml over env/base.toml"},
    [OPT_SET] = {.name = "set",
	.kind = OPT_LIST,
	.arg = "KEY=VALUE",
	.help = "set one key, over every file"},
    [OPT_PRINT] = {.name = "print",
	.kind = OPT_FLAG,
	.help = "print every value and where it comes from"},
    [OPT_QUIET] = {.name = "quiet",
	.letter = 'q',
	.kind = OPT_FLAG,
	.help = "say nothing but what is wrong"},
    {.name = NULL},
};

static enum err check(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	const struct site_spec spec = {
	    .dir = v[OPT_DIR].given ? v[OPT_DIR].string : ".",
	    .env = v[OPT_ENV].string,
	    .sets = v[OPT_SET].list,
	    .n_sets = v[OPT_SET].n,
	};
	struct build b = {.arena = run->arena, .diag = run->diag};
	struct site *site;

	enum err err = site_load(run->arena, &spec, run->diag, &site);
	if (v[OPT_PRINT].given)
		overlay_print(run->arena, site->root, stdout);
	if (err == ERR_OK && !run->quiet)
		site_say_env(site, stderr);
	return build_loaded(&b, site, err);
}

const struct command command_check = {
    .name = "check",
    .help = "find what is wrong with a site, and write nothing",
    .options = options,
    .run = check,
};
