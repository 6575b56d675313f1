#include "tests/store/children.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>

#include "cgi/store/bells.h"

/* The bells alone: who hears what, also from another process. */
#define BOTH ((unsigned)BELL_ACCEPTED | (unsigned)BELL_SETTLED)

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

static bool waits(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1;
}

static void each_hears_what_it_watches(void **state)
{
	struct fixture *f = *state;
	struct bells ringer, listener;
	int both, accepted;

	OK(bells_open(f->dir, &f->diag, &ringer));
	OK(bells_open(f->dir, &f->diag, &listener));
	OK(bells_watch(&listener, BOTH, &both));
	OK(bells_watch(&listener, BELL_ACCEPTED, &accepted));
	assert_false(waits(both, 0));

	bells_ring(&ringer, 0);
	assert_false(waits(both, 0));
	bells_ring(&ringer, BELL_SETTLED);
	assert_true(waits(both, 1000));
	assert_false(waits(accepted, 0));
	assert_int_equal(bells_heard(&listener, both), BELL_SETTLED);
	assert_false(waits(both, 0)); /* emptied */

	bells_ring(&ringer, BOTH);
	assert_int_equal(bells_heard(&listener, both), BOTH);
	assert_int_equal(bells_heard(&listener, accepted), BELL_ACCEPTED);
	assert_int_equal(bells_heard(&listener, accepted), 0);
	bells_close(&ringer);
	bells_close(&listener);
	bells_close(&listener); /* twice is harmless */
}

static void ring_once(struct fixture *f, void *unused)
{
	struct bells bells;

	(void)unused;
	CHILD_OK(bells_open(f->dir, NULL, &bells));
	bells_ring(&bells, BELL_ACCEPTED);
	bells_close(&bells);
}

static void other_processes_are_heard(void **state)
{
	struct fixture *f = *state;
	struct bells bells;
	int fd;

	OK(bells_open(f->dir, &f->diag, &bells));
	OK(bells_watch(&bells, BOTH, &fd));
	expect_child(child(ring_once, f, NULL));
	assert_true(waits(fd, 1000));
	assert_int_equal(bells_heard(&bells, fd), BELL_ACCEPTED);
	bells_close(&bells);
}

/*
 * Settled rings fill the queue until it overflows (they alternate with another
 * file, because equal neighbours are merged); accepted rings only afterwards,
 * when nothing more is queued. Its listener must be told all the same.
 */
static void an_overflow_counts_as_every_bell(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct bells bells;
	int fd, queue_max = 16384;

	FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	if (limit) {
		assert_int_equal(fscanf(limit, "%d", &queue_max), 1);
		fclose(limit);
	}
	OK(bells_open(f->dir, &f->diag, &bells));
	OK(bells_watch(&bells, BOTH, &fd));
	snprintf(path, sizeof(path), "%s/log", f->dir);
	int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(inotify_add_watch(fd, path, IN_MODIFY) >= 0);
	for (int i = 0; i <= queue_max; i++) {
		bells_ring(&bells, BELL_SETTLED);
		assert_int_equal(pwrite(other, "x", 1, 0), 1);
	}
	bells_ring(&bells, BELL_ACCEPTED);
	assert_int_equal(bells_heard(&bells, fd), BOTH);
	assert_false(waits(fd, 0));
	close(other);
	bells_close(&bells);
}

static void watches_have_a_cap(void **state)
{
	struct fixture *f = *state;
	struct bells bells;
	int fd;

	OK(bells_open(f->dir, &f->diag, &bells));
	for (int i = 0; i < BELLS_WATCHES_MAX; i++) {
		OK(bells_watch(&bells, BOTH, &fd));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(bells_watch(&bells, BOTH, &fd), ERR_FULL);
	assert_int_equal(bells_heard(&bells, 12345), 0);
	bells_close(&bells);
}

static void a_missing_folder_is_said(void **state)
{
	struct fixture *f = *state;
	struct bells bells;

	assert_int_equal(
	    bells_open("/tmp/no-such-folder-here", &f->diag, &bells), ERR_IO);
	assert_string_equal(f->diag.first->name, "io-error");
	bells_close(&bells);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    T(each_hears_what_it_watches),
	    T(other_processes_are_heard),
	    T(an_overflow_counts_as_every_bell),
	    T(watches_have_a_cap),
	    T(a_missing_folder_is_said),
	};
#undef T

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bells", tests, NULL, NULL);
}
