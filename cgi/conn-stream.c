#include <sys/epoll.h>

#include "cgi/conn.h"

/*
 * An answer that goes on: STDOUT records as things change, END_REQUEST when it
 * is over. Its connection waits in a slot like any other that is parked, and
 * is asked for after a bell and when it is due.
 *
 * Its last piece goes out, or waits for the socket in c->out. While it does,
 * the stream is not asked for: whatever happens meanwhile makes it `behind`,
 * and it is asked once, for the newest, when there is room again. So a slow
 * reader costs one piece, whatever changes how often, and one that takes
 * nothing of it for stuck_ms is closed.
 */
static void send_piece(struct loop *loop, struct conn *c)
{
	switch (writer_flush(&loop->out, c->fd)) {
	case ERR_OK:
		return;
	case ERR_AGAIN:
		writer_leave(&loop->out, &c->out);
		conn_time(loop, c, &loop->stuck);
		conn_hold(loop, c, c->out.pending.len);
		if (c->fd >= 0)
			conn_watch(loop, c, EPOLLOUT);
		return;
	default:
		writer_release(&loop->out);
		conn_close(loop, c);
	}
}

bool conn_streams_full(const struct loop *loop)
{
	return loop->n_streams >= loop->streams_max ||
	       park_count(loop->park) >= LOOP_PARKED_MAX;
}

void conn_stream(struct loop *loop, struct conn *c, uint16_t request_id,
    bool keep_conn, const struct answer *ans, const struct waiting *waiting)
{
	const struct loop_spec *spec = loop->spec;
	struct park_slot slot = {
	    .conn = conn_name(c),
	    .request_id = request_id,
	    .keep_conn = keep_conn,
	    .waiting = *waiting,
	};
	struct answer full = {0};

	if (c->end || loop->drain_boot) {
		conn_gone(loop, waiting);
		conn_answer(loop, c, request_id, keep_conn, ans);
		return;
	}
	slot.waiting.again_boot =
	    conn_not_before_now(loop, waiting->again_boot);
	if (conn_streams_full(loop) ||
	    park_put(loop->park, &slot, &c->slot) != ERR_OK) {
		conn_gone(loop, waiting);
		spec->refuse(
		    spec->ctx, loop->now, &loop->arena, ERR_FULL, &full);
		conn_answer(loop, c, request_id, keep_conn, &full);
		return;
	}
	loop->n_streams++;
	c->state = CONN_STREAMING;
	c->behind = false;
	conn_time(loop, c, NULL);
	answer_write_open(ans, &loop->answer);
	writer_part(&loop->out, request_id, buf_str(&loop->answer));
	conn_clear_answer(loop);
	send_piece(loop, c);
}

void conn_stream_on(struct loop *loop, struct conn *c)
{
	const struct loop_spec *spec = loop->spec;
	const struct park_slot *slot = park_get(loop->park, c->slot);
	struct waiting w = slot->waiting;
	const uint16_t request_id = slot->request_id;
	struct answer ans = {0};
	struct change *never;

	if (w.deadline_boot <= loop->now.boot_ms) {
		conn_gone(loop, &w);
		conn_stream_end(loop, c);
		return;
	}
	c->behind = c->out.pending.len > 0;
	if (c->behind) {
		park_again(loop->park, c->slot, 0);
		return;
	}
	if (w.again_boot <= loop->now.boot_ms)
		w.again_boot = 0;
	enum outcome outcome =
	    spec->resume(spec->ctx, loop->now, &loop->arena, &w, &ans, &never);
	if (outcome != OUTCOME_PARK)
		writer_part(&loop->out, request_id, ans.body);
	if (outcome == OUTCOME_ANSWER) {
		conn_stream_end(loop, c);
		return;
	}
	w.again_boot = conn_not_before_now(loop, w.again_boot);
	park_update(loop->park, c->slot, &w);
	send_piece(loop, c);
}

void conn_stream_flush(struct loop *loop, struct conn *c)
{
	const size_t before = c->out.sent, all = c->out.pending.len;
	enum err err = writer_flush(&c->out, c->fd);

	if (err == ERR_AGAIN) {
		if (c->out.sent > before) {
			conn_time(loop, c, NULL);
			conn_time(loop, c, &loop->stuck);
		}
		return;
	}
	if (err) {
		conn_close(loop, c);
		return;
	}
	writer_release(&c->out);
	conn_let_go(loop, c, all);
	conn_time(loop, c, NULL);
	if (conn_watch(loop, c, 0) && c->behind)
		conn_resume(loop, c->slot, false);
}

/* Behind what waits for the socket. */
static void end_later(
    struct loop *loop, struct conn *c, const struct park_slot *slot)
{
	const size_t before = c->out.pending.len;

	c->state = CONN_WRITING;
	c->close_after = !slot->keep_conn || loop->drain_boot;
	writer_end(&c->out, slot->request_id);
	conn_time(loop, c, NULL);
	conn_time(loop, c, &loop->stalled);
	conn_hold(loop, c, c->out.pending.len - before);
}

void conn_stream_end(struct loop *loop, struct conn *c)
{
	struct park_slot slot;

	park_take(loop->park, c->slot, &slot);
	loop->n_streams--;
	if (c->out.pending.len) {
		end_later(loop, c, &slot);
		return;
	}
	c->state = CONN_READING;
	writer_end(&loop->out, slot.request_id);
	conn_send(loop, c, !slot.keep_conn);
}
