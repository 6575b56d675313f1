#ifndef LOWTIDE_TESTS_UNIT_UPSTREAM_SERVER_H
#define LOWTIDE_TESTS_UNIT_UPSTREAM_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * An upstream that says byte for byte what a test wants it to, in a thread of
 * its own and one for each connection. Each request that arrives whole
 * takes the next step, the last one for all that come after.
 */
struct server_step {
	const char *answer; /* NULL = nothing is said */
	const char *more;   /* said again and again until nobody listens */
	bool close;	    /* and the connection ends */
	bool slowly;	    /* .more comes a byte every tenth of a second */
};
#define SERVER_CONNECTIONS_MAX 64
struct server {
	int fd, wake[2];
	uint16_t port;
	pthread_t thread;
	const struct server_step *steps;
	size_t n;
	atomic_int connections, arrivals;
	char first[4096]; /* of the last request; read when it has ended */
};

static bool server_waits(struct server *s, int fd, int ms)
{
	struct pollfd polled[] = {
	    {.fd = fd, .events = POLLIN}, {.fd = s->wake[0], .events = POLLIN}};

	poll(polled, 2, ms);
	return polled[1].revents == 0;
}

/* A whole request with its body; false when the other side is gone. */
static bool server_reads(struct server *s, int fd)
{
	char bytes[sizeof(s->first)];
	size_t n = 0, need = 0;

	while (!need || n < need) {
		if (!server_waits(s, fd, -1))
			return false;
		ssize_t got = recv(fd, bytes + n, sizeof(bytes) - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		bytes[n] = '\0';
		char *end = strstr(bytes, "\r\n\r\n");
		char *length = strcasestr(bytes, "\r\nContent-Length: ");
		if (end && !need)
			need = (size_t)(end - bytes) + 4 +
			       (length ? strtoul(length + 18, NULL, 10) : 0);
	}
	memcpy(s->first, bytes, n + 1);
	return true;
}

static bool server_says(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t put = send(fd, text, n, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		text += put;
		n -= (size_t)put;
	}
	return true;
}

static bool server_answers(
    struct server *s, int fd, const struct server_step *step)
{
	if (step->answer &&
	    !server_says(fd, step->answer, strlen(step->answer)))
		return false;
	for (size_t i = 0; step->more; i++) {
		const size_t n = strlen(step->more);
		bool said = step->slowly
				? server_waits(s, -1, 100) &&
				      server_says(fd, step->more + i % n, 1)
				: server_says(fd, step->more, n);
		if (!said)
			return false;
	}
	return !step->close;
}

struct server_connection {
	struct server *server;
	int fd;
};

static void *server_connected(void *arg)
{
	const struct server_connection c = *(struct server_connection *)arg;
	struct server *s = c.server;

	free(arg);
	while (server_reads(s, c.fd)) {
		size_t at = (size_t)atomic_fetch_add(&s->arrivals, 1);
		if (!server_answers(
			s, c.fd, &s->steps[at < s->n ? at : s->n - 1]))
			break;
	}
	close(c.fd);
	return NULL;
}

static void *server_runs(void *arg)
{
	pthread_t threads[SERVER_CONNECTIONS_MAX];
	struct server *s = arg;
	size_t n = 0;

	while (n < SERVER_CONNECTIONS_MAX && server_waits(s, s->fd, -1)) {
		struct server_connection *c = malloc(sizeof(*c));
		if (!c)
			abort();
		*c = (struct server_connection){
		    .server = s, .fd = accept(s->fd, NULL, NULL)};
		atomic_fetch_add(&s->connections, 1);
		if (c->fd < 0 ||
		    pthread_create(&threads[n++], NULL, server_connected, c))
			abort();
	}
	while (n)
		pthread_join(threads[--n], NULL);
	return NULL;
}

static inline void server_start(
    struct server *s, const struct server_step *steps, size_t n)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);

	memset(s, 0, sizeof(*s));
	s->steps = steps;
	s->n = n;
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || pipe(s->wake) != 0 ||
	    bind(s->fd, (struct sockaddr *)&any, sizeof(any)) != 0 ||
	    listen(s->fd, 8) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&any, &size) != 0 ||
	    pthread_create(&s->thread, NULL, server_runs, s) != 0)
		abort();
	s->port = ntohs(any.sin_port);
}

static inline void server_stop(struct server *s)
{
	close(s->wake[1]);
	pthread_join(s->thread, NULL);
	close(s->wake[0]);
	close(s->fd);
}

#endif
