#include "generator/server-data.h"

#include <ctype.h>
#include <strings.h>

/* Which path is what: rules, media types, redirects. */

/*
 * nginx's map keeps keys without regard to case, in buckets of 64 bytes unless
 * told otherwise, which only the owner of http{} can do.
 */
#define NGINX_KEY_MAX 46

const char *const server_shared_endings[] = {
    ".mjs", ".woff2", ".woff", ".ttf", ".otf", NULL};

static void push_regex(const struct server_ctx *d, struct value *array,
    struct str regex, bool is_folder, bool immutable)
{
	struct value *row = data_row(d, array);
	const char *end = is_folder ? "" : "\\z";

	data_text(d, row, "regex",
	    arena_printf(d->a, "^%.*s%s", STR_ARG(regex), end));
	data_text(d, row, "coded",
	    arena_printf(d->a, "^%.*s%s%s", STR_ARG(regex),
		is_folder ? "" : SERVER_CODED_ENDINGS, end));
	data_flag(d, row, "immutable", immutable);
}

static struct str lower(struct arena *a, struct str text)
{
	char *copy = arena_cstr(a, text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return (struct str){.p = copy, .n = text.n};
}

static bool has_upper(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (isupper((unsigned char)text.p[i]))
			return true;
	return false;
}

/* Paths that are somebody's lower case, and so no keys of nginx's. */
void server_find_lowered(struct server_ctx *d)
{
	lookup_init(&d->lowered, d->a);
	for (size_t i = 0; i < d->b->out.n; i++) {
		const struct out_file *f = &d->b->out.files[i];
		if (f->root == OUT_WWW && has_upper(f->path))
			lookup_add(&d->lowered,
			    lower(d->a,
				arena_join(d->a, 2,
				    (const struct str[]){STR("/"), f->path})),
			    i);
	}
}

static bool is_plain(const struct server_ctx *d, struct str path)
{
	return path.n <= NGINX_KEY_MAX && str_find(path, '$', 0) == path.n &&
	       !has_upper(path) && lookup_get(&d->lowered, path) == LOOKUP_NONE;
}

/* Regular expressions for rules [from, to), which are all files. */
static void push_groups(const struct server_ctx *d, struct value *array,
    const struct path_rule *rules, size_t n, bool skip_plain)
{
	struct str *paths = arena_array(d->a, n + 1, sizeof(*paths));

	for (size_t is = 0; is < 2; is++) {
		size_t count = 0, used;
		for (size_t i = 0; i < n; i++)
			if (rules[i].immutable == (is == 1) &&
			    !(skip_plain && is_plain(d, rules[i].path)))
				paths[count++] = rules[i].path;
		for (size_t i = 0; i < count; i += used)
			push_regex(d, array,
			    server_group(d->a, paths + i, count - i,
				server_regex, &used),
			    false, is == 1);
	}
}

void server_set_rules(const struct server_ctx *d)
{
	struct path_rules rules;
	struct value *exact = data_array(d, "exact"),
		     *first = data_array(d, "first"),
		     *last = data_array(d, "last"),
		     *chain = data_array(d, "chain");
	size_t folders = 0;

	server_rules(d->a, &d->b->out, &rules);
	while (folders < rules.n && rules.items[folders].is_folder)
		folders++;
	const struct path_rule *files = rules.items + folders;
	size_t n = rules.n - folders;
	for (size_t i = 0; i < n; i++) {
		if (!is_plain(d, files[i].path))
			continue;
		struct value *row = data_row(d, exact);
		data_text(d, row, "path", files[i].path);
		data_flag(d, row, "immutable", files[i].immutable);
	}
	push_groups(d, first, files, n, true);
	push_groups(d, chain, files, n, false);
	for (size_t i = 0; i < folders; i++) {
		const struct path_rule *up = &rules.items[i],
				       *down = &rules.items[folders - 1 - i];
		push_regex(d, last, data_made(d, server_regex, up->path), true,
		    up->immutable);
		push_regex(d, first, data_made(d, server_regex, down->path),
		    true, down->immutable);
		push_regex(d, chain, data_made(d, server_regex, down->path),
		    true, down->immutable);
	}
	push_groups(d, last, files, n, false);
	for (size_t i = 0; i < chain->as.array.n; i++)
		data_flag(d, chain->as.array.items[i], "head", i == 0);
}

static bool is_catalogue(const struct site *site, struct str path)
{
	/* NAME.json, NAME-vVERSION.toml or .json */
	for (size_t i = 0; i < site->n_catalogues; i++) {
		const struct catalogue *c = &site->catalogues[i];
		struct str rest = str_slice(path, c->name.n, path.n);
		if (!str_eq(str_slice(path, 0, c->name.n), c->name))
			continue;
		if (str_is(rest, ".json"))
			return true;
		if (!str_starts(rest, "-v"))
			continue;
		rest = str_slice(rest, 2, rest.n);
		if (!str_eq(str_slice(rest, 0, c->version.n), c->version))
			continue;
		rest = str_slice(rest, c->version.n, rest.n);
		if (str_is(rest, ".toml") || str_is(rest, ".json"))
			return true;
	}
	return false;
}

/* What was made here, and changes under its name: openapi.json and the like. */
static bool is_made_pointer(const struct build *b, const struct out_file *f)
{
	return f->class == OUT_POINTER && !str_starts(f->path, "assets/") &&
	       !str_starts(f->path, "_") && /* _headers, _redirects */
	       !server_is_from(b, f, "static") &&
	       !server_is_from(b, f, "pages");
}

/* FONT.TTF: a font, but servers tell paths by case, so it gets its own rule. */
static bool ends_in_another_case(struct str path)
{
	for (size_t i = 0; server_shared_endings[i]; i++) {
		size_t n = strlen(server_shared_endings[i]);
		if (path.n > n && !str_ends(path, server_shared_endings[i]) &&
		    strncasecmp(
			path.p + path.n - n, server_shared_endings[i], n) == 0)
			return true;
	}
	return false;
}

bool server_is_named_shared(const struct build *b, const struct out_file *f)
{
	return f->root == OUT_WWW && !f->is_sibling &&
	       (is_catalogue(b->site, f->path) || is_made_pointer(b, f) ||
		   ends_in_another_case(f->path));
}

/* Modules and fonts are told by their endings, which is what makes them so. */
static void set_shared_all(
    const struct server_ctx *d, const struct value *shared)
{
	struct buf all = {0};

	for (size_t i = 0; i < shared->as.array.n; i++) {
		buf_puts(&all, i ? "|" : "");
		buf_put_str(
		    &all, value_text(shared->as.array.items[i], "coded"));
	}
	data_text(d, d->root, "shared_all", arena_str(d->a, buf_str(&all)));
	buf_release(&all);
}

/*
 * Versions that earlier releases published stay for those who have their names
 * from an older pointer, from another origin as well.
 */
static void push_versions(const struct server_ctx *d, struct value *shared)
{
	for (size_t i = 0; i < d->b->site->n_catalogues; i++) {
		struct str path = arena_printf(
		    d->a, "/%.*s-v", STR_ARG(d->b->site->catalogues[i].name));
		push_regex(d, shared,
		    arena_printf(d->a,
			"%.*s[0-9]+\\.[0-9]+\\.[0-9]+[-+.0-9A-Za-z]*"
			"\\.(?:toml|json)",
			STR_ARG(data_made(d, server_regex, path))),
		    false, false);
	}
}

void server_set_shared(const struct server_ctx *d)
{
	struct value *shared = data_array(d, "shared");
	struct buf endings = {0};

	for (size_t i = 0; server_shared_endings[i]; i++) {
		buf_puts(&endings, i ? "|" : "");
		buf_puts(&endings, server_shared_endings[i] + 1);
	}
	push_regex(d, shared, arena_printf(d->a, ".*\\.(?:%s)", endings.data),
	    false, false);
	buf_release(&endings);
	for (size_t i = 0; i < d->b->out.n; i++) {
		const struct out_file *f = &d->b->out.files[i];
		if (server_is_named_shared(d->b, f))
			push_regex(d, shared,
			    data_made(d, server_regex,
				arena_printf(d->a, "/%.*s", STR_ARG(f->path))),
			    false, false);
	}
	push_versions(d, shared);
	set_shared_all(d, shared);
}

/* By the file: servers have found it by the time that they set headers. */
void server_set_callbacks(const struct server_ctx *d)
{
	struct value *rows = data_array(d, "callbacks");
	struct callbacks all;

	server_callbacks(d->b, &all);
	for (size_t i = 0; i < all.n; i++)
		push_regex(d, rows,
		    data_made(d, server_regex,
			arena_printf(
			    d->a, "/%.*s", STR_ARG(all.items[i].file))),
		    false, false);
	data_flag(d, d->root, "any_callbacks", all.n > 0);
	data_text(d, d->root, "referrer", STR(SERVER_REFERRER));
	data_text(
	    d, d->root, "referrer_callback", STR(SERVER_REFERRER_CALLBACK));
}

/* The best of those that a client takes is the first. */
void server_set_codings(const struct server_ctx *d)
{
	static const enum encoding order[] = {
	    ENCODING_BR, ENCODING_ZST, ENCODING_GZ};
	struct value *codings = data_array(d, "codings");

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const struct encoding_row *e = &encoding_rows[order[i]];
		struct value *row = data_row(d, codings);
		data_text(d, row, "token", str_of(e->token));
		data_text(d, row, "ending", str_of(e->ending));
		data_text(d, row, "suffix", str_of(e->ending + 1));
	}
}

/* --- media types ------------------------------------------------------- */

static struct str ending_of(struct arena *a, struct str path)
{
	size_t dot = path.n;

	while (dot > 0 && path.p[dot - 1] != '.' && path.p[dot - 1] != '/')
		dot--;
	if (dot == 0 || path.p[dot - 1] != '.')
		return (struct str){0};
	return lower(a, str_slice(path, dot, path.n));
}

static bool has(const struct value *rows, const char *key, struct str text)
{
	for (size_t i = 0; i < rows->as.array.n; i++)
		if (str_eq(value_text(rows->as.array.items[i], key), text))
			return true;
	return false;
}

static bool is_octets(const struct out_file *f)
{
	return strcmp(f->type, "application/octet-stream") == 0;
}

/* The endings that occur; what has none of them is application/octet-stream. */
void server_set_types(const struct server_ctx *d)
{
	struct value *types = data_array(d, "types"),
		     *texts = data_array(d, "texts");

	for (size_t i = 0; i < d->b->out.n; i++) {
		const struct out_file *f = &d->b->out.files[i];
		struct str full = str_of(f->type);
		if (f->root != OUT_WWW || f->is_sibling || is_octets(f))
			continue;
		struct str ending = ending_of(d->a, f->path);
		if (ending.n == 0 || has(types, "ending", ending))
			continue;
		struct value *row = data_row(d, types);
		struct str type = str_slice(full, 0, str_find(full, ';', 0));
		data_text(d, row, "ending", ending);
		data_text(d, row, "regex", data_made(d, server_regex, ending));
		data_text(d, row, "type", type);
		data_text(d, row, "full", full);
		/* nginx adds text/html to charset_types by itself */
		if (type.n < full.n && !str_is(type, "text/html") &&
		    !has(texts, "type", type))
			data_text(d, data_row(d, texts), "type", type);
	}
	data_flag(d, d->root, "any_texts", texts->as.array.n > 0);
}

/* --- redirects --------------------------------------------------------- */

/* With the sign that the server takes for one '%' of a target. */
static struct str percents(const struct server_ctx *d, struct str text)
{
	struct buf out = {0};

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%')
			buf_puts(&out, d->spelling->percent);
		else
			buf_putc(&out, text.p[i]);
	}
	struct str copy = arena_str(d->a, buf_str(&out));
	buf_release(&out);
	return copy;
}

void server_set_redirects(
    const struct server_ctx *d, const struct redirects *all)
{
	struct value *rows = data_array(d, "redirects");
	bool splats = false;

	for (size_t i = 0; i < all->n; i++) {
		const struct redirect *r = &all->items[i];
		struct value *row = data_row(d, rows);
		data_text(d, row, "from", r->from);
		data_flag(
		    d, row, "plain", str_find(r->from, '$', 0) == r->from.n);
		data_text(d, row, "regex", data_made(d, server_regex, r->from));
		data_text(
		    d, row, "raw", data_made(d, server_regex_raw, r->from));
		data_text(d, row, "head", percents(d, r->head));
		data_text(d, row, "tail", percents(d, r->tail));
		data_flag(d, row, "splat", r->is_splat);
		data_flag(d, row, "takes", r->takes_splat);
		data_flag(d, row, "query", r->keeps_query);
		data_int(d, row, "status", r->status);
		splats |= r->takes_splat;
	}
	data_flag(d, d->root, "any_splats", splats);
}
