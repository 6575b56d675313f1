#include "cgi/upstream/curl-parts.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * Sockets and time. libcurl says which sockets it waits for and when it wants
 * to be called, and is called for those alone (curl_multi_socket_action):
 * however many calls there are, a turn costs what moved in it.
 *
 * An epoll tells of all that lies in the sockets of its own accord, whether
 * they were looked at before or not. That makes a turn the last look which a
 * call gets whose time is over: what the turn did not bring had not come.
 */
#define EVENTS_MAX 256
#define WENT_OFF ((int64_t)-1) /* the timer: whatever it is set to next */
#define LAST_LOOKS 1000	       /* of an answer that keeps coming */

/* ---- what libcurl says ------------------------------------------------- */

/* Whether it is watched already is the kernel's to know. */
static void watch(
    const struct http_pool *pool, int fd, uint32_t events, bool already)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	const int first = already ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	const int then = already ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (epoll_ctl(pool->epoll_fd, first, fd, &event) == 0 ||
	    epoll_ctl(pool->epoll_fd, then, fd, &event) == 0)
		return;
	abort(); /* out of memory, or of this user's share of what it watches */
}

/* `ours` is what was assigned to the socket when it was first told of. */
static int on_socket(
    CURL *easy, curl_socket_t fd, int what, void *ctx, void *ours)
{
	struct http_pool *pool = ctx;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		pool->n_sockets -= ours != NULL;
		return 0;
	}
	if (!ours) {
		curl_multi_assign(pool->multi, fd, pool);
		pool->n_sockets++;
	}
	watch(pool, fd,
	    (what != CURL_POLL_OUT ? EPOLLIN : 0) |
		(what != CURL_POLL_IN ? EPOLLOUT : 0),
	    ours != NULL);
	return 0;
}

/* It must not be called from here. */
static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_pool *pool = ctx;

	(void)multi;
	if (timeout_ms > 0)
		pool->curl_due_ms = clock_monotonic_ms() + timeout_ms;
	else
		pool->curl_due_ms = timeout_ms == 0 ? HTTP_NOW : 0;
	return 0;
}

bool http_pool_watch(struct http_pool *pool)
{
	pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pool->timer_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	pool->now_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event timer = {
	    .events = EPOLLIN, .data.fd = pool->timer_fd};
	struct epoll_event now = {.events = EPOLLIN, .data.fd = pool->now_fd};
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
	return epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->timer_fd,
		   &timer) == 0 &&
	       epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->now_fd, &now) ==
		   0;
}

void http_pool_unwatch(struct http_pool *pool)
{
	const int fds[] = {pool->timer_fd, pool->now_fd, pool->epoll_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/*
 * Something is to be done at once: said by a descriptor of its own, as a timer
 * that is set to what has passed costs an interrupt.
 */
static void tell_now(struct http_pool *pool, bool now)
{
	uint64_t n = 1;

	if (now == pool->is_now)
		return;
	pool->is_now = now;
	if (now)
		(void)!write(pool->now_fd, &n, sizeof(n));
	else
		(void)!read(pool->now_fd, &n, sizeof(n));
}

/*
 * What is set too early goes off once for nothing, which costs less than to put
 * it off with every call; not where nothing is left to wait for.
 */
static void set_timer(struct http_pool *pool, int64_t due_ms)
{
	const struct itimerspec at = {.it_value.tv_sec = due_ms / 1000,
	    .it_value.tv_nsec = due_ms % 1000 * 1000000};

	if (due_ms == pool->armed_ms ||
	    (pool->armed_ms > 0 && due_ms > pool->armed_ms))
		return;
	timerfd_settime(pool->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
	pool->armed_ms = due_ms;
}

/*
 * The timer stands for libcurl's and the first total time-out; what lies here
 * and nobody has taken is for now.
 */
void http_pool_arm(struct http_pool *pool)
{
	const struct due *first = dues_first(&pool->dues);
	int64_t due_ms = first ? first->at_ms : 0;

	if (first && pool->curl_due_ms && pool->curl_due_ms < due_ms)
		due_ms = pool->curl_due_ms;
	tell_now(pool,
	    pool->ended.first || pool->overdue.first || due_ms == HTTP_NOW);
	if (!pool->is_now)
		set_timer(pool, due_ms);
}

/* ---- a turn ------------------------------------------------------------ */

/* An error or an end shows when it is read. */
static int bits_of(uint32_t events)
{
	return (events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? CURL_CSELECT_IN
							 : 0) |
	       (events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
}

/*
 * Sockets that stay ready come round again behind the others, so as many as
 * there are is every one of them.
 */
static void see_to_sockets(struct http_pool *pool)
{
	const size_t most = pool->n_sockets;
	struct epoll_event events[EVENTS_MAX];
	size_t seen = 0;
	int n, left;

	do {
		n = epoll_wait(pool->epoll_fd, events, EVENTS_MAX, 0);
		for (int i = 0; i < n; i++) {
			const int fd = events[i].data.fd;
			if (fd == pool->timer_fd)
				pool->armed_ms = WENT_OFF;
			else if (fd != pool->now_fd)
				curl_multi_socket_action(pool->multi, fd,
				    bits_of(events[i].events), &left);
		}
		seen += EVENTS_MAX;
	} while (n == EVENTS_MAX && seen <= most);
}

void http_pool_turn(struct http_pool *pool)
{
	struct http_call *call;
	CURLMsg *msg;
	int left;

	see_to_sockets(pool);
	if (pool->curl_due_ms && pool->curl_due_ms <= clock_monotonic_ms()) {
		pool->curl_due_ms = 0; /* it says when again */
		curl_multi_socket_action(
		    pool->multi, CURL_SOCKET_TIMEOUT, 0, &left);
	}
	while ((msg = curl_multi_info_read(pool->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		const CURLcode code = msg->data.result;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (call->stale)
			http_call_again(call);
		else
			http_call_end(call, code);
	}
}

/* ---- whose time is over ------------------------------------------------ */

static size_t seen_of(const struct http_call *call)
{
	return call->header_bytes + call->body.len;
}

void http_pool_end_late(struct http_pool *pool)
{
	const struct due *due = dues_first(&pool->dues);
	const int64_t now = due ? clock_monotonic_ms() : 0;

	for (; due && due->at_ms <= now; due = dues_first(&pool->dues)) {
		struct http_call *call =
		    (struct http_call *)(uintptr_t)(const void *)due;

		if (http_call_unsent(call)) {
			http_call_end(call, CURLE_OPERATION_TIMEDOUT);
			continue;
		}
		dues_drop(&pool->dues, &call->due);
		http_call_move(call, &pool->overdue);
		call->seen = seen_of(call);
	}
}

bool http_pool_judge(struct http_pool *pool)
{
	struct http_call *next;

	for (struct http_call *call = pool->overdue.first; call; call = next) {
		const bool moved = seen_of(call) != call->seen;

		next = call->next;
		call->seen = seen_of(call);
		if (!moved || call->looks++ == LAST_LOOKS)
			http_call_end(call, CURLE_OPERATION_TIMEDOUT);
	}
	return pool->overdue.first != NULL;
}
