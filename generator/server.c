#include "generator/build.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "generator/mustache.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/url.h"

/*
 * The web server's configuration, in pieces (generator.md): maps and zones for
 * http{}, locations for somebody's own server{}, and a complete example that
 * `lowtide serve` uses. The texts are templates/server/; this file collects
 * what they need from the files that were put before it.
 *
 * A path's cache header comes from its class, never from its name; only
 * /assets/ is told by its folder, because all of it is fingerprinted.
 */
#define SERVER_PORT 8080	      /* when base_url is not on loopback */
#define SERVER_READ_SLACK_MS 15000    /* above the longest wait of any API */
#define SERVER_BODY_MIN (1024 * 1024) /* below it our own 413 answers … */
#define SERVER_BODY_SLACK (64 * 1024) /* … and a little above the caps */
#define SERVER_ROOT "www"	      /* below nginx -p */

static void set(
    struct build *b, struct value *table, const char *key, struct value *value)
{
	value_set(b->arena, table, str_of(key), POS_NONE, value);
}

static void set_text(
    struct build *b, struct value *table, const char *key, struct str text)
{
	set(b, table, key, value_string(b->arena, text, POS_NONE));
}

static struct value *new_array(struct build *b)
{
	return value_new(b->arena, VALUE_ARRAY, POS_NONE);
}

/* nginx variables know letters, digits and '_' only. */
static struct str identifier(struct build *b, struct str name)
{
	char *id = arena_cstr(b->arena, name);
	for (char *c = id; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return str_of(id);
}

/* NAME.json, NAME-vVERSION.toml or .json */
static bool is_catalogue(const struct site *site, struct str path)
{
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

/* What pages of other origins may read (generator.md, cache classes). */
static bool is_shared(const struct build *b, const struct out_file *f)
{
	static const char *const endings[] = {
	    ".mjs", ".woff2", ".woff", ".ttf", ".otf"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (str_ends(f->path, endings[i]))
			return true;
	return f->class == OUT_POINTER || is_catalogue(b->site, f->path);
}

static struct str ending_of(struct str path)
{
	size_t dot = path.n;
	while (dot > 0 && path.p[dot - 1] != '.' && path.p[dot - 1] != '/')
		dot--;
	if (dot == 0 || path.p[dot - 1] != '.')
		return (struct str){0};
	return str_slice(path, dot, path.n);
}

static bool has_ending(const struct value *types, struct str ending)
{
	for (size_t i = 0; i < types->as.array.n; i++)
		if (str_eq(
			value_text(types->as.array.items[i], "ending"), ending))
			return true;
	return false;
}

static bool has_text(const struct value *texts, struct str type)
{
	for (size_t i = 0; i < texts->as.array.n; i++)
		if (str_eq(texts->as.array.items[i]->text, type))
			return true;
	return false;
}

/* The paths of each kind and the media types of the endings that occur. */
static void set_files(struct build *b, struct value *data)
{
	struct value *immutable = new_array(b), *changing = new_array(b);
	struct value *shared = new_array(b);
	struct value *types = new_array(b), *texts = new_array(b);

	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root != OUT_WWW)
			continue;
		struct value *path = value_string(b->arena,
		    arena_printf(b->arena, "/%.*s", STR_ARG(f->path)),
		    POS_NONE);
		if (f->class == OUT_IMMUTABLE &&
		    !str_starts(f->path, "assets/"))
			value_push(b->arena, immutable, path);
		/* under a stable name, because a module names it */
		if (f->class != OUT_IMMUTABLE && str_starts(f->path, "assets/"))
			value_push(b->arena, changing, path);
		if (is_shared(b, f))
			value_push(b->arena, shared, path);
		struct str ending = ending_of(f->path);
		if (ending.n == 0 || has_ending(types, ending))
			continue;
		struct value *row = value_new(b->arena, VALUE_TABLE, POS_NONE);
		struct str type = str_of(f->type);
		size_t end = str_find(type, ';', 0);
		type = str_slice(type, 0, end);
		set_text(b, row, "ending", ending);
		set_text(b, row, "type", type);
		value_push(b->arena, types, row);
		/* nginx adds text/html to charset_types by itself */
		if (end < strlen(f->type) && !str_is(type, "text/html") &&
		    !has_text(texts, type))
			value_push(b->arena, texts,
			    value_string(b->arena, type, POS_NONE));
	}
	set(b, data, "immutable", immutable);
	set(b, data, "changing", changing);
	set(b, data, "shared", shared);
	set(b, data, "types", types);
	set(b, data, "texts", texts);
	set(b, data, "any_texts",
	    value_bool(b->arena, texts->as.array.n > 0, POS_NONE));
}

/* A problem that nginx answers by itself, as the endpoint would (RFC 9457). */
static struct str problem(struct build *b, const char *type)
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
		json_string(
		    &w, arena_printf(b->arena, "/problems/%s", r->type));
		json_key(&w, "title");
		json_string(&w, str_of(r->title));
		json_key(&w, "status");
		json_int(&w, r->status);
		json_key(&w, "detail");
		json_string(&w, str_of(r->detail));
		json_key(&w, "error");
		json_string(&w, str_of(r->type));
		json_key(&w, "message");
		json_string(&w, str_of(r->detail));
		json_close(&w, '}');
	}
	struct str text = arena_str(b->arena, buf_str(&json));
	buf_release(&json);
	return text;
}

static void set_api(struct build *b, struct value *data)
{
	int64_t body = SERVER_BODY_MIN, wait = 0;

	for (size_t i = 0; i < b->config->n_apis; i++) {
		const struct api *api = &b->config->apis[i];
		if (api->body_max + SERVER_BODY_SLACK > body)
			body = api->body_max + SERVER_BODY_SLACK;
		if (api->wait_max_ms > wait)
			wait = api->wait_max_ms;
	}
	set_text(b, data, "prefix", b->config->prefix);
	set_text(b, data, "too_large", problem(b, "payload-too-large"));
	set_text(b, data, "away", problem(b, "store-unavailable"));
	set(b, data, "body_max", value_int(b->arena, body, POS_NONE));
	set(b, data, "read_timeout_s",
	    value_int(
		b->arena, (wait + SERVER_READ_SLACK_MS) / 1000, POS_NONE));
	set_text(b, data, "socket",
	    b->socket ? str_of(b->socket)
		      : arena_printf(b->arena, "/run/lowtide/%.*s/cgi.sock",
			    STR_ARG(b->site->name)));
}

/* Pages load from here alone, and talk to the APIs where those are. */
static struct str policy(struct build *b)
{
	struct url api;
	struct str also = {0}, script = {0};

	if (b->site->api_url.n &&
	    url_split(b->arena, b->site->api_url, &api) == ERR_OK)
		also = api.port ? arena_printf(b->arena, " %.*s://%.*s:%u",
				      STR_ARG(api.scheme), STR_ARG(api.host),
				      api.port)
				: arena_printf(b->arena, " %.*s://%.*s",
				      STR_ARG(api.scheme), STR_ARG(api.host));
	/* the one script that stands in pages themselves */
	if (b->import_map_source.n)
		script = arena_printf(b->arena, "script-src 'self' %.*s; ",
		    STR_ARG(b->import_map_source));
	return arena_printf(b->arena,
	    "default-src 'self'; %.*sconnect-src 'self'%.*s; base-uri 'none'; "
	    "frame-ancestors 'none'; object-src 'none'",
	    STR_ARG(script), STR_ARG(also));
}

static int64_t example_port(struct build *b)
{
	struct url base;

	if (url_split(b->arena, b->site->base_url, &base) == ERR_OK &&
	    url_is_loopback(&base) && base.port)
		return base.port;
	return SERVER_PORT;
}

static struct value *server_data(struct build *b)
{
	struct value *data = value_new(b->arena, VALUE_TABLE, POS_NONE);

	set_text(b, data, "site", b->site->name);
	set_text(b, data, "id", identifier(b, b->site->name));
	set_text(b, data, "csp", policy(b));
	set_text(b, data, "root", str_of(b->root ? b->root : SERVER_ROOT));
	set(b, data, "port", value_int(b->arena, example_port(b), POS_NONE));
	set_files(b, data);
	bool api = b->config && b->config->n_apis > 0;
	set(b, data, "api", value_bool(b->arena, api, POS_NONE));
	if (api)
		set_api(b, data);
	return data;
}

/* `lowtide serve` runs nginx whatever a site is published with. */
static bool wants_nginx(const struct build *b)
{
	const struct value *kinds = site_value(b->site, "server.kinds");

	if (!kinds || b->root)
		return true;
	for (size_t i = 0; i < kinds->as.array.n; i++)
		if (str_is(kinds->as.array.items[i]->text, "nginx"))
			return true;
	return false;
}

enum err produce_server(struct build *b)
{
	static const char *const pieces[] = {
	    "nginx-http.conf", "nginx-site.conf", "nginx-example.conf"};

	if (!wants_nginx(b))
		return ERR_OK;
	struct value *data = server_data(b);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct str name =
			       arena_printf(b->arena, "server/%s", pieces[i]),
			   text;
		bool from_env = true; /* base_url is an environment value */
		enum err err = build_template(
		    b, name.p, data, ESCAPE_NGINX, &text, &from_env);
		if (err == ERR_OK)
			err = out_put(&b->out, OUT_SERVER, pieces[i], text,
			    OUT_PRIVATE, true, POS_NONE, b->diag);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}
