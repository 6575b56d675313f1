#include "cgi/committer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * Two lists under one lock: `waiting`, oldest first, and `done`, in the same
 * order, because a batch is taken from the head of the one and put at the tail
 * of the other. A batch that found the store busy goes back to the head, so
 * nobody overtakes it. Nothing is held while the store is at work.
 *
 * The eventfd is written when `done` gets its first and read when it loses its
 * last, both under the lock: it is readable exactly while there is something.
 */
#define SLEEP_MAX_MS 3600000
#define AGAIN_MS 20 /* before a store that was busy is asked again */

struct committer {
	struct committer_spec spec;
	pthread_t thread;
	int event_fd;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* on the monotonic clock */
	struct change_list waiting, done;
	size_t n_waiting, n_bytes; /* of those waiting */
	bool stop;
};

/* ---- changes ------------------------------------------------------------- */

struct change *change_new(enum change_kind kind, size_t api)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		abort();
	change->kind = kind;
	change->api = api;
	arena_init(&change->arena);
	return change;
}

void change_free(struct change *change)
{
	if (!change)
		return;
	buf_release(&change->request);
	buf_release(&change->meta);
	arena_release(&change->arena);
	free(change);
}

static size_t change_bytes(const struct change *change)
{
	return change->request.len + change->meta.len;
}

static void free_all(struct change_list *list)
{
	struct change *change;

	while ((change = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, change, in_list);
		change_free(change);
	}
}

/* ---- the work ------------------------------------------------------------ */

/*
 * What is said about one job; anything else is the store's own trouble.
 * ERR_FULL may be either: no room for a new job, and the others go on; or it
 * came in the middle of one, and then nothing of the transaction is committed.
 */
static bool is_answer(enum err err)
{
	return store_is_answer(err) || err == ERR_FULL;
}

static enum err apply_accept(struct store *store, struct change *change)
{
	return store_accept(store, change->api, &change->job,
	    buf_str(&change->request), buf_str(&change->meta));
}

static enum err apply_event(struct store *store, struct change *change)
{
	return store_change(
	    store, change->api, &change->job, &change->event, (struct str){0});
}

static enum err apply_renewal(struct store *store, struct change *change)
{
	return store_renew(store, change->api, &change->job, &change->event,
	    buf_str(&change->request));
}

static enum err apply_flag(struct store *store, struct change *change)
{
	return store_flag(store, change->flag, change->event.now_ms);
}

/* Inside a transaction; CHANGE_RECONFIGURE has its place between two. */
static enum err (*const kinds[CHANGE_KINDS])(
    struct store *store, struct change *change) = {
    [CHANGE_ACCEPT] = apply_accept,
    [CHANGE_CANCEL] = apply_event,
    [CHANGE_PURGE] = apply_event,
    [CHANGE_READ] = apply_event,
    [CHANGE_RENEW] = apply_renewal,
    [CHANGE_FLAG] = apply_flag,
};

/* None of them has happened. */
static void fail_some(struct change *change, size_t n, enum err err)
{
	for (; change && n; n--) {
		change->err = err;
		change->job = change->before;
		change = TAILQ_NEXT(change, in_list);
	}
}

/*
 * From `first` on, at most n of them, in one transaction: all of them are
 * durable afterwards, or none. *poisoned: because of one of them.
 */
static enum err commit_some(
    struct store *store, struct change *first, size_t n, bool *poisoned)
{
	struct change *change = first;
	enum err err = store_begin(store);
	bool full = false;

	*poisoned = false;
	for (size_t i = 0; !err && change && i < n; i++) {
		change->err = kinds[change->kind](store, change);
		if (!is_answer(change->err)) {
			*poisoned = true;
			err = change->err;
			store_rollback(store);
		} else if (change->err == ERR_FULL) {
			full = true;
			change->job = change->before;
		}
		change = TAILQ_NEXT(change, in_list);
	}
	if (!err) {
		err = store_commit(store);
		*poisoned = err && full;
	}
	if (err)
		fail_some(first, n, err);
	return err;
}

/* A store that is busy is busy for the rest as well: each would wait anew. */
static void commit_each(struct store *store, struct change *change)
{
	enum err err = ERR_OK;
	bool poisoned;

	for (; change && err != ERR_BUSY; change = TAILQ_NEXT(change, in_list))
		err = commit_some(store, change, 1, &poisoned);
	if (change)
		fail_some(change, SIZE_MAX, ERR_BUSY);
}

void changes_commit(struct store *store, struct change_list *list)
{
	struct change *first = TAILQ_FIRST(list), *change;
	bool poisoned;

	if (!first)
		return;
	TAILQ_FOREACH(change, list, in_list)
	{
		change->before = change->job;
	}
	enum err err = commit_some(store, first, SIZE_MAX, &poisoned);
	if (poisoned && err != ERR_BUSY && TAILQ_NEXT(first, in_list))
		commit_each(store, first);
}

/* ---- the queue; all of it with the lock held ----------------------------- */

static void enqueue(struct committer *c, struct change *change, bool first)
{
	if (first)
		TAILQ_INSERT_HEAD(&c->waiting, change, in_list);
	else
		TAILQ_INSERT_TAIL(&c->waiting, change, in_list);
	c->n_waiting++;
	c->n_bytes += change_bytes(change);
}

static struct change *dequeue(struct committer *c)
{
	struct change *change = TAILQ_FIRST(&c->waiting);

	TAILQ_REMOVE(&c->waiting, change, in_list);
	c->n_waiting--;
	c->n_bytes -= change_bytes(change);
	return change;
}

static void finish(struct committer *c, struct change *change)
{
	if (TAILQ_EMPTY(&c->done))
		eventfd_write(c->event_fd, 1);
	TAILQ_INSERT_TAIL(&c->done, change, in_list);
}

/* They wait in the order of their time, so those that are over come first. */
static void finish_late(struct committer *c)
{
	const int64_t now = c->spec.boot_ms();

	while (!TAILQ_EMPTY(&c->waiting) &&
	       TAILQ_FIRST(&c->waiting)->until_boot <= now) {
		struct change *change = dequeue(c);
		change->err = ERR_BUSY;
		finish(c, change);
	}
}

static bool stands_alone(const struct change *change)
{
	return change->kind == CHANGE_RECONFIGURE;
}

static void take_batch(struct committer *c, struct change_list *batch)
{
	size_t n = 0, bytes = 0;

	TAILQ_INIT(batch);
	while (!TAILQ_EMPTY(&c->waiting) && n < COMMITTER_BATCH_MAX &&
	       bytes < COMMITTER_BATCH_BYTES) {
		if (n && stands_alone(TAILQ_FIRST(&c->waiting)))
			break;
		struct change *change = dequeue(c);
		n++;
		bytes += change_bytes(change);
		TAILQ_INSERT_TAIL(batch, change, in_list);
		if (stands_alone(change))
			break;
	}
}

/* Those for which the store was busy are at the end. True: there are any. */
static bool give_back(struct committer *c, struct change_list *batch)
{
	struct change *change;

	while ((change = TAILQ_FIRST(batch)) && change->err != ERR_BUSY) {
		TAILQ_REMOVE(batch, change, in_list);
		finish(c, change);
	}
	if (!change)
		return false;
	while ((change = TAILQ_LAST(batch, change_list))) {
		TAILQ_REMOVE(batch, change, in_list);
		enqueue(c, change, true);
	}
	return true;
}

/*
 * Until it is signalled or so many milliseconds have passed; -1 = no end. Not
 * longer than an hour: this clock stands still while the machine sleeps.
 */
static void sleep_ms(struct committer *c, int64_t ms)
{
	if (ms < 0) {
		pthread_cond_wait(&c->wake, &c->lock);
		return;
	}
	if (ms > SLEEP_MAX_MS)
		ms = SLEEP_MAX_MS;
	const int64_t until = clock_monotonic_ms() + ms;
	const struct timespec at = {
	    .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
	pthread_cond_timedwait(&c->wake, &c->lock, &at);
}

/* ---- the thread ---------------------------------------------------------- */

static void commit_batch(struct committer *c)
{
	struct change_list batch;

	take_batch(c, &batch);
	pthread_mutex_unlock(&c->lock);
	struct change *first = TAILQ_FIRST(&batch);
	if (stands_alone(first))
		first->err = store_reconfigure(c->spec.store, first->config);
	else
		changes_commit(c->spec.store, &batch);
	pthread_mutex_lock(&c->lock);
	if (give_back(c, &batch) && !c->stop)
		sleep_ms(c, AGAIN_MS);
}

/* A few short transactions; an error only means that it is done later. */
static void tend(struct committer *c)
{
	const struct store_now now = {
	    .ms = c->spec.wall_ms(), .boot = c->spec.boot_ms()};
	struct store_tended report;
	int64_t due_boot;

	pthread_mutex_unlock(&c->lock);
	(void)!store_tend(c->spec.store, now, &report, &due_boot);
	const bool news =
	    report.emptied || report.deleted || report.clock_changed;
	if (c->spec.tended && news)
		c->spec.tended(c->spec.ctx, &report);
	pthread_mutex_lock(&c->lock);
}

/* Milliseconds until the store wants to be tended; -1 = nothing waits. */
static int64_t until_due(const struct committer *c)
{
	const int64_t due = store_due_boot(c->spec.store);
	const int64_t left = due ? due - c->spec.boot_ms() : -1;

	return due && left < 0 ? 0 : left;
}

/*
 * Housekeeping and changes take turns, so that neither waits for the end of
 * the other.
 */
static void *run(void *arg)
{
	struct committer *c = arg;

	pthread_mutex_lock(&c->lock);
	tend(c);
	while (!c->stop) {
		if (until_due(c) == 0)
			tend(c);
		finish_late(c);
		if (!TAILQ_EMPTY(&c->waiting))
			commit_batch(c);
		else if (!c->stop)
			sleep_ms(c, until_due(c));
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- for the loop -------------------------------------------------------- */

static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) ||
	    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
	    pthread_cond_init(wake, &attr))
		abort();
	pthread_condattr_destroy(&attr);
}

static bool start_thread(struct committer *c)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	errno = pthread_create(&c->thread, NULL, run, c);
	const bool started = errno == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

static void release(struct committer *c)
{
	free_all(&c->waiting);
	free_all(&c->done);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	if (c->event_fd >= 0)
		close(c->event_fd);
	free(c);
}

enum err committer_start(
    const struct committer_spec *spec, struct committer **out)
{
	struct committer *c = calloc(1, sizeof(*c));

	if (!c || pthread_mutex_init(&c->lock, NULL))
		abort();
	c->spec = *spec;
	init_wake(&c->wake);
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->done);
	c->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->event_fd < 0 || !start_thread(c)) {
		release(c);
		return ERR_IO;
	}
	*out = c;
	return ERR_OK;
}

void committer_stop(struct committer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	release(c);
}

int committer_fd(const struct committer *c)
{
	return c->event_fd;
}

enum err committer_submit(struct committer *c, struct change *change)
{
	enum err err = ERR_FULL;

	change->until_boot = c->spec.boot_ms() + COMMITTER_WAIT_MS;
	pthread_mutex_lock(&c->lock);
	if (c->n_waiting < COMMITTER_CHANGES_MAX &&
	    c->n_bytes + change_bytes(change) <= COMMITTER_BYTES_MAX) {
		if (TAILQ_EMPTY(&c->waiting))
			pthread_cond_signal(&c->wake);
		enqueue(c, change, false);
		err = ERR_OK;
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

enum err committer_reconfigure(
    struct committer *c, const struct config *config, uint64_t ticket)
{
	struct change *change = change_new(CHANGE_RECONFIGURE, 0);

	change->config = config;
	change->ticket = ticket;
	enum err err = committer_submit(c, change);
	if (err)
		change_free(change);
	return err;
}

struct change *committer_next(struct committer *c)
{
	struct change *change;
	eventfd_t times;

	pthread_mutex_lock(&c->lock);
	change = TAILQ_FIRST(&c->done);
	if (change) {
		TAILQ_REMOVE(&c->done, change, in_list);
		if (TAILQ_EMPTY(&c->done))
			(void)!eventfd_read(c->event_fd, &times);
	}
	pthread_mutex_unlock(&c->lock);
	return change;
}
