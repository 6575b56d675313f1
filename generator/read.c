#include "generator/read-make.h"

#include <stdlib.h>
#include <string.h>

#include "generator/api-auth.h"
#include "generator/api-check.h"
#include "lib/config-reads.h"

/*
 * [read.X]: one answer made of calls (contract 9). Types, choices and ranges
 * were checked by the key table. Findings, beside those of read-make.h and of
 * what APIs have as well: `calls-missing`, `too-many-calls`, `too-many-ids`; as
 * a warning `key-unused`.
 */
void reading_look(struct reading *r, const char *kind, const struct member *one)
{
	r->m->table = one->value;
	r->m->base = arena_printf(
	    r->m->a, "%s.%s.%.*s", r->base, kind, STR_ARG(one->key))
			 .p;
}

void reading_look_back(struct reading *r)
{
	r->m->table = r->table;
	r->m->base = r->base;
}

/*
 * As they stand in the files: a TOML parser gives tables by their names, and
 * the order of calls means something (contract 9), that of a shape is told.
 */
static int by_place(const void *a, const void *b)
{
	const struct member *one = a, *other = b;
	const struct pos *x = &one->pos, *y = &other->pos;
	int files = x->file && y->file ? strcmp(x->file, y->file) : 0;

	if (files)
		return files;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return str_cmp(one->key, other->key);
}

static void put_in_order(struct making *m, struct value *v)
{
	size_t n = v->kind == VALUE_TABLE ? v->as.table.n : 0;
	struct member *rows = arena_array(m->a, n, sizeof(*rows));
	struct value *table = value_new(m->a, VALUE_TABLE, v->pos);

	for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->as.array.n; i++)
		put_in_order(m, v->as.array.items[i]);
	if (!n)
		return;
	memcpy(rows, v->as.table.members, n * sizeof(*rows));
	qsort(rows, n, sizeof(*rows), by_place);
	for (size_t i = 0; i < n; i++) {
		value_set(m->a, table, rows[i].key, rows[i].pos, rows[i].value);
		put_in_order(m, rows[i].value);
	}
	v->as = table->as;
	v->indexed = table->indexed;
}

static size_t row_of(const struct value *table, struct str name)
{
	size_t n = table ? table->as.table.n : 0;

	for (size_t i = 0; i < n; i++)
		if (str_eq(table->as.table.members[i].key, name))
			return i;
	return n;
}

size_t reading_ids(const struct reading *r, struct str name)
{
	return row_of(r->ids, name);
}

size_t reading_call(const struct reading *r, struct str name)
{
	return row_of(r->calls, name);
}

static const struct value *below(struct reading *r, const char *key, size_t *n)
{
	const struct value *v = making_given(r->m, key);

	if (v && v->doubtful)
		r->is_doubtful = true;
	*n = v ? v->as.table.n : 0;
	return v;
}

static bool check_numbers(struct reading *r)
{
	struct making *m = r->m;

	if (!r->n_calls && !r->is_doubtful)
		diag_error(m->diag, r->table->pos, "calls-missing",
		    "what is it made of? Write a table [%s.call.NAME] with "
		    "upstream = \"NAME\" and path = \"/…\"",
		    r->base);
	if (r->n_calls > CONFIG_READ_CALLS_MAX)
		diag_error(m->diag, r->calls->pos, "too-many-calls",
		    "a read has at most %d calls", CONFIG_READ_CALLS_MAX);
	if (r->n_ids > CONFIG_READ_IDS_MAX)
		diag_error(m->diag, r->ids->pos, "too-many-ids",
		    "a read has at most %d kinds of identifiers",
		    CONFIG_READ_IDS_MAX);
	return r->n_calls <= CONFIG_READ_CALLS_MAX &&
	       r->n_ids <= CONFIG_READ_IDS_MAX;
}

/* Both are operations of one openapi.json, and rows of one log. */
static void check_free(struct making *m, struct str name, struct str own)
{
	const struct value *apis = site_table(m->b->site, "api");

	if (value_member(apis, name))
		diag_error(m->diag, m->table->pos, "name-taken",
		    "[api.%.*s] is called so, and a name is one operation's; "
		    "call one of the two something else (a path they may "
		    "share: path = \"%.*s\" in the one that is renamed)",
		    STR_ARG(name), STR_ARG(own));
}

static void lists(struct reading *r)
{
	struct arena *a = r->m->a;

	r->needs = arena_array(a, r->n_calls * r->n_calls, sizeof(bool));
	r->names = arena_array(a, r->n_calls * r->n_ids, sizeof(bool));
	r->ids_used = arena_array(a, r->n_ids, sizeof(bool));
	r->by_used = arena_array(a, r->n_calls, sizeof(bool));
}

static void one_read(struct making *m, struct str name, struct pos *places)
{
	struct read *read = &m->c->reads[m->c->n_reads++];
	struct reading r = {
	    .m = m, .read = read, .table = m->table, .base = m->base};

	r.is_doubtful = m->table->doubtful;
	r.calls = below(&r, "call", &r.n_calls);
	r.ids = below(&r, "ids", &r.n_ids);
	r.own = making_given(m, "path")
		    ? making_text(m, "path")
		    : arena_printf(m->a, "/%.*s", STR_ARG(name));
	making_check_name(m, name, "read");
	check_free(m, name, r.own);
	api_check_path(r.own, making_place(m, "path"), m->diag);
	read->name = name;
	read->path = arena_printf(
	    m->a, "%.*s%.*s", STR_ARG(m->c->prefix), STR_ARG(r.own));
	read->auth = api_auth(m);
	read->scopes = making_strings(m, "scopes");
	api_auth_scopes(m, read->auth, read->scopes);
	read->deadline_ms = making_amount(m, "deadline");
	read->concurrency = making_amount(m, "concurrency");
	if (!check_numbers(&r)) {
		m->skipped = true;
		return;
	}
	lists(&r);
	reading_make_ids(&r);
	reading_make_calls(&r);
	reading_check_needs(&r);
	reading_make_shape(&r);
	reading_check_unused(&r);
	reading_make_job(&r, places);
}

/* How many rows all reads have below that key. */
static size_t count(const struct value *all, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct value *v =
		    value_get(all->as.table.members[i].value, key);
		if (v && v->kind == VALUE_TABLE)
			n += v->as.table.n;
	}
	return n;
}

void making_reads(struct making *m, struct pos *reads, struct pos *apis)
{
	const struct value *all = site_table(m->b->site, "read");
	struct config *c = m->c;

	if (!all)
		return;
	c->reads = arena_array(m->a, all->as.table.n, sizeof(*c->reads));
	c->read_ids =
	    arena_array(m->a, count(all, "ids"), sizeof(*c->read_ids));
	c->read_calls =
	    arena_array(m->a, count(all, "call"), sizeof(*c->read_calls));
	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct member *one = &all->as.table.members[i];
		if (one->value->broken) {
			m->skipped = true;
			continue;
		}
		put_in_order(m, one->value);
		m->table = one->value;
		m->base = arena_printf(m->a, "read.%.*s", STR_ARG(one->key)).p;
		reads[c->n_reads] = making_place(m, "path");
		one_read(m, one->key, apis);
	}
	config_link_reads(c);
}
