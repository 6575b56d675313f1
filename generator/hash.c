#include "generator/hash.h"

#include <sodium.h>
#include <stdlib.h>

#define BLAKE2B_BYTES 32

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
	char text[sodium_base64_ENCODED_LEN(
	    sizeof(out), sodium_base64_VARIANT_ORIGINAL)];

	crypto_hash_sha512(out, bytes_of(bytes), bytes.n);
	sodium_bin2base64(text, sizeof(text), out, sizeof(out),
	    sodium_base64_VARIANT_ORIGINAL);
	return arena_printf(a, "sha512-%s", text);
}
