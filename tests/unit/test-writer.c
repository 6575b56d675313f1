#include "cgi/fcgi/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fcgi.h"

/* STDOUT's content joined; every record is checked on the way. */
static void take_answer(struct str bytes, uint16_t id, struct buf *out)
{
	bool ended = false;

	while (bytes.n) {
		assert_false(ended);
		assert_true(bytes.n >= RECORD_HEADER);
		struct record r = record_read((const uint8_t *)bytes.p);
		assert_int_equal(r.version, RECORD_VERSION);
		assert_int_equal(r.request_id, id);
		assert_int_equal((r.content + r.padding) % 8, 0);
		assert_true(bytes.n >= RECORD_HEADER + r.content + r.padding);
		if (r.type == RECORD_STDOUT) {
			assert_true(r.content > 0);
			buf_put(out, bytes.p + RECORD_HEADER, r.content);
		} else {
			assert_int_equal(r.type, RECORD_END_REQUEST);
			assert_int_equal(r.content, 8);
			assert_memory_equal(
			    bytes.p + RECORD_HEADER, "\0\0\0\0\0\0\0\0", 8);
			ended = true;
		}
		bytes = str_slice(
		    bytes, RECORD_HEADER + r.content + r.padding, bytes.n);
	}
	assert_true(ended);
}

static void test_answers_of_every_size(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 9, 65527, 65528, 65529,
	    65535, 65536, 131056, 131057, 1000000};
	char *content = malloc(1000000);
	(void)state;

	for (size_t i = 0; i < 1000000; i++)
		content[i] = (char)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct writer w;
		struct buf got = {0};
		writer_init(&w);
		writer_answer(
		    &w, 513, (struct str){.p = content, .n = sizes[i]});
		take_answer(buf_str(&w.pending), 513, &got);
		assert_int_equal(got.len, sizes[i]);
		if (got.len)
			assert_memory_equal(got.data, content, got.len);
		buf_release(&got);
		writer_release(&w);
	}
	free(content);
}

static void test_end_alone(void **state)
{
	struct writer w;
	struct buf got = {0};
	(void)state;

	writer_init(&w);
	assert_int_equal(w.sent, w.pending.len);
	writer_end(&w, 65535);
	assert_int_equal(w.pending.len, 16);
	take_answer(buf_str(&w.pending), 65535, &got);
	assert_int_equal(got.len, 0);
	assert_true(w.sent < w.pending.len);
	buf_release(&got);
	writer_release(&w);
	writer_release(NULL);
}

/* What GET_VALUES asks for and what it gets, as name=value, */
static void ask(struct str content, const char *expected)
{
	struct buf record = {0}, said = {0};
	struct writer w;

	writer_init(&w);
	put_record(&record, RECORD_GET_VALUES, 0, content.p, content.n, 5);
	writer_management(&w, (const uint8_t *)record.data, record.len);
	const uint8_t *p = (const uint8_t *)w.pending.data;
	struct record r = record_read(p);
	assert_int_equal(r.type, RECORD_GET_VALUES_RESULT);
	assert_int_equal(r.request_id, 0);
	assert_int_equal(w.pending.len, RECORD_HEADER + r.content + r.padding);
	for (size_t at = 0; at < r.content;) {
		const char *pair = (const char *)p + RECORD_HEADER + at;
		int name = pair[0], value = pair[1];
		buf_printf(&said, "%.*s=%.*s,", name, pair + 2, value,
		    pair + 2 + name);
		at += 2 + (size_t)name + (size_t)value;
	}
	buf_putc(&said, '.');
	assert_string_equal(said.data, expected);
	buf_release(&said);
	buf_release(&record);
	writer_release(&w);
}

static void test_values(void **state)
{
	struct buf all = {0};
	(void)state;

	put_pair(&all, "FCGI_MAX_CONNS", STR(""));
	put_pair(&all, "FCGI_MPXS_CONNS", STR(""));
	put_pair(&all, "FCGI_NOT_OURS", STR("x"));
	put_pair(&all, "FCGI_MAX_REQS", STR(""));
	ask(buf_str(&all), "FCGI_MAX_CONNS=4096,FCGI_MPXS_CONNS=0,"
			   "FCGI_MAX_REQS=4096,.");
	/* cut anywhere: what stood whole before the cut */
	for (size_t n = 0; n < 16; n++)
		ask(str_slice(buf_str(&all), 0, n), ".");
	ask(str_slice(buf_str(&all), 0, 16), "FCGI_MAX_CONNS=4096,.");
	ask(STR(""), ".");
	ask(STR("\377"), ".");
	ask(STR("\377\377\377\377\377\377\377\377A"), ".");
	ask(STR("\5\1A"), ".");
	ask(STR("\0\0\0\0"), ".");
	buf_release(&all);
}

static void test_unknown_type(void **state)
{
	struct buf record = {0};
	struct writer w;
	(void)state;

	writer_init(&w);
	put_record(&record, 42, 0, "abc", 3, 0);
	writer_management(&w, (const uint8_t *)record.data, record.len);
	assert_int_equal(w.pending.len, 16);
	assert_memory_equal(
	    w.pending.data, "\1\13\0\0\0\10\0\0\52\0\0\0\0\0\0\0", 16);
	buf_release(&record);
	writer_release(&w);
}

static void test_slow_reader(void **state)
{
	struct writer w;
	struct buf got = {0}, content = {0}, answer = {0};
	int fds[2], waits = 0;
	char piece[5000];
	enum err err;
	(void)state;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 300000; i++)
		buf_printf(&content, "%d,", i);
	writer_init(&w);
	writer_answer(&w, 1, buf_str(&content));
	while ((err = writer_flush(&w, fds[0])) == ERR_AGAIN) {
		waits++;
		ssize_t n = read(fds[1], piece, sizeof(piece));
		assert_true(n > 0);
		buf_put(&got, piece, (size_t)n);
	}
	assert_int_equal(err, ERR_OK);
	assert_true(waits > 10);
	assert_int_equal(w.sent, w.pending.len);
	/* large memory is not kept for the next one */
	assert_true(w.pending.cap <= WRITER_KEEP);
	for (ssize_t n; (n = read(fds[1], piece, sizeof(piece))) > 0;)
		buf_put(&got, piece, (size_t)n);
	take_answer(buf_str(&got), 1, &answer);
	assert_int_equal(answer.len, content.len);
	assert_memory_equal(answer.data, content.data, content.len);
	close(fds[0]);
	close(fds[1]);
	buf_release(&got);
	buf_release(&content);
	buf_release(&answer);
	writer_release(&w);
}

/* Piece after piece, an empty one being none, and at last the end. */
static void test_in_parts(void **state)
{
	static char big[100000];
	struct writer w, rest;
	struct buf got = {0};
	(void)state;

	memset(big, 'x', sizeof(big));
	writer_init(&w);
	writer_part(&w, 9, STR("one "));
	writer_part(&w, 9, STR(""));
	writer_part(&w, 9, (struct str){big, sizeof(big)});
	/* what is left of it lives on somewhere else */
	w.sent = 16;
	writer_leave(&w, &rest);
	assert_int_equal(w.sent, 0);
	assert_int_equal(w.pending.len, 0);
	assert_int_equal(rest.sent, 0);
	assert_true(rest.pending.cap < 3 * sizeof(big));
	writer_end(&rest, 9);
	take_answer(buf_str(&rest.pending), 9, &got);
	assert_int_equal(got.len, sizeof(big));
	assert_memory_equal(got.data, big, sizeof(big));
	buf_release(&got);
	writer_release(&w);
	writer_release(&rest);
}

/* No SIGPIPE, which would end this test. */
static void test_reader_has_left(void **state)
{
	struct writer w;
	int fds[2];
	(void)state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	writer_init(&w);
	writer_answer(&w, 1, STR("nobody"));
	assert_int_equal(writer_flush(&w, fds[0]), ERR_CLOSED);
	close(fds[0]);
	writer_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_of_every_size),
	    cmocka_unit_test(test_end_alone),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_unknown_type),
	    cmocka_unit_test(test_slow_reader),
	    cmocka_unit_test(test_in_parts),
	    cmocka_unit_test(test_reader_has_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
