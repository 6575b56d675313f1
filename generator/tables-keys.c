#include "generator/tables-part.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "generator/keys.h"
#include "lib/buf.h"

static const struct {
	const char *name, *type;
	const char *example; /* NULL: generator/man/examples.mustache */
} kinds[KEY_KIND_COUNT] = {
    [KEY_TABLE] = {"table", "table", NULL},
    [KEY_LIKE] = {"like", "table", NULL},
    [KEY_ANY] = {"any", "any value or table", NULL},
    [KEY_STRING] = {"string", "string", NULL},
    [KEY_URL] = {"url", "URL", NULL},
    [KEY_BOOL] = {"bool", "true or false", "true"},
    [KEY_INT] = {"int", "whole number", "10"},
    [KEY_DURATION] = {"duration", "duration", "\"10s\""},
    [KEY_SIZE] = {"size", "size", "\"64KiB\""},
    [KEY_RATE] = {"rate", "rate", "\"150/m\""},
    [KEY_ENUM] = {"enum", "one of", NULL},
    [KEY_ENUMS] = {"enums", "array of", NULL},
    [KEY_STRINGS] = {"strings", "array of strings", NULL},
    [KEY_MAP] = {"map", "table of texts", NULL},
};

/* The keys of the request endpoint have a manual of their own. */
static const char *page_of(struct str pattern)
{
	static const char *const api[] = {"api", "auth", "prefix", "read",
	    "secret", "upstream", "web_server"};
	struct str first = str_slice(pattern, 0, str_find(pattern, '.', 0));

	for (size_t i = 0; i < sizeof(api) / sizeof(*api); i++)
		if (str_is(first, api[i]))
			return "api";
	return "site";
}

static bool is_section(const struct key *k)
{
	return k->kind == KEY_TABLE || k->kind == KEY_LIKE;
}

/* api.*.body → api.NAME.body; a second one is OTHER */
static struct str named(struct tables *t, const char *pattern)
{
	struct buf name = {0};
	bool second = false;

	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			buf_putc(&name, *pattern);
			continue;
		}
		buf_puts(&name, second ? "OTHER" : "NAME");
		second = true;
	}
	struct str copy = arena_str(t->a, buf_str(&name));
	buf_release(&name);
	return copy;
}

static struct str heading(struct tables *t, const char *pattern)
{
	return arena_printf(t->a, "[%.*s]", STR_ARG(named(t, pattern)));
}

/* As one would write it: texts in quotes, "a|b" as an array. */
static struct str as_toml(
    struct tables *t, const struct key *k, const char *text)
{
	struct str all = {0};

	if (!text)
		return all;
	switch (k->kind) {
	case KEY_BOOL:
	case KEY_INT:
	case KEY_ANY:
	case KEY_MAP:
	case KEY_TABLE:
	case KEY_LIKE:
	case KEY_KIND_COUNT:
		return str_of(text);
	case KEY_ENUMS:
	case KEY_STRINGS: {
		struct str rest = str_of(text);
		if (str_starts(rest, "["))
			return rest;
		for (size_t at = 0, end; at < rest.n; at = end + 1) {
			end = str_find(rest, '|', at);
			all = arena_printf(t->a, "%.*s%s\"%.*s\"", STR_ARG(all),
			    at ? ", " : "[", STR_ARG(str_slice(rest, at, end)));
		}
		return arena_printf(t->a, "%.*s]", STR_ARG(all));
	}
	case KEY_STRING:
	case KEY_URL:
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_RATE:
	case KEY_ENUM:
		break;
	}
	return arena_printf(t->a, "\"%s\"", text);
}

/* "1s..30d" → "from 1s to 30d" */
static struct str range(struct tables *t, const struct key *k)
{
	struct str arg = str_of(k->arg);
	bool amount = k->kind == KEY_INT || k->kind == KEY_DURATION ||
		      k->kind == KEY_SIZE || k->kind == KEY_RATE;
	size_t dots = str_find(arg, '.', 0);

	if (!amount || !k->arg || dots == arg.n)
		return (struct str){0};
	return arena_printf(t->a, "from %.*s to %.*s",
	    STR_ARG(str_slice(arg, 0, dots)),
	    STR_ARG(str_slice(arg, dots + 2, arg.n)));
}

/* One of several, or all of several that may be. */
static struct str example(struct tables *t, const struct key *k)
{
	struct value *all = k->kind == KEY_ENUM || k->kind == KEY_ENUMS
				? tables_choices(t, k->arg)
				: NULL;
	size_t n = all && k->kind == KEY_ENUM ? 1 : all ? all->as.array.n : 0;
	struct str bars = {0};

	if (k->fallback)
		return as_toml(t, k, k->fallback);
	for (size_t i = 0; i < n && i < all->as.array.n; i++)
		bars = arena_printf(t->a, "%.*s%s%.*s", STR_ARG(bars),
		    i ? "|" : "", STR_ARG(all->as.array.items[i]->text));
	/* the usual 10 may be too little: then the least that may be */
	if (k->kind == KEY_INT && k->arg && strtoll(k->arg, NULL, 10) > 10)
		return str_slice(
		    str_of(k->arg), 0, str_find(str_of(k->arg), '.', 0));
	return n ? as_toml(t, k, bars.p) : str_of(kinds[k->kind].example);
}

static struct value *key(struct tables *t, const struct key *k)
{
	struct value *row = tables_row(t);
	bool listed =
	    k->kind == KEY_ENUM || k->kind == KEY_ENUMS || k->kind == KEY_MAP;
	const char *dot = strrchr(k->pattern, '.');
	const char *last = dot ? dot + 1 : k->pattern;

	tables_set_text(t, row, "pattern", k->pattern);
	tables_set_text(t, row, "name", strcmp(last, "*") == 0 ? "NAME" : last);
	struct value *all = tables_choices(t, listed ? k->arg : NULL);
	tables_set_str(t, row, "type",
	    all->as.array.n ? arena_printf(t->a, "%s %.*s", kinds[k->kind].type,
				  STR_ARG(tables_enumeration(t, all)))
			    : str_of(kinds[k->kind].type));
	char *type = arena_cstr(t->a, value_text(row, "type"));
	*type = (char)toupper((unsigned char)*type);
	tables_set_text(t, row, "type_sentence", type);
	tables_set_text(t, row, "kind", kinds[k->kind].name);
	tables_set(t, row, "choices", all);
	tables_set_str(t, row, "range", range(t, k));
	tables_set_str(t, row, "default", as_toml(t, k, k->fallback));
	tables_set_str(t, row, "example", example(t, k));
	tables_set_bool(t, row, "required", k->flags & KEY_REQUIRED);
	tables_set_bool(t, row, "env_only", k->flags & KEY_ENV_ONLY);
	tables_set_help(t, row, k->help);
	tables_set_text(t, row, "page", page_of(str_of(k->pattern)));
	tables_set_flag(t, row, str_of(k->pattern));
	return row;
}

/* The rows of one table that are no tables themselves. */
static struct value *keys_of(
    struct tables *t, const char *parent, const char *page)
{
	struct value *all = value_get(t->root, "keys"),
		     *found = tables_array(t);

	for (size_t i = 0; key_rows[i].pattern; i++) {
		const struct key *k = &key_rows[i];
		struct value *row = all->as.array.items[i];
		if (!is_section(k) && key_part(k, parent) &&
		    (!page || str_is(value_text(row, "page"), page)))
			value_push(t->a, found, row);
	}
	return found;
}

static struct value *section(struct tables *t, struct str title,
    const char *page, struct value *keys, struct value *above)
{
	struct value *row = tables_row(t);

	tables_set_str(t, row, "heading", title);
	tables_set_text(t, row, "page", page);
	tables_set_bool(t, row, "on_site", strcmp(page, "site") == 0);
	tables_set_bool(t, row, "on_api", strcmp(page, "api") == 0);
	tables_set_bool(t, row, "has_keys", keys->as.array.n > 0);
	tables_set(t, row, "keys", keys);
	tables_set(t, row, "above", above);
	return row;
}

/* What stands above all tables, once for each manual. */
static void put_top(struct tables *t, struct value *tables, const char *page)
{
	struct value *row = section(
	    t, (struct str){0}, page, keys_of(t, "", page), tables_array(t));

	tables_set_text(t, row, "pattern", NULL);
	tables_set_text(t, row, "like", NULL);
	tables_set_text(t, row, "help", NULL);
	tables_set_text(t, row, "sentence", NULL);
	tables_set_flag(t, row, arena_printf(t->a, "top_%s", page));
	value_push(t->a, tables, row);
}

/*
 * In the order of the rows. A table that holds nothing but tables ([api]) is
 * told with the first of those.
 */
static void put_sections(struct tables *t, struct value *tables)
{
	struct value *all = value_get(t->root, "keys"),
		     *above = tables_array(t);

	for (size_t i = 0; key_rows[i].pattern; i++) {
		const struct key *k = &key_rows[i];
		struct value *row = all->as.array.items[i];
		if (!is_section(k))
			continue;
		struct value *keys = keys_of(t, k->pattern, NULL);
		const struct key *next = &key_rows[i + 1];
		if (keys->as.array.n == 0 && next->pattern &&
		    key_part(next, k->pattern) && is_section(next)) {
			value_push(t->a, above, row);
			continue;
		}
		struct value *s = section(t, heading(t, k->pattern),
		    page_of(str_of(k->pattern)), keys, above);
		tables_set_text(t, s, "pattern", k->pattern);
		tables_set_str(t, s, "like",
		    k->kind == KEY_LIKE ? heading(t, k->arg) : (struct str){0});
		tables_set_help(t, s, k->help);
		tables_set_flag(t, s, str_of(k->pattern));
		value_push(t->a, tables, s);
		above = tables_array(t);
	}
}

void tables_put_keys(struct tables *t)
{
	struct value *keys = tables_array(t), *tables = tables_array(t);

	for (const struct key *k = key_rows; k->pattern; k++)
		value_push(t->a, keys, key(t, k));
	tables_set(t, t->root, "keys", keys);
	put_top(t, tables, "site");
	put_top(t, tables, "api");
	put_sections(t, tables);
	tables_set(t, t->root, "tables", tables);
}
