#ifndef LOWTIDE_GENERATOR_HASH_H
#define LOWTIDE_GENERATOR_HASH_H

#include <stdalign.h>
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

/* Once, before threads hash: chooses what this processor does best. */
void hash_init(void);

/* All three in one pass, so that bytes are fetched from memory once. */
void hash_digest(struct str bytes, struct digest *out);
/* The same in pieces: begin, any number of adds, end. */
#define HASH_STREAM_BYTES 768
struct hash_stream {
	alignas(64) unsigned char state[HASH_STREAM_BYTES];
};
void hash_begin(struct hash_stream *stream);
void hash_add(struct hash_stream *stream, const void *bytes, size_t n);
void hash_end(struct hash_stream *stream, struct digest *out);

/* A digest as people and browsers write it. */
struct str digest_blake2b(struct arena *a, const struct digest *d); /* hex */
struct str digest_sha256(struct arena *a, const struct digest *d);  /* hex */
/*
 * "sha256-…": Subresource Integrity, in every page for every module; 44 bytes
 * that no coding makes fewer, where SHA-512 has 88.
 */
struct str digest_integrity(struct arena *a, const struct digest *d);
bool digest_eq(const struct digest *a, const struct digest *b);

/* One of them alone, of bytes at hand. */
struct str hash_blake2b(struct arena *a, struct str bytes); /* hex */
struct str hash_sha256(struct arena *a, struct str bytes);  /* hex */
/* "sha512-…": Subresource Integrity. */
struct str hash_integrity(struct arena *a, struct str bytes);
/* "'sha256-…'": what a Content-Security-Policy calls an inline script. */
struct str hash_source(struct arena *a, struct str bytes);

#endif
