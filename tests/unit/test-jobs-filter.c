#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/jobs.h"

#define NOW INT64_C(1795249800000) /* 2026-11-21T08:30:00Z */
#define DAY INT64_C(86400000)

static int64_t at(const char *text)
{
	int64_t ms = -1;

	return filter_time(str_of(text), NOW, &ms) == ERR_OK ? ms : -1;
}

static void times(void **state)
{
	(void)state;
	assert_int_equal(at("2026-11-21T08:30"), NOW);
	assert_int_equal(at("2026-11-21T08:30Z"), NOW);
	assert_int_equal(at("2026-11-21T08:30:00"), NOW);
	assert_int_equal(at("2026-11-21T08:30:01Z"), NOW + 1000);
	assert_int_equal(at("2026-11-21T08:30:01.250Z"), NOW + 1250);
	assert_int_equal(at("2026-11-21"), NOW - 8 * 3600000 - 30 * 60000);
	assert_int_equal(at("1971-01-01"), 365 * DAY);
	assert_int_equal(at("2024-02-29"), at("2024-03-01") - DAY);
}

static void ages(void **state)
{
	(void)state;
	assert_int_equal(at("10m"), NOW - 600000);
	assert_int_equal(at("1d"), NOW - DAY);
	assert_int_equal(at("0s"), NOW);
	assert_int_equal(at("900000000d"), 1); /* ever */
}

static void nothing_else(void **state)
{
	static const char *const bad[] = {"", "now", "10", "-10m", "2026",
	    "2026-11", "2026-13-01", "2026-11-21 08:30", "2026-11-21T08:30+01",
	    "2026-11-21T25:30", "2026-11-21T08:30:01.2Z",
	    "2026-11-21T08:30:01.2500Z", "2026-11-21T08:30ZZ", "1969-12-31",
	    "2026-11-21T08:30:00.000Z and much more", "2026-02-29",
	    "2026-11-31T08:30", "2026-11-21T08:30:01.-12Z",
	    "2026-11-21T08:30:01. 12Z"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (at(bad[i]) != -1)
			fail_msg("`%s` is taken for a time", bad[i]);
	assert_int_equal(
	    filter_time((struct str){.p = "1\0m", .n = 3}, NOW, &(int64_t){0}),
	    ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(nothing_else),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("jobs-filter", tests, NULL, NULL);
}
