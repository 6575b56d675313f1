#include "cgi/read/read-purge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"

/*
 * Orders of an operator, from both sides of the socket: lines whole and in
 * pieces, too long or of no meaning, and those who come and say nothing.
 */
#define PATIENCE_MS 20000 /* of the test */

static struct world {
	char dir[64], path[96];
	struct listen_at at;
	struct purge *purge;
	char asked[PURGE_LINE_MAX];
	size_t times;
} w;

static size_t forget(void *ctx, struct str prefix)
{
	assert_ptr_equal(ctx, &w);
	snprintf(w.asked, sizeof(w.asked), "%.*s", STR_ARG(prefix));
	return 40 + ++w.times;
}

static void open_world(int64_t patience_ms)
{
	struct purge_spec spec = {.patience_ms = patience_ms, .purge = forget};

	w = (struct world){0};
	snprintf(w.dir, sizeof(w.dir), "/tmp/lowtide-purge.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.path, sizeof(w.path), "unix:%s/control.sock", w.dir);
	assert_int_equal(
	    listen_unix(w.path + 5, NULL, &spec.listen_fd), ERR_OK);
	assert_int_equal(
	    listen_where("--control", w.path, NULL, &w.at), ERR_OK);
	assert_int_equal(purge_open(&spec, &w.purge), ERR_OK);
}

static void close_world(void)
{
	purge_close(w.purge);
	unlink(w.path + 5);
	rmdir(w.dir);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&w.at.at, w.at.n), 0);
	return fd;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* As a loop does; until this one has something to read, or has ended. */
static void run_until(int fd)
{
	const int64_t end = clock_boot_ms() + PATIENCE_MS;

	while (!is_readable(fd, 0)) {
		assert_true(clock_boot_ms() < end);
		if (is_readable(purge_fd(w.purge), 50))
			purge_run(w.purge, clock_boot_ms(), &w);
	}
}

static void run_all(void)
{
	while (is_readable(purge_fd(w.purge), 20))
		purge_run(w.purge, clock_boot_ms(), &w);
}

static void assert_told(int fd, const char *want)
{
	char said[64] = "";

	run_until(fd);
	ssize_t n = recv(fd, said, sizeof(said) - 1, 0);
	assert_true(n >= 0 || *want == '\0');
	assert_string_equal(said, want);
	close(fd);
}

static void test_lines(void **state)
{
	static const struct {
		const char *line, *told, *asked;
	} rows[] = {
	    {"purge u/bundle/\n", "41\n", "u/bundle/"},
	    {"purge \n", "42\n", ""},
	    {"purge a b\nand more", "43\n", "a b"},
	    {"purge\n", "error\n", NULL},
	    {"PURGE x\n", "error\n", NULL},
	    {"\n", "error\n", NULL},
	    {"GET / HTTP/1.1\r\n", "error\n", NULL},
	};
	(void)state;

	open_world(0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t before = w.times;
		int fd = dial();
		*w.asked = '\0';
		assert_int_equal(
		    send(fd, rows[i].line, strlen(rows[i].line), MSG_NOSIGNAL),
		    strlen(rows[i].line));
		assert_told(fd, rows[i].told);
		assert_int_equal(w.times - before, rows[i].asked != NULL);
		if (rows[i].asked)
			assert_string_equal(w.asked, rows[i].asked);
	}
	close_world();
}

static void test_in_pieces(void **state)
{
	static const char line[] = "purge u/x\n";
	(void)state;

	open_world(0);
	int fd = dial();
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		assert_int_equal(w.times, 0);
		assert_int_equal(send(fd, &line[i], 1, MSG_NOSIGNAL), 1);
		run_all();
	}
	assert_told(fd, "41\n");
	assert_string_equal(w.asked, "u/x");
	close_world();
}

static void test_too_long(void **state)
{
	char line[PURGE_LINE_MAX + 1];
	(void)state;

	open_world(0);
	memset(line, 'x', sizeof(line));
	memcpy(line, "purge ", 6);
	int fd = dial();
	send(fd, line, PURGE_LINE_MAX, MSG_NOSIGNAL);
	assert_told(fd, "error\n");
	assert_int_equal(w.times, 0);
	/* the longest that is one */
	line[PURGE_LINE_MAX - 1] = '\n';
	fd = dial();
	send(fd, line, PURGE_LINE_MAX, MSG_NOSIGNAL);
	assert_told(fd, "41\n");
	close_world();
}

/* They are closed one after the other, and who has something to say is heard.
 */
static void test_silent(void **state)
{
	int fds[3 * PURGE_CONNS_MAX];
	(void)state;

	open_world(30);
	for (int i = 0; i < 3 * PURGE_CONNS_MAX; i++) {
		fds[i] = dial();
		if (i % 2)
			send(fds[i], "purge with", 10, MSG_NOSIGNAL);
	}
	int fd = dial();
	send(fd, "purge y\n", 8, MSG_NOSIGNAL);
	assert_told(fd, "41\n");
	for (int i = 0; i < 3 * PURGE_CONNS_MAX; i++)
		assert_told(fds[i], "");
	assert_int_equal(w.times, 1);
	close_world();
}

static void test_leavers(void **state)
{
	(void)state;

	open_world(0);
	for (int i = 0; i < 50; i++) {
		int fd = dial();
		if (i % 3)
			send(fd, "pur", 3, MSG_NOSIGNAL);
		if (i % 2)
			run_all();
		close(fd);
		run_all();
	}
	int fd = dial();
	send(fd, "purge z\n", 8, MSG_NOSIGNAL);
	assert_told(fd, "41\n");
	close_world();
}

/* What the lowest free descriptor would be is the first that there is not. */
static struct rlimit use_up_descriptors(void)
{
	struct rlimit was, now;
	const int next = dup(purge_fd(w.purge));

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return was;
}

/* Who cannot be let in must not keep the loop from sleeping. */
static void test_no_descriptor(void **state)
{
	bool rests = false;
	(void)state;

	open_world(0);
	int fd = dial();
	send(fd, "purge y\n", 8, MSG_NOSIGNAL);
	const struct rlimit was = use_up_descriptors();
	for (int i = 0; i < 10 && !rests; i++) {
		purge_run(w.purge, clock_boot_ms(), &w);
		rests = !is_readable(purge_fd(w.purge), 0);
	}
	assert_int_equal(w.times, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(rests);
	assert_told(fd, "41\n");
	close_world();
}

/* ---- the other side ------------------------------------------------------ */

static void *serve(void *fd)
{
	const int64_t end = clock_boot_ms() + PATIENCE_MS;

	while (!w.times && clock_boot_ms() < end)
		if (is_readable(*(int *)fd, 50))
			purge_run(w.purge, clock_boot_ms(), &w);
	return NULL;
}

static void test_asking(void **state)
{
	struct arena a = {0};
	struct diag diag;
	pthread_t thread;
	uint64_t n = 0;
	(void)state;

	open_world(0);
	diag_init(&diag, &a);
	int fd = purge_fd(w.purge);
	assert_int_equal(pthread_create(&thread, NULL, serve, &fd), 0);
	assert_int_equal(
	    purge_ask(&w.at, w.path, STR("u/x"), &diag, &n), ERR_OK);
	pthread_join(thread, NULL);
	assert_int_equal(n, 41);
	assert_string_equal(w.asked, "u/x");
	assert_int_equal(
	    purge_ask(&w.at, w.path, STR("two\nlines"), &diag, &n), ERR_USAGE);
	close_world();
	assert_int_equal(
	    purge_ask(&w.at, w.path, STR("u/x"), &diag, &n), ERR_MISSING);
	assert_int_equal(diag.errors, 2);
	arena_release(&a);
}

/* The longest prefix that there is room for, and one byte more. */
static void test_asking_at_length(void **state)
{
	char prefix[PURGE_LINE_MAX];
	const size_t most = PURGE_LINE_MAX - sizeof("purge \n") + 1;
	pthread_t thread;
	uint64_t n = 0;
	(void)state;

	open_world(0);
	memset(prefix, 'x', sizeof(prefix));
	int fd = purge_fd(w.purge);
	assert_int_equal(pthread_create(&thread, NULL, serve, &fd), 0);
	assert_int_equal(
	    purge_ask(&w.at, w.path, (struct str){prefix, most}, NULL, &n),
	    ERR_OK);
	pthread_join(thread, NULL);
	assert_int_equal(n, 41);
	assert_int_equal(strlen(w.asked), most);
	assert_int_equal(
	    purge_ask(&w.at, w.path, (struct str){prefix, most + 1}, NULL, &n),
	    ERR_USAGE);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_in_pieces),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_silent),
	    cmocka_unit_test(test_no_descriptor),
	    cmocka_unit_test(test_leavers),
	    cmocka_unit_test(test_asking),
	    cmocka_unit_test(test_asking_at_length),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("read-purge", tests, NULL, NULL);
}
