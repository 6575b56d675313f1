#ifndef LOWTIDE_CGI_FCGI_WRITER_H
#define LOWTIDE_CGI_FCGI_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Our own record writer. libfcgi only parses: on a full non-blocking socket it
 * would cut an answer off. STDOUT records of at most 65,528 bytes, padded to
 * eight, then END_REQUEST (FCGI_REQUEST_COMPLETE, application status 0).
 */
struct writer {
	struct buf pending;
	size_t sent;
};
void writer_init(struct writer *w);
void writer_release(struct writer *w); /* NULL-safe */
/* Queues a whole answer: the bytes as STDOUT, then the end. */
void writer_answer(struct writer *w, uint16_t request_id, struct str bytes);
/* Answers a management record: GET_VALUES with ours, others UNKNOWN_TYPE. */
void writer_management(struct writer *w, const uint8_t *record, size_t n);
/*
 * Sends what the socket takes. ERR_OK: all gone; ERR_AGAIN: wait for EPOLLOUT;
 * ERR_CLOSED: the other side left.
 */
enum err writer_flush(struct writer *w, int fd)
    __attribute__((warn_unused_result));

#endif
