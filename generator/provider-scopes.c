#include "generator/provider-work.h"

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
static struct str find(struct provider_work *w, bool *openid)
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
		w->out->from_env |= item->from_env;
		*openid |= str_is(item->text, "openid");
		if (item->kind != VALUE_STRING || !is_scope(item->text))
			provider_refuse(w, item->pos, "scope-chars",
			    "\"%.*s\" is not a scope; one a string, without "
			    "spaces, quotes and backslashes",
			    STR_ARG(item->text));
		all = arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(all),
		    i ? " " : "", STR_ARG(item->text));
	}
	if (w->kind->openid && !*openid)
		provider_refuse(w, v->pos, "openid-missing",
		    "the scopes of [oauth.%.*s] lack \"openid\", so nobody is "
		    "told who signed in; add it",
		    STR_ARG(w->out->id));
	return all;
}

/* What is asked for; a nonce where that is to know who it is. */
void provider_scopes(struct provider_work *w)
{
	const struct value *nonce = value_get(w->table, "nonce");
	bool openid;

	w->out->scope = find(w, &openid);
	w->out->nonce = openid && (!nonce || nonce->as.b);
}
