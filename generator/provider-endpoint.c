#include "generator/provider-work.h"

#include "generator/keys.h"

static void check_endpoint(
    struct provider_work *w, struct str endpoint, struct pos pos)
{
	struct url url;
	if (key_is_placeholder(endpoint))
		return; /* said already */
	if (url_split(w->arena, endpoint, &url) != ERR_OK)
		provider_refuse(w, pos, "endpoint-scheme",
		    "\"%.*s\" is not an https URL; write it in full",
		    STR_ARG(endpoint));
	else if (!str_is(url.scheme, "https") && !url_is_loopback(&url))
		provider_refuse(w, pos, "endpoint-scheme",
		    "sign-in at %.*s without https; http is for localhost only",
		    STR_ARG(url.host));
	else if (url.fragment.p)
		provider_refuse(w, pos, "endpoint-fragment",
		    "an authorization endpoint has no fragment; leave out "
		    "\"#%.*s\"",
		    STR_ARG(url.fragment));
	else if (url.userinfo.p)
		provider_refuse(w, pos, "endpoint-userinfo",
		    "an endpoint names no user; leave out what is before "
		    "\"@\"");
}

static struct str find(struct provider_work *w)
{
	static const char *const hosts[] = {"base_uri", "domain"};
	struct str endpoint = provider_text(w, "authorization_endpoint", NULL);
	struct pos pos = provider_pos(w, "authorization_endpoint");
	struct str path = provider_text(w, "path", w->kind->path);
	for (size_t i = 0; i < 2 && !endpoint.n; i++) {
		struct str host = provider_text(w, hosts[i], NULL);
		pos = provider_pos(w, hosts[i]);
		if (host.n && path.n)
			endpoint = provider_join(w, host, path);
	}
	if (!endpoint.n && w->kind->endpoint)
		return str_of(w->kind->endpoint);
	if (endpoint.n)
		check_endpoint(w, endpoint, pos);
	else if (!w->table->doubtful)
		provider_refuse(w, w->pos, "endpoint-missing",
		    "[oauth.%.*s] does not say where to sign in; set %s",
		    STR_ARG(w->out->id),
		    w->kind->path ? "domain" : "authorization_endpoint");
	return endpoint;
}

/* Where people sign in, and who answers from there. */
void provider_endpoint(struct provider_work *w)
{
	w->out->endpoint = find(w);
	w->out->issuer = provider_text(w, "issuer", w->kind->issuer);
}
