#include "generator/build.h"

#include <string.h>

#include "generator/html.h"
#include "generator/mustache.h"
#include "generator/reference.h"
#include "lib/fs.h"

/*
 * pages/: *.html as they are, *.mustache rendered, references rewritten in
 * both. x.mustache and x.html.mustache become x.html; x.xml.mustache becomes
 * x.xml. Two rounds, because a page may refer to one that comes later: first
 * the names of all, then their bytes.
 */
#define PAGE_MAX ((size_t)16 * 1024 * 1024)

struct page {
	const char *file;  /* for findings */
	struct str name;   /* "guide/start.html" */
	struct str source; /* as it is in the file */
	bool is_template;
};

struct pages {
	struct build *b;
	bool quiet; /* no warnings of references */
	struct page *list;
	size_t n;
	struct value *data;
};

/* --- references ------------------------------------------------------- */

struct rewrite {
	struct pages *pages;
	const struct page *page;
	struct str html;
	bool from_env; /* a name was written that environment values made */
};

static bool is_file(const struct pages *pages, struct str name)
{
	if (out_find(&pages->b->out, OUT_WWW, name))
		return true;
	for (size_t i = 0; i < pages->n; i++)
		if (str_eq(pages->list[i].name, name))
			return true;
	return false;
}

/*
 * Whether something answers there: a file, a folder's index, what comes after
 * the pages, or the endpoint.
 */
static bool is_known(const struct pages *pages, struct str logical)
{
	struct arena *a = pages->b->arena;
	struct str name = str_slice(logical, 1, logical.n);
	struct str prefix = site_text(pages->b->site, "prefix");

	if (name.n == 0 || str_ends(name, "/"))
		return is_file(
		    pages, arena_printf(a, "%.*sindex.html", STR_ARG(name)));
	if (prefix.n && logical.n > prefix.n &&
	    str_eq(str_slice(logical, 0, prefix.n), prefix) &&
	    logical.p[prefix.n] == '/')
		return true;
	return is_file(pages, name) || str_is(name, "manifest.json") ||
	       str_is(name, "404.html") ||
	       is_file(
		   pages, arena_printf(a, "%.*s/index.html", STR_ARG(name)));
}

/*
 * A template's line is found by the reference's text; one that came out of a
 * value has no line of its own.
 */
static struct pos source_place(
    const struct page *page, struct str path, struct pos pos)
{
	struct str text = page->source;
	struct pos at = {.file = page->file, .line = 1, .col = 1};

	if (!page->is_template)
		return pos;
	const char *hit =
	    path.n ? memmem(text.p, text.n, path.p, path.n) : NULL;
	if (!hit)
		return POS_FILE(page->file);
	for (const char *p = text.p; p < hit; p++) {
		at.col = *p == '\n' ? 1 : at.col + 1;
		at.line += *p == '\n';
	}
	return at;
}

static struct str reference(void *ctx, const struct html_ref *ref)
{
	struct rewrite *r = ctx;
	struct str path = ref->path;
	struct build *b = r->pages->b;
	struct str logical = reference_resolve(b->arena, r->page->name, path);
	struct str published = build_published(b, logical);

	if (published.n) {
		const struct out_file *file = out_find(
		    &b->out, OUT_WWW, str_slice(published, 1, published.n));
		r->from_env |= file && file->from_env;
		return reference_rename(b->arena, path, logical, published);
	}
	if (!r->pages->quiet && !ref->optional && !is_known(r->pages, logical))
		diag_warn(b->diag,
		    source_place(r->page, path,
			html_pos(r->html, r->page->file, ref->at)),
		    "missing-reference",
		    "there will be no file %.*s; write it, or correct the "
		    "reference",
		    STR_ARG(logical));
	return (struct str){0};
}

static struct str rewritten(struct pages *pages, const struct page *page,
    struct str html, bool *from_env)
{
	struct rewrite r = {.pages = pages, .page = page, .html = html};
	struct html_refs refs = {.path = reference, .ctx = &r};
	struct html_modules modules;
	struct buf out = {0};

	html_rewrite(pages->b->arena, html, page->file, &refs, &out, &modules);
	struct str copy = arena_str(pages->b->arena, buf_str(&out));
	buf_release(&out);
	*from_env |= r.from_env;
	return copy;
}

/* --- rendering -------------------------------------------------------- */

/* What the page's own type needs; HTML for all that is not known here. */
static enum mustache_escape escape_for(struct str name)
{
	static const struct {
		const char *ending;
		enum mustache_escape how;
	} rows[] = {
	    {".json", ESCAPE_JSON},
	    {".webmanifest", ESCAPE_JSON},
	    {".js", ESCAPE_JS},
	    {".mjs", ESCAPE_JS},
	    {".txt", ESCAPE_NONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_ends(name, rows[i].ending))
			return rows[i].how;
	return ESCAPE_HTML;
}

/* The roots of every page and `page`: its path, URL and name. */
static struct value *page_data(struct pages *pages, const struct page *page)
{
	struct arena *a = pages->b->arena;
	struct value *root = value_new(a, VALUE_TABLE, POS_NONE);
	struct value *p = value_new(a, VALUE_TABLE, POS_NONE);
	const struct value *base = value_get(pages->b->site->root, "base_url");
	struct str path = arena_printf(a, "/%.*s", STR_ARG(page->name));
	struct value *url = value_string(a,
	    arena_printf(a, "%.*s%.*s", STR_ARG(pages->b->site->base_url),
		STR_ARG(path)),
	    POS_NONE);

	if (str_ends(path, "/index.html"))
		url->text.n -= strlen("index.html");
	url->from_env = base && base->from_env;
	value_set(a, p, STR("name"), POS_NONE,
	    value_string(a,
		str_slice(page->name, 0, str_find(page->name, '.', 0)),
		POS_NONE));
	value_set(a, p, STR("path"), POS_NONE, value_string(a, path, POS_NONE));
	value_set(a, p, STR("url"), POS_NONE, url);
	for (size_t i = 0; i < pages->data->as.table.n; i++) {
		const struct member *m = &pages->data->as.table.members[i];
		value_set(a, root, m->key, m->pos, m->value);
	}
	value_set(a, root, STR("page"), POS_NONE, p);
	return root;
}

static enum err render(struct pages *pages, const struct page *page,
    struct str *out, bool *used_env)
{
	struct build *b = pages->b;
	struct mustache_options options = {.escape = escape_for(page->name),
	    .partial = build_partial,
	    .ctx = b};
	struct buf buf = {0};

	enum err err = mustache_render(b->arena, page->source, page->file,
	    page_data(pages, page), &options, b->diag, &buf, used_env);
	*out = arena_str(b->arena, buf_str(&buf));
	buf_release(&buf);
	return err;
}

static enum err put_page(struct pages *pages, const struct page *page)
{
	struct build *b = pages->b;
	struct str bytes = page->source;
	bool from_env = false, html = str_ends(page->name, ".html");

	if (page->is_template && b->site->lacks_data)
		return ERR_OK; /* it would be told that names are unknown */
	if (page->is_template) {
		enum err err = render(pages, page, &bytes, &from_env);
		if (err)
			return err;
	}
	if (html)
		bytes = rewritten(pages, page, bytes, &from_env);
	return out_put(&b->out, OUT_WWW, arena_cstr(b->arena, page->name),
	    bytes, html ? OUT_PAGE : OUT_POINTER, from_env,
	    POS_FILE(page->file), b->diag);
}

/* --- the folder ------------------------------------------------------- */

/* The name it is published under; false for what is no page. */
static bool page_name(struct arena *a, struct str rel, struct page *page)
{
	page->name = rel;
	page->is_template = str_ends(rel, ".mustache");
	if (!page->is_template)
		return str_ends(rel, ".html");
	page->name = str_slice(rel, 0, rel.n - strlen(".mustache"));
	if (strcmp(out_type(page->name), "application/octet-stream") == 0)
		page->name = arena_printf(a, "%.*s.html", STR_ARG(page->name));
	return true;
}

static bool is_hidden(struct str rel)
{
	return str_starts(rel, ".") || memmem(rel.p, rel.n, "/.", 2) != NULL;
}

static enum err read_pages(struct pages *pages)
{
	struct build *b = pages->b;
	struct fs_list list;
	enum err all = fs_walk(b->arena,
	    site_path(b->arena, b->site->dir, "pages"), b->diag, &list);

	pages->list = arena_array(b->arena, list.n + 1, sizeof(*pages->list));
	for (size_t i = 0; i < list.n; i++) {
		const struct fs_entry *e = &list.entries[i];
		struct page *page = &pages->list[pages->n];
		if (is_hidden(e->rel))
			continue;
		if (!page_name(b->arena, e->rel, page)) {
			diag_warn(b->diag, POS_FILE(e->path), "not-a-page",
			    "pages are .html or .mustache; put other files "
			    "into assets/ or static/");
			continue;
		}
		page->file = e->path;
		enum err err = fs_read(
		    b->arena, e->path, PAGE_MAX, b->diag, &page->source);
		if (err == ERR_NOT_FOUND) {
			diag_error(b->diag, POS_FILE(e->path), "io-error",
			    "it went away while it was read; try again");
			err = ERR_IO;
		}
		if (!err)
			pages->n++;
		else if (!all || err == ERR_IO)
			all = err;
	}
	return all;
}

/* The page for what is not there, where the site has none of its own. */
static enum err put_404(struct pages *pages)
{
	struct build *b = pages->b;
	struct page page = {.file = "templates/pages/404.html.mustache",
	    .name = STR("404.html"),
	    .is_template = true};
	struct str bytes;
	bool from_env = false;

	if (is_file(pages, page.name))
		return ERR_OK;
	enum err err = build_template(b, "pages/404.html",
	    page_data(pages, &page), ESCAPE_HTML, &bytes, &from_env);
	if (err)
		return err;
	pages->quiet = true;
	bytes = rewritten(pages, &page, bytes, &from_env);
	return out_put(&b->out, OUT_WWW, "404.html", bytes, OUT_PAGE, from_env,
	    POS_NONE, b->diag);
}

enum err produce_pages(struct build *b)
{
	/* what is not there because of an error is not missed as well */
	struct pages pages = {
	    .b = b, .data = build_data(b), .quiet = b->diag->errors > 0};
	enum err all = read_pages(&pages);

	for (size_t i = 0; i < pages.n; i++) {
		enum err err = put_page(&pages, &pages.list[i]);
		if (!all || err == ERR_IO)
			all = err ? err : all;
	}
	enum err err = put_404(&pages);
	return all ? all : err;
}
