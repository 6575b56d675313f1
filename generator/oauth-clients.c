#include "generator/oauth-clients.h"

#include "generator/canon.h"
#include "generator/client.h"

/*
 * oauth-clients.json, where [oauth] clients asks for it, for other tools and
 * for pages with a sign-in of their own: an object by the providers' names,
 * variants as "hmrc:sandbox". It is canonical JSON, so equal data is equal
 * bytes.
 */
#define NAME "oauth-clients.json"

/* A table in the making. */
struct making_client {
	struct arena *arena;
	struct value *out;
};

static void put_text(
    const struct making_client *m, const char *key, struct str text)
{
	if (text.n)
		value_set(m->arena, m->out, str_of(key), POS_NONE,
		    value_string(m->arena, text, POS_NONE));
}

/* An item more of an array, which the first one makes. */
static void put_item(
    const struct making_client *m, const char *key, struct str text)
{
	struct value *list = value_get(m->out, key);

	if (!text.n)
		return;
	if (!list) {
		list = value_new(m->arena, VALUE_ARRAY, POS_NONE);
		value_set(m->arena, m->out, str_of(key), POS_NONE, list);
	}
	value_push(m->arena, list, value_string(m->arena, text, POS_NONE));
}

/* RFC 8414: where the server is, and what is used of it. */
static void put_server(
    const struct making_client *m, const struct oauth_provider *p)
{
	put_text(m, "issuer", p->issuer);
	put_text(m, "authorization_endpoint", p->endpoint);
	put_text(m, "token_endpoint", p->token_endpoint);
	put_text(m, "jwks_uri", p->jwks_uri);
	put_item(m, "response_modes_supported", STR("query"));
	if (p->pkce)
		put_item(m, "code_challenge_methods_supported", STR("S256"));
	if (p->iss_required)
		value_set(m->arena, m->out,
		    STR("authorization_response_iss_parameter_supported"),
		    POS_NONE, value_bool(m->arena, true, POS_NONE));
}

/* The one that is used comes first. */
static void put_redirects(
    const struct making_client *m, const struct oauth_provider *p)
{
	size_t n = p->redirects ? p->redirects->as.array.n : 0;

	put_item(m, "redirect_uris", p->redirect);
	for (size_t i = 0; i < n; i++) {
		struct str uri = p->redirects->as.array.items[i]->text;
		if (!str_eq(uri, p->redirect))
			put_item(m, "redirect_uris", uri);
	}
}

/* RFC 7591: what was registered there. */
static void put_client(
    const struct making_client *m, const struct oauth_provider *p)
{
	put_text(m, "client_id", p->client_id);
	put_text(m, "scope", p->scope);
	put_redirects(m, p);
	put_item(m, "response_types", STR("code"));
	put_item(m, "grant_types", STR("authorization_code"));
	if (!p->confidential && p->token_endpoint.n)
		put_item(m, "grant_types", STR("refresh_token"));
	if (!p->confidential)
		put_text(m, "token_endpoint_auth_method", STR("none"));
	if (p->max_age >= 0)
		value_set(m->arena, m->out, STR("default_max_age"), POS_NONE,
		    value_int(m->arena, p->max_age, POS_NONE));
}

static void put_logout(
    const struct making_client *m, const struct oauth_provider *p)
{
	if (!str_is(str_of(p->logout_style), "oidc"))
		return;
	put_text(m, "end_session_endpoint", p->logout_endpoint);
	put_item(m, "post_logout_redirect_uris", p->logout_redirect);
}

struct value *oauth_client(struct arena *a, const struct oauth_provider *p)
{
	struct making_client m = {
	    .arena = a, .out = value_new(a, VALUE_TABLE, POS_NONE)};

	put_server(&m, p);
	put_client(&m, p);
	put_logout(&m, p);
	return m.out;
}

static enum err put(struct build *b, const struct oauth_provider *list,
    size_t n, const struct value *asked)
{
	struct value *root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct buf json = {0};
	bool from_env = asked->from_env;

	for (size_t i = 0; i < n; i++) {
		from_env |= list[i].from_env;
		value_set(b->arena, root, list[i].id, POS_NONE,
		    oauth_client(b->arena, &list[i]));
	}
	enum err err = canon_write(b->arena, root, b->diag, &json);
	if (err == ERR_OK)
		err = out_put(&b->out, OUT_WWW, NAME, buf_str(&json),
		    OUT_POINTER, from_env, asked->pos, b->diag);
	buf_release(&json);
	if (err == ERR_OK)
		build_ref(b, STR("/" NAME), STR("/" NAME));
	return err;
}

/* Whether one is declared, be it wrong. */
static bool has_provider(const struct value *oauth)
{
	for (size_t i = 0; i < oauth->as.table.n; i++)
		if (oauth->as.table.members[i].value->kind == VALUE_TABLE)
			return true;
	return false;
}

enum err produce_oauth_clients(struct build *b)
{
	const struct value *asked = site_value(b->site, "oauth.clients");
	struct oauth_provider *list;
	size_t n;

	if (!asked || !site_flag(b->site, "oauth.clients"))
		return ERR_OK;
	if (!has_provider(site_table(b->site, "oauth"))) {
		diag_warn(b->diag, asked->pos, "oauth-without-provider",
		    "there is no provider for " NAME
		    "; write an [oauth.NAME], or leave `clients` out");
		return ERR_OK;
	}
	/* produce_oauth() has told what is wrong, and returned it */
	if (oauth_providers(b, NULL, &list, &n) != ERR_OK || !n)
		return ERR_OK;
	return put(b, list, n, asked);
}
