#include "cgi/fcgi/writer.h"

#include <errno.h>
#include <sys/socket.h>

#include "cgi/fcgi/record.h"

/*
 * One answer is put into .pending as records, padded to 8 bytes each: STDOUT
 * in pieces of WRITER_CONTENT, then END_REQUEST, which ends that stream too. A
 * flush sends what the socket takes and remembers how far it came (.sent).
 */
void writer_init(struct writer *w)
{
	*w = (struct writer){0};
}

void writer_release(struct writer *w)
{
	if (!w)
		return;
	buf_release(&w->pending);
	writer_init(w);
}

static void put_header(struct writer *w, enum record_type type,
    uint16_t request_id, size_t content, size_t padding)
{
	uint8_t bytes[RECORD_HEADER];

	record_write(&(struct record){.type = (uint8_t)type,
			 .request_id = request_id,
			 .content = content,
			 .padding = padding},
	    bytes);
	buf_put(&w->pending, bytes, sizeof(bytes));
}

static void put_record(struct writer *w, enum record_type type,
    uint16_t request_id, struct str content)
{
	static const char zeros[8];
	size_t padding = (8 - content.n % 8) % 8;

	put_header(w, type, request_id, content.n, padding);
	buf_put(&w->pending, content.p, content.n);
	buf_put(&w->pending, zeros, padding);
}

void writer_end(struct writer *w, uint16_t request_id)
{
	static const char complete[8]; /* all zero says so */

	put_record(w, RECORD_END_REQUEST, request_id,
	    (struct str){.p = complete, .n = sizeof(complete)});
}

void writer_part(struct writer *w, uint16_t request_id, struct str bytes)
{
	size_t records = bytes.n / WRITER_CONTENT + 2;

	buf_reserve(&w->pending, bytes.n + records * 2 * RECORD_HEADER);
	for (size_t at = 0; at < bytes.n; at += WRITER_CONTENT)
		put_record(w, RECORD_STDOUT, request_id,
		    str_slice(bytes, at, at + WRITER_CONTENT));
}

void writer_answer(struct writer *w, uint16_t request_id, struct str bytes)
{
	writer_part(w, request_id, bytes);
	writer_end(w, request_id);
}

static const struct {
	const char *name, *value;
} our_values[] = {
    {"FCGI_MAX_CONNS", WRITER_MAX_CONNS},
    {"FCGI_MAX_REQS", WRITER_MAX_CONNS},
    {"FCGI_MPXS_CONNS", "0"},
};

static void put_value(struct buf *out, struct str name)
{
	for (size_t i = 0; i < sizeof(our_values) / sizeof(*our_values); i++) {
		struct str value = str_of(our_values[i].value);
		if (!str_is(name, our_values[i].name))
			continue;
		buf_putc(out, (char)name.n);
		buf_putc(out, (char)value.n);
		buf_put_str(out, name);
		buf_put_str(out, value);
	}
}

/* One length of a name-value pair; false when the bytes end inside it. */
static bool take_length(struct str *rest, size_t *length)
{
	const uint8_t *p = (const uint8_t *)rest->p;
	size_t bytes = rest->n && p[0] & 0x80 ? 4 : 1;

	if (rest->n < bytes)
		return false;
	*length = p[0];
	if (bytes == 4)
		*length = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
			  (size_t)p[2] << 8 | p[3];
	*rest = str_slice(*rest, bytes, rest->n);
	return true;
}

/* Broken pairs end the list; what was named before them is answered. */
static void put_values(struct buf *out, struct str rest)
{
	size_t name, value;

	while (rest.n) {
		if (!take_length(&rest, &name) || !take_length(&rest, &value))
			return;
		if (name > rest.n || value > rest.n - name)
			return;
		put_value(out, str_slice(rest, 0, name));
		rest = str_slice(rest, name + value, rest.n);
	}
}

void writer_management(struct writer *w, const uint8_t *record, size_t n)
{
	struct record r = record_read(record);
	struct buf values = {0};

	if (r.type == RECORD_GET_VALUES && n >= RECORD_HEADER + r.content) {
		put_values(&values,
		    (struct str){.p = (const char *)record + RECORD_HEADER,
			.n = r.content});
		put_record(w, RECORD_GET_VALUES_RESULT, 0, buf_str(&values));
	} else {
		char unknown[8] = {(char)r.type};
		put_record(w, RECORD_UNKNOWN_TYPE, 0,
		    (struct str){.p = unknown, .n = sizeof(unknown)});
	}
	buf_release(&values);
}

static void forget(struct writer *w)
{
	w->sent = 0;
	if (w->pending.cap > WRITER_KEEP)
		buf_release(&w->pending);
	else
		buf_clear(&w->pending);
}

void writer_leave(struct writer *w, struct writer *to)
{
	const struct str bytes = buf_str(&w->pending);

	writer_init(to);
	buf_reserve(&to->pending, bytes.n - w->sent);
	buf_put_str(&to->pending, str_slice(bytes, w->sent, bytes.n));
	forget(w);
}

enum err writer_flush(struct writer *w, int fd)
{
	while (w->sent < w->pending.len) {
		ssize_t n = send(fd, w->pending.data + w->sent,
		    w->pending.len - w->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			w->sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return ERR_AGAIN;
		else if (errno != EINTR)
			return ERR_CLOSED;
	}
	forget(w);
	return ERR_OK;
}
