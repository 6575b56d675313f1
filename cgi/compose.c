#include "cgi/compose.h"

#include "cgi/names.h"
#include "cgi/template.h"
#include "lib/json.h"

/*
 * A call is made in the order URL, headers, body; the first place that the
 * client's request does not fill ends it, with the sentence that names it.
 * Headers are put through set_header() alone: it replaces by name, holds them
 * to HEADERS_MAX, and drops whatever could end a header and start another.
 */
#define HEADERS_MAX 256

/* Lower case; the connection's own, and what libcurl writes by itself. */
static const char *const never_passed_on[] = {
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

static bool is_passed_on(struct str name)
{
	size_t n = sizeof(never_passed_on) / sizeof(never_passed_on[0]);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(name, str_of(never_passed_on[i])))
			return false;
	return true;
}

/* Anything that could end a header, or is none of RFC 9110 5.6.2's tokens. */
static bool is_clean(struct str s, bool token)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
		if (token && (c <= ' ' || c == ':' || c >= 0x7f))
			return false;
	}
	return !token || s.n;
}

static void set_header(struct pairs *headers, struct str name, struct str value)
{
	if (!is_clean(name, true) || !is_clean(value, false))
		return;
	for (size_t i = 0; i < headers->n; i++) {
		if (str_ieq(headers->items[i].name, name)) {
			headers->items[i].value = value;
			return;
		}
	}
	if (headers->n < HEADERS_MAX)
		headers->items[headers->n++] = (struct pair){name, value};
}

static struct str complaint(
    struct arena *a, enum err err, const char *where, struct str place)
{
	if (err == ERR_NOT_FOUND)
		return arena_printf(a, "the %s needs {%.*s}, which is missing",
		    where, STR_ARG(place));
	return arena_printf(
	    a, "the %s cannot take what {%.*s} is", where, STR_ARG(place));
}

static enum err templated_headers(struct arena *a, const struct api *api,
    const struct template_source *source, struct pairs *out, struct str *why)
{
	for (size_t i = 0; i < api->request_headers.n; i++) {
		const struct pair *h = &api->request_headers.items[i];
		struct str value, place;
		enum err err = template_fill(
		    a, source, TEMPLATE_HEADER, h->value, &value, &place);

		if (err == ERR_OK) {
			set_header(out, h->name, value);
		} else if (err != ERR_NOT_FOUND ||
			   !str_starts(place, "header.")) {
			*why = complaint(a, err,
			    arena_printf(
				a, "request header %.*s", STR_ARG(h->name))
				.p,
			    place);
			return ERR_INPUT;
		}
	}
	return ERR_OK;
}

static enum err headers_of(struct arena *a, const struct compose *c,
    const struct template_source *source, struct pairs *out, struct str *why)
{
	const struct pairs *own = &c->upstream->headers;
	const struct pairs *sent = &c->request->headers;

	out->items = arena_array(a, HEADERS_MAX, sizeof(struct pair));
	for (size_t i = 0; i < own->n; i++)
		set_header(out, own->items[i].name, own->items[i].value);
	for (size_t i = 0; i < sent->n; i++)
		if (names_matches_forward(c->api, sent->items[i].name) &&
		    is_passed_on(sent->items[i].name))
			set_header(
			    out, sent->items[i].name, sent->items[i].value);
	return templated_headers(a, c->api, source, out, why);
}

struct str compose_type(const struct compose *c)
{
	const struct pairs *sent = &c->request->headers;

	if (c->api->request_body.n)
		return STR("application/json");
	for (size_t i = 0; i < sent->n; i++)
		if (str_ieq(sent->items[i].name, STR("content-type")))
			return sent->items[i].value;
	return c->api->body_type;
}

static enum err body_of(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	struct str place;
	enum err err = ERR_OK;

	out->body = c->request->body;
	if (c->api->request_body.n)
		err = template_fill(a, source, TEMPLATE_BODY,
		    c->api->request_body, &out->body, &place);
	if (err != ERR_OK) {
		*why = complaint(a, err, "request body", place);
		return ERR_INPUT;
	}
	out->has_body = out->body.n > 0;
	if (out->has_body) {
		struct str type = compose_type(c);
		if (type.n)
			set_header(&out->headers, STR("Content-Type"), type);
	}
	return ERR_OK;
}

static enum err url_of(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	struct str path, place;
	enum err err = template_fill(
	    a, source, TEMPLATE_PATH, c->api->request_path, &path, &place);

	if (err != ERR_OK) {
		*why = complaint(a, err, "request path", place);
		return ERR_INPUT;
	}
	out->url = arena_printf(
	    a, "%.*s%.*s", STR_ARG(c->upstream->base), STR_ARG(path))
		       .p;
	return ERR_OK;
}

static int64_t response_cap(const struct compose *c)
{
	int64_t cap = UPSTREAM_RESPONSE_MAX;

	if (c->upstream->response_max > 0 && c->upstream->response_max < cap)
		cap = c->upstream->response_max;
	if (c->api->result_max > 0 && c->api->result_max < cap)
		cap = c->api->result_max;
	return cap;
}

enum err compose_call(struct arena *a, const struct compose *c,
    struct upstream_call *out, struct str *why)
{
	const struct api *api = c->api;
	struct template_source source = {
	    .pattern = api->path, .request = c->request, .job_id = c->job_id};
	struct value *body;
	enum err err;

	*why = (struct str){0};
	if (c->request->body.n &&
	    json_read(a, c->request->body, c->request->body.n, NULL, NULL,
		&body) == ERR_OK)
		source.body = body;
	struct str method =
	    api->request_method.n ? api->request_method : api->method;
	*out = (struct upstream_call){
	    .method = arena_cstr(a, method),
	    .local = c->upstream->local,
	    .reuse = api->idempotent || api->on_lost == ON_LOST_RETRY,
	    .timeout_ms = c->upstream->timeout_ms,
	    .connect_timeout_ms = c->upstream->connect_timeout_ms,
	    .stall_timeout_ms = c->upstream->stall_timeout_ms,
	    .response_max = response_cap(c),
	};
	err = url_of(a, c, &source, out, why);
	if (err == ERR_OK)
		err = headers_of(a, c, &source, &out->headers, why);
	if (err == ERR_OK)
		err = body_of(a, c, &source, out, why);
	return err;
}

struct str compose_location(struct arena *a, const struct compose *c,
    const struct upstream_answer *answer)
{
	struct template_source source = {.pattern = c->api->path,
	    .request = c->request,
	    .job_id = c->job_id};
	struct value *tree;
	struct str out, place;

	if (!c->api->location.n)
		return answer->location;
	if (answer->body.n && json_read(a, answer->body, answer->body.n, NULL,
				  NULL, &tree) == ERR_OK)
		source.result = tree;
	if (c->request->body.n && template_uses(c->api->location, "body") &&
	    json_read(a, c->request->body, c->request->body.n, NULL, NULL,
		&tree) == ERR_OK)
		source.body = tree;
	if (template_fill(a, &source, TEMPLATE_PATH, c->api->location, &out,
		&place) != ERR_OK ||
	    out.n > UPSTREAM_LOCATION_MAX)
		return answer->location;
	return out;
}
