#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "cgi/told.h"

static void put(uint8_t id[JOB_ID_BYTES], uint64_t name)
{
	memset(id, 7, JOB_ID_BYTES);
	memcpy(id + 4, &name, sizeof(name));
}

static bool first(struct told *told, uint64_t name)
{
	uint8_t id[JOB_ID_BYTES];

	put(id, name);
	return told_first(told, id);
}

static void test_once_each(void **unused)
{
	struct told *told = told_new();

	(void)unused;
	for (uint64_t i = 0; i < TOLD_SLOTS; i++)
		assert_true(first(told, i));
	for (uint64_t i = 0; i < TOLD_SLOTS; i++)
		assert_false(first(told, i));
	told_free(told);
}

static void test_it_forgets_who_was_there_before(void **unused)
{
	struct told *told = told_new();

	(void)unused;
	assert_true(first(told, 5));
	assert_true(first(told, 5 + TOLD_SLOTS));
	assert_true(first(told, 5));
	assert_false(first(told, 5));
	told_free(told);
}

/* An id whose middle is zero is an id like any other. */
static void test_zero_is_no_empty_place(void **unused)
{
	struct told *told = told_new();

	(void)unused;
	assert_true(first(told, 0));
	assert_false(first(told, 0));
	told_free(told);
}

static void test_nobody_remembers(void **unused)
{
	(void)unused;
	assert_true(first(NULL, 1));
	assert_true(first(NULL, 1));
	told_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once_each),
	    cmocka_unit_test(test_it_forgets_who_was_there_before),
	    cmocka_unit_test(test_zero_is_no_empty_place),
	    cmocka_unit_test(test_nobody_remembers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
