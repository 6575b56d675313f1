#ifndef LOWTIDE_CGI_BEARER_H
#define LOWTIDE_CGI_BEARER_H

#include "cgi/jwks.h"

/*
 * Bearer tokens (RFC 6750) that are JWTs (RFC 7519, RFC 9068): signature by a
 * key of the provider's JWK set (jwks.h), and what the token must say
 * (token.h). No network: sets are files.
 *
 * What was found of a token is remembered by its hash (bearer-cache.h), so that
 * it costs one hash from then on. Another set of keys, or another
 * configuration, ends what was found with the old one.
 */
#define BEARER_WANT_MS ((int64_t)5 * 60 * 1000)

struct bearer;
/*
 * `state` is the store's folder, held open from now on, with the sets in its
 * folder jwks, which need not exist yet. Where there are providers it uses the
 * signature's library, so that this loads what it needs; the first looks at
 * the files come with the first tokens, or bearer_report(). NULL: the folder
 * cannot be opened, or signatures cannot be checked on this machine; there is a
 * finding. `log` may be NULL.
 */
struct bearer *bearer_open(const struct config *config, const char *state,
    const struct log *log, struct diag *diag);
void bearer_close(struct bearer *b); /* NULL-safe */
/*
 * Another configuration: forgets what was found. Providers that stay keep
 * their keys until their file says otherwise.
 */
void bearer_reconfigure(struct bearer *b, const struct config *config);
/* Warnings `jwks-missing` and `jwks-bad`: whose tokens are answered 503. */
void bearer_report(struct bearer *b, int64_t now_ms, struct diag *diag);

/*
 * The value of Authorization (empty: none). provider NULL: any whose issuer
 * the token names. *out is filled when it is TOKEN_OK, and lives in the arena.
 */
enum token_verdict bearer_check(struct bearer *b, struct arena *a,
    struct str authorization, const struct provider *provider, int64_t now_ms,
    int64_t now_boot, struct token_claims *out);
/*
 * A provider for which a key was asked that is not there, at most once in
 * BEARER_WANT_MS for each; NULL = none. The caller commits a CHANGE_FLAG
 * "jwks/NAME".
 */
const struct provider *bearer_wants(struct bearer *b, int64_t now_boot);
/* Signatures that were computed so far, for figures: not those remembered. */
uint64_t bearer_verified(const struct bearer *b);

#endif
