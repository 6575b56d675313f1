#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/units.h"

static const struct {
	const char *text;
	enum err (*read)(struct str, int64_t *);
	int64_t want; /* -1: refused */
} rows[] = {
    {"250ms", units_duration, 250},
    {"10s", units_duration, 10000},
    {"15m", units_duration, 900000},
    {"24h", units_duration, 86400000},
    {"30d", units_duration, 2592000000},
    {"0s", units_duration, 0},
    {"007s", units_duration, 7000},
    {"9223372036854775807ms", units_duration, INT64_MAX},
    {"9223372036854775808ms", units_duration, -1},
    {"9223372036854776s", units_duration, -1},
    {"10", units_duration, -1},
    {"s", units_duration, -1},
    {"", units_duration, -1},
    {"-1s", units_duration, -1},
    {"+1s", units_duration, -1},
    {"1.5s", units_duration, -1},
    {"1 s", units_duration, -1},
    {" 1s", units_duration, -1},
    {"1s ", units_duration, -1},
    {"1S", units_duration, -1},
    {"1M", units_duration, -1},
    {"1h30m", units_duration, -1},
    {"1w", units_duration, -1},
    {"512B", units_size, 512},
    {"64KiB", units_size, 65536},
    {"8MiB", units_size, 8388608},
    {"1GiB", units_size, 1073741824},
    {"8589934592GiB", units_size, -1},
    {"64KB", units_size, -1},
    {"64kib", units_size, -1},
    {"64K", units_size, -1},
    {"64", units_size, -1},
};

static void amounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t got = -1;
		enum err err = rows[i].read(str_of(rows[i].text), &got);
		if (got != rows[i].want || (err != ERR_OK) != (got == -1))
			fail_msg("%s: %s, %jd", rows[i].text, err_name(err),
			    (intmax_t)got);
	}
}

static void rates(void **state)
{
	static const char *const bad[] = {"150", "150/", "/m", "0/m", "1/ms",
	    "-1/m", "1/m/s", "1 /m", "1/60s", "99999999999999999999/s", ""};
	int64_t n = 0, ms = 0;

	(void)state;
	assert_int_equal(units_rate(STR("150/m"), &n, &ms), ERR_OK);
	assert_true(n == 150 && ms == 60000);
	assert_int_equal(units_rate(STR("5/s"), &n, &ms), ERR_OK);
	assert_true(n == 5 && ms == 1000);
	assert_int_equal(units_rate(STR("1000/h"), &n, &ms), ERR_OK);
	assert_true(n == 1000 && ms == 3600000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (units_rate(str_of(bad[i]), &n, &ms) != ERR_INPUT)
			fail_msg("%s was taken", bad[i]);
}

static void times(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_true(
	    str_is(units_time(&a, 1795249800000), "2026-11-21T08:30:00.000Z"));
	assert_true(str_is(units_time(&a, 0), "1970-01-01T00:00:00.000Z"));
	assert_true(str_is(units_time(&a, -1), "1969-12-31T23:59:59.999Z"));
	assert_true(
	    str_is(units_time(&a, 1709164800007), "2024-02-29T00:00:00.007Z"));
	/* what four digits of a year cannot say */
	assert_true(str_is(
	    units_time(&a, 253402300799999), "9999-12-31T23:59:59.999Z"));
	assert_true(str_is(
	    units_time(&a, 253402300800000), "9999-12-31T23:59:59.999Z"));
	assert_true(
	    str_is(units_time(&a, INT64_MAX), "9999-12-31T23:59:59.999Z"));
	assert_true(str_is(
	    units_time(&a, -62167219200000), "0000-01-01T00:00:00.000Z"));
	assert_true(str_is(
	    units_time(&a, -62167219200001), "0000-01-01T00:00:00.000Z"));
	assert_true(
	    str_is(units_time(&a, INT64_MIN), "0000-01-01T00:00:00.000Z"));
	arena_release(&a);
}

/* The calendar against the C library's, day by day. */
static void all_days(void **state)
{
	const int64_t first = -719528, last = 2932896;
	struct arena a = {0};
	struct tm t;
	char want[64];

	(void)state;
	for (int64_t day = first; day <= last; day++) {
		/* all of 400 years, elsewhere the days around new months */
		bool far = day < 0 || day > 146097;
		time_t s = (time_t)(day * 86400 + (day & 0xffff));

		assert_non_null(gmtime_r(&s, &t));
		if (far && t.tm_mday > 1 && t.tm_mday < 28)
			continue;
		int n = snprintf(want, sizeof(want),
		    "%04d-%02d-%02dT%02d:%02d:%02d.042Z", t.tm_year + 1900,
		    t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
		struct str got = units_time(&a, (int64_t)s * 1000 + 42);
		if (!str_eq(got, (struct str){.p = want, .n = (size_t)n}))
			fail_msg("%.*s, not %s", STR_ARG(got), want);
		arena_reset(&a);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(amounts),
	    cmocka_unit_test(rates),
	    cmocka_unit_test(times),
	    cmocka_unit_test(all_days),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
