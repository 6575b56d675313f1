#ifndef LOWTIDE_LIB_URL_H
#define LOWTIDE_LIB_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"

/*
 * Percent-encoding and the parts of a URL (RFC 3986), in one place for the
 * generator, the endpoint and the worker.
 */

/*
 * Everything but the unreserved characters of RFC 3986 2.3 becomes %XX with
 * upper-case digits: `~` stays bare, `! ' ( ) *` and space do not. ERR_INPUT
 * for what is not UTF-8 (a lone surrogate is not): nothing is appended then.
 */
enum err url_encode(struct buf *out, struct str s)
    __attribute__((warn_unused_result));
/*
 * Decodes %XX once; `+` stays `+`. ERR_INPUT for a broken %XX, for NUL and
 * for what is not UTF-8 afterwards. The result lives in the arena (or is `s`
 * itself when there was nothing to decode).
 */
enum err url_decode(struct arena *a, struct str s, struct str *out);

struct url {
	struct str scheme;   /* lower case */
	struct str userinfo; /* without '@'; p NULL when there is none */
	struct str host;     /* as written; IPv6 with its brackets */
	uint16_t port;	     /* 0 = the scheme's own */
	struct str path;     /* as written, may be empty */
	struct str query;    /* without '?'; p NULL when there is none */
	struct str fragment; /* without '#'; p NULL when there is none */
};
/*
 * An absolute http or https URL. Views into `s`, but the scheme. ERR_INPUT
 * for other schemes, control characters, spaces, a bad port, no host or one
 * of other characters than letters, digits, dots, hyphens and underscores.
 */
enum err url_split(struct arena *a, struct str s, struct url *out);
/*
 * "https://www.example.org:8443": RFC 6454 6.2, with the host in lower case
 * and without the scheme's own port.
 */
struct str url_origin(struct arena *a, const struct url *url);
/* localhost, *.localhost, 127.0.0.0/8 or [::1]. */
bool url_is_loopback(const struct url *url);

#endif
