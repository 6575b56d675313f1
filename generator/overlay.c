#include "generator/overlay.h"

#include <string.h>

#include "generator/keys.h"
#include "lib/buf.h"
#include "lib/json.h"

/*
 * A reference is a table in TOML and a value here (is_table()): laying
 * { env = "X" } over a string, or a table over a reference, replaces. Nothing
 * is copied but what --set brings: the trees share their values from then on.
 */
static bool is_table(const struct value *v)
{
	return v && v->kind == VALUE_TABLE && !key_is_reference(v);
}

void overlay(struct arena *a, struct value *base, const struct value *top)
{
	for (size_t i = 0; i < top->as.table.n; i++) {
		const struct member *m = &top->as.table.members[i];
		struct member *below = value_member(base, m->key);
		if (below && is_table(below->value) && is_table(m->value))
			overlay(a, below->value, m->value);
		else
			value_set(a, base, m->key, m->pos, m->value);
	}
}

bool overlay_set(struct arena *a, struct value *base, struct str dotted,
    struct str text, struct pos pos)
{
	size_t dot = str_find(dotted, '.', 0);
	struct str key = arena_str(a, str_slice(dotted, 0, dot));
	struct member *m = value_member(base, key);
	struct value *v;

	if (key.n == 0 || base->kind != VALUE_TABLE)
		return false;
	/* said before anything is made of the first half */
	if (dot < dotted.n && (dot + 1 == dotted.n || dotted.p[dot + 1] == '.'))
		return false;
	if (dot == dotted.n) {
		v = value_string(a, arena_str(a, text), pos);
		v->from_env = true;
		value_set(a, base, key, pos, v);
		return true;
	}
	if (!m || key_is_reference(m->value)) {
		v = value_new(a, VALUE_TABLE, pos);
		v->from_env = true;
		value_set(a, base, key, pos, v);
	} else {
		v = m->value;
	}
	return overlay_set(
	    a, v, str_slice(dotted, dot + 1, dotted.n), text, pos);
}

void overlay_mark(struct value *tree)
{
	tree->from_env = true;
	if (tree->kind == VALUE_ARRAY)
		for (size_t i = 0; i < tree->as.array.n; i++)
			overlay_mark(tree->as.array.items[i]);
	if (tree->kind == VALUE_TABLE)
		for (size_t i = 0; i < tree->as.table.n; i++)
			overlay_mark(tree->as.table.members[i].value);
}

static bool is_bare(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if (!key.p[i] || !strchr("abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_",
				     key.p[i]))
			return false;
	return key.n > 0;
}

static void put_key(struct buf *out, struct str key)
{
	if (is_bare(key))
		buf_put_str(out, key);
	else
		json_put_string(out, key);
}

static void put_value(struct arena *a, struct buf *out, const struct value *v)
{
	switch (v->kind) {
	case VALUE_STRING:
		json_put_string(out, v->text);
		break;
	case VALUE_ARRAY:
		buf_putc(out, '[');
		for (size_t i = 0; i < v->as.array.n; i++) {
			buf_puts(out, i ? ", " : "");
			put_value(a, out, v->as.array.items[i]);
		}
		buf_putc(out, ']');
		break;
	case VALUE_TABLE:
		buf_puts(out, "{ ");
		for (size_t i = 0; i < v->as.table.n; i++) {
			buf_puts(out, i ? ", " : "");
			put_key(out, v->as.table.members[i].key);
			buf_puts(out, " = ");
			put_value(a, out, v->as.table.members[i].value);
		}
		buf_puts(out, v->as.table.n ? " }" : "}");
		break;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_DATETIME:
		buf_put_str(out, value_spell(a, v));
		break;
	}
}

/* A table without members of its own needs no header, its tables have one. */
static bool needs_header(const struct value *t)
{
	for (size_t i = 0; i < t->as.table.n; i++)
		if (!is_table(t->as.table.members[i].value))
			return true;
	return t->as.table.n == 0;
}

static void put_table(
    struct arena *a, struct buf *out, const struct value *t, struct str path)
{
	struct buf name = {0};

	if (path.n && needs_header(t))
		buf_printf(
		    out, "%s[%.*s]\n", out->len ? "\n" : "", STR_ARG(path));
	for (size_t i = 0; i < t->as.table.n; i++) {
		const struct member *m = &t->as.table.members[i];
		if (is_table(m->value))
			continue;
		put_key(out, m->key);
		buf_puts(out, " = ");
		put_value(a, out, m->value);
		const struct pos *p = &m->value->pos;
		if (p->line)
			buf_printf(out, "  # %s:%u\n", p->file, p->line);
		else
			buf_printf(out, "  # %s\n", p->file ? p->file : "");
	}
	for (size_t i = 0; i < t->as.table.n; i++) {
		const struct member *m = &t->as.table.members[i];
		if (!is_table(m->value))
			continue;
		buf_clear(&name);
		buf_put_str(&name, path);
		buf_puts(&name, path.n ? "." : "");
		put_key(&name, m->key);
		put_table(a, out, m->value, arena_str(a, buf_str(&name)));
	}
	buf_release(&name);
}

void overlay_print(struct arena *a, const struct value *tree, FILE *out)
{
	struct buf text = {0};

	put_table(a, &text, tree, (struct str){0});
	if (text.len)
		fwrite(text.data, 1, text.len, out);
	buf_release(&text);
}

static void list_values(
    struct arena *a, struct value *all, const struct value *t, struct str path)
{
	for (size_t i = 0; i < t->as.table.n; i++) {
		const struct member *m = &t->as.table.members[i];
		const struct pos *p = &m->value->pos;
		struct buf name = {0};
		buf_put_str(&name, path);
		buf_puts(&name, path.n ? "." : "");
		put_key(&name, m->key);
		struct str key = arena_str(a, buf_str(&name));
		buf_release(&name);
		if (is_table(m->value) && m->value->as.table.n > 0) {
			list_values(a, all, m->value, key);
			continue;
		}
		struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
		struct value *none = value_new(a, VALUE_NULL, POS_NONE);
		value_set(a, row, STR("key"), POS_NONE,
		    value_string(a, key, POS_NONE));
		value_set(a, row, STR("value"), POS_NONE, m->value);
		value_set(a, row, STR("file"), POS_NONE,
		    p->file ? value_string(a, str_of(p->file), POS_NONE)
			    : none);
		value_set(a, row, STR("line"), POS_NONE,
		    p->line ? value_int(a, p->line, POS_NONE) : none);
		value_push(a, all, row);
	}
}

struct value *overlay_values(struct arena *a, const struct value *tree)
{
	struct value *all = value_new(a, VALUE_ARRAY, POS_NONE);

	list_values(a, all, tree, (struct str){0});
	return all;
}
