#include "generator/client.h"

#include "generator/server.h"
#include "lib/url.h"

/*
 * The pages that people come back to, signed in or out: whether there will be
 * any. What is wrong here is no provider's matter, so it shows to the first
 * visitor, after he has signed in. Sites whose pages are made by others, with
 * neither pages/ nor static/ of their own, are left in peace.
 */
struct pages {
	struct build *b;
	struct str base; /* base_url */
};

static bool has_pages(const struct build *b)
{
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root == OUT_WWW && str_ends(f->path, ".html") &&
		    (server_is_from(b, f, "pages") ||
			server_is_from(b, f, "static")))
			return true;
	}
	return false;
}

static bool is_same_origin(struct arena *a, struct str left, struct str right)
{
	struct url l, r;

	if (url_split(a, left, &l) != ERR_OK ||
	    url_split(a, right, &r) != ERR_OK)
		return true; /* told already */
	return str_eq(url_origin(a, &l), url_origin(a, &r));
}

/* The path below www, decoded; p NULL: not of this site. */
static struct str path_of(const struct pages *p, struct str uri)
{
	struct str none = {0};
	struct str path = str_slice(uri, p->base.n, str_find(uri, '?', 0));

	return p->base.n && str_eq(str_slice(uri, 0, p->base.n), p->base) &&
		       str_starts(path, "/") &&
		       url_decode(p->b->arena, path, &path) == ERR_OK
		   ? path
		   : none;
}

static void check(const struct pages *p, const struct oauth_provider *one,
    const char *what, struct str uri, struct pos pos)
{
	struct str path = path_of(p, uri);

	if (path.p && !server_is_answered(p->b, p->b->redirects, path))
		diag_warn(p->b->diag, pos, "missing-page",
		    "[%.*s] sends people %s to %.*s, and there will be no such "
		    "page; write it, or name another",
		    STR_ARG(one->table), what, STR_ARG(path));
}

/* What a browser keeps for a sign-in, it keeps for one origin. */
static void check_origin(
    const struct pages *p, const struct oauth_provider *one)
{
	if (p->base.n && !is_same_origin(p->b->arena, p->base, one->redirect))
		diag_warn(p->b->diag, one->redirect_pos, "redirect-elsewhere",
		    "[%.*s] sends people back to \"%.*s\", and pages of "
		    "%.*s have begun the sign-in: finish() knows of none "
		    "there; make the two hosts one",
		    STR_ARG(one->table), STR_ARG(one->redirect),
		    STR_ARG(p->base));
}

enum err produce_oauth_pages(struct build *b)
{
	struct pages p = {b, b->site->base_url};
	struct oauth_provider *list;
	size_t n;

	if (!has_pages(b) || oauth_providers(b, NULL, &list, &n) != ERR_OK)
		return ERR_OK;
	for (size_t i = 0; i < n; i++) {
		const struct oauth_provider *one = &list[i];
		bool back = false, out = false; /* told of one before it */
		for (size_t k = 0; k < i; k++) {
			back |= str_eq(list[k].redirect, one->redirect);
			out |= str_eq(
			    list[k].logout_redirect, one->logout_redirect);
		}
		if (!back) {
			check(
			    &p, one, "back", one->redirect, one->redirect_pos);
			check_origin(&p, one);
		}
		if (!out)
			check(&p, one, "who sign out", one->logout_redirect,
			    one->logout_redirect_pos);
	}
	return ERR_OK;
}
