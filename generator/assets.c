#include "generator/build.h"

#include <string.h>

#include "lib/fs.h"

/*
 * Files that are published without being looked into: static/ under its own
 * names, assets/ under fingerprinted ones.
 */
#define FILE_MAX ((size_t)256 * 1024 * 1024)

/* What tools and people leave in folders: not worth a word. */
static const char *const litter[] = {
    ".DS_Store", ".gitkeep", ".keep", ".gitignore", ".gitattributes"};

/* A part that begins with a dot, behind `from`; the empty view if none. */
static struct str hidden_part(struct str rel)
{
	for (size_t at = 0, end; at < rel.n; at = end + 1) {
		end = str_find(rel, '/', at);
		if (rel.p[at] == '.')
			return str_slice(rel, at, end);
	}
	return (struct str){0};
}

/*
 * Dot files are seldom meant for the public (.env, .git): they are published
 * only where the web itself asks for them (RFC 8615).
 */
static bool is_published(
    struct build *b, const struct fs_entry *e, bool well_known)
{
	struct str rel = e->rel;

	if (well_known && str_starts(rel, ".well-known/"))
		rel = str_slice(rel, strlen(".well-known/"), rel.n);
	struct str part = hidden_part(rel);
	if (!part.n)
		return true;
	for (size_t i = 0; i < sizeof(litter) / sizeof(litter[0]); i++)
		if (str_is(part, litter[i]))
			return false;
	diag_warn(b->diag, POS_FILE(e->path), "dot-file",
	    "it is not published because of `%.*s`; rename it, or move it out "
	    "of the site%s",
	    STR_ARG(part),
	    well_known ? " (only .well-known/ at the top may begin with a dot)"
		       : "");
	return false;
}

/* The graver of two: a file that could not be read outweighs a bad one. */
static enum err worse(enum err a, enum err b)
{
	return a == ERR_OK || b == ERR_IO ? b : a;
}

/* One file may vanish or be unreadable; the others are looked at still. */
static enum err each(struct build *b, const char *name, bool well_known,
    enum err (*put)(struct build *b, const struct fs_entry *e))
{
	struct fs_list list;
	enum err all = fs_walk(
	    b->arena, site_path(b->arena, b->site->dir, name), b->diag, &list);

	for (size_t i = 0; i < list.n; i++) {
		const struct fs_entry *e = &list.entries[i];
		if (is_published(b, e, well_known))
			all = worse(all, put(b, e));
	}
	return all;
}

static enum err put_static(struct build *b, const struct fs_entry *e)
{
	struct out_file file = {.path = e->rel,
	    .root = OUT_WWW,
	    .class = str_ends(e->rel, ".html") ? OUT_PAGE : OUT_POINTER,
	    .pos = POS_FILE(e->path)};
	enum err err = out_stage_copy(
	    &b->out, OUT_WWW, e->rel.p, e->path, &file.digest, b->diag);

	return err == ERR_OK ? out_note(&b->out, &file, b->diag) : err;
}

enum err produce_static(struct build *b)
{
	return each(b, "static", true, put_static);
}

static enum err put_asset(struct build *b, const struct fs_entry *e)
{
	struct str name = arena_printf(b->arena, "assets/%s", e->rel.p);
	struct str bytes;
	enum err err = fs_read(b->arena, e->path, FILE_MAX, b->diag, &bytes);

	if (err == ERR_NOT_FOUND) {
		diag_error(b->diag, POS_FILE(e->path), "io-error",
		    "it went away while it was read; try again");
		return ERR_IO;
	}
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(
	    b, name.p, bytes, false, POS_FILE(e->path));
}

enum err produce_assets(struct build *b)
{
	return each(b, "assets", false, put_asset);
}
