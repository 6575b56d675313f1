#ifndef LOWTIDE_CGI_READ_PLAN_H
#define LOWTIDE_CGI_READ_PLAN_H

#include "cgi/envelope.h"
#include "cgi/read/blob.h"
#include "cgi/read/cache.h"
#include "cgi/upstream/upstream.h"
#include "lib/config.h"

/*
 * One request for a read, from what was asked to what is answered (contract 9).
 * Pure: which calls are to be made, in which order, for which identifiers; and
 * what their outcomes make of the answer.
 *
 *	plan_new(…)                     400 where it cannot be
 *	while (plan_next(p, &call))     those that can be made now
 *		… cache, flight, upstream …
 *	plan_take(p, call.index, &outcome)      and plan_next() again
 *	until plan_is_over(p)
 *	plan_result(p, …)
 *
 * A call that needs another one's result (its path, a header, or its
 * identifiers) is given out when that is there. Where it failed, or was empty,
 * a call that cannot be made without it fails as that one did, or is not made,
 * if the other was empty. One that lacks a secret fails by itself, unless it is
 * required.
 */
#define PLAN_CALLS_MAX 4096 /* of one request; more is 400 */
#define PLAN_ID_MAX 128	    /* bytes of one identifier */
#define PLAN_IDS_MAX 1000   /* of one kind, whatever `max` says */
#define PLAN_TREE_MAX                                                          \
	((size_t)8 * 1024 * 1024)		   /* of a result that another \
						      call or a shape looks into */
#define PLAN_RESULT_MAX ((size_t)32 * 1024 * 1024) /* bytes of an answer */

struct secrets;
struct plan_spec {
	const struct config *config;
	const struct read *read;
	/* its path's segments, decoded: "crns" → "X1,X2" */
	struct pairs params;
	/* query, headers and remote address; method, path and body are unused
	 */
	const struct envelope_request *request;
	struct str owner; /* whoever asks, in any spelling of our own; "" */
	struct secrets *secrets; /* NULL = there are none */
};

enum plan_failure {
	PLAN_OK,
	PLAN_HTTP_ERROR, /* UPSTREAM_HTTP_ERROR: it answered, but not so */
	PLAN_TIMEOUT,
	PLAN_CIRCUIT_OPEN,
	PLAN_UNKNOWN_ERROR, /* broken, garbage, too large, not to be made */
	PLAN_FAILURES
};
/* What one call came to. */
struct plan_outcome {
	enum plan_failure failure;
	int status;	     /* of an HTTP_ERROR; else 0 */
	const char *message; /* our own words: never the upstream's; NULL =
				the usual ones */
	int64_t retry_ms;   /* CIRCUIT_OPEN, or shed: when again; 0 = unknown */
	bool shed;	    /* UNKNOWN_ERROR: we had too much to do */
	struct blob *blob;  /* PLAN_OK: a reference is taken; NULL = empty */
	int64_t fresh_boot; /* PLAN_OK: until then it is fresh; not later than
			       blob->made_boot: nobody may keep it */
	bool stale;	    /* it is older than it should be */
};

struct plan_call {
	size_t index;
	const struct read_call *call;
	const struct upstream *upstream;
	struct upstream_call http; /* GET, reuse and multiplex set */
	/* upstream, URL, every header that is sent but traceparent, and the
	   owner where call->owned: whoever has the same gets the same */
	uint8_t key[READ_KEY_BYTES];
	struct str name; /* for read_cache_purge(): UPSTREAM + path */
	struct str id;	 /* of `each`; "" */
};

struct plan;
/*
 * ERR_INPUT: *why is a sentence for the client. ERR_MISSING: a required call's
 * secret cannot be had, or plan_check() refuses the read; for the log. What the
 * spec
 * points to lives as long as the plan; where the read's auth is a provider, the
 * request's Authorization is not looked at.
 */
enum err plan_new(struct arena *a, const struct plan_spec *spec,
    struct plan **out, struct str *why) __attribute__((warn_unused_result));
/*
 * Whether a read can be planned at all: its calls name what there is, and do
 * not wait for each other in a ring; its shape can be filled. *why says what
 * is wrong. Nothing of lowtide.json that fails here came from the generator.
 */
bool plan_check(struct arena *a, const struct config *config,
    const struct read *read, struct str *why);
/* Gives back its blobs; its memory is the arena's. NULL-safe. */
void plan_release(struct plan *plan);
/* The next call that can be made, each once; false: none just now. */
bool plan_next(struct plan *plan, struct plan_call *out);
/* One that is not out (the deadline came) is dropped. */
void plan_take(
    struct plan *plan, size_t index, const struct plan_outcome *outcome);
/* Nothing is under way or to be made; or a required one failed, after which
   nothing that is still out can change the answer. */
bool plan_is_over(const struct plan *plan);
/* What is out becomes TIMEOUT: the deadline. */
void plan_expire(struct plan *plan);
size_t plan_calls(const struct plan *plan); /* given out so far */

struct read_failure {
	struct str endpoint; /* the call's name */
	enum plan_failure type;
	int status;			/* 0 = null */
	struct str message, identifier; /* identifier "" = null */
	struct str why; /* for the log alone; "" = the message says it */
};
extern const char *const read_failure_names[PLAN_FAILURES];
#define READ_FAILURES_TOLD 100 /* of them in an answer; the rest is counted */

struct read_result {
	/* 200; 502, 503, 504 as contract 9; a status of pass_on */
	int status;
	bool complete;		       /* nothing failed */
	bool stale;		       /* a part is older than it should be */
	struct str body;	       /* JSON, of a 200 */
	int64_t made_boot, fresh_boot; /* the oldest part; the first to go */
	bool cacheable;		       /* every part may be kept */
	int64_t retry_ms;	       /* 503 */
	const struct read_failure *failures; /* all that failed, in order */
	size_t n_failures;
};
/*
 * Once it is over; failures that are known then decide the status together.
 * In the arena, but for texts of the plan's own. More than PLAN_RESULT_MAX is a
 * 502 with one failure, of the read itself.
 */
void plan_result(struct plan *plan, struct arena *a, struct read_result *out);
/*
 * `"upstreamFailures"` as contract 9 has it, as a member's value. Those beyond
 * READ_FAILURES_TOLD are one more, of the first one's kind: "and 7 more".
 */
struct json_writer;
void read_put_failures(
    struct json_writer *w, const struct read_failure *failures, size_t n);

#endif
