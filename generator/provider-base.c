#include "generator/provider-work.h"

#include "generator/keys.h"

/*
 * Where the provider is. What follows from a kind (paths, and URLs of its own
 * servers) is told for the server that the table means and for no other, so
 * nothing leads to a live server that the table does not name.
 */
#define TENANT "{tenant}"

/* Letters, digits, dots and hyphens: an id, a domain, "common". */
static bool is_tenant(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' ||
			(c == '.' && i > 0 && s.p[i - 1] != '.')))
			return false;
	}
	return s.n > 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_guid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen
			? c != '-'
			: !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			      (c >= 'A' && c <= 'F')))
			return false;
	}
	return s.n == 36;
}

static bool has_tenant(const char *url)
{
	return url && strstr(url, TENANT);
}

/* A URL of the kind, which may be NULL, with the tenant in its place. */
static struct str with_tenant(struct provider_work *w, const char *url)
{
	const char *at = url ? strstr(url, TENANT) : NULL;

	if (!at)
		return str_of(url);
	return arena_printf(w->arena, "%.*s%.*s%s", (int)(at - url), url,
	    STR_ARG(w->tenant), at + sizeof(TENANT) - 1);
}

static void find_tenant(struct provider_work *w)
{
	struct str tenant = provider_text(w, "tenant", NULL);
	struct pos pos = provider_pos(w, "tenant");

	if (has_tenant(w->kind->base))
		w->tenant = tenant;
	if (!tenant.p || key_is_placeholder(tenant))
		return;
	if (!has_tenant(w->kind->base))
		provider_refuse(w, pos, "tenant-unused",
		    "kind \"%s\" has no tenants, \"entra\" has; take it out, "
		    "or set kind",
		    w->kind->name);
	else if (!is_tenant(tenant))
		provider_refuse(w, pos, "tenant-chars",
		    "\"%.*s\" is no tenant; it is an id such as \"1b2f4c6e-…\" "
		    "or a name such as \"example.onmicrosoft.com\"",
		    STR_ARG(tenant));
}

/* Each of these says where people sign in; path does beside the first. */
static bool says_where(struct provider_work *w, const char *key)
{
	if (strcmp(key, "tenant") == 0)
		return w->tenant.p;
	if (strcmp(key, "path") == 0 &&
	    !value_get(w->table, "authorization_endpoint"))
		return false;
	return value_get(w->table, key);
}

static void refuse_two(struct provider_work *w)
{
	static const char *const ways[] = {
	    "authorization_endpoint", "base_uri", "domain", "tenant", "path"};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (!says_where(w, ways[i]))
			continue;
		if (first)
			provider_refuse(w, provider_pos(w, ways[i]),
			    "endpoint-twice",
			    "%s and %s both say where people sign in, and one "
			    "of them would be ignored; keep the other",
			    first, ways[i]);
		else
			first = ways[i];
	}
}

/* The base that stands before the kind's path in a whole endpoint. */
static struct str base_of(struct provider_work *w, struct str endpoint)
{
	if (!w->kind->path || !str_ends(endpoint, w->kind->path))
		return (struct str){0};
	return str_slice(endpoint, 0, endpoint.n - strlen(w->kind->path));
}

/* Of the kind, without domain and base_uri. */
static struct str own_base(struct provider_work *w)
{
	const char *base =
	    str_is(w->variant, "sandbox") && w->kind->sandbox_base
		? w->kind->sandbox_base
		: w->kind->base;

	if (has_tenant(base) && !w->tenant.p)
		return (struct str){0};
	return with_tenant(w, base);
}

/* Each of the two is looked at, whatever the other is like. */
static struct str join(
    struct provider_work *w, const char *key, struct str base, struct str path)
{
	struct str endpoint = provider_join(w, base, path), checked = endpoint;

	w->endpoint_pos = provider_pos(w, key);
	if (!provider_check_base(w, key, base, w->endpoint_pos))
		checked = provider_join(w, STR("https://localhost"), path);
	if (value_get(w->table, "path")) {
		w->endpoint_pos = provider_pos(w, "path");
		provider_check_url(w, "path", checked, w->endpoint_pos);
	}
	return endpoint;
}

/* A whole endpoint where its beginning belongs would have its path twice. */
static void check_end(
    struct provider_work *w, const char *key, struct str base, struct pos pos)
{
	if (str_ends(base, "/"))
		base.n--;
	if (str_ends(base, w->kind->path))
		provider_refuse(w, pos, "endpoint-whole",
		    "%s ends in \"%s\", and kind \"%s\" adds that; leave it "
		    "out here",
		    key, w->kind->path, w->kind->name);
}

static void refuse_missing(struct provider_work *w, bool has_base)
{
	const char *set = "authorization_endpoint";
	const struct provider_kind *called = provider_kind_named(w->out->id);

	/* who calls a table like a kind may think that this says it */
	if (!value_get(w->table, "kind") && called && called != w->kind)
		set = arena_printf(w->arena, "kind = \"%s\"", called->name).p;
	else if (has_base)
		set = "path";
	else if (has_tenant(w->kind->base))
		set = "tenant";
	else if (w->kind->path)
		set = "domain";
	else if (value_get(w->table, "path"))
		set = "base_uri";
	if (!w->table->doubtful) /* it may be the key that nobody knows */
		provider_refuse(w, w->pos, "endpoint-missing",
		    "[%.*s] does not say where to sign in; set %s",
		    STR_ARG(w->out->table), set);
}

/* The authorization endpoint; w->base where kind's paths are below it. */
static struct str find(struct provider_work *w)
{
	struct str endpoint = provider_text(w, "authorization_endpoint", NULL);
	struct str path = provider_text(w, "path", w->kind->path);
	bool usual = w->kind->path && str_is(path, w->kind->path);

	if (endpoint.p) {
		w->endpoint_pos = provider_pos(w, "authorization_endpoint");
		provider_check_url(
		    w, "authorization_endpoint", endpoint, w->endpoint_pos);
		w->out->base = w->base = base_of(w, endpoint);
		return endpoint;
	}
	const char *key =
	    value_get(w->table, "base_uri") ? "base_uri" : "domain";
	struct str base = provider_text(w, key, NULL);
	bool own = !base.p;
	if (own)
		base = own_base(w);
	if (!base.p || !path.p) {
		refuse_missing(w, base.p);
		return endpoint;
	}
	w->out->base =
	    str_ends(base, "/") ? str_slice(base, 0, base.n - 1) : base;
	if (usual)
		w->base = w->out->base;
	if (own && usual)
		return provider_join(w, base, path);
	if (usual)
		check_end(w, key, base, provider_pos(w, key));
	return join(w, own ? "path" : key, base, path);
}

bool provider_is_own(struct provider_work *w, bool sandbox)
{
	const char *url = sandbox ? w->kind->sandbox_base : w->kind->base;

	return w->base.n && url && str_eq(w->base, with_tenant(w, url));
}

/* The issuer, where the kind's is known for this server. */
static struct str own_issuer(struct provider_work *w)
{
	const char *issuer = w->kind->issuer;

	if (!provider_is_own(w, false) ||
	    (has_tenant(issuer) && !is_guid(w->tenant)))
		return (struct str){0};
	return with_tenant(w, issuer);
}

/* Where people sign in. */
void provider_base(struct provider_work *w)
{
	find_tenant(w);
	refuse_two(w);
	w->out->endpoint = find(w);
	w->out->issuer = own_issuer(w);
}
