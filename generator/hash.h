#ifndef LOWTIDE_GENERATOR_HASH_H
#define LOWTIDE_GENERATOR_HASH_H

#include "lib/arena.h"

/*
 * The hashes of what is published. BLAKE2b is always the 32-byte one
 * (`b2sum -l 256`): its first 10 hex digits are a file's fingerprint, its
 * first 6 an API's tag.
 */
#define HASH_FINGERPRINT_HEX 10

struct str hash_blake2b(struct arena *a, struct str bytes); /* hex */
struct str hash_sha256(struct arena *a, struct str bytes);  /* hex */
/* "sha512-…": Subresource Integrity. */
struct str hash_integrity(struct arena *a, struct str bytes);

#endif
