#include "cgi/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct api api = {.estimate_ms = 3000};

/* 1000, 2000, … in an order that is none. */
static struct estimate measured(size_t n)
{
	struct estimate e = {0};
	int64_t ms[STORE_SAMPLES];

	for (size_t i = 0; i < n; i++)
		ms[i] = (int64_t)((i * 29 + 7) % n + 1) * 1000;
	estimate_fill(&e, ms, n);
	return e;
}

static void samples_are_sorted(void **state)
{
	struct estimate e = measured(STORE_SAMPLES);
	int64_t many[STORE_SAMPLES + 1] = {0};
	(void)state;

	assert_int_equal(e.n, STORE_SAMPLES);
	for (size_t i = 0; i < e.n; i++)
		assert_int_equal(e.ms[i], (int64_t)(i + 1) * 1000);
	estimate_fill(&e, (const int64_t[]){7, 7, -1, 7}, 4);
	assert_int_equal(e.n, 4);
	assert_int_equal(e.ms[0], -1);
	assert_int_equal(e.ms[3], 7);
	estimate_fill(&e, many, STORE_SAMPLES + 1);
	assert_int_equal(e.n, STORE_SAMPLES);
	estimate_fill(&e, many, 0);
	assert_int_equal(e.n, 0);
}

static void few_samples_count_for_nothing(void **state)
{
	struct estimate e = {0};
	(void)state;

	assert_int_equal(estimate_duration_ms(NULL, &api), 3000);
	assert_int_equal(estimate_left_ms(NULL, &api, 1000), 2000);
	assert_int_equal(estimate_duration_ms(&e, &api), 3000);
	e = measured(ESTIMATE_MIN - 1);
	assert_int_equal(estimate_duration_ms(&e, &api), 3000);
	assert_int_equal(estimate_left_ms(&e, &api, 2500), 500);
	assert_int_equal(estimate_left_ms(&e, &api, 3000), 300);
	assert_int_equal(estimate_left_ms(&e, &api, 60000), 6000);
}

static void medians(void **state)
{
	struct estimate e = measured(ESTIMATE_MIN); /* 1 … 20 s */
	(void)state;

	assert_int_equal(estimate_duration_ms(&e, &api), 10500);
	e = measured(ESTIMATE_MIN + 1);
	assert_int_equal(estimate_duration_ms(&e, &api), 11000);
}

/* By hand: the samples above the age, their median, less the age. */
static void what_is_left(void **state)
{
	static const struct {
		int64_t age_ms, left_ms;
	} rows[] = {
	    {-5000, 10500}, /* the wall clock went back */
	    {0, 10500},	    /* of 1 … 20 */
	    {999, 9501},
	    {1000, 10000}, /* of 2 … 20: 11 */
	    {10000, 5500}, /* of 11 … 20: 15.5 */
	    {18000, 1500}, /* of 19, 20 */
	    {19000, 1000}, /* of 20 */
	    {19999, 1},	   /* the same */
	    {20000, 2000}, /* it has outlived them all */
	    {600000, 60000},
	};
	struct estimate e = measured(20);
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(estimate_left_ms(&e, &api, rows[i].age_ms),
		    rows[i].left_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples_are_sorted),
	    cmocka_unit_test(few_samples_count_for_nothing),
	    cmocka_unit_test(medians),
	    cmocka_unit_test(what_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
