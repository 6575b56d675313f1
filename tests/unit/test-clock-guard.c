#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgi/store/clock-guard.h"

#define MINUTE ((int64_t)60 * 1000)
#define DAY (24 * 60 * MINUTE)
#define WALL ((int64_t)1795250000000)

/* A machine with two clocks, and the guard that reads them. */
struct world {
	int64_t wall, boot;
	struct clock_guard guard;
};

static struct world started(void)
{
	struct world w = {.wall = WALL, .boot = 5 * MINUTE};

	assert_false(clock_guard_read(&w.guard, w.wall, w.boot));
	assert_false(clock_guard_stops(&w.guard));
	return w;
}

static void pass(struct world *w, int64_t ms)
{
	w->wall += ms;
	w->boot += ms;
}

static void reboot(struct world *w, int64_t down_ms)
{
	w->wall += down_ms;
	w->boot = 1000;
	w->guard.boot = 0; /* as whoever keeps it does */
}

static bool look(struct world *w)
{
	return clock_guard_read(&w->guard, w->wall, w->boot);
}

/* Stopped now, and goes on after ten minutes, not a millisecond before. */
static void expect_ten_minutes(struct world *w)
{
	assert_true(clock_guard_stops(&w->guard));
	assert_int_equal(clock_guard_due(&w->guard), w->boot + 10 * MINUTE);
	pass(w, 10 * MINUTE - 1);
	assert_false(look(w));
	assert_true(clock_guard_stops(&w->guard));
	pass(w, 1);
	assert_true(look(w));
	assert_false(clock_guard_stops(&w->guard));
	assert_int_equal(clock_guard_due(&w->guard), 0);
}

static void time_that_passes_is_no_step(void **unused)
{
	struct world w = started();

	(void)unused;
	for (int i = 0; i < 100; i++) { /* suspended or awake: both move */
		pass(&w, i * DAY / 3);
		assert_false(look(&w));
		assert_false(clock_guard_stops(&w.guard));
	}
}

static void five_minutes_are_allowed(void **unused)
{
	static const int64_t steps[] = {1000, -1000, 5 * MINUTE, -5 * MINUTE};
	struct world w = started();

	(void)unused;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pass(&w, DAY);
		w.wall += steps[i];
		assert_false(look(&w));
		assert_false(clock_guard_stops(&w.guard));
	}
}

static void a_step_stops_for_ten_minutes(void **unused)
{
	static const int64_t steps[] = {5 * MINUTE + 1, -5 * MINUTE - 1, DAY,
	    -DAY, 3650 * DAY, -3650 * DAY};

	(void)unused;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct world w = started();
		pass(&w, 3 * DAY);
		w.wall += steps[i];
		assert_true(look(&w));
		expect_ten_minutes(&w);
	}
}

static void a_second_step_starts_the_wait_anew(void **unused)
{
	struct world w = started();

	(void)unused;
	w.wall += DAY;
	assert_true(look(&w));
	pass(&w, 9 * MINUTE);
	w.wall -= DAY; /* it was put right again */
	assert_false(look(&w));
	expect_ten_minutes(&w);
}

static void nobody_need_look_in_between(void **unused)
{
	struct world w = started();

	(void)unused;
	w.wall += DAY;
	assert_true(look(&w));
	pass(&w, 30 * DAY);
	assert_true(look(&w));
	assert_false(clock_guard_stops(&w.guard));
}

static void an_operator_may_say_it_is_right(void **unused)
{
	struct world w = started();

	(void)unused;
	assert_false(clock_guard_trust(&w.guard, w.wall, w.boot));
	w.wall += DAY;
	/* even before anybody noticed */
	assert_false(clock_guard_trust(&w.guard, w.wall, w.boot));
	assert_false(look(&w));
	assert_false(clock_guard_stops(&w.guard));
	w.wall -= 2 * DAY;
	assert_true(look(&w));
	assert_true(clock_guard_trust(&w.guard, w.wall, w.boot));
	assert_false(clock_guard_stops(&w.guard));
	pass(&w, 1);
	assert_false(look(&w));
}

static void a_reboot_starts_afresh(void **unused)
{
	struct world w = started();

	(void)unused;
	pass(&w, 9 * DAY);
	assert_false(look(&w));
	reboot(&w, 3 * DAY); /* it was off for a while: who could tell? */
	assert_false(look(&w));
	assert_false(clock_guard_stops(&w.guard));
	w.wall += DAY;
	assert_true(look(&w));
	reboot(&w, MINUTE); /* stopped before, and forgotten */
	assert_true(look(&w));
	assert_false(clock_guard_stops(&w.guard));
}

static void a_reboot_into_the_past_stops(void **unused)
{
	struct world w = started();

	(void)unused;
	reboot(&w, -1);
	assert_true(look(&w));
	expect_ten_minutes(&w);
	w.wall += 3650 * DAY; /* the time server was found */
	assert_true(look(&w));
	reboot(&w, -DAY);
	assert_false(look(&w)); /* no news: it is still stopped */
	expect_ten_minutes(&w);
}

/* The first millisecond of a boot is a time, too. */
static void a_step_at_boot_time_zero(void **unused)
{
	struct clock_guard g = {.ms = WALL, .boot = 0};

	(void)unused;
	assert_true(clock_guard_read(&g, WALL - DAY, 0));
	assert_true(clock_guard_stops(&g));
}

/*
 * A seeded life of a machine. What the guard says is compared with what the
 * world knows: when the clocks last came apart between two looks.
 */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void a_long_life(void **unused)
{
	struct world w = started();
	uint64_t seed = 0x9e3779b97f4a7c15u;
	int64_t stepped = 0; /* since the last look */
	int64_t calm = -1;   /* boot time of the last look that was not calm */
	int64_t seen = w.wall;
	bool rebooted = false;
	int stops = 0, starts = 0;

	(void)unused;
	for (int i = 0; i < 200000; i++) {
		const uint64_t r = next_random(&seed);
		const int64_t some = (int64_t)(r >> 8) % (4 * MINUTE);
		switch (r % 16) {
		case 0:
			w.wall += (r >> 40) % 2 ? DAY : -DAY;
			stepped += (r >> 40) % 2 ? DAY : -DAY;
			break;
		case 1:
			w.wall += some;
			stepped += some;
			break;
		case 2:
			reboot(&w, (r >> 44) % 3 ? some : -some);
			rebooted = true;
			break;
		case 3:
			pass(&w, DAY); /* suspended */
			break;
		default:
			pass(&w, some);
			break;
		}
		if (r % 3)
			continue;
		const bool before = clock_guard_stops(&w.guard);
		const bool bad = rebooted ? w.wall < seen
					  : stepped > CLOCK_APART_MS ||
						stepped < -CLOCK_APART_MS;
		if (bad)
			calm = w.boot;
		else if (rebooted || w.boot - calm >= CLOCK_AGREE_MS)
			calm = -1;
		const bool news = look(&w);
		assert_int_equal(clock_guard_stops(&w.guard), calm >= 0);
		assert_int_equal(news, before != clock_guard_stops(&w.guard));
		stops += news && !before;
		starts += news && before;
		stepped = 0;
		rebooted = false;
		seen = w.wall;
	}
	assert_true(stops > 1000);
	assert_true(starts > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(time_that_passes_is_no_step),
	    cmocka_unit_test(five_minutes_are_allowed),
	    cmocka_unit_test(a_step_stops_for_ten_minutes),
	    cmocka_unit_test(a_second_step_starts_the_wait_anew),
	    cmocka_unit_test(nobody_need_look_in_between),
	    cmocka_unit_test(an_operator_may_say_it_is_right),
	    cmocka_unit_test(a_reboot_starts_afresh),
	    cmocka_unit_test(a_reboot_into_the_past_stops),
	    cmocka_unit_test(a_step_at_boot_time_zero),
	    cmocka_unit_test(a_long_life),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clock-guard", tests, NULL, NULL);
}
