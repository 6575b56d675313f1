#ifndef LOWTIDE_CGI_TOKEN_H
#define LOWTIDE_CGI_TOKEN_H

#include "cgi/signature.h"
#include "lib/arena.h"
#include "lib/config.h"

/*
 * What a bearer token says (RFC 7515 compact, RFC 7519, RFC 8725), and whether
 * that is what a provider's tokens must say. Pure: nothing here knows whether
 * it is true; that is the signature's.
 *
 * Strict: three parts of base64url in its one spelling; objects without
 * duplicate members; `crit` is refused, as nothing is understood that it could
 * name; `typ`, where it stands, must be an access token's or a plain JWT's, so
 * that no other kind of token by the same key passes for one. Members that
 * bring a key along (jwk, jku, x5c, x5u) are not looked at.
 */
#define TOKEN_MAX 16384	   /* bytes of a token */
#define TOKEN_KID_MAX 256  /* bytes of a key's name */
#define TOKEN_SUB_MAX 1024 /* bytes of a subject */
#define TOKEN_DEPTH_MAX 16 /* of either object */

enum token_verdict {
	TOKEN_OK,
	TOKEN_ABSENT,	 /* no Authorization: Bearer */
	TOKEN_MALFORMED, /* no token, or no key could be meant */
	TOKEN_ALGORITHM, /* none that we take, or not the provider's, the key's
			  */
	TOKEN_UNKNOWN_KEY, /* it names a key that is not in the set */
	TOKEN_SIGNATURE,
	TOKEN_CLAIMS,  /* iss, aud, client_id, token_use, sub */
	TOKEN_TIME,    /* exp, nbf, iat: not now */
	TOKEN_NO_KEYS, /* there is no usable set: not the token's fault */
	TOKEN_VERDICTS
};

struct token {
	struct str text; /* the whole of it */
	enum signature_alg alg;
	struct str kid; /* empty = names none */
	struct str issuer;
	const struct value *claims; /* an object */
};
struct token_claims {
	struct str issuer, subject; /* the owner is both */
	struct str scope; /* words with a space between; may be empty */
	int64_t begins_ms, ends_ms; /* the later of nbf and iat; exp */
};

/* TOKEN_OK, _MALFORMED, _ALGORITHM. Views into the arena and `text`. */
enum token_verdict token_read(
    struct arena *a, struct str text, struct token *out);
/* TOKEN_OK, _ALGORITHM: one that this provider signs with. */
enum token_verdict token_alg(
    const struct token *token, const struct provider *provider);
/*
 * TOKEN_OK or _CLAIMS: iss byte by byte; one of the provider's audiences in
 * aud; of "cognito", whose access tokens have none, client_id and token_use
 * instead (and aud as well, where audiences are configured); a subject; times
 * that are numbers, of which exp must be there.
 */
enum token_verdict token_claims(struct arena *a, const struct token *token,
    const struct provider *provider, struct token_claims *out);
/* TOKEN_OK or _TIME; the leeway counts in the token's favour. */
enum token_verdict token_time(
    const struct token_claims *claims, int64_t leeway_ms, int64_t now_ms);

#endif
