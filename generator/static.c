#include "generator/build.h"

#include <string.h>

#include "generator/memo.h"
#include "generator/server.h"
#include "generator/sources.h"

/*
 * Files that are published without being looked into: static/ under its own
 * names, handlers/ for the server alone. They are copied on all threads, and
 * noted in the order of their names.
 */
struct copying {
	struct build *b;
	const struct fs_list *list;
	enum out_root root;
	const char *folder; /* "handlers" */
	const char *prefix; /* "handlers/", or none */
	struct copied {
		struct digest digest;
		bool good;
	} * copied; /* one an entry */
};

static struct str published_as(
    struct arena *a, const struct copying *c, const struct fs_entry *e)
{
	return arena_join(
	    a, 2, (const struct str[]){str_of(c->prefix), e->rel});
}

/* One that is as it was, and is in the previous output, is not even read. */
static enum err copy(void *ctx, struct worker *w, size_t i)
{
	struct copying *c = ctx;
	struct build *b = c->b;
	const struct fs_entry *e = &c->list->entries[i];
	const char *path = published_as(w->arena, c, e).p;
	struct str source = arena_join(w->arena, 3,
	    (const struct str[]){str_of(c->folder), STR("/"), e->rel});
	struct memo_row row = {0};
	enum err err = ERR_OK;

	if (!memo_find(b->memo, source, e, &row) ||
	    !out_reuse(&b->out, c->root, path, &row.digest)) {
		row = (struct memo_row){0};
		err = out_stage_copy(
		    &b->out, c->root, path, e->path, &row.digest, w->diag);
		if (err == ERR_OK)
			memo_note(b->memo, source, e, &row);
	}
	c->copied[i].digest = row.digest;
	c->copied[i].good = err == ERR_OK;
	return err;
}

static enum err note(const struct copying *c, size_t i)
{
	const struct fs_entry *e = &c->list->entries[i];
	const struct out_file file = {.path = published_as(c->b->arena, c, e),
	    .root = c->root,
	    .class = c->root == OUT_SERVER	     ? OUT_PRIVATE
		     : server_declares(c->b, e->rel) ? OUT_IMMUTABLE
		     : str_ends(e->rel, ".html")     ? OUT_PAGE
						     : OUT_POINTER,
	    .digest = c->copied[i].digest,
	    .pos = POS_FILE(e->path)};

	return out_note(&c->b->out, &file, c->b->diag);
}

static enum err copy_folder(struct build *b, const char *folder,
    bool well_known, enum out_root root, const char *prefix)
{
	struct fs_list list;
	struct copying c = {.b = b,
	    .list = &list,
	    .root = root,
	    .folder = folder,
	    .prefix = prefix};
	enum err all = sources_list(b, folder, well_known, &list);

	c.copied = arena_array(b->arena, list.n, sizeof(*c.copied));
	enum err err = build_each(b, "copying", list.n, copy, &c);
	if (all == ERR_OK || err == ERR_IO)
		all = err;
	for (size_t i = 0; i < list.n; i++) {
		err = c.copied[i].good ? note(&c, i) : ERR_OK;
		if (all == ERR_OK)
			all = err;
	}
	return all;
}

enum err produce_static(struct build *b)
{
	return copy_folder(b, "static", true, OUT_WWW, "");
}

enum err produce_handlers(struct build *b)
{
	return copy_folder(b, "handlers", false, OUT_SERVER, "handlers/");
}
