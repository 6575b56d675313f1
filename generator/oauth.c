#include "generator/build.h"

#include "generator/mustache.h"
#include "generator/provider.h"
#include "lib/units.h"

#define TTL_MS (10 * 60 * 1000) /* a sign-in begun longer ago is stale */

static void set(struct arena *a, struct value *table, const char *key,
    struct value *v, bool from_env)
{
	v->from_env = from_env;
	value_set(a, table, str_of(key), POS_NONE, v);
}

static struct value *row(struct arena *a, const struct oauth_provider *p)
{
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
	const struct {
		const char *key;
		struct str text;
	} texts[] = {
	    {"id", p->id},
	    {"url", p->url},
	    {"redirect", p->redirect},
	    {"issuer", p->issuer},
	    {"allow", p->allow},
	    {"nonce", p->nonce ? STR("1") : STR("0")},
	    {"pkce", p->pkce ? STR("1") : STR("0")},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		set(a, row, texts[i].key,
		    value_string(a, texts[i].text, POS_NONE), p->from_env);
	return row;
}

/* What the template sees: providers, storage, ttl, beside what pages see. */
static struct value *module_data(
    struct build *b, const struct value *oauth, struct value *providers)
{
	struct value *data = value_new(b->arena, VALUE_TABLE, POS_NONE);
	const struct value *ttl = value_get(oauth, "ttl");
	int64_t ms = TTL_MS;
	if (ttl && units_duration(ttl->text, &ms) != ERR_OK)
		diag_error(b->diag, ttl->pos, "bad-value",
		    "\"%.*s\" is not a duration; write it as \"10m\"",
		    STR_ARG(ttl->text));
	bool local = str_is(value_text(oauth, "storage"), "local");
	set(b->arena, data, "providers", providers, false);
	set(b->arena, data, "storage",
	    value_string(b->arena,
		local ? STR("localStorage") : STR("sessionStorage"), POS_NONE),
	    false);
	set(b->arena, data, "ttl", value_int(b->arena, ms, POS_NONE),
	    ttl && ttl->from_env);
	set(b->arena, data, "name",
	    value_string(b->arena, b->site->name, POS_NONE), false);
	return data;
}

/*
 * oauth.mjs, when the site declares a provider. Reads every table before it
 * gives up, so that all refusals are told at once.
 */
enum err produce_oauth(struct build *b)
{
	const struct value *oauth = value_get(b->site->root, "oauth");
	const struct value *base = value_get(b->site->root, "base_url");
	struct value *list = value_new(b->arena, VALUE_ARRAY, POS_NONE);
	struct str module;
	enum err err = ERR_OK;
	bool from_env = false;
	if (!oauth || oauth->kind != VALUE_TABLE)
		return ERR_OK;
	for (size_t i = 0; i < oauth->as.table.n; i++) {
		const struct member *m = &oauth->as.table.members[i];
		struct oauth_provider p;
		if (m->value->kind != VALUE_TABLE)
			continue; /* storage, ttl */
		enum err one =
		    oauth_provider_read(b->arena, m, base, b->diag, &p);
		if (one != ERR_OK)
			err = one;
		else
			value_push(b->arena, list, row(b->arena, &p));
	}
	if (err != ERR_OK || !list->as.array.n)
		return err;
	err = build_template(b, "client/oauth.mjs", module_data(b, oauth, list),
	    ESCAPE_JS, &module, &from_env);
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(
	    b, "oauth.mjs", module, from_env, oauth->pos);
}
