#include "cgi/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/committer.h"
#include "cgi/conn.h"
#include "lib/clock.h"

/*
 * One turn: wait, take the time, see to events, to connections that had more
 * than their share last turn, to a slice of those who wait, to what is late.
 * Nothing in a turn blocks and nothing in it is unbounded.
 */
#define EVENTS_MAX 256
#define ACCEPTS_MAX 64	    /* of one turn */
#define VIEW_STEPS 16	    /* between two looks at the clock */
#define CHANGES_MAX 256	    /* that are back, taken in one turn */
#define SCAN_MAX 256	    /* parked requests asked for in one turn */
#define ACCEPT_PAUSE_MS 100 /* when descriptors have run out */

/* In epoll's data, where no connection's name can be. */
#define NAME_LISTEN (UINT64_MAX - 0)
#define NAME_SIGNAL (UINT64_MAX - 1)
#define NAME_BELL (UINT64_MAX - 2)
#define NAME_COMMIT (UINT64_MAX - 3)
#define NAME_ASIDE (UINT64_MAX - 4)

static void take_time(struct loop *loop)
{
	loop->now.wall_ms = clock_wall_ms();
	loop->now.boot_ms = clock_boot_ms();
}

static bool is_due(const struct loop *loop, int64_t boot_ms)
{
	return boot_ms && boot_ms <= loop->now.boot_ms;
}

/* What was read until now is old. */
static void rest(struct loop *loop)
{
	if (loop->spec->rest)
		loop->spec->rest(loop->spec->ctx);
	loop->steps = 0;
}

/* The next of the numbers that begin with the seed: splitmix64. */
int64_t loop_random(struct loop *loop, int64_t below)
{
	uint64_t x = loop->seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return below > 0 ? (int64_t)(x % (uint64_t)below) : 0;
}

/* A clock costs little, but more than a step that asks for nothing. */
void loop_step(struct loop *loop)
{
	loop->busy_boot = loop->now.boot_ms;
	if (++loop->steps % VIEW_STEPS ||
	    clock_boot_ms() < loop->now.boot_ms + LOOP_VIEW_MS)
		return;
	rest(loop);
	take_time(loop);
}

/* ---- new connections ----------------------------------------------------- */

static void listen_for(struct loop *loop, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = NAME_LISTEN};

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, loop->listen_fd, &ev);
}

/*
 * No descriptor is left: one that owes us a request is closed for the new one,
 * unless it has sent it meanwhile; if there is none, the backlog waits a
 * moment.
 */
static void make_room(struct loop *loop)
{
	struct conn *oldest = TAILQ_FIRST(&loop->incomplete);

	if (oldest) {
		conn_read(loop, oldest);
		if (TAILQ_FIRST(&loop->incomplete) == oldest)
			conn_close(loop, oldest);
		return;
	}
	listen_for(loop, 0);
	loop->accept_boot = loop->now.boot_ms + ACCEPT_PAUSE_MS;
}

/*
 * accept4() takes a descriptor before it looks whether anybody is there, so it
 * complains of none where nobody wants one.
 */
static bool is_anybody_there(const struct loop *loop)
{
	struct pollfd listening = {.fd = loop->listen_fd, .events = POLLIN};

	return poll(&listening, 1, 0) == 1;
}

/* False: there is nobody left in the backlog, or no room. */
static bool accept_some(struct loop *loop)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(
		    loop->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if ((errno == EMFILE || errno == ENFILE ||
				errno == ENOBUFS || errno == ENOMEM) &&
			    is_anybody_there(loop))
				make_room(loop);
			return false;
		}
		struct conn *c = conn_new(loop, fd);
		if (c)
			conn_read(loop, c);
	}
	return true;
}

/* ---- the end ------------------------------------------------------------- */

/*
 * Those who wait are answered in any order over a while, a millisecond each
 * but LOOP_RELEASE_MS at most: they would come back together otherwise.
 */
static void release_all(struct loop *loop)
{
	uint32_t at = 0, count = park_count(loop->park);
	int64_t span = count < LOOP_RELEASE_MS ? count : LOOP_RELEASE_MS;
	struct park_name name;

	while (park_next(loop->park, &at, &name)) {
		int64_t then = loop->now.boot_ms + loop->spec->patience_ms +
			       loop_random(loop, span);
		const struct park_slot *slot = park_get(loop->park, name);
		if (slot && slot->waiting.deadline_boot > then)
			park_until(loop->park, name, then);
	}
}

static void drain(struct loop *loop)
{
	if (loop->drain_boot) {
		loop->stop = true;
		return;
	}
	for (int i = 0; i < LOOP_BACKLOG / ACCEPTS_MAX; i++)
		if (!accept_some(loop))
			break;
	close(loop->listen_fd);
	loop->listen_fd = -1;
	loop->accept_boot = 0;
	loop->drain_boot = loop->now.boot_ms + LOOP_DRAIN_MS;
	release_all(loop);
	for (uint32_t i = 0; i < loop->n_conns; i++) {
		struct conn *c = loop->conns[i];
		if (c->fd < 0 || c->state != CONN_READING)
			continue;
		conn_read(loop, c); /* what has been sent is still answered */
		if (c->fd >= 0 && !c->ready && c->state == CONN_READING &&
		    !conn_is_inside(c))
			conn_close(loop, c);
	}
}

static void take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			drain(loop);
		} else if (!loop->drain_boot) {
			rest(loop);
			loop->spec->reload(loop->spec->ctx);
		}
	}
}

/* ---- nobody is here ------------------------------------------------------ */

static bool is_busy(const struct loop *loop)
{
	return park_count(loop->park) || loop->n_changes ||
	       !TAILQ_EMPTY(&loop->incomplete) ||
	       !TAILQ_EMPTY(&loop->stalled) || !TAILQ_EMPTY(&loop->ready);
}

/* When it is to be asked whether to leave; 0 = not by time. */
static int64_t idle_due(const struct loop *loop)
{
	if (!loop->spec->idle_ms || loop->drain_boot || is_busy(loop))
		return 0;
	return loop->busy_boot + loop->spec->idle_ms;
}

static void leave_if_idle(struct loop *loop)
{
	if (!is_due(loop, idle_due(loop)))
		return;
	loop->busy_boot = loop->now.boot_ms;
	if (loop->spec->idle(loop->spec->ctx))
		drain(loop);
}

/* ---- those who wait ------------------------------------------------------ */

static void take_bell(struct loop *loop)
{
	const struct loop_spec *spec = loop->spec;

	if (!spec->heard(spec->ctx, spec->bell_fd))
		return;
	loop->look_boot = loop->now.boot_ms;
	if (loop->recheck_ms >= 0)
		loop->recheck_boot = loop->now.boot_ms + loop->recheck_ms;
}

/*
 * Who waits for what has changed? Once a turn at most, however often it rang,
 * and in what is to be read now: a request of this turn that parked on
 * something older is in the table already.
 */
static void look(struct loop *loop)
{
	const struct loop_spec *spec = loop->spec;

	if (is_due(loop, loop->recheck_boot)) {
		loop->recheck_boot = 0;
		loop->look_boot = loop->now.boot_ms;
	}
	if (!is_due(loop, loop->look_boot))
		return;
	loop->look_boot = 0;
	rest(loop);
	loop->looked_boot = loop->now.boot_ms;
	if (!spec->changed)
		park_wake_all(loop->park);
	else if (!spec->changed(spec->ctx, loop->park))
		loop->look_boot = loop->now.boot_ms + LOOP_AGAIN_MS;
}

static void wake_some(struct loop *loop)
{
	struct park_name name;

	for (int i = 0; i < SCAN_MAX && park_woken(loop->park, &name); i++)
		conn_resume(loop, name, false);
}

/* ---- changes that are back ----------------------------------------------- */

/*
 * All are taken before the first is answered, and what was read until now is
 * let go in between: so no answer is older than its change.
 */
static void take_changes(struct loop *loop)
{
	const struct loop_spec *spec = loop->spec;
	struct change_list back = TAILQ_HEAD_INITIALIZER(back);
	struct change *change;

	for (int i = 0; i < CHANGES_MAX; i++) {
		change = spec->done(spec->ctx);
		if (!change)
			break;
		TAILQ_INSERT_TAIL(&back, change, in_list);
	}
	rest(loop);
	while ((change = TAILQ_FIRST(&back)) != NULL) {
		TAILQ_REMOVE(&back, change, in_list);
		conn_committed(loop, change);
	}
}

/* ---- time ---------------------------------------------------------------- */

static void close_late(struct loop *loop, struct conn_list *list, int64_t ms)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(list)) != NULL &&
	       c->since_boot + ms <= loop->now.boot_ms)
		conn_close(loop, c);
}

static void refuse_late(struct loop *loop)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&loop->committing)) != NULL &&
	       c->since_boot + loop->commit_ms <= loop->now.boot_ms)
		conn_overdue(loop, c);
}

static void take_due(struct loop *loop)
{
	struct park_name name;

	for (int i = 0; i < SCAN_MAX && park_first(loop->park, &name) &&
			park_earliest(loop->park) <= loop->now.boot_ms;
	     i++)
		conn_resume(loop, name, false);
	close_late(loop, &loop->incomplete, loop->incomplete_ms);
	close_late(loop, &loop->stalled, loop->stalled_ms);
	close_late(loop, &loop->stuck, loop->stuck_ms);
	refuse_late(loop);
	if (is_due(loop, loop->accept_boot)) {
		loop->accept_boot = 0;
		listen_for(loop, EPOLLIN);
	}
	if (is_due(loop, loop->drain_boot))
		loop->stop = true;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return b && b < a ? b : a;
}

static int64_t list_due(const struct conn_list *list, int64_t ms)
{
	const struct conn *c = TAILQ_FIRST(list);

	return c ? c->since_boot + ms : 0;
}

/* Until when nothing has to be done by itself, for epoll_wait. */
static int patience(const struct loop *loop)
{
	int64_t at = park_earliest(loop->park);

	if (park_has_woken(loop->park) || !TAILQ_EMPTY(&loop->ready))
		return 0;
	at = earlier(at, list_due(&loop->incomplete, loop->incomplete_ms));
	at = earlier(at, list_due(&loop->stalled, loop->stalled_ms));
	at = earlier(at, list_due(&loop->stuck, loop->stuck_ms));
	at = earlier(at, list_due(&loop->committing, loop->commit_ms));
	at = earlier(at, loop->recheck_boot);
	at = earlier(at, loop->look_boot);
	at = earlier(at, loop->accept_boot);
	at = earlier(at, loop->drain_boot);
	at = earlier(at, idle_due(loop));
	if (at == INT64_MAX)
		return -1;
	if (at <= loop->now.boot_ms)
		return 0;
	at -= loop->now.boot_ms;
	return at > 3600000 ? 3600000 : (int)at;
}

/* ---- aside ----------------------------------------------------------------
 */

static void step_aside(struct loop *loop)
{
	const struct loop_load load = {
	    .connections = conns_open(loop),
	    .parked = park_count(loop->park) - loop->n_streams,
	    .streams = loop->n_streams,
	    .committing = loop->n_changes,
	};

	loop->spec->aside(loop->spec->ctx, loop->now, &load);
}

/* ---- turns --------------------------------------------------------------- */

static void take_event(struct loop *loop, const struct epoll_event *ev)
{
	struct conn *c;

	if (ev->data.u64 == NAME_LISTEN && loop->listen_fd >= 0)
		accept_some(loop);
	else if (ev->data.u64 == NAME_SIGNAL)
		take_signals(loop);
	else if (ev->data.u64 == NAME_BELL)
		take_bell(loop);
	else if (ev->data.u64 == NAME_COMMIT)
		take_changes(loop);
	else if (ev->data.u64 == NAME_ASIDE)
		step_aside(loop);
	else if ((c = conn_find(loop, ev->data.u64)) != NULL)
		conn_event(loop, c, ev->events);
}

static void take_ready(struct loop *loop)
{
	struct conn *c;
	int n = 0;

	TAILQ_FOREACH(c, &loop->ready, in_ready) n++;
	while (n-- > 0 && (c = TAILQ_FIRST(&loop->ready)) != NULL) {
		TAILQ_REMOVE(&loop->ready, c, in_ready);
		c->ready = false;
		conn_read(loop, c);
	}
}

static bool turn(struct loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, patience(loop));

	if (n < 0 && errno != EINTR)
		return false;
	take_time(loop);
	if (is_busy(loop))
		loop->busy_boot = loop->now.boot_ms;
	for (int i = 0; i < n; i++)
		take_event(loop, &events[i]);
	take_ready(loop);
	take_due(loop);
	look(loop);
	wake_some(loop);
	rest(loop);
	leave_if_idle(loop);
	return true;
}

/* ---- beginning and end --------------------------------------------------- */

static bool add(struct loop *loop, int fd, uint64_t name)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = name};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool desk_open(struct loop *loop)
{
	loop->desk_spare = memfd_create("desk", MFD_CLOEXEC);
	if (loop->desk_spare < 0 ||
	    posix_fallocate(loop->desk_spare, 0, CONN_SCRATCH) != 0)
		return false;
	loop->desk_fd = fcntl(loop->desk_spare, F_DUPFD_CLOEXEC, 0);
	loop->desk = mmap(NULL, CONN_SCRATCH, PROT_READ | PROT_WRITE,
	    MAP_SHARED, loop->desk_spare, 0);
	if (loop->desk == MAP_FAILED)
		loop->desk = NULL;
	return loop->desk_fd >= 0 && loop->desk;
}

static bool signals_open(struct loop *loop)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (loop->spec->reload)
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	loop->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return loop->signal_fd >= 0;
}

static enum err loop_open(struct loop *loop, const struct loop_spec *spec)
{
	*loop = (struct loop){
	    .spec = spec,
	    .incomplete_ms =
		spec->incomplete_ms ? spec->incomplete_ms : LOOP_INCOMPLETE_MS,
	    .stalled_ms = spec->stalled_ms ? spec->stalled_ms : LOOP_STALLED_MS,
	    .commit_ms = spec->commit_ms ? spec->commit_ms : LOOP_COMMIT_MS,
	    .stuck_ms = spec->stuck_ms ? spec->stuck_ms : LOOP_STREAM_STUCK_MS,
	    .recheck_ms = spec->recheck_ms ? spec->recheck_ms : LOOP_RECHECK_MS,
	    .streams_max =
		spec->streams_max ? spec->streams_max : LOOP_STREAMS_MAX,
	    .conns_max = spec->conns_max ? spec->conns_max : LOOP_CONNS_MAX,
	    .seed = spec->seed,
	    .listen_fd = spec->listen_fd,
	    .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
	    .signal_fd = -1,
	    .scratch = malloc(CONN_SCRATCH),
	    .desk_fd = -1,
	    .desk_spare = -1,
	    .parser = parser_open(),
	    .park = park_new(LOOP_PARKED_MAX),
	};
	if (!loop->scratch)
		abort();
	TAILQ_INIT(&loop->incomplete);
	TAILQ_INIT(&loop->stalled);
	TAILQ_INIT(&loop->stuck);
	TAILQ_INIT(&loop->committing);
	TAILQ_INIT(&loop->ready);
	take_time(loop);
	loop->busy_boot = loop->now.boot_ms;
	if (parse_init() != ERR_OK || loop->epoll_fd < 0 || !desk_open(loop) ||
	    !signals_open(loop) || !add(loop, loop->listen_fd, NAME_LISTEN) ||
	    !add(loop, loop->signal_fd, NAME_SIGNAL))
		return ERR_IO;
	if (spec->bell_fd >= 0 && !add(loop, spec->bell_fd, NAME_BELL))
		return ERR_IO;
	if (spec->done && spec->commit_fd >= 0 &&
	    !add(loop, spec->commit_fd, NAME_COMMIT))
		return ERR_IO;
	if (spec->aside && !add(loop, spec->aside_fd, NAME_ASIDE))
		return ERR_IO;
	return ERR_OK;
}

static void loop_close(struct loop *loop)
{
	const int fds[] = {loop->epoll_fd, loop->signal_fd, loop->listen_fd,
	    loop->desk_fd, loop->desk_spare};

	conns_release(loop);
	park_free(loop->park);
	parser_close(loop->parser);
	if (loop->desk)
		munmap(loop->desk, CONN_SCRATCH);
	free(loop->scratch);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	writer_release(&loop->out);
	buf_release(&loop->answer);
	arena_release(&loop->arena);
}

static bool is_over(const struct loop *loop)
{
	return loop->stop ||
	       (loop->drain_boot && !conns_open(loop) && !loop->n_changes);
}

enum err loop_run(const struct loop_spec *spec)
{
	struct loop loop;
	enum err err = loop_open(&loop, spec);

	while (!err && !is_over(&loop))
		if (!turn(&loop))
			err = ERR_IO;
	loop_close(&loop);
	return err;
}
