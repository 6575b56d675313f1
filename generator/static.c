#include "generator/build.h"

#include <string.h>

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
	const char *prefix; /* "handlers/" */
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

static enum err copy(void *ctx, struct worker *w, size_t i)
{
	struct copying *c = ctx;
	const struct fs_entry *e = &c->list->entries[i];
	enum err err =
	    out_stage_copy(&c->b->out, c->root, published_as(w->arena, c, e).p,
		e->path, &c->copied[i].digest, w->diag);

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
	struct copying c = {
	    .b = b, .list = &list, .root = root, .prefix = prefix};
	enum err all = sources_list(b, folder, well_known, &list);

	c.copied = arena_array(b->arena, list.n, sizeof(*c.copied));
	enum err err = pool_each(&b->pool, b->diag, list.n, copy, &c);
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
