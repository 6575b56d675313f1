#include "cgi/compose.h"

#include "cgi/compose-parts.h"
#include "cgi/names.h"
#include "cgi/secrets.h"
#include "lib/json.h"

/*
 * A call is made in the order URL, headers, body; the first place that the
 * client's request does not fill ends it, with the sentence that names it.
 * Headers are put through
 * compose_set_header() alone: it replaces by name, holds them
 * to COMPOSE_HEADERS_MAX, and drops whatever could end a header and start
 * another.
 */
/*
 * Lower case; the connection's own, and what libcurl writes by itself. An
 * answer is kept as it came and without its Content-Encoding.
 */
static const char *const never_passed_on[] = {
    "accept-encoding",
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

bool compose_passes_on(struct str name)
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

void compose_set_header(
    struct pairs *headers, struct str name, struct str value)
{
	if (!is_clean(name, true) || !is_clean(value, false))
		return;
	for (size_t i = 0; i < headers->n; i++) {
		if (str_ieq(headers->items[i].name, name)) {
			headers->items[i].value = value;
			return;
		}
	}
	if (headers->n < COMPOSE_HEADERS_MAX)
		headers->items[headers->n++] = (struct pair){name, value};
}

/*
 * What is wrong with a place: with a secret, for whoever runs this; else for
 * the client, who gets to know its name alone.
 */
enum err compose_refuse(struct arena *a, struct secrets *secrets, enum err err,
    struct str where, struct str place, struct str *why)
{
	if (str_starts(place, "secret.")) {
		const char *reason = "it cannot stand there";
		if (!secrets)
			reason = "there are no secrets here";
		else if (err != ERR_INPUT)
			reason = secrets_why(secrets);
		*why = arena_printf(a, "the %.*s needs {%.*s}: %s",
		    STR_ARG(where), STR_ARG(place), reason);
		return ERR_MISSING;
	}
	*why = arena_printf(a,
	    err == ERR_NOT_FOUND ? "the %.*s needs {%.*s}, which is missing"
				 : "the %.*s cannot take what {%.*s} is",
	    STR_ARG(where), STR_ARG(place));
	return ERR_INPUT;
}

static enum err templated_headers(struct arena *a, const struct compose *c,
    const struct template_source *source, struct pairs *out, struct str *why)
{
	for (size_t i = 0; i < c->api->request_headers.n; i++) {
		const struct pair *h = &c->api->request_headers.items[i];
		struct str value, place;
		enum err err = template_fill(
		    a, source, TEMPLATE_HEADER, h->value, &value, &place);

		if (err == ERR_OK)
			compose_set_header(out, h->name, value);
		else if (!template_drops_header(err, place))
			return compose_refuse(a, c->secrets, err,
			    arena_printf(
				a, "request header %.*s", STR_ARG(h->name)),
			    place, why);
	}
	return ERR_OK;
}

static void sent_headers(const struct compose *c, struct pairs *out)
{
	const struct pairs *sent = &c->request->headers;

	for (size_t i = 0; i < sent->n; i++)
		if (names_matches_forward(c->api, sent->items[i].name) &&
		    compose_passes_on(sent->items[i].name))
			compose_set_header(
			    out, sent->items[i].name, sent->items[i].value);
}

enum err compose_headers(struct arena *a, const struct compose *c,
    const struct template_source *source, struct pairs *out, struct str *why)
{
	const struct pairs *own = &c->upstream->headers;
	const struct str trace = compose_trace(c);

	*out = (struct pairs){
	    .items = arena_array(a, COMPOSE_HEADERS_MAX, sizeof(struct pair))};
	if (trace.n)
		compose_set_header(out, STR("traceparent"), trace);
	for (size_t i = 0; i < own->n; i++)
		compose_set_header(
		    out, own->items[i].name, own->items[i].value);
	sent_headers(c, out);
	return templated_headers(a, c, source, out, why);
}

static struct str sent_header(const struct compose *c, const char *name)
{
	const struct pairs *sent = &c->request->headers;

	for (size_t i = 0; i < sent->n; i++)
		if (str_ieq(sent->items[i].name, str_of(name)))
			return sent->items[i].value;
	return (struct str){0};
}

struct str compose_trace(const struct compose *c)
{
	return sent_header(c, "traceparent");
}

struct str compose_type(const struct compose *c)
{
	if (c->api->request_body.n)
		return STR("application/json");
	if (c->api->request_form.n)
		return STR("application/x-www-form-urlencoded");
	struct str type = sent_header(c, "content-type");
	return type.n ? type : c->api->body_type;
}

static enum err form_of(struct arena *a, const struct compose *c,
    const struct template_source *source, struct str *out, struct str *why)
{
	struct buf form = {0};
	enum err err = ERR_OK;

	for (size_t i = 0; i < c->api->request_form.n && err == ERR_OK; i++) {
		const struct pair *member = &c->api->request_form.items[i];
		struct str value, place;

		err = template_fill(
		    a, source, TEMPLATE_FORM, member->value, &value, &place);
		if (err == ERR_OK) {
			if (form.len)
				buf_putc(&form, '&');
			template_put_form(&form, member->name);
			buf_putc(&form, '=');
			buf_put_str(&form, value);
		} else if (template_drops_member(err, place)) {
			err = ERR_OK;
		} else {
			err = compose_refuse(a, c->secrets, err,
			    STR("request form"), place, why);
		}
	}
	*out = arena_str(a, buf_str(&form));
	buf_release(&form);
	return err;
}

enum err compose_body(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	struct str place;
	enum err err = ERR_OK;

	out->body = c->request->body;
	if (c->api->request_body.n) {
		err = template_fill(a, source, TEMPLATE_BODY,
		    c->api->request_body, &out->body, &place);
		if (err != ERR_OK)
			err = compose_refuse(a, c->secrets, err,
			    STR("request body"), place, why);
	} else if (c->api->request_form.n) {
		err = form_of(a, c, source, &out->body, why);
	}
	out->has_body = err == ERR_OK && out->body.n > 0;
	return err;
}

static enum err url_of(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	struct str path, place;
	enum err err = template_fill(
	    a, source, TEMPLATE_PATH, c->api->request_path, &path, &place);

	if (err != ERR_OK)
		return compose_refuse(
		    a, c->secrets, err, STR("request path"), place, why);
	out->url = arena_printf(
	    a, "%.*s%.*s", STR_ARG(c->upstream->base), STR_ARG(path))
		       .p;
	return ERR_OK;
}

static int64_t response_cap(const struct compose *c)
{
	int64_t cap = UPSTREAM_RESPONSE_MAX;

	if (c->upstream && c->upstream->response_max > 0 &&
	    c->upstream->response_max < cap)
		cap = c->upstream->response_max;
	if (c->api->result_max > 0 && c->api->result_max < cap)
		cap = c->api->result_max;
	return cap;
}

struct upstream_call compose_rules(struct arena *a, const struct compose *c)
{
	const struct upstream *up = c->upstream;
	struct upstream_call out = {.response_max = response_cap(c)};

	if (!up)
		return out;
	out.local = up->local;
	out.timeout_ms = up->timeout_ms;
	out.connect_timeout_ms = up->connect_timeout_ms;
	out.stall_timeout_ms = up->stall_timeout_ms;
	out.ca = up->ca.n ? arena_cstr(a, up->ca) : NULL;
	out.keep = c->api->result_headers;
	return out;
}

void compose_source(
    struct arena *a, const struct compose *c, struct template_source *out)
{
	const struct str body = c->request->body;
	struct value *tree;

	*out = (struct template_source){.pattern = c->api->path,
	    .request = c->request,
	    .job_id = c->job_id,
	    .accepted_ms = c->accepted_ms,
	    .secrets = c->secrets};
	if (body.n && json_read(a, body, body.n, NULL, NULL, &tree) == ERR_OK)
		out->body = tree;
}

/* Whoever declares a call knows its type better than we can tell. */
static bool has_type(const struct pairs *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		if (str_ieq(headers->items[i].name, STR("content-type")))
			return true;
	return false;
}

static enum err compose_http(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	const struct api *api = c->api;

	out->method = arena_cstr(
	    a, api->request_method.n ? api->request_method : api->method);
	out->reuse = api->idempotent || api->on_lost == ON_LOST_RETRY;
	enum err err = url_of(a, c, source, out, why);
	if (err == ERR_OK)
		err = compose_headers(a, c, source, &out->headers, why);
	if (err == ERR_OK)
		err = compose_body(a, c, source, out, why);
	if (err != ERR_OK)
		return err;
	struct str type = compose_type(c);
	if (out->has_body && type.n && !has_type(&out->headers))
		compose_set_header(&out->headers, STR("Content-Type"), type);
	return ERR_OK;
}

enum err compose_call(struct arena *a, const struct compose *c,
    struct upstream_call *out, struct str *why)
{
	struct template_source source;

	*why = (struct str){0};
	compose_source(a, c, &source);
	*out = compose_rules(a, c);
	if (c->api->read.n)
		return compose_read(a, c, out, why);
	return c->api->exec.n ? compose_exec(a, c, &source, out, why)
			      : compose_http(a, c, &source, out, why);
}

struct str compose_location(struct arena *a, const struct compose *c,
    const struct upstream_answer *answer)
{
	/* no secret: everybody is told where the result is */
	struct template_source source = {.pattern = c->api->path,
	    .request = c->request,
	    .job_id = c->job_id,
	    .accepted_ms = c->accepted_ms};
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
