#include "generator/api-check.h"

#include <string.h>

/*
 * Two paths clash when they differ in the names of their places alone. A word
 * and a {name} in one position do not: the router takes the word first.
 */
#define API_PATH_SEGMENTS_MAX 32
#define API_PATH_NAMES_MAX 16

static bool is_place(struct str part)
{
	return part.n > 2 && part.p[0] == '{' && part.p[part.n - 1] == '}';
}

static bool is_segment(struct str part)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	static const char named[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	bool place = is_place(part);
	struct str text = place ? str_slice(part, 1, part.n - 1) : part;

	if (text.n == 0 || str_is(text, ".") || str_is(text, ".."))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!text.p[i] || !strchr(place ? named : bare, text.p[i]))
			return false;
	return true;
}

static const char *path_fault(struct str path)
{
	struct str names[API_PATH_NAMES_MAX];
	size_t segments = 0, n = 0;

	if (!str_starts(path, "/"))
		return "it must begin with /";
	for (size_t at = 1; at <= path.n;) {
		size_t end = str_find(path, '/', at);
		struct str part = str_slice(path, at, end);
		if (!is_segment(part))
			return "its segments are words or {name}, with a-z, "
			       "A-Z, 0-9 and -._~";
		if (++segments > API_PATH_SEGMENTS_MAX)
			return "it has too many segments";
		for (size_t i = 0; i < n && is_place(part); i++)
			if (str_eq(names[i], part))
				return "a {name} may stand in it once";
		if (is_place(part) && n == API_PATH_NAMES_MAX)
			return "it has too many {names}";
		if (is_place(part))
			names[n++] = part;
		at = end + 1;
	}
	return NULL;
}

void api_check_path(struct str path, struct pos pos, struct diag *diag)
{
	const char *fault = path_fault(path);

	if (fault)
		diag_error(diag, pos, "bad-path",
		    "\"%.*s\" cannot be an API's path: %s", STR_ARG(path),
		    fault);
}

bool api_is_header(struct str name)
{
	/* those that the connection itself decides */
	static const char *const own[] = {"connection", "content-length",
	    "host", "keep-alive", "te", "trailer", "transfer-encoding",
	    "upgrade"};

	if (name.n == 0 || name.n > 256)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    (!c || !strchr("0123456789!#$%&'*+-.^_`|~", c)))
			return false;
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (str_ieq(name, str_of(own[i])))
			return false;
	return true;
}

/* Would one request fit both? Names do not tell them apart. */
static bool same_shape(struct str a, struct str b)
{
	for (size_t i = 0, j = 0;;) {
		size_t a_end = str_find(a, '/', i), b_end = str_find(b, '/', j);
		struct str x = str_slice(a, i, a_end);
		struct str y = str_slice(b, j, b_end);
		if (is_place(x) != is_place(y) ||
		    (!is_place(x) && !str_eq(x, y)))
			return false;
		if (a_end == a.n || b_end == b.n)
			return a_end == a.n && b_end == b.n;
		i = a_end + 1;
		j = b_end + 1;
	}
}

static bool is_reserved(const struct config *c, struct str path)
{
	struct str rest = str_slice(path, c->prefix.n + 1, path.n);
	struct str first = str_slice(rest, 0, str_find(rest, '/', 0));

	return str_is(first, "jobs") || is_place(first);
}

/* "/api/api/quote": `path` was written with the prefix. */
static bool repeats_prefix(const struct config *c, struct str path)
{
	struct str own = str_slice(path, c->prefix.n, path.n);
	struct str begin = str_slice(own, 0, c->prefix.n);

	return c->prefix.n > 1 && str_eq(begin, c->prefix) &&
	       own.n > c->prefix.n && own.p[c->prefix.n] == '/';
}

static void check_path(
    const struct config *c, struct str path, struct pos pos, struct diag *diag)
{
	if (is_reserved(c, path))
		diag_error(diag, pos, "path-reserved",
		    "%.*s would stand over %.*s/jobs, where the "
		    "tickets are; choose another path",
		    STR_ARG(path), STR_ARG(c->prefix));
	if (repeats_prefix(c, path))
		diag_warn(diag, pos, "path-has-prefix",
		    "this becomes %.*s, for `prefix` stands in front "
		    "of every path; take it out here",
		    STR_ARG(path));
}

static void clash(struct str method, struct str path, struct str other,
    struct pos pos, struct diag *diag)
{
	diag_error(diag, pos, "path-clash",
	    "%.*s %.*s is `%.*s` already; change one of the two",
	    STR_ARG(method), STR_ARG(path), STR_ARG(other));
}

static void check_pair(const struct api *api, const struct api *other,
    struct pos pos, struct diag *diag)
{
	if (str_eq(api->tag, other->tag))
		diag_error(diag, pos, "tag-clash",
		    "`%.*s` and `%.*s` have the tag %.*s; give one of them "
		    "another with tag = \"…\"",
		    STR_ARG(api->name), STR_ARG(other->name),
		    STR_ARG(api->tag));
	if (!api->read.n && !other->read.n &&
	    str_eq(api->method, other->method) &&
	    same_shape(api->path, other->path))
		clash(api->method, api->path, other->name, pos, diag);
}

/* An API that is a read has its path from there. */
static void check_read(
    const struct config *c, size_t i, struct pos pos, struct diag *diag)
{
	const struct read *read = &c->reads[i];

	check_path(c, read->path, pos, diag);
	for (size_t j = 0; j < c->n_apis; j++)
		if (!c->apis[j].read.n && str_is(c->apis[j].method, "GET") &&
		    same_shape(read->path, c->apis[j].path))
			clash(
			    STR("GET"), read->path, c->apis[j].name, pos, diag);
	for (size_t j = 0; j < i; j++)
		if (same_shape(read->path, c->reads[j].path))
			clash(STR("GET"), read->path, c->reads[j].name, pos,
			    diag);
}

void api_check_together(const struct config *c, const struct pos *places,
    const struct pos *reads, struct diag *diag)
{
	if (c->n_apis > CONFIG_APIS_MAX || c->n_reads > CONFIG_APIS_MAX) {
		diag_error(diag,
		    c->n_reads > CONFIG_APIS_MAX ? reads[0] : places[0],
		    "too-many-apis", "there are more than %d APIs",
		    CONFIG_APIS_MAX);
		return;
	}
	for (size_t i = 0; i < c->n_apis; i++) {
		if (!c->apis[i].read.n)
			check_path(c, c->apis[i].path, places[i], diag);
		for (size_t j = 0; j < i; j++)
			check_pair(&c->apis[i], &c->apis[j], places[i], diag);
	}
	for (size_t i = 0; i < c->n_reads; i++)
		check_read(c, i, reads[i], diag);
}
