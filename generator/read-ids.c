#include "generator/read-make.h"

/*
 * [read.X.ids.NAME]: where identifiers come from. Findings: `ids-from`,
 * `bad-name`; as a warning `ids-unused`.
 */

/* Words of a shape; {data} would be both. */
static bool is_word(struct str name)
{
	return str_is(name, "data") || str_is(name, "complete");
}

/* The part of "call.NAME.a.b" that is NAME. */
static struct str call_of(struct str from)
{
	struct str rest = str_slice(from, 5, from.n);

	return str_slice(rest, 0, str_find(rest, '.', 0));
}

static bool is_list(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '.' &&
		    (i + 1 == path.n || path.p[i + 1] == '.'))
			return false;
	return path.n > 0;
}

static void check_call(struct reading *r, struct str from, struct pos pos)
{
	struct making *m = r->m;
	struct str name = call_of(from);
	size_t at = reading_call(r, name);

	if (at == r->n_calls && r->is_doubtful)
		return;
	if (at == r->n_calls)
		diag_error(m->diag, pos, "ids-from",
		    "this read has no call `%.*s`; write [%s.call.%.*s], or "
		    "name one that it has",
		    STR_ARG(name), r->base, STR_ARG(name));
	else if (value_get(r->calls->as.table.members[at].value, "each"))
		diag_error(m->diag, pos, "ids-from",
		    "`%.*s` is made for each of identifiers, so it has many "
		    "results; name a call without `each`",
		    STR_ARG(name));
}

static void check_from(struct reading *r, struct str from)
{
	struct making *m = r->m;
	struct pos pos = making_place(m, "from");
	size_t dot = str_find(from, '.', 0);
	struct str root = str_slice(from, 0, dot);
	struct str rest = str_slice(from, dot + 1, from.n);

	if (str_is(root, "path") && rest.n) {
		if (!api_template_has_segment(r->own, rest))
			diag_error(m->diag, pos, "ids-from",
			    "the path %.*s has no segment {%.*s}; write it "
			    "there, or say \"query.%.*s\"",
			    STR_ARG(r->own), STR_ARG(rest), STR_ARG(rest));
	} else if (str_is(root, "call") && is_list(rest)) {
		check_call(r, from, pos);
	} else if (!str_is(root, "query") || !rest.n) {
		diag_error(m->diag, pos, "ids-from",
		    "`from` is \"%.*s\"; it is a segment, \"path.crns\", a "
		    "parameter, \"query.crn\", or what a call's result has, "
		    "\"call.cases.items.crn\"",
		    STR_ARG(from));
	}
}

void reading_make_ids(struct reading *r)
{
	struct making *m = r->m;

	for (size_t i = 0; i < r->n_ids; i++) {
		const struct member *one = &r->ids->as.table.members[i];
		reading_look(r, "ids", one);
		if (is_word(one->key))
			diag_error(m->diag, one->pos, "bad-name",
			    "{%.*s} is a word of shapes; call these "
			    "identifiers something else",
			    STR_ARG(one->key));
		struct str from = making_text(m, "from");
		if (making_given(m, "from"))
			check_from(r, from);
		m->c->read_ids[m->c->n_read_ids++] =
		    (struct read_ids){.read = r->read->name,
			.name = one->key,
			.from = from,
			.max = making_amount(m, "max")};
	}
	reading_look_back(r);
}

/* ---- what is made of which result --------------------------------------- */

/* Identifiers of a result: whoever has them in it is made after that call. */
static void note_sources(struct reading *r)
{
	for (size_t i = 0; i < r->n_ids; i++) {
		const struct value *v =
		    value_get(r->ids->as.table.members[i].value, "from");
		size_t at = v && str_starts(v->text, "call.")
				? reading_call(r, call_of(v->text))
				: r->n_calls;
		for (size_t c = 0; c < r->n_calls && at < r->n_calls; c++)
			if (r->names[c * r->n_ids + i])
				r->needs[c * r->n_calls + at] = true;
	}
}

static const struct member *call_at(const struct reading *r, size_t at)
{
	return &r->calls->as.table.members[at];
}

/* Depth first: 0 not seen, 1 on the way, 2 done. True: told, or nothing. */
static bool follow(
    struct reading *r, size_t at, char *seen, size_t *way, size_t depth)
{
	seen[at] = 1;
	way[depth] = at;
	for (size_t to = 0; to < r->n_calls; to++) {
		if (!r->needs[at * r->n_calls + to])
			continue;
		if (seen[to] == 0 && !follow(r, to, seen, way, depth + 1))
			return false;
		if (seen[to] != 1)
			continue;
		struct str chain = call_at(r, to)->key;
		size_t from = depth;
		while (way[from] != to)
			from--;
		for (size_t i = from + 1; i <= depth; i++)
			chain = arena_printf(r->m->a, "%.*s → %.*s",
			    STR_ARG(chain), STR_ARG(call_at(r, way[i])->key));
		diag_error(r->m->diag, call_at(r, to)->pos, "read-cycle",
		    "%.*s → %.*s: each needs the result of the next, so none "
		    "could be made; take one of these places out",
		    STR_ARG(chain), STR_ARG(call_at(r, to)->key));
		return false;
	}
	seen[at] = 2;
	return true;
}

/* One circle at a time is enough to be told. */
void reading_check_needs(struct reading *r)
{
	char *seen = arena_array(r->m->a, r->n_calls, 1);
	size_t *way = arena_array(r->m->a, r->n_calls + 1, sizeof(*way));

	note_sources(r);
	for (size_t i = 0; i < r->n_calls; i++)
		if (!seen[i] && !follow(r, i, seen, way, 0))
			return;
}
