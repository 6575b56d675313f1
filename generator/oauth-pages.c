#include "generator/client.h"

#include "generator/server.h"
#include "lib/opt.h"
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

static bool is_page(const struct build *b, const struct out_file *f)
{
	return f->root == OUT_WWW && str_ends(f->path, ".html") &&
	       (server_is_from(b, f, "pages") ||
		   server_is_from(b, f, "static"));
}

static bool has_pages(const struct build *b)
{
	for (size_t i = 0; i < b->out.n; i++)
		if (is_page(b, &b->out.files[i]))
			return true;
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

/* --- what answers there --------------------------------------------------- */

/* As browsers ask for it, wherever it is hosted. */
static struct str url_of(struct arena *a, struct str file)
{
	static const struct str index = STR_INIT("index.html");

	if (str_is(file, "index.html") || str_ends(file, "/index.html"))
		file.n -= index.n;
	return arena_printf(a, "/%.*s", STR_ARG(file));
}

static const struct out_file *answer(
    const struct pages *p, struct str path, struct str fallback)
{
	const struct out_file *f = server_answer(p->b, path);

	return f || !fallback.n || server_has_ending(path)
		   ? f
		   : out_find(&p->b->out, OUT_WWW, fallback);
}

void server_callbacks(struct build *b, struct callbacks *out)
{
	struct pages p = {b, b->site->base_url};
	struct oauth_provider *list;
	struct str fallback;
	size_t n;

	*out = (struct callbacks){0};
	if (oauth_providers(b, NULL, &list, &n) != ERR_OK ||
	    server_page(b, "site.fallback", &fallback) != ERR_OK)
		return;
	out->items = arena_array(b->arena, n, sizeof(*out->items));
	for (size_t i = 0; i < n; i++) {
		struct str path = path_of(&p, list[i].redirect);
		const struct out_file *f =
		    path.p ? answer(&p, path, fallback) : NULL;
		size_t k = 0;
		while (k < out->n && !str_eq(out->items[k].path, path))
			k++;
		if (!f || k < out->n)
			continue;
		out->items[out->n++] = (struct callback){path, f->path};
		out->from_env |= list[i].from_env;
	}
}

/* --- findings ------------------------------------------------------------- */

/* "/back" of "/back.html", "/back/" and "/back/index.html" */
static struct str stem(struct str path)
{
	static const char *const endings[] = {"index.html", ".html", "/"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (str_ends(path, endings[i]))
			path.n -= strlen(endings[i]);
	return path;
}

/* Of the pages that there are; NULL: none is called anything like it. */
static const char *nearest(const struct pages *p, struct str path)
{
	struct build *b = p->b;
	const char **urls = arena_array(b->arena, b->out.n, sizeof(*urls));
	size_t n = 0;

	for (size_t i = 0; i < b->out.n; i++) {
		if (!is_page(b, &b->out.files[i]))
			continue;
		struct str url = url_of(b->arena, b->out.files[i].path);
		if (str_eq(stem(url), stem(path)))
			return url.p;
		urls[n++] = url.p;
	}
	return opt_nearest(path, urls, n);
}

static void check(const struct pages *p, const struct oauth_provider *one,
    const char *what, struct str uri, struct pos pos)
{
	struct str path = path_of(p, uri);

	if (!path.p || server_is_answered(p->b, p->b->redirects, path))
		return;
	const char *near = nearest(p, path);
	diag_warn(p->b->diag, pos, "missing-page",
	    "[%.*s] sends people %s to %.*s, and there will be no such page; "
	    "write it, or name another%s%s%s",
	    STR_ARG(one->table), what, STR_ARG(path),
	    near ? ": did you mean \"" : "", near ? near : "",
	    near ? "\"?" : "");
}

/*
 * finish() is content with one address alone: that of the redirect, byte for
 * byte. A folder's page is answered under two by the servers that are
 * configured here, but many hosts lead to the one with the slash.
 */
static void check_moved(const struct pages *p, const struct oauth_provider *one)
{
	struct str path = path_of(p, one->redirect), to;
	const struct out_file *f = path.p ? server_answer(p->b, path) : NULL;
	const char *who = "[redirects]";

	if (!path.p)
		return;
	if (f) {
		to = arena_printf(p->b->arena, "%.*s/", STR_ARG(path));
		if (!str_eq(url_of(p->b->arena, f->path), to))
			return;
		who = "many hosts";
	} else if (!server_redirected(p->b, p->b->redirects, path, &to)) {
		return;
	}
	diag_warn(p->b->diag, one->redirect_pos, "redirect-moved",
	    "[%.*s] sends people back to %.*s, which %s %s to %.*s, where "
	    "finish() takes no answer (wrong-page); name %s",
	    STR_ARG(one->table), STR_ARG(path), who, f ? "redirect" : "leads",
	    to.n ? (int)to.n : 12, to.n ? to.p : "another site",
	    to.n ? "that" : "a page of this one");
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
			check_moved(&p, one);
			check_origin(&p, one);
		}
		if (!out)
			check(&p, one, "who sign out", one->logout_redirect,
			    one->logout_redirect_pos);
	}
	return ERR_OK;
}
