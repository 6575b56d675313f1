#include "generator/server.h"

#include <stdlib.h>

/*
 * url.rewrite-once for lighttpd: which path is which file, with the endings
 * left out that people need not write, and with the ending of the sibling for
 * those who take its coding. lighttpd sets headers before it looks for a file,
 * so a coding has to be certain beforehand: a file takes part only if it has
 * all codings that the site has.
 *
 * `?lowtide=br` marks what was rewritten. A client cannot: whatever it sends
 * behind `?` is dropped for files.
 */
struct files {
	struct build *b;
	struct arena *a;
	const struct out_file **list; /* below www, by path */
	struct str *paths;	      /* of their URLs */
	size_t n;
	bool has[ENCODING_COUNT]; /* codings of the site */
	bool any;
};

enum kind { STEM, INDEX, OTHER, KIND_COUNT };
static const struct {
	const char *ending; /* what is cut off the path */
	const char *before, *after, *to;
} kinds[KIND_COUNT] = {
    [STEM] = {".html", "^(", ")(?:\\.html)?(?:\\?.*)?$", "$1.html"},
    [INDEX] = {"/index.html", "^(", ")(?:/(?:index\\.html)?)?(?:\\?.*)?$",
	"$1/index.html"},
    [OTHER] = {"", "^(", ")(?:\\?.*)?$", "$1"},
};

static int by_path(const void *left, const void *right)
{
	const struct out_file *const *a = left, *const *b = right;

	return str_cmp((*a)->path, (*b)->path);
}

static enum kind kind_of(struct str path)
{
	for (enum kind k = INDEX;; k = STEM)
		if (str_ends(path, kinds[k].ending))
			return k;
		else if (k == STEM)
			return OTHER;
}

static bool is_coded(const struct files *f, size_t i)
{
	for (int e = 0; e < ENCODING_COUNT; e++)
		if (f->has[e] && f->list[i]->siblings[e].bytes == 0)
			return false;
	return f->any;
}

static void push(
    const struct files *f, struct value *rows, struct str from, struct str to)
{
	struct value *row = value_new(f->a, VALUE_TABLE, POS_NONE);

	value_set(f->a, row, STR("from"), POS_NONE,
	    value_string(f->a, from, POS_NONE));
	value_set(
	    f->a, row, STR("to"), POS_NONE, value_string(f->a, to, POS_NONE));
	value_push(f->a, rows, row);
}

static const char *suffix(bool coded)
{
	return coded ? ".%1?lowtide=%1" : "";
}

/* Rows for the files of one kind that `wants` picks, folder by folder. */
static void push_kind(const struct files *f, struct value *rows, enum kind kind,
    bool coded, bool (*wants)(const struct files *f, size_t i))
{
	struct str *paths = arena_array(f->a, f->n + 1, sizeof(*paths));
	size_t n = 0, used;

	for (size_t i = 0; i < f->n; i++) {
		struct str path = f->paths[i];
		if (kind_of(path) != kind || !wants(f, i))
			continue;
		path.n -= strlen(kinds[kind].ending);
		if (path.n)
			paths[n++] = path;
		else /* the root has no name to leave the '/' behind */
			push(f, rows, STR("^/(?:index\\.html)?(?:\\?.*)?$"),
			    arena_printf(f->a, "/index.html%s", suffix(coded)));
	}
	for (size_t i = 0; i < n; i += used) {
		struct str group = server_group(
		    f->a, paths + i, n - i, server_regex_raw, &used);
		push(f, rows,
		    arena_printf(f->a, "%s%.*s%s", kinds[kind].before,
			STR_ARG(group), kinds[kind].after),
		    arena_printf(f->a, "%s%s", kinds[kind].to, suffix(coded)));
	}
}

static bool any_file(const struct files *f, size_t i)
{
	(void)f, (void)i;
	return true;
}

static bool is_not_coded(const struct files *f, size_t i)
{
	return !is_coded(f, i);
}

static bool is_bare(const struct files *f, size_t i)
{
	return !server_has_ending(f->list[i]->path);
}

static struct value *push_rewrite(
    const struct files *f, struct value *rewrites, bool coded)
{
	struct value *one = value_new(f->a, VALUE_TABLE, POS_NONE);
	struct value *rows = value_new(f->a, VALUE_ARRAY, POS_NONE);

	value_set(f->a, one, STR("rows"), POS_NONE, rows);
	value_set(f->a, one, STR("alone"), POS_NONE,
	    value_bool(f->a, !f->any, POS_NONE));
	value_push(f->a, rewrites, one);
	for (enum kind k = 0; k < KIND_COUNT; k++)
		if (coded)
			push_kind(f, rows, k, true, is_coded);
	for (enum kind k = 0; k < OTHER; k++)
		push_kind(f, rows, k, false, coded ? is_not_coded : any_file);
	return one;
}

/* Anchored, so that alternatives are tried in our order, not the client's. */
static struct str accept(const struct files *f)
{
	static const struct {
		enum encoding encoding;
		const char *regex;
	} order[] = {{ENCODING_BR, "(br)"}, {ENCODING_ZST, "(zst)d"},
	    {ENCODING_GZ, "(gz)ip"}};
	struct buf out = {0};

	buf_puts(&out, "^(?|");
	for (size_t i = 0, n = 0; i < sizeof(order) / sizeof(*order); i++)
		if (f->has[order[i].encoding])
			buf_printf(&out,
			    "%s(?:.*[, ])?%s\\s*(?:,|$|;(?!\\s*q=0(?:\\.0*)?"
			    "\\s*(?:,|$)))",
			    n++ ? "|" : "", order[i].regex);
	buf_putc(&out, ')');
	struct str text = arena_str(f->a, buf_str(&out));
	buf_release(&out);
	return text;
}

static void set_fallback(
    const struct files *f, struct value *one, struct str page, bool coded)
{
	if (!page.n)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->list[i]->path, page))
			coded = coded && is_coded(f, i);
	value_set(f->a, one, STR("fallback_to"), POS_NONE,
	    value_string(f->a,
		arena_printf(f->a, "/%.*s%s", STR_ARG(page), suffix(coded)),
		POS_NONE));
}

void server_files(struct build *b, struct str fallback, struct value *data)
{
	struct files files = {.b = b, .a = b->arena};
	struct files *f = &files;
	struct value *rewrites = value_new(f->a, VALUE_ARRAY, POS_NONE);
	struct value *bare = value_new(f->a, VALUE_ARRAY, POS_NONE), *one;

	f->list =
	    arena_array(f->a, b->out.n + 1, sizeof(const struct out_file *));
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *file = &b->out.files[i];
		if (file->root != OUT_WWW || file->is_sibling)
			continue;
		f->list[f->n++] = file;
		for (int e = 0; e < ENCODING_COUNT; e++)
			f->has[e] |= file->siblings[e].bytes > 0;
	}
	for (int e = 0; e < ENCODING_COUNT; e++)
		f->any |= f->has[e];
	if (f->n)
		qsort(f->list, f->n, sizeof(*f->list), by_path);
	f->paths = arena_array(f->a, f->n + 1, sizeof(*f->paths));
	for (size_t i = 0; i < f->n; i++)
		f->paths[i] = arena_join(
		    f->a, 2, (const struct str[]){STR("/"), f->list[i]->path});
	for (int coded = f->any; coded >= 0; coded--) {
		one = push_rewrite(f, rewrites, coded);
		value_set(f->a, one, STR("accept"), POS_NONE,
		    value_string(
			f->a, coded ? accept(f) : (struct str){0}, POS_NONE));
		set_fallback(f, one, fallback, coded);
	}
	push_kind(f, bare, OTHER, false, is_bare);
	value_set(f->a, data, STR("rewrites"), POS_NONE, rewrites);
	value_set(f->a, data, STR("bare"), POS_NONE, bare);
}
