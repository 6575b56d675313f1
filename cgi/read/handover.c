#include "cgi/read/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

/*
 * A connection for each request, closed with its answer: handing over is rare
 * beside answering, and a kept connection would be one more thing that ends.
 * Their descriptors are in one epoll, which the loop watches.
 */
#define EVENTS_MAX 16
#define PIECE 16384

struct handed {
	TAILQ_ENTRY(handed) in_list; /* by age: the first is due first */
	uint64_t ticket;
	int fd;
	int64_t until_boot;
	struct buf records;
	size_t sent;
	struct handover_reader reader;
	enum err err; /* it is over because of this */
	bool over;
};
TAILQ_HEAD(handed_list, handed);
struct handover {
	struct listen_at endpoint;
	int epoll_fd;
	struct handed_list out;
	size_t n;
};

enum err handover_open(const struct listen_at *endpoint, struct handover **out)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	*out = NULL;
	h->endpoint = *endpoint;
	TAILQ_INIT(&h->out);
	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll_fd < 0) {
		free(h);
		return ERR_IO;
	}
	*out = h;
	return ERR_OK;
}

static void drop(struct handover *h, struct handed *one)
{
	TAILQ_REMOVE(&h->out, one, in_list);
	h->n--;
	close(one->fd); /* and so out of the epoll */
	buf_release(&one->records);
	handover_reader_release(&one->reader);
	free(one);
}

void handover_close(struct handover *h)
{
	struct handed *one;

	if (!h)
		return;
	while ((one = TAILQ_FIRST(&h->out)) != NULL)
		drop(h, one);
	close(h->epoll_fd);
	free(h);
}

int handover_fd(const struct handover *h)
{
	return h->epoll_fd;
}

/* A unix socket whose queue is full says EAGAIN, and is not being connected. */
static enum err dial(const struct handover *h, int *out)
{
	const struct listen_at *at = &h->endpoint;
	int fd = socket(
	    at->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return ERR_IO;
	if (connect(fd, (const struct sockaddr *)&at->at, at->n) != 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return ERR_CLOSED;
	}
	*out = fd;
	return ERR_OK;
}

enum err handover_start(
    struct handover *h, int64_t now_boot, struct str records, uint64_t ticket)
{
	int fd;

	if (h->n == HANDOVER_MAX)
		return ERR_FULL;
	enum err err = dial(h, &fd);
	if (err != ERR_OK)
		return err;
	struct handed *one = calloc(1, sizeof(*one));
	if (!one)
		abort();
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = one};
	if (epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		close(fd);
		free(one);
		return ERR_IO;
	}
	one->ticket = ticket;
	one->fd = fd;
	one->until_boot = now_boot + HANDOVER_TIMEOUT_MS;
	buf_put_str(&one->records, records);
	TAILQ_INSERT_TAIL(&h->out, one, in_list);
	h->n++;
	return ERR_OK;
}

void handover_leave(struct handover *h, uint64_t ticket)
{
	struct handed *one;

	TAILQ_FOREACH(one, &h->out, in_list)
	if (one->ticket == ticket) {
		drop(h, one);
		return;
	}
}

/* ---- what moves ---------------------------------------------------------- */

static void end(struct handed *one, enum err err)
{
	one->over = true;
	one->err = err;
}

static bool is_later(void)
{
	return errno == EAGAIN || errno == EINTR || errno == EINPROGRESS;
}

static void send_more(struct handover *h, struct handed *one)
{
	while (one->sent < one->records.len) {
		ssize_t n = send(one->fd, one->records.data + one->sent,
		    one->records.len - one->sent, MSG_NOSIGNAL);
		if (n < 0) {
			if (!is_later())
				end(one, ERR_CLOSED);
			return;
		}
		one->sent += (size_t)n;
	}
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = one};
	if (epoll_ctl(h->epoll_fd, EPOLL_CTL_MOD, one->fd, &ev) != 0)
		end(one, ERR_IO);
}

static void receive_more(struct handed *one)
{
	uint8_t piece[PIECE];

	while (!one->over) {
		ssize_t n = recv(one->fd, piece, sizeof(piece), 0);
		if (n < 0 && is_later())
			return;
		if (n <= 0) {
			end(one, ERR_CLOSED);
			return;
		}
		enum err err = handover_read(&one->reader, piece, (size_t)n);
		if (err != ERR_OK || one->reader.over)
			end(one, err);
	}
}

static void look(struct handover *h)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	do {
		n = epoll_wait(h->epoll_fd, events, EVENTS_MAX, 0);
		for (int i = 0; i < n; i++) {
			struct handed *one = events[i].data.ptr;
			if (!one->over && events[i].events & EPOLLOUT)
				send_more(h, one);
			if (!one->over && events[i].events != EPOLLOUT)
				receive_more(one);
			if (one->over)
				(void)epoll_ctl(
				    h->epoll_fd, EPOLL_CTL_DEL, one->fd, NULL);
		}
	} while (n == EVENTS_MAX);
}

bool handover_next(struct handover *h, int64_t now_boot, struct arena *a,
    uint64_t *ticket, struct answer *answer, enum err *err)
{
	struct handed *one;

	look(h);
	TAILQ_FOREACH(one, &h->out, in_list)
	if (one->over)
		break;
	if (!one) {
		one = TAILQ_FIRST(&h->out);
		if (!one || one->until_boot > now_boot)
			return false;
		end(one, ERR_AGAIN);
	}
	*ticket = one->ticket;
	*err = one->err;
	if (*err == ERR_OK)
		*err = handover_answer(a, buf_str(&one->reader.out), answer);
	drop(h, one);
	return true;
}

int64_t handover_due(const struct handover *h)
{
	const struct handed *one = TAILQ_FIRST(&h->out);

	return one ? one->until_boot : 0;
}
