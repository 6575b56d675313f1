#include "lib/config-merge.h"

#include <string.h>

#include "lib/config-reads.h"
#include "lib/config-rows.h"

/* ---- copies -------------------------------------------------------------- */

static void own_str(struct arena *a, struct str *s)
{
	if (s->p)
		*s = arena_str(a, *s);
}

static void own_strs(struct arena *a, struct strs *strs)
{
	const struct str *from = strs->items;

	strs->items = arena_array(a, strs->n, sizeof(*strs->items));
	for (size_t i = 0; i < strs->n; i++) {
		strs->items[i] = from[i];
		own_str(a, &strs->items[i]);
	}
}

static void own_pairs(struct arena *a, struct pairs *pairs)
{
	const struct pair *from = pairs->items;

	pairs->items = arena_array(a, pairs->n, sizeof(*pairs->items));
	for (size_t i = 0; i < pairs->n; i++) {
		pairs->items[i] = from[i];
		own_str(a, &pairs->items[i].name);
		own_str(a, &pairs->items[i].value);
	}
}

/* `object` was copied as it is; now what it points at is copied, too. */
static void own(struct arena *a, const struct config_row *rows, void *object)
{
	for (const struct config_row *row = rows; row->name; row++) {
		void *at = (char *)object + row->offset;
		if (row->kind == KIND_STR)
			own_str(a, at);
		else if (row->kind == KIND_STRS)
			own_strs(a, at);
		else if (row->kind == KIND_PAIRS)
			own_pairs(a, at);
	}
}

/* ---- differences --------------------------------------------------------- */

static bool same_strs(const struct strs *x, const struct strs *y)
{
	bool same = x->n == y->n;

	for (size_t i = 0; same && i < x->n; i++)
		same = str_eq(x->items[i], y->items[i]);
	return same;
}

static bool same_pairs(const struct pairs *x, const struct pairs *y)
{
	bool same = x->n == y->n;

	for (size_t i = 0; same && i < x->n; i++)
		same = str_eq(x->items[i].name, y->items[i].name) &&
		       str_eq(x->items[i].value, y->items[i].value);
	return same;
}

static bool same_field(enum config_kind kind, const void *x, const void *y)
{
	switch (kind) {
	case KIND_STR:
		return str_eq(*(const struct str *)x, *(const struct str *)y);
	case KIND_STRS:
		return same_strs(x, y);
	case KIND_PAIRS:
		return same_pairs(x, y);
	case KIND_INT:
		return *(const int64_t *)x == *(const int64_t *)y;
	case KIND_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case KIND_PATTERNS:
	case KIND_ENUM:
		return *(const unsigned *)x == *(const unsigned *)y;
	}
	return false;
}

static bool same(const struct config_row *rows, const void *x, const void *y)
{
	for (const struct config_row *row = rows; row->name; row++)
		if (!same_field(row->kind, (const char *)x + row->offset,
			(const char *)y + row->offset))
			return false;
	return true;
}

/* ---- merging ------------------------------------------------------------- */

/* What is left of an API that went. */
static struct api gone(const struct api *old, const struct config *fresh)
{
	struct api api = *old;

	api.path = api.method = (struct str){0};
	api.body_max = 0;
	for (size_t i = 0; i < fresh->n_apis; i++)
		if (str_eq(fresh->apis[i].tag, api.tag))
			api.tag = (struct str){0};
	return api;
}

static void merge_apis(struct arena *a, const struct config *old,
    const struct config *fresh, struct config *out,
    struct config_changes *changes)
{
	out->n_apis = 0;
	out->apis =
	    arena_array(a, old->n_apis + fresh->n_apis, sizeof(*out->apis));
	for (size_t i = 0; i < old->n_apis; i++) {
		const struct api *was = &old->apis[i];
		const struct api *is = config_api(fresh, was->name);
		out->apis[out->n_apis++] = is ? *is : gone(was, fresh);
		if (!is)
			changes->removed += !config_is_gone(was);
		else if (config_is_gone(was))
			changes->added++;
		else
			changes->changed += !same(config_api_rows, was, is);
	}
	for (size_t i = 0; i < fresh->n_apis; i++) {
		if (config_api(old, fresh->apis[i].name))
			continue;
		out->apis[out->n_apis++] = fresh->apis[i];
		changes->added++;
	}
	for (size_t i = 0; i < out->n_apis; i++)
		own(a, config_api_rows, &out->apis[i]);
}

static bool has(const struct strs *strs, struct str s)
{
	for (size_t i = 0; i < strs->n; i++)
		if (str_eq(strs->items[i], s))
			return true;
	return false;
}

static void merge_origins(struct arena *a, const struct config *old,
    const struct config *fresh, struct strs *out)
{
	const struct strs *was = &old->origins, *is = &fresh->origins;

	out->n = 0;
	out->items = arena_array(a, was->n + is->n, sizeof(*out->items));
	for (size_t i = 0; i < was->n; i++)
		out->items[out->n++] =
		    has(is, was->items[i]) ? was->items[i] : (struct str){0};
	for (size_t i = 0; i < is->n; i++)
		if (!has(was, is->items[i]))
			out->items[out->n++] = is->items[i];
	own_strs(a, out);
}

static void own_list(
    struct arena *a, const struct config_list *list, struct config *c)
{
	size_t n;
	const char *items = config_items(c, list, &n);
	char *copies = arena_array(a, n, list->size);

	if (n)
		memcpy(copies, items, n * list->size);
	for (size_t i = 0; i < n; i++)
		own(a, list->rows, copies + i * list->size);
	config_set_items(c, list, copies, n);
}

enum err config_merge(struct arena *a, const struct config *old,
    const struct config *fresh, struct config **out,
    struct config_changes *changes)
{
	struct config *c;

	*changes = (struct config_changes){0};
	if (!str_eq(old->name, fresh->name))
		return ERR_CONFLICT;
	if (old->n_apis + fresh->n_apis > 2 * (size_t)CONFIG_APIS_MAX ||
	    old->origins.n + fresh->origins.n > 2 * (size_t)CONFIG_APIS_MAX)
		return ERR_TOO_LARGE;
	c = arena_alloc(a, sizeof(*c));
	*c = *fresh;
	own(a, config_top_rows, c);
	merge_origins(a, old, fresh, &c->origins);
	for (const struct config_list *list = config_lists; list->name; list++)
		if (list->rows != config_api_rows)
			own_list(a, list, c);
	merge_apis(a, old, fresh, c, changes);
	config_link_reads(c);
	if (c->n_apis > CONFIG_APIS_MAX || c->origins.n > CONFIG_APIS_MAX)
		return ERR_TOO_LARGE;
	*out = c;
	return ERR_OK;
}

int64_t config_body_max(const struct config *config)
{
	int64_t max = 0;

	for (size_t i = 0; i < config->n_apis; i++)
		if (config->apis[i].body_max > max)
			max = config->apis[i].body_max;
	return max;
}
