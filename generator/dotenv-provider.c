#include "generator/dotenv.h"

#include <string.h>

#include "generator/provider-name.h"
#include "generator/secrets.h"
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
    FIELD("base_uri", base),
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

/* "oauth.hmrc:sandbox.client_id", taken apart. */
struct field_name {
	struct pos pos;
	struct str text, id, field;
};

static struct field_name split(const struct value *name)
{
	struct str rest = str_slice(name->text, strlen("oauth."), name->text.n);
	size_t dot = str_find(rest, '.', 0);

	return (struct field_name){.pos = name->pos,
	    .text = name->text,
	    .id = str_slice(rest, 0, dot),
	    .field = str_slice(rest, dot + 1, rest.n)};
}

/* NULL after a finding; one that is broken has had its own. */
static const struct oauth_provider *find_provider(
    struct dotenv *d, const struct field_name *f)
{
	for (size_t i = 0; i < d->providers->n; i++)
		if (str_eq(d->providers->list[i].id, f->id))
			return &d->providers->list[i];
	provider_name_check(
	    d->b->arena, d->b->site, f->id, f->pos, NULL, d->b->diag);
	return NULL;
}

/* "a, b and c" */
static struct str known_fields(struct arena *a)
{
	struct str all = {0};

	for (size_t i = 0; i < N_FIELDS; i++)
		all = arena_printf(a, "%.*s%s%s", STR_ARG(all),
		    !i			? ""
		    : i == N_FIELDS - 1 ? " and "
					: ", ",
		    fields[i].name);
	return all;
}

static void unknown_field(struct dotenv *d, const struct field_name *f)
{
	const char *names[N_FIELDS];

	for (size_t i = 0; i < N_FIELDS; i++)
		names[i] = fields[i].name;
	const char *near = opt_nearest(f->field, names, N_FIELDS);
	if (secret_named(f->field))
		diag_error(d->b->diag, f->pos, "secret-present",
		    "`%.*s` is a secret, and the file is published; take the "
		    "key out",
		    STR_ARG(f->text));
	else if (!f->field.n)
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "`%.*s` names no value; add what is meant of it, as in "
		    "\"oauth.%.*s.client_id\"",
		    STR_ARG(f->text), STR_ARG(f->id));
	else if (near)
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "a provider has no `%.*s` to be named; did you mean `%s`?",
		    STR_ARG(f->field), near);
	else
		diag_error(d->b->diag, f->pos, "unknown-field",
		    "a provider has no `%.*s` to be named; it has %.*s",
		    STR_ARG(f->field), STR_ARG(known_fields(d->b->arena)));
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
		    "[%.*s] has no %s; set it, or leave the key out of "
		    "`dotenv.%.*s`",
		    STR_ARG(p->table), fields[i].name, STR_ARG(d->name));
		return NULL;
	}
	struct value *v = value_string(d->b->arena, text, f.pos);
	v->from_env = p->from_env;
	return v;
}
