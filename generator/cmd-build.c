#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "generator/build.h"
#include "generator/command.h"
#include "lib/clock.h"
#include "lib/fs.h"

/* `lowtide build`: a site folder in, dist/www and dist/server out. */
enum {
	OPT_DIR,
	OPT_ENV,
	OPT_OUT,
	OPT_SET,
	OPT_PREVIOUS,
	OPT_FORCE,
	OPT_FAST,
	OPT_CACHE,
	OPT_JOBS
};
static const struct opt options[] = {
    [OPT_DIR] = COMMAND_OPT_DIR,
    [OPT_ENV] = COMMAND_OPT_ENV,
    [OPT_OUT] = {.name = "out",
	.letter = 'o',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "where to write (default: dist in the site folder)"},
    [OPT_SET] = COMMAND_OPT_SET,
    [OPT_PREVIOUS] = COMMAND_OPT_PREVIOUS,
    [OPT_FORCE] = {.name = "force",
	.kind = OPT_FLAG,
	.help = "replace an output folder that no build wrote"},
    [OPT_FAST] = {.name = "fast",
	.kind = OPT_FLAG,
	.help = "no compressed siblings, for a look at the result"},
    [OPT_CACHE] = COMMAND_OPT_CACHE,
    [OPT_JOBS] = COMMAND_OPT_JOBS,
    {.name = NULL},
};

static void put_count(
    struct command_run *run, struct value *table, const char *key, size_t count)
{
	value_set(run->arena, table, str_of(key), POS_NONE,
	    value_int(run->arena, (int64_t)count, POS_NONE));
}

static void summary(
    struct command_run *run, const struct build *b, const char *dir)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < b->out.n; i++)
		bytes += (int64_t)b->out.files[i].digest.bytes;
	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	value_set(run->arena, run->result, STR("folder"), POS_NONE,
	    value_string(run->arena, str_of(dir), POS_NONE));
	put_count(run, run->result, "files", b->out.n);
	put_count(run, run->result, "bytes", (size_t)bytes);
	struct value *siblings = value_new(run->arena, VALUE_TABLE, POS_NONE);
	put_count(run, siblings, "made", b->compressed.made);
	put_count(run, siblings, "cached", b->compressed.from_cache);
	put_count(run, siblings, "own", b->compressed.own);
	value_set(
	    run->arena, run->result, STR("compressed"), POS_NONE, siblings);
	if (!run->quiet)
		fprintf(stderr, "%s: %zu files, %lld KiB\n", dir, b->out.n,
		    (long long)(bytes + 1023) / 1024);
}

/* Is `path` the folder itself or below it? Both as realpath() gives them. */
static bool is_within(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || folder[n - 1] == '/');
}

/*
 * The output is exchanged as a whole and read by the next build if it lies in
 * a folder that is published: so neither over the site nor in its sources.
 */
static enum err check_place(
    struct command_run *run, const char *site, const char *out)
{
	static const char *const sources[] = {"assets", "catalogue", "env",
	    "handlers", "pages", "static", "templates"};
	char site_real[PATH_MAX], real[PATH_MAX], source[PATH_MAX];
	const char *over = NULL;

	if (!realpath(site, site_real))
		return ERR_OK;
	if (realpath(out, real)) {
		if (is_within(real, site_real))
			over = site;
	} else {
		/* not there yet: where it will be made */
		char *parent = arena_cstr(run->arena, str_of(out));
		char *slash = strrchr(parent, '/');
		if (slash)
			*slash = '\0';
		if (!slash || !realpath(parent, real))
			return ERR_OK;
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (realpath(site_path(run->arena, site, sources[i]), source) &&
		    is_within(source, real))
			over = sources[i];
	if (!over)
		return ERR_OK;
	diag_error(run->diag, POS_FILE(out), "output-over-source",
	    "the output would lie over %s; name a folder of its own with --out",
	    strcmp(over, ".") == 0 ? "the site itself" : over);
	return ERR_INPUT;
}

static enum err build(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	const struct site_spec spec =
	    command_site(&v[OPT_DIR], &v[OPT_ENV], &v[OPT_SET]);
	const struct out_spec out = {
	    .dir = site_path(run->arena, spec.dir,
		v[OPT_OUT].given ? v[OPT_OUT].string : "dist"),
	    .force = v[OPT_FORCE].given,
	};
	struct build b = {.arena = run->arena, .diag = run->diag, .spec = &out};
	struct site *site;
	struct cache cache;

	cache_open(&cache, run->arena,
	    command_cache(run->arena, spec.dir, &v[OPT_CACHE]),
	    clock_wall_ms() / 1000);
	b.cache = &cache;
	b.fast = v[OPT_FAST].given;
	b.progress = run->progress;
	pool_init(&b.pool, (size_t)v[OPT_JOBS].number);
	enum err err = site_load(run->arena, &spec, run->diag, &site);
	if (err == ERR_OK && !run->quiet)
		site_say_env(site, stderr);
	if (err == ERR_OK)
		err = check_place(run, spec.dir, out.dir);
	enum err before =
	    command_previous(run, spec.dir, &v[OPT_PREVIOUS], &b.previous);
	if (err == ERR_OK)
		err = before;
	err = build_loaded(&b, site, err);
	if (err == ERR_OK)
		err = command_refuse(run);
	if (err == ERR_OK)
		err = out_commit(&b.out, run->diag);
	else
		out_abandon(&b.out);
	if (err == ERR_OK) {
		cache_tidy(&cache, run->diag);
		summary(run, &b, out.dir);
	}
	return err;
}

const struct command command_build = {
    .name = "build",
    .help = "write the site, and what its server needs",
    .options = options,
    .run = build,
};
