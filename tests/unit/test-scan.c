#include "generator/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "generator/scan-needles.h"
#include "lib/buf.h"

struct world {
	struct arena arena;
	struct diag diag;
	struct scan *scan;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	arena_init(&w->arena);
	diag_init(&w->diag, &w->arena);
	w->scan = scan_new(&w->arena, NULL, 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	arena_release(&w->arena);
	free(w);
	return 0;
}

static bool finds(struct world *w, struct str text)
{
	diag_init(&w->diag, &w->arena);
	/* exactly so many bytes, so that a sanitizer sees a step too far */
	char *copy = malloc(text.n ? text.n : 1);
	if (text.n)
		memcpy(copy, text.p, text.n);
	bool found = scan_bytes(
	    w->scan, (struct str){copy, text.n}, POS_FILE("out"), &w->diag);
	free(copy);
	assert_int_equal(found, w->diag.errors > 0);
	return found;
}

#define DATA "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
#define PEM(kind) "-----BEGIN " kind "-----\n" DATA "\n-----END " kind "-----\n"

/* Split in two, so that nobody's search for secrets finds this file. */
static const char *const secrets[] = {
    PEM("PRIVATE KEY"),
    PEM("RSA PRIVATE KEY"),
    PEM("EC PRIVATE KEY"),
    PEM("OPENSSH PRIVATE KEY"),
    PEM("ENCRYPTED PRIVATE KEY"),
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: X v2\n\n" DATA,
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-256-CBC,0123456789ABCDEF\n\n" DATA,
    "{\"k\":\"-----BEGIN PRIVATE KEY-----\\n" DATA "\\n\"}",
    "k = '-----BEGIN PRIVATE KEY-----\\r\\n' +\n    '" DATA "'",
    "-----BEGIN PRIVATE KEY-----%0A" DATA,
    "-----BEGIN PRIVATE KEY-----<br>" DATA,
    "-----BEGIN PRIVATE KEY-----&#10;" DATA,
    "sk_"
    "live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_"
    "live_4eC39HqLyjWDarjtT1zdp7dc",
    "\"whsec_"
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
    "AKIA"
    "Q4J7RZ2MNB5XLWTD",
    "id=ASIA"
    "Q4J7RZ2MNB5XLWTD;",
    "\\nAKIA"
    "Q4J7RZ2MNB5XLWTD\\n",
    "%0AAKIA"
    "Q4J7RZ2MNB5XLWTD",
    "arn:aws:secretsmanager:"
    "eu-west-2:418295713066:secret:prod/hmrc-Ab12Cd",
    "arn:aws-cn:secretsmanager:"
    "cn-north-1:418295713066:secret:x",
    "arn:aws-us-gov:secretsmanager:"
    "us-gov-west-1:418295713066:secret:x",
    "ghp_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "gho_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "ghu_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "ghs_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "ghr_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "github_pat_"
    "11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHi",
    "token glpat-"
    "aB3dE6gH9jK2mN5pQ8sT",
    "//registry/:_authToken=npm_"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u",
    "xoxb-"
    "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "xoxp-"
    "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "xoxa-"
    "2-123456789012-1234567890123-AbCdEfGhIjKl",
    "xoxr-"
    "123456789012-1234567890123-AbCdEfGhIjKlMnOp",
    "GOCSPX-"
    "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs",
};

static void every_shape_is_found(void **state)
{
	struct world *w = *state;
	size_t n = sizeof(secrets) / sizeof(*secrets);

	for (size_t i = 0; i < n; i++) {
		if (!finds(w, str_of(secrets[i])))
			fail_msg("not found: %s", secrets[i]);
		/* told by its kind; what follows the prefix is in no line */
		struct str text = w->diag.first->text;
		assert_string_equal(w->diag.first->name, "secret-in-output");
		assert_null(memmem(text.p, text.n, DATA, 20));
		assert_null(memmem(text.p, text.n, "Q4J7", 4));
		assert_null(memmem(text.p, text.n, "k3Zq", 4));
	}
	/* no row of shapes.def without an example; minisign's have their own */
	for (const struct shape *s = shapes; s->prefix; s++) {
		bool seen = strncmp(s->prefix, "RW", 2) == 0;
		for (size_t i = 0; i < n; i++)
			seen = seen || strstr(secrets[i], s->prefix);
		if (!seen)
			fail_msg("no example of %s", s->prefix);
	}
}

static void keys_of_minisign_are_found(void **state)
{
	static const char *const heads[] = {"RWQAAEIy", "RWRTY0Iy"};
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct buf b = {0};
		buf_puts(&b, "untrusted comment: x\n");
		buf_puts(&b, heads[i]);
		for (int j = 0; j < 204; j++)
			buf_putc(&b, (char)('A' + j * 7 % 26));
		assert_true(finds(w, buf_str(&b)));
		/* a public key is short */
		assert_false(finds(w, str_slice(buf_str(&b), 0, 21 + 56)));
		buf_release(&b);
	}
}

/* Anywhere: at each place of a text, and cut short nowhere. */
static void at_every_place(void **state)
{
	struct world *w = *state;
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		for (size_t lead = 0; lead < 40; lead++) {
			buf_clear(&b);
			for (size_t j = 0; j < lead; j++)
				buf_putc(&b, ' ');
			buf_puts(&b, secrets[i]);
			if (!finds(w, buf_str(&b)))
				fail_msg(
				    "not found at %zu: %s", lead, secrets[i]);
		}
	/* every end is looked at and none is passed */
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		for (size_t n = 0; n < 14; n++)
			assert_false(
			    finds(w, str_slice(str_of(secrets[i]), 0, n)));
	buf_release(&b);
}

/* What ordinary pages, manuals and programs hold. */
static const char *const harmless[] = {
    "",
    "a",
    "Keys begin with sk_live_ or sk_test_; never publish the former.",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "pk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx",
    "sk_live_YOUR_KEY_HERE",
    "sk_live_...",
    "sk_live_4eC39HqEXAMPLEjWDarjtT1zdp7dc",
    "sk_live_0000000000000000",
    "whsec_ and the secret of the hook",
    "if (key.startsWith('whsec_')) key = key.slice(6);",
    "AKIAIOSFODNN7EXAMPLE",
    "An id such as AKIA… or ASIA… names an access key.",
    "AKIAQ4J7RZ2MNB5XLWTDAKIAQ4J7RZ2MNB5XLWTD", /* base32, not a key */
    "XAKIAQ4J7RZ2MNB5XLWTD",
    "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:MySecret-a1b2",
    "arn:aws:s3:::bucket",
    "arn:aws:secretsmanager:eu-west-2:418295713066:*",
    "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", /* meant to be public */
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "ghp_ is followed by 36 letters and digits",
    "github_pat_...",
    "xoxb-your-token",
    "GOCSPX-…",
    "-----BEGIN CERTIFICATE-----\n" DATA "\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n" DATA "\n-----END PUBLIC KEY-----",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ...\n",
    "-----BEGIN RSA PRIVATE KEY-----",
    "pem.replace(\"-----BEGIN PRIVATE KEY-----\", \"\")"
    ".replace(\"-----END PRIVATE KEY-----\", \"\")",
    "const h = '-----BEGIN PRIVATE KEY-----'; const t = '" DATA "';",
    "<p>A line <code>-----BEGIN PRIVATE KEY-----</code>, then data.",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "npm_config_registry=https://example.org npm_lifecycle_event=test",
    "!function(e,t){\"object\"==typeof exports&&\"undefined\"!=typeof "
    "module?t(exports):t((e=e||self).ask_live_x={})}(this,function(e){});",
};

static void what_is_ordinary_is_not(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (finds(w, str_of(harmless[i])))
			fail_msg("was found: %s", harmless[i]);
}

/* Random data, as it is and in base64: no secret by accident. */
static void data_is_not(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789-_";
	struct world *w = *state;
	size_t n = 4 << 20;
	char *data = malloc(n);
	uint64_t x = 88172645463325252u;

	for (int kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i < n; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			unsigned char c = (unsigned char)(x >> 32);
			data[i] = kind == 0   ? (char)c
				  : kind == 1 ? digits[c & 63]
					      : digits[c & 31];
		}
		assert_false(finds(w, (struct str){data, n}));
	}
	free(data);
}

static const struct scan_value values[] = {
    {STR_INIT("p/s&w\"rd<é>+1"), STR_INIT("oauth.hmrc.client_secret")},
    {STR_INIT("short"), STR_INIT("too.short")},
    {STR_INIT("sixsix"), STR_INIT("sign.key")},
};

static void values_in_their_spellings(void **state)
{
	static const char *const spelt[] = {
	    "p/s&w\"rd<é>+1", "<b>p/s&amp;w&quot;rd&lt;é&gt;+1</b>",
	    "{\"x\":\"p/s&w\\\"rd<é>+1\"}", "?k=p%2Fs%26w%22rd%3C%C3%A9%3E%2B1",
	    "?k=p%2fs%26w%22rd%3c%c3%a9%3e%2b1",
	    /* base64 of the value, of "u:" + it + "!", of "x" + it */
	    "cC9zJncicmQ8w6k+KzE=", "dTpwL3MmdyJyZDzDqT4rMSE=",
	    "eHAvcyZ3InJkPMOpPisx", "cC9zJncicmQ8w6k-KzE", /* for URLs */
	};
	struct world *w = *state;

	w->scan = scan_new(&w->arena, values, 3);
	for (size_t i = 0; i < sizeof(spelt) / sizeof(*spelt); i++) {
		if (!finds(w, str_of(spelt[i])))
			fail_msg("not found: %s", spelt[i]);
		assert_int_equal(w->diag.errors, 1);
		struct str text = w->diag.first->text;
		assert_non_null(
		    memmem(text.p, text.n, "`oauth.hmrc.client_secret`", 26));
		assert_null(memmem(text.p, text.n, "rd<", 3));
	}
	assert_false(finds(w, STR("short p/s&w\"rd<é>+2 cC9zJncicmQ8w6k+")));
	assert_true(finds(w, STR("sixsix")));
	assert_false(finds(w, STR("sixsi")));
	assert_false(finds(w, STR("ixsix sixsiX")));
}

static void many_values_at_every_place(void **state)
{
	struct world *w = *state;
	struct scan_value *many = calloc(500, sizeof(*many));

	for (size_t i = 0; i < 500; i++)
		many[i] = (struct scan_value){
		    .text =
			arena_printf(&w->arena, "value-%zu-of-many", i * 7919),
		    .key = arena_printf(&w->arena, "k.%zu", i)};
	w->scan = scan_new(&w->arena, many, 500);
	for (size_t i = 0; i < 500; i++) {
		struct str text = arena_printf(&w->arena, "%*s%.*s%*s",
		    (int)(i % 17), "", STR_ARG(many[i].text), (int)(i % 5), "");
		assert_true(finds(w, text));
		struct str said = w->diag.first->text;
		struct str key =
		    arena_printf(&w->arena, "`%.*s`", STR_ARG(many[i].key));
		assert_non_null(memmem(said.p, said.n, key.p, key.n));
	}
	free(many);
}

/* A long one is found by its beginning, in every spelling. */
static void long_values(void **state)
{
	struct world *w = *state;
	struct buf long_one = {0}, html = {0};

	for (int i = 0; i < 3000; i++)
		buf_puts(&long_one, i % 3 ? "\"" : "é");
	for (int i = 0; i < 3000; i++)
		buf_puts(&html, i % 3 ? "&quot;" : "é");
	const struct scan_value value = {buf_str(&long_one), STR("k")};
	w->scan = scan_new(&w->arena, &value, 1);
	assert_true(finds(w, buf_str(&long_one)));
	assert_true(finds(w, str_slice(buf_str(&long_one), 0, 600)));
	assert_false(finds(w, str_slice(buf_str(&long_one), 0, 500)));
	assert_true(finds(w, buf_str(&html)));
	assert_true(finds(w, str_slice(buf_str(&html), 0, SCAN_CHUNK_OVERLAP)));
	buf_release(&long_one);
	buf_release(&html);
}

static void the_place_is_told_once_a_secret(void **state)
{
	struct world *w = *state;
	static const char text[] = "a\nbb\n  sk_"
				   "live_4eC39HqLyjWDarjtT1zdp7dc\nsk_"
				   "live_4eC39HqLyjWDarjtT1zdp7dc ghp_"
				   "k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u";

	assert_true(finds(w, STR(text)));
	assert_int_equal(w->diag.errors, 2);
	assert_string_equal(w->diag.first->pos.file, "out");
	assert_int_equal(w->diag.first->pos.line, 3);
	assert_int_equal(w->diag.first->pos.col, 3);
	assert_int_equal(w->diag.last->pos.line, 4);
	diag_init(&w->diag, &w->arena);
	assert_true(
	    scan_bytes(w->scan, STR(text), (struct pos){"x", 10, 1}, &w->diag));
	assert_int_equal(w->diag.first->pos.line, 12);
	diag_init(&w->diag, &w->arena);
	assert_true(scan_bytes(w->scan, str_slice(STR(text), 5, sizeof(text)),
	    (struct pos){"x", 10, 20}, &w->diag));
	assert_int_equal(w->diag.first->pos.line, 10);
	assert_int_equal(w->diag.first->pos.col, 22);
	/* a name has no file */
	diag_init(&w->diag, &w->arena);
	assert_true(scan_bytes(w->scan, STR(text), POS_NONE, &w->diag));
	assert_null(w->diag.first->pos.file);
	assert_false(scan_bytes(NULL, STR(text), POS_NONE, &w->diag));
	diag_init(&w->diag, &w->arena);
	assert_true(scan_name(w->scan, str_slice(STR(text), 5, 40), &w->diag));
	struct str said = w->diag.first->text;
	assert_non_null(memmem(said.p, said.n, "rename it", 9));
	assert_null(w->diag.first->pos.file);
	assert_false(scan_name(w->scan, STR("sk_live_"), &w->diag));
}

static void digests_tell_what_is_searched(void **state)
{
	struct world *w = *state;
	struct scan_value other[3];
	struct str none = scan_digest(w->scan);
	struct str some = scan_digest(scan_new(&w->arena, values, 3));

	assert_int_equal(none.n, 32);
	assert_false(str_eq(none, some));
	assert_true(str_eq(some, scan_digest(scan_new(&w->arena, values, 3))));
	memcpy(other, values, sizeof(other));
	other[2].text = STR("sixsiy");
	assert_false(str_eq(some, scan_digest(scan_new(&w->arena, other, 3))));
	assert_int_equal(scan_digest(NULL).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		every_shape_is_found, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		keys_of_minisign_are_found, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		at_every_place, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		what_is_ordinary_is_not, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		data_is_not, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		values_in_their_spellings, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		many_values_at_every_place, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		long_values, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		the_place_is_told_once_a_secret, open_world, close_world),
	    cmocka_unit_test_setup_teardown(
		digests_tell_what_is_searched, open_world, close_world),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
