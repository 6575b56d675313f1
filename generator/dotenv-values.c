#include "generator/dotenv.h"

#include <string.h>

/*
 * What may be published and is therefore to be named: [public], as pages name
 * it; the site's own addresses; of a provider what every browser is given.
 */

static const struct value *of_public(struct dotenv *d, const struct value *name)
{
	const char *path = arena_cstr(d->b->arena, name->text);
	const struct value *found =
	    strlen(path) == name->text.n ? site_value(d->b->site, path) : NULL;

	if (!found) {
		if (!d->b->site->lacks_data)
			diag_error(d->b->diag, name->pos, "not-public",
			    "there is no `%s`; add it to [public], or name "
			    "another",
			    path);
		return NULL;
	}
	if (found->kind == VALUE_TABLE || found->kind == VALUE_ARRAY) {
		if (!found->broken)
			diag_error(d->b->diag, name->pos, "env-unrepresentable",
			    "`%s` is %s, and a line holds one value; name "
			    "what is in it",
			    path, value_kind_name(found->kind));
		return NULL;
	}
	return found->broken ? NULL : found;
}

/* An address of the site's: what its key gave, or its default. */
static const struct value *address(struct dotenv *d, const struct value *name,
    const char *key, struct str text)
{
	const struct value *said = site_value(d->b->site, key);

	if (said && said->broken)
		return NULL;
	if (!text.n) {
		diag_error(d->b->diag, name->pos, "empty-field",
		    "the site has no %s; set it, or leave the key out of "
		    "`dotenv.%.*s`",
		    key, STR_ARG(d->name));
		return NULL;
	}
	struct value *v = value_string(d->b->arena, text, name->pos);
	v->from_env = said && said->from_env;
	return v;
}

const struct value *dotenv_value(struct dotenv *d, const struct value *name)
{
	if (name->kind != VALUE_STRING) {
		diag_error(d->b->diag, name->pos, "wrong-type",
		    "a value of `dotenv.%.*s.groups` must be a string such as "
		    "\"public.x\", not %s",
		    STR_ARG(d->name), value_kind_name(name->kind));
		return NULL;
	}
	if (str_starts(name->text, "public."))
		return of_public(d, name);
	if (str_starts(name->text, "oauth."))
		return dotenv_of_provider(d, name);
	if (str_is(name->text, "base_url"))
		return address(d, name, "base_url", d->b->site->base_url);
	if (str_is(name->text, "api_url"))
		return address(d, name, "api_url", d->b->site->api_url);
	diag_error(d->b->diag, name->pos, "not-public",
	    "`%.*s` is nothing that is published; name \"public.x\", "
	    "\"base_url\", or \"oauth.NAME.client_id\" of a provider",
	    STR_ARG(name->text));
	return NULL;
}
