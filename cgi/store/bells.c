#include "cgi/store/bells.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/store/turnstile.h"

/*
 * Ringing writes one byte in place: the file does not grow and the store does
 * not sync it; only that it was written is news. Listening is an inotify
 * descriptor for each watch, which is emptied whole: rings that came together
 * are one.
 */
static const struct bell_row {
	enum bell bell;
	const char *file;
} rows[BELLS_COUNT] = {
    {BELL_ACCEPTED, "accepted.bell"},
    {BELL_SETTLED, "settled.bell"},
};

#define ALL_BELLS ((unsigned)BELL_ACCEPTED | (unsigned)BELL_SETTLED)

/* The byte is there before it is needed: a ring on a full disk is heard. */
static enum err give_it_room(const char *dir, struct diag *diag, int fd)
{
	struct stat st;

	if (!fstat(fd, &st) && (st.st_size > 0 || pwrite(fd, "!", 1, 0) == 1))
		return ERR_OK;
	diag_error(diag, POS_FILE(dir), "store-full",
	    "its bells cannot be written; free some space on that disk");
	return ERR_FULL;
}

enum err bells_open(const char *dir, struct diag *diag, struct bells *out)
{
	*out = (struct bells){.dir = dir, .fd = {-1, -1}};
	for (size_t i = 0; i < BELLS_COUNT; i++) {
		enum err err =
		    turnstile_file(dir, rows[i].file, diag, &out->fd[i]);
		if (!err)
			err = give_it_room(dir, diag, out->fd[i]);
		if (err) {
			bells_close(out);
			return err;
		}
	}
	return ERR_OK;
}

void bells_close(struct bells *bells)
{
	for (size_t i = 0; i < BELLS_COUNT; i++) {
		if (bells->fd[i] >= 0)
			close(bells->fd[i]);
		bells->fd[i] = -1;
	}
	for (size_t i = 0; i < bells->n_watches; i++)
		close(bells->watches[i].fd);
	bells->n_watches = 0;
}

void bells_ring(struct bells *bells, unsigned which)
{
	for (size_t i = 0; i < BELLS_COUNT; i++)
		if (which & (unsigned)rows[i].bell)
			(void)!pwrite(bells->fd[i], "!", 1, 0);
}

enum err bells_watch(struct bells *bells, unsigned which, int *fd)
{
	struct bells_watch watch = {.wd = {-1, -1}};
	char path[PATH_MAX];

	if (bells->n_watches == BELLS_WATCHES_MAX)
		return ERR_FULL;
	watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch.fd < 0)
		return ERR_IO;
	for (size_t i = 0; i < BELLS_COUNT; i++) {
		if (!(which & (unsigned)rows[i].bell))
			continue;
		snprintf(path, sizeof(path), "%s/%s", bells->dir, rows[i].file);
		watch.wd[i] = inotify_add_watch(watch.fd, path, IN_MODIFY);
		if (watch.wd[i] < 0) {
			close(watch.fd);
			return ERR_IO;
		}
	}
	bells->watches[bells->n_watches++] = watch;
	*fd = watch.fd;
	return ERR_OK;
}

static unsigned bell_of(
    const struct bells_watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return ALL_BELLS;
	for (size_t i = 0; i < BELLS_COUNT; i++)
		if (event->wd == watch->wd[i])
			return (unsigned)rows[i].bell;
	return 0;
}

unsigned bells_heard(struct bells *bells, int fd)
{
	alignas(struct inotify_event) char events[4096];
	const struct bells_watch *watch = NULL;
	unsigned heard = 0;
	ssize_t n;

	for (size_t i = 0; i < bells->n_watches; i++)
		if (bells->watches[i].fd == fd)
			watch = &bells->watches[i];
	if (!watch)
		return 0;
	while ((n = read(fd, events, sizeof(events))) > 0 ||
	       (n < 0 && errno == EINTR)) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event =
			    (const void *)(events + at);
			heard |= bell_of(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return heard;
}
