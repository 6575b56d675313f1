#include <setjmp.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdalign.h>

#include "lib/arena.h"

static bool is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* Every size around a chunk's: zeroed, aligned, apart from the others. */
static void sizes(void **state)
{
	struct arena a = {0};
	static const size_t list[] = {0, 1, 15, 16, 17, 1000, ARENA_CHUNK - 1,
	    ARENA_CHUNK, ARENA_CHUNK + 1, 5 * ARENA_CHUNK, 3};
	unsigned char *got[11];

	(void)state;
	for (size_t i = 0; i < 11; i++) {
		got[i] = arena_alloc(&a, list[i]);
		assert_non_null(got[i]);
		assert_int_equal((uintptr_t)got[i] % alignof(max_align_t), 0);
		assert_true(is_zero(got[i], list[i]));
		memset(got[i], (int)i + 1, list[i]);
	}
	for (size_t i = 0; i < 11; i++)
		for (size_t j = 0; j < list[i]; j++)
			assert_int_equal(got[i][j], i + 1);
	arena_release(&a);
	assert_int_equal(a.used, 0);
	arena_release(NULL);
}

/* Memory that is used again is zeroed again. */
static void reset(void **state)
{
	struct arena a = {0};

	(void)state;
	arena_reset(&a); /* an empty one */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++) {
			unsigned char *p = arena_alloc(&a, 1000);
			assert_true(is_zero(p, 1000));
			memset(p, 0xff, 1000);
		}
		arena_reset(&a);
		assert_int_equal(a.used, 0);
		assert_non_null(a.newest);
	}
	/* a chunk made for one large thing is not kept */
	arena_release(&a);
	arena_alloc(&a, 10 * ARENA_CHUNK);
	arena_reset(&a);
	assert_null(a.newest);
	arena_release(&a);
}

/* A large allocation does not waste the room of the chunk at hand. */
static void large_behind(void **state)
{
	struct arena a = {0};

	(void)state;
	char *first = arena_alloc(&a, 16);
	arena_alloc(&a, 2 * ARENA_CHUNK);
	char *second = arena_alloc(&a, 16);
	assert_ptr_equal(second, first + 16);
	arena_release(&a);
}

/* Small at first, then ever larger; and all that was promised is kept. */
static void small_first(void **state)
{
	struct arena a = {0};
	const size_t before = mallinfo2().uordblks;
	unsigned char *got[500];

	(void)state;
	arena_first(&a, 1000);
	got[0] = arena_alloc(&a, 400);
	memset(got[0], 0, 400);
	assert_true(mallinfo2().uordblks - before < 2000);
	arena_first(&a, 8000); /* too late */
	got[1] = arena_alloc(&a, 592);
	assert_ptr_equal(got[1], got[0] + 400);
	got[2] = arena_alloc(&a, 3000); /* more than twice the first */
	memset(got[2], 2, 3000);
	assert_true(mallinfo2().uordblks - before < 8000);
	for (size_t i = 3; i < 500; i++) {
		got[i] = arena_alloc(&a, i);
		assert_true(is_zero(got[i], i));
		memset(got[i], (int)i, i);
	}
	assert_true(is_zero(got[0], 400) && is_zero(got[1], 592));
	for (size_t i = 3; i < 500; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(got[i][j], (unsigned char)i);
	arena_alloc(&a, 3 * ARENA_CHUNK);
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	assert_true(is_zero(arena_alloc(&a, ARENA_CHUNK + 1), ARENA_CHUNK + 1));
	arena_release(&a);
	arena_first(&a, 2 * ARENA_CHUNK); /* never more than an ordinary one */
	assert_true(is_zero(arena_alloc(&a, 100), 100));
	arena_release(&a);
}

static void texts(void **state)
{
	struct arena a = {0};
	char source[] = "ab\0c";

	(void)state;
	struct str s = arena_str(&a, (struct str){source, 4});
	source[0] = 'x';
	assert_true(str_eq(s, STR("ab\0c")));
	assert_int_equal(s.p[4], '\0');
	assert_string_equal(arena_cstr(&a, (struct str){0}), "");
	s = arena_printf(&a, "%d-%s", 42, "x");
	assert_true(str_is(s, "42-x"));
	assert_int_equal(s.p[s.n], '\0');
	for (int n = 250; n < 260; n++) { /* short and long ones */
		s = arena_printf(&a, "%0*d", n, 7);
		assert_int_equal(s.n, n);
		assert_int_equal(s.p[n - 1], '7');
		assert_int_equal(s.p[n], '\0');
	}
	s = arena_printf(&a, "%*d", 40000, 1);
	assert_int_equal(s.n, 40000);
	assert_true(str_is(arena_int(&a, -42), "-42"));
	s = arena_join(&a, 3, (const struct str[]){STR("a\0b"), {0}, STR("c")});
	assert_true(str_eq(s, STR("a\0bc")));
	assert_int_equal(s.p[s.n], '\0');
	s = arena_join(&a, 0, NULL);
	assert_true(s.n == 0 && s.p[0] == '\0');
	int *ints = arena_array(&a, 100, sizeof(*ints));
	assert_int_equal(ints[99], 0);
	assert_non_null(arena_array(&a, 0, 8));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(reset),
	    cmocka_unit_test(large_behind),
	    cmocka_unit_test(small_first),
	    cmocka_unit_test(texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
