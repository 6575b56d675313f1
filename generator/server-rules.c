#include "generator/server.h"

#include <stdlib.h>

/* A folder of fewer files has no rule, but lists them. */
#define FOLDER_MIN 4
#define ASSETS "assets/" /* always a folder's rule: earlier releases' too */

struct cover {
	struct arena *arena;
	const struct out_file **files; /* below www, by path */
	size_t *before;		       /* immutable ones before files[i] */
	struct path_rules *rules;
	struct path_rules exact; /* appended at last */
	bool pure;
};

static int by_path(const void *left, const void *right)
{
	const struct out_file *const *a = left, *const *b = right;

	return str_cmp((*a)->path, (*b)->path);
}

static void push(struct arena *a, struct path_rules *rules, struct str path,
    bool is_folder, bool immutable)
{
	if (rules->n == rules->cap) {
		size_t cap = rules->cap ? rules->cap * 2 : 64;
		struct path_rule *items = arena_array(a, cap, sizeof(*items));
		if (rules->n)
			memcpy(items, rules->items, rules->n * sizeof(*items));
		rules->items = items;
		rules->cap = cap;
	}
	rules->items[rules->n++] = (struct path_rule){
	    .path = arena_printf(a, "/%.*s", STR_ARG(path)),
	    .is_folder = is_folder,
	    .immutable = immutable,
	};
}

/* What a folder of n files is by default, k of them immutable. */
static bool folder_class(
    const struct cover *c, struct str folder, size_t n, size_t k, bool above)
{
	if (c->pure)
		return above || (k == n && n > 1);
	if (str_is(folder, ASSETS) && k)
		return true;
	if (n < FOLDER_MIN || 2 * k == n)
		return above;
	return 2 * k > n;
}

/* Files [from, to) of one folder, whose path has `base` bytes. */
static void cover(
    struct cover *c, size_t from, size_t to, size_t base, bool above)
{
	for (size_t i = from, end; i < to; i = end) {
		struct str path = c->files[i]->path;
		size_t slash = str_find(path, '/', base);
		struct str folder = str_slice(path, 0, slash + 1);
		end = i + 1;
		if (slash == path.n) {
			bool is = c->files[i]->class == OUT_IMMUTABLE;
			if (is != above)
				push(c->arena, &c->exact, path, false, is);
			continue;
		}
		while (end < to &&
		       str_eq(str_slice(c->files[end]->path, 0, slash + 1),
			   folder))
			end++;
		bool here = folder_class(
		    c, folder, end - i, c->before[end] - c->before[i], above);
		if (here != above)
			push(c->arena, c->rules, folder, true, here);
		if (!c->pure || here == above)
			cover(c, i, end, slash + 1, here);
	}
}

static void make_rules(
    struct arena *a, const struct out *out, struct path_rules *rules, bool pure)
{
	struct cover c = {.arena = a, .rules = rules, .pure = pure};
	size_t n = 0;

	*rules = (struct path_rules){0};
	c.files = arena_array(a, out->n + 1, sizeof(const struct out_file *));
	for (size_t i = 0; i < out->n; i++)
		if (out->files[i].root == OUT_WWW && !out->files[i].is_sibling)
			c.files[n++] = &out->files[i];
	if (n)
		qsort(c.files, n, sizeof(struct out_file *), by_path);
	c.before = arena_array(a, n + 1, sizeof(*c.before));
	for (size_t i = 0; i < n; i++)
		c.before[i + 1] =
		    c.before[i] + (c.files[i]->class == OUT_IMMUTABLE);
	cover(&c, 0, n, 0, false);
	for (size_t i = 0; i < c.exact.n; i++)
		push(a, rules,
		    str_slice(
			c.exact.items[i].path, 1, c.exact.items[i].path.n),
		    false, c.exact.items[i].immutable);
}

void server_rules(
    struct arena *a, const struct out *out, struct path_rules *rules)
{
	make_rules(a, out, rules, false);
}

void server_pure_rules(
    struct arena *a, const struct out *out, struct path_rules *rules)
{
	make_rules(a, out, rules, true);
}
