#include "generator/read-make.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/opt.h"

/*
 * Places of a read's calls. Of a bare {NAME} it is found out what it is; what
 * a read has as APIs have it, {query.x} and the like, api-template.c looks at.
 */
struct placing {
	struct reading *r;
	size_t at; /* the call whose text it is */
	struct str each;
	struct pos pos;
	bool in_path, in_query; /* of its path; behind the '?' */
};
static const char *const roots[] = {
    "path", "query", "header", "cgi", "secret", "id", "call"};
#define N_ROOTS (sizeof(roots) / sizeof(*roots))

static void bad(struct placing *p, struct str place, const char *why)
{
	if (!p->r->is_doubtful)
		diag_error(p->r->m->diag, p->pos, "read-place", "`%.*s`: %s",
		    STR_ARG(place), why);
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* ---- bare names --------------------------------------------------------- */

/* What is like it among identifiers, segments and calls. */
static const char *nearest(struct placing *p, struct str name)
{
	const char *names[128];
	size_t n = 0;
	struct reading *r = p->r;

	for (size_t i = 0; i < r->n_ids; i++)
		names[n++] =
		    arena_cstr(r->m->a, r->ids->as.table.members[i].key);
	for (size_t at = 0; at < r->own.n && n < 96;) {
		size_t open = str_find(r->own, '{', at);
		size_t close = str_find(r->own, '}', open);
		if (close < r->own.n)
			names[n++] = arena_cstr(
			    r->m->a, str_slice(r->own, open + 1, close));
		at = close + 1;
	}
	return opt_nearest(name, names, n);
}

static void unknown(struct placing *p, struct str place, struct str name)
{
	struct arena *a = p->r->m->a;
	const char *near = nearest(p, name);

	if (reading_call(p->r, name) < p->r->n_calls)
		bad(p, place,
		    arena_printf(a,
			"this is a call; of its result there is "
			"{call.%.*s.MEMBER}",
			STR_ARG(name))
			.p);
	else if (near)
		bad(p, place, arena_printf(a, "did you mean {%s}?", near).p);
	else
		bad(p, place,
		    arena_printf(a,
			"nothing is called so; write {query.%.*s} for a "
			"parameter, or declare [%s.ids.%.*s]",
			STR_ARG(name), p->r->base, STR_ARG(name))
			.p);
}

static void use_ids(struct placing *p, size_t ids)
{
	p->r->ids_used[ids] = true;
	p->r->names[p->at * p->r->n_ids + ids] = true;
}

/* ---- places with a root ------------------------------------------------- */

static void check_id(struct placing *p, struct str place, struct str name)
{
	size_t ids = reading_ids(p->r, name);

	if (ids == p->r->n_ids)
		bad(p, place,
		    arena_printf(p->r->m->a,
			"there are no such identifiers; write [%s.ids.%.*s] "
			"with from = \"query.%.*s\"",
			p->r->base, STR_ARG(name), STR_ARG(name))
			.p);
	else
		use_ids(p, ids);
}

static void check_call(struct placing *p, struct str place, struct str name)
{
	struct reading *r = p->r;
	struct str whose = str_slice(name, 0, str_find(name, '.', 0));
	size_t to = reading_call(r, whose);

	if (to == r->n_calls) {
		bad(p, place,
		    arena_printf(r->m->a,
			"this read has no call `%.*s`; write [%s.call.%.*s], "
			"or name one that it has",
			STR_ARG(whose), r->base, STR_ARG(whose))
			.p);
		return;
	}
	const struct value *other = r->calls->as.table.members[to].value;
	struct str each = value_text(other, "each");
	if (each.n && !str_eq(each, p->each))
		bad(p, place,
		    arena_printf(r->m->a,
			"`%.*s` is made for each %.*s and has many results; "
			"write each = \"%.*s\" here, too",
			STR_ARG(whose), STR_ARG(each), STR_ARG(each))
			.p);
	r->needs[p->at * r->n_calls + to] = true;
	r->by_used[to] |= p->each.n > 0;
}

static void check_root(struct placing *p, struct str place, struct str root)
{
	const char *near = opt_nearest(root, roots, N_ROOTS);

	if (near)
		bad(p, place,
		    arena_printf(p->r->m->a, "did you mean {%s.…}?", near).p);
	else
		bad(p, place,
		    "a place of a read begins with path, query, header, cgi, "
		    "secret, id or call");
}

/* What it stands for is looked at as an API's would be. */
static void check_common(struct placing *p, struct str place, struct str root)
{
	bool known = str_is(root, "run");

	for (size_t i = 0; i < N_ROOTS; i++)
		known |= str_is(root, roots[i]);
	if (!known) {
		check_root(p, place, root);
		return;
	}
	/* it would be refused each time (cgi/template.h) */
	if (str_is(root, "secret") && p->in_path && !p->in_query)
		bad(p, place,
		    "a path is logged by whoever it leads past; put a secret "
		    "into a header");
	api_template_check(p->r->m->a,
	    p->in_query ? API_TEMPLATE_QUERY : API_TEMPLATE_HEADER, place,
	    p->r->own, &p->r->m->secrets, p->pos, p->r->m->diag);
}

static void check_rooted(
    struct placing *p, struct str place, struct str root, struct str name)
{
	bool optional = str_ends(name, "?");

	name.n -= optional;
	if (str_is(root, "body") || str_is(root, "job") ||
	    str_is(root, "result"))
		bad(p, place,
		    "a read has no body, no job and no result; it has path, "
		    "query, header, cgi, secret, id and call");
	else if (optional && !p->in_query)
		bad(p, place,
		    "a `?` may stand in a query only, where what is missing "
		    "is left out");
	else if (str_is(root, "id"))
		check_id(p, place, name);
	else if (str_is(root, "call"))
		check_call(p, place, name);
	else if (str_is(root, "path") &&
		 !api_template_has_segment(p->r->own, name))
		bad(p, place, "the read's path has no such segment");
	else if (reading_call(p->r, root) < p->r->n_calls)
		bad(p, place,
		    arena_printf(p->r->m->a, "write {call.%.*s.%.*s}",
			STR_ARG(root), STR_ARG(name))
			.p);
	else
		check_common(p, place, root);
}

/* ---- texts -------------------------------------------------------------- */

static void bare(
    struct placing *p, struct buf *out, struct str place, struct str name)
{
	bool optional = str_ends(name, "?");
	struct str word = str_slice(name, 0, name.n - optional);
	size_t ids = reading_ids(p->r, word);
	const char *root = "path";

	if (ids < p->r->n_ids) {
		root = "id";
		use_ids(p, ids);
	} else if (!str_eq(word, p->each) && /* ids-missing says it */
		   !api_template_has_segment(p->r->own, word)) {
		unknown(p, place, word);
	}
	if (optional && !p->in_query)
		bad(p, place,
		    "a `?` may stand in a query only, where what is missing "
		    "is left out");
	buf_printf(out, "{%s.%.*s}", root, STR_ARG(name));
}

/* A `{` at `at`; returns where to go on. */
static size_t brace(
    struct placing *p, struct buf *out, struct str text, size_t at)
{
	size_t end = at + 1;

	while (end < text.n && is_name_char(text.p[end]))
		end++;
	if (end < text.n && text.p[end] == '?' && end > at + 1)
		end++;
	struct str inside = str_slice(text, at + 1, end);
	struct str place = str_slice(text, at, end + 1);
	size_t dot = str_find(inside, '.', 0);
	if (end == text.n || text.p[end] != '}' || inside.n == 0 || dot == 0 ||
	    dot + 1 == inside.n) {
		bad(p, place, "a { here begins a place such as {query.id}");
		return at + 1;
	}
	if (dot == inside.n) {
		bare(p, out, place, inside);
	} else {
		check_rooted(p, place, str_slice(inside, 0, dot),
		    str_slice(inside, dot + 1, inside.n));
		buf_put_str(out, place);
	}
	return end + 1;
}

struct str reading_template(struct reading *r, size_t at,
    enum api_template where, struct str text, struct pos pos)
{
	struct making *m = r->m;
	struct placing p = {.r = r,
	    .at = at,
	    .pos = pos,
	    .in_path = where == API_TEMPLATE_PATH};
	struct buf out = {0}, plain = {0};

	p.each = value_text(r->calls->as.table.members[at].value, "each");
	for (size_t i = 0; i < text.n;) {
		if (text.p[i] == '{') {
			buf_putc(&plain, 'x');
			i = brace(&p, &out, text, i);
			continue;
		}
		p.in_query |= p.in_path && text.p[i] == '?';
		buf_putc(&plain, text.p[i]);
		buf_putc(&out, text.p[i++]);
	}
	api_template_check(m->a, where, arena_str(m->a, buf_str(&plain)),
	    r->own, NULL, pos, m->diag);
	struct str done = arena_str(m->a, buf_str(&out));
	buf_release(&plain);
	buf_release(&out);
	return done;
}
