#include "generator/dotenv.h"

#include <ctype.h>
#include <stdlib.h>

#include "generator/secrets.h"

#define KEY_MAX 128

/* As shells and loaders have it: a letter or _, then digits as well. */
static bool is_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if (!isalpha((unsigned char)key.p[i]) && key.p[i] != '_' &&
		    !(i && isdigit((unsigned char)key.p[i])))
			return false;
	return key.n && key.n <= KEY_MAX;
}

static bool check_key(struct dotenv *d, const struct member *m)
{
	if (!is_key(m->key)) {
		diag_error(d->b->diag, m->pos, "bad-name",
		    "`%.*s` cannot be a key of such a file; use up to %d of "
		    "A-Z, a-z, 0-9 and _, no digit first",
		    STR_ARG(m->key), KEY_MAX);
		return false;
	}
	if (value_member(d->seen, m->key)) {
		diag_error(d->b->diag, m->pos, "key-clash",
		    "`%.*s` stands in an earlier group already; leave one of "
		    "the two out",
		    STR_ARG(m->key));
		return false;
	}
	value_set(d->b->arena, d->seen, m->key, m->pos, m->value);
	if (secret_named(m->key)) {
		diag_error(d->b->diag, m->pos, "secret-present",
		    "`%.*s` is named after a secret, and the file is "
		    "published; take it out, or rename it if it is none",
		    STR_ARG(m->key));
		return false;
	}
	return true;
}

/* Where a value came from is told of the whole table: d->from_env. */
static void put_entry(struct dotenv *d, struct str key, struct str text)
{
	struct arena *a = d->b->arena;
	struct value *entry = value_new(a, VALUE_TABLE, POS_NONE);

	value_set(
	    a, entry, STR("key"), POS_NONE, value_string(a, key, POS_NONE));
	value_set(
	    a, entry, STR("text"), POS_NONE, value_string(a, text, POS_NONE));
	value_push(a, d->entries, entry);
}

static void put_line(struct dotenv *d, const struct member *m)
{
	bool good = check_key(d, m);
	const struct value *v = dotenv_value(d, m->value);

	if (!v)
		return;
	struct str text = value_spell(d->b->arena, v);
	const char *wrong = dotenv_wrong_with_value(text);
	if (wrong)
		diag_error(d->b->diag, v->pos, "env-unrepresentable",
		    "`%.*s` has %s, which KEY=VALUE files cannot hold; take "
		    "it out, or leave the key out of `dotenv.%.*s`",
		    STR_ARG(m->value->text), wrong, STR_ARG(d->name));
	if (!good || wrong)
		return;
	d->from_env |= v->from_env;
	buf_printf(&d->out, "%.*s=", STR_ARG(m->key));
	buf_put_str(&d->out, text);
	buf_putc(&d->out, '\n');
	put_entry(d, m->key, text);
}

static int by_place(const void *x, const void *y)
{
	const struct member *a = x, *b = y;

	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	return (a->pos.col > b->pos.col) - (a->pos.col < b->pos.col);
}

/* TOML's tables have no order of their own: people see the file's. */
static void put_group(struct dotenv *d, const struct value *group)
{
	size_t n = group->kind == VALUE_TABLE ? group->as.table.n : 0;
	struct member *members;

	if (group->kind != VALUE_TABLE) {
		diag_error(d->b->diag, group->pos, "wrong-type",
		    "an item of `dotenv.%.*s.groups` must be a table of keys, "
		    "not %s",
		    STR_ARG(d->name), value_kind_name(group->kind));
		return;
	}
	if (d->out.len && n)
		buf_putc(&d->out, '\n');
	members = arena_array(d->b->arena, n, sizeof(*members));
	for (size_t i = 0; i < n; i++)
		members[i] = group->as.table.members[i];
	if (n)
		qsort(members, n, sizeof(*members), by_place);
	for (size_t i = 0; i < n; i++)
		put_line(d, &members[i]);
}

void dotenv_groups(struct dotenv *d)
{
	const struct value *groups = value_get(d->table, "groups");

	if (!groups || groups->broken)
		return; /* told when the site was read */
	if (groups->kind != VALUE_ARRAY) {
		diag_error(d->b->diag, groups->pos, "wrong-type",
		    "`dotenv.%.*s.groups` must be an array of tables, not %s; "
		    "write them as [[dotenv.%.*s.groups]]",
		    STR_ARG(d->name), value_kind_name(groups->kind),
		    STR_ARG(d->name));
		return;
	}
	for (size_t i = 0; i < groups->as.array.n; i++)
		put_group(d, groups->as.array.items[i]);
}
