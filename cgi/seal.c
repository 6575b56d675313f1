#include "cgi/seal.h"

#include <string.h>

#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define LABEL "lowtide sealed body"
#define AD_BYTES                                                               \
	(sizeof(LABEL) - 1 + 1 + 1 + JOB_ID_BYTES + JOB_OWNER_BYTES + 8 + 4)

_Static_assert(SEAL_OVERHEAD == 1 + NONCE + TAG, "the header says so");
_Static_assert(
    KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size");

static uint8_t *put(uint8_t *to, const void *bytes, size_t n)
{
	memcpy(to, bytes, n);
	return to + n;
}

static uint8_t *put_number(uint8_t *to, size_t n, uint64_t number)
{
	for (size_t i = n; i; number >>= 8)
		to[--i] = (uint8_t)number;
	return to + n;
}

/* What a body is bound to; all fields have fixed sizes. */
static void associate(const struct job *job, enum body_kind kind,
    uint8_t version, uint8_t ad[AD_BYTES])
{
	bool of_attempt = kind == BODY_RESULT;

	ad = put(ad, LABEL, sizeof(LABEL) - 1);
	ad = put_number(ad, 1, version);
	ad = put_number(ad, 1, kind);
	ad = put(ad, job->id, JOB_ID_BYTES);
	ad = put(ad, job->owner, JOB_OWNER_BYTES);
	ad = put_number(ad, 8, (uint64_t)job->accepted_ms);
	put_number(ad, 4, of_attempt ? (uint32_t)job->attempt : 0);
}

void seal_close(const struct keys *keys, const struct job *job,
    enum body_kind kind, struct str plain, struct buf *out)
{
	const struct key *key = &keys->seal[0];
	uint8_t ad[AD_BYTES], nonce[NONCE];
	unsigned long long n = 0;

	associate(job, kind, key->version, ad);
	randombytes_buf(nonce, sizeof(nonce));
	buf_putc(out, (char)key->version);
	buf_put(out, nonce, sizeof(nonce));
	buf_reserve(out, plain.n + TAG);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    (unsigned char *)out->data + out->len, &n,
	    (const unsigned char *)plain.p, plain.n, ad, sizeof(ad), NULL,
	    nonce, key->bytes);
	out->len += (size_t)n;
	out->data[out->len] = '\0';
}

enum err seal_open(const struct keys *keys, const struct job *job,
    enum body_kind kind, struct str sealed, struct arena *a, struct str *plain)
{
	const unsigned char *bytes = (const unsigned char *)sealed.p;
	uint8_t ad[AD_BYTES];
	unsigned long long n = 0;

	*plain = (struct str){0};
	if (sealed.n < SEAL_OVERHEAD)
		return ERR_CORRUPT;
	const struct key *key = keys_seal(keys, bytes[0]);
	if (!key)
		return ERR_CORRUPT;
	associate(job, kind, key->version, ad);
	char *out = arena_alloc(a, sealed.n - SEAL_OVERHEAD + 1);
	int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
	    (unsigned char *)out, &n, NULL, bytes + 1 + NONCE,
	    sealed.n - 1 - NONCE, ad, sizeof(ad), bytes + 1, key->bytes);
	if (bad)
		return ERR_CORRUPT;
	*plain = (struct str){.p = out, .n = (size_t)n};
	return ERR_OK;
}
