#include "generator/client.h"

#include "generator/provider-shared.h"
#include "generator/provider-sound.h"
#include "generator/provider-variant.h"

/*
 * All providers of a site: each [oauth.NAME], and behind it its variants. What
 * is wrong with a value that variants inherit is told once, where it stands,
 * and not again for each of them.
 */
struct listing {
	struct build *b;
	struct diag *diag; /* NULL: said already */
	struct value *base_url;
	struct oauth_provider *list;
	bool *is_good; /* of each of them */
	size_t n;
	enum err err;
};

/* base_url without its slash, and whether the environment said it. */
static struct value *base_url(struct build *b)
{
	const struct value *said = site_value(b->site, "base_url");
	struct value *v = value_string(
	    b->arena, b->site->base_url, said ? said->pos : POS_NONE);
	v->from_env = said && said->from_env;
	return v;
}

static void read_one(
    struct listing *l, const struct member *table, struct diag *diag)
{
	struct oauth_provider *out = &l->list[l->n];
	enum err err =
	    oauth_provider_read(l->b->arena, table, l->base_url, diag, out);

	if (table->value->broken) {
		/* told already; whom it shares a page with is not known */
		out->redirect = (struct str){0};
		err = ERR_INPUT;
	}
	l->is_good[l->n++] = err == ERR_OK;
	if (err != ERR_OK)
		l->err = err;
}

/* What is wrong with base_url would be told for each that it is joined for. */
static void tell(struct listing *l, const struct diag_item *item)
{
	for (const struct diag_item *i = l->diag ? l->diag->first : NULL; i;
	     i = i->next)
		if (pos_eq(i->pos, l->base_url->pos) &&
		    pos_eq(i->pos, item->pos) &&
		    str_eq(str_of(i->name), str_of(item->name)))
			return;
	diag_error(l->diag, item->pos, item->name, "%.*s", STR_ARG(item->text));
}

/*
 * Said of the base: the same of the same place; or, of a table's name, that
 * something is missing which the variant would have had from there.
 */
static bool is_said(const struct diag_item *item, const struct diag *said,
    const struct member *base, const struct member *variant)
{
	bool is_missed = pos_eq(item->pos, variant->pos) &&
			 !provider_variant_is_elsewhere(base, variant);
	struct pos pos = is_missed ? base->pos : item->pos;

	for (const struct diag_item *i = said->first; i; i = i->next)
		if (pos_eq(i->pos, pos) &&
		    str_eq(str_of(i->name), str_of(item->name)))
			return true;
	return false;
}

static void read_variant(struct listing *l, const struct member *base,
    const struct member *variant, const struct diag *said)
{
	struct member table;
	struct diag own;

	diag_init(&own, l->b->arena);
	if (provider_variant_lay(l->b->arena, base, variant, &own, &table) !=
	    ERR_OK)
		l->err = ERR_INPUT;
	read_one(l, &table, &own);
	for (const struct diag_item *i = own.first; i; i = i->next)
		if (!is_said(i, said, base, variant))
			diag_error(
			    l->diag, i->pos, i->name, "%.*s", STR_ARG(i->text));
}

/* A member with what is sound of its table; no value: nothing of it is. */
static struct member sound(struct listing *l, const struct member *m)
{
	struct member out = *m;

	out.value = m->value->kind == VALUE_TABLE
			? provider_table_sound(l->b->arena, m->value)
			: NULL;
	return out;
}

static void read_all(struct listing *l, const struct member *table)
{
	const struct value *variants = provider_variants(table->value);
	struct member base = sound(l, table);
	struct diag said;

	if (!base.value)
		return;
	diag_init(&said, l->b->arena);
	read_one(l, &base, &said);
	for (const struct diag_item *i = said.first; i; i = i->next)
		tell(l, i);
	for (size_t i = 0; variants && i < variants->as.table.n; i++) {
		struct member variant =
		    sound(l, &variants->as.table.members[i]);
		if (variant.value)
			read_variant(l, &base, &variant, &said);
	}
}

enum err oauth_providers(
    struct build *b, struct diag *diag, struct oauth_provider **list, size_t *n)
{
	const struct value *oauth = site_table(b->site, "oauth");
	struct listing l = {.b = b, .diag = diag, .base_url = base_url(b)};
	size_t max = 0;

	for (size_t i = 0; oauth && i < oauth->as.table.n; i++) {
		const struct value *variants =
		    provider_variants(oauth->as.table.members[i].value);
		max += 1 + (variants ? variants->as.table.n : 0);
	}
	l.list = arena_array(b->arena, max, sizeof(*l.list));
	l.is_good = arena_array(b->arena, max, sizeof(*l.is_good));
	for (size_t i = 0; oauth && i < oauth->as.table.n; i++) {
		const struct member *m = &oauth->as.table.members[i];
		/* storage, ttl and the like are no tables */
		if (m->value->kind == VALUE_TABLE)
			read_all(&l, m);
	}
	if (provider_shared(l.list, l.n, diag) != ERR_OK)
		l.err = ERR_INPUT;
	*list = l.list;
	*n = 0;
	for (size_t i = 0; i < l.n; i++)
		if (l.is_good[i])
			l.list[(*n)++] = l.list[i];
	return l.err;
}
