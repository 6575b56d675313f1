#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/dial.h"

/*
 * An upstream that takes its time, and next to none of anybody's CPU:
 *
 *	slow-upstream PORT [SLOTS]
 *
 * Any path that begins with /MS/BYTES/ is answered after so many milliseconds
 * with so many bytes of JSON. With SLOTS, that many are worked on at a time and
 * the others wait for it, as with a service that can do no more. /held/BYTES/…
 * is answered when somebody asks for /release, all of them at once, and those
 * who come later at once, until the next /count.
 *
 * /count: what was asked for since the last /count, without these two, and
 * whether this program kept up: how late its answers were beyond what was
 * asked, on average and at most.
 *
 * GET over HTTP/1.1 on kept connections of 127.0.0.1; one request at a time
 * on each.
 */
#define REQUEST_MAX 16384
#define LATENCIES_MAX 16
#define EVENTS 512
#define ROOM (512 * 1024) /* of a socket: for a whole answer */

struct conn {
	int fd;
	bool busy, closes;
	struct conn *next;
	double due;
	size_t ms, bytes;
	size_t have;
	char request[REQUEST_MAX + 1];
};
struct line {
	struct conn *first, **last;
};
/* Those who wait equally long come out as they went in. */
struct latency {
	size_t ms;
	struct line line;
};
struct counts {
	size_t calls, most;
	double late_sum, late_max;
	size_t on_time; /* answers that late_sum is of */
};
struct upstream {
	int epoll, listener;
	size_t slots, at_work, under_way, n_conns;
	struct latency latencies[LATENCIES_MAX];
	size_t n_latencies;
	struct line queue, held;
	bool let_go; /* nobody is held any more */
	struct counts counts;
	char *filler;
	size_t n_filler;
};

static void line_add(struct line *l, struct conn *c)
{
	if (!l->first)
		l->last = &l->first;
	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
}

static struct conn *line_take(struct line *l)
{
	struct conn *c = l->first;

	if (c)
		l->first = c->next;
	return c;
}

/* Who left before his answer; his place is found by looking. */
static bool line_drop(struct line *l, const struct conn *c)
{
	for (struct conn **at = &l->first; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		if (!*at)
			l->last = at;
		return true;
	}
	return false;
}

/* ---- answers ------------------------------------------------------------- */

static void answer(
    struct upstream *u, struct conn *c, const char *body, size_t n)
{
	char head[256];
	char *all;
	int n_head = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    n, c->closes ? "Connection: close\r\n" : "");
	size_t size = (size_t)n_head + n;

	if (u->n_filler < size &&
	    !(u->filler = realloc(u->filler, u->n_filler = size)))
		fail("memory");
	all = u->filler;
	memmove(all + n_head, body, n);
	memcpy(all, head, (size_t)n_head);
	/* an answer that does not fit into the socket's room ends it */
	if (send(c->fd, all, size, MSG_NOSIGNAL) != (ssize_t)size || c->closes)
		shutdown(c->fd, SHUT_RDWR);
	c->busy = false;
	c->have = 0;
}

static void answer_json(struct upstream *u, struct conn *c)
{
	static char *body;
	static size_t n_body;
	size_t n = c->bytes < 16 ? 16 : c->bytes;

	if (n_body < n) {
		if (!(body = realloc(body, n_body = n)))
			fail("memory");
	}
	memcpy(body, "{\"text\":\"", 9);
	memset(body + 9, 'x', n - 11);
	memcpy(body + n - 2, "\"}", 2);
	u->under_way--;
	answer(u, c, body, n);
}

static void tell_counts(struct upstream *u, struct conn *c)
{
	const struct counts *k = &u->counts;
	char body[256];
	int n = snprintf(body, sizeof(body),
	    "{\"calls\":%zu,\"most\":%zu,\"connections\":%zu,"
	    "\"lateMs\":%.3f,\"latestMs\":%.3f}",
	    k->calls, k->most, u->n_conns,
	    k->on_time ? k->late_sum / (double)k->on_time : 0, k->late_max);

	u->counts = (struct counts){.most = u->under_way};
	u->let_go = false;
	answer(u, c, body, (size_t)n);
}

/* ---- what is asked ------------------------------------------------------- */

static void begin_work(struct upstream *u, struct conn *c)
{
	size_t i = 0;

	while (i < u->n_latencies && u->latencies[i].ms != c->ms)
		i++;
	if (i == u->n_latencies) {
		if (i == LATENCIES_MAX) {
			errno = E2BIG;
			fail("so many different latencies");
		}
		u->latencies[u->n_latencies++].ms = c->ms;
	}
	u->at_work++;
	c->due = now_ms() + (double)c->ms;
	line_add(&u->latencies[i].line, c);
}

static void finish_work(struct upstream *u, struct conn *c)
{
	struct counts *k = &u->counts;
	const double late = now_ms() - c->due;
	struct conn *next;

	k->late_sum += late;
	k->late_max = late > k->late_max ? late : k->late_max;
	k->on_time++;
	u->at_work--;
	answer_json(u, c);
	if ((!u->slots || u->at_work < u->slots) &&
	    (next = line_take(&u->queue)))
		begin_work(u, next);
}

static void take_in(struct upstream *u, struct conn *c)
{
	u->counts.calls++;
	u->under_way++;
	if (u->under_way > u->counts.most)
		u->counts.most = u->under_way;
	c->busy = true;
}

static void asked(struct upstream *u, struct conn *c)
{
	const char *path = c->request + 4;

	c->closes = strcasestr(c->request, "\r\nconnection: close") != NULL;
	if (strncmp(path, "/count", 6) == 0) {
		tell_counts(u, c);
	} else if (strncmp(path, "/release", 8) == 0) {
		for (struct conn *h; (h = line_take(&u->held));)
			answer_json(u, h);
		u->let_go = true;
		answer(u, c, "{}", 2);
	} else if (sscanf(path, "/held/%zu/", &c->bytes) == 1) {
		take_in(u, c);
		if (u->let_go)
			answer_json(u, c);
		else
			line_add(&u->held, c);
	} else if (sscanf(path, "/%zu/%zu/", &c->ms, &c->bytes) == 2) {
		take_in(u, c);
		if (u->slots && u->at_work >= u->slots)
			line_add(&u->queue, c);
		else if (c->ms || u->slots)
			begin_work(u, c);
		else
			answer_json(u, c);
	} else {
		c->closes = true;
		answer(u, c, "null", 4);
	}
}

static void leave(struct upstream *u, struct conn *c)
{
	bool found = line_drop(&u->queue, c) || line_drop(&u->held, c);

	for (size_t i = 0; c->busy && !found && i < u->n_latencies; i++) {
		found = line_drop(&u->latencies[i].line, c);
		u->at_work -= found;
	}
	u->under_way -= c->busy;
	u->n_conns--;
	close(c->fd);
	free(c);
}

static void hear(struct upstream *u, struct conn *c)
{
	ssize_t n = recv(c->fd, c->request + c->have, REQUEST_MAX - c->have, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leave(u, c);
		return;
	}
	c->have += (size_t)n;
	c->request[c->have] = '\0';
	if (c->have >= 4 &&
	    memcmp(c->request + c->have - 4, "\r\n\r\n", 4) == 0)
		asked(u, c);
}

/* ---- the loop ------------------------------------------------------------ */

static void welcome(struct upstream *u)
{
	int fd, room = ROOM;

	while ((fd = accept4(u->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		if (!c)
			fail("memory");
		c->fd = fd;
		u->n_conns++;
		set_no_delay(fd);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		if (epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
			fail("epoll_ctl");
	}
}

/* Until the first one is due; ns, for epoll_wait's ms would be late. */
static bool next_due(const struct upstream *u, struct timespec *wait)
{
	double first = 0;

	for (size_t i = 0; i < u->n_latencies; i++) {
		const struct conn *c = u->latencies[i].line.first;
		if (c && (!(first > 0) || c->due < first))
			first = c->due;
	}
	if (!(first > 0))
		return false;
	double ms = first - now_ms();
	ms = ms > 0 ? ms : 0;
	wait->tv_sec = (time_t)(ms / 1e3);
	wait->tv_nsec = (long)((ms - 1e3 * (double)wait->tv_sec) * 1e6);
	return true;
}

static void answer_due(struct upstream *u)
{
	const double now = now_ms();

	for (size_t i = 0; i < u->n_latencies; i++) {
		struct line *line = &u->latencies[i].line;
		while (line->first && line->first->due <= now)
			finish_work(u, line_take(line));
	}
}

static int listen_at(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 16384) < 0)
		fail(port);
	return fd;
}

int main(int argc, char *argv[])
{
	struct upstream u = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct epoll_event e = {.events = EPOLLIN}, events[EVENTS];
	struct timespec wait;

	if ((argc != 2 && argc != 3) || u.epoll < 0) {
		fputs("usage: slow-upstream PORT [SLOTS]\n", stderr);
		return 64;
	}
	u.slots = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	raise_file_limit();
	u.listener = listen_at(argv[1]);
	if (epoll_ctl(u.epoll, EPOLL_CTL_ADD, u.listener, &e) < 0)
		fail("epoll_ctl");
	for (;;) {
		bool waits = next_due(&u, &wait);
		int n = epoll_pwait2(
		    u.epoll, events, EVENTS, waits ? &wait : NULL, NULL);
		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				hear(&u, events[i].data.ptr);
			else
				welcome(&u);
		answer_due(&u);
	}
}
