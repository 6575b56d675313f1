#include "generator/api-auth.h"
#include "generator/api-check.h"
#include "generator/api-make.h"
#include "lib/url.h"

/*
 * [upstream.X], [api.X] and [read.X] → struct config → server/lowtide.json.
 * Findings, beside those of api-one.c and its like: `bad-origin`, `bad-path`.
 */
static size_t count(const struct making *m, const char *key)
{
	const struct value *all = site_table(m->b->site, key);

	return all ? all->as.table.n : 0;
}

static void apis(struct making *m, struct pos *places)
{
	const struct value *all = site_table(m->b->site, "api");

	for (size_t i = 0; i < count(m, "api"); i++) {
		const struct member *one = &all->as.table.members[i];
		if (one->value->broken) {
			m->skipped = true;
			continue;
		}
		m->table = one->value;
		m->base = arena_printf(m->a, "api.%.*s", STR_ARG(one->key)).p;
		places[m->c->n_apis] = making_place(m, "path");
		making_api(m, one->key, &m->c->apis[m->c->n_apis++]);
	}
}

/* A read may be an API as well. */
static void tables(struct making *m)
{
	size_t n = count(m, "read"), all = count(m, "api") + n;
	struct pos *places = arena_array(m->a, all, sizeof(*places));
	struct pos *reads = arena_array(m->a, n, sizeof(*reads));

	m->c->apis = arena_array(m->a, all, sizeof(*m->c->apis));
	apis(m, places);
	making_reads(m, reads, places);
	api_check_together(m->c, places, reads, m->diag);
}

/* ---- all of it ---------------------------------------------------------- */

/* "https://www.example.org/x" → "https://www.example.org" */
static struct str origin(struct making *m, struct str address)
{
	struct url url;

	if (url_split(m->a, address, &url) != ERR_OK)
		return (struct str){0};
	return url_origin(m->a, &url);
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
	struct str p = making_without_slash(site_text(m->b->site, "prefix"));

	m->c->prefix = p;
	if (v && p.n && (!str_starts(p, "/") || str_find(p, '{', 0) < p.n))
		diag_error(m->diag, v->pos, "bad-path",
		    "`prefix` is \"%.*s\"; it begins with / and has no places",
		    STR_ARG(p));
	else if (v && p.n)
		api_check_path(p, v->pos, m->diag);
}

bool making_is_from_env(const struct value *v)
{
	if (!v || v->from_env)
		return v != NULL;
	if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++)
			if (making_is_from_env(v->as.table.members[i].value))
				return true;
	return false;
}

static enum err put(struct making *m, bool env)
{
	static const char *const used[] = {"api", "auth", "read", "upstream",
	    "secret", "base_url", "api_url", "origins", "credentials",
	    "prefix"};
	struct buf json = {0};

	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		env =
		    env || making_is_from_env(site_value(m->b->site, used[i]));
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
	bool env = false;

	if (!site_table(b->site, "api") && !site_table(b->site, "read") &&
	    !site_table(b->site, "upstream") && !site_table(b->site, "secret"))
		return ERR_OK;
	m.c = arena_alloc(b->arena, sizeof(*m.c));
	m.c->name = b->site->name;
	m.c->base_url = b->site->base_url;
	m.c->api_url = b->site->api_url;
	prefix(&m);
	origins(&m);
	m.c->credentials = site_flag(b->site, "credentials");
	making_secrets(&m);
	making_upstreams(&m);
	tables(&m);
	making_secrets_check(&m);
	making_upstreams_check(&m);
	api_auth_together(&m, &env);
	if (b->diag->errors > before)
		return ERR_INPUT;
	b->config = m.c;
	return put(&m, env);
}
