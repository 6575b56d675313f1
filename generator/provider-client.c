#include "generator/provider-work.h"

#include "generator/keys.h"

/* RFC 6749 Appendix A.1: visible ASCII and the space. */
static bool is_vschar(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static struct str find_id(struct provider_work *w)
{
	struct str id = str_trim(provider_raw(w, "client_id"));
	struct pos pos = provider_pos(w, "client_id");
	if (!id.n && w->table->doubtful)
		return id; /* it may be the key that nobody knows */
	if (!id.n)
		provider_refuse(w, pos, "client-id-empty",
		    "[%.*s] has no client_id; set the one the provider "
		    "gave you, in env/NAME.toml if environments differ",
		    STR_ARG(w->out->table));
	else if (key_is_placeholder(id))
		provider_refuse(w, pos, "client-id-placeholder",
		    "\"%.*s\" stands for a client_id; set the real one",
		    STR_ARG(id));
	else if (!is_vschar(id))
		provider_refuse(w, pos, "client-id-chars",
		    "\"%.*s\" has characters that no client_id has (RFC 6749 "
		    "A.1: ASCII without control characters); copy it again",
		    STR_ARG(id));
	return id;
}

static bool find_pkce(struct provider_work *w)
{
	struct str method = provider_text(w, "pkce", "S256");
	if (!str_is(method, "S256") && !str_is(method, "none") &&
	    !key_is_placeholder(method))
		provider_refuse(w, provider_pos(w, "pkce"), "pkce-plain",
		    "pkce = \"%.*s\" %s; leave it out, it is \"S256\" then",
		    STR_ARG(method),
		    str_is(method, "plain")
			? "shows the code's proof to whoever sees the URL"
			: "is no method");
	return !str_is(method, "none");
}

/* Who asks, and what proves that the answer is for him. */
void provider_client(struct provider_work *w)
{
	const struct value *secret = value_get(w->table, "client_secret");

	w->out->client_id = find_id(w);
	w->out->pkce = find_pkce(w);
	w->out->confidential = secret || w->kind->confidential;
	w->out->from_env |= secret && secret->from_env;
}
