#include "generator/provider.h"

#include <stdarg.h>

#include "generator/keys.h"
#include "generator/secrets.h"
#include "lib/buf.h"
#include "lib/opt.h"
#include "lib/url.h"

/*
 * What a kind fills in where the table says nothing. `path` is appended to the
 * table's domain (or base_uri); `endpoint` needs neither.
 */
struct kind {
	const char *name, *endpoint, *path, *issuer, *scopes;
	bool openid; /* an OpenID provider: scope openid, a nonce */
};
static const struct kind kinds[] = {
    {.name = "oidc", .scopes = "openid", .openid = true},
    {
	.name = "cognito",
	.path = "/oauth2/authorize",
	.scopes = "openid profile email",
	.openid = true,
    },
    {
	.name = "hmrc",
	.endpoint = "https://www.tax.service.gov.uk/oauth/authorize",
	.path = "/oauth/authorize",
	.scopes = "read:vat write:vat",
    },
    {
	.name = "google",
	.endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
	.issuer = "https://accounts.google.com",
	.scopes = "openid profile email",
	.openid = true,
    },
    {
	.name = "github",
	.endpoint = "https://github.com/login/oauth/authorize",
	.scopes = "read:user",
    },
    {
	.name = "entra",
	.path = "/oauth2/v2.0/authorize",
	.scopes = "openid profile email",
	.openid = true,
    },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define REDIRECT_PATH "/auth/callback.html"

/* What the module itself sets; a table's params may not. */
static const char *const reserved[] = {
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
};
/* One table at work. */
struct work {
	struct arena *arena;
	struct diag *diag;
	struct str id;
	struct pos pos; /* of the table's name, where a key is missing */
	const struct value *table, *base_url;
	const struct kind *kind;
	bool from_env, refused;
};

__attribute__((format(printf, 4, 5))) static void refuse(
    struct work *w, struct pos pos, const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(w->arena, format, args);
	va_end(args);
	diag_error(w->diag, pos, name, "%.*s", STR_ARG(text));
	w->refused = true;
}

static struct pos pos_of(const struct work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	return v ? v->pos : w->pos;
}

static struct str raw_text(struct work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	if (!v || v->kind != VALUE_STRING)
		return (struct str){0};
	w->from_env |= v->from_env;
	return v->text;
}

/* A string of the table, or what the kind or default says. */
static struct str text(struct work *w, const char *key, const char *otherwise)
{
	struct str s = raw_text(w, key);
	if (!s.p)
		return str_of(otherwise);
	if (key_is_placeholder(s))
		refuse(w, pos_of(w, key), "placeholder",
		    "%s is %s%.*s; give it its value", key,
		    s.n ? "still " : "empty", STR_ARG(s));
	return s;
}

static void find_kind(struct work *w)
{
	const char *names[N_KINDS];
	struct str name = text(w, "kind", "oidc");
	w->kind = &kinds[0];
	for (size_t i = 0; i < N_KINDS; i++) {
		names[i] = kinds[i].name;
		if (str_is(name, kinds[i].name)) {
			w->kind = &kinds[i];
			return;
		}
	}
	const char *near = opt_nearest(name, names, N_KINDS);
	refuse(w, pos_of(w, "kind"), "unknown-kind",
	    "there is no kind of provider \"%.*s\"; %s%s%s", STR_ARG(name),
	    near ? "did you mean \"" : "without a kind it is \"oidc",
	    near ? near : "", "\"");
}

static struct str join(struct work *w, struct str base, struct str path)
{
	while (str_ends(base, "/"))
		base.n--;
	return arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(base),
	    str_starts(path, "/") ? "" : "/", STR_ARG(path));
}

static void check_endpoint(struct work *w, struct str endpoint, struct pos pos)
{
	struct url url;
	if (key_is_placeholder(endpoint))
		return; /* said already */
	if (url_split(w->arena, endpoint, &url) != ERR_OK)
		refuse(w, pos, "endpoint-scheme",
		    "\"%.*s\" is not an https URL; write it in full",
		    STR_ARG(endpoint));
	else if (!str_is(url.scheme, "https") && !url_is_loopback(&url))
		refuse(w, pos, "endpoint-scheme",
		    "sign-in at %.*s without https; http is for localhost only",
		    STR_ARG(url.host));
	else if (url.fragment.p)
		refuse(w, pos, "endpoint-fragment",
		    "an authorization endpoint has no fragment; leave out "
		    "\"#%.*s\"",
		    STR_ARG(url.fragment));
	else if (url.userinfo.p)
		refuse(w, pos, "endpoint-userinfo",
		    "an endpoint names no user; leave out what is before "
		    "\"@\"");
}

static struct str find_endpoint(struct work *w)
{
	static const char *const hosts[] = {"base_uri", "domain"};
	struct str endpoint = text(w, "authorization_endpoint", NULL);
	struct pos pos = pos_of(w, "authorization_endpoint");
	struct str path = text(w, "path", w->kind->path);
	for (size_t i = 0; i < 2 && !endpoint.n; i++) {
		struct str host = text(w, hosts[i], NULL);
		pos = pos_of(w, hosts[i]);
		if (host.n && path.n)
			endpoint = join(w, host, path);
	}
	if (!endpoint.n && w->kind->endpoint)
		return str_of(w->kind->endpoint);
	if (endpoint.n)
		check_endpoint(w, endpoint, pos);
	else if (!w->table->doubtful)
		refuse(w, w->pos, "endpoint-missing",
		    "[oauth.%.*s] does not say where to sign in; set %s",
		    STR_ARG(w->id),
		    w->kind->path ? "domain" : "authorization_endpoint");
	return endpoint;
}

static struct str find_client_id(struct work *w)
{
	struct str id = str_trim(raw_text(w, "client_id"));
	struct pos pos = pos_of(w, "client_id");
	if (!id.n && w->table->doubtful)
		return id; /* it may be the key that nobody knows */
	if (!id.n)
		refuse(w, pos, "client-id-empty",
		    "[oauth.%.*s] has no client_id; set the one the provider "
		    "gave you, in env/NAME.toml if environments differ",
		    STR_ARG(w->id));
	else if (key_is_placeholder(id))
		refuse(w, pos, "client-id-placeholder",
		    "\"%.*s\" stands for a client_id; set the real one",
		    STR_ARG(id));
	return id;
}

static struct str find_redirect(struct work *w)
{
	struct str uri = text(w, "redirect_uri", NULL);
	struct pos pos = pos_of(w, "redirect_uri");
	struct url url;
	if (!uri.n) {
		struct str path = text(w, "redirect_path", REDIRECT_PATH);
		pos = pos_of(w, "redirect_path");
		if (!str_starts(path, "/") || str_starts(path, "//")) {
			refuse(w, pos, "redirect-relative",
			    "redirect_path \"%.*s\" does not begin with one "
			    "\"/\"; it is joined to base_url",
			    STR_ARG(path));
			return uri;
		}
		if (!w->base_url || !w->base_url->text.n) {
			refuse(w, pos, "redirect-relative",
			    "redirect_path needs a base_url to be joined to; "
			    "set one, or redirect_uri");
			return uri;
		}
		w->from_env |= w->base_url->from_env;
		uri = join(w, w->base_url->text, path);
	}
	if (key_is_placeholder(uri))
		return uri; /* said already */
	if (url_split(w->arena, uri, &url) != ERR_OK)
		refuse(w, pos, "redirect-relative",
		    "\"%.*s\" is not an absolute URL; providers compare it "
		    "byte for byte, so write it in full",
		    STR_ARG(uri));
	else if (url.fragment.p)
		refuse(w, pos, "redirect-fragment",
		    "a redirect URI has no fragment (RFC 6749 3.1.2); leave "
		    "out \"#%.*s\"",
		    STR_ARG(url.fragment));
	return uri;
}

/* RFC 6749 3.3: %x21 / %x23-5B / %x5D-7E */
static bool is_scope(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' ||
		    s.p[i] == '\\')
			return false;
	return s.n > 0;
}

/* The scopes with spaces between them; *openid: that one is among them. */
static struct str find_scopes(struct work *w, bool *openid)
{
	const struct value *v = value_get(w->table, "scopes");
	struct str all = str_of(w->kind->scopes);
	*openid = w->kind->openid;
	if (!v || v->kind != VALUE_ARRAY)
		return all;
	all.n = 0;
	*openid = false;
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *item = v->as.array.items[i];
		w->from_env |= item->from_env;
		*openid |= str_is(item->text, "openid");
		if (item->kind != VALUE_STRING || !is_scope(item->text))
			refuse(w, item->pos, "scope-chars",
			    "\"%.*s\" is not a scope; one a string, without "
			    "spaces, quotes and backslashes",
			    STR_ARG(item->text));
		all = arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(all),
		    i ? " " : "", STR_ARG(item->text));
	}
	if (w->kind->openid && !*openid)
		refuse(w, v->pos, "openid-missing",
		    "the scopes of [oauth.%.*s] lack \"openid\", so nobody is "
		    "told who signed in; add it",
		    STR_ARG(w->id));
	return all;
}

static bool find_pkce(struct work *w)
{
	struct str method = text(w, "pkce", "S256");
	if (!str_is(method, "S256") && !str_is(method, "none"))
		refuse(w, pos_of(w, "pkce"), "pkce-plain",
		    "pkce = \"%.*s\" protects nobody; leave it out (S256)",
		    STR_ARG(method));
	return !str_is(method, "none");
}

/* A list of strings with spaces between them. */
static struct str find_allowed(struct work *w)
{
	const struct value *v = value_get(w->table, "allow_params");
	struct str all = STR("");
	for (size_t i = 0; v && v->kind == VALUE_ARRAY && i < v->as.array.n;
	     i++) {
		w->from_env |= v->as.array.items[i]->from_env;
		all = arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(all),
		    i ? " " : "", STR_ARG(v->as.array.items[i]->text));
	}
	return all;
}

/*
 * All of this goes to the browser, so nothing secret may stand here. A
 * reference ({ env = … } or { file = … }) may: the server resolves it.
 */
static void check_secrets(struct work *w, const struct value *table)
{
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		const struct value *v = m->value;
		bool bad = v->kind != VALUE_TABLE && secret_named(m->key);
		if (v->kind == VALUE_STRING)
			bad |= secret_shaped(v->text);
		if (bad)
			refuse(w, m->pos, "secret-present",
			    "%.*s holds a secret, and a browser keeps none; "
			    "take it out, or refer to it: { env = \"…\" } or "
			    "{ file = \"…\" }",
			    STR_ARG(m->key));
		else if (v->kind == VALUE_TABLE && !secret_named(m->key))
			check_secrets(w, v);
	}
}

static void put(struct buf *url, struct str name, struct str value)
{
	buf_putc(url, '&');
	url_encode(url, name);
	buf_putc(url, '=');
	url_encode(url, value);
}

static void put_params(struct work *w, struct buf *url)
{
	const struct value *params = value_get(w->table, "params");
	if (!params || params->kind != VALUE_TABLE)
		return;
	for (size_t i = 0; i < params->as.table.n; i++) {
		const struct member *m = &params->as.table.members[i];
		for (size_t k = 0; k < sizeof(reserved) / sizeof(*reserved);
		     k++)
			if (str_is(m->key, reserved[k]))
				refuse(w, m->pos, "param-reserved",
				    "%s is set by the module itself; leave it "
				    "out",
				    reserved[k]);
		w->from_env |= m->value->from_env;
		put(url, m->key, value_spell(w->arena, m->value));
	}
}

enum err oauth_provider_read(struct arena *a, const struct member *table,
    const struct value *base_url, struct diag *diag, struct oauth_provider *out)
{
	struct work w = {
	    .arena = a,
	    .diag = diag,
	    .id = table->key,
	    .pos = table->pos,
	    .table = table->value,
	    .base_url = base_url,
	};
	struct buf url = {0};
	bool openid;
	const struct value *nonce = value_get(table->value, "nonce");
	find_kind(&w);
	struct str endpoint = find_endpoint(&w);
	struct str client_id = find_client_id(&w);
	struct str scopes = find_scopes(&w, &openid);
	*out = (struct oauth_provider){
	    .id = table->key,
	    .endpoint = endpoint,
	    .client_id = client_id,
	    .scope = scopes,
	    .redirect = find_redirect(&w),
	    .issuer = text(&w, "issuer", w.kind->issuer),
	    .allow = find_allowed(&w),
	    .nonce = openid && (!nonce || nonce->as.b),
	    .pkce = find_pkce(&w),
	};
	check_secrets(&w, table->value);

	/* An endpoint's own query stays as it is; one ending in ? or & too. */
	buf_put_str(&url, endpoint);
	if (str_find(endpoint, '?', 0) == endpoint.n)
		buf_putc(&url, '?');
	else if (!str_ends(endpoint, "?") && !str_ends(endpoint, "&"))
		buf_putc(&url, '&');
	buf_puts(&url, "response_type=code");
	put(&url, STR("client_id"), client_id);
	put(&url, STR("redirect_uri"), out->redirect);
	if (scopes.n)
		put(&url, STR("scope"), scopes);
	put_params(&w, &url);
	out->url = arena_str(a, buf_str(&url));
	out->from_env = w.from_env;
	buf_release(&url);
	return w.refused ? ERR_INPUT : ERR_OK;
}
