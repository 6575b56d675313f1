#include <math.h>
#include <regex.h>
#include <stdlib.h>

#include "generator/schema-walk.h"
#include "lib/opt.h"

/*
 * One walk down the catalogue. At each value stands a list of the rules whose
 * first parts are its path; those of that length are held to it, longer ones
 * go on below it. What needs other values (unique, references) is done after
 * it, rule by rule (generator/schema-cross.c).
 */
static bool is_type(enum schema_type type, const struct value *v)
{
	switch (type) {
	case SCHEMA_STRING:
		return v->kind == VALUE_STRING;
	case SCHEMA_INTEGER:
		return v->kind == VALUE_INT;
	case SCHEMA_NUMBER:
		return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
	case SCHEMA_BOOLEAN:
		return v->kind == VALUE_BOOL;
	case SCHEMA_DATE:
		return v->kind == VALUE_DATETIME;
	case SCHEMA_ARRAY:
		return v->kind == VALUE_ARRAY;
	case SCHEMA_TABLE:
		return v->kind == VALUE_TABLE;
	case SCHEMA_ANY:
	case SCHEMA_TYPE_COUNT:
		break;
	}
	return true;
}

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

/* -1, 0, 1; whole numbers exactly. */
static int compare_numbers(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_INT && b->kind == VALUE_INT)
		return (a->as.i > b->as.i) - (a->as.i < b->as.i);
	long double x = a->kind == VALUE_INT ? (long double)a->as.i : a->as.f;
	long double y = b->kind == VALUE_INT ? (long double)b->as.i : b->as.f;
	return (x > y) - (x < y);
}

static bool equal(const struct value *a, const struct value *b)
{
	if (is_number(a) && is_number(b))
		return compare_numbers(a, b) == 0;
	if (a->kind != b->kind)
		return false;
	if (a->kind == VALUE_BOOL)
		return a->as.b == b->as.b;
	return (a->kind == VALUE_STRING || a->kind == VALUE_DATETIME) &&
	       str_eq(a->text, b->text);
}

static void check_choices(struct schema_walk *w, const struct schema_rule *rule,
    struct str path, const struct value *v)
{
	const struct value *all = rule->choices;
	struct arena *a = w->schema->arena;
	struct str list = {0};

	for (size_t i = 0; i < all->as.array.n; i++)
		if (equal(v, all->as.array.items[i]))
			return;
	for (size_t i = 0; i < all->as.array.n && i < 20; i++)
		list =
		    arena_printf(a, "%.*s%s%.*s", STR_ARG(list), i ? ", " : "",
			STR_ARG(schema_spell(
			    w->schema->arena, all->as.array.items[i])));
	diag_error(w->diag, v->pos, "bad-value",
	    "`%.*s` cannot be %.*s; it may be: %.*s%s", STR_ARG(path),
	    STR_ARG(schema_spell(w->schema->arena, v)), STR_ARG(list),
	    all->as.array.n > 20 ? ", …" : "");
}

static size_t characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void check_bounds(struct schema_walk *w, const struct schema_rule *rule,
    struct str path, const struct value *v)
{
	struct value size = {.kind = VALUE_INT};
	const struct value *held = v;
	const char *what = "";

	if (v->kind == VALUE_STRING) {
		size.as.i = (int64_t)characters(v->text);
		what = " characters";
	} else if (v->kind == VALUE_ARRAY) {
		size.as.i = (int64_t)v->as.array.n;
		what = " items";
	} else if (v->kind == VALUE_TABLE) {
		size.as.i = (int64_t)v->as.table.n;
		what = " members";
	} else if (!is_number(v)) {
		return;
	}
	if (*what)
		held = &size;
	bool low = rule->min && !(compare_numbers(held, rule->min) >= 0);
	bool high = rule->max && !(compare_numbers(held, rule->max) <= 0);
	/* no order at all: not a number */
	bool lost = held->kind == VALUE_FLOAT && isnan(held->as.f);
	if (!low && !high && !lost)
		return;
	const struct value *bound = low || !rule->max ? rule->min : rule->max;
	diag_error(w->diag, v->pos, "bad-value",
	    "`%.*s` %s %.*s%s; it must be %.*s at %s", STR_ARG(path),
	    *what ? "has" : "is", STR_ARG(value_spell(w->schema->arena, held)),
	    what, STR_ARG(value_spell(w->schema->arena, bound)),
	    bound == rule->min ? "least" : "most");
}

/* Held against all of it: the expression is anchored. */
static bool matches(
    struct schema_walk *w, const struct schema_rule *rule, struct str text)
{
	regex_t *compiled = w->patterns[rule - w->schema->rules];
	regmatch_t all = {0, (regoff_t)text.n};

	if (text.n > SCHEMA_TEXT_MAX || memchr(text.p ? text.p : "", 0, text.n))
		return false;
	if (!compiled) {
		compiled = arena_alloc(w->schema->arena, sizeof(*compiled));
		if (regcomp(
			compiled, rule->pattern, REG_EXTENDED | REG_NOSUB) != 0)
			return false;
		w->patterns[rule - w->schema->rules] = compiled;
	}
	return regexec(compiled, text.p ? text.p : "", 1, &all, REG_STARTEND) ==
	       0;
}

static void check_value(struct schema_walk *w, const struct schema_rule *rule,
    struct str path, const struct value *v)
{
	if (!is_type(rule->type, v)) {
		diag_error(w->diag, v->pos, "wrong-type",
		    "`%.*s` must be of type %s, not %s", STR_ARG(path),
		    schema_types[rule->type],
		    v->kind == VALUE_FLOAT ? "a decimal number"
					   : value_kind_name(v->kind));
		return;
	}
	if (rule->choices)
		check_choices(w, rule, path, v);
	if (rule->min || rule->max)
		check_bounds(w, rule, path, v);
	if (!rule->pattern)
		return;
	if (v->kind != VALUE_STRING)
		diag_error(w->diag, v->pos, "wrong-type",
		    "`%.*s` must be a string, for it has a pattern, not %s",
		    STR_ARG(path), value_kind_name(v->kind));
	else if (!matches(w, rule, v->text))
		diag_error(w->diag, v->pos, "bad-value",
		    "`%.*s` is \"%.*s\", which does not match the pattern of "
		    "`%.*s`",
		    STR_ARG(path), STR_ARG(v->text), STR_ARG(rule->text));
}

struct rules {
	const struct schema_rule **rows;
	size_t n;
};

/* Those that go on below, by a name or (NULL) an item of an array. */
static struct rules next(struct schema_walk *w, const struct rules *active,
    size_t depth, const struct str *name)
{
	struct rules out = {
	    arena_array(w->schema->arena, active->n, sizeof(*out.rows)), 0};

	for (size_t i = 0; i < active->n; i++) {
		const struct schema_path *p = &active->rows[i]->path;
		if (p->n > depth &&
		    (str_is(p->parts[depth], "*") ||
			(name && str_eq(p->parts[depth], *name))))
			out.rows[out.n++] = active->rows[i];
	}
	return out;
}

static void unknown(struct schema_walk *w, const struct rules *active,
    size_t depth, const struct member *m)
{
	const char **names =
	    arena_array(w->schema->arena, active->n, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; i < active->n; i++) {
		const struct schema_path *p = &active->rows[i]->path;
		if (p->n > depth && !str_is(p->parts[depth], "*"))
			names[n++] =
			    arena_cstr(w->schema->arena, p->parts[depth]);
	}
	const char *near = opt_nearest(m->key, names, n);
	diag_error(w->diag, m->pos, "unknown-key",
	    "the schema has no key `%.*s` here; %s%s%s", STR_ARG(m->key),
	    near ? "did you mean `" : "take it out, or add a rule for it",
	    near ? near : "", near ? "`?" : "");
}

/* What must be in this table or array, and is not. */
static void check_required(struct schema_walk *w, const struct rules *active,
    size_t depth, struct str path, const struct value *v)
{
	for (size_t i = 0; i < active->n; i++) {
		const struct schema_rule *rule = active->rows[i];
		if (!rule->required || rule->path.n != depth + 1)
			continue;
		struct str part = rule->path.parts[depth];
		bool any = str_is(part, "*");
		size_t n =
		    v->kind == VALUE_ARRAY ? v->as.array.n : v->as.table.n;
		if (any ? n > 0
			: v->kind == VALUE_TABLE && value_member(v, part))
			continue;
		if (any)
			diag_error(w->diag, v->pos, "missing-key",
			    "`%.*s` is empty; add one at least", STR_ARG(path));
		else
			diag_error(w->diag, v->pos, "missing-key",
			    "`%.*s` is missing%s%.*s%s; add it", STR_ARG(part),
			    path.n ? " in `" : "", STR_ARG(path),
			    path.n ? "`" : "");
	}
}

static void walk_value(struct schema_walk *w, const struct rules *active,
    size_t depth, struct str path, const struct value *v);

static void walk_members(struct schema_walk *w, const struct rules *active,
    size_t depth, struct str path, const struct value *v)
{
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		struct rules deeper = next(w, active, depth, &m->key);
		if (deeper.n)
			walk_value(w, &deeper, depth + 1,
			    schema_below(w->schema->arena, path, m->key),
			    m->value);
		else if (depth || !str_is(m->key, "version"))
			unknown(w, active, depth, m);
	}
}

static void walk_items(struct schema_walk *w, const struct rules *active,
    size_t depth, struct str path, const struct value *v)
{
	struct rules deeper = next(w, active, depth, NULL);

	for (size_t i = 0; i < v->as.array.n && deeper.n; i++)
		walk_value(w, &deeper, depth + 1,
		    schema_item(w->schema->arena, path, i),
		    v->as.array.items[i]);
}

static void walk_value(struct schema_walk *w, const struct rules *active,
    size_t depth, struct str path, const struct value *v)
{
	const struct schema_rule *deeper = NULL;
	bool typed = false;

	for (size_t i = 0; i < active->n; i++) {
		const struct schema_rule *rule = active->rows[i];
		if (rule->path.n > depth) {
			deeper = rule;
			continue;
		}
		typed = typed || rule->type != SCHEMA_ANY;
		check_value(w, rule, path, v);
	}
	if (!deeper)
		return;
	bool by_name = !str_is(deeper->path.parts[depth], "*");
	if (v->kind == VALUE_TABLE) {
		check_required(w, active, depth, path, v);
		walk_members(w, active, depth, path, v);
	} else if (v->kind == VALUE_ARRAY && !by_name) {
		check_required(w, active, depth, path, v);
		walk_items(w, active, depth, path, v);
	} else if (!typed) {
		diag_error(w->diag, v->pos, "wrong-type",
		    "`%.*s` must be a table%s, for the schema goes on below "
		    "it, not %s",
		    STR_ARG(path), by_name ? "" : " or an array",
		    value_kind_name(v->kind));
	}
}

void schema_check(
    const struct schema *s, const struct value *catalogue, struct diag *diag)
{
	struct schema_walk w = {.schema = s, .root = catalogue, .diag = diag};
	struct rules all = {
	    arena_array(s->arena, s->n, sizeof(*all.rows)), s->n};

	w.patterns = arena_array(s->arena, s->n, sizeof(*w.patterns));
	for (size_t i = 0; i < s->n; i++)
		all.rows[i] = &s->rules[i];
	check_required(&w, &all, 0, (struct str){0}, catalogue);
	walk_members(&w, &all, 0, (struct str){0}, catalogue);
	for (size_t i = 0; i < s->n; i++) {
		if (s->rules[i].unique)
			schema_unique(&w, &s->rules[i]);
		if (s->rules[i].target.n)
			schema_references(&w, &s->rules[i]);
	}
	for (size_t i = 0; i < s->n; i++)
		if (w.patterns[i])
			regfree(w.patterns[i]);
}
