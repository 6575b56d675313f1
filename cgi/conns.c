#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgi/conn.h"
#include "lib/fs.h"

/*
 * The table of connections grows by doubling and never moves a connection: the
 * array holds pointers. A closed one keeps its place and its generation, and
 * its index goes to the end of free_conns, so that the next one there gets a
 * new name. Whoever puts a connection into one of loop's lists, or counts bytes
 * for it, does it through here, so that conn_close() can take all of it back.
 */
uint32_t conns_open(const struct loop *loop)
{
	return loop->n_conns - loop->n_free;
}

uint64_t conn_name(const struct conn *c)
{
	return (uint64_t)c->generation << 32 | c->index;
}

struct conn *conn_find(struct loop *loop, uint64_t name)
{
	uint32_t index = (uint32_t)name;
	struct conn *c = index < loop->n_conns ? loop->conns[index] : NULL;

	return c && c->fd >= 0 && c->generation == name >> 32 ? c : NULL;
}

static void grow(struct loop *loop)
{
	uint32_t cap = loop->cap_conns ? loop->cap_conns * 2 : 64;

	loop->conns = reallocarray(loop->conns, cap, sizeof(loop->conns[0]));
	loop->free_conns =
	    reallocarray(loop->free_conns, cap, sizeof(loop->free_conns[0]));
	if (!loop->conns || !loop->free_conns)
		abort();
	loop->cap_conns = cap;
}

static struct conn *free_place(struct loop *loop)
{
	if (loop->n_free)
		return loop->conns[loop->free_conns[--loop->n_free]];
	if (loop->n_conns == loop->conns_max)
		return NULL;
	if (loop->n_conns == loop->cap_conns)
		grow(loop);
	struct conn *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->index = loop->n_conns;
	loop->conns[loop->n_conns++] = c;
	return c;
}

struct conn *conn_new(struct loop *loop, int fd)
{
	struct conn *c = free_place(loop), *first;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};

	if (!c && (first = TAILQ_FIRST(&loop->incomplete)) != NULL) {
		conn_close(loop, first);
		c = free_place(loop);
	}
	if (!c) {
		close(fd);
		return NULL;
	}
	*c = (struct conn){
	    .index = c->index,
	    .generation = c->generation + 1,
	    .fd = fd,
	    .spill_fd = -1,
	    .framer.body_max = loop->spec->body_max,
	};
	ev.data.u64 = conn_name(c);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		conn_close(loop, c);
		return NULL;
	}
	return c;
}

/* Of those that are late with something; each list's oldest stands first. */
static struct conn *oldest(const struct loop *loop)
{
	const struct conn_list *const lists[] = {
	    &loop->incomplete, &loop->stalled, &loop->stuck};
	struct conn *found = NULL;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct conn *first = TAILQ_FIRST(lists[i]);
		if (first && (!found || first->since_boot < found->since_boot))
			found = first;
	}
	return found;
}

void conn_time(struct loop *loop, struct conn *c, struct conn_list *list)
{
	if (c->timed == list)
		return;
	if (c->timed)
		TAILQ_REMOVE(c->timed, c, in_timed);
	if (c->timed == &loop->incomplete)
		loop->n_incomplete--;
	c->timed = list;
	if (!list)
		return;
	c->since_boot = loop->now.boot_ms;
	TAILQ_INSERT_TAIL(list, c, in_timed);
	if (list == &loop->incomplete &&
	    ++loop->n_incomplete > LOOP_INCOMPLETE_MAX)
		conn_close(loop, TAILQ_FIRST(&loop->incomplete));
}

void conn_hold(struct loop *loop, struct conn *c, size_t n)
{
	struct conn *late;

	c->held += n;
	loop->held += n;
	while (loop->held > LOOP_SPILL_MAX && (late = oldest(loop)) != NULL)
		conn_close(loop, late);
}

void conn_let_go(struct loop *loop, struct conn *c, size_t n)
{
	loop->held -= n;
	c->held -= n;
}

void conn_later(struct loop *loop, struct conn *c)
{
	if (c->ready)
		return;
	c->ready = true;
	TAILQ_INSERT_TAIL(&loop->ready, c, in_ready);
}

bool conn_spill(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n)
{
	const struct str kept = {.p = (const char *)bytes, .n = n};

	if (c->spill_fd < 0)
		c->spill_fd = memfd_create("request", MFD_CLOEXEC);
	if (c->spill_fd < 0 || !fs_put(c->spill_fd, kept)) {
		conn_close(loop, c);
		return false;
	}
	c->spilled += n;
	conn_hold(loop, c, n);
	return c->fd >= 0;
}

void conn_unspill(struct loop *loop, struct conn *c)
{
	if (c->spill_fd >= 0)
		close(c->spill_fd);
	c->spill_fd = -1;
	conn_let_go(loop, c, c->spilled);
	c->spilled = 0;
}

void conn_gone(struct loop *loop, const struct waiting *waiting)
{
	if (loop->spec->gone)
		loop->spec->gone(loop->spec->ctx, waiting);
}

void conn_close(struct loop *loop, struct conn *c)
{
	struct park_slot slot;

	if (c->fd < 0)
		return;
	conn_time(loop, c, NULL);
	conn_unspill(loop, c);
	conn_let_go(loop, c, c->held);
	if (c->ready)
		TAILQ_REMOVE(&loop->ready, c, in_ready);
	c->ready = false;
	if (c->state == CONN_STREAMING)
		loop->n_streams--;
	c->state = CONN_READING;
	if (park_take(loop->park, c->slot, &slot))
		conn_gone(loop, &slot.waiting);
	buf_release(&c->carry);
	writer_release(&c->out);
	close(c->fd);
	c->fd = -1;
	loop->free_conns[loop->n_free++] = c->index;
}

void conns_release(struct loop *loop)
{
	for (uint32_t i = 0; i < loop->n_conns; i++) {
		conn_close(loop, loop->conns[i]);
		free(loop->conns[i]);
	}
	free(loop->conns);
	free(loop->free_conns);
}
