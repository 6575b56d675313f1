#include "generator/api-auth.h"
#include "generator/server-data.h"

/*
 * Who has to be somebody, for servers that check passwords or ask a program
 * (auth = "web-server"). The endpoint takes LOWTIDE_OWNER for what it says, so
 * it is a checked name or empty; where server and endpoint read a path in two
 * ways it is empty, and the endpoint answers 401.
 *
 *   owner         some API or read says so; what follows is there only then
 *   basic         a password file; else a program is asked
 *   realm users   of that file
 *   check         a URL, or with check_inside a path of the same server
 *   check_header  of its answer, as nginx has it in names of variables
 *   asked[]       method, regex, is: every API and read, as a request line
 *                 has it. The first that fits counts, as the router has it
 *   asked_last[]  the same; the last that fits counts
 *   jobs_regex    PREFIX/jobs in a request line
 */
static void push_asked(const struct server_ctx *d, struct value *rows,
    const struct server_route *route)
{
	struct value *row = data_row(d, rows);

	data_text(d, row, "method", route->method);
	data_text(d, row, "regex", server_route_regex(d, route->path));
	data_flag(d, row, "is", route->is_checked);
}

static void set_asked(
    const struct server_ctx *d, const struct server_route *routes, size_t n)
{
	struct value *first = data_array(d, "asked");
	struct value *last = data_array(d, "asked_last");

	for (size_t i = 0; i < n; i++) {
		push_asked(d, first, &routes[i]);
		push_asked(d, last, &routes[n - 1 - i]);
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
	size_t n = 0;
	const struct server_route *routes = c ? server_routes(d, &n) : NULL;

	for (size_t i = 0; i < n; i++)
		any = any || routes[i].is_checked;
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
	    server_route_regex(
		d, arena_join(d->a, 2,
		       (const struct str[]){c->prefix, STR("/jobs")})));
	set_asked(d, routes, n);
}
