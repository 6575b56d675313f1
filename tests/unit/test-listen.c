#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/listen.h"

static struct arena arena;
static struct diag diag;
static char dir[] = "/tmp/lowtide-listen.XXXXXX";
static int fd;

static int setup(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	fd = -2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (fd >= 0)
		close(fd);
	arena_release(&arena);
	return 0;
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static const char *path_of(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name).p;
}

static void assert_refused(enum err err, enum err want, const char *name)
{
	assert_int_equal(err, want);
	assert_int_equal(fd, -1);
	assert_int_equal(diag.errors, 1);
	assert_string_equal(diag.last->name, name);
	diag_init(&diag, &arena);
}

static void assert_ours(void)
{
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* ---- at a path ----------------------------------------------------------- */

static void at_a_path(void **state)
{
	const char *path = path_of("sock");
	struct stat st;
	int second;
	(void)state;

	assert_int_equal(
	    listen_open(LISTEN_REQUESTS,
		arena_printf(&arena, "unix:%s", path).p, &diag, &fd),
	    ERR_OK);
	assert_ours();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* a live one is left alone */
	second = fd;
	assert_refused(listen_unix(path, &diag, &fd), ERR_IO, "listen-in-use");
	close(second);
	/* a stale one is replaced */
	assert_int_equal(listen_unix(path, &diag, &fd), ERR_OK);
	close(fd);
	unlink(path);
	/* what is no socket is never removed */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_refused(listen_unix(path, &diag, &fd), ERR_IO, "listen-path");
	assert_int_equal(unlink(path), 0);
}

static void no_such_path(void **state)
{
	char path[200];
	(void)state;

	assert_refused(
	    listen_unix("/nowhere/at/all", &diag, &fd), ERR_IO, "listen-path");
	assert_refused(listen_unix("", &diag, &fd), ERR_IO, "listen-path");
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_refused(listen_unix(path, &diag, &fd), ERR_IO, "listen-path");
	path[107] = '\0';
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(listen_unix(path, &diag, &fd), ERR_OK);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chdir("/"), 0);
}

/* Of those that start together where one was killed, one listens. */
#define STARTERS 8
static void those_that_start_together(void **state)
{
	const char *path = path_of("together");
	int said[2], hold[2], listening = 0, in_use = 0;
	char word;
	(void)state;

	assert_int_equal(listen_unix(path, NULL, &fd), ERR_OK);
	close(fd); /* it stays behind */
	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(hold), 0);
	for (int i = 0; i < STARTERS; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid)
			continue;
		close(hold[1]);
		word = listen_unix(path, &diag, &fd) == ERR_OK	       ? 'y'
		       : strcmp(diag.last->name, "listen-in-use") == 0 ? 'n'
								       : '?';
		(void)!write(said[1], &word, 1);
		(void)!read(hold[0], &word, 1); /* until all have said */
		_exit(0);
	}
	for (int i = 0; i < STARTERS; i++) {
		assert_int_equal(read(said[0], &word, 1), 1);
		listening += word == 'y';
		in_use += word == 'n';
	}
	close(hold[1]);
	for (int i = 0; i < STARTERS; i++)
		assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(listening, 1);
	assert_int_equal(in_use, STARTERS - 1);
	close(hold[0]);
	close(said[0]);
	close(said[1]);
	fd = -1;
	unlink(path);
}

/* ---- at a port ----------------------------------------------------------- */

/* A port that nobody has; somebody may take it before we do, so tried again. */
static const char *listen_somewhere(const char *host)
{
	for (int i = 0; i < 100; i++) {
		const char *address = arena_printf(&arena, "tcp:%s:%d", host,
		    20000 + (int)((getpid() * 7 + i * 131) % 20000))
					  .p;
		if (listen_open(LISTEN_REQUESTS, address, &diag, &fd) == ERR_OK)
			return address;
		assert_string_equal(diag.last->name, "listen-in-use");
		diag_init(&diag, &arena);
	}
	fail_msg("no port is free");
	return NULL;
}

static void at_a_port(void **state)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	int on = 0, first;
	(void)state;

	const char *address = listen_somewhere("127.0.0.1");
	assert_ours();
	first = fd;
	assert_int_equal(getsockname(first, (struct sockaddr *)&at, &n), 0);
	assert_refused(listen_open(LISTEN_REQUESTS, address, &diag, &fd),
	    ERR_IO, "listen-in-use");
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&at, n), 0);
	int peer = accept4(first, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	n = sizeof(on);
	assert_int_equal(
	    getsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	assert_true(on);
	/* ours ends first: its end waits in the kernel for a while, and the
	   port is free all the same */
	close(peer);
	close(first);
	close(client);
	assert_int_equal(
	    listen_open(LISTEN_REQUESTS, address, &diag, &fd), ERR_OK);
}

static void at_a_port_of_ipv6(void **state)
{
	int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 at = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	(void)state;

	/* a machine without it says so */
	if (probe < 0 || bind(probe, (struct sockaddr *)&at, sizeof(at)) != 0)
		assert_refused(
		    listen_open(LISTEN_REQUESTS, "tcp:[::1]:20001", &diag, &fd),
		    ERR_IO, "io-error");
	else
		listen_somewhere("[::1]");
	if (probe >= 0)
		close(probe);
}

static void what_is_no_address(void **state)
{
	static const struct {
		const char *address, *name;
	} rows[] = {
	    {"", "bad-value"},
	    {"/run/x", "bad-value"},
	    {"udp:127.0.0.1:9000", "bad-value"},
	    {"tcp:", "bad-value"},
	    {"tcp:9000", "bad-value"},
	    {"tcp::9000", "bad-value"},
	    {"tcp:127.0.0.1", "bad-value"},
	    {"tcp:127.0.0.1:", "bad-value"},
	    {"tcp:127.0.0.1:0", "bad-value"},
	    {"tcp:127.0.0.1:65536", "bad-value"},
	    {"tcp:127.0.0.1:-1", "bad-value"},
	    {"tcp:127.0.0.1:9000x", "bad-value"},
	    {"tcp:127.0.0.1: 9000", "bad-value"},
	    {"tcp:127.1:9000", "bad-value"},
	    {"tcp:localhost:9000", "bad-value"},
	    {"tcp:::1:9000", "bad-value"},
	    {"tcp:[::1:9000", "bad-value"},
	    {"tcp:[]:9000", "bad-value"},
	    {"tcp:[127.0.0.1]:9000", "bad-value"},
	    {"tcp:[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:"
	     "2222]:9000",
		"bad-value"},
	    {"tcp:0.0.0.0:9000", "listen-loopback"},
	    {"tcp:192.0.2.1:9000", "listen-loopback"},
	    {"tcp:[::]:9000", "listen-loopback"},
	    {"tcp:[2001:db8::1]:9000", "listen-loopback"},
	    {"tcp:[::ffff:127.0.0.1]:9000", "listen-loopback"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(
		    listen_open(LISTEN_REQUESTS, rows[i].address, &diag, &fd),
		    ERR_USAGE, rows[i].name);
}

/* ---- by inheritance ------------------------------------------------------ */

enum what { NOTHING, UNIX, STREAM, DATAGRAM, FILE_, ANYWHERE };

static int make(enum what what)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	const int type = what == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
	int made = socket(what == ANYWHERE ? AF_INET : AF_UNIX, type, 0);

	if (what == FILE_)
		return open("/dev/null", O_RDONLY);
	if (what == UNIX)
		return listen_unix(path_of("inherited"), NULL, &made) ? -1
								      : made;
	if (what == ANYWHERE &&
	    (bind(made, (struct sockaddr *)&any, sizeof(any)) != 0 ||
		listen(made, 1) != 0))
		return -1;
	return made;
}

/* In a process of its own, since it is about descriptors 0, 3, 4 and 5. */
#define NONE 97
#define REFUSED 96
static int inherited(const enum what at[4], const char *fds, const char *names,
    enum listen_use use, bool *given)
{
	static const int places[] = {0, 3, 4, 5};
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (fds) {
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", fds, 1);
	}
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	for (int i = 0; i < 4; i++) {
		int made = make(at[i] == NOTHING ? FILE_ : at[i]);
		if (made < 0 || fcntl(made, F_DUPFD, 10) < 10)
			return 99;
		int high = fcntl(made, F_DUPFD, 10);
		close(made);
		unlink(path_of("inherited"));
		if (dup2(high, places[i]) != places[i])
			return 99;
	}
	*given = listen_is_given();
	enum err err = listen_inherited(use, &diag, &fd);
	if (err)
		return strcmp(diag.last->name, "listen-socket") == 0
			   ? REFUSED
			   : REFUSED - 1;
	if (fd < 0)
		return NONE;
	return fcntl(fd, F_GETFD) == FD_CLOEXEC &&
		       fcntl(fd, F_GETFL) & O_NONBLOCK
		   ? fd
		   : 98;
}

static void what_it_was_started_with(void **state)
{
	static const struct {
		enum what at[4];
		const char *fds, *names;
		enum listen_use use;
		int want;
		bool given;
	} rows[] = {
	    {{NOTHING}, NULL, NULL, LISTEN_REQUESTS, NONE, false},
	    {{UNIX}, NULL, NULL, LISTEN_REQUESTS, 0, true},
	    {{UNIX}, NULL, NULL, LISTEN_METRICS, NONE, true},
	    {{NOTHING, UNIX}, NULL, NULL, LISTEN_REQUESTS, NONE, false},
	    {{NOTHING, UNIX}, "1", NULL, LISTEN_REQUESTS, 3, true},
	    {{UNIX, UNIX}, "1", "x", LISTEN_REQUESTS, 3, true},
	    {{NOTHING, UNIX, UNIX}, "2", "a:metrics", LISTEN_REQUESTS, 3, true},
	    {{NOTHING, UNIX, UNIX}, "2", "a:metrics", LISTEN_METRICS, 4, true},
	    {{NOTHING, UNIX, UNIX}, "2", "metrics:a", LISTEN_REQUESTS, 4, true},
	    {{NOTHING, UNIX, UNIX}, "2", "metrics:a", LISTEN_METRICS, 3, true},
	    {{NOTHING, UNIX, UNIX}, "2", "a:b", LISTEN_REQUESTS, REFUSED, true},
	    {{NOTHING, UNIX, UNIX}, "2", NULL, LISTEN_REQUESTS, REFUSED, true},
	    {{NOTHING, UNIX, UNIX}, "2", NULL, LISTEN_METRICS, NONE, true},
	    {{NOTHING, UNIX, UNIX, UNIX}, "3", "metrics:a:metrics",
		LISTEN_METRICS, REFUSED, true},
	    {{NOTHING, UNIX}, "1", "metrics", LISTEN_REQUESTS, NONE, true},
	    {{UNIX, UNIX}, "1", "metrics", LISTEN_REQUESTS, 0, true},
	    {{NOTHING, UNIX}, "0", NULL, LISTEN_REQUESTS, NONE, false},
	    {{NOTHING, UNIX}, "x", NULL, LISTEN_REQUESTS, NONE, false},
	    {{STREAM}, NULL, NULL, LISTEN_REQUESTS, REFUSED, false},
	    {{DATAGRAM}, NULL, NULL, LISTEN_REQUESTS, REFUSED, false},
	    {{NOTHING, STREAM}, "1", NULL, LISTEN_REQUESTS, REFUSED, true},
	    {{NOTHING, DATAGRAM}, "1", NULL, LISTEN_REQUESTS, REFUSED, true},
	    {{NOTHING, FILE_}, "1", NULL, LISTEN_REQUESTS, REFUSED, true},
	    {{NOTHING, ANYWHERE}, "1", NULL, LISTEN_REQUESTS, REFUSED - 1,
		true},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool given = false;
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			int got = inherited(rows[i].at, rows[i].fds,
			    rows[i].names, rows[i].use, &given);
			_exit(given == rows[i].given ? got : 95 - got);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WEXITSTATUS(status) != rows[i].want)
			fail_msg("row %zu: %d", i, WEXITSTATUS(status));
	}
}

/* They were for somebody else, who started us without taking them away. */
static void the_fds_of_another(void **state)
{
	(void)state;

	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(listen_inherited(LISTEN_METRICS, &diag, &fd), ERR_OK);
	assert_int_equal(fd, -1);
	unsetenv("LISTEN_PID");
	assert_int_equal(listen_inherited(LISTEN_METRICS, &diag, &fd), ERR_OK);
	assert_int_equal(fd, -1);
	unsetenv("LISTEN_FDS");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(at_a_path),
	    T(no_such_path),
	    T(those_that_start_together),
	    T(at_a_port),
	    T(at_a_port_of_ipv6),
	    T(what_is_no_address),
	    T(what_it_was_started_with),
	    T(the_fds_of_another),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("listen", tests, make_dir, drop_dir);
}
