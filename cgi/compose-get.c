#include "cgi/compose-get.h"

#include "cgi/compose-parts.h"
#include "cgi/names.h"

/* Lower case: RFC 9110 13.1 and 14. */
static const char *const asked_of_us[] = {
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
};

static bool is_asked_of_us(struct str name)
{
	const size_t n = sizeof(asked_of_us) / sizeof(*asked_of_us);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(name, str_of(asked_of_us[i])))
			return true;
	return false;
}

struct upstream_call compose_get_rules(
    struct arena *a, const struct compose_get *c)
{
	static struct str kept[] = {STR_INIT("cache-control"),
	    STR_INIT("set-cookie"), STR_INIT("retry-after"), STR_INIT("age")};
	const struct upstream *up = c->upstream;
	int64_t cap = UPSTREAM_RESPONSE_MAX;

	if (up->response_max > 0 && up->response_max < cap)
		cap = up->response_max;
	return (struct upstream_call){.method = "GET",
	    .local = up->local,
	    .reuse = true,
	    .multiplex = true,
	    .timeout_ms =
		c->call->timeout_ms ? c->call->timeout_ms : up->timeout_ms,
	    .connect_timeout_ms = up->connect_timeout_ms,
	    .stall_timeout_ms = up->stall_timeout_ms,
	    .response_max = cap,
	    .ca = up->ca.n ? arena_cstr(a, up->ca) : NULL,
	    .keep = {kept, sizeof(kept) / sizeof(*kept)}};
}

/* Keeps `err` where it is the client's: why it is not there may matter. */
static enum err refuse(struct arena *a, const struct compose_get *c,
    enum err err, struct str where, struct str place, struct str *why)
{
	where = arena_printf(
	    a, "%.*s of %.*s", STR_ARG(where), STR_ARG(c->call->name));
	return compose_refuse(a, c->source->secrets, err, where, place, why) ==
		       ERR_MISSING
		   ? ERR_MISSING
		   : err;
}

enum err compose_get_url(struct arena *a, const struct compose_get *c,
    struct str *url, struct str *path, struct str *place, struct str *why)
{
	enum err err = template_fill(
	    a, c->source, TEMPLATE_PATH, c->call->path, path, place);

	if (err != ERR_OK)
		return refuse(a, c, err, STR("path"), *place, why);
	*url = arena_join(a, 2, (const struct str[]){c->upstream->base, *path});
	return ERR_OK;
}

static void forward_headers(const struct compose_get *c, struct pairs *out)
{
	const struct pairs *sent = &c->source->request->headers;

	for (size_t i = 0; i < sent->n; i++) {
		const struct pair *h = &sent->items[i];
		if (names_matches_any(&c->call->forward, h->name) &&
		    compose_passes_on(h->name) && !is_asked_of_us(h->name))
			compose_set_header(out, h->name, h->value);
	}
}

static void trace_header(const struct compose_get *c, struct pairs *out)
{
	const struct pairs *sent = &c->source->request->headers;

	for (size_t i = 0; i < sent->n; i++)
		if (str_ieq(sent->items[i].name, STR("traceparent")))
			compose_set_header(
			    out, STR("traceparent"), sent->items[i].value);
}

static enum err templated(struct arena *a, const struct compose_get *c,
    struct pairs *out, struct str *place, struct str *why)
{
	for (size_t i = 0; i < c->call->headers.n; i++) {
		const struct pair *h = &c->call->headers.items[i];
		struct str value;
		enum err err = template_fill(
		    a, c->source, TEMPLATE_HEADER, h->value, &value, place);

		if (err == ERR_OK)
			compose_set_header(out, h->name, value);
		else if (!template_drops_header(err, *place))
			return refuse(a, c, err,
			    arena_printf(a, "header %.*s", STR_ARG(h->name)),
			    *place, why);
	}
	*place = (struct str){0};
	return ERR_OK;
}

enum err compose_get_headers(struct arena *a, const struct compose_get *c,
    struct pairs *out, struct str *place, struct str *why)
{
	struct pair room[COMPOSE_HEADERS_MAX];
	struct pairs headers = {.items = room};
	const struct pairs *own = &c->upstream->headers;

	trace_header(c, &headers);
	for (size_t i = 0; i < own->n; i++)
		compose_set_header(
		    &headers, own->items[i].name, own->items[i].value);
	forward_headers(c, &headers);
	enum err err = templated(a, c, &headers, place, why);
	if (err != ERR_OK)
		return err;
	/* many of these: they get what they need */
	*out = (struct pairs){
	    .items = arena_array(a, headers.n, sizeof(struct pair)),
	    .n = headers.n};
	if (headers.n)
		memcpy(out->items, room, headers.n * sizeof(*room));
	return ERR_OK;
}
