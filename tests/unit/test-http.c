#include "cgi/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"

static struct arena arena;

static int done(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#define READ(...)                                                              \
	request_from_cgi(&arena, (char *[]){__VA_ARGS__, NULL}, &request)
#define assert_text(got, want)                                                 \
	assert_string_equal(arena_cstr(&arena, (got)), (want))

static void reads_variables(void **state)
{
	struct request request;
	(void)state;

	assert_int_equal(
	    READ("REQUEST_METHOD=POST", "REQUEST_URI=/api/x%2Fy?a=b?c",
		"SERVER_NAME=here", "HTTP_X_REQUEST_ID= one ",
		"CONTENT_TYPE=application/json", "CONTENT_LENGTH=12",
		"HTTP_CONTENT_TYPE=text/html", "HTTP_CONTENT_LENGTH=9",
		"REMOTE_ADDR=127.0.0.1", "REMOTE_USER=victim",
		"LOWTIDE_OWNER=ann", "NOEQUALS"),
	    ERR_OK);
	assert_text(request.method, "POST");
	assert_text(request.path, "/api/x%2Fy");
	assert_text(request.query, "a=b?c");
	assert_text(request.owner, "ann");
	assert_text(request.remote_addr, "127.0.0.1");
	assert_int_equal(request.body_declared, 12);
	assert_int_equal(request.headers.n, 2);
	assert_text(request_header(&request, "x-request-id"), "one");
	assert_text(
	    request_header(&request, "content-type"), "application/json");
	assert_false(request_has_header(&request, "remote-user"));
	assert_false(request_has_header(&request, "content-length"));
}

static void tells_no_query_from_an_empty_one(void **state)
{
	struct request request;
	(void)state;

	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a"), ERR_OK);
	assert_null(request.query.p);
	assert_int_equal(request.body_declared, -1);
	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a?",
			     "CONTENT_LENGTH=", "CONTENT_TYPE="),
	    ERR_OK);
	assert_non_null(request.query.p);
	assert_int_equal(request.query.n, 0);
	assert_int_equal(request.headers.n, 0);
	assert_int_equal(request.body_declared, -1);
	assert_int_equal(
	    READ("REQUEST_METHOD=GET", "REQUEST_URI=/a?b", "REQUEST_URI=/c"),
	    ERR_OK);
	assert_text(request.path, "/c");
	assert_null(request.query.p);
}

static void refuses_what_is_missing_or_odd(void **state)
{
	struct request request;
	(void)state;

	assert_int_equal(READ("REQUEST_METHOD=GET"), ERR_INPUT);
	assert_int_equal(READ("REQUEST_URI=/a"), ERR_INPUT);
	assert_int_equal(READ("REQUEST_METHOD=", "REQUEST_URI=/a"), ERR_INPUT);
	assert_int_equal(
	    READ("REQUEST_METHOD=GET", "REQUEST_URI=/a", "CONTENT_LENGTH=-1"),
	    ERR_INPUT);
	assert_int_equal(
	    READ("REQUEST_METHOD=GET", "REQUEST_URI=/a", "CONTENT_LENGTH=12x"),
	    ERR_INPUT);
	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a",
			     "CONTENT_LENGTH=1234567890123456789x"),
	    ERR_INPUT);
}

/* The body is too large then, not the header. */
static void reads_a_length_that_is_absurd(void **state)
{
	struct request request;
	(void)state;

	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a",
			     "CONTENT_LENGTH=1234567890123456789"),
	    ERR_OK);
	assert_true(request.body_declared == INT64_MAX);
	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a",
			     "CONTENT_LENGTH=99999999999999999999999999"),
	    ERR_OK);
	assert_true(request.body_declared == INT64_MAX);
	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/a",
			     "CONTENT_LENGTH=00000000000000000000012"),
	    ERR_OK);
	assert_int_equal(request.body_declared, 12);
}

static void holds_headers_against_their_caps(void **state)
{
	static char names[HTTP_HEADERS_MAX + 1][24];
	char *vars[HTTP_HEADERS_MAX + 4] = {
	    "REQUEST_METHOD=GET", "REQUEST_URI=/"};
	struct request request;
	(void)state;

	for (size_t i = 0; i <= HTTP_HEADERS_MAX; i++)
		snprintf(names[i], sizeof(names[i]), "HTTP_X_%zu=v", i);
	for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
		vars[2 + i] = names[i];
	assert_int_equal(request_from_cgi(&arena, vars, &request), ERR_OK);
	assert_int_equal(request.headers.n, HTTP_HEADERS_MAX);
	vars[2 + HTTP_HEADERS_MAX] = names[HTTP_HEADERS_MAX];
	assert_int_equal(
	    request_from_cgi(&arena, vars, &request), ERR_TOO_LARGE);

	struct buf big = {0};
	buf_puts(&big, "HTTP_X=");
	buf_reserve(&big, HTTP_HEADER_BYTES_MAX);
	for (size_t i = 0; i < HTTP_HEADER_BYTES_MAX; i++)
		buf_putc(&big, 'v');
	assert_int_equal(READ("REQUEST_METHOD=GET", "REQUEST_URI=/", big.data),
	    ERR_TOO_LARGE);
	big.data[big.len - 1] = '\0'; /* with its name of one byte: the cap */
	assert_int_equal(
	    READ("REQUEST_METHOD=GET", "REQUEST_URI=/", big.data), ERR_OK);

	buf_clear(&big);
	buf_puts(&big, "REQUEST_URI=/");
	for (size_t i = 0; i < HTTP_TARGET_MAX; i++)
		buf_putc(&big, 'v');
	assert_int_equal(READ("REQUEST_METHOD=GET", big.data), ERR_TOO_LARGE);
	buf_release(&big);
}

static void writes_an_answer(void **state)
{
	struct answer ans = {.status = 201, .body = STR("{}")};
	struct buf out = {0};
	(void)state;

	answer_header(&ans, "Content-Type", STR("application/json"));
	answer_header(&ans, "X-Odd", STR("a\r\nSet-Cookie: b\tc"));
	answer_write(&ans, &out);
	assert_string_equal(out.data, "Status: 201 Created\r\n"
				      "Content-Type: application/json\r\n"
				      "X-Odd: a  Set-Cookie: b c\r\n"
				      "Content-Length: 2\r\n"
				      "\r\n{}");
	assert_text(answer_get(&ans, "content-type"), "application/json");
	assert_int_equal(answer_get(&ans, "location").n, 0);
	buf_clear(&out);
	ans.head = true;
	answer_write(&ans, &out);
	assert_non_null(strstr(out.data, "Content-Length: 2\r\n\r\n"));
	assert_null(strstr(out.data, "{}"));
	/* to HEAD, of a body that somebody else has */
	ans.body.n = 0;
	buf_clear(&out);
	answer_write(&ans, &out);
	assert_null(strstr(out.data, "Content-Length"));
	ans.body.n = 2;
	/* its end is not known */
	ans.head = false;
	ans.n_headers = 1;
	buf_clear(&out);
	answer_write_open(&ans, &out);
	assert_string_equal(out.data, "Status: 201 Created\r\n"
				      "Content-Type: application/json\r\n"
				      "\r\n{}");
	buf_release(&out);
}

static void writes_no_body_where_there_is_none(void **state)
{
	static const int statuses[] = {204, 304};
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct answer ans = {.status = statuses[i], .body = STR("x")};
		struct buf out = {0};
		answer_write(&ans, &out);
		assert_null(strstr(out.data, "Content-Length"));
		assert_string_equal(out.data + out.len - 4, "\r\n\r\n");
		buf_release(&out);
	}
}

static void drops_headers_beyond_the_cap(void **state)
{
	struct answer ans = {.status = 200};
	(void)state;

	for (size_t i = 0; i < ANSWER_HEADERS_MAX + 5; i++)
		answer_header(&ans, "x", STR("y"));
	assert_int_equal(ans.n_headers, ANSWER_HEADERS_MAX);
}

static void names_statuses(void **state)
{
	(void)state;
	assert_string_equal(http_phrase(404), "Not Found");
	assert_string_equal(http_phrase(503), "Service Unavailable");
	assert_string_equal(http_phrase(799), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(reads_variables, done),
	    cmocka_unit_test_teardown(tells_no_query_from_an_empty_one, done),
	    cmocka_unit_test_teardown(refuses_what_is_missing_or_odd, done),
	    cmocka_unit_test_teardown(reads_a_length_that_is_absurd, done),
	    cmocka_unit_test_teardown(holds_headers_against_their_caps, done),
	    cmocka_unit_test_teardown(writes_an_answer, done),
	    cmocka_unit_test(writes_no_body_where_there_is_none),
	    cmocka_unit_test(drops_headers_beyond_the_cap),
	    cmocka_unit_test(names_statuses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
