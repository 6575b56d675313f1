#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "generator/supervise.h"
#include "lib/fs.h"

static struct arena arena;
static struct diag diag;
static struct supervisor s;
static char dir[] = "/tmp/lowtide-test.XXXXXX";

static int fresh(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	memcpy(strrchr(dir, '.'), ".XXXXXX", 7);
	assert_non_null(mkdtemp(dir));
	return supervise_init(&s, &diag);
}

static int wipe(void **state)
{
	(void)state;
	supervise_stop(&s, 1000);
	supervise_release(&s);
	enum err err = fs_remove_tree(dir, NULL);
	arena_release(&arena);
	return err;
}

/* Lives until wipe(), which stops it. */
static struct child *shell(const char *script)
{
	const char **argv = arena_array(&arena, 4, sizeof(*argv));
	struct child *c = arena_alloc(&arena, sizeof(*c));

	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = script;
	*c = (struct child){.name = "shell",
	    .argv = argv,
	    .cwd = dir,
	    .log = fs_join(&arena, dir, "log"),
	    .stdin_fd = -1,
	    .stdout_fd = -1};
	return c;
}

static const char *said(const char *name)
{
	struct str text;

	if (fs_read(&arena, fs_join(&arena, dir, name), 4096, NULL, &text))
		return "";
	return text.p;
}

/* Turns of the supervisor until the child is gone; fails after a while. */
static void until_gone(const struct child *c)
{
	for (int i = 0; i < 500 && c->pid; i++)
		assert_int_equal(supervise_wait(&s, 20, &diag), ERR_OK);
	assert_int_equal(c->pid, 0);
}

/* Waits until that file says that. */
static void until_said(const char *name, const char *what)
{
	for (int i = 0; i < 500 && !strstr(said(name), what); i++)
		assert_int_equal(supervise_wait(&s, 20, &diag), ERR_OK);
	assert_non_null(strstr(said(name), what));
}

static void starts_where_and_as_told(void **state)
{
	static const char *const extra[] = {"PORT=1234", "HOME=/here", NULL};
	struct child *c =
	    shell("pwd; echo $PORT $HOME $0; cat; "
		  "test $$ = $(cut -d' ' -f5 /proc/$$/stat) && echo own; "
		  "echo to-stderr >&2; exit 5");

	(void)state;
	c->extra = extra;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_gone(c);
	assert_int_equal(WEXITSTATUS(c->status), 5);
	assert_non_null(strstr(said("log"), dir));
	assert_non_null(strstr(said("log"), "1234 /here /bin/sh\nown\n"));
	assert_true(str_is(supervise_last_words(&arena, c), "to-stderr"));
	assert_int_equal(diag.warnings, 0); /* it was not to be restarted */
}

static void cannot_start(void **state)
{
	static const char *const argv[] = {"/no/such/program", NULL};
	struct child ghost = {
	    .name = "ghost", .argv = argv, .stdin_fd = -1, .stdout_fd = -1};

	(void)state;
	assert_int_equal(supervise_start(&s, &ghost, &diag), ERR_MISSING);
	assert_string_equal(diag.first->name, "cannot-start");
	assert_non_null(strstr(diag.first->text.p, "/no/such/program"));
	assert_int_equal(ghost.pid, 0);
	assert_int_equal(s.n, 0);
	struct child *c = shell("true");
	c->cwd = "/no/such/folder";
	assert_int_equal(supervise_start(&s, c, &diag), ERR_MISSING);
	/* a log that is a link is not written through */
	c = shell("echo x");
	unlink(c->log);
	assert_int_equal(symlink(fs_join(&arena, dir, "else"), c->log), 0);
	assert_int_equal(supervise_start(&s, c, &diag), ERR_MISSING);
	assert_string_equal(said("else"), "");
}

static void started_again(void **state)
{
	struct child *c = shell("echo run >>runs; echo why >&2; exit 1");

	(void)state;
	c->restart = true;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_said("runs", "run\nrun\nrun\n");
	assert_true(diag.warnings >= 2);
	assert_non_null(strstr(diag.first->text.p, "status 1"));
	assert_non_null(strstr(diag.first->text.p, "last words: why"));
	/* each time it waits longer */
	assert_true(c->delay_ms > SUPERVISE_RESTART_MS);
}

/* node ends with its version, behind a stack and what an error holds. */
static void says_why(void **state)
{
	struct child *c =
	    shell("printf '%s\\n' 'Error: no port' '    at x (y)' "
		  "\"  code: 'E'\" '}' '' 'Node.js v20.1.0' >&2");

	(void)state;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_gone(c);
	assert_true(str_is(supervise_last_words(&arena, c), "Error: no port"));
	/* what has nothing better says what it has, and no other's words */
	c = shell("printf '%s\\n' '}' '  alone' >&2");
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_gone(c);
	assert_true(str_is(supervise_last_words(&arena, c), "  alone"));
}

/* Whoever is left in its group does not outlive it. */
static void takes_its_group_along(void **state)
{
	struct child *c = shell("sleep 1000 & echo $! >left; exit 0");

	(void)state;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_gone(c);
	pid_t left = (pid_t)strtol(said("left"), NULL, 10);
	assert_true(left > 1);
	for (int i = 0; i < 500 && kill(left, 0) == 0; i++) {
		/* an orphan may stay a zombie where nobody reaps */
		char path[64], text[256] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)left);
		FILE *f = fopen(path, "re");
		if (!f)
			return;
		bool zombie =
		    fgets(text, sizeof(text), f) && strstr(text, ") Z ");
		fclose(f);
		if (zombie)
			return;
		usleep(10000);
	}
	assert_int_equal(kill(left, 0), -1);
}

static void stops_the_last_first(void **state)
{
	struct child *a =
			 shell("trap 'echo a >>order; exit 0' TERM; echo up >a;"
			       "while :; do sleep 0.05; done"),
		     *b =
			 shell("trap 'echo b >>order; exit 0' TERM; echo up >b;"
			       "while :; do sleep 0.05; done");

	(void)state;
	assert_int_equal(supervise_start(&s, a, &diag), ERR_OK);
	assert_int_equal(supervise_start(&s, b, &diag), ERR_OK);
	until_said("a", "up");
	until_said("b", "up");
	supervise_stop(&s, 5000);
	assert_string_equal(said("order"), "b\na\n");
	assert_int_equal(a->pid, 0);
	assert_true(WIFEXITED(a->status));
}

static void the_deaf_are_killed(void **state)
{
	struct child *c = shell("trap '' TERM; echo up >c;"
				"while :; do sleep 0.05; done");

	(void)state;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_said("c", "up");
	supervise_stop(&s, 50);
	assert_int_equal(c->pid, 0);
	assert_true(WIFSIGNALED(c->status));
	assert_int_equal(WTERMSIG(c->status), SIGKILL);
}

static void renewed(void **state)
{
	struct child *c = shell("echo run >>runs; exec sleep 1000"),
		     *deaf = shell("trap '' TERM; echo deaf >>deaf;"
				   "while :; do sleep 0.05; done");

	(void)state;
	c->restart = deaf->restart = true;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	assert_int_equal(supervise_start(&s, deaf, &diag), ERR_OK);
	until_said("runs", "run\n");
	until_said("deaf", "deaf\n");
	supervise_renew(c, 10000);
	supervise_renew(deaf, 50);
	supervise_renew(deaf, 10000); /* it was told already */
	until_said("runs", "run\nrun\n");
	until_said("deaf", "deaf\ndeaf\n");
	assert_int_equal(diag.warnings, 0);
	/* for good; and who is gone can be started like a new one */
	c->restart = false;
	supervise_renew(c, 10000);
	until_gone(c);
	assert_int_equal(diag.warnings, 0);
	size_t n = s.n;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	assert_int_equal(s.n, n);
	until_said("runs", "run\nrun\nrun\n");
	supervise_renew(&(struct child){0}, 0); /* nobody */
}

static void something_else_ends_the_wait(void **state)
{
	int both[2];

	(void)state;
	assert_int_equal(pipe(both), 0);
	s.also_fd = both[0];
	assert_int_equal(write(both[1], "x", 1), 1);
	assert_int_equal(supervise_wait(&s, -1, &diag), ERR_OK);
	assert_false(s.stop);
	close(both[0]);
	close(both[1]);
}

static void a_signal_ends_the_wait(void **state)
{
	struct child *c = shell("echo up >c; exec sleep 1000");

	(void)state;
	assert_int_equal(supervise_start(&s, c, &diag), ERR_OK);
	until_said("c", "up");
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(supervise_wait(&s, -1, &diag), ERR_CLOSED);
	assert_true(s.stop);
	assert_int_equal(supervise_wait(&s, -1, &diag), ERR_CLOSED);
	/* the child heard nothing of it */
	assert_int_equal(kill(c->pid, 0), 0);
}

static void only_so_many(void **state)
{
	(void)state;
	for (size_t i = 0; i <= SUPERVISE_MAX; i++) {
		struct child *c = shell("exec sleep 1000");
		assert_int_equal(supervise_start(&s, c, &diag),
		    i < SUPERVISE_MAX ? ERR_OK : ERR_TOO_LARGE);
	}
	assert_string_equal(diag.first->name, "too-many-programs");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(starts_where_and_as_told),
	    TEST(cannot_start),
	    TEST(started_again),
	    TEST(says_why),
	    TEST(takes_its_group_along),
	    TEST(stops_the_last_first),
	    TEST(the_deaf_are_killed),
	    TEST(renewed),
	    TEST(something_else_ends_the_wait),
	    TEST(a_signal_ends_the_wait),
	    TEST(only_so_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
