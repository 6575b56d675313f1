/* The table from names to numbers, held against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generator/lookup.h"

static void test_lookup(void **state)
{
	(void)state;
	struct lookup l;
	struct arena a;
	arena_init(&a);
	lookup_init(&l, &a);
	assert_int_equal(lookup_get(&l, STR("x")), LOOKUP_NONE);
	for (size_t i = 0; i < 5000; i++)
		assert_true(lookup_add(&l,
		    arena_printf(&a, "%s%zu", i % 2 ? "/assets/img/" : "", i),
		    i));
	for (size_t i = 0; i < 5000; i++) {
		struct str name =
		    arena_printf(&a, "%s%zu", i % 2 ? "/assets/img/" : "", i);
		assert_int_equal(lookup_get(&l, name), i);
		assert_false(lookup_add(&l, name, 1));
		assert_int_equal(lookup_get(&l, name), i);
	}
	assert_int_equal(lookup_get(&l, STR("5000")), LOOKUP_NONE);
	assert_int_equal(lookup_get(&l, STR("")), LOOKUP_NONE);
	assert_true(lookup_add(&l, (struct str){0}, 7));
	assert_int_equal(lookup_get(&l, STR("")), 7);
	assert_int_equal(l.n, 5001);
	arena_release(&a);
}

/* All bytes count, and how many there are. */
static void test_hash(void **state)
{
	(void)state;
	static const char text[] = "0123456789abcdef0123456789\0";
	char copy[sizeof(text)];

	for (size_t n = 0; n < sizeof(text); n++) {
		uint64_t hash = lookup_hash((struct str){text, n});
		assert_true(hash != lookup_hash((struct str){text, n + 1}));
		for (size_t i = 0; i < n; i++) {
			memcpy(copy, text, sizeof(text));
			copy[i]++;
			assert_true(hash != lookup_hash((struct str){copy, n}));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lookup),
	    cmocka_unit_test(test_hash),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
