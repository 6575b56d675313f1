#ifndef LOWTIDE_TESTS_UNIT_EXEC_WORLD_H
#define LOWTIDE_TESTS_UNIT_EXEC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgi/upstream/exec.h"
#include "lib/buf.h"
#include "tests/unit/watchdog.h"

/*
 * A pool of real programs: each test writes its script, and behind each of
 * them nothing may be left. This process is the reaper of whatever escapes
 * from a minder, so that it sees what did.
 *
 * The only synchronisation is what programs say (`up` on fd 3) and a fifo
 * that they read a step from.
 */
#define HANDLER "#!/bin/sh\n"

struct exec_world {
	char dir[64], work[80], path[80], fifo[80];
	void *pool;
	struct log log;
	size_t fds; /* that were open before */
	struct upstream_exec exec;
	struct upstream_call call;
	const char *argv[8], *envp[8];
};
static struct arena arena;
static int tags[64];

/* ---- what is left -------------------------------------------------------- */

static inline size_t entries_of(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static inline size_t open_fds(void)
{
	return entries_of("/proc/self/fd") - 1;
}

static inline bool no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static inline bool no_process(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* ---- a world ------------------------------------------------------------- */

static inline void open_pool(struct exec_world *w)
{
	const struct exec_spec spec = {.work = w->work, .log = &w->log};

	assert_int_equal(exec_open(&spec, &w->pool), ERR_OK);
}

static inline int make_world(void **state)
{
	struct exec_world *w = calloc(1, sizeof(*w));

	watchdog_begin(*state);
	strcpy(w->dir, "/tmp/lowtide-exec.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	snprintf(w->work, sizeof(w->work), "%s/work", w->dir);
	snprintf(w->path, sizeof(w->path), "%s/handler", w->dir);
	snprintf(w->fifo, sizeof(w->fifo), "%s/fifo", w->dir);
	assert_int_equal(mkfifo(w->fifo, 0600), 0);
	w->log = (struct log){.fd = memfd_create("log", 0), .program = "test"};
	w->argv[0] = "handler";
	w->argv[1] = w->fifo;
	w->envp[0] = "PATH=/usr/bin:/bin";
	w->exec = (struct upstream_exec){.path = w->path,
	    .argv = w->argv,
	    .envp = w->envp,
	    .stop_ms = 60000};
	w->call.exec = &w->exec;
	w->fds = open_fds();
	open_pool(w);
	*state = w;
	return 0;
}

static inline int end_world(void **state)
{
	struct exec_world *w = *state;
	char command[128];

	watchdog_for = "its pool to close";
	upstream_exec.close(w->pool);
	assert_true(no_children());
	assert_int_equal(entries_of(w->work), 0);
	assert_int_equal(open_fds(), w->fds);
	close(w->log.fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	arena_release(&arena);
	free(w);
	watchdog_end();
	return 0;
}

/* ---- programs ------------------------------------------------------------ */

static inline void write_handler(struct exec_world *w, const char *script)
{
	int fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(
	    write(fd, script, strlen(script)), (ssize_t)strlen(script));
	close(fd);
}

static inline void start(struct exec_world *w, int *tag)
{
	upstream_exec.start(w->pool, &w->call, tag);
}

static inline void wait_some(struct exec_world *w)
{
	assert_int_equal(
	    upstream_exec.wait(w->pool, NULL, 0, NULL, -1), ERR_OK);
}

static inline struct upstream_answer take(struct exec_world *w, int **tag)
{
	struct upstream_answer answer;
	void *got;

	watchdog_for = "a program to end";
	while (!upstream_exec.next(w->pool, &arena, &got, &answer))
		wait_some(w);
	*tag = got;
	return answer;
}

/* One program from its start to its end. */
static inline struct upstream_answer run(
    struct exec_world *w, const char *script)
{
	int *tag;

	if (script)
		write_handler(w, script);
	start(w, &tags[0]);
	struct upstream_answer answer = take(w, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_true(no_children());
	assert_int_equal(entries_of(w->work), 0);
	return answer;
}

/* Until a program says something on fd 3; it must not have ended. */
static inline struct upstream_progress told(struct exec_world *w)
{
	struct upstream_progress progress;
	struct upstream_answer answer;
	void *tag;

	watchdog_for = "a program's word on fd 3";
	while (!upstream_exec.moved(w->pool, &arena, &tag, &progress)) {
		if (upstream_exec.next(w->pool, &arena, &tag, &answer))
			fail_msg("it ended: %d %s", answer.end, answer.why);
		wait_some(w);
	}
	return progress;
}

/* Lets a program go on that reads the fifo ("cat $1"). */
static inline void step(struct exec_world *w)
{
	watchdog_for = "a program that reads the fifo";
	int fd = open(w->fifo, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
}

/* Those who have lost their parents come to us: until the last of them went. */
static inline void reap_orphans(void)
{
	watchdog_for = "orphans to end";
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

static inline const char *log_text(const struct exec_world *w)
{
	off_t n = lseek(w->log.fd, 0, SEEK_END);
	char *text = arena_alloc(&arena, (size_t)n + 1);

	assert_int_equal(pread(w->log.fd, text, (size_t)n, 0), n);
	return text;
}

static inline size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* The state is the test's name at first. */
#define TEST(f)                                                                \
	cmocka_unit_test_prestate_setup_teardown(                              \
	    f, make_world, end_world, (void *)(uintptr_t) #f)
#define BODY_IS(answer, text) body_is(answer, text, __LINE__)
static inline void body_is(struct upstream_answer a, const char *text, int line)
{
	if (a.end != UPSTREAM_ANSWER || !str_is(a.body, text))
		fail_msg("line %d: %d \"%.*s\" %s", line, a.end,
		    STR_ARG(a.body), a.why);
}

/* A minder is this program started again. */
static inline int exec_main(int argc, char *argv[], int (*tests)(void))
{
	if (argc > 1 && strcmp(argv[1], EXEC_MINDER) == 0)
		return exec_mind(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return tests();
}

#endif
