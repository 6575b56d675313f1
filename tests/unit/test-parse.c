#include "cgi/fcgi/parse.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/fcgi/framer.h"
#include "tests/unit/fcgi.h"

/*
 * That the fields which parse.c sets are where it thinks is shown by what they
 * do: the memfd is read and not closed, nothing is accepted, nothing written.
 */
static int file_of(struct str bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static off_t size_of(int fd)
{
	return lseek(fd, 0, SEEK_END);
}

static int open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_one_request(void **state)
{
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0};
	struct request r;
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "POST",
			    .uri = "/api/v1/bundle?a=1",
			    .header = "HTTP_X_REQUEST_ID",
			    .value = "abc",
			    .body = STR("{\"id\":7}"),
			    .chunk = 5,
			    .padding = 3});
	int fd = file_of(buf_str(&b)), files = open_files();
	assert_int_equal(parse_request(p, &a, &fd, 8, &r), ERR_OK);
	assert_true(str_is(r.method, "POST"));
	assert_true(str_is(r.path, "/api/v1/bundle"));
	assert_true(str_is(r.query, "a=1"));
	assert_true(str_is(r.body, "{\"id\":7}"));
	assert_true(str_is(request_header(&r, "x-request-id"), "abc"));
	assert_int_equal(r.body_declared, 8);
	parser_done(p);
	/* not closed, nothing written to it, nothing left open */
	assert_true(fd >= 0);
	assert_int_equal(size_of(fd), b.len);
	assert_int_equal(open_files(), files);
	close(fd);
	parser_close(p);
	parser_close(NULL);
	buf_release(&b);
	arena_release(&a);
}

/* It reads on in its file, and that must not matter. */
static void test_what_stands_behind(void **state)
{
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0};
	struct request r;
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "GET", .uri = "/1"});
	size_t second = b.len;
	put_request(&b, &(struct fcgi_request){.method = "GET", .uri = "/2"});
	buf_puts(&b, "\1\2\3 and what is not FastCGI at all");
	int fd = file_of(buf_str(&b));
	assert_int_equal(parse_request(p, &a, &fd, 0, &r), ERR_OK);
	assert_true(str_is(r.path, "/1"));
	assert_int_equal(lseek(fd, (off_t)second, SEEK_SET), second);
	assert_int_equal(parse_request(p, &a, &fd, 0, &r), ERR_OK);
	assert_true(str_is(r.path, "/2"));
	parser_close(p);
	close(fd);
	buf_release(&b);
	arena_release(&a);
}

static void test_a_large_body(void **state)
{
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0}, body = {0};
	struct request r;
	(void)state;

	for (int i = 0; i < 200000; i++)
		buf_printf(&body, "%d ", i);
	put_request(
	    &b, &(struct fcgi_request){
		    .method = "PUT", .uri = "/", .body = buf_str(&body)});
	int fd = file_of(buf_str(&b));
	assert_int_equal(parse_request(p, &a, &fd, body.len, &r), ERR_OK);
	assert_true(str_eq(r.body, buf_str(&body)));
	parser_close(p);
	close(fd);
	buf_release(&b);
	buf_release(&body);
	arena_release(&a);
}

/* What the framer would never let through: refused, and the file is gone. */
static void test_refused(void **state)
{
	static const char *const what[] = {"", "GET / HTTP/1.0\r\n\r\n"};
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0};
	struct request r;
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		int fd = file_of(str_of(what[i])), files = open_files();
		assert_int_equal(parse_request(p, &a, &fd, 0, &r), ERR_CORRUPT);
		assert_int_equal(fd, -1);
		assert_int_equal(open_files(), files - 1);
	}
	/* fewer bytes of body than the framer counted */
	put_request(&b, &(struct fcgi_request){
			    .method = "PUT", .uri = "/", .body = STR("123")});
	int fd = file_of(buf_str(&b));
	assert_int_equal(parse_request(p, &a, &fd, 4, &r), ERR_CORRUPT);
	close(fd);
	/* and it goes on */
	fd = file_of(buf_str(&b));
	assert_int_equal(parse_request(p, &a, &fd, 3, &r), ERR_OK);
	assert_true(str_is(r.body, "123"));
	parser_close(p);
	close(fd);
	buf_release(&b);
	arena_release(&a);
}

/* request_from_cgi's own refusals come through. */
static void test_not_http(void **state)
{
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0};
	struct request r;
	(void)state;

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, "\1\1AB", 4, 0);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	put_record(&b, RECORD_STDIN, 1, NULL, 0, 0);
	int fd = file_of(buf_str(&b));
	assert_int_equal(parse_request(p, &a, &fd, 0, &r), ERR_INPUT);
	assert_true(fd >= 0);
	parser_close(p);
	close(fd);
	buf_release(&b);
	arena_release(&a);
}

/* Whatever the framer calls a request, libfcgi can read. */
static void test_framed_noise(void **state)
{
	struct parser *p = parser_open();
	struct arena a = {0};
	struct buf b = {0};
	uint64_t seed = 521288629;
	int whole = 0;
	(void)state;

	for (int round = 0; round < 3000; round++) {
		struct framer f = {.body_max = 100};
		struct request r;
		size_t used;
		put_request(&b, &(struct fcgi_request){.method = "POST",
				    .uri = "/",
				    .body = STR("body"),
				    .chunk = 1 + next_random(&seed) % 40});
		for (size_t n = next_random(&seed) % 3; n > 0; n--)
			b.data[next_random(&seed) % b.len] ^=
			    (char)(1u << next_random(&seed) % 8);
		if (framer_look(&f, (uint8_t *)b.data, b.len, &used) ==
			FRAMER_REQUEST &&
		    !framer_excess(&f)) {
			int fd = file_of(str_slice(buf_str(&b), 0, used));
			enum err err = parse_request(p, &a, &fd, f.body, &r);
			assert_int_not_equal(err, ERR_CORRUPT);
			assert_int_equal(size_of(fd), used);
			close(fd);
			whole++;
		}
		arena_reset(&a);
		buf_clear(&b);
	}
	assert_true(whole > 1000);
	parser_close(p);
	buf_release(&b);
	arena_release(&a);
}

static int group_setup(void **state)
{
	(void)state;
	return parse_init() == ERR_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_request),
	    cmocka_unit_test(test_what_stands_behind),
	    cmocka_unit_test(test_a_large_body),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_not_http),
	    cmocka_unit_test(test_framed_noise),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("parse", tests, group_setup, NULL);
}
