#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/upstream/exec-folder.h"

#define OURS "run-0123456789abcdef"
static char root[64], work[80];

static int set_up(void **unused)
{
	(void)unused;
	strcpy(root, "/tmp/lowtide-folder.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(work, sizeof(work), "%s/work", root);
	assert_int_equal(mkdir(work, 0700), 0);
	return 0;
}

static void run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static int tear_down(void **unused)
{
	(void)unused;
	run("rm -rf '%s'", root);
	return 0;
}

static size_t entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void test_made_and_removed(void **unused)
{
	struct exec_folder a, b;
	struct stat st;

	(void)unused;
	assert_int_equal(exec_folder_make(&a, work), 0);
	assert_int_equal(exec_folder_make(&b, work), 0);
	assert_string_not_equal(a.name, b.name);
	assert_int_equal(fstat(a.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(a.work, F_GETFD), FD_CLOEXEC);
	assert_int_equal(entries(work), 2);
	/* both are in use */
	assert_int_equal(exec_folder_sweep(work), 0);
	assert_int_equal(exec_folder_remove(&a), 0);
	assert_int_equal(exec_folder_remove(&a), 0);
	assert_int_equal(exec_folder_remove(&b), 0);
	assert_int_equal(entries(work), 0);
}

static void test_whatever_is_in_it(void **unused)
{
	struct exec_folder f;

	(void)unused;
	run("mkdir %s/kept && echo x >%s/kept/file", root, root);
	assert_int_equal(exec_folder_make(&f, work), 0);
	run("cd %s/%s && ln -s ../../kept link && ln -s /nowhere dangling &&"
	    " mkdir -p a/b/c run-1/x && touch .dot a/f a/b/c/f run-0 &&"
	    " ln -s ../../../kept a/link && mkfifo a/pipe &&"
	    " chmod 000 a/b/c && chmod 000 a/b && chmod 000 a && chmod 000 .",
	    work, f.name);
	assert_int_equal(exec_folder_remove(&f), 0);
	assert_int_equal(entries(work), 0);
	run("test \"$(cat %s/kept/file)\" = x", root);
}

/* Deeper than a path may be long. */
#define LONG "named-at-some-length"
static void test_as_deep_as_it_likes(void **unused)
{
	struct exec_folder f;
	int at;

	(void)unused;
	assert_int_equal(exec_folder_make(&f, work), 0);
	at = dup(f.fd);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(mkdirat(at, LONG, 0700), 0);
		int next = openat(at, LONG, O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(exec_folder_remove(&f), 0);
	assert_int_equal(entries(work), 0);
}

static void test_sweep_takes_only_what_nobody_has(void **unused)
{
	char path[128];

	(void)unused;
	assert_int_equal(exec_folder_sweep("/nonexistent/work"), 0);
	run("cd %s && mkdir -p " OURS "/a/b run-0123456789abcdee"
	    " run-0123456789ABCDEF run-0123456789abcde other"
	    " run-0123456789abcdefa && touch run-0123456789abcded"
	    " && ln -s other run-0123456789abcdec && touch other/file"
	    " && mkdir -m 000 run-0123456789abcdeb",
	    work);
	snprintf(path, sizeof(path), "%s/run-0123456789abcdee", work);
	int used = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(used, LOCK_EX), 0);
	assert_int_equal(exec_folder_sweep(work), 2);
	run("cd %s && test ! -e " OURS " && test -d run-0123456789abcdee"
	    " && test -d run-0123456789ABCDEF && test -d run-0123456789abcde"
	    " && test -d run-0123456789abcdefa && test -f run-0123456789abcded"
	    " && test -L run-0123456789abcdec && test -f other/file",
	    work);
	close(used);
	assert_int_equal(exec_folder_sweep(work), 1);
}

static void test_no_place(void **unused)
{
	struct exec_folder f;

	(void)unused;
	assert_int_equal(exec_folder_make(&f, "/nonexistent/work"), ENOENT);
	assert_int_equal(f.fd, -1);
	assert_int_equal(exec_folder_make(&f, "/proc/self/fdinfo"), ENOENT);
	assert_int_equal(f.fd, -1);
	assert_int_equal(f.work, -1);
	assert_int_equal(exec_folder_remove(&f), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_made_and_removed),
	    TEST(test_whatever_is_in_it),
	    TEST(test_as_deep_as_it_likes),
	    TEST(test_sweep_takes_only_what_nobody_has),
	    TEST(test_no_place),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("exec-folder", tests, NULL, NULL);
}
