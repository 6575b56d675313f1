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
	const struct api_secrets *secrets;
	struct pos pos;
	struct diag *diag;
	bool in_query; /* behind the first '?' of a path */
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool api_template_has_segment(struct str pattern, struct str name)
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

	if (api_template_has_segment(c->pattern, inside))
		bad(c, place,
		    arena_printf(c->a, "write {path.%.*s}", STR_ARG(inside)).p);
	else if (near)
		bad(c, place,
		    arena_printf(c->a, "did you mean {%s.…}?", near).p);
	else
		bad(c, place,
		    "a place begins with body, path, query, header, job, cgi, "
		    "secret or (in a location) result");
}

static void check_secret(struct check *c, struct str place, struct str name)
{
	const char *names[64];
	size_t n = 0;

	if (c->where == API_TEMPLATE_LOCATION) {
		diag_error(c->diag, c->pos, "secret-public",
		    "`%.*s`: clients are told a location; take it out",
		    STR_ARG(place));
		return;
	}
	for (size_t i = 0; c->secrets && i < c->secrets->n; i++) {
		if (str_eq(c->secrets->rows[i].name, name)) {
			c->secrets->used[i] = true;
			return;
		}
		if (n < 64)
			names[n++] = arena_cstr(c->a, c->secrets->rows[i].name);
	}
	if (c->secrets && c->secrets->is_doubtful)
		return;
	const char *near = opt_nearest(name, names, n);
	diag_error(c->diag, c->pos, "secret-unknown", "`%.*s`: %s%s%s",
	    STR_ARG(place),
	    near ? "did you mean {secret."
		 : "[secret] has no such name; add "
		   "it there, as { env = \"…\" } or "
		   "{ file = \"…\" }",
	    near ? near : "", near ? "}?" : "");
}

/* What is missing leaves out something that has a name, and only that. */
static bool may_be_missing(const struct check *c)
{
	return c->where == API_TEMPLATE_FORM ||
	       c->where == API_TEMPLATE_QUERY ||
	       (c->where == API_TEMPLATE_PATH && c->in_query);
}

/* place: with its braces; root and name: what the first dot parts. */
static void check_place(
    struct check *c, struct str place, struct str root, struct str name)
{
	bool optional = str_ends(name, "?");

	if (optional)
		name.n--;
	if (optional && !may_be_missing(c)) {
		bad(c, place,
		    "a `?` may stand in a query or a form only, where what is "
		    "missing is left out");
		return;
	}
	if (str_is(root, "run"))
		diag_error(c->diag, c->pos, "run-reference",
		    "`%.*s` may stand in an upstream's base only",
		    STR_ARG(place));
	else if (str_is(root, "secret"))
		check_secret(c, place, name);
	else if (str_is(root, "path") &&
		 !api_template_has_segment(c->pattern, name))
		bad(c, place, "the API's path has no such segment");
	else if (str_is(root, "job") && !str_is(name, "id") &&
		 !str_is(name, "acceptedAt"))
		bad(c, place,
		    "of the job there are {job.id} and {job.acceptedAt}");
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

/* Braces that begin no place are what they are. */
static bool is_free(const struct check *c)
{
	return c->where == API_TEMPLATE_BODY || c->where == API_TEMPLATE_FORM;
}

/* A `{` at `at`; returns where to go on. */
static size_t brace(struct check *c, struct str text, size_t at)
{
	size_t end = at + 1;

	while (end < text.n && is_name_char(text.p[end]))
		end++;
	if (end < text.n && text.p[end] == '?' && end > at + 1)
		end++;
	struct str inside = str_slice(text, at + 1, end);
	struct str place = str_slice(text, at, end + 1);
	size_t dot = str_find(inside, '.', 0);
	bool closed = end < text.n && text.p[end] == '}';
	bool shaped = closed && dot > 0 && dot + 1 < inside.n;

	if (shaped && is_root(str_slice(inside, 0, dot)))
		check_place(c, place, str_slice(inside, 0, dot),
		    str_slice(inside, dot + 1, inside.n));
	else if (closed && inside.n && (shaped || !is_free(c)))
		unknown_root(c, place, str_slice(inside, 0, dot));
	else if (!is_free(c))
		bad(c, place, "a { here begins a place such as {body.id}");
	return closed ? end + 1 : at + 1;
}

void api_template_check(struct arena *a, enum api_template where,
    struct str text, struct str pattern, const struct api_secrets *secrets,
    struct pos pos, struct diag *diag)
{
	struct check c = {a, where, pattern, secrets, pos, diag, false};

	if (where == API_TEMPLATE_PATH && !str_starts(text, "/"))
		bad(&c, text, "a path begins with /");
	for (size_t at = 0; at < text.n;) {
		unsigned char ch = (unsigned char)text.p[at];
		if (ch == '{') {
			at = brace(&c, text, at);
			continue;
		}
		c.in_query |= ch == '?';
		if (!is_free(&c) && (ch < 0x20 || ch == 0x7f)) {
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
