#include "cgi/scrape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/str.h"

/*
 * An epoll of its own, whose descriptor is what the loop watches: readable
 * while any of these is. A timer of the kernel's is one of them, so that the
 * loop need not know of the deadlines.
 *
 * A connection reads its head, writes its answer, and then waits for the other
 * side to close: closed at once with something unread, TCP would throw away
 * what is on its way to it.
 */
#define AGAIN_MS 1000 /* before it is tried again to let somebody in */

enum step { FREE, HEAD, ANSWER, END };
struct visitor {
	enum step step;
	int fd;
	int64_t until_boot;
	char head[SCRAPE_HEAD_MAX];
	size_t n;
	struct buf out;
	size_t sent;
};
struct scrape {
	struct scrape_spec spec;
	int epoll_fd, timer_fd;
	bool full;	    /* nobody else is let in just now */
	int64_t again_boot; /* out of descriptors: not before; 0 = now */
	struct visitor visitors[SCRAPE_CONNS_MAX];
	void *ctx; /* of scrape_run() */
	int64_t now_boot;
};
enum { NAME_LISTEN = SCRAPE_CONNS_MAX, NAME_TIMER };

static bool watch(struct scrape *s, int how, int fd, uint32_t events, int name)
{
	struct epoll_event ev = {.events = events, .data.u32 = (uint32_t)name};

	return epoll_ctl(s->epoll_fd, how, fd, &ev) == 0;
}

/* ---- deadlines ----------------------------------------------------------- */

/* All have the same patience, so it is enough that the timer rings for one. */
static void set_timer(struct scrape *s)
{
	struct itimerspec at = {0};
	int64_t next = s->again_boot;

	for (int i = 0; i < SCRAPE_CONNS_MAX; i++) {
		const struct visitor *v = &s->visitors[i];
		if (v->step != FREE && (!next || v->until_boot < next))
			next = v->until_boot;
	}
	at.it_value.tv_sec = next / 1000;
	at.it_value.tv_nsec = next % 1000 * 1000000;
	timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void let_in(struct scrape *s, bool more)
{
	s->full = !more;
	watch(s, EPOLL_CTL_MOD, s->spec.listen_fd, more ? EPOLLIN : 0,
	    NAME_LISTEN);
}

static void leave(struct scrape *s, struct visitor *v)
{
	close(v->fd);
	buf_release(&v->out);
	v->step = FREE;
	if (s->full && !s->again_boot)
		let_in(s, true);
}

static void end_late(struct scrape *s)
{
	uint64_t times;

	(void)!read(s->timer_fd, &times, sizeof(times));
	if (s->again_boot && s->again_boot <= s->now_boot) {
		s->again_boot = 0;
		let_in(s, true);
	}
	for (int i = 0; i < SCRAPE_CONNS_MAX; i++) {
		struct visitor *v = &s->visitors[i];
		if (v->step != FREE && v->until_boot <= s->now_boot)
			leave(s, v);
	}
}

/* ---- answers ------------------------------------------------------------- */

struct verdict {
	const char *status;
	bool metrics, head;
};

static const struct verdict bad = {.status = "400 Bad Request"};

/* "GET /metrics HTTP/1.1": three words, and no more of it is looked at. */
static struct verdict judge(struct str head)
{
	const struct str line = str_slice(head, 0, str_find(head, '\n', 0));
	const size_t one = str_find(line, ' ', 0),
		     two = str_find(line, ' ', one + 1);
	if (two >= line.n || !one || two == one + 1 ||
	    !str_starts(str_slice(line, two + 1, line.n), "HTTP/1."))
		return bad;
	const struct str method = str_slice(line, 0, one),
			 target = str_slice(line, one + 1, two),
			 path = str_slice(target, 0, str_find(target, '?', 0));
	if (!str_is(path, "/metrics"))
		return (struct verdict){.status = "404 Not Found"};
	if (!str_is(method, "GET") && !str_is(method, "HEAD"))
		return (struct verdict){.status = "405 Method Not Allowed"};
	return (struct verdict){.status = "200 OK",
	    .metrics = true,
	    .head = str_is(method, "HEAD")};
}

static void answer(struct scrape *s, struct visitor *v, struct verdict said)
{
	struct buf body = {0};

	if (said.metrics)
		s->spec.write(s->ctx, &body);
	else
		buf_printf(&body, "%s\n", said.status);
	buf_printf(&v->out,
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
	    said.status, said.metrics ? s->spec.type : "text/plain", body.len,
	    strncmp(said.status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "");
	if (!said.head)
		buf_put(&v->out, body.data, body.len);
	buf_release(&body);
	v->step = ANSWER;
	v->sent = 0;
}

/* An empty line, whichever way lines end. */
static bool is_whole(struct str head)
{
	for (size_t i = 1; i < head.n; i++)
		if (head.p[i] == '\n' &&
		    (head.p[i - 1] == '\n' || (i > 1 && head.p[i - 1] == '\r' &&
						  head.p[i - 2] == '\n')))
			return true;
	return false;
}

/* ---- steps; false: there is nothing more to be had just now -------------- */

static bool would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool read_head(struct scrape *s, struct visitor *v)
{
	const ssize_t n =
	    recv(v->fd, v->head + v->n, sizeof(v->head) - v->n, 0);

	if (would_block(n))
		return false;
	if (n <= 0) {
		leave(s, v);
		return false;
	}
	v->n += (size_t)n;
	const struct str head = {v->head, v->n};
	if (is_whole(head))
		answer(s, v, judge(head));
	else if (v->n == sizeof(v->head))
		answer(s, v,
		    (struct verdict){
			.status = "431 Request Header Fields Too Large"});
	return true;
}

static bool write_answer(struct scrape *s, struct visitor *v)
{
	const ssize_t n = send(
	    v->fd, v->out.data + v->sent, v->out.len - v->sent, MSG_NOSIGNAL);

	if (would_block(n)) {
		watch(
		    s, EPOLL_CTL_MOD, v->fd, EPOLLOUT, (int)(v - s->visitors));
		return false;
	}
	if (n < 0) {
		leave(s, v);
		return false;
	}
	v->sent += (size_t)n;
	if (v->sent == v->out.len) {
		shutdown(v->fd, SHUT_WR);
		watch(s, EPOLL_CTL_MOD, v->fd, EPOLLIN, (int)(v - s->visitors));
		v->step = END;
	}
	return true;
}

/* Whatever else it has to say goes nowhere; not for longer than its time. */
static bool await_end(struct scrape *s, struct visitor *v)
{
	const ssize_t n = recv(v->fd, v->head, sizeof(v->head), 0);

	if (n <= 0 && !would_block(n))
		leave(s, v);
	return false;
}

static void go_on(struct scrape *s, struct visitor *v)
{
	static bool (*const steps[])(struct scrape * s, struct visitor * v) = {
	    [HEAD] = read_head,
	    [ANSWER] = write_answer,
	    [END] = await_end,
	};

	while (v->step != FREE && steps[v->step](s, v))
		;
}

/* ---- arrivals ------------------------------------------------------------ */

static struct visitor *free_place(struct scrape *s)
{
	for (int i = 0; i < SCRAPE_CONNS_MAX; i++)
		if (s->visitors[i].step == FREE)
			return &s->visitors[i];
	return NULL;
}

/* As many as there are places, of which one may have become free again. */
static void accept_some(struct scrape *s)
{
	struct visitor *v = free_place(s);

	for (int i = 0; v && i < SCRAPE_CONNS_MAX; i++) {
		const int fd = accept4(s->spec.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			s->again_boot = s->now_boot + AGAIN_MS;
			let_in(s, false);
		}
		if (fd < 0)
			return;
		*v = (struct visitor){.step = HEAD,
		    .fd = fd,
		    .until_boot = s->now_boot + s->spec.patience_ms};
		if (!watch(
			s, EPOLL_CTL_ADD, fd, EPOLLIN, (int)(v - s->visitors)))
			leave(s, v);
		else
			go_on(s, v);
		v = free_place(s);
	}
	if (!v)
		let_in(s, false);
}

void scrape_run(struct scrape *s, int64_t now_boot, void *ctx)
{
	struct epoll_event events[SCRAPE_CONNS_MAX + 2];
	const int n = epoll_wait(s->epoll_fd, events, SCRAPE_CONNS_MAX + 2, 0);

	s->ctx = ctx;
	s->now_boot = now_boot;
	for (int i = 0; i < n; i++) {
		const uint32_t name = events[i].data.u32;
		if (name == NAME_TIMER)
			end_late(s);
		else if (name < SCRAPE_CONNS_MAX)
			go_on(s, &s->visitors[name]);
	}
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == NAME_LISTEN)
			accept_some(s);
	set_timer(s);
}

/* ---- beginning and end --------------------------------------------------- */

enum err scrape_open(const struct scrape_spec *spec, struct scrape **out)
{
	struct scrape *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->spec = *spec;
	if (!s->spec.patience_ms)
		s->spec.patience_ms = SCRAPE_MS;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->epoll_fd < 0 || s->timer_fd < 0 ||
	    !watch(s, EPOLL_CTL_ADD, spec->listen_fd, EPOLLIN, NAME_LISTEN) ||
	    !watch(s, EPOLL_CTL_ADD, s->timer_fd, EPOLLIN, NAME_TIMER)) {
		s->spec.listen_fd = -1;
		scrape_close(s);
		return ERR_IO;
	}
	*out = s;
	return ERR_OK;
}

int scrape_fd(const struct scrape *s)
{
	return s->epoll_fd;
}

void scrape_close(struct scrape *s)
{
	if (!s)
		return;
	for (int i = 0; i < SCRAPE_CONNS_MAX; i++)
		if (s->visitors[i].step != FREE) {
			close(s->visitors[i].fd);
			buf_release(&s->visitors[i].out);
		}
	if (s->spec.listen_fd >= 0)
		close(s->spec.listen_fd);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
}
