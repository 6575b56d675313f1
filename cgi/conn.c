#include "cgi/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/fcgi/record.h"

/*
 * Everything here may end in conn_close(), also through a bound that another
 * connection's bytes have passed: whoever goes on afterwards looks whether
 * c->fd is still there.
 */
static void watch(struct loop *loop, struct conn *c, uint32_t also)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLRDHUP | EPOLLET | also,
	    .data.u64 = conn_name(c),
	};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		conn_close(loop, c);
}

/* ---- answers ----------------------------------------------------------- */

/* What stands in loop->out goes out, or waits with its connection. */
static void send_out(struct loop *loop, struct conn *c, bool close_after)
{
	c->close_after = close_after || loop->drain_boot;
	switch (writer_flush(&loop->out, c->fd)) {
	case ERR_OK:
		if (c->close_after)
			conn_close(loop, c);
		return;
	case ERR_AGAIN:
		c->out = loop->out;
		writer_init(&loop->out);
		c->state = CONN_WRITING;
		conn_time(loop, c, NULL);
		conn_time(loop, c, &loop->stalled);
		conn_hold(loop, c, c->out.pending.len);
		if (c->fd >= 0)
			watch(loop, c, EPOLLOUT);
		return;
	default:
		writer_release(&loop->out);
		conn_close(loop, c);
	}
}

static void answer(struct loop *loop, struct conn *c, uint16_t request_id,
    bool keep_conn, const struct answer *ans)
{
	c->state = CONN_READING;
	answer_write(ans, &loop->answer);
	writer_answer(&loop->out, request_id, buf_str(&loop->answer));
	if (loop->answer.cap > WRITER_KEEP)
		buf_release(&loop->answer);
	else
		buf_clear(&loop->answer);
	send_out(loop, c, !keep_conn);
}

static void refuse(struct loop *loop, struct conn *c, enum err err)
{
	const struct loop_spec *spec = loop->spec;
	struct answer ans = {0};

	spec->refuse(spec->ctx, loop->now, &loop->arena, err, &ans);
	answer(loop, c, c->framer.request_id, c->framer.keep_conn, &ans);
	arena_reset(&loop->arena);
}

/* ---- requests that wait -------------------------------------------------- */

/* False: it waits on. */
static bool ask_again(struct loop *loop, const struct waiting *waiting,
    bool last, struct answer *ans)
{
	const struct loop_spec *spec = loop->spec;
	struct waiting w = *waiting;

	if (last && w.deadline_boot > loop->now.boot_ms)
		w.deadline_boot = loop->now.boot_ms;
	if (spec->resume(spec->ctx, loop->now, &loop->arena, &w, ans) ==
	    OUTCOME_ANSWER)
		return true;
	if (!last)
		return false;
	*ans = (struct answer){0};
	spec->refuse(spec->ctx, loop->now, &loop->arena, ERR_FULL, ans);
	return true;
}

void conn_resume(struct loop *loop, struct park_name name, bool last)
{
	const struct park_slot *found = park_get(loop->park, name);
	struct park_slot slot;
	struct answer ans = {0};

	if (!found)
		return;
	slot = *found;
	if (ask_again(loop, &slot.waiting, last, &ans)) {
		struct conn *c = conn_find(loop, slot.conn);
		park_take(loop->park, name, NULL);
		if (c)
			answer(loop, c, slot.request_id, slot.keep_conn, &ans);
	}
	arena_reset(&loop->arena);
}

static void park(
    struct loop *loop, struct conn *c, const struct waiting *waiting)
{
	struct park_slot slot = {
	    .conn = conn_name(c),
	    .request_id = c->framer.request_id,
	    .keep_conn = c->framer.keep_conn,
	    .waiting = *waiting,
	};
	struct answer ans = {0};

	if (!c->end && !loop->drain_boot &&
	    park_put(loop->park, &slot, &c->slot) == ERR_OK) {
		c->state = CONN_PARKED;
		return;
	}
	ask_again(loop, waiting, true, &ans);
	answer(loop, c, slot.request_id, slot.keep_conn, &ans);
}

/*
 * Bytes have come while its request waits. An ABORT_REQUEST for it ends it
 * with nothing but the end; whatever else, with what there is.
 */
static void unpark(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n)
{
	const struct park_slot *found = park_get(loop->park, c->slot);
	struct framer probe = c->framer;
	struct park_slot slot;
	size_t used;

	c->state = CONN_READING;
	if (framer_look(&probe, bytes, n, &used) != FRAMER_ABORT || !found ||
	    probe.abort_id != found->request_id) {
		conn_resume(loop, c->slot, true);
		return;
	}
	park_take(loop->park, c->slot, &slot);
	writer_end(&loop->out, slot.request_id);
	send_out(loop, c, !slot.keep_conn);
}

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

static enum err parse(
    struct loop *loop, struct conn *c, size_t at, struct request *r)
{
	const struct framer *f = &c->framer;
	bool spilled = c->spill_fd >= 0;
	int *fd = spilled ? &c->spill_fd : &loop->scratch_fd;

	if (f->body_over)
		cut_body(c, loop->scratch + at);
	if (f->params_over)
		return ERR_TOO_LARGE;
	if (lseek(*fd, spilled ? 0 : (off_t)at, SEEK_SET) < 0)
		return ERR_IO;
	enum err err = parse_request(
	    loop->parser, &loop->arena, fd, f->body_over ? 0 : f->body, r);
	if (loop->scratch_fd < 0)
		loop->scratch_fd =
		    fcntl(loop->scratch_spare, F_DUPFD_CLOEXEC, 0);
	r->body_too_large = f->body_over;
	return err;
}

/* The request is whole: what is not spilled of it starts at scratch[at]. */
static void request(struct loop *loop, struct conn *c, size_t at)
{
	const struct loop_spec *spec = loop->spec;
	struct request r = {0};
	struct answer ans = {0};
	struct waiting waiting = {0};
	struct change *change = NULL;

	c->served = true;
	enum err err = parse(loop, c, at, &r);
	conn_unspill(loop, c);
	if (err) {
		refuse(loop, c, err);
	} else if (spec->handle(spec->ctx, loop->now, &loop->arena, &r, &ans,
		       &waiting, &change) == OUTCOME_ANSWER) {
		answer(
		    loop, c, c->framer.request_id, c->framer.keep_conn, &ans);
	} else {
		park(loop, c, &waiting);
	}
	parser_done(loop->parser);
	arena_reset(&loop->arena);
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
	send_out(loop, c, !keep_conn);
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
	enum framer_verdict verdict = framer_look(f, bytes, n - *at, &used);
	size_t start = *at;

	*at += used;
	switch (verdict) {
	case FRAMER_MORE:
		return used && keep(loop, c, bytes, used);
	case FRAMER_REQUEST:
		if (c->spill_fd >= 0 && !keep(loop, c, bytes, used))
			break;
		request(loop, c, start);
		break;
	case FRAMER_MANAGEMENT:
		writer_management(&loop->out, bytes, used);
		send_out(loop, c, false);
		break;
	case FRAMER_ABORT:
		if (framer_inside(f) && f->abort_id == f->request_id)
			end_inside(loop, c);
		break;
	case FRAMER_TOO_LARGE:
		f->keep_conn = false;
		request(loop, c, start);
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

/* scratch[0 … n) is what comes next on this connection. */
static void bytes(struct loop *loop, struct conn *c, size_t n)
{
	size_t at = 0;

	c->starved = false;
	while (c->fd >= 0 && at < n && !c->starved) {
		if (c->state == CONN_WRITING)
			break;
		if (c->state == CONN_PARKED)
			unpark(loop, c, loop->scratch + at, n - at);
		else
			c->starved = !step(loop, c, &at, n);
	}
	if (c->fd >= 0 && at < n)
		buf_put(&c->carry, loop->scratch + at, n - at);
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
	buf_release(&c->carry);
	*n = carried + (size_t)got;
	return true;
}

void conn_read(struct loop *loop, struct conn *c)
{
	bool drained = false;
	size_t n;

	for (int i = 0; i < CONN_STEPS && !drained; i++) {
		if (c->state == CONN_WRITING)
			return;
		if (take(loop, c, &n, &drained))
			bytes(loop, c, n);
		if (c->fd < 0)
			return;
	}
	if (c->state == CONN_WRITING)
		return;
	if (!drained)
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
	watch(loop, c, 0);
	if (c->fd >= 0)
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
		if (c->state == CONN_PARKED) {
			conn_close(loop, c);
			return;
		}
	}
	if (c->state == CONN_WRITING)
		go_on_writing(loop, c);
	else
		conn_read(loop, c);
}
