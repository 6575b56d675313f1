#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

static struct world world;

static void test_two_requests_on_one_connection(void **state)
{
	int fd = dial(&world);
	(void)state;

	ask(fd, 1, "/echo", "one");
	assert_answer(fd, 1, "200 GET one 0 0");
	ask(fd, 2, "/echo", "two");
	assert_answer(fd, 2, "200 GET two 0 0");
	close(fd);
}

static void test_closed_when_not_kept(void **state)
{
	int fd = dial(&world);
	(void)state;

	send_request(fd, &(struct fcgi_request){.id = 7,
			     .close = true,
			     .method = "POST",
			     .uri = "/echo",
			     .body = STR("a")});
	assert_answer(fd, 7, "200 POST  1 97");
	assert_ended(fd);
}

static void test_byte_by_byte(void **state)
{
	int fd = dial(&world);
	struct buf b = {0};
	(void)state;

	for (int round = 0; round < 2; round++) {
		put_request(&b, &(struct fcgi_request){.method = "POST",
				    .uri = "/echo",
				    .body = STR("ab"),
				    .chunk = 9,
				    .padding = 2});
		for (size_t i = 0; i < b.len; i++)
			send_bytes(fd, str_slice(buf_str(&b), i, i + 1));
		assert_answer(fd, 1, "200 POST  2 3105");
		buf_clear(&b);
	}
	buf_release(&b);
	close(fd);
}

static void test_pipelined(void **state)
{
	struct buf b = {0};
	uint64_t seed = 123456789;
	char token[16], expected[32];
	(void)state;

	for (uint16_t id = 1; id <= 50; id++) {
		snprintf(token, sizeof(token), "t%u", id);
		put_request(&b, &(struct fcgi_request){.id = id,
				    .method = "GET",
				    .uri = "/echo",
				    .header = "HTTP_X_TOKEN",
				    .value = token});
	}
	for (int round = 0; round < 20; round++) {
		int fd = dial(&world);
		for (size_t at = 0; at < b.len;) {
			size_t n = round ? next_random(&seed) % 700 + 1 : b.len;
			send_bytes(fd, str_slice(buf_str(&b), at, at + n));
			at += n;
		}
		for (uint16_t id = 1; id <= 50; id++) {
			snprintf(
			    expected, sizeof(expected), "200 GET t%u 0 0", id);
			assert_answer(fd, id, expected);
		}
		close(fd);
	}
	buf_release(&b);
}

static void test_a_slow_client_holds_up_nobody(void **state)
{
	int slow = dial(&world), fast = dial(&world);
	struct buf b = {0};
	(void)state;

	put_request(
	    &b, &(struct fcgi_request){
		    .method = "POST", .uri = "/echo", .body = STR("slow")});
	for (size_t i = 0; i < b.len; i++) {
		send_bytes(slow, str_slice(buf_str(&b), i, i + 1));
		ask(fast, 3, "/echo", "fast");
		assert_answer(fast, 3, "200 GET fast 0 0");
	}
	assert_answer(slow, 1, "200 POST  4 3533313");
	close(slow);
	close(fast);
	buf_release(&b);
}

static void test_bodies(void **state)
{
	static const size_t sizes[] = {0, 1, 8000, 65000, 99999, 100000};
	int fd = dial(&world), files = steady_files(&world);
	char *body = malloc(TEST_BODY_MAX), expected[64];
	(void)state;

	for (size_t i = 0; i < TEST_BODY_MAX; i++)
		body[i] = (char)(i * 7 + i / 300);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct str s = {.p = body, .n = sizes[i]};
		snprintf(expected, sizeof(expected), "200 PUT  %zu %u", s.n,
		    sum_of(s));
		for (size_t chunk = 700; chunk < 60000; chunk *= 9) {
			send_request(fd, &(struct fcgi_request){.method = "PUT",
					     .uri = "/echo",
					     .body = s,
					     .chunk = chunk,
					     .padding = i});
			assert_answer(fd, 1, expected);
		}
	}
	await_files(&world, files);
	free(body);
	close(fd);
}

/* Requests that just fill what is read at once, and what follows them. */
static void test_as_large_as_the_scratch(void **state)
{
	const size_t full = (size_t)64 * 1024;
	char *body = malloc(full), expected[64];
	int fd = dial(&world);
	struct buf b = {0};
	(void)state;

	memset(body, 'b', full);
	for (size_t n = full - 300; n < full; n++) {
		buf_clear(&b);
		put_request(&b, &(struct fcgi_request){.id = 1,
				    .method = "PUT",
				    .uri = "/echo",
				    .body = {.p = body, .n = n},
				    .chunk = 60000});
		if (b.len < full - 2)
			continue;
		if (b.len > full + 2)
			break;
		put_request(&b, &(struct fcgi_request){
				    .id = 2, .method = "GET", .uri = "/echo"});
		snprintf(expected, sizeof(expected), "200 PUT  %zu %u", n,
		    sum_of((struct str){.p = body, .n = n}));
		send_bytes(fd, buf_str(&b));
		assert_answer(fd, 1, expected);
		assert_answer(fd, 2, "200 GET  0 0");
	}
	assert_true(b.len > full + 2);
	buf_release(&b);
	free(body);
	close(fd);
}

/* Read to its end, answered, and the connection goes on. */
static void test_too_large(void **state)
{
	static const size_t sizes[] = {TEST_BODY_MAX + 1, 1000000, 9000000};
	int fd = dial(&world);
	char *big = calloc(1, 9000000);
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		send_request(fd, &(struct fcgi_request){.id = 3,
				     .method = "POST",
				     .uri = "/echo",
				     .header = "HTTP_X_TOKEN",
				     .value = "x",
				     .body = {.p = big, .n = sizes[i]}});
		assert_answer(fd, 3, "413 too large x");
	}
	memset(big, 'v', 70000);
	big[70000] = '\0';
	ask(fd, 4, "/echo", big);
	assert_answer(fd, 4, "431 refused TOO_LARGE");
	ask(fd, 5, "/echo", "still here");
	assert_answer(fd, 5, "200 GET still here 0 0");
	free(big);
	close(fd);
}

/* A stream that goes on for ever gets its answer and is cut off. */
static void test_without_end(void **state)
{
	static char zeros[RECORD_CONTENT_MAX];
	int fd = dial(&world);
	struct buf b = {0}, record = {0};
	size_t sent = 0;
	(void)state;

	put_request(&b, &(struct fcgi_request){.method = "PUT", .uri = "/"});
	send_bytes(fd, str_slice(buf_str(&b), 0, b.len - RECORD_HEADER));
	put_record(&record, RECORD_STDIN, 1, zeros, sizeof(zeros), 0);
	while (sent < (size_t)200 << 20 &&
	       send(fd, record.data, record.len, MSG_NOSIGNAL) ==
		   (ssize_t)record.len)
		sent += record.len;
	assert_true(sent < (size_t)100 << 20);
	close(fd);
	buf_release(&b);
	buf_release(&record);
}

static void test_broken_records_close(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
	    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
	    {"\1\5\0\1\0\0\0\0", 8},
	    {"\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0", 16},
	    {"\1\1\0\1\0\10\0\0\0\3\0\0\0\0\0\0", 16},
	    {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\2\0\0\0\0", 24},
	    {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\3\0\0\5\1A"
	     "\1\4\0\1\0\0\0\0",
		35},
	};
	int files = steady_files(&world);
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = dial(&world);
		ask(fd, 1, "/echo", "good");
		assert_answer(fd, 1, "200 GET good 0 0");
		send_bytes(fd, (struct str){rows[i].bytes, rows[i].n});
		assert_ended(fd);
	}
	await_files(&world, files);
}

/* Not HTTP inside: 400, and the connection goes on. */
static void test_no_method(void **state)
{
	int fd = dial(&world);
	struct buf b = {0};
	(void)state;

	put_begin(&b, 1, true);
	put_record(&b, RECORD_PARAMS, 1, "\1\1AB", 4, 0);
	put_record(&b, RECORD_PARAMS, 1, NULL, 0, 0);
	put_record(&b, RECORD_STDIN, 1, NULL, 0, 0);
	send_bytes(fd, buf_str(&b));
	assert_answer(fd, 1, "400 refused INPUT");
	ask(fd, 2, "/echo", "x");
	assert_answer(fd, 2, "200 GET x 0 0");
	close(fd);
	buf_release(&b);
}

static void test_management(void **state)
{
	int fd = dial(&world);
	struct buf b = {0}, got = {0};
	(void)state;

	put_record(&b, RECORD_GET_VALUES, 0, "\17\0FCGI_MPXS_CONNS", 17, 7);
	send_bytes(fd, buf_str(&b));
	struct record r = get_record(fd, &got);
	assert_int_equal(r.type, RECORD_GET_VALUES_RESULT);
	assert_int_equal(got.len, 18);
	assert_memory_equal(got.data, "\17\1FCGI_MPXS_CONNS0", 18);
	/* in the middle of a request, byte by byte */
	buf_clear(&b);
	put_begin(&b, 1, true);
	put_record(&b, 200, 0, "?", 1, 1);
	size_t before = b.len;
	put_request(
	    &b, &(struct fcgi_request){
		    .method = "POST", .uri = "/echo", .body = STR("ab")});
	memmove(b.data + before, b.data + before + 16, b.len - before - 16);
	b.len -= 16;
	for (size_t i = 0; i < b.len; i++)
		send_bytes(fd, str_slice(buf_str(&b), i, i + 1));
	buf_clear(&got);
	r = get_record(fd, &got);
	assert_int_equal(r.type, RECORD_UNKNOWN_TYPE);
	assert_int_equal((unsigned char)got.data[0], 200);
	assert_answer(fd, 1, "200 POST  2 3105");
	close(fd);
	buf_release(&b);
	buf_release(&got);
}

static void test_abort_inside_a_request(void **state)
{
	int fd = dial(&world), files = steady_files(&world);
	struct buf b = {0};
	(void)state;

	for (int round = 0; round < 50; round++) {
		put_begin(&b, 9, true);
		put_record(&b, RECORD_PARAMS, 9, "\1\1AB", 4, 4);
		put_record(&b, RECORD_ABORT_REQUEST, 9, NULL, 0, 0);
		send_bytes(fd, buf_str(&b));
		buf_clear(&b);
		assert_answer(fd, 9, "");
		/* late and foreign ones are nothing */
		put_record(&b, RECORD_ABORT_REQUEST, 9, NULL, 0, 0);
		send_bytes(fd, buf_str(&b));
		buf_clear(&b);
		ask(fd, 2, "/echo", "x");
		assert_answer(fd, 2, "200 GET x 0 0");
	}
	await_files(&world, files);
	close(fd);
	buf_release(&b);
}

static void test_large_answer_to_a_slow_reader(void **state)
{
	int slow = dial(&world), fast = dial(&world);
	(void)state;

	ask(slow, 1, "/big?9000000", "z");
	ask(slow, 2, "/echo", "behind");
	for (int i = 0; i < 50; i++) {
		ask(fast, 3, "/echo", "fast");
		assert_answer(fast, 3, "200 GET fast 0 0");
	}
	char *got = get_answer(slow, 1);
	assert_int_equal(strlen(got), 4 + 9000000);
	assert_int_equal(strspn(got + 4, "z"), 9000000);
	free(got);
	assert_answer(slow, 2, "200 GET behind 0 0");
	close(slow);
	close(fast);
}

static void test_peer_leaves_inside_an_answer(void **state)
{
	int files = steady_files(&world);
	(void)state;

	for (int i = 0; i < 20; i++) {
		char some[1000];
		int fd = dial(&world);
		ask(fd, 1, "/big?3000000", "z");
		assert_int_equal(
		    get_bytes(fd, some, sizeof(some)), sizeof(some));
		close(fd);
	}
	await_files(&world, files);
}

/* Half a close after the request is no reason to keep the answer. */
static void test_half_closed(void **state)
{
	int fd = dial(&world);
	(void)state;

	ask(fd, 1, "/big?1000000", "y");
	shutdown(fd, SHUT_WR);
	char *got = get_answer(fd, 1);
	assert_int_equal(strspn(got + 4, "y"), 1000000);
	free(got);
	assert_ended(fd);
}

#define SILENT 900
static void test_silent_connections_are_bounded(void **state)
{
	static int fds[SILENT];
	int kept = dial(&world), files = steady_files(&world);
	(void)state;

	ask(kept, 1, "/echo", "kept");
	assert_answer(kept, 1, "200 GET kept 0 0");
	for (int i = 0; i < SILENT; i++) {
		fds[i] = dial(&world);
		if (i % 2)
			send_bytes(fds[i], STR("\1\1\0\1\0\10\0\0\0\1\0\0\0"));
	}
	for (int i = 0; i < 3; i++) {
		ask(kept, 2, "/echo", "served");
		assert_answer(kept, 2, "200 GET served 0 0");
	}
	await_files(&world, files + LOOP_INCOMPLETE_MAX);
	/* the first to come were the first to go */
	char byte;
	assert_int_equal(get_bytes(fds[0], &byte, 1), 0);
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
	await_files(&world, files);
	close(kept);
}

static void test_owing_has_a_deadline(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 100);
	int silent = dial(&own), half = dial(&own), idle = dial(&own),
	    deaf = dial(&own);
	ask(deaf, 1, "/big?5000000", "d");
	ask(idle, 1, "/echo", "idle");
	assert_answer(idle, 1, "200 GET idle 0 0");
	send_bytes(half, STR("\1\1\0\1\0\10\0\0\0\1\0"));
	assert_ended(silent);
	assert_ended(half);
	usleep(200000);
	ask(idle, 2, "/echo", "idle");
	assert_answer(idle, 2, "200 GET idle 0 0");
	/* nothing taken for so long: cut off in the middle */
	char *some = malloc(5000000);
	assert_true(get_bytes(deaf, some, 5000000) < 5000000);
	free(some);
	close(deaf);
	close(idle);
	world_close(&own);
}

/* Out of descriptors: who is silent makes room; who is served, stays. */
#define FILES 48
static void test_out_of_descriptors(void **state)
{
	struct world own = {.files_max = FILES};
	int silent[2 * FILES], served[FILES + 8] = {0};
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < 2 * FILES; i++)
		silent[i] = dial(&own);
	int last = dial(&own);
	ask(last, 1, "/echo", "last");
	assert_answer(last, 1, "200 GET last 0 0");
	for (int i = 0; i < 2 * FILES; i++)
		close(silent[i]);
	/* its closings are done when it has answered again */
	for (int i = 0; i < 2; i++) {
		ask(last, 1, "/echo", "again");
		assert_answer(last, 1, "200 GET again 0 0");
	}
	/* who takes the last one is not closed for somebody who is not there */
	int n = 0, still = still_files(&own), fit = FILES + DOTS - still;
	for (; n < fit; n++) {
		served[n] = dial(&own);
		await_files(&own, still + n + 1);
		ask(served[n], 1, "/echo", "x");
	}
	/* nobody is silent: the backlog waits until one leaves */
	for (; n < fit + 6; n++) {
		served[n] = dial(&own);
		ask(served[n], 1, "/echo", "x");
	}
	assert_answer(served[0], 1, "200 GET x 0 0");
	for (int i = 0; i < n; i++) {
		if (i)
			assert_answer(served[i], 1, "200 GET x 0 0");
		close(served[i]);
	}
	close(last);
	world_close(&own);
}

/* The table is full: who owes a request makes room; who is served, stays. */
static void test_a_full_table(void **state)
{
	struct world own = {.conns_max = 10};
	int served[10];
	(void)state;

	world_open(&own, 0);
	int silent = dial(&own);
	for (int i = 0; i < 10; i++) {
		served[i] = dial(&own);
		ask(served[i], 1, "/echo", "x");
		assert_answer(served[i], 1, "200 GET x 0 0");
	}
	assert_ended(silent);
	/* nobody owes anything: no room, and it is told at once */
	assert_ended(dial(&own));
	ask(served[0], 2, "/echo", "stays");
	assert_answer(served[0], 2, "200 GET stays 0 0");
	close(served[9]);
	await_files(&own, steady_files(&own));
	served[9] = dial(&own);
	ask(served[9], 1, "/echo", "room");
	assert_answer(served[9], 1, "200 GET room 0 0");
	for (int i = 0; i < 10; i++)
		close(served[i]);
	world_close(&own);
}

/*
 * One that has sent thousands of requests at once is answered a few at a time:
 * whoever asks meanwhile comes before its last ones. The answers count turns,
 * so this is order and not time.
 */
#define GREEDY 1000
static int get_count(int fd, uint16_t id)
{
	char *got = get_answer(fd, id);
	int n = atoi(got + 4);

	free(got);
	return n;
}

static void test_one_busy_connection(void **state)
{
	int busy = dial(&world), other = dial(&world), status;
	struct buf b = {0};
	(void)state;

	for (uint16_t id = 1; id <= GREEDY; id++)
		put_request(
		    &b, &(struct fcgi_request){
			    .id = id, .method = "GET", .uri = "/count"});
	ask(other, 1, "/count", "x");
	int start = get_count(other, 1);
	/* it stops a moment later: what comes before that is a turn of its
	   own */
	kill(world.pid, SIGSTOP);
	assert_int_equal(waitpid(world.pid, &status, WUNTRACED), world.pid);
	assert_true(WIFSTOPPED(status));
	/* as much as the socket takes; the rest afterwards */
	ssize_t n = send(busy, b.data, b.len, MSG_DONTWAIT);
	assert_true(n > 40000);
	ask(other, 2, "/count", "x");
	kill(world.pid, SIGCONT);
	send_bytes(busy, str_slice(buf_str(&b), (size_t)n, b.len));
	int others = get_count(other, 2);
	assert_in_range(others - start, 1, 2 * 16 + 1);
	for (uint16_t id = 1; id <= GREEDY; id++)
		get_count(busy, id);
	close(busy);
	close(other);
	buf_release(&b);
}

static int group_setup(void **state)
{
	(void)state;
	world_open(&world, 0);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_requests_on_one_connection),
	    cmocka_unit_test(test_closed_when_not_kept),
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_pipelined),
	    cmocka_unit_test(test_a_slow_client_holds_up_nobody),
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_as_large_as_the_scratch),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_without_end),
	    cmocka_unit_test(test_broken_records_close),
	    cmocka_unit_test(test_no_method),
	    cmocka_unit_test(test_management),
	    cmocka_unit_test(test_abort_inside_a_request),
	    cmocka_unit_test(test_large_answer_to_a_slow_reader),
	    cmocka_unit_test(test_peer_leaves_inside_an_answer),
	    cmocka_unit_test(test_half_closed),
	    cmocka_unit_test(test_silent_connections_are_bounded),
	    cmocka_unit_test(test_owing_has_a_deadline),
	    cmocka_unit_test(test_out_of_descriptors),
	    cmocka_unit_test(test_a_full_table),
	    cmocka_unit_test(test_one_busy_connection),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "loop", tests, group_setup, group_teardown);
}
