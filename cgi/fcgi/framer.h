#ifndef LOWTIDE_CGI_FCGI_FRAMER_H
#define LOWTIDE_CGI_FCGI_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where one FastCGI request ends, told from record headers alone (FastCGI 1.0
 * section 3.3). The only judge of framing: libfcgi accepts a cut request and
 * swallows the next one, so it is given exactly the bytes this module found
 * to be one whole request. Pure: bytes in, verdict out.
 *
 * A record:  version 1 · type 1 · request id 2 · content length 2 ·
 *            padding length 1 · reserved 1 · content · padding
 * A request: BEGIN_REQUEST, PARAMS … PARAMS(empty), STDIN … STDIN(empty).
 */
#define FRAMER_HEADER 8
#define FRAMER_PARAMS_MAX ((size_t)64 * 1024)

enum framer_verdict {
	FRAMER_MORE,	   /* not whole yet; .whole is 0 */
	FRAMER_REQUEST,	   /* the first .whole bytes are one request */
	FRAMER_MANAGEMENT, /* the first .whole bytes: GET_VALUES & co., for us
			    */
	FRAMER_ABORT,	   /* the first .whole bytes: ABORT_REQUEST */
	FRAMER_TOO_LARGE,  /* params or body beyond their caps: answer, close */
	FRAMER_BAD,	   /* not FastCGI, or not in this order: close */
};

/*
 * State over a growing prefix; zero it, set body_max, and call with ever
 * longer prefixes of the same bytes. Nothing is looked at twice.
 */
struct framer {
	size_t body_max; /* bytes of STDIN content a request may have */
	/* private */
	size_t at, params, body;
	uint16_t request_id;
	uint8_t stage;
	bool keep_conn;
	size_t whole;
};
enum framer_verdict framer_look(
    struct framer *f, const uint8_t *bytes, size_t n);
void framer_reset(struct framer *f); /* keeps body_max */

#endif
