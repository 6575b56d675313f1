#ifndef LOWTIDE_CGI_COMPOSE_GET_H
#define LOWTIDE_CGI_COMPOSE_GET_H

#include "cgi/template.h"
#include "cgi/upstream/upstream.h"
#include "lib/config.h"

/*
 * A call of a read (contract 9) as compose.h makes a job's: GET, without a
 * body. Headers, a later one replacing an earlier one of the same name: the
 * trace, the upstream's own, those of the client that the call forwards, the
 * call's templates. Never forwarded is, beside what compose.h never does, what
 * asks for a part of an answer, or for one that differs from what the client
 * has: that was asked of us, not of them. Pure.
 */
struct compose_get {
	const struct upstream *upstream;
	const struct read_call *call;
	/*
	 * .request->headers: without one that lets the client in here, which
	 * nobody else is to see.
	 */
	const struct template_source *source;
};

/* Times, sizes and addresses that are allowed. */
struct upstream_call compose_get_rules(
    struct arena *a, const struct compose_get *c);
/*
 * Errors and *place as template_fill()'s, *why as compose_call()'s (ERR_MISSING
 * for a secret, then for the log; else ERR_INPUT or ERR_NOT_FOUND). *path is
 * what stands behind the upstream's base.
 */
enum err compose_get_url(struct arena *a, const struct compose_get *c,
    struct str *url, struct str *path, struct str *place, struct str *why)
    __attribute__((warn_unused_result));
enum err compose_get_headers(struct arena *a, const struct compose_get *c,
    struct pairs *out, struct str *place, struct str *why)
    __attribute__((warn_unused_result));

#endif
