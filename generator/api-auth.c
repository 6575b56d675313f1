#include "generator/api-auth.h"

#include <string.h>

#include "generator/api-check.h"
#include "generator/client.h"
#include "generator/provider-name.h"
#include "generator/provider-variant.h"
#include "generator/provider-work.h"
#include "lib/url.h"

#define LEEWAY_MS 60000 /* clocks of who issues and who checks */

/* ---- one API ------------------------------------------------------------ */

struct str api_auth(struct making *m)
{
	static const char *const words[] = {"none", "web-server", NULL};
	const struct site *site = m->b->site;
	struct value *v = making_given(m, "auth");
	bool doubtful = m->table->doubtful || site->root->doubtful;

	if (!v)
		v = site_value(site, "auth");
	if ((!v && doubtful) || (v && v->broken))
		return (struct str){0};
	if (!v) {
		diag_error(m->diag, m->table->pos, "auth-missing",
		    "who may call it? Write auth = \"none\" here or at the "
		    "top of api.toml if anybody may");
		return (struct str){0};
	}
	if (str_is(v->text, words[0]))
		return v->text;
	bool good = true;
	if (!str_is(v->text, words[1])) {
		good = provider_name_check(
		    m->a, site, v->text, v->pos, words, m->diag);
	} else if (!site_value(site, "web_server") && !site->root->doubtful) {
		good = false;
		diag_error(m->diag, v->pos, "web-server-missing",
		    "how does the web server know who it is? Write a table "
		    "[web_server] with auth = \"basic\" or \"request\"");
	}
	v->broken = !good; /* said once for all APIs */
	return good ? v->text : (struct str){0};
}

static void check_own(struct making *m, const struct api *api)
{
	static const char *const keys[] = {
	    "request.path", "request.body", "location"};
	static const char *const tables[] = {
	    "request.headers", "request.form", "request.query"};
	const struct value *json = making_given(m, "request.json");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		api_own_text(m, api->auth, making_text(m, keys[i]),
		    making_place(m, keys[i]));
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		api_own_texts(m, api->auth, tables[i]);
	if (json)
		api_own_text(m, api->auth, api->request_body, json->pos);
	api_own_forward(m, api->auth, "request.forward", api->forward);
}

void api_auth_scopes(struct making *m, struct str auth, struct strs scopes)
{
	const struct value *v = making_given(m, "scopes");

	if (!auth.n)
		return;
	if (scopes.n && (str_is(auth, "none") || str_is(auth, "web-server")))
		diag_error(m->diag, v->pos, "bad-value",
		    "scopes are of a token, and auth = \"%.*s\" has none; name "
		    "a provider, or take them out",
		    STR_ARG(auth));
	for (size_t i = 0; i < scopes.n; i++)
		if (!provider_is_scope(scopes.items[i]))
			diag_error(m->diag, v->as.array.items[i]->pos,
			    "scope-chars",
			    "\"%.*s\" is not a scope (RFC 6749 3.3); each is a "
			    "string of its own, of ASCII without spaces, "
			    "quotes and backslashes",
			    STR_ARG(scopes.items[i]));
}

void api_auth_check(struct making *m, const struct api *api)
{
	check_own(m, api);
	api_auth_scopes(m, api->auth, api->scopes);
}

/* ---- [web_server] ------------------------------------------------------- */

/* Whether it may stand between double quotes in any server's configuration. */
static bool is_quotable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || strchr("\"\\$\x7f", s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" ';{}", s.p[i]))
			return false;
	return is_quotable(s);
}

static struct pos place(struct making *m, const char *key)
{
	const struct value *v =
	    site_value(m->b->site, arena_printf(m->a, "web_server.%s", key).p);

	return v ? v->pos : site_value(m->b->site, "web_server")->pos;
}

/* Whoever set it believes that somebody is asked. */
static void check_unused(struct making *m, const char *key)
{
	if (site_value(m->b->site, arena_printf(m->a, "web_server.%s", key).p))
		diag_warn(m->diag, place(m, key), "key-unused",
		    "auth = \"basic\" does not look at `%s`; take it out, or "
		    "say auth = \"request\"",
		    key);
}

static void check_basic(struct making *m, const struct web_server *w)
{
	if (!str_starts(w->users, "/") || !is_bare(w->users))
		diag_error(m->diag, place(m, "users"), "bad-value",
		    "`users` is \"%.*s\"; it is the whole path of a file on "
		    "the server, \"/etc/lowtide/NAME/users\"",
		    STR_ARG(w->users));
}

static void check_request(struct making *m, const struct web_server *w)
{
	const struct value *table = site_value(m->b->site, "web_server");
	struct url url;

	if (!w->check.n && !table->doubtful)
		diag_error(m->diag, table->pos, "check-missing",
		    "auth = \"request\" asks somebody; write whom: check = "
		    "\"http://127.0.0.1:9000/check\", or a location of that "
		    "server, \"/check\"");
	else if (w->check.n &&
		 (!is_bare(w->check) ||
		     (!str_starts(w->check, "/") &&
			 (url_split(m->a, w->check, &url) != ERR_OK ||
			     url.userinfo.p || url.fragment.p))))
		diag_error(m->diag, place(m, "check"), "bad-value",
		    "`check` is \"%.*s\"; it is a URL such as "
		    "\"http://127.0.0.1:9000/check\", or a path",
		    STR_ARG(w->check));
	if (!api_is_header(w->owner_header))
		diag_error(m->diag, place(m, "owner_header"), "bad-header",
		    "`%.*s` is no header that an answer may have",
		    STR_ARG(w->owner_header));
}

/* A scheme, and what it says, in one line of a header (RFC 9110 11.6.1). */
static bool is_challenge(struct str s)
{
	struct str scheme = str_slice(s, 0, str_find(s, ' ', 0));

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return api_is_header(scheme) && !str_ends(s, " ");
}

static struct str challenge(struct making *m, const struct web_server *w)
{
	struct str given = site_text(m->b->site, "web_server.challenge");

	if (given.p && !is_challenge(given))
		diag_error(m->diag, place(m, "challenge"), "bad-value",
		    "a challenge is one line of a header, a scheme first: "
		    "'Bearer realm=\"acme\"'");
	if (given.p)
		return given;
	return arena_printf(m->a,
	    w->is_basic ? "Basic realm=\"%.*s\", charset=\"UTF-8\""
			: "Bearer realm=\"%.*s\"",
	    STR_ARG(w->realm));
}

static void web_server(struct making *m, bool *from_env)
{
	const struct site *site = m->b->site;
	const struct value *table = site_table(site, "web_server");
	struct web_server *w = arena_alloc(m->a, sizeof(*w));

	if (!table || table->broken)
		return;
	*w = (struct web_server){
	    .is_basic = str_is(site_text(site, "web_server.auth"), "basic"),
	    .realm = site_text(site, "web_server.realm"),
	    .users = site_text(site, "web_server.users"),
	    .check = site_text(site, "web_server.check"),
	    .owner_header =
		making_lower(m, site_text(site, "web_server.owner_header")),
	    .from_env = making_is_from_env(table),
	};
	if (!w->realm.p)
		w->realm = site->name;
	if (!w->users.p)
		w->users = arena_printf(
		    m->a, "/etc/lowtide/%.*s/users", STR_ARG(site->name));
	if (!is_quotable(w->realm))
		diag_error(m->diag, place(m, "realm"), "bad-value",
		    "a realm has no quotes, backslashes and dollar signs");
	if (w->is_basic) {
		check_basic(m, w);
		check_unused(m, "check");
		check_unused(m, "owner_header");
	} else {
		check_request(m, w);
	}
	/* a 401 is never without (RFC 9110 15.5.2) */
	m->c->web_challenge = challenge(m, w);
	*from_env |= w->from_env;
	m->b->web_server = w;
}

/* ---- providers ---------------------------------------------------------- */

/* The first API or read that takes its tokens; NULL: none does. */
static const struct str *taker(const struct config *c, struct str id)
{
	for (size_t i = 0; i < c->n_apis; i++)
		if (str_eq(c->apis[i].auth, id) && !c->apis[i].read.n)
			return &c->apis[i].name;
	for (size_t i = 0; i < c->n_reads; i++)
		if (str_eq(c->reads[i].auth, id))
			return &c->reads[i].name;
	return NULL;
}

/* A key that nobody knows may be the one that seems to be missing. */
static bool is_doubtful(struct making *m, struct str id)
{
	const struct value *oauth = site_table(m->b->site, "oauth");
	size_t colon = str_find(id, ':', 0);
	const struct member *base =
	    value_member(oauth, str_slice(id, 0, colon));
	const struct member *variant =
	    base ? value_member(provider_variants(base->value),
		       str_slice(id, colon + 1, id.n))
		 : NULL;

	return (base && base->value->doubtful) ||
	       (variant && variant->value->doubtful);
}

/* What a check of its tokens cannot do without. */
static void check_provider(
    struct making *m, const struct oauth_provider *p, struct str taker_name)
{
	bool cognito = strcmp(p->kind, "cognito") == 0;

	if (cognito && p->audiences.n)
		diag_warn(m->diag, p->pos, "audience-unused",
		    "access tokens of [%.*s] say no audience, and client_id is "
		    "looked at instead; take audience out",
		    STR_ARG(p->table));
	if (is_doubtful(m, p->id))
		return;
	if (!p->issuer.n)
		diag_error(m->diag, p->pos, "issuer-missing",
		    "`%.*s` takes tokens of [%.*s], which says not who issues "
		    "them; set issuer, as it stands in their iss",
		    STR_ARG(taker_name), STR_ARG(p->table));
	if (!p->jwks_uri.n)
		diag_error(m->diag, p->pos, "jwks-missing",
		    "`%.*s` takes tokens of [%.*s], which says not where the "
		    "keys are that sign them; set jwks_uri%s",
		    STR_ARG(taker_name), STR_ARG(p->table),
		    cognito ? " or issuer"
			    : ", which stands in what its issuer has at "
			      "/.well-known/openid-configuration");
	if (!cognito && !p->audiences.n)
		diag_error(m->diag, p->pos, "audience-missing",
		    "`%.*s` takes tokens of [%.*s], and would take those that "
		    "are for others; set audience, as it stands in their aud",
		    STR_ARG(taker_name), STR_ARG(p->table));
}

/* "hmrc:sandbox" and "hmrc-sandbox": STATE/jwks has one file for both. */
static bool is_same_file(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if ((a.p[i] == ':' ? '-' : a.p[i]) !=
		    (b.p[i] == ':' ? '-' : b.p[i]))
			return false;
	return true;
}

static void check_file(struct making *m, const struct oauth_provider *p)
{
	for (size_t i = 0; i < m->c->n_providers; i++) {
		struct str other = m->c->providers[i].name;
		if (is_same_file(other, p->id))
			diag_error(m->diag, p->pos, "jwks-clash",
			    "the keys of \"%.*s\" and \"%.*s\" would be one "
			    "file of the endpoint's; rename one of the two",
			    STR_ARG(other), STR_ARG(p->id));
	}
}

static void put_provider(struct making *m, const struct oauth_provider *p)
{
	struct str *client = arena_array(m->a, 1, sizeof(*client));

	struct url url;
	bool local = url_split(m->a, p->jwks_uri, &url) == ERR_OK &&
		     url_is_loopback(&url);

	*client = p->client_id;
	m->c->providers[m->c->n_providers++] = (struct provider){
	    .name = p->id,
	    .kind = str_of(p->kind),
	    .issuer = p->issuer,
	    .audiences = p->audiences,
	    .client_ids = {client, 1},
	    .algorithms = p->algorithms,
	    .jwks_uri = p->jwks_uri,
	    .refresh_ms = p->jwks_uri.n ? p->refresh_ms : 0,
	    .local = local,
	    .leeway_ms = LEEWAY_MS,
	};
}

/* Those that were refused are told of by who publishes them. */
static void providers(struct making *m, bool *from_env)
{
	struct oauth_provider *list = NULL;
	size_t n = 0;

	if (oauth_providers(m->b, NULL, &list, &n) != ERR_OK && !n)
		return;
	m->c->providers = arena_array(m->a, n, sizeof(*m->c->providers));
	for (size_t i = 0; i < n; i++) {
		const struct str *name = taker(m->c, list[i].id);
		if (!name)
			continue;
		check_provider(m, &list[i], *name);
		check_file(m, &list[i]);
		put_provider(m, &list[i]);
		*from_env |= list[i].from_env || list[i].tokens_from_env;
	}
}

void api_auth_together(struct making *m, bool *from_env)
{
	const struct value *table = site_value(m->b->site, "web_server");
	bool unused = table && !table->broken;

	for (size_t i = 0; i < m->c->n_apis; i++)
		if (!m->c->apis[i].auth.n)
			unused = false; /* it may have been the one */
	for (size_t i = 0; i < m->c->n_reads; i++)
		if (!m->c->reads[i].auth.n)
			unused = false;
	if (taker(m->c, STR("web-server")))
		web_server(m, from_env);
	else if (unused)
		diag_warn(m->diag, table->pos, "auth-unused",
		    "no API and no read says auth = \"web-server\"; take "
		    "[web_server] "
		    "out, or have one say it");
	providers(m, from_env);
}
