#include "generator/hash.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <stdlib.h>

/*
 * BLAKE2b is libsodium's, which has it for AVX2. The SHA-2 are nettle's: those
 * of libsodium are portable C, and hashing is half of a first build. Its states
 * are plain memory, so a stream that is never ended leaves nothing behind.
 */

#define BLAKE2B_BYTES 32
/* what stays in a processor's nearest cache while three hashes read it */
#define PIECE ((size_t)8 * 1024)

struct state {
	crypto_generichash_state blake2b;
	struct sha256_ctx sha256;
	struct sha512_ctx sha512;
	uint64_t bytes;
};
static_assert(sizeof(struct state) <= HASH_STREAM_BYTES, "room for all three");

void hash_init(void)
{
	if (sodium_init() < 0)
		abort();
}

static struct state *state_of(struct hash_stream *stream)
{
	return (struct state *)(void *)stream->state;
}

void hash_begin(struct hash_stream *stream)
{
	struct state *s = state_of(stream);

	s->bytes = 0;
	if (crypto_generichash_init(&s->blake2b, NULL, 0, BLAKE2B_BYTES) != 0)
		abort();
	sha256_init(&s->sha256);
	sha512_init(&s->sha512);
}

void hash_add(struct hash_stream *stream, const void *bytes, size_t n)
{
	struct state *s = state_of(stream);
	const unsigned char *p = bytes;

	s->bytes += n;
	while (n) {
		size_t piece = n < PIECE ? n : PIECE;
		crypto_generichash_update(&s->blake2b, p, piece);
		sha256_update(&s->sha256, piece, p);
		sha512_update(&s->sha512, piece, p);
		p += piece;
		n -= piece;
	}
}

void hash_end(struct hash_stream *stream, struct digest *out)
{
	struct state *s = state_of(stream);

	*out = (struct digest){.bytes = s->bytes};
	crypto_generichash_final(&s->blake2b, out->blake2b, BLAKE2B_BYTES);
	sha256_digest(&s->sha256, sizeof(out->sha256), out->sha256);
	sha512_digest(&s->sha512, sizeof(out->sha512), out->sha512);
}

void hash_digest(struct str bytes, struct digest *out)
{
	struct hash_stream stream;

	hash_begin(&stream);
	hash_add(&stream, bytes.p, bytes.n);
	hash_end(&stream, out);
}

static const unsigned char *bytes_of(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

static struct str hex(struct arena *a, const unsigned char *bin, size_t n)
{
	char *text = arena_alloc(a, 2 * n + 1);

	sodium_bin2hex(text, 2 * n + 1, bin, n);
	return (struct str){.p = text, .n = 2 * n};
}

static struct str integrity(struct arena *a, const unsigned char *sha512)
{
	char text[sodium_base64_ENCODED_LEN(
	    crypto_hash_sha512_BYTES, sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), sha512, crypto_hash_sha512_BYTES,
	    sodium_base64_VARIANT_ORIGINAL);
	return arena_join(
	    a, 2, (const struct str[]){STR("sha512-"), str_of(text)});
}

struct str digest_blake2b(struct arena *a, const struct digest *d)
{
	return hex(a, d->blake2b, sizeof(d->blake2b));
}

struct str digest_sha256(struct arena *a, const struct digest *d)
{
	return hex(a, d->sha256, sizeof(d->sha256));
}

struct str digest_integrity(struct arena *a, const struct digest *d)
{
	char text[sodium_base64_ENCODED_LEN(
	    sizeof(d->sha256), sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), d->sha256, sizeof(d->sha256),
	    sodium_base64_VARIANT_ORIGINAL);
	return arena_printf(a, "sha256-%s", text);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return a->bytes == b->bytes &&
	       memcmp(a->blake2b, b->blake2b, sizeof(a->blake2b)) == 0 &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0 &&
	       memcmp(a->sha512, b->sha512, sizeof(a->sha512)) == 0;
}

struct str hash_blake2b(struct arena *a, struct str bytes)
{
	unsigned char out[BLAKE2B_BYTES];

	if (crypto_generichash(
		out, sizeof(out), bytes_of(bytes), bytes.n, NULL, 0) != 0)
		abort();
	return hex(a, out, sizeof(out));
}

struct str hash_sha256(struct arena *a, struct str bytes)
{
	unsigned char out[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(out, bytes_of(bytes), bytes.n);
	return hex(a, out, sizeof(out));
}

struct str hash_integrity(struct arena *a, struct str bytes)
{
	unsigned char out[crypto_hash_sha512_BYTES];

	crypto_hash_sha512(out, bytes_of(bytes), bytes.n);
	return integrity(a, out);
}

struct str hash_source(struct arena *a, struct str bytes)
{
	unsigned char out[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(
	    sizeof(out), sodium_base64_VARIANT_ORIGINAL)];

	crypto_hash_sha256(out, bytes_of(bytes), bytes.n);
	sodium_bin2base64(text, sizeof(text), out, sizeof(out),
	    sodium_base64_VARIANT_ORIGINAL);
	return arena_printf(a, "'sha256-%s'", text);
}
