#include "generator/api-auth.h"
#include "generator/api-check.h"
#include "generator/api-make.h"
#include "lib/units.h"
#include "lib/url.h"

/*
 * [upstream.X] and [api.X] → struct config → server/lowtide.json. Findings,
 * beside those of api-one.c: `bad-origin`, `upstream-local`, `rate-missing`,
 * `ca-not-absolute`.
 */
#define BURST_MAX 10000

/* ---- upstreams ---------------------------------------------------------- */

static void check_base(struct making *m, struct upstream *u)
{
	struct pos pos = making_place(m, "base");
	struct url url;

	if (url_split(m->a, u->base, &url) == ERR_OK && url_is_loopback(&url) &&
	    !u->local)
		diag_error(m->diag, pos, "upstream-local",
		    "%.*s is this machine; say local = true if that is meant",
		    STR_ARG(u->base));
}

/* A burst is a second's worth, and one call at least. */
static void rate(struct making *m, struct upstream *u)
{
	if (making_given(m, "burst") && !making_given(m, "rate") &&
	    !m->table->doubtful)
		diag_error(m->diag, making_place(m, "burst"), "rate-missing",
		    "`burst` is how many calls of a rate may go at once; write "
		    "rate = \"150/m\" too, or take it out");
	if (!making_given(m, "rate") ||
	    units_rate(making_text(m, "rate"), &u->rate_count,
		&u->rate_per_ms) != ERR_OK)
		return;
	u->burst = making_amount(m, "burst");
	if (!u->burst)
		u->burst = u->rate_count * 1000 / u->rate_per_ms;
	if (u->burst < 1)
		u->burst = 1;
	if (u->burst > BURST_MAX)
		u->burst = BURST_MAX;
}

static void ca(struct making *m, struct upstream *u)
{
	u->ca = making_text(m, "ca");
	if (u->ca.n && !str_starts(u->ca, "/"))
		diag_error(m->diag, making_place(m, "ca"), "ca-not-absolute",
		    "`ca` is \"%.*s\"; it is the whole path of a file on the "
		    "server, \"/etc/ssl/ledger.pem\"",
		    STR_ARG(u->ca));
	if (u->ca.n && str_starts(u->base, "http:"))
		diag_warn(m->diag, making_place(m, "ca"), "key-unused",
		    "certificates are of https, and `base` is not; take `ca` "
		    "out");
}

static void upstream(struct making *m, struct str name, struct upstream *u)
{
	u->name = name;
	u->base = making_without_slash(making_text(m, "base"));
	u->local = making_flag(m, "local");
	u->timeout_ms = making_amount(m, "timeout");
	u->connect_timeout_ms = making_amount(m, "connect_timeout");
	u->stall_timeout_ms = making_amount(m, "stall_timeout");
	u->response_max = making_amount(m, "response_max");
	rate(m, u);
	ca(m, u);
	u->headers = making_headers(m, "headers", NULL);
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
		if (one->value->broken)
			continue;
		m->table = one->value;
		m->base =
		    arena_printf(m->a, "upstream.%.*s", STR_ARG(one->key)).p;
		upstream(m, one->key, &m->c->upstreams[m->c->n_upstreams++]);
	}
}

static void apis(struct making *m)
{
	const struct value *all = site_table(m->b->site, "api");
	size_t n = all ? all->as.table.n : 0;
	struct pos *places = arena_array(m->a, n, sizeof(*places));

	m->c->apis = arena_array(m->a, n, sizeof(*m->c->apis));
	for (size_t i = 0; i < n; i++) {
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
	api_check_together(m->c, places, m->diag);
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
	static const char *const used[] = {"api", "auth", "upstream", "secret",
	    "base_url", "api_url", "origins", "credentials", "prefix"};
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

	if (!site_table(b->site, "api") && !site_table(b->site, "upstream") &&
	    !site_table(b->site, "secret"))
		return ERR_OK;
	m.c = arena_alloc(b->arena, sizeof(*m.c));
	m.c->name = b->site->name;
	m.c->base_url = b->site->base_url;
	m.c->api_url = b->site->api_url;
	prefix(&m);
	origins(&m);
	m.c->credentials = site_flag(b->site, "credentials");
	making_secrets(&m);
	upstreams(&m);
	apis(&m);
	making_secrets_check(&m);
	api_auth_together(&m, &env);
	if (b->diag->errors > before)
		return ERR_INPUT;
	b->config = m.c;
	return put(&m, env);
}
