#include "generator/exchange.h"

#include "generator/client.h"
#include "lib/url.h"

/*
 * Small amounts: whoever may call a token endpoint may try to guess codes, and
 * what it gave is worth a sign-in for as long as it is kept.
 */
#define OWNER_RATE "20/m"
#define CONCURRENCY 8
#define DEADLINE "1m"
#define TTL "10m"
#define ESTIMATE "1s"
#define BODY_MAX "16KiB"
#define RESULT_MAX "256KiB"

struct adding {
	struct build *b;
	struct arena *a;
	const struct oauth_provider *p;
	struct url url; /* of its token_endpoint */
	struct str name;
	struct pos pos; /* of the client_secret */
	bool from_env;
};

/* ---- names -------------------------------------------------------------- */

/* "hmrc:sandbox" → "hmrc-sandbox" */
static struct str name_of(struct arena *a, struct str id)
{
	char *name = arena_cstr(a, id);

	for (char *c = name; *c; c++)
		if (*c == ':' || *c == '_')
			*c = '-';
	return str_of(name);
}

struct str exchange_token_path(struct arena *a, const struct oauth_provider *p)
{
	char *path;

	if (p->token_path.p)
		return p->token_path;
	path = arena_cstr(a, arena_printf(a, "/v1/%.*s/token", STR_ARG(p->id)));
	for (char *c = path; *c; c++)
		if (*c == ':')
			*c = '/';
	return str_of(path);
}

/* Beside the other: its last segment is another one. */
struct str exchange_refresh_path(
    struct arena *a, const struct oauth_provider *p)
{
	struct str path = exchange_token_path(a, p);

	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return arena_printf(a, "%.*srefresh", STR_ARG(path));
}

bool exchange_has(const struct oauth_provider *p)
{
	return p->client_secret && p->has_token && p->token_endpoint.n;
}

/* ---- small trees -------------------------------------------------------- */

static struct value *put(
    struct adding *x, struct value *table, const char *key, struct value *v)
{
	v->from_env = x->from_env;
	value_set(x->a, table, str_of(key), x->pos, v);
	return v;
}

static struct value *put_table(
    struct adding *x, struct value *table, const char *key)
{
	return put(x, table, key, value_new(x->a, VALUE_TABLE, x->pos));
}

static void put_text(
    struct adding *x, struct value *table, const char *key, struct str text)
{
	put(x, table, key, value_string(x->a, text, x->pos));
}

static void put_word(
    struct adding *x, struct value *table, const char *key, const char *word)
{
	put_text(x, table, key, str_of(word));
}

/* The table of that name below the root; NULL where something else stands. */
static struct value *all_of(struct adding *x, const char *key)
{
	struct value *root = x->b->site->root, *all = value_get(root, key);

	if (!all) {
		all = value_new(x->a, VALUE_TABLE, x->pos);
		value_set(x->a, root, str_of(key), x->pos, all);
	}
	return all->kind == VALUE_TABLE ? all : NULL;
}

/* A row of [api], [upstream] or [secret]. */
static void add(
    struct adding *x, const char *key, const char *suffix, struct value *row)
{
	row->from_env = x->from_env;
	value_set(x->a, all_of(x, key),
	    arena_printf(x->a, "%.*s%s", STR_ARG(x->name), suffix), x->pos,
	    row);
}

static bool is_free(struct adding *x, const char *key, const char *suffix)
{
	const struct value *all = all_of(x, key);
	struct str name =
	    arena_printf(x->a, "%.*s%s", STR_ARG(x->name), suffix);
	const struct member *taken = value_member(all, name);

	if (taken)
		diag_error(x->b->diag, taken->pos, "token-clash",
		    "[%s.%.*s] is made for [%.*s], which has a client_secret; "
		    "call this one something else, or write token_path = false "
		    "there",
		    key, STR_ARG(name), STR_ARG(x->p->table));
	return all && !taken;
}

/* ---- what is added ------------------------------------------------------ */

static struct value *upstream(struct adding *x)
{
	struct value *u = value_new(x->a, VALUE_TABLE, x->pos);

	put_text(x, u, "base", url_origin(x->a, &x->url));
	if (url_is_loopback(&x->url))
		put(x, u, "local", value_bool(x->a, true, x->pos));
	return u;
}

/* What both have; `member` is what a client must send. */
static struct value *api(
    struct adding *x, struct str path, const char *member, struct value **form)
{
	struct value *api = value_new(x->a, VALUE_TABLE, x->pos);
	struct value *body, *request;
	struct str where = x->url.path.n ? x->url.path : STR("/");

	if (x->url.query.p)
		where = arena_printf(
		    x->a, "%.*s?%.*s", STR_ARG(where), STR_ARG(x->url.query));
	put_word(x, api, "auth", "none");
	put_text(x, api, "path", path);
	put_word(x, api, "pattern", "synchronous");
	put_word(x, api, "on_lost", "fail");
	put(x, api, "once", value_bool(x->a, true, x->pos));
	put_word(x, api, "owner_rate", OWNER_RATE);
	put(x, api, "concurrency", value_int(x->a, CONCURRENCY, x->pos));
	put_word(x, api, "deadline", DEADLINE);
	put_word(x, api, "ttl", TTL);
	put_word(x, api, "estimate", ESTIMATE);
	put_text(x, api, "upstream",
	    arena_printf(x->a, "%.*s-token", STR_ARG(x->name)));
	body = put_table(x, api, "body");
	put_word(x, body, "max", BODY_MAX);
	put_word(x, put_table(x, body, "required"), member, "string");
	body = put_table(x, api, "result");
	put_word(x, body, "max", RESULT_MAX);
	put_word(x, body, "type", "application/json");
	request = put_table(x, api, "request");
	put_text(x, request, "path", where);
	put_word(
	    x, put_table(x, request, "headers"), "Accept", "application/json");
	*form = put_table(x, request, "form");
	put_text(x, *form, "client_id", x->p->client_id);
	put_text(x, *form, "client_secret",
	    arena_printf(x->a, "{secret.%.*s}", STR_ARG(x->name)));
	return api;
}

static void add_token(struct adding *x)
{
	struct value *form,
	    *a = api(x, exchange_token_path(x->a, x->p), "code", &form);

	put_text(x, a, "summary",
	    arena_printf(x->a, "Exchanges a code of \"%.*s\" for tokens",
		STR_ARG(x->p->id)));
	put_word(x, form, "grant_type", "authorization_code");
	put_word(x, form, "code", "{body.code}");
	put_text(x, form, "redirect_uri", x->p->redirect);
	if (x->p->pkce)
		put_word(x, form, "code_verifier", "{body.code_verifier?}");
	add(x, "api", "-token", a);
}

static void add_refresh(struct adding *x)
{
	struct value *form, *a = api(x, exchange_refresh_path(x->a, x->p),
				"refresh_token", &form);

	put_text(x, a, "summary",
	    arena_printf(
		x->a, "Refreshes tokens of \"%.*s\"", STR_ARG(x->p->id)));
	put_word(x, form, "grant_type", "refresh_token");
	put_word(x, form, "refresh_token", "{body.refresh_token}");
	add(x, "api", "-refresh", a);
}

static void add_all(struct build *b, const struct oauth_provider *p)
{
	struct adding x = {.b = b,
	    .a = b->arena,
	    .p = p,
	    .name = name_of(b->arena, p->id),
	    .pos = p->client_secret->pos,
	    .from_env = p->from_env || p->tokens_from_env};
	struct value *reference = value_new(b->arena, VALUE_TABLE, x.pos);

	/* refused already, with the rest of its URLs */
	if (url_split(b->arena, p->token_endpoint, &x.url) != ERR_OK)
		return;
	bool free = is_free(&x, "secret", "");
	free &= is_free(&x, "upstream", "-token");
	free &= is_free(&x, "api", "-token");
	free &= is_free(&x, "api", "-refresh");
	if (!free)
		return;
	*reference = *p->client_secret;
	add(&x, "secret", "", reference);
	add(&x, "upstream", "-token", upstream(&x));
	add_token(&x);
	add_refresh(&x);
}

void exchange_add(struct build *b)
{
	struct oauth_provider *list = NULL;
	size_t n = 0;

	if (b->has_exchange)
		return;
	b->has_exchange = true;
	if (!site_table(b->site, "oauth") ||
	    (oauth_providers(b, NULL, &list, &n) != ERR_OK && !n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct oauth_provider *p = &list[i];
		if (p->client_secret && p->has_token && !p->token_endpoint.n)
			diag_warn(b->diag, p->client_secret->pos,
			    "token-endpoint-missing",
			    "[%.*s] has a secret and says not where codes are "
			    "exchanged with it; set token_endpoint, or "
			    "token_path = false",
			    STR_ARG(p->table));
		if (exchange_has(p))
			add_all(b, p);
	}
}
