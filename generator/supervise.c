#include "generator/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * One thread and one descriptor: every signal, SIGCHLD too, is blocked and read
 * from a signalfd, so no handler interrupts anything. A child is killed
 * as a group while it is still a zombie, since its number may be another's once
 * it was reaped.
 */
#define LOG_TAIL 4096 /* bytes of a dead child's log that are looked at */
#define WORDS_MAX 400 /* bytes of its last words that are told */
#define START_FAILED 127

enum err supervise_init(struct supervisor *s, struct diag *diag)
{
	sigset_t set;

	*s = (struct supervisor){.signal_fd = -1, .also_fd = -1};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &s->before) == 0)
		s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd >= 0)
		return ERR_OK;
	diag_error(diag, POS_NONE, "io-error", "signalfd: %s", strerror(errno));
	return ERR_IO;
}

static int open_or(int fd, const char *path, int flags)
{
	return fd >= 0 ? fd : open(path, flags | O_CLOEXEC, 0600);
}

bool supervise_become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setgid(SUPERVISE_NOBODY) == 0 &&
	       setuid(SUPERVISE_NOBODY) == 0;
}

/*
 * Between fork and exec: only what may be called there. Whatever fails is
 * told through the pipe as errno, which closes by itself when exec succeeds.
 */
static void become(const struct supervisor *s, const struct child *c,
    char *const *env, pid_t parent, int in, int log, int report)
{
	int out = c->stdout_fd >= 0 ? c->stdout_fd : log;

	if (setpgid(0, 0) != 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(log, 2) < 0 || (c->cwd && chdir(c->cwd) != 0) ||
	    (c->as_nobody && !supervise_become_nobody()))
		goto failed;
	/* after the change of user, which would clear it */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		goto failed;
	if (getppid() != parent)
		_exit(START_FAILED);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	/* execve's arguments are not const for historical reasons only */
	execve(c->argv[0], (char **)(uintptr_t)c->argv, env);
failed:;
	int reason = errno;
	if (write(report, &reason, sizeof(reason)) < 0)
		_exit(START_FAILED);
	_exit(START_FAILED);
}

/* Our environment with the child's own in front; the first of a name counts. */
static char **environment(const struct child *c)
{
	size_t n = 0, extra = 0;

	while (environ[n])
		n++;
	while (c->extra && c->extra[extra])
		extra++;
	char **env = calloc(n + extra + 1, sizeof(*env));
	if (!env)
		abort();
	for (size_t i = 0; i < extra; i++)
		env[i] = (char *)(uintptr_t)c->extra[i];
	size_t at = extra;
	for (size_t i = 0; i < n; i++) {
		size_t name = strcspn(environ[i], "=") + 1;
		bool replaced = false;
		for (size_t k = 0; k < extra && !replaced; k++)
			replaced = strncmp(environ[i], env[k], name) == 0;
		if (!replaced)
			env[at++] = environ[i];
	}
	return env;
}

static enum err launch(struct supervisor *s, struct child *c, struct diag *diag)
{
	int report[2] = {-1, -1}, in = -1, log = -1, reason = 0;
	pid_t self = getpid();

	in = open_or(c->stdin_fd, "/dev/null", O_RDONLY);
	/* as root the folder is nobody's, who might have put a link there */
	log = c->log
		  ? open(c->log,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
			0600)
		  : 2;
	if (in < 0 || log < 0 || pipe2(report, O_CLOEXEC) != 0) {
		reason = errno;
		goto done;
	}
	off_t end = c->log ? lseek(log, 0, SEEK_END) : 0;
	c->log_from = end > 0 ? end : 0;
	char **env = environment(c);
	c->pid = fork();
	if (c->pid == 0)
		become(s, c, env, self, in, log, report[1]);
	reason = c->pid < 0 ? errno : 0;
	free(env);
	close(report[1]);
	report[1] = -1;
	if (reason == 0 &&
	    read(report[0], &reason, sizeof(reason)) == sizeof(reason)) {
		waitpid(c->pid, NULL, 0);
		c->pid = 0;
	}
	c->started_ms = clock_monotonic_ms();
done:
	for (int i = 0; i < 2; i++)
		if (report[i] >= 0)
			close(report[i]);
	if (in >= 0 && in != c->stdin_fd)
		close(in);
	if (log > 2)
		close(log);
	if (reason == 0)
		return ERR_OK;
	c->pid = 0;
	diag_error(diag, POS_NONE, "cannot-start",
	    "%s (%s) cannot be started: %s", c->name, c->argv[0],
	    strerror(reason));
	return ERR_MISSING;
}

static bool is_known(const struct supervisor *s, const struct child *child)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->children[i] == child)
			return true;
	return false;
}

enum err supervise_start(
    struct supervisor *s, struct child *child, struct diag *diag)
{
	bool known = is_known(s, child); /* and had ended */

	if (!known && s->n == SUPERVISE_MAX) {
		diag_error(diag, POS_NONE, "too-many-programs",
		    "`lowtide serve` runs at most %d programs; remove some "
		    "of [serve.run]",
		    SUPERVISE_MAX);
		return ERR_TOO_LARGE;
	}
	child->delay_ms = SUPERVISE_RESTART_MS;
	enum err err = launch(s, child, diag);
	if (err == ERR_OK && !known)
		s->children[s->n++] = child;
	return err;
}

/*
 * A line that says why: not of a stack or of an error's members, which are
 * indented and end in a brace, nor the version that node ends with.
 */
static bool says_why(struct str line)
{
	return line.n && !strchr(" \t\r}", line.p[0]) &&
	       !str_starts(line, "Node.js v");
}

struct str supervise_last_words(struct arena *a, const struct child *c)
{
	char room[LOG_TAIL];
	int fd = c->log ? open(c->log, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct str last = {0};

	if (fd < 0)
		return last;
	off_t from_end = lseek(fd, 0, SEEK_END) - LOG_TAIL;
	ssize_t n = pread(fd, room, sizeof(room),
	    from_end > c->log_from ? from_end : c->log_from);
	close(fd);
	struct str text =
	    str_trim((struct str){.p = room, .n = n > 0 ? (size_t)n : 0});
	for (size_t to = text.n, from; to > 0; to = from ? from - 1 : 0) {
		from = to;
		while (from > 0 && text.p[from - 1] != '\n')
			from--;
		struct str line = str_slice(text, from, to);
		if (!last.n)
			last = line;
		if (says_why(line))
			return arena_str(a, str_slice(line, 0, WORDS_MAX));
	}
	return arena_str(a, str_slice(last, 0, WORDS_MAX));
}

static void report_death(const struct child *c, struct diag *diag)
{
	struct arena arena = {0};
	bool killed = WIFSIGNALED(c->status);
	/* whoever was killed said nothing of it */
	struct str line =
	    killed ? (struct str){0} : supervise_last_words(&arena, c);

	diag_warn(diag, POS_NONE, "child-died",
	    "%s (process %d) ended with %s %d%s%.*s; it is started again",
	    c->name, (int)c->pid, killed ? "signal" : "status",
	    killed ? WTERMSIG(c->status) : WEXITSTATUS(c->status),
	    line.n ? ", its last words: " : "", STR_ARG(line));
	arena_release(&arena);
}

/*
 * True once the child has ended; then nothing of its process group is left
 * (nginx's workers outlive a killed master and keep its port). The group is
 * killed while the child is still a zombie and so holds its number.
 */
static bool has_ended(struct child *c)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		0 &&
	    info.si_pid == 0)
		return false;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, &c->status, 0);
	return true;
}

static void reap(struct supervisor *s, struct diag *diag)
{
	int64_t now = clock_monotonic_ms();

	for (size_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];
		if (c->pid == 0 || !has_ended(c))
			continue;
		if (c->restart && c->renew_ms) {
			c->restart_ms = now;
		} else if (c->restart) {
			report_death(c, diag);
			if (now - c->started_ms > SUPERVISE_CALM_MS)
				c->delay_ms = SUPERVISE_RESTART_MS;
			c->restart_ms = now + c->delay_ms;
			c->delay_ms *= 2;
			if (c->delay_ms > SUPERVISE_RESTART_MAX_MS)
				c->delay_ms = SUPERVISE_RESTART_MAX_MS;
		}
		c->renew_ms = 0;
		c->pid = 0;
	}
}

static void sooner(int64_t *next, int64_t ms)
{
	if (*next < 0 || ms < *next)
		*next = ms;
}

/*
 * Starts again what is due and kills what was told to end and has not; returns
 * in how many ms the next of them is, or -1.
 */
static int restart_due(struct supervisor *s, struct diag *diag)
{
	int64_t now = clock_monotonic_ms(), next = -1;

	for (size_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];
		if (c->pid != 0 && c->renew_ms && c->renew_ms <= now)
			kill(-c->pid, SIGKILL);
		else if (c->pid != 0 && c->renew_ms)
			sooner(&next, c->renew_ms - now);
		if (c->pid != 0 || !c->restart)
			continue;
		if (c->restart_ms <= now && launch(s, c, diag) != ERR_OK)
			c->restart_ms = now + SUPERVISE_RESTART_MAX_MS;
		if (c->pid == 0)
			sooner(&next, c->restart_ms - now);
	}
	return (int)next;
}

/* True when one of the signals that end us was among those that arrived. */
static bool drain_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
		ends |= info.ssi_signo != SIGCHLD;
	return ends;
}

enum err supervise_wait(struct supervisor *s, int timeout_ms, struct diag *diag)
{
	struct pollfd p[] = {
	    {.fd = s->signal_fd, .events = POLLIN},
	    {.fd = s->also_fd, .events = POLLIN},
	};
	int next = s->stop ? -1 : restart_due(s, diag);

	if (s->stop)
		return ERR_CLOSED;
	if (next >= 0 && (timeout_ms < 0 || next < timeout_ms))
		timeout_ms = next;
	if (poll(p, 2, timeout_ms) > 0 && drain_signals(s))
		s->stop = true;
	if (s->stop)
		return ERR_CLOSED;
	reap(s, diag);
	return ERR_OK;
}

void supervise_renew(struct child *child, int grace_ms)
{
	if (child->pid == 0 || child->renew_ms)
		return;
	child->renew_ms = clock_monotonic_ms() + grace_ms;
	kill(child->pid, SIGTERM);
}

static bool gone(struct supervisor *s, struct child *c, int64_t until)
{
	struct pollfd p = {.fd = s->signal_fd, .events = POLLIN};

	for (;;) {
		if (has_ended(c))
			return true;
		int64_t left = until - clock_monotonic_ms();
		if (left <= 0)
			return false;
		if (poll(&p, 1, left > 100 ? 100 : (int)left) > 0 &&
		    drain_signals(s))
			return false;
	}
}

void supervise_stop(struct supervisor *s, int grace_ms)
{
	int64_t until = clock_monotonic_ms() + grace_ms;

	while (s->n > 0) {
		struct child *c = s->children[--s->n];
		if (c->pid == 0)
			continue;
		kill(c->pid, SIGTERM);
		if (!gone(s, c, until)) {
			kill(-c->pid, SIGKILL);
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &c->status, 0);
		}
		c->pid = 0;
	}
}

void supervise_release(struct supervisor *s)
{
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	*s = (struct supervisor){.signal_fd = -1, .also_fd = -1};
}
