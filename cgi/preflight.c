#include "cgi/preflight.h"

#include "cgi/names.h"
#include "cgi/template.h"
#include "lib/buf.h"

static const char *const always[] = {
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "prefer",
    "traceparent",
    "x-initial-request",
    "x-request-id",
    "x-wait-time-ms",
};

struct listing {
	struct arena *arena;
	struct str *names;
	size_t n, cap;
};

/* Once each; in lower case, as browsers ask for them. */
static void add(struct listing *l, struct str name)
{
	if (!names_is_token(name) || l->n == l->cap)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (str_ieq(l->names[i], name))
			return;
	char *lower = arena_cstr(l->arena, name);
	for (size_t i = 0; i < name.n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] - 'A' + 'a');
	l->names[l->n++] = (struct str){lower, name.n};
}

/* Each {header.NAME} of a template, {header.NAME?} too. */
static void add_places(struct listing *l, struct str text)
{
	struct template_name place;

	for (size_t at = 0; template_next(text, &at, &place);)
		if (str_is(place.root, "header"))
			add(l, place.name);
}

/* What this API forwards by name, whoever asks. */
static void add_forwarded(struct listing *l, const struct api *api)
{
	for (size_t i = 0; i < api->forward.n; i++)
		if (!str_ends(api->forward.items[i], "*"))
			add(l, api->forward.items[i]);
	for (size_t i = 0; i < api->request_headers.n; i++)
		add_places(l, api->request_headers.items[i].value);
	add_places(l, api->request_path);
	add_places(l, api->request_body);
}

static struct api as_api(const struct read_call *call)
{
	return (struct api){.forward = call->forward,
	    .request_headers = call->headers,
	    .request_path = call->path};
}

static bool is_forwarded(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->n_apis; i++)
		if (names_is_forwarded(&config->apis[i], name))
			return true;
	for (size_t i = 0; i < config->n_read_calls; i++) {
		struct api api = as_api(&config->read_calls[i]);
		if (names_is_forwarded(&api, name))
			return true;
	}
	return false;
}

/*
 * Of what was asked for: what anything of ours forwards. A page has the same
 * headers for all of its requests, looks at its jobs included, and a pattern
 * such as gov-client-* cannot be listed by name.
 */
static void add_asked(
    struct listing *l, const struct config *config, struct str asked)
{
	for (size_t at = 0; at < asked.n;) {
		size_t end = str_find(asked, ',', at);
		struct str name = str_trim(str_slice(asked, at, end));
		if (is_forwarded(config, name))
			add(l, name);
		at = end + 1;
	}
}

#define NAMES_MAX 200 /* more than are asked for in HTTP_HEADERS_MAX fields */

/* What a page may send: the contract's list, and what is forwarded. */
static struct str allowed_headers(const struct answer_context *c,
    const struct api *apis, size_t n, struct str asked)
{
	struct arena *a = c->arena;
	struct listing l = {.arena = a, .cap = NAMES_MAX};
	struct buf list = {0};

	l.names = arena_array(a, l.cap, sizeof(l.names[0]));
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add(&l, str_of(always[i]));
	for (size_t i = 0; i < n; i++)
		add_forwarded(&l, &apis[i]);
	add_asked(&l, c->config, asked);
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&list, "%s%.*s", i ? ", " : "", STR_ARG(l.names[i]));
	struct str out = arena_str(a, buf_str(&list));
	buf_release(&list);
	return out;
}

void preflight_answer(const struct answer_context *c, struct str allow,
    const struct api *apis, size_t n, struct str asked, struct answer *ans)
{
	ans->status = 204;
	answer_header(ans, "Allow", allow);
	if (!c->origin)
		return;
	answer_header(ans, "Access-Control-Allow-Methods", allow);
	answer_header(ans, "Access-Control-Allow-Headers",
	    allowed_headers(c, apis, n, asked));
	answer_header(ans, "Access-Control-Max-Age", STR("600"));
}

void preflight_answer_read(const struct answer_context *c, struct str allow,
    const struct read *read, struct str asked, struct answer *ans)
{
	struct api *apis =
	    arena_array(c->arena, read->n_calls, sizeof(apis[0]));

	for (size_t i = 0; i < read->n_calls; i++)
		apis[i] = as_api(&read->calls[i]);
	preflight_answer(c, allow, apis, read->n_calls, asked, ans);
}
