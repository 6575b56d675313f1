#ifndef LOWTIDE_TESTS_TOKEN_KIT_H
#define LOWTIDE_TESTS_TOKEN_KIT_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "lib/arena.h"

/*
 * Keys, key sets and tokens for tests, made with OpenSSL alone: nothing here
 * shares a line with what checks them.
 */
static inline struct str kit_base64(struct arena *a, struct str bytes)
{
	const int how = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t n = sodium_base64_encoded_len(bytes.n, how);
	char *out = arena_alloc(a, n);

	sodium_bin2base64(out, n, (const unsigned char *)bytes.p, bytes.n, how);
	return str_of(out);
}

static inline EVP_PKEY *kit_rsa(unsigned bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	assert_non_null(key);
	return key;
}

static inline EVP_PKEY *kit_ec(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	assert_non_null(key);
	return key;
}

/* A number of the key, big-endian, at least so many bytes. */
static inline struct str kit_number(
    struct arena *a, const EVP_PKEY *key, const char *name, int bytes)
{
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
	int n = BN_num_bytes(number) > bytes ? BN_num_bytes(number) : bytes;
	char *out = arena_alloc(a, (size_t)n);
	assert_int_equal(BN_bn2binpad(number, (unsigned char *)out, n), n);
	BN_clear_free(number);
	return (struct str){out, (size_t)n};
}

/* The public half as a JWK; `more` is members with their commas: ,"use":"sig"
 */
static inline const char *kit_jwk(
    struct arena *a, const EVP_PKEY *key, const char *kid, const char *more)
{
	char name[32];
	struct str id = {0};

	if (kid)
		id = arena_printf(a, ",\"kid\":\"%s\"", kid);
	if (EVP_PKEY_is_a(key, "RSA"))
		return arena_printf(a,
		    "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%.*s%s}",
		    kit_base64(a, kit_number(a, key, OSSL_PKEY_PARAM_RSA_N, 0))
			.p,
		    kit_base64(a, kit_number(a, key, OSSL_PKEY_PARAM_RSA_E, 0))
			.p,
		    STR_ARG(id), more)
		    .p;
	int bytes = (EVP_PKEY_get_bits(key) + 7) / 8;
	assert_int_equal(
	    EVP_PKEY_get_group_name(key, name, sizeof(name), NULL), 1);
	return arena_printf(a,
	    "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%.*s%s}",
	    strcmp(name, "prime256v1") == 0 ? "P-256" : "P-384",
	    kit_base64(a, kit_number(a, key, OSSL_PKEY_PARAM_EC_PUB_X, bytes))
		.p,
	    kit_base64(a, kit_number(a, key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes))
		.p,
	    STR_ARG(id), more)
	    .p;
}

/* OpenSSL writes DER; a token has r and s, one behind the other. */
static inline struct str kit_flat(struct arena *a, struct str der, int bytes)
{
	const unsigned char *p = (const unsigned char *)der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	unsigned char *out = arena_alloc(a, 2 * (size_t)bytes);

	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, bytes);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + bytes, bytes);
	ECDSA_SIG_free(sig);
	return (struct str){(const char *)out, 2 * (size_t)bytes};
}

static inline struct str kit_signature(
    struct arena *a, EVP_PKEY *key, struct str text)
{
	size_t n = 1024;
	char *out = arena_alloc(a, n);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, (unsigned char *)out, &n,
			     (const unsigned char *)text.p, text.n),
	    1);
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_is_a(key, "RSA"))
		return (struct str){out, n};
	return kit_flat(
	    a, (struct str){out, n}, (EVP_PKEY_get_bits(key) + 7) / 8);
}

/* header and payload are JSON, or whatever stands there. */
static inline struct str kit_unsigned(
    struct arena *a, const char *header, const char *payload)
{
	return arena_join(a, 3,
	    (const struct str[]){kit_base64(a, str_of(header)), STR("."),
		kit_base64(a, str_of(payload))});
}

static inline const char *kit_with(
    struct arena *a, struct str text, struct str signature)
{
	return arena_join(a, 3,
	    (const struct str[]){text, STR("."), kit_base64(a, signature)})
	    .p;
}

static inline const char *kit_token(
    struct arena *a, EVP_PKEY *key, const char *header, const char *payload)
{
	struct str text = kit_unsigned(a, header, payload);

	return kit_with(a, text, kit_signature(a, key, text));
}

/* HS256 with whatever bytes somebody takes for a secret. */
static inline const char *kit_hmac(
    struct arena *a, struct str secret, const char *header, const char *payload)
{
	struct str text = kit_unsigned(a, header, payload);
	unsigned char out[32];
	unsigned n = sizeof(out);

	HMAC(EVP_sha256(), secret.p, (int)secret.n,
	    (const unsigned char *)text.p, text.n, out, &n);
	return kit_with(a, text, (struct str){(char *)out, n});
}

#endif
