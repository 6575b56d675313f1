#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * For LD_PRELOAD in tests: breaks what a program asks of its files, at a call
 * that was chosen beforehand. Plain builds only, a sanitizer has wrappers of
 * its own. Reads three environment variables:
 *
 *	FAULT_PLAN   rules, parted by spaces:
 *	             PROGRAM:PATH:CALLS:N:ACTION
 *	               PROGRAM  name as in /proc/self/comm, or *
 *	               PATH     any part of the file's path
 *	               CALLS    write, sync, truncate, allocate, create,
 *	                        folder-sync, rename, link, mkdir, open (of what
 *	                        is there), time, read (of files and folders);
 *	                        several with commas
 *	               N        the N-th such call of this process, from 1
 *	               ACTION   an errno (ENOSPC, EIO, EDQUOT, EINVAL): it
 *	                        fails; with a + every one after it as well
 *	                        kill-before, kill-after: SIGKILL to ourselves
 *	                        stop: SIGSTOP; it goes on after SIGCONT
 *	                        see: nothing, it is only written down
 *	FAULT_LOG    a line for each call that a rule took, as it happens:
 *	             PID PROGRAM CALL PATH ACTION
 *	FAULT_STATE  a folder. `hit-I` is made when rule I (from 0) strikes, in
 *	             whatever process: it strikes once in all, and one with +
 *	             from then on, also in the next process. While there is a
 *	             file `off`, nothing happens and nothing is counted.
 *
 * What is written through a mapping (SQLite's -shm) does not pass here.
 */
#define EXPORT __attribute__((visibility("default")))
#define RULES_MAX 64

enum calls {
	WRITE = 1,
	SYNC = 2,
	TRUNCATE = 4,
	ALLOCATE = 8,
	CREATE = 16,
	FOLDER_SYNC = 32,
	RENAME = 64,
	LINK = 128,
	MKDIR = 256,
	OPEN = 512,
	TIME = 1024,
	READ = 2048,
};
static const struct {
	const char *name;
	unsigned bit;
} call_names[] = {
    {"write", WRITE},
    {"sync", SYNC},
    {"truncate", TRUNCATE},
    {"allocate", ALLOCATE},
    {"create", CREATE},
    {"folder-sync", FOLDER_SYNC},
    {"rename", RENAME},
    {"link", LINK},
    {"mkdir", MKDIR},
    {"open", OPEN},
    {"time", TIME},
    {"read", READ},
};
#define N_CALLS (sizeof(call_names) / sizeof(call_names[0]))

enum act { FAIL, KILL_BEFORE, KILL_AFTER, STOP, SEE };
static const struct {
	const char *name;
	enum act act;
	int error;
} acts[] = {
    {"ENOSPC", FAIL, ENOSPC},
    {"EIO", FAIL, EIO},
    {"EDQUOT", FAIL, EDQUOT},
    {"EINVAL", FAIL, EINVAL},
    {"kill-before", KILL_BEFORE, 0},
    {"kill-after", KILL_AFTER, 0},
    {"stop", STOP, 0},
    {"see", SEE, 0},
};

static struct rule {
	char path[128];
	unsigned calls;
	long n;
	const char *text;
	enum act act;
	int error;
	bool on;
	atomic_long seen;
} rules[RULES_MAX];
static size_t n_rules;
static char state[PATH_MAX], program[64];
static int log_fd = -1;

static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}
/* The function behind ours, of its own type. */
#define NEXT(name)                                                             \
	static __typeof__(&name) real;                                         \
	if (!real)                                                             \
	*(void **)&real = next(#name)

static void bad_plan(const char *rule)
{
	dprintf(2, "shim: cannot read the rule %s\n", rule);
	_exit(99);
}

static void read_rule(char *text)
{
	char *field[5], *whole = strdup(text), *rest = text;
	struct rule *r = &rules[n_rules];

	for (int i = 0; i < 5; i++) {
		field[i] = strsep(&rest, ":");
		if (!field[i])
			bad_plan(whole);
	}
	if (n_rules == RULES_MAX || rest)
		bad_plan(whole);
	/* another program's rule keeps its number, and counts nothing */
	n_rules++;
	if (strcmp(field[0], "*") != 0 && strncmp(field[0], program, 15) != 0)
		return;
	snprintf(r->path, sizeof(r->path), "%s", field[1]);
	for (char *c; (c = strsep(&field[2], ","));)
		for (size_t i = 0; i < N_CALLS; i++)
			if (strcmp(c, call_names[i].name) == 0)
				r->calls |= call_names[i].bit;
	r->n = atol(field[3]);
	size_t n = strlen(field[4]);
	r->on = n && field[4][n - 1] == '+';
	if (r->on)
		field[4][n - 1] = '\0';
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(field[4], acts[i].name) == 0) {
			r->text = acts[i].name;
			r->act = acts[i].act;
			r->error = acts[i].error;
		}
	if (!r->text || !r->calls || (r->n < 1 && r->act != SEE))
		bad_plan(whole);
	free(whole);
}

__attribute__((constructor)) static void read_plan(void)
{
	const char *plan = getenv("FAULT_PLAN"), *dir = getenv("FAULT_STATE"),
		   *path = getenv("FAULT_LOG");

	snprintf(program, sizeof(program), "%s", program_invocation_short_name);
	program[15] = '\0'; /* as the kernel keeps it */
	if (!plan || !dir)
		return;
	snprintf(state, sizeof(state), "%s", dir);
	char *copy = strdup(plan), *rest = copy;
	for (char *rule; (rule = strsep(&rest, " "));)
		if (*rule)
			read_rule(rule);
	free(copy);
	if (path) {
		NEXT(open);
		log_fd =
		    real(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	}
}

static void note(const char *call, const char *path, const char *action)
{
	char line[PATH_MAX + 128];
	NEXT(write);
	int n = snprintf(line, sizeof(line), "%d %s %s %s %s\n", (int)getpid(),
	    program, call, path, action);

	if (log_fd >= 0)
		(void)!real(log_fd, line, (size_t)n);
}

static bool marked(const char *mark)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", state, mark);
	return access(path, F_OK) == 0;
}

/* False: somebody was first. */
static bool mark(const char *name)
{
	char path[PATH_MAX + 32];
	NEXT(open);

	snprintf(path, sizeof(path), "%s/%s", state, name);
	int fd = real(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool strikes(struct rule *r, const char *name)
{
	long seen = atomic_fetch_add(&r->seen, 1) + 1;

	if (r->act == SEE)
		return true;
	if (r->on && marked(name))
		return true;
	return seen == r->n && mark(name);
}

/*
 * Before each call. Returns an errno to fail with, or 0; *kill_after asks for
 * the end once the call is done.
 */
static int before(
    enum calls what, const char *call, const char *path, bool *kill_after)
{
	*kill_after = false;
	for (size_t i = 0; i < n_rules; i++) {
		struct rule *r = &rules[i];
		char name[32];

		if (!(r->calls & what) || !strstr(path, r->path) ||
		    marked("off"))
			continue;
		snprintf(name, sizeof(name), "hit-%zu", i);
		if (!strikes(r, name))
			continue;
		note(call, path, r->text);
		if (r->act == FAIL)
			return r->error;
		if (r->act == KILL_BEFORE)
			kill(getpid(), SIGKILL);
		if (r->act == STOP)
			kill(getpid(), SIGSTOP);
		*kill_after |= r->act == KILL_AFTER;
	}
	return 0;
}

static int before_fd(enum calls what, const char *call, int fd, bool *after)
{
	char link[64], path[PATH_MAX];
	struct stat st;
	const int reason = errno;
	int error = 0;

	*after = false;
	/* sockets, pipes, descriptors of the kernel: not ours to break */
	if (n_rules && fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) ||
		(S_ISDIR(st.st_mode) && what & (SYNC | READ)))) {
		if (S_ISDIR(st.st_mode) && what == SYNC)
			what = FOLDER_SYNC;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = '\0';
		error = before(what, call, path, after);
	}
	errno = error ? error : reason;
	return error;
}

static void die_if(bool wanted)
{
	if (wanted)
		kill(getpid(), SIGKILL);
}

/* Each wrapper alike: ask, call, and die where that was asked for. */
#define WRAP(type, name, what, failed, params, args)                           \
	EXPORT type name params                                                \
	{                                                                      \
		NEXT(name);                                                    \
		bool after;                                                    \
		if (before_fd(what, #name, fd, &after))                        \
			return failed;                                         \
		type got = real args;                                          \
		die_if(after);                                                 \
		return got;                                                    \
	}

WRAP(ssize_t, write, WRITE, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pwrite, WRITE, -1, (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
WRAP(ssize_t, pwrite64, WRITE, -1,
    (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP(ssize_t, writev, WRITE, -1, (int fd, const struct iovec *v, int n),
    (fd, v, n))
WRAP(ssize_t, pwritev, WRITE, -1,
    (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
WRAP(ssize_t, read, READ, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pread, READ, -1, (int fd, void *p, size_t n, off_t at),
    (fd, p, n, at))
WRAP(int, fsync, SYNC, -1, (int fd), (fd))
WRAP(int, fdatasync, SYNC, -1, (int fd), (fd))
WRAP(int, syncfs, SYNC, -1, (int fd), (fd))
WRAP(int, futimens, TIME, -1, (int fd, const struct timespec t[2]), (fd, t))
WRAP(int, ftruncate, TRUNCATE, -1, (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, TRUNCATE, -1, (int fd, off64_t size), (fd, size))
WRAP(int, fallocate, ALLOCATE, -1, (int fd, int mode, off_t at, off_t n),
    (fd, mode, at, n))
WRAP(int, fallocate64, ALLOCATE, -1, (int fd, int mode, off64_t at, off64_t n),
    (fd, mode, at, n))
/* these two return the error instead of setting it */
WRAP(int, posix_fallocate, ALLOCATE, errno, (int fd, off_t at, off_t n),
    (fd, at, n))
WRAP(int, posix_fallocate64, ALLOCATE, errno, (int fd, off64_t at, off64_t n),
    (fd, at, n))

EXPORT struct dirent *readdir(DIR *dir)
{
	NEXT(readdir);
	bool after;
	if (before_fd(READ, "readdir", dirfd(dir), &after))
		return NULL;
	struct dirent *got = real(dir);
	die_if(after);
	return got;
}

/* Those that have a name instead of a descriptor. */
#define WRAP_NAME(name, what, path, params, args)                              \
	EXPORT int name params                                                 \
	{                                                                      \
		NEXT(name);                                                    \
		bool after = false;                                            \
		int error = n_rules ? before(what, #name, path, &after) : 0;   \
		if (error) {                                                   \
			errno = error;                                         \
			return -1;                                             \
		}                                                              \
		int got = real args;                                           \
		die_if(after);                                                 \
		return got;                                                    \
	}
WRAP_NAME(rename, RENAME, to, (const char *from, const char *to), (from, to))
WRAP_NAME(renameat2, RENAME, to,
    (int a, const char *from, int b, const char *to, unsigned flags),
    (a, from, b, to, flags))
WRAP_NAME(linkat, LINK, to,
    (int a, const char *from, int b, const char *to, int flags),
    (a, from, b, to, flags))
WRAP_NAME(mkdir, MKDIR, path, (const char *path, mode_t mode), (path, mode))
WRAP_NAME(mkdirat, MKDIR, path, (int at, const char *path, mode_t mode),
    (at, path, mode))

/* Where it makes a file, and where it does not. */
#define WRAP_OPEN(name, params, args)                                          \
	EXPORT int name params                                                 \
	{                                                                      \
		NEXT(name);                                                    \
		mode_t mode = 0;                                               \
		bool after = false;                                            \
		if (flags & O_CREAT) {                                         \
			va_list list;                                          \
			va_start(list, flags);                                 \
			mode = va_arg(list, mode_t);                           \
			va_end(list);                                          \
		}                                                              \
		if (n_rules &&                                                 \
		    (!(flags & O_CREAT) || access(path, F_OK) != 0)) {         \
			int error = before(flags & O_CREAT ? CREATE : OPEN,    \
			    #name, path, &after);                              \
			if (error) {                                           \
				errno = error;                                 \
				return -1;                                     \
			}                                                      \
		}                                                              \
		int got = real args;                                           \
		die_if(after);                                                 \
		return got;                                                    \
	}
WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))
WRAP_OPEN(openat64, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))
