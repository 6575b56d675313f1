#include "cgi/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/http.h"

static struct arena arena;

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct pair headers[] = {
    {{.p = "gov-client-a", .n = 12}, {.p = "1", .n = 1}},
    {{.p = "accept", .n = 6}, {.p = "", .n = 0}},
};

static void put_sample(struct buf *out)
{
	envelope_put_request(
	    out, &(struct envelope_request){.method = STR("POST"),
		     .path = STR("/api/v1/x"),
		     .query = STR("a=b"),
		     .remote_addr = STR("127.0.0.1"),
		     .headers = {(struct pair *)(uintptr_t)headers, 2},
		     .body = STR("{\"a\":\0}")});
}

static void keeps_a_request(void **state)
{
	struct envelope_request r;
	struct buf out = {0};
	(void)state;

	put_sample(&out);
	assert_int_equal(
	    envelope_get_request(&arena, buf_str(&out), &r), ERR_OK);
	assert_true(str_is(r.method, "POST"));
	assert_true(str_is(r.path, "/api/v1/x"));
	assert_true(str_is(r.query, "a=b"));
	assert_true(str_is(r.remote_addr, "127.0.0.1"));
	assert_int_equal(r.headers.n, 2);
	assert_true(str_is(r.headers.items[0].name, "gov-client-a"));
	assert_int_equal(r.headers.items[1].value.n, 0);
	assert_int_equal(r.body.n, 7);
	buf_release(&out);
}

/* As many as a request may have, and the trace made for it; no more. */
static void keeps_every_header(void **state)
{
	struct pair many[ENVELOPE_HEADERS_MAX + 1];
	struct envelope_request r = {.headers = {many, 0}}, back;
	(void)state;

	for (size_t i = 0; i <= ENVELOPE_HEADERS_MAX; i++)
		many[i] = headers[0];
	for (size_t n = HTTP_HEADERS_MAX; n <= ENVELOPE_HEADERS_MAX + 1; n++) {
		struct buf out = {0};

		r.headers.n = n;
		envelope_put_request(&out, &r);
		assert_int_equal(
		    envelope_get_request(&arena, buf_str(&out), &back),
		    n <= ENVELOPE_HEADERS_MAX ? ERR_OK : ERR_CORRUPT);
		buf_release(&out);
	}
}

static void keeps_meta_and_result(void **state)
{
	struct pair receipt = {STR("receipt-id"), STR("1")};
	struct envelope_meta m;
	struct envelope_note note;
	struct envelope_result r;
	struct buf out = {0};
	(void)state;

	envelope_put_meta(
	    &out, &(struct envelope_meta){.request_id = STR("abc")});
	assert_int_equal(envelope_get_meta(buf_str(&out), &m), ERR_OK);
	assert_true(str_is(m.request_id, "abc"));
	assert_int_equal(m.traceparent.n, 0);
	buf_clear(&out);
	envelope_put_result(&out, &(struct envelope_result){.status = 201,
				      .content_type = STR("text/plain"),
				      .location = STR("/x"),
				      .message = STR("m"),
				      .headers = {&receipt, 1},
				      .body = STR("b")});
	assert_int_equal(
	    envelope_get_result(&arena, buf_str(&out), &r), ERR_OK);
	assert_int_equal(r.status, 201);
	assert_true(str_is(r.location, "/x"));
	assert_true(str_is(r.message, "m"));
	assert_int_equal(r.headers.n, 1);
	assert_true(str_is(r.headers.items[0].name, "receipt-id"));
	assert_true(str_is(r.body, "b"));
	buf_clear(&out);
	envelope_put_note(&out,
	    &(struct envelope_note){.message = STR("m"), .poll_url = STR("u")});
	assert_int_equal(envelope_get_note(buf_str(&out), &note), ERR_OK);
	assert_true(str_is(note.message, "m"));
	assert_true(str_is(note.poll_url, "u"));
	buf_release(&out);
}

/* What a store of the release before holds. */
static void reads_results_without_headers(void **state)
{
	struct envelope_result r;
	struct buf out = {0};
	(void)state;

	buf_putc(&out, 1);
	buf_put_u32(&out, 204);
	for (int i = 0; i < 4; i++)
		buf_put_u32(&out, 0);
	assert_int_equal(
	    envelope_get_result(&arena, buf_str(&out), &r), ERR_OK);
	assert_int_equal(r.status, 204);
	assert_int_equal(r.headers.n, 0);
	buf_release(&out);
}

static void refuses_every_cut_and_every_addition(void **state)
{
	struct envelope_request r;
	struct envelope_meta m;
	struct envelope_result res;
	struct buf out = {0};
	(void)state;

	put_sample(&out);
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(envelope_get_request(&arena,
				     str_slice(buf_str(&out), 0, n), &r),
		    ERR_CORRUPT);
	assert_int_equal(envelope_get_meta(buf_str(&out), &m), ERR_CORRUPT);
	assert_int_equal(
	    envelope_get_result(&arena, buf_str(&out), &res), ERR_CORRUPT);
	buf_putc(&out, 'x');
	assert_int_equal(
	    envelope_get_request(&arena, buf_str(&out), &r), ERR_CORRUPT);
	out.len--;
	out.data[0] = ENVELOPE_FORMAT + 1;
	assert_int_equal(
	    envelope_get_request(&arena, buf_str(&out), &r), ERR_CORRUPT);
	buf_release(&out);
}

static void refuses_absurd_counts_and_lengths(void **state)
{
	struct envelope_request r;
	struct envelope_result res;
	struct buf out = {0};
	(void)state;

	buf_putc(&out, ENVELOPE_FORMAT);
	for (int i = 0; i < 4; i++)
		buf_put_u32(&out, 0);
	buf_put_u32(&out, 0xffffffff); /* headers */
	buf_put_u32(&out, 0);
	assert_int_equal(
	    envelope_get_request(&arena, buf_str(&out), &r), ERR_CORRUPT);
	assert_int_equal(r.headers.n, 0);
	buf_clear(&out);
	buf_putc(&out, ENVELOPE_FORMAT);
	buf_put_u32(&out, 1000); /* not a status */
	for (int i = 0; i < 4; i++)
		buf_put_u32(&out, 0);
	assert_int_equal(
	    envelope_get_result(&arena, buf_str(&out), &res), ERR_CORRUPT);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(keeps_a_request, done),
	    cmocka_unit_test_teardown(keeps_every_header, done),
	    cmocka_unit_test(keeps_meta_and_result),
	    cmocka_unit_test(reads_results_without_headers),
	    cmocka_unit_test_teardown(
		refuses_every_cut_and_every_addition, done),
	    cmocka_unit_test_teardown(refuses_absurd_counts_and_lengths, done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
