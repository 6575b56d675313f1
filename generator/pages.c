#include "generator/build.h"

#include <string.h>

#include "generator/assets.h"
#include "generator/html.h"
#include "generator/js-refs.h"
#include "generator/lookup.h"
#include "generator/modules.h"
#include "generator/mustache.h"
#include "generator/reference.h"
#include "lib/fs.h"

/*
 * pages/: *.html as they are, *.mustache rendered, references rewritten in
 * both. x.mustache and x.html.mustache become x.html; x.xml.mustache becomes
 * x.xml. A page may refer to one that comes later, so the names of all come
 * first, then their bytes, on all threads, and then their rows in order.
 */
#define PAGE_MAX ((size_t)16 * 1024 * 1024)

struct page {
	const struct fs_entry *entry; /* NULL: a built-in one */
	const char *file;	      /* for findings */
	struct str name;	      /* "guide/start.html" */
	bool is_template;
	/* what a worker leaves */
	bool is_good, from_env;
	struct digest digest;
	struct buf names; /* what its scripts name, NUL behind each */
};

struct pages {
	struct build *b;
	bool quiet; /* no warnings of references */
	struct page *list;
	size_t n;
	struct lookup by_name;
	struct value *data;
};

/* One page in a worker. */
struct making {
	struct pages *pages;
	struct page *page;
	struct arena *arena;
	struct diag *diag;
	struct str source; /* as it is in the file */
	struct str html;   /* rendered */
};

/* --- references ------------------------------------------------------- */

static bool is_file(const struct pages *pages, struct str name)
{
	return lookup_get(&pages->by_name, name) != LOOKUP_NONE ||
	       out_find(&pages->b->out, OUT_WWW, name);
}

/*
 * Whether something answers there: a file, a folder's index, what comes after
 * the pages, or the endpoint.
 */
static bool is_known(const struct making *m, struct str logical)
{
	struct str name = str_slice(logical, 1, logical.n);
	struct str prefix = site_text(m->pages->b->site, "prefix");

	if (name.n && !str_ends(name, "/") && is_file(m->pages, name))
		return true;
	if (name.n == 0 || str_ends(name, "/"))
		return is_file(m->pages,
		    arena_printf(m->arena, "%.*sindex.html", STR_ARG(name)));
	if (prefix.n && logical.n > prefix.n &&
	    str_eq(str_slice(logical, 0, prefix.n), prefix) &&
	    logical.p[prefix.n] == '/')
		return true;
	return str_is(name, "manifest.json") || str_is(name, "404.html") ||
	       is_file(m->pages,
		   arena_printf(m->arena, "%.*s/index.html", STR_ARG(name)));
}

/*
 * A template's line is found by the reference's text; one that came out of a
 * value has no line of its own.
 */
static struct pos source_place(
    const struct making *m, struct str text, const char *at)
{
	const char *file = m->page->file;

	if (!m->page->is_template)
		return html_pos(m->html, file, at);
	const char *hit = text.n && m->source.n
			      ? memmem(m->source.p, m->source.n, text.p, text.n)
			      : NULL;
	return hit ? html_pos(m->source, file, hit) : POS_FILE(file);
}

static struct str reference(void *ctx, const struct html_ref *ref)
{
	struct making *m = ctx;
	const struct build *b = m->pages->b;
	struct str logical =
	    reference_resolve(m->arena, m->page->name, ref->path);
	struct str published = build_published(b, logical);

	if (published.n) {
		const struct out_file *file = out_find(
		    &b->out, OUT_WWW, str_slice(published, 1, published.n));
		m->page->from_env |= file && file->from_env;
		return reference_rename(
		    m->arena, ref->path, logical, published);
	}
	if (!m->pages->quiet && !ref->optional && !is_known(m, logical))
		diag_warn(m->diag, source_place(m, ref->path, ref->at),
		    "missing-reference",
		    "there will be no file %.*s; write it, or correct the "
		    "reference",
		    STR_ARG(logical));
	return (struct str){0};
}

/* What a script in the page asks for by its stable name. */
static void named(void *ctx, struct str path)
{
	struct making *m = ctx;
	struct str logical = reference_resolve(m->arena, m->page->name, path);

	if (!build_published(m->pages->b, logical).n)
		return;
	buf_put_str(&m->page->names, logical);
	buf_putc(&m->page->names, '\0');
}

static void script(void *ctx, struct str code)
{
	struct making *m = ctx;

	js_refs(m->arena, code, named, ctx);
}

/* The site's import map, before the first module. */
static void put_import_map(
    const struct making *m, struct buf *out, const struct html_modules *modules)
{
	struct str map = m->pages->b->import_map;

	if (!map.n || modules->at == SIZE_MAX)
		return;
	if (modules->has_map) {
		diag_warn(m->diag,
		    source_place(
			m, STR("importmap"), m->html.p + modules->map_at),
		    "own-import-map",
		    "this page has an import map of its own, so that of the "
		    "site is left out; its modules are loaded by their stable "
		    "names, without integrity");
		return;
	}
	size_t rest = out->len - modules->at;
	buf_put_str(out, map);
	memmove(out->data + modules->at + map.n, out->data + modules->at, rest);
	memcpy(out->data + modules->at, map.p, map.n);
	m->page->from_env |= m->pages->b->import_map_from_env;
}

static void rewrite(struct making *m, struct buf *out)
{
	const struct html_refs refs = {.path = reference,
	    .script = script,
	    .ctx = m,
	    .base_url = m->pages->b->site->base_url};
	struct html_modules modules;

	html_rewrite(m->arena, m->html, &refs, out, &modules);
	put_import_map(m, out, &modules);
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
static struct value *page_data(
    struct arena *a, const struct pages *pages, const struct page *page)
{
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

static enum err render(struct making *m, struct buf *out)
{
	/* what build_partial() needs, with this worker's arena and findings */
	struct build own = {
	    .arena = m->arena, .diag = m->diag, .site = m->pages->b->site};
	const struct mustache_options options = {
	    .escape = escape_for(m->page->name),
	    .partial = build_partial,
	    .ctx = &own};

	return mustache_render(m->arena, m->source, m->page->file,
	    page_data(m->arena, m->pages, m->page), &options, m->diag, out,
	    &m->page->from_env);
}

static enum err read_page(struct making *m)
{
	const char *file = m->page->file;
	enum err err = fs_read(m->arena, file, PAGE_MAX, m->diag, &m->source);

	if (err != ERR_NOT_FOUND)
		return err;
	diag_error(m->diag, POS_FILE(file), "io-error",
	    "it went away while it was read; try again");
	return ERR_IO;
}

/* What was read, or rendered, as it is published. */
static enum err stage(struct making *m)
{
	struct page *page = m->page;
	struct str bytes = m->html;
	struct buf out = {0};

	if (str_ends(page->name, ".html")) {
		rewrite(m, &out);
		bytes = buf_str(&out);
	}
	enum err err = out_stage(&m->pages->b->out, OUT_WWW,
	    arena_cstr(m->arena, page->name), bytes, &page->digest, m->diag);
	page->is_good = err == ERR_OK;
	buf_release(&out);
	return err;
}

static enum err make(void *ctx, struct worker *w, size_t i)
{
	struct pages *pages = ctx;
	struct making m = {.pages = pages,
	    .page = &pages->list[i],
	    .arena = w->arena,
	    .diag = w->diag};
	struct buf rendered = {0};
	enum err err = read_page(&m);

	m.html = m.source;
	if (m.page->is_template) {
		if (pages->b->site->lacks_data)
			return err; /* else names would be told as unknown */
		if (err == ERR_OK)
			err = render(&m, &rendered);
		m.html = buf_str(&rendered);
	}
	if (err == ERR_OK)
		err = stage(&m);
	buf_release(&rendered);
	return err;
}

static enum err note(struct pages *pages, struct page *page)
{
	struct build *b = pages->b;
	const struct out_file file = {.path = page->name,
	    .root = OUT_WWW,
	    .class = str_ends(page->name, ".html") ? OUT_PAGE : OUT_POINTER,
	    .from_env = page->from_env,
	    .digest = page->digest,
	    .pos = page->entry ? POS_FILE(page->file) : POS_NONE};

	modules_name(b, buf_str(&page->names));
	return page->is_good ? out_note(&b->out, &file, b->diag) : ERR_OK;
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

static enum err list_pages(struct pages *pages)
{
	struct build *b = pages->b;
	struct fs_list *list = arena_alloc(b->arena, sizeof(*list));
	enum err err = fs_walk(b->arena,
	    site_path(b->arena, b->site->dir, "pages"), b->diag, list);

	lookup_init(&pages->by_name, b->arena);
	pages->list = arena_array(b->arena, list->n + 1, sizeof(*pages->list));
	for (size_t i = 0; i < list->n; i++) {
		const struct fs_entry *e = &list->entries[i];
		struct page *page = &pages->list[pages->n];
		if (is_hidden(e->rel))
			continue;
		if (!page_name(b->arena, e->rel, page)) {
			diag_warn(b->diag, POS_FILE(e->path), "not-a-page",
			    "pages are .html or .mustache; put other files "
			    "into assets/ or static/");
			continue;
		}
		page->entry = e;
		page->file = e->path;
		lookup_add(&pages->by_name, page->name, pages->n++);
	}
	return err;
}

/* The page for what is not there, where the site has none of its own. */
static enum err put_404(struct pages *pages)
{
	struct build *b = pages->b;
	struct page page = {.file = "templates/pages/404.html.mustache",
	    .name = STR("404.html"),
	    .is_template = true};
	struct making m = {
	    .pages = pages, .page = &page, .arena = b->arena, .diag = b->diag};

	if (is_file(pages, page.name))
		return ERR_OK;
	enum err err = build_template(b, "pages/404.html",
	    page_data(b->arena, pages, &page), ESCAPE_HTML, &m.html,
	    &page.from_env);
	if (err != ERR_OK)
		return err;
	pages->quiet = true;
	err = stage(&m);
	if (err == ERR_OK)
		err = note(pages, &page);
	buf_release(&page.names);
	return err;
}

static enum err worse(enum err a, enum err b)
{
	return a == ERR_OK || b == ERR_IO ? b : a;
}

enum err produce_pages(struct build *b)
{
	/* what is not there because of an error is not missed as well */
	struct pages pages = {
	    .b = b, .data = build_data(b), .quiet = b->diag->errors > 0};
	enum err all = list_pages(&pages);

	all = worse(all, pool_each(&b->pool, b->diag, pages.n, make, &pages));
	for (size_t i = 0; i < pages.n; i++) {
		all = worse(all, note(&pages, &pages.list[i]));
		buf_release(&pages.list[i].names);
	}
	all = worse(all, put_404(&pages));
	return worse(all, modules_put(b));
}
