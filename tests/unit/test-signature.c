#include "cgi/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/token-kit.h"

static struct arena arena;
static EVP_PKEY *rsa, *ec;

static struct signature_key *rsa_key(const EVP_PKEY *pkey)
{
	return signature_rsa(kit_number(&arena, pkey, OSSL_PKEY_PARAM_RSA_N, 0),
	    kit_number(&arena, pkey, OSSL_PKEY_PARAM_RSA_E, 0));
}

static struct signature_key *ec_key(const EVP_PKEY *pkey)
{
	return signature_p256(
	    kit_number(&arena, pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32),
	    kit_number(&arena, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
}

static void knows_good_ones(void **state)
{
	struct signature_key *keys[] = {rsa_key(rsa), ec_key(ec)};
	EVP_PKEY *const pkeys[] = {rsa, ec};
	(void)state;

	assert_true(signature_works());
	for (size_t i = 0; i < SIGNATURE_ALGS; i++) {
		struct str header = arena_printf(
		    &arena, "{\"alg\":\"%s\"}", signature_names[i]);
		for (int round = 0; round < 20; round++) {
			struct str claims =
			    arena_printf(&arena, "{\"n\":%d}", round);
			struct str t = str_of(
			    kit_token(&arena, pkeys[i], header.p, claims.p));
			assert_true(signature_verify(
			    keys[i], (enum signature_alg)i, t));
			assert_false(signature_verify(
			    keys[i], (enum signature_alg)(1 - i), t));
			assert_false(signature_verify(
			    keys[1 - i], (enum signature_alg)(1 - i), t));
			assert_false(signature_verify(
			    keys[1 - i], (enum signature_alg)i, t));
		}
	}
	signature_free(keys[0]);
	signature_free(keys[1]);
}

/* One character anywhere. */
static void knows_bad_ones(void **state)
{
	struct signature_key *key = ec_key(ec);
	const char *good =
	    kit_token(&arena, ec, "{\"alg\":\"ES256\"}", "{\"sub\":\"ann\"}");
	char *bad = arena_cstr(&arena, str_of(good));
	(void)state;

	for (size_t i = 0; good[i]; i++) {
		bad[i] = good[i] == 'A' ? 'B' : 'A';
		if (good[i + 1]) /* its last has bits that do not count */
			assert_false(signature_verify(
			    key, SIGNATURE_ES256, str_of(bad)));
		bad[i] = good[i];
	}
	assert_true(signature_verify(key, SIGNATURE_ES256, str_of(bad)));
	for (size_t n = 0; good[n]; n++)
		assert_false(signature_verify(
		    key, SIGNATURE_ES256, (struct str){good, n}));
	signature_free(key);
}

/* r and s of zero fit any key where nobody looks. */
static void numbers_that_are_none(void **state)
{
	static const unsigned char bytes[64] = {0};
	struct signature_key *key = ec_key(ec);
	struct str text = kit_unsigned(&arena, "{\"alg\":\"ES256\"}", "{}");
	(void)state;

	for (size_t n = 0; n <= sizeof(bytes); n++)
		assert_false(signature_verify(key, SIGNATURE_ES256,
		    str_of(kit_with(
			&arena, text, (struct str){(const char *)bytes, n}))));
	assert_false(signature_verify(key, SIGNATURE_ES256,
	    arena_join(&arena, 2, (const struct str[]){text, STR(".")})));
	signature_free(key);
}

/* The header says another algorithm than the key's: it does not choose. */
static void the_header_does_not_choose(void **state)
{
	struct signature_key *key = rsa_key(rsa);
	struct str modulus = kit_number(&arena, rsa, OSSL_PKEY_PARAM_RSA_N, 0);
	static const char *const headers[] = {"{\"alg\":\"none\"}",
	    "{\"alg\":\"HS256\"}", "{\"alg\":\"ES256\"}", "{\"alg\":1}", "{}",
	    "[]", "", "{\"alg\":\"RS256\"", "{\"alg\":\"PS256\"}",
	    "{\"alg\":\"RS512\"}"};
	(void)state;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		assert_false(signature_verify(key, SIGNATURE_RS256,
		    str_of(kit_token(&arena, rsa, headers[i], "{}"))));
		assert_false(signature_verify(key, SIGNATURE_RS256,
		    str_of(kit_hmac(&arena, modulus, headers[i], "{}"))));
	}
	signature_free(key);
}

static void keys_that_are_none(void **state)
{
	struct str n = kit_number(&arena, rsa, OSSL_PKEY_PARAM_RSA_N, 0);
	struct str e = STR("\x01\x00\x01");
	struct str x = kit_number(&arena, ec, OSSL_PKEY_PARAM_EC_PUB_X, 32);
	struct str y = kit_number(&arena, ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	char *even = arena_cstr(&arena, n), *off = arena_cstr(&arena, y);
	char *huge = arena_alloc(&arena, 1025);
	EVP_PKEY *small = kit_rsa(1024);
	(void)state;

	/* a point of another curve, or of none; (0, 0) */
	off[31] ^= 1;
	assert_null(signature_p256(x, (struct str){off, 32}));
	assert_null(signature_p256(y, x));
	memset(off, 0, 32);
	assert_null(
	    signature_p256((struct str){off, 32}, (struct str){off, 32}));
	memset(off, 0xff, 32);
	assert_null(signature_p256((struct str){off, 32}, y));
	assert_null(signature_p256((struct str){x.p, 31}, y));
	assert_null(signature_p256((struct str){0}, (struct str){0}));

	assert_null(rsa_key(small));
	EVP_PKEY_free(small);
	even[n.n - 1] &= ~1;
	assert_null(signature_rsa((struct str){even, n.n}, e));
	memset(huge, 0xff, 1025);
	assert_null(signature_rsa((struct str){huge, 1025}, e));
	huge[0] = 0;
	assert_null(signature_rsa((struct str){huge, 257}, e));
	assert_null(signature_rsa((struct str){0}, e));
	assert_null(signature_rsa(n, STR("\x01")));
	assert_null(signature_rsa(n, STR("\x02")));
	assert_null(signature_rsa(n, STR("\x01\x00\x00")));
	assert_null(signature_rsa(n, (struct str){"\0\1\0\1", 4}));
	assert_null(signature_rsa(n, STR("\1\1\1\1\1\1\1\1\1")));
	assert_null(signature_rsa(n, (struct str){0}));
	signature_free(NULL);
}

static int set_up(void **state)
{
	(void)state;
	rsa = kit_rsa(2048);
	ec = kit_ec("P-256");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_good_ones),
	    cmocka_unit_test(knows_bad_ones),
	    cmocka_unit_test(numbers_that_are_none),
	    cmocka_unit_test(the_header_does_not_choose),
	    cmocka_unit_test(keys_that_are_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "signature", tests, set_up, tear_down);
}
