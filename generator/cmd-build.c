#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "generator/build.h"
#include "generator/command.h"
#include "generator/folders.h"
#include "generator/memo.h"
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
	OPT_EXIT_CODE,
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
    [OPT_EXIT_CODE] = {.name = "exit-code",
	.kind = OPT_FLAG,
	.help = "exit with 2 when the output is another than before"},
    [OPT_JOBS] = COMMAND_OPT_JOBS,
    {.name = NULL},
};

static void put_count(
    struct command_run *run, struct value *table, const char *key, size_t count)
{
	value_set(run->arena, table, str_of(key), POS_NONE,
	    value_int(run->arena, (int64_t)count, POS_NONE));
}

struct made {
	size_t files, written;
	uint64_t bytes;
	bool changed; /* files may also have gone */
	struct compress_counts compressed;
};

static void summary(
    struct command_run *run, const char *dir, const struct made *made)
{
	const struct compress_counts *compressed = &made->compressed;

	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	value_set(run->arena, run->result, STR("folder"), POS_NONE,
	    value_string(run->arena, str_of(dir), POS_NONE));
	put_count(run, run->result, "files", made->files);
	put_count(run, run->result, "written", made->written);
	put_count(run, run->result, "bytes", (size_t)made->bytes);
	struct value *siblings = value_new(run->arena, VALUE_TABLE, POS_NONE);
	put_count(run, siblings, "made", compressed->made);
	put_count(run, siblings, "cached", compressed->from_cache);
	put_count(run, siblings, "kept", compressed->kept);
	put_count(run, siblings, "own", compressed->own);
	value_set(
	    run->arena, run->result, STR("compressed"), POS_NONE, siblings);
	if (run->verbose)
		fprintf(stderr, "%zu files written, %zu unchanged\n",
		    made->written, made->files - made->written);
	if (!run->quiet)
		fprintf(stderr, "%s: %zu files, %llu KiB%s\n", dir, made->files,
		    (unsigned long long)(made->bytes + 1023) / 1024,
		    made->changed ? "" : ", as before");
}

/* Is `path` the folder itself or below it? Both as realpath() gives them. */
static bool is_within(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || folder[n - 1] == '/');
}

/* As realpath(), also of what is not there yet. */
static bool real_place(struct arena *a, const char *path, char real[PATH_MAX])
{
	path = path[0] == '/' ? path : arena_printf(a, "./%s", path).p;
	char *above = arena_cstr(a, str_of(path));
	size_t end = strlen(path);

	while (!realpath(*above ? above : "/", real)) {
		char *slash = strrchr(above, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t there = strlen(real), known = strlen(above);
	if (known >= end)
		return true;
	if (there + (end - known) >= PATH_MAX)
		return false;
	memcpy(real + there, path + known, end - known);
	real[there + (end - known)] = '\0';
	return true;
}

/* The folder of the site's sources that the place is in; NULL: none. */
static const char *source_above(
    struct arena *a, const char *site, const char *place)
{
	char source[PATH_MAX];

	for (size_t i = 0; i < MEMO_FOLDERS; i++)
		if (realpath(site_path(a, site, memo_folders[i]), source) &&
		    is_within(source, place))
			return memo_folders[i];
	return NULL;
}

/*
 * The output is exchanged as a whole and read by the next build if it lies in
 * a folder that is published: so neither over the site nor in its sources.
 */
static enum err check_place(
    struct command_run *run, const char *site, const char *out)
{
	char site_real[PATH_MAX], real[PATH_MAX];
	const char *over = NULL;

	if (!realpath(site, site_real) || !real_place(run->arena, out, real))
		return ERR_OK;
	over = source_above(run->arena, site, real);
	if (realpath(out, real) && is_within(real, site_real))
		over = site;
	if (!over)
		return ERR_OK;
	diag_error(run->diag, POS_FILE(out), "output-over-source",
	    "the output would lie over %s; name a folder of its own with --out",
	    strcmp(over, ".") == 0 ? "the site itself" : over);
	return ERR_INPUT;
}

/* Nor may a cache be published, or be taken for what no build wrote. */
static enum err check_cache(struct command_run *run, const char *site,
    const char *out, const char *cache)
{
	char out_real[PATH_MAX], real[PATH_MAX];
	const char *over;

	if (!cache || !real_place(run->arena, cache, real))
		return ERR_OK;
	over = source_above(run->arena, site, real);
	if (real_place(run->arena, out, out_real) && is_within(out_real, real))
		over = out;
	if (!over)
		return ERR_OK;
	diag_error(run->diag, POS_FILE(cache), "cache-misplaced",
	    "the cache would lie in %s; name a folder of its own with --cache, "
	    "or none",
	    over);
	return ERR_INPUT;
}

/* All options that decide what is written, and what is said of it. */
static struct str key_of(struct command_run *run, const char *site)
{
	const struct opt_value *v = run->opts->values;
	struct buf key = {0};

	for (size_t i = 0; options[i].name; i++) {
		if (i == OPT_JOBS || i == OPT_CACHE || i == OPT_FORCE ||
		    i == OPT_EXIT_CODE)
			continue;
		buf_printf(&key, "%s %d", options[i].name, v[i].given);
		buf_printf(
		    &key, " %s", v[i].given && v[i].string ? v[i].string : "");
		for (size_t k = 0; k < v[i].n; k++)
			buf_printf(&key, "\n%s", v[i].list[k]);
		buf_putc(&key, '\0');
	}
	buf_put_str(&key, folders_unknown(run->arena, site, NULL));
	struct str copy = arena_str(run->arena, buf_str(&key));
	buf_release(&key);
	return copy;
}

/* A memo cannot tell whether another manifest is on stdin. */
static const char *memo_place(const struct opt_value *v, const char *cache)
{
	const char *previous = v[OPT_PREVIOUS].string;

	return previous && strcmp(previous, "-") == 0 ? NULL : cache;
}

/* The files that --previous may be read from. */
static void ask_previous(struct command_run *run, struct memo *memo,
    const char *dir, const struct opt_value *previous)
{
	static const char *const names[] = {
	    "", "/manifest.json", "/www/manifest.json"};

	if (!previous->given || strcmp(previous->string, "none") == 0)
		return;
	const char *path = site_path(run->arena, dir, previous->string);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		outside_file(memo_outside(memo),
		    arena_printf(run->arena, "%s%s", path, names[i]).p);
}

/* Everything is as the last build left it: nothing is read, none written. */
static enum err is_done(struct command_run *run, const struct site_spec *spec,
    const char *dir, const struct memo_result *last)
{
	const struct made made = {
	    .files = (size_t)last->files, .bytes = last->bytes};
	const struct site site = {
	    .env = spec->env, .envs = last->envs, .n_envs = last->n_envs};
	enum err err = command_refuse(run);

	if (!run->quiet)
		site_say_env(&site, stderr);
	if (err == ERR_OK)
		summary(run, dir, &made);
	return err;
}

static enum err make(struct command_run *run, struct build *b,
    struct site_spec *spec, const char *dir)
{
	const struct opt_value *v = run->opts->values;
	struct made made = {0};
	struct site *site;

	spec->outside = memo_outside(b->memo);
	enum err err = site_load(run->arena, spec, run->diag, &site);
	command_say_read(run, site);
	if (err == ERR_OK && !run->quiet)
		site_say_env(site, stderr);
	if (err == ERR_OK)
		err = check_place(run, spec->dir, dir);
	ask_previous(run, b->memo, spec->dir, &v[OPT_PREVIOUS]);
	enum err before =
	    command_previous(run, spec->dir, &v[OPT_PREVIOUS], &b->previous);
	if (err == ERR_OK)
		err = before;
	err = build_loaded(b, site, err);
	if (err == ERR_OK)
		err = command_refuse(run);
	if (err == ERR_OK)
		err = out_commit(&b->out, run->diag);
	else
		out_abandon(&b->out);
	if (err != ERR_OK)
		return err;
	cache_tidy(b->cache, run->diag);
	made.files = b->out.n;
	made.written = b->out.written;
	made.changed = b->out.replaced;
	made.compressed = b->compressed;
	for (size_t i = 0; i < b->out.n; i++)
		made.bytes += b->out.files[i].digest.bytes;
	summary(run, dir, &made);
	if (v[OPT_EXIT_CODE].given && b->out.replaced)
		run->status = 2;
	return ERR_OK;
}

static enum err build(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	struct site_spec spec =
	    command_site(&v[OPT_DIR], &v[OPT_ENV], &v[OPT_SET]);
	const struct out_spec out = {
	    .dir = site_path(run->arena, spec.dir,
		v[OPT_OUT].given ? v[OPT_OUT].string : "dist"),
	    .force = v[OPT_FORCE].given,
	};
	struct cache cache;
	const char *place = command_cache(run->arena, spec.dir, &v[OPT_CACHE]);
	const struct memo_spec known = {.site = spec.dir,
	    .out = out.dir,
	    .cache = memo_place(v, place),
	    .key = key_of(run, spec.dir)};
	struct build b = {.arena = run->arena,
	    .diag = run->diag,
	    .spec = &out,
	    .cache = &cache,
	    .fast = v[OPT_FAST].given,
	    .talk = run->verbose ? stderr : NULL,
	    .progress = run->progress};
	struct memo_result last;
	enum err err;

	err = v[OPT_CACHE].given ? check_cache(run, spec.dir, out.dir, place)
				 : ERR_OK;
	if (err != ERR_OK)
		return err;
	pool_init(&b.pool, (size_t)v[OPT_JOBS].number);
	cache_open(&cache, run->arena, place, clock_wall_ms() / 1000);
	b.memo = memo_open(run->arena, &known, &b.pool);
	if (out_is_tidy(run->arena, out.dir) &&
	    memo_is_current(b.memo, run->diag, &last))
		err = is_done(run, &spec, out.dir, &last);
	else
		err = make(run, &b, &spec, out.dir);
	memo_close(b.memo);
	return err;
}

const struct command command_build = {
    .name = "build",
    .help = "write the site, and what its server needs",
    .options = options,
    .run = build,
};
