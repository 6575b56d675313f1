#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/read/breaker.h"
#include "tests/unit/model-kit.h"

/*
 * The model remembers every call that was ever told, with its time, and looks
 * at all of them each time; of the breaker it knows no slice and no era. A call
 * under way knows when the state that let it through had begun.
 */
#define CALLS_MAX 4096
#define OUT_MAX 64

struct told {
	int64_t at_ms;
	bool good, slow;
};
struct out {
	struct breaker_pass pass;
	int life; /* of the state that let it through */
	bool probe;
};
struct model {
	struct breaker_rules rules;
	enum breaker_state state;
	int life; /* how many changes there were */
	int64_t until_ms;
	int64_t good; /* probes */
	struct told told[CALLS_MAX];
	size_t n_told;
	struct out out[OUT_MAX];
	size_t n_out;
};

static void change(struct model *m, enum breaker_state to)
{
	m->state = to;
	m->life++;
	m->n_told = 0;
	m->good = 0;
}

static int64_t probes_out(const struct model *m)
{
	int64_t n = 0;

	for (size_t i = 0; i < m->n_out; i++)
		n += m->out[i].probe && m->out[i].life == m->life;
	return n;
}

static bool would_open(const struct model *m, int64_t now)
{
	const int64_t slice = m->rules.window_ms / BREAKER_SLICES;
	const int64_t since = (now / slice - (BREAKER_SLICES - 1)) * slice;
	int64_t calls = 0, failed = 0, slow = 0;

	for (size_t i = 0; i < m->n_told; i++) {
		if (m->told[i].at_ms < since)
			continue;
		calls++;
		failed += !m->told[i].good;
		slow += m->told[i].slow;
	}
	if (calls < m->rules.calls)
		return false;
	return 100.0 * (double)failed / (double)calls >=
		   (double)m->rules.failures ||
	       (m->rules.slow_ms && 100.0 * (double)slow / (double)calls >=
					(double)m->rules.slow);
}

static void tell_model(struct model *m, const struct out *o, int64_t now,
    bool good, bool slow, bool *opens)
{
	*opens = false;
	if (o->life != m->life)
		return;
	if (m->state == BREAKER_CLOSED) {
		assert_true(m->n_told < CALLS_MAX);
		m->told[m->n_told++] = (struct told){now, good, slow};
		*opens = would_open(m, now);
	} else {
		*opens = !good || slow;
		if (!*opens && ++m->good == m->rules.probes)
			change(m, BREAKER_CLOSED);
	}
	if (*opens) {
		change(m, BREAKER_OPEN);
		m->until_ms = now + m->rules.open_ms;
	}
}

static struct breaker_rules draw_rules(struct draw *d)
{
	return (struct breaker_rules){
	    .window_ms = 10 * (1 + draw_to(d, 200)),
	    .calls = 1 + draw_to(d, 20),
	    .failures = 1 + draw_to(d, 100),
	    .slow_ms = draw_percent(d, 50) ? 1 + draw_to(d, 1000) : 0,
	    .slow = 1 + draw_to(d, 100),
	    .open_ms = 1 + draw_to(d, 3000),
	    .probes = 1 + draw_to(d, 5),
	};
}

/* Stands still, goes on a little, to a boundary exactly, far ahead. */
static int64_t draw_later(struct draw *d, const struct model *m, int64_t now)
{
	const int64_t slice = m->rules.window_ms / BREAKER_SLICES;

	switch (draw_to(d, 8)) {
	case 0:
		return (now / slice + 1) * slice;
	case 1:
		return (now / slice + 1) * slice - 1;
	case 2:
		return m->state == BREAKER_OPEN ? m->until_ms - draw_to(d, 2)
						: now;
	case 3:
		return now + draw_to(d, 2 * m->rules.window_ms);
	case 4:
		return draw_percent(d, 5) ? now + draw(d) : now;
	default:
		return now + draw_to(d, 4);
	}
}

static void ask(struct model *m, struct breaker *b, int64_t now)
{
	const enum breaker_state seen = breaker_state(b, &m->rules, now);

	if (m->state == BREAKER_OPEN && now >= m->until_ms)
		change(m, BREAKER_HALF);
	assert_int_equal(seen, m->state);
	const bool probe = m->state == BREAKER_HALF;
	const bool may = m->state == BREAKER_CLOSED ||
			 (probe && probes_out(m) + m->good < m->rules.probes);
	const struct breaker_pass pass = breaker_ask(b, &m->rules, now);
	assert_int_equal(pass.allowed, may);
	assert_int_equal(pass.probe, may && probe);
	if (!may) {
		assert_true(pass.retry_ms >= 1);
		if (m->state == BREAKER_OPEN)
			assert_int_equal(pass.retry_ms, m->until_ms - now);
		/* told by mistake, it changes nothing */
		assert_false(breaker_tell(b, &m->rules, now, pass, false, 0));
		breaker_drop(b, pass);
		return;
	}
	m->out[m->n_out++] = (struct out){pass, m->life, probe};
}

static struct out take_any(struct draw *d, struct model *m)
{
	const size_t i = (size_t)draw_to(d, (int64_t)m->n_out);
	const struct out o = m->out[i];

	m->out[i] = m->out[--m->n_out];
	return o;
}

static void tell(struct draw *d, struct model *m, struct breaker *b,
    int64_t now, int bad_percent)
{
	const bool good = !draw_percent(d, bad_percent);
	const int64_t took = draw_to(d, 1500);
	const bool slow = m->rules.slow_ms && took >= m->rules.slow_ms;
	const struct out o = take_any(d, m);
	bool opens;

	tell_model(m, &o, now, good, slow, &opens);
	assert_int_equal(
	    breaker_tell(b, &m->rules, now, o.pass, good, took), opens);
}

static void one_life(struct draw *d, uint64_t steps, uint64_t seen[3])
{
	static struct model m;
	struct breaker b = {0};
	int64_t now = draw_to(d, 100000);
	int bad = 50;

	m = (struct model){.rules = draw_rules(d)};
	for (uint64_t i = 0; i < steps; i++) {
		const int64_t later = draw_later(d, &m, now);
		now = later > now ? later : now;
		if (draw_percent(d, 2))
			bad = (int)draw_to(d, 101);
		if (m.n_out < OUT_MAX && (!m.n_out || draw_percent(d, 50)))
			ask(&m, &b, now);
		else if (draw_percent(d, 90))
			tell(d, &m, &b, now, bad);
		else
			breaker_drop(&b, take_any(d, &m).pass);
		seen[m.state]++;
	}
}

static void as_the_model(void **unused)
{
	struct draw d = draw_begin(400000);
	uint64_t seen[3] = {0};

	(void)unused;
	for (uint64_t done = 0; done < d.steps; done += 2000)
		one_life(&d, 2000, seen);
	printf("# closed %llu, open %llu, half %llu\n",
	    (unsigned long long)seen[BREAKER_CLOSED],
	    (unsigned long long)seen[BREAKER_OPEN],
	    (unsigned long long)seen[BREAKER_HALF]);
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > d.steps / 20);
}

/* ---- each transition, by hand -------------------------------------------- */

static const struct breaker_rules rules = {.window_ms = 1000,
    .calls = 4,
    .failures = 50,
    .slow_ms = 100,
    .slow = 75,
    .open_ms = 500,
    .probes = 2};

static bool one(struct breaker *b, int64_t now, bool good, int64_t took)
{
	const struct breaker_pass pass = breaker_ask(b, &rules, now);

	assert_true(pass.allowed);
	return breaker_tell(b, &rules, now, pass, good, took);
}

static struct breaker opened(int64_t now)
{
	struct breaker b = {0};

	for (int i = 0; i < 3; i++)
		assert_false(one(&b, now, false, 0));
	assert_true(one(&b, now, false, 0));
	assert_int_equal(breaker_state(&b, &rules, now), BREAKER_OPEN);
	return b;
}

static void few_calls_say_nothing(void **unused)
{
	struct breaker b = {0};

	(void)unused;
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 0, false, 0));
	assert_int_equal(breaker_state(&b, &rules, 0), BREAKER_CLOSED);
}

static void half_of_them_failed(void **unused)
{
	struct breaker b = {0};

	(void)unused;
	assert_false(one(&b, 0, true, 0));
	assert_false(one(&b, 0, true, 0));
	assert_false(one(&b, 0, true, 0));
	assert_false(one(&b, 0, false, 0));
	assert_false(one(&b, 0, false, 0));
	assert_true(one(&b, 0, false, 0));
}

static void too_many_were_slow(void **unused)
{
	struct breaker b = {0};

	(void)unused;
	assert_false(one(&b, 0, true, 99));
	assert_false(one(&b, 0, true, 100));
	assert_false(one(&b, 0, true, 100));
	assert_true(one(&b, 0, true, 5000));
}

/* The oldest tenth goes as a new one begins, and not before. */
static void the_window_slides(void **unused)
{
	struct breaker b = {0}, c;

	(void)unused;
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 99, false, 0));
	c = b;
	assert_true(one(&b, 999, false, 0));
	assert_false(one(&c, 1000, false, 0));
	assert_false(one(&c, 1000, false, 0));
	assert_false(one(&c, 1999, false, 0));
	assert_true(one(&c, 1999, false, 0));
}

static void a_jump_ahead_empties_it(void **unused)
{
	struct breaker b = {0};

	(void)unused;
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 5, false, 0));
	/* the same place in the ring */
	assert_false(one(&b, 5 + INT64_C(1000) * 86400 * 365, false, 0));
}

static void open_until_its_time(void **unused)
{
	struct breaker b = opened(1000);
	struct breaker_pass pass = breaker_ask(&b, &rules, 1000);

	(void)unused;
	assert_false(pass.allowed);
	assert_int_equal(pass.retry_ms, 500);
	pass = breaker_ask(&b, &rules, 1499);
	assert_false(pass.allowed);
	assert_int_equal(pass.retry_ms, 1);
	assert_int_equal(breaker_state(&b, &rules, 1499), BREAKER_OPEN);
	assert_int_equal(breaker_state(&b, &rules, 1500), BREAKER_HALF);
	pass = breaker_ask(&b, &rules, 1500);
	assert_true(pass.allowed && pass.probe);
}

static void all_probes_close_it(void **unused)
{
	struct breaker b = opened(0);
	const struct breaker_pass first = breaker_ask(&b, &rules, 500);
	const struct breaker_pass second = breaker_ask(&b, &rules, 500);

	(void)unused;
	assert_true(first.probe && second.probe);
	const struct breaker_pass third = breaker_ask(&b, &rules, 500);
	assert_false(third.allowed);
	assert_int_equal(third.retry_ms, BREAKER_PROBE_MS);
	assert_false(breaker_tell(&b, &rules, 510, first, true, 10));
	assert_int_equal(breaker_state(&b, &rules, 510), BREAKER_HALF);
	assert_false(breaker_ask(&b, &rules, 510).allowed);
	assert_false(breaker_tell(&b, &rules, 520, second, true, 20));
	assert_int_equal(breaker_state(&b, &rules, 520), BREAKER_CLOSED);
	/* and what was counted before is forgotten */
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 520, false, 0));
}

static void a_bad_probe_opens_it(void **unused)
{
	struct breaker b = opened(0), c;
	const struct breaker_pass first = breaker_ask(&b, &rules, 500);
	const struct breaker_pass second = breaker_ask(&b, &rules, 500);

	(void)unused;
	c = b;
	assert_true(breaker_tell(&b, &rules, 600, first, false, 0));
	assert_int_equal(breaker_ask(&b, &rules, 600).retry_ms, 500);
	/* late: it does not open it longer, nor again */
	assert_false(breaker_tell(&b, &rules, 700, second, false, 0));
	assert_int_equal(breaker_ask(&b, &rules, 700).retry_ms, 400);
	/* a slow one is as bad */
	assert_true(breaker_tell(&c, &rules, 600, first, true, 100));
}

static void a_lost_probe_gives_its_place_back(void **unused)
{
	struct breaker b = opened(0);
	const struct breaker_pass first = breaker_ask(&b, &rules, 500);
	const struct breaker_pass second = breaker_ask(&b, &rules, 500);

	(void)unused;
	assert_false(breaker_ask(&b, &rules, 500).allowed);
	breaker_drop(&b, first);
	const struct breaker_pass third = breaker_ask(&b, &rules, 500);
	assert_true(third.probe);
	assert_false(breaker_ask(&b, &rules, 500).allowed);
	assert_false(breaker_tell(&b, &rules, 500, second, true, 0));
	assert_false(breaker_tell(&b, &rules, 500, third, true, 0));
	assert_int_equal(breaker_state(&b, &rules, 500), BREAKER_CLOSED);
}

static void late_answers_do_not_count(void **unused)
{
	struct breaker b = {0};
	const struct breaker_pass old = breaker_ask(&b, &rules, 0);

	(void)unused;
	b = opened(0);
	assert_false(breaker_tell(&b, &rules, 100, old, true, 0));
	assert_int_equal(breaker_state(&b, &rules, 100), BREAKER_OPEN);
	const struct breaker_pass probe = breaker_ask(&b, &rules, 500);
	assert_false(breaker_tell(&b, &rules, 500, old, true, 0));
	assert_false(breaker_tell(&b, &rules, 500, old, false, 0));
	breaker_drop(&b, old);
	assert_int_equal(breaker_state(&b, &rules, 500), BREAKER_HALF);
	assert_false(breaker_tell(&b, &rules, 500, probe, true, 0));
	assert_false(one(&b, 500, true, 0));
	assert_int_equal(breaker_state(&b, &rules, 500), BREAKER_CLOSED);
	for (int i = 0; i < 5; i++)
		assert_false(breaker_tell(&b, &rules, 500, old, false, 0));
}

/* Rules may change while it is open: none are kept to at once. */
static void other_rules(void **unused)
{
	struct breaker_rules r = rules;
	struct breaker b = opened(0);
	const struct breaker_pass first = breaker_ask(&b, &rules, 500);

	(void)unused;
	assert_false(breaker_tell(&b, &rules, 500, first, true, 0));
	r.probes = 1; /* it has had that many */
	assert_true(breaker_ask(&b, &r, 500).allowed);
	assert_int_equal(breaker_state(&b, &r, 500), BREAKER_CLOSED);
	b = opened(0);
	r.window_ms = 0;
	assert_int_equal(breaker_state(&b, &r, 0), BREAKER_CLOSED);
	for (int i = 0; i < 100; i++) {
		const struct breaker_pass pass = breaker_ask(&b, &r, 0);
		assert_true(pass.allowed && !pass.probe);
		assert_false(breaker_tell(&b, &r, 0, pass, false, 9999));
	}
	b = (struct breaker){0};
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 0, false, 0));
	breaker_forget(&b);
	for (int i = 0; i < 3; i++)
		assert_false(one(&b, 0, false, 0));
	assert_true(one(&b, 0, false, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(few_calls_say_nothing),
	    cmocka_unit_test(half_of_them_failed),
	    cmocka_unit_test(too_many_were_slow),
	    cmocka_unit_test(the_window_slides),
	    cmocka_unit_test(a_jump_ahead_empties_it),
	    cmocka_unit_test(open_until_its_time),
	    cmocka_unit_test(all_probes_close_it),
	    cmocka_unit_test(a_bad_probe_opens_it),
	    cmocka_unit_test(a_lost_probe_gives_its_place_back),
	    cmocka_unit_test(late_answers_do_not_count),
	    cmocka_unit_test(other_rules),
	    cmocka_unit_test(as_the_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("breaker-model", tests, NULL, NULL);
}
