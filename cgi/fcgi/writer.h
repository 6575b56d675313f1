#ifndef LOWTIDE_CGI_FCGI_WRITER_H
#define LOWTIDE_CGI_FCGI_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Our own record writer. libfcgi only parses: on a full non-blocking socket it
 * would cut an answer off. STDOUT records of at most WRITER_CONTENT bytes,
 * padded to eight, then END_REQUEST (FCGI_REQUEST_COMPLETE, application
 * status 0). No empty STDOUT record: END_REQUEST ends the streams as well.
 */
#define WRITER_CONTENT 65528
/* What GET_VALUES is told: as many as we care to name, one at a time each. */
#define WRITER_MAX_CONNS "4096"

struct writer {
	struct buf pending;
	size_t sent;
};
void writer_init(struct writer *w);
void writer_release(struct writer *w); /* NULL-safe */
/* Queues a whole answer: the bytes as STDOUT, then the end. */
void writer_answer(struct writer *w, uint16_t request_id, struct str bytes);
/* More of an answer's bytes: the end comes another time. */
void writer_part(struct writer *w, uint16_t request_id, struct str bytes);
/* Only the end: of a stream, or of a request that nobody waits for any longer.
 */
void writer_end(struct writer *w, uint16_t request_id);
/*
 * Answers a whole management record: GET_VALUES with those of our values that
 * it names, others with UNKNOWN_TYPE.
 */
void writer_management(struct writer *w, const uint8_t *record, size_t n);
/*
 * Sends what the socket takes, without blocking and without SIGPIPE. ERR_OK:
 * all gone, the memory is kept up to WRITER_KEEP bytes; ERR_AGAIN: wait for
 * EPOLLOUT; ERR_CLOSED: the other side left.
 */
#define WRITER_KEEP ((size_t)256 * 1024)
enum err writer_flush(struct writer *w, int fd)
    __attribute__((warn_unused_result));
/* What has not gone out, into another one, in twice its memory at most. */
void writer_leave(struct writer *w, struct writer *to);

#endif
