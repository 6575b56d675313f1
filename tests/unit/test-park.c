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

static struct park_name put_key(
    struct park *park, uint64_t conn, uint32_t api, uint8_t key)
{
	struct park_slot slot = {
	    .conn = conn, .waiting = {.deadline_boot = 1000, .api = api}};
	struct park_name name = {0};

	memset(slot.waiting.id + JOB_KEY_OFFSET, key, JOB_KEY_BYTES);
	assert_int_equal(park_put(park, &slot, &name), ERR_OK);
	return name;
}

static void wake(struct park *park, size_t api, uint8_t byte)
{
	uint8_t key[JOB_KEY_BYTES];

	memset(key, byte, sizeof(key));
	park_wake(park, api, key);
}

/* The connection of the next one, 0 when there is none. */
static uint64_t woken(struct park *park)
{
	struct park_name name;

	if (!park_woken(park, &name)) {
		assert_false(park_has_woken(park));
		return 0;
	}
	return park_get(park, name)->conn;
}

static void test_wakes_who_waits_for_that(void **state)
{
	struct park *park = park_new(100);
	(void)state;

	wake(park, 0, 1); /* nobody is there */
	put_key(park, 1, 0, 1);
	put_key(park, 2, 0, 2);
	put_key(park, 3, 1, 1);
	put_key(park, 4, 0, 1);
	assert_int_equal(woken(park), 0);
	wake(park, 0, 3);
	wake(park, 2, 1);
	assert_int_equal(woken(park), 0);
	wake(park, 1, 1);
	assert_true(park_has_woken(park));
	assert_int_equal(woken(park), 3);
	assert_int_equal(woken(park), 0);
	wake(park, 0, 1);
	assert_int_equal(woken(park) + woken(park), 1 + 4);
	assert_int_equal(woken(park), 0);
	park_free(park);
}

/* In order of waking; once, however often; he who asked may be woken again. */
static void test_woken_once_in_order(void **state)
{
	struct park *park = park_new(100);
	struct park_name a, b, c, taken;
	(void)state;

	a = put_key(park, 1, 0, 1);
	b = put_key(park, 2, 0, 2);
	c = put_key(park, 3, 0, 3);
	wake(park, 0, 2);
	wake(park, 0, 1);
	wake(park, 0, 2);
	park_wake_all(park);
	assert_true(park_woken(park, &taken));
	assert_int_equal(taken.index, b.index);
	wake(park, 0, 2);
	/* whoever leaves is on no list any more, and his successor is not */
	assert_true(park_take(park, a, NULL));
	a = put_key(park, 4, 0, 1);
	assert_int_equal(woken(park), 3);
	assert_int_equal(woken(park), 2);
	assert_int_equal(woken(park), 0);
	park_wake_all(park);
	assert_true(park_take(park, b, NULL));
	assert_true(park_take(park, c, NULL));
	assert_true(park_take(park, a, NULL));
	assert_false(park_has_woken(park));
	assert_false(park_woken(park, &taken));
	park_free(park);
}

/* All that is remembered of a stream moves on, but not whom it waits for. */
static void test_moved_on(void **state)
{
	struct park *park = park_new(4);
	struct park_name a = put_key(park, 1, 0, 1), first;
	struct waiting w = park_get(park, a)->waiting;
	(void)state;

	put(park, 2, 500);
	w.version = 17;
	w.again_boot = 600;
	w.answer_boot = 700;
	w.deadline_boot = INT64_MAX;
	w.api = 3;
	memset(w.id, 9, sizeof(w.id));
	park_update(park, a, &w);
	assert_int_equal(park_get(park, a)->waiting.version, 17);
	assert_int_equal(park_get(park, a)->waiting.answer_boot, 700);
	assert_int_equal(park_get(park, a)->conn, 1);
	assert_true(park_earliest(park) == 500);
	w.again_boot = 400;
	park_update(park, a, &w);
	assert_true(park_first(park, &first));
	assert_int_equal(first.index, a.index);
	wake(park, 3, 9);
	assert_int_equal(woken(park), 0);
	wake(park, 0, 1);
	assert_int_equal(woken(park), 1);
	/* a name that is gone moves nobody */
	assert_true(park_take(park, a, NULL));
	struct park_name next = put(park, 3, 900);
	assert_int_equal(next.index, a.index);
	park_update(park, a, &w);
	assert_int_equal(park_get(park, next)->waiting.version, 0);
	park_free(park);
}

/* Who waits for all of an owner's is woken by the owner, and counted. */
static void test_owners(void **state)
{
	struct park *park = park_new(100);
	(void)state;

	assert_int_equal(park_owners(park), 0);
	struct park_name a = put_key(park, 1, PARK_OWNER, 1);
	put_key(park, 2, PARK_OWNER, 2);
	put_key(park, 3, 0, 1);
	assert_int_equal(park_owners(park), 2);
	wake(park, PARK_OWNER, 1);
	assert_int_equal(woken(park), 1);
	assert_int_equal(woken(park), 0);
	wake(park, 0, 1);
	assert_int_equal(woken(park), 3);
	assert_int_equal(woken(park), 0);
	assert_true(park_take(park, a, NULL));
	assert_false(park_take(park, a, NULL));
	assert_int_equal(park_owners(park), 1);
	wake(park, PARK_OWNER, 1);
	assert_int_equal(woken(park), 0);
	park_free(park);
}

static void test_due_at_its_next_asking(void **state)
{
	struct park *park = park_new(4);
	struct park_name a = put(park, 1, 100), b = put(park, 2, 200), first;
	(void)state;

	park_again(park, b, 50);
	assert_true(park_earliest(park) == 50);
	assert_true(park_first(park, &first));
	assert_int_equal(first.index, b.index);
	/* later than its deadline is at its deadline */
	park_again(park, b, 900);
	assert_true(park_earliest(park) == 100);
	assert_true(park_take(park, a, NULL));
	assert_true(park_earliest(park) == 200);
	park_again(park, b, 0);
	assert_true(park_earliest(park) == 200);
	park_until(park, b, 20);
	assert_true(park_earliest(park) == 20);
	/* nobody any more */
	park_again(park, a, 1);
	park_until(park, a, 1);
	assert_true(park_earliest(park) == 20);
	park_free(park);
}

/* Against a plain array: who is there, and whose deadline comes first. */
#define MODEL 200
#define KEYS 12
struct model {
	struct park_name name;
	uint64_t conn;
	int64_t deadline, again;
	uint8_t key;
	bool used;
	uint64_t woken; /* when; 0 = not */
};

static void model_come_or_go(
    struct park *park, struct model *m, uint64_t random)
{
	struct park_slot slot = {0};

	if (m->used) {
		assert_true(park_take(park, m->name, &slot));
		assert_int_equal(slot.conn, m->conn);
		m->used = false;
		m->woken = 0;
		return;
	}
	/* an old name of this place is nobody's any more */
	assert_null(park_get(park, m->name));
	*m = (struct model){.conn = random,
	    .deadline = (int64_t)(random % 1000 + 1),
	    .again = random % 3 ? 0 : (int64_t)(random % 700 + 1),
	    .key = (uint8_t)(random % KEYS),
	    .used = true};
	slot.conn = m->conn;
	slot.waiting.deadline_boot = m->deadline;
	slot.waiting.again_boot = m->again;
	slot.waiting.api = m->key % 3;
	memset(slot.waiting.id + JOB_KEY_OFFSET, m->key / 3, JOB_KEY_BYTES);
	assert_int_equal(park_put(park, &slot, &m->name), ERR_OK);
}

static void model_put_off(struct park *park, struct model *m, uint64_t random)
{
	if (random % 2) {
		m->again = (int64_t)(random % 900);
		park_again(park, m->name, m->again);
	} else {
		m->deadline = (int64_t)(random % 900 + 1);
		park_until(park, m->name, m->deadline);
	}
}

static void model_wake(
    struct park *park, struct model *all, uint64_t random, uint64_t now)
{
	uint8_t key = (uint8_t)(random % KEYS);

	if (random % 50 == 0)
		park_wake_all(park);
	else
		wake(park, key % 3, key / 3);
	for (size_t i = 0; i < MODEL; i++)
		if (all[i].used && !all[i].woken &&
		    (all[i].key == key || random % 50 == 0))
			all[i].woken = now;
}

/* One comes off: of those woken first. */
static void model_woken(struct park *park, struct model *all)
{
	struct model *found = NULL;
	uint64_t first = UINT64_MAX;
	struct park_name name;
	bool any = park_woken(park, &name);

	for (size_t i = 0; i < MODEL; i++) {
		if (!all[i].woken)
			continue;
		if (all[i].woken < first)
			first = all[i].woken;
		if (any && all[i].name.index == name.index)
			found = &all[i];
	}
	assert_int_equal(any, first != UINT64_MAX);
	if (!any)
		return;
	assert_non_null(found);
	assert_int_equal(found->name.generation, name.generation);
	assert_true(found->woken == first);
	found->woken = 0;
}

static void model_compare(const struct park *park, const struct model *all)
{
	int64_t earliest = INT64_MAX;
	uint32_t count = 0;
	struct park_name first;

	for (size_t i = 0; i < MODEL; i++) {
		const struct model *m = &all[i];
		if (!m->used)
			continue;
		count++;
		int64_t due =
		    m->again && m->again < m->deadline ? m->again : m->deadline;
		if (due < earliest)
			earliest = due;
	}
	assert_int_equal(park_count(park), count);
	assert_true(park_earliest(park) == earliest);
	assert_int_equal(park_first(park, &first), count > 0);
	if (count) {
		const struct waiting *w = &park_get(park, first)->waiting;
		assert_true((w->again_boot ? w->again_boot
					   : w->deadline_boot) >= earliest);
	}
}

static void test_against_a_model(void **state)
{
	static struct model all[MODEL];
	struct park *park = park_new(MODEL);
	uint64_t seed = 362436069;
	(void)state;

	for (uint64_t now = 1; now < 60000; now++) {
		uint64_t random = next_random(&seed);
		struct model *m = &all[random % MODEL];
		random >>= 8;
		switch (random >> 32 & 7) {
		case 0:
			if (m->used)
				model_put_off(park, m, random);
			break;
		case 1:
			model_wake(park, all, random, now);
			break;
		case 2:
		case 3:
		case 4:
			model_woken(park, all);
			break;
		default:
			model_come_or_go(park, m, random);
		}
		model_compare(park, all);
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
	    cmocka_unit_test(test_wakes_who_waits_for_that),
	    cmocka_unit_test(test_woken_once_in_order),
	    cmocka_unit_test(test_due_at_its_next_asking),
	    cmocka_unit_test(test_moved_on),
	    cmocka_unit_test(test_owners),
	    cmocka_unit_test(test_against_a_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
