#include "cgi/park.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/fcgi.h"

static struct park_name put(struct park *park, uint64_t conn, int64_t deadline)
{
	struct park_slot slot = {
	    .conn = conn, .waiting.deadline_boot = deadline};
	struct park_name name = {0};

	assert_int_equal(park_put(park, &slot, &name), ERR_OK);
	return name;
}

static void test_empty(void **state)
{
	struct park *park = park_new(4);
	struct park_name name = {0};
	uint32_t at = 0;
	(void)state;

	assert_int_equal(park_count(park), 0);
	assert_true(park_earliest(park) == INT64_MAX);
	assert_false(park_first(park, &name));
	assert_false(park_next(park, &at, &name));
	/* the zero name is nobody's */
	assert_null(park_get(park, name));
	assert_false(park_take(park, name, NULL));
	park_free(park);
	park_free(NULL);
}

static void test_a_name_reaches_one_life(void **state)
{
	struct park *park = park_new(4);
	struct park_slot slot;
	(void)state;

	struct park_name first = put(park, 11, 100);
	assert_int_equal(park_get(park, first)->conn, 11);
	assert_true(park_take(park, first, &slot));
	assert_int_equal(slot.conn, 11);
	struct park_name second = put(park, 22, 200);
	assert_int_equal(second.index, first.index);
	assert_null(park_get(park, first));
	assert_false(park_take(park, first, &slot));
	assert_int_equal(park_get(park, second)->conn, 22);
	assert_null(park_get(park, (struct park_name){.index = 99}));
	park_free(park);
}

static void test_full(void **state)
{
	struct park *park = park_new(3);
	struct park_slot slot = {0};
	struct park_name names[3], name;
	(void)state;

	for (uint64_t i = 0; i < 3; i++)
		names[i] = put(park, i, 5);
	assert_int_equal(park_put(park, &slot, &name), ERR_FULL);
	assert_true(park_take(park, names[1], NULL));
	assert_int_equal(park_put(park, &slot, &name), ERR_OK);
	assert_int_equal(park_put(park, &slot, &name), ERR_FULL);
	park_free(park);
}

static void test_walk_while_they_leave(void **state)
{
	struct park *park = park_new(100);
	struct park_name name;
	uint32_t at = 0, seen = 0;
	(void)state;

	for (uint64_t i = 0; i < 100; i++)
		put(park, i, (int64_t)i);
	while (park_next(park, &at, &name)) {
		assert_true(park_take(park, name, NULL));
		seen++;
	}
	assert_int_equal(seen, 100);
	assert_int_equal(park_count(park), 0);
	park_free(park);
}

/* Against a plain array: who is there, and whose deadline comes first. */
#define MODEL 200
static void test_against_a_model(void **state)
{
	struct {
		struct park_name name;
		uint64_t conn;
		int64_t deadline;
		bool used;
	} model[MODEL] = {0};
	struct park *park = park_new(MODEL);
	uint64_t seed = 362436069;
	uint32_t count = 0;
	(void)state;

	for (uint64_t round = 1; round < 50000; round++) {
		size_t i = next_random(&seed) % MODEL;
		if (model[i].used) {
			struct park_slot slot;
			assert_true(park_take(park, model[i].name, &slot));
			assert_int_equal(slot.conn, model[i].conn);
			count--;
		} else {
			/* an old name of this place is nobody's any more */
			assert_null(park_get(park, model[i].name));
			model[i].deadline =
			    (int64_t)(next_random(&seed) % 1000 + 1);
			model[i].conn = round;
			model[i].name = put(park, round, model[i].deadline);
			count++;
		}
		model[i].used = !model[i].used;
		assert_int_equal(park_count(park), count);
		int64_t earliest = INT64_MAX;
		for (size_t j = 0; j < MODEL; j++)
			if (model[j].used && model[j].deadline < earliest)
				earliest = model[j].deadline;
		assert_true(park_earliest(park) == earliest);
		struct park_name first;
		if (park_first(park, &first))
			assert_true(
			    park_get(park, first)->waiting.deadline_boot ==
			    earliest);
	}
	park_free(park);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_a_name_reaches_one_life),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_walk_while_they_leave),
	    cmocka_unit_test(test_against_a_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
