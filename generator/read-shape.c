#include "generator/read-make.h"

#include <math.h>
#include <string.h>

#include "lib/json.h"
#include "lib/opt.h"

/*
 * `shape`: JSON whose strings have places, checked as cgi/read/shape.h fills
 * them: {call.X}, {call.X.a.b}, {NAME} of identifiers, and the words below.
 * Findings: `read-shape`, `bad-json`, `secret-public`.
 */
#define DEPTH_MAX 32 /* SHAPE_DEPTH_MAX */

static const char *const words[] = {"data", "upstreamFailures", "complete"};
#define N_WORDS (sizeof(words) / sizeof(*words))

struct shaping {
	struct reading *r;
	size_t eachs; /* how many tables of `each` it is in */
	struct str each[DEPTH_MAX + 1];
};

static void bad(
    struct shaping *s, struct pos pos, struct str place, const char *why)
{
	if (!s->r->is_doubtful)
		diag_error(s->r->m->diag, pos, "read-shape", "`%.*s`: %s",
		    STR_ARG(place), why);
}

static bool is_word(struct str name)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (str_is(name, words[i]))
			return true;
	return false;
}

static bool is_within(const struct shaping *s, struct str ids)
{
	for (size_t i = 0; i < s->eachs; i++)
		if (str_eq(s->each[i], ids))
			return true;
	return false;
}

/* ---- places ------------------------------------------------------------- */

static void check_call(
    struct shaping *s, struct pos pos, struct str place, struct str name)
{
	struct reading *r = s->r;
	struct str whose = str_slice(name, 0, str_find(name, '.', 0));
	size_t at = reading_call(r, whose);

	if (at == r->n_calls) {
		const char *names[CONFIG_READ_CALLS_MAX];
		for (size_t i = 0; i < r->n_calls; i++)
			names[i] = arena_cstr(
			    r->m->a, r->calls->as.table.members[i].key);
		const char *near = opt_nearest(whose, names, r->n_calls);
		bad(s, pos, place,
		    near
			? arena_printf(r->m->a, "did you mean {call.%s}?", near)
			      .p
			: "this read has no such call");
		return;
	}
	struct str each =
	    value_text(r->calls->as.table.members[at].value, "each");
	if (each.n && name.n > whose.n && !is_within(s, each))
		bad(s, pos, place,
		    arena_printf(r->m->a,
			"`%.*s` is made for each %.*s and has many results; "
			"put this into { each = \"%.*s\", value = … }",
			STR_ARG(whose), STR_ARG(each), STR_ARG(each))
			.p);
	r->by_used[at] |= s->eachs > 0;
}

static void check_name(struct shaping *s, struct pos pos, struct str place,
    struct str name, bool alone)
{
	struct reading *r = s->r;
	size_t ids = reading_ids(r, name);
	const char *names[CONFIG_READ_IDS_MAX + N_WORDS];
	size_t n = 0;

	if (ids < r->n_ids)
		r->ids_used[ids] = true;
	if ((ids < r->n_ids || is_word(name)) && !alone && !is_within(s, name))
		bad(s, pos, place,
		    "this is no text; let it stand alone in its quotes");
	if (ids < r->n_ids || is_word(name))
		return;
	for (size_t i = 0; i < r->n_ids; i++)
		names[n++] =
		    arena_cstr(r->m->a, r->ids->as.table.members[i].key);
	for (size_t i = 0; i < N_WORDS; i++)
		names[n++] = words[i];
	const char *near = opt_nearest(name, names, n);
	if (reading_call(r, name) < r->n_calls)
		bad(s, pos, place,
		    arena_printf(r->m->a, "write {call.%.*s}", STR_ARG(name))
			.p);
	else if (near)
		bad(s, pos, place,
		    arena_printf(r->m->a, "did you mean {%s}?", near).p);
	else
		bad(s, pos, place,
		    "a shape has {call.NAME} and members of it, identifiers, "
		    "{data}, {upstreamFailures} and {complete}");
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static void check_place(struct shaping *s, struct pos pos, struct str place,
    struct str name, bool alone)
{
	size_t dot = str_find(name, '.', 0);
	struct str root = str_slice(name, 0, dot);

	if (str_is(root, "secret"))
		diag_error(s->r->m->diag, pos, "secret-public",
		    "`%.*s`: a shape is what clients get; take it out",
		    STR_ARG(place));
	else if (str_is(root, "call") && dot + 1 < name.n &&
		 !str_ends(name, "."))
		check_call(s, pos, place, str_slice(name, dot + 1, name.n));
	else if (dot < name.n && reading_call(s->r, root) < s->r->n_calls)
		bad(s, pos, place,
		    arena_printf(s->r->m->a, "write {call.%.*s}", STR_ARG(name))
			.p);
	else
		check_name(s, pos, place, name, alone);
}

/* Braces that begin no place are what they are. */
static void text(struct shaping *s, struct str t, struct pos pos)
{
	for (size_t at = 0; at < t.n; at++) {
		size_t end = at + 1;
		if (t.p[at] != '{')
			continue;
		while (end < t.n && is_name_char(t.p[end]))
			end++;
		struct str name = str_slice(t, at + 1, end);
		if (end < t.n && t.p[end] == '?')
			end++;
		if (name.n && end < t.n && t.p[end] == '}')
			check_place(s, pos, str_slice(t, at, end + 1), name,
			    at == 0 && end + 1 == t.n);
	}
}

/* ---- the tree ----------------------------------------------------------- */

static void value(struct shaping *s, const struct value *v, size_t depth);

/* A table of `each` and `value`: one value for each identifier. */
static bool is_each(const struct value *v)
{
	return v->as.table.n == 2 && value_get(v, "each") &&
	       value_get(v, "value");
}

static void table(struct shaping *s, const struct value *v, size_t depth)
{
	const struct value *each = value_get(v, "each");
	struct reading *r = s->r;

	if (!is_each(v)) {
		/* Else it would be JSON of its own, which nobody means. */
		if (each && each->kind == VALUE_STRING &&
		    reading_ids(r, each->text) < r->n_ids)
			diag_error(r->m->diag, each->pos, "read-shape",
			    "`each` goes with `value`, and with nothing else; "
			    "write { each = \"%.*s\", value = … }",
			    STR_ARG(each->text));
		for (size_t i = 0; i < v->as.table.n; i++)
			value(s, v->as.table.members[i].value, depth + 1);
		return;
	}
	size_t ids =
	    each->kind == VALUE_STRING ? reading_ids(r, each->text) : r->n_ids;
	if (ids < r->n_ids)
		r->ids_used[ids] = true;
	else if (!r->is_doubtful)
		diag_error(r->m->diag, each->pos, "read-shape",
		    "`each` names identifiers of this read; write a table "
		    "[%s.ids.NAME], and NAME here",
		    r->base);
	if (is_within(s, each->text))
		diag_error(r->m->diag, each->pos, "read-shape",
		    "each %.*s is inside of each %.*s; take one of the two "
		    "out",
		    STR_ARG(each->text), STR_ARG(each->text));
	s->each[s->eachs++] = each->text;
	value(s, value_get(v, "value"), depth + 1);
	s->eachs--;
}

static void refuse(struct shaping *s, const struct value *v, const char *what)
{
	diag_error(s->r->m->diag, v->pos, "bad-json",
	    "JSON has no %s; write it in quotes, or as a number", what);
}

static void value(struct shaping *s, const struct value *v, size_t depth)
{
	if (depth == DEPTH_MAX) {
		diag_error(s->r->m->diag, v->pos, "read-shape",
		    "a shape is at most %d deep", DEPTH_MAX);
		return;
	}
	switch (v->kind) {
	case VALUE_TABLE:
		table(s, v, depth);
		break;
	case VALUE_ARRAY:
		for (size_t i = 0; i < v->as.array.n; i++)
			value(s, v->as.array.items[i], depth + 1);
		break;
	case VALUE_STRING:
		text(s, v->text, v->pos);
		break;
	case VALUE_DATETIME:
		refuse(s, v, "dates");
		break;
	case VALUE_FLOAT:
		if (!isfinite(v->as.f))
			refuse(s, v, "inf and nan");
		break;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
		break;
	}
}

void reading_make_shape(struct reading *r)
{
	const struct value *v = making_given(r->m, "shape");
	struct shaping s = {.r = r};
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	if (!v)
		return;
	value(&s, v, 0);
	json_value(&w, v);
	r->read->shape = arena_str(r->m->a, buf_str(&out));
	buf_release(&out);
}
