#ifndef LOWTIDE_CGI_SCRAPE_H
#define LOWTIDE_CGI_SCRAPE_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * GET /metrics, for whoever collects them: as much of HTTP/1.0 and 1.1 as that
 * takes. One request a connection, which is closed with its answer; no body is
 * read, and nothing of a request is believed or written anywhere.
 *
 * Nothing here blocks: a loop watches one descriptor, and all that is going on
 * hides behind it, the deadlines too.
 *
 *	200	GET, HEAD /metrics, with any query
 *	404	any other path
 *	405	any other method, with Allow
 *	400	what is no HTTP
 *	431	a head that is larger than SCRAPE_HEAD_MAX
 *
 * Who has not been answered after SCRAPE_MS is closed. Beyond SCRAPE_CONNS_MAX
 * at once others wait in the backlog.
 */
#define SCRAPE_HEAD_MAX 4096
#define SCRAPE_CONNS_MAX 8
#define SCRAPE_MS 5000

struct scrape;
struct scrape_spec {
	int listen_fd; /* listening, non-blocking; closed by scrape_close() */
	int64_t patience_ms;			   /* 0 = SCRAPE_MS */
	void (*write)(void *ctx, struct buf *out); /* the metrics */
	const char *type;			   /* and their Content-Type */
};
/* ERR_IO: no descriptor is left; listen_fd stays the caller's then. */
enum err scrape_open(const struct scrape_spec *spec, struct scrape **out)
    __attribute__((warn_unused_result));
/* Readable when scrape_run() has something to do; level-triggered. */
int scrape_fd(const struct scrape *s);
void scrape_run(struct scrape *s, int64_t now_boot, void *ctx);
void scrape_close(struct scrape *s); /* NULL-safe */

#endif
