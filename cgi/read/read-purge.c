#include "cgi/read/read-purge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define COMMAND "purge "
#define NAME_LISTEN (PURGE_CONNS_MAX + 0u)
#define NAME_TIMER (PURGE_CONNS_MAX + 1u)
#define EVENTS_MAX (PURGE_CONNS_MAX + 2)
#define AGAIN_MS 1000 /* before it is tried again to let somebody in */

struct operator
{
	int fd; /* -1 = this place is free */
	int64_t until_boot;
	size_t n;
	char line[PURGE_LINE_MAX];
};
struct purge {
	struct purge_spec spec;
	int epoll_fd, timer_fd;
	bool full;	    /* nobody else is let in */
	int64_t again_boot; /* out of descriptors: not before; 0 = now */
	struct operator operators[PURGE_CONNS_MAX];
};

static bool watch(
    const struct purge *p, int op, int fd, uint32_t events, uint32_t name)
{
	struct epoll_event ev = {.events = events, .data.u32 = name};

	return epoll_ctl(p->epoll_fd, op, fd, &ev) == 0;
}

static void let_in(struct purge *p, bool anybody)
{
	if (p->full == !anybody)
		return;
	p->full = !anybody;
	watch(p, EPOLL_CTL_MOD, p->spec.listen_fd, anybody ? EPOLLIN : 0,
	    NAME_LISTEN);
}

static void leave(struct purge *p, struct operator* o)
{
	close(o->fd);
	o->fd = -1;
	if (!p->again_boot)
		let_in(p, true);
}

/* What fits into any socket's buffer; who does not read it has had it. */
static void say(struct purge *p, struct operator* o, const char *text)
{
	(void)!send(o->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	leave(p, o);
}

static void obey(struct purge *p, struct operator* o, void *ctx)
{
	const char *end = memchr(o->line, '\n', o->n);
	const struct str line = {o->line, (size_t)(end - o->line)};
	char number[32];

	if (!str_starts(line, COMMAND)) {
		say(p, o, "error\n");
		return;
	}
	snprintf(number, sizeof(number), "%zu\n",
	    p->spec.purge(ctx, str_slice(line, sizeof(COMMAND) - 1, line.n)));
	say(p, o, number);
}

static void hear(struct purge *p, struct operator* o, void *ctx)
{
	const ssize_t n =
	    recv(o->fd, o->line + o->n, sizeof(o->line) - o->n, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leave(p, o);
		return;
	}
	o->n += (size_t)n;
	if (memchr(o->line, '\n', o->n))
		obey(p, o, ctx);
	else if (o->n == sizeof(o->line))
		say(p, o, "error\n");
}

static struct operator* free_place(struct purge *p)
{
	for (size_t i = 0; i < PURGE_CONNS_MAX; i++)
		if (p->operators[i].fd < 0)
			return &p->operators[i];
	return NULL;
}

static void accept_some(struct purge *p, int64_t now_boot)
{
	struct operator* o;

	while ((o = free_place(p)) != NULL) {
		const int fd = accept4(p->spec.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			p->again_boot = now_boot + AGAIN_MS;
			let_in(p, false);
		}
		if (fd < 0)
			return;
		o->fd = fd;
		o->n = 0;
		o->until_boot = now_boot + p->spec.patience_ms;
		if (!watch(p, EPOLL_CTL_ADD, fd, EPOLLIN,
			(uint32_t)(o - p->operators)))
			leave(p, o);
	}
	let_in(p, false);
}

static void set_timer(struct purge *p, int64_t now_boot)
{
	struct itimerspec at = {0};
	int64_t first = p->again_boot, ms;

	for (size_t i = 0; i < PURGE_CONNS_MAX; i++)
		if (p->operators[i].fd >= 0 &&
		    (!first || p->operators[i].until_boot < first))
			first = p->operators[i].until_boot;
	ms = first > now_boot ? first - now_boot : 1;
	if (first)
		at.it_value = (struct timespec){
		    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	timerfd_settime(p->timer_fd, 0, &at, NULL);
}

static void end_late(struct purge *p, int64_t now_boot)
{
	if (p->again_boot && p->again_boot <= now_boot) {
		p->again_boot = 0;
		let_in(p, true);
	}
	for (size_t i = 0; i < PURGE_CONNS_MAX; i++)
		if (p->operators[i].fd >= 0 &&
		    p->operators[i].until_boot <= now_boot)
			leave(p, &p->operators[i]);
}

void purge_run(struct purge *p, int64_t now_boot, void *ctx)
{
	struct epoll_event events[EVENTS_MAX];
	const int n = epoll_wait(p->epoll_fd, events, EVENTS_MAX, 0);
	uint64_t times;

	for (int i = 0; i < n; i++) {
		const uint32_t name = events[i].data.u32;
		if (name == NAME_TIMER)
			(void)!read(p->timer_fd, &times, sizeof(times));
		else if (name < PURGE_CONNS_MAX && p->operators[name].fd >= 0)
			hear(p, &p->operators[name], ctx);
	}
	end_late(p, now_boot);
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == NAME_LISTEN)
			accept_some(p, now_boot);
	set_timer(p, now_boot);
}

int purge_fd(const struct purge *p)
{
	return p->epoll_fd;
}

enum err purge_open(const struct purge_spec *spec, struct purge **out)
{
	struct purge *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	*out = NULL;
	p->spec = *spec;
	if (!p->spec.patience_ms)
		p->spec.patience_ms = PURGE_MS;
	for (size_t i = 0; i < PURGE_CONNS_MAX; i++)
		p->operators[i].fd = -1;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->epoll_fd < 0 || p->timer_fd < 0 ||
	    !watch(p, EPOLL_CTL_ADD, spec->listen_fd, EPOLLIN, NAME_LISTEN) ||
	    !watch(p, EPOLL_CTL_ADD, p->timer_fd, EPOLLIN, NAME_TIMER)) {
		p->spec.listen_fd = -1;
		purge_close(p);
		return ERR_IO;
	}
	*out = p;
	return ERR_OK;
}

void purge_close(struct purge *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < PURGE_CONNS_MAX; i++)
		if (p->operators[i].fd >= 0)
			close(p->operators[i].fd);
	if (p->spec.listen_fd >= 0)
		close(p->spec.listen_fd);
	if (p->timer_fd >= 0)
		close(p->timer_fd);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	free(p);
}

/* ---- the other side ------------------------------------------------------ */

static enum err fail(struct diag *diag, const char *where, enum err err,
    const char *name, const char *what)
{
	diag_error(diag, POS_FILE(where), name, "%s", what);
	return err;
}

/* Its answer, which ends with the connection. */
static bool hear_number(int fd, uint64_t *n)
{
	char text[32];
	size_t have = 0;
	ssize_t got;
	char *end;

	while (have < sizeof(text) - 1 &&
	       (got = recv(fd, text + have, sizeof(text) - 1 - have, 0)) > 0)
		have += (size_t)got;
	text[have] = '\0';
	if (*text < '0' || *text > '9')
		return false;
	*n = strtoull(text, &end, 10);
	return *end == '\n';
}

enum err purge_ask(const struct listen_at *at, const char *where,
    struct str prefix, struct diag *diag, uint64_t *n)
{
	const struct timeval patience = {.tv_sec = PURGE_MS / 1000};
	char line[PURGE_LINE_MAX + 1];
	enum err err = ERR_OK;

	if (prefix.n > PURGE_LINE_MAX - sizeof(COMMAND) ||
	    str_find(prefix, '\n', 0) < prefix.n)
		return fail(diag, NULL, ERR_USAGE, "bad-value",
		    "--purge takes one line of 4,000 bytes at most");
	const int length =
	    snprintf(line, sizeof(line), COMMAND "%.*s\n", STR_ARG(prefix));
	const int fd = socket(at->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(diag, where, ERR_IO, "io-error", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&at->at, at->n) != 0)
		err = fail(diag, where, ERR_MISSING, "control-missing",
		    "nobody answers there; is lowtide-read running, with this "
		    "--control, and may you write to the socket?");
	else if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length ||
		 !hear_number(fd, n))
		err = fail(diag, where, ERR_IO, "control-silent",
		    "it did not say how many; look at its log");
	close(fd);
	return err;
}
