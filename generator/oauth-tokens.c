#include "generator/api-make.h"
#include "generator/client.h"
#include "generator/exchange.h"
#include "lib/url.h"

/*
 * oauth-tokens.mjs, where [oauth] tokens asks for it: codes exchanged for
 * tokens by the browser itself, of public clients (RFC 6749 2.1); of those with
 * a secret by the site's own API (generator/exchange.h). What wants a secret
 * and has no reference to one, or has no token_endpoint, is named in the
 * module, to be refused with a reason.
 *
 * The policy of pages then allows to connect to those providers, so that who
 * asks for the module and who may be talked to are one decision.
 */
static bool may_exchange(const struct oauth_provider *p)
{
	return exchange_has(p) || (!p->confidential && p->token_endpoint.n > 0);
}

/* Of the site's own API, as pages ask for it. */
static struct str own_url(struct build *b, struct str path)
{
	struct str prefix = making_without_slash(site_text(b->site, "prefix"));

	return arena_printf(b->arena, "%.*s%.*s%.*s",
	    STR_ARG(making_without_slash(b->site->api_url)), STR_ARG(prefix),
	    STR_ARG(path));
}

/* Empty unless the site asks for them and they could be read. */
static enum err find(struct build *b, struct oauth_provider **list, size_t *n)
{
	*n = 0;
	/* produce_oauth() has told what is wrong, and returned it */
	return site_flag(b->site, "oauth.tokens")
		   ? oauth_providers(b, NULL, list, n)
		   : ERR_OK;
}

static bool is_from_env(struct build *b)
{
	const struct value *api_url = site_value(b->site, "api_url");
	const struct value *prefix = site_value(b->site, "prefix");

	return making_is_from_env(api_url) || making_is_from_env(prefix);
}

static struct value *row(struct build *b, const struct oauth_provider *p)
{
	struct arena *a = b->arena;
	bool own = exchange_has(p);
	struct str token =
	    may_exchange(p) ? p->token_endpoint : (struct str){0};
	struct str none = {0};
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
	const struct {
		const char *key;
		struct str text;
	} texts[] = {
	    {"id", p->id},
	    {"token", own ? own_url(b, exchange_token_path(a, p)) : token},
	    {"own", own ? own_url(b, exchange_refresh_path(a, p)) : none},
	    {"client", p->client_id},
	    {"issuer", p->issuer},
	    {"jwks", p->jwks_uri},
	    {"openid", p->openid ? STR("1") : STR("0")},
	    {"nonce", p->nonce ? STR("1") : STR("0")},
	    {"pkce", p->pkce ? STR("1") : STR("0")},
	    {"max_age", arena_printf(a, "%lld", (long long)p->max_age)},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct value *v = value_string(a, texts[i].text, POS_NONE);
		v->from_env = p->from_env || p->tokens_from_env ||
			      (own && is_from_env(b));
		value_set(a, row, str_of(texts[i].key), POS_NONE, v);
	}
	return row;
}

/* NULL when the site does not ask for it, or no provider can make use of it. */
enum err oauth_tokens_data(struct build *b, struct value **data)
{
	struct value *root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct value *rows = value_new(b->arena, VALUE_ARRAY, POS_NONE);
	struct oauth_provider *list;
	bool any = false;
	size_t n;
	enum err err = find(b, &list, &n);

	*data = NULL;
	for (size_t i = 0; i < n; i++) {
		any |= may_exchange(&list[i]);
		value_push(b->arena, rows, row(b, &list[i]));
	}
	value_set(b->arena, root, STR("name"), POS_NONE,
	    value_string(b->arena, b->site->name, POS_NONE));
	value_set(b->arena, root, STR("providers"), POS_NONE, rows);
	if (err == ERR_OK && any)
		*data = root;
	return err;
}

static const struct oauth_provider *first_confidential(
    const struct oauth_provider *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].confidential && !exchange_has(&list[i]))
			return &list[i];
	return NULL;
}

/* Nothing can be exchanged: whose secret that takes, or what is missing. */
static void warn_in_vain(
    struct build *b, const struct oauth_provider *list, size_t n)
{
	const struct oauth_provider *p = first_confidential(list, n);
	struct pos pos = site_value(b->site, "oauth.tokens")->pos;

	if (p)
		diag_warn(b->diag, pos, "tokens-without-provider",
		    "[%.*s] of kind \"%s\" exchanges codes with a client "
		    "secret, which a server keeps and no page; refer to it "
		    "there (client_secret), or leave `tokens` out",
		    STR_ARG(p->table), p->kind);
	else
		diag_warn(b->diag, pos, "tokens-without-provider",
		    "no provider has a token_endpoint, so there is nothing for "
		    "oauth-tokens.mjs to do; set the token_endpoint of a "
		    "public client, or leave `tokens` out");
}

/* What was asked for and cannot be. */
static void warn(struct build *b)
{
	struct oauth_provider *list;
	size_t n, able = 0;

	if (!site_flag(b->site, "oauth.tokens") || find(b, &list, &n) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct oauth_provider *p = &list[i];
		if (!may_exchange(p))
			continue;
		able++;
		if (p->openid && !p->issuer.n)
			diag_warn(b->diag, p->pos, "tokens-without-issuer",
			    "[%.*s] has no issuer, so no id token of it "
			    "can be checked and exchange() refuses all; set "
			    "the issuer that its tokens name",
			    STR_ARG(p->table));
	}
	if (!able)
		warn_in_vain(b, list, n);
}

/* Who may be connected to is told in one word of each server's files. */
#define ORIGINS_MAX 3000 /* nginx takes 4095 bytes, with the rest of it */

static enum err check_origins(struct build *b)
{
	bool from_env = false;
	size_t n = oauth_tokens_origins(b, &from_env).n;

	if (n <= ORIGINS_MAX)
		return ERR_OK;
	diag_error(b->diag, site_value(b->site, "oauth.tokens")->pos,
	    "too-many-hosts",
	    "the token endpoints of all providers are at hosts of %zu bytes, "
	    "and a policy that names more than %d is too long for nginx; leave "
	    "`tokens` out, or make it several sites",
	    n, ORIGINS_MAX);
	return ERR_INPUT;
}

enum err produce_oauth_tokens(struct build *b)
{
	const struct client_module *module = client_modules;
	const struct value *asked = site_value(b->site, "oauth.tokens");
	struct str text;
	bool from_env;

	warn(b);
	if (check_origins(b) != ERR_OK)
		return ERR_INPUT;
	while (module->data != oauth_tokens_data)
		module++;
	enum err err = client_text(b, module, false, &text, &from_env);
	/* refusals of providers are produce_oauth()'s to return */
	if (err == ERR_NOT_FOUND || err == ERR_INPUT)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(
	    b, module->name, text, from_env || asked->from_env, asked->pos);
}

static struct str origin(struct arena *a, struct str url)
{
	struct url parts;

	return url_split(a, url, &parts) == ERR_OK ? url_origin(a, &parts)
						   : (struct str){0};
}

/* " https://login.acme.example:8443", unless it is there or the APIs' own. */
static void put_origin(struct build *b, struct buf *all, struct str url)
{
	struct arena *a = b->arena;
	struct str one = origin(a, url), rest;

	if (!one.n || str_eq(one, origin(a, b->site->api_url)))
		return;
	one = arena_printf(a, " %.*s", STR_ARG(one));
	rest = buf_str(all);
	for (size_t at = 0, end; at < rest.n; at = end) {
		end = str_find(rest, ' ', at + 1);
		if (str_eq(str_slice(rest, at, end), one))
			return;
	}
	buf_put_str(all, one);
}

struct str oauth_tokens_origins(struct build *b, bool *from_env)
{
	struct oauth_provider *list;
	struct buf all = {0};
	size_t n;

	if (find(b, &list, &n) != ERR_OK)
		return (struct str){0};
	for (size_t i = 0; i < n; i++) {
		if (!may_exchange(&list[i]))
			continue;
		/* the APIs' own origin is in the policy anyway */
		if (!exchange_has(&list[i]))
			put_origin(b, &all, list[i].token_endpoint);
		put_origin(b, &all, list[i].jwks_uri);
		*from_env |= list[i].from_env;
	}
	struct str text = arena_str(b->arena, buf_str(&all));
	buf_release(&all);
	return text;
}
