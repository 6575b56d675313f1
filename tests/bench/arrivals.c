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
 * Requests that come when they come, however the others fare:
 *
 *	arrivals ADDRESS PATH RATE SECONDS
 *
 * RATE a second, evenly, each a GET of PATH with a number behind it that no
 * other has, over kept connections, a new one where none is free; after SECONDS
 * no more are sent, and those under way have PATIENCE_MS. On stdout, JSON: how
 * many were answered with 200, how many were shed (503) and how many of these
 * with Retry-After, how many otherwise or not at all; percentiles in ms of the
 * answered and of the shed, from when they were due and not when they were
 * sent, so that a client that is held up makes nobody faster.
 */
#define ANSWER_MAX 16384
#define PATIENCE_MS 15000

struct flight {
	int fd;
	double due; /* 0 = free */
	struct flight *next;
	size_t have;
	char answer[ANSWER_MAX + 1];
};
struct times {
	double *ms;
	size_t n, cap;
};
struct load {
	const char *address, *path;
	double interval, started;
	size_t most, sent, under_way, connections;
	size_t retry_after, other, broken;
	struct times ok, shed;
	struct flight *free;
	int epoll;
};

static void keep_time(struct times *t, double ms)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 4096;
		t->ms = realloc(t->ms, t->cap * sizeof(t->ms[0]));
		if (!t->ms)
			fail("memory");
	}
	t->ms[t->n++] = ms;
}

static struct flight *open_flight(struct load *l)
{
	struct flight *f = calloc(1, sizeof(*f));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};

	if (!f)
		fail("memory");
	f->fd = dial(l->address);
	l->connections++;
	set_nonblocking(f->fd);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, f->fd, &e) < 0)
		fail("epoll_ctl");
	return f;
}

static double due(const struct load *l)
{
	return l->started + (double)l->sent * l->interval;
}

static void take_off(struct load *l)
{
	char bytes[2048];
	struct flight *f = l->free;

	if (f)
		l->free = f->next;
	else
		f = open_flight(l);
	f->due = due(l);
	f->have = 0;
	int n = snprintf(bytes, sizeof(bytes),
	    "GET %s%d-%zu HTTP/1.1\r\nHost: localhost\r\n\r\n", l->path,
	    (int)getpid(), ++l->sent);
	l->under_way++;
	send_all(f->fd, bytes, (size_t)n);
}

static void hang_up(struct load *l, struct flight *f)
{
	l->connections--;
	close(f->fd);
	free(f);
}

static void land(struct load *l, struct flight *f)
{
	const double ms = now_ms() - f->due;

	l->under_way--;
	if (memcmp(f->answer + 9, "200", 3) == 0) {
		keep_time(&l->ok, ms);
	} else if (memcmp(f->answer + 9, "503", 3) == 0) {
		keep_time(&l->shed, ms);
		l->retry_after +=
		    strcasestr(f->answer, "\r\nretry-after:") != NULL;
	} else {
		l->other++;
	}
	f->due = 0;
	if (strcasestr(f->answer, "\r\nconnection: close")) {
		hang_up(l, f);
		return;
	}
	f->next = l->free;
	l->free = f;
}

static void lost(struct load *l, struct flight *f)
{
	if (f->due > 0) {
		l->broken++;
		l->under_way--;
	} else {
		struct flight **at = &l->free;
		while (*at != f)
			at = &(*at)->next;
		*at = f->next;
	}
	hang_up(l, f);
}

static void hear(struct load *l, struct flight *f)
{
	ssize_t n = recv(f->fd, f->answer + f->have, ANSWER_MAX - f->have, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(l, f);
		return;
	}
	f->have += (size_t)n;
	f->answer[f->have] = '\0';
	if (answer_size(f->answer, f->have))
		land(l, f);
}

static void run(struct load *l)
{
	struct epoll_event events[256];
	double last = 0;

	l->started = now_ms();
	while (l->sent < l->most || l->under_way) {
		while (l->sent < l->most && due(l) <= now_ms())
			take_off(l);
		if (l->sent == l->most) {
			last = last > 0 ? last : now_ms();
			if (now_ms() - last > PATIENCE_MS)
				break;
		}
		int n = epoll_wait(l->epoll, events, 256, 1);
		for (int i = 0; i < n; i++)
			hear(l, events[i].data.ptr);
	}
	l->broken += l->under_way;
}

static void tell(const char *name, struct times *t)
{
	sort(t->ms, t->n);
	printf("\"%s\":%zu,\"%sP50\":%.3f,\"%sP99\":%.3f,", name, t->n, name,
	    part_of(t->ms, t->n, 0.5), name, part_of(t->ms, t->n, 0.99));
}

int main(int argc, char *argv[])
{
	struct load l = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	double rate, seconds;

	if (argc != 5 || l.epoll < 0 || !((rate = atof(argv[3])) > 0) ||
	    !((seconds = atof(argv[4])) > 0)) {
		fputs("usage: arrivals ADDRESS PATH RATE SECONDS\n", stderr);
		return 64;
	}
	l.address = argv[1];
	l.path = argv[2];
	l.interval = 1e3 / rate;
	l.most = (size_t)(rate * seconds);
	raise_file_limit();
	run(&l);
	printf("{\"sent\":%zu,\"ms\":%.2f,", l.sent, now_ms() - l.started);
	tell("ok", &l.ok);
	tell("shed", &l.shed);
	printf("\"retryAfter\":%zu,\"other\":%zu,\"broken\":%zu}\n",
	    l.retry_after, l.other, l.broken);
	return 0;
}
