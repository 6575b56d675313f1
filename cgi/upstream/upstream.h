#ifndef LOWTIDE_CGI_UPSTREAM_UPSTREAM_H
#define LOWTIDE_CGI_UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/config.h"
#include "lib/err.h"

/*
 * Calls to other services, many at once, without a thread of ours: start a
 * call, wait, take what has ended. upstream_curl does it over HTTP,
 * upstream_exec with programs of this machine; a channel of a switch
 * (switch.h) takes both kinds; upstream_fake (tests) answers from a script. A
 * pool belongs to one thread.
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
	UPSTREAM_AGAIN,	    /* a program: nothing was done, try again (exit 75,
			       EX_TEMPFAIL) */
	UPSTREAM_FAILED, /* a program: it said that it failed (other exits) */
	UPSTREAM_ENDS
};

/*
 * A program to run instead of an HTTP call. It gets the body on fd 0, its
 * output is the answer's body, progress comes on fd 3 as lines "42 message";
 * fd 2 goes to the log of whoever runs it, by lines, cut and cleaned. Nothing
 * else is open. It runs in an empty folder of its own, which goes with it, and
 * in a process group of its own, of which nothing is left when it has ended,
 * however it did, nor when the worker dies.
 */
struct upstream_exec {
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL ends; argv[0] is its name */
	const char *const *envp; /* NULL ends; the whole environment */
	int64_t memory, cpu_ms, disk, processes; /* 0 = no bound */
	int64_t stop_ms;			 /* SIGTERM to SIGKILL */
};

/* One of config.reads, and what it is asked (read/engine.h, engine_ask). */
struct envelope_request;
struct upstream_read {
	struct str name;
	struct pairs params;
	const struct envelope_request *request;
	struct str owner;
};

/* All it points to lives until the call has ended or was aborted. */
struct upstream_call {
	const char *url, *method;
	struct pairs headers; /* checked: no control characters */
	bool has_body;
	struct str body;
	bool local; /* loopback and private addresses are allowed */
	bool reuse; /* a kept connection may be used: it may be repeated */
	/* with `reuse`: others' calls may be on that connection at the same
	   time (HTTP/2, where the upstream speaks it over TLS) */
	bool multiplex;
	int64_t timeout_ms, connect_timeout_ms, stall_timeout_ms; /* 0 = none */
	int64_t response_max; /* bytes; 0 = UPSTREAM_RESPONSE_MAX */
	const char *ca;	      /* a PEM file instead of the system's; NULL */
	struct strs keep;     /* headers of the answer to keep; lower case */
	/*
	 * From *leave_by_boot on (CLOCK_BOOTTIME, which may be put off while it
	 * is called) nothing of it leaves any more, and it ends as
	 * UPSTREAM_UNSENT: looked at when the connection stands, right before
	 * the first byte. NULL: it may leave at any time.
	 */
	const int64_t *leave_by_boot;
	const struct upstream_exec *exec; /* then only body, timeout_ms (0 =
					     none), response_max and
					     leave_by_boot count */
	/* a read instead of an HTTP call; then only timeout_ms counts. Its
	   answer has the read's status and, of a 200, its body. */
	const struct upstream_read *read;
};
#define UPSTREAM_KEPT_MAX 2048 /* bytes of names and values in all */
#define UPSTREAM_KEPT_HEADERS 16
#define UPSTREAM_RESPONSE_MAX ((int64_t)16 * 1024 * 1024)

struct upstream_answer {
	enum upstream_end end;
	int status; /* 0 = no status line arrived */
	struct str content_type, location;
	struct pairs headers; /* of call.keep, in its order; names lower case */
	bool headers_cut;     /* one of those was left out: it did not fit */
	bool has_retry_after;
	int64_t retry_after_ms;
	struct str body;
	int exit_status; /* of a program; a signal's is 128 + its number */
	const char *why; /* our own words or the library's, for the log */
};

/* What a call that goes on says of itself. */
struct upstream_progress {
	int percent;	    /* 0..100; -1 = it said none */
	struct str message; /* ENVELOPE_MESSAGE_MAX, UTF-8, no controls */
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
	/*
	 * A descriptor that is readable when next() or moved() has something,
	 * and when time asks for a look at it, for whoever waits in an epoll of
	 * his own; it is the pool's. NULL: only wait() tells.
	 */
	int (*fd)(void *pool);
	/* Ends it at once; it will not come out of next(). */
	void (*abort)(void *pool, void *tag);
	/*
	 * Asks it to end soon, and comes out of next() then: a program gets
	 * SIGTERM, and SIGKILL after its stop_ms. An HTTP call goes on. NULL:
	 * nothing here can be asked.
	 */
	void (*stop)(void *pool, void *tag);
	/* One call that said something new since; NULL: none ever does. */
	bool (*moved)(void *pool, struct arena *a, void **tag,
	    struct upstream_progress *progress);
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
/* The file of this machine's authorities, for upstreams that name no ca; NULL
   where there is not one file. */
const char *upstream_authorities(void);
extern const struct upstream_ops upstream_exec;
extern const struct upstream_ops upstream_fake;

#endif
