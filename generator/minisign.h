#ifndef LOWTIDE_GENERATOR_MINISIGN_H
#define LOWTIDE_GENERATOR_MINISIGN_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * minisign's keys and signatures (Ed25519), so that what lowtide signs can be
 * checked with tools that are everywhere, and the other way round. Each file
 * has lines, each line ends with a newline; base64 is the standard one.
 *
 * Public key      "untrusted comment: " text
 *                 base64 of   "Ed"  id[8]  key[32]
 *
 * Secret key      "untrusted comment: " text
 *                 base64 of   "Ed"  kdf[2]  "B2"  salt[32]  ops[8]  mem[8]
 *                             id[8]  key[64]  checksum[32]
 *                 kdf is zero: not encrypted, all up to the id is zero too and
 *                 the checksum may be. "Sc": encrypted with a password; such
 *                 keys are for people, and refused here.
 *
 * Signature       "untrusted comment: " text
 *                 base64 of   "ED"  id[8]  signature[64]
 *                 "trusted comment: " text
 *                 base64 of   signature[64] over the first one and the text
 *                 The first one is over the BLAKE2b-512 of the message. ("Ed":
 *                 over the message itself, which nothing writes any more; it
 *                 is refused.)
 *
 * An id is shown as minisign does: as a little-endian number in 16 hex digits.
 */
#define MINISIGN_FILE_MAX 4096 /* bytes of any of them */
#define MINISIGN_COMMENT_MAX 1024

struct minisign_public {
	unsigned char id[8], key[32];
};
struct minisign_secret {
	unsigned char id[8], key[64]; /* wipe it: minisign_forget() */
};
struct minisign_signature {
	unsigned char id[8], signature[64], global[64];
	struct str trusted; /* the comment, a view into the text */
};

/* A new pair, from the system's randomness. */
void minisign_new(
    struct minisign_secret *secret, struct minisign_public *public);
void minisign_public_of(
    const struct minisign_secret *secret, struct minisign_public *public);
void minisign_forget(struct minisign_secret *secret);
/* The same for a buffer that held a secret's file. */
void minisign_wipe(void *bytes, size_t n);

/* Files. `out` of the secret's has MINISIGN_FILE_MAX bytes; wipe it. */
struct str minisign_write_public(
    struct arena *a, const struct minisign_public *public);
size_t minisign_write_secret(
    char out[MINISIGN_FILE_MAX], const struct minisign_secret *secret);
/* The key alone, as `minisign -P` takes it; the id. */
struct str minisign_key(struct arena *a, const struct minisign_public *public);
struct str minisign_id(struct arena *a, const unsigned char id[8]);

/*
 * Readers. A key may be the second line alone (environment variables, command
 * lines). ERR_INPUT with one finding under `name`, which is the caller's:
 * what is wrong with it, never what is in it.
 */
enum err minisign_read_public(struct str text, const char *name, struct pos pos,
    struct diag *diag, struct minisign_public *out)
    __attribute__((warn_unused_result));
enum err minisign_read_secret(struct str text, const char *name, struct pos pos,
    struct diag *diag, struct minisign_secret *out)
    __attribute__((warn_unused_result));
enum err minisign_read_signature(struct str text, const char *name,
    struct pos pos, struct diag *diag, struct minisign_signature *out)
    __attribute__((warn_unused_result));

/*
 * A signature's file. The same for the same key, bytes and comment. The
 * comment has no control characters and at most MINISIGN_COMMENT_MAX bytes.
 */
struct str minisign_sign(struct arena *a, const struct minisign_secret *secret,
    struct str bytes, const char *trusted);
/* Is it this key's, of these bytes, with this comment? */
bool minisign_verify(const struct minisign_public *public,
    const struct minisign_signature *signature, struct str bytes);

#endif
