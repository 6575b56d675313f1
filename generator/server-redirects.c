#include "generator/server.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/url.h"

#define BAD "bad-redirect"

/* --- one row ----------------------------------------------------------- */

static bool is_status(int64_t status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* As people write it, to what may stand in a Location and in any quotes. */
static struct str spell(struct arena *a, struct str text)
{
	struct buf out = {0};

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool is_escape = c == '%' && i + 2 < text.n &&
				 isxdigit((unsigned char)text.p[i + 1]) &&
				 isxdigit((unsigned char)text.p[i + 2]);
		if (is_escape ||
		    (c < 0x80 &&
			(isalnum(c) || memchr("-._~/:?#[]@!&()*+,;=", c, 20))))
			buf_putc(&out, (char)c);
		else
			buf_printf(&out, "%%%02X", c);
	}
	struct str spelt = arena_str(a, buf_str(&out));
	buf_release(&out);
	return spelt;
}

static const char *check_from(
    struct arena *a, struct str text, struct redirect *r)
{
	size_t star = str_find(text, '*', 0);

	if (!str_starts(text, "/") || str_starts(text, "//"))
		return "an old path begins with one `/`";
	if (str_find(text, '?', 0) < text.n || str_find(text, '#', 0) < text.n)
		return "an old path has neither `?` nor `#`";
	if (star < text.n && (star + 1 < text.n || text.p[star - 1] != '/'))
		return "`*` stands at the end only, after a `/`";
	r->is_splat = star < text.n;
	if (url_decode(a, str_slice(text, 0, star), &r->from) != ERR_OK)
		return "an old path must be UTF-8, and a `%` two hex digits";
	if (has_control(r->from))
		return "a path cannot hold control characters";
	return NULL;
}

/* The place of `:splat` must not decide which host it is. */
static const char *check_to(
    struct build *b, struct str text, struct redirect *r)
{
	static const struct str mark = STR_INIT(":splat");
	struct url url;
	size_t path = 0;

	if (text.n == 0 || has_control(text))
		return "a new path must be text without control characters";
	if (text.p[0] == '/') {
		if (text.n > 1 && (text.p[1] == '/' || text.p[1] == '\\'))
			return "a new path begins with one `/`, another site "
			       "with https://";
	} else {
		if (url_split(b->arena, text, &url) != ERR_OK)
			return "the target is a path from `/` on, or an "
			       "absolute URL";
		path = url.path.n ? (size_t)(url.path.p - text.p) : text.n;
	}
	const char *at = memmem(text.p, text.n, mark.p, mark.n);
	if (at && !r->is_splat)
		return "`:splat` needs an old path that ends in `/*`";
	if (at && ((size_t)(at - text.p) <= path || at[-1] != '/'))
		return "`:splat` is a part of the path, behind a `/`";
	size_t head = at ? (size_t)(at - text.p) : text.n;
	r->takes_splat = at != NULL;
	r->head = spell(b->arena, str_slice(text, 0, head));
	if (at)
		r->tail =
		    spell(b->arena, str_slice(text, head + mark.n, text.n));
	r->keeps_query = str_find(text, '?', 0) == text.n &&
			 str_find(text, '#', 0) == text.n;
	return NULL;
}

static const char *check_row(
    struct build *b, const struct member *m, struct redirect *r)
{
	const struct value *v = m->value, *to = v, *status = NULL;

	*r = (struct redirect){
	    .status = 301, .pos = m->pos, .from_env = v->from_env};
	if (v->kind == VALUE_TABLE) {
		to = value_get(v, "to");
		status = value_get(v, "status");
		if (v->as.table.n != 1 + (status != NULL))
			to = NULL;
	}
	if (!to || to->kind != VALUE_STRING)
		return "it is \"/new\" or { to = \"/new\", status = 302 }";
	if (status && (status->kind != VALUE_INT || !is_status(status->as.i)))
		return "its status is 301, 302, 303, 307 or 308";
	if (status)
		r->status = (int)status->as.i;
	r->from_env |= to->from_env;
	const char *wrong = check_from(b->arena, m->key, r);
	return wrong ? wrong : check_to(b, to->text, r);
}

/* --- all of them ------------------------------------------------------- */

static int by_from(const void *left, const void *right)
{
	const struct redirect *a = left, *b = right;

	if (a->is_splat != b->is_splat)
		return a->is_splat ? 1 : -1;
	if (a->is_splat && a->from.n != b->from.n)
		return a->from.n > b->from.n ? -1 : 1;
	return str_cmp(a->from, b->from);
}

static int by_from_and_place(const void *left, const void *right)
{
	const struct redirect *a = left, *b = right;
	int order = by_from(left, right);

	return order
		   ? order
		   : (a->pos.line > b->pos.line) - (a->pos.line < b->pos.line);
}

static bool begins(struct str path, struct str with)
{
	return str_eq(str_slice(path, 0, with.n), with);
}

/*
 * The one that answers a path, as the servers look for it: that path's own, or
 * the longest with `*`. Those stand behind all others, the shortest at the end.
 */
static const struct redirect *find(const struct redirects *all, struct str path)
{
	const struct redirect key = {.from = path};
	const struct redirect *hit = NULL;

	if (all->n)
		hit = bsearch(
		    &key, all->items, all->n, sizeof(*all->items), by_from);
	if (hit)
		return hit;
	for (size_t i = all->n; i-- > 0 && all->items[i].is_splat;)
		if (begins(path, all->items[i].from))
			hit = &all->items[i];
	return hit;
}

/* Where it leads on this site, decoded; false when that is another site. */
static bool target_path(struct build *b, const struct redirect *r,
    struct str splat, struct str *out)
{
	struct str to = arena_printf(b->arena, "%.*s%.*s%.*s", STR_ARG(r->head),
	    r->takes_splat ? (int)splat.n : 0, splat.n ? splat.p : "",
	    STR_ARG(r->tail));
	struct str base = b->site->base_url;

	if (base.n && begins(to, base) && to.n > base.n && to.p[base.n] == '/')
		to = str_slice(to, base.n, to.n);
	to = str_slice(to, 0, str_find(to, '?', 0));
	to = str_slice(to, 0, str_find(to, '#', 0));
	return str_starts(to, "/") && url_decode(b->arena, to, out) == ERR_OK;
}

static void check_loop(
    struct build *b, const struct redirects *all, const struct redirect *start)
{
	const struct redirect *r = start;
	struct str path, splat = STR("x");

	for (size_t hops = 0; hops <= all->n; hops++) {
		if (!target_path(b, r, splat, &path))
			return;
		r = find(all, path);
		if (!r)
			return;
		if (r == start)
			break;
		splat = r->is_splat ? str_slice(path, r->from.n, path.n)
				    : (struct str){0};
	}
	if (r == start)
		diag_error(b->diag, start->pos, "redirect-loop",
		    "%.*s%s leads back to itself; let one of its steps lead "
		    "elsewhere",
		    STR_ARG(start->from), start->is_splat ? "*" : "");
}

/* What answers a path of www: a file, or a page without its ending. */
const struct out_file *server_answer(struct build *b, struct str path)
{
	static const char *const more[] = {"", ".html", "/index.html"};
	struct str name = str_slice(path, 1, path.n);
	const struct out_file *f = NULL;

	if (name.n == 0 || str_ends(name, "/"))
		return out_find(&b->out, OUT_WWW,
		    arena_printf(b->arena, "%.*sindex.html", STR_ARG(name)));
	for (size_t i = 0; i < sizeof(more) / sizeof(*more) && !f; i++)
		f = out_find(&b->out, OUT_WWW,
		    arena_printf(b->arena, "%.*s%s", STR_ARG(name), more[i]));
	return f;
}

static bool is_api(const struct build *b, struct str path)
{
	struct str prefix = site_text(b->site, "prefix");

	return b->config && (b->config->n_apis || b->config->n_reads) &&
	       begins(path, prefix) && path.n > prefix.n &&
	       path.p[prefix.n] == '/';
}

static void check_clash(struct build *b, const struct redirect *r)
{
	const struct out_file *f = NULL;

	if (is_api(b, r->from)) {
		diag_error(b->diag, r->pos, "redirect-clash",
		    "%.*s belongs to the APIs; take another path",
		    STR_ARG(r->from));
		return;
	}
	if (!r->is_splat)
		f = server_answer(b, r->from);
	for (size_t i = 0; r->is_splat && i < b->out.n && !f; i++)
		if (b->out.files[i].root == OUT_WWW &&
		    begins(
			b->out.files[i].path, str_slice(r->from, 1, r->from.n)))
			f = &b->out.files[i];
	if (f)
		diag_error(b->diag, r->pos, "redirect-clash",
		    "it would hide %.*s, which is published; rename that or "
		    "take the redirect out",
		    STR_ARG(f->path));
}

bool server_is_answered(
    struct build *b, const struct redirects *all, struct str path)
{
	/* the page that answers all else knows what it is asked for */
	return is_api(b, path) || server_answer(b, path) || find(all, path) ||
	       str_is(path, "/" OUT_MANIFEST) ||
	       (site_text(b->site, "site.fallback").n &&
		   !server_has_ending(path));
}

bool server_redirected(struct build *b, const struct redirects *all,
    struct str path, struct str *to)
{
	const struct redirect *r = all ? find(all, path) : NULL;
	bool is = r != NULL;

	/* none leads back to itself, or there would be no output */
	for (size_t hops = 0; r && hops <= all->n; hops++) {
		struct str splat = r->is_splat
				       ? str_slice(path, r->from.n, path.n)
				       : (struct str){0};
		if (!target_path(b, r, splat, &path)) {
			path = (struct str){0};
			break;
		}
		r = find(all, path);
	}
	*to = path;
	return is;
}

static void check_target(
    struct build *b, const struct redirects *all, const struct redirect *r)
{
	struct str path;

	if (r->takes_splat || !target_path(b, r, (struct str){0}, &path) ||
	    server_is_answered(b, all, path))
		return;
	diag_warn(b->diag, r->pos, "missing-reference",
	    "there will be no file %.*s; write it, or correct the redirect",
	    STR_ARG(path));
}

static void check_twice(struct build *b, const struct redirects *all)
{
	for (size_t i = 1; i < all->n; i++)
		if (by_from(&all->items[i - 1], &all->items[i]) == 0)
			diag_error(b->diag, all->items[i].pos, BAD,
			    "%.*s%s has two targets; take one out",
			    STR_ARG(all->items[i].from),
			    all->items[i].is_splat ? "*" : "");
}

enum err server_redirects(struct build *b, struct redirects *out)
{
	const struct value *table = site_value(b->site, "redirects");
	size_t before = b->diag->errors;

	*out = (struct redirects){0};
	if (!table)
		return ERR_OK;
	if (table->kind != VALUE_TABLE) {
		diag_error(b->diag, table->pos, BAD,
		    "it is a table: \"/old\" = \"/new\"");
		return ERR_INPUT;
	}
	out->items =
	    arena_array(b->arena, table->as.table.n + 1, sizeof(*out->items));
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		const char *wrong = check_row(b, m, &out->items[out->n]);
		if (wrong)
			diag_error(b->diag, m->pos, BAD, "`%.*s`: %s",
			    STR_ARG(m->key), wrong);
		else
			out->n++;
	}
	if (out->n)
		qsort(
		    out->items, out->n, sizeof(*out->items), by_from_and_place);
	check_twice(b, out);
	for (size_t i = 0; i < out->n; i++) {
		check_clash(b, &out->items[i]);
		check_loop(b, out, &out->items[i]);
		check_target(b, out, &out->items[i]);
	}
	return b->diag->errors > before ? ERR_INPUT : ERR_OK;
}
