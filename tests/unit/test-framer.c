#include "cgi/fcgi/framer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/fcgi.h"

#define BODY_MAX 1000

/*
 * What the stream says, piece by piece, as one line: 'R' a request (with its
 * length, body offset, flags), 'M' management, 'A' abort, 'T' too large, 'B'
 * bad. Pieces end at the given cuts; kept bytes are counted as a reader would.
 */
struct reading {
	struct framer f;
	struct buf said;
	size_t at, kept;
	bool over;
};

static void say(struct reading *r, enum framer_verdict v, size_t used)
{
	struct framer *f = &r->f;

	switch (v) {
	case FRAMER_MORE:
		r->kept += used;
		break;
	case FRAMER_REQUEST:
		buf_printf(&r->said, "R%u/%zu/%zu/%zu/%zu%s%s%s ",
		    f->request_id, r->kept + used, f->params, f->body,
		    f->body_at, f->keep_conn ? "k" : "",
		    f->params_over ? "p" : "", f->body_over ? "b" : "");
		r->kept = 0;
		break;
	case FRAMER_MANAGEMENT:
		buf_printf(&r->said, "M%zu ", used);
		break;
	case FRAMER_ABORT:
		buf_printf(&r->said, "A%u%s ", f->abort_id,
		    framer_inside(f) ? "i" : "");
		break;
	case FRAMER_TOO_LARGE:
	case FRAMER_BAD:
		buf_printf(&r->said, v == FRAMER_BAD ? "B" : "T");
		r->over = true;
		break;
	}
}

/* Everything up to `end` has arrived. */
static void look(struct reading *r, struct str bytes, size_t end)
{
	while (!r->over && r->at < end) {
		size_t used = 0, n = end - r->at;
		/* a copy of just these bytes: the sanitizer sees any more */
		uint8_t *copy = malloc(n);
		memcpy(copy, bytes.p + r->at, n);
		enum framer_verdict v = framer_look(&r->f, copy, n, &used);
		free(copy);
		assert_true(used <= n);
		r->at += used;
		say(r, v, used);
		if (v == FRAMER_MORE && used == 0) {
			assert_true(n < FRAMER_LEFT_MAX);
			return;
		}
	}
}

static char *whole(struct str bytes)
{
	struct reading r = {.f.body_max = BODY_MAX};

	look(&r, bytes, bytes.n);
	buf_putc(&r.said, '.');
	return r.said.data;
}

static void assert_same_however_split(struct str bytes)
{
	char *expected = whole(bytes);
	uint64_t seed = 88172645463325252u;

	for (int round = 0; round < 40; round++) {
		struct reading r = {.f.body_max = BODY_MAX};
		size_t end = 0;
		while (end < bytes.n) {
			size_t step = round ? next_random(&seed) % 90 + 1 : 1;
			end = end + step < bytes.n ? end + step : bytes.n;
			look(&r, bytes, end);
		}
		buf_putc(&r.said, '.');
		assert_string_equal(r.said.data, expected);
		buf_release(&r.said);
	}
	free(expected);
}

static void assert_says(struct buf *stream, const char *expected)
{
	char *said = whole(buf_str(stream));

	assert_string_equal(said, expected);
	free(said);
	assert_same_however_split(buf_str(stream));
	buf_clear(stream);
}

static void test_one_request(void **state)
{
	struct buf b = {0};
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "GET", .uri = "/"});
	size_t n = b.len;
	char *said = whole(buf_str(&b)), expected[80];
	/* 16 begin, 8+params, 8, then STDIN's empty record */
	snprintf(expected, sizeof(expected), "R1/%zu/%zu/0/%zuk .", n,
	    n - 16 - 24, n - 8);
	assert_string_equal(said, expected);
	free(said);
	assert_same_however_split(buf_str(&b));
	buf_release(&b);
}

static void test_every_prefix_waits(void **state)
{
	struct buf b = {0};
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "POST",
			    .uri = "/api/x?y",
			    .body = STR("{\"a\":1}"),
			    .chunk = 11,
			    .padding = 3});
	for (size_t n = 0; n < b.len; n++) {
		struct reading r = {.f.body_max = BODY_MAX};
		look(&r, buf_str(&b), n);
		assert_int_equal(r.said.len, 0);
		assert_false(r.over);
	}
	buf_release(&b);
}

static void test_pipelined(void **state)
{
	struct buf b = {0};
	(void)state;

	for (uint16_t id = 1; id < 5; id++)
		put_request(&b, &(struct fcgi_request){.id = id,
				    .method = "POST",
				    .uri = "/",
				    .close = id == 4,
				    .body = STR("0123456789"),
				    .chunk = id * 7u,
				    .padding = id});
	char *said = whole(buf_str(&b));
	assert_non_null(strstr(said, "R1/"));
	assert_non_null(strstr(said, "k R4/"));
	assert_null(strchr(said, 'B'));
	free(said);
	assert_same_however_split(buf_str(&b));
	buf_release(&b);
}

static const char long_name[] =
    "A_NAME_OF_MORE_THAN_127_BYTES_NEEDS_FOUR_BYTES_TO_TELL_ITS_LENGTH_"
    "AND_IS_AS_GOOD_AS_ANY_OTHER_NAME_IN_THIS_STREAM_OF_NAMES_AND_VALUES_"
    "UP_TO_THE_END";

static void test_long_pairs(void **state)
{
	struct buf b = {0};
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "GET",
			    .uri = "/",
			    .header = long_name,
			    .value = long_name,
			    .chunk = 50});
	char *said = whole(buf_str(&b));
	assert_int_equal(said[0], 'R');
	free(said);
	assert_same_however_split(buf_str(&b));
	buf_release(&b);
}

/* One BEGIN_REQUEST, then these bytes as PARAMS, then the ends. */
static void put_params(struct buf *b, struct str params)
{
	put_begin(b, 1, true);
	put_stream(b, RECORD_PARAMS, 1, params, 60000, 0);
	put_record(b, RECORD_STDIN, 1, NULL, 0, 0);
}

#define ROW(literal) (literal), sizeof(literal) - 1
static void test_broken_pairs(void **state)
{
	static const struct {
		const char *params;
		size_t n;
		const char *says;
	} rows[] = {
	    {ROW("\1\1AB"), "R1/44/4/0/36k ."},
	    {ROW("\0\0\0\0"), "R1/44/4/0/36k ."},
	    {ROW("\1"), "B."},
	    {ROW("\1\1"), "B."},
	    {ROW("\1\1A"), "B."},
	    {ROW("\1\1AB\1"), "B."},
	    {ROW("\2\1AB"), "B."},
	    /* a C string would end there: the name of another */
	    {ROW("\1\5Aann\0y"), "B."},
	    {ROW("\3\1A\0CB"), "B."},
	    {ROW("\1\1A\0\1\1AB"), "B."},
	    {ROW("\x80\0\0\1\1AB"), "R1/47/7/0/39k ."},
	    {ROW("\x80\0\0"), "B."},
	    {ROW("\1\x80\0\0"), "B."},
	    /* what makes libfcgi's sum of two lengths overflow */
	    {ROW("\xff\xff\xff\xff\xff\xff\xff\xff"), "R1/48/8/0/40kp ."},
	    {ROW("\x80\1\0\1\0"), "R1/45/5/0/37kp ."},
	    {ROW("\1\xff\xff\xff\xfe"), "R1/45/5/0/37kp ."},
	};
	struct buf b = {0};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_params(
		    &b, (struct str){.p = rows[i].params, .n = rows[i].n});
		assert_says(&b, rows[i].says);
	}
	buf_release(&b);
}

/* Bytes that are not FastCGI, or FastCGI out of order. */
static void test_broken_records(void **state)
{
	static const struct {
		const char *what, *says;
		int version, type, id;
		size_t content, padding;
	} rows[] = {
	    {"version", "B.", 2, RECORD_BEGIN_REQUEST, 1, 8, 0},
	    {"STDIN first", "B.", 1, RECORD_STDIN, 1, 0, 0},
	    {"PARAMS first", "B.", 1, RECORD_PARAMS, 1, 8, 0},
	    {"no such type", "B.", 1, 77, 1, 8, 0},
	    {"short BEGIN", "B.", 1, RECORD_BEGIN_REQUEST, 1, 7, 1},
	    {"long BEGIN", "B.", 1, RECORD_BEGIN_REQUEST, 1, 16, 0},
	    {"BEGIN of nobody", "B.", 1, RECORD_BEGIN_REQUEST, 0, 8, 0},
	    {"PARAMS of nobody", "B.", 1, RECORD_PARAMS, 0, 8, 0},
	    {"role 0", "B.", 1, RECORD_BEGIN_REQUEST, 1, 8, 0},
	    {"END from a server", "B.", 1, RECORD_END_REQUEST, 1, 8, 0},
	    {"abort of nothing", "A9 .", 1, RECORD_ABORT_REQUEST, 9, 0, 0},
	    {"padded abort", "A9 .", 1, RECORD_ABORT_REQUEST, 9, 0, 9},
	    {"huge abort", "B.", 1, RECORD_ABORT_REQUEST, 9, 2000, 0},
	    {"values", "M16 .", 1, RECORD_GET_VALUES, 0, 8, 0},
	    {"odd management", "M10 .", 1, 99, 0, 1, 1},
	    {"huge values", "B.", 1, RECORD_GET_VALUES, 0, 2000, 0},
	};
	char content[2000] = {0};
	struct buf b = {0};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_record(&b, rows[i].type, (uint16_t)rows[i].id, content,
		    rows[i].content, rows[i].padding);
		b.data[0] = (char)rows[i].version;
		assert_says(&b, rows[i].says);
	}
	buf_release(&b);
}

/* After a good BEGIN_REQUEST of 1 and one PARAMS record. */
static void test_broken_order(void **state)
{
	static const struct {
		const char *what, *says;
		int type, id;
		size_t content;
	} rows[] = {
	    {"STDIN too early", "B.", RECORD_STDIN, 1, 0},
	    {"another's PARAMS", "B.", RECORD_PARAMS, 2, 0},
	    {"a second BEGIN", "B.", RECORD_BEGIN_REQUEST, 1, 8},
	    {"multiplexing", "B.", RECORD_BEGIN_REQUEST, 2, 8},
	    {"DATA", "B.", RECORD_DATA, 1, 4},
	    {"another's abort", "A2i .", RECORD_ABORT_REQUEST, 2, 0},
	    {"our abort", "A1i .", RECORD_ABORT_REQUEST, 1, 0},
	    {"management inside", "M12 .", RECORD_GET_VALUES, 0, 4},
	};
	struct buf b = {0};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_begin(&b, 1, true);
		put_record(&b, RECORD_PARAMS, 1, "\1\1AB", 4, 4);
		put_record(&b, rows[i].type, (uint16_t)rows[i].id,
		    "\0\1\0\0\0\0\0", rows[i].content, 0);
		assert_says(&b, rows[i].says);
	}
	buf_release(&b);
}

static void test_management_is_cut_out(void **state)
{
	struct buf b = {0};
	(void)state;

	put_begin(&b, 1, false);
	put_record(&b, RECORD_GET_VALUES, 0, "\0\0", 2, 6);
	put_record(&b, RECORD_PARAMS, 1, "\1\1AB", 4, 4);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	put_record(&b, RECORD_GET_VALUES, 0, NULL, 0, 0);
	put_record(&b, RECORD_STDIN, 1, "x", 1, 7);
	put_record(&b, RECORD_STDIN, 1, NULL, 0, 0);
	put_record(&b, RECORD_GET_VALUES, 0, NULL, 0, 0);
	/* the request's own 16 + 16 + 8 + 16 + 8 bytes */
	assert_says(&b, "M16 M8 R1/64/4/1/40 M8 .");
	buf_release(&b);
}

static void test_caps(void **state)
{
	static char big[FRAMER_PARAMS_MAX * 2];
	struct buf b = {0}, params = {0};
	(void)state;

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	put_stream(&b, RECORD_STDIN, 1, (struct str){big, BODY_MAX}, 999, 0);
	assert_says(&b, "R1/1048/0/1000/24k .");

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	put_stream(
	    &b, RECORD_STDIN, 1, (struct str){big, BODY_MAX + 1}, 1001, 0);
	put_request(&b, &(struct fcgi_request){.method = "GET", .uri = "/"});
	char *said = whole(buf_str(&b));
	assert_non_null(strstr(said, "R1/1041/0/1001/24kb R1/"));
	free(said);
	buf_clear(&b);

	put_pair(&params, "A", (struct str){big, sizeof(big) - 8});
	put_params(&b, buf_str(&params));
	put_request(&b, &(struct fcgi_request){.method = "GET", .uri = "/"});
	said = whole(buf_str(&b));
	assert_non_null(strstr(said, "kp R1/"));
	free(said);
	buf_release(&params);
	buf_release(&b);
}

/* A stream that never ends is not followed for ever. */
static void test_without_end(void **state)
{
	static char big[RECORD_CONTENT_MAX];
	struct reading r = {.f.body_max = BODY_MAX};
	struct buf b = {0};
	size_t used, fed = 0;
	enum framer_verdict v = FRAMER_MORE;
	(void)state;

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	assert_int_equal(framer_look(&r.f, (uint8_t *)b.data, b.len, &used), v);
	buf_clear(&b);
	put_record(&b, RECORD_STDIN, 1, big, sizeof(big), 0);
	while (v == FRAMER_MORE && fed < 2 * FRAMER_EXCESS_MAX) {
		v = framer_look(&r.f, (uint8_t *)b.data, b.len, &used);
		fed += b.len;
	}
	assert_int_equal(v, FRAMER_TOO_LARGE);
	assert_true(fed < FRAMER_EXCESS_MAX + (1 << 20));
	buf_release(&b);
}

/* Nor is one that is nearly all padding kept. */
static void test_padding_without_end(void **state)
{
	struct framer f = {.body_max = BODY_MAX};
	struct buf b = {0};
	size_t used;
	(void)state;

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	framer_look(&f, (uint8_t *)b.data, b.len, &used);
	buf_clear(&b);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	b.data[1] = RECORD_STDIN;
	b.data[5] = 1;
	b.data[6] = (char)250;
	static const char rest[251];
	buf_put(&b, rest, sizeof(rest));
	for (int i = 0; i < 6000 && !f.body_over; i++)
		assert_int_equal(
		    framer_look(&f, (uint8_t *)b.data, b.len, &used),
		    FRAMER_MORE);
	assert_true(f.body_over);
	assert_true(f.body < 6000);
	buf_release(&b);
}

/* Bytes from a generator: no crash, no verdict that depends on the splits. */
static void test_noise(void **state)
{
	uint64_t seed = 2463534242u;
	struct buf b = {0};
	(void)state;

	for (int round = 0; round < 300; round++) {
		put_request(&b, &(struct fcgi_request){.method = "POST",
				    .uri = "/",
				    .body = STR("body"),
				    .chunk = 1 + next_random(&seed) % 40,
				    .padding = next_random(&seed) % 9});
		for (size_t n = next_random(&seed) % 4; n > 0; n--)
			b.data[next_random(&seed) % b.len] =
			    (char)next_random(&seed);
		assert_same_however_split(buf_str(&b));
		buf_clear(&b);
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_request),
	    cmocka_unit_test(test_every_prefix_waits),
	    cmocka_unit_test(test_pipelined),
	    cmocka_unit_test(test_long_pairs),
	    cmocka_unit_test(test_broken_pairs),
	    cmocka_unit_test(test_broken_records),
	    cmocka_unit_test(test_broken_order),
	    cmocka_unit_test(test_management_is_cut_out),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_without_end),
	    cmocka_unit_test(test_padding_without_end),
	    cmocka_unit_test(test_noise),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("framer", tests, NULL, NULL);
}
