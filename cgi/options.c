#include "cgi/handle.h"
#include "cgi/names.h"
#include "lib/buf.h"

/*
 * OPTIONS, answered before owner and admission (contract 2): a browser asks so
 * on its own, without credentials.
 */

/*
 * What a page may send: the contract's list, and what this API forwards. A
 * pattern such as gov-client-* cannot be listed by name, so the names that
 * were asked for and match are.
 */
static struct str allowed_headers(struct handling *h)
{
	struct buf list = {0};
	struct str asked =
	    request_header(h->r, "access-control-request-headers");
	const struct api *api = h->route.api == ROUTE_NO_API
				    ? NULL
				    : &h->app->config->apis[h->route.api];

	buf_puts(&list,
	    "authorization, content-type, idempotency-key, if-none-match, "
	    "last-event-id, prefer, traceparent, x-initial-request, "
	    "x-request-id, x-wait-time-ms");
	for (size_t at = 0; api && at < asked.n;) {
		size_t end = str_find(asked, ',', at);
		struct str name = str_trim(str_slice(asked, at, end));
		if (names_is_token(name) && names_is_forwarded(api, name))
			buf_printf(&list, ", %.*s", STR_ARG(name));
		at = end + 1;
	}
	struct str out = arena_str(h->arena, buf_str(&list));
	buf_release(&list);
	return out;
}

enum outcome handle_options(struct handling *h)
{
	h->ans->status = 204;
	answer_header(h->ans, "Allow", h->route.allow);
	if (h->c.origin) {
		answer_header(
		    h->ans, "Access-Control-Allow-Methods", h->route.allow);
		answer_header(
		    h->ans, "Access-Control-Allow-Headers", allowed_headers(h));
		answer_header(h->ans, "Access-Control-Max-Age", STR("600"));
	}
	return OUTCOME_ANSWER;
}
