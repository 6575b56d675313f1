#include "generator/provider-work.h"

#include "lib/units.h"

/* A string, or an array of them, of a key; a refusal where it is neither. */
static struct strs strings(struct provider_work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	struct strs out = {0};
	bool bad = false;

	if (!v)
		return out;
	size_t n = v->kind == VALUE_ARRAY ? v->as.array.n : 1;
	out.items = arena_array(w->arena, n, sizeof(*out.items));
	for (size_t i = 0; i < n; i++) {
		const struct value *item =
		    v->kind == VALUE_ARRAY ? v->as.array.items[i] : v;
		bad |= item->kind != VALUE_STRING;
		w->out->tokens_from_env |= item->from_env;
		out.items[out.n++] = item->text;
	}
	if (bad)
		provider_refuse(w, v->pos, "wrong-type",
		    "%s is a string or an array of strings", key);
	else if (n == 0)
		provider_refuse(w, v->pos, "bad-value",
		    "%s of [%.*s] names none, and no token would be right; "
		    "name one, or leave it out",
		    key, STR_ARG(w->out->table));
	return bad ? (struct strs){0} : out;
}

/* A path, or false: no API of this site exchanges its codes. */
static void token_path(struct provider_work *w)
{
	const struct value *v = value_get(w->table, "token_path");

	w->out->has_token = true;
	if (!v)
		return;
	if ((v->kind == VALUE_BOOL && !v->as.b) ||
	    (v->from_env && str_is(v->text, "false")))
		w->out->has_token = false;
	else if (v->kind == VALUE_STRING && str_starts(v->text, "/") &&
		 !str_ends(v->text, "/"))
		w->out->token_path = v->text;
	else
		provider_refuse(w, v->pos, "wrong-type",
		    "token_path is a path such as \"/v1/login/token\", or "
		    "false: no such API");
	w->out->tokens_from_env |= v->from_env;
}

static void refresh(struct provider_work *w)
{
	const struct value *v = value_get(w->table, "refresh");
	struct str text = v && v->kind == VALUE_STRING ? v->text : STR("6h");

	/* what is no duration was told by the key table */
	if (units_duration(text, &w->out->refresh_ms) != ERR_OK)
		w->out->refresh_ms = 0;
	w->out->tokens_from_env |= v && v->from_env;
}

/*
 * What a token must be for an API of the site to take it. Both algorithms
 * prove by a public key, which is fetched with its type: neither can be passed
 * off as the other (RFC 8725 3.1).
 */
void provider_tokens(struct provider_work *w)
{
	token_path(w);
	refresh(w);
	w->out->audiences = strings(w, "audience");
	w->out->algorithms = strings(w, "algorithms");
	if (w->out->algorithms.n)
		return;
	struct str *both = arena_array(w->arena, 2, sizeof(*both));
	both[0] = STR("RS256");
	both[1] = STR("ES256");
	w->out->algorithms = (struct strs){both, 2};
}
