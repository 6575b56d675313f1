#include "cgi/store/turnstile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * flock() belongs to an open file: each handle opens both files itself, so two
 * handles of one process exclude each other as two processes do, and the kernel
 * lets go for one that died. The order turn, write is the same everywhere, and
 * turn is never held while writing.
 */
#define FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW)

/* What is new is the group's as well, whatever our umask says. */
static int open_or_make(const char *path)
{
	int fd = open(path, FLAGS);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open(path, FLAGS | O_CREAT | O_EXCL, 0660);
	if (fd >= 0)
		(void)!fchmod(fd, 0660);
	else if (errno == EEXIST) /* somebody was faster */
		fd = open(path, FLAGS);
	return fd;
}

enum err turnstile_file(
    const char *dir, const char *name, struct diag *diag, int *fd)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		diag_error(diag, POS_FILE(dir), "io-error",
		    "the path is too long; use a shorter folder");
		return ERR_IO;
	}
	*fd = open_or_make(path);
	if (*fd >= 0)
		return ERR_OK;
	const int why = errno;
	const char *advice = "give its folder to the user that runs lowtide";

	if (why == ENOSPC)
		advice = "free some space on that disk";
	else if (why == EMFILE || why == ENFILE)
		advice = "see `ulimit -n`";
	else if (why == EROFS)
		advice = "name a folder that can be written with --state";
	diag_error(diag, POS_FILE(path), "io-error",
	    "it cannot be opened for writing: %s; %s", strerror(why), advice);
	return why == ENOSPC ? ERR_FULL : ERR_IO;
}

/* Its work is done when it came: flock() has returned. */
static void wake_up(int signal)
{
	(void)signal;
}

enum err turnstile_open(
    const char *dir, struct diag *diag, struct turnstile *out)
{
	const struct sigaction action = {.sa_handler = wake_up};
	enum err err;

	sigaction(TURNSTILE_SIGNAL, &action, NULL);
	*out = (struct turnstile){.turn_fd = -1, .write_fd = -1};
	err = turnstile_file(dir, "turn.lock", diag, &out->turn_fd);
	if (!err)
		err = turnstile_file(dir, "write.lock", diag, &out->write_fd);
	if (err)
		turnstile_close(out);
	return err;
}

void turnstile_close(struct turnstile *t)
{
	if (t->turn_fd >= 0)
		close(t->turn_fd);
	if (t->write_fd >= 0)
		close(t->write_fd);
	*t = (struct turnstile){.turn_fd = -1, .write_fd = -1};
}

/* ---- waiting ----------------------------------------------------------- */

/*
 * flock() itself knows no limit. A timer of this thread interrupts it; only at
 * the end, so that whoever waits keeps his place in the queue, and again and
 * again from then on, in case it fired just before the wait began. With nobody
 * in the way there is no timer at all.
 */
#define AGAIN_MS 10
struct wait {
	int64_t limit_ms;
	bool has_timer;
	timer_t timer;
	int64_t until;
	sigset_t mask; /* the thread's own */
};

/* false: there is no timer to be had. */
static bool wait_begin(struct wait *w)
{
	struct sigevent event = {
	    .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TURNSTILE_SIGNAL};
	const struct itimerspec at = {
	    .it_value = {.tv_sec = w->limit_ms / 1000,
		.tv_nsec = w->limit_ms % 1000 * 1000000},
	    .it_interval = {.tv_nsec = AGAIN_MS * 1000000}};
	sigset_t set;

	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &w->timer))
		return false;
	w->has_timer = true;
	sigemptyset(&set);
	sigaddset(&set, TURNSTILE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, &w->mask);
	timer_settime(w->timer, 0, &at, NULL);
	return true;
}

/* No signal of it is left: what was due came while it was not blocked. */
static void wait_end(struct wait *w)
{
	if (!w->has_timer)
		return;
	timer_delete(w->timer);
	pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
}

/*
 * Timers count among a user's queued signals, and those have a limit. Then it
 * is tried now and then: without a place in the queue, but not without end.
 */
static enum err lock_now_and_then(int fd, const struct wait *w)
{
	const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return ERR_IO;
		if (clock_monotonic_ms() >= w->until)
			return ERR_BUSY;
		nanosleep(&pause, NULL);
	}
	return ERR_OK;
}

/* At once, or at the latest when the wait is over. */
static enum err lock(int fd, struct wait *w)
{
	enum err err = ERR_OK;

	if (!flock(fd, LOCK_EX | LOCK_NB))
		return ERR_OK;
	if (errno != EWOULDBLOCK)
		return ERR_IO;
	if (w->limit_ms <= 0)
		return ERR_BUSY;
	if (!w->until)
		w->until = clock_monotonic_ms() + w->limit_ms;
	if (!w->has_timer && !wait_begin(w))
		return lock_now_and_then(fd, w);
	while (!err && flock(fd, LOCK_EX)) {
		if (errno != EINTR)
			err = ERR_IO;
		else if (clock_monotonic_ms() >= w->until)
			err = ERR_BUSY;
	}
	return err;
}

enum err turnstile_enter(struct turnstile *t, int64_t limit_ms)
{
	struct wait w = {.limit_ms = limit_ms};
	enum err err = lock(t->turn_fd, &w);

	if (!err) {
		err = lock(t->write_fd, &w);
		flock(t->turn_fd, LOCK_UN);
	}
	wait_end(&w);
	return err;
}

void turnstile_leave(struct turnstile *t)
{
	flock(t->write_fd, LOCK_UN);
}
