#include "generator/provider-work.h"

/* A URL of the table, checked; p NULL where it says nothing. */
static struct str said(struct provider_work *w, const char *key)
{
	struct str url = provider_text(w, key, NULL);

	if (url.p)
		provider_check_url(w, key, url, provider_pos(w, key));
	return url;
}

static bool is_whole(const char *url)
{
	return url && *url != '/';
}

/* What the kind says: whole for its own servers, or below the base. */
static struct str usual(
    struct provider_work *w, const char *url, const char *sandbox)
{
	if (is_whole(url)) {
		if (provider_is_own(w, false))
			return str_of(url);
		return str_of(provider_is_own(w, true) ? sandbox : NULL);
	}
	if (!url || !w->base.n)
		return (struct str){0};
	return provider_join(w, w->base, str_of(url));
}

static void find_issuer(struct provider_work *w)
{
	struct str issuer = provider_text(w, "issuer", NULL);
	struct str iss = provider_text(w, "iss", NULL);

	if (issuer.p) {
		provider_check_base(
		    w, "issuer", issuer, provider_pos(w, "issuer"));
		w->out->issuer = issuer;
	}
	w->out->iss_required = str_is(iss, "required");
	if (w->out->iss_required && !w->out->issuer.n && !w->table->doubtful)
		provider_refuse(w, provider_pos(w, "iss"), "issuer-missing",
		    "iss = \"required\" of [%.*s] says not which one; set "
		    "issuer too",
		    STR_ARG(w->out->table));
}

/* The other URLs of that server: who it says it is, its tokens, its keys. */
void provider_endpoint(struct provider_work *w)
{
	const struct provider_kind *kind = w->kind;
	struct oauth_provider *out = w->out;

	find_issuer(w);
	out->token_endpoint = said(w, "token_endpoint");
	if (!out->token_endpoint.p)
		out->token_endpoint =
		    usual(w, kind->token, kind->sandbox_token);
	out->jwks_uri = said(w, "jwks_uri");
	if (!out->jwks_uri.p && out->issuer.n && kind->issuer_jwks)
		out->jwks_uri =
		    provider_join(w, out->issuer, str_of(kind->issuer_jwks));
	else if (!out->jwks_uri.p)
		out->jwks_uri = usual(w, kind->jwks, NULL);
}
