#ifndef LOWTIDE_GENERATOR_HASH_H
#define LOWTIDE_GENERATOR_HASH_H

#include <stdint.h>

#include "lib/arena.h"

/*
 * The hashes of what is published. BLAKE2b is always the 32-byte one
 * (`b2sum -l 256`): its first 10 hex digits are a file's fingerprint, its
 * first 6 an API's tag.
 */
#define HASH_FINGERPRINT_HEX 10

/* All that a manifest says of a file's bytes. */
struct digest {
	uint64_t bytes;
	unsigned char blake2b[32], sha256[32], sha512[64];
};

struct str hash_blake2b(struct arena *a, struct str bytes); /* hex */
struct str hash_sha256(struct arena *a, struct str bytes);  /* hex */
/* "sha512-…": Subresource Integrity. */
struct str hash_integrity(struct arena *a, struct str bytes);

#endif
