#include "generator/provider-work.h"

#include "generator/keys.h"

static struct str find_id(struct provider_work *w)
{
	struct str id = str_trim(provider_raw(w, "client_id"));
	struct pos pos = provider_pos(w, "client_id");
	if (!id.n && w->table->doubtful)
		return id; /* it may be the key that nobody knows */
	if (!id.n)
		provider_refuse(w, pos, "client-id-empty",
		    "[oauth.%.*s] has no client_id; set the one the provider "
		    "gave you, in env/NAME.toml if environments differ",
		    STR_ARG(w->out->id));
	else if (key_is_placeholder(id))
		provider_refuse(w, pos, "client-id-placeholder",
		    "\"%.*s\" stands for a client_id; set the real one",
		    STR_ARG(id));
	return id;
}

static bool find_pkce(struct provider_work *w)
{
	struct str method = provider_text(w, "pkce", "S256");
	if (!str_is(method, "S256") && !str_is(method, "none"))
		provider_refuse(w, provider_pos(w, "pkce"), "pkce-plain",
		    "pkce = \"%.*s\" protects nobody; leave it out (S256)",
		    STR_ARG(method));
	return !str_is(method, "none");
}

/* Who asks, and what proves that the answer is for him. */
void provider_client(struct provider_work *w)
{
	const struct value *secret = value_get(w->table, "client_secret");

	w->out->client_id = find_id(w);
	w->out->pkce = find_pkce(w);
	w->out->has_secret = secret;
	w->out->from_env |= secret && secret->from_env;
}
