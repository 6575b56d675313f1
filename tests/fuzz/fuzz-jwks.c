#include "cgi/jwks.h"
#include "tests/fuzz/fuzz.h"

/*
 * A set of keys comes from a provider: what of it is used is within the caps,
 * and found again by its name; what is refused leaves nothing behind.
 */
const char *const fuzz_words[] = {"{\"keys\":[", "]}", "\"kty\":\"RSA\"",
    "\"kty\":\"EC\"", "\"crv\":\"P-256\"", "\"use\":\"sig\"", "\"use\":\"enc\"",
    "\"alg\":\"RS256\"", "\"alg\":\"ES256\"", "\"kid\":\"\"", "\"kid\":\"a\"",
    "\"n\":\"\"", "\"e\":\"AQAB\"", "\"e\":\"AQ\"", "\"x\":\"AA\"",
    "\"key_ops\":[\"verify\"]", "\"d\":\"AA\"", "null", "1e999", "\\u0000",
    "\\ud83d\\udc1a", ",", "AAAAAAAA", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jwks set;
	enum err err = jwks_parse((struct str){(const char *)data, n}, &set);

	fuzz_must(err == ERR_OK || err == ERR_SYNTAX || err == ERR_TOO_LARGE);
	fuzz_must(err == ERR_OK || (set.n == 0 && !set.arena.newest));
	fuzz_must(set.n + set.left_out <= JWKS_KEYS_MAX);
	for (size_t i = 0; i < set.n; i++) {
		const struct token token = {
		    .alg = set.keys[i].alg, .kid = set.keys[i].kid};
		const struct jwk *key = NULL;
		enum token_verdict verdict = jwks_find(&set, &token, &key);
		fuzz_must(set.keys[i].key && token.kid.n <= TOKEN_KID_MAX);
		if (token.kid.n)
			fuzz_must(verdict == TOKEN_OK && key == &set.keys[i]);
		else
			fuzz_must(
			    verdict == TOKEN_OK || verdict == TOKEN_MALFORMED);
		fuzz_must(!signature_verify(set.keys[i].key, set.keys[i].alg,
		    (struct str){(const char *)data, n}));
	}
	jwks_release(&set);
	return 0;
}
