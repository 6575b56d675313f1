#include "generator/api-auth.h"
#include "generator/server-data.h"

/*
 * Who has to be somebody, for servers that check passwords or ask a program
 * (auth = "web-server"). The endpoint takes LOWTIDE_OWNER for what it says, so
 * it is a checked name or empty; where server and endpoint read a path in two
 * ways it is empty, and the endpoint answers 401.
 *
 *   owner         some API says so; what follows is there only then
 *   basic         a password file; else a program is asked
 *   realm users   of that file
 *   check         a URL, or with check_inside a path of the same server
 *   check_header  of its answer, as nginx has it in names of variables
 *   asked[]       method, regex, is: every API, as a request line has it. The
 *                 first that fits counts, as the endpoint's router has it
 *   asked_last[]  the same; the last that fits counts
 *   jobs_regex    PREFIX/jobs in a request line
 */
static bool is_checked(const struct api *api)
{
	return str_is(api->auth, "web-server");
}

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
static bool comes_first(const struct api *a, const struct api *b)
{
	size_t i = 1, j = 1;

	while (i <= a->path.n && j <= b->path.n) {
		bool place = is_place(next_part(a->path, &i));
		bool other = is_place(next_part(b->path, &j));
		if (place != other)
			return other;
	}
	return j <= b->path.n;
}

/* "/a/{id}" as it stands in a request, up to its query. */
static struct str path_regex(const struct server_ctx *d, struct str path)
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

static void push_asked(
    const struct server_ctx *d, struct value *rows, const struct api *api)
{
	struct value *row = data_row(d, rows);

	data_text(d, row, "method", api->method);
	data_text(d, row, "regex", path_regex(d, api->path));
	data_flag(d, row, "is", is_checked(api));
}

static void set_asked(const struct server_ctx *d, const struct config *c)
{
	const struct api **order = arena_array(d->a, c->n_apis, sizeof(*order));
	struct value *first = data_array(d, "asked");
	struct value *last = data_array(d, "asked_last");

	for (size_t n = 0; n < c->n_apis; n++) {
		size_t at = n;
		for (; at && comes_first(&c->apis[n], order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = &c->apis[n];
	}
	for (size_t i = 0; i < c->n_apis; i++) {
		push_asked(d, first, order[i]);
		push_asked(d, last, order[c->n_apis - 1 - i]);
	}
}

/* X-User is $upstream_http_x_user. */
static struct str variable(const struct server_ctx *d, struct str header)
{
	char *name = arena_cstr(d->a, header);

	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return str_of(name);
}

void server_set_owner(const struct server_ctx *d)
{
	const struct config *c = d->b->config;
	const struct web_server *w = d->b->web_server;
	bool any = false;

	for (size_t i = 0; c && i < c->n_apis; i++)
		any = any || is_checked(&c->apis[i]);
	any = any && w;
	data_flag(d, d->root, "owner", any);
	data_flag(d, d->root, "basic", any && w->is_basic);
	if (!any)
		return;
	data_text(d, d->root, "realm", w->realm);
	data_text(d, d->root, "users", w->users);
	data_text(d, d->root, "check", w->check);
	data_flag(d, d->root, "check_inside", str_starts(w->check, "/"));
	data_text(d, d->root, "check_header", variable(d, w->owner_header));
	data_text(d, d->root, "jobs_regex",
	    path_regex(d, arena_join(d->a, 2,
			      (const struct str[]){c->prefix, STR("/jobs")})));
	set_asked(d, c);
}
