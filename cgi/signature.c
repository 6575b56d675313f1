#include "cgi/signature.h"

#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>

#include "lib/arena.h"
#include "lib/base64.h"

const char *const signature_names[SIGNATURE_ALGS] = {
    [SIGNATURE_RS256] = "RS256", [SIGNATURE_ES256] = "ES256"};

struct signature_key {
	enum signature_alg alg;
	size_t bytes; /* of a signature */
	cjose_jwk_t *jwk;
};

static struct signature_key *made(
    enum signature_alg alg, size_t bytes, cjose_jwk_t *jwk)
{
	if (!jwk)
		return NULL;
	struct signature_key *key = malloc(sizeof(*key));
	if (!key)
		abort();
	*key = (struct signature_key){alg, bytes, jwk};
	return key;
}

void signature_free(struct signature_key *key)
{
	if (!key)
		return;
	cjose_jwk_release(key->jwk);
	free(key);
}

/* The library copies what it is given, through pointers that are not const. */
static uint8_t *bytes_of(struct arena *a, struct str s)
{
	return (uint8_t *)arena_cstr(a, s);
}

static bool is_odd(struct str number)
{
	return number.n && (number.p[number.n - 1] & 1);
}

static size_t bits_of(struct str number)
{
	size_t bits = number.n * 8;

	for (unsigned mask = 0x80; mask && !((unsigned char)number.p[0] & mask);
	     mask >>= 1)
		bits--;
	return bits;
}

static bool is_modulus(struct str n)
{
	return is_odd(n) && n.p[0] && bits_of(n) >= SIGNATURE_RSA_MIN &&
	       bits_of(n) <= SIGNATURE_RSA_MAX;
}

static bool is_exponent(struct str e)
{
	return is_odd(e) && e.p[0] && e.n <= 8 && !(e.n == 1 && e.p[0] == 1);
}

struct signature_key *signature_rsa(struct str modulus, struct str exponent)
{
	struct arena a = {0};
	struct signature_key *key = NULL;

	if (is_modulus(modulus) && is_exponent(exponent)) {
		const cjose_jwk_rsa_keyspec spec = {.n = bytes_of(&a, modulus),
		    .nlen = modulus.n,
		    .e = bytes_of(&a, exponent),
		    .elen = exponent.n};
		key = made(SIGNATURE_RS256, modulus.n,
		    cjose_jwk_create_RSA_spec(&spec, NULL));
	}
	arena_release(&a);
	return key;
}

struct signature_key *signature_p256(struct str x, struct str y)
{
	struct arena a = {0};
	struct signature_key *key = NULL;

	if (x.n == SIGNATURE_P256_BYTES && y.n == SIGNATURE_P256_BYTES) {
		const cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_256,
		    .x = bytes_of(&a, x),
		    .xlen = x.n,
		    .y = bytes_of(&a, y),
		    .ylen = y.n};
		key = made(SIGNATURE_ES256, 2 * SIGNATURE_P256_BYTES,
		    cjose_jwk_create_EC_spec(&spec, NULL));
	}
	arena_release(&a);
	return key;
}

/* How long its signature is as text; the library is not asked of others. */
static size_t signature_length(struct str token)
{
	size_t n = 0;

	while (n < token.n && token.p[token.n - 1 - n] != '.')
		n++;
	return n;
}

bool signature_verify(
    const struct signature_key *key, enum signature_alg alg, struct str token)
{
	if (alg != key->alg ||
	    signature_length(token) != (key->bytes * 4 + 2) / 3)
		return false;
	cjose_jws_t *jws = cjose_jws_import(token.p, token.n, NULL);
	bool good = jws && cjose_jws_verify(jws, key->jwk, NULL);
	cjose_jws_release(jws);
	return good;
}

/* ---- does it work? ------------------------------------------------------- */

/* {"alg": …} and {}, signed by keys that nobody has any more. */
static const char rsa_n[] =
    "ph34o6rfcUy3ChE95cUFgqWP1vCDZEe2k_msDIcDndn0XX6AKtMbXs4u"
    "RlVigb3LIrIdswd3EXfmeWOx9o5mGG-KlQQglpZy4gTl-KRRBy7flyj8"
    "8JgtxvRvXPaj6rOgd5GvU4UxAqWob1EAX2aWYvX6M8tvFyFxDr0ik_3z"
    "Agro2k9i4Y7FK8g_1SpU1A3Y-f78GtgRiLsWgMDvBSA2eca49YNipDhr"
    "x8y9t3JhJGPPszUWp9zk3FpzWWok3BVk1pDP9Wf-XPH3mFiuSXgAnvkn"
    "5vHAP-2uvvVXICKdC9EP4m36Js6aet6w7JRJfsa6b4MVAW5mUvcOrIvy"
    "LbCk7w";
static const char rsa_token[] =
    "eyJhbGciOiJSUzI1NiJ9.e30.c_IH9DcaW8fmPAr4lwNLIW3nxTLA1AR"
    "EoRrAkEYPrUyWrtlssF7pTLmqDqrhh0NY_qhh33coyEejbFb1qeZsBVo"
    "M2tc8I7Dw1SKNInBVZbZwuDcK-rQFtaVHP-p60ixrFxj8w3nBgcGs3wv"
    "gA30_yP9TufgLDCmuy-vZuihU4ldCK58o3KL5g7p9PoM52yQfgaSI8zv"
    "LJKB7b_nraxsBHqtG8ZYEIarZ3PoEmyajJr57MG3cnPTqmly0rxzkaq4"
    "R1n8Fkkcr2N3C0q3zvqrq4cB5tMFW0FqVntoklt4hxRtZCWDMzxRGBi_"
    "iDLeOI3n4SOxE38hcYEHF7GNv9BgcqA";
static const char ec_x[] = "Ij1jXNX_0ETkSIuMbyp-YAmDLwR2vRCeKNYTMMch_t4";
static const char ec_y[] = "UzgMY06E66Kpp8oBhcXMSqLVzYqhs_LJ94BcwGddQF8";
static const char ec_token[] =
    "eyJhbGciOiJFUzI1NiJ9.e30.ZoMv5w01YOISvHXQ-GtOuuCQ_HPPRxT"
    "3my2M6aQiFqNoqBgGzSHTGwq_JsVkN4GRVB-q9qSBvbjQBqGdL8H0Tg";

static bool knows(const struct signature_key *key, enum signature_alg alg,
    struct arena *a, const char *token)
{
	char *bad = arena_cstr(a, str_of(token));

	char *at = bad + strlen(bad) - 40;
	*at = *at == 'A' ? 'B' : 'A';
	return key && signature_verify(key, alg, str_of(token)) &&
	       !signature_verify(key, alg, str_of(bad));
}

bool signature_works(void)
{
	struct arena a = {0};
	struct signature_key *rsa = NULL, *ec = NULL;
	struct str n, e, x, y;

	bool works = base64url_read(&a, STR(rsa_n), &n) &&
		     base64url_read(&a, STR("AQAB"), &e) &&
		     base64url_read(&a, STR(ec_x), &x) &&
		     base64url_read(&a, STR(ec_y), &y);
	if (works) {
		rsa = signature_rsa(n, e);
		ec = signature_p256(x, y);
		works = knows(rsa, SIGNATURE_RS256, &a, rsa_token) &&
			knows(ec, SIGNATURE_ES256, &a, ec_token);
	}
	signature_free(rsa);
	signature_free(ec);
	arena_release(&a);
	return works;
}
