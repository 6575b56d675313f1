#include "generator/sources.h"

#include <string.h>

#include "generator/memo.h"

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

enum err sources_all(struct build *b, const char *folder, struct fs_list *out)
{
	const struct fs_list *seen = memo_list(b->memo, folder);

	if (!seen)
		return fs_walk(b->arena,
		    site_path(b->arena, b->site->dir, folder), b->diag, out);
	*out = *seen;
	return ERR_OK;
}

enum err sources_list(
    struct build *b, const char *folder, bool well_known, struct fs_list *out)
{
	struct fs_list all;
	enum err err = sources_all(b, folder, &all);

	*out = (struct fs_list){
	    .entries = arena_array(b->arena, all.n, sizeof(*all.entries))};
	for (size_t i = 0; i < all.n; i++)
		if (is_published(b, &all.entries[i], well_known))
			out->entries[out->n++] = all.entries[i];
	return err;
}
