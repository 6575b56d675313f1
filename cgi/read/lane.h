#ifndef LOWTIDE_CGI_READ_LANE_H
#define LOWTIDE_CGI_READ_LANE_H

#include "cgi/read/breaker.h"
#include "cgi/upstream/upstream.h"
#include "lib/config.h"

/*
 * All that a process keeps to towards one upstream: how many calls at once
 * (bulkhead), how many wait for that, its breaker, its rate, its Retry-After,
 * what may be made again (budget) or beside (hedging). Pure; the engine has the
 * calls and their queue.
 *
 * The rate (upstream.rate_count in rate_per_ms) is kept by each process for
 * itself: reads have no store through which they could share one, as jobs do.
 */
#define LANE_CALLS 32	   /* at once, where the upstream does not say */
#define LANE_QUEUE 1024	   /* waiting, where it does not say the former */
#define LANE_BUDGET 10	   /* percent of the calls that may be made again */
#define LANE_BUDGET_MAX 20 /* so many are saved up */
#define LANE_PAUSE_MAX_MS ((int64_t)5 * 60 * 1000) /* of a Retry-After */
#define LANE_TIMES 256	  /* the last good calls' times, for percentiles */
#define LANE_TIMES_MIN 32 /* fewer say nothing */
#define LANE_RETRY_MS 50  /* before the second try at most; doubles */
#define LANE_RETRY_MAX_MS 1000

enum lane_say {
	LANE_GO,   /* make it: .pass is told again */
	LANE_WAIT, /* not yet: when one ends, or at now + retry_ms (0 = not by
		      time) */
	LANE_OPEN, /* no: its breaker is open, or it asked for a pause */
	LANE_FULL, /* no: too many wait */
};
struct lane_answer {
	enum lane_say say;
	struct breaker_pass pass;
	int64_t retry_ms; /* OPEN, FULL: for Retry-After; at least 1 */
};
struct lane_end {
	struct breaker_pass pass;
	enum upstream_end end;
	int status;
	bool has_retry_after;
	int64_t retry_after_ms, took_ms;
};

struct lane;
struct lane *lane_new(const struct upstream *upstream);
void lane_free(struct lane *lane); /* NULL-safe */
/* Another configuration's of that name; what is known stays. */
void lane_refit(struct lane *lane, const struct upstream *upstream);

/*
 * May a call be made now? `patience_ms` is how long its asker would wait: a
 * pause that is longer is LANE_OPEN, and what the rate does not allow by then
 * LANE_FULL. `waiting` is how many wait before it: none before the first of the
 * queue; a call that cannot go and has queue_max before it is LANE_FULL.
 * LANE_GO takes a place, which lane_end() or lane_drop() gives back.
 */
struct lane_answer lane_ask(
    struct lane *lane, int64_t now_boot, int64_t patience_ms, size_t waiting);
/* How long it is still paused by a Retry-After; 0 = it is not. */
int64_t lane_paused_ms(const struct lane *lane, int64_t now_boot);
/*
 * True: its breaker has just opened. 429 and 503 with Retry-After pause it. A
 * failure is what is no answer, any 5xx, and 429.
 */
bool lane_end(struct lane *lane, int64_t now_boot, const struct lane_end *end);
/* Nobody wants it any more. */
void lane_drop(struct lane *lane, struct breaker_pass pass);
size_t lane_running(const struct lane *lane);
enum breaker_state lane_state(const struct lane *lane, int64_t now_boot);

/*
 * Whether a call that ended so may be made once more (`tries` so far, at least
 * 1), and in how long: full jitter from `random`, after the Retry-After that
 * came with it. Only what failed on the way, 502, 503 and 504; it costs a share
 * of the budget that good calls pay in. -1 = no.
 */
int64_t lane_retry_ms(struct lane *lane, const struct lane_end *end,
    int64_t tries, uint32_t random);
/* After how long a second call is made beside a first; -1 = none is. */
int64_t lane_hedge_ms(const struct lane *lane);
/*
 * Takes it out of the same budget. Never while the breaker is not closed, nor
 * where lane_ask() would have it wait for a place.
 */
bool lane_may_hedge(struct lane *lane);

#endif
