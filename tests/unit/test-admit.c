#include "cgi/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/*
 * A row for each bound: just inside, just beyond, not set, and who comes first
 * where several are passed.
 */
#define NOW ((int64_t)1700000000000)
#define MINUTE 60000

static const struct api open_api = {.estimate_ms = 5000};
static const struct api rated = {
    .owner_rate_count = 3, .owner_rate_per_ms = MINUTE, .estimate_ms = 5000};
static const struct api capped = {.owner_open = 2, .estimate_ms = 5000};
static const struct api queued = {
    .queue_max = 4, .concurrency = 2, .estimate_ms = 9000};
static const struct api dated = {
    .deadline_ms = 2 * MINUTE, .concurrency = 2, .estimate_ms = 5000};
static const struct api all = {.owner_rate_count = 1,
    .owner_rate_per_ms = MINUTE,
    .owner_open = 1,
    .queue_max = 1,
    .deadline_ms = MINUTE,
    .estimate_ms = 100};

static const struct row {
	const char *what;
	const struct api *api;
	struct crowd crowd;
	int64_t median_ms;
	enum admission want;
	int64_t retry_ms;
} rows[] = {
    {"nobody is there", &all, {0}, 0, ADMIT_OK, 0},
    {"no bounds", &open_api,
	{.open = 1000000, .recent = 1000000, .pending = 1000000}, 1000,
	ADMIT_OK, 0},
    {"the last of a rate", &rated, {.recent = 2, .recent_first_ms = NOW - 10},
	0, ADMIT_OK, 0},
    {"a rate used up", &rated, {.recent = 3, .recent_first_ms = NOW - 20000}, 0,
	ADMIT_OWNER_RATE, 40000},
    {"a rate that was lowered", &rated,
	{.recent = 300, .recent_first_ms = NOW - 59999}, 0, ADMIT_OWNER_RATE,
	1000},
    {"a stamp from a little ahead", &rated,
	{.recent = 3, .recent_first_ms = NOW + 5000}, 0, ADMIT_OWNER_RATE,
	MINUTE},
    {"the last open one", &capped, {.open = 1}, 0, ADMIT_OK, 0},
    {"open ones as estimated", &capped, {.open = 2}, 0, ADMIT_OWNER_OPEN, 5000},
    {"open ones as measured", &capped, {.open = 3}, 7000, ADMIT_OWNER_OPEN,
	7000},
    {"the last of a queue", &queued, {.pending = 3}, 0, ADMIT_OK, 0},
    {"a long queue", &queued, {.pending = 4}, 0, ADMIT_QUEUE_LONG, 4500},
    {"a long queue of short jobs", &queued, {.pending = 5}, 10,
	ADMIT_QUEUE_LONG, 1000},
    {"a young queue", &dated,
	{.pending = 1, .oldest_pending_ms = NOW - 2 * MINUTE + 1}, 0, ADMIT_OK,
	0},
    {"an old queue", &dated,
	{.pending = 1, .oldest_pending_ms = NOW - 2 * MINUTE}, 0,
	ADMIT_QUEUE_OLD, 5000},
    {"a queue from the future", &dated,
	{.pending = 1, .oldest_pending_ms = NOW + 900 * MINUTE}, 0, ADMIT_OK,
	0},
    {"an empty queue has no age", &dated, {.pending = 0}, 1000, ADMIT_OK, 0},
    /* two at once, ten seconds each: 24 of them are two minutes */
    {"within reach", &dated, {.pending = 25, .oldest_pending_ms = NOW}, 10000,
	ADMIT_OK, 0},
    {"out of reach", &dated, {.pending = 26, .oldest_pending_ms = NOW}, 10000,
	ADMIT_QUEUE_OLD, 10000},
    {"not measured, so not out of reach", &dated,
	{.pending = 1000, .oldest_pending_ms = NOW}, 0, ADMIT_OK, 0},
    {"a job that takes longer than it may", &dated,
	{.pending = 1, .oldest_pending_ms = NOW}, 10 * MINUTE, ADMIT_OK, 0},
    {"the sender's rate before all", &all,
	{.open = 9,
	    .recent = 9,
	    .recent_first_ms = NOW - 1,
	    .pending = 9,
	    .oldest_pending_ms = 1},
	0, ADMIT_OWNER_RATE, MINUTE - 1},
    {"then what he has open", &all,
	{.open = 9, .pending = 9, .oldest_pending_ms = 1}, 0, ADMIT_OWNER_OPEN,
	1000},
    {"then the queue's length", &all, {.pending = 9, .oldest_pending_ms = 1}, 0,
	ADMIT_QUEUE_LONG, 1000},
};

static void every_bound(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int64_t retry_ms = -1;
		enum admission got = admit_check(
		    row->api, &row->crowd, NOW, row->median_ms, &retry_ms);

		print_message("# %s\n", row->what);
		assert_int_equal(got, row->want);
		assert_int_equal(retry_ms, row->retry_ms);
	}
}

static void a_window_reaches_back(void **unused)
{
	(void)unused;
	assert_int_equal(admit_since_ms(&rated, NOW), NOW - MINUTE);
	assert_int_equal(admit_since_ms(&open_api, NOW), NOW);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_bound),
	    cmocka_unit_test(a_window_reaches_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("admit", tests, NULL, NULL);
}
