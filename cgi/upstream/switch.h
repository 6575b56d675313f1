#ifndef LOWTIDE_CGI_UPSTREAM_SWITCH_H
#define LOWTIDE_CGI_UPSTREAM_SWITCH_H

#include "cgi/upstream/upstream.h"

/*
 * One place to wait in for everything that a process has called: HTTP calls,
 * programs and reads, of several users, each of whom sees only his own.
 *
 * A channel is a pool of `upstream_channel`: start() goes to the pool that can
 * do the call, next() and moved() give out what was started on that channel,
 * and a wait on any channel is for all of them. Tags of different channels may
 * be equal. What one channel's look brings home for another keeps every wait
 * from sleeping, so each channel's user looks after each wait.
 */
#define SWITCH_CHANNELS_MAX 4
#define SWITCH_FDS_MAX 7 /* descriptors that wait() takes beside the calls */

struct log;
struct upstream_switch;
struct switch_spec {
	/* folder in which programs get theirs; NULL: none can be run here */
	const char *work;
	const struct log *log; /* what programs say on fd 2; NULL = nothing */
};
/* ERR_MISSING: libcurl cannot be used. The strings are borrowed. */
enum err switch_open(const struct switch_spec *spec,
    struct upstream_switch **out) __attribute__((warn_unused_result));
void switch_close(struct upstream_switch *s); /* NULL-safe */
/* channel < SWITCH_CHANNELS_MAX: the pool of upstream_channel. Never closed. */
void *switch_channel(struct upstream_switch *s, size_t channel);
extern const struct upstream_ops upstream_channel;

/*
 * Who does the calls with `read`. He comes after the switch, as his own calls
 * go through a channel of it, which is his alone; from here on the switch has
 * him, and closes him before anything else. Without him such calls end as
 * UPSTREAM_UNSENT.
 *
 * His next() and moved() are asked within those of every channel, with what
 * came for his own channel lying there: so he looks after that one in them, and
 * nobody else does. due_boot() says when he wants to be asked though nothing
 * moved, by the boot clock: no wait is longer. 0 = not by time.
 */
struct switch_reads {
	const struct upstream_ops *ops;
	void *pool;
	int64_t (*due_boot)(void *pool);
};
void switch_lend(struct upstream_switch *s, const struct switch_reads *reads);

#endif
