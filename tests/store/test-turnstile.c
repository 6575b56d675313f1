#include "tests/store/children.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cgi/store/turnstile.h"

/*
 * The turnstile alone: one at a time, in turns, and never held by the dead.
 * Everything is counted; nothing depends on how fast this machine is.
 */
#define PATIENT_MS 60000
struct counts {
	atomic_int inside, most_inside, entered_by_busy;
	atomic_bool stop;
};

static void enter_and_count(struct turnstile *t, struct counts *c)
{
	CHILD_OK(turnstile_enter(t, PATIENT_MS));
	int inside = atomic_fetch_add(&c->inside, 1) + 1;
	if (inside > atomic_load(&c->most_inside))
		atomic_store(&c->most_inside, inside);
}

static void leave_and_count(struct turnstile *t, struct counts *c)
{
	atomic_fetch_sub(&c->inside, 1);
	turnstile_leave(t);
}

/* Without sleeping, as a transaction does: whoever sleeps wakes the others. */
static void work_us(long us)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000000 +
		     (now.tv_nsec - from.tv_nsec) / 1000 <
		 us);
}

/* Comes back the moment it left, until it is told to stop. */
static void busy(struct fixture *f, void *shared_memory)
{
	struct counts *c = shared_memory;
	struct turnstile t;

	CHILD_OK(turnstile_open(f->dir, NULL, &t));
	while (!atomic_load(&c->stop)) {
		enter_and_count(&t, c);
		atomic_fetch_add(&c->entered_by_busy, 1);
		work_us(200);
		leave_and_count(&t, c);
	}
	turnstile_close(&t);
}

static void a_few_times(struct fixture *f, void *shared_memory)
{
	struct counts *c = shared_memory;
	struct turnstile t;

	CHILD_OK(turnstile_open(f->dir, NULL, &t));
	for (int i = 0; i < 100; i++) {
		enter_and_count(&t, c);
		work_us(200);
		leave_and_count(&t, c);
	}
	turnstile_close(&t);
}

/* How often two busy ones got in while a third entered a hundred times. */
static int entries_meanwhile(void)
{
	struct counts *c = shared(sizeof(*c));
	struct fixture f;
	pid_t busy_ones[2];

	fixture_init(&f, NULL);
	for (int i = 0; i < 2; i++)
		busy_ones[i] = child(busy, &f, c);
	while (atomic_load(&c->entered_by_busy) < 10)
		nap_us(100);
	int before = atomic_load(&c->entered_by_busy);
	expect_child(child(a_few_times, &f, c));
	int meanwhile = atomic_load(&c->entered_by_busy) - before;
	atomic_store(&c->stop, true);
	for (int i = 0; i < 2; i++)
		expect_child(busy_ones[i]);
	assert_int_equal(atomic_load(&c->most_inside), 1);
	munmap(c, sizeof(*c));
	fixture_end(&f);
	return meanwhile;
}

/*
 * In a queue each of the two passes about once per entry of the third: 200
 * times. On a machine that is busy with other things a waiter may sleep
 * through his turn, so the best round counts.
 */
static void nobody_waits_for_long(void **unused)
{
	int best = INT32_MAX;

	(void)unused;
	for (int round = 0; round < 5 && best > 600; round++) {
		int meanwhile = entries_meanwhile();
		best = meanwhile < best ? meanwhile : best;
	}
	assert_in_range(best, 1, 600);
}

static bool is_free(const char *dir, const char *name)
{
	int fd;

	OK(turnstile_file(dir, name, NULL, &fd));
	bool got = !flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return got;
}

static void enter_once(struct fixture *f, void *shared_memory)
{
	struct counts *c = shared_memory;
	struct turnstile t;

	CHILD_OK(turnstile_open(f->dir, NULL, &t));
	enter_and_count(&t, c);
	while (!atomic_load(&c->stop))
		nap_us(100);
	leave_and_count(&t, c);
	turnstile_close(&t);
}

/* Whoever is next holds turn.lock, so whoever left queues behind him. */
static void the_next_in_line_keeps_his_place(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, &f.diag, &t));
	OK(turnstile_enter(&t, PATIENT_MS));
	assert_true(is_free(f.dir, "turn.lock"));
	assert_false(is_free(f.dir, "write.lock"));
	pid_t next = child(enter_once, &f, c);
	for (int i = 0; i < 50000 && is_free(f.dir, "turn.lock"); i++)
		nap_us(100);
	assert_false(is_free(f.dir, "turn.lock"));
	assert_int_equal(atomic_load(&c->inside), 0);
	turnstile_leave(&t);
	while (!atomic_load(&c->inside))
		nap_us(100);
	assert_true(is_free(f.dir, "turn.lock"));
	assert_false(is_free(f.dir, "write.lock"));
	atomic_store(&c->stop, true);
	expect_child(next);
	assert_true(is_free(f.dir, "write.lock"));
	turnstile_close(&t);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

static void die_inside(struct fixture *f, void *shared_memory)
{
	struct counts *c = shared_memory;
	struct turnstile t;

	CHILD_OK(turnstile_open(f->dir, NULL, &t));
	enter_and_count(&t, c);
	for (;;)
		pause();
}

static void the_dead_hold_nothing(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, &f.diag, &t));
	for (int i = 0; i < 5; i++) {
		atomic_store(&c->inside, 0);
		pid_t pid = child(die_inside, &f, c);
		while (!atomic_load(&c->inside))
			nap_us(100);
		kill_child(pid);
		OK(turnstile_enter(&t, PATIENT_MS));
		turnstile_leave(&t);
	}
	turnstile_close(&t);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

/* ---- those who wait no longer ------------------------------------------ */

static void stop_inside(struct fixture *f, void *shared_memory)
{
	struct counts *c = shared_memory;
	struct turnstile t;

	CHILD_OK(turnstile_open(f->dir, NULL, &t));
	enter_and_count(&t, c);
	raise(SIGSTOP);
	leave_and_count(&t, c);
	turnstile_close(&t);
}

static pid_t stopped_holder(struct fixture *f, struct counts *c)
{
	pid_t pid = child(stop_inside, f, c);
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void a_stopped_holder_is_not_waited_for_without_end(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, &f.diag, &t));
	pid_t holder = stopped_holder(&f, c);
	assert_int_equal(turnstile_enter(&t, 0), ERR_BUSY);
	for (int limit_ms = 1; limit_ms < 30; limit_ms += 7)
		assert_int_equal(turnstile_enter(&t, limit_ms), ERR_BUSY);
	assert_true(is_free(f.dir, "turn.lock")); /* nothing is left behind */
	kill(holder, SIGCONT);
	OK(turnstile_enter(&t, PATIENT_MS));
	turnstile_leave(&t);
	expect_child(holder);
	turnstile_close(&t);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

/* The one who waits in front was stopped: no way past him, but no hang. */
static void a_stopped_waiter_is_not_waited_for_without_end(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, &f.diag, &t));
	pid_t holder = stopped_holder(&f, c);
	pid_t waiter = child(enter_once, &f, c);
	while (is_free(f.dir, "turn.lock"))
		nap_us(100);
	kill(waiter, SIGSTOP);
	assert_int_equal(waitpid(waiter, &(int){0}, WUNTRACED), waiter);
	assert_int_equal(turnstile_enter(&t, 5), ERR_BUSY);
	kill_child(waiter);
	kill(holder, SIGCONT);
	OK(turnstile_enter(&t, PATIENT_MS));
	turnstile_leave(&t);
	expect_child(holder);
	turnstile_close(&t);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

struct thread {
	struct turnstile t;
	sigset_t before, after;
	enum err err;
};

static void *wait_in_thread(void *arg)
{
	struct thread *th = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &th->before);
	th->err = turnstile_enter(&th->t, 20);
	pthread_sigmask(SIG_SETMASK, NULL, &th->after);
	return NULL;
}

/* As the endpoint's writer is: a thread that blocks all signals. */
static void a_thread_without_signals_comes_back_as_well(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct thread threads[3];
	pthread_t ids[3];
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	pid_t holder = stopped_holder(&f, c);
	for (int i = 0; i < 3; i++) {
		OK(turnstile_open(f.dir, &f.diag, &threads[i].t));
		assert_int_equal(
		    pthread_create(&ids[i], NULL, wait_in_thread, &threads[i]),
		    0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(ids[i], NULL);
		assert_int_equal(threads[i].err, ERR_BUSY);
		for (int s = 1; s < SIGRTMAX; s++)
			assert_int_equal(sigismember(&threads[i].before, s),
			    sigismember(&threads[i].after, s));
		turnstile_close(&threads[i].t);
	}
	kill_child(holder);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

/* Timers count among a user's queued signals, and those have a limit. */
static void without_a_timer_it_is_waited_for_as_well(void **unused)
{
	struct counts *c = shared(sizeof(*c));
	struct rlimit old, none;
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, NULL, &t));
	pid_t holder = stopped_holder(&f, c);
	assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &none), 0);
	const enum err busy = turnstile_enter(&t, 20);
	kill_child(holder);
	const enum err entered = turnstile_enter(&t, PATIENT_MS);
	assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &old), 0);
	assert_int_equal(busy, ERR_BUSY);
	assert_int_equal(entered, ERR_OK);
	turnstile_close(&t);
	munmap(c, sizeof(*c));
	fixture_end(&f);
}

static void it_is_closed_on_exec(void **unused)
{
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	OK(turnstile_open(f.dir, &f.diag, &t));
	assert_true(fcntl(t.turn_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(t.write_fd, F_GETFD) & FD_CLOEXEC);
	turnstile_close(&t);
	turnstile_close(&t); /* twice is harmless */
	fixture_end(&f);
}

static void what_cannot_be_opened_is_said(void **unused)
{
	char path[128];
	struct turnstile t;
	struct fixture f;

	(void)unused;
	fixture_init(&f, NULL);
	snprintf(path, sizeof(path), "%s/write.lock", f.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(turnstile_open(f.dir, &f.diag, &t), ERR_IO);
	assert_int_equal(t.turn_fd, -1);
	assert_int_equal(f.diag.errors, 1);
	assert_string_equal(f.diag.first->name, "io-error");
	assert_string_equal(f.diag.first->pos.file, path);
	rmdir(path);
	/* a link laid there by somebody else is not followed */
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_int_equal(turnstile_open(f.dir, &f.diag, &t), ERR_IO);
	fixture_end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_waits_for_long),
	    cmocka_unit_test(the_next_in_line_keeps_his_place),
	    cmocka_unit_test(the_dead_hold_nothing),
	    cmocka_unit_test(a_stopped_holder_is_not_waited_for_without_end),
	    cmocka_unit_test(a_stopped_waiter_is_not_waited_for_without_end),
	    cmocka_unit_test(a_thread_without_signals_comes_back_as_well),
	    cmocka_unit_test(without_a_timer_it_is_waited_for_as_well),
	    cmocka_unit_test(it_is_closed_on_exec),
	    cmocka_unit_test(what_cannot_be_opened_is_said),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("turnstile", tests, NULL, NULL);
}
