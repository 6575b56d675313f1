#include <string.h>

#include "generator/api-make.h"
#include "generator/keys.h"

/*
 * [secret] → config.secrets: names, and where the worker finds each. Findings:
 * `secret-not-a-reference` (what was written is never told again),
 * `secret-public`; as a warning `secret-unused`.
 */
static const char *const remedy =
    "write where it is on the server: { env = \"NAME\" }, a variable of the "
    "worker's, or { file = \"/…\" }, a file that it may read";

/* POSIX.1-2017 8.1, and what shells can set. */
static bool is_variable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				       "abcdefghijklmnopqrstuvwxyz0123456789",
				   s.p[i]))
			return false;
	return s.n > 0 && !(s.p[0] >= '0' && s.p[0] <= '9');
}

bool making_is_variable(struct str s)
{
	return is_variable(s);
}

static bool is_file(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return str_starts(s, "/") && !str_ends(s, "/");
}

/* It may be the value itself that stands there: none of it is repeated. */
static bool read_reference(struct making *m, const char *what,
    const struct value *v, struct secret *out)
{
	if (v->kind != VALUE_TABLE || v->as.table.n != 1 ||
	    !key_is_reference(v)) {
		diag_error(m->diag, v->pos, "secret-not-a-reference",
		    "%s is not written into files; %s", what, remedy);
		return false;
	}
	const struct member *one = &v->as.table.members[0];
	bool env = str_is(one->key, "env");
	bool good =
	    env ? is_variable(one->value->text) : is_file(one->value->text);
	if (!good)
		diag_error(m->diag, one->value->pos, "secret-not-a-reference",
		    "%s: this is no %s; %s", what,
		    env ? "name of a variable" : "whole path of a file",
		    remedy);
	if (env)
		out->env = one->value->text;
	else
		out->file = one->value->text;
	return good;
}

void making_secrets(struct making *m)
{
	const struct value *all = site_table(m->b->site, "secret");
	struct config *c = m->c;
	size_t n = all ? all->as.table.n : 0;

	c->secrets = arena_array(m->a, n, sizeof(*c->secrets));
	m->secret_places = arena_array(m->a, n, sizeof(*m->secret_places));
	m->secrets = (struct api_secrets){
	    .rows = c->secrets, .used = arena_array(m->a, n, sizeof(bool))};
	m->secrets.is_doubtful =
	    all ? all->broken || all->doubtful : m->b->site->root->doubtful;
	for (size_t i = 0; i < n; i++) {
		const struct member *one = &all->as.table.members[i];
		struct secret *s = &c->secrets[c->n_secrets];
		m->secret_places[c->n_secrets++] = one->pos;
		*s = (struct secret){.name = one->key};
		if (!one->value->broken)
			(void)read_reference(m,
			    arena_printf(m->a, "secret.%.*s", STR_ARG(one->key))
				.p,
			    one->value, s);
	}
	m->secrets.n = c->n_secrets;
}

/* "{secret." in a text that the worker does not fill in. */
static void refuse_public(
    struct making *m, const struct value *v, const char *where)
{
	static const char place[] = "{secret.";
	size_t n = sizeof(place) - 1;
	bool found = false;

	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			refuse_public(m, v->as.array.items[i], where);
	if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++)
			refuse_public(m, v->as.table.members[i].value, where);
	if (v->kind != VALUE_STRING)
		return;
	for (size_t i = 0; i + n <= v->text.n; i++)
		found |= str_is(str_slice(v->text, i, i + n), place);
	if (found)
		diag_error(m->diag, v->pos, "secret-public",
		    "a secret is filled into the `request` of an API, or "
		    "the call of a read, and nowhere else; %s is for "
		    "everybody, take it out",
		    where);
}

/* What people and openapi.json are told of each row of a table. */
static void check_told(struct making *m, const char *tables)
{
	static const char *const told[] = {
	    "events", "summary", "description", "tags"};
	const struct value *all = site_table(m->b->site, tables);

	for (size_t i = 0; all && i < all->as.table.n; i++)
		for (size_t j = 0; j < sizeof(told) / sizeof(*told); j++) {
			const struct value *v =
			    value_get(all->as.table.members[i].value, told[j]);
			if (v)
				refuse_public(m, v,
				    arena_printf(m->a, "`%s`", told[j]).p);
		}
}

/* A location and a shape have places, and are looked at as such. */
static void check_public(struct making *m)
{
	static const char *const open[] = {
	    "public", "oauth", "openapi", "redirects", "dotenv", "web_server"};

	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		const struct value *v = site_value(m->b->site, open[i]);
		if (v)
			refuse_public(
			    m, v, arena_printf(m->a, "[%s]", open[i]).p);
	}
	check_told(m, "api");
	check_told(m, "read");
}

void making_secrets_check(struct making *m)
{
	check_public(m);
	for (size_t i = 0; i < m->c->n_secrets; i++)
		if (!m->secrets.used[i] && !m->skipped)
			diag_warn(m->diag, m->secret_places[i], "secret-unused",
			    "no request of an API and no call of a read "
			    "names {secret.%.*s}; take it out",
			    STR_ARG(m->c->secrets[i].name));
}
