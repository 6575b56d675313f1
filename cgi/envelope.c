#include "cgi/envelope.h"

/* Bytes still to be read; `bad` once anything did not fit. */
struct reader {
	struct str rest;
	bool bad;
};

static void put_field(struct buf *out, struct str s)
{
	buf_put_u32(out, (uint32_t)s.n);
	buf_put_str(out, s);
}

static uint32_t get_u32(struct reader *r)
{
	uint32_t n = 0;

	if (r->bad || r->rest.n < 4) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < 4; i++)
		n = n << 8 | (unsigned char)r->rest.p[i];
	r->rest = str_slice(r->rest, 4, r->rest.n);
	return n;
}

static struct str get_field(struct reader *r)
{
	uint32_t n = get_u32(r);
	struct str out;

	if (r->bad || n > r->rest.n) {
		r->bad = true;
		return (struct str){0};
	}
	out = str_slice(r->rest, 0, n);
	r->rest = str_slice(r->rest, n, r->rest.n);
	return out;
}

static struct reader open_format(struct str bytes, char format)
{
	struct reader r = {.bad = true};

	if (bytes.n && bytes.p[0] == format)
		r = (struct reader){.rest = str_slice(bytes, 1, bytes.n)};
	return r;
}

static struct reader open_envelope(struct str bytes)
{
	return open_format(bytes, ENVELOPE_FORMAT);
}

static void put_headers(struct buf *out, const struct pairs *headers)
{
	buf_put_u32(out, (uint32_t)headers->n);
	for (size_t i = 0; i < headers->n; i++) {
		put_field(out, headers->items[i].name);
		put_field(out, headers->items[i].value);
	}
}

static void get_headers(struct arena *a, struct reader *r, struct pairs *out)
{
	uint32_t n = get_u32(r);

	if (n > ENVELOPE_HEADERS_MAX)
		r->bad = true;
	if (!r->bad && n)
		out->items = arena_array(a, n, sizeof(struct pair));
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		out->items[i].name = get_field(r);
		out->items[i].value = get_field(r);
		out->n = i + 1;
	}
}

static enum err close_envelope(const struct reader *r)
{
	return r->bad || r->rest.n ? ERR_CORRUPT : ERR_OK;
}

void envelope_put_request(struct buf *out, const struct envelope_request *r)
{
	buf_putc(out, ENVELOPE_FORMAT);
	put_field(out, r->method);
	put_field(out, r->path);
	put_field(out, r->query);
	put_field(out, r->remote_addr);
	put_headers(out, &r->headers);
	put_field(out, r->body);
}

void envelope_put_meta(struct buf *out, const struct envelope_meta *m)
{
	buf_putc(out, ENVELOPE_FORMAT);
	put_field(out, m->request_id);
	put_field(out, m->traceparent);
}

void envelope_put_result(struct buf *out, const struct envelope_result *r)
{
	buf_putc(out, ENVELOPE_RESULT_FORMAT);
	buf_put_u32(out, (uint32_t)r->status);
	put_field(out, r->content_type);
	put_field(out, r->location);
	put_field(out, r->message);
	put_headers(out, &r->headers);
	put_field(out, r->body);
}

void envelope_put_note(struct buf *out, const struct envelope_note *n)
{
	buf_putc(out, ENVELOPE_FORMAT);
	put_field(out, n->message);
	put_field(out, n->poll_url);
}

enum err envelope_get_request(
    struct arena *a, struct str bytes, struct envelope_request *out)
{
	struct reader r = open_envelope(bytes);

	*out = (struct envelope_request){0};
	out->method = get_field(&r);
	out->path = get_field(&r);
	out->query = get_field(&r);
	out->remote_addr = get_field(&r);
	get_headers(a, &r, &out->headers);
	out->body = get_field(&r);
	return close_envelope(&r);
}

enum err envelope_get_meta(struct str bytes, struct envelope_meta *out)
{
	struct reader r = open_envelope(bytes);

	*out = (struct envelope_meta){0};
	out->request_id = get_field(&r);
	out->traceparent = get_field(&r);
	return close_envelope(&r);
}

enum err envelope_get_result(
    struct arena *a, struct str bytes, struct envelope_result *out)
{
	struct reader r = open_format(bytes, ENVELOPE_RESULT_FORMAT);
	const bool has_headers = !r.bad;

	if (!has_headers)
		r = open_envelope(bytes);
	*out = (struct envelope_result){0};
	uint32_t status = get_u32(&r);
	if (status > 999)
		r.bad = true;
	out->status = (int)status;
	out->content_type = get_field(&r);
	out->location = get_field(&r);
	out->message = get_field(&r);
	if (has_headers)
		get_headers(a, &r, &out->headers);
	out->body = get_field(&r);
	return close_envelope(&r);
}

enum err envelope_get_note(struct str bytes, struct envelope_note *out)
{
	struct reader r = open_envelope(bytes);

	*out = (struct envelope_note){0};
	out->message = get_field(&r);
	out->poll_url = get_field(&r);
	return close_envelope(&r);
}
