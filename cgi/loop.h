#ifndef LOWTIDE_CGI_LOOP_H
#define LOWTIDE_CGI_LOOP_H

#include "cgi/app.h"

/*
 * The event loop of lowtide-cgi: one thread, epoll, kept FastCGI connections,
 * parked requests. Design: performance.md, "process model".
 *
 * A connection is in one of these states: reading (the framer looks), writing
 * (an answer is on its way), parked (its request waits in a slot; any byte or
 * RDHUP ends it), idle (kept by the web server; never closed by us but at the
 * end). libfcgi is never entered before a whole request is in hand.
 */
#define LOOP_BACKLOG 4096
#define LOOP_INCOMPLETE_MAX 512	 /* beyond: the oldest is closed */
#define LOOP_INCOMPLETE_MS 60000 /* one total deadline for a request */
#define LOOP_PARKED_MAX 16384

struct loop_spec {
	int listen_fd; /* listening, ours to close */
	struct app *app;
	int bell_fd; /* BELL_SETTLED, -1 = none */
};
/* Until SIGTERM or SIGINT; drains, then returns. */
enum err loop_run(const struct loop_spec *spec)
    __attribute__((warn_unused_result));
/*
 * A listening unix socket at `path` (0660; a stale one is replaced, a live one
 * is an error), or ERR_* with a finding that says which path and why.
 */
struct diag;
enum err loop_listen(const char *path, struct diag *diag, int *fd)
    __attribute__((warn_unused_result));

#endif
