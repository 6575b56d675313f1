#include "cgi/upstream/exec-parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cgi/upstream/exec-folder.h"
#include "lib/clock.h"

/*
 * The worker's side: one epoll of every pipe, of the minders' words and deaths
 * and of a timer, so that whoever waits needs a single descriptor.
 *
 * A call has ended when its minder has: then nobody of the program's family is
 * left, its folder is gone, and what it wrote lies in the pipes. It stays in
 * the list, given away already, while a minder still clears up behind it.
 */
#define CLOSE_MS 10000 /* for all of them, when the pool goes */
#define WAIT_FDS_MAX 8

/* ---- time ---------------------------------------------------------------- */

static void look_at_clock(struct exec_pool *pool)
{
	const int64_t now = clock_monotonic_ms();

	for (struct exec_call *c = pool->calls; c; c = c->next) {
		if (c->ended)
			continue;
		if (c->until_ms && c->until_ms <= now && !c->exited) {
			c->until_ms = 0;
			c->late = true;
			exec_ask_to_end(c);
		}
		if (c->give_up_ms && c->give_up_ms <= now) {
			exec_tell(c, EXEC_TELL_KILL);
			exec_flush(c);
			c->ended = true;
		}
	}
}

/*
 * The timer goes off when the clock is to be looked at, and at once while
 * something lies here that nobody has taken: an end, or progress.
 */
static void arm(struct exec_pool *pool)
{
	struct itimerspec at = {0};
	int64_t due = 0;

	for (const struct exec_call *c = pool->calls; c; c = c->next) {
		if (c->given)
			continue;
		const int64_t times[] = {c->ended || c->moved ? 1 : 0,
		    c->exited ? 0 : c->until_ms, c->give_up_ms};
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
			if (times[i] && (!due || times[i] < due))
				due = times[i];
	}
	at.it_value.tv_sec = due / 1000;
	at.it_value.tv_nsec = due % 1000 * 1000000;
	timerfd_settime(pool->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- the pool ------------------------------------------------------------ */

enum err exec_open(const struct exec_spec *spec, void **out)
{
	struct epoll_event timer = {.events = EPOLLIN};
	struct exec_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		abort();
	pool->log = spec->log;
	pool->work = strdup(spec->work);
	if (!pool->work)
		abort();
	pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pool->timer_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	*out = pool;
	if (pool->epoll_fd < 0 || pool->timer_fd < 0 ||
	    epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->timer_fd, &timer) !=
		0) {
		upstream_exec.close(pool);
		*out = NULL;
		return ERR_IO;
	}
	exec_folder_sweep(pool->work);
	return ERR_OK;
}

int exec_fd(const void *p)
{
	const struct exec_pool *pool = p;
	return pool->epoll_fd;
}

static void call_free(struct exec_pool *pool, struct exec_call *call)
{
	struct exec_call **at = &pool->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	for (int i = 0; i < EXEC_PORTS; i++)
		exec_close_port(call, (enum exec_kind)i);
	buf_release(&call->out);
	free(call);
}

/* Those of whom nobody wants to know anything any more. */
static void sweep(struct exec_pool *pool)
{
	struct exec_call *call = pool->calls;

	while (call) {
		struct exec_call *next = call->next;
		if (call->given && call->gone)
			call_free(pool, call);
		call = next;
	}
}

/* It will not be given out; its minder clears up. */
static void leave(struct exec_call *call)
{
	call->given = true;
	call->exec = NULL;
	call->in = (struct str){0};
	for (int i = 0; i < EXEC_CONTROL; i++)
		exec_close_port(call, (enum exec_kind)i);
	buf_release(&call->out);
}

static void exec_close(void *p)
{
	struct exec_pool *pool = p;

	if (!pool)
		return;
	const int64_t until = clock_monotonic_ms() + CLOSE_MS;
	for (struct exec_call *c = pool->calls; c; c = c->next) {
		exec_tell(c, EXEC_TELL_KILL);
		leave(c);
	}
	for (sweep(pool); pool->calls && clock_monotonic_ms() < until;
	     sweep(pool)) {
		struct pollfd fd = {.fd = pool->epoll_fd, .events = POLLIN};
		arm(pool);
		poll(&fd, 1, 100);
		exec_pump(pool);
	}
	while (pool->calls)
		call_free(pool, pool->calls);
	if (pool->timer_fd >= 0)
		close(pool->timer_fd);
	if (pool->epoll_fd >= 0)
		close(pool->epoll_fd);
	free(pool->work);
	free(pool);
}

static int watch(struct exec_pool *pool, struct exec_call *call)
{
	for (int i = 0; i < EXEC_PORTS; i++) {
		struct epoll_event event = {
		    .events = i == EXEC_IN ? EPOLLOUT : EPOLLIN,
		    .data.ptr = &call->ports[i]};
		if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, call->ports[i].fd,
			&event) != 0)
			return errno;
	}
	return 0;
}

/*
 * 0 or errno: it never ran. Watched first, since that may fail, too. Whether it
 * may still begin is looked at last of all.
 */
static int launch(struct exec_pool *pool, struct exec_call *call,
    const int64_t *leave_by_boot)
{
	int theirs[EXEC_PORTS], reason;

	call->refused = EXEC_NO_FOLDER;
	if (mkdir(pool->work, 0700) != 0 && errno != EEXIST)
		return errno;
	call->refused = EXEC_NO_PROCESS;
	reason = exec_open_ports(call, theirs);
	if (reason == 0)
		reason = watch(pool, call);
	if (reason == 0 && leave_by_boot && *leave_by_boot <= clock_boot_ms())
		reason = ETIME;
	if (reason == 0)
		reason = exec_start_minder(pool->work, call, theirs);
	for (int i = 0; i < EXEC_PORTS; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	return reason;
}

static void exec_start(void *p, const struct upstream_call *spec, void *tag)
{
	struct exec_pool *pool = p;
	struct exec_call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	for (int i = 0; i < EXEC_PORTS; i++)
		call->ports[i] = (struct exec_port){.call = call, .fd = -1};
	call->pool = pool;
	call->tag = tag;
	call->exec = spec->exec;
	call->stop_ms = spec->exec->stop_ms;
	call->in = spec->has_body ? spec->body : (struct str){0};
	call->max =
	    spec->response_max > 0 ? spec->response_max : UPSTREAM_RESPONSE_MAX;
	call->progress.percent = -1;
	if (spec->timeout_ms > 0)
		call->until_ms = clock_monotonic_ms() + spec->timeout_ms;
	call->next = pool->calls;
	pool->calls = call;
	call->reason = launch(pool, call, spec->leave_by_boot);
	if (call->reason != 0) {
		call->is_refused = call->ended = call->gone = true;
		for (int i = 0; i < EXEC_PORTS; i++)
			exec_close_port(call, (enum exec_kind)i);
	}
	arm(pool);
}

static struct exec_call *call_of(struct exec_pool *pool, const void *tag)
{
	struct exec_call *call = pool->calls;

	while (call && (call->given || call->tag != tag))
		call = call->next;
	return call;
}

/* What its minder does just now is not known: so only what never began. */
static bool exec_unsent(void *pool, void *tag)
{
	const struct exec_call *call = call_of(pool, tag);
	return call && call->is_refused;
}

static void exec_abort(void *p, void *tag)
{
	struct exec_pool *pool = p;
	struct exec_call *call = call_of(pool, tag);

	if (!call)
		return;
	exec_tell(call, EXEC_TELL_KILL);
	leave(call);
	sweep(pool);
	arm(pool);
}

static void exec_stop(void *pool, void *tag)
{
	struct exec_call *call = call_of(pool, tag);

	if (!call || call->ended)
		return;
	exec_ask_to_end(call);
	arm(pool);
}

static bool exec_next(
    void *p, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct exec_pool *pool = p;
	struct exec_call *call;

	if (!pool->calls)
		return false;
	exec_pump(pool);
	look_at_clock(pool);
	for (call = pool->calls; call; call = call->next)
		if (call->ended && !call->given)
			break;
	if (call) {
		exec_answer(call, a, answer);
		*tag = call->tag;
		leave(call);
	}
	sweep(pool);
	arm(pool);
	return call != NULL;
}

static bool exec_moved(
    void *p, struct arena *a, void **tag, struct upstream_progress *progress)
{
	struct exec_pool *pool = p;
	struct exec_call *call;

	if (!pool->calls)
		return false;
	exec_pump(pool);
	for (call = pool->calls; call; call = call->next)
		if (call->moved && !call->ended && !call->given)
			break;
	arm(pool);
	if (!call)
		return false;
	call->moved = false;
	*tag = call->tag;
	progress->percent = call->progress.percent;
	progress->message = arena_str(a,
	    (struct str){.p = call->progress.message, .n = call->progress.n});
	return true;
}

static enum err exec_wait(
    void *p, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	struct pollfd polled[WAIT_FDS_MAX + 1];
	struct timespec limit = {.tv_sec = timeout_ms / 1000,
	    .tv_nsec = timeout_ms % 1000 * 1000000};

	if (n > WAIT_FDS_MAX)
		return ERR_INPUT;
	for (size_t i = 0; i < n; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	polled[n] = (struct pollfd){.fd = exec_fd(p), .events = POLLIN};
	int ready = ppoll(polled, n + 1, timeout_ms < 0 ? NULL : &limit, NULL);
	if (ready < 0 && errno != EINTR)
		return ERR_IO;
	for (size_t i = 0; i < n; i++)
		readable[i] = ready > 0 && polled[i].revents != 0;
	return ERR_OK;
}

const struct upstream_ops upstream_exec = {
    .name = "exec",
    .close = exec_close,
    .start = exec_start,
    .unsent = exec_unsent,
    .abort = exec_abort,
    .stop = exec_stop,
    .moved = exec_moved,
    .next = exec_next,
    .wait = exec_wait,
};
