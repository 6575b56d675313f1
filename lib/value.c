#include "lib/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value *value_new(struct arena *a, enum value_kind kind, struct pos pos)
{
	struct value *v = arena_alloc(a, sizeof(*v));
	v->kind = kind;
	v->pos = pos;
	return v;
}

struct value *value_string(struct arena *a, struct str text, struct pos pos)
{
	struct value *v = value_new(a, VALUE_STRING, pos);
	v->text = text;
	return v;
}

struct value *value_int(struct arena *a, int64_t i, struct pos pos)
{
	struct value *v = value_new(a, VALUE_INT, pos);
	v->as.i = i;
	return v;
}

struct value *value_float(struct arena *a, double f, struct pos pos)
{
	struct value *v = value_new(a, VALUE_FLOAT, pos);
	v->as.f = f;
	return v;
}

struct value *value_bool(struct arena *a, bool b, struct pos pos)
{
	struct value *v = value_new(a, VALUE_BOOL, pos);
	v->as.b = b;
	return v;
}

/* The old list stays behind in the arena. */
void value_push(struct arena *a, struct value *array, struct value *item)
{
	size_t n = array->as.array.n, cap = array->as.array.cap;

	if (n == cap) {
		cap = cap ? cap * 2 : 4;
		struct value **items = arena_array(a, cap, sizeof(*items));
		if (n)
			memcpy(
			    items, array->as.array.items, n * sizeof(*items));
		array->as.array.items = items;
		array->as.array.cap = cap;
	}
	array->as.array.items[array->as.array.n++] = item;
}

/*
 * Behind the members of a wide table stand 2 * cap numbers, a hash table: each
 * is 0, or one more than a member's place. They are made anew when the members
 * move, with room for all that fit, so the table is never more than half full.
 * A table that others append to (lib/json.c) has none.
 */
#define INDEX_MIN 32 /* members; fewer are found as fast one by one */

static uint32_t *slot(const struct value *table, struct str key)
{
	struct member *members = table->as.table.members;
	size_t cap = table->as.table.cap; /* a power of two */
	uint32_t *slots = (uint32_t *)(void *)(members + cap);

	for (size_t i = (size_t)str_hash(key);; i++) {
		uint32_t *s = &slots[i & (2 * cap - 1)];
		if (!*s || str_eq(members[*s - 1].key, key))
			return s;
	}
}

static void grow_table(struct arena *a, struct value *table)
{
	size_t n = table->as.table.n, cap = n ? 2 * table->as.table.cap : 4;
	size_t index = cap >= INDEX_MIN ? 2 * cap * sizeof(uint32_t) : 0;
	struct member *old = table->as.table.members;

	if (cap > (SIZE_MAX - index) / sizeof(*old) || cap > UINT32_MAX)
		abort();
	table->as.table.members = arena_alloc(a, cap * sizeof(*old) + index);
	if (n)
		memcpy(table->as.table.members, old, n * sizeof(*old));
	table->as.table.cap = cap;
	table->indexed = index > 0;
	for (size_t i = 0; i < n && index; i++)
		*slot(table, old[i].key) = (uint32_t)i + 1;
}

struct member *value_member(const struct value *table, struct str key)
{
	if (!table || table->kind != VALUE_TABLE)
		return NULL;
	struct member *members = table->as.table.members;
	if (table->indexed) {
		uint32_t at = *slot(table, key);
		/* whoever took the last one away left its number here */
		return at && at <= table->as.table.n ? &members[at - 1] : NULL;
	}
	for (size_t i = 0; i < table->as.table.n; i++)
		if (str_eq(members[i].key, key))
			return &members[i];
	return NULL;
}

void value_set(struct arena *a, struct value *table, struct str key,
    struct pos key_pos, struct value *item)
{
	const struct member new = {.key = key, .pos = key_pos, .value = item};
	struct member *m = value_member(table, key);

	if (m) {
		*m = new;
		return;
	}
	if (table->as.table.n == table->as.table.cap)
		grow_table(a, table);
	table->as.table.members[table->as.table.n++] = new;
	if (table->indexed)
		*slot(table, key) = (uint32_t)table->as.table.n;
}

struct value *value_get(const struct value *table, const char *key)
{
	struct member *m = value_member(table, str_of(key));
	return m ? m->value : NULL;
}

struct value *value_path(const struct value *table, const char *dotted)
{
	struct str rest = str_of(dotted);
	struct value *found = NULL;

	while (rest.n) {
		size_t dot = str_find(rest, '.', 0);
		struct member *m = value_member(table, str_slice(rest, 0, dot));
		if (!m)
			return NULL;
		table = found = m->value;
		rest = str_slice(rest, dot + 1, rest.n);
	}
	return found;
}

struct str value_text(const struct value *table, const char *key)
{
	const struct value *v = value_get(table, key);
	return v && v->kind == VALUE_STRING ? v->text : (struct str){0};
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[] = {
	    [VALUE_NULL] = "null",
	    [VALUE_BOOL] = "true or false",
	    [VALUE_INT] = "a whole number",
	    [VALUE_FLOAT] = "a number",
	    [VALUE_STRING] = "a string",
	    [VALUE_DATETIME] = "a date or time",
	    [VALUE_ARRAY] = "an array",
	    [VALUE_TABLE] = "a table",
	};
	return names[kind];
}

/* The shortest decimal that reads back as the same double. */
static struct str spell_float(struct arena *a, double f)
{
	char text[40];

	if (isnan(f))
		return STR("nan");
	if (isinf(f))
		return f < 0 ? STR("-inf") : STR("inf");
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, f);
		if (strtod(text, NULL) == f)
			break;
	}
	return arena_str(a, str_of(text));
}

struct str value_spell(struct arena *a, const struct value *scalar)
{
	switch (scalar->kind) {
	case VALUE_BOOL:
		return scalar->as.b ? STR("true") : STR("false");
	case VALUE_INT:
		return scalar->text.n
			   ? scalar->text
			   : arena_printf(a, "%" PRId64, scalar->as.i);
	case VALUE_FLOAT:
		return scalar->text.n ? scalar->text
				      : spell_float(a, scalar->as.f);
	case VALUE_STRING:
	case VALUE_DATETIME:
		return scalar->text;
	case VALUE_NULL:
	case VALUE_ARRAY:
	case VALUE_TABLE:
		break;
	}
	return (struct str){0};
}
