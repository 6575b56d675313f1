#include "generator/pages.h"

#include <string.h>

/*
 * Warnings of what browsers will pass over in a page: what stands in it itself
 * and the policy of lowtide's own server configurations forbids, and modules
 * that are not loaded as such. Findings: `inline-script`, `inline-style`,
 * `inline-handler`, `module-type`.
 */
static const struct {
	const char *name, *what, *instead;
} forbidden[HTML_INLINE_KINDS] = {
    [HTML_INLINE_SCRIPT] = {"inline-script", "a script that stands in a page",
	"put it into a file below assets/ and name that: <script "
	"type=\"module\" src=\"/assets/page.mjs\"></script>"},
    [HTML_INLINE_STYLE] = {"inline-style", "a <style>",
	"put its rules into a file below assets/ and name that: <link "
	"rel=\"stylesheet\" href=\"/assets/page.css\">"},
    [HTML_INLINE_RULES] = {"inline-style", "a `style` attribute",
	"give the element a class, and a style sheet below assets/ the rule"},
    [HTML_INLINE_HANDLER] = {"inline-handler", "the attribute ",
	"have a script below assets/ call addEventListener()"},
};

static size_t find(struct str text, struct str what, size_t from)
{
	struct str rest = str_slice(text, from, text.n);
	const char *hit =
	    rest.n && what.n ? memmem(rest.p, rest.n, what.p, what.n) : NULL;

	return hit ? (size_t)(hit - text.p) : text.n;
}

/* In a template an element with values in it is found by its only tag. */
static struct pos place_of(
    const struct making *m, const struct html_inline *what)
{
	struct pos pos = page_place(m, what->text, what->text.p);
	size_t at = find(m->source, what->tag, 0);

	if (pos.line || diag_is_full(m->diag) || at == m->source.n ||
	    find(m->source, what->tag, at + 1) < m->source.n)
		return pos;
	return html_pos(m->source, m->page->file, m->source.p + at);
}

static void tell_forbidden(struct making *m, const struct html_inline *what)
{
	struct str name = what->name;
	const char *quote = name.n ? "`" : "";

	m->tells = true;
	diag_warn(m->diag, place_of(m, what), forbidden[what->kind].name,
	    "the Content-Security-Policy of this site has browsers pass over "
	    "%s%s%.*s%s; %s",
	    forbidden[what->kind].what, quote, STR_ARG(name), quote,
	    forbidden[what->kind].instead);
}

static void tell_untyped(struct making *m, const struct html_inline *what)
{
	m->tells = true;
	diag_warn(m->diag, page_place(m, what->text, what->text.p),
	    "module-type",
	    "%.*s is a module, and this tag loads it as a classic script, in "
	    "which `import` and `export` are errors; write type=\"module\"",
	    STR_ARG(what->text));
}

/* Told of a page's first name; the built-in ones have nothing to be told. */
void page_inlined(void *ctx, const struct html_inline *what)
{
	struct making *m = ctx;

	if (!m->page->entry || m->page->is_second)
		return;
	if (what->kind == HTML_UNTYPED_MODULE)
		tell_untyped(m, what);
	else if (!m->pages->own_policy)
		tell_forbidden(m, what);
}
