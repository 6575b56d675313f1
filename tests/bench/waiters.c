#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/dial.h"

/*
 * Thousands of clients that wait, released by one change.
 *
 *	waiters ADDRESS N REQUEST RELEASE [WHERE]
 *
 * N connections send the bytes of the file REQUEST each; "sent" on stdout says
 * that they are on their way. A line on stdin, and the bytes of the file
 * RELEASE go over a connection of their own, to WHERE if that is another
 * address: the clock starts, and the last client that has its answer ends it.
 *The bytes may be HTTP or FastCGI, as long as whoever answers closes the
 *connection afterwards: that ends an answer.
 *
 * The last line on stdout is JSON. `early` had their answer before the release,
 * `ok` had one with the status 200.
 */
#define PATIENCE_MS 60000

struct client {
	int fd;
	bool answered, ok;
};
struct crowd {
	struct client *clients; /* the last one releases the others */
	size_t n, early, answered, ok;
	double *times; /* of those after the release, ms */
	size_t n_times;
	double released; /* 0 = not yet */
	double release_ms;
	int epoll;
};

static void watch(struct crowd *c, size_t i)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};

	set_nonblocking(c->clients[i].fd);
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->clients[i].fd, &e) < 0)
		fail("epoll_ctl");
}

static void open_client(
    struct crowd *c, size_t i, const char *address, const char *bytes, size_t n)
{
	c->clients[i].fd = dial(address);
	send_all(c->clients[i].fd, bytes, n);
	watch(c, i);
}

static void count(struct crowd *c, size_t i)
{
	const double now = now_ms();

	if (i == c->n) {
		c->release_ms = now - c->released;
		return;
	}
	c->answered++;
	c->ok += c->clients[i].ok;
	if (c->released > 0)
		c->times[c->n_times++] = now - c->released;
	else
		c->early++;
}

static void hear(struct crowd *c, size_t i)
{
	struct client *client = &c->clients[i];
	char bytes[65536];
	ssize_t n;

	while ((n = recv(client->fd, bytes, sizeof(bytes), 0)) > 0) {
		if (client->answered)
			continue;
		client->answered = true;
		/* the status is in the first line, after at most a record */
		client->ok = memmem(bytes, n < 64 ? (size_t)n : 64, " 200", 4);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(client->fd);
	client->fd = -1;
	count(c, i);
}

/* False when nothing came in `ms`. */
static bool turn(struct crowd *c, int ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(c->epoll, events, 256, ms);

	for (int i = 0; i < n; i++)
		if (events[i].data.u64 <= c->n)
			hear(c, events[i].data.u64);
	return n != 0;
}

/* Early answers are heard meanwhile. */
static void wait_for_word(struct crowd *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = c->n + 1};
	struct epoll_event events[256];

	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e) < 0)
		fail("stdin");
	for (bool word = false; !word;) {
		int n = epoll_wait(c->epoll, events, 256, -1);
		for (int i = 0; i < n; i++)
			if (events[i].data.u64 > c->n)
				word = true;
			else
				hear(c, events[i].data.u64);
	}
	epoll_ctl(c->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

int main(int argc, char *argv[])
{
	struct crowd c = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	size_t request_n, release_n;

	if ((argc != 5 && argc != 6) || c.epoll < 0 || atoi(argv[2]) < 1) {
		fputs("usage: waiters ADDRESS N REQUEST RELEASE [WHERE]\n",
		    stderr);
		return 64;
	}
	c.n = (size_t)atoi(argv[2]);
	char *request = slurp(argv[3], &request_n);
	char *release = slurp(argv[4], &release_n);
	c.clients = calloc(c.n + 1, sizeof(c.clients[0]));
	c.times = calloc(c.n, sizeof(c.times[0]));
	if (!c.clients || !c.times)
		fail("memory");
	raise_file_limit();
	for (size_t i = 0; i < c.n; i++)
		open_client(&c, i, argv[1], request, request_n);
	puts("sent");
	fflush(stdout);
	wait_for_word(&c);
	c.clients[c.n].fd = dial(argv[argc == 6 ? 5 : 1]);
	c.released = now_ms();
	send_all(c.clients[c.n].fd, release, release_n);
	watch(&c, c.n);
	while (c.answered < c.n || !(c.release_ms > 0))
		if (!turn(&c, PATIENCE_MS))
			break;
	sort(c.times, c.n_times);
	printf("{\"clients\":%zu,\"answered\":%zu,\"ok\":%zu,\"early\":%zu,"
	       "\"releaseMs\":%.2f,\"firstMs\":%.2f,\"medianMs\":%.2f,"
	       "\"lastMs\":%.2f}\n",
	    c.n, c.answered, c.ok, c.early, c.release_ms,
	    part_of(c.times, c.n_times, 0), part_of(c.times, c.n_times, 0.5),
	    part_of(c.times, c.n_times, 1));
	return 0;
}
