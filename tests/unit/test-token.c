#include "cgi/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/token-kit.h"

/*
 * What a token says, without anybody's key: the signature's part holds
 * whatever it likes here.
 */
#define NOW_S 1795250000
#define NOW ((int64_t)NOW_S * 1000)
#define ISS "https://id.example/pool"
#define RS "{\"alg\":\"RS256\"}"

static struct arena arena;
static struct str audiences[] = {{.p = "api", .n = 3}, {.p = "b", .n = 1}};
static struct str clients[] = {{.p = "web", .n = 3}, {.p = "app", .n = 3}};
static struct str algorithms[] = {{.p = "RS256", .n = 5}};
static struct provider plain, cognito;

static int set_up(void **state)
{
	(void)state;
	plain = (struct provider){.name = STR("id"),
	    .kind = STR("oidc"),
	    .issuer = STR(ISS),
	    .audiences = {audiences, 2},
	    .algorithms = {algorithms, 1}};
	cognito = plain;
	cognito.kind = STR("cognito");
	cognito.audiences = (struct strs){0};
	cognito.client_ids = (struct strs){clients, 2};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct str unsigned_token(const char *header, const char *payload)
{
	return str_of(kit_with(
	    &arena, kit_unsigned(&arena, header, payload), STR("signature")));
}

static enum token_verdict reads(const char *header, const char *payload)
{
	struct token token;

	return token_read(&arena, unsigned_token(header, payload), &token);
}

static void headers(void **state)
{
	static const struct {
		const char *header;
		enum token_verdict verdict;
	} rows[] = {
	    {RS, TOKEN_OK},
	    {"{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\"}", TOKEN_OK},
	    {"{\"alg\":\"RS256\",\"typ\":\"jwt\"}", TOKEN_OK},
	    {"{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", TOKEN_OK},
	    {"{\"alg\":\"RS256\",\"typ\":\"application/AT+JWT\"}", TOKEN_OK},
	    {"{\"alg\":\"RS256\",\"jku\":\"https://evil.example\"}", TOKEN_OK},
	    {"{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"}}", TOKEN_OK},
	    {"{\"alg\":\"none\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"None\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"HS256\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"rs256\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"RS512\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"PS256\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"EdDSA\"}", TOKEN_ALGORITHM},
	    {"{\"alg\":\"RS256 \"}", TOKEN_ALGORITHM},
	    {"{}", TOKEN_MALFORMED},
	    {"{\"alg\":\"\"}", TOKEN_MALFORMED},
	    {"{\"alg\":null}", TOKEN_MALFORMED},
	    {"{\"alg\":[\"RS256\"]}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"alg\":\"none\"}", TOKEN_MALFORMED},
	    {"{\"alg\":\"none\",\"alg\":\"RS256\"}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"crit\":[]}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"crit\":null}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}",
		TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"typ\":\"\"}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"typ\":7}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"kid\":7}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"kid\":\"\"}", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\",\"kid\":null}", TOKEN_MALFORMED},
	    {"[\"RS256\"]", TOKEN_MALFORMED},
	    {"\"RS256\"", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\"", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\"} x", TOKEN_MALFORMED},
	    {"{\"alg\":\"RS256\\u0000\"}", TOKEN_MALFORMED},
	    {"\xef\xbb\xbf{\"alg\":\"RS256\"}", TOKEN_MALFORMED},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (reads(rows[i].header, "{}") != rows[i].verdict)
			fail_msg(
			    "%s: not %d", rows[i].header, (int)rows[i].verdict);
}

static void names_of_keys(void **state)
{
	char kid[TOKEN_KID_MAX + 2];
	struct token token;
	(void)state;

	memset(kid, 'k', sizeof(kid));
	for (int n = TOKEN_KID_MAX; n <= TOKEN_KID_MAX + 1; n++) {
		struct str header = arena_printf(
		    &arena, "{\"alg\":\"RS256\",\"kid\":\"%.*s\"}", n, kid);
		enum token_verdict verdict =
		    token_read(&arena, unsigned_token(header.p, "{}"), &token);
		assert_int_equal(
		    verdict, n > TOKEN_KID_MAX ? TOKEN_MALFORMED : TOKEN_OK);
	}
	struct str long_one = arena_str(&arena, (struct str){kid, 200});
	struct str header = STR("");
	for (int i = 0; i < 51; i++)
		header = arena_join(
		    &arena, 2, (const struct str[]){header, long_one});
	header = arena_printf(
	    &arena, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", header.p);
	assert_true(header.n > 10000);
	assert_int_equal(reads(header.p, "{}"), TOKEN_MALFORMED);
	assert_int_equal(
	    token_read(&arena,
		unsigned_token(
		    "{\"alg\":\"RS256\",\"kid\":\"../../etc/passwd\"}", "{}"),
		&token),
	    TOKEN_OK);
	assert_true(str_is(token.kid, "../../etc/passwd"));
}

static void shapes(void **state)
{
	static const char *const rows[] = {"", ".", "..", "...", "a.b.c",
	    "e30.e30.AA", "eyJhbGciOiJSUzI1NiJ9.e30.",
	    "eyJhbGciOiJSUzI1NiJ9..AA", ".e30.AA", "eyJhbGciOiJSUzI1NiJ9.e30",
	    "eyJhbGciOiJSUzI1NiJ9.e30.AA.AA",
	    "eyJhbGciOiJSUzI1NiJ9.e30.AA.AA.AA.AA",
	    "eyJhbGciOiJSUzI1NiJ9.e30.AA=", "eyJhbGciOiJSUzI1NiJ9.e30.AB",
	    "eyJhbGciOiJSUzI1NiJ9.e30=.AA", "eyJhbGciOiJSUzI1NiJ9 .e30.AA",
	    "eyJhbGciOiJSUzI1NiJ9.W10.AA", "eyJhbGciOiJSUzI1NiJ9.e31.AA",
	    "eyJhbGciOiJSUzI1NiJ9.e30.A+", "eyJhbGciOiJSUzI1NiJ9.e30.A/"};
	struct token token;
	(void)state;

	assert_int_equal(
	    token_read(&arena, STR("eyJhbGciOiJSUzI1NiJ9.e30.AA"), &token),
	    TOKEN_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (token_read(&arena, str_of(rows[i]), &token) !=
		    TOKEN_MALFORMED)
			fail_msg("%s", rows[i]);
	/* as long as it may be, and a byte more */
	struct str head = STR("eyJhbGciOiJSUzI1NiJ9.e30.");
	char *huge = arena_alloc(&arena, TOKEN_MAX + 2);
	memset(huge, 'A', TOKEN_MAX + 1);
	memcpy(huge, head.p, head.n);
	/* a length that base64 has */
	size_t max = TOKEN_MAX - (TOKEN_MAX - head.n) % 4;
	assert_int_equal(
	    token_read(&arena, (struct str){huge, max}, &token), TOKEN_OK);
	assert_int_equal(
	    token_read(&arena, (struct str){huge, TOKEN_MAX + 1}, &token),
	    TOKEN_MALFORMED);
}

static void payloads(void **state)
{
	struct str deep = STR("1");
	(void)state;

	assert_int_equal(reads(RS, "{\"iss\":7}"), TOKEN_MALFORMED);
	assert_int_equal(
	    reads(RS, "{\"iss\":\"a\",\"iss\":\"b\"}"), TOKEN_MALFORMED);
	assert_int_equal(
	    reads(RS, "{\"x\":{\"a\":1,\"a\":2}}"), TOKEN_MALFORMED);
	assert_int_equal(reads(RS, "{\"sub\":\"a\\u0000b\"}"), TOKEN_MALFORMED);
	assert_int_equal(reads(RS, "{\"sub\":\"\xff\"}"), TOKEN_MALFORMED);
	assert_int_equal(reads(RS, "not json"), TOKEN_MALFORMED);
	for (int depth = 1; depth <= TOKEN_DEPTH_MAX + 1; depth++) {
		struct str payload = arena_printf(&arena, "{\"x\":%s}", deep.p);
		assert_int_equal(reads(RS, payload.p),
		    depth > TOKEN_DEPTH_MAX ? TOKEN_MALFORMED : TOKEN_OK);
		deep = arena_printf(&arena, "[%s]", deep.p);
	}
}

/* ---- claims -------------------------------------------------------------- */

static enum token_verdict check(const struct provider *provider,
    const char *payload, struct token_claims *out)
{
	struct token token;

	assert_int_equal(
	    token_read(&arena, unsigned_token(RS, payload), &token), TOKEN_OK);
	return token_claims(&arena, &token, provider, out);
}

static void claims_of_all(void **state)
{
#define MUST "\"iss\":\"" ISS "\",\"sub\":\"ann\",\"exp\":1795250060"
	static const struct {
		bool good;
		const char *payload;
	} rows[] = {
	    {true, "{" MUST ",\"aud\":\"api\"}"},
	    {true, "{" MUST ",\"aud\":\"b\"}"},
	    {true, "{" MUST ",\"aud\":[\"x\",\"api\"]}"},
	    {true, "{" MUST ",\"aud\":[\"api\"],\"nbf\":1,\"iat\":1.5}"},
	    {false, "{" MUST "}"},
	    {false, "{" MUST ",\"aud\":\"web\"}"},
	    {false, "{" MUST ",\"aud\":\"\"}"},
	    {false, "{" MUST ",\"aud\":[]}"},
	    {false, "{" MUST ",\"aud\":[\"x\"]}"},
	    {false, "{" MUST ",\"aud\":[\"api\",7]}"},
	    {false, "{" MUST ",\"aud\":{\"api\":1}}"},
	    {false, "{" MUST ",\"aud\":[[\"api\"]]}"},
	    {false, "{" MUST ",\"aud\":\"api b\"}"},
	    {false, "{" MUST ",\"aud\":\"API\"}"},
	    {false,
		"{" MUST ",\"client_id\":\"web\",\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"aud\":\"api\",\"nbf\":\"1\"}"},
	    {false, "{" MUST ",\"aud\":\"api\",\"iat\":null}"},
	    {false, "{" MUST ",\"aud\":\"api\",\"nbf\":-1}"},
	    {false, "{\"sub\":\"ann\",\"exp\":1795250060,\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "/\",\"sub\":\"ann\",\"exp\":1795250060,"
		    "\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"\",\"sub\":\"ann\",\"exp\":1795250060,"
		    "\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"exp\":1795250060,\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"\",\"exp\":1795250060,"
		    "\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":7,\"exp\":1795250060,"
		    "\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\","
		    "\"exp\":\"1795250060\"}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\","
		    "\"exp\":null}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\","
		    "\"exp\":1795250060000}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\","
		    "\"exp\":1e400}"},
	    {false, "{\"iss\":\"" ISS "\",\"sub\":\"ann\",\"aud\":\"api\","
		    "\"exp\":99999999999999999999999}"},
	};
	struct token_claims claims;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (check(&plain, rows[i].payload, &claims) !=
		    (rows[i].good ? TOKEN_OK : TOKEN_CLAIMS))
			fail_msg("%s", rows[i].payload);
	assert_int_equal(
	    check(&plain, "{" MUST ",\"aud\":\"api\"}", &claims), TOKEN_OK);
	assert_true(str_is(claims.issuer, ISS));
	assert_true(str_is(claims.subject, "ann"));
	assert_int_equal(claims.ends_ms, NOW + 60000);
	plain.issuer = (struct str){0}; /* one that has none has no tokens */
	assert_int_equal(check(&plain,
			     "{\"iss\":\"\",\"sub\":\"ann\",\"aud\":\"api\","
			     "\"exp\":1795250060}",
			     &claims),
	    TOKEN_CLAIMS);
}

/* Its access tokens have no aud; its id tokens have, and are none. */
static void claims_of_cognito(void **state)
{
	static const struct {
		bool good;
		const char *payload;
	} rows[] = {
	    {true, "{" MUST ",\"client_id\":\"app\",\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"client_id\":\"app\",\"token_use\":\"id\"}"},
	    {false, "{" MUST ",\"client_id\":\"app\"}"},
	    {false, "{" MUST ",\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"client_id\":\"x\",\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"client_id\":[\"app\"],"
		    "\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"aud\":\"app\",\"token_use\":\"id\"}"},
	    {false, "{" MUST ",\"aud\":\"app\",\"token_use\":\"access\"}"},
	    {false, "{" MUST ",\"client_id\":\"\",\"token_use\":\"access\"}"},
	};
	struct token_claims claims;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (check(&cognito, rows[i].payload, &claims) !=
		    (rows[i].good ? TOKEN_OK : TOKEN_CLAIMS))
			fail_msg("%s", rows[i].payload);
	/* audiences that are configured hold there as well */
	cognito.audiences = (struct strs){audiences, 2};
	assert_int_equal(
	    check(&cognito, rows[0].payload, &claims), TOKEN_CLAIMS);
	assert_int_equal(
	    check(&cognito,
		"{" MUST ",\"client_id\":\"app\",\"token_use\":\"access\","
		"\"aud\":\"api\"}",
		&claims),
	    TOKEN_OK);
}

static void subjects_are_bounded(void **state)
{
	char sub[TOKEN_SUB_MAX + 2];
	struct token_claims claims;
	(void)state;

	memset(sub, 's', sizeof(sub));
	for (int n = TOKEN_SUB_MAX; n <= TOKEN_SUB_MAX + 1; n++) {
		struct str payload = arena_printf(&arena,
		    "{\"iss\":\"" ISS "\",\"sub\":\"%.*s\",\"aud\":\"api\","
		    "\"exp\":1795250060}",
		    n, sub);
		assert_int_equal(check(&plain, payload.p, &claims),
		    n > TOKEN_SUB_MAX ? TOKEN_CLAIMS : TOKEN_OK);
	}
}

static void scopes(void **state)
{
	static const struct {
		const char *members, *scope;
	} rows[] = {
	    {"", ""},
	    {",\"scope\":\"read write\"", "read write"},
	    {",\"scope\":\"\"", ""},
	    {",\"scope\":7", ""},
	    {",\"scp\":\"read\"", "read"},
	    {",\"scp\":[\"read\",\"write\"]", "read write"},
	    {",\"scp\":[]", ""},
	    {",\"scp\":[\"read write\",\"x\",7,\"\",\"y\"]", "x y"},
	    {",\"scp\":{\"read\":1}", ""},
	    {",\"scope\":\"a\",\"scp\":[\"b\"]", "a"},
	};
	struct token_claims claims;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str payload = arena_printf(
		    &arena, "{" MUST ",\"aud\":\"api\"%s}", rows[i].members);
		assert_int_equal(check(&plain, payload.p, &claims), TOKEN_OK);
		if (!str_is(claims.scope, rows[i].scope))
			fail_msg("%s", rows[i].members);
	}
}

static void times(void **state)
{
	const int64_t second = 1000, leeway = 5 * second;
	const struct {
		int64_t begins, ends, leeway;
		enum token_verdict verdict;
	} rows[] = {
	    {0, NOW + 1, 0, TOKEN_OK},
	    {0, NOW, 0, TOKEN_TIME}, /* RFC 7519 4.1.4: before it */
	    {0, NOW - second, 0, TOKEN_TIME},
	    {0, NOW - second, leeway, TOKEN_OK},
	    {0, NOW - leeway + 1, leeway, TOKEN_OK},
	    {0, NOW - leeway, leeway, TOKEN_TIME},
	    {NOW, NOW + second, 0, TOKEN_OK},
	    {NOW + 1, NOW + second, 0, TOKEN_TIME},
	    {NOW + leeway, NOW + 9 * second, leeway, TOKEN_OK},
	    {NOW + leeway + 1, NOW + 9 * second, leeway, TOKEN_TIME},
	    {0, 0, leeway, TOKEN_TIME},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct token_claims claims = {
		    .begins_ms = rows[i].begins, .ends_ms = rows[i].ends};
		assert_int_equal(
		    token_time(&claims, rows[i].leeway, NOW), rows[i].verdict);
	}
}

/* One made in the future was made by nobody whose clock is right. */
static void begins_with_the_later_one(void **state)
{
	struct token_claims claims;
	(void)state;

	check(&plain, "{" MUST ",\"aud\":\"api\",\"nbf\":5,\"iat\":7.25}",
	    &claims);
	assert_int_equal(claims.begins_ms, 7250);
	check(
	    &plain, "{" MUST ",\"aud\":\"api\",\"nbf\":9,\"iat\":7}", &claims);
	assert_int_equal(claims.begins_ms, 9000);
	check(&plain, "{" MUST ",\"aud\":\"api\"}", &claims);
	assert_int_equal(claims.begins_ms, 0);
}

static void algorithms_of_the_provider(void **state)
{
	struct token token = {.alg = SIGNATURE_ES256};
	(void)state;

	assert_int_equal(token_alg(&token, &plain), TOKEN_ALGORITHM);
	token.alg = SIGNATURE_RS256;
	assert_int_equal(token_alg(&token, &plain), TOKEN_OK);
	plain.algorithms = (struct strs){0};
	assert_int_equal(token_alg(&token, &plain), TOKEN_ALGORITHM);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(headers),
	    T(names_of_keys),
	    T(shapes),
	    T(payloads),
	    T(claims_of_all),
	    T(claims_of_cognito),
	    T(subjects_are_bounded),
	    T(scopes),
	    T(times),
	    T(begins_with_the_later_one),
	    T(algorithms_of_the_provider),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
