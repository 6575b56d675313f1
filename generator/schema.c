#include "generator/schema.h"

#include <math.h>
#include <regex.h>

#include "lib/opt.h"

/* Rules as they are written; generator/schema-check.c holds values to them. */
const char *const schema_types[SCHEMA_TYPE_COUNT] = {
    [SCHEMA_ANY] = "any",
    [SCHEMA_STRING] = "string",
    [SCHEMA_INTEGER] = "integer",
    [SCHEMA_NUMBER] = "number",
    [SCHEMA_BOOLEAN] = "boolean",
    [SCHEMA_DATE] = "date",
    [SCHEMA_ARRAY] = "array",
    [SCHEMA_TABLE] = "table",
};

struct reader {
	struct arena *a;
	struct diag *diag;
	struct schema *schema;
	struct schema_rule *rule;
};

__attribute__((format(printf, 3, 4))) static void bad(
    struct reader *r, struct pos pos, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct str text = arena_vprintf(r->a, format, args);
	va_end(args);
	diag_error(r->diag, pos, "bad-schema", "`%.*s`: %.*s",
	    STR_ARG(r->rule->text), STR_ARG(text));
}

static bool read_path(struct str text, struct schema_path *out)
{
	out->n = 0;
	for (;;) {
		size_t dot = str_find(text, '.', 0);
		struct str part = str_slice(text, 0, dot);
		if (part.n == 0 || out->n == SCHEMA_PARTS_MAX)
			return false;
		out->parts[out->n++] = part;
		if (dot == text.n)
			return true;
		text = str_slice(text, dot + 1, text.n);
	}
}

static void take_type(struct reader *r, const struct value *v)
{
	for (size_t i = 0; i < SCHEMA_TYPE_COUNT; i++)
		if (str_is(v->text, schema_types[i])) {
			r->rule->type = (enum schema_type)i;
			return;
		}
	const char *near =
	    opt_nearest(v->text, schema_types, SCHEMA_TYPE_COUNT);
	bad(r, v->pos, "there is no type \"%.*s\"; %s%s%s", STR_ARG(v->text),
	    near ? "did you mean \"" : "it may be: any, string, integer, ",
	    near ? near : "number, boolean, date, array, table",
	    near ? "\"?" : "");
}

static void take_required(struct reader *r, const struct value *v)
{
	r->rule->required = v->as.b;
}

static void take_unique(struct reader *r, const struct value *v)
{
	r->rule->unique = v->as.b;
	bool star = false;
	for (size_t i = 0; i < r->rule->path.n; i++)
		star = star || str_is(r->rule->path.parts[i], "*");
	if (v->as.b && !star)
		bad(r, v->pos,
		    "there is one of it only; unique needs a `*` in the key");
}

static bool is_scalar(const struct value *v)
{
	return v->kind != VALUE_ARRAY && v->kind != VALUE_TABLE;
}

static void take_enum(struct reader *r, const struct value *v)
{
	r->rule->choices = v;
	if (v->as.array.n == 0)
		bad(r, v->pos, "an empty enum allows nothing");
	for (size_t i = 0; i < v->as.array.n; i++)
		if (!is_scalar(v->as.array.items[i]))
			bad(r, v->as.array.items[i]->pos,
			    "an enum lists strings, numbers and the like, not "
			    "%s",
			    value_kind_name(v->as.array.items[i]->kind));
}

static const struct value *bound(struct reader *r, const struct value *v)
{
	if (v->kind == VALUE_INT || isfinite(v->as.f))
		return v;
	bad(r, v->pos, "nothing is above or below that");
	return NULL;
}

static void take_min(struct reader *r, const struct value *v)
{
	r->rule->min = bound(r, v);
}

static void take_max(struct reader *r, const struct value *v)
{
	r->rule->max = bound(r, v);
}

static void take_references(struct reader *r, const struct value *v)
{
	r->rule->references = v->text;
	if (!read_path(v->text, &r->rule->target)) {
		r->rule->target.n = 0;
		bad(r, v->pos,
		    "\"%.*s\" is no path such as \"activities.*\" or "
		    "\"bundles.*.id\"",
		    STR_ARG(v->text));
	}
}

/*
 * What makes an expression slow or large is refused: references back (\1) and
 * counts that multiply. NULL, or what is wrong.
 */
static const char *too_much(struct str text)
{
	unsigned long all = 1;

	if (text.n > SCHEMA_PATTERN_MAX)
		return "it is too long";
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0')
			return "it holds NUL";
		if (text.p[i] == '\\' && i + 1 < text.n) {
			i++;
			if (text.p[i] >= '0' && text.p[i] <= '9')
				return "references back are not taken";
			continue;
		}
		if (text.p[i] != '{')
			continue;
		unsigned long most = 1;
		for (i++; i < text.n && text.p[i] != '}'; i++) {
			unsigned long n = 0;
			for (; i < text.n && text.p[i] >= '0' &&
			       text.p[i] <= '9' && n <= SCHEMA_REPEAT_MAX;
			     i++)
				n = n * 10 + (unsigned long)(text.p[i] - '0');
			most = n > most ? n : most;
			if (i == text.n || text.p[i] == '}')
				break;
		}
		all *= most;
		if (all > SCHEMA_REPEAT_MAX)
			return "it repeats too often";
	}
	return NULL;
}

static void take_pattern(struct reader *r, const struct value *v)
{
	const char *what = too_much(v->text);
	char why[128];
	regex_t compiled;

	if (!what) {
		/* anchored, so that it is held to all of the string */
		r->rule->pattern =
		    arena_printf(r->a, "^(%.*s)$", STR_ARG(v->text)).p;
		int err = regcomp(
		    &compiled, r->rule->pattern, REG_EXTENDED | REG_NOSUB);
		if (err == 0) {
			regfree(&compiled);
			return;
		}
		regerror(err, NULL, why, sizeof(why));
		what = why;
	}
	r->rule->pattern = NULL;
	bad(r, v->pos, "\"%.*s\" is no regular expression: %s",
	    STR_ARG(v->text), what);
}

enum { NUMBER = VALUE_TABLE + 1 };
static const struct option {
	const char *name;
	int kind; /* an enum value_kind, or NUMBER */
	void (*take)(struct reader *r, const struct value *v);
} options[] = {
    {"type", VALUE_STRING, take_type},
    {"required", VALUE_BOOL, take_required},
    {"unique", VALUE_BOOL, take_unique},
    {"enum", VALUE_ARRAY, take_enum},
    {"pattern", VALUE_STRING, take_pattern},
    {"min", NUMBER, take_min},
    {"max", NUMBER, take_max},
    {"references", VALUE_STRING, take_references},
};
#define N_OPTIONS (sizeof(options) / sizeof(*options))

static void take_option(struct reader *r, const struct member *m)
{
	const char *names[N_OPTIONS];

	for (size_t i = 0; i < N_OPTIONS; i++) {
		names[i] = options[i].name;
		if (!str_is(m->key, options[i].name))
			continue;
		int kind = (int)m->value->kind;
		if (kind == options[i].kind ||
		    (options[i].kind == NUMBER &&
			(kind == VALUE_INT || kind == VALUE_FLOAT)))
			options[i].take(r, m->value);
		else
			bad(r, m->value->pos, "`%s` must be %s, not %s",
			    options[i].name,
			    options[i].kind == NUMBER
				? "a number"
				: value_kind_name(
				      (enum value_kind)options[i].kind),
			    value_kind_name(m->value->kind));
		return;
	}
	const char *near = opt_nearest(m->key, names, N_OPTIONS);
	bad(r, m->pos, "there is no `%.*s` in a rule; %s%s%s", STR_ARG(m->key),
	    near ? "did you mean `" : "take it out", near ? near : "",
	    near ? "`?" : "");
}

/* What can never be kept together. */
static void check_rule(struct reader *r)
{
	const struct schema_rule *rule = r->rule;
	bool any = rule->type == SCHEMA_ANY;

	if (rule->pattern && !any && rule->type != SCHEMA_STRING)
		bad(r, rule->pos, "a pattern is for strings, not for type %s",
		    schema_types[rule->type]);
	if ((rule->min || rule->max) &&
	    (rule->type == SCHEMA_BOOLEAN || rule->type == SCHEMA_DATE))
		bad(r, rule->pos, "min and max are not for type %s",
		    schema_types[rule->type]);
	if (rule->target.n &&
	    (rule->type == SCHEMA_ARRAY || rule->type == SCHEMA_TABLE))
		bad(r, rule->pos,
		    "%s references nothing; write the rule for what is in it: "
		    "\"%.*s.*\"",
		    schema_types[rule->type], STR_ARG(rule->text));
}

static bool read_rule(struct reader *r, const struct member *m)
{
	struct schema_rule *rule = r->rule;
	const struct value *v = m->value;

	*rule = (struct schema_rule){.text = m->key, .pos = m->pos};
	if (!read_path(m->key, &rule->path)) {
		bad(r, m->pos,
		    "a key is up to %d names by dots, `*` for any of them",
		    SCHEMA_PARTS_MAX);
		return false;
	}
	if (v->kind == VALUE_STRING)
		take_type(r, v);
	else if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++)
			take_option(r, &v->as.table.members[i]);
	else
		bad(r, v->pos,
		    "a rule is a type or a table such as { type = \"string\", "
		    "required = true }, not %s",
		    value_kind_name(v->kind));
	check_rule(r);
	return true;
}

/* Is the path one that a rule allows, or above one? */
static bool is_known(const struct schema *s, const struct schema_path *path)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct schema_path *p = &s->rules[i].path;
		bool same = p->n >= path->n;
		for (size_t j = 0; same && j < path->n; j++)
			same = str_eq(p->parts[j], path->parts[j]) ||
			       str_is(p->parts[j], "*");
		if (same)
			return true;
	}
	return false;
}

enum err schema_read(struct arena *a, const struct value *table,
    struct diag *diag, struct schema *out)
{
	size_t before = diag->errors;

	*out = (struct schema){.arena = a};
	if (table->kind != VALUE_TABLE ||
	    table->as.table.n > SCHEMA_RULES_MAX) {
		diag_error(diag, table->pos, "bad-schema",
		    "a schema is a table of at most %d rules",
		    SCHEMA_RULES_MAX);
		return ERR_INPUT;
	}
	out->rules = arena_array(a, table->as.table.n, sizeof(*out->rules));
	struct reader r = {.a = a, .diag = diag, .schema = out};
	for (size_t i = 0; i < table->as.table.n; i++) {
		r.rule = &out->rules[out->n];
		out->n += read_rule(&r, &table->as.table.members[i]);
	}
	for (size_t i = 0; i < out->n; i++) {
		r.rule = &out->rules[i];
		if (r.rule->target.n && !is_known(out, &r.rule->target)) {
			bad(&r, r.rule->pos,
			    "no rule tells of \"%.*s\", which it references",
			    STR_ARG(r.rule->references));
			r.rule->target.n = 0;
		}
	}
	return diag->errors > before ? ERR_INPUT : ERR_OK;
}
