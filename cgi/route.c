#include "cgi/route.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/url.h"

/*
 * A path becomes its decoded segments once; every pattern is then walked
 * segment by segment beside them. Where several patterns match, the one that
 * is literal first wins: /v1/bundle/recent before /v1/bundle/{id}.
 */
#define SEGMENTS_MAX 64

struct segments {
	struct str items[SEGMENTS_MAX];
	size_t n;
};

/* False: nothing can be at such a path. */
static bool split(struct arena *a, struct str path, struct segments *out)
{
	out->n = 0;
	if (!path.n || path.p[0] != '/')
		return false;
	for (size_t at = 1; at <= path.n;) {
		size_t end = str_find(path, '/', at);
		struct str part = str_slice(path, at, end);

		if (out->n == SEGMENTS_MAX ||
		    url_decode(a, part, &part) != ERR_OK || !part.n ||
		    str_is(part, ".") || str_is(part, ".."))
			return false;
		out->items[out->n++] = part;
		at = end + 1;
	}
	return true;
}

static bool is_place(struct str part)
{
	return part.n > 2 && part.p[0] == '{' && part.p[part.n - 1] == '}';
}

/*
 * How literal the pattern is, if it matches: one bit per segment, the first
 * one highest, so that a greater number is the better match. -1: no match.
 */
static int64_t match(struct str pattern, const struct segments *s)
{
	int64_t literal = 0;
	size_t n = 0;

	for (size_t at = 1; at <= pattern.n; n++) {
		size_t end = str_find(pattern, '/', at);
		struct str part = str_slice(pattern, at, end);

		if (n == s->n || n == 62)
			return -1;
		literal *= 2;
		if (!is_place(part)) {
			if (!str_eq(part, s->items[n]))
				return -1;
			literal++;
		}
		at = end + 1;
	}
	return n == s->n ? literal : -1;
}

static void fill_params(
    struct str pattern, const struct segments *s, struct route *out)
{
	size_t n = 0;

	out->n_params = 0;
	for (size_t at = 1; at <= pattern.n && n < s->n; n++) {
		size_t end = str_find(pattern, '/', at);
		struct str part = str_slice(pattern, at, end);

		if (is_place(part) && out->n_params < ROUTE_PARAMS_MAX)
			out->params[out->n_params++] = (struct pair){
			    .name = str_slice(part, 1, part.n - 1),
			    .value = s->items[n]};
		at = end + 1;
	}
}

/* The jobs API: what stands behind prefix/jobs/ID, and what it takes. */
static const struct job_route {
	const char *tail; /* NULL = the job itself */
	enum route_kind kind;
	const char *allow;
} job_routes[] = {
    {NULL, ROUTE_JOB, "GET, HEAD, DELETE, OPTIONS"},
    {"result", ROUTE_JOB_RESULT, "GET, HEAD, OPTIONS"},
    {"cancel", ROUTE_JOB_CANCEL, "POST, OPTIONS"},
    {"events", ROUTE_EVENTS, "GET, OPTIONS"},
};

/* What stands there instead of an ID. */
static const struct job_route fixed_routes[] = {
    {"health", ROUTE_HEALTH, "GET, HEAD, OPTIONS"},
    {"events", ROUTE_OWNER_EVENTS, "GET, OPTIONS"},
};

static bool allows(struct str allow, struct str method)
{
	for (size_t at = 0; at < allow.n;) {
		size_t end = str_find(allow, ',', at);
		if (str_eq(str_trim(str_slice(allow, at, end)), method))
			return true;
		at = end + 1;
	}
	return false;
}

static void settle(const struct request *r, enum route_kind kind,
    const char *allow, struct route *out)
{
	out->allow = str_of(allow);
	if (str_is(r->method, "OPTIONS"))
		out->kind = ROUTE_OPTIONS;
	else
		out->kind = allows(out->allow, r->method) ? kind : ROUTE_METHOD;
}

/* How many leading segments are prefix and "jobs"; 0 = another path. */
static size_t jobs_depth(struct str prefix, const struct segments *s)
{
	size_t n = 0;

	for (size_t at = 1; at <= prefix.n;) {
		size_t end = str_find(prefix, '/', at);
		struct str part = str_slice(prefix, at, end);

		if (part.n && (n == s->n || !str_eq(part, s->items[n])))
			return 0;
		n += part.n > 0;
		at = end + 1;
	}
	return n < s->n && str_is(s->items[n], "jobs") ? n + 1 : 0;
}

static void find_job(const struct request *r, const struct segments *s,
    size_t depth, struct route *out)
{
	size_t rest = s->n - depth;

	if (rest == 0) {
		settle(r, ROUTE_LIST, "GET, HEAD, OPTIONS", out);
		return;
	}
	for (size_t i = 0; i < sizeof(fixed_routes) / sizeof(fixed_routes[0]);
	     i++) {
		const struct job_route *row = &fixed_routes[i];
		if (rest == 1 && str_is(s->items[depth], row->tail)) {
			settle(r, row->kind, row->allow, out);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(job_routes) / sizeof(job_routes[0]);
	     i++) {
		const struct job_route *row = &job_routes[i];
		if (row->tail
			? rest == 2 && str_is(s->items[depth + 1], row->tail)
			: rest == 1) {
			out->id = s->items[depth];
			settle(r, row->kind, row->allow, out);
			return;
		}
	}
}

static void list_method(struct buf *list, struct str method)
{
	if (allows(buf_str(list), method))
		return;
	buf_put_str(list, method);
	buf_puts(list, ", ");
}

/*
 * Each API of this path once: "POST, DELETE, OPTIONS"; and what a read of it
 * takes, elsewhere.
 */
static struct str list_methods(
    struct arena *a, const struct config *config, const struct segments *s)
{
	struct buf list = {0};

	for (size_t i = 0; i < config->n_apis; i++) {
		if (match(config->apis[i].path, s) >= 0)
			list_method(&list, config->apis[i].method);
	}
	for (size_t i = 0; list.len && i < config->n_reads; i++) {
		if (match(config->reads[i].path, s) < 0)
			continue;
		list_method(&list, STR("GET"));
		list_method(&list, STR("HEAD"));
	}
	if (list.len)
		buf_puts(&list, "OPTIONS");
	struct str out = arena_str(a, buf_str(&list));
	buf_release(&list);
	return out;
}

static void find_api(struct arena *a, const struct config *config,
    const struct request *r, const struct segments *s, struct route *out)
{
	bool options = str_is(r->method, "OPTIONS");
	struct str method =
	    options ? request_header(r, "access-control-request-method")
		    : r->method;
	int64_t best = -1;

	for (size_t i = 0; i < config->n_apis; i++) {
		int64_t literal = match(config->apis[i].path, s);
		if (literal > best && str_eq(config->apis[i].method, method)) {
			best = literal;
			out->api = i;
		}
	}
	if (best >= 0 && !options) {
		out->kind = ROUTE_API;
		fill_params(config->apis[out->api].path, s, out);
		return;
	}
	out->allow = list_methods(a, config, s);
	if (out->allow.n)
		out->kind = options ? ROUTE_OPTIONS : ROUTE_METHOD;
}

void route_find(struct arena *a, const struct config *config,
    const struct request *r, struct route *out)
{
	struct segments s;

	*out = (struct route){.kind = ROUTE_NONE, .api = ROUTE_NO_API};
	if (!split(a, r->path, &s))
		return;
	size_t depth = jobs_depth(config->prefix, &s);
	if (depth)
		find_job(r, &s, depth, out);
	else
		find_api(a, config, r, &s, out);
}

void route_find_read(struct arena *a, const struct config *config,
    const struct request *r, struct route *out)
{
	struct segments s;
	int64_t best = -1;

	*out = (struct route){.kind = ROUTE_NONE, .api = ROUTE_NO_API};
	if (!split(a, r->path, &s))
		return;
	for (size_t i = 0; i < config->n_reads; i++) {
		int64_t literal = match(config->reads[i].path, &s);
		if (literal > best) {
			best = literal;
			out->api = i;
		}
	}
	if (best < 0)
		return;
	fill_params(config->reads[out->api].path, &s, out);
	settle(r, ROUTE_READ, "GET, HEAD, OPTIONS", out);
}

/* As url_decode, but '+' is a space, as forms send it. */
static bool decode_form(struct arena *a, struct str s, struct str *out)
{
	if (str_find(s, '+', 0) < s.n) {
		char *copy = arena_cstr(a, s);
		for (size_t i = 0; i < s.n; i++)
			if (copy[i] == '+')
				copy[i] = ' ';
		s.p = copy;
	}
	return url_decode(a, s, out) == ERR_OK;
}

/* As it was sent; false: nothing of this name was. */
static bool find_query(
    struct arena *a, struct str query, const char *name, struct str *out)
{
	for (size_t at = 0; at < query.n;) {
		size_t end = str_find(query, '&', at);
		struct str item = str_slice(query, at, end);
		size_t equals = str_find(item, '=', 0);
		struct str key;

		*out = str_slice(item, equals + 1, item.n);
		if (decode_form(a, str_slice(item, 0, equals), &key) &&
		    str_is(key, name))
			return true;
		at = end + 1;
	}
	return false;
}

bool route_query(
    struct arena *a, struct str query, const char *name, struct str *out)
{
	struct str sent;

	return find_query(a, query, name, &sent) && decode_form(a, sent, out);
}

bool route_has_query(struct arena *a, struct str query, const char *name)
{
	struct str sent;

	return find_query(a, query, name, &sent);
}
