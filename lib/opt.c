#include "lib/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"

#define OPT_NEAREST_MAX 64 /* longer words have no near ones */
#define OPT_COLUMN 28	   /* where the help text begins */

struct parser {
	struct arena *arena;
	struct diag *diag;
	const struct opt *rows;
	struct opt_result *out;
	int argc, at;
	char *const *argv;
};

/* Levenshtein, one row at a time. */
static size_t distance(struct str a, const char *b)
{
	size_t row[OPT_NEAREST_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a.p[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *opt_nearest(
    struct str word, const char *const *candidates, size_t n)
{
	const char *nearest = NULL;
	/* a third of the letters, at least one, may be wrong */
	size_t best = word.n / 3 + 2;

	if (word.n == 0 || word.n > OPT_NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strlen(candidates[i]) > OPT_NEAREST_MAX)
			continue;
		size_t d = distance(word, candidates[i]);
		if (d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

static size_t count_rows(const struct opt *rows)
{
	size_t n = 0;
	while (rows[n].name)
		n++;
	return n;
}

static void unknown(struct parser *p, struct str given, const char *dashes)
{
	size_t n = count_rows(p->rows);
	const char **names = arena_array(p->arena, n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = p->rows[i].name;
	const char *near =
	    *dashes && dashes[1] ? opt_nearest(given, names, n) : NULL;
	diag_error(p->diag, POS_NONE, "unknown-option",
	    "there is no option `%s%.*s`%s%s%s", dashes, STR_ARG(given),
	    near ? "; did you mean `--" : "; `--help` lists them",
	    near ? near : "", near ? "`?" : "");
}

static void bad_value(struct parser *p, const struct opt *row,
    const char *value, const char *wanted)
{
	diag_error(p->diag, POS_NONE, "bad-value", "`--%s %s` is not %s",
	    row->name, value, wanted);
}

static void take_int(struct parser *p, const struct opt *row,
    struct opt_value *v, const char *text)
{
	char *end;
	bool ranged = row->min != 0 || row->max != 0;

	errno = 0;
	v->number = strtoll(text, &end, 10);
	/* strtoll would take leading white space and a '+' as well */
	if (strspn(text, "-0123456789") == 0 || *end != '\0' || errno)
		bad_value(p, row, text, "a whole number");
	else if (ranged && (v->number < row->min || v->number > row->max))
		diag_error(p->diag, POS_NONE, "bad-value",
		    "`--%s %s` is not between %lld and %lld", row->name, text,
		    (long long)row->min, (long long)row->max);
}

static void take_choice(
    struct parser *p, const struct opt *row, const char *text)
{
	struct str all = str_of(row->choices), list = {0};

	for (size_t at = 0, end; at < all.n; at = end + 1) {
		end = str_find(all, '|', at);
		struct str one = str_slice(all, at, end);
		if (str_is(one, text))
			return;
		const char *and = at == 0 ? "" : end == all.n ? " or " : ", ";
		list = arena_printf(
		    p->arena, "%.*s%s%.*s", STR_ARG(list), and, STR_ARG(one));
	}
	diag_error(p->diag, POS_NONE, "bad-value",
	    "`--%s %s` is not known; use %.*s", row->name, text, STR_ARG(list));
}

static void take(struct parser *p, const struct opt *row, const char *text)
{
	struct opt_value *v = &p->out->values[row - p->rows];

	v->given = true;
	v->string = text;
	switch (row->kind) {
	case OPT_FLAG:
		break;
	case OPT_STRING:
		if (row->choices)
			take_choice(p, row, text);
		break;
	case OPT_INT:
		take_int(p, row, v, text);
		break;
	case OPT_DURATION:
		if (units_duration(str_of(text), &v->number) != ERR_OK)
			bad_value(
			    p, row, text, "a duration such as 50ms or 20s");
		break;
	case OPT_LIST:
		if (!v->list)
			v->list = arena_array(
			    p->arena, (size_t)p->argc, sizeof(*v->list));
		v->list[v->n++] = text;
		break;
	}
}

/* `attached` is what stood behind '=' or the letter, NULL if nothing did. */
static void option(
    struct parser *p, const struct opt *row, const char *attached)
{
	if (row->kind == OPT_FLAG && attached)
		diag_error(p->diag, POS_NONE, "bad-value",
		    "`--%s` takes no value", row->name);
	else if (row->kind == OPT_FLAG)
		take(p, row, NULL);
	else if (attached)
		take(p, row, attached);
	else if (p->at + 1 < p->argc && strcmp(p->argv[p->at + 1], "--") != 0)
		take(p, row, p->argv[++p->at]);
	else
		diag_error(p->diag, POS_NONE, "option-needs-value",
		    "`--%s` needs a value: --%s %s", row->name, row->name,
		    row->arg ? row->arg : "VALUE");
}

static void long_option(struct parser *p, const char *text)
{
	size_t n = strcspn(text, "=");
	struct str name = {.p = text, .n = n};

	for (const struct opt *row = p->rows; row->name; row++)
		if (str_is(name, row->name)) {
			option(p, row, text[n] ? text + n + 1 : NULL);
			return;
		}
	unknown(p, name, "--");
}

/* -x, -xVALUE, or several flags in one word: -qv */
static void letters(struct parser *p, const char *text)
{
	for (; *text; text++) {
		const struct opt *row = p->rows;
		while (row->name && row->letter != *text)
			row++;
		if (!row->name) {
			unknown(p, (struct str){.p = text, .n = 1}, "-");
			return;
		}
		if (row->kind != OPT_FLAG) {
			option(p, row, text[1] ? text + 1 : NULL);
			return;
		}
		option(p, row, NULL);
	}
}

enum err opt_parse(struct arena *a, const struct opt *rows, int argc,
    char *const argv[], struct diag *diag, struct opt_result *out)
{
	struct parser p = {.arena = a,
	    .diag = diag,
	    .rows = rows,
	    .out = out,
	    .argc = argc,
	    .argv = argv};
	size_t before = diag ? diag->errors : 0;

	*out = (struct opt_result){
	    .values =
		arena_array(a, count_rows(rows) + 1, sizeof(*out->values)),
	    .operands =
		arena_array(a, (size_t)argc + 1, sizeof(*out->operands)),
	};
	for (p.at = 1; p.at < argc; p.at++) {
		const char *word = argv[p.at];
		if (strcmp(word, "--") == 0) {
			out->n_rest = (size_t)(argc - p.at - 1);
			out->rest =
			    arena_array(a, out->n_rest + 1, sizeof(*out->rest));
			for (size_t i = 0; i < out->n_rest; i++)
				out->rest[i] = argv[p.at + 1 + (int)i];
			break;
		}
		if (word[0] == '-' && word[1] == '-')
			long_option(&p, word + 2);
		else if (word[0] == '-' && word[1] != '\0')
			letters(&p, word + 1);
		else
			out->operands[out->n_operands++] = word;
	}
	return diag && diag->errors > before ? ERR_USAGE : ERR_OK;
}

void opt_help(const struct opt *rows, FILE *out)
{
	for (; rows->name; rows++) {
		int n = rows->letter ? fprintf(out, "  -%c, ", rows->letter)
				     : fprintf(out, "      ");
		n += fprintf(out, "--%s%s%s", rows->name, rows->arg ? " " : "",
		    rows->arg ? rows->arg : "");
		if (n >= OPT_COLUMN - 1)
			n = fprintf(out, "\n") - 1;
		fprintf(out, "%*s%s\n", OPT_COLUMN - n, "", rows->help);
	}
}
