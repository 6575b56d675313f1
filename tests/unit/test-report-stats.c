#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/report-stats.h"
#include "lib/json.h"

#define NOW INT64_C(1700000000000)

static const struct api vat = {.name = {"vat-return-post", 15}};
static const struct api x = {.name = {"x", 1}};
static const struct report_stats rows[] = {
    {.api = &vat,
	.stats = {.count = {12, 3, 4000, 5, 6},
	    .needing = 1,
	    .held = 2,
	    .oldest_pending_ms = NOW - 754000},
	.median_ms = 1450,
	.median_run_ms = 12,
	.suspended_ms = NOW},
    {.api = &x, .median_ms = -1, .median_run_ms = -1, .paused_ms = NOW},
};
static const struct report_store store = {
    .apis = rows, .n = 2, .worker_ms = NOW, .file_bytes = 4096};

static void for_people(void **state)
{
	struct buf out = {0};

	(void)state;
	report_stats(&out, &store, NOW);
	assert_string_equal(out.data,
	    "API              PENDING  RUNNING  HELD  NEEDING  COMPLETED  "
	    "FAILED  CANCELLED   OLDEST  MEDIAN     RUN\n"
	    "vat-return-post       12        1     2        1       4000  "
	    "     5          6   12m34s    1.4s    12ms  paused since "
	    "2023-11-14T22:13:20.000Z\n"
	    "x                      0        0     0        0          0  "
	    "     0          0        -       -       -  its upstream rests "
	    "until 2023-11-14T22:13:20.000Z\n"
	    "\na worker last did something 0s ago; the store has 4 KiB\n");
	buf_release(&out);
}

static void for_programs(void **state)
{
	struct buf out = {0};
	struct arena a = {0};
	struct value *v;

	(void)state;
	report_stats_json(&out, &store);
	assert_int_equal(
	    json_read(&a, buf_str(&out), 65536, NULL, NULL, &v), ERR_OK);
	const struct value *apis = value_get(v, "apis");
	assert_int_equal(apis->as.array.n, 2);
	const struct value *first = apis->as.array.items[0];
	assert_int_equal(value_get(first, "running")->as.i, 1);
	assert_int_equal(value_get(first, "held")->as.i, 2);
	assert_true(str_is(
	    value_text(first, "pausedSince"), "2023-11-14T22:13:20.000Z"));
	assert_int_equal(value_get(first, "restsUntil")->kind, VALUE_NULL);
	const struct value *second = apis->as.array.items[1];
	assert_int_equal(value_get(second, "medianMs")->kind, VALUE_NULL);
	assert_int_equal(
	    value_get(second, "oldestPendingAt")->kind, VALUE_NULL);
	assert_int_equal(value_get(v, "fileBytes")->as.i, 4096);
	arena_release(&a);
	buf_release(&out);
}

static void medians(void **state)
{
	int64_t odd[] = {9, 1, 5}, one[] = {7}, two[] = {8, 2};

	(void)state;
	assert_int_equal(report_median(odd, 3), 5);
	assert_int_equal(report_median(one, 1), 7);
	assert_int_equal(report_median(two, 2), 8);
	assert_int_equal(report_median(NULL, 0), -1);
}

static void ages(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} table[] = {{-5, "0s"}, {59999, "59s"}, {60000, "1m00s"},
	    {3599999, "59m59s"}, {3600000, "1h00m"}, {86399999, "23h59m"},
	    {INT64_C(90000000), "1d01h"}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_true(str_is(report_age(&a, table[i].ms), table[i].text));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_people),
	    cmocka_unit_test(for_programs),
	    cmocka_unit_test(medians),
	    cmocka_unit_test(ages),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("report-stats", tests, NULL, NULL);
}
