#include "generator/provider-variant.h"

#include "generator/keys.h"
#include "generator/overlay.h"
#include "generator/provider-work.h"

/* Whoever says one of these signs people in somewhere else. */
static const char *const names_server[] = {
    "kind",
    "tenant",
    "domain",
    "base_uri",
    "path",
    "authorization_endpoint",
};

/* What means nothing, or something worse, at another server. */
static const char *const belongs_to_server[] = {
    "client_id",
    "client_secret",
    "issuer",
    "token_endpoint",
    "jwks_uri",
    "audience",
    "redirect_allow",
};

/* Of these the one that is said replaces the other. */
static const char *const either[] = {"redirect_uri", "redirect_path"};

#define IS_ONE_OF(key, list) is_one_of(key, list, sizeof(list) / sizeof(*list))
static bool is_one_of(struct str key, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(key, list[i]))
			return true;
	return false;
}

static bool says_server(const struct value *table)
{
	for (size_t i = 0; i < table->as.table.n; i++)
		if (IS_ONE_OF(table->as.table.members[i].key, names_server))
			return true;
	return false;
}

/* Whether the base's kind has servers of its own for a variant so called. */
static bool is_known(const struct member *base, const struct member *variant)
{
	const struct provider_kind *kind =
	    provider_kind_named(value_text(base->value, "kind"));

	return kind && kind->sandbox_base && str_is(variant->key, "sandbox");
}

/* A table of its own, so that laying over it leaves the base as it is. */
static struct value *copy(struct arena *a, struct value *v)
{
	if (v->kind != VALUE_TABLE || key_is_reference(v))
		return v;
	struct value *out = value_new(a, VALUE_TABLE, v->pos);
	out->from_env = v->from_env;
	out->doubtful = v->doubtful;
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		value_set(a, out, m->key, m->pos, m->value);
	}
	return out;
}

/*
 * How another server is asked to sign out: its end point is not the old one's,
 * and neither is its style if it is of another kind. NULL: that kind has no
 * sign-out, and the variant does not ask for any.
 */
static struct value *copy_logout(struct arena *a, struct value *logout,
    const struct member *base, const struct member *variant)
{
	struct str kind = value_text(variant->value, "kind");
	bool is_other =
	    kind.p && !str_eq(kind, value_text(base->value, "kind"));
	const struct provider_kind *row = provider_kind_named(kind);

	if (logout->kind != VALUE_TABLE)
		return logout;
	if (is_other && row && !row->logout_style &&
	    !value_get(variant->value, "logout"))
		return NULL;
	struct value *out = value_new(a, VALUE_TABLE, logout->pos);
	out->doubtful = logout->doubtful;
	for (size_t i = 0; i < logout->as.table.n; i++) {
		const struct member *m = &logout->as.table.members[i];
		if (!str_is(m->key, "endpoint") &&
		    !(is_other && str_is(m->key, "style")))
			value_set(a, out, m->key, m->pos, m->value);
	}
	return out;
}

static bool is_inherited(
    struct str key, const struct value *variant, bool is_elsewhere)
{
	if (str_is(key, "variant"))
		return false;
	if (IS_ONE_OF(key, either))
		for (size_t i = 0; i < 2; i++)
			if (value_get(variant, either[i]))
				return false;
	return !is_elsewhere || !(IS_ONE_OF(key, names_server) ||
				    IS_ONE_OF(key, belongs_to_server));
}

/* Of the keys that name a server, a path names none by itself. */
static bool says_path_alone(const struct value *table)
{
	for (size_t i = 0; i < sizeof(names_server) / sizeof(*names_server);
	     i++)
		if (strcmp(names_server[i], "path") != 0 &&
		    value_get(table, names_server[i]))
			return false;
	return value_get(table, "path");
}

/*
 * The other server is of the base's kind if the variant does not say another.
 * But a path alone would be at the kind's own server, which is live's; where
 * that one has a tenant, it is missed anyway.
 */
static enum err put_server(struct arena *a, const struct member *base,
    const struct member *variant, struct diag *diag, struct value *out)
{
	struct value *kind = value_get(base->value, "kind");
	const struct provider_kind *row =
	    provider_kind_named(value_text(base->value, "kind"));

	if (!kind || value_get(variant->value, "kind"))
		return ERR_OK;
	value_set(a, out, STR("kind"), variant->pos, kind);
	if (!row || !row->base || strchr(row->base, '{') ||
	    is_known(base, variant) || !says_path_alone(variant->value))
		return ERR_OK;
	diag_error(diag, value_get(variant->value, "path")->pos, "variant-path",
	    "[oauth.%.*s.variant.%.*s] says a path and not at which server, "
	    "and that of [oauth.%.*s] is not taken for it; set base_uri too",
	    STR_ARG(base->key), STR_ARG(variant->key), STR_ARG(base->key));
	return ERR_INPUT;
}

bool provider_variant_is_elsewhere(
    const struct member *base, const struct member *variant)
{
	return says_server(variant->value) || is_known(base, variant);
}

/*
 * A key that nobody knows makes the table doubtful that it is laid over. What
 * both share is left alone: pages are rendered by several threads.
 */
static void keep_doubts(struct value *table, const struct value *variant)
{
	for (size_t i = 0; i < variant->as.table.n; i++) {
		const struct member *m = &variant->as.table.members[i];
		struct value *laid = value_member(table, m->key)->value;
		if (m->value->doubtful && laid != m->value)
			laid->doubtful = true;
	}
}

/* What the base has and may be laid over. */
static void inherit(struct arena *a, const struct member *base,
    const struct member *variant, bool is_elsewhere, struct value *out)
{
	for (size_t i = 0; i < base->value->as.table.n; i++) {
		const struct member *m = &base->value->as.table.members[i];
		struct value *v = m->value;
		if (!is_inherited(m->key, variant->value, is_elsewhere))
			continue;
		/* two cannot be at one path; none at all goes for both */
		if (str_is(m->key, "token_path") && v->kind != VALUE_BOOL)
			continue;
		v = is_elsewhere && str_is(m->key, "logout")
			? copy_logout(a, v, base, variant)
			: copy(a, v);
		if (v)
			value_set(a, out, m->key, m->pos, v);
	}
}

enum err provider_variant_lay(struct arena *a, const struct member *base,
    const struct member *variant, struct diag *diag, struct member *out)
{
	struct value *table = value_new(a, VALUE_TABLE, variant->value->pos);
	const struct member *inner =
	    value_member(variant->value, STR("variant"));
	bool is_elsewhere = provider_variant_is_elsewhere(base, variant);
	enum err err = ERR_OK;

	table->from_env = variant->value->from_env;
	table->doubtful = base->value->doubtful || variant->value->doubtful;
	table->broken = base->value->broken || variant->value->broken;
	inherit(a, base, variant, is_elsewhere, table);
	if (is_elsewhere)
		err = put_server(a, base, variant, diag, table);
	overlay(a, table, variant->value);
	keep_doubts(table, variant->value);
	out->key = arena_printf(
	    a, "%.*s:%.*s", STR_ARG(base->key), STR_ARG(variant->key));
	out->pos = variant->pos;
	out->value = table;
	if (!inner)
		return err;
	diag_error(diag, inner->pos, "variant-in-variant",
	    "a variant has no variants; write [oauth.%.*s.variant.OTHER] "
	    "beside [oauth.%.*s.variant.%.*s]",
	    STR_ARG(base->key), STR_ARG(base->key), STR_ARG(variant->key));
	return ERR_INPUT;
}

const struct value *provider_variants(const struct value *table)
{
	const struct value *v = value_get(table, "variant");

	return v && v->kind == VALUE_TABLE ? v : NULL;
}
