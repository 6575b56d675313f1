#include <stdlib.h>

#include "generator/catalogue-guard.h"

/*
 * Two catalogues side by side. Lists of plain values are compared as lists of
 * what they offer: one item more is one addition, wherever it stands. Lists of
 * tables are compared item by item.
 */
struct walk {
	struct arena *a;
	struct catalogue_change *rows;
	size_t n;
};

static void note(struct walk *w, enum catalogue_bump bump, struct str path,
    const struct value *was, const struct value *is, struct pos pos)
{
	if (w->n < CATALOGUE_CHANGES_MAX)
		w->rows[w->n++] =
		    (struct catalogue_change){bump, path, was, is, pos};
}

static bool is_plain(const struct value *v)
{
	return v->kind != VALUE_ARRAY && v->kind != VALUE_TABLE;
}

static bool is_plain_list(const struct value *v)
{
	for (size_t i = 0; i < v->as.array.n; i++)
		if (!is_plain(v->as.array.items[i]))
			return false;
	return true;
}

/* By what it is, not by how it is spelled: 1.50 is 1.5. */
static bool is_same(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_BOOL:
		return a->as.b == b->as.b;
	case VALUE_INT:
		return a->as.i == b->as.i;
	case VALUE_FLOAT:
		return !(a->as.f < b->as.f) && !(a->as.f > b->as.f);
	case VALUE_STRING:
	case VALUE_DATETIME:
		return str_eq(a->text, b->text);
	case VALUE_NULL:
	case VALUE_ARRAY:
	case VALUE_TABLE:
		break;
	}
	return true;
}

/* A whole and a decimal number are the same type to JSON. */
static bool is_other_type(const struct value *a, const struct value *b)
{
	bool numbers = (a->kind == VALUE_INT || a->kind == VALUE_FLOAT) &&
		       (b->kind == VALUE_INT || b->kind == VALUE_FLOAT);

	return a->kind != b->kind && !numbers;
}

static struct str below(struct walk *w, struct str path, struct str name)
{
	return path.n ? arena_printf(
			    w->a, "%.*s.%.*s", STR_ARG(path), STR_ARG(name))
		      : name;
}

/* Those of `some` that have no partner in `others`. */
static size_t without_partner(struct walk *w, const struct value *some,
    const struct value *others, const struct value ***out)
{
	size_t n = 0, m = others->as.array.n;
	bool *taken = arena_array(w->a, m, sizeof(*taken));

	*out = arena_array(w->a, some->as.array.n, sizeof(**out));
	for (size_t i = 0; i < some->as.array.n; i++) {
		const struct value *v = some->as.array.items[i];
		size_t j =
		    i < m && !taken[i] && is_same(v, others->as.array.items[i])
			? i
			: 0;
		while (j < m &&
		       (taken[j] || !is_same(v, others->as.array.items[j])))
			j++;
		if (j < m)
			taken[j] = true;
		else
			(*out)[n++] = v;
	}
	return n;
}

#define LIST_MAX 2000 /* longer ones item by item */
static void plain_lists(struct walk *w, struct str path,
    const struct value *was, const struct value *is)
{
	const struct value **gone, **come;
	size_t n = without_partner(w, was, is, &gone);
	size_t m = without_partner(w, is, was, &come);

	for (size_t i = 0; i < n; i++)
		note(w, BUMP_MAJOR, path, gone[i], NULL, is->pos);
	for (size_t i = 0; i < m; i++)
		note(w, BUMP_MINOR, path, NULL, come[i], come[i]->pos);
	for (size_t i = 0; !n && !m && i < is->as.array.n; i++)
		if (!is_same(was->as.array.items[i], is->as.array.items[i])) {
			note(w, BUMP_PATCH, path, was->as.array.items[i],
			    is->as.array.items[i], is->as.array.items[i]->pos);
			return; /* the order alone, said once */
		}
}

static void compare(struct walk *w, struct str path, const struct value *was,
    const struct value *is);

static void lists(struct walk *w, struct str path, const struct value *was,
    const struct value *is)
{
	size_t n = was->as.array.n, m = is->as.array.n;

	if (n <= LIST_MAX && m <= LIST_MAX && is_plain_list(was) &&
	    is_plain_list(is)) {
		plain_lists(w, path, was, is);
		return;
	}
	for (size_t i = 0; i < n || i < m; i++) {
		struct str at =
		    arena_printf(w->a, "%.*s[%zu]", STR_ARG(path), i);
		if (i >= m)
			note(w, BUMP_MAJOR, at, was->as.array.items[i], NULL,
			    is->pos);
		else if (i >= n)
			note(w, BUMP_MINOR, at, NULL, is->as.array.items[i],
			    is->as.array.items[i]->pos);
		else
			compare(w, at, was->as.array.items[i],
			    is->as.array.items[i]);
	}
}

static void tables(struct walk *w, struct str path, const struct value *was,
    const struct value *is)
{
	for (size_t i = 0; i < was->as.table.n; i++) {
		const struct member *m = &was->as.table.members[i];
		const struct member *now = value_member(is, m->key);
		struct str at = below(w, path, m->key);
		if (!path.n && str_is(m->key, "version"))
			continue;
		if (now)
			compare(w, at, m->value, now->value);
		else
			note(w, BUMP_MAJOR, at, m->value, NULL, is->pos);
	}
	for (size_t i = 0; i < is->as.table.n; i++) {
		const struct member *m = &is->as.table.members[i];
		if (!value_member(was, m->key))
			note(w, BUMP_MINOR, below(w, path, m->key), NULL,
			    m->value, m->pos);
	}
}

static void compare(struct walk *w, struct str path, const struct value *was,
    const struct value *is)
{
	if (is_other_type(was, is))
		note(w, BUMP_MAJOR, path, was, is, is->pos);
	else if (was->kind == VALUE_TABLE)
		tables(w, path, was, is);
	else if (was->kind == VALUE_ARRAY)
		lists(w, path, was, is);
	else if (!is_same(was, is))
		note(w, BUMP_PATCH, path, was, is, is->pos);
}

size_t catalogue_changes(struct arena *a, const struct value *was,
    const struct value *is, struct catalogue_change **out)
{
	struct walk w = {.a = a,
	    .rows = arena_array(a, CATALOGUE_CHANGES_MAX, sizeof(*w.rows))};

	tables(&w, (struct str){0}, was, is);
	*out = w.rows;
	return w.n;
}

/* --- versions --------------------------------------------------------------
 */

/* Numbers of any length. */
static int compare_numbers(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	int order = str_cmp(a, b);
	return (order > 0) - (order < 0);
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Up to the next dot. */
static struct str part(struct str *rest)
{
	size_t dot = str_find(*rest, '.', 0);
	struct str one = str_slice(*rest, 0, dot);

	*rest = str_slice(*rest, dot + 1, rest->n);
	return one;
}

static int compare_parts(struct str a, struct str b)
{
	while (a.n && b.n) {
		struct str x = part(&a), y = part(&b);
		bool xn = is_number(x), yn = is_number(y);
		int order = xn && yn ? compare_numbers(x, y)
			    : xn     ? -1
			    : yn     ? 1
				     : str_cmp(x, y);
		if (order != 0)
			return order < 0 ? -1 : 1;
	}
	/* who has more of them is above */
	return (a.n > 0) - (b.n > 0);
}

static struct str core(struct str version, struct str *pre)
{
	version = str_slice(version, 0, str_find(version, '+', 0));
	size_t dash = str_find(version, '-', 0);
	*pre = str_slice(version, dash + 1, version.n);
	return str_slice(version, 0, dash);
}

int catalogue_compare(struct str left, struct str right)
{
	struct str left_pre, right_pre;
	struct str a = core(left, &left_pre), b = core(right, &right_pre);
	int order = compare_parts(a, b);

	if (order != 0)
		return order;
	/* without a pre-release it is above all that have one */
	if (!left_pre.n || !right_pre.n)
		return (left_pre.n == 0) - (right_pre.n == 0);
	return compare_parts(left_pre, right_pre);
}

/* One more than a number of any length. */
static struct str one_more(struct arena *a, struct str number)
{
	char *out = arena_cstr(a, arena_printf(a, "0%.*s", STR_ARG(number)));
	size_t i = number.n;

	while (out[i] == '9')
		out[i--] = '0';
	out[i]++;
	return str_of(out + (out[0] == '0'));
}

struct str catalogue_raised(
    struct arena *a, struct str version, enum catalogue_bump bump)
{
	struct str pre, rest = core(version, &pre);
	struct str major = part(&rest), minor = part(&rest),
		   patch = part(&rest);

	if (pre.n)
		return core(version, &pre);
	if (str_is(major, "0") && bump > BUMP_PATCH)
		bump--;
	if (bump == BUMP_MAJOR)
		return arena_printf(a, "%.*s.0.0", STR_ARG(one_more(a, major)));
	if (bump == BUMP_MINOR)
		return arena_printf(a, "%.*s.%.*s.0", STR_ARG(major),
		    STR_ARG(one_more(a, minor)));
	return arena_printf(a, "%.*s.%.*s.%.*s", STR_ARG(major), STR_ARG(minor),
	    STR_ARG(one_more(a, patch)));
}
