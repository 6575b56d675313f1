#include "generator/modules.h"

#include <string.h>

#include "generator/assets.h"
#include "generator/importmap.h"
#include "generator/lookup.h"

/*
 * Who is named: found by logical path, in the order in which they were named
 * first, which does not depend on threads.
 */
struct module {
	struct str logical;
	bool is_put;
};
struct modules {
	struct lookup by_logical;
	struct module *list;
	size_t n, cap;
	struct lookup mapped; /* by logical path: numbers of … */
	struct import *imports;
};

static void add(struct build *b, struct str logical)
{
	struct modules *m = b->modules;

	if (lookup_get(&m->by_logical, logical) != LOOKUP_NONE)
		return;
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		struct module *list =
		    arena_array(b->arena, m->cap, sizeof(*list));
		if (m->n)
			memcpy(list, m->list, m->n * sizeof(*list));
		m->list = list;
	}
	logical = arena_str(b->arena, logical);
	lookup_add(&m->by_logical, logical, m->n);
	m->list[m->n++] = (struct module){.logical = logical};
}

void modules_name(struct build *b, struct str names)
{
	if (!b->modules) {
		b->modules = arena_alloc(b->arena, sizeof(*b->modules));
		lookup_init(&b->modules->by_logical, b->arena);
	}
	for (size_t at = 0, end; at < names.n; at = end + 1) {
		end = str_find(names, '\0', at);
		add(b, str_slice(names, at, end));
	}
}

/* --- under their stable names ----------------------------------------- */

/* The published file; NULL when there is none of that name. */
static const struct out_file *file_of(const struct build *b, struct str logical)
{
	struct str path = build_published(b, logical);

	return path.n ? out_find(&b->out, OUT_WWW, str_slice(path, 1, path.n))
		      : NULL;
}

/* Where to copy it from, if that is better than to hold all of it. */
static const char *large_source(const struct build *b, struct str logical)
{
	size_t i = b->assets ? lookup_get(&b->assets->by_logical, logical)
			     : LOOKUP_NONE;
	const struct asset *asset =
	    i == LOOKUP_NONE ? NULL : &b->assets->list[i];

	return asset && asset->kind == ASSET_PLAIN &&
		       asset->entry->size > ASSET_WHOLE_MAX
		   ? asset->entry->path
		   : NULL;
}

static enum err copy(struct build *b, const char *path, const char *source,
    const struct digest *digest, struct diag *diag)
{
	struct digest copied;
	enum err err =
	    out_stage_copy(&b->out, OUT_WWW, path, source, &copied, diag);

	if (err != ERR_OK || digest_eq(&copied, digest))
		return err;
	diag_error(diag, POS_FILE(source), "io-error",
	    "it changed while it was read; try again");
	return ERR_IO;
}

static enum err put_one(void *ctx, struct worker *w, size_t i)
{
	struct build *b = ctx;
	struct module *module = &b->modules->list[i];
	const struct out_file *file = file_of(b, module->logical);
	struct str bytes;

	if (module->is_put || !file)
		return ERR_OK;
	/* terminated, as the path of an arena is */
	const char *path = module->logical.p + 1;
	if (out_reuse(&b->out, OUT_WWW, path, &file->digest))
		return ERR_OK;
	const char *source = large_source(b, module->logical);
	if (source)
		return copy(b, path, source, &file->digest, w->diag);
	enum err err = out_bytes(&b->out, file, w->arena, w->diag, &bytes);
	if (err == ERR_NOT_FOUND)
		return ERR_OK; /* `lowtide check`: it has been looked at */
	if (err == ERR_OK)
		err = out_stage_hashed(
		    &b->out, OUT_WWW, path, bytes, &file->digest, w->diag);
	return err;
}

enum err modules_put(struct build *b)
{
	if (!b->modules)
		return ERR_OK;
	enum err all = pool_each(&b->pool, b->diag, b->modules->n, put_one, b);
	for (size_t i = 0; i < b->modules->n && all == ERR_OK; i++) {
		struct module *module = &b->modules->list[i];
		const struct out_file *file = file_of(b, module->logical);
		if (module->is_put || !file)
			continue;
		struct out_file stable = {
		    .path = str_slice(module->logical, 1, module->logical.n),
		    .root = OUT_WWW,
		    .class = OUT_POINTER,
		    .from_env = file->from_env,
		    .digest = file->digest,
		    .pos = file->pos};
		module->is_put = true;
		all = out_note(&b->out, &stable, b->diag);
	}
	return all;
}

/* --- the import map ----------------------------------------------------- */

static bool is_module(struct str name)
{
	return str_ends(name, ".mjs") || str_ends(name, ".js");
}

static void import(
    struct build *b, struct import *imports, size_t *n, struct str logical)
{
	const struct out_file *file = file_of(b, logical);

	if (!file || !is_module(logical))
		return;
	imports[(*n)++] = (struct import){
	    .from = logical,
	    .logical = logical,
	    .to = build_published(b, logical),
	    .integrity = digest_integrity(b->arena, &file->digest),
	};
	b->import_map_from_env |= file->from_env;
}

/* "react": no path, and no URL. */
static bool is_bare(struct str name)
{
	return name.n && !str_starts(name, "/") && !str_starts(name, ".") &&
	       str_find(name, ':', 0) == name.n;
}

/* [client] imports: a name that is no path. */
static enum err import_bare(
    struct build *b, struct import *one, const struct member *m)
{
	struct str to = m->value->text;
	const struct out_file *file = file_of(b, to);

	if (!is_bare(m->key) || !str_starts(to, "/")) {
		diag_error(b->diag, m->value->pos, "bad-value",
		    "`client.imports` leads a bare name, such as react, to a "
		    "file of the site, such as /assets/react.mjs");
		return ERR_INPUT;
	}
	if (!file && !out_find(&b->out, OUT_WWW, str_slice(to, 1, to.n)) &&
	    !b->diag->errors)
		diag_warn(b->diag, m->value->pos, "missing-reference",
		    "there will be no file %.*s; write it, or correct the "
		    "reference",
		    STR_ARG(to));
	*one = (struct import){.from = m->key, .to = to, .logical = to};
	b->import_map_from_env |= m->value->from_env;
	if (!file)
		return ERR_OK;
	one->to = build_published(b, to);
	one->integrity = digest_integrity(b->arena, &file->digest);
	b->import_map_from_env |= file->from_env;
	return ERR_OK;
}

static enum err import_all_bare(
    struct build *b, struct import *imports, size_t *n)
{
	const struct value *all = site_table(b->site, "client.imports");
	enum err err = ERR_OK;

	for (size_t i = 0; all && i < all->as.table.n; i++)
		if (import_bare(b, &imports[*n], &all->as.table.members[i]) ==
		    ERR_OK)
			++*n;
		else
			err = ERR_INPUT;
	return err;
}

struct str modules_integrity(const struct build *b, struct str logical)
{
	const struct modules *m = b->modules;
	size_t i = m ? lookup_get(&m->mapped, logical) : LOOKUP_NONE;

	return i == LOOKUP_NONE ? (struct str){0} : m->imports[i].integrity;
}

/*
 * Modules that modules name, and those that are no assets: pages may import
 * them by their names, too.
 */
enum err produce_modules(struct build *b)
{
	const struct value *bare = site_table(b->site, "client.imports");

	modules_name(b, (struct str){0});
	struct modules *m = b->modules;
	size_t n = 0, n_bare = bare ? bare->as.table.n : 0;

	m->imports = arena_array(
	    b->arena, m->n + b->n_refs + n_bare, sizeof(*m->imports));
	for (size_t i = 0; i < m->n; i++)
		import(b, m->imports, &n, m->list[i].logical);
	for (size_t i = 0; i < b->cap_refs; i++) {
		struct str logical = b->refs[i].logical;
		if (logical.n && !str_starts(logical, "/assets/") &&
		    lookup_get(&m->by_logical, logical) == LOOKUP_NONE)
			import(b, m->imports, &n, logical);
	}
	enum err err = import_all_bare(b, m->imports, &n);
	struct str json = importmap_json(b->arena, m->imports, n);
	if (json.n) {
		b->import_map = importmap_element(b->arena, json);
		b->import_map_source = importmap_source(b->arena, json);
	}
	lookup_init(&m->mapped, b->arena);
	for (size_t i = 0; i < n; i++)
		lookup_add(&m->mapped, m->imports[i].logical, i);
	enum err put = modules_put(b);
	return err == ERR_OK ? put : err;
}
