#ifndef LOWTIDE_TESTS_UNIT_UPSTREAM_CROWD_H
#define LOWTIDE_TESTS_UNIT_UPSTREAM_CROWD_H

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * An upstream for very many connections at once, one thread for all of them.
 * It reads requests without a body and keeps what it was asked: nothing is
 * answered before crowd_say(), which gives all that wait the same bytes.
 */
#define CROWD_MAX 4096 /* descriptors */
struct crowd {
	int fd, epoll_fd, wake[2];
	uint16_t port;
	pthread_t thread;
	atomic_int connections, arrivals, answered, gone;
	bool open[CROWD_MAX], waits[CROWD_MAX];
	size_t got[CROWD_MAX]; /* of the four bytes that end a head */
	/* what is said to those who wait, and to all who come then */
	char said[4096];
	size_t said_n;
	atomic_bool says, closes;
};

static void crowd_answer(struct crowd *c, int fd)
{
	c->waits[fd] = false;
	(void)!send(fd, c->said, c->said_n, MSG_NOSIGNAL);
	if (c->closes)
		shutdown(fd, SHUT_WR);
	c->answered++;
}

static void crowd_read(struct crowd *c, int fd)
{
	char bytes[4096];
	const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0) {
		c->gone++;
		c->waits[fd] = c->open[fd] = false;
		close(fd);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == "\r\n\r\n"[c->got[fd]])
			c->got[fd]++;
		else
			c->got[fd] = bytes[i] == '\r';
		if (c->got[fd] < 4)
			continue;
		c->got[fd] = 0;
		c->waits[fd] = true;
		c->arrivals++;
		if (c->says)
			crowd_answer(c, fd);
	}
}

static void crowd_accept(struct crowd *c)
{
	int fd;

	while ((fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (fd >= CROWD_MAX ||
		    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
			abort();
		c->got[fd] = 0;
		c->open[fd] = true;
		c->connections++;
	}
}

static void *crowd_runs(void *arg)
{
	struct epoll_event events[64];
	struct crowd *c = arg;
	char word;

	for (;;) {
		const int n = epoll_wait(c->epoll_fd, events, 64, -1);
		for (int i = 0; i < n; i++) {
			const int fd = events[i].data.fd;
			if (fd == c->fd)
				crowd_accept(c);
			else if (fd != c->wake[0])
				crowd_read(c, fd);
			else if (read(fd, &word, 1) != 1)
				return NULL;
			else
				for (int k = 0; k < CROWD_MAX; k++)
					if (c->waits[k])
						crowd_answer(c, k);
		}
	}
}

static inline void crowd_start(struct crowd *c)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct epoll_event event = {.events = EPOLLIN};
	socklen_t size = sizeof(any);

	memset(c, 0, sizeof(*c));
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->fd < 0 || c->epoll_fd < 0 || pipe2(c->wake, O_CLOEXEC) != 0 ||
	    bind(c->fd, (struct sockaddr *)&any, size) != 0 ||
	    listen(c->fd, 4096) != 0 ||
	    getsockname(c->fd, (struct sockaddr *)&any, &size) != 0)
		abort();
	event.data.fd = c->fd;
	epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
	event.data.fd = c->wake[0];
	epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->wake[0], &event);
	if (pthread_create(&c->thread, NULL, crowd_runs, c) != 0)
		abort();
	c->port = ntohs(any.sin_port);
}

/* Once, to all that asked and all that will. */
static inline void crowd_say(struct crowd *c, const char *text)
{
	c->said_n = strlen(text);
	memcpy(c->said, text, c->said_n);
	c->says = true;
	(void)!write(c->wake[1], "x", 1);
}

/* Its connections end with it. */
static inline void crowd_stop(struct crowd *c)
{
	close(c->wake[1]);
	pthread_join(c->thread, NULL);
	for (int fd = 0; fd < CROWD_MAX; fd++)
		if (c->open[fd])
			close(fd);
	close(c->wake[0]);
	close(c->epoll_fd);
	close(c->fd);
}

#endif
