#include "generator/client.h"

#include "generator/mustache.h"

static void set(struct arena *a, struct value *table, const char *key,
    struct value *v, bool from_env)
{
	v->from_env = from_env;
	value_set(a, table, str_of(key), POS_NONE, v);
}

/* Null, which a section leaves out, where there is none. */
static struct value *text(struct arena *a, struct str s)
{
	return s.n ? value_string(a, s, POS_NONE)
		   : value_new(a, VALUE_NULL, POS_NONE);
}

/* {first, rest: […]}, for commas between them; null for none. */
static struct value *allowed(struct arena *a, struct str by_spaces)
{
	struct value *allow = value_new(a, VALUE_TABLE, POS_NONE);
	struct value *rest = value_new(a, VALUE_ARRAY, POS_NONE);

	if (!by_spaces.n)
		return value_new(a, VALUE_NULL, POS_NONE);
	for (size_t at = 0, end; at < by_spaces.n; at = end + 1) {
		end = str_find(by_spaces, ' ', at);
		struct value *name = text(a, str_slice(by_spaces, at, end));
		if (at == 0)
			set(a, allow, "first", name, false);
		else
			value_push(a, rest, name);
	}
	set(a, allow, "rest", rest, false);
	return allow;
}

/* What oauth.mjs.mustache says of a row. */
static struct value *row(struct arena *a, const struct oauth_provider *p)
{
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
	const struct {
		const char *key;
		struct value *value;
	} members[] = {
	    {"id", text(a, p->id)},
	    {"url", text(a, p->url)},
	    {"redirect", text(a, p->redirect)},
	    {"pkce", value_bool(a, p->pkce, POS_NONE)},
	    {"nonce", value_bool(a, p->nonce, POS_NONE)},
	    {"iss", text(a, p->issuer)},
	    {"iss_required", value_bool(a, p->iss_required, POS_NONE)},
	    {"allow", allowed(a, p->allow)},
	    {"logout", text(a, p->logout_url)},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		set(a, row, members[i].key, members[i].value, p->from_env);
	return row;
}

/* What the template sees: name, storage, ttl, providers. */
static struct value *module_data(struct build *b, struct value *providers)
{
	struct arena *a = b->arena;
	struct value *data = value_new(a, VALUE_TABLE, POS_NONE);
	const struct value *storage = site_value(b->site, "oauth.storage");
	const struct value *ttl = site_value(b->site, "oauth.ttl");
	bool local = str_is(site_text(b->site, "oauth.storage"), "local");
	set(a, data, "name", value_string(a, b->site->name, POS_NONE), false);
	set(a, data, "storage",
	    value_string(a, local ? STR("localStorage") : STR("sessionStorage"),
		POS_NONE),
	    storage && storage->from_env);
	set(a, data, "ttl",
	    value_int(a, site_amount(b->site, "oauth.ttl"), POS_NONE),
	    ttl && ttl->from_env);
	set(a, data, "providers", providers, false);
	return data;
}

/* NULL when the site declares no provider. */
enum err oauth_module_data(struct build *b, struct value **data)
{
	struct value *rows = value_new(b->arena, VALUE_ARRAY, POS_NONE);
	struct oauth_provider *list;
	size_t n;
	enum err err = oauth_providers(b, b->diag, &list, &n);

	*data = NULL;
	for (size_t i = 0; i < n; i++)
		value_push(b->arena, rows, row(b->arena, &list[i]));
	if (err == ERR_OK && n)
		*data = module_data(b, rows);
	return err;
}

/* oauth.mjs, when the site declares a provider. */
enum err produce_oauth(struct build *b)
{
	struct str module;
	struct value *data;
	bool from_env = false;
	enum err err = oauth_module_data(b, &data);

	if (err != ERR_OK || !data)
		return err;
	err = build_template(
	    b, "client/oauth.mjs", data, ESCAPE_JS, &module, &from_env);
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(b, "oauth.mjs", module, from_env,
	    site_table(b->site, "oauth")->pos);
}
