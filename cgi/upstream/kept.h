#ifndef LOWTIDE_CGI_UPSTREAM_KEPT_H
#define LOWTIDE_CGI_UPSTREAM_KEPT_H

#include "cgi/upstream/upstream.h"

/*
 * The headers of an answer that a call asked to keep: UPSTREAM_KEPT_MAX bytes
 * of names and values in all, UPSTREAM_KEPT_HEADERS of them. A header that
 * comes more than once is one list (RFC 9110 5.3). What does not fit, has
 * control characters or says nothing is left out; the rest is kept. Pure.
 */
struct kept {
	struct arena *arena;
	struct pairs headers;
	size_t bytes;
	bool cut; /* something was left out that said something */
};
void kept_init(struct arena *a, struct kept *out);
/* Names come in the order of call.keep, all values of one together. */
void kept_add(struct kept *kept, struct str name, struct str value);

#endif
