#include "generator/dotenv.h"

#include <string.h>

#include "lib/opt.h"

/* Of struct oauth_provider, under the names of its keys or of the RFCs. */
static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(name, member)                                                    \
	{                                                                      \
		name, offsetof(struct oauth_provider, member)                  \
	}
    FIELD("client_id", client_id),
    FIELD("authorization_endpoint", endpoint),
    FIELD("issuer", issuer),
    FIELD("scope", scope),
    FIELD("redirect_uri", redirect),
    FIELD("token_endpoint", token_endpoint),
    FIELD("jwks_uri", jwks_uri),
    FIELD("logout_endpoint", logout_endpoint),
    FIELD("logout_redirect", logout_redirect),
    FIELD("logout_url", logout_url),
#undef FIELD
};
#define N_FIELDS (sizeof(fields) / sizeof(*fields))

/* "oauth.hmrc:sandbox.client_id", taken apart; variant.p NULL: none. */
struct field_name {
	struct pos pos;
	struct str text, provider, variant, field;
};

static struct field_name split(const struct value *name)
{
	struct field_name f = {.pos = name->pos, .text = name->text};
	struct str rest = str_slice(name->text, strlen("oauth."), name->text.n);
	size_t dot = str_find(rest, '.', 0);
	struct str id = str_slice(rest, 0, dot);
	size_t colon = str_find(id, ':', 0);

	f.provider = str_slice(id, 0, colon);
	if (colon < id.n)
		f.variant = str_slice(id, colon + 1, id.n);
	f.field = str_slice(rest, dot + 1, rest.n);
	return f;
}

/* The names of the tables in one, those that are broken among them. */
static size_t tables_of(
    struct arena *a, const struct value *table, const char ***names)
{
	size_t all =
	    table && table->kind == VALUE_TABLE ? table->as.table.n : 0;
	size_t n = 0;

	*names = arena_array(a, all, sizeof(**names));
	for (size_t i = 0; i < all; i++)
		if (table->as.table.members[i].value->kind == VALUE_TABLE)
			(*names)[n++] =
			    arena_cstr(a, table->as.table.members[i].key);
	return n;
}

static bool is_among(struct str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

/* "a, b and c" */
static struct str listed(struct arena *a, const char *const *names, size_t n)
{
	struct str all = {0};

	for (size_t i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%s%s", STR_ARG(all),
		    !i		 ? ""
		    : i == n - 1 ? " and "
				 : ", ",
		    names[i]);
	return all;
}

static void unknown_provider(struct dotenv *d, const struct field_name *f,
    const char *const *names, size_t n)
{
	const char *near = opt_nearest(f->provider, names, n);

	if (near)
		diag_error(d->b->diag, f->pos, "unknown-provider",
		    "there is no [oauth.%.*s]; did you mean `%s`?",
		    STR_ARG(f->provider), near);
	else
		diag_error(d->b->diag, f->pos, "unknown-provider",
		    "there is no [oauth.%.*s]; %s%.*s", STR_ARG(f->provider),
		    n ? "name one of " : "declare it, or take the key out",
		    STR_ARG(listed(d->b->arena, names, n)));
}

static void unknown_variant(struct dotenv *d, const struct field_name *f,
    const char *const *names, size_t n)
{
	if (n)
		diag_error(d->b->diag, f->pos, "unknown-variant",
		    "[oauth.%.*s] has no variant \"%.*s\"; it has %.*s",
		    STR_ARG(f->provider), STR_ARG(f->variant),
		    STR_ARG(listed(d->b->arena, names, n)));
	else
		diag_error(d->b->diag, f->pos, "unknown-variant",
		    "[oauth.%.*s] has no variant \"%.*s\", nor any other; "
		    "declare [oauth.%.*s.variant.%.*s], or name `oauth.%.*s`",
		    STR_ARG(f->provider), STR_ARG(f->variant),
		    STR_ARG(f->provider), STR_ARG(f->variant),
		    STR_ARG(f->provider));
}

/* NULL after a finding; one that is broken has had its own. */
static const struct oauth_provider *find_provider(
    struct dotenv *d, const struct field_name *f)
{
	struct arena *a = d->b->arena;
	struct str id = f->variant.p
			    ? arena_printf(a, "%.*s:%.*s", STR_ARG(f->provider),
				  STR_ARG(f->variant))
			    : f->provider;
	const struct value *oauth = site_table(d->b->site, "oauth");
	const char **names;
	size_t n = tables_of(a, oauth, &names);

	for (size_t i = 0; i < d->providers->n; i++)
		if (str_eq(d->providers->list[i].id, id))
			return &d->providers->list[i];
	if (!is_among(f->provider, names, n)) {
		unknown_provider(d, f, names, n);
		return NULL;
	}
	if (!f->variant.p)
		return NULL;
	n = tables_of(a,
	    value_get(value_member(oauth, f->provider)->value, "variant"),
	    &names);
	if (!is_among(f->variant, names, n))
		unknown_variant(d, f, names, n);
	return NULL;
}

static void unknown_field(struct dotenv *d, const struct field_name *f)
{
	const char *names[N_FIELDS];

	for (size_t i = 0; i < N_FIELDS; i++)
		names[i] = fields[i].name;
	const char *near = opt_nearest(f->field, names, N_FIELDS);
	if (dotenv_names_secret(d->b->arena, f->field))
		diag_error(d->b->diag, f->pos, "secret-present",
		    "`%.*s` is a secret, and the file is published; take the "
		    "key out",
		    STR_ARG(f->text));
	else if (!f->field.n)
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "`%.*s` names no value; add what is meant of it, as in "
		    "\"oauth.%.*s.client_id\"",
		    STR_ARG(f->text), STR_ARG(f->provider));
	else if (near)
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "a provider has no `%.*s` to be named; did you mean `%s`?",
		    STR_ARG(f->field), near);
	else
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "a provider has no `%.*s` to be named; it has %.*s",
		    STR_ARG(f->field),
		    STR_ARG(listed(d->b->arena, names, N_FIELDS)));
}

const struct value *dotenv_of_provider(
    struct dotenv *d, const struct value *name)
{
	struct field_name f = split(name);
	size_t i = 0;

	while (i < N_FIELDS && !str_is(f.field, fields[i].name))
		i++;
	if (i == N_FIELDS)
		unknown_field(d, &f);
	const struct oauth_provider *p = find_provider(d, &f);
	if (i == N_FIELDS || !p)
		return NULL;
	struct str text =
	    *(const struct str *)((const char *)p + fields[i].offset);
	if (!text.n) {
		diag_error(d->b->diag, f.pos, "empty-field",
		    "[oauth.%.*s] has no %s; set it, or leave the key out of "
		    "`dotenv.%.*s`",
		    STR_ARG(p->id), fields[i].name, STR_ARG(d->name));
		return NULL;
	}
	struct value *v = value_string(d->b->arena, text, f.pos);
	v->from_env = p->from_env;
	return v;
}
