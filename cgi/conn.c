#include "cgi/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/fcgi/record.h"

/*
 * Bytes become requests, and requests are handed to the app; what becomes of
 * those is conn-answer.c's.
 *
 * Everything here may end in conn_close(), also through a bound that another
 * connection's bytes have passed: whoever goes on afterwards looks whether
 * c->fd is still there.
 */
/* ---- requests ------------------------------------------------------------ */

/*
 * A body beyond its cap has not been kept: the request becomes one with an
 * empty body, and says so.
 */
static void cut_body(struct conn *c, uint8_t *bytes)
{
	uint8_t empty[RECORD_HEADER];

	record_write(&(struct record){.type = RECORD_STDIN,
			 .request_id = c->framer.request_id},
	    empty);
	if (c->spill_fd < 0)
		memcpy(bytes + c->framer.body_at, empty, sizeof(empty));
	else if (pwrite(c->spill_fd, empty, sizeof(empty),
		     (off_t)c->framer.body_at) != sizeof(empty))
		c->framer.params_over = true;
}

/*
 * A request that came at once is laid against the end of the desk: there is
 * nothing behind it that could be read too.
 */
static off_t lay(struct loop *loop, const uint8_t *bytes, size_t n)
{
	memcpy(loop->desk + CONN_SCRATCH - n, bytes, n);
	return (off_t)(CONN_SCRATCH - n);
}

/*
 * libfcgi closes what it refuses. Where no descriptor is left just then, the
 * next request tries again.
 */
static void reopen_desk(struct loop *loop)
{
	if (loop->desk_fd < 0)
		loop->desk_fd = fcntl(loop->desk_spare, F_DUPFD_CLOEXEC, 0);
}

static enum err parse(struct loop *loop, struct conn *c, uint8_t *bytes,
    size_t n, struct request *r)
{
	const struct framer *f = &c->framer;
	bool spilled = c->spill_fd >= 0;
	int *fd = spilled ? &c->spill_fd : &loop->desk_fd;

	if (f->body_over)
		cut_body(c, bytes);
	if (f->params_over)
		return ERR_TOO_LARGE;
	reopen_desk(loop);
	if (lseek(*fd, spilled ? 0 : lay(loop, bytes, n), SEEK_SET) < 0)
		return ERR_IO;
	enum err err = parse_request(
	    loop->parser, &loop->arena, fd, f->body_over ? 0 : f->body, r);
	reopen_desk(loop);
	r->body_too_large = f->body_over;
	return err;
}

/* The request is whole: what is not spilled of it is bytes[0 … n). */
static void request(struct loop *loop, struct conn *c, uint8_t *bytes, size_t n)
{
	const struct loop_spec *spec = loop->spec;
	struct request r = {0};
	struct answer ans = {0};
	struct waiting waiting = {0};
	struct change *change = NULL;

	c->served = true;
	enum err err = parse(loop, c, bytes, n, &r);
	conn_unspill(loop, c);
	if (err) {
		conn_refuse(loop, c, err);
	} else {
		loop->now.streams_full = conn_streams_full(loop);
		enum outcome outcome = spec->handle(spec->ctx, loop->now,
		    &loop->arena, &r, &ans, &waiting, &change);
		conn_outcome(loop, c, outcome, &ans, &waiting, change);
	}
	parser_done(loop->parser);
	arena_reset(&loop->arena);
	loop_step(loop);
}

/*
 * Keeps what belongs to a request that is not whole, or whose beginning has
 * been kept; of one beyond its caps, only what it is told from.
 */
static bool keep(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n)
{
	const struct framer *f = &c->framer;
	size_t want = n;

	if (f->params_over)
		want = 0;
	else if (f->body_over)
		want = f->body_at > c->spilled ? f->body_at - c->spilled : 0;
	return conn_spill(loop, c, bytes, want < n ? want : n);
}

/* ---- bytes --------------------------------------------------------------- */

static void end_inside(struct loop *loop, struct conn *c)
{
	bool keep_conn = c->framer.keep_conn;

	writer_end(&loop->out, c->framer.request_id);
	framer_reset(&c->framer);
	conn_unspill(loop, c);
	conn_send(loop, c, !keep_conn);
}

static void bad(struct loop *loop, struct conn *c, const char *reason)
{
	LOG(loop->spec->log, loop->now.wall_ms, "connection-refused",
	    LOG_TEXT("reason", reason));
	conn_close(loop, c);
}

/* One verdict on scratch[at …]; false: the rest cannot be used yet. */
static bool step(struct loop *loop, struct conn *c, size_t *at, size_t n)
{
	uint8_t *bytes = loop->scratch + *at;
	struct framer *f = &c->framer;
	size_t used;

	if (!framer_inside(f))
		f->body_max = loop->spec->body_max;
	enum framer_verdict verdict = framer_look(f, bytes, n - *at, &used);

	*at += used;
	switch (verdict) {
	case FRAMER_MORE:
		return used && keep(loop, c, bytes, used);
	case FRAMER_REQUEST:
		if (c->spill_fd >= 0 && !keep(loop, c, bytes, used))
			break;
		request(loop, c, bytes, used);
		break;
	case FRAMER_MANAGEMENT:
		writer_management(&loop->out, bytes, used);
		conn_send(loop, c, false);
		break;
	case FRAMER_ABORT:
		if (framer_inside(f) && f->abort_id == f->request_id)
			end_inside(loop, c);
		break;
	case FRAMER_TOO_LARGE:
		f->keep_conn = false;
		request(loop, c, bytes, used);
		break;
	case FRAMER_BAD:
		bad(loop, c, "not FastCGI, or records out of order");
		break;
	}
	return true;
}

bool conn_is_inside(const struct conn *c)
{
	return framer_inside(&c->framer) || c->carry.len;
}

static void note_incomplete(struct loop *loop, struct conn *c)
{
	bool idle = c->served && !conn_is_inside(c);

	if (c->state == CONN_READING)
		conn_time(loop, c, idle ? NULL : &loop->incomplete);
	else if (c->state == CONN_PARKED)
		conn_time(loop, c, NULL);
}

static bool is_waiting(const struct conn *c)
{
	return c->state == CONN_PARKED || c->state == CONN_STREAMING;
}

/* Nothing is read before its answer is gone: it reads again by itself then. */
static bool is_held(const struct conn *c)
{
	return c->state == CONN_WRITING || c->state == CONN_COMMITTING;
}

/*
 * scratch[0 … n) is what comes next on this connection. Each verdict takes one
 * of the steps that are left; what is behind the last one is carried over.
 */
static void bytes(struct loop *loop, struct conn *c, size_t n, int *left)
{
	size_t at = 0;

	c->starved = false;
	while (c->fd >= 0 && at < n && !c->starved && *left > 0) {
		if (is_held(c))
			break;
		if (is_waiting(c))
			conn_unpark(loop, c, loop->scratch + at, n - at);
		else
			c->starved = !step(loop, c, &at, n);
		--*left;
	}
	if (c->fd < 0 || at == n)
		return;
	buf_put(&c->carry, loop->scratch + at, n - at);
	conn_hold(loop, c, n - at);
}

/*
 * What was carried over, and behind it what the socket has, into the scratch.
 * False: nothing new. *drained: the socket had no more than that, so the next
 * byte makes a new edge.
 */
static bool take(struct loop *loop, struct conn *c, size_t *n, bool *drained)
{
	size_t carried = c->carry.len;
	ssize_t got = 0;

	*drained = false;
	if (carried)
		memcpy(loop->scratch, c->carry.data, carried);
	if (!carried || c->starved) {
		size_t room = CONN_SCRATCH - carried;
		do
			got = recv(
			    c->fd, loop->scratch + carried, room, MSG_DONTWAIT);
		while (got < 0 && errno == EINTR);
		*drained = got < (ssize_t)room;
		if (got == 0 || (got < 0 && errno != EAGAIN))
			c->end = true;
		if (got <= 0)
			return false;
	}
	conn_let_go(loop, c, carried);
	buf_release(&c->carry);
	*n = carried + (size_t)got;
	return true;
}

void conn_read(struct loop *loop, struct conn *c)
{
	bool drained = false;
	int left = CONN_STEPS;
	size_t n;

	while (left > 0 && !drained) {
		if (is_held(c))
			return;
		left--;
		if (take(loop, c, &n, &drained))
			bytes(loop, c, n, &left);
		if (c->fd < 0)
			return;
	}
	if (is_held(c))
		return;
	if (!drained || (c->carry.len && !c->starved))
		conn_later(loop, c);
	else if (c->end)
		conn_close(loop, c);
	if (c->fd >= 0)
		note_incomplete(loop, c);
}

static void go_on_writing(struct loop *loop, struct conn *c)
{
	size_t before = c->out.sent, all = c->out.pending.len;
	enum err err = writer_flush(&c->out, c->fd);

	if (err == ERR_AGAIN) {
		if (c->out.sent > before) {
			conn_time(loop, c, NULL);
			conn_time(loop, c, &loop->stalled);
		}
		return;
	}
	if (err || c->close_after) {
		conn_close(loop, c);
		return;
	}
	writer_release(&c->out);
	conn_let_go(loop, c, all);
	conn_time(loop, c, NULL);
	c->state = CONN_READING;
	if (conn_watch(loop, c, 0))
		conn_read(loop, c);
}

void conn_event(struct loop *loop, struct conn *c, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		conn_close(loop, c);
		return;
	}
	if (events & EPOLLRDHUP) {
		c->end = true;
		if (is_waiting(c)) {
			conn_close(loop, c);
			return;
		}
	}
	if (c->state == CONN_STREAMING && c->out.pending.len)
		conn_stream_flush(loop, c);
	if (c->fd < 0)
		return;
	if (c->state == CONN_WRITING)
		go_on_writing(loop, c);
	else
		conn_read(loop, c);
}
