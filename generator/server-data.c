#include "generator/server-data.h"

#include <ctype.h>
#include <stdlib.h>

#include "generator/client.h"
#include "lib/json.h"
#include "lib/url.h"

/*
 * What the templates of templates/server/ see. Everything that is a path comes
 * in the spellings that the servers compare with; a template only puts it into
 * quotes.
 *
 *   site id root port socket prefix api   plain values
 *   types[]      ending, type (bare), full (with its charset)
 *   texts[]      types that have a charset; any_texts
 *   exact[]      path, immutable: for nginx's map, a hash
 *   first[]      regex, immutable: the rest; the first that fits counts
 *   last[]       all of them as regex; the last that fits counts
 *   chain[]      the same once more; the first that fits counts
 *   shared[]     regex: what other origins' pages may read; shared_all is one
 *   callbacks[]  regex: pages that providers send people back to; any_callbacks
 *   referrer referrer_callback   the policy of all pages, and of those
 *   csp csp_script scripts plain looks[]   server-policy.c
 *   redirects[]  from, regex, raw, plain; head, tail, splat, takes …
 *   codings[]    token, ending, suffix; the best first
 *   rewrites[]   for lighttpd, which cannot ask whether a file is there
 *   socket_read   lowtide-read's; which requests are its own: server-reads.c
 *   owner …      who has to be somebody: server-owner.c
 *   stop_s …     the units of this site: server-worker.c
 *
 * regex ends with \z or '/', so that a template may not put anything behind it;
 * coded is the same with the endings of compressed siblings.
 */
#define PORT 8080	       /* when base_url is not on loopback */
#define READ_SLACK_MS 15000    /* above the longest wait, or deadline */
#define READ_MIN_MS 45000      /* streams say something every 15 s */
#define BODY_MIN (1024 * 1024) /* below it our own 413 answers … */
#define BODY_SLACK (64 * 1024) /* … and a little above the caps */
#define ROOT "www"	       /* below the output folder */

/* --- values ------------------------------------------------------------ */

void data_set(const struct server_ctx *d, struct value *table, const char *key,
    struct value *v)
{
	value_set(d->a, table, str_of(key), POS_NONE, v);
}

void data_text(const struct server_ctx *d, struct value *table, const char *key,
    struct str text)
{
	data_set(d, table, key, value_string(d->a, text, POS_NONE));
}

void data_flag(
    const struct server_ctx *d, struct value *table, const char *key, bool is)
{
	data_set(d, table, key, value_bool(d->a, is, POS_NONE));
}

void data_int(
    const struct server_ctx *d, struct value *table, const char *key, int64_t n)
{
	data_set(d, table, key, value_int(d->a, n, POS_NONE));
}

struct value *data_array(const struct server_ctx *d, const char *key)
{
	struct value *array = value_new(d->a, VALUE_ARRAY, POS_NONE);

	data_set(d, d->root, key, array);
	return array;
}

struct value *data_row(const struct server_ctx *d, struct value *array)
{
	struct value *row = value_new(d->a, VALUE_TABLE, POS_NONE);

	value_push(d->a, array, row);
	return row;
}

struct str data_made(const struct server_ctx *d,
    void (*put)(struct buf *out, struct str text), struct str text)
{
	struct buf out = {0};

	put(&out, text);
	struct str copy = arena_str(d->a, buf_str(&out));
	buf_release(&out);
	return copy;
}

/* --- the APIs ---------------------------------------------------------- */

/* What the endpoint never says, and so has no page. */
#define BLANK "uri-too-long"
#define AWAY "store-unavailable"

/*
 * A problem that a server answers by itself, as the endpoint would; status 0
 * is the problem's own. Only nginx can answer 503 where it would say 502.
 */
static struct str problem(
    const struct server_ctx *d, const char *name, int status)
{
	static const struct row {
		const char *name;
		int status;
		const char *title, *detail;
	} rows[] = {
#define PROBLEM(name, type, status, title, detail)                             \
	{type, status, title, detail},
#include "lib/problem.def"
#undef PROBLEM
	    {BLANK, 414, "URI Too Long",
		"The address is longer than this server takes."},
	};
	struct buf json = {0};
	struct json_writer w = {.out = &json};
	const struct row *r = rows;
	/* pages are where the site is, as the endpoint has it */
	struct str type = arena_printf(d->a, "%.*s/problems/%s",
	    STR_ARG(
		d->b->site->api_url.n ? d->b->site->base_url : (struct str){0}),
	    name);

	while (strcmp(r->name, name) != 0)
		r++;
	struct str detail = str_of(r->detail);
	/* a server does not know which of the two is away */
	if (d->b->config->n_reads && strcmp(name, AWAY) == 0)
		detail = STR("Who answers here is away; try again later.");
	json_open(&w, '{');
	json_key(&w, "type");
	json_string(&w, strcmp(name, BLANK) != 0 ? type : STR("about:blank"));
	json_key(&w, "title");
	json_string(&w, str_of(r->title));
	json_key(&w, "status");
	json_int(&w, status ? status : r->status);
	json_key(&w, "detail");
	json_string(&w, detail);
	json_key(&w, "error");
	json_string(&w, str_of(r->name));
	json_key(&w, "message");
	json_string(&w, detail);
	json_close(&w, '}');
	struct str text = arena_str(d->a, buf_str(&json));
	buf_release(&json);
	return text;
}

static void set_origins(const struct server_ctx *d)
{
	const struct strs *origins = &d->b->config->origins;
	struct value *rows = data_array(d, "origins");

	for (size_t i = 0; i < origins->n; i++) {
		struct value *row = data_row(d, rows);
		data_text(d, row, "origin", origins->items[i]);
		data_flag(d, row, "head", i == 0);
	}
	data_flag(d, d->root, "any_origins", origins->n > 0);
	data_flag(d, d->root, "credentials", d->b->config->credentials);
}

/* What a server answers by itself: 502 and 504 where it cannot say 503. */
static void set_problems(const struct server_ctx *d)
{
	static const struct {
		const char *key, *name;
		int status;
	} rows[] = {
	    {"bad_request", "validation-failed", 0},
	    {"too_large", "payload-too-large", 0},
	    {"too_long", BLANK, 0},
	    {"headers_too_large", "header-fields-too-large", 0},
	    {"unauthorized", "unauthorized", 0},
	    {"away", AWAY, 0},
	    {"away_502", AWAY, 502},
	    {"away_504", AWAY, 504},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		data_text(d, d->root, rows[i].key,
		    problem(d, rows[i].name, rows[i].status));
}

static void set_socket(const struct server_ctx *d, const char *key,
    const char *given, const char *name)
{
	data_text(d, d->root, key,
	    given ? str_of(given)
		  : arena_printf(d->a, "/run/lowtide/%.*s/%s",
			STR_ARG(d->b->site->name), name));
}

static void set_api(const struct server_ctx *d)
{
	const struct config *config = d->b->config;
	int64_t body = BODY_MIN, read = READ_MIN_MS;

	if (!server_set_reads(d))
		return;
	for (size_t i = 0; i < config->n_apis; i++) {
		const struct api *api = &config->apis[i];
		if (api->body_max + BODY_SLACK > body)
			body = api->body_max + BODY_SLACK;
		if (api->wait_max_ms + READ_SLACK_MS > read)
			read = api->wait_max_ms + READ_SLACK_MS;
	}
	for (size_t i = 0; i < config->n_reads; i++)
		if (config->reads[i].deadline_ms + READ_SLACK_MS > read)
			read = config->reads[i].deadline_ms + READ_SLACK_MS;
	data_text(d, d->root, "prefix", config->prefix);
	data_text(d, d->root, "prefix_regex",
	    data_made(d, server_regex, config->prefix));
	set_problems(d);
	set_origins(d);
	data_int(d, d->root, "body_max", body);
	data_int(d, d->root, "body_max_kb", (body + 1023) / 1024);
	data_int(d, d->root, "read_timeout_s", read / 1000);
	set_socket(d, "socket", d->b->socket, "cgi.sock");
	set_socket(d, "socket_read", d->b->read_socket, "read.sock");
}

/* --- the rest ---------------------------------------------------------- */

static int64_t example_port(struct build *b)
{
	struct url base;

	if (url_split(b->arena, b->site->base_url, &base) == ERR_OK &&
	    url_is_loopback(&base) && base.port)
		return base.port;
	return PORT;
}

/* Variables know letters, digits and '_' only. */
static struct str identifier(const struct server_ctx *d, struct str name)
{
	char *id = arena_cstr(d->a, name);

	for (char *c = id; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return str_of(id);
}

/* Powers of two that nginx is content with, for the example's own http{}. */
static void set_map_sizes(const struct server_ctx *d)
{
	int64_t max = 2048;
	size_t n = value_get(d->root, "exact")->as.array.n;

	while ((size_t)max < 4 * n)
		max *= 2;
	data_int(d, d->root, "map_max", max);
}

struct value *server_data(struct build *b, const struct redirects *redirects,
    const struct server_spelling *spelling)
{
	struct server_ctx data = {.b = b,
	    .a = b->arena,
	    .root = value_new(b->arena, VALUE_TABLE, POS_NONE),
	    .spelling = spelling};
	const struct server_ctx *d = &data;
	struct str not_found = STR("404.html"), fallback = {0};

	data_text(d, d->root, "site", b->site->name);
	data_text(d, d->root, "id", identifier(d, b->site->name));
	data_text(d, d->root, "year", STR(SERVER_YEAR));
	data_text(d, d->root, "root", str_of(b->root ? b->root : ROOT));
	data_flag(d, d->root, "absolute",
	    str_starts(value_text(d->root, "root"), "/"));
	data_int(d, d->root, "port", example_port(b));
	data_flag(d, d->root, "brotli", site_flag(b->site, "server.brotli"));
	server_find_lowered(&data);
	server_set_types(d);
	server_set_rules(d);
	server_set_shared(d);
	server_set_callbacks(d);
	server_set_policies(d);
	server_set_redirects(d, redirects);
	set_map_sizes(d);
	set_api(d);
	server_set_owner(d);
	server_set_worker(d);
	server_set_read_unit(d);
	/* said already if there is no such page */
	struct str page;
	if (server_page(b, "site.not_found", &page) == ERR_OK && page.n)
		not_found = page;
	if (server_page(b, "site.fallback", &page) == ERR_OK)
		fallback = page;
	data_text(d, d->root, "not_found", not_found);
	data_text(d, d->root, "fallback", fallback);
	server_set_codings(d);
	server_files(b, fallback, d->root);
	return d->root;
}
