#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cgi/read/reader-parts.h"
#include "lib/clock.h"

/*
 * Those who wait, and what wakes them. Waiters stand in a table of pointers
 * that only grows; a name is generation << 32 | index, so that a slot of the
 * loop that outlives its waiter finds nobody.
 */

struct engine_now reader_now(struct app_now now)
{
	return (struct engine_now){
	    .now_ms = now.wall_ms, .now_boot = now.boot_ms};
}

/* ---- the table ----------------------------------------------------------- */

uint64_t waiter_name(const struct waiter *waiter)
{
	return (uint64_t)waiter->generation << 32 | waiter->index;
}

struct waiter *waiter_named(const struct reader *r, uint64_t name)
{
	const uint32_t index = (uint32_t)name;
	struct waiter *waiter = index < r->n_waiters ? r->waiters[index] : NULL;

	return waiter && waiter->used && waiter->generation == name >> 32
		   ? waiter
		   : NULL;
}

struct waiter *waiter_find(const struct reader *r, const struct waiting *wait)
{
	return waiter_named(r, (uint64_t)wait->version);
}

static struct waiter *free_place(struct reader *r)
{
	if (r->n_free)
		return r->waiters[r->free_waiters[--r->n_free]];
	if (r->n_waiters == r->cap_waiters) {
		r->cap_waiters = r->cap_waiters ? r->cap_waiters * 2 : 64;
		r->waiters = reallocarray(
		    r->waiters, r->cap_waiters, sizeof(r->waiters[0]));
		r->free_waiters = reallocarray(r->free_waiters, r->cap_waiters,
		    sizeof(r->free_waiters[0]));
		if (!r->waiters || !r->free_waiters)
			abort();
	}
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		abort();
	waiter->index = r->n_waiters;
	r->waiters[r->n_waiters++] = waiter;
	return waiter;
}

static struct str put(char **at, struct str s)
{
	const struct str out = {.p = *at, .n = s.n};

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

/* His request goes; what his answer needs of it stays, as one block. */
static void keep_texts(
    struct waiter *waiter, const struct reading *h, struct str records)
{
	struct str tags = h->asked.tags;
	char *at;

	if (tags.n > READER_TAGS_MAX)
		tags.n = 0;
	at = malloc(h->c.path.n + h->c.request_id.n + h->c.traceparent.n +
		    tags.n + records.n + 1);
	if (!at)
		abort();
	waiter->text = at;
	waiter->path = put(&at, h->c.path);
	waiter->request_id = put(&at, h->c.request_id);
	waiter->traceparent = put(&at, h->c.traceparent);
	waiter->tags = put(&at, tags);
	waiter->records = put(&at, records);
}

struct waiter *waiter_new(
    struct reading *h, uint64_t ticket, int64_t until_boot, struct str records)
{
	struct reader *r = h->reader;
	struct waiter *waiter = free_place(r);

	*waiter = (struct waiter){.index = waiter->index,
	    .generation = waiter->generation + 1,
	    .used = true,
	    .config = r->config,
	    .read = h->read,
	    .ticket = ticket,
	    .came_boot = h->came_boot,
	    .until_boot = until_boot,
	    .origin = h->c.origin,
	    .head = h->ans->head,
	    .handed = !ticket};
	keep_texts(waiter, h, records);
	r->kept += records.n;
	const uint64_t key[2] = {
	    ticket ? ticket : waiter_name(waiter), ticket ? 0 : 1};
	memcpy(waiter->key, key, sizeof(waiter->key));
	*h->wait = (struct waiting){.version = (int64_t)waiter_name(waiter),
	    .answer_boot = 0,
	    .deadline_boot = until_boot + READER_GRACE_MS,
	    .came_boot = h->came_boot,
	    .waited_ms = -1};
	if (!ticket || records.n)
		h->wait->deadline_boot += HANDOVER_TIMEOUT_MS;
	memcpy(h->wait->id + JOB_KEY_OFFSET, waiter->key, sizeof(waiter->key));
	return waiter;
}

void waiter_free(struct reader *r, struct waiter *waiter)
{
	r->kept -= waiter->records.n;
	free(waiter->text);
	if (waiter->said)
		arena_release(&waiter->said->arena);
	free(waiter->said);
	*waiter = (struct waiter){
	    .index = waiter->index, .generation = waiter->generation};
	r->free_waiters[r->n_free++] = waiter->index;
}

void reader_gone(void *ctx, const struct waiting *wait)
{
	struct reader *r = ctx;
	struct waiter *waiter = waiter_find(r, wait);

	if (!waiter)
		return;
	if (waiter->ticket)
		engine_leave(r->spec.engine, waiter->ticket);
	else if (!waiter->said)
		handover_leave(r->spec.handover, waiter_name(waiter));
	waiter_free(r, waiter);
	reader_stir(r);
}

bool reader_uses(const struct reader *r, const struct config *config)
{
	if (r->config == config)
		return true;
	for (uint32_t i = 0; i < r->n_waiters; i++)
		if (r->waiters[i]->used && r->waiters[i]->config == config)
			return true;
	return false;
}

size_t reader_waiting(const struct reader *r)
{
	return r->n_waiters - r->n_free;
}

/* ---- waking -------------------------------------------------------------- */

void reader_wake(struct reader *r, const uint8_t key[JOB_KEY_BYTES])
{
	struct ready *ready = &r->ready;

	if (ready->n == ready->cap) {
		ready->cap = ready->cap ? ready->cap * 2 : 64;
		ready->keys = reallocarray(
		    ready->keys, ready->cap, sizeof(ready->keys[0]));
		if (!ready->keys)
			abort();
	}
	memcpy(ready->keys[ready->n++], key, JOB_KEY_BYTES);
}

bool reader_changed(void *ctx, struct park *park)
{
	struct reader *r = ctx;

	for (size_t i = 0; i < r->ready.n; i++)
		park_wake(park, 0, r->ready.keys[i]);
	r->ready.n = 0;
	r->told = false;
	return true;
}

/* ---- the clock ----------------------------------------------------------- */

/*
 * At a time that is over: at once. 0 = not at all. One that is set for earlier
 * stays: what is due moves on with every request, and setting costs more than
 * ringing once in vain.
 */
static void set_clock(struct reader *r, int64_t due_boot)
{
	const int64_t ms = due_boot && due_boot < 1 ? 1 : due_boot;
	const struct itimerspec at = {
	    .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};

	if (due_boot == r->due_boot ||
	    (due_boot && r->due_boot && r->due_boot < due_boot))
		return;
	r->due_boot = due_boot;
	timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void clear_clock(struct reader *r)
{
	uint64_t times;

	if (read(r->timer_fd, &times, sizeof(times)) == sizeof(times))
		r->due_boot = 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* All that can be done now is; who is to be told of it stands in .ready. */
static void step(struct reader *r)
{
	const int64_t now_boot = clock_boot_ms();
	const struct engine_now now = {
	    .now_ms = clock_wall_ms(), .now_boot = now_boot};
	int64_t due_boot = 0;
	uint64_t key[2] = {0};

	r->stirred = false;
	engine_step(r->spec.engine, now, &due_boot);
	while (engine_ready(r->spec.engine, &key[0]))
		reader_wake(r, (const uint8_t *)key);
	if (r->spec.handover) {
		reader_hear_over(r, now_boot);
		due_boot = earlier(due_boot, handover_due(r->spec.handover));
	}
	set_clock(r, due_boot);
}

bool reader_heard(void *ctx, int bell_fd)
{
	struct reader *r = ctx;

	(void)bell_fd;
	clear_clock(r);
	step(r);
	r->told = r->ready.n > 0;
	return r->told;
}

void reader_stir(struct reader *r)
{
	r->stirred = true;
}

/*
 * Nobody is woken from here: if the loop does not know yet that there is
 * somebody to wake, the bell is to ring at once.
 */
void reader_rest(void *ctx)
{
	struct reader *r = ctx;

	if (r->stirred)
		step(r);
	if (r->ready.n && !r->told)
		set_clock(r, 1);
}

/* ---- beginning and end --------------------------------------------------- */

static bool watch(const struct reader *r, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return fd < 0 || epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

enum err reader_open(const struct reader_spec *spec, struct reader **out)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	*out = NULL;
	r->spec = *spec;
	r->config = spec->config;
	r->seed = spec->seed;
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (r->epoll_fd < 0 || r->timer_fd < 0 || !watch(r, r->timer_fd) ||
	    !watch(r, spec->upstream_fd) ||
	    (spec->handover && !watch(r, handover_fd(spec->handover)))) {
		reader_close(r);
		return ERR_IO;
	}
	*out = r;
	return ERR_OK;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n_waiters; i++) {
		if (r->waiters[i]->used)
			waiter_free(r, r->waiters[i]);
		free(r->waiters[i]);
	}
	free(r->waiters);
	free(r->free_waiters);
	free(r->ready.keys);
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	if (r->timer_fd >= 0)
		close(r->timer_fd);
	free(r);
}
