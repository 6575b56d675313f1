#include "generator/client.h"

#include "generator/canon.h"

/*
 * oauth-clients.json, where [oauth] clients asks for it: what anybody may know
 * of each provider, for other tools and for pages with a sign-in of their own.
 * An object by the providers' names; the members of each are those of RFC 8414
 * (the server's) and RFC 7591 (the client's), whose names do not meet. It is
 * canonical JSON, so equal data is equal bytes.
 *
 * Only what struct oauth_provider has goes in, which knows no secret. What an
 * absent member means is the RFCs' to say: without PKCE there is no
 * code_challenge_methods_supported. How a client proves itself is said of
 * public ones alone ("none"): what has a client_secret is the server's matter.
 */
#define NAME "oauth-clients.json"

static void put_text(
    struct build *b, struct value *table, const char *key, struct str text)
{
	if (text.n)
		value_set(b->arena, table, str_of(key), POS_NONE,
		    value_string(b->arena, text, POS_NONE));
}

/* An array of one. */
static void put_one(
    struct build *b, struct value *table, const char *key, struct str text)
{
	struct value *list = value_new(b->arena, VALUE_ARRAY, POS_NONE);

	value_push(b->arena, list, value_string(b->arena, text, POS_NONE));
	value_set(b->arena, table, str_of(key), POS_NONE, list);
}

static struct value *client(
    struct build *b, const struct oauth_provider *p, bool *from_env)
{
	struct value *out = value_new(b->arena, VALUE_TABLE, POS_NONE);

	*from_env |= p->from_env;
	put_text(b, out, "issuer", p->issuer);
	put_text(b, out, "authorization_endpoint", p->endpoint);
	if (p->pkce)
		put_one(
		    b, out, "code_challenge_methods_supported", STR("S256"));
	put_text(b, out, "client_id", p->client_id);
	put_text(b, out, "scope", p->scope);
	put_one(b, out, "redirect_uris", p->redirect);
	put_one(b, out, "response_types", STR("code"));
	put_one(b, out, "grant_types", STR("authorization_code"));
	if (!p->has_secret)
		put_text(b, out, "token_endpoint_auth_method", STR("none"));
	return out;
}

static enum err put(struct build *b, const struct oauth_provider *list,
    size_t n, const struct value *asked)
{
	struct value *root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct buf json = {0};
	bool from_env = asked->from_env;

	for (size_t i = 0; i < n; i++) {
		value_set(b->arena, root, list[i].id, POS_NONE,
		    client(b, &list[i], &from_env));
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
