#include "cgi/upstream/minder-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Between fork and exec: only what may be called there. Whatever fails is told
 * through a pipe as errno, which closes by itself when exec succeeds.
 */
#define START_FAILED 127
#define FILES_MAX 256

/* Never more than we have ourselves. */
static int set_limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
		return -1;
	if (hard > now.rlim_max)
		hard = now.rlim_max;
	now.rlim_max = hard;
	now.rlim_cur = soft < hard ? soft : hard;
	return setrlimit((__rlimit_resource_t)resource, &now);
}

static int set_limits(const struct minded *m, size_t tasks)
{
	const rlim_t cpu = (rlim_t)((m->cpu_ms + 999) / 1000);
	const struct {
		int resource;
		bool set;
		rlim_t soft, hard;
	} rows[] = {
	    {RLIMIT_CORE, true, 0, 0},
	    {RLIMIT_NOFILE, true, FILES_MAX, FILES_MAX},
	    {RLIMIT_AS, m->memory > 0, (rlim_t)m->memory, (rlim_t)m->memory},
	    /* SIGXCPU first, so that it can say what it was at */
	    {RLIMIT_CPU, m->cpu_ms > 0, cpu, cpu + 1},
	    {RLIMIT_FSIZE, m->disk > 0, (rlim_t)m->disk, (rlim_t)m->disk},
	    /* the system counts the whole user's */
	    {RLIMIT_NPROC, m->processes > 0, tasks + (rlim_t)m->processes,
		tasks + (rlim_t)m->processes},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].set && set_limit(rows[i].resource, rows[i].soft,
				       rows[i].hard) != 0)
			return -1;
	return 0;
}

/* What is ignored stays so over exec; a handler of ours would not. */
static void reset_signals(void)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const struct minded *m, int folder_fd, size_t tasks,
    pid_t minder, int report)
{
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		goto failed;
	if (getppid() != minder)
		_exit(START_FAILED);
	umask(077);
	if (fchdir(folder_fd) != 0 || set_limits(m, tasks) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		goto failed;
	reset_signals();
	minder_say(EXEC_STARTED, getpid());
	execve(m->path, m->argv, environ);
failed:;
	int reason = errno;
	(void)!write(report, &reason, sizeof(reason));
	_exit(START_FAILED);
}

pid_t minder_start(const struct minded *m, int folder_fd)
{
	const pid_t self = getpid();
	const size_t tasks = m->processes > 0 ? minder_count_tasks() : 0;
	int report[2], reason = 0;

	if (pipe2(report, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		become(m, folder_fd, tasks, self, report[1]);
	if (pid < 0)
		reason = errno;
	close(report[1]);
	ssize_t n;
	do
		n = pid < 0 ? 0 : read(report[0], &reason, sizeof(reason));
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (!reason)
		return pid;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = reason;
	return -1;
}
