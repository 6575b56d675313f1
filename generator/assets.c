#include "generator/assets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "generator/client.h"
#include "generator/html.h"
#include "generator/imports.h"
#include "generator/js-comments.h"
#include "generator/js-refs.h"
#include "generator/memo.h"
#include "generator/modules.h"
#include "generator/reference.h"
#include "generator/server.h"
#include "generator/sources.h"

#define TEXT_MAX                                                               \
	((size_t)256 * 1024 * 1024) /* bytes of what is looked into            \
				     */
#define PIECE ((size_t)64 * 1024)

static enum asset_kind kind_of(struct str name)
{
	static const char *const names_others[] = {".mjs", ".js", ".cjs",
	    ".json", ".webmanifest", ".svg", ".html", ".xml"};

	if (str_ends(name, ".css"))
		return ASSET_CSS;
	for (size_t i = 0; i < sizeof(names_others) / sizeof(char *); i++)
		if (str_ends(name, names_others[i]))
			return ASSET_NAMES;
	return ASSET_PLAIN;
}

/* --- one asset, in a worker ------------------------------------------- */

static enum err gone(const struct asset *asset, struct diag *diag)
{
	diag_error(diag, POS_FILE(asset->entry->path), "io-error",
	    "it changed or went away while it was read; try again");
	return ERR_IO;
}

enum err asset_read(const struct asset *asset, struct arena *a,
    struct diag *diag, struct str *bytes)
{
	enum err err = fs_read(a, asset->entry->path, TEXT_MAX, diag, bytes);

	return err == ERR_NOT_FOUND ? gone(asset, diag) : err;
}

static struct str path_for(const struct asset *asset, struct arena *a)
{
	struct str name = str_slice(asset->logical, 1, asset->logical.n);

	return build_fingerprinted(a, name, &asset->digest);
}

enum err asset_stage(struct build *b, struct asset *asset, struct arena *a,
    struct diag *diag, struct str bytes)
{
	const struct diag_item *before = diag->last;

	hash_digest(bytes, &asset->digest);
	enum err err = out_stage_hashed(&b->out, OUT_WWW, path_for(asset, a).p,
	    bytes, &asset->digest, diag);
	if (err == ERR_INPUT)
		out_blame(diag, before, (struct pos){asset->entry->path, 1, 1});
	asset->is_good = err == ERR_OK;
	return err;
}

/* The digest of a file that is too large to be held. */
static enum err digest_file(struct asset *asset, struct diag *diag)
{
	const char *path = asset->entry->path;
	struct hash_stream stream;
	char piece[PIECE];
	int fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = -1;

	hash_begin(&stream);
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n > 0)
			hash_add(&stream, piece, (size_t)n);
		else if (errno != EINTR)
			break;
	}
	hash_end(&stream, &asset->digest);
	if (n < 0)
		diag_error(diag, POS_FILE(path), "io-error", "%s; try again",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return n < 0 ? ERR_IO : ERR_OK;
}

bool asset_loses_comments(const struct build *b, const struct asset *asset)
{
	return b->assets->no_comments &&
	       (asset->kind == ASSET_CSS || str_ends(asset->logical, ".mjs"));
}

/* Its name among the sources, as memos have it. */
static struct str source_of(const struct asset *asset)
{
	return str_slice(asset->logical, 1, asset->logical.n);
}

bool asset_is_unchanged(struct build *b, struct asset *asset, struct arena *a)
{
	bool from_env = false; /* there is nothing yet that could be */
	struct memo_row row;
	struct str named;

	if (!memo_find(b->memo, source_of(asset), asset->entry, &row) ||
	    !answers_hold(b, b->assets->names, row.aux, &named, &from_env))
		return false;
	asset->digest = row.digest;
	if (!out_reuse(&b->out, OUT_WWW, path_for(asset, a).p, &row.digest))
		return false;
	asset->is_good = true;
	asset->is_rewritten =
	    answers_any(row.aux) || asset_loses_comments(b, asset);
	buf_put_str(&asset->answers.named, named);
	return true;
}

void asset_remember(struct build *b, struct asset *asset, struct arena *a)
{
	asset->answers.names = b->assets->names;
	const struct memo_row row = {
	    .digest = asset->digest, .aux = answers_write(a, &asset->answers)};

	memo_note(b->memo, source_of(asset), asset->entry, &row);
}

/* Its name is made of its bytes, so they are read before they are copied. */
static enum err stage_large(
    struct build *b, struct asset *asset, struct arena *a, struct diag *diag)
{
	struct digest copied;
	enum err err = digest_file(asset, diag);

	if (err == ERR_OK)
		err = out_stage_copy(&b->out, OUT_WWW, path_for(asset, a).p,
		    asset->entry->path, &copied, diag);
	if (err == ERR_OK && !digest_eq(&copied, &asset->digest))
		err = gone(asset, diag);
	asset->is_good = err == ERR_OK;
	if (err == ERR_OK)
		asset_remember(b, asset, a);
	return err;
}

struct scan_names {
	const struct assets *assets;
	struct asset *asset;
	struct arena *arena;
};

/* An asset that is there, or a module that a later producer may publish. */
static void name(struct scan_names *s, struct str logical)
{
	size_t i = lookup_get(&s->assets->by_logical, logical);

	if (i != LOOKUP_NONE ||
	    (!str_starts(logical, "/assets/") && str_ends(logical, ".mjs"))) {
		answers_name(&s->asset->answers, logical);
	}
}

static void found(void *ctx, struct str path)
{
	struct scan_names *s = ctx;
	struct str own = str_slice(s->asset->logical, 1, s->asset->logical.n);

	name(s, reference_resolve(s->arena, own, path));
	/* "assets/x", as pages at the top of a site say */
	if (str_starts(path, "assets/"))
		name(s, reference_resolve(s->arena, STR(""), path));
}

struct producing {
	struct build *b;
	struct assets *assets;
	bool quiet;	 /* no warnings of references */
	bool own_policy; /* pages may have import maps of their own */
};

struct scan_imports {
	const struct producing *producing;
	struct asset *asset;
	struct worker *worker;
	struct str code;
	bool tells;
};

/* What is neither an asset nor a module may still be a page. */
static bool is_missing(const struct scan_imports *s, struct str logical)
{
	const struct build *b = s->producing->b;

	return (client_module_of(logical) || str_starts(logical, "/assets/")) &&
	       lookup_get(&s->producing->assets->by_logical, logical) ==
		   LOOKUP_NONE &&
	       !build_published(b, logical).n &&
	       !out_find(&b->out, OUT_WWW, str_slice(logical, 1, logical.n));
}

static void imported(void *ctx, const struct js_import *import)
{
	struct scan_imports *s = ctx;
	const struct importing importing = {.b = s->producing->b,
	    .arena = s->worker->arena,
	    .from = source_of(s->asset)};
	struct diag *diag = s->worker->diag;
	const char *file = s->asset->entry->path;
	bool is_bare = import->path.n == 0;
	struct str text;

	if (is_bare) {
		if (s->producing->own_policy ||
		    imports_is_mapped(importing.b, import->name))
			return;
		text = imports_bare_text(&importing, import->name);
	} else {
		struct str logical = reference_resolve(
		    importing.arena, importing.from, import->path);
		if (!is_missing(s, logical))
			return;
		text = imports_missing_text(&importing, logical);
	}
	s->tells = true;
	if (!s->producing->quiet)
		diag_warn(diag,
		    diag_is_full(diag)
			? POS_FILE(file)
			: html_pos(s->code, file, import->name.p),
		    is_bare ? "bare-import" : "missing-reference", "%.*s",
		    STR_ARG(text));
}

/* Whether it said anything: then it is to be said the next time, too. */
static bool tell_imports(const struct producing *p, struct asset *asset,
    struct worker *w, struct str code)
{
	struct scan_imports scan = {
	    .producing = p, .asset = asset, .worker = w, .code = code};

	if (str_ends(asset->logical, ".mjs") || str_ends(asset->logical, ".js"))
		js_imports(w->arena, code, imported, &scan);
	return scan.tells;
}

static enum err put_one(void *ctx, struct worker *w, size_t i)
{
	struct producing *p = ctx;
	struct asset *asset = &p->assets->list[i];
	struct scan_names scan = {
	    .assets = p->assets, .asset = asset, .arena = w->arena};
	struct str bytes, put;

	if (asset->kind == ASSET_CSS ||
	    asset_is_unchanged(p->b, asset, w->arena))
		return ERR_OK;
	if (asset->kind == ASSET_PLAIN && asset->entry->size > ASSET_WHOLE_MAX)
		return stage_large(p->b, asset, w->arena, w->diag);
	enum err err = asset_read(asset, w->arena, w->diag, &bytes);
	asset->is_rewritten = asset_loses_comments(p->b, asset);
	if (err == ERR_OK) {
		put = asset->is_rewritten ? js_without_comments(w->arena, bytes)
					  : bytes;
		err = asset_stage(p->b, asset, w->arena, w->diag, put);
	}
	if (err == ERR_OK && asset->kind == ASSET_NAMES)
		js_refs(w->arena, put, found, &scan);
	if (err == ERR_OK && !tell_imports(p, asset, w, bytes))
		asset_remember(p->b, asset, w->arena);
	return err;
}

/* --- all of them -------------------------------------------------------- */

enum err asset_note(struct build *b, struct asset *asset)
{
	struct str path = path_for(asset, b->arena);
	const struct out_file file = {.path = path,
	    .root = OUT_WWW,
	    .class = OUT_IMMUTABLE,
	    .digest = asset->digest,
	    .pos = POS_FILE(asset->entry->path)};
	enum err err = out_note(&b->out, &file, b->diag);

	if (err == ERR_OK) {
		asset->published =
		    arena_printf(b->arena, "/%.*s", STR_ARG(path));
		build_ref(b, asset->logical, asset->published);
	}
	return err;
}

static struct assets *assets_of(struct build *b, const struct fs_list *list)
{
	struct assets *assets = arena_alloc(b->arena, sizeof(*assets));

	lookup_init(&assets->by_logical, b->arena);
	assets->names = answers_names(b);
	assets->no_comments = !site_flag(b->site, "compress.comments");
	if (assets->no_comments)
		assets->names += lookup_hash(STR("compress.comments, css"));
	assets->list =
	    arena_array(b->arena, list->n + 1, sizeof(*assets->list));
	for (; assets->n < list->n; assets->n++) {
		const struct fs_entry *e = &list->entries[assets->n];
		struct asset *asset = &assets->list[assets->n];
		asset->entry = e;
		asset->kind = kind_of(e->rel);
		asset->logical = arena_join(
		    b->arena, 2, (const struct str[]){STR("/assets/"), e->rel});
		lookup_add(&assets->by_logical, asset->logical, assets->n);
		assets->names += lookup_hash(asset->logical);
	}
	return assets;
}

/* The graver of two: a file that could not be read outweighs a bad one. */
static enum err worse(enum err a, enum err b)
{
	return a == ERR_OK || b == ERR_IO ? b : a;
}

/* One file may vanish or be unreadable; the others are looked at still. */
enum err produce_assets(struct build *b)
{
	struct fs_list list;
	enum err all = sources_list(b, "assets", false, &list);
	struct producing p = {.b = b,
	    .assets = assets_of(b, &list),
	    .quiet = b->diag->errors > 0,
	    .own_policy = server_has_own_policy(b)};

	b->assets = p.assets;
	/* what else decides what is told of them */
	p.assets->names += imports_mapped(b) + p.own_policy;
	all = worse(all, build_each(b, "publishing", p.assets->n, put_one, &p));
	for (size_t i = 0; i < p.assets->n; i++)
		if (p.assets->list[i].is_good)
			all = worse(all, asset_note(b, &p.assets->list[i]));
	if (all != ERR_IO)
		all = worse(all, assets_put_css(b));
	for (size_t i = 0; i < p.assets->n; i++) {
		struct asset *asset = &p.assets->list[i];
		modules_name(b, buf_str(&asset->answers.named));
		answers_release(&asset->answers);
		buf_release(&asset->waits);
	}
	return all;
}
