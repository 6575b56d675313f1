#include "cgi/upstream/minder-parts.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Who descends from this process, by what /proc says of everybody's parent. A
 * minder is the reaper of all that the program leaves behind, so whatever the
 * program does (a session of its own, two forks), it stays a descendant.
 *
 * One look is not enough while they fork: whoever wants them all gone looks
 * again until there are no children any more.
 */
struct process {
	pid_t pid, parent;
	long threads;
	uid_t user;
	bool ours;
};
struct processes {
	struct process *items;
	size_t n, room;
};

/* "PID (any bytes) S PPID …", its threads 16 fields behind that. */
static bool parse(const char *text, struct process *p)
{
	const char *at = strrchr(text, ')');
	int parent;

	if (!at || sscanf(at,
		       ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
		       "%*d %*d %*d %*d %ld",
		       &parent, &p->threads) != 2)
		return false;
	p->parent = parent;
	return true;
}

static bool read_process(pid_t pid, struct process *p)
{
	char path[32], text[1024];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	bool known = n > 0 && fstat(fd, &st) == 0;
	close(fd);
	if (!known)
		return false;
	text[n] = '\0';
	p->pid = pid;
	p->user = st.st_uid;
	p->ours = false;
	return parse(text, p);
}

static void add(struct processes *all, const struct process *p)
{
	if (all->n == all->room) {
		all->room = all->room ? 2 * all->room : 256;
		all->items =
		    realloc(all->items, all->room * sizeof(*all->items));
		if (!all->items)
			abort();
	}
	all->items[all->n++] = *p;
}

static void read_all(struct processes *all)
{
	DIR *dir = opendir("/proc");
	struct process p;

	*all = (struct processes){0};
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    read_process((pid_t)atoi(e->d_name), &p))
			add(all, &p);
	if (dir)
		closedir(dir);
}

static bool is_ours(const struct processes *all, pid_t pid)
{
	if (pid == getpid())
		return true;
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].pid == pid)
			return all->items[i].ours;
	return false;
}

static void mark_ours(struct processes *all)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < all->n; i++) {
			struct process *p = &all->items[i];
			if (p->ours || !is_ours(all, p->parent))
				continue;
			p->ours = more = true;
		}
	}
}

/* Its number may be another's by now: then it has another parent. */
static void kill_one(const struct process *p)
{
	struct process now;
	int fd = pidfd_open(p->pid, 0);

	if (fd < 0)
		return;
	if (read_process(p->pid, &now) &&
	    (now.parent == p->parent || now.parent == getpid()))
		(void)!pidfd_send_signal(fd, SIGKILL, NULL, 0);
	close(fd);
}

void minder_kill_family(void)
{
	struct processes all;

	read_all(&all);
	mark_ours(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.items[i].ours)
			kill_one(&all.items[i]);
	free(all.items);
}

size_t minder_count_tasks(void)
{
	struct processes all;
	size_t n = 0;

	read_all(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.items[i].user == geteuid() && all.items[i].threads > 0)
			n += (size_t)all.items[i].threads;
	free(all.items);
	return n;
}
