#ifndef LOWTIDE_CGI_ASKED_H
#define LOWTIDE_CGI_ASKED_H

#include "cgi/answer.h"

/*
 * What an answer takes over from the request that it is for: where it was sent
 * to, what names it, its trace, and whose page asked. Pure.
 */

/* splitmix64: one step per number, any seed; nothing secret. */
uint64_t asked_random(uint64_t *seed);
struct str asked_new_trace(struct arena *a, uint64_t *seed);
/* What names a request that brought no name: 32 characters of its trace. */
struct str asked_id_of_trace(struct str trace);
/* 1 + index into config.origins; 0 = none of them. */
uint32_t asked_origin(const struct config *config, struct str origin);
/*
 * .path, .origin, .traceparent and .request_id. A trace is made, by `seed`,
 * only where the request brought none.
 */
void asked_begin(
    struct answer_context *c, const struct request *r, uint64_t *seed);

#endif
