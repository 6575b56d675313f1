#ifndef LOWTIDE_CGI_SIGNATURE_H
#define LOWTIDE_CGI_SIGNATURE_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * Signatures of tokens (RFC 7518 3.3, 3.4), and nothing else of theirs: the
 * only file that knows the library behind it (cjose). Public keys only. A key
 * is for one algorithm, given when it is made: what a token says of itself is
 * compared with that, and never chooses.
 */
enum signature_alg {
	SIGNATURE_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
	SIGNATURE_ES256, /* ECDSA on P-256 with SHA-256 */
	SIGNATURE_ALGS
};
extern const char *const signature_names[SIGNATURE_ALGS]; /* as `alg` has it */

#define SIGNATURE_RSA_MIN 2048 /* bits of a modulus (RFC 7518 3.3) */
#define SIGNATURE_RSA_MAX 8192
#define SIGNATURE_P256_BYTES 32 /* of a coordinate, and of r and of s */

/*
 * A key from what a JWK says, as bytes, big-endian. NULL for what no key may
 * be: a modulus out of bounds, with leading zeros or even; an exponent that is
 * even, below 3 or longer than 8 bytes; a point that is not on the curve.
 */
struct signature_key;
struct signature_key *signature_rsa(struct str modulus, struct str exponent);
struct signature_key *signature_p256(struct str x, struct str y);
void signature_free(struct signature_key *key); /* NULL-safe */

/*
 * Whether the key made the signature of a compact JWS: three parts of strict
 * base64url, whose header was read and names the key's algorithm.
 */
bool signature_verify(
    const struct signature_key *key, enum signature_alg alg, struct str token);
/*
 * The library loads and sets up what it needs when it is first used; this uses
 * it, so that it happens before a sandbox is drawn. False: it does not say yes
 * to a good signature of each kind and no to a bad one.
 */
bool signature_works(void);

#endif
