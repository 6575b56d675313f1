#include "cgi/read/lane.h"

#include <stdlib.h>
#include <string.h>

/*
 * The rate is one number, when the bucket would be full again, as in bucket.h:
 * each call moves it by `every_us`, and none may move it further than the burst
 * from now. In microseconds, rounded up, so that what is said to be a thousand
 * in a second is not twice that.
 *
 * The budget is counted in hundredths of a call: a good one pays LANE_BUDGET of
 * them in, one more try takes a hundred out.
 */
#define CALL 100
#define US 1000 /* in a millisecond */

struct rate {
	int64_t every_us, ahead_us; /* every_us 0 = no bound */
	int64_t full_us;
};
/* The same numbers twice: in the order they came, and in order. */
struct times {
	size_t n, oldest;
	int64_t came[LANE_TIMES], sorted[LANE_TIMES];
};
struct lane {
	int64_t concurrency, queue_max, retries, hedge;
	struct breaker_rules rules;
	struct breaker breaker;
	struct rate rate;
	struct times times;
	int64_t paused_boot; /* until then */
	int64_t running, budget;
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- a life -------------------------------------------------------------- */

struct lane *lane_new(const struct upstream *upstream)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		abort();
	lane->budget = (int64_t)LANE_BUDGET_MAX * CALL;
	lane_refit(lane, upstream);
	return lane;
}

void lane_free(struct lane *lane)
{
	free(lane);
}

static void fit_rate(struct rate *rate, const struct upstream *u)
{
	rate->every_us = 0;
	if (u->rate_count <= 0 || u->rate_per_ms <= 0)
		return;
	rate->every_us = larger(
	    1, (u->rate_per_ms * US + u->rate_count - 1) / u->rate_count);
	rate->ahead_us = larger(0, u->burst - 1) * rate->every_us;
}

void lane_refit(struct lane *lane, const struct upstream *u)
{
	const struct breaker_rules rules = {
	    .window_ms = u->breaker_window_ms,
	    .calls = u->breaker_calls,
	    .failures = u->breaker_failures,
	    .slow_ms = u->breaker_slow_ms,
	    .slow = u->breaker_slow,
	    .open_ms = u->breaker_open_ms,
	    .probes = u->breaker_probes,
	};

	if (rules.window_ms != lane->rules.window_ms)
		breaker_forget(&lane->breaker);
	lane->rules = rules;
	lane->concurrency = u->concurrency > 0 ? u->concurrency : LANE_CALLS;
	lane->queue_max =
	    u->concurrency > 0 ? larger(0, u->queue_max) : LANE_QUEUE;
	lane->retries = u->retries;
	lane->hedge = u->hedge;
	fit_rate(&lane->rate, u);
}

/* ---- times --------------------------------------------------------------- */

/* Where `ms` is, or would be. */
static size_t place_of(const struct times *t, int64_t ms)
{
	size_t from = 0, to = t->n;

	while (from < to) {
		const size_t mid = from + (to - from) / 2;
		if (t->sorted[mid] < ms)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void took(struct times *t, int64_t ms)
{
	size_t at;

	if (t->n == LANE_TIMES) {
		at = place_of(t, t->came[t->oldest]);
		t->n--;
		memmove(t->sorted + at, t->sorted + at + 1,
		    (t->n - at) * sizeof(*t->sorted));
	}
	at = place_of(t, ms);
	memmove(t->sorted + at + 1, t->sorted + at,
	    (t->n - at) * sizeof(*t->sorted));
	t->sorted[at] = ms;
	t->n++;
	t->came[t->oldest] = ms;
	t->oldest = (t->oldest + 1) % LANE_TIMES;
}

/* By the nearest rank; of none 0. */
static int64_t percentile(const struct times *t, int64_t percent)
{
	const size_t rank = (t->n * (size_t)percent + 99) / 100;

	return t->n ? t->sorted[rank ? rank - 1 : 0] : 0;
}

/* ---- calls --------------------------------------------------------------- */

/* How long until one more is allowed; 0: it is. */
static int64_t rate_wait_ms(const struct rate *rate, int64_t now_boot)
{
	const int64_t over = rate->full_us - rate->ahead_us - now_boot * US;

	return rate->every_us && over > 0 ? (over + US - 1) / US : 0;
}

static void rate_take(struct rate *rate, int64_t now_boot)
{
	rate->full_us = larger(rate->full_us, now_boot * US) + rate->every_us;
}

/* Until those that wait have gone, as it looks by the last calls. */
static int64_t queue_ms(const struct lane *lane, size_t waiting)
{
	const int64_t calls = (int64_t)waiting / lane->concurrency + 1;

	return smaller(
	    LANE_PAUSE_MAX_MS, larger(1, calls * percentile(&lane->times, 50)));
}

static struct lane_answer wait_or_full(
    const struct lane *lane, size_t waiting, int64_t retry_ms)
{
	if ((int64_t)waiting < lane->queue_max)
		return (struct lane_answer){LANE_WAIT, .retry_ms = retry_ms};
	return (struct lane_answer){
	    LANE_FULL, .retry_ms = larger(retry_ms, queue_ms(lane, waiting))};
}

struct lane_answer lane_ask(
    struct lane *lane, int64_t now_boot, int64_t patience_ms, size_t waiting)
{
	const int64_t pause_ms = lane->paused_boot - now_boot;
	const int64_t rate_ms = rate_wait_ms(&lane->rate, now_boot);
	/* asked on trial: a probe is not to be taken by one that waits */
	struct breaker breaker = lane->breaker;
	const struct breaker_pass pass =
	    breaker_ask(&breaker, &lane->rules, now_boot);

	if (!pass.allowed || (pause_ms > 0 && pause_ms > patience_ms))
		return (struct lane_answer){LANE_OPEN, .pass = pass,
		    .retry_ms = larger(pass.retry_ms, larger(1, pause_ms))};
	if (pause_ms > 0)
		return wait_or_full(lane, waiting, larger(pause_ms, rate_ms));
	if (rate_ms > 0 && rate_ms > patience_ms)
		return (struct lane_answer){LANE_FULL, .retry_ms = rate_ms};
	if (lane->running >= lane->concurrency || rate_ms > 0)
		return wait_or_full(lane, waiting, rate_ms);
	lane->breaker = breaker;
	lane->running++;
	rate_take(&lane->rate, now_boot);
	return (struct lane_answer){LANE_GO, .pass = pass};
}

int64_t lane_paused_ms(const struct lane *lane, int64_t now_boot)
{
	return larger(0, lane->paused_boot - now_boot);
}

static bool is_good(const struct lane_end *end)
{
	return end->end == UPSTREAM_ANSWER && end->status > 0 &&
	       end->status < 500 && end->status != 429;
}

static void pause_as_asked(
    struct lane *lane, int64_t now_boot, const struct lane_end *end)
{
	if (end->end == UPSTREAM_ANSWER && end->has_retry_after &&
	    (end->status == 429 || end->status == 503))
		lane->paused_boot = larger(lane->paused_boot,
		    now_boot + smaller(LANE_PAUSE_MAX_MS, end->retry_after_ms));
}

static void give_back(struct lane *lane, struct breaker_pass pass)
{
	if (pass.allowed && lane->running > 0)
		lane->running--;
}

bool lane_end(struct lane *lane, int64_t now_boot, const struct lane_end *end)
{
	const bool good = is_good(end);

	give_back(lane, end->pass);
	pause_as_asked(lane, now_boot, end);
	if (good) {
		took(&lane->times, larger(0, end->took_ms));
		lane->budget = smaller(lane->budget + LANE_BUDGET,
		    (int64_t)LANE_BUDGET_MAX * CALL);
	}
	return breaker_tell(&lane->breaker, &lane->rules, now_boot, end->pass,
	    good, end->took_ms);
}

void lane_drop(struct lane *lane, struct breaker_pass pass)
{
	give_back(lane, pass);
	breaker_drop(&lane->breaker, pass);
}

size_t lane_running(const struct lane *lane)
{
	return (size_t)lane->running;
}

enum breaker_state lane_state(const struct lane *lane, int64_t now_boot)
{
	return breaker_state(&lane->breaker, &lane->rules, now_boot);
}

/* ---- once more ----------------------------------------------------------- */

static bool may_again(const struct lane_end *end)
{
	if (end->end == UPSTREAM_ANSWER)
		return end->status >= 502 && end->status <= 504;
	return end->end == UPSTREAM_UNSENT || end->end == UPSTREAM_BROKEN;
}

static bool spend(struct lane *lane)
{
	if (lane->budget < CALL)
		return false;
	lane->budget -= CALL;
	return true;
}

int64_t lane_retry_ms(struct lane *lane, const struct lane_end *end,
    int64_t tries, uint32_t random)
{
	int64_t most = LANE_RETRY_MS, after = 0;

	if (tries > lane->retries || !may_again(end) || !spend(lane))
		return -1;
	for (int64_t i = 1; i < tries && most < LANE_RETRY_MAX_MS; i++)
		most *= 2;
	most = smaller(most, LANE_RETRY_MAX_MS);
	if (end->end == UPSTREAM_ANSWER && end->has_retry_after)
		after =
		    larger(0, smaller(LANE_PAUSE_MAX_MS, end->retry_after_ms));
	return after + (int64_t)(random % (uint32_t)(most + 1));
}

int64_t lane_hedge_ms(const struct lane *lane)
{
	if (lane->hedge <= 0 || lane->times.n < LANE_TIMES_MIN)
		return -1;
	return larger(1, percentile(&lane->times, lane->hedge));
}

bool lane_may_hedge(struct lane *lane)
{
	return lane->breaker.state == BREAKER_CLOSED &&
	       lane->running < lane->concurrency && spend(lane);
}
