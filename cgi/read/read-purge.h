#ifndef LOWTIDE_CGI_READ_READ_PURGE_H
#define LOWTIDE_CGI_READ_READ_PURGE_H

#include "cgi/listen.h"
#include "lib/str.h"

/*
 * An operator's word to a lowtide-read that runs, over a unix socket of its
 * own: one line in, a number out, and the connection ends.
 *
 *	purge PREFIX\n	→	17\n
 *	anything else	→	error\n
 *
 * Whoever may write to that socket may do it; nothing can be asked or learned
 * but how many went. Nothing here blocks: a loop watches one descriptor, and
 * all that is going on hides behind it. Who has not said his line after
 * PURGE_MS is closed. Beyond PURGE_CONNS_MAX at once others wait in the
 * backlog.
 */
#define PURGE_LINE_MAX 4096
#define PURGE_CONNS_MAX 8
#define PURGE_MS 5000

struct purge;
struct purge_spec {
	int listen_fd; /* listening, non-blocking; closed by purge_close() */
	int64_t patience_ms; /* 0 = PURGE_MS */
	size_t (*purge)(void *ctx, struct str prefix);
};
/* ERR_IO: no descriptor is left; listen_fd stays the caller's then. */
enum err purge_open(const struct purge_spec *spec, struct purge **out)
    __attribute__((warn_unused_result));
/* Readable when purge_run() has something to do; level-triggered. */
int purge_fd(const struct purge *p);
void purge_run(struct purge *p, int64_t now_boot, void *ctx);
void purge_close(struct purge *p); /* NULL-safe */

/*
 * The other side: asks whoever listens there, within PURGE_MS. ERR_MISSING:
 * nobody does; ERR_INPUT: a prefix that is too long or has a line break;
 * ERR_IO: no number came back. With a finding.
 */
enum err purge_ask(const struct listen_at *at, const char *where,
    struct str prefix, struct diag *diag, uint64_t *n)
    __attribute__((warn_unused_result));

#endif
