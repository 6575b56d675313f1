#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgi/fcgi/framer.h"
#include "cgi/fcgi/parse.h"
#include "lib/buf.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a web server sends on a connection, from the fifth byte on; the first
 * four say where it is split on its way. However that is, the verdicts are the
 * same, no byte is read that has not come, and what is called one whole request
 * is one for libfcgi as well, with the body that its records have.
 */
const char *const fuzz_words[] = {"\x01\x04", "\x01\x05", "\x01\x09",
    "\x01\x02", "\x01\x01", "\xff\xff\xff\xff", "\x80",
    "\x0e\x04REQUEST_METHODPOST", "\x0b\x02REQUEST_URI/x",
    "\x0b\x0fREQUEST_URI/api/v1/bundle?a",
    "\x0e\x01"
    "CONTENT_LENGTH9",
    "\x0c\x01HTTP_A_B_C_Dx", "{\"id\":7}", NULL};

#define BODY_MAX 600

struct reading {
	struct framer f;
	struct buf said; /* every verdict, in its order */
	struct buf kept; /* of the request that is not whole yet */
	struct arena arena;
	size_t at;
	bool over, parses;
};

static struct parser *parser;
static int desk = -1;

/* The content of the STDIN records among these bytes, which are all good. */
static void body_of(struct str bytes, struct buf *out)
{
	for (size_t at = 0; at < bytes.n;) {
		fuzz_must(bytes.n - at >= RECORD_HEADER);
		struct record r = record_read((const uint8_t *)bytes.p + at);
		fuzz_must(
		    bytes.n - at >= RECORD_HEADER + r.content + r.padding);
		if (r.type == RECORD_STDIN)
			buf_put(out, bytes.p + at + RECORD_HEADER, r.content);
		at += RECORD_HEADER + r.content + r.padding;
	}
}

static void parse_whole(struct reading *r)
{
	const struct str whole = buf_str(&r->kept);
	struct request request;
	struct buf body = {0};

	if (!parser) {
		fuzz_must(parse_init() == ERR_OK);
		parser = parser_open();
	}
	if (desk < 0)
		desk = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_must(ftruncate(desk, 0) == 0 && lseek(desk, 0, SEEK_SET) == 0);
	fuzz_must(write(desk, whole.p, whole.n) == (ssize_t)whole.n);
	fuzz_must(lseek(desk, 0, SEEK_SET) == 0);
	body_of(whole, &body);
	fuzz_must(body.len == r->f.body);
	enum err err =
	    parse_request(parser, &r->arena, &desk, r->f.body, &request);
	fuzz_must(err == ERR_OK || err == ERR_INPUT || err == ERR_TOO_LARGE);
	fuzz_must(desk >= 0);
	if (err == ERR_OK) {
		fuzz_must(request.method.n > 0);
		fuzz_must(str_eq(request.body, buf_str(&body)));
	}
	parser_done(parser);
	arena_reset(&r->arena);
	buf_release(&body);
}

static void take_request(struct reading *r)
{
	const struct framer *f = &r->f;

	buf_printf(&r->said, "R%u/%zu/%zu/%zu/%zu/%d%d%d ", f->request_id,
	    r->kept.len, f->params, f->body, f->body_at, f->keep_conn,
	    f->params_over, f->body_over);
	fuzz_must(!framer_inside(f) && f->request_id);
	fuzz_must(f->body_at < r->kept.len);
	fuzz_must(f->body_over == (f->body > BODY_MAX));
	if (r->parses && !framer_excess(f))
		parse_whole(r);
	buf_clear(&r->kept);
}

/* One verdict, as the connections take it (conn.c). False: more must come. */
static bool take(struct reading *r, enum framer_verdict verdict,
    const uint8_t *bytes, size_t used)
{
	switch (verdict) {
	case FRAMER_MORE:
		buf_put(&r->kept, bytes, used);
		return used > 0;
	case FRAMER_REQUEST:
		buf_put(&r->kept, bytes, used);
		take_request(r);
		return true;
	case FRAMER_MANAGEMENT:
		fuzz_must(used >= RECORD_HEADER && used < FRAMER_LEFT_MAX);
		buf_printf(&r->said, "M%zu ", used);
		return true;
	case FRAMER_ABORT:
		buf_printf(&r->said, "A%u ", r->f.abort_id);
		if (framer_inside(&r->f) && r->f.abort_id == r->f.request_id) {
			framer_reset(&r->f);
			buf_clear(&r->kept);
		}
		return true;
	case FRAMER_TOO_LARGE:
	case FRAMER_BAD:
		buf_putc(&r->said, verdict == FRAMER_BAD ? 'B' : 'T');
		r->over = true;
		return false;
	}
	fuzz_failed("a verdict that there is");
}

/* Everything up to `end` has come; a copy has nothing behind it. */
static void look(struct reading *r, struct str stream, size_t end)
{
	while (!r->over && r->at < end) {
		size_t n = end - r->at, used = SIZE_MAX;
		uint8_t *copy = malloc(n);
		if (!copy)
			abort();
		memcpy(copy, stream.p + r->at, n);
		enum framer_verdict verdict =
		    framer_look(&r->f, copy, n, &used);
		fuzz_must(used <= n);
		bool goes_on = take(r, verdict, copy, used);
		free(copy);
		r->at += used;
		if (!goes_on)
			fuzz_must(r->over || used || n < FRAMER_LEFT_MAX);
		if (!goes_on)
			return;
	}
}

static void done(struct reading *r)
{
	buf_release(&r->said);
	buf_release(&r->kept);
	arena_release(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading whole = {.f.body_max = BODY_MAX, .parses = true};
	struct reading split = {.f.body_max = BODY_MAX};
	uint32_t dice = 2463534242u;

	if (n < 4)
		return 0;
	const struct str stream = {(const char *)data + 4, n - 4};
	for (size_t i = 0; i < 4; i++)
		dice = (dice ^ data[i]) * 16777619u;
	/* the first one: pieces of so many bytes at most */
	const uint32_t most = (data[0] & 0x7f) + 1;

	look(&whole, stream, stream.n);
	for (size_t end = 0; end < stream.n;) {
		dice = dice * 1664525u + 1013904223u;
		end += (dice >> 8) % most + 1;
		end = end < stream.n ? end : stream.n;
		look(&split, stream, end);
	}
	fuzz_must(str_eq(buf_str(&whole.said), buf_str(&split.said)));
	fuzz_must(whole.over == split.over);
	if (!whole.over)
		fuzz_must(framer_inside(&whole.f) == framer_inside(&split.f) &&
			  whole.at == split.at);
	done(&whole);
	done(&split);
	return 0;
}
