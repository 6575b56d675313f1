#ifndef LOWTIDE_CGI_FCGI_FRAMER_H
#define LOWTIDE_CGI_FCGI_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgi/fcgi/record.h"

/*
 * Where one FastCGI request ends (FastCGI 1.0 section 3.3). The only judge of
 * framing: libfcgi accepts a cut request and swallows the next one, so it is
 * given exactly the bytes this module found to be one whole request:
 *
 *   BEGIN_REQUEST · PARAMS … PARAMS(empty) · STDIN … STDIN(empty)
 *
 * all of one request id, role responder. Of what is inside, only the lengths
 * of the name-value pairs are looked at: they must fill the PARAMS exactly,
 * since a wrong length can end the process inside libfcgi, and none of them may
 * hold a zero byte, where libfcgi's strings would end. Management records may
 * stand between any two records and are cut out. Pure: bytes in, verdict
 * out, the same verdicts however the bytes were split on the way.
 */
#define FRAMER_PARAMS_MAX ((size_t)64 * 1024)
#define FRAMER_MANAGEMENT_MAX 1024 /* content of a management record */
#define FRAMER_OVERHEAD_MAX ((size_t)1024 * 1024) /* headers and padding */
#define FRAMER_EXCESS_MAX ((size_t)64 * 1024 * 1024)

enum framer_verdict {
	/*
	 * The `used` bytes belong to a request that is not whole yet: keep
	 * them. What is left (always less than FRAMER_LEFT_MAX when used is 0)
	 * has to come again, with more behind it.
	 */
	FRAMER_MORE,
	FRAMER_REQUEST,	   /* with the `used` bytes the request is whole */
	FRAMER_MANAGEMENT, /* the `used` bytes are one record for us */
	FRAMER_ABORT,	   /* the `used` bytes: ABORT_REQUEST of .abort_id */
	/* so far beyond a cap that it is not read to its end: answer, close */
	FRAMER_TOO_LARGE,
	FRAMER_BAD, /* not FastCGI, or not in this order: close */
};
#define FRAMER_LEFT_MAX (RECORD_HEADER + FRAMER_MANAGEMENT_MAX + 256)

/*
 * Zero it, set body_max, and hand over the stream piece by piece. A request
 * beyond a cap is still framed to its end, so that it can be answered and the
 * connection kept, but its bytes need not be kept any longer once
 * framer_excess() says so.
 */
struct framer {
	size_t body_max; /* bytes of STDIN content a request may have */
	/* good once the request has begun, until framer_reset() */
	uint16_t request_id;
	uint16_t abort_id;
	bool keep_conn;
	bool params_over, body_over; /* beyond a cap */
	size_t params, body;	     /* bytes of content so far */
	size_t body_at; /* where the first STDIN record starts: an offset into
			   all used bytes of the request */
	/* private */
	uint8_t stage, pair, need;
	bool ending, zero;
	size_t at, left, padding, length, skip;
};
enum framer_verdict framer_look(
    struct framer *f, const uint8_t *bytes, size_t n, size_t *used);
/* The next request may begin. Keeps body_max. */
void framer_reset(struct framer *f);
/* A request has begun and is not whole. */
bool framer_inside(const struct framer *f);
static inline bool framer_excess(const struct framer *f)
{
	return f->params_over || f->body_over;
}

#endif
