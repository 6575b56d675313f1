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

/* Room for one more; the old array stays behind in the arena. */
static void *grown(
    struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return old;
	*cap = *cap ? *cap * 2 : 4;
	void *bigger = arena_array(a, *cap, size);
	if (n)
		memcpy(bigger, old, n * size);
	return bigger;
}

void value_push(struct arena *a, struct value *array, struct value *item)
{
	array->as.array.items = grown(a, array->as.array.items,
	    array->as.array.n, &array->as.array.cap, sizeof(item));
	array->as.array.items[array->as.array.n++] = item;
}

struct member *value_member(const struct value *table, struct str key)
{
	if (!table || table->kind != VALUE_TABLE)
		return NULL;
	for (size_t i = 0; i < table->as.table.n; i++)
		if (str_eq(table->as.table.members[i].key, key))
			return &table->as.table.members[i];
	return NULL;
}

void value_set(struct arena *a, struct value *table, struct str key,
    struct pos key_pos, struct value *item)
{
	struct member *m = value_member(table, key);
	if (!m) {
		table->as.table.members = grown(a, table->as.table.members,
		    table->as.table.n, &table->as.table.cap, sizeof(*m));
		m = &table->as.table.members[table->as.table.n++];
	}
	*m = (struct member){.key = key, .pos = key_pos, .value = item};
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
