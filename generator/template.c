#include "generator/build.h"
#include "generator/embed.h"
#include "generator/page-oauth.h"
#include "lib/fs.h"

/*
 * Where templates come from, for every producer: the site's own folder first,
 * so that a site can replace any text of ours by one of the same name.
 */
#define TEMPLATE_MAX ((size_t)4 * 1024 * 1024)

/* DIR/templates/NAME.mustache, else the built-in one. */
static enum err find(
    struct build *b, struct str name, struct str *text, const char **file)
{
	struct str path =
	    arena_printf(b->arena, "templates/%.*s.mustache", STR_ARG(name));
	enum err err = site_read(
	    b->arena, b->site->dir, path.p, TEMPLATE_MAX, b->diag, file, text);

	if (err != ERR_NOT_FOUND)
		return err;
	*file = path.p;
	if (embed_find(str_slice(path, sizeof("templates/") - 1, path.n), text))
		return ERR_OK;
	return ERR_NOT_FOUND;
}

bool build_partial(
    void *ctx, struct str name, struct str *text, const char **file)
{
	return find(ctx, name, text, file) == ERR_OK;
}

enum err build_template(struct build *b, const char *name,
    const struct value *data, enum mustache_escape escape, struct str *out,
    bool *used_env)
{
	const struct mustache_options options = {
	    .escape = escape,
	    .partial = build_partial,
	    .unknown = page_oauth_unknown,
	    .ctx = b,
	};
	struct buf text = {0};
	const char *file;
	struct str source;

	enum err err = find(b, str_of(name), &source, &file);
	if (err == ERR_NOT_FOUND)
		diag_error(b->diag, POS_FILE(file), "template-missing",
		    "there is no such template, not even a built-in one");
	if (err == ERR_OK)
		err = mustache_render(b->arena, source, file, data, &options,
		    b->diag, &text, used_env);
	*out = arena_str(b->arena, buf_str(&text));
	buf_release(&text);
	return err;
}
