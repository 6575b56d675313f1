#include "generator/tables.h"

#include <ctype.h>
#include <string.h>

#include "generator/keys.h"
#include "lib/buf.h"

struct tables {
	struct arena *a;
	struct value *root;
};

static struct value *table_new(struct tables *t)
{
	return value_new(t->a, VALUE_TABLE, POS_NONE);
}

static struct value *array_new(struct tables *t)
{
	return value_new(t->a, VALUE_ARRAY, POS_NONE);
}

static void set(
    struct tables *t, struct value *row, const char *key, struct value *value)
{
	if (!value)
		value = value_new(t->a, VALUE_NULL, POS_NONE);
	value_set(t->a, row, str_of(key), POS_NONE, value);
}

static void set_str(
    struct tables *t, struct value *row, const char *key, struct str text)
{
	set(t, row, key, text.p ? value_string(t->a, text, POS_NONE) : NULL);
}

static void set_text(
    struct tables *t, struct value *row, const char *key, const char *text)
{
	set_str(t, row, key, str_of(text));
}

static void set_bool(
    struct tables *t, struct value *row, const char *key, bool b)
{
	set(t, row, key, value_bool(t->a, b, POS_NONE));
}

/* "is_" and the name with `_` for whatever is neither letter nor digit. */
static struct str flag_name(struct tables *t, struct str name)
{
	struct buf flag = {0};

	buf_puts(&flag, "is_");
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c == '*')
			buf_puts(&flag, "NAME");
		else
			buf_putc(&flag, isalnum(c) ? (char)c : '_');
	}
	struct str copy = arena_str(t->a, buf_str(&flag));
	buf_release(&flag);
	return copy;
}

static void set_flag(struct tables *t, struct value *row, struct str name)
{
	struct str flag = flag_name(t, name);

	value_set(t->a, row, flag, POS_NONE, value_bool(t->a, true, POS_NONE));
	value_set(
	    t->a, t->root, flag, POS_NONE, value_bool(t->a, false, POS_NONE));
}

/*
 * A help line as a sentence: a capital, where the first word is one of plain
 * letters, and a full stop.
 */
static void set_help(struct tables *t, struct value *row, const char *help)
{
	char *text = arena_cstr(t->a, str_of(help));
	size_t word = strcspn(text, " ,;:");
	bool plain = word > 0;

	for (size_t i = 0; i < word; i++)
		plain = plain &&
			(islower((unsigned char)text[i]) || text[i] == '-');
	if (plain)
		*text = (char)toupper((unsigned char)*text);
	set_text(t, row, "help", help);
	set_str(t, row, "sentence",
	    arena_printf(t->a, "%s%s", text,
		strchr(".?!", text[strlen(text) - 1]) ? "" : "."));
}

/* "a, b or c" */
static struct str enumeration(struct tables *t, const struct value *all)
{
	struct str text = {0};

	for (size_t i = 0; i < all->as.array.n; i++) {
		const char *before = i == 0			? ""
				     : i + 1 == all->as.array.n ? " or "
								: ", ";
		text = arena_printf(t->a, "%.*s%s%.*s", STR_ARG(text), before,
		    STR_ARG(all->as.array.items[i]->text));
	}
	return text;
}

static struct value *choices(struct tables *t, const char *bars)
{
	struct value *all = array_new(t);
	struct str rest = str_of(bars);

	for (size_t at = 0, end; at < rest.n; at = end + 1) {
		end = str_find(rest, '|', at);
		struct str one = str_slice(rest, at, end);
		/* known, but not built yet */
		if (!str_starts(one, "-"))
			value_push(
			    t->a, all, value_string(t->a, one, POS_NONE));
	}
	return all;
}

/* ---- commands and options ------------------------------------------------ */

/* By what its argument is called. */
static const char *completes(const char *arg)
{
	static const char *const files[] = {
	    "FILE", "TEMPLATE", "MANIFEST", "DIR", "WHERE"};

	if (!arg)
		return NULL;
	if (strcmp(arg, "DIR") == 0)
		return "folders";
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strstr(arg, files[i]))
			return "files";
	return NULL;
}

static struct value *option(
    struct tables *t, const struct opt *o, const char *command)
{
	struct value *row = table_new(t);
	bool ranged = o->min || o->max;
	char letter[] = {o->letter, '\0'};

	set_text(t, row, "name", o->name);
	set_str(t, row, "letter",
	    o->letter ? arena_str(t->a, str_of(letter)) : (struct str){0});
	set_text(t, row, "arg", o->kind == OPT_FLAG ? NULL : o->arg);
	struct value *all = choices(t, o->choices);
	set(t, row, "choices", all);
	set_str(t, row, "values",
	    all->as.array.n > 1 ? enumeration(t, all) : (struct str){0});
	set_bool(t, row, "repeats", o->kind == OPT_LIST);
	set(t, row, "min", ranged ? value_int(t->a, o->min, POS_NONE) : NULL);
	set(t, row, "max", ranged ? value_int(t->a, o->max, POS_NONE) : NULL);
	set_text(t, row, "completes",
	    o->choices			  ? "choices"
	    : strcmp(o->name, "env") == 0 ? "environments"
					  : completes(o->arg));
	set_help(t, row, o->help);
	set_text(t, row, "command", command);
	set_bool(t, row, "takes_value", o->kind != OPT_FLAG);
	set_flag(t, row,
	    arena_printf(t->a, "%s_%s", command ? command : "common", o->name));
	return row;
}

static bool has(const struct opt *rows, const char *name)
{
	while (rows->name && strcmp(rows->name, name) != 0)
		rows++;
	return rows->name != NULL;
}

static struct value *command(struct tables *t, const struct command *c)
{
	struct value *row = table_new(t), *own = array_new(t),
		     *all = array_new(t);

	for (const struct opt *o = c->options; o->name; o++) {
		struct value *v = option(t, o, c->name);
		value_push(t->a, own, v);
		value_push(t->a, all, v);
	}
	for (const struct opt *o = command_common; o->name; o++)
		if (!has(c->options, o->name) &&
		    !(c->runs_on && strcmp(o->name, "json") == 0))
			value_push(t->a, all, option(t, o, c->name));
	set_text(t, row, "name", c->name);
	set_text(t, row, "operands", c->operands);
	set_text(t, row, "completes", completes(c->operands));
	set_help(t, row, c->help);
	set_bool(t, row, "hidden", c->hidden);
	set_bool(t, row, "runs_on", c->runs_on);
	set_bool(t, row, "has_own", own->as.array.n > 0);
	set(t, row, "own", own);
	set(t, row, "options", all);
	set_flag(t, row, str_of(c->name));
	return row;
}

/* ---- keys ---------------------------------------------------------------- */

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
	static const char *const api[] = {
	    "api", "auth", "prefix", "read", "upstream"};
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
				? choices(t, k->arg)
				: NULL;
	size_t n = all && k->kind == KEY_ENUM ? 1 : all ? all->as.array.n : 0;
	struct str bars = {0};

	if (k->fallback)
		return as_toml(t, k, k->fallback);
	for (size_t i = 0; i < n && i < all->as.array.n; i++)
		bars = arena_printf(t->a, "%.*s%s%.*s", STR_ARG(bars),
		    i ? "|" : "", STR_ARG(all->as.array.items[i]->text));
	return n ? as_toml(t, k, bars.p) : str_of(kinds[k->kind].example);
}

static struct value *key(struct tables *t, const struct key *k)
{
	struct value *row = table_new(t);
	bool listed =
	    k->kind == KEY_ENUM || k->kind == KEY_ENUMS || k->kind == KEY_MAP;
	const char *dot = strrchr(k->pattern, '.');
	const char *last = dot ? dot + 1 : k->pattern;

	set_text(t, row, "pattern", k->pattern);
	set_text(t, row, "name", strcmp(last, "*") == 0 ? "NAME" : last);
	struct value *all = choices(t, listed ? k->arg : NULL);
	set_str(t, row, "type",
	    all->as.array.n ? arena_printf(t->a, "%s %.*s", kinds[k->kind].type,
				  STR_ARG(enumeration(t, all)))
			    : str_of(kinds[k->kind].type));
	char *type = arena_cstr(t->a, value_text(row, "type"));
	*type = (char)toupper((unsigned char)*type);
	set_text(t, row, "type_sentence", type);
	set_text(t, row, "kind", kinds[k->kind].name);
	set(t, row, "choices", all);
	set_str(t, row, "range", range(t, k));
	set_str(t, row, "default", as_toml(t, k, k->fallback));
	set_str(t, row, "example", example(t, k));
	set_bool(t, row, "required", k->flags & KEY_REQUIRED);
	set_bool(t, row, "later", k->flags & KEY_LATER);
	set_bool(t, row, "env_only", k->flags & KEY_ENV_ONLY);
	set_bool(t, row, "unkept", k->flags & KEY_UNKEPT);
	set_help(t, row, k->help);
	set_text(t, row, "page", page_of(str_of(k->pattern)));
	set_flag(t, row, str_of(k->pattern));
	return row;
}

/* The rows of one table that are no tables themselves. */
static struct value *keys_of(
    struct tables *t, const char *parent, const char *page)
{
	struct value *all = value_get(t->root, "keys"), *found = array_new(t);

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
	struct value *row = table_new(t);

	set_str(t, row, "heading", title);
	set_text(t, row, "page", page);
	set_bool(t, row, "on_site", strcmp(page, "site") == 0);
	set_bool(t, row, "on_api", strcmp(page, "api") == 0);
	set_bool(t, row, "has_keys", keys->as.array.n > 0);
	set(t, row, "keys", keys);
	set(t, row, "above", above);
	return row;
}

/* What stands above all tables, once for each manual. */
static void put_top(struct tables *t, struct value *tables, const char *page)
{
	struct value *row = section(
	    t, (struct str){0}, page, keys_of(t, "", page), array_new(t));

	set_text(t, row, "pattern", NULL);
	set_text(t, row, "like", NULL);
	set_text(t, row, "help", NULL);
	set_text(t, row, "sentence", NULL);
	set_bool(t, row, "later", false);
	set_flag(t, row, arena_printf(t->a, "top_%s", page));
	value_push(t->a, tables, row);
}

/*
 * In the order of the rows. A table that holds nothing but tables ([api]) is
 * told with the first of those.
 */
static void put_sections(struct tables *t, struct value *tables)
{
	struct value *all = value_get(t->root, "keys"), *above = array_new(t);

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
		set_text(t, s, "pattern", k->pattern);
		set_str(t, s, "like",
		    k->kind == KEY_LIKE ? heading(t, k->arg) : (struct str){0});
		set_help(t, s, k->help);
		set_bool(t, s, "later", k->flags & KEY_LATER);
		set_flag(t, s, str_of(k->pattern));
		value_push(t->a, tables, s);
		above = array_new(t);
	}
}

struct value *tables_value(
    struct arena *a, const struct command *const *commands, size_t n)
{
	struct tables t = {.a = a};
	struct value *list, *common, *keys, *tables;

	t.root = table_new(&t);
	list = array_new(&t);
	common = array_new(&t);
	keys = array_new(&t);
	tables = array_new(&t);
	set_text(&t, t.root, "version", LOWTIDE_VERSION);
	for (size_t i = 0; i < n; i++)
		value_push(a, list, command(&t, commands[i]));
	set(&t, t.root, "commands", list);
	for (const struct opt *o = command_common; o->name; o++)
		value_push(a, common, option(&t, o, NULL));
	set(&t, t.root, "common", common);
	for (const struct key *k = key_rows; k->pattern; k++)
		value_push(a, keys, key(&t, k));
	set(&t, t.root, "keys", keys);
	put_top(&t, tables, "site");
	put_top(&t, tables, "api");
	put_sections(&t, tables);
	set(&t, t.root, "tables", tables);
	return t.root;
}
