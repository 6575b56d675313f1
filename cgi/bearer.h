#ifndef LOWTIDE_CGI_BEARER_H
#define LOWTIDE_CGI_BEARER_H

#include "lib/arena.h"
#include "lib/config.h"
#include "lib/err.h"

/*
 * Bearer tokens (RFC 6750) that are JWTs (RFC 7519, RFC 9068): signature by a
 * key of the provider's JWK set, then what the token must say. No network: the
 * set is a file, STATE/jwks/NAME.json, looked at again when it was replaced.
 * A file that is bad or gone leaves the keys that were there.
 *
 * A token that was verified is remembered by its hash until it expires, at
 * most BEARER_CACHE_MAX of them: a look-up then costs one hash.
 */
#define BEARER_TOKEN_MAX 16384 /* bytes of a token */
#define BEARER_CACHE_MAX 4096
#define BEARER_KEYS_MAX 64	     /* of one set */
#define BEARER_JWKS_MAX (256 * 1024) /* bytes of a set */
#define BEARER_LOOK_MS 1000	     /* a set's file, at most so often */

enum bearer_verdict {
	BEARER_OK,
	BEARER_ABSENT,	  /* no Authorization: Bearer; 401 without an error */
	BEARER_MALFORMED, /* 401 invalid_token, as are the next five */
	BEARER_ALGORITHM,
	BEARER_UNKNOWN_KEY, /* its kid is in no set: the worker is told */
	BEARER_SIGNATURE,
	BEARER_CLAIMS,	/* iss, aud, client_id, token_use, sub */
	BEARER_TIME,	/* exp, nbf */
	BEARER_NO_KEYS, /* there is no usable set: 503, not the caller's fault
			 */
};
struct bearer_claims {
	const struct provider *provider;
	struct str issuer, subject; /* the owner is both */
	struct str scope;	    /* separated by spaces; empty = none */
	int64_t expires_ms;
};

struct bearer;
/* `dir` is STATE/jwks; it need not exist yet. */
struct bearer *bearer_open(const struct config *config, const char *dir);
void bearer_close(struct bearer *b); /* NULL-safe */
/* After a change of the configuration: forgets what it remembers. */
void bearer_reconfigure(struct bearer *b, const struct config *config);
/*
 * The value of Authorization (empty: none). provider NULL: the one whose
 * issuer the token names. *out lives in the arena.
 */
enum bearer_verdict bearer_check(struct bearer *b, struct arena *a,
    struct str authorization, const struct provider *provider, int64_t now_ms,
    int64_t now_boot, struct bearer_claims *out);
/*
 * A provider for which a key was asked that is not in its set, once for each
 * time that should be told (at most every 5 minutes); NULL = none. The caller
 * commits a CHANGE_FLAG "jwks/NAME".
 */
const struct provider *bearer_wants(struct bearer *b, int64_t now_boot);

#endif
