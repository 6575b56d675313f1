#include "generator/minisign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "generator/sign.h"

/* Made by minisign 0.11; tests/cli/keygen.t has that program itself. */
static const char public_file[] =
    "untrusted comment: minisign public key C770585C997612C1\n"
    "RWTBEnaZXFhwxyjAARXNJ/wwY/H3IB8ixSG/iKmGBX73J6LQYs4lw0UB\n";
static const char secret_line[] =
    "RWQ"
    "AAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAwRJ2mVxYcMc5QuD9jmgTVLlGDSfCJdiJrnLF3jONVL2eanC6asrFhCjAARXNJ/wwY/"
    "H3IB8ixSG/iKmGBX73J6LQYs4lw0UBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AA=";
static const char encrypted[] =
    "untrusted comment: minisign encrypted secret key\n"
    "RWR"
    "TY0IyZWeVuo4oi4jCINvU8k8POfZ4yo7iiXsJTqsYXpc56RUAAAACAAAAAAAAAEAAAAAA"
    "47Ou8Hh/rgAVb3uNTxc1W/uiVlCF58PGkX/"
    "We6DmLfU3+5l7CTVBpwPXhOtdBZKkZOD7zrfxCd1nhYpCKj39giplDgBBIfxq6uOrdopIGCg4"
    "TpCdBbrCN0ZjK3AsiaCozRRua6abt3c=\n";
static const char signature[] =
    "untrusted comment: signature from minisign secret key\n"
    "RUTBEnaZXFhwx9PvwooRjxRZ9uAl1/r94y3nq9NxpgUevy6RaeTjl2r5ssueNMMTae6f1lri"
    "Wsl1cBGLUGUe/bd8aGuT4bxnnww=\n"
    "trusted comment: release:1 expires:2 file:m\n"
    "N3Ebp+SgFCTxz8eNXRk7//tMM+dFv3rYgbCJy4tuRevdFYdbc3qQvQFcYUg3aaMpVpdsV81x"
    "Cxc1yj3zRtRABg==\n";
static const char legacy[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWTBEnaZXFhwxyywl2dZl7TriLUu0+4t1GF0VqBxVVIm01BIL4plLvsXSCScSGnZWNiZTg0E"
    "k+b5Nr8gMkbHPDNRbT505bRmtw0=\n"
    "trusted comment: timestamp:1795247881\tfile:m\n"
    "69Z03Inc2GmCQD5DQOdtI715t0YAdnUdIlJWopZABcfjC/Xjz6EKcC68+9KKXdHd2LXxsviD"
    "rmsUPV5SI7SHAQ==\n";

struct world {
	struct arena arena;
	struct diag diag;
	struct minisign_public public;
};

static const char *said(const struct world *w)
{
	return w->diag.last ? w->diag.last->text.p : "";
}

static enum err read_public(struct world *w, const char *text)
{
	return minisign_read_public(
	    str_of(text), "test-key", POS_NONE, &w->diag, &w->public);
}

static enum err read_signature(
    struct world *w, struct str text, struct minisign_signature *out)
{
	return minisign_read_signature(
	    text, "test-signature", POS_NONE, &w->diag, out);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	arena_init(&w->arena);
	diag_init(&w->diag, &w->arena);
	assert_int_equal(read_public(w, public_file), ERR_OK);
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

static void public_keys(void **state)
{
	static const char *const bad[] = {"", "\n", "RWQ",
	    "untrusted comment:", "untrusted comment: x\n",
	    "untrusted comment: x\nRWTBEnaZXFhwxyjAARXNJ/wwY/"
	    "H3IB8ixSG/iKmGBX73J6LQYs4lw0UBAAAA\n", /* too long */
	    "RWTBEnaZXFhwxyjAARXNJ/wwY/H3IB8ixSG/iKmGBX73J6LQYs4lw0U",
	    "RUTBEnaZXFhwxyjAARXNJ/wwY/H3IB8ixSG/iKmGBX73J6LQYs4lw0UB",
	    "RWTBEnaZXFhwxyjAARXNJ/wwY/H3IB8ixSG/iKmGBX73J6LQYs4l?0UB",
	    "RWTBEnaZXFhwxyjAARXNJ/wwY/H3IB8ixSG/iKmGBX73J6LQYs4lw0UB\nx"};
	struct world *w = *state;

	assert_string_equal(
	    minisign_id(&w->arena, w->public.id).p, "C770585C997612C1");
	assert_string_equal(
	    minisign_write_public(&w->arena, &w->public).p, public_file);
	const char *key = minisign_key(&w->arena, &w->public).p;
	assert_memory_equal(key, strchr(public_file, '\n') + 1, 56);
	assert_int_equal(read_public(w, key), ERR_OK);
	assert_int_equal(
	    read_public(w,
		arena_printf(&w->arena, "untrusted comment: x\r\n%s\r\n", key)
		    .p),
	    ERR_OK);
	assert_string_equal(minisign_key(&w->arena, &w->public).p, key);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (read_public(w, bad[i]) != ERR_INPUT)
			fail_msg("was taken: %s", bad[i]);
	assert_int_equal(w->diag.errors, sizeof(bad) / sizeof(*bad));
}

static void secret_keys(void **state)
{
	struct world *w = *state;
	struct minisign_secret one, other;
	struct minisign_public public;
	char text[MINISIGN_FILE_MAX], damaged[sizeof(secret_line)];

	assert_int_equal(minisign_read_secret(
			     STR(secret_line), "k", POS_NONE, &w->diag, &one),
	    ERR_OK);
	minisign_public_of(&one, &public);
	assert_memory_equal(&public, &w->public, sizeof(public));
	size_t n = minisign_write_secret(text, &one);
	assert_int_equal(strlen(text), n);
	assert_int_equal(minisign_read_secret((struct str){text, n}, "k",
			     POS_NONE, &w->diag, &other),
	    ERR_OK);
	assert_memory_equal(&one, &other, sizeof(one));
	/* a wrong checksum, a wrong half: never taken */
	text[n - 10] = text[n - 10] == 'A' ? 'B' : 'A';
	assert_int_equal(minisign_read_secret((struct str){text, n}, "k",
			     POS_NONE, &w->diag, &other),
	    ERR_INPUT);
	assert_non_null(strstr(said(w), "damaged"));
	for (size_t i = 84; i < 165; i++) {
		memcpy(damaged, secret_line, sizeof(damaged));
		damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
		assert_int_equal(minisign_read_secret(str_of(damaged), "k",
				     POS_NONE, &w->diag, &other),
		    ERR_INPUT);
	}
	assert_int_equal(minisign_read_secret(
			     STR(encrypted), "k", POS_NONE, &w->diag, &other),
	    ERR_INPUT);
	assert_non_null(strstr(said(w), "password"));
	assert_int_equal(minisign_read_secret(
			     STR(public_file), "k", POS_NONE, &w->diag, &other),
	    ERR_INPUT);
	assert_int_equal(
	    minisign_read_secret(STR(""), "k", POS_NONE, &w->diag, &other),
	    ERR_INPUT);
	minisign_forget(&one);
	for (size_t i = 0; i < sizeof(one.key); i++)
		assert_int_equal(one.key[i], 0);
}

static void new_pairs_differ(void **state)
{
	struct minisign_secret a, b;
	struct minisign_public ap, bp, again;

	(void)state;
	minisign_new(&a, &ap);
	minisign_new(&b, &bp);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(ap.id, bp.id, 8);
	minisign_public_of(&a, &again);
	assert_memory_equal(&again, &ap, sizeof(ap));
}

static void signatures_of_minisign(void **state)
{
	struct world *w = *state;
	struct minisign_signature s;

	assert_int_equal(read_signature(w, STR(signature), &s), ERR_OK);
	assert_true(str_is(s.trusted, "release:1 expires:2 file:m"));
	assert_true(minisign_verify(&w->public, &s, STR("hi\n")));
	assert_false(minisign_verify(&w->public, &s, STR("hi")));
	assert_false(minisign_verify(&w->public, &s, STR("hi\n\n")));
	assert_false(minisign_verify(&w->public, &s, STR("")));
	w->public.key[0] ^= 1;
	assert_false(minisign_verify(&w->public, &s, STR("hi\n")));
	w->public.key[0] ^= 1;
	w->public.id[0] ^= 1;
	assert_false(minisign_verify(&w->public, &s, STR("hi\n")));
	assert_int_equal(read_signature(w, STR(legacy), &s), ERR_INPUT);
	assert_non_null(strstr(said(w), "legacy"));
}

/* What was signed is the same as minisign's, byte for byte. */
static void signing(void **state)
{
	struct world *w = *state;
	struct minisign_secret secret;

	assert_int_equal(minisign_read_secret(STR(secret_line), "k", POS_NONE,
			     &w->diag, &secret),
	    ERR_OK);
	assert_string_equal(minisign_sign(&w->arena, &secret, STR("hi\n"),
				"release:1 expires:2 file:m")
				.p,
	    signature);
	struct minisign_signature s;
	struct str empty = minisign_sign(&w->arena, &secret, STR(""), "");
	assert_int_equal(read_signature(w, empty, &s), ERR_OK);
	assert_true(minisign_verify(&w->public, &s, STR("")));
	assert_int_equal(s.trusted.n, 0);
}

/* One byte changed anywhere but in the comment that nobody trusts. */
static void no_byte_can_change(void **state)
{
	struct world *w = *state;
	struct minisign_signature s;
	size_t from = strcspn(signature, "\n") + 1, taken = 0;
	char text[sizeof(signature)];

	for (size_t i = from; i < sizeof(signature) - 1; i++) {
		memcpy(text, signature, sizeof(text));
		text[i] ^= 1;
		if (read_signature(w, str_of(text), &s) == ERR_OK &&
		    minisign_verify(&w->public, &s, STR("hi\n")))
			taken++;
	}
	assert_int_equal(taken, 0);
	/* cut short anywhere but of its last line's end */
	for (size_t n = 0; n < sizeof(signature) - 2; n++)
		assert_int_equal(
		    read_signature(w, str_slice(STR(signature), 0, n), &s),
		    ERR_INPUT);
	assert_int_equal(
	    read_signature(w, arena_printf(&w->arena, "%sx\n", signature), &s),
	    ERR_INPUT);
}

static void claims(void **state)
{
	static const char *const bad[] = {"", "release:1",
	    "release:1 expires:2", "expires:2 release:1 file:m",
	    "release:-1 expires:2 file:m", "release: expires:2 file:m",
	    "release:1x expires:2 file:m", "release:1  expires:2 file:m",
	    "release:1 expires:2 file:m x",
	    "release:9999999999999 expires:2 file:m",
	    "release:300000000000 expires:2 file:m", "timestamp:1\tfile:m"};
	struct sign_claim c;
	int64_t n;

	(void)state;
	assert_true(sign_read_claim(
	    STR("release:1800000000 expires:1807776000 file:manifest.json"),
	    &c));
	assert_int_equal(c.release, 1800000000);
	assert_int_equal(c.expires, 1807776000);
	assert_true(str_is(c.file, "manifest.json"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (sign_read_claim(str_of(bad[i]), &c))
			fail_msg("was taken: %s", bad[i]);
	assert_true(sign_read_second(STR("0"), &n));
	assert_true(sign_read_second(STR("253402300799"), &n));
	assert_false(sign_read_second(STR("253402300800"), &n));
	assert_false(sign_read_second(STR(""), &n));
	assert_false(sign_read_second(STR(" 1"), &n));
}

#define WITH(test)                                                             \
	cmocka_unit_test_setup_teardown(test, open_world, close_world)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(public_keys),
	    WITH(secret_keys),
	    cmocka_unit_test(new_pairs_differ),
	    WITH(signatures_of_minisign),
	    WITH(signing),
	    WITH(no_byte_can_change),
	    cmocka_unit_test(claims),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("minisign", tests, NULL, NULL);
}
