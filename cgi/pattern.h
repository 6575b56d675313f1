#ifndef LOWTIDE_CGI_PATTERN_H
#define LOWTIDE_CGI_PATTERN_H

#include "cgi/http.h"
#include "cgi/prefer.h"

/*
 * How long a request waits for its own result (contract 3): what the client
 * asks for, moved to the nearest pattern that the API allows. Pure.
 */
struct pace {
	enum pattern pattern;
	int64_t wait_ms;    /* 0 = answered at once */
	bool asked;	    /* by a header that could be read */
	enum prefer prefer; /* by Prefer: Preference-Applied is due */
};
#define PATTERN_WAIT_MAX_MS 25000 /* where the API does not say */

void pattern_choose(
    const struct api *api, const struct request *r, struct pace *out);

/* `Prefer: wait=n` in ms, 0 for respond-async alone (RFC 7240); -1 = none. */
int64_t pattern_prefer_ms(const struct request *r);
/*
 * How long a client of a read wants to wait: x-wait-time-ms, else `wait=n` of
 * Prefer; -1 = it did not say. *async: `respond-async` is there, which counts
 * where x-wait-time-ms is not.
 */
int64_t pattern_wish_ms(const struct request *r, bool *async);
/* `Prefer: handling=strict` (RFC 7240 4.4). */
bool pattern_is_strict(const struct request *r);
/* The longest anybody may wait at this API. */
int64_t pattern_wait_max(const struct api *api);

#endif
