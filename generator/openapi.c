#include "generator/openapi.h"

#include <string.h>

#include "generator/api-make.h"
#include "generator/published.h"
#include "lib/json.h"
#include "lib/url.h"

/*
 * The document itself. The template is what every site has in common; around
 * it is put what this one says. Findings: `openapi-without-api`, `bad-path`,
 * `bad-value`, `path-reserved`.
 */
#define TEMPLATE "openapi/openapi.json"
#define DOCUMENT_MAX ((size_t)64 * 1024 * 1024)
#define INDENT 2

/* ---- small trees -------------------------------------------------------- */

struct value *openapi_table(struct openapi *o)
{
	return value_new(o->a, VALUE_TABLE, POS_NONE);
}

struct value *openapi_array(struct openapi *o)
{
	return value_new(o->a, VALUE_ARRAY, POS_NONE);
}

struct value *openapi_put(struct openapi *o, struct value *table,
    const char *key, struct value *value)
{
	value_set(o->a, table, str_of(key), POS_NONE, value);
	return value;
}

void openapi_put_text(
    struct openapi *o, struct value *table, const char *key, struct str text)
{
	openapi_put(o, table, key, value_string(o->a, text, POS_NONE));
}

void openapi_put_int(
    struct openapi *o, struct value *table, const char *key, int64_t number)
{
	openapi_put(o, table, key, value_int(o->a, number, POS_NONE));
}

void openapi_put_bool(
    struct openapi *o, struct value *table, const char *key, bool yes)
{
	openapi_put(o, table, key, value_bool(o->a, yes, POS_NONE));
}

struct value *openapi_ref(struct openapi *o, const char *kind, const char *name)
{
	struct value *out = openapi_table(o);

	openapi_put_text(o, out, "$ref",
	    arena_printf(o->a, "#/components/%s/%s", kind, name));
	return out;
}

struct value *openapi_child(
    struct openapi *o, struct value *table, const char *key)
{
	struct value *there = value_get(table, key);

	return there ? there : openapi_put(o, table, key, openapi_table(o));
}

/* ---- what the site says ------------------------------------------------- */

static struct pos place(struct build *b, const char *key)
{
	const struct value *v = site_value(b->site, key);

	return v ? v->pos : POS_NONE;
}

static void check_servers(struct build *b)
{
	const struct value *v = site_value(b->site, "openapi.servers");
	struct url url;

	for (size_t i = 0; v && i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		if (!str_starts(one->text, "/") &&
		    url_split(b->arena, one->text, &url) != ERR_OK)
			diag_error(b->diag, one->pos, "bad-value",
			    "\"%.*s\" is no server; write it as "
			    "\"https://api.example.org\"",
			    STR_ARG(one->text));
	}
}

static struct value *server(struct openapi *o, struct str url)
{
	struct value *out = openapi_table(o);

	openapi_put_text(o, out, "url", url);
	return out;
}

/* The paths of the document begin at the host's root, as base_url's may not. */
static struct str own_server(struct openapi *o)
{
	const struct config *c = o->b->config;
	struct str base = c->base_url;
	size_t host = str_find(base, '/', 0) + 2;

	if (c->api_url.n)
		return making_without_slash(c->api_url);
	return str_slice(base, 0, str_find(base, '/', host));
}

static void servers(struct openapi *o)
{
	const struct value *v = site_value(o->b->site, "openapi.servers");
	struct value *out =
	    openapi_put(o, o->root, "servers", openapi_array(o));

	if (!v)
		value_push(o->a, out, server(o, own_server(o)));
	for (size_t i = 0; v && i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		value_push(
		    o->a, out, server(o, making_without_slash(one->text)));
	}
}

static void info(struct openapi *o)
{
	const struct site *site = o->b->site;
	struct str title = site_text(site, "openapi.title");
	struct str text = site_text(site, "openapi.description");
	struct value *out = openapi_child(o, o->root, "info");

	openapi_put_text(o, out, "title", title.n ? title : site->name);
	if (text.n)
		openapi_put_text(o, out, "description", text);
	openapi_put_text(o, out, "version", site_text(site, "openapi.version"));
}

/* ---- the document ------------------------------------------------------- */

static enum err read_template(struct openapi *o, struct value **out)
{
	const struct config *c = o->b->config;
	bool once = false, scopes = false, keys = false;
	struct value *data = openapi_table(o);
	struct str text;

	openapi_put_text(o, data, "prefix", c->prefix);
	openapi_put_bool(o, data, "owners", openapi_has_owners(c));
	for (size_t i = 0; i < c->n_apis; i++) {
		once |= c->apis[i].once;
		scopes |= c->apis[i].scopes.n > 0;
		keys |= config_provider(c, c->apis[i].auth) != NULL;
	}
	openapi_put_text(o, data, "unavailable",
	    keys ? STR("UnavailableOrKeys") : STR("Unavailable"));
	openapi_put_bool(o, data, "reads", c->n_reads > 0);
	openapi_put_bool(o, data, "once", once);
	openapi_put_bool(o, data, "scopes", scopes);
	enum err err =
	    build_template(o->b, TEMPLATE, data, ESCAPE_JSON, &text, NULL);
	if (err == ERR_OK)
		err = json_read(o->a, text, DOCUMENT_MAX,
		    "templates/" TEMPLATE ".mustache", o->b->diag, out);
	return err;
}

/* Those of one row of a table, where they were not seen. */
static void put_tags(struct openapi *o, const char *table, struct str name,
    struct value *seen, struct value *out)
{
	const struct value *v = site_value(o->b->site,
	    arena_printf(o->a, "%s.%.*s.tags", table, STR_ARG(name)).p);

	for (size_t i = 0; v && i < v->as.array.n; i++) {
		struct value *tag = openapi_table(o);
		struct str text = v->as.array.items[i]->text;
		if (value_member(seen, text))
			continue;
		value_set(o->a, seen, text, POS_NONE, tag);
		openapi_put_text(o, tag, "name", text);
		value_push(o->a, out, tag);
	}
}

/* Tags of APIs and reads, each once, before the template's own. */
static void tags(struct openapi *o, const struct value *own)
{
	const struct config *c = o->b->config;
	struct value *out = openapi_array(o), *seen = openapi_table(o);

	for (size_t i = 0; i < c->n_apis; i++)
		put_tags(o, "api", c->apis[i].name, seen, out);
	for (size_t i = 0; i < c->n_reads; i++)
		put_tags(o, "read", c->reads[i].name, seen, out);
	for (size_t i = 0; own && i < own->as.array.n; i++) {
		struct value *tag = own->as.array.items[i];
		if (!value_member(seen, value_text(tag, "name")))
			value_push(o->a, out, tag);
	}
	openapi_put(o, o->root, "tags", out);
}

/* The site's own first, then what the template has: the jobs of APIs. */
static void paths(struct openapi *o, const struct value *own)
{
	const struct config *c = o->b->config;
	struct value *out = openapi_child(o, o->root, "paths");

	for (size_t i = 0; i < c->n_apis; i++)
		if (!c->apis[i].read.n)
			openapi_operation(o, out, &c->apis[i]);
	for (size_t i = 0; i < c->n_reads; i++)
		openapi_read(o, out, &c->reads[i]);
	for (size_t i = 0; own && i < own->as.table.n; i++) {
		const struct member *m = &own->as.table.members[i];
		value_set(o->a, out, m->key, POS_NONE, m->value);
	}
}

/* The components of one kind that something refers to. */
static bool prune(struct openapi *o, struct value *components, const char *kind)
{
	const struct value *all = value_get(components, kind);
	struct value *kept = openapi_table(o);

	for (size_t i = 0; all && i < all->as.table.n; i++) {
		const struct member *m = &all->as.table.members[i];
		struct str ref = arena_printf(
		    o->a, "#/components/%s/%.*s", kind, STR_ARG(m->key));
		if (openapi_names(o->root, ref))
			value_set(o->a, kept, m->key, POS_NONE, m->value);
	}
	if (!all || kept->as.table.n == all->as.table.n)
		return false;
	openapi_put(o, components, kind, kept);
	return true;
}

/* Those that refer to others first. */
static void prune_all(struct openapi *o, struct value *components)
{
	static const char *const kinds[] = {
	    "responses", "links", "headers", "parameters", "schemas"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		while (prune(o, components, kinds[i]))
			;
}

static enum err document(struct openapi *o)
{
	struct value *base;
	enum err err = read_template(o, &base);

	if (err != ERR_OK)
		return err;
	o->root = openapi_table(o);
	openapi_put(o, o->root, "openapi", value_get(base, "openapi"));
	info(o);
	servers(o);
	openapi_put(o, o->root, "security", value_get(base, "security"));
	bool jobs = o->b->config->n_apis > 0;
	tags(o, jobs ? value_get(base, "tags") : NULL);
	openapi_secure_jobs(o, value_get(base, "paths"));
	paths(o, jobs ? value_get(base, "paths") : NULL);
	struct value *components = openapi_put(
	    o, o->root, "components", value_get(base, "components"));
	openapi_security(o, components);
	openapi_refusals(o, openapi_child(o, components, "responses"));
	openapi_results(o, value_get(components, "responses"));
	openapi_problems(o, openapi_child(o, components, "schemas"));
	prune_all(o, components);
	return ERR_OK;
}

static enum err put(struct openapi *o, struct str path)
{
	static const char *const used[] = {"name", "openapi", "api", "auth",
	    "read", "oauth", "web_server", "base_url", "api_url", "prefix"};
	struct build *b = o->b;
	struct buf json = {0};
	struct json_writer w = {.out = &json, .indent = INDENT};
	bool env = false;

	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		env = env || making_is_from_env(site_value(b->site, used[i]));
	json_value(&w, o->root);
	buf_putc(&json, '\n');
	struct str bytes = arena_str(b->arena, buf_str(&json));
	buf_release(&json);
	build_ref(b, STR("/openapi.json"),
	    arena_printf(b->arena, "/%.*s", STR_ARG(path)));
	return out_put(&b->out, OUT_WWW, arena_cstr(b->arena, path), bytes,
	    OUT_POINTER, env, place(b, "openapi"), b->diag);
}

/* Where the APIs themselves are wrong there is nothing to describe. */
enum err produce_openapi(struct build *b)
{
	struct openapi o = {.b = b, .a = b->arena};
	struct str path = site_text(b->site, "openapi.path");
	size_t before = b->diag->errors;

	if (!site_value(b->site, "openapi") ||
	    !site_flag(b->site, "openapi.enabled"))
		return ERR_OK;
	published_path(
	    b, place(b, "openapi.path"), path, ".json", "openapi.json");
	check_servers(b);
	if (b->diag->errors > before)
		return ERR_INPUT;
	bool any = site_table(b->site, "api") || site_table(b->site, "read");
	if (!any)
		diag_warn(b->diag, place(b, "openapi"), "openapi-without-api",
		    "there is no API to describe; write one in api.toml or "
		    "leave [openapi] out");
	if (!any || !b->config)
		return ERR_OK;
	enum err err = document(&o);
	return err == ERR_OK ? put(&o, path) : err;
}
