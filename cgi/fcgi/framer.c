#include "cgi/fcgi/framer.h"

#include <string.h>

/*
 * Three stages (which record may come next), and inside a record a count of
 * content and padding still to come. BEGIN_REQUEST, ABORT_REQUEST and
 * management records are taken whole; PARAMS and STDIN as they come.
 */
enum stage { OUTSIDE, IN_PARAMS, IN_STDIN };
/* What of a name-value pair comes next (FastCGI 1.0 section 3.4). */
enum pair { NAME_LENGTH, VALUE_LENGTH, NAME_AND_VALUE };

void framer_reset(struct framer *f)
{
	*f = (struct framer){.body_max = f->body_max};
}

bool framer_inside(const struct framer *f)
{
	return f->stage != OUTSIDE;
}

/* One byte of a length: 0xxxxxxx, or 1xxxxxxx and three more. */
static void pair_length(struct framer *f, uint8_t byte)
{
	if (f->need) {
		f->length = f->length << 8 | byte;
		f->need--;
	} else if (byte & 0x80) {
		f->length = byte & 0x7f;
		f->need = 3;
	} else {
		f->length = byte;
	}
	if (f->need)
		return;
	if (f->length > FRAMER_PARAMS_MAX)
		f->params_over = true;
	f->skip = (f->pair == NAME_LENGTH ? 0 : f->skip) + f->length;
	f->pair++;
	if (f->pair == NAME_AND_VALUE && f->skip == 0)
		f->pair = NAME_LENGTH;
}

static void pairs_take(struct framer *f, const uint8_t *bytes, size_t n)
{
	while (n) {
		if (f->pair != NAME_AND_VALUE) {
			pair_length(f, *bytes++);
			n--;
			continue;
		}
		size_t step = n < f->skip ? n : f->skip;
		f->zero |= memchr(bytes, 0, step) != NULL;
		bytes += step;
		n -= step;
		f->skip -= step;
		if (f->skip == 0)
			f->pair = NAME_LENGTH;
	}
}

static void content_take(struct framer *f, const uint8_t *bytes, size_t n)
{
	if (f->stage == IN_PARAMS) {
		f->params += n;
		if (f->params > FRAMER_PARAMS_MAX)
			f->params_over = true;
		if (!f->params_over)
			pairs_take(f, bytes, n);
	} else {
		f->body += n;
		if (f->body > f->body_max)
			f->body_over = true;
	}
}

/* A record of the request that has begun. False: it may not stand here. */
static bool record_fits(struct framer *f, const struct record *r)
{
	bool params = f->stage == IN_PARAMS;

	if (r->request_id != f->request_id ||
	    r->type != (params ? RECORD_PARAMS : RECORD_STDIN))
		return false;
	/*
	 * The empty record ends the PARAMS: no pair may be left open, and none
	 * be cut off at a zero: "ann\0y" would be ann.
	 */
	if (params && r->content == 0 && !f->params_over &&
	    (f->pair != NAME_LENGTH || f->need || f->zero))
		return false;
	return true;
}

/* BEGIN_REQUEST, header and content in hand. */
static bool begin(
    struct framer *f, const struct record *r, const uint8_t *content)
{
	if (r->type != RECORD_BEGIN_REQUEST || r->content != 8 ||
	    content[0] != 0 || content[1] != RECORD_RESPONDER)
		return false;
	framer_reset(f);
	f->request_id = r->request_id;
	f->keep_conn = content[2] & RECORD_KEEP_CONN;
	f->stage = IN_PARAMS;
	return true;
}

/*
 * Takes what is there of the content and padding of the present record.
 * Returns how much that was.
 */
static size_t inside_take(struct framer *f, const uint8_t *bytes, size_t n)
{
	size_t content = n < f->left ? n : f->left;

	content_take(f, bytes, content);
	f->left -= content;
	n -= content;
	size_t padding = n < f->padding ? n : f->padding;
	f->padding -= padding;
	return content + padding;
}

/* The record at hand has been taken whole. */
static enum framer_verdict inside_done(struct framer *f)
{
	if (!f->ending)
		return FRAMER_MORE;
	f->ending = false;
	f->body_at = f->stage == IN_PARAMS ? f->at : f->body_at;
	f->stage = f->stage == IN_PARAMS ? IN_STDIN : OUTSIDE;
	return f->stage == OUTSIDE ? FRAMER_REQUEST : FRAMER_MORE;
}

/* Management or ABORT_REQUEST: taken whole or not at all. */
static enum framer_verdict aside(
    struct framer *f, const struct record *r, size_t n, size_t *taken)
{
	size_t whole = RECORD_HEADER + r->content + r->padding;
	bool management = r->request_id == 0;

	if (r->content > FRAMER_MANAGEMENT_MAX ||
	    (management && r->type >= RECORD_BEGIN_REQUEST &&
		r->type <= RECORD_DATA))
		return FRAMER_BAD;
	if (n < whole)
		return FRAMER_MORE;
	*taken = whole;
	f->abort_id = r->request_id;
	return management ? FRAMER_MANAGEMENT : FRAMER_ABORT;
}

/*
 * The header of one record at `bytes`. FRAMER_MORE with *taken 0: too little
 * is there to tell; with more: the record has been entered.
 */
static enum framer_verdict record_enter(
    struct framer *f, const uint8_t *bytes, size_t n, size_t *taken)
{
	*taken = 0;
	if (n && bytes[0] != RECORD_VERSION)
		return FRAMER_BAD;
	if (n < RECORD_HEADER)
		return FRAMER_MORE;
	struct record r = record_read(bytes);
	if (r.request_id == 0 || r.type == RECORD_ABORT_REQUEST)
		return aside(f, &r, n, taken);
	if (f->stage == OUTSIDE) {
		size_t whole = RECORD_HEADER + r.content + r.padding;
		if (r.type != RECORD_BEGIN_REQUEST || r.content != 8)
			return FRAMER_BAD;
		if (n < whole)
			return FRAMER_MORE;
		*taken = whole;
		return begin(f, &r, bytes + RECORD_HEADER) ? FRAMER_MORE
							   : FRAMER_BAD;
	}
	if (!record_fits(f, &r))
		return FRAMER_BAD;
	*taken = RECORD_HEADER;
	f->left = r.content;
	f->padding = r.padding;
	f->ending = r.content == 0;
	return FRAMER_MORE;
}

/* Padding and headers are bytes to keep as well: they have their own cap. */
static bool too_large(struct framer *f)
{
	if (f->at > f->params + f->body + f->body_max + FRAMER_OVERHEAD_MAX)
		f->body_over = true;
	return framer_excess(f) && f->at > f->body_max + FRAMER_EXCESS_MAX;
}

enum framer_verdict framer_look(
    struct framer *f, const uint8_t *bytes, size_t n, size_t *used)
{
	enum framer_verdict verdict;
	size_t taken;

	*used = 0;
	for (;;) {
		taken = inside_take(f, bytes + *used, n - *used);
		*used += taken;
		f->at += taken;
		if (too_large(f))
			return FRAMER_TOO_LARGE;
		if (f->left || f->padding)
			return FRAMER_MORE;
		if (inside_done(f) == FRAMER_REQUEST)
			return FRAMER_REQUEST;
		verdict = record_enter(f, bytes + *used, n - *used, &taken);
		if (verdict != FRAMER_MORE && verdict != FRAMER_BAD) {
			/* what stands before it is kept, so it goes first */
			if (*used == 0)
				*used = taken;
			else
				verdict = FRAMER_MORE;
			return verdict;
		}
		if (verdict == FRAMER_BAD || taken == 0)
			return verdict;
		*used += taken;
		f->at += taken;
	}
}
