#include "cgi/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define PLAIN "{\"vrn\":\"193054661\",\"marker\":\"quite-plain-text\"}"

static struct arena arena;
static struct keys keys;
static struct job job;

static int set_up(void **state)
{
	(void)state;
	keys = (struct keys){.n_seal = 2};
	keys.seal[0].version = 7;
	keys.seal[1].version = 6;
	memset(keys.seal[0].bytes, 7, KEY_BYTES);
	memset(keys.seal[1].bytes, 6, KEY_BYTES);
	job = (struct job){.accepted_ms = 1000, .attempt = 2};
	memset(job.id, 0x11, sizeof(job.id));
	memset(job.owner, 0x22, sizeof(job.owner));
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static enum err open_as(
    const struct job *as, enum body_kind kind, struct str sealed)
{
	struct str plain;
	return seal_open(&keys, as, kind, sealed, &arena, &plain);
}

static void opens_what_it_sealed(void **state)
{
	struct buf sealed = {0}, again = {0};
	struct str plain;
	(void)state;

	seal_close(&keys, &job, BODY_REQUEST, STR(PLAIN), &sealed);
	assert_int_equal(sealed.len, sizeof(PLAIN) - 1 + SEAL_OVERHEAD);
	assert_int_equal(seal_open(&keys, &job, BODY_REQUEST, buf_str(&sealed),
			     &arena, &plain),
	    ERR_OK);
	assert_true(str_is(plain, PLAIN));
	seal_close(&keys, &job, BODY_REQUEST, STR(PLAIN), &again);
	assert_memory_not_equal(sealed.data, again.data, sealed.len);
	buf_clear(&sealed);
	seal_close(&keys, &job, BODY_REQUEST, (struct str){0}, &sealed);
	assert_int_equal(seal_open(&keys, &job, BODY_REQUEST, buf_str(&sealed),
			     &arena, &plain),
	    ERR_OK);
	assert_int_equal(plain.n, 0);
	buf_release(&sealed);
	buf_release(&again);
}

/*
 * The header's promise, byte by byte, with libsodium alone: what is in stores
 * already can be opened.
 */
static void is_what_the_header_says(void **state)
{
	static const struct {
		enum body_kind kind;
		char attempt;
	} rows[] = {{BODY_REQUEST, 0}, {BODY_META, 0}, {BODY_RESULT, 2}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf sealed = {0}, ad = {0};
		unsigned char plain[sizeof(PLAIN)];
		unsigned long long n;

		buf_puts(&ad, "lowtide sealed body\x07");
		buf_putc(&ad, (char)rows[i].kind);
		for (size_t at = 0; at < JOB_ID_BYTES; at++)
			buf_putc(&ad, 0x11);
		for (size_t at = 0; at < JOB_OWNER_BYTES; at++)
			buf_putc(&ad, 0x22);
		buf_put(&ad, "\0\0\0\0\0\0\x03\xe8\0\0\0", 11);
		buf_putc(&ad, rows[i].attempt);
		seal_close(&keys, &job, rows[i].kind, STR(PLAIN), &sealed);
		const unsigned char *bytes = (const unsigned char *)sealed.data;
		assert_int_equal(bytes[0], 7);
		assert_int_equal(
		    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL,
			bytes + 25, sealed.len - 25,
			(const unsigned char *)ad.data, ad.len, bytes + 1,
			keys.seal[0].bytes),
		    0);
		assert_int_equal(n, sizeof(PLAIN) - 1);
		assert_memory_equal(plain, PLAIN, n);
		buf_release(&sealed);
		buf_release(&ad);
	}
}

static void shows_nothing_of_the_payload(void **state)
{
	struct buf sealed = {0};
	(void)state;

	seal_close(&keys, &job, BODY_REQUEST, STR(PLAIN), &sealed);
	for (size_t i = 0; i + 4 <= sizeof(PLAIN) - 1; i++)
		assert_null(memmem(sealed.data, sealed.len, PLAIN + i, 4));
	buf_release(&sealed);
}

static void opens_only_as_what_it_is(void **state)
{
	struct buf sealed = {0}, result = {0};
	struct job other;
	(void)state;

	seal_close(&keys, &job, BODY_REQUEST, STR(PLAIN), &sealed);
	seal_close(&keys, &job, BODY_RESULT, STR(PLAIN), &result);
	struct str request = buf_str(&sealed), res = buf_str(&result);
	assert_int_equal(open_as(&job, BODY_META, request), ERR_CORRUPT);
	assert_int_equal(open_as(&job, BODY_RESULT, request), ERR_CORRUPT);
	assert_int_equal(open_as(&job, BODY_RESULT, res), ERR_OK);
	other = job;
	other.id[20] ^= 1;
	assert_int_equal(open_as(&other, BODY_REQUEST, request), ERR_CORRUPT);
	other = job;
	other.owner[0] ^= 1;
	assert_int_equal(open_as(&other, BODY_REQUEST, request), ERR_CORRUPT);
	other = job;
	other.accepted_ms++;
	assert_int_equal(open_as(&other, BODY_REQUEST, request), ERR_CORRUPT);
	/* what was accepted serves every attempt, a result is of one */
	other = job;
	other.attempt++;
	assert_int_equal(open_as(&other, BODY_REQUEST, request), ERR_OK);
	assert_int_equal(open_as(&other, BODY_RESULT, res), ERR_CORRUPT);
	buf_release(&sealed);
	buf_release(&result);
}

static void refuses_cuts_and_flips(void **state)
{
	struct buf sealed = {0};
	(void)state;

	seal_close(&keys, &job, BODY_META, STR("short"), &sealed);
	for (size_t n = 0; n < sealed.len; n++)
		assert_int_equal(
		    open_as(&job, BODY_META, str_slice(buf_str(&sealed), 0, n)),
		    ERR_CORRUPT);
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		sealed.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(
		    open_as(&job, BODY_META, buf_str(&sealed)), ERR_CORRUPT);
		sealed.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	buf_release(&sealed);
}

static void old_keys_still_open(void **state)
{
	struct buf sealed = {0};
	struct keys old = keys;
	(void)state;

	old.seal[0] = keys.seal[1];
	seal_close(&old, &job, BODY_META, STR("x"), &sealed);
	assert_int_equal(sealed.data[0], 6);
	assert_int_equal(open_as(&job, BODY_META, buf_str(&sealed)), ERR_OK);
	keys.n_seal = 1;
	assert_int_equal(
	    open_as(&job, BODY_META, buf_str(&sealed)), ERR_CORRUPT);
	buf_release(&sealed);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, done)
	const struct CMUnitTest tests[] = {
	    T(opens_what_it_sealed),
	    T(is_what_the_header_says),
	    T(shows_nothing_of_the_payload),
	    T(opens_only_as_what_it_is),
	    T(refuses_cuts_and_flips),
	    T(old_keys_still_open),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
