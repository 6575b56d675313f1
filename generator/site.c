#include "generator/site.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "generator/catalogue.h"
#include "generator/folders.h"
#include "generator/keys.h"
#include "generator/overlay.h"
#include "generator/secrets.h"
#include "generator/toml.h"
#include "lib/opt.h"
#include "lib/units.h"
#include "lib/utf8.h"

/*
 * Files are laid over each other first and held against the key table once, as
 * one tree: a key may be wrong in base.toml and mended in NAME.toml. If a file
 * could not be understood, the tree is not looked at, for half of the findings
 * would only follow from that one.
 */
#define SITE_NAME_MAX 40

const char *site_path(struct arena *a, const char *dir, const char *name)
{
	return strcmp(dir, ".") == 0 ? name : fs_join(a, dir, name);
}

enum err site_read(struct arena *a, const char *dir, const char *name,
    size_t max, struct diag *diag, const char **file, struct str *bytes)
{
	char root[PATH_MAX], real[PATH_MAX];
	const char *path = site_path(a, dir, name);

	*file = path;
	if (!realpath(dir, root) || !realpath(path, real)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ERR_NOT_FOUND;
		diag_error(diag, POS_FILE(path), "io-error",
		    "it cannot be read: %s", strerror(errno));
		return ERR_IO;
	}
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(real, root, n) != 0 || real[n] != '/') {
		diag_error(diag, POS_FILE(path), "outside-site",
		    "it leads out of the site folder; put a copy there");
		return ERR_INPUT;
	}
	return fs_read(a, path, max, diag, bytes);
}

struct load {
	struct arena *a;
	const struct site_spec *spec;
	struct diag *diag;
	struct site *site;
	bool partial; /* a file was not understood, so keys are missing */
	enum err io;  /* ERR_IO if a file could not be read */
};

/* One TOML file over the tree. False when there is no such file. */
static bool layer(struct load *l, const char *name, bool from_env)
{
	struct value *tree = NULL;
	struct str bytes;
	const char *file;

	enum err err = site_read(
	    l->a, l->spec->dir, name, TOML_MAX, l->diag, &file, &bytes);
	if (err == ERR_NOT_FOUND)
		return false;
	if (err == ERR_IO)
		l->io = err;
	l->site->read[l->site->n_read++] = file;
	if (err == ERR_OK)
		err = toml_read(l->a, bytes, file, l->diag, &tree);
	if (err != ERR_OK) {
		l->partial = true;
		return true;
	}
	if (from_env)
		overlay_mark(tree);
	if (!l->site->root->pos.file)
		l->site->root->pos = tree->pos;
	overlay(l->a, l->site->root, tree);
	return true;
}

static int is_env(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	return name.n > 5 && str_ends(name, ".toml") && name.p[0] != '.' &&
	       !str_is(name, "base.toml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* env/NAME.toml but base: the environments there are. */
static void list_envs(struct load *l)
{
	struct dirent **found = NULL;
	const char *dir = fs_join(l->a, l->spec->dir, "env");
	int n = scandir(dir, &found, is_env, by_name);

	l->site->envs =
	    arena_array(l->a, n > 0 ? (size_t)n : 0, sizeof(char *));
	for (int i = 0; i < n; i++) {
		struct str name = str_of(found[i]->d_name);
		l->site->envs[l->site->n_envs++] =
		    arena_cstr(l->a, str_slice(name, 0, name.n - 5));
		free(found[i]);
	}
	free(found);
}

static void load_env(struct load *l)
{
	const char *env = l->spec->env;
	struct str all = {0};

	layer(l, "env/base.toml", true);
	if (!env || strcmp(env, "base") == 0)
		return;
	for (size_t i = 0; i < l->site->n_envs; i++) {
		if (strcmp(l->site->envs[i], env) == 0) {
			layer(
			    l, arena_printf(l->a, "env/%s.toml", env).p, true);
			return;
		}
		all = arena_printf(l->a, "%.*s%s%s", STR_ARG(all),
		    i ? ", " : "", l->site->envs[i]);
	}
	l->partial = true;
	diag_error(l->diag, POS_NONE, "unknown-env",
	    "there is no env/%s.toml; %s%.*s", env,
	    all.n ? "there are: " : "make it, or leave --env out",
	    STR_ARG(all));
}

static void load_sets(struct load *l)
{
	for (size_t i = 0; i < l->spec->n_sets; i++) {
		struct str set = str_of(l->spec->sets[i]);
		size_t eq = str_find(set, '=', 0);
		struct pos pos = POS_FILE(arena_printf(
		    l->a, "--set %.*s", STR_ARG(str_slice(set, 0, eq)))
					      .p);
		if (!utf8_valid(set))
			diag_error(l->diag, pos, "not-text",
			    "it holds bytes that are not UTF-8; write it anew");
		else if (eq == set.n || !overlay_set(l->a, l->site->root,
					    str_slice(set, 0, eq),
					    str_slice(set, eq + 1, set.n), pos))
			diag_error(l->diag, pos, "bad-value",
			    "write --set key.by.dots=value");
	}
}

static void check_name(struct load *l)
{
	const struct value *v = value_get(l->site->root, "name");
	struct str name = value_text(l->site->root, "name");

	l->site->name = name;
	if (!v || v->kind != VALUE_STRING || key_is_placeholder(name))
		return;
	bool good = name.n <= SITE_NAME_MAX;
	for (size_t i = 0; i < name.n; i++)
		good =
		    good && name.p[i] &&
		    strchr("abcdefghijklmnopqrstuvwxyz0123456789-", name.p[i]);
	if (!good || str_starts(name, "-"))
		diag_error(l->diag, v->pos, "bad-name",
		    "`name` is \"%.*s\"; use up to %d of a-z, 0-9 and -",
		    STR_ARG(name), SITE_NAME_MAX);
}

/* What is in it is the pages' business, as long as it is a table and public. */
static void check_public(struct load *l)
{
	const struct value *v = value_get(l->site->root, "public");

	if (v && v->kind == VALUE_TABLE && !key_is_reference(v))
		secrets_check_public(l->a, v, l->diag);
	if (!v || (v->kind == VALUE_TABLE && !key_is_reference(v)))
		return;
	l->site->lacks_data = true;
	if (!v->broken)
		diag_error(l->diag, v->pos, "wrong-type",
		    "`public` must be a table, not %s",
		    value_kind_name(v->kind));
}

static struct str without_slash(struct str url)
{
	while (str_ends(url, "/"))
		url.n--;
	return url;
}

static void addresses(struct site *site)
{
	site->base_url = without_slash(site_text(site, "base_url"));
	site->api_url = without_slash(site_text(site, "api_url"));
}

enum err site_load(struct arena *a, const struct site_spec *spec,
    struct diag *diag, struct site **out)
{
	struct site *site = arena_alloc(a, sizeof(*site));
	struct load l = {.a = a, .spec = spec, .diag = diag, .site = site};
	size_t before = diag->errors;

	*out = site;
	site->dir = spec->dir;
	site->env = spec->env;
	site->outside = spec->outside;
	site->root = value_new(a, VALUE_TABLE, POS_NONE);
	if (!layer(&l, "site.toml", false)) {
		diag_error(diag, POS_FILE(site_path(a, spec->dir, "site.toml")),
		    "site-missing",
		    "there is no such file; name the site's folder with -C, "
		    "or make one with `lowtide init DIR`");
		return ERR_INPUT;
	}
	folders_unknown(a, spec->dir, diag);
	layer(&l, "api.toml", false);
	list_envs(&l);
	load_env(&l);
	load_sets(&l);
	/* what is not known yet would be called missing */
	if (!l.partial) {
		key_check(a, site->root, site->outside, diag);
		check_name(&l);
		check_public(&l);
		addresses(site);
		l.io = catalogues_load(a, site, diag);
	}
	if (l.io != ERR_OK)
		return l.io;
	site->is_whole = !l.partial;
	return diag->errors > before ? ERR_INPUT : ERR_OK;
}

void site_mend(struct arena *a, struct site *site)
{
	key_mend(a, site->root);
	addresses(site);
}

void site_say_env(const struct site *site, FILE *out)
{
	if (site->env || site->n_envs == 0)
		return;
	fputs("without --env: env/base.toml alone; there are: ", out);
	for (size_t i = 0; i < site->n_envs; i++)
		fprintf(out, "%s%s", i ? ", " : "", site->envs[i]);
	fputc('\n', out);
}

struct value *site_value(const struct site *site, const char *dotted)
{
	return value_path(site->root, dotted);
}

static struct str fallback(const char *dotted)
{
	const struct key *row = key_find(dotted);

	return row ? str_of(row->fallback) : (struct str){0};
}

struct str site_text(const struct site *site, const char *dotted)
{
	const struct value *v = site_value(site, dotted);

	return v && v->kind == VALUE_STRING ? v->text : fallback(dotted);
}

bool site_flag(const struct site *site, const char *dotted)
{
	const struct value *v = site_value(site, dotted);

	if (v && v->kind == VALUE_BOOL)
		return v->as.b;
	return str_is(fallback(dotted), "true");
}

int64_t site_amount(const struct site *site, const char *dotted)
{
	const struct value *v = site_value(site, dotted);
	struct str text = site_text(site, dotted);
	int64_t n = 0;

	if (v && v->kind == VALUE_INT)
		return v->as.i;
	if (units_duration(text, &n) == ERR_OK ||
	    units_size(text, &n) == ERR_OK)
		return n;
	return text.n ? strtoll(text.p, NULL, 10) : 0;
}

struct value *site_table(const struct site *site, const char *dotted)
{
	struct value *v = site_value(site, dotted);

	return v && v->kind == VALUE_TABLE ? v : NULL;
}
