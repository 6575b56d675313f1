#include "cgi/upstream/exec-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgi/upstream/exec-folder.h"
#include "cgi/upstream/minder-parts.h"
#include "lib/clock.h"

/*
 * A program's life, from without. It ends in one of these ways, and then all
 * that descends from it is killed and the folder goes:
 *
 *   the program ended, and so did all others of its family;
 *   the program ended, and the worker has its whole output (KILL);
 *   the program ended, and STOP later somebody of its family is still there;
 *   it was told to stop, and STOP later somebody is still there;
 *   the worker is gone: as told to stop.
 *
 * This process holds none of the program's descriptors while it runs, nor does
 * it wait for anything else than its end and the worker's word.
 */
#define ARGS_MIN 6
#define LOOK_AGAIN_MS 20 /* while they are killed: those who fork on */
/* At most, for those whom the program left behind with its output. */
#define LINGER_MS 5000

struct minder {
	struct minded what;
	const char *work;
	struct exec_folder folder;
	int signal_fd;
	pid_t pid; /* 0: it has ended and was reaped */
	bool alone, kills;
	int64_t end_ms; /* then all are killed; 0 = never */
};

bool minder_say(enum exec_word word, int value)
{
	const struct exec_said said = {.word = (int32_t)word, .value = value};

	return send(EXEC_CONTROL_FD, &said, sizeof(said), MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(said);
}

static bool read_numbers(char *text, struct minded *m)
{
	int64_t *const into[] = {
	    &m->stop_ms, &m->memory, &m->cpu_ms, &m->disk, &m->processes};
	const size_t n = sizeof(into) / sizeof(into[0]);

	for (size_t i = 0; i < n; i++) {
		errno = 0;
		*into[i] = strtoll(text, &text, 10);
		if (errno || *into[i] < 0 || *text++ != (i + 1 < n ? ',' : 0))
			return false;
	}
	return true;
}

/*
 * What the terminal or the service manager sends to everybody is not meant for
 * us: the worker says what is to be done, and that it is gone says it too.
 */
static int set_up_signals(void)
{
	static const int not_ours[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM,
	    SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};
	sigset_t set;

	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		signal(not_ours[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void close_others(void)
{
	const int first = EXEC_CONTROL_FD + 1;

	if (close_range((unsigned)first, ~0u, 0) == 0)
		return;
	for (int fd = first; fd < sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
}

static bool set_up(struct minder *m)
{
	prctl(PR_SET_NAME, "lowtide-minder");
	close_others();
	if (fcntl(EXEC_CONTROL_FD, F_SETFD, FD_CLOEXEC) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return false;
	m->signal_fd = set_up_signals();
	return m->signal_fd >= 0;
}

/* Its pipes must be nobody's but the program's. */
static void let_go(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i <= EXEC_PROGRESS_FD; i++)
		if (fd < 0 || dup2(fd, i) < 0)
			close(i);
	if (fd >= 0)
		close(fd);
}

/* False: it does not run, and was told. */
static bool start(struct minder *m)
{
	int reason = exec_folder_make(&m->folder, m->work);

	if (reason != 0) {
		minder_say(EXEC_NO_FOLDER, reason);
		return false;
	}
	if (!minder_say(EXEC_BEGUN, 0))
		return false;
	m->pid = minder_start(&m->what, m->folder.fd);
	if (m->pid > 0)
		return true;
	minder_say(errno == EAGAIN || errno == ENOMEM ? EXEC_NO_PROCESS
						      : EXEC_NO_PROGRAM,
	    errno);
	return false;
}

/* ---- its end ------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void end_within(struct minder *m, int64_t ms)
{
	const int64_t end_ms = clock_monotonic_ms() + ms;

	if (!m->end_ms || end_ms < m->end_ms)
		m->end_ms = end_ms;
}

/* Once reaped, the number of its group may be anybody's. */
static void stop(struct minder *m, int64_t ms)
{
	if (m->pid) {
		kill(-m->pid, SIGTERM);
		kill(-m->pid, SIGCONT);
	}
	end_within(m, ms);
}

static void listen_to_worker(struct minder *m)
{
	char c = 0;
	ssize_t n = recv(EXEC_CONTROL_FD, &c, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		m->alone = true;
		stop(m, least(m->what.stop_ms, EXEC_ALONE_MS));
	} else if (c == EXEC_TELL_STOP) {
		stop(m, m->what.stop_ms);
	} else if (c == EXEC_TELL_KILL) {
		m->kills = true;
	}
}

/* False: there is nobody left. */
static bool reap(struct minder *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != m->pid)
			continue;
		m->pid = 0;
		minder_say(EXEC_EXITED, status);
		end_within(m, least(m->what.stop_ms, LINGER_MS));
	}
	return pid == 0;
}

static int timeout_of(const struct minder *m)
{
	if (m->kills)
		return LOOK_AGAIN_MS;
	if (!m->end_ms)
		return -1;
	int64_t left = m->end_ms - clock_monotonic_ms();
	return left < 0 ? 0 : left < 60000 ? (int)left : 60000;
}

static void mind(struct minder *m)
{
	struct signalfd_siginfo info;

	while (reap(m)) {
		struct pollfd fds[] = {{.fd = m->signal_fd, .events = POLLIN},
		    {.fd = m->alone ? -1 : EXEC_CONTROL_FD, .events = POLLIN}};

		if (m->kills)
			minder_kill_family();
		if (poll(fds, 2, timeout_of(m)) < 0 && errno != EINTR)
			m->kills = true;
		while (read(m->signal_fd, &info, sizeof(info)) > 0)
			continue;
		if (fds[1].revents)
			listen_to_worker(m);
		if (m->end_ms && m->end_ms <= clock_monotonic_ms())
			m->kills = true;
	}
}

int exec_mind(int argc, char *argv[])
{
	struct minder m = {.folder = {.work = -1, .fd = -1}};

	if (argc < ARGS_MIN || !read_numbers(argv[3], &m.what)) {
		fprintf(stderr,
		    "%s is how lowtide-worker starts a program; "
		    "it is not for anybody else\n",
		    EXEC_MINDER);
		return err_exit(ERR_USAGE);
	}
	m.work = argv[2];
	m.what.path = argv[4];
	m.what.argv = argv + 5;
	if (!set_up(&m)) {
		minder_say(EXEC_NO_PROCESS, errno);
		_exit(err_exit(ERR_IO));
	}
	bool runs = start(&m);
	let_go();
	if (runs)
		mind(&m);
	exec_folder_remove(&m.folder);
	_exit(0);
}
