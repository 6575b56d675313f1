#include <stdlib.h>

#include "generator/schema-walk.h"
#include "lib/opt.h"

/* Rules that look at several values at once: unique and references. */
struct str schema_below(struct arena *a, struct str path, struct str name)
{
	return path.n
		   ? arena_printf(a, "%.*s.%.*s", STR_ARG(path), STR_ARG(name))
		   : name;
}

struct str schema_item(struct arena *a, struct str path, size_t i)
{
	return arena_printf(a, "%.*s[%zu]", STR_ARG(path), i);
}

struct str schema_spell(struct arena *a, const struct value *v)
{
	struct str text = value_spell(a, v);

	return v->kind == VALUE_STRING
		   ? arena_printf(a, "\"%.*s\"", STR_ARG(text))
		   : text;
}

/* One value that a path means; a name of a table is a value as well. */
struct found {
	struct str text, path;
	struct pos pos;
	const struct value *value; /* NULL: a name */
	size_t group; /* equal for those whose last `*` is the same one's */
	size_t order;
};
struct finds {
	struct found *rows;
	size_t n, cap, groups;
	bool names; /* the names that a last `*` stands for, not the values */
};

static void keep(struct schema_walk *w, struct finds *f, struct found one)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		struct found *rows =
		    arena_array(w->schema->arena, f->cap, sizeof(*rows));
		if (f->n)
			memcpy(rows, f->rows, f->n * sizeof(*rows));
		f->rows = rows;
	}
	one.order = f->n;
	f->rows[f->n++] = one;
}

static size_t last_star(const struct schema_path *path)
{
	size_t at = 0;

	for (size_t i = 0; i < path->n; i++)
		if (str_is(path->parts[i], "*"))
			at = i;
	return at;
}

static void find(struct schema_walk *w, struct finds *f,
    const struct schema_path *path, size_t depth, struct str at,
    const struct value *v)
{
	if (depth == path->n) {
		if (v->kind != VALUE_TABLE && v->kind != VALUE_ARRAY)
			keep(w, f,
			    (struct found){
				.text = schema_spell(w->schema->arena, v),
				.path = at,
				.pos = v->pos,
				.value = v,
				.group = f->groups});
		return;
	}
	struct str part = path->parts[depth];
	if (depth == last_star(path))
		f->groups++;
	if (v->kind == VALUE_ARRAY && str_is(part, "*"))
		for (size_t i = 0; i < v->as.array.n; i++)
			find(w, f, path, depth + 1,
			    schema_item(w->schema->arena, at, i),
			    v->as.array.items[i]);
	for (size_t i = 0; v->kind == VALUE_TABLE && i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		if (!str_is(part, "*") && !str_eq(part, m->key))
			continue;
		if (f->names && depth + 1 == path->n && str_is(part, "*"))
			keep(w, f,
			    (struct found){
				.text = arena_printf(w->schema->arena,
				    "\"%.*s\"", STR_ARG(m->key))});
		else
			find(w, f, path, depth + 1,
			    schema_below(w->schema->arena, at, m->key),
			    m->value);
	}
}

static int by_text(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	int order = str_cmp(a->text, b->text);
	if (order != 0)
		return order;
	return (a->order > b->order) - (a->order < b->order);
}

void schema_unique(struct schema_walk *w, const struct schema_rule *rule)
{
	struct finds f = {0};
	size_t first = 0;

	find(w, &f, &rule->path, 0, (struct str){0}, w->root);
	if (f.n)
		qsort(f.rows, f.n, sizeof(*f.rows), by_text);
	for (size_t i = 1; i < f.n; i++) {
		const struct found *a = &f.rows[first], *b = &f.rows[i];
		if (a->group != b->group || !str_eq(a->text, b->text)) {
			first = i;
			continue;
		}
		diag_error(w->diag, b->pos, "not-unique",
		    "`%.*s` is %.*s, and so is `%.*s` in line %u; give it "
		    "another value",
		    STR_ARG(b->path), STR_ARG(b->text), STR_ARG(a->path),
		    a->pos.line);
	}
}

void schema_references(struct schema_walk *w, const struct schema_rule *rule)
{
	struct finds f = {0}, targets = {.names = true};
	const char **names;

	find(w, &f, &rule->path, 0, (struct str){0}, w->root);
	find(w, &targets, &rule->target, 0, (struct str){0}, w->root);
	for (size_t i = 0; i < targets.n; i++)
		targets.rows[i].group = 0;
	if (targets.n)
		qsort(targets.rows, targets.n, sizeof(*targets.rows), by_text);
	names = arena_array(w->schema->arena, targets.n, sizeof(*names));
	for (size_t i = 0; i < targets.n; i++)
		names[i] = arena_cstr(w->schema->arena, targets.rows[i].text);
	for (size_t i = 0; i < f.n; i++) {
		size_t low = 0, high = targets.n;
		while (low < high) {
			size_t mid = (low + high) / 2;
			if (str_cmp(targets.rows[mid].text, f.rows[i].text) < 0)
				low = mid + 1;
			else
				high = mid;
		}
		if (low < targets.n &&
		    str_eq(targets.rows[low].text, f.rows[i].text))
			continue;
		const char *near =
		    opt_nearest(f.rows[i].text, names, targets.n);
		diag_error(w->diag, f.rows[i].pos, "unknown-reference",
		    "`%.*s` is %.*s, and `%.*s` has no such; %s%s%s",
		    STR_ARG(f.rows[i].path), STR_ARG(f.rows[i].text),
		    STR_ARG(rule->references),
		    near ? "did you mean " : "add it there, or take it out",
		    near ? near : "", near ? "?" : "");
	}
}
