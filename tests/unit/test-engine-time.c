#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgi/read/engine-time.h"

/* covers cgi/read/engine-time.c, against a list that is searched */

#define TIMERS 64
static struct timer timers[TIMERS];
static bool set[TIMERS];
static uint64_t order[TIMERS]; /* when it was set, among all that were */

static struct timer *first(void)
{
	size_t best = TIMERS;

	for (size_t i = 0; i < TIMERS; i++)
		if (set[i] &&
		    (best == TIMERS || timers[i].boot < timers[best].boot ||
			(timers[i].boot == timers[best].boot &&
			    order[i] < order[best])))
			best = i;
	return best == TIMERS ? NULL : &timers[best];
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void test_against_a_list(void **state)
{
	struct times times = {0};
	uint32_t seed = 1;
	uint64_t turn = 1;
	(void)state;

	for (int i = 0; i < 200000; i++) {
		const size_t n = draw(&seed) % TIMERS;
		const int64_t boot = 1 + draw(&seed) % 40;
		struct timer *expected = first();

		assert_true(
		    times_next(&times) == (expected ? expected->boot : 0));
		switch (draw(&seed) % 4) {
		case 0:
		case 1:
			/* the same time again keeps its turn */
			if (!set[n] || timers[n].boot != boot)
				order[n] = turn++;
			times_set(&times, &timers[n], boot);
			set[n] = true;
			break;
		case 2:
			times_drop(&times, &timers[n]);
			set[n] = false;
			break;
		case 3:
			if (expected && expected->boot > boot)
				expected = NULL;
			assert_ptr_equal(times_take(&times, boot), expected);
			if (expected)
				set[expected - timers] = false;
			break;
		}
	}
	times_release(&times);
	assert_true(times_next(&times) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_a_list),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("engine-time", tests, NULL, NULL);
}
