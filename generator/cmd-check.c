#include "generator/build.h"
#include "generator/command.h"
#include "generator/exchange.h"
#include "generator/overlay.h"
#include "generator/secrets.h"

/* `lowtide check`: everything a build does but writing. */
enum { OPT_DIR, OPT_ENV, OPT_SET, OPT_PREVIOUS, OPT_PRINT, OPT_JOBS };
static const struct opt options[] = {
    [OPT_DIR] = COMMAND_OPT_DIR,
    [OPT_ENV] = COMMAND_OPT_ENV,
    [OPT_SET] = COMMAND_OPT_SET,
    [OPT_PREVIOUS] = COMMAND_OPT_PREVIOUS,
    [OPT_PRINT] = {.name = "print",
	.kind = OPT_FLAG,
	.help = "print every value and where it comes from"},
    [OPT_JOBS] = COMMAND_OPT_JOBS,
    {.name = NULL},
};

static enum err check(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	const struct site_spec spec =
	    command_site(&v[OPT_DIR], &v[OPT_ENV], &v[OPT_SET]);
	struct build b = {.arena = run->arena,
	    .diag = run->diag,
	    .talk = run->verbose ? stderr : NULL,
	    .progress = run->progress};
	struct site *site;

	pool_init(&b.pool, (size_t)v[OPT_JOBS].number);
	enum err err = site_load(run->arena, &spec, run->diag, &site);
	command_say_read(run, site);
	b.site = site;
	if (v[OPT_PRINT].given && err == ERR_OK)
		exchange_add(&b);
	if (v[OPT_PRINT].given && run->json)
		run->result = overlay_values(
		    run->arena, secrets_masked(run->arena, site->root));
	else if (v[OPT_PRINT].given)
		overlay_print(
		    run->arena, secrets_masked(run->arena, site->root), stdout);
	if (err == ERR_OK && !run->quiet)
		site_say_env(site, stderr);
	enum err before =
	    command_previous(run, spec.dir, &v[OPT_PREVIOUS], &b.previous);
	if (err == ERR_OK)
		err = before;
	return build_loaded(&b, site, err);
}

const struct command command_check = {
    .name = "check",
    .help = "find what is wrong with a site, and write nothing",
    .options = options,
    .run = check,
};
