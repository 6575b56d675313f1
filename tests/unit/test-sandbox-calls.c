#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "cgi/sandbox.h"
#include "cgi/upstream/upstream.h"
#include "lib/fs.h"

/*
 * The sandbox of who calls others, as test-sandbox.c tries the endpoint's: a
 * child enters it and tries, in each of its threads, what must not be possible
 * any more, and what a call needs. Its status is 0, or the number of the first
 * row that was otherwise.
 */
static char root[] = "/tmp/lowtide-calls.XXXXXX";
static uint16_t open_port, shut_port;
static int open_fd, shut_fd;

static const char *at(const char *name)
{
	static _Thread_local char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void put(const char *name)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fputs("{}", f);
	fclose(f);
}

static int listen_at(uint16_t *port)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
	*port = ntohs(to.sin_port);
	return fd;
}

static int set_up(void **unused)
{
	(void)unused;
	assert_non_null(mkdtemp(root));
	mkdir(at("config"), 0700);
	mkdir(at("else"), 0700);
	put("config/lowtide.json");
	put("else/secret");
	open_fd = listen_at(&open_port);
	shut_fd = listen_at(&shut_port);
	return 0;
}

static int tear_down(void **unused)
{
	struct arena a = {0};
	struct diag diag;

	(void)unused;
	close(open_fd);
	close(shut_fd);
	diag_init(&diag, &a);
	assert_int_equal(fs_remove_tree(root, &diag), ERR_OK);
	arena_release(&a);
	return 0;
}

/* ---- what is tried: 0, or errno ------------------------------------------ */

static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int asks(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int connects(int type, uint16_t port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		error = errno;
	close(fd);
	return error;
}

static int try_exec(void)
{
	char *none[] = {NULL};

	execve("/bin/true", none, none);
	return errno;
}

/* A sanitizer's build may: its leak checker does. */
static int try_process(void)
{
	if (SANDBOX_SANITIZED)
		return EPERM;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int try_write(void)
{
	return opens(at("else/secret"), O_WRONLY);
}

static int try_write_config(void)
{
	return opens(at("config/lowtide.json"), O_WRONLY);
}

static int try_make(void)
{
	return opens(at("config/new"), O_WRONLY | O_CREAT);
}

static int try_make_in_tmp(void)
{
	return opens("/tmp/lowtide-new", O_WRONLY | O_CREAT | O_EXCL);
}

static int try_remove(void)
{
	return unlink(at("config/lowtide.json")) ? errno : 0;
}

static int try_read_else(void)
{
	return SANDBOX_SANITIZED ? EACCES : opens(at("else/secret"), O_RDONLY);
}

static int try_raw(void)
{
	return asks(AF_INET, SOCK_RAW);
}

static int try_packet(void)
{
	return asks(AF_PACKET, SOCK_DGRAM);
}

static int try_netlink(void)
{
	return asks(AF_NETLINK, SOCK_RAW);
}

static int try_seqpacket(void)
{
	return asks(AF_UNIX, SOCK_SEQPACKET);
}

static int try_bind(void)
{
	const struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return 0;
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		error = errno;
	close(fd);
	return error;
}

static int try_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return 0;
	if (listen(fd, 1) != 0)
		error = errno;
	close(fd);
	return error;
}

static int try_undeclared(void)
{
	return connects(SOCK_STREAM, shut_port);
}

static int try_declared(void)
{
	return connects(SOCK_STREAM, open_port);
}

static int try_datagram(void)
{
	return connects(SOCK_DGRAM, shut_port);
}

static int try_inet6(void)
{
	int error = asks(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);

	return error == EAFNOSUPPORT ? 0 : error; /* a machine without */
}

static int try_unix(void)
{
	return asks(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC);
}

static int try_pair(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return errno;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int try_config(void)
{
	return opens(at("config/lowtide.json"), O_RDONLY);
}

/* Each of these is looked at for each name or connection, where it is there. */
static int try_resolver_files(void)
{
	static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts",
	    "/etc/nsswitch.conf", "/etc/ssl/openssl.cnf"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int error = opens(files[i], O_RDONLY);
		if (error && error != ENOENT)
			return error;
	}
	return 0;
}

static int try_name(void)
{
	struct addrinfo *found = NULL;
	int error = getaddrinfo("localhost", "80", NULL, &found);

	if (!error)
		freeaddrinfo(found);
	return error ? EIO : 0;
}

static int try_authorities(void)
{
	const char *path = upstream_authorities();
	int error = path ? opens(path, O_RDONLY) : 0;

	return error == ENOENT ? 0 : error;
}

static void *nothing(void *unused)
{
	return unused;
}

static int try_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error ? error : pthread_join(thread, NULL);
}

enum needs { CALLS, FILES, PORTS, NEITHER };
static const struct {
	int (*try)(void);
	int error;
	enum needs needs; /* what this kernel must have for it */
} rows[] = {
    {try_exec, EPERM, CALLS},
    {try_process, EPERM, CALLS},
    {try_raw, EPERM, CALLS},
    {try_packet, EPERM, CALLS},
    {try_netlink, EPERM, CALLS},
    {try_seqpacket, EPERM, CALLS},
    {try_bind, EPERM, CALLS},
    {try_listen, EPERM, CALLS},
    {try_write, EACCES, FILES},
    {try_write_config, EACCES, FILES},
    {try_make, EACCES, FILES},
    {try_make_in_tmp, EACCES, FILES},
    {try_remove, EACCES, FILES},
    {try_read_else, EACCES, FILES},
    {try_undeclared, EACCES, PORTS},
    {try_declared, 0, NEITHER},
    {try_datagram, 0, NEITHER},
    {try_inet6, 0, NEITHER},
    {try_unix, 0, NEITHER},
    {try_pair, 0, NEITHER},
    {try_config, 0, NEITHER},
    {try_resolver_files, 0, NEITHER},
    {try_name, 0, NEITHER},
    {try_authorities, 0, NEITHER},
    {try_thread, 0, NEITHER},
};
#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static bool there[] = {
    [CALLS] = true, [FILES] = true, [PORTS] = true, [NEITHER] = true};

static int try_all(int thread)
{
	for (int i = 0; i < N_ROWS; i++) {
		int error;
		if (!there[rows[i].needs])
			continue;
		error = rows[i].try();
		if (error != rows[i].error) {
			fprintf(stderr, "# row %d, thread %d: %s\n", i, thread,
			    strerror(error));
			return i + 1;
		}
	}
	return 0;
}

/* ---- the threads --------------------------------------------------------- */

static void *in_thread(void *arg)
{
	return (void *)(intptr_t)try_all((int)(intptr_t)arg);
}

static int enter_and_try(void)
{
	const struct log quiet = {.fd = -1};
	char config[256];
	const char *const files[] = {config, NULL};
	const uint16_t ports[] = {53, open_port};
	const struct sandbox_spec spec = {.files = files,
	    .folders = sandbox_calling_folders,
	    .calls = true,
	    .ports = ports,
	    .n_ports = 2};
	int status;

	snprintf(config, sizeof(config), "%s", at("config/lowtide.json"));
	sandbox_enter(&spec, &quiet, 0);
	status = try_all(0);
	for (int i = 1; i <= 3 && !status; i++) {
		pthread_t thread;
		void *said = NULL;
		if (pthread_create(
			&thread, NULL, in_thread, (void *)(intptr_t)i))
			return 200;
		pthread_join(thread, &said);
		status = (int)(intptr_t)said;
	}
	return status;
}

static void test_every_thread(void **state)
{
	int status = -1;
	(void)state;

	fflush(stdout);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(enter_and_try());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What this kernel lacks is not tried; what it has must hold. */
static void look(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	there[CALLS] = prctl(PR_GET_SECCOMP) >= 0;
	there[FILES] = abi >= 1;
	there[PORTS] = abi >= 4;
	printf("# Landlock: ABI %ld\n", abi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_thread),
	};

	look();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "sandbox-calls", tests, set_up, tear_down);
}
