#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

/*
 * Who waited and was not answered: the app is told once, whatever it was that
 * ended the wait, and never of anybody whom it has answered.
 */

/*
 * So many by now, the last of them this one, and no more a while later: two
 * others are served meanwhile.
 */
static void assert_gone(struct world *w, int n, const char *token)
{
	for (int i = 0; i < PATIENCE_MS / 5 && w->shared->gone < n; i++)
		usleep(5000);
	for (int i = 0; i < 2; i++) {
		int fd = dial(w);
		ask(fd, 1, "/echo", "x");
		assert_answer(fd, 1, "200 GET x 0 0");
		close(fd);
	}
	assert_int_equal(w->shared->gone, n);
	if (token)
		assert_string_equal(w->shared->gone_token, token);
}

/*
 * So many requests of this world have been taken up. An answer to somebody
 * else does not say so: one turn may accept and answer any number who come
 * while it lasts, and what others sent before is seen in the next.
 */
static void settle(const struct world *w, int n)
{
	for (int i = 0; i < PATIENCE_MS / 5 && w->shared->taken < n; i++)
		usleep(5000);
	assert_int_equal(w->shared->taken, n);
}

static void test_answered(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask(fd, 1, "/park?20", "late");
	assert_answer(fd, 1, "202 late late");
	ask(fd, 2, "/commit?0", "committed");
	assert_answer(fd, 2, "201 committed committed");
	ask(fd, 3, "/commit?0,20", "parked");
	assert_answer(fd, 3, "202 late parked");
	ask(fd, 4, "/park?60000", "rung");
	settle(&own, 4);
	ring(&own);
	assert_answer(fd, 4, "200 done rung");
	ask(fd, 5, "/park?20", "commits");
	own.shared->released = 10;
	assert_answer(fd, 5, "201 committed commits");
	close(fd);
	assert_gone(&own, 0, NULL);
	world_close(&own);
}

static void test_left(void **state)
{
	struct world own = {0};
	struct buf b = {0};
	(void)state;

	world_open(&own, 0);
	int a = dial(&own), c = dial(&own), d = dial(&own);
	ask(a, 1, "/park?60000", "closed");
	settle(&own, 1);
	close(a);
	assert_gone(&own, 1, "closed");
	ask(c, 1, "/park?60000", "half-closed");
	settle(&own, 2);
	shutdown(c, SHUT_WR);
	assert_ended(c);
	assert_gone(&own, 2, "half-closed");
	ask(d, 5, "/park?60000", "aborted");
	put_record(&b, RECORD_ABORT_REQUEST, 5, NULL, 0, 0);
	send_bytes(d, buf_str(&b));
	assert_answer(d, 5, "");
	assert_gone(&own, 3, "aborted");
	/* and its connection goes on: what comes next is another one's */
	ask(d, 6, "/park?20", "next");
	assert_answer(d, 6, "202 late next");
	close(d);
	assert_gone(&own, 3, NULL);
	buf_release(&b);
	world_close(&own);
}

/* Other bytes make it answer: that is no leaving. */
static void test_bytes_behind(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask(fd, 1, "/park?60000", "first");
	settle(&own, 1);
	ask(fd, 2, "/echo", "x");
	assert_answer(fd, 1, "202 late first");
	assert_answer(fd, 2, "200 GET x 0 0");
	close(fd);
	assert_gone(&own, 0, NULL);
	world_close(&own);
}

/* Its client had gone before it could wait. */
static void test_parked_for_nobody(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int a = dial(&own), b = dial(&own);
	ask(a, 1, "/commit?-1,60000", "nobody");
	ask(b, 1, "/commit?-1", "nobody either");
	settle(&own, 2);
	close(a);
	close(b);
	assert_gone(&own, 0, NULL);
	own.shared->released = 2;
	assert_gone(&own, 1, "nobody");
	assert_int_equal(own.shared->committed, 2);
	world_close(&own);
}

/* The loop answers instead of an app that goes on waiting at its deadline. */
static void test_refused(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask(fd, 1, "/park?20", "stubborn");
	assert_answer(fd, 1, "503 refused FULL");
	assert_gone(&own, 1, "stubborn");
	ask(fd, 2, "/park?60000", "stubborn");
	settle(&own, 2);
	kill(own.pid, SIGTERM);
	assert_answer(fd, 2, "503 refused FULL");
	assert_ended(fd);
	while (own.shared->gone < 2)
		usleep(5000);
	assert_int_equal(own.shared->gone, 2);
	world_close(&own);
}

/* At the end those who wait are answered, unless nobody waits for that. */
static void test_drained(void **state)
{
	struct world own = {0};
	struct shared *shared;
	(void)state;

	world_open(&own, 0);
	shared = own.shared;
	int fd = dial(&own), stream = dial(&own);
	ask(fd, 1, "/park?60000", "drained");
	ask(stream, 1, "/events?0", "streamed");
	settle(&own, 2);
	kill(own.pid, SIGTERM);
	assert_answer(fd, 1, "202 late drained");
	char *got = get_answer(stream, 1);
	assert_memory_equal(got, "200 begin streamed", 18);
	free(got);
	assert_ended(fd);
	assert_ended(stream);
	assert_int_equal(shared->gone, 1);
	assert_string_equal(shared->gone_token, "streamed");
	world_close(&own);
}

static void test_streams(void **state)
{
	struct world own = {.streams_max = 1};
	(void)state;

	world_open(&own, 0);
	int a = dial(&own), b = dial(&own);
	ask(a, 1, "/events?0", "left");
	settle(&own, 1);
	/* one that could not begin waits for nothing */
	ask(b, 1, "/events?0", "blind");
	assert_answer(b, 1, "503 refused FULL");
	assert_gone(&own, 1, "blind");
	close(a);
	assert_gone(&own, 2, "left");
	/* one that says itself that it is over */
	ask(b, 2, "/events?0", "over");
	settle(&own, 3);
	own.shared->over = 1;
	ring(&own);
	char *got = get_answer(b, 2);
	assert_non_null(strstr(got, "over over"));
	free(got);
	close(b);
	assert_gone(&own, 2, NULL);
	world_close(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answered),
	    cmocka_unit_test(test_left),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_parked_for_nobody),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_drained),
	    cmocka_unit_test(test_streams),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("loop-gone", tests, NULL, NULL);
}
