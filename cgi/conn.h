#ifndef LOWTIDE_CGI_CONN_H
#define LOWTIDE_CGI_CONN_H

#include <sys/queue.h>

#include "cgi/fcgi/framer.h"
#include "cgi/fcgi/parse.h"
#include "cgi/fcgi/writer.h"
#include "cgi/loop.h"

/*
 * One kept connection, and what all connections share: the inside of the
 * loop. loop.c waits and tells what happened; conn.c reads requests, and
 * conn-answer.c does what follows from them.
 *
 * Bytes go this way: recv into the scratch. A request that arrived at once is
 * laid on the desk, a memfd mapped here, where libfcgi reads it and nothing
 * else: it ends where the file ends. One that did not is kept in a memfd of the
 * connection's own. What the framer cannot use yet, or what stands behind a
 * request that is being answered, is carried over.
 *
 * A connection is named by generation << 32 | index, in epoll's data and in
 * parking slots: a name whose connection is gone finds nothing.
 */
#define CONN_SCRATCH ((size_t)64 * 1024)
#define CONN_STEPS 16 /* reads and requests before others get their turn */

enum conn_state {
	CONN_READING, /* between requests, or inside one */
	CONN_WRITING, /* conn.out has not gone out yet */
	CONN_PARKED,
	CONN_STREAMING,	 /* parked for as long as it lasts; conn.out is what of
			    its last piece has not gone out yet */
	CONN_COMMITTING, /* its change is under way: neither reads nor parks */
};

TAILQ_HEAD(conn_list, conn);
struct conn {
	uint32_t index, generation;
	int fd; /* -1 = this place is free */
	enum conn_state state;
	bool served;	  /* has had a whole request: may be idle for ever */
	bool end;	  /* the other side sends no more */
	bool close_after; /* once conn.out is gone */
	bool starved;	  /* the framer needs more than what is carried */
	bool ready;	  /* in loop.ready */
	bool behind;	  /* streaming: to be asked for once conn.out is gone */
	struct framer framer;
	int spill_fd;	/* the request's bytes so far, or -1 */
	size_t spilled; /* how many */
	size_t held;	/* what it counts for in loop.held */
	struct buf carry;
	struct writer out;
	struct park_name slot;
	struct conn_list *timed; /* one of the loop's, or NULL */
	int64_t since_boot;	 /* in there; stalled: since it last moved */
	TAILQ_ENTRY(conn) in_timed, in_ready;
};

struct loop {
	const struct loop_spec *spec;
	int64_t incomplete_ms, stalled_ms, commit_ms, stuck_ms, recheck_ms;
	int epoll_fd, signal_fd;
	int listen_fd;	     /* -1 while draining */
	int64_t accept_boot; /* out of descriptors: not before; 0 = now */
	struct app_now now;
	int64_t drain_boot; /* draining: until when; 0 = not */
	int64_t busy_boot;  /* last that anybody was here */
	bool stop;
	/* conns[index]; those with fd -1 are in free_conns as well */
	struct conn **conns;
	uint32_t *free_conns;
	uint32_t n_conns, cap_conns, n_free, conns_max;
	struct conn_list incomplete, stalled, stuck, committing, ready;
	uint32_t n_incomplete;
	uint32_t n_streams, streams_max;
	uint32_t steps;	    /* asked of the app since it rested */
	uint32_t n_changes; /* submitted and not back, whoever asked */
	size_t held; /* bytes of requests and answers that are under way */
	uint8_t *scratch;
	uint8_t *desk;		 /* a memfd, mapped */
	int desk_fd, desk_spare; /* one file, one offset */
	struct parser *parser;
	struct arena arena;
	struct buf answer;
	struct writer out;
	struct park *park;
	uint64_t seed;
	/* asking what has changed: when next and once more (0 = not), and when
	   that was done last */
	int64_t look_boot, recheck_boot, looked_boot;
};

/*
 * loop.c: after each question to the app. Once a turn has lasted LOOP_VIEW_MS
 * the app rests, and it is later.
 */
void loop_step(struct loop *loop);
/* 0 … below - 1, in no order; 0 when below is. */
int64_t loop_random(struct loop *loop, int64_t below);

/* conns.c: the table and its bounds. */

/*
 * When there are LOOP_CONNS_MAX already the oldest that owes a request goes;
 * NULL when none does. The descriptor is taken over.
 */
struct conn *conn_new(struct loop *loop, int fd);
uint32_t conns_open(const struct loop *loop);
uint64_t conn_name(const struct conn *c);
/* NULL when that connection is gone. */
struct conn *conn_find(struct loop *loop, uint64_t name);
/* Into the tail of a list (or none), unless it is there already. */
void conn_time(struct loop *loop, struct conn *c, struct conn_list *list);
/* So many bytes more; beyond LOOP_SPILL_MAX the oldest go, maybe this one. */
void conn_hold(struct loop *loop, struct conn *c, size_t n);
void conn_let_go(struct loop *loop, struct conn *c, size_t n);
/* Again in the next turn. */
void conn_later(struct loop *loop, struct conn *c);
/* Keeps the bytes of an incomplete request; false when it was closed. */
bool conn_spill(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n);
void conn_unspill(struct loop *loop, struct conn *c);
/* Ends what it waits for as well. Its place is free, its name is gone. */
void conn_close(struct loop *loop, struct conn *c);
/* Whoever waits so will not be asked for again, and `resume` did not end it. */
void conn_gone(struct loop *loop, const struct waiting *waiting);
/* Closes every connection and gives back the memory. */
void conns_release(struct loop *loop);

/* conn.c: what happens on one. */

/* Reads what is there and does what follows, in CONN_STEPS at most. */
void conn_read(struct loop *loop, struct conn *c);
/* A part of a request or a record has come, and the rest has not. */
bool conn_is_inside(const struct conn *c);
/* epoll says so. */
void conn_event(struct loop *loop, struct conn *c, uint32_t events);

/* conn-answer.c: what becomes of a request. */

/* EPOLLIN, RDHUP and `also` from now on; false: it had to be closed. */
bool conn_watch(struct loop *loop, struct conn *c, uint32_t also);
/* What stands in loop->out goes out, or waits with its connection. */
void conn_send(struct loop *loop, struct conn *c, bool close_after);
void conn_refuse(struct loop *loop, struct conn *c, enum err err);
/* What the app said of this connection's request. */
void conn_outcome(struct loop *loop, struct conn *c, enum outcome outcome,
    const struct answer *ans, struct waiting *waiting, struct change *change);
/*
 * Asks for a parked request again. At its deadline, and with `last` (it has to
 * end), it is answered, come what may.
 */
void conn_resume(struct loop *loop, struct park_name slot, bool last);
/*
 * Bytes have come while its request waits. An ABORT_REQUEST for it ends it
 * with nothing but the end; whatever else, with what there is.
 */
void conn_unpark(
    struct loop *loop, struct conn *c, const uint8_t *bytes, size_t n);
/* A change is back: answers whoever still waits for it, and frees it. */
void conn_committed(struct loop *loop, struct change *change);
/* One that does not come back in time. */
void conn_overdue(struct loop *loop, struct conn *c);
/* What answers a request at last. */
void conn_answer(struct loop *loop, struct conn *c, uint16_t request_id,
    bool keep_conn, const struct answer *ans);
/* Not at a time that is over: that would be for ever. */
int64_t conn_not_before_now(const struct loop *loop, int64_t again_boot);
/* loop->answer has gone on: empties it. */
void conn_clear_answer(struct loop *loop);

/* conn-stream.c: answers that go on. */

/* No other one can begin. */
bool conn_streams_full(const struct loop *loop);
/* One begins: `ans` is its head and its first bytes. */
void conn_stream(struct loop *loop, struct conn *c, uint16_t request_id,
    bool keep_conn, const struct answer *ans, const struct waiting *waiting);
/* It is woken, or due. */
void conn_stream_on(struct loop *loop, struct conn *c);
/* The socket takes more. */
void conn_stream_flush(struct loop *loop, struct conn *c);
/* It ends cleanly, behind what is on its way. */
void conn_stream_end(struct loop *loop, struct conn *c);

#endif
