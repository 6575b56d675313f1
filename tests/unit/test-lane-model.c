#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/read/lane.h"
#include "tests/unit/model-kit.h"

/*
 * The model remembers when each call began, how long each good one took and
 * until when each Retry-After asked, and looks at all of them each time. What
 * the breaker says it asks a breaker of its own: that one has its own model
 * (test-breaker-model.c).
 */
#define STARTS_MAX 4096
#define OUT_MAX 200

struct model {
	struct upstream u;
	struct breaker_rules rules;
	struct breaker breaker;
	struct breaker_pass out[OUT_MAX];
	int64_t n_out;
	int64_t starts[STARTS_MAX];
	size_t n_starts;
	int64_t took[STARTS_MAX];
	size_t n_took;
	int64_t paused_until;
	int64_t good, spent; /* paid in, in tenths; taken out, whole calls */
};

static int64_t concurrency_of(const struct model *m)
{
	return m->u.concurrency ? m->u.concurrency : LANE_CALLS;
}

static int64_t queue_of(const struct model *m)
{
	return m->u.concurrency ? m->u.queue_max : LANE_QUEUE;
}

/* Each pair of a call that was and this one is far enough apart. */
static bool rate_allows(const struct model *m, int64_t now)
{
	if (!m->u.rate_count)
		return true;
	const int64_t every_us = m->u.rate_per_ms * 1000 / m->u.rate_count;
	const int64_t burst = m->u.burst > 1 ? m->u.burst : 1;
	for (size_t i = 0; i < m->n_starts; i++) {
		const int64_t with_it = (int64_t)(m->n_starts - i) + 1;
		if ((now - m->starts[i]) * 1000 < (with_it - burst) * every_us)
			return false;
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The least that so many percent are not above; -1: too few. */
static int64_t percentile_of(const struct model *m)
{
	const size_t n = m->n_took < LANE_TIMES ? m->n_took : LANE_TIMES;
	int64_t sorted[LANE_TIMES];

	if (n < LANE_TIMES_MIN || !m->u.hedge)
		return -1;
	memcpy(sorted, m->took + m->n_took - n, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_time);
	size_t i = 0;
	while ((int64_t)(i + 1) * 100 < m->u.hedge * (int64_t)n)
		i++;
	return sorted[i] > 1 ? sorted[i] : 1;
}

static struct upstream draw_upstream(struct draw *d)
{
	static const int64_t rates[][2] = {
	    {0, 0}, {1, 1000}, {10, 1000}, {1000, 1000}, {5, 60000}, {8, 1}};
	const int64_t *rate = rates[draw_to(d, 6)];

	return (struct upstream){
	    .concurrency = draw_to(d, 12),
	    .queue_max = draw_to(d, 6),
	    .retries = draw_to(d, 4),
	    .hedge = draw_percent(d, 70) ? 50 + draw_to(d, 50) : 0,
	    .rate_count = rate[0],
	    .rate_per_ms = rate[1],
	    .burst = draw_to(d, 5),
	    .breaker_window_ms = draw_percent(d, 70) ? 1000 : 0,
	    .breaker_calls = 10,
	    .breaker_failures = 60,
	    .breaker_slow_ms = 900,
	    .breaker_slow = 90,
	    .breaker_open_ms = 700,
	    .breaker_probes = 1 + draw_to(d, 3),
	};
}

static void ask(struct draw *d, struct model *m, struct lane *lane, int64_t now)
{
	const int64_t patience = draw_percent(d, 50) ? 0 : draw_to(d, 3000);
	const size_t waiting = (size_t)draw_to(d, 8);
	const int64_t pause = m->paused_until - now;
	struct breaker trial = m->breaker;
	const struct breaker_pass pass = breaker_ask(&trial, &m->rules, now);
	const struct lane_answer a = lane_ask(lane, now, patience, waiting);

	if (!pass.allowed || (pause > 0 && pause > patience)) {
		assert_int_equal(a.say, LANE_OPEN);
		assert_true(a.retry_ms >= 1 && a.retry_ms >= pause &&
			    a.retry_ms >= pass.retry_ms);
		return;
	}
	if (pause <= 0 && m->n_out < concurrency_of(m) && rate_allows(m, now)) {
		assert_int_equal(a.say, LANE_GO);
		assert_true(a.pass.allowed);
		assert_int_equal(a.pass.probe, pass.probe);
		m->breaker = trial;
		m->out[m->n_out++] = a.pass;
		assert_true(m->n_starts < STARTS_MAX);
		m->starts[m->n_starts++] = now;
		return;
	}
	assert_true(a.say == LANE_WAIT || a.say == LANE_FULL);
	if (a.say == LANE_WAIT) {
		assert_true((int64_t)waiting < queue_of(m));
		/* by time: neither too early nor later than need be */
		if (pause > 0)
			assert_true(a.retry_ms >= pause);
		if (a.retry_ms > 0)
			assert_true(pause > 0 || !rate_allows(m, now));
		if (a.retry_ms > 0 && m->u.rate_count)
			assert_true(rate_allows(m, now + a.retry_ms));
		if (a.retry_ms > 0 && pause <= 0)
			assert_false(rate_allows(m, now + a.retry_ms - 1));
		if (rate_allows(m, now) && pause <= 0)
			assert_int_equal(a.retry_ms, 0);
	} else {
		assert_true(a.retry_ms >= 1);
		assert_true((int64_t)waiting >= queue_of(m) ||
			    !rate_allows(m, now + patience));
	}
}

static struct lane_end draw_end(struct draw *d, int bad_percent)
{
	static const int good[] = {200, 204, 304, 404, 422};
	static const int bad[] = {429, 500, 502, 503, 504, 0};
	struct lane_end e = {.end = UPSTREAM_ANSWER,
	    .took_ms = draw_to(d, draw_percent(d, 5) ? 5000 : 300) - 1};

	if (!draw_percent(d, bad_percent)) {
		e.status = good[draw_to(d, 5)];
	} else if (draw_percent(d, 50)) {
		e.status = bad[draw_to(d, 6)];
		e.has_retry_after = draw_percent(d, 5);
		e.retry_after_ms =
		    draw_percent(d, 5) ? INT64_MAX / 2 : draw_to(d, 5000) - 100;
	} else {
		e.end = UPSTREAM_UNSENT + (int)draw_to(d, UPSTREAM_ENDS - 1);
	}
	return e;
}

static bool is_good(const struct lane_end *e)
{
	return e->end == UPSTREAM_ANSWER && e->status / 100 > 0 &&
	       e->status / 100 < 5 && e->status != 429;
}

static int64_t saved(const struct model *m)
{
	return m->good - 10 * m->spent;
}

static void try_again(struct draw *d, struct model *m, struct lane *lane,
    const struct lane_end *e)
{
	const int64_t tries = 1 + draw_to(d, 7);
	const bool way =
	    e->end == UPSTREAM_UNSENT || e->end == UPSTREAM_BROKEN ||
	    (e->end == UPSTREAM_ANSWER &&
		(e->status == 502 || e->status == 503 || e->status == 504));
	const int64_t ms = lane_retry_ms(lane, e, tries, draw(d));
	int64_t after = 0;

	if (!way || tries > m->u.retries || saved(m) < 10) {
		assert_int_equal(ms, -1);
		return;
	}
	m->spent++;
	if (e->has_retry_after && e->retry_after_ms > 0)
		after = e->retry_after_ms < LANE_PAUSE_MAX_MS
			    ? e->retry_after_ms
			    : LANE_PAUSE_MAX_MS;
	assert_true(ms >= after);
	assert_true(ms - after <= LANE_RETRY_MAX_MS);
	assert_true(ms - after <= LANE_RETRY_MS * (INT64_C(1) << (tries - 1)));
}

static void end(struct draw *d, struct model *m, struct lane *lane, int64_t now,
    int bad_percent)
{
	const int64_t i = draw_to(d, m->n_out);
	struct lane_end e = draw_end(d, bad_percent);
	const bool good = is_good(&e);

	e.pass = m->out[i];
	m->out[i] = m->out[--m->n_out];
	const bool opens =
	    breaker_tell(&m->breaker, &m->rules, now, e.pass, good, e.took_ms);
	assert_int_equal(lane_end(lane, now, &e), opens);
	if (good) {
		m->took[m->n_took++] = e.took_ms > 0 ? e.took_ms : 0;
		/* what is saved up has an end */
		if (saved(m) < 10 * LANE_BUDGET_MAX)
			m->good++;
	}
	if (e.has_retry_after && (e.status == 429 || e.status == 503)) {
		const int64_t ms = e.retry_after_ms < LANE_PAUSE_MAX_MS
				       ? e.retry_after_ms
				       : LANE_PAUSE_MAX_MS;
		if (now + ms > m->paused_until)
			m->paused_until = now + ms;
	}
	if (!good)
		try_again(d, m, lane, &e);
}

static void hedge(struct model *m, struct lane *lane)
{
	const bool may = m->breaker.state == BREAKER_CLOSED &&
			 m->n_out < concurrency_of(m) && saved(m) >= 10;

	assert_int_equal(lane_hedge_ms(lane), percentile_of(m));
	assert_int_equal(lane_may_hedge(lane), may);
	m->spent += may;
}

/* Another configuration; what is known stays. */
static void refit(struct draw *d, struct model *m, struct lane *lane)
{
	const struct upstream fresh = draw_upstream(d);

	m->u.concurrency = fresh.concurrency;
	m->u.queue_max = fresh.queue_max;
	m->u.retries = fresh.retries;
	m->u.hedge = fresh.hedge;
	lane_refit(lane, &m->u);
}

static struct breaker_rules rules_of(const struct upstream *u)
{
	return (struct breaker_rules){
	    .window_ms = u->breaker_window_ms,
	    .calls = u->breaker_calls,
	    .failures = u->breaker_failures,
	    .slow_ms = u->breaker_slow_ms,
	    .slow = u->breaker_slow,
	    .open_ms = u->breaker_open_ms,
	    .probes = u->breaker_probes,
	};
}

static void one_life(struct draw *d, uint64_t steps)
{
	static struct model m;
	int64_t now = draw(d);
	int bad = (int)draw_to(d, 60) / 3;

	m = (struct model){.u = draw_upstream(d), .good = 10 * LANE_BUDGET_MAX};
	m.rules = rules_of(&m.u);
	struct lane *lane = lane_new(&m.u);
	for (uint64_t i = 0; i < steps; i++) {
		if (draw_percent(d, 40))
			now += draw_to(d, draw_percent(d, 10) ? 2000 : 40);
		const int64_t what = draw_to(d, 100);
		if (what < 50 && m.n_out < OUT_MAX) {
			ask(d, &m, lane, now);
		} else if (what < 90 && m.n_out) {
			end(d, &m, lane, now, bad);
		} else if (what < 93 && m.n_out) {
			const struct breaker_pass pass = m.out[--m.n_out];
			breaker_drop(&m.breaker, pass);
			lane_drop(lane, pass);
		} else if (what < 98) {
			hedge(&m, lane);
		} else if (what < 99) {
			refit(d, &m, lane);
		} else {
			bad = (int)(draw_to(d, 11) * draw_to(d, 11));
		}
		assert_int_equal(lane_running(lane), m.n_out);
		assert_int_equal(lane_state(lane, now),
		    breaker_state(&m.breaker, &m.rules, now));
		assert_true(saved(&m) >= 0);
	}
	lane_free(lane);
}

static void as_the_model(void **unused)
{
	struct draw d = draw_begin(200000);

	(void)unused;
	for (uint64_t done = 0; done < d.steps; done += 4000)
		one_life(&d, 4000);
}

/* ---- by hand ------------------------------------------------------------- */

static struct lane_end ended(struct lane_answer a, int status)
{
	return (struct lane_end){
	    .pass = a.pass, .end = UPSTREAM_ANSWER, .status = status};
}

static void go(struct lane *lane, int64_t now, int status, int64_t after_ms)
{
	const struct lane_answer a = lane_ask(lane, now, 0, 0);
	struct lane_end e = ended(a, status);

	assert_int_equal(a.say, LANE_GO);
	e.has_retry_after = after_ms >= 0;
	e.retry_after_ms = after_ms;
	lane_end(lane, now, &e);
}

static void as_many_as_fit(void **unused)
{
	const struct upstream u = {.concurrency = 2, .queue_max = 1};
	struct lane *lane = lane_new(&u);
	const struct lane_answer a = lane_ask(lane, 1, 0, 0);

	(void)unused;
	assert_int_equal(a.say, LANE_GO);
	assert_int_equal(lane_ask(lane, 1, 0, 0).say, LANE_GO);
	const struct lane_answer b = lane_ask(lane, 1, 0, 0);
	assert_int_equal(b.say, LANE_WAIT);
	assert_int_equal(b.retry_ms, 0);
	assert_int_equal(lane_ask(lane, 1, 0, 1).say, LANE_FULL);
	assert_true(lane_ask(lane, 1, 0, 1).retry_ms >= 1);
	lane_drop(lane, b.pass); /* it had no place to give back */
	assert_int_equal(lane_running(lane), 2);
	lane_drop(lane, a.pass);
	assert_int_equal(lane_running(lane), 1);
	assert_int_equal(lane_ask(lane, 1, 0, 0).say, LANE_GO);
	lane_free(lane);
}

static void defaults(void **unused)
{
	const struct upstream u = {0};
	struct lane *lane = lane_new(&u);

	(void)unused;
	for (int i = 0; i < LANE_CALLS; i++)
		assert_int_equal(lane_ask(lane, 1, 0, 0).say, LANE_GO);
	assert_int_equal(lane_ask(lane, 1, 0, LANE_QUEUE - 1).say, LANE_WAIT);
	assert_int_equal(lane_ask(lane, 1, 0, LANE_QUEUE).say, LANE_FULL);
	lane_free(lane);
	lane_free(NULL);
}

/* By how many wait, and by how long calls took. */
static void full_says_when(void **unused)
{
	const struct upstream u = {.concurrency = 4};
	struct lane *lane = lane_new(&u);
	struct lane_answer a[4];

	(void)unused;
	for (int i = 0; i < 4; i++)
		a[i] = lane_ask(lane, 0, 0, 0);
	struct lane_end e = ended(a[0], 200);
	e.took_ms = 1000;
	lane_end(lane, 0, &e);
	assert_int_equal(lane_ask(lane, 0, 0, 0).say, LANE_GO);
	assert_int_equal(lane_ask(lane, 0, 0, 0).retry_ms, 1000);
	assert_int_equal(lane_ask(lane, 0, 0, 8).retry_ms, 3000);
	assert_int_equal(
	    lane_ask(lane, 0, 0, 100000000).retry_ms, LANE_PAUSE_MAX_MS);
	lane_free(lane);
}

static void retry_after_pauses(void **unused)
{
	const struct upstream u = {.concurrency = 2, .queue_max = 9};
	struct lane *lane = lane_new(&u);

	(void)unused;
	go(lane, 100, 429, 2000);
	assert_int_equal(lane_ask(lane, 100, 1999, 0).say, LANE_OPEN);
	assert_int_equal(lane_ask(lane, 100, 1999, 0).retry_ms, 2000);
	const struct lane_answer a = lane_ask(lane, 600, 1500, 0);
	assert_int_equal(a.say, LANE_WAIT);
	assert_int_equal(a.retry_ms, 1500);
	go(lane, 2100, 503, INT64_MAX);
	assert_int_equal(
	    lane_ask(lane, 2100, 0, 0).retry_ms, LANE_PAUSE_MAX_MS);
	go(lane, 2100 + LANE_PAUSE_MAX_MS, 200, 5000); /* means nothing there */
	go(lane, 2100 + LANE_PAUSE_MAX_MS, 503, -5);
	go(lane, 2100 + LANE_PAUSE_MAX_MS, 503, 0);
	go(lane, 2100 + LANE_PAUSE_MAX_MS, 200, -1);
	lane_free(lane);
}

/* A shorter one that comes late does not end a longer one. */
static void the_longest_pause(void **unused)
{
	const struct upstream u = {.concurrency = 2, .queue_max = 9};
	struct lane *lane = lane_new(&u);
	struct lane_end a = ended(lane_ask(lane, 0, 0, 0), 503);
	struct lane_end b = ended(lane_ask(lane, 0, 0, 0), 503);

	(void)unused;
	a.has_retry_after = b.has_retry_after = true;
	a.retry_after_ms = 9000;
	b.retry_after_ms = 1000;
	lane_end(lane, 0, &a);
	lane_end(lane, 0, &b);
	assert_int_equal(lane_ask(lane, 0, 0, 0).retry_ms, 9000);
	lane_free(lane);
}

static void the_rate_is_kept_to(void **unused)
{
	struct upstream u = {.concurrency = 100,
	    .queue_max = 9,
	    .rate_count = 3,
	    .rate_per_ms = 1000,
	    .burst = 2};
	struct lane *lane = lane_new(&u);

	(void)unused;
	for (int i = 0; i < 2; i++)
		assert_int_equal(lane_ask(lane, 5000, 0, 0).say, LANE_GO);
	const struct lane_answer a = lane_ask(lane, 5000, 334, 0);
	assert_int_equal(a.say, LANE_WAIT);
	assert_int_equal(a.retry_ms, 334); /* never before a third of it */
	assert_int_equal(lane_ask(lane, 5000, 333, 0).say, LANE_FULL);
	assert_int_equal(lane_ask(lane, 5333, 500, 0).say, LANE_WAIT);
	assert_int_equal(lane_ask(lane, 5334, 0, 0).say, LANE_GO);
	u.rate_count = 0;
	lane_refit(lane, &u);
	for (int i = 0; i < 50; i++)
		assert_int_equal(lane_ask(lane, 5334, 0, 0).say, LANE_GO);
	lane_free(lane);
}

/* Of calls that wait, none has the probe's place. */
static void a_probe_is_for_who_goes(void **unused)
{
	const struct upstream u = {.concurrency = 1,
	    .queue_max = 9,
	    .breaker_window_ms = 1000,
	    .breaker_calls = 1,
	    .breaker_failures = 1,
	    .breaker_open_ms = 100,
	    .breaker_probes = 1};
	struct upstream wide = u;
	struct lane *lane;

	(void)unused;
	wide.concurrency = 2;
	lane = lane_new(&wide);
	const struct lane_answer a = lane_ask(lane, 0, 0, 0);
	const struct lane_answer old = lane_ask(lane, 0, 0, 0);
	struct lane_end e = ended(a, 500);
	assert_true(lane_end(lane, 0, &e));
	assert_int_equal(lane_ask(lane, 0, 10000, 0).say, LANE_OPEN);
	assert_int_equal(lane_ask(lane, 0, 10000, 0).retry_ms, 100);
	lane_refit(lane, &u);
	assert_int_equal(lane_ask(lane, 100, 0, 0).say, LANE_WAIT);
	assert_int_equal(lane_ask(lane, 100, 0, 0).say, LANE_WAIT);
	lane_drop(lane, old.pass);
	const struct lane_answer probe = lane_ask(lane, 100, 0, 0);
	assert_int_equal(probe.say, LANE_GO);
	assert_true(probe.pass.probe);
	assert_false(lane_may_hedge(lane));
	lane_free(lane);
}

static void a_window_of_another_length_is_empty(void **unused)
{
	struct upstream u = {.concurrency = 9,
	    .breaker_window_ms = 1000,
	    .breaker_calls = 2,
	    .breaker_failures = 1,
	    .breaker_open_ms = 100,
	    .breaker_probes = 1};
	struct lane *lane = lane_new(&u);

	(void)unused;
	go(lane, 0, 500, -1);
	u.breaker_window_ms = 2000;
	lane_refit(lane, &u);
	go(lane, 0, 500, -1);
	assert_int_equal(lane_state(lane, 0), BREAKER_CLOSED);
	go(lane, 0, 500, -1);
	assert_int_equal(lane_state(lane, 0), BREAKER_OPEN);
	lane_free(lane);
}

static void the_budget_has_an_end(void **unused)
{
	const struct upstream u = {.concurrency = 9, .retries = 5};
	const struct lane_end broken = {.end = UPSTREAM_BROKEN};
	struct lane *lane = lane_new(&u);
	int n = 0;

	(void)unused;
	while (lane_retry_ms(lane, &broken, 1, 0) >= 0)
		n++;
	assert_int_equal(n, LANE_BUDGET_MAX);
	assert_false(lane_may_hedge(lane));
	for (int i = 0; i < 100 / LANE_BUDGET - 1; i++)
		go(lane, 0, 200, -1);
	assert_int_equal(lane_retry_ms(lane, &broken, 1, 0), -1);
	go(lane, 0, 404, -1);
	assert_int_equal(lane_retry_ms(lane, &broken, 1, 0), 0);
	assert_int_equal(lane_retry_ms(lane, &broken, 1, 0), -1);
	lane_free(lane);
}

/* The whole of what is allowed is drawn, and nothing beside it. */
static void full_jitter(void **unused)
{
	const struct upstream u = {.concurrency = 9, .retries = 9};
	const struct lane_end broken = {.end = UPSTREAM_UNSENT};
	static const int64_t most[] = {50, 100, 200, 400, 800, 1000, 1000};

	(void)unused;
	for (int tries = 1; tries <= 7; tries++) {
		struct lane *lane = lane_new(&u);
		const uint32_t all = (uint32_t)most[tries - 1];
		assert_int_equal(lane_retry_ms(lane, &broken, tries, 0), 0);
		assert_int_equal(lane_retry_ms(lane, &broken, tries, all), all);
		assert_int_equal(
		    lane_retry_ms(lane, &broken, tries, all + 1), 0);
		lane_free(lane);
	}
}

static void no_hedge_by_a_few(void **unused)
{
	const struct upstream u = {.concurrency = 9, .hedge = 95};
	struct lane *lane = lane_new(&u);

	(void)unused;
	for (int i = 0; i < LANE_TIMES_MIN; i++) {
		assert_int_equal(lane_hedge_ms(lane), -1);
		go(lane, 0, 200, -1);
	}
	assert_int_equal(lane_hedge_ms(lane), 1); /* all took 0 */
	lane_free(lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_many_as_fit),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(full_says_when),
	    cmocka_unit_test(retry_after_pauses),
	    cmocka_unit_test(the_longest_pause),
	    cmocka_unit_test(the_rate_is_kept_to),
	    cmocka_unit_test(a_probe_is_for_who_goes),
	    cmocka_unit_test(a_window_of_another_length_is_empty),
	    cmocka_unit_test(the_budget_has_an_end),
	    cmocka_unit_test(full_jitter),
	    cmocka_unit_test(no_hedge_by_a_few),
	    cmocka_unit_test(as_the_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lane-model", tests, NULL, NULL);
}
