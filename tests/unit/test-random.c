#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/random.h"

/* All of it and nothing beside it: more than one call gives, too. */
static void fills_what_it_is_given(void **state)
{
	static uint8_t once[4096 + 2], again[4096];
	static const uint8_t none[64];

	(void)state;
	once[0] = once[4097] = 7;
	random_bytes(once + 1, 4096);
	assert_int_equal(once[0], 7);
	assert_int_equal(once[4097], 7);
	for (size_t at = 1; at < 4097; at += sizeof(none))
		assert_memory_not_equal(once + at, none, sizeof(none));
	random_bytes(again, sizeof(again));
	assert_memory_not_equal(once + 1, again, sizeof(again));
	random_bytes(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fills_what_it_is_given),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
