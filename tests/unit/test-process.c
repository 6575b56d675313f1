#include "cgi/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/sandbox.h"

/* cgi/process.c: what the programs that stay do alike. */
enum { TESTS = START_COUNT, VERSION };
static const struct opt options[] = {
    START_OPTIONS, PROCESS_TEST("…"), PROCESS_VERSION, {.name = NULL}};
static int usages;

static void usage(void)
{
	usages++;
}

static const struct row {
	const char *words[5];
	bool answered;
	enum err err;
	int usages;
	const char *file, *refused;
} command_lines[] = {
    {{NULL}, false, ERR_OK, 0, NULL, NULL},
    {{"--config", "c"}, false, ERR_OK, 0, NULL, NULL},
    {{"x"}, true, ERR_USAGE, 0, "x", "`x`"},
    {{"--test"}, false, ERR_OK, 0, NULL, NULL},
    {{"--test", "x"}, false, ERR_OK, 0, "x", NULL},
    {{"--test", "x", "y"}, true, ERR_USAGE, 0, "x", "`y`"},
    {{"--test", "--config", "c", "x"}, true, ERR_USAGE, 0, "x", "`x`"},
    {{"--help"}, true, ERR_OK, 1, NULL, NULL},
    {{"--help", "x"}, true, ERR_OK, 1, "x", NULL},
    {{"--version"}, true, ERR_OK, 0, NULL, NULL},
};

static void what_is_answered_at_once(void **state)
{
	static const struct process_rows rows = {.name = "# a-program",
	    .usage = usage,
	    .config = START_CONFIG,
	    .test = TESTS,
	    .help = START_HELP,
	    .version = VERSION};

	(void)state;
	for (size_t i = 0; i < sizeof(command_lines) / sizeof(*command_lines);
	     i++) {
		const struct row *row = &command_lines[i];
		char *argv[6] = {(char[]){"a-program"}};
		struct start s = {0};
		struct opt_result found;
		enum err err;
		int argc = 1;

		diag_init(&s.diag, &s.arena);
		for (; row->words[argc - 1]; argc++)
			argv[argc] =
			    arena_cstr(&s.arena, str_of(row->words[argc - 1]));
		assert_int_equal(
		    opt_parse(&s.arena, options, argc, argv, &s.diag, &found),
		    ERR_OK);
		usages = 0;
		print_message("# %zu\n", i);
		assert_int_equal(process_is_answered(&s, &rows, &found, &err),
		    row->answered);
		assert_int_equal(err, row->err);
		assert_int_equal(usages, row->usages);
		assert_string_equal(row->file ? row->file : "none",
		    process_test_file(&found) ? process_test_file(&found)
					      : "none");
		assert_int_equal(s.diag.first != NULL, row->refused != NULL);
		if (row->refused)
			assert_non_null(
			    strstr(s.diag.first->text.p, row->refused));
		arena_release(&s.arena);
	}
}

static void a_hangup_waits(void **state)
{
	sigset_t before, now, waiting;

	(void)state;
	sigprocmask(SIG_SETMASK, NULL, &before);
	process_settle_signals();
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_true(sigismember(&now, SIGHUP));
	assert_false(sigismember(&now, SIGTERM));
	raise(SIGHUP);
	sigpending(&waiting);
	assert_true(sigismember(&waiting, SIGHUP));
	signal(SIGHUP, SIG_IGN); /* and it is gone */
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void as_many_files_as_may_be(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	process_raise_file_limit();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
}

/* 0: whoever has read keys leaves no core, and no debugger gets in. */
static int read_keys(const char *path)
{
	struct rlimit limit;
	struct start s;

	start_init(&s);
	s.keys_path = path;
	if (start_keys(&s) != ERR_OK)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max)
		return 2;
	return prctl(PR_GET_DUMPABLE) == SANDBOX_SANITIZED ? 0 : 3;
}

static void keys_stay_in_memory(void **state)
{
	char dir[] = "/tmp/lowtide-process.XXXXXX", path[64];
	int status = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys", dir);
	assert_int_equal(keys_generate(path, NULL), ERR_OK);
	pid_t pid = fork();
	if (pid == 0)
		_exit(read_keys(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_answered_at_once),
	    cmocka_unit_test(a_hangup_waits),
	    cmocka_unit_test(keys_stay_in_memory),
	    cmocka_unit_test(as_many_files_as_may_be),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
