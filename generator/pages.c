#include "generator/pages.h"

#include <string.h>

#include "generator/memo.h"
#include "generator/modules.h"
#include "generator/mustache.h"
#include "generator/page-oauth.h"
#include "generator/server.h"
#include "generator/sources.h"

/*
 * pages/: *.html as they are, *.mustache rendered, references rewritten in
 * both. x.mustache and x.html.mustache become x.html; x.xml.mustache becomes
 * x.xml. [site] urls = "folder" makes x/index.html of x.html, "both" makes
 * both. A page may refer to one that comes later, so the names of all come
 * first, then their bytes, on all threads, and then their rows in order.
 */
#define PAGE_MAX ((size_t)16 * 1024 * 1024)

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
		str_slice(page->own, 0, str_find(page->own, '.', 0)),
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
	    .unknown = page_oauth_unknown,
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
	const struct diag_item *before;

	if (str_ends(page->name, ".html")) {
		page_rewrite(m, &out);
		bytes = buf_str(&out);
	}
	before = m->diag->last;
	enum err err = out_stage(&m->pages->b->out, OUT_WWW,
	    arena_cstr(m->arena, page->name), bytes, &page->digest, m->diag);
	/* a template's lines are others */
	if (err == ERR_INPUT && page->entry && !page->is_second)
		out_blame(m->diag, before,
		    (struct pos){page->file, !page->is_template, 1});
	page->is_good = err == ERR_OK;
	buf_release(&out);
	return err;
}

/* The page's name among the sources, as memos have it. */
static struct str source_of(const struct making *m)
{
	return arena_join(m->arena, 2,
	    (const struct str[]){STR("pages/"), m->page->entry->rel});
}

/*
 * Whether it is published already as it would be: the same file, told the same
 * of what it refers to. A template may hold anything and is rendered each time.
 */
static bool is_unchanged(struct making *m)
{
	struct build *b = m->pages->b;
	struct page *page = m->page;
	struct memo_row row;
	struct str named;

	if (page->is_template || page->is_second ||
	    !memo_find(b->memo, source_of(m), page->entry, &row) ||
	    !answers_hold(
		b, m->pages->names, row.aux, &named, &page->from_env) ||
	    !out_reuse(&b->out, OUT_WWW, arena_cstr(m->arena, page->name),
		&row.digest))
		return false;
	page->digest = row.digest;
	page->is_good = true;
	buf_put_str(&page->named, named);
	return true;
}

static void remember(struct making *m)
{
	struct build *b = m->pages->b;
	const struct memo_row row = {.digest = m->page->digest,
	    .aux = answers_write(m->arena, &m->answers)};

	buf_put_str(&m->page->named, buf_str(&m->answers.named));
	if (!m->page->is_template && !m->page->is_second && !m->tells)
		memo_note(b->memo, source_of(m), m->page->entry, &row);
}

static enum err make(void *ctx, struct worker *w, size_t i)
{
	struct pages *pages = ctx;
	struct making m = {.pages = pages,
	    .page = &pages->list[i],
	    .arena = w->arena,
	    .diag = w->diag,
	    .answers = {.names = pages->names}};
	struct buf rendered = {0};

	if (is_unchanged(&m))
		return ERR_OK;
	enum err err = read_page(&m);
	m.html = m.source;
	if (m.page->is_template && pages->b->site->lacks_data)
		return err; /* else names would be told as unknown */
	if (m.page->is_template && err == ERR_OK) {
		err = render(&m, &rendered);
		m.html = buf_str(&rendered);
	}
	if (err == ERR_OK)
		err = stage(&m);
	if (err == ERR_OK)
		remember(&m);
	buf_release(&rendered);
	answers_release(&m.answers);
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

	modules_name(b, buf_str(&page->named));
	return page->is_good ? out_note(&b->out, &file, b->diag) : ERR_OK;
}

/* --- the folder ------------------------------------------------------- */

/* What its file is called as a page; false for what is no page. */
static bool page_name(struct arena *a, struct str rel, struct page *page)
{
	page->own = rel;
	page->is_template = str_ends(rel, ".mustache");
	if (!page->is_template)
		return str_ends(rel, ".html");
	page->own = str_slice(rel, 0, rel.n - strlen(".mustache"));
	if (strcmp(out_type(page->own), "application/octet-stream") == 0)
		page->own = arena_printf(a, "%.*s.html", STR_ARG(page->own));
	return true;
}

/* Named as they are by whatever serves them. */
static bool has_fixed_name(const struct site *site, struct str own)
{
	return !str_ends(own, ".html") || str_is(own, "index.html") ||
	       str_ends(own, "/index.html") || str_is(own, "404.html") ||
	       str_eq(own, site_text(site, "site.not_found")) ||
	       str_eq(own, site_text(site, "site.fallback"));
}

/* Adds the page under the names that [site] urls gives it. */
static void add_page(struct pages *pages, struct page page)
{
	struct build *b = pages->b;
	struct str urls = site_text(b->site, "site.urls");
	bool as_file =
	    !str_is(urls, "folder") || has_fixed_name(b->site, page.own);
	bool as_folder =
	    !str_is(urls, "file") && !has_fixed_name(b->site, page.own);
	const struct value *said = site_value(b->site, "site.urls");

	/* where it is depends on the environment, whatever is in it */
	page.from_env =
	    said && said->from_env && !has_fixed_name(b->site, page.own);
	page.name = page.own;
	if (as_file) {
		lookup_add(&pages->by_name, page.name, pages->n);
		pages->list[pages->n++] = page;
	}
	if (!as_folder)
		return;
	if (!as_file)
		lookup_add(&pages->by_own, page.own, pages->n);
	page.is_second = as_file;
	page.name = arena_printf(b->arena, "%.*s/index.html",
	    STR_ARG(str_slice(page.own, 0, page.own.n - strlen(".html"))));
	lookup_add(&pages->by_name, page.name, pages->n);
	pages->list[pages->n++] = page;
}

static bool is_hidden(struct str rel)
{
	return str_starts(rel, ".") || memmem(rel.p, rel.n, "/.", 2) != NULL;
}

static enum err list_pages(struct pages *pages)
{
	struct build *b = pages->b;
	struct fs_list *list = arena_alloc(b->arena, sizeof(*list));
	size_t names = str_is(site_text(b->site, "site.urls"), "both") ? 2 : 1;
	enum err err = sources_all(b, "pages", list);

	lookup_init(&pages->by_name, b->arena);
	lookup_init(&pages->by_own, b->arena);
	pages->list =
	    arena_array(b->arena, list->n, names * sizeof(*pages->list));
	for (size_t i = 0; i < list->n; i++) {
		const struct fs_entry *e = &list->entries[i];
		struct page page = {.entry = e, .file = e->path};
		if (is_hidden(e->rel))
			continue;
		if (!page_name(b->arena, e->rel, &page)) {
			diag_warn(b->diag, POS_FILE(e->path), "not-a-page",
			    "pages are .html or .mustache; put other files "
			    "into assets/ or static/");
			continue;
		}
		add_page(pages, page);
	}
	for (size_t i = 0; i < pages->n; i++)
		pages->names += lookup_hash(pages->list[i].name) +
				3 * lookup_hash(pages->list[i].own);
	return err;
}

/* The page for what is not there, where the site has none of its own. */
static enum err put_404(struct pages *pages)
{
	struct build *b = pages->b;
	struct page page = {.file = "templates/pages/404.html.mustache",
	    .own = STR("404.html"),
	    .name = STR("404.html"),
	    .is_template = true};
	struct making m = {
	    .pages = pages, .page = &page, .arena = b->arena, .diag = b->diag};

	if (pages_have(pages, page.name))
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
	buf_release(&page.named);
	answers_release(&m.answers);
	return err;
}

static enum err worse(enum err a, enum err b)
{
	return a == ERR_OK || b == ERR_IO ? b : a;
}

enum err produce_pages(struct build *b)
{
	/* what is not there because of an error is not missed as well */
	struct pages pages = {.b = b,
	    .data = build_data(b),
	    .prefix = site_text(b->site, "prefix"),
	    .quiet = b->diag->errors > 0,
	    .own_policy = server_has_own_policy(b),
	    .names = answers_names(b)};
	enum err all = list_pages(&pages);

	/* another policy, other warnings */
	pages.names += pages.own_policy * lookup_hash(STR("own policy"));

	all = worse(all, build_each(b, "rendering", pages.n, make, &pages));
	for (size_t i = 0; i < pages.n; i++) {
		all = worse(all, note(&pages, &pages.list[i]));
		buf_release(&pages.list[i].named);
	}
	all = worse(all, put_404(&pages));
	return worse(all, modules_put(b));
}
