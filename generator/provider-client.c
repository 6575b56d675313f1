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

/* <client-id>, {{client_id}}, %CLIENT_ID%, $CLIENT_ID */
static bool is_tag(struct str id)
{
	static const char *const marks[] = {"{{", "}}"};
	bool upper = id.n > 2;

	for (size_t i = 0; i < 2; i++)
		if (memmem(id.p, id.n, marks[i], 2))
			return true;
	for (size_t i = 1; i + 1 < id.n; i++)
		upper &= id.p[i] == '_' || (id.p[i] >= 'A' && id.p[i] <= 'Z');
	return (str_starts(id, "<") && str_ends(id, ">")) ||
	       (upper && (str_starts(id, "$") ||
			     (str_starts(id, "%") && str_ends(id, "%"))));
}

/* What stands in examples, init's own among them, and in programs. */
static bool is_stand_in(struct arena *a, struct str id)
{
	static const char *const words[] = {"as_the_provider_gave_it",
	    "change_me", "changeme", "client_id", "none", "null", "undefined",
	    "xxx"};
	char *text = arena_cstr(a, id);

	for (size_t i = 0; i < id.n; i++)
		if (text[i] == '-')
			text[i] = '_';
	struct str plain = str_of(text);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_ieq(plain, str_of(words[i])))
			return true;
	return is_tag(id) ||
	       (str_ieq(str_slice(plain, 0, 5), STR("your_")) &&
		   str_ieq(str_slice(plain, id.n - 3, id.n), STR("_id")));
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
	else if (key_is_placeholder(id) || is_stand_in(w->arena, id))
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
	if (secret && key_is_reference(secret))
		w->out->client_secret = secret;
	w->out->from_env |= secret && secret->from_env;
}
