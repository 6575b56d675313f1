#ifndef LOWTIDE_CGI_COMPOSE_H
#define LOWTIDE_CGI_COMPOSE_H

#include "cgi/envelope.h"
#include "cgi/upstream/upstream.h"
#include "lib/config.h"

/*
 * The call that a job means: an API's templates filled with what the client
 * sent. Pure, but for what secrets are read from, and for the variables that a
 * program gets of those that this process has.
 *
 * Headers, a later one replacing an earlier one of the same name: the trace
 * that the request belongs to (traceparent), the upstream's own, those of the
 * client that `forward` lets through, the API's templates. Never passed on,
 * whatever `forward` says: what belongs to the connection or frames the message
 * (RFC 9110 7.6.1), Host and Accept-Encoding. The Content-Type is the one that
 * the API or the upstream declares, else JSON's or a form's where a template
 * makes one, else the client's where it was kept, else that of the API's
 * bodies.
 */
struct secrets;
struct compose {
	const struct upstream *upstream;
	const struct api *api;
	const struct envelope_request *request;
	struct str job_id; /* as written */
	int64_t accepted_ms;
	struct secrets *secrets; /* NULL = there are none */
	const char *handlers;	 /* folder of programs; NULL = none here */
	int attempt;		 /* for a program; 0 = is not told */
	struct str owner;	 /* for a read: whoever asked, in hex */
};

/*
 * ERR_MISSING: a secret cannot be had now, or there is no such program; *why
 * is for the log alone.
 * ERR_INPUT when the client's request cannot be made into a call; *why then
 * is a sentence that names the place at fault and may be shown to the client.
 * Everything lives in the arena, or where `compose` points.
 */
enum err compose_call(struct arena *a, const struct compose *compose,
    struct upstream_call *out, struct str *why)
    __attribute__((warn_unused_result));

/*
 * A polled job (contract 7): GET of where its upstream said that it is asked,
 * with the headers of the call itself. `url` is absolute and was checked by
 * compose_poll_url() when it came. ERR_INPUT, too, when it is not the
 * upstream's any more: its address was changed since, and what is sent with
 * every call is not for the old one.
 */
enum err compose_poll(struct arena *a, const struct compose *compose,
    struct str url, struct upstream_call *out, struct str *why)
    __attribute__((warn_unused_result));
/*
 * Where a 202's (or a 303's) Location leads, resolved against `from`. Empty
 * when it leaves the scheme, host and port of the upstream's base: nobody is
 * sent anywhere by an answer.
 */
struct str compose_poll_url(struct arena *a, const struct compose *compose,
    struct str from, struct str location);

/* What the body is: see above. */
struct str compose_type(const struct compose *compose);

/*
 * Where the result is: the API's `location` filled from the upstream's
 * answer; if it has none, or it cannot be filled, the upstream's own Location.
 */
struct str compose_location(struct arena *a, const struct compose *compose,
    const struct upstream_answer *answer);

#endif
