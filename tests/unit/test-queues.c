#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgi/queues.h"
#include "cgi/store/store.h"

static void seen_now_and_then(void **state)
{
	struct queues q = {0};
	const struct store_stats stats = {
	    .count = {[JOB_PENDING] = 5, [JOB_PROCESSING] = 3},
	    .needing = 2,
	    .held = 1,
	    .oldest_pending_ms = 900};

	(void)state;
	assert_true(queues_are_due(&q, 2, 0));
	queues_put(&q, 1, &stats, 1000);
	assert_false(queues_are_due(&q, 2, QUEUES_MS - 1));
	assert_false(q.all[0].known);
	assert_true(q.all[1].known);
	assert_int_equal(q.all[1].pending, 5);
	assert_int_equal(q.all[1].needing, 2);
	assert_int_equal(q.all[1].held, 1);
	assert_int_equal(q.all[1].running, 2); /* held is nobody's */
	assert_int_equal(q.all[1].oldest_ms, 100);
	assert_true(queues_are_due(&q, 2, QUEUES_MS));
	assert_false(q.all[1].known);
	/* another configuration */
	assert_true(queues_are_due(&q, 3, QUEUES_MS));
	assert_int_equal(q.n, 3);
	queues_release(&q);
	queues_release(&q);
}

/* Nothing waits: no age. */
static void an_empty_one(void **state)
{
	struct queues q = {0};
	const struct store_stats stats = {0};

	(void)state;
	assert_true(queues_are_due(&q, 1, 7));
	queues_put(&q, 0, &stats, 1000);
	assert_true(q.all[0].known);
	assert_int_equal(q.all[0].oldest_ms, 0);
	queues_release(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seen_now_and_then),
	    cmocka_unit_test(an_empty_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
