#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/scrape.h"
#include "lib/clock.h"

/*
 * A real socket at 127.0.0.1 and a clock of ours. Nothing waits for time: a
 * client has sent what it sends before scrape_run() is called.
 */
static struct scrape *scrape;
static struct sockaddr_in address;
static size_t body_bytes;
static int64_t now_boot;

static void write_metrics(void *ctx, struct buf *out)
{
	assert_ptr_equal(ctx, &body_bytes);
	buf_puts(out, "some 1\n");
	while (out->len < body_bytes)
		buf_putc(out, '#');
}

static int set_up(void **unused)
{
	const struct scrape_spec base = {
	    .write = write_metrics, .type = "text/plain; version=0.0.4"};
	struct scrape_spec spec = base;
	socklen_t n = sizeof(address);

	(void)unused;
	body_bytes = 0;
	now_boot = clock_boot_ms();
	address = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	spec.listen_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(spec.listen_fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(spec.listen_fd, 64), 0);
	getsockname(spec.listen_fd, (struct sockaddr *)&address, &n);
	assert_int_equal(scrape_open(&spec, &scrape), ERR_OK);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	scrape_close(scrape);
	return 0;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Whatever it has to do now. */
static void run(void)
{
	struct pollfd p = {.fd = scrape_fd(scrape), .events = POLLIN};

	for (int i = 0; i < 200 && poll(&p, 1, 2) > 0; i++)
		scrape_run(scrape, now_boot, &body_bytes);
}

/* To its end, with it running in between; at most room - 1 bytes. */
static const char *hear(int fd, char *out, size_t room)
{
	size_t n = 0;

	for (int i = 0; i < 10000 && n < room - 1; i++) {
		ssize_t got = recv(fd, out + n, room - 1 - n, MSG_DONTWAIT);
		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		else
			run();
	}
	out[n] = '\0';
	close(fd);
	return out;
}

static void assert_answers(const char *request, const char *begins)
{
	char said[8192];
	int fd = dial();

	say(fd, request);
	run();
	hear(fd, said, sizeof(said));
	if (strncmp(said, begins, strlen(begins)) != 0)
		fail_msg("`%s` was answered `%s`", request, said);
	assert_non_null(strstr(said, "\r\nConnection: close\r\n"));
}

static void test_answers(void **unused)
{
	static const struct {
		const char *request, *begins;
	} rows[] = {
	    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
	    {"GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
	    {"GET /metrics?a=b HTTP/1.1\n\n", "HTTP/1.1 200 OK\r\n"},
	    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
	    {"GET /metrics/ HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
	    {"GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
	    {"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 405 "},
	    {"get /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "},
	    {"GET /metrics\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
	    {"GET  HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	    {" /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	    {"GET /metrics FTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	    {"\r\n\r\n", "HTTP/1.1 400 "},
	    {"\n\n", "HTTP/1.1 400 "},
	    {"\001\001\000\001\000\n\n", "HTTP/1.1 400 "},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (i != sizeof(rows) / sizeof(rows[0]) - 1)
			assert_answers(rows[i].request, rows[i].begins);
	/* zero bytes, as FastCGI has them, are no HTTP either */
	int fd = dial();
	char said[4096];
	assert_int_equal(send(fd, "\001\001\000\001\n\n", 6, 0), 6);
	run();
	assert_memory_equal(hear(fd, said, sizeof(said)), "HTTP/1.1 400 ", 13);
}

static void test_its_head_and_body(void **unused)
{
	char said[4096];
	int fd = dial();

	(void)unused;
	say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
	hear(fd, said, sizeof(said));
	assert_non_null(
	    strstr(said, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
	assert_non_null(strstr(said, "\r\nContent-Length: 7\r\n"));
	assert_string_equal(strstr(said, "\r\n\r\n"), "\r\n\r\nsome 1\n");
	fd = dial();
	say(fd, "HEAD /metrics HTTP/1.1\r\n\r\n");
	hear(fd, said, sizeof(said));
	assert_non_null(strstr(said, "\r\nContent-Length: 7\r\n"));
	assert_string_equal(strstr(said, "\r\n\r\n"), "\r\n\r\n");
	fd = dial();
	say(fd, "PUT /metrics HTTP/1.1\r\n\r\n");
	hear(fd, said, sizeof(said));
	assert_non_null(strstr(said, "\r\nAllow: GET, HEAD\r\n"));
}

static void test_piece_by_piece(void **unused)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nA: b\r\n\r\n";
	char said[4096];
	int fd = dial();

	(void)unused;
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		assert_int_equal(send(fd, request + i, 1, 0), 1);
		scrape_run(scrape, now_boot, &body_bytes);
	}
	assert_memory_equal(
	    hear(fd, said, sizeof(said)), "HTTP/1.1 200 OK\r\n", 17);
}

static void test_a_head_without_end(void **unused)
{
	char said[4096], long_one[SCRAPE_HEAD_MAX + 1000];
	int fd = dial();

	(void)unused;
	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	say(fd, "GET /metrics HTTP/1.1\r\nA: ");
	say(fd, long_one);
	run();
	assert_memory_equal(hear(fd, said, sizeof(said)), "HTTP/1.1 431 ", 13);
}

/* More than a socket takes at once, to somebody who takes his time. */
static void test_a_large_answer(void **unused)
{
	static char said[9000000];
	int fd = dial();

	(void)unused;
	body_bytes = 8000000;
	say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
	run();
	const char *body = strstr(hear(fd, said, sizeof(said)), "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), body_bytes);
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_only_so_many_and_not_for_ever(void **unused)
{
	int silent[SCRAPE_CONNS_MAX];
	char said[4096];

	(void)unused;
	for (int i = 0; i < SCRAPE_CONNS_MAX; i++)
		silent[i] = dial();
	run();
	int late = dial();
	say(late, "GET /metrics HTTP/1.1\r\n\r\n");
	run();
	assert_int_equal(recv(late, said, 1, MSG_DONTWAIT), -1);
	now_boot += SCRAPE_MS - 1;
	scrape_run(scrape, now_boot, &body_bytes);
	assert_false(is_closed(silent[0]));
	/* the timer is the kernel's; one of them leaving will do as well */
	close(silent[0]);
	run();
	assert_memory_equal(hear(late, said, sizeof(said)), "HTTP/1.1 200", 12);
	for (int i = 1; i < SCRAPE_CONNS_MAX; i++)
		close(silent[i]);
	run();
}

/* By our clock it came right after the boot: the kernel's timer rings now. */
static void test_who_says_nothing_is_closed(void **unused)
{
	struct pollfd p = {.fd = scrape_fd(scrape), .events = POLLIN};
	int fd = dial();

	(void)unused;
	now_boot = 1;
	scrape_run(scrape, now_boot, &body_bytes);
	assert_int_equal(poll(&p, 1, 60000), 1);
	scrape_run(scrape, now_boot, &body_bytes);
	assert_false(is_closed(fd));
	now_boot += SCRAPE_MS;
	scrape_run(scrape, now_boot, &body_bytes);
	assert_true(is_closed(fd));
	close(fd);
}

static void test_who_leaves_is_forgotten(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3 * SCRAPE_CONNS_MAX; i++) {
		int fd = dial();
		if (i % 2)
			say(fd, "GET /met");
		run();
		close(fd);
		run();
	}
	assert_answers("GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_its_head_and_body, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_piece_by_piece, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_a_head_without_end, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_a_large_answer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_only_so_many_and_not_for_ever, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_who_says_nothing_is_closed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_who_leaves_is_forgotten, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scrape", tests, NULL, NULL);
}
