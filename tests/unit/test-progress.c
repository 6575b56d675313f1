#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/progress.h"
#include "lib/clock.h"

/*
 * Each case runs in a child whose stderr is a terminal (or a pipe), and what
 * came out of it is looked at. No case waits for its second: the time of the
 * first line is moved.
 */
static char seen[65536];

static void read_all(int fd)
{
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(seen) - 1 &&
	       (got = read(fd, seen + n, sizeof(seen) - 1 - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) /* EIO: the last one closed the terminal */
			break;
		n += (size_t)got;
	}
	seen[n] = '\0';
}

/* columns 0: no terminal but a pipe */
static void in_child(void (*work)(void), unsigned short columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	int ours, theirs, both[2], status = -1;

	if (columns) {
		assert_int_equal(openpty(&ours, &theirs, NULL, NULL, &size), 0);
	} else {
		assert_int_equal(pipe(both), 0);
		ours = both[0];
		theirs = both[1];
	}
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		unsetenv("CI");
		setenv("TERM", "xterm", 1);
		dup2(theirs, STDERR_FILENO);
		close(theirs);
		close(ours);
		work();
		_exit(0);
	}
	close(theirs);
	read_all(ours);
	close(ours);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void now(struct progress *p)
{
	atomic_store(&p->next_ms, clock_monotonic_ms());
}

static void short_work(void)
{
	struct progress p;

	progress_init(&p, false);
	progress_begin(&p, "compressing", "files", 3);
	for (int i = 0; i < 3; i++)
		progress_step(&p);
	progress_end(&p);
}

static void long_work(void)
{
	struct progress p;

	progress_init(&p, false);
	progress_begin(&p, "compressing", "files", 3816);
	for (int i = 0; i < 1203; i++)
		progress_step(&p);
	now(&p);
	progress_step(&p);
	progress_end(&p);
	progress_end(&p);
}

static void several_works(void)
{
	struct progress p;

	progress_init(&p, false);
	progress_begin(&p, "compressing", "files", 2);
	now(&p);
	progress_step(&p);
	progress_begin(&p, "hashing", "files", 0);
	now(&p);
	for (int i = 0; i < 1234567; i++)
		atomic_fetch_add(&p.done, 1);
	progress_step(&p);
	progress_end(&p);
}

static void counted_work(void)
{
	struct progress p;

	progress_init(&p, false);
	progress_begin(&p, "copying", "pages", 0);
	progress_at(&p, 100, 4000);
	now(&p);
	progress_at(&p, 2000, 4100);
	progress_end(&p);
	progress_at(&p, 4100, 4100);
	progress_at(NULL, 1, 2);
}

static void steps_without_a_work(void)
{
	struct progress p;

	progress_init(&p, false);
	now(&p);
	progress_step(&p);
	progress_end(&p);
	progress_init(NULL, false);
	progress_begin(NULL, "x", "files", 1);
	progress_step(NULL);
	progress_end(NULL);
}

static void many_steps(void)
{
	struct progress p;
	int64_t from;

	progress_init(&p, false);
	progress_begin(&p, "compressing", "files", 100000);
	now(&p);
	from = clock_monotonic_ms();
	for (int i = 0; i < 100000; i++)
		progress_step(&p);
	/* for the parent: how many lines there may be at most */
	dprintf(STDERR_FILENO, "<%lld>",
	    (long long)((clock_monotonic_ms() - from) / 100 + 1));
}

static void quiet_work(void)
{
	struct progress p;

	progress_init(&p, true);
	progress_begin(&p, "compressing", "files", 2);
	now(&p);
	progress_step(&p);
	progress_end(&p);
}

static void work_in_ci(void)
{
	setenv("CI", "true", 1);
	long_work();
}

static void work_on_a_dumb_terminal(void)
{
	setenv("TERM", "dumb", 1);
	long_work();
}

static void what_counts_itself(void **state)
{
	(void)state;
	in_child(counted_work, 80);
	assert_string_equal(
	    seen, "\rcopying 2,000 of 4,100 pages\033[K\r\033[K");
}

static void shown(void **state)
{
	(void)state;
	in_child(long_work, 80);
	assert_string_equal(
	    seen, "\rcompressing 1,204 of 3,816 files\033[K\r\033[K");
	in_child(several_works, 80);
	assert_string_equal(seen, "\rcompressing 1 of 2 files\033[K"
				  "\rhashing 1,234,568 files\033[K\r\033[K");
}

static void narrow(void **state)
{
	(void)state;
	in_child(long_work, 12);
	assert_string_equal(seen, "\rcompressing\033[K\r\033[K");
	in_child(long_work, 1);
	assert_string_equal(seen, "\r\033[K\r\033[K");
	in_child(long_work, 1000);
	assert_non_null(strstr(seen, "of 3,816 files\033[K"));
}

static void never_shown(void **state)
{
	(void)state;
	in_child(short_work, 80);
	assert_string_equal(seen, "");
	in_child(steps_without_a_work, 80);
	assert_string_equal(seen, "");
	in_child(quiet_work, 80);
	assert_string_equal(seen, "");
	in_child(work_in_ci, 80);
	assert_string_equal(seen, "");
	in_child(work_on_a_dumb_terminal, 80);
	assert_string_equal(seen, "");
	in_child(long_work, 0);
	assert_string_equal(seen, "");
}

static void ten_a_second(void **state)
{
	long lines = 0;

	(void)state;
	in_child(many_steps, 80);
	char *most = strchr(seen, '<');
	assert_non_null(most);
	for (const char *c = seen; c < most; c++)
		lines += *c == '\r';
	assert_in_range(lines, 1, strtol(most + 1, NULL, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shown),
	    cmocka_unit_test(what_counts_itself),
	    cmocka_unit_test(narrow),
	    cmocka_unit_test(never_shown),
	    cmocka_unit_test(ten_a_second),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
