#include "generator/classic.h"

#include <ctype.h>

/* What the pages call the provider itself, where it has variants. */
#define LIVE "live"

static void set(struct arena *a, struct value *table, const char *key,
    struct str text, bool from_env)
{
	struct value *v = value_string(a, text, POS_NONE);

	v->from_env = from_env;
	value_set(a, table, str_of(key), POS_NONE, v);
}

/*
 * The URL around its scope, which pages may narrow: `before&scope=…after`.
 * Behind the endpoint everything is encoded, so that no other `&scope=` comes
 * first there.
 */
static void split_url(
    const struct oauth_provider *p, struct str *before, struct str *after)
{
	static const char mark[] = "&scope=";
	size_t at = p->endpoint.n;

	while (
	    at < p->url.n && !str_starts(str_slice(p->url, at, p->url.n), mark))
		at++;
	*before = str_slice(p->url, 0, at);
	*after = str_slice(p->url, str_find(p->url, '&', at + 1), p->url.n);
}

static struct value *provider(struct arena *a, const struct oauth_provider *p)
{
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
	struct str before, after;

	split_url(p, &before, &after);
	set(a, row, "id", p->id, p->from_env);
	set(a, row, "before", before, p->from_env);
	set(a, row, "scope", p->scope, p->from_env);
	set(a, row, "after", after, p->from_env);
	set(a, row, "nonce", p->nonce ? STR("1") : STR("0"), p->from_env);
	set(a, row, "pkce", p->pkce ? STR("1") : STR("0"), p->from_env);
	return row;
}

/* "company-house" → "CompanyHouse" */
static struct str camel(struct arena *a, struct str id)
{
	char *name = arena_alloc(a, id.n + 1);
	size_t n = 0;
	bool upper = true;

	for (size_t i = 0; i < id.n; i++) {
		bool joint = id.p[i] == '-' || id.p[i] == '_';
		if (!joint)
			name[n++] = upper
					? (char)toupper((unsigned char)id.p[i])
					: id.p[i];
		upper = joint;
	}
	return (struct str){name, n};
}

static struct value *builder(
    struct arena *a, struct str name, const struct oauth_provider *p)
{
	struct value *row = value_new(a, VALUE_TABLE, POS_NONE);

	set(a, row, "name", name, false);
	set(a, row, "id", p->id, false);
	value_set(a, row, STR("openid"), POS_NONE,
	    value_bool(a, p->openid, POS_NONE));
	return row;
}

/* The id of an earlier one whose function has the same name; or no text. */
static struct str earlier(const struct value *builders, struct str name)
{
	for (size_t i = 0; i < builders->as.array.n; i++)
		if (str_eq(
			value_text(builders->as.array.items[i], "name"), name))
			return value_text(builders->as.array.items[i], "id");
	return (struct str){0};
}

static bool put_builder(
    struct build *b, struct value *builders, const struct oauth_provider *p)
{
	struct str name = camel(b->arena, p->id);
	struct str other = earlier(builders, name);

	if (other.n) {
		diag_error(b->diag, p->pos, "builder-clash",
		    "[oauth.%.*s] and [oauth.%.*s] would both be "
		    "build%.*sAuthUrl in a classic script; rename one of them",
		    STR_ARG(other), STR_ARG(p->id), STR_ARG(name));
		return false;
	}
	value_push(b->arena, builders, builder(b->arena, name, p));
	return true;
}

static bool check_variant(
    struct build *b, const struct oauth_provider *p, size_t colon)
{
	if (!str_is(str_slice(p->id, colon + 1, p->id.n), LIVE))
		return true;
	diag_error(b->diag, p->pos, "builder-clash",
	    "in a classic script \"" LIVE "\" is [oauth.%.*s] itself and no "
	    "variant of it; rename the variant",
	    STR_ARG(str_slice(p->id, 0, colon)));
	return false;
}

enum err classic_data(struct build *b, const struct dotenv_providers *providers,
    struct value **data)
{
	struct arena *a = b->arena;
	struct value *rows = value_new(a, VALUE_ARRAY, POS_NONE);
	struct value *builders = value_new(a, VALUE_ARRAY, POS_NONE);
	bool good = true;

	for (size_t i = 0; i < providers->n; i++) {
		const struct oauth_provider *p = &providers->list[i];
		size_t colon = str_find(p->id, ':', 0);
		value_push(a, rows, provider(a, p));
		if (colon < p->id.n)
			good &= check_variant(b, p, colon);
		else
			good &= put_builder(b, builders, p);
	}
	*data = value_new(a, VALUE_TABLE, POS_NONE);
	set(a, *data, "name", b->site->name, false);
	value_set(a, *data, STR("signs_in"), POS_NONE,
	    value_bool(a, providers->n > 0, POS_NONE));
	value_set(a, *data, STR("providers"), POS_NONE, rows);
	value_set(a, *data, STR("builders"), POS_NONE, builders);
	return good && providers->err == ERR_OK ? ERR_OK : ERR_INPUT;
}

enum err classic_put(struct build *b, const struct value *data,
    const struct dotenv *d, const struct value *script)
{
	struct value *own = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct str path =
	    arena_printf(b->arena, "/%.*s", STR_ARG(script->text));
	struct str text;
	bool from_env = d->from_env;

	for (size_t i = 0; i < data->as.table.n; i++)
		value_set(b->arena, own, data->as.table.members[i].key,
		    POS_NONE, data->as.table.members[i].value);
	value_set(b->arena, own, STR("entries"), POS_NONE, d->entries);
	enum err err = build_template(
	    b, "client/classic.js", own, ESCAPE_JS, &text, &from_env);
	if (err == ERR_OK)
		err = out_put(&b->out, OUT_WWW, path.p + 1, text, OUT_POINTER,
		    from_env, script->pos, b->diag);
	if (err == ERR_OK)
		build_ref(b, path, path);
	return err;
}
