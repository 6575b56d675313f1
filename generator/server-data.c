#include "generator/server.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/url.h"

/*
 * What the templates of templates/server/ see. Everything that is a path comes
 * in the spellings that the servers compare with; a template only puts it into
 * quotes.
 *
 *   site id root port csp socket prefix api   plain values
 *   types[]      ending, type (bare), full (with its charset)
 *   texts[]      types that have a charset; any_texts
 *   exact[]      path, immutable: for nginx's map, a hash
 *   first[]      regex, immutable: the rest; the first that fits counts
 *   last[]       all of them as regex; the last that fits counts
 *   chain[]      the same once more; the first that fits counts
 *   shared[]     regex: what other origins' pages may read; shared_all is one
 *   redirects[]  from, regex, raw, plain; head, tail, splat, takes …
 *   codings[]    token, ending, suffix; the best first
 *   rewrites[]   for lighttpd, which cannot ask whether a file is there
 *
 * regex ends with \z or '/', so that a template may not put anything behind it;
 * coded is the same with the endings of compressed siblings.
 */
#define PORT 8080	       /* when base_url is not on loopback */
#define READ_SLACK_MS 15000    /* above the longest wait of any API */
#define BODY_MIN (1024 * 1024) /* below it our own 413 answers … */
#define BODY_SLACK (64 * 1024) /* … and a little above the caps */
#define ROOT "www"	       /* below the output folder */
/*
 * nginx's map keeps keys without regard to case, in buckets of 64 bytes unless
 * told otherwise, which only the owner of http{} can do.
 */
#define NGINX_KEY_MAX 46

const char *const server_shared_endings[] = {
    ".mjs", ".woff2", ".woff", ".ttf", ".otf", NULL};

struct data {
	struct build *b;
	struct arena *a;
	struct value *root;
	const struct server_spelling *spelling;
};

/* --- values ------------------------------------------------------------ */

static void set(
    const struct data *d, struct value *table, const char *key, struct value *v)
{
	value_set(d->a, table, str_of(key), POS_NONE, v);
}

static void set_text(
    const struct data *d, struct value *table, const char *key, struct str text)
{
	set(d, table, key, value_string(d->a, text, POS_NONE));
}

static void set_flag(
    const struct data *d, struct value *table, const char *key, bool is)
{
	set(d, table, key, value_bool(d->a, is, POS_NONE));
}

static void set_int(
    const struct data *d, struct value *table, const char *key, int64_t n)
{
	set(d, table, key, value_int(d->a, n, POS_NONE));
}

static struct value *set_array(const struct data *d, const char *key)
{
	struct value *array = value_new(d->a, VALUE_ARRAY, POS_NONE);

	set(d, d->root, key, array);
	return array;
}

static struct value *push_row(const struct data *d, struct value *array)
{
	struct value *row = value_new(d->a, VALUE_TABLE, POS_NONE);

	value_push(d->a, array, row);
	return row;
}

/* What a function of server-text.c makes of a text. */
static struct str made(const struct data *d,
    void (*put)(struct buf *out, struct str text), struct str text)
{
	struct buf out = {0};

	put(&out, text);
	struct str copy = arena_str(d->a, buf_str(&out));
	buf_release(&out);
	return copy;
}

/* --- rules of paths ---------------------------------------------------- */

static const char coded_endings[] = "(?:\\.(?:br|zst|gz))?";

static void push_regex(const struct data *d, struct value *array,
    struct str regex, bool is_folder, bool immutable)
{
	struct value *row = push_row(d, array);
	const char *end = is_folder ? "" : "\\z";

	set_text(d, row, "regex",
	    arena_printf(d->a, "^%.*s%s", STR_ARG(regex), end));
	set_text(d, row, "coded",
	    arena_printf(d->a, "^%.*s%s%s", STR_ARG(regex),
		is_folder ? "" : coded_endings, end));
	set_flag(d, row, "immutable", immutable);
}

static bool is_plain(struct str path)
{
	if (path.n > NGINX_KEY_MAX)
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '$' || isupper((unsigned char)path.p[i]))
			return false;
	return true;
}

/* Regular expressions for rules [from, to), which are all files. */
static void push_groups(const struct data *d, struct value *array,
    const struct path_rule *rules, size_t n, bool skip_plain)
{
	struct str *paths = arena_array(d->a, n + 1, sizeof(*paths));

	for (size_t is = 0; is < 2; is++) {
		size_t count = 0, used;
		for (size_t i = 0; i < n; i++)
			if (rules[i].immutable == (is == 1) &&
			    !(skip_plain && is_plain(rules[i].path)))
				paths[count++] = rules[i].path;
		for (size_t i = 0; i < count; i += used)
			push_regex(d, array,
			    server_group(d->a, paths + i, count - i,
				server_regex, &used),
			    false, is == 1);
	}
}

static void set_rules(const struct data *d)
{
	struct path_rules rules;
	struct value *exact = set_array(d, "exact"),
		     *first = set_array(d, "first"),
		     *last = set_array(d, "last"),
		     *chain = set_array(d, "chain");
	size_t folders = 0;

	server_rules(d->a, &d->b->out, &rules);
	while (folders < rules.n && rules.items[folders].is_folder)
		folders++;
	const struct path_rule *files = rules.items + folders;
	size_t n = rules.n - folders;
	for (size_t i = 0; i < n; i++) {
		if (!is_plain(files[i].path))
			continue;
		struct value *row = push_row(d, exact);
		set_text(d, row, "path", files[i].path);
		set_flag(d, row, "immutable", files[i].immutable);
	}
	push_groups(d, first, files, n, true);
	push_groups(d, chain, files, n, false);
	for (size_t i = 0; i < folders; i++) {
		const struct path_rule *up = &rules.items[i],
				       *down = &rules.items[folders - 1 - i];
		push_regex(d, last, made(d, server_regex, up->path), true,
		    up->immutable);
		push_regex(d, first, made(d, server_regex, down->path), true,
		    down->immutable);
		push_regex(d, chain, made(d, server_regex, down->path), true,
		    down->immutable);
	}
	push_groups(d, last, files, n, false);
	for (size_t i = 0; i < chain->as.array.n; i++)
		set_flag(d, chain->as.array.items[i], "head", i == 0);
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

bool server_is_named_shared(const struct build *b, const struct out_file *f)
{
	return f->root == OUT_WWW && !f->is_sibling &&
	       (is_catalogue(b->site, f->path) || is_made_pointer(b, f));
}

/* Modules and fonts are told by their endings, which is what makes them so. */
static void set_shared_all(const struct data *d, const struct value *shared)
{
	struct buf all = {0};

	for (size_t i = 0; i < shared->as.array.n; i++) {
		buf_puts(&all, i ? "|" : "");
		buf_put_str(
		    &all, value_text(shared->as.array.items[i], "coded"));
	}
	set_text(d, d->root, "shared_all", arena_str(d->a, buf_str(&all)));
	buf_release(&all);
}

static void set_shared(const struct data *d)
{
	struct value *shared = set_array(d, "shared");
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
			    made(d, server_regex,
				arena_printf(d->a, "/%.*s", STR_ARG(f->path))),
			    false, false);
	}
	set_shared_all(d, shared);
}

/* The best of those that a client takes is the first. */
static void set_codings(const struct data *d)
{
	static const enum encoding order[] = {
	    ENCODING_BR, ENCODING_ZST, ENCODING_GZ};
	struct value *codings = set_array(d, "codings");

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const struct encoding_row *e = &encoding_rows[order[i]];
		struct value *row = push_row(d, codings);
		set_text(d, row, "token", str_of(e->token));
		set_text(d, row, "ending", str_of(e->ending));
		set_text(d, row, "suffix", str_of(e->ending + 1));
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
	char *ending = arena_cstr(a, str_slice(path, dot, path.n));
	for (char *c = ending; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return str_of(ending);
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
static void set_types(const struct data *d)
{
	struct value *types = set_array(d, "types"),
		     *texts = set_array(d, "texts");

	for (size_t i = 0; i < d->b->out.n; i++) {
		const struct out_file *f = &d->b->out.files[i];
		struct str full = str_of(f->type);
		if (f->root != OUT_WWW || f->is_sibling || is_octets(f))
			continue;
		struct str ending = ending_of(d->a, f->path);
		if (ending.n == 0 || has(types, "ending", ending))
			continue;
		struct value *row = push_row(d, types);
		struct str type = str_slice(full, 0, str_find(full, ';', 0));
		set_text(d, row, "ending", ending);
		set_text(d, row, "regex", made(d, server_regex, ending));
		set_text(d, row, "type", type);
		set_text(d, row, "full", full);
		/* nginx adds text/html to charset_types by itself */
		if (type.n < full.n && !str_is(type, "text/html") &&
		    !has(texts, "type", type))
			set_text(d, push_row(d, texts), "type", type);
	}
	set_flag(d, d->root, "any_texts", texts->as.array.n > 0);
}

/* --- redirects --------------------------------------------------------- */

/* With the sign that the server takes for one '%' of a target. */
static struct str percents(const struct data *d, struct str text)
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

static void set_redirects(const struct data *d, const struct redirects *all)
{
	struct value *rows = set_array(d, "redirects");
	bool splats = false;

	for (size_t i = 0; i < all->n; i++) {
		const struct redirect *r = &all->items[i];
		struct value *row = push_row(d, rows);
		set_text(d, row, "from", r->from);
		set_flag(
		    d, row, "plain", str_find(r->from, '$', 0) == r->from.n);
		set_text(d, row, "regex", made(d, server_regex, r->from));
		set_text(d, row, "raw", made(d, server_regex_raw, r->from));
		set_text(d, row, "head", percents(d, r->head));
		set_text(d, row, "tail", percents(d, r->tail));
		set_flag(d, row, "splat", r->is_splat);
		set_flag(d, row, "takes", r->takes_splat);
		set_flag(d, row, "query", r->keeps_query);
		set_int(d, row, "status", r->status);
		splats |= r->takes_splat;
	}
	set_flag(d, d->root, "any_splats", splats);
}

/* --- the APIs ---------------------------------------------------------- */

/*
 * A problem that a server answers by itself, as the endpoint would; status 0
 * is the problem's own. Only nginx can answer 503 where it would say 502.
 */
static struct str problem(const struct data *d, const char *type, int status)
{
	static const struct row {
		const char *type;
		int status;
		const char *title, *detail;
	} rows[] = {
#define PROBLEM(name, type, status, title, detail)                             \
	{type, status, title, detail},
#include "lib/problem.def"
#undef PROBLEM
	};
	struct buf json = {0};
	struct json_writer w = {.out = &json};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		if (strcmp(r->type, type) != 0)
			continue;
		json_open(&w, '{');
		json_key(&w, "type");
		/* pages are where the site is, as the endpoint has it */
		json_string(
		    &w, arena_printf(d->a, "%.*s/problems/%s",
			    STR_ARG(d->b->site->api_url.n ? d->b->site->base_url
							  : (struct str){0}),
			    r->type));
		json_key(&w, "title");
		json_string(&w, str_of(r->title));
		json_key(&w, "status");
		json_int(&w, status ? status : r->status);
		json_key(&w, "detail");
		json_string(&w, str_of(r->detail));
		json_key(&w, "error");
		json_string(&w, str_of(r->type));
		json_key(&w, "message");
		json_string(&w, str_of(r->detail));
		json_close(&w, '}');
	}
	struct str text = arena_str(d->a, buf_str(&json));
	buf_release(&json);
	return text;
}

static void set_api(const struct data *d)
{
	const struct config *config = d->b->config;
	int64_t body = BODY_MIN, wait = 0;

	set_flag(d, d->root, "api", config && config->n_apis > 0);
	if (!config || config->n_apis == 0)
		return;
	for (size_t i = 0; i < config->n_apis; i++) {
		const struct api *api = &config->apis[i];
		if (api->body_max + BODY_SLACK > body)
			body = api->body_max + BODY_SLACK;
		if (api->wait_max_ms > wait)
			wait = api->wait_max_ms;
	}
	set_text(d, d->root, "prefix", config->prefix);
	set_text(
	    d, d->root, "prefix_regex", made(d, server_regex, config->prefix));
	set_text(d, d->root, "too_large", problem(d, "payload-too-large", 0));
	set_text(d, d->root, "away", problem(d, "store-unavailable", 0));
	set_text(d, d->root, "away_502", problem(d, "store-unavailable", 502));
	set_text(d, d->root, "away_504", problem(d, "store-unavailable", 504));
	set_int(d, d->root, "body_max", body);
	set_int(d, d->root, "body_max_kb", (body + 1023) / 1024);
	set_int(d, d->root, "read_timeout_s", (wait + READ_SLACK_MS) / 1000);
	set_text(d, d->root, "socket",
	    d->b->socket ? str_of(d->b->socket)
			 : arena_printf(d->a, "/run/lowtide/%.*s/cgi.sock",
			       STR_ARG(d->b->site->name)));
}

/* --- the rest ---------------------------------------------------------- */

/* Pages load from here alone, and talk to the APIs where those are. */
struct str server_policy(struct build *b)
{
	struct url api;
	struct str also = {0};

	if (b->site->api_url.n &&
	    url_split(b->arena, b->site->api_url, &api) == ERR_OK)
		also = api.port ? arena_printf(b->arena, " %.*s://%.*s:%u",
				      STR_ARG(api.scheme), STR_ARG(api.host),
				      api.port)
				: arena_printf(b->arena, " %.*s://%.*s",
				      STR_ARG(api.scheme), STR_ARG(api.host));
	struct str scripts = {0};
	if (b->import_map_source.n)
		scripts = arena_printf(b->arena, " script-src 'self' %.*s;",
		    STR_ARG(b->import_map_source));
	return arena_printf(b->arena,
	    "default-src 'self';%.*s connect-src 'self'%.*s; "
	    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
	    STR_ARG(scripts), STR_ARG(also));
}

static int64_t example_port(struct build *b)
{
	struct url base;

	if (url_split(b->arena, b->site->base_url, &base) == ERR_OK &&
	    url_is_loopback(&base) && base.port)
		return base.port;
	return PORT;
}

/* Variables know letters, digits and '_' only. */
static struct str identifier(const struct data *d, struct str name)
{
	char *id = arena_cstr(d->a, name);

	for (char *c = id; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return str_of(id);
}

/* Powers of two that nginx is content with, for the example's own http{}. */
static void set_map_sizes(const struct data *d)
{
	int64_t max = 2048;
	size_t n = value_get(d->root, "exact")->as.array.n;

	while ((size_t)max < 4 * n)
		max *= 2;
	set_int(d, d->root, "map_max", max);
}

struct value *server_data(struct build *b, const struct redirects *redirects,
    const struct server_spelling *spelling)
{
	struct data data = {.b = b,
	    .a = b->arena,
	    .root = value_new(b->arena, VALUE_TABLE, POS_NONE),
	    .spelling = spelling};
	const struct data *d = &data;
	struct str not_found = STR("404.html"), fallback = {0};

	set_text(d, d->root, "site", b->site->name);
	set_text(d, d->root, "id", identifier(d, b->site->name));
	set_text(d, d->root, "csp", server_policy(b));
	set_text(d, d->root, "year", STR(SERVER_YEAR));
	set_text(d, d->root, "root", str_of(b->root ? b->root : ROOT));
	set_flag(d, d->root, "absolute",
	    str_starts(value_text(d->root, "root"), "/"));
	set_int(d, d->root, "port", example_port(b));
	set_flag(d, d->root, "brotli", site_flag(b->site, "server.brotli"));
	set_types(d);
	set_rules(d);
	set_shared(d);
	set_redirects(d, redirects);
	set_map_sizes(d);
	set_api(d);
	/* said already if there is no such page */
	struct str page;
	if (server_page(b, "site.not_found", &page) == ERR_OK && page.n)
		not_found = page;
	if (server_page(b, "site.fallback", &page) == ERR_OK)
		fallback = page;
	set_text(d, d->root, "not_found", not_found);
	set_text(d, d->root, "fallback", fallback);
	set_codings(d);
	server_files(b, fallback, d->root);
	return d->root;
}
