#ifndef LOWTIDE_CGI_UPSTREAM_UPSTREAM_H
#define LOWTIDE_CGI_UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/config.h"
#include "lib/err.h"

/*
 * Calls to other services, many at once, without a thread of ours: start a
 * call, wait, take what has ended. upstream_curl does it over HTTP;
 * upstream_fake (tests) answers from a script. A pool belongs to one thread.
 *
 * What every back end owes:
 *   - a call without `reuse` is sent at most once, on a connection of its own;
 *     no call ever follows a redirect;
 *   - every call ends, at the latest after its timeout_ms, and `end` says
 *     truthfully whether a byte may have left this machine;
 *   - an answer counts only when it is complete;
 *   - no more than response_max bytes of it are ever kept.
 */
#define UPSTREAM_HEADER_BYTES_MAX (64 * 1024)
/*
 * Longer values are left out: beside our own headers they would not fit into
 * the 4 KiB that a web server reads an answer's head into.
 */
#define UPSTREAM_LOCATION_MAX 2048 /* bytes */
#define UPSTREAM_TYPE_MAX 255

enum upstream_end {
	UPSTREAM_ANSWER,    /* complete, with any status */
	UPSTREAM_UNSENT,    /* surely no byte left: resolve, connect, TLS */
	UPSTREAM_TIMEOUT,   /* it may have left; the time was over */
	UPSTREAM_BROKEN,    /* it may have left; no complete answer came */
	UPSTREAM_TOO_LARGE, /* it was answered, with more than we take */
	UPSTREAM_ENDS
};

/* All it points to lives until the call has ended or was aborted. */
struct upstream_call {
	const char *url, *method;
	struct pairs headers; /* checked: no control characters */
	bool has_body;
	struct str body;
	bool local; /* loopback and private addresses are allowed */
	bool reuse; /* a kept connection may be used: it may be repeated */
	int64_t timeout_ms, connect_timeout_ms, stall_timeout_ms; /* 0 = none */
	int64_t response_max; /* bytes; 0 = UPSTREAM_RESPONSE_MAX */
};
#define UPSTREAM_RESPONSE_MAX ((int64_t)16 * 1024 * 1024)

struct upstream_answer {
	enum upstream_end end;
	int status; /* 0 = no status line arrived */
	struct str content_type, location;
	bool has_retry_after;
	int64_t retry_after_ms;
	struct str body;
	const char *why; /* our own words or the library's, for the log */
};

struct upstream_ops {
	const char *name;
	/* ERR_MISSING when the library cannot be used. */
	enum err (*open)(void **pool);
	void (*close)(void *pool); /* aborts what still runs; NULL-safe */
	/* `tag` names the call from here on. It never fails: what cannot be
	 * started ends as UPSTREAM_UNSENT. */
	void (*start)(void *pool, const struct upstream_call *call, void *tag);
	/* True while no byte of it can have left. */
	bool (*unsent)(void *pool, void *tag);
	/* Ends it at once; it will not come out of next(). */
	void (*abort)(void *pool, void *tag);
	/* One call that has ended: its tag and answer (texts in the arena). */
	bool (*next)(void *pool, struct arena *a, void **tag,
	    struct upstream_answer *answer);
	/*
	 * Sleeps until a descriptor of fds is readable (readable[i] says
	 * which), a call moves or timeout_ms is over; -1 = no time-out. With
	 * no calls running it does not wake by itself.
	 */
	enum err (*wait)(void *pool, const int *fds, size_t n, bool *readable,
	    int64_t timeout_ms);
};
extern const struct upstream_ops upstream_curl;
extern const struct upstream_ops upstream_fake;

#endif
