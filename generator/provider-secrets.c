#include "generator/provider-work.h"

#include "generator/keys.h"
#include "generator/secrets.h"

/*
 * All of this goes to the browser, so nothing secret may stand here, at any
 * depth. A reference ({ env = … } or { file = … }) may, as client_secret: the
 * server resolves it.
 */
#define TAKE_OUT "and a browser keeps none; take it out"

/* A URL whose query is named after one: https://op.example/?api_token=x */
static bool is_asked_with(struct provider_work *w, struct str url)
{
	struct str name, value;
	struct str rest = str_slice(url, str_find(url, '?', 0) + 1, url.n);

	while (provider_next_param(w, &rest, &name, &value))
		if (value.p && secret_named(name))
			return true;
	return false;
}

static void check_text(
    struct provider_work *w, struct pos pos, struct str key, struct str text)
{
	if (secret_shaped(text))
		provider_refuse(w, pos, "secret-present",
		    "%.*s holds what looks like a secret, " TAKE_OUT,
		    STR_ARG(key));
	else if (is_asked_with(w, text))
		provider_refuse(w, pos, "secret-present",
		    "the query of %.*s names a secret, " TAKE_OUT,
		    STR_ARG(key));
}

static void check(struct provider_work *w, const struct member *m, bool top);

static void check_table(
    struct provider_work *w, const struct value *table, bool top)
{
	for (size_t i = 0; i < table->as.table.n; i++)
		check(w, &table->as.table.members[i], top);
}

static void check_named(
    struct provider_work *w, const struct member *m, bool is_client_secret)
{
	if (is_client_secret && key_is_reference(m->value))
		return;
	provider_refuse(w, m->pos, "secret-present",
	    is_client_secret ? "%.*s holds a secret, and a browser keeps none; "
			       "take it out, or refer to it: { env = \"…\" } "
			       "or { file = \"…\" }"
			     : "%.*s is named after a secret, " TAKE_OUT
			       ", or rename it if it is none",
	    STR_ARG(m->key));
}

/* top: a key of a provider's table, or of a variant's. */
static void check(struct provider_work *w, const struct member *m, bool top)
{
	const struct value *v = m->value;

	if (secret_shaped(m->key)) {
		provider_refuse(w, m->pos, "secret-present",
		    "this key looks like a secret, " TAKE_OUT);
		return;
	}
	if (secret_named(m->key)) {
		check_named(w, m, top && str_is(m->key, "client_secret"));
		return;
	}
	if (v->kind == VALUE_STRING)
		check_text(w, m->pos, m->key, v->text);
	for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->as.array.n; i++)
		check_text(w, v->as.array.items[i]->pos, m->key,
		    v->as.array.items[i]->text);
	if (v->kind != VALUE_TABLE)
		return;
	if (!top || !str_is(m->key, "variant")) {
		check_table(w, v, false);
		return;
	}
	for (size_t i = 0; i < v->as.table.n; i++)
		if (v->as.table.members[i].value->kind == VALUE_TABLE)
			check_table(w, v->as.table.members[i].value, true);
}

void provider_secrets(struct provider_work *w)
{
	check_table(w, w->table, true);
}
