#ifndef LOWTIDE_TESTS_UNIT_FCGI_H
#define LOWTIDE_TESTS_UNIT_FCGI_H

#include <stdio.h>
#include <string.h>

#include "cgi/fcgi/record.h"
#include "lib/buf.h"

/*
 * The web server's side of FastCGI, for tests: records put into a buffer, good
 * ones and bad ones. Everything is static, since each test is one object.
 */
static inline void put_record(struct buf *out, int type, uint16_t id,
    const void *content, size_t n, size_t padding)
{
	static const char zeros[255];
	uint8_t header[RECORD_HEADER];

	record_write(&(struct record){.type = (uint8_t)type,
			 .request_id = id,
			 .content = n,
			 .padding = padding},
	    header);
	buf_put(out, header, sizeof(header));
	buf_put(out, content, n);
	buf_put(out, zeros, padding);
}

static inline void put_begin(struct buf *out, uint16_t id, bool keep)
{
	const char content[8] = {0, RECORD_RESPONDER, keep};

	put_record(out, RECORD_BEGIN_REQUEST, id, content, 8, 0);
}

static inline void put_length(struct buf *out, size_t n)
{
	if (n < 128)
		buf_putc(out, (char)n);
	else
		buf_put_u32(out, (uint32_t)n | 0x80000000u);
}

static inline void put_pair(struct buf *out, const char *name, struct str value)
{
	put_length(out, strlen(name));
	put_length(out, value.n);
	buf_puts(out, name);
	buf_put_str(out, value);
}

/* A stream in records of at most `chunk` bytes, with its empty end. */
static inline void put_stream(struct buf *out, int type, uint16_t id,
    struct str content, size_t chunk, size_t padding)
{
	for (size_t at = 0; at < content.n; at += chunk) {
		struct str part = str_slice(content, at, at + chunk);
		put_record(out, type, id, part.p, part.n, padding);
	}
	put_record(out, type, id, NULL, 0, 0);
}

struct fcgi_request {
	uint16_t id;
	bool close;
	const char *method, *uri;
	struct str body;
	const char *header, *value; /* one more CGI variable, or NULL */
	size_t chunk, padding;	    /* of records; 0 = one record */
};

static inline void put_request(struct buf *out, const struct fcgi_request *r)
{
	struct buf pairs = {0};
	char length[24];
	size_t chunk = r->chunk ? r->chunk : 60000;

	snprintf(length, sizeof(length), "%zu", r->body.n);
	put_pair(&pairs, "REQUEST_METHOD", str_of(r->method));
	put_pair(&pairs, "REQUEST_URI", str_of(r->uri));
	put_pair(&pairs, "CONTENT_LENGTH", str_of(length));
	put_pair(&pairs, "REMOTE_ADDR", STR("192.0.2.7"));
	if (r->header)
		put_pair(&pairs, r->header, str_of(r->value));
	put_begin(out, r->id ? r->id : 1, !r->close);
	put_stream(out, RECORD_PARAMS, r->id ? r->id : 1, buf_str(&pairs),
	    chunk, r->padding);
	put_stream(
	    out, RECORD_STDIN, r->id ? r->id : 1, r->body, chunk, r->padding);
	buf_release(&pairs);
}

/* Numbers that look random and come again with the same seed. */
static inline uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
