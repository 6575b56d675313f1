#include "cgi/handle.h"
#include "cgi/preflight.h"

/*
 * Of a path that a read has as well GET is lowtide-read's, but a web server
 * cannot tell what OPTIONS asks about.
 */
static const struct read *asked_read(struct handling *h)
{
	struct str method =
	    request_header(h->r, "access-control-request-method");
	struct route route;

	if (!str_is(method, "GET") && !str_is(method, "HEAD"))
		return NULL;
	route_find_read(h->arena, h->app->config, h->r, &route);
	return route.kind == ROUTE_OPTIONS ? &h->app->config->reads[route.api]
					   : NULL;
}

enum outcome handle_options(struct handling *h)
{
	const struct config *config = h->app->config;
	const bool known = h->route.api != ROUTE_NO_API;
	const struct read *read = known ? NULL : asked_read(h);
	struct str asked =
	    request_header(h->r, "access-control-request-headers");

	if (read)
		preflight_answer_read(
		    &h->c, h->route.allow, read, asked, h->ans);
	else
		preflight_answer(&h->c, h->route.allow,
		    known ? &config->apis[h->route.api] : NULL, known, asked,
		    h->ans);
	return OUTCOME_ANSWER;
}
