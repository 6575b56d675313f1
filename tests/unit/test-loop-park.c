#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

static struct world world;

static void test_late(void **state)
{
	int fd = dial(&world);
	(void)state;

	ask(fd, 1, "/park?40", "me");
	assert_answer(fd, 1, "202 late me");
	/* no time at all: through the table all the same */
	ask(fd, 2, "/park?0", "now");
	assert_answer(fd, 2, "202 late now");
	ask(fd, 3, "/echo", "x");
	assert_answer(fd, 3, "200 GET x 0 0");
	close(fd);
}

/* Whoever waits shortest is answered first, whenever they came. */
static void test_in_order_of_deadlines(void **state)
{
	int a = dial(&world), b = dial(&world), c = dial(&world);
	(void)state;

	ask(a, 1, "/park?5000", "a");
	ask(b, 1, "/park?30", "b");
	ask(c, 1, "/park?60", "c");
	assert_answer(b, 1, "202 late b");
	assert_answer(c, 1, "202 late c");
	close(a);
	close(b);
	close(c);
}

/* The bell: all of them, each with its own answer. */
#define MANY 1500
static void test_released_together(void **state)
{
	static int fds[MANY];
	struct world own = {0};
	char token[32], expected[48];
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(token, sizeof(token), "owner-%d", i);
		fds[i] = dial(&own);
		ask(fds[i], (uint16_t)(i + 1), "/park?60000", token);
	}
	int last = dial(&own);
	ask(last, 1, "/echo", "all are parked");
	assert_answer(last, 1, "200 GET all are parked 0 0");
	ring(&own);
	for (int i = MANY - 1; i >= 0; i--) {
		snprintf(expected, sizeof(expected), "200 done owner-%d", i);
		assert_answer(fds[i], (uint16_t)(i + 1), expected);
		close(fds[i]);
	}
	close(last);
	world_close(&own);
}

/* A ring that is lost with its process is made up for a second later. */
static void test_asked_again_after_the_last_ring(void **state)
{
	struct world own = {0};
	uint64_t one = 1;
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own), other = dial(&own);
	ask(fd, 1, "/park?60000", "me");
	ask(other, 1, "/echo", "x");
	assert_answer(other, 1, "200 GET x 0 0");
	/* rung before the change is visible, and never after it */
	assert_int_equal(write(own.bell, &one, sizeof(one)), sizeof(one));
	ask(other, 2, "/echo", "x");
	assert_answer(other, 2, "200 GET x 0 0");
	own.shared->settled = 1;
	assert_answer(fd, 1, "200 done me");
	close(fd);
	close(other);
	world_close(&own);
}

/* Rung: those who wait for what changed are asked, and nobody else. */
/* ... but not where no ring is ever lost: then nobody is woken for it. */
static void test_not_asked_again(void **state)
{
	struct world own = {.keyed = true, .recheck_ms = -1};
	uint64_t one = 1;
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	ask(fd, 1, "/park?1500", "me");
	assert_int_equal(write(own.bell, &one, sizeof(one)), sizeof(one));
	/* longer than LOOP_RECHECK_MS */
	assert_answer(fd, 1, "202 late me");
	assert_int_equal(own.shared->looked, 1);
	close(fd);
	world_close(&own);
}

static void test_one_job_wakes_its_own(void **state)
{
	struct world own = {.keyed = true};
	int fds[40];
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < 40; i++) {
		fds[i] = dial(&own);
		ask(fds[i], 1, "/park?60000", i % 4 ? "others" : "mine");
	}
	int last = dial(&own);
	ask(last, 1, "/echo", "x");
	assert_answer(last, 1, "200 GET x 0 0");
	strcpy(own.shared->changed, "mine");
	ring(&own);
	for (int i = 0; i < 40; i += 4)
		assert_answer(fds[i], 1, "200 done mine");
	/* asked once more after the last ring, for nobody is left */
	for (int ms = 0; ms < PATIENCE_MS && own.shared->looked < 2; ms++)
		usleep(1000);
	assert_int_equal(own.shared->looked, 2);
	assert_int_equal(own.shared->resumed, 10);
	strcpy(own.shared->changed, "others");
	ring(&own);
	for (int i = 0; i < 40; i++) {
		if (i % 4)
			assert_answer(fds[i], 1, "200 done others");
		close(fds[i]);
	}
	assert_int_equal(own.shared->resumed, 40);
	close(last);
	world_close(&own);
}

/* A store that is held back is asked again, without another ring. */
static void test_asked_until_it_can_be_told(void **state)
{
	struct world own = {.keyed = true};
	(void)state;

	world_open(&own, 0);
	own.shared->blind = 5;
	int fd = dial(&own);
	ask(fd, 1, "/park?60000", "me");
	strcpy(own.shared->changed, "me");
	ring(&own);
	assert_answer(fd, 1, "200 done me");
	assert_true(own.shared->looked >= 6);
	assert_int_equal(own.shared->resumed, 1);
	close(fd);
	world_close(&own);
}

/*
 * What ends between the change's commit and the loop's hearing of it: the ring
 * comes first and finds nobody, so whoever then waits for it asks at once.
 */
static void test_rung_before_it_was_parked(void **state)
{
	struct world own = {.keyed = true};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own);
	strcpy(own.shared->changed, "me");
	ask(fd, 1, "/commit?-1,60000", "me");
	while (own.shared->submitted < 1)
		usleep(1000);
	ring(&own);
	while (own.shared->looked < 2)
		usleep(1000);
	own.shared->released = 1;
	assert_answer(fd, 1, "200 done me");
	assert_int_equal(own.shared->resumed, 1);
	close(fd);
	world_close(&own);
}

static void test_abort(void **state)
{
	int fd = dial(&world);
	struct buf b = {0};
	(void)state;

	ask(fd, 5, "/park?60000", "gone");
	put_record(&b, RECORD_ABORT_REQUEST, 5, NULL, 0, 0);
	send_bytes(fd, buf_str(&b));
	assert_answer(fd, 5, "");
	ask(fd, 5, "/park?20", "next");
	assert_answer(fd, 5, "202 late next");
	close(fd);
	buf_release(&b);
}

/* Any other byte: answered with what there is, and then the next request. */
static void test_bytes_behind(void **state)
{
	struct buf b = {0};
	(void)state;

	for (int together = 0; together < 2; together++) {
		int fd = dial(&world);
		put_request(&b, &(struct fcgi_request){.id = 1,
				    .method = "GET",
				    .uri = "/park?60000",
				    .header = "HTTP_X_TOKEN",
				    .value = "first"});
		if (!together) {
			send_bytes(fd, buf_str(&b));
			usleep(20000);
			buf_clear(&b);
		}
		put_request(&b, &(struct fcgi_request){.id = 2,
				    .method = "GET",
				    .uri = "/echo",
				    .header = "HTTP_X_TOKEN",
				    .value = "second"});
		send_bytes(fd, buf_str(&b));
		assert_answer(fd, 1, "202 late first");
		assert_answer(fd, 2, "200 GET second 0 0");
		buf_clear(&b);
		/* one byte is enough */
		ask(fd, 3, "/park?60000", "third");
		usleep(20000);
		send_bytes(fd, STR("\1"));
		assert_answer(fd, 3, "202 late third");
		close(fd);
	}
	buf_release(&b);
}

static void test_leaving_frees(void **state)
{
	int files = steady_files(&world);
	(void)state;

	for (int i = 0; i < 200; i++) {
		int fd = dial(&world);
		ask(fd, 1, "/park?60000", "x");
		if (i % 2)
			shutdown(fd, SHUT_WR);
		close(fd);
	}
	await_files(&world, files);
}

static void test_half_closed_while_parked(void **state)
{
	int fd = dial(&world);
	(void)state;

	ask(fd, 1, "/park?60000", "x");
	usleep(20000);
	shutdown(fd, SHUT_WR);
	assert_ended(fd);
}

/* SIGTERM: those who wait get what there is, idle ones end, then it leaves. */
static void test_drain(void **state)
{
	struct world own = {0};
	int fds[20];
	char expected[32], token[16];
	(void)state;

	world_open(&own, 0);
	int idle = dial(&own), half = dial(&own), slow = dial(&own);
	for (int i = 0; i < 20; i++) {
		fds[i] = dial(&own);
		snprintf(token, sizeof(token), "%d", i);
		ask(fds[i], 1, "/park?60000", token);
	}
	ask(slow, 1, "/big?3000000", "s");
	send_bytes(half, STR("\1\1\0\1"));
	ask(idle, 1, "/echo", "x");
	assert_answer(idle, 1, "200 GET x 0 0");
	kill(own.pid, SIGTERM);
	for (int i = 0; i < 20; i++) {
		snprintf(expected, sizeof(expected), "202 late %d", i);
		assert_answer(fds[i], 1, expected);
		assert_ended(fds[i]);
	}
	assert_ended(idle);
	/* an answer that is on its way arrives whole */
	char *got = get_answer(slow, 1);
	assert_int_equal(strspn(got + 4, "s"), 3000000);
	free(got);
	assert_ended(slow);
	/* nobody waits for the rest of this one: the second signal says so */
	close(half);
	world_close(&own);
}

/* They are left to what they wait for, which may come meanwhile. */
static void test_drain_with_patience(void **state)
{
	struct world own = {.patience_ms = 3000};
	(void)state;

	world_open(&own, 0);
	int first = dial(&own), last = dial(&own);
	ask(first, 1, "/park?60000", "a");
	ask(last, 1, "/park?60000", "stubborn");
	int other = dial(&own);
	ask(other, 1, "/echo", "x");
	assert_answer(other, 1, "200 GET x 0 0");
	kill(own.pid, SIGTERM);
	assert_ended(other);
	ring(&own);
	assert_answer(first, 1, "200 done a");
	assert_answer(last, 1, "503 refused FULL");
	close(first);
	close(last);
	world_close(&own);
}

static int get_number(int fd, uint16_t id)
{
	char *got = get_answer(fd, id);

	assert_memory_equal(got, "200 ", 4);
	int n = atoi(got + 4);
	free(got);
	return n;
}

/* Those who wait at the end are answered in no order, each once. */
#define LEFT 100
static void test_released_in_no_order(void **state)
{
	struct world own = {0};
	int fds[LEFT], in_order = 0, before = 0;
	bool seen[LEFT + 1] = {0};
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < LEFT; i++) {
		fds[i] = dial(&own);
		ask(fds[i], 1, "/park?60000", "turn");
	}
	int last = dial(&own);
	ask(last, 1, "/echo", "x");
	assert_answer(last, 1, "200 GET x 0 0");
	kill(own.pid, SIGTERM);
	for (int i = 0; i < LEFT; i++) {
		int n = get_number(fds[i], 1);
		assert_in_range(n, 1, LEFT);
		assert_false(seen[n]);
		seen[n] = true;
		in_order += n > before;
		before = n;
		assert_ended(fds[i]);
	}
	assert_true(in_order < LEFT * 3 / 4);
	close(last);
	world_close(&own);
}

/* Drawn earlier, never later, by so much at most; short ones not at all. */
static void test_deadlines_are_drawn(void **state)
{
	static const struct {
		const char *uri;
		int most;
	} rows[] = {{"/park?999", 0}, {"/park?1000", 50}, {"/park?4000", 200},
	    {"/park?20000", 250}, {"/poll?999", 0}, {"/poll?4000", 200},
	    {"/poll?20000", 250}};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct world own = {0};
	int fds[ROWS][30];
	(void)state;

	world_open(&own, 0);
	for (int row = 0; row < ROWS; row++)
		for (int i = 0; i < 30; i++) {
			fds[row][i] = dial(&own);
			ask(fds[row][i], 1, rows[row].uri, "drawn");
		}
	int last = dial(&own);
	ask(last, 1, "/echo", "x");
	assert_answer(last, 1, "200 GET x 0 0");
	ring(&own);
	for (int row = 0; row < ROWS; row++) {
		int least = 1000, most = -1;
		for (int i = 0; i < 30; i++) {
			int n = get_number(fds[row][i], 1);
			least = n < least ? n : least;
			most = n > most ? n : most;
			close(fds[row][i]);
		}
		assert_true(least >= 0 && most <= rows[row].most);
		assert_true(most - least >= rows[row].most / 2);
	}
	close(last);
	world_close(&own);
}

static int group_setup(void **state)
{
	(void)state;
	world_open(&world, 0);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_late),
	    cmocka_unit_test(test_in_order_of_deadlines),
	    cmocka_unit_test(test_released_together),
	    cmocka_unit_test(test_asked_again_after_the_last_ring),
	    cmocka_unit_test(test_not_asked_again),
	    cmocka_unit_test(test_one_job_wakes_its_own),
	    cmocka_unit_test(test_asked_until_it_can_be_told),
	    cmocka_unit_test(test_rung_before_it_was_parked),
	    cmocka_unit_test(test_abort),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_leaving_frees),
	    cmocka_unit_test(test_half_closed_while_parked),
	    cmocka_unit_test(test_drain),
	    cmocka_unit_test(test_drain_with_patience),
	    cmocka_unit_test(test_released_in_no_order),
	    cmocka_unit_test(test_deadlines_are_drawn),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "loop-park", tests, group_setup, group_teardown);
}
