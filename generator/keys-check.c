#include <string.h>

#include "generator/key-value.h"
#include "lib/opt.h"

/*
 * One walk down the tree beside the rows. A finding marks its value `broken`; a
 * table with a key that is unknown is `doubtful`: a key that seems missing may
 * be the misspelt one. key_mend() and the producers go by these marks.
 */
#define TOLD_MAX 12 /* keys of a table that are all told */

/* ", or take one of these: a, b"; nothing where there are none, or too many. */
static struct str instead(struct key_walk *w, const char *const *keys, size_t n)
{
	struct str all = {0};

	for (size_t i = 0; i < n && n <= TOLD_MAX; i++)
		all = arena_printf(w->a, "%.*s%s%s", STR_ARG(all),
		    i ? ", " : ", or take one of these: ", keys[i]);
	return all;
}

static void unknown(struct key_walk *w, const char *parent, struct value *table,
    const struct member *m)
{
	const char *near[128];
	size_t n = 0;

	for (const struct key *row = key_rows; row->pattern && n < 128; row++) {
		const char *part = key_part(row, parent);
		if (part && strcmp(part, "*") != 0)
			near[n++] = part;
	}
	const char *best = opt_nearest(m->key, near, n);
	table->doubtful = true;
	w->strange++;
	if (!best && m->value->kind == VALUE_TABLE &&
	    key_child(parent, STR("variant")))
		diag_error(w->diag, m->pos, "unknown-key",
		    "there is no key `%.*s` here; take it out, or call it "
		    "`variant.%.*s` if it is one",
		    STR_ARG(m->key), STR_ARG(m->key));
	else if (best)
		diag_error(w->diag, m->pos, "unknown-key",
		    "there is no key `%.*s` here; did you mean `%s`?",
		    STR_ARG(m->key), best);
	else
		diag_error(w->diag, m->pos, "unknown-key",
		    "there is no key `%.*s` here; take it out%.*s",
		    STR_ARG(m->key), STR_ARG(instead(w, near, n)));
}

/* Everything below a key of kind ANY: references and placeholders. */
static void walk_any(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
{
	if (key_is_reference(v) &&
	    (row->flags & KEY_RAW ? !key_names_something(w, path, v)
				  : !key_resolve(w, path, v)))
		return;
	if (v->kind == VALUE_STRING)
		key_check_text(w, row, path, v);
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			walk_any(w, row,
			    arena_printf(w->a, "%.*s[%zu]", STR_ARG(path), i),
			    v->as.array.items[i]);
	if (v->kind == VALUE_TABLE && !key_is_reference(v))
		for (size_t i = 0; i < v->as.table.n; i++) {
			struct member *m = &v->as.table.members[i];
			walk_any(w, row,
			    arena_printf(w->a, "%.*s.%.*s", STR_ARG(path),
				STR_ARG(m->key)),
			    m->value);
		}
}

/* What an array or a map holds, for `wrong-type`. */
static const struct key text_row = {.kind = KEY_STRING};

static void check_strings(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
{
	for (size_t i = 0; i < v->as.array.n; i++) {
		struct value *item = v->as.array.items[i];
		struct str at =
		    arena_printf(w->a, "%.*s[%zu]", STR_ARG(path), i);
		if (key_is_reference(item) && !key_resolve(w, at, item))
			continue;
		if (item->kind != VALUE_STRING) {
			key_wrong_type(w, &text_row, at, item);
			continue;
		}
		key_check_text(w, row, at, item);
		if (row->kind == KEY_ENUMS)
			key_check_choice(w, row, path, item);
	}
}

static void check_map(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
{
	for (size_t i = 0; i < v->as.table.n; i++) {
		struct member *m = &v->as.table.members[i];
		struct str at = arena_printf(
		    w->a, "%.*s.%.*s", STR_ARG(path), STR_ARG(m->key));
		if (key_is_reference(m->value) && !key_resolve(w, at, m->value))
			continue;
		if (m->value->kind != VALUE_STRING)
			key_wrong_type(w, &text_row, at, m->value);
		else if (row->arg)
			key_check_choice(w, row, at, m->value);
		else
			key_check_text(w, row, at, m->value);
	}
}

static void walk_table(struct key_walk *w, const struct key *row,
    struct str path, struct value *table);

static const enum value_kind kinds[KEY_KIND_COUNT] = {
    [KEY_TABLE] = VALUE_TABLE,
    [KEY_LIKE] = VALUE_TABLE,
    [KEY_STRING] = VALUE_STRING,
    [KEY_URL] = VALUE_STRING,
    [KEY_BOOL] = VALUE_BOOL,
    [KEY_INT] = VALUE_INT,
    [KEY_DURATION] = VALUE_STRING,
    [KEY_SIZE] = VALUE_STRING,
    [KEY_RATE] = VALUE_STRING,
    [KEY_ENUM] = VALUE_STRING,
    [KEY_ENUMS] = VALUE_ARRAY,
    [KEY_STRINGS] = VALUE_ARRAY,
    [KEY_MAP] = VALUE_TABLE,
};

static void check_value(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
{
	if (row->kind == KEY_ANY) {
		walk_any(w, row, path, v);
		return;
	}
	bool holds_tables = kinds[row->kind] == VALUE_TABLE;
	if (!holds_tables && key_is_reference(v) && !key_resolve(w, path, v))
		return;
	if (row->kind == KEY_BOOL)
		key_word_to_bool(v);
	if (kinds[row->kind] == VALUE_ARRAY)
		key_words_to_array(w->a, v);
	bool word =
	    row->kind == KEY_INT && v->kind == VALUE_STRING && v->from_env;
	if (v->kind != kinds[row->kind] && !word) {
		key_wrong_type(w, row, path, v);
		return;
	}
	if (v->kind == VALUE_STRING) {
		key_check_text(w, row, path, v);
		if (key_is_placeholder(v->text))
			return;
	}
	switch (row->kind) {
	case KEY_TABLE:
	case KEY_LIKE:
		walk_table(w, row, path, v);
		break;
	case KEY_URL:
		key_check_url(w, path, v);
		break;
	case KEY_INT:
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_RATE:
		key_check_amount(w, row, path, v);
		break;
	case KEY_ENUM:
		key_check_choice(w, row, path, v);
		break;
	case KEY_ENUMS:
	case KEY_STRINGS:
		check_strings(w, row, path, v);
		break;
	case KEY_MAP:
		check_map(w, row, path, v);
		break;
	case KEY_ANY:
	case KEY_STRING:
	case KEY_BOOL:
	case KEY_KIND_COUNT:
		break;
	}
}

static void walk_member(struct key_walk *w, const char *parent, struct str path,
    struct value *table, struct member *m)
{
	const struct key *row = key_child(parent, m->key);
	size_t n;

	if (!row) {
		unknown(w, parent, table, m);
		return;
	}
	n = strlen(row->pattern);
	if (row->pattern[n - 1] == '*' && !key_is_name(m->key)) {
		diag_error(w->diag, m->pos, "bad-name",
		    "`%.*s` cannot be a name; use up to %d of a-z, 0-9, - "
		    "and _, a letter or digit first",
		    STR_ARG(m->key), KEY_NAME_MAX);
		return;
	}
	if (row->flags & KEY_ENV_ONLY && !m->value->from_env) {
		diag_error(w->diag, m->pos, "env-only",
		    "`%.*s` may stand in env/NAME.toml only; move it there",
		    STR_ARG(path));
		return;
	}
	check_value(w, row, path, m->value);
}

/* path: of the table, empty at the root. */
static void walk_table(struct key_walk *w, const struct key *row,
    struct str path, struct value *table)
{
	const char *parent = row ? key_below(row) : "";

	for (size_t i = 0; i < table->as.table.n; i++) {
		struct member *m = &table->as.table.members[i];
		struct str at = path.n ? arena_printf(w->a, "%.*s.%.*s",
					     STR_ARG(path), STR_ARG(m->key))
				       : m->key;
		size_t before = w->diag->errors - w->strange;
		walk_member(w, parent, at, table, m);
		m->value->broken = w->diag->errors - w->strange > before;
	}
	for (const struct key *k = key_rows; k->pattern; k++) {
		const char *part = key_part(k, parent);
		if (!part || !(k->flags & KEY_REQUIRED) ||
		    value_get(table, part))
			continue;
		diag_error(w->diag, table->pos, "missing-key",
		    "`%s` is missing%s%.*s; add it: %s", part,
		    path.n ? " in " : "", STR_ARG(path), k->help);
	}
}

/* A reference that led nowhere, at any depth of a key of kind ANY. */
static void mend_any(struct arena *a, struct value *v)
{
	if (key_is_reference(v)) {
		*v = *value_string(a, STR(""), v->pos);
		v->from_env = v->broken = true;
	} else if (v->kind == VALUE_ARRAY) {
		for (size_t i = 0; i < v->as.array.n; i++)
			mend_any(a, v->as.array.items[i]);
	} else if (v->kind == VALUE_TABLE) {
		for (size_t i = 0; i < v->as.table.n; i++)
			mend_any(a, v->as.table.members[i].value);
	}
}

static void mend_table(struct arena *a, const char *parent, struct value *table)
{
	for (size_t i = 0; i < table->as.table.n; i++) {
		struct value *v = table->as.table.members[i].value;
		const struct key *row =
		    key_child(parent, table->as.table.members[i].key);
		if (!row || !v->broken)
			continue;
		enum value_kind kind = kinds[row->kind];
		if (row->kind == KEY_ANY) {
			mend_any(a, v);
			continue;
		}
		if (kind == VALUE_TABLE && v->kind == VALUE_TABLE &&
		    !key_is_reference(v)) {
			mend_table(a, key_below(row), v);
			continue;
		}
		*v = kind == VALUE_TABLE || kind == VALUE_ARRAY
			 ? *value_new(a, kind, v->pos)
			 : *value_string(a, str_of(row->fallback), v->pos);
		v->broken = true;
	}
}

void key_mend(struct arena *a, struct value *root)
{
	mend_table(a, "", root);
}

void key_check(struct arena *a, struct value *root,
    const struct outside *outside, struct diag *diag)
{
	struct key_walk w = {.a = a, .outside = outside, .diag = diag};

	walk_table(&w, NULL, (struct str){0}, root);
}
