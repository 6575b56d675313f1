#include "generator/provider-work.h"

#include <stdlib.h>

#include "generator/keys.h"

/*
 * All parameters of the authorization URL but those that the module sets:
 * gathered in their order, checked together (provider-param.c), and put behind
 * the scope.
 */
static void add(struct provider_params *all, struct arena *a,
    struct provider_param one, const struct value *v)
{
	if (all->n == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 16;
		struct provider_param *list =
		    arena_array(a, all->cap, sizeof(*list));
		if (all->n)
			memcpy(list, all->list, all->n * sizeof(*list));
		all->list = list;
	}
	one.from_env = v && v->from_env;
	all->list[all->n++] = one;
}

/* Those of the endpoint's own query; they are in the URL already. */
static void add_query(struct provider_work *w, struct provider_params *all)
{
	struct provider_param one = {
	    .from = PARAM_ENDPOINT, .pos = w->endpoint_pos};
	struct str query = provider_query(w->out->endpoint);

	while (provider_next_param(w, &query, &one.name, &one.value))
		add(all, w->arena, one, NULL);
}

/* One that has a key of its own; an array is repeated. */
static void add_key(
    struct provider_work *w, struct provider_params *all, const char *key)
{
	const struct value *v = value_get(w->table, key);
	struct provider_param one = {.from = PARAM_KEY,
	    .name = str_of(key),
	    .pos = provider_pos(w, key)};

	if (!v)
		return;
	if (v->kind == VALUE_STRING || v->kind == VALUE_INT) {
		one.value = value_spell(w->arena, v);
		add(all, w->arena, one, v);
		return;
	}
	bool bad = v->kind != VALUE_ARRAY;
	for (size_t i = 0; !bad && i < v->as.array.n; i++) {
		const struct value *item = v->as.array.items[i];
		one.value = item->text;
		one.pos = item->pos;
		if (item->kind == VALUE_STRING)
			add(all, w->arena, one, item);
		else
			bad = true;
	}
	if (bad)
		provider_refuse(w, provider_pos(w, key), "wrong-type",
		    "%s is a string or an array of strings", key);
}

static int by_name(const void *left, const void *right)
{
	const struct provider_param *a = left, *b = right;

	return str_cmp(a->name, b->name);
}

/* By name: whichever file a parameter stands in, the URL is the same. */
static void add_params(struct provider_work *w, struct provider_params *all)
{
	const struct value *params = value_get(w->table, "params");
	size_t before = all->n;

	if (!params || params->kind != VALUE_TABLE)
		return;
	for (size_t i = 0; i < params->as.table.n; i++) {
		const struct member *m = &params->as.table.members[i];
		struct provider_param one = {.from = PARAM_CONSTANT,
		    .name = m->key,
		    .value = value_spell(w->arena, m->value),
		    .pos = m->pos};
		add(all, w->arena, one, m->value);
	}
	if (all->n > before)
		qsort(all->list + before, all->n - before, sizeof(*all->list),
		    by_name);
}

static void add_allowed(struct provider_work *w, struct provider_params *all)
{
	const struct value *v = value_get(w->table, "allow_params");

	if (!v || v->kind != VALUE_ARRAY)
		return;
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *item = v->as.array.items[i];
		struct provider_param one = {
		    .from = PARAM_PAGE, .name = item->text, .pos = item->pos};
		add(all, w->arena, one, item);
	}
}

static struct str constants(
    struct provider_work *w, const struct provider_params *all)
{
	struct buf url = {0};

	for (size_t i = 0; i < all->n; i++) {
		const struct provider_param *one = &all->list[i];
		w->out->from_env |= one->from_env;
		if (one->from == PARAM_KEY || one->from == PARAM_CONSTANT)
			provider_put(w, &url, one->name, one->value, one->pos);
	}
	struct str text = arena_str(w->arena, buf_str(&url));
	buf_release(&url);
	return text;
}

static int64_t find_max_age(const struct provider_work *w)
{
	const struct value *v = value_get(w->table, "max_age");

	return v && v->kind == VALUE_INT ? v->as.i : -1;
}

/* Pushed (RFC 9126) and signed (RFC 9101) requests are made by a server. */
static void refuse_server_side(struct provider_work *w)
{
	static const struct {
		const char *key, *name, *what;
	} rows[] = {
	    {"par", "par-required", "pushed to it beforehand"},
	    {"jar", "jar-required", "signed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct value *v = value_get(w->table, rows[i].key);
		if (v && v->kind == VALUE_BOOL && v->as.b)
			provider_refuse(w, v->pos, rows[i].name,
			    "[%.*s] wants each request %s, which needs a "
			    "server and its secret; have the provider allow "
			    "plain ones for this client and leave %s out",
			    STR_ARG(w->out->table), rows[i].what, rows[i].key);
	}
}

/* Constants of the table's own, and what a page may add to them. */
void provider_params(struct provider_work *w)
{
	struct provider_params all = {0};
	struct str type = provider_text(w, "response_type", "code");

	if (!str_is(type, "code") && !key_is_placeholder(type))
		provider_refuse(w, provider_pos(w, "response_type"),
		    "response-type-not-code",
		    "response_type = \"%.*s\" would put tokens into a URL; "
		    "leave it out, it is \"code\"",
		    STR_ARG(type));
	refuse_server_side(w);
	add_query(w, &all);
	add_key(w, &all, "response_mode");
	add_key(w, &all, "max_age");
	add_key(w, &all, "resource");
	add_params(w, &all);
	add_allowed(w, &all);
	provider_check_params(w, &all);
	w->extra = constants(w, &all);
	w->out->max_age = find_max_age(w);
	w->out->allow = provider_list(w, "allow_params");
}
