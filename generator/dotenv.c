#include "generator/published.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "generator/api-make.h"
#include "generator/secrets.h"
#include "lib/utf8.h"

/*
 * [dotenv.NAME]: a file of KEY=VALUE lines, for pages that load such a one.
 *
 *	# comment, a line each
 *	                              an empty line before each group but the
 *	KEY=VALUE                     first thing in the file
 *
 * Lines end in LF. Values stand as they are, without quotes or escapes, since
 * loaders do not agree on those: so one with a line break, another control
 * character, or white space at an edge cannot be written. They come from
 * [public], which is what may be published, and are named as pages name them.
 *
 * Findings: `bad-path`, `path-reserved`, `wrong-type`, `bad-name`, `key-clash`,
 * `secret-present`, `not-public`, `env-unrepresentable`.
 */
#define KEY_MAX 128

struct dotenv {
	struct build *b;
	struct str name;	   /* of the table */
	const struct value *table; /* [dotenv.NAME] */
	struct value *seen;	   /* its keys */
	struct buf out;
	bool from_env;
};

static struct diag *diag_of(const struct dotenv *d)
{
	return d->b->diag;
}

/* White space as browsers trim it (ECMA-262 WhiteSpace), beyond ASCII. */
static bool is_wide_space(struct str c)
{
	static const char *const spaces[] = {"\u00a0", "\u1680", "\u2000",
	    "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
	    "\u2007", "\u2008", "\u2009", "\u200a", "\u202f", "\u205f",
	    "\u3000", "\ufeff"};

	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		if (str_is(c, spaces[i]))
			return true;
	return false;
}

/* NEL and the two separators; the others are control characters. */
static bool is_wide_break(struct str c)
{
	return str_is(c, "\xc2\x85") || str_is(c, "\u2028") ||
	       str_is(c, "\u2029");
}

static const char *wrong_with_char(struct str c)
{
	unsigned char first = (unsigned char)c.p[0];

	if (is_wide_break(c) || (first >= '\n' && first <= '\r'))
		return "a line break";
	if ((first < 0x20 && first != '\t') || first == 0x7f)
		return "a control character";
	return NULL;
}

/* NULL: it can be written as one line. */
static const char *wrong_with_line(struct str text)
{
	for (size_t at = 0, n; at < text.n; at += n) {
		n = utf8_char(text, at);
		if (!n)
			return "bytes that are not UTF-8";
		const char *wrong =
		    wrong_with_char(str_slice(text, at, at + n));
		if (wrong)
			return wrong;
	}
	return NULL;
}

static bool is_space(struct str c)
{
	return str_is(c, " ") || str_is(c, "\t") || is_wide_space(c);
}

static const char *wrong_with_value(struct str text)
{
	const char *wrong = wrong_with_line(text);
	size_t last = text.n ? text.n - 1 : 0;

	if (wrong || !text.n)
		return wrong;
	while (last && ((unsigned char)text.p[last] & 0xc0) == 0x80)
		last--;
	if (is_space(str_slice(text, 0, utf8_char(text, 0))) ||
	    is_space(str_slice(text, last, text.n)))
		return "white space at an edge";
	return NULL;
}

static void wrong_type(const struct dotenv *d, const struct value *v,
    const char *what, const char *wants)
{
	diag_error(diag_of(d), v->pos, "wrong-type",
	    "%s of `dotenv.%.*s.groups` must be %s, not %s", what,
	    STR_ARG(d->name), wants, value_kind_name(v->kind));
}

/* As shells and loaders have it: a letter or _, then digits as well. */
static bool is_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if (!isalpha((unsigned char)key.p[i]) && key.p[i] != '_' &&
		    !(i && isdigit((unsigned char)key.p[i])))
			return false;
	return key.n && key.n <= KEY_MAX;
}

static bool names_a_secret(struct arena *a, struct str key)
{
	char *lower = arena_cstr(a, key);

	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return secret_named(str_of(lower));
}

static bool check_key(struct dotenv *d, const struct member *m)
{
	if (!is_key(m->key)) {
		diag_error(diag_of(d), m->pos, "bad-name",
		    "`%.*s` cannot be a key of such a file; use up to %d of "
		    "A-Z, a-z, 0-9 and _, no digit first",
		    STR_ARG(m->key), KEY_MAX);
		return false;
	}
	if (value_member(d->seen, m->key)) {
		diag_error(diag_of(d), m->pos, "key-clash",
		    "`%.*s` stands in an earlier group already; leave one of "
		    "the two out",
		    STR_ARG(m->key));
		return false;
	}
	value_set(d->b->arena, d->seen, m->key, m->pos, m->value);
	if (names_a_secret(d->b->arena, m->key)) {
		diag_error(diag_of(d), m->pos, "secret-present",
		    "`%.*s` is named after a secret, and the file is "
		    "published; take it out, or rename it if it is none",
		    STR_ARG(m->key));
		return false;
	}
	return true;
}

/* NULL after a finding, or where one was told when the site was read. */
static const struct value *find_value(struct dotenv *d, const struct value *v)
{
	const char *path;

	if (v->kind != VALUE_STRING) {
		wrong_type(d, v, "a value", "a string such as \"public.x\"");
		return NULL;
	}
	path = arena_cstr(d->b->arena, v->text);
	if (!str_starts(v->text, "public.") || strlen(path) != v->text.n) {
		diag_error(diag_of(d), v->pos, "not-public",
		    "`%.*s` is not in [public], and nothing else is published; "
		    "name a value of it, as in \"public.x\"",
		    STR_ARG(v->text));
		return NULL;
	}
	const struct value *found = site_value(d->b->site, path);
	if (!found) {
		if (!d->b->site->lacks_data)
			diag_error(diag_of(d), v->pos, "not-public",
			    "there is no `%s`; add it to [public], or name "
			    "another",
			    path);
		return NULL;
	}
	if (found->kind == VALUE_TABLE || found->kind == VALUE_ARRAY) {
		if (!found->broken)
			diag_error(diag_of(d), v->pos, "env-unrepresentable",
			    "`%s` is %s, and a line holds one value; name "
			    "what is in it",
			    path, value_kind_name(found->kind));
		return NULL;
	}
	return found->broken ? NULL : found;
}

static void put_line(struct dotenv *d, const struct member *m)
{
	bool good = check_key(d, m);
	const struct value *v = find_value(d, m->value);

	if (!v)
		return;
	struct str text = value_spell(d->b->arena, v);
	const char *wrong = wrong_with_value(text);
	if (wrong)
		diag_error(diag_of(d), v->pos, "env-unrepresentable",
		    "`%.*s` has %s, which KEY=VALUE files cannot hold; take "
		    "it out, or leave the key out of `dotenv.%.*s`",
		    STR_ARG(m->value->text), wrong, STR_ARG(d->name));
	if (!good || wrong)
		return;
	d->from_env |= v->from_env;
	buf_printf(&d->out, "%.*s=", STR_ARG(m->key));
	buf_put_str(&d->out, text);
	buf_putc(&d->out, '\n');
}

static int by_place(const void *x, const void *y)
{
	const struct member *a = x, *b = y;

	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	return (a->pos.col > b->pos.col) - (a->pos.col < b->pos.col);
}

/* TOML's tables have no order of their own: people see the file's. */
static void put_group(struct dotenv *d, const struct value *group)
{
	size_t n = group->kind == VALUE_TABLE ? group->as.table.n : 0;
	struct member *members;

	if (group->kind != VALUE_TABLE) {
		wrong_type(d, group, "an item", "a table of keys");
		return;
	}
	if (d->out.len && n)
		buf_putc(&d->out, '\n');
	members = arena_array(d->b->arena, n, sizeof(*members));
	for (size_t i = 0; i < n; i++)
		members[i] = group->as.table.members[i];
	if (n)
		qsort(members, n, sizeof(*members), by_place);
	for (size_t i = 0; i < n; i++)
		put_line(d, &members[i]);
}

static void put_groups(struct dotenv *d)
{
	const struct value *groups = value_get(d->table, "groups");

	if (!groups || groups->broken)
		return; /* told when the site was read */
	if (groups->kind != VALUE_ARRAY) {
		diag_error(diag_of(d), groups->pos, "wrong-type",
		    "`dotenv.%.*s.groups` must be an array of tables, not %s; "
		    "write them as [[dotenv.%.*s.groups]]",
		    STR_ARG(d->name), value_kind_name(groups->kind),
		    STR_ARG(d->name));
		return;
	}
	for (size_t i = 0; i < groups->as.array.n; i++)
		put_group(d, groups->as.array.items[i]);
}

/* A last line break is the text's end and no line more. */
static void put_comment(struct dotenv *d)
{
	const struct value *comment = value_get(d->table, "comment");
	struct str text = value_text(d->table, "comment");

	for (size_t at = 0, end; at < text.n; at = end + 1) {
		end = str_find(text, '\n', at);
		struct str line = str_slice(text, at, end);
		const char *wrong = wrong_with_line(line);
		if (wrong) {
			diag_error(diag_of(d), comment->pos,
			    "env-unrepresentable",
			    "the comment has %s, which KEY=VALUE files cannot "
			    "hold; take it out",
			    wrong);
			return;
		}
		buf_puts(&d->out, line.n ? "# " : "#");
		buf_put_str(&d->out, line);
		buf_putc(&d->out, '\n');
	}
}

static enum err one_file(struct build *b, const struct member *m)
{
	struct dotenv d = {.b = b,
	    .name = m->key,
	    .table = m->value,
	    .seen = value_new(b->arena, VALUE_TABLE, POS_NONE),
	    .from_env = making_is_from_env(m->value)};
	const struct value *file = value_get(m->value, "file");
	size_t errors = b->diag->errors;
	enum err err = ERR_OK;

	if (file && !file->broken)
		published_path(b, file->pos, file->text, "", "page.env");
	put_comment(&d);
	put_groups(&d);
	if (!file || file->broken || b->diag->errors > errors)
		err = ERR_INPUT;
	if (err == ERR_OK)
		err = out_put(&b->out, OUT_WWW,
		    arena_cstr(b->arena, file->text), buf_str(&d.out),
		    OUT_POINTER, d.from_env, file->pos, b->diag);
	if (err == ERR_OK) {
		struct str path =
		    arena_printf(b->arena, "/%.*s", STR_ARG(file->text));
		build_ref(b, path, path);
	}
	buf_release(&d.out);
	return err;
}

enum err produce_dotenv(struct build *b)
{
	const struct value *all = site_table(b->site, "dotenv");
	enum err err = ERR_OK;

	for (size_t i = 0; all && i < all->as.table.n; i++) {
		const struct member *m = &all->as.table.members[i];
		if (m->value->kind != VALUE_TABLE)
			continue;
		enum err one = one_file(b, m);
		if (one == ERR_IO)
			return one;
		if (err == ERR_OK)
			err = one;
	}
	return err;
}
