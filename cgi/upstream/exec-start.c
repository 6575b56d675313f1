#include "cgi/upstream/exec-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A minder's ends of the pipes are numbered from FDS_MIN, so that none of them
 * is overwritten when they become 0, 1, 2 ….
 */
#define FDS_MIN (EXEC_CONTROL_FD + 1)

/* Which of a pipe's two ends is the worker's: of fd 0 the one to write to. */
static const struct {
	int minder_fd;
	bool writes;
} pipes[] = {
    [EXEC_IN] = {0, true},
    [EXEC_OUT] = {1, false},
    [EXEC_ERR] = {2, false},
    [EXEC_PROGRESS] = {EXEC_PROGRESS_FD, false},
};
#define PIPES (sizeof(pipes) / sizeof(pipes[0]))

/* The end that goes to the minder, above all that it will be. 0 or errno. */
static int move_away(int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FDS_MIN);
	int reason = moved < 0 ? errno : 0;

	close(*fd);
	*fd = moved;
	return reason;
}

static int open_pipe(bool writes, int *ours, int *theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	*ours = fds[writes ? 1 : 0];
	*theirs = fds[writes ? 0 : 1];
	if (fcntl(*ours, F_SETFL, O_NONBLOCK) != 0)
		return errno;
	return move_away(theirs);
}

static int open_socket(int *ours, int *theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return errno;
	*ours = fds[0];
	*theirs = fds[1];
	return move_away(theirs);
}

int exec_open_ports(struct exec_call *call, int theirs[EXEC_PORTS])
{
	for (size_t i = 0; i < EXEC_PORTS; i++)
		theirs[i] = -1;
	int reason =
	    open_socket(&call->ports[EXEC_CONTROL].fd, &theirs[EXEC_CONTROL]);

	for (size_t i = 0; i < PIPES && reason == 0; i++)
		reason =
		    open_pipe(pipes[i].writes, &call->ports[i].fd, &theirs[i]);
	return reason;
}

/* The minder's arguments; the caller frees the array, `own` has the texts. */
static const char **arguments(
    const char *work, const struct upstream_exec *exec, struct buf *own)
{
	size_t n = 0;

	while (exec->argv[n])
		n++;
	const char **argv = calloc(n + 6, sizeof(*argv));
	if (!argv)
		abort();
	buf_printf(own, "%lld,%lld,%lld,%lld,%lld", (long long)exec->stop_ms,
	    (long long)exec->memory, (long long)exec->cpu_ms,
	    (long long)exec->disk, (long long)exec->processes);
	argv[0] = "lowtide-minder";
	argv[1] = EXEC_MINDER;
	argv[2] = work;
	argv[3] = own->data;
	argv[4] = exec->path;
	for (size_t i = 0; i < n; i++)
		argv[5 + i] = exec->argv[i];
	return argv;
}

/* Nothing of ours but those descriptors: no memory, no mask, no handlers. */
int exec_start_minder(
    const char *work, struct exec_call *call, const int theirs[EXEC_PORTS])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	struct buf own = {0};
	sigset_t none, all;
	const char **argv = arguments(work, call->exec, &own);

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	for (size_t i = 0; i < PIPES; i++)
		posix_spawn_file_actions_adddup2(
		    &actions, theirs[i], pipes[i].minder_fd);
	posix_spawn_file_actions_adddup2(
	    &actions, theirs[EXEC_CONTROL], EXEC_CONTROL_FD);
	/* its arguments are not const for historical reasons only */
	int reason =
	    posix_spawn(&call->minder, "/proc/self/exe", &actions, &attributes,
		(char **)(uintptr_t)argv, (char **)(uintptr_t)call->exec->envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(argv);
	buf_release(&own);
	if (reason != 0)
		call->minder = 0;
	return reason;
}
