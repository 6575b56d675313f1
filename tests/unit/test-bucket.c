#include "cgi/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int up(void **state)
{
	*state = buckets_new(99);
	return 0;
}

static int down(void **state)
{
	buckets_free(*state);
	return 0;
}

static const uint8_t *job(uint32_t number)
{
	static uint8_t key[JOB_KEY_BYTES];

	memcpy(key, &number, sizeof(number));
	return key;
}

/* How many of `asked` at this moment are answered. */
static int answered(struct buckets *b, uint32_t number, int64_t now, int asked)
{
	int n = 0;

	for (int i = 0; i < asked; i++)
		n += buckets_take(b, job(number), now) == 0;
	return n;
}

static void a_burst_and_then_one_a_second(void **state)
{
	struct buckets *b = *state;
	int64_t now = 5000000;

	assert_int_equal(answered(b, 1, now, 40), 12);
	assert_int_equal(buckets_take(b, job(1), now), 1000);
	assert_int_equal(buckets_take(b, job(1), now + 999), 1);
	/* what was refused did not count */
	assert_int_equal(answered(b, 1, now + 1000, 5), 1);
	assert_int_equal(answered(b, 1, now + 3000, 5), 2);
	assert_int_equal(answered(b, 1, now + 4999, 5), 1);
	/* never more than a burst, however long nobody asked */
	assert_int_equal(answered(b, 1, now + 86400000, 40), 12);
}

static void one_a_second_is_never_refused(void **state)
{
	struct buckets *b = *state;

	for (int64_t now = 1; now < 1000000; now += 1000)
		assert_int_equal(buckets_take(b, job(1), now), 0);
}

static void jobs_are_apart(void **state)
{
	struct buckets *b = *state;

	assert_int_equal(answered(b, 1, 7, 40), 12);
	assert_int_equal(answered(b, 2, 7, 40), 12);
	assert_int_equal(answered(b, 1, 7, 40), 0);
}

/* Whoever meets another at a place is never refused for what that one did. */
static void nobody_pays_for_another(void **state)
{
	struct buckets *b = *state;

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 1; i <= 3 * BUCKET_PLACES; i++)
			assert_int_equal(buckets_take(b, job(i), 7), 0);
}

/* Its place is used well, and is not the same under another seed. */
static void places_depend_on_the_seed(void **state)
{
	struct buckets *other = buckets_new(100), *b[2] = {*state, other};
	int kept[2] = {0}, both = 0;

	for (uint32_t i = 1; i <= BUCKET_PLACES; i++)
		for (int k = 0; k < 2; k++)
			answered(b[k], i, 7, 12);
	for (uint32_t i = 1; i <= BUCKET_PLACES; i++) {
		bool is_kept[2];
		for (int k = 0; k < 2; k++) {
			is_kept[k] = buckets_take(b[k], job(i), 7) > 0;
			kept[k] += is_kept[k];
		}
		both += is_kept[0] && is_kept[1];
	}
	/* 1 - 1/e of the places are taken; far from all the same ones */
	for (int k = 0; k < 2; k++)
		assert_in_range(kept[k], BUCKET_PLACES / 3, BUCKET_PLACES);
	assert_true(both < kept[0] && both < kept[1]);
	buckets_free(other);
}

static void without_a_table(void **state)
{
	(void)state;
	assert_int_equal(answered(NULL, 1, 7, 40), 40);
	buckets_free(NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
	    T(a_burst_and_then_one_a_second),
	    T(one_a_second_is_never_refused),
	    T(jobs_are_apart),
	    T(nobody_pays_for_another),
	    T(places_depend_on_the_seed),
	    T(without_a_table),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
