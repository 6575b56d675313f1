#include "generator/provider-work.h"

#include "generator/keys.h"

/*
 * Signing out at the provider: a URL that is complete when the site is built,
 * so a page may have it as a plain link. Cognito takes client_id and
 * logout_uri; OpenID Connect RP-Initiated Logout 1.0, client_id and
 * post_logout_redirect_uri, of which the latter may be left out.
 */
static const struct style {
	const char *name, *back;
	bool needs_back;
} styles[] = {
    {"cognito", "logout_uri", true},
    {"oidc", "post_logout_redirect_uri", false},
};
#define N_STYLES (sizeof(styles) / sizeof(*styles))

static const struct style *find_style(
    struct provider_work *w, const struct value *logout)
{
	struct str name = provider_text(w, "style", w->kind->logout_style);

	for (size_t i = 0; i < N_STYLES; i++)
		if (str_is(name, styles[i].name))
			return &styles[i];
	if (!logout->doubtful && !name.n)
		provider_refuse(w, w->pos, "logout-style",
		    "kind \"%s\" does not say how its sign-out is asked; set "
		    "style = \"oidc\" or \"cognito\" in logout",
		    w->kind->name);
	return NULL;
}

/* The kind's own, below where people sign in, or what logout says. */
static struct str find_endpoint(
    struct provider_work *w, const struct value *logout)
{
	struct str said = provider_text(w, "endpoint", NULL);

	if (said.p) {
		provider_check_url(
		    w, "logout.endpoint", said, provider_pos(w, "endpoint"));
		return said;
	}
	if (w->kind->logout && w->base.n)
		return provider_join(w, w->base, str_of(w->kind->logout));
	if (logout->doubtful || !w->out->endpoint.n)
		return said; /* it may be the key that nobody knows */
	if (w->kind->logout_style)
		provider_refuse(w, w->pos, "logout-endpoint",
		    "[%.*s] does not say where to sign out; set endpoint "
		    "in logout",
		    STR_ARG(w->out->table));
	else
		provider_refuse(w, w->pos, "logout-endpoint",
		    "kind \"%s\" has no sign-out that a site could ask for; "
		    "leave logout out, or set its endpoint and style if yours "
		    "has one",
		    w->kind->name);
	return said;
}

/* What the endpoint's own query already says would be said twice. */
static void check_clash(struct provider_work *w, const struct style *style)
{
	struct str query = provider_query(w->out->logout_endpoint), name, value;

	while (provider_next_param(w, &query, &name, &value))
		if (str_is(name, "client_id") || str_is(name, style->back))
			provider_refuse(w, provider_pos(w, "endpoint"),
			    "endpoint-param-clash",
			    "%.*s in the query of logout.endpoint is set by "
			    "lowtide; leave it out there",
			    STR_ARG(name));
}

static struct str find_back(struct provider_work *w, const struct value *logout,
    const struct style *style)
{
	struct str path = provider_text(w, "return_path", NULL);
	struct pos pos = provider_pos(w, "return_path");
	struct str none = {0};

	w->out->logout_redirect_pos = pos;
	if (path.p) {
		if (key_is_placeholder(path))
			return none;
		struct str uri =
		    provider_page(w, "logout.return_path", path, pos);
		return uri.p && provider_check_page(
				    w, "logout.return_path", uri, pos)
			   ? uri
			   : none;
	}
	if (style && style->needs_back && !logout->doubtful)
		provider_refuse(w, w->pos, "logout-return",
		    "sign-out of style \"%s\" needs a page to come back to; "
		    "set return_path in logout",
		    style->name);
	return none;
}

static struct str whole_url(struct provider_work *w, const struct style *style)
{
	struct buf url = {0};
	struct str text = {0};

	provider_open(&url, w->out->logout_endpoint);
	buf_puts(&url, "client_id=");
	/* one that is no text was told of the authorization URL */
	if (url_encode(&url, w->out->client_id) == ERR_OK) {
		if (w->out->logout_redirect.n)
			provider_put(w, &url, str_of(style->back),
			    w->out->logout_redirect,
			    provider_pos(w, "return_path"));
		text = arena_str(w->arena, buf_str(&url));
	}
	buf_release(&url);
	return text;
}

static void find(struct provider_work *w, const struct value *logout)
{
	struct oauth_provider *out = w->out;
	const struct style *style;

	out->from_env |= logout->from_env;
	out->logout_endpoint = find_endpoint(w, logout);
	style = out->logout_endpoint.n || w->kind->logout_style
		    ? find_style(w, logout)
		    : NULL;
	out->logout_redirect = find_back(w, logout, style);
	if (!style || !out->logout_endpoint.n)
		return;
	check_clash(w, style);
	out->logout_style = style->name;
	out->logout_url = whole_url(w, style);
}

/* Where people sign out, if the table says that they can. */
void provider_logout(struct provider_work *w)
{
	const struct member *m = value_member(w->table, STR("logout"));
	const struct value *table = w->table;
	struct pos pos = w->pos;

	if (!m || m->value->kind != VALUE_TABLE)
		return;
	/* the steps' helpers look at its keys, and blame its place */
	w->table = m->value;
	w->pos = m->pos;
	find(w, m->value);
	w->table = table;
	w->pos = pos;
}
