#include "generator/tables-part.h"

#include <ctype.h>
#include <string.h>

#include "lib/buf.h"

struct value *tables_row(struct tables *t)
{
	return value_new(t->a, VALUE_TABLE, POS_NONE);
}

struct value *tables_array(struct tables *t)
{
	return value_new(t->a, VALUE_ARRAY, POS_NONE);
}

void tables_set(
    struct tables *t, struct value *row, const char *key, struct value *value)
{
	if (!value)
		value = value_new(t->a, VALUE_NULL, POS_NONE);
	value_set(t->a, row, str_of(key), POS_NONE, value);
}

void tables_set_str(
    struct tables *t, struct value *row, const char *key, struct str text)
{
	tables_set(
	    t, row, key, text.p ? value_string(t->a, text, POS_NONE) : NULL);
}

void tables_set_text(
    struct tables *t, struct value *row, const char *key, const char *text)
{
	tables_set_str(t, row, key, str_of(text));
}

void tables_set_bool(
    struct tables *t, struct value *row, const char *key, bool b)
{
	tables_set(t, row, key, value_bool(t->a, b, POS_NONE));
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

void tables_set_flag(struct tables *t, struct value *row, struct str name)
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
void tables_set_help(struct tables *t, struct value *row, const char *help)
{
	char *text = arena_cstr(t->a, str_of(help));
	size_t word = strcspn(text, " ,;:");
	bool plain = word > 0;

	for (size_t i = 0; i < word; i++)
		plain = plain &&
			(islower((unsigned char)text[i]) || text[i] == '-');
	if (plain)
		*text = (char)toupper((unsigned char)*text);
	tables_set_text(t, row, "help", help);
	tables_set_str(t, row, "sentence",
	    arena_printf(t->a, "%s%s", text,
		strchr(".?!", text[strlen(text) - 1]) ? "" : "."));
}

/* "a, b or c" */
struct str tables_enumeration(struct tables *t, const struct value *all)
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

struct value *tables_choices(struct tables *t, const char *bars)
{
	struct value *all = tables_array(t);
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
	struct value *row = tables_row(t);
	bool ranged = o->min || o->max;
	char letter[] = {o->letter, '\0'};

	tables_set_text(t, row, "name", o->name);
	tables_set_str(t, row, "letter",
	    o->letter ? arena_str(t->a, str_of(letter)) : (struct str){0});
	tables_set_text(t, row, "arg", o->kind == OPT_FLAG ? NULL : o->arg);
	struct value *all = tables_choices(t, o->choices);
	tables_set(t, row, "choices", all);
	tables_set_str(t, row, "values",
	    all->as.array.n > 1 ? tables_enumeration(t, all) : (struct str){0});
	tables_set_bool(t, row, "repeats", o->kind == OPT_LIST);
	tables_set(
	    t, row, "min", ranged ? value_int(t->a, o->min, POS_NONE) : NULL);
	tables_set(
	    t, row, "max", ranged ? value_int(t->a, o->max, POS_NONE) : NULL);
	tables_set_text(t, row, "completes",
	    o->choices			  ? "choices"
	    : strcmp(o->name, "env") == 0 ? "environments"
					  : completes(o->arg));
	tables_set_help(t, row, o->help);
	tables_set_text(t, row, "command", command);
	tables_set_bool(t, row, "takes_value", o->kind != OPT_FLAG);
	tables_set_flag(t, row,
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
	struct value *row = tables_row(t), *own = tables_array(t),
		     *all = tables_array(t);

	for (const struct opt *o = c->options; o->name; o++) {
		struct value *v = option(t, o, c->name);
		value_push(t->a, own, v);
		value_push(t->a, all, v);
	}
	for (const struct opt *o = command_common; o->name; o++)
		if (!has(c->options, o->name) &&
		    !(c->runs_on && strcmp(o->name, "json") == 0))
			value_push(t->a, all, option(t, o, c->name));
	tables_set_text(t, row, "name", c->name);
	tables_set_text(t, row, "operands", c->operands);
	tables_set_text(t, row, "completes", completes(c->operands));
	tables_set_help(t, row, c->help);
	tables_set_bool(t, row, "hidden", c->hidden);
	tables_set_bool(t, row, "runs_on", c->runs_on);
	tables_set_bool(t, row, "has_own", own->as.array.n > 0);
	tables_set(t, row, "own", own);
	tables_set(t, row, "options", all);
	tables_set_flag(t, row, str_of(c->name));
	return row;
}

struct value *tables_value(
    struct arena *a, const struct command *const *commands, size_t n)
{
	struct tables t = {.a = a};
	struct value *list, *common;

	t.root = tables_row(&t);
	list = tables_array(&t);
	common = tables_array(&t);
	tables_set_text(&t, t.root, "version", LOWTIDE_VERSION);
	for (size_t i = 0; i < n; i++)
		value_push(a, list, command(&t, commands[i]));
	tables_set(&t, t.root, "commands", list);
	for (const struct opt *o = command_common; o->name; o++)
		value_push(a, common, option(&t, o, NULL));
	tables_set(&t, t.root, "common", common);
	tables_put_keys(&t);
	return t.root;
}
