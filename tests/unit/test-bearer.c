#include "cgi/bearer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/bearer-cache.h"
#include "lib/fs.h"
#include "tests/unit/token-kit.h"

/*
 * Tokens as they come, against sets of keys as they lie there: every attack
 * that is not told apart by the header and the claims alone (test-token.c).
 */
#define NOW_S 1795250000
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define ID "https://id.example"
#define COGNITO "https://cognito.example/pool"

enum { PROVIDER_ID, PROVIDER_COGNITO, PROVIDER_TWIN, PROVIDERS };
static struct str both[] = {S("RS256"), S("ES256")};
static struct str rs_only[] = {S("RS256")};
static struct str api_audience[] = {S("api")}, twin_audience[] = {S("twin")};
static struct str clients[] = {S("web")};
static struct provider providers[PROVIDERS] = {
    [PROVIDER_ID] = {.name = S("id"),
	.kind = S("oidc"),
	.issuer = S(ID),
	.audiences = {api_audience, 1},
	.algorithms = {both, 2},
	.leeway_ms = 5000},
    [PROVIDER_COGNITO] = {.name = S("cog:test"),
	.kind = S("cognito"),
	.issuer = S(COGNITO),
	.client_ids = {clients, 1},
	.algorithms = {rs_only, 1}},
    /* the same issuer, another audience */
    [PROVIDER_TWIN] = {.name = S("twin"),
	.kind = S("oidc"),
	.issuer = S(ID),
	.audiences = {twin_audience, 1},
	.algorithms = {both, 2}},
};
static struct config config = {
    .providers = providers, .n_providers = PROVIDERS};

static struct arena arena;
static EVP_PKEY *rsa, *rsa_2, *ec;
static char dir[] = "/tmp/lowtide-bearer.XXXXXX";
static struct bearer *bearer;
static int64_t now_ms, now_boot;
static struct token_claims got;

static void put_set(const char *provider, const char *keys)
{
	const char *path =
	    arena_printf(&arena, "%s/jwks/%s.json", dir, provider).p;
	struct str set = arena_printf(&arena, "{\"keys\":[%s]}", keys);

	assert_int_equal(fs_write(path, set, 0644, NULL), ERR_OK);
}

static void put_all_sets(void)
{
	const char *keys = arena_printf(&arena, "%s,%s",
	    kit_jwk(&arena, rsa, "r", ""), kit_jwk(&arena, ec, "e", ""))
			       .p;

	put_set("id", keys);
	put_set("twin", keys);
	put_set("cog-test", kit_jwk(&arena, rsa_2, "c", ""));
}

static int up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(
	    mkdir(arena_printf(&arena, "%s/jwks", dir).p, 0755), 0);
	bearer = bearer_open(&config, dir, NULL, NULL);
	assert_non_null(bearer);
	now_ms = (int64_t)NOW_S * 1000;
	now_boot = 1000;
	put_all_sets();
	return 0;
}

static int down(void **state)
{
	(void)state;
	bearer_close(bearer);
	bearer_close(NULL);
	return fs_remove_tree(dir, NULL) == ERR_OK ? 0 : -1;
}

static enum token_verdict asks(int provider, const char *authorization)
{
	got = (struct token_claims){0};
	return bearer_check(bearer, &arena, str_of(authorization),
	    provider < 0 ? NULL : &providers[provider], now_ms, now_boot, &got);
}

static const char *header_of(const char *token)
{
	return arena_printf(&arena, "Bearer %s", token).p;
}

#define RS_HEADER "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES_HEADER "{\"alg\":\"ES256\",\"kid\":\"e\"}"
#define CLAIMS(sub)                                                            \
	"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"" sub                   \
	"\",\"exp\":1795250060,\"scope\":\"read write\"}"

/* Of the honest issuer, signed by this key. */
static enum token_verdict takes(EVP_PKEY *key, const char *header)
{
	return asks(PROVIDER_ID,
	    header_of(kit_token(&arena, key, header, CLAIMS("ann"))));
}

static void honest_ones(void **state)
{
	(void)state;

	assert_int_equal(takes(rsa, RS_HEADER), TOKEN_OK);
	assert_true(str_is(got.subject, "ann"));
	assert_true(str_is(got.issuer, ID));
	assert_true(str_is(got.scope, "read write"));
	assert_int_equal(takes(ec, ES_HEADER), TOKEN_OK);
	assert_int_equal(takes(rsa, "{\"alg\":\"RS256\"}"), TOKEN_OK);
	assert_int_equal(takes(ec, "{\"alg\":\"ES256\"}"), TOKEN_OK);
}

static void schemes(void **state)
{
	const char *token = kit_token(&arena, ec, ES_HEADER, CLAIMS("ann"));
	const struct {
		const char *format;
		enum token_verdict verdict;
	} rows[] = {
	    {"Bearer %s", TOKEN_OK},
	    {"bearer %s", TOKEN_OK},
	    {"BEARER %s", TOKEN_OK},
	    {"%s", TOKEN_ABSENT},
	    {"Basic YW5uOng= %s", TOKEN_ABSENT},
	    {"Bearer%s", TOKEN_ABSENT},
	    {"Bearer\t%s", TOKEN_ABSENT},
	    {"BearerX %s", TOKEN_ABSENT},
	    {" Bearer %s", TOKEN_ABSENT},
	    {"DPoP %s", TOKEN_ABSENT},
	    {"Bearer  %s", TOKEN_MALFORMED},
	    {"Bearer %s ", TOKEN_MALFORMED},
	    {"Bearer \"%s\"", TOKEN_MALFORMED},
	    {"Bearer %s, Basic x", TOKEN_MALFORMED},
	    {"Bearer %s,", TOKEN_MALFORMED},
	    {"Bearer %s=", TOKEN_MALFORMED},
	    {"Bearer x%s", TOKEN_MALFORMED},
	    {"Bearer %.0s", TOKEN_MALFORMED},
	    {"Bearer =%s", TOKEN_MALFORMED},
	    {"Bearer %s\xc3\xa9", TOKEN_MALFORMED},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), rows[i].format, token);
#pragma GCC diagnostic pop
		if (asks(PROVIDER_ID, line) != rows[i].verdict)
			fail_msg("%s", rows[i].format);
	}
	assert_int_equal(asks(PROVIDER_ID, ""), TOKEN_ABSENT);
	assert_int_equal(asks(PROVIDER_ID, "Bearer"), TOKEN_MALFORMED);
	char *huge = arena_alloc(&arena, TOKEN_MAX + 100);
	memset(huge, 'A', TOKEN_MAX + 1);
	assert_int_equal(asks(PROVIDER_ID, header_of(huge)), TOKEN_MALFORMED);
	assert_int_equal(
	    bearer_check(bearer, &arena, (struct str){"Bearer a\0b", 10},
		&providers[0], now_ms, now_boot, &got),
	    TOKEN_MALFORMED);
}

/* ---- attacks ------------------------------------------------------------- */

static void made_up_signatures(void **state)
{
	struct str modulus = kit_number(&arena, rsa, OSSL_PKEY_PARAM_RSA_N, 0);
	const char *jwk = kit_jwk(&arena, rsa, "r", "");
	const char *none_header = "{\"alg\":\"none\",\"kid\":\"r\"}";
	const char *hs_header = "{\"alg\":\"HS256\",\"kid\":\"r\"}";
	const char *claims = CLAIMS("eve");
	EVP_PKEY *eve = kit_rsa(2048), *eve_ec = kit_ec("P-256");
	(void)state;

	/* no signature, and none wanted */
	const char *none = kit_unsigned(&arena, none_header, claims).p;
	assert_int_equal(
	    asks(PROVIDER_ID, arena_printf(&arena, "Bearer %s.", none).p),
	    TOKEN_MALFORMED);
	assert_int_equal(asks(PROVIDER_ID, header_of(none)), TOKEN_MALFORMED);
	assert_int_equal(
	    asks(PROVIDER_ID, arena_printf(&arena, "Bearer %s.AA", none).p),
	    TOKEN_ALGORITHM);
	/* the public key as a secret, in each way it is published */
	assert_int_equal(asks(PROVIDER_ID, header_of(kit_hmac(&arena, modulus,
					       hs_header, claims))),
	    TOKEN_ALGORITHM);
	assert_int_equal(
	    asks(PROVIDER_ID,
		header_of(kit_hmac(&arena, str_of(jwk), hs_header, claims))),
	    TOKEN_ALGORITHM);
	assert_int_equal(asks(PROVIDER_ID, header_of(kit_hmac(&arena, modulus,
					       RS_HEADER, claims))),
	    TOKEN_SIGNATURE);
	/* his own keys, with an honest name, and brought along */
	assert_int_equal(takes(eve, RS_HEADER), TOKEN_SIGNATURE);
	assert_int_equal(takes(eve_ec, ES_HEADER), TOKEN_SIGNATURE);
	struct str brought =
	    arena_printf(&arena, "{\"alg\":\"RS256\",\"kid\":\"r\",\"jwk\":%s}",
		kit_jwk(&arena, eve, "r", ""));
	assert_int_equal(takes(eve, brought.p), TOKEN_SIGNATURE);
	assert_int_equal(
	    takes(eve, "{\"alg\":\"RS256\",\"kid\":\"r\","
		       "\"jku\":\"https://evil.example/jwks.json\"}"),
	    TOKEN_SIGNATURE);
	assert_int_equal(
	    takes(eve, "{\"alg\":\"RS256\",\"kid\":\"../../../tmp/eve\"}"),
	    TOKEN_UNKNOWN_KEY);
	/* the key of the other algorithm */
	assert_int_equal(
	    takes(rsa, "{\"alg\":\"RS256\",\"kid\":\"e\"}"), TOKEN_ALGORITHM);
	assert_int_equal(
	    takes(ec, "{\"alg\":\"ES256\",\"kid\":\"r\"}"), TOKEN_ALGORITHM);
	/* other claims under an honest signature */
	struct str honest =
	    str_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	size_t dot = str_find(honest, '.', 0);
	size_t last = str_find(honest, '.', dot + 1);
	struct str forged = kit_unsigned(&arena, RS_HEADER, claims);
	struct str swapped = arena_join(&arena, 3,
	    (const struct str[]){
		STR("Bearer "), forged, str_slice(honest, last, honest.n)});
	assert_int_equal(asks(PROVIDER_ID, swapped.p), TOKEN_SIGNATURE);
	EVP_PKEY_free(eve);
	EVP_PKEY_free(eve_ec);
}

static void tokens_for_others(void **state)
{
	static const struct {
		const char *claims;
		enum token_verdict verdict;
	} rows[] = {
	    {"{\"iss\":\"" ID "\",\"aud\":\"web\",\"sub\":\"ann\","
	     "\"exp\":1795250060}",
		TOKEN_CLAIMS},
	    {"{\"iss\":\"" ID "\",\"sub\":\"ann\",\"exp\":1795250060}",
		TOKEN_CLAIMS},
	    {"{\"iss\":\"" COGNITO "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795250060}",
		TOKEN_CLAIMS},
	    {"{\"aud\":\"api\",\"sub\":\"ann\",\"exp\":1795250060}",
		TOKEN_CLAIMS},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"exp\":1795250060}",
		TOKEN_CLAIMS},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\"}",
		TOKEN_CLAIMS},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795249990}",
		TOKEN_TIME},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795249999}",
		TOKEN_OK}, /* a second ago, within the leeway */
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795250060,\"nbf\":1795250004}",
		TOKEN_OK},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795250060,\"nbf\":1795250006}",
		TOKEN_TIME},
	    {"{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
	     "\"exp\":1795250060,\"iat\":1795250030}",
		TOKEN_TIME},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *header =
		    header_of(kit_token(&arena, ec, ES_HEADER, rows[i].claims));
		/* twice: what is remembered says the same */
		for (int round = 0; round < 2; round++)
			if (asks(PROVIDER_ID, header) != rows[i].verdict)
				fail_msg("%d: %s", round, rows[i].claims);
	}
}

static void cognito_tokens(void **state)
{
#define COGNITO_CLAIMS(more)                                                   \
	"{\"iss\":\"" COGNITO "\",\"sub\":\"ann\",\"exp\":1795250060," more "}"
	static const struct {
		const char *claims;
		enum token_verdict verdict;
	} rows[] = {
	    {COGNITO_CLAIMS("\"client_id\":\"web\",\"token_use\":\"access\""),
		TOKEN_OK},
	    {COGNITO_CLAIMS("\"aud\":\"web\",\"token_use\":\"id\""),
		TOKEN_CLAIMS},
	    {COGNITO_CLAIMS("\"client_id\":\"web\",\"token_use\":\"id\""),
		TOKEN_CLAIMS},
	    {COGNITO_CLAIMS("\"client_id\":\"x\",\"token_use\":\"access\""),
		TOKEN_CLAIMS},
	};
	const char *header = "{\"alg\":\"RS256\",\"kid\":\"c\"}";
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    asks(PROVIDER_COGNITO, header_of(kit_token(&arena, rsa_2,
					       header, rows[i].claims))),
		    rows[i].verdict);
	/* signed by the other provider's key, and for his API */
	assert_int_equal(asks(PROVIDER_COGNITO, header_of(kit_token(&arena, rsa,
						    header, rows[0].claims))),
	    TOKEN_SIGNATURE);
	assert_int_equal(asks(PROVIDER_ID, header_of(kit_token(&arena, rsa_2,
					       header, rows[0].claims))),
	    TOKEN_CLAIMS);
	/* an algorithm that this provider does not use */
	assert_int_equal(
	    asks(PROVIDER_COGNITO,
		header_of(kit_token(&arena, ec,
		    "{\"alg\":\"ES256\",\"kid\":\"c\"}", rows[0].claims))),
	    TOKEN_ALGORITHM);
}

static void any_provider(void **state)
{
	const char *to_id =
	    header_of(kit_token(&arena, ec, ES_HEADER, CLAIMS("ann")));
	const char *to_twin = header_of(kit_token(&arena, ec, ES_HEADER,
	    "{\"iss\":\"" ID "\",\"aud\":\"twin\",\"sub\":\"bob\","
	    "\"exp\":1795250060}"));
	const char *to_cognito = header_of(kit_token(&arena, rsa_2,
	    "{\"alg\":\"RS256\",\"kid\":\"c\"}",
	    COGNITO_CLAIMS("\"client_id\":\"web\",\"token_use\":\"access\"")));
	const char *strange = header_of(kit_token(&arena, ec, ES_HEADER,
	    "{\"iss\":\"https://evil.example\",\"aud\":\"api\","
	    "\"sub\":\"ann\",\"exp\":1795250060}"));
	(void)state;

	for (int round = 0; round < 3; round++) {
		assert_int_equal(asks(-1, to_id), TOKEN_OK);
		assert_true(str_is(got.subject, "ann"));
		assert_int_equal(asks(-1, to_twin), TOKEN_OK);
		assert_true(str_is(got.subject, "bob"));
		assert_true(str_is(got.issuer, ID));
		assert_int_equal(asks(-1, to_cognito), TOKEN_OK);
		assert_true(str_is(got.issuer, COGNITO));
		assert_int_equal(asks(-1, strange), TOKEN_CLAIMS);
		/* what one provider takes is no other's */
		assert_int_equal(asks(PROVIDER_TWIN, to_id), TOKEN_CLAIMS);
		assert_int_equal(asks(PROVIDER_ID, to_twin), TOKEN_CLAIMS);
		assert_int_equal(asks(PROVIDER_ID, to_cognito), TOKEN_CLAIMS);
	}
	/* to_id once; to_twin with both; to_cognito once; the two others' */
	assert_int_equal(bearer_verified(bearer), 5);
	assert_int_equal(asks(-1, ""), TOKEN_ABSENT);
	assert_int_equal(asks(-1, "Bearer x"), TOKEN_MALFORMED);
}

/* ---- keys that come and go ----------------------------------------------- */

static void keys_are_rotated(void **state)
{
	const char *old =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	const char *new = header_of(kit_token(
	    &arena, rsa_2, "{\"alg\":\"RS256\",\"kid\":\"n\"}", CLAIMS("ann")));
	(void)state;

	assert_int_equal(asks(PROVIDER_ID, old), TOKEN_OK);
	assert_int_equal(asks(PROVIDER_ID, new), TOKEN_UNKNOWN_KEY);
	/* both for a while; the unknown one is looked for at once */
	put_set(
	    "id", arena_printf(&arena, "%s,%s", kit_jwk(&arena, rsa, "r", ""),
		      kit_jwk(&arena, rsa_2, "n", ""))
		      .p);
	assert_int_equal(asks(PROVIDER_ID, new), TOKEN_OK);
	assert_int_equal(asks(PROVIDER_ID, old), TOKEN_OK);
	/* then the old one has left, and with it what it had signed */
	put_set("id", kit_jwk(&arena, rsa_2, "n", ""));
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_ID, old), TOKEN_UNKNOWN_KEY);
	assert_int_equal(asks(PROVIDER_ID, new), TOKEN_OK);
	/* another key under its name */
	put_set("id", kit_jwk(&arena, rsa, "n", ""));
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_ID, new), TOKEN_SIGNATURE);
}

static void broken_files_change_nothing(void **state)
{
	const char *path = arena_printf(&arena, "%s/jwks/id.json", dir).p;
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	uint64_t verified;
	(void)state;

	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	verified = bearer_verified(bearer);
	assert_int_equal(truncate(path, 40), 0);
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	assert_int_equal(unlink(path), 0);
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	assert_int_equal(bearer_verified(bearer), verified);
	/* a good one without keys: nobody is let in by the old ones */
	put_set("id", "");
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_NO_KEYS);
}

static void no_keys_yet(void **state)
{
	const char *path = arena_printf(&arena, "%s/jwks/id.json", dir).p;
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	(void)state;

	assert_int_equal(unlink(path), 0);
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_NO_KEYS);
	/* what is wrong with the token itself is told all the same */
	assert_int_equal(asks(PROVIDER_ID, "Bearer x.y.z"), TOKEN_MALFORMED);
	assert_int_equal(asks(PROVIDER_ID, ""), TOKEN_ABSENT);
	put_all_sets();
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
}

/* The folder itself may come later, and be another one. */
static void a_folder_that_is_replaced(void **state)
{
	const char *jwks = arena_printf(&arena, "%s/jwks", dir).p;
	const char *old = arena_printf(&arena, "%s/old", dir).p;
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	(void)state;

	assert_int_equal(rename(jwks, old), 0);
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_NO_KEYS);
	assert_int_equal(mkdir(jwks, 0755), 0);
	put_all_sets();
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
}

static void the_worker_is_told_seldom(void **state)
{
	const char *header = "{\"alg\":\"RS256\",\"kid\":\"x\"}";
	(void)state;

	assert_null(bearer_wants(bearer, now_boot));
	assert_int_equal(takes(rsa, RS_HEADER), TOKEN_OK);
	assert_null(bearer_wants(bearer, now_boot));
	for (int i = 0; i < 3; i++)
		assert_int_equal(takes(rsa, header), TOKEN_UNKNOWN_KEY);
	assert_ptr_equal(
	    bearer_wants(bearer, now_boot), &providers[PROVIDER_ID]);
	assert_null(bearer_wants(bearer, now_boot));
	now_boot += BEARER_WANT_MS - 1;
	assert_int_equal(takes(rsa, header), TOKEN_UNKNOWN_KEY);
	assert_null(bearer_wants(bearer, now_boot));
	now_boot += 1;
	assert_int_equal(takes(rsa, header), TOKEN_UNKNOWN_KEY);
	assert_ptr_equal(
	    bearer_wants(bearer, now_boot), &providers[PROVIDER_ID]);
	/* others have a time of their own; a set that is missing counts */
	put_set("cog-test", "");
	now_boot += JWKS_LOOK_MS;
	assert_int_equal(asks(PROVIDER_COGNITO,
			     header_of(kit_token(&arena, rsa_2, header,
				 COGNITO_CLAIMS("\"token_use\":\"access\"")))),
	    TOKEN_NO_KEYS);
	assert_ptr_equal(
	    bearer_wants(bearer, now_boot), &providers[PROVIDER_COGNITO]);
}

/* ---- what is remembered -------------------------------------------------- */

static void a_signature_is_checked_once(void **state)
{
	const char *good =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	const char *bad =
	    header_of(kit_token(&arena, rsa_2, RS_HEADER, CLAIMS("ann")));
	const char *other = header_of(kit_token(&arena, rsa, RS_HEADER,
	    "{\"iss\":\"" ID "\",\"aud\":\"x\",\"sub\":\"a\",\"exp\":1}"));
	(void)state;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(asks(PROVIDER_ID, good), TOKEN_OK);
		assert_true(str_is(got.subject, "ann"));
		assert_true(str_is(got.scope, "read write"));
		assert_true(str_is(got.issuer, ID));
		assert_int_equal(asks(PROVIDER_ID, bad), TOKEN_SIGNATURE);
		assert_int_equal(asks(PROVIDER_ID, other), TOKEN_CLAIMS);
	}
	assert_int_equal(bearer_verified(bearer), 3);
}

/* Time goes on for those that are remembered, whatever was done to it. */
static void the_wall_clock_counts(void **state)
{
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	const int64_t hour = 3600 * 1000;
	(void)state;

	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	now_ms += 64999;
	now_boot += 64999;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	now_ms += 1;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_TIME);
	now_ms -= hour; /* set back */
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	now_ms += 2 * hour;
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_TIME);
	assert_int_equal(bearer_verified(bearer), 1);
}

static void large_scopes_are_taken(void **state)
{
	char scope[BEARER_NOTE_MAX + 10];
	(void)state;

	for (size_t i = 0; i < sizeof(scope); i++)
		scope[i] = i % 8 ? 's' : ' ';
	for (int n = BEARER_NOTE_MAX - 3; n <= BEARER_NOTE_MAX - 2; n++) {
		struct str claims = arena_printf(&arena,
		    "{\"iss\":\"" ID "\",\"aud\":\"api\",\"sub\":\"ann\","
		    "\"exp\":1795250060,\"scope\":\"%.*s\"}",
		    n, scope);
		const char *token =
		    header_of(kit_token(&arena, ec, ES_HEADER, claims.p));
		uint64_t before = bearer_verified(bearer);
		for (int round = 0; round < 2; round++) {
			assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
			assert_int_equal(got.scope.n, n);
		}
		/* what is longer is looked at anew */
		assert_int_equal(bearer_verified(bearer) - before,
		    n + 3 > BEARER_NOTE_MAX ? 2 : 1);
	}
}

static void the_cache_is_bounded(void **state)
{
	struct bearer_cache *cache = bearer_cache_new();
	const struct token_claims claims = {
	    .subject = STR("ann"), .ends_ms = 5};
	struct bearer_mark mark = {.generation = 1}, hot = mark;
	struct token_claims found;
	size_t known = 0;
	(void)state;

	bearer_cache_hash(cache, STR("hot"), hot.hash);
	bearer_cache_note(cache, &hot, TOKEN_OK, &claims);
	for (uint32_t i = 0; i < 3 * BEARER_CACHE_MAX; i++) {
		bearer_cache_hash(cache,
		    (struct str){(const char *)&i, sizeof(i)}, mark.hash);
		bearer_cache_note(cache, &mark, TOKEN_OK, &claims);
		/* who comes all the time stays, whoever else comes */
		assert_int_equal(
		    bearer_cache_find(cache, &hot, &arena, &found), TOKEN_OK);
	}
	/* those that were made up drive out nobody */
	for (uint32_t i = 0; i < 3 * BEARER_CACHE_MAX; i++) {
		bearer_cache_hash(cache,
		    (struct str){(const char *)&i, sizeof(i)}, mark.hash);
		if (bearer_cache_find(cache, &mark, &arena, &found) == TOKEN_OK)
			known++;
		mark.provider = 1;
		bearer_cache_note(cache, &mark, TOKEN_SIGNATURE, NULL);
		assert_int_equal(
		    bearer_cache_find(cache, &mark, &arena, &found),
		    TOKEN_SIGNATURE);
		mark.provider = 0;
	}
	assert_in_range(known, BEARER_CACHE_MAX / 2, BEARER_CACHE_MAX);
	assert_int_equal(
	    bearer_cache_find(cache, &hot, &arena, &found), TOKEN_OK);
	assert_true(str_is(found.subject, "ann"));
	hot.generation = 2;
	assert_int_equal(
	    bearer_cache_find(cache, &hot, &arena, &found), TOKEN_ABSENT);
	hot.generation = 0;
	assert_int_equal(
	    bearer_cache_find(cache, &hot, &arena, &found), TOKEN_ABSENT);
	bearer_cache_free(cache);
	bearer_cache_free(NULL);
}

/* ---- configurations ------------------------------------------------------ */

static void another_configuration(void **state)
{
	struct provider fewer[] = {providers[PROVIDER_ID]};
	const struct config other = {.providers = fewer, .n_providers = 1};
	const char *path = arena_printf(&arena, "%s/jwks/id.json", dir).p;
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	(void)state;

	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	/* its keys stay, although their file is gone meanwhile */
	assert_int_equal(unlink(path), 0);
	bearer_reconfigure(bearer, &other);
	assert_int_equal(bearer_check(bearer, &arena, str_of(token), &fewer[0],
			     now_ms, now_boot, &got),
	    TOKEN_OK);
	assert_int_equal(bearer_verified(bearer), 2);
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_NO_KEYS);
	/* what it asks for is another thing now */
	fewer[0].audiences = (struct strs){twin_audience, 1};
	bearer_reconfigure(bearer, &other);
	assert_int_equal(bearer_check(bearer, &arena, str_of(token), &fewer[0],
			     now_ms, now_boot, &got),
	    TOKEN_CLAIMS);
	bearer_reconfigure(bearer, &config);
	assert_int_equal(asks(PROVIDER_ID, token), TOKEN_OK);
	assert_int_equal(asks(PROVIDER_TWIN, token), TOKEN_CLAIMS);
}

static void two_names_of_one_file(void **state)
{
	struct provider pair[] = {
	    providers[PROVIDER_ID], providers[PROVIDER_ID]};
	const struct config other = {.providers = pair, .n_providers = 2};
	const char *token =
	    header_of(kit_token(&arena, rsa, RS_HEADER, CLAIMS("ann")));
	(void)state;

	pair[0].name = STR("a:b");
	pair[1].name = STR("a-b");
	put_set("a-b", kit_jwk(&arena, rsa, "r", ""));
	bearer_reconfigure(bearer, &other);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(bearer_check(bearer, &arena, str_of(token),
				     &pair[i], now_ms, now_boot, &got),
		    TOKEN_NO_KEYS);
}

static void what_is_missing_is_reported(void **state)
{
	struct diag diag;
	(void)state;

	diag_init(&diag, &arena);
	bearer_report(bearer, now_ms, &diag);
	assert_null(diag.first);
	put_set("id", "");
	put_set("twin", "{");
	assert_int_equal(
	    unlink(arena_printf(&arena, "%s/jwks/cog-test.json", dir).p), 0);
	struct bearer *fresh = bearer_open(&config, dir, NULL, &diag);
	bearer_report(fresh, now_ms, &diag);
	bearer_close(fresh);
	assert_int_equal(diag.warnings, 3);
	assert_int_equal(diag.errors, 0);
	assert_string_equal(diag.first->name, "jwks-bad");
	assert_string_equal(diag.first->next->name, "jwks-missing");
	assert_string_equal(diag.last->name, "jwks-bad");
	assert_null(bearer_open(&config, "/nowhere/at/all", NULL, &diag));
	assert_int_equal(diag.errors, 1);
}

static int set_up(void **state)
{
	(void)state;
	rsa = kit_rsa(2048);
	rsa_2 = kit_rsa(2048);
	ec = kit_ec("P-256");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa_2);
	EVP_PKEY_free(ec);
	arena_release(&arena);
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    T(honest_ones),
	    T(schemes),
	    T(made_up_signatures),
	    T(tokens_for_others),
	    T(cognito_tokens),
	    T(any_provider),
	    T(keys_are_rotated),
	    T(broken_files_change_nothing),
	    T(no_keys_yet),
	    T(a_folder_that_is_replaced),
	    T(the_worker_is_told_seldom),
	    T(a_signature_is_checked_once),
	    T(the_wall_clock_counts),
	    T(large_scopes_are_taken),
	    cmocka_unit_test(the_cache_is_bounded),
	    T(another_configuration),
	    T(two_names_of_one_file),
	    T(what_is_missing_is_reported),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bearer", tests, set_up, tear_down);
}
