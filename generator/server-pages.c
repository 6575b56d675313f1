#include "generator/server.h"

#include <ctype.h>

#include "generator/glob.h"

/* [site] not_found and fallback, [cache] immutable. */

enum err server_page(struct build *b, const char *key, struct str *out)
{
	const struct value *v = site_value(b->site, key);
	struct str path = v ? v->text : (struct str){0};

	*out = (struct str){0};
	if (!v)
		return ERR_OK;
	if (!str_starts(path, "/"))
		path = arena_printf(b->arena, "/%.*s", STR_ARG(path));
	const struct out_file *f = server_answer(b, path);
	if (!f) {
		diag_error(b->diag, v->pos, "missing-page",
		    "`%s`: there will be no page %.*s; write it, or name "
		    "another",
		    key, STR_ARG(path));
		return ERR_INPUT;
	}
	for (size_t i = 0; i < f->path.n; i++) {
		unsigned char c = (unsigned char)f->path.p[i];
		if (c < 0x80 && (isalnum(c) || memchr("-._~/", c, 5)))
			continue;
		diag_error(b->diag, v->pos, "bad-page",
		    "`%s`: %.*s needs a name of letters, digits, `-`, `.`, "
		    "`_` and `~`; rename it",
		    key, STR_ARG(f->path));
		return ERR_INPUT;
	}
	*out = f->path;
	return ERR_OK;
}

bool server_declares(const struct build *b, struct str name)
{
	const struct value *all = site_value(b->site, "cache.immutable");
	struct str path = arena_printf(b->arena, "static/%.*s", STR_ARG(name));

	for (size_t i = 0; all && i < all->as.array.n; i++)
		if (glob_matches(all->as.array.items[i]->text, path))
			return true;
	return false;
}

bool server_is_from(
    const struct build *b, const struct out_file *f, const char *folder)
{
	const char *path = site_path(b->arena, b->site->dir, folder);

	return f->pos.file && strncmp(f->pos.file, path, strlen(path)) == 0 &&
	       f->pos.file[strlen(path)] == '/';
}

/* A pattern fits what came from static/, where names are kept. */
static bool fits(
    struct build *b, const struct value *pattern, const struct out_file *f)
{
	struct str path =
	    arena_printf(b->arena, "static/%.*s", STR_ARG(f->path));

	return f->root == OUT_WWW && server_is_from(b, f, "static") &&
	       glob_matches(pattern->text, path);
}

void server_check_patterns(struct build *b)
{
	const struct value *all = site_value(b->site, "cache.immutable");

	for (size_t i = 0; all && i < all->as.array.n; i++) {
		const struct value *v = all->as.array.items[i];
		bool used = false;
		for (size_t k = 0; k < b->out.n && !used; k++)
			used = fits(b, v, &b->out.files[k]);
		if (!used)
			diag_warn(b->diag, v->pos, "unused-pattern",
			    "no file of static/ fits \"%.*s\"; correct it, or "
			    "take it out",
			    STR_ARG(v->text));
	}
}

bool server_has_ending(struct str path)
{
	size_t n = 0;

	while (n < path.n && isalnum((unsigned char)path.p[path.n - 1 - n]))
		n++;
	return n >= 1 && n <= 8 && n < path.n && path.p[path.n - 1 - n] == '.';
}
