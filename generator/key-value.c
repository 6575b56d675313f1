#include "generator/key-value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "generator/secrets.h"
#include "lib/opt.h"
#include "lib/units.h"
#include "lib/url.h"
#include "lib/utf8.h"

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

/*
 * Names that people choose stand beside keys in one table, and are taken for
 * each other: `kind` written into [oauth], a provider called `storage`.
 */
static struct str mistaken(struct key_walk *w, const struct key *row,
    struct str path, const struct value *v)
{
	struct str pattern = str_of(row->pattern);
	size_t dot = path.n;

	while (dot && path.p[dot - 1] != '.')
		dot--;
	struct str table = str_slice(path, 0, dot ? dot - 1 : 0);
	const struct key *named =
	    key_find(arena_printf(w->a, "%.*s.*", STR_ARG(table)).p);
	if (row->kind == KEY_TABLE && str_ends(pattern, ".*"))
		return arena_printf(w->a,
		    "; keys of one go below a name for it, as in [%.*s.NAME]",
		    STR_ARG(table));
	if (v->kind == VALUE_TABLE && named && named->kind == KEY_TABLE &&
	    named != row)
		return arena_printf(w->a,
		    "; if you named one so, [%.*s] has a key of that name: "
		    "take another",
		    STR_ARG(table));
	return (struct str){0};
}

void key_wrong_type(struct key_walk *w, const struct key *row, struct str path,
    const struct value *v)
{
	diag_error(w->diag, v->pos, "wrong-type",
	    "`%.*s` must be %s, not %s%.*s", STR_ARG(path), wants[row->kind],
	    v->kind == VALUE_FLOAT ? "a decimal number"
				   : value_kind_name(v->kind),
	    STR_ARG(mistaken(w, row, path, v)));
}

bool key_names_something(
    struct key_walk *w, struct str path, const struct value *reference)
{
	const struct member *m = &reference->as.table.members[0];
	struct str name = m->value->text;

	if (!key_is_placeholder(name))
		return true;
	diag_error(w->diag, m->value->pos, "placeholder",
	    "`%.*s.%.*s` is %s%.*s; name a %s", STR_ARG(path), STR_ARG(m->key),
	    name.n ? "still " : "empty", STR_ARG(name),
	    str_is(m->key, "env") ? "variable" : "file");
	return false;
}

bool key_resolve(struct key_walk *w, struct str path, struct value *v)
{
	const struct member *m = &v->as.table.members[0];
	const char *name = arena_cstr(w->a, m->value->text);

	if (!key_names_something(w, path, v))
		return false;
	if (str_is(m->key, "file")) {
		diag_error(w->diag, v->pos, "wrong-type",
		    "`%.*s` cannot come from a file; write it or { env = … }",
		    STR_ARG(path));
		return false;
	}
	const char *found = NULL;
	if (*name)
		found = secret_at(path) ? outside_secret(w->outside, name)
					: outside_env(w->outside, name);
	if (!found) {
		diag_error(w->diag, v->pos, "env-missing",
		    "`%.*s` comes from the environment and %s is not set; run "
		    "`export %s=…` first",
		    STR_ARG(path), name, name);
		return false;
	}
	if (!utf8_valid(str_of(found))) {
		diag_error(w->diag, v->pos, "not-text",
		    "`%.*s` comes from the environment, and %s holds bytes "
		    "that are not UTF-8; set it anew",
		    STR_ARG(path), name);
		return false;
	}
	*v = (struct value){.kind = VALUE_STRING,
	    .from_env = true,
	    .pos = v->pos,
	    .text = arena_str(w->a, str_of(found))};
	return true;
}

void key_check_text(struct key_walk *w, const struct key *row, struct str path,
    const struct value *v)
{
	if (row->flags & KEY_RAW || !key_is_placeholder(v->text))
		return;
	diag_error(w->diag, v->pos, "placeholder",
	    "`%.*s` is %s%.*s; give it its value", STR_ARG(path),
	    v->text.n ? "still " : "empty", STR_ARG(v->text));
}

void key_check_choice(struct key_walk *w, const struct key *row,
    struct str path, const struct value *v)
{
	const char *choices[32] = {NULL};
	size_t n = 0;

	for (struct str rest = str_of(row->arg); rest.n;) {
		size_t bar = str_find(rest, '|', 0);
		struct str one = str_slice(rest, 0, bar);
		if (str_eq(one, v->text))
			return;
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

void key_check_amount(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
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

void key_check_url(struct key_walk *w, struct str path, const struct value *v)
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

void key_word_to_bool(struct value *v)
{
	if (v->kind != VALUE_STRING || !v->from_env)
		return;
	if (str_is(v->text, "true") || str_is(v->text, "false")) {
		bool truth = str_is(v->text, "true");
		v->kind = VALUE_BOOL;
		v->as.b = truth;
	}
}

void key_words_to_array(struct arena *a, struct value *v)
{
	struct str text = v->text;

	if (v->kind != VALUE_STRING || !v->from_env)
		return;
	*v = (struct value){
	    .kind = VALUE_ARRAY, .pos = v->pos, .from_env = true};
	while (text.n) {
		size_t comma = str_find(text, ',', 0);
		struct value *item =
		    value_string(a, str_slice(text, 0, comma), v->pos);
		item->from_env = true;
		value_push(a, v, item);
		text = str_slice(
		    text, comma < text.n ? comma + 1 : text.n, text.n);
	}
}
