#include "generator/pages.h"

#include <string.h>

#include "generator/assets.h"
#include "generator/client.h"
#include "generator/html.h"
#include "generator/imports.h"
#include "generator/js-refs.h"
#include "generator/modules.h"
#include "generator/reference.h"

/*
 * What a page refers to: assets under their published names, other files as
 * they are, with a warning where there will be none; and the import map. A
 * page that is published in a folder of its own (guide.html as
 * guide/index.html) has its references from where it was written, so they lose
 * the relative form there.
 */

bool pages_have(const struct pages *pages, struct str name)
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
	struct str prefix = m->pages->prefix;

	if (name.n && !str_ends(name, "/") && pages_have(m->pages, name))
		return true;
	if (name.n == 0 || str_ends(name, "/"))
		return pages_have(m->pages,
		    arena_printf(m->arena, "%.*sindex.html", STR_ARG(name)));
	if (prefix.n && logical.n > prefix.n &&
	    str_eq(str_slice(logical, 0, prefix.n), prefix) &&
	    logical.p[prefix.n] == '/')
		return true;
	return str_is(name, "manifest.json") || str_is(name, "404.html") ||
	       pages_have(m->pages,
		   arena_printf(m->arena, "%.*s/index.html", STR_ARG(name)));
}

struct pos page_place(const struct making *m, struct str text, const char *at)
{
	const char *file = m->page->file;

	if (diag_is_full(m->diag))
		return POS_FILE(file);
	if (!m->page->is_template)
		return html_pos(m->html, file, at);
	const char *hit = text.n && m->source.n
			      ? memmem(m->source.p, m->source.n, text.p, text.n)
			      : NULL;
	return hit ? html_pos(m->source, file, hit) : POS_FILE(file);
}

static void missing(
    struct making *m, const struct html_ref *ref, struct str logical)
{
	const struct client_module *module = client_module_of(logical);

	m->tells = true;
	if (!m->pages->quiet)
		diag_warn(m->diag, page_place(m, ref->path, ref->at),
		    "missing-reference", "there will be no file %.*s; %s",
		    STR_ARG(logical),
		    module ? module->asked_by
			   : "write it, or correct the reference");
}

/* "/guide/" for "/guide.html", when that is guide/index.html. */
static struct str moved_page(const struct making *m, struct str logical)
{
	size_t i =
	    lookup_get(&m->pages->by_own, str_slice(logical, 1, logical.n));

	if (i == LOOKUP_NONE)
		return (struct str){0};
	struct str name = m->pages->list[i].name;
	return arena_printf(m->arena, "/%.*s",
	    STR_ARG(str_slice(name, 0, name.n - strlen("index.html"))));
}

/* What is no asset keeps its name; the page itself may have moved. */
static struct str other_reference(
    struct making *m, const struct html_ref *ref, struct str logical)
{
	struct str moved = moved_page(m, logical);

	if (moved.n)
		return moved;
	if (!ref->optional && !is_known(m, logical))
		missing(m, ref, logical);
	else if (!str_eq(m->page->own, m->page->name) &&
		 !str_starts(ref->path, "/"))
		return logical;
	return (struct str){0};
}

/* The page is another one when the map is. */
static void see_import_map(struct making *m)
{
	const struct build *b = m->pages->b;

	m->page->from_env |= b->import_map_from_env;
	answers_add(&m->answers, (struct str){0}, b->import_map);
}

/* What the page was told of a style sheet before that was rewritten. */
static void see_integrity(
    struct making *m, const struct html_ref *ref, struct str logical)
{
	const struct assets *assets = m->pages->b->assets;
	size_t i =
	    assets ? lookup_get(&assets->by_logical, logical) : LOOKUP_NONE;

	if (!ref->has_integrity || i == LOOKUP_NONE ||
	    !assets->list[i].is_rewritten)
		return;
	m->tells = true;
	diag_warn(m->diag, page_place(m, ref->path, ref->at), "stale-integrity",
	    "%.*s is rewritten when it is published, so browsers will refuse "
	    "it; leave `integrity` out",
	    STR_ARG(logical));
}

static struct str reference(void *ctx, const struct html_ref *ref)
{
	struct making *m = ctx;
	const struct build *b = m->pages->b;
	struct str logical =
	    reference_resolve(m->arena, m->page->own, ref->path);
	struct str published = build_published(b, logical);

	if (!published.n)
		return other_reference(m, ref, logical);
	const struct out_file *file =
	    out_find(&b->out, OUT_WWW, str_slice(published, 1, published.n));
	m->page->from_env |= file && file->from_env;
	answers_add(&m->answers, logical, published);
	see_integrity(m, ref, logical);
	if (ref->integrity) {
		see_import_map(m);
		*ref->integrity = modules_integrity(b, logical);
	}
	if (!str_eq(m->page->own, m->page->name))
		return published;
	return reference_rename(m->arena, ref->path, logical, published);
}

/* What a script in the page asks for by its stable name. */
static void named(void *ctx, struct str path)
{
	struct making *m = ctx;
	struct str logical = reference_resolve(m->arena, m->page->name, path);

	if (build_published(m->pages->b, logical).n)
		answers_name(&m->answers, logical);
}

static void imported(void *ctx, const struct js_import *import)
{
	struct making *m = ctx;
	const struct importing importing = {
	    .b = m->pages->b, .arena = m->arena, .from = m->page->name};
	bool is_bare = import->path.n == 0;
	struct str text;

	if (is_bare) {
		if (imports_is_mapped(importing.b, import->name))
			return;
		text = imports_bare_text(&importing, import->name);
	} else {
		struct str logical =
		    reference_resolve(m->arena, importing.from, import->path);
		if (build_published(importing.b, logical).n ||
		    is_known(m, logical))
			return;
		text = imports_missing_text(&importing, logical);
	}
	m->tells = true;
	diag_warn(m->diag, page_place(m, import->name, import->name.p),
	    is_bare ? "bare-import" : "missing-reference", "%.*s",
	    STR_ARG(text));
}

static bool has_text(struct str html, const char *text)
{
	return html.n && memmem(html.p, html.n, text, strlen(text));
}

/*
 * Where the policy is the site's own a script in a page is no mistake, but for
 * what it imports; not where the page itself may say what that is.
 */
static void script(void *ctx, struct str code)
{
	struct making *m = ctx;

	js_refs(m->arena, code, named, ctx);
	if (m->pages->own_policy && !m->pages->quiet && m->page->entry &&
	    !m->page->is_second && !has_text(m->html, "importmap") &&
	    !has_text(m->html, "<base"))
		js_imports(m->arena, code, imported, ctx);
}

/*
 * A page's own import map, which that of the site gives way to; a policy that
 * has the hash of none, or of another one, has browsers pass over it.
 */
static void tell_own_map(
    struct making *m, const struct html_modules *modules, bool has_site_map)
{
	bool is_lost = !m->pages->own_policy;

	if (!is_lost && !has_site_map)
		return;
	m->tells = true;
	diag_warn(m->diag,
	    page_place(m, STR("importmap"), m->html.p + modules->map_at),
	    "own-import-map", "this page has an import map of its own%s%s",
	    has_site_map ? ", so that of the site is left out; its modules are "
			   "loaded by their stable names, without integrity"
			 : "",
	    is_lost ? ", and the Content-Security-Policy of this site has "
		      "browsers pass over it; write its names below `imports` "
		      "in [client] instead"
		    : "");
}

/* The site's import map, before the first module. */
static void put_import_map(
    struct making *m, struct buf *out, const struct html_modules *modules)
{
	struct str map = m->pages->b->import_map;

	if (modules->at == SIZE_MAX)
		return;
	see_import_map(m);
	if (modules->has_map) {
		tell_own_map(m, modules, map.n > 0);
		return;
	}
	if (!map.n)
		return;
	size_t rest = out->len - modules->at;
	buf_put_str(out, map);
	memmove(out->data + modules->at + map.n, out->data + modules->at, rest);
	memcpy(out->data + modules->at, map.p, map.n);
}

void page_rewrite(struct making *m, struct buf *out)
{
	const struct html_refs refs = {.path = reference,
	    .script = script,
	    .inlined = page_inlined,
	    .ctx = m,
	    .base_url = m->pages->b->site->base_url};
	struct html_modules modules;

	html_rewrite(m->arena, m->html, &refs, out, &modules);
	put_import_map(m, out, &modules);
}
