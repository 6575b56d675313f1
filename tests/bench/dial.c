#include "tests/bench/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int dial_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail(path);
	return fd;
}

void set_no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int dial_tcp(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char host[64];
	int port = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sscanf(address, "%63[0-9.]:%d", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &to.sin_addr) != 1) {
		errno = EINVAL;
		fail(address);
	}
	to.sin_port = htons((uint16_t)port);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail(address);
	set_no_delay(fd);
	return fd;
}

int dial(const char *address)
{
	if (strncmp(address, "unix:", 5) == 0)
		return dial_unix(address + 5);
	return dial_tcp(address);
}

char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *bytes;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		fail(path);
	rewind(f);
	bytes = malloc((size_t)size + 1);
	if (!bytes || fread(bytes, 1, (size_t)size, f) != (size_t)size)
		fail(path);
	bytes[size] = '\0';
	fclose(f);
	*n = (size_t)size;
	return bytes;
}

void send_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0)
			fail("send");
		bytes += sent;
		n -= (size_t)sent;
	}
}

void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		fail("fcntl");
}

size_t answer_size(const char *bytes, size_t n)
{
	const char *end = memmem(bytes, n, "\r\n\r\n", 4);
	const char *length;

	if (!end)
		return 0;
	size_t head = (size_t)(end - bytes) + 4;
	length = strcasestr(bytes, "\r\ncontent-length:");
	if (length && length < end) {
		size_t all = head + strtoul(length + 17, NULL, 10);
		return n >= all ? all : 0;
	}
	return n >= head + 5 && memcmp(bytes + n - 5, "0\r\n\r\n", 5) == 0 ? n
									   : 0;
}

void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

double part_of(const double *sorted, size_t n, double p)
{
	return n ? sorted[(size_t)(p * (double)(n - 1))] : 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void sort(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), ascending);
}
