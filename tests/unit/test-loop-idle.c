#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/loop.h"

/*
 * What an operator asks of a loop that goes on: SIGHUP, and to leave when
 * nobody is there.
 */
static void await(volatile int *number, int at_least)
{
	for (int i = 0; i < PATIENCE_MS / 5 && *number < at_least; i++)
		usleep(5000);
	assert_true(*number >= at_least);
}

static void ask_body(int fd, uint16_t id, size_t n)
{
	char bytes[64] = {0};

	assert_true(n <= sizeof(bytes));
	send_request(fd, &(struct fcgi_request){.id = id,
			     .method = "POST",
			     .uri = "/echo",
			     .header = "HTTP_X_TOKEN",
			     .value = "x",
			     .body = {.p = bytes, .n = n}});
}

/* Also on a connection that was there before, from its next request on. */
static void test_hangup(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask_body(fd, 1, 11);
	assert_answer(fd, 1, "200 POST x 11 0");
	assert_int_equal(kill(own.pid, SIGHUP), 0);
	await(&own.shared->reloaded, 1);
	ask_body(fd, 2, 11);
	assert_answer(fd, 2, "413 too large x");
	ask_body(fd, 3, 10);
	assert_answer(fd, 3, "200 POST x 10 0");
	close(fd);
	world_close(&own);
}

static void test_nobody_there(void **state)
{
	struct world own = {.idle_ms = 5};
	(void)state;

	world_open(&own, 0);
	int kept = dial(&own);
	ask(kept, 1, "/echo", "x");
	assert_answer(kept, 1, "200 GET x 0 0");
	/* that one is kept does not matter, and no is an answer */
	await(&own.shared->asked, 3);
	own.shared->leave = 1;
	assert_ended(kept);
	world_close(&own);
}

static void test_somebody_waits(void **state)
{
	struct world own = {.idle_ms = 5};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask(fd, 1, "/park?200", "x");
	assert_answer(fd, 1, "202 late x");
	assert_int_equal(own.shared->asked_while, 0);
	await(&own.shared->asked, own.shared->asked_then + 1);
	close(fd);
	world_close(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hangup),
	    cmocka_unit_test(test_nobody_there),
	    cmocka_unit_test(test_somebody_waits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("loop-idle", tests, NULL, NULL);
}
