#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/encode.h"

#define MANY ((size_t)64 * 1024 * 1024)

/* Words in no order, so that it compresses as text does. */
static void text_of(struct buf *to, size_t n)
{
	uint32_t x = 1;

	while (to->len < n) {
		x = x * 1664525 + 1013904223;
		buf_printf(to, "word%u ", x >> 24);
	}
	to->len = n;
}

static void noise_of(struct buf *to, size_t n)
{
	uint32_t x = 7;

	while (to->len < n) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		buf_putc(to, (char)(x >> 8));
	}
}

static void round_trip(struct str in)
{
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0}, again = {0}, back = {0};
		buf_puts(&back, "before");
		assert_int_equal(encode(e, in, &packed), ERR_OK);
		assert_int_equal(encode(e, in, &again), ERR_OK);
		assert_true(str_eq(buf_str(&packed), buf_str(&again)));
		assert_int_equal(
		    decode(e, buf_str(&packed), in.n, &back), ERR_OK);
		assert_true(str_eq(str_slice(buf_str(&back), 6, back.len), in));
		assert_memory_equal(back.data, "before", 6);
		buf_release(&packed);
		buf_release(&again);
		buf_release(&back);
	}
}

static void test_round_trips(void **state)
{
	static const size_t sizes[] = {2, 1000, 65519, 65520, 65521, 300000};
	struct buf text = {0}, noise = {0};

	(void)state;
	round_trip((struct str){0});
	round_trip(STR("x"));
	text_of(&text, 300000);
	noise_of(&noise, 300000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		round_trip(str_slice(buf_str(&text), 0, sizes[i]));
		round_trip(str_slice(buf_str(&noise), 0, sizes[i]));
	}
	buf_release(&text);
	buf_release(&noise);
}

static void test_it_is_worth_it(void **state)
{
	struct buf text = {0};

	(void)state;
	text_of(&text, 100000);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0};
		assert_int_equal(encode(e, buf_str(&text), &packed), ERR_OK);
		assert_in_range(packed.len, 1, text.len / 3);
		buf_release(&packed);
	}
	buf_release(&text);
}

/* Nothing that says when, where or by whom it was made. */
static void test_gzip_header(void **state)
{
	static const unsigned char want[] = {
	    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255};
	struct buf packed = {0};

	(void)state;
	assert_int_equal(
	    encode(ENCODING_GZ, STR("some text"), &packed), ERR_OK);
	assert_memory_equal(packed.data, want, sizeof(want));
	buf_release(&packed);
}

/* RFC 8878 3.1.1: descriptor, window (if not one segment), size. */
static void test_zstd_header(void **state)
{
	struct buf text = {0}, packed = {0};

	(void)state;
	text_of(&text, 1000);
	while (text.len < 10 * 1024 * 1024) {
		size_t n = text.len;
		buf_reserve(&text, n);
		buf_put(&text, text.data, n);
	}
	assert_int_equal(encode(ENCODING_ZST, buf_str(&text), &packed), ERR_OK);
	unsigned char descriptor = (unsigned char)packed.data[4];
	unsigned char window = (unsigned char)packed.data[5];
	assert_true(descriptor & 4);  /* a checksum follows */
	assert_true(descriptor >> 6); /* the size is there */
	assert_false(descriptor & 32);
	assert_true((window >> 3) + 10 < 23 || window == 13 << 3);
	buf_release(&text);
	buf_release(&packed);
}

/* The same bytes in other lengths, as often as the header says. */
static void test_apart(void **state)
{
	static const struct {
		int by[3]; /* 0: there is no other */
	} rows[ENCODING_COUNT] = {
	    [ENCODING_GZ] = {{1, 1}}, [ENCODING_ZST] = {{-4}}};
	struct buf text = {0};

	(void)state;
	text_of(&text, 5000);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0};
		assert_int_equal(encode(e, buf_str(&text), &packed), ERR_OK);
		for (size_t i = 0; rows[e].by[i]; i++) {
			struct buf other = {0}, back = {0};
			buf_puts(&other, "before");
			assert_true(encode_apart(e, buf_str(&packed), &other));
			struct str bytes =
			    str_slice(buf_str(&other), 6, other.len);
			assert_int_equal(
			    (int)bytes.n - (int)packed.len, rows[e].by[i]);
			assert_int_equal(
			    decode(e, bytes, text.len, &back), ERR_OK);
			assert_true(str_eq(buf_str(&back), buf_str(&text)));
			packed.len = 0;
			buf_put_str(&packed, bytes);
			buf_release(&other);
			buf_release(&back);
		}
		struct buf none = {0};
		assert_false(encode_apart(e, buf_str(&packed), &none));
		assert_int_equal(none.len, 0);
		buf_release(&packed);
	}
	buf_release(&text);
}

static void test_truncated(void **state)
{
	struct buf text = {0};

	(void)state;
	text_of(&text, 3000);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0}, back = {0};
		assert_int_equal(encode(e, buf_str(&text), &packed), ERR_OK);
		for (size_t n = 0; n < packed.len; n++) {
			assert_int_equal(
			    decode(e, str_slice(buf_str(&packed), 0, n), MANY,
				&back),
			    ERR_SYNTAX);
			assert_int_equal(back.len, 0);
		}
		buf_putc(&packed, 'x');
		assert_int_equal(
		    decode(e, buf_str(&packed), MANY, &back), ERR_SYNTAX);
		packed.len--;
		size_t n = packed.len;
		buf_reserve(&packed, n);
		buf_put(&packed, packed.data, n); /* two streams */
		assert_int_equal(
		    decode(e, buf_str(&packed), MANY, &back), ERR_SYNTAX);
		buf_release(&packed);
		buf_release(&back);
	}
	buf_release(&text);
}

/* gzip and zstd have checksums; brotli need only not come to harm. */
static void test_flipped(void **state)
{
	struct buf text = {0};

	(void)state;
	text_of(&text, 1000);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0};
		assert_int_equal(encode(e, buf_str(&text), &packed), ERR_OK);
		for (size_t i = 0; i < 8 * packed.len; i++) {
			struct buf back = {0};
			packed.data[i / 8] ^= (char)(1 << i % 8);
			enum err err =
			    decode(e, buf_str(&packed), 100000, &back);
			packed.data[i / 8] ^= (char)(1 << i % 8);
			if (e != ENCODING_BR && err == ERR_OK)
				assert_true(
				    str_eq(buf_str(&back), buf_str(&text)));
			assert_in_range(back.len, 0, 100000);
			buf_release(&back);
		}
		buf_release(&packed);
	}
	buf_release(&text);
}

static void test_bombs(void **state)
{
	struct buf zeros = {0};
	size_t n = 4 * 1024 * 1024;

	(void)state;
	buf_reserve(&zeros, n);
	memset(zeros.data, 0, n);
	zeros.len = n;
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0}, back = {0};
		assert_int_equal(encode(e, buf_str(&zeros), &packed), ERR_OK);
		assert_int_equal(
		    decode(e, buf_str(&packed), n - 1, &back), ERR_TOO_LARGE);
		assert_int_equal(
		    decode(e, buf_str(&packed), 1000, &back), ERR_TOO_LARGE);
		assert_int_equal(
		    decode(e, buf_str(&packed), 0, &back), ERR_TOO_LARGE);
		assert_int_equal(back.len, 0);
		assert_in_range(back.cap, 0, 2 * n);
		assert_int_equal(decode(e, buf_str(&packed), n, &back), ERR_OK);
		assert_int_equal(back.len, n);
		buf_release(&packed);
		buf_release(&back);
	}
	/* a size that so few bytes cannot hold is not even made room for */
	struct buf packed = {0}, back = {0};
	assert_int_equal(encode(ENCODING_GZ, STR("short"), &packed), ERR_OK);
	memset(packed.data + packed.len - 4, 0x3f, 4);
	assert_int_equal(
	    decode(ENCODING_GZ, buf_str(&packed), SIZE_MAX, &back), ERR_SYNTAX);
	assert_int_equal(back.cap, 0);
	buf_release(&packed);
	buf_release(&back);
	buf_release(&zeros);
}

static void test_other_codings(void **state)
{
	struct buf noise = {0};

	(void)state;
	noise_of(&noise, 5000);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct buf packed = {0}, back = {0};
		assert_int_equal(encode(e, STR("some text"), &packed), ERR_OK);
		for (int other = 0; other < ENCODING_COUNT; other++)
			if (other != e)
				assert_int_not_equal(
				    decode(
					other, buf_str(&packed), MANY, &back),
				    ERR_OK);
		assert_int_not_equal(
		    decode(e, buf_str(&noise), MANY, &back), ERR_OK);
		assert_int_equal(
		    decode(e, (struct str){0}, MANY, &back), ERR_SYNTAX);
		buf_release(&packed);
		buf_release(&back);
	}
	buf_release(&noise);
}

static void test_what_pays(void **state)
{
	static const char *const yes[] = {"text/html; charset=utf-8",
	    "text/css", "text/javascript; charset=utf-8", "application/json",
	    "application/manifest+json", "image/svg+xml", "application/wasm",
	    "application/toml", "application/xml ; charset=utf-8", "font/ttf",
	    "image/vnd.microsoft.icon"};
	static const char *const no[] = {"font/woff2", "font/woff", "image/png",
	    "image/jpeg", "image/webp", "image/avif", "application/zip",
	    "application/gzip", "application/pdf", "video/mp4",
	    "application/octet-stream", "", "; text/html", "application/jso"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(encoding_pays(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(encoding_pays(no[i]));
}

static void test_rows(void **state)
{
	struct arena a = {0};

	(void)state;
	for (int e = 0; e < ENCODING_COUNT; e++) {
		const struct encoding_row *row = &encoding_rows[e];
		struct str library = encoding_library(&a, e);
		assert_int_equal(row->ending[0], '.');
		assert_string_equal(row->ending + 1, row->name);
		assert_true(str_find(library, '.', 0) < library.n);
	}
	assert_string_equal(encoding_rows[ENCODING_GZ].token, "gzip");
	assert_string_equal(encoding_rows[ENCODING_BR].token, "br");
	assert_string_equal(encoding_rows[ENCODING_ZST].token, "zstd");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trips),
	    cmocka_unit_test(test_it_is_worth_it),
	    cmocka_unit_test(test_gzip_header),
	    cmocka_unit_test(test_zstd_header),
	    cmocka_unit_test(test_apart),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_flipped),
	    cmocka_unit_test(test_bombs),
	    cmocka_unit_test(test_other_codings),
	    cmocka_unit_test(test_what_pays),
	    cmocka_unit_test(test_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
