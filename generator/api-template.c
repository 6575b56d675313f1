#include "generator/api-template.h"

#include "lib/buf.h"
#include "lib/opt.h"

static const char *const roots[] = {
    "body", "path", "query", "header", "job", "cgi", "secret", "result"};
#define N_ROOTS (sizeof(roots) / sizeof(roots[0]))

struct check {
	struct arena *a;
	enum api_template where;
	struct str pattern;
	struct pos pos;
	struct diag *diag;
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Is {NAME} a segment of the path? */
static bool has_segment(struct str pattern, struct str name)
{
	for (size_t at = 0; at < pattern.n;) {
		size_t end = str_find(pattern, '/', at);
		struct str part = str_slice(pattern, at, end);
		if (part.n == name.n + 2 && part.p[0] == '{' &&
		    part.p[part.n - 1] == '}' &&
		    str_eq(str_slice(part, 1, part.n - 1), name))
			return true;
		at = end + 1;
	}
	return false;
}

struct str api_template_of_path(struct arena *a, struct str pattern)
{
	struct buf out = {0};

	for (size_t i = 0; i < pattern.n; i++) {
		buf_putc(&out, pattern.p[i]);
		if (pattern.p[i] == '{')
			buf_puts(&out, "path.");
	}
	struct str text = arena_str(a, buf_str(&out));
	buf_release(&out);
	return text;
}

static void bad(struct check *c, struct str place, const char *why)
{
	diag_error(
	    c->diag, c->pos, "bad-template", "`%.*s`: %s", STR_ARG(place), why);
}

static void unknown_root(struct check *c, struct str place, struct str root)
{
	const char *near = opt_nearest(root, roots, N_ROOTS);
	struct str inside = str_slice(place, 1, place.n - 1);

	if (has_segment(c->pattern, inside))
		bad(c, place,
		    arena_printf(c->a, "write {path.%.*s}", STR_ARG(inside)).p);
	else if (near)
		bad(c, place,
		    arena_printf(c->a, "did you mean {%s.…}?", near).p);
	else
		bad(c, place,
		    "a place begins with body, path, query, header, job, cgi "
		    "or (in a location) result");
}

/* place: with its braces; root and name: what the first dot parts. */
static void check_place(
    struct check *c, struct str place, struct str root, struct str name)
{
	if (str_is(root, "run"))
		diag_error(c->diag, c->pos, "run-reference",
		    "`%.*s` may stand in an upstream's base only",
		    STR_ARG(place));
	else if (str_is(root, "secret"))
		diag_error(c->diag, c->pos, "not-built-yet",
		    "`%.*s`: secrets in calls are not built yet",
		    STR_ARG(place));
	else if (str_is(root, "path") && !has_segment(c->pattern, name))
		bad(c, place, "the API's path has no such segment");
	else if (str_is(root, "job") && !str_is(name, "id"))
		bad(c, place, "of the job there is {job.id} only");
	else if (str_is(root, "cgi") && !str_is(name, "REMOTE_ADDR"))
		bad(c, place, "of the server there is {cgi.REMOTE_ADDR} only");
	else if (str_is(root, "result") && c->where != API_TEMPLATE_LOCATION)
		bad(c, place, "a result is known in a location only");
}

static bool is_root(struct str root)
{
	for (size_t i = 0; i < N_ROOTS; i++)
		if (str_is(root, roots[i]))
			return true;
	return str_is(root, "run");
}

/* A `{` at `at`; returns where to go on. */
static size_t brace(struct check *c, struct str text, size_t at)
{
	size_t end = at + 1;

	while (end < text.n && is_name_char(text.p[end]))
		end++;
	struct str inside = str_slice(text, at + 1, end);
	struct str place = str_slice(text, at, end + 1);
	size_t dot = str_find(inside, '.', 0);
	bool closed = end < text.n && text.p[end] == '}';
	bool shaped = closed && dot > 0 && dot + 1 < inside.n;

	if (shaped && is_root(str_slice(inside, 0, dot)))
		check_place(c, place, str_slice(inside, 0, dot),
		    str_slice(inside, dot + 1, inside.n));
	else if (closed && inside.n &&
		 (shaped || c->where != API_TEMPLATE_BODY))
		unknown_root(c, place, str_slice(inside, 0, dot));
	else if (c->where != API_TEMPLATE_BODY)
		bad(c, place, "a { here begins a place such as {body.id}");
	return closed ? end + 1 : at + 1;
}

void api_template_check(struct arena *a, enum api_template where,
    struct str text, struct str pattern, struct pos pos, struct diag *diag)
{
	struct check c = {a, where, pattern, pos, diag};

	if (where == API_TEMPLATE_PATH && !str_starts(text, "/"))
		bad(&c, text, "a path begins with /");
	for (size_t at = 0; at < text.n;) {
		unsigned char ch = (unsigned char)text.p[at];
		if (ch == '{') {
			at = brace(&c, text, at);
			continue;
		}
		if (where != API_TEMPLATE_BODY && (ch < 0x20 || ch == 0x7f)) {
			bad(&c, text, "control characters cannot be sent");
			return;
		}
		if (where == API_TEMPLATE_PATH && (ch == '#' || ch == ' ')) {
			bad(&c, text, "a path has no `#` and no space");
			return;
		}
		at++;
	}
}
