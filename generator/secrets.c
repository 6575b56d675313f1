#include "generator/secrets.h"

#include <string.h>

#include "generator/keys.h"
#include "lib/fs.h"

/* Parts of names. A name that *ends* in "token" is one; token_endpoint not. */
static const char *const names[] = {
    "secret",
    "password",
    "passphrase",
    "passwd",
    "private_key",
    "private-key",
    "privatekey",
};

static bool holds(struct str key, const char *part)
{
	struct str p = str_of(part);

	for (size_t i = 0; i + p.n <= key.n; i++)
		if (str_ieq(str_slice(key, i, i + p.n), p))
			return true;
	return false;
}

bool secret_named(struct str key)
{
	for (size_t i = 0; key.n && i < sizeof(names) / sizeof(*names); i++)
		if (holds(key, names[i]))
			return true;
	return key.n >= 5 &&
	       str_ieq(str_slice(key, key.n - 5, key.n), STR("token"));
}

/* A header that says who calls. */
static bool is_credential(struct str name)
{
	char lower[64];

	if (name.n > sizeof(lower))
		return false;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z'
			       ? (char)(name.p[i] - 'A' + 'a')
			       : name.p[i];
	struct str s = {lower, name.n};
	return str_is(s, "authorization") || str_is(s, "cookie") ||
	       str_is(s, "proxy-authorization") || str_ends(s, "api-key") ||
	       str_ends(s, "apikey") || secret_named(s);
}

bool secret_at(struct str path)
{
	size_t dot = path.n;

	while (dot && path.p[dot - 1] != '.')
		dot--;
	struct str name = str_slice(path, dot, path.n);
	struct str above = str_slice(path, 0, dot ? dot - 1 : 0);
	return secret_named(name) ||
	       (str_ends(above, ".headers") && is_credential(name));
}

bool secret_shaped(struct str text)
{
	return scan_tells(text);
}

static struct str below(struct arena *a, struct str path, struct str key)
{
	return path.n
		   ? arena_printf(a, "%.*s.%.*s", STR_ARG(path), STR_ARG(key))
		   : key;
}

/* [oauth.token]: people choose that name, and what is in it is no token. */
static bool is_chosen(
    struct arena *a, struct str path, const struct value *table)
{
	const struct key *row = key_find(arena_cstr(a, path));

	return table->kind == VALUE_TABLE && row &&
	       (row->kind == KEY_TABLE || row->kind == KEY_LIKE) &&
	       str_ends(str_of(row->pattern), ".*");
}

/* body.required.token = "string": a word of the key table's, no token. */
static bool is_word(struct arena *a, struct str path, const struct member *m)
{
	size_t above = path.n > m->key.n ? path.n - m->key.n - 1 : 0;
	const struct key *row =
	    key_find(arena_cstr(a, str_slice(path, 0, above)));

	return row && row->kind == KEY_MAP && row->arg;
}

static bool names_secret(
    struct arena *a, struct str path, const struct member *m)
{
	return secret_named(m->key) && !is_chosen(a, path, m->value) &&
	       !is_word(a, path, m);
}

struct walk {
	struct arena *a;
	struct diag *diag;
	const char *dir;
	const struct outside *outside;
	enum secrets_where where;
	struct scan_value *values;
	size_t n, cap;
};

/* named: its key or one above it is named after a secret, and was told. */
static void check_public(
    struct walk *w, struct str path, const struct value *v, bool named)
{
	if (v->kind == VALUE_STRING && !named && secret_shaped(v->text))
		diag_error(w->diag, v->pos, "secret-present",
		    "`%.*s` holds what looks like a secret, and [public] is "
		    "published; take it out",
		    STR_ARG(path));
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			check_public(w, path, v->as.array.items[i], named);
	if (v->kind != VALUE_TABLE)
		return;
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		struct str at = below(w->a, path, m->key);
		bool bad = !named && secret_named(m->key);
		if (bad)
			diag_error(w->diag, m->pos, "secret-present",
			    "`%.*s` is named after a secret, and [public] is "
			    "published; take it out, or rename it if it is "
			    "none",
			    STR_ARG(at));
		check_public(w, at, m->value, named || bad);
	}
}

void secrets_check_public(
    struct arena *a, const struct value *open, struct diag *diag)
{
	struct walk w = {.a = a, .diag = diag};

	check_public(&w, STR("public"), open, false);
}

static void keep(struct walk *w, struct str key, struct str text)
{
	text = str_trim(text);
	if (text.n < SCAN_VALUE_MIN || key_is_placeholder(text))
		return;
	/* one value under two keys is told once, of the first */
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->values[i].text, text))
			return;
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		struct scan_value *values =
		    arena_array(w->a, w->cap, sizeof(*values));
		if (w->n)
			memcpy(values, w->values, w->n * sizeof(*values));
		w->values = values;
	}
	w->values[w->n++] = (struct scan_value){.text = text, .key = key};
}

/*
 * Of a text of several lines (a key file) each long one: whoever copies from
 * it may change the line ends. Comments and what frames them are no secret.
 */
#define LINE_MIN 16
static void keep_lines(struct walk *w, struct str key, struct str text)
{
	text = str_trim(text);
	if (str_find(text, '\n', 0) == text.n) {
		keep(w, key, text);
		return;
	}
	while (text.n) {
		size_t end = str_find(text, '\n', 0);
		struct str line = str_trim(str_slice(text, 0, end));
		if (line.n >= LINE_MIN && !str_starts(line, "-----") &&
		    str_find(line, ' ', 0) == line.n)
			keep(w, key, line);
		text = str_slice(text, end + 1, text.n);
	}
}

static void read_secret(struct walk *w, const char *path, struct str *text)
{
	outside_file(w->outside, path);
	if (fs_read(w->a, path, SECRET_FILE_MAX, NULL, text) != ERR_OK)
		*text = (struct str){0};
}

static void keep_reference(
    struct walk *w, struct str key, const struct value *v)
{
	const struct member *m = &v->as.table.members[0];
	const char *name = arena_cstr(w->a, m->value->text);
	struct str text = {0};

	if (!*name)
		return;
	if (str_is(m->key, "env"))
		text = str_of(outside_secret(w->outside, name));
	else
		read_secret(w, fs_join(w->a, w->dir, name), &text);
	keep_lines(w, key, arena_str(w->a, text));
}

/* "{header.bank-token}" says where a value comes from; it is none itself. */
static bool has_place(struct str text)
{
	for (size_t at = str_find(text, '{', 0); at < text.n;
	     at = str_find(text, '{', at + 1)) {
		size_t end = str_find(text, '}', at);
		size_t dot = str_find(text, '.', at);
		if (end < text.n && dot > at + 1 && dot + 1 < end)
			return true;
	}
	return false;
}

/* "Bearer abc": what stands behind the scheme. A template holds no value. */
static void keep_header(struct walk *w, struct str path, const struct member *m)
{
	struct str text = str_trim(m->value->text);

	if (w->where != SECRETS_WWW || m->value->kind != VALUE_STRING ||
	    !is_credential(m->key) || has_place(text))
		return;
	size_t space = str_find(text, ' ', 0);
	keep(w, below(w->a, path, m->key),
	    space < text.n ? str_slice(text, space + 1, text.n) : text);
}

static void collect(
    struct walk *w, struct str path, const struct value *v, bool named)
{
	if (key_is_reference(v)) {
		keep_reference(w, path, v);
		return;
	}
	if (v->kind == VALUE_STRING && named && !has_place(v->text))
		keep_lines(w, path, v->text);
	/* an array under such a name lists names: body.secret = ["code"] */
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			collect(w, path, v->as.array.items[i], false);
	if (v->kind != VALUE_TABLE)
		return;
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		struct str at = below(w->a, path, m->key);
		if (str_ends(path, ".headers"))
			keep_header(w, path, m);
		else
			collect(w, at, m->value,
			    named || names_secret(w->a, at, m));
	}
}

size_t secrets_values(struct arena *a, const struct value *root,
    const char *dir, const struct outside *outside, enum secrets_where where,
    const struct scan_value **out)
{
	struct walk w = {
	    .a = a, .dir = dir, .outside = outside, .where = where};

	for (size_t i = 0; i < root->as.table.n; i++) {
		const struct member *m = &root->as.table.members[i];
		/* a signing key is found by its shape, and not held here */
		if (!str_is(m->key, "public") && !str_is(m->key, "sign"))
			collect(&w, m->key, m->value, secret_named(m->key));
	}
	*out = w.values;
	return w.n;
}

struct scan *secrets_scan(
    struct arena *a, const struct site *site, enum secrets_where where)
{
	const struct scan_value *values;
	size_t n = secrets_values(
	    a, site->root, site->dir, site->outside, where, &values);

	return scan_new(a, values, n);
}

/* named: it, or what it stands in, is named after a secret. */
static struct value *masked(
    struct arena *a, struct str path, const struct value *v, bool named)
{
	struct value *copy = value_new(a, v->kind, v->pos);

	if (key_is_reference(v) ||
	    (v->kind != VALUE_TABLE && v->kind != VALUE_ARRAY)) {
		*copy = *v;
		if (v->kind == VALUE_STRING &&
		    ((named && !has_place(v->text)) || secret_shaped(v->text)))
			copy->text = STR("(not shown)");
		return copy;
	}
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			value_push(a, copy,
			    masked(a, path, v->as.array.items[i], false));
	if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++) {
			const struct member *m = &v->as.table.members[i];
			struct str at = below(a, path, m->key);
			bool is_secret = named || names_secret(a, at, m) ||
					 (str_ends(path, ".headers") &&
					     is_credential(m->key));
			value_set(a, copy, m->key, m->pos,
			    masked(a, at, m->value, is_secret));
		}
	copy->from_env = v->from_env;
	return copy;
}

struct value *secrets_masked(struct arena *a, const struct value *root)
{
	return masked(a, STR(""), root, false);
}
