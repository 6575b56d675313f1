#ifndef LOWTIDE_CGI_LISTEN_H
#define LOWTIDE_CGI_LISTEN_H

#include <sys/socket.h>

#include "lib/diag.h"
#include "lib/err.h"

/*
 * Where a program is reached: at a socket it was started with, or at one it
 * makes. Never from another host: whoever speaks FastCGI to the endpoint says
 * whose request it is, so TCP is for loopback alone; for metrics too.
 *
 * What comes back is listening, non-blocking and closed on exec; connections
 * accepted from TCP do not wait to fill packets (they inherit TCP_NODELAY).
 * Findings: `listen-path` (too long, no such folder, something else is there),
 * `listen-in-use` (somebody answers there), `listen-loopback`, `bad-value` (an
 * address of another kind), `listen-socket` (what we were started with cannot
 * be listened at), `io-error`.
 */
#define LISTEN_KINDS "unix:PATH | tcp:127.0.0.1:PORT | tcp:[::1]:PORT"
enum listen_use { LISTEN_REQUESTS, LISTEN_METRICS };
enum err listen_open(enum listen_use use, const char *address,
    struct diag *diag, int *fd) __attribute__((warn_unused_result));
/* For requests, a unix socket (0660); a dead one is replaced. */
enum err listen_unix(const char *path, struct diag *diag, int *fd)
    __attribute__((warn_unused_result));

/*
 * Where somebody else listens, of the same kinds, for the option of that name.
 * ERR_USAGE with a finding, `bad-value`, `listen-path` or `listen-loopback`.
 */
struct listen_at {
	struct sockaddr_storage at;
	socklen_t n;
};
enum err listen_where(const char *option, const char *address,
    struct diag *diag, struct listen_at *out)
    __attribute__((warn_unused_result));

/*
 * What we were started with: descriptors from 3 on where LISTEN_PID and
 * LISTEN_FDS say so (systemd.socket(5)), and for requests else descriptor 0.
 * LISTEN_FDNAMES tells what for: the one called "metrics" for metrics, the only
 * other one for requests. ERR_OK with *fd = -1: there is none.
 */
enum err listen_inherited(enum listen_use use, struct diag *diag, int *fd)
    __attribute__((warn_unused_result));
/* A listening socket is descriptor 0, or LISTEN_FDS are ours. */
bool listen_is_given(void);

#endif
