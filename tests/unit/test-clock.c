#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "lib/clock.h"

static void wall_clock_is_the_calendar(void **state)
{
	(void)state;
	int64_t before = (int64_t)time(NULL) * 1000 - 1000;
	int64_t now = clock_wall_ms();
	assert_true(now >= before);
	assert_true(now <= ((int64_t)time(NULL) + 1) * 1000);
}

static void the_others_never_go_back(void **state)
{
	(void)state;
	int64_t boot = clock_boot_ms(), mono = clock_monotonic_ms();
	assert_true(boot > 0 && mono > 0);
	/* boot time counts suspend as well, so it is never the smaller one */
	assert_true(clock_boot_ms() + 1 >= mono);
	for (int i = 0; i < 1000; i++) {
		int64_t b = clock_boot_ms(), m = clock_monotonic_ms();
		assert_true(b >= boot && m >= mono);
		boot = b;
		mono = m;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wall_clock_is_the_calendar),
	    cmocka_unit_test(the_others_never_go_back),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
