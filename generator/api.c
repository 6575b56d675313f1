#include <string.h>

#include "generator/api-check.h"
#include "generator/api-template.h"
#include "generator/build.h"
#include "generator/hash.h"
#include "lib/opt.h"
#include "lib/units.h"
#include "lib/url.h"

/*
 * [upstream.X] and [api.X] → struct config → server/lowtide.json. Types,
 * choices and ranges were checked by the key table; here is what needs more
 * than one key. Findings, beside those of api-check.h and api-template.h:
 * `auth-missing`, `on-lost-missing`, `handler-missing`, `unknown-upstream`,
 * `bad-tag`, `bad-header`, `bad-origin`, `run-reference`, `upstream-local`.
 */
struct making {
	struct build *b;
	struct arena *a;
	struct diag *diag;
	struct config *c;
	const char *base;	   /* "api.export", for the keys below it */
	const struct value *table; /* what stands there */
};

static const char *at(struct making *m, const char *key)
{
	return arena_printf(m->a, "%s.%s", m->base, key).p;
}

static struct str text(struct making *m, const char *key)
{
	return site_text(m->b->site, at(m, key));
}

static int64_t amount(struct making *m, const char *key)
{
	return site_amount(m->b->site, at(m, key));
}

static bool flag(struct making *m, const char *key)
{
	return site_flag(m->b->site, at(m, key));
}

static struct value *given(struct making *m, const char *key)
{
	return value_path(m->table, key);
}

/* Of a key's value, or of the table it is missing in. */
static struct pos place(struct making *m, const char *key)
{
	const struct value *v = given(m, key);

	return v ? v->pos : m->table->pos;
}

static int choice(struct str word, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (str_is(word, names[i]))
			return i;
	return 0;
}

static struct str without_slash(struct str url)
{
	while (str_ends(url, "/"))
		url.n--;
	return url;
}

static struct str lower(struct making *m, struct str s)
{
	char *copy = arena_cstr(m->a, s);

	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return (struct str){.p = copy, .n = s.n};
}

static void check_header(struct making *m, struct str name, struct pos pos)
{
	if (!api_is_header(name))
		diag_error(m->diag, pos, "bad-header",
		    "`%.*s` is no header that a call may set", STR_ARG(name));
}

static struct pairs pairs(struct making *m, const char *key)
{
	const struct value *v = given(m, key);
	struct pairs out = {0};

	if (!v)
		return out;
	out.items = arena_array(m->a, v->as.table.n, sizeof(*out.items));
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *one = &v->as.table.members[i];
		out.items[out.n++] = (struct pair){one->key, one->value->text};
	}
	return out;
}

static struct pairs headers(
    struct making *m, const char *key, struct str pattern)
{
	const struct value *v = given(m, key);

	for (size_t i = 0; v && i < v->as.table.n; i++) {
		const struct member *one = &v->as.table.members[i];
		check_header(m, one->key, one->pos);
		api_template_check(m->a, API_TEMPLATE_HEADER, one->value->text,
		    pattern, one->value->pos, m->diag);
	}
	return pairs(m, key);
}

/* ---- upstreams ---------------------------------------------------------- */

static void check_base(struct making *m, struct upstream *u)
{
	struct pos pos = place(m, "base");
	struct url url;

	if (str_starts(u->base, "{run.")) {
		diag_error(m->diag, pos, "run-reference",
		    "`%.*s` is known while `lowtide serve` runs; give "
		    "upstream.%.*s its base for this environment",
		    STR_ARG(u->base), STR_ARG(u->name));
		return;
	}
	if (url_split(m->a, u->base, &url) == ERR_OK && url_is_loopback(&url) &&
	    !u->local)
		diag_error(m->diag, pos, "upstream-local",
		    "%.*s is this machine; say local = true if that is meant",
		    STR_ARG(u->base));
}

static void upstream(struct making *m, struct str name, struct upstream *u)
{
	u->name = name;
	u->base = without_slash(text(m, "base"));
	u->local = flag(m, "local");
	u->timeout_ms = amount(m, "timeout");
	u->connect_timeout_ms = amount(m, "connect_timeout");
	u->stall_timeout_ms = amount(m, "stall_timeout");
	u->response_max = amount(m, "response_max");
	if (given(m, "rate") && units_rate(text(m, "rate"), &u->rate_count,
				    &u->rate_per_ms) != ERR_OK)
		return;
	u->headers = headers(m, "headers", (struct str){0});
	check_base(m, u);
}

static void upstreams(struct making *m)
{
	const struct value *all = site_table(m->b->site, "upstream");

	if (!all)
		return;
	m->c->upstreams =
	    arena_array(m->a, all->as.table.n, sizeof(*m->c->upstreams));
	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct member *one = &all->as.table.members[i];
		m->table = one->value;
		m->base =
		    arena_printf(m->a, "upstream.%.*s", STR_ARG(one->key)).p;
		upstream(m, one->key, &m->c->upstreams[m->c->n_upstreams++]);
	}
}

/* ---- APIs --------------------------------------------------------------- */

static void check_name(struct making *m, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '_') {
			diag_error(m->diag, m->table->pos, "bad-name",
			    "`%.*s` names a request table; use a-z, 0-9 and -",
			    STR_ARG(name));
			return;
		}
}

static struct str auth(struct making *m)
{
	const struct value *v = given(m, "auth");

	if (!v)
		v = site_value(m->b->site, "auth");
	if (!v)
		diag_error(m->diag, m->table->pos, "auth-missing",
		    "who may call it? Write auth = \"none\" here or at the "
		    "top of api.toml if anybody may");
	else if (!str_is(v->text, "none"))
		diag_error(m->diag, v->pos, "not-built-yet",
		    "auth = \"%.*s\" is not built yet; only \"none\" is",
		    STR_ARG(v->text));
	return v ? v->text : (struct str){0};
}

static struct str tag(struct making *m, struct str name)
{
	struct str t = text(m, "tag");
	size_t good = 0;

	if (!given(m, "tag"))
		return str_slice(hash_blake2b(m->a, name), 0, CONFIG_TAG_HEX);
	while (good < t.n && t.p[good] && strchr("0123456789abcdef", t.p[good]))
		good++;
	if (good != t.n || t.n != CONFIG_TAG_HEX)
		diag_error(m->diag, place(m, "tag"), "bad-tag",
		    "a tag is %d of 0-9 and a-f; the one before a rename is "
		    "in the old server/lowtide.json",
		    CONFIG_TAG_HEX);
	return t;
}

static void handler(struct making *m, struct api *api)
{
	const struct value *all = site_table(m->b->site, "upstream");
	struct str name = text(m, "upstream");
	const char *names[64];
	size_t n = 0;

	api->upstream = name;
	if (!given(m, "upstream")) {
		diag_error(m->diag, m->table->pos, "handler-missing",
		    "who does it? Write upstream = \"NAME\" and a table "
		    "[upstream.NAME]");
		return;
	}
	if (value_member(all, name))
		return;
	for (size_t i = 0; all && i < all->as.table.n && n < 64; i++)
		names[n++] = arena_cstr(m->a, all->as.table.members[i].key);
	const char *near = opt_nearest(name, names, n);
	diag_error(m->diag, place(m, "upstream"), "unknown-upstream",
	    "there is no [upstream.%.*s]%s%s%s", STR_ARG(name),
	    near ? "; did you mean `" : "; write one", near ? near : "",
	    near ? "`?" : "");
}

/* What is done when nobody knows whether it was done has to be said. */
static void on_lost(struct making *m, struct api *api)
{
	bool reads = str_is(api->request_method, "GET");

	api->idempotent =
	    given(m, "idempotent") ? flag(m, "idempotent") : reads;
	api->on_lost = (enum on_lost)choice(text(m, "on_lost"), config_on_lost);
	if (!reads && !given(m, "on_lost"))
		diag_error(m->diag, m->table->pos, "on-lost-missing",
		    "it writes: say on_lost = \"fail\" if it must never be "
		    "sent twice, \"retry\" if that does no harm");
}

static unsigned allowed(struct making *m, enum pattern pattern)
{
	const struct value *v = given(m, "allow");
	unsigned bits = 0;

	if (!v)
		return (1u << PATTERN_COUNT) - 1;
	for (size_t i = 0; i < v->as.array.n; i++)
		bits |=
		    1u << choice(v->as.array.items[i]->text, config_patterns);
	if (!(bits & 1u << pattern))
		diag_error(m->diag, v->pos, "bad-value",
		    "`allow` must name the API's own pattern, \"%s\"",
		    config_patterns[pattern]);
	return bits;
}

static void waiting(struct making *m, struct api *api)
{
	api->pattern =
	    (enum pattern)choice(text(m, "pattern"), config_patterns);
	api->allow = allowed(m, api->pattern);
	api->wait_max_ms = amount(m, "wait_max");
	api->wait_ms = amount(m, "wait");
	if (api->pattern == PATTERN_SYNCHRONOUS && !given(m, "wait"))
		api->wait_ms = api->wait_max_ms;
	if (api->wait_ms > api->wait_max_ms)
		diag_error(m->diag, place(m, "wait"), "bad-value",
		    "`wait` is longer than `wait_max`");
	if (api->pattern == PATTERN_FIRE_AND_FORGET && api->wait_ms > 0)
		diag_error(m->diag, place(m, "wait"), "bad-value",
		    "\"fire-and-forget\" does not wait; take `wait` out or "
		    "choose \"async-polling\"");
}

static void body(struct making *m, struct api *api)
{
	bool usual = str_is(api->method, "POST") ||
		     str_is(api->method, "PUT") || str_is(api->method, "PATCH");

	api->body_max = amount(m, "body.max");
	if (usual || given(m, "body"))
		api->body_type = text(m, "body.type");
	api->body_required = pairs(m, "body.required");
	if (api->body_required.n && !str_is(api->body_type, "application/json"))
		diag_error(m->diag, place(m, "body.required"), "bad-value",
		    "`body.required` looks into JSON; body.type must be "
		    "\"application/json\"");
	api->result_max = amount(m, "result.max");
}

static void forward(struct making *m, struct api *api)
{
	const struct value *v = given(m, "request.forward");

	if (!v)
		return;
	api->forward.items =
	    arena_array(m->a, v->as.array.n, sizeof(*api->forward.items));
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		struct str name = lower(m, one->text);
		size_t star = str_find(name, '*', 0);
		/* a lone * would pass on cookies and credentials as well */
		if (star == 0 || star + 1 < name.n)
			diag_error(m->diag, one->pos, "bad-header",
			    "`%.*s`: a * may stand at the end of a name only",
			    STR_ARG(one->text));
		else
			check_header(m, name, one->pos);
		api->forward.items[api->forward.n++] = name;
	}
}

/* own: the API's path without the prefix, which is where calls go by default */
static void request(struct making *m, struct api *api, struct str own)
{
	api->request_path = text(m, "request.path");
	if (given(m, "request.path"))
		api_template_check(m->a, API_TEMPLATE_PATH, api->request_path,
		    own, place(m, "request.path"), m->diag);
	else
		api->request_path = api_template_of_path(m->a, own);
	api->request_body = text(m, "request.body");
	api_template_check(m->a, API_TEMPLATE_BODY, api->request_body, own,
	    place(m, "request.body"), m->diag);
	api->location = text(m, "location");
	api_template_check(m->a, API_TEMPLATE_LOCATION, api->location, own,
	    place(m, "location"), m->diag);
	api->request_headers = headers(m, "request.headers", own);
	forward(m, api);
}

static void api(struct making *m, struct str name, struct api *out)
{
	struct str own = text(m, "path");

	if (!given(m, "path"))
		own = arena_printf(m->a, "/%.*s", STR_ARG(name));
	check_name(m, name);
	api_check_path(own, place(m, "path"), m->diag);
	out->name = name;
	out->tag = tag(m, name);
	out->method = text(m, "method");
	out->path =
	    arena_printf(m->a, "%.*s%.*s", STR_ARG(m->c->prefix), STR_ARG(own));
	out->auth = auth(m);
	waiting(m, out);
	out->request_method = given(m, "request.method")
				  ? text(m, "request.method")
				  : out->method;
	on_lost(m, out);
	out->strict_poll = flag(m, "strict_poll");
	out->deadline_ms = amount(m, "deadline");
	out->ttl_ms = amount(m, "ttl");
	out->estimate_ms = amount(m, "estimate");
	out->concurrency = amount(m, "concurrency");
	out->attempts = amount(m, "attempts");
	body(m, out);
	handler(m, out);
	request(m, out, own);
}

static void apis(struct making *m)
{
	const struct value *all = site_table(m->b->site, "api");
	size_t n = all ? all->as.table.n : 0;
	struct pos *places = arena_array(m->a, n, sizeof(*places));

	m->c->apis = arena_array(m->a, n, sizeof(*m->c->apis));
	for (size_t i = 0; i < n; i++) {
		const struct member *one = &all->as.table.members[i];
		m->table = one->value;
		m->base = arena_printf(m->a, "api.%.*s", STR_ARG(one->key)).p;
		places[i] = place(m, "path");
		api(m, one->key, &m->c->apis[m->c->n_apis++]);
	}
	api_check_together(m->c, places, m->diag);
}

/* ---- all of it ---------------------------------------------------------- */

/* "https://www.example.org/x" → "https://www.example.org" (RFC 6454 6.2) */
static struct str origin(struct making *m, struct str address)
{
	struct url url;

	if (url_split(m->a, address, &url) != ERR_OK)
		return (struct str){0};
	struct str host = lower(m, url.host);
	uint16_t usual = str_is(url.scheme, "https") ? 443 : 80;
	if (url.port == 0 || url.port == usual)
		return arena_printf(
		    m->a, "%.*s://%.*s", STR_ARG(url.scheme), STR_ARG(host));
	return arena_printf(m->a, "%.*s://%.*s:%u", STR_ARG(url.scheme),
	    STR_ARG(host), url.port);
}

static void origins(struct making *m)
{
	const struct value *v = site_value(m->b->site, "origins");
	size_t n = v ? v->as.array.n : 0;
	struct strs *out = &m->c->origins;

	out->items = arena_array(m->a, n + 1, sizeof(*out->items));
	if (!v)
		out->items[out->n++] = origin(m, m->b->site->base_url);
	for (size_t i = 0; i < n; i++) {
		const struct value *one = v->as.array.items[i];
		struct str o = origin(m, one->text);
		if (o.n == 0 || !str_eq(o, one->text))
			diag_error(m->diag, one->pos, "bad-origin",
			    "\"%.*s\" is no origin; write it as "
			    "\"https://www.example.org\"",
			    STR_ARG(one->text));
		out->items[out->n++] = o;
	}
}

static void prefix(struct making *m)
{
	const struct value *v = site_value(m->b->site, "prefix");
	struct str p = without_slash(site_text(m->b->site, "prefix"));

	m->c->prefix = p;
	if (v && p.n && (!str_starts(p, "/") || str_find(p, '{', 0) < p.n))
		diag_error(m->diag, v->pos, "bad-path",
		    "`prefix` is \"%.*s\"; it begins with / and has no places",
		    STR_ARG(p));
	else if (v && p.n)
		api_check_path(p, v->pos, m->diag);
}

/* Did anything in there come from the environment? */
static bool from_env(const struct value *v)
{
	if (!v || v->from_env)
		return v != NULL;
	if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++)
			if (from_env(v->as.table.members[i].value))
				return true;
	return false;
}

static enum err put(struct making *m)
{
	static const char *const used[] = {
	    "api", "upstream", "base_url", "api_url", "origins", "prefix"};
	bool env = false;
	struct buf json = {0};

	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		env = env || from_env(site_value(m->b->site, used[i]));
	config_write(m->c, &json);
	struct str bytes = arena_str(m->a, buf_str(&json));
	buf_release(&json);
	return out_put(&m->b->out, OUT_SERVER, "lowtide.json", bytes,
	    OUT_PRIVATE, env, POS_NONE, m->diag);
}

enum err produce_api(struct build *b)
{
	struct making m = {.b = b, .a = b->arena, .diag = b->diag};
	size_t before = b->diag->errors;

	if (!site_table(b->site, "api") && !site_table(b->site, "upstream"))
		return ERR_OK;
	m.c = arena_alloc(b->arena, sizeof(*m.c));
	m.c->name = b->site->name;
	m.c->base_url = b->site->base_url;
	m.c->api_url = b->site->api_url;
	prefix(&m);
	origins(&m);
	upstreams(&m);
	apis(&m);
	if (b->diag->errors > before)
		return ERR_INPUT;
	b->config = m.c;
	return put(&m);
}
