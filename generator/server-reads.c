#include "generator/server-data.h"

/*
 * Which requests below the prefix are whose: lowtide-cgi's, who has the APIs
 * and all that is not said here, or lowtide-read's, who has the reads.
 *
 *   api           one of the two is there; what follows is there only then
 *   endpoint      there are APIs
 *   reads         there are reads
 *   both          so a server has to tell them apart:
 *   to_read[]     method, regex, is, any: of a request line, as a request has
 *                 it. The first that fits counts; where none does it is the
 *                 endpoint's. Those without `any` are of GET and HEAD, which
 *                 those with `again` come too late for
 *   to_read_last[]  the same; the last that fits counts
 *
 * A read's path is its own, whatever the method (it says 405, and what OPTIONS
 * asks), but where an API may have the same: then GET and HEAD are by the
 * router's order, and the rest is the API's.
 */
#define GET_HEAD "(?:GET|HEAD)"
#define ANY_METHOD "[^ ]+"

static bool is_place(struct str part)
{
	return str_starts(part, "{");
}

static struct str next_part(struct str path, size_t *at)
{
	size_t from = *at, end = str_find(path, '/', from);

	*at = end + 1;
	return str_slice(path, from, end);
}

/*
 * Words before places, at the first segment where two paths differ in that:
 * the router's order. No request fits two of different lengths; the shorter
 * ones come first so that it is an order.
 */
static bool comes_first(struct str a, struct str b)
{
	size_t i = 1, j = 1;

	while (i <= a.n && j <= b.n) {
		bool place = is_place(next_part(a, &i));
		bool other = is_place(next_part(b, &j));
		if (place != other)
			return other;
	}
	return j <= b.n;
}

/* Whether a request may fit both. */
static bool meets(struct str a, struct str b)
{
	size_t i = 1, j = 1;

	while (i <= a.n && j <= b.n) {
		struct str part = next_part(a, &i), other = next_part(b, &j);
		if (!is_place(part) && !is_place(other) && !str_eq(part, other))
			return false;
	}
	return i > a.n && j > b.n;
}

/* A read that becomes a job has an API at its own path: that is no other. */
static bool is_own(const struct api *api)
{
	return api->read.n == 0;
}

static bool is_shared(const struct config *c, struct str read)
{
	for (size_t i = 0; i < c->n_apis; i++)
		if (is_own(&c->apis[i]) && meets(c->apis[i].path, read))
			return true;
	return false;
}

static bool meets_read(const struct config *c, struct str path)
{
	for (size_t i = 0; i < c->n_reads; i++)
		if (meets(c->reads[i].path, path))
			return true;
	return false;
}

static void insert(struct server_route *all, size_t n, struct server_route one)
{
	for (; n && comes_first(one.path, all[n - 1].path); n--)
		all[n] = all[n - 1];
	all[n] = one;
}

struct server_route *server_routes(const struct server_ctx *d, size_t *n)
{
	const struct config *c = d->b->config;
	struct server_route *all =
	    arena_array(d->a, c->n_apis + c->n_reads + 1, sizeof(*all));

	*n = 0;
	for (size_t i = 0; i < c->n_apis; i++) {
		const struct api *api = &c->apis[i];
		if (is_own(api))
			insert(all, (*n)++,
			    (struct server_route){.path = api->path,
				.method = api->method,
				.is_checked = str_is(api->auth, "web-server")});
	}
	for (size_t i = 0; i < c->n_reads; i++) {
		const struct read *read = &c->reads[i];
		insert(all, (*n)++,
		    (struct server_route){.path = read->path,
			.method = STR(GET_HEAD),
			.is_read = true,
			.is_checked = str_is(read->auth, "web-server")});
	}
	return all;
}

struct str server_route_regex(const struct server_ctx *d, struct str path)
{
	struct buf out = {0};

	for (size_t at = 1; at <= path.n;) {
		struct str part = next_part(path, &at);
		buf_putc(&out, '/');
		if (is_place(part))
			buf_puts(&out, "[^/? ]+");
		else
			server_regex_raw(&out, part);
	}
	struct str text = arena_str(d->a, buf_str(&out));
	buf_release(&out);
	return text;
}

static bool has(const struct value *rows, struct str regex, bool any)
{
	for (size_t i = 0; i < rows->as.array.n; i++) {
		const struct value *row = rows->as.array.items[i];
		if (value_get(row, "any")->as.b == any &&
		    str_eq(value_text(row, "regex"), regex))
			return true;
	}
	return false;
}

/* What would come too late is left out. */
static void push(const struct server_ctx *d, struct value *rows,
    const struct server_route *r, bool any)
{
	struct str regex = server_route_regex(d, r->path);

	if (has(rows, regex, any))
		return;
	bool again = any && has(rows, regex, false);
	struct value *row = data_row(d, rows);
	data_text(d, row, "method", any ? STR(ANY_METHOD) : STR(GET_HEAD));
	data_text(d, row, "regex", regex);
	data_flag(d, row, "is", r->is_read);
	data_flag(d, row, "any", any);
	data_flag(d, row, "again", again);
}

/* Only what may meet the other kind has to be told from it. */
static void set_to_read(const struct server_ctx *d)
{
	const struct config *c = d->b->config;
	struct value *first = data_array(d, "to_read");
	struct value *last = data_array(d, "to_read_last");
	size_t n;
	const struct server_route *all = server_routes(d, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i].is_read ? is_shared(c, all[i].path)
				   : str_is(all[i].method, "GET") &&
					 meets_read(c, all[i].path))
			push(d, first, &all[i], false);
	for (size_t i = 0; i < n; i++)
		if (!all[i].is_read && meets_read(c, all[i].path))
			push(d, first, &all[i], true);
	for (size_t i = 0; i < n; i++)
		if (all[i].is_read)
			push(d, first, &all[i], true);
	for (size_t i = first->as.array.n; i > 0; i--)
		value_push(d->a, last, first->as.array.items[i - 1]);
}

bool server_set_reads(const struct server_ctx *d)
{
	const struct config *c = d->b->config;
	bool endpoint = c && c->n_apis > 0, reads = c && c->n_reads > 0;

	data_flag(d, d->root, "api", endpoint || reads);
	data_flag(d, d->root, "endpoint", endpoint);
	data_flag(d, d->root, "reads", reads);
	data_flag(d, d->root, "both", endpoint && reads);
	if (endpoint && reads)
		set_to_read(d);
	return endpoint || reads;
}

struct str server_read_alone(struct arena *a, const struct config *c)
{
	struct buf out = {0};

	for (size_t i = 0; i < c->n_reads; i++) {
		struct str path = c->reads[i].path;
		if (is_shared(c, path))
			continue;
		for (size_t at = 1; at <= path.n;) {
			struct str part = next_part(path, &at);
			buf_putc(&out, '/');
			if (is_place(part))
				buf_putc(&out, 'x');
			else
				server_url_path(&out, part);
		}
		break;
	}
	struct str text = arena_str(a, buf_str(&out));
	buf_release(&out);
	return text;
}
