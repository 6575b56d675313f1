#ifndef LOWTIDE_TESTS_STORE_CHILDREN_H
#define LOWTIDE_TESTS_STORE_CHILDREN_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/store/fixture.h"

/*
 * Processes that share a store: each opens its own handle, none inherits one.
 * In a child nothing may longjmp, so it says what went wrong by its status.
 */
#define CHILD_OK(call)                                                         \
	do {                                                                   \
		if ((call) != ERR_OK)                                          \
			_exit(100 + (call_line(__LINE__)));                    \
	} while (0)

static inline int call_line(int line)
{
	fprintf(stderr, "# child failed in line %d\n", line);
	return 1;
}

/* Counters that parent and children see. */
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	return p;
}

static inline pid_t child(void (*body)(struct fixture *f, void *shared_memory),
    struct fixture *f, void *shared_memory)
{
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (f->ops)
		CHILD_OK(store_open(f->ops, &f->spec, NULL, &f->store));
	body(f, shared_memory);
	store_close(f->store);
	_exit(0);
}

static inline int child_status(pid_t pid)
{
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void expect_child(pid_t pid)
{
	int status = child_status(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static inline void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	int status = child_status(pid);
	assert_true(WIFSIGNALED(status));
}

/* A pause short enough for a test and long enough for another process. */
static inline void nap_us(long us)
{
	const struct timespec t = {.tv_nsec = us * 1000};
	nanosleep(&t, NULL);
}

#endif
