#include "generator/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/toml.h"

/*
 * [oauth.NAME] tables, as people write them, against the URLs they become and
 * the findings they get. The browser's half is tested by tests/cli/oauth.t.
 */
#define ID "client_id = \"abc\"\n"
#define BASE "https://www.vat.example"

struct got {
	enum err err;
	struct oauth_provider provider;
	char *said; /* the findings as printed */
};

static struct got read_with(struct arena *a, const char *base, const char *toml)
{
	struct got got = {0};
	struct diag diag;
	struct value *root;
	size_t n;
	struct pos pos = {.file = "site.toml", .line = 1, .col = 1};
	diag_init(&diag, a);
	assert_int_equal(
	    toml_read(a, str_of(toml), "site.toml", &diag, &root), ERR_OK);
	const struct member table = {
	    .key = STR("x"), .pos = pos, .value = root};
	struct value *base_url = value_string(a, str_of(base), POS_NONE);
	base_url->from_env = true;
	got.err = oauth_provider_read(
	    a, &table, base ? base_url : NULL, &diag, &got.provider);
	FILE *out = open_memstream(&got.said, &n);
	diag_print(&diag, out);
	fclose(out);
	return got;
}

static void gives(const char *base, const char *toml, const char *url)
{
	struct arena a;
	arena_init(&a);
	struct got got = read_with(&a, base, toml);
	assert_string_equal(got.said, "");
	assert_int_equal(got.err, ERR_OK);
	assert_string_equal(arena_cstr(&a, got.provider.url), url);
	free(got.said);
	arena_release(&a);
}

/* Each of these is refused with each of these findings, in their order. */
static void refuses(const char *toml, const char *findings)
{
	struct arena a;
	arena_init(&a);
	struct got got = read_with(&a, BASE, toml);
	assert_int_equal(got.err, ERR_INPUT);
	char *rest = got.said;
	for (const char *want = findings; *want;) {
		char line[128];
		size_t n = strcspn(want, "\n");
		snprintf(line, sizeof(line), "%.*s: ", (int)n, want);
		if (strncmp(rest, line, strlen(line)) != 0)
			fail_msg("wanted %s got %s", line, rest);
		rest += strcspn(rest, "\n") + 1;
		want += n + (want[n] == '\n');
	}
	assert_string_equal(rest, "");
	free(got.said);
	arena_release(&a);
}

#define TAIL                                                                   \
	"response_type=code&client_id=abc&redirect_uri=https%3A%2F%2Fwww.vat." \
	"example%2Fauth%2Fcallback.html&scope="

static void kinds(void **state)
{
	(void)state;
	gives(BASE, ID "authorization_endpoint = \"https://op.example/authz\"",
	    "https://op.example/authz?" TAIL "openid");
	gives(BASE, ID "kind = \"cognito\"\ndomain = \"https://auth.example/\"",
	    "https://auth.example/oauth2/authorize?" TAIL
	    "openid%20profile%20email");
	gives(BASE, ID "kind = \"hmrc\"",
	    "https://www.tax.service.gov.uk/oauth/authorize?" TAIL
	    "read%3Avat%20write%3Avat");
	gives(BASE,
	    ID "kind = \"hmrc\"\n"
	       "base_uri = \"https://test-www.tax.service.gov.uk\"",
	    "https://test-www.tax.service.gov.uk/oauth/authorize?" TAIL
	    "read%3Avat%20write%3Avat");
	gives(BASE, ID "kind = \"google\"",
	    "https://accounts.google.com/o/oauth2/v2/auth?" TAIL
	    "openid%20profile%20email");
	gives(BASE, ID "kind = \"github\"",
	    "https://github.com/login/oauth/authorize?" TAIL "read%3Auser");
	gives(BASE,
	    ID "kind = \"entra\"\n"
	       "domain = \"https://login.microsoftonline.com/t1\"",
	    "https://login.microsoftonline.com/t1/oauth2/v2.0/authorize?" TAIL
	    "openid%20profile%20email");
}

#define OP "authorization_endpoint = \"https://op.example/a\"\n"

static void encoding(void **state)
{
	(void)state;
	gives(BASE, OP "client_id = \" a+b&c=d#e%f~g*h'i!j(k)l m\"",
	    "https://op.example/a?response_type=code&client_id="
	    "a%2Bb%26c%3Dd%23e%25f~g%2Ah%27i%21j%28k%29l%20m"
	    "&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fauth%2Fcallback."
	    "html&scope=openid");
	/* RFC 6749 Appendix B's characters */
	gives(BASE, ID OP "params = { x = \" %&+\\u00a3\\u20ac\" }",
	    "https://op.example/a?" TAIL "openid&x=%20%25%26%2B%C2%A3%E2%82%AC");
	/* constants follow the scope */
	gives(BASE,
	    ID OP "params = { identity_provider = \"A & B\", prompt = \"x\" }",
	    "https://op.example/a?" TAIL
	    "openid&identity_provider=A%20%26%20B&prompt=x");
}

static void own_query(void **state)
{
	(void)state;
	gives(BASE,
	    ID "authorization_endpoint = \"https://op.example/a?p=B2C_1%20x\"",
	    "https://op.example/a?p=B2C_1%20x&" TAIL "openid");
	gives(BASE, ID "authorization_endpoint = \"https://op.example/a?\"",
	    "https://op.example/a?" TAIL "openid");
	gives(BASE, ID "authorization_endpoint = \"https://op.example/a?p=1&\"",
	    "https://op.example/a?p=1&" TAIL "openid");
}

static void redirects(void **state)
{
	(void)state;
	gives("http://127.0.0.1:8080/sub/",
	    ID OP "redirect_path = \"/auth/x.html?a=1\"",
	    "https://op.example/a?response_type=code&client_id=abc"
	    "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fsub%2Fauth%2Fx."
	    "html%3Fa%3D1&scope=openid");
	gives(NULL, ID OP "redirect_uri = \"http://[::1]:81/cb\"",
	    "https://op.example/a?response_type=code&client_id=abc"
	    "&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A81%2Fcb&scope=openid");
}

static void rest(void **state)
{
	struct arena a;
	(void)state;
	arena_init(&a);
	struct got got = read_with(&a, BASE,
	    ID OP "issuer = \"https://op.example\"\n"
		  "allow_params = [\"lang\", \"prompt\"]\n"
		  "client_secret = { env = \"X\" }");
	assert_int_equal(got.err, ERR_OK);
	assert_true(got.provider.nonce && got.provider.pkce);
	assert_true(str_is(got.provider.issuer, "https://op.example"));
	assert_true(str_is(got.provider.allow, "lang prompt"));
	assert_true(str_is(got.provider.redirect, BASE "/auth/callback.html"));
	assert_true(got.provider.from_env); /* base_url */
	free(got.said);

	got = read_with(&a, NULL,
	    ID "kind = \"hmrc\"\npkce = \"none\"\n"
	       "redirect_uri = \"https://www.vat.example/cb\"");
	assert_int_equal(got.err, ERR_OK);
	assert_false(got.provider.nonce || got.provider.pkce);
	assert_false(got.provider.from_env);
	assert_int_equal(got.provider.issuer.n, 0);
	free(got.said);
	arena_release(&a);
}

static void refusals(void **state)
{
	(void)state;
	refuses(ID, "site.toml:1:1: endpoint-missing");
	refuses(ID "kind = \"cognitto\"\n" OP, "site.toml:2:8: unknown-kind");
	refuses(ID "authorization_endpoint = \"http://op.example/a\"",
	    "site.toml:2:26: endpoint-scheme");
	refuses(ID "authorization_endpoint = \"ftp://op.example/a\"",
	    "site.toml:2:26: endpoint-scheme");
	refuses(ID "kind = \"cognito\"\ndomain = \"auth.example\"",
	    "site.toml:3:10: endpoint-scheme");
	refuses(ID "kind = \"cognito\"\ndomain = \"${AUTH}\"",
	    "site.toml:3:10: placeholder");
	refuses(ID "authorization_endpoint = \"https://op.example/a#f\"",
	    "site.toml:2:26: endpoint-fragment");
	refuses(ID "authorization_endpoint = \"https://me@op.example/a\"",
	    "site.toml:2:26: endpoint-userinfo");
	refuses(OP, "site.toml:1:1: client-id-empty");
	refuses("client_id = \" \"\n" OP, "site.toml:1:13: client-id-empty");
	refuses("client_id = \"${CLIENT}\"\n" OP,
	    "site.toml:1:13: client-id-placeholder");
	refuses("client_id = \"TODO\"\n" OP,
	    "site.toml:1:13: client-id-placeholder");
	refuses(ID OP "redirect_uri = \"/auth/callback.html\"",
	    "site.toml:3:16: redirect-relative");
	refuses(ID OP "redirect_path = \"auth/callback.html\"",
	    "site.toml:3:17: redirect-relative");
	refuses(ID OP "redirect_path = \"//evil.example/\"",
	    "site.toml:3:17: redirect-relative");
	refuses(ID OP "redirect_uri = \"https://www.vat.example/cb#x\"",
	    "site.toml:3:16: redirect-fragment");
	refuses(
	    ID OP "scopes = [\"profile\"]", "site.toml:3:10: openid-missing");
	refuses(ID OP "scopes = [\"openid profile\", \"a\\\"b\"]",
	    "site.toml:3:10: openid-missing\nsite.toml:3:11: scope-chars\n"
	    "site.toml:3:29: scope-chars");
	refuses(ID OP "pkce = \"plain\"", "site.toml:3:8: pkce-plain");
	refuses(ID OP "params = { state = \"x\", foo = \"y\" }",
	    "site.toml:3:12: param-reserved");
	refuses(ID OP "client_secret = \"s3cret\"",
	    "site.toml:3:1: secret-present");
	refuses(ID OP "params = { foo = \"whsec_abc\" }",
	    "site.toml:3:12: secret-present");
	refuses("client_id = \"arn:aws:secretsmanager:eu-west-2:1:x\"\n" OP,
	    "site.toml:1:1: secret-present");
	/* all at once */
	refuses("client_id = \"\"\nauthorization_endpoint = \"x\"\n"
		"redirect_uri = \"y\"\npkce = \"plain\"",
	    "site.toml:1:13: client-id-empty\n"
	    "site.toml:2:26: endpoint-scheme\n"
	    "site.toml:3:16: redirect-relative\nsite.toml:4:8: pkce-plain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(encoding),
	    cmocka_unit_test(own_query),
	    cmocka_unit_test(redirects),
	    cmocka_unit_test(rest),
	    cmocka_unit_test(refusals),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("oauth", tests, NULL, NULL);
}
