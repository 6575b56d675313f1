#ifndef LOWTIDE_CGI_BEARER_CACHE_H
#define LOWTIDE_CGI_BEARER_CACHE_H

#include "cgi/token.h"

/*
 * What was found of tokens, by a hash that is keyed with random bytes of this
 * process: nobody can choose where his lie. For bearer.c alone.
 *
 *   good  4096 slots in sets of four: a signature was good, and the rest of
 *         the verdict is there as well, but for the time, which changes. Of a
 *         full set the one goes that was used longest ago.
 *   bad   256, one place each: a signature was not good. They are apart, so
 *         that whoever sends tokens that he made up drives out his like and
 *         nobody else's.
 *
 * What is found counts for its provider and for that generation of its keys.
 */
#define BEARER_CACHE_MAX 4096
#define BEARER_BAD_MAX 256
#define BEARER_NOTE_MAX                                                        \
	2048 /* bytes of sub and scope; more: not remembered                   \
	      */
#define BEARER_HASH_BYTES 32

/* A token and whose it is said to be. */
struct bearer_mark {
	uint8_t hash[BEARER_HASH_BYTES];
	uint32_t provider;
	uint64_t generation; /* of its keys; 0 = it has none */
};

struct bearer_cache;
struct bearer_cache *bearer_cache_new(void);
void bearer_cache_free(struct bearer_cache *cache); /* NULL-safe */

void bearer_cache_hash(const struct bearer_cache *cache, struct str token,
    uint8_t out[BEARER_HASH_BYTES]);
/*
 * TOKEN_OK with the claims (but for the issuer; in the arena), _CLAIMS,
 * _SIGNATURE; TOKEN_ABSENT: nothing is known.
 */
enum token_verdict bearer_cache_find(struct bearer_cache *cache,
    const struct bearer_mark *mark, struct arena *a, struct token_claims *out);
/* TOKEN_OK with its claims, _CLAIMS, _SIGNATURE. */
void bearer_cache_note(struct bearer_cache *cache,
    const struct bearer_mark *mark, enum token_verdict verdict,
    const struct token_claims *claims);

#endif
