#include "cgi/handle.h"
#include "cgi/preflight.h"

enum outcome handle_options(struct handling *h)
{
	const bool known = h->route.api != ROUTE_NO_API;

	preflight_answer(&h->c, h->route.allow,
	    known ? &h->app->config->apis[h->route.api] : NULL, known,
	    request_header(h->r, "access-control-request-headers"), h->ans);
	return OUTCOME_ANSWER;
}
