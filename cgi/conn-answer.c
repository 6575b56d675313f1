#include <sys/epoll.h>

#include "cgi/committer.h"
#include "cgi/conn.h"
#include "cgi/fcgi/record.h"

/*
 * What becomes of a request that is whole: its answer goes out, or waits for
 * the socket; it is parked; its change is being committed. Whatever ends one
 * of these states finds the connection by name, and in that state, or does
 * nothing.
 */
bool conn_watch(struct loop *loop, struct conn *c, uint32_t also)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLRDHUP | EPOLLET | also,
	    .data.u64 = conn_name(c),
	};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) == 0)
		return true;
	conn_close(loop, c);
	return false;
}

/* ---- answers ------------------------------------------------------------- */

void conn_send(struct loop *loop, struct conn *c, bool close_after)
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
			conn_watch(loop, c, EPOLLOUT);
		return;
	default:
		writer_release(&loop->out);
		conn_close(loop, c);
	}
}

void conn_clear_answer(struct loop *loop)
{
	if (loop->answer.cap > WRITER_KEEP)
		buf_release(&loop->answer);
	else
		buf_clear(&loop->answer);
}

void conn_answer(struct loop *loop, struct conn *c, uint16_t request_id,
    bool keep_conn, const struct answer *ans)
{
	c->state = CONN_READING;
	answer_write(ans, &loop->answer);
	writer_answer(&loop->out, request_id, buf_str(&loop->answer));
	conn_clear_answer(loop);
	conn_send(loop, c, !keep_conn);
}

void conn_refuse(struct loop *loop, struct conn *c, enum err err)
{
	const struct loop_spec *spec = loop->spec;
	struct answer ans = {0};

	spec->refuse(spec->ctx, loop->now, &loop->arena, err, &ans);
	conn_answer(loop, c, c->framer.request_id, c->framer.keep_conn, &ans);
	arena_reset(&loop->arena);
}

/* ---- changes ------------------------------------------------------------- */

#define NOBODYS UINT64_MAX /* no connection's name */

/* A note to be made beside the answer; one that cannot be is left out. */
static void commit_aside(struct loop *loop, struct change *change)
{
	const struct loop_spec *spec = loop->spec;

	change->ticket = NOBODYS;
	if (spec->submit(spec->ctx, change) == ERR_OK)
		loop->n_changes++;
	else
		spec->discard(spec->ctx, change);
}

/*
 * The ticket is the connection's name. It asks for nothing else until this is
 * back, and conn_overdue() closes it: so a name in this state stands for one
 * change.
 */
static void commit(struct loop *loop, struct conn *c, struct change *change)
{
	const struct loop_spec *spec = loop->spec;

	change->ticket = conn_name(c);
	enum err err = spec->submit(spec->ctx, change);
	if (err) {
		spec->discard(spec->ctx, change);
		conn_refuse(loop, c, err);
		return;
	}
	loop->n_changes++;
	c->state = CONN_COMMITTING;
	conn_time(loop, c, &loop->committing);
}

/* ---- requests that wait -------------------------------------------------- */

/* OUTCOME_PARK: it waits on. */
static enum outcome ask_again(struct loop *loop, struct waiting *w,
    struct answer *ans, struct change **change)
{
	const struct loop_spec *spec = loop->spec;

	*change = NULL;
	if (w->again_boot <= loop->now.boot_ms)
		w->again_boot = 0;
	loop->now.streams_full = conn_streams_full(loop);
	enum outcome outcome =
	    spec->resume(spec->ctx, loop->now, &loop->arena, w, ans, change);
	if (outcome != OUTCOME_PARK || w->deadline_boot > loop->now.boot_ms)
		return outcome;
	conn_gone(loop, w);
	*ans = (struct answer){0};
	spec->refuse(spec->ctx, loop->now, &loop->arena, ERR_FULL, ans);
	return OUTCOME_ANSWER;
}

/* Its deadline is now. */
static enum outcome ask_last(struct loop *loop, struct waiting *w,
    struct answer *ans, struct change **change)
{
	if (w->deadline_boot > loop->now.boot_ms)
		w->deadline_boot = loop->now.boot_ms;
	return ask_again(loop, w, ans, change);
}

int64_t conn_not_before_now(const struct loop *loop, int64_t again_boot)
{
	if (again_boot && again_boot <= loop->now.boot_ms)
		return loop->now.boot_ms + 1;
	return again_boot;
}

/*
 * Its wait is over: answered, begun, or its change is under way. What is to be
 * committed for somebody who has gone is for nobody.
 */
static void conclude(struct loop *loop, struct conn *c,
    const struct park_slot *slot, enum outcome outcome,
    const struct answer *ans, struct change *change)
{
	if (c && outcome == OUTCOME_COMMIT)
		commit(loop, c, change);
	else if (change)
		loop->spec->discard(loop->spec->ctx, change);
	if (c && outcome == OUTCOME_STREAM)
		conn_stream(loop, c, slot->request_id, slot->keep_conn, ans,
		    &slot->waiting);
	else if (c && outcome == OUTCOME_ANSWER)
		conn_answer(loop, c, slot->request_id, slot->keep_conn, ans);
}

static void resume_parked(
    struct loop *loop, struct conn *c, const struct park_slot *found, bool last)
{
	struct park_slot slot = *found;
	struct answer ans = {0};
	struct change *change;
	enum outcome outcome =
	    last ? ask_last(loop, &slot.waiting, &ans, &change)
		 : ask_again(loop, &slot.waiting, &ans, &change);

	if (outcome == OUTCOME_PARK) {
		park_again(loop->park, slot.name,
		    conn_not_before_now(loop, slot.waiting.again_boot));
		return;
	}
	park_take(loop->park, slot.name, NULL);
	conclude(loop, c, &slot, outcome, &ans, change);
}

void conn_resume(struct loop *loop, struct park_name name, bool last)
{
	const struct park_slot *found = park_get(loop->park, name);
	struct conn *c = found ? conn_find(loop, found->conn) : NULL;

	if (!found)
		return;
	if (c && c->state == CONN_STREAMING)
		conn_stream_on(loop, c);
	else
		resume_parked(loop, c, found, last);
	arena_reset(&loop->arena);
	loop_step(loop);
}

/* Those who began to wait together shall not all end together. */
static int64_t draw_deadline(struct loop *loop, int64_t deadline_boot)
{
	int64_t wait = deadline_boot - loop->now.boot_ms;
	int64_t most = wait / LOOP_JITTER_PART;

	if (wait < LOOP_JITTER_FROM_MS)
		return deadline_boot;
	if (most > LOOP_JITTER_MS)
		most = LOOP_JITTER_MS;
	return deadline_boot - loop_random(loop, most + 1);
}

/* Of what it waits for; the rest of its time is for a store that is away. */
static void draw_end(struct loop *loop, struct waiting *w)
{
	if (w->answer_boot && w->answer_boot == w->again_boot)
		w->answer_boot = w->again_boot =
		    draw_deadline(loop, w->answer_boot);
	else
		w->deadline_boot = draw_deadline(loop, w->deadline_boot);
}

static void park(struct loop *loop, struct conn *c, struct waiting *waiting)
{
	struct park_slot slot = {
	    .conn = conn_name(c),
	    .request_id = c->framer.request_id,
	    .keep_conn = c->framer.keep_conn,
	    .waiting = *waiting,
	};
	struct answer ans = {0};
	struct change *change;

	draw_end(loop, &slot.waiting);
	if (!c->end && !loop->drain_boot &&
	    park_put(loop->park, &slot, &c->slot) == ERR_OK) {
		c->state = CONN_PARKED;
		return;
	}
	enum outcome outcome = ask_last(loop, waiting, &ans, &change);
	conclude(loop, c, &slot, outcome, &ans, change);
}

void conn_unpark(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n)
{
	const struct park_slot *found = park_get(loop->park, c->slot);
	struct framer probe = c->framer;
	struct park_slot slot;
	size_t used;

	if (c->state == CONN_STREAMING) {
		conn_gone(loop, &found->waiting);
		conn_stream_end(loop, c);
		return;
	}
	c->state = CONN_READING;
	if (framer_look(&probe, bytes, n, &used) != FRAMER_ABORT || !found ||
	    probe.abort_id != found->request_id) {
		conn_resume(loop, c->slot, true);
		return;
	}
	park_take(loop->park, c->slot, &slot);
	conn_gone(loop, &slot.waiting);
	writer_end(&loop->out, slot.request_id);
	conn_send(loop, c, !slot.keep_conn);
}

/* ---- changes that are back ----------------------------------------------- */

void conn_committed(struct loop *loop, struct change *change)
{
	const struct loop_spec *spec = loop->spec;
	struct conn *c = conn_find(loop, change->ticket);
	struct answer ans = {0};
	struct waiting waiting = {0};

	loop->n_changes--;
	enum outcome outcome = spec->committed(
	    spec->ctx, loop->now, &loop->arena, change, &ans, &waiting);
	if (c && c->state == CONN_COMMITTING) {
		/* what came after the change may have been looked at before
		   this one waited for it: then it asks at once */
		bool missed = loop->looked_boot >= c->since_boot;
		conn_time(loop, c, NULL);
		conn_outcome(loop, c, outcome, &ans, &waiting, NULL);
		if (missed && outcome == OUTCOME_PARK)
			park_wake(loop->park, waiting.api,
			    waiting.id + JOB_KEY_OFFSET);
		/* what came meanwhile has had its edge */
		if (c->fd >= 0)
			conn_later(loop, c);
	} else if (outcome == OUTCOME_PARK || outcome == OUTCOME_STREAM) {
		conn_gone(loop, &waiting);
	}
	spec->discard(spec->ctx, change);
	arena_reset(&loop->arena);
	loop_step(loop);
}

void conn_overdue(struct loop *loop, struct conn *c)
{
	c->framer.keep_conn = false;
	conn_refuse(loop, c, ERR_BUSY);
}

void conn_outcome(struct loop *loop, struct conn *c, enum outcome outcome,
    const struct answer *ans, struct waiting *waiting, struct change *change)
{
	switch (outcome) {
	case OUTCOME_STREAM:
		conn_stream(loop, c, c->framer.request_id, c->framer.keep_conn,
		    ans, waiting);
		break;
	case OUTCOME_ANSWER:
		if (change)
			commit_aside(loop, change);
		conn_answer(
		    loop, c, c->framer.request_id, c->framer.keep_conn, ans);
		break;
	case OUTCOME_PARK:
		park(loop, c, waiting);
		break;
	case OUTCOME_COMMIT:
		commit(loop, c, change);
		break;
	}
}
