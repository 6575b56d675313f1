#ifndef LOWTIDE_CGI_ENVELOPE_H
#define LOWTIDE_CGI_ENVELOPE_H

#include "cgi/http.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"

/*
 * What stands inside sealed bodies. One binary format for all three kinds: a
 * format byte, then fields as u32 length (big-endian) and bytes.
 *
 *   request: method, path, query, remote address, headers, body — what the
 *            worker needs to make the upstream call. Headers are only those
 *            that the API forwards or names in a template, and traceparent.
 *   meta:    the client's name for the request (its x-request-id), traceparent.
 *   result:  status, content type, location, message, chosen headers, body.
 *   note:    what an open job says of itself, and where its upstream is asked.
 */
#define ENVELOPE_FORMAT 1
#define ENVELOPE_RESULT_FORMAT 2 /* 1: without headers, and still read */

/* A request's, and the trace that was made for it. */
#define ENVELOPE_HEADERS_MAX (HTTP_HEADERS_MAX + 1)

struct envelope_request {
	struct str method, path, query, remote_addr;
	struct pairs headers; /* names in lower case */
	struct str body;
};
struct envelope_meta {
	struct str request_id; /* empty: the job id serves */
	struct str traceparent;
};
struct envelope_result {
	int status; /* of the upstream; 0 = none arrived */
	struct str content_type, location, message;
	struct pairs headers; /* api.result_headers; names in lower case */
	struct str body;
};
/* A message of a program or an upstream: UTF-8, no control characters. */
#define ENVELOPE_MESSAGE_MAX 200 /* bytes */
struct envelope_note {
	struct str message;
	struct str poll_url; /* absolute; empty = it is not polled */
};

void envelope_put_request(struct buf *out, const struct envelope_request *r);
void envelope_put_meta(struct buf *out, const struct envelope_meta *m);
void envelope_put_result(struct buf *out, const struct envelope_result *r);
void envelope_put_note(struct buf *out, const struct envelope_note *n);
/* Views into `bytes`; ERR_CORRUPT for anything but what was put. */
enum err envelope_get_request(struct arena *a, struct str bytes,
    struct envelope_request *out) __attribute__((warn_unused_result));
enum err envelope_get_meta(struct str bytes, struct envelope_meta *out)
    __attribute__((warn_unused_result));
enum err envelope_get_result(struct arena *a, struct str bytes,
    struct envelope_result *out) __attribute__((warn_unused_result));
enum err envelope_get_note(struct str bytes, struct envelope_note *out)
    __attribute__((warn_unused_result));

#endif
