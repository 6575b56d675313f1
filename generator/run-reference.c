#include "generator/run-reference.h"

#define OPENS "{run."
#define CLOSES ".url}"

struct search {
	struct arena *a;
	const struct value *declared; /* [serve.run] */
	const struct run_helper *helpers;
	size_t n;
	bool serving;
	struct diag *diag;
	enum err err;
	/* what is done with a text that has a reference in it */
	void (*found)(struct search *s, struct str table, struct str key,
	    struct value *v);
};

/* [from, to) of the first one in the text; false: there is none. */
static bool locate(struct str text, size_t *from, size_t *to)
{
	for (size_t i = str_find(text, '{', 0); i < text.n;
	     i = str_find(text, '{', i + 1)) {
		if (!str_starts(str_slice(text, i, text.n), OPENS))
			continue;
		size_t end = str_find(text, '}', i);
		*from = i;
		*to = end < text.n ? end + 1 : text.n;
		return true;
	}
	return false;
}

/* NAME; empty where it is not written as it must be. */
static struct str name_of(struct str reference)
{
	if (!str_ends(reference, CLOSES))
		return (struct str){0};
	return str_slice(
	    reference, sizeof(OPENS) - 1, reference.n - (sizeof(CLOSES) - 1));
}

static void put(
    struct arena *a, struct value *v, size_t from, size_t to, const char *url)
{
	struct str text = v->text;

	v->text = arena_printf(a, "%.*s%s%.*s", (int)from, text.p, url,
	    STR_ARG(str_slice(text, to, text.n)));
	v->from_env = true;
}

/* --- where they may stand ----------------------------------------------- */

static void look(
    struct search *s, struct str table, struct str key, struct value *v)
{
	size_t from, to;

	if (v->kind == VALUE_STRING && locate(v->text, &from, &to))
		s->found(s, table, key, v);
	for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->as.array.n; i++)
		look(s, table, key, v->as.array.items[i]);
	if (v->kind != VALUE_TABLE)
		return;
	if (key.n)
		table = arena_printf(
		    s->a, "%.*s.%.*s", STR_ARG(table), STR_ARG(key));
	for (size_t i = 0; i < v->as.table.n; i++)
		look(s, table, v->as.table.members[i].key,
		    v->as.table.members[i].value);
}

static enum err search(struct search *s, struct value *root)
{
	struct value *upstreams = value_get(root, "upstream");
	struct value *oauth = value_get(root, "oauth");
	struct value *check = value_path(root, "web_server.check");

	s->declared = value_path(root, "serve.run");
	if (upstreams && upstreams->kind == VALUE_TABLE)
		for (size_t i = 0; i < upstreams->as.table.n; i++) {
			const struct member *m =
			    &upstreams->as.table.members[i];
			struct value *base = value_get(m->value, "base");
			if (base)
				look(s,
				    arena_printf(
					s->a, "upstream.%.*s", STR_ARG(m->key)),
				    STR("base"), base);
		}
	if (oauth)
		look(s, STR("oauth"), STR(""), oauth);
	if (check)
		look(s, STR("web_server"), STR("check"), check);
	return s->err;
}

/* --- filling them ------------------------------------------------------- */

static void fill(
    struct search *s, struct str table, struct str key, struct value *v)
{
	size_t from, to;

	(void)table;
	(void)key;
	while (locate(v->text, &from, &to)) {
		struct str name = name_of(str_slice(v->text, from, to));
		size_t i = 0;
		while (i < s->n && !str_is(name, s->helpers[i].name))
			i++;
		if (i < s->n) {
			put(s->a, v, from, to, s->helpers[i].url);
			continue;
		}
		if (!name.n || !value_member(s->declared, name))
			return;
		diag_error(s->diag, v->pos, "helper-not-running",
		    "serve.run.%.*s was declared after `lowtide serve` was "
		    "started; start it again",
		    STR_ARG(name));
		s->err = ERR_INPUT;
		return;
	}
}

enum err run_references_fill(struct arena *a, struct value *root,
    const struct run_helper *helpers, size_t n, struct diag *diag)
{
	struct search s = {
	    .a = a, .helpers = helpers, .n = n, .diag = diag, .found = fill};

	return search(&s, root);
}

/* --- refusing them ------------------------------------------------------ */

static void refuse(struct search *s, struct str table, struct str key,
    struct pos pos, struct str reference)
{
	struct str name = name_of(reference);

	if (!name.n)
		diag_error(s->diag, pos, "run-reference",
		    "`%.*s` is no address of a helper; it is written "
		    "{run.NAME.url}",
		    STR_ARG(reference));
	else if (!s->serving)
		diag_error(s->diag, pos, "run-reference",
		    "`%.*s` is known while `lowtide serve` runs; give %.*s its "
		    "%.*s for this environment",
		    STR_ARG(reference), STR_ARG(table), STR_ARG(key));
	else if (!value_member(s->declared, name))
		diag_error(s->diag, pos, "run-reference",
		    "there is no [serve.run.%.*s] that would run; write one, "
		    "or choose another --env",
		    STR_ARG(name));
	else
		return;
	s->err = ERR_INPUT;
}

/* https and of no machine, so that nothing else is said about it. */
static void stand_in(
    struct search *s, struct str table, struct str key, struct value *v)
{
	size_t from, to;
	bool said = false;

	while (locate(v->text, &from, &to)) {
		struct str reference = str_slice(v->text, from, to);
		struct str name = name_of(reference);
		if (!said)
			refuse(s, table, key, v->pos, reference);
		said = true;
		put(s->a, v, from, to,
		    arena_printf(s->a, "https://%.*s.invalid",
			STR_ARG(name.n ? name : STR("helper")))
			.p);
	}
}

enum err run_references_check(
    struct arena *a, struct value *root, bool serving, struct diag *diag)
{
	struct search s = {
	    .a = a, .serving = serving, .diag = diag, .found = stand_in};

	return search(&s, root);
}
