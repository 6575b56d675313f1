#ifndef LOWTIDE_CGI_READ_HANDOVER_H
#define LOWTIDE_CGI_READ_HANDOVER_H

#include "cgi/http.h"
#include "cgi/listen.h"
#include "lib/buf.h"

/*
 * Reads that become jobs: the request goes on to lowtide-cgi, over the socket
 * that web servers reach it by and as they would send it, and what it answers
 * is the client's answer: 202 and a ticket. So lowtide-read needs no store, and
 * nobody needs to configure a web server for it.
 *
 * Whoever is connected to that socket says whose request it is (contract 1);
 * the owner is the web server's word to us, and goes on as it came.
 */
#define HANDOVER_MAX 256	  /* at once */
#define HANDOVER_TIMEOUT_MS 40000 /* longer than the endpoint waits */
#define HANDOVER_ANSWER_MAX ((size_t)32 * 1024 * 1024)

enum handover_why {
	HANDOVER_ASKED, /* respond-async, or past the deadline: a new job */
	HANDOVER_AGAIN, /* named by its job's id: a job that is there */
};

/* ---- pure: handover-wire.c ----------------------------------------------- */

/*
 * The request as FastCGI records. ASKED: without the names that a client gives
 * it and without a wish to wait, so that its job is named by its id alone.
 */
void handover_request(
    const struct request *r, enum handover_why why, struct buf *out);

struct handover_reader {
	struct buf in;	/* what is not a whole record yet */
	struct buf out; /* STDOUT so far */
	bool over;
};
/* ERR_CORRUPT: not FastCGI. ERR_TOO_LARGE. Zero it to begin. */
enum err handover_read(struct handover_reader *r, const uint8_t *bytes,
    size_t n) __attribute__((warn_unused_result));
void handover_reader_release(struct handover_reader *r);
/*
 * Status, headers and body of what the endpoint wrote. Content-Length is left
 * out: whoever writes the answer on counts for himself. ERR_CORRUPT.
 */
enum err handover_answer(struct arena *a, struct str text, struct answer *out)
    __attribute__((warn_unused_result));

/* ---- handover.c ---------------------------------------------------------- */

struct handover;
/* Nobody need be there yet. ERR_IO: no descriptor is left. */
enum err handover_open(const struct listen_at *endpoint, struct handover **out)
    __attribute__((warn_unused_result));
void handover_close(struct handover *h); /* NULL-safe; ends what is out */
/* Readable when handover_next() has something to look at. The handover's. */
int handover_fd(const struct handover *h);
/*
 * Sends `records` (which are copied). ERR_FULL: too many are out. ERR_CLOSED:
 * nobody listens there. `ticket` is the caller's name for it, not 0.
 */
enum err handover_start(struct handover *h, int64_t now_boot,
    struct str records, uint64_t ticket) __attribute__((warn_unused_result));
void handover_leave(struct handover *h, uint64_t ticket);
/*
 * One that is over: *err ERR_OK and its answer, in the arena; else it could not
 * be had (ERR_CLOSED, ERR_CORRUPT, ERR_TOO_LARGE; ERR_AGAIN: not in
 * HANDOVER_TIMEOUT_MS).
 */
bool handover_next(struct handover *h, int64_t now_boot, struct arena *a,
    uint64_t *ticket, struct answer *answer, enum err *err);
/* When handover_next() is to be called by time; 0 = never. */
int64_t handover_due(const struct handover *h);

#endif
