#include "generator/keys.h"

#include <string.h>

#define REQUIRED KEY_REQUIRED
#define ENV_ONLY KEY_ENV_ONLY
#define RAW KEY_RAW
const struct key key_rows[] = {
#define KEY(pattern, kind, arg, fallback, flags, help)                         \
	{pattern, KEY_##kind, arg, fallback, flags, help},
#include "generator/keys.def"
#undef KEY
    {NULL, KEY_ANY, NULL, NULL, 0, NULL},
};

const char *key_part(const struct key *row, const char *parent)
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

const char *key_below(const struct key *row)
{
	return row->kind == KEY_LIKE ? row->arg : row->pattern;
}

/* A literal name goes before `*`, so [oauth] can have keys of its own. */
const struct key *key_child(const char *parent, struct str name)
{
	const struct key *star = NULL;

	for (const struct key *row = key_rows; row->pattern; row++) {
		const char *part = key_part(row, parent);
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
		row = key_child(
		    row ? key_below(row) : "", str_slice(rest, 0, dot));
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

bool key_is_name(struct str s)
{
	if (s.n == 0 || s.n > KEY_NAME_MAX || s.p[0] == '-' || s.p[0] == '_')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", s.p[i]) ||
		    !s.p[i])
			return false;
	return true;
}
