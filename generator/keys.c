#include "generator/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/opt.h"
#include "lib/units.h"
#include "lib/url.h"

#define REQUIRED KEY_REQUIRED
#define LATER KEY_LATER
#define ENV_ONLY KEY_ENV_ONLY
#define RAW KEY_RAW
const struct key key_rows[] = {
#define KEY(pattern, kind, arg, fallback, flags, help)                         \
	{pattern, KEY_##kind, arg, fallback, flags, help},
#include "generator/keys.def"
#undef KEY
    {NULL, KEY_ANY, NULL, NULL, 0, NULL},
};

/* What a key of each kind wants, for `wrong-type`. */
static const char *const wants[KEY_KIND_COUNT] = {
    [KEY_TABLE] = "a table",
    [KEY_LIKE] = "a table",
    [KEY_ANY] = "any value",
    [KEY_STRING] = "a string",
    [KEY_URL] = "a URL in quotes",
    [KEY_BOOL] = "true or false",
    [KEY_INT] = "a whole number",
    [KEY_DURATION] = "a duration such as \"10s\"",
    [KEY_SIZE] = "a size such as \"64KiB\"",
    [KEY_RATE] = "a rate such as \"150/m\"",
    [KEY_ENUM] = "a string",
    [KEY_ENUMS] = "an array of strings",
    [KEY_STRINGS] = "an array of strings",
    [KEY_MAP] = "a table of strings",
};

struct walk {
	struct arena *a;
	const char *(*env)(const char *name);
	struct diag *diag;
};

/* The part of a row's pattern behind its parent's, if it is its child. */
static const char *child_part(const struct key *row, const char *parent)
{
	size_t n = strlen(parent);
	const char *part = row->pattern;

	if (n) {
		if (strncmp(part, parent, n) != 0 || part[n] != '.')
			return NULL;
		part += n + 1;
	}
	return strchr(part, '.') ? NULL : part;
}

/* The pattern that a table's keys stand below. */
static const char *below(const struct key *row)
{
	return row->kind == KEY_LIKE ? row->arg : row->pattern;
}

/* A literal name goes before `*`, so [oauth] can have keys of its own. */
static const struct key *child(const char *parent, struct str name)
{
	const struct key *star = NULL;

	for (const struct key *row = key_rows; row->pattern; row++) {
		const char *part = child_part(row, parent);
		if (!part)
			continue;
		if (str_is(name, part))
			return row;
		if (strcmp(part, "*") == 0)
			star = row;
	}
	return star;
}

const struct key *key_find(const char *dotted)
{
	struct str rest = str_of(dotted);
	const struct key *row = NULL;

	while (rest.n) {
		size_t dot = str_find(rest, '.', 0);
		row = child(row ? below(row) : "", str_slice(rest, 0, dot));
		if (!row)
			return NULL;
		rest = str_slice(rest, dot + 1, rest.n);
	}
	return row;
}

bool key_is_reference(const struct value *v)
{
	if (!v || v->kind != VALUE_TABLE || v->as.table.n != 1)
		return false;
	const struct member *m = &v->as.table.members[0];
	return m->value->kind == VALUE_STRING &&
	       (str_is(m->key, "env") || str_is(m->key, "file"));
}

bool key_is_placeholder(struct str text)
{
	text = str_trim(text);
	if (text.n == 0)
		return true;
	if (str_starts(text, "TO"
			     "DO") &&
	    (text.n == 4 || strchr(" :-_.,(", text.p[4])))
		return true;
	for (size_t i = 0; i + 1 < text.n; i++)
		if (text.p[i] == '$' && text.p[i + 1] == '{')
			return true;
	return false;
}

static void unknown(struct walk *w, const char *parent, const struct member *m)
{
	const char *near[128];
	size_t n = 0;

	for (const struct key *row = key_rows; row->pattern && n < 128; row++) {
		const char *part = child_part(row, parent);
		if (part && strcmp(part, "*") != 0)
			near[n++] = part;
	}
	const char *best = opt_nearest(m->key, near, n);
	if (best)
		diag_error(w->diag, m->pos, "unknown-key",
		    "there is no key `%.*s` here; did you mean `%s`?",
		    STR_ARG(m->key), best);
	else
		diag_error(w->diag, m->pos, "unknown-key",
		    "there is no key `%.*s` here; take it out",
		    STR_ARG(m->key));
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > KEY_NAME_MAX || s.p[0] == '-' || s.p[0] == '_')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", s.p[i]) ||
		    !s.p[i])
			return false;
	return true;
}

static void wrong_type(struct walk *w, const struct key *row, struct str path,
    const struct value *v)
{
	diag_error(w->diag, v->pos, "wrong-type", "`%.*s` must be %s, not %s",
	    STR_ARG(path), wants[row->kind], value_kind_name(v->kind));
}

/*
 * `{ env = "X" }` becomes X's value. False when that is not possible; it has
 * been said then.
 */
static bool resolve(struct walk *w, struct str path, struct value *v)
{
	const struct member *m = &v->as.table.members[0];
	const char *name = arena_cstr(w->a, m->value->text);

	if (str_is(m->key, "file")) {
		diag_error(w->diag, v->pos, "wrong-type",
		    "`%.*s` is no secret; write its value or { env = … }",
		    STR_ARG(path));
		return false;
	}
	const char *found = *name ? w->env(name) : NULL;
	if (!found) {
		diag_error(w->diag, v->pos, "env-missing",
		    "`%.*s` comes from the environment and %s is not set; run "
		    "`export %s=…` first",
		    STR_ARG(path), name, name);
		return false;
	}
	*v = (struct value){.kind = VALUE_STRING,
	    .from_env = true,
	    .pos = v->pos,
	    .text = arena_str(w->a, str_of(found))};
	return true;
}

/* A string that is used as it stands. */
static void check_text(
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	if (row->flags & KEY_RAW || !key_is_placeholder(v->text))
		return;
	diag_error(w->diag, v->pos, "placeholder",
	    "`%.*s` is %s%.*s; give it its value", STR_ARG(path),
	    v->text.n ? "still " : "empty", STR_ARG(v->text));
}

/* Everything below a key of kind ANY: references and placeholders. */
static void walk_any(
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	if (key_is_reference(v) && !(row->flags & KEY_RAW) &&
	    !resolve(w, path, v))
		return;
	if (v->kind == VALUE_STRING)
		check_text(w, row, path, v);
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

/* One word against "a|b|-c". */
static void check_choice(struct walk *w, const struct key *row, struct str path,
    const struct value *v)
{
	const char *choices[32];
	size_t n = 0;

	for (struct str rest = str_of(row->arg); rest.n;) {
		size_t bar = str_find(rest, '|', 0);
		struct str one = str_slice(rest, 0, bar);
		bool later = str_starts(one, "-");
		one = str_slice(one, later, one.n);
		if (str_eq(one, v->text)) {
			if (later)
				diag_error(w->diag, v->pos, "not-built-yet",
				    "`%.*s` cannot be \"%.*s\" yet; choose "
				    "another",
				    STR_ARG(path), STR_ARG(v->text));
			return;
		}
		if (n < 32)
			choices[n++] = arena_cstr(w->a, one);
		rest = str_slice(rest, bar + 1, rest.n);
	}
	struct str all = {0};
	for (size_t i = 0; i < n; i++)
		all = arena_printf(
		    w->a, "%.*s%s%s", STR_ARG(all), i ? ", " : "", choices[i]);
	const char *near = opt_nearest(v->text, choices, n);
	diag_error(w->diag, v->pos, "bad-value",
	    "`%.*s` cannot be \"%.*s\"; %s%s%sit may be: %.*s", STR_ARG(path),
	    STR_ARG(v->text), near ? "did you mean \"" : "", near ? near : "",
	    near ? "\"? " : "", STR_ARG(all));
}

static enum err amount(enum key_kind kind, struct str text, int64_t *out)
{
	char word[24] = "", *end;

	if (kind == KEY_DURATION)
		return units_duration(text, out);
	if (kind == KEY_SIZE)
		return units_size(text, out);
	if (kind == KEY_RATE)
		return units_rate(text, &(int64_t){0}, out);
	if (text.n == 0 || text.n >= sizeof(word))
		return ERR_INPUT;
	memcpy(word, text.p, text.n);
	errno = 0;
	*out = strtoll(word, &end, 10);
	return *end || errno || strchr(" +\t", word[0]) ? ERR_INPUT : ERR_OK;
}

/* Spelled rightly and within the row's "MIN..MAX"? */
static void check_amount(
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	int64_t n = 0, min, max;
	struct str text = value_spell(w->a, v);
	struct str range = str_of(row->arg);

	if (amount(row->kind, text, &n) != ERR_OK) {
		diag_error(w->diag, v->pos, "bad-value",
		    "`%.*s` is \"%.*s\"; it must be %s", STR_ARG(path),
		    STR_ARG(text), wants[row->kind]);
		return;
	}
	size_t dots = str_find(range, '.', 0);
	if (!row->arg ||
	    amount(row->kind, str_slice(range, 0, dots), &min) != ERR_OK ||
	    amount(row->kind, str_slice(range, dots + 2, range.n), &max) !=
		ERR_OK)
		return;
	if (n < min || n > max)
		diag_error(w->diag, v->pos, "bad-value",
		    "`%.*s` is %.*s; it may be %.*s to %.*s", STR_ARG(path),
		    STR_ARG(text), (int)dots, range.p,
		    STR_ARG(str_slice(range, dots + 2, range.n)));
	if (row->kind == KEY_INT) {
		v->kind = VALUE_INT;
		v->as.i = n;
		v->text = text;
	}
}

static void check_url(struct walk *w, struct str path, struct value *v)
{
	struct url url;

	/* {run.NAME.url} is filled by `lowtide serve` */
	if (key_is_placeholder(v->text) || str_starts(v->text, "{run."))
		return;
	if (url_split(w->a, v->text, &url) != ERR_OK || url.userinfo.p ||
	    url.query.p || url.fragment.p)
		diag_error(w->diag, v->pos, "bad-value",
		    "`%.*s` is \"%.*s\"; it must be a URL such as "
		    "\"https://www.example.org\", without query or fragment",
		    STR_ARG(path), STR_ARG(v->text));
}

/* --set and the environment only know words. */
static void word_to_bool(struct value *v)
{
	if (v->kind != VALUE_STRING || !v->from_env)
		return;
	if (str_is(v->text, "true") || str_is(v->text, "false")) {
		bool truth = str_is(v->text, "true");
		v->kind = VALUE_BOOL;
		v->as.b = truth;
	}
}

static void check_strings(
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	for (size_t i = 0; i < v->as.array.n; i++) {
		struct value *item = v->as.array.items[i];
		if (key_is_reference(item) && !resolve(w, path, item))
			continue;
		if (item->kind != VALUE_STRING) {
			wrong_type(w, row, path, item);
			continue;
		}
		check_text(w, row, path, item);
		if (row->kind == KEY_ENUMS)
			check_choice(w, row, path, item);
	}
}

static void check_map(
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	for (size_t i = 0; i < v->as.table.n; i++) {
		struct member *m = &v->as.table.members[i];
		struct str at = arena_printf(
		    w->a, "%.*s.%.*s", STR_ARG(path), STR_ARG(m->key));
		if (key_is_reference(m->value) && !resolve(w, at, m->value))
			continue;
		if (m->value->kind != VALUE_STRING)
			wrong_type(w, row, at, m->value);
		else if (row->arg)
			check_choice(w, row, at, m->value);
		else
			check_text(w, row, at, m->value);
	}
}

static void walk_table(struct walk *w, const struct key *row, struct str path,
    struct value *table);

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
    struct walk *w, const struct key *row, struct str path, struct value *v)
{
	if (row->kind == KEY_ANY) {
		walk_any(w, row, path, v);
		return;
	}
	bool holds_tables = kinds[row->kind] == VALUE_TABLE;
	if (!holds_tables && key_is_reference(v) && !resolve(w, path, v))
		return;
	if (row->kind == KEY_BOOL)
		word_to_bool(v);
	bool word =
	    row->kind == KEY_INT && v->kind == VALUE_STRING && v->from_env;
	if (v->kind != kinds[row->kind] && !word) {
		wrong_type(w, row, path, v);
		return;
	}
	if (v->kind == VALUE_STRING) {
		check_text(w, row, path, v);
		if (key_is_placeholder(v->text))
			return;
	}
	switch (row->kind) {
	case KEY_TABLE:
	case KEY_LIKE:
		walk_table(w, row, path, v);
		break;
	case KEY_URL:
		check_url(w, path, v);
		break;
	case KEY_INT:
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_RATE:
		check_amount(w, row, path, v);
		break;
	case KEY_ENUM:
		check_choice(w, row, path, v);
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

static void walk_member(
    struct walk *w, const char *parent, struct str path, struct member *m)
{
	const struct key *row = child(parent, m->key);
	size_t n;

	if (!row) {
		unknown(w, parent, m);
		return;
	}
	n = strlen(row->pattern);
	if (row->pattern[n - 1] == '*' && !is_name(m->key)) {
		diag_error(w->diag, m->pos, "bad-name",
		    "`%.*s` cannot be a name; use up to %d of a-z, 0-9, - "
		    "and _, a letter or digit first",
		    STR_ARG(m->key), KEY_NAME_MAX);
		return;
	}
	if (row->flags & KEY_LATER) {
		diag_error(w->diag, m->pos, "not-built-yet",
		    "`%.*s` is not built yet; leave it out", STR_ARG(path));
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
static void walk_table(
    struct walk *w, const struct key *row, struct str path, struct value *table)
{
	const char *parent = row ? below(row) : "";

	for (size_t i = 0; i < table->as.table.n; i++) {
		struct member *m = &table->as.table.members[i];
		struct str at = path.n ? arena_printf(w->a, "%.*s.%.*s",
					     STR_ARG(path), STR_ARG(m->key))
				       : m->key;
		walk_member(w, parent, at, m);
	}
	for (const struct key *k = key_rows; k->pattern; k++) {
		const char *part = child_part(k, parent);
		if (!part || !(k->flags & KEY_REQUIRED) ||
		    value_get(table, part))
			continue;
		diag_error(w->diag, table->pos, "missing-key",
		    "`%s` is missing%s%.*s; add it: %s", part,
		    path.n ? " in " : "", STR_ARG(path), k->help);
	}
}

void key_check(struct arena *a, struct value *root,
    const char *(*env)(const char *name), struct diag *diag)
{
	struct walk w = {.a = a, .env = env, .diag = diag};

	walk_table(&w, NULL, (struct str){0}, root);
}
