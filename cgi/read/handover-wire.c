#include "cgi/read/handover.h"

#include <ctype.h>
#include <string.h>

#include "cgi/fcgi/record.h"

/*
 * What a web server would send: BEGIN_REQUEST, PARAMS (RFC 3875 4.1 variables
 * as name-value pairs, FastCGI 1.0 3.4), no body; and what comes back: STDOUT
 * records up to END_REQUEST. The connection is for this one request.
 */
#define REQUEST_ID 1

/* ---- asking -------------------------------------------------------------- */

static void put_record(
    struct buf *out, enum record_type type, struct str content)
{
	const struct record record = {.type = (uint8_t)type,
	    .request_id = REQUEST_ID,
	    .content = content.n};
	uint8_t header[RECORD_HEADER];

	record_write(&record, header);
	buf_put(out, (const char *)header, sizeof(header));
	buf_put_str(out, content);
}

static void put_length(struct buf *out, size_t n)
{
	if (n >= 128) {
		buf_putc(out, (char)(n >> 24 | 0x80));
		buf_putc(out, (char)(n >> 16));
		buf_putc(out, (char)(n >> 8));
	}
	buf_putc(out, (char)n);
}

static void put_pair(struct buf *out, struct str name, struct str value)
{
	put_length(out, name.n);
	put_length(out, value.n);
	buf_put_str(out, name);
	buf_put_str(out, value);
}

static void put_header(struct buf *out, struct str name, struct str value)
{
	struct buf variable = {0};

	buf_puts(&variable, "HTTP_");
	for (size_t i = 0; i < name.n; i++)
		buf_putc(&variable,
		    name.p[i] == '-' ? '_'
				     : (char)toupper((unsigned char)name.p[i]));
	put_pair(out, buf_str(&variable), value);
	buf_release(&variable);
}

/* What names a job, or says how long to wait for it; and there is no body. */
static bool is_dropped(struct str name, enum handover_why why)
{
	static const char *const always[] = {"content-type", "content-length"};
	static const char *const asked[] = {"idempotency-key", "x-request-id",
	    "x-initial-request", "x-wait-time-ms", "prefer"};

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (str_is(name, always[i]))
			return true;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (why == HANDOVER_ASKED && str_is(name, asked[i]))
			return true;
	return false;
}

static struct str joined_target(struct buf *out, const struct request *r)
{
	buf_put_str(out, r->path);
	if (r->query.p) {
		buf_putc(out, '?');
		buf_put_str(out, r->query);
	}
	return buf_str(out);
}

static void put_params(
    const struct request *r, enum handover_why why, struct buf *out)
{
	struct buf target = {0};

	put_pair(out, STR("REQUEST_METHOD"), r->method);
	put_pair(out, STR("REQUEST_URI"), joined_target(&target, r));
	put_pair(out, STR("REMOTE_ADDR"), r->remote_addr);
	put_pair(out, STR("LOWTIDE_OWNER"), r->owner);
	for (size_t i = 0; i < r->headers.n; i++)
		if (!is_dropped(r->headers.items[i].name, why))
			put_header(out, r->headers.items[i].name,
			    r->headers.items[i].value);
	if (why == HANDOVER_ASKED)
		put_pair(out, STR("HTTP_X_WAIT_TIME_MS"), STR("0"));
	buf_release(&target);
}

void handover_request(
    const struct request *r, enum handover_why why, struct buf *out)
{
	static const char begin[8] = {0, RECORD_RESPONDER, 0};
	struct buf params = {0};

	put_params(r, why, &params);
	put_record(out, RECORD_BEGIN_REQUEST,
	    (struct str){.p = begin, .n = sizeof(begin)});
	/* what came in as a request is below the framer's cap of 64 KiB */
	for (size_t at = 0; at < params.len; at += RECORD_CONTENT_MAX)
		put_record(out, RECORD_PARAMS,
		    str_slice(buf_str(&params), at, at + RECORD_CONTENT_MAX));
	put_record(out, RECORD_PARAMS, (struct str){0});
	put_record(out, RECORD_STDIN, (struct str){0});
	buf_release(&params);
}

/* ---- hearing ------------------------------------------------------------- */

static enum err take_record(
    struct handover_reader *r, const struct record *record, const char *content)
{
	if (record->version != RECORD_VERSION ||
	    record->request_id != REQUEST_ID)
		return ERR_CORRUPT;
	if (record->type == RECORD_END_REQUEST)
		r->over = true;
	else if (record->type == RECORD_STDOUT)
		buf_put(&r->out, content, record->content);
	else if (record->type != RECORD_STDERR)
		return ERR_CORRUPT;
	return r->out.len > HANDOVER_ANSWER_MAX ? ERR_TOO_LARGE : ERR_OK;
}

enum err handover_read(
    struct handover_reader *r, const uint8_t *bytes, size_t n)
{
	enum err err = ERR_OK;
	size_t at = 0;

	buf_put(&r->in, (const char *)bytes, n);
	while (err == ERR_OK && !r->over && r->in.len - at >= RECORD_HEADER) {
		const char *start = r->in.data + at;
		const struct record record =
		    record_read((const uint8_t *)start);
		const size_t whole =
		    RECORD_HEADER + record.content + record.padding;
		if (r->in.len - at < whole)
			break;
		err = take_record(r, &record, start + RECORD_HEADER);
		at += whole;
	}
	if (at) {
		memmove(r->in.data, r->in.data + at, r->in.len - at);
		r->in.len -= at;
	}
	return err;
}

void handover_reader_release(struct handover_reader *r)
{
	buf_release(&r->in);
	buf_release(&r->out);
}

static bool read_status(struct str value, int *status)
{
	value = str_slice(value, 0, 3);
	*status = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		*status = *status * 10 + value.p[i] - '0';
	}
	return value.n == 3 && *status >= 200 && *status <= 599;
}

/* One line of the head. */
static enum err take_line(struct arena *a, struct str line, struct answer *out)
{
	const size_t colon = str_find(line, ':', 0);
	const struct str name = str_slice(line, 0, colon);
	const struct str value = str_trim(str_slice(line, colon + 1, line.n));

	if (!name.n || colon == line.n)
		return ERR_CORRUPT;
	if (str_ieq(name, STR("status")))
		return read_status(value, &out->status) ? ERR_OK : ERR_CORRUPT;
	if (str_ieq(name, STR("content-length")))
		return ERR_OK;
	if (out->n_headers == ANSWER_HEADERS_MAX)
		return ERR_TOO_LARGE;
	answer_header(out, arena_cstr(a, name), arena_str(a, value));
	return ERR_OK;
}

enum err handover_answer(struct arena *a, struct str text, struct answer *out)
{
	enum err err = ERR_OK;
	bool ended = false;
	size_t at = 0;

	*out = (struct answer){0};
	while (at < text.n && err == ERR_OK && !ended) {
		const size_t end = str_find(text, '\n', at);
		const struct str line = str_trim(str_slice(text, at, end));
		if (end == text.n)
			return ERR_CORRUPT;
		at = end + 1;
		ended = line.n == 0;
		if (!ended)
			err = take_line(a, line, out);
	}
	if (err != ERR_OK || !ended || !out->status)
		return err != ERR_OK ? err : ERR_CORRUPT;
	out->body = arena_str(a, str_slice(text, at, text.n));
	return ERR_OK;
}
