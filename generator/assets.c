#include "generator/build.h"

#include <string.h>

#include "generator/sources.h"

/*
 * assets/: published under fingerprinted names.
 */
#define FILE_MAX ((size_t)256 * 1024 * 1024)

/* The graver of two: a file that could not be read outweighs a bad one. */
static enum err worse(enum err a, enum err b)
{
	return a == ERR_OK || b == ERR_IO ? b : a;
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

/* One file may vanish or be unreadable; the others are looked at still. */
enum err produce_assets(struct build *b)
{
	struct fs_list list;
	enum err all = sources_list(b, "assets", false, &list);

	for (size_t i = 0; i < list.n; i++)
		all = worse(all, put_asset(b, &list.entries[i]));
	return all;
}
