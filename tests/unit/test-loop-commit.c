#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

static struct world world;

static int released(void)
{
	return world.shared->released;
}

/* Until the loop has handed over so many. */
static void await_submitted(const struct world *w, int n)
{
	for (int i = 0; i < PATIENCE_MS && w->shared->submitted < n; i++)
		usleep(1000);
	assert_int_equal(w->shared->submitted, n);
}

static void await_committed(const struct world *w, int n)
{
	for (int i = 0; i < PATIENCE_MS && w->shared->committed < n; i++)
		usleep(1000);
	assert_int_equal(w->shared->committed, n);
}

static void release(struct world *w)
{
	w->shared->released = w->shared->submitted;
}

static void test_committed_and_answered(void **state)
{
	int fd = dial(&world);
	(void)state;

	ask(fd, 1, "/commit?0", "one");
	assert_answer(fd, 1, "201 committed one");
	ask(fd, 2, "/commit?5", "two");
	assert_answer(fd, 2, "201 committed two");
	send_request(fd, &(struct fcgi_request){.id = 3,
			     .close = true,
			     .method = "POST",
			     .uri = "/commit?1",
			     .header = "HTTP_X_TOKEN",
			     .value = "three"});
	assert_answer(fd, 3, "201 committed three");
	assert_ended(fd);
}

/* The loop waits for no disk: everybody else is served. */
static void test_others_go_on(void **state)
{
	int held = dial(&world), other = dial(&world),
	    before = world.shared->submitted;
	(void)state;

	ask(held, 1, "/commit?-1", "held");
	await_submitted(&world, before + 1);
	for (int i = 0; i < 20; i++) {
		ask(other, 2, "/echo", "other");
		assert_answer(other, 2, "200 GET other 0 0");
		ask(other, 3, "/commit?0", "overtakes");
		assert_answer(other, 3, "201 committed overtakes");
	}
	assert_true(released() <= before);
	release(&world);
	assert_answer(held, 1, "201 committed held");
	close(held);
	close(other);
}

/* Nothing behind it is read before, and nothing is lost, edge or not. */
static void test_bytes_behind(void **state)
{
	(void)state;

	for (int way = 0; way < 3; way++) {
		int fd = dial(&world), n = world.shared->submitted;
		ask(fd, 1, "/commit?-1", "first");
		if (way)
			await_submitted(&world, n + 1);
		ask(fd, 2, "/commit?0", "second");
		ask(fd, 3, "/echo", "third");
		if (way == 2)
			send_bytes(fd, STR("\1\1\0"));
		usleep(20000);
		assert_int_equal(world.shared->submitted, n + 1);
		release(&world);
		assert_answer(fd, 1, "201 committed first");
		assert_answer(fd, 2, "201 committed second");
		assert_answer(fd, 3, "200 GET third 0 0");
		close(fd);
	}
}

static void test_full(void **state)
{
	int fd = dial(&world);
	(void)state;

	world.shared->full = 1;
	ask(fd, 1, "/commit?0", "x");
	assert_answer(fd, 1, "503 refused FULL");
	world.shared->full = 0;
	ask(fd, 2, "/commit?0", "x");
	assert_answer(fd, 2, "201 committed x");
	close(fd);
}

/* Whoever leaves is gone at once; what he asked for happens all the same. */
static void test_leaves_meanwhile(void **state)
{
	int files = steady_files(&world), n = world.shared->submitted,
	    done = world.shared->committed;
	(void)state;

	for (int i = 0; i < 50; i++) {
		int fd = dial(&world);
		ask(fd, 1, "/commit?-1", "gone");
		await_submitted(&world, n + i + 1);
		close(fd);
	}
	await_files(&world, files);
	assert_int_equal(world.shared->committed, done);
	/* in the places of those that left: nothing of theirs comes here */
	int fds[50];
	for (int i = 0; i < 50; i++) {
		fds[i] = dial(&world);
		ask(fds[i], 1, i % 2 ? "/commit?-1" : "/park?60000", "here");
	}
	await_submitted(&world, n + 75);
	world.shared->released = n + 50;
	await_committed(&world, done + 50);
	for (int i = 0; i < 50; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	release(&world);
	for (int i = 0; i < 50; i++) {
		if (i % 2)
			assert_answer(fds[i], 1, "201 committed here");
		close(fds[i]);
	}
	await_committed(&world, done + 75);
	await_files(&world, files);
}

static void test_parked_afterwards(void **state)
{
	int fd = dial(&world), n = world.shared->submitted;
	struct buf abort_it = {0};
	(void)state;

	ask(fd, 1, "/commit?2,30", "late");
	assert_answer(fd, 1, "202 late late");
	/* aborted in between: heard once it is parked */
	put_record(&abort_it, RECORD_ABORT_REQUEST, 9, NULL, 0, 0);
	ask(fd, 9, "/commit?-1,60000", "aborted");
	await_submitted(&world, n + 2);
	send_bytes(fd, buf_str(&abort_it));
	release(&world);
	assert_answer(fd, 9, "");
	ask(fd, 2, "/echo", "x");
	assert_answer(fd, 2, "200 GET x 0 0");
	/* asked for something else in between */
	ask(fd, 1, "/commit?-1,60000", "first");
	ask(fd, 2, "/echo", "second");
	await_submitted(&world, n + 3);
	release(&world);
	assert_answer(fd, 1, "202 late first");
	assert_answer(fd, 2, "200 GET second 0 0");
	close(fd);
	buf_release(&abort_it);
}

/* Who wants a change committed when his wait is over: bell, end, bytes. */
static void test_commits_after_waiting(void **state)
{
	(void)state;

	for (int way = 0; way < 3; way++) {
		int fd = dial(&world), n = world.shared->submitted;
		ask(fd, 1, way == 1 ? "/park?5" : "/park?60000", "commits");
		world.shared->settled = way == 0;
		if (way == 0)
			ring(&world);
		else if (way == 2)
			ask(fd, 2, "/echo", "behind");
		await_submitted(&world, n + 1);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 5), 0); /* no byte before */
		release(&world);
		assert_answer(fd, 1, "201 committed commits");
		world.shared->settled = 0;
		ask(fd, 3, "/echo", "x");
		if (way == 2)
			assert_answer(fd, 2, "200 GET behind 0 0");
		assert_answer(fd, 3, "200 GET x 0 0");
		close(fd);
	}
}

static void test_refused_after_waiting(void **state)
{
	int fd = dial(&world);
	(void)state;

	world.shared->full = 1;
	ask(fd, 1, "/park?5", "commits");
	assert_answer(fd, 1, "503 refused FULL");
	world.shared->full = 0;
	ask(fd, 2, "/echo", "x");
	assert_answer(fd, 2, "200 GET x 0 0");
	close(fd);
}

/* Half a close is no reason to keep the answer, whenever it came. */
static void test_half_closed(void **state)
{
	(void)state;

	for (int wait = 0; wait < 2; wait++) {
		int fd = dial(&world), n = world.shared->submitted;
		ask(fd, 1, wait ? "/commit?-1" : "/commit?-1,60000", "half");
		if (wait)
			await_submitted(&world, n + 1);
		shutdown(fd, SHUT_WR);
		await_submitted(&world, n + 1);
		usleep(5000);
		release(&world);
		assert_answer(
		    fd, 1, wait ? "201 committed half" : "202 late half");
		assert_ended(fd);
	}
}

/* A change that does not come back: 503, and it reaches nobody later. */
static void test_overdue(void **state)
{
	struct world own = {0};
	(void)state;

	/* long enough for what is sent behind it, on a machine that is busy */
	world_open(&own, 1000);
	int fd = dial(&own);
	ask(fd, 9, "/echo", "first of all");
	assert_answer(fd, 9, "200 GET first of all 0 0");
	int files = steady_files(&own);
	ask(fd, 1, "/commit?-1", "first");
	ask(fd, 2, "/echo", "behind");
	assert_answer(fd, 1, "503 refused BUSY");
	assert_ended(fd);
	/* the same place again */
	fd = dial(&own);
	ask(fd, 1, "/echo", "again");
	assert_answer(fd, 1, "200 GET again 0 0");
	own.shared->released = 1;
	await_committed(&own, 1);
	ask(fd, 2, "/commit?1", "second");
	assert_answer(fd, 2, "201 committed second");
	await_files(&own, files);
	close(fd);
	world_close(&own);
}

/* SIGTERM waits for what is under way, whoever has gone meanwhile. */
static void test_drain(void **state)
{
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	int fd = dial(&own), parks = dial(&own), gone = dial(&own);
	ask(fd, 1, "/commit?-1", "mine");
	ask(parks, 1, "/commit?-1,60000", "parks");
	ask(gone, 1, "/commit?-1", "gone");
	int waits = dial(&own);
	ask(waits, 1, "/park?60000", "commits");
	await_submitted(&own, 3);
	kill(own.pid, SIGTERM);
	close(gone);
	usleep(20000);
	assert_int_equal(own.shared->committed, 0);
	await_submitted(&own, 4);
	release(&own);
	assert_answer(waits, 1, "201 committed commits");
	assert_answer(fd, 1, "201 committed mine");
	assert_ended(fd);
	assert_answer(parks, 1, "202 late parks");
	assert_ended(parks);
	await_committed(&own, 4);
	world_close(&own);
}

/* What was read in one turn is let go at its end. */
static void test_rests(void **state)
{
	int fd = dial(&world);
	(void)state;

	for (int i = 0; i < 3; i++) {
		int before = world.shared->rested;
		ask(fd, 1, "/echo", "x");
		assert_answer(fd, 1, "200 GET x 0 0");
		for (int ms = 0; ms < PATIENCE_MS; ms++) {
			if (world.shared->rested > before)
				break;
			usleep(1000);
		}
		assert_true(world.shared->rested > before);
	}
	close(fd);
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
	    cmocka_unit_test(test_committed_and_answered),
	    cmocka_unit_test(test_others_go_on),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_leaves_meanwhile),
	    cmocka_unit_test(test_parked_afterwards),
	    cmocka_unit_test(test_commits_after_waiting),
	    cmocka_unit_test(test_refused_after_waiting),
	    cmocka_unit_test(test_half_closed),
	    cmocka_unit_test(test_overdue),
	    cmocka_unit_test(test_drain),
	    cmocka_unit_test(test_rests),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "loop-commit", tests, group_setup, group_teardown);
}
