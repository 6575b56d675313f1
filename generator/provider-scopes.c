#include "generator/provider-work.h"

#include "generator/keys.h"

bool provider_is_scope(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' ||
		    s.p[i] == '\\')
			return false;
	return s.n > 0;
}

/* The i-th of them, by itself and beside those before it. */
static void check(struct provider_work *w, const struct value *all, size_t i)
{
	const struct value *item = all->as.array.items[i];
	struct str scope = item->text;

	if (item->kind == VALUE_STRING && key_is_placeholder(scope)) {
		provider_refuse(w, item->pos, "placeholder",
		    "a scope is %s%.*s; give it its value",
		    scope.n ? "still " : "empty", STR_ARG(scope));
		return;
	}
	if (item->kind != VALUE_STRING || !provider_is_scope(scope)) {
		provider_refuse(w, item->pos, "scope-chars",
		    "\"%.*s\" is not a scope (RFC 6749 3.3); each is a string "
		    "of its own, of ASCII without spaces, quotes and "
		    "backslashes",
		    STR_ARG(scope));
		return;
	}
	for (size_t k = 0; k < i; k++)
		if (str_eq(all->as.array.items[k]->text, scope)) {
			provider_refuse(w, item->pos, "scope-dup",
			    "\"%.*s\" is asked for twice; leave out one",
			    STR_ARG(scope));
			return;
		}
}

/* The scopes with spaces between them; *openid: that one is among them. */
static struct str find(struct provider_work *w, bool *openid)
{
	const struct value *v = value_get(w->table, "scopes");

	*openid = w->kind->openid;
	if (!v || v->kind != VALUE_ARRAY)
		return str_of(w->kind->scopes);
	*openid = false;
	for (size_t i = 0; i < v->as.array.n; i++) {
		*openid |= str_is(v->as.array.items[i]->text, "openid");
		check(w, v, i);
	}
	return provider_list(w, "scopes");
}

/* What is asked for; a nonce where that is to know who it is. */
void provider_scopes(struct provider_work *w)
{
	const struct value *nonce = value_get(w->table, "nonce");
	bool wanted = !nonce || nonce->kind != VALUE_BOOL || nonce->as.b;
	bool openid;

	w->out->scope = find(w, &openid);
	w->out->openid = openid;
	w->out->nonce = openid && wanted;
	if (nonce)
		w->out->from_env |= nonce->from_env;
	if (w->table->doubtful && (!nonce || !value_get(w->table, "scopes")))
		return; /* it may be the key that nobody knows */
	if (nonce && wanted && !openid)
		provider_refuse(w, nonce->pos, "nonce-without-openid",
		    "a nonce comes back in an ID token, which only the scope "
		    "\"openid\" brings; add it to scopes, or leave nonce out");
	else if (w->kind->openid && wanted && !openid)
		provider_refuse(w, provider_pos(w, "scopes"), "openid-missing",
		    "the scopes of [%.*s] lack \"openid\", so nobody is "
		    "told who signed in; add it, or say nonce = false if that "
		    "is not asked",
		    STR_ARG(w->out->table));
}
