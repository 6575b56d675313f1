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
 * Sends POSTs with a body of its own each, so many in flight, over kept
 * connections: a new one as soon as an answer is whole.
 *
 *	post ADDRESS PATH IN-FLIGHT BYTES (N | SECONDSs) [HEADER]
 *
 * Until N are answered, or for so many seconds ("3s"). The body is JSON of
 * BYTES bytes with a number in it that no other has. On stdout, JSON: how many
 * were answered with 2xx in how long, how many of these with 202, percentiles
 * in ms. HEADER ("name: value") is sent with each.
 */
#define ANSWER_MAX 16384
#define REQUEST_MAX 8192

struct flight {
	int fd;
	double sent; /* when, ms; 0 = nothing under way */
	size_t have;
	char answer[ANSWER_MAX + 1];
};
struct load {
	const char *address, *path, *header;
	size_t body_bytes, in_flight;
	size_t most;   /* to send; 0 = as long as there is time */
	double until;  /* ms; 0 = until all are answered */
	size_t serial; /* of the bodies, and how many were sent */
	size_t ok, later, refused, broken; /* later: 202 */
	double *times;
	size_t n_times, cap_times;
	struct flight *flights;
	int epoll;
};

static bool has_more(const struct load *l)
{
	return l->most ? l->serial < l->most : now_ms() < l->until;
}

static void open_flight(struct load *l, struct flight *f)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};

	f->fd = dial(l->address);
	set_nonblocking(f->fd);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, f->fd, &e) < 0)
		fail("epoll_ctl");
}

/* The next request; a small one fits into any empty socket buffer. */
static void take_off(struct load *l, struct flight *f)
{
	char bytes[REQUEST_MAX];
	int head, n;

	f->sent = 0;
	f->have = 0;
	if (!has_more(l))
		return;
	if (f->fd < 0)
		open_flight(l, f);
	head = snprintf(bytes, sizeof(bytes),
	    "POST %s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\n%s%sContent-Length: %zu\r\n\r\n",
	    l->path, l->header ? l->header : "", l->header ? "\r\n" : "",
	    l->body_bytes);
	n = snprintf(bytes + head, sizeof(bytes) - (size_t)head,
	    "{\"serial\":\"%d-%zu\",\"text\":\"", (int)getpid(), ++l->serial);
	char *body = bytes + head;
	memset(body + n, 'x', l->body_bytes - (size_t)n - 2);
	memcpy(body + l->body_bytes - 2, "\"}", 2);
	f->sent = now_ms();
	send_all(f->fd, bytes, (size_t)head + l->body_bytes);
}

static void keep_time(struct load *l, double ms)
{
	if (l->n_times == l->cap_times) {
		l->cap_times = l->cap_times ? l->cap_times * 2 : 65536;
		l->times =
		    realloc(l->times, l->cap_times * sizeof(l->times[0]));
		if (!l->times)
			fail("memory");
	}
	l->times[l->n_times++] = ms;
}

static void hang_up(struct flight *f)
{
	close(f->fd);
	f->fd = -1;
}

static void land(struct load *l, struct flight *f)
{
	if (f->have > 9 && f->answer[9] == '2')
		l->ok++;
	else
		l->refused++;
	l->later += memcmp(f->answer + 9, "202", 3) == 0;
	keep_time(l, now_ms() - f->sent);
	if (strcasestr(f->answer, "\r\nconnection: close"))
		hang_up(f);
	take_off(l, f);
}

static void hear(struct load *l, struct flight *f)
{
	ssize_t n = recv(f->fd, f->answer + f->have, ANSWER_MAX - f->have, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		l->broken += f->sent > 0;
		hang_up(f);
		take_off(l, f);
		return;
	}
	f->have += (size_t)n;
	f->answer[f->have] = '\0';
	if (answer_size(f->answer, f->have))
		land(l, f);
}

static size_t in_the_air(const struct load *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->in_flight; i++)
		n += l->flights[i].sent > 0;
	return n;
}

static double run(struct load *l)
{
	struct epoll_event events[64];
	const double started = now_ms();

	if (!l->most)
		l->until += started;
	for (size_t i = 0; i < l->in_flight; i++) {
		l->flights[i].fd = -1;
		take_off(l, &l->flights[i]);
	}
	while (in_the_air(l)) {
		int n = epoll_wait(l->epoll, events, 64, 30000);
		if (n == 0)
			break;
		for (int i = 0; i < n; i++)
			hear(l, events[i].data.ptr);
	}
	return now_ms() - started;
}

int main(int argc, char *argv[])
{
	struct load l = {.epoll = epoll_create1(EPOLL_CLOEXEC)};

	if ((argc != 6 && argc != 7) || l.epoll < 0) {
		fputs("usage: post ADDRESS PATH IN-FLIGHT BYTES (N | Ss) "
		      "[HEADER]\n",
		    stderr);
		return 64;
	}
	l.address = argv[1];
	l.path = argv[2];
	l.header = argv[6];
	l.in_flight = strtoul(argv[3], NULL, 10);
	l.body_bytes = strtoul(argv[4], NULL, 10);
	if (strchr(argv[5], 's'))
		l.until = strtod(argv[5], NULL) * 1e3;
	else
		l.most = strtoul(argv[5], NULL, 10);
	if (!l.in_flight || l.body_bytes < 64 || l.body_bytes > 4096) {
		fputs(
		    "post: 64 to 4096 bytes, at least one in flight\n", stderr);
		return 64;
	}
	l.flights = calloc(l.in_flight, sizeof(l.flights[0]));
	if (!l.flights)
		fail("memory");
	double ms = run(&l);
	sort(l.times, l.n_times);
	printf("{\"sent\":%zu,\"ok\":%zu,\"later\":%zu,\"refused\":%zu,"
	       "\"broken\":%zu,\"ms\":%.2f,\"p50\":%.3f,\"p99\":%.3f}\n",
	    l.serial, l.ok, l.later, l.refused, l.broken, ms,
	    part_of(l.times, l.n_times, 0.5),
	    part_of(l.times, l.n_times, 0.99));
	return 0;
}
